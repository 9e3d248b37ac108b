"""What is coming if nothing happens: who changes status when, by which rules, and what prevents it by when."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import attrs

from .engine import Assessment
from .events import Judged
from .findings import Action, Concern, Health
from .moments import days, in_utc
from .stating import RuleFailure


@attrs.frozen
class Deadline:
    """By when something is to be done, so that a concern does not come to bear.

    Attributes:
        concern: what is to be prevented.
        action: the open action of the same rule that is due before; `None` where there is none, so that the concern itself
            says what is to be dealt with.
        by: when the action is due; where there is none, or it is overdue, the instant of the change. What happens at this
            very instant is in time.
    """

    concern: Concern
    action: Action | None
    by: datetime


@attrs.frozen
class ComingChange:
    """A client's status changes at an instant if nothing happens until then.

    Attributes:
        client: the client's id.
        name: what the client is called.
        owner: who of us looks after the client.
        at: the instant.
        before: the status until then.
        after: the status from then on.
        because: the concerns behind it: for the worse, those that come into force; for the better, those that end. Where a
            person's verdict ends, those that make the status what it then is.
        verdict: the person's verdict that ends there, if one does.
        deadlines: by when what is to be done, where the change is for the worse; one for each concern behind it.
    """

    client: str
    name: str | None
    owner: str | None
    at: datetime
    before: Health
    after: Health
    because: tuple[Concern, ...]
    verdict: Judged | None
    deadlines: tuple[Deadline, ...]

    @property
    def is_worse(self) -> bool:
        """Whether the change is for the worse."""
        return self.after > self.before


@attrs.frozen
class Outlook:
    """What changes in the book within a span if nothing happens.

    Attributes:
        at: the moment from which it is looked ahead.
        until: the end of the span, which belongs to it.
        changes: every change of status within the span, by date.
        now: how many clients have which status at the moment.
        then: how many will have it at the end.
        failures: the rules that could not be evaluated.
    """

    at: datetime
    until: datetime
    changes: tuple[ComingChange, ...]
    now: Mapping[Health, int]
    then: Mapping[Health, int]
    failures: tuple[RuleFailure, ...]


def outlook_of(assessments: Iterable[Assessment], *, at: datetime, ahead: timedelta = days(30)) -> Outlook:
    """What changes in the book within so much time after a moment if nothing happens, exact to the instant.

    The assessments are taken one by one, and no client's history is kept.

    Args:
        assessments: every client's assessment at the moment.
        at: the moment.
        ahead: how far is looked ahead; a change at the very end is seen.
    """
    moment = in_utc(at)
    until = moment + ahead
    changes: list[ComingChange] = []
    now: Counter[Health] = Counter()
    then: Counter[Health] = Counter()
    failures: list[RuleFailure] = []
    for assessment in assessments:
        now[assessment.status] += 1
        then[assessment.schedule.status(until)] += 1
        failures += assessment.failures
        changes += (change for change in coming_changes(assessment) if change.at <= until)
    changes.sort(key=lambda it: (it.at, it.client))
    return Outlook(moment, until, tuple(changes), now, then, tuple(failures))


def coming_changes(assessment: Assessment) -> Iterator[ComingChange]:
    """Every change of a client's status after the moment of its assessment if nothing happens, in order."""
    client, schedule = assessment.client, assessment.schedule
    for change in schedule.changes(assessment.at):
        deadlines = (
            [_deadline(it, assessment, change.at) for it in change.because] if change.after > change.before else []
        )
        yield ComingChange(
            client=client.id,
            name=client.name,
            owner=client.owner,
            at=change.at,
            before=change.before,
            after=change.after,
            because=tuple(sorted(change.because, key=lambda it: (it.starts, it.rule, it.about or ""))),
            verdict=schedule.ends_verdict(change.at),
            deadlines=tuple(sorted(deadlines, key=lambda it: (it.by, it.concern.rule, it.concern.about or ""))),
        )


def _deadline(concern: Concern, assessment: Assessment, change: datetime) -> Deadline:
    for action in assessment.actions:  # the first due first
        same = action.about == concern.about or action.about is None or concern.about is None
        if action.rule == concern.rule and same and action.due <= change:
            return Deadline(concern, action, action.due if action.due > assessment.at else change)
    return Deadline(concern, None, change)
