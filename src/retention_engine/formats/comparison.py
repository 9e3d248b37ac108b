"""What two rule sets, or two states of knowledge, say differently: as plain values, and as a table for spreadsheets."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..comparison import (
    ClientDifference,
    Comparison,
    Difference,
    FactChange,
    FindingChange,
    HeldChange,
    Learned,
    RuleChange,
    RuleCount,
    StatusChange,
)
from ..events import Judged
from ..findings import Action, Concern, Health
from ..moments import instant_text
from ..setting_values import value_text
from ..stating import RuleFailure
from .verdicts import VERSION, action_view, concern_view, failure_view, safe_cell
from .words import event_words

CSV_COLUMNS = (
    *("client", "name", "tier", "owner", "what", "change", "from", "to", "rule", "about", "before", "after"),
    *("starts_before", "starts_after", "until_before", "until_after", "due_before", "due_after"),
    *("because", "message", "id_before", "id_after"),
)


def comparison_document(found: Comparison, names: tuple[str | None, str | None] = (None, None)) -> dict[str, Any]:
    """A comparison as one document.

    Args:
        found: the comparison.
        names: what the old and the new rule set are called, such as their files.
    """
    document: dict[str, Any] = {"version": VERSION, "of": found.of}
    if found.until is None:
        document["at"] = instant_text(found.starts)
    else:
        document |= {"from": instant_text(found.starts), "to": instant_text(found.until)}
    if found.known_at is not None:
        document["known_at"] = instant_text(found.known_at)
    if found.of == "rules":
        document |= {"old": names[0], "new": names[1], "rule_changes": [_rule_change_view(it) for it in found.rules]}
    return {
        **document,
        "summary": summary_view(found),
        "rules": [_count_view(count) for count in found.by_rule],
        "clients": [_client_view(client, found) for client in found.clients],
        "book": _book_view(found.book),
        "failures": [failure_view(failure) for failure in found.failures],
    }


def summary_view(found: Comparison) -> dict[str, int]:
    """How many clients were compared, how many of them differ, and how many in their status."""
    statuses = [client.difference.status for client in found.changed_status] if found.until is None else []
    directions = [status.is_worse for status in statuses if status and None not in {status.before, status.after}]
    counts = {
        "clients": found.compared,
        "differ": sum(bool(client.stretches) for client in found.clients),
        "change_status": len(found.changed_status),
    }
    if found.until is None:
        counts |= {"worse": sum(directions), "better": len(directions) - sum(directions)}
    if found.of == "knowledge":
        counts["events"] = sum(len(client.learned) for client in found.clients)
    return counts


def _rule_change_view(change: RuleChange) -> dict[str, Any]:
    settings = [
        {
            "setting": it.setting,
            "tier": it.tier,
            "before": value_text(it.before),
            "after": value_text(it.after),
        }
        for it in change.settings
    ]
    return {"rule": change.rule, "change": change.how, "settings": settings}


def _count_view(count: RuleCount) -> dict[str, Any]:
    return {
        "rule": count.rule,
        "clients": count.clients,
        "concerns": {how: count.concerns[how] for how in ("appears", "vanishes", "changes")},
        "actions": {how: count.actions[how] for how in ("appears", "vanishes", "moves", "changes")},
    }


def _client_view(found: ClientDifference, comparison: Comparison) -> dict[str, Any]:
    client = found.client
    view: dict[str, Any] = {"client": client.id, "name": client.name, "tier": client.tier, "owner": client.owner}
    if comparison.of == "knowledge":
        view["events"] = [_learned_view(one) for one in found.learned]
    parts: dict[str, list[dict[str, Any]]] = {
        kind: [] for kind in ("statuses", "concerns", "actions", "failures", "facts")
    }
    for held in found.changes:
        kind, values = _change_view(held.change)
        parts[kind].append({**_span_view(held, comparison), **values})
    return view | parts


def _span_view(held: HeldChange, comparison: Comparison) -> dict[str, str | None]:
    if comparison.until is None:
        return {}
    return {"from": instant_text(held.starts), "to": None if held.until is None else instant_text(held.until)}


def _change_view(change: object) -> tuple[str, dict[str, Any]]:
    """A change as plain values, and under which name it is listed."""
    if isinstance(change, StatusChange):
        because = [{"rule": it.rule, "about": it.latest.about} for it in change.because]
        return "statuses", {"before": _level(change.before), "after": _level(change.after), "because": because}
    if isinstance(change, FactChange):
        return "facts", {"field": change.field, "before": _value(change.before), "after": _value(change.after)}
    assert isinstance(change, FindingChange)  # noqa: S101 - there are no others
    kind, view = _KINDS[type(change.latest)]
    sides = {name: None if side is None else view(side) for name, side in _sides(change)}
    return kind, {"rule": change.rule, "change": change.how, **sides}


_KINDS: dict[type, tuple[str, Any]] = {
    Concern: ("concerns", concern_view),
    Action: ("actions", action_view),
    RuleFailure: ("failures", failure_view),
}


def _sides(change: FindingChange[Any]) -> tuple[tuple[str, Any], tuple[str, Any]]:
    return ("before", change.before), ("after", change.after)


def _level(level: Health | None) -> str | None:
    return None if level is None else str(level)


def _value(value: object) -> str | None:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, Judged):
        return value.ref
    return None if value is None else str(value)


def _learned_view(one: Learned) -> dict[str, Any]:
    return {
        "event": one.event.ref,
        "kind": one.event.kind,
        "at": instant_text(one.event.at),
        "recorded_at": instant_text(one.event.recorded_at),
        "retracts": None if one.retracts is None else one.retracts.ref,
        "status": {"before": _level(one.before), "after": _level(one.after)} if one.is_traced else None,
    }


def _book_view(book: Difference) -> dict[str, Any]:
    """What differs for the whole book; each action names its client."""
    concerns, actions = ([_change_view(it)[1] for it in changes] for changes in (book.concerns, book.actions))
    of_clients = [{"client": it.latest.client, **view} for it, view in zip(book.actions, actions, strict=True)]
    return {"concerns": concerns, "actions": of_clients, "failures": [_change_view(it)[1] for it in book.failures]}


# A table for spreadsheets.


def comparison_table(found: Comparison) -> Iterator[bytes]:
    """A comparison as a table: one row a change, and one for each event recorded late."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(found):
        writer.writerow({key: safe_cell(value) for key, value in row.items()})
    yield buffer.getvalue().encode()


def _rows(found: Comparison) -> Iterator[dict[str, Any]]:
    for client in found.clients:
        who = {name: getattr(client.client, name) for name in ("name", "tier", "owner")}
        start = {"client": client.client.id, **who}
        for one in client.learned:
            yield start | _event_row(one)
        for held in client.changes:
            yield start | _span_row(held, found) | _row(held.change)
    yield from map(_row, (*found.book.concerns, *found.book.failures))
    for action in found.book.actions:
        yield {"client": action.latest.client} | _row(action)


def _span_row(held: HeldChange, found: Comparison) -> dict[str, Any]:
    return {key: value or "" for key, value in _span_view(held, found).items()}


def _event_row(one: Learned) -> dict[str, Any]:
    return {
        "what": "event",
        "change": "recorded" if one.retracts is None else "retracts",
        "from": instant_text(one.event.recorded_at),
        "before": _level(one.before),
        "after": _level(one.after),
        "because": (one.retracts or one.event).ref,
        "message": event_words(one.event),
    }


def _row(change: object) -> dict[str, Any]:
    kind, view = _change_view(change)
    if kind == "statuses":
        rules = " ".join(it["rule"] for it in view["because"])
        return {"what": "status", "change": "changes", "before": view["before"], "after": view["after"], "rule": rules}
    if kind == "facts":
        return {"what": view["field"], "change": "changes", "before": view["before"], "after": view["after"]}
    row: dict[str, Any] = {"what": kind.removesuffix("s"), "change": view["change"], "rule": view["rule"]}
    for side in ("before", "after"):
        finding = view[side] or {}
        row |= {f"{name}_{side}": finding.get(name) for name in ("starts", "until", "due", "id")}
        row[side] = finding.get("level")
        row |= {name: finding[name] for name in ("about", "message") if name in finding}
        row |= {"message": finding["cause"]} if "cause" in finding else {}
        row |= {"because": " ".join(finding["because"])} if "because" in finding else {}
    return {key: value for key, value in row.items() if key in CSV_COLUMNS}
