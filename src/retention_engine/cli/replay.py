"""`retention replay`: every client's health and next actions at a moment."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from ..book import replay as replay_book
from ..engine import Assessment, RuleFailure
from ..findings import Health
from ..formats.verdicts import as_csv, as_json, as_jsonl, replay_document
from ..formats.words import day, printable
from .exits import FAIL_ON, RULE_FAILED
from .options import LevelParam, RuleChoice, ahead_option, log_argument, moment_options, now, rule_options
from .reading import histories


@click.command(short_help="Replay a log.")
@log_argument
@moment_options
@ahead_option
@click.option("--client", "clients", multiple=True, metavar="CLIENT", help="This client alone; repeat for several.")
@rule_options
@click.option(
    "--format", "format_", type=click.Choice(["table", "json", "jsonl", "csv"]), default="table", show_default=True
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=25, show_default=True, help="Rows of the table; 0 for all."
)
@click.option("--fail-on", type=LevelParam(), help="Exit with 1 if a client's status is LEVEL or worse.")
@click.pass_context
def replay(
    ctx: click.Context,
    log: str,
    at: datetime | None,
    known_at: datetime | None,
    ahead: timedelta,
    clients: tuple[str, ...],
    settings_file: Path | None,
    pack: tuple[str, ...],
    select: tuple[str, ...],
    format_: str,
    limit: int,
    fail_on: Health | None,
) -> None:
    """Replay a log: every client's health and next actions at a moment.

    LOG is a file of events, one JSON object a line, plain or gzipped, - for standard input, or a log's address such as
    sqlite:///clients.db. If a file has bad lines, all of them are listed and nothing is assessed.

    \b
    Examples:
      retention replay clients.jsonl --at 2026-06-30
      retention replay clients.jsonl --at 2026-06-30 --pack stick-around --format json
      retention replay clients.jsonl --fail-on at-risk
    """
    engine = RuleChoice(settings_file, pack, select).engine()
    moment = at or now()
    assessments = list(replay_book(histories(log, clients), engine, at=moment, known_at=known_at))
    if format_ == "table":
        _print_table(assessments, moment, ahead, limit)
    else:
        document = replay_document(assessments, at=moment, known_at=known_at, ahead=ahead)
        if format_ == "json":
            sys.stdout.buffer.write(as_json(document))
        else:
            sys.stdout.buffer.writelines(as_jsonl(document) if format_ == "jsonl" else as_csv(document))
    failures = [failure for assessment in assessments for failure in assessment.failures]
    report_failures(failures)
    if failures:
        ctx.exit(RULE_FAILED)
    if fail_on is not None and any(assessment.status >= fail_on for assessment in assessments):
        ctx.exit(FAIL_ON)


def report_failures(failures: Sequence[RuleFailure]) -> None:
    """Say on standard error which rules failed, a line a rule."""
    first: dict[str, RuleFailure] = {}
    for failure in failures:
        first.setdefault(failure.rule, failure)
    counts = Counter(failure.rule for failure in failures)
    for rule, failure in first.items():
        more = f" and {counts[rule] - 1:,} more" if counts[rule] > 1 else ""
        click.echo(
            f"Error: rule {rule} failed for {printable(failure.client)}{more}: {printable(failure.cause)}", err=True
        )


def _print_table(assessments: list[Assessment], at: datetime, ahead: timedelta, limit: int) -> None:
    from ..formats.tables import print_table

    counts = Counter(assessment.status for assessment in assessments)
    summary = ", ".join(f"{counts[level]:,} {level}" for level in sorted(counts, reverse=True))
    clients = "1 client" if len(assessments) == 1 else f"{len(assessments):,} clients"
    click.echo(f"{clients} as of {day(at)}" + (f": {summary}" if summary else ""))
    worst_first = sorted(assessments, key=lambda it: (it.status is Health.LEFT, -it.status, _since(it), it.client.id))
    shown = worst_first[:limit] if limit else worst_first
    if shown:
        click.echo()
        print_table(
            sys.stdout, ("client", "status", "since", "why", "next action", "due"), [_row(it, ahead) for it in shown]
        )
    if len(shown) < len(assessments):
        click.echo(f"\n{len(shown)} of {clients} shown; --limit 0 shows all, --client NAME one.")


def _since(assessment: Assessment) -> datetime:
    return assessment.concerns[0].starts if assessment.concerns else assessment.client.since


def _row(assessment: Assessment, ahead: timedelta) -> tuple[str, ...]:
    action = next(iter(assessment.due(ahead)), None)
    if verdict := assessment.judgement:
        since, why = day(verdict.at), f"judged: {verdict.reason}"
    elif assessment.concerns:
        since, why = day(assessment.concerns[0].starts), assessment.concerns[0].message or ""
    else:
        since, why = "", ""
    return (
        assessment.client.id,
        str(assessment.status),
        since,
        why,
        action.message if action else "",
        day(action.due) if action else "",
    )
