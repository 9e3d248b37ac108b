# ruff: noqa: ARG002 - an event carries all that its command is told, whether or not a rule reads it
"""The library `eventsourcing` as its documentation shows it: a client is an aggregate; its log holds its events as JSON."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from answers import Item, in_steps, is_sampled
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from handwritten import Fact, assessed
from made_files import Made
from workload import MOMENT, Said, client_name

PAGE = 1_000
STEP = 10_000


class Story(Aggregate):
    """A client, with what has happened to it."""

    @staticmethod
    def create_id(client: str) -> UUID:
        """The same for the same client."""
        return uuid5(NAMESPACE_URL, client)

    @event("Began")
    def __init__(self, client: str) -> None:
        self.client = client
        self.facts: list[Fact] = []

    @event("Profiled")
    def profile(
        self,
        at: datetime,
        id: str,
        name: str | None = None,
        tier: str | None = None,
        owner: str | None = None,
        cadence_days: int | None = None,
    ) -> None:
        """Something about the client was noted."""
        self.facts.append(Fact(self.client, "profiled", at, id, tier=tier, cadence_days=cadence_days))

    @event("Engaged")
    def engage(
        self,
        at: datetime,
        id: str,
        purpose: str = "general",
        direction: str = "two_way",
        channel: str | None = None,
        by: str | None = None,
        note: str | None = None,
        exceeded: bool = False,
        resolves: str | None = None,
    ) -> None:
        """We and the client had to do with each other."""
        self.facts.append(Fact(self.client, "engaged", at, id, purpose, direction, resolves))

    @event("Introduced")
    def introduce(self, at: datetime, id: str, initiated_by: str = "us", role: str | None = None) -> None:
        """Somebody was introduced."""
        self.facts.append(Fact(self.client, "introduced", at, id))

    @event("Referred")
    def refer(self, at: datetime, id: str, direction: str) -> None:
        """Somebody was recommended."""
        self.facts.append(Fact(self.client, "referred", at, id, direction=direction))

    @event("Complained")
    def complain(self, at: datetime, id: str, severity: str = "minor", topic: str | None = None) -> None:
        """Something is wrong."""
        self.facts.append(Fact(self.client, "complained", at, id, severity=severity))

    @event("Resolved")
    def resolve(self, at: datetime, id: str, complaint: str) -> None:
        """A complaint was settled."""
        self.facts.append(Fact(self.client, "resolved", at, id, complaint=complaint))

    @event("Renewed")
    def renew(
        self, at: datetime, id: str, term_end: datetime | None = None, value: float = 0, currency: str = ""
    ) -> None:
        """The client signed."""
        self.facts.append(Fact(self.client, "renewed", at, id, term_end=term_end))

    @event("Measured")
    def measure(self, at: datetime, id: str, measure: str, value: float, target: float) -> None:
        """A measure came out."""
        self.facts.append(Fact(self.client, "measured", at, id))

    @event("Left")
    def leave(self, at: datetime, id: str, reason: str | None = None) -> None:
        """The client left."""
        self.facts.append(Fact(self.client, "left", at, id))


COMMANDS = {
    "profiled": "profile",
    "engaged": "engage",
    "introduced": "introduce",
    "referred": "refer",
    "complained": "complain",
    "resolved": "resolve",
    "renewed": "renew",
    "measured": "measure",
    "left": "leave",
}
"""The command of an aggregate for each kind of event."""

_NAMES = {kind: kind.title() for kind in COMMANDS}
_FIELDS = {kind: [*getattr(Story, it).__annotations__][:-1] for kind, it in COMMANDS.items()}
_DEFAULTS = {"purpose": "general", "direction": "two_way", "exceeded": False, "initiated_by": "us", "severity": "minor"}


def opened(path: Path, **more: str) -> Application[UUID]:
    """The library's application on a SQLite file."""
    return Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path), **more})


def said_of(said: Said) -> dict[str, Any]:
    """What an aggregate's command takes of an event."""
    return {name: said.get(name, _DEFAULTS.get(name)) for name in _FIELDS[said["kind"]]}


def write_log(path: Path, events: Iterable[Said]) -> None:
    """Write what saving the aggregates would have written, many events at a time and without the aggregates."""
    app = opened(path)
    versions: dict[str, int] = {}
    for step in in_steps(events, STEP):
        stored: list[Any] = []
        for said in step:
            client = said["client"]
            shared = {"originator_id": Story.create_id(client), "timestamp": datetime.now(UTC)}
            if client not in versions:
                versions[client] = 1
                topic = f"{Story.__module__}:{Story.__qualname__}"
                stored.append(Story.Began(originator_version=1, originator_topic=topic, client=client, **shared))
            versions[client] += 1
            cls = getattr(Story, _NAMES[said["kind"]])
            stored.append(cls(originator_version=versions[client], **shared, **said_of(said)))
        app.events.put(stored)
    app.close()


def by_repository(made: Made) -> Iterator[Item]:
    """The documented way: each client fetched with `repository.get`, then the rules; every tenth client."""
    app = opened(made.library_log)
    for client in filter(is_sampled, map(client_name, range(made.clients))):
        story: Story = app.repository.get(Story.create_id(client))
        yield from assessed(client, story.facts, MOMENT)
    app.close()


def by_notifications(made: Made) -> Iterator[Item]:
    """The library's other way: all notifications in pages, each turned into its event, gathered by client."""
    app = opened(made.library_log)
    kind_of = {getattr(Story, name): kind for kind, name in _NAMES.items()}
    names: dict[UUID, str] = {}
    histories: dict[str, list[Fact]] = {}
    start = 1
    while page := app.recorder.select_notifications(start, limit=PAGE):
        for notification in page:
            found: Any = app.mapper.to_domain_event(notification)
            if isinstance(found, Story.Began):
                names[found.originator_id] = found.client
                histories[found.client] = []
            else:
                client = names[found.originator_id]
                histories[client].append(_fact(client, kind_of[type(found)], vars(found)))
        start = page[-1].id + 1
    for client, facts in histories.items():
        yield from assessed(client, facts, MOMENT)
    app.close()


def _fact(client: str, kind: str, said: dict[str, Any]) -> Fact:
    return Fact(
        client,
        kind,
        said["at"],
        said["id"],
        said.get("purpose", "general"),
        said.get("direction", "two_way"),
        said.get("resolves"),
        said.get("complaint"),
        said.get("severity", "minor"),
        said.get("term_end"),
        said.get("tier"),
        said.get("cadence_days"),
    )
