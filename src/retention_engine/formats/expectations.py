"""What rules are expected to say of a history: at an instant, or for a span of time.

```text
at 2026-04-05: watch, act by 2026-04-05
from 14d until 44d: watch
from 44d: at-risk
```

There is one clock: `14d` is 14 days after the example's start, wherever it stands.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import attrs

from ..findings import Health
from ..moments import InstantError, duration, instant
from .words import day

START = instant("2026-01-01")
"""What `0d` is, unless something else is said."""

NOTHING = "nothing"
_ACT = "act by "
_ELAPSED = re.compile(r"\d+\s*[A-Za-z]+", re.ASCII)
_DURING = re.compile(r"from (?P<starts>\S.*?)(?: until (?P<until>\S.*))?")
_NEXT_UNIT = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


def elapsed(text: str) -> bool:
    """Whether a text is meant as a span of time since the start, such as `14d`."""
    return _ELAPSED.fullmatch(text) is not None


def since_start(moment: datetime, start: datetime) -> str:
    """An instant as the time elapsed since the start, in the largest unit that fits: `14d`, `36h`; else as a date."""
    span = moment - start
    for unit, size in _NEXT_UNIT:
        if span >= timedelta(0) and span % size == timedelta(0):
            return f"{span // size}{unit}"
    return day(moment)


@attrs.define
class Times:
    """Reads the instants of one example: dates, or spans of time since its start.

    Attributes:
        start: what `0d` is; `START` where nothing is said, and then dates and spans can't stand side by side.
    """

    start: datetime | None = None
    _date: str = attrs.field(default="", init=False)
    _span: str = attrs.field(default="", init=False)

    @property
    def zero(self) -> datetime:
        """The instant that `0d` stands for."""
        return self.start or START

    @property
    def relative(self) -> bool:
        """Whether anything so far was told as a span since the start."""
        return bool(self._span)

    def written(self, moment: datetime) -> str:
        """An instant as this example writes them: as a time since the start, or as a date."""
        return since_start(moment, self.zero) if self.relative else day(moment)

    def read(self, text: str) -> datetime:
        """The instant that a text gives.

        Raises:
            ValueError: it gives none.
        """
        if elapsed(text):
            moment = self.zero + duration(text)
            self._span = self._span or text
        else:
            try:
                moment = instant(text)
            except InstantError as error:
                hint = ", or 14d for 14 days after the start" if error.code == "bad-time" else ""
                raise InstantError(error.code, f"{error}{hint}") from None
            self._date = self._date or text
        return moment

    def check(self) -> None:
        """Refuse what can't be told: how many days lie between a date and an unknown start.

        Raises:
            ValueError: there are dates and spans, and no start.
        """
        if self.start is None and self._date and self._span:
            raise ValueError(f"has dates ({self._date}) and times since a start ({self._span}); write one or the other")


Write = Callable[[datetime], str]
"""How an instant is written: as a date, or as the time since a start."""


@attrs.frozen
class Expectation:
    """What a rule is to say at an instant.

    Attributes:
        at: the instant.
        levels: the levels in force, worst first.
        due: when the actions that are due by then fell due, in order.
    """

    at: datetime
    levels: tuple[Health, ...]
    due: tuple[datetime, ...]

    def said(self, write: Write = day) -> str:
        """What is said, without the instant."""
        return ", ".join([*map(str, self.levels), *(f"{_ACT}{write(due)}" for due in self.due)]) or NOTHING

    def when(self, write: Write = day) -> str:
        """The instant."""
        return f"at {write(self.at)}"

    def __str__(self) -> str:
        return f"{self.when()}: {self.said()}"


@attrs.frozen
class During:
    """Which levels are in force from exactly an instant until just before another.

    What is no concern (`nothing`, `healthy`) need only hold all the while, wherever it begins and ends.

    Attributes:
        starts: from when.
        until: until just before when; `None` for as long as nothing else happens.
        levels: the levels in force, worst first.
    """

    starts: datetime
    until: datetime | None
    levels: tuple[Health, ...]

    def said(self, write: Write = day) -> str:  # noqa: ARG002 - like `Expectation.said`
        """What is said, without the span."""
        return ", ".join(map(str, self.levels)) or NOTHING

    def when(self, write: Write = day) -> str:
        """The span of time."""
        return f"from {write(self.starts)}" + (f" until {write(self.until)}" if self.until is not None else "")

    def __str__(self) -> str:
        return f"{self.when()}: {self.said()}"

    @property
    def is_well(self) -> bool:
        """Whether there is nothing of concern."""
        return not any(self.levels)

    def overlaps(self, other: "During") -> bool:
        """Whether there is an instant in both spans."""
        return (self.until is None or other.starts < self.until) and (other.until is None or self.starts < other.until)


def spells_of(wanted: During, course: Iterable[During]) -> list[During]:
    """What a course of spells, in order, has in a span."""
    return [spell for spell in course if spell.overlaps(wanted)]


def holds(wanted: During, course: Iterable[During]) -> bool:
    """Whether it came as expected in a span."""
    if wanted.is_well:
        return all(spell.levels == wanted.levels for spell in spells_of(wanted, course))
    return wanted in course


def read_line(line: str, times: Times) -> Expectation | During:
    """What is expected, from a line such as `at 14d: watch` or `from 14d until 44d: watch`.

    Raises:
        ValueError: the line can't be read.
    """
    when, colon, said = line.partition(": ")
    if not colon or not said or (when.startswith("at ") and " " in when[3:] and not elapsed(when[3:])):
        raise ValueError("write 'at DATE: LEVEL', 'at DATE: act by DATE', or 'at DATE: nothing'")
    return read_expected(when.removeprefix("at "), said, times)


def read_expected(when: str, said: str, times: Times) -> Expectation | During:
    """What is expected, from an instant or a span (`14d`, `from 14d until 44d`) and what is to be said.

    Raises:
        ValueError: a part can't be read.
    """
    parts = [] if said == NOTHING else said.split(", ")
    due = tuple(sorted(times.read(part.removeprefix(_ACT)) for part in parts if part.startswith(_ACT)))
    levels = tuple(sorted((level_of(part) for part in parts if not part.startswith(_ACT)), reverse=True))
    moment = read_when(when, times)
    if isinstance(moment, datetime):
        return Expectation(moment, levels, due)
    if due:
        raise ValueError("which actions are due changes within a span; say it at an instant")
    return During(*moment, levels)


def read_when(text: str, times: Times) -> datetime | tuple[datetime, datetime | None]:
    """An instant, or where a span begins and ends.

    Raises:
        ValueError: it is neither.
    """
    match = _DURING.fullmatch(text)
    if match is None:
        return times.read(text)
    starts = times.read(match["starts"])
    until = None if match["until"] is None else times.read(match["until"])
    times.check()  # else it might seem to end before it begins
    if until is not None and until <= starts:
        raise ValueError(f"{text!r} ends before it begins; write 'from 14d until 44d'")
    return starts, until


def level_of(word: str) -> Health:
    """A level that rules state.

    Raises:
        ValueError: the word names none.
    """
    level = Health.named(word)
    if level is Health.HEALTHY:
        raise ValueError(f"{word!r} is what a client is without a concern; write {NOTHING!r}")
    return level
