"""Events as JSON: the one way in which every reader and every store turns bytes into events and back."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from .errors import EventError, shown
from .events import Event
from .kinds import KINDS, Kinds
from .schema import field_shown, schema_of

MOST_BYTES = 1 << 20
MOST_DEPTH = 32

_SPACED_COLON = re.compile(rb"[ \t\r\n]:")
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)  # an end that is missing must not cost a second look
_UTF_16 = re.compile(
    rb"\xff\xfe|\xfe\xff|\x00\x00\xfe\xff|\x00[^\x00]\x00[^\x00]|[^\x00]\x00[^\x00]\x00|(?:\x00{3}[^\x00]){2}|(?:[^\x00]\x00{3}){2}"
)
StoredReader = Callable[[bytes, int], Event | None]
_STORED_READERS: dict[type, StoredReader] = {}

_ENCODER = msgspec.json.Encoder()
_SET_FIELDS = vars(Event)["__dict__"].__set__


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


def stored_reader(cls: type[Event]) -> StoredReader:
    """What reads the lines of a kind, with a position, that `encode` wrote and that are known to be unchanged.

    It takes a fifth of the time of `decode`: what an event may hold was checked when it was made. It returns `None` for a
    line with fields that the class has not, or with an object in it; such a line is for `decode`.
    """
    reader = _STORED_READERS.get(cls)
    if reader is None:
        decoder = schema_of(cls).stored()
        reader = _STORED_READERS[cls] = _reader_by(cls, decoder.decode) if decoder else _never
    return reader


def _never(line: bytes, position: int) -> None:
    """Leave a line to `decode`."""


def _reader_by(cls: type[Event], decoded: Callable[[bytes], dict[str, Any]]) -> StoredReader:
    schema = schema_of(cls)
    renamed = [(name, attribute) for name, attribute in schema.attribute.items() if name != attribute]
    is_checked = cls.check is not Event.check

    def read(line: bytes, position: int) -> Event | None:
        try:
            values = decoded(line)
        except (msgspec.MsgspecError, ValueError):
            return None
        if line.count(b'":') != len(values) + 1:  # every key ends so, that of the kind too
            return None
        if "recorded_at" not in values:
            values["recorded_at"] = values["at"]
        for name, attribute in renamed:
            if name in values:
                values[attribute] = values.pop(name)
        values["position"] = position
        event = object.__new__(cls)
        _SET_FIELDS(event, values)
        if is_checked:
            event.check()
        return event

    return read


def encode(event: Event) -> bytes:
    """One event as a line of JSON without the line's end; what equals the kind's defaults is left out."""
    return with_recorded_at(canonical(event), event)


def canonical(event: Event) -> bytes:
    """What an event says, apart from when that was recorded: equal events, equal bytes."""
    return _ENCODER.encode(event.fields())


def with_recorded_at(line: bytes, event: Event) -> bytes:
    """An event's canonical line with its `recorded_at`, where that is not `at`."""
    if event.recorded_at == event.at:
        return line
    return line[:-1] + b',"recorded_at":' + _ENCODER.encode(event.recorded_at) + b"}"


def digest(event: Event) -> bytes:
    """SHA-256 of what an event says, apart from when that was recorded: equal content, equal digest."""
    return sha256(canonical(event)).digest()


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
            raise EventError("duplicate-key", f"the key {shown(key)} stands twice in one object", field_shown(key))
        found[key] = value
    return found


def _why_no_json(line: bytes, error: Exception) -> EventError:
    """What is wrong with a line that the fast decoder refused, in more words than it has."""
    for fits, code, reason in _SEEN_IN_BYTES:
        if fits(line):
            return EventError(code, reason)
    line = line.rstrip(b"\r\n")
    try:
        json.loads(line.decode(), parse_constant=_refused_constant)
    except UnicodeDecodeError as bad:
        return EventError("bad-utf-8", f"byte {bad.start + 1} is not UTF-8; save the file as UTF-8")
    except EventError as refused:
        return refused
    except json.JSONDecodeError as plain:
        return EventError("bad-json", f"this is not JSON: {_what_is_wrong(plain, line)}")
    except ValueError:  # Python reads no integer of more than 4,300 digits
        too_large = True
    else:
        too_large = "range" in str(error)
    if too_large:
        return EventError("out-of-range", "a number is too large")
    return EventError("lone-surrogate", "holds half of a surrogate pair, which is no character; remove it")


_SEEN_IN_BYTES: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (
        lambda line: _UTF_16.match(line) is not None,
        "utf-16",
        "the text is UTF-16 or UTF-32; save it as UTF-8",
    ),
    (
        lambda line: line.startswith(b"\xef\xbb\xbf"),
        "bad-json",
        "a byte-order mark may only start a file; remove it",
    ),
    (
        lambda line: line.strip() in {b"[", b"{"},
        "bad-json",
        "an event has to fit on one line; write the file as one JSON object a line",
    ),
    (lambda line: b"\x00" in line, "nul-character", "holds a NUL byte; remove it"),
)


def _what_is_wrong(error: json.JSONDecodeError, line: bytes) -> str:
    if not line.lstrip().startswith(b"{"):
        return "a line must start with {"
    what = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
    hint = "; write one event a line" if what == "extra data" else ""
    return f"{what} at column {error.colno}{hint}"


def _refused_constant(name: str) -> Any:
    raise EventError("not-a-number", f"{name} is no JSON number; leave the field out where the value is not known")


def _json_type(value: object) -> str:
    return {list: "a list", str: "text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _depth(line: bytes) -> int:
    """How deep objects and lists are nested, brackets inside texts aside."""
    depth = deepest = 0
    for byte in _TEXT.sub(b"", line):
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest
