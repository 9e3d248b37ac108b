"""What a rule states, as values that a test compares and that print as they are written: `at_risk(since="2026-01-31")`.

What an expectation leaves out is not compared. What a rule states knows everything, and prints what it was compared by.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Final, Literal

import attrs

from ..errors import RuleError
from ..events import Event
from ..findings import Action, Finding, Health
from ..moments import instant
from .happenings import Moment
from .writing import date_text, event_code, quoted, same_content


class _Unsaid(Enum):
    """Stands for what an expectation leaves open."""

    UNSAID = "unsaid"


UNSAID: Final = _Unsaid.UNSAID

Unsaid = Literal[_Unsaid.UNSAID]
Cited = str | Event
"""An event that is cited: by its id, by its place (`#1`), or as the event itself."""

NAMES = {
    Health.UNKNOWN: "unknown",
    Health.WATCH: "watch",
    Health.AT_RISK: "at_risk",
    Health.CRITICAL: "critical",
    Health.LEFT: "has_left",
}
"""What expects a level, by level."""


@attrs.frozen(eq=False, repr=False, kw_only=True)
class StatedConcern:
    """A concern: what a rule states, or what a test expects of it; `unknown` to `has_left` make one.

    Attributes:
        level: the level.
        since: from when.
        until: until just before when; `None` for ever.
        about: what it is about.
        because: the events that it cites.
        message: what it says.
        asked: what it was compared by or differed in, besides level and span; for an expectation, what it speaks of.
    """

    compared: ClassVar[tuple[str, ...]] = ("level", "since", "until")
    left_open: ClassVar[tuple[str, ...]] = ("about", "because", "message")

    level: Health
    since: datetime
    until: datetime | None = None
    about: str | Unsaid | None = UNSAID
    because: tuple[Cited, ...] | Unsaid = UNSAID
    message: str | Unsaid | None = UNSAID
    asked: set[str] = attrs.field(factory=set)

    def __eq__(self, other: object) -> bool:
        return _are_equal(self, other)

    def __hash__(self) -> int:
        return hash((self.level, self.since, self.until))

    def __repr__(self) -> str:
        name = NAMES.get(self.level)  # a rule may state that health is healthy at best, which means nothing
        return f"{name}({_arguments(self)})" if name else f"<{self.level}({_arguments(self)})>"

    @property
    def starts(self) -> datetime:
        """When it begins."""
        return self.since


@attrs.frozen(eq=False, repr=False, kw_only=True)
class StatedAction:
    """An action: what a rule recommends, or what a test expects of it; `act` makes one.

    Attributes:
        due: by when.
        about: what it is about.
        because: the events that it cites.
        message: what is to be done.
        client: for whom, where a rule about the whole book recommends it.
        asked: what it was compared by or differed in, besides when; for an expectation, what it speaks of.
    """

    compared: ClassVar[tuple[str, ...]] = ("due",)
    left_open: ClassVar[tuple[str, ...]] = ("client", "about", "because", "message")

    due: datetime
    client: str | Unsaid = UNSAID
    about: str | Unsaid | None = UNSAID
    because: tuple[Cited, ...] | Unsaid = UNSAID
    message: str | Unsaid = UNSAID
    asked: set[str] = attrs.field(factory=set)

    def __eq__(self, other: object) -> bool:
        return _are_equal(self, other)

    def __hash__(self) -> int:
        return hash(self.due)

    def __repr__(self) -> str:
        return f"act({_arguments(self)})"

    @property
    def starts(self) -> datetime:
        """When it is due."""
        return self.due


Stated = StatedConcern | StatedAction
"""A concern or an action, stated by a rule or expected by a test."""


def differences(one: Stated, other: object) -> list[str]:
    """What two of a kind differ in, of what both say; the class where they are not of a kind."""
    if not isinstance(other, StatedConcern | StatedAction) or type(one) is not type(other):
        return ["what it is"]
    for name in one.left_open:
        said = getattr(one, name), getattr(other, name)
        if UNSAID not in said and (name in one.asked | other.asked or not _agree(*said)):
            one.asked.add(name)
            other.asked.add(name)
    names = (*one.compared, *one.left_open)
    return [name for name in names if not _agree(getattr(one, name), getattr(other, name))]


def _are_equal(one: Stated, other: object) -> bool:
    return not differences(one, other) if isinstance(other, StatedConcern | StatedAction) else NotImplemented


def _agree(one: object, other: object) -> bool:
    if one is UNSAID or other is UNSAID:
        return True
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_is_same_event, one, other))
    return one == other


def _is_same_event(one: Cited, other: Cited) -> bool:
    if isinstance(one, Event) and isinstance(other, Event):
        return same_content(one, other)
    return _ref(one) == _ref(other)


def _ref(cited: Cited) -> str:
    return cited.ref if isinstance(cited, Event) else cited


def _arguments(value: Stated) -> str:
    """What it was made of, but for what a rule's statement was never asked for."""
    said = []
    if isinstance(value, StatedConcern):
        said.append(f"since={quoted(date_text(value.since))}")
        if value.until is not None:
            said.append(f"until={quoted(date_text(value.until))}")
    else:
        said.append(f"due={quoted(date_text(value.due))}")
        if value.client is not UNSAID:
            said.append(f"client={quoted(value.client)}")  # a book has many
    if value.about is not UNSAID and (value.about is not None or "about" in value.asked):
        said.append(f"about={quoted(value.about)}")
    if value.because is not UNSAID and "because" in value.asked:
        said.append(f"because=[{', '.join(map(_cited_code, value.because))}]")
    if value.message is not UNSAID and "message" in value.asked:
        said.append(f"message={quoted(value.message)}")
    return ", ".join(said)


def _cited_code(cited: Cited) -> str:
    if isinstance(cited, Event) and cited.id is None and not cited.position:
        return event_code(cited)
    return quoted(_ref(cited))


# What a test expects.

Because = Cited | Iterable[Cited] | Unsaid


@attrs.frozen
class Expecting:
    """Makes expectations of one level: `watch(since="2026-01-31", until="2026-03-02")`."""

    level: Health

    def __call__(
        self,
        *,
        since: Moment,
        until: Moment | None = None,
        about: str | Unsaid | None = UNSAID,
        because: Because = UNSAID,
        message: str | Unsaid | None = UNSAID,
    ) -> StatedConcern:
        """Health is of this level at best during `[since, until)`; without `until`, for ever.

        Args:
            since: from when.
            until: until just before when.
            about: what it is about; not compared where it is not given.
            because: the events that it cites, by their ids, their places (`#1`) or themselves; not compared likewise.
            message: what it says; not compared likewise.

        Raises:
            RuleError: it would end before it begins, or cites what is no event.
            InstantError: an instant can't be read.
        """
        starts, ends = instant(since), None if until is None else instant(until)
        if ends is not None and ends <= starts:
            raise RuleError(f"{date_text(starts)} is not before {date_text(ends)}; until= must lie after since=")
        said: dict[str, Any] = {"about": about, "because": _events(because), "message": message}
        return StatedConcern(level=self.level, since=starts, until=ends, asked=_given(said), **said)


unknown: Final = Expecting(Health.UNKNOWN)
watch: Final = Expecting(Health.WATCH)
at_risk: Final = Expecting(Health.AT_RISK)
critical: Final = Expecting(Health.CRITICAL)
has_left: Final = Expecting(Health.LEFT)


def act(
    *,
    due: Moment,
    message: str | Unsaid = UNSAID,
    about: str | Unsaid | None = UNSAID,
    because: Because = UNSAID,
    client: str | Unsaid = UNSAID,
) -> StatedAction:
    """Something is to be done by an instant.

    Args:
        due: by when.
        message: what is to be done; not compared where it is not given.
        about: what it is about; not compared likewise.
        because: the events that it cites, by their ids, their places (`#1`) or themselves; not compared likewise.
        client: for whom, where a rule about the whole book recommends it; not compared likewise.

    Raises:
        RuleError: it cites what is no event.
        InstantError: an instant can't be read.
    """
    said: dict[str, Any] = {"client": client, "about": about, "because": _events(because), "message": message}
    return StatedAction(due=instant(due), asked=_given(said), **said)


def _given(said: Mapping[str, object]) -> set[str]:
    return {name for name, value in said.items() if value is not UNSAID}


def _events(because: Because) -> tuple[Cited, ...] | Unsaid:
    if because is UNSAID:
        return UNSAID
    found = tuple(because) if isinstance(because, Iterable) and not isinstance(because, str) else (because,)
    for cited in found:
        if not isinstance(cited, str | Event):
            raise RuleError(f"because= takes events, their ids, or their places such as '#1'; got {cited!r}")
    return found


# What a rule states.


def stated(finding: Finding, *, names_client: bool = False) -> Stated:
    """A finding as a value to compare."""
    if isinstance(finding, Action):
        return StatedAction(
            due=finding.due,
            client=finding.client if names_client else UNSAID,
            about=finding.about,
            because=finding.evidence,
            message=finding.message,
        )
    return StatedConcern(
        level=finding.level,
        since=finding.starts,
        until=finding.until,
        about=finding.about,
        because=finding.evidence,
        message=finding.message,
    )


class Statements(list[Stated]):
    """What a rule states, in order of time: a list, equal to any sequence of the same.

    Each of its values is compared, so that all of them print what the expectation speaks of.
    """

    def __init__(self, values: Iterable[Stated] = ()) -> None:
        super().__init__(sorted(values, key=_order))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        equal = [one == two for one, two in zip(self, other, strict=False)]
        return len(self) == len(other) and all(equal)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


def _order(value: Stated) -> tuple[datetime, bool, int, str, str]:
    """By time; of what begins together, concerns first, the worst before the others."""
    level = -value.level if isinstance(value, StatedConcern) else 0
    client = value.client if isinstance(value, StatedAction) and value.client is not UNSAID else ""
    about = value.about if isinstance(value.about, str) else ""
    return value.starts, isinstance(value, StatedAction), level, client, about


class _Nothing(tuple[Stated, ...]):
    """No finding at all."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final[Sequence[Stated]] = _Nothing()
"""What a rule states that finds nothing."""
