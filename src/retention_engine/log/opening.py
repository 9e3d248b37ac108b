"""Opening a log by its address: a SQLite file, a PostgreSQL server, or memory."""

from pathlib import Path
from typing import Any

from ..errors import LogError
from ..kinds import KINDS, Kinds
from .address import MEMORY, POSTGRES, SQLITE
from .event_log import Clock, EventLog, utc_now
from .store import Store


def open_log(address: str, *, kinds: Kinds = KINDS, clock: Clock = utc_now, **options: Any) -> EventLog:
    """Open an existing log; `memory://` is a new one, which goes with the program.

    Args:
        address: `sqlite:///clients.db` (relative), `sqlite:////var/lib/clients.db` (absolute),
            `postgresql://user@host/database`, or `memory://`.
        kinds: the kinds of event that may be recorded and read.
        clock: stamps `recorded_at`.
        options: `read_only`, `lock_timeout` (seconds) and `durability` (`full` or `normal`); for PostgreSQL `schema`, too.

    Raises:
        LogError: there is no such log, or it can't be opened.
    """
    return EventLog(_store(address, create=False, **options), kinds=kinds, clock=clock)


def create_log(address: str, *, kinds: Kinds = KINDS, clock: Clock = utc_now, **options: Any) -> EventLog:
    """Make a log and open it; where there is one already, bring its tables up to date and open it.

    Raises:
        LogError: something else stands there, or it can't be made.
    """
    return EventLog(_store(address, create=True, **options), kinds=kinds, clock=clock)


def _store(address: str, *, create: bool, **options: Any) -> Store:
    from .sqlite import SQLiteStore

    if "\0" in address:
        raise LogError("a log's address holds no NUL character")
    if address.startswith(MEMORY):
        return SQLiteStore(None, **options)
    if address.startswith(SQLITE):
        path = Path(address.removeprefix(SQLITE).removeprefix("/"))
        return SQLiteStore.create(path, **options) if create else SQLiteStore(path, **options)
    if address.startswith(POSTGRES):
        try:
            from .postgres import PostgresStore
        except ImportError as error:
            hint = 'Install it: pip install "retention-engine[postgres]".'
            raise LogError(f"a log on PostgreSQL needs psycopg ({error})", hint=hint) from error

        return PostgresStore(address, create=create, **options)
    raise LogError(
        f"{address!r} is no log's address", hint="Write sqlite:///clients.db or postgresql://user@host/database."
    )
