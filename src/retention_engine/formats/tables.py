"""Tables for people: coloured and fitted to the window on a terminal, plain and of one width elsewhere."""

import os
from collections.abc import Iterable, Sequence
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..scoring import DIMENSIONS
from .words import printable

PLAIN_WIDTH = 118

LEVEL_COLUMNS = frozenset({"status", "level", *DIMENSIONS})
STYLES = {
    "healthy": "green",
    "unknown": "dim",
    "watch": "yellow",
    "at-risk": "dark_orange",
    "critical": "bold red",
    "left": "dim strike",
}


def console(file: IO[str]) -> Console:
    """A console on a stream; colours only on a terminal, and never where `NO_COLOR` is set to something."""
    terminal = file.isatty()
    colour = terminal and not os.environ.get("NO_COLOR")
    return Console(
        file=file, width=None if terminal else PLAIN_WIDTH, color_system="auto" if colour else None, highlight=False
    )


def print_table(file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below headings; levels are printed in their colours, and nothing is cut off."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            *(
                Text(printable(cell), style=STYLES.get(cell, "") if column in LEVEL_COLUMNS else "")
                for column, cell in zip(columns, row, strict=True)
            )
        )
    screen = console(file)
    with screen.capture() as printed:
        screen.print(table)
    file.writelines(f"{line.rstrip()}\n" for line in printed.get().splitlines())
