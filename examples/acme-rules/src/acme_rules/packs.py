"""Rules that are turned on together."""

from retention_engine import Pack

BILLING = Pack(
    "billing",
    about="Clients who pay late, or quarrel about the price.",
    rules=("contested-price",),  # a built-in rule; slow-payer says itself that it belongs here
)
