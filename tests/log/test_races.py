"""Several programs and threads that write and read one log at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from random import Random

import pytest

from retention_engine import Complained, Engaged
from retention_engine.errors import KeyReused, LogClosed, VersionConflict
from retention_engine.log import EventLog, create_log, open_log

from .processes import programs
from .writers import AT, batch, contested, half_batches

RACERS = 4
EVENTS = 500
REUSED = 20


def versions(log: EventLog) -> dict[str, list[int]]:
    """The numbers of each client's events, in the order of their positions."""
    found: dict[str, list[int]] = {}
    for row in log.store.tail(0, 1_000_000):
        found.setdefault(row.client, []).append(row.version)
    return found


def check_that_each_is_there_once(log: EventLog, clients: int) -> None:
    assert sorted(str(event.id) for event in log.tail()) == sorted(str(contested(n, 1).id) for n in range(EVENTS))
    found = versions(log)
    assert len(found) == clients
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found.values())
    places = [event.position for event in log.tail()]
    assert all(one < other for one, other in pairwise(places))
    assert list(log.verify()) == []


@pytest.mark.slow
@pytest.mark.parametrize("clients", [20, 1], ids=["20 clients", "one hot client"])
def test_processes_that_record_the_same_events_store_each_once(shared_log, clients):
    with programs([("race", shared_log, str(seed), str(EVENTS), str(clients)) for seed in range(RACERS)]) as racers:
        for racer in racers:
            racer.go()
        results = [racer.result() for racer in racers]
    assert sum(result["new"] for result in results) == EVENTS
    assert [result["refused"] for result in results] == [REUSED] * RACERS
    with open_log(shared_log) as log:
        check_that_each_is_there_once(log, clients)


@pytest.mark.parametrize("clients", [20, 1], ids=["20 clients", "one hot client"])
def test_threads_that_record_the_same_events_store_each_once(any_log, clients):
    barrier = threading.Barrier(RACERS)

    def race(seed: int) -> tuple[int, int]:
        order = list(range(EVENTS))
        Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
        barrier.wait()
        new = sum(any_log.record(contested(number, clients)).new for number in order)
        refused = 0
        for number in order[:REUSED]:
            wanted = contested(number, clients)
            try:
                any_log.record(Complained(client=wanted.client, at=AT, id=wanted.id))
            except KeyReused:
                refused += 1
        return new, refused

    with ThreadPoolExecutor(RACERS) as pool:
        results = list(pool.map(race, range(RACERS)))
    assert sum(new for new, _ in results) == EVENTS
    assert [refused for _, refused in results] == [REUSED] * RACERS
    check_that_each_is_there_once(any_log, clients)


@pytest.mark.slow
def test_a_reader_sees_no_gap_and_no_torn_batch_while_others_write(shared_log):
    steps = 60
    names = ["writer1", "writer2", "writer3"]
    with programs([("follow", shared_log), *(("append_some", shared_log, name, str(steps)) for name in names)]) as all_:
        reader, *writers = all_
        for program in all_:
            program.go()
        for writer in writers:
            assert writer.process.wait(timeout=120) == 0
        found = reader.result()
    written = sum(len(batch(name, number)) for name in names for number in range(steps))
    assert (found["seen"], found["torn"], found["unordered"]) == (written, [], 0)
    assert found["rounds"] > 1


def test_a_reader_in_a_thread_sees_no_gap_and_no_torn_batch_while_others_write(any_log):
    done = threading.Event()

    def write(name: str) -> None:
        for number in range(60):
            any_log.record_many(batch(name, number))

    def read() -> int:
        seen, more = 0, True
        while more:
            more = not done.is_set()
            assert half_batches([event for _, events in any_log.clients() for event in events]) == []
            tailed = list(any_log.tail())
            assert half_batches(tailed) == []
            assert len(tailed) >= seen
            seen = len(tailed)
        return seen

    with ThreadPoolExecutor(RACERS) as pool:
        reading = pool.submit(read)
        for writing in [pool.submit(write, f"writer{number}") for number in range(3)]:
            writing.result()
        done.set()
        assert reading.result() == 3 * sum(len(batch("any", number)) for number in range(60))


def test_a_log_verifies_clean_while_others_write(any_log):
    def write(name: str) -> None:
        for number in range(80):
            any_log.record_many(batch(name, number))

    with ThreadPoolExecutor(RACERS) as pool:
        writers = [pool.submit(write, f"writer{number}") for number in range(3)]
        while not all(writer.done() for writer in writers):
            assert list(any_log.verify()) == []
        for writer in writers:
            writer.result()


def test_of_those_who_expect_the_same_position_one_succeeds(any_log):
    barrier = threading.Barrier(RACERS)

    def decide(who: int) -> bool:
        barrier.wait()
        try:
            any_log.record(Engaged(client="acme", at=AT, id=f"by-{who}"), expected=0)
        except VersionConflict:
            return False
        return True

    with ThreadPoolExecutor(RACERS) as pool:
        assert sum(pool.map(decide, range(RACERS))) == 1
    assert len(any_log.client("acme")) == 1


@pytest.mark.slow
def test_several_can_make_and_use_one_log_at_the_same_time(tmp_path):
    address = f"sqlite:///{tmp_path / 'clients.db'}"
    with programs([("create", address)] * RACERS) as makers:
        for maker in makers:
            maker.go()
        for maker in makers:
            assert maker.said() == ("created", 0), maker.process.stderr.read()
    with open_log(address) as log:
        assert log.record(Engaged(client="acme", at=AT)).position == 1


def test_threads_can_make_and_use_one_log_at_the_same_time(tmp_path):
    address = f"sqlite:///{tmp_path / 'clients.db'}"
    barrier = threading.Barrier(RACERS)

    def make(who: int) -> None:
        barrier.wait()
        with create_log(address) as log:
            log.record_many(batch(f"maker{who}", 0))

    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(make, range(RACERS)))
    with open_log(address) as log:
        assert len(list(log.tail())) == RACERS * len(batch("any", 0))
        assert list(log.verify()) == []


def test_closing_a_log_that_is_in_use_loses_nothing_acknowledged(shared_log):
    log = open_log(shared_log)
    begun = threading.Barrier(RACERS + 1)

    def write(name: str) -> int:
        begun.wait()
        for number in range(10_000):
            try:
                log.record_many(batch(name, number))
            except LogClosed:
                return number
        raise AssertionError(name)

    def read() -> None:
        begun.wait()
        while True:
            try:
                list(log.tail())
            except LogClosed:
                return

    with ThreadPoolExecutor(RACERS) as pool:
        writing = {name: pool.submit(write, name) for name in ("one", "two", "three")}
        reading = pool.submit(read)
        begun.wait()
        threading.Event().wait(0.1)
        log.close()
        steps = {name: future.result() for name, future in writing.items()}
        reading.result()
    assert getattr(log.store._connections, "_writer", None) is None  # none was opened again by those who waited
    with open_log(shared_log) as again:
        assert len(list(again.tail())) == sum(
            len(batch(name, number)) for name, done in steps.items() for number in range(done)
        )
        assert list(again.verify()) == []
