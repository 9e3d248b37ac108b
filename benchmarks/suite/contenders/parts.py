"""This package's full replay, and the limit's, each gone a part of the way: what a further step costs is the difference."""

from collections.abc import Iterator

from answers import Item
from contenders import limit, ours
from made_files import Made
from workload import MOMENT

from retention_engine.client import Client
from retention_engine.log import open_log
from retention_engine.log.event_log import PAGE


def rows(made: Made) -> Iterator[Item]:
    """The rows from SQLite, client by client."""
    with open_log(made.address, read_only=True) as log:
        place, head = ("", 0), log.head()
        while page := log.store.page(place, head, PAGE):
            place = page[-1][1:3]
            yield place


def events(made: Made) -> Iterator[Item]:
    """The rows' checksums compared, and the events decoded."""
    with open_log(made.address, read_only=True) as log:
        for client, _ in log.clients():
            yield (client,)


def clients(made: Made) -> Iterator[Item]:
    """The events of each client in order, cut at the moment."""
    yield from ((client.id,) for client in _clients(made))


def rules(made: Made) -> Iterator[Item]:
    """What the rules state, with its evidence; nothing is checked yet."""
    chosen = ours.engine().rules
    for client in _clients(made):
        for rule in chosen:
            for _ in rule.findings(client):
                pass
        yield (client.id,)


def schedules(made: Made) -> Iterator[Item]:
    """What they state checked, with rule and message filled in, and put together."""
    engine = ours.engine()
    for client in _clients(made):
        engine.schedule(client)
        yield (client.id,)


def facts(made: Made) -> Iterator[Item]:
    """The limit's rows from SQLite, decoded by the page."""
    for page in limit.pages(made, limit.BY_CLIENT):
        yield (page[-1].client,)


def _clients(made: Made) -> Iterator[Client]:
    with open_log(made.address, read_only=True) as log:
        for name, found in log.clients():
            client = Client.from_events(name, found, as_of=MOMENT)
            if client:
                yield client
