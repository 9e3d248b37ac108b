"""Scorecards as they are printed: a line of a story, a breakdown in text, JSON, and CSV for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ..engine import Assessment
from ..findings import Action, Concern
from ..moments import instant_text
from ..scoring import DIMENSIONS, FULL, Deduction, Score, Scorecard, Standing
from .verdicts import VERSION, failure_view, safe_cell, status_view
from .words import counted, day, event_words, printable

CSV_COLUMNS = (
    *("client", "name", "tier", "owner", "since", "status", "computed"),
    *("score", "incomplete", *DIMENSIONS, "deducted", "deductions"),
)
_MOST_CONCERNS = 5
"""A line of a story names so many deductions, and sums the smaller ones up."""


# For programs.


def score_view(card: Scorecard) -> dict[str, Any]:
    """The score and the dimensions as plain values."""
    score: dict[str, Any] = {"value": card.score.value}
    if card.score.incomplete:
        score["incomplete"] = True
    score["deducted"] = card.score.deducted
    score["deductions"] = [_deduction_view(deduction) for deduction in card.score.deductions]
    return {
        "score": score,
        "dimensions": {dimension: _standing_view(card.dimensions[dimension]) for dimension in DIMENSIONS},
    }


def _deduction_view(deduction: Deduction) -> dict[str, Any]:
    finding = deduction.finding
    action = {"action": finding.id} if isinstance(finding, Action) else {}
    return {
        "points": deduction.points,
        "rule": deduction.rule,
        "level": deduction.what,
        **action,
        "since": instant_text(deduction.since),
        "about": finding.about,
        "because": [event.ref for event in deduction.evidence],
        "message": deduction.message,
    }


def _standing_view(standing: Standing) -> dict[str, Any]:
    failed = {"failed": [failure.rule for failure in standing.failures]} if standing.failures else {}
    return {"status": str(standing.status), "concerns": _rules_of(standing.concerns), **failed}


def _rules_of(concerns: Iterable[Concern]) -> list[str]:
    """The rules that state these concerns, each once, worst first."""
    return list(dict.fromkeys(concern.rule for concern in concerns))


def health_document(
    cards: Iterable[tuple[Assessment, Scorecard]], *, at: datetime, known_at: datetime | None
) -> dict[str, Any]:
    """Every client's scorecard at a moment as one document."""
    clients, failures = [], []
    for assessment, card in cards:
        clients.append({**status_view(assessment), **score_view(card)})
        failures += [failure_view(failure) for failure in assessment.failures]
    known = {} if known_at is None else {"known_at": instant_text(known_at)}
    return {"version": VERSION, "at": instant_text(at), **known, "clients": clients, "failures": failures}


def health_csv(document: dict[str, Any]) -> Iterator[bytes]:
    """Such a document as a table of one row a client; `computed` is what the rules say where a person said otherwise."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    for client in document["clients"]:
        score = client["score"]
        row = {
            **client,
            "computed": client.get("judged", client).get("computed", client["status"]),
            "score": score["value"],
            "incomplete": "true" if "incomplete" in score else "",
            **{dimension: standing["status"] for dimension, standing in client["dimensions"].items()},
            "deducted": score["deducted"],
            "deductions": "; ".join(map(_in_short, score["deductions"])),
        }
        writer.writerow({key: safe_cell(value) for key, value in row.items() if key in CSV_COLUMNS})
    yield buffer.getvalue().encode()


def _in_short(deduction: dict[str, Any]) -> str:
    about = f" [{deduction['about']}]" if deduction["about"] else ""
    return f"{deduction['rule']}{about} {deduction['level']} {deduction['points']}"


# For people.


def score_line(assessment: Assessment, card: Scorecard) -> str:
    """The score, what it is made of, and the dimensions, in one line."""
    score = card.score
    whose = " by the rules" if assessment.judgement else ""
    parts = ", ".join(score_parts(score))
    dimensions = ", ".join(f"{dimension} {card.dimensions[dimension].status}" for dimension in DIMENSIONS)
    incomplete = " (incomplete: a rule failed)" if score.incomplete else ""
    return printable(
        f"Score {score.value} of {FULL}{whose}{incomplete}{': ' if parts else ''}{parts}{_excess(score)}; {dimensions}."
    )


def score_parts(score: Score) -> Iterator[str]:
    """The deductions, one text each; the smaller concerns as one, the overdue actions as one."""
    concerns = [deduction for deduction in score.deductions if not isinstance(deduction.finding, Action)]
    overdue = [deduction for deduction in score.deductions if isinstance(deduction.finding, Action)]
    shown = concerns if len(concerns) <= _MOST_CONCERNS + 1 else concerns[:_MOST_CONCERNS]
    for deduction in shown:
        yield f"-{deduction.points} {_rule(deduction)}"
    if more := concerns[len(shown) :]:
        yield f"-{_points(more)} for {len(more)} more concerns"
    if overdue:
        yield f"-{_points(overdue)} for {counted(len(overdue), 'overdue action')}"


def _points(deductions: Iterable[Deduction]) -> int:
    return sum(deduction.points for deduction in deductions)


def _rule(deduction: Deduction) -> str:
    about = deduction.finding.about
    return f"{deduction.rule} [{about}]" if about else deduction.rule


def _excess(score: Score) -> str:
    return f" ({score.deducted} is more than {FULL}: 0)" if score.deducted > FULL else ""


def breakdown(assessment: Assessment, card: Scorecard) -> str:
    """Every deduction with its evidence, the sum, and the dimensions, as paragraphs of text."""
    return "\n".join(map(printable, _breakdown(assessment, card)))


def _breakdown(assessment: Assessment, card: Scorecard) -> Iterator[str]:
    client, score = assessment.client, card.score
    name = f"{client.name} ({client.id})" if client.name else client.id
    yield f"{name}: {str(assessment.status).upper()}, score {score.value} of {FULL}."
    if verdict := judgement_line(assessment):
        yield verdict
    for failure in assessment.failures:
        yield f"  The rule {failure.rule} failed, so that the score is incomplete: {failure.cause}"
    if score.deductions:
        yield ""
        told: set[str] = set()
        for deduction in score.deductions:
            yield from _item(deduction, told)
        more = f", more than {FULL}: 0" if score.deducted > FULL else ""
        yield f"  {-score.deducted:>5} in all{more}"
    yield ""
    for dimension in DIMENSIONS:
        standing = card.dimensions[dimension]
        rules = ", ".join(_rules_of(standing.concerns))
        yield f"  {dimension:<12}  {standing.status}{': ' if rules else ''}{rules}"


def _item(deduction: Deduction, told: set[str]) -> Iterator[str]:
    """One deduction with its evidence; an event that was told before is only named."""
    when = f"since {day(deduction.since)}"
    yield f"  {-deduction.points:>5} {deduction.what}: {deduction.message} ({_rule(deduction)}, {when})"
    *earlier, latest = deduction.evidence
    yield f"        because of {f'{latest.ref}, as above' if latest.ref in told else event_words(latest)}"
    told.add(latest.ref)
    if earlier:
        yield f"        and {counted(len(earlier), 'earlier event')}"


def judgement_line(assessment: Assessment) -> str | None:
    """What a person said, for how long and why, with what the rules say; `None` where no verdict is in force."""
    verdict = assessment.judgement
    if verdict is None:
        return None
    until = f", until {day(verdict.until)}" if verdict.until else ""
    computed = assessment.schedule.computed(assessment.at)
    return f"  A person said so on {day(verdict.at)}{until}: {printable(verdict.reason)} The rules say {computed}."
