"""What the fields of random events are drawn from: by their names, else by their annotations."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from msgspec import Meta

from ..schema import Amount, Identifier, Instant, Number, Slug

START = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAYS = (1, 0, 7, 14, 30, 60, 90, 180, 365)
"""Days that rules count with, so that boundaries are met and not only passed."""

PEOPLE = ("jo", "max", "ann")
_SERVICE = ("delivery", "invoice")
_GIFTS = ("resource", "invitation", "newsletter", "idea", "advice", "appreciation")
_TALKS = ("review", "report", "expectations", "refinement", "feedback", "resolution", "reintroduction", "social")
WORDS: Mapping[str, Sequence[Any]] = {
    "purpose": ("general", *_SERVICE, *_GIFTS, *_TALKS, "value_review", "renewal", "presale"),
    "tier": ("key", "standard", "gold"),
    "owner": PEOPLE,
    "by": PEOPLE,
    "channel": ("phone", "mail", "meeting", "visit"),
    "topic": ("price", "speed"),
    "competitor": ("Bright & Co",),
    "measure": ("leads", "calls"),
    "learned": ("They build.", "They sell."),
    "name": ("Acme Ltd",),
    "plan": ("A call each month",),
    "timezone": ("Europe/Berlin",),
    "currency": ("EUR",),
    "cadence_days": (1, 14, 30, 60, 200),
    "action": ("e1", "e2", "e3"),
}
"""What a field of this name is drawn from, whatever its kind."""

_ANSWERS = ("yes", "no", "No.", "Yes, gladly.", "Nothing.")
_PLACES = tuple(f"e{number}" for number in range(1, 13))
"""Ids before those of the history are known."""


def is_instant(hint: Any, _: str = "") -> bool:
    """Whether an annotation is of an instant."""
    return hint in _MOMENTS or any(part in _MOMENTS for part in get_args(hint))


_MOMENTS = (Instant, datetime)


_LATER = tuple(timedelta(days=count) for count in (30, 7, 60, 90, 120, 365))
_EARLIER = tuple(timedelta(days=count) for count in (0, -30, 7))
_BY_TYPE: Mapping[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.one_of(st.integers(0, 3), st.integers(-1_000, 1_000)),
    float: st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e6]),
    Decimal: st.sampled_from([Decimal(0), Decimal(1), Decimal("0.5"), Decimal(-100)]),
    str: st.sampled_from(["x", "A word", "", "Grüße"]),
    date: st.sampled_from(DAYS).map(lambda count: (START + timedelta(days=count)).date()),
    Slug: st.sampled_from(["a", "b-2"]),
    Identifier: st.sampled_from(_PLACES),
    Number: st.sampled_from([10, 9, 11, "9.5", 0, -1]),
    Amount: st.sampled_from([100, 0, "2500.50"]),
}
_LEAST, _MOST = 0, 400


def values_of(name: str, hint: Any) -> st.SearchStrategy[Any]:
    """What a field is drawn from, by its name or by its annotation."""
    if name in WORDS and _takes(hint, WORDS[name][0]):
        return st.sampled_from(WORDS[name])
    if is_instant(hint):
        return st.sampled_from([START + span for span in (_EARLIER if name == "term_start" else _LATER)])
    return _of_type(hint)


def _takes(hint: Any, value: object) -> bool:
    """Whether an annotation is of a text, or of the number that is to be drawn."""
    plain = [get_args(part)[0] if get_origin(part) is Annotated else part for part in (hint, *get_args(hint))]
    return type(value) in plain


def _of_type(hint: Any) -> st.SearchStrategy[Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if hint in _BY_TYPE:
        found = _BY_TYPE[hint]
    elif origin is Literal:
        found = st.sampled_from(inner)
    elif origin in {Union, UnionType}:
        found = st.one_of([_of_type(part) for part in inner if part is not NoneType])
    elif origin is Annotated:
        found = _within(inner[0], [mark for mark in inner[1:] if isinstance(mark, Meta)])
    elif origin is dict:
        found = st.dictionaries(_of_type(inner[0]), _texts_or(inner[1], _ANSWERS), max_size=2)
    elif origin is tuple and inner[-1] is not Ellipsis:
        found = st.tuples(*map(_of_type, inner))
    elif origin in {tuple, list, set, frozenset}:
        found = st.lists(_texts_or(inner[0], ("Nora", "Piet")), max_size=2, unique=True)
    else:
        found = st.from_type(hint)
    return found


def _texts_or(hint: Any, texts: Sequence[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(texts) if hint is str else _of_type(hint)


def _within(hint: Any, marks: Sequence[Meta]) -> st.SearchStrategy[Any]:
    """Values of a type within the bounds that an annotation sets."""
    least = [
        bound for mark in marks for bound in (mark.ge, None if mark.gt is None else mark.gt + 1) if bound is not None
    ]
    most = [
        bound for mark in marks for bound in (mark.le, None if mark.lt is None else mark.lt - 1) if bound is not None
    ]
    if hint is int:
        lowest = int(max(least)) if least else min(_LEAST, *map(int, most)) if most else _LEAST
        return st.integers(lowest, min([lowest + _MOST, *map(int, most)]))
    if hint is float:
        return st.floats(max(least, default=None), max(most, default=None), allow_nan=False, allow_infinity=False)
    if hint is str and any(mark.pattern for mark in marks):
        return st.from_regex(next(mark.pattern for mark in marks if mark.pattern), fullmatch=True)
    if hint is str:
        shortest = max((mark.min_length or 0 for mark in marks), default=0)
        longest = min((mark.max_length for mark in marks if mark.max_length is not None), default=shortest + 10)
        return st.text("abc ", min_size=shortest, max_size=longest)
    return _of_type(hint)
