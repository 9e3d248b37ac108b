"""What came of trying a rule, in words."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import attrs

from ..declare import Rule
from ..reaches import reached_for
from .flaws import Flaw, Place, error, warning
from .linting import STATE
from .sources import place_of, source_of
from .trying import Trial, differing

SLOW = 20.0
"""What takes so many times as long as the slowest built-in rule is told of."""
FEWEST_CLIENTS = 5
"""Of fewer clients nothing is said that holds for all or for none of them."""


@attrs.frozen(slots=False)
class Result:
    """What came of one rule, to be told in words.

    Attributes:
        rule: the rule.
        clients: of how many clients the log told.
        made_up: whether the log was made up.
        first: what came of it in the first process; `None` where it ended that.
        second: what came of it in another one.
        slowest: how long the slowest built-in rule takes, by scope, with its name.
    """

    rule: Rule
    clients: int
    made_up: bool
    first: Trial | None
    second: Trial | None
    slowest: Mapping[str, tuple[float, str]]

    @property
    def stated_for(self) -> int | None:
        """For how many clients it states something, as far as it was tried."""
        return None if self.first is None else self.first.stated_for

    @property
    def slowness(self) -> float | None:
        """How long it takes, as a multiple of the slowest built-in rule, as far as it can be said."""
        usual = self.slowest.get(self.rule.scope, (0.0, ""))[0]
        if self.first is None or self.first.failures or not usual:
            return None
        return self.first.seconds / usual

    @cached_property
    def place(self) -> Place | None:
        """Where the rule begins."""
        return place_of(self.rule)

    def flaws(self, known: set[str]) -> Iterator[Flaw]:
        """What is wrong, unless it is known from the source."""
        trial = self.first
        if trial is None:
            return
        yield from self._examples(trial)
        for attempt, count in trial.attempts.items():
            reach = reached_for(attempt)
            if reach.name not in known:
                yield error(reach.name, f"{reach.does} ({attempt}) for {self._of(count)}", reach.remedy, self.place)
        if trial.failures:
            first = f", the first of them {trial.client!r}" if trial.client else ""
            said = f"fails for {self._of(trial.failures)}{first}: {trial.cause}"
            yield error("fails", said, _remedy(trial.cause), trial.place or self.place)
        if trial.changed:
            client, what = next(iter(trial.changed.items()))
            said = f"changes the history of {self._of(len(trial.changed))}, such as {what} of {client!r}"
            yield error("changes", said, "read it and change values of its own", self.place)
        if trial.printed and "print" not in known:
            said = f"prints to standard output, where the results go: {trial.printed.strip()[:40]!r}"
            yield error("print", said, "remove it, or use logging, which writes elsewhere", self.place)
        yield from self._otherwise(trial, known)
        if not trial.attempts and not trial.failures:
            yield from self._usual(trial)

    def _otherwise(self, trial: Trial, known: set[str]) -> Iterator[Flaw]:
        """Whether the same is stated of the same, whenever and wherever it is asked for."""
        if self.second is None:
            return
        elsewhere = differing(trial.digests, self.second.digests)
        if trial.otherwise:
            if "state" not in known:
                said = f"says something else of {self._such(trial.otherwise)} when it is asked again"
                yield error("deterministic", said, f"{STATE}; draw nothing by chance", self.place)
        elif elsewhere:
            said = f"says something else of {self._such(elsewhere)} under another hash seed and in another time zone"
            remedy = "sort what comes out of a set, call neither hash() nor id(), and give astimezone() a zone"
            yield error("deterministic", said, remedy, self.place)
        elif self.second.otherwise:
            said = f"says something else of {self._such(self.second.otherwise)} where clients come in another order"
            yield error("order", said, STATE, self.place)

    def _usual(self, trial: Trial) -> Iterator[Flaw]:
        """Whether it states something now and then, and in about the time that other rules take."""
        log = "a log that was made up" if self.made_up else "the log"
        if self.clients >= FEWEST_CLIENTS and not trial.stated_for:
            remedy = "try a log of your own, --log FILE" if self.made_up else "see whether its condition can ever hold"
            yield warning(
                "never-fires", f"states nothing of any of the {self.clients:,} clients in {log}", remedy, self.place
            )
        elif self.clients >= FEWEST_CLIENTS and trial.always and self.rule.scope == "client":
            said = f"is in force for each of the {self.clients:,} clients in {log}, whatever happens"
            yield warning("always-fires", said, "see whether its condition can ever fail to hold", self.place)
        if self.slowness is not None and self.slowness > SLOW:
            name = self.slowest[self.rule.scope][1]
            said = f"takes {self.slowness:,.0f} times as long as {name}, the slowest built-in rule"
            remedy = "look events up by client.of() and client.latest(), once, and not within a loop over others"
            yield warning("slow", said, remedy, self.place)

    def _examples(self, trial: Trial) -> Iterator[Flaw]:
        for section, wanted, found in trial.examples:
            place = self._line_of(f"{section}:")
            if wanted:
                said = f"its example under '{section}:' expects '{wanted}', and it says '{found}'"
            else:
                said = f"its example under '{section}:' can't be tried: {found}"
            yield error("example", said, "correct the rule or the example", place)

    def _line_of(self, text: str) -> Place | None:
        source = source_of(self.rule)
        return self.place if source is None else source.line_saying(text)

    def _of(self, count: int) -> str:
        return "the book" if self.rule.scope == "book" else f"{count:,} of {self.clients:,} clients"

    def _such(self, clients: Sequence[str]) -> str:
        if self.rule.scope == "book":
            return "the book"
        return f"{self._of(len(clients))} (such as {clients[0]!r})"


_OF_WHAT_IS_MISSING = ("IndexError", "KeyError", "StopIteration", "UnknownClient", "ValueError")


def _remedy(cause: str) -> str:
    """What to do about what a rule raised: it trips over what is missing, or is wrong whatever the history."""
    if cause.startswith(_OF_WHAT_IS_MISSING) or "NoneType" in cause:
        return "let it state nothing where the history lacks what it looks for"
    return "correct the rule"
