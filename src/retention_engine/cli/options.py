"""Options that several commands share, and what they stand for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from ..book_rules import BOOK_RULES
from ..declare import BoundRule
from ..engine import Engine
from ..findings import Health
from ..moments import duration, instant
from ..settings import FILE_NAME, Settings

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


def rule_options(command: C) -> C:
    """`--settings`, `--pack` and `--select`."""
    command = click.option(
        "--select", multiple=True, metavar="RULE", help="Run this rule alone, whatever is enabled; repeat for several."
    )(command)
    command = click.option(
        "--pack", multiple=True, metavar="PACK", help="Turn a pack of rules on, besides those of the settings."
    )(command)
    return settings_option(command)


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


_OF_BOOK = {rule.name for rule in BOOK_RULES}


@attrs.frozen
class RuleChoice:
    """Which rules to run, as the options say."""

    settings_file: Path | None
    pack: tuple[str, ...]
    select: tuple[str, ...]

    def settings(self) -> Settings:
        """The settings named, else those of this folder, else none."""
        if self.settings_file is not None:
            return Settings.load(self.settings_file)
        return Settings.load(Path(FILE_NAME)) if Path(FILE_NAME).is_file() else Settings()

    def engine(self) -> Engine:
        """An engine with the rules chosen."""
        return Engine(self.settings().choose(packs=self.pack, select=self.select))

    def with_book_rules(self) -> tuple[Engine, tuple[BoundRule, ...]]:
        """An engine with the rules chosen about one client, and those chosen about the whole book.

        Where rules about the book alone are selected, the enabled ones about one client say how the clients are.
        """
        of_book = [name for name in self.select if name in _OF_BOOK]
        of_clients = [name for name in self.select if name not in _OF_BOOK]
        settings = self.settings()
        engine = Engine(settings.choose(packs=self.pack, select=of_clients))
        if of_clients and not of_book:
            return engine, ()
        return engine, settings.choose_book(packs=self.pack, select=of_book)

    @property
    def of_book_alone(self) -> bool:
        """Whether rules about the whole book are selected, and no others."""
        return bool(self.select) and set(self.select) <= _OF_BOOK


def now() -> datetime:
    """The clock, read here and nowhere below."""
    return datetime.now(UTC).replace(microsecond=0)
