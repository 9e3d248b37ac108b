"""The rules of the pack `essentials` as somebody would write them by hand, for one program and one moment.

No settings file, no messages, no evidence, no retractions, no verdicts of people: a client's facts are sorted into the
lists that the rules read, and eight functions state the levels and the due instants. It is what the contenders without an
engine share, and what the engine is held against.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, ClassVar

import msgspec
from answers import Item

AHEAD = timedelta(days=7)
HEALTHY, UNKNOWN, WATCH, AT_RISK, CRITICAL, LEFT = range(6)

EVERY, GRACE = timedelta(days=90), timedelta(days=30)
KEY_EVERY, KEY_GRACE = timedelta(days=30), timedelta(0)
WINDOW = timedelta(days=90)
WITHIN = timedelta(days=14)
PATIENCE, KEY_PATIENCE = timedelta(days=7), timedelta(days=1)
TIMES = 3
SILENT_AHEAD, QUIET = timedelta(days=60), timedelta(days=30)
LAPSE = timedelta(days=30)
SERVICE = frozenset({"delivery", "invoice"})


class Fact(msgspec.Struct, gc=False):
    """What the rules read of an event, decoded straight from the log's JSON; all else is skipped."""

    client: str
    kind: str
    at: datetime
    id: str | None = None
    purpose: str = "general"
    direction: str = "two_way"
    resolves: str | None = None
    complaint: str | None = None
    severity: str = "minor"
    term_end: datetime | None = None
    tier: str | None = None
    cadence_days: int | None = None


class Whole(msgspec.Struct, gc=False, tag_field="kind"):
    """An event with all that the log carries of it, for whoever does not know beforehand what the rules will read."""

    client: str
    at: datetime
    id: str | None = None
    recorded_at: datetime | None = None
    by: str | None = None
    note: str | None = None


class Engaged(Whole, tag="engaged"):
    """We and the client had to do with each other."""

    kind: ClassVar[str] = "engaged"
    purpose: str = "general"
    depth: str = "routine"
    direction: str = "two_way"
    channel: str | None = None
    with_: tuple[str, ...] = msgspec.field(default=(), name="with")
    exceeded: bool = False
    reactive_to: str | None = None
    resolves: str | None = None
    asked: tuple[str, ...] = ()
    answers: dict[str, str] | None = None
    agreed_by: tuple[str, ...] = ()
    our_view: int | None = None
    client_view: int | None = None
    learned: str | None = None
    competitor: str | None = None
    topic: str | None = None


class Introduced(Whole, tag="introduced"):
    """Somebody was introduced."""

    kind: ClassVar[str] = "introduced"
    to: str | None = None
    role: str | None = None
    initiated_by: str = "us"
    outcome: str | None = None


class Referred(Whole, tag="referred"):
    """Somebody was recommended."""

    kind: ClassVar[str] = "referred"
    direction: str = "given"
    prospect: str | None = None
    outcome: str | None = None


class Complained(Whole, tag="complained"):
    """Something is wrong."""

    kind: ClassVar[str] = "complained"
    severity: str = "minor"
    topic: str | None = None
    threatens_to_leave: bool = False
    competitor: str | None = None


class Renewed(Whole, tag="renewed"):
    """The client signed."""

    kind: ClassVar[str] = "renewed"
    term_start: datetime | None = None
    term_end: datetime | None = None
    value: float | str | None = None
    currency: str | None = None


class Resolved(Whole, tag="resolved"):
    """A complaint was settled."""

    kind: ClassVar[str] = "resolved"
    complaint: str | None = None


class Profiled(Whole, tag="profiled"):
    """Something about the client was noted."""

    kind: ClassVar[str] = "profiled"
    name: str | None = None
    tier: str | None = None
    owner: str | None = None
    stage: str | None = None
    channel: str | None = None
    annual_value: float | str | None = None
    timezone: str | None = None
    cadence_days: int | None = None
    plan: str | None = None


class Measured(Whole, tag="measured"):
    """A measure came out."""

    kind: ClassVar[str] = "measured"
    measure: str = ""
    value: float | str = 0
    target: float | str = 0


class Left(Whole, tag="left"):
    """The client left."""

    kind: ClassVar[str] = "left"
    reason: str | None = None
    controllable: bool = True


WholeEvent = Engaged | Introduced | Referred | Complained | Renewed | Resolved | Profiled | Measured | Left


_AT = attrgetter("at")


class History:
    """A client's facts in order, sorted into what the rules read."""

    __slots__ = ("cadence", "complaints", "contacts", "heard", "left", "renewals", "settled", "since", "tier")

    def __init__(self, facts: Iterable[Any]) -> None:  # noqa: C901, PLR0912 - one pass over the facts is what is quick
        ordered = sorted(facts, key=_AT)
        self.since = ordered[0].at
        self.contacts: list[Any] = []
        self.heard: list[Any] = []
        self.complaints: list[Any] = []
        self.settled: set[str | None] = set()
        self.renewals: list[Any] = []
        self.left: list[Any] = []
        self.tier = "standard"
        self.cadence: int | None = None
        for fact in ordered:
            match fact.kind:
                case "engaged":
                    if fact.resolves is not None:
                        self.settled.add(fact.resolves)
                    if fact.purpose not in SERVICE:
                        self.contacts.append(fact)
                        if fact.direction != "outbound":
                            self.heard.append(fact)
                case "introduced":
                    self.contacts.append(fact)
                case "referred":
                    self.contacts.append(fact)
                    if fact.direction == "received":
                        self.heard.append(fact)
                case "complained":
                    self.complaints.append(fact)
                    self.heard.append(fact)
                case "resolved":
                    self.settled.add(fact.complaint)
                case "renewed":
                    self.renewals.append(fact)
                case "profiled":
                    self.tier = fact.tier or self.tier
                    self.cadence = fact.cadence_days or self.cadence
                case "left":
                    self.left.append(fact)

    @property
    def last_contact(self) -> datetime:
        """When somebody was last in touch, or when it all began."""
        return self.contacts[-1].at if self.contacts else self.since

    @property
    def term_end(self) -> datetime | None:
        """When the term that ends last ends."""
        return max((it.term_end for it in self.renewals if it.term_end), default=None)


Concern = tuple[int, datetime, datetime | None]
"""A level, from when, until when."""

Action = tuple[str, datetime]
"""A rule, and when what it recommends is due."""


def quiet_client(history: History, concerns: list[Concern], actions: list[Action]) -> None:
    """Nobody has been in touch."""
    every, grace = (KEY_EVERY, KEY_GRACE) if history.tier == "key" else (EVERY, GRACE)
    due = history.last_contact + (every if history.cadence is None else timedelta(days=history.cadence))
    concerns.extend(((WATCH, due, due + grace), (AT_RISK, due + grace, None)))
    actions.append(("quiet-client", due))


def unheard_client(history: History, concerns: list[Concern], _: list[Action]) -> None:
    """The client has said nothing lately."""
    concerns.append((UNKNOWN, history.heard[-1].at + WINDOW if history.heard else history.since, None))


def handoff_gap(history: History, concerns: list[Concern], actions: list[Action]) -> None:
    """Signed, and then left alone."""
    if history.renewals:
        signed = history.renewals[0].at
        if not history.contacts or history.contacts[-1].at < signed:
            concerns.append((WATCH, signed + WITHIN, None))
            actions.append(("handoff-gap", signed + WITHIN))


def open_complaint(history: History, concerns: list[Concern], actions: list[Action]) -> None:
    """Complaints that nobody has settled."""
    patience = KEY_PATIENCE if history.tier == "key" else PATIENCE
    for complaint in history.complaints:
        if complaint.id not in history.settled:
            due = complaint.at + patience
            concerns.append((WATCH, complaint.at, due))
            concerns.append((CRITICAL if complaint.severity == "critical" else AT_RISK, due, None))
            actions.append(("open-complaint", due))


def repeated_complaints(history: History, concerns: list[Concern], _: list[Action]) -> None:
    """Complaints pile up."""
    recent = history.complaints[-TIMES:]
    if len(recent) == TIMES:
        concerns.append((AT_RISK, recent[-1].at, recent[0].at + WINDOW))


def silent_renewal(history: History, concerns: list[Concern], _: list[Action]) -> None:
    """The term's end is near, and nobody has spoken with the client."""
    end = history.term_end
    if end is not None:
        concerns.append((AT_RISK, max(end - SILENT_AHEAD, history.last_contact + QUIET), end))


def lapsed_term(history: History, concerns: list[Concern], _: list[Action]) -> None:
    """The term has ended."""
    end = history.term_end
    if end is not None:
        concerns.extend(((CRITICAL, end, end + LAPSE), (LEFT, end + LAPSE, None)))


def departed_client(history: History, concerns: list[Concern], _: list[Action]) -> None:
    """The client has left, and has not come back."""
    if history.left:
        left = history.left[-1].at
        if all(not later or later[-1].at < left for later in (history.contacts, history.renewals)):
            concerns.append((LEFT, left, None))


RULES = (
    quiet_client,
    unheard_client,
    handoff_gap,
    open_complaint,
    repeated_complaints,
    silent_renewal,
    lapsed_term,
    departed_client,
)


def stated(history: History) -> tuple[list[Concern], list[Action]]:
    """What the eight rules state of a client."""
    concerns: list[Concern] = []
    actions: list[Action] = []
    for rule in RULES:
        rule(history, concerns, actions)
    return concerns, actions


def status_at(concerns: Iterable[Concern], moment: datetime) -> int:
    """The worst level in force."""
    worst = HEALTHY
    for level, starts, until in concerns:
        if level > worst and starts <= moment and (until is None or moment < until):
            worst = level
    return worst


def assessed(client: str, facts: Iterable[Any], moment: datetime) -> Iterator[Item]:
    """A client's status at a moment, and the actions due within a week of it; none where the client has left."""
    concerns, actions = stated(History(facts))
    status = status_at(concerns, moment)
    yield client, status
    if status != LEFT:
        horizon = moment + AHEAD
        for rule, due in actions:
            if due <= horizon:
                yield client, rule, due
