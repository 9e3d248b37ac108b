"""What would mend it: the cheapest step that brings a client's health to a level, found by trying; nothing is recorded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations

import attrs

from .binding import BoundRule
from .catalogue import REMEDIES, Remedy, Step
from .client import Client
from .engine import Assessment, Engine, Schedule
from .errors import QuestionError
from .events import Event, Judged
from .findings import Concern, Health
from .history import Selector, matches
from .moments import LATEST, days, in_utc
from .outlook import ComingChange, coming_changes
from .stating import RuleFailure, state

MOST_STEPS = 3
"""How many entries of the catalogue are taken together at most."""
HORIZON = days(365)
"""How far is looked ahead for the last moment at which the same steps still do."""

TICK = timedelta(microseconds=1)
_STRIDE = days(7)

Subject = tuple[str, str | None]
"""What a concern is about: its rule, and that rule's `about`."""
Places = tuple[int, ...]
"""Steps, by their places in the order of cost."""


@attrs.frozen
class Rejection:
    """A step that is cheaper, and would not do.

    Attributes:
        step: the step.
        status: the status that the client would have.
        settles: the concerns in the way that it would settle.
        stays: the concerns that would then be in the way; those of them that are in the way already, first.
    """

    step: Step
    status: Health
    settles: tuple[Concern, ...]
    stays: tuple[Concern, ...]


@attrs.frozen(kw_only=True, slots=False)
class Repair:
    """What would bring a client's health to a level, by a catalogue of what could be done. All of it is a what-if.

    Attributes:
        before: the client at the moment at which something would be done, if nothing happens until then.
        target: the level, or better, that is to be reached.
        steps: what to do: nothing where nothing is needed, or where nothing in the catalogue does it.
        after: the client at that moment with the steps taken; `None` where nothing in the catalogue does it.
        rejected: the cheaper entries, each by itself, and why it would not do, the cheapest first; where nothing does it,
            all entries.
        suffices_until: the last instant until which the same steps, taken later, still do; `None` where they do until the
            horizon.
        then_stays: the concerns that would be in the way an instant after that.
        horizon: until when that was looked for.
        nearest: what would bring the client to the best level within reach, where the target is not, and the client is
            not at that level already.
    """

    before: Assessment
    target: Health
    steps: tuple[Step, ...]
    after: Assessment | None
    rejected: tuple[Rejection, ...]
    suffices_until: datetime | None
    then_stays: tuple[Concern, ...]
    horizon: datetime
    nearest: "Repair | None" = None

    @property
    def is_needed(self) -> bool:
        """Whether the client's health is worse than the level that is to be reached."""
        return self.before.status > self.target

    @property
    def is_possible(self) -> bool:
        """Whether the level is reached: by the steps, or without any."""
        return self.after is not None

    @property
    def when(self) -> datetime:
        """The moment at which something would be done."""
        return self.before.at

    @property
    def minutes(self) -> int:
        """What the steps cost."""
        return sum(step.minutes for step in self.steps)

    @property
    def events(self) -> tuple[Event, ...]:
        """What the steps would leave in the log."""
        return tuple(event for step in self.steps for event in step.events)

    @property
    def in_the_way(self) -> tuple[Concern, ...]:
        """The concerns by which the client is worse than it is to be, the worst first."""
        return in_the_way(self.before.schedule, self.when, self.target)

    @cached_property
    def ends(self) -> ComingChange | None:
        """The change by which the client, with the steps taken, becomes worse again than it is to be, if nothing happens."""
        if self.after is None:
            return None
        return next((change for change in coming_changes(self.after) if change.after > self.target), None)

    @cached_property
    def gets_worse(self) -> ComingChange | None:
        """The next change for the worse if nothing is done."""
        return next((change for change in coming_changes(self.before) if change.is_worse), None)

    @cached_property
    def mends_itself(self) -> ComingChange | None:
        """The change by which the client reaches the level without any step, where time alone does it."""
        if not self.is_needed:
            return None
        return next((change for change in coming_changes(self.before) if change.after <= self.target), None)

    @property
    def failures(self) -> tuple[RuleFailure, ...]:
        """The rules that could not be evaluated, for the client as it is or with the steps taken."""
        after = () if self.after is None else self.after.failures
        return tuple(dict.fromkeys((*self.before.failures, *after)))


def find_repair(
    engine: Engine,
    client: Client,
    *,
    at: datetime,
    when: datetime | None = None,
    target: Health = Health.HEALTHY,
    remedies: Iterable[Remedy] = REMEDIES,
    horizon: timedelta = HORIZON,
) -> Repair:
    """The cheapest step out of a catalogue that brings a client's health to a level, or better.

    Where no single entry does it, the cheapest of all sets of two or three; among equals, the fewest, then those that
    come first in the catalogue. Every single entry, and then every set in the order of cost, is tried: its events are
    added to the history, and the rules are asked.

    Args:
        engine: the rules.
        client: the client.
        at: the moment asked about; what happened later is not seen.
        when: the moment at which something would be done; the moment asked about, where none is given.
        target: the level to be reached.
        remedies: the catalogue.
        horizon: how far is looked ahead for the last moment at which the same steps still do.

    Raises:
        UnknownClient: nothing had happened by then.
        QuestionError: something is to be done before the moment asked about, or the client is to leave.
    """
    moment, then = in_utc(at), in_utc(when or at)
    if then < moment:
        raise QuestionError(f"{then.isoformat()} lies before {moment.isoformat()}: what is done is done later")
    if target is Health.LEFT:
        raise QuestionError("there is no repair that makes a client leave; ask for another level")
    known = client.as_of(moment)
    before = engine.assess(known, at=then)
    end = min(then + horizon, LATEST - TICK)
    catalogue = tuple(remedies)
    offered = [step for remedy in catalogue for step in remedy.steps(known, then)]
    trials = _Trials(engine, known, then, target, sorted(offered, key=lambda step: step.minutes))
    chosen: Places | None = ()
    if before.status > target:
        chosen = trials.cheapest(before)
    steps = trials.taken(chosen or ())
    limit = sum(step.minutes for step in steps)
    rejected = [
        trials.rejection(place, before)
        for place, step in enumerate(trials.steps)
        if before.status > target and (chosen is None or step.minutes < limit)
    ]
    found = Repair(
        before=before,
        target=target,
        steps=steps,
        after=None if chosen is None else before,
        rejected=tuple(rejected),
        suffices_until=None,
        then_stays=(),
        horizon=end,
    )
    if chosen is None and target + 1 < before.status:
        closer = find_repair(
            engine, known, at=moment, when=then, target=Health(target + 1), remedies=catalogue, horizon=horizon
        )
        return attrs.evolve(found, nearest=closer if closer.is_possible else closer.nearest)
    if not chosen:
        return found
    after = trials.assessed(chosen)
    last = _last_moment(trials, chosen, (before, after), end)
    stays = () if last is None else trials.in_the_way(chosen, last + TICK)
    return attrs.evolve(found, after=after, suffices_until=last, then_stays=stays)


def in_the_way(schedule: Schedule, moment: datetime, target: Health) -> tuple[Concern, ...]:
    """The concerns in force at a moment that are worse than a level, the worst first."""
    found = (concern for concern in schedule.concerns if concern.level > target and concern.in_force(moment))
    return tuple(sorted(found, key=lambda it: (-it.level, it.starts, it.rule, it.about or "")))


class _Trials:
    """A client with steps taken, one set after the other.

    A set is refused as soon as one rule states something that is worse than the target. What a rule states with steps
    taken is worked out once for those steps that it reads: an event that it did not ask for can't change what it says.

    Attributes:
        steps: all steps there are, the cheapest first.
        target: the level to be reached.
    """

    def __init__(self, engine: Engine, client: Client, when: datetime, target: Health, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self._engine = engine
        self._client = client
        self._when = when
        self.target = target
        self._rules = list(engine.rules)
        self._clients: dict[Places, Client] = {}
        self._stated: dict[tuple[str, Places], tuple[frozenset[tuple[Selector, ...]], bool]] = {}

    def taken(self, chosen: Places) -> tuple[Step, ...]:
        """The steps at these places, their events in their places in the log."""
        position = max((event.position for event in self._client.events), default=0)
        found = []
        for place in chosen:
            step = self.steps[place]
            events = tuple(event.at_position(position + number) for number, event in enumerate(step.events, start=1))
            position += len(events)
            found.append(attrs.evolve(step, events=events))
        return tuple(found)

    def assessed(self, chosen: Places, at: datetime | None = None) -> Assessment:
        """The client with steps taken at a moment, and as it is then."""
        moment = self._when if at is None else at
        return self._engine.assess(self._with(chosen, moment), at=moment)

    def in_the_way(self, chosen: Places, at: datetime) -> tuple[Concern, ...]:
        """What is worse than the target at a moment at which steps are taken."""
        return in_the_way(self.assessed(chosen, at).schedule, at, self.target)

    def cheapest(self, before: Assessment) -> Places | None:
        """The first of all sets, in the order in which they are to be tried, that reaches the target."""
        judges = any(isinstance(event, Judged) for step in self.steps for event in step.events)
        if before.judgement is not None and not judges and Health.named(before.judgement.level) > self.target:
            return None
        by_rules = before.judgement is None and not judges
        if by_rules and any(map(self._is_out_of_reach, self._rules)):
            return None
        for chosen in self._in_order():
            is_refused = by_rules and self._is_refused(chosen)
            if not is_refused and self.assessed(chosen).status <= self.target:
                return chosen
        return None

    def rejection(self, place: int, before: Assessment) -> Rejection:
        """What a step does by itself."""
        found = self.assessed((place,))
        old = in_the_way(before.schedule, self._when, self.target)
        new = in_the_way(found.schedule, self._when, self.target)
        kept, known = {subject(it) for it in new}, {subject(it) for it in old}
        return Rejection(
            self.taken((place,))[0],
            found.status,
            settles=tuple(it for it in old if subject(it) not in kept),
            stays=tuple(sorted(new, key=lambda it: subject(it) not in known)),
        )

    def _in_order(self) -> Iterator[Places]:
        places = range(len(self.steps))
        yield from ((place,) for place in places)
        sets = [chosen for size in range(2, MOST_STEPS + 1) for chosen in combinations(places, size)]
        yield from sorted(sets, key=lambda chosen: sum(self.steps[place].minutes for place in chosen))

    def _is_out_of_reach(self, rule: BoundRule) -> bool:
        """Whether a rule is in the way and reads nothing that any step would record."""
        reads, is_in_the_way = self._state(rule, ())
        return is_in_the_way and not any(self._is_read(place, reads) for place in range(len(self.steps)))

    def _is_refused(self, chosen: Places) -> bool:
        for place, rule in enumerate(self._rules):
            if self._is_in_the_way(rule, chosen):
                self._rules.insert(0, self._rules.pop(place))  # the next set is likely to fail by the same one
                return True
        return False

    def _is_in_the_way(self, rule: BoundRule, chosen: Places) -> bool:
        read: Places = ()
        while True:
            reads, is_in_the_way = self._state(rule, read)
            more = tuple(place for place in chosen if place in read or self._is_read(place, reads))
            if more == read:
                return is_in_the_way
            read = more

    def _state(self, rule: BoundRule, read: Places) -> tuple[frozenset[tuple[Selector, ...]], bool]:
        key = (rule.name, read)
        if key not in self._stated:
            if read not in self._clients:
                self._clients[read] = self._with(read, self._when)
            client = self._clients[read]
            with client.reading() as reads:
                stated = state(rule, client)
            if isinstance(stated, RuleFailure):
                refuses = self.target < Health.UNKNOWN
            else:
                refuses = bool(in_the_way(Schedule.of([stated], None), self._when, self.target))
            self._stated[key] = (frozenset(reads), refuses)
        return self._stated[key]

    def _is_read(self, place: int, reads: Iterable[tuple[Selector, ...]]) -> bool:
        try:
            return any(matches(event, selectors) for selectors in reads for event in self.steps[place].events)
        except Exception:  # noqa: BLE001 - a condition that fails is a rule's failure, which asking it will tell
            return True

    def _with(self, chosen: Places, moment: datetime) -> Client:
        events = [event for step in self.taken(chosen) for event in step.events]
        if moment != self._when:
            events = [attrs.evolve(event, at=moment, recorded_at=moment) for event in events]
        return Client(self._client.id, [*self._client.events, *events])


def subject(concern: Concern) -> Subject:
    """What a concern is about, however bad it is."""
    return concern.rule, concern.about


def _last_moment(trials: _Trials, chosen: Places, known: Sequence[Assessment], end: datetime) -> datetime | None:
    """The last instant until which the steps do, and what is in the way after it.

    Looked at is every boundary of what the rules state without the steps and with them, and a day in every week; where the
    steps no longer do at one of these, the instant just before it, and then those between it and the one before.
    """
    start = known[0].at
    probes = {start, end}
    probes |= {start + _STRIDE * count for count in range(1, (end - start) // _STRIDE + 1)}
    probes |= {moment for it in known for moment in it.schedule.boundaries}

    def does(moment: datetime) -> bool:
        return trials.assessed(chosen, moment).status <= trials.target

    good = start
    for bad in sorted(moment for moment in probes if start < moment <= end):
        if not does(bad):
            return bad - TICK if does(bad - TICK) else _last_that(does, good, bad - TICK)
        good = bad
    return None


def _last_that(does: Callable[[datetime], bool], good: datetime, bad: datetime) -> datetime:
    while bad - good > TICK:
        middle = good + (bad - good) // 2
        good, bad = (middle, bad) if does(middle) else (good, middle)
    return good
