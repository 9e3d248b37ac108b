"""The rules on listening, expectations and transparency, read naively from their docstrings; see `naive`."""

from naive import by_name

RULES = by_name()
