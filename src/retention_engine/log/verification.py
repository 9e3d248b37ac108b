"""Whether a log is what was once stored: flipped bits, gaps, reorderings, keys that point nowhere."""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from ..codec import digest
from ..errors import LogCorrupt, LogKindMissing
from ..events import Event
from ..kinds import Kinds
from .rows import Key, Known, Row, event_of, key_of
from .store import NO_HEAD, Head, Store


@attrs.frozen
class Flaw:
    """Something wrong with a log.

    Attributes:
        code: a stable word for the kind of flaw.
        message: what is wrong, and where.
        position: the event concerned, if one is.
    """

    code: str
    message: str
    position: int | None = None


def flaws(store: Store, rows: Iterable[Row], kinds: Kinds) -> Iterator[Flaw]:
    """Everything wrong with a store whose rows are given by client and version."""
    try:
        for problem in store.problems():
            yield Flaw("database", f"{store.name}: {problem}")
        yield from _flaws_of_rows(store, rows, kinds)
    except LogCorrupt as error:  # so damaged that the rest can't be read
        yield Flaw("database", str(error))


def _flaws_of_rows(store: Store, rows: Iterable[Row], kinds: Kinds) -> Iterator[Flaw]:
    client: str | None = None
    last = NO_HEAD
    count = 0
    for row in rows:
        count += 1
        if row.client != client:
            client, last = row.client, NO_HEAD
            keys = dict(store.keys_of(client))
            digests = {known.position: known.digest for known in keys.values()}
            yield from _lost_keys(store, client, keys)
        try:
            event = event_of(row, kinds)
        except LogCorrupt as error:
            code = "unknown-kind" if isinstance(error, LogKindMissing) else "damaged"
            yield Flaw(code, str(error), row.position)
            last = Head(last.version + 1, row.position)  # its number may be what is damaged
        else:
            yield from _misplaced(row, last)
            yield from _wrongly_known(event, keys, digests)
            last = Head(row.version, row.position)
    here, appended = store.count()
    if count == here and here != appended:
        yield Flaw("count", f"{appended} events were stored and {here} are there")


def _misplaced(row: Row, last: Head) -> Iterator[Flaw]:
    if row.version != last.version + 1:
        what = f"the history of {row.client!r} jumps to number {row.version}, where {last.version + 1} was due"
        yield Flaw("gap", what, row.position)
    if row.position <= last.position:
        what = f"number {row.version} of {row.client!r} stands at {row.position}, before number {last.version}"
        yield Flaw("order", what, row.position)


def _lost_keys(store: Store, client: str, keys: Mapping[Key, Known]) -> Iterator[Flaw]:
    positions = {row.position for row in store.client(client)} if keys else set()
    for key, (_, position) in keys.items():
        if position not in positions:
            yield Flaw("gap", f"the event {key.name!r} of {client!r}, position {position}, is missing", position)


def _wrongly_known(event: Event, keys: Mapping[Key, Known], digests: Mapping[int, bytes]) -> Iterator[Flaw]:
    key, content = key_of(event), digest(event)
    if key is not None and keys.get(key) != Known(content, event.position):
        yield Flaw("key", f"the id {event.id!r} of {event.client!r} is not, or wrongly, known", event.position)
    elif digests.get(event.position, content) != content:
        yield Flaw("key", f"what {event.client!r} has at {event.position} is known as something else", event.position)
