"""Timelines: every past status to the microsecond, from one pass over the history, as a replay at each instant says it."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import retention
from given import EVERYTHING, client_of, histories_of
from retention_engine import (
    ActionDone,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Findings,
    Health,
    Judged,
    Resolved,
    Settings,
    days,
    instant,
    rule,
)
from retention_engine.errors import UnknownClient
from retention_engine.formats.timelines import LEGEND, text, view
from retention_engine.timelines import count_by_status, schedules, timeline
from shared_folder import SHARED, needs_shared
from strategies import MICROSECOND, logs, moments, questions

ESSENTIALS = Engine(Settings().choose())
CALL = Engaged(client="acme", at="2026-01-01", id="call")
JULY = instant("2026-07-01")


@given(questions(), st.data())
def test_a_timeline_says_at_each_instant_what_a_replay_says(question, data):
    log, until, known_at = question
    for name, history in histories_of(log).items():
        client = Client.from_events(name, history, as_at=known_at)
        if not client.as_of(until):
            continue
        found = timeline(EVERYTHING, client, until=until)
        edges = [edge for spell in found.spells for edge in (spell.starts, spell.starts - MICROSECOND)]
        for moment in (*edges, until, *data.draw(st.lists(moments(log), max_size=4))):
            if moment > until:
                assert found.status(moment) is None
            elif client.as_of(moment):
                assert found.status(moment) is EVERYTHING.assess(client, at=moment).status
            else:
                assert found.status(moment) is None


@given(logs())
def test_rules_are_asked_again_where_it_matters(log):
    for name, history in histories_of(log).items():
        for known, schedule in schedules(EVERYTHING, Client.from_events(name, history)):
            alone = Client.from_events(name, known.events)
            assert schedule == EVERYTHING.schedule(alone)


@given(questions())
def test_spells_follow_one_another_and_say_why(question):
    log, until, _ = question
    for name, history in histories_of(log).items():
        client = Client.from_events(name, history)
        if not client.as_of(until):
            continue
        found = timeline(EVERYTHING, client, until=until)
        assert found.failures == ()
        assert found.spells[-1].until is None
        for one, other in zip(found.spells, found.spells[1:], strict=False):
            assert one.until == other.starts > one.starts
            assert one.status is not other.status
        for spell in found.spells:
            assert all(concern.level is spell.status and concern.in_force(spell.starts) for concern in spell.because)
            assert all(event.at == spell.starts for event in spell.events)
            assert spell.starts <= until


def test_a_status_changes_with_an_event_or_as_time_goes_by():
    client = client_of(
        CALL,
        Complained(client="acme", at="2026-02-01", id="late"),
        Resolved(client="acme", at="2026-02-03", complaint="late", id="sorted"),
    )
    found = timeline(ESSENTIALS, client, until=JULY)
    said = [(str(it.status), f"{it.starts:%m-%d}", [event.id for event in it.events]) for it in found.spells]
    assert said == [
        ("healthy", "01-01", ["call"]),
        ("watch", "02-01", ["late"]),
        ("healthy", "02-03", ["sorted"]),
        ("watch", "04-01", []),
        ("at-risk", "05-01", []),
    ]
    assert [concern.rule for concern in found.spells[3].because] == ["quiet-client"]
    assert found.spells[0].because == ()


def test_the_end_is_a_part_of_the_timeline():
    found = timeline(ESSENTIALS, client_of(CALL), until=CALL.at + days(90))
    assert [str(it.status) for it in found.spells] == ["healthy", "watch"]
    before = timeline(ESSENTIALS, client_of(CALL), until=CALL.at + days(90) - MICROSECOND)
    assert [str(it.status) for it in before.spells] == ["healthy"]


def test_a_judgement_is_a_spell_of_its_own_with_no_concern_behind_it():
    judged = Judged(client="acme", at="2026-02-01", level="critical", reason="I met them.", until="2026-03-01")
    found = timeline(ESSENTIALS, client_of(CALL, judged), until=instant("2026-03-15"))
    assert [(str(it.status), it.because) for it in found.spells] == [("healthy", ()), ("critical", ()), ("healthy", ())]


def test_it_starts_with_the_first_event_of_the_relationship():
    handled = ActionDone(client="acme", at="2025-01-01", action="x")
    found = timeline(ESSENTIALS, client_of(handled, CALL), until=JULY)
    assert found.spells[0].starts == CALL.at
    assert found.status(CALL.at - MICROSECOND) is None
    with pytest.raises(UnknownClient, match="nothing is known of the client 'acme' as of 2025-06-01"):
        timeline(ESSENTIALS, client_of(handled, CALL), until=instant("2025-06-01"))


@rule
def fails_after_two(client: Client) -> Findings:
    """Fails from the second event on."""
    if len(client.events) > 1:
        raise ValueError("two are too many")
    yield Concern(Health.WATCH, starts=client.since, because=client.first)


def test_a_rule_that_fails_is_told_once_and_nobody_is_well_from_then_on():
    more = [Engaged(client="acme", at=f"2026-02-0{day}") for day in (1, 2)]
    found = timeline(Engine([fails_after_two]), client_of(CALL, *more), until=JULY)
    assert [str(it.status) for it in found.spells] == ["watch", "unknown"]
    (failure,) = found.failures
    assert (failure.rule, failure.client) == ("fails-after-two", "acme")


@given(logs(), st.lists(moments([]), min_size=1, max_size=4))
def test_the_whole_book_is_counted_as_replays_would_count_it(log, probes):
    clients = [Client.from_events(name, history) for name, history in histories_of(log).items()]
    until = max(probes)
    found = [timeline(EVERYTHING, client, until=until) for client in clients if client.as_of(until)]
    for probe, count in zip(probes, count_by_status(found, probes), strict=True):
        there = [client for client in clients if client.as_of(probe)]
        naive = Counter(EVERYTHING.assess(client, at=probe).status for client in there)
        assert count == {level: naive[level] for level in Health}


# What is printed.


def test_a_bar_shows_the_worst_of_each_stretch_and_the_lines_say_why():
    said = text(timeline(ESSENTIALS, client_of(CALL), until=JULY)).splitlines()
    assert said[0] == "acme from 2026-01-01 to 2026-07-01"
    bar = said[3]
    assert len(bar) == 96
    assert "".join(dict.fromkeys(bar)) == "·▒▓"
    assert said[4] == LEGEND
    assert "WATCH 2026-04-01 to 2026-05-01 (30 days)" in said
    assert "AT-RISK since 2026-05-01 (61 days)" in said
    assert "  Nobody has been in touch with the client for longer than agreed. (quiet-client)" in said


def test_what_was_over_may_be_left_out():
    found = timeline(ESSENTIALS, client_of(CALL), until=JULY)
    assert [it["status"] for it in view(found)["spells"]] == ["healthy", "watch", "at-risk"]
    assert [it["status"] for it in view(found, instant("2026-04-15"))["spells"]] == ["watch", "at-risk"]
    assert [it["status"] for it in view(found, instant("2026-05-01"))["spells"]] == ["at-risk"]
    assert text(found, instant("2026-04-15")).startswith("acme from 2026-04-15 to 2026-07-01\n")


def test_a_timeline_of_one_instant_has_no_bar():
    said = text(timeline(ESSENTIALS, client_of(CALL), until=CALL.at))
    assert said.splitlines()[:3] == ["acme from 2026-01-01 to 2026-01-01", "", LEGEND]


LOG = "\n".join(
    json.dumps(line)
    for line in (
        {"client": "acme", "kind": "engaged", "at": "2026-01-01", "id": "a1"},
        {"client": "bolt", "kind": "engaged", "at": "2026-03-01", "id": "b1"},
        {"client": "bolt", "kind": "complained", "at": "2026-03-05", "id": "b2", "recorded_at": "2026-06-01"},
    )
)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(LOG, encoding="utf-8")
    return str(path)


def test_the_command_tells_one_client_s_past(log):
    done = retention("timeline", log, "bolt", "--at", "2026-07-01", "--format", "json")
    document = json.loads(done.out)
    assert (document["version"], document["client"], document["failures"]) == (1, "bolt", [])
    assert [(it["status"], it["starts"], it["events"]) for it in document["spells"]] == [
        ("healthy", "2026-03-01T00:00:00Z", ["b1"]),
        ("watch", "2026-03-05T00:00:00Z", ["b2"]),
        ("at-risk", "2026-03-12T00:00:00Z", []),
    ]
    known = retention("timeline", log, "bolt", "--at", "2026-07-01", "--known-at", "2026-05-01", "--format", "json")
    assert [it["status"] for it in json.loads(known.out)["spells"]] == ["healthy", "watch", "at-risk"]
    assert "b2" not in known.text


def test_the_command_counts_the_whole_book(log):
    done = retention("timeline", log, "--at", "2026-07-01", "--every", "60d", "--format", "json")
    counts = json.loads(done.out)["counts"]
    assert [it["at"][:10] for it in counts] == ["2026-01-02", "2026-03-03", "2026-05-02", "2026-07-01"]
    assert [it["healthy"] for it in counts] == [1, 2, 0, 0]
    assert [it["at-risk"] for it in counts] == [0, 0, 2, 2]
    table = retention("timeline", log, "--at", "2026-07-01", "--every", "60d").text.splitlines()
    assert table[0].split() == ["at", *map(str, Health), "clients"]
    assert table[-1].split() == ["2026-07-01", "0", "0", "0", "2", "0", "0", "2"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("nobody",), "the log has no client 'nobody'"),
        (("acme", "--at", "2025-01-01"), "nothing is known of 'acme' as of 2025-01-01"),
        (("--at", "2026-01-01", "--from", "2026-02-01"), "2026-02-01 lies after 2026-01-01"),
        (("--at", "2026-07-01", "--every", "0d"), "must be longer than nothing"),
        (("--at", "2026-07-01", "--every", "10 minutes"), "at most 10,000 are counted"),
    ],
)
def test_a_question_that_can_t_be_answered_is_refused(log, options, said):
    done = retention("timeline", log, *options)
    assert done.code == 2
    assert said in done.err
    assert done.out == b""


@needs_shared
def test_a_real_log_s_timelines_end_with_what_a_replay_says():
    log = str(SHARED / "data" / "completejourney.jsonl.gz")
    counted = json.loads(retention("timeline", log, "--at", "2017-10-01", "--every", "90d", "--format", "json").out)
    replayed = json.loads(retention("replay", log, "--at", "2017-10-01", "--format", "json").out)
    levels = Counter(client["status"] for client in replayed["clients"])
    last = counted["counts"][-1]
    assert {level: last[level] for level in map(str, Health)} == {level: levels[level] for level in map(str, Health)}
    assert timedelta(days=90) == instant(counted["counts"][1]["at"]) - instant(counted["counts"][0]["at"])
