"""How two rule sets differ: which rules are on in one of them alone, and which settings have other values."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import attrs

from ..binding import BoundRule


@attrs.frozen
class SettingChange:
    """A setting has another value: for clients of a tier, or for all without a value of their tier (`None`)."""

    tier: str | None
    setting: str
    before: Any
    after: Any


@attrs.frozen
class RuleChange:
    """A rule differs between two rule sets.

    Attributes:
        rule: the rule's name.
        how: it is on where it was not, off where it was on, set to other values, or another function of that name.
        settings: the settings with other values.
    """

    rule: str
    how: Literal["on", "off", "set", "rewritten"]
    settings: tuple[SettingChange, ...] = ()


def rule_changes(old: Iterable[BoundRule], new: Iterable[BoundRule]) -> Iterator[RuleChange]:
    """How two rule sets differ, rule by rule."""
    mine, theirs = ({rule.name: rule for rule in rules} for rules in (old, new))
    for name in sorted({**mine, **theirs}):
        one, other = mine.get(name), theirs.get(name)
        if one is None or other is None:
            yield RuleChange(name, "on" if one is None else "off")
            continue
        settings = tuple(_settings(one, other))
        if one.rule.function is not other.rule.function:
            yield RuleChange(name, "rewritten", settings)
        elif settings:
            yield RuleChange(name, "set", settings)


def _settings(one: BoundRule, other: BoundRule) -> Iterator[SettingChange]:
    general = dict(_values(one, other, ""))
    yield from (SettingChange(None, name, *pair) for name, pair in general.items())
    for tier in sorted({*one.rule.tiers, *one.tier_values, *other.rule.tiers, *other.tier_values}):
        for name, pair in _values(one, other, tier):
            if general.get(name) != pair:
                yield SettingChange(tier, name, *pair)


def _values(one: BoundRule, other: BoundRule, tier: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    mine, theirs = one.settings(tier), other.settings(tier)
    for name in {**mine, **theirs}:
        if mine.get(name) != theirs.get(name):
            yield name, (mine.get(name), theirs.get(name))
