"""One TOML file turned into rules with their settings, and everything that can be wrong with it, told at once."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest

from retention_engine import BUILT_IN, Client, Findings, Settings, days, rule, rule_of
from retention_engine.errors import RetentionError, SettingsError
from retention_engine.setting_values import read_value, value_text

RULES = {it.name: it for it in BUILT_IN}


@rule(pack="acme")
def slow_payer(
    client: Client,
    *,
    grace: timedelta = days(14),
    share: Decimal = Decimal("0.5"),
    mode: Literal["any", "all"] = "any",
    kinds: tuple[str, ...] = ("a",),
    loud: bool = False,
) -> Findings:
    """An invoice has stayed unpaid."""
    yield from ()


@rule
def always_on(client: Client) -> Findings:
    """Belongs to no pack."""
    yield from ()


OWN = [*BUILT_IN, rule_of(slow_payer), rule_of(always_on)]


def written(folder: Path, text: str) -> Path:
    path = folder / "retention.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(SettingsError) as caught:
        Settings.load(path, OWN)
    assert isinstance(caught.value, RetentionError)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def names(settings: Settings, **how) -> set[str]:
    return {bound.name for bound in settings.choose(**how)}


ESSENTIALS = {
    "quiet-client",
    "unheard-client",
    "handoff-gap",
    "open-complaint",
    "repeated-complaints",
    "silent-renewal",
    "lapsed-term",
    "departed-client",
}


class TestReading:
    def test_a_whole_file(self, tmp_path):
        settings = Settings.load(
            written(
                tmp_path,
                """
                [packs]
                essentials = false
                acme = true

                [rules.quiet-client]
                enabled = true
                every = "30 days"
                grace = "2 weeks"

                [rules.repeated-complaints]
                times = 5

                [rules.slow-payer]
                grace = "36h"
                share = "0.25"
                mode = "all"
                kinds = ["b", "c"]
                loud = true

                [tiers.key.rules.quiet-client]
                every = "7d"

                [tiers.gold.rules.open-complaint]
                patience = "90 minutes"
                """,
            ),
            OWN,
        )
        assert settings.packs == {"essentials": False, "acme": True}
        assert settings.enabled == {"quiet-client": True}
        assert settings.values == {
            "quiet-client": {"every": days(30), "grace": days(14)},
            "repeated-complaints": {"times": 5},
            "slow-payer": {
                "grace": timedelta(hours=36),
                "share": Decimal("0.25"),
                "mode": "all",
                "kinds": ("b", "c"),
                "loud": True,
            },
        }
        assert settings.tier_values == {
            "key": {"quiet-client": {"every": days(7)}},
            "gold": {"open-complaint": {"patience": timedelta(minutes=90)}},
        }
        assert settings.source == str(tmp_path / "retention.toml")

    def test_it_may_say_how_other_programs_tables_are_read(self):
        settings = Settings.from_table({"import": {"crm": {"client": "Account", "at": "When", "kind": "Type"}}})
        assert list(settings.imports) == ["crm"]
        assert settings.imports["crm"].columns["client"].name == "Account"
        assert Settings().imports == {}

    def test_an_empty_file_changes_nothing(self, tmp_path):
        assert names(Settings.load(written(tmp_path, ""))) == names(Settings()) == ESSENTIALS

    def test_a_byte_order_mark_is_accepted(self, tmp_path):
        path = tmp_path / "retention.toml"
        path.write_bytes(b"\xef\xbb\xbf[packs]\nstick-around = true\n")
        assert Settings.load(path).packs == {"stick-around": True}

    def test_tables_of_an_application_will_do(self):
        settings = Settings.from_table({"rules": {"quiet-client": {"every": "1 day"}}})
        assert settings.values == {"quiet-client": {"every": days(1)}}
        with pytest.raises(SettingsError, match=r"^settings: rules\.quiet: no such rule"):
            Settings.from_table({"rules": {"quiet": {}}})


class TestMistakes:
    def test_all_of_them_are_reported_at_once_each_with_its_path(self, tmp_path):
        found = problems(
            tmp_path,
            """
            pack = {}

            [packs]
            essentails = true
            stick-around = "yes"

            [rules.quiet-clent]
            every = "30 days"

            [rules.quiet-client]
            evry = "30 days"
            every = 30
            grace = "1 fortnight"
            enabled = 1

            [rules.repeated-complaints]
            times = 0

            [rules.departed-client]
            window = "1 day"

            [tiers.key.rules.open-complaint]
            patience = true
            enabled = true

            [tiers.gold]
            every = "1 day"

            [import.crm]
            clint = "Account"
            """,
        )
        assert [problem for problem in found if problem.startswith("import.crm")]
        assert [problem for problem in found if not problem.startswith("import.crm")] == [
            "pack: no such table; did you mean 'packs'?",
            "rules.quiet-clent: no such rule; did you mean 'quiet-client'?",
            "rules.quiet-client.evry: no such setting; did you mean 'every'? (there are: every, grace, enabled)",
            "rules.quiet-client.every: expected a duration such as '30 days', got 30",
            "rules.quiet-client.grace: '1 fortnight' is not a duration; write '30 days', '30d', '2 weeks' or '12 hours'",
            "rules.quiet-client.enabled: expected true or false, got 1",
            "rules.repeated-complaints.times: expected a whole number from 1, got 0",
            "rules.departed-client.window: no such setting (there are: enabled)",
            "tiers.key.rules.open-complaint.patience: expected a duration such as '30 days', got true",
            "tiers.key.rules.open-complaint.enabled: no such setting (there are: patience)",
            "tiers.gold.every: no such table",
            "packs.essentails: no such pack; did you mean 'essentials'?",
            "packs.stick-around: expected true or false, got 'yes'",
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("rules = 3", "rules: expected a table, [rules], got 3"),
            ("packs = []", "packs: expected a table, [packs], got []"),
            ("tiers = 'key'", "tiers: expected a table, [tiers], got 'key'"),
            ("[tiers]\nkey = 1", "tiers.key: expected a table, [tiers.key], got 1"),
            ("[tiers.key]\nrules = 1", "tiers.key.rules: expected a table, [tiers.key.rules], got 1"),
            ("[rules]\nquiet-client = '30 days'", "rules.quiet-client: expected a table, [rules.quiet-client], got '30 days'"),
            ("[rules.quiet-client.every]\ndays = 3", "rules.quiet-client.every: expected a duration such as '30 days', got a table"),
            ("[rules.quiet-client]\nevery = 2026-01-01", "rules.quiet-client.every: expected a duration such as '30 days', got datetime.date(2026, 1, 1)"),
            ("[rules.quiet-client]\nevery = '36501 days'", "rules.quiet-client.every: '36501 days' is longer than 36,500 days"),
            ("[rules.quiet-client]\nevery = '-1 days'", "rules.quiet-client.every: '-1 days' is not a duration; write '30 days', '30d', '2 weeks' or '12 hours'"),
            ("[rules.repeated-complaints]\ntimes = 2.0", "rules.repeated-complaints.times: expected a whole number, got 2.0"),
            ("[rules.repeated-complaints]\ntimes = true", "rules.repeated-complaints.times: expected a whole number, got true"),
            ("[rules.slow-payer]\nshare = 'half'", "rules.slow-payer.share: expected a number such as 0.5, got 'half'"),
            ("[rules.slow-payer]\nshare = nan", "rules.slow-payer.share: expected a number such as 0.5, got nan"),
            ("[rules.slow-payer]\nshare = true", "rules.slow-payer.share: expected a number such as 0.5, got true"),
            ("[rules.slow-payer]\nmode = 'al'", "rules.slow-payer.mode: expected one of any, all, got 'al'; did you mean 'all'?"),
            ("[rules.slow-payer]\nmode = []", "rules.slow-payer.mode: expected one of any, all, got []"),
            ("[rules.slow-payer]\nkinds = 'a'", "rules.slow-payer.kinds: expected a list, got 'a'"),
            ("[rules.slow-payer]\nkinds = ['a', 1]", "rules.slow-payer.kinds: expected text, got 1"),
            ("[rules.slow-payer]\nloud = 'yes'", "rules.slow-payer.loud: expected true or false, got 'yes'"),
            ("[rules.always-on]\nloud = 1", "rules.always-on.loud: no such setting (there are: enabled)"),
            ("[tiers.key.rules.always-on]\nloud = 1", "tiers.key.rules.always-on.loud: no such setting (it has none)"),
            ("[tiers.Key.rules.quiet-client]\nevery = '1 day'", "tiers.Key: no client can be of this tier; use lower-case letters, digits, - and _"),
        ],
    )  # fmt: skip
    def test_each_says_where_and_what_is_expected(self, tmp_path, text, message):
        assert problems(tmp_path, text) == [message]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"[rules", "this is not TOML: Expected ']'"),
            (b"a = 1\na = 2", "this is not TOML: Cannot overwrite a value"),
            (b"a = '\xff'", "this is not TOML: 'utf-8' codec can't decode byte 0xff"),
            (b"a = " + b"9" * 5000, "this is not TOML: Exceeds the limit"),
            (b"a = " + b"[" * 100_000, "this is not TOML: "),
        ],
        ids=["unfinished", "twice", "no text", "endless number", "bottomless"],
    )
    def test_what_is_no_toml(self, tmp_path, content, message):
        path = tmp_path / "retention.toml"
        path.write_bytes(content)
        with pytest.raises(SettingsError) as caught:
            Settings.load(path)
        (problem,) = caught.value.problems
        assert problem.startswith(f"{path}: {message}")

    def test_a_file_that_can_not_be_read(self, tmp_path):
        with pytest.raises(SettingsError, match=r"nowhere\.toml: can't be read: No such file or directory"):
            Settings.load(tmp_path / "nowhere.toml")
        with pytest.raises(SettingsError, match="can't be read: Is a directory"):
            Settings.load(tmp_path)


def of_pack(pack):
    return {it.name for it in BUILT_IN if pack in it.packs}


class TestChoosing:
    def test_the_essentials_are_on_by_default(self):
        assert names(Settings()) == ESSENTIALS

    def test_a_pack_can_be_turned_on_and_off(self):
        on = Settings.from_table({"packs": {"stick-around": True}})
        assert names(on) == ESSENTIALS | of_pack("stick-around")
        assert {"one-way-contact", "missed-measure"} <= of_pack("stick-around") - ESSENTIALS
        assert names(Settings.from_table({"packs": {"essentials": False}})) == set()

    def test_a_rule_of_two_packs_is_on_where_one_of_them_is(self):
        settings = Settings.from_table({"packs": {"essentials": False, "love-engage-help": True}})
        assert names(settings) == of_pack("love-engage-help")
        assert {"unheard-client", "no-introduction"} <= of_pack("love-engage-help")

    def test_a_rule_s_own_switch_goes_before_its_packs(self):
        settings = Settings.from_table(
            {"rules": {"quiet-client": {"enabled": False}, "unthanked-client": {"enabled": True}}}
        )
        assert names(settings) == ESSENTIALS - {"quiet-client"} | {"unthanked-client"}

    def test_a_rule_without_packs_is_on(self):
        assert names(Settings(), catalogue=OWN) == ESSENTIALS | {"always-on"}
        off = Settings.from_table({"rules": {"always-on": {"enabled": False}}}, OWN)
        assert names(off, catalogue=OWN) == ESSENTIALS

    def test_a_pack_of_the_command_line_is_on_besides_the_others(self):
        settings = Settings.from_table({"packs": {"essentials": False, "stick-around": False}})
        chosen = names(settings, packs=["stick-around"])
        assert chosen == of_pack("stick-around")
        assert names(settings, packs=["acme"], catalogue=OWN) == {"slow-payer", "always-on"}

    def test_selected_rules_run_alone_whatever_is_enabled(self):
        settings = Settings.from_table({"rules": {"quiet-client": {"enabled": False, "every": "1 day"}}})
        chosen = settings.choose(select=["quiet-client", "missed-measure"], packs=["stick-around"])
        assert {bound.name for bound in chosen} == {"quiet-client", "missed-measure"}
        assert next(it for it in chosen if it.name == "quiet-client").settings("standard")["every"] == days(1)

    def test_unknown_packs_and_rules_are_all_reported(self):
        with pytest.raises(SettingsError) as caught:
            Settings().choose(packs=["esentials", "x"], select=["quiet-clients"])
        assert caught.value.problems == (
            "pack 'esentials': no such pack; did you mean 'essentials'?",
            "pack 'x': no such pack",
            "rule 'quiet-clients': no such rule; did you mean 'quiet-client'?",
        )


class TestPrecedence:
    """A value for the tier beats a general one; at one level, what was set beats the default."""

    @pytest.mark.parametrize(
        ("table", "standard", "key"),
        [
            ({}, 90, 30),
            ({"rules": {"quiet-client": {"every": "60 days"}}}, 60, 30),
            ({"tiers": {"key": {"rules": {"quiet-client": {"every": "14 days"}}}}}, 90, 14),
            (
                {
                    "rules": {"quiet-client": {"every": "60 days"}},
                    "tiers": {"key": {"rules": {"quiet-client": {"every": "14 days"}}}},
                },
                60,
                14,
            ),
            ({"tiers": {"key": {"rules": {"quiet-client": {"grace": "1 day"}}}}}, 90, 30),
            ({"tiers": {"standard": {"rules": {"quiet-client": {"every": "14 days"}}}}}, 14, 30),
        ],
    )
    def test_the_value_in_force(self, table, standard, key):
        bound = Settings.from_table(table).bind(RULES["quiet-client"])
        assert bound.settings("standard")["every"] == days(standard)
        assert bound.settings("key")["every"] == days(key)

    def test_a_tier_s_values_for_another_rule_are_not_taken(self):
        table = {"tiers": {"key": {"rules": {"open-complaint": {"patience": "3 days"}}}}}
        assert Settings.from_table(table).bind(RULES["quiet-client"]).tier_values == {}
        assert Settings.from_table(table).bind(RULES["open-complaint"]).settings("key") == {"patience": days(3)}


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("30 days", timedelta, days(30)),
        ("30d", timedelta, days(30)),
        (" 2 Weeks ", timedelta, days(14)),
        ("0 days", timedelta, days(0)),
        ("36500 days", timedelta, days(36_500)),
        (3, int, 3),
        (1, int, 1),
        ("x", str, "x"),
        (False, bool, False),
        (1, Decimal, Decimal(1)),
        (0.1, Decimal, Decimal("0.1")),
        ("1e3", Decimal, Decimal(1000)),
        (["1 day", "2 days"], tuple[timedelta, ...], (days(1), days(2))),
        ([], tuple[str, ...], ()),
        ("all", Literal["any", "all"], "all"),
    ],
)
def test_values_are_read(value, hint, expected):
    assert read_value(value, hint) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (days(30), "30 days"),
        (timedelta(hours=36), "36 hours"),
        (True, "true"),
        (False, "false"),
        (("a", "b"), "a, b"),
        (3, "3"),
        (Decimal("0.50"), "0.50"),
        ("word", "word"),
    ],
)
def test_values_are_written(value, text):
    assert value_text(value) == text
