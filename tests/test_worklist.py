"""The worklist: what becomes one entry, in which order, for whom, what waits and why, and how it is printed."""

import csv
import io
import json
import weakref
from datetime import datetime, timedelta
from decimal import Decimal

import attrs
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from command import AT, on_a_terminal, retention
from retention_engine import (
    Action,
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Entry,
    Event,
    Findings,
    Health,
    Introduced,
    Judged,
    Left,
    OwnerWorklist,
    Pace,
    Profiled,
    Referred,
    Renewed,
    Resolved,
    Settings,
    Waiting,
    Worklist,
    days,
    encode,
    gather,
    instant,
    replay,
    rule,
    tasks_of,
    worklist_of,
)
from retention_engine.cli import main
from retention_engine.cli.options import RuleChoice
from retention_engine.errors import SettingsError
from retention_engine.formats.worklist import CSV_COLUMNS, HINT, as_csv, as_jsonl, print_worklist, worklist_document

NOW = instant("2026-06-30")
MICROSECOND = timedelta(microseconds=1)
WEEK = timedelta(days=7)
UNPACED = Pace(budget=0, cooldown=days(0))


@rule
def to_say(client: Client) -> Findings:
    """Something is to be said: what the note of an event names, word by word, due when it happened, or days later."""
    for event in client.of(Profiled):
        for what, _, later in (word.partition("~") for word in (event.note or "").split()):
            yield Action(f"Say {what}.", due=event.at + days(int(later or 0)), because=event, about=what)


@rule(settled_by="task")
def to_do(client: Client) -> Findings:
    """Something is to be done: what `by` of an event names, word by word, due when it happened."""
    for event in client.of(Profiled):
        for what in (event.by or "").split():
            yield Action(f"Do {what}.", due=event.at, because=event, about=what)


@rule
def named_so(client: Client) -> Findings:
    """A client's status is what it is called."""
    if client.name in set(map(str, Health)):
        yield Concern(Health.named(client.name), starts=client.since, because=client.first)


@rule
def broken(client: Client) -> Findings:
    """Fails for one client."""
    if client.id == "bolt":
        raise ValueError("no luck")
    yield from ()


ENGINE = Engine([to_say, to_do, named_so])


def owed(client, at="2026-06-01", *, say=None, do=None, **profile):
    """What is to be said and done for a client, due at an instant that the log's events reach up to."""
    return Profiled(client=client, at=at, id=f"{at} {say!a} {do!a}", note=say, by=do, **profile)


def spoke(client, at, **fields):
    return Engaged(client=client, at=at, **fields)


def worklist(*events: Event, at: datetime = NOW, pace: Pace = UNPACED, engine: Engine = ENGINE, **how) -> Worklist:
    assessments = replay(gather(events), engine, at=at)
    return worklist_of(assessments, at=at, tasks=tasks_of(engine.rules), pace=pace, **how)


def said(entries) -> list[tuple]:
    """Entries as client, kind and what they are about."""
    return [(entry.client, entry.kind, *(action.about for action in entry.actions)) for entry in entries]


def clients(entries) -> list[str]:
    return [entry.client for entry in entries]


class TestEntries:
    def test_what_one_conversation_settles_is_one_entry_and_each_task_is_one(self):
        found = worklist(owed("acme", say="thanks sorry", do="plan report"), owed("acme", "2026-05-01", say="hello"))
        assert said(found.today) == [
            ("acme", "conversation", "hello", "sorry", "thanks"),
            ("acme", "task", "plan"),
            ("acme", "task", "report"),
        ]

    def test_a_conversation_is_due_with_the_first_of_its_actions_and_goes_by_its_id(self):
        found = worklist(owed("acme", say="thanks"), owed("acme", "2026-05-01", say="hello"))
        (entry,) = found.today
        assert entry.due == instant("2026-05-01")
        assert entry.id == entry.actions[0].id
        (later,) = worklist(owed("acme", say="thanks sorry"), owed("acme", "2026-05-01", say="hello")).today
        assert later.id == entry.id

    def test_clients_do_not_share_a_conversation(self):
        assert said(worklist(owed("acme", say="a"), owed("bolt", say="a")).today) == [
            ("acme", "conversation", "a"),
            ("bolt", "conversation", "a"),
        ]

    @pytest.mark.parametrize(("ahead", "count"), [(days(7), 1), (days(7) - MICROSECOND, 0), (days(0), 0)])
    def test_an_action_is_listed_from_so_far_ahead(self, ahead, count):
        @rule
        def next_week(client: Client) -> Findings:
            """Something is due in a week."""
            yield Action("Go on.", due=client.since + days(7), because=client.first)

        engine = Engine([next_week])
        assert len(worklist(spoke("acme", NOW), engine=engine, ahead=ahead).today) == count

    def test_an_entry_says_who_and_how_and_how_much(self):
        (entry,) = worklist(
            owed("acme", say="a", name="Acme Ltd", owner="jo", stage="prospect"),
            Renewed(client="acme", at="2026-01-01", term_end="2027-01-01", value="1200.50", currency="EUR"),
        ).today
        assert (entry.client, entry.name, entry.owner, entry.status) == ("acme", "Acme Ltd", "jo", Health.HEALTHY)
        assert (entry.prospect, entry.value, entry.currency) == (True, Decimal("1200.50"), "EUR")

    def test_the_annual_value_goes_before_the_terms(self):
        term = Renewed(client="acme", at="2026-01-01", term_end="2027-01-01", value="1200", currency="EUR")
        (entry,) = worklist(owed("acme", say="a", annual_value="9"), term).today
        assert (entry.value, entry.currency) == (Decimal(9), None)

    @pytest.mark.parametrize(
        "gone", [Left(client="acme", at="2026-06-02"), Judged(client="acme", at="2026-06-02", level="left", reason="x")]
    )
    def test_a_client_that_has_left_is_not_listed(self, gone):
        engine = Engine([*ENGINE.rules, *Settings().choose(select=["departed-client"])])
        assert worklist(owed("acme", say="a"), engine=engine).today
        assert worklist(owed("acme", say="a"), gone, engine=engine) == Worklist(NOW, (), frozenset(), ())

    def test_an_empty_book_has_nothing_to_do(self):
        assert worklist() == Worklist(NOW, (), frozenset(), ())


class TestOrder:
    def test_the_day_goes_before_all_else(self):
        found = worklist(
            owed("late", "2026-06-29", say="a~5", name="critical", annual_value=9),
            owed("early", "2026-06-28T23:59:59.999999Z", say="a~5", stage="prospect"),
        )
        assert clients(found.today) == ["early", "late"]

    def test_all_that_is_overdue_counts_as_due_today(self):
        found = worklist(
            owed("long ago", "2026-05-01", say="a"),
            owed("longer ago", "2026-04-01", say="a"),
            owed("of value", "2026-06-01", say="a", annual_value=9),
            owed("today", NOW, say="a", name="critical"),
            owed("tomorrow", "2026-06-30", say="a~1", name="critical"),
        )
        assert clients(found.today) == ["today", "of value", "longer ago", "long ago", "tomorrow"]

    def test_on_one_day_the_worst_goes_first_whatever_the_hour(self):
        levels = ["healthy", "unknown", "watch", "at-risk", "critical"]
        found = worklist(
            *(owed(level, f"2026-06-01T0{hour}:00:00Z", say="a", name=level) for hour, level in enumerate(levels))
        )
        assert clients(found.today) == levels[::-1]

    def test_a_day_is_one_in_utc(self):
        found = worklist(
            owed("watch", "2026-06-29T01:00:00+02:00", say="a~5", name="watch"),
            owed("critical", "2026-06-28T23:00:00-02:00", say="a~5", name="critical"),
        )
        assert clients(found.today) == ["watch", "critical"]

    def test_then_clients_before_prospects_the_higher_value_and_the_name(self):
        found = worklist(
            owed("b unknown", say="a"),
            owed("a unknown", say="a"),
            owed("none", say="a", annual_value=0),
            owed("little", say="a", annual_value="9.5", stage="client"),
            owed("much", say="a", annual_value=100),
            owed("rich prospect", say="a", annual_value=1000, stage="prospect"),
            owed("prospect", say="a", stage="prospect"),
        )
        assert clients(found.today) == ["much", "little", "none", "a unknown", "b unknown", "rich prospect", "prospect"]

    def test_a_sick_prospect_goes_before_a_client_that_is_well(self):
        found = worklist(
            owed("client", say="a", annual_value=9), owed("prospect", say="a", name="watch", stage="prospect")
        )
        assert clients(found.today) == ["prospect", "client"]


class TestOwners:
    BOOK = (
        owed("a", say="x", owner="jo"),
        owed("b", say="x", owner="sam"),
        owed("c", say="x"),
        owed("d", say="x", owner=""),
        owed("e", owner="idle"),
    )

    def test_each_has_a_list_by_name_and_nobody_comes_last(self):
        found = worklist(*self.BOOK)
        assert [(it.owner, clients(it.today)) for it in found.owners] == [
            ("jo", ["a"]),
            ("sam", ["b"]),
            (None, ["c", "d"]),
        ]
        assert found.known_owners == {"jo", "sam", "idle"}

    @pytest.mark.parametrize(
        ("owners", "listed"),
        [
            (["jo"], [("jo", ["a"])]),
            (["sam", "jo"], [("jo", ["a"]), ("sam", ["b"])]),
            ([None], [(None, ["c", "d"])]),
            (["jo", None], [("jo", ["a"]), (None, ["c", "d"])]),
            (["idle"], [("idle", [])]),
            (["stranger"], [("stranger", [])]),
            ([], []),
        ],
    )
    def test_some_can_be_asked_for(self, owners, listed):
        found = worklist(*self.BOOK, owners=owners)
        assert [(it.owner, clients(it.today)) for it in found.owners] == listed
        assert found.known_owners == {"jo", "sam", "idle"}

    def test_one_can_be_looked_up(self):
        found = worklist(*self.BOOK)
        assert clients(found.of("jo").today) == ["a"]
        assert clients(found.of(None).today) == ["c", "d"]
        assert found.of("stranger") == OwnerWorklist("stranger")

    def test_the_owner_is_the_latest_by_then(self):
        handed_over = Profiled(client="a", at=NOW, owner="sam")
        assert worklist(*self.BOOK, handed_over).of("jo").today == ()
        assert clients(worklist(*self.BOOK, handed_over).of("sam").today) == ["a", "b"]
        before = worklist(*self.BOOK, handed_over, at=NOW - MICROSECOND)
        assert clients(before.of("jo").today) == ["a"]

    def test_failures_are_those_of_the_clients_looked_at(self):
        engine = Engine([*ENGINE.rules, broken])
        book = [owed("bolt", say="x", owner="jo"), owed("acme", say="x", owner="sam")]
        everybody = worklist(*book, engine=engine)
        assert [failure.client for failure in everybody.failures] == ["bolt"]
        assert everybody.of("jo").today[0].status is Health.UNKNOWN
        assert worklist(*book, engine=engine, owners=["sam"]).failures == ()


class TestBudget:
    BOOK = tuple(owed(f"c{number:02}", f"2026-06-{number:02}", say="x", owner="jo") for number in range(1, 8))

    def paced(self, *events, **pace):
        return worklist(*events, pace=Pace(**{"cooldown": days(0)} | pace))

    def test_the_first_five_are_for_today_and_the_rest_waits(self):
        found = self.paced(*self.BOOK)
        assert clients(found.today) == ["c01", "c02", "c03", "c04", "c05"]
        assert clients(found.waiting) == ["c06", "c07"]
        assert {entry.waiting for entry in found.waiting} == {Waiting("budget")}
        assert {entry.waiting for entry in found.today} == {None}

    @pytest.mark.parametrize(("budget", "today"), [(0, 7), (1, 1), (6, 6), (7, 7), (8, 7)])
    def test_it_can_be_set_and_0_means_none(self, budget, today):
        found = self.paced(*self.BOOK, budget=budget)
        assert (len(found.today), len(found.waiting)) == (today, 7 - today)

    def test_it_is_each_owners_own(self):
        found = self.paced(
            *self.BOOK, *(attrs.evolve(it, client=f"x{it.client}", owner=None) for it in self.BOOK), budget=3
        )
        assert [(it.owner, len(it.today), len(it.waiting)) for it in found.owners] == [("jo", 3, 4), (None, 3, 4)]

    def test_it_counts_entries_and_not_actions(self):
        found = self.paced(owed("acme", say="a b c", do="d e"), owed("bolt", "2026-06-02", say="f"), budget=3)
        assert [len(entry.actions) for entry in found.today] == [3, 1, 1]
        assert said(found.waiting) == [("bolt", "conversation", "f")]

    def test_what_waits_anyway_takes_nobodys_place(self):
        found = self.paced(*self.BOOK, spoke("c01", "2026-06-29"), budget=2, cooldown=days(5))
        assert clients(found.today) == ["c02", "c03"]
        assert [(entry.client, entry.waiting.why) for entry in found.waiting][:2] == [
            ("c01", "cooldown"),
            ("c04", "budget"),
        ]

    def test_all_actions_are_there_the_first_due_first(self):
        found = self.paced(*self.BOOK, budget=1)
        assert [action.client for action in found.actions] == [f"c{number:02}" for number in range(1, 8)]

    def test_whoever_does_five_a_day_gets_through_and_nothing_is_forgotten(self):
        book = [owed(f"c{number:02}", say="x", do="y", owner="jo") for number in range(8)]
        done: list[str] = []
        for day in range(4):
            now = NOW + days(day)
            found = worklist(*book, at=now, pace=Pace())
            assert len(found.today) + len(found.waiting) == 16 - len(done)
            for entry in found.today:
                done += [action.id for action in entry.actions]
                book += [ActionDone(client=it.client, at=now, action=it.id) for it in entry.actions]
        assert len(done) == len(set(done)) == 16
        assert worklist(*book, at=NOW + days(4)).actions == ()


class TestCooldown:
    PACE = Pace(budget=0)

    def waiting(self, *events, at=NOW, pace=PACE, **owing):
        """Why the conversation with acme waits, if it does."""
        given = owed("acme", "2026-06-20", **{"say": "x"} | owing)
        found = worklist(given, *events, at=at, pace=pace)
        (entry,) = [entry for entry in (*found.today, *found.waiting) if entry.kind == "conversation"]
        assert (entry in found.waiting) == (entry.waiting is not None)
        return entry.waiting

    def test_a_client_that_was_spoken_with_is_left_in_peace_for_five_days(self):
        call = spoke("acme", "2026-06-28T09:00:00Z")
        rest = Waiting("cooldown", instant("2026-06-28T09:00:00Z"), instant("2026-07-03T09:00:00Z"))
        assert self.waiting(call) == rest
        assert self.waiting(call, at=rest.until - MICROSECOND) == rest
        assert self.waiting(call, at=rest.until) is None
        assert self.waiting(call, at=call.at) == rest
        assert self.waiting(call, at=call.at - MICROSECOND) is None

    @pytest.mark.parametrize(("cooldown", "rests"), [(days(2), False), (days(2) + MICROSECOND, True), (days(0), False)])
    def test_how_long_can_be_set(self, cooldown, rests):
        call = spoke("acme", "2026-06-28")
        assert (self.waiting(call, pace=Pace(cooldown=cooldown)) is not None) is rests

    @pytest.mark.parametrize(
        ("event", "rests"),
        [
            (spoke("acme", "2026-06-29"), True),
            (spoke("acme", "2026-06-29", direction="inbound"), True),
            (spoke("acme", "2026-06-29", depth="meaningful", purpose="review"), True),
            (spoke("acme", "2026-06-29", depth="token"), False),
            (spoke("acme", "2026-06-29", direction="outbound"), False),
            (spoke("acme", "2026-06-29", purpose="delivery"), False),
            (spoke("acme", "2026-06-29", purpose="invoice", direction="inbound"), False),
            (Introduced(client="acme", at="2026-06-29"), False),
            (Referred(client="acme", at="2026-06-29", direction="received"), False),
        ],
    )
    def test_only_what_was_a_conversation_counts(self, event, rests):
        assert (self.waiting(event) is not None) is rests

    def test_the_latest_conversation_counts(self):
        assert self.waiting(spoke("acme", "2026-06-26"), spoke("acme", "2026-06-28")).until == instant("2026-07-03")

    def test_tasks_go_on(self):
        found = worklist(owed("acme", say="x", do="y"), spoke("acme", "2026-06-29"), pace=self.PACE)
        assert said(found.today) == [("acme", "task", "y")]
        assert said(found.waiting) == [("acme", "conversation", "x")]

    def test_a_critical_client_does_not_wait(self):
        call = spoke("acme", "2026-06-29")
        assert self.waiting(call, name="critical") is None
        assert self.waiting(call, name="at-risk") is not None
        judged = Judged(client="acme", at="2026-06-29", level="watch", reason="We met.")
        assert self.waiting(call, judged, name="critical") is not None

    @pytest.mark.parametrize("at", ["2026-06-01", "2026-06-28", "2026-06-29"])
    def test_a_client_whose_complaint_is_open_does_not_wait(self, at):
        call = spoke("acme", "2026-06-28")
        complaint = Complained(client="acme", at=at, id="c1")
        assert self.waiting(call, complaint) is None
        assert self.waiting(call, complaint, Resolved(client="acme", at="2026-06-29", complaint="c1")) is not None

    @pytest.mark.parametrize(
        ("term_end", "rests"),
        [
            ("2026-06-29T23:59:59Z", True),
            ("2026-06-30", False),
            ("2026-07-03", False),
            ("2026-07-03T00:00:00.000001Z", True),
        ],
    )
    def test_a_client_whose_term_ends_before_the_cooldown_does_not_wait(self, term_end, rests):
        term = Renewed(client="acme", at="2026-01-01", term_end=term_end)
        assert (self.waiting(spoke("acme", "2026-06-28"), term) is not None) is rests

    @pytest.mark.parametrize(
        ("until", "rests"), [("2026-06-28", True), ("2026-06-28T00:00:01Z", False), ("2026-06-30", False)]
    )
    def test_what_was_put_off_until_a_day_after_the_conversation_does_not_wait(self, until, rests):
        (entry,) = worklist(owed("acme", "2026-06-20", say="x")).today
        put_off = ActionSnoozed(client="acme", at="2026-06-25", action=entry.id, until=until)
        assert (self.waiting(spoke("acme", "2026-06-28"), put_off) is not None) is rests

    def test_conversations_in_a_row_hold_nothing_back_for_longer_than_it_may_be_overdue(self):
        calls = [spoke("acme", instant("2026-06-16") + days(4 * number)) for number in range(20)]
        from_due = instant("2026-06-20") + days(30)
        assert self.waiting(*calls, at=from_due) is not None
        assert self.waiting(*calls, at=from_due + MICROSECOND) is None
        with_a_gap = [it for it in calls if it.at != instant("2026-06-28")]
        since = instant("2026-07-02") + days(30)
        assert self.waiting(*with_a_gap, at=since) is not None
        assert self.waiting(*with_a_gap, at=since + MICROSECOND) is None

    def test_nothing_that_waits_is_hidden_from_the_assessment(self):
        events = gather([owed("acme", say="x"), spoke("acme", "2026-06-29")])
        (assessment,) = replay(events, ENGINE, at=NOW)
        found = worklist_of([assessment], at=NOW)
        assert found.today == ()
        assert found.actions == assessment.due()


class TestEscalation:
    @pytest.mark.parametrize(
        ("at", "escalated"), [("2026-07-01", False), ("2026-07-01T00:00:00.000001Z", True), ("2028-01-01", True)]
    )
    def test_what_is_overdue_for_more_than_thirty_days_is_marked(self, at, escalated):
        (entry,) = worklist(owed("acme", say="x"), at=instant(at)).today
        assert entry.escalated is escalated

    def test_how_long_can_be_set(self):
        (entry,) = worklist(owed("acme", say="x"), at=instant("2026-06-04"), pace=Pace(escalate=days(2))).today
        assert entry.escalated

    def test_putting_it_off_does_not_make_it_younger(self):
        (before,) = worklist(owed("acme", say="x")).today
        put_off = ActionSnoozed(client="acme", at="2026-06-02", action=before.id, until="2026-07-10")
        assert worklist(owed("acme", say="x"), put_off, at=instant("2026-07-09")).today == ()
        (entry,) = worklist(owed("acme", say="x"), put_off, at=instant("2026-07-10")).today
        assert entry.escalated

    @pytest.mark.parametrize("wrong", [{"budget": -1}, {"cooldown": -days(1)}, {"escalate": -days(1)}])
    def test_a_pace_that_makes_no_sense_is_refused(self, wrong):
        with pytest.raises(ValueError, match="must be >= "):
            Pace(**wrong)


class TestFurtherActions:
    """Such as rules about the whole book recommend."""

    BOOK = (
        owed("acme", say="x", owner="jo"),
        spoke("bolt", "2026-06-01", id="e1"),
        Left(client="gone", at="2026-06-01"),
    )
    ENGINE = Engine([*ENGINE.rules, *Settings().choose(select=["departed-client"])])

    def further(self, client, due="2026-06-10", rule="call-ten", about=None):
        because = Engaged(client=client, at="2026-06-01", id="e1")
        return Action("Call them.", due=instant(due), because=because, rule=rule, client=client, about=about)

    def found(self, *more, events=(), **how):
        return worklist(*self.BOOK, *events, engine=self.ENGINE, more=more, **how)

    def test_they_join_the_conversation_with_their_client(self):
        found = self.found(self.further("acme"), self.further("bolt"))
        assert [(it.owner, said(it.today)) for it in found.owners] == [
            ("jo", [("acme", "conversation", "x", None)]),
            (None, [("bolt", "conversation", None)]),
        ]

    def test_those_of_a_rule_for_tasks_are_entries_of_their_own(self):
        assessments = list(replay(gather(self.BOOK), self.ENGINE, at=NOW))
        found = worklist_of(assessments, at=NOW, tasks={"call-ten"}, more=[self.further("acme")], pace=UNPACED)
        assert said(found.today) == [("acme", "conversation", "x"), ("acme", "task", None)]

    def test_they_are_listed_once_and_when_they_are_due(self):
        assert said(self.found(self.further("bolt"), self.further("bolt")).of(None).today) == [
            ("bolt", "conversation", None)
        ]
        assert self.found(self.further("bolt", "2026-07-07")).of(None).today
        assert self.found(self.further("bolt", "2026-07-07T00:00:00.000001Z")).of(None).today == ()
        (there,) = worklist(*self.BOOK).today
        assert self.found(there.actions[0]).today == (there,)

    @pytest.mark.parametrize("kind", [ActionDone, ActionDismissed, ActionSnoozed])
    def test_what_became_of_them_is_in_the_clients_history(self, kind):
        more = {ActionDone: {}, ActionDismissed: {"reason": "no"}, ActionSnoozed: {"until": "2026-07-01"}}[kind]
        closed = kind(client="bolt", at="2026-06-20", action=self.further("bolt").id, **more)
        found = self.found(self.further("bolt"), self.further("bolt", about="other"), events=[closed])
        assert said(found.of(None).today) == [("bolt", "conversation", "other")]

    def test_clients_that_have_left_or_are_not_in_the_book_are_left_out(self):
        assert self.found(
            self.further("gone"), self.further("stranger"), attrs.evolve(self.further("bolt"), client="")
        ) == worklist(*self.BOOK)

    def test_they_go_to_the_owners_asked_for(self):
        assert clients(self.found(self.further("acme"), self.further("bolt"), owners=[None]).today) == ["bolt"]

    def test_they_are_read_after_the_last_assessment(self):
        order = []

        def assessments():
            for found in replay(gather(self.BOOK), self.ENGINE, at=NOW):
                order.append(found.client.id)
                yield found

        def more():
            order.append("more")
            yield self.further("bolt")

        assert clients(worklist_of(assessments(), at=NOW, more=more()).today) == ["acme", "bolt"]
        assert order == ["acme", "bolt", "gone", "more"]


def test_one_clients_history_is_in_memory_at_a_time():
    alive: list[weakref.ref[Event]] = []
    most = 0

    def streamed():
        nonlocal most
        for number in range(50):
            client = Client.from_events(f"c{number}", [owed(f"c{number}", say="x"), spoke(f"c{number}", "2026-06-29")])
            found = ENGINE.assess(client, at=NOW)
            alive.append(weakref.ref(client.events[-1]))  # which no action cites
            del client
            yield found
            del found
            most = max(most, sum(reference() is not None for reference in alive))

    assert len(worklist_of(streamed(), at=NOW, more=[]).waiting) == 50
    assert most == 1


# Laws, against a naive reading of the order and of what may wait.

moments = st.builds(
    lambda day, hours: NOW - days(day) + timedelta(hours=hours), st.integers(0, 50), st.sampled_from([0, 0, 9, 23])
).filter(lambda moment: moment <= NOW)
owings = st.lists(st.tuples(moments, st.sampled_from(["say", "do"])), max_size=3, unique_by=lambda it: it)
talks = st.lists(
    st.tuples(moments, st.sampled_from(["two_way", "inbound", "outbound"]), st.sampled_from(["routine", "token"])),
    max_size=4,
)
people = st.fixed_dictionaries(
    {
        "owner": st.sampled_from(["jo", "sam", None]),
        "name": st.sampled_from([None, "watch", "at-risk", "critical"]),
        "stage": st.sampled_from([None, "client", "prospect"]),
        "annual_value": st.sampled_from([None, 0, 5, 70]),
    }
)
books = st.lists(st.tuples(people, owings, talks, st.booleans(), st.sampled_from([None, 2, 9])), max_size=9)
paces = st.builds(
    Pace,
    budget=st.integers(0, 3),
    cooldown=st.sampled_from([days(0), days(5), days(20)]),
    escalate=st.sampled_from([days(0), days(10), days(30)]),
)


def events_of_book(book) -> dict[str, list[Event]]:
    found = {}
    for number, (person, owing, talking, complains, term) in enumerate(book):
        name = f"c{number}"
        events: list[Event] = [Profiled(client=name, at=NOW - days(60), **person)]
        events += [owed(name, at, **{how: f"{how}{at:%d%H}"}) for at, how in owing]
        events += [Engaged(client=name, at=at, direction=direction, depth=depth) for at, direction, depth in talking]
        events += [Complained(client=name, at=NOW - days(1), id="c")] if complains else []
        events += [Renewed(client=name, at=NOW - days(60), term_end=NOW + days(term))] if term else []
        found[name] = events
    return found


def comes_before(one: Entry, other: Entry) -> bool:  # noqa: PLR0911 - one return a criterion
    """The order as a person would explain it."""
    turn, other_turn = (NOW.date() if it.due < NOW else it.due.date() for it in (one, other))
    if turn != other_turn:
        return turn < other_turn
    if one.status != other.status:
        return one.status > other.status
    if one.prospect != other.prospect:
        return other.prospect
    if one.value != other.value:
        return other.value is None or (one.value is not None and one.value > other.value)
    if one.due.date() != other.due.date():
        return one.due < other.due
    if one.client != other.client:
        return one.client < other.client
    return one.kind == "conversation" or (other.kind == "task" and one.due <= other.due)


def may_rest(entry: Entry, events: list[Event], pace: Pace) -> bool:
    """Whether the cooldown keeps a conversation waiting; nothing in these books was put off."""
    spoken = [it.at for it in events if isinstance(it, Engaged) and it.direction != "outbound" and it.depth != "token"]
    rests = sorted((at, at + pace.cooldown) for at in spoken)
    merged: list[tuple[datetime, datetime]] = []
    for starts, until in rests:
        if merged and starts < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((starts, until))
    current = [(starts, until) for starts, until in merged if starts <= NOW < until]
    if not current or entry.status is Health.CRITICAL or any(isinstance(it, Complained) for it in events):
        return False
    ((starts, until),) = current
    ends = [it.term_end for it in events if isinstance(it, Renewed)]
    return not (any(end <= until for end in ends) or NOW - max(starts, entry.due) > pace.escalate)


@given(books, paces, st.randoms(use_true_random=False))
def test_every_action_due_is_in_one_entry_in_its_place_and_waits_for_a_reason(book, pace, chance):
    histories = events_of_book(book)
    assessments = list(replay(histories, ENGINE, at=NOW))
    found = worklist_of(assessments, at=NOW, tasks={"to-do"}, pace=pace)

    due = sorted(action.id for assessment in assessments for action in assessment.due())
    assert sorted(action.id for action in found.actions) == due
    assert len(set(due)) == len(due)
    for owner in found.owners:
        entries = [*owner.today, *owner.waiting]
        talking = [entry.client for entry in entries if entry.kind == "conversation"]
        assert len(set(talking)) == len(talking)
        assert all(len(entry.actions) == 1 for entry in entries if entry.kind == "task")
        over = [entry for entry in owner.waiting if entry.waiting.why == "budget"]
        in_turn = [*owner.today, *over]
        assert len(owner.today) == (min(pace.budget, len(in_turn)) if pace.budget else len(in_turn))
        assert all(comes_before(one, other) for place, one in enumerate(in_turn) for other in in_turn[place + 1 :])
        for entry in entries:
            rests = entry.kind == "conversation" and may_rest(entry, histories[entry.client], pace)
            assert (entry.waiting is not None and entry.waiting.why == "cooldown") is rests
            assert entry.escalated is (NOW - entry.due > pace.escalate)
            assert entry.owner == owner.owner

    chance.shuffle(assessments)
    assert worklist_of(assessments, at=NOW, tasks={"to-do"}, pace=pace) == found


# What is printed.

SHOWN = (
    owed("acme", "2026-05-01", say="thanks", name="Acme Ltd", owner="jo", annual_value="12000.50"),
    owed("acme", "2026-06-29T18:00:00Z", say="sorry"),
    owed("bolt", "2026-06-29", do="plan", owner="jo"),
    owed("calm", "2026-06-25", say="thanks", owner="jo"),
    spoke("calm", "2026-06-28T09:30:00Z", id="call"),
    owed("echo", "2026-06-01", say="thanks"),
)


def shown(*events, everything=False, at=NOW, **how):
    file = io.StringIO()
    print_worklist(file, worklist(*events, at=at, **how), ahead=WEEK, everything=everything)
    return file.getvalue()


class TestDocument:
    def document(self, **how):
        return json.loads(json.dumps(worklist_document(worklist(*SHOWN, pace=Pace(budget=1)), **how)))

    def test_it_has_owners_with_what_is_for_today_and_what_waits(self):
        found = self.document()
        assert list(found) == ["version", "at", "owners", "failures"]
        assert (found["version"], found["at"], found["failures"]) == (1, "2026-06-30T00:00:00Z", [])
        assert [(it["owner"], len(it["today"]), len(it["waiting"])) for it in found["owners"]] == [
            ("jo", 1, 2),
            (None, 1, 0),
        ]

    def test_an_entry_has_all_that_is_known_of_it(self):
        (entry,) = self.document()["owners"][0]["today"]
        actions = entry.pop("actions")
        assert entry == {
            "id": actions[0]["id"],
            "kind": "conversation",
            "client": "acme",
            "name": "Acme Ltd",
            "status": "healthy",
            "due": "2026-05-01T00:00:00Z",
            "overdue_days": 60,
            "escalated": True,
            "value": "12000.5",
            "currency": None,
            "waiting": None,
            "spoken": None,
            "until": None,
        }
        assert [(it["rule"], it["about"], it["due"]) for it in actions] == [
            ("to-say", "thanks", "2026-05-01T00:00:00Z"),
            ("to-say", "sorry", "2026-06-29T18:00:00Z"),
        ]

    def test_what_waits_says_why_and_until_when(self):
        waiting = self.document()["owners"][0]["waiting"]
        assert [(it["client"], it["waiting"], it["spoken"], it["until"]) for it in waiting] == [
            ("calm", "cooldown", "2026-06-28T09:30:00Z", "2026-07-03T09:30:00Z"),
            ("bolt", "budget", None, None),
        ]

    def test_it_says_what_was_hidden(self):
        assert self.document(known_at=NOW)["known_at"] == "2026-06-30T00:00:00Z"

    def test_what_is_not_due_yet_is_overdue_by_no_day(self):
        found = worklist_document(worklist(owed("acme", "2026-07-01", say="x"), at=instant("2026-07-01")))
        assert found["owners"][0]["today"][0]["overdue_days"] == 0

    def test_a_line_an_entry(self):
        engine = Engine([*ENGINE.rules, broken])
        document = worklist_document(worklist(*SHOWN, pace=Pace(budget=1), engine=engine), known_at=NOW)
        lines = [json.loads(line) for line in as_jsonl(document)]
        assert [(it["owner"], it["client"], it["waiting"]) for it in lines] == [
            ("jo", "bolt", None),
            ("jo", "acme", "budget"),
            ("jo", "calm", "cooldown"),
            (None, "echo", None),
        ]
        assert {(it["version"], it["at"], it["known_at"]) for it in lines} == {(1, *["2026-06-30T00:00:00Z"] * 2)}
        assert [[failure["rule"] for failure in it["failures"]] for it in lines] == [["broken"], [], [], []]

    def test_a_row_an_action(self):
        document = worklist_document(worklist(*SHOWN, owed("bad", say="=1+1", owner="\x1b[31m"), pace=Pace(budget=1)))
        text = b"".join(as_csv(document)).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert tuple(rows[0]) == CSV_COLUMNS
        assert [(it["owner"], it["client"], it["about"], it["waiting"]) for it in rows] == [
            ("\\x1b[31m", "bad", "'=1+1", ""),
            ("jo", "acme", "thanks", ""),
            ("jo", "acme", "sorry", ""),
            ("jo", "calm", "thanks", "cooldown"),
            ("jo", "bolt", "plan", "budget"),
            ("", "echo", "thanks", ""),
        ]
        assert rows[1]["entry"] == rows[2]["entry"] == rows[1]["action"] != rows[2]["action"]
        assert (rows[1]["escalated"], rows[1]["due"], rows[1]["action_due"]) == ("yes", *["2026-05-01T00:00:00Z"] * 2)
        assert (rows[2]["due"], rows[2]["action_due"]) == ("2026-05-01T00:00:00Z", "2026-06-29T18:00:00Z")
        assert rows[4]["escalated"] == "no"

    def test_an_empty_list_has_a_header_alone(self):
        assert b"".join(as_csv(worklist_document(worklist()))).decode() == ",".join(CSV_COLUMNS) + "\r\n"


class TestTable:
    def test_it_is_what_a_person_needs(self):
        lines = shown(*SHOWN, pace=Pace(budget=1)).splitlines()
        ids = {action.about + action.client: action.id for action in worklist(*SHOWN).actions}
        assert lines == [
            "Worklist of 2026-06-30, with what is due by 2026-07-07: 2 for today, 2 waiting.",
            "",
            "jo: 1 for today",
            "",
            "#   client   status    due          overdue              what to do                                value",
            lines[5],
            f"1   acme     healthy   2026-05-01   60 days, escalated   Say thanks. [thanks] ({ids['thanksacme']})   12,000.50",
            f"                       2026-06-29   under a day          Say sorry. [sorry] ({ids['sorryacme']})",
            "",
            "1 more waits for another day, since the budget is used up; the earliest is due 2026-06-29 (1 day overdue).",
            "1 more waits because the client was spoken with lately; the earliest is due 2026-06-25 (5 days overdue), and the first may be spoken with again from 2026-07-03 09:30:00Z.",
            "",
            "Clients without an owner: 1 for today",
            "",
            "#   client   status    due          overdue   what to do",
            lines[15],
            f"1   echo     healthy   2026-06-01   29 days   Say thanks. [thanks] ({ids['thanksecho']})",
            "",
            "--all lists what is waiting, too.",
            "",
            *HINT.splitlines(),
        ]

    def test_with_all_of_it_what_waits_is_listed_and_numbered_on(self):
        text = shown(*SHOWN, pace=Pace(budget=1), everything=True)
        assert "--all" not in text
        rows = [line for line in text.splitlines() if line[:1].isdigit() and " more wait" not in line]
        assert [row.split()[:2] for row in rows] == [["1", "acme"], ["2", "calm"], ["3", "bolt"], ["1", "echo"]]
        assert rows[1].endswith("spoken with on 2026-06-28, again")
        assert "from 2026-07-03 09:30:00Z\n" in text
        assert "another day" in rows[2]

    def test_a_list_on_which_all_waits_says_so(self):
        lines = shown(owed("acme", say="x"), spoke("acme", "2026-06-29"), pace=Pace()).splitlines()
        assert lines[0].endswith(": 0 for today, 1 waiting.")
        assert lines[2] == "Clients without an owner: nothing for today"
        assert lines[-1] == "--all lists what is waiting, too."

    def test_critical_clients_that_wait_for_the_budget_are_counted(self):
        book = [owed(name, "2026-06-02", say="x", name="critical") for name in "abc"]
        text = shown(*book, pace=Pace(budget=1))
        assert "2 more wait for another day, since the budget is used up; the earliest is due 2026-06-02" in text
        assert "Critical clients among them: 2." in text
        assert "ritical clients" not in shown(*book[:1], owed("d", "2026-06-02", say="x"), pace=Pace(budget=1))

    def test_nothing_due_says_so(self):
        assert shown() == "Worklist of 2026-06-30: nothing is due by 2026-07-07.\n"
        assert shown(owners=["jo"]).splitlines()[1:] == ["", "jo: nothing is due"]

    def test_values_have_their_currency_and_texts_are_harmless(self):
        term = Renewed(client="acme", at="2026-01-01", term_end="2027-01-01", value="1200", currency="EUR")
        text = shown(owed("acme", say="\x1b[31m", owner="j\no"), term)
        assert "1,200 EUR" in text
        mixed = shown(owed("acme", say="x", annual_value="1200.5"), owed("bolt", say="x")).splitlines()
        assert [line.endswith("1,200.50") for line in mixed if line[:1].isdigit()] == [True, False]
        assert "\x1b" not in text
        assert "j\\no: 1 for today\n" in text

    def test_what_is_due_in_days_to_come_is_not_overdue(self):
        (engine,) = [Engine(Settings().choose(select=["quiet-client"]))]
        text = shown(spoke("acme", NOW - days(84)), engine=engine)
        assert "2026-07-06             Get in touch" in text


# The command.

LOG = b"".join(
    encode(event) + b"\n"
    for event in (
        Profiled(client="acme", at="2026-01-01", id="p", owner="jo", annual_value=9000),
        Complained(client="acme", at="2026-06-01", id="late", topic="delivery"),
        Profiled(client="bolt", at="2026-01-01", id="p", owner="sam"),
        Engaged(client="calm", at="2026-01-01", id="e"),
        Profiled(client="dusk", at="2026-01-01", id="p", owner="jo"),
        Engaged(client="dusk", at="2026-06-29", id="e"),
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("actions")
    (path / "log.jsonl").write_bytes(LOG)
    return path


def listed(folder, *args, code=0):
    ran = retention("actions", "log.jsonl", *AT, "--format", "json", *args, cwd=folder)
    assert (ran.code, ran.err) == (code, ""), ran.err
    return {
        owner["owner"]: ([it["client"] for it in owner["today"]], [it["client"] for it in owner["waiting"]])
        for owner in json.loads(ran.out)["owners"]
    }


class TestCommand:
    def test_it_lists_what_is_due_by_owner(self, folder):
        assert listed(folder) == {"jo": (["acme"], []), "sam": (["bolt"], []), None: (["calm"], [])}

    @pytest.mark.parametrize(
        ("args", "owners"),
        [
            (["--owner", "jo"], ["jo"]),
            (["--owner", "sam", "--owner", "jo"], ["jo", "sam"]),
            (["--unowned"], [None]),
            (["--unowned", "--owner", "sam"], ["sam", None]),
        ],
    )
    def test_an_owner_can_be_asked_for(self, folder, args, owners):
        assert list(listed(folder, *args)) == owners

    def test_an_owner_misspelt_is_refused(self, folder):
        ran = retention("actions", "log.jsonl", *AT, "--owner", "jo", "--owner", "smm", cwd=folder)
        assert (ran.code, ran.out) == (2, b"")
        assert "Error: --owner: no client is looked after by 'smm'; did you mean 'sam'?" in ran.err

    def test_the_actions_are_those_that_replay_lists(self, folder):
        listing = retention("actions", "log.jsonl", *AT, "--format", "jsonl", "--ahead", "90d", cwd=folder)
        replayed = retention("replay", "log.jsonl", *AT, "--format", "json", "--ahead", "90d", cwd=folder)
        entries = [json.loads(line) for line in listing.out.splitlines()]
        expected = [action for client in json.loads(replayed.out)["clients"] for action in client["actions"]]
        by_id = {action["id"]: action for entry in entries for action in entry["actions"]}
        assert by_id == {action["id"]: action for action in expected}
        assert len(expected) == len(by_id) == 5

    def test_the_budget_goes_before_that_of_the_settings(self, folder, tmp_path):
        settings = tmp_path / "own.toml"
        settings.write_text('[worklist]\nbudget = 1\ncooldown = "0 days"\n')
        with_settings = ["--owner", "jo", "--ahead", "180d", "--settings", str(settings)]
        assert listed(folder, *with_settings) == {"jo": (["acme"], ["dusk"])}
        assert listed(folder, *with_settings, "--budget", "2") == {"jo": (["acme", "dusk"], [])}
        assert listed(folder, *with_settings, "--budget", "0") == {"jo": (["acme", "dusk"], [])}

    def test_rules_and_what_was_known_can_be_chosen(self, folder, tmp_path):
        assert listed(folder, "--select", "open-complaint") == {"jo": (["acme"], [])}
        assert listed(folder, "--select", "lapsed-term") == {}
        (tmp_path / "log.jsonl").write_text(
            '{"client": "acme", "kind": "complained", "at": "2026-06-01", "id": "c", "recorded_at": "2026-06-20"}\n'
        )
        assert listed(tmp_path, "--known-at", "2026-06-19") == {}
        assert listed(tmp_path, "--known-at", "2026-06-20") == {None: (["acme"], [])}

    def test_the_table_and_the_table_for_spreadsheets(self, folder):
        table = retention("actions", "log.jsonl", *AT, "--all", cwd=folder)
        assert (table.code, table.err) == (0, "")
        assert table.text.startswith("Worklist of 2026-06-30, with what is due by 2026-07-07: 3 for today.\n\njo: 1")
        assert table.text.endswith(HINT)
        rows = retention("actions", "log.jsonl", *AT, "--format", "csv", cwd=folder)
        assert [row["client"] for row in csv.DictReader(io.StringIO(rows.text, newline=""))] == [
            *["acme"] * 2,
            "bolt",
            "calm",
        ]

    def test_on_a_terminal_every_id_can_be_read(self, folder, tmp_path):
        shown = on_a_terminal("actions", folder / "log.jsonl", *AT, cwd=tmp_path)
        assert shown.code == 0
        text = shown.text.replace("\r\n", "\n")
        entries = json.loads(retention("actions", "log.jsonl", *AT, "--format", "json", cwd=folder).out)["owners"]
        for action in (it for owner in entries for entry in owner["today"] for it in entry["actions"]):
            assert f"({action['id']})" in text

    @pytest.mark.parametrize("how", ["table", "json", "jsonl", "csv"])
    def test_a_rule_that_fails_is_told_and_the_list_is_printed(self, folder, how, monkeypatch):
        engine = Engine([broken, *Settings().choose()])
        monkeypatch.setattr(RuleChoice, "with_book_rules", lambda _: (engine, ()))
        ran = CliRunner().invoke(main, ["actions", str(folder / "log.jsonl"), *AT, "--format", how])
        assert ran.exit_code == 4
        assert ran.stderr.startswith("Error: rule broken failed for bolt: ValueError: no luck (")
        assert "acme" in ran.stdout
        assert "bolt" in ran.stdout
        ran = CliRunner().invoke(main, ["actions", str(folder / "log.jsonl"), *AT, "--owner", "jo"])
        assert (ran.exit_code, ran.stderr) == (0, "")

    def test_bad_input_and_bad_settings_are_refused(self, tmp_path):
        (tmp_path / "log.jsonl").write_text('{"client": "acme"}\n')
        assert retention("actions", "log.jsonl", *AT, cwd=tmp_path).code == 3
        (tmp_path / "retention.toml").write_text("[worklist]\nbugdet = 3\n")
        ran = retention("actions", "log.jsonl", *AT, cwd=tmp_path)
        assert ran.code == 2
        assert "worklist.bugdet: no such setting; did you mean 'budget'?" in ran.err


class TestSettings:
    def test_they_are_read(self):
        settings = Settings.from_table({"worklist": {"budget": 8, "cooldown": "1 week", "escalate": "36h"}})
        assert settings.worklist == Pace(budget=8, cooldown=days(7), escalate=timedelta(hours=36))
        assert Settings.from_table({"worklist": {"budget": 0}}).worklist == Pace(budget=0)
        assert (
            Settings().worklist
            == Settings.from_table({}).worklist
            == Pace(budget=5, cooldown=days(5), escalate=days(30))
        )

    def test_every_mistake_is_told_with_its_path(self):
        with pytest.raises(SettingsError) as caught:
            Settings.from_table(
                {"worklist": {"budget": -1, "cooldown": 5, "escalate": "1 fortnight", "coldown": "1 day", "per_day": 3}}
            )
        assert caught.value.problems == (
            "settings: worklist.budget: expected a whole number, 0 for no limit, got -1",
            "settings: worklist.cooldown: expected a duration such as '30 days', got 5",
            "settings: worklist.escalate: '1 fortnight' is not a duration; write '30 days', '30d', '2 weeks' or '12 hours'",
            "settings: worklist.coldown: no such setting; did you mean 'cooldown'? (there are: budget, cooldown, escalate)",
            "settings: worklist.per_day: no such setting (there are: budget, cooldown, escalate)",
        )

    @pytest.mark.parametrize("value", [True, 1.5, "5", {}])
    def test_a_budget_is_a_whole_number(self, value):
        with pytest.raises(SettingsError, match=r"worklist\.budget: expected a whole number, 0 for no limit, got "):
            Settings.from_table({"worklist": {"budget": value}})

    def test_the_table_must_be_one(self):
        with pytest.raises(SettingsError, match=r"worklist: expected a table, \[worklist\], got 5"):
            Settings.from_table({"worklist": 5})
