"""`retention rules test`: run timeline tests of rules, written in TOML."""

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import click

from ..errors import SettingsError
from ..formats.rule_test_files import read_header, read_tests
from ..formats.rule_test_runs import Run, document, report, run
from ..formats.rule_tests import RuleTest, Surroundings, chosen
from ..formats.verdicts import as_json
from ..formats.words import printable
from ..plugins import configure
from ..settings import read_toml
from .exits import NOT_LOADED, RULE_FAILED, not_loaded
from .options import report_plugins, table_option

TESTS_FAILED = 1
SUFFIX = ".test.toml"
"""How a file of tests is called, so that a folder can be searched for them."""


@click.command(short_help="Run timeline tests of rules, written in TOML.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-k", "word", metavar="TEXT", help="Run the tests with this text in their name or their rule's.")
@table_option
@click.pass_context
def test(ctx: click.Context, files: tuple[Path, ...], word: str | None, format_: str) -> None:
    """Run timeline tests of rules: a history, and what a rule is to say of it when. No Python is needed.

    FILE is a TOML file; of a folder, all files in it are run whose names end in .test.toml. Each test gives events and
    expectations, at times since a start: 14d is two weeks after it, in both. A file names what it needs itself; no
    settings file of the current folder is read.

    \b
      use = ["./acme.py"]                          # plug-ins, from this file's folder
      [[test]]
      name = "An unpaid invoice is watched after two weeks"
      rule = "acme/slow-payer"
      events = ["0d acme.invoice_sent id=1", "10d engaged purpose=review"]
      [test.expect]
      13d = "nothing"
      14d = "watch, act by 14d"
      "from 14d until 44d" = "watch"               # exactly then

    Exit codes: 0 all passed; 1 a test failed; 2 usage, or a mistake in a file, and then no test is run; 4 a rule failed
    or a plug-in could not be loaded.

    \b
    Examples:
      retention rules test acme.test.toml
      retention rules test . -k unpaid --format json
    """
    tests, problems = _read(files)
    if problems:
        raise SettingsError([printable(problem) for problem in problems])
    selected = tests if word is None else chosen(tests, word)
    if not selected:
        raise SettingsError([f"none of the {len(tests)} tests has {word!r} in its name or its rule's"])
    runs = [run(one) for one in selected]
    if format_ == "json":
        sys.stdout.buffer.write(as_json(document(runs)))
    else:
        for line in report(runs, len(tests) - len(selected)):
            click.echo(line)
    told = not_loaded(ctx)
    _report_broken(runs, told)
    if told or any(one.failure for one in runs):
        ctx.exit(RULE_FAILED)
    if not all(one.passed for one in runs):
        ctx.exit(TESTS_FAILED)


def _read(files: Sequence[Path]) -> tuple[list[RuleTest], list[str]]:
    """All tests of the files, and all mistakes in them."""
    tests: list[RuleTest] = []
    problems = [
        f"{path}: no file in this folder has a name that ends in {SUFFIX}"
        for path in dict.fromkeys(files)
        if path.is_dir() and not any(path.rglob(f"*{SUFFIX}"))
    ]
    for path in dict.fromkeys(_files(files)):
        found, wrong = _read_file(path)
        tests += found
        problems += wrong
    return tests, problems


def _files(named: Sequence[Path]) -> Iterator[Path]:
    for path in named:
        if path.is_dir():
            yield from sorted(path.rglob(f"*{SUFFIX}"))
        else:
            yield path


def _read_file(path: Path) -> tuple[list[RuleTest], list[str]]:
    try:
        table = read_toml(path)
    except SettingsError as error:
        return [], list(error.problems)
    header, problems = read_header(table, str(path), path.parent)
    surroundings = Surroundings(missing="a plug-in can't be found")
    try:
        settings, plugins = configure(header.settings, plugins=header.use, base=path.parent, named_by=f"{path}: use")
    except SettingsError as error:
        problems += error.problems
    else:
        report_plugins(plugins)
        missing = click.get_current_context().meta.setdefault(NOT_LOADED, set())
        missing |= {failure.rule for failure in plugins.failures}
        surroundings = Surroundings(
            plugins.catalogue, plugins.kinds, settings, missing="; ".join(map(str, plugins.failures))
        )
    tests, wrong = read_tests(table, str(path), surroundings)
    return tests, [*problems, *wrong]


def _report_broken(runs: Sequence[Run], told: Collection[str]) -> None:
    """Say on standard error which rules failed in which test, those aside that could not be loaded."""
    for one in runs:
        if one.failure is not None and one.test.broken is None and one.failure.rule not in told:
            said = f"{one.test.file}: test {one.test.name!r}: rule {one.failure.rule} failed: {one.failure.cause}"
            click.echo(f"Error: {printable(said)}", err=True)
