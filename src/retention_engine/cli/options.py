"""Options that several commands share, and what they stand for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs
import click

from ..binding import BoundRule
from ..declare import Rule
from ..engine import Engine
from ..findings import Health
from ..formats.words import printable
from ..kinds import Kinds
from ..moments import duration, instant
from ..plugins import Plugins, configure
from ..settings import FILE_NAME, Settings
from .exits import NOT_LOADED

if TYPE_CHECKING:
    from ..parallel import Recipe

C = TypeVar("C", bound=Callable[..., Any])


class InstantParam(click.ParamType[datetime]):
    """An instant: RFC 3339 with an offset, or a date."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return instant(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DurationParam(click.ParamType[timedelta]):
    """A duration such as 7d or '30 days'."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class LevelParam(click.ParamType[Health]):
    """A health level."""

    name = "level"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Health:
        if isinstance(value, Health):
            return value
        try:
            return Health.named(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        return "LEVEL"


log_argument = click.argument("log", metavar="LOG")
address_argument = click.argument("address", metavar="URL")
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the results are printed.",
)
table_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How the results are printed.",
)
settings_option = click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"The settings file.  [default: {FILE_NAME} in this folder, if there is one]",
)


def limit_option(what: str) -> Callable[[C], C]:
    """`--limit`, of what is printed for people; `what` is its help."""
    return click.option("--limit", type=click.IntRange(min=0), default=25, metavar="N", show_default=True, help=what)


known_at_option = click.option(
    "--known-at",
    type=InstantParam(),
    metavar="INSTANT",
    help="Hide what was recorded later: what did we know then?  [default: hide nothing]",
)


def moment_options(command: C) -> C:
    """`--at` and `--known-at`."""
    command = known_at_option(command)
    return click.option(
        "--at",
        type=InstantParam(),
        metavar="INSTANT",
        help="The moment asked about, such as 2026-06-30 or 2026-06-30T09:00:00+02:00; what happened later is not seen."
        "  [default: now]",
    )(command)


rules_option = click.option(
    "--rules",
    "plugins",
    multiple=True,
    metavar="PLUGIN",
    help="Rules of others, besides those of the settings: a file (./acme.py), a module (acme.rules), or the name of an "
    "installed plug-in; repeat for several.",
)


def rule_options(command: C) -> C:
    """`--settings`, `--rules`, `--pack` and `--select`, which the command gets as one `choice`."""
    command = click.option(
        "--select", multiple=True, metavar="RULE", help="Run this rule alone, whatever is enabled; repeat for several."
    )(_choosing(command))
    command = click.option(
        "--pack", multiple=True, metavar="PACK", help="Turn a pack of rules on, besides those of the settings."
    )(command)
    return settings_option(rules_option(command))


def plugin_options(command: C) -> C:
    """`--settings` and `--rules`, for a command that runs no rule but reads or writes events of a plug-in's kinds."""
    return settings_option(rules_option(_choosing(command)))


def _choosing(command: C) -> C:
    """The command with its options about rules put together as `choice`."""

    @wraps(command)
    def chosen(
        *args: Any,
        settings_file: Path | None,
        plugins: tuple[str, ...],
        pack: tuple[str, ...] = (),
        select: tuple[str, ...] = (),
        **options: Any,
    ) -> Any:
        return command(*args, choice=RuleChoice(settings_file, plugins, pack, select), **options)

    return cast(C, chosen)


def ahead_option(command: C) -> C:
    """`--ahead`."""
    return click.option(
        "--ahead",
        type=DurationParam(),
        metavar="DURATION",
        default="7d",
        show_default=True,
        help="List the actions due by so much after the moment.",
    )(command)


@attrs.frozen(slots=False)
class RuleChoice:
    """Which rules to run, as the options say."""

    settings_file: Path | None = None
    plugins: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()
    select: tuple[str, ...] = ()

    @cached_property
    def _configured(self) -> tuple[Settings, Plugins]:
        """The settings named, else those of this folder, else none; and the plug-ins that these or the options name."""
        settings, plugins = configure(self._file, plugins=self.plugins, named_by="--rules")
        report_plugins(plugins)
        return settings, plugins

    @property
    def _file(self) -> Path | None:
        if self.settings_file is None and Path(FILE_NAME).is_file():
            return Path(FILE_NAME)
        return self.settings_file

    def recipe(self) -> "Recipe":
        """How another process makes the engine."""
        from ..parallel import Recipe

        return Recipe(self._file, self.plugins, self.pack, self.select)

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self._configured[0]

    @property
    def catalogue(self) -> tuple[Rule, ...]:
        """Every rule there is, built in or of a plug-in; where some could not be loaded, the command will say so."""
        missing = click.get_current_context().meta.setdefault(NOT_LOADED, set())
        missing |= {failure.rule for failure in self._configured[1].failures}
        return self._configured[1].catalogue

    @property
    def kinds(self) -> Kinds:
        """The kinds of event there are, built in or of a plug-in."""
        return self._configured[1].kinds

    def engine(self) -> Engine:
        """An engine with the rules chosen."""
        return Engine(self.settings.choose(self.catalogue, packs=self.pack, select=self.select))

    def with_book_rules(self) -> tuple[Engine, tuple[BoundRule, ...]]:
        """An engine with the rules chosen about one client, and those chosen about the whole book.

        Where rules about the book alone are selected, the enabled ones about one client say how the clients are.
        """
        of_book = [name for name in self.select if name in self._about_the_book]
        of_clients = [name for name in self.select if name not in self._about_the_book]
        engine = Engine(self.settings.choose(self.catalogue, packs=self.pack, select=of_clients))
        if of_clients and not of_book:
            return engine, ()
        return engine, self.settings.choose_book(self.catalogue, packs=self.pack, select=of_book)

    @property
    def of_book_alone(self) -> bool:
        """Whether rules about the whole book are selected, and no others."""
        return bool(self.select) and set(self.select) <= self._about_the_book

    @property
    def _about_the_book(self) -> set[str]:
        return {rule.name for rule in self.catalogue if rule.scope == "book"}


def report_plugins(plugins: Plugins) -> None:
    """Say on standard error what could not be loaded, or was slow to; each thing once in a run of a command."""
    told = click.get_current_context().meta.setdefault("retention_engine.told", set())
    lines = [f"Warning: {warning}" for warning in plugins.warnings]
    lines += [f"Error: {failure}" for failure in plugins.failures]
    for line in lines:
        if line not in told:
            click.echo(printable(line), err=True)
            told.add(line)


def now() -> datetime:
    """The clock, read here and nowhere below."""
    return datetime.now(UTC).replace(microsecond=0)
