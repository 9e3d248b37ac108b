"""A rule explained as text, from what its author wrote beside it."""

from datetime import timedelta

from retention_engine import Client, Concern, Health, days, rule, rule_of
from retention_engine.formats.rule_page import rule_page


@rule(pack=["mine", "yours"])
def many_calls(client: Client, *, within: timedelta = days(7), times: int = 3):
    """The client calls all the time.

    Something must be wrong.

    Settings:
        within: how short a time.
        times: how many calls.
    """
    yield Concern(Health.WATCH, starts=client.since + within * times, because=client.first)


@rule
def terse(client: Client):
    """There is a client."""
    yield Concern(Health.WATCH, starts=client.since, because=client.first)


def test_a_page_has_problem_rationale_packs_and_settings():
    assert rule_page(rule_of(many_calls), {"within": days(2), "times": 3}, "key").splitlines() == [
        "many-calls: The client calls all the time.",
        "",
        "Something must be wrong.",
        "",
        "Packs: mine, yours",
        f"Origin: {__name__}",
        "Settings (tier key):",
        "  within = 2 days (default 7 days): how short a time.",
        "  times = 3: how many calls.",
    ]


def test_a_page_leaves_out_what_there_is_not():
    assert rule_page(rule_of(terse), {}, "standard").splitlines() == [
        "terse: There is a client.",
        "",
        "Packs: none",
        f"Origin: {__name__}",
        "Settings: none",
    ]
