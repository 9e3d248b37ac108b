"""The limit: the rules of the pack `essentials` written by hand over msgspec Structs and SQLite, without an engine.

It reads the very rows that the package reads and gives the same results for the same log, which `replay.py` checks. It
checks no checksum, knows no settings, and decodes no field that these rules don't read.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, json

DAY = timedelta(days=1)
LEVELS = ("healthy", "unknown", "watch", "at-risk", "critical", "left")
HEALTHY, UNKNOWN, WATCH, AT_RISK, CRITICAL, LEFT = range(6)
SERVICE = ("delivery", "invoice")


class Fact(Struct, gc=False, tag_field="kind"):
    """What all events have; narrow: only what the rules read."""

    at: datetime
    id: str | None = None
    position: int = 0

    @property
    def ref(self) -> str:
        """How the event is cited."""
        return self.id or f"#{self.position}"


class Engaged(Fact, gc=False, tag="engaged"):
    """Contact, or a delivery or invoice."""

    purpose: str = "general"
    direction: str = "two_way"
    resolves: str | None = None


class Introduced(Fact, gc=False, tag="introduced"):
    """Somebody was introduced."""


class Referred(Fact, gc=False, tag="referred"):
    """Somebody was recommended."""

    direction: str = ""


class Complained(Fact, gc=False, tag="complained"):
    """Something is wrong."""

    severity: str = "minor"


class Renewed(Fact, gc=False, tag="renewed"):
    """The client signed."""

    term_end: datetime | None = None


class Resolved(Fact, gc=False, tag="resolved"):
    """A complaint was settled."""

    complaint: str = ""


class Profiled(Fact, gc=False, tag="profiled"):
    """Something about the client was noted."""

    tier: str | None = None
    cadence_days: int | None = None


class Measured(Fact, gc=False, tag="measured"):
    """A measure came out."""


class Left(Fact, gc=False, tag="left"):
    """The client left."""


class ActionDone(Fact, gc=False, tag="action_done"):
    """An action was carried out."""

    action: str = ""


class ActionSnoozed(Fact, gc=False, tag="action_snoozed", kw_only=True):
    """An action is to stay away for a while."""

    action: str = ""
    until: datetime


class ActionDismissed(Fact, gc=False, tag="action_dismissed"):
    """An action was turned down."""

    action: str = ""


class Judged(Fact, gc=False, tag="judged"):
    """A person's own verdict."""

    level: str = ""
    until: datetime | None = None


class Retracted(Fact, gc=False, tag="retracted"):
    """An event is not to count."""

    event: str = ""


ANY = (
    Engaged | Introduced | Referred | Complained | Renewed | Resolved | Profiled | Measured | Left
    | ActionDone | ActionSnoozed | ActionDismissed | Judged | Retracted
)  # fmt: skip
PAGES = json.Decoder(list[ANY])
PAGE = 5_000


class Concern(NamedTuple):
    """A concern in force."""

    rule: str
    level: int
    starts: datetime
    until: datetime | None
    about: str | None
    because: tuple[str, ...]
    message: str


class Action(NamedTuple):
    """An open action."""

    rule: str
    due: datetime
    about: str | None
    because: tuple[str, ...]
    message: str


class Verdict(NamedTuple):
    """What holds for a client."""

    client: str
    status: int
    concerns: list[Concern]
    actions: list[Action]


QUIET = "Nobody has been in touch with the client for longer than agreed."
UNHEARD = "The client has not spoken to us lately, so nothing shows that they are well."
ALONE = "The client signed and was then left alone."
SILENT = "The renewal is near and nobody has talked to the client."
LAPSED = "The client's term has ended and was not renewed."
GONE = "The client has left."
OPEN = "A complaint is not resolved."
REPEATED = "Complaints pile up, resolved or not."
CALL = "Get in touch, about something other than work or invoices."
AFTER_SIGNING = "Call to open the work after signing."
RESOLVE = "Resolve the complaint and tell the client how."


def replay(path: Path, at: datetime) -> Iterator[Verdict]:
    """Every client's verdict at a moment, by client, with one page of events in memory."""
    for client, facts in histories(path):
        if verdict := assess(client, facts, at):
            yield verdict


def histories(path: Path) -> Iterator[tuple[str, list[Fact]]]:
    """The events of each client in the order in which they were stored."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT originator_id, rowid, state FROM stored_events ORDER BY originator_id, originator_version"
    )
    for client, pairs in groupby(_decoded(rows), key=itemgetter(0)):
        yield client, [fact for _, fact in pairs]
    connection.close()


def scanned(path: Path) -> dict[str, list[Fact]]:
    """The same in the order of the rows: all of the log in memory."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = connection.execute("SELECT originator_id, rowid, state FROM stored_events ORDER BY rowid")
    found: dict[str, list[Fact]] = {}
    for client, fact in _decoded(rows):
        if client in found:
            found[client].append(fact)
        else:
            found[client] = [fact]
    connection.close()
    return found


def _decoded(rows: sqlite3.Cursor) -> Iterator[tuple[str, Fact]]:
    while page := rows.fetchmany(PAGE):
        clients, positions, states = zip(*page, strict=True)
        facts = PAGES.decode(b"[" + b",".join(states) + b"]")
        for fact, position in zip(facts, positions, strict=True):
            fact.position = position
        yield from zip(clients, facts, strict=True)


def assess(client: str, facts: list[Fact], at: datetime) -> Verdict | None:  # noqa: C901, PLR0912, PLR0915 - one loop over the history is what is quick
    """A client's verdict at a moment."""
    facts.sort(key=attrgetter("at"))
    gone = {fact.event for fact in facts if type(fact) is Retracted}
    first: Fact | None = None
    contact: Fact | None = None
    heard: Fact | None = None
    signed: Fact | None = None
    term: Renewed | None = None
    left: Fact | None = None
    judged: Judged | None = None
    tier: str | None = None
    cadence: int | None = None
    is_alone = True
    complaints: list[Complained] = []
    settled: set[str] = set()
    ended: set[str] = set()
    snoozed: dict[str, datetime] = {}
    for fact in facts:
        if fact.at > at:
            break
        if gone and fact.id in gone:
            continue
        kind = type(fact)
        if kind is Engaged:
            first = first or fact
            if fact.purpose not in SERVICE:
                contact = fact
                is_alone = left = None
                if fact.direction != "outbound":
                    heard = fact
            if fact.resolves is not None:
                settled.add(fact.resolves)
        elif kind is Introduced or kind is Referred:
            first = first or fact
            contact = fact
            is_alone = left = None
            if kind is Referred and fact.direction == "received":
                heard = fact
        elif kind is Complained:
            first = first or fact
            heard = fact
            complaints.append(fact)
        elif kind is Renewed:
            first = first or fact
            left = None
            if signed is None:
                signed, is_alone = fact, True
            if fact.term_end is not None and (term is None or fact.term_end >= term.term_end):
                term = fact
        elif kind is Profiled:
            first = first or fact
            tier = fact.tier or tier
            cadence = cadence if fact.cadence_days is None else fact.cadence_days
        elif kind is ActionDone or kind is ActionDismissed:
            ended.add(fact.action)
        elif kind is ActionSnoozed:
            snoozed[fact.action] = fact.until
        elif kind is not Retracted:
            first = first or fact
            if kind is Left:
                left = fact
            elif kind is Judged:
                judged = fact
            elif kind is Resolved:
                settled.add(fact.complaint)
    if first is None:
        return None

    is_key = tier == "key"
    concerns: list[Concern] = []
    actions: list[Action] = []

    since = (contact or first).at
    cited = ((contact or first).ref,)
    due = since + (cadence * DAY if cadence else (30 if is_key else 90) * DAY)
    overdue = due if is_key else due + 30 * DAY
    if due <= at < overdue:
        concerns.append(Concern("quiet-client", WATCH, due, overdue, None, cited, QUIET))
    elif overdue <= at:
        concerns.append(Concern("quiet-client", AT_RISK, overdue, None, None, cited, QUIET))
    actions.append(Action("quiet-client", due, None, cited, CALL))

    starts = heard.at + 90 * DAY if heard else first.at
    if starts <= at:
        concerns.append(Concern("unheard-client", UNKNOWN, starts, None, None, ((heard or first).ref,), UNHEARD))

    if signed is not None and is_alone:
        due = signed.at + 14 * DAY
        if due <= at:
            concerns.append(Concern("handoff-gap", WATCH, due, None, None, (signed.ref,), ALONE))
        actions.append(Action("handoff-gap", due, None, (signed.ref,), AFTER_SIGNING))

    if term is not None:
        end = term.term_end
        starts = max(end - 60 * DAY, since + 30 * DAY)
        if starts <= at < end:
            both = (term.ref, contact.ref) if contact else (term.ref,)
            concerns.append(Concern("silent-renewal", AT_RISK, starts, end, None, both, SILENT))
        lost = end + 30 * DAY
        if end <= at < lost:
            concerns.append(Concern("lapsed-term", CRITICAL, end, lost, None, (term.ref,), LAPSED))
        elif lost <= at:
            concerns.append(Concern("lapsed-term", LEFT, lost, None, None, (term.ref,), LAPSED))

    if left is not None:
        concerns.append(Concern("departed-client", LEFT, left.at, None, None, (left.ref,), GONE))

    for fact in complaints:
        if fact.id is None or fact.id not in settled:
            ref = fact.ref
            due = fact.at + (DAY if is_key else 7 * DAY)
            if due <= at:
                worst = CRITICAL if fact.severity == "critical" else AT_RISK
                concerns.append(Concern("open-complaint", worst, due, None, ref, (ref,), OPEN))
            else:
                concerns.append(Concern("open-complaint", WATCH, fact.at, due, ref, (ref,), OPEN))
            actions.append(Action("open-complaint", due, ref, (ref,), RESOLVE))

    if len(complaints) > 2:  # noqa: PLR2004 - the rule counts to three
        recent = complaints[-3:]
        until = recent[0].at + 90 * DAY
        if recent[-1].at <= at < until:
            refs = tuple(fact.ref for fact in recent)
            concerns.append(Concern("repeated-complaints", AT_RISK, recent[-1].at, until, None, refs, REPEATED))

    status = max((concern.level for concern in concerns), default=HEALTHY)
    if judged is not None and (judged.until is None or at < judged.until):
        status = LEVELS.index(judged.level)
    if status == LEFT:
        concerns, actions = [concern for concern in concerns if concern.level == LEFT], []
    if ended or snoozed:
        actions = [action for action in actions if _is_open(client, action, ended, snoozed, at)]
    if len(concerns) > 1:
        concerns.sort(key=lambda it: (-it.level, it.starts, it.rule, it.about or ""))
    if len(actions) > 1:
        actions.sort(key=lambda it: (it.due, it.rule, it.about or ""))
    return Verdict(client, status, concerns, actions)


def _is_open(client: str, action: Action, ended: set[str], snoozed: dict[str, datetime], at: datetime) -> bool:
    name = sha256(json.encode([client, action.rule, action.about, action.because])).hexdigest()[:16]
    return name not in ended and (name not in snoozed or snoozed[name] <= at)
