"""What a rule set is known by: the same fingerprint, the same verdicts."""

import inspect
import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from importlib.metadata import version
from types import CodeType, FunctionType
from typing import Any

from ..binding import BoundRule
from ..engine import Engine
from .sources import source_around

ROWS = 2
"""Raised whenever the agenda makes other rows of the same findings."""

Sources = dict[str, str]
"""Digests of sources, by file."""

_SIMPLE = (str, bytes, int, float, complex, type(None), Decimal, date, timedelta, Enum)


def engine_fingerprint(engine: Engine) -> str:
    """What an engine's rules are known by: the same in every process that has the same rules with the same settings.

    It covers each rule's name, what brings it, its code and its settings for every tier; the source of the file that
    defines it, and of those that this imports from its own folder or package, so that a change of a function beside it
    counts, too; and the version of this package. What a rule imports from other places, and what it reads elsewhere, is
    not covered, nor the other modules of a distribution that is installed: its version is.
    """
    sources: Sources = {}
    said = [ROWS, version("retention-engine"), [list(_rule(rule, sources)) for rule in engine.rules]]
    return sha256(json.dumps(said).encode()).hexdigest()[:32]


def _rule(bound: BoundRule, sources: Sources) -> Iterator[Any]:
    rule = bound.rule
    yield from (rule.name, rule.distribution, rule.origin)
    yield list(_function(rule.function, sources, set()))
    yield [[name, repr(setting.default)] for name, setting in sorted(rule.settings.items())]
    yield _values(bound.values)
    for tiers in (rule.tiers, bound.tier_values):
        yield [[tier, _values(tiers[tier])] for tier in sorted(tiers)]


def _values(values: Mapping[str, Any]) -> list[list[str]]:
    return [[name, repr(value)] for name, value in sorted(values.items())]


def _function(function: Any, sources: Sources, seen: set[int]) -> Iterator[str]:
    """What a function does, as far as it can be told without running it: its code, and the values that it closes over."""
    function = inspect.unwrap(function)
    if id(function) in seen:
        return
    seen.add(id(function))
    if not isinstance(function, FunctionType):
        yield type(function).__qualname__
        kept = {name: value for name, value in getattr(function, "__dict__", {}).items() if not name.startswith("__")}
        yield from _value(kept, sources, seen)
        called = type(function).__call__ if callable(function) else None
        if isinstance(called, FunctionType):
            yield from _function(called, sources, seen)
        return
    yield function.__qualname__
    code = function.__code__
    if code.co_filename not in sources:
        sources[code.co_filename] = source_around(code)
    yield sources[code.co_filename] or _digest(code)
    for cell in function.__closure__ or ():
        try:
            held = cell.cell_contents
        except ValueError:  # it is yet to be given a value
            continue
        yield from _value(held, sources, seen)


def _value(held: object, sources: Sources, seen: set[int]) -> Iterator[str]:
    """What a value says that a function closes over; of what is neither simple nor made of what is simple, its type."""
    if isinstance(held, _SIMPLE):
        yield repr(held)
    elif isinstance(held, FunctionType):
        yield from _function(held, sources, seen)
    elif isinstance(held, (tuple, list, set, frozenset, Mapping)) and id(held) not in seen:
        seen.add(id(held))
        yield f"{type(held).__qualname__} of {len(held)}"
        members = held.items() if isinstance(held, Mapping) else held
        said = [list(_value(member, sources, seen)) for member in members]
        seen.remove(id(held))  # it may be met again, only not within itself
        for member in said if isinstance(held, (tuple, list)) else sorted(said):
            yield from member
    else:
        yield type(held).__qualname__


def _digest(code: CodeType) -> str:
    """A digest of code, wherever it was written."""
    found = sha256(code.co_code)
    for constant in code.co_consts:
        text = _digest(constant) if isinstance(constant, CodeType) else _constant(constant)
        found.update(text.encode(errors="replace"))
    found.update("\0".join((*code.co_names, *code.co_varnames, *code.co_freevars)).encode())
    return found.hexdigest()


def _constant(value: object) -> str:
    if isinstance(value, frozenset):  # whose order differs from process to process
        return f"frozenset({sorted(map(repr, value))})"
    return repr(value)
