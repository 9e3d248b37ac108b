"""What a store keeps of an event: its row, its checksum, and its keys."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from ..codec import decode, stored_reader, with_recorded_at
from ..errors import EventError, LogCorrupt, LogKindMissing
from ..events import Event
from ..kinds import Kinds

CHECKSUM_BYTES = 8


class Row(NamedTuple):
    """An event as it is stored.

    Attributes:
        position: the event's place in the log, given by the store.
        client: the client's id.
        version: the event's number in the client's own history, from 1 without a gap.
        kind: the event's kind.
        state: the event as a line of JSON.
        checksum: of all the above but the position.
    """

    position: int
    client: str
    version: int
    kind: str
    state: bytes
    checksum: bytes


class Key(NamedTuple):
    """What makes recording an event a second time change nothing: its client and its id, or what stands for one.

    Attributes:
        client: the client's id.
        name: `id:` and the event's id, or `copy:` and what an importer knows the event by.
    """

    client: str
    name: str


class Known(NamedTuple):
    """What the log knows by a key: the content's digest, and where the event stands."""

    digest: bytes
    position: int


def key_of(event: Event) -> Key | None:
    """The key of an event with an id."""
    return None if event.id is None else Key(event.client, f"id:{event.id}")


def stored(event: Event, version: int, content: bytes) -> Row:
    """An event's row, whose position the store is yet to give; the content is the event's canonical line."""
    client, kind = event.client, event.kind
    state = with_recorded_at(content, event)
    return Row(0, client, version, kind, state, checksum(client, version, kind, state))


def checksum(client: str, version: int, kind: str, state: bytes) -> bytes:
    """A row's checksum: it changes with any bit of the row, and with the row's place in the client's history."""
    head = f"{len(client)}:{client}{version}:{kind}:".encode()
    return sha256(head + state).digest()[:CHECKSUM_BYTES]


def is_intact(row: Row) -> bool:
    """Whether a row is what was once stored."""
    typed = isinstance(row.client, str) and isinstance(row.state, bytes)  # a flipped bit can change a value's type
    return typed and row.checksum == checksum(row.client, row.version, row.kind, row.state)


def can_be_a_client(client: str) -> bool:
    """Whether an event can carry this client's id; what can't, databases refuse to look for."""
    return "\0" not in client and client == client.encode(errors="replace").decode()


def event_of(row: Row, kinds: Kinds) -> Event:
    """The event that a row holds.

    Raises:
        LogCorrupt: the row is damaged.
        LogKindMissing: it holds a kind that nobody registered.
    """
    if not is_intact(row):
        raise LogCorrupt(f"event {row.position} of client {row.client!r} is damaged: its checksum does not fit")
    try:
        return decode(row.state, position=row.position, kinds=kinds)
    except EventError as error:
        cls = LogKindMissing if error.code == "unknown-kind" else LogCorrupt
        raise cls(f"event {row.position} of client {row.client!r} can't be read: {error}") from None


Columns = tuple[int, str, int, str, bytes, bytes]
"""A row as a database hands it out: what `Row` has, without the names."""


def events_of(rows: Iterable[Columns], kinds: Kinds) -> list[Event]:
    """The events of rows, in their order.

    Raises:
        LogCorrupt: a row is damaged, or holds a kind that nobody registered.
    """
    return [event for _, events in histories_of(rows, kinds) for event in events]


def histories_of(rows: Iterable[Columns], kinds: Kinds) -> Iterator[tuple[str, list[Event]]]:
    """The events of rows as `event_of` reads them, each client's together, where those of one client lie together.

    Raises:
        LogCorrupt: a row is damaged, or holds a kind that nobody registered.
    """
    readers = {kind: (f":{kind}:".encode(), stored_reader(cls)) for kind, cls in kinds.items()}
    current: str | None = None
    events: list[Event] = []
    head = b""
    for row in rows:
        position, client, version, kind, state, given = row
        if client != current:
            if current is not None:
                yield current, events
            current, events = client, []
            head = f"{len(client)}:{client}".encode() if isinstance(client, str) else b""
        try:
            named, read = readers[kind]
            intact = sha256(b"%b%d%b%b" % (head, version, named, state)).digest()[:CHECKSUM_BYTES] == given
            event = read(state, position) if intact else None
        except (KeyError, TypeError):  # a flipped bit can change a value's type
            event = None
        events.append(event_of(Row(*row), kinds) if event is None else event)
    if current is not None:
        yield current, events
