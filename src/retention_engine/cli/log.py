"""`retention log`: what is to be done for a log itself."""

import sys
from pathlib import Path

import attrs
import click

from ..errors import LogCorrupt, LogKindMissing
from ..formats.verdicts import VERSION, as_json
from ..formats.words import counted, printable
from ..log import EventLog, Flaw, open_log
from .exits import BAD_INPUT
from .options import RuleChoice, address_argument, format_option, plugin_options


@click.group(short_help="Verify a log, or back it up.")
def log() -> None:
    """Verify a log, or back it up.

    \b
    Examples:
      retention log verify sqlite:///clients.db
      retention log backup sqlite:///clients.db clients-2026-06-30.db
    """


@log.command(short_help="Find what is wrong with a log.")
@address_argument
@plugin_options
@format_option
@click.pass_context
def verify(ctx: click.Context, address: str, choice: RuleChoice, format_: str) -> None:
    """Find what is wrong with a log: flipped bits, gaps, reorderings, ids that point nowhere.

    Every flaw is printed with the position of its event. The exit code is 3 if there is one.

    \b
    Examples:
      retention log verify sqlite:///clients.db
      retention log verify sqlite:///clients.db --format json
    """
    events, name = None, "the log"
    try:
        with open_log(address, kinds=choice.kinds) as opened:
            name = opened.store.name
            flaws = list(opened.verify())
            events = _count(opened)
    except LogCorrupt as error:  # so damaged that it can't be opened
        flaws = [Flaw("database", str(error))]
    if format_ == "json":
        document = {"version": VERSION, "events": events, "flaws": [attrs.asdict(flaw) for flaw in flaws]}
        sys.stdout.buffer.write(as_json(document))
    else:
        for flaw in flaws:
            click.echo(printable(_words(flaw)))
        count = "uncounted events" if events is None else counted(events, "event")
        click.echo(printable(f"{name}: {count}, " + (f"{len(flaws):,} flawed" if flaws else "all as they were stored")))
    if flaws:
        if any(flaw.code == "unknown-kind" for flaw in flaws):
            click.echo(LogKindMissing.hint, err=True)
        if any(flaw.code != "unknown-kind" for flaw in flaws):
            click.echo("Restore the latest backup, and import what was recorded since.", err=True)
        ctx.exit(BAD_INPUT)


@log.command(short_help="Copy a log to a file.")
@address_argument
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
def backup(address: str, file: Path) -> None:
    """Copy a log to a file while others read and write it.

    The copy is a log, too: sqlite:///FILE. Copying a log's file by other means can miss what was written last. A file
    that exists is not overwritten. PostgreSQL has tools of its own for this.

    \b
    Example:
      retention log backup sqlite:///clients.db clients-2026-06-30.db
    """
    with open_log(address) as opened:
        opened.backup(file)
    click.echo(printable(f"Copied the log to {file}."))


def _count(log: EventLog) -> int | None:
    try:
        events, _ = log.store.count()
    except LogCorrupt:  # too damaged to be counted, which the flaws say
        return None
    return events


def _words(flaw: Flaw) -> str:
    place = "" if flaw.position is None else f"position {flaw.position}: "
    return f"{place}{flaw.message} [{flaw.code}]"
