"""Writers killed at any moment: what was acknowledged is there, whole and once."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random

import attrs
import pytest

import postgres_server
from retention_engine import Engaged
from retention_engine.errors import LogError
from retention_engine.log import EventLog, create_log, open_log
from retention_engine.log.rows import Row, key_of

from .processes import Program, programs
from .writers import BULK_STEPS, batch

pytestmark = pytest.mark.slow

WRITERS_AT_ONCE = 2
KILLS = {"sqlite": 50, "postgresql": 20}
SERVER_KILLS = 3
SEED = 20_260_630


@attrs.define
class Tally:
    """What became of the steps of writers that were killed."""

    kills: int = 0
    acknowledged: int = 0
    stored_unacknowledged: int = 0
    lost: int = 0
    torn: int = 0

    def take(self, log: EventLog, writer: str, last: int) -> None:
        """Look at a killed writer's steps, the last of which it acknowledged, and record them all again."""
        self.kills += 1
        self.acknowledged += last + 1
        with log.appending():
            pass  # a server may still be at work on the last step of a writer that is dead
        for number in range(last + 3):
            found = [log.store.known(key_of(event)) is not None for event in batch(writer, number)]
            self.torn += any(found) != all(found)
            if number <= last:
                self.lost += not all(found)
            elif all(found):
                self.stored_unacknowledged += 1
        again = [receipt for number in range(last + 3) for receipt in log.record_many(batch(writer, number))]
        assert len({(receipt.client, receipt.position) for receipt in again}) == len(again)


def moments(longest: float) -> Iterator[float]:
    """Seconds to wait before a kill."""
    random = Random(SEED)  # noqa: S311 - moments, not secrets
    while True:
        yield random.uniform(0, longest)


def kill_writers(address: str, kills: int, kill_them: Callable[[list[Program]], None]) -> Tally:
    """Start writers in pairs and kill them in full career, as often as said."""
    pauses = moments(0.25)
    tally = Tally()
    for first in range(0, kills, WRITERS_AT_ONCE):
        names = [f"writer{first + number}" for number in range(WRITERS_AT_ONCE)]
        with programs([("append", address, name) for name in names]) as writers:
            for writer in writers:
                writer.go()
            for writer in writers[: first % 4]:  # every other pair begins before its time does
                assert writer.said() == ("recorded", 0)
            time.sleep(next(pauses))
            kill_them(writers)
            with open_log(address) as log:
                for name, writer in zip(names, writers, strict=True):
                    tally.take(log, name, writer.last_said("recorded"))
    return tally


def kill_each(writers: list[Program]) -> None:
    for writer in writers:
        writer.kill()


def duplicates(log: EventLog) -> int:
    """How many events are there more than once."""
    return sum(count - 1 for count in Counter((event.client, event.id) for event in log.tail()).values())


def versions_are_contiguous(log: EventLog) -> bool:
    rows = map(Row._make, log.store.page(("", 0), log.head(), 1_000_000))
    versions: dict[str, list[int]] = {}
    for row in rows:
        versions.setdefault(row.client, []).append(row.version)
    return all(found == list(range(1, len(found) + 1)) for found in versions.values())


def check(address: str, tally: Tally, print_figures: Callable[[str], None]) -> None:
    with open_log(address) as log:
        twice = duplicates(log)
        flaws = list(log.verify())
        print_figures(
            f"{tally.kills} writers killed, {tally.acknowledged:,} steps acknowledged ({tally.stored_unacknowledged} more"
            f" stored): {tally.lost} lost, {tally.torn} torn, {twice} duplicates after recording all again,"
            f" {len(flaws)} flaws"
        )
        assert tally.acknowledged >= tally.kills // WRITERS_AT_ONCE - 1
        assert (tally.lost, tally.torn, twice) == (0, 0, 0)
        assert flaws == []
        assert versions_are_contiguous(log)


@pytest.fixture
def print_figures(capsys, request) -> Callable[[str], None]:
    def show(text: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: {text}")  # noqa: T201 - the figures are what the run is for

    return show


@pytest.fixture
def address(tmp_path) -> str:
    made = f"sqlite:///{tmp_path / 'clients.db'}"
    create_log(made).close()
    return made


def test_writers_that_are_killed_lose_tear_and_double_nothing(shared_log, print_figures):
    kills = KILLS[shared_log.partition(":")[0]]
    tally = kill_writers(shared_log, kills, kill_each)
    assert tally.kills == kills
    check(shared_log, tally, print_figures)


def test_a_server_that_is_killed_loses_tears_and_doubles_nothing(monkeypatch, print_figures):
    monkeypatch.setitem(postgres_server.SETTINGS, "fsync", "on")
    monkeypatch.setitem(postgres_server.SETTINGS, "full_page_writes", "on")
    server = postgres_server.start_server()

    def kill_the_server(writers: list[Program]) -> None:
        server.stop("immediate")
        for writer in writers:
            assert writer.process.wait(timeout=60) == 1
            said = writer.process.stderr.read().decode()
            assert said.startswith(("LogUnavailable: ", "OutcomeUnknown: ")), said
        server.start()

    try:
        create_log(server.address).close()
        tally = kill_writers(server.address, SERVER_KILLS * WRITERS_AT_ONCE, kill_the_server)
        check(server.address, tally, print_figures)
    finally:
        server.remove()


def test_a_transaction_of_many_events_that_is_killed_leaves_nothing(shared_log):
    for number, share in zip(range(4), moments(0.9), strict=False):
        with programs([("bulk", shared_log, f"bulk{number}")]) as (program,):
            program.go()
            assert program.said() == ("appended", 0)
            for _ in range(int(share * BULK_STEPS)):
                program.said()
            program.kill()
        with open_log(shared_log) as log:
            assert log.head() == 0
            assert list(log.verify()) == []


def test_making_a_log_that_is_killed_can_be_done_again(tmp_path):
    path = tmp_path / "clients.db"
    for pause, _ in zip(moments(0.03), range(6), strict=False):
        with programs([("create", f"sqlite:///{path}")] * 2) as makers:
            for maker in makers:
                maker.go()
            time.sleep(pause)
            for maker in makers:
                maker.kill()
        with create_log(f"sqlite:///{path}") as log:
            assert log.record(batch("again", 3)[0]).new
            assert list(log.verify()) == []
        for left in tmp_path.iterdir():
            left.unlink()


def test_forgetting_that_is_killed_leaves_every_client_whole_or_forgotten(address):
    clients = [f"secret{number}" for number in range(60)]
    events = [
        Engaged(client=client, at="2026-01-01", id=f"e{number}", note="s") for client in clients for number in (1, 2)
    ]
    with open_log(address) as log:
        log.record_many(events)
    for pause, _ in zip(moments(0.15), range(4), strict=False):
        with programs([("forget", address, *clients)]) as (program,):
            program.go()
            time.sleep(pause)
            program.kill()
            last = program.last_said("forgotten")
        with open_log(address) as log:
            assert list(log.verify()) == []
            notes = [{event.note for event in log.client(client)} for client in clients]
            assert notes[: last + 1] == [{None}] * (last + 1)
            assert notes[last + 2 :] == [{"s"}] * (len(clients) - last - 2)
            assert notes[last + 1 : last + 2] in ([], [{None}], [{"s"}])
        clients = clients[last + 1 :]


def test_a_backup_that_is_killed_is_never_taken_for_a_whole_one(address, tmp_path):
    with open_log(address) as log, log.appending() as appending:
        appending.append([(event, key_of(event)) for number in range(6_000) for event in batch("old", number)])
    with open_log(address) as log:
        head = log.head()
    for pause, number in zip(moments(0.06), range(4), strict=False):
        copy = tmp_path / f"copy{number}.db"
        with programs([("copy", address, str(copy))]) as (program,):
            program.go()
            time.sleep(pause)
            program.kill()
        with suppress(LogError), open_log(f"sqlite:///{copy}") as log:
            assert log.head() == head
            assert list(log.verify()) == []
