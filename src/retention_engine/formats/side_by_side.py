"""What was expected beside what is so, and the history that it is about: how a failing test of a rule is told."""

import io
import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from ..events import Event
from .expectations import since_start
from .texts import texts_of
from .words import day

_TOLD_ELSEWHERE = ("client", "kind", "at")


class Pair(NamedTuple):
    """What was expected and what is so, at one place.

    Attributes:
        place: where: an instant, a span of time.
        expected: what was expected.
        actual: what is so.
        agrees: whether that is the same.
    """

    place: str
    expected: str
    actual: str
    agrees: bool


def side_by_side(pairs: Iterable[Pair], place: str = "when") -> str:
    """Pairs as a table; those that differ are marked.

    Args:
        pairs: the pairs, in order.
        place: the heading of their places.
    """
    rows = [(it.place, it.expected, it.actual, "" if it.agrees else "differs") for it in pairs]
    return _table((place, "expected", "actual", ""), rows)


def history_table(events: Sequence[Event], start: datetime | None = None) -> str:
    """Events as a table, in order of time.

    Args:
        events: the events.
        start: tell how long after this instant each happened, too.
    """
    in_order = sorted(events, key=lambda event: event.order)
    clients = {event.client for event in events}
    columns: list[tuple[str, Callable[[Event], str]]] = [
        ("event", lambda event: event.ref),
        ("date", lambda event: day(event.at)),
        ("kind", lambda event: event.kind),
        ("fields", _fields),
    ]
    if start is not None:
        columns.insert(1, ("when", lambda event: since_start(event.at, start)))
    if len(clients) > 1:
        columns.insert(1, ("client", lambda event: event.client))
    return _table([name for name, _ in columns], [[read(event) for _, read in columns] for event in in_order])


def _fields(event: Event) -> str:
    """What an event says, as a line of an example gives it."""
    said = texts_of(event, separator=",")
    return " ".join(f"{name}={_quoted(text)}" for name, text in said.items() if name not in (*_TOLD_ELSEWHERE, "id"))


def _quoted(text: str) -> str:
    quoted = shlex.quote(text)
    return quoted if quoted == text or '"' in text or "\\" in text or "$" in text or "`" in text else f'"{text}"'


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    from .tables import print_table

    printed = io.StringIO()
    print_table(printed, columns, rows)
    return printed.getvalue()
