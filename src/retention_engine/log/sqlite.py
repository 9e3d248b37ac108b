"""The log in one SQLite file, or in memory: the library's recorder on tables of ours."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, get_args

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder

from ..errors import LogCorrupt, LogError, LogReadOnly, LogTooNew, NotALog
from .network import refuse_network_file_system
from .rows import Columns, Key, Known, Row, checksum
from .sqlite_agenda import SQLiteAgenda
from .sqlite_connections import LOCK_TIMEOUT, Connections, Durability
from .sqlite_faults import translated
from .sqlite_files import make_file, size_of, uri_of
from .store import Head

APPLICATION_ID = 0x52544E4C
SCHEMA_VERSION = 1
_SCHEMA = (
    # The library's recorder reads the position as `rowid`; AUTOINCREMENT never gives one out twice.
    (
        "CREATE TABLE stored_events ("
        " rowid INTEGER PRIMARY KEY AUTOINCREMENT,"
        " originator_id TEXT NOT NULL CHECK (typeof(originator_id) = 'text'),"
        " originator_version INTEGER NOT NULL CHECK (typeof(originator_version) = 'integer'),"
        " topic TEXT NOT NULL,"
        " state BLOB NOT NULL,"
        " checksum BLOB NOT NULL,"
        " UNIQUE (originator_id, originator_version))"
    ),
    (
        "CREATE TABLE event_keys ("
        " originator_id TEXT NOT NULL,"
        " name TEXT NOT NULL,"
        " digest BLOB NOT NULL,"
        " position INTEGER NOT NULL,"
        " PRIMARY KEY (originator_id, name)) WITHOUT ROWID"
    ),
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_COLUMNS = "rowid, originator_id, originator_version, topic, state, checksum"
_TAIL = f"SELECT {_COLUMNS} FROM stored_events WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608 - constants of ours
_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state, checksum) VALUES (?, ?, ?, ?, ?)"


class SQLiteEventRecorder(SQLiteApplicationRecorder):
    """The library's recorder on a table that has a checksum an event and gives no position out twice."""

    def __init__(self, datastore: Connections) -> None:
        super().__init__(datastore)

    def construct_create_table_statements(self) -> list[str]:
        """The statements that make the tables of a log."""
        return list(_SCHEMA)

    def _insert_events(self, c: Any, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        rows = [Row(0, str(s.originator_id), s.originator_version, s.topic, s.state, b"") for s in stored_events]
        return insert_rows(c, [row._replace(checksum=checksum(*row[1:5])) for row in rows])


def insert_rows(c: sqlite3.Cursor, rows: Sequence[Row]) -> list[int]:
    """Store rows behind the last position; nobody else writes meanwhile, so that their positions have no gap."""
    if not rows:
        return []
    try:
        c.executemany(_INSERT, [row[1:] for row in rows])
    except sqlite3.IntegrityError as error:
        raise IntegrityError(error) from error
    (last,) = c.execute("SELECT last_insert_rowid()").fetchone()
    return list(range(last + 1 - len(rows), last + 1))


class SQLiteWriting:
    """A write transaction on a SQLite log."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor

    def heads(self, clients: Iterable[str]) -> dict[str, Head]:
        """Where the histories of these clients end."""
        statement = (
            "SELECT originator_version, rowid FROM stored_events WHERE originator_id = ?"
            " ORDER BY originator_version DESC LIMIT 1"
        )
        found = {client: self.cursor.execute(statement, (client,)).fetchone() for client in clients}
        return {client: Head(*row) for client, row in found.items() if row}

    def known(self, keys: Sequence[Key]) -> dict[Key, Known]:
        """What the log knows by these keys."""
        statement = "SELECT digest, position FROM event_keys WHERE originator_id = ? AND name = ?"
        found = {key: self.cursor.execute(statement, key).fetchone() for key in keys}
        return {key: Known(*row) for key, row in found.items() if row}

    def insert(self, rows: Sequence[Row], keys: Sequence[tuple[int, Key, bytes]]) -> list[int]:
        """Store rows and their keys."""
        positions = insert_rows(self.cursor, rows)
        self.cursor.executemany(
            "INSERT INTO event_keys (originator_id, name, digest, position) VALUES (?, ?, ?, ?)",
            [(*key, digest, positions[index]) for index, key, digest in keys],
        )
        return positions

    def rows(self, client: str) -> list[Row]:
        """A client's rows."""
        return _rows_of(self.cursor, client)

    def tail(self, after: int, limit: int) -> list[Row]:
        """Rows by position."""
        return [Row(*row) for row in self.cursor.execute(_TAIL, (after, limit))]

    def rewrite(self, client: str, rows: Sequence[Row], digests: Mapping[int, bytes]) -> None:
        """Put redacted rows in the place of a client's own, and their digests in its keys."""
        self.cursor.executemany(
            "UPDATE stored_events SET state = ?, checksum = ? WHERE rowid = ?",
            [(row.state, row.checksum, row.position) for row in rows],
        )
        keys = self.cursor.execute(
            "SELECT name, position FROM event_keys WHERE originator_id = ?", (client,)
        ).fetchall()
        self.cursor.executemany(
            "UPDATE event_keys SET digest = ? WHERE originator_id = ? AND name = ?",
            [(digests[position], client, name) for name, position in keys if position in digests],
        )


class SQLiteStore:
    """A log's rows in one SQLite file, or in memory."""

    def __init__(
        self,
        path: Path | None,
        *,
        read_only: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
        durability: Durability = "full",
    ) -> None:
        if durability not in get_args(Durability):
            raise LogError(f"{durability!r} is no durability", hint="It is 'full' or 'normal'.")
        writable = True
        if path is not None:
            if not size_of(path):
                raise LogCorrupt(f"{path} is empty; a log that was ever made is not")
            refuse_network_file_system(path)
            writable = os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)
        self._read_only = "it was opened for reading" if read_only else "the file or its folder is read-only"
        self._connections = Connections(
            path, read_only=read_only or not writable, lock_timeout=lock_timeout, durability=durability
        )
        self.name = self._connections.name
        self._recorder = SQLiteEventRecorder(self._connections)
        self._agenda = SQLiteAgenda(self._connections)
        if path is None:
            self._recorder.create_table()
        else:
            self._refuse_other_schemas()

    @property
    def recorder(self) -> SQLiteEventRecorder:
        """The library's recorder on the same tables."""
        return self._recorder

    @property
    def agenda(self) -> SQLiteAgenda:
        """Where the log's agenda is kept."""
        return self._agenda

    @classmethod
    def create(cls, path: Path, **options: Any) -> "SQLiteStore":
        """Make a log in a new file; an existing log is opened as it is.

        Raises:
            NotALog: the file exists and is something else.
        """
        refuse_network_file_system(path)
        with suppress(FileExistsError):
            make_file(path)
        size_of(path)
        with (
            translated(str(path)),
            closing(sqlite3.connect(uri_of(path, "rw"), uri=True, isolation_level=None)) as made,
        ):
            if not _has_tables(made):
                # The file holds nothing or a whole log, however this ends: the switch to WAL would store a page on its own.
                made.execute("BEGIN IMMEDIATE")
                for statement in () if _has_tables(made) else _SCHEMA:
                    made.execute(statement)
                made.execute("COMMIT")
                made.execute("PRAGMA journal_mode = WAL").close()
        return cls(path, **options)

    def _refuse_other_schemas(self) -> None:
        with self._connections.transaction(commit=False) as cursor:
            stamp = cursor.execute("PRAGMA application_id").fetchone()[0]
            version = cursor.execute("PRAGMA user_version").fetchone()[0]
        if stamp != APPLICATION_ID:
            self.close()
            raise NotALog(f"{self.name} is a SQLite database, but no log of retention-engine")
        if version > SCHEMA_VERSION:
            self.close()
            raise LogTooNew(f"{self.name} has schema {version}; this version reads up to {SCHEMA_VERSION}")

    @contextmanager
    def writing(self) -> Iterator[SQLiteWriting]:
        """Begin to write."""
        if self._connections.read_only:
            raise LogReadOnly(f"{self.name} can't be written: {self._read_only}")
        with self._connections.transaction(commit=True) as cursor:
            try:
                yield SQLiteWriting(cursor)
            except IntegrityError as error:
                raise LogCorrupt(f"{self.name} contradicts itself ({error})") from error

    def client(self, client: str) -> list[Row]:
        """A client's rows in the order of their versions."""
        with self._connections.transaction(commit=False) as cursor:
            return _rows_of(cursor, client)

    def page(self, after: tuple[str, int], upto: int, limit: int, until: str | None = None) -> list[Columns]:
        """Rows by client and version."""
        bound, last = ("", ()) if until is None else (" AND originator_id <= ?", (until,))
        statement = (
            f"SELECT {_COLUMNS} FROM stored_events"  # noqa: S608 - constants of ours
            f" WHERE (originator_id, originator_version) > (?, ?) AND rowid <= ?{bound}"
            " ORDER BY originator_id, originator_version LIMIT ?"
        )
        return self._select(statement, (*after, upto, *last, limit))

    def sizes(self, after: str, upto: int, limit: int) -> list[tuple[str, int]]:
        """Clients with the number of their events."""
        statement = (
            "SELECT originator_id, count(*) FROM stored_events WHERE originator_id > ? AND rowid <= ?"
            " GROUP BY originator_id ORDER BY originator_id LIMIT ?"
        )
        return self._select(statement, (after, upto, limit))

    def tail(self, after: int, limit: int) -> list[Row]:
        """Rows by position."""
        return [Row(*row) for row in self._select(_TAIL, (after, limit))]

    def _select(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self._connections.transaction(commit=False) as cursor:
            cursor.row_factory = None
            return cursor.execute(statement, values).fetchall()  # type: ignore[no-any-return]

    def head(self) -> int:
        """The last position."""
        return self._recorder.max_notification_id() or 0

    def known(self, key: Key) -> Known | None:
        """What the log knows by a key."""
        with self._connections.transaction(commit=False) as cursor:
            return SQLiteWriting(cursor).known([key]).get(key)

    def keys_of(self, client: str) -> list[tuple[Key, Known]]:
        """A client's keys."""
        statement = "SELECT name, digest, position FROM event_keys WHERE originator_id = ? ORDER BY name"
        with self._connections.transaction(commit=False) as cursor:
            found = cursor.execute(statement, (client,)).fetchall()
        return [(Key(client, name), Known(digest, position)) for name, digest, position in found]

    def count(self) -> tuple[int, int]:
        """How many events there are, and how many were ever stored."""
        statement = (
            "SELECT (SELECT count(*) FROM stored_events),"
            " (SELECT seq FROM sqlite_sequence WHERE name = 'stored_events')"
        )
        with self._connections.transaction(commit=False) as cursor:
            here, appended = cursor.execute(statement).fetchone()
        return here, appended or 0

    def problems(self) -> Iterator[str]:
        """What SQLite finds wrong with the file."""
        with self._connections.transaction(commit=False) as cursor:
            found = [row[0] for row in cursor.execute("PRAGMA integrity_check").fetchall()]
        return (problem for problem in found if problem != "ok")

    def scrub(self) -> list[str]:
        """Overwrite what redaction has freed, in the file and in the write-ahead file."""
        if self._connections.path is None:
            return []
        unreached = []
        with translated(self.name), closing(self._connections._connect()) as connection:  # noqa: SLF001 - its own module
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute("VACUUM")
            again, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy or again:
                unreached.append(f"{self.name}-wal, which another program is reading: close it and forget again")
        return unreached

    def backup(self, path: Path) -> None:
        """Write a consistent copy while others read and write.

        Raises:
            LogError: there is a file already, or it can't be written.
        """
        with self._connections.transaction(commit=False) as cursor:
            try:
                make_file(path)
            except FileExistsError:
                raise LogError(f"{path} exists; a backup overwrites nothing", hint="Give another file.") from None
            try:
                with (
                    translated(f"{self.name}, on its way to {path},"),
                    closing(sqlite3.connect(uri_of(path, "rw"), uri=True)) as copy,
                ):
                    cursor.connection.backup(copy)
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def close(self) -> None:
        """Close the file."""
        self._connections.close()


def _rows_of(cursor: sqlite3.Cursor, client: str) -> list[Row]:
    statement = f"SELECT {_COLUMNS} FROM stored_events WHERE originator_id = ? ORDER BY originator_version"  # noqa: S608 - constants of ours
    return [Row(*row) for row in cursor.execute(statement, (client,))]


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
