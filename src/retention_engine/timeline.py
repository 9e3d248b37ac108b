"""Every past status of a client, exact to the instant, from one pass over the history.

After each event the rules state anew what follows if nothing else happens; what they state holds until the next event.
A rule is asked again only where an event came that it would read, so that a history costs about as much as its events.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile

import attrs

from .client import Client
from .declare import BoundRule
from .engine import Engine, Schedule, Stated, state
from .errors import UnknownClient
from .events import Event
from .findings import Concern, Health
from .history import Selector, matches


@attrs.frozen
class Standing:
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


def timeline(engine: Engine, client: Client, *, until: datetime) -> tuple[Standing, ...]:
    """A client's statuses from the first event until a moment, in order; neighbours differ.

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
    standings: list[Standing] = []
    for standing in _standings(engine, known, until):
        if standings and standings[-1].status is standing.status:
            standings[-1] = attrs.evolve(standings[-1], until=standing.until)
        else:
            standings.append(standing)
    return tuple(standings)


def _standings(engine: Engine, client: Client, end: datetime) -> Iterator[Standing]:
    """What held between one event and the next, and where it changed there because time went by."""
    seen = [(known, schedule) for known, schedule in schedules(engine, client) if known]
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
            yield Standing(status, moment, ends, because, _happened(known, moment))


def _happened(client: Client, moment: datetime) -> tuple[Event, ...]:
    """What happened at an instant which no event of the client follows."""
    return tuple(takewhile(lambda event: event.at == moment, reversed(client.events)))[::-1]
