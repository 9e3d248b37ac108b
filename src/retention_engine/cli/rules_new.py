"""`retention rules new`: write a rule and its tests, for their author to change."""

import shlex
from pathlib import Path

import click

from ..formats.words import printable
from ..plugins.scaffold import Scaffold


@click.command(short_help="Write a rule and its tests, to be changed.")
@click.argument("name", metavar="NAME")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="The folder for the files; made where there is none.  [default: this folder]",
)
def new(name: str, into: Path) -> None:
    """Write a rule and its tests, which work as they are: change them into yours.

    NAME is the rule's name. acme/slow-payer is written into acme.py, as the function slow_payer. slow-payer alone is
    written into slow_payer.py, and the rule is then named slow-payer/slow-payer: a rule's name begins with its file's.

    Beside the rule come test_slow_payer.py, for pytest, and slow_payer.test.toml, for retention rules test. No file is
    ever overwritten: where one of the three is there, none is written.

    \b
    Examples:
      retention rules new acme/slow-payer
      retention rules new acme/slow-payer --into rules
    """
    scaffold = Scaffold.named(name)
    written = scaffold.write(into)
    click.echo(f"Wrote the rule {scaffold.rule}:")
    for path, what in zip(written, ("the rule", "its tests in Python", "its tests in TOML"), strict=True):
        click.echo(f"  {printable(str(path))}  {what}")
    rule, tests, timeline = written
    spec = str(rule) if rule.is_absolute() else f"./{rule.as_posix()}"
    click.echo("\nNext:")
    click.echo(f"  retention rules test {_argument(timeline)}")
    click.echo(f"  pytest {_argument(tests)}")
    click.echo(f"  retention replay LOG --rules {_argument(spec)}")


def _argument(value: Path | str) -> str:
    return printable(shlex.quote(str(value)))
