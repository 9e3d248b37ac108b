"""The contract's words for events, as conditions that rules and `Client` take: contact, heard, beyond."""

from collections.abc import Callable

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


def engaged_for(*purposes: str) -> Callable[[Event], bool]:
    """The condition `engaged` with one of these purposes; make it once, at the top of a module."""
    wanted = frozenset(purposes)

    def matches(event: Event) -> bool:
        return isinstance(event, Engaged) and event.purpose in wanted

    return matches
