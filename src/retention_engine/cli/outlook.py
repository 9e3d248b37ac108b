"""`retention outlook`: who changes status when if nothing happens, and what prevents it by when."""

import sys
from datetime import datetime, timedelta

import click

from ..book import replay as replay_book
from ..findings import Health
from ..formats.outlook import outlook_csv, outlook_document, print_outlook
from ..formats.verdicts import as_json
from ..moments import LONGEST
from ..outlook import outlook_of
from .exits import FAIL_ON, RULE_FAILED
from .options import LevelParam, RuleChoice, limit_option, log_argument, moment_options, now, rule_options
from .reading import histories
from .replay import report_failures


@click.command(short_help="Show who changes status when.")
@log_argument
@moment_options
@click.option(
    "--days",
    type=click.IntRange(min=0, max=LONGEST.days),
    default=30,
    metavar="N",
    show_default=True,
    help="How many days to look ahead.",
)
@click.option("--client", "clients", multiple=True, metavar="CLIENT", help="This client alone; repeat for several.")
@rule_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="How the results are printed.",
)
@limit_option("Changes in the text; 0 for all.")
@click.option(
    "--fail-on", type=LevelParam(), help="Exit with 1 if a client becomes worse, and LEVEL or worse than that."
)
@click.pass_context
def outlook(
    ctx: click.Context,
    log: str,
    at: datetime | None,
    known_at: datetime | None,
    days: int,
    clients: tuple[str, ...],
    choice: RuleChoice,
    format_: str,
    limit: int,
    fail_on: Health | None,
) -> None:
    """Show who changes status when if nothing happens, by which rule, and what prevents it by when.

    Each change is exact to the instant, with the events that it rests on. For a change for the worse, the open action of
    the same rule that is due before says what to do by when; where the rule has none, the concern itself says what to
    deal with. Below the changes stands how many clients have which status at the start and at the end.

    \b
    Examples:
      retention outlook clients.jsonl --at 2026-06-30
      retention outlook clients.jsonl --at 2026-06-30 --days 90 --client acme
      retention outlook sqlite:///clients.db --format csv
    """
    engine = choice.engine()
    moment = at or now()
    assessments = replay_book(histories(log, choice.kinds, clients), engine, at=moment, known_at=known_at)
    found = outlook_of(assessments, at=moment, ahead=timedelta(days=days))
    if format_ == "text":
        print_outlook(sys.stdout, found, limit=limit)
    else:
        document = outlook_document(found, known_at=known_at)
        sys.stdout.buffer.writelines([as_json(document)] if format_ == "json" else outlook_csv(document))
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)
    if fail_on is not None and any(change.is_worse and change.after >= fail_on for change in found.changes):
        ctx.exit(FAIL_ON)
