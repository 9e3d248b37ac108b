"""What happens to invoices."""

from typing import ClassVar

import attrs

from retention_engine import Event


@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    """We sent an invoice; its number is the event's `id`."""

    kind: ClassVar[str] = "acme.invoice_sent"


@attrs.frozen(slots=False, kw_only=True)
class InvoicePaid(Event):
    """The client paid an invoice in full.

    Attributes:
        invoice: the invoice's number, the `id` of the event that sent it.
    """

    kind: ClassVar[str] = "acme.invoice_paid"

    invoice: str
