"""Rules about invoices, for retention-engine."""

from .events import InvoicePaid, InvoiceSent
from .packs import BILLING
from .rules import slow_payer

__all__ = ["BILLING", "InvoicePaid", "InvoiceSent", "slow_payer"]
