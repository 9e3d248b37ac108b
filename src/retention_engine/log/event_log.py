"""The append-only log: events recorded exactly once, and read back by client or by position."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import attrs

from ..codec import canonical
from ..errors import (
    EventError,
    KeyReused,
    LogError,
    LogLocked,
    LogUnavailable,
    OutcomeUnknown,
    RetentionError,
    VersionConflict,
)
from ..events import Event, Retracted
from ..kinds import KINDS, Kinds
from .redaction import Forgotten, forget
from .rows import Columns, Key, Known, Row, can_be_a_client, events_of, histories_of, key_of, stored
from .store import NO_HEAD, Store, Writing
from .verification import Flaw, flaws

PAGE = 5_000
MOST_REMEMBERED = 100_000
PAUSES = (0.0, 0.2, 1.0)
"""Seconds before each attempt to record; all but the first are made while an earlier one may have succeeded."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock that stamps `recorded_at` where no other is passed in."""
    return datetime.now(UTC)


@attrs.frozen
class Receipt:
    """Where an event stands in the log.

    Attributes:
        client: the client's id.
        id: the event's id, if it has one.
        position: the event's place in the log; ordered, but not without gaps.
        new: whether it was stored just now; recording it again gives the same receipt.
    """

    client: str
    id: str | None
    position: int
    new: bool = attrs.field(eq=False)


class Span(NamedTuple):
    """Clients whose ids follow one another, in a log as it was when it ended at a position.

    Attributes:
        first: the first one's id.
        last: the last one's id; `None` where no client follows them.
        upto: the position.
    """

    first: str
    last: str | None
    upto: int


Fresh = tuple[int, int, Event]
"""An event that was just stored: its number in its client's history, its position, and itself without that."""


class Companion(Protocol):
    """Something that is kept current with a log within the transactions that record events."""

    def take_in(self, writing: Writing, fresh: Sequence[Fresh]) -> Callable[[], None]:
        """Take in events that were just stored; what is written here is stored with them, or not at all.

        Args:
            writing: the transaction.
            fresh: the events, each behind its number in its client's history and its position; by position.

        Returns:
            What is to be called once all of it is stored.
        """


class EventLog:
    """An append-only log of events in a store.

    Safe to use from several threads, and by several processes that each open it. Close it, or use it as a context
    manager.

    Args:
        store: where the rows are kept.
        kinds: the kinds of event that may be recorded and read.
        clock: stamps `recorded_at`.
    """

    def __init__(self, store: Store, *, kinds: Kinds = KINDS, clock: Clock = utc_now) -> None:
        self.store = store
        self.kinds = kinds
        self.clock = clock
        self.companion: Companion | None = None
        self._classes = frozenset(kinds.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back files and connections; the log can't be used afterwards."""
        self.store.close()

    def record(self, event: Event, *, expected: int | None = None) -> Receipt:
        """Store one event; `recorded_at` is stamped now.

        Args:
            event: what happened; with an id it is stored once, however often it is recorded.
            expected: the position of the client's last event as it was read, 0 for none; the event is refused if the
                history has grown since. An event that is stored already gives its receipt all the same.

        Raises:
            KeyReused: an event with this id and other content is stored.
            VersionConflict: the history has grown.
            EventError: a retraction names no event of the client, or the kind is not registered with this log.
            LogError: the log can't be written.
        """
        return self.record_many([event], expected=None if expected is None else {event.client: expected})[0]

    def record_many(self, events: Iterable[Event], *, expected: Mapping[str, int] | None = None) -> list[Receipt]:
        """Store several events, of one client or more, all of them or none; as `record` otherwise."""
        stamped = [event.recorded(self.clock()) for event in events]
        in_doubt: OutcomeUnknown | None = None
        for pause in PAUSES:
            if pause:
                time.sleep(pause)
            try:
                return self._record_once(stamped, expected or {})
            except OutcomeUnknown as error:
                in_doubt = error
            except (LogLocked, LogUnavailable):
                if in_doubt is None:
                    raise
            # An id makes a second attempt safe: what was stored is found again.
            if not all(event.id for event in stamped):
                break
        assert in_doubt is not None  # noqa: S101 - the loop goes on, or ends, in doubt alone
        raise in_doubt

    def _record_once(self, events: Sequence[Event], expected: Mapping[str, int]) -> list[Receipt]:
        receipts: dict[int, Receipt] = {}
        fresh: list[Fresh] = []
        kept: Callable[[], None] | None = None
        with self.appending() as appending:
            conflict = appending.conflict(expected)
            # A retraction may come with, and before, the event that it names.
            for retracted in (False, True):
                step = [index for index, event in enumerate(events) if isinstance(event, Retracted) is retracted]
                outcomes = appending.append([(events[index], key_of(events[index])) for index in step])
                fresh += appending.fresh
                for index, outcome in zip(step, outcomes, strict=True):
                    if isinstance(outcome, RetentionError):
                        raise outcome
                    receipts[index] = outcome
            if conflict is not None and any(receipt.new for receipt in receipts.values()):
                raise conflict
            if self.companion is not None and fresh:
                kept = self.companion.take_in(appending.writing, fresh)
        if kept is not None:
            kept()
        return [receipts[index] for index in range(len(events))]

    @contextmanager
    def appending(self) -> Iterator["Appending"]:
        """Store many events in steps, all of them or none: leaving with an exception undoes every step."""
        with self.store.writing() as writing:
            appending = Appending(writing, self._classes)
            yield appending
            if appending.broken:  # and whoever saw it fail went on all the same
                what = f"{self.store.name} stored nothing, since a step of the write had failed"
                raise LogError(what, hint="Try again.")

    def client(self, client: str) -> list[Event]:
        """A client's events, in the order in which they were stored; empty where none is."""
        return events_of(self.store.client(client), self.kinds) if can_be_a_client(client) else []

    def clients(self, span: Span | None = None) -> Iterator[tuple[str, list[Event]]]:
        """Every client with their events, by id: the log as it was when the first was asked for.

        One page of rows and one client's events are in memory at a time.

        Args:
            span: these clients alone, and the log as it was when the span was made.
        """
        return histories_of(self._rows_by_client(span), self.kinds)

    def spans(self, events: int) -> Iterator[Span]:
        """The clients by id, cut into spans with about so many events: the log as it was when the first was asked for."""
        upto = self.head()
        first = last = ""
        count = 0
        while sizes := self.store.sizes(last, upto, PAGE):
            for last, size in sizes:
                first = first or last
                count += size
                if count >= events:
                    yield Span(first, last, upto)
                    first, count = "", 0
        if count:
            yield Span(first, last, upto)

    def tail(self, after: int = 0) -> Iterator[Event]:
        """The events behind a position, in the order in which they were stored, up to now."""
        while rows := self.store.tail(after, PAGE):
            yield from events_of(rows, self.kinds)
            after = rows[-1].position

    def head(self) -> int:
        """The position of the last event, 0 for an empty log."""
        return self.store.head()

    def verify(self) -> Iterator[Flaw]:
        """Everything that is wrong with the log: flipped bits, gaps, reorderings, keys that point nowhere."""
        return flaws(self.store, map(Row._make, self._rows_by_client()), self.kinds)

    def forget(self, client: str) -> Forgotten:
        """Remove what is personal from a client's events, in the log's files too; verdicts stay what they are."""
        return forget(self.store, client, self.kinds)

    def backup(self, path: Path) -> None:
        """Write a consistent copy of the log while others read and write it.

        Raises:
            LogError: the file exists, or the store has tools of its own for this.
        """
        self.store.backup(path)

    def _rows_by_client(self, span: Span | None = None) -> Iterator[Columns]:
        first, last, upto = span or Span("", None, self.head())
        place = (first, 0)
        while rows := self.store.page(place, upto, PAGE, last):
            yield from rows
            place = rows[-1][1:3]


class Appending:
    """Events on their way into the log, within one transaction.

    Attributes:
        writing: the transaction.
        broken: whether a step failed; then nothing can be stored any more.
        fresh: what the latest step stored: the events, each behind its number in its client's history and its position.
    """

    def __init__(self, writing: Writing, classes: frozenset[type[Event]]) -> None:
        self.writing = writing
        self.fresh: Sequence[Fresh] = ()
        self._classes = classes
        self._versions: dict[str, int] = {}
        self.broken = False

    def conflict(self, expected: Mapping[str, int]) -> VersionConflict | None:
        """The first client whose history does not end at the position expected, as an error to raise; `None` if none."""
        heads = self.writing.heads(expected) if expected else {}
        for client, position in expected.items():
            found = heads.get(client, NO_HEAD).position
            if found != position:
                return VersionConflict(f"the history of {client!r} ends at position {found}, not at {position}")
        return None

    def append(self, events: Sequence[tuple[Event, Key | None]]) -> list[Receipt | RetentionError]:
        """Store events under their keys: for each a receipt, or why it is refused.

        An event whose key is known is not stored again. A retraction must come after the event that it names, if not in
        the same step.
        """
        self.fresh = ()
        if not events:
            return []
        self.broken = True
        known = self.writing.known([key for _, key in events if key is not None])
        versions = self._versions_of({event.client for event, _ in events})
        rows: list[Row] = []
        new: list[Event] = []
        keys: list[tuple[int, Key, bytes]] = []
        fresh: dict[Key, tuple[bytes, int]] = {}
        outcomes: list[Receipt | RetentionError | int] = []
        for event, key in events:
            if refusal := self._refusal(event):
                outcomes.append(refusal)
                continue
            content = canonical(event)
            if key is not None:
                digest = sha256(content).digest()
                if key in known:
                    outcomes.append(_met_again(event, digest, known[key]))
                    continue
                if key in fresh:
                    first, index = fresh[key]
                    outcomes.append(index if digest == first else _reused(event))
                    continue
                fresh[key] = digest, len(rows)
                keys.append((len(rows), key, digest))
            outcomes.append(len(rows))
            versions[event.client] = version = versions[event.client] + 1
            rows.append(stored(event, version, content))
            new.append(event)
        positions = self.writing.insert(rows, keys) if rows else []
        self.fresh = list(zip((row.version for row in rows), positions, new, strict=True))
        self.broken = False
        return _receipts(events, outcomes, positions)

    def _versions_of(self, clients: set[str]) -> dict[str, int]:
        """How long the histories of these clients are; nobody else writes meanwhile, so that one look is enough."""
        if len(self._versions) > MOST_REMEMBERED:
            self._versions.clear()
        if unseen := clients - self._versions.keys():
            heads = self.writing.heads(unseen)
            self._versions.update((client, heads.get(client, NO_HEAD).version) for client in unseen)
        return self._versions

    def _refusal(self, event: Event) -> EventError | None:
        if type(event) not in self._classes:
            return EventError("unknown-kind", f"{event.kind!r} is not registered with this log", "kind")
        if not isinstance(event, Retracted):
            return None
        key = Key(event.client, f"id:{event.event}")
        found = self.writing.known([key]).get(key)
        if found is None:
            reason = f"{event.client!r} has no event with the id {event.event!r}"
            return EventError("nothing-to-retract", reason, "event")
        named = [row.kind for row in self.writing.rows(event.client) if row.position == found.position]
        if named == [Retracted.kind]:
            reason = "a retraction can't be retracted; record the event again, with another id"
            return EventError("nothing-to-retract", reason, "event")
        return None


def _met_again(event: Event, digest: bytes, known: Known) -> Receipt | KeyReused:
    return Receipt(event.client, event.id, known.position, new=False) if digest == known.digest else _reused(event)


def _reused(event: Event) -> KeyReused:
    return KeyReused(f"{event.id!r} was used for another event of {event.client!r}")


def _receipts(
    events: Sequence[tuple[Event, Key | None]], outcomes: Sequence[Receipt | RetentionError | int], positions: list[int]
) -> list[Receipt | RetentionError]:
    """Outcomes with the numbers of new rows turned into receipts; the first of equal ones is the new one."""
    receipts: list[Receipt | RetentionError] = []
    met: set[int] = set()
    for (event, _), outcome in zip(events, outcomes, strict=True):
        if isinstance(outcome, int):
            receipts.append(Receipt(event.client, event.id, positions[outcome], new=outcome not in met))
            met.add(outcome)
        else:
            receipts.append(outcome)
    return receipts
