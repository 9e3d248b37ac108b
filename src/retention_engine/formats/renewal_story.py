"""What the log has on a client's renewal: the term, and the talks that a renewal rests on; what is missing is said."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from ..client import Client, Term
from ..events import Complained, Engaged, Event
from ..moments import instant_text
from ..words import contact, engaged_for
from .words import counted, day, printable

_value_review = engaged_for("value_review")
_renewal_talk = engaged_for("renewal")
_expectations = engaged_for("expectations")


@attrs.frozen
class Renewal:
    """The facts about a client's renewal at a moment.

    Attributes:
        at: the moment.
        term: the term that ends last.
        contact: the latest contact.
        value_review: the latest talk about what the client gets for the money.
        talk: the latest talk about the renewal.
        expectations: the latest talk about expectations.
        complaints: the complaints that are not resolved.
    """

    at: datetime
    term: Term
    contact: Event | None
    value_review: Event | None
    talk: Event | None
    expectations: Event | None
    complaints: tuple[Complained, ...]

    @property
    def ended(self) -> bool:
        """Whether the term is over."""
        return self.term.end <= self.at

    @property
    def days(self) -> int:
        """The whole days to the term's end; below 0, the whole days since."""
        apart = abs(self.term.end - self.at) // timedelta(days=1)
        return -apart if self.ended else apart


def renewal(client: Client, at: datetime) -> Renewal | None:
    """The facts about a client's renewal, as the history has them; `None` for a client without a term."""
    term = client.term
    if term is None:
        return None
    return Renewal(
        at=at,
        term=term,
        contact=client.latest(contact),
        value_review=client.latest(_value_review),
        talk=client.latest(_renewal_talk),
        expectations=client.latest(_expectations),
        complaints=client.open_complaints,
    )


def renewal_view(found: Renewal | None) -> dict[str, Any] | None:
    """The facts as plain values."""
    if found is None:
        return None
    term = found.term
    expectations = _event_view(found.expectations)
    if expectations is not None:
        expectations["agreed_by"] = list(_agreed_by(found.expectations))
    return {
        "term_start": None if term.start is None else instant_text(term.start),
        "term_end": instant_text(term.end),
        "days": found.days,
        "value": None if term.value is None else f"{term.value:f}",
        "currency": term.currency,
        "because": [term.event.ref],
        "last_contact": _event_view(found.contact),
        "last_value_review": _event_view(found.value_review),
        "last_renewal_talk": _event_view(found.talk),
        "open_complaints": [
            {"event": it.ref, "at": instant_text(it.at), "severity": it.severity, "topic": it.topic}
            for it in found.complaints
        ],
        "expectations": expectations,
    }


def _event_view(event: Event | None) -> dict[str, Any] | None:
    return None if event is None else {"event": event.ref, "at": instant_text(event.at)}


def _agreed_by(event: Event | None) -> tuple[str, ...]:
    return event.agreed_by if isinstance(event, Engaged) else ()


def renewal_words(found: Renewal) -> str:
    """The facts as one paragraph."""
    return printable(f"The renewal: {'; '.join(renewal_facts(found))}.")


def renewal_facts(found: Renewal) -> Iterator[str]:
    """The facts one by one, each as a part of a sentence."""
    yield f"the term {_end(found)} ({found.term.event.ref})"
    yield _value(found.term)
    yield _latest("contact", found.contact)
    yield _latest("value review", found.value_review)
    yield _latest("talk about the renewal", found.talk)
    agreed = " and ".join(_agreed_by(found.expectations))
    yield _latest("talk about expectations", found.expectations) + (f", agreed by {agreed}" if agreed else "")
    yield _complaints(found)


def _end(found: Renewal) -> str:
    count = abs(found.days)
    span = counted(count, "day")
    if found.ended:
        return f"ended on {day(found.term.end)}, {f'{span} ago' if count else 'less than a day ago'}"
    return f"ends on {day(found.term.end)}, {f'in {span}' if count else 'within a day'}"


def _value(term: Term) -> str:
    if term.value is None:
        return "no value on record"
    currency = term.currency or "(no currency on record)"
    return f"worth {term.value:,f} {currency}"


def _latest(what: str, event: Event | None) -> str:
    return f"no {what} on record" if event is None else f"last {what} on {day(event.at)} ({event.ref})"


def _complaints(found: Renewal) -> str:
    if not found.complaints:
        return "no open complaint on record"
    count = counted(len(found.complaints), "open complaint")
    each = (
        f"{complaint.ref} of {day(complaint.at)}" + (f", {complaint.topic}" if complaint.topic else "")
        for complaint in found.complaints
    )
    return f"{count} ({'; '.join(each)})"
