"""The kit for tests of rules: histories in few words, what a rule says of them, and failures that can be read."""

import re
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated, ClassVar, Literal, get_type_hints

import attrs
import hypothesis
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from msgspec import Meta

from retention_engine import (
    BOOK_RULES,
    BUILT_IN,
    KINDS,
    Action,
    BoundRule,
    Client,
    Concern,
    Engaged,
    Event,
    Findings,
    Health,
    Left,
    Profiled,
    contact,
    days,
    decode,
    encode,
    instant,
    rule,
    rule_of,
    testing,
)
from retention_engine.errors import (
    EventError,
    ExtraMissing,
    KindError,
    QuestionError,
    RuleError,
    SettingsError,
    UnknownClient,
)
from retention_engine.events import ActionDismissed, ActionDone, ActionSnoozed
from retention_engine.moments import InstantError
from retention_engine.schema import Amount, Identifier, Instant, schema_of
from retention_engine.testing import (
    NOTHING,
    Stated,
    act,
    action_dismissed,
    action_done,
    action_snoozed,
    assert_on,
    assert_schedule,
    at_risk,
    complained,
    critical,
    engaged,
    events_of_kind,
    given,
    happened,
    has_left,
    histories,
    instants,
    introduced,
    judged,
    left,
    measured,
    on,
    profiled,
    referred,
    renewed,
    resolved,
    retracted,
    schedule,
    unknown,
    watch,
)
from retention_engine.testing.writing import client_code, event_code

SHORTHANDS = {
    function.__name__: function
    for function in (
        *(engaged, introduced, referred, complained, renewed, resolved, profiled, measured, left, judged, retracted),
        *(action_done, action_snoozed, action_dismissed),
    )
}
REQUIRED = {
    "referred": {"direction": "given"},
    "resolved": {"complaint": "e1"},
    "measured": {"measure": "leads", "value": 9, "target": "10.5"},
    "judged": {"level": "watch", "reason": "I met them."},
    "retracted": {"event": "e1"},
    "action_done": {"action": "a1"},
    "action_snoozed": {"action": "a1", "until": "2026-02-01"},
    "action_dismissed": {"action": "a1", "reason": "no"},
}


@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    """A kind of one's own."""

    kind: ClassVar[str] = "acme.invoice_sent"

    amount: Amount = Decimal(0)
    due: Instant | None = None


@rule(tiers={"key": {"every": days(30)}})
def quiet_account(client: Client, *, every: timedelta = days(90), words: tuple[str, ...] = ()) -> Findings:
    """Nobody has been in touch for too long."""
    latest = client.latest(contact)
    due = client.base(contact) + every
    yield Concern(Health.WATCH, starts=due - days(10), until=due, because=latest)
    yield Concern(Health.AT_RISK, starts=due, because=latest)
    yield Action(f"Call{''.join(words)}.", due=due, because=latest)


@rule
def open_wound(client: Client) -> Findings:
    """A complaint is open."""
    for complaint in client.open_complaints:
        yield Concern(Health.WATCH, starts=complaint.at, because=complaint, about=complaint.ref)


@rule
def gone(client: Client) -> Findings:
    """The client has left."""
    if last := client.latest(Left):
        yield Concern(Health.LEFT, starts=last.at, because=last)
        yield Action("Ask why.", due=last.at, because=last)


@rule
def broken(client: Client) -> Findings:
    """It can't cope."""
    yield Concern(Health.WATCH, starts=client.of(InvoiceSent)[0].at, because=client.first)


@rule
def means_nothing(client: Client) -> Findings:
    """A concern that is none."""
    yield Concern(Health.HEALTHY, starts=client.since, because=client.first)


CALL = given(engaged("2026-01-01"), tier="key")


class TestShorthands:
    def test_there_is_one_for_each_kind_of_the_package(self):
        assert SHORTHANDS.keys() == KINDS.keys()

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_builds_its_kind(self, kind):
        fields = REQUIRED.get(kind, {})
        event = SHORTHANDS[kind]("2026-01-01", id="x", by="jo", note="n", recorded_at="2026-01-03", **fields)
        expected = KINDS[kind](
            client="acme", at="2026-01-01", id="x", by="jo", note="n", recorded_at=instant("2026-01-03"), **fields
        )
        assert event == expected
        assert event.recorded_at == expected.recorded_at

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_declares_the_fields_of_its_kind(self, kind):
        declared = get_type_hints(SHORTHANDS[kind])["fields"].__args__[0]
        schema = schema_of(KINDS[kind])
        assert set(get_type_hints(declared)) == set(schema.attribute.values()) - {"client", "at"}
        assert {name.removesuffix("_") for name in declared.__required_keys__} == schema.required - {"client", "at"}

    @pytest.mark.parametrize("at", ["2026-01-01", "2026-01-01T01:00:00+01:00", date(2026, 1, 1), instant("2026-01-01")])
    def test_an_instant_is_a_text_a_date_or_a_datetime(self, at):
        assert engaged(at).at == datetime(2026, 1, 1, tzinfo=UTC)

    def test_a_kind_of_ones_own_happens_too(self):
        assert happened(InvoiceSent, "2026-01-01", amount=3) == InvoiceSent(client="acme", at="2026-01-01", amount=3)

    def test_a_field_that_is_a_word_of_python_has_the_name_of_its_attribute(self):
        assert engaged("2026-01-01", with_=("Nora",)).with_ == ("Nora",)

    @pytest.mark.parametrize(
        ("mistake", "message"),
        [
            (lambda: engaged("2026-01-01", purpos="review"), "purpos: .* did you mean 'purpose'"),
            (lambda: engaged("2026-01-32"), "at: '2026-01-32' is no time that exists"),
            (lambda: engaged(datetime(2026, 1, 1)), "at: .* has no time zone"),  # noqa: DTZ001 - that is the mistake
            (lambda: engaged("2026-01-01", purpose="Review"), "purpose: 'Review' is no slug"),
            (lambda: referred("2026-01-01"), "direction: is missing, and must be given"),
            (
                lambda: renewed("2026-01-01", term_start="2026-02-01", term_end="2026-01-01"),
                "must lie after term_start",
            ),
        ],
    )
    def test_a_mistake_names_the_field_and_what_to_do(self, mistake, message):
        with pytest.raises(EventError, match=message):
            mistake()

    @pytest.mark.parametrize("kind", ["engaged", int, Engaged(client="acme", at="2026-01-01")])
    def test_only_a_class_of_events_can_happen(self, kind):
        with pytest.raises(KindError, match="expected a class of events, such as Engaged"):
            happened(kind, "2026-01-01")


class TestGiven:
    def test_events_are_in_order_of_time_and_ties_in_the_order_given(self):
        client = given(engaged("2026-01-02", note="b"), engaged("2026-01-01"), engaged("2026-01-02", note="a"))
        assert [(event.position, event.note) for event in client.events] == [(2, None), (1, "b"), (3, "a")]

    def test_the_client_is_the_one_named(self):
        client = given(engaged("2026-01-01"), client="Büro 7")
        assert client.id == "Büro 7"
        assert {event.client for event in client.events} == {"Büro 7"}

    def test_the_events_handed_over_stay_as_they_are(self):
        call = engaged("2026-01-01")
        given(call, client="other")
        assert (call.client, call.position) == ("acme", 0)

    def test_a_profile_holds_from_the_first_event_on_and_does_not_come_before_it(self):
        client = given(
            engaged("2026-02-01"), engaged("2026-01-01"), tier="key", owner="jo", name="Acme Ltd", cadence_days=14
        )
        assert (client.tier, client.owner, client.name, client.cadence) == ("key", "jo", "Acme Ltd", days(14))
        assert client.since == client.latest(Profiled).at == instant("2026-01-01")
        assert isinstance(client.first, Engaged)
        assert client.first.ref == "#2"

    def test_without_events_there_is_a_client_of_whom_nothing_is_known(self):
        assert not given()
        assert schedule(quiet_account, given()) == NOTHING

    def test_what_is_retracted_does_not_count(self):
        client = given(engaged("2026-01-01"), engaged("2026-02-01", id="e2"), retracted("2026-02-02", event="e2"))
        assert [event.ref for event in client.events] == ["#1"]

    @pytest.mark.parametrize(
        ("mistake", "message"),
        [
            (
                lambda: given("2026-01-01"),
                r"expected events, such as engaged\('2026-01-01'\); number 1 is '2026-01-01'",
            ),
            (lambda: given([engaged("2026-01-01")]), "number 1 is"),
            (lambda: given(engaged("2026-01-01"), Engaged(client="b", at="2026-01-01")), "number 2 is an event of 'b'"),
            (lambda: given(engaged("2026-01-01"), client=""), "client: expected 1 to 200 characters"),
            (lambda: given(engaged("2026-01-01"), teir="key"), "teir: .* did you mean 'tier'"),
            (lambda: given(engaged("2026-01-01"), tier="Key"), "tier: 'Key' is no slug"),
            (lambda: given(tier="key"), "tier: a profile needs a first event"),
            (lambda: given(engaged("2026-01-01", id="a"), left("2026-01-02", id="a")), "id: 'a' was used for another"),
            (lambda: given(retracted("2026-01-02", event="a")), "event: 'acme' has no event with the id 'a'"),
        ],
    )
    def test_a_mistake_says_what_is_wrong(self, mistake, message):
        with pytest.raises(EventError, match=message):
            mistake()


class TestSchedule:
    def test_it_is_all_that_a_rule_states_in_order_of_time(self):
        assert schedule(quiet_account, CALL) == [
            watch(since="2026-01-21", until="2026-01-31"),
            at_risk(since="2026-01-31"),
            act(due="2026-01-31"),
        ]

    def test_it_tells_about_what_and_because_of_what(self):
        client = given(complained("2026-01-02", id="c2"), complained("2026-01-01"), engaged("2026-03-01"))
        assert schedule(open_wound, client) == [
            watch(since="2026-01-01", about="#2", because="#2", message="A complaint is open."),
            watch(since="2026-01-02", about="c2", because=complained("2026-01-02", id="c2")),
        ]

    def test_settings_hold_for_every_tier(self):
        changed = [watch(since="2026-01-01", until="2026-01-11"), at_risk(since="2026-01-11"), act(due="2026-01-11")]
        assert schedule(quiet_account, CALL, every=days(10)) == changed
        assert schedule(quiet_account, given(engaged("2026-01-01")), every=days(10)) == changed
        yearly = BoundRule(rule_of(quiet_account), values={"words": ("!",)}, tier_values={"key": {"every": days(365)}})
        assert schedule(yearly, CALL)[-1] == act(due="2027-01-01", message="Call!.")
        assert schedule(yearly, CALL, every=days(10)) == [*changed[:2], act(due="2026-01-11", message="Call!.")]

    def test_a_rule_may_come_as_the_engine_has_it(self):
        built_in = next(it for it in BUILT_IN if it.name == "quiet-client")
        assert schedule(built_in, CALL) == [at_risk(since="2026-01-31"), act(due="2026-01-31")]

    def test_a_finding_of_the_level_healthy_can_be_looked_at(self):
        assert repr(schedule(means_nothing, CALL)) == '[<healthy(since="2026-01-01")>]'

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"evry": days(1)}, "rule quiet-account: evry: no such setting; did you mean 'every'?"),
            ({"every": 30}, "rule quiet-account: every: expected timedelta, as in datetime.timedelta(days=90); got 30"),
            ({"words": ["a"]}, "rule quiet-account: words: expected tuple[str, ...], as in (); got ['a']"),
        ],
    )
    def test_settings_must_exist_and_fit(self, wrong, message):
        with pytest.raises(SettingsError) as caught:
            schedule(quiet_account, CALL, **wrong)
        assert str(caught.value) == message

    def test_a_rule_that_fails_raises_what_it_raised_with_its_name_and_the_client(self):
        with pytest.raises(IndexError) as caught:
            schedule(broken, CALL)
        assert caught.value.__notes__ == ["raised by the rule broken, asked about the client 'acme'"]

    @pytest.mark.parametrize(
        ("mistake", "error", "message"),
        [
            (lambda: schedule(CALL, quiet_account), RuleError, "in each other's place"),
            (lambda: on(quiet_account, CALL, "2026-01-01"), RuleError, "in each other's place"),
            (lambda: schedule(lambda client: (), CALL), RuleError, "is no rule"),
            (lambda: schedule(quiet_account, "acme"), QuestionError, r"expected a client, such as given\("),
            (lambda: schedule(quiet_account, []), QuestionError, "expected a client"),
            (lambda: schedule(quiet_account, [CALL, CALL]), QuestionError, "is about one client, and is given 2"),
            (lambda: on(CALL, quiet_account, "tomorrow"), InstantError, "is not an RFC 3339 instant"),
            (
                lambda: assert_schedule(quiet_account, CALL, watch(since="2026-01-01")),
                QuestionError,
                "is a list such as",
            ),
        ],
    )
    def test_what_can_not_be_asked_says_why(self, mistake, error, message):
        with pytest.raises(error, match=message):
            mistake()


class TestOn:
    @pytest.mark.parametrize(
        ("at", "expected"),
        [
            ("2026-01-20T23:59:59Z", NOTHING),
            ("2026-01-21", [watch(since="2026-01-21", until="2026-01-31")]),
            ("2026-01-31", [at_risk(since="2026-01-31"), act(due="2026-01-31")]),
        ],
    )
    def test_it_is_what_is_in_force_and_due(self, at, expected):
        assert on(CALL, quiet_account, at) == expected

    def test_what_happens_later_is_not_seen(self):
        client = given(engaged("2026-01-01"), engaged("2026-02-10"), tier="key")
        assert on(client, quiet_account, "2026-02-09") == [at_risk(since="2026-01-31"), act(due="2026-01-31")]
        assert on(client, quiet_account, "2026-02-10") == NOTHING

    def test_an_action_that_was_carried_out_is_not_due(self):
        found = next(iter(quiet_account(CALL, every=days(30))))
        call = Action("", due=found.starts, because=found.because, rule="quiet-account", client="acme")
        client = given(engaged("2026-01-01"), action_done("2026-01-31", action=call.id), tier="key")
        assert on(client, quiet_account, "2026-02-01") == [at_risk(since="2026-01-31")]
        assert act(due="2026-01-31") in schedule(quiet_account, client)

    def test_a_client_that_has_left_has_nothing_to_be_done(self):
        client = given(engaged("2026-01-01"), left("2026-02-01"))
        assert on(client, gone, "2026-02-01") == [has_left(since="2026-02-01")]

    def test_settings_can_be_given(self):
        assert on(CALL, quiet_account, "2026-01-11", every=days(10))[0] == at_risk(since="2026-01-11")

    def test_before_the_first_event_nothing_is_known(self):
        with pytest.raises(UnknownClient, match="known of 'acme' on 2025-12-31; the first event is of 2026-01-01"):
            on(CALL, quiet_account, "2025-12-31")


class TestRulesAboutTheBook:
    UNOWNED = next(it for it in BOOK_RULES if it.name == "unowned-book")
    CALLS = next(it for it in BOOK_RULES if it.name == "uncalled-best-clients")
    BOOK = (
        given(engaged("2026-01-01"), client="a", annual_value=1000),
        given(engaged("2026-01-02"), client="b", owner="jo"),
    )

    def test_they_are_asked_about_several_clients(self):
        assert schedule(self.CALLS, self.BOOK) == [
            watch(since="2026-01-01", because="#1"),
            act(due="2026-01-31", client="a", about=None),
        ]
        assert repr(schedule(self.CALLS, self.BOOK)[1]) == 'act(due="2026-01-31", client="a")'

    def test_they_are_asked_at_an_instant(self):
        assert on(self.BOOK, self.UNOWNED, "2026-01-14") == NOTHING
        assert on(self.BOOK, self.UNOWNED, "2026-01-20") == [watch(since="2026-01-15")]
        with pytest.raises(UnknownClient, match="known of 'a', 'b' on 2025-01-01; the first event is of 2026-01-01"):
            on(self.BOOK, self.UNOWNED, "2025-01-01")

    def test_a_failure_shows_the_events_of_all_clients(self):
        with pytest.raises(AssertionError, match=r"event +client +date +kind +fields") as caught:
            assert_schedule(self.UNOWNED, self.BOOK, NOTHING)
        assert "not expected" in str(caught.value)

    def test_one_that_fails_raises_what_it_raised(self):
        from retention_engine import book_rule

        @book_rule
        def divides(book) -> Findings:
            """It can't count."""
            yield Concern(Health.WATCH, starts=book.clients[1 // 0].since, because=None)

        @book_rule
        def cites_nothing(book) -> Findings:
            """It cites nothing."""
            yield Concern(Health.WATCH, starts=book.clients[0].since, because=None)

        with pytest.raises(ZeroDivisionError) as caught:
            schedule(divides, self.BOOK)
        assert caught.value.__notes__ == ["raised by the rule divides, asked about the whole book"]
        with pytest.raises(RuleError, match="cites no event"):
            schedule(cites_nothing, self.BOOK)


class TestWhatIsStated:
    def test_what_an_expectation_leaves_out_is_not_compared(self):
        full = watch(since="2026-01-01", about="x", because=["e1", "#2"], message="m")
        assert full == watch(since="2026-01-01") == full
        assert full == watch(since="2026-01-01", because=("e1", "#2"))
        assert hash(full) == hash(watch(since="2026-01-01"))

    @pytest.mark.parametrize(
        "other",
        [
            at_risk(since="2026-01-01"),
            watch(since="2026-01-02"),
            watch(since="2026-01-01", until="2026-01-02"),
            watch(since="2026-01-01", about="y"),
            watch(since="2026-01-01", about=None),
            watch(since="2026-01-01", because=["e1"]),
            watch(since="2026-01-01", because=["#2", "e1"]),
            watch(since="2026-01-01", because=engaged("2026-01-01")),
            watch(since="2026-01-01", message="n"),
            act(due="2026-01-01"),
            "watch",
        ],
    )
    def test_everything_else_is_compared(self, other):
        assert watch(since="2026-01-01", about="x", because=["e1", "#2"], message="m") != other

    def test_an_expected_event_is_the_one_that_says_the_same(self):
        first = engaged("2026-01-01", purpose="review")
        client = given(first, tier="key", client="other")
        assert schedule(quiet_account, client)[-1] == act(due="2026-01-31", because=first)
        assert schedule(quiet_account, client)[-1] != act(due="2026-01-31", because=engaged("2026-01-01"))

    @pytest.mark.parametrize(
        "code",
        [
            'unknown(since="2026-01-31")',
            'watch(since="2026-01-31", until="2026-02-01T09:00:00.000001Z")',
            'at_risk(since="2026-01-31", about="c1")',
            'critical(since="2026-01-31", about=None, because=["e1", "#2"])',
            'has_left(since="2026-01-31", because=[], message="They say: \\"no\\".")'.replace('\\"', "'"),
            "watch(since=\"2026-01-31\", message='5\" and a \\'quote\\'')",
            'act(due="2026-01-31")',
            'act(due="2026-01-31", client="b", about="c1", because=[engaged("2026-01-01")], message="Call.")',
        ],
    )
    def test_it_prints_as_it_is_written(self, code):
        assert repr(eval(code)) == code  # noqa: S307 - that a reader could do so is what is promised

    def test_what_a_rule_states_prints_what_it_was_compared_by(self):
        found = schedule(quiet_account, CALL)
        assert repr(found[1]) == 'at_risk(since="2026-01-31")'
        assert found != [watch(since="2026-01-01"), at_risk(since="2026-01-31", because="e9"), act(due="2026-01-31")]
        assert repr(found[1]) == 'at_risk(since="2026-01-31", because=["#1"])'

    def test_pytest_shows_both_sides(self):
        with pytest.raises(AssertionError) as caught:
            assert schedule(quiet_account, CALL)[1:] == [at_risk(since="2026-01-31", because="e9")]
        assert 'at_risk(since="2026-01-31", because=["#1"])' in str(caught.value)
        assert 'at_risk(since="2026-01-31", because=["e9"])' in str(caught.value)

    def test_nothing_has_a_name_of_its_own(self):
        assert repr(NOTHING) == "NOTHING"
        assert schedule(gone, CALL) == NOTHING == on(CALL, gone, "2026-01-01")
        assert schedule(quiet_account, CALL) != NOTHING
        with pytest.raises(
            AssertionError,
            match=r"== NOTHING\n\s+Left contains 2 more items, first extra item: has_left\(since=\"2026-01-01\"\)",
        ):
            assert schedule(gone, given(left("2026-01-01"))) == NOTHING

    def test_a_list_of_the_same_is_equal_from_either_side_and_nothing_else_is(self):
        found = schedule(quiet_account, CALL)
        assert list(found) == found == tuple(found)
        assert found[::-1] != found != 17
        assert not found != list(found)  # noqa: SIM202 - both operators are ours

    @pytest.mark.parametrize(
        ("mistake", "error", "message"),
        [
            (lambda: watch(since="2026-02-01", until="2026-02-01"), RuleError, "2026-02-01 is not before 2026-02-01"),
            (lambda: watch(since="soon"), InstantError, "'soon' is not an RFC 3339 instant"),
            (lambda: act(due="2026-01-01", because=[17]), RuleError, "because= takes events, their ids, .* got 17"),
            (lambda: watch(since="2026-01-01", because=17), RuleError, "because= takes events, their ids, .* got 17"),
        ],
    )
    def test_an_expectation_that_makes_no_sense_is_refused(self, mistake, error, message):
        with pytest.raises(error, match=message):
            mistake()


def cells(message):
    """The lines of a message, those of its tables cell by cell."""
    return [re.split(r" {3,}", line.strip()) for line in message.splitlines() if line.strip(" ─")]


class TestFailures:
    def test_they_show_the_history_and_both_sides_with_the_differences_marked(self):
        client = given(engaged("2026-01-01", purpose="review", id="e1", note="at noon"), tier="key")
        with pytest.raises(AssertionError) as caught:
            assert_schedule(
                quiet_account,
                client,
                [
                    watch(since="2026-01-21", until="2026-01-31"),
                    at_risk(since="2026-02-01", because="e1"),
                    unknown(since="2026-06-01"),
                ],
            )
        assert cells(str(caught.value)) == [
            ["The rule quiet-account states something else."],
            ["The history"],
            ["event", "date", "kind", "fields"],
            ["e1", "2026-01-01", "engaged", 'note="at noon" purpose=review'],
            ["#2", "2026-01-01", "profiled", "tier=key"],
            ["Expected and actual"],
            ["expected", "actual", "difference"],
            ['watch(since="2026-01-21", until="2026-01-31")', 'watch(since="2026-01-21", until="2026-01-31")'],
            [
                "!",
                'at_risk(since="2026-02-01", because=["e1"])',
                'at_risk(since="2026-01-31", because=["e1"])',
                "since",
            ],
            ["!", 'act(due="2026-01-31")', "not expected"],
            ["!", 'unknown(since="2026-06-01")', "missing"],
        ]

    def test_nothing_is_said_where_all_is_well(self):
        assert_schedule(quiet_account, CALL, schedule(quiet_account, CALL))
        assert_schedule(gone, CALL, NOTHING)
        assert_on(CALL, quiet_account, "2026-01-21", [watch(since="2026-01-21", until="2026-01-31")])

    def test_at_an_instant_the_history_ends_there(self):
        client = given(engaged("2026-01-01"), engaged("2026-06-01"), tier="key")
        with pytest.raises(AssertionError, match="rule quiet-account says something else on 2026-02-01") as caught:
            assert_on(client, quiet_account, "2026-02-01", NOTHING)
        assert "2026-06-01" not in str(caught.value)

    def test_settings_are_given_like_elsewhere(self):
        with pytest.raises(AssertionError, match="2026-01-11"):
            assert_schedule(quiet_account, CALL, NOTHING, every=days(10))
        with pytest.raises(AssertionError, match="2026-01-11"):
            assert_on(CALL, quiet_account, "2026-01-12", NOTHING, every=days(10))

    def test_an_expectation_stands_beside_what_is_closest_to_it(self):
        client = given(complained("2026-01-01", id="c1"), complained("2026-01-03", id="c3"))
        with pytest.raises(AssertionError) as caught:
            assert_schedule(
                open_wound, client, [watch(since="2026-01-02", about="c3"), critical(since="2026-01-01", about="c1")]
            )
        found = {tuple(line[1:]) for line in cells(str(caught.value)) if line[0] == "!"}
        assert found == {
            ('critical(since="2026-01-01", about="c1")', 'watch(since="2026-01-01", about="c1")', "level"),
            ('watch(since="2026-01-02", about="c3")', 'watch(since="2026-01-03", about="c3")', "since"),
        }

    def test_the_same_in_another_order_is_told_as_that(self):
        with pytest.raises(AssertionError, match="These are the same, in another order"):
            assert_schedule(quiet_account, CALL, schedule(quiet_account, CALL)[::-1])


class TestCode:
    """Histories are shown as the code that makes them."""

    @hypothesis.given(histories(InvoiceSent))
    def test_a_history_is_its_code(self, client):
        again = eval(client_code(client))  # noqa: S307 - that a reader could do so is what is promised
        assert {*again.events} == {*client.events}
        recorded = [{(event.ref[:1], event.recorded_at) for event in it.events} for it in (client, again)]
        assert recorded[0] == recorded[1]

    @pytest.mark.parametrize(
        "code",
        [
            'engaged("2026-01-01T09:00:00Z", purpose="review", with_=("Nora", "Piet"), answers={"how": "Fine."})',
            'happened(InvoiceSent, "2026-01-01", id="e1", amount="0.5", due="2026-02-01")',
            'measured("2026-01-01", measure="leads", value=9, target=10)',
            'profiled("2026-01-01", cadence_days=14)',
            'engaged("2026-01-01", asked=("how",), exceeded=True, recorded_at="2026-01-03")',
        ],
    )
    def test_an_event_is_its_code(self, code):
        event = eval(code)  # noqa: S307 - as above
        assert eval(event_code(event)) == event  # noqa: S307 - as above
        assert len(event_code(event)) == len(code)

    def test_another_client_is_named(self):
        assert client_code(given(engaged("2026-01-01"), client="b")) == (
            'given(\n    engaged("2026-01-01"),\n    client="b",\n)'
        )


# Strategies.


def sample(strategy, size):
    """So many values of a strategy, always the same."""
    drawn = []

    @settings(max_examples=size, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @hypothesis.given(strategy)
    def draw(value):
        drawn.append(value)

    draw()
    return drawn


@cache
def drawn_histories():
    return sample(histories(), 500)


@attrs.frozen(slots=False, kw_only=True)
class Varied(Event):
    """A kind with fields of many types."""

    kind: ClassVar[str] = "acme.varied"

    invoice: Identifier
    day: date
    share: float
    size: Annotated[int, Meta(gt=10, lt=13)]
    below: Annotated[int, Meta(le=-5)]
    part: Annotated[float, Meta(ge=0, le=1)]
    code: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    short: Annotated[str, Meta(min_length=2, max_length=3)]
    way: Literal["up", "down"] | None = None
    pair: tuple[int, str] = (0, "")
    flags: frozenset[bool] = frozenset()
    totals: dict[str, int] = attrs.field(factory=dict, hash=False)
    price: Decimal | None = None
    happy: bool = True
    moment: datetime | None = None


@attrs.frozen(slots=False, kw_only=True)
class Picky(Event):
    """A kind that accepts even numbers alone, and a second one only where it is the same."""

    kind: ClassVar[str] = "acme.picky"

    even: int
    same: int | None = None

    def check(self) -> None:
        """Refuse what it does not like."""
        if self.even % 2 or (self.same is not None and self.same != self.even):
            raise EventError("bad-value", "must be even", "even")


class TestStrategies:
    @hypothesis.given(histories(InvoiceSent, Varied))
    def test_histories_are_such_as_a_log_could_hold(self, client):
        assert client
        assert client.id == "acme"
        assert len(client.events) <= 12
        kinds = KINDS.adding(InvoiceSent, Varied)
        for event in client.events:
            assert decode(encode(event), position=event.position, kinds=kinds) == event
        ids = [event.id for event in client.events if event.id is not None]
        assert len({*ids}) == len(ids)
        assert len({event.position for event in client.events}) == len(client.events)

    @pytest.mark.parametrize(
        "is_wanted",
        [
            lambda client: len({event.at for event in client.events}) < len(client.events) - 1,
            lambda client: any(client.settlement(complaint) for complaint in client.complaints),
            lambda client: len(client.open_complaints) > 1,
            lambda client: any(event.recorded_at > event.at for event in client.events),
            lambda client: [event.position for event in client.events] != [*range(1, len(client.events) + 1)],
            lambda client: len({event.position for event in client.events}) < max(it.position for it in client.events),
            lambda client: client.tier == "key",
            lambda client: client.term is not None,
            lambda client: any((event.at - client.since) % days(1) == MICROSECOND for event in client.events),
            lambda client: any((event.at - client.since) % days(1) == days(1) - MICROSECOND for event in client.events),
            lambda client: any(event.at - client.since in {days(30), days(90)} for event in client.events),
            lambda client: any(event.action not in {"e1", "e2", "e3"} for event in client.of(ActionDone)),
            lambda client: any(event.action not in {"e1", "e2", "e3"} for event in client.of(ActionSnoozed)),
            lambda client: any(event.action not in {"e1", "e2", "e3"} for event in client.of(ActionDismissed)),
        ],
        ids=[
            *("ties", "settled complaints", "open complaints", "recorded late", "recorded out of order"),
            *("retractions", "profiles", "terms", "just after", "just before", "just then"),
            *("actions done", "snoozed", "dismissed"),
        ],
    )
    def test_histories_hold_what_is_hard(self, is_wanted):
        assert any(map(is_wanted, drawn_histories()))

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_of_the_package_can_be_drawn_with_each_of_its_fields(self, kind):
        events = sample(events_of_kind(KINDS[kind]), 200)
        fields = set(schema_of(KINDS[kind]).attribute.values()) - {"client", "at", "id", "recorded_at", "by", "note"}
        assert {name for name in fields if any(getattr(event, name) for event in events)} == fields
        assert kind == "retracted" or any(client.of(KINDS[kind]) for client in drawn_histories())

    @hypothesis.given(events_of_kind(Varied))
    def test_kinds_of_ones_own_are_drawn_by_their_annotations(self, event):
        assert event.size in {11, 12}
        assert event.below <= -5
        assert 0 <= event.part <= 1
        assert len(event.code) == 2
        assert 2 <= len(event.short) <= 3

    @hypothesis.given(events_of_kind(InvoiceSent, amount=st.just(7)), instants())
    def test_a_field_can_be_drawn_from_something_else(self, event, moment):
        assert event.amount == 7
        assert moment >= instant("2025-12-31T23:59:59.999999Z")

    @hypothesis.given(events_of_kind(Picky, even=st.just(2)))
    def test_fields_that_contradict_each_other_are_left_out(self, event):
        assert event.same in {None, 2}

    def test_what_can_not_be_drawn_says_what_to_do(self):
        with pytest.raises(EventError, match="must be even") as caught:
            sample(events_of_kind(Picky, even=st.just(3)), 1)
        assert any("events_of_kind(Picky, FIELD=...)" in note for note in caught.value.__notes__)
        with pytest.raises(KindError, match="Picky has no field 'evn'"):
            events_of_kind(Picky, evn=st.just(2))

    def test_some_histories_begin_as_one_that_was_given(self):
        begun = given(complained("2026-01-01", id="c"), engaged("2026-03-01"))
        drawn = sample(histories(begun=[begun]), 50)
        assert 5 < sum(client.events[:2] == begun.events for client in drawn) < 45


MICROSECOND = timedelta(microseconds=1)


# Without hypothesis.


@pytest.mark.parametrize("name", ["RuleContract", "histories", "instants", "events_of_kind"])
def test_what_needs_hypothesis_says_how_to_install_it(name, monkeypatch):
    for module in ("contract", "laws", "strategies", "values"):
        monkeypatch.delitem(sys.modules, f"retention_engine.testing.{module}", raising=False)
    for module in [it for it in sys.modules if it.partition(".")[0] == "hypothesis"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(vars(testing), name, raising=False)
    with pytest.raises(ExtraMissing, match=r"needs hypothesis; .* \"retention-engine\[testing\]\""):
        getattr(testing, name)


def test_the_rest_does_not_need_it():
    with pytest.raises(AttributeError, match=r"module 'retention_engine.testing' has no attribute 'gvien'"):
        _ = testing.gvien
    assert set(testing.__all__) >= SHORTHANDS.keys()
    assert testing.Stated is Stated
