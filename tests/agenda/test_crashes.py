"""Whoever records, follows or builds is killed at any moment: what is stored is right, and the next one carries on."""

import time
from pathlib import Path
from random import Random

import pytest

from log.processes import Program, programs
from retention_engine import Agenda, days, open_log
from retention_engine.agenda import rebuilding
from retention_engine.agenda.kept import made
from retention_engine.log import EventLog
from retention_engine.log.agenda_rows import NO_ROWS, Generation

from .comparing import assert_equals_replay
from .programs import ENGINES, START, life

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).with_name("programs.py")
KILLS = {"sqlite": 3, "postgresql": 2}
SEED = 20_260_630


def kills(address: str) -> range:
    return range(KILLS[address.partition(":")[0]])


def started(*several: tuple[str, ...]):
    return programs([tuple(map(str, words)) for words in several], script=PROGRAMS)


def prepare(address: str, portions: int = 100, engine: int = 0) -> None:
    """Record something, and build an agenda of it."""
    with open_log(address) as log:
        for portion, _ in zip(life("first"), range(portions), strict=False):
            log.record_many(portion)
        Agenda(log, ENGINES[engine]).rebuild()


def assert_every_build_is_right(log: EventLog) -> list[Generation]:
    """Each build has exactly what follows from the log up to where it says that it is."""
    by_fingerprint = {Agenda(log, engine).fingerprint: engine for engine in ENGINES}
    histories = dict(log.clients())
    with log.store.agenda.reading() as tables:
        state = tables.state()
        stored = {it.id: tables.rows_of(it.id, histories) for it in state.generations}
    for generation in state.generations:
        if generation.state == "retired":
            continue
        for client, events in histories.items():
            upto = generation.upto if generation.position is None else generation.position
            known = [event for event in events if event.position <= upto]
            is_read = generation.position is not None or client <= generation.mark
            rows = made(by_fingerprint[generation.fingerprint], client, known).rows if known and is_read else NO_ROWS
            assert_same(stored[generation.id].get(client, NO_ROWS), rows)
    return list(state.generations)


def assert_same(found, expected) -> None:
    for some, others in zip(found, expected, strict=True):
        assert sorted(some, key=repr) == sorted(others, key=repr)


def assert_all_is_well(address: str, engine: int = 0) -> None:
    with open_log(address) as log:
        assert_every_build_is_right(log)
        with Agenda(log, ENGINES[engine]) as agenda:
            agenda.rebuild()
            (generation,) = assert_every_build_is_right(log)
            assert generation.position == log.head()
            horizon = agenda.basis().horizon
            assert_equals_replay(agenda, log, [horizon + days(count) for count in (1, 30, 90, 500)])


def wait(random: Random, program: Program, longest: float) -> None:
    """Let a program say something first, more often than not, so that it is killed at work."""
    if random.random() < 0.7:
        assert program.said()[0], program.process.stderr.read().decode()
    time.sleep(random.uniform(0, longest))


def test_recording_that_is_killed_leaves_event_and_agenda_together(shared_log):
    prepare(shared_log)
    random = Random(SEED)  # noqa: S311 - moments, not secrets
    for number in kills(shared_log):
        with started(("record", shared_log, f"writer{number}", 0)) as (program,):
            program.go()
            wait(random, program, 0.2)
            program.kill()
        with open_log(shared_log) as log:
            (generation,) = assert_every_build_is_right(log)
            assert generation.position == log.head()
    assert_all_is_well(shared_log)


def test_following_that_is_killed_carries_on_where_it_was(shared_log):
    prepare(shared_log)
    random = Random(SEED)  # noqa: S311 - moments, not secrets
    with open_log(shared_log) as log:
        for portion, _ in zip(life("second"), range(150), strict=False):
            log.record_many(portion)
    for _ in kills(shared_log):
        with started(("follow", shared_log, 0), ("follow", shared_log, 0)) as both:
            for program in both:
                program.go()
            wait(random, both[0], 0.1)
            for program in both:
                program.kill()
        with open_log(shared_log) as log:
            assert_every_build_is_right(log)
    assert_all_is_well(shared_log)


def test_building_that_is_killed_is_carried_on(shared_log):
    prepare(shared_log)
    random = Random(SEED)  # noqa: S311 - moments, not secrets
    for number in kills(shared_log):
        with started(("rebuild", shared_log, number), ("record", shared_log, f"writer{number}", 0)) as (
            builder,
            writer,
        ):
            builder.go()
            writer.go()
            wait(random, builder, 0.3)
            builder.kill()
            writer.kill()
        with open_log(shared_log) as log:
            assert_every_build_is_right(log)
    for engine in range(len(ENGINES)):
        assert_all_is_well(shared_log, engine)


def test_a_build_is_carried_on_from_the_client_at_which_it_was_left(shared_log, monkeypatch):
    prepare(shared_log)
    monkeypatch.setattr(rebuilding, "CLIENTS", 3)
    done = []

    def note(progress):
        done.append(progress.done)
        if len(done) == 5:
            raise KeyboardInterrupt

    with open_log(shared_log) as log:
        agenda = Agenda(log, ENGINES[1])
        with pytest.raises(KeyboardInterrupt):
            agenda.rebuild(note)
        assert agenda.basis().is_stale
        assert agenda.basis().is_rebuilding
        assert_every_build_is_right(log)
        left_at = done[-1]
        agenda.rebuild(lambda progress: done.append(progress.done))
        assert done[5] == left_at > 0
        assert not agenda.basis().is_stale
    assert_all_is_well(shared_log, 1)


def test_several_may_record_follow_and_build_at_once(shared_log):
    prepare(shared_log)
    with started(
        ("record", shared_log, "one", 0),
        ("record", shared_log, "two", 0),
        ("follow", shared_log, 0),
        ("rebuild", shared_log, 1),
        ("rebuild", shared_log, 2),
    ) as several:
        for program in several:
            program.go()
        for program in several[:2]:
            for _ in range(60):
                assert program.said()[0] == "recorded", program.process.stderr.read().decode()
        for program in several:
            assert program.process.poll() is None, program.process.stderr.read().decode()
            program.kill()
    assert_all_is_well(shared_log)


def test_two_who_follow_at_once_follow_each_event_once(shared_log):
    prepare(shared_log)
    with open_log(shared_log) as log:
        start = log.head()
        for portion, _ in zip(life("second"), range(100), strict=False):
            log.record_many(portion)
        head = log.head()
        behind = sum(event.position > start for event in log.tail())
    with started(*[("follow_to", shared_log, 0, head)] * 2) as both:
        for program in both:
            program.go()
        assert sum(program.result()["followed"] for program in both) == behind
    assert_all_is_well(shared_log)


def test_news_that_were_said_before_a_kill_stay_as_they_were(shared_log):
    prepare(shared_log)
    random = Random(SEED)  # noqa: S311 - moments, not secrets
    with open_log(shared_log) as log, Agenda(log, ENGINES[0]) as agenda:
        agenda.news(until=START)
        for number in range(4):
            known = list(agenda.news(limit=100_000, until=START))
            with started(("news", shared_log, 0), ("record", shared_log, f"w{number}", 0)) as (asking, recording):
                recording.go()
                asking.go()
                wait(random, recording, 0.3)
                asking.kill()
                recording.kill()
            agenda.follow()
            assert list(agenda.news(limit=len(known), until=START)) == known
        items = list(agenda.news(limit=100_000, until=START + days(2_000)))
        assert [item.seq for item in items] == sorted({item.seq for item in items})
        assert len({item.id for item in items}) == len(items)
        assert items
    assert_all_is_well(shared_log)
