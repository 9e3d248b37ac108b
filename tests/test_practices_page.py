"""The pages on practices, packs and firing: all 52 practices are looked after, every rule has its place, no number is stale."""

import re
import runpy
import tomllib

import pytest

from retention_engine import BUILT_IN, KINDS
from retention_engine.book_rules import BOOK_RULES
from retention_engine.cli import COMMANDS
from retention_engine.rules import PACKS
from retention_engine.schema import schema_of
from shared_folder import ROOT, SHARED, needs_shared

DOCS = ROOT / "docs"
PRACTICES = tomllib.loads((DOCS / "practices.toml").read_text(encoding="utf-8"))["practice"]
CLIENT_RULES = {rule.name for rule in BUILT_IN}
OF_THE_BOOK = {rule.name for rule in BOOK_RULES}


def test_all_practices_are_there_in_order():
    assert [practice["number"] for practice in PRACTICES] == list(range(1, 53))
    assert len({practice["says"] for practice in PRACTICES}) == len(PRACTICES)


@pytest.mark.parametrize("practice", PRACTICES, ids=lambda practice: str(practice["number"]))
def test_a_practice_is_looked_after_by_what_is_there(practice):
    assert practice.keys() <= {"number", "articles", "says", "rules", "book", "commands", "fields"}
    means = [practice.get(name, []) for name in ("rules", "book", "commands")]
    assert any(means)
    for found, known in zip(means, (CLIENT_RULES, OF_THE_BOOK, COMMANDS), strict=True):
        assert set(found) <= set(known)
    for field in practice["fields"]:
        kind, _, name = field.partition(".")
        assert name in schema_of(KINDS[kind]).attribute
    assert practice["fields"] or practice["number"] == 41, "say which events to record"


def test_every_rule_serves_a_practice():
    assert {rule for practice in PRACTICES for rule in practice.get("rules", ())} == CLIENT_RULES
    assert {rule for practice in PRACTICES for rule in practice.get("book", ())} == OF_THE_BOOK


@needs_shared
def test_they_are_the_practices_of_the_research_with_its_articles():
    table = (SHARED / "research" / "practices.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|", table, re.MULTILINE)
    expected = {int(number): set(re.findall(r"00\d", seeds)) for number, seeds in rows}
    assert {practice["number"]: set(practice["articles"]) for practice in PRACTICES} == expected


@pytest.mark.parametrize("pack", PACKS)
def test_the_page_of_a_pack_has_all_of_its_rules_and_says_when_to_ignore_them(pack):
    page = (DOCS / "packs" / f"{pack}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\[([\w-]+)\]\(\.\./reference/rules\.md#", page))
    assert named == {rule.name for rule in (*BUILT_IN, *BOOK_RULES) if pack in rule.packs}
    assert "## When to ignore them" in page
    assert f"# The pack {pack}\n" in page


@needs_shared
def test_the_page_on_firing_is_what_the_logs_say():
    page = runpy.run_path(str(DOCS / "firing.py"))["page"](SHARED)
    assert (DOCS / "firing.md").read_text(encoding="utf-8") == page, "run: python docs/firing.py SHARED"
