"""What `profiled` events say of a client, and since when."""

from ..client import Client
from ..events import Event, Profiled


def noted_since(client: Client, field: str) -> Event | None:
    """The event since which a field of the client's profile has the value that it has; saying it again changes nothing."""
    first: Event | None = None
    value = None
    for event in reversed(client.of(Profiled)):
        said = getattr(event, field)
        if said is None:
            continue
        if first is not None and said != value:
            break
        first, value = event, said
    return first
