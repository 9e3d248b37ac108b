"""What a rule answers when it is asked about a client, and whether two answers are the same."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count

import attrs

from ..binding import BoundRule
from ..client import Client
from ..findings import Action, Concern, Finding
from ..stating import cause_of
from .asking import findings
from .comparing import comparison
from .giving import altered
from .stated import Stated, Statements, stated
from .writing import indented

Outcome = Sequence[Finding] | Exception
"""What a rule states of a history, or what it raises instead."""


def outcome_of(rule: BoundRule, client: Client) -> Outcome:
    """What a rule answers; an exception is an answer, too."""
    try:
        return findings(rule, client)
    except Exception as error:  # noqa: BLE001 - whatever a rule raises, here it is an answer
        return error


Identity = tuple[str, ...]


def identity_of(finding: Finding) -> Identity:
    """What a finding says besides when."""
    level = str(finding.level) if isinstance(finding, Concern) else "act"
    return (level, repr(finding.about), repr(finding.message), *(event.ref for event in finding.evidence))


def level_of(finding: Finding) -> Identity:
    """What a finding says besides when, what about and why."""
    return identity_of(finding)[:1]


def span_of(finding: Finding) -> tuple[datetime, datetime | None]:
    """When a finding holds; an action from when it is due."""
    return (finding.due, None) if isinstance(finding, Action) else (finding.starts, finding.until)


def _all_of(outcome: Sequence[Finding]) -> list[str]:
    return sorted(repr((identity_of(finding), span_of(finding))) for finding in outcome)


def are_same(one: Outcome, other: Outcome) -> bool:
    """Whether two answers state the same in any order, or both are exceptions of one type."""
    if isinstance(one, Exception) or isinstance(other, Exception):
        return type(one) is type(other)
    return _all_of(one) == _all_of(other)


def sides(before: str, one: Outcome, after: str, other: Outcome) -> str:
    """Two answers beside each other."""
    if isinstance(one, Exception) or isinstance(other, Exception):
        return f"{before}\n\n  {told(one)}\n\n{after}\n\n  {told(other)}"
    return f"What it states\n\n{indented(comparison(_shown(one), _shown(other), (before, after)))}"


def told(outcome: Outcome) -> str:
    """An answer in words."""
    return f"raises {cause_of(outcome)}" if isinstance(outcome, Exception) else repr(_shown(outcome))


def _shown(outcome: Iterable[Finding]) -> Statements:
    return Statements(_cited_by_ref(stated(finding), finding) for finding in outcome)


def _cited_by_ref(value: Stated, finding: Finding) -> Stated:
    return attrs.evolve(value, because=tuple(event.ref for event in finding.evidence))


def differ(rule: BoundRule, before: str, client: Client, after: str, other: Client) -> str:
    """How a rule's answers about two clients differ, each under its name; empty where they are the same."""
    one, two = outcome_of(rule, client), outcome_of(rule, other)
    return "" if are_same(one, two) else sides(before, one, after, two)


_NAMES = count(1)


def renamed(client: Client, name: str | None = None) -> Client:
    """The same history, of a client that no rule has met; its events are events of their own."""
    fresh = name or f"a client met for the {next(_NAMES)}. time"
    return Client(fresh, [altered(event, client=fresh) for event in client.events])


def under(name: str, outcome: Outcome, client: Client) -> Outcome:
    """An answer with a client's own name where it speaks of the one that stood in for it."""
    if isinstance(outcome, Exception):
        return outcome
    return [_named(finding, name, client.id) for finding in outcome]


def _named(finding: Finding, name: str, own: str) -> Finding:
    said = {part: text.replace(name, own) for part in ("about", "message") if (text := getattr(finding, part))}
    return attrs.evolve(finding, **said)
