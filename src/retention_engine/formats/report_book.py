"""What a report says of all clients together; the template asks for it and writes it down."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby

import attrs

from ..book import BookAssessment
from ..engine import AHEAD
from ..findings import Action, Concern, Health
from ..moments import days
from ..outlook import ComingChange
from ..stating import RuleFailure
from ..timelines import count_by_status
from ..worklist import Entry, Worklist
from .pictures import STACKED, Chart, Segment, Tick, Window, chart, moments, segments, ticks
from .report_client import GROUND, YEAR, ClientPage
from .words import MINUS, counted, date, day
from .worklist import overdue_words, owner_line, value_words, waiting_lines

WEEK = days(7)


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
                change = f"{'+' if more > 0 else MINUS}{abs(more):,}" if more else "no change"
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
