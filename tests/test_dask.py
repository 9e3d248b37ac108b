"""The whole book by the workers of a Dask cluster on this machine, with one of them killed on the way."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from distributed import Client, LocalCluster

from given import events_of
from retention_engine import open_log, parallel, replay
from retention_engine.log import create_log
from retention_engine.parallel import Recipe, ReplayWork, replay_file, replay_log
from wanted import verdict, verdict_after_a_death, worker

JUNE = datetime(2026, 6, 30, tzinfo=UTC)
LINES = [
    {"client": f"c{number % 50:03}", "kind": "engaged", "id": f"e{number}", "at": f"2026-{1 + number % 6:02}-01"}
    for number in range(600)
]
TASK = ReplayWork(Recipe(), verdict, JUNE)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as workers,
        Client(workers) as client,
    ):
        yield client


@pytest.fixture
def executor(cluster) -> Executor:
    cluster.wait_for_workers(2)
    return cluster.get_executor()


@pytest.fixture
def address(tmp_path, monkeypatch) -> str:
    monkeypatch.setattr(parallel, "EVENTS_A_PIECE", 60)
    found = f"sqlite:///{tmp_path}/clients.db"
    with create_log(found) as log:
        log.record_many(events_of(LINES))
    return found


def digest_by_one(address: str) -> bytes:
    with open_log(address) as log:
        return digest([verdict(it) for it in replay(log.clients(), TASK.recipe.make()[0], at=JUNE)])


def digest(values: Any) -> bytes:
    return msgspec.json.encode(list(values))


def test_its_workers_find_what_one_process_finds(address, executor, tmp_path):
    assert digest(replay_log(address, TASK, executor=executor)) == digest_by_one(address)
    file = Path(tmp_path, "clients.jsonl")
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in LINES))
    assert digest(replay_file(str(file), TASK, executor=executor, jobs=2)) == digest_by_one(address)


def test_a_worker_killed_on_the_way_changes_nothing(address, executor, cluster):
    pids = set(cluster.run(os.getpid).values())
    found = replay_log(address, TASK, executor=executor, at_once=3)
    begun = [next(found) for _ in range(7)]
    os.kill(min(pids), signal.SIGKILL)
    assert digest([*begun, *found]) == digest_by_one(address)
    cluster.wait_for_workers(2)
    assert set(cluster.run(os.getpid).values()) != pids


def test_the_work_is_done_elsewhere(address, executor, cluster):
    pids = set(cluster.run(os.getpid).values())
    found = list(replay_log(address, ReplayWork(Recipe(), worker, JUNE), executor=executor))
    assert len(found) == 50
    assert {process for _, process in found} <= pids


def test_nor_does_one_that_dies_of_its_work(address, executor, tmp_path):
    read = partial(verdict_after_a_death, victim="c017", grave=tmp_path / "grave")
    assert digest(replay_log(address, ReplayWork(Recipe(), read, JUNE), executor=executor)) == digest_by_one(address)
    assert (tmp_path / "grave").exists()
