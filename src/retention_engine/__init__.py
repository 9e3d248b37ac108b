"""An event-sourced client-retention engine: rules replay a log of client events into health and next actions."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .book import Histories, gather, replay
    from .client import Client, Term
    from .codec import decode, encode
    from .declare import BoundRule, Findings, Rule, rule, rule_of
    from .embedding import Observer, RetentionEngine
    from .engine import Assessment, Change, Engine, RuleFailure, Schedule
    from .errors import RetentionError
    from .events import (
        ActionDismissed,
        ActionDone,
        ActionSnoozed,
        Complained,
        Engaged,
        Event,
        Introduced,
        Judged,
        Left,
        Measured,
        Profiled,
        Referred,
        Renewed,
        Resolved,
        Retracted,
    )
    from .findings import Action, Concern, Finding, Health
    from .formats.jsonl import read_log
    from .kinds import KINDS, Kinds
    from .log import EventLog, Receipt, create_log, open_log
    from .moments import days, instant
    from .rules import BUILT_IN
    from .settings import Settings
    from .words import beyond, contact, engaged_for, heard

__all__ = [
    "BUILT_IN",
    "KINDS",
    "Action",
    "ActionDismissed",
    "ActionDone",
    "ActionSnoozed",
    "Assessment",
    "BoundRule",
    "Change",
    "Client",
    "Complained",
    "Concern",
    "Engaged",
    "Engine",
    "Event",
    "EventLog",
    "Finding",
    "Findings",
    "Health",
    "Histories",
    "Introduced",
    "Judged",
    "Kinds",
    "Left",
    "Measured",
    "Observer",
    "Profiled",
    "Receipt",
    "Referred",
    "Renewed",
    "Resolved",
    "RetentionEngine",
    "RetentionError",
    "Retracted",
    "Rule",
    "RuleFailure",
    "Schedule",
    "Settings",
    "Term",
    "beyond",
    "contact",
    "create_log",
    "days",
    "decode",
    "encode",
    "engaged_for",
    "gather",
    "heard",
    "instant",
    "open_log",
    "read_log",
    "replay",
    "rule",
    "rule_of",
]

_HOMES = {
    "book": ("Histories", "gather", "replay"),
    "client": ("Client", "Term"),
    "codec": ("decode", "encode"),
    "embedding": ("Observer", "RetentionEngine"),
    "engine": ("Assessment", "Change", "Engine", "RuleFailure", "Schedule"),
    "errors": ("RetentionError",),
    "findings": ("Action", "Concern", "Finding", "Health"),
    "formats.jsonl": ("read_log",),
    "kinds": ("KINDS", "Kinds"),
    "log": ("EventLog", "Receipt", "create_log", "open_log"),
    "moments": ("days", "instant"),
    "declare": ("BoundRule", "Findings", "Rule", "rule", "rule_of"),
    "rules": ("BUILT_IN",),
    "settings": ("Settings",),
    "words": ("beyond", "contact", "engaged_for", "heard"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name's module when the name is first asked for, so that `retention --help` stays quick."""
    if name == "__version__":
        from importlib.metadata import version

        return version("retention-engine")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME.get(name, 'events')}", __name__), name)
    globals()[name] = value
    return value
