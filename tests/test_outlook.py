"""The outlook: every coming change exact to the instant, what prevents it, how the book stands, and how it is printed."""

import csv
import io
import json
from collections import Counter
from datetime import timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import naive
import naive_business
import naive_listening
import naive_people
from command import retention
from given import EVERYTHING, histories_of
from retention_engine import (
    Action,
    ActionDismissed,
    ActionDone,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Event,
    Findings,
    Health,
    Judged,
    Profiled,
    Renewed,
    Resolved,
    RetentionEngine,
    Settings,
    create_log,
    days,
    encode,
    gather,
    instant,
    outlook_of,
    replay,
    rule,
)
from retention_engine.cli import main
from retention_engine.cli.options import RuleChoice
from retention_engine.formats.outlook import CSV_COLUMNS, outlook_csv, outlook_document, print_outlook
from retention_engine.outlook import coming_changes
from strategies import MICROSECOND, SPANS, questions

ESSENTIALS = Engine(Settings().choose())
NOW = instant("2026-06-30")
READINGS = {**naive.RULES, **naive_people.RULES, **naive_business.RULES, **naive_listening.RULES}


def outlook(*events: Event, at=NOW, ahead=30, engine: Engine = ESSENTIALS):
    return outlook_of(replay(gather(events), engine, at=at), at=at, ahead=days(ahead))


def said(found) -> list[tuple[str, str, str]]:
    return [(str(it.at.date()), str(it.before), str(it.after)) for it in found.changes]


def told(changes) -> list[tuple]:
    """Changes without their deadlines, which move once an action is overdue."""
    return [(it.client, it.at, it.before, it.after, it.because) for it in changes]


def call(at, client="acme", **fields):
    return Engaged(client=client, at=at, **fields)


# Exactness.


@given(questions(), st.sampled_from(SPANS))
def test_every_change_is_seen_at_its_instant_and_none_between(question, ahead):
    log, now, known_at = question
    assessments = list(replay(histories_of(log), EVERYTHING, at=now, known_at=known_at))
    found = outlook_of(assessments, at=now, ahead=days(ahead))
    until = now + days(ahead)
    for assessment in assessments:
        client, status = assessment.client, assessment.status

        def status_at(moment, client=client):
            return EVERYTHING.assess(client, at=moment).status

        looked_at = now
        for change in (it for it in found.changes if it.client == client.id):
            assert now < change.at <= until
            assert change.before is status is status_at(change.at - MICROSECOND)
            assert change.after is status_at(change.at) is not status
            for place in range(8):
                assert status_at(looked_at + (change.at - looked_at) // 8 * place) is status
            looked_at, status = change.at, change.after
        for place in range(9):
            assert status_at(looked_at + (until - looked_at) // 8 * place) is status
    assert found.now == Counter(it.status for it in assessments)
    assert found.then == Counter(EVERYTHING.assess(it.client, at=until).status for it in assessments)
    assert list(found.changes) == sorted(found.changes, key=lambda it: (it.at, it.client))


@given(questions())
def test_every_change_says_why_and_one_for_the_worse_by_when_to_prevent_it(question):
    log, now, known_at = question
    for assessment in replay(histories_of(log), EVERYTHING, at=now, known_at=known_at):
        still_open = set(assessment.actions)
        for change in coming_changes(assessment):
            assert change.because or change.verdict
            if change.verdict is None:
                edges = {it.starts if change.is_worse else it.until for it in change.because}
                assert edges == {change.at}
            assert [it.concern for it in change.deadlines] if change.is_worse else not change.deadlines
            for deadline in change.deadlines:
                assert deadline.concern in change.because
                assert deadline.concern.in_force(change.at)
                assert now < deadline.by <= change.at
                if deadline.action:
                    assert deadline.action in still_open
                    assert deadline.action.rule == deadline.concern.rule
                    assert deadline.by == (deadline.action.due if deadline.action.due > now else change.at)


@given(questions())
def test_a_second_reading_of_the_rules_sees_the_first_change_at_that_instant_too(question):
    log, now, known_at = question
    happened = [line for line in log if line["kind"] == "retracted" or naive.moment(line["at"]) <= now]
    found = outlook_of(
        replay(histories_of(log), EVERYTHING, at=now, known_at=known_at), at=now, ahead=timedelta(days=400)
    )
    seen: set[str] = set()
    for change in found.changes:
        if change.client not in seen:
            seen.add(change.client)
            for moment, status in ((change.at - MICROSECOND, change.before), (change.at, change.after)):
                said = naive.answers(happened, moment, known_at=known_at, rules=READINGS)
                assert said[change.client].status == str(status)


def test_a_change_at_the_very_end_is_seen_and_one_an_instant_later_is_not():
    contact = call("2026-05-01", with_=["Nora"])
    assert said(outlook(contact, ahead=30)) == [("2026-07-30", "healthy", "watch")]
    assert said(outlook(contact, at=NOW - MICROSECOND, ahead=30)) == []
    assert said(outlook(contact, ahead=0)) == []


def test_the_same_change_is_named_from_wherever_one_looks():
    history = [call("2026-05-03"), Renewed(client="acme", at="2026-05-02", term_end="2027-05-02")]
    once = outlook(*history, ahead=400).changes
    again = outlook(*history, at=NOW + days(45), ahead=355).changes
    assert told(it for it in once if it.at > NOW + days(45)) == told(again)
    assert len(once) > len(again) > 1


# What prevents it.


def test_the_open_action_of_the_rule_says_what_to_do_by_when():
    (change,) = outlook(call("2026-04-25")).changes
    (watch,) = change.deadlines
    assert (change.before, change.after) == (Health.HEALTHY, Health.WATCH)
    assert watch.concern.rule == "quiet-client"
    assert watch.action.message == "Get in touch, about something other than work or invoices."
    assert watch.by == watch.action.due == change.at == instant("2026-07-24")


def test_an_action_that_is_due_earlier_is_the_deadline():
    complaint = Complained(client="acme", at="2026-06-29", id="late")
    changes = outlook(call("2026-06-01"), complaint).changes
    assert [(str(it.before), str(it.after)) for it in changes] == [("watch", "at-risk")]
    key = Profiled(client="acme", at="2026-06-01", cadence_days=35)
    watch, at_risk = outlook(call("2026-06-01"), key, ahead=40).changes
    assert (watch.at, at_risk.at) == (instant("2026-07-06"), instant("2026-08-05"))
    assert [it.by for it in at_risk.deadlines] == [instant("2026-07-06")]


def test_where_the_action_is_overdue_the_change_itself_is_the_deadline():
    (change,) = outlook(call("2026-03-15")).changes
    assert (str(change.after), change.at) == ("at-risk", instant("2026-07-13"))
    (deadline,) = change.deadlines
    assert deadline.action.due == instant("2026-06-13")
    assert deadline.by == change.at


def test_where_the_rule_asks_for_nothing_the_concern_itself_is_to_be_dealt_with():
    term = Renewed(client="acme", at="2025-07-10", term_end="2026-07-10")
    changes = outlook(term, call("2026-06-29")).changes
    assert said(outlook(term, call("2026-06-29"))) == [("2026-07-10", "healthy", "critical")]
    assert [(it.concern.rule, it.action, it.by) for it in changes[0].deadlines] == [
        ("lapsed-term", None, instant("2026-07-10"))
    ]


@pytest.mark.parametrize("handled", [ActionDone, ActionDismissed])
def test_an_action_that_somebody_has_ended_prevents_nothing(handled):
    history = [call("2026-04-25")]
    (before,) = outlook(*history).changes
    fields = {"reason": "They asked for peace."} if handled is ActionDismissed else {}
    end = handled(client="acme", at="2026-06-20", action=before.deadlines[0].action.id, **fields)
    (after,) = outlook(*history, end).changes
    assert [(it.action, it.by) for it in after.deadlines] == [(None, instant("2026-07-24"))]


@rule
def two_things(client: Client) -> Findings:
    """Two things are not well."""
    for about, starts in (("one", 10), ("other", 10)):
        due = client.since + days(starts)
        yield Concern(Health.WATCH, starts=due, because=client.first, about=about)
        yield Action(f"See to {about}.", due=due, because=client.first, about=about)


def test_of_a_rule_about_several_things_each_has_its_own_action():
    (change,) = outlook(call("2026-06-25"), engine=Engine([two_things])).changes
    assert [(it.concern.about, it.action.message) for it in change.deadlines] == [
        ("one", "See to one."),
        ("other", "See to other."),
    ]
    done = ActionDone(client="acme", at="2026-06-26", action=change.deadlines[0].action.id)
    (change,) = outlook(call("2026-06-25"), done, engine=Engine([two_things])).changes
    assert [it.action and it.action.about for it in change.deadlines] == [None, "other"]


@given(st.integers(0, 60))
def test_what_is_done_at_the_deadline_is_in_time(quiet_for):
    history = [call(NOW - days(quiet_for))]
    (change, *_) = outlook(*history, ahead=200).changes
    after = Client.from_events("acme", [*history, call(change.deadlines[0].by)])
    assert ESSENTIALS.assess(after, at=change.at).status is Health.HEALTHY


# For the better, and verdicts.


def test_a_change_for_the_better_names_what_ends():
    complaints = [Complained(client="acme", at=f"2026-05-{day:02}", id=f"c{day}") for day in (10, 20, 30)]
    settled = [Resolved(client="acme", at="2026-06-01", complaint=it.id) for it in complaints]
    (change,) = outlook(*complaints, *settled, call("2026-06-29"), ahead=60).changes
    assert (change.at, change.before, change.after) == (instant("2026-08-08"), Health.AT_RISK, Health.HEALTHY)
    assert [it.rule for it in change.because] == ["repeated-complaints"]
    assert not change.is_worse
    assert change.deadlines == ()


def test_when_a_persons_verdict_ends_what_it_hid_is_named():
    quiet = call("2026-01-01")
    verdict = Judged(client="acme", at="2026-06-01", id="j", level="healthy", reason="I met them.", until="2026-07-10")
    (change,) = outlook(quiet, verdict).changes
    assert (change.before, change.after, change.verdict.ref) == (Health.HEALTHY, Health.AT_RISK, "j")
    assert [it.rule for it in change.because] == ["quiet-client"]
    assert [it.by for it in change.deadlines] == [instant("2026-07-10")]


def test_a_verdict_may_end_and_leave_nothing():
    verdict = Judged(
        client="acme", at="2026-06-29", id="j", level="critical", reason="They sounded odd.", until="2026-07-10"
    )
    (change,) = outlook(call("2026-06-29"), verdict).changes
    assert (change.before, change.after, change.because) == (Health.CRITICAL, Health.HEALTHY, ())


def test_who_has_left_may_come_back_only_by_the_end_of_a_verdict():
    quiet = Renewed(client="acme", at="2025-01-01", term_end="2026-01-01")
    assert outlook(quiet, ahead=4000).changes == ()
    verdict = Judged(client="acme", at="2026-06-29", level="left", reason="Said so on the phone.", until="2026-07-10")
    assert said(outlook(call("2026-06-29"), verdict)) == [("2026-07-10", "left", "healthy")]


@rule
def broken(client: Client) -> Findings:
    """Fails."""
    raise LookupError(client.id)
    yield


def test_a_rule_that_fails_is_noted_and_the_others_look_ahead():
    found = outlook(call("2026-04-25"), engine=Engine([*ESSENTIALS.rules, broken]))
    assert [it.rule for it in found.failures] == ["broken"]
    assert said(found) == [("2026-07-24", "unknown", "watch")]


def test_an_empty_book_has_no_outlook():
    found = outlook()
    assert (found.changes, dict(found.now), dict(found.then)) == ((), {}, {})
    assert printed(found) == "From 2026-06-30 to 2026-07-30, if nothing happens: no status changes.\n"


# Printing.


def printed(found, **how) -> str:
    file = io.StringIO()
    print_outlook(file, found, **how)
    return file.getvalue()


BOOK = [
    Profiled(client="acme", at="2026-01-01", name="Acme Ltd", owner="jo"),
    call("2026-04-25", id="e1"),
    call("2026-03-15", client="bolt", id="b1"),
    Complained(client="cove", at="2026-06-01", id="c1"),
    Judged(client="cove", at="2026-06-20", id="j", level="watch", reason="Repaired.", until="2026-07-05"),
]


def test_the_text_says_when_whose_why_and_what_to_do():
    action, overdue = (it.deadlines[0].action.id for it in outlook(*BOOK).changes[1:][::-1])
    assert printed(outlook(*BOOK)) == (
        "From 2026-06-30 to 2026-07-30, if nothing happens: 3 changes of status, 3 for the worse.\n"
        "\n"
        "2026-07-05  cove: watch becomes at-risk\n"
        "  The verdict of a person ends (j: Repaired.)\n"
        "  A complaint is not resolved. (open-complaint [c1]), because of c1\n"
        "    by 2026-07-05, due since 2026-06-08: Resolve the complaint and tell the client how. [c1]"
        f" ({outlook(*BOOK).changes[0].deadlines[0].action.id})\n"
        "\n"
        "2026-07-13  bolt: watch becomes at-risk\n"
        "  Nobody has been in touch with the client for longer than agreed. (quiet-client), because of b1\n"
        "    by 2026-07-13, due since 2026-06-13: Get in touch, about something other than work or invoices."
        f" ({overdue})\n"
        "\n"
        "2026-07-24  Acme Ltd (acme): healthy becomes watch, looked after by jo\n"
        "  Nobody has been in touch with the client for longer than agreed. (quiet-client), because of e1\n"
        "    by 2026-07-24: Get in touch, about something other than work or invoices."
        f" ({action})\n"
        "\n"
        "status    2026-06-30   2026-07-30\n"
        "─────────────────────────────────\n"
        "at-risk   0            2\n"
        "watch     2            1\n"
        "healthy   1            0\n"
    )


def test_a_change_for_the_better_and_one_without_an_action_are_told_so():
    calm = Judged(client="acme", at="2026-06-29", id="j", level="watch", reason="Odd.", until="2026-07-02")
    assert "  The verdict of a person ends (j: Odd.)\n" in printed(outlook(call("2026-06-29"), calm))
    term = Renewed(client="acme", at="2025-07-10", id="r", term_end="2026-07-10")
    text = printed(outlook(term, call("2026-06-29")))
    assert "    deal with it by 2026-07-10\n" in text
    complaints = [Complained(client="acme", at=f"2026-04-{day:02}") for day in (5, 6, 7)]
    assert "  no longer: Complaints pile up" in printed(outlook(*complaints, ahead=10, engine=REPEATED))


REPEATED = Engine(Settings().choose(select=["repeated-complaints"]))


def test_no_more_changes_are_printed_than_asked_for():
    text = printed(outlook(*BOOK), limit=1)
    assert "bolt" not in text
    assert "\n1 of 3 changes shown; --limit 0 shows all.\n" in text


def test_much_evidence_is_cut_short_and_hostile_names_steer_no_terminal():
    complaints = [Complained(client="a\u202ec", at=f"2026-04-{day:02}", id=f"c{day}") for day in range(5, 13)]
    times = {"rules": {"repeated-complaints": {"times": 8}}}
    many = Engine(Settings.from_table(times).choose(select=["repeated-complaints"]))
    text = printed(outlook(*complaints, at=instant("2026-04-13"), ahead=90, engine=many))
    assert "a\\u202ec: at-risk becomes healthy" in text
    assert "\u202e" not in text
    assert "because of c8, c9, c10, c11, c12 and 3 earlier events\n" in text


def test_the_document_has_it_all():
    document = outlook_document(outlook(*BOOK), known_at=NOW)
    assert list(document) == ["version", "at", "until", "known_at", "changes", "counts", "failures"]
    cove, bolt, acme = document["changes"]
    assert cove["verdict"] == {"because": ["j"], "level": "watch"}
    assert bolt["verdict"] is None
    assert (acme["client"], acme["name"], acme["owner"]) == ("acme", "Acme Ltd", "jo")
    assert (acme["at"], acme["before"], acme["after"]) == ("2026-07-24T00:00:00Z", "healthy", "watch")
    assert [(it["rule"], it["because"]) for it in acme["because"]] == [("quiet-client", ["e1"])]
    assert [(it["by"], it["action"]["due"]) for it in acme["deadlines"]] == [("2026-07-24T00:00:00Z",) * 2]
    assert document["counts"]["watch"] == {"now": 2, "then": 1}
    assert list(document["counts"]) == [str(level) for level in Health]


def rows_of(found) -> list[dict[str, str]]:
    table = b"".join(outlook_csv(outlook_document(found))).decode()
    return list(csv.DictReader(io.StringIO(table, newline="")))


def test_the_table_has_a_row_for_each_concern_and_for_a_verdict_that_leaves_none():
    verdict = Judged(client="dent", at="2026-06-29", id="j2", level="critical", reason="Odd.", until="2026-07-01")
    rows = rows_of(outlook(*BOOK, call("2026-06-29", client="dent"), verdict))
    assert [(it["client"], it["rule"], it["because"]) for it in rows] == [
        ("dent", "", "j2"),
        ("cove", "open-complaint", "c1"),
        ("bolt", "quiet-client", "b1"),
        ("acme", "quiet-client", "e1"),
    ]
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[0]["message"] == "The verdict of a person ends."
    assert (rows[1]["by"], rows[1]["action_due"]) == ("2026-07-05T00:00:00Z", "2026-06-08T00:00:00Z")
    assert rows[3]["action_message"].startswith("Get in touch")


def test_no_cell_of_the_table_is_a_formula():
    rows = rows_of(outlook(call("2026-04-25", client="=1+1", id="@e")))
    assert (rows[0]["client"], rows[0]["because"]) == ("'=1+1", "'@e")


def test_a_change_for_the_better_has_no_deadline_in_the_table():
    complaints = [Complained(client="acme", at=f"2026-04-{day:02}") for day in (5, 6, 7)]
    (row,) = rows_of(outlook(*complaints, ahead=10, engine=REPEATED))
    assert (row["rule"], row["by"], row["action"]) == ("repeated-complaints", "", "")


# The command.


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in BOOK))
    return path


AT = ["--at", "2026-06-30"]


def test_the_command_prints_the_outlook(log):
    ran = retention("outlook", log, *AT)
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == printed(outlook(*BOOK))
    assert json.loads(retention("outlook", log, *AT, "--format", "json").out) == json.loads(
        json.dumps(outlook_document(outlook(*BOOK)), default=str)
    )
    assert retention("outlook", log, *AT, "--format", "csv").out == b"".join(
        outlook_csv(outlook_document(outlook(*BOOK)))
    )


def test_the_command_looks_as_far_and_at_whom_it_is_told(log):
    changes = json.loads(retention("outlook", log, *AT, "--days", "10", "--format", "json").out)["changes"]
    assert [it["client"] for it in changes] == ["cove"]
    one = json.loads(retention("outlook", log, *AT, "--client", "acme", "--format", "json").out)
    assert [it["client"] for it in one["changes"]] == ["acme"]
    assert one["counts"]["healthy"] == {"now": 1, "then": 0}
    before = retention("outlook", log, *AT, "--known-at", "2026-06-19", "--format", "json")
    assert [it["client"] for it in json.loads(before.out)["changes"]] == ["bolt", "acme"]
    assert retention("outlook", log, *AT, "--days", "-1").code == 2
    assert retention("outlook", log, *AT, "--days", "36501").code == 2


@pytest.mark.parametrize(("level", "code"), [("watch", 1), ("at-risk", 1), ("critical", 0)])
def test_the_command_fails_where_somebody_becomes_as_bad_as_that(log, level, code):
    assert retention("outlook", log, *AT, "--fail-on", level).code == code


def test_a_change_for_the_better_is_no_reason_to_fail(tmp_path):
    path = tmp_path / "log.jsonl"
    verdict = Judged(client="acme", at="2026-06-29", level="critical", reason="Odd.", until="2026-07-10")
    lines = [call("2026-01-01"), verdict]
    path.write_bytes(b"".join(encode(event) + b"\n" for event in lines))
    assert "critical becomes at-risk" in retention("outlook", path, *AT).text
    assert retention("outlook", path, *AT, "--fail-on", "at-risk").code == 0


def test_the_command_ends_with_4_where_a_rule_fails(log, monkeypatch):
    monkeypatch.setattr(RuleChoice, "engine", lambda _: Engine([*ESSENTIALS.rules, broken]))
    ran = CliRunner().invoke(main, ["outlook", str(log), *AT, "--fail-on", "watch"])
    assert (ran.exit_code, ran.stderr.count("Error: rule broken failed for acme and 2 more: LookupError")) == (4, 1)
    assert "2026-07-24  Acme Ltd (acme): unknown becomes watch" in ran.stdout


def test_the_engine_looks_ahead_over_its_log(tmp_path):
    with create_log(f"sqlite:///{tmp_path / 'clients.db'}") as made:
        made.record_many(BOOK)
    with RetentionEngine.open(f"sqlite:///{tmp_path / 'clients.db'}") as engine:
        assert engine.outlook(at=NOW).changes == outlook(*BOOK).changes
        assert said(engine.outlook(at=NOW, ahead=timedelta(days=10))) == [("2026-07-05", "watch", "at-risk")]
