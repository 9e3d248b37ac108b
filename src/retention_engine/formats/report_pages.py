"""What a report says: of one client, and of the book as a whole; the templates ask and write it down."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby

import attrs

from ..book import BookAssessment
from ..engine import AHEAD, Assessment, Change, RuleFailure
from ..events import Event
from ..findings import Action, Concern, Health
from ..moments import days
from ..scoring import DIMENSIONS, FULL, Scorecard
from ..timelines import Spell, Timeline, count_by_status
from ..words import contact
from ..worklist import Entry, Worklist
from .pictures import STACKED, Chart, Segment, Strip, Tick, Window, chart, moments, segments, strip, ticks
from .renewal_story import renewal, renewal_facts
from .scorecards import judgement_line, score_parts
from .words import event_words, in_days, one_or_many
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


@attrs.frozen
class Cited:
    """Events that something rests on, as they are told.

    Attributes:
        texts: the latest of them, the latest first; what was told before on the page is only named.
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

    @cached_property
    def anchor(self) -> str:
        """The section's name in the page's address: the same in every report, whatever the client's id looks like."""
        return "client-" + hashlib.sha256(self.assessment.client.id.encode()).hexdigest()[:12]

    @property
    def urgency(self) -> tuple[bool, int, datetime, str]:
        """The order of sections: worst first, the longest first among equals; those who have left come last."""
        status = self.assessment.status
        return status is Health.LEFT, -status, self.since, self.assessment.client.id

    @property
    def name(self) -> str:
        """What the client is called, else its id."""
        return self.assessment.client.name or self.assessment.client.id

    @property
    def status(self) -> Health:
        """The client's health."""
        return self.assessment.status

    @property
    def since(self) -> datetime:
        """Since when the client has had this status."""
        return self.timeline.spells[-1].starts

    @property
    def who(self) -> Iterator[tuple[str, str]]:
        """The client's particulars, each with its heading."""
        client = self.assessment.client
        if client.name:
            yield "Client", client.id
        yield "Owner", client.owner or "nobody"
        yield "Tier", client.tier
        yield "With us since", _date(client.since)
        yield "Events", f"{len(client.events):,}"

    @property
    def verdict(self) -> str | None:
        """What a person said of the client, if a verdict is in force."""
        line = judgement_line(self.assessment)
        return line and line.strip()

    @property
    def score(self) -> str:
        """What the score is made of."""
        score = self.card.score
        parts = ", ".join(score_parts(score)) or "nothing is to be said"
        return f"100 {parts}" + (f"; {score.deducted} is more than 100" if score.deducted > 100 else "")  # noqa: PLR2004 - the full score

    @property
    def dimensions(self) -> Iterator[tuple[str, Health]]:
        """How each dimension stands."""
        for dimension in DIMENSIONS:
            yield dimension, self.card.dimensions[dimension].status

    @property
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

    @property
    def renewal(self) -> str | None:
        """The story of the renewal, where there is a term."""
        found = renewal(self.assessment.client, self.assessment.at)
        if found is None or self.status is Health.LEFT:
            return None
        facts = renewal_facts(found)
        return facts[0].upper() + facts[1:]

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The coming changes of status: those by the horizon, else the first one after it."""
        if self.status is Health.LEFT:
            return ()
        found = tuple(self.assessment.schedule.changes(self.assessment.at))
        return tuple(change for change in found if change.at <= self.horizon) or found[:1]

    @staticmethod
    def why(change: Change) -> str:
        """What is behind a change."""
        return " ".join(concern.message or "" for concern in change.because) or "The verdict of a person ends."

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
        spells = [it for it in self.timeline.spells if it.until is None or it.until > self.window.starts]
        words = [f"{it.status} {self.span_of(it)}" for it in spells[-_MOST_SPELLS:]]
        coming = [f"{change.after} from {_date(change.at)}" for change in self.changes]
        return f"{'; '.join(words)}." + (f" If nothing else happens: {'; '.join(coming)}." if coming else "")

    def span_of(self, spell: Spell) -> str:
        """When a status held."""
        starts = _date(spell.starts)
        return f"since {starts}" if spell.until is None else f"from {starts} to {_date(spell.until)}"

    @property
    def spells(self) -> Sequence[Spell]:
        """The latest statuses, the latest first."""
        return self.timeline.spells[: -_MOST_SPELLS - 1 : -1]

    @property
    def more_spells(self) -> int:
        """How many earlier statuses there are."""
        return max(0, len(self.timeline.spells) - _MOST_SPELLS)

    @property
    def failures(self) -> tuple[RuleFailure, ...]:
        """The rules that could not be evaluated."""
        return self.assessment.failures

    @staticmethod
    def latest(evidence: Sequence[Event]) -> Sequence[Event]:
        """The latest events of those that a finding rests on, the latest first."""
        return evidence[: -_MOST_EVENTS - 1 : -1]

    @staticmethod
    def earlier(evidence: Sequence[Event]) -> int:
        """How many more there are."""
        return max(0, len(evidence) - _MOST_EVENTS)


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
    def horizon(self) -> datetime:
        """Until when the page looks ahead."""
        return self.at + self.span

    @property
    def worklist_until(self) -> datetime:
        """Until when actions are on the worklist."""
        return self.at + AHEAD

    @property
    def failed(self) -> Iterator[tuple[str, int, str]]:
        """The rules that could not be evaluated: for how many clients, and why for the first of them."""
        failures = [failure for page in self.pages for failure in page.failures]
        for rule, some in groupby(sorted(failures, key=lambda it: it.rule), key=lambda it: it.rule):
            found = list(some)
            yield rule, len(found), found[0].cause
        for failure in self.book.own_failures if self.book else ():
            yield failure.rule, len(self.pages), failure.cause

    @cached_property
    def by_id(self) -> dict[str, ClientPage]:
        """Every client by its id."""
        return {page.assessment.client.id: page for page in self.pages}

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The sections that there are."""
        return frozenset(page.anchor for page in self.shown)

    @cached_property
    def counts(self) -> list[dict[Health, int]]:
        """How many clients were at each level, week by week, for a year."""
        found = moments(self.at, every=WEEK, span=YEAR)
        return count_by_status([page.timeline for page in self.pages], found)

    @property
    def year_ago(self) -> datetime:
        """When the counts begin."""
        return self.at - YEAR

    @property
    def rows(self) -> Iterator[tuple[Health, int, str, str]]:
        """Every level that is or was: how many now, which share, and how many more or fewer than a year ago."""
        before, now = self.counts[0], self.counts[-1]
        total = sum(now.values()) or 1
        for level in self.levels:
            if now[level] or before[level]:
                more = now[level] - before[level]
                change = "no change" if not more else f"{'+' if more > 0 else '−'}{abs(more):,}"  # noqa: RUF001 - a minus sign
                yield level, now[level], f"{now[level] / total:.0%}", change

    @property
    def bar(self) -> Any:
        """The bar of counts."""
        return segments(self.counts[-1])

    @property
    def bar_words(self) -> str:
        """The bar in words."""
        return ", ".join(f"{count:,} {level}" for level, count, *_ in self.rows if count)

    @property
    def chart(self) -> Any:
        """The picture of the counts over a year."""
        return chart(self.counts)

    @property
    def chart_words(self) -> str:
        """The first and the last of those counts in words."""
        first, last = (
            ", ".join(f"{count[level]:,} {level}" for level in STACKED if count[level]) or "no client"
            for count in (self.counts[0], self.counts[-1])
        )
        return f"On {_date(self.year_ago)}: {first}. On {_date(self.at)}: {last}."

    @property
    def quarters(self) -> list[tuple[datetime, dict[Health, int]]]:
        """The counts at every fourth week, the latest first."""
        found = moments(self.at, every=WEEK, span=YEAR)
        return list(zip(found, self.counts, strict=True))[::-4]

    @property
    def chart_ticks(self) -> Any:
        """The months of the chart."""
        return ticks(Window(self.year_ago, self.at))

    @property
    def window(self) -> Window:
        """The time that every client's picture shows."""
        return Window(self.year_ago, self.horizon)

    @property
    def strip_ticks(self) -> Any:
        """The months of a client's picture."""
        return ticks(self.window)

    @property
    def today(self) -> float:
        """Where the moment lies in a client's picture."""
        return self.window.place(self.at)

    @cached_property
    def changes(self) -> list[tuple[ClientPage, Change]]:
        """What changes by the horizon if nothing else happens, in order."""
        found = [(page, change) for page in self.pages for change in page.changes if change.at <= self.horizon]
        return sorted(found, key=lambda it: (it[1].at, -it[1].after, it[0].assessment.client.id))

    @property
    def changes_words(self) -> str:
        """How many clients get better and worse in the time to come."""
        worse = {page.anchor for page, change in self.changes if change.after > change.before}
        better = {page.anchor for page, change in self.changes if change.after < change.before}
        until = f"by {_date(self.horizon)}"
        if not self.changes:
            return f"No client changes status {until} if nothing else happens."
        return f"If nothing else happens, {_clients(worse)} worse {until}, and {_clients(better)} better."

    @property
    def owners(self) -> Iterator[tuple[str, Sequence[Entry], list[str]]]:
        """Each owner's line, entries for today, and why the others wait."""
        for owner in self.worklist.owners:
            yield owner_line(owner), owner.today, list(waiting_lines(owner.waiting, self.worklist.at))

    def overdue(self, action: Action, entry: Entry) -> str:
        """By how much an action is overdue."""
        return overdue_words(action, entry, self.at)

    @staticmethod
    def value(entry: Entry) -> str:
        """What is at risk."""
        return value_words(entry)

    @property
    def groups(self) -> Iterator[tuple[Health, list[ClientPage]]]:
        """The clients that have a section, by status, the worst first."""
        for level, pages in groupby(self.shown, key=lambda page: page.status):
            yield level, list(pages)

    @staticmethod
    def clients_of(concern: Concern) -> list[str]:
        """The clients whom a concern about the book names."""
        return list(dict.fromkeys(event.client for event in concern.evidence))


def _clients(some: Collection[str]) -> str:
    return "1 client gets" if len(some) == 1 else f"{len(some):,} clients get"
