"""The rules on contact, meetings, foresight and ownership, read naively from their docstrings; see `naive`."""

from naive import by_name

RULES = by_name()
