"""The core: what rules state of a client's history, read at a moment."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

import attrs

from .binding import BoundRule, bound
from .client import Client
from .declare import RuleFunction
from .errors import RuleError, UnknownClient
from .events import ActionDismissed, ActionDone, ActionSnoozed, Judged
from .findings import Action, Concern, Health
from .stating import RuleFailure, Stated, state

AHEAD = timedelta(days=7)
"""How far ahead of the moment actions are listed, unless said otherwise."""


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
    def of(cls, stated: Iterable[Stated], judgement: Judged | None) -> "Schedule":
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
