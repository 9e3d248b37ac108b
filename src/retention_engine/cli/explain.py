"""`retention explain`: one client's story in words."""

import sys
from datetime import datetime, timedelta

import click

from ..book import replay as replay_book
from ..engine import Assessment
from ..formats.renewal_story import renewal, renewal_view
from ..formats.scorecards import score_view
from ..formats.story import story
from ..formats.verdicts import VERSION, as_json, change_view, client_view, failure_view
from ..formats.words import day
from ..moments import instant_text
from ..scoring import Scorecard, scorecard
from .exits import RULE_FAILED
from .options import RuleChoice, ahead_option, format_option, log_argument, moment_options, now, rule_options
from .reading import histories
from .replay import report_failures


@click.command(short_help="Tell one client's story.")
@log_argument
@click.argument("client", metavar="CLIENT")
@moment_options
@ahead_option
@rule_options
@format_option
@click.pass_context
def explain(
    ctx: click.Context,
    log: str,
    client: str,
    at: datetime | None,
    known_at: datetime | None,
    ahead: timedelta,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Tell one client's story: status, why, since when, what to do, what comes next.

    \b
    Examples:
      retention explain clients.jsonl acme --at 2026-06-30
      retention explain clients.jsonl acme --pack stick-around --format json
    """
    engine = choice.engine()
    moment = at or now()
    found = next(replay_book(histories(log, choice.kinds, (client,)), engine, at=moment, known_at=known_at), None)
    if found is None:
        known = f", as known on {day(known_at)}" if known_at else ""
        raise click.UsageError(f"nothing is known of {client!r} as of {day(moment)}{known}")
    card = scorecard(found.client, found.schedule, at=moment, rules=engine.rules, weights=choice.settings.score)
    if format_ == "json":
        sys.stdout.buffer.write(as_json(_document(found, ahead, card)))
    else:
        click.echo(story(found, ahead, card))
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)


def _document(assessment: Assessment, ahead: timedelta, card: Scorecard) -> dict[str, object]:
    return {
        "version": VERSION,
        "at": instant_text(assessment.at),
        **client_view(assessment, ahead),
        **score_view(card),
        "renewal": renewal_view(renewal(assessment.client, assessment.at)),
        "changes": [change_view(change) for change in assessment.schedule.changes(assessment.at)],
        "failures": [failure_view(failure) for failure in assessment.failures],
    }
