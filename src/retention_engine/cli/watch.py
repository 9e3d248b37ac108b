"""`retention watch`: each change of status as a line of JSON, as it comes to pass."""

import os
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click
import msgspec

from ..agenda import Agenda, AgendaAnswer, AgendaNews
from ..errors import LogLocked, QuestionError
from ..formats.agenda import news_view
from .agenda import building, open_agenda
from .exits import RULE_FAILED
from .options import DurationParam, RuleChoice, address_argument, rule_options
from .replay import report_failures


@click.command(short_help="Follow a log; print each change of status.")
@address_argument
@click.option(
    "--cursor",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Remember there what was printed, and carry on behind it the next time.",
)
@click.option("--after", type=click.IntRange(min=0), metavar="SEQ", help="Carry on behind this line's seq.")
@click.option("--once", is_flag=True, help="Print what has come to pass by now, and end.")
@click.option(
    "--interval",
    type=DurationParam(),
    metavar="DURATION",
    default="2 seconds",
    show_default=True,
    help="How often the log is looked at.",
)
@rule_options
@click.pass_context
def watch(
    ctx: click.Context,
    address: str,
    cursor: Path | None,
    after: int | None,
    once: bool,
    interval: timedelta,
    choice: RuleChoice,
) -> None:
    """Follow a log; print each change of status, once it has come to pass, as a line of JSON.

    It is the hook for notifications. A change comes to pass when an event is recorded that makes it, or when time comes
    to it. Changes are kept beside the log from the first watch on, so that none is missed while nobody watches. With
    --cursor the next watch carries on where this one ended; a line is printed again where a watch was killed before it
    had noted that, with the same id. Without --cursor and --after all that is kept is printed. It goes on until Ctrl-C,
    unless --once is given.

    \b
    Examples:
      retention watch sqlite:///clients.db --once
      retention watch sqlite:///clients.db --once --cursor told.txt >> news.jsonl
    """
    if interval <= timedelta(0):
        raise click.BadParameter("must be longer than nothing", param_hint="--interval")
    if cursor is not None and after is not None:
        raise click.UsageError("--cursor says where to carry on; leave --after out")
    seq = _noted(cursor) if cursor is not None else after or 0
    with open_agenda(address, choice) as kept:
        with building() as progress:
            kept.rebuild(progress)
        telling = _Telling(kept, seq, cursor)
        if once:
            telling.tell()
            if _report(kept, set()):
                ctx.exit(RULE_FAILED)
            return
        failing: set[str] = set()
        while True:
            with suppress(LogLocked):  # by a long import, say; the next look finds what this one has missed
                kept.follow()
                if kept.basis().is_stale:
                    raise click.UsageError(
                        "the agenda is by other rules or settings now, since another program asked for these; "
                        "watch it with the same --settings, --rules, --pack and --select"
                    )
                telling.tell()
                failing |= _report(kept, failing)
            time.sleep(interval.total_seconds())


def _report(kept: Agenda, told: set[str]) -> set[str]:
    """Say which rules fail by now, those told before aside; returns their names."""
    failures = [failure for failure in kept.failures() if failure.rule not in told]
    report_failures(failures)
    return {failure.rule for failure in failures}


class _Telling:
    """Prints what has come to pass behind a number, and notes how far that is."""

    def __init__(self, kept: Agenda, seq: int, cursor: Path | None) -> None:
        self._kept = kept
        self._seq = seq
        self._cursor = cursor

    def tell(self) -> None:
        """Print what there is; if that is cut short, the next time carries on behind what was printed."""
        while news := self._news():
            for one in news:
                sys.stdout.buffer.write(msgspec.json.encode(news_view(one)) + b"\n")
            sys.stdout.buffer.flush()
            self._seq = news[-1].seq
            if self._cursor is not None:
                _note(self._cursor, self._seq)

    def _news(self) -> AgendaAnswer[AgendaNews]:
        try:
            return self._kept.news(self._seq)
        except QuestionError as error:
            where = "--after" if self._cursor is None else f"--cursor {self._cursor}"
            raise click.UsageError(f"{where}: {error}") from None


def _noted(cursor: Path) -> int:
    """The number that a cursor's file holds; 0 where there is no such file yet."""
    if not cursor.absolute().parent.is_dir():
        raise click.UsageError(f"--cursor {cursor}: there is no folder {cursor.parent}; make it first")
    if cursor.exists() and not cursor.is_file():  # a device may have no end, and would be replaced
        raise click.UsageError(f"--cursor {cursor}: is no file")
    try:
        text = cursor.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--cursor {cursor}: can't be read: {error}") from None
    if not text.isdecimal():
        raise click.UsageError(f"--cursor {cursor}: holds no number; name the file of an earlier watch, or a new one")
    return int(text)


def _note(cursor: Path, seq: int) -> None:
    """Replace a cursor's file in one step, so that it is never half written."""
    beside = cursor.with_name(f".{cursor.name}.{os.getpid()}")
    try:
        beside.write_text(f"{seq}\n", encoding="ascii")
        beside.replace(cursor)
    except OSError as error:
        with suppress(OSError):  # a name too long is no file's
            beside.unlink(missing_ok=True)
        raise click.UsageError(f"--cursor {cursor}: can't be written: {error.strerror}") from None
