"""The contract that rules are tested by: it catches rules that are wrong on purpose, and every built-in rule keeps it."""

import os
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import ClassVar

import attrs
import hypothesis
import pytest
from hypothesis import strategies as st

from retention_engine import (
    BOOK_RULES,
    BUILT_IN,
    Action,
    BoundRule,
    Client,
    Concern,
    Engaged,
    Event,
    Findings,
    Health,
    Renewed,
    contact,
    days,
    rule,
    rule_of,
)
from retention_engine.errors import RuleError, SettingsError
from retention_engine.schema import Amount, Identifier
from retention_engine.testing import RuleContract, events_of_kind, given, histories, schedule
from retention_engine.testing.laws import HONEST, PAST, TIES

PROMISES = [name for name in vars(RuleContract) if name.startswith("test_")]

PICK_AMONG_TIES = {"unasked-question", "one-kind-of-help", "lapsed-checklist"}
"""The built-in rules that take, of several things equally old, the first on a list of their own."""


def contract_of(tested, **more) -> RuleContract:
    """The tests of a rule, as pytest would make them."""
    return type("TestOfARule", (RuleContract,), {"rule": tested, **more})()


def failure(tested, promise, **more) -> str:
    """What the test of a promise says of a rule that breaks it."""
    with pytest.raises(AssertionError) as caught:
        getattr(contract_of(tested, **more), promise)()
    return str(caught.value)


# A rule that keeps it, with a kind of its own.


@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    """An invoice went out."""

    kind: ClassVar[str] = "acme.invoice_sent"

    amount: Amount = Decimal(0)


@attrs.frozen(slots=False, kw_only=True)
class InvoicePaid(Event):
    """An invoice was paid."""

    kind: ClassVar[str] = "acme.invoice_paid"

    invoice: Identifier


@rule(tiers={"key": {"grace": days(7)}})
def slow_payer(client: Client, *, grace: timedelta = days(14)) -> Findings:
    """An invoice has stayed unpaid beyond the grace period.

    Fires:
        2026-01-05 acme.invoice_sent id=i1 amount=100
        at 2026-01-18: nothing
        at 2026-01-19: at-risk, act by 2026-01-19

    Silent:
        2026-01-05 acme.invoice_sent id=i1
        2026-01-05 acme.invoice_paid invoice=i1
        at 2026-01-19: nothing
    """
    paid = {payment.invoice for payment in client.of(InvoicePaid)}
    for invoice in client.of(InvoiceSent):
        if invoice.id not in paid:
            due = invoice.at + grace
            yield Concern(Health.AT_RISK, starts=due, because=invoice, about=invoice.ref)
            yield Action("Ask for the money.", due=due, because=invoice, about=invoice.ref)


class TestSlowPayer(RuleContract):
    rule = slow_payer
    kinds = (InvoiceSent, InvoicePaid)
    examples = 30


class TestSlowPayerWithSettings(RuleContract):
    rule = BoundRule(rule_of(slow_payer), values={"grace": days(3)})
    kinds = (InvoiceSent, InvoicePaid)
    settings: ClassVar = {"grace": days(30)}
    examples = 10


# Rules that break it.

turns = count()
heard_of: dict[str, datetime] = {}


@rule
def uses_the_clock(client: Client) -> Findings:
    """It compares with now."""
    if datetime.now(UTC) - client.since > days(30):
        yield Concern(Health.WATCH, starts=client.since, because=client.first)


@rule
def counts_its_turns(client: Client) -> Findings:
    """What it says depends on how often it was asked."""
    yield Concern(Health.WATCH, starts=client.since + days(next(turns)), because=client.first)


@rule
def forgets_ties(client: Client) -> Findings:
    """A complaint followed the latest contract; one of the same instant never does."""
    signed = client.latest(Renewed)
    since = [complaint for complaint in client.complaints if signed is None or complaint.at > signed.at]
    if since:
        yield Concern(Health.WATCH, starts=since[0].at, because=since[0])


@rule
def cites_no_event(client: Client) -> Findings:
    """It gives no reason."""
    yield Concern(Health.WATCH, starts=client.since, because=[])


@rule
def breaks_on_empty_history(client: Client) -> Findings:
    """It takes for granted that there was a contact."""
    latest = client.of(contact)[-1]
    yield Concern(Health.WATCH, starts=latest.at + days(30), because=latest)


@rule
def changes_the_past(client: Client) -> Findings:
    """It remembers by client what it found first."""
    latest = heard_of.setdefault(client.id, client.base(contact))
    yield Concern(Health.WATCH, starts=latest + days(30), because=client.first)


@rule
def mutates(client: Client) -> Findings:
    """It makes a note on what it has seen."""
    for event in client.of(Engaged):
        vars(event)["note"] = "seen"
    yield Concern(Health.WATCH, starts=client.since, because=client.first)


@rule
def listens_to_anything(client: Client) -> Findings:
    """It counts from the latest event of any kind."""
    yield Concern(Health.WATCH, starts=client.latest_at + days(30), because=client.first)


@rule
def knows_by_identity(client: Client) -> Findings:
    """It knows an event again by being the same object."""
    known = seen_before.setdefault(client.since, client.first)
    yield Concern(Health.WATCH if known is client.first else Health.AT_RISK, starts=client.since, because=client.first)


seen_before: dict[datetime, Event] = {}


@rule
def cites_somebody_else(client: Client) -> Findings:
    """It cites an event that it made up."""
    yield Concern(Health.WATCH, starts=client.since, because=Engaged(client=client.id, at=client.since, note="mine"))


@rule
def says_two_things(client: Client) -> Findings:
    """It states two levels at once."""
    yield Concern(Health.WATCH, starts=client.since, because=client.first)
    yield Concern(Health.AT_RISK, starts=client.since + days(1), because=client.first)


@rule
def draws_lots(client: Client) -> Findings:
    """It is lucky."""
    if random.random() < 2:  # noqa: S311 - the lot is the point
        yield Concern(Health.WATCH, starts=client.since, because=client.first)


@rule
def asks_around(client: Client) -> Findings:
    """It swallows what it is told."""
    try:
        tier = os.environ.get("TIER")
        text = Path("tiers.toml").read_text(encoding="utf-8")
    except Exception:  # noqa: BLE001 - the attempt is to be noticed even so
        tier = text = None
    if tier == text:
        yield Concern(Health.WATCH, starts=client.since, because=client.first)


@rule
def says_otherwise(client: Client) -> Findings:
    """Its examples tell a lie.

    Fires:
        2026-01-05 engaged
        at 2026-01-05: watch
        at 2026-02-05: at-risk

    Silent:
        2026-01-05 engaged
        at 2026-01-05: watch
    """
    yield Concern(Health.WATCH, starts=client.since, because=client.first)


WRONG = [
    (uses_the_clock, "test_it_reads_the_history_and_nothing_else", r"It reads the clock \(datetime.now\)"),
    (counts_its_turns, "test_it_says_the_same_of_the_same_history", r"at first +asked again +difference"),
    (forgets_ties, "test_ties_count_in_the_order_of_their_positions", r"tied +a microsecond apart +difference"),
    (cites_no_event, "test_it_states_valid_findings_alone", r"It raises RuleError: cites no event; give because="),
    (
        breaks_on_empty_history,
        "test_it_copes_with_histories_that_lack_what_it_looks_for",
        r"It raises IndexError: .*test_rule_contract.py:\d+\)",
    ),
    (changes_the_past, "test_what_came_later_does_not_change_the_past", r"asked then +asked afterwards +difference"),
    (mutates, "test_it_leaves_the_history_as_it_is", r"Engaged\(.*note=None.*\n +became\n +Engaged\(.*note='seen'"),
    (
        listens_to_anything,
        "test_an_event_that_it_does_not_read_changes_nothing",
        r"before +after an event of no meaning",
    ),
    (knows_by_identity, "test_it_says_the_same_of_a_client_read_from_the_log", r"as built +read from the log"),
    (
        cites_somebody_else,
        "test_it_states_valid_findings_alone",
        r"It cites an event that is not of this history.*mine",
    ),
    (says_two_things, "test_it_states_valid_findings_alone", r"It raises RuleError: states two levels at once"),
    (draws_lots, "test_it_reads_the_history_and_nothing_else", r"It draws by chance \(random.random\)"),
    (asks_around, "test_it_reads_the_history_and_nothing_else", r"It reads the environment \(os.environ\)"),
]
"""Each with the promise that it breaks first of all, and what is said of that."""


@pytest.mark.parametrize(("wrong", "promise", "said"), WRONG, ids=lambda it: getattr(it, "__name__", None))
@pytest.mark.slow
def test_a_wrong_rule_is_caught_by_the_promise_that_it_breaks(wrong, promise, said):
    message = failure(wrong, promise)
    name = wrong.__name__.replace("_", "-")
    assert message.startswith(f"The rule {name} breaks its contract: ")
    assert re.search(said, message)
    assert re.search(
        r"^The history\n\n  event +date +kind|^The history\n\n  \(nothing has happened\)", message, re.MULTILINE
    )
    assert re.search(r"^What to do: \w+", message, re.MULTILINE)
    assert re.search(r"^The history as code\n\n  given\(", message, re.MULTILINE)


@pytest.mark.parametrize(
    "kept", [promise for promise in PROMISES if promise != "test_it_reads_the_history_and_nothing_else"]
)
def test_it_is_that_promise_alone_where_the_others_are_kept(kept):
    getattr(contract_of(uses_the_clock, examples=20), kept)()


@pytest.mark.slow
def test_the_history_of_a_failure_is_small_and_can_be_tried_by_hand():
    message = failure(listens_to_anything, "test_an_event_that_it_does_not_read_changes_nothing")
    code = message.partition("The history as code\n\n")[2]
    client = eval(code.strip(), vars(__import__("retention_engine.testing", fromlist=["given"])))  # noqa: S307 - promised
    assert len(client.events) == 1
    assert HONEST.breach(BoundRule(rule_of(listens_to_anything)), client)


def test_examples_that_do_not_hold_are_told_line_by_line():
    assert failure(says_otherwise, "test_its_examples_hold") == (
        "An example in the docstring of says-otherwise does not hold.\n"
        "\n"
        "  at 2026-02-05: at-risk\n"
        "  it says at 2026-02-05: watch\n"
    )


def test_examples_in_times_since_a_start_are_told_in_these():
    @rule
    def says_another_day(client: Client) -> Findings:
        """It is another day.

        Fires:
            0d engaged
            at 14d: watch
            from 3d: watch
        """
        yield Concern(Health.WATCH, starts=client.since + days(15), because=client.first)

    assert failure(says_another_day, "test_its_examples_hold").splitlines()[2:] == [
        "  at 14d: watch",
        "  it says at 14d: nothing",
        "  from 3d: watch",
        "  it says from 15d: watch",
    ]


def test_a_rule_is_tried_on_its_own_examples_first():
    @rule
    def waits_for_the_third(client: Client) -> Findings:
        """It is wrong where nobody would look.

        Fires:
            2026-01-05 engaged note="a word that nobody draws"
            at 2026-02-04: watch
        """
        told = any(event.note == "a word that nobody draws" for event in client.events)
        starts = client.latest_at if told else client.since
        yield Concern(Health.WATCH, starts=starts + days(30), because=client.first)

    message = failure(waits_for_the_third, "test_an_event_that_it_does_not_read_changes_nothing", examples=1)
    assert 'note="a word that nobody draws"' in message


def test_what_a_rule_remembers_once_is_told_even_if_it_does_not_happen_again():
    asked: list[str] = []

    @rule
    def is_new_to_it(client: Client) -> Findings:
        """The first answer of all differs from the others."""
        asked.append(client.id)
        yield Concern(Health.WATCH, starts=client.since + days(min(len(asked), 2)), because=client.first)

    assert "at first" in failure(is_new_to_it, "test_it_says_the_same_of_the_same_history")


@pytest.mark.slow
def test_a_rule_that_fails_is_a_matter_of_one_promise():
    @rule
    def never_works(client: Client) -> Findings:
        """It can't work."""
        yield Concern(Health.WATCH, starts=client.since, because=client.of(InvoiceSent)[99])

    assert "It raises IndexError" in failure(never_works, "test_it_states_valid_findings_alone")
    assert "It raises IndexError" in failure(never_works, "test_it_copes_with_histories_that_lack_what_it_looks_for")
    for promise in ("test_it_says_the_same_of_the_same_history", "test_ties_count_in_the_order_of_their_positions"):
        getattr(contract_of(never_works, examples=10), promise)()


def test_a_rule_that_fails_for_one_of_two_histories_is_shown_with_both_answers():
    @rule
    def fails_when_asked_later(client: Client) -> Findings:
        """It fails on a long history."""
        if client.latest_at > client.since:
            raise LookupError(client.id)
        yield Concern(Health.WATCH, starts=client.since, because=client.first)

    message = failure(fails_when_asked_later, "test_an_event_that_it_does_not_read_changes_nothing")
    assert re.search(r"before\n\n  \[watch\(.*\n\nafter an event of no meaning\n\n  raises LookupError: acme", message)


def test_where_nothing_is_known_a_rule_may_say_that_the_client_is_unknown():
    @rule
    def needs_a_start(client: Client) -> Findings:
        """It counts from the first event."""
        yield Concern(Health.WATCH, starts=client.since, because=client.first)

    contract_of(needs_a_start).test_it_copes_with_histories_that_lack_what_it_looks_for()


@pytest.mark.slow
def test_a_rule_may_pick_among_what_is_equally_old_where_it_says_so():
    @rule
    def first_by_name(client: Client) -> Findings:
        """The latest contact of all, of several the first by its name."""
        latest = max((event.at for event in client.of(contact)), default=None)
        names = sorted(event.ref for event in client.of(contact) if event.at == latest)
        if latest:
            yield Concern(Health.WATCH, starts=latest, because=client.first, about=names[0])

    promise = "test_ties_count_in_the_order_of_their_positions"
    assert "picks_among_ties" in failure(first_by_name, promise)
    getattr(contract_of(first_by_name, picks_among_ties=True), promise)()
    assert "forgets-ties" in failure(forgets_ties, promise, picks_among_ties=True)


def test_intervals_as_short_as_a_tie_do_not_count():
    @rule
    def until_the_next(client: Client) -> Findings:
        """From each event until the next one."""
        for one, two in zip(client.events, client.events[1:], strict=False):
            yield Concern(Health.WATCH, starts=one.at, until=two.at, because=one)

    assert not any(TIES.broken(BoundRule(rule_of(until_the_next)), client) for client in tied_clients())


def tied_clients() -> Iterator[Client]:
    for size in (2, 3, 5):
        yield given(*(Engaged(client="acme", at="2026-01-01", note=str(number)) for number in range(size)))


def test_a_name_in_a_message_does_not_count_as_a_change_of_the_past():
    @rule
    def speaks_of_the_client(client: Client) -> Findings:
        """It calls the client by its id."""
        yield Concern(Health.WATCH, starts=client.since, because=client.first, message=f"Look at {client.id}.")

    assert PAST.breach(BoundRule(rule_of(speaks_of_the_client)), next(tied_clients())) == ""


class TestHowItIsWritten:
    def test_the_rule_may_be_a_static_method(self):
        contract_of(staticmethod(slow_payer), kinds=(InvoiceSent, InvoicePaid)).test_its_examples_hold()

    @pytest.mark.parametrize(
        ("members", "error", "message"),
        [
            ({}, RuleError, "TestNothing names no rule; write: rule = your_rule"),
            ({"rule": contact}, RuleError, "'contact' is no rule; decorate it"),
            ({"rule": BoundRule(BOOK_RULES[0])}, RuleError, "is about the whole book"),
            ({"rule": slow_payer, "settings": {"grce": days(1)}}, SettingsError, "did you mean 'grace'"),
            ({"rule": slow_payer}, RuleError, "nobody registered 'acme.invoice_sent'"),
        ],
    )
    def test_a_mistake_says_what_to_do(self, members, error, message):
        with pytest.raises(error, match=message):
            type("TestNothing", (RuleContract,), members)().test_it_states_valid_findings_alone()

    def test_the_histories_can_be_drawn_otherwise(self):
        drawn: list[Client] = []

        @rule
        def looks(client: Client) -> Findings:
            """It looks."""
            drawn.append(client)
            yield Concern(Health.WATCH, starts=client.since, because=client.first)

        class OfInvoices(RuleContract):
            rule = looks
            examples = 5

            def histories(self) -> st.SearchStrategy[Client]:
                return histories(events_of_kind(InvoiceSent, amount=st.just(7)), max_size=3)

        OfInvoices().test_it_leaves_the_history_as_it_is()
        assert {event.amount for client in drawn for event in client.of(InvoiceSent)} == {7}

    @pytest.mark.parametrize(("examples", "expected"), [(7, 7), (None, hypothesis.settings().max_examples)])
    def test_the_number_of_histories_is_that_of_the_profile_unless_said(self, examples, expected):
        drawn: list[Client] = []
        counted = histories().map(lambda client: drawn.append(client) or client)
        contract = contract_of(cites_somebody_else, examples=examples, histories=lambda _: counted)
        contract.test_it_leaves_the_history_as_it_is()
        assert len(drawn) == expected

    def test_every_promise_is_a_sentence_and_has_its_reason(self):
        for promise in PROMISES:
            assert (getattr(RuleContract, promise).__doc__ or "").endswith(".")

    def test_it_is_no_test_of_its_own(self):
        assert not RuleContract.__name__.startswith("Test")


# Every built-in rule keeps it.


@pytest.mark.parametrize("built_in", BUILT_IN, ids=lambda it: it.name)
def test_every_built_in_rule_keeps_the_contract(built_in):
    contract = contract_of(BoundRule(built_in), examples=4, picks_among_ties=built_in.name in PICK_AMONG_TIES)
    for promise in PROMISES:
        getattr(contract, promise)()


@pytest.mark.parametrize("name", sorted(PICK_AMONG_TIES))
def test_a_built_in_rule_that_picks_among_ties_says_in_which_order(name):
    [found] = [it for it in BUILT_IN if it.name == name]
    assert "in that order" in " ".join(found.rationale.split())
    assert schedule(found, given()) == []
