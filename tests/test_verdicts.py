"""Verdicts for other programs: one document as JSON, JSON lines and CSV, exact where it is JSON and harmless in CSV."""

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from given import EVERYTHING, assessed, events_of
from retention_engine import (
    BUILT_IN,
    Action,
    BoundRule,
    Client,
    Concern,
    Engine,
    Health,
    gather,
    instant,
    replay,
    rule,
)
from retention_engine.errors import EventError
from retention_engine.formats.verdicts import (
    CSV_COLUMNS,
    as_csv,
    as_json,
    as_jsonl,
    change_view,
    client_view,
    replay_document,
)
from strategies import instants, logs, names, texts

AT = instant("2026-06-30")
AHEAD = timedelta(days=7)

LOG = [
    {"client": "acme", "kind": "profiled", "at": "2026-01-01", "name": "Acme Ltd", "tier": "key", "owner": "jo"},
    {"client": "acme", "kind": "engaged", "at": "2026-06-28", "id": "e1"},
    {"client": "acme", "kind": "complained", "at": "2026-06-20", "id": "c1"},
    {"client": "bolt", "kind": "engaged", "at": "2026-06-29"},
    {"client": "gone", "kind": "left", "at": "2026-06-01", "id": "l1"},
    {"client": "kept", "kind": "engaged", "at": "2026-01-01"},
    {
        "client": "kept",
        "kind": "judged",
        "at": "2026-06-01",
        "level": "watch",
        "reason": "We met.",
        "until": "2026-07-15",
    },
]


def document_of(log, engine=None, **how):
    read = gather(events_of(log))
    options = {"at": AT, "known_at": None, "ahead": AHEAD} | how
    engine = engine or Engine(BoundRule(one) for one in BUILT_IN if "essentials" in one.packs)
    found = replay(read, engine, at=options["at"], known_at=options["known_at"])
    return replay_document(found, **options)


def rows_of(document):
    return list(csv.DictReader(io.StringIO(b"".join(as_csv(document)).decode(), newline="")))


def test_the_document_is_that_of_the_contract():
    document = json.loads(as_json(document_of(LOG)))
    assert list(document) == ["version", "at", "clients", "failures"]
    assert (document["version"], document["at"], document["failures"]) == (1, "2026-06-30T00:00:00Z", [])
    acme, bolt, gone, kept = document["clients"]
    assert acme == {
        "client": "acme",
        "name": "Acme Ltd",
        "tier": "key",
        "owner": "jo",
        "since": "2026-01-01T00:00:00Z",
        "status": "at-risk",
        "concerns": [
            {
                "rule": "open-complaint",
                "level": "at-risk",
                "starts": "2026-06-21T00:00:00Z",
                "until": None,
                "about": "c1",
                "because": ["c1"],
                "message": acme["concerns"][0]["message"],
            }
        ],
        "actions": [
            {
                "id": acme["actions"][0]["id"],
                "rule": "open-complaint",
                "due": "2026-06-21T00:00:00Z",
                "about": "c1",
                "because": ["c1"],
                "message": acme["actions"][0]["message"],
            }
        ],
    }
    assert bolt == {
        "client": "bolt",
        "name": None,
        "tier": "standard",
        "owner": None,
        "since": "2026-06-29T00:00:00Z",
        "status": "healthy",
        "concerns": [],
        "actions": [],
    }
    assert (gone["status"], gone["actions"]) == ("left", [])
    assert [concern["rule"] for concern in gone["concerns"]] == ["departed-client"]
    assert kept["status"] == "watch"


def test_a_persons_verdict_stands_beside_what_the_rules_say():
    *_, kept = document_of(LOG)["clients"]
    assert {key: kept["judged"][key] for key in ("level", "reason", "until", "because", "computed")} == {
        "level": "watch",
        "reason": "We met.",
        "until": "2026-07-15T00:00:00Z",
        "because": ["#7"],
        "computed": "at-risk",
    }
    assert kept["concerns"]


def test_what_was_known_when_is_named_only_where_it_was_asked():
    assert "known_at" not in document_of(LOG)
    assert document_of(LOG, known_at=AT)["known_at"] == "2026-06-30T00:00:00Z"


def test_json_is_indented_utf_8_and_ends_a_line():
    content = as_json({"name": "Zoë"})
    assert content == '{\n  "name": "Zoë"\n}\n'.encode()


@given(logs(), instants)
def test_the_lines_hold_what_the_document_holds(log, at):
    try:
        document = document_of(log, EVERYTHING, at=at)
    except EventError:
        return
    lines = [json.loads(line) for line in as_jsonl(document)]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in as_jsonl(document))
    for line, client in zip(lines, document["clients"], strict=True):
        assert line == {"version": 1, "at": document["at"], **client, "failures": []}


@given(logs(), instants)
def test_the_rows_hold_what_the_document_holds(log, at):
    try:
        document = document_of(log, EVERYTHING, at=at)
    except EventError:
        return
    rows = rows_of(document)
    expected = [
        (client["client"], what, finding.get("rule", ""), finding.get("level", ""), finding.get("due", ""))
        for client in document["clients"]
        for what, finding in (
            [("concern", concern) for concern in client["concerns"]]
            + [("action", action) for action in client["actions"]]
            or [("", {})]
        )
    ]
    assert [(row["client"], row["finding"], row["rule"], row["level"], row["due"]) for row in rows] == expected


def test_the_table_has_a_heading_and_a_row_for_a_client_without_findings():
    content = b"".join(as_csv(document_of(LOG))).decode()
    assert content.startswith(",".join(CSV_COLUMNS) + "\r\n")
    assert "\r\nbolt,,standard,,2026-06-29T00:00:00Z,healthy,,,,,,,,,,\r\n" in content
    assert b"".join(as_csv(document_of([]))).decode() == ",".join(CSV_COLUMNS) + "\r\n"


def test_several_events_behind_a_finding_share_a_cell():
    log = [{"client": "acme", "kind": "complained", "at": f"2026-06-2{day}", "id": f"c{day}"} for day in range(3)]
    row = next(row for row in rows_of(document_of(log)) if row["rule"] == "repeated-complaints")
    assert row["because"] == "c0 c1 c2"


# Hostile names.

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "  =1+1",
    "\x1b[31mred\x1b[0m",
    "a\u202eb",
    "\u2066x",
    'quote " comma , semicolon ;',
    "[red]x[/red]",
    "two\nlines",
    "tab\tand\rreturn",
    "\x9b31m",
    "NULL",
    "'=1",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_exact_in_json_and_harmless_in_csv(name):
    log = [{"client": "acme", "kind": "profiled", "at": "2026-06-29", "name": name, "owner": name}]
    document = document_of(log)
    (client,) = json.loads(as_json(document))["clients"]
    assert (client["name"], client["owner"]) == (name, name)
    (line,) = as_jsonl(document)
    assert json.loads(line)["name"] == name
    (row,) = rows_of(document)
    assert row["name"] == row["owner"]
    assert_harmless(row["name"])


def assert_harmless(cell):
    start = cell.lstrip(" ")[:1]
    assert start not in {"=", "@", "\t", "\r", "\n"}
    if start in {"+", "-"}:
        float(cell)
    assert all(char.isprintable() or char.isspace() or char in "\u200c\u200d" for char in cell)


@given(st.lists(st.builds(lambda a, b: a + b, st.sampled_from(["", *HOSTILE]), names), min_size=1, max_size=3), texts)
def test_no_cell_is_a_formula_or_steers_a_terminal(clients, text):
    log = [
        {"client": client[:200], "kind": "profiled", "at": "2026-06-29", "name": text, "owner": text}
        for client in clients
    ]
    try:
        document = document_of(log)
    except EventError:
        return
    rows = rows_of(document)
    assert len(rows) == len(document["clients"])
    for row in rows:
        for cell in row.values():
            assert_harmless(cell)


def test_plain_names_and_numbers_are_left_as_they_are():
    for name in ("Zoë & Söhne", "クライアント", "O'Neill", "-5", "+1.5", "a=b", "x@y.example", "株式会社\u3000山田"):
        (row,) = rows_of(document_of([{"client": name, "kind": "engaged", "at": "2026-06-29"}]))
        assert row["client"] == name


# Rules that fail.


@rule
def broken(client: Client):
    """It does not work."""
    yield Concern(Health.WATCH, starts=client.since, because=client.first)
    raise ValueError(f"no \x1b[31m luck with {client.id}")


@rule
def picky(client: Client):
    """It works for some."""
    if client.id == "bolt":
        raise KeyError("bolt")
    yield Action("Call them.", due=client.since, because=client.first)


def test_a_failure_stands_beside_the_verdicts_of_its_client_alone():
    document = document_of(LOG, Engine([broken, picky]))
    clients = [client["client"] for client in document["clients"]]
    assert clients == ["acme", "bolt", "gone", "kept"]
    assert [(failure["rule"], failure["client"]) for failure in document["failures"]] == [
        ("broken", "acme"),
        ("broken", "bolt"),
        ("picky", "bolt"),
        ("broken", "gone"),
        ("broken", "kept"),
    ]
    assert document["clients"][1]["status"] == "unknown"
    assert document["failures"][0]["cause"].startswith("ValueError: no \x1b[31m luck with acme (")
    lines = {line["client"]: line for line in map(json.loads, as_jsonl(document))}
    assert [failure["rule"] for failure in lines["bolt"]["failures"]] == ["broken", "picky"]
    assert [failure["rule"] for failure in lines["kept"]["failures"]] == ["broken"]


def test_a_client_can_be_viewed_alone_and_however_far_ahead():
    found = assessed(gather(events_of(LOG)), AT)["acme"]
    near, far = client_view(found, AHEAD), client_view(found, timedelta.max)
    assert near["client"] == "acme"
    assert {action["rule"] for action in near["actions"]} < {action["rule"] for action in far["actions"]}
    assert len(far["actions"]) == len(found.actions)


def test_a_change_comes_with_what_is_behind_it():
    found = assessed(
        gather(events_of(LOG)), AT, engine=Engine([BoundRule(one) for one in BUILT_IN if one.name == "quiet-client"])
    )
    change = found["bolt"].next_change
    assert change is not None
    view = change_view(change)
    assert (view["at"], view["before"], view["after"]) == ("2026-09-27T00:00:00Z", "healthy", "watch")
    assert [(concern["rule"], concern["starts"], concern["because"]) for concern in view["because"]] == [
        ("quiet-client", "2026-09-27T00:00:00Z", ["#4"])
    ]
