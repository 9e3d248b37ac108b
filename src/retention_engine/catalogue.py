"""What could be done for a client and what it takes: the catalogue from which repairs are chosen.

```toml
[repair.email]
minutes = 10

[repair.introduction]
enabled = false

[repair.lunch]
about = "Have lunch together."
minutes = 120
event = { kind = "engaged", purpose = "social", depth = "meaningful" }
```
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from .client import Client
from .errors import EventError, did_you_mean, shown
from .events import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Engaged,
    Event,
    Introduced,
    Judged,
    Left,
    Question,
    Referred,
    Renewed,
    Resolved,
    Retracted,
)
from .kinds import KINDS, Kinds
from .moments import EARLIEST, LATEST
from .rules.listening import QUESTIONS
from .schema import SLUG, schema_of

Variant = tuple[str | None, tuple[Event, ...]]
"""What it would be about, where there is a choice, and what would stand in the log."""

MOST_COMPLAINTS = 6
"""How many open complaints are offered one by one; those that are left out are not the worst, and not the oldest."""
FEW_COMPLAINTS = 3
"""Of so many open complaints each is offered by itself; where there are more, all of them together are offered, too."""

NEW_PERSON = "a second person"
"""Stands for the name of somebody whom nobody knows yet."""

OPEN_COMPLAINT = "{complaint}"
"""Stands for the id of an open complaint in an entry of one's own."""

_SEVERITIES = ("critical", "major", "minor")
_KEYS = ("about", "minutes", "enabled", "event")
_SET_THEN = {
    "client": "the client whom it is done for",
    "at": "the moment at which it happens",
    "recorded_at": "the moment at which it happens",
    "id": "whoever records it",
}
_SAYS_NOTHING = {
    Judged: "is a person's word on how the client is, and mends nothing",
    Left: "says that the client is gone, and mends nothing",
    ActionDone: "says what became of an action, and mends nothing",
    ActionSnoozed: "says what became of an action, and mends nothing",
    ActionDismissed: "says what became of an action, and mends nothing",
    Retracted: "takes something out of the log, and mends nothing",
}


@attrs.frozen
class Step:
    """One thing that could be done, with what would then stand in the log. It is a what-if; nobody has done it.

    Attributes:
        remedy: the name of the catalogue's entry.
        about: what to do, one sentence for a person.
        subject: what it would be about, such as a complaint's id, where there is a choice.
        minutes: what it costs.
        events: what would be recorded.
    """

    remedy: str
    about: str
    subject: str | None
    minutes: int
    events: tuple[Event, ...]

    @property
    def label(self) -> str:
        """The entry's name, with what it is about: `resolution [c17]`."""
        return self.remedy if self.subject is None else f"{self.remedy} [{self.subject}]"


@attrs.frozen
class Remedy:
    """An entry of the catalogue: what could be done, what it costs, and what would then stand in the log.

    Attributes:
        name: a slug.
        about: what to do, one sentence for a person.
        minutes: what one event of it costs.
        variants: what would be recorded for a client at a moment, in each way that there is; no way is an answer, too.
    """

    name: str
    about: str
    minutes: int
    variants: Callable[[Client, datetime], Iterable[Variant]]

    def steps(self, client: Client, when: datetime) -> Iterator[Step]:
        """The ways in which it could be done for a client at a moment."""
        for subject, events in self.variants(client, when):
            yield Step(self.name, self.about, subject, self.minutes * len(events), events)


# What could be done for any client.


def _engaged(**fields: Any) -> Callable[[Client, datetime], Iterable[Variant]]:
    def variants(client: Client, when: datetime) -> Iterator[Variant]:
        yield None, (Engaged(client=client.id, at=when, **fields),)

    return variants


def _question(client: Client, when: datetime) -> Iterator[Variant]:
    latest: dict[Question, datetime] = {}
    for event in client.of(Engaged):
        for asked in {*event.asked, *event.answers}:
            latest[asked] = event.at
    question = min(QUESTIONS, key=lambda name: latest.get(name, EARLIEST))
    event = Engaged(client=client.id, at=when, purpose="feedback", asked=(question,))
    yield None, (event,)


def _introduction(client: Client, when: datetime) -> Iterator[Variant]:
    yield None, (Introduced(client=client.id, at=when),)


def _recommendation(client: Client, when: datetime) -> Iterator[Variant]:
    yield None, (Referred(client=client.id, at=when, direction="given"),)


def _renewal(client: Client, when: datetime) -> Iterator[Variant]:
    term = client.term
    if term is None:
        return
    start = max(term.end, when)
    length = term.end - (term.start or term.event.at)
    if timedelta(0) < length < LATEST - start:
        renewed = Renewed(
            client=client.id,
            at=when,
            term_start=start,
            term_end=start + length,
            value=term.value,
            currency=term.currency,
        )
        yield None, (renewed,)


def _nameable(client: Client) -> list[str]:
    """The ids of the open complaints that have one, the worst first, and of those the oldest."""
    worst_first = sorted(client.open_complaints, key=lambda it: (_SEVERITIES.index(it.severity), it.order))
    return [complaint.id for complaint in worst_first if complaint.id is not None]


def _resolution(client: Client, when: datetime) -> Iterator[Variant]:
    events = [Resolved(client=client.id, at=when, complaint=name) for name in _nameable(client)]
    for event in events[:MOST_COMPLAINTS]:
        yield event.complaint, (event,)
    if len(events) > FEW_COMPLAINTS:
        yield f"all {len(events):,} open complaints", tuple(events)


def _resolution_talk(client: Client, when: datetime) -> Iterator[Variant]:
    for name in _nameable(client)[:MOST_COMPLAINTS]:
        talk = Engaged(client=client.id, at=when, resolves=name, purpose="resolution", depth="meaningful")
        yield name, (talk,)


REMEDIES = (
    Remedy("email", "Write a few lines.", 5, _engaged(direction="outbound", depth="token")),
    Remedy("thanks", "Say thank you, with a reason.", 10, _engaged(direction="outbound", purpose="appreciation")),
    Remedy("call", "Call, and listen.", 15, _engaged()),
    Remedy("resource", "Find and share something useful.", 20, _engaged(direction="outbound", purpose="resource")),
    Remedy("question", "Ask the one of the five questions that was asked longest ago.", 20, _question),
    Remedy("report", "Send a report of what was done for them.", 30, _engaged(direction="outbound", purpose="report")),
    Remedy("introduction", "Introduce the client to a useful contact.", 30, _introduction),
    Remedy("recommendation", "Recommend the client to a suitable prospect.", 30, _recommendation),
    Remedy("resolution", "Resolve the complaint.", 45, _resolution),
    Remedy("meeting", "Meet, and talk about something that matters to them.", 60, _engaged(depth="meaningful")),
    Remedy("second-person", "Meet a second person on the client's side.", 60, _engaged(with_=(NEW_PERSON,))),
    Remedy("resolution-talk", "Resolve the complaint, and talk it over with the client.", 60, _resolution_talk),
    Remedy(
        "refinement",
        "Improve one thing, and tell the client.",
        60,
        _engaged(direction="outbound", purpose="refinement"),
    ),
    Remedy("value-review", "Show the client what they got.", 90, _engaged(purpose="value_review")),
    Remedy(
        "expectations",
        "Agree with the client what success means, both sides.",
        90,
        _engaged(purpose="expectations", agreed_by=("us", "client")),
    ),
    Remedy("renewal", "Renew for another term of the same length.", 180, _renewal),
)
"""The catalogue unless somebody says otherwise; the minutes are guesses, to be replaced by one's own."""


# What somebody writes in a settings file.


def read_remedies(
    table: Mapping[str, Any], path: str = "repair", *, base: Iterable[Remedy] = REMEDIES, kinds: Kinds = KINDS
) -> tuple[tuple[Remedy, ...], list[str]]:
    """The catalogue with the changes that a table of a settings file makes, and all that is wrong with that.

    Args:
        table: what TOML gives: a table for each entry that is changed, switched off or added.
        path: the table's name, for messages.
        base: the catalogue to change.
        kinds: the kinds of event that an entry may record.
    """
    reading = _Reading({remedy.name: remedy for remedy in base}, path, kinds)
    return reading.catalogue(table), reading.problems


class _Reading:
    """One pass over the table that notes every mistake with its path."""

    def __init__(self, known: dict[str, Remedy], path: str, kinds: Kinds) -> None:
        self.known = known
        self.path = path
        self.kinds = kinds
        self.problems: list[str] = []

    def catalogue(self, table: Mapping[str, Any]) -> tuple[Remedy, ...]:
        found = dict(self.known)
        for name, entry in table.items():
            if not isinstance(entry, Mapping):
                self._note(name, f"expected a table, [{self.path}.{name}], got {shown(entry)}")
                continue
            for key in entry:
                if key not in _KEYS:
                    choices = ", ".join(_KEYS)
                    self._note(f"{name}.{key}", f"no such setting{did_you_mean(key, _KEYS)} (there are: {choices})")
            remedy = self._changed(found[name], entry) if name in found else self._added(name, entry)
            if not self._is_on(name, entry.get("enabled", True)):
                found.pop(name, None)
            elif remedy is not None:
                found[name] = remedy
        return tuple(found.values())

    def _changed(self, remedy: Remedy, entry: Mapping[str, Any]) -> Remedy:
        for key in ("about", "event"):
            if key in entry:
                reason = "is that of the entry of this name in every catalogue; give an entry of your own another name"
                self._note(f"{remedy.name}.{key}", reason)
        minutes = self._minutes(remedy.name, entry["minutes"]) if "minutes" in entry else remedy.minutes
        return attrs.evolve(remedy, minutes=minutes)

    def _added(self, name: str, entry: Mapping[str, Any]) -> Remedy | None:
        if not SLUG.fullmatch(name):
            self._note(name, "is no name for an entry; use lower-case letters, digits, - and _")
        for key in ("minutes", "event"):
            if key not in entry:
                hint = did_you_mean(name, self.known)
                self._note(f"{name}.{key}", f"is missing; an entry of your own needs minutes and event{hint}")
        about = entry.get("about", f"{name[:1].upper()}{name[1:]}.")
        if not isinstance(about, str) or not about.strip():
            self._note(f"{name}.about", f"expected a sentence that says what to do, got {shown(about)}")
        minutes = self._minutes(name, entry.get("minutes", 0))
        variants = self._event(f"{name}.event", entry.get("event", {})) if "event" in entry else None
        return None if variants is None else Remedy(name, str(about), minutes, variants)

    def _is_on(self, name: str, value: object) -> bool:
        if not isinstance(value, bool):
            self._note(f"{name}.enabled", f"expected true or false, got {shown(value)}")
        return value is not False

    def _minutes(self, name: str, value: object) -> int:
        if type(value) is int and value >= 0:
            return value
        self._note(f"{name}.minutes", f"expected a whole number from 0, got {shown(value)}")
        return 0

    def _event(self, place: str, value: object) -> Callable[[Client, datetime], Iterable[Variant]] | None:
        if not isinstance(value, Mapping):
            self._note(place, f'expected what is recorded, such as {{ kind = "engaged" }}, got {shown(value)}')
            return None
        fields = dict(value)
        try:
            cls = self.kinds.named(fields.pop("kind", None)) if "kind" in fields else None
        except EventError as error:
            self._note(f"{place}.kind", error.reason)
            return None
        if cls is None:
            self._note(f"{place}.kind", "is missing; say what kind of event is recorded")
            return None
        if cls in _SAYS_NOTHING:
            self._note(f"{place}.kind", f"{cls.kind} {_SAYS_NOTHING[cls]}")
            return None
        before = len(self.problems)
        for name in [name for name in _SET_THEN if name in fields]:
            self._note(f"{place}.{name}", f"is set by {_SET_THEN[name]}; leave it out")
            del fields[name]
        for problem in _problems_of(cls, fields):
            self._note(f"{place}.{problem.field}" if problem.field else place, problem.reason)
        return _written(cls, fields) if len(self.problems) == before else None

    def _note(self, place: str, what: str) -> None:
        self.problems.append(f"{self.path}.{place}: {what}")


def _problems_of(cls: type[Event], fields: Mapping[str, Any]) -> Iterator[EventError]:
    """Everything that is wrong with an event's fields: what is missing, each by itself, and how they go together."""
    schema = schema_of(cls)
    found = [EventError("missing-field", "is missing, and must be given", name) for name in _missing(cls, fields)]
    each = attrs.evolve(schema, required=frozenset())
    left = dict(fields)
    while True:
        try:
            each.parse(dict(left), check_text=True)
        except EventError as error:
            found.append(error)
            name = re.split(r"[.[]", error.field or "")[0]
            if left.pop(name, None) is None:
                break
        else:
            break
    if not found:
        try:
            cls.from_fields({**fields, "client": "acme", "at": EARLIEST})
        except EventError as error:
            found.append(error)
    yield from found


def _missing(cls: type[Event], fields: Mapping[str, Any]) -> list[str]:
    return sorted(schema_of(cls).required - fields.keys() - _SET_THEN.keys())


def _written(cls: type[Event], fields: Mapping[str, Any]) -> Callable[[Client, datetime], Iterable[Variant]]:
    def variants(client: Client, when: datetime) -> Iterator[Variant]:
        envelope = {"client": client.id, "at": when}
        if OPEN_COMPLAINT not in fields.values():
            yield None, (cls.from_fields({**fields, **envelope}),)
            return
        for complaint in _nameable(client)[:MOST_COMPLAINTS]:
            named = {key: complaint if it == OPEN_COMPLAINT else it for key, it in fields.items()}
            yield complaint, (cls.from_fields({**named, **envelope}),)

    return variants
