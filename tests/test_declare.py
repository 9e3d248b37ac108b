"""Rules read off functions: names, packs, rationale, settings, and the values in force for a tier."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest

from given import client_of
from retention_engine import BoundRule, Client, Concern, Engaged, Findings, Health, Profiled, days, rule, rule_of
from retention_engine.binding import bound
from retention_engine.declare import fits
from retention_engine.errors import RuleError, SettingsError


@rule(pack=("essentials", "acme"), tiers={"key": {"every": days(5)}})
def quiet_phone(
    client: Client,
    *,
    every: timedelta = days(10),
    times: int = 3,
    share: Decimal = Decimal("0.5"),
    word: str = "phone",
    loud: bool = False,
    mode: Literal["any", "all"] = "any",
    topics: tuple[str, ...] = ("a", "b"),
) -> Findings:
    """The phone is quiet.

    Why that matters, in words
    that take two lines.

    Settings:
        every: how long it may be quiet,
            and not any longer: really.
        times: how often.

        share: how much of it.

    Source: experience.
    """
    yield Concern(Health.WATCH, starts=client.since + every, because=client.first)


class TestReadingOff:
    RULE = rule_of(quiet_phone)

    def test_the_function_stays_as_it_is_and_can_be_called(self):
        client = client_of(Engaged(client="acme", at="2026-01-01"))
        assert next(quiet_phone(client, every=days(1))).starts == client.since + days(1)
        assert self.RULE.function is quiet_phone

    def test_its_name_has_dashes(self):
        assert self.RULE.name == "quiet-phone"

    def test_its_packs_and_origin(self):
        assert self.RULE.packs == ("essentials", "acme")
        assert self.RULE.origin == __name__

    def test_its_docstring_is_the_problem_and_the_rationale(self):
        assert self.RULE.about == "The phone is quiet."
        assert self.RULE.rationale == "Why that matters, in words\nthat take two lines.\n\nSource: experience."

    def test_its_settings_are_its_keyword_only_parameters(self):
        found = {name: (setting.type, setting.default) for name, setting in self.RULE.settings.items()}
        assert found == {
            "every": (timedelta, days(10)),
            "times": (int, 3),
            "share": (Decimal, Decimal("0.5")),
            "word": (str, "phone"),
            "loud": (bool, False),
            "mode": (Literal["any", "all"], "any"),
            "topics": (tuple[str, ...], ("a", "b")),
        }

    def test_settings_are_explained_where_the_docstring_does(self):
        about = {name: setting.about for name, setting in self.RULE.settings.items() if setting.about}
        assert about == {
            "every": "how long it may be quiet, and not any longer: really.",
            "times": "how often.",
            "share": "how much of it.",
        }

    def test_it_can_be_declared_without_parentheses_and_for_one_pack(self):
        @rule
        def plain(client: Client) -> Findings:
            """Nothing."""
            yield from ()

        @rule(pack="one")
        def packed(client: Client) -> Findings:
            """Nothing."""
            yield from ()

        assert (rule_of(plain).packs, rule_of(plain).settings, rule_of(plain).rationale) == ((), {}, "")
        assert rule_of(packed).packs == ("one",)

    def test_an_object_that_can_be_called_will_do(self):
        class SlowPayer:
            """An invoice has stayed unpaid."""

            def __call__(self, client: Client, *, grace: timedelta = days(14)) -> Findings:
                yield Concern(Health.WATCH, starts=client.since + grace, because=client.first)

        declared = rule_of(rule(SlowPayer()))
        assert declared.name == "SlowPayer"
        assert declared.settings["grace"].default == days(14)

    def test_what_is_no_rule_is_refused(self):
        with pytest.raises(RuleError, match="'days' is no rule; decorate it with @rule"):
            rule_of(days)
        with pytest.raises(RuleError, match="'no function' is no rule"):
            rule_of("no function")


def no_docstring(client):
    yield from ()


def no_client():
    """Nothing."""
    yield from ()


def client_by_keyword(*, client):
    """Nothing."""
    yield from ()


def two_positions(client, every: timedelta = days(1)):
    """Nothing."""
    yield from ()


def no_default(client, *, every: timedelta):
    """Nothing."""
    yield from ()


def any_keywords(client, **rest: int):
    """Nothing."""
    yield from ()


def no_annotation(client, *, every=days(1)):
    """Nothing."""
    yield from ()


def optional(client, *, every: timedelta | None = None):
    """Nothing."""
    yield from ()


def a_list(client, *, words: list[str] = []):  # noqa: B006 - that is the mistake
    """Nothing."""
    yield from ()


def a_pair(client, *, words: tuple[str, str] = ("a", "b")):
    """Nothing."""
    yield from ()


def numbers_in_words(client, *, word: Literal[1, 2] = 1):
    """Nothing."""
    yield from ()


def wrong_default(client, *, times: int = "3"):
    """Nothing."""
    yield from ()


def true_is_no_number(client, *, times: int = True):
    """Nothing."""
    yield from ()


def unlisted_default(client, *, mode: Literal["any", "all"] = "none"):
    """Nothing."""
    yield from ()


def wrong_part(client, *, words: tuple[str, ...] = ("a", 2)):
    """Nothing."""
    yield from ()


def explains_another(client, *, every: timedelta = days(1)):
    """Nothing.

    Settings:
        evry: how often.
    """
    yield from ()


def not_imported(client: "Nobody"):  # noqa: F821 - that is the mistake
    """Nothing."""
    yield from ()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_docstring, "rule no-docstring: write a docstring whose first line names the problem"),
        (no_client, "rule no-client: the first parameter must be the client"),
        (client_by_keyword, "rule client-by-keyword: the first parameter must be the client"),
        (two_positions, r"rule two-positions: every must be keyword-only and have a default; put \* before it"),
        (no_default, "rule no-default: every is a setting and needs a default; write one after its type"),
        (any_keywords, "rule any-keywords: rest must be keyword-only and have a default"),
        (no_annotation, "rule no-annotation: every must be annotated as timedelta, int, Decimal, str, bool, a Literal"),
        (optional, "rule optional: every must be annotated"),
        (a_list, "rule a-list: words must be annotated"),
        (a_pair, "rule a-pair: words must be annotated"),
        (numbers_in_words, "rule numbers-in-words: word must be annotated"),
        (wrong_default, "rule wrong-default: the default of times, '3', is not of its type"),
        (true_is_no_number, "the default of times, True, is not of its type"),
        (unlisted_default, "the default of mode, 'none', is not of its type"),
        (wrong_part, r"the default of words, \('a', 2\), is not of its type"),
        (explains_another, "rule explains-another: the docstring explains evry, which is no setting"),
        (not_imported, "rule not-imported: name 'Nobody' is not defined; import what annotations name"),
    ],
)
def test_what_can_not_serve_is_refused_when_it_is_declared(function: Callable[..., Any], message: str):
    with pytest.raises(RuleError, match=message):
        rule(function)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"evry": days(1)}, "evry: no such setting; did you mean 'every'?"),
        ({"every": "1 day"}, "every: expected timedelta, as in datetime.timedelta(days=1); got '1 day'"),
        ({"every": 1}, "every: expected timedelta, as in datetime.timedelta(days=1); got 1"),
    ],
)
def test_values_must_fit_a_setting(values, said):
    def often(client: Client, *, every: timedelta = days(1)) -> Findings:
        """Nothing."""
        yield from ()

    with pytest.raises(RuleError) as refused:
        rule(tiers={"key": values})(often)
    assert str(refused.value) == f"rule often: tiers: key.{said}"
    declared = rule_of(rule(often))
    with pytest.raises(SettingsError) as refused:
        BoundRule(declared, values=values, tier_values={"key": values})
    assert refused.value.problems == (f"rule often: {said}", f"rule often: key.{said}")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (days(1), timedelta, True),
        (1, timedelta, False),
        (1, int, True),
        (True, int, False),
        (True, bool, True),
        ("all", Literal["any", "all"], True),
        ("none", Literal["any", "all"], False),
        ((1, 2), tuple[int, ...], True),
        ((), tuple[int, ...], True),
        ((1, "2"), tuple[int, ...], False),
        ([1], tuple[int, ...], False),
    ],
)
def test_fits(value, hint, expected):
    assert fits(value, hint) is expected


class TestBinding:
    @pytest.mark.parametrize(
        ("values", "tier_values", "standard", "key"),
        [
            pytest.param({}, {}, 10, 5, id="the rule's own default for the tier beats its general default"),
            pytest.param({"every": 20}, {}, 20, 5, id="and a general value that was set"),
            pytest.param({}, {"key": {"every": 7}}, 10, 7, id="a value set for the tier beats the tier's default"),
            pytest.param({"every": 20}, {"key": {"every": 7}}, 20, 7, id="and everything else"),
            pytest.param({}, {"standard": {"every": 3}}, 3, 5, id="standard is a tier like any other"),
            pytest.param({"every": 20}, {"gold": {"every": 3}}, 20, 5, id="another tier's value is not taken"),
        ],
    )
    def test_the_value_in_force(self, values, tier_values, standard, key):
        made = BoundRule(
            rule_of(quiet_phone),
            values={name: days(value) for name, value in values.items()},
            tier_values={
                tier: {name: days(value) for name, value in given.items()} for tier, given in tier_values.items()
            },
        )
        assert made.settings("standard")["every"] == days(standard)
        assert made.settings("key")["every"] == days(key)
        assert made.settings("key")["every"] == days(key)
        assert made.settings("standard")["times"] == made.settings("key")["times"] == 3

    def test_a_rule_runs_with_the_values_for_the_client_s_tier(self):
        event = Engaged(client="acme", at="2026-01-01")
        standard, key = client_of(event), client_of(event, Profiled(client="acme", at="2026-01-02", tier="key"))
        made = bound(quiet_phone)
        assert next(made.findings(standard)).starts == standard.since + days(10)
        assert next(made.findings(key)).starts == key.since + days(5)

    def test_binding_takes_rules_and_bound_rules(self):
        made = bound(quiet_phone)
        assert made.name == "quiet-phone"
        assert bound(made) is made
        with pytest.raises(RuleError, match="is no rule"):
            bound(days)
