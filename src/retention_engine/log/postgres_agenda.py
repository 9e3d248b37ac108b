"""The agenda's tables in a log on PostgreSQL, with the library's tracking recorder on one of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, LiteralString

from eventsourcing.persistence import Tracking
from psycopg import Cursor
from psycopg.rows import TupleRow, tuple_row
from psycopg.sql import Identifier

from .agenda_tables import AgendaTables, track_of
from .postgres_connections import Connections
from .postgres_faults import translated
from .postgres_library import PostgresTrackingRecorder

if TYPE_CHECKING:
    from .store import Writing

TEXTS = ("agenda_spells", "agenda_actions", "agenda_failures", "agenda_news")
"""The tables that hold text about clients."""

_MAKE: tuple[LiteralString, ...] = (
    (
        "CREATE TABLE @agenda_state"
        " (one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL, epoch bigint NOT NULL, told bigint)"
    ),
    (
        "CREATE TABLE @agenda_generations (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " fingerprint text NOT NULL, state text NOT NULL, upto bigint NOT NULL, total bigint NOT NULL,"
        ' done bigint NOT NULL, mark text COLLATE "C" NOT NULL, horizon bigint NOT NULL)'
    ),
    "CREATE TABLE @agenda_tracking (application_name text PRIMARY KEY, notification_id bigint NOT NULL)",
    (
        'CREATE TABLE @agenda_spells (generation bigint NOT NULL, client text COLLATE "C" NOT NULL,'
        " starts bigint NOT NULL, until bigint NOT NULL, status integer NOT NULL, before integer,"
        " is_past integer NOT NULL, because bytea NOT NULL, PRIMARY KEY (generation, starts, client))"
    ),
    "CREATE INDEX ON @agenda_spells (generation, client)",
    (
        'CREATE TABLE @agenda_actions (generation bigint NOT NULL, client text COLLATE "C" NOT NULL,'
        " opens bigint NOT NULL, closes bigint NOT NULL, due bigint NOT NULL, id text NOT NULL,"
        ' rule text COLLATE "C" NOT NULL, about text COLLATE "C", message text NOT NULL,'
        ' owner text COLLATE "C" NOT NULL, because bytea NOT NULL,'
        " PRIMARY KEY (generation, due, client, id, opens))"
    ),
    "CREATE INDEX ON @agenda_actions (generation, client)",
    "CREATE INDEX ON @agenda_actions (generation, owner, due)",
    (
        'CREATE TABLE @agenda_failures (generation bigint NOT NULL, client text COLLATE "C" NOT NULL,'
        ' starts bigint NOT NULL, until bigint NOT NULL, rule text COLLATE "C" NOT NULL, cause text NOT NULL,'
        " PRIMARY KEY (generation, client, rule, starts))"
    ),
    (
        'CREATE TABLE @agenda_forgotten (generation bigint NOT NULL, client text COLLATE "C" NOT NULL,'
        " PRIMARY KEY (generation, client))"
    ),
    (
        "CREATE TABLE @agenda_news (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL,"
        ' client text COLLATE "C" NOT NULL, at bigint NOT NULL, before integer, after integer,'
        " because bytea NOT NULL, position bigint NOT NULL)"
    ),
    # The server's statistics would keep samples of texts that are to be forgotten one day.
    "ALTER TABLE @agenda_spells ALTER COLUMN because SET STATISTICS 0",
    "ALTER TABLE @agenda_actions ALTER COLUMN message SET STATISTICS 0",
    "ALTER TABLE @agenda_actions ALTER COLUMN about SET STATISTICS 0",
    "ALTER TABLE @agenda_failures ALTER COLUMN cause SET STATISTICS 0",
    "ALTER TABLE @agenda_news ALTER COLUMN because SET STATISTICS 0",
)
_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresAgendaTracker(PostgresTrackingRecorder):
    """The library's tracking recorder on a table of the agenda's."""

    def __init__(self, datastore: Connections) -> None:
        super().__init__(datastore, tracking_table_name="agenda_tracking")

    def track(self, cursor: Cursor[TupleRow], tracking: Tracking) -> None:
        """Store a position within a transaction."""
        self._insert_tracking(cursor, tracking)  # type: ignore[arg-type] # it asks only whether there is a row


class PostgresAgendaTables(AgendaTables):
    """The agenda's tables within a transaction on a PostgreSQL log."""

    def __init__(self, cursor: Cursor[TupleRow], tracker: PostgresAgendaTracker, connections: Connections) -> None:
        self._cursor = cursor
        self._tracker = tracker
        self._connections = connections

    def found(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a statement finds."""
        with translated(self._connections.name):
            return self._cursor.execute(_said(statement, self._connections.schema), values).fetchall()

    def found_for_each(self, statement: str, generation: int, clients: Sequence[str]) -> list[tuple[Any, ...]]:
        """The rows that a statement about one client of a build finds for several."""
        return self.found(statement.replace("client = ?", "client = ANY(?)"), generation, list(clients))

    def done(self, statement: str, rows: Sequence[Sequence[Any]] = ((),)) -> None:
        """Carry a statement out for each of the rows."""
        said = _said(statement, self._connections.schema)
        with translated(self._connections.name):
            if len(rows) == 1:
                self._cursor.execute(said, rows[0])
            else:
                self._cursor.executemany(said, rows)

    def exist(self) -> bool:
        """Whether there are such tables."""
        statement = (
            "SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            " WHERE nspname = ? AND relname = 'agenda_state'"
        )
        return bool(self.found(statement, self._connections.schema))

    def make(self) -> None:
        """Make the tables."""
        for statement in _MAKE:
            self.done(statement)

    def track(self, generation: int, position: int) -> None:
        """Note that a build has followed the log up to a position."""
        with translated(self._connections.name):
            self._tracker.track(self._cursor, Tracking(track_of(generation), position))

    def last_news(self) -> int:
        """The largest number that news were ever given."""
        ((last, is_called),) = self.found("SELECT last_value, is_called FROM @agenda_news_seq_seq")
        return int(last) if is_called else 0

    def new_generation(self, *values: Any) -> int:
        """Store a build; the answer is its number."""
        statement = (
            "INSERT INTO @agenda_generations (fingerprint, state, upto, total, done, mark, horizon)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"
        )
        ((generation,),) = self.found(statement, *values)
        return int(generation)


class PostgresAgenda:
    """Where the agenda of a log on PostgreSQL is kept."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.tracker = PostgresAgendaTracker(connections)
        self._seen = False

    def exists(self) -> bool:
        """Whether there are tables for it."""
        if not self._seen:
            with self.reading() as tables:
                self._seen = tables.exist()
        return self._seen

    @contextmanager
    def reading(self) -> Iterator[PostgresAgendaTables]:
        """Begin to read."""
        with (
            self._connections.get_connection() as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            cursor.execute(_BEGIN)
            yield PostgresAgendaTables(cursor, self.tracker, self._connections)
            cursor.execute(b"ROLLBACK")

    def within(self, writing: "Writing") -> PostgresAgendaTables:
        """The agenda's tables within a transaction that writes to the log."""
        return PostgresAgendaTables(writing.cursor, self.tracker, self._connections)  # type: ignore[attr-defined] # it is of the same store


@lru_cache(maxsize=1024)
def _said(statement: str, schema: str) -> bytes:
    """A statement as the server reads it."""
    plain = statement.replace("~client", "").replace("@", f"{Identifier(schema).as_string(None)}.")
    return plain.replace("?", "%s").encode()
