"""Many clients: events gathered once, contradictions told, every client assessed at one moment, kinds of one's own."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import attrs
import pytest

from given import events_of
from retention_engine import (
    KINDS,
    Action,
    Client,
    Concern,
    Engaged,
    Engine,
    Event,
    Findings,
    Health,
    Profiled,
    Retracted,
    days,
    decode,
    encode,
    gather,
    instant,
    replay,
    rule,
)
from retention_engine.book import Gathering
from retention_engine.errors import EventError, KindError
from retention_engine.rules import contact
from retention_engine.schema import Amount, Identifier, Instant

JUNE = instant("2026-06-01")
QUIET = Engine([contact.quiet_client])


def engaged(client="acme", at="2026-01-01", **fields):
    return Engaged(client=client, at=at, **fields)


class TestGathering:
    def test_events_are_gathered_by_client_and_get_their_places(self):
        histories = gather([engaged("b"), engaged("a"), engaged("b", "2025-01-01")])
        assert {client: [event.position for event in events] for client, events in histories.items()} == {
            "b": [1, 3],
            "a": [2],
        }

    def test_places_that_a_log_has_given_are_kept(self):
        assert gather([engaged(position=70)])["acme"][0].position == 70

    def test_the_same_event_twice_counts_once(self):
        twice = gather([engaged(id="e1"), engaged(id="e1", at="2026-01-01T01:00:00+01:00")])
        assert [event.position for event in twice["acme"]] == [1]

    def test_it_counts_from_when_it_was_first_recorded(self):
        for order in (1, -1):
            copies = [engaged(id="e1", recorded_at=f"2026-0{month}-01") for month in (2, 3)][::order]
            (event,) = gather(copies)["acme"]
            assert event.recorded_at == instant("2026-02-01")
            assert event.position == 1

    def test_events_without_an_id_are_each_of_their_own(self):
        assert len(gather([engaged(), engaged()])["acme"]) == 2

    def test_two_clients_may_use_one_id(self):
        assert len(gather([engaged("a", id="e1"), engaged("b", "2026-02-01", id="e1")])) == 2

    @pytest.mark.parametrize(
        "other",
        [
            engaged(id="e1", note="another"),
            engaged(id="e1", at="2026-01-02"),
            Profiled(client="acme", at="2026-01-01", id="e1"),
        ],
    )
    def test_an_id_with_other_content_is_refused(self, other):
        with pytest.raises(EventError, match="id: 'e1' was used for another event of this client") as caught:
            gather([engaged(id="e1"), other])
        assert (caught.value.code, caught.value.field) == ("key-reused", "id")

    def test_a_retraction_of_nothing_is_refused(self):
        retraction = Retracted(client="acme", at="2026-01-02", event="e1")
        with pytest.raises(EventError, match="event: 'acme' has no event with the id 'e1'") as caught:
            gather([engaged("other", id="e1"), engaged(), retraction])
        assert (caught.value.code, caught.value.field) == ("nothing-to-retract", "event")

    def test_a_retraction_can_not_be_retracted(self):
        first = Retracted(client="acme", at="2026-01-02", event="e1", id="r1")
        second = Retracted(client="acme", at="2026-01-03", event="r1")
        with pytest.raises(EventError, match="a retraction can't be retracted; record the event again"):
            gather([engaged(id="e1"), first, second])

    def test_a_retraction_may_precede_what_it_retracts(self):
        retraction = Retracted(client="acme", at="2026-01-02", event="e1")
        assert len(gather([retraction, engaged(id="e1")])["acme"]) == 2

    def test_all_that_does_not_fit_is_kept_with_what_it_contradicts(self):
        gathering = Gathering()
        for event in events_of(
            [
                {"client": "acme", "kind": "engaged", "at": "2026-01-01", "id": "e1"},
                {"client": "acme", "kind": "engaged", "at": "2026-01-02", "id": "e1"},
                {"client": "acme", "kind": "left", "at": "2026-01-01", "id": "e1"},
                {"client": "acme", "kind": "retracted", "at": "2026-01-01", "event": "e2"},
            ]
        ):
            gathering.add(event)
        assert [(it.event.position, it.other.position) for it in gathering.misfits] == [(2, 1), (3, 1)]
        assert [(it.event.position, it.other) for it in gathering.lost_retractions()] == [(4, None)]


class TestReplay:
    HISTORIES = gather(
        [engaged("b"), engaged("ä", "2026-05-01"), engaged("a", recorded_at="2026-07-01"), engaged("Z", "2026-06-02")]
    )

    def found(self, **how):
        return [(it.client.id, str(it.status)) for it in replay(self.HISTORIES, QUIET, at=JUNE, **how)]

    def test_clients_come_in_the_order_of_their_ids_and_those_yet_to_come_are_left_out(self):
        assert self.found() == [("a", "at-risk"), ("b", "at-risk"), ("ä", "healthy")]

    def test_what_was_recorded_later_is_hidden(self):
        assert self.found(known_at=JUNE) == [("b", "at-risk"), ("ä", "healthy")]

    def test_it_may_be_narrowed_to_some_clients(self):
        assert self.found(clients={"ä", "nobody"}) == [("ä", "healthy")]
        assert self.found(clients=[]) == []

    def test_pairs_are_replayed_as_they_come(self):
        pairs = [(name, self.HISTORIES[name]) for name in ("ä", "b")]
        assert [it.client.id for it in replay(pairs, QUIET, at=JUNE)] == ["ä", "b"]
        assert [it.client.id for it in replay(iter(pairs), QUIET, at=JUNE, clients=["b"])] == ["b"]

    def test_a_moment_without_a_zone_is_refused(self):
        with pytest.raises(ValueError, match="no time zone"):
            list(replay(self.HISTORIES, QUIET, at=datetime(2026, 6, 1)))  # noqa: DTZ001 - that is the mistake


@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    """An invoice went out."""

    kind: ClassVar[str] = "acme.invoice_sent"

    number: Identifier
    due_at: Instant
    amount: Amount | None = None
    lines: tuple[str, ...] = ()

    def check(self) -> None:
        if self.due_at < self.at:
            raise EventError("due-early", "must not lie before at", "due_at")


@attrs.frozen(slots=False, kw_only=True)
class InvoicePaid(Event):
    """An invoice was paid."""

    kind: ClassVar[str] = "acme.invoice_paid"

    number: Identifier


OWN = KINDS.adding(InvoiceSent, InvoicePaid)


@rule
def slow_payer(client: Client, *, grace: timedelta = days(14)) -> Findings:
    """An invoice has stayed unpaid beyond its date."""
    paid = {event.number for event in client.of(InvoicePaid)}
    for invoice in client.of(InvoiceSent):
        if invoice.number not in paid:
            due = invoice.due_at + grace
            yield Concern(Health.AT_RISK, starts=due, because=invoice, about=invoice.number)
            yield Action("Ask about the invoice.", due=due, because=invoice, about=invoice.number)


SENT = b'{"client": "acme", "kind": "acme.invoice_sent", "at": "2026-01-01", "number": "17", "due_at": "2026-01-31", "amount": "99.50"}'


class TestKindsOfOnesOwn:
    def test_they_are_read_and_written_like_the_others(self):
        event = decode(SENT, kinds=OWN)
        assert isinstance(event, InvoiceSent)
        assert (event.due_at, event.amount, event.lines) == (instant("2026-01-31"), Decimal("99.50"), ())
        assert decode(encode(event), kinds=OWN) == event
        assert InvoiceSent(client="acme", at="2026-01-01", number="17", due_at="2026-01-31", amount="99.50") == event

    def test_they_are_unknown_where_nobody_registered_them(self):
        with pytest.raises(EventError, match=r"kind: nobody registered 'acme\.invoice_sent'"):
            decode(SENT)
        assert "acme.invoice_sent" in OWN
        assert "acme.invoice_sent" not in KINDS
        assert (len(OWN), list(OWN)[-2:]) == (len(KINDS) + 2, ["acme.invoice_sent", "acme.invoice_paid"])

    @pytest.mark.parametrize(
        ("old", "new", "code", "field"),
        [
            (b'"17"', b"17", "wrong-type", "number"),
            (b'"17"', b'""', "empty", "number"),
            (b'"number": "17", ', b"", "missing-field", "number"),
            (b'"number"', b'"numbr"', "unknown-field", "numbr"),
            (b"2026-01-31", b"2026-01-31T00:00:00", "naive-time", "due_at"),
            (b"2026-01-31", b"2025-01-31", "due-early", "due_at"),
            (b'"99.50"', b"-1", "out-of-range", "amount"),
            (b'"99.50"', b'"a lot"', "not-a-number", "amount"),
            (b'"99.50"', b'1, "lines": [2]', "wrong-type", "lines[0]"),
        ],
    )
    def test_they_are_validated_the_same_whether_read_or_built(self, old, new, code, field):
        with pytest.raises(EventError) as caught:
            decode(SENT.replace(old, new), kinds=OWN)
        assert (caught.value.code, caught.value.field) == (code, field)

    def test_a_built_one_is_checked_too(self):
        with pytest.raises(EventError, match="due_at: must not lie before at"):
            InvoiceSent(client="acme", at="2026-02-01", number="17", due_at="2026-01-31")
        with pytest.raises(EventError, match="amount: -1 is below 0"):
            InvoiceSent(client="acme", at="2026-01-01", number="17", due_at="2026-01-31", amount=-1)

    def test_rules_read_them(self):
        sent = decode(SENT, position=1, kinds=OWN)
        paid = InvoicePaid(client="acme", at="2026-03-01", number="17", position=2)
        engine = Engine([slow_payer])
        histories = gather([sent, paid])
        levels = {
            moment: [str(it.status) for it in replay(histories, engine, at=instant(moment))]
            for moment in ("2026-02-13", "2026-02-14", "2026-03-01")
        }
        assert levels == {"2026-02-13": ["healthy"], "2026-02-14": ["at-risk"], "2026-03-01": ["healthy"]}
        (found,) = replay(histories, engine, at=instant("2026-02-14"))
        assert [(it.about, it.evidence) for it in found.concerns] == [("17", (sent,))]
        assert [it.about for it in found.due()] == ["17"]

    def test_they_start_the_relationship_and_are_neither_contact_nor_heard(self):
        (found,) = replay(gather([decode(SENT, kinds=OWN)]), QUIET, at=instant("2026-04-01"))
        assert found.client.since == instant("2026-01-01")
        assert found.status is Health.WATCH

    def test_registering_twice_is_harmless_and_a_taken_kind_is_not(self):
        assert dict(OWN.adding(InvoicePaid)) == dict(OWN)

        @attrs.frozen(slots=False, kw_only=True)
        class Another(Event):
            kind: ClassVar[str] = "acme.invoice_paid"

        with pytest.raises(KindError, match=r"kind 'acme\.invoice_paid' is declared twice: InvoicePaid, .*Another"):
            OWN.adding(Another)

    @pytest.mark.parametrize(
        "kind", ["", "paid", "Acme.paid", "acme.", ".paid", "acme.paid!", "acme..paid", "acme.paid\n"]
    )
    def test_a_kind_of_one_s_own_has_a_namespaced_name(self, kind):
        @attrs.frozen(slots=False, kw_only=True)
        class Odd(Event):
            pass

        Odd.kind = kind
        with pytest.raises(KindError, match=r"name it like 'acme\.invoice_paid'"):
            KINDS.adding(Odd)

    def test_a_class_that_can_not_serve_is_refused(self):
        @attrs.frozen(kw_only=True)
        class Slotted(Event):
            kind: ClassVar[str] = "acme.slotted"

        class Plain(Event):
            kind: ClassVar[str] = "acme.plain"

        for cls in (Slotted, Plain):
            with pytest.raises(KindError, match=f"{cls.__name__} is no event class; decorate it with @attrs.frozen"):
                KINDS.adding(cls)
