"""`retention book`: what holds for no single client, but for all of them together."""

import sys
from datetime import datetime, timedelta

import click

from ..book import Book, assess_book
from ..formats.book_page import book_document, book_page
from ..formats.verdicts import as_json
from .exits import RULE_FAILED
from .options import RuleChoice, ahead_option, format_option, log_argument, moment_options, now, rule_options
from .reading import histories
from .replay import report_failures

NO_RULE = "No rule about the whole book is on; turn on a pack that has one, such as --pack existing-clients-first."


@click.command(short_help="Tell what holds for all clients together.")
@log_argument
@moment_options
@ahead_option
@rule_options
@format_option
@click.pass_context
def book(
    ctx: click.Context,
    log: str,
    at: datetime | None,
    known_at: datetime | None,
    ahead: timedelta,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Tell what holds for all clients together: whom we forget, and what the business stands on.

    Each finding names the clients concerned, the worst first. What is due, and what changes if nothing else happens, is
    listed as far ahead as --ahead says. Every pack but essentials and stick-around has rules about the whole book; how a
    single client is, the other rules say, those named by --select or else those that are enabled.

    \b
    Examples:
      retention book clients.jsonl --at 2026-06-30 --pack existing-clients-first
      retention book clients.jsonl --select uncalled-best-clients --format json
    """
    engine, rules = choice.with_book_rules()
    moment = at or now()
    found = assess_book(Book.cut(histories(log, choice.kinds), engine, at=moment, known_at=known_at), rules, at=moment)
    if format_ == "json":
        sys.stdout.buffer.write(as_json(book_document(found, known_at=known_at, ahead=ahead)))
    else:
        click.echo(book_page(found, ahead) if rules else NO_RULE)
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)
