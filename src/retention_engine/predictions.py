"""What the rules said of a client at past moments, each time from what had happened and was recorded by then."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from .client import Client
from .engine import Engine, Schedule
from .events import Event, Retracted
from .findings import Health
from .outcomes import seems_gone
from .stating import RuleFailure
from .timelines import schedules
from .words import contact, heard

AS_DEAR = 4
"""Reading a client anew costs about as much as so many events more."""


@attrs.frozen
class Prediction:
    """What the rules said of a client at a moment, and how long it had been quiet, which needs no rule.

    Attributes:
        client: the client's id.
        at: the moment.
        status: the client's health by the rules alone, whatever a person judged.
        levels: the worst concern in force of each rule that had one.
        gone: whether the client had left by then, as far as was known.
        quiet: how long ago the latest contact was; since the first event, where there was none.
        unheard: how long ago the client was last heard, likewise.
    """

    client: str
    at: datetime
    status: Health
    levels: Mapping[str, Health]
    gone: bool
    quiet: timedelta
    unheard: timedelta


def predictions(
    engine: Engine, client: str, events: Sequence[Event], moments: Sequence[datetime]
) -> Iterator[tuple[Prediction, tuple[RuleFailure, ...]]]:
    """What the rules said of a client at each of the moments at which it was known, and which of them failed.

    Where nothing came late, the client grows event by event, and only the rules that read what is new are asked again.
    Where something had happened that nobody had recorded yet, where something is retracted, and where the moments are
    few beside the events, the client is read anew for the moment.

    Args:
        engine: the rules.
        client: the client's id.
        events: the client's events, in any order.
        moments: the moments, in order.
    """
    read_anew = _read_anew(events, moments)
    growing = _Growing(engine, client, events)
    anew = _Anew(engine, client, events)
    for place, moment in enumerate(moments):
        known, schedule = (anew if place in read_anew else growing).at(moment)
        if known:
            yield _prediction(known, schedule, moment), schedule.failures


def hidden(event: Event, moments: Sequence[datetime]) -> range:
    """At which of the moments an event had happened and was not recorded yet, by their places."""
    return range(bisect_left(moments, event.at), bisect_left(moments, event.recorded_at))


def _read_anew(events: Sequence[Event], moments: Sequence[datetime]) -> Container[int]:
    """The places of the moments for which a client is to be read anew."""
    if len(moments) * AS_DEAR < len(events) or any(isinstance(event, Retracted) for event in events):
        return range(len(moments))
    return {place for event in events for place in hidden(event, moments)}


class _Growing:
    """A client of whom all that had happened was known at each moment asked about."""

    def __init__(self, engine: Engine, client: str, events: Sequence[Event]) -> None:
        whole = Client.from_events(client, events)
        self._instants = [event.at for event in whole.events]
        self._coming = schedules(engine, whole)
        self._known = Client(client, ()), Schedule((), (), (), None)

    def at(self, moment: datetime) -> tuple[Client, Schedule]:
        count = bisect_right(self._instants, moment)
        while len(self._known[0].events) < count:
            self._known = next(self._coming)
        return self._known


class _Anew:
    """A client read from its events whenever something more of it is known."""

    def __init__(self, engine: Engine, client: str, events: Sequence[Event]) -> None:
        self._engine = engine
        self._events = events
        self._learned = sorted(
            event.recorded_at if isinstance(event, Retracted) else max(event.at, event.recorded_at) for event in events
        )
        self._known = -1
        self._client = Client(client, ())
        self._schedule = Schedule((), (), (), None)

    def at(self, moment: datetime) -> tuple[Client, Schedule]:
        count = bisect_right(self._learned, moment)
        if count != self._known:
            self._client = Client.from_events(self._client.id, self._events, as_of=moment, as_at=moment)
            self._schedule = self._engine.schedule(self._client)
            self._known = count
        return self._client, self._schedule


def _prediction(known: Client, schedule: Schedule, moment: datetime) -> Prediction:
    levels: dict[str, Health] = {}
    for concern in schedule.concerns:
        if concern.level > levels.get(concern.rule, Health.HEALTHY) and concern.in_force(moment):
            levels[concern.rule] = concern.level
    status = schedule.computed(moment)
    return Prediction(
        client=known.id,
        at=moment,
        status=status,
        levels=levels,
        gone=status is Health.LEFT or seems_gone(known, moment),
        quiet=moment - known.base(contact),
        unheard=moment - known.base(heard),
    )
