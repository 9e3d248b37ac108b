"""Two rule sets over one log, at a moment or over a span, and two states of knowledge of one moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs

from ..binding import BoundRule
from ..book import Book, assess_book
from ..client import Client
from ..engine import AHEAD, Assessment, Engine, Schedule
from ..events import ActionSnoozed, Event
from ..gathering import Histories
from ..growing import retold
from ..moments import in_utc
from ..stating import RuleFailure
from ..timelines import KeptRules
from .differences import NOTHING, Difference, action_changes, concern_changes, difference, failure_changes
from .knowledge import Learned, learned_since, traced
from .results import ClientDifference, Comparison, Stretch
from .rule_sets import rule_changes

BookRules = tuple[Sequence[BoundRule], Sequence[BoundRule]]
"""The rules about the whole book before and after."""


def compare(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
    old: Engine,
    new: Engine,
    *,
    at: datetime,
    known_at: datetime | None = None,
    ahead: timedelta = AHEAD,
    book_rules: BookRules = ((), ()),
) -> Comparison:
    """What two rule sets say differently of every client at a moment.

    Args:
        histories: the events by client, as a mapping or as pairs.
        old: the rules as they were.
        new: the rules as they are to be.
        at: the moment; what happened later is not seen.
        known_at: leave out what was recorded later.
        ahead: actions are compared where one side is due by so much after the moment.
        book_rules: the rules about the whole book as they were and as they are to be.
    """
    moment = in_utc(at)
    rules = _RuleSets.of(old, new)

    def sides() -> Iterator[_Sides]:
        for name, events in _in_order(histories):
            client = Client.from_events(name, events, as_of=moment, as_at=known_at)
            if client:
                before, after = rules.schedules(client)
                one = Assessment.read(client, before, moment)
                yield _Sides(client, one, one if before is after else Assessment.read(client, after, moment))

    differing = rule_changes([*old.rules, *book_rules[0]], [*new.rules, *book_rules[1]])
    return _compared(
        sides(), (old, new), moment, ahead, book_rules, of="rules", known_at=known_at, rules=tuple(differing)
    )


def compare_knowledge(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
    engine: Engine,
    *,
    at: datetime,
    known_at: datetime,
    ahead: timedelta = AHEAD,
    book_rules: Sequence[BoundRule] = (),
) -> Comparison:
    """What was known then of a moment, and what is known now: what was recorded in between, and all that it changes.

    Args:
        histories: the events by client, as a mapping or as pairs.
        engine: the rules.
        at: the moment; what happened later is not seen.
        known_at: then: what was recorded later is what is new.
        ahead: actions are compared where one side is due by so much after the moment.
        book_rules: the rules about the whole book.
    """
    moment, then = in_utc(at), in_utc(known_at)

    def sides() -> Iterator[_Sides]:
        for name, events in _in_order(histories):
            known = Client.from_events(name, events, as_of=moment, as_at=then)
            now = Client.from_events(name, events, as_of=moment)
            if known or now:
                one, other = (engine.assess(it, at=moment) if it else None for it in (known, now))
                learned = learned_since(events, known, now, then)
                yield _Sides(now, one, other, tuple(traced(learned, engine, known, moment)))

    both = (tuple(book_rules), tuple(book_rules))
    return _compared(sides(), (engine, engine), moment, ahead, both, of="knowledge", known_at=then, rules=())


def compare_span(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
    old: Engine,
    new: Engine,
    *,
    starts: datetime,
    until: datetime,
    known_at: datetime | None = None,
    ahead: timedelta = AHEAD,
) -> Comparison:
    """What two rule sets say differently of every client during `[starts, until)`, exact to the instant.

    Rules about the whole book are compared at a moment alone.

    Args:
        histories: the events by client, as a mapping or as pairs.
        old: the rules as they were.
        new: the rules as they are to be.
        starts: the start of the span.
        until: its end, itself not included.
        known_at: leave out what was recorded later.
        ahead: actions are compared from so long before they are due.
    """
    span = (in_utc(starts), in_utc(until))
    rules = _RuleSets.of(old, new)
    compared = 0
    found: list[ClientDifference] = []
    failures: dict[RuleFailure, None] = {}
    for name, events in _in_order(histories):
        client = Client.from_events(name, events, as_of=span[1], as_at=known_at)
        if client and client.since < span[1]:
            compared += 1
            stretches = tuple(_merged(_stretches(client, rules, span, ahead, failures)))
            if stretches:
                found.append(ClientDifference(client, stretches))
    return Comparison(
        of="rules",
        starts=span[0],
        until=span[1],
        known_at=known_at,
        compared=compared,
        clients=tuple(found),
        book=NOTHING,
        rules=tuple(rule_changes(old.rules, new.rules)),
        failures=tuple(failures),
    )


@attrs.frozen
class _RuleSets:
    """Two rule sets, taken apart so that what they share is evaluated once."""

    common: Engine
    old: Engine
    new: Engine

    @classmethod
    def of(cls, old: Engine, new: Engine) -> "_RuleSets":
        differing = {change.rule for change in rule_changes(old.rules, new.rules)}
        shared = [rule for rule in old.rules if rule.name not in differing]
        apart = ([rule for rule in engine.rules if rule.name in differing] for engine in (old, new))
        return cls(Engine(shared), *map(Engine, apart))

    def schedules(self, client: Client) -> tuple[Schedule, Schedule]:
        """What both state of a client; the very same where they agree."""
        return _together(*(engine.schedule(client) for engine in (self.common, self.old, self.new)))

    def retold(self, client: Client, after: datetime) -> Iterator[tuple[Client, Schedule, Schedule]]:
        """The client after each instant at which something happened, and what both state of it then.

        What is over by an instant is left out.
        """
        kept = [KeptRules(engine.rules) for engine in (self.common, self.old, self.new)]
        instants = [event.at for event in client.events]
        for known, changed in retold(client):
            size = len(known.events)
            if known and (size == len(instants) or instants[size] > after):
                yield known, *_together(*(rules.schedule(known, changed) for rules in kept))


def _together(common: Schedule, old: Schedule, new: Schedule) -> tuple[Schedule, Schedule]:
    one = _joined(common, old)
    return one, one if old == new else _joined(common, new)


def _joined(one: Schedule, other: Schedule) -> Schedule:
    return Schedule(
        one.concerns + other.concerns, one.actions + other.actions, one.failures + other.failures, one.judgement
    )


@attrs.frozen
class _Sides:
    client: Client
    before: Assessment | None
    after: Assessment | None
    learned: tuple[Learned, ...] = ()


def _in_order(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
) -> Iterable[tuple[str, Sequence[Event]]]:
    return sorted(histories.items()) if isinstance(histories, Mapping) else histories


def _compared(
    found: Iterable[_Sides],
    engines: tuple[Engine, Engine],
    at: datetime,
    ahead: timedelta,
    book_rules: BookRules,
    **about: Any,
) -> Comparison:
    failures: dict[RuleFailure, None] = {}
    differing: list[ClientDifference] = []
    kept: tuple[list[Assessment], list[Assessment]] = ([], [])
    compared = 0
    for sides in found:
        compared += 1
        for place, assessment in enumerate((sides.before, sides.after)):
            if assessment is not None:
                failures |= dict.fromkeys(assessment.failures)
                if any(book_rules):
                    kept[place].append(assessment)
        differs = difference(sides.before, sides.after, ahead)
        if differs or sides.learned:
            stretches = (Stretch(differs, at, None),) if differs else ()
            differing.append(ClientDifference(sides.client, stretches, sides.learned))
    book = NOTHING
    if any(book_rules):
        one, other = (
            assess_book(Book.assessed(assessments, engine), rules, at=at)
            for assessments, engine, rules in zip(kept, engines, book_rules, strict=True)
        )
        failures |= dict.fromkeys((*one.own_failures, *other.own_failures))
        book = Difference(
            None,
            None,
            concern_changes(one.concerns, other.concerns),
            action_changes(one.actions, other.actions, at + ahead),
            failure_changes(one.own_failures, other.own_failures),
        )
    return Comparison(
        starts=at, until=None, compared=compared, clients=tuple(differing), book=book, failures=tuple(failures), **about
    )


def _stretches(
    client: Client,
    rules: _RuleSets,
    span: tuple[datetime, datetime],
    ahead: timedelta,
    failures: dict[RuleFailure, None],
) -> Iterator[Stretch]:
    """What differs from one instant at which anything can change to the next; failures are noted."""
    told = list(rules.retold(client, span[0]))
    following = [min(known.events[-1].at, span[1]) for known, _, _ in told[1:]]
    for (known, one, other), until in zip(told, [*following, span[1]], strict=True):
        starts = max(known.events[-1].at, span[0])
        if starts >= until:
            continue
        failures |= dict.fromkeys((*one.failures, *other.failures))
        if one is other:
            continue
        turns = [moment for moment in _turns(known, one, other, ahead) if starts < moment < until]
        for moment, stop in pairwise([starts, *turns, until]):
            differs = difference(Assessment.read(known, one, moment), Assessment.read(known, other, moment), ahead)
            if differs:
                yield Stretch(differs, moment, None if stop == span[1] else stop)


def _turns(client: Client, one: Schedule, other: Schedule, ahead: timedelta) -> list[datetime]:
    """The instants at which what two schedules say can change if nothing else happens."""
    instants = {*one.boundaries, *other.boundaries, *(event.until for event in client.of(ActionSnoozed))}
    instants |= {action.due - ahead for action in (*one.actions, *other.actions)}
    return sorted(instants)


def _merged(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Stretches with those that say the same one right after the other made one."""
    before: Stretch | None = None
    for stretch in stretches:
        if before is not None and before.until == stretch.starts and before.difference == stretch.difference:
            before = attrs.evolve(before, until=stretch.until)
            continue
        if before is not None:
            yield before
        before = stretch
    if before is not None:
        yield before
