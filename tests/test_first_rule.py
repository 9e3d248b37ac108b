"""The page "Write your first rule", followed word by word in an empty folder, with real environments and a real pip.

Nothing on the page says so, but `pip install retention-engine` gets the package that is tested here.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import attrs
import pytest

from doc_examples import PROMPT, ROOT, comparable

PAGE = ROOT / "docs" / "first-rule.md"
BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"(?:\n\n```text\n(?P<shown>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
"""A block of the page, with the file that it is to be saved as, or what is shown right below it."""

FILES = {"python", "toml", "jsonl"}

pytestmark = pytest.mark.slow


def blocks():
    return list(BLOCK.finditer(PAGE.read_text(encoding="utf-8")))


@attrs.define
class Reader:
    """Somebody at a terminal who does what the page says; what `cd` and `activate` did stays so."""

    folder: Path
    environment: dict[str, str]

    def types(self, commands):
        """The output of some lines, and the exit code of the last."""
        note = self.environment["NOTE"]
        script = f'{commands}\nstatus=$?; "{sys.executable}" -c "{_NOTE}" "{note}" >&2; exit $status'
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        noted = json.loads(Path(note).read_text(encoding="utf-8"))
        self.folder, self.environment = Path(noted["folder"]), noted["environment"]
        return done.stdout, done.returncode

    def follows(self, block):
        if block["file"]:
            assert block["language"] in FILES
            (self.folder / block["file"]).write_text(block["text"], encoding="utf-8")
        elif block["language"] == "sh":
            for command in block["text"].splitlines():
                shown, code = self.types(command)
                assert code == 0, f"{command}\n{shown}"
            if block["shown"] is not None:
                assert comparable(shown) == comparable(block["shown"])
        else:
            assert block["language"] == "console"
            self.compares(block["text"])

    def compares(self, transcript):
        shown = []
        for command in re.findall(r"^\$ (.*)", transcript, re.MULTILINE):
            text, code = self.types(command)
            assert code == 0, f"{command}\n{text}"
            shown.append(f"{PROMPT}{command}\n{text}")
        assert comparable("".join(shown)) == comparable(transcript)


_NOTE = (
    "import json, os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text("
    "json.dumps({'folder': os.getcwd(), 'environment': dict(os.environ)}))"
)


def in_environment(environment, *command):
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A reader in an empty folder, for whom `python3` is the Python that runs this and pip finds our package."""
    place = tmp_path_factory.mktemp("first-rule")
    tools, wheels, folder = place / "bin", place / "wheels", place / "an empty folder"
    for made in (tools, wheels, folder):
        made.mkdir()
    python = getattr(sys, "_base_executable", None) or sys.executable
    (tools / "python3").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', encoding="utf-8")
    (tools / "python3").chmod(0o755)
    ours = Path(sys.executable).parent
    path = [str(tools), *(it for it in os.environ["PATH"].split(os.pathsep) if Path(it) != ours)]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHON", "VIRTUAL_ENV"))}
    environment = {
        **kept,
        "PATH": os.pathsep.join(path),
        "NOTE": str(place / "note.json"),
        "PIP_FIND_LINKS": f"{wheels} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    pip = [str(place / "tools" / "bin" / "python"), "-m", "pip"]
    in_environment(environment, "python3", "-m", "venv", str(place / "tools"))
    _needs_the_registry(in_environment(environment, *pip, "download", "-q", "--no-deps", "-d", str(place), "hatchling"))
    built = in_environment(environment, *pip, "wheel", "-q", "--no-deps", "-w", str(wheels), str(ROOT))
    assert built.returncode == 0, built.stderr
    return Reader(folder, environment)


def _needs_the_registry(probe):
    if probe.returncode == 0:
        return
    said = f"pip can't reach a package registry: {probe.stderr.strip().splitlines()[-1:]}"
    if os.environ.get("CI") == "true" or os.environ.get("RETENTION_REQUIRE_REGISTRY") == "1":
        pytest.fail(said)
    pytest.skip(said)


def assert_has_our_package(environment, wheels):
    """What pip installed is what was built here, whatever else a registry has under that name."""
    (wheel,) = wheels.glob("retention_engine-*.whl")
    (site,) = environment.glob("lib/python*/site-packages")
    with ZipFile(wheel) as ours:
        modules = [name for name in ours.namelist() if name.endswith(".py")]
        assert len(modules) > 100
        assert [name for name in modules if (site / name).read_bytes() != ours.read(name)] == []


def test_the_page_leads_from_an_empty_folder_to_a_rule_installed_elsewhere(reader):
    start = reader.folder
    for block in blocks():
        reader.follows(block)
    for environment in (start / ".venv", start / "elsewhere" / ".venv"):
        assert_has_our_package(environment, Path(reader.environment["PIP_FIND_LINKS"].split()[0]))
    assert reader.folder == start / "elsewhere"
    shown, code = reader.types(".venv/bin/retention replay ../log.jsonl --at 2026-04-01 --rules acme --format json")
    assert code == 0
    (north,) = (client for client in json.loads(shown)["clients"] if client["client"] == "north")
    assert [(concern["rule"], concern["starts"]) for concern in north["concerns"]] == [
        ("acme/slow-payer", "2026-03-16T00:00:00Z")
    ]


def test_the_page_shows_what_the_acceptance_asks_for():
    typed = "\n".join(block["text"] for block in blocks() if block["language"] in {"sh", "console"})
    for command in (
        "pip install retention-engine",
        "retention replay log.jsonl --at",
        "retention rules test",
        "pytest -q",
        "retention rules check",
        "pip wheel",
        ".venv/bin/pip install ../wheels/",
    ):
        assert command in typed
    saved = [block["file"] for block in blocks() if block["file"]]
    assert saved == [
        "acme.py",
        "log.jsonl",
        "retention.toml",
        "slow_payer.test.toml",
        "test_acme.py",
        "pyproject.toml",
    ]


def test_every_block_of_the_page_is_followed():
    assert PAGE.read_text(encoding="utf-8").count("```") == sum(4 if it["shown"] is not None else 2 for it in blocks())
