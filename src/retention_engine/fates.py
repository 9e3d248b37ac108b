"""Who was due in a period, and what became of each: decided client by client, from the terms and the leavings."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

import attrs

from .client import Client
from .events import Event, Left, Profiled, Renewed
from .words import contact


class Fate(Enum):
    """What became of a client who was due.

    The ratio counts `RENEWED` as kept, `LAPSED` and `LEFT` as lost; the others stand apart from it. `RETURNED` is a client
    who left, came back, and had no term to be renewed.
    """

    RENEWED = "renewed"
    LAPSED = "lapsed"
    LEFT = "left"
    LEFT_UNCONTROLLABLE = "left-uncontrollable"
    RETURNED = "returned"
    OPEN = "open"

    @property
    def is_loss(self) -> bool:
        """Whether the client was lost, and we could have done something about it."""
        return self in {Fate.LAPSED, Fate.LEFT}

    @property
    def is_decided(self) -> bool:
        """Whether the client counts in the ratio."""
        return self is Fate.RENEWED or self.is_loss


@attrs.frozen(kw_only=True)
class DueClient:
    """A client who was due in the period, and what became of it; each client is counted once.

    Attributes:
        client: the client's id.
        name: what the client is called, where that was said.
        owner: who of us looks after the client, where that was said.
        fate: what became of it.
        at: when it was due: the end of the term, or the instant of leaving.
        because: the events that decided it.
        came_back: when a client who had left or lapsed came back, if one did.
        value: the value of the term, else what the client is worth in a year; `None` where neither is known.
        currency: the currency of `value`, where it was said.
    """

    client: str
    name: str | None
    owner: str | None
    fate: Fate
    at: datetime
    because: tuple[Event, ...]
    came_back: datetime | None
    value: Decimal | None
    currency: str | None


@attrs.frozen
class Period:
    """Decides, client by client, who was due and what became of it."""

    starts: datetime
    until: datetime
    at: datetime
    grace: timedelta

    def due(self, client: Client) -> DueClient | None:
        """The client's fate; `None` where the client was not due."""
        left = client.latest(Left)
        back = next(iter(client.after(left, Renewed, contact)), None) if left else None
        gone = left if left and not back else None
        if gone and gone.at < self.starts:
            return None  # lost before the period, whatever term still ends in it
        if gone and gone.at < self.until:
            return None if never_signed(client) else _due(client, _fate_of(gone), gone.at, _last_term(client), gone)
        found: DueClient | None = None
        for term, ends in _terms(client):
            if self.starts <= ends < self.until:
                this = self._end_of_term(client, term, ends, gone)
                found = found if found and this.fate is Fate.OPEN else this
        if found is None and left and back and self.starts <= left.at < self.until and not never_signed(client):
            found = _due(client, Fate.RETURNED, left.at, _last_term(client), left, back, came_back=back.at)
        return found

    def _end_of_term(self, client: Client, term: Renewed, ends: datetime, gone: Left | None) -> DueClient:
        again = next((event for event in client.after(term, Renewed) if _goes_beyond(event, ends)), None)
        if again and again.at - ends <= self.grace:
            return _due(client, Fate.RENEWED, ends, term, term, again)
        if again:
            return _due(client, Fate.LAPSED, ends, term, term, again, came_back=again.at)
        if gone:
            return _due(client, _fate_of(gone), ends, term, term, gone)
        fate = Fate.LAPSED if self.at - ends >= self.grace else Fate.OPEN
        return _due(client, fate, ends, term, term)


def _terms(client: Client) -> Iterator[tuple[Renewed, datetime]]:
    """The terms by which a client stayed longer than by those signed before, in order."""
    latest: tuple[Renewed, datetime] | None = None
    for event in client.of(Renewed):
        if event.term_end is None or (latest and event.term_end < latest[1]):
            continue
        if latest and event.term_end > latest[1]:
            yield latest
        latest = event, event.term_end
    if latest:
        yield latest


def _goes_beyond(event: Event, ends: datetime) -> bool:
    """Whether a signature takes the client beyond the end of a term; one without an end does, for nobody knows how long."""
    return isinstance(event, Renewed) and (event.term_end is None or event.term_end > ends)


def _last_term(client: Client) -> Renewed | None:
    return client.term.event if client.term else client.latest(Renewed)


def never_signed(client: Client) -> bool:
    """Whether the log knows somebody as a prospect alone."""
    stages = {event.stage for event in client.of(Profiled)}
    return "prospect" in stages and "client" not in stages and not client.of(Renewed)


def _fate_of(gone: Left) -> Fate:
    return Fate.LEFT if gone.controllable else Fate.LEFT_UNCONTROLLABLE


def _due(
    client: Client, fate: Fate, at: datetime, term: Renewed | None, *because: Event, came_back: datetime | None = None
) -> DueClient:
    has_value = term is not None and term.value is not None
    return DueClient(
        client=client.id,
        name=client.name,
        owner=client.owner,
        fate=fate,
        at=at,
        because=because,
        came_back=came_back,
        value=term.value if term and has_value else client.annual_value,
        currency=term.currency if term and has_value else None,
    )
