"""What differs between two assessments of a client: concern by concern, action by action, and what is behind a status."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Generic, Literal, TypeVar

import attrs

from ..engine import AHEAD, Assessment
from ..events import Judged
from ..findings import Action, Concern, Health
from ..stating import RuleFailure

T = TypeVar("T", Concern, Action, RuleFailure)

How = Literal["appears", "vanishes", "moves", "changes"]


@attrs.frozen
class FindingChange(Generic[T]):
    """A concern, an action or a rule's failure that differs.

    Attributes:
        before: as it was; `None` where it appears.
        after: as it is; `None` where it vanishes.
    """

    before: T | None
    after: T | None

    @property
    def latest(self) -> T:
        """As it is, or as it was where it vanishes."""
        found = self.before if self.after is None else self.after
        assert found is not None  # noqa: S101 - one of both is there
        return found

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.latest.rule

    @property
    def how(self) -> How:
        """How it differs: an action with another due instant `moves`."""
        if self.before is None:
            return "appears"
        if self.after is None:
            return "vanishes"
        moves = isinstance(self.before, Action) and isinstance(self.after, Action) and self.before.due != self.after.due
        return "moves" if moves else "changes"


@attrs.frozen
class FactChange:
    """What is known of a client differs: `name`, `tier`, `owner`, `since`, the verdict `judged`, or what was `computed`."""

    field: str
    before: str | datetime | Judged | Health | None
    after: str | datetime | Judged | Health | None


@attrs.frozen
class StatusChange:
    """A client's status differs.

    Attributes:
        before: the status as it was; `None` where the client was not known.
        after: the status as it is.
        because: the concerns responsible: those whose worse side is worse than the better of the two statuses. Without
            them, the worse status would be no worse than the better one, judgements and failures of rules aside.
    """

    before: Health | None
    after: Health | None
    because: tuple[FindingChange[Concern], ...]

    @property
    def is_worse(self) -> bool:
        """Whether the client is worse off after than before; no client is better off than one not known."""
        return (self.after or Health.HEALTHY) > (self.before or Health.HEALTHY)


@attrs.frozen
class Difference:
    """All that differs between two assessments of a client; false where nothing does.

    Attributes:
        before: the status as it was; `None` where the client was not known.
        after: the status as it is.
        concerns: the concerns in force that differ, the worst first.
        actions: the open actions that differ, of which one side at least is due by then, the first due first.
        failures: the rules that fail on one side alone, or for another cause.
        facts: what else a report says of the client.
    """

    before: Health | None
    after: Health | None
    concerns: tuple[FindingChange[Concern], ...] = ()
    actions: tuple[FindingChange[Action], ...] = ()
    failures: tuple[FindingChange[RuleFailure], ...] = ()
    facts: tuple[FactChange, ...] = ()

    def __bool__(self) -> bool:
        return self.before is not self.after or bool(self.concerns or self.actions or self.failures or self.facts)

    @property
    def status(self) -> StatusChange | None:
        """The change of status, if the status differs."""
        if self.before is self.after:
            return None
        better = min(self.before or Health.HEALTHY, self.after or Health.HEALTHY)
        behind = tuple(change for change in self.concerns if _worse_side(change) > better)
        return StatusChange(self.before, self.after, behind)


NOTHING = Difference(None, None)
"""What differs of somebody unknown, and of a whole book that no rule is about."""


def difference(before: Assessment | None, after: Assessment | None, ahead: timedelta = AHEAD) -> Difference:
    """All that differs between two assessments of a client at one moment.

    Args:
        before: the assessment as it was; `None` where nothing was known of the client.
        after: the assessment as it is.
        ahead: actions are compared where one side is due by so much after the moment.
    """
    known = before or after
    if known is None:
        return NOTHING
    return Difference(
        None if before is None else before.status,
        None if after is None else after.status,
        concern_changes(before.concerns if before else (), after.concerns if after else ()),
        action_changes(before.actions if before else (), after.actions if after else (), known.at + ahead),
        failure_changes(before.failures if before else (), after.failures if after else ()),
        tuple(_facts(before, after)) if before and after else (),
    )


def _is_equal(one: Concern | Action, other: Concern | Action) -> bool:
    """Whether two findings say the same of the same events; two events that say the same are still two."""
    return one == other and all(
        mine.ref == theirs.ref for mine, theirs in zip(one.evidence, other.evidence, strict=True)
    )


def concern_changes(before: Iterable[Concern], after: Iterable[Concern]) -> tuple[FindingChange[Concern], ...]:
    """The concerns that differ, the worst first; those of one rule about one thing are one that has changed."""
    mine, theirs = ({(it.rule, it.about): it for it in concerns} for concerns in (before, after))
    found = []
    for key in {**mine, **theirs}:
        one, other = mine.get(key), theirs.get(key)
        if one is None or other is None or not _is_equal(one, other):
            found.append(FindingChange(one, other))
    return tuple(sorted(found, key=lambda it: (-_worse_side(it), it.rule, it.latest.about or "")))


def _worse_side(change: FindingChange[Concern]) -> Health:
    return max(side.level for side in (change.before, change.after) if side is not None)


def action_changes(
    before: Iterable[Action], after: Iterable[Action], by: datetime
) -> tuple[FindingChange[Action], ...]:
    """The actions that differ and are due by an instant on one side at least, the first due first.

    Those of one id, or else of one rule about one thing, are one action that has changed.
    """
    return tuple(change for change in _paired(before, after) if min(_dues(change)) <= by)


def _paired(before: Iterable[Action], after: Iterable[Action]) -> list[FindingChange[Action]]:
    mine, theirs = ({it.id: it for it in actions} for actions in (before, after))
    found: list[FindingChange[Action]] = [
        FindingChange(mine[key], theirs[key]) for key in mine.keys() & theirs.keys() if mine[key] != theirs[key]
    ]
    rest: dict[tuple[str, str, str | None], tuple[list[Action], list[Action]]] = {}
    for place, (these, those) in enumerate(((mine, theirs), (theirs, mine))):
        for key, action in these.items():
            if key not in those:
                rest.setdefault((action.client, action.rule, action.about), ([], []))[place].append(action)
    found += (FindingChange(one, other) for pair in rest.values() for one, other in zip_longest(*pair))
    return sorted(
        found, key=lambda it: (min(_dues(it)), it.latest.client, it.rule, it.latest.about or "", it.latest.id)
    )


def _dues(change: FindingChange[Action]) -> list[datetime]:
    return [side.due for side in (change.before, change.after) if side is not None]


def failure_changes(
    before: Iterable[RuleFailure], after: Iterable[RuleFailure]
) -> tuple[FindingChange[RuleFailure], ...]:
    """The rules that fail on one side alone, or for another cause."""
    mine, theirs = ({it.rule: it for it in failures} for failures in (before, after))
    return tuple(
        FindingChange(mine.get(rule), theirs.get(rule))
        for rule in sorted({**mine, **theirs})
        if mine.get(rule) != theirs.get(rule)
    )


def _facts(before: Assessment, after: Assessment) -> Iterator[FactChange]:
    pairs: list[tuple[str, Any, Any]] = [
        (field, getattr(before.client, field), getattr(after.client, field))
        for field in ("name", "tier", "owner", "since")
    ]
    verdicts = before.judgement, after.judgement
    pairs.append(("judged", *verdicts))
    if any(verdicts):
        pairs.append(("computed", before.schedule.computed(before.at), after.schedule.computed(after.at)))
    for field, one, other in pairs:
        if one != other:
            yield FactChange(field, one, other)
