"""The commands that make, fill, empty, check and copy a log: real processes, real files, and PostgreSQL for each once."""

import csv
import gzip
import io
import json
import os
import pty
import resource
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command import AT, RETENTION, Ran, environment, in_this_process, on_a_terminal, retention
from retention_engine import KINDS, Engaged, Event, encode
from retention_engine.formats.formulas import as_cell, as_text
from retention_engine.log import create_log, open_log
from retention_engine.log.copies import Copies
from strategies import events, texts

SENTINEL = "Zweigniederlassung"

EVENTS = """\
{"client": "acme", "kind": "profiled", "at": "2026-01-01", "id": "p1", "tier": "key", "name": "Zweigniederlassung"}
{"client": "acme", "kind": "engaged", "at": "2026-05-01T09:00:00Z", "id": "e1", "direction": "inbound", "our_view": 4}
{"client": "acme", "kind": "engaged", "at": "2026-05-03", "note": "Zweigniederlassung", "answers": {"refer": "no"}}
{"client": "bolt", "kind": "complained", "at": "2026-05-02", "id": "c1", "topic": "late", "severity": "major"}
{"client": "bolt", "kind": "resolved", "at": "2026-05-04", "complaint": "c1"}
"""


def done(*args: str | Path, **how: Any) -> str:
    """Run the command in a process of its own, and what it says where nothing is wrong."""
    ran = retention(*args, **how)
    assert (ran.code, ran.err) == (0, ""), ran.err
    return ran.text


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of an empty log in a file."""
    address = f"sqlite:///{tmp_path}/clients.db"
    create_log(address).close()
    return address


@pytest.fixture
def filled(url: str) -> str:
    """The address of a log with a few events."""
    done("import", "-", "--log", url, stdin=EVENTS.encode())
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def unmade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a log that is yet to be made."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/clients.db"
        return
    pytest.importorskip("psycopg", reason="needs psycopg")
    from postgres_server import fresh_schema, server_address

    with server_address() as server, fresh_schema(server) as address:
        yield address


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def events_of(url: str) -> list[Event]:
    with open_log(url) as log:
        return list(log.tail())


# All of them, on each store.


def test_a_log_is_made_filled_read_checked_emptied_of_a_client_and_written_out(unmade, tmp_path):
    assert done("init", unmade).startswith("Made the log ")
    assert done("init", unmade).endswith(" is a log already.\n")
    assert done("import", "-", "--log", unmade, stdin=EVENTS.encode()).startswith("Read 5 lines: 5 stored, 0 there")
    assert done("import", "-", "--log", unmade, stdin=EVENTS.encode()).startswith("Read 5 lines: 0 stored, 5 there")
    receipt = json.loads(done("record", unmade, "cole", "engaged", "--id", "x", *AT, "--format", "json"))
    assert {key: receipt[key] for key in ("client", "id", "new")} == {"client": "cole", "id": "x", "new": True}
    again = json.loads(done("record", unmade, "cole", "engaged", "--id", "x", *AT, "--format", "json"))
    assert again == receipt | {"new": False}
    assert json.loads(done("log", "verify", unmade, "--format", "json")) == {"version": 1, "events": 6, "flaws": []}

    before = statuses(unmade)
    assert json.loads(done("forget", unmade, "acme", "--yes", "--format", "json"))["events"] == 3
    assert SENTINEL not in done("export", unmade)
    assert statuses(unmade) == before

    done("export", unmade, "-o", tmp_path / "out.jsonl")
    copy = f"sqlite:///{tmp_path}/copy.db"
    done("init", copy)
    done("import", tmp_path / "out.jsonl", "--log", copy, "--recorded-at", "keep")
    assert done("export", copy) == done("export", unmade)


def statuses(url: str) -> list[tuple[Any, ...]]:
    clients = json.loads(done("replay", url, *AT, "--format", "json"))["clients"]
    return [(it["client"], it["status"], it["tier"], [c["rule"] for c in it["concerns"]]) for it in clients]


# init


def test_init_leaves_a_log_that_is_there_as_it_is(filled):
    before = file_of(filled).read_bytes()
    assert done("init", filled) == f"{file_of(filled)} is a log already.\n"
    assert file_of(filled).read_bytes() == before


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("clients.db", "is no log's address. Write sqlite:///clients.db"),
        ("memory://", "a log in memory goes with the program"),
        ("sqlite:///no/folder/clients.db", "can't be made: no such file or directory"),
        ("sqlite:///text.txt", "is no SQLite database"),
        ("sqlite:///", "is a folder"),
        ("mysql://localhost/clients", "is no log's address"),
    ],
)
def test_init_refuses_what_cannot_be_a_log(address, says, tmp_path):
    (tmp_path / "text.txt").write_text("This is a text, and no database of any kind.\n" * 40)
    ran = retention("init", address, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, b"")
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


# record

FIELDS_GIVEN = [
    ("engaged", ["purpose=review", "with=Ann,Bo"], {"purpose": "review", "with": ["Ann", "Bo"]}),
    ("engaged", ["with= Ann , Bo "], {"with": ["Ann", "Bo"]}),
    ("engaged", ['with=["Smith, Jones", "Bo"]'], {"with": ["Smith, Jones", "Bo"]}),
    ("engaged", ["with="], {}),
    (
        "engaged",
        ["asked=refer,quote", "answers.refer=no", "answers.quote=a = b"],
        {"asked": ["refer", "quote"], "answers": {"refer": "no", "quote": "a = b"}},
    ),
    ("engaged", ["exceeded=true", "our_view=5", "topic="], {"exceeded": True, "our_view": 5, "topic": ""}),
    ("engaged", ["exceeded=FALSE"], {}),
    (
        "renewed",
        ["value=1200.50", "currency=EUR", "term_end=2027-06-30"],
        {"term_end": "2027-06-30T00:00:00Z", "value": "1200.5", "currency": "EUR"},
    ),
    ("measured", ["measure=leads", "value=-3", "target=1e3"], {"measure": "leads", "value": "-3", "target": "1000"}),
    ("left", ["controllable=false", "reason=price"], {"reason": "price", "controllable": False}),
    ("profiled", ["cadence_days=30", "tier=key"], {"tier": "key", "cadence_days": 30}),
    (
        "judged",
        ["level=watch", "reason=x", "until=2026-07-01T09:00:00+02:00"],
        {"level": "watch", "reason": "x", "until": "2026-07-01T07:00:00Z"},
    ),
]


@pytest.mark.parametrize(
    ("kind", "fields", "said"), FIELDS_GIVEN, ids=lambda it: ",".join(it) if isinstance(it, list) else ""
)
def test_fields_are_read_as_their_kind_says(kind, fields, said, url):
    assert in_this_process("record", url, "acme", kind, *fields, *AT).code == 0
    line = json.loads(in_this_process("export", url).out)
    assert line.pop("recorded_at")
    assert line == {"client": "acme", "kind": kind, "at": "2026-06-30T00:00:00Z"} | said


def test_the_receipt_is_told_in_words(url):
    first = done("record", url, "acme", "engaged", "--id", "call-17", "--by", "jo", "--note", "fine", *AT)
    assert first == f"Recorded engaged call-17 of acme in {file_of(url)}, at position 1.\n"
    (event,) = events_of(url)
    assert (event.id, event.by, event.note) == ("call-17", "jo", "fine")
    assert (
        done("record", url, "acme", "engaged", *AT) == f"Recorded engaged of acme in {file_of(url)}, at position 2.\n"
    )


def test_the_same_event_again_is_there_already_and_another_with_its_id_is_refused(url):
    done("record", url, "acme", "engaged", "purpose=review", "--id", "e1", *AT)
    again = done("record", url, "acme", "engaged", "purpose=review", "--id", "e1", *AT)
    assert again == f"engaged e1 of acme is in {file_of(url)} already, at position 1.\n"
    ran = retention("record", url, "acme", "engaged", "purpose=idea", "--id", "e1", *AT)
    assert (ran.code, ran.out) == (3, b"")
    assert ran.errors == [
        "Error: id: 'e1' was used for another event of 'acme'. Give the new event another id, or retract the old one. [key-reused]"
    ]
    assert len(events_of(url)) == 1


def test_an_event_happened_now_unless_it_is_said_when(url):
    before = datetime.now(UTC) - timedelta(seconds=1)
    done("record", url, "acme", "engaged")
    (event,) = events_of(url)
    assert before <= event.at <= event.recorded_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["acme", "engagd"], "kind: nobody registered 'engagd'; did you mean 'engaged'? [unknown-kind]"),
        (["acme", "renewed", "valu=3"], "did you mean 'value'? [unknown-field]"),
        (
            ["acme", "renewed", "value=3,5"],
            "value: '3,5' is not a finite decimal number, such as 1200.50 [not-a-number]",
        ),
        (["acme", "renewed", "value="], "[not-a-number]"),
        (["acme", "renewed", "term_end=30.06.2027"], "term_end: '30.06.2027' is not an RFC 3339 instant"),
        (["acme", "engaged", "our_view=9"], "our_view: expected a whole number <= 5 [out-of-range]"),
        (["acme", "engaged", "our_view=5.0"], "our_view: expected a whole number, got '5.0' [wrong-type]"),
        (["acme", "engaged", "exceeded=yes"], "exceeded: expected true or false, got 'yes' [wrong-type]"),
        (["acme", "engaged", "depth=deep"], "depth: 'deep' is none of token, routine, meaningful"),
        (["acme", "engaged", "asked=refer,qoute"], "asked[1]: 'qoute' is none of how, start, stop, refer, quote"),
        (["acme", "engaged", "with=[Ann"], "with: a list that starts with [ has to be JSON"),
        (["acme", "engaged", "answers=no"], "answers: is an object; give its parts, such as answers.how [wrong-type]"),
        (["acme", "engaged", "answers.refr=no"], "answers: 'refr' is none of how, start, stop, refer, quote"),
        (["acme", "engaged", "purpose.x=no"], "[unknown-field]"),
        (["acme", "referred"], "direction: is missing, and must be given [missing-field]"),
        (["acme", "retracted", "event=e9"], "event: 'acme' has no event with the id 'e9' [nothing-to-retract]"),
        (["", "engaged"], "client: expected 1 to 200 characters, got nothing [empty]"),
        (["a\x1b[31mb", "engaged"], r"client: 'a\x1b[31mb' holds a control character; remove it [control-character]"),
        (["acme", "engaged", "--id", "x" * 201], "id: expected 1 to 200 characters, got 201 characters [too-long]"),
    ],
)
def test_an_event_that_is_not_valid_is_bad_input(args, says, url):
    ran = in_this_process("record", url, *args, *AT)
    assert (ran.code, ran.out) == (3, b"")
    (error,) = ran.errors
    assert says in error
    assert error.isprintable()
    assert ran.err.splitlines()[-1] == "Nothing was recorded."
    assert events_of(url) == []


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["acme"], "Missing argument 'KIND'"),
        (["acme", "engaged", "purpose"], "'purpose' is no FIELD=VALUE, such as purpose=review"),
        (["acme", "engaged", "=review"], "'=review' is no FIELD=VALUE"),
        (["acme", "engaged", "at=2026-06-30"], "at: give it as --at"),
        (["acme", "engaged", "note=x"], "note: give it as --note"),
        (["acme", "engaged", "client=x"], "client: give it as CLIENT"),
        (["acme", "engaged", "recorded_at=2026-06-30"], "recorded_at: the log says itself"),
        (["acme", "engaged", "with=Ann", "with=Bo"], "with: is given twice; put commas between the items of a list"),
        (["acme", "engaged", "--at", "yesterday"], "Invalid value for '--at'"),
    ],
)
def test_a_wrong_use_of_record_is_told(args, says, url):
    ran = in_this_process("record", url, *args)
    assert (ran.code, ran.out) == (2, b"")
    assert says in ran.err
    assert events_of(url) == []


@pytest.mark.parametrize(
    "args", [["record", "URL", "acme", "engaged"], ["log", "verify", "URL"], ["forget", "URL", "acme", "--yes"]]
)
def test_a_log_that_is_missing_is_not_made(args, tmp_path):
    ran = retention(*[f"sqlite:///{tmp_path}/none.db" if arg == "URL" else arg for arg in args])
    assert (ran.code, ran.out) == (2, b"")
    assert "Make one with `retention init`" in ran.err
    assert list(tmp_path.iterdir()) == []


# export


def test_an_export_is_exactly_what_was_stored(filled):
    lines = [json.loads(line) for line in done("export", filled).splitlines()]
    assert [line.pop("recorded_at")[:2] for line in lines] == ["20"] * 5
    given_lines = [json.loads(line) for line in EVENTS.splitlines()]
    for line in given_lines:
        line["at"] += "T00:00:00Z" * ("T" not in line["at"])
    assert lines == given_lines


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.JSONL.GZ", "out.csv.gz"])
def test_an_export_to_a_file_is_the_export_to_standard_output(name, filled, tmp_path):
    assert done("export", filled, "-o", tmp_path / name) == f"Wrote 5 events to {tmp_path / name}.\n"
    content = (tmp_path / name).read_bytes()
    plain = gzip.decompress(content) if name.lower().endswith(".gz") else content
    format_ = "csv" if ".csv" in name else "jsonl"
    assert plain.decode() == done("export", filled, "--format", format_)
    done("export", filled, "-o", tmp_path / f"again-{name}")
    assert (tmp_path / f"again-{name}").read_bytes() == content


def test_an_export_overwrites_nothing_and_leaves_nothing_half_done(filled, tmp_path):
    taken = tmp_path / "out.jsonl"
    taken.write_text("mine")
    ran = retention("export", filled, "-o", taken)
    assert (ran.code, taken.read_text()) == (2, "mine")
    assert "an export overwrites nothing" in ran.err
    ran = retention("export", filled, "-o", tmp_path / "no" / "out.jsonl")
    assert ran.code == 2
    assert "can't be written: no such file or directory" in ran.err
    ran = retention("export", f"sqlite:///{tmp_path}/none.db", "-o", tmp_path / "new.jsonl")
    assert ran.code == 2
    assert not (tmp_path / "new.jsonl").exists()


def test_an_export_for_which_there_is_no_room_leaves_no_file(tmp_path):
    (tmp_path / "log.jsonl").write_text(EVENTS * 100)
    for name in ("new.jsonl", "new.csv.gz"):
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100, 100))
        ran = retention("export", "log.jsonl", "-o", name, cwd=tmp_path, preexec_fn=limit)
        assert (ran.code, ran.out) == (2, b"")
        assert f"{name} can't be written: file too large" in ran.err
        assert not (tmp_path / name).exists()


def test_an_export_into_a_pipe_that_nobody_reads_on_ends_in_silence(url, tmp_path):
    with open_log(url) as log:
        log.record_many([Engaged(client="acme", at="2026-05-01", note="x" * 1_000) for _ in range(1_000)])
    command = f"{shlex.join(RETENTION)} export {url} | head -c 1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, env=environment(), check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (141, b"{", b"")


def test_an_export_of_a_damaged_log_leaves_no_file(filled, tmp_path):
    damage(file_of(filled))
    ran = retention("export", filled, "-o", tmp_path / "new.jsonl")
    assert ran.code == 2
    assert "is damaged" in ran.err
    assert not (tmp_path / "new.jsonl").exists()


def test_a_file_can_be_exported_too_and_a_bad_one_is_refused(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text(EVENTS)
    done("export", file, "-o", tmp_path / "log.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "log.csv").read_text())))
    assert [row["client"] for row in rows] == ["acme", "acme", "acme", "bolt", "bolt"]
    assert list(rows[0]) == [
        *("client", "kind", "at", "id", "note", "direction", "answers.refer", "our_view", "topic", "severity"),
        *("complaint", "name", "tier"),
    ]
    file.write_text(EVENTS + "nonsense\n")
    ran = retention("export", file, "-o", tmp_path / "bad.csv")
    assert (ran.code, ran.out) == (3, b"")
    assert ran.err.splitlines()[-1].startswith("Nothing was exported.")
    assert not (tmp_path / "bad.csv").exists()


def test_an_exported_table_harms_no_spreadsheet(url, tmp_path):
    for number, note in enumerate(["=1+1", "+49 30", "-5", "@x", "'=1", "plain", "-x"]):
        done("record", url, "acme", "engaged", "--note", note, "--id", str(number), *AT)
    rows = list(csv.DictReader(io.StringIO(done("export", url, "--format", "csv"))))
    assert [row["note"] for row in rows] == ["'=1+1", "'+49 30", "-5", "'@x", "''=1", "plain", "'-x"]


@given(st.text(st.sampled_from("'= +-@\t\r\n5.x")) | texts)
def test_what_is_made_harmless_is_restored(text):
    cell = as_cell(text)
    assert as_text(cell) == text
    assert not cell.lstrip(" ").startswith(("=", "@", "\t", "\r", "\n"))
    if cell.lstrip(" ").startswith(("+", "-")):
        assert float(cell) is not None


@st.composite
def stored(draw: st.DrawFn) -> list[Event]:
    """Events as a log may hold them: ids used once a client, equal ones without an id, retractions of what is there."""
    found: dict[tuple[str, str | None, int], Event] = {}
    drawn = draw(st.lists(events(), max_size=8))
    for place, event in enumerate([*drawn, *draw(st.lists(st.sampled_from(drawn), max_size=3))] if drawn else []):
        if event.kind != "retracted":
            found.setdefault((event.client, event.id, 0 if event.id else place), event)
    named = [event for event in found.values() if event.id]
    retracted = [
        KINDS["retracted"](client=event.client, at=event.at, event=event.id, recorded_at=event.recorded_at)
        for event in (draw(st.lists(st.sampled_from(named), max_size=2)) if named else [])
    ]
    return [*found.values(), *retracted]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.csv.gz"])
@given(history=stored())
@settings(max_examples=60)
def test_an_import_of_an_export_is_an_equal_log(name, history):
    with tempfile.TemporaryDirectory() as folder:
        first, second = (f"sqlite:///{folder}/{name}.db" for name in ("first", "second"))
        with create_log(first) as log, Copies() as copies, log.appending() as appending:
            for event in history:
                appending.append([(event, copies.key_of(event))])
        assert in_this_process("init", second).code == 0
        assert in_this_process("export", first, "-o", Path(folder, name)).code == 0
        ran = in_this_process("import", Path(folder, name), "--log", second, "--recorded-at", "keep")
        assert (ran.code, ran.err) == (0, "")
        assert list(map(encode, events_of(second))) == list(map(encode, history))
        assert list(map(encode, events_of(first))) == list(map(encode, history))
        again = in_this_process("import", Path(folder, name), "--log", second, "--recorded-at", "keep")
        assert again.text.startswith(f"Read {'1 line' if len(history) == 1 else f'{len(history)} lines'}: 0 stored, ")


# log verify


def damage(path: Path) -> None:
    """Turn over one bit of the second event's text."""
    content = bytearray(path.read_bytes())
    content[content.index(b'"our_view":4') + 2] ^= 1
    path.write_bytes(content)


def test_a_sound_log_is_said_to_be_one(filled):
    assert done("log", "verify", filled) == f"{file_of(filled)}: 5 events, all as they were stored\n"


def test_a_flipped_bit_is_found_with_its_place(filled):
    damage(file_of(filled))
    ran = retention("log", "verify", filled)
    assert ran.code == 3
    assert ran.text.startswith("position 2: event 2 of client 'acme' is damaged")
    assert ran.text.splitlines()[0].endswith(" [damaged]")
    assert ran.text.endswith(": 5 events, 1 flawed\n")
    assert ran.err == "Restore the latest backup, and import what was recorded since.\n"
    ran = retention("log", "verify", filled, "--format", "json")
    assert ran.code == 3
    (flaw,) = json.loads(ran.out)["flaws"]
    assert (flaw["code"], flaw["position"]) == ("damaged", 2)


def test_a_log_that_was_cut_off_is_a_flaw_and_no_failure(filled):
    content = file_of(filled).read_bytes()
    file_of(filled).write_bytes(content[: len(content) // 2])
    ran = retention("log", "verify", filled)
    assert ran.code == 3
    assert "is damaged" in ran.text
    assert json.loads(retention("log", "verify", filled, "--format", "json").out)["flaws"][0]["code"] == "database"


# log backup


def test_a_backup_is_a_log_with_the_same_events(filled, tmp_path):
    copy = tmp_path / "copy.db"
    assert done("log", "backup", filled, copy) == f"Copied the log to {copy}.\n"
    assert done("export", f"sqlite:///{copy}") == done("export", filled)
    done("log", "verify", f"sqlite:///{copy}")
    before = copy.read_bytes()
    ran = retention("log", "backup", filled, copy)
    assert (ran.code, copy.read_bytes()) == (2, before)
    assert "a backup overwrites nothing" in ran.err


# forget


def on_a_keyboard(*args: str | Path, typed: str) -> Ran:
    """Run the command with its input on a terminal, where somebody types."""
    screen, keyboard = pty.openpty()
    os.write(screen, typed.encode())
    ran = subprocess.run([*RETENTION, *args], stdin=keyboard, capture_output=True, env=environment(), check=False)
    os.close(screen)
    os.close(keyboard)
    return Ran(ran.returncode, ran.stdout, ran.stderr.decode())


def test_forgetting_removes_the_text_from_the_files_bytes_and_says_what_it_cannot_reach(filled):
    path = file_of(filled)
    assert SENTINEL.encode() in path.read_bytes()
    text = done("forget", filled, "acme", "--yes")
    assert text.startswith("Rewrote 3 events of acme. Kinds, instants, numbers, ids and words out of a list stay")
    for place in ("backups", "exports", "imported from", "write-ahead", "the client's id"):
        assert place in text
    assert not any(SENTINEL.encode() in file.read_bytes() for file in path.parent.iterdir())
    kept = [json.loads(line) for line in done("export", filled).splitlines()]
    assert [(it["client"], it["kind"], it.get("note"), it.get("topic")) for it in kept] == [
        ("acme", "profiled", None, None),
        ("acme", "engaged", None, None),
        ("acme", "engaged", None, None),
        ("bolt", "complained", None, "late"),
        ("bolt", "resolved", None, None),
    ]
    assert kept[1]["our_view"] == 4
    assert kept[2]["answers"] == {"refer": "no"}


def test_forgetting_asks_first(filled):
    ran = on_a_keyboard("forget", filled, "acme", typed="n\n")
    assert ran.code == 1
    assert "Remove all free text from the 3 events of 'acme', for good? [y/N]" in ran.err
    assert SENTINEL in done("export", filled)
    ran = on_a_keyboard("forget", filled, "acme", typed="y\n")
    assert ran.code == 0
    assert SENTINEL not in done("export", filled)


def test_forgetting_without_anybody_to_ask_needs_a_word(filled):
    ran = retention("forget", filled, "acme")
    assert (ran.code, ran.out) == (2, b"")
    assert "say --yes" in ran.err
    assert SENTINEL in done("export", filled)


@pytest.mark.parametrize("options", [[], ["--yes"]])
def test_who_is_not_in_the_log_cannot_be_forgotten(options, filled):
    ran = retention("forget", filled, "acmee", *options)
    assert (ran.code, ran.out) == (2, b"")
    assert "has no event of the client 'acmee'" in ran.err


def test_a_second_import_does_not_bring_back_what_was_forgotten(url, tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text('{"client": "acme", "kind": "engaged", "at": "2026-05-03", "note": "Zweigniederlassung"}\n' * 2)
    done("import", file, "--log", url)
    done("forget", url, "acme", "--yes")
    assert done("import", file, "--log", url) == "Read 2 lines: 0 stored, 2 there already, 0 set aside.\n"
    with_id = tmp_path / "with-id.jsonl"
    with_id.write_text(EVENTS)
    done("import", with_id, "--log", url)
    done("forget", url, "acme", "--yes")
    ran = retention("import", with_id, "--log", url)
    assert ran.code == 3
    assert all("[key-reused]" in error for error in ran.errors)
    assert SENTINEL not in done("export", url)


# On a terminal.


def test_an_import_shows_how_far_it_is_on_a_terminal_alone(url, tmp_path):
    line = '{"client": "acme", "kind": "engaged", "at": "2026-05-03", "note": "%s"}\n' % ("x" * 200)
    (tmp_path / "log.jsonl").write_text(line * 4_000)
    ran = on_a_terminal("import", "log.jsonl", "--log", url, cwd=tmp_path, streams=("stderr",))
    assert ran.code == 0
    assert b"Importing" in ran.out
    assert b"100%" in ran.out
    assert ran.err == "Read 4,000 lines: 4,000 stored, 0 there already, 0 set aside.\n"
    again = done("import", tmp_path / "log.jsonl", "--log", url)
    assert again == "Read 4,000 lines: 0 stored, 4,000 there already, 0 set aside.\n"
