"""Twelve bad plug-ins, each installed as a distribution and met by the real command.

Each gives a message that names the distribution, the rule where there is one, and what to do. All other verdicts are as
they were without it, and no client of whom a verdict is missing is shown better than `unknown`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from command import AT, Ran, retention
from retention_engine import Health

LOG = """\
{"client": "acme", "kind": "engaged", "at": "2026-01-05", "id": "a1", "direction": "two_way"}
{"client": "acme", "kind": "complained", "at": "2026-06-20", "id": "a2", "severity": "critical"}
{"client": "bolt", "kind": "engaged", "at": "2026-06-20", "id": "b1", "direction": "inbound"}
{"client": "cora", "kind": "engaged", "at": "2026-02-20", "id": "c1", "direction": "inbound"}
{"client": "cora", "kind": "renewed", "at": "2026-03-01", "id": "c2", "term_end": "2026-07-15"}
{"client": "dune", "kind": "engaged", "at": "2026-06-28", "id": "d1", "direction": "two_way"}
"""
CLIENTS = {"acme", "bolt", "cora", "dune"}

HEAD = """\
from datetime import UTC, datetime

from retention_engine import Client, Concern, Findings, Health, rule

"""
FINE = '''

@rule
def fine(client: Client) -> Findings:
    """There is nothing wrong with this one.

    Fires:
        2026-01-05 engaged
        at 2026-01-05: watch

    Silent:
        2026-01-05 complained
        at 2026-01-05: nothing
    """
    if client.first.kind == "engaged":
        yield Concern(Health.WATCH, starts=client.since, because=client.first)
'''
OF_FINE = {client: [("acme/fine", "watch")] for client in CLIENTS}


def bad_rule(name: str, *body: str) -> str:
    """A module with a good rule and a bad one."""
    lines = "".join(f"    {line}\n" for line in body)
    return f'{HEAD}{FINE}\n\n@rule\ndef {name}(client: Client) -> Findings:\n    """The rule is a bad one."""\n{lines}'


@attrs.frozen
class Bad:
    """A bad plug-in, and what is to come of it.

    Attributes:
        module: its source.
        told: what standard error is to name.
        code: the exit code.
        harmed: the clients of whom a verdict is missing.
        verdicts: what its rules say, by client.
        settings: the settings file; else the plug-in is named on the command line.
        other: the source of a second distribution's module.
    """

    module: str
    told: tuple[str, ...]
    code: int = 4
    harmed: frozenset[str] = frozenset(CLIENTS)
    verdicts: Mapping[str, list[tuple[str, str]]] = attrs.field(factory=dict)
    settings: str = ""
    other: str = ""


REMEDY_OF_A_FAILURE = 'turn it off in the settings: [rules."acme/'
REMEDY_OF_A_LOAD = "correct it, or stop using acme"

BAD = {
    "import error": Bad(
        "import nothing_of_the_sort\n" + HEAD + FINE,
        (
            "plug-in acme (acme-bad 1.0) could not be loaded",
            "No module named 'nothing_of_the_sort'",
            "acme_bad.py:1",
            REMEDY_OF_A_LOAD,
        ),
    ),
    "exits at import": Bad(
        HEAD + FINE + "\nraise SystemExit\n",
        (
            "plug-in acme (acme-bad 1.0) could not be loaded",
            "it ends the program when it is imported",
            "guard that with __name__",
            REMEDY_OF_A_LOAD,
        ),
    ),
    "slow import": Bad(
        "import time\ntime.sleep(1.1)\n" + HEAD + FINE,
        ("plug-in acme (acme-bad 1.0) took ", "move what takes so long out of the module's top level"),
        code=0,
        harmed=frozenset(),
        verdicts=OF_FINE,
    ),
    "duplicate name": Bad(
        bad_rule("twice", "yield from ()"),
        ("acme-bad 1.0", "acme-other 2.0", "2 rules are named 'acme/twice'", "rename one, or uninstall one"),
        verdicts=OF_FINE,
        other=HEAD + '@rule\ndef twice(client: Client) -> Findings:\n    """Another one."""\n    yield from ()\n',
    ),
    "wrong signature": Bad(
        HEAD
        + FINE
        + '\n\n@rule\ndef wrong(client: Client, grace) -> Findings:\n    """It is wrong."""\n    yield from ()\n',
        (
            "plug-in acme (acme-bad 1.0) could not be loaded",
            "rule wrong: grace must be keyword-only and have a default; put * before it",
            "acme_bad.py:",
        ),
    ),
    "raises on some clients": Bad(
        bad_rule("raises", 'if client.id in {"acme", "bolt"}:', "    raise LookupError(client.id)", "yield from ()"),
        (
            "rule acme/raises (acme-bad 1.0) failed for acme and 1 more: LookupError: acme",
            "acme_bad.py:",
            REMEDY_OF_A_FAILURE,
        ),
        harmed=frozenset({"acme", "bolt"}),
        verdicts=OF_FINE,
    ),
    "yields a naive time": Bad(
        bad_rule("naive", "yield Concern(Health.WATCH, starts=datetime(2026, 1, 1), because=client.first)"),
        (
            "rule acme/naive (acme-bad 1.0) failed for acme and 3 more: RuleError: 2026-01-01T00:00:00 has no time zone; give one",
            "acme_bad.py:",
            REMEDY_OF_A_FAILURE,
        ),
        verdicts=OF_FINE,
    ),
    "yields a string": Bad(
        bad_rule("talks", 'yield "at risk"'),
        (
            "rule acme/talks (acme-bad 1.0) failed for acme and 3 more",
            "yields 'at risk'; a rule yields Concern and Action",
            REMEDY_OF_A_FAILURE,
        ),
        verdicts=OF_FINE,
    ),
    "never ends, under a time budget": Bad(
        HEAD
        + '@rule\ndef endless(client: Client) -> Findings:\n    """It never ends."""\n    while True:\n        pass\n',
        (
            "rule acme/endless (acme-bad 1.0) failed for acme and 3 more: did not end within 1 second",
            "make it quicker, or raise time_budget in [plugins]",
            REMEDY_OF_A_FAILURE,
        ),
        settings='[plugins]\nuse = ["acme"]\ntime_budget = "1 second"\n',
    ),
    "reads the clock": Bad(
        bad_rule(
            "late",
            "if datetime.now(UTC) > client.since:",
            "    yield Concern(Health.WATCH, starts=client.since, because=client.first)",
        ),
        (),
        code=0,
        harmed=frozenset(),
        verdicts={client: [*OF_FINE[client], ("acme/late", "watch")] for client in CLIENTS},
    ),
    "changes the history": Bad(
        bad_rule(
            "changing",
            'vars(client.first)["direction"] = "outbound"',
            'vars(client.first)["at"] = client.events[-1].at',
            "yield Concern(Health.WATCH, starts=client.since, because=client.first)",
        ),
        ("rule acme/changing (acme-bad 1.0) failed for ", "changes the history (", REMEDY_OF_A_FAILURE),
        verdicts=OF_FINE,
    ),
    "not deterministic": Bad(
        bad_rule(
            "unsorted",
            'word = next(iter({"a", "b", "c", "d", "e", "f", "g", "h"}))',
            "yield Concern(Health.WATCH, starts=client.since, because=client.first, message=word)",
        ),
        (),
        code=0,
        harmed=frozenset(),
        verdicts={client: [*OF_FINE[client], ("acme/unsorted", "watch")] for client in CLIENTS},
    ),
}

CHECKED = {
    "raises on some clients": ("acme/raises (acme-bad 1.0): ", "LookupError", ""),
    "yields a naive time": ("acme/naive (acme-bad 1.0): ", "has no time zone; give one", ""),
    "yields a string": ("acme/talks (acme-bad 1.0): ", "yields 'at risk'; a rule yields Concern and Action", ""),
    "never ends, under a time budget": (
        "acme/endless (acme-bad 1.0): ",
        "after 5 seconds",
        "see to it that each of its loops ends",
    ),
    "reads the clock": (
        "acme/late (acme-bad 1.0): ",
        "reads the clock (datetime.now)",
        "state starts= from an event's instant",
    ),
    "changes the history": (
        "acme/changing (acme-bad 1.0): ",
        "changes the history of 4 of 4 clients",
        "change values of its own",
    ),
    "not deterministic": (
        "acme/unsorted (acme-bad 1.0): ",
        "says something else of 4 of 4 clients",
        "sort what comes out of a set",
    ),
}
"""What `retention rules check` tells: distribution and rule, what is wrong, and what to do."""


def install(folder: Path, name: str, version: str, source: str) -> None:
    """What an installer leaves behind of a distribution with one module."""
    module = name.replace("-", "_")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[retention_engine.rules]\nacme = {module}\n", encoding="utf-8")
    files = [f"{module}.py", *(f"{info.name}/{file}" for file in ("METADATA", "entry_points.txt", "RECORD"))]
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")


@pytest.fixture
def run(tmp_path):
    """The command, in a folder with the log, with or without a bad plug-in installed and named."""
    (tmp_path / "log.jsonl").write_text(LOG, encoding="utf-8")
    site = tmp_path / "site"

    def with_plugin(bad: Bad | None, *args: str) -> Ran:
        env = {}
        named: list[str] = []
        if bad is not None:
            if not site.exists():
                install(site, "acme-bad", "1.0", bad.module)
                if bad.other:
                    install(site, "acme-other", "2.0", bad.other)
            named = ["--rules", "acme"]
            if bad.settings:
                (tmp_path / "plugins.toml").write_text(bad.settings, encoding="utf-8")
                named = ["--settings", "plugins.toml"]
            path = [str(site), os.environ.get("PYTHONPATH", "")]
            env = {"PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONDONTWRITEBYTECODE": "1"}
        return retention(*args, *named, cwd=tmp_path, env=env)

    return with_plugin


def ours(views: list[dict[str, Any]]) -> list[tuple[str, list[Any], list[Any]]]:
    """What the built-in rules say of each client."""
    return [
        (
            view["client"],
            [it for it in view["concerns"] if not it["rule"].startswith("acme/")],
            [it for it in view["actions"] if not it["rule"].startswith("acme/")],
        )
        for view in views
    ]


def theirs(view: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((it["rule"], it["level"]) for it in view["concerns"] if it["rule"].startswith("acme/"))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plug_in_is_told_of_and_harms_no_other_verdict(name, run):
    bad = BAD[name]
    without = run(None, "replay", "log.jsonl", *AT, "--format", "json")
    assert (without.code, without.err) == (0, "")
    wanted = json.loads(without.out)["clients"]
    assert {view["client"] for view in wanted} == CLIENTS
    ran = run(bad, "replay", "log.jsonl", *AT, "--format", "json")
    assert ran.code == bad.code, ran.err
    assert "Traceback" not in ran.err
    for told in bad.told:
        assert told in ran.err
    assert (ran.err == "") is (not bad.told)

    found = json.loads(ran.out)
    assert ours(found["clients"]) == ours(wanted)
    assert {failure["client"] for failure in found["failures"]} == bad.harmed
    statuses = {view["client"]: Health.named(view["status"]) for view in found["clients"]}
    before = {view["client"]: Health.named(view["status"]) for view in wanted}
    for view in found["clients"]:
        client = view["client"]
        assert theirs(view) == sorted(bad.verdicts.get(client, []))
        levels = [Health.named(level) for _, level in theirs(view)]
        least = [Health.UNKNOWN] if client in bad.harmed else []
        assert statuses[client] is max([before[client], *levels, *least])
    assert Health.HEALTHY in before.values()


@pytest.mark.parametrize("name", BAD)
def test_every_format_tells_that_a_verdict_is_missing(name, run):
    bad = BAD[name]
    ran = run(bad, "replay", "log.jsonl", *AT)
    assert ran.code == bad.code
    assert all(told in ran.err for told in bad.told)
    for client in bad.harmed:
        (line,) = (line for line in ran.text.splitlines() if line.startswith(f"{client} "))
        assert "healthy" not in line


@pytest.mark.parametrize("name", CHECKED)
def test_a_check_tells_what_is_wrong_with_a_rule_and_what_to_do(name, run):
    ran = run(BAD[name], "rules", "check", "--log", "log.jsonl", "--patience", "5 seconds")
    assert ran.code == 4, ran.err
    rule, what, remedy = CHECKED[name]
    errors = [line for line in ran.text.splitlines() if ": error: " in line and rule in line]
    assert any(what in line and remedy in line for line in errors), ran.text
    assert all("acme_bad.py" in line for line in errors)


@pytest.mark.parametrize("name", [name for name in BAD if name not in CHECKED])
def test_a_check_tells_of_what_could_not_be_loaded_or_took_long(name, run):
    bad = BAD[name]
    ran = run(bad, "rules", "check", "--log", "log.jsonl")
    assert ran.code == bad.code, ran.err
    assert all(told in ran.err for told in bad.told)


@pytest.mark.parametrize("name", [name for name in BAD if BAD[name].code == 4 and not BAD[name].verdicts])
def test_a_client_of_whom_nothing_is_known_but_a_failure_is_not_shown_well_by_any_command(name, run):
    bad = BAD[name]
    explained = run(bad, "explain", "log.jsonl", "dune", *AT)
    assert explained.code == 4
    assert "Status on 2026-06-30: UNKNOWN" in explained.text
    assert "not the whole truth" in explained.text


@pytest.mark.parametrize("name", BAD)
def test_the_list_of_rules_shows_the_plug_in_with_its_origin(name, run):
    bad = BAD[name]
    ran = run(bad, "rules", "--format", "json")
    assert ran.code in {0, 4}
    assert any(told in ran.err for told in bad.told) is (ran.err != "")
    listed = [rule for rule in json.loads(ran.out)["rules"] if rule["name"].startswith("acme/")]
    assert listed
    assert all("acme-bad 1.0" in json.dumps(rule) or "acme-other 2.0" in json.dumps(rule) for rule in listed)


def test_a_plug_in_that_nobody_named_is_not_even_imported(run):
    bad = BAD["exits at import"]
    run(bad, "rules")
    ran = run(attrs.evolve(bad, settings="[packs]\nessentials = true\n"), "replay", "log.jsonl", *AT)
    assert (ran.code, ran.err) == (0, "")
