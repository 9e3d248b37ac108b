"""A rule explained, from what its author wrote beside it: as text, and for programs."""

import json
from datetime import timedelta

from command import retention
from retention_engine import BUILT_IN, Action, Book, BoundRule, Client, Concern, Health, book_rule, days, rule, rule_of
from retention_engine.formats.rule_page import rule_page
from retention_engine.settings import CATALOGUE


@rule(pack=["mine", "yours"], dimension="service", settled_by="task")
def many_calls(client: Client, *, within: timedelta = days(7), times: int = 3):
    """The client calls all the time.

    Something must be wrong.

    Settings:
        within: how short a time.
        times: how many calls.

    Fires:
        2026-01-05 engaged note="What now?"
        at 2026-01-26: watch

    Silent:
        2026-01-05 engaged
        at 2026-01-25: nothing
    """
    yield Concern(Health.WATCH, starts=client.since + within * times, because=client.first)


@rule
def terse(client: Client):
    """There is a client."""
    yield Concern(Health.WATCH, starts=client.since, because=client.first)


@rule
def half_told(client: Client):
    """There is a client to call.

    Silent:
        2026-01-05 engaged
        at 2026-01-05: nothing
    """
    yield Action("Call.", due=client.since + days(1), because=client.first)


@book_rule
def crowded(book: Book, *, times: int = 3):
    """There are clients."""
    yield Concern(Health.WATCH, starts=book.clients[0].since, because=[client.first for client in book.clients[:times]])


def test_a_page_has_problem_rationale_examples_packs_and_settings():
    assert rule_page(BoundRule(rule_of(many_calls), values={"within": days(2)}), "key", "mine.toml").splitlines() == [
        "many-calls: The client calls all the time.",
        "",
        "Something must be wrong.",
        "",
        "An example in which it finds something:",
        '  2026-01-05 engaged note="What now?"',
        "  at 2026-01-26: watch",
        "",
        "An example in which it finds nothing:",
        "  2026-01-05 engaged",
        "  at 2026-01-25: nothing",
        "",
        "Packs: mine, yours",
        f"Origin: {__name__}",
        "Dimension: service",
        "It recommends no action.",
        "Settings (tier key):",
        "  within = 2 days (set in mine.toml; default 7 days): how short a time.",
        "  times = 3: how many calls.",
    ]


def test_a_page_leaves_out_what_there_is_not():
    assert rule_page(BoundRule(rule_of(terse)), "standard").splitlines() == [
        "terse: There is a client.",
        "",
        "Packs: none",
        f"Origin: {__name__}",
        "Dimension: relationship",
        "Actions take: a conversation with the client",
        "Settings: none",
    ]


def test_a_page_has_the_one_example_that_there_is():
    assert rule_page(BoundRule(rule_of(half_told)), "standard").splitlines()[:6] == [
        "half-told: There is a client to call.",
        "",
        "An example in which it finds nothing:",
        "  2026-01-05 engaged",
        "  at 2026-01-05: nothing",
        "",
    ]


def test_a_rule_about_the_whole_book_says_so_and_has_no_tier():
    page = rule_page(BoundRule(rule_of(crowded)), "standard").splitlines()
    assert any("the whole book" in line for line in page)
    assert page[-2:] == ["Settings:", "  times = 3: "]


def test_the_command_prints_the_page():
    for found in (BUILT_IN[0], next(found for found in BUILT_IN if found.settled_by == "task")):
        ran = retention("rules", "explain", found.name)
        assert (ran.code, ran.err, ran.text) == (0, "", rule_page(BoundRule(found), "standard") + "\n")
        assert all(f"  {line}\n" in ran.text for line in (*found.fires, *found.silent))


def test_programs_are_told_the_dimension_and_what_actions_take():
    ran = retention("rules", "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    listed = [(one["name"], one["dimension"], one["settled_by"]) for one in json.loads(ran.out)["rules"]]
    assert listed == [(found.name, found.dimension, found.settled_by) for found in CATALOGUE]
    assert {"relationship", "service"} <= {dimension for _, dimension, _ in listed}
    assert {"conversation", "task"} == {settled_by for _, _, settled_by in listed}
