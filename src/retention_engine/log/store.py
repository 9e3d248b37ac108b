"""What the log asks of a store: rows in, rows out, and one writer at a time."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from eventsourcing.persistence import ApplicationRecorder

from .rows import Columns, Key, Known, Row

if TYPE_CHECKING:
    from .agenda_tables import AgendaStore


class Head(NamedTuple):
    """Where a client's history ends: the number of its events, and the position of the last one; zeros if none."""

    version: int
    position: int


NO_HEAD = Head(0, 0)


class Writing(Protocol):
    """A write transaction: nobody else writes meanwhile, and all of it is stored or nothing."""

    def heads(self, clients: Iterable[str]) -> dict[str, Head]:
        """Where the histories of these clients end; those without an event are left out."""

    def known(self, keys: Sequence[Key]) -> dict[Key, Known]:
        """What the log knows by these keys."""

    def insert(self, rows: Sequence[Row], keys: Sequence[tuple[int, Key, bytes]]) -> list[int]:
        """Store rows and keys; a key comes with the index of its row and the digest. Returns the rows' positions."""

    def rows(self, client: str) -> list[Row]:
        """A client's rows in the order of their versions."""

    def tail(self, after: int, limit: int) -> list[Row]:
        """Rows by position: those behind `after`, so many at most, with those of this transaction."""

    def rewrite(self, client: str, rows: Sequence[Row], digests: Mapping[int, bytes]) -> None:
        """Put redacted rows in the place of a client's rows, and digests by position in the client's keys."""


class Store(Protocol):
    """Where a log's rows are kept."""

    name: str

    @property
    def recorder(self) -> ApplicationRecorder:
        """The library's recorder on the same tables."""

    @property
    def agenda(self) -> "AgendaStore":
        """Where the log's agenda is kept."""

    def writing(self) -> AbstractContextManager[Writing]:
        """Begin to write; leaving with an exception undoes all of it."""

    def client(self, client: str) -> list[Row]:
        """A client's rows in the order of their versions."""

    def page(self, after: tuple[str, int], upto: int, limit: int, until: str | None = None) -> Sequence[Columns]:
        """Rows by client and version: those behind `after`, not behind the position `upto`, so many at most.

        Clients that follow `until` are left out.
        """

    def sizes(self, after: str, upto: int, limit: int) -> Sequence[tuple[str, int]]:
        """Clients by id with the number of their events up to a position: those behind `after`, so many at most."""

    def tail(self, after: int, limit: int) -> list[Row]:
        """Rows by position: those behind `after`, so many at most."""

    def head(self) -> int:
        """The last position, 0 for an empty log."""

    def known(self, key: Key) -> Known | None:
        """What the log knows by a key."""

    def keys_of(self, client: str) -> list[tuple[Key, Known]]:
        """A client's keys."""

    def count(self) -> tuple[int, int]:
        """How many events there are, and how many were ever stored."""

    def problems(self) -> Iterable[str]:
        """What the database itself finds wrong with its files."""

    def scrub(self) -> list[str]:
        """Remove from the files what redaction has overwritten; returns what could not be reached."""

    def backup(self, path: Path) -> None:
        """Write a consistent copy while others read and write."""

    def close(self) -> None:
        """Give back files and connections."""
