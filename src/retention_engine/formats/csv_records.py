"""CSV as records with their physical lines: strict about quotes, since a stray one would swallow what follows."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..codec import MOST_BYTES
from ..errors import EventError
from .lines import FileFault, is_blank

Cells = list[str | None]
"""The cells of a record; a cell that holds nothing is `None`, one that holds `""` is an empty text."""


class Record(NamedTuple):
    """One record of a table.

    Attributes:
        line: the physical line on which it starts.
        raw: its bytes, line ends included.
        cells: its cells, or what is wrong with it.
    """

    line: int
    raw: bytes
    cells: Cells | EventError


def records_of(lines: Iterable[tuple[int, bytes]], delimiter: str) -> Iterator[Record]:
    """The records of a table; empty lines, and those with nothing but delimiters, are none.

    Raises:
        FileFault: a quote is opened and never closed: what follows can't be told from the text that it holds.
    """
    scanner = _Scanner(delimiter)
    upcoming = iter(lines)
    for number, line in upcoming:
        if is_blank(line):
            continue
        raw = line
        if line.count(b'"') % 2 and scanner.is_open(line):
            raw = _closed(number, line, upcoming)
        cells = scanner.cells(raw)
        if isinstance(cells, EventError) or any(cell is not None for cell in cells):
            yield Record(number, raw, cells)


def _closed(number: int, line: bytes, upcoming: Iterator[tuple[int, bytes]]) -> bytes:
    """A record from the line on which a quote is opened to the one on which the last is closed."""
    parts, size = [line], len(line)
    for _, part in upcoming:
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            break
        if part.count(b'"') % 2:  # a cell's own quotes are doubled, so that an odd number opens or closes one
            return b"".join(parts)
    where = f"within {MOST_BYTES >> 20} MiB" if size > MOST_BYTES else "before the file ends"
    reason = (
        f"a quote is opened on this line and not closed {where}; close it, or double a quote that belongs to the text"
    )
    raise FileFault(number, EventError("unclosed-quote", reason))


class _Scanner:
    """Takes a record apart."""

    def __init__(self, delimiter: str) -> None:
        edge = re.escape(delimiter)
        self._delimiter = delimiter
        self._cell = re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|([^"\r{edge}]*))(?={edge}|\Z)')
        self._open = re.compile(r'"[^"]*(?:""[^"]*)*\Z')

    def is_open(self, line: bytes) -> bool:
        """Whether a line ends within a quoted cell, its cells so far being sound."""
        text = line.decode(errors="replace")
        return bool(self._open.match(text, self._cells(text)[1]))

    def cells(self, raw: bytes) -> Cells | EventError:
        """The cells of a record, or what is wrong with it."""
        if len(raw) > MOST_BYTES:
            return EventError("too-long", f"the row is longer than {MOST_BYTES >> 20} MiB")
        try:
            text = raw.decode()
        except UnicodeDecodeError as bad:
            return EventError("bad-utf-8", f"byte {bad.start + 1} is not UTF-8; save the file as UTF-8")
        text = text.removesuffix("\n").removesuffix("\r")
        if "\x00" in text:
            return EventError("nul-character", "holds a NUL byte; remove it")
        if '"' not in text and "\r" not in text:
            return [cell or None for cell in text.split(self._delimiter)]
        cells, stop = self._cells(text)
        return cells if stop < 0 else _why_unsound(text, stop)

    def _cells(self, text: str) -> tuple[Cells, int]:
        """The cells up to the first that is unsound, and where that is; -1 if none is."""
        cells: Cells = []
        place = 0
        while found := self._cell.match(text, place):
            quoted, plain = found.groups()
            cells.append(quoted.replace('""', '"') if quoted is not None else plain or None)
            if found.end() == len(text):
                return cells, -1
            place = found.end() + 1
        return cells, place


def _why_unsound(text: str, place: int) -> EventError:
    if "\r" in text[place:].partition('"')[0]:
        reason = "a carriage return stands alone; end lines with LF or CRLF, and quote a cell that holds one"
        return EventError("bad-line-end", reason)
    reason = (
        f"a quote in the cell at column {place + 1} neither opens nor closes it; quote the cell and double the quote"
    )
    return EventError("stray-quote", reason)
