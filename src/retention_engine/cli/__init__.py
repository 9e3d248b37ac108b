"""The command `retention`: it parses, calls the library and prints; each command is imported when it is used."""

from importlib import import_module

import click

COMMANDS = {
    "replay": "Replay a log: every client's health and next actions at a moment.",
    "explain": "Tell one client's story: status, why, since when, what to do, what comes next.",
    "rules": "List the rules, or explain one.",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and first lines, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f".{cmd_name}", __name__), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        from ..errors import InputError, RetentionError
        from .exits import BAD_INPUT, complain

        try:
            return super().invoke(ctx)
        except InputError as error:
            complain(error, ctx)
            ctx.exit(BAD_INPUT)
        except RetentionError as error:
            raise click.UsageError(str(error), ctx=None) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 --fail-on was reached; 2 usage or settings; 3 the input has bad lines; 4 a rule failed.",
)
@click.version_option(package_name="retention-engine", prog_name="retention")
def main() -> None:
    """Replay what happened between you and your clients; see who is at risk and what to do next.

    LOG is a file of events, one JSON object a line, plain or gzipped, or - for standard input.

    \b
    Examples:
      retention replay clients.jsonl --at 2026-06-30
      retention explain clients.jsonl acme --at 2026-06-30
      retention rules explain quiet-client
    """
