"""Strategies for hypothesis: random histories that look like real ones and hit what is hard.

All of this is provisional: what is drawn may change in any release, as may what one can ask for.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from typing import Any, TypeVar, get_args

from hypothesis import Phase, find, settings
from hypothesis import strategies as st

from ..client import NO_INTERACTION, Client
from ..engine import Engine
from ..errors import EventError, KindError
from ..events import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Complained,
    Engaged,
    Event,
    Profiled,
    Resolved,
    Retracted,
)
from ..kinds import KINDS
from ..schema import Identifier, schema_of
from ..settings import Settings
from .giving import altered
from .happenings import CLIENT
from .values import DAYS, MICROSECOND, PEOPLE, START, is_instant, values_of

E = TypeVar("E", bound=Event)

_JITTERS = (timedelta(0), timedelta(0), timedelta(0), timedelta(0), MICROSECOND, -MICROSECOND)
_SPANS = tuple(timedelta(days=count) + jitter for jitter in _JITTERS for count in DAYS)
_STEPS = (
    *_SPANS,
    *[timedelta(0)] * 6,
    timedelta(hours=9, seconds=1),
    *(-timedelta(days=count) for count in (1, 7, 30)),
)
"""From one event to the one that is recorded after it; most often it is a later one, and often a tie."""

_MOVES = (*[timedelta(0)] * 20, timedelta(days=1), -timedelta(days=1), MICROSECOND, -MICROSECOND)
"""How an event of a history that is begun with is moved."""

_LAGS = (None, None, None, None, timedelta(days=3), timedelta(days=45), timedelta(days=-2))
_ENVELOPES = tuple(product((True, True, True, False), (None, None, *PEOPLE), _LAGS))
"""Whether an event has an id, who of us it was, and how much later it was recorded."""

_PLACE = re.compile(r"e\d+", re.ASCII)
_MOST_FIELDS = 3
_THEMES = (
    ("engaged", "engaged", "profiled"),
    ("engaged", "introduced", "referred"),
    ("complained", "complained", "resolved", "engaged"),
    ("renewed", "engaged", "left"),
    ("measured", "measured", "engaged"),
    ("engaged", "action_done", "action_snoozed", "action_dismissed"),
    ("engaged", "complained", "retracted"),
    ("engaged", "engaged", "introduced", "referred", "complained", "complained", "resolved", "renewed"),
)
"""Kinds that belong together, some of them drawn more often than others."""


def instants() -> st.SearchStrategy[datetime]:
    """Instants that are so many days apart as rules count with, a microsecond more or less. Provisional."""
    return st.sampled_from([START + span for span in _SPANS])


def events_of_kind(kind: type[E], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[E]:
    """Events of one kind with some of its fields, drawn by their annotations. Provisional.

    Args:
        kind: the class.
        fields: what a field is to be drawn from instead, by the attribute's name; such a field is always given.
    """
    schema = schema_of(kind)
    names = {attribute: name for name, attribute in schema.attribute.items()}
    unknown = fields.keys() - names
    if unknown:
        raise KindError(f"{kind.__name__} has no field {min(unknown)!r}")
    given = {names[attribute]: strategy for attribute, strategy in fields.items()}
    own = [name for name in schema.hints if name not in {"client", "at", "id", "recorded_at", "by", "note", *given}]
    drawn = {name: values_of(name, schema.hints[name]) for name in own} | given
    required = [name for name in drawn if name in schema.required or name in given]
    return _events(kind, drawn, required, [name for name in drawn if name not in required])


@st.composite
def _events(
    draw: st.DrawFn,
    kind: type[E],
    drawn: Mapping[str, st.SearchStrategy[Any]],
    required: Sequence[str],
    optional: Sequence[str],
) -> E:
    said = {name: draw(drawn[name]) for name in required}
    more = draw(st.lists(st.sampled_from(optional), max_size=_MOST_FIELDS, unique=True)) if optional else []
    start = {"client": CLIENT, "at": START}
    try:
        return kind.from_fields({**start, **said, **{name: draw(drawn[name]) for name in more}})
    except EventError as error:
        if not more:  # fields that contradict each other are left out; these can't be
            error.add_note(f"drawn for {kind.__name__}; say what to draw: events_of_kind({kind.__name__}, FIELD=...)")
            raise
    return kind.from_fields({**start, **said})


def histories(
    *kinds: type[Event] | st.SearchStrategy[Event], max_size: int = 12, begun: Iterable[Client] = ()
) -> st.SearchStrategy[Client]:
    """Histories of one client, of all kinds of the package and of these. Provisional.

    There are ties of `at`, events recorded late or out of order, references to complaints, events and actions of the same
    history, and retractions. Spans between events are those that rules count with, a microsecond more or less. The client
    has at least one event that starts the relationship.

    Args:
        kinds: classes of events, such as your own, or what draws such events; each history is about them, above all.
        max_size: how many events are drawn at most.
        begun: histories with which some of those drawn begin, such as one in which a rule finds something.
    """
    own = [kind if isinstance(kind, st.SearchStrategy) else events_of_kind(kind) for kind in kinds]
    return _histories(own, max_size, [list(client.events) for client in begun])


@st.composite
def _histories(
    draw: st.DrawFn, own: Sequence[st.SearchStrategy[Event]], max_size: int, begun: Sequence[Sequence[Event]]
) -> Client:
    history: list[Event] = []
    story = draw(st.integers(0, 2 * len(begun)))
    is_begun = 0 < story <= len(begun)
    if is_begun:
        for event in begun[story - 1]:
            history.append(_moved(event, event.at + draw(st.sampled_from(_MOVES)), position=len(history) + 1))
    themes = draw(st.lists(st.sampled_from(_themes()), min_size=0 if own else 1, max_size=3))
    about = [*own, *(kind for theme in themes for kind in theme)]
    at = history[-1].at if history else START
    fewest = 0 if history else 1
    for _ in range(draw(st.integers(fewest, max(fewest, max_size)))):
        drawn = draw(about[draw(st.integers(0, len(about) - 1))])
        has_id, by, lag = draw(st.sampled_from(_ENVELOPES))
        at += draw(st.sampled_from(_STEPS)) if history else timedelta(0)
        if not history and isinstance(drawn, NO_INTERACTION):
            drawn = Engaged(client=CLIENT, at=START)
        position = len(history) + 1
        taken = {event.id for event in history}
        name = f"e{position}" if has_id and f"e{position}" not in taken else None
        more = {} if lag is None else {"recorded_at": at + lag}
        history.append(_moved(drawn, at, position=position, id=name, by=by if drawn.by is None else drawn.by, **more))
    tier = None if is_begun else draw(st.sampled_from((None, None, None, "key")))
    if tier is not None and len(history) < max_size:
        history.append(Profiled(client=CLIENT, at=history[0].at, tier=tier, position=len(history) + 1))
    client = Client.from_events(CLIENT, _with_references(history))
    return client or Client.from_events(CLIENT, [event for event in history if not isinstance(event, Retracted)])


@cache
def simplest() -> tuple[Event, ...]:
    """The simplest event of each kind of the package, a retraction aside."""
    once = settings(max_examples=1, phases=[Phase.generate], database=None, deadline=None)
    kinds = (cls for cls in KINDS.values() if cls is not Retracted)
    return tuple(find(events_of_kind(cls), lambda _: True, settings=once) for cls in kinds)


@cache
def _themes() -> tuple[tuple[st.SearchStrategy[Event], ...], ...]:
    """What a history may be about: kinds that belong together, and each kind by itself."""
    of_kind = {kind: events_of_kind(cls) for kind, cls in KINDS.items()}
    return tuple(tuple(of_kind[kind] for kind in theme) for theme in (*((kind,) for kind in KINDS), *_THEMES))


_Names = dict[type[Event], tuple[str, ...]]
_INSTANTS: _Names = {}
_REFERENCES: _Names = {}


def _attributes(known: _Names, kind: type[Event], holds: Callable[[Any, str], bool]) -> tuple[str, ...]:
    """The attributes of a kind whose annotation and name fulfil a condition; worked out once."""
    if kind not in known:
        schema = schema_of(kind)
        known[kind] = tuple(schema.attribute[name] for name, hint in schema.hints.items() if holds(hint, name))
    return known[kind]


def moved(event: E, moment: Callable[[datetime], datetime], /, **more: Any) -> E:
    """The same event with all of its instants taken to others."""
    told = {
        name: value
        for name in _attributes(_INSTANTS, type(event), is_instant)
        if (value := getattr(event, name)) is not None
    }
    return altered(event, **{name: moment(value) for name, value in told.items()}, **more)


def _moved(event: E, at: datetime, /, **more: Any) -> E:
    """The same event at another instant, with what else it tells of time as far from it as before."""
    span = at - event.at
    found = moved(event, lambda moment: moment + span)
    return altered(found, client=CLIENT, **more)


# References: drawn as places, and made ids of what there is.


def _with_references(history: Sequence[Event]) -> list[Event]:
    named = [event for event in history if event.id is not None and not isinstance(event, Retracted)]
    targets = {
        "complaint": [event.id or "" for event in named if isinstance(event, Complained)],
        "event": [event.id or "" for event in named],
        "action": _actions_of(history) if any(isinstance(event, _DEEDS) for event in history) else [],
    }
    found = [_with_reference(event, targets) for event in history]
    return [event for event in found if not isinstance(event, Retracted) or event.event in targets["event"]]


_DEEDS = (ActionDone, ActionSnoozed, ActionDismissed)


def _with_reference(event: Event, targets: Mapping[str, Sequence[str]]) -> Event:
    changed = {}
    for name in _attributes(_REFERENCES, type(event), _is_reference):
        value = getattr(event, name)
        settles = name == "resolves" or isinstance(event, Resolved)
        ids = targets["action" if name == "action" else "complaint" if settles else "event"]
        if ids and isinstance(value, str) and _PLACE.fullmatch(value):
            changed[name] = ids[int(value[1:]) % len(ids)]
    return altered(event, **changed) if changed else event


def _is_reference(hint: Any, name: str) -> bool:
    return name not in {"client", "id", "measure"} and Identifier in {hint, *get_args(hint)}


@cache
def _essentials() -> Engine:
    return Engine(Settings().choose())


def _actions_of(history: Iterable[Event]) -> list[str]:
    """The ids of what the rules that are on by default recommend."""
    client = Client.from_events(CLIENT, [event for event in history if not isinstance(event, (*_DEEDS, Retracted))])
    return [action.id for action in _essentials().schedule(client).actions] if client else []
