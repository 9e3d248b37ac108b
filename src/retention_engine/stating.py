"""What rules state of a history: in full and checked, or the reason why not. A rule that fails is a value, not an accident."""

import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter

import attrs

from .binding import BoundRule
from .client import Client
from .errors import Reported, RuleError
from .events import Event
from .findings import Action, Concern, Finding, attributed_action, attributed_concern

_STARTS = attrgetter("starts")


@attrs.frozen
class RuleFailure:
    """A rule could not be evaluated for a client; what it had stated by then is discarded.

    Attributes:
        rule: the rule's name.
        client: the client's id; empty for a rule about the whole book.
        cause: what was raised, and where.
        distribution: what brings the rule, as `Rule.distribution` says it.
    """

    rule: str
    client: str
    cause: str
    distribution: str = ""


Stated = Sequence[Finding] | RuleFailure
"""What one rule states of a history, or why it could not be evaluated."""


def state(rule: BoundRule, client: Client) -> Stated:
    """What a rule states of a client's history, in full or not at all."""
    try:
        return checked(rule, rule.findings(client), lambda _: client)
    except Exception as error:  # noqa: BLE001 - whatever a rule raises, the other verdicts stand
        return RuleFailure(rule.name, client.id, cause_of(error), rule.rule.distribution)


def checked(
    rule: BoundRule, findings: Iterable[Finding] | None, client_of: Callable[[Finding], Client | None]
) -> list[Finding]:
    """A rule's findings with rule, client and message filled in; those that are empty intervals are left out.

    Args:
        rule: the rule.
        findings: what it yields; `None` where it is no generator and returned nothing.
        client_of: whom a finding is about, `None` where it is about no single client.

    Raises:
        RuleError: the rule yields what is no finding, cites nothing, or contradicts itself.
    """
    if findings is None:
        raise RuleError("returns None; a rule yields Concern and Action")
    name = rule.name
    stated: list[Finding] = []
    concerns: list[Concern] = []
    actions: list[Action] = []
    for finding in findings:
        if isinstance(finding, Concern):
            because = _evidence(finding, client_of)
            if finding.until is None or finding.starts < finding.until:
                concern = attributed_concern(finding, name, because, finding.message or rule.rule.about)
                concerns.append(concern)
                stated.append(concern)
        elif isinstance(finding, Action):
            because = _evidence(finding, client_of)
            client = client_of(finding)
            if client is None:
                raise RuleError(f"recommends an action about {finding.about!r}; about= is to be a client's id")
            action = attributed_action(finding, name, because, client.id)
            actions.append(action)
            stated.append(action)
        else:
            raise RuleError(f"yields {finding!r}; a rule yields Concern and Action")
    if len(concerns) > 1:
        _refuse_two_levels(concerns)
    if len(actions) > 1:
        _refuse_equal_actions(actions)
    return stated


def _evidence(finding: Finding, client_of: Callable[[Finding], Client | None]) -> tuple[Event, ...]:
    because = finding.because
    if len(because) == 1 and isinstance(because[0], Event):  # as nearly always
        return because  # type: ignore[return-value] # mypy does not see it
    evidence = finding.evidence
    for event in evidence:
        if not isinstance(event, Event):
            raise RuleError(f"cites {event!r}, which is no event")
    if evidence:
        return evidence
    client = client_of(finding)
    if client is None or not because:
        raise RuleError("cites no event; give because=, an event or several")
    return (client.first,)


def _refuse_two_levels(concerns: list[Concern]) -> None:
    ends: dict[str | None, datetime | None] = {}
    for concern in sorted(concerns, key=_STARTS):
        about = concern.about
        if about in ends:
            end = ends[about]
            if end is None or concern.starts < end:
                what = "" if about is None else f" about {about!r}"
                raise RuleError(
                    f"states two levels at once{what}; end one where the other starts, or tell them apart by about="
                )
        ends[about] = concern.until


def _refuse_equal_actions(actions: list[Action]) -> None:
    known = {(action.about, tuple([event.ref for event in action.evidence])) for action in actions}
    if len(known) < len(actions):
        raise RuleError("recommends two actions about one thing on one evidence; tell them apart by about=")


_OURS = __file__.removesuffix("stating.py")
_RULES = (f"{_OURS}rules", f"{_OURS}book_rules")
_PYTHONS = traceback.__file__.removesuffix("traceback.py")
_INSTALLED = ("site-packages", "dist-packages")


def is_at_fault(file: str) -> bool:
    """Whether code of a file may be to blame for what a rule does: no generated code, none of Python, of ours rules alone."""
    if file.startswith(_OURS):
        return file.startswith(_RULES)
    return not file.startswith("<") and (not file.startswith(_PYTHONS) or any(part in file for part in _INSTALLED))


def cause_of(error: BaseException) -> str:
    """What was raised, and on which line of a rule or of what it calls, in one line of text."""
    if isinstance(error, Reported):
        return str(error)
    frames = [it for it in traceback.extract_tb(error.__traceback__) if is_at_fault(it.filename)]
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    try:
        said = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception that can't even be printed is still only a rule's failure
        said = "(without a text)"
    return f"{type(error).__name__}: {said}{where}"
