"""Pictures as shapes: where they lie, how high they stand, and that they tell the truth about the numbers behind them."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from given import EVERYTHING, client_of
from retention_engine import Complained, Engaged, Health, Resolved, days, instant
from retention_engine.formats.pictures import (
    HEIGHTS,
    STACKED,
    Window,
    chart,
    moments,
    percent,
    segments,
    strip,
    ticks,
)
from retention_engine.outlook import coming_changes
from retention_engine.timelines import timeline

NOW = instant("2026-06-30")
YEAR = Window(NOW - days(364), NOW + days(30))
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
COUNTS = st.fixed_dictionaries({level: st.integers(0, 3_000) for level in Health})


def drawn(*events, at=NOW, window=YEAR):
    client = client_of(*events)
    found = EVERYTHING.assess(client, at=at)
    changes = [] if found.status is Health.LEFT else list(coming_changes(found))
    return strip(window, timeline(EVERYTHING, client, until=at), changes, [], ground=50), found


def test_a_place_is_written_with_two_digits_at_most():
    assert [percent(it) for it in (0, 0.004, 12.5, 33.3333, 100)] == ["0", "0", "12.5", "33.33", "100"]


def test_what_lies_outside_a_window_is_on_its_edge():
    window = Window(NOW, NOW + days(10))
    assert [window.place(NOW + days(it)) for it in (-1, 0, 5, 10, 11)] == [0, 0, 50, 100, 100]


def test_the_months_that_begin_are_ticked_in_order_and_january_says_the_year():
    found = ticks(YEAR)
    assert [tick.text for tick in found] == [*MONTHS[7:], "2026", *MONTHS[1:7]]
    assert [tick.text for tick in found if not tick.minor] == ["Oct", "2026", "Apr", "Jul"]
    places = [float(tick.x) for tick in found]
    assert places == sorted(places)


def test_a_month_at_the_very_edge_is_ticked_without_a_name():
    found = ticks(Window(instant("2026-01-15"), instant("2026-03-02")))
    assert [tick.text for tick in found] == ["Feb", ""]


@given(st.dates(instant("1901-02-01").date(), instant("2199-01-01").date()), st.integers(1, 800))
def test_every_first_of_a_month_within_a_window_is_ticked_once(day, length):
    starts = instant(day)
    window = Window(starts, starts + days(length))
    firsts = [starts + days(it) for it in range(1, length) if (starts + days(it)).day == 1]
    assert [tick.x for tick in ticks(window)] == [percent(window.place(it)) for it in firsts]


def test_the_worse_a_level_the_higher_it_stands_and_who_left_lies_flat():
    there = [HEIGHTS[level] for level in Health if level is not Health.LEFT]
    assert there == sorted(set(there))
    assert HEIGHTS[Health.LEFT] < min(there)


def test_a_strip_shows_what_was_and_what_is_coming_without_a_gap():
    complaint = Complained(client="acme", at=NOW - days(100), id="c")
    found, assessment = drawn(
        Engaged(client="acme", at=NOW - days(200)),
        complaint,
        Resolved(client="acme", at=NOW - days(95), complaint="c"),
        Engaged(client="acme", at=NOW - days(95)),
    )
    past = [it for it in found.blocks if not it.coming]
    coming = [it for it in found.blocks if it.coming]
    assert past[-1].level is coming[0].level is assessment.status
    for one, other in pairwise(found.blocks):
        assert float(one.x) + float(one.width) == pytest.approx(float(other.x), abs=0.02)
    assert float(found.blocks[-1].x) + float(found.blocks[-1].width) == pytest.approx(100, abs=0.02)
    assert all(it.y + it.height == 50 for it in found.blocks)


def test_a_client_who_came_lately_has_nothing_before():
    found, _ = drawn(Engaged(client="acme", at=NOW - days(26)))
    assert float(found.blocks[0].x) == pytest.approx(YEAR.place(NOW - days(26)), abs=0.01)


def test_a_block_has_its_name_where_there_is_room_and_a_coming_one_never():
    found, _ = drawn(Engaged(client="acme", at=NOW - days(300)), Engaged(client="acme", at=NOW - days(20)))
    named = [it for it in found.blocks if it.label]
    assert named
    assert all(float(it.width) >= 9 and not it.coming and it.label == str(it.level) for it in named)
    assert any(not it.label for it in found.blocks)


def test_contacts_are_marked_once_where_they_lie_close_together():
    client = client_of(Engaged(client="acme", at=NOW - days(400)))
    line = timeline(EVERYTHING, client, until=NOW)
    near = [NOW - days(10) + timedelta(seconds=it) for it in range(50)]
    found = strip(YEAR, line, [], [NOW - days(400), NOW - days(300), *near], ground=50)
    assert found.marks == (f"{YEAR.place(NOW - days(300)):.1f}", f"{YEAR.place(NOW - days(10)):.1f}")


@given(COUNTS)
def test_a_bar_is_as_long_as_the_book_and_its_parts_as_the_counts(counts):
    found = segments(counts)
    total = sum(counts.values())
    assert {it.level for it in found} == {level for level in Health if counts[level]}
    for it in found:
        assert float(it.width) == pytest.approx(counts[it.level] / total * 100, abs=0.01)
    assert sum(float(it.width) for it in found) == pytest.approx(100 if total else 0, abs=0.1)
    assert [it.level for it in found] == [level for level in (*STACKED, Health.LEFT) if counts[level]]


@given(st.lists(COUNTS, min_size=2, max_size=9))
def test_the_layers_of_a_chart_lie_on_each_other_and_are_as_thick_as_the_counts(counts):
    found = chart(counts)
    if found is None:
        assert not any(count[level] for count in counts for level in STACKED)
        return
    highest = int(found.lines[-1][1].replace(",", ""))
    assert highest >= max(sum(count[level] for level in STACKED) for count in counts)
    assert 1 <= len(found.lines) <= 5
    for band in found.bands:
        points = [tuple(map(float, it.split(","))) for it in re.findall(r"[\d.]+,[\d.]+", band.path)]
        roof, ground = points[: len(counts)], points[: len(counts) - 1 : -1]
        for (x, top), (x_below, bottom), count in zip(roof, ground, counts, strict=True):
            assert x == x_below
            assert (bottom - top) * highest / 100 == pytest.approx(count[band.level], abs=highest / 5_000 + 1e-9)
        assert all(0 <= y <= 100 for _, y in points)
    assert [band.label for band in found.bands if band.label] == [
        f"{level} {counts[-1][level]:,}" for level in STACKED if counts[-1][level]
    ]
    places = [float(band.y) for band in found.bands if band.label]
    assert all(one - other > 6.9 for one, other in pairwise(places))


def test_there_is_no_chart_of_one_moment():
    assert chart([dict.fromkeys(Health, 3)]) is None


def test_moments_lie_whole_steps_before_the_last_one():
    found = moments(NOW, every=days(7), span=days(20))
    assert found == [NOW - days(14), NOW - days(7), NOW]
