"""How often each rule finds something: a rule that always fires, or never, tells nobody anything."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import attrs

from .binding import BoundRule
from .declare import Rule
from .engine import Assessment

NOW = timedelta(0)


@attrs.frozen
class Firing:
    """How often a rule finds something at a moment.

    Attributes:
        rule: the rule.
        assessed: how many clients were assessed.
        fires: for how many of them it has a concern in force or an open action that is due.
        concerned: for how many it has a concern in force.
        due: for how many it has an open action that is due.
        failed: for how many it could not be evaluated.
    """

    rule: Rule
    assessed: int
    fires: int
    concerned: int
    due: int
    failed: int

    @property
    def share(self) -> float:
        """The share of the clients for whom it fires, 0 to 1; 0 where there is no client."""
        return self.fires / self.assessed if self.assessed else 0.0


def firings(assessments: Iterable[Assessment], rules: Iterable[BoundRule]) -> list[Firing]:
    """How often each of these rules finds something in a book, the most frequent first."""
    assessed = 0
    counts: dict[str, Counter[str]] = {what: Counter() for what in ("fires", "concerned", "due", "failed")}
    for assessment in assessments:
        assessed += 1
        concerned = {concern.rule for concern in assessment.concerns}
        due = {action.rule for action in assessment.due(NOW)}
        counts["concerned"].update(concerned)
        counts["due"].update(due)
        counts["fires"].update(concerned | due)
        counts["failed"].update(failure.rule for failure in assessment.failures)
    found = [
        Firing(rule.rule, assessed, **{what: count[rule.name] for what, count in counts.items()}) for rule in rules
    ]
    return sorted(found, key=lambda it: (-it.fires, it.rule.name))
