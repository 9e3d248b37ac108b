"""Pictures of statuses over time as plain shapes, which a page draws; places are in percent, so that they fit any width."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import attrs

from ..findings import Health
from ..outlook import ComingChange
from ..timelines import Timeline

STACKED = (Health.CRITICAL, Health.AT_RISK, Health.WATCH, Health.UNKNOWN, Health.HEALTHY)
"""The levels of clients who are still there, the worst first: what matters most lies on the ground."""

HEIGHTS = {
    Health.HEALTHY: 10,
    Health.UNKNOWN: 18,
    Health.WATCH: 26,
    Health.AT_RISK: 34,
    Health.CRITICAL: 44,
    Health.LEFT: 4,
}
"""How high a level stands in a client's strip: the worse, the higher, so that no colour is needed to tell them apart."""

_LABELLED = 9.0
"""A block of at least so many percent of the width has room for the name of its level."""

_WIDE = 22.0
"""A narrow picture has room for the names of blocks of at least so many percent."""

_APART = 7.0
"""How far apart the names beside a chart are at least, in percent of its height."""

_MONTHS_BETWEEN = 3
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""As they are written whatever the locale is."""


def percent(value: float) -> str:
    """A place or a length, as short as it can be written with two digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@attrs.frozen
class Window:
    """The time that a picture shows, from left to right."""

    starts: datetime
    ends: datetime

    def place(self, moment: datetime) -> float:
        """Where a moment lies, in percent of the width; what lies outside is on the edge."""
        inside = min(max(moment, self.starts), self.ends)
        return (inside - self.starts) / (self.ends - self.starts) * 100


@attrs.frozen
class Tick:
    """The beginning of a month.

    Attributes:
        x: where.
        text: the month, or the year where one begins; none where there is no room for it.
        minor: whether a narrow picture leaves the text out.
    """

    x: str
    text: str
    minor: bool


def ticks(window: Window) -> tuple[Tick, ...]:
    """The months that begin in a window."""
    found: list[Tick] = []
    year, month = window.starts.year, window.starts.month
    while True:
        year, month = (year, month + 1) if month < len(_MONTHS) else (year + 1, 1)
        begins = window.starts.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
        if begins >= window.ends:
            return tuple(found)
        text = _MONTHS[month - 1] if month > 1 else str(year)
        place = window.place(begins)
        room = place < 100 - _LABELLED / 2
        found.append(Tick(percent(place), text if room else "", (month - 1) % _MONTHS_BETWEEN != 0))


@attrs.frozen
class Block:
    """A status for a span of time.

    Attributes:
        level: the status.
        x: where it starts.
        width: how long it lasts.
        y: how far below the picture's top it begins.
        height: how high it stands.
        label: the level's name, where there is room for it.
        minor: whether a narrow picture leaves the name out.
        coming: whether it is yet to come.
    """

    level: Health
    x: str
    width: str
    y: int
    height: int
    label: str
    minor: bool
    coming: bool


@attrs.frozen
class Strip:
    """A client's statuses over time.

    Attributes:
        blocks: the statuses, in order.
        marks: where somebody was in touch.
    """

    blocks: tuple[Block, ...]
    marks: tuple[str, ...]


def strip(
    window: Window, timeline: Timeline, changes: Iterable[ComingChange], contacts: Iterable[datetime], *, ground: int
) -> Strip:
    """A client's statuses in a window: until the timeline's end as they were, from then on as they will be.

    Args:
        window: what to show.
        timeline: the statuses so far.
        changes: the coming changes of status, in order.
        contacts: when somebody was in touch.
        ground: how far below the picture's top the blocks stand.
    """
    at = timeline.until
    past = [(it.status, it.starts, at if it.until is None else it.until) for it in timeline.spells]
    turns = [(at, timeline.spells[-1].status), *((change.at, change.after) for change in changes)]
    coming = [
        (status, starts, until)
        for (starts, status), (until, _) in pairwise([*turns, (window.ends, Health.LEFT)])
        if starts < window.ends
    ]
    blocks = [_block(window, *it, ground=ground, coming=False) for it in past if it[2] > window.starts]
    blocks += [_block(window, *it, ground=ground, coming=True) for it in coming]
    seen = dict.fromkeys(f"{window.place(moment):.1f}" for moment in contacts if moment >= window.starts)
    return Strip(tuple(blocks), tuple(seen))


def _block(window: Window, level: Health, starts: datetime, until: datetime, *, ground: int, coming: bool) -> Block:
    left, right = window.place(starts), window.place(until)
    height, length = HEIGHTS[level], right - left
    label = str(level) if length >= _LABELLED and not coming else ""
    return Block(level, percent(left), percent(length), ground - height, height, label, length < _WIDE, coming)


@attrs.frozen
class Segment:
    """A level's part of a bar."""

    level: Health
    x: str
    width: str


def segments(counts: Mapping[Health, int]) -> tuple[Segment, ...]:
    """A bar of how many clients are at each level, the worst first, those who have left last."""
    total = sum(counts.values())
    found: list[Segment] = []
    left = 0.0
    for level in (*STACKED, Health.LEFT):
        if counts[level]:
            width = counts[level] / total * 100
            found.append(Segment(level, percent(left), percent(width)))
            left += width
    return tuple(found)


@attrs.frozen
class Band:
    """A level's layer of a stacked chart, in a box of 100 by 100 with the ground at the bottom.

    Attributes:
        level: the level.
        path: its outline.
        label: the level and its latest count; nothing where that is 0.
        y: where to write that, beside the layer's right end.
    """

    level: Health
    path: str
    label: str
    y: str


@attrs.frozen
class Chart:
    """How many clients were at each level over time, those who had left aside.

    Attributes:
        bands: the layers, from the ground up.
        lines: the heights of horizontal lines, each with its number.
    """

    bands: tuple[Band, ...]
    lines: tuple[tuple[str, str], ...]


def chart(counts: Sequence[Mapping[Health, int]]) -> Chart | None:
    """The counts at moments as far apart as each other; `None` where there is nothing to be drawn."""
    highest = max(sum(count[level] for level in STACKED) for count in counts)
    if not highest or len(counts) == 1:
        return None
    top = _step(highest) * -(-highest // _step(highest))
    columns = [place * 100 / (len(counts) - 1) for place in range(len(counts))]
    ground = [0] * len(counts)
    bands: list[Band] = []
    free = 100.0
    for level in STACKED:
        roof = [below + count[level] for below, count in zip(ground, counts, strict=True)]
        if roof != ground:
            edges = [*zip(columns, roof, strict=True), *reversed([*zip(columns, ground, strict=True)])]
            points = " ".join(f"{percent(x)},{percent(100 - 100 * y / top)}" for x, y in edges)
            now = counts[-1][level]
            middle = min(100 - 50 * (roof[-1] + ground[-1]) / top, free)
            free = middle - _APART if now else free
            bands.append(Band(level, f"M{points}Z", f"{level} {now:,}" if now else "", percent(middle)))
        ground = roof
    numbers = range(_step(highest), top + 1, _step(highest))
    return Chart(tuple(bands), tuple((percent(100 - 100 * number / top), f"{number:,}") for number in numbers))


def _step(highest: int) -> int:
    """The distance between lines: 1, 2 or 5 times a power of ten, so that there are at most five of them."""
    return next(step for step in _steps() if step * 5 >= highest)


def _steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def moments(at: datetime, *, every: timedelta, span: timedelta) -> list[datetime]:
    """A moment, and those before it at even distances within a span, in order."""
    return [at - every * place for place in range(span // every, -1, -1)]
