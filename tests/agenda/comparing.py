"""An agenda held against full replays of its log: whatever it answers, a replay at that moment says the same."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from attrs import evolve

from retention_engine import Agenda, AgendaAction, AgendaChange, Assessment, Engine, Health, replay, worklist_of
from retention_engine.log import EventLog

FAR = datetime(2500, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Told = tuple[str, str, str | None, str, tuple[str, ...]]


class Replays:
    """Full replays of a log as it is, each done once.

    Args:
        log: the log.
        engine: the rules.
    """

    def __init__(self, log: EventLog, engine: Engine) -> None:
        self.histories = list(log.clients())
        self.engine = engine
        self._found: dict[datetime, dict[str, Assessment]] = {}

    def at(self, moment: datetime) -> dict[str, Assessment]:
        if moment not in self._found:
            found = replay(self.histories, self.engine, at=moment)
            self._found[moment] = {assessment.client.id: assessment for assessment in found}
        return self._found[moment]

    def statuses(self, moment: datetime) -> dict[str, Health]:
        return {client: found.status for client, found in self.at(moment).items()}

    def happens_in(self, client: str, after: datetime, upto: datetime) -> bool:
        """Whether an event of the client happens in `(after, upto]`."""
        return any(after < event.at <= upto for name, events in self.histories if name == client for event in events)


def assert_equals_replay(agenda: Agenda, log: EventLog, moments: Iterable[datetime]) -> None:
    """Whatever the agenda says of these moments, as far as it answers for them, and of every boundary after the first."""
    replays = Replays(log, agenda.engine)
    basis = agenda.basis()
    assert (basis.is_stale, basis.is_behind, basis.position) == (False, False, log.head())
    horizon = basis.horizon
    if horizon is None:
        horizon = min((events[0].at for _, events in replays.histories), default=FAR)
    asked = sorted({horizon, *(moment for moment in moments if moment >= horizon)})
    for moment in asked:
        assert_says_the_same_at(agenda, replays, moment)
    assert_changes_are_right(agenda, replays, horizon, asked[-1])


def assert_says_the_same_at(agenda: Agenda, replays: Replays, moment: datetime) -> None:
    found = replays.at(moment)
    counts = agenda.counts(moment)
    assert {level: count for level, count in counts.by_status.items() if count} == _counted(found.values())
    assert counts.failing == sum(bool(assessment.failures) for assessment in found.values())
    assert list(agenda.failures(moment)) == [it for assessment in found.values() for it in assessment.failures]
    due = agenda.due(FAR, at=moment)
    assert list(map(told, due)) == [told_of(it) for it in _in_order(found.values())]
    owners = {assessment.client.id: assessment.client.owner or None for assessment in found.values()}
    assert all(action.owner == owners[action.client] for action in due)
    for owner in {*owners.values()}:
        of_owner = agenda.due(FAR, at=moment, owner=owner or "")
        assert of_owner.items == tuple(action for action in due if action.owner == owner)
    for client, assessment in found.items():
        says = agenda.status(client, moment)
        assert says.status is assessment.status
        assert list(map(told, says.actions)) == [told_of(action) for action in assessment.actions]
        assert list(says.failing) == [failure.rule for failure in assessment.failures]
        assert_next_change_is_right(says.next_change, assessment, replays, moment)


def assert_next_change_is_right(
    coming: AgendaChange | None, assessment: Assessment, replays: Replays, moment: datetime
) -> None:
    client, expected = assessment.client.id, assessment.next_change
    until = FAR if coming is None else coming.at
    if replays.happens_in(client, moment, max(until, expected.at if expected else moment)):
        # What is recorded ahead of its time, a replay at the moment does not see; one at the change itself does.
        if coming is not None:
            assert_is_a_change(coming, replays)
            assert coming.before is assessment.status
        return
    assert (coming is None) == (expected is None)
    if coming is not None and expected is not None:
        assert (coming.at, coming.before, coming.after) == (expected.at, expected.before, expected.after)
        assert [(it.rule, it.about, it.message, it.because) for it in coming.because] == [
            (it.rule, it.about, it.message, tuple(event.ref for event in it.evidence)) for it in expected.because
        ]
        assert coming.events == ()


def assert_worklists_are_right(agenda: Agenda, log: EventLog, moments: Iterable[datetime]) -> None:
    """The worklists of those whom the agenda names are those of all, even where it has not followed all events yet."""
    horizon = agenda.basis().horizon
    replays = Replays(log, agenda.engine)
    for moment in [at for at in moments if horizon is None or at >= horizon]:
        everybody = list(replays.at(moment).values())
        for ahead in (timedelta(0), timedelta(days=7), timedelta(days=2_000)):
            for owners in (None, *({assessment.client.owner or None} for assessment in everybody)):
                named = list(agenda.assess_due(at=moment, ahead=ahead, owners=owners))
                found, expected = (
                    evolve(worklist_of(some, at=moment, ahead=ahead, owners=owners), known_owners=frozenset())
                    for some in (named, everybody)
                )
                assert found == expected
                names = {assessment.client.id for assessment in named}
                assert list(map(verdict, named)) == [verdict(it) for it in everybody if it.client.id in names]


def assert_changes_are_right(agenda: Agenda, replays: Replays, start: datetime, end: datetime) -> None:
    """The changes of a span lead from its first statuses to its last, and each is one, to the microsecond."""
    changes = agenda.changes(start, end)
    assert [(it.at, it.client) for it in changes] == sorted((it.at, it.client) for it in changes)
    assert statuses_after(replays.statuses(start), changes) == replays.statuses(end)
    for change in changes:
        assert_is_a_change(change, replays)
        assert (
            agenda.changes(change.at - MICROSECOND, change.at).items
            == tuple(it for it in changes if it.at == change.at)
            or change.at - MICROSECOND < start
        )
        assert all(it.at > change.at for it in agenda.changes(change.at, end))


def assert_is_a_change(change: AgendaChange, replays: Replays) -> None:
    assert replays.statuses(change.at)[change.client] is change.after
    assert replays.statuses(change.at - MICROSECOND).get(change.client) is change.before
    assert change.before is not change.after


def statuses_after(statuses: dict[str, Health], changes: Sequence[AgendaChange]) -> dict[str, Health]:
    """What changes lead to; each begins where the one before it ended."""
    found = dict(statuses)
    for change in changes:
        assert found.get(change.client) is change.before
        found[change.client] = change.after
    return found


def verdict(found: Assessment) -> tuple[Any, ...]:
    return (found.client.id, tuple(found.client.events), found.status, found.concerns, found.actions, found.failures)


def told(action: AgendaAction) -> tuple[datetime, str, str, str, str | None, str, tuple[str, ...]]:
    return (action.due, action.client, action.id, action.rule, action.about, action.message, action.because)


def told_of(action) -> tuple[datetime, str, str, str, str | None, str, tuple[str, ...]]:
    refs = tuple(event.ref for event in action.evidence)
    return (action.due, action.client, action.id, action.rule, action.about, action.message, refs)


def _in_order(assessments: Iterable[Assessment]) -> list:
    found = [action for assessment in assessments for action in assessment.actions]
    return sorted(found, key=lambda it: (it.due, it.client, it.rule, it.about or ""))


def _counted(assessments: Iterable[Assessment]) -> dict[Health, int]:
    levels = sorted(assessment.status for assessment in assessments)
    return {level: len(list(found)) for level, found in groupby(levels)}
