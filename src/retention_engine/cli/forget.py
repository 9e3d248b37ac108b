"""`retention forget`: a client's personal text leaves a log."""

import sys

import click

from ..formats.verdicts import VERSION, as_json
from ..formats.words import counted, printable
from ..log import Forgotten, open_log
from .options import RuleChoice, address_argument, format_option, plugin_options

UNREACHED = (
    "backups and copies of the log",
    "exports of it, and the files that events were imported from",
    "PostgreSQL's archives of its write-ahead log, and its replicas until they have followed",
    "the client's id itself, which the remaining events are filed under",
)
"""Where what was forgotten may still be, whatever the store."""


@click.command(short_help="Remove what is personal about a client.")
@address_argument
@click.argument("client", metavar="CLIENT")
@click.option("--yes", is_flag=True, help="Do not ask.")
@plugin_options
@format_option
def forget(address: str, client: str, yes: bool, choice: RuleChoice, format_: str) -> None:
    """Remove what is personal about a client from a log, for good.

    All free text goes, from the log's files too: notes, names, topics, reasons, what was learned. What the verdicts rest
    on stays: kinds, instants, numbers, ids, words out of a list. It can't be undone, so it asks first.

    It does not reach backups, exports, the files that were imported, PostgreSQL's archives of its write-ahead log, nor
    the client's id.

    \b
    Examples:
      retention forget sqlite:///clients.db acme
      retention forget sqlite:///clients.db acme --yes --format json
    """
    with open_log(address, kinds=choice.kinds) as log:
        if not yes:
            count = len(log.client(client))
            if count:
                _ask(client, count)
        done = log.forget(client)
    if format_ == "json":
        document = {
            "version": VERSION,
            "client": client,
            "events": done.events,
            "unreached": [*done.unreached, *UNREACHED],
        }
        sys.stdout.buffer.write(as_json(document))
    else:
        click.echo(printable(_words(client, done)))
        for place in (*done.unreached, *UNREACHED):
            click.echo(printable(f"  - {place}"))


def _ask(client: str, count: int) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("forgetting can't be undone; to be asked, run it in a terminal, else say --yes")
    events = counted(count, "event")
    click.confirm(printable(f"Remove all free text from the {events} of {client!r}, for good?"), abort=True, err=True)


def _words(client: str, done: Forgotten) -> str:
    return (
        f"Rewrote {counted(done.events, 'event')} of {client}."
        " Kinds, instants, numbers, ids and words out of a list stay, so that verdicts do."
        " Not reached, and yours to look after:"
    )
