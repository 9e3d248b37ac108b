"""The agenda: for each client its coming status changes and open actions, kept current beside the log."""

from .agenda import Agenda
from .answers import (
    AgendaAction,
    AgendaAnswer,
    AgendaBasis,
    AgendaChange,
    AgendaCounts,
    AgendaNews,
    AgendaReason,
    AgendaStatus,
)
from .fingerprints import engine_fingerprint
from .rebuilding import BuildProgress, Rebuild

__all__ = [
    "Agenda",
    "AgendaAction",
    "AgendaAnswer",
    "AgendaBasis",
    "AgendaChange",
    "AgendaCounts",
    "AgendaNews",
    "AgendaReason",
    "AgendaStatus",
    "BuildProgress",
    "Rebuild",
    "engine_fingerprint",
]
