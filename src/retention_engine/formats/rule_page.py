"""A rule explained as text, from what its author wrote beside it."""

from collections.abc import Iterator, Mapping

from ..binding import BoundRule
from ..declare import Rule, Settled
from ..setting_values import value_text

TAKES: Mapping[Settled, str] = {
    "conversation": "a conversation with the client",
    "task": "a task that we can do by ourselves",
}
"""What a rule's actions take, in words."""


OWN = "retention-engine"
"""The distribution that the built-in rules come with."""


def rule_page(bound: BoundRule, tier: str, file: str = "settings") -> str:
    """A rule's problem, rationale, examples and packs, and its settings as in force for a tier.

    Args:
        bound: the rule with the values of its settings.
        tier: the tier.
        file: where values come from that were set.
    """
    return "\n".join(_lines(bound, tier, file))


def _lines(bound: BoundRule, tier: str, file: str) -> Iterator[str]:
    rule, values = bound.rule, bound.settings(tier)
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
    yield f"Origin: {', '.join(dict.fromkeys((rule.distribution or rule.origin, rule.origin)))}"
    if rule.status != "stable":
        yield f"Status: {rule.status}"
    yield f"Dimension: {rule.dimension}"
    yield "It recommends no action." if recommends_nothing(rule) else f"Actions take: {TAKES[rule.settled_by]}"
    if rule.scope == "book":
        yield "About: the whole book; `retention book` shows what it says"
    if not rule.settings:
        yield "Settings: none"
        return
    yield f"Settings (tier {tier}):" if rule.scope == "client" else "Settings:"
    for name, setting in rule.settings.items():
        sources = [] if bound.source(name, tier) == "default" else [source_text(bound, name, tier, file)]
        sources += [] if values[name] == setting.default else [f"default {value_text(setting.default)}"]
        whence = f" ({'; '.join(sources)})" if sources else ""
        yield f"  {name} = {value_text(values[name])}{whence}: {setting.about}"


def source_text(bound: BoundRule, setting: str, tier: str, file: str) -> str:
    """Where the value of a setting comes from, for clients of a tier."""
    source = bound.source(setting, tier)
    return f"{source} in {file}" if source.startswith("set") else source


def origin_of(rule: Rule) -> str:
    """What brings a rule, with its version: a distribution, a file, or a module."""
    if rule.distribution:
        return rule.distribution
    if rule.origin.partition(".")[0] != __name__.partition(".")[0]:
        return rule.origin
    from importlib.metadata import version

    return f"{OWN} {version(OWN)}"


def recommends_nothing(rule: Rule) -> bool:
    """Whether a rule states concerns alone, as far as the example in which it finds something tells."""
    return bool(rule.fires) and not any("act by" in line for line in rule.fires)


def examples_of(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The examples beside a rule, as far as it has any: a heading and the lines of each."""
    for what, lines in (("something", rule.fires), ("nothing", rule.silent)):
        if lines:
            yield f"An example in which it finds {what}", lines
