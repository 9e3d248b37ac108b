"""A client's history: how it is cut, ordered and read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from given import client_of
from retention_engine import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Client,
    Complained,
    Engaged,
    Event,
    Introduced,
    Judged,
    Left,
    Profiled,
    Referred,
    Renewed,
    Resolved,
    Retracted,
    beyond,
    contact,
    engaged_for,
    heard,
    instant,
)
from retention_engine.errors import RetentionError, UnknownClient
from retention_engine.moments import InstantError
from retention_engine.words import introduced_by_us, referred_by_us, service

ME = "acme"


def engaged(at, **fields):
    return Engaged(client=ME, at=at, **fields)


def complained(at, **fields):
    return Complained(client=ME, at=at, **fields)


def renewed(at, **fields):
    return Renewed(client=ME, at=at, **fields)


def profiled(at, **fields):
    return Profiled(client=ME, at=at, **fields)


class TestOrder:
    def test_events_are_ordered_by_when_they_happened(self):
        late, early = engaged("2026-03-01"), engaged("2026-01-01")
        assert client_of(late, early).events == (early, late)

    def test_ties_are_broken_by_position(self):
        first, second = engaged("2026-01-01", id="z"), engaged("2026-01-01", id="a")
        assert client_of(first, second).events == (first, second)

    def test_positions_that_a_log_has_given_are_kept(self):
        first, second = engaged("2026-01-01", id="z", position=9), engaged("2026-01-01", id="a", position=4)
        assert [event.position for event in client_of(first, second).events] == [4, 9]

    def test_events_without_a_position_get_one_in_the_order_given(self):
        assert [event.ref for event in client_of(engaged("2026-03-01"), engaged("2026-01-01")).events] == ["#2", "#1"]

    def test_an_event_without_a_position_follows_those_that_have_one(self):
        known = [engaged("2026-01-01", position=7), engaged("2026-01-02", position=9)]
        assert [event.ref for event in client_of(*known, engaged("2026-01-01")).events] == ["#7", "#10", "#9"]

    def test_offsets_do_not_matter_to_the_order(self):
        first, second = engaged("2026-01-01T01:00:00+05:00"), engaged("2025-12-31T22:00:00Z")
        assert client_of(second, first).events == (first, second)


class TestCuts:
    def test_as_of_leaves_out_what_happened_later_and_keeps_what_happened_then(self):
        client = client_of(engaged("2026-01-01"), engaged("2026-02-01"), engaged("2026-02-01T00:00:00.000001Z"))
        assert len(client.as_of(instant("2026-02-01")).events) == 2

    def test_as_of_the_latest_event_or_later_is_the_client_itself(self):
        client = client_of(engaged("2026-01-01"))
        assert client.as_of(instant("2026-01-01")) is client
        assert client_of().as_of(instant("2026-01-01")).events == ()

    def test_as_at_leaves_out_what_was_recorded_later(self):
        told_late = engaged("2026-01-01", recorded_at="2026-03-01")
        assert client_of(told_late, as_at=instant("2026-02-28")).events == ()
        assert client_of(told_late, as_at=instant("2026-03-01")).events == (told_late,)

    def test_an_event_counts_as_recorded_when_it_happened_unless_said_otherwise(self):
        assert client_of(engaged("2026-01-01"), as_at=instant("2025-12-31")).events == ()

    def test_a_moment_of_any_zone_will_do(self):
        client = client_of(engaged("2026-01-01T12:00:00Z"), as_of=datetime.fromisoformat("2026-01-01T14:00:00+02:00"))
        assert len(client.events) == 1

    @pytest.mark.parametrize("which", ["as_of", "as_at"])
    def test_a_moment_without_a_zone_is_refused(self, which):
        with pytest.raises(InstantError, match="no time zone") as caught:
            client_of(engaged("2026-01-01"), **{which: datetime(2026, 1, 1)})  # noqa: DTZ001 - that is the mistake
        assert isinstance(caught.value, RetentionError)
        with pytest.raises(InstantError, match="no time zone"):
            client_of(engaged("2026-01-01")).as_of(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake


class TestRetractions:
    GONE = engaged("2026-01-10", id="e1")
    STAYS = engaged("2026-01-01", id="e0")
    RETRACTED = Retracted(client=ME, at="2026-02-01", event="e1", recorded_at="2026-02-03")

    def test_a_retracted_event_does_not_count_nor_does_the_retraction(self):
        assert client_of(self.STAYS, self.GONE, self.RETRACTED).events == (self.STAYS,)

    def test_it_did_count_as_far_as_was_known_before(self):
        before = client_of(self.STAYS, self.GONE, self.RETRACTED, as_at=instant("2026-02-02T23:59:59Z"))
        assert before.events == (self.STAYS, self.GONE)
        assert client_of(self.STAYS, self.GONE, self.RETRACTED, as_at=instant("2026-02-03")).events == (self.STAYS,)

    def test_a_retraction_holds_whatever_moment_is_asked_about(self):
        early = client_of(self.STAYS, self.GONE, self.RETRACTED, as_of=instant("2026-01-20"))
        assert early.events == (self.STAYS,)

    def test_events_without_an_id_are_never_retracted(self):
        anonymous = engaged("2026-01-10")
        assert client_of(anonymous, self.GONE, self.RETRACTED).events == (anonymous,)


class TestSince:
    def test_retention_starts_at_the_first_event(self):
        client = client_of(engaged("2026-02-01"), profiled("2026-01-01"))
        assert client.since == instant("2026-01-01")
        assert isinstance(client.first, Profiled)

    @pytest.mark.parametrize(
        "event",
        [
            ActionDone(client=ME, at="2025-12-01", action="a"),
            ActionSnoozed(client=ME, at="2025-12-01", action="a", until="2026-01-01"),
            ActionDismissed(client=ME, at="2025-12-01", action="a", reason="no"),
        ],
    )
    def test_what_was_done_about_actions_starts_nothing(self, event):
        assert client_of(event, engaged("2026-01-01")).since == instant("2026-01-01")
        assert not client_of(event)
        with pytest.raises(UnknownClient, match="'acme'"):
            client_of(event).since  # noqa: B018 - reading it is what fails

    def test_a_client_without_events_is_not_known(self):
        assert not client_of()
        assert client_of(engaged("2026-01-01"))

    def test_the_client_says_who_it_is(self):
        assert repr(client_of(engaged("2026-01-01"))) == "<Client 'acme': 1 events>"


class TestViews:
    CLIENT = client_of(
        engaged("2026-01-01", id="e1"),
        complained("2026-01-02", id="e2"),
        engaged("2026-01-03", id="e3", purpose="delivery"),
        Introduced(client=ME, at="2026-01-04", id="e4"),
        engaged("2026-01-05", id="e5", direction="outbound"),
    )

    @staticmethod
    def refs(*events):
        return [event.ref for event in events]

    def test_of_a_kind(self):
        assert self.refs(*self.CLIENT.of(Engaged)) == ["e1", "e3", "e5"]
        assert self.CLIENT.of(Left) == ()

    def test_of_a_condition(self):
        assert self.refs(*self.CLIENT.of(contact)) == ["e1", "e4", "e5"]

    def test_of_several_has_each_event_once_and_in_order(self):
        assert self.refs(*self.CLIENT.of(contact, Engaged, Complained)) == ["e1", "e2", "e3", "e4", "e5"]

    def test_of_the_base_class_is_everything(self):
        assert self.CLIENT.of(Event) == self.CLIENT.events

    def test_of_the_base_class_keeps_the_order_of_two_kinds(self):
        client = client_of(engaged("2026-01-01"), complained("2026-01-02"), engaged("2026-01-03"))
        assert client.of(Event) == client.events

    def test_of_several_tells_events_without_positions_apart(self):
        unplaced = Client(ME, (engaged("2026-01-01"), complained("2026-01-02"), engaged("2026-01-03")))
        assert unplaced.of(Engaged, Complained) == unplaced.events

    def test_latest(self):
        assert self.refs(self.CLIENT.latest(Engaged), self.CLIENT.latest(heard)) == ["e5", "e2"]
        assert self.CLIENT.latest(Left) is None
        assert self.CLIENT.latest(engaged_for("review")) is None

    def test_asking_again_gives_the_same(self):
        for _ in range(2):
            assert self.CLIENT.latest(Left) is None
            assert self.refs(*self.CLIENT.of(heard)) == ["e1", "e2"]

    def test_base_is_the_latest_or_since(self):
        assert self.CLIENT.base(heard) == instant("2026-01-02")
        assert self.CLIENT.base(engaged_for("review")) == instant("2026-01-01")

    def test_after_is_by_order_not_only_by_time(self):
        tied = client_of(engaged("2026-01-01", id="a"), complained("2026-01-01", id="b"), engaged("2026-01-01", id="c"))
        assert self.refs(*tied.after(tied.latest(Complained), Engaged)) == ["c"]
        assert self.refs(*tied.after(None, Engaged)) == ["a", "c"]


class TestTerm:
    def test_the_term_that_ends_last_counts(self):
        client = client_of(
            renewed(
                "2026-01-01", id="long", term_start="2026-01-01", term_end="2028-01-01", value="10.50", currency="EUR"
            ),
            renewed("2026-06-01", id="short", term_end="2027-01-01"),
        )
        term = client.term
        assert (term.start, term.end) == (instant("2026-01-01"), instant("2028-01-01"))
        assert (term.value, term.currency, term.event.id) == (Decimal("10.50"), "EUR", "long")

    def test_of_two_that_end_together_the_later_event_counts(self):
        client = client_of(
            renewed("2026-01-01", term_end="2027-01-01"), renewed("2026-06-01", id="b", term_end="2027-01-01")
        )
        assert client.term.event.id == "b"

    def test_a_renewal_without_an_end_is_no_term(self):
        assert client_of(renewed("2026-01-01")).term is None
        assert client_of(engaged("2026-01-01")).term is None
        client = client_of(renewed("2026-01-01", id="a", term_end="2027-01-01"), renewed("2026-06-01"))
        assert client.term.event.id == "a"


class TestComplaints:
    COMPLAINT = complained("2026-01-01", id="c1")

    def test_open_until_a_resolved_names_it(self):
        assert client_of(self.COMPLAINT).open_complaints == (self.COMPLAINT,)
        assert client_of(self.COMPLAINT, Resolved(client=ME, at="2026-01-02", complaint="c1")).open_complaints == ()

    def test_open_until_an_engaged_resolves_it(self):
        assert client_of(self.COMPLAINT, engaged("2026-01-02", resolves="c1")).open_complaints == ()
        assert client_of(self.COMPLAINT, engaged("2026-01-02", resolves="c2")).open_complaints == (self.COMPLAINT,)

    def test_a_resolution_may_precede_its_complaint(self):
        assert client_of(Resolved(client=ME, at="2025-12-31", complaint="c1"), self.COMPLAINT).open_complaints == ()

    def test_a_complaint_without_an_id_stays_open(self):
        anonymous = complained("2026-01-01")
        client = client_of(anonymous, Resolved(client=ME, at="2026-01-02", complaint="#1"), engaged("2026-01-03"))
        assert client.open_complaints == (anonymous,)
        assert client.complaints == (anonymous,)


class TestProfile:
    def test_only_the_fields_carried_change(self):
        client = client_of(
            profiled("2026-01-01", tier="key", owner="jo", name="Acme Ltd", cadence_days=14),
            profiled("2026-02-01", owner="kim", stage="client", channel="phone", timezone="Europe/Berlin"),
            profiled("2026-03-01", annual_value="1200.50"),
        )
        assert (client.tier, client.owner, client.name) == ("key", "kim", "Acme Ltd")
        assert (client.stage, client.channel, client.timezone) == ("client", "phone", "Europe/Berlin")
        assert (client.annual_value, client.cadence) == (Decimal("1200.50"), timedelta(days=14))

    def test_the_tier_is_that_of_the_moment(self):
        client = client_of(
            engaged("2026-01-01"), profiled("2026-02-01", tier="key"), profiled("2026-03-01", tier="gold")
        )
        tiers = [client.as_of(datetime(2026, month, 1, tzinfo=UTC)).tier for month in (1, 2, 3)]
        assert tiers == ["standard", "key", "gold"]

    def test_what_nobody_said_is_not_known(self):
        client = client_of(engaged("2026-01-01"))
        assert client.tier == "standard"
        assert (client.owner, client.name, client.stage, client.channel, client.timezone) == (None,) * 5
        assert (client.annual_value, client.cadence) == (None, None)

    def test_the_latest_judgement_counts(self):
        first = Judged(client=ME, at="2026-01-01", level="watch", reason="a", until="2026-12-31")
        second = Judged(client=ME, at="2026-02-01", level="healthy", reason="b")
        assert client_of(first, second).judgement == second
        assert client_of(engaged("2026-01-01")).judgement is None


ALL = ["contact", "heard", "beyond", "service"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (engaged("2026-01-01"), ["contact", "heard"]),
        (engaged("2026-01-01", direction="inbound"), ["contact", "heard"]),
        (engaged("2026-01-01", direction="outbound"), ["contact"]),
        (engaged("2026-01-01", purpose="delivery"), ["service"]),
        (engaged("2026-01-01", purpose="invoice", direction="inbound"), ["service"]),
        (engaged("2026-01-01", purpose="delivery", exceeded=True), ["beyond", "service"]),
        (engaged("2026-01-01", purpose="social", exceeded=True, direction="outbound"), ["contact", "beyond"]),
        *[
            (engaged("2026-01-01", purpose=purpose, direction="outbound"), ["contact", "beyond"])
            for purpose in ("resource", "invitation", "newsletter", "idea", "advice", "appreciation")
        ],
        *[
            (engaged("2026-01-01", purpose=purpose, direction="outbound"), ["contact"])
            for purpose in ("review", "report", "expectations", "refinement", "feedback", "resolution", "social")
        ],
        (Introduced(client=ME, at="2026-01-01"), ["contact", "beyond"]),
        (Introduced(client=ME, at="2026-01-01", initiated_by="client"), ["contact"]),
        (Referred(client=ME, at="2026-01-01", direction="given"), ["contact", "beyond"]),
        (Referred(client=ME, at="2026-01-01", direction="received"), ["contact", "heard"]),
        (complained("2026-01-01"), ["heard"]),
        (renewed("2026-01-01"), []),
        (profiled("2026-01-01", owner="jo"), []),
        (Left(client=ME, at="2026-01-01"), []),
        (Resolved(client=ME, at="2026-01-01", complaint="c"), []),
        (Judged(client=ME, at="2026-01-01", level="watch", reason="x"), []),
    ],
)
def test_the_words_of_the_contract(event, words):
    conditions = {"contact": contact, "heard": heard, "beyond": beyond, "service": service}
    assert [word for word in ALL if conditions[word](event)] == words


def test_what_we_did_is_told_from_what_they_did():
    introductions = [Introduced(client=ME, at="2026-01-01", initiated_by=who) for who in ("us", "client")]
    referrals = [Referred(client=ME, at="2026-01-01", direction=which) for which in ("given", "received")]
    assert [introduced_by_us(event) for event in (*introductions, *referrals)] == [True, False, False, False]
    assert [referred_by_us(event) for event in (*introductions, *referrals)] == [False, False, True, False]


def test_engaged_for_a_purpose_matches_that_purpose_of_that_kind():
    thanked = engaged_for("appreciation")
    assert thanked(engaged("2026-01-01", purpose="appreciation"))
    assert not thanked(engaged("2026-01-01"))
    assert not thanked(complained("2026-01-01"))
