"""The conformance cases through the real command, and through the naive reading that the properties rest on."""

import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import naive
from shared_folder import SHARED, needs_shared

FOLDER = SHARED / "conformance"
CASES = sorted(path.parent.name for path in FOLDER.glob("*/case.json"))

pytestmark = needs_shared


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """The runner beside the cases, as a module: it compares, so that nobody compares in another way."""
    loader = importlib.machinery.SourceFileLoader("conformance_runner", str(FOLDER / "run"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    writing, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # the folder may be read-only
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = writing
    return module


def read(name: str, file: str) -> Any:
    return json.loads((FOLDER / name / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_the_command_passes_the_case(name: str, runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    case = read(name, "case.json")
    document = runner.replay(
        [sys.executable, "-m", "retention_engine"],
        FOLDER / name / case["log"],
        case["at"],
        case.get("select", ()),
        case.get("known_at"),
        case.get("ahead", "7d"),
    )
    assert document["failures"] == []
    assert runner.differences(read(name, "expected.json"), document) == []


@pytest.mark.parametrize("name", CASES)
def test_the_naive_reading_passes_the_case(name: str):
    case = read(name, "case.json")
    lines = (FOLDER / name / case["log"]).read_text(encoding="utf-8").splitlines()
    found = naive.answers(
        [json.loads(line) for line in lines if line.strip()],
        naive.moment(case["at"]),
        known_at=naive.moment(case["known_at"]) if "known_at" in case else None,
        rules={rule: naive.RULES[rule] for rule in case.get("select", naive.RULES)},
    )
    assert case.get("ahead", "7d") == "7d"
    assert found == {
        client: naive.Answer(
            said["status"],
            {(rule, level, about or None) for rule, level, about, _, _ in said["concerns"]},
            {(rule, about or None, naive.moment(due)) for rule, about, due in said["actions"]},
        )
        for client, said in read(name, "expected.json").items()
    }


def test_there_are_cases():
    assert len(CASES) >= 11
