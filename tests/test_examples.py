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
from retention_engine.book_rules import BOOK_RULES
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
    "cove": "watch",
    "crumb": "watch",
    "lumen": "watch",
    "pike": "watch",
    "vale": "watch",
    "vine": "watch",
    "harbour": "at-risk",
    "loft": "at-risk",
    "north": "at-risk",
    "quarry": "at-risk",
    "tram": "at-risk",
    "clinic": "critical",
    "orchard": "left",
}


def purpose(*names: str) -> Condition:
    return lambda it: it.get("purpose") in names


def kind(name: str) -> Condition:
    return lambda it: it["kind"] == name


def answered(question: str) -> Condition:
    return lambda it: question in it.get("answers", {})


def carries(field: str) -> Condition:
    return lambda it: field in it


def at_a_meeting(it: dict[str, Any]) -> bool:
    return it.get("channel") in {"meeting", "visit"}


def complained_seriously(it: dict[str, Any]) -> bool:
    return it.get("severity") in {"major", "critical"}


def missed(it: dict[str, Any]) -> bool:
    return it["kind"] == "measured" and it["value"] < it["target"]


def gave_advice_or_delivered(it: dict[str, Any]) -> bool:
    return it.get("purpose") in {"advice", "delivery"}


def helped(it: dict[str, Any]) -> bool:
    return it["kind"] == "introduced" or it.get("direction") == "given"


def criticised(it: dict[str, Any]) -> bool:
    return it.get("answers", {}).get("stop", "nothing") != "nothing"


# Pack by pack, for each rule: the clients in which it finds something, some in which it finds nothing, and what those
# have in the log all the same, so that their silence is a verdict and not a lack of events. A rule of several packs
# stands in that whose story it tells here.
STORIES: dict[str, dict[str, tuple[set[str], set[str], Condition]]] = {
    "essentials": {
        "quiet-client": ({"harbour"}, {"fern", "kiln"}, purpose("appreciation")),
        "unheard-client": ({"mill"}, {"fern", "pike"}, lambda it: it.get("direction") == "inbound"),
        "open-complaint": ({"clinic"}, {"pike", "tram", "loft"}, kind("complained")),
        "repeated-complaints": ({"tram"}, {"pike"}, kind("complained")),
        "lapsed-term": ({"orchard"}, {"kiln", "crumb"}, lambda it: it.get("term_end", MOMENT) < MOMENT),
        "departed-client": ({"orchard"}, {"kiln"}, kind("left")),
    },
    "retention-plan": {
        "unplanned-client": ({"crumb", "lumen"}, {"fern", "kiln"}, carries("plan")),
        "complacent-service": ({"crumb"}, {"harbour", "kiln"}, purpose("delivery")),
        "fading-extras": ({"crumb"}, {"fern", "harbour"}, purpose("idea", "resource", "appreciation")),
        "nothing-shared": ({"crumb"}, {"fern", "kiln", "mill"}, purpose("resource")),
        "no-introduction": ({"crumb"}, {"fern", "quarry"}, kind("introduced")),
        "no-referral-given": ({"crumb"}, {"fern", "clinic"}, lambda it: it.get("direction") == "given"),
        "misjudged-help": ({"vine"}, {"crumb"}, lambda it: it.get("outcome") == "not_useful"),
    },
    "existing-clients-first": {
        "handoff-gap": ({"lumen"}, {"mill", "quarry"}, kind("renewed")),
        "absent-owner": ({"cove"}, {"fern", "loft"}, carries("owner")),
        "bursty-contact": ({"cove"}, {"fern", "vale"}, purpose("idea")),
        "unowned-client": ({"vale"}, {"cove", "lumen"}, kind("profiled")),
        "unproven-prospect": ({"vale"}, {"lumen", "mill"}, lambda it: it.get("stage") == "prospect"),
    },
    "love-engage-help": {
        "token-contact": ({"vine"}, {"loft"}, lambda it: it.get("depth") == "token"),
        "shallow-contact": ({"vine"}, {"fern", "cove"}, lambda it: it.get("depth") == "meaningful"),
        "nothing-learned": ({"vine"}, {"fern", "pike"}, carries("learned")),
        "single-thread": ({"vine"}, {"fern", "lumen"}, lambda it: len(it.get("with", ())) > 1),
        "one-kind-of-help": ({"vine"}, {"kiln", "pike"}, helped),
        "unthanked-client": ({"crumb"}, {"fern", "kiln"}, purpose("appreciation")),
        "circled-wagons": ({"loft"}, {"pike", "tram"}, kind("complained")),
        "late-thanks": ({"loft"}, {"fern", "tram"}, purpose("appreciation")),
        "passed-along": ({"loft"}, {"tram"}, kind("complained")),
        "reactive-contact": ({"loft", "tram"}, {"fern", "kiln"}, purpose("resolution")),
        "contested-price": ({"loft"}, {"north"}, lambda it: it.get("topic") == "price"),
        "competitor-mentioned": ({"loft", "vale"}, {"fern"}, carries("competitor")),
        "supplier-not-advisor": ({"cove"}, {"crumb", "harbour"}, purpose("invoice")),
        "unreviewed-solution": ({"cove"}, {"crumb", "vine"}, purpose("review")),
    },
    "thirty-day-service": {
        "threatened-departure": ({"clinic"}, {"kiln", "pike"}, carries("threatens_to_leave")),
        "unmended-complaint": ({"tram"}, {"fern", "pike", "quarry"}, kind("complained")),
        "no-wow": ({"crumb", "vine"}, {"fern", "quarry"}, at_a_meeting),
        "unasked-question": ({"vine"}, {"fern", "mill"}, carries("asked")),
        "only-praise": ({"vine"}, {"crumb", "harbour"}, answered("how")),
        "unheeded-criticism": ({"cove"}, {"harbour", "crumb"}, criticised),
        "unwilling-to-refer": ({"north"}, {"fern", "clinic"}, answered("refer")),
        "unclaimed-advocate": ({"kiln"}, {"fern", "clinic"}, answered("refer")),
        "unquoted-praise": ({"kiln"}, {"fern", "pike"}, answered("quote")),
    },
    "stick-around": {
        "silent-renewal": ({"quarry"}, {"fern", "pike"}, carries("term_end")),
        "renewal-ahead": ({"quarry"}, {"fern", "crumb"}, purpose("renewal")),
        "unproven-value": ({"quarry"}, {"fern", "crumb"}, purpose("value_review")),
        "unknown-view": ({"quarry"}, {"fern", "clinic"}, carries("our_view")),
        "differing-views": ({"cove"}, {"fern", "north"}, carries("client_view")),
        "opaque-work": ({"cove"}, {"crumb", "quarry"}, purpose("report")),
        "unrefined-process": ({"cove", "loft"}, {"fern", "mill"}, purpose("refinement")),
        "lapsed-checklist": ({"cove"}, {"fern", "mill"}, purpose("expectations")),
        "unagreed-expectations": ({"lumen"}, {"fern", "kiln"}, purpose("expectations")),
        "recommended-blind": ({"lumen"}, {"fern", "north"}, gave_advice_or_delivered),
        "unchecked-delivery": ({"lumen", "mill"}, {"clinic", "crumb"}, purpose("delivery")),
        "one-sided-expectations": ({"vale"}, {"fern", "loft"}, carries("agreed_by")),
        "shaken-expectations": ({"tram"}, {"kiln", "pike"}, complained_seriously),
        "missed-measure": ({"north"}, {"fern"}, missed),
        "one-way-contact": ({"pike"}, {"mill", "fern"}, purpose("idea", "resource")),
        "off-channel": ({"pike"}, {"fern", "cove"}, lambda it: it.get("channel") == "phone"),
    },
}
RULES = {rule: story for stories in STORIES.values() for rule, story in stories.items()}

# For each rule about the whole book: the clients, or the owner whose clients, it finds something in.
BOOK = {
    "attention-drift": {"kiln", "quarry", "harbour", "mill"},
    "neglected-by-owner": {"harbour"},
    "shaky-foundation": {"clinic", "harbour"},
    "uncalled-best-clients": {"harbour", "cove", "lumen", "loft", "north", "crumb", "tram"},
    "unowned-book": set(),
    "unplanned-book": {"lumen", "crumb"},
}


def run(*arguments: str, cwd: Path) -> bytes:
    command = [sys.executable, "-m", "retention_engine", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, check=True).stdout


def replayed(folder: Path, log: str, *options: str) -> dict[str, dict[str, Any]]:
    """What the command finds, by client."""
    verdicts = json.loads(run("replay", log, *options, "--format", "json", cwd=folder))
    return {client["client"]: client for client in verdicts["clients"]}


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


def test_every_built_in_rule_is_in_the_story_of_one_of_its_packs():
    packs = {rule.name: rule.packs for rule in BUILT_IN}
    told = [(pack, rule) for pack, stories in STORIES.items() for rule in stories]
    assert STORIES.keys() == PACKS.keys()
    assert sorted(rule for _, rule in told) == sorted(packs)
    assert all(pack in packs[rule] for pack, rule in told)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_something_in_the_clients_of_its_story_and_in_no_other(agency, rule):
    finds, _, _ = RULES[rule]
    assert finds
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


def test_an_action_that_was_done_stays_away(agency, events, tmp_path):
    [done] = [event for event in events if event["kind"] == "action_done"]
    kept = [json.dumps(event) for event in events if event is not done]
    (tmp_path / "log.jsonl").write_text("\n".join(kept), encoding="utf-8")
    open_then = replayed(tmp_path, "log.jsonl", "--at", MOMENT, "--pack", "stick-around")[done["client"]]["actions"]
    [action] = [action for action in open_then if action["id"] == done["action"]]
    assert action["rule"] not in firing(agency[done["client"]])


def test_the_rules_about_the_book_find_what_its_story_says():
    done = run("book", "log.jsonl", "--at", MOMENT, "--format", "json", cwd=AGENCY)
    found = {concern["rule"]: set(concern["clients"]) for concern in json.loads(done)["concerns"]}
    assert BOOK.keys() == {rule.name for rule in BOOK_RULES}
    assert found == {rule: clients for rule, clients in BOOK.items() if clients}


def test_a_late_complaint_is_seen_where_nothing_is_hidden():
    hindsight = replayed(AGENCY, "log.jsonl", "--at", "2026-06-25")
    known_then = replayed(AGENCY, "log.jsonl", "--at", "2026-06-25", "--known-at", "2026-06-25")
    assert (hindsight["clinic"]["status"], known_then["clinic"]["status"]) == ("critical", "healthy")


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
    rules = {rule.name for rule in (*BUILT_IN, *BOOK_RULES)}
    assert set(named) - rules - PACKS.keys() <= ids
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
        name: (verdict["name"], verdict["tier"], verdict["owner"] or "nobody", verdict["status"])
        for name, verdict in agency.items()
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
