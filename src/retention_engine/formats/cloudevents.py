"""CloudEvents 1.0 in JSON, one a line, as our events.

`subject` is the client, `time` is `at`, the last labels of `type` name the kind (`com.example.client.renewed` is
`renewed`), `data` holds the kind's own fields. `source` and `id` together are the event's id: both with a space between.
Extension attributes are for those who carry the event, and are ignored.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ..errors import EventError, did_you_mean, shown
from ..events import Event
from ..kinds import Kinds
from ..schema import MOST_CHARACTERS

VERSION = "1.0"
REFERENCES = ("reactive_to", "resolves", "complaint", "event")
"""Fields that hold the id of another event: one without a space is of the same source."""

_ATTRIBUTES = {"client": "subject", "kind": "type", "at": "time", "id": "id"}
_JSON_TYPES = ("application/json", "text/json")


def is_cloud_event(fields: Mapping[str, Any]) -> bool:
    """Whether an object is a CloudEvent rather than an event of ours."""
    return "specversion" in fields


def event_from(cloud_event: Mapping[str, Any], kinds: Kinds) -> Event:
    """The event that a CloudEvent tells of.

    Raises:
        EventError: an attribute is missing or wrong, or the data are no fields of that kind.
    """
    if (found := _text(cloud_event, "specversion")) != VERSION:
        raise EventError("unknown-version", f"expected {VERSION!r}, got {shown(found)}", "specversion")
    source, name = _text(cloud_event, "source"), _text(cloud_event, "id")
    cls = _kind(_text(cloud_event, "type"), kinds)
    data = _data(cloud_event)
    for field, attribute in _ATTRIBUTES.items():
        if field in data:
            raise EventError("duplicate-key", f"is said by {attribute} already; leave it out", f"data.{field}")
    for field in REFERENCES:
        if isinstance(data.get(field), str) and " " not in data[field]:
            data[field] = joined_id(source, data[field])
    envelope = {
        "client": _text(cloud_event, "subject"),
        "at": _text(cloud_event, "time"),
        "id": joined_id(source, name),
    }
    try:
        return cls.from_fields(envelope | data)
    except EventError as error:
        field = error.field or "data"
        raise EventError(error.code, error.reason, _ATTRIBUTES.get(field) or _within(field)) from None


def joined_id(source: str, name: str) -> str:
    """An event's id from its source and its id there; the digest of both where they are too long for an id.

    A source is a URI, so the first space ends it, and no two pairs give the same id.
    """
    both = f"{source} {name}"
    return both if len(both) <= MOST_CHARACTERS else f"sha256 {sha256(both.encode()).hexdigest()}"


def _text(cloud_event: Mapping[str, Any], attribute: str) -> str:
    value = cloud_event.get(attribute)
    if value is None:
        raise EventError("missing-field", "is missing, and must be given", attribute)
    if not isinstance(value, str):
        raise EventError("wrong-type", f"expected text, got {shown(value)}", attribute)
    if not value:
        raise EventError("empty", "expected some text, got nothing", attribute)
    return value


def _kind(type_: str, kinds: Kinds) -> type[Event]:
    """The class of the longest end of a type, cut at its dots, that is a kind."""
    end = type_
    while end not in kinds:
        _, dot, end = end.partition(".")
        if not dot:
            last = type_.rpartition(".")[2]
            reason = f"its last label names the kind, and nobody registered {shown(last)}{did_you_mean(last, kinds)}"
            raise EventError("unknown-kind", reason, "type")
    return kinds[end]


def _data(cloud_event: Mapping[str, Any]) -> dict[str, Any]:
    if "data_base64" in cloud_event:
        raise EventError("wrong-type", "data have to be a JSON object, not bytes", "data_base64")
    media = cloud_event.get("datacontenttype")
    if isinstance(media, str):
        plain = media.partition(";")[0].strip().lower()
        if plain not in _JSON_TYPES and not plain.endswith("+json"):
            raise EventError("wrong-type", f"expected application/json, got {shown(media)}", "datacontenttype")
    data = cloud_event.get("data")
    if data is not None and not isinstance(data, dict):
        raise EventError("wrong-type", f"expected an object, got {shown(data)}", "data")
    return dict(data or {})


def _within(field: str) -> str:
    return field if field == "data" else f"data.{field}"
