"""What SQLite reports, as errors of ours that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.persistence import PersistenceError

from ..errors import LogClosed, LogCorrupt, LogError, LogFull, LogLocked, LogReadOnly, NotALog

_BY_CODE: dict[int, tuple[type[LogError], str]] = {
    sqlite3.SQLITE_BUSY: (LogLocked, "is locked by another program"),
    sqlite3.SQLITE_LOCKED: (LogLocked, "is locked by another program"),
    sqlite3.SQLITE_FULL: (LogFull, "has no room left on its disk"),
    sqlite3.SQLITE_PROTOCOL: (LogLocked, "is locked by another program"),
    sqlite3.SQLITE_IOERR: (LogFull, "can't be written; the disk is full, a limit is reached or the device fails"),
    sqlite3.SQLITE_IOERR_READ: (LogCorrupt, "can't be read; the device fails"),
    sqlite3.SQLITE_IOERR_SHORT_READ: (LogCorrupt, "ends early"),
    sqlite3.SQLITE_READONLY: (LogReadOnly, "can't be written"),
    sqlite3.SQLITE_PERM: (LogReadOnly, "can't be written"),
    sqlite3.SQLITE_CANTOPEN: (LogReadOnly, "can't be opened"),
    sqlite3.SQLITE_CORRUPT: (LogCorrupt, "is damaged"),
    sqlite3.SQLITE_CONSTRAINT: (LogCorrupt, "contradicts itself"),
    sqlite3.SQLITE_NOTADB: (NotALog, "is no SQLite database"),
    sqlite3.SQLITE_MISUSE: (LogClosed, "was closed"),
}
_PRIMARY = 0xFF


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise what SQLite and the library raise within as a `LogError` about the log of this name."""
    try:
        yield
    except sqlite3.Error as error:
        raise _as_log_error(error, name) from error
    except PersistenceError as error:
        cause = error.__cause__
        if not isinstance(cause, sqlite3.Error) or isinstance(cause, sqlite3.IntegrityError):
            raise
        raise _as_log_error(cause, name) from cause
    except UnicodeDecodeError as error:  # SQLite's message quotes what is damaged
        raise LogCorrupt(f"{name} is damaged (a text in it is not UTF-8)") from error
    except OverflowError:
        raise LogError(f"{name} knows no position as large as this", hint="Use a position that the log gave.") from None


def primary_code(error: sqlite3.Error) -> int | None:
    """What kind of error SQLite reports, without the details that its longer codes add; `None` for Python's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY


def _as_log_error(error: sqlite3.Error, name: str) -> LogError:
    primary = primary_code(error)
    if primary is not None:
        cls, what = _BY_CODE.get(error.sqlite_errorcode) or _BY_CODE.get(primary, (LogError, "failed"))
    elif isinstance(error, sqlite3.ProgrammingError):
        cls, what = LogClosed, "was closed"
    else:  # Python's own complaint about a text that is not UTF-8
        cls, what = LogCorrupt, "is damaged"
    return cls(f"{name} {what} ({error})")
