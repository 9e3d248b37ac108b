"""`retention report`: the whole book as one HTML page."""

import os
import stat
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import click

from ..formats.lines import STANDARD_INPUT
from ..formats.report import LIMIT, TITLE, html_report
from ..formats.words import counted, printable
from .exits import RULE_FAILED
from .options import RuleChoice, log_argument, moment_options, now, rule_options
from .reading import histories
from .replay import report_failures

PAGE_STARTS = b"<!doctype html"


@click.command(short_help="Write the whole book as an HTML page.")
@log_argument
@click.option("-o", "--output", required=True, metavar="FILE", help="The file; - for standard output.")
@moment_options
@click.option("--title", metavar="TEXT", help=f"The page's title.  [default: {TITLE}]")
@click.option(
    "--days",
    type=click.IntRange(min=1, max=366),
    default=30,
    metavar="N",
    show_default=True,
    help="How many days ahead the page looks.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=LIMIT,
    metavar="N",
    show_default=True,
    help="How many clients get a section of their own, the worst first; 0 for all.",
)
@rule_options
@click.pass_context
def report(
    ctx: click.Context,
    log: str,
    output: str,
    at: datetime | None,
    known_at: datetime | None,
    title: str | None,
    days: int,
    limit: int,
    choice: RuleChoice,
) -> None:
    """Write the whole book as one HTML page: the counts, what is coming, the worklist, and a section a client.

    The page needs nothing else: no network, no script, no other file. It can be sent by mail, printed, and read in the
    dark. The same log and moment give the same page. A page that is there already is replaced, in one step.

    \b
    Examples:
      retention report clients.jsonl --at 2026-06-30 -o report.html
      retention report sqlite:///clients.db -o report.html --days 90 --title "Our clients"
    """
    (engine, book_rules), settings = choice.with_book_rules(), choice.settings
    found = html_report(
        histories(log, choice.kinds),
        engine,
        at=at or now(),
        known_at=known_at,
        book_rules=book_rules,
        weights=settings.score,
        pace=settings.worklist,
        span=timedelta(days=days),
        title=title,
        limit=limit,
    )
    content = found.html.encode()
    if output == STANDARD_INPUT:
        sys.stdout.buffer.write(content)
    else:
        try:
            _replace(Path(output), content)
        except OSError as error:
            raise click.UsageError(f"{output} can't be written: {(error.strerror or str(error)).lower()}") from None
        click.echo(printable(f"Wrote {counted(found.clients, 'client')} to {output}."))
    report_failures(found.failures)
    if found.failures:
        ctx.exit(RULE_FAILED)


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of a page that is there, as a whole; what is no file, such as a pipe, is written to."""
    path = path.resolve()
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        path.write_bytes(content)
        return
    if mode is not None and not _is_page(path):
        raise click.UsageError(f"{path} is there and is no HTML page; give another name, so that nothing is lost")
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    new = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - it is open already
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(stat.S_IMODE(mode) if mode is not None else 0o666 & ~_umask())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _is_page(path: Path) -> bool:
    """Whether a file is empty or an HTML page, and no log or settings file whose name was given by mistake."""
    with path.open("rb") as file:
        start = file.read(len(PAGE_STARTS)).lower()
    return start in {b"", PAGE_STARTS}


def _umask() -> int:
    """What a new file's rights are reduced by; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
