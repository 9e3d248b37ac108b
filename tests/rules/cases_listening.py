"""The rules on listening, expectations and transparency: both sides of each boundary, and each setting changed once."""

from typing import Any

CASES: list[Any] = []
