"""What two rule sets, or two states of knowledge, say differently, in words: a summary first, then client by client."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Any

from ..comparison import (
    ClientDifference,
    Comparison,
    FactChange,
    FindingChange,
    HeldChange,
    Learned,
    RuleChange,
    RuleCount,
    StatusChange,
)
from ..comparison.differences import How
from ..events import Event
from ..findings import Action, Concern, Health
from ..setting_values import value_text
from ..stating import RuleFailure
from .comparison import summary_view
from .tables import print_table
from .words import counted, day, event_words, printable

_MOST_EVENTS = 3
_COLUMNS = ("rule", "clients", "concerns", "actions")


def write_comparison(found: Comparison, names: tuple[str, str], file: IO[str], limit: int = 0) -> None:
    """Write a comparison for people.

    Args:
        found: the comparison.
        names: what the old and the new rule set are called.
        file: where it is written.
        limit: of how many clients it is told in full; 0 for all.
    """

    def write(*lines: str) -> None:
        file.writelines(f"{line}\n" for line in lines)

    in_order = sorted(found.clients, key=_urgency)
    if not found and not in_order:
        write(*_heading(found, names), *_rule_changes(found), _no_difference(found))
        return
    write(*_heading(found, names), *_rule_changes(found), *_summary(found))
    if found.by_rule:
        write("")
        print_table(file, _COLUMNS, [_count_row(count) for count in found.by_rule])
    shown = in_order[:limit] if limit else in_order
    for client in shown:
        write("", *_client(client, found))
    if len(shown) < len(in_order):
        write("", f"{len(shown):,} of {len(in_order):,} clients shown; --limit 0 shows all, --client NAME one.")
    if found.book:
        write("", *_book(found))


def _heading(found: Comparison, names: tuple[str, str]) -> Iterator[str]:
    if found.of == "knowledge":
        yield f"As of {day(found.starts)}: what was known on {day(found.known_at or found.starts)} -> what is known now."
        return
    when = f"as of {day(found.starts)}"
    if found.until is not None:
        when = f"from {day(found.starts)} to {day(found.until)} (not included)"
    known = f", as known on {day(found.known_at)}" if found.known_at else ""
    yield printable(f"{names[0]} -> {names[1]}, {when}{known}.")


def _rule_changes(found: Comparison) -> Iterator[str]:
    for change in found.rules:
        yield from (f"  {line}" for line in _rule_change(change))


def _rule_change(change: RuleChange) -> Iterator[str]:
    if change.how != "set":
        yield f"{change.rule}: {change.how}"
    for setting in change.settings:
        tier = f" (tier {setting.tier})" if setting.tier else ""
        values = f"{value_text(setting.before)} -> {value_text(setting.after)}"
        yield printable(f"{change.rule}{tier}: {setting.setting} {values}")


def _no_difference(found: Comparison) -> str:
    clients = counted(found.compared, "client")
    if found.of == "knowledge":
        return f"No difference: nothing recorded since bears on any of {clients}."
    return f"No difference: both say the same of {clients}."


def _summary(found: Comparison) -> Iterator[str]:
    counts = summary_view(found)
    if found.of == "knowledge":
        yield f"{counted(counts['events'], 'event')} recorded since, of {counted(len(found.clients), 'client')}."
    several = counts["change_status"] != 1
    verb = (
        ("have another status" if several else "has another status")
        if found.until
        else ("change status" if several else "changes status")
    )
    directions = ""
    if counts.get("worse") or counts.get("better"):
        directions = f" ({counts['worse']:,} to a worse one, {counts['better']:,} to a better one)"
    at_some_time = " at some time" if found.until else ""
    yield (
        f"{counts['change_status']:,} of {counted(counts['clients'], 'client')} {verb}{at_some_time}{directions};"
        f" {counts['differ']:,} {'differs' if counts['differ'] == 1 else 'differ'} in anything."
    )


def _count_row(count: RuleCount) -> tuple[str, ...]:
    concerns = [f"{count.concerns[how]:,} {word}" for how, word in _WORDS.items() if count.concerns[how]]
    actions = [f"{count.actions[how]:,} {word}" for how, word in _WORDS.items() if count.actions[how]]
    return (count.rule, f"{count.clients:,}", ", ".join(concerns), ", ".join(actions))


_WORDS: dict[How, str] = {"appears": "appear", "vanishes": "vanish", "moves": "move", "changes": "change"}


def _urgency(found: ClientDifference) -> tuple[bool, int, str]:
    """Those whose status differs come first, the worst of them first of all."""
    statuses = [held.change for held in found.statuses]
    worst = max((it.after or Health.HEALTHY for it in statuses if isinstance(it, StatusChange)), default=Health.HEALTHY)
    return not statuses, -worst, found.client.id


def _client(found: ClientDifference, comparison: Comparison) -> Iterator[str]:
    client = found.client
    name = f"{client.name} ({client.id})" if client.name else client.id
    is_span = comparison.until is not None
    status = None if is_span else found.difference.status
    what = ""
    if is_span and found.statuses:
        what = f": another status for {_length(found, comparison)} in all"
    elif status is not None:
        what = f": {_status(status)}"
    elif not found.stretches:
        what = ": nothing changes"
    yield printable(f"{name}{what}")
    yield from (f"  {_learned(one)}" for one in found.learned)
    told: set[str] = set()
    for held in found.changes:
        if is_span or not isinstance(held.change, StatusChange):
            when = f"{day(held.starts)} to {day(_end(held, comparison))}: " if is_span else ""
            yield f"  {when}{_change(held.change)}"
            yield from (f"    {line}" for line in _because(held.change, told))


def _end(held: HeldChange, comparison: Comparison) -> datetime:
    return held.until or comparison.until or comparison.starts


def _length(found: ClientDifference, comparison: Comparison) -> str:
    spans = (_end(held, comparison) - held.starts for held in found.statuses)
    total = sum(spans, timedelta(0))
    return counted(total.days, "day") if total >= timedelta(days=1) else "less than a day"


def _status(change: StatusChange) -> str:
    rules = ", ".join(dict.fromkeys(it.rule for it in change.because))
    return f"{_level(change.before)} -> {_level(change.after)}" + (f", because of {rules}" if rules else "")


def _level(level: Health | None) -> str:
    return "not known" if level is None else str(level)


def _learned(one: Learned) -> str:
    said = event_words(one.event)
    if one.retracts is not None:
        said = f"{said}: retracts {event_words(one.retracts)}"
    status = ""
    if one.is_traced:
        same = one.before is one.after
        status = f"; still {_level(one.after)}" if same else f"; {_level(one.before)} -> {_level(one.after)}"
    return f"recorded {day(one.event.recorded_at)}: {said}{status}"


def _change(change: object) -> str:
    if isinstance(change, StatusChange):
        return _status(change)
    if isinstance(change, FactChange):
        return f"{change.field}: {_value(change.before)} -> {_value(change.after)}"
    assert isinstance(change, FindingChange)  # noqa: S101 - there are no others
    latest = change.latest
    if isinstance(latest, RuleFailure):
        return f"failure {change.how}: the rule {latest.rule}: {printable(latest.cause)}"
    about = f" [{printable(latest.about)}]" if latest.about else ""
    what, side = ("concern", _concern) if isinstance(latest, Concern) else ("action", _due)
    said = " -> ".join(dict.fromkeys(side(it) for it in (change.before, change.after) if it is not None))
    due = "due " if what == "action" else ""
    return f"{what} {change.how}: {due}{said}: {printable(latest.message or '')} ({change.rule}{about})"


def _concern(concern: Any) -> str:
    until = f" until {day(concern.until)}" if concern.until else ""
    return f"{concern.level} since {day(concern.starts)}{until}"


def _due(action: Any) -> str:
    return day(action.due)


def _because(change: object, told: set[str]) -> Iterator[str]:
    """What a change rests on; an event that was told before is named alone."""
    latest = change.latest if isinstance(change, FindingChange) else None
    if not isinstance(latest, Concern | Action):
        return
    for event in latest.evidence[-_MOST_EVENTS:]:
        yield f"because of {printable(event.ref) if event.ref in told else event_words(event)}"
        told.add(event.ref)
    if len(latest.evidence) > _MOST_EVENTS:
        yield f"and {counted(len(latest.evidence) - _MOST_EVENTS, 'earlier event')}"


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return day(value)
    if isinstance(value, Event):
        return event_words(value)
    return "none" if value is None else printable(str(value))


def _book(found: Comparison) -> Iterator[str]:
    yield "The whole book"
    yield from (f"  {_change(change)}" for change in (*found.book.concerns, *found.book.failures))
    yield from (f"  {printable(action.latest.client)}: {_change(action)}" for action in found.book.actions)
