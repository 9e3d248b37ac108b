"""Events gathered by client: an event counts once, and what contradicts another one is noted."""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from .errors import EventError
from .events import Event, Retracted

Histories = Mapping[str, list[Event]]
"""The events of each client, by the client's id."""


@attrs.frozen
class Misfit:
    """An event that contradicts another one of its client.

    Attributes:
        event: the event at fault.
        error: what is wrong with it.
        other: the event that it contradicts, where there is one.
    """

    event: Event
    error: EventError
    other: Event | None = None


class Gathering:
    """Events gathered by client as they are read; an event's identity is its client and its id.

    Attributes:
        histories: the events by client, each counted once.
        misfits: the events whose id was used before with other content.
    """

    def __init__(self) -> None:
        self.histories: dict[str, list[Event]] = {}
        self.misfits: list[Misfit] = []
        self._by_id: dict[tuple[str, str], int] = {}

    def add(self, event: Event) -> None:
        """Take an event in; the same event a second time changes nothing but, if it is earlier, its `recorded_at`."""
        history = self.histories.setdefault(event.client, [])
        if event.id is not None:
            place = self._by_id.setdefault((event.client, event.id), len(history))
            if place < len(history):
                self._meet_again(history, place, event)
                return
        history.append(event)

    def _meet_again(self, history: list[Event], place: int, event: Event) -> None:
        known = history[place]
        if type(known) is not type(event) or known != event:
            reason = f"{event.id!r} was used for another event of this client; give one of the two another id"
            self.misfits.append(Misfit(event, EventError("key-reused", reason, "id"), known))
        elif event.recorded_at < known.recorded_at:
            history[place] = event.at_position(known.position)

    def lost_retractions(self) -> Iterator[Misfit]:
        """The retractions that name no event of their client, or another retraction."""
        for client, history in self.histories.items():
            for event in history:
                if isinstance(event, Retracted):
                    place = self._by_id.get((client, event.event))
                    if place is None:
                        reason = f"{client!r} has no event with the id {event.event!r}"
                    elif isinstance(history[place], Retracted):
                        reason = "a retraction can't be retracted; record the event again, with another id"
                    else:
                        continue
                    yield Misfit(event, EventError("nothing-to-retract", reason, "event"))


def gather(events: Iterable[Event]) -> Histories:
    """The events of each client, each counted once.

    Raises:
        EventError: an id was used twice with other content, or a retraction names nothing.
    """
    gathering = Gathering()
    for position, event in enumerate(events, start=1):
        gathering.add(event if event.position else event.at_position(position))
    for misfit in (*gathering.misfits, *gathering.lost_retractions()):
        raise misfit.error
    return gathering.histories
