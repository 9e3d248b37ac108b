"""The examples of the README and the docs: found, run and, on request, brought up to date.

`python tests/doc_examples.py [PAGE]...` writes what the commands print now into the pages; read the difference before
you commit.

A `python` block is run, a `console` block is typed into a shell in a folder that holds `examples/`, a `toml` block is
loaded as settings, each line of a `jsonl` block is read as an event. The comment `<!-- file: NAME -->` above a block
saves it there for the blocks that follow, as it must do above a `csv` block; `<!-- file: NAME, with mistakes -->` is
for settings that must be refused.
A page's blocks run in order and share their names and their folder. A page of an example runs in that example's folder.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from contextlib import chdir
from pathlib import Path
from shutil import copytree

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from retention_engine import KINDS, Settings, decode
from retention_engine.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])

ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
"""The environment in which `retention` is the command of the Python that runs this."""

PROMPT = "$ "
SHOW_EXIT_CODE = "echo $?"

_COMMAND = re.compile(r"^\$ (.*(?:(?<=\\)\n> .*)*)", re.MULTILINE)
_FILE = re.compile(r"<!-- file: (?P<name>[^\s,]+)(?P<mistakes>, with mistakes)? -->\n\Z")
_TRAILING_SPACE = re.compile(r"[ \t]+$", re.MULTILINE)


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
    copytree(ROOT / "examples", folder / "examples")
    with chdir(folder):
        for example in document(page):
            _save(example)
            example.evaluate()


def run_console(example: Example) -> str:
    """What is wrong with a console block: nothing, or what a shell shows instead."""
    actual = transcript(example.parsed)
    return "" if _comparable(actual) == _comparable(example.parsed) else f"The shell shows:\n{actual}"


def run_toml(example: Example) -> None:
    """Load a settings file's text; it is refused if, and only if, the page says that it has mistakes."""
    named = _named(example)
    if named and named["mistakes"]:
        with pytest.raises(SettingsError):
            Settings.from_table(tomllib.loads(example.parsed))
    else:
        Settings.from_table(tomllib.loads(example.parsed))


def run_jsonl(example: Example) -> None:
    """Read the lines of a log; a page that declares kinds of its own calls them `kinds`."""
    kinds = example.namespace.get("kinds", KINDS)
    for line in example.parsed.splitlines():
        decode(line.encode(), kinds=kinds)


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
        shown.append(f"{PROMPT}{command}\n{done.stdout}")
        code = done.returncode
    assert code == 0, f"exits with {code}, which the page does not show: {shown[-1]}"
    return "".join(shown)


def _named(example: Example) -> re.Match[str] | None:
    return _FILE.search(example.document.text[: example.start])


def _save(example: Example) -> None:
    if named := _named(example):
        Path(named["name"]).write_text(example.parsed, encoding="utf-8")


def _comparable(text: str) -> str:
    """Without spaces at the ends of lines, which editors remove."""
    return _TRAILING_SPACE.sub("", text).strip("\n")


def _up_to_date(page: Path, folder: Path) -> str:
    """A page's text with what its commands print now."""
    copytree(ROOT / "examples", folder / "examples")
    parts, place = [], 0
    found = document(page)
    home = folder / page.parent.relative_to(ROOT) if page.is_relative_to(ROOT / "examples") else folder
    with chdir(home):
        for example in found:
            _save(example)
            if example.region.evaluator is not run_console:
                example.evaluate()
                continue
            start = example.start + example.parsed.offset
            parts += [found.text[place:start], _comparable(transcript(example.parsed)) + "\n"]
            place = start + len(example.parsed)
    return "".join(parts) + found.text[place:]


if __name__ == "__main__":
    for page in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(_up_to_date(page, Path(folder)), encoding="utf-8")
