"""A log on PostgreSQL: how it is made, what its server can do to it, and what becomes of connections that are lost."""

import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql

from postgres_server import PostgresServer, fresh_schema, servers_here, start_server
from retention_engine import Engaged, RetentionError
from retention_engine.errors import (
    LogClosed,
    LogCorrupt,
    LogError,
    LogFull,
    LogLocked,
    LogMissing,
    LogReadOnly,
    LogReplaced,
    LogTooNew,
    LogUnavailable,
    NotALog,
    OutcomeUnknown,
)
from retention_engine.log import EventLog, create_log, open_log, postgres_connections
from retention_engine.log.postgres_connections import place_of

from .cut_connections import CutConnection
from .processes import programs
from .writers import batch

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SENTINEL = "Zimtschnecke-7351"
SECRET = "geheim-4711"  # noqa: S105 - of a server that lives as long as these tests


def call(id: str | None = None, client: str = "acme", **fields: Any) -> Engaged:
    return Engaged(client=client, at=AT, id=id, **fields)


def schema_of(address: str) -> str:
    return place_of(address).schema


def with_options(address: str, options: str) -> str:
    """An address whose sessions have settings of their own."""
    return f"{address}&options={options.replace(' ', '%20').replace('=', '%3D')}"


@contextmanager
def session(address: str) -> Iterator[psycopg.Connection]:
    """A session of the server's master, in which the tables of a log's schema have plain names."""
    parameters = {**place_of(address).parameters, "application_name": "the test itself"}
    with psycopg.connect(**parameters, autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema_of(address))))
        yield connection


def end_sessions_of_logs(address: str) -> None:
    """Have the server end the connections of all logs, and wait until it has."""
    ours = "FROM pg_stat_activity WHERE application_name = 'retention-engine'"
    with session(address) as master:
        master.execute(f"SELECT pg_terminate_backend(pid) {ours}")
        while master.execute(f"SELECT pid {ours}").fetchall():
            time.sleep(0.01)


@contextmanager
def user(address: str, rights: str, limit: str = "") -> Iterator[str]:
    """The address for a user with some rights on the log's tables, but none on its schema."""
    name, schema = f"guest_{schema_of(address)}", schema_of(address)
    with session(address) as master:
        master.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}' {limit}")
        master.execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
        master.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA {schema} TO {name}")
        try:
            yield re.sub("//[^@/]*@", f"//{name}:{SECRET}@", address, count=1)
        finally:
            master.execute(f"DROP OWNED BY {name}")
            master.execute(f"DROP ROLE {name}")


@pytest.fixture
def address(postgres_address) -> str:
    """The address of an empty log."""
    create_log(postgres_address).close()
    return postgres_address


@pytest.fixture
def log(address) -> Iterator[EventLog]:
    with open_log(address, lock_timeout=0.3) as opened:
        yield opened


def everything(log: EventLog) -> list[Callable[[], object]]:
    """A call of each kind."""
    return [
        lambda: log.record(call("new")),
        lambda: log.client("acme"),
        lambda: list(log.clients()),
        lambda: list(log.tail()),
        log.head,
        lambda: list(log.verify()),
        lambda: log.forget("acme"),
    ]


class TestMaking:
    def test_several_processes_make_one_log_at_the_same_time(self, postgres_address):
        with programs([("create", postgres_address)] * 6) as makers:
            for maker in makers:
                maker.go()
            assert [maker.said()[0] for maker in makers] == ["created"] * 6
        with open_log(postgres_address) as log:
            log.record(call("e1"))
            assert list(log.verify()) == []

    def test_making_a_log_again_leaves_it_as_it_is(self, address):
        with create_log(address) as log:
            log.record(call("e1"))
            with create_log(address) as again:
                assert [event.id for event in again.tail()] == ["e1"]
                again.record(call("e2"))
            log.record(call("e3"))

    def test_a_log_that_was_never_made_is_missing(self, postgres_address):
        with pytest.raises(LogMissing, match="has no log"):
            open_log(postgres_address)
        with session(postgres_address) as master:
            master.execute(f"CREATE SCHEMA {schema_of(postgres_address)}")
        with pytest.raises(LogMissing):
            open_log(postgres_address)

    def test_a_schema_that_somebody_else_made_is_used(self, postgres_address):
        with session(postgres_address) as master:
            master.execute(f"CREATE SCHEMA {schema_of(postgres_address)}")
        with create_log(postgres_address) as log:
            assert log.record(call("e1")).new

    @pytest.mark.parametrize("table", ["orders (number integer)", "retention_log (number integer)"])
    def test_a_schema_with_other_tables_is_no_log_and_stays_as_it_is(self, postgres_address, table):
        with session(postgres_address) as master:
            master.execute(f"CREATE SCHEMA {schema_of(postgres_address)}")
            master.execute(f"CREATE TABLE {table}")
            for attempt in (open_log, create_log):
                with pytest.raises(NotALog, match="no log of retention-engine") as caught:
                    attempt(postgres_address)
                assert "?schema=" in caught.value.hint
            tables = "SELECT count(*) FROM pg_tables WHERE schemaname = %s"
            assert master.execute(tables, (schema_of(postgres_address),)).fetchall() == [(1,)]

    def test_a_log_of_a_newer_version_is_refused(self, address, log):
        with session(address) as master:
            master.execute("UPDATE retention_log SET schema_version = 99")
        for attempt in (open_log, create_log):
            with pytest.raises(LogTooNew, match="has schema 99; this version reads up to 1"):
                attempt(address)
        with pytest.raises(LogTooNew):
            log.record(call("e1"))

    def test_a_log_that_is_dropped_or_replaced_while_it_is_open_is_noticed(self, address, log):
        log.record(call("e1"))
        with session(address) as master:
            master.execute(f"DROP SCHEMA {schema_of(address)} CASCADE")
        for use in everything(log):
            with pytest.raises(LogReplaced):
                use()
        with create_log(address) as other:
            with pytest.raises(LogReplaced, match="was replaced while it was open"):
                log.record(call("e2"))
            assert other.head() == 0

    def test_a_database_that_is_not_in_unicode_is_refused(self, postgres_address):
        name = f"latin_{schema_of(postgres_address)}"
        elsewhere = place_of(postgres_address).parameters["dbname"]
        with session(postgres_address) as master:
            master.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
            try:
                with pytest.raises(LogError, match="is encoded in LATIN1") as caught:
                    create_log(postgres_address.replace(f"/{elsewhere}?", f"/{name}?"))
                assert "UTF8" in caught.value.hint
            finally:
                master.execute(f"DROP DATABASE {name}")

    def test_the_schema_may_be_said_apart_from_the_address(self, postgres_address):
        plain, schema = postgres_address.rsplit("schema=", 1)
        with create_log(plain.rstrip("?&"), schema=schema) as log:
            log.record(call("e1"))
        with open_log(postgres_address) as log:
            assert log.head() > 0

    def test_without_a_schema_the_log_is_in_one_of_its_own(self):
        assert place_of("postgresql://host/crm").schema == "retention"
        assert place_of("postgresql://host/crm?sslmode=require&schema=eu_2026&connect_timeout=3").schema == "eu_2026"
        parameters = place_of("postgresql://host/crm?sslmode=require&schema=eu_2026&connect_timeout=3").parameters
        assert (parameters["sslmode"], parameters["connect_timeout"]) == ("require", "3")
        assert "schema" not in parameters

    @pytest.mark.parametrize("schema", ["", "a-b", "a b", "a;b", "x" * 64, "1a", "ä", "%22"])
    def test_a_schema_with_another_name_than_a_plain_one_is_refused(self, schema):
        with pytest.raises(LogError, match="can't be a log's schema; use letters, digits and _"):
            open_log(f"postgresql://127.0.0.1:1/crm?schema={schema}")


class TestRights:
    @pytest.fixture
    def reader(self, address) -> Iterator[str]:
        """The address for a user who may read the log's tables and nothing else."""
        with user(address, "SELECT") as theirs:
            yield theirs

    def test_who_may_only_read_can_read_and_verify(self, reader, log):
        log.record(call("e1", note="x"))
        with open_log(reader) as theirs:
            assert [event.note for event in theirs.client("acme")] == ["x"]
            assert len(dict(theirs.clients())) == 1
            assert list(theirs.verify()) == []
            with pytest.raises(LogReadOnly, match="permission denied for table log_counts") as caught:
                theirs.record(call("e2"))
            assert "a user who may write" in caught.value.hint
            with pytest.raises(LogReadOnly):
                theirs.forget("acme")
            assert SECRET not in str(caught.value)

    def test_who_may_not_look_is_told_so(self, reader, address):
        with session(address) as master:
            master.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema_of(address)} FROM guest_{schema_of(address)}")
        with pytest.raises(LogError, match="may not be used by this user") as caught:
            open_log(reader)
        assert "Grant the user" in caught.value.hint

    def test_who_may_make_no_schema_is_told_so(self, reader):
        with pytest.raises(LogError, match="permission denied for database"):
            create_log(reader.replace("schema=", "schema=another_"))

    def test_a_server_that_takes_no_writes_is_named_as_such(self, address, log):
        log.record(call("e1"))
        with open_log(with_options(address, "-cdefault_transaction_read_only=on")) as theirs:
            assert len(theirs.client("acme")) == 1
            with pytest.raises(LogReadOnly, match="in a read-only transaction") as caught:
                theirs.record(call("e2"))
        assert "the server that takes writes" in caught.value.hint


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that the tests may stop, and that wants a password."""
    server = start_server(password=SECRET)
    yield server
    server.remove()


@pytest.fixture
def own_address(own_server) -> Iterator[str]:
    with fresh_schema(own_server.address) as address:
        create_log(address).close()
        yield address


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            f"postgresql://jo:{SECRET}%zz@host/crm",
            f"postgresql://jo:{SECRET}/more@host/crm",
            f"postgresql://jo:12/{SECRET}@host/crm",
            f"postgresql://jo:{SECRET}@host/crm?{SECRET}={SECRET}",
            f"postgresql://jo:{SECRET}@host:port/crm",
            f"postgresql://[::1/crm?password={SECRET}",
            f"postgresql://jo:{SECRET}\udcff@host/crm",
        ],
    )
    def test_one_that_cant_be_read_is_refused_without_showing_it(self, address):
        with pytest.raises(LogError, match="the address of the log can't be read; write postgresql://") as caught:
            open_log(address)
        assert SECRET not in str(caught.value)
        assert SECRET not in caught.value.hint

    def test_where_it_holds_no_password_it_is_said_what_is_wrong(self):
        with pytest.raises(LogError, match='invalid URI query parameter: "sslmodus"'):
            open_log("postgresql://host/crm?sslmodus=on")

    def test_a_log_is_named_by_its_address_without_user_and_password(self):
        assert place_of(f"postgresql://jo:{SECRET}@db.example.com:5433/crm?schema=eu").name == (
            "postgresql://db.example.com:5433/crm?schema=eu"
        )
        assert place_of(f"postgresql://jo:{SECRET}@/crm?host=/run/postgresql").name == (
            "postgresql:///crm?host=/run/postgresql&schema=retention"
        )
        assert SECRET not in repr(place_of(f"postgresql://jo:{SECRET}@host/crm"))

    @pytest.mark.parametrize(
        ("address", "reason"),
        [
            (f"postgresql://jo:{SECRET}@127.0.0.1:1/crm", "Connection refused"),
            (f"postgresql://jo:{SECRET}@no-such-host.invalid/crm", "no-such-host.invalid"),
            (f"postgresql://jo:{SECRET}@a..b/crm", "a..b"),
            (f"postgresql://jo:{SECRET}@/crm?host=/no/such/folder", "No such file or directory"),
            (f"postgresql://jo:{SECRET}@127.0.0.1:1/crm?sslmode=perhaps", "sslmode"),
            (f"postgresql://jo:{SECRET}@127.0.0.1:1/crm?connect_timeout=x", "connect_timeout"),
        ],
    )
    def test_a_server_that_is_not_there_cant_be_reached(self, address, reason):
        with pytest.raises(LogUnavailable, match="can't be reached") as caught:
            open_log(address)
        assert reason in str(caught.value)
        assert SECRET not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_wrong_passwords_and_names_are_told_in_the_servers_words(self, own_server, own_address):
        wrong = {
            own_address.replace(SECRET, "wrong-0815"): 'password authentication failed for user "postgres"',
            own_address.replace("//postgres:", "//nobody:"): 'password authentication failed for user "nobody"',
            own_address.replace("/postgres?", "/no_such_database?"): 'database "no_such_database" does not exist',
            own_address.replace(f":{SECRET}", ""): "no password supplied",
        }
        for address, reason in wrong.items():
            with pytest.raises(LogUnavailable, match=reason) as caught:
                open_log(address)
            assert SECRET not in str(caught.value)
            assert "wrong-0815" not in str(caught.value)
        with open_log(own_address) as log:
            assert log.record(call("e1")).new


class TestLocks:
    def test_who_waits_for_another_writer_gives_up_after_a_while(self, address, log):
        log.record(call("e1"))
        with session(address) as other, other.transaction():
            other.execute("LOCK TABLE log_counts IN EXCLUSIVE MODE")
            with pytest.raises(LogLocked, match="lock timeout"):
                log.record(call("e2"))
            with pytest.raises(LogLocked):
                create_log(address, lock_timeout=0.3).record(call("e2"))
            assert [event.id for event in log.client("acme")] == ["e1"]
        assert log.record(call("e2")).new

    def test_a_thread_that_waits_for_another_gives_up_after_a_while(self, log):
        holds, ends = threading.Event(), threading.Event()

        def hold() -> None:
            with log.appending() as appending:
                appending.append([(call("e1"), None)])
                holds.set()
                ends.wait()

        holder = threading.Thread(target=hold)
        holder.start()
        holds.wait()
        try:
            with pytest.raises(LogLocked, match=r"by another thread; waited 0\.3 s"):
                log.record(call("e2"))
        finally:
            ends.set()
            holder.join()
        assert [event.id for event in log.tail()] == ["e1"]

    def test_readers_beyond_the_most_there_may_be_wait_and_then_give_up(self, log, monkeypatch, address):
        monkeypatch.setattr(postgres_connections, "MOST_READERS", 1)
        with open_log(address, lock_timeout=0.2) as few, few.store.recorder.datastore.get_connection():
            with pytest.raises(LogLocked, match="is being read by 1 threads"):
                few.head()
            few.record(call("e1"))
        assert log.head() > 0

    def test_reading_waits_for_a_table_that_is_locked_no_longer_than_said(self, address, log):
        with session(address) as other, other.transaction():
            other.execute("LOCK TABLE stored_events IN ACCESS EXCLUSIVE MODE")
            for read in (lambda: log.client("acme"), log.head, lambda: list(log.clients())):
                with pytest.raises(LogLocked):
                    read()

    def test_a_vacuum_of_the_events_keeps_no_writer_waiting(self, address, log):
        with session(address) as other, other.transaction():
            other.execute("LOCK TABLE stored_events, event_keys IN SHARE UPDATE EXCLUSIVE MODE")
            assert log.record(call("e1")).new

    def test_a_statement_that_takes_longer_than_the_server_allows_is_given_up(self, address):
        with (
            open_log(with_options(address, "-cstatement_timeout=200ms")) as log,
            session(address) as other,
            other.transaction(),
        ):
            other.execute("LOCK TABLE log_counts IN EXCLUSIVE MODE")
            with pytest.raises(LogLocked, match="took longer than its server allows"):
                log.record(call("e1"))

    def test_a_writer_that_falls_asleep_does_not_keep_the_others_out(self, address, log, monkeypatch):
        monkeypatch.setattr(postgres_connections, "IDLE_TIMEOUT", "100ms")

        def fall_asleep(sleeper: EventLog) -> None:
            with sleeper.appending() as appending:
                appending.append([(call("e1"), None)])
                while log.store.count() == (0, 0):
                    try:
                        log.record(call("e2"))
                    except LogLocked:
                        continue
                appending.append([(call("e3"), None)])

        with open_log(address) as sleeper, pytest.raises(LogUnavailable, match="idle"):
            fall_asleep(sleeper)
        assert [event.id for event in log.tail()] == ["e2"]


FAULTS = {
    "53100": (LogFull, "has no room left on its server's disk"),
    "25006": (LogReadOnly, "can't be written"),
    "XX001": (LogCorrupt, "is damaged"),
    "23514": (LogCorrupt, "contradicts itself"),
    "40P01": (LogLocked, "is locked by another program"),
    "53200": (LogUnavailable, "can't be reached"),
    "57P02": (LogUnavailable, "can't be reached"),
    "22012": (LogError, "failed"),
    "XX000": (LogError, "failed"),
}


def break_writes(address: str, code: str, when: str = "AFTER") -> None:
    """Have the server fail with a code whenever events are stored."""
    with session(address) as master:
        master.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'as the test wants it' USING ERRCODE = '{code}'; END $$"
        )
        master.execute(f"CREATE TRIGGER fails {when} INSERT ON stored_events EXECUTE FUNCTION fail()")


class TestFaults:
    @pytest.mark.parametrize("code", FAULTS)
    def test_what_the_server_reports_is_an_error_of_its_own(self, address, log, code):
        log.record(call("e1"))
        break_writes(address, code)
        expected, what = FAULTS[code]
        with pytest.raises(LogError, match="as the test wants it") as caught:
            log.record(call("e2"))
        assert type(caught.value) is expected
        assert what in str(caught.value)
        assert isinstance(caught.value.__cause__, psycopg.Error)
        assert [event.id for event in log.tail()] == ["e1"]

    def test_what_no_server_can_store_is_an_error_too(self, log):
        with pytest.raises(LogError, match="NUL"):
            log.store.client("a\0b")

    def test_a_step_that_failed_cant_be_passed_over(self, address, log):
        break_writes(address, "22012")

        def pass_over() -> None:
            with log.appending() as appending, suppress(LogError):
                appending.append([(call("e1"), None)])

        with pytest.raises(LogError, match="stored nothing, since a step of the write had failed"):
            pass_over()
        assert log.head() == 0

    def test_a_failure_at_the_commit_itself_leaves_nothing_and_is_no_doubt(self, address, log):
        with session(address) as master:
            master.execute(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$"
            )
            master.execute(
                "CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON stored_events DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION fail()"
            )
        with pytest.raises(LogFull):
            log.record(call("e1"))
        assert log.head() == 0

    def test_an_event_where_another_should_be_is_a_damage(self, address, log):
        log.record(call("e1"))
        with session(address) as master:
            master.execute("UPDATE stored_events SET notification_id = 2")
            master.execute("INSERT INTO event_keys VALUES ('acme', 'id:e9', '', 1)")
        with pytest.raises(LogCorrupt, match="contradicts itself"):
            log.record(call("e2"))

    def test_positions_that_were_given_out_of_turn_are_found(self, address, log):
        log.record_many([call(f"e{number}") for number in range(5)])
        with session(address) as master:
            master.execute("SELECT setval('stored_events_notification_id_seq', 2)")
        (flaw,) = log.verify()
        assert flaw.code == "database"
        assert "the last event stands at 5, and positions were given up to 2 only" in flaw.message

    def test_positions_may_have_gaps_and_nothing_depends_on_it(self, address, log):
        first = log.record(call("e0"))
        for number in range(1, 4):
            with session(address) as master:
                master.execute("SELECT nextval('stored_events_notification_id_seq') FROM generate_series(1, 7)")
            log.record_many([call(f"a{number}"), call(f"b{number}", client="bolt")])
        positions = [event.position for event in log.tail()]
        assert positions[-1] - first.position > 20
        assert positions == sorted(positions)
        assert [event.position for event in log.tail(positions[2])] == positions[3:]
        assert {client: len(events) for client, events in log.clients()} == {"acme": 4, "bolt": 3}
        last = log.client("acme")[-1].position
        assert log.record(call("next"), expected=last).position > positions[-1]
        assert list(log.verify()) == []

    def test_backups_are_left_to_the_servers_own_tools_which_make_whole_ones(self, address, log, tmp_path):
        log.record_many([call(f"e{number}") for number in range(5)])
        with pytest.raises(LogError, match="PostgreSQL's own tools") as caught:
            log.backup(tmp_path / "copy")
        assert f"pg_dump --format=custom --schema={schema_of(address)} --file={tmp_path / 'copy'}" in caught.value.hint
        tools = [shutil.which("pg_dump"), *(found / "pg_dump" for found in servers_here())]
        tool = Path(next(found for found in tools if found and Path(found).exists()))
        plain = address.rsplit("schema=", 1)[0].rstrip("?&")
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        copy = ["--format=custom", f"--schema={schema_of(address)}", f"--file={tmp_path / 'copy'}", f"--dbname={plain}"]
        subprocess.run([tool, *copy], check=True, env=environment)
        with session(address) as master:
            master.execute(f"DROP SCHEMA {schema_of(address)} CASCADE")
        restored = [tool.with_name("pg_restore"), f"--dbname={plain}", tmp_path / "copy"]
        subprocess.run(restored, check=True, env=environment)
        assert len(log.client("acme")) == 5
        assert log.record(call("e5")).new
        assert list(log.verify()) == []


class TestLostConnections:
    def test_one_that_the_server_ended_while_it_was_idle_is_replaced(self, address, log):
        log.record(call("e1"))
        for use in everything(log):
            end_sessions_of_logs(address)
            use()

    def test_one_that_is_lost_in_the_middle_of_a_write_leaves_nothing(self, address, log):
        def lose_it() -> None:
            with log.appending() as appending:
                appending.append([(call("e1"), None)])
                end_sessions_of_logs(address)
                appending.append([(call("e2"), None)])

        with pytest.raises(LogUnavailable, match="terminating connection"):
            lose_it()
        assert list(log.tail()) == []
        assert log.record(call("e1")).new

    def test_a_server_that_was_started_again_is_used_again(self, own_server, own_address):
        with open_log(own_address) as log:
            log.record(call("e1"))
            own_server.stop("immediate")
            try:
                for use in everything(log):
                    with pytest.raises(LogUnavailable, match="can't be reached"):
                        use()
            finally:
                own_server.start()
            assert [event.id for event in log.client("acme")] == ["e1"]
            log.record(call("e2"))
            own_server.stop("fast")
            own_server.start()
            assert log.record(call("e3")).new
            assert log.store.count() == (3, 3)

    def test_while_it_is_started_again_every_call_succeeds_or_says_what_is_the_matter(self, own_server, own_address):
        with open_log(own_address) as log:
            writers = Writers(log)
            with writers:
                for mode in ("fast", "immediate"):
                    writers.wait_for(20)
                    own_server.stop(mode)
                    own_server.start()
                writers.wait_for(20)
            assert writers.strange == []
            stored = [event.id for event in log.tail()]
            assert set(writers.acknowledged) <= set(stored)
            assert len(stored) == len(set(stored))
            assert list(log.verify()) == []


class Writers:
    """Threads that record as fast as they can, and go on when the server can't be reached.

    Attributes:
        acknowledged: the ids of what was recorded.
        strange: what was raised that should not be.
    """

    def __init__(self, log: EventLog) -> None:
        self.acknowledged: list[str] = []
        self.strange: list[BaseException] = []
        self._log = log
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(f"writer{number}",)) for number in range(3)]

    def _write(self, name: str) -> None:
        for number in count():
            if self._ended.is_set():
                break
            try:
                self._log.record(call(f"{name}-{number}", client=name))
            except (LogUnavailable, OutcomeUnknown):
                time.sleep(0.01)
            except BaseException as error:
                self.strange.append(error)
                raise
            else:
                self.acknowledged.append(f"{name}-{number}")

    def wait_for(self, more: int) -> None:
        """Wait until so many more events were recorded."""
        before = len(self.acknowledged)
        while len(self.acknowledged) < before + more and not self.strange:
            time.sleep(0.01)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


class TestLostAtTheCommit:
    """Whether an event was stored can't be told from the connection; its id tells."""

    @pytest.mark.parametrize("where", ["before the server", "after the server"])
    def test_events_with_ids_are_stored_once(self, address, where):
        wanted = [call("e1", note="x"), call("e2", client="bolt")]
        with CutConnection(address, 1, where) as cut, open_log(cut.address) as log:
            receipts = log.record_many(wanted, expected={"acme": 0})
            assert cut.cuts == 0
            assert [receipt.new for receipt in receipts] == [where == "before the server"] * 2
        with open_log(address) as log:
            assert [(event.id, event.position) for event in log.tail()] == [(r.id, r.position) for r in receipts]
            assert list(log.verify()) == []

    @pytest.mark.parametrize(("where", "stored"), [("before the server", 0), ("after the server", 1)])
    def test_of_an_event_without_an_id_it_is_unknown(self, address, where, stored):
        with CutConnection(address, 1, where) as cut, open_log(cut.address) as log:
            with pytest.raises(OutcomeUnknown, match="lost the connection while it was committing") as caught:
                log.record(call(note="no id"))
            assert "with the same id" in caught.value.hint
            assert len(log.client("acme")) == stored

    def test_a_connection_that_is_lost_again_and_again_leaves_it_unknown(self, address):
        with CutConnection(address, 99, "before the server") as cut, open_log(cut.address) as log:
            with pytest.raises(OutcomeUnknown):
                log.record(call("e1"))
            cut.cuts = 0
            assert log.record(call("e1")).new

    def test_a_server_that_goes_away_leaves_it_unknown(self, address):
        way = CutConnection(address, 1, "after the server", for_good=True)
        with way as cut, open_log(cut.address) as log:
            with pytest.raises(OutcomeUnknown):
                log.record(call("e1"))
            with pytest.raises(LogUnavailable):
                log.record(call("e1"))
        with open_log(address) as log:
            assert not log.record(call("e1")).new

    def test_forgetting_can_be_done_again(self, address):
        with open_log(address) as log:
            log.record(call("e1", note=SENTINEL))
        with CutConnection(address, 1, "after the server") as cut, open_log(cut.address) as log:
            with pytest.raises(OutcomeUnknown):
                log.forget("acme")
            log.forget("acme")
            assert [event.note for event in log.client("acme")] == [None]


class TestForgetting:
    def test_a_transaction_that_can_still_look_back_is_told_of(self, address, log):
        log.record(call("e1", note=SENTINEL))
        with session(address) as other:
            other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with other.transaction():
                other.execute("SELECT 1")
                forgotten = log.forget("acme")
                assert len(forgotten.unreached) == 3
                assert (
                    "in the table stored_events, which another transaction may still look at" in forgotten.unreached[0]
                )
        assert len(log.forget("acme").unreached) == 1

    def test_a_table_that_is_being_read_is_told_of(self, address, log):
        log.record(call("e1", note=SENTINEL))
        with session(address) as other, other.transaction():
            other.execute("SELECT * FROM stored_events")
            (events, _) = log.forget("acme").unreached
            assert "in the table stored_events, which is in use: forget again" in events
        assert [event.note for event in log.client("acme")] == [None]

    @pytest.mark.parametrize(
        ("limit", "reason"), [("", "may not have written anew"), ("CONNECTION LIMIT 1", "too many connections")]
    )
    def test_a_user_who_cant_have_the_tables_written_anew_is_told_so(self, address, log, limit, reason):
        log.record(call("e1", note=SENTINEL))
        with user(address, "SELECT, INSERT, UPDATE, DELETE", limit) as theirs, open_log(theirs) as guest:
            events, keys, _ = guest.forget("acme").unreached
            assert reason in events
            assert reason in keys
        assert [event.note for event in log.client("acme")] == [None]


class TestSeveralPrograms:
    def test_who_follows_the_tail_misses_nothing_that_four_programs_write(self, address):
        names, steps = ["one", "two", "three", "four"], 40
        seen: list[tuple[str, str | None]] = []
        with (
            programs([("append_some", address, name, str(steps)) for name in names]) as writers,
            open_log(address) as log,
        ):
            for writer in writers:
                writer.go()
            position, running = 0, True
            while running:
                running = any(writer.process.poll() is None for writer in writers)
                for event in log.tail(position):
                    assert event.position > position
                    position = event.position
                    seen.append((event.client, event.id))
            assert [writer.process.returncode for writer in writers] == [0] * 4
        written = [
            (event.client, event.id) for name in names for number in range(steps) for event in batch(name, number)
        ]
        assert sorted(seen) == sorted(written)

    def test_a_fork_can_neither_use_nor_disturb_the_log_it_was_forked_with(self, address):
        with programs([("forked", address)]) as (program,):
            program.go()
            found = program.result()
        assert found["children"] == ["0"] * 5
        with open_log(address) as log:
            assert sum(str(event.id).startswith("parent/") for event in log.tail()) == sum(
                len(batch("parent", number)) for number in range(5)
            )
            assert list(log.verify()) == []

    def test_ctrl_c_at_any_moment_leaves_a_log_that_can_be_used(self, address):
        steps = 60
        with programs([("interrupted", address, "me", str(steps))]) as (program,):
            program.go()
            found = program.result()
        assert found["errors"] == []
        with open_log(address) as log:
            stored = {event.id for event in log.tail()}
            assert {f"me/{number}" for number in found["done"]} <= stored
            assert list(log.verify()) == []


PROGRAM = """
import logging, sys, threading
levels = {"psycopg": 7, "psycopg.pool": 8}
for name, level in levels.items():
    logging.getLogger(name).setLevel(level)
from retention_engine import Engaged
from retention_engine.log import create_log
log = create_log(sys.argv[1])
log.record(Engaged(client="acme", at="2026-03-01", id="e1"))
assert {name: logging.getLogger(name).level for name in levels} == levels
assert threading.active_count() == 1, threading.enumerate()
"""


class TestAsAGuest:
    """What the host application notices."""

    def test_its_logging_is_left_alone_no_thread_is_started_and_none_keeps_it_alive(self, address):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, address],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_without_psycopg_it_is_told_what_to_install(self):
        program = (
            "import sys; sys.modules['psycopg'] = None\n"
            "from retention_engine import open_log, RetentionError\n"
            "try:\n"
            "    open_log('postgresql://host/crm')\n"
            "except RetentionError as error:\n"
            "    print(type(error).__name__, error, error.hint, sep='|')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        name, message, hint = done.stdout.strip().split("|")
        assert name == "LogError"
        assert message.startswith("a log on PostgreSQL needs psycopg")
        assert hint == 'Install it: pip install "retention-engine[postgres]".'

    def test_a_commit_is_on_the_disk_of_a_server_that_does_not_insist_on_it(self, address):
        setting = b"SHOW synchronous_commit"
        lax = with_options(address, "-csynchronous_commit=off")
        for where, options, expected in (
            (lax, {}, "on"),
            (address, {}, "on"),
            (address, {"durability": "normal"}, "off"),
            (with_options(address, "-csynchronous_commit=local"), {}, "local"),
        ):
            with open_log(where, **options) as log:
                assert log.store.recorder.datastore.fetch(setting) == [(expected,)]

    def test_connections_are_used_again_and_are_few(self, address, log):
        for number in range(20):
            log.record(call(f"e{number}"))
            log.client("acme")
        with session(address) as master:
            sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'retention-engine'"
            assert master.execute(sessions).fetchall() == [(1,)]

    def test_a_log_that_is_closed_closes_what_is_given_back_later(self, address):
        log = open_log(address)
        with log.store.recorder.datastore.get_connection() as connection:
            log.close()
            assert not connection.closed
        assert connection.closed
        with pytest.raises(LogClosed):
            log.store.recorder.max_notification_id()

    def test_nothing_is_logged_by_the_log(self, log, caplog):
        with caplog.at_level(logging.DEBUG):
            log.record(call("e1"))
            log.forget("acme")
        assert [record for record in caplog.records if record.name.startswith("retention_engine")] == []

    def test_everything_raised_is_of_one_family(self):
        assert all(issubclass(cls, RetentionError) for cls, _ in FAULTS.values())
