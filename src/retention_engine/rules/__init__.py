"""The built-in rules, one module a theme."""

from types import ModuleType

from ..declare import Rule, rule_of
from . import (
    competition,
    complaints,
    contact,
    expectations,
    foresight,
    helping,
    listening,
    meetings,
    ownership,
    renewal,
    transparency,
    value,
)

THEMES = (
    contact,
    meetings,
    foresight,
    ownership,
    complaints,
    renewal,
    competition,
    value,
    helping,
    listening,
    expectations,
    transparency,
)

PACKS = {
    "essentials": "what any log can show: silence, open complaints, terms that end; on by default",
    "retention-plan": "a simple plan for each client: contact, resources, introductions, recommendations (article 000)",
    "existing-clients-first": "those who have signed come before those who might (article 001)",
    "love-engage-help": "before they are at risk: thank them, meet them, help them (article 002)",
    "thirty-day-service": "contact every thirty days, complaints settled, questions asked (article 003)",
    "stick-around": "renewals, expectations, open lines, transparency, refinement (article 004)",
}


def rules_in(module: ModuleType) -> tuple[Rule, ...]:
    """The rules that a module defines, in the order of their names."""
    functions = (value for value in vars(module).values() if hasattr(value, "__retention_rule__"))
    found = {rule_of(function) for function in functions}
    return tuple(sorted((rule for rule in found if rule.origin == module.__name__), key=lambda rule: rule.name))


BUILT_IN: tuple[Rule, ...] = tuple(rule for module in THEMES for rule in rules_in(module))
"""Every built-in rule, grouped by theme."""
