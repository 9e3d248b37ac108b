"""The command `retention`: it parses, calls the library and prints; each command is imported when it is used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from .exits import INTERRUPTED

COMMANDS = {
    "replay": "Replay a log: every client's health and next actions at a moment.",
    "explain": "Tell one client's story: status, why, since when, what to do, what comes next.",
    "health": "Show each client's health by dimension, and a score with all that it is made of.",
    "actions": "List what is to be done: each owner's worklist for a day.",
    "book": "Tell what holds for all clients together: whom we forget, and what the business stands on.",
    "timeline": "Show every past status of a client, exact to the instant, with the rules and events behind each change.",
    "diff": "Compare two rule sets over one log, or what was known then with what is known now.",
    "reality": "Show how many clients were kept in a period, by name, and how far that is from what you believe.",
    "backtest": "Hold rules against what happened: whom would they have warned of, and who was lost?",
    "report": "Write the whole book as one HTML page: the counts, what is coming, the worklist, and a section a client.",
    "outlook": "Show who changes status when if nothing happens, by which rule, and what prevents it by when.",
    "agenda": "Show what is coming, read off a standing agenda: who changes status when, and which actions fall due.",
    "watch": "Follow a log; print each change of status, once it has come to pass, as a line of JSON.",
    "repair": "Find the cheapest step that brings a client's health back to a level, and by when it must happen.",
    "rules": "List and explain the rules; write, test and check rules of your own.",
    "init": "Make a log.",
    "record": "Record one event in a log.",
    "import": "Import files of events into a log: all of them, or nothing.",
    "export": "Write a log's events to a file, exactly as they are.",
    "log": "Verify a log, or back it up.",
    "forget": "Remove what is personal about a client from a log, for good.",
}


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ends the program where it is stopped from the keyboard: click would say that it did its work, and --fail-on was reached."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


class LazyGroup(click.Group):
    """A group that knows its commands' names and first lines, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(f".{name}", __name__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            from ..errors import did_you_mean

            ctx.fail(f"no such command {name!r}{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with _interruptible():
            from .streams import speak_utf_8

            speak_utf_8()
        return super().main(*args, **kwargs)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _interruptible():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        with _interruptible():
            return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> object:
        from ..errors import InputError, LogError, RetentionError
        from .exits import BAD_INPUT, RULE_FAILED, complain, not_loaded
        from .streams import check_output, give_up_writing

        check_output()
        try:
            try:
                done: object = super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except InputError as error:
            complain(error)
            ctx.exit(BAD_INPUT)
        except LogError as error:
            raise click.UsageError(f"{error}. {error.hint}", ctx=None) from None
        except RetentionError as error:
            raise click.UsageError(str(error), ctx=None) from None
        except OSError as error:  # what a command reads, it reads with errors of its own
            give_up_writing(error)
        if not_loaded(ctx):
            ctx.exit(RULE_FAILED)
        return done


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 --fail-on was reached; 2 usage or settings; 3 the input has bad lines; 4 a rule failed.",
)
@click.version_option(package_name="retention-engine", prog_name="retention")
def main() -> None:
    """Replay what happened between you and your clients; see who is at risk and what to do next.

    LOG is a file of events, one JSON object a line, plain or gzipped, - for standard input, or a log's address such as
    sqlite:///clients.db.

    \b
    Examples:
      retention replay clients.jsonl --at 2026-06-30
      retention explain clients.jsonl acme --at 2026-06-30
      retention rules explain quiet-client
    """
