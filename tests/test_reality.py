"""Retention, believed and actual: who was due, what became of each, and what the ratio is made of."""

import csv
import gzip
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import naive
from command import Ran, retention
from given import histories_of
from retention_engine import Fate, Reality, RetentionEngine, actual_retention, days, instant
from retention_engine.errors import QuestionError
from shared_folder import SHARED, needs_shared
from strategies import MICROSECOND, _lines, moments, settled

START, END = instant("2026-01-01"), instant("2026-07-01")
GRACE = days(30)
T = instant("2027-01-01")


def event(kind, at, client="acme", **fields):
    line = {"client": client, "kind": kind, "at": _text(at), **fields}
    return {key: _text(value) for key, value in line.items()}


def _text(value):
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def signed(at, term_end=None, client="acme", **fields):
    return event("renewed", at, client, **fields, **({"term_end": term_end} if term_end else {}))


def told(*log, starts=START, until=END, at=T, **how) -> Reality:
    return actual_retention(histories_of(log), starts=starts, until=until, at=at, **how)


def fates(*log, **how) -> dict[str, str]:
    return {client.client: client.fate.value for client in told(*log, **how).clients}


def fate(*log, **how) -> str | None:
    return fates(*log, **how).get("acme")


# The same, said naively.


def naive_fate(story, starts, until, grace) -> tuple[str, datetime] | None:
    leaving = next(iter(story.all(naive.kind("left"))[::-1]), None)
    gone = back = None
    if leaving and not naive_prospect(story):
        later = story.facts[story.facts.index(leaving) + 1 :]
        came_back = any(fact["kind"] == "renewed" or naive.is_contact(fact) for fact in later)
        gone, back = (None, leaving["at"]) if came_back else (leaving["at"], None)
    word = "left" if leaving and leaving.get("controllable", True) else "left-uncontrollable"
    if gone and gone < until:
        return (word, gone) if gone >= starts else None
    found = [verdict for verdict in naive_terms(story, gone and word, grace) if starts <= verdict[1] < until]
    decided = [verdict for verdict in found if verdict[0] != "open"] or found
    return decided[-1] if decided else ("returned", back) if back and starts <= back < until else None


def naive_terms(story, word, grace):
    renewals = story.all(naive.kind("renewed"))
    ends = [naive.moment(fact["term_end"]) if "term_end" in fact else None for fact in renewals]
    for place, stop in enumerate(ends):
        if stop is None or stop in ends[place + 1 :] or any(end and end > stop for end in ends[:place]):
            continue
        again = [
            fact["at"] for fact, end in list(zip(renewals, ends, strict=True))[place + 1 :] if not end or end > stop
        ]
        if again:
            yield "renewed" if min(again) <= stop + grace else "lapsed", stop
        else:
            yield word or ("lapsed" if story.now >= stop + grace else "open"), stop


def naive_prospect(story) -> bool:
    said = {fact.get("stage") for fact in story.all(naive.kind("profiled"))}
    return not story.all(naive.kind("renewed")) and "prospect" in said and "client" not in said


KINDS = ["renewed", "renewed", "renewed", "left", "left", "engaged", "profiled", "retracted"]


@st.composite
def questions(draw):
    """A log of contracts, a period, a grace, a moment, and until when what was recorded counts."""
    drafts = draw(st.lists(_lines(KINDS), min_size=draw(st.sampled_from([1, 5])), max_size=9))
    for draft in drafts:
        if draft["kind"] == "profiled":
            draft["stage"] = draw(st.sampled_from(["prospect", "prospect", "client"]))
    log = settled(drafts)
    starts = draw(st.sampled_from([START, START]) | moments(log))
    until = draw(st.sampled_from([starts + days(count) for count in (30, 180, 365)]) | moments(log))
    if until <= starts:
        starts, until = until, starts + days(1)
    grace = draw(st.sampled_from([days(30), days(30), days(0), days(90)]))
    at = draw(st.sampled_from([T, until, until + grace]) | moments(log))
    return log, starts, until, grace, at, draw(st.none() | st.none() | moments(log))


@given(questions())
def test_every_clients_fate_is_what_a_naive_reading_says(question):
    log, starts, until, grace, at, known_at = question
    by_client = {}
    for fact in naive.counted_once(log):
        by_client.setdefault(fact["client"], []).append(fact)
    stories = {client: naive.story_of(facts, at, known_at) for client, facts in by_client.items()}
    expected = {client: naive_fate(story, starts, until, grace) for client, story in stories.items()}
    found = actual_retention(histories_of(log), starts=starts, until=until, at=at, known_at=known_at, grace=grace)
    assert {client.client: (client.fate.value, client.at) for client in found.clients} == {
        client: decided for client, decided in expected.items() if decided is not None
    }


@given(questions(), st.none() | st.integers(0, 100))
@example(([signed("2026-01-01", "2026-02-01")], START, END, GRACE, T, None), 75)
def test_months_values_and_names_add_up(question, percent):
    log, starts, until, grace, at, known_at = question
    believed = None if percent is None else Fraction(percent, 100)
    how = {"starts": starts, "until": until, "at": at, "known_at": known_at, "grace": grace, "believed": believed}
    found = actual_retention(histories_of(log), **how)
    assert sum(map(len, (found.of(fate) for fate in Fate))) == len(found.clients)
    assert all(starts <= client.at < until and client.because for client in found.clients)
    for field, names in (("due", found.clients), ("renewed", found.renewed), ("lost", found.lost)):
        assert sum(getattr(month, field) for month in found.months) == len(names)
    assert (found.months[-1].ratio, found.months[-1].gap) == (found.ratio, found.gap)
    assert all((month.gap or 0) > 0 for month in found.months if month.opened)
    assert [month.opened for month in found.months].count(True) >= (found.gap is not None and found.gap > 0)
    assert (found.ratio is None) == (not found.renewed and not found.lost)
    assert len({str(month) for month in found.months}) == len(found.months)


# When a client is due.


@pytest.mark.parametrize(
    ("instant_of_it", "due"),
    [(START - MICROSECOND, False), (START, True), (END - MICROSECOND, True), (END, False)],
)
def test_a_term_or_a_leaving_counts_from_the_start_of_the_period_until_just_before_its_end(instant_of_it, due):
    assert (fate(signed("2025-01-01", instant_of_it)) == "lapsed") is due
    assert (fate(event("left", instant_of_it)) == "left") is due


def test_a_term_that_a_longer_one_signed_before_it_covers_is_not_due():
    assert fate(signed("2025-01-01", "2026-12-01"), signed("2025-06-01", "2026-03-01")) is None


def test_a_prospect_who_turns_away_is_no_loss():
    prospect = event("profiled", "2025-01-01", stage="prospect")
    assert fate(prospect, event("left", "2026-02-01")) is None
    assert fate(prospect, event("left", "2026-02-01"), event("engaged", "2026-02-02")) is None


@pytest.mark.parametrize(
    "more", [event("profiled", "2025-02-01", stage="client"), signed("2025-02-01"), signed("2025-02-01", "2027-01-01")]
)
def test_a_prospect_who_has_become_a_client_is_one(more):
    assert fate(event("profiled", "2025-01-01", stage="prospect"), more, event("left", "2026-02-01")) == "left"


def test_who_left_is_a_loss_where_the_log_says_nothing_of_contracts():
    assert fate(event("engaged", "2025-01-01"), event("left", "2026-02-01")) == "left"


def test_who_left_before_the_period_is_not_due_in_it():
    contract = signed("2025-01-01", "2026-03-01")
    assert fate(contract, event("left", START - MICROSECOND)) is None
    assert fate(contract, event("left", START)) == "left"


# What became of it.


CONTRACT = signed("2025-03-01", "2026-03-01", id="first")
STOP = instant("2026-03-01")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-03-02", "renewed"),
        (STOP, "renewed"),
        (STOP + GRACE, "renewed"),
        (STOP + GRACE + MICROSECOND, "lapsed"),
    ],
)
def test_a_renewal_counts_until_the_grace_is_over(at, expected):
    again = signed(at, "2027-03-01", id="again")
    found = told(CONTRACT, again).clients[0]
    assert found.fate.value == expected
    assert [event.id for event in found.because] == ["first", "again"]
    assert found.came_back == (instant(again["at"]) if expected == "lapsed" else None)
    assert found.at == STOP


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (STOP - MICROSECOND, "open"),
        (STOP, "open"),
        (STOP + GRACE - MICROSECOND, "open"),
        (STOP + GRACE, "lapsed"),
    ],
)
def test_it_is_open_until_the_grace_is_over(at, expected):
    found = told(CONTRACT, at=at)
    assert [client.fate.value for client in found.clients] == [expected]
    assert found.ratio == (None if expected == "open" else 0)


def test_the_grace_can_be_chosen():
    late = signed(STOP + days(40), "2027-03-01")
    assert [fate(CONTRACT, late, grace=days(count)) for count in (0, 39, 40)] == ["lapsed", "lapsed", "renewed"]
    assert fate(CONTRACT, at=STOP, grace=days(0)) == "lapsed"


@pytest.mark.parametrize(
    ("term_end", "expected"), [("2026-02-01", "lapsed"), (STOP, "lapsed"), (STOP + MICROSECOND, "renewed")]
)
def test_a_renewal_extends_the_term(term_end, expected):
    assert fate(CONTRACT, signed("2025-06-01", term_end), until=STOP + MICROSECOND) == expected


def test_a_term_that_was_signed_twice_is_due_once_and_cites_the_latest():
    found = told(CONTRACT, signed("2025-06-01", STOP, id="second", value=5))
    assert [(client.because[0].id, client.value) for client in found.clients] == [("second", 5)]


def test_a_renewal_whose_end_nobody_noted_counts():
    assert fate(CONTRACT, signed("2026-03-10")) == "renewed"
    assert fate(CONTRACT, signed(STOP + GRACE + MICROSECOND)) == "lapsed"
    assert fate(signed("2025-02-01"), CONTRACT) == "lapsed"


def test_the_latest_decided_term_of_the_period_counts():
    monthly = [signed(f"2026-0{month}-01", f"2026-0{month + 1}-01", id=f"term-{month}") for month in (1, 2, 3, 4)]
    found = told(*monthly).clients
    assert [(client.fate, client.at) for client in found] == [(Fate.LAPSED, instant("2026-05-01"))]
    found = told(*monthly, at=instant("2026-05-10")).clients
    assert [(client.fate, client.at) for client in found] == [(Fate.RENEWED, instant("2026-04-01"))]


def test_an_earlier_lapse_in_the_period_is_mended_by_a_later_renewal_in_time():
    late = signed("2026-04-15", "2026-05-01")
    assert fate(CONTRACT, late, until=instant("2026-05-01")) == "lapsed"
    assert fate(CONTRACT, late, signed("2026-04-20", "2027-05-01")) == "renewed"


# Leaving.


@pytest.mark.parametrize(("said", "expected"), [({}, "left"), ({"controllable": False}, "left-uncontrollable")])
@pytest.mark.parametrize("at", ["2026-02-20", "2026-03-10", "2026-05-01", "2026-08-01"])
def test_what_was_said_of_a_leaving_goes_before_an_inferred_lapse(at, said, expected):
    assert fate(CONTRACT, event("left", at, **said)) == expected


def test_who_renewed_and_then_left_in_the_period_was_lost():
    again = signed("2026-02-20", "2027-03-01")
    assert fate(CONTRACT, again, event("left", END - MICROSECOND)) == "left"
    assert fate(CONTRACT, again, event("left", END)) == "renewed"


def test_who_left_after_the_period_is_due_at_the_end_of_the_term():
    found = told(CONTRACT, event("left", "2026-08-01", id="gone")).clients[0]
    assert (found.at, [event.id for event in found.because]) == (STOP, ["first", "gone"])


@pytest.mark.parametrize("back", [event("engaged", "2026-02-21"), event("referred", "2026-02-21", direction="given")])
def test_who_was_in_touch_after_leaving_has_come_back_and_the_term_decides(back):
    gone = event("left", "2026-02-20")
    assert fate(CONTRACT, gone, back) == "lapsed"
    assert fate(CONTRACT, gone, back, signed("2026-03-20", "2027-03-01")) == "renewed"
    assert fate(CONTRACT, gone, back, at=instant("2026-03-20")) == "open"
    assert fate(CONTRACT, gone, back, at=instant("2026-02-20")) == "left"


@pytest.mark.parametrize("purpose", ["delivery", "invoice"])
def test_work_and_invoices_bring_nobody_back(purpose):
    assert fate(event("left", "2026-02-20"), event("engaged", "2026-02-21", purpose=purpose)) == "left"


def test_who_left_and_came_back_without_a_term_to_renew_stands_apart():
    found = told(event("left", "2026-02-20", id="gone"), event("engaged", "2026-09-01", id="call"))
    assert (found.ratio, len(found.clients)) == (None, 1)
    client = found.clients[0]
    assert (client.fate, client.at, client.came_back) == (Fate.RETURNED, instant("2026-02-20"), instant("2026-09-01"))
    assert [event.id for event in client.because] == ["gone", "call"]


def test_who_left_and_signed_again_too_late_has_lapsed_and_come_back():
    found = told(CONTRACT, event("left", "2026-02-20"), signed("2026-05-05", "2027-05-05")).clients[0]
    assert (found.fate, found.came_back) == (Fate.LAPSED, instant("2026-05-05"))


# What is known.


def test_what_happened_later_is_not_seen():
    again = signed("2026-03-10", "2027-03-10")
    assert [fate(CONTRACT, again, at=instant(f"2026-03-{day}")) for day in ("09", "10")] == ["open", "renewed"]
    gone = event("left", "2026-05-01")
    assert [fate(gone, at=instant(day)) for day in ("2026-04-30", "2026-05-01")] == [None, "left"]


def test_what_was_recorded_later_can_be_hidden():
    again = signed("2026-03-10", "2027-03-10", recorded_at="2026-06-01")
    assert fate(CONTRACT, again, known_at=instant("2026-06-01")) == "renewed"
    assert fate(CONTRACT, again, known_at=instant("2026-05-31")) == "lapsed"


def test_what_was_retracted_never_happened():
    gone = event("left", "2026-02-01", id="gone")
    never = event("retracted", "2026-04-01", event="gone")
    assert fate(gone, never) is None
    assert fate(gone, never, known_at=instant("2026-03-31")) == "left"


# The ratio, the belief, the months, the value.


FOUR = [
    signed("2025-01-10", "2026-01-10", "acme", value="100", currency="EUR"),
    signed("2026-01-10", "2027-01-10", "acme", value="120", currency="EUR"),
    signed("2025-02-10", "2026-02-10", "bolt", value="50.50", currency="EUR"),
    event("profiled", "2025-02-10", "crumb", annual_value="70", name="Crumb & Co"),
    event("left", "2026-04-10", "crumb"),
    signed("2025-05-10", "2026-05-10", "delta", value="9", currency="USD"),
    signed("2026-05-01", "2027-05-10", "delta"),
    event("left", "2026-05-02", "ended", controllable=False),
    signed("2025-06-10", "2026-06-10", "fresh", value="7000", currency="EUR"),
    signed("2026-06-10", "2026-06-20", "fresh"),
]
JULY = instant("2026-07-05")


def test_the_ratio_counts_who_renewed_against_who_was_lost():
    found = told(*FOUR, at=JULY)
    assert [client.client for client in found.renewed] == ["acme", "delta", "fresh"]
    assert [client.client for client in found.lost] == ["bolt", "crumb"]
    assert [client.client for client in found.of(Fate.LEFT_UNCONTROLLABLE)] == ["ended"]
    assert found.ratio == Fraction(3, 5)


def test_values_are_added_by_currency():
    found = told(*FOUR, at=JULY)
    sums = [(value.currency, value.renewed, value.lost) for value in found.values]
    assert sums == [("EUR", 7100, Decimal("50.50")), ("USD", 9, 0), (None, 0, 70)]
    assert found.of_unknown_value == ()
    assert [client.client for client in told(event("left", "2026-04-10")).of_unknown_value] == ["acme"]


def test_who_left_is_worth_the_term_that_ends_last():
    terms = [signed("2025-01-01", "2027-01-01", value=5), signed("2025-06-01", "2026-03-01", value=3)]
    assert [client.value for client in told(*terms, event("left", "2026-02-01")).clients] == [5]
    assert [client.value for client in told(signed("2025-01-01", value=4), event("left", "2026-02-01")).clients] == [4]


def test_the_months_tell_when_the_gap_opened():
    found = told(*FOUR, at=JULY, believed=0.75)
    assert [str(month) for month in found.months] == [f"2026-0{month}" for month in range(1, 7)]
    assert [(month.due, month.renewed, month.lost) for month in found.months] == [
        *((1, 1, 0), (1, 0, 1), (0, 0, 0)),
        *((1, 0, 1), (2, 1, 0), (1, 1, 0)),
    ]
    half = Fraction(1, 2)
    assert [month.ratio for month in found.months] == [1, half, half, Fraction(1, 3), half, Fraction(3, 5)]
    assert [str(month) for month in found.months if month.opened] == ["2026-02", "2026-04"]


def test_a_gap_is_open_from_the_first_loss_whatever_was_above_belief_before():
    lost = event("left", "2026-01-05")
    assert [month.opened for month in told(lost, believed=0.75).months] == [True, False, False, False, False, False]
    better = told(*FOUR, at=JULY, believed=0.25)
    assert [month.opened for month in better.months] == [False] * 6
    nobody = told(believed=0.75)
    assert [(month.ratio, month.gap, month.opened) for month in nobody.months] == [(None, None, False)] * 6


def test_the_months_of_a_period_that_starts_and_ends_within_months():
    days_of_it = [instant("2025-12-31T23:59:59Z"), instant("2026-02-01T00:00:00.000001Z")]
    found = told(starts=days_of_it[0], until=days_of_it[1])
    assert [str(month) for month in found.months] == ["2025-12", "2026-01", "2026-02"]
    found = told(starts=days_of_it[0], until=instant("2026-02-01"))
    assert [str(month) for month in found.months] == ["2025-12", "2026-01"]


@pytest.mark.parametrize(
    ("believed", "overrated"),
    [(0.7, False), ("0.700001", True), (Decimal("0.7"), False), (0.6, False), (0.1, False), (1, True), (None, False)],
)
def test_a_belief_more_than_ten_points_too_high_is_overrated(believed, overrated):
    exact = Fraction(believed) if isinstance(believed, str) else believed
    assert told(*FOUR, at=JULY, believed=exact).overrated is overrated


def test_a_period_with_nothing_due_has_no_ratio():
    found = told(signed("2025-01-01", "2027-01-01"), believed=1)
    assert (found.ratio, found.gap, found.overrated, found.clients) == (None, None, False, ())


@pytest.mark.parametrize("until", [START, START - MICROSECOND])
def test_a_period_ends_after_it_starts(until):
    with pytest.raises(QuestionError, match="the period ends at 202"):
        told(until=until)


@pytest.mark.parametrize("believed", [75, -0.1, Decimal("1.01")])
def test_a_belief_is_a_ratio(believed):
    with pytest.raises(QuestionError, match="give a ratio from 0 to 1"):
        told(believed=believed)


def test_an_application_asks_its_log():
    with RetentionEngine.open("memory://", create=True) as engine:
        assert engine.reality(START, END, grace=timedelta(0)).clients == ()
        engine.record_many(next(iter(histories_of(FOUR[:2]).values())))
        found = engine.reality(START, END, at=T, believed=0.75)
    assert [client.client for client in found.renewed] == ["acme"]
    assert found.gap == Fraction(-1, 4)


# The command.


PERIOD = ["--from", "2026-01-01", "--to", "2026-07-01", "--at", "2026-07-05"]
BACK = [
    signed("2025-01-10", "2026-01-10", "late", id="l1"),
    signed("2026-06-01", "2027-06-01", "late", id="l2"),
    event("profiled", "2025-01-01", "odd", name="=1+1\x1b[31m"),
    event("left", "2026-06-01", "odd", id="o1"),
    event("left", "2026-06-02", "once"),
    event("engaged", "2026-06-03", "once"),
    signed("2025-06-20", "2026-06-20", "soon"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("reality")
    for name, log in (("log", FOUR), ("more", [*FOUR, *BACK]), ("empty", [])):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    return path


def ran(folder, log, *args, **how) -> Ran:
    done = retention("reality", log, *PERIOD, *args, cwd=folder, **how)
    assert (done.code, done.err) == (0, "")
    return done


def document(folder, log, *args, **how):
    return json.loads(ran(folder, log, "--format", "json", *args, **how).out)


def test_the_command_tells_the_ratio_the_gap_and_the_names(folder):
    lines = ran(folder, "log.jsonl", "--believed", "75%").text.splitlines()
    assert lines[0] == "Retention from 2026-01-01 to 2026-07-01 (not included), as of 2026-07-05"
    assert lines[2] == "Actual retention: 60 % (3 renewed, 2 lost). Believed: 75 %, 15 points above the actual."
    assert lines[3] == ("Warning: the belief is more than 10 points too high. Lost: bolt, Crumb & Co (crumb).")
    headings = [line for line in lines if line.endswith((" (1)", " (3)"))]
    assert headings == [
        "Renewed (3)",
        "Lapsed: not renewed within 30 days of the end of the term (1)",
        "Left (1)",
        "Not in the ratio: left for a reason beyond our control (1)",
    ]
    assert "    because of #3, renewed 2025-02-10 (term end 2026-02-10, value 50.5, currency EUR)" in lines
    assert "The gap opened in 2026-02 and 2026-04." in lines
    assert [line.split() for line in lines if line.startswith(("EUR", "USD", "not said"))] == [
        ["EUR", "7,100", "50.5"],
        ["USD", "9", "0"],
        ["not", "said", "0", "70"],
    ]


@pytest.mark.parametrize(
    ("believed", "sentence"),
    [
        ("60%", "Believed: 60 %, as it is."),
        ("61", "Believed: 61 %, 1 point above the actual."),
        ("70", "Believed: 70 %, 10 points above the actual."),
        ("70.1", "Believed: 70.1 %, 10.1 points above the actual."),
        ("50 %", "Believed: 50 %, 10 points below the actual."),
        ("0", "Believed: 0 %, 60 points below the actual."),
    ],
)
def test_the_command_compares(folder, believed, sentence):
    shown = ran(folder, "log.jsonl", "--believed", believed).text
    assert sentence in shown
    assert ("Warning" in shown) is (believed == "70.1")
    assert ("opened" in shown) is (believed != "0")


def test_nothing_is_compared_where_nobody_believes(folder):
    shown = ran(folder, "log.jsonl").text
    assert "Actual retention: 60 % (3 renewed, 2 lost).\n" in shown
    assert not any(word in shown for word in ("Believed", "Warning", "opened"))


def test_the_command_says_who_came_back_and_who_is_open(folder):
    shown = ran(folder, "more.jsonl", "--believed", "90").text
    assert "(odd). Of these, late came back later.\n" in shown
    assert "  late: due 2026-01-10, came back 2026-06-01\n" in shown
    assert "Not in the ratio: left, and came back (1)\n  once: due 2026-06-02, came back 2026-06-03\n" in shown
    assert "Not in the ratio: still open (1)\n  soon: due 2026-06-20\n" in shown
    assert "\nOf 2 clients in the ratio no value is known.\n" in shown
    assert "\x1b" not in shown


def test_a_period_that_is_not_over_is_said_to_be_so(folder):
    args = ("reality", "log.jsonl", *PERIOD[:4])
    assert "not over yet" in retention(*args, "--at", "2026-06-30T23:59:59Z", cwd=folder).text
    assert "not over yet" not in retention(*args, "--at", "2026-07-01", cwd=folder).text


@pytest.mark.parametrize("log", ["empty.jsonl", "log.jsonl"])
def test_a_period_with_nothing_due_says_so_in_words(folder, log):
    args = ("reality", log, "--from", "2024-01-01", "--to", "2025-01-01", "--at", "2026-07-05", "--believed", "75")
    words = "Nothing was due: no term ended in this period, and nobody left. There is nothing to compare 75 % with."
    assert retention(*args, cwd=folder).text.splitlines()[2:] == [words]
    found = json.loads(retention(*args, "--format", "json", cwd=folder).out)
    assert (found["ratio"], found["gap_points"], found["warning"], found["message"]) == (None, None, None, words)
    assert (found["numerator"], found["denominator"], found["clients"]) == ([], [], [])


def test_a_period_in_which_nothing_is_decided_says_so_in_words(folder):
    args = ["--from", "2026-05-02", "--to", "2026-05-03", "--at", "2026-07-05"]
    done = retention("reality", "log.jsonl", *args, cwd=folder)
    assert done.text.splitlines()[2] == ("Of 1 client due, none has renewed and none was lost: there is no ratio.")


def test_the_document_has_every_name_and_the_events(folder):
    found = document(folder, "log.jsonl", "--believed", "75%", "--known-at", "2027-01-01", "--grace", "3 weeks")
    assert [found[key] for key in ("version", "from", "to", "at", "known_at", "grace")] == [
        1,
        "2026-01-01T00:00:00Z",
        "2026-07-01T00:00:00Z",
        "2026-07-05T00:00:00Z",
        "2027-01-01T00:00:00Z",
        "21 days",
    ]
    assert (found["ratio"], found["believed"], found["gap_points"]) == (0.6, 0.75, 15)
    assert found["numerator"] == ["acme", "delta", "fresh"]
    assert found["denominator"] == ["acme", "bolt", "crumb", "delta", "fresh"]
    assert found["opened"] == ["2026-02", "2026-04"]
    assert found["counts"] == {
        "renewed": 3,
        "lapsed": 1,
        "left": 1,
        "left-uncontrollable": 1,
        "returned": 0,
        "open": 0,
    }
    assert found["clients"][0] == {
        "client": "acme",
        "name": None,
        "owner": None,
        "fate": "renewed",
        "counts_as": "renewed",
        "due": "2026-01-10T00:00:00Z",
        "value": "100",
        "currency": "EUR",
        "because": ["#1", "#2"],
        "came_back": None,
    }
    assert found["values"][0] == {"currency": "EUR", "renewed": "7100", "lost": "50.5"}
    assert found["months"][1] == {
        "month": "2026-02",
        "due": 1,
        "renewed": 0,
        "lost": 1,
        "ratio": 0.5,
        "gap_points": 25.0,
        "opened": True,
    }


def test_the_table_has_a_row_for_each_client_due_and_no_formulas(folder):
    rows = list(csv.DictReader(io.StringIO(ran(folder, "more.jsonl", "--format", "csv").text, newline="")))
    assert [(row["client"], row["counts_as"]) for row in rows if row["counts_as"] != "renewed"] == [
        *(("bolt", "lost"), ("crumb", "lost"), ("ended", ""), ("late", "lost")),
        *(("odd", "lost"), ("once", ""), ("soon", "")),
    ]
    by_client = {row["client"]: row for row in rows}
    assert by_client["odd"]["name"] == "'=1+1\\x1b[31m"
    assert by_client["late"]["because"] == "l1 l2"
    assert by_client["late"]["came_back"] == "2026-06-01T00:00:00Z"


def test_the_command_reads_standard_input_and_logs(folder):
    expected = document(folder, "log.jsonl")
    assert document(folder, "-", stdin=(folder / "log.jsonl").read_bytes()) == expected
    assert retention("init", "sqlite:///clients.db", cwd=folder).code == 0
    imported = retention("import", "log.jsonl", "--log", "sqlite:///clients.db", "--recorded-at", "keep", cwd=folder)
    assert imported.code == 0
    assert document(folder, "sqlite:///clients.db") == expected


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--believed", "0.75"], "'0.75' may mean 75 % or 0.75 %; write 75% or 0.75%"),
        (["--believed", "1"], "'1' may mean 100 % or 1 %; write 100% or 1%"),
        (["--believed", "101"], "'101' is more than all clients; write 100% or less"),
        (["--believed", "most"], "'most' is not a percentage; write 75% or 62.5%"),
        (["--believed", "-5%"], "'-5%' is not a percentage"),
        (["--believed", "62,5%"], "'62,5%' is not a percentage"),
        (["--grace", "a month"], "'a month' is not a duration"),
        (["--to", "2026-01-01"], "the period ends at 2026-01-01T00:00:00Z; it must end after 2026-01-01T00:00:00Z"),
        (["--to", "June"], "'June' is not an RFC 3339 instant"),
        (["--format", "xml"], "'xml' is not one of 'text', 'json', 'csv'"),
    ],
)
def test_what_makes_no_sense_is_refused(folder, args, said):
    done = retention("reality", "log.jsonl", *PERIOD, *args, cwd=folder)
    assert (done.code, done.out) == (2, b"")
    assert said in done.err


@pytest.mark.parametrize("given_alone", [["--from", "2026-01-01"], ["--to", "2026-01-01"]])
def test_the_period_must_be_given(folder, given_alone):
    done = retention("reality", "log.jsonl", *given_alone, cwd=folder)
    assert (done.code, done.out) == (2, b"")
    assert "Missing option" in done.err


def test_a_tiny_percentage_is_meant_with_its_sign(folder):
    assert document(folder, "log.jsonl", "--believed", "0.75%")["believed"] == 0.0075
    assert document(folder, "log.jsonl", "--believed", "1%")["believed"] == 0.01


def test_bad_lines_are_listed_and_nothing_is_told(folder):
    (folder / "bad.jsonl").write_text('{"client": "acme"}\n')
    done = retention("reality", "bad.jsonl", *PERIOD, cwd=folder)
    assert (done.code, done.out) == (3, b"")
    assert done.err.startswith("Error: bad.jsonl:1: ")


@needs_shared
def test_the_numbers_of_a_real_log_add_up():
    log = SHARED / "data" / "ravenstack.jsonl.gz"
    args = ["--from", "2023-07-01", "--to", "2024-07-01", "--at", "2024-09-01", "--believed", "90", "--format", "json"]
    done = retention("reality", log, *args)
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    with gzip.open(log, "rt") as stream:
        ends = {
            line["client"]
            for line in map(json.loads, stream)
            if line["kind"] == "renewed" and "2023-07-01" <= line.get("term_end", "") < "2024-07-01T"
        }
    due = {client["client"] for client in found["clients"]}
    assert due <= ends
    assert len(due) == len(found["clients"]) == sum(found["counts"].values()) == 157
    assert found["ratio"] == round(len(found["numerator"]) / len(found["denominator"]), 6)
    assert [sum(month[key] for month in found["months"]) for key in ("due", "renewed", "lost")] == [157, 107, 50]
    assert set(found["numerator"]) < set(found["denominator"]) == due
    assert sum(Decimal(client["value"]) for client in found["clients"] if client["counts_as"] == "lost") == Decimal(
        found["values"][0]["lost"]
    )
