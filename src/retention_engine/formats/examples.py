"""Examples as rules' docstrings give them: a history, a line an event, and what a rule says of it at an instant.

```text
2026-01-05 engaged with=Nora learned="a second shop"
at 2026-04-05: watch, act by 2026-04-05
```

An event's line is a date or an instant, a kind, and the kind's fields as `retention record` takes them. The lines that
start with `at` follow; each says which levels are in force at that instant and which actions are due by then, or
`nothing`.
"""

import re
import shlex
from collections.abc import Iterable
from datetime import datetime

import attrs

from ..client import Client
from ..declare import BoundRule
from ..engine import Engine
from ..errors import EventError, RuleError, did_you_mean
from ..events import Event
from ..findings import Health
from ..kinds import KINDS, Kinds
from ..moments import instant
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
    """A history of one client, and what a rule is to say of it."""

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
        except (EventError, ValueError) as error:
            raise RuleError(f"the example's line {line!r}: {error}") from None
    if not expected:
        raise RuleError(
            "the example says of no instant what is expected; end it with a line such as 'at 2026-04-05: watch'"
        )
    return Example(tuple(events), tuple(expected))


def what_is_said(rule: BoundRule, example: Example) -> tuple[Expectation, ...]:
    """What a rule says of an example's history at the instants for which something is expected.

    Raises:
        RuleError: the rule fails.
    """
    engine = Engine([rule])
    said = []
    for moment in (expectation.at for expectation in example.expected):
        found = engine.assess(Client.from_events(CLIENT, example.events), at=moment)
        for failure in found.failures:
            raise RuleError(failure.cause)
        due = tuple(action.due for action in found.actions if action.due <= moment)
        said.append(Expectation(moment, tuple(concern.level for concern in found.concerns), due))
    return tuple(said)


def _event(line: str, position: int, kinds: Kinds) -> Event:
    at, kind, *fields = shlex.split(line)
    if kind not in kinds:
        raise ValueError(f"no such kind {kind!r}{did_you_mean(kind, kinds)}")
    texts = [(name, text) for name, equals, text in (field.partition("=") for field in fields) if equals]
    if len(texts) < len(fields):
        raise ValueError("write fields as NAME=VALUE")
    given = fields_of(kinds[kind], [("client", CLIENT), ("at", at), *texts], separator=",")
    return kinds[kind].from_fields(given, position=position)


def _expectation(line: str) -> Expectation:
    match = _EXPECTED.fullmatch(line)
    if match is None:
        raise ValueError("write 'at DATE: LEVEL', 'at DATE: act by DATE', or 'at DATE: nothing'")
    parts = [] if match[2] == NOTHING else match[2].split(", ")
    due = tuple(instant(part.removeprefix("act by ")) for part in parts if part.startswith("act by "))
    levels = tuple(Health.named(part) for part in parts if not part.startswith("act by "))
    return Expectation(instant(match[1]), tuple(sorted(levels, reverse=True)), tuple(sorted(due)))
