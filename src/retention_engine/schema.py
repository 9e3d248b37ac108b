"""What the fields of an event may hold: one check for events that are read and events that are built."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Required, TypedDict, get_args, get_origin, get_type_hints

import attrs
import msgspec

from .errors import MOST_SHOWN, EventError, KindError, did_you_mean, shown
from .moments import InstantError, instant

MOST_CHARACTERS = 200
LARGEST_NUMBER = Decimal(10) ** 18

_EXACT = Context(prec=1 << 21)  # more digits than a line has

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_AT_PLACE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?", re.DOTALL)
_TYPE_NAME = re.compile(r"`([^`]*)`")
_TYPES = {
    "array": "a list",
    "bool": "true or false",
    "datetime": "an instant",
    "decimal": "a number",
    "float": "a decimal number",
    "int": "a whole number",
    "object": "an object",
    "str": "text",
}


@attrs.frozen
class Parsed:
    """Marks a field's type as read by a function of ours, which raises `ValueError` with the reason."""

    read: Callable[[Any], Any]


def _identifier(value: Any) -> str:
    if not isinstance(value, str):
        raise EventError("wrong-type", f"expected text, got {shown(value)}")
    if not 0 < len(value) <= MOST_CHARACTERS:
        code, size = ("too-long", f"{len(value)} characters") if value else ("empty", "nothing")
        raise EventError(code, f"expected 1 to {MOST_CHARACTERS} characters, got {size}")
    if not value.isprintable() and _CONTROL.search(value):
        raise EventError("control-character", f"{value!r} holds a control character; remove it")
    return value


def _slug(value: Any) -> str:
    if not isinstance(value, str):
        raise EventError("wrong-type", f"expected text, got {shown(value)}")
    if len(value) > MOST_CHARACTERS:
        raise EventError("too-long", f"expected at most {MOST_CHARACTERS} characters, got {len(value)} characters")
    if not SLUG.fullmatch(value):
        raise EventError("bad-slug", f"{shown(value)} is no slug; use lower-case letters, digits, - and _")
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise EventError("wrong-type", f"expected a number, got {shown(value)}")
    text = str(value)
    try:
        number = Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:  # pragma: no cover - the pattern admits only what Decimal reads
        number = None
    if number is None:
        raise EventError("not-a-number", f"{text[:40]!r} is not a finite decimal number, such as 1200.50")
    if abs(number) >= LARGEST_NUMBER:
        raise EventError("out-of-range", f"{text[:40]} is not below {LARGEST_NUMBER:,}")
    whole = int(number)
    return Decimal(whole) if number == whole else _EXACT.normalize(number)  # one number, one text: 1200.50 is 1200.5


def _amount(value: Any) -> Decimal:
    number = _number(value)
    if number < 0:
        raise EventError("out-of-range", f"{number} is below 0")
    return number


Instant = Annotated[datetime, Parsed(instant)]
"""An instant: aware, kept in UTC."""
Identifier = Annotated[str, Parsed(_identifier)]
"""A client's or an event's id: 1 to 200 characters, none of them a control character."""
Slug = Annotated[str, Parsed(_slug)]
"""A lower-case word such as `value_review`."""
Number = Annotated[Decimal, Parsed(_number)]
"""A finite decimal number, given as a number or as text."""
Amount = Annotated[Decimal, Parsed(_amount)]
"""A number that is not negative."""


_OURS = frozenset({instant, _identifier, _slug, _number, _amount})


class FrozenDict(dict[str, str]):
    """A mapping inside an event; it can't be changed, like the event itself."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("an event can't be changed; record another one")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse


@attrs.frozen
class Schema:
    """What one event class accepts.

    Attributes:
        kind: the class's kind.
        attribute: attribute name by field name (`with` is the attribute `with_`).
        default: default value by field name, for the fields that have one.
        required: the names of the fields that must be given.
        hints: annotation by field name.
    """

    kind: str
    attribute: Mapping[str, str]
    default: Mapping[str, Any]
    required: frozenset[str]
    hints: Mapping[str, Any]
    _parsers: Mapping[str, Callable[[Any], Any]]
    _typed: Any

    def parse(self, given: dict[str, Any], *, check_text: bool) -> dict[str, Any]:
        """The values of the attributes, from plain values by field name; `given` is used up.

        Args:
            check_text: look into texts for what no store takes; needless where the source cannot hold it.

        Raises:
            EventError: a field is missing, unknown, of the wrong type or out of range.
        """
        if not given.keys() <= self.attribute.keys():
            name = min(given.keys() - self.attribute.keys())
            raise EventError(
                "unknown-field",
                f"{self.kind!r} has no such field{did_you_mean(name, self.attribute)}",
                field_shown(name),
            )
        if not self.required <= given.keys():
            name = min(self.required - given.keys())
            raise EventError("missing-field", "is missing, and must be given", name)
        if check_text:
            _check_texts(given, None)
        for name, value in given.items():
            if value is not None and name in self._parsers:
                given[name] = _read(name, value, self._parsers[name])
        try:
            values: dict[str, Any] = msgspec.convert(given, self._typed)
        except msgspec.ValidationError as error:
            raise self._reworded(error) from None
        if "with" in values:
            values["with_"] = values.pop("with")
        if "answers" in values:
            values["answers"] = FrozenDict(sorted(values["answers"].items()))
        return values

    def stored(self) -> msgspec.json.Decoder[dict[str, Any]] | None:
        """Decodes lines whose values were checked before; what is no field of the kind, it passes over.

        `None` where a field is read by a function of an application, which may turn it into anything.
        """
        if not _OURS.issuperset(self._parsers.values()):
            return None
        hints = {name: Required[hint] if name in self.required else hint for name, hint in self.hints.items()}
        return msgspec.json.Decoder(TypedDict(self.kind, hints, total=False))  # type: ignore[operator]

    def _reworded(self, error: msgspec.ValidationError) -> EventError:
        """The codec's complaint with the field in front and, for a word out of a list, the list."""
        match = _AT_PLACE.fullmatch(str(error))
        assert match is not None  # noqa: S101 - the pattern matches any text
        what, path = match["what"], match["path"] or ""
        code = "wrong-type"
        if what.startswith("Invalid enum value"):
            code = "unknown-value"
            word = what.removeprefix("Invalid enum value ")[1:-1]
            words = [str(choice) for choice in _choices(self.hints[re.split(r"[.[]", path)[0]])]
            cut = word if len(word) <= MOST_SHOWN else word[:MOST_SHOWN] + "…"
            what = f"'{cut}' is none of {', '.join(words)}{did_you_mean(word, words)}"
        elif " >= " in what or " <= " in what:
            code = "out-of-range"
        what = _TYPE_NAME.sub(lambda name: " or ".join(_TYPES.get(part, part) for part in name[1].split(" | ")), what)
        return EventError(code, what[:1].lower() + what[1:], path or None)


_SCHEMAS: dict[type, Schema] = {}


def schema_of(cls: type) -> Schema:
    """The schema of an event class, read off its attrs fields and their annotations, once.

    Raises:
        KindError: the class is not an unslotted attrs class.
    """
    schema = _SCHEMAS.get(cls)
    if schema is None:
        schema = _SCHEMAS[cls] = _read_off(cls)
    return schema


def _read_off(cls: type) -> Schema:
    if "__attrs_attrs__" not in vars(cls) or "__slots__" in vars(cls):
        raise KindError(f"{cls.__name__} is no event class; decorate it with @attrs.frozen(slots=False, kw_only=True)")
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise KindError(f"{cls.__name__}: an annotation can't be read: {error}") from None
    attribute: dict[str, str] = {}
    default: dict[str, Any] = {}
    parsers: dict[str, Callable[[Any], Any]] = {}
    typed: dict[str, Any] = {}
    for field in attrs.fields(cls):
        if field.name == "position":
            continue
        name = field.name.removesuffix("_")
        attribute[name] = field.name
        typed[name] = hints[field.name] | None if name == "recorded_at" else hints[field.name]
        if reader := _reader(hints[field.name]):
            parsers[name] = reader
        if field.default is not attrs.NOTHING:
            default[name] = None if name == "recorded_at" else _default(field, cls)
    for name, value in default.items():
        setattr(
            cls, attribute[name], value
        )  # an event that is read keeps what its line carried; the rest it reads off its class
    return Schema(
        kind=getattr(cls, "kind", cls.__name__),
        attribute=attribute,
        default=default,
        required=frozenset(attribute) - default.keys(),
        parsers=parsers,
        hints=typed,
        typed=TypedDict(cls.__name__, typed, total=False),  # type: ignore[operator]
    )


def _read(name: str, value: Any, read: Callable[[Any], Any]) -> Any:
    try:
        return read(value)
    except InstantError as error:
        raise EventError(error.code, str(error), name) from None
    except EventError as error:
        raise EventError(error.code, error.reason, name) from None
    except ValueError as error:
        raise EventError("bad-value", str(error), name) from None


def _default(field: "attrs.Attribute[Any]", cls: type) -> Any:
    default: Any = field.default
    if not isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return default
    if default.takes_self:
        raise KindError(f"{cls.__name__}.{field.name}: a default can't depend on the event; work it out in a property")
    return default.factory()


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    """How values of a type such as `Instant | None` or `tuple[Slug, ...]` are read, where that is for us to do."""
    if get_origin(hint) is Annotated:
        return next((mark.read for mark in hint.__metadata__ if isinstance(mark, Parsed)), None)
    inner = next(filter(None, map(_reader, get_args(hint))), None)
    if inner is None or get_origin(hint) not in {tuple, list}:
        return inner
    return lambda value: [inner(part) for part in value] if isinstance(value, (list, tuple)) else value


def _choices(hint: Any) -> list[Any]:
    """The words that an annotation such as `tuple[Literal["us", "client"], ...]` admits."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [choice for part in get_args(hint) for choice in _choices(part)]


def _check_texts(value: Any, field: str | None) -> None:
    """Refuse NUL and lone surrogates, which no database and no UTF-8 file can hold."""
    if isinstance(value, str):
        if "\x00" in value:
            raise EventError("nul-character", "holds a NUL character; remove it", field)
        if _SURROGATE.search(value):
            raise EventError(
                "lone-surrogate", "holds half of a surrogate pair, which is no character; remove it", field
            )
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key, field)
            _check_texts(inner, field or field_shown(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_texts(inner, field)


def field_shown(name: str) -> str:
    """A field's name, safe to print and not too long."""
    return name if name.isprintable() and 0 < len(name) <= MOST_SHOWN else repr(name[:MOST_SHOWN])
