"""`retention import`: every file of `import_corpus/` and of `bad_input/`, and what makes an import safe to repeat."""

import gzip
import json
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from base64 import b64decode
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from command import RETENTION, environment, in_this_process, retention
from retention_engine.codec import MOST_BYTES
from retention_engine.formats.verdicts import VERSION
from retention_engine.log import EventLog, create_log, open_log
from shared_folder import ROOT

FOLDER = Path(__file__).parent / "import_corpus"
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "cases.toml").read_text("utf-8"))["case"]
REFUSED = [case for case in CASES if case["exit"] == 3]
ACCEPTED = [case for case in CASES if case["exit"] == 0]

BAD_INPUT = Path(__file__).parent / "bad_input"
OF_REPLAY: list[dict[str, Any]] = [
    case
    for case in tomllib.loads((BAD_INPUT / "cases.toml").read_text("utf-8"))["case"]
    if case["file"] != "table.csv"  # for an import its name says that it is a table
]

CDNOW = ROOT / "examples" / "cdnow" / "cdnow-sample.jsonl.gz"

HEAD = "client,kind,at,id,note\n"
GOOD = '{"client": "acme", "kind": "engaged", "at": "2026-05-01", "id": "e1"}\n'
OTHER = '{"client": "bolt", "kind": "engaged", "at": "2026-05-02"}\n'
NAIVE = '{"client": "acme", "kind": "engaged", "at": "2026-05-03T09:00:00"}\n'


class Log(NamedTuple):
    """A log in a file."""

    path: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def open(self) -> EventLog:
        return open_log(self.url)

    def fields(self) -> list[dict[str, Any]]:
        """What the log holds, in its order."""
        ran = in_this_process("export", self.url)
        return [
            {name: value for name, value in json.loads(line).items() if name != "recorded_at"}
            for line in ran.text.splitlines()
        ]

    def count(self) -> int:
        with self.open() as log:
            assert list(log.verify()) == []
            return log.store.count()[0]


def new_log(path: Path) -> Log:
    create_log(f"sqlite:///{path}").close()
    return Log(path)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return new_log(tmp_path / "log.db")


def imported(log: Log, *args: str | Path, **how: Any) -> dict[str, Any]:
    """Import without a fault, and what the command says of it as JSON."""
    ran = in_this_process("import", *args, "--log", log.url, "--format", "json", **how)
    assert (ran.code, ran.err) == (0, ""), ran.err
    return json.loads(ran.out)


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def told(file: str, problem: dict[str, Any]) -> tuple[str, int | None, str | None, str]:
    return file, problem.get("line"), problem.get("field"), problem["code"]


def is_whole(case: dict[str, Any]) -> bool:
    """Whether a case is about a file that can't be read to its end."""
    return "fixed" not in case


# The corpus.


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["file"])
def test_a_bad_file_changes_nothing_and_every_mistake_is_told(case, log):
    before = log.path.read_bytes()
    ran = in_this_process("import", case["file"], *case.get("options", ()), "--log", log.url, cwd=FOLDER)
    assert (ran.code, ran.out) == (3, b""), ran.err
    assert "Traceback" not in ran.err
    assert len(ran.errors) == len(case["problems"]), ran.err
    for line, problem in zip(ran.errors, case["problems"], strict=True):
        place = f"{case['file']}:{problem['line']}: " if "line" in problem else f"{case['file']}: "
        field = f"{problem['field']}: " if "field" in problem else ""
        assert line.startswith(f"Error: {place}{field}"), line
        assert line.endswith(f" [{problem['code']}]"), line
        assert problem["says"] in line, line
        assert line.isprintable()
        assert len(line) < 400
    assert ran.err.splitlines()[-1].startswith("Nothing was stored: ")
    assert ("--lenient" in ran.err) is not is_whole(case)
    assert log.path.read_bytes() == before


@pytest.mark.parametrize("case", CASES[::25], ids=lambda case: case["file"])
def test_a_process_of_its_own_says_the_same(case, log, tmp_path):
    args = ["import", case["file"], *case.get("options", ()), "--log"]
    assert retention(*args, log.url, cwd=FOLDER) == in_this_process(
        *args, new_log(tmp_path / "other.db").url, cwd=FOLDER
    )


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["file"])
def test_an_unusual_but_good_file_is_stored_as_what_it_says(case, log):
    ran = in_this_process("import", case["file"], *case.get("options", ()), "--log", log.url, cwd=FOLDER)
    assert (ran.code, ran.err) == (0, "")
    assert log.fields() == case["events"]
    lines = "1 line" if case["read"] == 1 else f"{case['read']} lines"
    assert ran.text.startswith(f"Read {lines}: {len(case['events'])} stored, ")


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["file"])
def test_lenient_stores_the_good_lines_and_sets_the_bad_ones_aside(case, log, tmp_path):
    aside = tmp_path / "aside.jsonl"
    options = [*case.get("options", ()), "--lenient", "--quarantine", aside, "--format", "json"]
    ran = in_this_process("import", case["file"], *options, "--log", log.url, cwd=FOLDER)
    assert ran.code == 3
    document = json.loads(ran.out)
    problems = [told(case["file"], problem) for problem in case["problems"]]
    assert [told(problem["file"], problem) for problem in document["problems"]] == problems
    assert document["read"] == case["read"]
    if is_whole(case):
        assert (document["applied"], document["stored"], log.count()) == (False, 0, 0)
        assert not aside.exists()
        return
    assert (document["applied"], document["quarantine"]) == (True, str(aside))
    assert document["stored"] + document["already_there"] == log.count() == case["good"]
    assert document["stored"] + document["already_there"] + document["set_aside"] == document["read"]

    lines = [json.loads(line) for line in aside.read_text("utf-8").splitlines()]
    assert [told(line["file"], line) for line in lines] == problems
    for line in lines:
        assert raw_of(line) in content_of(FOLDER / case["file"])

    # As it is, nothing of it is stored; with the lines corrected, all of it is, and only once.
    options = case.get("options", ())
    again = in_this_process("import", aside, *options, "--log", log.url, cwd=FOLDER)
    assert again.code == 3
    assert len(again.errors) == len(problems)
    assert all(f"[{problem['code']}]" in error for error, problem in zip(again.errors, case["problems"], strict=True))
    assert log.count() == case["good"]
    corrected = tmp_path / "corrected.jsonl"
    written(corrected, "".join(map(corrected_line, lines, case["fixed"])))
    assert imported(log, corrected, *options, cwd=FOLDER)["stored"] == len(lines)
    assert imported(log, corrected, *options, cwd=FOLDER)["stored"] == 0
    assert log.count() == case["read"]


def content_of(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def raw_of(line: dict[str, Any]) -> bytes:
    return line["raw"].encode() if "raw" in line else b64decode(line["raw_base64"])


def corrected_line(line: dict[str, Any], fixed: str) -> str:
    return json.dumps({key: value for key, value in line.items() if key != "raw_base64"} | {"raw": fixed}) + "\n"


def test_the_index_names_every_file_once_and_most_are_bad():
    named = [case["file"] for case in CASES]
    there = {path.name for path in FOLDER.iterdir()} - {"cases.toml", "maps.toml", "make.py", "__pycache__"}
    assert len(named) == len(set(named))
    assert set(named) == there
    assert len(REFUSED) >= 75


# The cases of `retention replay`: an import refuses what a replay refuses, for the same reason.


@pytest.mark.parametrize("case", OF_REPLAY, ids=lambda case: case["file"])
def test_an_import_refuses_and_accepts_what_a_replay_does(case, log):
    ran = in_this_process("import", case["file"], "--log", log.url, "--format", "json", cwd=BAD_INPUT)
    document = json.loads(ran.out)
    assert ran.code == case["exit"]
    problems = [told(case["file"], problem) for problem in case.get("problems", ())]
    assert [told(problem["file"], problem) for problem in document["problems"]] == problems
    if ran.code == 0:
        with log.open() as opened:
            assert [client for client, _ in opened.clients()] == case["clients"]
    else:
        assert log.count() == 0


@pytest.mark.parametrize("case", OF_REPLAY, ids=lambda case: case["file"])
def test_no_line_of_those_is_lost(case, log, tmp_path):
    aside = tmp_path / "aside.jsonl"
    options = ["--lenient", "--quarantine", aside, "--format", "json"]
    ran = in_this_process("import", case["file"], *options, "--log", log.url, cwd=BAD_INPUT)
    document = json.loads(ran.out)
    assert ran.code == case["exit"]
    set_aside = aside.read_text("utf-8").splitlines() if aside.exists() else []
    if document["applied"]:
        assert log.count() == document["stored"]
        assert document["stored"] + document["already_there"] + len(set_aside) == document["read"]
        content = (BAD_INPUT / case["file"]).read_bytes()
        if not content.startswith(b"\x1f\x8b"):
            lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
            assert document["read"] == sum(bool(line.strip()) for line in lines)
    else:
        assert (log.count(), set_aside) == (0, [])
        assert any(problem["code"] in {"utf-16", "other-format", "bad-gzip"} for problem in document["problems"])


# Limits of size.


def test_a_row_that_is_too_long_is_told_and_set_aside_with_its_start(log, tmp_path):
    rows = HEAD + "acme,engaged,2026-05-01,," + "x" * MOST_BYTES + "\nacme,engaged,2026-05-02,,y\n"
    file = written(tmp_path / "wide.csv", rows)
    ran = in_this_process("import", file, "--lenient", "--log", log.url)
    assert ran.errors == [f"Error: {file}:2: the row is longer than 1 MiB [too-long]"]
    (line,) = (tmp_path / "wide.csv.rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["raw"].startswith("acme,engaged,2026-05-01,,xxx")
    assert log.count() == 1


def test_a_quote_is_looked_for_in_a_mebibyte_and_no_further(log, tmp_path):
    file = written(tmp_path / "open.csv", HEAD + 'acme,engaged,2026-05-01,,"x\n' + "y,y,y,y,y\n" * 200_000)
    ran = in_this_process("import", file, "--log", log.url)
    (error,) = ran.errors
    assert error.startswith(f"Error: {file}:2: a quote is opened on this line and not closed within 1 MiB")


def test_a_line_that_is_too_long_does_not_hide_the_next(log, tmp_path):
    file = written(tmp_path / "long.jsonl", b" " * (3 * MOST_BYTES) + b"\n" + GOOD.encode())
    ran = in_this_process("import", file, "--lenient", "--log", log.url)
    assert ran.errors == [f"Error: {file}:1: the line is longer than 1 MiB [too-long]"]
    assert log.count() == 1


def test_an_import_is_given_up_after_so_many_bad_lines(log, tmp_path):
    file = written(tmp_path / "bad.jsonl", NAIVE * 5 + GOOD)
    for options in ([], ["--lenient"]):
        ran = in_this_process("import", file, "--log", log.url, "--max-errors", "3", *options)
        assert ran.code == 3
        assert [error.rpartition("[")[2] for error in ran.errors] == ["naive-time]"] * 4 + ["too-many]"]
        assert log.count() == 0
    ran = in_this_process("import", file, "--log", log.url, "--max-errors", "5", "--lenient")
    assert log.count() == 1
    assert "5 set aside" in ran.text


def test_after_that_no_further_file_is_read(log, tmp_path):
    bad, good = written(tmp_path / "bad.jsonl", NAIVE * 5), written(tmp_path / "good.jsonl", GOOD)
    ran = in_this_process("import", bad, good, "--log", log.url, "--max-errors", "3", "--format", "json")
    assert json.loads(ran.out)["read"] == 4


def test_only_the_first_of_many_mistakes_are_printed(log, tmp_path):
    ran = in_this_process("import", written(tmp_path / "bad.jsonl", NAIVE * 30), "--log", log.url)
    assert len(ran.errors) == 21
    assert ran.errors[-1] == "Error: ... and 10 more"


# All of the files, or nothing.


def test_a_bad_line_in_the_last_file_keeps_the_first_from_being_stored(log, tmp_path):
    good = written(tmp_path / "good.jsonl", GOOD)
    bad = written(tmp_path / "bad.csv", HEAD + "acme,engaged,never,,\n")
    ran = retention("import", good, bad, "--log", log.url)
    assert ran.code == 3
    assert [error.split(": ")[1] for error in ran.errors] == [f"{bad}:2"]
    assert log.count() == 0


def test_a_missing_file_keeps_all_others_from_being_stored_even_if_lenient(log, tmp_path):
    good = written(tmp_path / "good.jsonl", GOOD)
    for options in ([], ["--lenient"]):
        ran = in_this_process("import", good, tmp_path / "none.jsonl", tmp_path, "--log", log.url, *options)
        assert ran.code == 3
        assert ran.errors == [
            f"Error: {tmp_path}/none.jsonl: can't be read: no such file or directory [unreadable]",
            f"Error: {tmp_path}: can't be read: is a folder [unreadable]",
        ]
        assert ran.err.splitlines()[-1] == "Nothing was stored: 2 files can't be read to the end."
        assert log.count() == 0


def test_files_of_all_formats_and_standard_input_are_one_import(log, tmp_path):
    table = written(tmp_path / "a.csv", HEAD + "cole,engaged,2026-05-03,c1,\n")
    lines = written(tmp_path / "b.jsonl.gz", gzip.compress(GOOD.encode()))
    ran = retention("import", table, "-", lines, "--log", log.url, stdin=OTHER.encode())
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == "Read 3 lines: 3 stored, 0 there already, 0 set aside.\n"
    assert [event["client"] for event in log.fields()] == ["cole", "bolt", "acme"]


def test_a_retraction_may_stand_in_an_earlier_file_than_what_it_names(log, tmp_path):
    first = written(
        tmp_path / "1.jsonl", GOOD.replace("engaged", "retracted").replace("e1", "r1", 1)[:-2] + ', "event": "e1"}\n'
    )
    second = written(tmp_path / "2.jsonl", GOOD)
    assert imported(log, first, second)["stored"] == 2
    assert [event["kind"] for event in log.fields()] == ["engaged", "retracted"]


def test_a_dry_run_does_everything_but_store(log, tmp_path):
    file = written(tmp_path / "log.jsonl", GOOD + OTHER)
    before = log.path.read_bytes()
    ran = in_this_process("import", file, "--log", log.url, "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == (
        "Read 2 lines: 2 to be stored, 0 there already, 0 to be set aside. Nothing was stored: this was a dry run.\n"
    )
    assert log.path.read_bytes() == before
    imported(log, file)
    document = imported(log, file, "--dry-run")
    assert (document["stored"], document["already_there"], document["applied"]) == (0, 2, False)


def test_a_dry_run_tells_of_bad_lines_and_writes_no_quarantine(log, tmp_path):
    file = written(tmp_path / "log.jsonl", GOOD + NAIVE)
    for options in ([], ["--lenient"]):
        ran = in_this_process("import", file, "--log", log.url, "--dry-run", *options)
        assert ran.code == 3
        assert [error.rpartition("[")[2] for error in ran.errors] == ["naive-time]"]
        assert log.count() == 0
    assert ran.text == (
        "Read 2 lines: 1 to be stored, 0 there already, 1 to be set aside. Nothing was stored: this was a dry run.\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.db", "log.jsonl"]


# A second time.


def test_a_second_import_stores_nothing(log):
    first, second = imported(log, CDNOW), imported(log, CDNOW)
    assert (first["read"], first["stored"], first["already_there"]) == (9276, 9276, 0)
    assert (second["read"], second["stored"], second["already_there"]) == (9276, 0, 9276)
    assert log.count() == 9276


def test_of_a_file_that_has_grown_only_what_is_new_is_stored(log, tmp_path):
    file = written(tmp_path / "log.jsonl", OTHER * 3 + GOOD)
    assert imported(log, file)["stored"] == 4
    written(file, OTHER * 5 + GOOD + OTHER.replace("bolt", "cole"))
    document = imported(log, file)
    assert (document["stored"], document["already_there"]) == (3, 4)


def test_files_that_overlap_are_stored_as_if_one_came_after_the_other(log, tmp_path):
    first = written(tmp_path / "1.jsonl", GOOD + OTHER * 2)
    second = written(tmp_path / "2.jsonl", OTHER * 3)
    assert imported(log, first, second)["stored"] == 4
    one_by_one = new_log(tmp_path / "other.db")
    assert [imported(one_by_one, file)["stored"] for file in (first, second)] == [3, 1]
    assert log.fields() == one_by_one.fields()


def test_the_same_event_in_another_format_is_the_same_event(log, tmp_path):
    imported(log, written(tmp_path / "log.jsonl", GOOD + OTHER))
    table = HEAD + "acme,engaged,2026-05-01T00:00:00Z,e1,\nbolt,engaged,2026-05-02T02:00:00+02:00,,\n"
    assert imported(log, written(tmp_path / "log.csv", table))["already_there"] == 2


def test_equal_events_without_an_id_of_another_source_are_other_events(log, tmp_path):
    file = written(tmp_path / "log.jsonl", GOOD + OTHER)
    assert imported(log, file, "--source", "shop")["stored"] == 2
    document = imported(log, file, "--source", "office")
    assert (document["stored"], document["already_there"]) == (1, 1)
    assert imported(log, file, "--source", "shop")["stored"] == 0


def test_an_id_of_the_log_is_not_given_to_another_event(log, tmp_path):
    imported(log, written(tmp_path / "log.jsonl", GOOD))
    ran = in_this_process(
        "import", written(tmp_path / "new.jsonl", GOOD.replace("engaged", "complained")), "--log", log.url
    )
    (error,) = ran.errors
    assert error.endswith(
        ":1: id: 'e1' was used for another event of this client; give one of the two another id [key-reused]"
    )
    assert log.count() == 1


def test_an_import_takes_minutes_to_be_recorded_at_its_own_time_unless_a_line_says_otherwise(log, tmp_path):
    late = GOOD.replace("}", ', "recorded_at": "2026-05-07T12:00:00Z"}').replace("e1", "e2")
    file = written(tmp_path / "log.jsonl", GOOD + late)
    imported(log, file)
    with log.open() as opened:
        stamped, said = opened.client("acme")
    assert stamped.recorded_at.year >= 2026
    assert stamped.recorded_at != stamped.at
    assert said.recorded_at.isoformat() == "2026-05-07T12:00:00+00:00"


def test_keep_leaves_an_event_recorded_when_it_happened(log, tmp_path):
    imported(log, written(tmp_path / "log.jsonl", GOOD), "--recorded-at", "keep")
    with log.open() as opened:
        (event,) = opened.client("acme")
    assert event.recorded_at == event.at


# With other processes.


def importing(log: Log, *args: str | Path, **how: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*RETENTION, "import", *map(str, args), "--log", log.url],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **how,
    )


def test_two_imports_at_once_store_every_event_once(log):
    started = [importing(log, CDNOW) for _ in range(2)]
    outputs = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    assert sorted(out.decode() for out, _ in outputs) == [
        "Read 9,276 lines: 0 stored, 9,276 there already, 0 set aside.\n",
        "Read 9,276 lines: 9,276 stored, 0 there already, 0 set aside.\n",
    ]
    assert log.count() == 9276


def test_an_import_killed_midway_stores_nothing_and_all_when_it_is_run_again(log, tmp_path):
    lines = gzip.decompress(CDNOW.read_bytes()).splitlines(keepends=True)
    process = importing(log, "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"".join(lines[:8_000]))  # more than a step, which is written into the transaction
    process.stdin.flush()
    wait_until_events_are_written(log, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert log.count() == 0
    assert imported(log, CDNOW)["stored"] == 9276
    assert log.count() == 9276


def wait_until_events_are_written(log: Log, process: subprocess.Popen[bytes]) -> None:
    """Wait until another process holds the log's write lock and what it has read of its input is on its way."""
    while not is_locked(log) or unread_by(process):
        assert process.poll() is None
        time.sleep(0.05)


def is_locked(log: Log) -> bool:
    connection = sqlite3.connect(log.path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    else:
        return False
    finally:
        connection.close()


def unread_by(process: subprocess.Popen[bytes]) -> int:
    """How many bytes wait in the pipe to a process."""
    import fcntl
    import struct
    import termios

    assert process.stdin is not None
    return struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, struct.pack("i", 0)))[0]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a system that tells a process's peak memory")
@pytest.mark.parametrize("name", ["log.jsonl", "log.csv"])
def test_the_memory_of_an_import_does_not_grow_with_the_file(name, log, tmp_path):
    file = tmp_path / name
    with file.open("w") as stream:
        stream.write(HEAD if name.endswith(".csv") else "")
        for number in range(60_000):
            row = f"c{number % 7_000}", "engaged", f"2026-05-{number % 28 + 1:02}T09:00:00Z", f"note {number}"
            if name.endswith(".csv"):
                stream.write("{},{},{},,{}\n".format(*row))
            else:
                stream.write(json.dumps(dict(zip(("client", "kind", "at", "note"), row, strict=True))) + "\n")
    program = (
        "import atexit, pathlib, sys\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "atexit.register(lambda: print(*[line for line in status.read_text().splitlines() if 'VmHWM' in line]))\n"
        "from retention_engine.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "import", file, "--log", log.url], capture_output=True, text=True, check=True
    )
    said, peak = done.stdout.splitlines()
    assert said == "Read 60,000 lines: 60,000 stored, 0 there already, 0 set aside."
    assert int(peak.split()[1]) < 90 * 1024, peak


# The quarantine.


def test_a_quarantine_is_not_overwritten(log, tmp_path):
    file = written(tmp_path / "log.jsonl", NAIVE)
    assert in_this_process("import", file, "--lenient", "--log", log.url).code == 3
    aside = tmp_path / "log.jsonl.rejected.jsonl"
    before = aside.read_bytes()
    ran = in_this_process("import", file, "--lenient", "--log", log.url)
    assert ran.code == 2
    assert "exists, with lines that were set aside before" in ran.err
    assert aside.read_bytes() == before


def test_a_quarantine_is_not_left_behind_by_an_import_that_came_to_nothing(log, tmp_path):
    file = written(tmp_path / "log.jsonl", NAIVE + GOOD)
    ran = in_this_process("import", file, tmp_path / "none.jsonl", "--lenient", "--log", log.url)
    assert ran.code == 3
    assert not (tmp_path / "log.jsonl.rejected.jsonl").exists()


def test_a_quarantine_that_cannot_be_written_keeps_everything_from_being_stored(log, tmp_path):
    file = written(tmp_path / "log.jsonl", NAIVE + GOOD)
    ran = retention("import", file, "--lenient", "--quarantine", tmp_path / "no" / "folder", "--log", log.url)
    assert ran.code == 2
    assert "which takes the bad lines, can't be written: no such file or directory" in ran.err
    assert log.count() == 0


def test_a_quarantine_is_taken_back_where_the_log_cannot_be_written(log, tmp_path):
    rows = (OTHER.replace("bolt", f"bolt-{number}") for number in range(4_000))
    file = written(tmp_path / "log.jsonl", NAIVE + "".join(rows))
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (200_000, 200_000))
    ran = retention("import", file, "--lenient", "--log", log.url, preexec_fn=limit)
    assert ran.code == 2
    assert "the disk is full, a limit is reached or the device fails" in ran.err
    assert not (tmp_path / "log.jsonl.rejected.jsonl").exists()
    assert log.count() == 0
    assert retention("import", file, "--lenient", "--log", log.url).code == 3
    assert log.count() == 4_000


def test_lines_of_standard_input_are_set_aside_in_this_folder(log, tmp_path):
    ran = retention("import", "-", "--lenient", "--log", log.url, stdin=(NAIVE + GOOD).encode(), cwd=tmp_path)
    assert ran.text == "Read 2 lines: 1 stored, 0 there already, 1 set aside in stdin.rejected.jsonl.\n"
    (line,) = (tmp_path / "stdin.rejected.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "file": "-",
        "line": 1,
        "field": "at",
        "code": "naive-time",
        "message": json.loads(line)["message"],
        "raw": NAIVE.rstrip(),
    }


def test_a_line_of_a_quarantine_that_was_damaged_is_told(log, tmp_path):
    start = '{"file": "x", "line": 1, "code": "c", "message": "m", '
    file = written(
        tmp_path / "aside.jsonl", start + '"raw": 5}\n' + start + '"raw_base64": "%"}\n' + start + '"raw": ""}\n'
    )
    ran = in_this_process("import", file, "--log", log.url)
    assert [error.split(": ", 2)[1:] for error in ran.errors] == [
        [f"{file}:1", "raw: expected the text that was set aside [wrong-type]"],
        [f"{file}:2", "raw: expected the text that was set aside [wrong-type]"],
        [f"{file}:3", "this is not JSON: a line must start with { [bad-json]"],
    ]


def test_a_correction_that_opens_a_quote_is_told(log, tmp_path):
    line = {"file": "x", "line": 1, "code": "c", "message": "m", "header": HEAD, "raw": 'a,engaged,2026-05-01,,"'}
    ran = in_this_process("import", written(tmp_path / "aside.jsonl", json.dumps(line)), "--log", log.url)
    assert [error.rpartition("[")[2] for error in ran.errors] == ["unclosed-quote]"]
    assert "--lenient" in ran.err


def test_two_rows_are_no_correction_of_one(log, tmp_path):
    line = {"file": "x", "line": 1, "code": "c", "message": "m", "header": HEAD, "raw": "a,engaged,2026-05-01,,\n" * 2}
    ran = in_this_process("import", written(tmp_path / "aside.jsonl", json.dumps(line)), "--log", log.url)
    assert ran.errors == [f"Error: {tmp_path}/aside.jsonl:1: raw: expected one row [wrong-cell-count]"]


# Wrong use.


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "Missing argument 'FILE...'"),
        (["x.jsonl"], "Missing option '--log'"),
        (["-", "-", "--log", "URL"], "standard input can be read only once"),
        (["x.jsonl", "--log", "URL", "--quarantine", "y"], "--quarantine goes with --lenient"),
        (["x.jsonl", "--log", "URL", "--source", "a\nb"], "--source has to be at most 100 printable characters"),
        (["x.jsonl", "--log", "URL", "--map", "task"], "--map task: settings has no such column map"),
        (["x.jsonl", "--log", "URL", "--map", "taks", "--settings", str(FOLDER / "maps.toml")], "did you mean 'task'?"),
        (
            ["x.jsonl", "--log", "URL", "--format-in", "xml"],
            "'xml' is not one of 'auto', 'jsonl', 'csv', 'cloudevents'",
        ),
        (["x.jsonl", "--log", "sqlite:///none.db"], "Make one with `retention init`"),
        (["x.jsonl", "--log", "clients.db"], "is no log's address"),
    ],
)
def test_a_wrong_use_is_told(args, says, log, tmp_path):
    ran = in_this_process("import", *[log.url if arg == "URL" else arg for arg in args], cwd=tmp_path)
    assert (ran.code, ran.out) == (2, b"")
    assert says in ran.err


# A whole log.


def test_an_imported_log_is_replayed_like_its_file(log):
    assert imported(log, CDNOW)["stored"] == 9276
    from_file = retention("replay", CDNOW, "--at", "1997-09-30", "--format", "json")
    from_log = retention("replay", log.url, "--at", "1997-09-30", "--format", "json")
    assert (from_file.code, from_log.code) == (0, 0), from_log.err
    assert json.loads(from_file.out)["version"] == VERSION
    assert len(json.loads(from_file.out)["clients"]) == 2357
    assert from_log.out == from_file.out


def test_a_bad_file_is_told_as_json_too(log, tmp_path):
    file = written(tmp_path / "log.jsonl", GOOD + NAIVE)
    ran = retention("import", file, "--log", log.url, "--format", "json")
    document = json.loads(ran.out)
    assert ran.code == 3
    assert (document["version"], document["applied"], document["read"], document["stored"]) == (VERSION, False, 2, 0)
    assert [told(problem["file"], problem) for problem in document["problems"]] == [(str(file), 2, "at", "naive-time")]
    assert len(ran.errors) == 1
