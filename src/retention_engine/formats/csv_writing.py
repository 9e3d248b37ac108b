"""Events as a table whose header holds the fields' names: `csv_events` reads it back without a loss."""

import re
from collections.abc import Callable, Iterable, Iterator

from ..events import Event
from ..kinds import KINDS, Kinds
from .column_map import fields_known
from .csv_events import LIST_SEPARATOR
from .formulas import as_cell
from .texts import texts_of

_TO_QUOTE = re.compile(r'[",\r\n]|\A\Z')


def table_of(events: Callable[[], Iterable[Event]], kinds: Kinds = KINDS) -> Iterator[bytes]:
    """The rows of a table, the header first: a column for each field that some event has.

    An empty text is written as `""`, a field that is not there as nothing.

    Args:
        events: gives the events each time it is called; they are gone through twice.
        kinds: the kinds that may occur.
    """
    used: set[str] = {"client", "kind", "at"}
    for event in events():
        used.update(texts_of(event, separator=LIST_SEPARATOR))
    columns = [name for name in fields_known(kinds.values()) if name in used]
    yield _row(columns)
    for event in events():
        texts = texts_of(event, separator=LIST_SEPARATOR)
        yield _row([as_cell(texts[name]) if name in texts else None for name in columns])


def _row(cells: Iterable[str | None]) -> bytes:
    return (",".join("" if cell is None else _quoted(cell) for cell in cells) + "\r\n").encode()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _TO_QUOTE.search(cell) else cell
