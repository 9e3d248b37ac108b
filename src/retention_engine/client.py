"""A client as known at a moment: its history, cut by valid and by transaction time, and the views that rules read."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count, islice
from typing import Any, TypeVar, overload

import attrs

from .errors import UnknownClient
from .events import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Complained,
    Event,
    Judged,
    Profiled,
    Renewed,
    Resolved,
    Retracted,
)
from .history import AT, EVERYTHING, POSITION, Events, History, Selector
from .moments import in_utc
from .settling import Complaints, settles

E = TypeVar("E", bound=Event)
S = TypeVar("S")

NO_INTERACTION = (Retracted, ActionDone, ActionSnoozed, ActionDismissed)


@attrs.frozen
class Term:
    """A contract's term: from `start` (if known) to `end`, by the `renewed` event that said so."""

    start: datetime | None
    end: datetime
    value: Decimal | None
    currency: str | None
    event: Renewed


class Client:
    """One client's history as known at a moment, and what rules ask of it.

    Make one with `Client.from_events`. Rules get it already cut, so that they can't see the future.

    Attributes:
        id: the client's id.
    """

    __slots__ = ("_history", "_latest", "_size", "id")

    id: str

    def __init__(self, id: str, events: Iterable[Event]) -> None:
        """The client with these events, which are in order; `from_events` puts them in order."""
        self._see(id, History(list(events)), None)

    @classmethod
    def over(cls, id: str, history: History, size: int | None = None) -> "Client":
        """The client over a history that others look at, too: over its first `size` events, where that is given."""
        client = object.__new__(cls)
        client._see(id, history, size)
        return client

    def _see(self, id: str, history: History, size: int | None) -> None:
        self.id = id
        self._history = history
        self._size = len(history.events) if size is None else size
        self._latest: dict[Selector, Event | None] = {}

    @classmethod
    def from_events(
        cls, id: str, events: Iterable[Event], *, as_of: datetime | None = None, as_at: datetime | None = None
    ) -> "Client":
        """The client with these events, in any order; those without a position get one in the order given.

        Args:
            id: the client's id.
            events: events of this client alone.
            as_of: leave out what happened later.
            as_at: leave out what was recorded later.
        """
        as_of = None if as_of is None else in_utc(as_of)
        as_at = None if as_at is None else in_utc(as_at)
        known = list(events)
        if 0 in map(POSITION, known):
            following = count(max(map(POSITION, known)) + 1)
            known = [event if event.position else event.at_position(next(following)) for event in known]
        if as_at is not None:
            known = [event for event in known if event.recorded_at <= as_at]
        if any(issubclass(kind, Retracted) for kind in set(map(type, known))):
            gone = {event.event for event in known if isinstance(event, Retracted)}
            known = [event for event in known if not isinstance(event, Retracted) and event.id not in gone]
        known.sort(key=POSITION)
        known.sort(key=AT)  # two stable sorts, of what is mostly in order, take less than one by both
        if as_of is not None and known and known[-1].at > as_of:
            del known[bisect_right(known, as_of, key=AT) :]
        return cls(id, known)

    @property
    def events(self) -> Sequence[Event]:
        """What counts, in order (by `at`, ties by position): nothing later than the cut, nothing retracted."""
        self._read(EVERYTHING)
        return Events(self._history.events, 0, self._size)

    def as_of(self, moment: datetime) -> "Client":
        """This client without what happened after `moment`."""
        events = self._history.events
        size = bisect_right(events, in_utc(moment), hi=self._size, key=AT)
        return self if size == self._size else Client.over(self.id, self._history, size)

    @contextmanager
    def reading(self) -> Iterator[set[tuple[Selector, ...]]]:
        """Note which kinds and conditions are asked for meanwhile."""
        asked: set[tuple[Selector, ...]] = set()
        self._history.reads = asked
        try:
            yield asked
        finally:
            self._history.reads = None

    def _read(self, selectors: tuple[Selector, ...]) -> None:
        if self._history.reads is not None:
            self._history.reads.add(selectors)

    def __repr__(self) -> str:
        self._read(EVERYTHING)
        return f"<Client {self.id!r}: {self._size} events>"

    def __bool__(self) -> bool:
        """Whether anything is known of the client that starts the relationship."""
        return self._first is not None

    @property
    def first(self) -> Event:
        """The first event, from which retention starts; `retracted` and `action_*` don't count.

        Raises:
            UnknownClient: there is none.
        """
        first = self._first
        if first is not None:
            return first
        raise UnknownClient(f"nothing is known of the client {self.id!r} at that moment")

    @property
    def _first(self) -> Event | None:
        for event in islice(self._history.events, self._size):
            if not isinstance(event, NO_INTERACTION):
                return event
        return None

    @property
    def since(self) -> datetime:
        """The instant of the first event."""
        return self.first.at

    @property
    def latest_at(self) -> datetime:
        """The instant of the latest event of any kind.

        Raises:
            UnknownClient: there is none.
        """
        self._read(EVERYTHING)
        if not self._size:
            raise UnknownClient(f"nothing is known of the client {self.id!r} at that moment")
        return self._history.events[self._size - 1].at

    @overload
    def of(self, kind: type[E], /) -> Events[E]: ...
    @overload
    def of(self, *selectors: Selector) -> Events[Event]: ...
    def of(self, *selectors: Selector) -> Events[Any]:
        """The events of these kinds, or for which one of these conditions holds, in order."""
        history = self._history
        if history.reads is not None:
            history.reads.add(selectors)
        found = history.matching(selectors)
        return Events(found, 0, history.count(found, self._size))

    @overload
    def latest(self, selector: type[E], /) -> E | None: ...
    @overload
    def latest(self, selector: Callable[[Event], bool], /) -> Event | None: ...
    def latest(self, selector: Selector, /) -> Event | None:
        """The latest event of a kind, or for which a condition holds."""
        history = self._history
        if history.reads is not None:
            history.reads.add((selector,))
        if selector in self._latest:
            return self._latest[selector]
        if history.is_kept or isinstance(selector, type):
            found = history.matching((selector,))
            count = history.count(found, self._size)
            latest = found[count - 1] if count else None
        else:
            among = getattr(selector, "among", None)
            events = history.matching((among,)) if among else history.events
            size = history.count(events, self._size)
            latest = next(filter(selector, reversed(events if size == len(events) else events[:size])), None)
        self._latest[selector] = latest
        return latest

    def base(self, selector: Selector) -> datetime:
        """The instant from which a rule counts: that of the latest such event, or `since` where there is none."""
        latest = self.latest(selector)
        return self.since if latest is None else latest.at

    @overload
    def after(self, event: Event | None, kind: type[E], /) -> Events[E]: ...
    @overload
    def after(self, event: Event | None, *selectors: Selector) -> Events[Event]: ...
    def after(self, event: Event | None, *selectors: Selector) -> Events[Any]:
        """The events of these kinds or conditions that follow `event`; all of them where it is `None`."""
        found = self.of(*selectors)
        return found if event is None else found.after(event)

    def fold(self, start: Callable[[], S], step: Callable[[S, Event], S], *selectors: Selector) -> S:
        """The state after all events of these kinds or conditions, each taken in by `step`.

        The same as a loop over `of(*selectors)`, but brought forward from where the last one ended, so that a long history
        read after each of its events costs no more than read once. `start` and `step` are functions at the top of a module,
        so that they are known again. `step` returns a new state, or changes the one that it was given; then the state is
        to be read at once and not kept, since the next question may change it further.

        Args:
            start: makes the state before any event.
            step: the next state, from a state and an event.
            selectors: which events count.
        """
        self._read(selectors)
        return self._history.fold(selectors, self._size, start, step)

    @property
    def term(self) -> Term | None:
        """The term that ends last, if any `renewed` event says when its term ends."""
        return self.fold(_no_term, _longest_term, Renewed)[0]

    @property
    def complaints(self) -> Events[Complained]:
        """All complaints, resolved or not."""
        return self.of(Complained)

    @property
    def open_complaints(self) -> tuple[Complained, ...]:
        """The complaints that no `resolved` names, nor the `resolves` of any `engaged`."""
        if not self.complaints:
            return ()
        return self.fold(Complaints, Complaints.take, Complained, Resolved, settles).open

    def settlement(self, complaint: Event) -> Event | None:
        """The first event that settled a complaint: a `resolved` that names it, or the `resolves` of an `engaged`."""
        settled = self.fold(Complaints, Complaints.take, Complained, Resolved, settles).settled
        return None if complaint.id is None else settled.get(complaint.id)

    @property
    def judgement(self) -> Judged | None:
        """The latest verdict of a person, expired or not."""
        return self.latest(Judged)

    def _profile(self, field: str) -> Any:
        latest = self.latest(_says(field))
        return None if latest is None else getattr(latest, field)

    @property
    def name(self) -> str | None:
        """What the client is called."""
        name: str | None = self._profile("name")
        return name

    @property
    def tier(self) -> str:
        """The client's tier, `standard` until said otherwise."""
        return self._profile("tier") or "standard"

    @property
    def owner(self) -> str | None:
        """Who of us looks after the client."""
        owner: str | None = self._profile("owner")
        return owner

    @property
    def stage(self) -> str | None:
        """`prospect` or `client`, as far as anybody said."""
        stage: str | None = self._profile("stage")
        return stage

    @property
    def channel(self) -> str | None:
        """The channel that the client prefers."""
        channel: str | None = self._profile("channel")
        return channel

    @property
    def timezone(self) -> str | None:
        """The client's time zone, as it was noted."""
        timezone: str | None = self._profile("timezone")
        return timezone

    @property
    def annual_value(self) -> Decimal | None:
        """What the client is worth in a year."""
        value: Decimal | None = self._profile("annual_value")
        return value

    @property
    def cadence(self) -> timedelta | None:
        """The client's own rhythm of contact, where one was agreed."""
        cadence_days: int | None = self._profile("cadence_days")
        return None if cadence_days is None else timedelta(days=cadence_days)

    @property
    def plan(self) -> str | None:
        """How we mean to keep the client, in words of our own."""
        plan: str | None = self._profile("plan")
        return plan


def interaction(event: Event) -> bool:
    """An event of the relationship, from the first of which retention starts; `retracted` and `action_*` are none."""
    return not isinstance(event, NO_INTERACTION)


@cache
def _says(field: str) -> Callable[[Event], bool]:
    """The condition `profiled` with this field."""

    def matches_field(event: Event) -> bool:
        return isinstance(event, Profiled) and getattr(event, field) is not None

    matches_field.among = Profiled  # type: ignore[attr-defined] # no others need be looked at
    return matches_field


def _no_term() -> tuple[Term | None]:
    return (None,)


def _longest_term(so_far: tuple[Term | None], event: Event) -> tuple[Term | None]:
    if not isinstance(event, Renewed) or event.term_end is None or (so_far[0] and event.term_end < so_far[0].end):
        return so_far
    return (Term(event.term_start, event.term_end, event.value, event.currency, event),)
