"""Full replay of a log in SQLite: this package, in one process and in two, beside the same rules written by hand.

The log is made with a fixed seed, shaped like that of a shop. All find every client's status, concerns and actions by the
rules of the pack `essentials`, with evidence and messages, and have to find the same. Each runs in a process of its own,
all by turns; timed is the work alone, without the start of Python. What one process does is compared by CPU time, which
others on the machine disturb less; what two do, by the clock.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import by_hand
import made_log
import msgspec
from side_by_side import parser, table, target

from retention_engine import Assessment, Engine, Recipe, ReplayWork, Settings, decode, open_log, replay, replay_log
from retention_engine.log import create_log
from retention_engine.log.rows import key_of

AT = datetime(2026, 4, 1, tzinfo=UTC)
STEP = 10_000
LEAST_SHARE = 0.7
LEAST_GAIN = 1.5


def plain(found: Assessment) -> list[Any]:
    """What holds for a client, as `by_hand` says it."""
    return [
        found.client.id,
        int(found.status),
        [
            [it.rule, int(it.level), it.starts, it.until, it.about, [event.ref for event in it.because], it.message]
            for it in found.concerns
        ],
        [[it.rule, it.due, it.about, [event.ref for event in it.because], it.message] for it in found.actions],
    ]


def one(log: Path) -> Iterable[Any]:
    """One process of this package."""
    with open_log(f"sqlite:///{log}") as opened:
        yield from replay(opened.clients(), Engine(Settings().choose()), at=AT)


def two(log: Path) -> Iterable[Any]:
    """Two processes, which send plain values."""
    return replay_log(f"sqlite:///{log}", ReplayWork(Recipe(), plain, AT), jobs=2)


def events(log: Path) -> Iterable[Any]:
    """The histories alone, without rules."""
    with open_log(f"sqlite:///{log}") as opened:
        yield from opened.clients()


def hand(log: Path) -> Iterable[Any]:
    """Rules written by hand, a page of rows in memory."""
    return by_hand.replay(log, AT)


def hand_in_memory(log: Path) -> Iterable[Any]:
    """Rules written by hand, all events in memory."""
    for client, facts in by_hand.scanned(log).items():
        if verdict := by_hand.assess(client, facts, AT):
            yield verdict


CONTENDERS: dict[str, Callable[[Path], Iterable[Any]]] = {
    "by hand": hand,
    "by hand, all in memory": hand_in_memory,
    "this package": one,
    "its events alone": events,
    "its 2 processes": two,
}


def run(name: str, log: Path, *, digest: bool) -> None:
    """Do it once, in this process, and print what it took and what was found."""
    start, cpu = time.perf_counter(), time.process_time()
    found = CONTENDERS[name](log)
    if digest:
        lines = [msgspec.json.encode(plain(it) if isinstance(it, Assessment) else it) for it in found]
        print(json.dumps(sha256(b"".join(sorted(lines))).hexdigest()[:16]))
        return
    for _ in found:
        pass
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(json.dumps([seconds, cpu, peak]))


def make(log: Path, clients: int, count: int) -> None:
    """Make the log."""
    with create_log(f"sqlite:///{log}", durability="normal") as made, made.appending() as appending:
        lines = [decode(line) for line in made_log.lines(clients, count)]
        for start in range(0, len(lines), STEP):
            appending.append([(event, key_of(event)) for event in lines[start : start + STEP]])


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=100_000, help="how many events (default: %(default)s)")
    options.add_argument("--clients", type=int, default=5_000, help="how many clients (default: %(default)s)")
    options.add_argument("--log", type=Path, help="a log that is there already, made by this script")
    options.add_argument("--one", help="do this once, in this process", choices=CONTENDERS)
    options.add_argument("--digest", action="store_true", help="with --one: work out the digest, too")
    given = options.parse_args()
    if given.one:
        run(given.one, given.log, digest=given.digest)
        return
    with tempfile.TemporaryDirectory() as folder:
        log = given.log or Path(folder) / "made.db"
        if not log.exists():
            make(log, given.clients, given.events)
        with open_log(f"sqlite:///{log}") as opened:
            count = opened.head()

        def took(name: str, *more: str) -> Any:
            words = [sys.executable, __file__, "--one", name, "--log", str(log), *more]
            return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)

        digests = {took(name, "--digest") for name in CONTENDERS if name != "its events alone"}
        if len(digests) > 1:
            sys.exit(f"they do not find the same: {digests}")
        runs: dict[str, list[Any]] = {name: [] for name in CONTENDERS}
        for _ in range(given.pairs):
            for name, found in runs.items():
                found.append(took(name))
    limit = [found[1] for found in runs["by hand"]]
    shares = {name: [at / it[1] for at, it in zip(limit, found, strict=True)] for name, found in runs.items()}
    del shares["its 2 processes"]
    table(
        ("", "CPU s", "us an event", "of the limit", "from", "to", "peak MB"),
        [
            (
                name,
                f"{median(it[1] for it in runs[name]):.2f}",
                f"{median(it[1] for it in runs[name]) / count * 1e6:.1f}",
                f"{median(of_limit):.2f}",
                f"{min(of_limit):.2f}",
                f"{max(of_limit):.2f}",
                f"{max(it[2] for it in runs[name]):.0f}",
            )
            for name, of_limit in shares.items()
        ],
    )
    gains = [a[0] / b[0] for a, b in zip(runs["this package"], runs["its 2 processes"], strict=True)]
    print(f"\n{count:,} events; all find the same, digest {digests.pop()}")
    target("the limit's time, times this package", 1 / median(shares["this package"]), 1 / LEAST_SHARE)
    print(f"two processes are {median(gains):.2f} times as fast as one, from {min(gains):.2f} to {max(gains):.2f}")
    target("the time of one process, times that of two", 1 / median(gains), 1 / LEAST_GAIN)


if __name__ == "__main__":
    main()
