"""Histories written out: as a table to look at, as code to put into a test."""

import io
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ..client import Client
from ..events import Event
from ..formats.side_by_side import history_table as events_table
from ..formats.tables import print_table
from ..kinds import KINDS
from ..moments import instant_text
from ..schema import schema_of
from .giving import of_client
from .happenings import CLIENT


def date_text(moment: datetime) -> str:
    """An instant as a test writes it: a date where it is that day's midnight in UTC."""
    return instant_text(moment).removesuffix("T00:00:00Z")


def quoted(text: str | None) -> str:
    """A text as Python has it, between double quotes where that is possible."""
    code = repr(text)
    return f'"{code[1:-1]}"' if code.startswith("'") and '"' not in code and "\\'" not in code else code


def same_content(one: Event, other: Event) -> bool:
    """Whether two events say the same, whoever their client is."""
    return of_client(one, CLIENT) == of_client(other, CLIENT)


def event_code(event: Event) -> str:
    """An event as a test writes it: `engaged("2026-01-01", purpose="review", id="e1")`."""
    attribute = schema_of(type(event)).attribute
    known = KINDS.get(event.kind) is type(event)
    said = [quoted(date_text(event.at))] if known else [type(event).__name__, quoted(date_text(event.at))]
    said += [f"{attribute[name]}={_value(value)}" for name, value in _fields(event).items()]
    return f"{event.kind if known else 'happened'}({', '.join(said)})"


def client_code(client: Client) -> str:
    """A client as a test writes it; the events stand in the order of their positions."""
    lines = [event_code(event) for event in sorted(client.events, key=lambda event: event.position)]
    if client.id != CLIENT:
        lines.append(f"client={quoted(client.id)}")
    return "\n".join(["given(", *(f"    {line}," for line in lines), ")"])


def history_table(clients: Iterable[Client]) -> str:
    """The events of a client, or of several, one a line, with the id or place by which findings cite each."""
    events = [event for client in clients for event in client.events]
    return events_table(events).rstrip("\n") if events else "(nothing has happened)"


def table(columns: list[str], rows: Iterable[list[str]]) -> str:
    """Rows below headings."""
    page = io.StringIO()
    print_table(page, columns, rows)
    return page.getvalue().rstrip("\n")


def indented(text: str) -> str:
    """A text, two spaces further in."""
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))


def _fields(event: Event) -> dict[str, Any]:
    """What an event says besides its client, kind and instant."""
    said = {name: value for name, value in event.fields().items() if name not in {"client", "kind", "at"}}
    if event.recorded_at != event.at:
        said["recorded_at"] = event.recorded_at
    return said


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        return quoted(date_text(value))
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Decimal):
        return repr(str(value)) if value != int(value) else str(int(value))
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_value(key)}: {_value(inner)}' for key, inner in value.items())}}}"
    return quoted(value.isoformat()) if isinstance(value, date) else repr(value)
