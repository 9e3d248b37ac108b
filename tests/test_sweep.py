"""Sweeping through time: who is in which group from one change to the next, against looking at every instant."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from retention_engine import overlap, spans
from strategies import MICROSECOND, START

instants = st.integers(0, 12).map(lambda count: START + timedelta(days=count))
ends = st.none() | instants
stays = st.lists(st.tuples(st.integers(0, 3), instants, ends), max_size=8)
two_spans = st.tuples(st.tuples(instants, ends), st.tuples(instants, ends))


def inside(span: tuple[datetime, datetime | None], moment: datetime) -> bool:
    return span[0] <= moment and (span[1] is None or moment < span[1])


@given(stays, stays, instants)
def test_the_members_of_a_span_are_those_of_every_instant_in_it(one, other, probe):
    swept = [(starts, until, *map(list, groups)) for starts, until, groups in spans(one, other)]
    for moment in (probe, probe - MICROSECOND):
        expected = [sorted(member for member, *span in group if inside(tuple(span), moment)) for group in (one, other)]
        found = [groups for starts, until, *groups in swept if inside((starts, until), moment)]
        assert found in ([expected], [] if expected == [[], []] else None)


@given(stays)
def test_spans_follow_each_other_without_a_gap_and_the_last_one_never_ends(group):
    swept = [(starts, until) for starts, until, _ in spans(group)]
    assert [until for _, until in swept[:-1]] == [starts for starts, _ in swept[1:]]
    assert all(until is None for _, until in swept[-1:])
    real = [(starts, until) for _, starts, until in group if until is None or starts < until]
    assert [starts for starts, _ in swept] == sorted({moment for span in real for moment in span if moment})


@given(stays, instants)
def test_spans_that_are_over_are_left_out_and_the_others_stay_as_they_are(group, after):
    all_of_them = [(starts, until, list(members)) for starts, until, (members,) in spans(group)]
    later = [(starts, until, list(members)) for starts, until, (members,) in spans(group, after=after)]
    assert later == [it for it in all_of_them if it[1] is None or it[1] > after]


@given(two_spans, instants)
def test_an_overlap_holds_the_instants_that_are_in_both(both, probe):
    one, other = both
    assert inside(overlap(one, other), probe) == (inside(one, probe) and inside(other, probe))


def test_without_stays_there_are_no_spans():
    assert list(spans()) == list(spans([], [])) == []
    assert list(spans([("a", START, START)])) == []
