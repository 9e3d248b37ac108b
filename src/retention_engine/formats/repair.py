"""A repair for people and for other programs: what would do, by when, for how long, and what would not do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote
from typing import Any

from ..catalogue import Step
from ..events import Event
from ..findings import Concern
from ..moments import instant_text
from ..outlook import ComingChange
from ..repair import TICK, Rejection, Repair, subject
from .outlook import VERDICT_ENDS, cited, coming_view, concern_words
from .texts import texts_of
from .verdicts import VERSION, concern_view, failure_view, status_view
from .words import day, printable

WHAT_IF = """\
These are what-ifs: nothing was recorded, and the client has a say in it. Record what really happens."""

_ENVELOPE = ("client", "kind", "at")
_MOST_NAMED = 8


# For other programs.


def repair_document(repair: Repair, *, at: datetime, known_at: datetime | None = None) -> dict[str, Any]:
    """A repair as one document. Events that nobody has recorded are cited by the entry that they would come from."""
    known = {} if known_at is None else {"known_at": instant_text(known_at)}
    return {
        "version": VERSION,
        "at": instant_text(at),
        **known,
        "when": instant_text(repair.when),
        "target": str(repair.target),
        **status_view(repair.before),
        "in_the_way": [concern_view(concern) for concern in repair.in_the_way],
        "needed": repair.is_needed,
        "possible": repair.is_possible,
        "repair": _solution(repair),
        "horizon": instant_text(repair.horizon),
        "gets_worse": _change_view(repair.gets_worse, {}),
        "mends_itself": _change_view(repair.mends_itself, {}),
        "rejected": [_rejection_view(rejection) for rejection in repair.rejected],
        "nearest": _nearest(repair.nearest),
        "failures": [failure_view(failure) for failure in repair.failures],
    }


def _nearest(repair: Repair | None) -> dict[str, Any] | None:
    found = None if repair is None else _solution(repair)
    return None if repair is None or found is None else {"target": str(repair.target), **found}


def _solution(repair: Repair) -> dict[str, Any] | None:
    if repair.after is None:
        return None
    names = _names(repair.steps)
    return {
        "minutes": repair.minutes,
        "steps": [_step_view(step) for step in repair.steps],
        "status": str(repair.after.status),
        "ends": _change_view(repair.ends, names),
        "suffices_until": None if repair.suffices_until is None else instant_text(repair.suffices_until),
        "then_stays": [_named(concern_view(concern), names) for concern in repair.then_stays],
    }


def _step_view(step: Step) -> dict[str, Any]:
    return {
        "entry": step.remedy,
        "subject": step.subject,
        "about": step.about,
        "minutes": step.minutes,
        "events": [event.fields() for event in step.events],
    }


def _rejection_view(rejection: Rejection) -> dict[str, Any]:
    step = rejection.step
    names = _names([step])
    return {
        "entry": step.remedy,
        "subject": step.subject,
        "minutes": step.minutes,
        "status": str(rejection.status),
        "settles": [{"rule": concern.rule, "about": concern.about} for concern in rejection.settles],
        "stays": [_named(concern_view(concern), names) for concern in rejection.stays],
    }


def _change_view(change: ComingChange | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    if change is None:
        return None
    view = coming_view(change)
    view["because"] = [_named(concern, names) for concern in view["because"]]
    return {key: value for key, value in view.items() if key not in ("client", "name", "owner", "deadlines")}


def _names(steps: Iterable[Step]) -> dict[str, str]:
    """How events that nobody has recorded are cited, by the citation that they would have."""
    return {event.ref: f"what-if:{step.remedy}" for step in steps for event in step.events}


def _named(concern: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {**concern, "because": [names.get(ref, ref) for ref in concern["because"]]}


# For people.


def repair_text(repair: Repair) -> str:
    """A repair in words, ready to print."""
    return "\n".join(_lines(repair))


def _lines(repair: Repair) -> Iterator[str]:
    yield _headline(repair)
    for failure in repair.failures:
        yield f"  The rule {failure.rule} failed, so that this is not the whole truth: {printable(failure.cause)}"
    if not repair.is_needed:
        yield _how_long(repair)
        return
    yield from _in_the_way(repair)
    yield ""
    if repair.after is not None:
        yield from _what_to_do(repair)
        yield ""
    elif repair.nearest is not None:
        yield f"Within reach is {str(repair.nearest.target).upper()}:"
        yield from _what_to_do(repair.nearest)
        yield ""
    yield from _if_nothing(repair)
    if rejected := list(_rejected(repair)):
        yield ""
        yield from rejected
    if repair.steps or repair.nearest:
        yield ""
        yield WHAT_IF


def _headline(repair: Repair) -> str:
    client, target = repair.before.client, str(repair.target).upper()
    name = printable(f"{client.name} ({client.id})" if client.name else client.id)
    status = f"{name} on {day(repair.when)}: {str(repair.before.status).upper()}"
    if not repair.is_needed:
        better = f", which is no worse than {target}" if repair.before.status < repair.target else ""
        return f"{status}{better}. Nothing is to be mended."
    if repair.after is None:
        return f"{status}. No event of the catalogue makes it {target}, nor do up to three together."
    cost = f"{repair.minutes:,} minutes"
    one = "one step" if len(repair.steps) == 1 else f"{len(repair.steps)} steps together"
    return f"{status}. To make it {target} takes {one}, {cost}."


def _in_the_way(repair: Repair) -> Iterator[str]:
    yield ""
    yield "What is in the way"
    verdict = repair.before.judgement
    if verdict is not None:
        until = f" until {day(verdict.until)}" if verdict.until else ", and for as long as nobody says otherwise"
        yield printable(f"  {verdict.level}: {verdict.reason} (a person's verdict, {verdict.ref}{until})")
        yield "    no event replaces it but another verdict (judged)"
    for concern in repair.in_the_way:
        until = f", until {day(concern.until)}" if concern.until else ""
        since = f"since {day(concern.starts)}{until}"
        yield f"  {concern.level}: {concern_words(concern)}, {since}, because of {cited(concern.evidence)}"
        if repair.after is None and verdict is None:
            yield f"    {_who_settles(concern, repair)}"


def _who_settles(concern: Concern, repair: Repair) -> str:
    names = [it.step.label for it in repair.rejected if subject(concern) in map(subject, it.settles)]
    if names:
        return f"would be settled by {_listed(names, 'or')}"
    passes = f"; it passes on {day(concern.until)}" if concern.until else ""
    return f"no single entry of the catalogue settles it{passes}"


def _what_to_do(repair: Repair) -> Iterator[str]:
    yield "What would do"
    for step in repair.steps:
        about = f" [{printable(step.subject)}]" if step.subject else ""
        yield f"  {printable(step.about)}{about} ({step.remedy}, {step.minutes:,} minutes)"
        yield f"    in the log: {_as_recorded(step.events[0])}"
        if len(step.events) > 1:
            yield f"    and {len(step.events) - 1:,} more events like it"
    yield _how_long(repair)
    yield _until_when(repair)


def _how_long(repair: Repair) -> str:
    status = repair.before.status if repair.after is None else repair.after.status
    level = f"  The client {'is then' if repair.steps else 'stays'} {status}"
    if status is not repair.target:
        level += f", and no worse than {repair.target},"
    ends = repair.ends
    if ends is None:
        return f"{level} for as long as nothing else happens."
    return f"{level} until {day(ends.at)}, and {ends.after} from then on: {_reasons(ends)}"


def _reasons(change: ComingChange) -> str:
    return " ".join(concern_words(concern) for concern in change.because) or VERDICT_ENDS


def _until_when(repair: Repair) -> str:
    if repair.suffices_until is None:
        return f"  By when: it would still do on {day(repair.horizon)}, if nothing else happens."
    stays = _listed([_short(concern) for concern in repair.then_stays], "and") or "the verdict of a person"
    return f"  By when: before {day(repair.suffices_until + TICK)}; from then on it leaves {stays}."


def _if_nothing(repair: Repair) -> Iterator[str]:
    yield "If nothing is done"
    coming = [change for change in (repair.mends_itself, repair.gets_worse) if change is not None]
    for change in sorted(coming, key=lambda it: it.at):
        why = _reasons(change) if change.is_worse else "By time alone."
        yield f"  {day(change.at)}: {change.before} becomes {change.after}. {why}"
    if not coming:
        yield f"  It stays {repair.before.status}."


def _rejected(repair: Repair) -> Iterator[str]:
    """The entries that would not do, those with one and the same outcome together."""
    if repair.before.judgement is not None:
        return
    groups: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], list[str]] = {}
    known = {subject(concern) for concern in repair.in_the_way}
    for rejection in repair.rejected:
        settles = tuple(map(_short, rejection.settles))
        stays = tuple(_short(it) for it in rejection.stays if subject(it) in known)
        comes = tuple(_short(it) for it in rejection.stays if subject(it) not in known)
        groups.setdefault((settles, stays, comes), []).append(f"{rejection.step.label} ({rejection.step.minutes:,})")
    if groups:
        yield (
            f"What would not make it {repair.target} (minutes)"
            if repair.after is None
            else "What is cheaper would not do (minutes)"
        )
    for (settles, stays, comes), names in groups.items():
        outcome = [f"{_listed(settles, 'and')} would be settled"] if settles else []
        outcome += [f"{_listed(stays, 'and')} would stay"] if stays else []
        outcome += [f"{_listed(comes, 'and')} would come"] if comes else []
        yield f"  {printable(_listed(names, 'or'))}: {printable(', '.join(outcome))}"


def _short(concern: Concern) -> str:
    return concern.rule + (f" [{concern.about}]" if concern.about else "")


def _listed(names: Sequence[str], word: str) -> str:
    """Names side by side with a word before the last; where they are many, the first of them and how many more."""
    if len(names) > _MOST_NAMED:
        names = [*names[: _MOST_NAMED - 1], f"{len(names) - _MOST_NAMED + 1:,} more"]
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


def _as_recorded(event: Event) -> str:
    """An event as `retention record` takes it."""
    texts = texts_of(event, separator=",")
    fields = [quote(f"{name}={text}") for name, text in texts.items() if name not in _ENVELOPE]
    return printable(" ".join([event.kind, *fields]))
