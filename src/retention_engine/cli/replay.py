"""`retention replay`: every client's health and next actions at a moment."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..book import replay as replay_book
from ..engine import Assessment
from ..findings import Health
from ..formats.lines import STANDARD_INPUT
from ..formats.verdicts import Seen, as_csv, as_json, as_jsonl, document_of, seen
from ..formats.words import counted, day, printable
from ..log.address import is_address
from ..moments import instant
from ..stating import RuleFailure
from .exits import FAIL_ON, RULE_FAILED, not_loaded
from .options import LevelParam, RuleChoice, ahead_option, limit_option, log_argument, moment_options, now, rule_options
from .reading import histories

View = dict[str, Any]
"""A client's verdict as plain values."""


@click.command(short_help="Replay a log.")
@log_argument
@moment_options
@ahead_option
@click.option("--client", "clients", multiple=True, metavar="CLIENT", help="This client alone; repeat for several.")
@rule_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="How the results are printed.",
)
@limit_option("Rows of the table; 0 for all.")
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=1,
    metavar="N",
    show_default=True,
    help="How many processes share the clients; 0 for as many as there are cores. A pipe is read by one.",
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
    choice: RuleChoice,
    format_: str,
    limit: int,
    jobs: int,
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
    engine = choice.engine()
    moment = at or now()
    read = partial(seen, ahead=ahead)
    found = None if jobs == 1 or clients else _by_several(jobs, log, choice, read, moment, known_at)
    if found is None:
        found = map(read, replay_book(histories(log, choice.kinds, clients), engine, at=moment, known_at=known_at))
    failures: list[RuleFailure] = []
    document = document_of(_noting_failures(failures, found), at=moment, known_at=known_at)
    if format_ == "table":
        _print_table(document["clients"], moment, limit)
    elif format_ == "json":
        sys.stdout.buffer.write(as_json(document))
    else:
        sys.stdout.buffer.writelines(as_jsonl(document) if format_ == "jsonl" else as_csv(document))
    report_failures(failures)
    if failures:
        ctx.exit(RULE_FAILED)
    if fail_on is not None and any(Health.named(view["status"]) >= fail_on for view in document["clients"]):
        ctx.exit(FAIL_ON)


def _by_several(
    jobs: int,
    log: str,
    choice: RuleChoice,
    read: Callable[[Assessment], Seen],
    at: datetime,
    known_at: datetime | None,
) -> Iterable[Seen] | None:
    """What several processes see of the clients; `None` where one is to read the log, to say what is wrong with it.

    What can be read only once, such as a pipe, is for one process from the beginning.
    """
    from ..parallel import ReplayWork, replay_file, replay_log

    task = ReplayWork(choice.recipe(), read, at, known_at)
    if is_address(log):
        return replay_log(log, task, jobs=jobs)
    return replay_file(log, task, jobs=jobs) if log != STANDARD_INPUT and Path(log).is_file() else None


def _noting_failures(failures: list[RuleFailure], found: Iterable[Seen]) -> Iterator[Seen]:
    for view, failed in found:
        failures += failed
        yield view, failed


def noting(failures: list[RuleFailure], assessments: Iterable[Assessment]) -> Iterator[Assessment]:
    """The assessments one by one, so that one client's events are in memory at a time; failures are noted."""
    for assessment in assessments:
        failures += assessment.failures
        yield assessment


def report_failures(failures: Sequence[RuleFailure]) -> None:
    """Say on standard error which rules failed, a line a rule."""
    first: dict[str, RuleFailure] = {}
    for failure in failures:
        first.setdefault(failure.rule, failure)
    counts = Counter(failure.rule for failure in failures)
    told = not_loaded(click.get_current_context())
    for rule, failure in first.items():
        if rule in told:
            continue
        more = f" and {counts[rule] - 1:,} more" if counts[rule] > 1 else ""
        whom = printable(failure.client) or "the whole book"
        origin = f" ({printable(failure.distribution)})" if failure.distribution else ""
        click.echo(f"Error: rule {rule}{origin} failed for {whom}{more}: {printable(failure.cause)}", err=True)
        if failure.distribution:
            click.echo(f'Correct it, or turn it off in the settings: [rules."{rule}"] enabled = false', err=True)


def summary(statuses: Iterable[Health], at: datetime) -> str:
    """How many clients there are, and how many at each level."""
    counts = Counter(statuses)
    levels = ", ".join(f"{counts[level]:,} {level}" for level in sorted(counts, reverse=True))
    return f"{counted(counts.total(), 'client')} as of {day(at)}" + (f": {levels}" if levels else "")


def _print_table(clients: list[View], at: datetime, limit: int) -> None:
    from ..formats.tables import print_table

    click.echo(summary((Health.named(client["status"]) for client in clients), at))
    worst_first = sorted(clients, key=_urgency)
    shown = worst_first[:limit] if limit else worst_first
    if shown:
        click.echo()
        print_table(sys.stdout, ("client", "status", "since", "why", "next action", "due"), map(_row, shown))
    if len(shown) < len(clients):
        click.echo(f"\n{len(shown)} of {len(clients):,} clients shown; --limit 0 shows all, --client NAME one.")


def _urgency(client: View) -> tuple[bool, int, str, str]:
    """Worst first, the longest first among equals; those who have left come last, since nothing is to be done."""
    level = Health.named(client["status"])
    since: str = client["concerns"][0]["starts"] if client["concerns"] else client["since"]
    return level is Health.LEFT, -level, since, client["client"]


def _row(client: View) -> tuple[str, ...]:
    since = why = ""
    if "judged" in client:
        since, why = _day(client["judged"]["starts"]), f"judged: {client['judged']['reason']}"
    elif client["concerns"]:
        since, why = _day(client["concerns"][0]["starts"]), client["concerns"][0]["message"]
    action = _most_pressing(client)
    todo = (action["message"], _day(action["due"])) if action else ("", "")
    return (client["client"], client["status"], since, why, *todo)


def _most_pressing(client: View) -> View | None:
    """The action of the worst concern that has one, else the one that is due first."""
    actions: list[View] = client["actions"]
    by_finding = {(action["rule"], action["about"]): action for action in reversed(actions)}
    for concern in client["concerns"]:
        if action := by_finding.get((concern["rule"], concern["about"])):
            return action
    return next(iter(actions), None)


def _day(text: str) -> str:
    return day(instant(text))
