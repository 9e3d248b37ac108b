"""Rules at work: statuses, judgements, actions, what comes next, and rules that fail."""

import inspect
from datetime import UTC, datetime, timedelta, timezone

import pytest

from given import EVERYTHING, client_of
from retention_engine import (
    BUILT_IN,
    Action,
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    BoundRule,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Findings,
    Health,
    Judged,
    Left,
    Renewed,
    days,
    instant,
    rule,
)
from retention_engine.errors import RetentionError, RuleError, UnknownClient
from retention_engine.rules import complaints, contact, renewal

MICROSECOND = timedelta(microseconds=1)
ENGINE_FILE = inspect.getfile(Engine)
FIRST = Engaged(client="acme", at="2026-01-01", id="e1")
ACME = client_of(FIRST)
JUNE = instant("2026-06-01")

ESSENTIALS = Engine(
    [
        contact.quiet_client,
        contact.unheard_client,
        contact.handoff_gap,
        complaints.open_complaint,
        renewal.lapsed_term,
        renewal.departed_client,
    ]
)


def judged(at, level, **fields):
    return Judged(client="acme", at=at, level=level, reason="I met them.", **fields)


class TestEngine:
    def test_rules_run_in_the_order_of_their_names(self):
        names = [bound.name for bound in Engine([contact.quiet_client, complaints.open_complaint]).rules]
        assert names == ["open-complaint", "quiet-client"]

    def test_two_rules_of_one_name_are_refused(self):
        @rule
        def quiet_client(client: Client) -> Findings:
            """Another one."""
            yield from ()

        message = f"two rules are named 'quiet-client', in retention_engine.rules.contact and {__name__}"
        with pytest.raises(RuleError, match=message):
            Engine([contact.quiet_client, quiet_client])

    def test_what_is_no_rule_is_refused(self):
        with pytest.raises(RuleError, match="is no rule; decorate it with @rule"):
            Engine([days])

    def test_without_rules_a_client_is_healthy(self):
        found = Engine([]).assess(ACME, at=JUNE)
        assert (found.status, found.concerns, found.actions, found.next_change) == (Health.HEALTHY, (), (), None)

    def test_nothing_is_said_of_a_client_of_whom_nothing_is_known(self):
        with pytest.raises(UnknownClient, match="nothing is known of the client 'acme' as of 2025-12-31T00:00:00"):
            EVERYTHING.assess(ACME, at=instant("2025-12-31"))
        only_actions = client_of(ActionDone(client="acme", at="2026-01-01", action="a"))
        assert EVERYTHING.schedule(only_actions).concerns == ()
        with pytest.raises(UnknownClient):
            EVERYTHING.assess(only_actions, at=JUNE)

    def test_a_moment_may_be_of_any_zone_but_must_have_one(self):
        there = datetime(2026, 4, 1, 2, tzinfo=timezone(timedelta(hours=2)))
        assert ESSENTIALS.assess(ACME, at=there).status is Health.WATCH
        assert ESSENTIALS.assess(ACME, at=there - MICROSECOND).status is Health.HEALTHY
        with pytest.raises(RetentionError, match="has no time zone"):
            ESSENTIALS.assess(ACME, at=datetime(2026, 4, 1))  # noqa: DTZ001 - that is the mistake


class TestAssessment:
    def test_the_status_is_the_worst_level_in_force(self):
        client = client_of(FIRST, Complained(client="acme", at="2026-03-30", id="c1", severity="critical"))
        levels = {
            "2026-01-01": "healthy",
            "2026-03-30": "watch",
            "2026-04-06": "critical",
            "2026-06-01": "critical",
        }
        for moment, level in levels.items():
            assert str(ESSENTIALS.assess(client, at=instant(moment)).status) == level

    def test_concerns_are_sorted_worst_first_then_by_start_rule_and_subject(self):
        complaint = [
            Complained(client="acme", at=at, id=id_)
            for at, id_ in (("2026-01-02", "c2"), ("2026-01-02", "c1"), ("2026-01-01", "c3"))
        ]
        found = ESSENTIALS.assess(client_of(FIRST, *complaint), at=JUNE)
        assert [(str(it.level), it.rule, it.about) for it in found.concerns] == [
            ("at-risk", "open-complaint", "c3"),
            ("at-risk", "open-complaint", "c1"),
            ("at-risk", "open-complaint", "c2"),
            ("at-risk", "quiet-client", None),
            ("unknown", "unheard-client", None),
        ]

    def test_actions_are_sorted_by_when_they_are_due_and_listed_that_far_ahead(self):
        with_actions = (
            "quiet-client",
            "no-introduction",
            "no-referral-given",
            "unthanked-client",
            "unagreed-expectations",
        )
        engine = Engine(BoundRule(it) for it in BUILT_IN if it.name in with_actions)
        found = engine.assess(ACME, at=instant("2026-03-25"))
        assert [action.due for action in found.actions] == sorted(action.due for action in found.actions)
        assert [it.rule for it in found.due()] == ["unagreed-expectations", "quiet-client", "unthanked-client"]
        assert [it.rule for it in found.due(days(7) - MICROSECOND)] == ["unagreed-expectations"]
        a_week_and_a_bit = engine.assess(ACME, at=found.at - MICROSECOND)
        assert [it.rule for it in a_week_and_a_bit.due()] == ["unagreed-expectations"]
        assert len(found.due(days(1000))) == len(found.actions) == 5

    def test_it_shows_the_client_as_of_the_moment(self):
        client = client_of(FIRST, Engaged(client="acme", at="2026-05-01"))
        found = ESSENTIALS.assess(client, at=instant("2026-04-30"))
        assert found.client.events == (FIRST,)
        assert (found.at, found.failures, found.judgement) == (instant("2026-04-30"), (), None)

    def test_what_happens_at_the_moment_is_seen(self):
        client = client_of(FIRST, Engaged(client="acme", at="2026-05-01"))
        assert ESSENTIALS.assess(client, at=instant("2026-05-01")).status is Health.HEALTHY

    def test_a_concern_without_a_message_takes_its_rule_s_first_line(self):
        found = ESSENTIALS.assess(ACME, at=JUNE)
        assert found.concerns[0].message == "Nobody has been in touch with the client for longer than agreed."

    def test_a_concern_with_a_message_keeps_it(self):
        @rule
        def wordy(client: Client) -> Findings:
            """The first line."""
            yield Concern(Health.WATCH, starts=client.since, because=client.first, message="Its own words.")

        assert Engine([wordy]).assess(ACME, at=JUNE).concerns[0].message == "Its own words."

    def test_where_nothing_relevant_happened_the_first_event_is_cited(self):
        client = client_of(Complained(client="acme", at="2026-01-01", id="c1"))
        found = ESSENTIALS.assess(client, at=JUNE)
        assert {it.rule: [event.ref for event in it.because] for it in found.concerns}["quiet-client"] == ["c1"]


class TestLeft:
    GONE = client_of(
        FIRST,
        Complained(client="acme", at="2026-01-02", id="c1", severity="critical"),
        Renewed(client="acme", at="2026-01-03", term_end="2026-02-01"),
        Left(client="acme", at="2026-05-01", id="bye"),
    )

    def test_a_client_that_has_left_has_no_other_concern_and_no_action(self):
        found = ESSENTIALS.assess(self.GONE, at=JUNE)
        assert found.status is Health.LEFT
        assert [it.rule for it in found.concerns] == ["lapsed-term", "departed-client"]
        assert found.actions == found.due(days(1000)) == ()
        assert found.next_change is None

    def test_but_it_had_before(self):
        found = ESSENTIALS.assess(self.GONE, at=instant("2026-02-20"))
        assert found.status is Health.CRITICAL
        assert {"open-complaint", "lapsed-term"} == {it.rule for it in found.concerns if it.level is Health.CRITICAL}
        assert found.actions

    def test_a_person_may_say_so_too(self):
        found = ESSENTIALS.assess(client_of(FIRST, judged("2026-05-01", "left")), at=JUNE)
        assert (found.status, found.concerns, found.actions) == (Health.LEFT, (), ())


class TestJudgement:
    def test_it_replaces_the_computed_status_until_it_expires(self):
        client = client_of(FIRST, judged("2026-05-10", "healthy", until="2026-05-20"))
        levels = {
            "2026-05-09T23:59:59.999999Z": "at-risk",
            "2026-05-10": "healthy",
            "2026-05-19T23:59:59.999999Z": "healthy",
            "2026-05-20": "at-risk",
        }
        for moment, level in levels.items():
            assert str(ESSENTIALS.assess(client, at=instant(moment)).status) == level

    def test_without_an_end_it_lasts_until_another_one(self):
        client = client_of(FIRST, judged("2026-05-10", "healthy"), judged("2030-01-01", "critical", until="2030-01-02"))
        levels = {"2029-12-31": "healthy", "2030-01-01": "critical", "2030-01-02": "at-risk"}
        for moment, level in levels.items():
            assert str(ESSENTIALS.assess(client, at=instant(moment)).status) == level

    def test_the_concerns_and_the_computed_status_stay_visible(self):
        found = ESSENTIALS.assess(client_of(FIRST, judged("2026-05-10", "healthy")), at=JUNE)
        assert found.judgement.reason == "I met them."
        assert [it.rule for it in found.concerns] == ["quiet-client", "unheard-client"]
        assert found.schedule.computed(JUNE) is Health.AT_RISK
        assert found.actions

    def test_its_end_is_a_change(self):
        client = client_of(FIRST, judged("2026-05-10", "healthy", until="2026-07-01"))
        change = ESSENTIALS.assess(client, at=JUNE).next_change
        assert (change.at, change.before, change.after) == (instant("2026-07-01"), Health.HEALTHY, Health.AT_RISK)

    def test_a_schedule_knows_a_judgement_that_is_yet_to_come(self):
        schedule = ESSENTIALS.schedule(client_of(FIRST, judged("2026-05-10", "critical")))
        assert schedule.judged(instant("2026-05-09")) is None
        assert [str(change.after) for change in schedule.changes(instant("2026-01-01"))] == [
            "watch",
            "at-risk",
            "critical",
        ]


class TestChanges:
    def test_they_are_told_in_order_with_the_concerns_behind_them(self):
        found = ESSENTIALS.assess(ACME, at=instant("2026-01-01"))
        told = [
            (change.at.date().isoformat(), str(change.before), str(change.after), [it.rule for it in change.because])
            for change in found.schedule.changes(found.at)
        ]
        assert told == [
            ("2026-04-01", "healthy", "watch", ["quiet-client"]),
            ("2026-05-01", "watch", "at-risk", ["quiet-client"]),
        ]
        assert found.next_change.at == instant("2026-04-01")

    def test_a_change_for_the_better_names_what_ends(self):
        client = client_of(*(Complained(client="acme", at=f"2026-01-0{day}", id=f"c{day}") for day in (1, 2, 3)))
        change = next(iter(Engine([complaints.repeated_complaints]).schedule(client).changes(client.events[-1].at)))
        assert (str(change.before), str(change.after)) == ("at-risk", "healthy")
        assert [it.rule for it in change.because] == ["repeated-complaints"]
        assert change.at == client.since + days(90)

    def test_a_boundary_at_which_the_status_stays_is_none(self):
        client = client_of(FIRST, Complained(client="acme", at="2026-01-01", id="c1"))
        engine = Engine([contact.quiet_client, complaints.open_complaint])
        found = engine.assess(client, at=instant("2026-01-08"))
        assert instant("2026-05-01") in found.schedule.boundaries
        assert found.next_change is None

    def test_boundaries_are_every_start_and_end_once_and_in_order(self):
        schedule = ESSENTIALS.schedule(client_of(FIRST, judged("2026-04-01", "watch", until="2026-04-15")))
        assert [moment.date().isoformat() for moment in schedule.boundaries] == [
            "2026-04-01",
            "2026-04-15",
            "2026-05-01",
        ]


class TestActions:
    def action(self, client=ACME):
        return next(it for it in ESSENTIALS.assess(client, at=JUNE).actions if it.rule == "quiet-client")

    def open_rules(self, *events, at=JUNE):
        return [action.rule for action in ESSENTIALS.assess(client_of(FIRST, *events), at=at).actions]

    def test_open_until_done(self):
        done = ActionDone(client="acme", at="2026-05-01", action=self.action().id)
        assert self.open_rules(done, at=instant("2026-04-30")) == ["quiet-client"]
        assert self.open_rules(done, at=instant("2026-05-01")) == []

    def test_open_until_dismissed(self):
        dismissed = ActionDismissed(client="acme", at="2026-05-01", action=self.action().id, reason="no")
        assert self.open_rules(dismissed) == []

    def test_hidden_while_snoozed(self):
        snoozed = ActionSnoozed(client="acme", at="2026-05-01", action=self.action().id, until="2026-06-01")
        assert self.open_rules(snoozed, at=instant("2026-04-30")) == ["quiet-client"]
        assert self.open_rules(snoozed, at=JUNE - MICROSECOND) == []
        assert self.open_rules(snoozed, at=JUNE) == ["quiet-client"]

    def test_the_latest_snooze_counts(self):
        first = ActionSnoozed(client="acme", at="2026-05-01", action=self.action().id, until="2027-01-01")
        second = ActionSnoozed(client="acme", at="2026-05-02", action=self.action().id, until="2026-05-15")
        assert self.open_rules(first, second) == ["quiet-client"]
        assert self.open_rules(second, first) == ["quiet-client"]

    def test_snoozing_does_not_bring_back_what_was_done(self):
        done = ActionDone(client="acme", at="2026-05-01", action=self.action().id)
        snoozed = ActionSnoozed(client="acme", at="2026-05-02", action=self.action().id, until="2026-05-03")
        assert self.open_rules(done, snoozed) == []

    def test_other_actions_are_not_touched(self):
        assert self.open_rules(ActionDone(client="acme", at="2026-05-01", action="another")) == ["quiet-client"]

    def test_new_evidence_makes_a_new_action(self):
        done = ActionDone(client="acme", at="2026-05-01", action=self.action().id)
        later = Engaged(client="acme", at="2026-05-02", id="e9")
        assert self.open_rules(done, later) == ["quiet-client"]

    def test_it_knows_its_client_and_rule(self):
        action = self.action()
        assert (action.client, action.rule, [event.ref for event in action.because]) == ("acme", "quiet-client", ["e1"])

    def test_clients_do_not_share_actions(self):
        other = Client.from_events("other", [Engaged(client="other", at="2026-01-01", id="e1")])
        assert self.action(other).id != self.action().id


@rule
def states_and_raises(client: Client) -> Findings:
    """Fails half-way."""
    yield Concern(Health.CRITICAL, starts=client.since, because=client.first)
    raise LookupError("no\nsuch   thing")


@rule
def raises_silently(client: Client) -> Findings:
    """Fails without a text."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    raise Mute
    yield


@rule
def yields_garbage(client: Client) -> Findings:
    """States what is no finding."""
    yield "at risk"


@rule
def yields_nothing_at_all(client: Client) -> Findings:
    """Is no generator."""


@rule
def naive_start(client: Client) -> Findings:
    """States a time without a zone."""
    yield Concern(Health.WATCH, starts=datetime(2026, 1, 1), because=client.first)  # noqa: DTZ001 - that is the mistake


@rule
def naive_due(client: Client) -> Findings:
    """Recommends for a time without a zone."""
    yield Action("Call.", due=datetime(2026, 1, 1), because=client.first)  # noqa: DTZ001 - that is the mistake


@rule
def too_far(client: Client) -> Findings:
    """States what no calendar has."""
    yield Concern(Health.WATCH, starts=client.since + days(3_000_000), because=client.first)


@rule
def cites_nothing(client: Client) -> Findings:
    """Gives no evidence."""
    yield Concern(Health.WATCH, starts=client.since, because=[])


@rule
def cites_a_text(client: Client) -> Findings:
    """Gives an id as evidence."""
    yield Action("Call.", due=client.since, because="e1")


@rule
def two_levels_at_once(client: Client) -> Findings:
    """Contradicts itself."""
    yield Concern(Health.WATCH, starts=client.since, until=client.since + days(2), because=client.first)
    yield Concern(Health.AT_RISK, starts=client.since + days(1), because=client.first)


@rule
def two_levels_for_ever(client: Client) -> Findings:
    """Contradicts itself about something."""
    yield Concern(Health.WATCH, starts=client.since + days(9), because=client.first, about="x")
    yield Concern(Health.AT_RISK, starts=client.since, because=client.first, about="x")


@rule
def one_action_twice(client: Client) -> Findings:
    """Recommends two things in one name."""
    yield Action("Call.", due=client.since, because=client.first)
    yield Action("Write.", due=client.since, because=client.first)


@rule
def about_an_event(client: Client) -> Findings:
    """Names an event instead of its id."""
    yield Concern(Health.WATCH, starts=client.since, because=client.first, about=client.first)


class TestFailures:
    @pytest.mark.parametrize(
        ("broken", "cause"),
        [
            (states_and_raises, "LookupError: no such thing ("),
            (raises_silently, "Mute: (without a text) ("),
            (yields_garbage, "RuleError: yields 'at risk'; a rule yields Concern and Action"),
            (yields_nothing_at_all, "RuleError: returns None; a rule yields Concern and Action"),
            (naive_start, "RuleError: 2026-01-01T00:00:00 has no time zone"),
            (naive_due, "RuleError: 2026-01-01T00:00:00 has no time zone"),
            (too_far, "OverflowError: date value out of range"),
            (cites_nothing, "RuleError: cites no event; give because=, an event or several"),
            (cites_a_text, "RuleError: cites 'e', which is no event"),
            (two_levels_at_once, "RuleError: states two levels at once; end one where the other starts"),
            (two_levels_for_ever, "RuleError: states two levels at once about 'x'; end one"),
            (one_action_twice, "RuleError: recommends two actions about one thing on one evidence; tell them apart"),
            (about_an_event, "RuleError: expected a text as about, got Engaged("),
        ],
    )
    def test_a_failure_is_a_value_and_the_others_stand(self, broken, cause):
        found = Engine([contact.quiet_client, broken]).assess(ACME, at=instant("2026-01-02"))
        (failure,) = found.failures
        assert (failure.rule, failure.client) == (broken.__name__.replace("_", "-"), "acme")
        assert failure.cause.startswith(cause)
        assert "\n" not in failure.cause
        assert ENGINE_FILE not in failure.cause
        assert found.status is Health.UNKNOWN
        assert found.concerns == ()
        assert [action.rule for action in found.actions] == ["quiet-client"]
        assert [str(change.after) for change in found.schedule.changes(found.at)] == ["watch", "at-risk"]

    def test_the_cause_says_on_which_line(self):
        (failure,) = Engine([states_and_raises]).schedule(ACME).failures
        line = states_and_raises.__code__.co_firstlineno + 4
        assert failure.cause == f"LookupError: no such thing ({__file__}:{line})"

    def test_a_judgement_is_no_better_than_unknown_either(self):
        client = client_of(FIRST, judged("2026-01-02", "healthy"))
        assert Engine([yields_garbage]).assess(client, at=JUNE).status is Health.UNKNOWN
        client = client_of(FIRST, judged("2026-01-02", "critical"))
        assert Engine([yields_garbage]).assess(client, at=JUNE).status is Health.CRITICAL

    def test_several_may_fail(self):
        found = Engine([yields_garbage, cites_nothing]).assess(ACME, at=JUNE)
        assert [failure.rule for failure in found.failures] == ["cites-nothing", "yields-garbage"]

    def test_a_person_who_stops_the_program_stops_it(self):
        @rule
        def interrupted(client: Client) -> Findings:
            """Takes long."""
            raise KeyboardInterrupt
            yield

        with pytest.raises(KeyboardInterrupt):
            Engine([interrupted]).assess(ACME, at=JUNE)


class TestWhatRulesMayState:
    def test_empty_intervals_are_no_findings(self):
        @rule
        def empty(client: Client) -> Findings:
            """Nothing."""
            yield Concern(Health.CRITICAL, starts=client.since, until=client.since, because=client.first)
            yield Concern(Health.CRITICAL, starts=client.since, until=client.since - days(1), because=client.first)

        schedule = Engine([empty]).schedule(ACME)
        assert (schedule.concerns, schedule.failures) == ((), ())

    def test_levels_that_follow_each_other_and_levels_about_different_things(self):
        @rule
        def several(client: Client) -> Findings:
            """Several things."""
            yield Concern(Health.AT_RISK, starts=client.since + days(1), because=client.first)
            yield Concern(Health.WATCH, starts=client.since, until=client.since + days(1), because=client.first)
            yield Concern(Health.WATCH, starts=client.since, because=client.first, about="x")
            yield Concern(Health.WATCH, starts=client.since, because=client.first, about="y")
            yield Action("Call.", due=client.since, because=client.first)
            yield Action("Call.", due=client.since, because=client.first, about="x")

        found = Engine([several]).assess(ACME, at=ACME.since + days(1))
        assert found.failures == ()
        assert [(str(it.level), it.about) for it in found.concerns] == [
            ("at-risk", None),
            ("watch", "x"),
            ("watch", "y"),
        ]
        assert len({action.id for action in found.actions}) == 2

    def test_a_rule_is_called_with_the_client_as_of_the_moment(self):
        seen = []

        @rule
        def curious(client: Client) -> Findings:
            """Looks around."""
            seen.append(client.events)
            yield from ()

        client = client_of(FIRST, Engaged(client="acme", at="2026-05-01"))
        Engine([curious]).assess(client, at=datetime(2026, 4, 1, tzinfo=UTC))
        assert seen == [(FIRST,)]
