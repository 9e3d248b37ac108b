"""The worklist as a calendar (iCalendar, RFC 5545): an all-day event for each entry, on the day on which it is due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ..errors import ExtraMissing
from ..findings import Action, Health
from ..worklist import Entry, Worklist
from .words import event_words, printable
from .worklist import overdue_words, value_words, waiting_words

NAME = "Client worklist"
PRODUCT = "-//retention-engine//worklist//EN"
DOMAIN = "retention-engine"
"""What follows an entry's id in an event's UID, which is to be unique in the world."""

PRIORITY = {Health.CRITICAL: 1, Health.AT_RISK: 3, Health.WATCH: 5, Health.UNKNOWN: 7, Health.HEALTHY: 9}
"""A status as iCalendar's priority: 1 is the highest, 9 the lowest."""

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_EVENTS = 3
_HOW = "Each action closes by itself once the log shows what it asks for. By hand: retention record URL CLIENT action_done action=ID"


def worklist_calendar(worklist: Worklist, *, name: str = NAME) -> bytes:
    """The worklist as an `.ics` file: every entry, for today or waiting; the same for the same worklist, byte for byte.

    An event keeps its UID as long as the entry's first action is open. A calendar that is exported at a later moment has
    a higher SEQUENCE, so that it replaces what was imported before.

    Args:
        worklist: what is to be done.
        name: what the calendar is called.

    Raises:
        ExtraMissing: the library icalendar is not installed.
    """
    try:
        from icalendar import Calendar
        from icalendar import Event as Appointment
    except ImportError as error:
        raise ExtraMissing("a calendar", "icalendar", "ics") from error
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", printable(name))
    stamp = worklist.at.replace(microsecond=0)
    for owner in worklist.owners:
        for entry in (*owner.today, *owner.waiting):
            due = entry.due.date()
            event = Appointment()
            event.add("uid", f"{entry.id}@{DOMAIN}")
            event.add("dtstamp", stamp)
            event.add("last-modified", stamp)
            event.add("sequence", max(0, (stamp - _EPOCH) // timedelta(minutes=1)))
            event.add("dtstart", due)
            event.add("dtend", due + _DAY)
            event.add("summary", _summary(entry, worklist.at))
            event.add("description", "\n".join(map(printable, _description(entry, worklist.at))))
            event.add("categories", [str(entry.status), entry.kind])
            event.add("priority", PRIORITY[entry.status])
            event.add("transp", "TRANSPARENT")
            calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _summary(entry: Entry, at: datetime) -> str:
    """One line: whom it is about, what to do first, and whether that is overdue."""
    late = "Overdue: " if entry.due < at else ""
    more = f" (and {len(entry.actions) - 1} more)" if len(entry.actions) > 1 else ""
    return printable(f"{late}{entry.name or entry.client}: {entry.actions[0].message}{more}")


def _description(entry: Entry, at: datetime) -> Iterator[str]:
    """Line by line: the client, then what to do, by when and why, then how it closes."""
    name = f"{entry.name} ({entry.client})" if entry.name else entry.client
    value = f", at stake {value_words(entry)}" if entry.value is not None else ""
    yield f"{name}: {entry.status}{value}. For {entry.owner or 'nobody in particular'}."
    if entry.waiting is not None:
        yield f"Waits: {waiting_words(entry.waiting)}."
    for action in entry.actions:
        yield ""
        yield from _action(action, entry, at)
    yield ""
    yield _HOW


def _action(action: Action, entry: Entry, at: datetime) -> Iterator[str]:
    about = f" [{action.about}]" if action.about else ""
    late = overdue_words(action, entry, at, " overdue")
    yield f"{action.message}{about}"
    yield f"{action.rule}, due {action.due.date().isoformat()}{f', {late}' if late else ''}; action {action.id}"
    for event in action.evidence[: -_MOST_EVENTS - 1 : -1]:
        yield f"because of {event_words(event)}"
    if len(action.evidence) > _MOST_EVENTS:
        yield f"and {len(action.evidence) - _MOST_EVENTS:,} earlier"
