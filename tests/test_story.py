"""A client's story in words, as `retention explain` tells it."""

from datetime import timedelta

import pytest
from hypothesis import given

from given import assessed, events_of
from retention_engine import BUILT_IN, BoundRule, Client, Concern, Engine, Health, gather, instant, rule
from retention_engine.errors import EventError
from retention_engine.formats.story import story
from strategies import questions

AT = instant("2026-06-30")
WEEK = timedelta(days=7)
ESSENTIALS = Engine(BoundRule(one) for one in BUILT_IN if "essentials" in one.packs)


def told(*log, engine=ESSENTIALS, at=AT, ahead=WEEK):
    (found,) = assessed(gather(events_of(log)), at, engine=engine).values()
    return story(found, ahead)


ACME = {
    "client": "acme",
    "kind": "profiled",
    "at": "2026-01-01",
    "id": "p1",
    "name": "Acme Ltd",
    "tier": "key",
    "owner": "jo",
}
CALL = {"client": "acme", "kind": "engaged", "at": "2026-06-28", "id": "e1", "direction": "inbound"}
COMPLAINT = {"client": "acme", "kind": "complained", "at": "2026-06-20", "id": "c1", "topic": "late delivery"}


def test_the_story_of_a_client_with_a_complaint():
    lines = told(ACME, CALL, COMPLAINT).splitlines()
    action = lines.pop(9)
    assert action.startswith("  Resolve the complaint")
    assert "(open-complaint [c1], by 2026-06-21, 9 days overdue; action " in action
    assert lines == [
        "Acme Ltd (acme), tier key, looked after by jo; with us since 2026-01-01, 3 events.",
        "",
        "Status on 2026-06-30: AT-RISK, since 2026-06-21.",
        "",
        "Why",
        "  at-risk: A complaint is not resolved. (open-complaint [c1], since 2026-06-21)",
        "    because of c1, complained 2026-06-20 (topic late delivery)",
        "",
        "What to do",
        "",
        "Nothing changes while nothing else happens.",
    ]


def test_the_story_of_a_client_who_is_well_says_what_is_next():
    assert told(CALL).splitlines() == [
        "acme, tier standard; with us since 2026-06-28, 1 event.",
        "",
        "Status on 2026-06-30: HEALTHY.",
        "",
        "Nothing is due by 2026-07-07; next, on 2026-09-26: Get in touch, about something other than work or invoices.",
        "",
        "What changes if nothing else happens",
        "  2026-09-26: healthy becomes watch. Nobody has been in touch with the client for longer than agreed.",
        "  2026-10-26: watch becomes at-risk. Nobody has been in touch with the client for longer than agreed.",
    ]


def test_the_story_of_a_client_who_left():
    text = told({"client": "acme", "kind": "left", "at": "2026-06-01", "id": "l1", "reason": "price"})
    assert "Status on 2026-06-30: LEFT, since 2026-06-01." in text
    assert "    because of l1, left 2026-06-01 (reason price)" in text
    assert "Nothing is to be done: the client has left." in text
    assert text.endswith("Nothing changes while nothing else happens.")


def test_the_story_of_a_client_about_whom_no_rule_says_anything():
    text = told(CALL, engine=Engine([]))
    assert "Status on 2026-06-30: HEALTHY.\n\nNothing is to be done.\n\nNothing changes" in text


def test_a_persons_verdict_is_told_with_what_the_rules_say():
    verdict = {"client": "acme", "kind": "judged", "at": "2026-06-01", "level": "healthy", "reason": "We met.\x1b[31m"}
    old = {"client": "acme", "kind": "engaged", "at": "2026-01-01"}
    text = told(old, {**verdict, "until": "2026-07-15"})
    assert "Status on 2026-06-30: HEALTHY.\n" in text
    assert r"  A person said so on 2026-06-01, until 2026-07-15: We met.\x1b[31m The rules say at-risk." in text
    assert "  2026-07-15: healthy becomes at-risk. The verdict of a person ends." in text
    assert "A person said so on 2026-06-01: We met." in told(old, verdict)


def test_an_end_of_a_concern_is_told():
    text = told({"client": "acme", "kind": "renewed", "at": "2026-06-20", "id": "r1", "term_end": "2026-06-25"})
    assert (
        "critical: The client's term has ended and was not renewed. (lapsed-term, since 2026-06-25, until 2026-07-25)"
        in text
    )
    assert "2026-07-25: critical becomes left. The client's term has ended and was not renewed." in text


def test_of_much_evidence_the_latest_is_shown_and_the_rest_counted():
    @rule
    def all_of_it(client: Client):
        """Everything counts."""
        yield Concern(Health.WATCH, starts=client.since, because=client.events)

    calls = [{**CALL, "id": f"e{number}", "at": f"2026-06-{number + 10}"} for number in range(8)]
    text = told(*calls, engine=Engine([all_of_it]))
    assert text.count("because of") == 5
    assert "because of e7" in text
    assert "because of e2" not in text
    assert "    and 3 earlier events" in text


def test_a_rule_that_failed_is_told():
    @rule
    def broken(client: Client):
        """It does not work."""
        yield from ()
        raise ValueError(f"no \x1b[31m luck with {client.id}")

    text = told(CALL, engine=Engine([broken]))
    assert "Status on 2026-06-30: UNKNOWN." in text
    assert (
        r"  The rule broken failed, so that this is not the whole truth: ValueError: no \x1b[31m luck with acme ("
        in text
    )


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\u202eb", "two\nlines", "[red]x[/red]"])
def test_a_hostile_name_steers_nothing(name):
    text = told({**ACME, "name": name, "owner": name})
    assert len(text.splitlines()[0]) > len(name)
    assert all(line.isprintable() for line in text.splitlines())
    assert text.splitlines()[2].startswith("Status on")


@given(questions())
def test_any_history_has_a_story(question):
    log, at, known_at = question
    try:
        found = assessed(gather(events_of(log)), at, known_at)
    except EventError:
        return
    for assessment in found.values():
        text = story(assessment, WEEK)
        assert f"{assessment.status}".upper() in text
        assert text.count("because of") >= len(assessment.concerns)
        for action in assessment.due(WEEK):
            assert action.id in text
