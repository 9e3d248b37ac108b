"""Examples as rules' docstrings give them: a history, a line an event, and what a rule says of it at an instant.

```text
2026-01-05 engaged with=Nora learned="a second shop"
at 2026-04-05: watch, act by 2026-04-05
from 2026-04-05 until 2026-05-05: watch
```

An event's line is a date or an instant, a kind, and the kind's fields as `retention record` takes them. The lines that
start with `at` or `from` follow; each says which levels are in force at that instant and which actions are due by then, or
`nothing`; or from when until when exactly a level is in force. Instants may also be times elapsed since the example's
start: `0d`, `36h`, `2w`. In the example of a rule about the whole book, the field `client` says whose event it is; how
those clients are is what the rules say that are on by default.
"""

import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise

import attrs

from ..binding import BoundRule
from ..book import Book, assess_book
from ..client import Client
from ..engine import Engine
from ..errors import EventError, RuleError, UnknownClient
from ..events import Event
from ..findings import Action, Concern, Health
from ..gathering import gather
from ..kinds import KINDS, Kinds
from ..settings import Settings
from ..stating import RuleFailure
from .expectations import During, Expectation, Times, holds, read_line, spells_of
from .texts import fields_of, shapes_of

CLIENT = "acme"


class RuleFailed(RuleError):
    """A rule could not be evaluated; `failure` says which, and why."""

    def __init__(self, failure: RuleFailure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


@attrs.frozen
class Example:
    """A history of one client or of several, and what a rule is to say of it.

    Attributes:
        events: the history.
        expected: what is to be said.
        times: writes instants as the example does.
    """

    events: tuple[Event, ...]
    expected: tuple[Expectation | During, ...]
    times: Times = attrs.field(factory=Times, eq=False)

    def line(self, said: Expectation | During) -> str:
        """What is said, as a line of the example."""
        return f"{said.when(self.times.written)}: {said.said(self.times.written)}"


def read_example(lines: Iterable[str], kinds: Kinds = KINDS) -> Example:
    """The example that these lines give.

    Raises:
        RuleError: a line can't be read.
    """
    times = Times()
    events: list[Event] = []
    expected: list[Expectation | During] = []
    for line in lines:
        try:
            if line.startswith(("at ", "from ")):
                expected.append(read_line(line, times))
            else:
                events.append(read_event(line, times, position=len(events) + 1, kinds=kinds))
        except ValueError as error:
            raise RuleError(f"the example's line {line!r}: {error}") from None
    if not expected:
        raise RuleError(
            "the example says of no instant what is expected; end it with a line such as 'at 2026-04-05: watch'"
        )
    try:
        times.check()
    except ValueError as error:
        raise RuleError(f"the example {error}") from None
    return Example(tuple(events), tuple(expected), times)


def read_event(line: str, times: Times, *, position: int, kinds: Kinds = KINDS) -> Event:
    """The event that a line gives.

    Raises:
        ValueError: the line can't be read.
    """
    words = shlex.split(line)
    if len(words) < 2:  # noqa: PLR2004 - a date and a kind
        raise ValueError("write 'DATE KIND', then the fields as NAME=VALUE")
    cls = kinds.named(words[1])
    texts = {"at": words[0]}
    for word in words[2:]:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise ValueError(f"{word!r} is no NAME=VALUE, such as purpose=review")
        if name in texts:
            raise ValueError(f"{name}: is given twice")
        texts[name] = text
    given = fields_of(cls, {"client": CLIENT, **texts}.items(), separator=",")
    shapes = shapes_of(cls)
    for name, text in texts.items():
        if shapes.get(name) is datetime:
            try:
                given[name] = times.read(text)
            except ValueError as error:
                raise EventError("bad-time", str(error), name) from None
    return cls.from_fields(given, position=position)


@attrs.frozen(slots=False)
class Said:
    """What rules say of a history as of an instant.

    Attributes:
        at: the instant.
        concerns: the concerns in force, worst first.
        actions: the open actions, whenever due.
        stated: every concern that is stated, past, in force and coming.
        status: how the client is by these rules; `None` where rules about the whole book were asked.
        boundaries: when something changes if nothing else happens.
    """

    at: datetime
    concerns: tuple[Concern, ...]
    actions: tuple[Action, ...]
    stated: tuple[Concern, ...]
    status: Health | None
    boundaries: tuple[datetime, ...]

    @property
    def expectation(self) -> Expectation:
        """The levels in force and the actions that are due, as an example tells them."""
        due = tuple(action.due for action in self.actions if action.due <= self.at)
        return Expectation(self.at, tuple(concern.level for concern in self.concerns), due)


@attrs.frozen
class Case:
    """A history, and the rules that are asked about it.

    Attributes:
        rules: rules about one client, or one about the whole book.
        events: the history, each event with its position.
        engine: how single clients are, for a rule about the whole book.
    """

    rules: tuple[BoundRule, ...]
    events: tuple[Event, ...]
    engine: Engine = attrs.field(factory=lambda: Engine(Settings().choose()))

    def at(self, moment: datetime) -> Said:
        """What the rules say as of an instant.

        Raises:
            RuleFailed: a rule fails.
            UnknownClient: nothing has happened yet.
        """
        if self.is_about_book:
            book = Book.cut(gather(self.events), self.engine, at=moment)
            of_all = assess_book(book, self.rules, at=moment)
            _refuse(of_all.failures)
            edges = {edge for concern in of_all.stated for edge in (concern.starts, concern.until) if edge}
            return Said(moment, of_all.concerns, of_all.actions, of_all.stated, None, tuple(sorted(edges)))
        found = Engine(self.rules).assess(Client.from_events(CLIENT, self.events), at=moment)
        _refuse(found.failures)
        schedule = found.schedule
        return Said(moment, found.concerns, found.actions, schedule.concerns, found.status, schedule.boundaries)

    @property
    def is_about_book(self) -> bool:
        """Whether a rule about the whole book is asked."""
        return any(rule.rule.scope == "book" for rule in self.rules)

    def course(self, said: Callable[[Said], tuple[Health, ...]]) -> tuple[During, ...]:
        """What is said from the first event on, spell by spell; neighbours differ.

        Args:
            said: which levels are meant: those in force, or the status.

        Raises:
            RuleFailed: a rule fails.
        """
        ask = cache(self.at)
        turns: list[tuple[datetime, tuple[Health, ...]]] = []
        happened = sorted({event.at for event in self.events})
        for moment, following in zip(happened, [*happened[1:], None], strict=True):
            try:
                edges = [moment, *(it for it in ask(moment).boundaries if it > moment)]
            except UnknownClient:
                continue
            for edge in edges:
                if following is None or edge < following:
                    levels = said(ask(edge))
                    if not turns or turns[-1][1] != levels:
                        turns.append((edge, levels))
        ends: Sequence[datetime | None] = [after for (_, _), (after, _) in pairwise(turns)]
        return tuple(
            During(starts, until, levels) for (starts, levels), until in zip(turns, [*ends, None], strict=False)
        )


def in_force(said: Said) -> tuple[Health, ...]:
    """The levels in force, worst first."""
    return said.expectation.levels


def what_is_said(rule: BoundRule, example: Example) -> tuple[Expectation | During, ...]:
    """What a rule says of an example's history, where something is expected; the same where it is as expected.

    Where it is not as expected for a span, the spell of those levels that lies there, else the first that differs.

    Raises:
        RuleError: the rule fails, or nothing has happened yet at one of the instants.
    """
    case = Case((rule,), example.events)
    if not case.is_about_book and any(event.client != CLIENT for event in example.events):
        raise RuleError(f"rule {rule.name}: the example names clients; only a rule about the whole book takes several")
    found: list[Expectation | During] = []
    for wanted in example.expected:
        if isinstance(wanted, During):
            course = case.course(in_force)
            found.append(wanted if holds(wanted, course) else _closest(wanted, course))
            continue
        try:
            found.append(case.at(wanted.at).expectation)
        except UnknownClient as error:
            raise RuleError(f"rule {rule.name}: the example says what is expected too early: {error}") from None
    return tuple(found)


def _closest(wanted: During, course: Sequence[During]) -> During:
    there = spells_of(wanted, course)
    alike = [spell for spell in there if spell.levels == wanted.levels]
    differing = [spell for spell in there if spell.levels != wanted.levels]
    found = differing if wanted.is_well else alike or differing
    return next(iter(found), During(wanted.starts, wanted.until, ()))


def _refuse(failures: Iterable[RuleFailure]) -> None:
    for failure in failures:
        raise RuleFailed(failure)
