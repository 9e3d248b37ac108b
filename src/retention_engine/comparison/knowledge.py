"""What was learned of a moment after it: the events recorded late that bear on it, and what each of them changes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from ..client import Client
from ..engine import Engine
from ..events import Event, Retracted
from ..findings import Health
from ..history import ORDER

MOST_STEPS = 50
"""Of a client with more late events than this, the status is not worked out after each of them."""


@attrs.frozen
class Learned:
    """What was recorded late of a client and bears on the moment asked about.

    Attributes:
        event: the event that was recorded: one that counts since, or the retraction of one that counted until then.
        retracts: the event that it retracts.
        before: the status before it was recorded; `None` where the client was not known.
        after: the status once it was, with all that was recorded at the same instant.
        is_traced: whether the two statuses were worked out; see `MOST_STEPS`.
    """

    event: Event
    retracts: Event | None
    before: Health | None = None
    after: Health | None = None
    is_traced: bool = False


def with_learned(client: Client, learned: Iterable[Learned]) -> Client:
    """A client as it was known, with what was learned since: late events count, and retracted ones no more."""
    events = {event.position: event for event in client.events}
    for one in learned:
        if one.retracts is None:
            events[one.event.position] = one.event
        else:
            events.pop(one.retracts.position, None)
    return Client(client.id, sorted(events.values(), key=ORDER))


def learned_since(events: Iterable[Event], then: Client, now: Client, known_at: datetime) -> list[Learned]:
    """What was recorded after an instant and makes the difference between two cuts of a client, as it was recorded."""
    known, counted = ({event.position for event in client.events} for client in (then, now))
    gone = {event.id: event for event in then.events if event.position not in counted}
    found = [Learned(event, None) for event in now.events if event.position not in known]
    late = (event for event in events if isinstance(event, Retracted) and event.recorded_at > known_at)
    by_time = sorted(late, key=lambda it: (it.recorded_at, it.position))
    found += (Learned(event, gone.pop(event.event)) for event in by_time if event.event in gone)
    return sorted(found, key=lambda it: (it.event.recorded_at, it.event.position))


def traced(learned: Sequence[Learned], engine: Engine, then: Client, at: datetime) -> Iterator[Learned]:
    """What was learned, with the status before and after each instant at which something was recorded."""
    instants = sorted({one.event.recorded_at for one in learned})
    if len(instants) > MOST_STEPS:
        yield from learned
        return
    client, before = then, engine.assess(then, at=at).status if then else None
    for instant in instants:
        together = [one for one in learned if one.event.recorded_at == instant]
        client = with_learned(client, together)
        after = engine.assess(client, at=at).status if client else None
        yield from (attrs.evolve(one, before=before, after=after, is_traced=True) for one in together)
        before = after
