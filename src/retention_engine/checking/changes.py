"""Whether a rule left a client's history as it found it."""

from functools import cached_property
from typing import Any

import attrs

from ..client import Client
from ..codec import encode
from ..events import Event


@attrs.frozen
class _Kept:
    event: Event
    values: dict[str, Any]
    said: bytes


@attrs.frozen
class Snapshot:
    """A client's history as it was."""

    id: str
    events: tuple[_Kept, ...]

    @classmethod
    def of(cls, client: Client) -> "Snapshot":
        """The history as it is now."""
        return cls(client.id, tuple(_Kept(event, dict(vars(event)), encode(event)) for event in client.events))

    def changed(self, client: Client) -> str:
        """What of it is different now, in words; empty where nothing is."""
        if client.id != self.id:
            return "the client's id"
        if not self._has_the_same_events(client):
            return "which events there are"
        for kept in self.events:
            names = [name for name in _names(kept) if vars(kept.event).get(name) != kept.values.get(name)]
            if names:
                return f"{', '.join(sorted(names))} of {kept.event.kind} {kept.event.ref}"
            if _said(kept.event) != kept.said:
                return f"what {kept.event.kind} {kept.event.ref} says"
        return ""

    def _has_the_same_events(self, client: Client) -> bool:
        try:
            return all(event is kept.event for event, kept in zip(client.events, self.events, strict=True))
        except (IndexError, ValueError):  # there are fewer now
            return False


def _names(kept: _Kept) -> set[str]:
    """The attributes that matter: what a class keeps for itself of what it has worked out is none of them."""
    names = kept.values.keys() | vars(kept.event).keys()
    return {name for name in names if not isinstance(getattr(type(kept.event), name, None), cached_property)}


def _said(event: Event) -> bytes:
    try:
        return encode(event)
    except Exception:  # noqa: BLE001 - what can't be written any more was changed
        return b""
