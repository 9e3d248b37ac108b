"""The worklist for people and for other programs: a table and a sentence an owner; JSON, JSON lines and CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import IO, Any

import msgspec

from ..findings import Action, Health
from ..moments import instant_text
from ..worklist import Entry, OwnerWorklist, Waiting, Worklist
from .verdicts import VERSION, action_view, failure_view, safe_cell
from .words import counted, day, in_days, printable

CSV_COLUMNS = (
    *("owner", "waiting", "spoken", "until", "entry", "kind", "client", "name", "status"),
    *("due", "overdue_days", "escalated", "value", "currency"),
    *("action", "action_due", "rule", "about", "because", "message"),
)
"""One row an action: first what its entry says, then the action's own."""

HINT = """\
An action closes by itself once the log shows what it asks for. To close one by hand:
retention record URL CLIENT action_done action=ID (or action_snoozed until=DATE, or action_dismissed reason=TEXT)
"""


# For other programs.


def worklist_document(worklist: Worklist, *, known_at: datetime | None = None) -> dict[str, Any]:
    """The worklist as one document."""
    known = {} if known_at is None else {"known_at": instant_text(known_at)}
    return {
        "version": VERSION,
        "at": instant_text(worklist.at),
        **known,
        "owners": [
            {
                "owner": owner.owner,
                "today": [entry_view(entry, worklist.at) for entry in owner.today],
                "waiting": [entry_view(entry, worklist.at) for entry in owner.waiting],
            }
            for owner in worklist.owners
        ],
        "failures": [failure_view(failure) for failure in worklist.failures],
    }


def entry_view(entry: Entry, at: datetime) -> dict[str, Any]:
    """An entry as plain values; `waiting` says why it is not for today, and is `null` where it is."""
    waiting = entry.waiting
    return {
        "id": entry.id,
        "kind": entry.kind,
        "client": entry.client,
        "name": entry.name,
        "status": str(entry.status),
        "due": instant_text(entry.due),
        "overdue_days": max(at - entry.due, timedelta()).days,
        "escalated": entry.escalated,
        "value": None if entry.value is None else str(entry.value),
        "currency": entry.currency,
        "waiting": None if waiting is None else waiting.why,
        "spoken": _or_none(waiting.spoken if waiting else None),
        "until": _or_none(waiting.until if waiting else None),
        "actions": [action_view(action) for action in entry.actions],
    }


def as_jsonl(document: dict[str, Any]) -> Iterator[bytes]:
    """The document as one line an entry, each with the version, the moment, the owner and the client's failures."""
    failures: dict[str, list[dict[str, Any]]] = {}
    for failure in document["failures"]:
        failures.setdefault(failure["client"], []).append(failure)
    head = {key: value for key, value in document.items() if key not in ("owners", "failures")}
    for owner, entry in _entries(document):
        of_client = failures.get(entry["client"], [])
        yield msgspec.json.encode({**head, "owner": owner, **entry, "failures": of_client}) + b"\n"


def as_csv(document: dict[str, Any]) -> Iterator[bytes]:
    """The document as a table with one row an action; the rows of a conversation share their `entry`."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for owner, entry in _entries(document):
        start = {key: entry[key] for key in CSV_COLUMNS if key in entry}
        start |= {"owner": owner, "entry": entry["id"], "escalated": "yes" if entry["escalated"] else "no"}
        for action in entry["actions"]:
            row = {key: action[key] for key in ("rule", "about", "message")}
            row |= {"action": action["id"], "action_due": action["due"], "because": " ".join(action["because"])}
            writer.writerow({key: safe_cell(value) for key, value in (start | row).items()})
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def _entries(document: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    for owner in document["owners"]:
        for entry in (*owner["today"], *owner["waiting"]):
            yield owner["owner"], entry


def _or_none(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)


# For people.


def print_worklist(file: IO[str], worklist: Worklist, *, ahead: timedelta, everything: bool = False) -> None:
    """Print each owner's entries for today, and how many wait; with `everything`, those that wait, too."""
    file.write(f"{_headline(worklist, ahead)}\n")
    for owner in worklist.owners:
        file.write(f"\n{owner_line(owner)}\n")
        if owner.today:
            file.write("\n")
            _print_entries(file, owner.today, worklist.at)
        if owner.waiting:
            file.write("\n")
            file.writelines(f"{line}\n" for line in waiting_lines(owner.waiting, worklist.at))
            if everything:
                file.write("\n")
                _print_entries(file, owner.waiting, worklist.at, after=len(owner.today))
    if worklist.waiting and not everything:
        file.write("\n--all lists what is waiting, too.\n")
    if worklist.today or (worklist.waiting and everything):
        file.write(f"\n{HINT}")


def _headline(worklist: Worklist, ahead: timedelta) -> str:
    until = f"by {day(worklist.at + ahead)}"
    if not (worklist.today or worklist.waiting):
        return f"Worklist of {day(worklist.at)}: nothing is due {until}."
    waiting = f", {len(worklist.waiting):,} waiting" if worklist.waiting else ""
    return f"Worklist of {day(worklist.at)}, with what is due {until}: {len(worklist.today):,} for today{waiting}."


def owner_line(owner: OwnerWorklist) -> str:
    """Who the owner is, and how much is for today."""
    who = "Clients without an owner" if owner.owner is None else printable(owner.owner)
    if owner.today:
        return f"{who}: {len(owner.today):,} for today"
    return f"{who}: nothing for today" if owner.waiting else f"{who}: nothing is due"


def waiting_lines(waiting: Sequence[Entry], at: datetime) -> Iterator[str]:
    """How many entries wait, for each of the reasons, in a sentence."""
    by_why: dict[str, list[Entry]] = {"budget": [], "cooldown": []}
    for entry in waiting:
        if entry.waiting is not None:
            by_why[entry.waiting.why].append(entry)
    if over := by_why["budget"]:
        critical = sum(entry.status is Health.CRITICAL for entry in over)
        alarm = f" Critical clients among them: {critical:,}." if critical else ""
        yield f"{_count(over)} for another day, since the budget is used up; {_earliest(over, at)}.{alarm}"
    if resting := by_why["cooldown"]:
        again = min(entry.waiting.until for entry in resting if entry.waiting and entry.waiting.until)
        yield (
            f"{_count(resting)} because the client was spoken with lately; {_earliest(resting, at)},"
            f" and the first may be spoken with again from {day(again)}."
        )


def _count(entries: Sequence[Entry]) -> str:
    return "1 more waits" if len(entries) == 1 else f"{len(entries):,} more wait"


def _earliest(entries: Sequence[Entry], at: datetime) -> str:
    due = min(entry.due for entry in entries)
    return f"the earliest is due {_day_only(due)} ({in_days(due, at)})"


def _print_entries(file: IO[str], entries: Sequence[Entry], at: datetime, after: int = 0) -> None:
    from .tables import print_table

    valued = any(entry.value is not None for entry in entries)
    waiting = any(entry.waiting is not None for entry in entries)
    columns = ["#", "client", "status", "due", "overdue", "what to do"]
    columns += [*(["value"] if valued else []), *(["waits"] if waiting else [])]
    rows = []
    for number, entry in enumerate(entries, start=after + 1):
        for action in entry.actions:
            first = action is entry.actions[0]
            row = [str(number), entry.client, str(entry.status)] if first else ["", "", ""]
            row += [_day_only(action.due), overdue_words(action, entry, at), _todo(action)]
            row += [value_words(entry) if first else ""] if valued else []
            row += [waiting_words(entry.waiting) if first else ""] if waiting else []
            rows.append(row)
    print_table(file, columns, rows)


def overdue_words(action: Action, entry: Entry, at: datetime, late: str = "") -> str:
    """By how much an action is overdue, and whether its entry is escalated; nothing where it is not.

    Args:
        action: the action.
        entry: the entry that it belongs to.
        at: the moment.
        late: what is said after the length of time.
    """
    if action.due >= at:
        return ""
    count = (at - action.due).days
    days = counted(count, "day") if count else "under a day"
    return days + late + (", escalated" if entry.escalated and action is entry.actions[0] else "")


def _todo(action: Action) -> str:
    about = f" [{action.about}]" if action.about else ""
    return f"{action.message}{about} ({action.id})"


def value_words(entry: Entry) -> str:
    """What is at risk, as a number with its currency; nothing where it is not known."""
    if entry.value is None:
        return ""
    whole = entry.value == entry.value.to_integral_value()
    return f"{entry.value:,.{0 if whole else 2}f} {entry.currency or ''}".rstrip()


def waiting_words(waiting: Waiting | None) -> str:
    """Why an entry waits, and until when."""
    if waiting is None or waiting.spoken is None or waiting.until is None:
        return "for another day"
    return f"spoken with on {_day_only(waiting.spoken)}, again from {day(waiting.until)}"


def _day_only(moment: datetime) -> str:
    """An instant's day in UTC, by which the list is ordered."""
    return moment.date().isoformat()
