"""Which complaints are open, and which event settled each of the others."""

from .events import Complained, Engaged, Event, Resolved


def settles(event: Event) -> bool:
    """An `engaged` that settles a complaint."""
    return isinstance(event, Engaged) and event.resolves is not None


class Complaints:
    """Which complaints are open, and which event settled each of the others."""

    __slots__ = ("open", "settled")

    def __init__(self) -> None:
        self.open: tuple[Complained, ...] = ()
        self.settled: dict[str, Event] = {}

    def take(self, event: Event) -> "Complaints":
        """Take in a complaint, or what settles one; either may come first."""
        if isinstance(event, Complained):
            if event.id is None or event.id not in self.settled:
                self.open += (event,)
        else:
            named = _named(event)
            if named is not None and named not in self.settled:
                self.settled[named] = event
                self.open = tuple(complaint for complaint in self.open if complaint.id != named)
        return self


def _named(event: Event) -> str | None:
    """The complaint that an event settles."""
    if isinstance(event, Resolved):
        return event.complaint
    return event.resolves if isinstance(event, Engaged) else None
