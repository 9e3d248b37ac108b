"""Events as JSON: what goes in comes out, and nothing but an event or an `EventError` comes out of any bytes."""

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retention_engine import Complained, Engaged, Event, Measured, Renewed, decode, encode
from retention_engine.codec import MOST_BYTES, MOST_DEPTH, canonical, digest, json_object, stored_reader
from retention_engine.errors import EventError
from retention_engine.schema import Parsed
from strategies import events

LINE = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01T09:00:00Z"}'
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def refused(line: bytes) -> EventError:
    with pytest.raises(EventError) as caught:
        decode(line)
    return caught.value


# There and back.


@given(events())
def test_an_event_comes_back_as_it_went_in(event):
    back = decode(encode(event), position=event.position)
    assert type(back) is type(event)
    assert back == event
    assert (back.recorded_at, back.position) == (event.recorded_at, event.position)
    assert back.fields() == event.fields()


@given(events())
def test_a_line_is_one_line_of_strict_json(event):
    line = encode(event)
    assert b"\n" not in line
    assert b"\r" not in line
    said = json.loads(line)
    assert said["kind"] == event.kind
    assert said["client"] == event.client


@given(events())
def test_a_line_says_only_what_differs_from_the_defaults(event):
    said = json.loads(encode(event))
    for field in attrs.fields(type(event)):
        name = field.name.removesuffix("_")
        if field.name not in {"position", "recorded_at"} and getattr(event, field.name) == field.default:
            assert name not in said
    assert "position" not in said


@given(events(), st.timedeltas(timedelta(microseconds=1), timedelta(days=1)))
def test_when_an_event_was_recorded_is_no_part_of_its_content(event, later):
    other = event.recorded(event.recorded_at + later)
    assert other == event
    assert digest(other) == digest(event)
    assert canonical(other) == canonical(event)


@given(events(), st.integers())
def test_where_an_event_stands_is_no_part_of_its_content(event, position):
    assert digest(event.at_position(position)) == digest(event)


@given(events(), events())
@example(
    Renewed(client="a", at=MAY, value=Decimal("1200.50")),
    Renewed(client="a", at=MAY, value=Decimal("1200.5")),
)
@example(Renewed(client="a", at=MAY, value=Decimal("1e3")), Renewed(client="a", at=MAY, value=1000))
@example(Renewed(client="a", at=MAY, value=Decimal("-0.0")), Renewed(client="a", at=MAY, value=0))
@example(
    Measured(client="a", at=MAY, measure="m", value="1.0000000000000000000000000000000000001", target=1),
    Measured(client="a", at=MAY, measure="m", value="1.0000000000000000000000000000000000002", target=1),
)
@example(
    Engaged(client="a", at=MAY, answers={"how": "well", "stop": "calls"}),
    Engaged(client="a", at=MAY, answers={"stop": "calls", "how": "well"}),
)
def test_equal_events_and_no_others_have_equal_digests(one, other):
    same = type(one) is type(other) and one == other
    assert (digest(one) == digest(other)) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Engaged(client="a", at=MAY), Engaged(client="b", at=MAY)),
        (Engaged(client="a", at=MAY), Engaged(client="a", at=MAY + timedelta(microseconds=1))),
        (Engaged(client="a", at=MAY), Engaged(client="a", at=MAY, id="e1")),
        (Engaged(client="a", at=MAY), Engaged(client="a", at=MAY, note="")),
        (Engaged(client="a", at=MAY), Complained(client="a", at=MAY)),
        (Engaged(client="a", at=MAY, with_=("jo", "al")), Engaged(client="a", at=MAY, with_=("al", "jo"))),
        (Engaged(client="Caf\u00e9", at=MAY), Engaged(client="Cafe\u0301", at=MAY)),
    ],
)
def test_any_difference_in_content_is_a_difference_in_digest(one, other):
    assert digest(one) != digest(other)


def test_a_number_is_the_decimal_number_that_was_written():
    assert decode(b'{"client": "a", "kind": "renewed", "at": "2026-05-01", "value": "1200.50"}').value == Decimal(
        "1200.50"
    )
    event = Measured(client="a", at=MAY, measure="m", value="0.1", target=0.1)
    assert (event.value, event.target) == (Decimal("0.1"), Decimal("0.1"))


def test_white_space_around_a_line_is_ignored():
    assert decode(b" \t" + LINE + b"\r\n") == decode(LINE)


def test_nested_text_may_hold_what_looks_like_structure():
    note = '": [{[{' * 40
    assert decode(encode(Engaged(client="a", at=MAY, note=note))).note == note


# Nothing else comes out.

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["acme", "2026-05-01", "2026-05-01T09:00:00", "outbound", "major", "healthy", "e1", 5, "1200.50"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "client",
        "kind",
        "at",
        "id",
        "recorded_at",
        "note",
        "by",
        "purpose",
        "with",
        "answers",
        "value",
        "term_end",
        "level",
    ]
)
KIND_NAMES = st.sampled_from(["engaged", "renewed", "measured", "judged", "profiled", "retracted", "complained"])
OBJECTS = st.builds(
    lambda fields, kind: {"client": "acme", "kind": kind, "at": "2026-05-01"} | fields,
    st.dictionaries(NAMES | st.text(max_size=6), VALUES, max_size=5),
    KIND_NAMES,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good line with a few of its bytes changed, left out, repeated or put in."""
    line = encode(draw(events()))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(len(line), start + 12)))
        put = draw(
            st.binary(max_size=3)
            | st.sampled_from(
                [b"{", b"[", b'"', b"\\", b"\\u0000", b"\\ud800", b"\x00", b"NaN", b"1e999", b",", b":", b" :"]
            )
            | st.just(line[start:end] * 2)
        )
        line = line[:start] + put + line[end:]
    return line


def only_an_event_or_an_error(line: bytes) -> Event | None:
    try:
        event = decode(line)
    except EventError as error:
        refusal = error
    else:
        assert decode(encode(event)) == event
        return event
    assert str(refusal).isprintable()
    assert len(str(refusal)) < 400
    assert refusal.code
    return None


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x00")
@example(b"\xef\xbb\xbf")
@example(b"{" * 33)
@example(b'"' + b'\\"' * 50 + b"[" * 33)
def test_any_bytes_are_refused_in_words(line):
    assert only_an_event_or_an_error(line) is None


@given(damaged())
def test_a_damaged_line_is_an_event_or_refused_in_words(line):
    only_an_event_or_an_error(line)


@given(OBJECTS.map(json.dumps).map(str.encode))
def test_any_json_object_is_an_event_or_refused_in_words(line):
    only_an_event_or_an_error(line)


@given(OBJECTS.map(lambda fields: json.dumps(fields, ensure_ascii=False, separators=(" , ", " : "))))
def test_how_json_is_spaced_and_escaped_does_not_matter(text):
    compact = json.dumps(json.loads(text), separators=(",", ":"))
    line = text.encode("utf-8", "surrogatepass")
    assert only_an_event_or_an_error(line) == only_an_event_or_an_error(compact.encode())


def read_by_python(line: bytes) -> object:
    """What Python's own reader makes of a line, without what it takes beyond JSON."""

    def once(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def finite(text):
        assert math.isfinite(float(text))
        return float(text)

    def refuse(name):
        raise ValueError(name)

    return json.loads(line.decode(), object_pairs_hook=once, parse_constant=refuse, parse_float=finite)


@given(st.one_of(damaged(), VALUES.map(json.dumps).map(str.encode), st.binary(max_size=30)))
def test_what_is_read_as_an_object_is_one_for_pythons_own_reader_too(line):
    try:
        found = json_object(line)
    except EventError:
        return
    assert read_by_python(line) == found


@given(st.lists(st.sampled_from(["a", "b", "kind", 'q"', "ü"]), max_size=5), st.sampled_from(["", " ", "\t"]), VALUES)
def test_a_key_that_stands_twice_is_always_found(keys, space, value):
    inner = json.dumps(value)
    line = "{" + ",".join(f"{json.dumps(key)}{space}:{inner}" for key in keys) + "}"
    if len(set(keys)) < len(keys):
        with pytest.raises(EventError) as caught:
            json_object(line.encode())
        assert caught.value.code in {"duplicate-key", "not-a-number", "lone-surrogate"}
    elif "NaN" not in line and "Infinity" not in line and "\\ud" not in line:
        assert list(json_object(line.encode())) == keys


# The limits, both sides.


def test_a_line_may_be_one_mebibyte_long():
    line = LINE + b" " * (MOST_BYTES - len(LINE))
    assert decode(line) == decode(LINE)
    assert refused(line + b" ").code == "too-long"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"b":', b"}")], ids=["lists", "objects"])
def test_objects_and_lists_may_be_nested_32_deep(opening, closing):
    def nested(depth):
        return b'{"a":' + opening * (depth - 1) + b"0" + closing * (depth - 1) + b"}"

    assert list(json_object(nested(MOST_DEPTH))) == ["a"]
    with pytest.raises(EventError) as caught:
        json_object(nested(MOST_DEPTH + 1))
    assert caught.value.code == "too-deep"


def test_many_objects_side_by_side_are_not_deep():
    assert json_object(b'{"a":[' + b",".join([b"{}"] * 500) + b"]}")["a"] == [{}] * 500


def test_brackets_inside_texts_are_not_counted():
    assert json_object(json.dumps({"a": "[{" * 500 + '"' + "]" * 3, "b": [[]]}).encode())["b"] == [[]]


# What a store reads of its own.


@given(events(), st.integers(0, 10**9), st.integers(1, 9))
@example(Engaged(client="acme", at="2026-01-01", note='say "hello":\n', with_=("Ann", '":')), 0, 1)
@example(Engaged(client="acme", at="2026-01-01", answers={"how": "well"}), 0, 1)
@example(Renewed(client="acme", at="2026-01-01", term_end="2026-12-31", value="1200.50"), 0, 1)
def test_what_a_store_reads_quickly_it_reads_as_everybody_does(event, later, position):
    line = encode(event.recorded(event.at + timedelta(seconds=later) if event.at < MAY else event.at))
    quickly = stored_reader(type(event))(line, position)
    assert quickly is not None or line.count(b'":') != len(json.loads(line))
    if quickly is not None:
        properly = decode(line, position=position)
        assert type(quickly) is type(properly)
        assert vars(quickly) == vars(properly)
        assert {name: type(value) for name, value in vars(quickly).items()} == {
            name: type(value) for name, value in vars(properly).items()
        }


@pytest.mark.parametrize(
    "line",
    [
        b'{"client":"acme","kind":"complained","at":"2026-01-01T00:00:00Z","mood":"bad"}',
        b'{"client":"acme","kind":"complained","at":"2026-01-01T00:00:00Z","topic":"a","topic":"b"}',
        b'{"client":"acme","at":"2026-01-01T00:00:00Z"}',
        b'{"client":"acme","kind":"complained"}',
        b'{"client":"acme","kind":"complained","at":"2026-01-01T00:00:00Z","severity":"grave"}',
        b'{"client":"acme","kind":"complained","at":"yesterday"}',
        b'{"client":"acme","kind":"complained","at":"2026-01-01T00:00:00Z"',
        b'{"client":"\xff","kind":"complained","at":"2026-01-01T00:00:00Z"}',
        b"[]",
        b"",
    ],
)
def test_what_a_store_did_not_write_it_leaves_to_the_strict_reader(line):
    assert stored_reader(Complained)(line, 1) is None


def test_a_field_that_an_application_reads_is_left_to_the_strict_reader():
    @attrs.frozen(slots=False, kw_only=True)
    class Paid(Event):
        kind = "acme.paid"
        invoice: Annotated[str, Parsed(str.upper)]

    @attrs.frozen(slots=False, kw_only=True)
    class Sent(Event):
        kind = "acme.sent"
        invoice: str

    paid = Paid(client="acme", at="2026-01-01", invoice="a1")
    assert stored_reader(Paid)(encode(paid), 1) is None
    sent = Sent(client="acme", at="2026-01-01", invoice="a1")
    assert stored_reader(Sent)(encode(sent), 1) == sent
