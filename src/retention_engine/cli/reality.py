"""`retention reality`: how many clients were kept in a period, against how many one believes."""

import re
import sys
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import click

from ..formats.reality import reality_document, reality_table, write_reality
from ..formats.verdicts import as_json
from ..reality import actual_retention
from .options import DurationParam, InstantParam, RuleChoice, log_argument, moment_options, now, plugin_options
from .reading import histories

_PERCENTAGE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?(%?)", re.ASCII)


class PercentageParam(click.ParamType[Fraction]):
    """A percentage such as 75% or 75, as a ratio from 0 to 1."""

    name = "percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        if isinstance(value, Fraction):
            return value
        found = _PERCENTAGE.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value!r} is not a percentage; write 75% or 62.5%", param, ctx)
        number = Fraction(found[1])
        if not found[2] and 0 < number <= 1:
            whole = f"{float(number * 100):g}"
            self.fail(f"{value!r} may mean {whole} % or {found[1]} %; write {whole}% or {found[1]}%", param, ctx)
        if number > 100:  # noqa: PLR2004 - per cent
            self.fail(f"{value!r} is more than all clients; write 100% or less", param, ctx)
        return number / 100


@click.command(short_help="Compare believed and actual retention.")
@log_argument
@click.option(
    "--from", "starts", type=InstantParam(), required=True, metavar="INSTANT", help="The start of the period."
)
@click.option(
    "--to",
    "until",
    type=InstantParam(),
    required=True,
    metavar="INSTANT",
    help="The end of the period, itself not included: 2027-01-01 for all of 2026.",
)
@click.option(
    "--believed",
    type=PercentageParam(),
    metavar="PERCENT",
    help="How many of your clients you believe you keep, such as 75%.",
)
@moment_options
@click.option(
    "--grace",
    type=DurationParam(),
    metavar="DURATION",
    default="30d",
    show_default=True,
    help="How long after a term's end a renewal still counts.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="How the results are printed.",
)
@plugin_options
def reality(
    log: str,
    starts: datetime,
    until: datetime,
    believed: Fraction | None,
    at: datetime | None,
    known_at: datetime | None,
    grace: timedelta,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Show how many clients were kept in a period, by name, and how far that is from what you believe.

    A client is due if a term of theirs ends in the period, or if they leave in it. The ratio is renewed / (renewed +
    lapsed + left); those who left for a reason beyond your control, who came back, or of whom it is still open are
    listed apart from it.

    \b
    Examples:
      retention reality clients.jsonl --from 2026-01-01 --to 2027-01-01 --believed 75%
      retention reality clients.jsonl --from 2026-04-01 --to 2026-07-01 --at 2026-08-01 --format json
    """
    found = actual_retention(
        histories(log, choice.kinds),
        starts=starts,
        until=until,
        at=at or now(),
        known_at=known_at,
        grace=grace,
        believed=believed,
    )
    if format_ == "text":
        write_reality(found, sys.stdout)
    elif format_ == "json":
        sys.stdout.buffer.write(as_json(reality_document(found)))
    else:
        sys.stdout.buffer.writelines(reality_table(found))
