"""`retention init`: make a log."""

import click

from ..errors import LogError
from ..log import create_log, open_log
from ..log.address import MEMORY
from .options import address_argument


@click.command(short_help="Make a log.")
@address_argument
def init(address: str) -> None:
    """Make a log.

    URL is sqlite:///clients.db for a file in this folder, sqlite:////var/lib/clients.db for one elsewhere, or
    postgresql://user@host/database. A log that is there already is left as it is, save that its tables are brought up
    to date.

    \b
    Examples:
      retention init sqlite:///clients.db
      retention init postgresql://retention@db.example.com/retention
    """
    if address.startswith(MEMORY):
        raise click.UsageError("a log in memory goes with the program; give sqlite:///clients.db or the like")
    try:
        open_log(address).close()
    except LogError:  # what is wrong for good, making it says again
        known = False
    else:
        known = True
    with create_log(address) as log:
        click.echo(f"{log.store.name} is a log already." if known else f"Made the log {log.store.name}.")
