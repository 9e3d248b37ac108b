"""What people read: dates, levels and events in words, safe to print on a terminal."""

import re
from datetime import datetime

from ..events import Event, Profiled
from ..moments import instant_text

MINUS = "\N{MINUS SIGN}"

_LONG = 60
_ENVELOPE = ("client", "kind", "at", "id", "recorded_at", "note")


_JOINERS = "\u200c\u200d"  # Persian words and many emoji are written with them
_SPACES = re.compile(r"[^\S\t\n\r\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")


def printable(text: str) -> str:
    """A text whose control and direction characters are spelled out, so that it can't steer a terminal."""
    return text if text.isprintable() else "".join(map(_spelled_out, text))


def _spelled_out(char: str) -> str:
    if char.isprintable() or char in _JOINERS or _SPACES.match(char):
        return char
    return char.encode("unicode_escape").decode()


def day(moment: datetime) -> str:
    """An instant as a date, with its time of day in UTC unless that is midnight."""
    text = instant_text(moment)
    return text.removesuffix("T00:00:00Z").replace("T", " ")


def date(moment: datetime) -> str:
    """An instant's day in UTC."""
    return moment.date().isoformat()


def counted(count: int, what: str, several: str = "") -> str:
    """A number of things: `1 client`, `2,357 clients`, or whatever several of them are called."""
    return f"{count:,} {what if count == 1 else several or f'{what}s'}"


def in_days(moment: datetime, at: datetime) -> str:
    """How far an instant lies from another: `today`, `in 5 days`, `3 days overdue`."""
    count = (moment - at).days
    if moment < at:
        count = (at - moment).days
        return f"{counted(count, 'day')} overdue" if count else "overdue since today"
    return f"in {counted(count, 'day')}" if count else "within a day"


def event_words(event: Event) -> str:
    """An event in a few words: `e17, engaged 2026-05-15 (purpose invoice): sent the May invoice`."""
    said = {key: value for key, value in event.fields().items() if key not in _ENVELOPE}
    parts = [_field_words(key, value) for key, value in said.items()]
    inside = f" ({', '.join(parts)})" if parts else ""
    note = f": {event.note}" if event.note else ""
    kind = "profile" if isinstance(event, Profiled) else event.kind
    kind = kind if "." in kind else kind.replace("_", " ")  # a name of somebody else's is theirs
    return printable(f"{event.ref}, {kind} {day(event.at)}{inside}{note}")


def _field_words(key: str, value: object) -> str:
    if isinstance(value, datetime):
        value = day(value)
    elif isinstance(value, bool):
        return key.replace("_", " ") if value else f"not {key.replace('_', ' ')}"
    elif isinstance(value, dict):
        value = ", ".join(f"{question}: {answer}" for question, answer in value.items())
    elif isinstance(value, tuple):
        value = " and ".join(map(str, value))
    text = str(value)
    return f"{key.replace('_', ' ')} {text if len(text) <= _LONG else text[:_LONG] + '…'}"
