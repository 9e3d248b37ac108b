"""A client as known at a moment: its history, cut by valid and by transaction time, and the views that rules read."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeVar, overload

import attrs

from .errors import UnknownClient
from .events import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Complained,
    Engaged,
    Event,
    Judged,
    Profiled,
    Renewed,
    Resolved,
    Retracted,
)
from .moments import in_utc

E = TypeVar("E", bound=Event)
Selector = type[Event] | Callable[[Event], bool]
"""A class of events, or a condition on one event."""

ORDER = attrgetter("order")
NO_INTERACTION = (Retracted, ActionDone, ActionSnoozed, ActionDismissed)


@attrs.frozen
class Term:
    """A contract's term: from `start` (if known) to `end`, by the `renewed` event that said so."""

    start: datetime | None
    end: datetime
    value: Decimal | None
    currency: str | None
    event: Renewed


@attrs.frozen(eq=False, repr=False, slots=False)
class Client:
    """One client's history as known at a moment, and what rules ask of it.

    Make one with `Client.from_events`. Rules get it already cut, so that they can't see the future.

    Attributes:
        id: the client's id.
        events: what counts, in order (by `at`, ties by position): nothing later than the cut, nothing retracted.
    """

    id: str
    events: tuple[Event, ...]
    _found: dict[Any, Any] = attrs.field(factory=dict, init=False)
    _by_type: dict[type[Event], list[Event]] = attrs.field(factory=dict, init=False)

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
        given = list(events)
        if any(event.position == 0 for event in given):
            given = [event.at_position(position) for position, event in enumerate(given, start=1)]
        known = [event for event in given if as_at is None or event.recorded_at <= as_at]
        gone = {event.event for event in known if isinstance(event, Retracted)}
        counted = [
            event
            for event in known
            if (as_of is None or event.at <= as_of)
            and not isinstance(event, Retracted)
            and not (gone and event.id in gone)
        ]
        return cls(id, tuple(sorted(counted, key=ORDER)))

    def as_of(self, moment: datetime) -> "Client":
        """This client without what happened after `moment`."""
        moment = in_utc(moment)
        if not self.events or self.events[-1].at <= moment:
            return self
        return Client(self.id, tuple(event for event in self.events if event.at <= moment))

    def __repr__(self) -> str:
        return f"<Client {self.id!r}: {len(self.events)} events>"

    def __bool__(self) -> bool:
        """Whether anything is known of the client that starts the relationship."""
        return any(not isinstance(event, NO_INTERACTION) for event in self.events)

    @property
    def first(self) -> Event:
        """The first event, from which retention starts; `retracted` and `action_*` don't count.

        Raises:
            UnknownClient: there is none.
        """
        for event in self.events:
            if not isinstance(event, NO_INTERACTION):
                return event
        raise UnknownClient(f"nothing is known of the client {self.id!r} at that moment")

    @property
    def since(self) -> datetime:
        """The instant of the first event."""
        return self.first.at

    @overload
    def of(self, kind: type[E], /) -> tuple[E, ...]: ...
    @overload
    def of(self, *selectors: Selector) -> tuple[Event, ...]: ...
    def of(self, *selectors: Selector) -> tuple[Event, ...]:
        """The events of these kinds, or for which one of these conditions holds, in order."""
        found: tuple[Event, ...] | None = self._found.get(selectors)
        if found is None:
            if len(selectors) == 1:
                found = tuple(self._matching(selectors[0]))
            else:
                parts = {id(event): event for selector in selectors for event in self.of(selector)}
                found = tuple(sorted(parts.values(), key=ORDER))
            self._found[selectors] = found
        return found

    def _matching(self, selector: Selector) -> Iterable[Event]:
        if not isinstance(selector, type):
            return (event for event in self.events if selector(event))
        if not self._by_type:
            for event in self.events:
                self._by_type.setdefault(type(event), []).append(event)
        found = [events for kind, events in self._by_type.items() if issubclass(kind, selector)]
        return found[0] if len(found) == 1 else sorted((event for events in found for event in events), key=ORDER)

    @overload
    def latest(self, selector: type[E], /) -> E | None: ...
    @overload
    def latest(self, selector: Callable[[Event], bool], /) -> Event | None: ...
    def latest(self, selector: Selector, /) -> Event | None:
        """The latest event of a kind, or for which a condition holds."""
        if selector not in self._found:
            latest: Event | None
            if isinstance(selector, type):
                latest = next(reversed(self.of(selector)), None)
            else:
                latest = next((event for event in reversed(self.events) if selector(event)), None)
            self._found[selector] = latest
        found: Event | None = self._found[selector]
        return found

    def base(self, selector: Selector) -> datetime:
        """The instant from which a rule counts: that of the latest such event, or `since` where there is none."""
        latest = self.latest(selector)
        return self.since if latest is None else latest.at

    def after(self, event: Event | None, *selectors: Selector) -> tuple[Event, ...]:
        """The events of these kinds or conditions that follow `event`; all of them where it is `None`."""
        found = self.of(*selectors)
        return found if event is None else tuple(other for other in found if other.order > event.order)

    @property
    def term(self) -> Term | None:
        """The term that ends last, if any `renewed` event says when its term ends."""
        latest: Term | None = None
        for event in self.of(Renewed):
            if event.term_end is not None and (latest is None or event.term_end >= latest.end):
                latest = Term(event.term_start, event.term_end, event.value, event.currency, event)
        return latest

    @property
    def complaints(self) -> tuple[Complained, ...]:
        """All complaints, resolved or not."""
        return self.of(Complained)

    @property
    def open_complaints(self) -> tuple[Complained, ...]:
        """The complaints that no `resolved` names, nor the `resolves` of any `engaged`."""
        settled = {event.complaint for event in self.of(Resolved)}
        settled |= {event.resolves for event in self.of(Engaged) if event.resolves is not None}
        return tuple(complaint for complaint in self.complaints if complaint.id not in settled)

    @property
    def judgement(self) -> Judged | None:
        """The latest verdict of a person, expired or not."""
        return self.latest(Judged)

    def _profile(self, field: str) -> Any:
        if field not in self._found:
            said = (getattr(event, field) for event in reversed(self.of(Profiled)))
            self._found[field] = next((value for value in said if value is not None), None)
        return self._found[field]

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
