"""Examples as rules' docstrings give them: a history, a line an event, and what a rule says of it at an instant.

```text
2026-01-05 engaged with=Nora learned="a second shop"
at 2026-04-05: watch, act by 2026-04-05
```

An event's line is a date or an instant, a kind, and the kind's fields as `retention record` takes them. The lines that
start with `at` follow; each says which levels are in force at that instant and which actions are due by then, or
`nothing`. In the example of a rule about the whole book, the field `client` says whose event it is; how those clients
are is what the rules say that are on by default.
"""

import re
import shlex
from collections.abc import Iterable
from datetime import datetime

import attrs

from ..book import Book, assess_book
from ..client import Client
from ..declare import BoundRule
from ..engine import Engine, RuleFailure
from ..errors import RuleError, UnknownClient
from ..events import Event
from ..findings import Action, Concern, Health
from ..gathering import gather
from ..kinds import KINDS, Kinds
from ..moments import instant
from ..settings import Settings
from .texts import fields_of
from .words import day

CLIENT = "acme"
NOTHING = "nothing"
_EXPECTED = re.compile(r"at (\S+): (.+)")


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

    def __str__(self) -> str:
        said = [*map(str, self.levels), *(f"act by {day(due)}" for due in self.due)]
        return f"at {day(self.at)}: {', '.join(said) or NOTHING}"


@attrs.frozen
class Example:
    """A history of one client or of several, and what a rule is to say of it."""

    events: tuple[Event, ...]
    expected: tuple[Expectation, ...]


def read_example(lines: Iterable[str], kinds: Kinds = KINDS) -> Example:
    """The example that these lines give.

    Raises:
        RuleError: a line can't be read.
    """
    events: list[Event] = []
    expected: list[Expectation] = []
    for line in lines:
        try:
            if line.startswith("at "):
                expected.append(_expectation(line))
            else:
                events.append(_event(line, len(events) + 1, kinds))
        except ValueError as error:
            raise RuleError(f"the example's line {line!r}: {error}") from None
    if not expected:
        raise RuleError(
            "the example says of no instant what is expected; end it with a line such as 'at 2026-04-05: watch'"
        )
    return Example(tuple(events), tuple(expected))


def what_is_said(rule: BoundRule, example: Example) -> tuple[Expectation, ...]:
    """What a rule says of an example's history at the instants for which something is expected.

    Raises:
        RuleError: the rule fails, or nothing has happened yet at one of the instants.
    """
    said = []
    for moment in (expectation.at for expectation in example.expected):
        try:
            concerns, actions, failures = _found(rule, example, moment)
        except UnknownClient as error:
            raise RuleError(f"rule {rule.name}: the example says what is expected too early: {error}") from None
        for failure in failures:
            raise RuleError(failure.cause)
        due = tuple(action.due for action in actions if action.due <= moment)
        said.append(Expectation(moment, tuple(concern.level for concern in concerns), due))
    return tuple(said)


def _found(
    rule: BoundRule, example: Example, moment: datetime
) -> tuple[tuple[Concern, ...], tuple[Action, ...], tuple[RuleFailure, ...]]:
    if rule.rule.scope == "book":
        book = Book.cut(gather(example.events), Engine(Settings().choose()), at=moment)
        of_all = assess_book(book, [rule], at=moment)
        return of_all.concerns, of_all.actions, of_all.failures
    if any(event.client != CLIENT for event in example.events):
        raise RuleError(f"rule {rule.name}: the example names clients; only a rule about the whole book takes several")
    of_one = Engine([rule]).assess(Client.from_events(CLIENT, example.events), at=moment)
    return of_one.concerns, of_one.actions, of_one.failures


def _event(line: str, position: int, kinds: Kinds) -> Event:
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
    return cls.from_fields(given, position=position)


def _expectation(line: str) -> Expectation:
    match = _EXPECTED.fullmatch(line)
    if match is None:
        raise ValueError("write 'at DATE: LEVEL', 'at DATE: act by DATE', or 'at DATE: nothing'")
    parts = [] if match[2] == NOTHING else match[2].split(", ")
    due = tuple(instant(part.removeprefix("act by ")) for part in parts if part.startswith("act by "))
    levels = tuple(_level(part) for part in parts if not part.startswith("act by "))
    return Expectation(instant(match[1]), tuple(sorted(levels, reverse=True)), tuple(sorted(due)))


def _level(word: str) -> Health:
    level = Health.named(word)
    if level is Health.HEALTHY:
        raise ValueError(f"{word!r} is what a client is without a concern; write {NOTHING!r}")
    return level
