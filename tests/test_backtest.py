"""Back-tests: predictions that can't see the future, outcomes from the log or a truth file, and what is counted."""

import csv
import gzip
import io
import json
import runpy
from collections import Counter
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import quantiles

import pytest
from click.testing import CliRunner
from hypothesis import event as noted
from hypothesis import given
from hypothesis import strategies as st

from command import Ran, retention
from given import EVERYTHING, events_of, histories_of
from retention_engine import (
    BUILT_IN,
    Backtest,
    BoundRule,
    Engine,
    Health,
    Judged,
    KnownOutcome,
    Lead,
    Outcome,
    Settings,
    TrackRecord,
    backtest,
    create_log,
    days,
    instant,
    read_log,
    read_truth,
    replay,
    rule,
)
from retention_engine.cli import main
from retention_engine.cli.options import RuleChoice
from retention_engine.errors import InputError, QuestionError
from retention_engine.formats.backtests import message
from retention_engine.formats.truth import OUTCOMES
from retention_engine.predictions import Prediction, predictions
from shared_folder import ROOT, SHARED, needs_shared
from strategies import EVERY_KIND, MICROSECOND, _lines, logs, moments, settled

DAY = days(1)
START = instant("2026-01-01")
RULES = {rule.name: rule for rule in BUILT_IN}


def day(count: float) -> datetime:
    return START + days(count)


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def event(kind, at, client="acme", **fields):
    line = {"client": client, "kind": kind, "at": day(at), **fields}
    return {key: text(value) if isinstance(value, datetime) else value for key, value in line.items()}


def called(at, client="acme", **fields):
    return event("engaged", at, client, **fields)


def quiet(every=30, **more) -> Engine:
    """An engine with one rule: quiet for so many days."""
    return Engine([BoundRule(RULES["quiet-client"], values={"every": days(every), **more})])


QUIET = quiet()


def told(*log, engine=QUIET, fewest=1, **how) -> Backtest:
    return backtest(histories_of(log), engine, fewest=fewest, **how)


def record(found: Backtest, by: str) -> TrackRecord:
    return next(one for one in found.records if one.by == by)


# Predictions.


def seen_by(histories, engine, at) -> dict[str, Prediction]:
    """What a plain replay of what was known at a moment says."""
    found = {}
    for assessment in replay(histories, engine, at=at, known_at=at):
        in_force = [concern for concern in assessment.schedule.concerns if concern.in_force(at)]
        found[assessment.client.id] = (
            assessment.schedule.computed(at),
            {name: max(it.level for it in in_force if it.rule == name) for name in {it.rule for it in in_force}},
        )
    return found


def predicted(histories, engine, instants) -> dict[tuple[str, datetime], Prediction]:
    return {
        (client, prediction.at): prediction
        for client, events in histories.items()
        for prediction, _ in predictions(engine, client, events, instants)
    }


@st.composite
def logs_with_moments(draw):
    log = draw(logs())
    return log, tuple(sorted({draw(moments(log)) for _ in range(draw(st.integers(1, 5)))}))


class TestPredictions:
    @given(logs_with_moments())
    def test_each_is_what_a_replay_of_what_was_known_then_says(self, asked):
        log, instants = asked
        histories = histories_of(log)
        found = predicted(histories, EVERYTHING, instants)
        for at in instants:
            plain = seen_by(histories, EVERYTHING, at)
            of_moment = {client: it for (client, moment), it in found.items() if moment == at}
            assert {client: (it.status, it.levels) for client, it in of_moment.items()} == plain

    @given(logs_with_moments(), st.data())
    def test_what_is_recorded_later_never_alters_one(self, asked, data):
        log, instants = asked
        drafts = data.draw(st.lists(_lines(EVERY_KIND), min_size=1, max_size=5))
        wait = data.draw(st.sampled_from([MICROSECOND, DAY, days(400)]))
        late = [draft | {"lag": max(instants[-1] - draft["at"], timedelta(0)) + wait} for draft in drafts]
        longer = [*log, *settled(late, taken=log)]
        noted("something is retracted" if any(line["kind"] == "retracted" for line in longer[len(log) :]) else "no")
        before = predicted(histories_of(log), EVERYTHING, instants)
        assert predicted(histories_of(longer), EVERYTHING, instants) == before

    def test_an_event_that_was_recorded_late_is_not_seen_before(self):
        log = [called(0), called(40, recorded_at=day(60))]
        found = predicted(histories_of(log), QUIET, (day(45), day(59), day(60)))
        assert [it.status for it in found.values()] == [Health.WATCH, Health.WATCH, Health.HEALTHY]
        assert [it.quiet for it in found.values()] == [days(45), days(59), days(20)]

    def test_an_event_that_was_retracted_later_is_seen_until_then(self):
        log = [called(0), called(40, id="c"), event("retracted", 41, event="c", recorded_at=day(60))]
        found = predicted(histories_of(log), QUIET, (day(40), day(59), day(60)))
        assert [it.status for it in found.values()] == [Health.HEALTHY, Health.HEALTHY, Health.AT_RISK]

    def test_an_event_that_was_recorded_ahead_of_its_time_is_seen_from_its_time_on(self):
        log = [called(0), called(40, recorded_at=day(10)), called(5, recorded_at=day(70))]
        found = predicted(histories_of(log), QUIET, (day(39), day(40)))
        assert [it.status for it in found.values()] == [Health.WATCH, Health.HEALTHY]

    def test_what_a_person_judged_is_no_prediction(self):
        log = [called(0), event("judged", 1, level="critical", reason="They are cross.")]
        (found,) = predicted(histories_of(log), QUIET, (day(2),)).values()
        assert found.status is Health.HEALTHY

    @pytest.mark.parametrize(
        ("more", "gone"),
        [
            ([event("left", 5)], True),
            ([event("left", 5), called(7)], False),
            ([event("left", 5, recorded_at=day(11))], False),
            ([event("renewed", 5, term_end=day(10))], True),
            ([event("renewed", 5, term_end=day(10) + MICROSECOND)], False),
            ([event("renewed", 5, term_end=day(8)), event("renewed", 6)], False),
            ([event("profiled", 1, stage="prospect")], True),
            ([event("profiled", 1, stage="prospect"), event("renewed", 5)], False),
        ],
    )
    def test_who_is_gone_as_far_as_was_known(self, more, gone):
        log = sorted([called(0), *more], key=lambda line: line["at"])
        (found,) = predicted(histories_of(log), QUIET, (day(10),)).values()
        assert found.gone is gone

    def test_the_status_left_is_gone_whatever_rule_says_it(self):
        log = [called(0), event("renewed", 1, term_end=day(20)), event("renewed", 2)]
        engine = Engine([RULES["lapsed-term"].function])
        assert [it.gone for it in predicted(histories_of(log), engine, (day(49), day(50))).values()] == [False, True]


# The counts, against a second way to count that knows nothing of the package.

Line = dict[str, object]
RETURNS = {"engaged", "renewed"}


def facts(log: list[Line], client: str) -> list[Line]:
    """A client's lines with instants, in order."""
    found = []
    for place, line in enumerate(log):
        if line["client"] == client:
            at = datetime.fromisoformat(line["at"])
            known = datetime.fromisoformat(line.get("recorded_at", line["at"]))
            ends = datetime.fromisoformat(line["term_end"]) if "term_end" in line else None
            found.append(line | {"at": at, "known": max(at, known), "place": place, "ends": ends})
    return sorted(found, key=lambda line: (line["at"], line["place"]))


def after(history: list[Line], line: Line) -> list[Line]:
    return [other for other in history if (other["at"], other["place"]) > (line["at"], line["place"])]


Ends = tuple[datetime, str, datetime | None]
"""When, what, and when the client came back."""


def naive_endings(history: list[Line], end: datetime, grace: timedelta) -> list[Ends]:
    history = [line for line in history if line["at"] <= end]
    kept: list[Ends] = []
    for one in sorted([*naive_leavings(history), *naive_lapses(history, end, grace)], key=lambda it: it[0]):
        if not naive_gone(kept, one[0]):
            kept.append(one)
    return kept


def naive_leavings(history: list[Line]) -> list[Ends]:
    lefts = [line for line in history if line["kind"] == "left"]
    found = []
    back = None
    for line in lefts:
        if back and line not in after(history, back):
            continue
        back = next((other for other in after(history, line) if other["kind"] in RETURNS), None)
        if back is None:
            return [*found, (line["at"], naive_loss(lefts[-1]), None)]
        found.append((line["at"], "returned", back["at"]))
    return found


def naive_loss(left: Line) -> str:
    return "lost" if left.get("controllable", True) else "uncontrollable"


def naive_lapses(history: list[Line], end: datetime, grace: timedelta) -> list[Ends]:
    lefts = [line for line in history if line["kind"] == "left"]
    gone = lefts[-1] if lefts and not any(line["kind"] in RETURNS for line in after(history, lefts[-1])) else None
    signed = [line for line in history if line["kind"] == "renewed"]
    found = []
    for line in naive_terms(signed):
        ends = line["ends"]
        later = [other for other in after(signed, line) if not other["ends"] or other["ends"] > ends]
        if gone and gone["at"] < ends:
            continue
        if gone and (gone["at"] == ends or not later):
            found.append((ends, naive_loss(gone), None))
        elif later and later[0]["at"] - ends > grace:
            found.append((ends, "lost", later[0]["at"]))
        elif not later:
            found.append((ends, "lost" if end - ends >= grace else "open", None))
    return found


def naive_terms(signed: list[Line]) -> list[Line]:
    """The terms that lie within no other signed before, the latest of those that end together."""
    found: dict[datetime, Line] = {}
    for line in signed:
        if line["ends"] and all(line["ends"] >= ends for ends in found):
            found[line["ends"]] = line
    return list(found.values())


def naive_gone(endings, at) -> bool:
    return any(e[0] <= at and (e[2] is None or at < e[2]) for e in endings)


def naive_warned(known: list[Line], at: datetime, every: timedelta) -> bool:
    contacts = [line["at"] for line in known if line["kind"] == "engaged"]
    return at - (contacts[-1] if contacts else known[0]["at"]) >= every


def naive_seems_gone(known: list[Line], at: datetime) -> bool:
    lefts = [line for line in known if line["kind"] == "left"]
    if lefts and not any(line["kind"] in RETURNS for line in after(known, lefts[-1])):
        return True
    ended = [line for line in known if line["ends"]]
    if not ended:
        return False
    longest = max(line["ends"] for line in ended)
    last = [line for line in ended if line["ends"] == longest][-1]
    return longest <= at and not any(line["kind"] == "renewed" and not line["ends"] for line in after(known, last))


Row = dict[int, tuple[bool, str | None]]
"""By the moment's number: whether there was a warning, and what became of the client, as far as that can be known."""


def naive_row(history, endings, end, every, horizon, quiet_for) -> Row:
    row: Row = {}
    for step in range((end - START) // every + 1):
        at = START + every * step
        known = [line for line in history if line["known"] <= at]
        if known and not naive_gone(endings, at) and not naive_seems_gone(known, at):
            ahead = [what for when, what, _ in endings if at < when <= at + horizon]
            outcome = (ahead[0] if ahead else "retained") if at + horizon <= end else None
            row[step] = naive_warned(known, at, quiet_for), outcome
    return row


def naive_false_alarms(row: Row) -> int:
    count = 0
    for first in row:
        step, outcomes = first, set()
        while row.get(step, (False, None))[0] and row[step][1]:
            outcomes.add(row[step][1])
            step += 1
        goes_on = row.get(first - 1, (False, None))
        count += outcomes == {"retained"} and not (goes_on[0] and goes_on[1])
    return count


def naive_counts(log, end, every, horizon, grace, quiet_for) -> dict[str, object]:
    """Everything that the back-test counts for a rule, by loops over clients, moments and losses."""
    counts: Counter = Counter()
    leads, losses, caught, false_alarms = [], 0, 0, 0
    for client in sorted({line["client"] for line in log}):
        history = facts(log, client)
        endings = naive_endings(history, end, grace)
        row = naive_row(history, endings, end, every, horizon, quiet_for)
        false_alarms += naive_false_alarms(row)
        for warned, outcome in row.values():
            counts[outcome] += 1
            counts["warned", outcome] += warned
        for when, what, _ in endings:
            looked = [step for step in row if when - horizon <= START + every * step < when]
            if what != "lost" or not looked:
                continue
            losses += 1
            caught += any(row[step][0] for step in looked)
            last = looked[-1]
            if row[last][0] and when - (START + every * last) <= every:
                while last - 1 in row and row[last - 1][0]:
                    last -= 1
                leads.append((when - (START + every * last)) / DAY)
    return {
        "cases": {outcome.value: counts[outcome.value] for outcome in Outcome},
        "warned": {outcome.value: counts["warned", outcome.value] for outcome in Outcome},
        "losses": losses,
        "caught": caught,
        "false_alarms": false_alarms,
        "leads": sorted(leads),
    }


OFFSETS = [*range(0, 200, 5), *range(0, 200, 7)]


@st.composite
def simple_logs(draw):
    log = []
    for client in ("acme", "bolt")[: draw(st.integers(1, 2))]:
        for _ in range(draw(st.integers(1, 9))):
            kind = draw(st.sampled_from(["engaged"] * 4 + ["left", "left", "renewed", "renewed"]))
            at = draw(st.sampled_from(OFFSETS))
            line = event(kind, at, client)
            if kind == "renewed" and draw(st.integers(0, 4)):
                line["term_end"] = text(day(at + draw(st.sampled_from([10, 30, 35, 70]))))
            if kind == "left" and draw(st.booleans()):
                line["controllable"] = False
            if draw(st.integers(0, 3)) == 0:
                line["recorded_at"] = text(day(at + draw(st.sampled_from([-3, 1, 20, 60]))))
            log.append(line)
    return log


@given(simple_logs(), st.sampled_from([5, 7, 10]), st.sampled_from([10, 30, 45]), st.sampled_from([0, 30]))
def test_the_counts_are_those_of_a_naive_confusion_matrix(log, every, horizon, grace):
    end = day(210)
    expected = naive_counts(log, end, days(every), days(horizon), days(grace), days(30))
    found = told(*log, starts=START, until=end, every=days(every), horizon=days(horizon), grace=days(grace))
    rule = found.rules[0]
    noted(f"{bool(expected['losses'])=}, {bool(expected['caught'])=}, {bool(expected['leads'])=}")
    cases = {outcome.value: found.cases.counts.get(outcome, 0) for outcome in Outcome}
    warned = {outcome.value: rule.apart.get(outcome, 0) for outcome in Outcome}
    warned |= {"lost": rule.true_positives, "retained": rule.false_positives}
    assert (cases, warned) == (expected["cases"], expected["warned"])
    assert (found.cases.losses, rule.caught, rule.false_alarms) == (
        expected["losses"],
        expected["caught"],
        expected["false_alarms"],
    )
    leads = expected["leads"]
    if leads and found.cases.sufficient:
        assert rule.lead == Lead(*(quantiles(leads, n=4, method="inclusive") if len(leads) > 1 else leads * 3))
    else:
        assert rule.lead is None
    lost, retained = cases["lost"], cases["retained"]
    if found.cases.sufficient:
        assert found.cases.base_rate == Fraction(lost, lost + retained)
        assert rule.recall == Fraction(warned["lost"], lost)
        assert found.cases.client_years == Fraction((lost + retained) * every, 365)


# By hand.

CUT = day(100)


def crowd(**clients: tuple[int, int]) -> tuple[list[Line], list[KnownOutcome]]:
    """Clients by group (`lost_warned` and the like): how many, and how many days before the cut they were last called."""
    log, truth = [], []
    for group, (count, ago) in clients.items():
        for number in range(count):
            name = f"{group}-{number}"
            log.append(called(100 - ago, name))
            truth.append(KnownOutcome(name, CUT, Outcome(group.partition("_")[0])))
    return log, truth


CROWD = crowd(lost_warned=(9, 40), lost_calm=(3, 10), retained_warned=(4, 50), retained_calm=(24, 5))


class TestATruthFile:
    def test_the_confusion_matrix(self):
        log, truth = CROWD
        found = told(*log, truth=truth, fewest=10)
        assert found.cases.counts == {Outcome.LOST: 12, Outcome.RETAINED: 28}
        assert (found.clients, found.cases.losses, found.cases.retained_clients) == (40, 12, 28)
        assert found.cases.base_rate == Fraction(12, 40)
        for one in (found.status, record(found, "quiet-client")):
            assert (one.warned, one.true_positives, one.false_positives, one.warned_clients) == (13, 9, 4, 13)
            assert (one.precision, one.recall) == (Fraction(9, 13), Fraction(9, 12))
            assert one.lift == Fraction(9, 13) / Fraction(12, 40)

    def test_a_single_moment_tells_of_no_time(self):
        log, truth = CROWD
        found = told(*log, truth=truth)
        assert (found.until, found.every, found.horizon, found.grace) == (None, None, None, None)
        assert found.cases.client_years is None
        for one in found.records:
            assert (one.caught, one.lead, one.false_alarms, one.false_alarms_a_year) == (None, None, None, None)

    def test_nothing_after_the_cutoff_is_seen(self):
        log, truth = CROWD
        after = [called(101, line["client"]) for line in log] + [event("left", 102, line["client"]) for line in log]
        assert told(*log, *after, truth=truth).records == told(*log, truth=truth).records

    def test_each_client_is_asked_about_at_its_own_cutoff(self):
        log = [called(0), called(0, "bolt")]
        truth = [KnownOutcome("acme", day(29), Outcome.LOST), KnownOutcome("acme", day(30), Outcome.LOST)]
        found = told(*log, truth=[*truth, KnownOutcome("bolt", day(40), Outcome.RETAINED)])
        assert found.moments == (day(29), day(30), day(40))
        assert (found.status.true_positives, found.status.false_positives) == (1, 1)
        assert found.cases.counts[Outcome.LOST] == 2

    def test_clients_that_the_log_or_the_moment_does_not_know_are_no_cases(self):
        log = [called(50), called(0, "bolt"), called(0, "gone"), event("left", 5, "gone")]
        at = [("acme", 40), ("bolt", 40), ("gone", 40), ("nobody", 40)]
        found = told(*log, truth=[KnownOutcome(name, day(when), Outcome.LOST) for name, when in at])
        assert (found.unknown, found.gone, found.cases.counts) == (2, 1, {Outcome.LOST: 1})

    def test_a_client_of_whom_the_truth_says_nothing_is_no_case(self):
        assert told(called(0), called(0, "bolt"), truth=[KnownOutcome("bolt", CUT, Outcome.LOST)]).clients == 1

    def test_a_loss_beyond_our_control_is_no_loss(self):
        log, truth = crowd(
            lost_warned=(2, 40), uncontrollable_warned=(3, 40), uncontrollable_calm=(1, 3), retained=(1, 1)
        )
        found = told(*log, truth=truth)
        assert found.cases.counts == {Outcome.LOST: 2, Outcome.UNCONTROLLABLE: 4, Outcome.RETAINED: 1}
        assert found.status.apart == {Outcome.UNCONTROLLABLE: 3}
        assert (found.status.warned, found.status.precision, found.status.recall) == (2, 1, 1)


class TestPlainRecency:
    def test_it_warns_of_as_many_clients_as_the_status_does(self):
        log, truth = CROWD
        contact, heard = told(*log, truth=truth).recency
        assert (contact.by, contact.above, heard.by, heard.above) == ("contact", days(40), "heard", days(40))
        assert contact.warned == heard.warned == 13

    def test_where_clients_are_equal_it_comes_as_near_as_it_can(self):
        log, truth = crowd(lost_a=(5, 60), lost_b=(4, 50), retained_a=(3, 40), retained_b=(9, 1))
        assert [told(*log, truth=truth, engine=quiet(every)).recency[0].above for every in (55, 45, 2, 70)] == [
            days(60),
            days(50),
            days(40),
            None,
        ]
        cases = told(*log, truth=truth).cases
        ages = {wanted: cases.as_many(lambda it: it.quiet, wanted) for wanted in (0, 2, 3, 7, 10, 11, 21, 99)}
        assert ages == {
            0: None,
            2: None,  # none is nearer than five
            3: days(60),
            7: days(60),  # as far from five as from nine: the fewer
            10: days(50),
            11: days(40),
            21: days(1),
            99: days(1),
        }

    def test_what_became_of_the_clients_does_not_choose_it(self):
        log, truth = CROWD
        other = [
            KnownOutcome(it.client, it.cutoff, Outcome.LOST if "calm" in it.client else Outcome.RETAINED)
            for it in truth
        ]
        assert [it.above for it in told(*log, truth=truth).recency] == [
            it.above for it in told(*log, truth=other).recency
        ]

    def test_what_we_sent_is_contact_and_nothing_heard(self):
        log = [called(0), called(40, direction="outbound")]
        (found,) = predicted(histories_of(log), QUIET, (day(50),)).values()
        assert (found.quiet, found.unheard) == (days(10), days(50))


ROW = {"every": days(10), "horizon": days(30), "starts": START, "until": day(200)}


class TestARowOfMoments:
    def test_a_loss_is_seen_from_each_moment_within_the_horizon_before_it(self):
        found = told(called(0), event("left", 95), **ROW)
        assert found.cases.counts == {Outcome.RETAINED: 7, Outcome.LOST: 3}  # 0 to 60 days, then 70, 80 and 90
        assert found.gone == 11
        assert (found.cases.losses, found.status.caught, found.status.true_positives) == (1, 1, 3)
        assert found.cases.client_years == Fraction(100, 365)

    @pytest.mark.parametrize(("left", "lost"), [(90, 3), (90.1, 3), (89.9, 3), (100, 3)])
    def test_the_horizon_holds_its_end_and_not_its_start(self, left, lost):
        found = told(called(0), event("left", left), **ROW)
        assert found.cases.counts[Outcome.LOST] == lost
        at = [case.prediction.at for case in found.cases.courses[0].cases if case.outcome is Outcome.LOST]
        assert all(moment < day(left) <= moment + days(30) for moment in at)

    def test_moments_whose_horizon_reaches_beyond_the_observation_are_no_cases(self):
        found = told(called(0), **ROW)
        assert found.cases.counts == {Outcome.RETAINED: 18}  # the last of them is day 170
        assert [case.outcome for case in found.cases.courses[0].cases[-3:]] == [None] * 3

    def test_the_observation_is_that_of_the_log_where_nobody_says(self):
        log = [called(0.6), called(99.5), called(300, recorded_at=day(99))]  # the last was noted ahead of its time
        found = told(*log, every=days(10), horizon=days(30))
        assert (found.moments[0], found.moments[-1], found.until) == (START, day(90), day(99.5))

    def test_the_lead_is_counted_from_where_the_last_warning_began(self):
        log = [called(0), called(45), event("left", 95)]
        found = told(*log, **ROW)  # warned at 30 and 40, calm from 45, warned from 80 on
        assert found.status.lead == Lead(15.0, 15.0, 15.0)
        assert found.status.caught == 1

    def test_a_warning_that_had_ended_was_one_and_has_no_lead(self):
        log = [called(0), called(85), event("left", 95)]
        found = told(*log, **ROW)
        assert (found.status.caught, found.status.lead) == (1, None)

    def test_a_lead_may_be_longer_than_the_horizon(self):
        assert told(called(0), event("left", 195), **ROW).status.lead == Lead(165.0, 165.0, 165.0)

    def test_the_quartiles_of_the_leads(self):
        log = [line for n in range(5) for line in (called(0, f"c{n}"), event("left", 60 + n * 20, f"c{n}"))]
        assert told(*log, **ROW).status.lead == Lead(50.0, 70.0, 90.0)

    def test_a_false_alarm_is_a_warning_without_a_break(self):
        log = [called(0), called(65), called(110), *(called(0, "bolt"), event("left", 95, "bolt"))]
        found = told(*log, **ROW)
        # acme: days 30-60, day 100, days 140-170; bolt's only warning stood when it left
        assert found.status.false_alarms == 3
        assert found.status.false_alarms_a_year == Fraction(3) / Fraction((18 + 10) * 10, 365)

    def test_the_false_alarms_of_a_warning_that_is_broken_off_by_the_end(self):
        assert told(called(0), **ROW).status.false_alarms == 1

    def test_a_client_who_comes_back_is_a_case_again(self):
        log = [called(0), event("renewed", 1, term_end=day(40)), event("renewed", 90, term_end=day(300))]
        found = told(*log, **ROW)
        assert found.gone == 5  # days 40 to 80: the term was over, and it was renewed after the grace
        assert found.cases.losses == 1

    def test_a_renewal_within_the_grace_ends_nothing(self):
        log = [called(0), event("renewed", 1, term_end=day(40)), event("renewed", 70, term_end=day(300))]
        found = told(*log, **ROW)
        assert found.cases.losses == 0
        assert found.gone == 3  # days 40 to 60: nobody knew yet
        assert told(*log, **ROW, grace=days(29)).cases.losses == 1

    def test_whose_term_ends_too_late_to_tell_is_set_apart(self):
        log = [called(0), event("renewed", 1, term_end=day(180))]
        assert told(*log, **ROW).cases.counts == {Outcome.RETAINED: 15, Outcome.OPEN: 3}

    def test_who_left_and_came_back_is_set_apart_whatever_was_noted_in_between(self):
        log = [called(0), event("left", 95), event("left", 120, controllable=False), called(150)]
        found = told(*log, **ROW)
        assert found.cases.counts == {Outcome.RETAINED: 7 + 3, Outcome.RETURNED: 3}  # 150 to 170 are cases again
        assert found.status.apart == {Outcome.RETURNED: 3}

    def test_the_latest_note_of_a_leaving_says_why(self):
        log = [called(0), event("left", 95), event("left", 120, controllable=False)]
        assert told(*log, **ROW).cases.counts == {Outcome.RETAINED: 7, Outcome.UNCONTROLLABLE: 3}

    def test_a_leaving_that_was_retracted_is_none(self):
        log = [called(0), event("left", 95, id="gone"), event("retracted", 96, event="gone")]
        found = told(*log, **ROW)
        assert found.cases.counts == {Outcome.RETAINED: 18}
        assert found.gone == 0  # it was known on no moment of the row

    def test_a_leaving_that_was_recorded_late_makes_no_case_of_who_was_gone(self):
        log = [called(0), event("left", 95, recorded_at=day(150))]
        found = told(*log, **ROW)
        assert found.cases.counts == {Outcome.RETAINED: 7, Outcome.LOST: 3}
        assert (found.gone, found.hidden) == (11, 1)

    def test_a_prospect_is_no_case(self):
        log = [event("profiled", 0, stage="prospect"), called(1), event("profiled", 95, stage="client")]
        assert told(*log, **ROW).gone == 10

    def test_a_prospect_who_goes_is_no_loss(self):
        log = [called(0), event("profiled", 45, stage="prospect"), event("left", 60)]
        found = told(*log, **ROW)
        assert found.cases.counts == {Outcome.RETAINED: 5}  # until the log knows it
        assert found.cases.losses == 0

    def test_a_term_that_is_over_is_no_case_even_if_that_was_recorded_late_and_is_still_open(self):
        log = [called(0), event("renewed", 1, term_end=day(180), recorded_at=day(195))]
        found = told(*log, **{**ROW, "horizon": days(10)})
        assert found.cases.counts == {Outcome.RETAINED: 17, Outcome.OPEN: 1}

    def test_a_log_that_was_imported_later_can_be_read_as_if_it_had_not_been(self):
        log = [called(0), called(60), event("left", 95)]
        late = [line | {"recorded_at": text(day(400))} for line in log]
        assert told(*late, **ROW).cases.counts == {}
        assert told(*late, **ROW).hidden == 3
        assert told(*late, **ROW, ignore_recorded_at=True) == told(*log, **ROW)

    def test_what_was_recorded_later_can_be_left_out_outcomes_too(self):
        log = [called(0), called(60)]
        late = event("left", 95, recorded_at=text(day(120)))
        assert told(*log, late, **ROW, known_at=day(120)) == told(*log, late, **ROW)
        assert told(*log, late, **ROW, known_at=day(119.9)) == told(*log, **ROW)
        assert told(late, **ROW, known_at=day(119.9)).cases.counts == {}

    def test_pairs_may_be_streamed(self):
        log = [called(0), event("left", 95), called(3, "bolt")]
        found = backtest(iter(histories_of(log).items()), QUIET, fewest=1, **ROW)
        assert found == told(*log, **ROW)
        assert backtest(iter(histories_of(log).items()), QUIET).until == day(95)

    def test_a_rule_that_fails_warns_of_nobody_and_is_told(self):
        @rule
        def broken(client):
            """It breaks."""
            yield 1 / 0

        found = told(called(0), called(50), called(0, "bolt"), engine=Engine([broken]), **ROW)
        assert [(one.rule, one.client) for one in found.failures] == [("broken", "acme"), ("broken", "bolt")]
        assert found.rules[0].warned == 0


class TestTooLittle:
    def test_no_rate_is_told_on_fewer_losses_than_needed(self):
        log, truth = crowd(lost_warned=(9, 40), retained_calm=(30, 5))
        found = told(*log, truth=truth, fewest=10)
        assert not found.cases.sufficient
        assert found.cases.base_rate is None
        for one in found.records:
            assert (one.precision, one.recall, one.lift) == (None, None, None)
        assert told(*log, truth=truth, fewest=9).status.recall == 1

    def test_nor_on_fewer_clients_retained(self):
        log, truth = crowd(lost_warned=(30, 40), retained_calm=(9, 5))
        assert not told(*log, truth=truth, fewest=10).cases.sufficient
        assert told(*log, truth=truth, fewest=9).cases.sufficient

    def test_nor_a_precision_on_fewer_clients_warned_of(self):
        log, truth = crowd(lost_warned=(2, 40), lost_calm=(10, 3), retained_calm=(30, 5))
        status = told(*log, truth=truth, fewest=10).status
        assert (status.precision, status.lift, status.recall) == (None, None, Fraction(2, 12))

    def test_one_client_at_many_moments_is_one(self):
        how = {"every": days(1), "horizon": days(30), "starts": START, "until": day(200)}
        found = told(called(0), event("left", 95), **how, fewest=2)
        assert found.cases.counts[Outcome.LOST] == 30
        assert not found.cases.sufficient
        assert (found.status.lead, found.status.false_alarms_a_year) == (None, None)

    def test_a_lead_is_told_on_as_many_losses(self):
        how = {"every": days(10), "horizon": days(30), "starts": START, "until": day(200)}
        log = [line for n in range(3) for line in (called(0, f"c{n}"), event("left", 95, f"c{n}"))]
        log += [called(90, "c0"), *(called(place, "bolt") for place in range(0, 200, 5))]
        log += [called(0, f"stays-{n}") for n in range(3)]
        assert told(*log, **how, fewest=3).status.lead is None
        assert told(*log, **how, fewest=2).status.lead == Lead(65.0, 65.0, 65.0)

    def test_an_empty_log(self):
        found = told()
        assert (found.moments, found.until, found.clients, found.cases.sufficient) == ((), None, 0, False)
        assert told(truth=[]).moments == ()

    def test_a_log_of_what_is_planned_alone(self):
        found = told(called(50, recorded_at=day(1)))
        assert (found.moments, found.until, found.clients) == ((), None, 0)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"level": Health.LEFT}, "left can't be a warning"),
        ({"level": Health.HEALTHY}, "choose a level from unknown to critical"),
        ({"fewest": 0}, "no rate can rest on 0 outcomes"),
        ({"every": days(0)}, "give more than nothing"),
        ({"horizon": days(0)}, "give more than nothing"),
        ({"starts": day(1), "until": day(0)}, "ends at 2026-01-01T00:00:00Z, before it starts at 2026-01-02T00:00:00Z"),
        ({"starts": day(0), "until": day(1), "every": MICROSECOND}, "86,400,000,001 moments are too many"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(how, said):
    with pytest.raises(QuestionError, match=said):
        told(called(0), **how)


# Truth files.


def truth_file(folder, *lines: object):
    path = folder / "truth.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def of(client, outcome, **fields):
    return {"client": client, "outcome": outcome, "cutoff": "2026-04-11", **fields}


class TestReadingATruthFile:
    def test_the_words_and_what_they_mean(self, tmp_path):
        words = ["lost", "lapsed", "left", "churned", "retained", "returned", "renewed", "left-uncontrollable"]
        path = truth_file(tmp_path, *(of(word, word) for word in [*words, "joined_after_cutoff"]), "")
        lost, retained = Outcome.LOST, Outcome.RETAINED
        expected = [lost, lost, lost, lost, retained, retained, retained, Outcome.UNCONTROLLABLE]
        assert read_truth(str(path)) == tuple(map(KnownOutcome, words, [CUT] * 8, expected))

    def test_fields_of_the_makers_own_are_left_alone(self, tmp_path):
        path = truth_file(tmp_path, of("acme", "lost", at="2026-05-01", purchases_after=0, note={"a": [1]}))
        assert read_truth(str(path)) == (KnownOutcome("acme", CUT, Outcome.LOST),)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ({"client": "acme", "outcome": "lost"}, "cutoff: is missing, and must be given [missing-field]"),
            ({"client": "acme", "outcome": "lost", "cut_off": "2026-04-11"}, "did you mean 'cut_off'? [missing-field]"),
            (of("acme", "lots"), "did you mean 'lost'? [unknown-value]"),
            (of("acme", 1), "outcome: "),
            (of("", "lost"), "client: expected 1 to 200 characters, got nothing [empty]"),
            (of("acme", "lost") | {"cutoff": "11.4.2026"}, "cutoff: '11.4.2026' is not an RFC 3339 instant"),
            (of("acme", "lost", at="2026-04-11"), "at: must lie after cutoff"),
            ('{"client": }', "this is not JSON"),
            ("[]", "expected one JSON object a line, got a list [not-an-object]"),
            (of("bolt", "retained"), "client: 'bolt' has an outcome after 2026-04-11T00:00:00Z already"),
        ],
    )
    def test_a_mistake_is_told_with_its_line_and_field(self, line, said, tmp_path):
        path = truth_file(tmp_path, of("bolt", "lost"), "", line, of("cole", "lost"))
        with pytest.raises(InputError) as refused:
            read_truth(str(path))
        (problem,) = refused.value.problems
        assert problem.line == 3
        assert said in str(problem)

    def test_all_mistakes_are_told(self, tmp_path):
        path = truth_file(tmp_path, *[{}] * 3, of("acme", "lost"), *["x"] * 2)
        with pytest.raises(InputError) as refused:
            read_truth(str(path))
        assert [problem.line for problem in refused.value.problems] == [1, 2, 3, 5, 6]

    def test_a_file_of_something_else_is_given_up(self, tmp_path):
        path = truth_file(tmp_path, *["x"] * 1_500)
        with pytest.raises(InputError) as refused:
            read_truth(str(path))
        assert len(refused.value.problems) == 1_001
        (tmp_path / "truth.zip").write_bytes(b"PK\x03\x04 and so on")
        with pytest.raises(InputError, match="is a zip archive or a spreadsheet; a truth file is JSON lines"):
            read_truth(str(tmp_path / "truth.zip"))
        with pytest.raises(InputError, match="can't be read: no such file"):
            read_truth(str(tmp_path / "nowhere.jsonl"))


# The command.


@pytest.fixture
def folder(tmp_path):
    log, truth = CROWD
    log = [*log, called(0, "apart-1"), called(0, "apart-2"), called(101, "later")]
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))
    told_so = [of(it.client, it.outcome.value) for it in truth]
    more = [of("apart-1", "left-uncontrollable"), of("apart-2", "left-uncontrollable"), of("later", "lost")]
    truth_file(tmp_path, *told_so, *more)
    (tmp_path / "month.toml").write_text('[rules.quiet-client]\nevery = "30 days"\n')
    return tmp_path


def run(folder, *options, log="log.jsonl", **how) -> Ran:
    return retention("backtest", log, *options, cwd=folder, **how)


PLAIN = "would have by lot, and the mere days of silence, with as many warnings, reach"
SPAN = "from 2026-01-01 to 2026-07-20"
WITH_TRUTH = ["--truth", "truth.jsonl", "--settings", "month.toml", "--select", "quiet-client"]


class TestTheAnswer:
    def test_where_recency_does_otherwise(self):
        log, truth = crowd(lost_loud=(3, 5), lost_calm=(1, 1), retained_quiet=(3, 30), retained_calm=(6, 1))
        log += [event("complained", 80, it.client) for it in truth if "loud" in it.client]
        said = message(told(*log, truth=truth, engine=Engine([RULES["open-complaint"].function])))
        assert said == f"Of the warnings by status, 100.0 % came true; 30.8 % {PLAIN} 0.0 %."

    def test_where_recency_can_not_tell_clients_apart(self):
        log, truth = crowd(lost_key=(3, 40), lost_calm=(1, 40), retained_calm=(9, 40))
        log += [event("profiled", 0, it.client, tier="key") for it in truth if "key" in it.client]
        said = message(told(*log, truth=truth, engine=quiet(60)))
        too_little = "and the mere days of silence tell the clients apart too little to be compared."
        assert said == f"Of the warnings by status, 100.0 % came true; 30.8 % would have by lot, {too_little}"


class TestTheCommand:
    def test_it_tells_the_counts_in_words(self, folder):
        done = run(folder, *WITH_TRUTH)
        assert (done.code, done.err) == (0, "")
        assert [line.rstrip() for line in done.text.splitlines()] == [
            "Back-test of 1 rule over 40 clients, at 2026-04-11, warnings from watch on",
            "",
            f"Of the warnings by status, 69.2 % came true; 30.0 % {PLAIN} 69.2 %, too.",
            "",
            "40 cases: 12 lost, 28 retained, base rate 30.0 %",
            "set apart: 2 cases (left for a reason beyond our control), 2 of them warned of",
            "no case: 1 client of the truth file, of whom nothing was known at the cutoff",
            "",
            "warned by                cases   lost   precision   recall   lift",
            "─────────────────────────────────────────────────────────────────",
            "status                   13      9      69.2 %      75.0 %   2.31",
            "no contact for 40 days   13      9      69.2 %      75.0 %   2.31",
            "not heard for 40 days    13      9      69.2 %      75.0 %   2.31",
            "quiet-client             13      9      69.2 %      75.0 %   2.31",
        ]

    def test_json_is_the_same_for_programs(self, folder):
        document = json.loads(run(folder, *WITH_TRUTH, "--format", "json").out)
        records = document.pop("records")
        assert document.pop("message").startswith("Of the warnings by status, 69.2 % came true;")
        assert document == {
            "version": 1,
            "from": "2026-04-11T00:00:00Z",
            "to": "2026-04-11T00:00:00Z",
            "every": None,
            "horizon": None,
            "grace": None,
            "level": "watch",
            "fewest": 10,
            "sufficient": True,
            "clients": 40,
            "cases": {"lost": 12, "retained": 28, "uncontrollable": 2, "returned": 0, "open": 0},
            "losses": 12,
            "retained_clients": 28,
            "base_rate": 0.3,
            "client_years": None,
            "unknown": 1,
            "gone": 0,
            "hidden": 0,
            "failures": [],
        }
        assert [(one["by"], one["kind"], one["above_days"]) for one in records] == [
            ("status", "status", None),
            ("contact", "recency", 40.0),
            ("heard", "recency", 40.0),
            ("quiet-client", "rule", None),
        ]
        assert records[-1] == {
            "by": "quiet-client",
            "kind": "rule",
            "above_days": None,
            "warned": 13,
            "warned_clients": 13,
            "true_positives": 9,
            "false_positives": 4,
            "warned_apart": {"uncontrollable": 2, "returned": 0},
            "precision": 0.692308,
            "recall": 0.75,
            "lift": 2.307692,
            "caught": None,
            "lead_days": None,
            "false_alarms": None,
            "false_alarms_a_year": None,
        }

    def test_csv_has_a_row_for_each_that_warns(self, folder):
        rows = list(csv.DictReader(io.StringIO(run(folder, *WITH_TRUTH, "--format", "csv").text)))
        assert [row["by"] for row in rows] == ["status", "contact", "heard", "quiet-client"]
        told_values = "status,status,,13,13,9,4,0.692308,0.75,2.307692,,,,,,,2,0"
        assert ",".join(rows[0].values()) == told_values
        assert list(rows[0])[7:11] == ["precision", "recall", "lift", "caught"]

    def test_on_too_little_it_says_so_and_tells_no_rate(self, folder):
        done = run(folder, *WITH_TRUTH, "--fewest", "13")
        assert done.code == 0
        assert "Insufficient: 12 losses and 28 clients retained; rates are told from 13 of each on." in done.text
        assert "%" not in done.text
        assert done.text.count("insufficient") == 8
        document = json.loads(run(folder, *WITH_TRUTH, "--fewest", "13", "--format", "json").out)
        assert (document["sufficient"], document["base_rate"]) == (False, None)
        assert {one[key] for one in document["records"] for key in ("precision", "recall", "lift")} == {None}
        table = run(folder, *WITH_TRUTH, "--fewest", "13", "--format", "csv").text
        rows = list(csv.DictReader(io.StringIO(table)))
        assert {row[key] for row in rows for key in ("precision", "recall", "lift")} == {"insufficient"}

    def test_a_rule_that_never_warns_is_named(self, folder):
        done = run(folder, "--truth", "truth.jsonl", "--select", "open-complaint", "--select", "handoff-gap")
        assert "Never a warning: handoff-gap, open-complaint." in done.text
        assert "Insufficient: 0 clients warned of; a precision is told from 10 on." in done.text

    def test_a_row_of_moments(self, tmp_path):
        log = [line for n in range(12) for line in (called(0, f"c{n}"), event("left", 95, f"c{n}"))]
        log += [called(place, f"stays-{n}") for n in range(12) for place in (0, 65, 110)]
        (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))
        (tmp_path / "retention.toml").write_text('[rules.quiet-client]\nevery = "30 days"\n')
        how = ["--from", "2026-01-01", "--to", "2026-07-20", "--every", "10d", "--horizon", "30d"]
        done = run(tmp_path, *how, "--select", "quiet-client")
        assert [line.rstrip() for line in done.text.splitlines()] == [
            f"Back-test of 1 rule over 24 clients, every 10 days {SPAN}, 30 days ahead, warnings from watch on",
            "",
            f"Of the warnings by status, 18.8 % came true; 10.7 % {PLAIN} 18.8 %, too.",
            "",
            "336 cases: 36 lost (12 losses), 300 retained, base rate 10.7 %",
            "no case: 132 moments at which a client had left already, or was none yet",
            "",
            "warned by                cases   lost   precision   recall    lift   caught   days ahead   false a year",
            "───────────────────────────────────────────────────────────────────────────────────────────────────────",
            "status                   192     36     18.8 %      100.0 %   1.75   12       65 (65-65)   3.91",
            "no contact for 30 days   192     36     18.8 %      100.0 %   1.75   12       65 (65-65)   3.91",
            "not heard for 30 days    192     36     18.8 %      100.0 %   1.75   12       65 (65-65)   3.91",
            "quiet-client             192     36     18.8 %      100.0 %   1.75   12       65 (65-65)   3.91",
        ]

    def test_what_is_apart_or_late_is_told(self, tmp_path):
        log = [
            called(0),
            event("renewed", 1, term_end=day(180)),
            *(called(0, "bolt"), event("left", 95, "bolt"), called(150, "bolt", recorded_at=day(155))),
        ]
        (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))
        how = ["--from", "2026-01-01", "--to", "2026-07-20", "--every", "1d", "--horizon", "30d", "--level", "at-risk"]
        said = run(tmp_path, *how).text
        assert "set apart: 30 cases (left and came back), 0 of them warned of" in said
        assert "set apart: 21 cases (the term ended, and it is still open), 21 of them warned of" in said
        assert "1 event came too late: not recorded yet when a prediction was made" in said
        assert "Insufficient: 0 losses and 2 clients retained" in said

    def test_a_log_in_a_store_that_was_filled_later(self, tmp_path):
        address = f"sqlite:///{tmp_path / 'clients.db'}"
        with create_log(address) as log:
            log.record_many(events_of([called(0, id="a"), event("left", 95, id="b")]))
        how = ["--every", "10d", "--horizon", "30d", "--fewest", "1", "--format", "json"]
        late = json.loads(run(tmp_path, *how, log=address).out)
        assert (late["clients"], late["hidden"]) == (0, 1)  # the leaving lies after the last moment
        found = json.loads(run(tmp_path, *how, "--ignore-recorded-at", log=address).out)
        assert (found["clients"], found["hidden"], found["to"]) == (1, 0, "2026-04-06T00:00:00Z")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--truth", "truth.jsonl", "--horizon", "30d"], "--horizon can't be given with --truth"),
            (["--truth", "truth.jsonl", "--from", "2026-01-01"], "--from can't be given with --truth"),
            (["--level", "left"], "left can't be a warning; choose a level from unknown to critical"),
            (["--every", "0d"], "give more than nothing"),
            (["--from", "2026-02-01", "--to", "2026-01-01"], "before it starts at 2026-02-01T00:00:00Z"),
            (["--fewest", "0"], "--fewest"),
            (["--select", "quiet-clients"], "did you mean 'quiet-client'?"),
        ],
    )
    def test_wrong_use_is_refused(self, folder, options, said):
        done = run(folder, *options)
        assert (done.code, done.out) == (2, b"")
        assert said in done.err

    def test_the_log_and_the_truth_are_not_both_standard_input(self, folder):
        assert "can't both be standard input" in run(folder, "--truth", "-", log="-").err
        done = run(folder, "--truth", "-", "--select", "quiet-client", stdin=(folder / "truth.jsonl").read_bytes())
        assert (done.code, done.text.splitlines()[0][:38]) == (0, "Back-test of 1 rule over 40 clients, a")

    def test_a_bad_truth_file_is_told_line_by_line(self, folder):
        truth_file(folder, of("acme", "lost"), of("bolt", "lots"), {"client": "cole", "outcome": "lost"})
        done = run(folder, "--truth", "truth.jsonl")
        assert (done.code, done.out) == (3, b"")
        assert done.errors == [
            f"Error: truth.jsonl:2: outcome: 'lots' is none of {', '.join(OUTCOMES)}; did you mean 'lost'? [unknown-value]",
            "Error: truth.jsonl:3: cutoff: is missing, and must be given [missing-field]",
        ]

    def test_a_rule_that_fails_is_told_and_the_rest_is_printed(self, folder, monkeypatch):
        @rule
        def broken(client):
            """It does not work."""
            yield 1 / len(client.of(Judged))

        monkeypatch.setattr(RuleChoice, "engine", lambda _: Engine([broken, *quiet().rules]))
        ran = CliRunner().invoke(
            main, ["backtest", str(folder / "log.jsonl"), "--truth", str(folder / "truth.jsonl"), "--format", "json"]
        )
        assert ran.exit_code == 4
        assert ran.stderr.startswith("Error: rule broken failed for apart-1 and 41 more: ZeroDivisionError: ")
        document = json.loads(ran.stdout)
        assert [one["warned"] for one in document["records"]] == [13, 13, 13, 0, 13]
        assert len(document["failures"]) == 42

    def test_an_empty_log(self, tmp_path):
        (tmp_path / "log.jsonl").write_bytes(b"")
        done = run(tmp_path)
        assert done.code == 0
        assert "Back-test of 8 rules over 0 clients, warnings from watch on" in done.text
        document = json.loads(run(tmp_path, "--format", "json").out)
        assert (document["from"], document["to"], document["sufficient"]) == (None, None, False)


# What the page says of the real logs.


class TestThePage:
    PAGE = runpy.run_path(str(ROOT / "docs" / "backtest.py"))

    @needs_shared
    @pytest.mark.slow
    def test_its_figures_are_what_the_logs_give(self):
        text = self.PAGE["PAGE"].read_text(encoding="utf-8")
        assert self.PAGE["page"](SHARED, text) == text, "run: python docs/backtest.py SHARED"

    @needs_shared
    @pytest.mark.parametrize("log", ["cdnow-sample", "completejourney"])
    def test_outcomes_are_those_of_the_truth_file(self, log):
        path = SHARED / "data" / f"{log}.truth.jsonl"
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        counts = Counter(line["outcome"] for line in lines)
        histories = read_log(str(SHARED / "data" / f"{log}.jsonl.gz"))
        found = backtest(histories, QUIET, truth=read_truth(str(path)))
        assert found.cases.counts == {Outcome.LOST: counts["lapsed"], Outcome.RETAINED: counts["returned"]}
        assert (found.unknown, found.gone) == (0, 0)
        # Who was warned of, from the lines alone: every client has some contact, and none for 30 days before the cutoff.
        contacts: dict[str, datetime] = {}
        for line in map(json.loads, gzip.decompress((SHARED / "data" / f"{log}.jsonl.gz").read_bytes()).splitlines()):
            at = instant(line["at"])
            if at <= instant(lines[0]["cutoff"]) and line["kind"] == "engaged":
                contacts[line["client"]] = max(at, contacts.get(line["client"], at))
        silent = {client for client, at in contacts.items() if instant(lines[0]["cutoff"]) - at >= days(30)}
        lapsed = {line["client"] for line in lines if line["outcome"] == "lapsed"}
        returned = {line["client"] for line in lines if line["outcome"] == "returned"}
        assert found.status.true_positives == len(silent & lapsed)
        assert found.status.false_positives == len(silent & returned)

    def test_the_setting_for_shops_is_what_was_chosen(self):
        settings = Settings.load(ROOT / "examples" / "cdnow" / "shop.toml")
        found = {rule.name: rule for rule in settings.choose()}
        for tier in ("standard", "key"):
            assert found["quiet-client"].settings(tier) == {"every": days(180), "grace": days(30)}
            assert found["unheard-client"].settings(tier) == {"window": days(180)}
        page = self.PAGE["PAGE"].read_text(encoding="utf-8")
        assert "| cdnow-sample | `quiet-client` | 180 days (chosen) |" in page
        assert "| cdnow-sample | `unheard-client` | 180 days (chosen) |" in page
