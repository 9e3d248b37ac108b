"""Rules, kinds of event and packs of others: how they are named, found, loaded and used, where nothing is wrong with them."""

import csv
import io
import json
import sys
from importlib import invalidate_caches
from itertools import count
from pathlib import Path

import pytest

from command import AT, retention
from distributions import install, python_path
from retention_engine import (
    BUILT_IN,
    KINDS,
    Engaged,
    Engine,
    Profiled,
    RetentionEngine,
    Settings,
    configure,
    days,
    instant,
    load_plugins,
    rule,
)
from retention_engine.errors import KindError, SettingsError
from retention_engine.plugins.finding import find_plugins

RULE = '''
from datetime import timedelta
from retention_engine import Client, Concern, Findings, Health, days, rule

@rule{arguments}
def {name}(client: Client, *, grace: timedelta = days(14)) -> Findings:
    """Something is late.

    Settings:
        grace: how late it may be.
    """
    yield Concern(Health.AT_RISK, starts=client.since + grace, because=client.first, message="{name}")
'''

KIND = '''
from typing import ClassVar
import attrs
from retention_engine import Event

@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    """We sent an invoice."""

    kind: ClassVar[str] = "{kind}"

    total: int = 0
    recipient: str | None = None
'''

PACK = """
from retention_engine import Pack

BILLING = Pack("billing", about="About money.", rules=("contested-price",))
"""

BUILT_IN_NAMES = {it.name for it in BUILT_IN}
NUMBERS = count(1)


def a_rule(name="slow_payer", arguments=""):
    return RULE.format(name=name, arguments=arguments)


def a_kind(kind="acme.invoice_sent"):
    return KIND.format(kind=kind)


def acme(site, *, name="acme-rules", version="1.0", entry="acme", **modules):
    """A distribution with an entry point in the group of each of its modules; each has a package of its own."""
    package = f"package_{next(NUMBERS)}"
    points = {f"retention_engine.{group}": {entry: f"{package}.{group}"} for group in modules}
    files = {f"{package}/{group}.py": text for group, text in modules.items()}
    install(site, name, version, points, {f"{package}/__init__.py": "", **files})
    return package


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on Python's path; what is imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    invalidate_caches()
    yield folder
    for name in sys.modules.keys() - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def written(path: Path, text: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    invalidate_caches()
    return path


def names(plugins):
    return [it.name for it in plugins.rules]


def enabled(settings, plugins):
    return {it.name for it in settings.choose(plugins.catalogue)}


# How a plug-in is named.


def test_an_installed_distribution_is_found_by_the_name_of_its_entry_points(site):
    acme(site, rules=a_rule(), events=a_kind(), packs=PACK)
    loaded = load_plugins(["acme"])
    assert loaded.failures == loaded.warnings == ()
    assert [(it.name, it.distribution) for it in loaded.rules] == [("acme/slow-payer", "acme-rules 1.0")]
    assert set(loaded.kinds) - set(KINDS) == {"acme.invoice_sent"}
    assert loaded.packs == {"acme/billing": "About money."}


def test_a_file_is_named_by_its_path(tmp_path):
    written(tmp_path / "rules" / "slow_payers.py", a_rule())
    loaded = load_plugins(["./rules/slow_payers.py"], base=tmp_path)
    assert [(it.name, it.distribution, it.origin) for it in loaded.rules] == [
        ("slow-payers/slow-payer", "./rules/slow_payers.py", "./rules/slow_payers.py")
    ]


@pytest.mark.parametrize("spec", ["acme.py", "./acme.py", "sub/../acme.py"])
def test_a_file_needs_no_dot_before_it(spec, tmp_path):
    written(tmp_path / "acme.py", a_rule())
    (tmp_path / "sub").mkdir()
    assert names(load_plugins([spec], base=tmp_path)) == ["acme/slow-payer"]


def test_a_file_is_named_from_the_root_as_well(tmp_path):
    path = written(tmp_path / "acme.py", a_rule())
    assert names(load_plugins([str(path)])) == ["acme/slow-payer"]


@pytest.mark.parametrize("spec", ["shop_rules.late", "shop_rules.late:slow_payer", "shop_rules.late:BOTH"])
def test_a_module_or_what_stands_in_it_is_named_for_its_package(spec, site):
    both = "\nBOTH = [slow_payer, quarreller]\n"
    written(site / "shop_rules" / "__init__.py", "")
    written(site / "shop_rules" / "late.py", a_rule() + a_rule("quarreller") + both)
    found = names(load_plugins([spec]))
    expected = ["shop-rules/quarreller", "shop-rules/slow-payer"]
    assert found == ([expected[1]] if spec.endswith("slow_payer") else expected)


def test_an_attribute_of_a_class_is_found(site):
    holder = "\nclass Holder:\n    late = slow_payer\n"
    written(site / "shop.py", a_rule() + holder)
    assert names(load_plugins(["shop:Holder.late"])) == ["shop/slow-payer"]


def test_a_module_in_the_folder_is_found_where_python_would_not_look(tmp_path):
    written(tmp_path / "hidden_rules.py", a_rule())
    path = list(sys.path)
    try:
        assert names(load_plugins(["hidden_rules"], base=tmp_path)) == ["hidden-rules/slow-payer"]
    finally:
        sys.modules.pop("hidden_rules", None)
    assert sys.path == path


def test_a_class_of_events_and_a_pack_may_be_named_alone(site):
    written(site / "shop.py", a_rule() + a_kind("shop.invoice_sent") + PACK)
    kind = load_plugins(["shop:InvoiceSent"])
    assert (names(kind), set(kind.kinds) - set(KINDS), kind.packs) == ([], {"shop.invoice_sent"}, {})
    pack = load_plugins(["shop:BILLING"])
    assert (names(pack), set(pack.kinds) - set(KINDS), set(pack.packs)) == ([], set(), {"shop/billing"})


def test_an_installed_name_goes_before_a_module_of_that_name(site):
    acme(site, rules=a_rule("installed"))
    written(site / "acme.py", a_rule("in_a_module"))
    assert names(load_plugins(["acme"])) == ["acme/installed"]
    written(site / "other.py", a_rule("in_a_module"))
    assert names(load_plugins(["other"])) == ["other/in-a-module"]


@pytest.mark.parametrize("spec", ["acme_tools", "acme-tools", "Acme-Tools"])
def test_dashes_underscores_and_capitals_make_no_difference_in_an_entry_point(spec, site):
    acme(site, entry="acme_tools", rules=a_rule())
    assert names(load_plugins([spec])) == ["acme-tools/slow-payer"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("acmee", "'acmee': no plug-in of this name is installed; did you mean 'acme'? (installed: acme)"),
        ("./acme.py", "'./acme.py': there is no file"),
        ("./rules", "'./rules': is a folder; name a file in it"),
        ("./rules/notes.txt", "'./rules/notes.txt': is no Python file; its name must end in .py"),
        ("no_such_module.rules", "there is no module 'no_such_module' on Python's path"),
        ("acme:rules:late", "is no installed plug-in's name (acme), file (./acme.py) or module"),
        ("", "is no installed plug-in's name"),
    ],
)
def test_a_word_that_names_nothing_is_told_with_what_there_is(spec, said, site, tmp_path):
    acme(site, rules=a_rule())
    written(tmp_path / "rules" / "notes.txt", "")
    with pytest.raises(SettingsError) as refused:
        load_plugins(["acme", spec, "./also-missing.py"], base=tmp_path)
    first, second = refused.value.problems
    assert said in first
    assert second.startswith("'./also-missing.py': there is no file")


def test_one_text_is_not_taken_for_a_plug_in_a_letter():
    with pytest.raises(SettingsError) as refused:
        load_plugins("./acme.py")
    assert refused.value.problems == ("expected a list, got './acme.py'; write ['./acme.py']",)


def test_a_time_budget_is_a_span_of_time(tmp_path):
    written(tmp_path / "acme.py", a_rule())
    with pytest.raises(SettingsError, match=r"^time_budget: expected a timedelta such as .*, got 2$"):
        load_plugins(["./acme.py"], base=tmp_path, time_budget=2)


def test_an_attribute_that_is_not_there_is_told_with_one_like_it(tmp_path):
    written(tmp_path / "billing_rules.py", a_rule())
    (failure,) = load_plugins(["billing_rules:slow_payr"], base=tmp_path).failures
    assert failure.reason.startswith("the module billing_rules has no 'slow_payr'; did you mean 'slow_payer'? (")


OVERLOOKED = """

def forgotten(client: Client) -> Findings:
    \"\"\"Nobody put @rule above it.\"\"\"
    yield from ()


class Kindless(Event):
    pass
"""

MEANT = """

def shared(client: Client) -> Findings:
    yield from ()


def _inner(client: Client) -> Findings:
    yield from ()


@rule
def asks(client: Client) -> Findings:
    \"\"\"It asks another function.\"\"\"
    yield from (found for found in shared(client))


class Invoice(Event):
    pass


class Paid(Invoice):
    kind: ClassVar[str] = "acme.paid"
"""


def test_what_looks_like_a_rule_or_a_kind_and_is_none_is_told_of(site, tmp_path):
    path = written(tmp_path / "acme.py", a_kind() + a_rule() + OVERLOOKED)
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    assert loaded.failures == ()
    lines = path.read_text().splitlines()
    function, cls = (
        lines.index("def forgotten(client: Client) -> Findings:") + 1,
        lines.index("class Kindless(Event):") + 1,
    )
    rule_like, kind_like = loaded.warnings
    assert rule_like == (
        f"plug-in acme (./acme.py): forgotten yields findings and is no rule; put @rule above it ({path}:{function})"
    )
    assert kind_like == (
        "plug-in acme (./acme.py): Kindless is an event without a kind; give it one, "
        f"kind: ClassVar[str] = 'acme.invoice_paid' ({path}:{cls})"
    )
    acme(site, rules=a_kind() + a_rule() + OVERLOOKED)
    (warning,) = load_plugins(["acme"]).warnings
    assert "forgotten yields findings" in warning


def test_what_another_function_uses_and_what_a_kind_inherits_is_not_overlooked(tmp_path):
    meant = MEANT.replace("class Paid", "@attrs.frozen(slots=False, kw_only=True)\nclass Paid")
    meant = meant.replace("class Invoice", "@attrs.frozen(slots=False, kw_only=True)\nclass Invoice")
    written(tmp_path / "acme.py", a_kind() + a_rule() + meant)
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    assert (loaded.failures, loaded.warnings) == ((), ())


# Nothing that was not named.


def test_nothing_is_imported_from_a_plug_in_that_is_not_named(site, tmp_path):
    trace = tmp_path / "imported"
    nosy = f"from pathlib import Path\nPath({str(trace)!r}).touch()\n"
    acme(site, name="nosy-rules", entry="nosy", rules=nosy + a_rule(), events=nosy + a_kind(), packs=nosy + PACK)
    acme(site, rules=a_rule())
    log = written(tmp_path / "log.jsonl", '{"client": "fern", "kind": "engaged", "at": "2026-06-01"}\n')
    path = python_path(site)
    for command in (
        ["rules"],
        ["rules", "--rules", "acme"],
        ["replay", log, *AT],
        ["rules", "explain", "quiet-client"],
    ):
        assert retention(*command, env=path).code == 0
    assert "nosy" not in retention("rules", "--rules", "acme", env=path).text
    assert not trace.exists()
    assert retention("replay", log, *AT, "--rules", "nosy", env=path).code == 0
    assert trace.exists()


def test_to_find_a_plug_in_nothing_is_imported(site, tmp_path):
    package = acme(site, rules="raise SystemExit")
    written(site / "other.py", "raise SystemExit")
    found, problems = find_plugins(["acme", "other"], base=tmp_path)
    assert [it.name for it in found] == ["acme", "other"]
    assert problems == []
    assert not {package, "other"} & sys.modules.keys()


def test_what_a_module_imported_from_elsewhere_is_not_its_own(site):
    written(site / "lender.py", a_rule("lent") + a_kind("lender.thing"))
    written(site / "borrower.py", "from lender import InvoiceSent, lent\n" + a_rule("own"))
    loaded = load_plugins(["borrower"])
    assert names(loaded) == ["borrower/own"]
    assert set(loaded.kinds) == set(KINDS)
    assert names(load_plugins(["borrower:lent"])) == ["borrower/lent"]


def test_a_package_may_collect_what_its_modules_define(site):
    written(site / "shop" / "late.py", a_rule())
    written(site / "shop" / "__init__.py", "from .late import slow_payer\nagain = slow_payer\n")
    assert names(load_plugins(["shop"])) == ["shop/slow-payer"]


# Names.


@pytest.mark.parametrize("specs", [["acme", "acme"], ["./acme.py", "acme.py"], ["shop", "shop:slow_payer"]])
def test_what_is_named_twice_counts_once(specs, site, tmp_path):
    acme(site, rules=a_rule(), events=a_kind())
    written(tmp_path / "acme.py", a_rule() + a_kind())
    written(site / "shop.py", a_rule())
    loaded = load_plugins(specs, base=tmp_path)
    assert len(loaded.rules) == 1
    assert loaded.failures == ()


def test_a_file_that_the_settings_and_an_option_name_counts_once(tmp_path):
    written(tmp_path / "conf" / "acme.py", a_rule() + a_kind())
    file = written(tmp_path / "conf" / "retention.toml", '[plugins]\nuse = ["./acme.py"]\n')
    _, loaded = configure(file, plugins=["./conf/acme.py"], base=tmp_path)
    assert (names(loaded), loaded.failures) == (["acme/slow-payer"], ())


def test_one_name_from_two_distributions_runs_neither_and_names_both(site):
    first = acme(site, name="acme-rules", version="1.0", rules=a_rule() + a_rule("quarreller"))
    second = acme(site, name="other-rules", version="2.1", rules=a_rule())
    loaded = load_plugins(["acme"])
    assert names(loaded) == ["acme/quarreller", "acme/slow-payer"]
    (failure,) = loaded.failures
    assert failure.rule == "acme/slow-payer"
    assert f"acme-rules 1.0 ({first}.rules) and other-rules 2.1 ({second}.rules)" in failure.reason
    verdict = Engine(Settings().choose(loaded.catalogue)).assess(a_client(), at=instant("2026-06-30"))
    assert [it.rule for it in verdict.failures] == ["acme/slow-payer"]
    assert [it.message for it in verdict.concerns if it.rule.startswith("acme/")] == ["quarreller"]


def test_two_distributions_may_share_a_name_and_bring_different_rules(site):
    acme(site, name="acme-rules", rules=a_rule())
    acme(site, name="acme-more", rules=a_rule("quarreller"))
    loaded = load_plugins(["acme"])
    assert {it.name: it.distribution for it in loaded.rules} == {
        "acme/quarreller": "acme-more 1.0",
        "acme/slow-payer": "acme-rules 1.0",
    }


def test_a_rule_of_a_plug_in_may_be_named_as_a_built_in_one(tmp_path):
    written(tmp_path / "acme.py", a_rule("quiet_client"))
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    assert {"quiet-client", "acme/quiet-client"} <= enabled(Settings(), loaded)


def test_two_plug_ins_can_not_bring_one_kind(tmp_path):
    for name in ("one", "two"):
        written(tmp_path / f"{name}.py", a_kind("acme.invoice_sent"))
    loaded = load_plugins(["./one.py", "./two.py"], base=tmp_path)
    (failure,) = loaded.failures
    assert (failure.plugin, failure.origin) == ("two", "./two.py")
    places = [tmp_path / "one.py", tmp_path / "two.py"]
    assert failure.reason == (
        f"kind 'acme.invoice_sent' is declared twice: InvoiceSent, InvoiceSent ({places[0]}:6 and {places[1]}:6)"
    )
    assert KINDS.adding(load_plugins(["./one.py"], base=tmp_path).kinds["acme.invoice_sent"])


# Packs, and what is on.


def test_a_pack_turns_on_its_rules_and_the_built_in_ones_that_it_names(tmp_path):
    written(tmp_path / "acme.py", a_rule(arguments='(pack="billing")') + a_rule("quarreller") + PACK)
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    usual = enabled(Settings(), loaded)
    assert {"acme/slow-payer", "contested-price"} & usual == set()
    assert "acme/quarreller" in usual
    settings = Settings.from_table({"packs": {"acme/billing": True}}, loaded.catalogue)
    assert enabled(settings, loaded) - usual == {"acme/slow-payer", "contested-price"}
    by_option = {it.name for it in Settings().choose(loaded.catalogue, packs=["acme/billing"])}
    assert by_option == enabled(settings, loaded)


def test_a_pack_may_name_rules_of_its_plug_in_by_their_own_names(tmp_path):
    pack = 'from retention_engine import Pack\nALL = Pack("all", about="All.", rules=("slow-payer", "quiet-client"))\n'
    written(tmp_path / "acme.py", a_rule(arguments='(pack="billing")') + pack)
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    packs = {it.name: it.packs for it in loaded.catalogue}
    assert packs["acme/slow-payer"] == ("acme/billing", "acme/all")
    assert packs["quiet-client"][-1] == "acme/all"


def test_a_rule_may_join_a_built_in_pack(tmp_path):
    written(tmp_path / "acme.py", a_rule(arguments='(pack=["essentials", "stick-around"])'))
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    (slow_payer,) = loaded.rules
    assert slow_payer.packs == ("essentials", "stick-around")
    assert "acme/slow-payer" in enabled(Settings(), loaded)
    assert "acme/slow-payer" not in enabled(Settings.from_table({"packs": {"essentials": False}}), loaded)


def test_the_one_pack_of_a_plug_in_may_have_its_name(tmp_path):
    written(tmp_path / "acme.py", a_rule(arguments='(pack="acme")'))
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    assert enabled(Settings.from_table({"packs": {"acme": True}}, loaded.catalogue), loaded) >= {"acme/slow-payer"}


def test_a_pack_that_names_no_rule_is_told_of(tmp_path):
    written(tmp_path / "acme.py", a_rule() + PACK.replace("contested-price", "contested-prize"))
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    (failure,) = loaded.failures
    assert failure.reason == "the pack 'acme/billing' names 'contested-prize', and there is no such rule"


EXPERIMENTAL = '(status="experimental")'


def test_an_experimental_rule_is_off_unless_it_is_named(tmp_path):
    written(tmp_path / "acme.py", a_rule(arguments=EXPERIMENTAL))
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    assert "acme/slow-payer" not in enabled(Settings(), loaded)
    named = Settings.from_table({"rules": {"acme/slow-payer": {"enabled": True}}}, loaded.catalogue)
    assert "acme/slow-payer" in enabled(named, loaded)
    assert [it.name for it in Settings().choose(loaded.catalogue, select=["acme/slow-payer"])] == ["acme/slow-payer"]


def test_its_packs_do_not_turn_an_experimental_rule_on(tmp_path):
    written(tmp_path / "acme.py", a_rule(arguments='(pack="essentials", status="experimental")'))
    assert "acme/slow-payer" not in enabled(Settings(), load_plugins(["./acme.py"], base=tmp_path))


def test_a_rule_of_a_plug_in_can_be_turned_off(tmp_path):
    written(tmp_path / "acme.py", a_rule())
    settings, loaded = configure(
        {"plugins": {"use": ["./acme.py"]}, "rules": {"acme/slow-payer": {"enabled": False}}}, base=tmp_path
    )
    assert "acme/slow-payer" not in enabled(settings, loaded)
    assert enabled(settings, loaded) == enabled(Settings(), load_plugins([]))


# Settings.


def test_files_are_named_from_the_folder_of_the_settings_and_options_from_the_current_one(tmp_path, monkeypatch):
    written(tmp_path / "conf" / "rules" / "ours.py", a_rule())
    written(tmp_path / "here" / "mine.py", a_rule("quarreller"))
    written(tmp_path / "conf" / "retention.toml", '[plugins]\nuse = ["./rules/ours.py"]\n')
    command = ["rules", "--settings", "../conf/retention.toml", "--rules", "./mine.py", "--format", "json"]
    listed = json.loads(retention(*command, cwd=tmp_path / "here").out)["rules"]
    assert {it["name"]: it["origin"] for it in listed if "/" in it["name"]} == {
        "ours/slow-payer": "./rules/ours.py",
        "mine/quarreller": "./mine.py",
    }


def test_values_for_a_rule_of_a_plug_in_are_checked_and_used(tmp_path):
    written(tmp_path / "acme.py", a_rule())
    table = {
        "plugins": {"use": ["./acme.py"]},
        "rules": {"acme/slow-payer": {"grace": "30 days"}},
        "tiers": {"key": {"rules": {"acme/slow-payer": {"grace": "60 days"}}}},
    }
    settings, loaded = configure(table, base=tmp_path)
    (bound,) = (it for it in settings.choose(loaded.catalogue) if it.name == "acme/slow-payer")
    assert (bound.settings("standard")["grace"], bound.settings("key")["grace"]) == (days(30), days(60))
    table["rules"]["acme/slow-payer"] = {"grce": "30 days"}
    with pytest.raises(SettingsError, match=r"rules\.acme/slow-payer\.grce: no such setting; did you mean 'grace'"):
        configure(table, base=tmp_path)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"use": "acme"}, "plugins.use: "),
        ({"use": [3]}, "plugins.use: "),
        ({"used": ["acme"]}, "plugins.used: no such setting; did you mean 'use'?"),
        ({"time_budget": "0 seconds"}, "plugins.time_budget: must be longer than nothing"),
        ({"time_budget": 2}, "plugins.time_budget: expected a duration"),
    ],
)
def test_a_mistake_in_the_table_of_plug_ins_has_its_path(table, said, tmp_path):
    with pytest.raises(SettingsError) as refused:
        configure({"plugins": table}, base=tmp_path)
    (problem,) = refused.value.problems
    assert problem.startswith(f"settings: {said}")


def test_what_the_settings_say_of_a_plug_in_that_is_not_found_is_no_second_mistake(tmp_path):
    table = {"plugins": {"use": ["./acme.py"]}, "rules": {"acme/slow-payer": {"grace": "1 day"}, "quiet": {}}}
    with pytest.raises(SettingsError) as refused:
        configure(table, base=tmp_path)
    missing, unknown = refused.value.problems
    assert missing.startswith("settings: plugins.use: './acme.py': there is no file")
    assert unknown.startswith("settings: rules.quiet: no such rule")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"acme/slow-payr": {}}, "rules.acme/slow-payr: no such rule; did you mean 'acme/slow-payer'?"),
        ({"nova/quiet-client": {}}, "rules.nova/quiet-client: no such rule; no plug-in 'nova' is in use"),
        (
            {"acme": {"slow-payer": {"grace": "1 day"}}},
            'rules.acme: no such rule; write [rules."acme/slow-payer"], quoted and with a slash',
        ),
    ],
)
def test_a_rule_of_a_plug_in_that_is_misnamed_is_told_as_such(rules, said, tmp_path):
    written(tmp_path / "acme.py", a_rule())
    with pytest.raises(SettingsError) as refused:
        configure({"plugins": {"use": ["./acme.py"]}, "rules": rules}, base=tmp_path)
    assert refused.value.problems == (f"settings: {said}",)


def test_a_name_with_a_slash_that_is_not_quoted_is_told_of(tmp_path):
    file = written(tmp_path / "retention.toml", '[packs]\n\n[rules.acme/slow-payer]\ngrace = "1 day"\n')
    with pytest.raises(SettingsError, match=r'; a name with a slash is quoted: \[rules\."acme/slow-payer"\]$'):
        configure(file)
    written(file, "[rules.quiet-client\n")
    with pytest.raises(SettingsError) as refused:
        configure(file)
    assert "quoted" not in str(refused.value)


# The commands.


def test_a_kind_of_a_plug_in_goes_through_every_command_that_reads_or_writes_events(tmp_path):
    written(tmp_path / "acme.py", a_rule() + a_kind())
    rules = ["--rules", "./acme.py"]
    log = "sqlite:///clients.db"
    line = {"client": "fern", "kind": "acme.invoice_sent", "at": "2026-06-02", "id": "i2", "recipient": "Nora Lind"}
    written(tmp_path / "more.jsonl", f"{json.dumps(line)}\n")

    def run(*command):
        ran = retention(*command, cwd=tmp_path)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran.text

    run("init", log)
    run("record", log, "fern", "acme.invoice_sent", "total=12", "--at", "2026-06-01", "--id", "i1", *rules)
    run("import", "more.jsonl", "--log", log, *rules)
    run("log", "verify", log, *rules)
    exported = run("export", log, *rules)
    assert [json.loads(it)["id"] for it in exported.splitlines()] == ["i1", "i2"]
    table = csv.DictReader(io.StringIO(run("export", log, *rules, "--format", "csv")))
    assert {it["id"]: (it["total"], it["recipient"]) for it in table} == {"i1": ("12", ""), "i2": ("", "Nora Lind")}
    for query in (["replay", log], ["explain", log, "fern"], ["timeline", log, "fern"], ["actions", log]):
        run(*query, *rules, *AT)
    replayed = json.loads(run("replay", log, *rules, *AT, "--format", "json"))
    assert "acme/slow-payer" in {it["rule"] for it in replayed["clients"][0]["concerns"]}
    run("forget", log, "fern", "--yes", *rules)
    assert "Nora" not in run("export", log, *rules)
    run("log", "verify", log, *rules)


MAP = """
[plugins]
use = ["./acme.py"]

[import.billing]
client = "Account"
at = "Sent"
fields = { total = "Sum" }
constants = { kind = "acme.invoice_sent" }
"""


def test_a_table_may_become_events_of_a_plug_in_s_kind(tmp_path):
    written(tmp_path / "acme.py", a_kind())
    written(tmp_path / "retention.toml", MAP)
    written(tmp_path / "bills.csv", "Account,Sent,Sum\nfern,2026-06-01T10:00:00Z,12\n")
    assert retention("init", "sqlite:///clients.db", cwd=tmp_path).code == 0
    ran = retention("import", "bills.csv", "--map", "billing", "--log", "sqlite:///clients.db", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    (line,) = retention("export", "sqlite:///clients.db", cwd=tmp_path).text.splitlines()
    assert {"kind": "acme.invoice_sent", "total": 12}.items() <= json.loads(line).items()


def test_a_plug_in_that_fails_makes_no_mistake_of_a_table_for_its_kind(tmp_path):
    written(tmp_path / "acme.py", "import accounting_that_is_not_there\n")
    file = written(tmp_path / "retention.toml", MAP)
    _, loaded = configure(file)
    assert len(loaded.failures) == 1
    written(tmp_path / "acme.py", a_rule())
    with pytest.raises(SettingsError, match=r"import\.billing\.constants\.kind: nobody registered"):
        configure(file)


@pytest.mark.parametrize("command", [["replay", "{log}"], ["export", "{log}"], ["log", "verify", "{log}"]])
def test_without_the_plug_in_its_events_are_told_of(command, tmp_path):
    written(tmp_path / "acme.py", a_kind())
    loaded = load_plugins(["./acme.py"], base=tmp_path)
    address = f"sqlite:///{tmp_path / 'clients.db'}"
    with RetentionEngine.open(address, create=True, kinds=loaded.kinds) as made:
        made.record(loaded.kinds["acme.invoice_sent"](client="fern", at="2026-06-01", id="i1"))
    ran = retention(*(word.format(log=address) for word in command), cwd=tmp_path)
    assert ran.code == (3 if command[0] == "log" else 2)
    assert "nobody registered 'acme.invoice_sent'" in ran.text + ran.err
    assert "Name the plug-in that brings the kind, by --rules or in the settings file." in ran.err
    assert "backup" not in ran.err


@pytest.mark.parametrize("command", [["replay", "log.jsonl", *AT], ["rules"]])
def test_the_settings_of_the_folder_name_plug_ins_for_every_command(command, tmp_path):
    written(tmp_path / "acme.py", a_rule())
    written(tmp_path / "retention.toml", '[plugins]\nuse = ["./acme.py"]\n')
    written(tmp_path / "log.jsonl", '{"client": "fern", "kind": "engaged", "at": "2026-06-01"}\n')
    assert "acme/slow-payer" in retention(*command, "--format", "json", cwd=tmp_path).text


def test_a_plug_in_prints_nothing_into_the_results(tmp_path):
    written(tmp_path / "acme.py", 'print("Acme says hello")\n' + a_rule())
    ran = retention("rules", "--rules", "./acme.py", "--format", "json", cwd=tmp_path)
    assert "acme/slow-payer" in {it["name"] for it in json.loads(ran.out)["rules"]}
    assert ran.err == "Acme says hello\n"


def test_status_and_origin_are_told_where_rules_differ_in_them(tmp_path):
    written(tmp_path / "acme.py", a_rule(arguments=EXPERIMENTAL) + a_rule("old", '(status="deprecated")'))
    usual = retention("rules", cwd=tmp_path).text.splitlines()[0].split()
    told = retention("rules", "--rules", "./acme.py", cwd=tmp_path).text.splitlines()
    assert (usual, told[0].split()) == (
        ["rule", "on", "packs", "problem"],
        ["rule", "on", "status", "packs", "origin", "problem"],
    )
    rows = {row.split()[0]: row.split() for row in told if row.startswith("acme/")}
    assert rows["acme/slow-payer"][1:3] == ["experimental", "./acme.py"]
    assert rows["acme/old"][1:4] == ["on", "deprecated", "./acme.py"]
    explained = retention("rules", "explain", "acme/old", "--rules", "./acme.py", cwd=tmp_path).text
    assert "\nOrigin: ./acme.py\nStatus: deprecated\n" in explained


def test_values_are_listed_with_where_they_come_from(tmp_path):
    tiers = '(tiers={"gold": {"grace": days(3)}})'
    written(tmp_path / "acme.py", a_rule(arguments=tiers) + a_rule("quarreller"))
    written(
        tmp_path / "mine.toml",
        '[plugins]\nuse = ["./acme.py"]\n[rules."acme/quarreller"]\ngrace = "2 days"\n'
        '[tiers.key.rules."acme/quarreller"]\ngrace = "1 day"\n',
    )
    rows = retention("rules", "--settings", "mine.toml", "--values", cwd=tmp_path).text.splitlines()
    assert [" ".join(row.split()) for row in rows if row.startswith("acme/")] == [
        "acme/quarreller grace 2 days set in mine.toml",
        "acme/quarreller grace key 1 day set for the tier in mine.toml",
        "acme/slow-payer grace 14 days default",
        "acme/slow-payer grace gold 3 days default for the tier",
    ]


# In a program.


@rule
def handed_over(client):
    """It was handed over as a function."""
    yield from ()


def a_client():
    from retention_engine import Client

    return Client.from_events("fern", [Engaged(client="fern", at="2026-01-05", id="call")])


def test_an_engine_takes_plug_ins_of_the_settings_and_further_ones(tmp_path, monkeypatch):
    written(tmp_path / "conf" / "ours.py", a_rule() + a_kind())
    written(tmp_path / "here" / "mine.py", a_rule("quarreller"))
    file = written(tmp_path / "conf" / "own.toml", '[plugins]\nuse = ["./ours.py"]\n')
    monkeypatch.chdir(tmp_path / "here")
    with RetentionEngine.open(
        "memory://", create=True, settings=file, plugins=["./mine.py"], rules=[handed_over]
    ) as opened:
        on = {it.name for it in opened.engine.rules}
        assert {"ours/slow-payer", "mine/quarreller", "handed-over", "quiet-client"} <= on
        opened.record(Profiled(client="fern", at="2026-01-05", name="Fern"))
        opened.record(opened.plugins.kinds["acme.invoice_sent"](client="fern", at="2026-01-06"))
        verdict = opened.assess("fern", at=instant("2026-06-30"))
    assert {it.rule for it in verdict.concerns} >= {"ours/slow-payer", "mine/quarreller"}


def test_settings_that_were_read_before_know_from_where_their_files_are_named(tmp_path, monkeypatch):
    written(tmp_path / "conf" / "ours.py", a_rule())
    file = written(tmp_path / "conf" / "own.toml", '[plugins]\nuse = ["./ours.py"]\n')
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    configured, _ = configure(file)
    for settings in (configured, Settings.load(file)):
        with RetentionEngine.open("memory://", create=True, settings=settings) as opened:
            assert "ours/slow-payer" in {it.name for it in opened.engine.rules}


def test_without_plug_ins_an_engine_has_the_built_in_rules(tmp_path):
    with RetentionEngine.open("memory://", create=True) as opened:
        assert {it.name for it in opened.engine.rules} < BUILT_IN_NAMES
        assert opened.plugins.failures == ()


def test_a_plug_in_that_is_not_there_is_a_mistake_in_the_settings():
    with pytest.raises(SettingsError, match="no plug-in of this name is installed"):
        RetentionEngine.open("memory://", create=True, plugins=["nowhere"])


def test_a_plug_in_that_fails_leaves_the_engine_open_and_no_client_well(tmp_path):
    path = written(tmp_path / "acme.py", "import accounting_that_is_not_there\n")
    with RetentionEngine.open("memory://", create=True, plugins=[str(path)]) as opened:
        opened.record(Engaged(client="fern", at="2026-06-29", direction="inbound"))
        (failure,) = opened.plugins.failures
        verdict = opened.assess("fern", at=instant("2026-06-30"))
    assert "accounting_that_is_not_there" in str(failure)
    assert str(verdict.status) == "unknown"
    assert [it.rule for it in verdict.failures] == ["acme/*"]


def test_a_kind_that_a_program_registered_itself_must_be_the_same_class(tmp_path):
    path = written(tmp_path / "acme.py", a_kind())
    kinds = load_plugins([str(path)]).kinds
    with pytest.raises(KindError, match="declared twice"):
        RetentionEngine.open("memory://", create=True, plugins=[str(path)], kinds=kinds)
