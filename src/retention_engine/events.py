"""The facts: what happens between a business and one client, as immutable events.

The five core kinds come first (`Engaged`, `Introduced`, `Referred`, `Complained`, `Renewed`), then the supporting ones.
An application adds a kind of its own by subclassing `Event` and handing the class to `Kinds.adding` (in `kinds.py`).

Event classes are attrs classes without slots: the codec fills an instance's dictionary with what a line carried,
which is nearly twice as fast as calling the constructor of a slotted class (measured in `benchmarks/decode.py`).
"""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import attrs
from msgspec import Meta

from .errors import EventError
from .schema import Amount, FrozenDict, Identifier, Instant, Number, Slug, schema_of

Question = Literal["how", "start", "stop", "refer", "quote"]
Rating = Annotated[int, Meta(ge=1, le=5)]
Days = Annotated[int, Meta(ge=1, le=36_500)]
LevelName = Literal["healthy", "unknown", "watch", "at-risk", "critical", "left"]
Outcome = Literal["useful", "not_useful"]
Text = str


def _as_given(value: str | date | datetime) -> datetime:
    """Lets a type checker know that a constructor takes texts and dates too; the schema reads them."""
    return cast(datetime, value)


@attrs.frozen(slots=False, kw_only=True)
class Event:
    """Something that happened between us and one client: immutable, in the past tense.

    Attributes:
        client: the client's id, 1 to 200 characters, kept exactly as given.
        at: when it happened (valid time); text, a date or an aware datetime, kept in UTC.
        id: the event's own id, unique for this client.
        recorded_at: when we learned of it (transaction time); `at` where nothing else is said.
        by: our person.
        note: free text.
        position: the event's place in its log (1, 2, 3 ...), which breaks ties of `at`; 0 until a log has given one.

    Raises:
        EventError: a field is missing, of the wrong type or out of range.
    """

    kind: ClassVar[str] = ""

    client: Identifier
    at: Instant = attrs.field(converter=_as_given)
    id: Identifier | None = None
    recorded_at: Instant = attrs.field(
        default=attrs.Factory(lambda self: self.at, takes_self=True), converter=_as_given, eq=False
    )
    by: Text | None = None
    note: Text | None = None
    position: int = attrs.field(default=0, eq=False)

    def __attrs_post_init__(self) -> None:
        schema = schema_of(type(self))
        given = {}
        for name, attribute in schema.attribute.items():
            value = getattr(self, attribute)
            if name not in schema.default or value is not schema.default[name]:
                given[name] = value
        vars(self).update(schema.parse(given, check_text=True))
        if self.recorded_at is None:
            vars(self)["recorded_at"] = self.at
        self.check()

    def __setstate__(self, state: dict[str, Any]) -> None:
        schema_of(type(self))  # what an event does not carry itself, it reads off its class, which that prepares
        vars(self).update(state)

    def check(self) -> None:
        """Refuse what no single field shows; a kind with such a condition overrides this.

        Raises:
            EventError: the fields contradict each other.
        """

    @classmethod
    def from_fields(cls, given: dict[str, Any], *, position: int = 0, check_text: bool = True) -> Self:
        """Build an event from plain values by field name, as a line of a log carries them; `given` is used up.

        Raises:
            EventError: a field is missing, unknown, of the wrong type or out of range.
        """
        values = schema_of(cls).parse(given, check_text=check_text)
        if values.get("recorded_at") is None:
            values["recorded_at"] = values["at"]
        values["position"] = position
        event = object.__new__(cls)
        vars(event).update(values)
        event.check()
        return event

    def fields(self) -> dict[str, Any]:
        """What this event says, by field name: all that differs from its kind's defaults; `recorded_at` is left out."""
        schema, carried = schema_of(type(self)), vars(self)
        said: dict[str, Any] = {"client": self.client, "kind": self.kind}
        for name, attribute in schema.attribute.items():
            if attribute in carried and name != "recorded_at":
                value = carried[attribute]
                if name not in schema.default or value != schema.default[name]:
                    said[name] = value
        return said

    def at_position(self, position: int) -> Self:
        """The same event with its place in a log."""
        return self._with(position=position)

    def recorded(self, moment: datetime) -> Self:
        """The same event, recorded at this instant."""
        return self._with(recorded_at=moment)

    def _with(self, **values: Any) -> Self:
        event = object.__new__(type(self))
        vars(event).update(vars(self), **values)
        return event

    @property
    def ref(self) -> str:
        """How findings cite this event: its id, or `#POSITION` where it has none."""
        return self.id or f"#{self.position}"

    @property
    def order(self) -> tuple[datetime, int]:
        """The event's place in its client's history: by time, ties by position."""
        return self.at, self.position


# The five core kinds.


@attrs.frozen(slots=False, kw_only=True)
class Engaged(Event):
    """We and the client had to do with each other: a call, a meeting, a message, a delivery.

    Attributes:
        purpose: what it was about, a slug; `delivery` and `invoice` are no contact.
        depth: how much of a conversation it was.
        direction: who spoke to whom, seen from us.
        channel: how, such as `phone`.
        with_: their people (`with` in a log).
        exceeded: whether it was more than they expected.
        reactive_to: the id of the event that made us act.
        resolves: the id of the complaint that this settled.
        asked: which of the five questions we asked.
        answers: their answers, by question.
        agreed_by: who agreed, where expectations were set.
        our_view: how we think it goes, 1 to 5.
        client_view: how they think it goes, 1 to 5.
        learned: what we learned about them.
        competitor: a competitor that was named.
        topic: what it was about, in words of our own.
    """

    kind: ClassVar[str] = "engaged"

    purpose: Slug = "general"
    depth: Literal["token", "routine", "meaningful"] = "routine"
    direction: Literal["outbound", "inbound", "two_way"] = "two_way"
    channel: Text | None = None
    with_: tuple[Text, ...] = ()
    exceeded: bool = False
    reactive_to: Identifier | None = None
    resolves: Identifier | None = None
    asked: tuple[Question, ...] = ()
    answers: dict[Question, Text] = attrs.field(default=FrozenDict())
    agreed_by: tuple[Literal["us", "client"], ...] = ()
    our_view: Rating | None = None
    client_view: Rating | None = None
    learned: Text | None = None
    competitor: Text | None = None
    topic: Text | None = None


@attrs.frozen(slots=False, kw_only=True)
class Introduced(Event):
    """Somebody was introduced: we brought the client a contact, or they brought us one."""

    kind: ClassVar[str] = "introduced"

    to: Text | None = None
    role: Literal["helper", "prospect", "supplier", "peer"] | None = None
    initiated_by: Literal["us", "client"] = "us"
    outcome: Outcome | None = None


@attrs.frozen(slots=False, kw_only=True)
class Referred(Event):
    """Somebody was recommended: `given`, we recommend the client; `received`, the client recommends us."""

    kind: ClassVar[str] = "referred"

    direction: Literal["given", "received"]
    prospect: Text | None = None
    outcome: Outcome | None = None


@attrs.frozen(slots=False, kw_only=True)
class Complained(Event):
    """The client told us that something is wrong."""

    kind: ClassVar[str] = "complained"

    severity: Literal["minor", "major", "critical"] = "minor"
    topic: Text | None = None
    threatens_to_leave: bool = False
    competitor: Text | None = None


@attrs.frozen(slots=False, kw_only=True)
class Renewed(Event):
    """The client signed, or signed again: a term with a start, an end and a value, as far as they are known."""

    kind: ClassVar[str] = "renewed"

    term_start: Instant | None = attrs.field(default=None, converter=attrs.converters.optional(_as_given))
    term_end: Instant | None = attrs.field(default=None, converter=attrs.converters.optional(_as_given))
    value: Amount | None = None
    currency: Text | None = None

    def check(self) -> None:
        """Refuse a term that ends before it starts."""
        if self.term_start is not None and self.term_end is not None and self.term_end <= self.term_start:
            raise EventError("term-ends-early", "must lie after term_start", "term_end")


# The supporting kinds.


@attrs.frozen(slots=False, kw_only=True)
class Resolved(Event):
    """A complaint was settled; `complaint` is its event id."""

    kind: ClassVar[str] = "resolved"

    complaint: Identifier


@attrs.frozen(slots=False, kw_only=True)
class Profiled(Event):
    """Something about the client was noted or changed; only the fields carried change."""

    kind: ClassVar[str] = "profiled"

    name: Text | None = None
    tier: Slug | None = None
    owner: Text | None = None
    stage: Literal["prospect", "client"] | None = None
    channel: Text | None = None
    annual_value: Amount | None = None
    timezone: Text | None = None
    cadence_days: Days | None = None
    plan: Text | None = None


@attrs.frozen(slots=False, kw_only=True)
class Measured(Event):
    """A measure that was agreed with the client came out at `value`, against `target`."""

    kind: ClassVar[str] = "measured"

    measure: Identifier
    value: Number
    target: Number


@attrs.frozen(slots=False, kw_only=True)
class Left(Event):
    """The client left; `controllable` says whether we could have done something about it."""

    kind: ClassVar[str] = "left"

    reason: Text | None = None
    controllable: bool = True


@attrs.frozen(slots=False, kw_only=True)
class ActionDone(Event):
    """A recommended action was carried out."""

    kind: ClassVar[str] = "action_done"

    action: Identifier


@attrs.frozen(slots=False, kw_only=True)
class ActionSnoozed(Event):
    """A recommended action is to stay away until an instant."""

    kind: ClassVar[str] = "action_snoozed"

    action: Identifier
    until: Instant = attrs.field(converter=_as_given)


@attrs.frozen(slots=False, kw_only=True)
class ActionDismissed(Event):
    """A recommended action was turned down, for a reason."""

    kind: ClassVar[str] = "action_dismissed"

    action: Identifier
    reason: Text


@attrs.frozen(slots=False, kw_only=True)
class Judged(Event):
    """A person's own verdict, which replaces the computed status until it expires."""

    kind: ClassVar[str] = "judged"

    level: LevelName
    reason: Text
    until: Instant | None = attrs.field(default=None, converter=attrs.converters.optional(_as_given))


@attrs.frozen(slots=False, kw_only=True)
class Retracted(Event):
    """An event of the same client should never have been recorded; it counts as if it had not been."""

    kind: ClassVar[str] = "retracted"

    event: Identifier
    reason: Text | None = None
