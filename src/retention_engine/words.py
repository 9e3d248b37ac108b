"""The contract's words for events, as conditions that rules and `Client` take: contact, heard, beyond."""

from collections.abc import Callable
from functools import cache, lru_cache

from .events import Complained, Engaged, Event, Introduced, Referred

SERVICE = frozenset({"delivery", "invoice"})
GIFTS = frozenset({"resource", "invitation", "newsletter", "idea", "advice", "appreciation"})


def service(event: Event) -> bool:
    """A delivery or an invoice: what the client pays for anyway."""
    return isinstance(event, Engaged) and event.purpose in SERVICE


def contact(event: Event) -> bool:
    """We were in touch, deliveries and invoices aside: engaged, introduced or referred, in either direction."""
    return isinstance(event, Introduced | Referred) or (isinstance(event, Engaged) and event.purpose not in SERVICE)


def heard(event: Event) -> bool:
    """The client spoke to us: not outbound, or a complaint, or a recommendation of us."""
    if isinstance(event, Engaged):
        return event.direction != "outbound" and event.purpose not in SERVICE
    return isinstance(event, Complained) or (isinstance(event, Referred) and event.direction == "received")


def beyond(event: Event) -> bool:
    """We did more than was expected: a resource, an idea, thanks, an introduction, a recommendation."""
    if isinstance(event, Engaged):
        return event.exceeded or event.purpose in GIFTS
    return introduced_by_us(event) or referred_by_us(event)


def ours(event: Event) -> bool:
    """A contact that came from us, or from both: not what the client began alone."""
    if isinstance(event, Engaged):
        return event.direction != "inbound" and event.purpose not in SERVICE
    return introduced_by_us(event) or referred_by_us(event)


def asked_for_feedback(event: Event) -> bool:
    """We asked the client what they think, or wrote down what they answered."""
    return isinstance(event, Engaged) and (event.purpose == "feedback" or bool(event.asked) or bool(event.answers))


def introduced_by_us(event: Event) -> bool:
    """We brought the client a contact."""
    return isinstance(event, Introduced) and event.initiated_by == "us"


def referred_by_us(event: Event) -> bool:
    """We recommended the client to a prospect."""
    return isinstance(event, Referred) and event.direction == "given"


@cache
def engaged_for(*purposes: str) -> Callable[[Event], bool]:
    """The condition `engaged` with one of these purposes; the same one whenever it is asked for."""
    wanted = frozenset(purposes)

    def matches(event: Event) -> bool:
        return isinstance(event, Engaged) and event.purpose in wanted

    return matches


@lru_cache(maxsize=4096)
def by(person: str) -> Callable[[Event], bool]:
    """The condition that an event was recorded as done by one of us; the same one whenever it is asked for."""

    def matches(event: Event) -> bool:
        return event.by == person

    return matches


@lru_cache(maxsize=4096)
def contact_by(person: str) -> Callable[[Event], bool]:
    """The condition of a contact by one of us; the same one whenever it is asked for."""

    def matches(event: Event) -> bool:
        return event.by == person and contact(event)

    return matches


@lru_cache(maxsize=4096)
def engaged_through(*channels: str) -> Callable[[Event], bool]:
    """The condition of an `engaged` contact through one of these channels, in any case of letters."""
    wanted = frozenset(channel.casefold() for channel in channels)

    def matches(event: Event) -> bool:
        return isinstance(event, Engaged) and (event.channel or "").casefold() in wanted and contact(event)

    return matches
