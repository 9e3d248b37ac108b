"""Rules held against what happened: what they said at past moments, and which clients were lost soon after."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import attrs

from .engine import Engine, RuleFailure
from .errors import QuestionError
from .events import Event
from .findings import Health
from .gathering import Histories
from .client import Client
from .moments import days, instant, instant_text
from .outcomes import KnownOutcome, Outcome, endings, is_gone, outcome_within
from .predictions import Prediction, hidden, predictions
from .reality import GRACE
from .track_records import Case, Cases, Course, TrackRecord

EVERY = days(7)
"""How often a prediction is made, unless said otherwise."""

HORIZON = days(90)
"""How far ahead a prediction looks, unless said otherwise."""

FEWEST = 10
"""On fewer losses, or fewer clients retained, no rate is told, unless said otherwise."""

MOST_MOMENTS = 10_000

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
        unknown: of how many clients in the truth file nothing was known at that moment.
        gone: how often a client was gone already when a prediction was due.
        hidden: how many events were not recorded yet at some moment at which they had happened.
        status: how the status fared: all rules together.
        rules: how each rule fared, by name.
        recency: how the mere days since the latest contact, and since the client was last heard, fared.
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
    rules: tuple[TrackRecord, ...]
    recency: tuple[TrackRecord, ...]
    failures: tuple[RuleFailure, ...]

    @property
    def records(self) -> tuple[TrackRecord, ...]:
        """All track records: the status, the mere days, the rules."""
        return (self.status, *self.recency, *self.rules)

    @cached_property
    def clients(self) -> int:
        """How many clients were a case whose outcome counts."""
        counted = (any(case.outcome and case.outcome.counts for case in course.cases) for course in self.cases.courses)
        return sum(counted)
