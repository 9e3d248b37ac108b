"""`retention import`: files of events into a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast, get_args

import attrs
import click

from ..errors import did_you_mean
from ..formats.column_map import ColumnMap
from ..formats.intake import Format, Intake
from ..formats.lines import STANDARD_INPUT, Progress
from ..formats.quarantine import SUFFIX, Quarantine
from ..formats.verdicts import VERSION, as_json
from ..formats.words import counted, printable
from ..importing import MOST_PROBLEMS, Imported, import_files
from ..log import open_log
from ..log.address import SQLITE
from ..settings import Settings
from .exits import BAD_INPUT, tell
from .options import RuleChoice, format_option, plugin_options
from .reading import WORTH_A_BAR, size_of

PATIENCE = 60.0
"""How many seconds to wait for another import to end."""

MOST_SOURCE = 100


@click.command("import", short_help="Import files of events.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--log", "address", required=True, metavar="URL", help="The log, such as sqlite:///clients.db.")
@click.option("--lenient", is_flag=True, help="Store the good lines and set the bad ones aside in a file.")
@click.option(
    "--quarantine",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Where --lenient sets bad lines aside.  [default: the first FILE with {SUFFIX} behind its name]",
)
@click.option("--dry-run", is_flag=True, help="Do everything but store.")
@click.option("--map", "map_name", metavar="NAME", help="Read tables as [import.NAME] of the settings file says.")
@click.option(
    "--source", default="", metavar="NAME", help="Where events without an id come from; other sources, other events."
)
@click.option(
    "--recorded-at",
    type=click.Choice(["now", "keep"]),
    default="now",
    show_default=True,
    help="When a line that does not say so was recorded: now, or when it happened (keep), as in an exported log.",
)
@click.option(
    "--format-in",
    type=click.Choice(get_args(Format)),
    default="auto",
    show_default=True,
    help="The files' format; auto goes by their names.",
)
@click.option(
    "--max-errors",
    type=click.IntRange(min=0),
    default=MOST_PROBLEMS,
    show_default=True,
    metavar="N",
    help="Give up after more bad lines than that.",
)
@plugin_options
@format_option
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[str, ...],
    address: str,
    lenient: bool,
    quarantine: Path | None,
    dry_run: bool,
    map_name: str | None,
    source: str,
    recorded_at: str,
    format_in: str,
    max_errors: int,
    choice: RuleChoice,
    format_: str,
) -> None:
    """Import files of events into a log: all of them, or nothing.

    A bad line keeps everything from being stored; all bad lines are listed, and the exit code is 3. With --lenient the
    good lines are stored and the bad ones set aside, one JSON object a line with file, line, field, code, message and
    raw. Correct raw there and import that file: it is read as what the lines were. A file that can't be read to its end
    is never stored in part.

    Importing a file again stores nothing twice: an event is known by its client and its id or, without an id, by all
    that it says, its equals in the same file being counted. --source keeps equal events of different origin apart.

    FILE is one of these, plain or gzipped, or - for standard input:

    JSON lines (the log format): the default.

    CSV: where the name ends in .csv or .tsv, or --map is given. The header has the names of the log format's fields
    (client, kind, at, ..., answers.refer), and lists have semicolons; or an [import.NAME] table of the settings file
    says which column holds what. Times without an offset are refused, unless that table names their time zone.

    CloudEvents 1.0, one JSON object a line, told by specversion: subject is the client, the last label of type the kind
    (com.example.client.renewed), time is at, data has the kind's fields, and the id is source and id with a space
    between. A field of data that names another event (complaint, event, resolves, reactive_to) means one of the same
    source. Extension attributes are ignored.

    \b
    Examples:
      retention import clients.jsonl --log sqlite:///clients.db
      retention import tasks.csv --map salesforce-task --log sqlite:///clients.db --dry-run
      retention import 2026-*.jsonl.gz --log sqlite:///clients.db --lenient --quarantine rejected.jsonl
      retention import backup.jsonl --log sqlite:///copy.db --recorded-at keep
    """
    _check(files, source, lenient=lenient, quarantine=quarantine)
    mapping = None if map_name is None else _map(choice.settings, map_name)
    aside = _quarantine(files, quarantine) if lenient else None
    patience: dict[str, Any] = {"lock_timeout": PATIENCE} if address.startswith(SQLITE) else {}
    with aside or nullcontext(), open_log(address, kinds=choice.kinds, **patience) as log, _progress(files) as progress:
        done = import_files(
            log,
            files,
            intake=Intake(cast(Format, format_in), mapping, log.kinds),
            quarantine=aside,
            dry_run=dry_run,
            source=source,
            keep_recorded_at=recorded_at == "keep",
            most_problems=max_errors,
            progress=progress,
        )
    tell(done.problems)
    path = str(aside.path) if aside is not None and done.applied and done.set_aside else None
    if format_ == "json":
        sys.stdout.buffer.write(as_json(_document(done, path)))
    elif not done.refused:
        click.echo(printable(_words(done, path)))
    if done.refused:
        click.echo(_refusal(done, lenient=lenient), err=True)
    if done.problems:
        ctx.exit(BAD_INPUT)


def _check(files: tuple[str, ...], source: str, *, lenient: bool, quarantine: Path | None) -> None:
    if files.count(STANDARD_INPUT) > 1:
        raise click.UsageError("standard input can be read only once; give - once")
    if quarantine is not None and not lenient:
        raise click.UsageError("--quarantine goes with --lenient")
    if not source.isprintable() or len(source) > MOST_SOURCE:
        raise click.UsageError(f"--source has to be at most {MOST_SOURCE} printable characters")


def _quarantine(files: tuple[str, ...], path: Path | None) -> Quarantine:
    first = "stdin" if files[0] == STANDARD_INPUT else files[0]
    path = path or Path(first + SUFFIX)
    if path.exists():
        hint = "correct and import it or remove it, or name another one with --quarantine"
        raise click.UsageError(f"{path} exists, with lines that were set aside before; {hint}")
    return Quarantine(path)


def _map(settings: Settings, name: str) -> ColumnMap:
    if name not in settings.imports:
        hint = did_you_mean(name, settings.imports) or "; write an [import.NAME] table"
        raise click.UsageError(f"--map {name}: {settings.source} has no such column map{hint}")
    return settings.imports[name]


@contextmanager
def _progress(files: tuple[str, ...]) -> Iterator[Progress | None]:
    size = sum(map(size_of, files))
    if size < WORTH_A_BAR or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=size, label="Importing", file=sys.stderr) as bar:
        yield bar.update


def _words(done: Imported, path: str | None) -> str:
    to_be = "" if done.applied else "to be "
    counts = f"{done.stored:,} {to_be}stored, {done.known:,} there already, {done.set_aside:,} {to_be}set aside"
    where = f" in {path}" if path else ""
    note = "" if done.applied else " Nothing was stored: this was a dry run."
    return f"Read {counted(done.read, 'line')}: {counts}{where}.{note}"


def _refusal(done: Imported, *, lenient: bool) -> str:
    bad = len(done.problems) - done.faults
    lines = f"{bad:,} of {done.read:,} line{'s are' if bad > 1 else 's is' if done.read > 1 else ' is'} bad"
    if done.faults:
        files = "a file" if done.faults == 1 else f"{done.faults} files"
        return f"Nothing was stored: {files} can't be read to the end" + (f", and {lines}." if bad else ".")
    them = "it" if bad == 1 else "them"
    hint = "" if lenient else f", or set {them} aside with --lenient"
    return f"Nothing was stored: {lines}. Correct {them}{hint}, and run the command again."


def _document(done: Imported, path: str | None) -> dict[str, object]:
    return {
        "version": VERSION,
        "read": done.read,
        "stored": 0 if done.refused else done.stored,
        "already_there": 0 if done.refused else done.known,
        "set_aside": done.set_aside,
        "quarantine": path,
        "applied": done.applied,
        "problems": [attrs.asdict(problem) for problem in done.problems],
    }
