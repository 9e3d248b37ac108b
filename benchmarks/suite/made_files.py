"""The files that the contenders read, made once from the workload: our log, the same events as Parquet, the library's log.

Each is written in steps and taken up again where it was left; what is complete is not made a second time.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import attrs
import msgspec
from answers import in_steps
from workload import EVENTS_A_CLIENT, SEED, Said, clients_of, workload

from retention_engine import decode
from retention_engine.agenda import Agenda, BuildProgress
from retention_engine.log import create_log
from retention_engine.log.rows import key_of

STEP = 10_000
SAY_EVERY = 20
"""Seconds between two lines about how far it is."""

PART = 1_050_000
"""Rows of one Parquet file."""

COLUMNS: dict[str, str] = {
    "position": "int64",
    "client": "string",
    "kind": "string",
    "id": "string",
    "at": "instant",
    "recorded_at": "instant",
    "by": "string",
    "note": "string",
    "purpose": "string",
    "direction": "string",
    "channel": "string",
    "exceeded": "bool",
    "resolves": "string",
    "complaint": "string",
    "severity": "string",
    "topic": "string",
    "term_end": "instant",
    "value": "float64",
    "currency": "string",
    "tier": "string",
    "owner": "string",
    "cadence_days": "int64",
    "initiated_by": "string",
    "role": "string",
    "measure": "string",
    "target": "float64",
    "reason": "string",
    "name": "string",
}
"""The events' fields as columns. Defaults are filled in, so that no query has to know them."""

DEFAULTS = {
    "engaged": {"purpose": "general", "direction": "two_way", "exceeded": False},
    "complained": {"severity": "minor"},
}


@attrs.frozen
class Made:
    """The files of one workload.

    Attributes:
        folder: where they are.
        events: how many events the workload has, profiles aside.
        events_a_client: how many of them there are for each client.
    """

    folder: Path
    events: int
    events_a_client: int = EVENTS_A_CLIENT

    @classmethod
    def under(cls, data: Path, events: int, events_a_client: int = EVENTS_A_CLIENT) -> "Made":
        """The files of a workload in a folder of their own."""
        folder = data / f"{events}-events-{events_a_client}-a-client-seed-{SEED}"
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, events, events_a_client)

    @property
    def rows(self) -> int:
        """How many events there are in all."""
        return self.events + self.clients

    @property
    def clients(self) -> int:
        """How many clients there are."""
        return clients_of(self.events, self.events_a_client)

    @property
    def log(self) -> Path:
        """Our log."""
        return self.folder / "log.db"

    @property
    def address(self) -> str:
        """Our log's address."""
        return f"sqlite:///{self.log.absolute()}"

    @property
    def parquet(self) -> Path:
        """The folder of Parquet files."""
        return self.folder / "parquet"

    @property
    def library_log(self) -> Path:
        """The log that the library keeps by itself."""
        return self.folder / "library.db"

    @cached_property
    def _notes(self) -> Path:
        return self.folder / "made.json"

    def workload(self) -> Iterator[Said]:
        """The events themselves."""
        return workload(self.events, self.events_a_client)

    def is_made(self, what: str) -> bool:
        """Whether a file is complete."""
        return self._notes.exists() and what in msgspec.json.decode(self._notes.read_bytes())

    def note(self, what: str) -> None:
        """Note that a file is complete."""
        known = msgspec.json.decode(self._notes.read_bytes()) if self._notes.exists() else []
        self._notes.write_bytes(msgspec.json.encode([*known, what]))


def make_log(made: Made) -> None:
    """Write our log, through the path that an import takes."""
    if made.is_made("log"):
        return
    with create_log(made.address, durability="normal") as log:
        for step in in_steps(_shown(islice(made.workload(), log.head(), None), made, "log", log.head()), STEP):
            events = [decode(msgspec.json.encode(said)) for said in step]
            with log.appending() as appending:
                appending.append([(event, key_of(event)) for event in events])
        if log.head() != made.rows:
            raise SystemExit(f"{made.log} holds {log.head():,} events, not {made.rows:,}; delete it")
    made.note("log")


def make_agenda(made: Made) -> None:
    """Build the agenda beside our log; what was begun is carried on."""
    make_log(made)
    if made.is_made("agenda"):
        return
    from contenders.ours import engine

    said = 0.0

    def say(progress: BuildProgress) -> None:
        nonlocal said
        if perf_counter() - said > SAY_EVERY:
            said = perf_counter()
            print(f"  the agenda: {progress.done:,} of {progress.total:,}", flush=True)

    began = perf_counter()
    with create_log(made.address) as log:
        Agenda(log, engine()).rebuild(say)
    made.note("agenda")
    print(f"  the agenda took {perf_counter() - began:.1f} s to build", flush=True)


def make_parquet(made: Made) -> None:
    """Write the same events as Parquet, a file for each million."""
    if made.is_made("parquet"):
        return
    import pyarrow as pa
    from pyarrow import parquet

    types = {"instant": pa.timestamp("us", tz="UTC"), "string": pa.string(), "int64": pa.int64()}
    types |= {"float64": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    made.parquet.mkdir(exist_ok=True)
    done = len(list(made.parquet.glob("*.parquet")))
    said = _shown(islice(made.workload(), done * PART, None), made, "Parquet", done * PART)
    rows = (_flat(it, position) for position, it in enumerate(said, done * PART + 1))
    while part := _first(rows):
        unfinished = made.parquet / "unfinished"
        with parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            for step in in_steps(_of(part, rows, PART), STEP * 10):
                writer.write_table(pa.Table.from_pylist(step, schema))
        unfinished.rename(made.parquet / f"events-{done:03}.parquet")
        done += 1
    made.note("parquet")


def make_library_log(made: Made) -> None:
    """Write the library's own log: a client is an aggregate, as its documentation shows."""
    if made.is_made("library"):
        return
    from contenders.library import write_log

    for path in made.folder.glob(f"{made.library_log.name}*"):
        path.unlink()
    write_log(made.library_log, _shown(made.workload(), made, "the library's log"))
    made.note("library")


def _flat(said: Said, position: int) -> dict[str, Any]:
    return {"position": position, "recorded_at": said["at"], **DEFAULTS.get(said["kind"], {}), **said}


def _first(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(islice(rows, 1))


def _of(first: list[dict[str, Any]], rows: Iterator[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    yield from first
    yield from islice(rows, count - len(first))


def _shown(items: Iterable[Said], made: Made, what: str, start: int = 0) -> Iterator[Said]:
    """Items as they come, with a line about how far it is every so often, where there are many."""
    began = perf_counter()
    for number, item in enumerate(items, start + 1):
        yield item
        if number % 500_000 == 0:
            pace = (perf_counter() - began) / (number - start)
            left = pace * (made.rows - number)
            print(f"  {what}: {number:,} of {made.rows:,} events, {left:,.0f} s to go", flush=True)
