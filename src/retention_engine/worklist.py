"""The worklist: what is due in the whole book, as entries for people, by owner, in order and within a day's budget."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import attrs

from .binding import BoundRule
from .client import Client
from .declare import Settled
from .engine import AHEAD, Assessment, open_actions
from .events import ActionDismissed, ActionDone, ActionSnoozed, Engaged, Event
from .findings import Action, Health
from .moments import days, in_utc
from .stating import RuleFailure
from .words import contact


@attrs.frozen(kw_only=True)
class Pace:
    """How much is asked of an owner in a day, and how often a client is spoken with.

    Attributes:
        budget: how many entries an owner gets for a day; 0 for no limit.
        cooldown: how long after a conversation with a client there is no further one.
        escalate: how long an action may be overdue before it is marked as escalated.
    """

    budget: int = attrs.field(default=5, validator=attrs.validators.ge(0))
    cooldown: timedelta = attrs.field(default=days(5), validator=attrs.validators.ge(days(0)))
    escalate: timedelta = attrs.field(default=days(30), validator=attrs.validators.ge(days(0)))


STANDARD_PACE = Pace()


@attrs.frozen
class Waiting:
    """Why an entry is not for today.

    Attributes:
        why: `budget`, the owner has enough to do; or `cooldown`, the client was spoken with lately.
        spoken: when the client was spoken with.
        until: from when on the client may be spoken with again; unknown for `budget`.
    """

    why: Literal["budget", "cooldown"]
    spoken: datetime | None = None
    until: datetime | None = None


@attrs.frozen(kw_only=True)
class Entry:
    """One thing for one person to do: a conversation with a client, with all that it settles, or a single task.

    Attributes:
        client: the client's id.
        name: what the client is called.
        owner: who of us looks after the client.
        status: the client's health.
        prospect: whether the client has not signed yet.
        value: what is at risk: the client's annual value, else that of its term.
        currency: the currency of that, where it is known.
        kind: `conversation` or `task`.
        actions: what to do, the first due first; each is closed by its own id.
        escalated: whether it is overdue by more than the pace allows.
        waiting: why it is not for today, `None` where it is.
    """

    client: str
    name: str | None
    owner: str | None
    status: Health
    prospect: bool
    value: Decimal | None
    currency: str | None
    kind: Settled
    actions: tuple[Action, ...]
    escalated: bool
    waiting: Waiting | None = None

    @property
    def id(self) -> str:
        """The id of the action that is due first: the same as long as that action is open."""
        return self.actions[0].id

    @property
    def due(self) -> datetime:
        """When the first of its actions is due."""
        return self.actions[0].due


@attrs.frozen
class OwnerWorklist:
    """One owner's entries, in the order in which they are to be done; `owner` is `None` for clients without one."""

    owner: str | None
    today: tuple[Entry, ...] = ()
    waiting: tuple[Entry, ...] = ()


@attrs.frozen
class Worklist:
    """What is to be done at a moment, by owner.

    Attributes:
        at: the moment.
        owners: the owners who have entries, or were asked for, by name; clients without an owner come last.
        known_owners: every owner of a client that was looked at, whether or not anything is due.
        failures: the rules that could not be evaluated, for the clients looked at.
    """

    at: datetime
    owners: tuple[OwnerWorklist, ...]
    known_owners: frozenset[str]
    failures: tuple[RuleFailure, ...]

    @property
    def today(self) -> tuple[Entry, ...]:
        """The entries for today, of all owners."""
        return tuple(entry for owner in self.owners for entry in owner.today)

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """The entries that wait, of all owners."""
        return tuple(entry for owner in self.owners for entry in owner.waiting)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action of every entry, the first due first."""
        found = [action for entry in (*self.today, *self.waiting) for action in entry.actions]
        return tuple(sorted(found, key=lambda it: (it.due, it.client, it.rule, it.about or "")))

    def of(self, owner: str | None) -> OwnerWorklist:
        """One owner's entries; there are none where nothing is due or nobody is called so."""
        return next((found for found in self.owners if found.owner == owner), OwnerWorklist(owner))


def tasks_of(rules: Iterable[BoundRule]) -> frozenset[str]:
    """The names of the rules whose actions are tasks: they take no conversation with the client."""
    return frozenset(rule.name for rule in rules if rule.rule.settled_by == "task")


def worklist_of(
    assessments: Iterable[Assessment],
    *,
    at: datetime,
    tasks: Collection[str] = (),
    ahead: timedelta = AHEAD,
    owners: Collection[str | None] | None = None,
    pace: Pace = STANDARD_PACE,
    more: Iterable[Action] | None = None,
) -> Worklist:
    """What is due in the whole book, grouped, ordered, and shared out within each owner's budget.

    The assessments are taken one by one, and no client's history is kept.

    Entries are in the order of the day (UTC) on which they are due, where all that is overdue counts as due today, so that
    an old trifle doesn't go before a client about to be lost. On one day, the worst status goes first; then clients before
    prospects; then the higher value, unknown ones last; then what has been due for longer; then by the client's id. Values
    count by their number, whatever their currency.

    A conversation waits where the client was spoken with less than the cooldown ago, unless it can't wait: the client's
    status is critical, a complaint is open, the term ends before the cooldown does, an action was put off until a day
    after that conversation, or one conversation after the other has kept it waiting for longer than an action may be
    overdue.

    Args:
        assessments: every client's assessment at the moment.
        at: the moment.
        tasks: the rules whose actions are tasks; see `tasks_of`. All others take a conversation.
        ahead: how far ahead of the moment actions are listed.
        owners: the clients of these owners alone; `None` among them stands for clients without one.
        pace: budget, cooldown, escalation.
        more: further actions, each for a client, such as rules about the whole book recommend; read after the last
            assessment. What became of them is taken from the client's history, as for all others. Those for clients
            that have left, or are not in the book, are left out.

    Raises:
        TypeError: `owners` is a single text.
    """
    if isinstance(owners, str):
        raise TypeError(f"owners takes several names; write [{owners!r}]")
    moment = in_utc(at)
    known: set[str] = set()
    failures: list[RuleFailure] = []
    found: dict[str, tuple[_Facts, list[Action]]] = {}
    for assessment in assessments:
        owner = assessment.client.owner or None
        known |= {owner} if owner else set()
        if owners is not None and owner not in owners:
            continue
        failures += assessment.failures
        due = assessment.due(ahead)
        if due or (more is not None and assessment.status is not Health.LEFT):
            found[assessment.client.id] = (_Facts.of(assessment, pace.cooldown), list(due))

    for client, further in _by_client(more or ()).items():
        if client in found:
            facts, due_there = found[client]
            there = {action.id for action in due_there}
            still_open = {action.id: action for action in open_actions(facts.handled, further, moment)}
            due_there += (it for key, it in still_open.items() if key not in there and it.due - moment <= ahead)

    entries: dict[str | None, list[Entry]] = {owner: [] for owner in owners or ()}
    for facts, actions in found.values():
        for entry in _entries(facts, actions, frozenset(tasks), moment, pace):
            entries.setdefault(entry.owner, []).append(entry)
    by_name = sorted(entries, key=lambda owner: (owner is None, owner or ""))
    return Worklist(
        at=moment,
        owners=tuple(_shared_out(owner, entries[owner], pace.budget, moment) for owner in by_name),
        known_owners=frozenset(known),
        failures=tuple(failures),
    )


@attrs.frozen(kw_only=True)
class _Facts:
    """What the worklist needs to know of a client once its history is gone.

    Attributes:
        spoken: the latest conversation.
        spoken_since: the first of the conversations up to that one with less than the cooldown between any two.
        term_end: when the client's term ends.
        pressing: whether the client's state does not allow to wait.
        handled: the client with nothing but what became of its actions.
    """

    client: str
    name: str | None
    owner: str | None
    status: Health
    prospect: bool
    value: Decimal | None
    currency: str | None
    spoken: datetime | None
    spoken_since: datetime | None
    term_end: datetime | None
    pressing: bool
    handled: Client

    @classmethod
    def of(cls, assessment: Assessment, cooldown: timedelta) -> "_Facts":
        client, term = assessment.client, assessment.client.term
        value, currency = client.annual_value, None
        if value is None and term is not None:
            value, currency = term.value, term.currency
        spoken = [event.at for event in client.of(_conversation)]
        since = spoken[-1] if spoken else None
        for earlier in reversed(spoken):
            if since is None or since - earlier >= cooldown:
                break
            since = earlier
        return cls(
            client=client.id,
            name=client.name,
            owner=client.owner or None,
            status=assessment.status,
            prospect=client.stage == "prospect",
            value=value,
            currency=currency,
            spoken=spoken[-1] if spoken else None,
            spoken_since=since,
            term_end=term.end if term else None,
            pressing=assessment.status is Health.CRITICAL or bool(client.open_complaints),
            handled=Client(client.id, client.of(ActionDone, ActionDismissed, ActionSnoozed)),
        )

    def cooldown(self, actions: tuple[Action, ...], at: datetime, pace: Pace) -> Waiting | None:
        """Why these actions, due by a conversation, are to wait, if they are."""
        if self.spoken is None or self.spoken_since is None or self.pressing:
            return None
        until = self.spoken + pace.cooldown
        put_off = {event.action: event.until for event in self.handled.of(ActionSnoozed)}
        kept_since = max(actions[0].due, self.spoken_since)
        if (
            until <= at
            or (self.term_end is not None and at <= self.term_end <= until)
            or any(put_off.get(action.id, self.spoken) > self.spoken for action in actions)
            or at - kept_since > pace.escalate
        ):
            return None
        return Waiting("cooldown", self.spoken, until)


def _conversation(event: Event) -> bool:
    """We and the client spoke, and it was more than a greeting."""
    return isinstance(event, Engaged) and contact(event) and event.direction != "outbound" and event.depth != "token"


def _by_client(actions: Iterable[Action]) -> dict[str, list[Action]]:
    found: dict[str, list[Action]] = {}
    for action in actions:
        found.setdefault(action.client, []).append(action)
    return found


def _entries(facts: _Facts, actions: list[Action], tasks: frozenset[str], at: datetime, pace: Pace) -> Iterator[Entry]:
    """A client's actions as entries: those that a conversation settles are one, every task is one of its own."""
    in_order = sorted(actions, key=lambda it: (it.due, it.rule, it.about or ""))
    groups: list[tuple[Settled, tuple[Action, ...]]] = [("task", (it,)) for it in in_order if it.rule in tasks]
    if talk := tuple(it for it in in_order if it.rule not in tasks):
        groups.append(("conversation", talk))
    for kind, group in groups:
        yield Entry(
            client=facts.client,
            name=facts.name,
            owner=facts.owner,
            status=facts.status,
            prospect=facts.prospect,
            value=facts.value,
            currency=facts.currency,
            kind=kind,
            actions=group,
            escalated=at - group[0].due > pace.escalate,
            waiting=facts.cooldown(group, at, pace) if kind == "conversation" else None,
        )


def _turn(entry: Entry, today: date) -> tuple[date, int, bool, bool, Decimal, date, str, str, datetime, str, str]:
    """What the order of entries goes by."""
    first, due = entry.actions[0], entry.due.date()
    value = Decimal(0) if entry.value is None else -entry.value
    of_client = (entry.client, entry.kind, first.due, first.rule, first.about or "")
    return (max(due, today), -entry.status, entry.prospect, entry.value is None, value, due, *of_client)


def _shared_out(owner: str | None, entries: Iterable[Entry], budget: int, at: datetime) -> OwnerWorklist:
    """The first entries up to the budget are for today; what is kept waiting anyway takes nobody's place."""
    today: list[Entry] = []
    waiting: list[Entry] = []
    for entry in sorted(entries, key=lambda it: _turn(it, at.date())):
        if entry.waiting is not None:
            waiting.append(entry)
        elif budget and len(today) >= budget:
            waiting.append(attrs.evolve(entry, waiting=Waiting("budget")))
        else:
            today.append(entry)
    return OwnerWorklist(owner, tuple(today), tuple(waiting))
