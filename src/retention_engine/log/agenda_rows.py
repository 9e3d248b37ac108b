"""What the agenda keeps beside a log: rows of plain values, instants in microseconds since 1970."""

from collections.abc import Iterable
from typing import NamedTuple

BEGINNING = -(1 << 62)
"""Stands for the time before all that is asked about."""

FOREVER = 1 << 62
"""Stands for the end of what has none."""

BUILDING = "building"
ACTIVE = "active"
RETIRED = "retired"


class SpellRow(NamedTuple):
    """A client's status during `[starts, until)`.

    Attributes:
        client: the client's id.
        starts: from when; `BEGINNING` for the first one of a client that is known by now.
        until: until just before when, or `FOREVER`.
        status: the level.
        before: the level before; `None` for a client's first spell.
        is_past: whether it began by the time when the client's latest event was recorded.
        because: why it began, as JSON.
    """

    client: str
    starts: int
    until: int
    status: int
    before: int | None
    is_past: int
    because: bytes


class ActionRow(NamedTuple):
    """An action that is open during `[opens, closes)`; `owner` is empty where nobody looks after the client."""

    client: str
    opens: int
    closes: int
    due: int
    id: str
    rule: str
    about: str | None
    message: str
    owner: str
    because: bytes


class FailureRow(NamedTuple):
    """A rule that can't be evaluated for a client during `[starts, until)`."""

    client: str
    starts: int
    until: int
    rule: str
    cause: str


class NewsRow(NamedTuple):
    """A change of status that came to pass; `seq` is 0 until it is stored."""

    seq: int
    id: str
    client: str
    at: int
    before: int | None
    after: int | None
    because: bytes
    position: int


class ClientRows(NamedTuple):
    """All that the agenda has on one client."""

    spells: tuple[SpellRow, ...] = ()
    actions: tuple[ActionRow, ...] = ()
    failures: tuple[FailureRow, ...] = ()

    def without(self, others: "ClientRows") -> "ClientRows":
        """The rows that are not among the others."""
        spells, actions, failures = set(others.spells), set(others.actions), set(others.failures)
        return ClientRows(
            tuple(row for row in self.spells if row not in spells),
            tuple(row for row in self.actions if row not in actions),
            tuple(row for row in self.failures if row not in failures),
        )

    def status(self, moment: int) -> int | None:
        """The level at a moment, `None` where the client is not known then."""
        return next((row.status for row in self.spells if row.starts <= moment < row.until), None)


NO_ROWS = ClientRows()


class Generation(NamedTuple):
    """One build of the agenda, by one rule set.

    Attributes:
        id: its number; a later one was begun later.
        fingerprint: that of the rule set.
        state: `building`, `active` or `retired`.
        upto: the position up to which the log is read client by client.
        total: how many events that takes.
        done: how many of them have been read.
        mark: the last client that was read.
        horizon: the instant from which on it answers.
        position: the position up to which it has followed the log; `None` until all clients have been read.
    """

    id: int
    fingerprint: str
    state: str
    upto: int
    total: int
    done: int
    mark: str
    horizon: int
    position: int | None


class State(NamedTuple):
    """How the agenda stands.

    Attributes:
        epoch: how often a client was forgotten; what was read of the log before is not to be relied on.
        told: up to when changes that come with time have been told; `None` where nobody has asked for news.
        forgotten: whether the build that answers is to make rows of forgotten clients anew.
        generations: the builds that there are.
    """

    epoch: int
    told: int | None
    forgotten: bool
    generations: tuple[Generation, ...]

    @property
    def active(self) -> Generation | None:
        """The build that answers."""
        return next((it for it in self.generations if it.state == ACTIVE), None)

    def named(self, generation: int) -> Generation | None:
        """The build of a number, unless it is retired."""
        return next((it for it in self.generations if it.id == generation and it.state != RETIRED), None)

    def building(self, fingerprint: str | None = None) -> Generation | None:
        """The latest unfinished build, by a rule set or by any."""
        found = [it for it in self.generations if it.state == BUILDING and fingerprint in (None, it.fingerprint)]
        return found[-1] if found else None


def by_client(
    spells: Iterable[SpellRow], actions: Iterable[ActionRow], failures: Iterable[FailureRow]
) -> dict[str, ClientRows]:
    """Rows of several clients, by client."""
    found: dict[str, tuple[list[SpellRow], list[ActionRow], list[FailureRow]]] = {}
    for spell in spells:
        found.setdefault(spell.client, ([], [], []))[0].append(spell)
    for action in actions:
        found.setdefault(action.client, ([], [], []))[1].append(action)
    for failure in failures:
        found.setdefault(failure.client, ([], [], []))[2].append(failure)
    return {client: ClientRows(*map(tuple, rows)) for client, rows in found.items()}  # type: ignore[arg-type]
