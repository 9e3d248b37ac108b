"""`retention rules test`: tests of rules in TOML, run in a process of their own, and every mistake that they can hold."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from command import on_a_terminal, retention
from retention_engine import BOOK_RULES, BUILT_IN, Engaged, Health, Referred, instant
from retention_engine.declare import Rule
from retention_engine.formats.rule_test_files import read_header, read_tests
from retention_engine.formats.rule_test_runs import run
from retention_engine.formats.rule_tests import RuleTest
from retention_engine.formats.side_by_side import Pair, history_table, side_by_side

ACME = '''\
"""Rules and events of Acme."""

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

import attrs

from retention_engine import Action, Client, Concern, Event, Findings, Health, days, rule


@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    """We sent an invoice."""

    kind: ClassVar[str] = "acme.invoice_sent"

    amount: Decimal | None = None


@rule(tiers={"key": {"grace": days(7)}})
def slow_payer(client: Client, *, grace: timedelta = days(14)) -> Findings:
    """An invoice is unpaid.

    Settings:
        grace: how long a client may take to pay.
    """
    for invoice in client.of(InvoiceSent):
        due = invoice.at + grace
        yield Concern(Health.WATCH, starts=due, until=due + days(30), because=invoice, about=invoice.id)
        yield Concern(Health.AT_RISK, starts=due + days(30), because=invoice, about=invoice.id)
        yield Action("Call about the invoice.", due=due + days(7), because=invoice, about=invoice.id)


@rule
def falling_over(client: Client) -> Findings:
    """It does not work."""
    raise ValueError(f"no luck with {client.id}")
    yield
'''
PASSING = """\
use = ["./acme.py"]

[[test]]
name = "An unpaid invoice is watched after two weeks"
rule = "acme/slow-payer"
events = ["0d acme.invoice_sent id=i1 amount=100", "10d engaged purpose=review"]
[test.expect]
13d = "nothing"
14d = "watch"
"21d" = "watch, act by 21d"
44d = "at-risk, act by 21d"
"from 0d until 14d" = "nothing"
"from 14d until 44d" = "watch"
"from 44d" = "at-risk"

[[test]]
name = "Important clients are watched sooner"
rule = "acme/slow-payer"
tier = "key"
events = ["0d acme.invoice_sent"]
[test.expect]
7d = "watch"
"""
FAILING = """\
use = ["./acme.py"]

[[test]]
name = "It is wrong"
rule = "acme/slow-payer"
with = { grace = "10 days" }
tier = "key"
start = 2026-02-01
events = ["10d engaged note='a b'", "0d acme.invoice_sent id=i1 amount=100"]
[test.expect]
7d = "watch"
10d = "watch"
"from 14d until 44d" = "watch"
"""
BROKEN = """\
use = ["./acme.py"]

[[test]]
name = "It fails"
rule = "acme/falling-over"
events = ["0d engaged"]
[test.expect]
5d = "nothing"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme.py").write_text(ACME)
    (tmp_path / "acme.test.toml").write_text(PASSING)
    return tmp_path


def read(text: str) -> tuple[list[RuleTest], list[str]]:
    return read_tests(tomllib.loads(text), "a.test.toml")


def only(text: str) -> RuleTest:
    """The one test of a file without mistakes."""
    (test,), problems = read(text)
    assert problems == []
    return test


def problems_of(test: str) -> list[str]:
    """The mistakes in one test, without the file's name and the test's."""
    found, problems = read(f'[[test]]\nname = "one"\n{test}')
    assert found == []
    start = "a.test.toml: test 'one': "
    assert all(problem.startswith(start) for problem in problems)
    return [problem.removeprefix(start) for problem in problems]


def events_and(expected: str, events: str = '["0d engaged"]') -> str:
    return f'rule = "quiet-client"\nevents = {events}\n[test.expect]\n{expected}'


def one(expected: str, events: str = '["0d engaged"]', head: str = "") -> str:
    """A file with one test of the rule `quiet-client`."""
    return f'[[test]]\nname = "one"\n{head}\n{events_and(expected, events)}'


# The command.


def test_tests_that_pass_are_listed_and_counted(folder: Path):
    ran = retention("rules", "test", "acme.test.toml", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == (
        "acme.test.toml\n"
        "  passed  An unpaid invoice is watched after two weeks\n"
        "  passed  Important clients are watched sooner\n"
        "2 tests, 2 passed\n"
    )


def test_a_test_that_fails_shows_the_history_and_both_sides(folder: Path):
    (folder / "wrong.toml").write_text(FAILING)
    ran = retention("rules", "test", "wrong.toml", "acme.test.toml", cwd=folder)
    assert (ran.code, ran.err) == (1, "")
    lines = [re.sub(r"\s{2,}", "  ", line.strip()) for line in ran.text.splitlines()]
    assert [line for line in lines if line and not line.startswith("─")] == [
        "wrong.toml",
        "failed  It is wrong",
        "acme/slow-payer (grace = 10 days, tier key)",
        "event  when  date  kind  fields",
        "i1  0d  2026-02-01  acme.invoice_sent  amount=100",
        "#3  0d  2026-02-01  profiled  tier=key",
        '#1  10d  2026-02-11  engaged  note="a b"',
        "when  expected  actual",
        "7d  watch  nothing  differs",
        "10d  watch  watch",
        "from 14d until 44d  watch  watch from 10d until 40d; at-risk from 40d  differs",
        "As of 7d, if nothing else happens, this is stated:",
        "watch from 10d until 40d [i1]: An invoice is unpaid. (acme/slow-payer)",
        "act by 17d [i1]: Call about the invoice. (acme/slow-payer)",
        "at-risk from 40d [i1]: An invoice is unpaid. (acme/slow-payer)",
        "acme.test.toml",
        "passed  An unpaid invoice is watched after two weeks",
        "passed  Important clients are watched sooner",
        "3 tests, 2 passed, 1 failed",
    ]


def test_a_rule_that_fails_is_told_on_standard_error_and_the_others_go_on(folder: Path):
    (folder / "broken.toml").write_text(BROKEN + PASSING.partition("\n\n")[2])
    ran = retention("rules", "test", "broken.toml", cwd=folder)
    assert ran.code == 4
    assert re.fullmatch(
        r"Error: broken\.toml: test 'It fails': rule acme/falling-over failed: ValueError: no luck with acme \(.*acme\.py:\d+\)\n",
        ran.err,
    )
    assert "  broken  It fails" in ran.text
    assert "The rule acme/falling-over could not be evaluated: ValueError: no luck with acme" in ran.text
    assert ran.text.endswith("3 tests, 2 passed, 1 broken\n")


def test_a_failed_rule_goes_before_a_failed_test(folder: Path):
    (folder / "both.toml").write_text(BROKEN + FAILING.partition("\n\n")[2])
    ran = retention("rules", "test", "both.toml", cwd=folder)
    assert (ran.code, ran.text.splitlines()[-1]) == (4, "2 tests, 0 passed, 1 failed, 1 broken")


def test_a_plugin_that_cannot_be_loaded_is_told_once_and_what_needs_it_is_not_run(folder: Path):
    (folder / "gone.py").write_text("import nothing_of_this_name\n")
    tests = [
        ("of it", "gone/some-rule", '"0d engaged"', "watch"),
        ("with its events", "quiet-client", '"0d gone.happened", "1d engaged"', "watch"),
        ("of another", "acme/slow-payer", '"0d engaged"', "nothing"),
    ]
    text = 'use = ["./gone.py", "./acme.py"]\n' + "".join(
        f'[[test]]\nname = "{name}"\nrule = "{rule}"\nevents = [{events}]\n[test.expect]\n5d = "{said}"\n'
        for name, rule, events, said in tests
    )
    (folder / "gone.test.toml").write_text(text)
    ran = retention("rules", "test", "gone.test.toml", "--format", "json", cwd=folder)
    assert ran.code == 4
    (error,) = ran.errors
    assert error.startswith("Error: plug-in gone (./gone.py) could not be loaded: ModuleNotFoundError")
    found = {test["name"]: test["outcome"] for test in json.loads(ran.out)["tests"]}
    assert found == {"of it": "broken", "with its events": "broken", "of another": "passed"}


def test_a_plugin_that_cannot_be_loaded_is_not_passed_over_where_no_test_needs_it(folder: Path):
    (folder / "gone.py").write_text("import nothing_of_this_name\n")
    (folder / "acme.test.toml").write_text(PASSING.replace('["./acme.py"]', '["./acme.py", "./gone.py"]'))
    ran = retention("rules", "test", "acme.test.toml", cwd=folder)
    assert (ran.code, len(ran.errors)) == (4, 1)
    assert ran.text.splitlines()[-1] == "2 tests, 2 passed"


def test_the_results_are_one_document(folder: Path):
    (folder / "more.toml").write_text(FAILING + BROKEN.partition("\n\n")[2])
    ran = retention("rules", "test", "acme.test.toml", "more.toml", "--format", "json", cwd=folder)
    assert ran.code == 4
    document = json.loads(ran.out)
    assert list(document) == ["version", "summary", "tests"]
    assert document["version"] == 1
    assert document["summary"] == {"tests": 4, "passed": 2, "failed": 1, "broken": 1}
    passing, _, failing, broken = document["tests"]
    assert passing["checks"][:3:2] == [
        {"of": "expect", "at": "2026-01-14T00:00:00Z", "expected": "nothing", "actual": "nothing", "passed": True},
        {
            "of": "expect", "at": "2026-01-22T00:00:00Z",
            "expected": "watch, act by 2026-01-22", "actual": "watch, act by 21d", "passed": True,
        },
    ]  # fmt: skip
    assert {key: value for key, value in failing.items() if key != "checks"} == {
        "file": "more.toml",
        "name": "It is wrong",
        "rule": "acme/slow-payer",
        "rules": ["acme/slow-payer"],
        "passed": False,
        "outcome": "failed",
        "failure": None,
    }
    assert failing["checks"][-1]["until"] == "2026-03-17T00:00:00Z"
    assert (broken["passed"], broken["outcome"], broken["checks"]) == (False, "broken", [])
    assert broken["failure"]["rule"] == "acme/falling-over"


@pytest.mark.parametrize("word", ["IMPORTANT", "sooner"])
def test_tests_are_chosen_by_a_text_in_their_name(folder: Path, word: str):
    ran = retention("rules", "test", "acme.test.toml", "-k", word, cwd=folder)
    assert (ran.code, ran.text.splitlines()[1:]) == (
        0,
        ["  passed  Important clients are watched sooner", "1 test, 1 passed (1 not chosen)"],
    )


def test_tests_are_chosen_by_their_rule_too(folder: Path):
    (folder / "broken.test.toml").write_text(BROKEN)
    ran = retention("rules", "test", ".", "-k", "slow-payer", cwd=folder)
    assert (ran.code, ran.text.splitlines()[-1]) == (0, "2 tests, 2 passed (1 not chosen)")


def test_a_folder_is_searched_for_files_of_tests(folder: Path):
    (folder / "rules").mkdir()
    (folder / "rules" / "acme.py").write_text(ACME)
    (folder / "rules" / "more.test.toml").write_text(PASSING)
    (folder / "rules" / "retention.toml").write_text("[packs]\n")
    ran = retention("rules", "test", ".", cwd=folder)
    assert (ran.code, ran.text.splitlines()[-1]) == (0, "4 tests, 4 passed")
    assert [line for line in ran.text.splitlines() if line.endswith(".toml")] == [
        "acme.test.toml",
        "rules/more.test.toml",
    ]


def test_a_file_named_twice_is_run_once(folder: Path):
    ran = retention("rules", "test", "acme.test.toml", "acme.test.toml", ".", cwd=folder)
    assert ran.text.splitlines()[-1] == "2 tests, 2 passed"


def test_a_file_needs_nothing_of_the_folder_in_which_the_command_runs(folder: Path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "retention.toml").write_text('[plugins]\nuse = ["./missing.py"]\n')
    ran = retention("rules", "test", folder / "acme.test.toml", cwd=elsewhere)
    assert (ran.code, ran.err) == (0, "")


def test_a_settings_file_is_named_from_the_file_of_the_tests(folder: Path, tmp_path_factory):
    (folder / "shop.toml").write_text(
        '[plugins]\nuse = ["./acme.py"]\n[rules."acme/slow-payer"]\ngrace = "3 days"\n[rules."acme/falling-over"]\nenabled = false\n'
        '[tiers.key.rules."acme/slow-payer"]\ngrace = "2 days"\n'
    )
    test = '[[test]]\nname = "{name}"\n{head}\nevents = ["0d acme.invoice_sent", "0d engaged"]\n'
    text = 'settings = "shop.toml"\n' + "".join(
        [
            test.format(name="a rule", head='rule = "acme/slow-payer"')
            + '[test.expect]\n"from 3d until 33d" = "watch"\n',
            test.format(name="a tier", head='rule = "acme/slow-payer"\ntier = "key"')
            + '[test.expect]\n"from 2d until 32d" = "watch"\n',
            test.format(name="set", head='rule = "acme/slow-payer"\ntier = "key"\nwith = { grace = "1 day" }')
            + '[test.expect]\n"from 1d until 31d" = "watch"\n',
            test.format(name="all", head="") + '[test.status]\n2d = "healthy"\n"from 3d until 33d" = "watch"\n',
        ]
    )
    (folder / "shop.test.toml").write_text(text)
    ran = retention("rules", "test", folder / "shop.test.toml", cwd=tmp_path_factory.mktemp("elsewhere"))
    assert (ran.code, ran.err, ran.text.splitlines()[-1]) == (0, "", "4 tests, 4 passed"), ran.text


def test_on_a_terminal_nothing_is_cut_off(folder: Path):
    (folder / "wrong.toml").write_text(FAILING)
    shown = on_a_terminal("rules", "test", "wrong.toml", cwd=folder)
    assert shown.code == 1
    assert "As of 7d, if nothing else happens" in shown.text


def test_names_cannot_steer_a_terminal(folder: Path):
    (folder / "evil.toml").write_text(FAILING.replace("It is wrong", "\\u001b[31mred"))
    ran = retention("rules", "test", "evil.toml", cwd=folder)
    assert "  failed  \\x1b[31mred" in ran.text
    assert "\x1b" not in ran.text


# Nothing is never success.


def test_no_file_is_a_mistake(folder: Path):
    ran = retention("rules", "test", cwd=folder)
    assert (ran.code, ran.text) == (2, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no tests; begin one with [[test]] on a line of its own"),
        ('use = ["./acme.py"]\n', "has no tests; begin one with [[test]]"),
        ("test = []\n", "has no tests; begin one with [[test]]"),
        ("[test]\nname = 'a'\n", "test: write [[test]] with two brackets, so that another test can follow"),
        ("test = [1]\n", "test 1: expected a table, [[test]], got 1"),
        ("[[test]\n", "this is not TOML: "),
    ],
)
def test_a_file_without_tests_is_a_mistake(folder: Path, text: str, why: str):
    (folder / "none.toml").write_text(text)
    ran = retention("rules", "test", "none.toml", "acme.test.toml", cwd=folder)
    assert (ran.code, ran.text) == (2, "")
    assert ran.err.startswith(f"Error: none.toml: {why}")


def test_other_places_without_tests_are_mistakes(folder: Path):
    (folder / "empty").mkdir()
    ran = retention("rules", "test", "empty", "missing.toml", cwd=folder)
    assert (ran.code, ran.text) == (2, "")
    assert ran.err == (
        "Error: empty: no file in this folder has a name that ends in .test.toml\n"
        "missing.toml: can't be read: No such file or directory\n"
    )


def test_that_no_test_is_chosen_is_a_mistake(folder: Path):
    ran = retention("rules", "test", "acme.test.toml", "-k", "nobody", cwd=folder)
    assert (ran.code, ran.text) == (2, "")
    assert ran.err == "Error: none of the 2 tests has 'nobody' in its name or its rule's\n"


# What a test says.


def as_toml(found: Rule, lines: tuple[str, ...]) -> str:
    """A rule's own example as a test in TOML."""
    events = [line for line in lines if not line.startswith(("at ", "from "))]
    expected = dict(line.removeprefix("at ").split(": ", 1) for line in lines if line not in events)
    table = "\n".join(f"{json.dumps(when)} = {json.dumps(said)}" for when, said in expected.items())
    return f'[[test]]\nname = "one"\nrule = "{found.name}"\nevents = {json.dumps(events)}\n[test.expect]\n{table}\n'


@pytest.mark.parametrize("found", [*BUILT_IN, *BOOK_RULES], ids=lambda found: found.name)
def test_the_examples_of_the_built_in_rules_pass_as_tests(found: Rule):
    for lines in (found.fires, found.silent):
        done = run(only(as_toml(found, lines)))
        assert done.passed, done.checks


@pytest.mark.parametrize("found", [*BUILT_IN, *BOOK_RULES], ids=lambda found: found.name)
def test_the_examples_of_the_built_in_rules_fail_where_they_say_something_else(found: Rule):
    for lines in (found.fires, found.silent):
        said = [
            line if not line.startswith("at ") else line.partition(": ")[0] + _otherwise(line.partition(": ")[2])
            for line in lines
        ]
        done = run(only(as_toml(found, tuple(said))))
        assert not done.passed
        assert not any(check.passed for check in done.checks)
        assert done.stated


def _otherwise(said: str) -> str:
    return ": watch" if said == "nothing" else ": nothing"


def outcome(text: str) -> dict[str, bool]:
    """Which expectations of a test came true."""
    test = only(text)
    return {check.wanted.when(test.times.written): check.passed for check in run(test).checks}


def test_the_boundaries_of_an_interval_are_met_to_the_instant():
    due = "watch, act by 90d"
    right = {"129599m": "nothing", "129600m": due, "90d": due, "172799m": due, "120d": "at-risk, act by 90d"}
    wrong = {"129599m": due, "120d": due}
    for said, is_so in ((right, True), (wrong, False)):
        found = outcome(one("\n".join(f'"{when}" = "{what}"' for when, what in said.items())))
        assert set(found.values()) == {is_so}
        assert len(found) == len({"90d" if when == "129600m" else when for when in said})


def test_only_what_had_happened_by_then_counts():
    found = outcome(one('90d = "watch, act by 90d"\n100d = "nothing"', '["0d engaged", "95d engaged"]'))
    assert found == {"at 90d": True, "at 100d": True}


@pytest.mark.parametrize("start", ["2026-01-05", '"2026-01-05"', "2026-01-05T02:00:00+02:00"])
def test_the_start_says_what_day_0_is(start: str):
    test = only(one('2026-04-05 = "nothing"', head=f"start = {start}"))
    assert test.case.events == (Engaged(client="acme", at="2026-01-05"),)
    assert run(test).checks[0].actual == "watch, act by 90d"


def test_without_a_start_day_0_is_the_first_of_january_2026():
    test = only(one('5d = "nothing"'))
    assert test.case.events[0].at == instant("2026-01-01")
    assert test.times.zero == instant("2026-01-01")


def test_where_a_test_has_dates_alone_it_is_told_in_dates():
    text = one('2026-04-05 = "nothing"', '["2026-01-05 engaged"]')
    (check,) = run(only(text)).checks
    assert check.actual == "watch, act by 2026-04-05"
    assert outcome(text) == {"at 2026-04-05": False}


def test_the_tier_is_known_from_the_first_event_on_and_does_not_come_before_it():
    test = only(one('30d = "watch"', '["5d engaged id=b", "0d engaged id=a"]', head='tier = "key"'))
    profile = test.case.events[-1]
    assert (profile.kind, profile.at, profile.position) == ("profiled", instant("2026-01-01"), 3)
    assert test.how == ("tier key",)
    assert outcome(one('"from 30d" = "at-risk"', head='tier = "key"')) == {"from 30d": True}


def test_settings_of_a_test_go_before_those_of_its_tier():
    head = 'tier = "key"\nwith = { every = "10 days", grace = "1 day" }'
    found = outcome(one('"from 10d until 11d" = "watch"\n"from 11d" = "at-risk"', head=head))
    assert found == {"from 10d until 11d": True, "from 11d": True}


SEVERAL = """\
[[test]]
name = "one"
{rules}
events = ["0d engaged direction=outbound"]
[test.status]
"from 0d until {until}" = "{first}"
{more}
"""


def test_the_status_is_that_by_all_rules_that_are_on():
    assert all(
        outcome(SEVERAL.format(rules="", until="90d", first="unknown", more='90d = "watch"\n120d = "at-risk"')).values()
    )


def test_the_status_is_that_by_the_rules_that_are_named():
    rules = 'rules = ["quiet-client", "open-complaint"]'
    assert all(
        outcome(
            SEVERAL.format(rules=rules, until="90d", first="healthy", more='"from 90d until 120d" = "watch"')
        ).values()
    )


def test_several_rules_are_told_together():
    text = '[[test]]\nname = "one"\nrules = ["quiet-client", "unheard-client"]\nevents = ["0d engaged direction=outbound"]\n'
    assert all(outcome(f'{text}[test.expect]\n89d = "unknown"\n90d = "watch, unknown, act by 90d"\n').values())


def test_one_test_may_say_what_is_stated_and_how_the_client_is():
    test = only(
        '[[test]]\nname = "one"\nrule = "quiet-client"\nevents = ["0d engaged", \'1d judged level=critical reason="x"\']\n'
        '[test.expect]\n5d = "nothing"\n[test.status]\n5d = "critical"\n'
    )
    assert [(check.key, check.passed) for check in run(test).checks] == [("expect", True), ("status", True)]


def test_a_rule_about_the_whole_book_takes_the_events_of_several_clients():
    text = """\
[[test]]
name = "one"
rule = "uncalled-best-clients"
events = ["0d profiled client=fern annual_value=100", "0d profiled client=moss annual_value=50"]
[test.expect]
0d = "nothing"
"""
    test = only(text)
    assert test.case.is_about_book
    assert {event.client for event in test.case.events} == {"fern", "moss"}
    assert run(test).checks[0].actual != "nothing has happened yet"


def test_a_span_in_which_nothing_has_happened_is_told():
    text = one('"from 5d until 9d" = "watch"', '["20d engaged"]')
    assert [(check.actual, check.passed) for check in run(only(text)).checks] == [("nothing has happened yet", False)]


# Mistakes.

GOOD = events_and('90d = "watch, act by 90d"')


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"evnts = []\n{GOOD}", "evnts: no such key; did you mean 'events'? (there are: name, rule, rules,"),
        ("rule = 3\n" + GOOD.partition("\n")[2], "rule: expected text, got 3"),
        ('rule = "quite-client"\n' + GOOD.partition("\n")[2], "rule: no such rule 'quite-client'; did you mean 'quiet-client'?"),
        ('rule = "nova/quiet-client"\n' + GOOD.partition("\n")[2], "rule: no such rule 'nova/quiet-client'; is its plug-in named in use = [...]?"),
        ('rule = "acme/late"\n' + GOOD.partition("\n")[2], "rule: no such rule 'acme/late'; is its plug-in named in use = [...]?"),
        (f'rules = ["quiet-client"]\n{GOOD}', "rule: stands beside rules; write one of them"),
        ('rules = "quiet-client"\n' + GOOD.partition("\n")[2], "rules: expected a list of rules' names, got 'quiet-client'"),
        ("rules = []\n" + GOOD.partition("\n")[2], "rules: is empty; name rules, or leave it out for all that are on"),
        (
            'rules = ["quiet-client", "uncalled-best-clients"]\n' + GOOD.partition("\n")[2],
            "rules: a rule about the whole book is tested by itself; write rule = ...",
        ),
        (GOOD.partition("\n")[2], 'expect: is what rules state; name one, rule = "quiet-client", or write [test.status]'),
        (f'with = {{ evry = "3 days" }}\n{GOOD}', "with.evry: rule quiet-client has no such setting; did you mean 'every'?"),
        (f"with = {{ every = 3 }}\n{GOOD}", "with.every: expected a duration such as '30 days', got 3"),
        (f'with = "every"\n{GOOD}', 'with: expected a table such as { grace = "14 days" }, got \'every\''),
        (
            'with = { every = "3 days" }\nrules = ["quiet-client"]\n' + GOOD.partition("\n")[2],
            "with: sets what one rule takes, so name that rule, rule = ...; for several, name a settings file",
        ),
        (f"tier = 3\n{GOOD}", "tier: expected text, got 3"),
        (f'tier = "Very Important"\n{GOOD}', "tier: 'Very Important' is no tier; use lower-case letters, digits, - and _"),
        (f"start = 3\n{GOOD}", "start: expected a date such as 2026-01-05, got 3"),
        (f'start = "soon"\n{GOOD}', "start: 'soon' is not an RFC 3339 instant"),
        (f"start = 2026-01-05T10:00:00\n{GOOD}", "start: 2026-01-05T10:00:00 has no time zone; give one, such as UTC"),
        (events_and('5d = "nothing"', "[]"), "events: is missing; of a client without events nothing is said"),
        (events_and('5d = "nothing"', '"0d engaged"'), 'events: expected a list of lines such as "0d engaged", got'),
        (events_and('5d = "nothing"', '["0d engaged", 3]'), 'events: expected a line such as "0d engaged", got 3'),
        (
            events_and('5d = "nothing"', '["0d engagd"]'),
            "events: '0d engagd': kind: nobody registered 'engagd'; did you mean 'engaged'?",
        ),
        (events_and('5d = "nothing"', '["engaged"]'), "events: 'engaged': write 'DATE KIND', then the fields"),
        (events_and('5d = "nothing"', '["14x engaged"]'), "events: '14x engaged': at: '14x' is not a duration"),
        (
            events_and('5d = "nothing"', '["0d renewed term_end=soon"]'),
            "events: '0d renewed term_end=soon': term_end: 'soon' is not an RFC 3339 instant",
        ),
        (
            events_and('5d = "nothing"', '["0d engaged client=fern"]'),
            "events: client=fern names a client; only a rule about the whole book takes several",
        ),
        (events_and('5d = "wach"'), "expect.5d: 'wach' is none of healthy, unknown, watch, at-risk, critical, left"),
        (events_and("5d = 3"), "expect.5d: expected text such as 'watch', got 3"),
        (events_and('1.5d = "watch"'), "expect.1: expected text such as 'watch', got a table"),
        (events_and('soon = "watch"'), "expect.soon: 'soon' is not an RFC 3339 instant"),
        (events_and('"from 9d until 5d" = "watch"'), "expect.from 9d until 5d: 'from 9d until 5d' ends before it begins"),
        (events_and('"from 9d" = "act by 9d"'), "expect.from 9d: which actions are due changes within a span"),
        (events_and(""), 'expect: is empty; add a line such as 14d = "watch"'),
        ('rule = "quiet-client"\nevents = ["0d engaged"]\nexpect = 3', "expect: expected a table, [test.expect], got 3"),
        ('rule = "quiet-client"\nevents = ["0d engaged"]', "says of no instant what is expected; add [test.expect]"),
        (events_and('3d = "nothing"', '["5d engaged"]'), "3d: nothing has happened yet, and of an unknown client"),
        (
            events_and('2026-01-20 = "nothing"'),
            "has dates (2026-01-20) and times since a start (0d); write one or the other, or say what 0d is: start =",
        ),
        ('events = ["0d engaged"]\n[test.status]\n5d = "nothing"', "status.5d: 'nothing' is none of healthy, unknown,"),
        (
            'rule = "uncalled-best-clients"\nevents = ["0d engaged"]\n[test.status]\n5d = "healthy"',
            "status: is that of one client; a rule about the whole book is tested with [test.expect]",
        ),
        (
            'rule = "uncalled-best-clients"\ntier = "key"\nevents = ["0d engaged"]\n[test.expect]\n5d = "nothing"',
            "tier: the whole book has no tier; write an event",
        ),
    ],
)  # fmt: skip
def test_a_mistake_names_the_key_and_says_what_to_do(text: str, why: str):
    (problem,) = problems_of(text)
    assert problem.startswith(why)


def test_a_test_without_a_name_is_told_by_its_place():
    found, problems = read(f"[[test]]\n{GOOD}\n[[test]]\nname = 3\n{GOOD}\n")
    assert found == []
    assert problems == [
        'a.test.toml: test 1: name: is missing; say in a sentence what is tested, name = "A late invoice is watched"',
        "a.test.toml: test 2: name: expected text, got 3",
    ]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"tests": []}, "tests: no such key; did you mean 'test'? (there are: use, settings, test)"),
        ({"use": "./acme.py"}, "use: expected a list of texts such as [\"./acme.py\"], got './acme.py'"),
        ({"use": [3]}, 'use: expected a list of texts such as ["./acme.py"], got [3]'),
        ({"settings": {}}, "settings: expected the path of a settings file, as text, got a table; single settings of"),
    ],
)
def test_a_mistake_above_the_tests_is_told_too(table: Mapping[str, Any], why: str):
    header, (problem,) = read_header(table, "a.toml", Path("here"))
    assert (header.use, header.settings) == ((), None)
    assert problem.startswith(f"a.toml: {why}")


def test_all_mistakes_of_all_files_are_told_at_once_and_nothing_is_run(folder: Path):
    (folder / "a.toml").write_text(
        'use = ["./acme.py", "./missing.py"]\nfoo = 1\n'
        '[[test]]\nrule = "acme/slow-payer"\nevents = ["0d missing.happened", "0d engagd"]\n[test.expect]\n5d = "wach"\n'
        '[[test]]\nname = "b"\nrule = "missing/rule"\ntier = "K"\nevents = ["0d acme.invoice_sent"]\n[test.expect]\n5d = "watch"\n'
    )
    (folder / "shop.toml").write_text("[rules.quite-client]\n")
    (folder / "b.toml").write_text('settings = "shop.toml"\n[[test]]\nname = "c"\nevents = ["0d"]\n')
    ran = retention("rules", "test", "a.toml", "b.toml", "acme.test.toml", cwd=folder)
    assert (ran.code, ran.text) == (2, "")
    told = [line.split(": ")[:3] for line in ran.err.removeprefix("Error: ").splitlines()]
    assert [tuple(it) for it in told] == [
        ("a.toml", "foo", "no such key (there are"),
        ("a.toml", "use", "'./missing.py'"),
        ("a.toml", "test 1", "name"),
        ("a.toml", "test 1", "expect.5d"),
        ("a.toml", "test 'b'", "tier"),
        ("shop.toml", "rules.quite-client", "no such rule; did you mean 'quiet-client'?"),
        ("b.toml", "test 'c'", "events"),
        ("b.toml", "test 'c'", 'says of no instant what is expected; add [test.expect] with a line such as 14d = "watch"'),
    ]  # fmt: skip


# Side by side.


def test_pairs_are_told_side_by_side_and_those_that_differ_are_marked():
    told = side_by_side(
        [Pair("5d", "watch", "watch", agrees=True), Pair("9d", "watch", "nothing", agrees=False)], "day"
    )
    assert [line.split() for line in told.splitlines() if "─" not in line] == [
        ["day", "expected", "actual"],
        ["5d", "watch", "watch"],
        ["9d", "watch", "nothing", "differs"],
    ]


def test_a_history_is_told_in_order_with_clients_where_there_are_several():
    call = Engaged(client="fern", at="2026-01-02", id="call", with_=["Nora", "Piet"], note="it's", position=1)
    given = Referred(client="moss", at="2026-01-01", direction="given", prospect="a b", position=2)
    lines = history_table([call, given]).splitlines()
    assert [re.split(r"\s{2,}", line.strip()) for line in lines if "─" not in line] == [
        ["event", "client", "date", "kind", "fields"],
        ["#2", "moss", "2026-01-01", "referred", 'direction=given prospect="a b"'],
        ["call", "fern", "2026-01-02", "engaged", 'note="it\'s" with=Nora,Piet'],
    ]


def test_an_event_is_told_as_a_line_that_reads_back_as_the_same():
    note = 'say "hi" to $HOME, `it\'s` \\ fine'
    call = Engaged(client="acme", at="2026-01-01", note=note, position=1)
    line = history_table([call]).splitlines()[-1].strip()
    fields = line.split("engaged", 1)[1].strip()
    test = only(
        f"[[test]]\nname = 'one'\nrule = 'quiet-client'\nevents = [{json.dumps('2026-01-01 engaged ' + fields)}]\n[test.expect]\n2026-01-02 = 'nothing'"
    )
    assert test.case.events == (call,)
    assert Health.HEALTHY not in {level for check in run(test).checks for level in check.wanted.levels}
