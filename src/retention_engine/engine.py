"""The core: rules run over a client's history, read at a moment. A rule that fails is a value, not an accident."""

import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import attrgetter

import attrs

from .client import Client
from .declare import BoundRule, RuleFunction, bound
from .errors import Reported, RuleError, UnknownClient
from .events import ActionDismissed, ActionDone, ActionSnoozed, Event, Judged
from .findings import Action, Concern, Finding, Health, attributed_action, attributed_concern

_STARTS = attrgetter("starts")

AHEAD = timedelta(days=7)
"""How far ahead of the moment actions are listed, unless said otherwise."""


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


@attrs.frozen(slots=False)
class Schedule:
    """What all rules state of one history, whatever the moment: read it at a moment to get a status.

    Attributes:
        concerns: every concern, past, in force and coming.
        actions: every action, whether or not it was carried out.
        failures: the rules that could not be evaluated.
        judgement: the latest verdict of a person, if there is one.
    """

    concerns: tuple[Concern, ...]
    actions: tuple[Action, ...]
    failures: tuple[RuleFailure, ...]
    judgement: Judged | None

    @classmethod
    def of(cls, stated: Iterable["Stated"], judgement: Judged | None) -> "Schedule":
        """What several rules state, together."""
        concerns: list[Concern] = []
        actions: list[Action] = []
        failures: list[RuleFailure] = []
        for one in stated:
            if isinstance(one, RuleFailure):
                failures.append(one)
                continue
            for finding in one:
                if isinstance(finding, Concern):
                    concerns.append(finding)
                else:
                    actions.append(finding)
        return cls(tuple(concerns), tuple(actions), tuple(failures), judgement)

    def computed(self, moment: datetime) -> Health:
        """The worst level in force by the rules alone; no better than `UNKNOWN` where a rule failed."""
        return self._worst(self._in_force(moment))

    def _in_force(self, moment: datetime) -> list[Concern]:
        return [concern for concern in self.concerns if concern.in_force(moment)]

    def _worst(self, in_force: Iterable[Concern]) -> Health:
        levels = [concern.level for concern in in_force]
        levels.append(Health.UNKNOWN if self.failures else Health.HEALTHY)
        return max(levels)

    def judged(self, moment: datetime) -> Judged | None:
        """The person's verdict, if it is in force."""
        verdict = self.judgement
        if verdict is None or verdict.at > moment or (verdict.until is not None and verdict.until <= moment):
            return None
        return verdict

    def status(self, moment: datetime) -> Health:
        """The client's health: a person's verdict while it lasts, else what the rules say."""
        return self._status(moment, self._in_force(moment))

    def _status(self, moment: datetime, in_force: Iterable[Concern]) -> Health:
        verdict = self.judged(moment)
        if verdict is None:
            return self._worst(in_force)
        level = Health.named(verdict.level)
        return max(level, Health.UNKNOWN) if self.failures else level

    @cached_property
    def boundaries(self) -> tuple[datetime, ...]:
        """The instants at which the status can change if nothing else happens, in order."""
        instants = {concern.starts for concern in self.concerns}
        instants |= {concern.until for concern in self.concerns if concern.until is not None}
        if self.judgement is not None:
            instants |= {self.judgement.at}
            instants |= {self.judgement.until} if self.judgement.until is not None else set()
        return tuple(sorted(instants))

    def changes(self, after: datetime) -> Iterable["Change"]:
        """The changes of status after a moment, if nothing else happens, in order."""
        before = self.status(after)
        for moment in self.boundaries:
            if moment > after and (status := self.status(moment)) != before:
                yield Change(moment, before, status, tuple(self._behind(moment, before, status)))
                before = status

    def ends_verdict(self, moment: datetime) -> Judged | None:
        """The person's verdict, if it ends at that very instant."""
        verdict = self.judgement
        return verdict if verdict is not None and verdict.until == moment else None

    def _behind(self, moment: datetime, before: Health, after: Health) -> Iterable[Concern]:
        """What starts or ends there at the worse of two levels; what then comes to light, where a verdict ends."""
        level = max(before, after)
        for concern in self.concerns:
            if self.ends_verdict(moment):
                if concern.level is after and concern.in_force(moment):
                    yield concern
            elif concern.level is level and moment in (concern.starts, concern.until):
                yield concern


@attrs.frozen
class Change:
    """The status changes at an instant, because these concerns start or end there, or come to light as a verdict ends."""

    at: datetime
    before: Health
    after: Health
    because: tuple[Concern, ...]


@attrs.frozen(slots=False)
class Assessment:
    """One client's health and next actions at a moment.

    Attributes:
        client: the client, cut at the moment.
        at: the moment.
        status: the client's health: a person's verdict while one is in force, else what the rules say.
        concerns: the concerns in force, worst first.
        actions: the open actions, whenever due, the first due first; none once the client has left.
        schedule: all that the rules state, with what is yet to come.
    """

    client: Client
    at: datetime
    status: Health
    concerns: tuple[Concern, ...]
    actions: tuple[Action, ...]
    schedule: Schedule

    @classmethod
    def read(cls, client: Client, schedule: Schedule, at: datetime) -> "Assessment":
        """What a schedule says at a moment of the client that it was made for, cut at the moment."""
        in_force = schedule._in_force(at)  # noqa: SLF001 - of this module
        status = schedule._status(at, in_force)  # noqa: SLF001 - of this module
        left = status is Health.LEFT
        if left:
            in_force = [concern for concern in in_force if concern.level is Health.LEFT]
        return cls(
            client=client,
            at=at,
            status=status,
            concerns=tuple(sorted(in_force, key=lambda it: (-it.level, it.starts, it.rule, it.about or ""))),
            actions=() if left else open_actions(client, schedule.actions, at),
            schedule=schedule,
        )

    @property
    def failures(self) -> tuple[RuleFailure, ...]:
        """The rules that could not be evaluated for this client."""
        return self.schedule.failures

    @property
    def judgement(self) -> Judged | None:
        """The person's verdict in force, if there is one."""
        return self.schedule.judged(self.at)

    @property
    def next_change(self) -> Change | None:
        """The next change of status if nothing else happens, `None` where none is coming."""
        return next(iter(self.schedule.changes(self.at)), None)

    def due(self, ahead: timedelta = AHEAD) -> tuple[Action, ...]:
        """The open actions due by so much after the moment."""
        return tuple(action for action in self.actions if action.due - self.at <= ahead)


class Engine:
    """Rules with their settings, ready to assess clients. It knows no store, no file and no clock.

    Args:
        rules: functions declared with `@rule`, or such rules bound to settings.

    Raises:
        RuleError: something given is no rule about one client, or two rules have one name.
    """

    def __init__(self, rules: Iterable[RuleFunction | BoundRule]) -> None:
        self.rules: tuple[BoundRule, ...] = in_order(rules)
        for rule in self.rules:
            if rule.rule.scope != "client":
                raise RuleError(f"rule {rule.name!r} is about the whole book; give it to assess_book")

    def schedule(self, client: Client) -> Schedule:
        """What the rules state of a client's history, if nothing else happens."""
        stated = [state(rule, client) for rule in self.rules] if client else ()
        return Schedule.of(stated, client.judgement)

    def assess(self, client: Client, *, at: datetime) -> Assessment:
        """A client's health and next actions at a moment, from what had happened by then.

        Raises:
            UnknownClient: nothing had happened by then.
        """
        known = client.as_of(at)
        if not known:
            raise UnknownClient(f"nothing is known of the client {client.id!r} as of {at.isoformat()}")
        return Assessment.read(known, self.schedule(known), at)


def state(rule: BoundRule, client: Client) -> Stated:
    """What a rule states of a client's history, in full or not at all."""
    try:
        return checked(rule, rule.findings(client), lambda _: client)
    except Exception as error:  # noqa: BLE001 - whatever a rule raises, the other verdicts stand
        return RuleFailure(rule.name, client.id, cause_of(error), rule.rule.distribution)


def in_order(rules: Iterable[RuleFunction | BoundRule]) -> tuple[BoundRule, ...]:
    """Rules ready to run, by name.

    Raises:
        RuleError: something given is no rule, or two rules have one name.
    """
    found = tuple(sorted(map(bound, rules), key=lambda rule: rule.name))
    for one, other in pairwise(found):
        if one.name == other.name:
            origins = f"{one.rule.origin} and {other.rule.origin}"
            raise RuleError(f"two rules are named {one.name!r}, in {origins}; rename one of them")
    return found


def open_actions(client: Client, actions: Collection[Action], at: datetime) -> tuple[Action, ...]:
    """The actions that nobody has carried out, dismissed, or snoozed beyond the moment; the first due first."""
    if not actions:
        return ()
    ended = {event.action for event in client.of(ActionDone)} | {event.action for event in client.of(ActionDismissed)}
    hidden_until = {event.action: event.until for event in client.of(ActionSnoozed)}
    still_open = [
        action
        for action in actions
        if not (ended or hidden_until)
        or (action.id not in ended and (action.id not in hidden_until or hidden_until[action.id] <= at))
    ]
    return tuple(sorted(still_open, key=lambda it: (it.due, it.rule, it.about or "")))


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
    for finding in findings:
        if not isinstance(finding, (Concern, Action)):
            raise RuleError(f"yields {finding!r}; a rule yields Concern and Action")
        client = client_of(finding)
        because = _evidence(finding, client)
        if isinstance(finding, Action):
            if client is None:
                raise RuleError(f"recommends an action about {finding.about!r}; about= is to be a client's id")
            stated.append(attributed_action(finding, name, because, client.id))
        elif finding.until is None or finding.starts < finding.until:
            stated.append(attributed_concern(finding, name, because, finding.message or rule.rule.about))
    if len(stated) > 1:
        _refuse_contradictions(stated)
    return stated


def _evidence(finding: Finding, client: Client | None) -> tuple[Event, ...]:
    evidence = finding.evidence
    for event in evidence:
        if not isinstance(event, Event):
            raise RuleError(f"cites {event!r}, which is no event")
    if evidence:
        return evidence
    if client is None or not finding.because:
        raise RuleError("cites no event; give because=, an event or several")
    return (client.first,)


def _refuse_contradictions(stated: list[Finding]) -> None:
    concerns: dict[str | None, list[Concern]] = {}
    actions: dict[str | None, list[Action]] = {}
    for finding in stated:
        if isinstance(finding, Concern):
            concerns.setdefault(finding.about, []).append(finding)
        else:
            actions.setdefault(finding.about, []).append(finding)
    for recommended in actions.values():
        cited = [tuple(event.ref for event in action.evidence) for action in recommended] if recommended[1:] else []
        if len(set(cited)) < len(cited):
            raise RuleError("recommends two actions about one thing on one evidence; tell them apart by about=")
    for about, found in concerns.items():
        found.sort(key=_STARTS)
        for one, other in pairwise(found):
            if one.until is None or other.starts < one.until:
                what = "" if about is None else f" about {about!r}"
                raise RuleError(
                    f"states two levels at once{what}; end one where the other starts, or tell them apart by about="
                )


_OURS = __file__.removesuffix("engine.py")
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
