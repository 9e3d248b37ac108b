"""`retention rules check`: is a rule sound?"""

import os
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..declare import Rule
from ..events import Event
from ..formats.verdicts import VERSION, as_json
from ..formats.words import counted, printable
from ..kinds import KINDS
from ..plugins import Plugins, configure
from ..settings import FILE_NAME
from ..settings_tables import like_rule
from .exits import RULE_FAILED
from .options import DurationParam, RuleChoice, report_plugins, rules_option, settings_option, table_option
from .reading import histories

if TYPE_CHECKING:
    from ..checking.check import Checked


@click.command(short_help="Check rules: their source, their examples, and what they say over a log.")
@click.argument("names", metavar="[RULE]...", nargs=-1)
@settings_option
@rules_option
@click.option("--built-in", is_flag=True, help="Check the built-in rules, too.")
@click.option("--log", metavar="LOG", help="The log to try them on.  [default: one that is made up]")
@click.option(
    "--patience",
    type=DurationParam(),
    metavar="DURATION",
    default="60 seconds",
    show_default=True,
    help="How long a rule may take over the log; one that takes longer is stopped, and the others go on.",
)
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@table_option
@click.pass_context
def check(
    ctx: click.Context,
    names: tuple[str, ...],
    settings_file: Path | None,
    plugins: tuple[str, ...],
    built_in: bool,
    log: str | None,
    patience: timedelta,
    strict: bool,
    format_: str,
) -> None:
    """Check whether rules are sound: those of the plug-ins in use, or those named.

    It reads their source, tries the examples of their docstrings, and runs them over a log in processes of their own:
    twice, under another hash seed, in another time zone and in another order, with everything forbidden that is not in
    a client's history. It tells of rules that read the clock, draw by chance, reach for the environment, files, the
    network or other processes, print, keep state, change the history, fail, never end, say now this and now that,
    never or always fire, or take long, and of what their docstrings leave unsaid.

    Exit codes: 0 nothing is wrong, warnings aside; 2 usage or settings; 4 an error was found, or a plug-in could not be
    loaded.

    \b
    Examples:
      retention rules check --rules ./acme.py
      retention rules check acme/slow-payer --rules ./acme.py --log clients.jsonl
      retention rules check --rules ./acme.py --strict --format json
      retention rules check quiet-client
    """
    if not patience:
        raise click.BadParameter("a rule needs some time", param_hint="--patience")
    choice: RuleChoice = ctx.obj
    file = settings_file or choice.settings_file or (Path(FILE_NAME) if Path(FILE_NAME).is_file() else None)
    named = (*choice.plugins, *plugins)
    _, loaded = configure(file, plugins=named, named_by="--rules")
    report_plugins(loaded)
    rules = _chosen(loaded, names, built_in)

    from ..checking.check import Check
    from ..checking.check import check as checked_on

    found = checked_on(
        rules,
        Check(
            settings_file=file,
            plugins=named,
            without=_missing(loaded),
            kinds=loaded.kinds,
            environment=os.environ,
            log=None if log is None else _read(log, loaded),
            patience=patience,
        ),
    )
    for kind, reason in found.missing.items():
        click.echo(
            f"Warning: the log that was made up has no {kind} ({printable(reason)}); try one of yours, --log LOG",
            err=True,
        )
    if format_ == "json":
        sys.stdout.buffer.write(as_json(_document(found, loaded)))
    else:
        _print(found, len({failure.plugin for failure in loaded.failures}))
    if loaded.failures or any(rule.errors or (strict and rule.warnings) for rule in found.rules):
        ctx.exit(RULE_FAILED)


def _chosen(plugins: Plugins, names: Sequence[str], built_in: bool) -> list[Rule]:
    """The rules to check: those named, else those of plug-ins; rules that could not be loaded are told of elsewhere."""
    stand_ins = {failure.rule for failure in plugins.failures}
    rules = {rule.name: rule for rule in plugins.catalogue if rule.name not in stand_ins}
    for name in names:
        if name not in rules:
            raise click.UsageError(f"rule {name!r}: no such rule{like_rule(name, rules)}")
    chosen = [
        rule
        for rule in rules.values()
        if rule.name in names or (built_in and not rule.distribution) or (not names and rule.distribution)
    ]
    if not chosen and not stand_ins:
        used = len(plugins.kinds) > len(KINDS) or plugins.packs
        there = "the plug-ins in use bring no rule" if used else "there is no rule of a plug-in to check"
        raise click.UsageError(
            f"{there}; name a plug-in by --rules ./acme.py, or a built-in rule, or take all of these by --built-in"
        )
    return chosen


def _missing(plugins: Plugins) -> list[str]:
    """The plug-ins of which no rule could be loaded; there is no use in trying that again in other processes."""
    stand_ins = {failure.rule for failure in plugins.failures}
    loaded = {rule.name.partition("/")[0] for rule in plugins.rules if rule.name not in stand_ins}
    return sorted({failure.plugin for failure in plugins.failures} - loaded)


def _read(log: str, plugins: Plugins) -> list[tuple[str, list[Event]]]:
    found = list(histories(log, plugins.kinds))
    if not found:
        raise click.UsageError(f"{log} tells of no client; name another log, or none for one that is made up")
    return found


def _document(found: "Checked", plugins: Plugins) -> dict[str, Any]:
    return {
        "version": VERSION,
        "clients": found.clients,
        "made_up": found.made_up,
        "rules": [
            {
                "rule": rule.rule,
                "distribution": rule.distribution,
                "stated_for": rule.stated_for,
                "slowness": None if rule.slowness is None else round(rule.slowness, 1),
                "findings": [
                    {
                        "check": flaw.check,
                        "severity": flaw.severity,
                        "message": flaw.message,
                        "remedy": flaw.remedy,
                        "file": None if flaw.file is None else _path(flaw.file),
                        "line": flaw.line,
                    }
                    for flaw in rule.flaws
                ],
            }
            for rule in found.rules
        ],
        "failures": [
            {"plugin": failure.plugin, "origin": failure.origin, "message": str(failure)}
            for failure in plugins.failures
        ],
    }


def _print(found: "Checked", lost: int) -> None:
    from ..formats.tables import print_table

    rows = [
        (
            rule.rule,
            rule.distribution or "built in",
            "" if rule.stated_for is None else f"{rule.stated_for:,}",
            _flaws(rule.errors, rule.warnings) or "nothing",
        )
        for rule in found.rules
    ]
    print_table(sys.stdout, ("rule", "from", "states something of", "wrong with it"), rows)
    for line in _lines(found):
        click.echo(printable(line))
    if any(rule.flaws for rule in found.rules):
        click.echo()
    errors, warnings = sum(rule.errors for rule in found.rules), sum(rule.warnings for rule in found.rules)
    log = "a log that was made up" if found.made_up else "the log"
    wrong = [_flaws(errors, warnings)] if errors or warnings else []
    if lost:
        wrong.append(f"{counted(lost, 'plug-in')} could not be loaded")
    rules, clients = counted(len(found.rules), "rule"), counted(found.clients, "client")
    click.echo(f"{rules} checked over {log}, with {clients}: {', '.join(wrong) or 'nothing is wrong'}")


def _lines(found: "Checked") -> Iterator[str]:
    """What is wrong, a line each, beginning with its place as editors follow it."""
    for rule in found.rules:
        for flaw in rule.flaws:
            place = "" if flaw.file is None else f"{_path(flaw.file)}{'' if flaw.line is None else f':{flaw.line}'}: "
            said = f"{flaw.message}; {flaw.remedy}"
            yield f"{place}{flaw.severity}: {rule.rule} ({rule.distribution or 'built in'}): {said} [{flaw.check}]"


def _flaws(errors: int, warnings: int) -> str:
    counts = ((errors, "error"), (warnings, "warning"))
    return ", ".join(counted(count, word) for count, word in counts if count)


def _path(file: str) -> str:
    """A file's name from the current folder, where it lies in that."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
