"""Connections to a SQLite log in the place of the library's pool, whose holes they close."""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from eventsourcing.sqlite import SQLiteDatastore

from ..errors import LogClosed, LogError, LogLocked, LogReplaced
from .sqlite_faults import primary_code, translated
from .sqlite_files import uri_of

CACHE_KIB = 64 * 1024
LOCK_TIMEOUT = 5.0
PAUSE = (0.0005, 0.003)
"""Seconds between two looks at a lock: about what a durable write takes."""

Durability = Literal["full", "normal"]


class Connections(SQLiteDatastore):
    """One connection that writes and as many as needed that read, in the place of the library's pool.

    Args:
        path: the file; `None` for a database in memory, which has a single connection.
        read_only: open the file without ever writing to it.
        lock_timeout: how long to wait for another writer, in seconds.
        durability: `full`: a commit survives the loss of power. `normal`: it survives that of the process.
    """

    def __init__(self, path: Path | None, *, read_only: bool, lock_timeout: float, durability: Durability) -> None:
        super().__init__(db_name=str(path or ":memory:"), originator_id_type="text")
        self.name = "the log in memory" if path is None else str(path)
        self.path = None if path is None else path.absolute()  # the program may change its folder
        self.read_only = read_only
        self._timeout = lock_timeout
        self._durability = durability
        self._pid = os.getpid()
        self._writer_lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._writer_only_reads = False
        self._idle_readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._closed = False
        self._identity = None if path is None else _identity(path)

    def transaction(self, *, commit: bool) -> Any:
        """A cursor in a transaction; the library's recorder takes it from here, too."""
        self._refuse_foreign_use()
        return self._writing(commit=commit) if commit or self.path is None else self._reading()

    @contextmanager
    def _writing(self, *, commit: bool) -> Iterator[sqlite3.Cursor]:
        # Ctrl-C may come after any call below: neither the lock nor a transaction may outlive it.
        try:
            if not self._writer_lock.acquire(timeout=self._timeout):
                raise LogLocked(f"{self.name} is being written by another thread; waited {self._timeout:g} s")
            self._refuse_foreign_use()
            self._refuse_replaced_file()
            with translated(self.name):
                writer = self._writer = self._writer or self._connect(writes=True)
                if writer.in_transaction and self._writer_only_reads and not commit:
                    with closing(writer.cursor()) as cursor:  # in memory, whoever reads may ask for more within
                        yield cursor
                    return
                if writer.in_transaction and self._writer_only_reads:
                    hint = "Leave the snapshot of the agenda first."
                    raise LogLocked(f"{self.name} is being read by this very thread", hint=hint)
                if writer.in_transaction:
                    hint = "Use the `appending` that is open, or leave it first."
                    raise LogLocked(f"{self.name} is being written by this very thread", hint=hint)
                cursor = writer.cursor()
                try:
                    self._begin(cursor, "BEGIN IMMEDIATE" if commit else "BEGIN")
                    self._writer_only_reads = not commit
                    yield cursor
                    cursor.execute("COMMIT" if commit else "ROLLBACK")
                except BaseException:
                    self._writer = None if self.path else writer  # a file's writer that is let go rolls back by itself
                    with suppress(sqlite3.Error):
                        cursor.execute("ROLLBACK")
                    self._writer = writer
                    raise
        finally:
            try:  # noqa: SIM105 - suppress() is one more call that could be interrupted
                self._writer_lock.release()
            except RuntimeError:  # it was not acquired
                pass

    def _begin(self, cursor: sqlite3.Cursor, statement: str) -> None:
        """Begin a transaction when no other program writes.

        SQLite's own waiting makes longer and longer pauses, so that of several busy writers one can wait for ever.
        """
        patient_until = time.monotonic() + self._timeout
        while True:
            try:
                cursor.execute(statement)
            except sqlite3.OperationalError as error:
                busy = primary_code(error) == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() >= patient_until:
                    raise
                time.sleep(random.uniform(*PAUSE))  # noqa: S311 - a pause, not a secret
            else:
                return

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Cursor]:
        self._refuse_replaced_file()
        with self._readers_lock:
            connection = self._idle_readers.pop() if self._idle_readers else None
        with translated(self.name):
            connection = connection or self._connect()
            try:
                with closing(connection.cursor()) as cursor:
                    yield cursor
            except BaseException:
                connection.close()
                raise
        with self._readers_lock:
            if not (self._closed or self._is_untouched()):
                self._idle_readers.append(connection)
                return
        connection.close()

    def _connect(self, *, writes: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._address(), uri=True, check_same_thread=False, isolation_level=None, timeout=self._timeout
        )
        try:
            connection.row_factory = sqlite3.Row
            if self.path is not None and not self.read_only:
                if writes:  # by now the file is known to be a log
                    connection.execute(
                        f"PRAGMA cache_size = -{CACHE_KIB}"
                    ).close()  # readers are slower with a large one
                    connection.execute("PRAGMA journal_mode = WAL").close()
                    connection.execute("PRAGMA busy_timeout = 0").close()  # `_begin` waits in its place
                connection.execute(f"PRAGMA synchronous = {self._durability}").close()
            connection.execute("PRAGMA secure_delete = ON").close()
        except BaseException:
            connection.close()
            raise
        return connection

    def _address(self) -> str:
        if self.path is None:
            return "file::memory:"
        if not self.read_only:
            return uri_of(self.path, "rw")
        return uri_of(self.path, "ro") + ("&immutable=1" if self._is_untouched() else "")

    def _is_untouched(self) -> bool:
        """Whether nobody writes to a file beside which we can't make the files that sharing it takes."""
        if self.path is None or not self.read_only:
            return False
        return not self.path.with_name(self.path.name + "-wal").exists() and not os.access(self.path.parent, os.W_OK)

    def _refuse_foreign_use(self) -> None:
        if self._pid != os.getpid():
            raise LogClosed(f"{self.name} was opened by the process that this one was forked from")
        if self._closed:
            raise LogClosed(f"{self.name} was closed")

    def _refuse_replaced_file(self) -> None:
        if self.path is not None and _identity(self.path) != self._identity:
            raise LogReplaced(f"{self.name} was deleted or replaced while it was open")

    def close(self) -> None:
        """Close all connections, after the write under way; the last one folds the write-ahead file into the log."""
        self._closed = True
        if self._pid != os.getpid():
            return
        with self._readers_lock:
            readers, self._idle_readers = self._idle_readers, []
        for connection in readers:
            connection.close()
        if not self._writer_lock.acquire(timeout=self._timeout):
            raise LogLocked(f"{self.name} is still being written by another thread; waited {self._timeout:g} s")
        try:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        finally:
            self._writer_lock.release()

    def __del__(self) -> None:
        with suppress(AttributeError, LogError, sqlite3.Error):
            self.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
