"""What holds for every log: the engine against the naive reading of the contract, and laws of its own."""

import random
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import naive
import naive_business
import naive_listening
import naive_people
from given import EVERYTHING, Log, assessed, client_of, events_of, histories_of, no_clock
from retention_engine import (
    BUILT_IN,
    Action,
    Assessment,
    Client,
    Concern,
    Engine,
    Event,
    Health,
    Histories,
    Retracted,
    decode,
    encode,
    gather,
    rule,
)
from strategies import (
    MICROSECOND,
    SPANS,
    Line,
    continued,
    events,
    instants,
    logs,
    moments,
    places,
    questions,
    spans,
    written,
)


def verdict(found: Assessment) -> Any:
    """All that a client is told to be, with the evidence."""
    return (
        str(found.status),
        [(it.rule, it.level, it.about, it.starts, it.until, refs(it), it.message) for it in found.concerns],
        [(it.id, it.rule, it.about, it.due, refs(it), it.message) for it in found.actions],
        found.failures,
    )


def refs(finding: Concern | Action) -> list[str]:
    return [event.ref for event in finding.evidence]


READINGS = {**naive.RULES, **naive_people.RULES, **naive_business.RULES, **naive_listening.RULES}
"""Every built-in rule, read a second time."""


def verdicts(histories: Histories, at: datetime, known_at: datetime | None = None) -> dict[str, Any]:
    return {client: verdict(found) for client, found in assessed(histories, at, known_at).items()}


def cut(histories: Histories, at: datetime, known_at: datetime | None = None) -> list[Client]:
    """The clients as rules get to see them."""
    found = (Client.from_events(name, history, as_of=at, as_at=known_at) for name, history in histories.items())
    return [client for client in found if client]


# The engine and the naive reading.

deeds = st.lists(
    st.tuples(st.sampled_from(["action_done", "action_dismissed", "action_snoozed"]), places, spans, spans), max_size=3
)


def with_deeds(log: list[Line], now: datetime, ids: list[tuple[str, str]], done: list[Any]) -> list[Line]:
    """The log with somebody having done, dismissed or put off some of the actions that the engine recommends."""
    lines = list(log)
    for kind, place, ago, span in done if ids else ():
        client, action = ids[place % len(ids)]
        more = {"action_snoozed": {"until": written(now - ago + span)}, "action_dismissed": {"reason": "no"}}
        lines.append({"client": client, "kind": kind, "at": written(now - ago), "action": action, **more.get(kind, {})})
    return lines


@given(questions(), deeds)
def test_the_engine_says_what_a_naive_reading_of_the_contract_says(question, done):
    log, now, known_at = question
    clients = cut(histories_of(log), now, known_at)
    ids = {
        (client.id, action.rule, action.about): action.id
        for client in clients
        for action in EVERYTHING.schedule(client).actions
    }
    lines = with_deeds(log, now, [(client, action) for (client, _, _), action in sorted(ids.items(), key=str)], done)

    expected = naive.answers(lines, now, known_at=known_at, ids=ids, rules=READINGS)
    found = assessed(histories_of(lines), now, known_at)

    assert found.keys() == expected.keys()
    for client, answer in expected.items():
        said = found[client]
        assert said.failures == ()
        assert str(said.status) == answer.status
        assert {(it.rule, str(it.level), it.about) for it in said.concerns} == answer.concerns
        assert {(it.rule, it.about, it.due) for it in said.due()} == answer.tasks


# History.


@given(continued())
def test_the_past_never_changes_when_later_events_are_appended(story):
    log, now, longer = story
    assert verdicts(histories_of(longer), now, now) == verdicts(histories_of(log), now, now)


@given(questions(ids=True), st.randoms(use_true_random=False))
def test_the_order_of_lines_means_nothing_but_for_ties(question, chance):
    log, now, known_at = question
    shuffled = shuffled_but_for_ties(log, chance)
    assert verdicts(histories_of(shuffled), now, known_at) == verdicts(histories_of(log), now, known_at)


def shuffled_but_for_ties(log: Log, chance: random.Random) -> list[Any]:
    """The lines in another order, in which those of one client and one instant keep theirs."""
    ties = [(line["client"], naive.moment(line["at"])) for line in log]
    queues = {tie: iter([line for line, other in zip(log, ties, strict=True) if other == tie]) for tie in ties}
    return [next(queues[tie]) for tie in chance.sample(ties, len(ties))]


@given(questions(), places, spans, spans)
def test_retracting_an_event_is_as_if_it_had_never_been_recorded(question, place, at, recorded_at):
    log, now, known_at = question
    all_events = events_of(log)
    retractable = [event for event in all_events if event.id is not None and not isinstance(event, Retracted)]
    assume(retractable)
    gone = retractable[place % len(retractable)]
    retraction = Retracted(
        client=gone.client,
        at=gone.at + at,
        event=gone.id or "",
        recorded_at=gone.recorded_at + recorded_at,
        position=len(log) + 1,
    )
    never = [
        event
        for event in all_events
        if event.client != gone.client
        or (event.id != gone.id and not (isinstance(event, Retracted) and event.event == gone.id))
    ]
    corrected = gather([*all_events, retraction])
    known = retraction.recorded_at
    assert verdicts(corrected, now) == verdicts(gather(never), now)
    assert verdicts(corrected, now, known) == verdicts(gather(never), now, known)
    before = known - MICROSECOND if known_at is None else min(known_at, known - MICROSECOND)
    assert verdicts(corrected, now, before) == verdicts(gather(all_events), now, before)


@given(questions(), places, st.sampled_from([timedelta(0), timedelta(days=3), timedelta(days=-3)]))
def test_the_same_event_twice_counts_once_from_when_it_was_first_recorded(question, place, later):
    log, now, known_at = question
    all_events = events_of(log)
    repeatable = [event for event in all_events if event.id is not None]
    assume(repeatable)
    event = repeatable[place % len(repeatable)]
    again = attrs.evolve(event, recorded_at=event.recorded_at + later, position=len(log) + 1)
    earlier = {(event.client, event.id): again.recorded_at} if later < timedelta(0) else {}
    once = [
        attrs.evolve(it, recorded_at=min(it.recorded_at, earlier.get((it.client, it.id), it.recorded_at)))
        for it in all_events
    ]
    assert verdicts(gather([*all_events, again]), now, known_at) == verdicts(gather(once), now, known_at)


@given(events())
def test_an_event_survives_being_written_and_read(event):
    read = decode(encode(event), position=event.position)
    assert read == event
    assert (read.recorded_at, read.position) == (event.recorded_at, event.position)
    assert encode(read) == encode(event)


@given(logs(), moments([]), moments([]))
def test_cutting_a_client_twice_is_cutting_it_at_the_earlier_moment(log, one, other):
    for name, history in histories_of(log).items():
        once = Client.from_events(name, history, as_of=min(one, other))
        assert Client.from_events(name, history, as_of=one).as_of(other).events == once.events


# Rules.


@given(questions())
def test_findings_are_valid_intervals_with_evidence(question):
    log, now, known_at = question
    for client in cut(histories_of(log), now, known_at):
        schedule = EVERYTHING.schedule(client)
        assert schedule.failures == ()
        for finding in (*schedule.concerns, *schedule.actions):
            assert finding.message
            assert finding.evidence
            assert set(finding.evidence) <= set(client.events)
            assert finding.because == finding.evidence
        for concern in schedule.concerns:
            assert concern.starts.utcoffset() == timedelta(0)
            assert concern.until is None or concern.starts < concern.until
            same = [it for it in schedule.concerns if (it.rule, it.about) == (concern.rule, concern.about)]
            assert sum(it.in_force(concern.starts) for it in same) == 1
        for action in schedule.actions:
            assert action.due.utcoffset() == timedelta(0)
            assert action.client == client.id
        assert len({action.id for action in schedule.actions}) == len(schedule.actions)


@given(questions())
def test_a_client_that_has_left_has_no_other_concern_and_no_action(question):
    log, now, known_at = question
    for found in assessed(histories_of(log), now, known_at).values():
        if found.status is Health.LEFT:
            assert {concern.level for concern in found.concerns} <= {Health.LEFT}
            assert found.actions == found.due() == ()


def test_the_clock_is_really_taken_away():
    with no_clock(__name__), pytest.raises(AssertionError, match="what time it is"):
        datetime.now()  # noqa: DTZ005 - it must not get that far
    assert datetime.now()  # noqa: DTZ005 - and now it may


@given(questions())
def test_rules_are_pure(question):
    log, now, known_at = question
    for client in cut(histories_of(log), now, known_at):
        before = [dict(vars(event)) for event in client.events]
        anew = Client(client.id, client.events)
        with no_clock():
            first = [list(a_rule.findings(client)) for a_rule in EVERYTHING.rules]
            second = [list(a_rule.findings(client)) for a_rule in EVERYTHING.rules]
        assert first == second == [list(a_rule.findings(anew)) for a_rule in EVERYTHING.rules]
        assert [dict(vars(event)) for event in client.events] == before


@attrs.frozen(slots=False, kw_only=True)
class Inert(Event):
    """Something that no rule reads."""

    kind: ClassVar[str] = "tests.inert"


@given(questions(), spans)
def test_an_event_that_no_rule_reads_changes_nothing(question, later):
    log, now, known_at = question
    for client in cut(histories_of(log), now, known_at):
        inert = Inert(client=client.id, at=client.since + later, position=len(log) + 1)
        longer = Client.from_events(client.id, [*client.events, inert])
        assert EVERYTHING.schedule(longer) == EVERYTHING.schedule(client)


# Time to come.


@given(questions(), st.lists(spans, max_size=4))
def test_changes_are_foreseen_to_the_microsecond_and_none_is_missed(question, probes):
    log, now, known_at = question
    for client in cut(histories_of(log), now, known_at):
        found = EVERYTHING.assess(client, at=now)
        changes = list(found.schedule.changes(now))
        assert found.next_change == (changes[0] if changes else None)

        status = found.status
        for change in changes:
            assert change.before is status
            assert EVERYTHING.assess(client, at=change.at - MICROSECOND).status is change.before
            assert EVERYTHING.assess(client, at=change.at).status is change.after
            assert change.before is not change.after
            status = change.after
        assert [change.at for change in changes] == sorted({change.at for change in changes})

        for probe in (now + ahead for ahead in probes):
            passed = [change.after for change in changes if change.at <= probe]
            assert EVERYTHING.assess(client, at=probe).status is (passed[-1] if passed else found.status)


@given(questions())
def test_the_next_change_is_when_a_naive_reading_changes(question):
    log, now, known_at = question
    seen = [line for line in log if naive.moment(line["at"]) <= now or line["kind"] == "retracted"]
    for client, found in assessed(histories_of(log), now, known_at).items():
        change = found.next_change
        edges = [change.at - MICROSECOND] if change else [now + timedelta(days=days) for days in SPANS]
        for moment in edges:
            assert naive.answers(seen, moment, known_at=known_at, rules=READINGS)[client].status == str(found.status)
        if change:
            assert naive.answers(seen, change.at, known_at=known_at, rules=READINGS)[client].status == str(change.after)


# Actions.


@given(questions(), places, st.sampled_from(["action_done", "action_dismissed", "action_snoozed"]), spans)
def test_an_action_ends_when_done_or_dismissed_and_rests_while_snoozed(question, place, kind, span):
    log, now, known_at = question
    for client in cut(histories_of(log), now, known_at):
        actions = EVERYTHING.assess(client, at=now).actions
        if not actions:
            continue
        action = actions[place % len(actions)]
        until = now + span
        more = {"action_snoozed": {"until": until}, "action_dismissed": {"reason": "not now"}}
        said = decode_one({"client": client.id, "kind": kind, "at": now, "action": action.id, **more.get(kind, {})})
        after = Client.from_events(client.id, [*client.events, said.at_position(len(log) + 1)])

        def open_at(moment: datetime, client: Client = after) -> list[Action]:
            return list(EVERYTHING.assess(client, at=moment).actions)

        others = [it for it in actions if it.id != action.id]
        if kind == "action_snoozed":
            if span:
                assert open_at(now) == others
                left = EVERYTHING.assess(after, at=until - MICROSECOND).status is Health.LEFT
                assert open_at(until - MICROSECOND) == ([] if left else others)
            left = EVERYTHING.assess(after, at=until).status is Health.LEFT
            assert open_at(until) == ([] if left else list(actions))
        else:
            assert open_at(now) == others
            assert action not in open_at(now + timedelta(days=1000))


def decode_one(fields: dict[str, Any]) -> Event:
    return events_of([{key: written(it) if isinstance(it, datetime) else it for key, it in fields.items()}])[0]


@given(logs(), st.lists(instants, min_size=2, max_size=4))
def test_an_action_keeps_its_id_whenever_it_is_evaluated_and_shares_it_with_no_other(log, probes):
    histories = histories_of(log)
    by_identity: dict[Any, str] = {}
    for moment in probes:
        for client in cut(histories, moment):
            for action in EVERYTHING.schedule(client).actions:
                identity = (client.id, action.rule, action.about, tuple(refs(action)))
                assert by_identity.setdefault(identity, action.id) == action.id
    assert len(set(by_identity.values())) == len(by_identity)


# Failures.


@rule
def broken(client: Client):
    """Half of what it says is lost when it fails."""
    yield Concern(Health.CRITICAL, starts=client.since, because=client.first)
    raise LookupError("no such thing")


@given(questions())
def test_a_rule_that_fails_takes_nothing_with_it_and_nobody_is_well(question):
    log, now, known_at = question
    sound = assessed(histories_of(log), now, known_at)
    hurt = assessed(histories_of(log), now, known_at, Engine([*EVERYTHING.rules, broken]))
    assert hurt.keys() == sound.keys()
    for client, found in hurt.items():
        assert [failure.rule for failure in found.failures] == ["broken"]
        assert found.status is max(sound[client].status, Health.UNKNOWN)
        assert (found.concerns, found.actions) == (sound[client].concerns, sound[client].actions)
        if change := found.next_change:
            assert change.after >= Health.UNKNOWN


def test_all_rules_are_compared():
    assert set(READINGS) == {a_rule.name for a_rule in BUILT_IN}
    assert len(EVERYTHING.rules) == len(READINGS)
    assert client_of().events == ()
