"""What a report says of one client; the template asks for it and writes it down."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property

import attrs

from ..engine import Assessment
from ..events import Event
from ..findings import Action, Health
from ..moments import days
from ..outlook import ComingChange, coming_changes
from ..scoring import DIMENSIONS, FULL, Scorecard
from ..stating import RuleFailure
from ..timelines import Spell, Timeline
from ..words import contact
from .pictures import Strip, Window, strip
from .renewal_story import renewal, renewal_facts
from .scorecards import judgement_line, score_parts
from .words import MINUS, date, event_words, in_days

YEAR = days(364)
"""How far back the pictures look: whole weeks, since the clients are counted once a week."""

GROUND = 58
"""How far below a strip's top its blocks stand."""

_MOST_EVENTS = 3
_MOST_SPELLS = 12


@attrs.frozen
class Cited:
    """Events that something rests on, as they are told.

    Attributes:
        texts: the latest of them, the latest first; what the section has told before is only named.
        earlier: how many more there are.
    """

    texts: tuple[str, ...]
    earlier: int


@attrs.frozen(slots=False)
class ClientPage:
    """One client's section.

    Attributes:
        assessment: the client's health and next actions.
        card: the score.
        timeline: every status so far.
        horizon: until when the outlook goes.
    """

    assessment: Assessment
    card: Scorecard
    timeline: Timeline
    horizon: datetime
    _told: set[str] = attrs.field(factory=set, init=False)

    @cached_property
    def anchor(self) -> str:
        """The section's name in the page's address: the same in every report, whatever the client's id looks like."""
        return "client-" + hashlib.sha256(self.assessment.client.id.encode()).hexdigest()[:12]

    @property
    def urgency(self) -> tuple[bool, int, datetime, str]:
        """The order of sections: worst first, the longest first among equals; those who have left come last."""
        return self.has_left, -self.status, self.since, self.assessment.client.id

    @property
    def name(self) -> str:
        """What the client is called, else its id."""
        return self.assessment.client.name or self.assessment.client.id

    @property
    def status(self) -> Health:
        """The client's health."""
        return self.assessment.status

    @property
    def has_left(self) -> bool:
        """Whether nothing is to be done any more."""
        return self.status is Health.LEFT

    @property
    def since(self) -> datetime:
        """Since when the client has had this status."""
        return self.timeline.spells[-1].starts

    def particulars(self) -> Iterator[tuple[str, str]]:
        """Who the client is, each fact with its heading."""
        client = self.assessment.client
        if client.name:
            yield "Client", client.id
        yield "Owner", client.owner or "nobody"
        yield "Tier", client.tier
        yield "With us since", date(client.since)
        yield "Events", f"{len(client.events):,}"

    @property
    def verdict(self) -> str:
        """What a person said of the client, if a verdict is in force."""
        return (judgement_line(self.assessment) or "").strip()

    def cited(self, evidence: Sequence[Event]) -> Cited:
        """The events that a finding rests on."""
        texts = []
        for event in evidence[: -_MOST_EVENTS - 1 : -1]:
            texts.append(f"{event.ref}, as above" if event.ref in self._told else event_words(event))
            self._told.add(event.ref)
        return Cited(tuple(texts), max(0, len(evidence) - _MOST_EVENTS))

    def deductions(self) -> Iterator[str]:
        """What the score is made of."""
        yield from (MINUS + part.removeprefix("-") for part in score_parts(self.card.score))
        if self.card.score.deducted > FULL:
            yield f"{self.card.score.deducted} in all, more than {FULL}"

    def dimensions(self) -> Iterator[tuple[str, Health]]:
        """How each dimension stands."""
        for dimension in DIMENSIONS:
            yield dimension, self.card.dimensions[dimension].status

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """The open actions due by the horizon."""
        return self.assessment.due(self.horizon - self.assessment.at)

    @property
    def next_action(self) -> Action | None:
        """The action that is due first, whenever that is."""
        return next(iter(self.assessment.actions), None)

    def when(self, action: Action) -> str:
        """How far off an action is."""
        return in_days(action.due, self.assessment.at)

    @cached_property
    def renewal(self) -> tuple[str, ...]:
        """The story of the renewal; nothing where there is no term, or nobody to renew it."""
        found = renewal(self.assessment.client, self.assessment.at)
        return () if found is None or self.has_left else tuple(renewal_facts(found))

    @cached_property
    def changes(self) -> tuple[ComingChange, ...]:
        """The coming changes of status: those by the horizon, else the first one after it."""
        if self.has_left:
            return ()
        found = tuple(coming_changes(self.assessment))
        return tuple(change for change in found if change.at <= self.horizon) or found[:1]

    @staticmethod
    def why(change: ComingChange) -> str:
        """What is behind a change."""
        ends = ["The verdict of a person ends."] if change.verdict else []
        over = [not change.is_worse and concern.until == change.at for concern in change.because]
        said = [concern.message or "" for concern in change.because]
        return " ".join(ends + [f"No longer: {it}" if gone else it for it, gone in zip(said, over, strict=True)])

    @property
    def window(self) -> Window:
        """The time that the client's picture shows."""
        return Window(self.timeline.until - YEAR, self.horizon)

    @property
    def strip(self) -> Strip:
        """The client's picture."""
        contacts = (event.at for event in self.assessment.client.of(contact))
        return strip(self.window, self.timeline, self.changes, contacts, ground=GROUND)

    @property
    def picture_words(self) -> str:
        """The picture in words."""
        words = "; ".join(f"{it.status} {self.span_of(it)}" for it in reversed(self.spells))
        coming = "; ".join(f"{change.after} from {date(change.at)}" for change in self.changes)
        return f"{words}." + (f" If nothing else happens: {coming}." if coming else "")

    @staticmethod
    def span_of(spell: Spell) -> str:
        """When a status held."""
        starts = date(spell.starts)
        return f"since {starts}" if spell.until is None else f"from {starts} to {date(spell.until)}"

    @cached_property
    def spells(self) -> Sequence[Spell]:
        """The statuses that the picture shows, the latest first; of many the latest."""
        shown = [it for it in self.timeline.spells if it.until is None or it.until > self.window.starts]
        return shown[: -_MOST_SPELLS - 1 : -1]

    @property
    def more_spells(self) -> int:
        """How many earlier statuses there are."""
        return len(self.timeline.spells) - len(self.spells)

    @property
    def failures(self) -> tuple[RuleFailure, ...]:
        """The rules that could not be evaluated."""
        return self.assessment.failures
