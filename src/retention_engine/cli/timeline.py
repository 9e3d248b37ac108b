"""`retention timeline`: every past status of a client, or of the whole book over time."""

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import click

from ..client import Client
from ..engine import Engine
from ..events import Event
from ..findings import Health
from ..formats.timelines import book_view, text, view
from ..formats.verdicts import as_json, failure_view
from ..formats.words import day
from ..stating import RuleFailure
from ..timelines import Timeline, count_by_status
from ..timelines import timeline as timeline_of
from .exits import RULE_FAILED
from .options import (
    DurationParam,
    InstantParam,
    RuleChoice,
    format_option,
    log_argument,
    moment_options,
    now,
    rule_options,
)
from .reading import histories
from .replay import report_failures


@click.command(short_help="Show past statuses over time.")
@log_argument
@click.argument("client", required=False, metavar="[CLIENT]")
@moment_options
@click.option(
    "--from", "start", type=InstantParam(), metavar="INSTANT", help="Leave out what was over by then.  [default: all]"
)
@click.option(
    "--every",
    type=DurationParam(),
    metavar="DURATION",
    default="30d",
    show_default=True,
    help="For the whole book: count the clients at each level so often.",
)
@rule_options
@format_option
@click.pass_context
def timeline(
    ctx: click.Context,
    log: str,
    client: str | None,
    at: datetime | None,
    known_at: datetime | None,
    start: datetime | None,
    every: timedelta,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Show every past status of a client, exact to the instant, with the rules and events behind each change.

    Without a client, the whole book: how many clients were at each level over time.

    \b
    Examples:
      retention timeline clients.jsonl acme --at 2026-06-30
      retention timeline clients.jsonl --from 2026-01-01 --at 2026-06-30 --every 7d
    """
    engine = choice.engine()
    moment = at or now()
    if start is not None and start > moment:
        raise click.BadParameter(f"{day(start)} lies after {day(moment)}", param_hint="--from")
    pairs = histories(log, choice.kinds, () if client is None else (client,))
    found = _timelines(pairs, engine, moment, known_at)
    failures: list[RuleFailure] = []
    if client is None:
        _book(list(found), start, moment, every, format_, failures)
    else:
        _client(next(found, None), client, start, moment, format_, failures)
    report_failures(failures)
    if failures:
        ctx.exit(RULE_FAILED)


def _timelines(
    pairs: Iterable[tuple[str, list[Event]]], engine: Engine, at: datetime, known_at: datetime | None
) -> Iterator[Timeline]:
    for name, events in pairs:
        known = Client.from_events(name, events, as_of=at, as_at=known_at)
        if known:
            yield timeline_of(engine, known, until=at)


def _client(
    found: Timeline | None,
    client: str,
    start: datetime | None,
    at: datetime,
    format_: str,
    failures: list[RuleFailure],
) -> None:
    if found is None:
        raise click.UsageError(f"nothing is known of {client!r} as of {day(at)}")
    failures += found.failures
    if format_ == "json":
        document = {**view(found, start), "failures": [failure_view(failure) for failure in failures]}
        sys.stdout.buffer.write(as_json(document))
    else:
        click.echo(text(found, start))


def _book(
    found: list[Timeline],
    start: datetime | None,
    at: datetime,
    every: timedelta,
    format_: str,
    failures: list[RuleFailure],
) -> None:
    failures += (failure for one in found for failure in one.failures)
    first = start or min((one.spells[0].starts for one in found), default=at)
    moments = _moments(first, at, every)
    counts = count_by_status(found, moments)
    if format_ == "json":
        document = {**book_view(at, moments, counts), "failures": [failure_view(failure) for failure in failures]}
        sys.stdout.buffer.write(as_json(document))
        return
    from ..formats.tables import print_table

    rows = [
        (day(moment), *(f"{count[level]:,}" for level in Health), f"{sum(count.values()):,}")
        for moment, count in zip(moments, counts, strict=True)
    ]
    print_table(sys.stdout, ("at", *map(str, Health), "clients"), rows)


MOST_ROWS = 10_000


def _moments(first: datetime, last: datetime, every: timedelta) -> list[datetime]:
    """The last moment and those that lie whole steps before it, from the first on."""
    if every <= timedelta(0):
        raise click.BadParameter("must be longer than nothing", param_hint="--every")
    steps = (last - first) // every
    if steps >= MOST_ROWS:
        raise click.BadParameter(f"gives {steps + 1:,} rows; at most {MOST_ROWS:,} are counted", param_hint="--every")
    return [last - every * step for step in range(steps, -1, -1)]
