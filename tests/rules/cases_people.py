"""The rules on contact, meetings, foresight and ownership: both sides of each boundary, and each setting changed once."""

from typing import Any

CASES: list[Any] = []
