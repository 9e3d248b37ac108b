"""`retention rules`: what rules there are, and what each is about."""

import sys
from pathlib import Path
from typing import Any

import attrs
import click

from ..declare import Rule
from ..errors import did_you_mean
from ..formats.rule_page import rule_page
from ..formats.verdicts import VERSION, as_json
from ..settings import CATALOGUE, Settings, value_text
from .firing import firing
from .options import RuleChoice, settings_option


@click.group(invoke_without_command=True, short_help="List the rules, or explain one.")
@settings_option
@click.option("--pack", multiple=True, metavar="PACK", help="Turn a pack of rules on, besides those of the settings.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How the results are printed.",
)
@click.pass_context
def rules(ctx: click.Context, settings_file: Path | None, pack: tuple[str, ...], format_: str) -> None:
    """List the rules, explain one, or count how often each finds something.

    \b
    Examples:
      retention rules
      retention rules --pack stick-around --format json
      retention rules explain quiet-client
      retention rules firing clients.jsonl --at 2026-06-30
    """
    choice = RuleChoice(settings_file, pack, ())
    ctx.obj = choice
    if ctx.invoked_subcommand is not None:
        return
    settings = choice.settings()
    on = {rule.name for rule in (*settings.choose(packs=pack), *settings.choose_book(packs=pack))}
    if format_ == "json":
        listed = [_view(rule, settings, rule.name in on) for rule in CATALOGUE]
        sys.stdout.buffer.write(as_json({"version": VERSION, "rules": listed}))
        return
    from ..formats.tables import print_table

    rows = [(rule.name, "on" if rule.name in on else "", ", ".join(rule.packs), rule.about) for rule in CATALOGUE]
    print_table(sys.stdout, ("rule", "on", "packs", "problem"), rows)


@rules.command()
@click.argument("name", metavar="RULE")
@click.option("--tier", default="standard", show_default=True, help="Show the settings in force for this tier.")
@settings_option
@click.pass_obj
def explain(choice: RuleChoice, name: str, tier: str, settings_file: Path | None) -> None:
    """Explain a rule: the problem it finds, why that matters, examples, its settings and their values.

    \b
    Examples:
      retention rules explain quiet-client
      retention rules explain quiet-client --settings retention.toml --tier key
    """
    if settings_file is not None:
        choice = attrs.evolve(choice, settings_file=settings_file)
    for rule in CATALOGUE:
        if rule.name == name:
            click.echo(rule_page(rule, choice.settings().bind(rule).settings(tier), tier))
            return
    hint = did_you_mean(name, (rule.name for rule in CATALOGUE))
    raise click.UsageError(f"rule {name!r}: no such rule{hint}")


rules.add_command(firing)


def _view(rule: Rule, settings: Settings, enabled: bool) -> dict[str, Any]:
    bound = settings.bind(rule)
    tiers = sorted({*rule.tiers, *bound.tier_values})
    return {
        "name": rule.name,
        "scope": rule.scope,
        "packs": list(rule.packs),
        "enabled": enabled,
        "origin": rule.origin,
        "about": rule.about,
        "dimension": rule.dimension,
        "settled_by": rule.settled_by,
        "settings": {
            key: {
                "value": value_text(bound.settings("standard")[key]),
                "default": value_text(setting.default),
                "tiers": {
                    tier: value_text(bound.settings(tier)[key])
                    for tier in tiers
                    if bound.settings(tier)[key] != bound.settings("standard")[key]
                },
                "about": setting.about,
            }
            for key, setting in rule.settings.items()
        },
    }
