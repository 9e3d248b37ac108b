"""The rules on complaints, renewal, competition, value and helping, read naively from their docstrings; see `naive`."""

from naive import by_name

RULES = by_name()
