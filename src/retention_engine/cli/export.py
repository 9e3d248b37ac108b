"""`retention export`: a log's events as a file."""

import gzip
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import IO, cast

import click

from ..codec import encode
from ..errors import InputError
from ..events import Event
from ..formats.csv_writing import table_of
from ..formats.words import counted, printable
from ..kinds import Kinds
from ..log import is_address, open_log
from .exits import BAD_INPUT, complain
from .options import RuleChoice, log_argument, plugin_options
from .reading import histories

Events = Callable[[], Iterable[Event]]
"""The events, from the first, as often as it is called."""


@click.command(short_help="Write a log's events to a file.")
@log_argument
@click.option("-o", "--output", metavar="FILE", help="The file; compressed where its name ends in .gz.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["jsonl", "csv"]),
    help="[default: csv where FILE says so, else jsonl]",
)
@plugin_options
@click.pass_context
def export(ctx: click.Context, log: str, output: str | None, format_: str | None, choice: RuleChoice) -> None:
    """Write a log's events to a file, exactly as they are.

    LOG is a log's address, or a file of events. retention import --recorded-at keep makes an equal log of the file. In
    CSV, a text that a spreadsheet would take for a formula has an apostrophe in front, which the import takes away. A
    file that exists is not overwritten.

    \b
    Examples:
      retention export sqlite:///clients.db -o clients.jsonl.gz
      retention export sqlite:///clients.db --format csv > clients.csv
      retention export clients.jsonl -o clients.csv
    """
    name = (output or "").lower().removesuffix(".gz")
    as_csv = (format_ or ("csv" if name.endswith(".csv") else "jsonl")) == "csv"
    write = partial(_write_csv, kinds=choice.kinds) if as_csv else _write_jsonl
    try:
        with _events(log, choice.kinds) as events:
            if output is None:
                write(events, cast(IO[bytes], sys.stdout.buffer))
                return
            with _new_file(Path(output)) as file:
                count = write(events, file)
    except InputError as error:
        complain(error, "Nothing was exported.")
        ctx.exit(BAD_INPUT)
    click.echo(printable(f"Wrote {counted(count, 'event')} to {output}."))


@contextmanager
def _events(log: str, kinds: Kinds) -> Iterator[Events]:
    if not is_address(log):
        read = sorted((event for _, events in histories(log, kinds) for event in events), key=lambda it: it.position)
        yield lambda: read
        return
    with open_log(log, kinds=kinds) as opened:
        head = opened.head()
        yield lambda: takewhile(lambda event: event.position <= head, opened.tail())


def _write_jsonl(events: Events, file: IO[bytes]) -> int:
    count = 0
    for event in events():
        file.write(encode(event) + b"\n")
        count += 1
    return count


def _write_csv(events: Events, file: IO[bytes], *, kinds: Kinds) -> int:
    count = -1
    for row in table_of(events, kinds):
        file.write(row)
        count += 1
    return count


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file, which is there when all of it is; compressed where its name says so, the same each time."""
    try:
        with path.open("xb") as file:
            try:
                if path.suffix.lower() == ".gz":
                    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                        yield cast(IO[bytes], packed)
                else:
                    yield file
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise click.UsageError(f"{path} exists; an export overwrites nothing") from None
    except OSError as error:
        raise click.UsageError(f"{path} can't be written: {(error.strerror or str(error)).lower()}") from None
