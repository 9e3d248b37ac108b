"""`retention diff`: two rule sets over one log, or what was known then and what is known now."""

import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import click

from ..comparison import Comparison, compare, compare_knowledge, compare_span
from ..events import Event
from ..formats.comparison import comparison_document, comparison_table
from ..formats.verdicts import as_json
from ..formats.words import day
from ..settings import FILE_NAME
from .exits import FAIL_ON, RULE_FAILED
from .options import (
    InstantParam,
    RuleChoice,
    ahead_option,
    limit_option,
    log_argument,
    moment_options,
    now,
    rule_options,
)
from .reading import histories
from .replay import report_failures


@attrs.frozen
class Question:
    """When is asked about, and with which rules, as the options say."""

    at: datetime | None
    starts: datetime | None
    until: datetime | None
    known_at: datetime | None
    ahead: timedelta
    old: RuleChoice
    new: RuleChoice
    of_book: bool


@click.command(short_help="Compare two rule sets, or then and now.")
@log_argument
@click.option("--old", type=click.Path(path_type=Path), metavar="FILE", help="The settings file as it was.")
@click.option("--new", type=click.Path(path_type=Path), metavar="FILE", help="The settings file as it is to be.")
@moment_options
@click.option(
    "--from",
    "starts",
    type=InstantParam(),
    metavar="INSTANT",
    help="Compare two rule sets over a span that starts here.",
)
@click.option(
    "--to",
    "until",
    type=InstantParam(),
    metavar="INSTANT",
    help="The end of the span, itself not included.  [default: now]",
)
@ahead_option
@click.option("--client", "clients", multiple=True, metavar="CLIENT", help="This client alone; repeat for several.")
@rule_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="How the results are printed.",
)
@limit_option("Of how many clients the text tells; 0 for all.")
@click.option("--fail-on-difference", is_flag=True, help="Exit with 1 if anything differs.")
@click.pass_context
def diff(
    ctx: click.Context,
    log: str,
    old: Path | None,
    new: Path | None,
    at: datetime | None,
    known_at: datetime | None,
    starts: datetime | None,
    until: datetime | None,
    ahead: timedelta,
    clients: tuple[str, ...],
    choice: RuleChoice,
    format_: str,
    limit: int,
    fail_on_difference: bool,
) -> None:
    """Compare two rule sets over one log, or what was known then with what is known now.

    With --old or --new: which clients change status, which concerns and actions appear, vanish or change, and by which
    rule. Where one of the two is not given, --settings stands for it, or what the other commands use without that. --at
    asks about a moment; --from about a span: each change with the instants between which it holds.

    With --known-at alone: what was recorded after it and bears on the moment, event by event, and what each client's
    report says otherwise because of it.

    \b
    Examples:
      retention diff clients.jsonl --new retention.toml --at 2026-06-30
      retention diff clients.jsonl --new retention.toml --from 2026-01-01 --to 2026-07-01 --format json
      retention diff clients.jsonl --at 2026-06-30 --known-at 2026-07-01
    """
    _check(old, new, at, known_at, starts, until)
    here = choice
    before, after = (here if file is None else attrs.evolve(here, settings_file=file) for file in (old, new))
    question = Question(at, starts, until, known_at, ahead, before, after, of_book=not clients)
    found = _compared(histories(log, choice.kinds, clients), question, of_rules=bool(old or new))
    names = (_name(before), _name(after))
    if format_ == "json":
        sys.stdout.buffer.write(as_json(comparison_document(found, names)))
    elif format_ == "csv":
        sys.stdout.buffer.writelines(comparison_table(found))
    else:
        from ..formats.comparison_page import write_comparison

        write_comparison(found, (names[0] or DEFAULTS, names[1] or DEFAULTS), sys.stdout, limit)
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)
    if fail_on_difference and found:
        ctx.exit(FAIL_ON)


DEFAULTS = "defaults"


def _check(
    old: Path | None,
    new: Path | None,
    at: datetime | None,
    known_at: datetime | None,
    starts: datetime | None,
    until: datetime | None,
) -> None:
    """Refuse what can't be meant."""
    of_rules = old is not None or new is not None
    if not of_rules and known_at is None:
        raise click.UsageError("give --old or --new to compare rule sets, or --known-at to compare then with now")
    if starts is None and until is not None:
        raise click.UsageError("--to is the end of a span; give its start, --from, too")
    if starts is None:
        return
    if at is not None:
        raise click.UsageError("--at asks about a moment and --from about a span; give one of the two")
    if not of_rules:
        raise click.UsageError("--from needs --old or --new; what was known is compared at a moment, --at")
    if until is not None and starts >= until:
        raise click.BadParameter(f"{day(starts)} does not lie before {day(until)}", param_hint="--from")


def _compared(pairs: Iterable[tuple[str, list[Event]]], question: Question, *, of_rules: bool) -> Comparison:
    engine, book_rules = question.old.with_book_rules()
    other, other_book_rules = question.new.with_book_rules()
    if question.starts is not None:
        return compare_span(
            pairs,
            engine,
            other,
            starts=question.starts,
            until=question.until or now(),
            known_at=question.known_at,
            ahead=question.ahead,
        )
    moment = question.at or now()
    if not question.of_book:
        book_rules = other_book_rules = ()
    if of_rules or question.known_at is None:
        found = compare(
            pairs,
            engine,
            other,
            at=moment,
            known_at=question.known_at,
            ahead=question.ahead,
            book_rules=(book_rules, other_book_rules),
        )
    else:
        found = compare_knowledge(
            pairs, engine, at=moment, known_at=question.known_at, ahead=question.ahead, book_rules=book_rules
        )
    return attrs.evolve(found, clients=()) if question.old.of_book_alone else found


def _name(choice: RuleChoice) -> str | None:
    """The settings file of a rule set, if it has one."""
    if choice.settings_file is not None:
        return str(choice.settings_file)
    return FILE_NAME if Path(FILE_NAME).is_file() else None
