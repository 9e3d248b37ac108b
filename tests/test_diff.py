"""Two rule sets over one log, and then against now: held against plain replays, and through the real command."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from command import AT, Ran, in_this_process, retention
from given import EVERYTHING, assessed, events_of, histories_of
from retention_engine import (
    BUILT_IN,
    Action,
    ActionSnoozed,
    Assessment,
    Book,
    BoundRule,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Health,
    Judged,
    Profiled,
    Retracted,
    Settings,
    StatusChange,
    assess_book,
    compare,
    compare_knowledge,
    compare_span,
    create_log,
    days,
    gather,
    instant,
    rule,
)
from retention_engine.cli import COMMANDS, main
from retention_engine.cli.options import RuleChoice
from retention_engine.comparison import difference, rule_changes, with_learned
from retention_engine.comparison.differences import NOTHING
from retention_engine.comparison.knowledge import MOST_STEPS
from retention_engine.comparison.results import ClientDifference, HeldChange
from retention_engine.events import Event
from retention_engine.formats.comparison import comparison_document
from retention_engine.formats.verdicts import client_view
from strategies import MICROSECOND, SPANS, Line, logs, mixed, moments, one_of, places, questions, spans, written
from strategies import START as FIRST_DAY

AHEADS = st.sampled_from([days(7), days(7), days(0), days(45)])

# Rule sets.

PACKS = [
    [],
    [],
    ["love-engage-help"],
    ["stick-around", "retention-plan"],
    [*dict.fromkeys(it for r in BUILT_IN for it in r.packs)],
]
ESSENTIAL = [it for it in BUILT_IN if "essentials" in it.packs]
VALUES: dict[type, list[Any]] = {timedelta: [f"{count} days" for count in SPANS], int: [1, 2, 3, 4]}
EDITS = [
    (it.name, key, value)
    for it in (*ESSENTIAL, *ESSENTIAL, *ESSENTIAL, *BUILT_IN)
    for key, value in [
        *((name, value) for name, setting in it.settings.items() for value in VALUES.get(setting.type, ())),
        *[("enabled", on) for on in (False, True)] * 4,
    ]
]
TIER_EVERY = [f"{count} days" for count in (20, 30, 60)]


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[Engine, Engine]:
    """The rules of some packs, with some settings; and the same with a few edits, now and then with other packs."""
    packs = draw(st.sampled_from(PACKS))
    others = draw(st.sampled_from([packs, packs, PACKS[0], PACKS[-1]]))
    base = draw(st.lists(one_of(mixed(EDITS)), max_size=3))
    more = draw(st.lists(one_of(mixed(EDITS)), min_size=1, max_size=6))
    sets = []
    for on, edits in ((packs, base), (others, base + more)):
        rules: dict[str, dict[str, Any]] = {}
        for name, key, value in edits:
            rules.setdefault(name, {})[key] = value
        tier = {"quiet-client": {"every": draw(st.sampled_from(TIER_EVERY))}}
        table = {"packs": dict.fromkeys(on, True), "rules": rules, "tiers": {"key": {"rules": tier}}}
        sets.append(Engine(Settings.from_table(table).choose()))
    if draw(st.booleans()):
        sets.reverse()
    return sets[0], sets[1]


# What a report says, as plain values.


def report(found: Assessment, ahead: timedelta) -> dict[str, Any]:
    return client_view(found, ahead)


def sides(changes: Iterable[Any], side: str) -> list[Any]:
    return [getattr(change, side) for change in changes if getattr(change, side) is not None]


def concern_texts(concerns: Iterable[Concern]) -> set[str]:
    return {f"{it.rule} {it.about} {it.level} {it.starts} {it.until} {refs(it)} {it.message}" for it in concerns}


def action_texts(actions: Iterable[Action], by: datetime) -> set[str]:
    return {f"{it.id} {it.rule} {it.about} {it.due} {refs(it)} {it.message}" for it in actions if it.due <= by}


def refs(finding: Concern | Action) -> list[str]:
    return [event.ref for event in finding.evidence]


# Two rule sets at a moment.


@given(questions(), rule_sets(), AHEADS)
def test_a_comparison_is_the_set_difference_of_two_replays(question, sets, ahead):
    log, now, known_at = question
    old, new = sets
    histories = histories_of(log)
    one, other = (assessed(histories, now, known_at, engine) for engine in (old, new))
    found = compare(histories, old, new, at=now, known_at=known_at, ahead=ahead)

    assert found.compared == len(one) == len(other)
    differing = {it.client.id: it.difference for it in found.clients}
    assert list(differing) == sorted(differing)
    for client in one:
        differs = differing.get(client, NOTHING)
        before, after = one[client], other[client]
        status = (differs.before, differs.after) if differs.status else (before.status, before.status)
        assert status == (before.status, after.status)
        gone, come = (concern_texts(sides(differs.concerns, side)) for side in ("before", "after"))
        assert gone == concern_texts(before.concerns) - concern_texts(after.concerns)
        assert come == concern_texts(after.concerns) - concern_texts(before.concerns)
        gone, come = (action_texts(sides(differs.actions, side), now + ahead) for side in ("before", "after"))
        assert gone == action_texts(before.due(ahead), now + ahead) - action_texts(after.actions, now + ahead)
        assert come == action_texts(after.due(ahead), now + ahead) - action_texts(before.actions, now + ahead)
        assert bool(differs) == (client_view(before, ahead) != client_view(after, ahead))


@given(questions(), rule_sets())
def test_a_rule_set_compared_with_itself_gives_nothing(question, sets):
    log, now, known_at = question
    old, _ = sets
    histories = histories_of(log)
    again = Engine([BoundRule(it.rule, it.values, it.tier_values) for it in old.rules])
    for other in (old, again):
        found = compare(histories, old, other, at=now, known_at=known_at)
        span = compare_span(histories, old, other, starts=now - days(100), until=now, known_at=known_at)
        for one in (found, span):
            assert not one
            assert one.clients == one.rules == one.by_rule == one.changed_status == ()


@given(questions(), rule_sets())
def test_comparing_the_other_way_round_turns_every_change_round(question, sets):
    log, now, known_at = question
    old, new = sets
    histories = histories_of(log)
    there, back = (compare(histories, *pair, at=now, known_at=known_at) for pair in ((old, new), (new, old)))
    assert [it.client.id for it in there.clients] == [it.client.id for it in back.clients]
    for one, other in zip(there.clients, back.clients, strict=True):
        turned = {(it.after, it.before) for it in one.difference.actions}
        assert turned == {(it.before, it.after) for it in other.difference.actions}
        assert (one.difference.before, one.difference.after) == (other.difference.after, other.difference.before)


@given(questions(), rule_sets())
def test_the_concerns_responsible_are_those_that_make_the_difference(question, sets):
    log, now, known_at = question
    old, new = sets
    found = compare(histories_of(log), old, new, at=now, known_at=known_at)
    before, after = (assessed(histories_of(log), now, known_at, engine) for engine in (old, new))
    for client in found.changed_status:
        status = client.difference.status
        assert status is not None
        assert status.because
        worse, better = (status.after, status.before) if status.is_worse else (status.before, status.after)
        side, reports = ("after", after) if status.is_worse else ("before", before)
        responsible = sides(status.because, side)
        rest = [it for it in reports[client.client.id].concerns if it not in responsible]
        assert max((it.level for it in responsible), default=Health.HEALTHY) is worse
        assert len(responsible) == len(status.because)
        assert all(it.level > better for it in responsible)
        assert max((it.level for it in rest), default=Health.HEALTHY) <= better


# Two rule sets over a span.


@st.composite
def spans_of_logs(draw: st.DrawFn) -> tuple[list[Line], datetime, datetime, datetime | None]:
    """A log, a span worth asking about, and what was known then."""
    log, until, known_at = draw(questions())
    starts = draw(st.one_of(moments(log), st.just(until - days(200))))
    return log, min(starts, until), max(starts, until) + MICROSECOND, known_at


@given(spans_of_logs(), rule_sets(), AHEADS, st.lists(st.tuples(spans, st.booleans()), min_size=1, max_size=5))
def test_a_span_says_at_every_instant_what_a_comparison_at_that_instant_says(question, sets, ahead, probes):
    log, starts, until, known_at = question
    old, new = sets
    histories = histories_of(log)
    found = compare_span(histories, old, new, starts=starts, until=until, known_at=known_at, ahead=ahead)
    edges = {edge for client in found.clients for held in client.changes for edge in (held.starts, held.until)} - {None}
    tick = timedelta(microseconds=1)
    near = sorted(edges)[:2] + sorted(edges)[-2:]
    instants = {*(starts + span - (tick if early else timedelta(0)) for span, early in probes), starts, until - tick}
    instants |= {*near, *(edge - tick for edge in near)}
    for moment in sorted(it for it in instants if starts <= it < until):
        pointwise = compare(histories, old, new, at=moment, known_at=known_at, ahead=ahead)
        expected = {it.client.id: it.difference for it in pointwise.clients}
        said = {it.client.id: differs for it in found.clients if (differs := _at(it, moment)) is not None}
        assert said == expected
        for client in found.clients:
            _agree([it for it in client.changes if _holds(it, moment)], expected.get(client.client.id, NOTHING))


def _holds(held: HeldChange, moment: datetime) -> bool:
    return held.starts <= moment and (held.until is None or moment < held.until)


def _at(client: ClientDifference, moment: datetime) -> Any:
    found = [it for it in client.stretches if it.starts <= moment and (it.until is None or moment < it.until)]
    assert len(found) <= 1
    return found[0].difference if found else None


def _agree(held: list[HeldChange], differs: Any) -> None:
    """The changes that hold are the parts of a difference."""
    changes = [it.change for it in held]
    status = differs.status
    assert [(it.before, it.after) for it in changes if isinstance(it, StatusChange)] == (
        [(status.before, status.after)] if status else []
    )
    for part in (*differs.concerns, *differs.actions, *differs.failures, *differs.facts):
        assert changes.count(part) == 1
    parts = sum(map(len, (differs.concerns, differs.actions, differs.failures, differs.facts)))
    assert len(changes) == parts + (status is not None)


@given(spans_of_logs(), rule_sets())
def test_stretches_are_in_order_within_the_span_and_neighbours_differ(question, sets):
    log, starts, until, known_at = question
    old, new = sets
    found = compare_span(histories_of(log), old, new, starts=starts, until=until, known_at=known_at)
    for client in found.clients:
        assert client.stretches
        ends = starts
        before = None
        for stretch in client.stretches:
            assert ends <= stretch.starts < (stretch.until or until) <= until
            assert stretch.difference
            assert stretch.until != until
            assert before is None or stretch.starts > ends or before != stretch.difference
            ends, before = stretch.until or until, stretch.difference


def test_a_snoozed_action_differs_until_it_is_snoozed_and_from_when_it_comes_back():
    off = Engine(Settings.from_table({"rules": {"quiet-client": {"enabled": False}}}).choose())
    first = engaged("2026-01-01", "first", direction="inbound")
    (action,) = ESSENTIALS.assess(Client("acme", [first]), at=instant("2026-03-25")).actions
    snoozed = ActionSnoozed(client="acme", at="2026-03-26", action=action.id, until="2026-03-28")
    found = compare_span(
        gather([first, snoozed]), ESSENTIALS, off, starts=instant("2026-03-20"), until=instant("2026-03-31")
    )
    (client,) = found.clients
    expected = [(instant("2026-03-25"), instant("2026-03-26")), (instant("2026-03-28"), None)]
    assert [(it.starts, it.until) for it in client.stretches] == expected
    assert [(it.starts, it.until, it.change.how) for it in client.changes] == [(*span, "vanishes") for span in expected]


# Then and now.


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Line], datetime, datetime]:
    """A log, a moment, and what was known then; some events were recorded later, and some retracted."""
    log = [dict(line) for line in draw(logs())]
    now = draw(moments(log))
    known_at = draw(st.one_of(moments(log), spans.map(lambda span: now + span)))
    ids: dict[str, list[Line]] = {}
    for line in log:
        if "id" in line and line["kind"] != "retracted":
            ids.setdefault(line["id"], []).append(line)
    for _, place in zip(range(4), draw(st.lists(places, max_size=4)), strict=False):
        line = log[place % len(log)] if log else {}
        if line and len(ids.get(line.get("id", ""), [])) <= 1:
            line["recorded_at"] = written(known_at + draw(spans) + MICROSECOND)
    for place in draw(st.lists(places, max_size=3)) if ids else ():
        gone = ids[sorted(ids)[place % len(ids)]][0]
        recorded_at = written(known_at + draw(spans) + draw(st.sampled_from([timedelta(0), MICROSECOND])))
        log.append(
            {
                "client": gone["client"],
                "kind": "retracted",
                "at": gone["at"],
                "event": gone["id"],
                "recorded_at": recorded_at,
            }
        )
    return log, now, known_at


@given(stories(), AHEADS)
def test_what_was_learned_explains_the_difference_completely(story, ahead):
    log, now, known_at = story
    histories = histories_of(log)
    then, today = assessed(histories, now, known_at), assessed(histories, now)
    found = compare_knowledge(histories, EVERYTHING, at=now, known_at=known_at, ahead=ahead)
    assert found.compared == len(then.keys() | today.keys())
    by_client = {it.client.id: it for it in found.clients}
    for name, events in histories.items():
        known, counted = (Client.from_events(name, events, as_of=now, as_at=as_at) for as_at in (known_at, None))
        one = by_client.get(name)
        learned = one.learned if one else ()
        told = with_learned(known, learned)
        assert [it.position for it in told.events] == [it.position for it in counted.events]
        assert told.events == counted.events
        assert all(it.event.recorded_at > known_at for it in learned)
        if told:
            assert report(EVERYTHING.assess(told, at=now), ahead) == report(today[name], ahead)
        before, after = then.get(name), today.get(name)
        differs = one.difference if one else NOTHING
        expected = difference(before, after, ahead)
        assert differs == expected or not (differs or expected)
        views = [None if it is None else report(it, ahead) for it in (before, after)]
        assert bool(differs) == (views[0] != views[1])
        if not learned:
            assert not differs
        _is_a_chain(one, before, after)


def _is_a_chain(found: ClientDifference | None, before: Assessment | None, after: Assessment | None) -> None:
    """Each event leads from the status that the one before it led to."""
    learned = found.learned if found else ()
    status = before.status if before else None
    instants = sorted({it.event.recorded_at for it in learned})
    for recorded_at in instants:
        (step,) = {(it.before, it.after) for it in learned if it.event.recorded_at == recorded_at}
        assert step[0] is status
        status = step[1]
    assert status is (after.status if after else None)


@given(logs(), st.data())
def test_nothing_was_learned_where_nothing_was_recorded_since(log, data):
    histories = histories_of(log)
    now = data.draw(moments(log))
    last = max((event.recorded_at for events in histories.values() for event in events), default=FIRST_DAY)
    found = compare_knowledge(histories, EVERYTHING, at=now, known_at=last)
    assert not found
    assert found.clients == ()


def engaged(day: str, id: str, recorded: str | None = None, **more: Any) -> Engaged:
    return Engaged(client="acme", at=day, id=id, recorded_at=recorded or day, **more)


ESSENTIALS = Engine(Settings().choose())


def learned_of(*events: Event, at: str = "2026-06-30", known_at: str = "2026-06-30") -> ClientDifference:
    found = compare_knowledge(gather(events), ESSENTIALS, at=instant(at), known_at=instant(known_at))
    (client,) = found.clients
    return client


def test_a_late_call_and_a_retraction_are_told_one_after_the_other():
    found = learned_of(
        engaged("2026-01-01", "first"),
        engaged("2026-06-20", "wrong", direction="inbound"),
        Retracted(client="acme", at="2026-07-01", event="wrong", recorded_at="2026-07-01"),
        engaged("2026-06-25", "late", "2026-07-03", direction="inbound"),
        engaged("2026-07-02", "not seen yet"),
    )
    assert [(it.event.id, it.retracts and it.retracts.id, str(it.before), str(it.after)) for it in found.learned] == [
        (None, "wrong", "healthy", "at-risk"),
        ("late", None, "at-risk", "healthy"),
    ]
    assert found.difference.status is None
    assert [(it.rule, it.how) for it in found.difference.actions] == []
    assert not found.statuses


def test_what_was_recorded_and_retracted_since_is_not_told():
    found = compare_knowledge(
        gather(
            [
                engaged("2026-01-01", "first"),
                engaged("2026-06-20", "wrong", "2026-07-01"),
                Retracted(client="acme", at="2026-07-02", event="wrong"),
            ]
        ),
        ESSENTIALS,
        at=instant("2026-06-30"),
        known_at=instant("2026-06-30"),
    )
    assert not found
    assert found.clients == ()


def test_a_client_that_was_not_known_then_has_no_status_before():
    found = learned_of(engaged("2026-01-01", "first", "2026-07-01"))
    status = found.difference.status
    assert status is not None
    assert (status.before, status.after, status.is_worse) == (None, Health.AT_RISK, True)
    assert {it.rule for it in status.because} == {"quiet-client", "unheard-client"}
    assert (found.learned[0].before, found.learned[0].after) == (None, Health.AT_RISK)


def test_a_client_that_should_never_have_been_known_has_no_status_now():
    gone = Retracted(client="acme", at="2026-07-01", event="first", recorded_at="2026-07-01")
    found = learned_of(engaged("2026-06-01", "first"), gone)
    assert (found.difference.before, found.difference.after) == (Health.HEALTHY, None)
    assert found.learned[0].event == gone


def test_what_a_report_says_of_a_client_differs_too():
    found = learned_of(
        engaged("2026-06-20", "first"),
        Profiled(client="acme", at="2026-06-01", id="p", tier="key", name="Acme Ltd", recorded_at="2026-07-01"),
        Judged(
            client="acme", at="2026-06-29", id="j", level="critical", reason="I met them.", recorded_at="2026-07-02"
        ),
    )
    facts = {it.field: (it.before, it.after) for it in found.difference.facts}
    assert facts["name"] == (None, "Acme Ltd")
    assert facts["tier"] == ("standard", "key")
    assert facts["since"] == (instant("2026-06-20"), instant("2026-06-01"))
    assert facts["judged"][0] is None
    assert facts["judged"][1].reason == "I met them."
    assert found.difference.status is not None
    assert found.difference.status.because == ()


def test_what_the_rules_would_say_below_a_verdict_differs_too():
    off = Engine(Settings.from_table({"packs": {"essentials": False}}).choose())
    gone = Judged(client="acme", at="2026-06-01", id="j", level="left", reason="They told me.")
    found = compare(gather([engaged("2026-01-01", "first"), gone]), ESSENTIALS, off, at=instant("2026-06-30"))
    (differs,) = (it.difference for it in found.clients)
    assert (differs.status, differs.concerns, differs.actions) == (None, (), ())
    assert [(it.field, it.before, it.after) for it in differs.facts] == [("computed", Health.AT_RISK, Health.HEALTHY)]
    assert found.changed_status == ()


def test_a_client_of_whom_very_much_was_recorded_late_is_not_traced_step_by_step():
    late = [engaged("2026-06-20", f"e{count}", f"2026-07-01T00:00:{count:02}Z") for count in range(MOST_STEPS + 1)]
    found = learned_of(engaged("2026-01-01", "first"), *late)
    assert len(found.learned) == MOST_STEPS + 1
    assert not any(it.is_traced for it in found.learned)
    found = learned_of(engaged("2026-01-01", "first"), *late[1:])
    assert all(it.is_traced for it in found.learned)


# Rule sets and rules that fail.


@rule
def failing(client: Client):
    """It fails for some."""
    yield Concern(Health.WATCH, starts=client.since, because=client.first)
    raise LookupError("no such thing")


def test_a_rule_that_fails_under_one_rule_set_alone_is_a_difference():
    histories = gather([engaged("2026-06-20", "first")])
    found = compare(histories, ESSENTIALS, Engine([*ESSENTIALS.rules, failing]), at=instant("2026-06-30"))
    (client,) = found.clients
    (failure,) = client.difference.failures
    assert (failure.rule, failure.how) == ("failing", "appears")
    assert client.difference.status is not None
    assert (client.difference.before, client.difference.after) == (Health.HEALTHY, Health.UNKNOWN)
    assert [it.rule for it in found.failures] == ["failing"]
    assert found.by_rule == ()
    both = Engine([*ESSENTIALS.rules, failing])
    again = compare(histories, both, both, at=instant("2026-06-30"))
    assert not again
    assert [it.rule for it in again.failures] == ["failing"]


def test_rule_sets_are_told_apart_by_their_rules_and_settings():
    @rule
    def quiet_client(client: Client):
        """Another one of that name."""
        yield Concern(Health.WATCH, starts=client.since, because=client.first)

    old = Settings.from_table({"rules": {"handoff-gap": {"enabled": False}}}).choose()
    new = Settings.from_table(
        {
            "rules": {"open-complaint": {"enabled": False}, "unheard-client": {"window": "60 days"}},
            "tiers": {"key": {"rules": {"quiet-client": {"every": "20 days"}}}},
        }
    ).choose()
    changes = {it.rule: it for it in rule_changes(old, new)}
    assert {name: it.how for name, it in changes.items()} == {
        "handoff-gap": "on",
        "open-complaint": "off",
        "quiet-client": "set",
        "unheard-client": "set",
    }
    (of_tier,) = changes["quiet-client"].settings
    assert (of_tier.tier, of_tier.setting, of_tier.before, of_tier.after) == ("key", "every", days(30), days(20))
    (general,) = changes["unheard-client"].settings
    assert (general.tier, general.before, general.after) == (None, days(90), days(60))
    (rewritten,) = rule_changes(
        Engine([it for it in old if it.name == "quiet-client"]).rules, Engine([quiet_client]).rules
    )
    assert (rewritten.rule, rewritten.how) == ("quiet-client", "rewritten")


def test_an_action_of_other_evidence_is_the_same_action_changed():
    @rule
    def counted(client: Client, *, times: int = 1):
        """So many complaints.

        Settings:
            times: how many.
        """
        found = client.of(Complained)[-times:]
        yield Action("Talk about them.", due=found[0].at + days(7), because=found)

    history = [Complained(client="acme", at=f"2026-06-2{count}", id=f"c{count}") for count in range(3)]
    old, new = (Engine([BoundRule(counted.__retention_rule__, {"times": times})]) for times in (1, 2))
    found = compare(gather(history), old, new, at=instant("2026-06-28"))
    (change,) = found.clients[0].difference.actions
    assert change.how == "moves"
    assert change.before is not None
    assert change.after is not None
    assert change.before.id != change.after.id
    assert [event.id for event in change.after.evidence] == ["c1", "c2"]


def test_an_action_that_moves_beyond_what_is_listed_is_told_with_both_instants():
    later = Engine(Settings.from_table({"rules": {"quiet-client": {"every": "200 days"}}}).choose())
    found = compare(
        gather([engaged("2026-03-20", "e1", direction="inbound")]), ESSENTIALS, later, at=instant("2026-06-30")
    )
    (change,) = (it for it in found.clients[0].difference.actions if it.rule == "quiet-client")
    assert change.how == "moves"
    assert [str(side.due.date()) for side in (change.before, change.after) if side] == ["2026-06-18", "2026-10-06"]
    assert [(it.rule, it.actions["moves"]) for it in found.by_rule] == [("quiet-client", 1)]


# The whole book.


@given(questions(), rule_sets())
def test_what_holds_for_the_whole_book_is_compared_as_the_book_says_it(question, sets):
    log, now, known_at = question
    old, new = sets
    histories = histories_of(log)
    rules = Settings.from_table({"packs": dict.fromkeys(["existing-clients-first", "thirty-day-service"], True)})
    changed = attrs.evolve(rules, enabled={"unowned-book": False})
    both = rules.choose_book(), changed.choose_book()
    found = compare(histories, old, new, at=now, known_at=known_at, book_rules=both)
    books = [
        assess_book(Book.cut(histories, engine, at=now, known_at=known_at), of_book, at=now)
        for engine, of_book in zip((old, new), both, strict=True)
    ]
    one, other = (concern_texts(it.concerns) for it in books)
    assert concern_texts(sides(found.book.concerns, "before")) == one - other
    assert concern_texts(sides(found.book.concerns, "after")) == other - one
    one, other = (action_texts(it.due(), now + days(7)) for it in books)
    assert action_texts(sides(found.book.actions, "before"), now + days(7)) == one - other
    assert action_texts(sides(found.book.actions, "after"), now + days(7)) == other - one


# The command.

LOG = """\
{"client": "acme", "kind": "profiled", "at": "2026-01-01", "id": "p1", "name": "Acme Ltd", "tier": "key", "owner": "jo"}
{"client": "acme", "kind": "engaged", "at": "2026-06-08", "id": "e1", "direction": "inbound"}
{"client": "bolt", "kind": "engaged", "at": "2026-04-20", "id": "b1", "direction": "inbound", "by": "=1+1"}
{"client": "calm", "kind": "engaged", "at": "2026-06-29", "id": "k1"}
{"client": "=evil", "kind": "complained", "at": "2026-06-20", "id": "x1", "note": "\\u001b[2J"}
{"client": "late", "kind": "engaged", "at": "2026-03-01", "id": "l1"}
{"client": "late", "kind": "engaged", "at": "2026-06-25", "id": "l2", "recorded_at": "2026-07-02"}
"""
NEW = """\
[rules.quiet-client]
every = "60 days"
[rules.open-complaint]
enabled = false
[tiers.key.rules.quiet-client]
every = "20 days"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("diff")
    (path / "log.jsonl").write_text(LOG)
    (path / "new.toml").write_text(NEW)
    (path / "none.toml").write_text("")
    return path


def diff(folder: Path, *args: str, code: int = 0) -> Ran:
    ran = retention("diff", "log.jsonl", *args, cwd=folder)
    assert ran.code == code, ran.err
    return ran


def document(folder: Path, *args: str) -> dict[str, Any]:
    return json.loads(diff(folder, *args, "--format", "json").out)


def test_the_text_begins_with_the_rules_and_a_summary(folder):
    ran = diff(folder, "--new", "new.toml", *AT)
    assert ran.err == ""
    lines = ran.text.splitlines()
    assert lines[:5] == [
        "defaults -> new.toml, as of 2026-06-30.",
        "  open-complaint: off",
        "  quiet-client: every 90 days -> 60 days",
        "  quiet-client (tier key): every 30 days -> 20 days",
        "3 of 5 clients change status (2 to a worse one, 1 to a better one); 3 differ in anything.",
    ]
    assert "Acme Ltd (acme): healthy -> at-risk, because of quiet-client" in lines
    assert "bolt: healthy -> watch, because of quiet-client" in lines
    assert "=evil: at-risk -> healthy, because of open-complaint" in lines
    assert lines.index("Acme Ltd (acme): healthy -> at-risk, because of quiet-client") < lines.index(
        "bolt: healthy -> watch, because of quiet-client"
    )
    assert (
        "  action moves: due 2026-07-19 -> 2026-06-19: Get in touch, about something other than work or invoices."
        " (quiet-client)" in lines
    )
    assert "\x1b" not in ran.text


def test_the_document_says_all_with_rules_and_evidence(folder):
    found = document(folder, "--new", "new.toml", *AT)
    assert list(found) == [
        *("version", "of", "at", "old", "new", "rule_changes", "summary", "rules", "clients", "book", "failures"),
    ]
    assert (found["version"], found["of"], found["old"], found["new"]) == (1, "rules", None, "new.toml")
    assert found["summary"] == {"clients": 5, "differ": 3, "change_status": 3, "worse": 2, "better": 1}
    assert [it["client"] for it in found["clients"]] == ["=evil", "acme", "bolt"]
    acme = found["clients"][1]
    assert acme["statuses"] == [
        {"before": "healthy", "after": "at-risk", "because": [{"rule": "quiet-client", "about": None}]}
    ]
    (concern,) = acme["concerns"]
    assert (concern["rule"], concern["change"], concern["before"]) == ("quiet-client", "appears", None)
    assert concern["after"]["because"] == ["e1"]
    (action,) = acme["actions"]
    assert (action["change"], action["before"]["id"]) == ("moves", action["after"]["id"])


def test_the_table_is_for_spreadsheets(folder):
    rows = list(csv.DictReader(io.StringIO(diff(folder, "--new", "new.toml", *AT, "--format", "csv").text, newline="")))
    assert {row["client"] for row in rows} == {"'=evil", "acme", "bolt"}
    assert [(row["what"], row["change"], row["rule"]) for row in rows if row["client"] == "bolt"] == [
        ("status", "changes", "quiet-client"),
        ("concern", "appears", "quiet-client"),
        ("action", "moves", "quiet-client"),
    ]
    assert "\x1b" not in "".join(value for row in rows for value in row.values())


@pytest.mark.parametrize("args", [("--new", "new.toml", "--old", "new.toml"), ("--old", "none.toml")])
@pytest.mark.parametrize("when", [AT, ["--from", "2026-01-01", "--to", "2026-07-01"]])
def test_identical_rule_sets_give_no_difference(folder, args, when):
    ran = diff(folder, *args, *when, "--fail-on-difference")
    assert ran.text.endswith("No difference: both say the same of 5 clients.\n")
    found = document(folder, *args, *when)
    assert (found["clients"], found["rules"], found["rule_changes"], found["summary"]["differ"]) == ([], [], [], 0)


def test_a_difference_sets_the_exit_code_where_that_is_asked_for(folder):
    diff(folder, "--new", "new.toml", *AT, code=0)
    diff(folder, "--new", "new.toml", *AT, "--fail-on-difference", code=1)
    diff(folder, "--known-at", "2026-07-01", *AT, "--fail-on-difference", code=1)
    diff(folder, "--known-at", "2026-07-03", *AT, "--fail-on-difference", code=0)


def test_what_is_not_named_is_what_the_other_commands_use(folder, tmp_path):
    (tmp_path / "log.jsonl").write_text(LOG)
    (tmp_path / "retention.toml").write_text(NEW)
    (tmp_path / "none.toml").write_text("")
    found = document(tmp_path, "--new", "none.toml", *AT)
    assert (found["old"], found["new"], found["summary"]["differ"]) == ("retention.toml", "none.toml", 3)
    found = document(tmp_path, "--new", "retention.toml", *AT)
    assert (found["old"], found["summary"]["differ"]) == ("retention.toml", 0)
    found = document(tmp_path, "--old", "retention.toml", "--settings", "none.toml", *AT)
    assert (found["old"], found["new"], found["summary"]["differ"]) == ("retention.toml", "none.toml", 3)


def test_packs_and_selected_rules_are_those_of_both_sides(folder):
    found = document(folder, "--new", "new.toml", *AT, "--select", "open-complaint")
    assert (found["rule_changes"], found["clients"]) == ([], [])
    found = document(folder, "--new", "new.toml", *AT, "--select", "quiet-client")
    assert {it["rule"] for it in found["rules"]} == {"quiet-client"}
    found = document(folder, "--old", "none.toml", "--new", "new.toml", *AT, "--pack", "stick-around")
    assert {it["rule"] for it in found["rule_changes"]} == {"open-complaint", "quiet-client"}


def test_one_client_can_be_asked_for(folder):
    found = document(folder, "--new", "new.toml", *AT, "--client", "bolt")
    assert (found["summary"]["clients"], [it["client"] for it in found["clients"]]) == (1, ["bolt"])
    assert "'nobody'" in diff(folder, "--new", "new.toml", *AT, "--client", "nobody", code=2).err


@pytest.mark.parametrize(("limit", "shown"), [("1", 1), ("2", 2), ("0", 3), ("9", 3)])
def test_as_many_clients_are_told_as_asked(folder, limit, shown):
    text = diff(folder, "--new", "new.toml", *AT, "--limit", limit).text
    assert len([line for line in text.splitlines() if " -> " in line and line[:1] not in {" ", "d"}]) == shown
    assert (f"{shown} of 3 clients shown; --limit 0 shows all" in text) is (shown < 3)


def test_a_span_says_from_when_until_when(folder):
    args = ("--new", "new.toml", "--from", "2026-06-01", "--to", "2026-07-01", "--client", "acme", "--client", "bolt")
    found = document(folder, *args)
    assert (found["from"], found["to"]) == ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
    acme, bolt = found["clients"]
    spells = [(it["from"], it["to"], it["before"], it["after"]) for it in (*acme["statuses"], *bolt["statuses"])]
    assert (
        spells
        == [
            ("2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z", "at-risk", "at-risk"),
            ("2026-06-28T00:00:00Z", None, "healthy", "at-risk"),
            ("2026-06-19T00:00:00Z", None, "healthy", "watch"),
        ][1:]
    )
    text = diff(folder, *args).text
    assert text.startswith("defaults -> new.toml, from 2026-06-01 to 2026-07-01 (not included).\n")
    assert "2 of 2 clients have another status at some time; 2 differ in anything." in text
    assert "Acme Ltd (acme): another status for 3 days in all" in text
    assert "  2026-06-28 to 2026-07-01: healthy -> at-risk, because of quiet-client" in text
    rows = list(csv.DictReader(io.StringIO(diff(folder, *args, "--format", "csv").text, newline="")))
    assert [(it["from"], it["to"]) for it in rows if it["what"] == "status" and it["client"] == "bolt"] == [
        ("2026-06-19T00:00:00Z", "")
    ]


def test_rules_about_the_whole_book_are_compared_at_a_moment(folder, tmp_path):
    (tmp_path / "log.jsonl").write_text(LOG)
    (tmp_path / "new.toml").write_text("[packs]\nexisting-clients-first = true\nthirty-day-service = true\n")
    found = document(tmp_path, "--new", "new.toml", *AT)
    assert {it["rule"] for it in found["book"]["concerns"]} == {"unowned-book"}
    assert "\nThe whole book\n  concern appears: watch" in diff(tmp_path, "--new", "new.toml", *AT).text
    alone = document(tmp_path, "--old", "new.toml", "--new", "new.toml", *AT, "--select", "unowned-book")
    assert (alone["clients"], alone["book"]["concerns"]) == ([], [])
    rows = csv.DictReader(io.StringIO(diff(tmp_path, "--new", "new.toml", *AT, "--format", "csv").text, newline=""))
    assert "unowned-book" in {row["rule"] for row in rows}


def test_the_whole_book_alone_can_be_compared(folder, tmp_path):
    (tmp_path / "log.jsonl").write_text(LOG)
    (tmp_path / "new.toml").write_text('[rules.unowned-book]\nlimit = "1"\n[rules.quiet-client]\nevery = "1 day"\n')
    found = document(tmp_path, "--new", "new.toml", *AT, "--select", "unowned-book")
    assert found["clients"] == []
    assert [(it["rule"], it["change"]) for it in found["book"]["concerns"]] == [("unowned-book", "vanishes")]


def test_what_was_recorded_since_is_listed_event_by_event(folder):
    args = (*AT, "--known-at", "2026-07-01")
    found = document(folder, *args)
    assert (found["of"], found["at"], found["known_at"]) == (
        *("knowledge", "2026-06-30T00:00:00Z", "2026-07-01T00:00:00Z"),
    )
    (late,) = found["clients"]
    assert late["events"] == [
        {
            "event": "l2",
            "kind": "engaged",
            "at": "2026-06-25T00:00:00Z",
            "recorded_at": "2026-07-02T00:00:00Z",
            "retracts": None,
            "status": {"before": "at-risk", "after": "healthy"},
        }
    ]
    lines = diff(folder, *args).text.splitlines()
    assert lines[0] == "As of 2026-06-30: what was known on 2026-07-01 -> what is known now."
    assert lines[1] == "1 event recorded since, of 1 client."
    assert "  recorded 2026-07-02: l2, engaged 2026-06-25; at-risk -> healthy" in lines
    rows = list(csv.DictReader(io.StringIO(diff(folder, *args, "--format", "csv").text, newline="")))
    assert next((it["what"], it["change"], it["because"]) for it in rows) == ("event", "recorded", "l2")


def test_nothing_learned_is_no_difference(folder):
    ran = diff(folder, *AT, "--known-at", "2026-08-01")
    assert ran.text.splitlines()[1:] == ["No difference: nothing recorded since bears on any of 5 clients."]


def test_a_late_event_that_changes_nothing_is_told_all_the_same(tmp_path):
    lines = [
        {"client": "acme", "kind": "engaged", "at": "2026-06-20", "id": "e1"},
        {"client": "acme", "kind": "engaged", "at": "2026-06-10", "id": "e2", "recorded_at": "2026-07-01"},
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ran = diff(tmp_path, *AT, "--known-at", "2026-06-30", "--fail-on-difference", code=1)
    assert "  since: 2026-06-20 -> 2026-06-10" in ran.text.splitlines()
    lines.insert(0, {"client": "acme", "kind": "engaged", "at": "2026-01-10", "id": "e0"})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ran = diff(tmp_path, *AT, "--known-at", "2026-06-30", "--fail-on-difference")
    assert ran.text.splitlines()[-2:] == [
        "acme: nothing changes",
        "  recorded 2026-07-01: e2, engaged 2026-06-10; still healthy",
    ]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "give --old or --new to compare rule sets, or --known-at to compare then with now"),
        (["--new", "new.toml", "--from", "2026-01-01", *AT], "--at asks about a moment and --from about a span"),
        (["--new", "new.toml", "--to", "2026-01-01"], "--to is the end of a span"),
        (["--known-at", "2026-01-01", "--from", "2026-01-01"], "--from needs --old or --new"),
        (
            ["--new", "new.toml", "--from", "2026-02-01", "--to", "2026-02-01"],
            "2026-02-01 does not lie before 2026-02-01",
        ),
        (["--new", "lost.toml", *AT], "lost.toml: can't be read"),
    ],
)
def test_what_can_not_be_meant_is_refused(folder, args, says):
    ran = diff(folder, *args, code=2)
    assert says in ran.err
    assert ran.out == b""


def test_a_rule_that_fails_is_told_and_the_rest_is_printed(folder, monkeypatch):
    engine = Engine([*ESSENTIALS.rules, failing])
    monkeypatch.setattr(RuleChoice, "with_book_rules", lambda _: (engine, ()))
    monkeypatch.chdir(folder)
    ran = CliRunner().invoke(main, ["diff", "log.jsonl", "--new", "new.toml", *AT])
    assert ran.exit_code == 4
    assert ran.stdout.endswith("No difference: both say the same of 5 clients.\n")
    assert ran.stderr.startswith("Error: rule failing failed for =evil and 4 more: LookupError: no such thing")


def test_a_document_of_facts_and_failures_is_plain(folder):
    found = compare_knowledge(
        gather(
            [
                engaged("2026-06-20", "first"),
                Profiled(client="acme", at="2026-06-01", id="p", tier="key", recorded_at="2026-07-01"),
                Judged(client="acme", at="2026-06-29", id="j", level="watch", reason="So.", recorded_at="2026-07-02"),
            ]
        ),
        Engine([*ESSENTIALS.rules, failing]),
        at=instant("2026-06-30"),
        known_at=instant("2026-06-30"),
    )
    (client,) = json.loads(json.dumps(comparison_document(found)))["clients"]
    assert [tuple(it.values()) for it in client["facts"]] == [
        ("tier", "standard", "key"),
        ("since", "2026-06-20T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("judged", None, "j"),
    ]


# What was known then stays known: every command that asks the log.


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand by its words."""

    def walk(command: click.Command, context: click.Context, words: tuple[str, ...]) -> Iterator[Any]:
        if words:
            yield " ".join(words), command
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                yield from walk(inner, click.Context(inner, info_name=name, parent=context), (*words, name))

    yield from walk(main, click.Context(main), ())


NO_QUESTION = {"export"}
"""Commands that take a log as it is."""
NO_RULES = {"reality"}
"""Commands that ask a log, and no rule."""
QUERIES = {
    name: command
    for name, command in commands()
    if any(isinstance(it, click.Argument) and it.human_readable_name == "LOG" for it in command.params)
    and name not in NO_QUESTION
}


def options(command: click.Command) -> set[str]:
    return {name for it in command.params if isinstance(it, click.Option) for name in it.opts}


def test_the_queries_are_found():
    assert {"replay", "explain", "health", "actions", "book", "timeline", "diff", "reality", "rules firing"} <= set(
        QUERIES
    )
    assert set(COMMANDS) >= NO_QUESTION | NO_RULES


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_asks_about_a_moment_and_what_was_known_then(name):
    given_ = options(QUERIES[name])
    assert "--at" in given_ or {"--from", "--to"} <= given_
    assert "--known-at" in given_


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_that_evaluates_rules_takes_settings_packs_and_rules(name):
    asks_rules = {"--settings", "--rules", "--pack", "--select"}
    assert options(QUERIES[name]) & asks_rules == ({"--settings", "--rules"} if name in NO_RULES else asks_rules)


MORE: Mapping[str, list[str]] = {
    "diff": ["--new", "new.toml"],
    "reality": ["--from", "2020-01-01", "--to", "2020-07-01"],
}
"""What a query needs besides a log, a client and a moment."""

KNOWN = datetime(2020, 7, 1, tzinfo=UTC)


def asked(name: str, folder: Path) -> bytes:
    """What a command prints, or writes into a file, of the log as it was known."""
    command = QUERIES[name]
    arguments = [it.human_readable_name.strip("[]") for it in command.params if isinstance(it, click.Argument)]
    args = ["sqlite:///clients.db" if it == "LOG" else "acme" for it in arguments]
    has = options(command)
    args += ["--at", "2020-06-30"] if "--at" in has else ["--from", "2020-01-01", "--to", "2020-06-30"]
    args += ["--known-at", "2020-07-01", *MORE.get(name, ())]
    args += ["--format", "json"] if "--format" in has else []
    args += ["--output", "-"] if "--output" in has else []
    ran = in_this_process(*name.split(), *args, cwd=folder)
    assert ran.code == 0, ran.err
    return ran.out


@pytest.fixture(scope="module")
def before_and_after(tmp_path_factory):
    """What every query says of a moment as known then: before late events are recorded, and after."""
    path = tmp_path_factory.mktemp("known")
    (path / "new.toml").write_text(NEW)
    lines = (line for line in map(json.loads, LOG.splitlines()) if line["client"] != "late")
    earlier = [{**line, "at": line["at"].replace("2026", "2020")} for line in lines]
    renewal = {"client": "bolt", "kind": "renewed", "at": "2019-03-01", "id": "r1", "term_end": "2020-03-01"}
    with create_log(f"sqlite:///{path / 'clients.db'}", clock=lambda: KNOWN) as log:
        log.record_many(events_of([*earlier, renewal]))
    names = [name for name in QUERIES if "--known-at" in options(QUERIES[name])]
    before = {name: asked(name, path) for name in names}
    for words in (
        ["acme", "engaged", "--at", "2020-06-29"],
        ["acme", "retracted", "event=e1"],
        ["bolt", "complained", "severity=critical", "--at", "2020-05-01"],
        ["bolt", "left", "--at", "2020-05-02"],
        ["fresh", "profiled", "tier=key", "owner=jo", "--at", "2019-01-01"],
        ["=evil", "judged", "level=healthy", "reason=met", "--at", "2020-06-21"],
    ):
        ran = retention("record", "sqlite:///clients.db", *words, cwd=path)
        assert ran.code == 0, ran.err
    return path, before, {name: asked(name, path) for name in names}


@pytest.mark.parametrize("name", [name for name in QUERIES if "--known-at" in options(QUERIES[name])])
def test_what_was_known_then_is_said_byte_for_byte_again_after_late_events(name, before_and_after):
    _, before, after = before_and_after
    assert before[name]
    assert after[name] == before[name]


def test_and_the_difference_to_what_is_known_now_names_every_late_event(before_and_after):
    path, _, _ = before_and_after
    args = ("--at", "2020-06-30", "--format", "json")
    then, today = (
        json.loads(retention("replay", "sqlite:///clients.db", *args, *known, cwd=path).out)["clients"]
        for known in (("--known-at", "2020-07-01"), ())
    )
    found = json.loads(retention("diff", "sqlite:///clients.db", *args, "--known-at", "2020-07-01", cwd=path).out)
    learned = [(it["client"], event["kind"]) for it in found["clients"] for event in it["events"]]
    assert learned == [
        *[("=evil", "judged"), ("acme", "engaged"), ("acme", "retracted")],
        *[("bolt", "complained"), ("bolt", "left"), ("fresh", "profiled")],
    ]
    statuses = [{it["client"]: it["status"] for it in clients} for clients in (then, today)]
    changed = {it["client"]: (s["before"], s["after"]) for it in found["clients"] for s in it["statuses"]}
    names = statuses[0].keys() | statuses[1].keys()
    assert changed == {
        name: (statuses[0].get(name), statuses[1].get(name))
        for name in names
        if statuses[0].get(name) != statuses[1].get(name)
    }
    assert changed["fresh"][0] is None
