"""A client's story in words, and the story of its renewal, as `retention explain` tells them."""

from datetime import timedelta

import pytest
from hypothesis import given

from given import EVERYTHING, assessed, client_of, events_of
from retention_engine import BUILT_IN, BoundRule, Client, Concern, Engine, Health, gather, instant, rule, scorecard
from retention_engine.errors import EventError
from retention_engine.formats.renewal_story import renewal, renewal_view, renewal_words
from retention_engine.formats.story import story
from strategies import questions

AT = instant("2026-06-30")
WEEK = timedelta(days=7)
ESSENTIALS = Engine(BoundRule(one) for one in BUILT_IN if "essentials" in one.packs)


def told(*log, engine=ESSENTIALS, at=AT, ahead=WEEK):
    (found,) = assessed(gather(events_of(log)), at, engine=engine).values()
    return told_of(found, engine, ahead)


def told_of(found, engine, ahead=WEEK):
    return story(found, ahead, scorecard(found.client, found.schedule, at=found.at, rules=engine.rules))


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
    action = lines.pop(10)
    assert action.startswith("  Resolve the complaint")
    assert "(open-complaint [c1], by 2026-06-21, 9 days overdue; action " in action
    assert lines == [
        "Acme Ltd (acme), tier key, looked after by jo; with us since 2026-01-01, 3 events.",
        "",
        "Status on 2026-06-30: AT-RISK, since 2026-06-21.",
        (
            "Score 63 of 100: -35 open-complaint [c1], -2 for 1 overdue action;"
            " service at-risk, relationship healthy, reputation healthy, commercial healthy."
        ),
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
        "Score 100 of 100; service healthy, relationship healthy, reputation healthy, commercial healthy.",
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
    assert "Status on 2026-06-30: HEALTHY.\nScore 100 of 100; " in text
    assert "\n\nNothing is to be done.\n\nNothing changes" in text


def test_a_persons_verdict_is_told_with_what_the_rules_say():
    verdict = {"client": "acme", "kind": "judged", "at": "2026-06-01", "level": "healthy", "reason": "We met.\x1b[31m"}
    old = {"client": "acme", "kind": "engaged", "at": "2026-01-01"}
    text = told(old, {**verdict, "until": "2026-07-15"})
    assert "Status on 2026-06-30: HEALTHY.\n" in text
    assert r"  A person said so on 2026-06-01, until 2026-07-15: We met.\x1b[31m The rules say at-risk." in text
    assert "Score 53 of 100 by the rules: -35 quiet-client, -10 unheard-client, -2 for 1 overdue action; " in text
    assert (
        "  2026-07-15: healthy becomes at-risk. The verdict of a person ends."
        " Nobody has been in touch with the client for longer than agreed.\n"
    ) in f"{text}\n"
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


SIGNED = {
    "client": "acme",
    "kind": "renewed",
    "at": "2026-01-05",
    "id": "r1",
    "term_start": "2026-02-01",
    "term_end": "2026-12-31",
    "value": "36000",
    "currency": "EUR",
}


def talked(id, at, purpose="general", **more):
    return {"client": "acme", "kind": "engaged", "id": id, "at": at, "purpose": purpose, **more}


WHOLE = [
    SIGNED,
    talked("e1", "2026-01-10", "expectations", agreed_by=["us", "client"]),
    talked("e2", "2026-03-01", "value_review"),
    talked("e3", "2026-06-01T09:00:00Z", "renewal"),
    talked("e4", "2026-06-20"),
    talked("e5", "2026-06-28", "invoice"),
    {"client": "acme", "kind": "complained", "at": "2026-06-10", "id": "c1", "topic": "late delivery"},
    {"client": "acme", "kind": "complained", "at": "2026-06-12", "id": "c2", "severity": "major"},
    {"client": "acme", "kind": "complained", "at": "2026-06-13", "id": "c3"},
    {"client": "acme", "kind": "resolved", "at": "2026-06-14", "complaint": "c3"},
]


def renewal_of(*log, at=AT):
    return renewal(client_of(*events_of(log), as_of=at), at)


class TestRenewal:
    def test_the_paragraph_says_what_the_log_has(self):
        assert renewal_words(renewal_of(*WHOLE)) == (
            "The renewal: the term ends on 2026-12-31, in 184 days (r1); worth 36,000 EUR;"
            " last contact on 2026-06-20 (e4); last value review on 2026-03-01 (e2);"
            " last talk about the renewal on 2026-06-01 09:00:00Z (e3);"
            " last talk about expectations on 2026-01-10 (e1), agreed by us and client;"
            " 2 open complaints (c1 of 2026-06-10, late delivery; c2 of 2026-06-12)."
        )

    def test_and_what_it_lacks(self):
        bare = {key: SIGNED[key] for key in ("client", "kind", "at", "term_end")}
        assert renewal_words(renewal_of(bare)) == (
            "The renewal: the term ends on 2026-12-31, in 184 days (#1); no value on record; no contact on record;"
            " no value review on record; no talk about the renewal on record; no talk about expectations on record;"
            " no open complaint on record."
        )

    @pytest.mark.parametrize(
        ("at", "words", "days"),
        [
            ("2026-12-29T23:59:59Z", "ends on 2026-12-31, in 1 day", 1),
            ("2026-12-30", "ends on 2026-12-31, in 1 day", 1),
            ("2026-12-30T00:00:00.000001Z", "ends on 2026-12-31, within a day", 0),
            ("2026-12-31", "ended on 2026-12-31, less than a day ago", 0),
            ("2026-12-31T23:59:59Z", "ended on 2026-12-31, less than a day ago", 0),
            ("2027-01-01", "ended on 2026-12-31, 1 day ago", -1),
            ("2027-01-02", "ended on 2026-12-31, 2 days ago", -2),
        ],
    )
    def test_how_far_the_end_is(self, at, words, days):
        found = renewal_of(SIGNED, at=instant(at))
        assert f"the term {words} (r1); " in renewal_words(found)
        assert renewal_view(found)["days"] == found.days == days

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"value": "1234567.50"}, "worth 1,234,567.5 EUR"),
            ({"value": 0}, "worth 0 EUR"),
            ({"currency": None}, "worth 36,000 (no currency on record)"),
            ({"value": None}, "no value on record"),
        ],
    )
    def test_what_it_is_worth(self, changes, words):
        log = {key: value for key, value in (SIGNED | changes).items() if value is not None}
        assert f"; {words}; " in renewal_words(renewal_of(log))

    def test_one_complaint_is_not_called_complaints(self):
        assert "; 1 open complaint (c1 of 2026-06-10, late delivery)." in renewal_words(renewal_of(SIGNED, WHOLE[6]))

    def test_an_agreement_of_nobody_is_a_talk(self):
        words = renewal_words(renewal_of(SIGNED, talked("e1", "2026-02-01", "expectations")))
        assert "last talk about expectations on 2026-02-01 (e1); " in words

    def test_what_happened_later_is_not_seen(self):
        words = renewal_words(renewal_of(*WHOLE, at=instant("2026-02-01")))
        assert "in 333 days (r1)" in words
        assert "no value review on record" in words

    def test_the_same_as_plain_values(self):
        assert renewal_view(renewal_of(*WHOLE)) == {
            "term_start": "2026-02-01T00:00:00Z",
            "term_end": "2026-12-31T00:00:00Z",
            "days": 184,
            "value": "36000",
            "currency": "EUR",
            "because": ["r1"],
            "last_contact": {"event": "e4", "at": "2026-06-20T00:00:00Z"},
            "last_value_review": {"event": "e2", "at": "2026-03-01T00:00:00Z"},
            "last_renewal_talk": {"event": "e3", "at": "2026-06-01T09:00:00Z"},
            "open_complaints": [
                {"event": "c1", "at": "2026-06-10T00:00:00Z", "severity": "minor", "topic": "late delivery"},
                {"event": "c2", "at": "2026-06-12T00:00:00Z", "severity": "major", "topic": None},
            ],
            "expectations": {"event": "e1", "at": "2026-01-10T00:00:00Z", "agreed_by": ["us", "client"]},
        }

    def test_what_is_missing_is_null(self):
        bare = {key: SIGNED[key] for key in ("client", "kind", "at", "term_end")}
        view = renewal_view(renewal_of(bare))
        assert (view.pop("term_end"), view.pop("days"), view.pop("because")) == ("2026-12-31T00:00:00Z", 184, ["#1"])
        assert view.pop("open_complaints") == []
        assert set(view.values()) == {None}

    def test_without_a_term_there_is_no_such_story(self):
        log = {key: value for key, value in SIGNED.items() if key != "term_end"}
        assert renewal_of(log) is None
        assert renewal_view(None) is None
        assert "The renewal" not in told(log)

    def test_it_stands_before_what_comes_next(self):
        paragraphs = told(*WHOLE).split("\n\n")
        assert [paragraph.split("\n")[0].split(":")[0] for paragraph in paragraphs[-2:]] == [
            "The renewal",
            "What changes if nothing else happens",
        ]

    def test_a_hostile_text_steers_nothing(self):
        words = renewal_words(renewal_of({**SIGNED, "currency": "\x1b[31m"}, {**COMPLAINT, "topic": "a\u202eb"}))
        assert words.isprintable()


@given(questions())
def test_any_history_has_a_story(question):
    log, at, known_at = question
    try:
        found = assessed(gather(events_of(log)), at, known_at)
    except EventError:
        return
    for assessment in found.values():
        text = told_of(assessment, EVERYTHING)
        assert f"{assessment.status}".upper() in text
        assert text.count("because of") >= len(assessment.concerns)
        assert ("\nThe renewal: " in text) is (assessment.client.term is not None)
        for action in assessment.due(WEEK):
            assert action.id in text
