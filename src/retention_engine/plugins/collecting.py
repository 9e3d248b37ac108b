"""What an imported module brings: the rules, kinds of event and packs that are defined in it."""

import inspect
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

import attrs

from ..declare import Findings, Pack, Rule, RuleFunction, rule_of
from ..errors import RuleError
from ..events import Event
from .finding import Brings, Source


@attrs.frozen
class Brought:
    """What a source brings, as its authors named it.

    Attributes:
        rules: the rules.
        kinds: the kinds of event.
        packs: the packs.
        overlooked: what looks like a rule or a kind of event and is none, with what to do.
    """

    rules: tuple[Rule, ...]
    kinds: tuple[type[Event], ...]
    packs: tuple[Pack, ...]
    overlooked: tuple[str, ...] = ()


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
        tuple(_overlooked(found, source)) if isinstance(found, ModuleType) else (),
    )


def where_written(thing: type | FunctionType) -> str:
    """The file and the line where a class or a function is defined; the module where that can't be read."""
    try:
        return f"{inspect.getsourcefile(thing)}:{inspect.getsourcelines(thing)[1]}"
    except (OSError, TypeError):
        return thing.__module__


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


def _overlooked(module: ModuleType, source: Source) -> Iterator[str]:
    """What its author probably took for a rule or a kind of event: it would be missed, and nobody would be told."""
    own = {name: it for name, it in vars(module).items() if getattr(it, "__module__", "") == module.__name__}
    functions = {name: it for name, it in own.items() if isinstance(it, FunctionType)}
    used = {name for it in functions.values() for name in _names_in(it.__code__)}
    for name, function in functions.items() if "rules" in source.brings else ():
        if (
            not name.startswith("_")
            and name not in used
            and function.__annotations__.get("return") in (Findings, "Findings")
            and not hasattr(function, "__retention_rule__")
        ):
            yield f"{name} yields findings and is no rule; put @rule above it ({where_written(function)})"
    for name, cls in own.items() if "events" in source.brings else ():
        if (
            isinstance(cls, type)
            and issubclass(cls, Event)
            and not (name.startswith("_") or cls.kind or cls.__subclasses__())
        ):
            said = f"{name} is an event without a kind; give it one, kind: ClassVar[str] = 'acme.invoice_paid'"
            yield f"{said} ({where_written(cls)})"


def _names_in(code: CodeType) -> Iterator[str]:
    """The names that a function uses, those of functions within it among them."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _defined_in(module: ModuleType, value: object) -> bool:
    """Whether a module's value is its own, or of the package that it belongs to, and something that we look for."""
    if isinstance(value, Pack):
        return True
    is_kind = isinstance(value, type) and issubclass(value, Event) and "kind" in vars(value)
    if not is_kind and not isinstance(getattr(value, "__retention_rule__", None), Rule):
        return False
    home = getattr(value, "__module__", "")
    return bool(home == module.__name__ or home.partition(".")[0] == module.__name__.partition(".")[0])
