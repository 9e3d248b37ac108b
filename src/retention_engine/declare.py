"""`@rule` and `@book_rule`: a function's name, packs, rationale and settings, read off the function itself."""

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from inspect import Parameter, signature
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints, overload

import attrs

from .docstrings import RuleDocstring
from .errors import RuleError, did_you_mean, shown
from .findings import Finding

Findings = Iterator[Finding]
RuleFunction = Callable[..., Findings]
F = TypeVar("F", bound=RuleFunction)

SETTING_TYPES = (timedelta, int, Decimal, str, bool)

Dimension = Literal["service", "relationship", "reputation", "commercial"]
"""What of a client's health a rule is about."""

Settled = Literal["conversation", "task"]
"""What a rule's actions take: a conversation with the client, or a task that we can do by ourselves."""

Scope = Literal["client", "book"]
"""Whether a rule reads one client or the whole book."""

Status = Literal["experimental", "stable", "deprecated"]
"""How far one can build on a rule. An experimental one is on only where it is named; a deprecated one will be removed."""


@attrs.frozen
class Pack:
    """A pack of rules that a plug-in brings: turned on and off as one.

    A rule of the plug-in joins it by `@rule(pack=NAME)`; `rules` adds others.

    Attributes:
        name: the pack's name; the settings file knows it as `PLUGIN/NAME`.
        about: what it is for, one sentence.
        rules: names of further rules in it: of this plug-in, or built-in ones.
    """

    name: str
    about: str
    rules: tuple[str, ...] = ()


@attrs.frozen
class Setting:
    """One setting of a rule: a keyword-only parameter, with its type, its default and what its docstring says of it."""

    name: str
    type: Any
    default: Any
    about: str


@attrs.frozen(eq=False)
class Rule:
    """A rule as its author declared it.

    Attributes:
        name: the function's name with dashes.
        function: called as `function(client, **settings)`, yields `Concern` and `Action`; a rule about the whole book is
            called with that.
        packs: the packs that turn it on.
        about: the first line of the docstring: the problem found.
        rationale: the rest of the docstring, its settings aside.
        settings: what can be set, by name.
        tiers: defaults that differ for a tier, by tier and setting.
        origin: the module that defines it.
        dimension: what of a client's health it is about.
        settled_by: what its actions take.
        fires: an example in which it finds something, line by line; see `formats.examples`.
        silent: an example in which it finds nothing.
        scope: whether it reads one client or the whole book.
        status: how far one can build on it.
        distribution: what brings it, such as `acme-rules 1.0` or `./rules/acme.py`; empty for a rule of this package, and
            for one that was handed over as a function.
    """

    name: str
    function: RuleFunction
    packs: tuple[str, ...]
    about: str
    rationale: str
    settings: Mapping[str, Setting]
    tiers: Mapping[str, Mapping[str, Any]]
    origin: str
    dimension: Dimension = "relationship"
    settled_by: Settled = "conversation"
    fires: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    scope: Scope = "client"
    status: Status = "stable"
    distribution: str = ""


@overload
def rule(function: F, /) -> F: ...
@overload
def rule(
    *,
    pack: str | Sequence[str] = (),
    tiers: Mapping[str, Mapping[str, Any]] | None = None,
    dimension: Dimension = "relationship",
    settled_by: Settled = "conversation",
    status: Status = "stable",
) -> Callable[[F], F]: ...
def rule(
    function: F | None = None,
    /,
    *,
    pack: str | Sequence[str] = (),
    tiers: Mapping[str, Mapping[str, Any]] | None = None,
    dimension: Dimension = "relationship",
    settled_by: Settled = "conversation",
    status: Status = "stable",
) -> F | Callable[[F], F]:
    """Declare a function as a rule; the function itself stays as it is and can be called.

    The function takes a `Client` and keyword-only settings with defaults, and yields what it states of that history if
    nothing else happens. It gets no clock. Its docstring's first line names the problem, a `Settings:` section explains
    each setting. The sections `Fires:` and `Silent:` may give an example each: a history and what the rule says of it.

    Args:
        pack: the pack or packs that turn the rule on; none means that it is on wherever it is handed to an engine.
        tiers: defaults that differ for a tier: `{"key": {"every": days(30)}}`.
        dimension: what of a client's health it is about.
        settled_by: what its actions take: a conversation with the client, or a task that we can do by ourselves.
        status: how far one can build on it; an experimental rule is on only where it is named, whatever its packs.

    Raises:
        RuleError: the signature or the docstring can't serve.
    """

    def declare(function: F) -> F:
        return _declared(function, pack, tiers or {}, dimension, settled_by, "client", status)

    return declare if function is None else declare(function)


@overload
def book_rule(function: F, /) -> F: ...
@overload
def book_rule(
    *,
    pack: str | Sequence[str] = (),
    dimension: Dimension = "relationship",
    settled_by: Settled = "conversation",
    status: Status = "stable",
) -> Callable[[F], F]: ...
def book_rule(
    function: F | None = None,
    /,
    *,
    pack: str | Sequence[str] = (),
    dimension: Dimension = "relationship",
    settled_by: Settled = "conversation",
    status: Status = "stable",
) -> F | Callable[[F], F]:
    """Declare a function as a rule about all clients together; the function itself stays as it is and can be called.

    The function takes a `Book` and keyword-only settings with defaults, and yields what it states of those clients if
    nothing else happens. A `Concern` is about the book, or about an owner named by `about`; what it cites names the
    clients concerned, the worst first. An `Action` is for the client whose id `about` is. Otherwise it is declared as a
    rule about one client is; see `rule`.

    Args:
        pack: the pack or packs that turn the rule on; none means that it is on wherever it is handed over.
        dimension: what of the clients' health it is about.
        settled_by: what its actions take: a conversation with the client, or a task that we can do by ourselves.
        status: how far one can build on it; an experimental rule is on only where it is named, whatever its packs.

    Raises:
        RuleError: the signature or the docstring can't serve.
    """

    def declare(function: F) -> F:
        return _declared(function, pack, {}, dimension, settled_by, "book", status)

    return declare if function is None else declare(function)


def rule_of(function: RuleFunction) -> Rule:
    """What `@rule` or `@book_rule` read off a function.

    Raises:
        RuleError: the function was not declared as a rule.
    """
    found = getattr(function, "__retention_rule__", None)
    if not isinstance(found, Rule):
        raise RuleError(
            f"{getattr(function, '__qualname__', function)!r} is no rule; decorate it with @rule or @book_rule"
        )
    return found


def _declared(
    function: F,
    pack: str | Sequence[str],
    tiers: Mapping[str, Mapping[str, Any]],
    dimension: Dimension,
    settled_by: Settled,
    scope: Scope,
    status: Status,
) -> F:
    packs = (pack,) if isinstance(pack, str) else tuple(pack)
    declared = _read_off(function, packs, tiers, dimension, settled_by, scope, status)
    function.__retention_rule__ = declared  # type: ignore[attr-defined]
    return function


def _read_off(
    function: RuleFunction,
    packs: tuple[str, ...],
    tiers: Mapping[str, Mapping[str, Any]],
    dimension: Dimension,
    settled_by: Settled,
    scope: Scope,
    status: Status,
) -> Rule:
    name = getattr(function, "__name__", type(function).__name__).replace("_", "-")
    doc = RuleDocstring.read(function.__doc__)
    if not doc.about:
        raise RuleError(f"rule {name}: write a docstring whose first line names the problem that it finds")
    settings = _settings_of(function, name, doc.settings, scope)
    if unknown := doc.settings.keys() - settings:
        raise RuleError(f"rule {name}: the docstring explains {', '.join(sorted(unknown))}, which is no setting")
    for tier, values in tiers.items():
        for problem in unfit(settings, values):
            raise RuleError(f"rule {name}: tiers: {tier}.{problem}")
    words = (("dimension", dimension, Dimension), ("settled_by", settled_by, Settled), ("status", status, Status))
    for what, given, choices in words:
        if given not in get_args(choices):
            raise RuleError(f"rule {name}: {what}={given!r} is none of {', '.join(get_args(choices))}")
    return Rule(
        name=name,
        function=function,
        packs=packs,
        about=doc.about,
        rationale=doc.rationale,
        settings=settings,
        tiers=tiers,
        origin=function.__module__,
        dimension=dimension,
        settled_by=settled_by,
        fires=doc.fires,
        silent=doc.silent,
        scope=scope,
        status=status,
    )


def _settings_of(function: RuleFunction, name: str, explained: Mapping[str, str], scope: Scope) -> dict[str, Setting]:
    """The settings that a signature declares, with what the docstring says of them."""
    parameters = iter(signature(function).parameters.values())
    subject = next(parameters, None)
    if subject is None or subject.kind not in {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}:
        raise RuleError(f"rule {name}: the first parameter must be the {scope}")
    try:
        hints = get_type_hints(function if hasattr(function, "__code__") else type(function).__call__)
    except NameError as error:
        raise RuleError(f"rule {name}: {error}; import what annotations name when the program runs, too") from None
    settings = {}
    for parameter in parameters:
        key = parameter.name
        if parameter.kind is not Parameter.KEYWORD_ONLY:
            raise RuleError(f"rule {name}: {key} must be keyword-only and have a default; put * before it")
        if parameter.default is Parameter.empty:
            raise RuleError(
                f"rule {name}: {key} is a setting and needs a default; write one after its type, {key}: ... = ..."
            )
        hint = hints.get(key)
        if not _is_setting_type(hint):
            types_ = "timedelta, int, Decimal, str, bool, a Literal or a tuple of one"
            raise RuleError(f"rule {name}: {key} must be annotated as {types_}")
        if not fits(parameter.default, hint):
            raise RuleError(f"rule {name}: the default of {key}, {parameter.default!r}, is not of its type")
        settings[key] = Setting(key, hint, parameter.default, explained.get(key, ""))
    return settings


def _is_setting_type(hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return all(isinstance(choice, str) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        return len(inner) == 2 and inner[1] is Ellipsis and _is_setting_type(inner[0])  # noqa: PLR2004
    return not isinstance(hint, types.UnionType) and hint in SETTING_TYPES


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a setting's type."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(fits(part, get_args(hint)[0]) for part in value)
    return type(value) is hint


def unfit(settings: Mapping[str, Setting], values: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with values for a rule's settings: names that it does not have, and values of another type."""
    for name, value in values.items():
        setting = settings.get(name)
        if setting is None:
            yield f"{name}: no such setting{did_you_mean(name, settings)}"
        elif not fits(value, setting.type):
            wanted = getattr(setting.type, "__name__", None) if isinstance(setting.type, type) else str(setting.type)
            yield f"{name}: expected {wanted}, as in {setting.default!r}; got {shown(value)}"
