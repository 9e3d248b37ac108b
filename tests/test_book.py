"""Many clients: every client assessed at one moment, what holds for all of them, kinds of one's own."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import attrs
import pytest

from retention_engine import (
    KINDS,
    Action,
    Book,
    BoundRule,
    Client,
    Concern,
    Engaged,
    Engine,
    Event,
    Findings,
    Health,
    Judged,
    Left,
    Profiled,
    Renewed,
    Settings,
    assess_book,
    book_rule,
    days,
    decode,
    encode,
    gather,
    instant,
    replay,
    rule,
    rule_of,
)
from retention_engine.errors import EventError, KindError, RuleError
from retention_engine.rules import contact
from retention_engine.schema import Amount, Identifier, Instant

JUNE = instant("2026-06-01")
QUIET = Engine([contact.quiet_client])


def engaged(client="acme", at="2026-01-01", **fields):
    return Engaged(client=client, at=at, **fields)


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


ESSENTIALS = Engine(Settings().choose())


def book_of(*events: Event, at: datetime = JUNE, engine: Engine = ESSENTIALS) -> Book:
    return Book.cut(gather(events), engine, at=at)


class TestBook:
    def test_it_knows_the_clients_by_id_as_they_were_then(self):
        histories = gather([engaged("b"), engaged("c", "2026-06-02"), engaged("a", recorded_at="2026-07-01")])
        book = Book.cut(histories, ESSENTIALS, at=JUNE)
        assert [client.id for client in book.clients] == list(book.by_id) == ["a", "b"]
        known = Book.cut(histories, ESSENTIALS, at=JUNE, known_at=JUNE)
        assert [client.id for client in known.clients] == ["b"]
        assert repr(book) == "<Book: 2 clients>"

    def test_it_can_be_cut_again_and_is_the_same_where_nothing_goes(self):
        book = book_of(engaged("a"), engaged("a", "2026-03-01"), engaged("b", "2026-04-01"))
        assert book.as_of(instant("2026-04-01")) is book
        earlier = book.as_of(instant("2026-02-01"))
        assert [(client.id, len(client.events)) for client in earlier.clients] == [("a", 1)]

    def test_its_latest_instant_is_that_of_the_latest_event(self):
        assert book_of(engaged("a", "2026-03-01"), engaged("b")).latest == instant("2026-03-01")
        assert Book([], ESSENTIALS).latest == instant("1900-01-01")

    def test_owners_come_by_name_and_clients_without_one_last(self):
        owners = {"a": "max", "b": None, "c": "jo", "d": "max", "e": ""}
        book = book_of(*(Profiled(client=client, at="2026-01-01", owner=owner) for client, owner in owners.items()))
        found = [(owner, [client.id for client in clients]) for owner, clients in book.by_owner.items()]
        assert found == [("jo", ["c"]), ("max", ["a", "d"]), (None, ["b", "e"])]

    def test_a_client_is_with_us_until_it_has_left_and_again_if_it_comes_back(self):
        ends = instant("2026-03-01")
        lapsing = Renewed(client="a", at="2026-01-01", term_end=ends)
        judged = Judged(client="c", at="2026-02-01", level="left", reason="I know.", until="2026-05-01")
        book = book_of(lapsing, engaged("b"), Left(client="b", at="2026-04-01"), engaged("c"), judged, engaged("d"))
        start = instant("2026-01-01")
        assert [book.tenure(client) for client in book.clients] == [
            ((start, ends + days(30)),),
            ((start, instant("2026-04-01")),),
            ((start, instant("2026-02-01")), (instant("2026-05-01"), None)),
            ((start, None),),
        ]

    def test_a_client_s_course_is_its_status_from_the_first_event_on(self):
        book = book_of(engaged("a"), Profiled(client="a", at="2026-01-01", cadence_days=10))
        (client,) = book.clients
        start = client.since
        assert book.course(client) == (
            (Health.HEALTHY, start, start + days(10)),
            (Health.WATCH, start + days(10), start + days(40)),
            (Health.AT_RISK, start + days(40), None),
        )

    def test_clients_that_were_assessed_before_are_not_looked_at_again(self):
        asked = []

        @rule
        def witness(client: Client) -> Findings:
            """Notes who asks."""
            asked.append(client.id)
            yield from ()

        engine = Engine([witness])
        assessed = list(replay(gather([engaged("b"), engaged("a")]), engine, at=JUNE))
        book = Book.assessed(assessed, engine)
        assert [book.schedule(client) for client in book.clients] == [it.schedule for it in assessed]
        assert asked == ["a", "b"]
        assert [client.id for client in book.clients] == ["a", "b"]


@book_rule(pack="acme")
def crowded(book: Book, *, most: int = 1) -> Iterator[Concern | Action]:
    """There are too many clients."""
    for client in book.clients[most:]:
        yield Concern(Health.WATCH, starts=client.since, because=client.first, about=client.owner)
        yield Action("Let them go.", due=client.since, because=None, about=client.id)


class TestAssessBook:
    def test_what_is_stated_is_read_at_the_moment(self):
        events = [Profiled(client=name, at=f"2026-0{month}-01", owner=name) for month, name in enumerate("abc", 1)]
        found = assess_book(book_of(*events), [crowded], at=JUNE)
        assert [(it.rule, it.about, it.message) for it in found.concerns] == [
            ("crowded", "b", "There are too many clients."),
            ("crowded", "c", "There are too many clients."),
        ]
        assert [(it.rule, it.client, it.about, it.evidence) for it in found.actions] == [
            ("crowded", "b", None, (found.book.by_id["b"].first,)),
            ("crowded", "c", None, (found.book.by_id["c"].first,)),
        ]
        assert found.due(days(-80)) == found.actions[:2]
        assert found.due(days(-100)) == found.actions[:1]
        earlier = assess_book(book_of(*events), [crowded], at=instant("2026-02-01"))
        assert [it.about for it in earlier.concerns] == ["b"]

    def test_its_settings_can_be_bound(self):
        rules = [BoundRule(rule_of(crowded), values={"most": 0})]
        assert len(assess_book(book_of(engaged("a")), rules, at=JUNE).concerns) == 1

    def test_a_client_who_has_left_has_no_action(self):
        events = [engaged("a"), engaged("b"), Left(client="b", at="2026-05-01")]
        assert assess_book(book_of(*events), [crowded], at=JUNE).actions == ()
        (action,) = assess_book(book_of(*events), [crowded], at=instant("2026-04-01")).actions
        assert action.client == "b"

    def test_changes_tell_what_ends_and_what_starts(self):
        @book_rule
        def seasons(book: Book) -> Iterator[Concern]:
            """The season changes."""
            first = book.clients[0].first
            for starts, until, message in [(10, 20, "a"), (20, 30, "a"), (30, 40, "b"), (50, 60, "c")]:
                since = first.at
                yield Concern(
                    Health.WATCH, starts=since + days(starts), until=since + days(until), because=first, message=message
                )

        found = assess_book(book_of(engaged()), [seasons], at=instant("2026-01-01"))
        assert found.concerns == ()
        said = [
            ((it.at - found.at).days, it.rule, it.about, *(side and side.message for side in (it.before, it.after)))
            for it in found.changes
        ]
        assert said == [
            (10, "seasons", None, None, "a"),
            (30, "seasons", None, "a", "b"),
            (40, "seasons", None, "b", None),
            (50, "seasons", None, None, "c"),
            (60, "seasons", None, "c", None),
        ]

    def test_a_rule_that_fails_leaves_the_others_alone(self):
        @book_rule
        def broken(book: Book) -> Iterator[Concern]:
            """Half of what it says is lost when it fails."""
            yield Concern(Health.WATCH, starts=JUNE, because=book.clients[0].first)
            raise LookupError("no such thing")

        found = assess_book(book_of(engaged("a"), engaged("b")), [broken, crowded], at=JUNE)
        (failure,) = found.failures
        assert (failure.rule, failure.client) == ("broken", "")
        assert failure.cause.startswith("LookupError: no such thing (")
        assert [it.rule for it in found.concerns] == ["crowded"]

    @pytest.mark.parametrize(
        ("finding", "cause"),
        [
            ("nothing", "yields 'nothing'; a rule yields Concern and Action"),
            (Concern(Health.WATCH, starts=JUNE, because=[]), "cites no event; give because="),
            (Concern(Health.WATCH, starts=JUNE, because=None), "cites no event; give because="),
            (Action("Go.", due=JUNE, because=engaged()), "an action about None; about= is to be a client's id"),
            (
                Action("Go.", due=JUNE, because=engaged(), about="z"),
                "an action about 'z'; about= is to be a client's id",
            ),
        ],
    )
    def test_what_can_not_be_a_finding_of_the_book_is_a_failure(self, finding, cause):
        @book_rule
        def wrong(book: Book) -> Iterator[Concern]:
            """It is wrong."""
            yield finding

        (failure,) = assess_book(book_of(engaged()), [wrong], at=JUNE).failures
        assert cause in failure.cause

    def test_two_levels_about_one_thing_at_once_are_a_failure(self):
        @book_rule
        def both(book: Book) -> Iterator[Concern]:
            """It can't decide."""
            for level in (Health.WATCH, Health.AT_RISK):
                yield Concern(level, starts=JUNE, because=book.clients[0].first)

        (failure,) = assess_book(book_of(engaged()), [both], at=JUNE).failures
        assert "states two levels at once" in failure.cause

    def test_rules_about_clients_that_fail_are_told_where_they_were_asked(self):
        @rule
        def broken(client: Client) -> Findings:
            """It fails."""
            raise LookupError("no such thing")
            yield

        @book_rule
        def asking(book: Book) -> Iterator[Concern]:
            """Somebody is not well."""
            for client in book.clients:
                for level, starts, until in book.course(client):
                    yield Concern(level, starts=starts, until=until, because=client.first, about=client.id)

        found = assess_book(book_of(engaged("a"), engine=Engine([broken])), [asking], at=JUNE)
        assert [(it.rule, it.client) for it in found.failures] == [("broken", "a")]
        assert [it.level for it in found.concerns] == [Health.UNKNOWN]

    def test_each_sort_of_rule_is_refused_where_the_other_belongs(self):
        with pytest.raises(RuleError, match="'quiet-client' is about a single client; give it to an Engine"):
            assess_book(book_of(), [contact.quiet_client], at=JUNE)
        with pytest.raises(RuleError, match="'crowded' is about the whole book; give it to assess_book"):
            Engine([crowded])
        with pytest.raises(RuleError, match="two rules are named 'crowded'"):
            assess_book(book_of(), [crowded, BoundRule(rule_of(crowded))], at=JUNE)
        with pytest.raises(RuleError, match="is no rule; decorate it with @rule or @book_rule"):
            assess_book(book_of(), [days], at=JUNE)


class TestDeclaring:
    def test_a_rule_about_the_book_is_read_off_as_any_other(self):
        declared = rule_of(crowded)
        assert (declared.name, declared.scope, declared.packs) == ("crowded", "book", ("acme",))
        assert declared.settings["most"].default == 1
        assert rule_of(contact.quiet_client).scope == "client"

        @book_rule
        def plain(book: Book) -> Iterator[Concern]:
            """Nothing."""
            yield from ()

        assert (rule_of(plain).scope, rule_of(plain).packs, list(plain(Book([], ESSENTIALS)))) == ("book", (), [])

    def test_its_first_parameter_is_the_book(self):
        with pytest.raises(RuleError, match="the first parameter must be the book"):

            @book_rule
            def nobody() -> Iterator[Concern]:
                """Nothing."""
                yield from ()


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
