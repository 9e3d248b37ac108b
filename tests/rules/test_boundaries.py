"""Every boundary of every built-in rule on both sides, each setting changed once, and each default of a tier."""

import pytest

from retention_engine import BUILT_IN, days

from .cases_business import CASES as BUSINESS
from .cases_contract import CASES as CONTRACT
from .cases_listening import CASES as LISTENING
from .cases_people import CASES as PEOPLE
from .stating import MICROSECOND, RULES, Case, edges, is_so, told

CASES = [*CONTRACT, *PEOPLE, *BUSINESS, *LISTENING]


@pytest.mark.parametrize("it", CASES)
def test_what_a_rule_states(it: Case):
    schedule = it.engine.schedule(it.client)
    assert schedule.failures == ()
    found = [*schedule.concerns, *schedule.actions]
    assert len(found) == len(it.states)
    for statement in it.states:
        assert statement in {told(finding, statement) for finding in found}


@pytest.mark.parametrize("it", CASES)
def test_it_is_so_from_its_boundary_on_and_not_a_microsecond_before(it: Case):
    latest = it.client.events[-1].at
    for boundary, statement, begins in edges(it):
        if boundary >= latest:
            assert is_so(it, statement, boundary) is begins
        if boundary > latest or (boundary == latest and begins):
            assert is_so(it, statement, boundary - MICROSECOND) is not begins


def test_every_rule_and_every_setting_has_its_cases():
    cases = [param.values[0] for param in CASES]
    changed = {(it.rule, name) for it in cases for name in it.settings}
    assert {it.rule for it in cases} == set(RULES)
    assert changed == {(rule.name, name) for rule in BUILT_IN for name in rule.settings}
    assert {it.rule for it in cases if it.client.tier == "key"} == {rule.name for rule in BUILT_IN if rule.tiers}
    assert {it.rule for it in cases if it.states} == set(RULES)


def test_the_defaults_are_those_of_the_contract():
    assert {
        param.values[0].rule: {name: setting.default for name, setting in RULES[param.values[0].rule].settings.items()}
        for param in CONTRACT
    } == {
        "quiet-client": {"every": days(90), "grace": days(30)},
        "unheard-client": {"window": days(90)},
        "one-way-contact": {"times": 3},
        "handoff-gap": {"within": days(14)},
        "complacent-service": {"window": days(90)},
        "no-introduction": {"every": days(180)},
        "no-referral-given": {"every": days(180)},
        "unthanked-client": {"every": days(90)},
        "open-complaint": {"patience": days(7)},
        "repeated-complaints": {"times": 3, "window": days(90)},
        "silent-renewal": {"ahead": days(60), "quiet": days(30)},
        "lapsed-term": {"grace": days(30)},
        "departed-client": {},
        "unagreed-expectations": {"within": days(30), "review": days(365)},
        "unwilling-to-refer": {"memory": days(180)},
        "missed-measure": {"times": 2},
    }  # fmt: skip
    fixed = {param.values[0].rule for param in CONTRACT}
    assert {name: RULES[name].tiers for name in fixed if RULES[name].tiers} == {
        "quiet-client": {"key": {"every": days(30), "grace": days(0)}},
        "open-complaint": {"key": {"patience": days(1)}},
    }


def test_the_essentials_are_those_of_the_contract():
    essentials = {
        "quiet-client", "unheard-client", "handoff-gap", "open-complaint",
        "repeated-complaints", "silent-renewal", "lapsed-term", "departed-client",
    }  # fmt: skip
    assert {rule.name for rule in BUILT_IN if "essentials" in rule.packs} == essentials
    packs = {"essentials", "retention-plan", "existing-clients-first", "love-engage-help", "thirty-day-service"}
    assert {pack for rule in BUILT_IN for pack in rule.packs} == packs | {"stick-around"}


def test_every_rule_says_what_is_wrong_why_it_matters_and_what_its_settings_mean():
    for rule in BUILT_IN:
        assert rule.about.endswith(".")
        assert "Source: article" in rule.rationale
        assert rule.packs
        assert all(setting.about for setting in rule.settings.values())
