"""Timelines to look at: a bar of a client's statuses over time, and what changed when, because of what."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from ..findings import Health
from ..moments import instant_text
from ..timelines import Spell, Timeline
from .verdicts import VERSION, concern_view
from .words import counted, day, event_words, printable

MARKS = {
    Health.HEALTHY: "·",
    Health.UNKNOWN: "░",
    Health.WATCH: "▒",
    Health.AT_RISK: "▓",
    Health.CRITICAL: "█",
    Health.LEFT: "x",
}
"""What stands for a level in a bar; they differ in shape, so that no colour is needed."""

LEGEND = "  ".join(f"{mark} {level}" for level, mark in MARKS.items())
_WIDTH = 96
_MOST_EVENTS = 3


def since(timeline: Timeline, start: datetime | None) -> tuple[Spell, ...]:
    """The spells that last beyond a moment."""
    return tuple(it for it in timeline.spells if start is None or it.until is None or it.until > start)


def text(timeline: Timeline, start: datetime | None = None) -> str:
    """A client's timeline as text: a bar, and a line for each status with the rules and events behind it."""
    return "\n".join(_lines(timeline, start))


def _lines(timeline: Timeline, start: datetime | None) -> Iterator[str]:
    client = timeline.client
    spells = since(timeline, start)
    first = max(spells[0].starts, start or spells[0].starts) if spells else timeline.until
    name = f"{client.name} ({client.id})" if client.name else client.id
    yield printable(f"{name} from {day(first)} to {day(timeline.until)}")
    if not spells:
        return
    yield ""
    yield from _bar(timeline, first)
    yield LEGEND
    yield ""
    for spell in spells:
        ends = timeline.until if spell.until is None else spell.until
        span = f"{day(spell.starts)} to {day(ends)}" if spell.until else f"since {day(spell.starts)}"
        yield f"{str(spell.status).upper()} {span} ({_length(spell.starts, ends)})"
        for concern in spell.because:
            yield f"  {printable(concern.message or '')} ({concern.rule})"
            yield from (f"    because of {event_words(event)}" for event in concern.evidence[-_MOST_EVENTS:])
        cited = {event.order for concern in spell.because for event in concern.evidence}
        for event in spell.events[-_MOST_EVENTS:]:
            yield f"  brought about by {printable(event.ref) if event.order in cited else event_words(event)}"


def _length(starts: datetime, ends: datetime) -> str:
    count = (ends - starts).days
    if not count:
        minutes = (ends - starts) // timedelta(minutes=1)
        return f"{minutes // 60} h {minutes % 60} min"
    return counted(count, "day")


def _bar(timeline: Timeline, first: datetime) -> Iterator[str]:
    """The months above, the worst status of each stretch of time below."""
    span = timeline.until - first
    if not span:
        return
    edges = [first + span * place / _WIDTH for place in range(_WIDTH + 1)]
    yield _months(edges)
    yield "".join(MARKS[_worst(timeline.spells, one, other)] for one, other in pairwise(edges))


def _worst(spells: Sequence[Spell], starts: datetime, ends: datetime) -> Health:
    return max(it.status for it in spells if it.starts < ends and (it.until is None or it.until > starts))


def _months(edges: Sequence[datetime]) -> str:
    """The months that begin, written where they begin as far as there is room."""
    line = ""
    for place, (one, other) in enumerate(pairwise(edges)):
        begins = (other.year, other.month) != (one.year, one.month)
        if begins and len(line) <= place and place + len("2026-01") <= _WIDTH:
            line = f"{line:<{place}}{other:%Y-%m} "
    return line.rstrip()


def view(timeline: Timeline, start: datetime | None = None) -> dict[str, Any]:
    """A client's timeline as plain values."""
    return {
        "version": VERSION,
        "client": timeline.client.id,
        "name": timeline.client.name,
        "at": instant_text(timeline.until),
        "spells": [_spell_view(spell) for spell in since(timeline, start)],
    }


def _spell_view(spell: Spell) -> dict[str, Any]:
    return {
        "status": str(spell.status),
        "starts": instant_text(spell.starts),
        "until": None if spell.until is None else instant_text(spell.until),
        "because": [concern_view(concern) for concern in spell.because],
        "events": [event.ref for event in spell.events],
    }


def book_view(at: datetime, moments: Sequence[datetime], counts: Sequence[Mapping[Health, int]]) -> dict[str, Any]:
    """How many clients were at each level over time, as plain values."""
    rows = [
        {"at": instant_text(moment), **{str(level): count[level] for level in Health}}
        for moment, count in zip(moments, counts, strict=True)
    ]
    return {"version": VERSION, "at": instant_text(at), "counts": rows}
