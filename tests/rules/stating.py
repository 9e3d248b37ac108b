"""Short ways to write down a history and what a rule states of it.

A case gives one client's history and what the rule states of it, in words: `watch from A until B about X because e1`,
and `due A about X because e1`. The events of a history are called e1, e2 ... in the order given.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from given import client_of
from retention_engine import (
    BUILT_IN,
    Action,
    BoundRule,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Event,
    Introduced,
    Left,
    Measured,
    Profiled,
    Referred,
    Renewed,
    Resolved,
    instant,
)

MICROSECOND = timedelta(microseconds=1)
RULES = {rule.name: rule for rule in BUILT_IN}
STATEMENT = re.compile(
    r"(?:(?P<level>[a-z-]+) from (?P<starts>\S+)(?: until (?P<until>\S+))?|due (?P<due>\S+))"
    r"(?: about (?P<about>\S+))?(?: because (?P<because>[\w ]+))?"
)


def engaged(at: str, **fields: Any) -> Event:
    return Engaged(client="acme", at=at, **fields)


def wrote(at: str, **fields: Any) -> Event:
    return Engaged(client="acme", at=at, direction="outbound", **fields)


def delivered(at: str, **fields: Any) -> Event:
    return Engaged(client="acme", at=at, purpose="delivery", **fields)


def introduced(at: str, **fields: Any) -> Event:
    return Introduced(client="acme", at=at, **fields)


def referred(at: str, direction: str, **fields: Any) -> Event:
    return Referred(client="acme", at=at, direction=direction, **fields)  # type: ignore[arg-type]


def complained(at: str, **fields: Any) -> Event:
    return Complained(client="acme", at=at, **fields)


def resolved(at: str, complaint: str) -> Event:
    return Resolved(client="acme", at=at, complaint=complaint)


def renewed(at: str, **fields: Any) -> Event:
    return Renewed(client="acme", at=at, **fields)


def profiled(at: str, **fields: Any) -> Event:
    return Profiled(client="acme", at=at, **fields)


def measured(at: str, value: float, measure: str = "leads") -> Event:
    return Measured(client="acme", at=at, measure=measure, value=value, target=10)  # type: ignore[arg-type]


def left(at: str) -> Event:
    return Left(client="acme", at=at)


def answered(at: str, **answers: str) -> Event:
    return Engaged(client="acme", at=at, answers=answers)  # type: ignore[arg-type]


def key(at: str) -> Event:
    return profiled(at, tier="key")


@attrs.frozen
class Case:
    rule: str
    client: Client
    states: frozenset[str]
    settings: dict[str, Any]

    @property
    def engine(self) -> Engine:
        return Engine([BoundRule(RULES[self.rule], values=self.settings)])


def case(rule: str, what: str, *history: Event, states: Iterable[str] = (), **settings: Any) -> Any:
    named = [
        attrs.evolve(event, id=event.id or f"e{place}", position=place) for place, event in enumerate(history, start=1)
    ]
    return pytest.param(Case(rule, client_of(*named), frozenset(states), settings), id=f"{rule}: {what}")


def matching(statement: str) -> Any:
    match = STATEMENT.fullmatch(statement)
    assert match, statement
    return match


def told(finding: Concern | Action, like: str) -> str:
    """A finding in the words of a statement; the evidence only where the statement gives some."""
    if isinstance(finding, Action):
        said = f"due {day(finding.due)}"
    else:
        said = f"{finding.level} from {day(finding.starts)}" + (f" until {day(finding.until)}" if finding.until else "")
    about = f" about {finding.about}" if finding.about else ""
    because = " because " + " ".join(event.ref for event in finding.evidence) if "because" in like else ""
    return said + about + because


def day(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z").removesuffix("T00:00:00Z")


def edges(it: Case) -> Iterator[tuple[datetime, str, bool]]:
    """Each boundary that a case states, and whether its concern or action is there from then on."""
    for statement in it.states:
        said = matching(statement)
        for name, begins in (("starts", True), ("until", False), ("due", True)):
            if said[name]:
                yield instant(said[name]), statement, begins


def is_so(it: Case, statement: str, moment: datetime) -> bool:
    if moment < it.client.since:
        return False
    found = it.engine.assess(it.client, at=moment)
    if statement.startswith("due"):
        return statement in {told(action, statement) for action in found.due(timedelta(0))}
    return statement in {told(concern, statement) for concern in found.concerns}
