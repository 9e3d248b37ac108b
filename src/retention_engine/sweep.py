"""A sweep through time: who is in which group, from one change to the next."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from .moments import EARLIEST

Span = tuple[datetime, datetime | None]
"""From when, and until just before when; `None` for ever."""

Stay = tuple[Any, datetime, datetime | None]
"""A member of a group with the span for which it is one; members of a group can be sorted."""


def overlap(one: Span, other: Span) -> Span:
    """The span that lies in both; it is empty, and ends before it starts, where there is none."""
    starts = max(one[0], other[0])
    until = other[1] if one[1] is None else one[1] if other[1] is None else min(one[1], other[1])
    return starts, until


def spans(
    *groups: Iterable[Stay], after: datetime = EARLIEST
) -> Iterator[tuple[datetime, datetime | None, tuple[list[Any], ...]]]:
    """The spans between one change and the next, with the members of each group in order.

    Empty stays count for nothing. The work grows with the number of stays, not with that of the members in each span: a
    list is the same one in every span, so take what you need of it before you go on.

    Args:
        groups: the stays of each group.
        after: leave out the spans that are over by then.

    Yields:
        From when, until just before when (`None` for ever), and a list of members for each group.
    """
    changes: dict[datetime, list[tuple[int, bool, Any]]] = {}
    for group, stays in enumerate(groups):
        for member, starts, until in stays:
            if until is None or starts < until:
                changes.setdefault(starts, []).append((group, True, member))
                if until is not None:
                    changes.setdefault(until, []).append((group, False, member))
    inside: tuple[list[Any], ...] = tuple([] for _ in groups)
    instants = sorted(changes)
    for place, starts in enumerate(instants, start=1):
        until = instants[place] if place < len(instants) else None
        for group, enters, member in changes[starts]:
            if enters:
                insort(inside[group], member)
            else:
                del inside[group][bisect_left(inside[group], member)]
        if until is None or until > after:
            yield starts, until, inside
