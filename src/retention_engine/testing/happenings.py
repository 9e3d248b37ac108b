"""Events in few words, for the histories of tests: `engaged("2026-01-01", purpose="review")`.

The client need not be named: `given` makes the events those of its client. Fields are named as the class of the event
names them, so that `with` is `with_`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Required, TypedDict, TypeVar, Unpack

from ..errors import KindError
from ..events import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Complained,
    Engaged,
    Event,
    Introduced,
    Judged,
    Left,
    LevelName,
    Measured,
    Outcome,
    Profiled,
    Question,
    Referred,
    Renewed,
    Resolved,
    Retracted,
)
from ..schema import schema_of

CLIENT = "acme"
"""The client in a test's history, unless another one is named."""

Moment = str | date | datetime
"""An instant: a date, an RFC 3339 text, or an aware datetime."""

Number = int | float | str | Decimal

E = TypeVar("E", bound=Event)


class _Envelope(TypedDict, total=False):
    id: str | None
    recorded_at: Moment
    by: str | None
    note: str | None


class _Engaged(_Envelope, total=False):
    purpose: str
    depth: Literal["token", "routine", "meaningful"]
    direction: Literal["outbound", "inbound", "two_way"]
    channel: str | None
    with_: tuple[str, ...]
    exceeded: bool
    reactive_to: str | None
    resolves: str | None
    asked: tuple[Question, ...]
    answers: dict[Question, str]
    agreed_by: tuple[Literal["us", "client"], ...]
    our_view: int | None
    client_view: int | None
    learned: str | None
    competitor: str | None
    topic: str | None


class _Introduced(_Envelope, total=False):
    to: str | None
    role: Literal["helper", "prospect", "supplier", "peer"] | None
    initiated_by: Literal["us", "client"]
    outcome: Outcome | None


class _Referred(_Envelope, total=False):
    direction: Required[Literal["given", "received"]]
    prospect: str | None
    outcome: Outcome | None


class _Complained(_Envelope, total=False):
    severity: Literal["minor", "major", "critical"]
    topic: str | None
    threatens_to_leave: bool
    competitor: str | None


class _Renewed(_Envelope, total=False):
    term_start: Moment | None
    term_end: Moment | None
    value: Number | None
    currency: str | None


class _Resolved(_Envelope, total=False):
    complaint: Required[str]


class Profile(TypedDict, total=False):
    """What a `profiled` event may say of a client, tier and owner aside."""

    name: str | None
    stage: Literal["prospect", "client"] | None
    channel: str | None
    annual_value: Number | None
    timezone: str | None
    cadence_days: int | None
    plan: str | None


class _Profiled(_Envelope, Profile, total=False):
    tier: str | None
    owner: str | None


class _Measured(_Envelope, total=False):
    measure: Required[str]
    value: Required[Number]
    target: Required[Number]


class _Left(_Envelope, total=False):
    reason: str | None
    controllable: bool


class _ActionDone(_Envelope, total=False):
    action: Required[str]


class _ActionSnoozed(_Envelope, total=False):
    action: Required[str]
    until: Required[Moment]


class _ActionDismissed(_Envelope, total=False):
    action: Required[str]
    reason: Required[str]


class _Judged(_Envelope, total=False):
    level: Required[LevelName]
    reason: Required[str]
    until: Moment | None


class _Retracted(_Envelope, total=False):
    event: Required[str]
    reason: str | None


def engaged(at: Moment, /, **fields: Unpack[_Engaged]) -> Engaged:
    """We and the client had to do with each other."""
    return _built(Engaged, at, fields)


def introduced(at: Moment, /, **fields: Unpack[_Introduced]) -> Introduced:
    """Somebody was introduced."""
    return _built(Introduced, at, fields)


def referred(at: Moment, /, **fields: Unpack[_Referred]) -> Referred:
    """Somebody was recommended; `direction` is `given` or `received`."""
    return _built(Referred, at, fields)


def complained(at: Moment, /, **fields: Unpack[_Complained]) -> Complained:
    """The client told us that something is wrong."""
    return _built(Complained, at, fields)


def renewed(at: Moment, /, **fields: Unpack[_Renewed]) -> Renewed:
    """The client signed, or signed again."""
    return _built(Renewed, at, fields)


def resolved(at: Moment, /, **fields: Unpack[_Resolved]) -> Resolved:
    """A complaint was settled; `complaint` is its id."""
    return _built(Resolved, at, fields)


def profiled(at: Moment, /, **fields: Unpack[_Profiled]) -> Profiled:
    """Something about the client was noted or changed."""
    return _built(Profiled, at, fields)


def measured(at: Moment, /, **fields: Unpack[_Measured]) -> Measured:
    """A measure that was agreed came out at `value`, against `target`."""
    return _built(Measured, at, fields)


def left(at: Moment, /, **fields: Unpack[_Left]) -> Left:
    """The client left."""
    return _built(Left, at, fields)


def action_done(at: Moment, /, **fields: Unpack[_ActionDone]) -> ActionDone:
    """A recommended action was carried out."""
    return _built(ActionDone, at, fields)


def action_snoozed(at: Moment, /, **fields: Unpack[_ActionSnoozed]) -> ActionSnoozed:
    """A recommended action is to stay away until an instant."""
    return _built(ActionSnoozed, at, fields)


def action_dismissed(at: Moment, /, **fields: Unpack[_ActionDismissed]) -> ActionDismissed:
    """A recommended action was turned down, for a reason."""
    return _built(ActionDismissed, at, fields)


def judged(at: Moment, /, **fields: Unpack[_Judged]) -> Judged:
    """A person gave a verdict of their own."""
    return _built(Judged, at, fields)


def retracted(at: Moment, /, **fields: Unpack[_Retracted]) -> Retracted:
    """An event should never have been recorded; `event` is its id."""
    return _built(Retracted, at, fields)


def happened(kind: type[E], at: Moment, /, **fields: Any) -> E:
    """An event of any kind, such as one of your own: `happened(InvoiceSent, "2026-01-01", amount=3)`.

    Raises:
        KindError: this is no class of events.
        EventError: a field is missing, unknown, of the wrong type or out of range.
    """
    if not isinstance(kind, type) or not issubclass(kind, Event):
        raise KindError(f"expected a class of events, such as Engaged, got {kind!r}")
    return _built(kind, at, fields)


def _built(kind: type[E], at: Moment, fields: Mapping[str, Any]) -> E:
    names = {attribute: name for name, attribute in schema_of(kind).attribute.items()}
    given = {names.get(attribute, attribute): value for attribute, value in fields.items()}
    return kind.from_fields({"client": CLIENT, **given, "at": at})
