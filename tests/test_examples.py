"""The examples say what the engine says: the agency rule by rule, the READMEs command by command."""

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from doc_examples import document
from retention_engine.rules import BUILT_IN, PACKS
from shared_folder import ROOT, SHARED, needs_shared

EXAMPLES = ROOT / "examples"
AGENCY = EXAMPLES / "agency"
CDNOW = EXAMPLES / "cdnow"
CDNOW_LOG = CDNOW / "cdnow-sample.jsonl.gz"
MOMENT = "2026-06-30"

Condition = Callable[[dict[str, Any]], bool]

STATUSES = {
    "fern": "healthy",
    "kiln": "healthy",
    "mill": "unknown",
    "crumb": "watch",
    "lumen": "watch",
    "pike": "watch",
    "harbour": "at-risk",
    "north": "at-risk",
    "quarry": "at-risk",
    "tram": "at-risk",
    "clinic": "critical",
    "orchard": "left",
}

# For each rule: the clients in which it finds something, some in which it finds nothing, and what those have in the log
# all the same, so that their silence is a verdict and not a lack of events.
RULES: dict[str, tuple[set[str], set[str], Condition]] = {
    "quiet-client": ({"harbour"}, {"fern", "kiln"}, lambda it: it.get("purpose") == "appreciation"),
    "unheard-client": ({"mill"}, {"fern", "pike"}, lambda it: it.get("direction") == "inbound"),
    "one-way-contact": ({"pike"}, {"mill", "fern"}, lambda it: it.get("purpose") in {"idea", "resource"}),
    "handoff-gap": ({"lumen"}, {"mill", "quarry"}, lambda it: it["kind"] == "renewed"),
    "complacent-service": ({"crumb"}, {"harbour", "kiln"}, lambda it: it.get("purpose") == "delivery"),
    "no-introduction": ({"crumb", "pike"}, {"fern", "quarry"}, lambda it: it["kind"] == "introduced"),
    "no-referral-given": ({"crumb", "quarry"}, {"fern", "clinic"}, lambda it: it.get("direction") == "given"),
    "unthanked-client": ({"crumb", "tram"}, {"fern", "kiln"}, lambda it: it.get("purpose") == "appreciation"),
    "open-complaint": ({"clinic"}, {"pike", "tram"}, lambda it: it["kind"] == "complained"),
    "repeated-complaints": ({"tram"}, {"pike"}, lambda it: it["kind"] == "complained"),
    "silent-renewal": ({"quarry"}, {"fern", "pike"}, lambda it: "term_end" in it),
    "lapsed-term": ({"orchard"}, {"kiln"}, lambda it: it.get("term_end", MOMENT) < MOMENT),
    "departed-client": ({"orchard"}, {"kiln"}, lambda it: it["kind"] == "left"),
    "unagreed-expectations": ({"lumen"}, {"fern", "kiln"}, lambda it: it.get("purpose") == "expectations"),
    "unwilling-to-refer": ({"north"}, {"fern", "clinic"}, lambda it: "refer" in it.get("answers", {})),
    "missed-measure": ({"north"}, {"fern"}, lambda it: it["kind"] == "measured" and it["value"] < it["target"]),
}


def replayed(folder: Path, log: str, *options: str) -> dict[str, dict[str, Any]]:
    """What the command finds, by client."""
    command = [sys.executable, "-m", "retention_engine", "replay", log, *options, "--format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return {client["client"]: client for client in json.loads(done.stdout)["clients"]}


def lines(log: Path) -> list[dict[str, Any]]:
    raw = gzip.decompress(log.read_bytes()) if log.suffix == ".gz" else log.read_bytes()
    return [json.loads(line) for line in raw.splitlines()]


def firing(verdict: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in (*verdict["concerns"], *verdict["actions"])}


@pytest.fixture(scope="module")
def agency() -> dict[str, dict[str, Any]]:
    return replayed(AGENCY, "log.jsonl", "--at", MOMENT)


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return lines(AGENCY / "log.jsonl")


def test_the_agency_has_a_client_for_every_status(agency):
    assert {name: verdict["status"] for name, verdict in agency.items()} == STATUSES
    assert set(STATUSES.values()) == {"healthy", "unknown", "watch", "at-risk", "critical", "left"}


def test_every_built_in_rule_is_in_the_story():
    assert RULES.keys() == {rule.name for rule in BUILT_IN}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_something_in_the_clients_of_its_story_and_in_no_other(agency, rule):
    finds, _, _ = RULES[rule]
    assert {name for name, verdict in agency.items() if rule in firing(verdict)} == finds


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_silent_about_clients_who_have_such_events(agency, events, rule):
    _, is_silent, relevant = RULES[rule]
    assert is_silent
    assert not any(rule in firing(agency[name]) for name in is_silent)
    assert is_silent <= {event["client"] for event in events if relevant(event)}


def test_one_client_has_three_complaints_that_do_not_pile_up(events):
    complaints = [event for event in events if event["kind"] == "complained"]
    assert sum(event["client"] == "pike" for event in complaints) == 3
    assert sum(event["client"] == "tram" for event in complaints) == 3


@pytest.mark.parametrize(
    ("client", "status_by_default", "rule"),
    [("quarry", "healthy", "silent-renewal"), ("kiln", "watch", "quiet-client")],
)
def test_the_settings_of_the_agency_make_a_difference(client, status_by_default, rule, agency, tmp_path):
    (tmp_path / "log.jsonl").write_bytes((AGENCY / "log.jsonl").read_bytes())
    packs = [option for pack in PACKS for option in ("--pack", pack)]
    by_default = replayed(tmp_path, "log.jsonl", "--at", MOMENT, *packs)
    assert by_default[client]["status"] == status_by_default
    assert (rule in firing(agency[client])) != (rule in firing(by_default[client]))


def test_a_snoozed_action_stays_away_until_its_day_and_a_dismissed_one_for_good(agency):
    later = replayed(AGENCY, "log.jsonl", "--at", "2026-07-31")
    assert "no-referral-given" not in firing(agency["clinic"]) | firing(agency["mill"]) | firing(later["mill"])
    assert "no-referral-given" in firing(later["clinic"])


def test_a_late_complaint_is_seen_where_nothing_is_hidden():
    hindsight = replayed(AGENCY, "log.jsonl", "--at", "2026-06-25")
    known_then = replayed(AGENCY, "log.jsonl", "--at", "2026-06-25", "--known-at", "2026-06-25")
    assert (hindsight["clinic"]["status"], known_then["clinic"]["status"]) == ("watch", "healthy")


def test_a_verdict_of_a_person_lasts_until_its_end():
    on_trial = replayed(AGENCY, "log.jsonl", "--at", "2026-04-29")
    after = replayed(AGENCY, "log.jsonl", "--at", "2026-04-30")
    assert (on_trial["kiln"]["status"], after["kiln"]["status"]) == ("watch", "healthy")
    assert on_trial["kiln"]["judged"]["because"] == ["kiln-on-trial"]


def test_the_log_is_in_order_of_time_and_its_ids_name_their_clients(events):
    moments = [datetime.fromisoformat(event["at"]) for event in events]
    assert moments == sorted(moments)
    assert moments[-1] - moments[0] < timedelta(days=366)
    assert len({event["id"] for event in events}) == len(events)
    assert all(event["id"].startswith(f"{event['client']}-") for event in events)
    assert {event["tier"] for event in events if "tier" in event} == {"key", "standard", "seasonal"}
    assert {event["by"] for event in events} == {"jo", "sam", "mia"}


def test_the_readme_of_the_agency_knows_its_log(events):
    readme = (AGENCY / "README.md").read_text(encoding="utf-8")
    assert f"{len(events)} events" in " ".join(readme.split())
    named = re.findall(r"`([a-z]+(?:-[a-z]+)+)`", readme)
    ids = {event["id"] for event in events}
    assert set(named) <= ids
    late = {event["id"] for event in events if "recorded_at" in event}
    assert late == {"clinic-form-leak", "tram-poster-date", "orchard-gone", "kiln-gone"}
    assert late <= set(named)
    retracted = [event["id"] for event in events if event["kind"] == "retracted"]
    assert retracted == ["harbour-no-june-call"]


def test_the_readme_of_the_agency_introduces_every_client(agency):
    readme = (AGENCY / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (\w+), (\w+) \| .+ \| (\S+) \|$", readme, re.MULTILINE)
    introduced = {client: tuple(rest) for client, *rest in rows}
    assert introduced == {
        name: tuple(verdict[field] for field in ("name", "tier", "owner", "status")) for name, verdict in agency.items()
    }


@pytest.mark.parametrize("folder", [AGENCY, CDNOW], ids=lambda folder: folder.name)
def test_the_commands_of_a_readme_print_what_it_says(folder, monkeypatch):
    monkeypatch.chdir(folder)
    examples = list(document(folder / "README.md"))
    assert examples
    for example in examples:
        example.evaluate()


def test_the_cdnow_readme_counts_who_bought_again():
    verdicts = replayed(CDNOW, CDNOW_LOG.name, "--at", "1997-10-01")
    bought_again = {
        event["client"] for event in lines(CDNOW_LOG) if event["kind"] == "engaged" and event["at"] > "1997-10-01"
    }
    readme = (CDNOW / "README.md").read_text(encoding="utf-8")
    for status in ("healthy", "watch", "at-risk"):
        clients = {name for name, verdict in verdicts.items() if verdict["status"] == status}
        returned = len(clients & bought_again)
        share = round(100 * returned / len(clients))
        assert f"| {status} | {len(clients):,} | {returned:,} ({share}%) |\n" in readme
    assert {rule for verdict in verdicts.values() for rule in firing(verdict)} == {"quiet-client", "unheard-client"}


@needs_shared
def test_the_shipped_log_is_the_one_that_may_ship():
    assert CDNOW_LOG.read_bytes() == (SHARED / "data" / CDNOW_LOG.name).read_bytes()


def test_the_program_that_embeds_the_engine_runs():
    done = subprocess.run([sys.executable, EXAMPLES / "embed.py"], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == (
        "Acme Ltd: watch\n"
        "  watch: An invoice is not paid. (late-payer, since 2026-05-30)\n"
        "  by 2026-05-30: Ask whether something is wrong. (late-payer)\n"
        "  2026-07-12: watch becomes at-risk, if nothing else happens\n"
    )
    assert not done.stderr
