"""Events as JSON: the one way in which every reader and every store turns bytes into events and back."""

import json
import re
from hashlib import sha256
from typing import Any

import msgspec

from .errors import EventError
from .events import KINDS, Event, Kinds

MOST_BYTES = 1 << 20
MOST_DEPTH = 32

_SPACED_COLON = re.compile(rb"[ \t\r\n]:")
_ENCODER = msgspec.json.Encoder()


def decode(line: bytes, *, position: int = 0, kinds: Kinds = KINDS) -> Event:
    """One event from one line of JSON.

    Args:
        line: UTF-8 JSON, at most 1 MiB, nested at most 32 deep; surrounding white space is ignored.
        position: the event's place in its log.
        kinds: the kinds that may occur.

    Raises:
        EventError: the line is no event; `code`, `field` and `reason` say why.
    """
    fields = json_object(line)
    cls = kinds.named(fields.pop("kind", None)) if "kind" in fields else _no_kind()
    return cls.from_fields(fields, position=position, check_text=b"\\" in line)


def encode(event: Event) -> bytes:
    """One event as a line of JSON without the line's end; what equals the kind's defaults is left out."""
    return _ENCODER.encode(event.fields())


def digest(event: Event) -> bytes:
    """SHA-256 of what an event says, apart from when that was recorded: equal content, equal digest."""
    fields = event.fields()
    fields.pop("recorded_at", None)
    return sha256(msgspec.json.encode(fields, order="sorted")).digest()


def json_object(line: bytes) -> dict[str, Any]:
    """One JSON object with no key twice.

    Raises:
        EventError: the bytes are too long, too deep, no JSON, no object, or hold a key twice.
    """
    if len(line) > MOST_BYTES:
        raise EventError("too-long", f"the line is longer than {MOST_BYTES >> 20} MiB")
    if line.count(b"{") + line.count(b"[") > MOST_DEPTH and _depth(line) > MOST_DEPTH:
        raise EventError("too-deep", f"objects and lists are nested more than {MOST_DEPTH} deep")
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _why_no_json(line, error) from None
    if not isinstance(value, dict):
        raise EventError("not-an-object", f"expected one JSON object a line, got {_json_type(value)}")
    # Where no space precedes a colon, every key ends in `":`; as many as the object has keys proves that none came twice.
    if line.count(b'":') != len(value) or _SPACED_COLON.search(line):
        json.loads(line, object_pairs_hook=_no_key_twice)
    return value


def _no_kind() -> type[Event]:
    raise EventError("missing-field", "is missing, and must be given", "kind")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise EventError("duplicate-key", f"the key {key[:60]!r} stands twice in one object", key[:60])
        found[key] = value
    return found


def _why_no_json(line: bytes, error: Exception) -> EventError:
    """What is wrong with a line that the fast decoder refused, in more words than it has."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) or line[1:2] == b"\x00":
        return EventError("bad-utf-8", "the file looks like UTF-16; save it as UTF-8")
    if b"\x00" in line:
        return EventError("nul-character", "holds a NUL byte; remove it")
    try:
        json.loads(line.decode(), parse_constant=_refused_constant)
    except UnicodeDecodeError as bad:
        return EventError("bad-utf-8", f"byte {bad.start + 1} is not UTF-8; save the file as UTF-8")
    except EventError as refused:
        return refused
    except json.JSONDecodeError as plain:
        detail = plain.msg[:1].lower() + plain.msg[1:]
        return EventError("bad-json", f"this is not JSON: {detail} at column {plain.colno}")
    except ValueError:
        return EventError("out-of-range", "a number has too many digits")
    if "range" in str(error):
        return EventError("out-of-range", "a number is too large")
    return EventError("lone-surrogate", "holds half of a surrogate pair, which is no character; remove it")


def _refused_constant(name: str) -> Any:
    raise EventError("not-a-number", f"{name} is no JSON number; leave the field out where the value is not known")


def _json_type(value: object) -> str:
    return {list: "a list", str: "text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _depth(line: bytes) -> int:
    """How deep objects and lists are nested, brackets inside texts aside."""
    depth = deepest = 0
    for byte in re.sub(rb'"(?:[^"\\]|\\.)*"', b"", line):
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest
