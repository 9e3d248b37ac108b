"""Column maps: which columns of somebody's table hold which fields of an event, as a settings file says it.

```toml
[import.salesforce-task]
client = "AccountId"
at = "CompletedDateTime"
id = "Id"
kind = "TaskSubtype"
kinds = { Call = "engaged", Email = "engaged" }
timezone = "Europe/Berlin"
at-format = "%d.%m.%Y %H:%M"
delimiter = ";"
fields = { note = "Subject", direction = { column = "TaskSubtype", values = { Call = "two_way", Email = "outbound" } } }
constants = { channel = "crm" }
```
"""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from ..errors import did_you_mean
from ..events import Event
from ..kinds import KINDS, Kinds
from ..schema import schema_of
from .local_time import UNIX_FORMATS
from .texts import keys_of, shape_of

DELIMITERS = (",", ";", "\t", "|")
OWN_FIELDS = ("client", "at", "id", "kind")
UNKNOWN_KIND = "nobody registered the kind"
"""How it is told that there is no such kind of event."""

_KEYS = (*OWN_FIELDS, "kinds", "fields", "constants", "timezone", "at-format", "delimiter")
_COLUMN_KEYS = ("column", "values", "format")
_YEAR = re.compile("%[Yy]")
_SAMPLE = datetime(2026, 12, 31, 13, 45, 59, tzinfo=UTC)


@attrs.frozen
class Column:
    """A column of a table and how its cells are read.

    Attributes:
        name: what the header calls it.
        values: what a cell stands for, by cell; `None` where it stands for itself.
        format: how an instant is written in it, if not as the map says.
    """

    name: str
    values: Mapping[str, str] | None = None
    format: str | None = None


@attrs.frozen
class ColumnMap:
    """How the rows of a table become events.

    Attributes:
        columns: the columns by field, `kind` among them; none where the header holds the fields' own names.
        constants: fields that are the same in every row.
        zone: the time zone of instants that carry no offset.
        at_format: how instants are written, in the words of `strptime`, or `unix` or `unix-ms`; as RFC 3339 if `None`.
        delimiter: what stands between cells; a comma, or a tab in a file named `.tsv`, where nothing is said.
    """

    columns: Mapping[str, Column] = attrs.field(factory=dict)
    constants: Mapping[str, Any] = attrs.field(factory=dict)
    zone: ZoneInfo | None = None
    at_format: str | None = None
    delimiter: str | None = None


OWN_NAMES = ColumnMap()
"""The map of a table whose header holds the names of the fields."""


def fields_known(kinds: Iterable[type[Event]]) -> list[str]:
    """The names that a column may have where it holds a field: those of the fields, and `answers.refer` and its like."""
    names: dict[str, None] = {"client": None, "kind": None}
    for cls in kinds:
        for name, hint in schema_of(cls).hints.items():
            names.update(
                dict.fromkeys([f"{name}.{key}" for key in keys_of(hint)] if shape_of(hint) is dict else [name])
            )
    return list(names)


def read_map(table: object, path: str, kinds: Kinds = KINDS) -> tuple[ColumnMap | None, list[str]]:
    """A column map from its table in a settings file, or all that is wrong with that.

    Args:
        table: what TOML gives.
        path: the table's name, for messages.
        kinds: the kinds that rows may become.
    """
    reading = _Reading(path, kinds)
    found = reading.map(table)
    return (None if reading.problems else found), reading.problems


class _Reading:
    """One pass over a map's table that notes every mistake with its path."""

    def __init__(self, path: str, kinds: Kinds) -> None:
        self.path = path
        self.kinds = kinds
        self.problems: list[str] = []

    def map(self, table: object) -> ColumnMap:
        given = self._table(table, "")
        self._known(given, _KEYS, "")
        columns = {name: self._column(given[name], f".{name}") for name in OWN_FIELDS if name in given}
        if "kinds" in given and "kind" in columns:
            columns["kind"] = attrs.evolve(columns["kind"], values=self._values(given["kinds"], ".kinds"))
        elif "kinds" in given:
            self._note(".kinds", 'says what the cells of a column mean; name the column, kind = "..."')
        fields = self._table(given.get("fields", {}), ".fields")
        columns.update((name, self._column(value, f".fields.{name}")) for name, value in fields.items())
        constants = self._table(given.get("constants", {}), ".constants")
        self._check_kinds(columns, constants)
        self._check_fields(fields, constants, columns)
        if columns or constants:
            self._check_complete(columns, constants)
        return ColumnMap(
            columns,
            constants,
            self._zone(given.get("timezone")),
            self._format(given.get("at-format"), ".at-format"),
            self._delimiter(given.get("delimiter")),
        )

    def _column(self, value: object, place: str) -> Column:
        if isinstance(value, str):
            return Column(value)
        if not isinstance(value, Mapping):
            self._note(place, f"expected a column's name, or {{ column = ..., values = ... }}, got {_shown(value)}")
            return Column("")
        self._known(value, _COLUMN_KEYS, place)
        name = value.get("column")
        if not isinstance(name, str):
            self._note(f"{place}.column", "name the column")
        values = self._values(value["values"], f"{place}.values") if "values" in value else None
        return Column(str(name), values, self._format(value.get("format"), f"{place}.format"))

    def _values(self, value: object, place: str) -> dict[str, str]:
        values = self._table(value, place)
        texts = {cell: _plain(meant) for cell, meant in values.items()}
        for cell, meant in texts.items():
            if meant is None:
                self._note(f"{place}.{cell}", f"expected text, a number, true or false, got {_shown(values[cell])}")
        return {cell: meant for cell, meant in texts.items() if meant is not None}

    def _check_kinds(self, columns: Mapping[str, Column], constants: Mapping[str, Any]) -> None:
        named = [(".constants.kind", constants["kind"])] if "kind" in constants else []
        if "kind" in columns:
            named += [(f".kinds.{cell}", kind) for cell, kind in (columns["kind"].values or {}).items()]
        for place, kind in named:
            if kind not in self.kinds:
                self._note(place, f"{UNKNOWN_KIND} {_shown(kind)}{did_you_mean(str(kind), self.kinds)}")

    def _check_fields(self, fields: Collection[str], constants: Collection[str], columns: Mapping[str, Column]) -> None:
        known = fields_known(self.kinds.values())
        for place, names in ((".fields", fields), (".constants", constants)):
            for name in names:
                if name in OWN_FIELDS and place == ".fields":
                    self._note(f"{place}.{name}", f"stands above: {name} = ...")
                elif name not in known and not (name == "answers" and place == ".constants"):
                    self._note(f"{place}.{name}", f"no such field{did_you_mean(name, known)}")
        for name in constants:
            if name in columns:
                self._note(f".constants.{name}", "is given twice: a column holds it, too")

    def _check_complete(self, columns: Collection[str], constants: Collection[str]) -> None:
        for name in ("client", "at", "kind"):
            if name not in columns and name not in constants:
                hint = ', or set constants = { kind = "engaged" }' if name == "kind" else ""
                self._note(f".{name}", f"is missing; name the column that holds it{hint}")

    def _zone(self, value: object) -> ZoneInfo | None:
        if value is None:
            return None
        try:
            return ZoneInfo(str(value))
        except (ValueError, OSError, LookupError):
            self._note(".timezone", f"{_shown(value)} is no time zone of this system; write Europe/Berlin or the like")
            return None

    def _format(self, value: object, place: str) -> str | None:
        if value is None or value in UNIX_FORMATS:
            return str(value) if value else None
        text = value if isinstance(value, str) else ""
        if "%Z" in text:
            self._note(place, "%Z reads the name of a zone and forgets it; write %z for an offset, or set timezone")
        day = None
        if _YEAR.search(text):
            with suppress(ValueError):
                day = datetime.strptime(_SAMPLE.strftime(text), text).date()  # noqa: DTZ007 - only the day is looked at
        if day != _SAMPLE.date():
            example = 'such as "%d.%m.%Y %H:%M", or "unix" or "unix-ms"'
            self._note(place, f"{_shown(value)} does not say year, month and day; write a strptime format {example}")
        return text

    def _delimiter(self, value: object) -> str | None:
        if value is not None and value not in DELIMITERS:
            self._note(".delimiter", f"expected one of , ; | and \\t, got {_shown(value)}")
        return value if isinstance(value, str) else None

    def _table(self, value: object, place: str) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        self._note(place, f"expected a table, got {_shown(value)}")
        return {}

    def _known(self, table: Mapping[str, Any], known: Collection[str], place: str) -> None:
        for key in table:
            if key not in known:
                self._note(
                    f"{place}.{key}", f"no such setting{did_you_mean(key, known)} (there are: {', '.join(known)})"
                )

    def _note(self, place: str, what: str) -> None:
        self.problems.append(f"{self.path}{place}: {what}")


def _plain(value: object) -> str | None:
    """What a cell stands for, as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _shown(value: object) -> str:
    return "a table" if isinstance(value, Mapping) else f"{value!r}"[:60]
