"""How warnings fared: counted moment by moment, loss by loss, and alarm by alarm."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from statistics import quantiles
from typing import Literal

import attrs

from .moments import days
from .outcomes import TICK, Outcome
from .predictions import Prediction

YEAR = days(365)

Kind = Literal["status", "rule", "recency"]
"""Who warns: all rules together, one of them, or the mere days since something happened."""


@attrs.frozen
class Case:
    """A client at a moment: what was said, and what became of it.

    Attributes:
        place: the moment's place in the row of moments.
        prediction: what was said.
        outcome: what became of the client; `None` where the horizon reaches beyond the observation.
    """

    place: int
    prediction: Prediction
    outcome: Outcome | None

    @property
    def counts(self) -> bool:
        """Whether the client was lost or retained."""
        return self.outcome is not None and self.outcome.counts


@attrs.frozen
class Course:
    """One client's cases in order, and when the client was lost; a client who is gone at a moment is no case then."""

    client: str
    cases: tuple[Case, ...]
    losses: tuple[datetime, ...]


@attrs.frozen
class Lead:
    """How many days lay between a warning and the loss: the median, and the quartiles around it."""

    lower: float
    median: float
    upper: float


@attrs.frozen(kw_only=True)
class TrackRecord:
    """How the warnings of one source fared. A rate is `None` where it would rest on too little.

    Attributes:
        by: the rule's name; `status` for all rules together; `contact` or `heard` for the days since then.
        kind: what that is.
        above: from how many days on the mere days warn; `None` for rules.
        warned: in how many cases there was a warning, with the client then lost or retained.
        warned_clients: how many clients these are.
        true_positives: in how many of these the client was lost.
        false_positives: in how many of these the client was retained.
        apart: the cases with a warning whose outcome stands apart.
        precision: the share of the warned who were lost.
        recall: the share of the lost who were warned.
        lift: the precision as a multiple of the base rate; 1 is as good as drawing lots.
        caught: how many losses were preceded by a warning within the horizon; `None` without a row of moments.
        lead: how long the last warning had stood when the client was lost.
        false_alarms: warnings that stood without a break and at no moment of which the client was about to be lost.
        false_alarms_a_year: these, for each year that a client was watched.
    """

    by: str
    kind: Kind
    above: timedelta | None
    warned: int
    warned_clients: int
    true_positives: int
    false_positives: int
    apart: Mapping[Outcome, int]
    precision: Fraction | None
    recall: Fraction | None
    lift: Fraction | None
    caught: int | None
    lead: Lead | None
    false_alarms: int | None
    false_alarms_a_year: Fraction | None


@attrs.frozen(slots=False)
class Cases:
    """All clients' cases, against which any warning can be held.

    Attributes:
        courses: the clients with their cases.
        every: how far apart the moments lie; `None` where each client has a moment of its own.
        horizon: how far ahead a prediction looks; `None` where a truth file says what became of the clients.
        fewest: on fewer losses, clients retained or clients warned, a rate is not told.
    """

    courses: tuple[Course, ...]
    every: timedelta | None
    horizon: timedelta | None
    fewest: int

    @cached_property
    def counts(self) -> Mapping[Outcome, int]:
        """How many cases had each outcome."""
        return Counter(case.outcome for course in self.courses for case in course.cases if case.outcome)

    @cached_property
    def losses(self) -> int:
        """How many times a client was lost after some case of theirs had looked so far ahead; without a row, lost cases."""
        if self.horizon is None:
            return self.counts.get(Outcome.LOST, 0)
        return sum(bool(self._before(course, loss)) for course in self.courses for loss in course.losses)

    @cached_property
    def retained_clients(self) -> int:
        """How many clients were retained in some case."""
        return sum(any(case.outcome is Outcome.RETAINED for case in course.cases) for course in self.courses)

    @property
    def sufficient(self) -> bool:
        """Whether there are outcomes enough to tell rates."""
        lost = self.counts.get(Outcome.LOST, 0)
        return lost > 0 and self.losses >= self.fewest and self.retained_clients >= self.fewest

    @property
    def base_rate(self) -> Fraction | None:
        """The share of the cases in which the client was lost, whoever warned."""
        lost, retained = self.counts.get(Outcome.LOST, 0), self.counts.get(Outcome.RETAINED, 0)
        return Fraction(lost, lost + retained) if self.sufficient else None

    @property
    def client_years(self) -> Fraction | None:
        """For how long clients were watched whose outcome counts; `None` without a row of moments."""
        counted = sum(count for outcome, count in self.counts.items() if outcome.counts)
        return None if self.every is None else Fraction(counted * (self.every // TICK), YEAR // TICK)

    def track_record(
        self, by: str, kind: Kind, warns: Callable[[Prediction], bool], above: timedelta | None = None
    ) -> TrackRecord:
        """How the warnings of one source fared.

        Args:
            by: its name.
            kind: what it is.
            warns: whether it warns.
            above: from how many days on it warns, where it counts days.
        """
        warned: Counter[Outcome] = Counter()
        clients = 0
        leads: list[timedelta] = []
        caught = false_alarms = 0
        for course in self.courses:
            flags = [warns(case.prediction) for case in course.cases]
            if not any(flags):
                continue
            of_client = Counter(
                case.outcome for case, flag in zip(course.cases, flags, strict=True) if flag and case.outcome
            )
            warned += of_client
            clients += any(outcome.counts for outcome in of_client)
            if self.horizon is None or self.every is None:
                continue
            false_alarms += sum(_is_false(alarm) for alarm in _alarms(course.cases, flags))
            for loss in course.losses:
                before = self._before(course, loss)
                caught += any(flags[place] for place in before)
                if before and flags[before[-1]] and loss - course.cases[before[-1]].prediction.at <= self.every:
                    leads.append(loss - _stands_since(course.cases, flags, before[-1]))
        true, false = warned[Outcome.LOST], warned[Outcome.RETAINED]
        lost, base = self.counts.get(Outcome.LOST, 0), self.base_rate
        precision = Fraction(true, true + false) if base is not None and clients >= self.fewest else None
        in_row = self.horizon is not None
        return TrackRecord(
            by=by,
            kind=kind,
            above=above,
            warned=true + false,
            warned_clients=clients,
            true_positives=true,
            false_positives=false,
            apart={outcome: count for outcome, count in warned.items() if not outcome.counts},
            precision=precision,
            recall=None if base is None else Fraction(true, lost),
            lift=None if base is None or precision is None else precision / base,
            caught=caught if in_row else None,
            lead=_lead(leads) if self.sufficient and len(leads) >= self.fewest else None,
            false_alarms=false_alarms if in_row else None,
            false_alarms_a_year=false_alarms / self.client_years if self.client_years and self.sufficient else None,
        )

    def as_many(self, age: Callable[[Prediction], timedelta], wanted: int) -> timedelta | None:
        """The threshold from which an age warns in as many cases as wanted, or in as nearly as many as there can be.

        It is chosen by the number of warnings alone, never by what became of the clients; of two thresholds equally near,
        the higher. `None` where no warning is nearest.
        """
        ages = Counter(age(case.prediction) for course in self.courses for case in course.cases if case.counts)
        found, nearest, count = None, wanted, 0
        for threshold in sorted(ages, reverse=True):
            count += ages[threshold]
            if abs(count - wanted) < nearest:
                found, nearest = threshold, abs(count - wanted)
            if count >= wanted:
                break
        return found

    def _before(self, course: Course, loss: datetime) -> range:
        """The places of the cases that looked as far ahead as a loss."""
        assert self.horizon is not None  # noqa: S101 - for the type checker; nobody else asks
        first = bisect_left(course.cases, loss - self.horizon, key=_at)
        return range(first, bisect_left(course.cases, loss, first, key=_at))


def _at(case: Case) -> datetime:
    return case.prediction.at


def _alarms(cases: Sequence[Case], flags: Sequence[bool]) -> Iterator[list[Case]]:
    """The warnings that stood without a break, as far as their outcomes are known."""
    alarm: list[Case] = []
    for case, flag in zip(cases, flags, strict=True):
        if alarm and not (flag and case.outcome and case.place == alarm[-1].place + 1):
            yield alarm
            alarm = []
        if flag and case.outcome:
            alarm.append(case)
    if alarm:
        yield alarm


def _is_false(alarm: Iterable[Case]) -> bool:
    return all(case.outcome is Outcome.RETAINED for case in alarm)


def _stands_since(cases: Sequence[Case], flags: Sequence[bool], place: int) -> datetime:
    """Since which moment a warning stands without a break."""
    while place and flags[place - 1] and cases[place - 1].place == cases[place].place - 1:
        place -= 1
    return cases[place].prediction.at


def _lead(leads: Sequence[timedelta]) -> Lead:
    in_days = sorted(lead / days(1) for lead in leads)
    lower, median, upper = quantiles(in_days, n=4, method="inclusive") if len(in_days) > 1 else in_days * 3
    return Lead(lower, median, upper)
