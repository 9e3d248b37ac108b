"""The agenda's tables in a SQLite log, with the library's tracking recorder on one of them."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteTrackingRecorder

from .agenda_tables import AgendaTables, track_of
from .sqlite_connections import Connections

if TYPE_CHECKING:
    from .store import Writing

_BY_CLIENT = re.compile(r"@(\w+)~client")
_TRACKING = (
    "CREATE TABLE agenda_tracking (application_name TEXT PRIMARY KEY, notification_id INTEGER NOT NULL) WITHOUT ROWID"
)
_TABLES = (
    (
        "CREATE TABLE agenda_state"
        " (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, epoch INTEGER NOT NULL, told INTEGER)"
    ),
    (
        "CREATE TABLE agenda_generations (id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL,"
        " state TEXT NOT NULL, upto INTEGER NOT NULL, total INTEGER NOT NULL, done INTEGER NOT NULL,"
        " mark TEXT NOT NULL, horizon INTEGER NOT NULL)"
    ),
    # Ordered by time: what begins, or falls due, within a span lies side by side.
    (
        "CREATE TABLE agenda_spells (generation INTEGER NOT NULL, client TEXT NOT NULL, starts INTEGER NOT NULL,"
        " until INTEGER NOT NULL, status INTEGER NOT NULL, before INTEGER, is_past INTEGER NOT NULL,"
        " because BLOB NOT NULL, PRIMARY KEY (generation, starts, client)) WITHOUT ROWID"
    ),
    "CREATE INDEX agenda_spells_by_client ON agenda_spells (generation, client)",
    (
        "CREATE TABLE agenda_actions (generation INTEGER NOT NULL, client TEXT NOT NULL, opens INTEGER NOT NULL,"
        " closes INTEGER NOT NULL, due INTEGER NOT NULL, id TEXT NOT NULL, rule TEXT NOT NULL, about TEXT,"
        " message TEXT NOT NULL, owner TEXT NOT NULL, because BLOB NOT NULL,"
        " PRIMARY KEY (generation, due, client, id, opens)) WITHOUT ROWID"
    ),
    "CREATE INDEX agenda_actions_by_client ON agenda_actions (generation, client)",
    "CREATE INDEX agenda_actions_by_owner ON agenda_actions (generation, owner, due)",
    (
        "CREATE TABLE agenda_failures (generation INTEGER NOT NULL, client TEXT NOT NULL, starts INTEGER NOT NULL,"
        " until INTEGER NOT NULL, rule TEXT NOT NULL, cause TEXT NOT NULL,"
        " PRIMARY KEY (generation, client, rule, starts)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE agenda_forgotten"
        " (generation INTEGER NOT NULL, client TEXT NOT NULL, PRIMARY KEY (generation, client)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE agenda_news (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, client TEXT NOT NULL,"
        " at INTEGER NOT NULL, before INTEGER, after INTEGER, because BLOB NOT NULL, position INTEGER NOT NULL)"
    ),
)


class SQLiteAgendaTracker(SQLiteTrackingRecorder):
    """The library's tracking recorder on a table of the agenda's."""

    def __init__(self, datastore: Connections) -> None:
        super().__init__(datastore)
        self.insert_tracking_statement = self.insert_tracking_statement.replace("tracking", "agenda_tracking")
        self.select_max_tracking_id_statement = self.select_max_tracking_id_statement.replace(
            "tracking", "agenda_tracking"
        )

    def construct_create_table_statements(self) -> list[str]:
        """The statement that makes the table."""
        return [_TRACKING]

    def track(self, cursor: sqlite3.Cursor, tracking: Tracking) -> None:
        """Store a position within a transaction."""
        self._insert_tracking(cursor, tracking)  # type: ignore[arg-type] # the library gives its cursors a type of its own


class SQLiteAgendaTables(AgendaTables):
    """The agenda's tables within a transaction on a SQLite log."""

    def __init__(self, cursor: sqlite3.Cursor, tracker: SQLiteAgendaTracker) -> None:
        self._cursor = cursor
        self._tracker = tracker

    def found(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a statement finds."""
        return self._cursor.execute(_said(statement), values).fetchall()

    def done(self, statement: str, rows: Sequence[Sequence[Any]] = ((),)) -> None:
        """Carry a statement out for each of the rows."""
        plain = _said(statement)
        if len(rows) == 1:
            self._cursor.execute(plain, rows[0])
        else:
            self._cursor.executemany(plain, rows)

    def exist(self) -> bool:
        """Whether there are such tables."""
        return bool(self.found("SELECT 1 FROM sqlite_master WHERE name = 'agenda_state'"))

    def make(self) -> None:
        """Make the tables."""
        for statement in (*_TABLES, *self._tracker.create_table_statements):
            self._cursor.execute(statement)

    def track(self, generation: int, position: int) -> None:
        """Note that a build has followed the log up to a position."""
        self._tracker.track(self._cursor, Tracking(track_of(generation), position))

    def last_news(self) -> int:
        """The largest number that news were ever given."""
        found = self.found("SELECT seq FROM sqlite_sequence WHERE name = 'agenda_news'")
        return int(found[0][0]) if found else 0

    def new_generation(self, *values: Any) -> int:
        """Store a build; the answer is its number."""
        statement = (
            "INSERT INTO agenda_generations (fingerprint, state, upto, total, done, mark, horizon)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        self._cursor.execute(statement, values)
        return int(self._cursor.lastrowid or 0)


class SQLiteAgenda:
    """Where the agenda of a SQLite log is kept."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.tracker = SQLiteAgendaTracker(connections)
        self._seen = False

    def exists(self) -> bool:
        """Whether there are tables for it."""
        if not self._seen:
            with self.reading() as tables:
                self._seen = tables.exist()
        return self._seen

    @contextmanager
    def reading(self) -> Iterator[SQLiteAgendaTables]:
        """Begin to read."""
        with self._connections.transaction(commit=False) as cursor:
            cursor.row_factory = None  # plain tuples
            begun = cursor.connection.in_transaction  # a log in memory has a single connection
            if not begun:
                cursor.execute("BEGIN")
            yield SQLiteAgendaTables(cursor, self.tracker)
            if not begun:
                cursor.execute("ROLLBACK")

    def within(self, writing: "Writing") -> SQLiteAgendaTables:
        """The agenda's tables within a transaction that writes to the log."""
        return SQLiteAgendaTables(writing.cursor, self.tracker)  # type: ignore[attr-defined] # it is of the same store


@lru_cache(maxsize=1024)
def _said(statement: str) -> str:
    """A statement as SQLite reads it."""
    return _BY_CLIENT.sub(r"\1 INDEXED BY \1_by_client", statement).replace("@", "")
