"""Reading a log for a command, with progress on standard error where somebody is watching."""

import sys
from pathlib import Path

import click

from ..book import Histories
from ..errors import did_you_mean
from ..formats.jsonl import STANDARD_INPUT, read_log
from ..formats.words import printable

WORTH_A_BAR = 200_000
"""A file of fewer bytes is read before anybody could read the bar."""


def histories(log: str) -> Histories:
    """The events of a log by client.

    Raises:
        InputError: the log has bad lines.
    """
    size = Path(log).stat().st_size if log != STANDARD_INPUT and Path(log).is_file() else 0
    if size < WORTH_A_BAR or not sys.stderr.isatty():
        return read_log(log)
    with click.progressbar(length=size, label=f"Reading {printable(log)}", file=sys.stderr) as bar:
        return read_log(log, progress=bar.update)


def refuse_unknown(clients: tuple[str, ...], known: Histories) -> None:
    """Stop with a suggestion where the log has no such client."""
    for client in clients:
        if client not in known:
            hint = did_you_mean(client, known)
            raise click.UsageError(f"the log has no client {printable(client)!r}{hint}")
