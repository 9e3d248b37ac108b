"""Exit codes of all commands, and how mistakes in an input are told."""

import click

from ..errors import InputError

FAIL_ON = 1
USAGE = 2
BAD_INPUT = 3
RULE_FAILED = 4

MOST_SHOWN = 20


def complain(error: InputError, ctx: click.Context) -> None:  # noqa: ARG001
    """Print an input's mistakes, one a line, on standard error."""
    for problem in error.problems[:MOST_SHOWN]:
        click.echo(f"Error: {problem}", err=True)
    more = len(error.problems) - MOST_SHOWN
    if more > 0:
        click.echo(f"Error: ... and {more:,} more", err=True)
    click.echo("Nothing was assessed. Correct the lines and run the command again.", err=True)
