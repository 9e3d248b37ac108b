"""An event-sourced client-retention engine: rules replay a log of client events into health and next actions."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agenda import (
        Agenda,
        AgendaAction,
        AgendaAnswer,
        AgendaBasis,
        AgendaChange,
        AgendaCounts,
        AgendaNews,
        AgendaReason,
        AgendaStatus,
        engine_fingerprint,
    )
    from .backtests import Backtest, backtest
    from .binding import BoundRule
    from .book import Book, BookAssessment, BookChange, assess_book, replay
    from .book_rules import BOOK_RULES
    from .catalogue import REMEDIES, Remedy, Step
    from .client import Client, Term
    from .codec import decode, encode
    from .comparison import (
        ClientDifference,
        Comparison,
        Difference,
        FactChange,
        FindingChange,
        HeldChange,
        Learned,
        RuleChange,
        RuleCount,
        SettingChange,
        StatusChange,
        Stretch,
        compare,
        compare_knowledge,
        compare_span,
    )
    from .declare import Findings, Pack, Rule, book_rule, rule, rule_of
    from .embedding import Observer, RetentionEngine
    from .engine import Assessment, Change, Engine, Schedule
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
    from .fates import DueClient, Fate
    from .findings import Action, Concern, Finding, Health
    from .formats.calendar import worklist_calendar
    from .formats.jsonl import read_log
    from .formats.report import Report, html_report
    from .formats.truth import read_truth
    from .gathering import Histories, gather
    from .history import Events
    from .kinds import KINDS, Kinds
    from .log import EventLog, Receipt, create_log, open_log
    from .moments import days, instant
    from .outcomes import KnownOutcome, Outcome
    from .outlook import ComingChange, Deadline, Outlook, outlook_of
    from .parallel import Recipe, ReplayWork, replay_file, replay_log, replay_span
    from .plugins import PluginFailure, Plugins, configure, load_plugins
    from .predictions import Prediction
    from .reality import MonthOfRetention, Reality, ValueAtStake, actual_retention
    from .repair import Rejection, Repair, find_repair
    from .rules import BUILT_IN
    from .scoring import Deduction, Score, Scorecard, Standing, Weights, scorecard
    from .settings import Settings
    from .stating import RuleFailure
    from .sweep import overlap, spans
    from .tallies import Case, Cases, Course, Lead, TrackRecord
    from .timelines import Spell, Timeline, count_by_status, timeline
    from .words import beyond, contact, engaged_for, heard
    from .worklist import Entry, OwnerWorklist, Pace, Waiting, Worklist, tasks_of, worklist_of

__all__ = [
    "BOOK_RULES",
    "BUILT_IN",
    "KINDS",
    "REMEDIES",
    "Action",
    "ActionDismissed",
    "ActionDone",
    "ActionSnoozed",
    "Agenda",
    "AgendaAction",
    "AgendaAnswer",
    "AgendaBasis",
    "AgendaChange",
    "AgendaCounts",
    "AgendaNews",
    "AgendaReason",
    "AgendaStatus",
    "Assessment",
    "Backtest",
    "Book",
    "BookAssessment",
    "BookChange",
    "BoundRule",
    "Case",
    "Cases",
    "Change",
    "Client",
    "ClientDifference",
    "ComingChange",
    "Comparison",
    "Complained",
    "Concern",
    "Course",
    "Deadline",
    "Deduction",
    "Difference",
    "DueClient",
    "Engaged",
    "Engine",
    "Entry",
    "Event",
    "EventLog",
    "Events",
    "FactChange",
    "Fate",
    "Finding",
    "FindingChange",
    "Findings",
    "Health",
    "HeldChange",
    "Histories",
    "Introduced",
    "Judged",
    "Kinds",
    "KnownOutcome",
    "Lead",
    "Learned",
    "Left",
    "Measured",
    "MonthOfRetention",
    "Observer",
    "Outcome",
    "Outlook",
    "OwnerWorklist",
    "Pace",
    "Pack",
    "PluginFailure",
    "Plugins",
    "Prediction",
    "Profiled",
    "Reality",
    "Receipt",
    "Recipe",
    "Referred",
    "Rejection",
    "Remedy",
    "Renewed",
    "Repair",
    "ReplayWork",
    "Report",
    "Resolved",
    "RetentionEngine",
    "RetentionError",
    "Retracted",
    "Rule",
    "RuleChange",
    "RuleCount",
    "RuleFailure",
    "Schedule",
    "Score",
    "Scorecard",
    "SettingChange",
    "Settings",
    "Spell",
    "Standing",
    "StatusChange",
    "Step",
    "Stretch",
    "Term",
    "Timeline",
    "TrackRecord",
    "ValueAtStake",
    "Waiting",
    "Weights",
    "Worklist",
    "actual_retention",
    "assess_book",
    "backtest",
    "beyond",
    "book_rule",
    "compare",
    "compare_knowledge",
    "compare_span",
    "configure",
    "contact",
    "count_by_status",
    "create_log",
    "days",
    "decode",
    "encode",
    "engaged_for",
    "engine_fingerprint",
    "find_repair",
    "gather",
    "heard",
    "html_report",
    "instant",
    "load_plugins",
    "open_log",
    "outlook_of",
    "overlap",
    "read_log",
    "read_truth",
    "replay",
    "replay_file",
    "replay_log",
    "replay_span",
    "rule",
    "rule_of",
    "scorecard",
    "spans",
    "tasks_of",
    "timeline",
    "worklist_calendar",
    "worklist_of",
]

_HOMES = {
    "agenda": (
        "Agenda",
        "AgendaAction",
        "AgendaAnswer",
        "AgendaBasis",
        "AgendaChange",
        "AgendaCounts",
        "AgendaNews",
        "AgendaReason",
        "AgendaStatus",
        "engine_fingerprint",
    ),
    "timelines": ("Spell", "Timeline", "count_by_status", "timeline"),
    "history": ("Events",),
    "backtests": ("Backtest", "backtest"),
    "book": ("Book", "BookAssessment", "BookChange", "assess_book", "replay"),
    "book_rules": ("BOOK_RULES",),
    "gathering": ("Histories", "gather"),
    "catalogue": ("REMEDIES", "Remedy", "Step"),
    "client": ("Client", "Term"),
    "codec": ("decode", "encode"),
    "embedding": ("Observer", "RetentionEngine"),
    "engine": ("Assessment", "Change", "Engine", "Schedule"),
    "stating": ("RuleFailure",),
    "errors": ("RetentionError",),
    "fates": ("DueClient", "Fate"),
    "findings": ("Action", "Concern", "Finding", "Health"),
    "formats.calendar": ("worklist_calendar",),
    "formats.jsonl": ("read_log",),
    "formats.report": ("Report", "html_report"),
    "formats.truth": ("read_truth",),
    "kinds": ("KINDS", "Kinds"),
    "log": ("EventLog", "Receipt", "create_log", "open_log"),
    "moments": ("days", "instant"),
    "outcomes": ("KnownOutcome", "Outcome"),
    "predictions": ("Prediction",),
    "outlook": ("ComingChange", "Deadline", "Outlook", "outlook_of"),
    "reality": ("MonthOfRetention", "Reality", "ValueAtStake", "actual_retention"),
    "comparison": (
        "ClientDifference",
        "Comparison",
        "Difference",
        "FactChange",
        "FindingChange",
        "HeldChange",
        "Learned",
        "RuleChange",
        "RuleCount",
        "SettingChange",
        "StatusChange",
        "Stretch",
        "compare",
        "compare_knowledge",
        "compare_span",
    ),
    "declare": ("Findings", "Pack", "Rule", "book_rule", "rule", "rule_of"),
    "binding": ("BoundRule",),
    "parallel": ("Recipe", "ReplayWork", "replay_file", "replay_log", "replay_span"),
    "plugins": ("PluginFailure", "Plugins", "configure", "load_plugins"),
    "repair": ("Rejection", "Repair", "find_repair"),
    "rules": ("BUILT_IN",),
    "scoring": ("Deduction", "Score", "Scorecard", "Standing", "Weights", "scorecard"),
    "settings": ("Settings",),
    "sweep": ("overlap", "spans"),
    "tallies": ("Case", "Cases", "Course", "Lead", "TrackRecord"),
    "words": ("beyond", "contact", "engaged_for", "heard"),
    "worklist": ("Entry", "OwnerWorklist", "Pace", "Waiting", "Worklist", "tasks_of", "worklist_of"),
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
