"""What examples and tests of rules expect: at instants, for spans of time, in dates or in times since a start."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from retention_engine import BOOK_RULES, BUILT_IN, BoundRule, Client, Concern, Health, days, instant, rule, rule_of
from retention_engine.declare import Rule
from retention_engine.errors import RuleError
from retention_engine.formats.examples import Case, Said, in_force, read_example, what_is_said
from retention_engine.formats.expectations import (
    START,
    During,
    Expectation,
    Times,
    holds,
    read_expected,
    read_line,
    since_start,
)

MICROSECOND = timedelta(microseconds=1)
WATCH, AT_RISK = Health.WATCH, Health.AT_RISK


@rule
def waiting(client: Client):
    """Nobody called.

    Fires:
        0d engaged
        10d engaged
        at 40d: watch
        from 40d until 70d: watch
        from 70d: at-risk

    Silent:
        0d engaged
        from 0d until 30d: nothing
    """
    due = client.events[-1].at + days(30)
    yield Concern(WATCH, starts=due, until=due + days(30), because=client.events[-1])
    yield Concern(AT_RISK, starts=due + days(30), because=client.events[-1])


def day_of(count: float) -> datetime:
    return START + days(count)


def said(*lines: str) -> list[str]:
    return [str(it) for it in what_is_said(BoundRule(rule_of(waiting)), read_example(lines))]


# Times since a start.


@pytest.mark.parametrize(
    ("text", "span"),
    [("0d", days(0)), ("14d", days(14)), ("2w", days(14)), ("36h", days(1.5)), ("90m", timedelta(minutes=90))],
)
def test_a_time_since_the_start_is_a_duration_after_it(text: str, span: timedelta):
    assert Times().read(text) == START + span
    assert Times(instant("2025-03-01")).read(text) == instant("2025-03-01") + span


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (days(0), "0d"),
        (days(14), "14d"),
        (timedelta(hours=36), "36h"),
        (timedelta(minutes=61), "61m"),
        (timedelta(days=1, seconds=1), "2026-01-02 00:00:01Z"),
        (-days(1), "2025-12-31"),
    ],
)
def test_an_instant_is_written_as_the_time_since_the_start_where_it_has_one(span: timedelta, text: str):
    assert since_start(START + span, START) == text


def test_dates_and_times_since_the_start_give_the_same_example():
    dates = ["2026-01-01 engaged", "2026-01-11T12:00:00Z renewed term_end=2027-01-01", "at 2026-02-10: watch"]
    spans = ["0d engaged", "252h renewed term_end=365d", "at 40d: watch"]
    assert read_example(spans) == read_example(dates)


@pytest.mark.parametrize(
    "lines",
    [
        ["0d engaged", "at 2026-02-10: watch"],
        ["2026-01-01 engaged", "at 40d: watch"],
        ["2026-01-01 engaged", "at 2026-02-10: watch, act by 40d"],
        ["2026-01-01 renewed term_end=365d", "at 2026-02-10: watch"],
        ["0d engaged", "from 40d until 2026-02-10: watch"],
    ],
)
def test_how_far_a_date_is_from_an_unknown_start_cannot_be_told(lines: list[str]):
    with pytest.raises(RuleError, match=r"has dates \(2.*\) and times since a start \(.*d\); write one or"):
        read_example(lines)


def test_with_a_start_dates_and_times_since_it_stand_side_by_side():
    times = Times(instant("2026-01-05"))
    assert [times.read("14d"), times.read("2026-01-19")] == [instant("2026-01-19")] * 2
    times.check()


# Lines.


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("at 14d: watch, act by 2w", Expectation(day_of(14), (WATCH,), (day_of(14),))),
        ("at 14 days: nothing", Expectation(day_of(14), (), ())),
        ("from 14d until 44d: watch", During(day_of(14), day_of(44), (WATCH,))),
        ("from 14 days until 6 weeks: at-risk, watch", During(day_of(14), day_of(42), (AT_RISK, WATCH))),
        ("from 44d: at-risk", During(day_of(44), None, (AT_RISK,))),
        ("from 0d until 14d: nothing", During(day_of(0), day_of(14), ())),
    ],
)
def test_a_line_says_what_is_expected_when(line: str, read: Expectation | During):
    assert read_line(line, Times()) == read
    assert read_line(str(read), Times()) == read


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("from 14d", "write 'at DATE: LEVEL'"),
        ("from 44d until 14d: watch", "'from 44d until 14d' ends before it begins; write 'from 14d until 44d'"),
        ("from 14d until 14d: watch", "'from 14d until 14d' ends before it begins"),
        ("from 14d until: watch", "'14d until' is not an RFC 3339 instant"),
        ("from 14d to 44d: watch", "'14d to 44d' is not an RFC 3339 instant"),
        ("from 14d until 44d: act by 20d", "which actions are due changes within a span; say it at an instant"),
        ("from 14d until 44d: healthy", "'healthy' is what a client is without a concern; write 'nothing'"),
        ("at 14x: watch", "'14x' is not a duration; write '30 days'"),
        ("at 40000d: watch", "'40000d' is longer than 36,500 days"),
        (
            "at soon: watch",
            "'soon' is not an RFC 3339 instant; write 2026-06-30T09:00:00Z, or 2026-06-30 for midnight ",
        ),
    ],
)
def test_a_mistake_in_what_is_expected_is_told(line: str, why: str):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}"):
        read_line(line, Times())


def test_who_writes_no_time_is_shown_both_ways_to_write_one():
    with pytest.raises(ValueError, match=r"2026-06-30 for midnight UTC, or 14d for 14 days after the start$"):
        read_expected("later", "watch", Times())


# What is said.


def test_a_rule_is_held_to_spans_of_time_too():
    for lines in (rule_of(waiting).fires, rule_of(waiting).silent):
        example = read_example(lines)
        assert what_is_said(BoundRule(rule_of(waiting)), example) == example.expected


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("from 40d until 71d: watch", "from 2026-02-10 until 2026-03-12: watch"),
        ("from 39d until 70d: watch", "from 2026-02-10 until 2026-03-12: watch"),
        ("from 41d until 69d: watch", "from 2026-02-10 until 2026-03-12: watch"),
        ("from 40d: watch", "from 2026-02-10 until 2026-03-12: watch"),
        ("from 70d until 400d: at-risk", "from 2026-03-12: at-risk"),
        ("from 40d until 70d: at-risk", "from 2026-02-10 until 2026-03-12: watch"),
        ("from 10d until 41d: nothing", "from 2026-02-10 until 2026-03-12: watch"),
        ("from 10d until 40d: watch", "from 2026-01-01 until 2026-02-10: nothing"),
    ],
)
def test_a_level_that_is_in_force_for_another_span_is_noticed(expected: str, actual: str):
    assert said("0d engaged", "10d engaged", expected) == [actual]


def test_that_nothing_is_said_need_only_hold_all_the_while():
    quiet = ["from 0d until 40d: nothing", "from 3d until 4d: nothing", "from 10d until 12d: nothing"]
    example = read_example(["0d engaged", "10d engaged", *quiet])
    assert what_is_said(BoundRule(rule_of(waiting)), example) == example.expected


def test_before_the_first_event_nothing_is_said():
    assert said("5d engaged", "from 0d until 35d: nothing") == ["from 2026-01-01 until 2026-02-05: nothing"]


def test_what_an_event_puts_an_end_to_ends_there():
    assert said("0d engaged", "31d engaged", "from 30d until 31d: watch", "from 61d until 91d: watch") == [
        "from 2026-01-31 until 2026-02-01: watch",
        "from 2026-03-03 until 2026-04-02: watch",
    ]


def moments(case: Case) -> Sequence[datetime]:
    """The instants at which something can change, and those around them."""
    happened = {event.at for event in case.events}
    edges = happened | {edge for moment in happened for edge in case.at(moment).boundaries}
    near = {edge + move for edge in edges for move in (-MICROSECOND, timedelta(0), MICROSECOND, days(1))}
    return sorted(moment for moment in near if moment >= min(happened))


@pytest.mark.parametrize("found", [*BUILT_IN, *BOOK_RULES], ids=lambda found: found.name)
def test_a_course_says_at_each_instant_what_the_rule_says_then(found: Rule):
    for lines in (found.fires, found.silent):
        case = Case((BoundRule(found),), read_example(lines).events)
        course = case.course(in_force)
        for before, after in pairwise(course):
            assert (before.until, before.levels == after.levels) == (after.starts, False)
        for moment in moments(case):
            (spell,) = [it for it in course if it.overlaps(During(moment, moment + MICROSECOND, ()))]
            assert spell.levels == in_force(case.at(moment)), moment


def test_the_course_of_a_status_is_that_of_a_person_too():
    lines = ["0d engaged", '5d judged level=critical reason="a quarrel" until=8d', "at 40d: nothing"]
    case = Case((BoundRule(rule_of(waiting)),), read_example(lines).events)

    def status(it: Said) -> tuple[Health, ...]:
        return () if it.status is None else (it.status,)

    course = case.course(status)
    assert [(since_start(it.starts, START), *it.levels) for it in course] == [
        ("0d", Health.HEALTHY),
        ("5d", Health.CRITICAL),
        ("8d", Health.HEALTHY),
        ("35d", Health.WATCH),
        ("65d", Health.AT_RISK),
    ]
    assert holds(During(day_of(0), day_of(5), (Health.HEALTHY,)), course)
    assert not holds(During(day_of(0), day_of(6), (Health.HEALTHY,)), course)
