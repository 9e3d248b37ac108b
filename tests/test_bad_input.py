"""Every file of `bad_input/`, and a few too large for it, through the command: refused with place and reason."""

import gzip
import json
import os
import re
import resource
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from command import AT, RETENTION, Ran, environment, in_this_process, retention
from retention_engine.codec import MOST_BYTES
from shared_folder import ROOT

FOLDER = Path(__file__).parent / "bad_input"
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "cases.toml").read_text("utf-8"))["case"]
REFUSED = [case for case in CASES if case["exit"] == 3]
ACCEPTED = [case for case in CASES if case["exit"] == 0]

GOOD = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01"}\n'
NAIVE = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01T09:00:00"}\n'


REPLAY = (*AT, "--format", "json")


def replay(log: str | Path, **how: Any) -> Ran:
    return retention("replay", log, *REPLAY, **how)


def clients_of(ran: Ran) -> list[str]:
    assert (ran.code, ran.err) == (0, "")
    return [client["client"] for client in json.loads(ran.out)["clients"]]


def assert_refused(ran: Ran, *beginnings: str) -> None:
    """Exit code 3, nothing on standard output, and these lines about mistakes and no others."""
    assert ran.code == 3, ran.err
    assert ran.out == b""
    assert len(ran.errors) == len(beginnings), ran.err
    for line, beginning in zip(ran.errors, beginnings, strict=True):
        assert line.startswith(f"Error: {beginning}")
    assert "Traceback" not in ran.err
    assert "Nothing was assessed." in ran.err


def problem_line(name: str, problem: dict[str, Any]) -> re.Pattern[str]:
    place = f"{name}:{problem['line']}: " if "line" in problem else f"{name}: "
    field = f"{problem['field']}: " if "field" in problem else ""
    return re.compile(
        re.escape(f"Error: {place}{field}")
        + ".*"
        + re.escape(problem["says"])
        + ".* "
        + re.escape(f"[{problem['code']}]")
    )


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["file"])
def test_a_bad_file_is_refused_with_line_field_code_and_reason(case):
    ran = in_this_process("replay", case["file"], *REPLAY, cwd=FOLDER)
    assert_refused(ran, *[case["file"]] * len(case["problems"]))
    for line, problem in zip(ran.errors, case["problems"], strict=True):
        assert problem_line(case["file"], problem).fullmatch(line), line
        assert line.isprintable()
        assert len(line) < 400
    lines_told = [problem["line"] for problem in case["problems"] if "line" in problem]
    assert lines_told == sorted(lines_told)


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["file"])
def test_an_unusual_but_good_file_is_accepted(case):
    assert clients_of(in_this_process("replay", case["file"], *REPLAY, cwd=FOLDER)) == case["clients"]


@pytest.mark.parametrize("case", CASES[::10], ids=lambda case: case["file"])
def test_a_process_of_its_own_says_the_same(case):
    ran = replay(case["file"], cwd=FOLDER)
    assert ran == in_this_process("replay", case["file"], *REPLAY, cwd=FOLDER)


def test_the_index_names_every_file_once():
    named = [case["file"] for case in CASES]
    there = {path.name for path in FOLDER.iterdir()} - {"cases.toml", "make.py", "__pycache__"}
    assert len(named) == len(set(named))
    assert set(named) == there


def test_every_code_is_explained_in_the_documentation():
    page = (ROOT / "docs" / "log-format.md").read_text("utf-8")
    used = {problem["code"] for case in REFUSED for problem in case["problems"]} | {"unreadable", "too-many"}
    assert [code for code in sorted(used) if f"`{code}`" not in page] == []


def test_git_leaves_the_cases_as_they_are():
    asked = subprocess.run(
        ["git", "check-attr", "text", "--", "tests/bad_input/ok-crlf.jsonl", "tests/bad_input/utf-16.jsonl"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:  # a copy without its history
        assert "tests/bad_input/** -text" in (ROOT / ".gitattributes").read_text()
    else:
        assert asked.stdout.splitlines() == [
            f"tests/bad_input/{name}: text: unset" for name in ("ok-crlf.jsonl", "utf-16.jsonl")
        ]


# Limits of size, both sides of each.


def line_of(size: int) -> bytes:
    """An event whose line is so many bytes long, its end not counted."""
    head, tail = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01", "note": "', b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["lf", "crlf", "none"])
def test_a_line_of_one_mebibyte_is_accepted(tmp_path, end):
    (tmp_path / "log.jsonl").write_bytes(line_of(MOST_BYTES) + end)
    assert clients_of(replay("log.jsonl", cwd=tmp_path)) == ["acme"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["lf", "crlf", "none"])
def test_a_line_of_one_byte_more_is_refused(tmp_path, end):
    (tmp_path / "log.jsonl").write_bytes(GOOD + line_of(MOST_BYTES + 1) + end)
    assert_refused(replay("log.jsonl", cwd=tmp_path), "log.jsonl:2: the line is longer than 1 MiB [too-long]")


@pytest.mark.parametrize(
    "long_line",
    [line_of(3 * MOST_BYTES), b" " * (MOST_BYTES + 2) + GOOD, b" " * 3 * MOST_BYTES],
    ids=["event", "event-behind-spaces", "spaces"],
)
def test_the_lines_after_a_line_that_is_too_long_keep_their_numbers(tmp_path, long_line):
    one = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01", "id": "e1"}\n'
    log = [long_line.rstrip(b"\n") + b"\n", b"\n", one, NAIVE, one.replace(b"-01", b"-02")]
    (tmp_path / "log.jsonl").write_bytes(b"".join(log))
    ran = replay("log.jsonl", cwd=tmp_path)
    assert_refused(ran, "log.jsonl:1: the line is longer", "log.jsonl:4: at: ", "log.jsonl:5: id: ")
    assert "(line 3)" in ran.errors[2]


def test_a_small_file_that_unpacks_into_one_huge_line_is_refused_in_little_memory(tmp_path):
    with gzip.open(tmp_path / "bomb.jsonl.gz", "wb", compresslevel=1) as file:
        for _ in range(512):
            file.write(b" " * MOST_BYTES)

    def with_little_memory():
        if sys.platform == "linux":  # others take no notice of the limit
            resource.setrlimit(resource.RLIMIT_AS, (400 * MOST_BYTES, 400 * MOST_BYTES))

    ran = replay("bomb.jsonl.gz", cwd=tmp_path, preexec_fn=with_little_memory)
    assert_refused(ran, "bomb.jsonl.gz:1: the line is longer than 1 MiB [too-long]")


def test_a_hundred_thousand_brackets_do_not_exhaust_the_reader(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(b'{"a":' * 100_000 + b"\n" + b"[" * 100_000 + b"\n")
    assert_refused(
        replay("log.jsonl", cwd=tmp_path), "log.jsonl:1: objects and lists", "log.jsonl:2: objects and lists"
    )


# Many mistakes.


def test_twenty_mistakes_are_shown(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(GOOD + NAIVE * 20)
    ran = replay("log.jsonl", cwd=tmp_path)
    assert_refused(ran, *(f"log.jsonl:{number}: at: " for number in range(2, 22)))
    assert "more" not in ran.err


def test_more_than_twenty_are_counted(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(NAIVE * 20 + GOOD + NAIVE * 999)
    ran = replay("log.jsonl", cwd=tmp_path)
    assert_refused(ran, *(f"log.jsonl:{number}: at: " for number in range(1, 21)), "... and 981 more")


def test_after_a_thousand_bad_lines_the_file_is_given_up(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(NAIVE * 5_000)
    ran = replay("log.jsonl", cwd=tmp_path)
    assert_refused(ran, *(f"log.jsonl:{number}: at: " for number in range(1, 21)), "... and 981 more")


def test_a_thousand_bad_lines_are_not_yet_a_reason_to_give_up(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(NAIVE * 999 + GOOD)
    ran = replay("log.jsonl", cwd=tmp_path)
    assert_refused(ran, *(f"log.jsonl:{number}: at: " for number in range(1, 21)), "... and 979 more")


# Where a log comes from.


@pytest.mark.parametrize(
    "content",
    [GOOD, gzip.compress(GOOD), b"\xef\xbb\xbf" + GOOD, GOOD.rstrip()],
    ids=["plain", "gzip", "byte order mark", "no line end"],
)
def test_a_log_is_read_from_standard_input(content):
    assert clients_of(replay("-", stdin=content)) == ["acme"]


def test_an_empty_standard_input_is_a_log_without_clients():
    assert clients_of(replay("-")) == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_is_named_by_its_dash(pack):
    assert_refused(replay("-", stdin=pack(GOOD + NAIVE)), "-:2: at: ")


def test_a_closed_standard_input_is_told():
    ran = replay("-", stdin=None, preexec_fn=lambda: os.close(0))
    assert_refused(ran, "-: can't be read: standard input is closed [unreadable]")


def test_a_log_is_read_from_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[gzip.compress(GOOD)])
    writer.start()
    assert clients_of(replay("pipe", cwd=tmp_path)) == ["acme"]
    writer.join()


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("missing.jsonl", "no such file or directory"),
        (".", "is a folder"),
        ("file/log.jsonl", "not a directory"),
        ("x" * 300, "file name too long"),
        ("", "is a folder"),
    ],
    ids=["missing", "folder", "below-a-file", "name-too-long", "empty-name"],
)
def test_a_file_that_cannot_be_read_is_told_without_a_line(tmp_path, log, reason):
    (tmp_path / "file").touch()
    ran = replay(log, cwd=tmp_path)
    assert_refused(ran, f"{log}: can't be read: {reason} [unreadable]")
    assert "Correct the lines" not in ran.err


def test_a_file_is_named_as_the_user_named_it(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "may.jsonl").write_bytes(NAIVE)
    assert_refused(replay("./logs/../logs/may.jsonl", cwd=tmp_path), "./logs/../logs/may.jsonl:1: at: ")


def test_a_hostile_file_name_does_not_steer_the_terminal(tmp_path):
    name = b"\x1b[31m\xe2\x80\xaered\xff.jsonl"
    (tmp_path / os.fsdecode(name)).write_bytes(NAIVE)
    ran = subprocess.run(
        [*RETENTION, "replay", name, *AT], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert ran.returncode == 3
    assert ran.stderr.startswith(rb"Error: \x1b[31m\u202ered\udcff.jsonl:1: at: ")


def test_the_other_commands_refuse_a_bad_file_alike(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(GOOD + NAIVE)
    ran = retention("explain", "log.jsonl", "acme", *AT, cwd=tmp_path)
    assert_refused(ran, "log.jsonl:2: at: ")
