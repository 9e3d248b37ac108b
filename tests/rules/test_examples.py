"""Each rule's own examples: one in which it finds something, one in which it does not, as its docstring says."""

import pytest

from retention_engine import BUILT_IN, BoundRule, Health
from retention_engine.declare import Rule
from retention_engine.formats.examples import Example, Expectation, read_example, what_is_said
from retention_engine.moments import instant

RULES = {rule.name: rule for rule in BUILT_IN}
MIDNIGHT = instant("2026-01-05")


def check(found: Rule, lines: tuple[str, ...]) -> Example:
    example = read_example(lines)
    assert list(map(str, what_is_said(BoundRule(found), example))) == list(map(str, example.expected))
    return example


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fires_in_its_example(name: str):
    example = check(RULES[name], RULES[name].fires)
    last = example.expected[-1] if name != "repeated-complaints" else example.expected[0]
    assert last.levels or last.due


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_silent_in_its_other_example(name: str):
    example = check(RULES[name], RULES[name].silent)
    assert not any(expected.levels or expected.due for expected in example.expected)


@pytest.mark.parametrize("name", RULES)
def test_an_example_that_is_not_true_is_noticed(name: str):
    example = read_example(RULES[name].fires)
    before_all = min(event.at for event in example.events)
    wrong = [Expectation(before_all, (Health.CRITICAL, Health.WATCH), ())]
    assert what_is_said(BoundRule(RULES[name]), Example(example.events, tuple(wrong))) != tuple(wrong)
