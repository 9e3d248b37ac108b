"""What the command says when it is asked the wrong way: exit code 2, what is wrong and what was meant, no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command import AT, RETENTION, Ran, environment, retention
from retention_engine.cli import COMMANDS

GOOD = '{"client": "acme", "kind": "engaged", "at": "2026-06-29"}\n{"client": "bolt", "kind": "engaged", "at": "2026-06-29"}\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("errors")
    (path / "log.jsonl").write_text(GOOD)
    return path


def assert_usage(ran: Ran, *says: str) -> None:
    assert ran.code == 2, ran.err
    assert ran.out == b""
    assert "Traceback" not in ran.err
    words = " ".join(ran.err.split())
    for part in says:
        assert part in words
    assert ran.errors


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["--at", "yesterday"],
            "Invalid value for '--at': 'yesterday' is not an RFC 3339 instant; write 2026-06-30T09:00:00Z",
        ),
        (["--at", "2026-06-30T09:00:00"], "Invalid value for '--at': '2026-06-30T09:00:00' has no offset"),
        (["--at", ""], "Invalid value for '--at': '' is not"),
        (["--at", "2026-02-30"], "Invalid value for '--at': '2026-02-30' is no time that exists"),
        (["--at", "2200-01-01"], "Invalid value for '--at': 2200-01-01 lies outside the years 1900 to 2200"),
        (["--at", "1782777600"], "Invalid value for '--at': '1782777600' is not"),
        (["--at"], "Option '--at' requires an argument"),
        (["--known-at", "then"], "Invalid value for '--known-at': 'then' is not"),
        (["--ahead", "a week"], "Invalid value for '--ahead': 'a week' is not a duration; write '30 days', '30d'"),
        (["--ahead", "7"], "Invalid value for '--ahead': '7' is not a duration"),
        (["--ahead", "-1d"], "Invalid value for '--ahead': '-1d' is not a duration"),
        (["--ahead", "36501d"], "Invalid value for '--ahead': '36501d' is longer than 36,500 days"),
        (["--fail-on", "red"], "'red' is none of healthy, unknown, watch, at-risk, critical, left"),
        (["--fail-on", "at_risk"], "'at_risk' is none of healthy, unknown, watch, at-risk, critical, left"),
        (["--format", "xml"], "'xml' is not one of 'table', 'json', 'jsonl', 'csv'"),
        (["--limit", "-1"], "-1 is not in the range x>=0"),
        (["--limit", "all"], "'all' is not a valid integer"),
        (["--clint", "acme"], "--client"),
        (["another.jsonl"], "Got unexpected extra argument (another.jsonl)"),
        (["--client", "acne"], "the log has no client 'acne'; did you mean 'acme'?"),
        (["--client", "acme", "--client", "zzz"], "the log has no client 'zzz'"),
        (["--client", ""], "the log has no client ''"),
        (["--client", "\x1b[31mred"], r"the log has no client '\x1b[31mred'"),
        (["--pack", "stick-arround"], "pack 'stick-arround': no such pack; did you mean 'stick-around'?"),
        (["--select", "quiet-clients"], "rule 'quiet-clients': no such rule; did you mean 'quiet-client'?"),
        (["--select", "quiet_client"], "rule 'quiet_client': no such rule; did you mean 'quiet-client'?"),
        (["--settings", "none.toml"], "none.toml: can't be read: No such file or directory"),
        (["--settings", "."], ".: can't be read: Is a directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_replay_refuses_what_it_does_not_understand(folder, args, says):
    assert_usage(retention("replay", "log.jsonl", *AT, *args, cwd=folder), says)


def test_every_pack_and_rule_that_does_not_exist_is_named(folder):
    ran = retention("replay", "log.jsonl", "--pack", "x", "--pack", "y", "--select", "z", cwd=folder)
    assert_usage(ran, "pack 'x': no such pack", "pack 'y': no such pack", "rule 'z': no such rule")


def test_a_log_has_to_be_named():
    assert_usage(retention("replay"), "Missing argument 'LOG'", "Try 'retention replay --help' for help.")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["explain", "log.jsonl"], "Missing argument 'CLIENT'"),
        (["explain", "log.jsonl", "acne"], "the log has no client 'acne'; did you mean 'acme'?"),
        (["explain", "log.jsonl", "acme", "--at", "2026-06-28"], "nothing is known of 'acme' as of 2026-06-28"),
        (
            ["explain", "log.jsonl", "acme", "--at", "2026-06-30", "--known-at", "2026-06-28T09:00:00Z"],
            "nothing is known of 'acme' as of 2026-06-30, as known on 2026-06-28 09:00:00Z",
        ),
        (["explain", "log.jsonl", "acme", "--at", "soon"], "Invalid value for '--at'"),
        (["explain", "log.jsonl", "acme", "--format", "table"], "'table' is not one of 'text', 'json'"),
        (["explain", "log.jsonl", "acme", "--select", "none"], "rule 'none': no such rule"),
        (["rules", "explain"], "Missing argument 'RULE'"),
        (
            ["rules", "explain", "silent-renewals"],
            "rule 'silent-renewals': no such rule; did you mean 'silent-renewal'?",
        ),
        (["rules", "exlain"], "No such command 'exlain'"),
        (["rules", "--pack", "none"], "pack 'none': no such pack"),
        (["rules", "--settings", "none.toml"], "none.toml: can't be read"),
        (["rules", "--settings", "none.toml", "explain", "quiet-client"], "none.toml: can't be read"),
        (["rules", "--format", "csv"], "'csv' is not one of"),
        (["reply", "log.jsonl"], "no such command 'reply'; did you mean 'replay'?"),
        (["log.jsonl"], "no such command 'log.jsonl'"),
        (["--versio"], "--version"),
        (["-x"], "No such option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_command_refuses_what_it_does_not_understand(folder, args, says):
    assert_usage(retention(*args, cwd=folder), says)


def test_without_a_command_the_help_is_shown_as_an_error():
    ran = retention()
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith("Usage: retention [OPTIONS] COMMAND [ARGS]...")
    assert all(name in ran.err for name in COMMANDS)


@pytest.mark.parametrize("word", ["repaly", "explian", "rule"])
def test_a_command_that_is_misspelt_comes_with_a_suggestion(word):
    assert_usage(retention(word), "did you mean", "Try 'retention --help' for help.")


# The settings file.


def with_settings(folder: Path, text: str | bytes, *args: str) -> Ran:
    (folder / "retention.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "log.jsonl").write_text(GOOD)
    return retention("replay", "log.jsonl", *AT, *args, cwd=folder)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("every = ", "retention.toml: this is not TOML: "),
        (b"\xff\xfe[\x00", "retention.toml: this is not TOML: "),
        ("[rule.quiet-client]\nevery = '30d'", "retention.toml: rule: no such table; did you mean 'rules'?"),
        (
            "[rules.quiet-clint]\nevery = '30d'",
            "retention.toml: rules.quiet-clint: no such rule; did you mean 'quiet-client'?",
        ),
        (
            "[rules.quiet-client]\nevry = '30d'",
            "retention.toml: rules.quiet-client.evry: no such setting; did you mean 'every'?",
        ),
        (
            "[rules.quiet-client]\nevery = 30",
            "retention.toml: rules.quiet-client.every: expected a duration such as '30 days'",
        ),
        (
            "[rules.quiet-client]\nevery = 'often'",
            "retention.toml: rules.quiet-client.every: 'often' is not a duration",
        ),
        (
            "[rules.quiet-client]\nevery = '999999w'",
            "retention.toml: rules.quiet-client.every: '999999w' is longer than",
        ),
        (
            "[packs]\nstick-arround = true",
            "retention.toml: packs.stick-arround: no such pack; did you mean 'stick-around'?",
        ),
        ("[packs]\nstick-around = 'yes'", "retention.toml: packs.stick-around: expected true or false"),
        ("packs = 7", "retention.toml: packs: expected a table, [packs], got 7"),
        ("[tiers.gold]\nrule = 1", "retention.toml: tiers.gold.rule: no such table; did you mean 'rules'?"),
    ],
)
def test_mistakes_in_the_settings_are_named_with_their_path(tmp_path, text, says):
    ran = with_settings(tmp_path, text)
    assert_usage(ran)
    assert says in ran.err


def test_all_mistakes_in_the_settings_are_told_at_once(tmp_path):
    ran = with_settings(
        tmp_path,
        """
        [packs]
        stick-arround = true
        [rules.quiet-client]
        every = 30
        enabled = "yes"
        [tiers.key.rules.open-complaint]
        patience = "soon"
        """,
    )
    assert_usage(
        ran, "packs.stick-arround", "rules.quiet-client.every", "rules.quiet-client.enabled", "open-complaint.patience"
    )


def test_bad_settings_are_told_before_the_log_is_read(tmp_path):
    ran = with_settings(tmp_path, "packs = 7")
    (tmp_path / "log.jsonl").write_text("nothing")
    again = retention("replay", "log.jsonl", *AT, cwd=tmp_path)
    assert again == ran


# Places to write to that take nothing.


@pytest.mark.parametrize("how", ["table", "json", "jsonl", "csv"])
def test_a_full_disk_is_told(folder, how):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    with full.open("wb") as nowhere:
        ran = subprocess.run(
            [*RETENTION, "replay", "log.jsonl", *AT, "--format", how],
            cwd=folder,
            env=environment(),
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (2, "Error: the results can't be written: no space left on device\n")


@pytest.mark.parametrize(
    "command", [["replay", "log.jsonl"], ["explain", "log.jsonl", "acme"], ["rules"]], ids=" ".join
)
def test_a_closed_standard_output_is_told(folder, command):
    ran = retention(*command, cwd=folder, preexec_fn=lambda: os.close(1))
    assert (ran.code, ran.out, ran.err) == (2, b"", "Error: standard output is closed\n")


def test_a_closed_standard_error_changes_no_result(folder):
    def close_standard_error():
        os.close(2)

    ran = retention("replay", "log.jsonl", *AT, "--format", "json", cwd=folder, preexec_fn=close_standard_error)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == retention("replay", "log.jsonl", *AT, "--format", "json", cwd=folder).out
    assert retention("replay", "none.jsonl", cwd=folder, preexec_fn=close_standard_error).code == 3


def as_if_started_by_hand() -> None:
    """Whoever runs the tests in the background ignores the signal, and so would the command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_command_that_is_stopped_from_the_keyboard_says_that_it_was():
    started = subprocess.Popen(
        [*RETENTION, "replay", "-", *AT],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=as_if_started_by_hand,  # noqa: PLW1509 - no other thread runs here
    )
    assert started.stdin is not None
    assert started.stdout is not None
    assert started.stderr is not None
    started.stdin.write(GOOD.encode() * 5_000)  # more than a pipe holds: once it is written, the command is reading
    started.stdin.flush()
    started.send_signal(signal.SIGINT)
    out, err = started.communicate()
    assert (started.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("module", ["cli.streams", "errors", "cli.options", "cli.replay", "codec", "engine"])
def test_a_command_that_is_stopped_while_it_starts_says_so_too(folder, module):
    """As if Ctrl-C came while that module was imported."""
    program = (
        "import sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'retention_engine.{module}':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "from retention_engine.cli import main\n"
        "main(['replay', 'log.jsonl', '--at', '2026-06-30'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment(), capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, b"", b"")
