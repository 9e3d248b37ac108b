"""One client's events in order, looked up by kind or condition; a client cut at an earlier moment shares the lookups."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar, overload

import attrs

from .events import Event
from .schema import FrozenDict

E_co = TypeVar("E_co", bound=Event, covariant=True)
S = TypeVar("S")

Selector = type[Event] | Callable[[Event], bool]
"""A class of events, or a condition on one event."""

Order = tuple[datetime, int]

ORDER = attrgetter("order")
AT = attrgetter("at")
POSITION = attrgetter("position")
EVERYTHING: tuple[Selector, ...] = (Event,)
"""What is read by whoever looks at all events."""

ANYTHING: tuple[Selector, ...] = ()
"""Stands for whatever was looked up, where that has been forgotten."""

MOST_LOOKUPS = 1024


class Events(Sequence[E_co]):
    """Events in order: a window on a history, which copies nothing. It equals a tuple or list of the same events."""

    __slots__ = ("_events", "_start", "_stop")

    def __init__(self, events: list[Any], start: int, stop: int) -> None:
        self._events = events
        self._start = start
        self._stop = max(start, stop)

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, place: int, /) -> E_co: ...
    @overload
    def __getitem__(self, place: slice, /) -> tuple[E_co, ...]: ...
    def __getitem__(self, place: int | slice, /) -> E_co | tuple[E_co, ...]:
        places = range(self._start, self._stop)[place]
        if isinstance(places, range):
            return tuple(map(self._events.__getitem__, places))
        found: E_co = self._events[places]
        return found

    def __iter__(self) -> Iterator[E_co]:
        return map(self._events.__getitem__, range(self._start, self._stop))

    def __reversed__(self) -> Iterator[E_co]:
        return map(self._events.__getitem__, range(self._stop - 1, self._start - 1, -1))

    def after(self, event: Event) -> "Events[E_co]":
        """Those that follow an event in the history."""
        start = bisect_right(self._events, event.order, self._start, self._stop, key=ORDER)
        return Events(self._events, start, self._stop)

    def between(self, start: datetime, end: datetime) -> "Events[E_co]":
        """Those that happened from `start` until just before `end`."""
        first = bisect_left(self._events, start, self._start, self._stop, key=AT)
        return Events(self._events, first, bisect_left(self._events, end, first, self._stop, key=AT))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment] # it equals lists

    def __repr__(self) -> str:
        return repr(tuple(self))


class History:
    """Events in order, with the lists of those that match a selector, each worked out once.

    Attributes:
        events: all of them, in order.
        is_kept: whether it is read at many moments, so that every lookup is worth its list.
        reads: the selectors asked for since somebody put a set here; `None` where nobody wants to know.
    """

    __slots__ = ("_by_type", "_found", "_has_lost", "_said", "_states", "events", "is_kept", "reads")

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.is_kept = False
        self.reads: set[tuple[Selector, ...]] | None = None
        self._found: dict[tuple[Selector, ...], list[Event]] = {}
        self._has_lost = False
        self._by_type: dict[type[Event], list[Event]] = {}
        self._states: dict[Any, tuple[int, Any]] = {}
        self._said: list[dict[str, Any]] = []

    def matching(self, selectors: tuple[Selector, ...]) -> list[Event]:
        """All events for which one of the selectors holds, in order."""
        found = self._found.get(selectors)
        if found is None:
            if not selectors:
                raise TypeError("name a kind of event or a condition, or several")
            if len(self._found) >= MOST_LOOKUPS:  # somebody makes a new condition whenever they ask
                self._found.clear()
                self._states.clear()
                self._has_lost = True
            found = self._found[selectors] = self._look_up(*selectors)
        return found

    def grow(self, event: Event) -> list[tuple[Selector, ...]]:
        """Take in an event that follows all others.

        Returns:
            What was looked up before and has changed by it; `ANYTHING` among it where that is not known any more.
        """
        self.events.append(event)
        if self._by_type:
            self._by_type.setdefault(type(event), []).append(event)
        changed = [EVERYTHING]
        if self._has_lost:
            changed.append(ANYTHING)
            self._has_lost = False
        for selectors, found in list(self._found.items()):
            try:
                matching = matches(event, selectors)
            except Exception:  # noqa: BLE001 - whoever asks again is to fail, and nobody else
                del self._found[selectors]
                changed.append(selectors)
                continue
            if matching:
                changed.append(selectors)
                found.append(event)
        return changed

    def _look_up(self, selector: Selector, *more: Selector) -> list[Event]:
        if more:
            selectors = (selector, *more)
            return [event for event in self.events if matches(event, selectors)]
        if not isinstance(selector, type):
            return list(filter(selector, self.events))
        if not self._by_type:
            for event in self.events:
                self._by_type.setdefault(type(event), []).append(event)
        if not (self.is_kept or selector.__subclasses__()):
            return self._by_type.get(selector, [])
        of_kinds = [events for kind, events in self._by_type.items() if issubclass(kind, selector)]
        if len(of_kinds) == 1 and not self.is_kept:
            return of_kinds[0]
        return sorted(chain.from_iterable(of_kinds), key=ORDER)

    def count(self, found: list[Event], size: int) -> int:
        """How many of the events found lie among the first `size` of all."""
        if size == len(self.events):
            return len(found)
        return bisect_right(found, self.events[size - 1].order, key=ORDER) if size else 0

    def fold(
        self, selectors: tuple[Selector, ...], size: int, start: Callable[[], S], step: Callable[[S, Event], S]
    ) -> S:
        """The state after those of the first `size` events that match, brought forward from where it was left."""
        found = self.matching(selectors)
        if not found:
            return start()
        wanted = self.count(found, size)
        key = (selectors, start, step)
        known: tuple[int, S] | None = self._states.pop(key, None)
        done, state = known if known is not None and known[0] <= wanted else (0, start())
        for place in range(done, wanted):
            state = step(state, found[place])
        if len(self._states) >= MOST_LOOKUPS:
            self._states.clear()
        self._states[key] = (wanted, state)
        return state

    def remember(self) -> None:
        """Note what the events say, for `put_back`."""
        noted = len(self._said)
        self._said[noted:] = [_noted(event) for event in self.events[noted:]]

    def put_back(self) -> list[str]:
        """Let all events say again what was noted of them, and look up anew what was looked up meanwhile.

        Returns:
            What had been changed, such as `note of e17`.
        """
        try:
            if list(map(vars, self.events)) == self._said:
                return []
        except Exception:  # noqa: BLE001, S110 - whatever was put there may be no value that can be compared
            pass
        changed = [
            f"{name} of {event.ref}"
            for event, said in zip(self.events, self._said, strict=True)
            for name in _put_back(event, said)
        ]
        if changed:
            self._found.clear()
            self._states.clear()
            self._has_lost = True
        return changed


_CHANGEABLE = frozenset({list, dict, set, bytearray, FrozenDict})


def _noted(event: Event) -> dict[str, Any]:
    said = dict(vars(event))
    if not _CHANGEABLE.isdisjoint(map(type, said.values())):
        said |= {name: deepcopy(value) for name, value in said.items() if type(value) in _CHANGEABLE}
    return said


def _put_back(event: Event, said: dict[str, Any]) -> list[str]:
    """Which fields of an event said something else; what its class keeps in it besides is none of them."""
    fields = vars(event)
    changed = []
    for name in sorted(said.keys() | fields.keys()):
        if name not in said and name not in attrs.fields_dict(type(event)):
            said[name] = fields[name]
        elif not _is_same(fields.get(name, _NOTHING), said.get(name, _NOTHING)):
            changed.append(name)
            if name in said:
                fields[name] = said[name]
            else:
                del fields[name]
    return changed


_NOTHING = object()


def _is_same(value: object, other: object) -> bool:
    try:
        return value is other or bool(value == other)
    except Exception:  # noqa: BLE001 - what can't be compared is something else
        return False


def matches(event: Event, selectors: tuple[Selector, ...]) -> bool:
    """Whether one of the selectors holds for an event."""
    for selector in selectors:  # noqa: SIM110 - asked for every event and lookup; a generator takes twice as long
        if isinstance(event, selector) if isinstance(selector, type) else selector(event):
            return True
    return False
