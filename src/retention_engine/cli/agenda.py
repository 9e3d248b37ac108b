"""`retention agenda`: what is coming, read off what is kept beside the log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import click

from ..agenda import Agenda, BuildProgress
from ..errors import did_you_mean
from ..formats.agenda import ComingDays, agenda_document, print_agenda
from ..formats.verdicts import as_json
from ..log import open_log
from ..log.address import is_address
from ..moments import LONGEST
from .exits import RULE_FAILED
from .options import InstantParam, RuleChoice, address_argument, format_option, limit_option, now, rule_options
from .replay import report_failures


@click.command(short_help="Show what is coming, from a standing agenda.")
@address_argument
@click.option(
    "--at", type=InstantParam(), metavar="INSTANT", help="From when; not before the latest event.  [default: now]"
)
@click.option(
    "--days",
    type=click.IntRange(min=0, max=LONGEST.days),
    default=7,
    metavar="N",
    show_default=True,
    help="How many days to look ahead.",
)
@click.option("--owner", metavar="OWNER", help='Actions for clients of this owner alone; "" for those of nobody.')
@click.option("--as-is", is_flag=True, help="Answer from what is there, even if it is behind or by other settings.")
@rule_options
@limit_option("Rows of each table; 0 for all.")
@format_option
@click.pass_context
def agenda(
    ctx: click.Context,
    address: str,
    at: datetime | None,
    days: int,
    owner: str | None,
    as_is: bool,
    choice: RuleChoice,
    limit: int,
    format_: str,
) -> None:
    """Show what is coming, read off a standing agenda: who changes status when, and which actions fall due.

    The agenda is kept beside the log, in the same database. The first time it is built from the whole log; then only the
    clients with new events are looked at, and the question is a look into an index, however many clients there are. With
    other rules or settings it is built anew. Rules about the whole book are left out.

    \b
    Examples:
      retention agenda sqlite:///clients.db --days 7
      retention agenda sqlite:///clients.db --owner jo --format json
    """
    with open_agenda(address, choice) as kept:
        if not as_is:
            with building() as progress:
                kept.rebuild(progress)
        with kept.snapshot():
            # What was recorded within this second, or by a clock ahead of ours, has happened all the same.
            moment = at or max(now(), kept.basis().horizon or now())
            until = moment + timedelta(days=days)
            found = ComingDays(
                at=moment,
                until=until,
                counts=kept.counts(moment),
                changes=tuple(kept.changes(moment, until)),
                actions=tuple(kept.due(until, at=moment, owner=owner)),
                failures=tuple(kept.failures(moment)),
            )
            owners = kept.owners().items if owner and not found.actions else ()
    if format_ == "json":
        sys.stdout.buffer.write(as_json(agenda_document(found)))
    else:
        print_agenda(sys.stdout, found, limit=limit)
    if owner and not found.actions and owner not in owners:
        click.echo(f"Note: no action is for a client of {owner!r}{did_you_mean(owner, owners)}", err=True)
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)


@contextmanager
def open_agenda(address: str, choice: RuleChoice) -> Iterator[Agenda]:
    """The agenda beside the log at an address, by the rules chosen; opened, not brought up to date."""
    if not is_address(address):
        raise click.UsageError(
            f"{address!r} is no log's address, such as sqlite:///clients.db, and an agenda stands beside a log: correct the "
            "address; or import a file of events (retention import), or ask retention outlook and retention actions, which "
            "read files"
        )
    engine = choice.engine()
    with open_log(address, kinds=choice.kinds) as log, Agenda(log, engine) as kept:
        yield kept


WORTH_A_BAR = 5_000
"""An agenda of fewer events is built before anybody could read the bar."""


@contextmanager
def building() -> Iterator[Callable[[BuildProgress], object] | None]:
    """Whom a build tells how far it has come: a bar on standard error, or one line where nobody is watching."""
    if not sys.stderr.isatty():
        yield _telling_once()
        return
    with ExitStack() as stack:
        shown: dict[int, int] = {}

        @cache
        def bar(total: int) -> Any:
            return stack.enter_context(click.progressbar(length=total, label="Building the agenda", file=sys.stderr))

        def show(progress: BuildProgress) -> None:
            if progress.total >= WORTH_A_BAR:
                bar(progress.total).update(progress.done - shown.get(progress.total, 0))
                shown[progress.total] = progress.done

        yield show


def _telling_once() -> Callable[[BuildProgress], object]:
    said: list[int] = []

    def tell(progress: BuildProgress) -> None:
        if progress.total >= WORTH_A_BAR and not said:
            said.append(progress.total)
            click.echo(f"Building the agenda from {progress.total:,} events", err=True)

    return tell
