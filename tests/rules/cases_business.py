"""The rules on complaints, renewal, competition, value and helping: both sides of each boundary, and each setting changed once."""

from typing import Any

CASES: list[Any] = []
