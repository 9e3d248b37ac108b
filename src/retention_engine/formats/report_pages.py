"""What a report says: of one client, and of the book as a whole; the templates ask for it and write it down."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby

import attrs

from ..book import BookAssessment
from ..engine import AHEAD, Assessment
from ..events import Event
from ..findings import Action, Concern, Health
from ..moments import days
from ..outlook import ComingChange, coming_changes
from ..scoring import DIMENSIONS, FULL, Scorecard
from ..stating import RuleFailure
from ..timelines import Spell, Timeline, count_by_status
from ..words import contact
from ..worklist import Entry, Worklist
from .pictures import STACKED, Chart, Segment, Strip, Tick, Window, chart, moments, segments, strip, ticks
from .renewal_story import renewal, renewal_facts
from .scorecards import judgement_line, score_parts
from .words import day, event_words, in_days
from .worklist import overdue_words, owner_line, value_words, waiting_lines

YEAR = days(364)
"""How far back the pictures look: whole weeks, since the clients are counted once a week."""

WEEK = days(7)
GROUND = 58
"""How far below a strip's top its blocks stand."""

_MOST_EVENTS = 3
_MOST_SPELLS = 12
_MINUS = "\N{MINUS SIGN}"


def date(moment: datetime) -> str:
    """An instant's day in UTC."""
    return moment.date().isoformat()


def counted(count: int, what: str) -> str:
    """A number of things: `1 client`, `2,357 clients`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


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
        yield from (_MINUS + part.removeprefix("-") for part in score_parts(self.card.score))
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


@attrs.frozen(slots=False)
class BookPage:
    """What the page says of all clients together.

    Attributes:
        at: the moment.
        known_at: what was recorded later is left out.
        span: how far ahead the page looks.
        pages: every client, the worst first.
        shown: the clients that have a section of their own.
        worklist: what is to be done.
        book: what rules about the whole book say, where any are on.
    """

    at: datetime
    known_at: datetime | None
    span: timedelta
    pages: Sequence[ClientPage]
    shown: Sequence[ClientPage]
    worklist: Worklist
    book: BookAssessment | None

    levels = (*STACKED, Health.LEFT)
    ground = GROUND
    most_actions = 6
    most_names = 25
    most_open = 40
    most_rows = 20

    @property
    def summary(self) -> str:
        """How many clients there are, and how many at each level."""
        known = f", as known on {day(self.known_at)}" if self.known_at else ""
        levels = f": {self.bar_words}" if self.pages else ""
        return f"{counted(len(self.pages), 'client')} as of {day(self.at)}{known}{levels}."

    def failed(self) -> list[tuple[str, str, str]]:
        """The rules that could not be evaluated: for whom, and why for the first of them."""
        by_rule: dict[str, list[RuleFailure]] = {}
        for page in self.pages:
            for failure in page.failures:
                by_rule.setdefault(failure.rule, []).append(failure)
        found = [(rule, counted(len(some), "client"), some[0].cause) for rule, some in sorted(by_rule.items())]
        of_book = self.book.own_failures if self.book else ()
        return found + [(failure.rule, "the whole book", failure.cause) for failure in of_book]

    # At a glance.

    @property
    def year_ago(self) -> datetime:
        """When the counts begin."""
        return self.at - YEAR

    @cached_property
    def counts(self) -> list[tuple[datetime, dict[Health, int]]]:
        """How many clients were at each level, week by week, for a year."""
        found = moments(self.at, every=WEEK, span=YEAR)
        return list(zip(found, count_by_status([page.timeline for page in self.pages], found), strict=True))

    @property
    def some_counts(self) -> list[tuple[datetime, dict[Health, int]]]:
        """Every fourth of them, the latest first."""
        return self.counts[::-4]

    def rows(self) -> Iterator[tuple[Health, int, str, str]]:
        """Every level that is or was: how many now, which share, and how many more or fewer than a year ago."""
        (_, before), (_, now) = self.counts[0], self.counts[-1]
        for level in self.levels:
            if now[level] or before[level]:
                more = now[level] - before[level]
                change = f"{'+' if more > 0 else _MINUS}{abs(more):,}" if more else "no change"
                yield level, now[level], f"{now[level] / len(self.pages):.0%}", change

    @property
    def bar(self) -> tuple[Segment, ...]:
        """The bar of counts."""
        return segments(self.counts[-1][1])

    @property
    def bar_words(self) -> str:
        """The bar in words."""
        return ", ".join(f"{count:,} {level}" for level, count, *_ in self.rows() if count)

    @cached_property
    def chart(self) -> Chart | None:
        """The picture of the counts over a year."""
        return chart([count for _, count in self.counts])

    @property
    def chart_words(self) -> str:
        """The first and the last of those counts in words."""
        return " ".join(
            f"On {date(moment)}: {', '.join(f'{count[it]:,} {it}' for it in STACKED if count[it]) or 'no client'}."
            for moment, count in (self.counts[0], self.counts[-1])
        )

    def chart_ticks(self) -> tuple[Tick, ...]:
        """The months of the chart."""
        return ticks(Window(self.year_ago, self.at))

    # What is coming, and what is to be done.

    @property
    def horizon(self) -> datetime:
        """Until when the page looks ahead."""
        return self.at + self.span

    @cached_property
    def changes(self) -> list[tuple[ClientPage, ComingChange]]:
        """What changes by the horizon if nothing else happens, in order."""
        found = [(page, change) for page in self.pages for change in page.changes if change.at <= self.horizon]
        return sorted(found, key=lambda it: (it[1].at, -it[1].after, it[0].assessment.client.id))

    @property
    def changes_words(self) -> str:
        """How many clients get better and worse in the time to come."""
        until = f"by {date(self.horizon)}"
        if not self.changes:
            return f"No client's status changes {until} if nothing else happens."
        worse = {page.anchor for page, change in self.changes if change.after > change.before}
        better = {page.anchor for page, change in self.changes if change.after < change.before}
        words = [f"{_get(some)} {how}" for some, how in ((worse, "worse"), (better, "better")) if some]
        return f"If nothing else happens, {' and '.join(words)} {until}."

    def owners(self) -> Iterator[tuple[str, Sequence[Entry], list[str]]]:
        """Each owner's line, entries for today, and why the others wait."""
        for owner in self.worklist.owners:
            yield owner_line(owner), owner.today, list(waiting_lines(owner.waiting, self.at))

    @property
    def worklist_until(self) -> datetime:
        """Until when actions are on the worklist."""
        return self.at + AHEAD

    def overdue(self, action: Action, entry: Entry) -> str:
        """By how much an action is overdue; nothing where it is not."""
        return overdue_words(action, entry, self.at, " overdue")

    @staticmethod
    def value(entry: Entry) -> str:
        """What is at risk."""
        return value_words(entry)

    # The clients.

    @cached_property
    def by_id(self) -> dict[str, ClientPage]:
        """Every client by its id."""
        return {page.assessment.client.id: page for page in self.pages}

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The sections that there are."""
        return frozenset(page.anchor for page in self.shown)

    @staticmethod
    def clients_of(concern: Concern) -> list[str]:
        """The clients whom a concern about the book names."""
        return list(dict.fromkeys(event.client for event in concern.evidence))

    def groups(self) -> Iterator[tuple[Health, list[ClientPage]]]:
        """The clients that have a section, by status, the worst first."""
        for level, pages in groupby(self.shown, key=lambda page: page.status):
            yield level, list(pages)

    def strip_ticks(self) -> tuple[Tick, ...]:
        """The months of a client's picture."""
        return ticks(Window(self.year_ago, self.horizon))

    @property
    def today(self) -> float:
        """Where the moment lies in a client's picture."""
        return Window(self.year_ago, self.horizon).place(self.at)


def _get(some: Collection[str]) -> str:
    return f"{counted(len(some), 'client')} get{'s' if len(some) == 1 else ''}"
