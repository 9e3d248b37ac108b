"""The append-only log: the only part of the package that imports eventsourcing."""

from importlib import import_module
from typing import TYPE_CHECKING

from .address import is_address

if TYPE_CHECKING:
    from .event_log import Appending, EventLog, Receipt, Span
    from .opening import create_log, open_log
    from .redaction import Forgotten
    from .rows import Key
    from .verification import Flaw

__all__ = [
    "Appending",
    "EventLog",
    "Flaw",
    "Forgotten",
    "Key",
    "Receipt",
    "Span",
    "create_log",
    "is_address",
    "open_log",
]

_HOME = {
    "Appending": "event_log",
    "EventLog": "event_log",
    "Flaw": "verification",
    "Forgotten": "redaction",
    "Key": "rows",
    "Receipt": "event_log",
    "Span": "event_log",
    "create_log": "opening",
    "open_log": "opening",
}


def __getattr__(name: str) -> object:
    """Import a name's module when it is first asked for: reading a file needs no database library."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
