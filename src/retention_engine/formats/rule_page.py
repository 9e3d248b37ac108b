"""A rule explained as text, from what its author wrote beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..declare import Rule
from ..settings import value_text


def rule_page(rule: Rule, values: Mapping[str, Any], tier: str) -> str:
    """A rule's problem, rationale, packs and settings with the values in force for a tier."""
    return "\n".join(_lines(rule, values, tier))


def _lines(rule: Rule, values: Mapping[str, Any], tier: str) -> Iterator[str]:
    yield f"{rule.name}: {rule.about}"
    yield ""
    if rule.rationale:
        yield rule.rationale
        yield ""
    yield f"Packs: {', '.join(rule.packs) or 'none'}"
    yield f"Origin: {rule.origin}"
    if not rule.settings:
        yield "Settings: none"
        return
    yield f"Settings (tier {tier}):"
    for name, setting in rule.settings.items():
        default = "" if values[name] == setting.default else f" (default {value_text(setting.default)})"
        yield f"  {name} = {value_text(values[name])}{default}: {setting.about}"
