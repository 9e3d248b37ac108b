"""How long does one of several busy writers of a SQLite log wait for its turn?

Four processes record events into one log as fast as they can: once with our way of waiting for the other writers, once
with SQLite's own, by turns. Printed for each round: appends of all writers, those of the slowest one, and the longest
that any append took. `python benchmarks/busy_writers.py [--rounds N] [--seconds S]`
"""

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from retention_engine import Engaged, create_log, open_log
from retention_engine.log.sqlite_connections import Connections

WRITERS = 4
PATIENCE = 60.0
WAYS = ("ours", "SQLite's")


def begin_as_sqlite_waits(_: Connections, cursor: sqlite3.Cursor, statement: str) -> None:
    """Begin a transaction with SQLite's busy handler, which makes longer and longer pauses."""
    cursor.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
    cursor.execute(statement)


def write(address: str, way: str, client: str, seconds: float) -> None:
    """Record as often as possible; print how often that was, and the longest that one took."""
    if way != WAYS[0]:
        Connections._begin = begin_as_sqlite_waits  # type: ignore[method-assign] # noqa: SLF001 - that is what is compared
    with open_log(address, lock_timeout=PATIENCE) as log:
        ends = time.perf_counter() + seconds
        count, longest = 0, 0.0
        while (begins := time.perf_counter()) < ends:
            log.record(Engaged(client=client, at="2026-01-01"))
            count += 1
            longest = max(longest, time.perf_counter() - begins)
    print(count, longest)


def race(way: str, seconds: float) -> tuple[int, int, float]:
    """Appends of all writers, of the slowest, and the longest wait in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'log.db'}"
        create_log(address).close()
        command = [sys.executable, __file__, "--writer", address, way, "--seconds", str(seconds)]
        running = [
            subprocess.Popen([*command, "--client", f"writer-{number}"], stdout=subprocess.PIPE, text=True)
            for number in range(WRITERS)
        ]
        found = [writer.communicate()[0].split() for writer in running]
    counts = [int(count) for count, _ in found]
    return sum(counts), min(counts), max(float(longest) for _, longest in found)


def main() -> None:
    """Parse, race by turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--writer", nargs=2, metavar=("ADDRESS", "WAY"), help=argparse.SUPPRESS)
    parser.add_argument("--client", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.writer:
        write(*given.writer, given.client, given.seconds)
        return
    print(f"{'waiting':>10} {'appends':>9} {'slowest':>9} {'longest wait, s':>16}")
    for _ in range(given.rounds):
        for way in WAYS:
            total, fewest, longest = race(way, given.seconds)
            print(f"{way:>10} {total:>9,} {fewest:>9,} {longest:>16.2f}")


if __name__ == "__main__":
    main()
