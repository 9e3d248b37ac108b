"""What an imported module brings: the rules, kinds of event and packs that are defined in it."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, cast

import attrs

from ..declare import Pack, Rule, RuleFunction, rule_of
from ..errors import RuleError
from ..events import Event
from .finding import Brings, Source


@attrs.frozen
class Brought:
    """What a source brings, as its authors named it."""

    rules: tuple[Rule, ...]
    kinds: tuple[type[Event], ...]
    packs: tuple[Pack, ...]


def collect(found: object, source: Source) -> Brought:
    """What a module brings, or an attribute of one: a rule, a class of events, a pack, or a list of these.

    Raises:
        RuleError: it brings nothing, or what is meant is none of these.
    """
    things = list(_things(found))
    brought = Brought(
        tuple(sorted((thing for thing in things if isinstance(thing, Rule)), key=lambda it: it.name)),
        tuple(sorted((thing for thing in things if isinstance(thing, type)), key=lambda it: it.kind)),
        tuple(sorted((thing for thing in things if isinstance(thing, Pack)), key=lambda it: it.name)),
    )
    of: dict[Brings, tuple[Any, ...]] = {"rules": brought.rules, "events": brought.kinds, "packs": brought.packs}
    if not any(of[brings] for brings in source.brings):
        raise RuleError(f"brings no {' and no '.join(_CALLED[brings] for brings in source.brings)}; {_REMEDY}")
    return Brought(
        brought.rules if "rules" in source.brings else (),
        brought.kinds if "events" in source.brings else (),
        brought.packs if "packs" in source.brings else (),
    )


_CALLED: dict[Brings, str] = {"rules": "rule", "events": "kind of event", "packs": "pack"}
_REMEDY = "decorate rules with @rule, give events a class with a kind such as 'acme.invoice_paid', make a Pack"


def _things(found: object) -> Iterator[Rule | type[Event] | Pack]:
    if isinstance(found, ModuleType):
        seen: set[int] = set()
        for value in vars(found).values():
            if id(value) not in seen and _defined_in(found, value):
                seen.add(id(value))
                yield from _things(value)
    elif isinstance(found, Pack) or (isinstance(found, type) and issubclass(found, Event)):
        yield found
    elif isinstance(found, Iterable) and not isinstance(found, str | bytes):
        for one in found:
            yield from _things(one)
    else:
        yield rule_of(cast(RuleFunction, found))  # which says what is wrong with what is no rule


def _defined_in(module: ModuleType, value: object) -> bool:
    """Whether a module's value is its own, or of the package that it belongs to, and something that we look for."""
    if isinstance(value, Pack):
        return True
    is_kind = isinstance(value, type) and issubclass(value, Event) and "kind" in vars(value)
    if not is_kind and not isinstance(getattr(value, "__retention_rule__", None), Rule):
        return False
    home = getattr(value, "__module__", "")
    return bool(home == module.__name__ or home.partition(".")[0] == module.__name__.partition(".")[0])
