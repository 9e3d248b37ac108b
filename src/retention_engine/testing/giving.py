"""A client put together from events, as the log would: `given(engaged("2026-01-01"), tier="key")`."""

from collections.abc import Iterable
from itertools import count
from typing import Any, TypeVar, Unpack

import attrs

from ..client import Client
from ..errors import EventError, shown
from ..events import Event, Profiled
from ..gathering import gather
from .happenings import CLIENT, Profile

E = TypeVar("E", bound=Event)


def given(
    *events: Event, tier: str | None = None, owner: str | None = None, client: str = CLIENT, **profile: Unpack[Profile]
) -> Client:
    """The client with these events, and with this tier, owner and the like from its first event on.

    Events at one instant count in the order in which they are given. One without an id is cited by its place: `#1`.

    Args:
        events: what happened, in any order: `engaged("2026-01-01")`, or any other event of this client.
        tier: the client's tier.
        owner: who of us looks after the client.
        client: the client's id.
        profile: what else a `profiled` event can say: `name`, `stage`, `channel`, `annual_value`, `timezone`,
            `cadence_days`, `plan`.

    Raises:
        EventError: something is no event of this client, an id is used twice, or a retraction names nothing.
    """
    history = list(_of_one_client(events, client))
    noted = {name: value for name, value in {"tier": tier, "owner": owner, **profile}.items() if value is not None}
    if noted:
        if not history:
            raise EventError("missing-field", "a profile needs a first event; give one, or profiled(...)", min(noted))
        noted |= {"client": client, "at": min(event.at for event in history)}
        history.append(Profiled.from_fields(noted, position=len(history) + 1))
    return Client.from_events(client, gather(history).get(client, []))


def _of_one_client(events: Iterable[Any], client: str) -> Iterable[Event]:
    for place, event in zip(count(1), events, strict=False):
        if not isinstance(event, Event):
            raise EventError(
                "wrong-type", f"expected events, such as engaged('2026-01-01'); number {place} is {shown(event)}"
            )
        if event.client not in {client, CLIENT}:
            raise EventError(
                "wrong-type", f"number {place} is an event of {event.client!r}, not of {client!r}", "client"
            )
        yield of_client(event, client).at_position(place)


def of_client(event: E, client: str) -> E:
    """The same event, of another client."""
    return event if event.client == client else attrs.evolve(event, client=client)


def altered(event: E, /, **values: Any) -> E:
    """The same event with other values, which are known to be good, and so are not read again."""
    copy = object.__new__(type(event))
    vars(copy).update(vars(event), **values)
    return copy
