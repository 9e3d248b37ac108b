"""`retention backtest`: whom the rules would have warned of, and who was lost."""

import sys
from datetime import datetime, timedelta

import click

from ..backtests import EVERY, FEWEST, HORIZON
from ..backtests import backtest as hold_against
from ..findings import Health
from ..formats.backtests import backtest_document, backtest_table, write_backtest
from ..formats.truth import read_truth
from ..formats.verdicts import as_json
from ..moments import duration_text
from ..reality import GRACE
from .exits import RULE_FAILED
from .options import (
    DurationParam,
    InstantParam,
    LevelParam,
    RuleChoice,
    known_at_option,
    log_argument,
    rule_options,
)
from .reading import histories
from .replay import report_failures

OF_A_ROW = ("--from", "--to", "--every", "--horizon", "--grace")
"""What a truth file has its own answers to."""


@click.command(short_help="Hold rules against what happened.")
@log_argument
@click.option(
    "--truth",
    metavar="FILE",
    help="What became of clients after a moment, one JSON object a line; - for standard input.",
)
@click.option(
    "--from",
    "starts",
    type=InstantParam(),
    metavar="INSTANT",
    help="When the first prediction is made.  [default: with the first event]",
)
@click.option(
    "--to",
    "until",
    type=InstantParam(),
    metavar="INSTANT",
    help="Until when it is known what happened.  [default: the latest event]",
)
@click.option(
    "--every",
    type=DurationParam(),
    metavar="DURATION",
    help=f"How often a prediction is made.  [default: {duration_text(EVERY)}]",
)
@click.option(
    "--horizon",
    type=DurationParam(),
    metavar="DURATION",
    help=f"How far ahead it looks.  [default: {duration_text(HORIZON)}]",
)
@click.option(
    "--grace",
    type=DurationParam(),
    metavar="DURATION",
    help=f"How long after a term's end a renewal still counts.  [default: {duration_text(GRACE)}]",
)
@click.option(
    "--level", type=LevelParam(), default="watch", show_default=True, help="From which level on it is a warning."
)
@click.option(
    "--fewest",
    type=click.IntRange(min=1),
    default=FEWEST,
    metavar="N",
    show_default=True,
    help="Tell no rate on fewer losses, or on fewer clients retained.",
)
@click.option(
    "--ignore-recorded-at",
    is_flag=True,
    help="Take each event as recorded when it happened: for a log that was imported later.",
)
@known_at_option
@rule_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="How the results are printed.",
)
@click.pass_context
def backtest(
    ctx: click.Context,
    log: str,
    truth: str | None,
    starts: datetime | None,
    until: datetime | None,
    every: timedelta | None,
    horizon: timedelta | None,
    grace: timedelta | None,
    level: Health,
    fewest: int,
    ignore_recorded_at: bool,
    known_at: datetime | None,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Hold rules against what happened: whom would they have warned of, and who was lost?

    The log is replayed at past moments, each time with only what was recorded by then. Lost is who left, or did not renew,
    within the horizon; with --truth, whom that file says so. Each rule's warnings are counted beside those of plain
    recency, the mere days of silence. On too few outcomes no rate is told.

    \b
    Examples:
      retention backtest clients.jsonl
      retention backtest clients.jsonl --from 2025-01-01 --to 2026-07-01 --horizon 60d --level at-risk
      retention backtest clients.jsonl --pack stick-around --format csv
    """
    if truth is not None:
        for name, value in zip(OF_A_ROW, (starts, until, every, horizon, grace), strict=True):
            if value is not None:
                raise click.UsageError(f"{name} can't be given with --truth, which has its own moments and outcomes")
        if truth == log == "-":
            raise click.UsageError("the log and the truth can't both be standard input")
    engine = choice.engine()
    found = hold_against(
        histories(log, choice.kinds),
        engine,
        truth=None if truth is None else read_truth(truth),
        starts=starts,
        until=until,
        every=EVERY if every is None else every,
        horizon=HORIZON if horizon is None else horizon,
        grace=GRACE if grace is None else grace,
        level=level,
        fewest=fewest,
        ignore_recorded_at=ignore_recorded_at,
        known_at=known_at,
    )
    if format_ == "text":
        write_backtest(found, sys.stdout)
    elif format_ == "json":
        sys.stdout.buffer.write(as_json(backtest_document(found)))
    else:
        sys.stdout.buffer.writelines(backtest_table(found))
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)
