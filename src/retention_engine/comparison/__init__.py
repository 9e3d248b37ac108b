"""Two rule sets over one log, and two states of knowledge of one moment: which clients differ, in what, and why."""

from .comparing import compare, compare_knowledge, compare_span
from .differences import Difference, FactChange, FindingChange, StatusChange, difference
from .knowledge import Learned, with_learned
from .results import ClientDifference, Comparison, HeldChange, RuleCount, Stretch
from .rule_sets import RuleChange, SettingChange, rule_changes

__all__ = [
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
    "difference",
    "rule_changes",
    "with_learned",
]
