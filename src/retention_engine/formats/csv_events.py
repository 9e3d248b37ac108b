"""Events out of a table: CSV whose header holds the fields' own names, or is explained by a column map."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ..errors import EventError, did_you_mean
from ..events import Event
from ..kinds import Kinds
from ..moments import InstantError
from ..schema import field_shown, schema_of
from .column_map import DELIMITERS, OWN_NAMES, Column, ColumnMap, fields_known
from .csv_records import Cells, Record, records_of
from .formulas import as_text
from .lines import FileFault, other_format
from .local_time import instant_from
from .texts import fields_of, may_be_empty, shapes_of

LIST_SEPARATOR = ";"

_REQUIRED = ("client", "kind", "at")


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        line: the physical line on which it starts.
        raw: its bytes.
        event: the event, or why it is none.
    """

    line: int
    raw: bytes
    event: Event | EventError


class Table:
    """The rows of a table as events.

    Args:
        lines: the physical lines with their numbers, the header first.
        mapping: which columns hold what.
        delimiter: what stands between cells, where the map does not say.
        kinds: the kinds of event that may occur.

    Attributes:
        header: the header's bytes.

    Raises:
        FileFault: the file is no such table.
    """

    def __init__(
        self, lines: Iterable[tuple[int, bytes]], *, mapping: ColumnMap = OWN_NAMES, delimiter: str = ",", kinds: Kinds
    ) -> None:
        self._records = records_of(_checked(lines), mapping.delimiter or delimiter)
        head = next(self._records, None)
        self.header = b"" if head is None else head.raw
        self._reader = None if head is None else _Columns(head, mapping, kinds)

    def __iter__(self) -> Iterator[Row]:
        for record in self._records:
            assert self._reader is not None  # noqa: S101 - where there is a record there was a header
            try:
                event: Event | EventError = self._reader.event(record.cells)
            except EventError as error:
                event = error
            yield Row(record.line, record.raw, event)


def _checked(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The lines, unless the first says that this is no table in UTF-8."""
    upcoming = iter(lines)
    for number, line in upcoming:
        if other := other_format(line):
            raise FileFault(None, EventError("other-format", f"is {other}; a table is CSV, plain or gzipped"))
        if line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in line[:4]:
            raise FileFault(number, EventError("utf-16", "the text is UTF-16 or UTF-32; save it as UTF-8"))
        yield number, line
        break
    yield from upcoming


class _Source(NamedTuple):
    """Where a field comes from: the cell at a place, from 0, read as its column says."""

    field: str
    place: int
    column: Column


class _Plan(NamedTuple):
    """What of a row is used for one kind.

    Attributes:
        cls: the kind's class.
        sources: where its fields come from.
        constants: its fields that are the same in every row.
        instants: the names of those fields that hold an instant.
        may_be_empty: the names of those for which an empty text is a value.
    """

    cls: type[Event]
    sources: Sequence[_Source]
    constants: Mapping[str, Any]
    instants: Sequence[str]
    may_be_empty: frozenset[str]


class _Columns:
    """The header of a table, and how its rows become events."""

    def __init__(self, head: Record, mapping: ColumnMap, kinds: Kinds) -> None:
        if head.raw.lstrip().startswith(b"{"):
            reason = "looks like JSON lines; give it another name, or say --format-in jsonl"
            raise FileFault(head.line, EventError("other-format", reason))
        if isinstance(head.cells, EventError):
            raise FileFault(head.line, head.cells)
        self._line = head.line
        self._mapping = mapping
        self._kinds = kinds
        self._own = not (mapping.columns or mapping.constants)
        self._header = self._names(head.cells)
        columns = {name: Column(name) for name in self._header} if self._own else mapping.columns
        self._sources = [
            _Source(field, self._place(column.name), column) for field, column in columns.items() if field != "kind"
        ]
        self._kind = _Source("kind", self._place(columns["kind"].name), columns["kind"]) if "kind" in columns else None
        self._column_of = {source.field: source.column.name for source in self._sources}
        self._plans: dict[str, _Plan] = {}

    def event(self, cells: Cells | EventError) -> Event:
        """The event that a row holds.

        Raises:
            EventError: it holds none; the field is named as the header names it.
        """
        if isinstance(cells, EventError):
            raise cells
        if len(cells) != len(self._header):
            what = f"the row has {len(cells)} cells and the header has {len(self._header)}"
            hint = "; quote a cell that holds the delimiter" if len(cells) > len(self._header) else ""
            raise EventError("wrong-cell-count", what + hint)
        plan = self._plan(self._kind_in(cells))
        try:
            texts = [(it.field, text) for it in plan.sources if (text := self._text(it, cells, plan)) is not None]
            given = {**plan.constants, **fields_of(plan.cls, texts, separator=LIST_SEPARATOR)}
            given.update((name, self._instant(given[name], name)) for name in plan.instants if name in given)
            return plan.cls.from_fields(given)
        except EventError as error:
            raise EventError(error.code, error.reason, self._named(error.field)) from None

    def _names(self, cells: Cells) -> list[str]:
        """The header's names; with a map, only those that it names have to be there once."""
        names = [cell or "" for cell in cells]
        wanted = names if self._own else [column.name for column in self._mapping.columns.values()]
        for name in wanted:
            if not name:
                self._refuse("unnamed-column", f"column {names.index(name) + 1} has no name in the header")
            if names.count(name) > 1:
                self._refuse("duplicate-column", "stands twice in the header", name)
        if self._own:
            self._check_own(names)
        return names

    def _check_own(self, names: Sequence[str]) -> None:
        for name in _REQUIRED:
            if name not in names:
                hint = did_you_mean(name, names) or "; name the columns in an [import.NAME] table of the settings file"
                self._refuse("missing-column", f"the header has no such column{_delimited(names)}{hint}", name)
        known = fields_known(self._kinds.values())
        for name in names:
            if name not in known:
                self._refuse("unknown-column", f"no kind of event has such a field{did_you_mean(name, known)}", name)

    def _place(self, name: str) -> int:
        if name not in self._header:
            hint = _delimited(self._header) or did_you_mean(name, self._header)
            self._refuse("missing-column", f"the header has no such column{hint}", name)
        return self._header.index(name)

    def _refuse(self, code: str, reason: str, field: str | None = None) -> None:
        raise FileFault(self._line, EventError(code, reason, field and field_shown(field)))

    def _kind_in(self, cells: Cells) -> str:
        if self._kind is None:
            return str(self._mapping.constants["kind"])
        column = self._kind.column
        kind = cells[self._kind.place]
        if not kind:
            raise EventError("missing-field", "is missing, and must be given", column.name)
        if column.values is not None and kind not in column.values:
            hint = did_you_mean(kind, column.values)
            raise EventError("unknown-kind", f"the map's kinds say nothing of {_quoted(kind)}{hint}", column.name)
        return column.values[kind] if column.values is not None else kind

    def _plan(self, kind: str) -> _Plan:
        """What of a row is used for a kind: of a map's fields, those that the kind has."""
        if kind not in self._plans:
            try:
                cls = self._kinds.named(kind)
            except EventError as error:
                raise EventError(error.code, error.reason, self._kind.column.name if self._kind else "kind") from None
            hints = schema_of(cls).hints
            known = {*hints, *fields_known([cls])} - {"kind"}
            self._plans[kind] = _Plan(
                cls,
                [source for source in self._sources if self._own or source.field in known],
                {name: value for name, value in self._mapping.constants.items() if name in known},
                [name for name, shape in shapes_of(cls).items() if shape is datetime],
                frozenset(name for name in known if may_be_empty(hints.get(name.partition(".")[0]))),
            )
        return self._plans[kind]

    def _text(self, source: _Source, cells: Cells, plan: _Plan) -> str | None:
        """What a cell says, if it says something: an empty text is one only where the table is in our own words."""
        cell = cells[source.place]
        if self._own:
            if cell is None or (not cell and source.field not in plan.may_be_empty):
                return None
            return as_text(cell)
        if not cell:
            return None
        if source.column.values is not None:
            if cell not in source.column.values:
                hint = did_you_mean(cell, source.column.values)
                reason = f"the map's values say nothing of {_quoted(cell)}{hint}"
                raise EventError("unknown-value", reason, source.field)
            return source.column.values[cell]
        return cell

    def _instant(self, value: Any, name: str) -> Any:
        if not isinstance(value, str):
            return value
        column = self._mapping.columns.get(name)
        written = column.format if column and column.format else self._mapping.at_format
        try:
            return instant_from(value, written=written, zone=self._mapping.zone)
        except InstantError as error:
            hint = ""
            if error.code == "naive-time" and self._mapping.zone is None and written is None:
                hint = '; or name the zone of the table\'s times in its column map, timezone = "Europe/Berlin"'
            raise EventError(error.code, f"{error}{hint}", name) from None

    def _named(self, field: str | None) -> str | None:
        if field is None or field in self._column_of:
            return field and self._column_of[field]
        return self._column_of.get(field.partition("[")[0], field)  # of a list, the cell


def _delimited(names: Sequence[str]) -> str:
    """A hint where a header looks as if it were separated by something else."""
    if len(names) == 1:
        for other in DELIMITERS:
            if other in names[0]:
                return f"; its columns are separated by {other!r}, so set delimiter = {_toml(other)} in the column map"
    return ""


def _toml(delimiter: str) -> str:
    return '"\\t"' if delimiter == "\t" else f'"{delimiter}"'


def _quoted(text: str) -> str:
    return repr(text[:60])
