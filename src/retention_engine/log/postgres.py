"""The log on a PostgreSQL server: the library's recorder on tables and connections that close its holes."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, LiteralString, NoReturn, get_args

import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent
from psycopg import Cursor
from psycopg.rows import TupleRow

from ..errors import LogError, LogLocked, LogReplaced
from .postgres_agenda import TEXTS, PostgresAgenda
from .postgres_connections import LOCK_TIMEOUT, Connections, Durability, place_of
from .postgres_faults import translated
from .postgres_library import PostgresApplicationRecorder
from .postgres_schema import READ_STAMP, in_schema, make_tables, read_stamp, refuse_too_new
from .rows import Columns, Key, Known, Row, checksum
from .store import Head

# The lock makes writers wait for each other, so that positions are given in the order of the commits and nothing changes
# between a look and a write. It is on a table of one row: one on the events would wait for their vacuum, and stop it.
_BEGIN: LiteralString = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; LOCK TABLE {schema}.log_counts IN EXCLUSIVE MODE; " + READ_STAMP
)
_VACUUMS = 3
_BETWEEN_VACUUMS = 0.2
_NEVER_REACHED = "the server's write-ahead log until it is recycled"


class _Statements:
    """What is asked of the tables of one schema."""

    def __init__(self, schema: str) -> None:
        def said(statement: LiteralString) -> bytes:
            return in_schema(statement, schema)

        self.begin = said(_BEGIN)
        self.client = said(
            "SELECT {columns} FROM {schema}.stored_events WHERE originator_id = %s ORDER BY originator_version"
        )
        self.page = said(
            "SELECT {columns} FROM {schema}.stored_events"
            " WHERE (originator_id, originator_version) > (%s, %s) AND notification_id <= %s"
            " ORDER BY originator_id, originator_version LIMIT %s"
        )
        self.page_until = said(
            "SELECT {columns} FROM {schema}.stored_events"
            " WHERE (originator_id, originator_version) > (%s, %s) AND notification_id <= %s AND originator_id <= %s"
            " ORDER BY originator_id, originator_version LIMIT %s"
        )
        self.sizes = said(
            "SELECT originator_id, count(*) FROM {schema}.stored_events"
            " WHERE originator_id > %s AND notification_id <= %s"
            " GROUP BY originator_id ORDER BY originator_id LIMIT %s"
        )
        self.tail = said(
            "SELECT {columns} FROM {schema}.stored_events WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
        )
        self.head = said("SELECT coalesce(max(notification_id), 0) FROM {schema}.stored_events")
        self.heads = said(
            "SELECT client, originator_version, notification_id FROM unnest(%s::text[]) AS asked (client)"
            " CROSS JOIN LATERAL (SELECT originator_version, notification_id FROM {schema}.stored_events"
            " WHERE originator_id = client ORDER BY originator_version DESC LIMIT 1) AS last"
        )
        self.known = said(
            "SELECT originator_id, name, digest, position FROM {schema}.event_keys"
            " JOIN unnest(%s::text[], %s::text[]) AS asked (client, key) ON originator_id = client AND name = key"
        )
        self.keys_of = said(
            "SELECT name, digest, position FROM {schema}.event_keys WHERE originator_id = %s ORDER BY name"
        )
        self.insert = said(
            "WITH stored AS ("
            " INSERT INTO {schema}.stored_events (originator_id, originator_version, topic, state, checksum)"
            " SELECT client, version, kind, state, sum"
            " FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[]) WITH ORDINALITY"
            " AS row (client, version, kind, state, sum, place) ORDER BY place"
            " RETURNING originator_id, originator_version, notification_id),"
            " counted AS (UPDATE {schema}.log_counts SET appended = appended + (SELECT count(*) FROM stored)),"
            " known AS ("
            " INSERT INTO {schema}.event_keys (originator_id, name, digest, position)"
            " SELECT originator_id, name, digest, notification_id"
            " FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bytea[]) AS key (client, version, name, digest)"
            " JOIN stored ON originator_id = client AND originator_version = version)"
            " SELECT notification_id FROM stored ORDER BY notification_id"
        )
        self.rewrite = said(
            "UPDATE {schema}.stored_events AS old SET state = new.state, checksum = sum"
            " FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS new (position, state, sum)"
            " WHERE notification_id = position"
        )
        self.rewrite_keys = said(
            "UPDATE {schema}.event_keys AS key SET digest = new.digest"
            " FROM unnest(%s::bigint[], %s::bytea[]) AS new (place, digest)"
            " WHERE originator_id = %s AND position = place"
        )
        self.count = said(
            "SELECT (SELECT count(*) FROM {schema}.stored_events), (SELECT appended FROM {schema}.log_counts)"
        )
        self.position_given = said(
            "SELECT max(last_value), max(notification_id) FROM pg_sequences CROSS JOIN {schema}.stored_events"
            " WHERE schemaname = %s AND sequencename = 'stored_events_notification_id_seq'"
        )
        self.vacuum = {
            table: said(statement)
            for table, statement in (
                ("stored_events", "VACUUM (FULL, VERBOSE) {schema}.stored_events"),
                ("event_keys", "VACUUM (FULL, VERBOSE) {schema}.event_keys"),
            )
        }
        self.vacuum_agenda = {table: said(f"VACUUM (FULL, VERBOSE) {{schema}}.{table}") for table in TEXTS}


class PostgresEventRecorder(PostgresApplicationRecorder):
    """The library's recorder on tables that have a checksum an event; it makes no tables, and notifies nobody."""

    datastore: Connections

    def __init__(self, datastore: Connections, statements: _Statements) -> None:
        super().__init__(datastore)
        self._said = statements

    def create_table(self) -> None:
        """Make the tables of a log."""
        make_tables(self.datastore)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Store events; the answer is their positions."""
        if not stored_events:
            return []
        rows = [Row(0, str(s.originator_id), s.originator_version, s.topic, s.state, b"") for s in stored_events]
        with self.datastore.writing(self._said.begin) as cursor, translated(self.datastore.name):
            try:
                return insert_rows(cursor, self._said, [row._replace(checksum=checksum(*row[1:5])) for row in rows], [])
            except psycopg.IntegrityError as error:
                raise IntegrityError(str(error)) from error

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:
        """Refuse: what waits to be notified misses what was notified while it did not listen."""
        raise NotImplementedError("ask for what lies behind a position, again and again")


def insert_rows(
    cursor: Cursor[TupleRow], said: _Statements, rows: Sequence[Row], keys: Sequence[tuple[int, Key, bytes]]
) -> list[int]:
    """Store rows and their keys, in one statement; the answer is the rows' positions."""
    _, *columns = map(list, zip(*rows, strict=True))
    named = [(key.client, rows[index].version, key.name, digest) for index, key, digest in keys]
    values = [*columns, *(map(list, zip(*named, strict=True)) if named else ([], [], [], []))]
    return [position for (position,) in cursor.execute(said.insert, values).fetchall()]


class PostgresWriting:
    """A write transaction on a PostgreSQL log."""

    def __init__(self, cursor: Cursor[TupleRow], statements: _Statements, name: str) -> None:
        self.cursor = cursor
        self._said = statements
        self._name = name

    def _found(self, statement: bytes, *values: Any) -> list[tuple[Any, ...]]:
        with translated(self._name):
            return self.cursor.execute(statement, values).fetchall()

    def _done(self, statement: bytes, *values: Any) -> None:
        with translated(self._name):
            self.cursor.execute(statement, values)

    def heads(self, clients: Iterable[str]) -> dict[str, Head]:
        """Where the histories of these clients end."""
        return {client: Head(*head) for client, *head in self._found(self._said.heads, list(clients))}

    def known(self, keys: Sequence[Key]) -> dict[Key, Known]:
        """What the log knows by these keys."""
        if not keys:
            return {}
        found = self._found(self._said.known, [key.client for key in keys], [key.name for key in keys])
        return {Key(client, name): Known(*known) for client, name, *known in found}

    def insert(self, rows: Sequence[Row], keys: Sequence[tuple[int, Key, bytes]]) -> list[int]:
        """Store rows and their keys."""
        with translated(self._name):
            return insert_rows(self.cursor, self._said, rows, keys)

    def rows(self, client: str) -> list[Row]:
        """A client's rows."""
        return [Row(*row) for row in self._found(self._said.client, client)]

    def tail(self, after: int, limit: int) -> list[Row]:
        """Rows by position."""
        return [Row(*row) for row in self._found(self._said.tail, after, limit)]

    def rewrite(self, client: str, rows: Sequence[Row], digests: Mapping[int, bytes]) -> None:
        """Put redacted rows in the place of a client's own, and their digests in its keys."""
        positions, states, checksums = map(list, zip(*((r.position, r.state, r.checksum) for r in rows), strict=True))
        self._done(self._said.rewrite, positions, states, checksums)
        self._done(self._said.rewrite_keys, list(digests), list(digests.values()), client)


class PostgresStore:
    """A log's rows in one schema of a PostgreSQL database.

    Args:
        address: `postgresql://user@host:5432/database`, where needed with `?schema=name`.
        create: make the log where there is none.
        schema: the schema that holds the log, in the place of the one in the address; `retention` where neither says.
        read_only: have the server refuse to write.
        lock_timeout: how long to wait for another writer, in seconds.
        durability: `full`: a commit is on the server's disk. `normal`: the server may lose the last ones if it crashes.
    """

    def __init__(
        self,
        address: str,
        *,
        create: bool = False,
        schema: str | None = None,
        read_only: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
        durability: Durability = "full",
    ) -> None:
        if durability not in get_args(Durability):
            raise LogError(f"{durability!r} is no durability", hint="It is 'full' or 'normal'.")
        place = place_of(address, schema)
        self.name = place.name
        self._said = _Statements(place.schema)
        self._connections = Connections(place, read_only=read_only, lock_timeout=lock_timeout, durability=durability)
        self._recorder = PostgresEventRecorder(self._connections, self._said)
        self._agenda = PostgresAgenda(self._connections)
        try:
            if create:
                make_tables(self._connections)
            self._log_id = read_stamp(self._connections).log_id
        except BaseException:
            self.close()
            raise

    @property
    def recorder(self) -> PostgresEventRecorder:
        """The library's recorder on the same tables."""
        return self._recorder

    @property
    def agenda(self) -> PostgresAgenda:
        """Where the log's agenda is kept."""
        return self._agenda

    @contextmanager
    def writing(self) -> Iterator[PostgresWriting]:
        """Begin to write."""
        with self._connections.writing(self._said.begin) as cursor:
            with translated(self.name):
                stamps = cursor.fetchall()
            for version, _ in stamps:
                refuse_too_new(self.name, int(version))
            if [log_id for _, log_id in stamps] != [self._log_id]:
                hint = "Open the log again, after checking what happened to its schema."
                raise LogReplaced(f"{self.name} was replaced while it was open", hint=hint)
            yield PostgresWriting(cursor, self._said, self.name)

    def client(self, client: str) -> list[Row]:
        """A client's rows in the order of their versions."""
        return [Row(*row) for row in self._connections.fetch(self._said.client, (client,))]

    def page(self, after: tuple[str, int], upto: int, limit: int, until: str | None = None) -> list[Columns]:
        """Rows by client and version."""
        if until is None:
            return self._select(self._said.page, *after, upto, limit)
        return self._select(self._said.page_until, *after, upto, until, limit)

    def sizes(self, after: str, upto: int, limit: int) -> list[tuple[str, int]]:
        """Clients with the number of their events."""
        return self._select(self._said.sizes, after, upto, limit)

    def tail(self, after: int, limit: int) -> list[Row]:
        """Rows by position."""
        return [Row(*row) for row in self._select(self._said.tail, after, limit)]

    def _select(self, statement: bytes, *values: Any) -> list[Any]:
        return self._connections.fetch(statement, values)

    def head(self) -> int:
        """The last position."""
        ((position,),) = self._connections.fetch(self._said.head)
        return int(position)

    def known(self, key: Key) -> Known | None:
        """What the log knows by a key."""
        found = self._connections.fetch(self._said.known, ([key.client], [key.name]))
        return Known(*found[0][2:]) if found else None

    def keys_of(self, client: str) -> list[tuple[Key, Known]]:
        """A client's keys."""
        found = self._connections.fetch(self._said.keys_of, (client,))
        return [(Key(client, name), Known(digest, position)) for name, digest, position in found]

    def count(self) -> tuple[int, int]:
        """How many events there are, and how many were ever stored."""
        ((here, appended),) = self._connections.fetch(self._said.count)
        return here, appended

    def problems(self) -> Iterator[str]:
        """Whether the next position lies behind the last one, as it may not after a restore that was cut short."""
        ((given, last),) = self._connections.fetch(self._said.position_given, (self._connections.schema,))
        if given is not None and last is not None and given < last:
            yield f"the last event stands at {last}, and positions were given up to {given} only"

    def scrub(self) -> list[str]:
        """Have the server write its tables anew, without what redaction has replaced.

        A plain vacuum would only mark the old rows' room as free, and leave their bytes in it.
        """
        statements = self._said.vacuum | (self._said.vacuum_agenda if self._agenda.exists() else {})
        unreached = [what for table, it in statements.items() if (what := self._left_by_vacuum(table, it))]
        return [*unreached, _NEVER_REACHED]

    def _left_by_vacuum(self, table: str, vacuum: bytes) -> str:
        """What is left of replaced rows in a table's file, after it was written anew; empty where nothing is."""
        where = f"the old rows of {self.name} in the table {table}"
        told: list[str] = []
        try:
            with translated(self.name), closing(self._connections.connect()) as connection:
                connection.add_notice_handler(lambda notice: told.append(notice.message_detail or ""))
                connection.execute("SET statement_timeout = 0")
                for _ in range(_VACUUMS):
                    connection.execute(vacuum)
                    kept = _kept(told)
                    if kept == 0:
                        return ""
                    if kept is None:
                        return f"{where}, which this user may not have written anew: forget as the owner of the tables"
                    told.clear()
                    time.sleep(_BETWEEN_VACUUMS)
        except LogLocked:
            return f"{where}, which is in use: forget again when nobody reads it"
        except LogError as error:
            return f"{where}: {error}"
        return f"{where}, which another transaction may still look at: end it, and forget again"

    def backup(self, path: Path) -> NoReturn:
        """Refuse: PostgreSQL has tools of its own.

        Raises:
            LogError: always.
        """
        what = f"{self.name} is backed up by PostgreSQL's own tools"
        schema = self._connections.schema
        raise LogError(what, hint=f"Run `pg_dump --format=custom --schema={schema} --file={path} DATABASE`.")

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _kept(told: Iterable[str]) -> int | None:
    """How many replaced rows a vacuum had to keep, by the first number of what it tells; `None` where it did nothing."""
    for detail in told:
        if number := re.search(r"\d+", detail):
            return int(number[0])
    return None
