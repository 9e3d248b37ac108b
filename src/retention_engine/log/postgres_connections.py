"""Connections to a log on a PostgreSQL server: few, without threads of their own, and given back after each use."""

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Literal
from urllib.parse import unquote

import attrs
import psycopg
from psycopg import Connection, Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, TupleRow, dict_row, tuple_row

from ..errors import LogClosed, LogError, LogLocked, LogReadOnly, LogUnavailable, OutcomeUnknown
from .postgres_faults import WRITABLE, as_log_error, in_one_line, translated
from .postgres_library import PostgresDatastore

Durability = Literal["full", "normal"]

DEFAULT_SCHEMA = "retention"
MOST_READERS = 10
LOCK_TIMEOUT = 5.0
IDLE_TIMEOUT = "60s"
"""After so long in a transaction without a word the server ends it: a writer that hangs must not stop all others."""

_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_DEFAULTS = {
    "connect_timeout": "10",
    "fallback_application_name": "retention-engine",
    "keepalives_idle": "60",
    "tcp_user_timeout": "60000",
}
_SETTINGS = (
    "SELECT set_config('lock_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false),"
    " set_config('default_transaction_read_only', coalesce(%s, current_setting('default_transaction_read_only')), false),"
    # A server may be set to acknowledge commits that are not on its disk yet; a log should not.
    " set_config('synchronous_commit', coalesce(%s, nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)"
)
_FORM = "write postgresql://user@host:5432/database, where needed with ?schema=name, and special characters as %40"


@attrs.frozen
class Place:
    """Where a log is.

    Attributes:
        name: the address as messages show it, without user and password.
        schema: the schema that holds the log's tables.
        parameters: what psycopg is to connect with.
    """

    name: str
    schema: str
    parameters: Mapping[str, Any] = attrs.field(repr=False)


def place_of(address: str, schema: str | None = None) -> Place:
    """Read an address such as `postgresql://user@host/database?schema=retention`.

    All but `schema` is read as psycopg reads it; what the address leaves out, such as the password, is looked up in the
    places where PostgreSQL's programs look.

    Raises:
        LogError: the address can't be read; it is not shown, since it may hold a password.
    """
    base, _, query = address.partition("?")
    options = query.split("&") if query else []
    for option in options:
        if option.startswith("schema="):
            schema = schema or unquote(option.removeprefix("schema="))
    schema = DEFAULT_SCHEMA if schema is None else schema
    if not _SCHEMA.fullmatch(schema):
        raise LogError(f"{schema!r} can't be a log's schema; use letters, digits and _, at most 63 of them")
    rest = "&".join(option for option in options if not option.startswith("schema="))
    try:
        given = conninfo_to_dict(f"{base}?{rest}" if rest else base)
    except UnicodeError:
        raise LogError(f"the address of the log can't be read; {_FORM}") from None
    except psycopg.Error as error:
        reason = "" if "@" in address or "password" in address else f" ({in_one_line(error)})"
        raise LogError(f"the address of the log can't be read{reason}; {_FORM}") from None
    host, port, database = (str(given.get(part) or "") for part in ("host", "port", "dbname"))
    if "@" in database or not re.fullmatch(r"[\d,]*", port, re.ASCII):  # a password with a / in it was torn apart
        raise LogError(f"the address of the log can't be read; {_FORM}")
    where = f"{host}:{port}" if port else host
    name = (
        f"postgresql:///{database}?host={where}&schema="
        if host.startswith("/")
        else f"postgresql://{where}/{database}?schema="
    )
    return Place(name + schema, schema, _DEFAULTS | given | {"client_encoding": "UTF8"})


class Connections(PostgresDatastore):
    """One connection that writes and a few that read, in the place of the library's pool.

    Args:
        place: where the log is.
        read_only: have the server refuse to write.
        lock_timeout: how long to wait for another writer, in seconds.
        durability: `full`: a commit is on the server's disk. `normal`: the server may lose the last ones if it crashes.
    """

    def __init__(self, place: Place, *, read_only: bool, lock_timeout: float, durability: Durability) -> None:
        super().__init__("", "", "", "", "", originator_id_type="text", schema=place.schema)  # its pool is never opened
        self.name = place.name
        self.read_only = read_only
        self._parameters = place.parameters
        self._timeout = lock_timeout
        self._settings = (
            f"{max(1, round(lock_timeout * 1000))}ms",
            IDLE_TIMEOUT,
            "on" if read_only else None,
            "off" if durability == "normal" else None,
        )
        self._pid = os.getpid()
        self._closed = False
        self._idle: list[Connection[DictRow]] = []
        self._idle_lock = threading.Lock()
        self._turns: SimpleQueue[None] = SimpleQueue()  # a semaphore's own lock can be lost to a Ctrl-C
        for _ in range(MOST_READERS):
            self._turns.put(None)
        self._writing = threading.RLock()
        self._writer: int | None = None

    def register_type_adapters(self) -> None:
        """Do nothing: the log has no types of its own."""

    @contextmanager
    def get_connection(self) -> Iterator[Connection[DictRow]]:
        """A connection to read with; the library's recorder takes it from here, too."""
        self._refuse_foreign_use()
        try:
            self._turns.get(timeout=self._timeout)
        except Empty:
            what = f"{self.name} is being read by {MOST_READERS} threads; waited {self._timeout:g} s"
            raise LogLocked(what) from None
        try:
            with self._taken() as connection, translated(self.name):
                yield connection
        finally:
            self._turns.put(None)

    def fetch(self, statement: bytes, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement finds."""
        with self.get_connection() as connection, _plain_cursor(connection) as cursor:
            return cursor.execute(statement, values).fetchall()

    @contextmanager
    def writing(self, begin: bytes) -> Iterator[Cursor[TupleRow]]:
        """A transaction that is committed in the end, or undone where anything is raised.

        Args:
            begin: the statements that begin it; the rows of the last one can be fetched.

        Raises:
            LogReadOnly: the log was opened for reading only, or its user may not write.
            LogLocked: another thread is writing.
            OutcomeUnknown: the connection was lost while the transaction was being committed.
        """
        self._refuse_foreign_use()
        if self.read_only:
            raise LogReadOnly(f"{self.name} was opened for reading only", hint="Open it without `read_only`.")
        me = threading.get_ident()
        if self._writer == me:
            hint = "Use the `appending` that is open, or leave it first."
            raise LogLocked(f"{self.name} is being written by this very thread", hint=hint)
        # Ctrl-C may come after any call below: the lock may not outlive it.
        try:
            if not self._writing.acquire(timeout=self._timeout):
                raise LogLocked(f"{self.name} is being written by another thread; waited {self._timeout:g} s")
            self._writer = me
            with self._taken() as connection, _plain_cursor(connection) as cursor:
                with translated(self.name):
                    try:
                        cursor.execute(begin, prepare=False, binary=False)  # several statements at once come as text
                    except InsufficientPrivilege as error:
                        raise LogReadOnly(
                            f"{self.name} can't be written ({in_one_line(error)})", hint=WRITABLE
                        ) from error
                while cursor.nextset():
                    pass
                yield cursor
                self._commit(connection)
        finally:
            if self._writer == me:
                self._writer = None
            try:  # noqa: SIM105 - suppress() is one more call that could be interrupted
                self._writing.release()
            except RuntimeError:  # it was not acquired
                pass

    def _commit(self, connection: Connection[DictRow]) -> None:
        try:
            done = connection.execute("COMMIT", prepare=False).statusmessage
        except psycopg.Error as error:
            failure = as_log_error(error, self.name)
            if isinstance(failure, LogUnavailable):
                what = f"{self.name} lost the connection while it was committing ({in_one_line(error)})"
                raise OutcomeUnknown(what) from error
            raise failure from error
        if done != "COMMIT":  # a statement failed, and whoever sent it went on all the same
            raise LogError(f"{self.name} stored nothing, since a step of the write had failed", hint="Try again.")

    @contextmanager
    def _taken(self) -> Iterator[Connection[DictRow]]:
        connection = self._alive() or self._connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _alive(self) -> Connection[DictRow] | None:
        """An idle connection that the server has not ended meanwhile."""
        self._refuse_foreign_use()
        with self._idle_lock:
            while self._idle:
                connection = self._idle.pop()
                if not _has_word(connection):
                    return connection
                connection.close()
        return None

    def _give_back(self, connection: Connection[DictRow]) -> None:
        if self._pid != os.getpid():
            return
        if connection.info.transaction_status != TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
        with self._idle_lock:
            if not self._closed and connection.info.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def connect(self) -> Connection[DictRow]:
        """A connection of the caller's own, to be closed by it."""
        self._refuse_foreign_use()
        return self._connect()

    def _connect(self) -> Connection[DictRow]:
        try:
            connection = Connection.connect(**self._parameters, autocommit=True, row_factory=dict_row)
        except (psycopg.Error, OSError, UnicodeError) as error:
            reason = in_one_line(error) if isinstance(error, psycopg.Error) else str(error)
            raise LogUnavailable(f"{self.name} can't be reached ({reason})") from error
        try:
            with translated(self.name):
                connection.execute(_SETTINGS, self._settings)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_foreign_use(self) -> None:
        if self._pid != os.getpid():
            raise LogClosed(f"{self.name} was opened by the process that this one was forked from")
        if self._closed:
            raise LogClosed(f"{self.name} was closed")

    def close(self) -> None:
        """Close all connections; one that is in use is closed after that."""
        self._closed = True
        if self._pid != os.getpid():
            return
        with self._idle_lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        with suppress(AttributeError, psycopg.Error):
            self.close()


def _plain_cursor(connection: Connection[DictRow]) -> Cursor[TupleRow]:
    """A cursor whose rows are tuples, with bytes that were sent as such."""
    return connection.cursor(row_factory=tuple_row, binary=True)


def _has_word(connection: Connection[DictRow]) -> bool:
    """Whether there is something to be read from an idle connection: it can't be but the server's last word."""
    with DefaultSelector() as waiting:
        waiting.register(connection.pgconn.socket, EVENT_READ)
        return bool(waiting.select(0))
