"""Every past status of a client, exact to the instant, from one pass over the history.

After each event the rules state anew what follows if nothing else happens; what they state holds until the next event.
A rule is asked again only where an event came that it would read, so that a history costs about as much as its events.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from operator import attrgetter

import attrs

from .binding import BoundRule
from .client import Client
from .engine import Engine, Schedule
from .errors import UnknownClient
from .events import Event
from .findings import Concern, Health
from .growing import retold
from .history import ANYTHING, Selector
from .stating import RuleFailure, Stated, state


@attrs.frozen
class Spell:
    """A client's status during `[starts, until)`.

    Attributes:
        status: the status.
        starts: from when.
        until: until just before when; `None` where the timeline ends with it.
        because: the concerns of that level that were in force when it began; none where the client was well, or a
            person had judged.
        events: what happened at that very instant; none where the status changed because time went by.
    """

    status: Health
    starts: datetime
    until: datetime | None
    because: tuple[Concern, ...]
    events: tuple[Event, ...]


class KeptRules:
    """Rules that remember what they stated of a growing history, and what they read for it.

    Args:
        rules: the rules.
    """

    def __init__(self, rules: Iterable[BoundRule]) -> None:
        self.rules = tuple(rules)
        self._stated: list[Stated] = [() for _ in self.rules]
        self._reads: list[set[tuple[Selector, ...]]] = [set() for _ in self.rules]
        self._readers: dict[tuple[Selector, ...], set[int]] = {}
        self._unasked = set(range(len(self.rules)))

    def schedule(self, client: Client, changed: Iterable[tuple[Selector, ...]]) -> Schedule:
        """What the rules state of a client's history.

        Args:
            client: the client, grown since the last time.
            changed: which of the kinds and conditions asked for before are answered otherwise since.
        """
        if not client:
            return Schedule((), (), (), client.judgement)
        news = set(changed)
        asked_again = self._unasked.union(*(self._readers.get(selectors, ()) for selectors in news))
        for place in range(len(self.rules)) if ANYTHING in news else asked_again:
            with client.reading() as asked:
                self._stated[place] = state(self.rules[place], client)
            if asked != self._reads[place]:
                for selectors in self._reads[place] - asked:
                    self._readers[selectors].discard(place)
                for selectors in asked - self._reads[place]:
                    self._readers.setdefault(selectors, set()).add(place)
                self._reads[place] = asked
        self._unasked.clear()
        return Schedule.of(self._stated, client.judgement)


def schedules(engine: Engine, client: Client) -> Iterator[tuple[Client, Schedule]]:
    """The client after each instant at which something happened, and what the rules state of it then."""
    kept = KeptRules(engine.rules)
    for known, changed in retold(client):
        yield known, kept.schedule(known, changed)


@attrs.frozen
class Timeline:
    """A client's statuses from the first event until a moment.

    Attributes:
        client: the client as of that moment.
        until: the moment.
        spells: the statuses in order; neighbours differ, and each begins where the one before it ends.
        failures: the rules that could not be evaluated after some event, each once.
    """

    client: Client
    until: datetime
    spells: tuple[Spell, ...]
    failures: tuple[RuleFailure, ...]

    def status(self, moment: datetime) -> Health | None:
        """The status at a moment; `None` before the first event and after the timeline's end."""
        place = bisect_right(self.spells, moment, key=attrgetter("starts"))
        return self.spells[place - 1].status if place and moment <= self.until else None


def timeline(engine: Engine, client: Client, *, until: datetime) -> Timeline:
    """Every status of a client from the first event until a moment, that moment included.

    Args:
        engine: the rules.
        client: the client, with all that counts as known.
        until: the moment at which the timeline ends; what happened later is not seen.

    Raises:
        UnknownClient: nothing had happened by then.
    """
    known = client.as_of(until)
    if not known:
        raise UnknownClient(f"nothing is known of the client {client.id!r} as of {until.isoformat()}")
    failures: dict[RuleFailure, None] = {}
    spells: list[Spell] = []
    for spell in _spells(engine, known, until, failures):
        if spells and spells[-1].status is spell.status:
            spells[-1] = attrs.evolve(spells[-1], until=spell.until)
        else:
            spells.append(spell)
    return Timeline(known, until, tuple(spells), tuple(failures))


def count_by_status(timelines: Iterable[Timeline], moments: Sequence[datetime]) -> list[dict[Health, int]]:
    """How many clients were at each level at each of the moments; a client counts from its first event on."""
    counts: list[dict[Health, int]] = [dict.fromkeys(Health, 0) for _ in moments]
    for one in timelines:
        for moment, count in zip(moments, counts, strict=True):
            status = one.status(moment)
            if status is not None:
                count[status] += 1
    return counts


def _spells(engine: Engine, client: Client, end: datetime, failures: dict[RuleFailure, None]) -> Iterator[Spell]:
    """What held between one event and the next, and where it changed there because time went by; failures are noted."""
    before: tuple[Client, Schedule] | None = None
    for known, schedule in schedules(engine, client):
        failures |= dict.fromkeys(schedule.failures)
        if before is not None:
            yield from _between(*before, end, known.latest_at)
        before = (known, schedule) if known else None
    if before is not None:
        yield from _between(*before, end, None)


def _between(client: Client, schedule: Schedule, end: datetime, until: datetime | None) -> Iterator[Spell]:
    """What a schedule says from the client's latest event until the next, or else until the end, which is included."""
    starts = client.latest_at
    edges = [edge for concern in schedule.concerns for edge in (concern.starts, concern.until) if edge is not None]
    if schedule.judgement is not None:
        edges += [schedule.judgement.at, *([schedule.judgement.until] if schedule.judgement.until else [])]
    passed = sorted({it for it in edges if starts < it and (it <= end if until is None else it < until)})
    for moment, ends in zip([starts, *passed], [*passed, until], strict=True):
        status = schedule.status(moment)
        in_force = (concern for concern in schedule.concerns if concern.level is status and concern.in_force(moment))
        because = () if schedule.judged(moment) else tuple(in_force)
        yield Spell(status, moment, ends, because, _happened(client, moment) if moment == starts else ())


def _happened(client: Client, moment: datetime) -> tuple[Event, ...]:
    """What happened at the instant of the client's latest event."""
    return tuple(takewhile(lambda event: event.at == moment, reversed(client.events)))[::-1]
