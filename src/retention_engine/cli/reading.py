"""Reading a log for a command, with progress on standard error where somebody is watching."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import click

from ..errors import did_you_mean
from ..events import Event
from ..formats.jsonl import read_log
from ..formats.lines import STANDARD_INPUT
from ..formats.words import printable
from ..gathering import Histories
from ..kinds import Kinds
from ..log.address import is_address

WORTH_A_BAR = 200_000
"""A file of fewer bytes is read before anybody could read the bar."""


def histories(log: str, kinds: Kinds, clients: tuple[str, ...] = ()) -> Iterator[tuple[str, list[Event]]]:
    """The events of a log by client, in the order of their ids: of all clients, or of those named.

    A file is read whole, before anything is said of it; a log with an address is streamed.

    Raises:
        InputError: the file has bad lines.
        LogError: there is no log at the address, or it can't be read.
    """
    if is_address(log):
        yield from _streamed(log, kinds, clients)
        return
    read = _read_file(log, kinds)
    for client in clients:
        if client not in read:
            _refuse_unknown(client, read)
    yield from ((client, read[client]) for client in sorted(set(clients) or read))


def _streamed(address: str, kinds: Kinds, clients: tuple[str, ...]) -> Iterator[tuple[str, list[Event]]]:
    from ..log import open_log

    with open_log(address, kinds=kinds) as log:
        if not clients:
            yield from log.clients()
            return
        for client in sorted(set(clients)):
            events = log.client(client)
            if not events:
                _refuse_unknown(client, ())
            yield client, events


def _read_file(log: str, kinds: Kinds) -> Histories:
    size = size_of(log)
    if size < WORTH_A_BAR or not sys.stderr.isatty():
        return read_log(log, kinds=kinds)
    with click.progressbar(length=size, label=f"Reading {printable(log)}", file=sys.stderr) as bar:
        return read_log(log, kinds=kinds, progress=bar.update)


def size_of(log: str) -> int:
    """The size of a log's file, 0 where that is not known; what is wrong with it, the reader says."""
    try:
        return Path(log).stat().st_size if log != STANDARD_INPUT else 0
    except OSError:
        return 0


def _refuse_unknown(client: str, known: Iterable[str]) -> NoReturn:
    hint = did_you_mean(client, known)
    raise click.UsageError(f"the log has no client {client!r}{hint}")
