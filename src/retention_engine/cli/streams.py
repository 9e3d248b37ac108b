"""Standard output and error: UTF-8 wherever the command runs, and a plain word where nothing can be written."""

import errno
import os
import sys
from io import TextIOWrapper
from typing import NoReturn

import click

from . import exits

READER_IS_GONE = 141
"""What a shell reports of a program that wrote into a pipe which nobody reads any more."""


class NotWritten(click.ClickException):
    """The results found no place."""

    exit_code = exits.USAGE


def speak_utf_8() -> None:
    """Write UTF-8 whatever the locale says, so that a log's names come out as they went in."""
    if sys.stderr is None:  # closed by whoever started the command
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it lasts as long as the command
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def check_output() -> None:
    """Refuse to work for nobody."""
    if sys.stdout is None:
        raise NotWritten("standard output is closed")


def give_up_writing(error: OSError) -> NoReturn:
    """End the command because its results can't be written; silently where the reader of a pipe has enough."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - not a path of ours
        os.dup2(nowhere.fileno(), sys.stdout.fileno())  # what is left in the buffer would fail again at the end
    if error.errno == errno.EPIPE:
        raise click.exceptions.Exit(READER_IS_GONE) from None
    raise NotWritten(f"the results can't be written: {(error.strerror or str(error)).lower()}") from None
