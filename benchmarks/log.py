"""The log on SQLite beside bare `sqlite3` and beside the library's own way of storing events.

Three questions: how many durable appends a second, one event at a time, beside a bare insert; how much CPU time an event
of a bulk append costs, ids checked, beside aggregates saved through the library's `Application.save`, and beside bare
`executemany`; and how long it takes to open a log and assess one client, by the size of the log.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from side_by_side import Cost, compare, function, parser, table

from retention_engine import BUILT_IN, Client, Engine, Event, Settings, decode
from retention_engine.codec import canonical
from retention_engine.log import create_log, open_log
from retention_engine.log.rows import Row, key_of, stored
from retention_engine.log.sqlite import CACHE_KIB

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
_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state, checksum) VALUES (?, ?, ?, ?, ?)"


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


def made(events: int) -> list[Event]:
    """The events of such a log."""
    return [decode(line) for line in lines(events)]


def bare(path: Path) -> sqlite3.Connection:
    """A bare connection with the log's pragmas and a table like the log's."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(_TABLE)
    return connection


def rows_of(events: list[Event]) -> list[Row]:
    """What a log would store of these events."""
    versions: dict[str, int] = {}
    rows = []
    for it in events:
        versions[it.client] = versions.get(it.client, 0) + 1
        rows.append(stored(it, versions[it.client], canonical(it)))
    return rows


def single_appends(folder: Path, pairs: int, appends: int) -> None:
    """Durable appends, one at a time, in seconds on the wall: the disk is what takes the time."""
    events = iter(made((pairs + 1) * appends))
    rows = iter(rows_of(made((pairs + 1) * appends)))
    connection = bare(folder / "bare.db")
    log = create_log(f"sqlite:///{folder / 'ours.db'}")
    file = os.open(folder / "synced", os.O_CREAT | os.O_RDWR)

    def insert() -> None:
        for row in islice(rows, appends):
            connection.execute(_INSERT, row[1:])

    def record() -> None:
        for it in islice(events, appends):
            log.record(it)

    def sync() -> None:
        for number in range(appends):
            os.pwrite(file, bytes(4096), number * 4096)
            os.fsync(file)

    insert()
    record()
    found = compare({"bare insert": wall(insert), "log.record": wall(record), "write and fsync": wall(sync)}, pairs)
    os.close(file)
    connection.close()
    log.close()
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

    @event("Begun")
    def __init__(self) -> None:
        self.engagements = 0

    @event("Engaged")
    def engage(self, at: datetime, key: str, purpose: str, channel: str, by: str, note: str) -> None:
        """Note that we met."""
        self.engagements += 1


def bulk_appends(folder: Path, pairs: int, size: int) -> None:
    """Bulk appends, in CPU time."""
    events = made(size)
    rows = rows_of(events)
    raw = list(lines(size))
    numbers = count()

    def through_log() -> None:
        with create_log(f"sqlite:///{folder / f'ours{next(numbers)}.db'}") as log, log.appending() as appending:
            for start in range(0, size, STEP):
                appending.append([(it, key_of(it)) for it in events[start : start + STEP]])

    def through_log_from_lines() -> None:
        with create_log(f"sqlite:///{folder / f'ours{next(numbers)}.db'}") as log, log.appending() as appending:
            for start in range(0, size, STEP):
                step = map(decode, raw[start : start + STEP])
                appending.append([(it, key_of(it)) for it in step])

    def through_library() -> None:
        path = folder / f"library{next(numbers)}.db"
        app = Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})
        stories = {client: Story() for client in {it.client for it in events}}
        app.save(*stories.values())
        for start in range(0, size, SAVED_AT_ONCE):
            step = events[start : start + SAVED_AT_ONCE]
            for it in step:
                stories[it.client].engage(it.at, it.id, "review", "phone", "jo", it.note)
            app.save(*{it.client: stories[it.client] for it in step}.values())
        app.close()

    def through_executemany() -> None:
        connection = bare(folder / f"bare{next(numbers)}.db")
        connection.execute("BEGIN")
        for start in range(0, size, STEP):
            connection.executemany(_INSERT, [row[1:] for row in rows[start : start + STEP]])
        connection.execute("COMMIT")
        connection.close()

    found = compare(
        {
            "Application.save of aggregates": function(through_library),
            "log.appending, ids checked": function(through_log),
            "the same, from lines of JSON": function(through_log_from_lines),
            "bare executemany of rows": function(through_executemany),
        },
        pairs,
    )
    print(f"\nBulk appends ({pairs} pairs of {size:,} events of {size // EVENTS_A_CLIENT:,} clients, CPU time)\n")
    shown = [
        (
            it.name,
            f"{it.cpu / size * 1e6:.1f}",
            f"{1 / it.ratio:.1f}",
            f"{1 / max(it.ratios):.1f}",
            f"{1 / min(it.ratios):.1f}",
        )
        for it in found
    ]
    table(("", "us an event", "times as fast", "from", "to"), shown)
    verdict("log.appending over Application.save", 1 / found[1].ratio, least=LEAST_BULK_RATIO)


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
            while step := [decode(line) for line in islice(raw, 10 * STEP)]:
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
        bulk_appends(folder, given.pairs, 4_000 if given.small else 20_000)
        one_client(folder, [2_000, 20_000] if given.small else [10_000, 100_000, 1_000_000], 10 if given.small else 40)


if __name__ == "__main__":
    main()
