"""A client whose history grows event by event, with all that was looked up in it."""

from collections.abc import Iterable, Iterator

from .client import Client
from .events import Event
from .history import History, Selector


class GrowingClient:
    """A client whose history grows event by event, with all that was looked up in it.

    Args:
        id: the client's id.
        events: what has happened by now, in order.
    """

    def __init__(self, id: str, events: Iterable[Event] = ()) -> None:
        self._id = id
        self._history = History(list(events))
        self._history.is_kept = True

    def __len__(self) -> int:
        return len(self._history.events)

    def follows(self, event: Event) -> bool:
        """Whether an event follows all others."""
        return not self._history.events or event.order > self._history.events[-1].order

    def take(self, event: Event) -> list[tuple[Selector, ...]]:
        """Take in an event that follows all others.

        Returns:
            Which of the kinds and conditions asked for before are answered otherwise now.
        """
        return self._history.grow(event)

    def client(self) -> Client:
        """The client by now."""
        return Client.over(self._id, self._history)


def retold(client: Client) -> Iterator[tuple[Client, list[tuple[Selector, ...]]]]:
    """A client as it grew, event by event; of events at one instant, after the last of them.

    Yields:
        The client by then, and which of the kinds and conditions asked for before are answered otherwise now.
    """
    growing = GrowingClient(client.id)
    events = client.events
    changed: list[tuple[Selector, ...]] = []
    for size, event in enumerate(events, start=1):
        changed += growing.take(event)
        if size == len(events) or event.at < events[size].at:
            yield growing.client(), changed
            changed = []
