"""Rules ready to run: with the values of their settings, by the client's tier."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from .client import Client
from .declare import Findings, Rule, RuleFunction, rule_of, unfit
from .errors import SettingsError

Source = Literal["default", "set", "default for the tier", "set for the tier"]
"""Where the value of a setting comes from, what goes before the others last."""


@attrs.frozen(eq=False)
class BoundRule:
    """A rule with the values of its settings.

    Attributes:
        rule: the rule.
        values: values that replace the defaults, by setting.
        tier_values: values that replace those for clients of a tier, by tier and setting.

    Raises:
        SettingsError: the rule has no such setting, or one of another type.
    """

    rule: Rule
    values: Mapping[str, Any] = attrs.field(factory=dict)
    tier_values: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    _by_tier: dict[str, dict[str, Any]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        problems = [f"rule {self.name}: {problem}" for problem in unfit(self.rule.settings, self.values)]
        for tier, values in self.tier_values.items():
            problems += [f"rule {self.name}: {tier}.{problem}" for problem in unfit(self.rule.settings, values)]
        if problems:
            raise SettingsError(problems)

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.name

    def settings(self, tier: str) -> dict[str, Any]:
        """The settings in force for a tier.

        A value for the tier beats a general one, and at the same level a value that was set beats a default.
        """
        if tier not in self._by_tier:
            self._by_tier[tier] = {
                **{name: setting.default for name, setting in self.rule.settings.items()},
                **self.values,
                **self.rule.tiers.get(tier, {}),
                **self.tier_values.get(tier, {}),
            }
        return self._by_tier[tier]

    def source(self, setting: str, tier: str) -> Source:
        """Where the value of a setting comes from, for clients of a tier."""
        if setting in self.tier_values.get(tier, {}):
            return "set for the tier"
        if setting in self.rule.tiers.get(tier, {}):
            return "default for the tier"
        return "set" if setting in self.values else "default"

    def findings(self, client: Client) -> Findings:
        """What the rule states of a client's history."""
        tier = client.tier if self.tier_values or self.rule.tiers else ""
        return self.rule.function(client, **self.settings(tier))

    def about_book(self, book: object) -> Findings:
        """What the rule states of all clients, where it is about the whole book; a book has no tier."""
        return self.rule.function(book, **self.settings(""))


def bound(rule: RuleFunction | BoundRule) -> BoundRule:
    """A rule ready to run: as it is where its settings are bound, else with its defaults.

    Raises:
        RuleError: the function was not declared as a rule.
    """
    return rule if isinstance(rule, BoundRule) else BoundRule(rule_of(rule))
