"""Verdicts for other programs: JSON, JSON lines, and CSV that a spreadsheet opens without running anything."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ..engine import Assessment, Change
from ..findings import Action, Concern
from ..moments import instant_text
from ..stating import RuleFailure
from .formulas import as_cell
from .words import printable

Seen = tuple[dict[str, Any], tuple[RuleFailure, ...]]
"""A client's verdict as plain values, and the rules that could not be evaluated for it."""

VERSION = 1
CSV_COLUMNS = (
    *("client", "name", "tier", "owner", "since", "status"),
    *("finding", "rule", "level", "starts", "until", "due", "about", "because", "message", "id"),
)


def client_view(assessment: Assessment, ahead: timedelta) -> dict[str, Any]:
    """One client's verdict as plain values, with the actions due by then."""
    return {
        **status_view(assessment),
        "concerns": [concern_view(concern) for concern in assessment.concerns],
        "actions": [action_view(action) for action in assessment.due(ahead)],
    }


def status_view(assessment: Assessment) -> dict[str, Any]:
    """Who the client is and how it is, as plain values, with a person's verdict where one is in force."""
    client = assessment.client
    view: dict[str, Any] = {
        "client": client.id,
        "name": client.name,
        "tier": client.tier,
        "owner": client.owner,
        "since": instant_text(client.since),
        "status": str(assessment.status),
    }
    if verdict := assessment.judgement:
        view["judged"] = {
            "level": verdict.level,
            "starts": instant_text(verdict.at),
            "reason": verdict.reason,
            "until": _or_none(verdict.until),
            "because": [verdict.ref],
            "computed": str(assessment.schedule.computed(assessment.at)),
        }
    return view


def concern_view(concern: Concern) -> dict[str, Any]:
    """A concern as plain values."""
    return {
        "rule": concern.rule,
        "level": str(concern.level),
        "starts": instant_text(concern.starts),
        "until": _or_none(concern.until),
        "about": concern.about,
        "because": [event.ref for event in concern.evidence],
        "message": concern.message,
    }


def action_view(action: Action) -> dict[str, Any]:
    """An action as plain values."""
    return {
        "id": action.id,
        "rule": action.rule,
        "due": instant_text(action.due),
        "about": action.about,
        "because": [event.ref for event in action.evidence],
        "message": action.message,
    }


def change_view(change: Change) -> dict[str, Any]:
    """A change of status as plain values."""
    return {
        "at": instant_text(change.at),
        "before": str(change.before),
        "after": str(change.after),
        "because": [concern_view(concern) for concern in change.because],
    }


def failure_view(failure: RuleFailure) -> dict[str, Any]:
    """A rule's failure as plain values."""
    return {"rule": failure.rule, "client": failure.client, "cause": failure.cause}


def replay_document(
    assessments: Iterable[Assessment], *, at: datetime, known_at: datetime | None, ahead: timedelta
) -> dict[str, Any]:
    """The whole book at a moment as one document."""
    return document_of((seen(assessment, ahead) for assessment in assessments), at=at, known_at=known_at)


def seen(assessment: Assessment, ahead: timedelta) -> Seen:
    """What a replay shows of a client, in values that another process can send."""
    return client_view(assessment, ahead), assessment.failures


def document_of(clients_seen: Iterable[Seen], *, at: datetime, known_at: datetime | None) -> dict[str, Any]:
    """The whole book at a moment as one document, from what is seen of each client."""
    clients, failures = [], []
    for view, failed in clients_seen:
        clients.append(view)
        failures += [failure_view(failure) for failure in failed]
    known = {} if known_at is None else {"known_at": instant_text(known_at)}
    return {"version": VERSION, "at": instant_text(at), **known, "clients": clients, "failures": failures}


def as_json(document: dict[str, Any]) -> bytes:
    """A document as indented JSON with a line's end."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def as_jsonl(document: dict[str, Any]) -> Iterator[bytes]:
    """A replay document as one line a client, each with the version, the moment and the client's own failures."""
    head = {key: value for key, value in document.items() if key not in ("clients", "failures")}
    failures: dict[str, list[dict[str, Any]]] = {}
    for failure in document["failures"]:
        failures.setdefault(failure["client"], []).append(failure)
    for client in document["clients"]:
        yield msgspec.json.encode({**head, **client, "failures": failures.get(client["client"], [])}) + b"\n"


def as_csv(document: dict[str, Any]) -> Iterator[bytes]:
    """A replay document as a table: one row a finding, and one row for a client without any."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for client in document["clients"]:
        start = {key: client[key] for key in CSV_COLUMNS if key in client}
        rows = [{"finding": "concern", **concern} for concern in client["concerns"]]
        rows += [{"finding": "action", **action} for action in client["actions"]]
        for row in rows or [{}]:
            flat = {**start, **row, "because": " ".join(row.get("because", ()))}
            writer.writerow({key: safe_cell(value) for key, value in flat.items()})
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def safe_cell(value: object) -> str:
    """A text that no spreadsheet takes for a formula and no terminal for a command; JSON has it as it is."""
    text = "" if value is None else str(value)
    if not text.isprintable():
        text = "".join(char if char in "\t\r\n" else printable(char) for char in text)
    return as_cell(text)


def _or_none(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)
