"""Fields given as text, as a command's arguments and a table's cells give them, and written as text again."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from ..errors import EventError, shown
from ..events import Event
from ..moments import instant_text
from ..schema import schema_of

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)
_SWITCHES = {"true": True, "false": False}
_EXPECTED = {bool: "true or false", int: "a whole number", float: "a number"}


def shape_of(hint: Any) -> Any:
    """What a field's annotation asks for: `bool`, `int`, `float`, `datetime`, `tuple`, `dict`, or else `str`."""
    origin = get_origin(hint)
    if origin is Annotated:
        return shape_of(get_args(hint)[0])
    if origin in {Union, UnionType}:
        return shape_of(next(part for part in get_args(hint) if part is not NoneType))
    shape = tuple if origin in {list, frozenset, set} else origin or hint
    return shape if shape in {bool, int, float, datetime, tuple, dict} else str


_SHAPES: dict[type, Mapping[str, Any]] = {}


def shapes_of(cls: type[Event]) -> Mapping[str, Any]:
    """What each field of a kind asks for, by field name; worked out once."""
    if cls not in _SHAPES:
        _SHAPES[cls] = {name: shape_of(hint) for name, hint in schema_of(cls).hints.items()}
    return _SHAPES[cls]


def may_be_empty(hint: Any) -> bool:
    """Whether a field, or a part of it, takes any text, an empty one too."""
    if get_origin(hint) in {Union, UnionType}:
        return any(may_be_empty(part) for part in get_args(hint))
    return hint is str or (get_origin(hint) is dict and may_be_empty(get_args(hint)[-1]))


def fields_of(cls: type[Event], texts: Iterable[tuple[str, str]], *, separator: str) -> dict[str, Any]:
    """Plain values by field name, for `Event.from_fields`, from texts by field name.

    A list's items stand side by side with a separator between them, or as a JSON list where a text starts with `[`. An
    answer is named by its question: `answers.refer`.

    Args:
        cls: the kind of event, whose fields say what the texts mean.
        texts: field names and texts.
        separator: what stands between the items of a list.

    Raises:
        EventError: a text does not fit its field.
    """
    shapes = shapes_of(cls)
    given: dict[str, Any] = {}
    for name, text in texts:
        shape = shapes.get(name, str)
        if shape is str or shape is datetime:
            head, dot, key = name.partition(".")
            if dot and shapes.get(head) is dict:
                given.setdefault(head, {})[key] = text
            else:
                given[name] = text
        elif shape is dict:
            part = next(iter(keys_of(schema_of(cls).hints[name])), "part")
            raise EventError("wrong-type", f"is an object; give its parts, such as {name}.{part}", name)
        else:
            given[name] = _value(name, text, shape, separator)
    return given


def _value(name: str, text: str, shape: Any, separator: str) -> Any:
    if shape is tuple:
        return _items(name, text, separator)
    if shape is bool and text.lower() in _SWITCHES:
        return _SWITCHES[text.lower()]
    if shape is int and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if shape is float and _NUMBER.fullmatch(text):
        return float(text)
    raise EventError("wrong-type", f"expected {_EXPECTED[shape]}, got {shown(text)}", name)


def keys_of(hint: Any) -> list[str]:
    """The keys that an object's annotation admits, if it lists them."""
    keys = get_args(hint)[:1]
    return [str(key) for key in get_args(keys[0])] if keys and get_origin(keys[0]) is Literal else []


def _items(name: str, text: str, separator: str) -> list[Any]:
    if text.startswith("["):
        try:
            items = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            reason = f"a list that starts with [ has to be JSON: {error}"
            raise EventError("wrong-type", reason, name) from None
        return list(items)
    return [item.strip() for item in text.split(separator)] if text else []


def texts_of(event: Event, *, separator: str) -> dict[str, str]:
    """What an event says as texts by field name: `fields_of` reads them back; `recorded_at` where it is not `at`."""
    said = event.fields()
    if event.recorded_at != event.at:
        said["recorded_at"] = event.recorded_at
    texts: dict[str, str] = {}
    for name, value in said.items():
        if isinstance(value, Mapping):
            texts.update({f"{name}.{key}": str(inner) for key, inner in value.items()})
        else:
            texts[name] = _text(value, separator)
    return texts


def _text(value: Any, separator: str) -> str:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return _joined([str(item) for item in value], separator)
    return str(value)


def _joined(items: list[str], separator: str) -> str:
    """The items side by side, or as JSON where that would not read back as what they are."""
    plain = not items[0].startswith("[") and all(
        item and separator not in item and item == item.strip() for item in items
    )
    return separator.join(items) if plain else msgspec.json.encode(items).decode()
