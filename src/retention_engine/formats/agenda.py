"""What the agenda answers, for people and for other programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any

import attrs

from ..agenda import AgendaAction, AgendaBasis, AgendaChange, AgendaCounts, AgendaNews, AgendaReason
from ..findings import Health
from ..moments import instant_text
from ..stating import RuleFailure
from .verdicts import VERSION, failure_view
from .words import counted, day, printable


@attrs.frozen
class ComingDays:
    """What the agenda says of a span of days, read at one moment.

    Attributes:
        at: the moment.
        until: the end of the span, itself included.
        counts: how many clients are at each level at the moment.
        changes: the changes of status in the span, in order.
        actions: the open actions due by its end, the first due first.
        failures: the rules that can't be evaluated.
    """

    at: datetime
    until: datetime
    counts: AgendaCounts
    changes: Sequence[AgendaChange]
    actions: Sequence[AgendaAction]
    failures: Sequence[RuleFailure]

    @property
    def basis(self) -> AgendaBasis:
        """What the answers are by."""
        return self.counts.basis


# For other programs.


def agenda_document(found: ComingDays) -> dict[str, Any]:
    """What is coming as one document."""
    return {
        "version": VERSION,
        "at": instant_text(found.at),
        "until": instant_text(found.until),
        "basis": basis_view(found.basis),
        "counts": {str(level): count for level, count in found.counts.by_status.items()},
        "changes": [_change_view(change) for change in found.changes],
        "actions": [_action_view(action) for action in found.actions],
        "failures": [failure_view(failure) for failure in found.failures],
    }


def basis_view(basis: AgendaBasis) -> dict[str, Any]:
    """What an answer is by, as plain values."""
    return {
        "fingerprint": basis.fingerprint,
        "position": basis.position,
        "horizon": None if basis.horizon is None else instant_text(basis.horizon),
        "stale": basis.is_stale,
        "rebuilding": basis.is_rebuilding,
        "behind": basis.is_behind,
    }


def news_view(news: AgendaNews) -> dict[str, Any]:
    """A change of status that has come to pass, as plain values."""
    return {
        "version": VERSION,
        "seq": news.seq,
        "id": news.id,
        "client": news.client,
        "at": instant_text(news.at),
        "before": _level(news.before),
        "after": _level(news.after),
        "because": [_reason_view(reason) for reason in news.because],
        "position": news.position,
    }


def _change_view(change: AgendaChange) -> dict[str, Any]:
    return {
        "client": change.client,
        "at": instant_text(change.at),
        "before": _level(change.before),
        "after": str(change.after),
        "because": [_reason_view(reason) for reason in change.because],
        "events": list(change.events),
    }


def _action_view(action: AgendaAction) -> dict[str, Any]:
    return {
        "id": action.id,
        "client": action.client,
        "owner": action.owner,
        "rule": action.rule,
        "due": instant_text(action.due),
        "about": action.about,
        "because": list(action.because),
        "message": action.message,
    }


def _reason_view(reason: AgendaReason) -> dict[str, Any]:
    return {
        "rule": reason.rule,
        "about": reason.about,
        "because": list(reason.because),
        "message": reason.message,
    }


def _level(level: Health | None) -> str | None:
    return None if level is None else str(level)


# For people.


def print_agenda(stream: IO[str], found: ComingDays, *, limit: int) -> None:
    """The days as text: how many clients are how, what changes when, and what is due.

    Args:
        stream: where it is printed.
        found: the days.
        limit: how many rows of each table; 0 for all.
    """
    from .tables import print_table

    print(_summary(found), file=stream)
    for note in _notes(found.basis):
        print(note, file=stream)
    until = day(found.until)
    print(f"\nWhat changes by {until} if nothing else happens: {_how_many(found.changes, 'change')}", file=stream)
    if found.changes:
        rows = [
            (day(one.at), one.client, f"{_level(one.before) or 'new'} -> {one.after}", _why(one))
            for one in found.changes[: limit or None]
        ]
        print_table(stream, ("on", "client", "status", "why"), rows)
        _tell_rest(stream, found.changes, limit)
    print(f"\nWhat is due by {until}: {_how_many(found.actions, 'action')}", file=stream)
    if found.actions:
        tasks = [
            (day(one.due), one.client, one.owner or "", one.message, one.id) for one in found.actions[: limit or None]
        ]
        print_table(stream, ("due", "client", "owner", "what to do", "action"), tasks)
        _tell_rest(stream, found.actions, limit)


def _summary(found: ComingDays) -> str:
    count_of = found.counts.by_status
    levels = ", ".join(f"{count_of[level]:,} {level}" for level in sorted(count_of, reverse=True) if count_of[level])
    return f"{counted(sum(count_of.values()), 'client')} as of {day(found.at)}" + (f": {levels}" if levels else "")


def _notes(basis: AgendaBasis) -> list[str]:
    told = []
    if basis.is_stale:
        told.append("The agenda is by other rules or settings than those of now; without --as-is it is built anew.")
    if basis.is_rebuilding:
        told.append("The agenda is being built anew.")
    if basis.is_behind:
        told.append(f"The agenda covers the log up to position {basis.position}, and the log has more.")
    return told


def _why(change: AgendaChange) -> str:
    reasons = [f"{printable(reason.message)} ({reason.rule})" for reason in change.because]
    return " ".join(reasons) or ("Because of " + ", ".join(change.events) if change.events else "")


def _how_many(items: Sequence[object], what: str) -> str:
    return counted(len(items), what) if items else "nothing"


def _tell_rest(stream: IO[str], items: Sequence[object], limit: int) -> None:
    if limit and len(items) > limit:
        print(f"{limit} of {len(items):,} shown; --limit 0 shows all.", file=stream)
