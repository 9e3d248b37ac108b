"""What PostgreSQL reports, as errors of ours that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ..errors import LogCorrupt, LogError, LogFull, LogLocked, LogReadOnly, LogReplaced, LogUnavailable

WRITABLE = "Connect to the server that takes writes, as a user who may write."
_REOPEN = "Open the log again, after checking what happened to its schema."

_BY_STATE: dict[str, tuple[type[LogError], str, str | None]] = {
    "25006": (LogReadOnly, "can't be written", WRITABLE),
    "25P03": (LogUnavailable, "was idle in a transaction for too long", "Record in smaller steps."),
    "3F000": (LogReplaced, "is no longer there", _REOPEN),
    "40001": (LogLocked, "is locked by another program", None),
    "40P01": (LogLocked, "is locked by another program", None),
    "42501": (LogError, "may not be used by this user", "Grant the user the rights on the log's schema and tables."),
    "42P01": (LogReplaced, "is no longer there", _REOPEN),
    "53100": (LogFull, "has no room left on its server's disk", None),
    "55P03": (LogLocked, "is locked by another program", None),
    "57014": (LogLocked, "took longer than its server allows", None),
    "XX001": (LogCorrupt, "is damaged", None),
    "XX002": (LogCorrupt, "is damaged", None),
}
_BY_CLASS: dict[str, tuple[type[LogError], str, str | None]] = {
    "08": (LogUnavailable, "can't be reached", None),
    "23": (LogCorrupt, "contradicts itself", None),
    "28": (LogUnavailable, "can't be reached", None),
    "53": (LogUnavailable, "can't be reached", None),
    "57": (LogUnavailable, "can't be reached", None),
}
_LOST = (LogUnavailable, "can't be reached", None)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise what psycopg raises within as a `LogError` about the log of this name."""
    try:
        yield
    except psycopg.Error as error:
        raise as_log_error(error, name) from error


def as_log_error(error: psycopg.Error, name: str) -> LogError:
    """What went wrong with the log of this name; a connection that is lost makes a `LogUnavailable`."""
    state = error.sqlstate
    if state is not None:
        cls, what, hint = _BY_STATE.get(state) or _BY_CLASS.get(state[:2], (LogError, "failed", None))
    elif isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        cls, what, hint = _LOST
    else:
        cls, what, hint = LogError, "failed", None
    return cls(f"{name} {what} ({in_one_line(error)})", hint=hint)


def in_one_line(error: psycopg.Error) -> str:
    """The server's words, or the driver's; neither quotes a password."""
    return " ".join((error.diag.message_primary or str(error)).split())
