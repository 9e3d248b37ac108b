"""What can go wrong with a log's file, each as an error of its own, in the library and on the command line."""

import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from retention_engine import Complained, Engaged
from retention_engine.errors import (
    KeyReused,
    LogClosed,
    LogCorrupt,
    LogError,
    LogFull,
    LogLocked,
    LogMissing,
    LogOnNetwork,
    LogReadOnly,
    LogReplaced,
    LogTooNew,
    NotALog,
    UnknownClient,
    VersionConflict,
)
from retention_engine.log import EventLog, create_log, network, open_log

from .processes import is_root, programs, unmeasured
from .writers import AT, batch, half_batches

SENTINEL = "a sentence that is looked for in the file"


def event(number: int = 1, client: str = "acme", **fields: Any) -> Engaged:
    return Engaged(client=client, at=AT, id=f"e{number}", **fields)


@pytest.fixture
def path(tmp_path) -> Path:
    """The file of a log with two clients, closed."""
    made = tmp_path / "clients.db"
    fill(made)
    return made


def fill(path: Path, events: int = 20) -> None:
    with create_log(url(path)) as log:
        log.record_many(
            [event(number, client="acme" if number % 2 else "bolt", note=SENTINEL) for number in range(events)]
        )


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def retention(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The real command."""
    return subprocess.run(
        [sys.executable, "-m", "retention_engine", *words],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=60,
        **options,
    )


def check_error(error: BaseException, cls: type[LogError], *words: str) -> None:
    """An error is of exactly this class, says so in one line with these words, and what to do."""
    assert type(error) is cls, repr(error)
    assert "\n" not in str(error)
    assert error.hint.endswith(".")
    for word in words:
        assert word in str(error)


def check_command(result: subprocess.CompletedProcess[str], error: LogError) -> None:
    """The command says what the library raised, with its hint, in one line, and nothing else."""
    assert result.returncode == 2, result
    assert result.stdout == ""
    said = re.fullmatch(r"Error: (.*)\. (.*\.)\n", result.stderr)
    assert said, result.stderr
    assert said[2] == error.hint


def close_readers(log: EventLog) -> None:
    """Close the connections that are kept for reading, so that the next one has to be made."""
    readers = log.store._connections._idle_readers
    while readers:
        readers.pop().close()


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def random_bytes(path: Path) -> None:
    path.write_bytes(Random(1).randbytes(100_000))  # noqa: S311 - bytes, not secrets


def text(path: Path) -> None:
    path.write_text('{"client": "acme", "kind": "engaged", "at": "2026-01-01"}\n' * 100)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def missing(path: Path) -> None:
    path.unlink()


def missing_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_loop_of_links(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def foreign(path: Path) -> None:
    path.unlink()
    sql(path, "CREATE TABLE customers (name TEXT)", "INSERT INTO customers VALUES ('acme')")


def of_the_library(path: Path) -> None:
    path.unlink()
    sql(path, "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB)")


def newer(path: Path) -> None:
    sql(path, "PRAGMA user_version = 99", "ALTER TABLE stored_events ADD COLUMN later TEXT")


FOUND_AT_OPENING = {
    zero_bytes: (LogCorrupt, "is empty"),
    random_bytes: (NotALog, "no SQLite database"),
    text: (NotALog, "no SQLite database"),
    missing: (LogMissing, "no such file"),
    missing_folder: (LogMissing, "no such file"),
    a_folder: (NotALog, "is a folder"),
    a_pipe: (NotALog, "is no file"),
    a_loop_of_links: (LogMissing, "too many levels"),
    foreign: (NotALog, "no log of retention-engine"),
    of_the_library: (NotALog, "no log of retention-engine"),
    newer: (LogTooNew, "schema 99"),
}


@pytest.mark.parametrize("damage", FOUND_AT_OPENING, ids=lambda damage: damage.__name__)
def test_what_is_no_log_is_refused_when_it_is_opened_and_left_as_it_is(tmp_path, damage):
    path = tmp_path / "folder" / "clients.db"
    path.parent.mkdir()
    fill(path)
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    cls, word = FOUND_AT_OPENING[damage]
    for options in ({}, {"read_only": True}):
        with pytest.raises(LogError) as raised:
            open_log(url(path), **options)
        check_error(raised.value, cls, word, str(path))
    check_command(retention("replay", url(path)), raised.value)
    check_command(retention("explain", url(path), "acme"), raised.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [it for it in (*path.parent.glob("*-wal"), *path.parent.glob("*-shm")) if before] == []


@pytest.mark.parametrize("damage", [random_bytes, text, a_folder, foreign, of_the_library], ids=lambda it: it.__name__)
def test_no_log_is_made_in_the_place_of_something_else(path, damage):
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LogError) as raised:
        create_log(url(path))
    check_error(raised.value, *FOUND_AT_OPENING[damage])
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_folder_that_is_missing_can_be_made_and_the_log_then_used(tmp_path):
    path = tmp_path / "yet to come" / "clients.db"
    with pytest.raises(LogMissing) as raised:
        create_log(url(path))
    check_error(raised.value, LogMissing, "no such file", str(path))
    path.parent.mkdir()
    with pytest.raises(LogMissing):
        open_log(url(path))
    with create_log(url(path)) as log:
        assert log.record(event()).new


def test_a_link_that_leads_nowhere_is_no_place_for_a_log(tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "nowhere" / "clients.db")
    for make in (create_log, open_log):
        with pytest.raises(LogError) as raised:
            make(url(link))
        check_error(raised.value, LogMissing, "no such file")


@pytest.mark.parametrize(
    "name",
    [
        "with space.db",
        "what?.db",
        "half#.db",
        "per%41cent.db",
        "ünï.db",
        os.fsdecode(b"caf\xe9.db"),
        "'q\".db",
        "a&b=c.db",
    ],
)
def test_a_file_may_have_any_name(tmp_path, name):
    path = tmp_path / name
    fill(path)
    with open_log(url(path)) as log:
        assert len(log.client("acme")) == 10
        log.backup(tmp_path / f"copy of {name}")
    assert retention("replay", url(path), "--at", AT, "--format", "json").returncode == 0
    assert {it.name for it in tmp_path.iterdir()} == {name, f"copy of {name}"}


def test_a_log_stays_open_when_the_program_changes_its_folder(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with open_log(f"sqlite:///{path.name}") as log:
        monkeypatch.chdir("/")
        close_readers(log)
        assert len(log.client("acme")) == 10
        assert log.record(event(100)).new


COMMANDS = {
    "record": ["record", "{log}", "acme", "engaged", "--at", AT],
    "import": ["import", "{events}", "--log", "{log}"],
    "export": ["export", "{log}"],
    "verify": ["log", "verify", "{log}"],
    "backup": ["log", "backup", "{log}", "{copy}"],
    "forget": ["forget", "{log}", "acme", "--yes"],
    "explain": ["explain", "{log}", "acme"],
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", [missing, zero_bytes, random_bytes, newer], ids=lambda damage: damage.__name__)
def test_every_command_says_what_is_wrong_with_a_log(path, tmp_path, damage):
    damage(path)
    events = tmp_path / "events.jsonl"
    events.write_text(f'{{"client": "acme", "kind": "engaged", "at": "{AT}"}}\n')
    places = {"log": url(path), "events": str(events), "copy": str(tmp_path / "copy.db")}
    cls, word = FOUND_AT_OPENING[damage]
    for name, words in COMMANDS.items():
        result = retention(*(it.format(**places) for it in words))
        if name == "verify" and cls is LogCorrupt:  # what it was asked to find
            assert (result.returncode, "Traceback" in result.stderr) == (3, False)
            assert word in result.stdout
        else:
            check_command(result, cls(""))
            assert word in result.stderr
    assert not (tmp_path / "copy.db").exists()


# Damage within the file.


def test_a_file_that_was_cut_short_is_corrupt(path):
    cut_short(path)
    with pytest.raises(LogError) as raised:
        open_log(url(path))
    check_error(raised.value, LogCorrupt, str(path))
    check_command(retention("replay", url(path)), raised.value)


def flip(path: Path, place: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


def test_a_flipped_bit_in_an_event_is_found_when_its_client_is_read(path):
    flip(path, path.read_bytes().rindex(SENTINEL.encode()) + 3)
    with open_log(url(path)) as log:
        outcomes = {}
        for client in ("acme", "bolt"):
            try:
                outcomes[client] = len(log.client(client))
            except LogError as error:
                check_error(error, LogCorrupt, "damaged", repr(client))
                position = int(re.search(r"event (\d+)", str(error))[1])
                outcomes[client] = error
        assert set(map(type, outcomes.values())) == {LogCorrupt, int}
        (flaw,) = log.verify()
        assert (flaw.code, flaw.position) == ("damaged", position)
        damaged = next(client for client, found in outcomes.items() if isinstance(found, LogError))
    check_command(retention("replay", url(path)), outcomes[damaged])
    check_command(retention("explain", url(path), damaged), outcomes[damaged])
    assert retention("explain", url(path), "bolt" if damaged == "acme" else "acme").returncode == 0


@pytest.mark.parametrize("page", range(2, 12))
def test_a_page_that_was_lost_is_found(path, page):
    fill(path.with_name("large.db"), events=120)
    large = path.with_name("large.db")
    with large.open("r+b") as file:
        assert large.stat().st_size > 12 * 4096
        file.seek(page * 4096)
        file.write(bytes(4096))
    with open_log(url(large)) as log:
        assert list(log.verify()) != []
    result = retention("log", "verify", url(large))
    assert (result.returncode, "Traceback" in result.stderr) == (3, False), result


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stored_events SET state = CAST(state AS TEXT) WHERE rowid = 5",
        "UPDATE stored_events SET topic = CAST(X'ff' AS TEXT) WHERE rowid = 5",
        "UPDATE stored_events SET topic = 'complained' WHERE rowid = 5",
        "UPDATE stored_events SET checksum = 'text' WHERE rowid = 5",
        "UPDATE stored_events SET originator_id = 'other' WHERE rowid = 5",
        "UPDATE stored_events SET originator_version = 30 WHERE rowid = 5",
        "UPDATE stored_events SET rowid = 30 WHERE rowid = 5",
        "DELETE FROM stored_events WHERE rowid = 5",
        "DELETE FROM stored_events WHERE rowid = 20",
        "DELETE FROM event_keys WHERE position = 5",
        "UPDATE event_keys SET position = 6 WHERE position = 5",
        "UPDATE event_keys SET digest = X'00' WHERE position = 5",
    ],
)
def test_a_row_that_somebody_changed_is_found(path, change):
    sql(path, change)
    with open_log(url(path)) as log:
        assert list(log.verify()) != []


def test_a_row_without_a_number_is_found(path):
    checks = "NOT NULL CHECK (typeof(originator_version) = ''integer'')"
    sql(path, "PRAGMA writable_schema = ON", f"UPDATE sqlite_master SET sql = replace(sql, '{checks}', '')")  # noqa: S608 - constants of the test
    sql(path, "UPDATE stored_events SET originator_version = NULL WHERE rowid = 5")
    with open_log(url(path)) as log:
        assert ("damaged", 5) in [(flaw.code, flaw.position) for flaw in log.verify()]


@pytest.mark.parametrize("change", ["UPDATE sqlite_sequence SET seq = 3", "DELETE FROM sqlite_sequence"])
def test_positions_are_never_given_twice_even_where_somebody_set_them_back(path, change):
    sql(path, change)
    with open_log(url(path)) as log:
        assert [flaw.code for flaw in log.verify()] == ["count"]
        assert log.record(event(100)).position == 21


def test_a_key_that_somebody_moved_keeps_nothing_half_done(path):
    sql(path, "UPDATE event_keys SET originator_id = 'other', name = 'id:e100' WHERE position = 5")
    with open_log(url(path)) as log:
        assert {flaw.code for flaw in log.verify()} == {"key"}
        assert log.record(event(4, client="acme")).new
        assert len(list(log.tail())) == 21


@pytest.mark.parametrize("index", ["CREATE UNIQUE INDEX stray ON event_keys (name)"])
def test_a_log_that_contradicts_itself_is_corrupt_and_stores_nothing_of_a_batch(path, index):
    sql(path, index)
    with open_log(url(path)) as log:
        with pytest.raises(LogError) as raised:
            log.record_many([event(100, client="new"), event(4, client="another")])
        check_error(raised.value, LogCorrupt, "contradicts itself")
        assert len(list(log.tail())) == 20


def test_a_step_that_failed_is_not_stored_even_where_the_failure_is_swallowed(any_log):
    def swallow() -> None:
        with any_log.appending() as appending:
            appending.append([(event(1), None)])
            with suppress(AttributeError):
                appending.append([(event(2), None), ("no event", None)])

    with pytest.raises(LogError) as raised:
        swallow()
    check_error(raised.value, LogError, "stored nothing")
    assert any_log.head() == 0
    assert any_log.record(event(1)).new


@pytest.mark.slow
def test_no_flipped_bit_anywhere_in_the_file_passes_for_another_log(path, tmp_path):
    with open_log(url(path)) as log:
        whole = list(log.tail())
    random = Random(20_260_630)  # noqa: S311 - places, not secrets
    outcomes = {"refused": 0, "found": 0, "harmless": 0}
    for number in range(250):
        copy = tmp_path / f"copy{number}.db"
        shutil.copyfile(path, copy)
        flip(copy, random.randrange(path.stat().st_size), random.randrange(8))
        try:
            with open_log(url(copy)) as log:
                if list(log.verify()):
                    outcomes["found"] += 1
                else:
                    assert list(log.tail()) == whole
                    assert [found for _, events in log.clients() for found in events] == sorted(
                        whole, key=lambda it: (it.client, it.position)
                    )
                    outcomes["harmless"] += 1
        except LogError:
            outcomes["refused"] += 1
    assert outcomes["found"] > 50, outcomes


# The file goes away.


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "about to connect"])
def test_a_file_that_is_deleted_while_open_takes_no_more_events(path, connected):
    with open_log(url(path)) as log:
        log.record(event(100))
        if not connected:
            close_readers(log)
        path.unlink()
        for use in (lambda: log.record(event(101)), lambda: log.client("acme"), lambda: list(log.verify())):
            with pytest.raises(LogError) as raised:
                use()
            check_error(raised.value, LogReplaced, str(path))
    assert not path.exists()


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "about to connect"])
def test_a_file_that_is_replaced_while_open_is_neither_written_nor_read(path, tmp_path, connected):
    other = tmp_path / "other.db"
    fill(other, events=2)
    with open_log(url(path)) as log:
        log.record(event(100))
        if not connected:
            close_readers(log)
        other.replace(path)
        for use in (lambda: log.record(event(101)), lambda: log.client("acme"), log.head):
            with pytest.raises(LogError) as raised:
                use()
            check_error(raised.value, LogReplaced, str(path))


def test_a_copy_of_the_file_alone_lacks_what_a_backup_has(path, tmp_path):
    with open_log(url(path)) as log:
        log.record(event(100))
        # Another program copies: opening the file in this one would undo SQLite's locks.
        subprocess.run(["cp", path, tmp_path / "copied.db"], check=True)
        log.backup(tmp_path / "backup.db")
    counts = {}
    for name in ("copied", "backup"):
        with open_log(url(tmp_path / f"{name}.db")) as log:
            counts[name] = len(list(log.tail()))
            assert list(log.verify()) == []
    assert counts == {"copied": 20, "backup": 21}


def test_a_backup_is_consistent_while_others_write(tmp_path):
    path = tmp_path / "clients.db"
    create_log(url(path)).close()
    heads = []
    with (
        programs([("append", url(path), f"writer{number}") for number in range(2)]) as writers,
        open_log(url(path)) as log,
    ):
        for writer in writers:
            writer.go()
            writer.said()
        for number in range(4):
            log.backup(tmp_path / f"backup{number}.db")
            with open_log(url(tmp_path / f"backup{number}.db")) as copy:
                heads.append(copy.head())
                assert half_batches(list(copy.tail())) == []
                assert list(copy.verify()) == []
    assert heads == sorted(heads)
    assert heads[0] > 0


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(path, tmp_path):
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with open_log(url(path)) as log:
        with pytest.raises(LogError) as raised:
            log.backup(taken)
        check_error(raised.value, LogError, "exists", str(taken))
        assert taken.read_text() == "mine"
        with pytest.raises(LogError) as raised:
            log.backup(tmp_path / "no folder" / "copy.db")
        check_error(raised.value, LogMissing, "no folder")


def test_a_backup_is_as_private_as_the_log(path, tmp_path):
    with open_log(url(path)) as log:
        log.backup(tmp_path / "copy.db")
    assert [it.stat().st_mode & 0o777 for it in (path, tmp_path / "copy.db")] == [0o600, 0o600]


# Room.


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Callable[[str], Path]]:
    """A file system of its own, of a size that can be changed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = is_root() and _mount("-t", "tmpfs", "-o", "size=600k", "tmpfs", folder)
    if not mounted:
        pytest.skip("a file system can be mounted by root alone")

    def resize(size: str) -> Path:
        assert _mount("-o", f"remount,size={size}", folder)
        return folder

    yield resize
    subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*words: object) -> bool:
    return subprocess.run(["mount", *map(str, words)], check=False, capture_output=True).returncode == 0


def fill_up(folder: Path) -> Path:
    """Leave no room in a folder, but for a file's name."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    return filler


def record_until_full(log: EventLog, writer: str) -> list[int]:
    done = []
    for number in count():
        try:
            log.record_many(batch(writer, number))
        except LogError as error:
            check_error(error, LogFull, "room")
            return done
        done.append(number)
    raise AssertionError


def check_steps(log: EventLog, writer: str, steps: list[int]) -> None:
    found = [it.id for it in log.client(f"{writer}-one")]
    assert found == [f"{writer}/{number}" for number in steps if number % 4 != 3]
    assert half_batches(list(log.tail())) == []
    assert list(log.verify()) == []


def test_a_full_disk_loses_nothing_acknowledged_and_is_written_again_once_there_is_room(small_disk):
    path = small_disk("600k") / "clients.db"
    with create_log(url(path)) as log:
        done = record_until_full(log, "writer")
        assert len(done) > 20
        check_steps(log, "writer", done)
        with pytest.raises(LogFull):
            log.record_many(batch("writer", len(done)))
        small_disk("4m")
        for number in range(len(done), len(done) + 10):
            log.record_many(batch("writer", number))
        check_steps(log, "writer", list(range(len(done) + 10)))


def test_a_log_on_a_full_disk_can_be_opened_again_once_there_is_room(small_disk):
    path = small_disk("600k") / "clients.db"
    with create_log(url(path)) as log:
        done = record_until_full(log, "writer")
    filler = fill_up(path.parent)
    assert retention("replay", url(path), "--at", AT).returncode == 0
    filler.unlink()
    with open_log(url(path)) as log:
        check_steps(log, "writer", done)
        small_disk("4m")
        assert log.record_many(batch("writer", len(done)))


def test_a_backup_for_which_there_is_no_room_leaves_nothing_behind(small_disk, tmp_path):
    path = tmp_path / "clients.db"
    fill(path, events=4_000)
    copy = small_disk("600k") / "copy.db"
    with open_log(url(path)) as log:
        with pytest.raises(LogError) as raised:
            log.backup(copy)
        check_error(raised.value, LogFull, "room", str(path), str(copy))
        assert list(copy.parent.iterdir()) == []
        small_disk("8m")
        log.backup(copy)
    with open_log(url(copy)) as log:
        assert len(list(log.tail())) == 4_000


def test_a_log_for_which_there_is_no_room_can_be_made_once_there_is(small_disk):
    path = small_disk("600k") / "clients.db"
    filler = fill_up(path.parent)
    with pytest.raises(LogError) as raised:
        create_log(url(path))
    check_error(raised.value, LogFull, "room")
    filler.unlink()
    with create_log(url(path)) as log:
        assert log.record(event()).new


def test_a_limit_on_the_size_of_files_is_told_and_loses_nothing(tmp_path):
    path = tmp_path / "clients.db"
    create_log(url(path)).close()
    limit = 400_000
    words = ("append", url(path), "writer")
    with programs([words], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) as (program,):
        program.go()
        done = []
        while (said := program.said())[0] == "recorded":
            done.append(said[1])
        assert program.process.wait(timeout=60) == 1
        assert program.process.stderr.read().decode().startswith("LogFull: ")
    assert len(done) > 5
    with open_log(url(path)) as log:
        check_steps(log, "writer", done)
        assert log.record_many(batch("writer", len(done)))


def test_an_import_beyond_a_limit_stores_nothing(tmp_path):
    path, events = tmp_path / "clients.db", tmp_path / "events.jsonl"
    create_log(url(path)).close()
    events.write_text("".join(f'{{"client": "c{n}", "kind": "engaged", "at": "{AT}"}}\n' for n in range(20_000)))
    limit = 1_000_000
    result = retention(
        *("import", str(events), "--log", url(path)),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    check_command(result, LogFull(""))
    with open_log(url(path)) as log:
        assert log.head() == 0
    assert retention("import", str(events), "--log", url(path)).returncode == 0
    with open_log(url(path)) as log:
        assert log.head() == 20_000


def test_where_no_file_can_be_opened_any_more_that_is_told(path):
    with open_log(url(path)) as log:
        close_readers(log)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken = [os.open(os.devnull, os.O_RDONLY)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 1, hard))
        try:
            with pytest.raises(LogError) as raised:
                log.client("acme")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            os.close(taken[0])
        assert "opened" in str(raised.value)
        assert len(log.client("acme")) == 10


# Permissions.


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for it in (folder, *folder.rglob("*")):
        it.chmod(0o700)
    shutil.rmtree(folder)


def unprivileged(*words: str) -> subprocess.CompletedProcess[str]:
    """A program run as somebody for whom permissions count, even where the tests run as root."""
    program = Path(__file__).with_name("unprivileged.py")
    return subprocess.run(
        [sys.executable, program, *words], capture_output=True, text=True, check=False, timeout=60, env=unmeasured()
    )


def attempted(path: Path, *options: str) -> dict[str, str]:
    result = unprivileged("library", url(path), *options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


READ_BUT_NOT_WRITTEN = {
    "opened": "done",
    "read": "done",
    "streamed": "done",
    "written": "LogReadOnly",
    "closed": "done",
}


@pytest.mark.parametrize("options", [(), ("read_only",)], ids=["usual", "read only"])
@pytest.mark.parametrize(
    ("file_mode", "folder_mode"),
    [(0o444, 0o555), (0o444, 0o777), (0o666, 0o555)],
    ids=["file and folder", "file", "folder"],
)
def test_a_file_or_folder_that_is_read_only_can_be_read(public, file_mode, folder_mode, options):
    path = public / "clients.db"
    fill(path)
    path.chmod(file_mode)
    public.chmod(folder_mode)
    assert attempted(path, *options) == READ_BUT_NOT_WRITTEN
    result = unprivileged("command", "replay", url(path), "--at", AT)
    assert result.returncode == 0, result.stderr
    assert "2 clients" in result.stdout
    check_command(unprivileged("command", "record", url(path), "acme", "engaged", "--at", AT), LogReadOnly(""))


def test_a_log_that_another_user_writes_can_be_read(public):
    path = public / "clients.db"
    fill(path)
    path.chmod(0o644)
    with open_log(url(path)) as log:
        log.record(event(100, client="latest"))
        assert attempted(path) == READ_BUT_NOT_WRITTEN
        result = unprivileged("command", "explain", url(path), "latest", "--at", AT)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_file_that_may_not_be_read_is_refused(public, closed):
    path = public / "clients.db"
    fill(path)
    (path if closed == "file" else public).chmod(0)
    assert attempted(path) == {"opened": "LogReadOnly"}
    result = unprivileged("command", "replay", url(path))
    check_command(result, LogReadOnly(""))
    assert "permission denied" in result.stderr


def test_a_log_can_not_be_made_in_a_read_only_folder(public):
    public.chmod(0o555)
    assert attempted(public / "clients.db", "create") == {"created": "LogReadOnly"}


def test_a_log_opened_for_reading_only_refuses_to_write(path):
    with open_log(url(path), read_only=True) as log:
        assert len(log.client("acme")) == 10
        for use in (lambda: log.record(event(100)), lambda: log.forget("acme")):
            with pytest.raises(LogError) as raised:
                use()
            check_error(raised.value, LogReadOnly, "opened for reading")
        assert list(log.verify()) == []


def test_a_file_system_that_is_read_only_can_be_read(small_disk):
    path = small_disk("4m") / "clients.db"
    fill(path)
    assert _mount("-o", "remount,ro", path.parent)
    try:
        with open_log(url(path)) as log:
            assert len(log.client("acme")) == 10
            with pytest.raises(LogError) as raised:
                log.record(event(100))
            check_error(raised.value, LogReadOnly, "read-only")
            with pytest.raises(LogError) as raised:
                log.backup(path.parent / "copy.db")
            check_error(raised.value, LogReadOnly, "read-only")
    finally:
        assert _mount("-o", "remount,rw", path.parent)


# Others hold the log.


def test_a_log_that_another_program_holds_is_locked_for_writers_alone(path):
    with programs([("hold", url(path), "60")]) as (holder,):
        holder.go()
        assert holder.said()[0] == "holding"
        with open_log(url(path), lock_timeout=0.2) as log:
            with pytest.raises(LogError) as raised:
                log.record(event(100))
            check_error(raised.value, LogLocked, "locked by another program", str(path))
            assert len(log.client("acme")) == 10
            assert retention("replay", url(path), "--at", AT).returncode == 0
            holder.kill()
            assert log.record(event(100)).new
            assert log.client("holder") == []


@pytest.mark.slow
def test_the_command_says_that_a_log_is_locked(path):
    with programs([("hold", url(path), "60")]) as (holder,):
        holder.go()
        assert holder.said()[0] == "holding"
        result = retention("record", url(path), "acme", "engaged", "--at", AT)
    check_command(result, LogLocked(""))
    assert "locked by another program" in result.stderr


def test_a_log_that_another_thread_holds_is_locked_for_writers_alone(path):
    with open_log(url(path), lock_timeout=0.2) as log:
        holding, release = threading.Event(), threading.Event()

        def hold() -> None:
            with log.appending() as appending:
                appending.append([(event(200), None)])
                holding.set()
                release.wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        holding.wait(60)
        with pytest.raises(LogError) as raised:
            log.record(event(100))
        check_error(raised.value, LogLocked, "another thread")
        assert len(log.client("acme")) == 10
        release.set()
        thread.join()
        assert log.record(event(100)).new


def test_recording_within_appending_of_the_same_log_is_refused_at_once(any_log):
    started = time.monotonic()
    with any_log.appending() as appending:
        appending.append([(event(1), None)])
        with pytest.raises(LogError) as raised:
            any_log.record(event(2))
        check_error(raised.value, LogLocked, "this very thread")
        assert "appending" in raised.value.hint
        appending.append([(event(3), None)])
    assert [it.id for it in any_log.client("acme")] == ["e1", "e3"]
    assert any_log.record(event(2)).new
    assert time.monotonic() - started < 4  # it did not wait for itself


# The log is used wrongly.


def uses(log: EventLog, folder: Path) -> dict[str, Callable[[], object]]:
    return {
        "record": lambda: log.record(event(100)),
        "record_many": lambda: log.record_many([event(100)]),
        "appending": lambda: log.appending().__enter__(),
        "client": lambda: log.client("acme"),
        "clients": lambda: list(log.clients()),
        "tail": lambda: list(log.tail()),
        "head": log.head,
        "verify": lambda: list(log.verify()),
        "forget": lambda: log.forget("acme"),
    }


def test_a_log_that_was_closed_refuses_every_use(any_log, tmp_path):
    any_log.record(event())
    any_log.close()
    any_log.close()
    for use in uses(any_log, tmp_path).values():
        with pytest.raises(LogError) as raised:
            use()
        check_error(raised.value, LogClosed, "closed")


def test_a_backup_of_a_closed_log_is_refused_and_leaves_nothing(path, tmp_path):
    log = open_log(url(path))
    log.close()
    with pytest.raises(LogClosed):
        log.backup(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_process_that_was_forked_may_not_use_the_log_and_does_not_harm_it(shared_log):
    with programs([("forked", shared_log)]) as (program,):
        program.go()
        found = program.result()
    assert found["children"] == ["0"] * 5
    with open_log(shared_log) as log:
        assert [it.id for it in log.client("parent-one")] == [f"parent/{number}" for number in (0, 1, 2, 4)]
        assert len([it for it in log.tail() if it.id.startswith("thread/")]) == sum(
            len(batch("thread", number)) for number in range(found["steps"])
        )
        assert list(log.verify()) == []


def test_a_history_that_has_grown_is_a_version_conflict(any_log):
    first = any_log.record(event(1))
    with pytest.raises(LogError) as raised:
        any_log.record(event(2), expected=0)
    check_error(raised.value, VersionConflict, "'acme'")
    assert any_log.record(event(2), expected=first.position).new


def test_an_id_used_again_for_something_else_is_refused_with_all_that_came_with_it(any_log):
    any_log.record(event(1))
    with pytest.raises(LogError) as raised:
        any_log.record_many([event(2), Complained(client="acme", at=AT, id="e1")])
    check_error(raised.value, KeyReused, "'e1'", "'acme'")
    assert [it.id for it in any_log.client("acme")] == ["e1"]


@pytest.mark.parametrize("client", ["\ud800", "a\0b", "", "x" * 10_000, "nobody"])
def test_a_client_that_can_not_be_is_unknown_like_any_other(any_log, client):
    assert any_log.client(client) == []
    with pytest.raises(UnknownClient):
        any_log.forget(client)


def test_a_client_named_in_bytes_that_are_no_utf_8_is_unknown_to_the_command(path):
    for words in (("explain", url(path), b"caf\xe9"), ("replay", url(path), "--client", b"caf\xe9")):
        result = retention(*words)
        assert result.returncode == 2
        assert result.stderr.splitlines()[-1].startswith("Error: the log has no client")


def test_a_position_beyond_all_is_refused(path):
    with open_log(url(path)) as log, pytest.raises(LogError) as raised:
        list(log.tail(2**63))
    check_error(raised.value, LogError, "no position")


@pytest.mark.parametrize("address", ["sqlite:///a\0b", "mysql://x", "clients.db", ""])
def test_what_is_no_address_is_refused(address):
    for make in (open_log, create_log):
        with pytest.raises(LogError) as raised:
            make(address)
        check_error(raised.value, LogError, "address")


def test_a_durability_that_there_is_not_is_refused(path):
    with pytest.raises(LogError) as raised:
        open_log(url(path), durability="off")
    check_error(raised.value, LogError, "'off'")


# Interruptions.


@pytest.mark.slow
def test_a_write_that_is_interrupted_leaves_nothing_half_done_and_the_log_usable(shared_log):
    with programs([("interrupted", shared_log, "writer", "800")]) as (program,):
        program.go()
        found = program.result()
    assert found["errors"] == []
    assert found["done"], "it was never left alone for long enough to write"
    with open_log(shared_log) as log:
        events = list(log.tail())
        assert half_batches(events) == []
        assert {f"writer/{number}" for number in found["done"]} <= {it.id for it in events}
        assert len({(it.client, it.id) for it in events}) == len(events)
        assert list(log.verify()) == []


def test_an_exception_while_appending_undoes_every_step(any_log):
    def fail(problem: type[BaseException]) -> None:
        with any_log.appending() as appending:
            appending.append([(event(1), None)])
            raise problem

    for problem in (KeyboardInterrupt, SystemExit, GeneratorExit, RuntimeError, MemoryError):
        with pytest.raises(problem):
            fail(problem)
        assert any_log.head() == 0
    assert any_log.record(event(1)).new


def test_appending_that_is_begun_and_let_go_is_undone(any_log):
    writing = any_log.appending()
    writing.__enter__().append([(event(1), None)])
    del writing
    assert any_log.record(event(2)).new
    assert [it.id for it in any_log.client("acme")] == ["e2"]


# File systems.

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:40 / /mnt/share rw shared:2 - {kind} server:/export rw
31 30 254:2 / /mnt/share/local\\040disk rw - ext4 /dev/vdb rw
32 22 0:41 / /mnt/with\\040space rw master:3 - {kind} server:/other rw
33 22 0:42 / /mnt/back\\134slash rw - {kind} server:/other rw
34 22 0:43 / /home rw - ext4 /dev/vdc rw
35 22 0:44 / /home rw - {kind} server:/home rw
36 22 0:45 / /srv rw - {kind} server:/srv rw
37 22 0:46 / /srv rw - tmpfs tmpfs rw
a line that is no mount
"""
KINDS = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("place", "is_remote"),
    [
        ("/var/clients.db", False),
        ("/mnt/share/clients.db", True),
        ("/mnt/share/deep/er/clients.db", True),
        ("/mnt/shared/clients.db", False),
        ("/mnt/share/local disk/clients.db", False),
        ("/mnt/with space/clients.db", True),
        ("/mnt/back\\slash/clients.db", True),
        ("/home/jo/clients.db", True),
        ("/srv/clients.db", False),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_last_mount_around_it(kind, place, is_remote):
    found = network.file_system_of(Path(place), MOUNTS.format(kind=kind))
    assert (found in network.NETWORK_FILE_SYSTEMS) is is_remote
    assert found in {kind, "ext4", "tmpfs"}


def as_on_network(folder: Path, kind: str, table: Path) -> Path:
    """A mount table that says that a folder lies on a network file system."""
    point = str(folder).replace(" ", "\\040")
    table.write_text(f"1 0 254:1 / / rw - ext4 /dev/vda1 rw\n2 1 0:40 / {point} rw - {kind} server:/export rw\n")
    return table


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_on_a_network_file_system_is_refused(tmp_path, monkeypatch, kind):
    folder = tmp_path / "the share"
    folder.mkdir()
    path = folder / "clients.db"
    fill(path)
    (tmp_path / "link.db").symlink_to(path)
    monkeypatch.setattr(network, "_MOUNTS", as_on_network(folder, kind, tmp_path / "mounts"))
    for make, place in ((open_log, path), (create_log, folder / "new.db"), (open_log, tmp_path / "link.db")):
        with pytest.raises(LogError) as raised:
            make(url(place))
        check_error(raised.value, LogOnNetwork, f"({kind})", str(place))
    assert not (folder / "new.db").exists()


def test_the_command_refuses_a_log_on_a_network_file_system(path, tmp_path):
    table = as_on_network(path.parent, "nfs4", tmp_path / "mounts")
    program = (
        "import sys; from pathlib import Path; from retention_engine.log import network; from retention_engine.cli import main;"
        "network._MOUNTS = Path(sys.argv.pop(1)); main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(table), "replay", url(path)], capture_output=True, text=True, check=False
    )
    check_command(result, LogOnNetwork(""))


def test_where_there_is_no_mount_table_a_log_is_taken_for_local(path, monkeypatch):
    monkeypatch.setattr(network, "_MOUNTS", path.parent / "none")
    open_log(url(path)).close()
