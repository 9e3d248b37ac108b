"""The command `retention`, in a process of its own: every option, every exit code, every kind of output."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from command import AT, RETENTION, Ran, environment, on_a_terminal, retention
from retention_engine import BOOK_RULES, BUILT_IN, Health, days, instant
from retention_engine.cli import COMMANDS, main
from retention_engine.cli.options import DurationParam, InstantParam, LevelParam

LOG = """\
{"client": "acme", "kind": "profiled", "at": "2026-01-01", "id": "p1", "name": "Acme Ltd", "tier": "key", "owner": "jo"}
{"client": "acme", "kind": "engaged", "at": "2026-06-28", "id": "e1", "direction": "inbound"}
{"client": "acme", "kind": "complained", "at": "2026-06-20", "id": "c1", "recorded_at": "2026-06-25"}
{"client": "bolt", "kind": "engaged", "at": "2026-06-29"}
{"client": "gone", "kind": "left", "at": "2026-06-01", "id": "l1"}
{"client": "lost", "kind": "renewed", "at": "2025-06-20", "id": "r1", "term_end": "2026-06-20"}
{"client": "mute", "kind": "engaged", "at": "2026-03-20", "direction": "outbound"}
{"client": "mute", "kind": "engaged", "at": "2026-06-20", "direction": "outbound"}
{"client": "slow", "kind": "engaged", "at": "2026-03-20"}
"""
STATUSES = {
    "acme": "at-risk",
    "bolt": "healthy",
    "gone": "left",
    "lost": "critical",
    "mute": "unknown",
    "slow": "watch",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the log above; tests read it and write nothing."""
    path = tmp_path_factory.mktemp("cli")
    (path / "log.jsonl").write_text(LOG)
    return path


def replayed(folder: Path, *args: str, code: int = 0, **how) -> dict:
    ran = retention("replay", "log.jsonl", *AT, "--format", "json", *args, cwd=folder, **how)
    assert ran.code == code, ran.err
    return json.loads(ran.out)


def rules_in(document: dict) -> set[str]:
    return {finding["rule"] for client in document["clients"] for finding in client["concerns"] + client["actions"]}


# replay


def test_replay_prints_one_document(folder):
    ran = retention("replay", "log.jsonl", *AT, "--format", "json", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert list(document) == ["version", "at", "clients", "failures"]
    assert document["at"] == "2026-06-30T00:00:00Z"
    assert {client["client"]: client["status"] for client in document["clients"]} == STATUSES
    assert [client["client"] for client in document["clients"]] == sorted(STATUSES)


def test_replay_prints_a_table_the_worst_first(folder):
    ran = retention("replay", "log.jsonl", *AT, cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    head, _, columns, _, *rows = ran.text.splitlines()
    assert head == "6 clients as of 2026-06-30: 1 left, 1 critical, 1 at-risk, 1 watch, 1 unknown, 1 healthy"
    assert columns.split() == ["client", "status", "since", "why", "next", "action", "due"]
    starts = [row.split()[:2] for row in rows if row and not row.startswith(" ")]
    assert starts == [[name, STATUSES[name]] for name in ("lost", "acme", "slow", "mute", "bolt", "gone")]


def test_replay_prints_a_line_a_client(folder):
    ran = retention("replay", "log.jsonl", *AT, "--format", "jsonl", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert [json.loads(line)["client"] for line in ran.out.splitlines()] == sorted(STATUSES)


def test_replay_prints_a_table_for_spreadsheets(folder):
    ran = retention("replay", "log.jsonl", *AT, "--format", "csv", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(ran.text, newline="")))
    assert {row["client"]: row["status"] for row in rows} == STATUSES


@pytest.mark.parametrize(("limit", "shown"), [("2", 2), ("0", 6), ("6", 6), ("7", 6)])
def test_the_table_shows_as_many_clients_as_asked(folder, limit, shown):
    ran = retention("replay", "log.jsonl", *AT, "--limit", limit, cwd=folder)
    assert len([line for line in ran.text.splitlines() if line.split(" ")[0] in STATUSES]) == shown
    assert (f"{shown} of 6 clients shown; --limit 0 shows all" in ran.text) is (shown < 6)


def test_one_client_is_not_called_clients(folder):
    ran = retention("replay", "log.jsonl", *AT, "--client", "bolt", cwd=folder)
    assert ran.text.startswith("1 client as of 2026-06-30: 1 healthy\n")


def test_an_empty_log_has_no_table(tmp_path):
    (tmp_path / "log.jsonl").touch()
    assert retention("replay", "log.jsonl", *AT, cwd=tmp_path) == Ran(0, b"0 clients as of 2026-06-30\n", "")


def test_the_table_says_what_a_person_judged(tmp_path):
    (tmp_path / "log.jsonl").write_text(
        '{"client": "acme", "kind": "engaged", "at": "2026-01-01"}\n'
        '{"client": "acme", "kind": "judged", "at": "2026-06-01", "level": "healthy", "reason": "We met."}\n'
    )
    ran = retention("replay", "log.jsonl", *AT, cwd=tmp_path)
    assert ran.text.splitlines()[4].split()[:6] == ["acme", "healthy", "2026-06-01", "judged:", "We", "met."]


def test_replay_can_be_narrowed_to_clients(folder):
    document = replayed(folder, "--client", "slow", "--client", "acme", "--client", "slow")
    assert [client["client"] for client in document["clients"]] == ["acme", "slow"]


def test_what_happened_later_is_not_seen(folder):
    ran = retention("replay", "log.jsonl", "--at", "2026-06-21", "--format", "json", cwd=folder)
    document = json.loads(ran.out)
    clients = {client["client"]: client for client in document["clients"]}
    assert "bolt" not in clients
    assert [concern["level"] for concern in clients["acme"]["concerns"] if concern["rule"] == "open-complaint"] == [
        "at-risk"
    ]
    a_moment_before = retention("replay", "log.jsonl", "--at", "2026-06-20T23:59:59Z", "--format", "json", cwd=folder)
    acme = next(client for client in json.loads(a_moment_before.out)["clients"] if client["client"] == "acme")
    assert [concern["level"] for concern in acme["concerns"] if concern["rule"] == "open-complaint"] == ["watch"]


def test_at_takes_an_offset(folder):
    ran = retention("replay", "log.jsonl", "--at", "2026-06-30T02:00:00+02:00", "--format", "json", cwd=folder)
    assert json.loads(ran.out)["at"] == "2026-06-30T00:00:00Z"


def test_at_is_now_where_nothing_is_said(folder):
    before = datetime.now(UTC).replace(microsecond=0)
    ran = retention("replay", "log.jsonl", "--format", "json", cwd=folder)
    assert before <= instant(json.loads(ran.out)["at"]) <= datetime.now(UTC)


def test_what_was_recorded_later_can_be_hidden(folder):
    document = replayed(folder, "--known-at", "2026-06-24", "--client", "acme")
    assert document["known_at"] == "2026-06-24T00:00:00Z"
    assert "open-complaint" not in rules_in(document)
    assert "open-complaint" in rules_in(replayed(folder, "--known-at", "2026-06-25", "--client", "acme"))


@pytest.mark.parametrize(
    ("ahead", "due"),
    [("0d", []), ("17d", []), ("18d", ["2026-07-18T00:00:00Z"]), ("3 weeks", ["2026-07-18T00:00:00Z"])],
)
def test_actions_are_listed_as_far_ahead_as_asked(tmp_path, ahead, due):
    (tmp_path / "log.jsonl").write_text('{"client": "acme", "kind": "engaged", "at": "2026-04-19"}\n')
    (client,) = replayed(tmp_path, "--ahead", ahead)["clients"]
    assert [action["due"] for action in client["actions"]] == due


def test_a_week_is_how_far_ahead_actions_are_listed(tmp_path):
    for day, count in (("2026-04-08", 1), ("2026-04-09", 0)):
        (tmp_path / "log.jsonl").write_text(json.dumps({"client": "acme", "kind": "engaged", "at": day}))
        assert len(replayed(tmp_path)["clients"][0]["actions"]) == count


def test_a_pack_is_turned_on_besides_the_others(folder):
    assert "one-way-contact" not in rules_in(replayed(folder))
    found = rules_in(replayed(folder, "--pack", "love-engage-help", "--pack", "retention-plan", "--ahead", "36500d"))
    assert found > rules_in(replayed(folder, "--ahead", "36500d"))
    assert {"unthanked-client", "no-introduction"} <= found


def test_rules_can_be_selected_whatever_is_enabled(folder):
    assert rules_in(replayed(folder, "--select", "quiet-client")) == {"quiet-client"}
    both = replayed(folder, "--select", "unthanked-client", "--select", "lapsed-term", "--ahead", "365d")
    assert rules_in(both) == {"unthanked-client", "lapsed-term"}


def test_an_instant_near_the_end_of_time_is_no_failure(tmp_path):
    (tmp_path / "log.jsonl").write_text(
        '{"client": "acme", "kind": "renewed", "at": "2026-06-01", "term_end": "2199-12-31"}\n'
        '{"client": "later", "kind": "engaged", "at": "2199-12-31"}\n'
    )
    ran = retention("replay", "log.jsonl", "--at", "2199-12-31", "--ahead", "36500d", "--format", "json", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    (later,) = [client for client in json.loads(ran.out)["clients"] if client["client"] == "later"]
    assert [action["due"] for action in later["actions"]] == ["2200-03-31T00:00:00Z"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (InstantParam(), "2026-06-30", instant("2026-06-30")),
        (DurationParam(), "7d", days(7)),
        (LevelParam(), "at-risk", Health.AT_RISK),
    ],
)
def test_an_options_value_is_read_once(kind, text, value):
    assert kind.convert(text, None, None) == value
    assert kind.convert(value, None, None) == value


# Exit codes.


@pytest.mark.parametrize(
    ("client", "level", "code"),
    [
        ("bolt", "healthy", 1),
        ("bolt", "unknown", 0),
        ("mute", "unknown", 1),
        ("mute", "watch", 0),
        ("slow", "watch", 1),
        ("slow", "at-risk", 0),
        ("acme", "at-risk", 1),
        ("acme", "critical", 0),
        ("lost", "critical", 1),
        ("lost", "left", 0),
        ("gone", "left", 1),
        ("gone", "healthy", 1),
    ],
)
def test_the_exit_code_tells_that_a_level_was_reached(folder, client, level, code):
    document = replayed(folder, "--client", client, "--fail-on", level, code=code)
    assert [found["client"] for found in document["clients"]] == [client]


def test_no_client_at_all_reaches_no_level(tmp_path):
    (tmp_path / "log.jsonl").touch()
    assert replayed(tmp_path, "--fail-on", "healthy")["clients"] == []


BROKEN = '''
from retention_engine import Client, rule

@rule
def broken(client: Client):
    """It does not work."""
    yield from ()
    raise ValueError(f"no \x1b[31m luck with {client.id}")
'''


@pytest.fixture
def failing(tmp_path):
    """Options that turn a rule on which fails."""
    file = tmp_path / "acme.py"
    file.write_text(BROKEN)
    return ["--rules", str(file)]


@pytest.mark.parametrize(
    "args", [["--format", "json"], ["--format", "table"], ["--format", "json", "--fail-on", "healthy"]]
)
def test_a_rule_that_fails_is_told_and_the_verdicts_are_printed(folder, failing, args):
    ran = CliRunner().invoke(main, ["replay", str(folder / "log.jsonl"), *AT, *failing, *args])
    assert ran.exit_code == 4
    line, remedy = ran.stderr.splitlines()
    assert line.startswith(f"Error: rule acme/broken ({failing[1]}) failed for acme and 5 more: ValueError: no ")
    assert r"no \x1b[31m luck with acme (" in line
    assert '[rules."acme/broken"] enabled = false' in remedy
    if "json" in args:
        document = json.loads(ran.stdout)
        assert {client["client"]: client["status"] for client in document["clients"]} == STATUSES | {"bolt": "unknown"}
        assert [failure["rule"] for failure in document["failures"]] == ["acme/broken"] * 6
    else:
        assert "1 watch, 2 unknown" in ran.stdout


@pytest.mark.parametrize("how", ["text", "json"])
def test_a_story_with_a_rule_that_fails_is_told(folder, failing, how):
    ran = CliRunner().invoke(main, ["explain", str(folder / "log.jsonl"), "bolt", *AT, *failing, "--format", how])
    assert ran.exit_code == 4
    assert ran.stderr.startswith(f"Error: rule acme/broken ({failing[1]}) failed for bolt: ValueError: no ")
    assert "not the whole truth" in ran.stdout if how == "text" else json.loads(ran.stdout)["status"] == "unknown"


# explain


def test_explain_tells_a_clients_story(folder):
    ran = retention("explain", "log.jsonl", "acme", *AT, cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.startswith("Acme Ltd (acme), tier key, looked after by jo; with us since 2026-01-01, 3 events.\n")
    assert "Status on 2026-06-30: AT-RISK, since 2026-06-21." in ran.text
    assert "because of c1, complained 2026-06-20" in ran.text


def test_explain_prints_what_replay_prints_and_what_comes_next(folder):
    ran = retention("explain", "log.jsonl", "bolt", *AT, "--format", "json", "--ahead", "90d", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    (client,) = replayed(folder, "--client", "bolt", "--ahead", "90d")["clients"]
    assert client["actions"]
    assert {key: document[key] for key in client} == client
    assert (document["version"], document["at"], document["failures"]) == (1, "2026-06-30T00:00:00Z", [])
    assert [(change["at"], change["after"]) for change in document["changes"]] == [
        ("2026-09-27T00:00:00Z", "watch"),
        ("2026-10-27T00:00:00Z", "at-risk"),
    ]


def test_explain_has_the_score_the_dimensions_and_the_renewal(folder):
    ran = retention("explain", "log.jsonl", "lost", *AT, "--format", "json", cwd=folder)
    document = json.loads(ran.out)
    (client,) = json.loads(
        retention("health", "log.jsonl", *AT, "--client", "lost", "--format", "json", cwd=folder).out
    )["clients"]
    assert (document["score"], document["dimensions"]) == (client["score"], client["dimensions"])
    assert document["score"]["deductions"][0]["rule"] == "lapsed-term"
    assert (document["renewal"]["term_end"], document["renewal"]["days"]) == ("2026-06-20T00:00:00Z", -10)
    ran = retention("explain", "log.jsonl", "bolt", *AT, "--format", "json", cwd=folder)
    assert json.loads(ran.out)["renewal"] is None


def test_nothing_more_comes_for_a_client_who_left(folder):
    ran = retention("explain", "log.jsonl", "gone", *AT, "--format", "json", cwd=folder)
    assert json.loads(ran.out)["changes"] == []


def test_explain_takes_the_options_that_choose_rules(folder):
    ran = retention("explain", "log.jsonl", "mute", *AT, "--select", "quiet-client", cwd=folder)
    assert "Status on 2026-06-30: HEALTHY." in ran.text
    ran = retention("explain", "log.jsonl", "acme", *AT, "--known-at", "2026-06-24", cwd=folder)
    assert "with us since 2026-01-01, 1 event." in ran.text


def test_a_client_whose_name_looks_like_an_option_is_named_behind_two_dashes():
    log = b'{"client": "--at", "kind": "engaged", "at": "2026-06-29"}'
    ran = retention("explain", *AT, "--", "-", "--at", stdin=log)
    assert (ran.code, ran.text.splitlines()[0]) == (0, "--at, tier standard; with us since 2026-06-29, 1 event.")


def test_explain_reads_standard_input():
    ran = retention("explain", "-", "acme", *AT, stdin=LOG.encode())
    assert ran.code == 0
    assert ran.text.startswith("Acme Ltd")


# rules


def test_rules_lists_every_rule_with_its_problem(folder):
    ran = retention("rules", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    words = " ".join(ran.text.split())
    for one in BUILT_IN:
        assert one.name in words
    assert "quiet-client on essentials," in words


def test_rules_are_listed_for_programs(folder):
    ran = retention("rules", "--pack", "stick-around", "--format", "json", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert document["version"] == 1
    listed = {one["name"]: one for one in document["rules"]}
    assert set(listed) == {one.name for one in (*BUILT_IN, *BOOK_RULES)}
    assert {name for name, one in listed.items() if one["enabled"]} == {
        one.name for one in BUILT_IN if {"essentials", "stick-around"} & set(one.packs)
    }
    assert {name for name, one in listed.items() if one["scope"] == "book"} == {one.name for one in BOOK_RULES}
    quiet = listed["quiet-client"]
    assert set(quiet) >= {"name", "packs", "enabled", "origin", "about", "settings"}
    assert quiet["settings"]["every"] == {
        "value": "90 days",
        "source": "default",
        "default": "90 days",
        "tiers": {"key": "30 days"},
        "tier_sources": {"key": "default for the tier"},
        "about": quiet["settings"]["every"]["about"],
    }


def test_a_rule_is_explained_with_its_settings(folder):
    ran = retention("rules", "explain", "quiet-client", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.startswith("quiet-client: Nobody has been in touch with the client for longer than agreed.\n")
    assert "Settings (tier standard):\n  every = 90 days: " in ran.text
    key = retention("rules", "explain", "quiet-client", "--tier", "key", cwd=folder)
    assert "Settings (tier key):\n  every = 30 days (default for the tier; default 90 days): " in key.text


def test_a_rule_without_settings_says_so(folder):
    assert retention("rules", "explain", "departed-client", cwd=folder).text.endswith("Settings: none\n")


# The settings file.

SETTINGS = (
    '[packs]\nstick-around = true\n[rules.quiet-client]\nevery = "10 days"\n[rules.unheard-client]\nenabled = false\n'
)


def test_a_settings_file_in_the_current_folder_is_used(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"client": "acme", "kind": "engaged", "at": "2026-06-18"}\n')
    assert replayed(tmp_path)["clients"][0]["status"] == "healthy"
    (tmp_path / "retention.toml").write_text(SETTINGS)
    assert replayed(tmp_path)["clients"][0]["status"] == "watch"
    (tmp_path / "elsewhere").mkdir()
    ran = retention("replay", "../log.jsonl", *AT, "--format", "json", cwd=tmp_path / "elsewhere")
    assert json.loads(ran.out)["clients"][0]["status"] == "healthy"
    explained = retention("rules", "explain", "quiet-client", cwd=tmp_path).text
    assert "every = 10 days (set in retention.toml; default 90 days)" in explained


def test_a_settings_file_that_is_named_replaces_that_of_the_folder(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"client": "acme", "kind": "engaged", "at": "2026-06-18"}\n')
    (tmp_path / "retention.toml").write_text("this is not TOML")
    (tmp_path / "mine.toml").write_text("\ufeff" + SETTINGS)
    assert replayed(tmp_path, "--settings", "mine.toml")["clients"][0]["status"] == "watch"
    ran = retention("rules", "--settings", "mine.toml", "--format", "json", cwd=tmp_path)
    enabled = {one["name"] for one in json.loads(ran.out)["rules"] if one["enabled"]}
    assert "unheard-client" not in enabled
    assert "one-way-contact" in enabled
    explained = retention("rules", "--settings", "mine.toml", "explain", "quiet-client", cwd=tmp_path)
    assert "every = 10 days (set in mine.toml; default 90 days)" in explained.text
    also = retention("rules", "explain", "quiet-client", "--settings", "mine.toml", cwd=tmp_path)
    assert also.text == explained.text


def test_a_folder_named_like_the_settings_file_is_not_read(tmp_path):
    (tmp_path / "retention.toml").mkdir()
    (tmp_path / "log.jsonl").write_text(LOG)
    assert replayed(tmp_path)["clients"]


# Help.


def commands_of(group: click.Group, path: tuple[str, ...] = ()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands_of(command, (*path, name))


EVERY_COMMAND = dict(commands_of(main))


def first_line(command: click.Command) -> str:
    return (command.help or "").partition("\n\n")[0].replace("\n", " ")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_overview_says_what_a_commands_own_help_says_first(name):
    assert first_line(EVERY_COMMAND[name,]) == COMMANDS[name]


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)
def test_the_help_of_every_command_has_an_example(path):
    command = EVERY_COMMAND[path]
    text = command.help or ""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        assert "Example" in text
        assert f"  retention {path[0]}" in text
    for option in command.params:
        if isinstance(option, click.Option) and not isinstance(option.type, click.Choice):
            assert option.help, option.name


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_printed_and_is_no_mistake(flag):
    ran = retention(flag)
    assert (ran.code, ran.err) == (0, "")
    words = " ".join(ran.text.split())
    for name, about in COMMANDS.items():
        assert f"{name} {about}" in words
    assert (
        "Exit codes: 0 done; 1 --fail-on was reached; 2 usage or settings; 3 the input has bad lines; 4 a rule" in words
    )
    assert "Examples: retention replay clients.jsonl --at 2026-06-30" in words


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)
def test_every_command_has_help(path):
    ran = CliRunner().invoke(main, [*path, "-h"], prog_name="retention")
    assert ran.exit_code == 0
    assert ran.stdout.startswith(f"Usage: retention {' '.join(path)}")


def test_the_version_is_that_of_the_package():
    assert retention("--version") == Ran(0, f"retention, version {version('retention-engine')}\n".encode(), "")


def test_the_installed_command_is_the_same():
    installed = shutil.which("retention", path=os.fspath(Path(sys.executable).parent))
    assert installed is not None
    ran = subprocess.run([installed, "--version"], capture_output=True, check=True, env=environment())
    assert ran.stdout == retention("--version").out


# Completion.


def completed(shell: str, words: str, index: int) -> list[str]:
    ran = retention(env={"_RETENTION_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(index)})
    assert (ran.code, ran.err) == (0, "")
    return ran.text.split()


@pytest.mark.parametrize(
    ("shell", "says"),
    [
        ("bash", "complete -o nosort -F"),
        ("zsh", "#compdef retention"),
        ("fish", "complete --no-files --command retention"),
    ],
)
def test_completion_scripts_are_printed(shell, says):
    ran = retention(env={"_RETENTION_COMPLETE": f"{shell}_source"})
    assert (ran.code, ran.err) == (0, "")
    assert says in ran.text


def test_commands_are_completed():
    assert {"plain,replay", "plain,rules"} <= set(completed("bash", "retention r", 1))
    assert "plain,explain" not in completed("bash", "retention r", 1)
    found = completed("zsh", "retention exp", 1)
    assert found[:2] == ["plain", "explain"]
    assert "plain,explain" in completed("bash", "retention rules e", 2)


def test_options_and_their_values_are_completed():
    assert completed("bash", "retention replay --fo", 2) == ["plain,--format"]
    assert {"plain,json", "plain,jsonl"} == set(completed("bash", "retention replay --format js", 3))
    assert completed("bash", "retention replay --known", 2) == ["plain,--known-at"]


def test_nothing_is_completed_behind_an_unknown_command():
    assert completed("bash", "retention zzz --f", 2) == []


def test_completion_works_in_bash(tmp_path):
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "retention").write_text(f'#!/bin/sh\nexec {" ".join(map(repr, RETENTION))} "$@"\n')
    (tmp_path / "retention").chmod(0o755)
    script = """
        eval "$(_RETENTION_COMPLETE=bash_source retention)"
        COMP_WORDS=(retention replay --fo) COMP_CWORD=2
        _retention_completion retention
        echo "${COMPREPLY[@]}"
    """
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run([bash, "-c", script], capture_output=True, text=True, check=True, env=environment(PATH=path))
    assert (ran.stdout, ran.stderr) == ("--format\n", "")


# Terminals, files and pipes.


def test_the_table_has_colours_on_a_terminal_and_fits_it(folder):
    ran = on_a_terminal("replay", "log.jsonl", *AT, cwd=folder)
    assert ran.code == 0
    assert "\x1b[1;31mcritical\x1b[0m" in ran.text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", ran.text)
    assert max(map(len, plain.splitlines())) == 100


def test_there_are_no_colours_elsewhere(folder):
    for env in ({}, {"FORCE_COLOR": "1"}, {"TERM": "xterm-256color"}):
        assert b"\x1b" not in retention("replay", "log.jsonl", *AT, cwd=folder, env=env).out


@pytest.mark.parametrize(("value", "colours"), [("1", False), ("", True)])
def test_no_color_is_honoured_where_it_is_not_empty(folder, value, colours):
    ran = on_a_terminal("replay", "log.jsonl", *AT, cwd=folder, NO_COLOR=value)
    assert ("\x1b[" in ran.text) is colours


def test_json_has_no_colours_on_a_terminal(folder):
    ran = on_a_terminal("replay", "log.jsonl", *AT, "--format", "json", cwd=folder)
    assert json.loads(ran.text)["version"] == 1


LONG = '{"client": "acme", "kind": "engaged", "at": "2026-06-29", "note": "a long log"}\n' * 3_000


def test_reading_a_long_log_shows_progress_on_a_terminal(tmp_path):
    (tmp_path / "long.jsonl").write_text(LONG)
    ran = on_a_terminal("replay", "long.jsonl", *AT, "--format", "json", cwd=tmp_path, streams=("stderr",))
    assert "Reading long.jsonl" in ran.text
    assert "100%" in ran.text
    assert json.loads(ran.err)["clients"][0]["status"] == "healthy"


def test_reading_a_short_log_shows_nothing(folder):
    ran = on_a_terminal("replay", "log.jsonl", *AT, "--format", "json", cwd=folder, streams=("stderr",))
    assert (ran.code, ran.out) == (0, b"")


def test_progress_is_for_people_and_not_for_files(tmp_path):
    (tmp_path / "long.jsonl").write_text(LONG)
    ran = retention("replay", "long.jsonl", *AT, "--format", "json", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")


def test_progress_does_not_hide_mistakes(tmp_path):
    (tmp_path / "long.jsonl").write_text(LONG + "{}\n")
    ran = on_a_terminal("replay", "long.jsonl", *AT, cwd=tmp_path, streams=("stderr",))
    assert (ran.code, ran.err) == (3, "")
    assert "\nError: long.jsonl:3001: kind: is missing" in ran.text.replace("\r", "")


NAME = "Zoë \u202e株式会社 €"


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
    ],
    ids=["c", "c-uncoerced", "ascii", "latin-1"],
)
@pytest.mark.parametrize("how", ["table", "json", "jsonl", "csv"])
def test_output_is_utf_8_whatever_the_locale(tmp_path, env, how):
    (tmp_path / "log.jsonl").write_text(json.dumps({"client": NAME, "kind": "engaged", "at": "2026-06-29"}))
    ran = retention("replay", "log.jsonl", *AT, "--format", how, cwd=tmp_path, env=env)
    assert (ran.code, ran.err) == (0, "")
    assert (NAME if "json" in how else NAME.replace("\u202e", r"\u202e")) in ran.text


def test_mistakes_are_told_in_utf_8_whatever_the_locale(folder):
    ran = retention("replay", "log.jsonl", *AT, "--client", "Zoë €", cwd=folder, env={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 2
    assert "the log has no client 'Zoë €'" in ran.err


HOSTILE = ["\x1b[31mred\x1b[0m", "a\u202eb", "[red]x[/red]", "=cmd|' /C calc'!A0", "@SUM(A1)", "two\nlines", "\x9b31m"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_harmless_for_people_and_exact_for_programs(tmp_path, name):
    lines = [{"client": "x", "kind": "profiled", "at": "2026-01-01", "name": name, "owner": name}]
    if name.isprintable() or "\u202e" in name:
        lines.append({"client": name, "kind": "engaged", "at": "2026-01-01"})
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for command in (["replay", "log.jsonl"], ["explain", "log.jsonl", "x"]):
        shown = retention(*command, *AT, cwd=tmp_path)
        assert shown.code == 0
        assert all(line.isprintable() for line in shown.text.split("\n"))
    document = replayed(tmp_path)
    assert document["clients"][-1]["name"] == name or document["clients"][0]["client"] == name
    table = retention("replay", "log.jsonl", *AT, "--format", "csv", cwd=tmp_path)
    for row in csv.reader(io.StringIO(table.text, newline="")):
        for cell in row:
            assert not cell.startswith(("=", "@"))
            assert all(char.isprintable() or char in "\r\n\t" for char in cell)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A log whose verdicts fill more than a pipe holds."""
    path = tmp_path_factory.mktemp("many")
    lines = ({"client": f"client {number}", "kind": "engaged", "at": "2026-01-01"} for number in range(600))
    (path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.mark.parametrize("how", ["json", "jsonl", "csv", "table"])
def test_a_reader_that_has_enough_is_no_mistake(many, how):
    started = subprocess.Popen(
        [*RETENTION, "replay", "log.jsonl", *AT, "--format", how, "--limit", "0"],
        cwd=many,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert started.stdout is not None
    assert started.stderr is not None
    assert started.stdout.readline()
    started.stdout.close()
    assert started.stderr.read() == b""
    started.stderr.close()
    assert started.wait() == 141


@pytest.mark.parametrize("how", ["json", "table"])
def test_a_reader_that_reads_nothing_is_no_mistake(folder, how):
    ends = os.pipe()
    os.close(ends[0])
    ran = subprocess.run(
        [*RETENTION, "replay", "log.jsonl", *AT, "--format", how, "--fail-on", "healthy"],
        cwd=folder,
        env=environment(),
        stdout=ends[1],
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(ends[1])
    assert (ran.returncode, ran.stderr) == (141, b"")
