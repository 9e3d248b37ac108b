"""Exit codes of all commands, and how mistakes in an input are told."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..errors import InputError

FAIL_ON = 1
USAGE = 2
BAD_INPUT = 3
RULE_FAILED = 4

MOST_SHOWN = 20


def complain(error: "InputError") -> None:
    """Print an input's mistakes, one a line, on standard error."""
    from ..formats.words import printable

    for problem in error.problems[:MOST_SHOWN]:
        click.echo(f"Error: {printable(str(problem))}", err=True)
    more = len(error.problems) - MOST_SHOWN
    if more > 0:
        click.echo(f"Error: ... and {more:,} more", err=True)
    lines = any(problem.line is not None for problem in error.problems)
    click.echo("Nothing was assessed." + (" Correct the lines and run the command again." if lines else ""), err=True)
