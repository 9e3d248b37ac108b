"""The log on SQLite beside bare `sqlite3` and beside the library's own way of storing events.

Three questions: how many durable appends a second, one event at a time, beside a bare insert; how much CPU time an event
of a bulk append costs, ids checked, beside aggregates saved through the library's `Application.save`, and beside bare
`executemany`; and how long it takes to open a log and assess one client, by the size of the log.
"""

import gc
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice, tee
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeVar, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from side_by_side import Cost, compare, function, parser, table

from retention_engine import BUILT_IN, Client, Engaged, Engine, Settings, decode
from retention_engine.codec import canonical
from retention_engine.log import EventLog, create_log, open_log
from retention_engine.log.rows import Row, key_of, stored
from retention_engine.log.sqlite_connections import CACHE_KIB

T = TypeVar("T")

SEED = 20_260_630
START = datetime(2024, 1, 1, tzinfo=UTC)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS_A_CLIENT = 20
STEP = 1_000
SAVED_AT_ONCE = 10_000
LEAST_APPEND_RATIO = 0.7
LEAST_BULK_RATIO = 5
MOST_MILLISECONDS = 20

_TABLE = (
    "CREATE TABLE stored_events (rowid INTEGER PRIMARY KEY AUTOINCREMENT, originator_id TEXT NOT NULL,"
    " originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL, checksum BLOB NOT NULL,"
    " UNIQUE (originator_id, originator_version))"
)
_KEYS = (
    "CREATE TABLE event_keys (originator_id TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL,"
    " position INTEGER NOT NULL, PRIMARY KEY (originator_id, name)) WITHOUT ROWID"
)
_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state, checksum) VALUES (?, ?, ?, ?, ?)"
_KNOWN = "SELECT digest, position FROM event_keys WHERE originator_id = ? AND name = ?"
_INSERT_KEY = "INSERT INTO event_keys (originator_id, name, digest, position) VALUES (?, ?, ?, ?)"


def lines(events: int) -> Iterator[bytes]:
    """Lines of a made-up log, each client's events spread over two years, in order of time."""
    random = Random(SEED)  # noqa: S311 - a log that can be made again, not a secret
    clients = max(1, events // EVENTS_A_CLIENT)
    for number in range(events):
        client = number % clients
        at = START + timedelta(days=730) * number / events
        yield (
            f'{{"client":"client-{client:06}","kind":"engaged","at":"{at:%Y-%m-%dT%H:%M:%SZ}","id":"e{number}",'
            f'"purpose":"review","channel":"phone","by":"jo","note":"spoke about {random.randrange(10**9)}"}}'
        ).encode()


def made(events: int) -> list[Engaged]:
    """The events of such a log."""
    return made_of(lines(events))


def made_of(lines: Iterable[bytes]) -> list[Engaged]:
    """The events of these lines."""
    return [cast(Engaged, decode(line)) for line in lines]


def in_steps(all_: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """So many at a time."""
    return (all_[start : start + size] for start in range(0, len(all_), size))


def bare(path: Path) -> sqlite3.Connection:
    """A bare connection with the log's pragmas and tables like the log's."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(_TABLE)
    connection.execute(_KEYS)
    return connection


def rows_of(events: list[Engaged]) -> list[Row]:
    """What a log would store of these events."""
    versions: dict[str, int] = {}
    rows = []
    for it in events:
        versions[it.client] = versions.get(it.client, 0) + 1
        rows.append(stored(it, versions[it.client], canonical(it)))
    return rows


def insert_each(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """A bare insert, which is a transaction, an event."""
    for row in rows:
        connection.execute(_INSERT, row[1:])


def insert_each_checked(connection: sqlite3.Connection, rows: Sequence[Row], events: Sequence[Engaged]) -> None:
    """The least that keeps ids unique: a look, an event and its id in one transaction."""
    for row, it in zip(rows, events, strict=True):
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute(_KNOWN, (it.client, it.id)).fetchone() is None:
            position = connection.execute(_INSERT, row[1:]).lastrowid
            connection.execute(_INSERT_KEY, (it.client, it.id, row.checksum, position))
        connection.execute("COMMIT")


def record_each(log: EventLog, events: Sequence[Engaged]) -> None:
    """What a program does that records what has just happened."""
    for it in events:
        log.record(it)


def sync_each(file: int, times: int) -> None:
    """What the disk alone takes."""
    for number in range(times):
        os.pwrite(file, bytes(4096), number * 4096)
        os.fsync(file)


def single_appends(folder: Path, pairs: int, appends: int) -> None:
    """Durable appends, one at a time, in seconds on the wall: the disk is what takes the time."""
    events = made((pairs + 1) * appends)
    rows = rows_of(events)
    plain, checked = bare(folder / "bare.db"), bare(folder / "checked.db")
    log = create_log(f"sqlite:///{folder / 'ours.db'}")
    file = os.open(folder / "synced", os.O_CREAT | os.O_RDWR)
    (row_steps, more_rows), (event_steps, more_events) = tee(in_steps(rows, appends)), tee(in_steps(events, appends))
    costs = {
        "bare insert": wall(lambda: insert_each(plain, next(row_steps))),
        "log.record": wall(lambda: record_each(log, next(event_steps))),
        "bare insert, id checked": wall(lambda: insert_each_checked(checked, next(more_rows), next(more_events))),
        "write and fsync of a page": wall(lambda: sync_each(file, appends)),
    }
    for run in costs.values():
        run()
    found = compare(costs, pairs)
    os.close(file)
    for it in (plain, checked, log):
        it.close()
    print(f"\nDurable appends, one at a time ({pairs} pairs of {appends}, time on the wall)\n")
    shown = [
        (
            it.name,
            f"{appends / it.cpu:,.0f}",
            f"{1 / it.ratio:.2f}",
            f"{1 / max(it.ratios):.2f}",
            f"{1 / min(it.ratios):.2f}",
        )
        for it in found
    ]
    table(("", "a second", "of bare", "from", "to"), shown)
    verdict("log.record, appends a second over those of the bare insert", 1 / found[1].ratio, least=LEAST_APPEND_RATIO)


class Story(Aggregate):
    """A client as the library would keep it."""

    class Engaged(Aggregate.Event):
        """We met."""

        at: datetime
        key: str
        purpose: str
        channel: str
        by: str
        note: str

    def engage(self, it: Engaged) -> None:
        """Note that we met."""
        said = {"at": it.at, "key": it.id, "purpose": it.purpose, "channel": it.channel, "by": it.by, "note": it.note}
        self.trigger_event(self.Engaged, **said)


class Met(Aggregate):
    """An event's id as the library would make it unique: a second one of this name can't be stored."""

    @staticmethod
    def create_id(client: str, key: str) -> UUID:
        """The same for the same client and id."""
        return uuid5(NAMESPACE_URL, f"{client}/{key}")

    @event("Noted")
    def __init__(self, client: str, key: str) -> None:
        self.client = client
        self.key = key


def append_through_log(path: Path, steps: Iterable[Sequence[Engaged]]) -> None:
    """What an import does, ids checked."""
    with create_log(f"sqlite:///{path}") as log, log.appending() as appending:
        for step in steps:
            appending.append([(it, key_of(it)) for it in step])


def save_through_library(path: Path, events: list[Engaged], *, ids_checked: bool) -> None:
    """What the library's documentation shows, as many events at a time as it takes."""
    app = Application[UUID](env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})
    stories: dict[str, Story] = {}
    for step in in_steps(events, SAVED_AT_ONCE):
        for it in step:
            if it.client not in stories:
                stories[it.client] = Story()
            stories[it.client].engage(it)
        met = [Met(it.client, it.id or "") for it in step] if ids_checked else []
        app.save(*{it.client: stories[it.client] for it in step}.values(), *met)
    app.close()


def insert_bare(path: Path, rows: list[Row]) -> None:
    """Rows that somebody else has made, and no ids."""
    connection = bare(path)
    connection.execute("BEGIN")
    for step in in_steps(rows, STEP):
        connection.executemany(_INSERT, [row[1:] for row in step])
    connection.execute("COMMIT")
    connection.close()


def bulk_appends(folder: Path, pairs: int, size: int) -> None:
    """Bulk appends, in CPU time."""
    events = made(size)
    rows = rows_of(events)
    raw = list(lines(size))
    files = (folder / f"bulk{number}.db" for number in count())
    gc.collect()
    gc.freeze()  # what is read from a file does not stay in memory to be searched for garbage
    found = compare(
        {
            "log.appending, ids checked": function(lambda: append_through_log(next(files), in_steps(events, STEP))),
            "the same, from lines of JSON": function(
                lambda: append_through_log(next(files), (made_of(step) for step in in_steps(raw, STEP)))
            ),
            "Application.save, ids checked": function(
                lambda: save_through_library(next(files), events, ids_checked=True)
            ),
            "Application.save, no ids": function(lambda: save_through_library(next(files), events, ids_checked=False)),
            "bare executemany, no ids": function(lambda: insert_bare(next(files), rows)),
        },
        pairs,
    )
    gc.unfreeze()
    print(f"\nBulk appends ({pairs} pairs of {size:,} events of {size // EVENTS_A_CLIENT:,} clients, CPU time)\n")
    shown = [
        (it.name, f"{it.cpu / size * 1e6:.1f}", f"{it.ratio:.2f}", f"{min(it.ratios):.2f}", f"{max(it.ratios):.2f}")
        for it in found
    ]
    table(("", "us an event", "times", "from", "to"), shown)
    verdict("Application.save without ids, over log.appending", found[3].ratio, least=LEAST_BULK_RATIO)
    verdict("Application.save with ids checked, over log.appending", found[2].ratio, least=LEAST_BULK_RATIO)


def one_client(folder: Path, sizes: list[int], looks: int) -> None:
    """Open a log, read one client, assess it; then close the log."""
    random = Random(SEED)  # noqa: S311 - which clients to look at, not a secret
    engine = Engine(Settings().choose(packs=sorted({pack for rule in BUILT_IN for pack in rule.packs})))
    logs = {}
    print(
        f"\nOne client of a log: open it, read, assess by all rules, close ({looks} looks by turns, time on the wall)\n"
    )
    for size in sizes:
        address = f"sqlite:///{folder / f'log{size}.db'}"
        started = time.perf_counter()
        with create_log(address, durability="normal") as log:
            raw = lines(size)
            while step := made_of(islice(raw, 10 * STEP)):
                with log.appending() as appending:
                    appending.append([(it, key_of(it)) for it in step])
        logs[size] = address, (time.perf_counter() - started) / size * 1e6

    def look(address: str, client: str) -> float:
        started = time.perf_counter()
        with open_log(address) as log:
            events = log.client(client)
            assessed = engine.assess(Client.from_events(client, events), at=MOMENT)
        took = time.perf_counter() - started
        if len(assessed.client.events) != EVENTS_A_CLIENT:
            sys.exit(f"{client} has {len(assessed.client.events)} events")
        return took * 1000

    times: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(looks):
        for size, (address, _cost) in logs.items():
            times[size].append(look(address, f"client-{random.randrange(size // EVENTS_A_CLIENT):06}"))
    shown = [
        (
            f"{size:,}",
            f"{size // EVENTS_A_CLIENT:,}",
            f"{median(found):.2f}",
            f"{min(found):.2f}",
            f"{max(found):.2f}",
            f"{logs[size][1]:.0f}",
        )
        for size, found in times.items()
    ]
    table(("events", "clients", "ms", "from", "to", "us an event to make"), shown)
    verdict(f"ms for a client of {sizes[-1]:,} events", median(times[sizes[-1]]), most=MOST_MILLISECONDS)
    print(
        f"{sizes[-1] // sizes[0]} times the events: {median(times[sizes[-1]]) / median(times[sizes[0]]):.2f} times as long"
    )


def wall(work: Callable[[], object]) -> Callable[[], Cost]:
    """The cost of a function in seconds on the wall, where waiting for the disk is the point."""

    def run() -> Cost:
        started = time.perf_counter()
        work()
        return Cost(time.perf_counter() - started)

    return run


def verdict(what: str, value: float, *, least: float | None = None, most: float | None = None) -> None:
    """Print whether a value reaches its target."""
    limit = f"at least {least:g}" if least is not None else f"under {most:g}"
    met = value >= least if least is not None else value < (most or 0)
    print(f"\n{what}: {value:.2f}, target {limit}: {'met' if met else 'MISSED'}")


def main() -> None:
    """Run all three."""
    options = parser(__doc__)
    options.add_argument("--small", action="store_true", help="a quick run, which shows less")
    options.add_argument(
        "--folder", type=Path, help="where to write; the disk to measure  [default: the temporary folder]"
    )
    given = options.parse_args()
    with TemporaryDirectory(dir=given.folder, prefix="retention-log-") as name:
        folder = Path(name)
        single_appends(folder, given.pairs, 30 if given.small else 100)
        bulk_appends(folder, given.pairs, 4_000 if given.small else 100_000)
        one_client(folder, [2_000, 20_000] if given.small else [10_000, 100_000, 1_000_000], 10 if given.small else 40)


if __name__ == "__main__":
    main()
