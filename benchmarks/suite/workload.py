"""A book of business made up with a fixed seed: the events of many clients in the order in which they were recorded.

Events come one by one, and what is remembered of a client is a few numbers, so that ten million of them take no more
memory than their half million clients do. A client has some twenty events over three years; one has 10,000 of them and
three have 2,000. The first event is its profile. Clients sign and mostly renew, complain and mostly get an answer, go
quiet and sometimes leave; one event in thirty is recorded days after it happened.
"""

from array import array
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

SEED = 20_260_701
START = datetime(2023, 7, 1, tzinfo=UTC)
MOMENT = datetime(2026, 7, 1, tzinfo=UTC)
"""The moment asked about: all events lie before it."""

EVENTS_A_CLIENT = 20
JOINING = 0.7
"""New clients come until so much of the time has passed."""

LARGEST, LARGE, FEW = 10_000, 2_000, 3
"""How many events the largest client has, and how many each of the next few."""

WEIGHT_SPREAD = 0.9
LATE = 0.03
LATEST_HOURS = 240
NO_TERM = 10
"""One client in so many never signs a term."""

TERM_DAYS = 365
AHEAD_DAYS = 60
"""How long before a term ends the client may renew."""

SIGNS, RENEWS, ANSWERED, EXCEEDED, NOTED = 0.25, 0.6, 0.3, 0.05, 0.3
"""How likely an event of a client is the first signature, a renewal that is due, the answer to an open complaint; and an
engagement more than expected, one with a note."""

HAPPENINGS = (
    ("engaged", 86.35),
    ("complained", 4),
    ("introduced", 3),
    ("referred", 3),
    ("measured", 2),
    ("profiled", 1.5),
    ("left", 0.15),
)
PURPOSES = (
    ("general", 30),
    ("delivery", 20),
    ("invoice", 10),
    ("newsletter", 8),
    ("advice", 6),
    ("review", 6),
    ("resource", 5),
    ("report", 5),
    ("feedback", 4),
    ("appreciation", 3),
    ("social", 3),
)
DIRECTIONS = (("outbound", 45), ("two_way", 35), ("inbound", 20))
GIVEN = (("given", 60), ("received", 40))
BY_US = (("us", 80), ("client", 20))
SEVERITIES = (("minor", 60), ("major", 30), ("critical", 10))
TIERS = (("standard", 65), ("small", 25), ("key", 10))
PEOPLE = ("ada", "ben", "cleo", "dan", "eve", "finn", "gita", "hugo")

Said = dict[str, Any]
"""What an event says, by field name; instants are aware datetimes."""


def clients_of(events: int, events_a_client: int = EVENTS_A_CLIENT) -> int:
    """How many clients a workload of so many events has."""
    return max(5, events // events_a_client)


def client_name(number: int) -> str:
    """The id of a client."""
    return f"client-{number:06}"


def workload(events: int, events_a_client: int = EVENTS_A_CLIENT) -> Iterator[Said]:
    """The events of a book, in the order in which they were recorded; besides `events`, a profile for each client.

    The same numbers give the same events, whatever the machine. No two of them happen at the same instant, and none on a
    full second, so that their instants are texts of one length.
    """
    return iter(_Book(events, clients_of(events, events_a_client)))


def one_history(events: int) -> list[Said]:
    """The history of a single client of so many events, as the largest of a book has it."""
    book = _Book(events, 1)
    return list(book)[:events]


class _Book:
    def __init__(self, events: int, clients: int) -> None:
        self._events = events
        self._clients = clients
        self._random = Random(SEED + events)  # noqa: S311 - a log that can be made again, not a secret
        largest, large = min(LARGEST, events // 10), min(LARGE, events // 50)
        self._turns = dict(enumerate((largest, *[large] * FEW))) if large and clients > FEW + 1 else {}
        weights = (0.0 if it in self._turns else self._random.lognormvariate(0, WEIGHT_SPREAD) for it in range(clients))
        self._weights = array("d", accumulate(weights))
        self._term_ends = array("q", [0]) * clients
        self._open: dict[int, list[str]] = {}
        self._gone: set[int] = set()

    def __iter__(self) -> Iterator[Said]:
        slot = (MOMENT - START) / self._events
        clients_an_event = self._clients / (JOINING * self._events)
        joined = 0
        for number in range(self._events):
            recorded = _off_the_second(START + slot * (number + self._random.random()))
            client = self._turn(number)
            if client is None or client >= joined:
                client = None
                if joined < self._clients and number * clients_an_event >= joined:
                    client = joined
                    joined += 1
                    yield self._profile(client, _off_the_second(recorded - timedelta(milliseconds=1)))
            if client is None:
                client = self._anybody(joined)
            said = {
                "client": client_name(client),
                "id": f"e{number}",
                "at": recorded,
                **self._happening(client, number, recorded),
            }
            if self._random.random() < LATE:
                delay = timedelta(hours=self._random.uniform(1, LATEST_HOURS))
                said |= {"at": _off_the_second(recorded - delay), "recorded_at": recorded}
            yield said

    def _turn(self, number: int) -> int | None:
        """The large client whose turn it is, if it is one's."""
        for client, times in self._turns.items():
            if number % (self._events // times) == client:
                return client
        return None

    def _anybody(self, joined: int) -> int:
        """One of the clients so far; one who has left is seldom heard of again."""
        total = self._weights[joined - 1]
        client = joined - 1
        for _ in range(4):
            client = min(bisect(self._weights, self._random.random() * total, hi=joined), joined - 1)
            if client not in self._gone:
                break
        return client

    def _profile(self, client: int, at: datetime) -> Said:
        return {
            "client": client_name(client),
            "id": f"p{client}",
            "at": at,
            "kind": "profiled",
            "name": f"Client {client} Ltd",
            "tier": self._pick(TIERS),
            "owner": PEOPLE[client % len(PEOPLE)],
        }

    def _happening(self, client: int, number: int, at: datetime) -> Said:  # noqa: PLR0911 - one a kind
        """What happens to a client, from what happened to it before."""
        random = self._random
        if client % NO_TERM != NO_TERM - 1 and self._signs(client, at):
            return self._renewal(client, at)
        if client in self._open and random.random() < ANSWERED:
            return self._settlement(client)
        match self._pick(HAPPENINGS):
            case "complained":
                self._open.setdefault(client, []).append(f"e{number}")
                topic = random.choice(("price", "delay", "quality"))
                return {"kind": "complained", "severity": self._pick(SEVERITIES), "topic": topic}
            case "introduced":
                return {"kind": "introduced", "initiated_by": self._pick(BY_US), "role": "peer"}
            case "referred":
                return {"kind": "referred", "direction": self._pick(GIVEN)}
            case "measured":
                return {
                    "kind": "measured",
                    "measure": "uptime",
                    "value": round(random.uniform(97, 100), 2),
                    "target": 99,
                }
            case "profiled" if number % 2:
                return {"kind": "profiled", "cadence_days": random.choice((30, 45, 60, 120))}
            case "profiled":
                return {"kind": "profiled", "tier": self._pick(TIERS)}
            case "left" if client not in self._turns:
                self._gone.add(client)
                return {"kind": "left", "reason": random.choice(("price", "closed", "competitor"))}
            case _:
                return self._engagement(client, number)

    def _engagement(self, client: int, number: int) -> Said:
        random = self._random
        said: Said = {"kind": "engaged", "by": PEOPLE[(client + number) % len(PEOPLE)]}
        said["purpose"] = purpose = self._pick(PURPOSES)
        said["direction"] = "outbound" if purpose in {"delivery", "invoice", "newsletter"} else self._pick(DIRECTIONS)
        said["channel"] = random.choice(("phone", "mail", "meeting"))
        if random.random() < EXCEEDED:
            said["exceeded"] = True
        if random.random() < NOTED:
            said["note"] = f"spoke about order {random.randrange(10**6)} and what comes next"
        return said

    def _signs(self, client: int, at: datetime) -> bool:
        ends = self._term_ends[client]
        if not ends:
            return self._random.random() < SIGNS
        return ends - at.toordinal() < AHEAD_DAYS and self._random.random() < RENEWS

    def _renewal(self, client: int, at: datetime) -> Said:
        today = at.toordinal()
        starts = max(self._term_ends[client], today)
        self._term_ends[client] = ends = starts + TERM_DAYS
        return {
            "kind": "renewed",
            "term_end": datetime.fromordinal(ends).replace(tzinfo=UTC),
            "value": self._random.randrange(1_000, 100_000),
            "currency": "EUR",
        }

    def _settlement(self, client: int) -> Said:
        complaints = self._open[client]
        complaint = complaints.pop(0)
        if not complaints:
            del self._open[client]
        if self._random.random() < ANSWERED:
            return {"kind": "resolved", "complaint": complaint}
        return {"kind": "engaged", "purpose": "resolution", "channel": "phone", "resolves": complaint}

    def _pick(self, weighted: tuple[tuple[str, float], ...]) -> str:
        """One of some words, the first ones being the likeliest; the weights add up to 100."""
        left = self._random.random() * 100
        for word, weight in weighted:
            left -= weight
            if left < 0:
                return word
        return weighted[-1][0]


def _off_the_second(moment: datetime) -> datetime:
    return moment if moment.microsecond else moment.replace(microsecond=1)
