"""A fingerprint is the same for the same rules with the same settings, in every process, and no other has it."""

import subprocess
import sys
import textwrap
from copy import deepcopy
from datetime import timedelta
from importlib import reload

import pytest

from log.processes import unmeasured
from retention_engine import (
    BUILT_IN,
    BoundRule,
    Client,
    Concern,
    Engine,
    Findings,
    Health,
    Settings,
    days,
    engine_fingerprint,
    instant,
    rule,
)
from retention_engine.rules import contact

QUIET = next(it for it in BUILT_IN if it.name == "quiet-client")
UNHEARD = next(it for it in BUILT_IN if it.name == "unheard-client")


def fingerprint(*rules) -> str:
    return engine_fingerprint(Engine(rules))


def test_it_is_the_same_in_another_process():
    program = "from retention_engine import *; print(engine_fingerprint(Engine(Settings().choose())))"
    for seed in "12":
        environment = unmeasured() | {"PYTHONHASHSEED": seed}
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        )
        assert said.stdout.strip() == engine_fingerprint(Engine(Settings().choose()))


def test_it_is_the_same_whatever_the_order_in_which_rules_and_settings_are_given():
    settings = {"every": days(7), "grace": days(1)}
    other_order = dict(reversed(settings.items()))
    assert fingerprint(BoundRule(QUIET, settings), UNHEARD.function) == fingerprint(
        UNHEARD.function, BoundRule(QUIET, other_order)
    )
    assert fingerprint(QUIET.function) == fingerprint(BoundRule(QUIET))


@pytest.mark.parametrize(
    "other",
    [
        (),
        (QUIET.function, UNHEARD.function),
        (UNHEARD.function,),
        (BoundRule(QUIET, {"every": days(7)}),),
        (BoundRule(QUIET, {"grace": days(7)}),),
        (BoundRule(QUIET, {}, {"key": {"every": days(7)}}),),
        (BoundRule(QUIET, {}, {"gold": {"every": days(7)}}),),
    ],
    ids=["none", "both", "the other", "a value", "another setting", "for a tier", "for another tier"],
)
def test_other_rules_or_settings_have_another(other):
    assert fingerprint(QUIET.function) != fingerprint(*other)


def made(source: str):
    """The function that a source defines, as a shell would have it."""
    names: dict = {"__name__": "__shell__"}
    program = textwrap.dedent(source)
    exec(f"from retention_engine import *\nfrom datetime import timedelta\n{program}", names)  # noqa: S102 - there is no other way to a function without a file
    return names["waits"]


SOURCE = """
    @rule
    def waits(client: Client, *, every: timedelta = days(30)) -> Findings:
        "Nobody waits."
        yield Concern(Health.WATCH, starts=client.since + every, because=client.first)
"""


def test_a_rule_without_a_file_is_known_by_its_code():
    assert fingerprint(made(SOURCE)) == fingerprint(made(SOURCE))
    for old, new in [("days(30)", "days(31)"), ("+ every", "- every"), ("WATCH", "UNKNOWN"), ("starts", "until")]:
        assert fingerprint(made(SOURCE)) != fingerprint(made(SOURCE.replace(old, new, 1)))


def waiting(wait: timedelta, level: Health = Health.WATCH):
    def level_of() -> Health:
        return level

    @rule
    def waits(client: Client) -> Findings:
        """Nobody waits."""
        yield Concern(level_of(), starts=client.since + wait, because=client.first)

    return waits


def test_values_that_a_rule_closes_over_count():
    assert fingerprint(waiting(days(1))) == fingerprint(waiting(days(1)))
    assert fingerprint(waiting(days(1))) != fingerprint(waiting(days(2)))
    assert fingerprint(waiting(days(1))) != fingerprint(waiting(days(1), Health.UNKNOWN))


def waiting_as(told: object):
    @rule
    def waits(client: Client) -> Findings:
        """Nobody waits."""
        yield Concern(Health.WATCH, starts=client.since, because=client.first, message=str(told))

    return waits


ITSELF: list = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), ("a", "c")),
        (("a", "b"), ("b", "a")),
        (("a", "b"), ["a", "b"]),
        ((("a",), "b"), ("a", ("b",))),
        (("ab",), ("a", "b")),
        ({"a", "b"}, {"a", "c"}),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ({"a": [days(1)]}, {"a": [days(2)]}),
        (Health.WATCH, Health.UNKNOWN),
        (days(1), instant("2026-01-01")),
        (instant("2026-01-01"), instant("2026-01-02")),
        (ITSELF, []),
    ],
    ids=[
        *("another member", "another order", "a list", "nested otherwise", "cut otherwise", "a set", "a mapping"),
        *("deep within", "a level", "an instant", "another instant", "itself"),
    ],
)
def test_what_is_in_the_values_counts_too(one, other):
    assert fingerprint(waiting_as(one)) == fingerprint(waiting_as(deepcopy(one)))
    assert fingerprint(waiting_as(one)) != fingerprint(waiting_as(other))


def test_the_order_of_a_set_does_not_count():
    names = [f"name {number}" for number in range(50)]
    for kind in (set, frozenset, dict.fromkeys):
        assert fingerprint(waiting_as(kind(names))) == fingerprint(waiting_as(kind(reversed(names))))
    twice = ("a", "b")
    assert fingerprint(waiting_as((twice, twice))) == fingerprint(waiting_as((twice, deepcopy(("a", "b")))))


def test_a_change_anywhere_in_the_file_of_a_rule_counts(tmp_path, monkeypatch):
    file = tmp_path / "acme_fingerprints.py"
    source = (
        "from retention_engine import Client, Concern, Findings, Health, days, rule\n"
        "def limit():\n    return days(%d)\n"
        "@rule\ndef late(client: Client) -> Findings:\n"
        "    'It is late.'\n    yield Concern(Health.WATCH, starts=client.since + limit(), because=client.first)\n"
    )
    found = []
    for number in (1, 2, 1):
        file.write_text(source % number)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.syspath_prepend(str(tmp_path))
        module = sys.modules.get("acme_fingerprints")
        module = reload(module) if module else __import__("acme_fingerprints")
        found.append(fingerprint(module.late))
    del sys.modules["acme_fingerprints"]
    assert found[0] == found[2] != found[1]


RULE = """
import json, outside.nothing
{imports}
from retention_engine import Client, Concern, Findings, Health, days, rule

@rule
def late(client: Client) -> Findings:
    "It is late."
    yield Concern(Health.WATCH, starts=client.since + days(1), because=client.first)
"""
FILES = {
    "acme/__init__.py": "",
    "acme/rules/__init__.py": "",
    "acme/rules/limits.py": "from . import late\nfrom ..more import deeper\nfrom %s import much\n" % ("." * 200),
    "acme/more/__init__.py": "",
    "acme/more/deeper.py": "NUMBER = 1\n",
    "acme/more/never.py": "NUMBER = 1\n",
    "beside.py": "import beside\n",
}


@pytest.mark.parametrize("imports", ["from . import limits", "from .limits import late", "import acme.rules.limits"])
def test_a_change_in_what_its_file_imports_from_its_own_package_counts(tmp_path, imports):
    for name, text in {**FILES, "acme/rules/late.py": RULE.format(imports=f"{imports}\nimport beside")}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def found() -> str:
        namespace: dict = {"__name__": "late", "rule": rule}
        path = tmp_path / "acme" / "rules" / "late.py"
        text = path.read_text().partition("from retention_engine")
        code = compile("\n" * text[0].count("\n") + text[1] + text[2], str(path), "exec")
        exec(code, namespace)  # noqa: S102 - what it imports from its package is never run
        return fingerprint(namespace["late"])

    first = found()
    assert found() == first
    for name in ("acme/rules/limits.py", "acme/more/deeper.py", "beside.py"):
        (tmp_path / name).write_text(FILES[name] + "# changed\n")
        assert found() != first, name
        (tmp_path / name).write_text(FILES[name])
        assert found() == first
    (tmp_path / "acme/more/never.py").write_text("NUMBER = 2\n")
    (tmp_path / "json.py").write_text("this is no Python {")
    assert found() != first  # though Python would take its own: it is the name that counts


def test_what_is_no_plain_function_has_one_too():
    class Lately:
        """Something is late."""

        __name__ = "lately"
        __module__ = "test_fingerprints"

        def __call__(self, client: Client) -> Findings:
            yield Concern(Health.WATCH, starts=client.since, because=client.first)

    assert fingerprint(rule(Lately())) == fingerprint(rule(Lately()))
    assert fingerprint(rule(Lately())) != fingerprint(contact.quiet_client)
    later = Lately()
    later.by = days(1)
    assert fingerprint(rule(later)) != fingerprint(rule(Lately()))
