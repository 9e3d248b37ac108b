"""What every rule promises, as tests to inherit; hypothesis looks for the history that breaks one of the promises."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from inspect import getattr_static
from textwrap import fill
from typing import Any, ClassVar

import hypothesis
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from ..binding import BoundRule
from ..client import Client
from ..declare import RuleFunction
from ..errors import RuleError
from ..events import Event
from ..formats.examples import read_example, what_is_said
from ..history import Selector, matches
from ..kinds import KINDS, Kinds
from .answers import outcome_of
from .asking import ready
from .happenings import CLIENT
from .laws import (
    COPES,
    DETERMINISTIC,
    HONEST,
    LEAVES_HISTORY,
    PAST,
    PURE,
    SURVIVES_THE_LOG,
    TIES,
    TIES_BY_TIME,
    VALID,
    Law,
    strangers,
)
from .strategies import histories, simplest
from .writing import client_code, history_table, indented


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
        self._keeps(COPES, strangers())

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
                    pairs = zip(map(example.line, example.expected), map(example.line, said), strict=True)
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
            outcome_of(rule, client)
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
