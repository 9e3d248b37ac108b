"""Rules held against what happened: whom did they warn of at past moments, and who was lost soon after?"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter
from typing import Protocol

import attrs

from .client import Client
from .engine import Engine
from .errors import QuestionError
from .events import Event
from .findings import Health
from .gathering import Histories
from .moments import days, instant, instant_text
from .outcomes import Ending, KnownOutcome, Outcome, endings, is_gone, outcome_within
from .predictions import Prediction, hidden, predictions
from .reality import GRACE
from .stating import RuleFailure
from .tallies import Case, Cases, Course, TrackRecord

EVERY = days(7)
"""How often a prediction is made, unless said otherwise."""

HORIZON = days(90)
"""How far ahead a prediction looks, unless said otherwise."""

FEWEST = 10
"""On fewer losses, or fewer clients retained, no rate is told, unless said otherwise."""

MOST_MOMENTS = 10_000

AGES: dict[str, Callable[[Prediction], timedelta]] = {"contact": attrgetter("quiet"), "heard": attrgetter("unheard")}
"""The baselines: how long ago something was, by what it was."""

Pairs = Iterable[tuple[str, Sequence[Event]]]


@attrs.frozen(kw_only=True, slots=False)
class Backtest:
    """What came of the rules' warnings.

    Attributes:
        moments: when predictions were made, in order.
        until: the end of the observation; `None` where a truth file says what became of the clients.
        every: how far apart the moments lie; `None` with a truth file.
        horizon: how far ahead a prediction looks; `None` with a truth file.
        grace: how long after a term's end a renewal still counts; `None` with a truth file.
        level: from which level on a status or a concern is a warning.
        cases: the clients' cases, for warnings of one's own.
        unknown: how many outcomes of the truth file are about clients of whom nothing was known at the cutoff.
        gone: at how many moments a client was gone already.
        hidden: how many events were not recorded yet at some moment at which they had happened.
        status: how the status fared: all rules together.
        recency: how the mere days since the latest contact, and since the client was last heard, fared.
        rules: how each rule fared, by name.
        failures: the rules that could not be evaluated, each once a client.
    """

    moments: tuple[datetime, ...]
    until: datetime | None
    every: timedelta | None
    horizon: timedelta | None
    grace: timedelta | None
    level: Health
    cases: Cases
    unknown: int
    gone: int
    hidden: int
    status: TrackRecord
    recency: tuple[TrackRecord, ...]
    rules: tuple[TrackRecord, ...]
    failures: tuple[RuleFailure, ...]

    @property
    def records(self) -> tuple[TrackRecord, ...]:
        """All track records: the status, the mere days, each rule."""
        return (self.status, *self.recency, *self.rules)

    @cached_property
    def clients(self) -> int:
        """How many clients were lost or retained in some case."""
        return sum(any(case.counts for case in course.cases) for course in self.cases.courses)


def backtest(
    histories: Histories | Pairs,
    engine: Engine,
    *,
    truth: Iterable[KnownOutcome] | None = None,
    starts: datetime | None = None,
    until: datetime | None = None,
    every: timedelta = EVERY,
    horizon: timedelta = HORIZON,
    grace: timedelta = GRACE,
    level: Health = Health.WATCH,
    fewest: int = FEWEST,
    ignore_recorded_at: bool = False,
    known_at: datetime | None = None,
) -> Backtest:
    """Hold rules against what happened: whom did they warn of, with only what was recorded by then?

    With the outcomes of a truth file, each client's prediction is made at its cutoff, and `starts`, `until`, `every`,
    `horizon` and `grace` are not used. Without, it is made every so often, and the outcome is read from the log: lost is
    who left or did not renew within the horizon.

    Args:
        histories: the events by client, as a mapping or as pairs.
        engine: the rules.
        truth: what became of clients, such as `read_truth` gives it.
        starts: the first moment; the midnight before the first event where none is given.
        until: the end of the observation; where none is given, the latest event that was not recorded ahead of its time.
        every: how far apart the moments lie.
        horizon: how far ahead a prediction looks.
        grace: how long after a term's end a renewal still counts.
        level: from which level on a status or a concern is a warning, `UNKNOWN` to `CRITICAL`.
        fewest: on fewer losses, or fewer clients retained, no rate is told.
        ignore_recorded_at: take each event as recorded when it happened, for a log that was imported later.
        known_at: leave out what was recorded later, outcomes too: the back-test as it would have been then.

    Raises:
        QuestionError: the observation ends before it starts, or what is asked makes no sense.
    """
    if not Health.UNKNOWN <= level <= Health.CRITICAL:
        raise QuestionError(f"{level} can't be a warning; choose a level from unknown to critical")
    if fewest < 1:
        raise QuestionError(f"no rate can rest on {fewest} outcomes; ask for 1 or more")
    pairs = sorted(histories.items()) if isinstance(histories, Mapping) else histories
    if known_at is not None:
        known = ((client, [it for it in events if it.recorded_at <= known_at]) for client, events in pairs)
        pairs = ((client, events) for client, events in known if events)
    if ignore_recorded_at:
        pairs = ((client, [event.recorded(event.at) for event in events]) for client, events in pairs)
    if truth is not None:
        return _by_truth(pairs, engine, truth, level, fewest)
    if every <= timedelta(0) or horizon <= timedelta(0):
        raise QuestionError("predictions need time between them, and a horizon; give more than nothing")
    if starts is None or until is None:
        pairs = list(pairs)
        starts, until = _observed(pairs, starts, until)
    moments = _moments(starts, until, every)
    watch = _Watch(engine)
    for client, events in pairs:
        if until is None:  # an empty log, of which nobody says how far it goes
            break
        watch.follow(client, events, moments, _ByLog.of(client, events, until, horizon, grace))
    return watch.backtest(
        Cases(tuple(watch.courses), every, horizon, fewest),
        moments=moments,
        until=until,
        every=every,
        horizon=horizon,
        grace=grace,
        level=level,
    )


def _by_truth(pairs: Pairs, engine: Engine, truth: Iterable[KnownOutcome], level: Health, fewest: int) -> Backtest:
    known: dict[str, dict[datetime, Outcome]] = {}
    for one in truth:
        known.setdefault(one.client, {})[one.cutoff] = one.outcome
    watch = _Watch(engine)
    for client, events in pairs:
        if of_client := known.get(client):
            watch.follow(client, events, tuple(sorted(of_client)), _ByTruth(of_client))
    return watch.backtest(
        Cases(tuple(watch.courses), None, None, fewest),
        moments=tuple(sorted({cutoff for of_client in known.values() for cutoff in of_client})),
        until=None,
        every=None,
        horizon=None,
        grace=None,
        level=level,
        unknown=sum(map(len, known.values())) - watch.predicted,
    )


def _observed(pairs: Pairs, starts: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime | None]:
    """The span of which a log tells, where nobody says; an event that was recorded ahead of its time may not come."""
    happened = [event.at for _, events in pairs for event in events if event.at <= event.recorded_at]
    if not happened:
        return (starts, until) if starts and until else (None, None)
    first = min(happened).replace(hour=0, minute=0, second=0, microsecond=0)
    return starts or first, until or max(happened)


def _moments(starts: datetime | None, until: datetime | None, every: timedelta) -> tuple[datetime, ...]:
    if starts is None or until is None:
        return ()
    starts, until = instant(starts), instant(until)
    if until < starts:
        raise QuestionError(
            f"the observation ends at {instant_text(until)}, before it starts at {instant_text(starts)}"
        )
    count = (until - starts) // every + 1
    if count > MOST_MOMENTS:
        raise QuestionError(f"{count:,} moments are too many; make predictions less often")
    return tuple(starts + every * place for place in range(count))


class _Outcomes(Protocol):
    """What became of one client."""

    @property
    def losses(self) -> tuple[datetime, ...]:
        """When it was lost, as far as that is known."""

    def after(self, moment: datetime) -> Outcome | None:
        """What became of it after a moment; `None` where that can't be known yet."""

    def is_gone(self, moment: datetime) -> bool:
        """Whether it was gone at a moment, by what is known today."""


@attrs.frozen
class _ByTruth:
    known: Mapping[datetime, Outcome]
    losses: tuple[datetime, ...] = ()

    def after(self, moment: datetime) -> Outcome | None:
        return self.known[moment]

    def is_gone(self, moment: datetime) -> bool:  # noqa: ARG002 - the log may know, a truth file does not
        return False


@attrs.frozen
class _ByLog:
    found: tuple[Ending, ...]
    until: datetime
    horizon: timedelta

    @classmethod
    def of(
        cls, client: str, events: Sequence[Event], until: datetime, horizon: timedelta, grace: timedelta
    ) -> "_ByLog":
        known = Client.from_events(client, events, as_of=until)
        return cls(endings(known, at=until, grace=grace), until, horizon)

    @property
    def losses(self) -> tuple[datetime, ...]:
        return tuple(ending.at for ending in self.found if ending.outcome is Outcome.LOST)

    def after(self, moment: datetime) -> Outcome | None:
        return outcome_within(self.found, moment, self.horizon) if moment + self.horizon <= self.until else None

    def is_gone(self, moment: datetime) -> bool:
        return is_gone(self.found, moment)


class _Watch:
    """Follows clients one by one through the moments."""

    def __init__(self, engine: Engine) -> None:
        self.courses: list[Course] = []
        self.predicted = 0
        self._engine = engine
        self._gone = self._hidden = 0
        self._failures: dict[tuple[str, str], RuleFailure] = {}

    def follow(self, client: str, events: Sequence[Event], moments: Sequence[datetime], outcomes: _Outcomes) -> None:
        """Make a client's predictions, and keep those that are cases, each with its outcome."""
        places = {moment: place for place, moment in enumerate(moments)}
        self._hidden += sum(bool(hidden(event, moments)) for event in events)
        cases: list[Case] = []
        for prediction, failures in predictions(self._engine, client, events, moments):
            self.predicted += 1
            for failure in failures:
                self._failures.setdefault((failure.rule, failure.client), failure)
            if prediction.gone or outcomes.is_gone(prediction.at):
                self._gone += 1
            else:
                cases.append(Case(places[prediction.at], prediction, outcomes.after(prediction.at)))
        if cases:
            self.courses.append(Course(client, tuple(cases), outcomes.losses))

    def backtest(
        self,
        cases: Cases,
        *,
        moments: tuple[datetime, ...],
        until: datetime | None,
        every: timedelta | None,
        horizon: timedelta | None,
        grace: timedelta | None,
        level: Health,
        unknown: int = 0,
    ) -> Backtest:
        """The track records of all that warned."""
        status = cases.track_record("status", "status", lambda it: it.status >= level)
        return Backtest(
            moments=moments,
            until=until,
            every=every,
            horizon=horizon,
            grace=grace,
            level=level,
            cases=cases,
            unknown=unknown,
            gone=self._gone,
            hidden=self._hidden,
            status=status,
            recency=tuple(_recency(cases, status.warned)),
            rules=tuple(_of_rule(cases, rule.name, level) for rule in self._engine.rules),
            failures=tuple(self._failures.values()),
        )


def _of_rule(cases: Cases, rule: str, level: Health) -> TrackRecord:
    def warns(prediction: Prediction) -> bool:
        return prediction.levels.get(rule, Health.HEALTHY) >= level

    return cases.track_record(rule, "rule", warns)


def _recency(cases: Cases, wanted: int) -> Iterator[TrackRecord]:
    """What the mere days would have done with as many warnings."""
    for what, age in AGES.items():
        above = cases.as_many(age, wanted)
        yield cases.track_record(what, "recency", _older(age, above), above)


def _older(age: Callable[[Prediction], timedelta], above: timedelta | None) -> Callable[[Prediction], bool]:
    return lambda prediction: above is not None and age(prediction) >= above
