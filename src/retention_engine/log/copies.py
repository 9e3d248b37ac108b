"""Keys for events without an id, so that importing a file twice stores them once."""

import sqlite3
from typing import Self

from ..codec import digest
from ..events import Event
from .rows import Key, key_of
from .sqlite_faults import translated

IN_MEMORY_KIB = 16 * 1024


class Copies:
    """The keys of the events of one file: the id where an event has one, else what it says and which copy it is.

    Equal events of one file are told apart by counting them, so that all are kept; an equal event of another file is a
    further copy of the same events, unless it is of another source. What was met is kept on disk where it is much.

    Args:
        source: keeps files of different origin apart.
    """

    def __init__(self, source: str = "") -> None:
        self._source = source
        self._met = sqlite3.connect("")  # a database of its own, in memory while it is small, and gone with the program
        self._met.execute(f"PRAGMA cache_size = -{IN_MEMORY_KIB}")
        self._met.execute("PRAGMA journal_mode = OFF")
        self._met.execute("CREATE TABLE met (digest BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._met.close()

    def key_of(self, event: Event) -> Key:
        """The key of the next event of the file."""
        known = key_of(event)
        if known is not None:
            return known
        content = digest(event)
        return Key(event.client, f"copy:{self._source}:{content.hex()}:{self._count(content)}")

    def _count(self, content: bytes) -> int:
        """How often this content was met before."""
        with translated("a temporary file for the import"):
            found = self._met.execute("SELECT times FROM met WHERE digest = ?", (content,)).fetchone()
            times = found[0] if found else 0
            self._met.execute("INSERT OR REPLACE INTO met VALUES (?, ?)", (content, times + 1))
        return int(times)
