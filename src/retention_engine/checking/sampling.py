"""A log made up from what the kinds of event may hold: the same every time, with events of every kind.

It is for trying rules, and looks like a real one only as far as that takes: ties, late records, retractions, references
between events, silence, and the stories that the rules' own examples tell.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs
import msgspec

from ..errors import EventError
from ..events import Complained, Engaged, Event, Retracted
from ..gathering import Histories
from ..kinds import KINDS, Kinds
from ..schema import Parsed, Slug, schema_of

CLIENTS = 240
START = datetime(2025, 1, 1, tzinfo=UTC)

_ENVELOPE = ("client", "at", "id", "recorded_at", "by", "note")
_WORDS: dict[str, Sequence[str]] = {
    "purpose": (
        *("general", "general", "delivery", "invoice", "resource", "invitation", "newsletter", "idea", "appreciation"),
        *("advice", "review", "report", "expectations", "refinement", "feedback", "resolution", "reintroduction"),
        *("social", "value_review", "renewal", "presale"),
    ),
    "channel": ("phone", "mail", "meeting", "visit"),
    "owner": ("jo", "max", "ann"),
    "tier": ("standard", "key", "gold"),
    "with": ("Nora", "Piet", "Sam"),
    "topic": ("price", "speed"),
    "measure": ("leads", "calls"),
    "answers": ("yes", "no", "Fine."),
    "timezone": ("Europe/Amsterdam",),
    "currency": ("EUR",),
    "action": ("of another program",),
}
"""Words for the fields of the built-in kinds, so that the rules that know these words meet them."""
_ANY_WORDS = ("a1", "a2", "b1", "b2", "c1")
"""Words for all other fields: few, so that one event often names what another one names."""
_HABITS = {"channel": ("phone", "mail", "letter"), "tier": ("key",)}
"""What some clients always say, so that there are long runs of the same."""
_HABITUAL = 0.3
_NUMBERS = ("0", "1", "9.5", "10", "10.01", "120", "2500.50", "18000")
_GAPS = (0, 0, 1, 2, 7, 14, 14, 30, 30, 45, 60, 90, 120, 200)
_WEIGHTS = {"engaged": 12, "complained": 3, "profiled": 2, "renewed": 2, "measured": 2, "left": 0.2, "judged": 0.2}
_OF_PLUGINS = 12
_MOST_TRIES = 25


@attrs.frozen
class Sample:
    """A log that was made up.

    Attributes:
        histories: the events by client.
        missing: kinds of which no event could be made, each with the reason.
    """

    histories: Histories
    missing: dict[str, str]


def sampled(
    kinds: Kinds = KINDS, stories: Iterable[Sequence[Event]] = (), *, clients: int = CLIENTS, seed: int = 1
) -> Sample:
    """A log of so many clients with events of all kinds, and of those in stories.

    Args:
        kinds: the kinds of event; those of plug-ins occur as often as all others together.
        stories: histories to put beside them, such as those of rules' examples.
        clients: how many clients there are besides.
        seed: another one makes another log.
    """
    missing: dict[str, str] = {}
    drafts: list[Event] = []
    for number in range(clients):
        drafts += _Life(f"client-{number:03}", kinds, Random(f"{seed}/{number}"), missing).events()  # noqa: S311 - no secret
    for number, story in enumerate(stories):
        drafts += (event._with(client=f"{event.client} of story {number}") for event in story)  # noqa: SLF001 - a copy
    drafts.sort(key=lambda event: event.recorded_at)
    histories: dict[str, list[Event]] = {}
    for position, event in enumerate(drafts, start=1):
        histories.setdefault(event.client, []).append(event.at_position(position))
    return Sample({client: histories[client] for client in sorted(histories)}, missing)


class _Life:
    """What happens to one client."""

    def __init__(self, client: str, kinds: Kinds, chance: Random, missing: dict[str, str]) -> None:
        self.client = client
        self.kinds = kinds
        self.chance = chance
        self.missing = missing
        self.known: list[Event] = []
        self.is_silent = chance.random() < _HABITUAL
        self.habits = {name: chance.choice(words) for name, words in _HABITS.items() if chance.random() < _HABITUAL}

    def events(self) -> list[Event]:
        weights = [_WEIGHTS.get(kind, 1.0 if kind in KINDS else _OF_PLUGINS) for kind in self.kinds]
        at = START + timedelta(days=self.chance.randrange(300), hours=self.chance.randrange(24))
        longest = self.chance.randint(3, len(_GAPS))
        for _ in range(self.chance.choice([1, 2, 4, 6, 8, 12, 16, 24])):
            kind = self.chance.choices(list(self.kinds), weights)[0]
            if (event := self._event(kind, at)) is not None:
                self.known.append(event)
            at += timedelta(days=self.chance.choice(_GAPS[:longest]), minutes=self.chance.choice([0, 0, 1, 600]))
        return self.known

    def _event(self, kind: str, at: datetime) -> Event | None:
        if kind in self.missing:
            return None
        reason = ""
        for _ in range(_MOST_TRIES):
            try:
                return self.kinds[kind].from_fields(self._fields(self.kinds[kind], at))
            except _Unknown as unknown:
                reason = str(unknown)
                break
            except EventError as refused:
                reason = str(refused)
            except LookupError:  # there is nothing yet that it could be about
                return None
        self.missing[kind] = reason
        return None

    def _fields(self, cls: type[Event], at: datetime) -> dict[str, Any]:
        schema = schema_of(cls)
        given: dict[str, Any] = {"client": self.client, "at": at}
        if cls is Engaged and self.is_silent:
            given["direction"] = "outbound"
        if self.chance.random() < 0.8:  # noqa: PLR2004 - most events have an id
            given["id"] = f"e{len(self.known) + 1}"
        if self.chance.random() < 0.1:  # noqa: PLR2004 - some are recorded late
            given["recorded_at"] = at + timedelta(days=self.chance.choice([1, 10, 45]))
        if self.chance.random() < 0.3:  # noqa: PLR2004 - some say who
            given["by"] = self.chance.choice(_WORDS["owner"])
        given.update((name, word) for name, word in self.habits.items() if name in schema.hints and cls.kind in KINDS)
        often = 0.3 if cls.kind in KINDS else 0.7
        for name, hint in schema.hints.items():
            if name in _ENVELOPE or name in given or (name not in schema.required and self.chance.random() > often):
                continue
            try:
                given[name] = self._value(hint, name, at)
            except (_Unknown, LookupError):
                if name in schema.required:
                    raise
        return given

    def _value(self, hint: Any, name: str, at: datetime) -> Any:
        origin, inner = get_origin(hint), get_args(hint)
        if origin in {Union, UnionType}:
            return self._value(self.chance.choice([it for it in inner if it is not NoneType]), name, at)
        if origin is Literal:
            return self.chance.choice(inner)
        if origin in {tuple, list}:
            of = inner[0] if len(inner) < 2 or inner[1] is ... else hint  # noqa: PLR2004 - tuple[X, ...]
            return [self._value(of, name, at) for _ in range(self.chance.randint(1, 3))]
        if origin is dict:
            return {self._value(inner[0], name, at): self._value(inner[1], name, at) for _ in range(2)}
        if origin is Annotated:
            return self._annotated(hint, name, at)
        simple: dict[Any, Callable[[], Any]] = {
            str: lambda: self._word(name),
            bool: lambda: self.chance.random() < 0.5,  # noqa: PLR2004 - heads or tails
            int: lambda: self.chance.randint(1, 40),
            float: lambda: float(self.chance.choice(_NUMBERS)),
            Decimal: lambda: Decimal(self.chance.choice(_NUMBERS)),
        }
        if hint in simple:
            return simple[hint]()
        raise _Unknown(f"{name}: nothing is known of what {getattr(hint, '__name__', hint)} may hold")

    def _annotated(self, hint: Any, name: str, at: datetime) -> Any:
        base, *marks = get_args(hint)
        if base is datetime:
            return at + timedelta(days=self.chance.choice([*_GAPS, 365]))
        if base is Decimal:
            return self.chance.choice(_NUMBERS)
        if base is int:
            bounds = [mark for mark in marks if isinstance(mark, msgspec.Meta)]
            least = next((mark.ge for mark in bounds if mark.ge is not None), 1)
            most = next((mark.le for mark in bounds if mark.le is not None), least + 60)
            return self.chance.randint(int(least), int(min(most, least + 120)))
        if base is str and hint != Slug and any(isinstance(mark, Parsed) for mark in marks):
            return self._reference(name)
        return self._value(base, name, at)

    def _word(self, name: str) -> str:
        return self.chance.choice(_WORDS.get(name, _ANY_WORDS))

    def _reference(self, name: str) -> str:
        """An id: of a complaint, or of any earlier event, where the field names one."""
        wanted: tuple[type[Event], ...] = (Complained,) if name in {"complaint", "resolves"} else (Event,)
        ids = [it.id for it in self.known if it.id and isinstance(it, wanted) and not isinstance(it, Retracted)]
        if name in {"complaint", "resolves", "reactive_to", "event"}:
            return self.chance.choice(ids)
        return self._word(name)


class _Unknown(Exception):
    """No value can be made up for a type."""
