"""The example distribution as those have it who install it; nothing is downloaded."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from shutil import copytree, ignore_patterns

import pytest

from command import environment, retention
from distributions import ACME_RULES, install_acme_rules, python_path
from doc_examples import ENVIRONMENT, document


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment in which the distribution is installed."""
    return python_path(*install_acme_rules(tmp_path_factory.mktemp("site")))


def ran(*command, env, cwd):
    kept = {key: value for key, value in environment(**env).items() if not key.startswith("PYTEST_")}
    return subprocess.run(command, cwd=cwd, env=kept, capture_output=True, encoding="utf-8", check=False)


def test_its_own_tests_pass(installed, tmp_path):
    copytree(ACME_RULES / "tests", tmp_path / "tests", ignore=ignore_patterns("__pycache__"))
    done = ran(sys.executable, "-m", "pytest", "-q", "tests", env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "16 passed" in done.stdout


def test_its_timeline_tests_pass(installed):
    done = retention("rules", "test", "tests", cwd=ACME_RULES, env=installed)
    assert (done.code, done.text.splitlines()[-1]) == (0, "3 tests, 3 passed")


def test_it_passes_the_check_of_rules(installed):
    done = retention("rules", "check", "--rules", "acme", cwd=ACME_RULES, env=installed)
    assert (done.code, done.err) == (0, "")


def test_its_rule_finds_the_unpaid_invoice_in_a_replay(installed):
    done = retention(
        "replay", "invoices.jsonl", "--at", "2026-04-01", "--format", "json", cwd=ACME_RULES, env=installed
    )
    clients = {client["client"]: client for client in json.loads(done.out)["clients"]}
    found = {name: [(it["rule"], it["about"]) for it in client["concerns"]] for name, client in clients.items()}
    assert found == {"north": [("acme/slow-payer", "1001")], "south": []}


@pytest.mark.parametrize(("tier", "starts"), [("standard", "2026-03-16T00:00:00Z"), ("key", "2026-04-01T00:00:00Z")])
def test_its_settings_give_clients_of_a_tier_longer(tier, starts, installed, tmp_path):
    log = tmp_path / "log.jsonl"
    lines = [
        {"client": "north", "kind": "profiled", "at": "2026-03-02", "tier": tier},
        {"client": "north", "kind": "acme.invoice_sent", "at": "2026-03-02", "id": "1001"},
    ]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    done = retention("replay", log, "--at", "2026-04-01", "--format", "json", cwd=ACME_RULES, env=installed)
    (north,) = json.loads(done.out)["clients"]
    assert [it["starts"] for it in north["concerns"] if it["rule"] == "acme/slow-payer"] == [starts]


def test_its_pack_turns_on_its_rule_and_a_built_in_one(installed, tmp_path):
    def on(*options):
        listed = json.loads(retention("rules", "--rules", "acme", "--format", "json", *options, env=installed).out)
        return {it["name"]: it["origin"] for it in listed["rules"] if it["enabled"] and "acme/billing" in it["packs"]}

    assert on() == {}
    assert on("--pack", "acme/billing") == {
        "acme/slow-payer": "acme-rules 1.0",
        "contested-price": f"retention-engine {version('retention-engine')}",
    }


def test_it_is_typed(tmp_path):
    assert (ACME_RULES / "src" / "acme_rules" / "py.typed").is_file()
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", tmp_path]
    done = ran(*mypy, "src", "tests", env={"MYPYPATH": "src"}, cwd=ACME_RULES)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_brings_something_through_each_door():
    project = tomllib.loads((ACME_RULES / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {group: set(named) for group, named in project["entry-points"].items()} == {
        f"retention_engine.{what}": {"acme"} for what in ("rules", "events", "packs")
    }


def test_the_commands_of_its_readme_print_what_it_says(installed, monkeypatch):
    monkeypatch.chdir(ACME_RULES)
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", installed["PYTHONPATH"])
    examples = list(document(ACME_RULES / "README.md"))
    assert examples
    for example in examples:
        example.evaluate()
