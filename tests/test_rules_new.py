"""`retention rules new`: what it writes works as it is, and it writes nothing over anything."""

import builtins
import json
import os
import re
import subprocess
import sys
import tomllib
from keyword import kwlist
from pathlib import Path

import pytest

from command import environment, retention
from retention_engine import rule_of
from retention_engine.errors import RetentionError
from retention_engine.plugins import load_plugins
from retention_engine.plugins.scaffold import LONGEST, NotScaffolded, Scaffold

ROOT = Path(__file__).parents[1]
THREE = ["acme.py", "slow_payer.test.toml", "test_slow_payer.py"]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder in which the command has written a rule; tests change nothing in it."""
    folder = tmp_path_factory.mktemp("written")
    assert retention("rules", "new", "acme/slow-payer", cwd=folder).code == 0
    return folder


def files(folder: Path) -> list[str]:
    """The files in a folder and below it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def python(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )


# What is written works.


def test_it_says_what_it_wrote_and_what_to_do_next(tmp_path):
    ran = retention("rules", "new", "acme/slow-payer", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert files(tmp_path) == THREE
    assert ran.text == (
        "Wrote the rule acme/slow-payer:\n"
        "  acme.py  the rule\n"
        "  test_slow_payer.py  its tests in Python\n"
        "  slow_payer.test.toml  its tests in TOML\n"
        "\n"
        "Next:\n"
        "  retention rules test slow_payer.test.toml\n"
        "  pytest test_slow_payer.py\n"
        "  retention replay LOG --rules ./acme.py\n"
    )


def test_its_tests_in_toml_pass(written):
    ran = retention("rules", "test", "slow_payer.test.toml", cwd=written)
    assert (ran.code, ran.err, ran.text.splitlines()[-1]) == (0, "", "2 tests, 2 passed")


def test_its_tests_in_toml_notice_another_rule(written, tmp_path):
    for name in THREE:
        (tmp_path / name).write_text((written / name).read_text().replace("days=30", "days=31"))
    ran = retention("rules", "test", "slow_payer.test.toml", cwd=tmp_path)
    assert (ran.code, ran.text.splitlines()[-1]) == (1, "2 tests, 1 passed, 1 failed")


def test_its_tests_in_python_pass(written):
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_slow_payer.py", cwd=written)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 2


def test_its_tests_in_python_notice_another_rule(written, tmp_path):
    for name in THREE:
        (tmp_path / name).write_text((written / name).read_text().replace("days=30", "days=31"))
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "test_a", "test_slow_payer.py", cwd=tmp_path)
    assert (done.returncode, "2 failed" in done.stdout) == (1, True), done.stdout


def test_the_command_runs_it_over_a_log(written, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"client": "fern", "kind": "engaged", "at": "2026-01-01"}\n')
    told = ["--rules", "./acme.py", "--select", "acme/slow-payer", "--format", "json"]
    ran = retention("replay", log, "--at", "2026-02-07", *told, cwd=written)
    assert (ran.code, ran.err) == (0, "")
    (client,) = json.loads(ran.out)["clients"]
    assert (client["status"], client["concerns"][0]["rule"]) == ("watch", "acme/slow-payer")
    assert client["actions"][0]["due"] == "2026-02-07T00:00:00Z"


def test_the_check_of_rules_finds_nothing_wrong_with_it(written):
    options = ["--rules", "./acme.py", "--patience", "1 hour", "--format", "json"]
    ran = retention("rules", "check", "acme/slow-payer", *options, cwd=written)
    assert (ran.code, ran.err) == (0, "")
    (found,) = json.loads(ran.out)["rules"]
    of_any_machine = [flaw for flaw in found["findings"] if flaw["check"] != "slow"]
    assert of_any_machine == []


def test_its_examples_are_shown_and_its_setting_is_explained(written):
    (found,) = load_plugins(["./acme.py"], base=written).rules
    assert (found.name, found.settings["patience"].about) == ("acme/slow-payer", "how long the client may wait.")
    assert found.fires
    assert found.silent


def test_it_is_typed(written):
    done = python("-m", "mypy", "--strict", "--no-incremental", *THREE[::2], cwd=written)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("length", [88, 120])
def test_it_keeps_to_the_strictest_style(written, length):
    strict = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    of_tests = strict["per-file-ignores"]["tests/**"]
    config = f"line-length = {length}\n[lint]\nselect = ['ALL']\nignore = {[*strict['ignore'], 'INP001']}\n"
    config += f"pydocstyle.convention = 'google'\n[lint.per-file-ignores]\n'test_*' = {of_tests}\n"
    place = written.parent / f"ruff-{length}.toml"
    place.write_text(config)
    for how in (["check"], ["format", "--check"]):
        done = python("-m", "ruff", *how, "--no-cache", "--config", str(place), ".", cwd=written)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["a/b", f"{'q' * LONGEST}/{'r' * LONGEST}"])
def test_what_is_written_keeps_to_the_style_whatever_the_length_of_the_name(tmp_path, name):
    folder = tmp_path / "rules"
    Scaffold.named(name).write(folder)
    for how in (["check"], ["format", "--check"]):
        done = python("-m", "ruff", *how, "--no-cache", "--isolated", ".", cwd=folder)
        assert done.returncode == 0, done.stdout
    assert retention("rules", "test", folder, cwd=tmp_path).code == 0


# Names.


@pytest.mark.parametrize(
    ("name", "rule", "three"),
    [
        ("acme/slow-payer", "acme/slow-payer", THREE),
        ("acme/slow_payer", "acme/slow-payer", THREE),
        ("acme-corp/calls2", "acme-corp/calls2", ["acme_corp.py", "calls2.test.toml", "test_calls2.py"]),
        ("slow-payer", "slow-payer/slow-payer", ["slow_payer.py", "slow_payer.test.toml", "test_slow_payer.py"]),
    ],
)
def test_the_file_is_named_for_what_stands_before_the_slash(tmp_path, name, rule, three):
    ran = retention("rules", "new", name, cwd=tmp_path)
    assert (ran.code, ran.text.splitlines()[0]) == (0, f"Wrote the rule {rule}:")
    assert files(tmp_path) == sorted(three)
    (found,) = load_plugins(
        [next(file for file in three if file.endswith(".py") and not file.startswith("test_"))], base=tmp_path
    ).rules
    assert found.name == rule
    assert rule_of(found.function).name == rule.partition("/")[2]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "'' is no name for a rule; write it like acme/slow-payer"),
        ("SlowPayer", "'SlowPayer' is no name for a rule; write it like slow-payer"),
        ("Acme/Slow Payer", "'Acme/Slow Payer' is no name for a rule; write it like acme/slow-payer"),
        ("acme/", "'acme/' is no name for a rule; write it like acme/slow-payer"),
        ("/slow-payer", "'/slow-payer' is no name for a rule; write it like acme/slow-payer"),
        ("acme/slow--payer", "'acme/slow--payer' is no name for a rule; write it like acme/slow-payer"),
        ("acme/2nd-call", "'acme/2nd-call' is no name for a rule; write it like acme/slow-payer"),
        ("a/b/c", "'a/b/c' is no name for a rule; write it like a-b/c"),
        ("../acme/x", "'../acme/x' is no name for a rule; write it like acme/x"),
        ("acme/zäh", "'acme/zäh' is no name for a rule; write it like acme/z-h"),
        ("acme/a\nb", r"'acme/a\nb' is no name for a rule; write it like acme/a-b"),
        (f"acme/{'r' * 37}", f"'{'r' * 37}' is too long; 36 characters at most"),
        ("acme/lambda", "'lambda' means something else in Python; name the problem that the rule finds"),
        ("class/late", "'class' means something else in Python; name the problem that the rule finds"),
        ("acme/list", "'list' means something else in Python; name the problem that the rule finds"),
        ("acme/watch", "'watch' is a name that rules and their tests import; name the problem that the rule finds"),
        ("acme/test-late", "pytest would take 'test_late' for a test; choose another name"),
        ("late-test/x", "pytest would take 'late_test' for a test; choose another name"),
        ("json/late", "there is a Python module 'json', and json.py would hide it; choose another name, such as our-json/late"),
        ("sys/late", "there is a Python module 'sys', and sys.py would hide it; choose another name, such as our-sys/late"),
        ("pytest", "there is a Python module 'pytest', and pytest.py would hide it; choose another name, such as our-pytest/pytest"),
    ],
)  # fmt: skip
def test_a_name_that_would_not_do_is_refused(tmp_path, name, why):
    ran = retention("rules", "new", name, cwd=tmp_path)
    assert (ran.code, ran.text, ran.err) == (2, "", f"Error: {why}\n")
    assert files(tmp_path) == []


@pytest.mark.parametrize("word", [*kwlist, *(name for name in dir(builtins) if name.islower() and name[0] != "_")])
def test_no_word_of_python_becomes_a_rule(word):
    with pytest.raises(NotScaffolded):
        Scaffold.named(f"acme/{word}")


@pytest.mark.parametrize("word", ["rule", "timedelta", "given", "engaged", "schedule", "watch", "act"])
def test_no_name_becomes_a_rule_that_what_is_written_imports(word):
    with pytest.raises(NotScaffolded, match=f"'{word}' is a name that rules and their tests import"):
        Scaffold.named(f"acme/{word}")


# Places.


def test_it_writes_into_a_folder_which_it_makes(tmp_path):
    ran = retention("rules", "new", "acme/slow-payer", "--into", "our rules/here", cwd=tmp_path)
    assert ran.code == 0
    assert files(tmp_path) == [f"our rules/here/{name}" for name in THREE]
    assert ran.text.splitlines()[-3:] == [
        "  retention rules test 'our rules/here/slow_payer.test.toml'",
        "  pytest 'our rules/here/test_slow_payer.py'",
        "  retention replay LOG --rules './our rules/here/acme.py'",
    ]
    assert retention("rules", "test", "our rules/here/slow_payer.test.toml", cwd=tmp_path).code == 0


def test_it_writes_into_a_folder_by_its_full_path(tmp_path):
    ran = retention("rules", "new", "acme/slow-payer", "--into", tmp_path / "there")
    assert ran.text.splitlines()[-1] == f"  retention replay LOG --rules {tmp_path / 'there' / 'acme.py'}"
    assert files(tmp_path / "there") == THREE


@pytest.mark.parametrize("name", THREE)
def test_it_never_writes_over_a_file(tmp_path, name):
    (tmp_path / name).write_text("ours")
    ran = retention("rules", "new", "acme/slow-payer", cwd=tmp_path)
    assert (ran.code, ran.text) == (2, "")
    assert ran.err.startswith(
        f"Error: {name} is there already, and nothing was written: choose another folder, --into DIR"
    )
    assert files(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "ours"


def test_it_tells_of_all_files_that_are_there(written):
    before = {name: (written / name).read_bytes() for name in THREE}
    ran = retention("rules", "new", "acme/slow-payer", cwd=written)
    assert ran.code == 2
    assert ran.err == (
        "Error: acme.py, test_slow_payer.py, slow_payer.test.toml are there already, and nothing was written: choose another "
        "folder, --into DIR, or another name; further rules can stand in acme.py, written by hand\n"
    )
    assert before == {name: (written / name).read_bytes() for name in THREE}


def test_it_does_not_write_through_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "test_slow_payer.py").symlink_to(tmp_path / "nowhere.py")
    assert retention("rules", "new", "acme/slow-payer", cwd=tmp_path).code == 2
    assert files(tmp_path) == ["test_slow_payer.py"]


def test_what_cannot_be_written_is_told_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "file").write_text("ours")
    ran = retention("rules", "new", "acme/slow-payer", "--into", "file/below", cwd=tmp_path)
    assert (ran.code, ran.text) == (2, "")
    assert re.fullmatch(r"Error: file/below.* can't be written: Not a directory; nothing was written\n", ran.err)
    assert files(tmp_path) == ["file"]


def test_where_one_of_the_files_cannot_be_written_none_is_left(tmp_path):
    long = Scaffold("acme", "r" * 250)  # longer than a file's name may be, with what comes before and after
    with pytest.raises(RetentionError, match=r"can't be written: .*; nothing was written"):
        long.write(tmp_path)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the whole of it


def test_a_module_of_the_folder_itself_is_nothing_that_would_be_hidden(tmp_path):
    (tmp_path / "acme.py").write_text('"""Ours."""\n')
    ran = retention("rules", "new", "acme/slow-payer", "--into", "rules", cwd=tmp_path)
    assert ran.code == 0
    assert files(tmp_path) == ["acme.py", *(f"rules/{name}" for name in THREE)]
