"""What rules state: concerns and actions, as half-open intervals and due instants with their evidence."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import IntEnum
from hashlib import sha256
from typing import Any

import attrs
import msgspec

from .errors import RuleError
from .events import Event
from .moments import in_utc


class Health(IntEnum):
    """How a client is, from well to gone; `UNKNOWN` means that nothing lately shows that the client is well."""

    HEALTHY = 0
    UNKNOWN = 1
    WATCH = 2
    AT_RISK = 3
    CRITICAL = 4
    LEFT = 5

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")

    @classmethod
    def named(cls, word: str) -> "Health":
        """The level that prints as `word`, such as `at-risk`.

        Raises:
            ValueError: no level prints so.
        """
        for level in cls:
            if str(level) == word:
                return level
        raise ValueError(f"{word!r} is none of {', '.join(map(str, cls))}")


Evidence = Event | Iterable[Event | None] | None


def _refuse_other_than_text(**given: object) -> None:
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise RuleError(f"expected a text as {name}, got {value!r}")


def _moment(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise RuleError(f"expected an aware datetime, got {value!r}")
    try:
        return in_utc(value)
    except ValueError as error:
        raise RuleError(str(error)) from None


def _required_moment(value: datetime) -> datetime:
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    moment = _moment(value)
    if moment is None:
        raise RuleError("expected an aware datetime, got None")
    return moment


def _cited(because: Evidence) -> tuple[Event | None, ...]:
    return (because,) if because is None or isinstance(because, Event) else tuple(because)


@attrs.frozen
class Concern:
    """Health is `level` at best during `[starts, until)`; without `until`, for as long as nothing else happens.

    Attributes:
        level: the best that the client's health can be.
        starts: from when, an aware datetime.
        until: until just before when; `None` for ever.
        because: the events that it rests on. `None` among them stands for a kind of event that never happened; where
            nothing else is cited, the engine cites the client's first event.
        about: what it is about, where a rule may state several (a complaint's id, a measure's name).
        message: one sentence for a person; the first line of the rule's docstring where none is given.
        rule: the rule's name, filled in by the engine.
    """

    level: Health
    starts: datetime = attrs.field(kw_only=True, converter=_required_moment)
    until: datetime | None = attrs.field(default=None, kw_only=True, converter=_moment)
    because: tuple[Event | None, ...] = attrs.field(kw_only=True, converter=_cited)
    about: str | None = attrs.field(default=None, kw_only=True)
    message: str | None = attrs.field(default=None, kw_only=True)
    rule: str = attrs.field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.level, Health):
            raise RuleError(f"expected a level such as Health.WATCH, got {self.level!r}")
        if self.about is not None or self.message is not None:
            _refuse_other_than_text(about=self.about, message=self.message)

    def in_force(self, moment: datetime) -> bool:
        """Whether `starts <= moment < until`."""
        return self.starts <= moment and (self.until is None or moment < self.until)

    @property
    def evidence(self) -> tuple[Event, ...]:
        """The events cited, without those that never happened."""
        return tuple([event for event in self.because if event is not None])


@attrs.frozen
class Action:
    """A recommended next step with the instant by which it is due.

    Attributes:
        message: what to do, one sentence for a person.
        due: by when, an aware datetime.
        because: the events that it rests on, as for `Concern`.
        about: what it is about, where a rule may recommend several.
        rule: the rule's name, filled in by the engine.
        client: the client's id, filled in by the engine.
    """

    message: str
    due: datetime = attrs.field(kw_only=True, converter=_required_moment)
    because: tuple[Event | None, ...] = attrs.field(kw_only=True, converter=_cited)
    about: str | None = attrs.field(default=None, kw_only=True)
    rule: str = attrs.field(default="", kw_only=True)
    client: str = attrs.field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.message, str):
            raise RuleError(f"expected a text as message, got {self.message!r}")
        if self.about is not None:
            _refuse_other_than_text(about=self.about)

    @property
    def id(self) -> str:
        """The same for the same client, rule, subject and evidence, whenever it is worked out."""
        identity = [self.client, self.rule, self.about, [event.ref for event in self.evidence]]
        return sha256(msgspec.json.encode(identity)).hexdigest()[:16]

    @property
    def evidence(self) -> tuple[Event, ...]:
        """The events cited, without those that never happened."""
        return tuple([event for event in self.because if event is not None])


Finding = Concern | Action


def _fillers(cls: type) -> tuple[Callable[[Any, Any], None], ...]:
    return tuple(vars(cls)[field.name].__set__ for field in attrs.fields(cls))


# What a rule gave was checked when it was made; to fill a copy directly takes a quarter of the time of attrs.evolve.
_level, _starts, _until, _because, _about, _message, _rule = _fillers(Concern)
_todo, _due, _action_because, _action_about, _action_rule, _client = _fillers(Action)


def attributed_concern(concern: Concern, rule: str, because: tuple[Event, ...], message: str) -> Concern:
    """The same concern with what the engine adds to it."""
    copy = object.__new__(Concern)
    _level(copy, concern.level)
    _starts(copy, concern.starts)
    _until(copy, concern.until)
    _because(copy, because)
    _about(copy, concern.about)
    _message(copy, message)
    _rule(copy, rule)
    return copy


def attributed_action(action: Action, rule: str, because: tuple[Event, ...], client: str) -> Action:
    """The same action with what the engine adds to it."""
    copy = object.__new__(Action)
    _todo(copy, action.message)
    _due(copy, action.due)
    _action_because(copy, because)
    _action_about(copy, action.about)
    _action_rule(copy, rule)
    _client(copy, client)
    return copy
