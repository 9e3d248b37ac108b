"""A rule explained as text, from what its author wrote beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..declare import Rule, Settled
from ..settings import value_text

TAKES: Mapping[Settled, str] = {
    "conversation": "a conversation with the client",
    "task": "a task that we can do by ourselves",
}
"""What a rule's actions take, in words."""


def rule_page(rule: Rule, values: Mapping[str, Any], tier: str) -> str:
    """A rule's problem, rationale, examples and packs, and its settings with the values in force for a tier."""
    return "\n".join(_lines(rule, values, tier))


def _lines(rule: Rule, values: Mapping[str, Any], tier: str) -> Iterator[str]:
    yield f"{rule.name}: {rule.about}"
    yield ""
    if rule.rationale:
        yield rule.rationale
        yield ""
    for heading, lines in examples_of(rule):
        yield f"{heading}:"
        yield from (f"  {line}" for line in lines)
        yield ""
    yield f"Packs: {', '.join(rule.packs) or 'none'}"
    yield f"Origin: {rule.origin}"
    yield f"Dimension: {rule.dimension}"
    yield "It recommends no action." if recommends_nothing(rule) else f"Actions take: {TAKES[rule.settled_by]}"
    if rule.scope == "book":
        yield "About: the whole book; `retention book` shows what it says"
    if not rule.settings:
        yield "Settings: none"
        return
    yield f"Settings (tier {tier}):" if rule.scope == "client" else "Settings:"
    for name, setting in rule.settings.items():
        default = "" if values[name] == setting.default else f" (default {value_text(setting.default)})"
        yield f"  {name} = {value_text(values[name])}{default}: {setting.about}"


def recommends_nothing(rule: Rule) -> bool:
    """Whether a rule states concerns alone, as far as the example in which it finds something tells."""
    return bool(rule.fires) and not any("act by" in line for line in rule.fires)


def examples_of(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The examples beside a rule, as far as it has any: a heading and the lines of each."""
    for what, lines in (("something", rule.fires), ("nothing", rule.silent)):
        if lines:
            yield f"An example in which it finds {what}", lines
