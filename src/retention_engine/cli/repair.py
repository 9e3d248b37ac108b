"""`retention repair`: the cheapest step that brings a client's health back, and by when it must happen."""

import sys
from datetime import datetime
from pathlib import Path

import attrs
import click

from ..client import Client
from ..errors import UnknownClient
from ..findings import Health
from ..formats.repair import repair_document, repair_text
from ..formats.verdicts import as_json
from ..formats.words import day
from ..repair import find_repair
from .exits import RULE_FAILED
from .options import (
    InstantParam,
    LevelParam,
    RuleChoice,
    format_option,
    log_argument,
    moment_options,
    now,
    rule_options,
)
from .reading import histories
from .replay import report_failures


@click.command(short_help="Find the cheapest step that mends it.")
@log_argument
@click.argument("client", metavar="CLIENT")
@moment_options
@click.option(
    "--to", "target", type=LevelParam(), default="healthy", show_default=True, help="The level to reach, or better."
)
@click.option(
    "--by",
    "when",
    type=InstantParam(),
    metavar="INSTANT",
    help="When it would happen, if nothing happens until then.  [default: the moment asked about]",
)
@click.option(
    "--catalogue",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A settings file whose table [repair] replaces that of the settings.",
)
@rule_options
@format_option
@click.pass_context
def repair(
    ctx: click.Context,
    log: str,
    client: str,
    at: datetime | None,
    known_at: datetime | None,
    target: Health,
    when: datetime | None,
    catalogue: Path | None,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Find the cheapest step that brings a client's health back to a level, and by when it must happen.

    The steps come from a catalogue of what could be done, with what each costs in minutes: an e-mail, a call, the
    resolution of a complaint, a renewal. Each is tried: its event is added to the history, and the rules are asked. Where
    no single one does it, the cheapest of all sets of two or three. Everything is a what-if, and nothing is recorded.

    \b
    Examples:
      retention repair clients.jsonl acme --at 2026-06-30
      retention repair clients.jsonl acme --at 2026-06-30 --to watch --by 2026-07-15
      retention repair clients.jsonl acme --catalogue retention.toml --format json
    """
    engine = choice.engine()
    remedies = (choice if catalogue is None else attrs.evolve(choice, settings_file=catalogue)).settings.repair
    moment = at or now()
    if when is not None and when < moment:
        raise click.BadParameter(f"{day(when)} lies before {day(moment)}", param_hint="--by")
    if target is Health.LEFT:
        raise click.BadParameter("no repair makes a client leave", param_hint="--to")
    name, events = next(histories(log, choice.kinds, (client,)))
    known = Client.from_events(name, events, as_of=moment, as_at=known_at)
    try:
        found = find_repair(engine, known, at=moment, when=when, target=target, remedies=remedies)
    except UnknownClient:
        as_known = f", as known on {day(known_at)}" if known_at else ""
        raise click.UsageError(f"nothing is known of {client!r} as of {day(moment)}{as_known}") from None
    if format_ == "json":
        sys.stdout.buffer.write(as_json(repair_document(found, at=moment, known_at=known_at)))
    else:
        click.echo(repair_text(found))
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)
