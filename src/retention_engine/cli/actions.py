"""`retention actions`: what is to be done today, by owner."""

import sys
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import click

from ..binding import BoundRule
from ..book import replay as replay_book
from ..book import with_book
from ..engine import Engine
from ..errors import NoAgenda, QuestionError, did_you_mean
from ..formats.calendar import worklist_calendar
from ..formats.verdicts import as_json
from ..formats.words import printable
from ..formats.worklist import as_csv, as_jsonl, print_worklist, worklist_document
from ..kinds import Kinds
from ..log.address import is_address
from ..worklist import Worklist, tasks_of, worklist_of
from .exits import RULE_FAILED
from .options import RuleChoice, ahead_option, log_argument, moment_options, now, rule_options
from .reading import histories
from .replay import report_failures

ANY_TIME = datetime.max.replace(tzinfo=UTC)


@click.command(short_help="List what is to be done, by owner.")
@log_argument
@moment_options
@click.option(
    "--owner", "owners", multiple=True, metavar="OWNER", help="This owner's clients alone; repeat for several."
)
@click.option("--unowned", is_flag=True, help="The clients that nobody looks after; besides those of --owner.")
@ahead_option
@click.option(
    "--budget",
    type=click.IntRange(min=0),
    metavar="N",
    help="Entries a day for each owner; 0 for no limit.  [default: as the settings say, else 5]",
)
@click.option(
    "--agenda",
    "by_agenda",
    is_flag=True,
    help="Let the agenda that is kept beside the log say who has something due, and read those clients alone. Where it "
    "can't, the whole log is read.",
)
@click.option("--all", "everything", is_flag=True, help="List what is waiting in the table, too.")
@rule_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "jsonl", "csv", "ics"]),
    default="table",
    show_default=True,
    help="How the results are printed; all but the table have what is waiting anyway.",
)
@click.pass_context
def actions(
    ctx: click.Context,
    log: str,
    at: datetime | None,
    known_at: datetime | None,
    owners: tuple[str, ...],
    unowned: bool,
    ahead: timedelta,
    budget: int | None,
    by_agenda: bool,
    everything: bool,
    choice: RuleChoice,
    format_: str,
) -> None:
    """List what is to be done: each owner's worklist for a day.

    All that one conversation with a client can settle is one entry; a task that takes none is an entry of its own. What
    exceeds an owner's budget, and clients who were spoken with a few days ago, wait, and are counted below the table.

    An action closes by itself when the log shows what it asks for, such as a call. Otherwise, record what became of it
    under the id that stands beside it: action_done, action_snoozed with until=DATE, or action_dismissed with
    reason=TEXT. Running this command changes nothing.

    \b
    Examples:
      retention actions clients.jsonl --at 2026-06-30
      retention actions sqlite:///clients.db --owner jo --ahead 2d --all
      retention actions sqlite:///clients.db --owner jo --agenda
      retention actions clients.jsonl --owner jo --ahead 60d --format ics > jo.ics
      retention record sqlite:///clients.db acme action_done action=469db2c354bc4473
    """
    engine, book_rules = choice.with_book_rules()
    pace = choice.settings.worklist
    how: dict[str, Any] = {
        "tasks": tasks_of([*engine.rules, *book_rules]),
        "ahead": ahead,
        "owners": {*owners, *([None] if unowned else [])} or None,
        "pace": pace if budget is None else attrs.evolve(pace, budget=budget),
    }
    moment = at or now()
    found = None
    if by_agenda:
        try:
            _refuse_what_it_cannot_tell(log, known_at, book_rules)
            found = _by_agenda(log, choice.kinds, engine, at, how)
        except (NoAgenda, QuestionError) as error:
            note = f"Note: --agenda is left aside and the whole log is read, since {_why(error)}."
            click.echo(printable(note), err=True)
    if found is None:
        replayed = replay_book(histories(log, choice.kinds), engine, at=moment, known_at=known_at)
        assessments, book = with_book(replayed, engine, book_rules, at=moment)
        if choice.of_book_alone:
            assessments = (attrs.evolve(assessment, actions=()) for assessment in assessments)
        found = worklist_of(assessments, at=moment, more=book.actions if book else None, **how)
        if book:
            found = attrs.evolve(found, failures=(*book.own_failures, *found.failures))
        _refuse_unknown(owners, found)
    if format_ == "table":
        print_worklist(sys.stdout, found, ahead=ahead, everything=everything)
    elif format_ == "ics":
        sys.stdout.buffer.write(worklist_calendar(found))
    else:
        document = worklist_document(found, known_at=known_at)
        if format_ == "json":
            sys.stdout.buffer.write(as_json(document))
        else:
            sys.stdout.buffer.writelines(as_jsonl(document) if format_ == "jsonl" else as_csv(document))
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)


def _refuse_what_it_cannot_tell(log: str, known_at: datetime | None, book_rules: Collection[BoundRule]) -> None:
    """Refuse a question that no agenda answers."""
    if not is_address(log):
        raise QuestionError("a file has no agenda, only a log with an address has one")
    if known_at is not None:
        raise QuestionError("the agenda is by what is known now")
    if book_rules:
        names = ", ".join(rule.name for rule in book_rules)
        raise QuestionError(f"rules about the whole book look at every client ({names})")


def _by_agenda(log: str, kinds: Kinds, engine: Engine, at: datetime | None, how: dict[str, Any]) -> Worklist | None:
    """The worklist of the clients whom the agenda names; `None` where it knows nothing of an owner who is asked for.

    Raises:
        NoAgenda: none has been built.
        QuestionError: it is by other rules, or the moment is before its horizon.
    """
    from ..agenda import Agenda
    from ..log import open_log

    with open_log(log, kinds=kinds) as opened:
        agenda = Agenda(opened, engine)
        with agenda.snapshot():
            moment = at or _now_by(agenda.basis().horizon)
            assessments = agenda.assess_due(at=moment, ahead=how["ahead"], owners=how["owners"])
            owners = (how["owners"] or set()) - {None}
            are_known = all(owner and agenda.due(ANY_TIME, at=moment, owner=owner) for owner in owners)
        return worklist_of(assessments, at=moment, **how) if are_known else None


def _why(error: NoAgenda | QuestionError) -> str:
    """Why the agenda can't tell, without what a program would do about it."""
    return f"{error} (retention agenda builds it)" if isinstance(error, NoAgenda) else str(error).partition(";")[0]


def _now_by(horizon: datetime | None) -> datetime:
    """Now; what was recorded within this very second has happened."""
    current = now()
    return horizon if horizon is not None and current < horizon < current + timedelta(seconds=1) else current


def _refuse_unknown(owners: tuple[str, ...], worklist: Worklist) -> None:
    for owner in owners:
        if owner not in worklist.known_owners:
            hint = did_you_mean(owner, worklist.known_owners)
            raise click.UsageError(f"--owner: no client is looked after by {owner!r}{hint}")
