"""What holds for the book as a whole: in words for people, as plain values for programs."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..book import BookAssessment, BookChange
from ..findings import Action, Concern
from ..moments import instant_text
from .verdicts import VERSION, action_view, concern_view, failure_view
from .words import counted, day, in_days, printable

_MOST_NAMES = 25


def book_page(found: BookAssessment, ahead: timedelta) -> str:
    """What holds for the book as paragraphs of text, ready to print."""
    return "\n".join(_lines(found, ahead))


def _lines(found: BookAssessment, ahead: timedelta) -> Iterator[str]:
    count = len(found.book.clients)
    yield f"{counted(count, 'client')} as of {day(found.at)}."
    yield ""
    if found.concerns:
        yield "What holds for the whole book"
        for concern in found.concerns:
            yield from _concern(concern, found)
    else:
        yield "No rule about the whole book finds anything."
    yield ""
    yield from _actions(found, ahead)
    yield ""
    yield from _changes(found, ahead)


def _concern(concern: Concern, found: BookAssessment) -> Iterator[str]:
    about = f" [{printable(concern.about)}]" if concern.about else ""
    yield f"  {concern.level}: {printable(concern.message or '')} ({concern.rule}{about}, since {day(concern.starts)})"
    names = [_name(client, found) for client in dict.fromkeys(event.client for event in concern.evidence)]
    more = " and others" if len(names) > _MOST_NAMES else ""
    yield f"    {', '.join(names[:_MOST_NAMES])}{more}"


def _name(client: str, found: BookAssessment) -> str:
    name = found.book.by_id[client].name if client in found.book.by_id else None
    return printable(f"{name} ({client})" if name else client)


def _actions(found: BookAssessment, ahead: timedelta) -> Iterator[str]:
    due = found.due(ahead)
    if due:
        yield "What to do"
        yield from (_action(action, found) for action in due)
    elif found.actions:
        first = found.actions[0]
        yield (
            f"Nothing is due by {day(found.at + ahead)}; next, on {day(first.due)}: {_name(first.client, found)}:"
            f" {printable(first.message)}"
        )
    else:
        yield "Nothing is to be done."


def _action(action: Action, found: BookAssessment) -> str:
    when = f"by {day(action.due)}, {in_days(action.due, found.at)}"
    what = f"{_name(action.client, found)}: {printable(action.message)}"
    return f"  {what} ({action.rule}, {when}; action {action.id})"


def _changes(found: BookAssessment, ahead: timedelta) -> Iterator[str]:
    soon = [change for change in found.changes if change.at - found.at <= ahead]
    if soon:
        yield "What changes if nothing else happens"
        by_subject: dict[tuple[str, str | None], list[BookChange]] = {}
        for change in soon:
            by_subject.setdefault((change.rule, change.about), []).append(change)
        yield from map(_course, by_subject.values())
    elif found.changes:
        yield f"Nothing changes by {day(found.at + ahead)}; next, if nothing else happens"
        yield _course(found.changes[:1])
    else:
        yield "Nothing changes while nothing else happens."


def _course(changes: Sequence[BookChange]) -> str:
    """Changes of one thing in a line: when, and what is said in the end."""
    first, last = changes[0], changes[-1]
    about = f" [{printable(last.about)}]" if last.about else ""
    when = day(last.at) if first is last else f"{day(first.at)} to {day(last.at)}, {len(changes):,} changes, then"
    what = "over" if last.after is None else str(last.after.level)
    concern = last.after or last.before
    said = printable(concern.message or "") if concern else ""
    return f"  {when}: {what}: {said} ({last.rule}{about})"


def book_document(found: BookAssessment, *, known_at: datetime | None, ahead: timedelta) -> dict[str, Any]:
    """What holds for the book as one document, with the actions that are due and the changes that come by then."""
    known = {} if known_at is None else {"known_at": instant_text(known_at)}
    return {
        "version": VERSION,
        "at": instant_text(found.at),
        **known,
        "clients": len(found.book.clients),
        "concerns": [_concern_view(concern) for concern in found.concerns],
        "actions": [{"client": action.client, **action_view(action)} for action in found.due(ahead)],
        "changes": [_change_view(change) for change in found.changes if change.at - found.at <= ahead],
        "failures": [failure_view(failure) for failure in found.failures],
    }


def _concern_view(concern: Concern) -> dict[str, Any]:
    """A concern as plain values; the clients stand in the order of the events that it cites, one for one."""
    return {**concern_view(concern), "clients": [event.client for event in concern.evidence]}


def _change_view(change: BookChange) -> dict[str, Any]:
    return {
        "at": instant_text(change.at),
        "rule": change.rule,
        "about": change.about,
        "before": None if change.before is None else _concern_view(change.before),
        "after": None if change.after is None else _concern_view(change.after),
    }
