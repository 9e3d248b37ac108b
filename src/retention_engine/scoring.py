"""A client's health by dimension, and a score of 0 to 100 that is nothing but a sum which can be read item by item."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import get_args

import attrs

from .binding import BoundRule
from .client import Client
from .declare import Dimension
from .engine import Schedule, open_actions
from .errors import SettingsError, shown
from .events import Event
from .findings import Action, Concern, Finding, Health
from .stating import RuleFailure

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
FULL = 100
MOST_WEIGHT = 1_000_000
"""The score of a client of whom nothing is to be said."""

PRICED = {Health.UNKNOWN: "unknown", Health.WATCH: "watch", Health.AT_RISK: "at_risk", Health.CRITICAL: "critical"}
"""The levels that have a weight, with its name."""


@attrs.frozen(kw_only=True)
class Weights:
    """How many of the 100 points a concern in force costs, by its level, and an action that is overdue.

    Attributes:
        unknown: for a concern of this level, and so on.
        watch: no less than `unknown`.
        at_risk: no less than `watch`.
        critical: no less than `at_risk`.
        overdue: for an open action that is due.
        rules: by rule, for its concerns of whatever level; 0 means that they are not counted.

    Raises:
        SettingsError: a weight is no whole number from 0, or a worse level costs less than a better one.
    """

    unknown: int = 10
    watch: int = 15
    at_risk: int = 35
    critical: int = 60
    overdue: int = 2
    rules: Mapping[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if problems := [*self._no_weights(), *self._out_of_order()]:
            raise SettingsError([f"score.{problem}" for problem in problems])

    def _no_weights(self) -> Iterator[str]:
        levels = {str(level): getattr(self, name) for level, name in PRICED.items()}
        of_rules = {f"rules.{rule}": weight for rule, weight in self.rules.items()}
        for name, weight in {**levels, "overdue": self.overdue, **of_rules}.items():
            if not _is_weight(weight):
                yield f"{name}: expected a whole number from 0 to {MOST_WEIGHT:,}, got {shown(weight)}"

    def _out_of_order(self) -> Iterator[str]:
        for better, worse in pairwise(PRICED):
            low, high = getattr(self, PRICED[better]), getattr(self, PRICED[worse])
            if _is_weight(low) and _is_weight(high) and low > high:
                yield f"{worse}: {high} is less than the {low} of {better}; a worse level must not cost less"

    def of(self, finding: Finding) -> int:
        """What a concern in force, or an overdue action, costs; that the client has left costs all there is."""
        if isinstance(finding, Action):
            return self.overdue
        if finding.level in PRICED:
            weight: int = getattr(self, PRICED[finding.level])
            return self.rules.get(finding.rule, weight)
        return FULL if finding.level is Health.LEFT else 0


def _is_weight(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_WEIGHT


@attrs.frozen
class Deduction:
    """Points that one finding takes off the score.

    Attributes:
        points: how many.
        finding: the concern in force, or the overdue action.
    """

    points: int
    finding: Finding

    @property
    def rule(self) -> str:
        """The rule that stated the finding."""
        return self.finding.rule

    @property
    def what(self) -> str:
        """The concern's level, or `overdue`."""
        return "overdue" if isinstance(self.finding, Action) else str(self.finding.level)

    @property
    def since(self) -> datetime:
        """When the concern started, or the action was due."""
        return self.finding.due if isinstance(self.finding, Action) else self.finding.starts

    @property
    def message(self) -> str:
        """The finding in one sentence."""
        return self.finding.message or ""

    @property
    def evidence(self) -> tuple[Event, ...]:
        """The events that the finding rests on."""
        return self.finding.evidence


@attrs.frozen
class Score:
    """100 minus the deductions, and 0 where they come to more.

    Attributes:
        deductions: every one of them, the largest first.
        incomplete: whether a rule failed, so that something may be missing.
    """

    deductions: tuple[Deduction, ...]
    incomplete: bool

    @property
    def deducted(self) -> int:
        """The sum of the deductions, which may be more than 100."""
        return sum(deduction.points for deduction in self.deductions)

    @property
    def value(self) -> int:
        """The score, from 0 to 100."""
        return max(0, FULL - self.deducted)


@attrs.frozen
class Standing:
    """How one dimension of a client's health stands, by the rules that are about it.

    Attributes:
        status: the worst level in force; `healthy` where there is none, no better than `unknown` where a rule failed.
        concerns: the concerns in force, worst first.
        failures: the rules that could not be evaluated.
    """

    status: Health
    concerns: tuple[Concern, ...]
    failures: tuple[RuleFailure, ...]


@attrs.frozen
class Scorecard:
    """A client's health at a moment, by the rules alone: a person's verdict changes nothing here.

    Attributes:
        at: the moment.
        status: what the rules say; the worst of the dimensions.
        dimensions: how each of the four dimensions stands.
        score: the score with all that it is made of.
    """

    at: datetime
    status: Health
    dimensions: Mapping[Dimension, Standing]
    score: Score


def scorecard(
    client: Client,
    schedule: Schedule,
    *,
    at: datetime,
    rules: Iterable[BoundRule],
    weights: Weights | None = None,
) -> Scorecard:
    """A client's scorecard at a moment, read off what the rules state of the history.

    Like a status it may be asked for any later moment, and holds then if nothing else happens.

    Args:
        client: the client, with the history that the schedule is about.
        schedule: what the rules state of it.
        at: the moment.
        rules: the rules that the schedule is by; `Engine.rules`.
        weights: what each finding costs; the defaults where none are given.
    """
    weights = weights or Weights()
    about = {rule.name: rule.rule.dimension for rule in rules}
    status = schedule.computed(at)
    left = status is Health.LEFT
    in_force = [
        concern for concern in schedule.concerns if concern.in_force(at) and (not left or concern.level is Health.LEFT)
    ]
    in_force.sort(key=lambda it: (-it.level, it.starts, it.rule, it.about or ""))
    overdue = () if left else (action for action in open_actions(client, schedule.actions, at) if action.due <= at)
    deductions = [Deduction(weights.of(finding), finding) for finding in (*in_force, *overdue)]
    counted = sorted((it for it in deductions if it.points), key=lambda it: -it.points)
    dimensions = {}
    for dimension in DIMENSIONS:
        concerns = tuple(concern for concern in in_force if about[concern.rule] == dimension)
        failures = tuple(failure for failure in schedule.failures if about[failure.rule] == dimension)
        dimensions[dimension] = Standing(status if left else _worst(concerns, failures), concerns, failures)
    return Scorecard(at, status, dimensions, Score(tuple(counted), bool(schedule.failures)))


def _worst(concerns: Sequence[Concern], failures: Sequence[RuleFailure]) -> Health:
    return max([Health.UNKNOWN if failures else Health.HEALTHY, *(concern.level for concern in concerns)])
