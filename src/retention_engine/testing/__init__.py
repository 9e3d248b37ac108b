"""The kit with which people who write rules test them: histories in few words, what a rule says of them, a contract.

It is plain functions and one class, no plug-in of pytest. `RuleContract` and the strategies need hypothesis, which the
extra `testing` brings, and import it when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import ExtraMissing
from .asking import assert_on, assert_schedule, on, schedule
from .giving import given
from .happenings import (
    action_dismissed,
    action_done,
    action_snoozed,
    complained,
    engaged,
    happened,
    introduced,
    judged,
    left,
    measured,
    profiled,
    referred,
    renewed,
    resolved,
    retracted,
)
from .stated import (
    NOTHING,
    Stated,
    StatedAction,
    StatedConcern,
    act,
    at_risk,
    critical,
    has_left,
    unknown,
    watch,
)

if TYPE_CHECKING:
    from .contract import RuleContract
    from .strategies import events_of_kind, histories, instants

__all__ = [
    "NOTHING",
    "RuleContract",
    "Stated",
    "StatedAction",
    "StatedConcern",
    "act",
    "action_dismissed",
    "action_done",
    "action_snoozed",
    "assert_on",
    "assert_schedule",
    "at_risk",
    "complained",
    "critical",
    "engaged",
    "events_of_kind",
    "given",
    "happened",
    "has_left",
    "histories",
    "instants",
    "introduced",
    "judged",
    "left",
    "measured",
    "on",
    "profiled",
    "referred",
    "renewed",
    "resolved",
    "retracted",
    "schedule",
    "unknown",
    "watch",
]

_NEEDS_HYPOTHESIS = {
    "RuleContract": "contract",
    "events_of_kind": "strategies",
    "histories": "strategies",
    "instants": "strategies",
}


def __getattr__(name: str) -> object:
    """Import what needs hypothesis when it is first asked for."""
    if name not in _NEEDS_HYPOTHESIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f".{_NEEDS_HYPOTHESIS[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        raise ExtraMissing(f"{__name__}.{name}", "hypothesis", "testing") from None
    globals()[name] = value
    return value
