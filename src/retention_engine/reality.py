"""Retention as the log has it: who was due in a period, who renewed, who was lost, and how far that is from belief."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import attrs

from .client import Client
from .errors import QuestionError
from .events import Event
from .fates import DueClient, Fate, Period
from .gathering import Histories
from .moments import days, in_utc, instant, instant_text

GRACE = days(30)
"""How long after a term's end a renewal still counts, unless said otherwise."""

TOLERANCE = Fraction(10, 100)
"""How far a belief may lie above the actual ratio before it is worth a warning."""


@attrs.frozen(kw_only=True)
class MonthOfRetention:
    """One calendar month (UTC) of the period.

    Attributes:
        starts: its first instant, which may lie before the period.
        due: how many clients were due in it, whatever became of them.
        renewed: how many of those renewed.
        lost: how many of those were lost.
        ratio: the ratio from the start of the period to the end of this month, `None` while nothing is decided.
        gap: the belief less that ratio, `None` without either.
        opened: whether the belief lies above the ratio, and by more than a month before.
    """

    starts: datetime
    due: int
    renewed: int
    lost: int
    ratio: Fraction | None
    gap: Fraction | None
    opened: bool

    def __str__(self) -> str:
        return instant_text(self.starts)[:7]


@attrs.frozen(kw_only=True)
class ValueAtStake:
    """What was renewed and what was lost in one currency; `currency` is `None` where nobody said which it is."""

    currency: str | None
    renewed: Decimal
    lost: Decimal


@attrs.frozen(kw_only=True, slots=False)
class Reality:
    """The retention of a period, believed and actual. Ratios are exact fractions from 0 to 1.

    Attributes:
        starts: the start of the period.
        until: its end, which does not belong to it.
        at: the moment as of which it is told.
        known_at: what was recorded later is left out.
        grace: how long after a term's end a renewal still counts.
        believed: the ratio that somebody believes in, if any.
        clients: everybody who was due, by id.
    """

    starts: datetime
    until: datetime
    at: datetime
    known_at: datetime | None
    grace: timedelta
    believed: Fraction | None
    clients: tuple[DueClient, ...]

    def of(self, *fates: Fate) -> tuple[DueClient, ...]:
        """The clients who met one of these fates."""
        return tuple(client for client in self.clients if client.fate in fates)

    @property
    def renewed(self) -> tuple[DueClient, ...]:
        """The clients in the numerator."""
        return self.of(Fate.RENEWED)

    @property
    def lost(self) -> tuple[DueClient, ...]:
        """The clients who are in the denominator and not in the numerator."""
        return tuple(client for client in self.clients if client.fate.is_loss)

    @property
    def ratio(self) -> Fraction | None:
        """Renewed / (renewed + lost); `None` where neither happened."""
        return _ratio(len(self.renewed), len(self.lost))

    @property
    def gap(self) -> Fraction | None:
        """The belief less the ratio, `None` without either."""
        return None if self.believed is None or self.ratio is None else self.believed - self.ratio

    @property
    def overrated(self) -> bool:
        """Whether the belief lies more than ten points above the ratio."""
        return self.gap is not None and self.gap > TOLERANCE

    @cached_property
    def months(self) -> tuple[MonthOfRetention, ...]:
        """The calendar months of the period, in order."""
        return tuple(self._months())

    def _months(self) -> Iterator[MonthOfRetention]:
        due: dict[datetime, list[Fate]] = {}
        for client in self.clients:
            due.setdefault(_month_of(client.at), []).append(client.fate)
        all_renewed = all_lost = 0
        gap_before = Fraction(0)
        month = _month_of(self.starts)
        while month < self.until:
            fates = due.get(month, [])
            renewed, lost = fates.count(Fate.RENEWED), sum(fate.is_loss for fate in fates)
            all_renewed += renewed
            all_lost += lost
            ratio = _ratio(all_renewed, all_lost)
            gap = None if self.believed is None or ratio is None else self.believed - ratio
            yield MonthOfRetention(
                starts=month,
                due=len(fates),
                renewed=renewed,
                lost=lost,
                ratio=ratio,
                gap=gap,
                opened=gap is not None and gap > max(gap_before, Fraction(0)),
            )
            gap_before = gap or Fraction(0)
            month = _month_of(month + days(31))

    @property
    def values(self) -> tuple[ValueAtStake, ...]:
        """What was renewed and what was lost, by currency; amounts of two currencies are never added."""
        sums: dict[str | None, tuple[Decimal, Decimal]] = {}
        for client in self.clients:
            if client.fate.is_decided and client.value is not None:
                renewed, lost = sums.get(client.currency, (Decimal(0), Decimal(0)))
                if client.fate.is_loss:
                    lost += client.value
                else:
                    renewed += client.value
                sums[client.currency] = renewed, lost
        in_order = sorted(sums.items(), key=lambda item: (item[0] is None, item[0] or ""))
        return tuple(
            ValueAtStake(currency=currency, renewed=renewed, lost=lost) for currency, (renewed, lost) in in_order
        )

    @property
    def of_unknown_value(self) -> tuple[DueClient, ...]:
        """The clients in the ratio of whom nobody noted a value."""
        return tuple(client for client in self.clients if client.fate.is_decided and client.value is None)


def actual_retention(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
    *,
    starts: datetime,
    until: datetime,
    at: datetime,
    known_at: datetime | None = None,
    grace: timedelta = GRACE,
    believed: Fraction | Decimal | float | None = None,
) -> Reality:
    """Who was due in the period `[starts, until)`, what became of each, and the ratio of those who renewed.

    Args:
        histories: the events by client, as a mapping or as pairs, which may be streamed.
        starts: the start of the period.
        until: its end, which does not belong to it.
        at: the moment; what happened later is not seen.
        known_at: leave out what was recorded later.
        grace: how long after a term's end a renewal still counts.
        believed: the ratio that somebody believes in, from 0 to 1.

    Raises:
        QuestionError: the period ends before it has started, or the belief is no ratio.
    """
    starts, until, at = instant(starts), instant(until), in_utc(at)
    if until <= starts:
        raise QuestionError(f"the period ends at {instant_text(until)}; it must end after {instant_text(starts)}")
    belief = None if believed is None else Fraction(str(believed))
    if belief is not None and not 0 <= belief <= 1:
        raise QuestionError(f"nobody retains {believed} of the clients; give a ratio from 0 to 1")
    period = Period(starts, until, at, grace)
    pairs = sorted(histories.items()) if isinstance(histories, Mapping) else histories
    found = (period.due(Client.from_events(name, events, as_of=at, as_at=known_at)) for name, events in pairs)
    return Reality(
        starts=starts,
        until=until,
        at=at,
        known_at=known_at,
        grace=grace,
        believed=belief,
        clients=tuple(client for client in found if client is not None),
    )


def _ratio(renewed: int, lost: int) -> Fraction | None:
    return Fraction(renewed, renewed + lost) if renewed + lost else None


def _month_of(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
