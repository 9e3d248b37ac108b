"""The examples of the README and the docs: found, run and, on request, brought up to date.

`python tests/doc_examples.py [PAGE]...` writes what the commands print now into the pages; read the difference before
you commit.

A `python` block is run, a `console` block is typed into a shell in a folder that holds `examples/`, a `toml` block is
loaded as settings, each line of a `jsonl` block is read as an event. The comment `<!-- file: NAME -->` above a block
saves it there for the blocks that follow, as it must do above a `csv` block; `<!-- file: NAME, with mistakes -->` is
for settings that must be refused. `*.test.toml` and `pyproject.toml` are for a command that follows.
A page's blocks run in order and share their names and their folder. A page of an example runs in that example's folder.
The distribution in `examples/acme-rules` is installed.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from distributions import install_acme_rules, python_path
from retention_engine import KINDS, Event, Settings, configure, decode
from retention_engine.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])

_OF_CI = ("CI", "BUILD_NUMBER")
"""By these pytest knows that nobody watches, and then it says more."""

ENVIRONMENT = {key: it for key, it in os.environ.items() if not key.startswith("PYTEST_") and key not in _OF_CI}
"""The environment in which `retention` is the command of the Python that runs this."""

ENVIRONMENT["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

PROMPT = "$ "
SHOW_EXIT_CODE = "echo $?"
HOME = "/home/jo/clients"
"""Where the reader of a page works, in messages that name a whole path."""

_COMMAND = re.compile(r"^\$ (.*(?:(?<=\\)\n> .*)*)", re.MULTILINE)
_FILE = re.compile(r"<!-- file: (?P<name>[^\s,]+)(?P<mistakes>, with mistakes)? -->\n\Z")
_NO_SETTINGS = re.compile(r"pyproject\.toml|.*\.test\.toml")
_TRAILING_SPACE = re.compile(r"[ \t]+$", re.MULTILINE)
_TIME_OF_PYTEST = re.compile(r"(?<=passed) in [0-9.]+s")


def page_name(page: Path) -> str:
    """A page's path within the project."""
    return page.relative_to(ROOT).as_posix()


def document(page: Path) -> Document:
    """A page with its examples."""
    return Document.parse(
        str(page),
        PythonCodeBlockParser(),
        CodeBlockParser("console", run_console),
        CodeBlockParser("toml", run_toml),
        CodeBlockParser("jsonl", run_jsonl),
        CodeBlockParser("csv", run_csv),
    )


def run_page(page: Path, folder: Path) -> None:
    """Run a page's examples in a new folder.

    Raises:
        AssertionError: an example does not do what the page says.
    """
    with _prepared(folder), chdir(folder):
        for example in document(page):
            _save(example)
            example.evaluate()


@contextmanager
def _prepared(folder: Path) -> Iterator[None]:
    """The folder gets what the pages speak of, and the example distribution is installed."""
    copytree(ROOT / "examples", folder / "examples", ignore=ignore_patterns("__pycache__", ".*"))
    with tempfile.TemporaryDirectory() as site:
        places = install_acme_rules(Path(site), folder / "examples" / "acme-rules")
        before, path, modules = dict(ENVIRONMENT), list(sys.path), set(sys.modules)
        ENVIRONMENT.update(python_path(*places))
        sys.path += [*places, str(folder)]
        try:
            yield
        finally:
            ENVIRONMENT.clear()
            ENVIRONMENT.update(before)
            sys.path[:] = path
            for name in sys.modules.keys() - modules:
                if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(folder):
                    del sys.modules[name]


def run_console(example: Example) -> str:
    """What is wrong with a console block: nothing, or what a shell shows instead."""
    actual = transcript(example.parsed)
    return "" if comparable(actual) == comparable(example.parsed) else f"The shell shows:\n{actual}"


def run_toml(example: Example) -> None:
    """Load a settings file's text; it is refused if, and only if, the page says that it has mistakes."""
    named = _named(example)
    table = tomllib.loads(example.parsed)
    if named and _NO_SETTINGS.fullmatch(named["name"]):
        return
    if named and named["mistakes"]:
        with pytest.raises(SettingsError):
            Settings.from_table(table)
    else:
        _, plugins = configure(table)
        assert plugins.failures == ()


def run_jsonl(example: Example) -> None:
    """Read the lines of a log, which may be of kinds that the page declares, or of those that it calls `kinds`."""
    kinds = example.namespace.get("kinds") or KINDS.adding(*_own_kinds(example.namespace))
    for line in example.parsed.splitlines():
        decode(line.encode(), kinds=kinds)


def _own_kinds(names: dict[str, Any]) -> list[type[Event]]:
    """The classes of events that a page declares."""
    classes = (value for value in names.values() if isinstance(value, type) and issubclass(value, Event))
    return [cls for cls in dict.fromkeys(classes) if vars(cls).get("kind") and cls.kind not in KINDS]


def run_csv(example: Example) -> None:
    """A table is of use to a later command alone."""
    assert _named(example), "name the file: <!-- file: NAME -->"


def transcript(source: str) -> str:
    """What a shell in this folder shows where the commands of a console block are typed into it.

    A command that exits with something else than 0 must be followed by `$ echo $?`.
    """
    shown = []
    code = 0
    for command in _COMMAND.findall(source):
        assert code == 0 or command == SHOW_EXIT_CODE, f"exits with {code}, which the page does not show: {shown[-1]}"
        done = subprocess.run(
            ["sh", "-c", f"(exit {code}); {command.replace(chr(10) + '> ', chr(10))}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=ENVIRONMENT,
            check=False,
        )
        shown.append(f"{PROMPT}{command}\n{done.stdout.replace(str(Path.cwd()), HOME)}")
        code = done.returncode
    assert code == 0, f"exits with {code}, which the page does not show: {shown[-1]}"
    return "".join(shown)


def _named(example: Example) -> re.Match[str] | None:
    return _FILE.search(example.document.text[: example.start])


def _save(example: Example) -> None:
    if named := _named(example):
        Path(named["name"]).write_text(example.parsed, encoding="utf-8")


def comparable(text: str) -> str:
    """Without spaces at the ends of lines, which editors remove, and without the time that pytest took."""
    return _TIME_OF_PYTEST.sub("", _TRAILING_SPACE.sub("", text)).strip("\n")


def _up_to_date(page: Path, folder: Path) -> str:
    """A page's text with what its commands print now."""
    parts, place = [], 0
    found = document(page)
    home = folder / page.parent.relative_to(ROOT) if page.is_relative_to(ROOT / "examples") else folder
    with _prepared(folder), chdir(home):
        for example in found:
            _save(example)
            if example.region.evaluator is not run_console:
                example.evaluate()
                continue
            start = example.start + example.parsed.offset
            parts += [found.text[place:start], comparable(transcript(example.parsed)) + "\n"]
            place = start + len(example.parsed)
    return "".join(parts) + found.text[place:]


if __name__ == "__main__":
    for page in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(_up_to_date(page, Path(folder)), encoding="utf-8")
