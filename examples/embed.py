"""The engine inside another program: events from Python, a kind and a rule of its own, one assessment.

Run it with `python examples/embed.py`.
"""

from datetime import timedelta
from typing import ClassVar

import attrs

from retention_engine import (
    BUILT_IN,
    Action,
    Client,
    Concern,
    Engaged,
    Engine,
    Event,
    Findings,
    Health,
    Profiled,
    Settings,
    days,
    instant,
    rule,
    rule_of,
)


@attrs.frozen(slots=False, kw_only=True)
class InvoicePaid(Event):
    """The client paid an invoice; `invoice` is the id of the event that sent it."""

    kind: ClassVar[str] = "acme.invoice_paid"

    invoice: str


def invoice_sent(event: Event) -> bool:
    """Whether an event is an invoice that we sent."""
    return isinstance(event, Engaged) and event.purpose == "invoice"


@rule
def late_payer(client: Client, *, grace: timedelta = days(30)) -> Findings:
    """An invoice is not paid.

    Who pays late may be short of money or short of patience with us; both are worth a call.

    Settings:
        grace: how long an invoice may stay unpaid.
    """
    paid = {event.invoice for event in client.of(InvoicePaid)}
    for invoice in client.of(invoice_sent):
        if invoice.id not in paid:
            due = invoice.at + grace
            yield Concern(Health.WATCH, starts=due, because=invoice, about=invoice.ref)
            yield Action("Ask whether something is wrong.", due=due, because=invoice, about=invoice.ref)


def main() -> None:
    """Assess one client on the last day of June 2026."""
    acme = Client.from_events(
        "acme",
        [
            Profiled(client="acme", at="2026-01-07", id="profile", name="Acme Ltd", tier="key"),
            Engaged(client="acme", at="2026-03-31T16:00:00Z", id="invoice-1", purpose="invoice", direction="outbound"),
            InvoicePaid(client="acme", at="2026-04-14", id="payment-1", invoice="invoice-1"),
            Engaged(client="acme", at="2026-04-30T16:00:00Z", id="invoice-2", purpose="invoice", direction="outbound"),
            Engaged(client="acme", at="2026-06-12T10:00:00+02:00", id="june-call", channel="phone"),
        ],
    )
    engine = Engine(Settings().choose([*BUILT_IN, rule_of(late_payer)]))
    verdict = engine.assess(acme, at=instant("2026-06-30"))

    print(f"{verdict.client.name}: {verdict.status}")
    for concern in verdict.concerns:
        print(f"  {concern.level}: {concern.message} ({concern.rule}, since {concern.starts:%Y-%m-%d})")
    for action in verdict.due(days(7)):
        print(f"  by {action.due:%Y-%m-%d}: {action.message} ({action.rule})")
    if change := verdict.next_change:
        print(f"  {change.at:%Y-%m-%d}: {change.before} becomes {change.after}, if nothing else happens")


if __name__ == "__main__":
    main()
