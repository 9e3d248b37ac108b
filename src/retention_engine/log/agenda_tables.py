"""The agenda's tables beside a log, in the words that SQLite and PostgreSQL share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from ..errors import LogTooNew
from .agenda_rows import (
    ACTIVE,
    BEGINNING,
    BUILDING,
    FOREVER,
    RETIRED,
    ActionRow,
    ClientRows,
    FailureRow,
    Generation,
    NewsRow,
    SpellRow,
    State,
    by_client,
)
from .store import Writing

VERSION = 1
"""The version of the tables; tables of an earlier one are thrown away, since all that they hold follows from the log."""

TABLES = ("state", "generations", "tracking", "spells", "actions", "failures", "forgotten", "news")
NOTHING_SAID = b"[[],[]]"
_EMPTIED: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "spells": ("because = ?", (NOTHING_SAID,)),
    "actions": ("message = '', owner = '', about = NULL", ()),
    "failures": ("cause = ''", ()),
}
"""What is left of rows with text about a client who is forgotten."""

_SPELL = "client, starts, until, status, before, is_past, because"
_ACTION = "client, opens, closes, due, id, rule, about, message, owner, because"
_FAILURE = "client, starts, until, rule, cause"
_NEWS = "seq, id, client, at, before, after, because, position"
_COLUMNS = {"spells": _SPELL, "actions": _ACTION, "failures": _FAILURE}
_ORDER = {"spells": "starts", "actions": "due, id, opens", "failures": "rule, starts"}
_OF_CLIENT = {"spells": "@agenda_spells~client", "actions": "@agenda_actions~client", "failures": "@agenda_failures"}
"""The tables where they are looked at for a client."""

_KEYS = {"spells": "starts, client", "actions": "due, client, id, opens", "failures": "client, rule, starts"}


def _put(table: str) -> str:
    """The statement that stores a row of a table in the place of the one with its key."""
    columns, keys = _COLUMNS[table].split(", "), _KEYS[table].split(", ")
    places = ", ".join("?" for _ in columns)
    values = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keys)
    return (
        f"INSERT INTO @agenda_{table} (generation, {_COLUMNS[table]}) VALUES (?, {places})"  # noqa: S608 - names of ours
        f" ON CONFLICT (generation, {_KEYS[table]}) DO UPDATE SET {values}"
    )


def _drop(table: str) -> str:
    """The statement that removes a row of a table by its key."""
    keys = " AND ".join(f"{key} = ?" for key in _KEYS[table].split(", "))
    return f"DELETE FROM @agenda_{table} WHERE generation = ? AND {keys}"  # noqa: S608 - names of ours


_PUT = {table: _put(table) for table in _COLUMNS}
_DROP = {table: _drop(table) for table in _COLUMNS}
_STATE = (
    "SELECT state.epoch, state.told, EXISTS (SELECT 1 FROM @agenda_forgotten WHERE generation ="
    " (SELECT id FROM @agenda_generations WHERE state = 'active')),"
    " made.id, made.fingerprint, made.state, made.upto, made.total, made.done, made.mark, made.horizon,"
    " track.notification_id FROM @agenda_state AS state LEFT JOIN @agenda_generations AS made ON 1 = 1"
    " LEFT JOIN @agenda_tracking AS track ON track.application_name = 'agenda ' || made.id"
    " WHERE state.one = 1 ORDER BY made.id"
)
"""It says that there is one state: without statistics PostgreSQL would reckon with so many rows that it compiles the query."""


class AgendaTables(ABC):
    """The agenda's tables within one transaction: reads see one state of them, writes are all stored or none."""

    @abstractmethod
    def found(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a statement finds.

        Args:
            statement: `?` stands for a value, `@` before the name of a table; `~client` behind that says that it is to be
                looked up by client, which SQLite, without statistics, thinks to be no better than reading a whole build.
            values: the values.
        """

    @abstractmethod
    def done(self, statement: str, rows: Sequence[Sequence[Any]] = ((),)) -> None:
        """Carry a statement out for each of the rows."""

    @abstractmethod
    def exist(self) -> bool:
        """Whether there are such tables."""

    @abstractmethod
    def make(self) -> None:
        """Make the tables; there are none."""

    @abstractmethod
    def track(self, generation: int, position: int) -> None:
        """Note that a build has followed the log up to a position, which is larger than the last one."""

    @abstractmethod
    def new_generation(self, *values: Any) -> int:
        """Store a build; the answer is its number."""

    # What there is.

    def ensure(self, name: str) -> None:
        """Make the tables where there are none, or those of an earlier version.

        Raises:
            LogTooNew: they are of a version yet to come.
        """
        if self.exist():
            if self.is_current(name):
                return
            for table in TABLES:
                self.done(f"DROP TABLE @agenda_{table}")
        self.make()
        self.done("INSERT INTO @agenda_state VALUES (1, ?, 0, NULL)", [(VERSION,)])

    def is_current(self, name: str) -> bool:
        """Whether the tables that there are, are of this version.

        Raises:
            LogTooNew: they are of a version yet to come.
        """
        ((version,),) = self.found("SELECT version FROM @agenda_state")
        if version > VERSION:
            raise LogTooNew(f"the agenda of {name} has version {version}; this version reads up to {VERSION}")
        return bool(version == VERSION)

    def state(self) -> State:
        """How the agenda stands."""
        rows = self.found(_STATE)
        epoch, told, forgotten = rows[0][:3]
        return State(epoch, told, bool(forgotten), tuple(Generation(*row[3:]) for row in rows if row[3] is not None))

    def rows_of(self, generation: int, clients: Iterable[str]) -> dict[str, ClientRows]:
        """What a build has on each of these clients; those on whom it has nothing are left out."""
        names = list(clients)
        found = {}
        for table, columns in _COLUMNS.items():
            statement = (
                f"SELECT {columns} FROM {_OF_CLIENT[table]} WHERE generation = ? AND client = ?"  # noqa: S608 - names of ours
                f" ORDER BY client, {_ORDER[table]}"
            )
            found[table] = self.found_for_each(statement, generation, names)
        return by_client(
            (SpellRow._make(row) for row in found["spells"]),
            (ActionRow._make(row) for row in found["actions"]),
            (FailureRow._make(row) for row in found["failures"]),
        )

    def found_for_each(self, statement: str, generation: int, clients: Sequence[str]) -> list[tuple[Any, ...]]:
        """The rows that a statement about one client of a build finds for several."""
        return [row for client in clients for row in self.found(statement, generation, client)]

    def changes(self, generation: int, after: int, upto: int) -> list[SpellRow]:
        """The spells that begin in `(after, upto]`, by their beginning."""
        statement = (
            f"SELECT {_SPELL} FROM @agenda_spells WHERE generation = ? AND starts > ? AND starts <= ?"  # noqa: S608 - names of ours
            " ORDER BY starts, client"
        )
        return [SpellRow._make(row) for row in self.found(statement, generation, max(after, BEGINNING), upto)]

    def due(self, generation: int, after: int, until: int, at: int, owner: str | None) -> list[ActionRow]:
        """The actions open at a moment and due in `(after, until]`, the first due first."""
        whose, values = ("", ()) if owner is None else (" AND owner = ?", (owner,))
        statement = (
            f"SELECT {_ACTION} FROM @agenda_actions WHERE generation = ? AND due > ? AND due <= ?"  # noqa: S608 - names of ours
            f" AND opens <= ? AND closes > ?{whose} ORDER BY due, client, rule, coalesce(about, '')"
        )
        return [ActionRow._make(row) for row in self.found(statement, generation, after, until, at, at, *values)]

    def owners(self, generation: int) -> list[str]:
        """Whose clients a build has actions for, by name."""
        statement = "SELECT DISTINCT owner FROM @agenda_actions WHERE generation = ? ORDER BY owner"
        return [owner for (owner,) in self.found(statement, generation)]

    def failures(self, generation: int, at: int) -> list[FailureRow]:
        """The rules that can't be evaluated at a moment, by client."""
        statement = (
            f"SELECT {_FAILURE} FROM @agenda_failures WHERE generation = ? AND starts <= ? AND until > ?"  # noqa: S608 - names of ours
            " ORDER BY client, rule"
        )
        return [FailureRow._make(row) for row in self.found(statement, generation, at, at)]

    def counts(self, generation: int, at: int) -> dict[int, int]:
        """How many clients are at each level at a moment."""
        statement = "SELECT status, count(*) FROM @agenda_spells WHERE generation = ? AND starts <= ? AND until > ? GROUP BY status"
        return {status: count for status, count in self.found(statement, generation, at, at)}  # noqa: C416 - rows of a driver's own class

    @abstractmethod
    def last_news(self) -> int:
        """The largest number that news were ever given, whether or not they are still there; 0 before the first."""

    def news(self, after: int, limit: int) -> list[NewsRow]:
        """What came to pass behind a number, in order, so many at most."""
        statement = f"SELECT {_NEWS} FROM @agenda_news WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - names of ours
        return [NewsRow._make(row) for row in self.found(statement, after, limit)]

    def forgotten(self, generation: int, limit: int = FOREVER) -> list[str]:
        """Clients whose rows are to be made anew since they were forgotten, so many at most."""
        statement = "SELECT client FROM @agenda_forgotten WHERE generation = ? ORDER BY client LIMIT ?"
        return [client for (client,) in self.found(statement, generation, limit)]

    # What changes.

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what is written within where anything is raised, and nothing else of the transaction."""
        self.done("SAVEPOINT agenda")
        try:
            yield
        except BaseException:
            self.done("ROLLBACK TO SAVEPOINT agenda")
            raise
        self.done("RELEASE SAVEPOINT agenda")

    def begin(self, fingerprint: str, upto: int, total: int) -> int:
        """Begin a build; the answer is its number."""
        return self.new_generation(fingerprint, BUILDING, upto, total, 0, "", BEGINNING)

    def replace(self, generation: int, gone: ClientRows, come: ClientRows) -> None:
        """Remove rows of a build and store others; one that comes takes the place of the one with its key."""
        spells = {(row.starts, row.client) for row in come.spells}
        actions = {(row.due, row.client, row.id, row.opens) for row in come.actions}
        failures = {(row.client, row.rule, row.starts) for row in come.failures}
        self._drop("spells", generation, {(row.starts, row.client) for row in gone.spells} - spells)
        self._drop("actions", generation, {(row.due, row.client, row.id, row.opens) for row in gone.actions} - actions)
        self._drop("failures", generation, {(row.client, row.rule, row.starts) for row in gone.failures} - failures)
        for table, rows in zip(_COLUMNS, come, strict=True):
            if rows:
                self.done(_PUT[table], [(generation, *row) for row in rows])

    def _drop(self, table: str, generation: int, keys: set[tuple[Any, ...]]) -> None:
        if keys:
            self.done(_DROP[table], [(generation, *key) for key in keys])

    def move(self, generation: int, *, done: int, mark: str, horizon: int) -> None:
        """Note how far a build has come."""
        statement = "UPDATE @agenda_generations SET done = ?, mark = ?, horizon = ? WHERE id = ?"
        self.done(statement, [(done, mark, horizon, generation)])

    def set_horizon(self, generation: int, horizon: int) -> None:
        """Note from when on a build answers."""
        self.done("UPDATE @agenda_generations SET horizon = ? WHERE id = ?", [(horizon, generation)])

    def activate(self, generation: int) -> None:
        """Let a build answer; the one that did is retired."""
        self.done("UPDATE @agenda_generations SET state = ? WHERE state = ?", [(RETIRED, ACTIVE)])
        self.done("UPDATE @agenda_generations SET state = ? WHERE id = ?", [(ACTIVE, generation)])

    def retire_builds(self, spared: int | None) -> None:
        """Retire all builds that are under way but one."""
        statement = "UPDATE @agenda_generations SET state = ? WHERE state = ? AND id <> ?"
        self.done(statement, [(RETIRED, BUILDING, -1 if spared is None else spared)])

    def remove_some(self, generation: int, limit: int) -> bool:
        """Remove a build's rows on so many clients; the build itself with the last of them.

        Returns:
            Whether anything is left.
        """
        some = "SELECT DISTINCT client FROM @agenda_spells~client WHERE generation = ? ORDER BY client LIMIT ?"
        clients = [client for (client,) in self.found(some, generation, limit)]
        for table in _COLUMNS:
            statement = f"DELETE FROM {_OF_CLIENT[table]} WHERE generation = ? AND client = ?"  # noqa: S608 - names of ours
            self.done(statement, [(generation, client) for client in clients])
        if len(clients) == limit:
            return True
        for table in (*_COLUMNS, "forgotten"):
            self.done(f"DELETE FROM @agenda_{table} WHERE generation = ?", [(generation,)])  # noqa: S608 - names of ours
        self.done("DELETE FROM @agenda_tracking WHERE application_name = ?", [(track_of(generation),)])
        self.done("DELETE FROM @agenda_generations WHERE id = ?", [(generation,)])
        return False

    def tell(self, rows: Sequence[NewsRow]) -> None:
        """Store news behind the last."""
        if rows:
            columns = _NEWS.removeprefix("seq, ")
            statement = f"INSERT INTO @agenda_news ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - names of ours
            self.done(statement, [row[1:] for row in rows])

    def set_told(self, moment: int) -> None:
        """Note up to when changes that come with time have been told."""
        self.done("UPDATE @agenda_state SET told = ?", [(moment,)])

    def prune(self, upto: int) -> None:
        """Remove news up to a number."""
        self.done("DELETE FROM @agenda_news WHERE seq <= ?", [(upto,)])

    def forget(self, client: str) -> None:
        """Remove all text about a client, and have every build make the client's rows anew."""
        self.done("UPDATE @agenda_news SET because = ? WHERE client = ?", [(NOTHING_SAID, client)])
        for generation in self.state().generations:
            for table, (emptied, values) in _EMPTIED.items():
                statement = f"UPDATE {_OF_CLIENT[table]} SET {emptied} WHERE generation = ? AND client = ?"  # noqa: S608 - names of ours
                self.done(statement, [(*values, generation.id, client)])
        self.done("DELETE FROM @agenda_forgotten WHERE client = ?", [(client,)])
        statement = "INSERT INTO @agenda_forgotten (generation, client) SELECT id, ? FROM @agenda_generations"
        self.done(statement, [(client,)])
        self.done("UPDATE @agenda_state SET epoch = epoch + 1")

    def remember(self, generation: int, clients: Iterable[str]) -> None:
        """Note that a build has made the rows of forgotten clients anew."""
        statement = "DELETE FROM @agenda_forgotten WHERE generation = ? AND client = ?"
        self.done(statement, [(generation, client) for client in clients])


class AgendaStore(Protocol):
    """Where a log's agenda is kept."""

    def exists(self) -> bool:
        """Whether there are tables for it."""

    def reading(self) -> AbstractContextManager[AgendaTables]:
        """Begin to read; all that is read within is of one state."""

    def within(self, writing: Writing) -> AgendaTables:
        """The agenda's tables within a transaction that writes to the log."""


def track_of(generation: int) -> str:
    """What the library's tracking recorder knows a build by."""
    return f"agenda {generation}"
