"""What every rule promises, one law a promise: what it means, how it is broken, what to do."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

import attrs

from ..binding import BoundRule
from ..client import Client
from ..codec import decode, encode
from ..errors import UnknownClient
from ..events import Event, Profiled
from ..findings import Finding
from ..kinds import KINDS
from ..purity import forbidding
from ..reaches import impurity
from ..stating import cause_of, checked
from .answers import (
    Identity,
    are_same,
    differ,
    identity_of,
    level_of,
    outcome_of,
    renamed,
    sides,
    span_of,
    told,
    under,
)
from .giving import altered
from .happenings import CLIENT
from .strategies import moved
from .values import MICROSECOND, START
from .writing import indented


@attrs.frozen(slots=False, kw_only=True)
class Inert(Event):
    """An event that no rule reads."""

    kind: ClassVar[str] = "testing.inert"


@attrs.frozen
class Law:
    """One promise of every rule.

    Attributes:
        name: the promise, in a few words.
        means: what it means, and why it matters.
        remedy: what to do where it is broken.
        breach: how a rule breaks it for a history, in words; empty where it keeps it.
        variants: the histories to look at instead of one.
    """

    name: str
    means: str
    remedy: str
    breach: Callable[[BoundRule, Client], str]
    variants: Callable[[Client], Iterable[Client]] = lambda client: (client,)

    def broken(self, rule: BoundRule, client: Client) -> tuple[Client, str] | None:
        """The history by which a rule breaks it, and how; `None` where the rule keeps it."""
        found = ((variant, self.breach(rule, variant)) for variant in self.variants(client))
        return next((pair for pair in found if pair[1]), None)


def _changes_by_itself(rule: BoundRule, client: Client) -> str:
    first = outcome_of(rule, client)
    half = Client(
        "another", [altered(event, client="another") for event in client.events[: len(client.events) // 2 + 1]]
    )
    for other in (half, renamed(client, "a third")):
        outcome_of(rule, other)
    again, rebuilt = outcome_of(rule, client), outcome_of(rule, renamed(client, client.id))
    second = rebuilt if are_same(first, again) else again
    return "" if are_same(first, second) else sides("at first", first, "asked again", second)


DETERMINISTIC = Law(
    "of the same history, it always says the same",
    "The same history was asked about twice, with other clients in between, and the answers differ. Then nobody can tell "
    "why a client was red last week.",
    "let it read its client and nothing else: no counters, caches or lists outside the function, and no order of sets.",
    _changes_by_itself,
)


def _changes_by_the_log(rule: BoundRule, client: Client) -> str:
    own = {type(event) for event in client.events} - set(KINDS.values())
    kinds = KINDS.adding(*own)
    read = [decode(encode(event), position=event.position, kinds=kinds) for event in reversed(client.events)]
    return differ(rule, "as built", client, "read from the log", Client.from_events(client.id, read))


SURVIVES_THE_LOG = Law(
    "of a client read from the log, it says the same",
    "The events were written as lines of a log and read back in another order, each with its position, and the findings "
    "differ. In use, clients always come from a log.",
    "compare events by what they say (==, .id, .ref, .order), never by identity, and keep nothing on them.",
    _changes_by_the_log,
)


def _states_nonsense(rule: BoundRule, client: Client) -> str:
    found = outcome_of(rule, client)
    if isinstance(found, Exception):
        return f"It {told(found)}"
    for finding in found:
        for event in finding.evidence:
            if event.client != client.id or event not in client.events:
                return f"It cites an event that is not of this history: {event!r}"
    return ""


VALID = Law(
    "it states valid findings alone",
    "A rule that fails, cites nothing or something else, or states two levels about one thing at once says nothing: the "
    "engine drops all its findings for the client, whose status is then unknown at best.",
    "mend what the message says. Check for what may be missing (client.latest(...) may be None, client.of(...) empty), give "
    "because= the events that it rests on, and end one level where the next one starts.",
    _states_nonsense,
)


def _looks(client: Client) -> list[tuple[int, str, bytes]]:
    """What the events are and say; what their classes keep in them besides, such as cached properties, is none of it."""
    return [(id(event), repr(event), encode(event)) for event in client.events]


def _changes_history(rule: BoundRule, client: Client) -> str:
    name, before, was = client.id, _looks(client), [altered(event) for event in client.events]
    outcome_of(rule, client)
    if client.id == name and _looks(client) == before:
        return ""
    after = client.events
    changed = [
        f"{event!r}\nbecame\n{now!r}" for event, now in zip(was, after, strict=False) if repr(event) != repr(now)
    ]
    return "It changed\n\n" + indented("\n".join(changed) or f"{name!r}, {was!r}\nto\n{client.id!r}, {list(after)!r}")


LEAVES_HISTORY = Law(
    "it leaves the history as it is",
    "After the rule was asked, an event was another one. All other rules read the same events, and what was recorded must "
    "stay what was recorded.",
    "write to nothing that belongs to the client or its events: work on values of your own.",
    _changes_history,
)


def _listens_to_anything(rule: BoundRule, client: Client) -> str:
    last = client.events[-1]
    place = max(event.position for event in client.events) + 1
    for later in (timedelta(days=1), timedelta(days=400), MICROSECOND):
        inert = Inert(client=client.id, at=last.at + later, position=place)
        longer = Client.from_events(client.id, [*client.events, inert])
        if said := differ(rule, "before", client, "after an event of no meaning", longer):
            return said
    return ""


HONEST = Law(
    "an event that it does not read changes nothing",
    "An event of a kind that no rule reads was added at the end, and the findings changed. Then an invoice can postpone a "
    "warning, or set one off.",
    "count from the events that the finding is about, such as client.latest(contact) or client.base(contact), and never "
    "from client.events[-1], client.latest_at or the number of all events.",
    _listens_to_anything,
)


def _reaches_out(rule: BoundRule, client: Client) -> str:
    with forbidding(rule.rule.function.__module__) as attempts:
        outcome_of(rule, client)
    return f"It {impurity(attempts[0])}." if attempts else ""


PURE = Law(
    "it reads the history and nothing else",
    "The rule reached for something that is not in the history. Then its answer depends on when and where it is asked, and "
    "neither a replay nor a test can repeat it.",
    "as said above.",
    _reaches_out,
)


def strangers() -> Iterator[Client]:
    """Clients of whom a rule knows next to nothing."""
    yield Client.from_events(CLIENT, [Inert(client=CLIENT, at=START)])
    yield Client.from_events(CLIENT, [Profiled(client=CLIENT, at=START, tier="key", owner="jo")])
    yield Client(CLIENT, [])


def _stumbles(rule: BoundRule, client: Client) -> str:
    try:
        checked(rule, rule.findings(client), lambda _: client)
    except UnknownClient as error:
        return f"It raises {cause_of(error)}" if client else ""  # the engine asks of nobody of whom nothing is known
    except Exception as error:  # noqa: BLE001 - whatever a rule raises, it is the answer
        return f"It raises {cause_of(error)}"
    return ""


COPES = Law(
    "it copes with histories that lack what it looks for",
    "Most clients lack some kind of event. A rule that fails there makes them unknown, all of them.",
    "check before you take: client.latest(...) gives None where there is none, client.of(...)[-1] raises IndexError, and "
    "client.base(...) falls back on the first event.",
    _stumbles,
)


def _spaced(client: Client) -> Client:
    """The same history with each instant moved to a second of its own, so that no span of whole minutes meets another."""
    instants = set()

    def note(moment: datetime) -> datetime:
        instants.add(moment)
        return moment

    for event in client.events:
        moved(event, note)
    midnights = [(at, at.replace(hour=0, minute=0, second=0, microsecond=0)) for at in sorted(instants)]
    places = {at: midnight + timedelta(seconds=place) for place, (at, midnight) in enumerate(midnights)}
    return Client.from_events(client.id, [moved(event, places.__getitem__) for event in client.events])


def _spread(client: Client) -> tuple[Client, timedelta]:
    """The same history with ties a microsecond apart, in the order of their positions; and how far they are spread."""
    events: list[Event] = []
    longest = timedelta(0)
    for event in client.events:
        at = max(event.at, events[-1].at + MICROSECOND) if events else event.at
        longest = max(longest, at - event.at)
        events.append(_at(event, at))
    return Client.from_events(client.id, events), longest


def _crowded(client: Client, size: int) -> Client:
    """The same history with so many neighbouring instants made one, the earliest of them."""
    instants = sorted({event.at for event in client.events})
    earliest = {at: instants[place - place % size] for place, at in enumerate(instants)}
    return Client.from_events(client.id, [_at(event, earliest[event.at]) for event in client.events])


def _at(event: Event, at: datetime) -> Event:
    recorded_at = at if event.recorded_at == event.at else event.recorded_at
    return altered(event, at=at, recorded_at=recorded_at)


def _with_ties(client: Client) -> Iterator[Client]:
    """The same history with the ties that it has, and with more of them; each instant at a second of its own."""
    for size in (1, 2, 3, len(client.events)):
        tied = _crowded(client, size)
        if len({event.at for event in tied.events}) < len(tied.events):
            yield _spaced(tied)


def _forgets_ties(rule: BoundRule, client: Client, identity: Callable[[Finding], Identity] = identity_of) -> str:
    spread, longest = _spread(client)
    one, other = outcome_of(rule, client), outcome_of(rule, spread)
    if not isinstance(one, Exception) and not isinstance(other, Exception):
        one = [finding for finding in one if not _is_brief(finding, longest)]
        other = [_nearest(finding, one, longest, identity) for finding in other if not _is_brief(finding, longest)]
    return "" if are_same(one, other) else sides("tied", one, "a microsecond apart", other)


def _is_brief(finding: Finding, longest: timedelta) -> bool:
    starts, until = span_of(finding)
    return until is not None and until - starts <= longest


def _nearest(
    finding: Finding, others: Iterable[Finding], most: timedelta, identity: Callable[[Finding], Identity]
) -> Finding:
    """The other finding that says the same, up to so much time; else the finding itself."""
    for other in others:
        if identity(other) == identity(finding) and all(map(_is_near(most), span_of(finding), span_of(other))):
            return other
    return finding


def _is_near(most: timedelta) -> Callable[[datetime | None, datetime | None], bool]:
    def is_near(one: datetime | None, other: datetime | None) -> bool:
        return one is other if one is None or other is None else abs(one - other) <= most

    return is_near


TIES = Law(
    "events at one instant count in the order of their positions",
    "Many logs know days, not hours, and so many events share an instant; the one recorded first came first. Told a "
    "microsecond apart, in that order, they must mean the same.",
    "ask client.after(event, ...) for what followed, or compare event.order, which is the instant and the position; "
    "comparing .at alone takes what followed at the same instant for what went before, or the other way round. Where the "
    "rule means to pick one of several equally old things by an order of its own, say so: picks_among_ties = True.",
    _forgets_ties,
    _with_ties,
)
TIES_BY_TIME = attrs.evolve(TIES, breach=partial(_forgets_ties, identity=level_of))


def _rewrites_the_past(rule: BoundRule, client: Client) -> str:
    whole = renamed(client)
    outcome_of(rule, whole)
    for moment in sorted({event.at for event in client.events}):
        known = under(whole.id, outcome_of(rule, whole.as_of(moment)), client)
        fresh = renamed(client.as_of(moment))
        anew = under(fresh.id, outcome_of(rule, fresh), client)
        if not are_same(anew, known):
            return f"As of {moment.isoformat()}\n\n" + sides("asked then", anew, "asked afterwards", known)
    return ""


PAST = Law(
    "what came later does not change the past",
    "The whole history was asked about first, and then what the rule would have said earlier; a client of whom it had never "
    "heard more gets another answer. Timelines and back-tests ask in just this way.",
    "remember nothing by client: no cache by client.id, no attribute on the function, no list outside it.",
    _rewrites_the_past,
)
