"""Logs that somebody else kept, through the real command: every client gets a verdict and no rule fails."""

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from retention_engine.rules import PACKS
from shared_folder import ROOT, SHARED, needs_shared

LEVELS = ["healthy", "unknown", "watch", "at-risk", "critical", "left"]
ALL_PACKS = tuple(option for pack in PACKS for option in ("--pack", pack))

COMPLETE_JOURNEY = (SHARED / "data" / "completejourney.jsonl.gz", "2017-10-01", 2_332)
RAVENSTACK = (SHARED / "data" / "ravenstack.jsonl.gz", "2024-06-01", 500)
CDNOW = (ROOT / "examples" / "cdnow" / "cdnow-sample.jsonl.gz", "1997-10-01", 2_357)
CDNOW_EARLY = (CDNOW[0], "1997-01-31", 781)

LOGS = [
    pytest.param(*COMPLETE_JOURNEY, id="completejourney", marks=needs_shared),
    pytest.param(*RAVENSTACK, id="ravenstack", marks=needs_shared),
    pytest.param(*CDNOW, id="cdnow"),
    pytest.param(*CDNOW_EARLY, id="cdnow-while-customers-still-come"),
]


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def first_events(log: Path, at: str) -> dict[str, datetime]:
    """Who is known by then and since when, counted on the lines themselves; none of these logs takes anything back."""
    since: dict[str, datetime] = {}
    with gzip.open(log, "rb") as stream:
        for line in stream:
            event = json.loads(line)
            assert event["kind"] in {"engaged", "complained", "resolved", "renewed", "profiled", "left"}
            happened = moment(event["at"])
            if happened <= moment(at):
                since[event["client"]] = min(happened, since.get(event["client"], happened))
    return since


@cache
def replayed(log: Path, at: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "retention_engine", "replay", str(log), "--at", at, "--format", "json", *options]
    done = subprocess.run(command, cwd=log.parent, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


@pytest.mark.parametrize("packs", [(), ALL_PACKS], ids=["essentials", "all-packs"])
@pytest.mark.parametrize(("log", "at", "known"), LOGS)
def test_a_real_log_is_replayed(log, at, known, packs):
    since = first_events(log, at)
    document = replayed(log, at, *packs)
    clients = document["clients"]
    assert len(clients) == known
    assert document["failures"] == []
    assert {client["client"]: moment(client["since"]) for client in clients} == since
    assert [client["client"] for client in clients] == sorted(since)
    for client in clients:
        levels = [LEVELS.index(concern["level"]) for concern in client["concerns"]]
        assert client["status"] == LEVELS[max(levels, default=0)]
        assert levels == sorted(levels, reverse=True)
        assert all(concern["because"] for concern in client["concerns"])
        assert not (client["status"] == "left" and client["actions"])
        assert [action["due"] for action in client["actions"]] == sorted(action["due"] for action in client["actions"])


@pytest.mark.parametrize(("log", "at", "known"), LOGS)
def test_more_packs_never_make_a_client_of_a_real_log_look_better(log, at, known):
    few = replayed(log, at)["clients"]
    many = replayed(log, at, *ALL_PACKS)["clients"]
    assert len(few) == len(many) == known
    for before, after in zip(few, many, strict=True):
        assert LEVELS.index(after["status"]) >= LEVELS.index(before["status"])
        assert {finding["rule"] for finding in before["concerns"]} <= {finding["rule"] for finding in after["concerns"]}
