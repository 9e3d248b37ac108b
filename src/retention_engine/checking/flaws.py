"""What is wrong with a rule, and how a check of several rules came out."""

from typing import Literal

import attrs

Severity = Literal["error", "warning"]


@attrs.frozen
class Flaw:
    """Something wrong with a rule.

    Attributes:
        check: a stable word for what was checked, such as `clock`.
        severity: whether the rule is wrong, or only looks so.
        message: what is wrong, following on the rule's name.
        remedy: what to do.
        file: the source file at fault, where one is.
        line: the 1-based line in it.
    """

    check: str
    severity: Severity
    message: str
    remedy: str
    file: str | None = None
    line: int | None = None


def error(check: str, message: str, remedy: str, place: "Place | None" = None) -> Flaw:
    """A flaw for which a rule is not to be used."""
    file, line = place or (None, None)
    return Flaw(check, "error", message, remedy, file, line)


def warning(check: str, message: str, remedy: str, place: "Place | None" = None) -> Flaw:
    """A flaw that may be as it is meant."""
    file, line = place or (None, None)
    return Flaw(check, "warning", message, remedy, file, line)


Place = tuple[str, int | None]
"""A file and a line in it."""


@attrs.frozen
class CheckedRule:
    """How the check of one rule came out.

    Attributes:
        rule: the rule's name.
        distribution: what brings it; empty for a built-in rule.
        flaws: what is wrong with it.
        clients: of how many clients the log told.
        stated_for: for how many of them the rule states something; `None` where it could not be tried.
        slowness: how long it takes, as a multiple of the slowest built-in rule; `None` where it could not be measured.
    """

    rule: str
    distribution: str
    flaws: tuple[Flaw, ...]
    clients: int = 0
    stated_for: int | None = None
    slowness: float | None = None

    @property
    def errors(self) -> int:
        """How many of the flaws are errors."""
        return sum(flaw.severity == "error" for flaw in self.flaws)

    @property
    def warnings(self) -> int:
        """How many of the flaws are warnings."""
        return len(self.flaws) - self.errors
