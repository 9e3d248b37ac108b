import json
import os
import shutil
import subprocess
import sys

import pytest

from doc_examples import ROOT

SUITE = ROOT / "benchmarks" / "suite"
PAGE, PICTURE = "performance.md", "performance.svg"
ALONE = {"full", "day", "worklist", "owner", "fed"}
"""The sections in which contenders run one at a time, each in a process of its own."""


def run(*words):
    script = SUITE / "run.py"
    return subprocess.run(
        [sys.executable, script, *map(str, words)], capture_output=True, text=True, check=False, env=os.environ
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the suite finds with very few events; it fails where two answers differ."""
    folder = tmp_path_factory.mktemp("suite")
    kept = folder / "results.json"
    sections = [word for section in (*ALONE, "parts", "one-event") for word in ("--section", section)]
    done = run("--events", 4_000, "--repeats", 1, "--data", folder / "data", "--results", kept, "--save", *sections)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return json.loads(kept.read_text(encoding="utf-8"))["sizes"]["4000"]


def test_the_suite_answers_every_question(results):
    assert set(results) == {*ALONE, "parts", "one-event"}
    assert all(found["items"] for section, found in results.items() if section in ALONE)


def test_nobody_answers_alone(results):
    assert [section for section in ALONE if len(results[section]["contenders"]) < 2] == []
    assert {"ours", "limit", "library, repository.get"} <= set(results["full"]["contenders"])


@pytest.mark.slow
def test_the_suite_tells_how_the_cost_grows(tmp_path):
    done = run(
        "--events", 500, "--repeats", 1, "--section", "growth", "--data", tmp_path, "--results", tmp_path / "none"
    )
    assert done.returncode == 0, done.stderr
    assert "57  " in done.stdout


def test_an_answer_that_differs_is_told(tmp_path):
    shutil.copytree(SUITE.parent, tmp_path / "benchmarks")
    lying = tmp_path / "benchmarks" / "suite"
    rules = lying / "handwritten.py"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(
        text.replace("PATIENCE, KEY_PATIENCE = timedelta(days=7)", "PATIENCE, KEY_PATIENCE = timedelta(days=60)")
    )
    words = ["--events", "2000", "--repeats", "1", "--section", "full", "--case", "ours", "--case", "limit"]
    done = subprocess.run(
        [sys.executable, lying / "run.py", *words, "--data", tmp_path / "data"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the answers differ" in done.stderr


@pytest.mark.parametrize("name", [PAGE, PICTURE])
def test_the_page_about_performance_holds_the_results(name, tmp_path):
    for each in (PAGE, PICTURE):
        shutil.copyfile(ROOT / "docs" / each, tmp_path / each)
    assert run("--docs-only", "--docs", tmp_path).returncode == 0
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert written == (ROOT / "docs" / name).read_text(encoding="utf-8"), (
        "run: python benchmarks/suite/run.py --docs-only"
    )
