"""Reading a log: events by client, line numbers, mistakes in order, and nothing but `InputError` from any file."""

import gzip
import json
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from given import events_of
from retention_engine import KINDS, Engaged, Event, gather, instant, read_log
from retention_engine.errors import EventError, InputError, Problem
from retention_engine.formats.jsonl import LogReader
from strategies import logs

GOOD = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01"}\n'
NAIVE = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01T09:00:00"}\n'


@pytest.fixture(scope="module")
def log_file(tmp_path_factory):
    """A file that each example of a property writes anew."""
    return tmp_path_factory.mktemp("logs") / "log.jsonl"


def problems_of(path: Path) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        read_log(str(path))
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return list(caught.value.problems)


@given(logs(), st.booleans(), st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n\t\n"]))
def test_a_file_holds_what_its_lines_hold(log_file, log, packed, end):
    content = end.join(json.dumps(line).encode() for line in log)
    log_file.write_bytes(gzip.compress(content) if packed else content)
    try:
        expected = gather(events_of(log))
    except EventError:
        assert problems_of(log_file)
    else:
        assert read_log(str(log_file)) == expected


def test_an_event_is_numbered_among_the_events_and_not_among_the_lines(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(b"\n" + GOOD + b"\n  \n" + GOOD.replace(b"acme", b"bolt") + GOOD)
    read = read_log(str(tmp_path / "log.jsonl"))
    assert {client: [event.ref for event in events] for client, events in read.items()} == {
        "acme": ["#1", "#3"],
        "bolt": ["#2"],
    }


def test_an_event_that_stands_twice_counts_once_as_it_was_first_known(tmp_path):
    line = '{"client": "acme", "kind": "engaged", "at": "2026-05-01", "id": "e1", "recorded_at": "2026-05-%s"}\n'
    (tmp_path / "log.jsonl").write_text(line % "09" + line % "03" + line % "05")
    (event,) = read_log(str(tmp_path / "log.jsonl"))["acme"]
    assert event.recorded_at == instant("2026-05-03")
    assert event.position == 1


# Any file.

LINES = {
    "blank": b"  ",
    "good": b'{"client": "acme", "kind": "engaged", "at": "2026-05-01"}',
    "e1": b'{"client": "acme", "kind": "engaged", "at": "2026-05-01", "id": "e1"}',
    "e1 changed": b'{"client": "acme", "kind": "engaged", "at": "2026-05-02", "id": "e1"}',
    "e1 of another": b'{"client": "bolt", "kind": "engaged", "at": "2026-05-02", "id": "e1"}',
    "retracts e1": b'{"client": "acme", "kind": "retracted", "at": "2026-05-03", "event": "e1"}',
    "bad-json": b"nothing",
    "naive-time": b'{"client": "acme", "kind": "engaged", "at": "2026-05-01T09:00:00"}',
    "missing-field": b"{}",
}
BAD = {"bad-json", "naive-time", "missing-field"}


@given(st.lists(st.sampled_from(sorted(LINES)), max_size=30))
@example(["e1 changed", "blank", "e1"])
@example(["blank", "retracts e1"])
def test_mistakes_are_told_with_their_lines_in_order(log_file, names):
    log_file.write_bytes(b"\n".join(LINES[name] for name in names))
    first = next((name for name in names if name in {"e1", "e1 changed"}), None)
    expected = [(line, name) for line, name in enumerate(names, start=1) if name in BAD]
    expected += [
        (line, "key-reused")
        for line, name in enumerate(names, start=1)
        if name in {"e1", "e1 changed"} and name != first
    ]
    if not expected and first is None:
        expected = [(line, "nothing-to-retract") for line, name in enumerate(names, start=1) if name == "retracts e1"]
    if expected:
        assert [(problem.line, problem.code) for problem in problems_of(log_file)] == sorted(expected)
    else:
        read = read_log(str(log_file))
        kept = [name for name in names if name in {"good", "retracts e1"}] + ([first] if first else [])
        assert len(read.get("acme", [])) == len(kept)


def only_histories_or_an_input_error(path: Path) -> None:
    try:
        read_log(str(path))
    except InputError as error:
        refusal = error
    else:
        return
    lines = [problem.line or 0 for problem in refusal.problems]
    assert lines == sorted(lines)
    assert all(problem.file == str(path) and problem.code and problem.message for problem in refusal.problems)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_log_or_refused(log_file, content):
    log_file.write_bytes(content)
    only_histories_or_an_input_error(log_file)


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_mark_of_gzip_are_refused(log_file, content):
    log_file.write_bytes(b"\x1f\x8b\x08" + content)
    only_histories_or_an_input_error(log_file)


PACKED = gzip.compress(GOOD + GOOD.replace(b"acme", b"bolt") * 20, mtime=0)


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_a_compressed_log_with_any_byte_changed_is_a_log_or_refused(log_file, place, change):
    log_file.write_bytes(PACKED[:place] + bytes([PACKED[place] ^ change]) + PACKED[place + 1 :])
    only_histories_or_an_input_error(log_file)


@given(st.integers(1, len(PACKED) - 1))
def test_a_compressed_log_that_ends_early_is_refused(log_file, size):
    log_file.write_bytes(PACKED[:size])
    assert problems_of(log_file)[-1].code in {"bad-gzip", "bad-json", "nul-character", "bad-utf-8"}


# Giving up, and going on.


@pytest.mark.parametrize(("bad", "told"), [(999, 999), (1_000, 1_001), (5_000, 1_001)])
def test_a_thousand_bad_lines_are_enough(tmp_path, bad, told):
    (tmp_path / "log.jsonl").write_bytes(NAIVE * bad + GOOD)
    problems = problems_of(tmp_path / "log.jsonl")
    assert len(problems) == told
    if told > bad or bad > 1_000:
        assert (problems[-1].line, problems[-1].code) == (1_000, "too-many")
        assert problems[-1].message == "gave up after 1,000 bad lines"


def test_a_reader_passes_over_what_it_cannot_read(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(GOOD + NAIVE + b"\n" + GOOD)
    reader = LogReader(str(tmp_path / "log.jsonl"))
    events = list(reader)
    assert [event.position for event in events] == [1, 3]
    assert [reader.line_of(event) for event in events] == [1, 4]
    assert [(problem.line, problem.code) for problem in reader.problems] == [(2, "naive-time")]


def test_a_kind_of_ones_own_is_read_where_it_is_named(tmp_path):
    @attrs.frozen(slots=False, kw_only=True)
    class Paid(Event):
        kind: ClassVar[str] = "acme.invoice_paid"

    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD.replace(b"engaged", b"acme.invoice_paid"))
    assert read_log(str(path), kinds=KINDS.adding(Paid)) == {"acme": [Paid(client="acme", at="2026-05-01")]}
    assert problems_of(path)[0].code == "unknown-kind"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("lines", [1, 1_999, 2_000, 7_001])
def test_progress_adds_up_to_the_size_of_the_file(tmp_path, pack, lines):
    path = tmp_path / "log.jsonl"
    path.write_bytes(pack(GOOD * lines))
    steps: list[int] = []
    read = read_log(str(path), progress=steps.append)
    assert len(read["acme"]) == lines
    assert sum(steps) == path.stat().st_size
    assert len(steps) == lines // 2_000 + 1
    assert min(steps) >= 0


def test_a_problem_prints_with_its_place_field_and_code():
    assert (
        str(Problem("a.jsonl", 3, "naive-time", "has no offset", "at")) == "a.jsonl:3: at: has no offset [naive-time]"
    )
    assert str(Problem("a.jsonl", None, "unreadable", "can't be read")) == "a.jsonl: can't be read [unreadable]"
    assert InputError([]).problems == ()


def test_events_of_a_file_are_the_events_that_are_built(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(GOOD)
    assert read_log(str(tmp_path / "log.jsonl")) == {"acme": [Engaged(client="acme", at="2026-05-01")]}
