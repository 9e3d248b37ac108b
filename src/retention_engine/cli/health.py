"""`retention health`: every client's health by dimension, with a score that can be read item by item."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from ..book import replay as replay_book
from ..engine import Assessment, Engine
from ..findings import Health
from ..formats.scorecards import breakdown, health_csv, health_document
from ..formats.verdicts import as_json, as_jsonl
from ..formats.words import day
from ..scoring import DIMENSIONS, Scorecard, Weights, scorecard
from ..stating import RuleFailure
from .exits import RULE_FAILED
from .options import RuleChoice, limit_option, log_argument, moment_options, now, rule_options
from .reading import histories
from .replay import noting, report_failures, summary

COLUMNS = ("client", "status", "score", *DIMENSIONS, "largest deduction")

_WRITERS: dict[str, Callable[[dict[str, Any]], Iterable[bytes]]] = {
    "json": lambda document: [as_json(document)],
    "jsonl": as_jsonl,
    "csv": health_csv,
}


@click.command(short_help="Show health by dimension, and a score.")
@log_argument
@moment_options
@click.option(
    "--client", "clients", multiple=True, metavar="CLIENT", help="This client alone, in full; repeat for several."
)
@rule_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="How the results are printed; for clients that are named, the table is a text.",
)
@limit_option("Rows of the table; 0 for all.")
@click.pass_context
def health(
    ctx: click.Context,
    log: str,
    at: datetime | None,
    known_at: datetime | None,
    clients: tuple[str, ...],
    choice: RuleChoice,
    format_: str,
    limit: int,
) -> None:
    """Show each client's health by dimension, and a score with all that it is made of.

    The score is 100 minus a weight for each concern in force and for each overdue action. It is by the rules alone; what
    a person judged is shown beside it. The weights are in the table [score] of the settings file.

    \b
    Examples:
      retention health clients.jsonl --at 2026-06-30
      retention health clients.jsonl --at 2026-06-30 --client acme
      retention health clients.jsonl --at 2026-06-30 --format csv
    """
    engine, moment = choice.engine(), at or now()
    failures: list[RuleFailure] = []
    assessments = noting(
        failures, replay_book(histories(log, choice.kinds, clients), engine, at=moment, known_at=known_at)
    )
    cards = _with_cards(assessments, engine, choice.settings.score)
    if format_ == "table" and clients:
        _print_in_full(list(cards), moment)
    elif format_ == "table":
        _print_table(cards, moment, limit)
    else:
        document = health_document(cards, at=moment, known_at=known_at)
        sys.stdout.buffer.writelines(_WRITERS[format_](document))
    report_failures(failures)
    if failures:
        ctx.exit(RULE_FAILED)


def _with_cards(
    assessments: Iterable[Assessment], engine: Engine, weights: Weights
) -> Iterator[tuple[Assessment, Scorecard]]:
    for found in assessments:
        yield found, scorecard(found.client, found.schedule, at=found.at, rules=engine.rules, weights=weights)


def _print_in_full(cards: Sequence[tuple[Assessment, Scorecard]], at: datetime) -> None:
    click.echo(summary((assessment.status for assessment, _ in cards), at))
    for assessment, card in cards:
        click.echo(f"\n{breakdown(assessment, card)}")


def _print_table(cards: Iterable[tuple[Assessment, Scorecard]], at: datetime, limit: int) -> None:
    from ..formats.tables import print_table

    found = [(_urgency(assessment), assessment.status, _row(assessment, card)) for assessment, card in cards]
    click.echo(summary((status for _, status, _ in found), at))
    worst_first = [row for _, _, row in sorted(found)]
    shown = worst_first[:limit] if limit else worst_first
    if shown:
        click.echo()
        print_table(sys.stdout, COLUMNS, shown)
    if len(shown) < len(found):
        click.echo(f"\n{len(shown)} of {len(found):,} clients shown; --limit 0 shows all, --client NAME one in full.")


def _urgency(assessment: Assessment) -> tuple[bool, int, datetime, str]:
    """The order of `retention replay`: worst first, the longest first among equals, those who have left last."""
    status, client = assessment.status, assessment.client
    since = assessment.concerns[0].starts if assessment.concerns else client.since
    return status is Health.LEFT, -status, since, client.id


def _row(assessment: Assessment, card: Scorecard) -> tuple[str, ...]:
    score = f"{card.score.value}{' (incomplete)' if card.score.incomplete else ''}"
    dimensions = (str(card.dimensions[dimension].status) for dimension in DIMENSIONS)
    return (assessment.client.id, str(assessment.status), score, *dimensions, _why(assessment, card))


def _why(assessment: Assessment, card: Scorecard) -> str:
    """The largest deduction, after what a person said of the client."""
    said = []
    if verdict := assessment.judgement:
        until = f" until {day(verdict.until)}" if verdict.until else ""
        said.append(f"judged{until}: {verdict.reason}")
    if card.score.deductions:
        largest = card.score.deductions[0]
        said.append(f"-{largest.points} {largest.what}: {largest.message}")
    return " ".join(said)
