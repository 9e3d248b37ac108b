"""What invoices tell of a client."""

from datetime import timedelta

from retention_engine import Action, Client, Concern, Findings, Health, days, rule

from .events import InvoicePaid, InvoiceSent


@rule(pack="billing", dimension="commercial")
def slow_payer(client: Client, *, grace: timedelta = days(14)) -> Findings:
    """An invoice is unpaid beyond the grace period.

    Who pays late may be short of money or short of patience with us; both are worth a call.

    Settings:
        grace: how long an invoice may stay unpaid.

    Fires:
        0d acme.invoice_sent id=1001
        20d acme.invoice_sent id=1002
        25d acme.invoice_paid invoice=1002
        at 13d: nothing
        at 40d: watch, act by 14d

    Silent:
        0d acme.invoice_sent id=1001
        10d acme.invoice_paid invoice=1001
        at 40d: nothing
    """
    paid = {payment.invoice for payment in client.of(InvoicePaid)}
    for invoice in client.of(InvoiceSent):
        if invoice.id not in paid:
            due = invoice.at + grace
            yield Concern(Health.WATCH, starts=due, because=invoice, about=invoice.ref)
            yield Action("Ask whether something is wrong.", due=due, because=invoice, about=invoice.ref)
