"""What `slow_payer` states, and that it keeps to what every rule has to keep."""

from acme_rules import InvoicePaid, InvoiceSent, slow_payer

from retention_engine import days
from retention_engine.testing import NOTHING, RuleContract, act, assert_on, given, happened, schedule, watch

SENT = happened(InvoiceSent, "2026-03-01", id="1001")


def test_an_invoice_may_stay_unpaid_for_two_weeks() -> None:
    client = given(SENT)
    stated = schedule(slow_payer, client)
    assert stated == [watch(since="2026-03-15", because="1001"), act(due="2026-03-15")]


def test_a_paid_invoice_is_of_no_concern() -> None:
    client = given(SENT, happened(InvoicePaid, "2026-03-10", invoice="1001"))
    assert schedule(slow_payer, client) == NOTHING


def test_what_is_sent_and_paid_at_one_instant_is_of_no_concern() -> None:
    client = given(SENT, happened(InvoicePaid, SENT.at, invoice="1001"))
    assert schedule(slow_payer, client) == NOTHING


def test_each_invoice_counts_by_itself() -> None:
    client = given(SENT, happened(InvoiceSent, "2026-03-08", id="1002"))
    stated = [(it.about, it.starts.day) for it in schedule(slow_payer, client)]
    assert stated == [("1001", 15), ("1001", 15), ("1002", 22), ("1002", 22)]


def test_a_late_payment_ends_the_concern() -> None:
    client = given(SENT, happened(InvoicePaid, "2026-04-02", invoice="1001"))
    assert_on(client, slow_payer, "2026-04-01", [watch(since="2026-03-15"), act(due="2026-03-15")])
    assert_on(client, slow_payer, "2026-04-02", NOTHING)


def test_the_grace_period_is_a_setting() -> None:
    stated = schedule(slow_payer, given(SENT), grace=days(30))
    assert stated == [watch(since="2026-03-31"), act(due="2026-03-31")]


class TestSlowPayer(RuleContract):
    rule = slow_payer
    kinds = (InvoiceSent, InvoicePaid)
