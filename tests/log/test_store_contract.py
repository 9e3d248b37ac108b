"""What every store promises: one suite for SQLite, memory and PostgreSQL."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from given import EVERYTHING, assessed, events_of
from retention_engine import (
    KINDS,
    Client,
    Complained,
    Engaged,
    Event,
    Histories,
    Judged,
    Profiled,
    Referred,
    Renewed,
    Retracted,
    encode,
    gather,
    read_log,
)
from retention_engine.errors import (
    EventError,
    KeyReused,
    LogClosed,
    LogCorrupt,
    LogError,
    UnknownClient,
    VersionConflict,
)
from retention_engine.log import EventLog, Key, event_log, open_log
from strategies import events, logs

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
AGENCY = Path(__file__).resolve().parents[2] / "examples" / "agency" / "log.jsonl"
SENTINEL = "Zimtschnecke-7351"

few_examples = settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@attrs.frozen(slots=False, kw_only=True)
class InvoicePaid(Event):
    """An application's own kind."""

    kind = "acme.invoice_paid"

    number: str
    days_late: int = 0


def call(id: str | None = None, client: str = "acme", **fields: Any) -> Engaged:
    return Engaged(client=client, at=AT, id=id, **fields)


def contents(found: Iterable[Event]) -> list[bytes]:
    """Events as lines, so that every field counts."""
    return [encode(event) for event in found]


def ids(log: EventLog) -> list[str | None]:
    return [event.id for event in log.tail()]


def versions(log: EventLog, client: str = "acme") -> list[int]:
    return [row.version for row in log.store.client(client)]


class TestRecording:
    def test_an_event_is_read_back_as_it_was_recorded(self, any_log):
        event = call("e1", note="They said: „läuft“ 🙂", answers={"refer": "yes"}, with_=("Ann", "Bo"), our_view=4)
        receipt = any_log.record(event)
        (found,) = any_log.client("acme")
        assert found == event
        assert (receipt.client, receipt.id, receipt.position, receipt.new) == ("acme", "e1", found.position, True)

    def test_recorded_at_is_stamped_by_the_clock_that_was_passed_in(self, new_log):
        with new_log(clock=lambda: NOON) as log:
            log.record(call("e1").recorded(AT - timedelta(days=900)))
            (found,) = log.client("acme")
        assert found.recorded_at == NOON
        assert found.at == AT

    def test_the_same_event_twice_is_stored_once_and_has_one_receipt(self, new_log):
        moments = iter([NOON, NOON + timedelta(days=1)])
        with new_log(clock=lambda: next(moments)) as log:
            first, again = log.record(call("e1", note="a")), log.record(call("e1", note="a"))
            assert first == again
            assert (first.new, again.new) == (True, False)
            assert [event.recorded_at for event in log.tail()] == [NOON]

    def test_the_same_event_twice_at_once_is_stored_once(self, any_log):
        first, again, other = any_log.record_many([call("e1"), call("e1"), call("e2")])
        assert first == again
        assert [first.new, again.new, other.new] == [True, False, True]
        assert ids(any_log) == ["e1", "e2"]

    def test_an_event_without_an_id_is_stored_each_time(self, any_log):
        receipts = [any_log.record(call()) for _ in range(3)]
        assert [receipt.new for receipt in receipts] == [True] * 3
        assert len({receipt.position for receipt in receipts}) == 3
        assert versions(any_log) == [1, 2, 3]

    def test_an_id_belongs_to_one_client(self, any_log):
        any_log.record_many([call("e1"), call("e1", client="bolt", note="another")])
        assert len(ids(any_log)) == 2

    def test_an_id_with_other_content_is_refused_and_nothing_is_written(self, any_log):
        any_log.record(call("e1"))
        with pytest.raises(KeyReused, match="'e1' was used for another event of 'acme'"):
            any_log.record_many([call("e0"), call("e1", note="other"), call("e2")])
        with pytest.raises(KeyReused):
            any_log.record_many([call("e3"), call("e3", note="other")])
        with pytest.raises(KeyReused):
            any_log.record(Complained(client="acme", at=AT, id="e1"))
        assert ids(any_log) == ["e1"]
        assert any_log.store.count() == (1, 1)

    def test_many_events_of_several_clients_are_stored_together(self, any_log):
        receipts = any_log.record_many([call("a"), call("b", client="bolt"), call("c"), call("d", client="bolt")])
        assert [receipt.id for receipt in receipts] == ["a", "b", "c", "d"]
        assert [receipt.position for receipt in receipts] == [event.position for event in any_log.tail()]
        assert (versions(any_log), versions(any_log, "bolt")) == ([1, 2], [1, 2])

    def test_many_events_are_stored_all_or_none(self, any_log):
        any_log.record(call("e1"))
        bad = Retracted(client="cube", at=AT, event="nowhere")
        with pytest.raises(EventError):
            any_log.record_many([call("x", client="bolt"), call("y", client="cube"), bad])
        assert ids(any_log) == ["e1"]
        assert any_log.client("bolt") == []
        assert any_log.record_many([]) == []

    def test_a_transaction_that_ends_in_an_exception_leaves_nothing(self, any_log):
        def append_and_fail() -> None:
            with any_log.appending() as appending:
                appending.append([(call("e1"), None)])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            append_and_fail()
        assert ids(any_log) == []
        any_log.record(call("e2"))
        assert list(any_log.verify()) == []

    def test_the_steps_of_a_transaction_see_each_other(self, any_log):
        key = Key("acme", "id:e1")
        with any_log.appending() as appending:
            (first,) = appending.append([(call("e1"), key)])
            (again,) = appending.append([(call("e1"), key)])
            (other,) = appending.append([(call("e1", note="other"), key)])
        assert (first.new, again.new, first == again) == (True, False, True)
        assert isinstance(other, KeyReused)
        assert versions(any_log) == [1]

    def test_a_key_of_an_importer_works_as_an_id_does(self, any_log):
        event, key = call(note="no id"), Key("acme", "copy:a.jsonl:17")
        for new in (True, False):
            with any_log.appending() as appending:
                (receipt,) = appending.append([(event, key)])
            assert receipt.new is new
        assert len(any_log.client("acme")) == 1
        assert list(any_log.verify()) == []
        assert any_log.store.known(key).position == receipt.position
        assert any_log.store.known(Key("acme", "copy:a.jsonl:18")) is None


class TestExpectedPosition:
    def test_a_history_that_has_not_grown_is_added_to(self, any_log):
        first = any_log.record(call("e1"), expected=0)
        any_log.record(call("x", client="bolt"))
        any_log.record(call("e2"), expected=first.position)
        assert [event.id for event in any_log.client("acme")] == ["e1", "e2"]

    def test_one_that_has_grown_is_not(self, any_log):
        first = any_log.record(call("e1"))
        second = any_log.record(call("e2"))
        for stale in (0, first.position, second.position + 1):
            with pytest.raises(VersionConflict, match=f"'acme' ends at position {second.position}, not at {stale}"):
                any_log.record(call("e3"), expected=stale)
        with pytest.raises(VersionConflict):
            any_log.record_many([call("x", client="bolt"), call("e3")], expected={"bolt": 0, "acme": 0})
        assert ids(any_log) == ["e1", "e2"]

    def test_an_event_that_is_stored_already_gives_its_receipt_all_the_same(self, any_log):
        receipt = any_log.record(call("e1"), expected=0)
        assert any_log.record(call("e1"), expected=0) == receipt
        with pytest.raises(VersionConflict):
            any_log.record_many([call("e1"), call("e2")], expected={"acme": 0})
        assert ids(any_log) == ["e1"]


class TestRetractions:
    def test_an_event_of_before_is_retracted(self, any_log):
        any_log.record(call("e1"))
        any_log.record(Retracted(client="acme", at=AT, event="e1", reason="wrong client"))
        assert Client.from_events("acme", any_log.client("acme")).events == ()

    @pytest.mark.parametrize("retraction_first", [True, False])
    def test_an_event_recorded_along_with_it_is_retracted(self, any_log, retraction_first):
        both = [call("e1"), Retracted(client="acme", at=AT, event="e1")]
        receipts = any_log.record_many(both[::-1] if retraction_first else both)
        assert [event.kind for event in any_log.client("acme")] == ["engaged", "retracted"]
        assert receipts[not retraction_first].id is None

    def test_a_retraction_of_nothing_is_refused(self, any_log):
        any_log.record(call("e1", client="bolt"))
        for event in (Retracted(client="acme", at=AT, event="e1"), Retracted(client="bolt", at=AT, event="e2")):
            with pytest.raises(EventError, match=f"has no event with the id '{event.event}'") as caught:
                any_log.record(event)
            assert (caught.value.code, caught.value.field) == ("nothing-to-retract", "event")
        assert ids(any_log) == ["e1"]

    def test_a_retraction_cant_be_retracted(self, any_log):
        any_log.record_many([call("e1"), Retracted(client="acme", at=AT, id="r1", event="e1")])
        with pytest.raises(EventError, match="a retraction can't be retracted"):
            any_log.record(Retracted(client="acme", at=AT, event="r1"))
        at_once = [Retracted(client="acme", at=AT, id="r2", event="e1"), Retracted(client="acme", at=AT, event="r2")]
        with pytest.raises(EventError, match="event: "):
            any_log.record_many(at_once)
        assert ids(any_log) == ["e1", "r1"]


HOSTILE = [
    "../x",
    "..\\x",
    "/etc/passwd",
    "con",
    "'; DROP TABLE stored_events; --",
    '"quoted"',
    "%s %(name)s %%",
    "{schema}",
    "$1",
    " ",
    " acme",
    "acme",
    "acme ",
    "Acme",
    "ACME",
    "a" * 200,
    "\U0001f600" * 200,
    "caf\u00e9",
    "cafe\u0301",
    "\u00df",
    "ss",
    "\uffee",
    "\U00010000",
    "\u200b",
    "\u202eacme",
    "10",
    "9",
    "NULL",
    "\\x00",
    "null",
]
"""Ids that are hard to keep apart, to put in order, to quote or to store."""


class TestReading:
    def test_an_empty_log_has_nothing(self, any_log):
        assert (any_log.client("acme"), list(any_log.clients()), list(any_log.tail()), any_log.head()) == (
            [],
            [],
            [],
            0,
        )
        assert list(any_log.verify()) == []

    def test_a_client_has_its_own_events_in_the_order_in_which_they_were_stored(self, any_log):
        any_log.record(call("late"))
        any_log.record(call("x", client="bolt"))
        any_log.record(Engaged(client="acme", at=AT - timedelta(days=9), id="early"))
        assert [event.id for event in any_log.client("acme")] == ["late", "early"]

    @pytest.mark.parametrize("client", ["nobody", "", "a\0b", "\udcff", "x" * 5_000])
    def test_a_client_that_is_not_there_has_no_events(self, any_log, client):
        any_log.record(call("e1"))
        assert any_log.client(client) == []

    def test_the_tail_starts_behind_a_position(self, any_log, monkeypatch):
        monkeypatch.setattr(event_log, "PAGE", 2)
        receipts = any_log.record_many([call(f"e{number}", client=f"c{number % 2}") for number in range(7)])
        positions = [receipt.position for receipt in receipts]
        assert [event.position for event in any_log.tail()] == positions
        assert [event.position for event in any_log.tail(positions[4])] == positions[5:]
        assert list(any_log.tail(positions[-1])) == []
        assert any_log.head() == positions[-1]
        assert all(one < other for one, other in pairwise([0, *positions]))

    def test_clients_come_in_the_order_of_python_whatever_their_ids(self, any_log, monkeypatch):
        monkeypatch.setattr(event_log, "PAGE", 7)
        wanted = [call(f"{number}", client=client) for number in range(3) for client in HOSTILE]
        any_log.record_many(wanted)
        found = list(any_log.clients())
        assert [client for client, _ in found] == sorted(HOSTILE)
        for client, its_events in found:
            assert [event.id for event in its_events] == ["0", "1", "2"]
            assert {event.client for event in its_events} == {client}
            assert its_events == any_log.client(client)
        assert list(any_log.verify()) == []
        for client in HOSTILE:
            any_log.forget(client)
        assert [client for client, _ in any_log.clients()] == sorted(HOSTILE)

    def test_clients_are_those_of_the_moment_when_the_first_was_asked_for(self, any_log, monkeypatch):
        monkeypatch.setattr(event_log, "PAGE", 2)
        before = [call(f"e{number}", client=client) for number in range(3) for client in ("ant", "bee", "cow", "dog")]
        any_log.record_many(before)
        clients = any_log.clients()
        first = next(clients)
        writer = threading.Thread(
            target=any_log.record_many, args=([call("new", client=client) for client in ("ant", "bug", "cow", "eel")],)
        )
        writer.start()
        writer.join()
        found = dict([first, *clients])
        assert {client: len(its_events) for client, its_events in found.items()} == dict.fromkeys(
            ("ant", "bee", "cow", "dog"), 3
        )
        assert len(dict(any_log.clients())) == 6

    def test_while_others_write_every_reading_is_a_beginning_of_the_log(self, any_log, monkeypatch):
        monkeypatch.setattr(event_log, "PAGE", 5)
        clients = [f"client-{number}" for number in range(6)]
        done = threading.Event()

        def write() -> None:
            for number in range(40):
                any_log.record_many([call(f"{number}", client=client) for client in clients])
            done.set()

        with ThreadPoolExecutor() as pool:
            writing = pool.submit(write)
            finished = False
            while not finished:
                finished = done.is_set()
                found = dict(any_log.clients())
                lengths = {len(found.get(client, [])) for client in clients}
                assert len(lengths) == 1, "a batch was seen in part"
            writing.result()
        assert lengths == {40}


@few_examples
@given(recorded=st.lists(events(), max_size=12), data=st.data())
def test_whatever_is_recorded_is_read_back(new_log, recorded, data):
    """Any events of any kind with any texts; ids that meet twice are left out, and retractions name what is there."""
    wanted: dict[tuple[str, str | int], Event] = {}
    for number, event in enumerate(recorded):
        if not isinstance(event, Retracted):
            wanted.setdefault((event.client, event.id or number), event)
    for number, event in enumerate(recorded):
        of_client = [key for key, other in wanted.items() if other.client == event.client and other.id]
        if isinstance(event, Retracted) and of_client and (event.client, event.id) not in wanted:
            _, name = data.draw(st.sampled_from(of_client))
            if not isinstance(wanted[event.client, name], Retracted):
                wanted[event.client, event.id or number] = attrs.evolve(event, event=name)
    with new_log(clock=lambda: NOON) as log:
        receipts = log.record_many(wanted.values())
        expected = contents(event.recorded(NOON) for event in wanted.values())
        by_position = {event.position: event for event in log.tail()}
        assert contents(by_position[receipt.position] for receipt in receipts) == expected
        assert all(receipt.new for receipt in receipts)
        assert [receipt.new for receipt in log.record_many(event for event in wanted.values() if event.id)] == [
            False for event in wanted.values() if event.id
        ]
        grouped = dict(log.clients())
        assert list(grouped) == sorted({event.client for event in wanted.values()})
        assert sum(map(len, grouped.values())) == len(wanted) == len(by_position)
        assert list(log.verify()) == []


def test_threads_that_record_the_same_events_store_each_once(any_log):
    numbers = range(100)
    barrier = threading.Barrier(8)

    def record(shift: int) -> list[int]:
        barrier.wait()
        order = [*numbers[shift * 12 :], *numbers[: shift * 12]]
        found = {number: any_log.record(call(f"e{number}", note=f"number {number}")) for number in order}
        return [found[number].position for number in numbers]

    with ThreadPoolExecutor(8) as pool:
        positions = list(pool.map(record, range(8)))
    assert all(positions[0] == others for others in positions)
    assert len(set(positions[0])) == 100
    assert versions(any_log) == list(range(1, 101))
    assert any_log.store.count() == (100, 100)
    assert list(any_log.verify()) == []


class Tables:
    """The tables of a log, changed behind its back."""

    def __init__(self, log: EventLog, store: str) -> None:
        self._connections: Any = log.store._connections
        self._postgres = store == "postgres"

    def change(self, statement: str, *values: object, rows: int = 1) -> None:
        """Change so many rows; `position` stands for the column of that meaning."""
        if self._postgres:
            with self._connections.connect() as connection:
                connection.execute(f'SET search_path = "{self._connections.schema}"')
                changed = connection.execute(statement.replace("POSITION", "notification_id"), values).rowcount
        else:
            with self._connections.transaction(commit=True) as cursor:
                changed = cursor.execute(statement.replace("POSITION", "rowid").replace("%s", "?"), values).rowcount
        assert changed == rows


@pytest.fixture
def tables(any_log, store) -> Tables:
    return Tables(any_log, store)


def flip_a_bit(log: EventLog, tables: Tables) -> None:
    (row, *_) = log.store.client("acme")
    damaged = row.state.replace(b"first", b"fjrst")
    tables.change("UPDATE stored_events SET state = %s WHERE POSITION = %s", damaged, row.position)


def change_a_checksum(log: EventLog, tables: Tables) -> None:
    (row, *_) = log.store.client("acme")
    tables.change("UPDATE stored_events SET checksum = %s WHERE POSITION = %s", b"12345678", row.position)


def swap_versions(log: EventLog, tables: Tables) -> None:
    for old, new in ((2, -1), (3, 2), (-1, 3)):
        statement = "UPDATE stored_events SET originator_version = %s WHERE originator_version = %s"
        tables.change(statement, new, old)


def swap_positions(log: EventLog, tables: Tables) -> None:
    _, second, third, *_ = log.store.client("acme")
    for old, new in ((second.position, -1), (third.position, second.position), (-1, third.position)):
        tables.change("UPDATE stored_events SET POSITION = %s WHERE POSITION = %s", new, old)


def delete(number: int) -> Callable[[EventLog, Tables], None]:
    def one(log: EventLog, tables: Tables) -> None:
        row = log.store.client("acme")[number]
        tables.change("DELETE FROM stored_events WHERE POSITION = %s", row.position)

    return one


def delete_the_last_without_an_id(log: EventLog, tables: Tables) -> None:
    receipt = log.record(call())
    tables.change("DELETE FROM stored_events WHERE POSITION = %s", receipt.position)


def delete_a_client(log: EventLog, tables: Tables) -> None:
    tables.change("DELETE FROM stored_events WHERE originator_id = %s", "bolt", rows=1)


def add_behind_the_back(log: EventLog, tables: Tables) -> None:
    row = log.store.client("acme")[-1]
    tables.change(
        "INSERT INTO stored_events (POSITION, originator_id, originator_version, topic, state, checksum)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        row.position + 1000,
        "acme",
        row.version + 1,
        row.kind,
        row.state,
        row.checksum,
    )


def delete_a_key(log: EventLog, tables: Tables) -> None:
    tables.change("DELETE FROM event_keys WHERE originator_id = %s AND name = %s", "acme", "id:e2")


def point_a_key_nowhere(log: EventLog, tables: Tables) -> None:
    statement = "UPDATE event_keys SET position = %s WHERE originator_id = %s AND name = %s"
    tables.change(statement, 10**9, "acme", "id:e2")


def change_a_digest(log: EventLog, tables: Tables) -> None:
    statement = "UPDATE event_keys SET digest = %s WHERE originator_id = %s AND name = %s"
    tables.change(statement, b"\x00" * 32, "acme", "id:e2")


class TestVerifying:
    @pytest.mark.parametrize(
        ("tamper", "codes", "concerned"),
        [
            (flip_a_bit, {"damaged"}, "'acme' is damaged"),
            (change_a_checksum, {"damaged"}, "'acme' is damaged"),
            (swap_versions, {"damaged"}, "'acme' is damaged"),
            (swap_positions, {"order", "key"}, "number 3 of 'acme' stands at"),
            (delete(1), {"gap", "count"}, "jumps to number 3, where 2 was due"),
            (delete(0), {"gap", "count"}, "jumps to number 2, where 1 was due"),
            (delete(-1), {"gap", "count"}, "the event 'id:e4' of 'acme'"),
            (delete_the_last_without_an_id, {"count"}, "6 events were stored and 5 are there"),
            (delete_a_client, {"count"}, "5 events were stored and 4 are there"),
            (add_behind_the_back, {"damaged", "count"}, "5 events were stored and 6 are there"),
            (delete_a_key, {"key"}, "the id 'e2' of 'acme'"),
            (point_a_key_nowhere, {"gap", "key"}, "the event 'id:e2' of 'acme', position 1000000000"),
            (change_a_digest, {"key"}, "the id 'e2' of 'acme'"),
        ],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_it_finds_what_was_changed_behind_its_back(self, any_log, tables, tamper, codes, concerned):
        any_log.record_many([call("e1", note="first"), call("e2"), call("e3"), call("x", client="bolt"), call("e4")])
        assert list(any_log.verify()) == []
        tamper(any_log, tables)
        found = list(any_log.verify())
        # PostgreSQL itself is asked whether an event stands where it has not yet given a position out.
        assert {flaw.code for flaw in found} - {"database"} == codes
        assert any(concerned in flaw.message for flaw in found)

    def test_it_finds_what_an_importer_knows_under_another_digest(self, any_log, tables):
        with any_log.appending() as appending:
            appending.append([(call(note="no id"), Key("acme", "copy:a.jsonl:17"))])
        assert list(any_log.verify()) == []
        tables.change("UPDATE event_keys SET digest = %s WHERE originator_id = %s", b"\x00" * 32, "acme")
        (flaw,) = any_log.verify()
        assert (flaw.code, flaw.position) == ("key", any_log.head())

    def test_a_damaged_event_is_not_handed_out(self, any_log, tables):
        any_log.record(call("e1", note="first"))
        any_log.record(call("x", client="bolt"))
        flip_a_bit(any_log, tables)
        for read in (lambda: any_log.client("acme"), lambda: list(any_log.clients()), lambda: list(any_log.tail())):
            with pytest.raises(LogCorrupt, match="event 1 of client 'acme' is damaged"):
                read()
        assert len(any_log.client("bolt")) == 1

    def test_a_forgotten_log_verifies(self, any_log):
        any_log.record_many([call("e1", note="x"), call(note="y"), Retracted(client="acme", at=AT, event="e1")])
        any_log.forget("acme")
        assert list(any_log.verify()) == []


PERSONAL = [
    Profiled(client="acme", at=AT, id="p1", name=SENTINEL, owner=SENTINEL, tier="key", channel=SENTINEL),
    call("e1", note=SENTINEL, learned=SENTINEL, topic=SENTINEL, competitor=SENTINEL, with_=(SENTINEL, "Bo")),
    call("e2", answers={"refer": "No", "stop": SENTINEL}, by=SENTINEL, channel=SENTINEL),
    Complained(client="acme", at=AT, id="c1", topic=SENTINEL, competitor=SENTINEL),
    Renewed(client="acme", at=AT, id="r1", term_end=AT + timedelta(days=90), currency=SENTINEL),
    Referred(client="acme", at=AT, id="f1", direction="given", prospect=SENTINEL),
    Judged(client="acme", at=AT, id="j1", level="watch", reason=SENTINEL),
    call(note=f"{SENTINEL}, without an id"),
]


class TestForgetting:
    def test_what_is_personal_is_gone_and_the_rest_stays(self, any_log):
        any_log.record_many([*PERSONAL, call("x", client="bolt", note=SENTINEL)])
        before = any_log.client("acme")
        forgotten = any_log.forget("acme")
        after = any_log.client("acme")
        assert forgotten.events == len(PERSONAL)
        assert not any(SENTINEL.encode() in line for line in contents(after))
        assert [(e.kind, e.at, e.id, e.recorded_at, e.position) for e in after] == [
            (e.kind, e.at, e.id, e.recorded_at, e.position) for e in before
        ]
        assert SENTINEL in str(any_log.client("bolt")[0].note)

    def test_a_client_nobody_knows_cant_be_forgotten(self, any_log):
        for client in ("nobody", "a\0b", "\udcff"):
            with pytest.raises(UnknownClient):
                any_log.forget(client)

    def test_forgetting_again_changes_nothing(self, any_log):
        any_log.record_many(PERSONAL)
        any_log.forget("acme")
        once = contents(any_log.client("acme"))
        any_log.forget("acme")
        assert contents(any_log.client("acme")) == once
        assert list(any_log.verify()) == []

    def test_what_was_forgotten_cant_be_brought_back(self, any_log):
        copied = Key("acme", "copy:a.jsonl:17")
        any_log.record(call("e1", note=SENTINEL))
        with any_log.appending() as appending:
            appending.append([(call(note=SENTINEL), copied)])
        any_log.forget("acme")
        with pytest.raises(KeyReused):
            any_log.record(call("e1", note=SENTINEL))
        with any_log.appending() as appending:
            (outcome,) = appending.append([(call(note=SENTINEL), copied)])
        assert isinstance(outcome, KeyReused)
        assert len(any_log.client("acme")) == 2
        assert not any(SENTINEL.encode() in line for line in contents(any_log.client("acme")))

    def test_what_has_nothing_personal_is_met_again(self, any_log):
        receipt = any_log.record(call("e1"))
        any_log.forget("acme")
        assert any_log.record(call("e1")) == receipt

    def test_a_client_that_was_forgotten_goes_on(self, any_log):
        any_log.record_many(PERSONAL)
        any_log.forget("acme")
        any_log.record(call("new", note="hello again"))
        assert [event.note for event in any_log.client("acme")][-1] == "hello again"
        assert list(any_log.verify()) == []

    def test_no_verdict_of_any_rule_about_any_client_changes(self, any_log):
        complaints = [AT.replace(year=2025, month=month) for month in (10, 11, 12)]
        any_log.record_many(Complained(client="zebra", at=at, topic=SENTINEL) for at in complaints)
        any_log.record_many(event for events_of_one in read_log(AGENCY).values() for event in events_of_one)
        moments = [datetime(2025, 9, 1, tzinfo=UTC) + timedelta(days=40 * step) for step in range(9)]
        before = {moment: verdicts(any_log, moment) for moment in moments}
        # Nothing would be shown by rules that state nothing.
        stated = {rule for of_moment in before.values() for _, found in of_moment.values() for rule, *_ in found}
        assert stated == {bound.name for bound in EVERYTHING.rules}
        for client in list(dict(any_log.clients())):
            any_log.forget(client)
        assert {moment: verdicts(any_log, moment) for moment in moments} == before

    @few_examples
    @given(log=logs(), days=st.integers(0, 700))
    def test_no_verdict_changes_for_any_history(self, new_log, log, days):
        recorded = events_of(log)
        by_key: dict[tuple[str, str], Event] = {}
        for event in recorded:
            assume(event.id is None or by_key.setdefault((event.client, event.id), event) == event)
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)
        with new_log() as stored:
            stored.record_many(recorded)
            clients = list(dict(stored.clients()))
            before = verdicts(stored, at)
            for client in clients[:1]:
                stored.forget(client)
            assert verdicts(stored, at) == before

    def test_what_rules_compare_is_still_the_same_or_another(self, any_log):
        texts = [
            {"by": "Jo", "with_": ["Nora", " "], "channel": "Pigeon", "topic": "Price", "learned": " "},
            {
                "by": "jo",
                "with_": ["Piet", "Nora"],
                "channel": "pigeon",
                "topic": "speed",
                "learned": "Nora",
                "note": "Nora",
            },
            {
                "answers": {"refer": "No, for Nora", "stop": "Nora", "quote": "YES", "start": "Nothing."},
                "channel": "Phone",
            },
        ]
        any_log.record_many(Engaged(client="zebra", at=AT, **fields) for fields in texts)
        for _ in range(2):  # forgetting twice is forgetting once
            any_log.forget("zebra")
            one, other, last = (event.fields() for event in any_log.client("zebra"))
            jo, nora = "forgotten-1", "forgotten-3"
            assert (one["by"], one["channel"], one["with"]) == (jo, "forgotten-2", (nora, " "))
            assert (one["topic"], one["learned"]) == ("Price", " ")
            assert (other["by"], other["channel"], other["with"]) == (
                "forgotten-4",
                "forgotten-2",
                ("forgotten-5", nora),
            )
            assert (other["topic"], other["learned"]) == ("forgotten-6", nora)
            assert "note" not in other
            assert last["channel"] == "Phone"
            assert last["answers"] == {
                "refer": "No, forgotten",
                "stop": "forgotten",
                "quote": "YES",
                "start": "Nothing.",
            }

    def test_no_byte_of_the_files_holds_it(self, any_log, store, request, tmp_path):
        if store == "memory":
            files = dict
        elif store == "sqlite":
            files = lambda: {path.name: path.read_bytes() for path in tmp_path.glob("*.db*")}  # noqa: E731
        else:
            address = request.getfixturevalue("postgres_server")
            files = lambda: table_files(address, any_log)  # noqa: E731
        any_log.record_many([*PERSONAL, *(call(f"n{number}", note=SENTINEL * 90) for number in range(60))])
        any_log.record_many([call(f"b{number}", client="bolt", note="stays") for number in range(300)])
        found = holding(files())
        assert found or store == "memory", "what can't be found before proves nothing afterwards"
        forgotten = any_log.forget("acme")
        assert holding(files()) == []
        assert [event.note for event in any_log.client("bolt")] == ["stays"] * 300
        beyond = ("the server's write-ahead log until it is recycled",)
        assert forgotten.unreached == (beyond if store == "postgres" else ())


def holding(files: dict[str, bytes]) -> list[str]:
    return [name for name, held in files.items() if SENTINEL.encode() in held]


def table_files(address: str, log: EventLog) -> dict[str, bytes]:
    """The files of a schema's tables, indexes and long values, and that of the server's statistics, as they are on disk."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
        ((folder,),) = connection.execute("SHOW data_directory").fetchall()
        if not os.access(folder, os.R_OK):
            pytest.skip("the server's files are out of reach")
        statement = (
            "SELECT pg_relation_filepath(one.oid) FROM pg_class one"
            " LEFT JOIN pg_class owner ON owner.reltoastrelid = one.oid"
            " WHERE coalesce(owner.relnamespace, one.relnamespace) = %s::regnamespace AND one.relkind IN ('r', 'i', 't')"
            " UNION SELECT pg_relation_filepath('pg_statistic')"
        )
        paths = connection.execute(statement, (log.store._connections.schema,)).fetchall()
        found = {}
        for (path,) in paths:
            found[path] = (Path(folder) / path).read_bytes()
        return found


def verdicts(log: EventLog, at: datetime) -> dict[str, tuple[str, list[tuple[Any, ...]]]]:
    """What all sixteen rules say about every client: the status, and each finding with its dates and its evidence."""
    histories: Histories = gather(log.tail())
    return {
        client: (
            found.status,
            sorted(
                [(c.rule, c.level, c.starts, c.until, c.about, refs(c.because)) for c in found.concerns]
                + [(a.rule, a.id, a.due, None, a.about, refs(a.because)) for a in found.actions],
                key=str,
            ),
        )
        for client, found in assessed(histories, at).items()
    }


def refs(because: Iterable[Event]) -> list[str]:
    return [event.ref for event in because]


class TestKinds:
    def test_an_applications_own_kind_is_stored_and_read(self, new_log):
        with new_log(kinds=KINDS.adding(InvoicePaid)) as log:
            event = InvoicePaid(client="acme", at=AT, id="i1", number="2026-17", days_late=3)
            log.record(event)
            assert log.client("acme") == [event]
            log.forget("acme")
            assert log.client("acme") == [InvoicePaid(client="acme", at=AT, id="i1", number="forgotten", days_late=3)]

    def test_a_kind_that_is_not_registered_is_refused(self, any_log):
        with pytest.raises(EventError, match=r"'acme\.invoice_paid' is not registered with this log") as caught:
            any_log.record_many([call("e1"), InvoicePaid(client="acme", at=AT, number="2026-17")])
        assert caught.value.code == "unknown-kind"
        assert ids(any_log) == []

    def test_a_kind_that_only_the_writer_knew_is_named(self, shared_log):
        with open_log(shared_log, kinds=KINDS.adding(InvoicePaid)) as log:
            log.record_many([InvoicePaid(client="acme", at=AT, number="2026-17"), call("x", client="bolt")])
        with open_log(shared_log) as log:
            with pytest.raises(LogCorrupt, match=r"event 1 of client 'acme' can't be read: .*acme\.invoice_paid"):
                log.client("acme")
            assert len(log.client("bolt")) == 1


class TestClosing:
    def test_a_closed_log_can_neither_be_read_nor_written(self, any_log):
        any_log.record(call("e1"))
        any_log.close()
        uses: list[Callable[[], object]] = [
            lambda: any_log.record(call("e2")),
            lambda: any_log.client("acme"),
            lambda: list(any_log.clients()),
            lambda: list(any_log.tail()),
            any_log.head,
            lambda: list(any_log.verify()),
            lambda: any_log.forget("acme"),
        ]
        for use in uses:
            with pytest.raises(LogClosed, match="was closed"):
                use()

    def test_closing_twice_is_closing_once(self, any_log):
        any_log.close()
        any_log.close()

    def test_a_log_is_closed_at_the_end_of_its_block(self, new_log):
        with new_log() as log, log as same:
            same.record(call("e1"))
        with pytest.raises(LogClosed):
            log.head()

    def test_what_was_recorded_is_there_when_the_log_is_opened_again(self, shared_log):
        with open_log(shared_log) as log:
            receipt = log.record(call("e1", note="stays"))
        with open_log(shared_log) as log:
            assert [event.note for event in log.client("acme")] == ["stays"]
            assert log.record(call("e1", note="stays")) == receipt

    def test_a_log_opened_for_reading_is_read_but_not_written(self, shared_log):
        from retention_engine.errors import LogReadOnly

        with open_log(shared_log) as log:
            log.record(call("e1"))
        with open_log(shared_log, read_only=True) as log:
            assert len(log.client("acme")) == 1
            assert list(log.verify()) == []
            with pytest.raises(LogReadOnly):
                log.record(call("e2"))
            with pytest.raises(LogReadOnly):
                log.forget("acme")

    def test_a_durability_that_there_is_not_is_refused(self, shared_log):
        with pytest.raises(LogError, match="'fast' is no durability"):
            open_log(shared_log, durability="fast")
        with open_log(shared_log, durability="normal") as log:
            log.record(call("e1"))
            assert len(log.client("acme")) == 1

    def test_no_transaction_begins_within_one_of_the_same_thread(self, any_log):
        from retention_engine.errors import LogLocked

        with any_log.appending() as appending:
            appending.append([(call("e1"), None)])
            with pytest.raises(LogLocked, match="by this very thread"):
                any_log.record(call("e2"))
        assert ids(any_log) == ["e1"]
