"""Clients that grow: what was worked out for one stays, so that a further event costs little however long the history."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from ..client import Client
from ..engine import Engine
from ..events import Event, Retracted
from ..growing import GrowingClient
from ..history import AT
from ..log.agenda_rows import NO_ROWS, ClientRows
from ..timelines import KeptRules
from .courses import ActionText, Stage, rows_of

MOST_EVENTS = 500_000
MOST_CLIENTS = 20_000


class KeptClient:
    """A client with all that was worked out for it, up to one of its events.

    Attributes:
        id: the client's id.
        version: how many events the log had on it by then.
        learned: when the latest of them was recorded.
        since: the instant of the latest one that lay in the past by then; `None` where all are yet to happen.
        rows: what the agenda is to have on it.
    """

    def __init__(self, engine: Engine, id: str, events: Sequence[Event]) -> None:
        self.id = id
        self.version = len(events)
        self.learned = max(event.recorded_at for event in events)
        self._rules = KeptRules(engine.rules)
        self._texts = ActionText()
        self._growing = GrowingClient(id)
        self.is_settled = True
        self.since: datetime | None = None
        self.rows = self._begun(Client.from_events(id, events).events)

    def __len__(self) -> int:
        return len(self._growing)

    def take(self, events: Sequence[Event]) -> bool:
        """Take in further events; where that can't be done, the client is to be made anew.

        Returns:
            Whether it was done. A late event, a retraction and one that is yet to happen are not taken in.
        """
        changed: list[Any] = []
        for event in events:
            learned = max(self.learned, event.recorded_at)
            if (
                not self.is_settled
                or isinstance(event, Retracted)
                or not self._growing.follows(event)
                or event.at > learned
            ):
                self.is_settled = False
                return False
            self.learned = learned
            self.version += 1
            self.since = event.at
            changed += self._growing.take(event)
        client = self._growing.client()
        schedule = self._rules.schedule(client, changed)
        stages = [Stage(events[-1].at, client, schedule)] if client else []
        self.rows = rows_of(self.id, stages, self.learned, [self._texts])
        return True

    def _begun(self, events: Sequence[Event]) -> ClientRows:
        past = [event for event in events if event.at <= self.learned]
        future = events[len(past) :]
        self._growing = GrowingClient(self.id, past)
        self.is_settled = not future
        stages = []
        if past:
            self.since = past[-1].at
            client = self._growing.client()
            stages.append(Stage(past[-1].at, client, self._rules.schedule(client, ())))
        for at, happening in groupby(future, key=AT):
            changed = [what for event in list(happening) for what in self._growing.take(event)]
            client = self._growing.client()
            stages.append(Stage(at, client, self._rules.schedule(client, changed)))
        stages = [stage for stage in stages if stage.client]
        return rows_of(self.id, stages, self.learned, [self._texts, *(ActionText() for _ in stages[1:])])


class MadeClient(NamedTuple):
    """A client that was worked out once, for nobody to grow; the fields are those of a `KeptClient`."""

    id: str
    learned: datetime
    since: datetime | None
    rows: ClientRows


def made(engine: Engine, id: str, events: Sequence[Event]) -> MadeClient:
    """A client worked out from its history, which is all that is kept of it."""
    learned = max(event.recorded_at for event in events)
    client = Client.from_events(id, events)
    if not client:
        return MadeClient(id, learned, None, NO_ROWS)
    if client.latest_at > learned:
        kept = KeptClient(engine, id, events)
        return MadeClient(id, learned, kept.since, kept.rows)
    stage = Stage(client.latest_at, client, engine.schedule(client))
    return MadeClient(id, learned, client.latest_at, rows_of(id, [stage], learned, [ActionText()]))


class Keeper:
    """The clients that were looked at last. One is taken out to be grown, and put back once what it says is stored.

    Safe to use from several threads.

    Args:
        most_events: how many events the clients may have between them.
    """

    def __init__(self, most_events: int = MOST_EVENTS) -> None:
        self._most = most_events
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, KeptClient] = OrderedDict()
        self._size = 0
        self._place: object = None

    def take(self, id: str, version: int) -> KeptClient | None:
        """A client as it was when the log had so many events on it, if it was kept; nobody else has it then."""
        with self._lock:
            found = self._kept.pop(id, None)
            if found is None:
                return None
            self._size -= len(found)
        return found if found.version == version else None

    def keep(self, clients: Sequence[KeptClient], place: object) -> None:
        """Put clients back, whose rows are stored in the place that is named."""
        with self._lock:
            if place != self._place:
                self._clear()
                self._place = place
            for client in clients:
                if not client.is_settled or len(client) > self._most:
                    continue
                if earlier := self._kept.pop(client.id, None):
                    self._size -= len(earlier)
                self._kept[client.id] = client
                self._size += len(client)
            while self._size > self._most or len(self._kept) > MOST_CLIENTS:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)

    def at(self, place: object) -> None:
        """Throw all away that is not of this place."""
        with self._lock:
            if place != self._place:
                self._clear()
                self._place = place

    def _clear(self) -> None:
        self._kept.clear()
        self._size = 0
