"""One client's story in words: status, why, since when, because of which events, what to do, what comes next."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ..engine import Assessment, Change
from ..events import Event
from ..findings import Action, Concern, Health
from ..scoring import Scorecard
from .renewal_story import renewal, renewal_words
from .scorecards import judgement_line, score_line
from .words import counted, day, event_words, in_days, printable

_MOST_EVENTS = 5


def story(assessment: Assessment, ahead: timedelta, card: Scorecard) -> str:
    """The story as paragraphs of text, ready to print."""
    return "\n".join(_lines(assessment, ahead, card))


def _lines(assessment: Assessment, ahead: timedelta, card: Scorecard) -> Iterator[str]:
    yield _who(assessment)
    yield ""
    yield _status(assessment)
    if verdict := judgement_line(assessment):
        yield verdict
    for failure in assessment.failures:
        yield f"  The rule {failure.rule} failed, so that this is not the whole truth: {printable(failure.cause)}"
    yield score_line(assessment, card)
    if assessment.concerns:
        yield ""
        yield "Why"
        for concern in assessment.concerns:
            yield from _concern(concern)
    yield ""
    yield from _actions(assessment, ahead)
    if found := renewal(assessment.client, assessment.at):
        yield ""
        yield renewal_words(found)
    yield ""
    yield from _next_changes(assessment)


def _who(assessment: Assessment) -> str:
    client = assessment.client
    name = f"{client.name} ({client.id})" if client.name else client.id
    owner = f", looked after by {client.owner}" if client.owner else ""
    events = counted(len(client.events), "event")
    return printable(f"{name}, tier {client.tier}{owner}; with us since {day(client.since)}, {events}.")


def _status(assessment: Assessment) -> str:
    since = ""
    if assessment.judgement is None and assessment.concerns:
        worst = assessment.concerns[0].level
        starts = min(concern.starts for concern in assessment.concerns if concern.level is worst)
        since = f", since {day(starts)}"
    return f"Status on {day(assessment.at)}: {str(assessment.status).upper()}{since}."


def _concern(concern: Concern) -> Iterator[str]:
    about = f" [{printable(concern.about)}]" if concern.about else ""
    span = f"since {day(concern.starts)}" + (f", until {day(concern.until)}" if concern.until else "")
    yield f"  {concern.level}: {printable(concern.message or '')} ({concern.rule}{about}, {span})"
    yield from _because(concern.evidence)


def _because(evidence: tuple[Event, ...]) -> Iterator[str]:
    for event in evidence[-_MOST_EVENTS:]:
        yield f"    because of {event_words(event)}"
    if len(evidence) > _MOST_EVENTS:
        yield f"    and {len(evidence) - _MOST_EVENTS:,} earlier events"


def _actions(assessment: Assessment, ahead: timedelta) -> Iterator[str]:
    due = assessment.due(ahead)
    if not due:
        later = assessment.actions[:1]
        if later:
            yield f"Nothing is due by {day(assessment.at + ahead)}; next, on {day(later[0].due)}: {printable(later[0].message)}"
        else:
            yield (
                "Nothing is to be done."
                if assessment.status is not Health.LEFT
                else "Nothing is to be done: the client has left."
            )
        return
    yield "What to do"
    for action in due:
        yield from _action(action, assessment)


def _action(action: Action, assessment: Assessment) -> Iterator[str]:
    about = f" [{printable(action.about)}]" if action.about else ""
    when = f"by {day(action.due)}, {in_days(action.due, assessment.at)}"
    yield f"  {printable(action.message)} ({action.rule}{about}, {when}; action {action.id})"


def _next_changes(assessment: Assessment) -> Iterator[str]:
    changes: Iterable[Change] = assessment.schedule.changes(assessment.at)
    first = True
    for change in changes:
        if first:
            yield "What changes if nothing else happens"
            first = False
        reasons = [printable(concern.message or "") for concern in change.because]
        if assessment.schedule.ends_verdict(change.at):
            reasons.insert(0, "The verdict of a person ends.")
        gone = "" if change.after > change.before or assessment.schedule.ends_verdict(change.at) else "No longer: "
        yield f"  {day(change.at)}: {change.before} becomes {change.after}. {gone}{' '.join(reasons)}"
    if first:
        yield "Nothing changes while nothing else happens."
