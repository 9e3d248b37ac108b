"""What every rule promises, as tests to inherit; hypothesis looks for the history that breaks one of the promises."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from inspect import getattr_static
from itertools import count
from textwrap import fill
from typing import Any, ClassVar

import attrs
import hypothesis
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from ..client import Client
from ..codec import decode, encode
from ..declare import BoundRule, RuleFunction
from ..engine import cause_of, checked
from ..errors import RuleError, UnknownClient
from ..events import Event, Profiled
from ..findings import Action, Concern, Finding
from ..formats.examples import read_example, what_is_said
from ..history import Selector, matches
from ..kinds import KINDS, Kinds
from ..purity import forbidding, impurity
from .asking import findings, ready
from .comparing import comparison
from .giving import altered
from .happenings import CLIENT
from .stated import Stated, Statements, stated
from .strategies import MICROSECOND, START, histories, moved, simplest
from .writing import client_code, history_table, indented

Outcome = Sequence[Finding] | Exception
"""What a rule states of a history, or what it raises instead."""


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


class RuleContract:
    """What every rule promises; inherit it in a class whose name starts with `Test`, and say which rule it is about.

    Each test draws histories with hypothesis, as many as its profile says, and tries those of the rule's own examples
    first, and one with an event of each kind. A failure says which promise was broken, by which history, and what to do.

    Attributes:
        rule: the rule: a function declared with `@rule`, or a `BoundRule`.
        kinds: event kinds of your own that the rule reads.
        settings: values for the rule's settings, for any tier.
        examples: how many histories each test draws; as many as the profile of hypothesis says, where it is `None`.
        picks_among_ties: whether the rule picks one of several equally old things by an order of its own, such as a list of
            questions; then what it says of ties is compared by level and time alone.
    """

    rule: ClassVar[RuleFunction | BoundRule]
    kinds: ClassVar[Sequence[type[Event]]] = ()
    settings: ClassVar[Mapping[str, Any]] = {}
    examples: ClassVar[int | None] = None
    picks_among_ties: ClassVar[bool] = False

    def histories(self) -> SearchStrategy[Client]:
        """The histories to draw from; override it where those drawn by the kinds' annotations never interest the rule.

        Each holds events of the rule's own kinds and of those that the rule is seen to ask for.
        """
        told = self._told()
        return histories(*self.kinds, *_asked_for(self._rule(), told), begun=told)

    def test_it_says_the_same_of_the_same_history(self) -> None:
        """Asked twice, with other clients in between, a rule states the same."""
        __tracebackhide__ = True
        self._keeps(DETERMINISTIC)

    def test_it_says_the_same_of_a_client_read_from_the_log(self) -> None:
        """Written to a log and read back in another order, the same events give the same findings."""
        __tracebackhide__ = True
        self._keeps(SURVIVES_THE_LOG)

    def test_it_states_valid_findings_alone(self) -> None:
        """It never fails, states one level at a time, and cites events of the client's own history."""
        __tracebackhide__ = True
        self._keeps(VALID)

    def test_it_leaves_the_history_as_it_is(self) -> None:
        """Events can't be changed, not even behind their backs."""
        __tracebackhide__ = True
        self._keeps(LEAVES_HISTORY)

    def test_an_event_that_it_does_not_read_changes_nothing(self) -> None:
        """What it states rests on the events that it is about, not on the latest one of any kind."""
        __tracebackhide__ = True
        self._keeps(HONEST)

    def test_it_reads_the_history_and_nothing_else(self) -> None:
        """No clock, no chance, no environment, no file, no network."""
        __tracebackhide__ = True
        self._keeps(PURE)

    def test_it_copes_with_histories_that_lack_what_it_looks_for(self) -> None:
        """A history of one event of a kind it does not know, of one profile, and of nothing."""
        __tracebackhide__ = True
        self._keeps(COPES, _strangers())

    def test_ties_count_in_the_order_of_their_positions(self) -> None:
        """Of events at one instant, the one recorded first comes first."""
        __tracebackhide__ = True
        self._keeps(TIES_BY_TIME if self.picks_among_ties else TIES)

    def test_what_came_later_does_not_change_the_past(self) -> None:
        """Asked what it would have said earlier, it says what it would have said to one who asked then."""
        __tracebackhide__ = True
        self._keeps(PAST)

    def test_its_examples_hold(self) -> None:
        """The examples of its docstring, `Fires:` and `Silent:`, are what it says."""
        __tracebackhide__ = True
        declared = BoundRule(self._rule().rule)
        for lines in (declared.rule.fires, declared.rule.silent):
            if lines:
                example = read_example(lines, self._kinds())
                said = what_is_said(declared, example)
                if said != example.expected:
                    pairs = zip(example.expected, said, strict=True)
                    shown = "\n".join(f"  {wanted}\n  it says {found}" for wanted, found in pairs if wanted != found)
                    raise AssertionError(f"An example in the docstring of {declared.name} does not hold.\n\n{shown}\n")

    def _rule(self) -> BoundRule:
        """The rule as it was written down: a function that is an attribute of a class must not become its method."""
        rule = getattr_static(type(self), "rule", None)
        if rule is None:
            raise RuleError(f"{type(self).__name__} names no rule; write: rule = your_rule")
        found = ready(rule.__func__ if isinstance(rule, staticmethod) else rule, self.settings)
        if found.rule.scope != "client":
            raise RuleError(f"{found.name} is about the whole book, and RuleContract is for rules about one client")
        return found

    def _kinds(self) -> Kinds:
        return KINDS.adding(*self.kinds)

    def _told(self) -> list[Client]:
        """The histories of the rule's own examples."""
        rule = self._rule().rule
        told = [read_example(lines, self._kinds()).events for lines in (rule.fires, rule.silent) if lines]
        return [Client.from_events(CLIENT, events) for events in told]

    def _keeps(self, law: Law, clients: Iterable[Client] | None = None) -> None:
        """Check a promise, for these clients or for those that hypothesis draws.

        Raises:
            AssertionError: the rule breaks it.
        """
        __tracebackhide__ = True
        rule = self._rule()
        for client in self._told() if clients is None else clients:
            if broken := law.broken(rule, client):
                raise AssertionError(_broken(law, rule, *broken))
        if clients is None and (found := self._searched(law, rule)):
            raise AssertionError(_broken(law, rule, *found))

    def _searched(self, law: Law, rule: BoundRule) -> tuple[Client, str] | None:
        """The simplest history that breaks a promise, and how; `None` where none was found."""
        found = [broken for broken in [law.broken(rule, _of_everything())] if broken]

        def is_kept(client: Client) -> None:
            if broken := law.broken(rule, client):
                found.append(broken)
                raise _Breach

        profile = hypothesis.settings()
        how = hypothesis.settings(
            profile,
            max_examples=self.examples or profile.max_examples,
            deadline=None,
            suppress_health_check={*profile.suppress_health_check, *_NO_MATTER},
        )
        with suppress(_Breach, Flaky):  # a rule that remembers may break its promise once and keep it the next time
            how(hypothesis.given(self.histories())(is_kept))()
        return found[-1] if found else None


def _of_everything() -> Client:
    """A history with one event of each kind of the package."""
    return Client.from_events(CLIENT, simplest())


def _asked_for(rule: BoundRule, told: Iterable[Client]) -> list[type[Event]]:
    """The kinds of the package that a rule asks for, by class or by a condition, of one event of each or of its examples."""
    asked: set[Selector] = set()
    for client in (_of_everything(), *told):
        with client.reading() as read:
            _outcome(rule, client)
        asked |= {selector for selectors in read for selector in selectors} - {Event}
    return [type(event) for event in simplest() if any(_holds(selector, event) for selector in asked)]


def _holds(selector: Selector, event: Event) -> bool:
    try:
        return matches(event, (selector,))
    except Exception:  # noqa: BLE001 - a condition that fails is found elsewhere
        return False


class _Breach(Exception):
    """A history breaks a promise; hypothesis looks for a simpler one."""


_WIDTH = 110
_NO_MATTER = (hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large)


def _broken(law: Law, rule: BoundRule, client: Client, said: str) -> str:
    told = [
        f"The rule {rule.name} breaks its contract: {law.name}.",
        fill(law.means, _WIDTH),
        f"The history\n\n{indented(history_table([client]))}",
        said,
        fill(f"What to do: {law.remedy}", _WIDTH),
        f"The history as code\n\n{indented(client_code(client))}",
    ]
    return "\n\n".join(told) + "\n"


# What a rule states, and whether it is the same.


def _outcome(rule: BoundRule, client: Client) -> Outcome:
    try:
        return findings(rule, client)
    except Exception as error:  # noqa: BLE001 - whatever a rule raises, here it is an answer
        return error


Identity = tuple[str, ...]


def _identity(finding: Finding) -> Identity:
    """What a finding says besides when."""
    level = str(finding.level) if isinstance(finding, Concern) else "act"
    return (level, repr(finding.about), repr(finding.message), *(event.ref for event in finding.evidence))


def _level(finding: Finding) -> Identity:
    """What a finding says besides when, what about and why."""
    return _identity(finding)[:1]


def _span(finding: Finding) -> tuple[datetime, datetime | None]:
    return (finding.due, None) if isinstance(finding, Action) else (finding.starts, finding.until)


def _all_of(outcome: Sequence[Finding]) -> list[str]:
    return sorted(repr((_identity(finding), _span(finding))) for finding in outcome)


def _are_same(one: Outcome, other: Outcome) -> bool:
    if isinstance(one, Exception) or isinstance(other, Exception):
        return type(one) is type(other)
    return _all_of(one) == _all_of(other)


def _sides(before: str, one: Outcome, after: str, other: Outcome) -> str:
    """Two answers beside each other."""
    if isinstance(one, Exception) or isinstance(other, Exception):
        return f"{before}\n\n  {_told(one)}\n\n{after}\n\n  {_told(other)}"
    return f"What it states\n\n{indented(comparison(_shown(one), _shown(other), (before, after)))}"


def _told(outcome: Outcome) -> str:
    return f"raises {cause_of(outcome)}" if isinstance(outcome, Exception) else repr(_shown(outcome))


def _shown(outcome: Iterable[Finding]) -> Statements:
    return Statements(_cited_by_ref(stated(finding), finding) for finding in outcome)


def _cited_by_ref(value: Stated, finding: Finding) -> Stated:
    return attrs.evolve(value, because=tuple(event.ref for event in finding.evidence))


def _differ(rule: BoundRule, before: str, client: Client, after: str, other: Client) -> str:
    one, two = _outcome(rule, client), _outcome(rule, other)
    return "" if _are_same(one, two) else _sides(before, one, after, two)


_NAMES = count(1)


def _renamed(client: Client, name: str | None = None) -> Client:
    """The same history, of a client that no rule has met; its events are events of their own."""
    fresh = name or f"a client met for the {next(_NAMES)}. time"
    return Client(fresh, [altered(event, client=fresh) for event in client.events])


def _under(name: str, outcome: Outcome, client: Client) -> Outcome:
    """An answer with a client's own name where it speaks of the one that stood in for it."""
    if isinstance(outcome, Exception):
        return outcome
    return [_named(finding, name, client.id) for finding in outcome]


def _named(finding: Finding, name: str, own: str) -> Finding:
    said = {part: text.replace(name, own) for part in ("about", "message") if (text := getattr(finding, part))}
    return attrs.evolve(finding, **said)


# The promises.


def _changes_by_itself(rule: BoundRule, client: Client) -> str:
    first = _outcome(rule, client)
    half = Client(
        "another", [altered(event, client="another") for event in client.events[: len(client.events) // 2 + 1]]
    )
    for other in (half, _renamed(client, "a third")):
        _outcome(rule, other)
    again, rebuilt = _outcome(rule, client), _outcome(rule, _renamed(client, client.id))
    second = rebuilt if _are_same(first, again) else again
    return "" if _are_same(first, second) else _sides("at first", first, "asked again", second)


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
    return _differ(rule, "as built", client, "read from the log", Client.from_events(client.id, read))


SURVIVES_THE_LOG = Law(
    "of a client read from the log, it says the same",
    "The events were written as lines of a log and read back in another order, each with its position, and the findings "
    "differ. In use, clients always come from a log.",
    "compare events by what they say (==, .id, .ref, .order), never by identity, and keep nothing on them.",
    _changes_by_the_log,
)


def _states_nonsense(rule: BoundRule, client: Client) -> str:
    found = _outcome(rule, client)
    if isinstance(found, Exception):
        return f"It {_told(found)}"
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
    _outcome(rule, client)
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
        if said := _differ(rule, "before", client, "after an event of no meaning", longer):
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
        _outcome(rule, client)
    return f"It {impurity(attempts[0])}." if attempts else ""


PURE = Law(
    "it reads the history and nothing else",
    "The rule reached for something that is not in the history. Then its answer depends on when and where it is asked, and "
    "neither a replay nor a test can repeat it.",
    "as said above.",
    _reaches_out,
)


def _strangers() -> Iterator[Client]:
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


def _forgets_ties(rule: BoundRule, client: Client, identity: Callable[[Finding], Identity] = _identity) -> str:
    spread, longest = _spread(client)
    one, other = _outcome(rule, client), _outcome(rule, spread)
    if not isinstance(one, Exception) and not isinstance(other, Exception):
        one = [finding for finding in one if not _is_brief(finding, longest)]
        other = [_nearest(finding, one, longest, identity) for finding in other if not _is_brief(finding, longest)]
    return "" if _are_same(one, other) else _sides("tied", one, "a microsecond apart", other)


def _is_brief(finding: Finding, longest: timedelta) -> bool:
    starts, until = _span(finding)
    return until is not None and until - starts <= longest


def _nearest(
    finding: Finding, others: Iterable[Finding], most: timedelta, identity: Callable[[Finding], Identity]
) -> Finding:
    """The other finding that says the same, up to so much time; else the finding itself."""
    for other in others:
        if identity(other) == identity(finding) and all(map(_is_near(most), _span(finding), _span(other))):
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
TIES_BY_TIME = attrs.evolve(TIES, breach=partial(_forgets_ties, identity=_level))


def _rewrites_the_past(rule: BoundRule, client: Client) -> str:
    whole = _renamed(client)
    _outcome(rule, whole)
    for moment in sorted({event.at for event in client.events}):
        known = _under(whole.id, _outcome(rule, whole.as_of(moment)), client)
        fresh = _renamed(client.as_of(moment))
        anew = _under(fresh.id, _outcome(rule, fresh), client)
        if not _are_same(anew, known):
            return f"As of {moment.isoformat()}\n\n" + _sides("asked then", anew, "asked afterwards", known)
    return ""


PAST = Law(
    "what came later does not change the past",
    "The whole history was asked about first, and then what the rule would have said earlier; a client of whom it had never "
    "heard more gets another answer. Timelines and back-tests ask in just this way.",
    "remember nothing by client: no cache by client.id, no attribute on the function, no list outside it.",
    _rewrites_the_past,
)
