"""What became of a client after a moment: lost or kept, from the log as it stands now, or as somebody found out."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum
from operator import attrgetter

import attrs

from .client import Client
from .events import Left, Renewed
from .fates import Fate, Period, never_signed
from .words import contact

TICK = timedelta(microseconds=1)


class Outcome(Enum):
    """What became of a client within the horizon; `LOST` and `RETAINED` are counted, the others stand apart.

    `UNCONTROLLABLE` left for a reason beyond our control, `RETURNED` left and came back, and of `OPEN` it is not known yet.
    """

    LOST = "lost"
    RETAINED = "retained"
    UNCONTROLLABLE = "uncontrollable"
    RETURNED = "returned"
    OPEN = "open"

    @property
    def counts(self) -> bool:
        """Whether a prediction can be held against it."""
        return self in {Outcome.LOST, Outcome.RETAINED}


_OUTCOMES = {
    Fate.LAPSED: Outcome.LOST,
    Fate.LEFT: Outcome.LOST,
    Fate.LEFT_UNCONTROLLABLE: Outcome.UNCONTROLLABLE,
    Fate.RETURNED: Outcome.RETURNED,
    Fate.OPEN: Outcome.OPEN,
}
"""What each fate is, but for a term that was renewed, which ends nothing."""


@attrs.frozen
class Ending:
    """The relationship ended, or may have.

    Attributes:
        at: when: the end of the term that was not renewed, or the instant of leaving.
        outcome: what it was.
        back: when the client came back, `None` where that did not happen.
    """

    at: datetime
    outcome: Outcome
    back: datetime | None

    def is_over(self, moment: datetime) -> bool:
        """Whether the client is gone at a moment, by what is known today; a term that is over is no relationship."""
        return self.at <= moment and (self.back is None or moment < self.back)


@attrs.frozen
class KnownOutcome:
    """What became of a client after a moment, as a truth file says.

    Attributes:
        client: the client's id.
        cutoff: the moment at which the prediction is made.
        outcome: what became of the client.
    """

    client: str
    cutoff: datetime
    outcome: Outcome


def endings(client: Client, *, at: datetime, grace: timedelta) -> tuple[Ending, ...]:
    """When and how the relationship ended, as often as it did.

    A term's fate is that of `actual_retention`. A client who left and came back by renewing, or by a contact, has returned,
    whatever was noted of the leaving in between.

    Args:
        client: the client with all that is known today of what happened until `at`.
        at: the end of the observation.
        grace: how long after a term's end a renewal still counts.
    """
    possible = [*_leavings(client), *_ends_of_terms(client, at, grace)]
    found: list[Ending] = []
    for ending in sorted(possible, key=attrgetter("at")):  # where both fall on one instant, what was said goes first
        if not is_gone(found, ending.at):
            found.append(ending)
    return tuple(found)


def _leavings(client: Client) -> Iterator[Ending]:
    """Each leaving until the client came back; where it was noted several times, the latest note says why."""
    if never_signed(client):
        return
    left = client.of(Left)
    place = 0
    while place < len(left):
        first = left[place]
        back = next(iter(client.after(first, Renewed, contact)), None)
        place = len(left) if back is None else len(left) - len(left.after(back))
        if back:
            yield Ending(first.at, Outcome.RETURNED, back.at)
        else:
            yield Ending(first.at, Outcome.LOST if left[-1].controllable else Outcome.UNCONTROLLABLE, None)


def _ends_of_terms(client: Client, at: datetime, grace: timedelta) -> Iterator[Ending]:
    for moment in sorted({event.term_end for event in client.of(Renewed) if event.term_end is not None}):
        due = Period(moment, moment + TICK, at, grace).due(client)
        if due and (outcome := _OUTCOMES.get(due.fate)):
            yield Ending(moment, outcome, due.came_back)


def outcome_within(found: Iterable[Ending], moment: datetime, horizon: timedelta) -> Outcome:
    """What became of a client after a moment, until the end of the horizon; the first ending decides."""
    for ending in found:
        if moment < ending.at <= moment + horizon:
            return ending.outcome
    return Outcome.RETAINED


def is_gone(found: Sequence[Ending], moment: datetime) -> bool:
    """Whether the client was gone at a moment, by what is known today."""
    return any(ending.is_over(moment) for ending in found)


def seems_gone(client: Client, moment: datetime) -> bool:
    """Whether a client, cut at a moment, is known to have left by then, is out of its term, or never was a client."""
    left = client.latest(Left)
    if left and not client.after(left, Renewed, contact):
        return True
    term = client.term
    if term and term.end <= moment and all(event.term_end for event in client.of(Renewed).after(term.event)):
        return True
    return never_signed(client)
