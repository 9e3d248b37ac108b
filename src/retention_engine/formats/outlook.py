"""The outlook for people and for other programs: what changes when, why, and what prevents it by when."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

from ..events import Event, Judged
from ..findings import Concern, Health
from ..moments import instant_text
from ..outlook import ComingChange, Deadline, Outlook
from .verdicts import VERSION, action_view, concern_view, failure_view, safe_cell
from .words import counted, day, printable

CSV_COLUMNS = (
    *("at", "client", "name", "owner", "before", "after"),
    *("rule", "about", "because", "message", "by", "action", "action_due", "action_message"),
)
"""One row for each concern behind a change; one with an empty `rule` where a person's verdict ends and leaves none."""

VERDICT_ENDS = "The verdict of a person ends."
_MOST_CITED = 5


# For other programs.


def outlook_document(outlook: Outlook, *, known_at: datetime | None = None) -> dict[str, Any]:
    """The outlook as one document."""
    known = {} if known_at is None else {"known_at": instant_text(known_at)}
    return {
        "version": VERSION,
        "at": instant_text(outlook.at),
        "until": instant_text(outlook.until),
        **known,
        "changes": [coming_view(change) for change in outlook.changes],
        "counts": {
            str(level): {"now": outlook.now.get(level, 0), "then": outlook.then.get(level, 0)} for level in Health
        },
        "failures": [failure_view(failure) for failure in outlook.failures],
    }


def coming_view(change: ComingChange) -> dict[str, Any]:
    """A change of status as plain values, with whose it is, and by when what prevents it."""
    verdict = change.verdict
    return {
        "at": instant_text(change.at),
        "client": change.client,
        "name": change.name,
        "owner": change.owner,
        "before": str(change.before),
        "after": str(change.after),
        "because": [concern_view(concern) for concern in change.because],
        "verdict": None if verdict is None else {"because": [verdict.ref], "level": verdict.level},
        "deadlines": [_deadline_view(deadline) for deadline in change.deadlines],
    }


def _deadline_view(deadline: Deadline) -> dict[str, Any]:
    return {
        "rule": deadline.concern.rule,
        "about": deadline.concern.about,
        "by": instant_text(deadline.by),
        "action": None if deadline.action is None else action_view(deadline.action),
    }


def outlook_csv(document: dict[str, Any]) -> Iterator[bytes]:
    """The changes as a table."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for change in document["changes"]:
        start = {key: change[key] for key in CSV_COLUMNS[:6]}
        by = {(deadline["rule"], deadline["about"]): deadline for deadline in change["deadlines"]}
        for concern in change["because"] or [_verdict_row(change)]:
            row = {key: concern[key] for key in ("rule", "about", "message")}
            row |= start | {"because": " ".join(concern["because"])}
            if deadline := by.get((concern["rule"], concern["about"])):
                action = deadline["action"] or {"id": "", "due": "", "message": ""}
                row |= {"by": deadline["by"], "action": action["id"]}
                row |= {"action_due": action["due"], "action_message": action["message"]}
            writer.writerow({key: safe_cell(value) for key, value in row.items()})
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def _verdict_row(change: dict[str, Any]) -> dict[str, Any]:
    because = change["verdict"]["because"] if change["verdict"] else []
    return {"rule": None, "about": None, "because": because, "message": VERDICT_ENDS}


# For people.


def print_outlook(file: IO[str], outlook: Outlook, *, limit: int = 0) -> None:
    """Print each change with its reasons and deadlines, the first `limit` of them, and how the book stands by then."""
    file.write(f"{_headline(outlook)}\n")
    shown = outlook.changes[:limit] if limit else outlook.changes
    for change in shown:
        file.write("\n")
        file.writelines(f"{line}\n" for line in change_lines(change))
    if len(shown) < len(outlook.changes):
        file.write(f"\n{len(shown)} of {len(outlook.changes):,} changes shown; --limit 0 shows all.\n")
    if outlook.now:
        file.write("\n")
        _print_counts(file, outlook)


def _headline(outlook: Outlook) -> str:
    span = f"From {day(outlook.at)} to {day(outlook.until)}, if nothing happens"
    if not outlook.changes:
        return f"{span}: no status changes."
    count = counted(len(outlook.changes), "change of status", "changes of status")
    worse = sum(change.is_worse for change in outlook.changes)
    return f"{span}: {count}, {worse:,} for the worse."


def change_lines(change: ComingChange) -> Iterator[str]:
    """A change in words: when and whose, why, and by when to do what about it."""
    name = f"{change.name} ({change.client})" if change.name else change.client
    owner = f", looked after by {change.owner}" if change.owner else ""
    yield printable(f"{day(change.at)}  {name}: {change.before} becomes {change.after}{owner}")
    if change.verdict is not None:
        yield f"  {_verdict_words(change.verdict)}"
    deadlines = {(it.concern.rule, it.concern.about): it for it in change.deadlines}
    for concern in change.because:
        ends = "" if change.is_worse or concern.until != change.at else "no longer: "
        yield f"  {ends}{concern_words(concern)}, because of {cited(concern.evidence)}"
        if deadline := deadlines.get((concern.rule, concern.about)):
            yield f"    {_deadline_words(deadline, change.at)}"


def _verdict_words(verdict: Judged) -> str:
    return printable(f"{VERDICT_ENDS[:-1]} ({verdict.ref}: {verdict.reason})")


def concern_words(concern: Concern) -> str:
    """A concern in a line: what it says, and the rule that says so."""
    about = f" [{concern.about}]" if concern.about else ""
    return printable(f"{concern.message or ''} ({concern.rule}{about})")


def cited(events: tuple[Event, ...]) -> str:
    """The events that something rests on, by their ids."""
    more = len(events) - _MOST_CITED
    names = ", ".join(event.ref for event in events[-_MOST_CITED:])
    return printable(names) + (f" and {more:,} earlier events" if more > 0 else "")


def _deadline_words(deadline: Deadline, change: datetime) -> str:
    action = deadline.action
    if action is None:
        return f"deal with it by {day(deadline.by)}"
    about = f" [{printable(action.about)}]" if action.about else ""
    late = f", due since {day(action.due)}" if action.due < change == deadline.by else ""
    return f"by {day(deadline.by)}{late}: {printable(action.message)}{about} ({action.id})"


def _print_counts(file: IO[str], outlook: Outlook) -> None:
    from .tables import print_table

    rows = [
        (str(level), f"{outlook.now.get(level, 0):,}", f"{outlook.then.get(level, 0):,}")
        for level in sorted(Health, reverse=True)
        if outlook.now.get(level) or outlook.then.get(level)
    ]
    print_table(file, ("status", day(outlook.at), day(outlook.until)), rows)
