"""What an import reads: files of events in any of the formats that come in, line by line, with the reason of a refusal."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Literal, NamedTuple

import attrs

from ..codec import MOST_BYTES, decode, json_object
from ..errors import EventError
from ..events import Event
from ..kinds import KINDS, Kinds
from .cloudevents import event_from, is_cloud_event
from .column_map import OWN_NAMES, ColumnMap
from .csv_events import Table
from .lines import FileFault, Progress, is_blank, lines_of, other_format
from .quarantine import SetAside, is_set_aside, restored

Format = Literal["auto", "jsonl", "csv", "cloudevents"]

_TABLES = (".csv", ".tsv")
_JSON_LINES = (".jsonl", ".ndjson", ".json")


class Draft(NamedTuple):
    """A line that may become an event.

    Attributes:
        line: its number; that of the first where a row of a table spans several.
        source: the line as it was.
        event: the event, or why it is none.
    """

    line: int
    source: SetAside
    event: Event | EventError


@attrs.frozen
class Intake:
    """How files are read.

    Attributes:
        format: their format. `auto` takes a file for CSV where its name says so, or where there is a column map and its
            name says nothing; else for JSON lines, among which CloudEvents are told by `specversion`.
        mapping: which columns of a table hold what; `None` where the header has the fields' own names.
        kinds: the kinds of event that may occur.
    """

    format: Format = "auto"
    mapping: ColumnMap | None = None
    kinds: Kinds = KINDS

    def drafts(self, path: str, progress: Progress | None = None) -> Iterator[Draft]:
        """The lines of a file, blank ones aside.

        Args:
            path: a file, or `-` for standard input.
            progress: told how far the reading is.

        Raises:
            FileFault: the file can't be read, or not as what it is taken for.
        """
        lines = lines_of(path, progress)
        if self._is_table(path):
            for row in (table := self._table(lines, tabs=_name(path).endswith(".tsv"))):
                yield Draft(row.line, SetAside(row.raw.rstrip(b"\r\n"), table.header.rstrip(b"\r\n")), row.event)
        else:
            yield from self._json_lines(lines)

    def _is_table(self, path: str) -> bool:
        if self.format != "auto":
            return self.format == "csv"
        name = _name(path)
        return name.endswith(_TABLES) or (self.mapping is not None and not name.endswith(_JSON_LINES))

    def _table(self, lines: Iterable[tuple[int, bytes]], *, tabs: bool) -> Table:
        return Table(lines, mapping=self.mapping or OWN_NAMES, delimiter="\t" if tabs else ",", kinds=self.kinds)

    def _json_lines(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[Draft]:
        for number, line in lines:
            if is_blank(line):
                continue
            source = SetAside(line[:MOST_BYTES].rstrip(b"\r\n"), None)
            try:
                yield self._draft(number, line, source)
            except EventError as error:
                if number == 1 and (other := other_format(line)):
                    reason = f"is {other}; events are JSON lines or CSV, plain or gzipped"
                    raise FileFault(None, EventError("other-format", reason)) from None
                if error.code == "utf-16":
                    raise FileFault(number, error) from None
                yield Draft(number, source, error)

    def _draft(self, number: int, line: bytes, source: SetAside) -> Draft:
        if b'"raw' in line and is_set_aside(fields := json_object(line)):
            return self._again(number, restored(fields))
        if self.format == "cloudevents":
            return Draft(number, source, event_from(json_object(line), self.kinds))
        if self.format == "auto" and b'"specversion"' in line and is_cloud_event(fields := json_object(line)):
            return Draft(number, source, event_from(fields, self.kinds))
        return Draft(number, source, decode(line, kinds=self.kinds))

    def _again(self, number: int, line: SetAside) -> Draft:
        """A line that was set aside before, as what it was then."""
        try:
            if line.header is None:
                return self._draft(number, line.raw, line)
            lines = enumerate(BytesIO(line.header + b"\n" + line.raw), start=1)
            rows = list(self._table(lines, tabs=b"\t" in line.header))
        except EventError as error:
            return Draft(number, line, error)
        except FileFault as fault:
            return Draft(number, line, fault.error)
        if len(rows) != 1:
            return Draft(number, line, EventError("wrong-cell-count", "expected one row", "raw"))
        return Draft(number, line, rows[0].event)


def _name(path: str) -> str:
    """A file's name as its endings tell the format."""
    return path.lower().removesuffix(".gz")
