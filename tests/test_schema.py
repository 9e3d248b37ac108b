"""What the fields of an event may hold, and what a class must be to serve as a kind."""

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import attrs
import pytest
from msgspec import Meta

from retention_engine import KINDS, Engaged, Event, Measured, Profiled, Renewed, decode, encode
from retention_engine.errors import EventError, KindError
from retention_engine.schema import FrozenDict, Instant, Number, Parsed, Slug, schema_of

AT = "2026-05-01"


def refused(kind: type[Event] = Engaged, /, **fields: Any) -> EventError:
    with pytest.raises(EventError) as caught:
        kind(**({"client": "acme", "at": AT} | fields))
    return caught.value


# One check for events that are read and events that are built.


@pytest.mark.parametrize(
    ("kind", "field", "value", "code"),
    [
        (Engaged, "client", "", "empty"),
        (Engaged, "client", "x" * 201, "too-long"),
        (Engaged, "client", "a\tb", "control-character"),
        (Engaged, "client", 7, "wrong-type"),
        (Engaged, "at", "2026-05-01T09:00:00", "naive-time"),
        (Engaged, "at", 7, "wrong-type"),
        (Engaged, "recorded_at", "later", "bad-time"),
        (Engaged, "id", "x" * 201, "too-long"),
        (Engaged, "purpose", "Review", "bad-slug"),
        (Engaged, "purpose", 7, "wrong-type"),
        (Engaged, "purpose", "x" * 201, "too-long"),
        (Engaged, "depth", "deep", "unknown-value"),
        (Engaged, "client_view", 0, "out-of-range"),
        (Engaged, "note", 7, "wrong-type"),
        (Engaged, "note", "a\x00b", "nul-character"),
        (Engaged, "note", "\ud800", "lone-surrogate"),
        (Renewed, "value", "-1", "out-of-range"),
        (Renewed, "value", "a lot", "not-a-number"),
        (Renewed, "value", [], "wrong-type"),
        (Profiled, "cadence_days", 0, "out-of-range"),
    ],
)
def test_a_constructor_and_a_line_refuse_the_same(kind, field, value, code):
    built = refused(kind, **{field: value})
    with pytest.raises(EventError) as caught:
        kind.from_fields({"client": "acme", "at": AT} | {field: value})
    for error in (built, caught.value):
        assert (error.code, error.field) == (code, field)
        assert str(error) == f"{field}: {error.reason}"


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(EventError) as caught:
        Measured.from_fields({"client": "acme", "at": AT, "measure": "leads", "value": 1})
    assert (caught.value.code, caught.value.field) == ("missing-field", "target")


def test_a_field_that_does_not_exist_comes_with_a_suggestion_and_the_kind():
    with pytest.raises(EventError) as caught:
        Engaged.from_fields({"client": "acme", "at": AT, "chanel": "phone"})
    assert str(caught.value) == "chanel: 'engaged' has no such field; did you mean 'channel'?"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("client_view", 4.5, "expected a whole number or null, got a decimal number"),
        ("client_view", True, "expected a whole number or null, got true or false"),
        ("exceeded", "yes", "expected true or false, got text"),
        ("exceeded", None, "expected true or false, got null"),
        ("with", "jo", "expected a list, got text"),
        ("answers", [], "expected an object, got a list"),
        ("note", {}, "expected text or null, got an object"),
        ("at", None, "expected an instant, got null"),
        ("depth", "de'ep", "none of token, routine, meaningful"),
        ("depth", "x" * 500, "…' is none of token, routine, meaningful"),
        ("client", None, "expected text, got null"),
        ("client", {"x": 1}, "expected text, got {'x': 1}"),
    ],
)
def test_a_wrong_type_is_told_in_plain_words(field, value, says):
    with pytest.raises(EventError) as caught:
        Engaged.from_fields({"client": "acme", "at": AT} | {field: value})
    assert says in caught.value.reason
    assert "`" not in caught.value.reason
    assert len(caught.value.reason) < 200


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("1200.50", "1200.5"),
        (1200.5, "1200.5"),
        ("1e3", "1000"),
        ("-0.0", "0"),
        (0, "0"),
        ("+5", "5"),
        ("0.10", "0.1"),
        ("1e-3", "0.001"),
        (Decimal("7.00"), "7"),
        ("999999999999999999.5", "999999999999999999.5"),
        ("0." + "1" * 60, "0." + "1" * 60),
    ],
)
def test_a_number_has_one_text(given, text):
    assert str(Measured(client="acme", at=AT, measure="m", value=given, target=1).value) == text


@pytest.mark.parametrize("value", [10**18, "1e18", -(10**18), "1e999", float("1e300")])
def test_a_number_beyond_all_reason_is_refused(value):
    assert refused(Measured, measure="m", value=value, target=1).code == "out-of-range"


@pytest.mark.parametrize(
    "value", ["inf", "nan", float("inf"), float("nan"), "", "1e", "1,5", "5.", ".5", "0x1", "\u0661", Decimal("NaN")]
)
def test_what_is_no_finite_decimal_number_is_refused(value):
    assert refused(Measured, measure="m", value=value, target=1).code == "not-a-number"


# The mapping inside an event.


def test_the_answers_of_an_event_cannot_be_changed():
    answers = Engaged(client="acme", at=AT, answers={"stop": "calls", "how": "well"}).answers
    assert answers == {"how": "well", "stop": "calls"}
    for change in (
        lambda: answers.update(how="badly"),
        lambda: answers.__setitem__("how", "badly"),
        lambda: answers.__delitem__("how"),
        answers.clear,
        lambda: answers.pop("how"),
        answers.popitem,
        lambda: answers.setdefault("start", "x"),
        lambda: answers.__ior__({"start": "x"}),
    ):
        with pytest.raises(TypeError, match="record another one"):
            change()
    assert answers == {"how": "well", "stop": "calls"}


def test_the_answers_of_an_event_can_be_hashed_copied_and_pickled():
    answers = FrozenDict({"how": "well"})
    assert hash(answers) == hash(FrozenDict({"how": "well"}))
    assert pickle.loads(pickle.dumps(answers)) == copy.deepcopy(answers) == answers  # noqa: S301 - our own bytes
    assert isinstance(copy.deepcopy(answers), FrozenDict)


# Kinds of an application's own.


def even(value: object) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError(f"expected an even number, got {value}")
    return value


@attrs.frozen(slots=False, kw_only=True)
class Shipped(Event):
    kind: ClassVar[str] = "acme.shipped"

    parcels: Annotated[int, Parsed(even)] = 0
    weight: Number | None = None
    tags: tuple[Slug, ...] = attrs.field(factory=tuple)
    promised: Instant | None = None
    carrier: Literal["post", "van"] = "post"
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None


OWN = KINDS.adding(Shipped)


def test_a_kind_of_ones_own_is_read_as_strictly():
    line = (
        b'{"client": "acme", "kind": "acme.shipped", "at": "2026-05-01", "parcels": 2, "weight": "1.50", "tags": ["a"]}'
    )
    event = decode(line, kinds=OWN)
    assert event == Shipped(client="acme", at=AT, parcels=2, weight="1.5", tags=("a",))
    assert decode(encode(event), kinds=OWN) == event
    with pytest.raises(EventError, match="nobody registered"):
        decode(line)


def test_a_default_that_is_made_by_a_function_is_made():
    read = decode(b'{"client": "acme", "kind": "acme.shipped", "at": "2026-05-01"}', kinds=OWN)
    assert read.tags == Shipped(client="acme", at=AT).tags == ()
    assert read == Shipped(client="acme", at=AT)


@pytest.mark.parametrize(
    ("field", "value", "code", "says"),
    [
        ("parcels", 3, "bad-value", "expected an even number, got 3"),
        ("weight", "heavy", "not-a-number", "'heavy'"),
        ("carrier", "pot", "unknown-value", "did you mean 'post'?"),
        ("rating", 6, "out-of-range", "<= 5"),
        ("promised", "soon", "bad-time", "'soon'"),
        ("tags", ["a", "B"], "bad-slug", "'B' is no slug"),
        ("tags", "a", "wrong-type", "expected a list, got text"),
        ("sent", 1, "unknown-field", "'acme.shipped' has no such field"),
    ],
)
def test_a_kind_of_ones_own_refuses_with_field_and_code(field, value, code, says):
    with pytest.raises(EventError) as caught:
        Shipped.from_fields({"client": "acme", "at": AT} | {field: value})
    assert (caught.value.code, caught.value.field) == (code, field)
    assert says in caught.value.reason


def test_a_class_without_attrs_is_no_kind():
    class Plain(Event):
        kind: ClassVar[str] = "acme.plain"

    with pytest.raises(KindError, match=r"decorate it with @attrs.frozen\(slots=False, kw_only=True\)"):
        KINDS.adding(Plain)


def test_a_slotted_class_is_no_kind():
    @attrs.frozen(kw_only=True)
    class Slotted(Event):
        kind: ClassVar[str] = "acme.slotted"
        extra: str | None = None

    with pytest.raises(KindError, match="Slotted is no event class"):
        KINDS.adding(Slotted)


def test_a_default_that_depends_on_the_event_is_refused():
    @attrs.frozen(slots=False, kw_only=True)
    class Late(Event):
        kind: ClassVar[str] = "acme.late"
        since: Instant = attrs.field(default=attrs.Factory(lambda self: self.at, takes_self=True))

    with pytest.raises(KindError, match=r"Late\.since: a default can't depend on the event"):
        KINDS.adding(Late)


def test_an_annotation_that_names_nothing_is_refused():
    @attrs.frozen(slots=False, kw_only=True)
    class Lost(Event):
        kind: ClassVar[str] = "acme.lost"
        thing: "Nowhere | None" = None  # type: ignore[name-defined] # noqa: F821 - that is what is refused

    with pytest.raises(KindError, match="Lost: an annotation can't be read: name 'Nowhere' is not defined"):
        KINDS.adding(Lost)


def test_a_schema_is_read_off_once_and_knows_the_names_of_a_log():
    schema = schema_of(Engaged)
    assert schema is schema_of(Engaged)
    assert schema.attribute["with"] == "with_"
    assert schema.required == {"client", "at"}
    assert schema.kind == "engaged"
    assert "position" not in schema.attribute


def test_recorded_at_defaults_to_at_however_an_event_is_made():
    at = datetime(2026, 5, 1, tzinfo=UTC)
    for event in (
        Engaged(client="acme", at=AT),
        Engaged(client="acme", at=AT, recorded_at=None),  # type: ignore[arg-type]
        Engaged.from_fields({"client": "acme", "at": AT}),
        Engaged.from_fields({"client": "acme", "at": AT, "recorded_at": None}),
    ):
        assert event.recorded_at == event.at == at
