"""Short ways to put a test's history together."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, NoReturn
from unittest import mock

from retention_engine import BUILT_IN, Assessment, BoundRule, Client, Engine, Event, Histories, decode, gather, replay

EVERYTHING = Engine(BoundRule(rule) for rule in BUILT_IN)
"""All built-in rules with their defaults, whatever is enabled."""

Log = Sequence[Mapping[str, Any]]


def events_of(log: Iterable[Mapping[str, Any]]) -> list[Event]:
    """The events of a log's lines, each with its place in it."""
    return [decode(json.dumps(line).encode(), position=place) for place, line in enumerate(log, start=1)]


def histories_of(log: Log) -> Histories:
    return gather(events_of(log))


def client_of(*events: Event, as_of: datetime | None = None, as_at: datetime | None = None) -> Client:
    """The client `acme` with these events."""
    return Client.from_events("acme", events, as_of=as_of, as_at=as_at)


def assessed(
    histories: Histories, at: datetime, known_at: datetime | None = None, engine: Engine = EVERYTHING
) -> dict[str, Assessment]:
    """Every client's assessment, by client."""
    return {found.client.id: found for found in replay(histories, engine, at=at, known_at=known_at)}


REAL = datetime


class _AnyDatetime(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, REAL)


def _refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("somebody asked what time it is")


class _NoClock(datetime, metaclass=_AnyDatetime):
    now = utcnow = today = classmethod(_refuse)  # type: ignore[assignment]


@contextmanager
def no_clock(*more: str) -> Iterator[None]:
    """Whoever in the package, or in the modules named, asks what time it is gets an `AssertionError`."""
    with ExitStack() as patches:
        for name, module in list(sys.modules.items()):
            if (name.startswith("retention_engine") or name in more) and vars(module).get("datetime") is REAL:
                patches.enter_context(mock.patch.object(module, "datetime", _NoClock))
        for name in ("time", "time_ns", "monotonic"):
            patches.enter_context(mock.patch(f"time.{name}", _refuse))
        yield
