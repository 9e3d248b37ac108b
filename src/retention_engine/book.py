"""The whole book of business: every client assessed at one moment, and what rules say of all of them together."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

import attrs

from .binding import BoundRule
from .client import Client
from .declare import RuleFunction
from .engine import AHEAD, Assessment, Engine, Schedule, in_order, open_actions
from .errors import RuleError
from .events import Event
from .findings import Action, Concern, Finding, Health
from .gathering import Histories
from .moments import EARLIEST
from .stating import RuleFailure, cause_of, checked
from .sweep import Span, Stay

WHOLE_BOOK = ""
"""Stands for the client where a rule about the book has failed."""


def replay(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
    engine: Engine,
    *,
    at: datetime,
    known_at: datetime | None = None,
    clients: Collection[str] | None = None,
) -> Iterator[Assessment]:
    """Every client's assessment at a moment; clients not known by then are left out.

    A mapping is replayed in the order of the clients' ids, pairs as they come: a log streams them in that order.

    Args:
        histories: the events by client, as a mapping or as pairs.
        engine: the rules.
        at: the moment; what happened later is not seen.
        known_at: leave out what was recorded later.
        clients: these clients alone.
    """
    for client in _cut(histories, at, known_at, clients):
        yield engine.assess(client, at=at)


def _cut(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
    at: datetime,
    known_at: datetime | None,
    clients: Collection[str] | None = None,
) -> Iterator[Client]:
    pairs = sorted(histories.items()) if isinstance(histories, Mapping) else histories
    for name, events in pairs:
        if clients is None or name in clients:
            client = Client.from_events(name, events, as_of=at, as_at=known_at)
            if client:
                yield client


def _by_id(clients: Iterable[Client]) -> tuple[Client, ...]:
    return tuple(sorted(clients, key=lambda client: client.id))


@attrs.frozen(eq=False, repr=False, slots=False)
class Book:
    """All clients as known at a moment, and what rules about the book ask of them.

    Make one with `Book.cut` or `Book.assessed`. Rules get it already cut, so that they can't see the future.

    Attributes:
        clients: the clients, by id.
        engine: the rules that say how a single client is.
    """

    clients: tuple[Client, ...] = attrs.field(converter=_by_id)
    engine: Engine
    _schedules: dict[str, Schedule] = attrs.field(factory=dict)

    @classmethod
    def cut(
        cls,
        histories: Histories | Iterable[tuple[str, Sequence[Event]]],
        engine: Engine,
        *,
        at: datetime,
        known_at: datetime | None = None,
    ) -> "Book":
        """The book with what happened by a moment; clients not known by then are left out.

        Args:
            histories: the events by client, as a mapping or as pairs.
            engine: the rules that say how a single client is.
            at: the moment.
            known_at: leave out what was recorded later.
        """
        return cls(_cut(histories, at, known_at), engine)

    @classmethod
    def assessed(cls, assessments: Iterable[Assessment], engine: Engine) -> "Book":
        """The book of clients that the engine has assessed at one moment, so that it need not look at them again."""
        found = list(assessments)
        return cls([it.client for it in found], engine, {it.client.id: it.schedule for it in found})

    def as_of(self, moment: datetime) -> "Book":
        """This book without what happened after `moment`."""
        known = [client.as_of(moment) for client in self.clients]
        if all(one is other for one, other in zip(known, self.clients, strict=True)):
            return self
        return Book([client for client in known if client], self.engine)

    def __repr__(self) -> str:
        return f"<Book: {len(self.clients)} clients>"

    @cached_property
    def latest(self) -> datetime:
        """The instant of the latest event of all: what is stated of the time before is never read."""
        return max((client.events[-1].at for client in self.clients), default=EARLIEST)

    @cached_property
    def by_id(self) -> Mapping[str, Client]:
        """The clients by their ids."""
        return {client.id: client for client in self.clients}

    @cached_property
    def by_owner(self) -> Mapping[str | None, tuple[Client, ...]]:
        """The clients by who looks after them, by name; those without an owner, under `None`, come last."""
        found: dict[str | None, list[Client]] = {}
        for client in self.clients:
            found.setdefault(client.owner or None, []).append(client)
        return {owner: tuple(found[owner]) for owner in sorted(found, key=lambda it: (it is None, it or ""))}

    def schedule(self, client: Client) -> Schedule:
        """What the engine's rules state of a client, worked out when it is first asked for."""
        if client.id not in self._schedules:
            self._schedules[client.id] = self.engine.schedule(client)
        return self._schedules[client.id]

    def course(self, client: Client) -> tuple[Stay, ...]:
        """The client's health from its first event on, if nothing else happens: each level, from when, until when."""
        schedule = self.schedule(client)
        instants = [client.since, *(moment for moment in schedule.boundaries if moment > client.since)]
        levels = [(moment, schedule.status(moment)) for moment in instants]
        return tuple(_unbroken(levels))

    def tenure(self, client: Client) -> tuple[Span, ...]:
        """When the client is with us: from its first event on, but for the time for which it has left."""
        schedule = self.schedule(client)
        instants = {client.since}
        for concern in schedule.concerns:
            if concern.level is Health.LEFT:
                instants |= {concern.starts, concern.until or client.since}
        if verdict := schedule.judgement:
            instants |= {verdict.at, verdict.until or client.since}
        standing = [(moment, schedule.status(moment) is Health.LEFT) for moment in sorted(instants)]
        with_us = [(moment, left) for moment, left in standing if moment >= client.since]
        return tuple((starts, until) for left, starts, until in _unbroken(with_us) if not left)

    @property
    def failures(self) -> tuple[RuleFailure, ...]:
        """The rules about single clients that could not be evaluated, as far as anybody asked for schedules."""
        return tuple(failure for _, schedule in sorted(self._schedules.items()) for failure in schedule.failures)


def _unbroken(states: Sequence[tuple[datetime, object]]) -> Iterator[Stay]:
    """States, each from its instant until the next, with equal neighbours made one."""
    turns = [states[0], *(after for before, after in pairwise(states) if after[1] != before[1])]
    for place, (starts, state) in enumerate(turns, start=1):
        yield state, starts, turns[place][0] if place < len(turns) else None


@attrs.frozen
class BookChange:
    """What a rule says of the book, or of one owner's clients, changes at an instant if nothing else happens.

    Attributes:
        at: the instant.
        before: the concern that ends, if there is one.
        after: the concern that starts, if there is one.
    """

    at: datetime
    before: Concern | None
    after: Concern | None

    @property
    def rule(self) -> str:
        """The rule's name."""
        concern = self.after or self.before
        return concern.rule if concern else ""

    @property
    def about(self) -> str | None:
        """What it is about, such as an owner."""
        concern = self.after or self.before
        return concern.about if concern else None


@attrs.frozen(slots=False)
class BookAssessment:
    """What holds for the book as a whole at a moment.

    Attributes:
        book: the book, cut at the moment.
        at: the moment.
        concerns: the concerns in force, worst first. What a concern cites names the clients, the worst first.
        actions: the open actions, whenever due, the first due first; each is for the client that it names.
        stated: every concern that lasts beyond the latest event, in force or coming; two of one rule that say the same
            one after the other are one.
        failures: the rules that could not be evaluated: those about the book, under the client `""`, then those about a
            client whose status was asked for.
    """

    book: Book
    at: datetime
    concerns: tuple[Concern, ...]
    actions: tuple[Action, ...]
    stated: tuple[Concern, ...]
    failures: tuple[RuleFailure, ...]

    @property
    def own_failures(self) -> tuple[RuleFailure, ...]:
        """The failures of rules about the book itself."""
        return tuple(failure for failure in self.failures if failure.client == WHOLE_BOOK)

    def due(self, ahead: timedelta = AHEAD) -> tuple[Action, ...]:
        """The open actions due by so much after the moment."""
        return tuple(action for action in self.actions if action.due - self.at <= ahead)

    @cached_property
    def changes(self) -> tuple[BookChange, ...]:
        """What changes after the moment if nothing else happens, in order."""
        by_subject: dict[tuple[str, str | None], list[Concern]] = {}
        for concern in self.stated:
            by_subject.setdefault((concern.rule, concern.about), []).append(concern)
        found = [change for concerns in by_subject.values() for change in _changes(concerns) if change.at > self.at]
        return tuple(sorted(found, key=lambda it: (it.at, it.rule, it.about or "")))


def _changes(concerns: Iterable[Concern]) -> Iterator[BookChange]:
    before: Concern | None = None
    for concern in sorted(concerns, key=lambda it: it.starts):
        if before is not None and before.until != concern.starts:
            yield BookChange(before.until or concern.starts, before, None)
            before = None
        yield BookChange(concern.starts, before, concern)
        before = concern
    if before is not None and before.until is not None:
        yield BookChange(before.until, before, None)


def assess_book(book: Book, rules: Iterable[RuleFunction | BoundRule], *, at: datetime) -> BookAssessment:
    """What rules say of the book at a moment, from what had happened by then.

    Args:
        book: the clients; what happened after the moment is not seen.
        rules: functions declared with `@book_rule`, or such rules bound to settings.
        at: the moment.

    Raises:
        RuleError: something given is no rule about the book, or two rules have one name.
    """
    chosen = in_order(rules)
    for rule in chosen:
        if rule.rule.scope != "book":
            raise RuleError(f"rule {rule.name!r} is about a single client; give it to an Engine")
    known = book.as_of(at)
    concerns: list[Concern] = []
    actions: list[Action] = []
    failures: list[RuleFailure] = []

    def client_of(finding: Finding) -> Client | None:
        return known.by_id.get(finding.about or "") if isinstance(finding, Action) else None

    for rule in chosen:
        try:
            stated = checked(rule, _lasting(rule.about_book(known), known.latest), client_of)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises, what the others say stands
            failures.append(RuleFailure(rule.name, WHOLE_BOOK, cause_of(error), rule.rule.distribution))
            continue
        concerns += (finding for finding in stated if isinstance(finding, Concern))
        actions += (attrs.evolve(finding, about=None) for finding in stated if isinstance(finding, Action))
    in_force = [concern for concern in concerns if concern.in_force(at)]
    return BookAssessment(
        book=known,
        at=at,
        concerns=tuple(sorted(in_force, key=lambda it: (-it.level, it.rule, it.about is None, it.about or ""))),
        actions=tuple(_still_open(known, actions, at)),
        stated=tuple(concerns),
        failures=(*failures, *known.failures),
    )


def with_book(
    assessments: Iterable[Assessment], engine: Engine, rules: Collection[BoundRule], *, at: datetime
) -> tuple[Iterable[Assessment], BookAssessment | None]:
    """Assessments, and what rules about the book say of those clients together; without rules nothing is kept.

    Args:
        assessments: every client's assessment at the moment.
        engine: what assessed them.
        rules: the rules about the book.
        at: the moment.
    """
    if not rules:
        return assessments, None
    kept = list(assessments)
    return kept, assess_book(Book.assessed(kept, engine), rules, at=at)


def _lasting(findings: Iterable[Finding], after: datetime) -> Iterator[Finding]:
    """What a rule yields, but that concerns are made one that follow each other without a gap and say the same.

    Those that are over by then, which nobody reads, are left out.
    """
    pending: dict[str | None, Concern] = {}
    for finding in findings:
        if not isinstance(finding, Concern):
            yield finding
            continue
        before = pending.get(finding.about)
        if before is not None and before.until == finding.starts and _said(before) == _said(finding):
            pending[finding.about] = attrs.evolve(before, until=finding.until)
            continue
        if before is not None and _lasts(before, after):
            yield before
        pending[finding.about] = finding
    yield from (concern for concern in pending.values() if _lasts(concern, after))


def _said(concern: Concern) -> tuple[Health, str | None, tuple[Event | None, ...]]:
    return concern.level, concern.message, concern.because


def _lasts(concern: Concern, after: datetime) -> bool:
    return concern.until is None or concern.until > after


def _still_open(book: Book, actions: Iterable[Action], at: datetime) -> Iterable[Action]:
    """The actions that nobody has ended, for clients who have not left; the first due first."""
    by_client: dict[str, list[Action]] = {}
    for action in actions:
        by_client.setdefault(action.client, []).append(action)
    found = [
        action
        for client, recommended in by_client.items()
        if book.schedule(book.by_id[client]).status(at) is not Health.LEFT
        for action in open_actions(book.by_id[client], recommended, at)
    ]
    return sorted(found, key=lambda it: (it.due, it.client, it.rule))
