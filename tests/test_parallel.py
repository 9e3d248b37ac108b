"""The whole book by several workers: the same as by one, whoever they are and whatever becomes of them."""

import ast
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import pytest

from command import AT, retention
from given import events_of
from postgres_server import fresh_schema, server_address
from retention_engine import Engine, RetentionError, Settings, open_log, parallel, replay
from retention_engine.errors import LogCorrupt, LogMissing, WorkersLost
from retention_engine.formats.jsonl import read_log
from retention_engine.log import create_log
from retention_engine.parallel import Recipe, ReplayWork, replay_file, replay_log
from wanted import (
    complaint,
    death_by,
    held_back,
    never_met,
    nothing_to_send,
    untold_complaint,
    verdict,
    verdict_after_a_death,
    worker,
)

JUNE = datetime(2026, 6, 30, tzinfo=UTC)
START = datetime(2025, 7, 1, tzinfo=UTC)
CLIENTS = 60
VICTIM = "c017"

LINES: list[dict[str, Any]] = [
    {
        "client": f"c{number % CLIENTS:03}",
        "id": f"e{number}",
        "at": f"{START + timedelta(hours=7 * number):%Y-%m-%dT%H:%M:%SZ}",
        **[
            {"kind": "engaged", "direction": "inbound", "with": ["Ann"], "note": 'said "so": yes\n'},
            {"kind": "complained", "severity": "critical"},
            {"kind": "engaged", "purpose": "delivery"},
            {"kind": "renewed", "term_end": "2026-12-31", "value": "1200.50"},
            {"kind": "profiled", "tier": "key"},
            {"kind": "engaged", "answers": {"how": "well"}, "asked": ["how"]},
            {"kind": "judged", "level": "watch", "reason": "a feeling", "until": "2026-07-31"},
        ][number % 7],
    }
    for number in range(1_000)
]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(parallel, "EVENTS_A_PIECE", 100)


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    found = f"sqlite:///{tmp_path_factory.mktemp('log')}/clients.db"
    with create_log(found) as log:
        log.record_many(events_of(LINES))
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    found = tmp_path_factory.mktemp("file") / "clients.jsonl"
    found.write_text("\n".join(map(json.dumps, LINES)))
    return found


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=["processes", "threads"])
def executor(request) -> Iterator[Executor]:
    if request.param == "processes":
        yield request.getfixturevalue("processes")
    else:
        with ThreadPoolExecutor(2) as pool:
            yield pool


def task(read: Any = verdict, **how: Any) -> ReplayWork[Any]:
    return ReplayWork(Recipe(**how), read, JUNE)


def by_one(address: str, read: Any = verdict, **how: Any) -> list[Any]:
    with open_log(address) as log:
        return list(map(read, replay(log.clients(), Recipe(**how).make()[0], at=JUNE)))


def digest(values: list[Any]) -> bytes:
    return msgspec.json.encode(values)


def test_processes_of_ours_find_what_one_process_finds(address):
    assert digest(list(replay_log(address, task(), jobs=2))) == digest(by_one(address))


def test_any_executor_finds_what_one_process_finds(address, file, executor):
    expected = digest(by_one(address))
    assert digest(list(replay_log(address, task(), executor=executor))) == expected
    with_one = [verdict(it) for it in replay(read_log(str(file)), Engine(Settings().choose()), at=JUNE)]
    assert digest(replay_file(str(file), task(), executor=executor, jobs=2)) == digest(with_one)
    assert executor.submit(len, "not shut down").result() == 13


def test_the_work_is_shared(address, processes):
    found = list(replay_log(address, task(worker), executor=processes))
    assert [client for client, _ in found] == sorted({line["client"] for line in LINES})
    assert os.getpid() not in {process for _, process in found}


def test_a_recipe_says_which_rules_run(address, processes, tmp_path):
    plugin = tmp_path / "acme.py"
    plugin.write_text(
        "from retention_engine import Concern, Health, rule\n\n\n"
        "@rule\n"
        "def always(client):\n"
        '    """There is always something."""\n'
        "    yield Concern(Health.CRITICAL, starts=client.since, because=None)\n"
    )
    settings = tmp_path / "retention.toml"
    settings.write_text('[plugins]\nuse = ["./acme.py"]\n[rules.quiet-client]\nevery = "5 days"\n')
    for how in (
        {"settings": settings},
        {"packs": ("stick-around",)},
        {"select": ("quiet-client",)},
        {"plugins": (str(plugin),), "select": ("acme/always",)},
        {"rules": (never_met,), "select": ("never-met",)},
    ):
        found = list(replay_log(address, task(**how), executor=processes))
        assert digest(found) == digest(by_one(address, **how)) != digest(by_one(address))


def test_what_is_recorded_meanwhile_is_not_seen(tmp_path):
    address = f"sqlite:///{tmp_path}/clients.db"
    with create_log(address) as log:
        log.record_many(events_of(LINES[:500]))
        expected = by_one(address)
        found = replay_log(address, task(), executor=_Recording(log), at_once=1)
        assert list(found) == expected
        assert log.head() > 500


class _Recording(Executor):
    """Does the work at once, and records an event of the last clients before each piece."""

    def __init__(self, log):
        self.log = log
        self.done = 0

    def submit(self, function, /, *args):
        if self.done:
            late = {"client": f"c{CLIENTS - 1:03}", "kind": "left", "at": "2026-06-01", "id": f"late{self.done}"}
            self.log.record_many(events_of([late, {**late, "client": f"d{self.done}"}]))
        self.done += 1
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function, *args)


class TestLostWorkers:
    def test_their_pieces_are_done_again(self, address, tmp_path):
        read = partial(verdict_after_a_death, victim=VICTIM, grave=tmp_path / "grave")
        assert digest(list(replay_log(address, task(read), jobs=2))) == digest(by_one(address))
        assert (tmp_path / "grave").exists()

    def test_those_of_a_file_too(self, file, tmp_path):
        read = partial(verdict_after_a_death, victim=VICTIM, grave=tmp_path / "grave")
        assert replay_file(str(file), task(read), jobs=2) == replay_file(str(file), task(), jobs=2)
        assert (tmp_path / "grave").exists()

    def test_a_piece_that_kills_each_of_them_is_named(self, address):
        found = []
        with pytest.raises(WorkersLost, match=r"the clients from 'c01\d' could not be assessed: .* lost 3 times"):
            found.extend(replay_log(address, task(partial(death_by, victim=VICTIM)), jobs=2))
        assert digest(found) == digest(by_one(address)[: len(found)])
        assert found

    def test_an_executor_that_is_broken_for_good_is_no_use(self, address):
        with (
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
            pytest.raises(WorkersLost, match=r"lost 3 times \(BrokenProcessPool"),
        ):
            list(replay_log(address, task(partial(death_by, victim=VICTIM)), executor=pool))


class TestWhatGoesWrong:
    def test_what_a_worker_meets_is_raised(self, address, processes):
        with pytest.raises(LookupError, match="c000"):
            list(replay_log(address, task(complaint), executor=processes))

    def test_what_can_not_be_sent_is_told(self, address, processes):
        with pytest.raises(RuntimeError, match="Untold: not pickled"):
            list(replay_log(address, task(untold_complaint), executor=processes))
        with pytest.raises(Exception, match="pickle"):
            list(replay_log(address, task(nothing_to_send), executor=processes))

    def test_a_damaged_log(self, address, processes, tmp_path):
        copy = tmp_path / "damaged.db"
        with open_log(address) as log:
            log.backup(copy)
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("UPDATE stored_events SET state = replace(state, 'critical', 'major') WHERE rowid = 2")
        found: list[Any] = []
        with pytest.raises(LogCorrupt, match="event 2 of client 'c001' is damaged"):
            found.extend(replay_log(f"sqlite:///{copy}", task(), executor=processes))

    def test_no_log(self, processes, tmp_path):
        with pytest.raises(LogMissing):
            list(replay_log(f"sqlite:///{tmp_path}/none.db", task(), executor=processes))

    def test_no_such_rule_is_said_before_anything_is_done(self, address, processes):
        with pytest.raises(RetentionError, match="no such rule"):
            list(replay_log(address, task(select=("quite-client",)), executor=processes))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"client": "c001", "kind": "engaged"},
            {"kind": "engaged", "at": "2026-06-01"},
            {"client": "c001", "kind": "engaged", "at": "2026-06-01", "id": "e1"},
            {"client": "c001", "kind": "retracted", "at": "2026-06-01", "event": "e999999"},
        ],
    )
    def test_a_file_with_a_mistake_is_for_one_process(self, file, processes, tmp_path, wrong):
        other = tmp_path / "wrong.jsonl"
        other.write_text(file.read_text() + "\n" + json.dumps(wrong))
        assert replay_file(str(other), task(), executor=processes, jobs=2) is None

    def test_so_is_one_that_is_not_there(self, processes, tmp_path):
        assert replay_file(str(tmp_path / "none.jsonl"), task(), executor=processes, jobs=2) is None


def test_an_empty_log_and_an_empty_file(processes, tmp_path):
    with create_log(f"sqlite:///{tmp_path}/empty.db"):
        pass
    (tmp_path / "empty.jsonl").touch()
    assert list(replay_log(f"sqlite:///{tmp_path}/empty.db", task(), executor=processes)) == []
    assert replay_file(str(tmp_path / "empty.jsonl"), task(), executor=processes) == []


def test_who_stops_listening_stops_the_work(address):
    found = replay_log(address, task(), jobs=2)
    assert next(found)["client"] == "c000"
    found.close()


def test_an_interrupt_while_processes_start_is_not_for_them(address):
    assert all(replay_log(address, task(held_back), jobs=2))
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_workers_end_with_the_program_that_started_them(address):
    program = (
        "import sys, time\n"
        "from datetime import UTC, datetime\n"
        "from retention_engine import Recipe, ReplayWork, replay_log\n"
        "from wanted import worker\n"
        "if __name__ == '__main__':\n"
        "    work = ReplayWork(Recipe(), worker, datetime(2026, 6, 30, tzinfo=UTC))\n"
        "    found = replay_log(sys.argv[1], work, jobs=2)\n"
        "    print(next(found), flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, address]
    with subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.kill()
        # Its workers have the same output: it is closed once they are gone, too.
        process.communicate(timeout=60)


class TestCommand:
    def test_two_jobs_print_what_one_prints(self, address, file, tmp_path):
        zipped = tmp_path / "clients.jsonl.gz"
        zipped.write_bytes(gzip.compress(file.read_bytes()))
        table, document, known = ["--limit", "0"], ["--format", "json"], ["--known-at", "2026-01-31"]
        for log, how in ((address, document), (file, table), (zipped, known)):
            assert retention("replay", log, *AT, *how, "--jobs", "2") == retention("replay", log, *AT, *how)

    def test_as_many_as_there_are_cores_with_settings_and_a_rule_that_fails(self, address, tmp_path):
        (tmp_path / "retention.toml").write_text('[plugins]\nuse = ["./acme.py"]\n')
        (tmp_path / "acme.py").write_text(
            "from retention_engine import rule\n\n\n"
            "@rule\n"
            "def fails(client):\n"
            '    """Something is wrong."""\n'
            "    raise ValueError(client.id)\n"
        )
        one = retention("replay", address, *AT, "--format", "jsonl", cwd=tmp_path)
        assert retention("replay", address, *AT, "--format", "jsonl", "--jobs", "0", cwd=tmp_path) == one
        assert one.code == 4
        assert b"acme/fails" in one.out

    def test_mistakes_in_a_file_and_what_one_process_does_alone(self, address, file, tmp_path):
        wrong = tmp_path / "wrong.jsonl"
        wrong.write_text(file.read_text() + '\n{"client": "c001"}\n{"kind": 1}\n')
        for log, how in ((wrong, []), (address, ["--client", "c003"]), ("-", [])):
            given = {"stdin": file.read_bytes()} if log == "-" else {}
            one = retention("replay", log, *AT, *how, **given)
            assert retention("replay", log, *AT, *how, "--jobs", "2", **given) == one

    @pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="there is no file that is a pipe")
    def test_mistakes_in_a_pipe_are_told_though_it_can_be_read_only_once(self):
        said = {"client": "acme", "id": "x", "at": "2026-01-05"}
        lines = [json.dumps(said | {"kind": kind}) for kind in ("engaged", "complained")]
        ran = retention("replay", "/dev/stdin", *AT, "--jobs", "2", stdin="\n".join(lines).encode())
        assert (ran.code, ran.out) == (3, b"")
        assert "used for another event" in ran.err


def test_a_log_on_a_server(processes):
    with server_address() as server, fresh_schema(server) as address:
        with create_log(address) as log:
            log.record_many(events_of(LINES))
        assert digest(list(replay_log(address, task(), executor=processes))) == digest(by_one(address))
        assert retention("replay", address, *AT, "--jobs", "2") == retention("replay", address, *AT)


class TestExamples:
    SCALE = Path(__file__).parent.parent / "examples" / "scale"

    def test_dask(self, address):
        command = [sys.executable, self.SCALE / "dask_replay.py", address, "2026-06-30"]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
        counts = Counter(found["status"] for found in by_one(address))
        assert done.stdout == "".join(f"{count:>9,} {level}\n" for level, count in sorted(counts.items()))

    def test_the_half_of_spark_that_is_ours(self, address):
        tree = ast.parse((self.SCALE / "spark_replay.py").read_text())
        tree.body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pyspark"))
        ]
        names: dict[str, Any] = {"__name__": "spark_replay"}
        exec(compile(tree, "spark_replay.py", "exec"), names)  # noqa: S102 - an example of ours
        work = ReplayWork(Recipe(), names["row"], JUNE)
        with open_log(address) as log:
            spans = [tuple(span) for span in log.spans(100)]
        rows = [row for span in spans for row in parallel.replay_span(work, address, span)]
        assert len(spans) > 2
        assert [row[:2] for row in rows] == [(found["client"], found["status"]) for found in by_one(address)]
        assert {len(row) for row in rows} == {len(names["COLUMNS"].split(","))}
