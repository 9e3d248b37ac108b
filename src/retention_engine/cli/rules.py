"""`retention rules`: what rules there are, and what each is about."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click

from ..binding import BoundRule
from ..declare import Rule
from ..formats.rule_page import origin_of, rule_page, source_text
from ..formats.verdicts import VERSION, as_json
from ..setting_values import value_text
from ..settings_tables import like_rule
from .firing import firing
from .options import RuleChoice, rules_option, settings_option, table_option
from .rules_check import check
from .rules_new import new
from .rules_tests import test

STANDARD = "standard"


@click.group(invoke_without_command=True, short_help="List the rules, explain one, write and test your own.")
@settings_option
@rules_option
@click.option("--pack", multiple=True, metavar="PACK", help="Turn a pack of rules on, besides those of the settings.")
@click.option(
    "--values",
    is_flag=True,
    help="Print the settings in force of the rules that are on, by tier, and where each value comes from.",
)
@table_option
@click.pass_context
def rules(
    ctx: click.Context,
    settings_file: Path | None,
    plugins: tuple[str, ...],
    pack: tuple[str, ...],
    values: bool,
    format_: str,
) -> None:
    """List and explain the rules; write, test and check rules of your own.

    \b
    Examples:
      retention rules
      retention rules --pack stick-around --format json
      retention rules --settings retention.toml --values
      retention rules explain quiet-client
      retention rules firing clients.jsonl --at 2026-06-30
    """
    choice = RuleChoice(settings_file, plugins, pack)
    ctx.obj = choice
    if ctx.invoked_subcommand is not None:
        return
    bound = [(choice.settings.bind(rule), rule.name in _enabled(choice)) for rule in choice.catalogue]
    if format_ == "json":
        listed = [_view(rule, enabled, choice.settings.source) for rule, enabled in bound]
        sys.stdout.buffer.write(as_json({"version": VERSION, "rules": listed}))
        return
    from ..formats.tables import print_table

    if values:
        found = [row for rule, enabled in bound if enabled for row in _values(rule, choice.settings.source)]
        print_table(sys.stdout, ("rule", "setting", "tier", "value", "from"), found)
        return
    columns = ("rule", "on", "status", "packs", "origin", "problem")
    rows = [_row(rule.rule, enabled) for rule, enabled in bound]
    telling = [place for place in range(len(columns)) if columns[place] not in _ALL_ALIKE or _differ(rows, place)]
    print_table(
        sys.stdout, tuple(columns[place] for place in telling), [tuple(row[place] for place in telling) for row in rows]
    )


_ALL_ALIKE = ("status", "origin")
"""Columns that are left out where they would say the same of all rules."""


def _differ(rows: list[tuple[str, ...]], place: int) -> bool:
    return len({row[place] for row in rows}) > 1


def _row(rule: Rule, enabled: bool) -> tuple[str, ...]:
    packs = ", ".join(rule.packs)
    return rule.name, "on" if enabled else "", rule.status, packs, rule.distribution or "built in", rule.about


def _enabled(choice: RuleChoice) -> set[str]:
    engine, of_book = choice.with_book_rules()
    return {rule.name for rule in (*engine.rules, *of_book)}


@rules.command()
@click.argument("name", metavar="RULE")
@click.option("--tier", default=STANDARD, show_default=True, help="Show the settings in force for this tier.")
@settings_option
@rules_option
@click.pass_obj
def explain(choice: RuleChoice, name: str, tier: str, settings_file: Path | None, plugins: tuple[str, ...]) -> None:
    """Explain a rule: the problem it finds, why that matters, examples, its settings and their values.

    \b
    Examples:
      retention rules explain quiet-client
      retention rules explain quiet-client --settings retention.toml --tier key
    """
    choice = attrs.evolve(
        choice, settings_file=settings_file or choice.settings_file, plugins=(*choice.plugins, *plugins)
    )
    for rule in choice.catalogue:
        if rule.name == name:
            click.echo(rule_page(choice.settings.bind(rule), tier, choice.settings.source))
            return
    hint = like_rule(name, [rule.name for rule in choice.catalogue])
    raise click.UsageError(f"rule {name!r}: no such rule{hint}")


rules.add_command(firing)
rules.add_command(check)
rules.add_command(new)
rules.add_command(test)


def _values(rule: BoundRule, file: str) -> Iterator[tuple[str, ...]]:
    """A row a setting, and one more for each tier for which it has another value."""
    for name in rule.rule.settings:
        usual = rule.settings(STANDARD)[name]
        yield rule.name, name, "", value_text(usual), source_text(rule, name, STANDARD, file)
        for tier in _tiers(rule):
            value = rule.settings(tier)[name]
            if value != usual:
                yield rule.name, name, tier, value_text(value), source_text(rule, name, tier, file)


def _tiers(rule: BoundRule) -> list[str]:
    return sorted({*rule.rule.tiers, *rule.tier_values} - {STANDARD})


def _view(bound: BoundRule, enabled: bool, file: str) -> dict[str, Any]:
    rule = bound.rule
    return {
        "name": rule.name,
        "scope": rule.scope,
        "packs": list(rule.packs),
        "enabled": enabled,
        "status": rule.status,
        "origin": origin_of(rule),
        "module": rule.origin,
        "about": rule.about,
        "dimension": rule.dimension,
        "settled_by": rule.settled_by,
        "settings": {
            key: {
                "value": value_text(bound.settings(STANDARD)[key]),
                "source": source_text(bound, key, STANDARD, file),
                "default": value_text(setting.default),
                "tiers": {
                    tier: value_text(bound.settings(tier)[key])
                    for tier in _tiers(bound)
                    if bound.settings(tier)[key] != bound.settings(STANDARD)[key]
                },
                "tier_sources": {
                    tier: source_text(bound, key, tier, file)
                    for tier in _tiers(bound)
                    if bound.settings(tier)[key] != bound.settings(STANDARD)[key]
                },
                "about": setting.about,
            }
            for key, setting in rule.settings.items()
        },
    }
