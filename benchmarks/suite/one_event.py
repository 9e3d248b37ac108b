"""One event recorded, and its client assessed again: beside the durable append alone, by the length of the history.

Everybody writes durably, each to a log of their own, by turns. The answers after each event are compared.
"""

import argparse
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
from answers import Answer, Item
from contenders import library, ours
from handwritten import AHEAD, assessed
from made_files import Made, make_agenda
from processes import fresh, spread
from workload import MOMENT, Said, one_history

from retention_engine import RetentionEngine, decode
from retention_engine.agenda import Agenda
from retention_engine.codec import canonical
from retention_engine.log import create_log
from retention_engine.log.rows import key_of, stored

FIRST_TURNS = 2
"""They open files, and do not count."""

LENGTHS = (20, 1_000, 10_000)
"""None is longer than the log beside which it stands."""

FIRST = 900_000
"""The number of the first client that is added to the log."""

_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state, checksum) VALUES (?, ?, ?, ?, ?)"

Step = Callable[[Said, datetime], list[Item]]
"""Takes an event in, and says what holds for its client at a moment."""


class Way(NamedTuple):
    """How an event is taken in.

    Attributes:
        step: what is timed.
        prepare: what is done before each step, and is not.
    """

    step: Step
    prepare: Callable[[], object] = lambda: None


def client_of(length: int) -> str:
    """The client with a history of this length."""
    return f"client-{FIRST + length:06}"


def history_of(length: int) -> Iterator[Said]:
    """Its history."""
    return ({**said, "client": client_of(length)} for said in one_history(length))


def news(length: int, number: int) -> Said:
    """What happens next."""
    at = MOMENT + timedelta(minutes=number, microseconds=1)
    return {
        "client": client_of(length),
        "kind": "engaged",
        "id": f"n{number}",
        "at": at,
        "purpose": "advice",
        "by": "ada",
    }


def bare_append(path: Path) -> Way:
    """A bare insert, which is a transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")

    def step(said: Said, _: datetime) -> list[Item]:
        event = decode(msgspec.json.encode(said))
        row = stored(event, 1_000_000 + int(said["id"][1:]), canonical(event))
        connection.execute(_INSERT, row[1:])
        return []

    return Way(step)


def record_alone(path: Path) -> Way:
    """Our log's durable append, its id checked."""
    log = create_log(f"sqlite:///{path}")

    def step(said: Said, _: datetime) -> list[Item]:
        log.record(decode(msgspec.json.encode(said)))
        return []

    return Way(step)


def record_and_read(path: Path) -> Way:
    """The same, then the client read and assessed again."""
    engine = RetentionEngine.open(f"sqlite:///{path}")

    def step(said: Said, moment: datetime) -> list[Item]:
        engine.record(decode(msgspec.json.encode(said)))
        return list(ours.items_of([engine.assess(said["client"], at=moment)]))

    return Way(step)


def record_with_agenda(path: Path) -> Way:
    """The same append with the agenda kept in its transaction; then the client is looked up there."""
    log = create_log(f"sqlite:///{path}")
    agenda = Agenda(log, ours.engine())
    agenda.rebuild()
    agenda.attach()

    def step(said: Said, moment: datetime) -> list[Item]:
        client = said["client"]
        log.record(decode(msgspec.json.encode(said)))
        found = agenda.status(client, moment)
        due = [action for action in found.actions if action.due <= moment + AHEAD]
        return [(client, int(found.status)), *((client, action.rule, action.due) for action in due)]

    return Way(step)


def record_with_agenda_anew(path: Path) -> Way:
    """The same by a program that knows nothing of the client yet: it has read its history neither now nor before."""
    ways: list[Way] = []

    def step(said: Said, moment: datetime) -> list[Item]:
        return ways[-1].step(said, moment)

    return Way(step, lambda: ways.append(record_with_agenda(path)))


def aggregate(path: Path) -> Way:
    """The library's documented way: the aggregate fetched, the event triggered, saved; then the rules by hand."""
    app = library.opened(path)

    def step(said: Said, moment: datetime) -> list[Item]:
        story: Any = app.repository.get(library.Story.create_id(said["client"]))
        getattr(story, library.COMMANDS[said["kind"]])(**library.said_of(said))
        app.save(story)
        return list(assessed(said["client"], story.facts, moment))

    return Way(step)


KEPT, READ = "record, agenda kept", "record, read and assess"

WAYS: dict[str, Callable[[Path], Way]] = {
    "bare insert": bare_append,
    "log.record": record_alone,
    KEPT: record_with_agenda,
    "the same, client not in memory": record_with_agenda_anew,
    READ: record_and_read,
    "library, repository.get": aggregate,
}
BASELINE = "log.record"


def measure(made: Made, repeats: int) -> dict[str, Any]:
    """Measure in a process of its own."""
    make_agenda(made)
    return fresh(str(Path(__file__)), str(made.folder), str(made.events), str(repeats))


def taken(made: Made, repeats: int) -> dict[str, Any]:
    """What each way takes, by the length of the history."""
    lengths = [length for length in LENGTHS if length <= made.events]
    with TemporaryDirectory(dir=made.folder) as name:
        folder = Path(name)
        ways = {}
        for number, (way, start) in enumerate(WAYS.items()):
            path = folder / f"{number}.db"
            if start is aggregate:
                library.write_log(path, (said for length in lengths for said in history_of(length)))
            else:
                _extended_copy(made.log, path, lengths)
            ways[way] = start(path)
        by_length = {
            length: _by_turns(
                ways, length, range(place * (repeats + FIRST_TURNS), (place + 1) * (repeats + FIRST_TURNS))
            )
            for place, length in enumerate(lengths)
        }
    return {"events": made.rows, "repeats": repeats, "baseline": BASELINE, "lengths": by_length}


def _extended_copy(log: Path, path: Path, lengths: Iterable[int]) -> None:
    shutil.copyfile(log, path)
    with create_log(f"sqlite:///{path}") as copy:
        for length in lengths:
            events = [decode(msgspec.json.encode(said)) for said in history_of(length)]
            with copy.appending() as appending:
                appending.append([(event, key_of(event)) for event in events])


def _by_turns(ways: dict[str, Way], length: int, turns: Iterable[int]) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in turns:
        said = news(length, number)
        digests = set()
        for name, way in ways.items():
            way.prepare()
            started = time.perf_counter()
            items = way.step(dict(said), said["at"])
            seconds[name].append(time.perf_counter() - started)
            if items:
                answer = Answer()
                answer.take(items)
                digests.add(answer.digest)
        if len(digests) != 1:
            raise SystemExit(f"after event {number} of a history of {length:,} the answers differ")
    measured = {way: found[FIRST_TURNS:] for way, found in seconds.items()}
    beside = measured[BASELINE]
    return {
        way: {
            "milliseconds": median(found) * 1000,
            "times": spread([one / other for one, other in zip(found, beside, strict=True)]),
        }
        for way, found in measured.items()
    }


def rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table of a measurement."""
    ways = next(iter(found["lengths"].values()))
    lengths = {int(length): it for length, it in found["lengths"].items()}
    shown = [("", *(f"{length:,} events, ms" for length in lengths), *(f"{length:,}, times" for length in lengths))]
    for way in ways:
        milliseconds = [f"{it[way]['milliseconds']:.2f}" for it in lengths.values()]
        times = [f"{it[way]['times']['median']:.2f}" for it in lengths.values()]
        shown.append((way, *milliseconds, *times))
    return shown


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("events", type=int)
    options.add_argument("repeats", type=int)
    given = options.parse_args()
    print(msgspec.json.encode(taken(Made(given.folder, given.events), given.repeats)).decode())
