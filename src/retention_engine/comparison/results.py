"""What a comparison found: client by client, rule by rule, with the instants between which each change holds."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import attrs

from ..client import Client
from ..findings import Action, Concern
from ..stating import RuleFailure
from .differences import NOTHING, Difference, FactChange, FindingChange, How, StatusChange
from .knowledge import Learned
from .rule_sets import RuleChange


@attrs.frozen
class HeldChange:
    """A change with the instants between which it holds: `[starts, until)`; without `until`, to the end of the span."""

    change: StatusChange | FindingChange[Concern] | FindingChange[Action] | FindingChange[RuleFailure] | FactChange
    starts: datetime
    until: datetime | None


@attrs.frozen
class Stretch:
    """What differs during `[starts, until)`; without `until`, to the end of what was compared."""

    difference: Difference
    starts: datetime
    until: datetime | None


@attrs.frozen(slots=False)
class ClientDifference:
    """What differs of one client.

    Attributes:
        client: the client as of the end of what was compared, with all that is known.
        stretches: what differs when, in order: at a moment, one stretch at most.
        learned: what was recorded late, in the order in which it was recorded.
    """

    client: Client
    stretches: tuple[Stretch, ...]
    learned: tuple[Learned, ...] = ()

    @property
    def difference(self) -> Difference:
        """What differs at the beginning: all of it, where one moment was compared."""
        return self.stretches[0].difference if self.stretches else NOTHING

    @cached_property
    def changes(self) -> tuple[HeldChange, ...]:
        """Each single change with the instants between which it holds, in order of these."""
        found: list[HeldChange] = []
        lasting: dict[Any, int] = {}
        for stretch in self.stretches:
            places = {}
            for key, change in _parts(stretch.difference):
                place = lasting.get(key, -1)
                if place >= 0 and found[place].until == stretch.starts and _is_the_same(found[place].change, change):
                    found[place] = attrs.evolve(found[place], until=stretch.until)
                else:
                    place = len(found)
                    found.append(HeldChange(change, stretch.starts, stretch.until))
                places[key] = place
            lasting = places
        return tuple(found)

    @property
    def statuses(self) -> tuple[HeldChange, ...]:
        """The changes of status among the changes."""
        return tuple(held for held in self.changes if isinstance(held.change, StatusChange))


@attrs.frozen
class RuleCount:
    """How much of what a rule finds differs.

    Attributes:
        rule: the rule's name.
        clients: for how many clients.
        concerns: how many of its concerns appear, vanish, change.
        actions: how many of its actions appear, vanish, move, change.
    """

    rule: str
    clients: int
    concerns: Counter[How]
    actions: Counter[How]


@attrs.frozen(kw_only=True, slots=False)
class Comparison:
    """Two rule sets, or two states of knowledge, compared; false where nothing differs.

    Attributes:
        of: what was compared.
        starts: the moment, or the start of the span.
        until: the end of the span, itself not included; `None` where a moment was asked about.
        known_at: what was recorded later is left out: on both sides, or before where knowledge is compared.
        compared: how many clients were compared.
        clients: those of whom anything differs, or anything was learned, by id.
        book: what differs for the whole book; its actions are each for the client that they name.
        rules: how the rule sets differ.
        failures: the rules that could not be evaluated on either side, each once.
    """

    of: Literal["rules", "knowledge"]
    starts: datetime
    until: datetime | None
    known_at: datetime | None
    compared: int
    clients: tuple[ClientDifference, ...]
    book: Difference
    rules: tuple[RuleChange, ...]
    failures: tuple[RuleFailure, ...]

    def __bool__(self) -> bool:
        return bool(self.book) or any(found.stretches for found in self.clients)

    @property
    def changed_status(self) -> tuple[ClientDifference, ...]:
        """The clients whose status differs, over a span at some time."""
        return tuple(found for found in self.clients if found.statuses)

    @cached_property
    def by_rule(self) -> tuple[RuleCount, ...]:
        """How much differs by rule, where anything does; the rules that concern most clients first."""
        clients: Counter[str] = Counter()
        counts: dict[str, tuple[Counter[How], Counter[How]]] = {}
        of_book: list[Any] = [*self.book.concerns, *self.book.actions]
        for changes in (*([held.change for held in found.changes] for found in self.clients), of_book):
            met = set()
            for change in changes:
                if isinstance(change, FindingChange) and not isinstance(change.latest, RuleFailure):
                    of_rule = counts.setdefault(change.rule, (Counter(), Counter()))
                    of_rule[isinstance(change.latest, Action)][change.how] += 1
                    met.add(change.rule)
            if changes is not of_book:
                clients.update(met)
        clients.update(Counter(rule for rule, _ in {(it.rule, it.latest.client) for it in self.book.actions}))
        found = [RuleCount(rule, clients[rule], *of_rule) for rule, of_rule in counts.items()]
        return tuple(sorted(found, key=lambda it: (-it.clients, it.rule)))


def _parts(found: Difference) -> Iterator[tuple[Any, Any]]:
    """The single changes of a difference, each with what tells it from the others."""
    if status := found.status:
        yield "status", status
    for concern in found.concerns:
        yield ("concern", concern.rule, concern.latest.about), concern
    for action in found.actions:
        yield ("action", *(side.id if side else None for side in (action.before, action.after))), action
    for failure in found.failures:
        yield ("failure", failure.rule), failure
    for fact in found.facts:
        yield ("fact", fact.field), fact


def _is_the_same(one: object, other: object) -> bool:
    """Whether a change goes on; that of a status does, whatever comes to be behind it."""
    if isinstance(one, StatusChange) and isinstance(other, StatusChange):
        return (one.before, one.after) == (other.before, other.after)
    return one == other
