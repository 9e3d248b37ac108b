"""Exit codes of all commands, and how mistakes in an input are told."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import InputError, Problem

FAIL_ON = 1
USAGE = 2
BAD_INPUT = 3
RULE_FAILED = 4
INTERRUPTED = 130
"""What a shell reports of a program that was stopped from the keyboard; 1 says that the work was done."""

MOST_SHOWN = 20


def complain(error: "InputError", what: str = "Nothing was assessed.") -> None:
    """Print an input's mistakes on standard error, and what became of the rest."""
    tell(error.problems)
    lines = any(problem.line is not None for problem in error.problems)
    click.echo(what + (" Correct the lines and run the command again." if lines else ""), err=True)


def tell(problems: "Sequence[Problem]") -> None:
    """Print mistakes, one a line, on standard error; the first of them where they are many."""
    from ..formats.words import printable

    for problem in problems[:MOST_SHOWN]:
        click.echo(f"Error: {printable(str(problem))}", err=True)
    more = len(problems) - MOST_SHOWN
    if more > 0:
        click.echo(f"Error: ... and {more:,} more", err=True)


NOT_LOADED = "retention_engine.not_loaded"
"""Under which name a command that asks rules notes those that stand for what could not be loaded."""


def not_loaded(ctx: click.Context) -> set[str]:
    """The rules that stand for what could not be loaded in this run of a command; none where it asks no rules."""
    missing: set[str] = ctx.meta.get(NOT_LOADED, set())
    return missing
