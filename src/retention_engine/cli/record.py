"""`retention record`: one event into a log."""

import sys
from datetime import datetime

import click

from ..errors import EventError, KeyReused
from ..events import Event
from ..formats.texts import fields_of
from ..formats.verdicts import VERSION, as_json
from ..formats.words import printable
from ..log import Receipt, open_log
from .exits import BAD_INPUT
from .options import InstantParam, RuleChoice, address_argument, format_option, now, plugin_options

LIST_SEPARATOR = ","
_ENVELOPE = {
    "client": "CLIENT",
    "kind": "KIND",
    "at": "--at",
    "id": "--id",
    "by": "--by",
    "note": "--note",
}


@click.command(short_help="Record one event.")
@address_argument
@click.argument("client", metavar="CLIENT")
@click.argument("kind", metavar="KIND")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--at", type=InstantParam(), metavar="INSTANT", help="When it happened.  [default: now]")
@click.option("--id", "id_", metavar="ID", help="The event's id: recorded twice, the event is stored once.")
@click.option("--by", metavar="WHO", help="Who of us.")
@click.option("--note", metavar="TEXT", help="Anything else.")
@plugin_options
@format_option
@click.pass_context
def record(
    ctx: click.Context,
    address: str,
    client: str,
    kind: str,
    fields: tuple[str, ...],
    at: datetime | None,
    id_: str | None,
    by: str | None,
    note: str | None,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Record one event in a log.

    KIND is engaged, introduced, referred, complained, renewed or another of the log format's. FIELD=VALUE sets one of
    its fields: a list has commas between its items, an answer is named by its question. To have several events, or
    none, stored at once, use retention import.

    An event that is not valid, or whose id belongs to another one, is not stored, and the exit code is 3.

    \b
    Examples:
      retention record sqlite:///clients.db acme engaged purpose=review with=Ann,Bo --at 2026-06-30T09:00:00+02:00
      retention record sqlite:///clients.db acme engaged asked=refer,quote answers.refer=no --id call-17 --by jo
      retention record sqlite:///clients.db acme renewed value=1200.50 currency=EUR term_end=2027-06-30
    """
    texts = _texts(fields)
    try:
        cls = choice.kinds.named(kind)
        given = fields_of(cls, texts.items(), separator=LIST_SEPARATOR)
        envelope = {"client": client, "at": at or now(), "id": id_, "by": by, "note": note}
        event = cls.from_fields(given | {name: value for name, value in envelope.items() if value is not None})
        with open_log(address, kinds=choice.kinds) as log:
            receipt = log.record(event)
            name = log.store.name
    except (EventError, KeyReused) as error:
        # What is given here is an input like a line of a file: bad input, not a wrong use of the command.
        click.echo(f"Error: {printable(_told(error))}\nNothing was recorded.", err=True)
        ctx.exit(BAD_INPUT)
    if format_ == "json":
        sys.stdout.buffer.write(as_json(_document(receipt)))
    else:
        click.echo(printable(_words(receipt, event, name)))


def _texts(fields: tuple[str, ...]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for field in fields:
        name, equals, text = field.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{field!r} is no FIELD=VALUE, such as purpose=review")
        if name in _ENVELOPE:
            raise click.UsageError(f"{name}: give it as {_ENVELOPE[name]}")
        if name == "recorded_at":
            raise click.UsageError("recorded_at: the log says itself when it learned of an event")
        if name in texts:
            raise click.UsageError(f"{name}: is given twice; put commas between the items of a list")
        texts[name] = text
    return texts


def _told(error: EventError | KeyReused) -> str:
    if isinstance(error, KeyReused):
        return f"id: {error}. {error.hint} [key-reused]"
    return f"{error} [{error.code}]"


def _words(receipt: Receipt, event: Event, log: str) -> str:
    what = f"{event.kind} {receipt.id or ''}".strip()
    if receipt.new:
        return f"Recorded {what} of {receipt.client} in {log}, at position {receipt.position}."
    return f"{what} of {receipt.client} is in {log} already, at position {receipt.position}."


def _document(receipt: Receipt) -> dict[str, object]:
    return {
        "version": VERSION,
        "client": receipt.client,
        "id": receipt.id,
        "position": receipt.position,
        "new": receipt.new,
    }
