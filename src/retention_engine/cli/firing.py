"""`retention rules firing`: how often each rule finds something in a log."""

import sys
from datetime import datetime

import click

from ..book import replay
from ..firing import Firing, firings
from ..formats.verdicts import VERSION, as_json
from ..formats.words import counted, day
from ..moments import instant_text
from ..stating import RuleFailure
from .exits import RULE_FAILED
from .options import RuleChoice, format_option, log_argument, moment_options, now, rule_options
from .reading import histories
from .replay import noting, report_failures

NEARLY_ALWAYS = 0.9


@click.command(short_help="Show how often each rule finds something.")
@log_argument
@moment_options
@rule_options
@format_option
@click.pass_context
def firing(
    ctx: click.Context,
    log: str,
    at: datetime | None,
    known_at: datetime | None,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Show how often each rule finds something in a log: the share of clients with a concern or a due action of it.

    A rule that fires for nearly all of your clients, or for none, tells nobody anything: its setting may not suit you, or
    the log may lack the events that it reads.

    \b
    Examples:
      retention rules firing clients.jsonl --at 2026-06-30
      retention rules firing clients.jsonl --pack stick-around --format json
    """
    engine = choice.engine()
    moment = at or now()
    failures: list[RuleFailure] = []
    found = firings(
        noting(failures, replay(histories(log, choice.kinds), engine, at=moment, known_at=known_at)), engine.rules
    )
    if format_ == "json":
        document = {"version": VERSION, "at": instant_text(moment), "rules": [_view(one) for one in found]}
        sys.stdout.buffer.write(as_json(document))
    else:
        _print(found, moment)
    report_failures(failures)
    if failures:
        ctx.exit(RULE_FAILED)


def _view(found: Firing) -> dict[str, object]:
    return {
        "rule": found.rule.name,
        "clients": found.assessed,
        "fires": found.fires,
        "concerned": found.concerned,
        "due": found.due,
        "failed": found.failed,
    }


def _print(found: list[Firing], at: datetime) -> None:
    from ..formats.tables import print_table

    clients = found[0].assessed if found else 0
    click.echo(f"{counted(len(found), 'rule')} over {clients:,} clients as of {day(at)}\n")
    rows = [
        (one.rule.name, f"{one.fires:,}", f"{one.share:.1%}", f"{one.concerned:,}", f"{one.due:,}", _remark(one))
        for one in found
    ]
    print_table(sys.stdout, ("rule", "clients", "share", "with a concern", "with a due action", ""), rows)


def _remark(found: Firing) -> str:
    if not found.fires:
        return "never"
    return "nearly always" if found.share > NEARLY_ALWAYS else ""
