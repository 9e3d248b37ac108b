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

from .client import Client
from .declare import BoundRule
from .engine import Engine, RuleFailure, Schedule, Stated, state
from .errors import UnknownClient
from .events import Event
from .findings import Concern, Health
from .history import Selector, matches


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
        self._stated: dict[str, tuple[frozenset[tuple[Selector, ...]], Stated]] = {}

    def schedule(self, client: Client, news: Sequence[Event]) -> Schedule:
        """What the rules state of a client's history, of which `news` are the events since the last time."""
        if not client:
            return Schedule((), (), (), client.judgement)
        changed: dict[tuple[Selector, ...], bool] = {}

        def has_changed(selectors: tuple[Selector, ...]) -> bool:
            if selectors not in changed:
                changed[selectors] = any(matches(event, selectors) for event in news)
            return changed[selectors]

        for rule in self.rules:
            reads, _ = self._stated.get(rule.name, (None, ()))
            if reads is None or any(map(has_changed, reads)):
                with client.reading() as reading:
                    stated = state(rule, client)
                self._stated[rule.name] = (frozenset(reading), stated)
        return Schedule.of((self._stated[rule.name][1] for rule in self.rules), client.judgement)


def schedules(engine: Engine, client: Client) -> Iterator[tuple[Client, Schedule]]:
    """The client after each instant at which something happened, and what the rules state of it then."""
    kept = KeptRules(engine.rules)
    seen = 0
    for known in client.prefixes():
        news = known.events[seen:]
        seen += len(news)
        yield known, kept.schedule(known, news)


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
    seen = [(known, schedule) for known, schedule in schedules(engine, client) if known]
    failures |= dict.fromkeys(failure for _, schedule in seen for failure in schedule.failures)
    following = [known.events[-1].at for known, _ in seen[1:]]
    for (known, schedule), until in zip(seen, [*following, None], strict=True):
        starts = known.events[-1].at
        passed = [
            moment
            for moment in schedule.boundaries
            if starts < moment and (moment <= end if until is None else moment < until)
        ]
        for moment, ends in zip([starts, *passed], [*passed, until], strict=True):
            status = schedule.status(moment)
            in_force = (
                concern for concern in schedule.concerns if concern.level is status and concern.in_force(moment)
            )
            because = () if schedule.judged(moment) else tuple(in_force)
            yield Spell(status, moment, ends, because, _happened(known, moment))


def _happened(client: Client, moment: datetime) -> tuple[Event, ...]:
    """What happened at an instant which no event of the client follows."""
    return tuple(takewhile(lambda event: event.at == moment, reversed(client.events)))[::-1]
