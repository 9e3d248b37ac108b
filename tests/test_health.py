"""Health by dimension and the score: what is deducted, what never changes it, and how `retention health` shows it."""

import csv
import io
import json
from datetime import datetime, timedelta

import attrs
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

from command import AT, on_a_terminal, retention
from given import EVERYTHING, assessed, client_of, events_of
from retention_engine import (
    Action,
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Assessment,
    BoundRule,
    Client,
    Concern,
    Engaged,
    Engine,
    Findings,
    Health,
    Judged,
    Profiled,
    RetentionEngine,
    Settings,
    Weights,
    gather,
    instant,
    rule,
    scorecard,
)
from retention_engine.cli import main
from retention_engine.cli.options import RuleChoice
from retention_engine.declare import rule as declare
from retention_engine.errors import EventError, SettingsError
from retention_engine.formats.scorecards import breakdown, health_csv, health_document, score_line
from retention_engine.scoring import DIMENSIONS
from strategies import questions

JUNE = instant("2026-06-01")
MICROSECOND = timedelta(microseconds=1)
FIRST = Engaged(client="acme", at="2026-01-01", id="e1")
HEALTHY = dict.fromkeys(DIMENSIONS, Health.HEALTHY)
LEVELS = [Health.UNKNOWN, Health.WATCH, Health.AT_RISK, Health.CRITICAL]


def stating(level, dimension="relationship", name="stated", **interval):
    """A rule that states one concern."""

    def state(client: Client) -> Findings:
        """Something is of concern."""
        yield Concern(level, because=client.first, **({"starts": client.since} | interval))

    state.__name__ = name
    return declare(dimension=dimension)(state)


@rule(dimension="service")
def asking(client: Client) -> Findings:
    """Something is to be done."""
    yield Action("Do it.", due=JUNE, because=client.first)


@rule(dimension="commercial")
def broken(client: Client) -> Findings:
    """It does not work."""
    yield Concern(Health.CRITICAL, starts=client.since, because=client.first)
    raise ValueError("no luck")


def card_of(*rules, events=(FIRST,), at=JUNE, weights=None):
    engine, client = Engine(rules), client_of(*events)
    return scorecard(client, engine.schedule(client), at=at, rules=engine.rules, weights=weights)


def statuses(card):
    return {dimension: standing.status for dimension, standing in card.dimensions.items()}


class TestScore:
    def test_a_client_of_whom_nothing_is_said_has_all_points(self):
        card = card_of()
        assert (card.status, card.score.value, card.score.deductions) == (Health.HEALTHY, 100, ())
        assert not card.score.incomplete
        assert statuses(card) == HEALTHY

    @pytest.mark.parametrize(
        ("level", "points"), [("healthy", 0), ("unknown", 10), ("watch", 15), ("at-risk", 35), ("critical", 60)]
    )
    def test_a_concern_costs_the_weight_of_its_level(self, level, points):
        score = card_of(stating(Health.named(level))).score
        assert (score.value, score.deducted) == (100 - points, points)
        assert [(it.points, it.rule, it.what, it.since) for it in score.deductions] == (
            [(points, "stated", level, FIRST.at)] if points else []
        )

    def test_a_concern_counts_while_it_is_in_force(self):
        concern = stating(Health.WATCH, starts=JUNE, until=JUNE + timedelta(days=1))
        probes = [JUNE - MICROSECOND, JUNE, JUNE + timedelta(days=1) - MICROSECOND, JUNE + timedelta(days=1)]
        assert [card_of(concern, at=probe).score.value for probe in probes] == [100, 85, 85, 100]

    def test_an_action_counts_from_when_it_is_due(self):
        assert card_of(asking, at=JUNE - MICROSECOND).score.value == 100
        (deduction,) = card_of(asking).score.deductions
        assert (deduction.points, deduction.what, deduction.since) == (2, "overdue", JUNE)
        assert (deduction.message, deduction.evidence) == ("Do it.", (FIRST,))

    def test_an_action_that_is_done_dismissed_or_away_does_not_count(self):
        action = card_of(asking).score.deductions[0].finding.id
        about = {"client": "acme", "at": "2026-02-01", "action": action}
        done, dismissed = ActionDone(**about), ActionDismissed(**about, reason="no")
        snoozed = ActionSnoozed(**about, until=JUNE + MICROSECOND)
        assert [card_of(asking, events=(FIRST, event)).score.value for event in (done, dismissed, snoozed)] == [100] * 3
        assert card_of(asking, events=(FIRST, snoozed), at=JUNE + MICROSECOND).score.value == 98

    def test_deductions_come_the_largest_first_and_overdue_actions_after_concerns_of_the_same_size(self):
        rules = [stating(Health.WATCH, name="b"), stating(Health.WATCH, name="a"), stating(Health.CRITICAL, name="c")]
        card = card_of(*rules, asking, weights=Weights(overdue=15))
        assert [(it.points, it.rule) for it in card.score.deductions] == [
            (60, "c"),
            (15, "a"),
            (15, "b"),
            (15, "asking"),
        ]

    def test_below_nothing_there_is_nothing(self):
        score = card_of(stating(Health.CRITICAL, name="a"), stating(Health.CRITICAL, name="b")).score
        assert (score.value, score.deducted, len(score.deductions)) == (0, 120, 2)

    def test_a_client_who_left_has_no_points_and_no_other_deduction(self):
        gone, bad = stating(Health.LEFT, "commercial", name="gone", starts=JUNE), stating(Health.CRITICAL, name="bad")
        assert card_of(gone, bad, asking, at=JUNE - MICROSECOND).score.value == 40
        card = card_of(gone, bad, asking, weights=Weights(rules={"gone": 1}))
        assert (card.score.value, [it.rule for it in card.score.deductions]) == (0, ["gone"])
        assert statuses(card) == dict.fromkeys(DIMENSIONS, Health.LEFT)
        assert [len(card.dimensions[dimension].concerns) for dimension in DIMENSIONS] == [0, 0, 0, 1]

    def test_where_a_rule_failed_the_score_is_incomplete(self):
        card = card_of(broken, stating(Health.WATCH, "service"))
        assert (card.score.value, card.score.incomplete) == (85, True)
        assert statuses(card) == HEALTHY | {"service": Health.WATCH, "commercial": Health.UNKNOWN}
        assert [failure.rule for failure in card.dimensions["commercial"].failures] == ["broken"]
        assert card.dimensions["service"].failures == ()

    def test_what_a_person_judged_changes_nothing(self):
        for level in ("healthy", "left"):
            verdict = Judged(client="acme", at="2026-02-01", level=level, reason="I met them.")
            assert card_of(stating(Health.AT_RISK), asking, events=(FIRST, verdict)) == card_of(
                stating(Health.AT_RISK), asking
            )


class TestDimensions:
    def test_a_rule_counts_in_its_own_dimension(self):
        rules = [stating(level, dimension, name=dimension) for level, dimension in zip(LEVELS, DIMENSIONS, strict=True)]
        card = card_of(*rules)
        assert statuses(card) == dict(zip(DIMENSIONS, LEVELS, strict=True))
        assert card.status is Health.CRITICAL

    def test_its_status_is_the_worst_in_force(self):
        rules = [stating(Health.WATCH, name="a"), stating(Health.AT_RISK, name="b"), stating(Health.UNKNOWN, name="c")]
        standing = card_of(*rules).dimensions["relationship"]
        assert standing.status is Health.AT_RISK
        assert [concern.rule for concern in standing.concerns] == ["b", "a", "c"]


class TestWeights:
    def test_they_may_be_set_by_level_and_by_rule(self):
        settings = Settings.from_table(
            {"score": {"unknown": 0, "at-risk": 40, "overdue": 5, "rules": {"quiet-client": 20, "open-complaint": 0}}}
        )
        assert settings.score == Weights(
            unknown=0, at_risk=40, overdue=5, rules={"quiet-client": 20, "open-complaint": 0}
        )
        assert Settings().score == Settings.from_table({}).score == Weights()

    def test_the_weight_of_a_rule_goes_for_its_concerns_and_not_for_its_actions(self):
        @rule
        def both(client: Client) -> Findings:
            """Both."""
            yield Concern(Health.WATCH, starts=client.since, because=client.first)
            yield Action("Do it.", due=client.since, because=client.first)

        assert card_of(both, weights=Weights(rules={"both": 7})).score.value == 91
        assert card_of(both, weights=Weights(rules={"other": 7})).score.value == 83

    def test_what_is_not_counted_still_has_its_dimension(self):
        card = card_of(stating(Health.AT_RISK), weights=Weights(rules={"stated": 0}))
        assert (card.score.value, card.score.deductions) == (100, ())
        assert card.dimensions["relationship"].status is Health.AT_RISK

    @pytest.mark.parametrize(
        ("table", "problem"),
        [
            ({"watch": -1}, "score.watch: expected a whole number from 0 to 1,000,000, got -1"),
            ({"watch": 1_000_001}, "score.watch: expected a whole number from 0 to 1,000,000, got 1000001"),
            ({"watch": 1.5}, "score.watch: expected a whole number from 0 to 1,000,000, got 1.5"),
            ({"overdue": True}, "score.overdue: expected a whole number from 0 to 1,000,000, got true"),
            ({"at-risk": "35"}, "score.at-risk: expected a whole number from 0 to 1,000,000, got '35'"),
            (
                {"rules": {"quiet-client": -5}},
                "score.rules.quiet-client: expected a whole number from 0 to 1,000,000, got -5",
            ),
            ({"at_risk": 35}, "score.at_risk: no such weight; did you mean 'at-risk'?"),
            ({"left": 100}, "score.left: no such weight"),
            ({"rules": {"quite-client": 5}}, "score.rules.quite-client: no such rule; did you mean 'quiet-client'?"),
            ({"rules": 5}, "score.rules: expected a table, [score.rules], got 5"),
            ({"watch": 36}, "score.at-risk: 35 is less than the 36 of watch; a worse level must not cost less"),
        ],
    )
    def test_mistakes_are_told_with_their_path(self, table, problem):
        with pytest.raises(SettingsError) as caught:
            Settings.from_table({"score": table})
        assert caught.value.problems == (f"settings: {problem}",)

    def test_all_mistakes_are_told_at_once(self):
        with pytest.raises(SettingsError) as caught:
            Settings.from_table({"score": {"watch": -1, "critical": 3, "rules": {"quiet-client": -5}}, "packs": 3})
        assert [problem.split(":")[1].strip() for problem in caught.value.problems] == [
            "packs",
            "score.watch",
            "score.rules.quiet-client",
            "score.critical",
        ]

    def test_a_table_that_is_none_is_refused(self):
        with pytest.raises(SettingsError, match=r"score: expected a table, \[score\], got 7"):
            Settings.from_table({"score": 7})

    def test_equal_weights_are_fine(self):
        assert Weights(unknown=0, watch=0, at_risk=0, critical=0).of(attrs.evolve(CONCERN, level=Health.CRITICAL)) == 0

    def test_they_are_refused_in_python_as_in_a_file(self):
        with pytest.raises(SettingsError, match=r"score\.critical: expected a whole number from 0 to 1,000,000"):
            Weights(critical=-1)


CONCERN = Concern(Health.WATCH, starts=FIRST.at, because=FIRST, rule="stated", message="It is.")


# Properties.

MORE = {"one-way-contact", "missed-measure", "unwilling-to-refer", "unthanked-client", "no-introduction"}
SOME = [bound for bound in EVERYTHING.rules if "essentials" in bound.rule.packs or bound.name in MORE]
"""Enough rules to meet all levels and many actions; what is to hold of a score does not depend on which they are."""

REDIMENSIONED = [
    [
        BoundRule(attrs.evolve(bound.rule, dimension=DIMENSIONS[(place // stride + first) % len(DIMENSIONS)]))
        for place, bound in enumerate(SOME)
    ]
    for stride in (1, 2, 3, 7)
    for first in range(len(DIMENSIONS))
]
"""Those rules, about other dimensions than their own: what is to hold must hold however they are divided."""
points = st.integers(0, 70)
rule_names = st.sampled_from([bound.name for bound in SOME])


@st.composite
def weights(draw):
    unknown, watch, at_risk, critical = sorted(draw(st.lists(points, min_size=4, max_size=4)))
    rules = draw(st.dictionaries(rule_names, points, max_size=3))
    return Weights(
        unknown=unknown, watch=watch, at_risk=at_risk, critical=critical, overdue=draw(st.integers(0, 5)), rules=rules
    )


@st.composite
def engines(draw):
    """Those rules, each about some dimension, and sometimes one more that fails."""
    rules, count = REDIMENSIONED[draw(st.integers(0, len(REDIMENSIONED) - 1))], draw(st.integers(0, 5))
    return Engine([*rules, broken] if count == 0 else rules)


@attrs.frozen(repr=False)
class Case:
    """An assessment of a random history, the rules that it is by, and random weights."""

    log: list
    known_at: datetime | None
    found: Assessment
    engine: Engine
    weighing: Weights

    def __iter__(self):
        return iter((self.found, self.engine, self.weighing))

    def __repr__(self):  # an assessment's own is far too long
        dimensions = {bound.name: bound.rule.dimension for bound in self.engine.rules}
        stated = {rule: dimensions[rule] for rule in sorted({it.rule for it in self.found.schedule.concerns})}
        return f"{self.log}, {self.found.at}, {self.known_at}, {self.found.client}, {stated}, {self.weighing}"


@st.composite
def cases(draw):
    log, at, known_at = draw(questions())
    engine, weighing = draw(engines()), draw(weights())
    try:
        found = list(assessed(gather(events_of(log)), at, known_at, engine).values())
    except EventError:
        found = []
    assume(found)
    return Case(log, known_at, draw(st.sampled_from(found)), engine, weighing)


def card_for(found, engine, weighing, *, at=None, schedule=None):
    return scorecard(found.client, schedule or found.schedule, at=at or found.at, rules=engine.rules, weights=weighing)


@given(cases())
def test_every_score_adds_up_hides_nothing_and_can_be_told(case):
    """One test, because drawing a history takes longer than all that is asked of it."""
    it_is_100_minus_what_is_in_force_and_overdue(*case)
    no_dimension_hides_behind_another(*case)
    who_is_well_and_has_nothing_overdue_has_all_points_and_nobody_else_has(*case)
    it_can_be_told_in_words_and_as_a_document(*case)


def it_is_100_minus_what_is_in_force_and_overdue(found, engine, weighing):
    score = card_for(found, engine, weighing).score
    assert 0 <= score.value <= 100
    assert score.value == max(0, 100 - sum(deduction.points for deduction in score.deductions))
    assert all(deduction.points > 0 for deduction in score.deductions)
    assert score.incomplete is bool(found.failures)
    if found.judgement is None and found.status is not Health.LEFT:
        level = {
            Health.UNKNOWN: weighing.unknown,
            Health.WATCH: weighing.watch,
            Health.AT_RISK: weighing.at_risk,
            Health.CRITICAL: weighing.critical,
        }
        lost = sum(weighing.rules.get(concern.rule, level[concern.level]) for concern in found.concerns)
        lost += weighing.overdue * len(found.due(timedelta(0)))
        assert score.deducted == lost


def no_dimension_hides_behind_another(found, engine, weighing):
    card = card_for(found, engine, weighing)
    computed = found.schedule.computed(found.at)
    assert card.status == computed == max(statuses(card).values())
    if computed is Health.LEFT:
        assert set(statuses(card).values()) == {Health.LEFT}
        assert card.score.value == 0
    shown = [concern for standing in card.dimensions.values() for concern in standing.concerns]
    in_force = [concern for concern in found.schedule.concerns if concern.in_force(found.at)]
    assert len(shown) == sum(computed is not Health.LEFT or concern.level is Health.LEFT for concern in in_force)
    assert all(concern in in_force for concern in shown)


def who_is_well_and_has_nothing_overdue_has_all_points_and_nobody_else_has(found, engine, _):
    card = card_for(found, engine, Weights())
    overdue = any(deduction.what == "overdue" for deduction in card.score.deductions)
    well = not any(concern.in_force(found.at) for concern in found.schedule.concerns) and not overdue
    assert (card.score.value == 100) is well


def it_can_be_told_in_words_and_as_a_document(found, engine, weighing):
    card = card_for(found, engine, weighing)
    line = score_line(found, card)
    assert line.isprintable()
    assert line.startswith(f"Score {card.score.value} of 100")
    told = sum(int(part.split()[0]) for part in line.split(";")[0].replace(": -", ", -").split(", ") if part[0] == "-")
    assert told == -card.score.deducted
    text = breakdown(found, card)
    assert all(part.isprintable() for part in text.splitlines())
    assert text.count("because of") == len(card.score.deductions)
    document = health_document([(found, card)], at=found.at, known_at=None)
    (client,) = document["clients"]
    assert sum(deduction["points"] for deduction in client["score"]["deductions"]) == client["score"]["deducted"]
    assert json.loads(json.dumps(document)) == document


@given(
    cases(),
    st.sampled_from([*LEVELS, Health.LEFT]),
    rule_names,
    st.sampled_from([-MICROSECOND, timedelta(0), MICROSECOND]),
    st.integers(0, 100),
    st.sampled_from(["critical", "overdue", "rules", "all"]),
    points,
)
def test_nothing_that_is_worse_raises_the_score(case, level, name, shift, place, which, more):
    found, engine, weighing = case
    value = card_for(found, engine, weighing).score.value

    concerns = list(found.schedule.concerns)
    further = Concern(level, starts=found.at + shift, because=found.client.first, rule=name)
    schedule = attrs.evolve(found.schedule, concerns=(*concerns, further))
    assert card_for(found, engine, weighing, schedule=schedule).score.value <= value

    if which == "rules":
        heavier = attrs.evolve(weighing, rules={rule: weight + more for rule, weight in weighing.rules.items()})
    else:
        weighed = ["unknown", "watch", "at_risk", "critical"] if which == "all" else [which]
        heavier = attrs.evolve(weighing, **{name: getattr(weighing, name) + more for name in weighed})
    assert card_for(found, engine, heavier).score.value <= value

    at = place % len(concerns) if concerns else 0
    if concerns and concerns[at].level < Health.LEFT:
        concerns[at] = attrs.evolve(concerns[at], level=Health(concerns[at].level + 1))
        schedule = attrs.evolve(found.schedule, concerns=tuple(concerns))
        assert card_for(found, engine, weighing, schedule=schedule).score.value <= value


@given(cases(), st.integers(0, 400), st.sampled_from([-MICROSECOND, timedelta(0), MICROSECOND]))
def test_one_schedule_answers_for_every_later_moment(case, days, shift):
    found, engine, weighing = case
    later = max(found.at, found.at + timedelta(days=days) + shift)
    afresh = engine.assess(found.client, at=later)
    assert card_for(found, engine, weighing, at=later) == card_for(afresh, engine, weighing)


# Formats.

HOSTILE = ["=1+1", "@SUM(A1)", "\x1b[31mred", "a\u202eb", "two\nlines", "-cmd", "'=1"]


def document_of(found, card):
    return health_document([(found, card)], at=found.at, known_at=None)


def assess(*rules, events=(FIRST,), at=JUNE):
    engine = Engine(rules)
    found = engine.assess(client_of(*events), at=at)
    return found, scorecard(found.client, found.schedule, at=at, rules=engine.rules)


class TestDocuments:
    def test_a_document(self):
        document = document_of(*assess(stating(Health.AT_RISK, "service"), asking))
        (action,) = Engine([asking]).assess(client_of(FIRST), at=JUNE).actions
        assert document == {
            "version": 1,
            "at": "2026-06-01T00:00:00Z",
            "clients": [
                {
                    "client": "acme",
                    "name": None,
                    "tier": "standard",
                    "owner": None,
                    "since": "2026-01-01T00:00:00Z",
                    "status": "at-risk",
                    "score": {
                        "value": 63,
                        "deducted": 37,
                        "deductions": [
                            {
                                "points": 35,
                                "rule": "stated",
                                "level": "at-risk",
                                "since": "2026-01-01T00:00:00Z",
                                "about": None,
                                "because": ["e1"],
                                "message": "Something is of concern.",
                            },
                            {
                                "points": 2,
                                "rule": "asking",
                                "level": "overdue",
                                "action": action.id,
                                "since": "2026-06-01T00:00:00Z",
                                "about": None,
                                "because": ["e1"],
                                "message": "Do it.",
                            },
                        ],
                    },
                    "dimensions": {
                        "service": {"status": "at-risk", "concerns": ["stated"]},
                        "relationship": {"status": "healthy", "concerns": []},
                        "reputation": {"status": "healthy", "concerns": []},
                        "commercial": {"status": "healthy", "concerns": []},
                    },
                }
            ],
            "failures": [],
        }

    def test_what_was_hidden_is_said(self):
        found, card = assess()
        assert health_document([(found, card)], at=JUNE, known_at=JUNE)["known_at"] == "2026-06-01T00:00:00Z"

    def test_a_failure_shows_in_the_score_in_its_dimension_and_by_itself(self):
        document = document_of(*assess(broken))
        (client,) = document["clients"]
        assert client["score"] == {"value": 100, "incomplete": True, "deducted": 0, "deductions": []}
        assert client["dimensions"]["commercial"] == {"status": "unknown", "concerns": [], "failed": ["broken"]}
        assert [(it["rule"], it["client"]) for it in document["failures"]] == [("broken", "acme")]

    def test_a_verdict_of_a_person_stands_beside_the_score(self):
        verdict = Judged(client="acme", at="2026-02-01", level="healthy", reason="I met them.", until="2026-07-01")
        (client,) = document_of(*assess(stating(Health.AT_RISK), events=(FIRST, verdict)))["clients"]
        assert (client["status"], client["score"]["value"]) == ("healthy", 65)
        assert client["judged"] | {"because": []} == {
            "level": "healthy",
            "starts": "2026-02-01T00:00:00Z",
            "reason": "I met them.",
            "until": "2026-07-01T00:00:00Z",
            "because": [],
            "computed": "at-risk",
        }

    def test_a_rule_with_two_concerns_is_named_once(self):
        @rule
        def twice(client: Client) -> Findings:
            """Twice."""
            for about in ("a", "b"):
                yield Concern(Health.WATCH, starts=client.since, because=client.first, about=about)

        (client,) = document_of(*assess(twice))["clients"]
        assert client["dimensions"]["relationship"]["concerns"] == ["twice"]
        assert [deduction["about"] for deduction in client["score"]["deductions"]] == ["a", "b"]


def rows_of(found, card):
    return list(csv.DictReader(io.StringIO(b"".join(health_csv(document_of(found, card))).decode(), newline="")))


class TestTables:
    def test_a_row_a_client(self):
        verdict = Judged(client="acme", at="2026-02-01", level="healthy", reason="I met them.")
        (row,) = rows_of(*assess(stating(Health.AT_RISK, "service"), asking, broken, events=(FIRST, verdict)))
        assert row == {
            "client": "acme",
            "name": "",
            "tier": "standard",
            "owner": "",
            "since": "2026-01-01T00:00:00Z",
            "status": "unknown",
            "computed": "at-risk",
            "score": "63",
            "incomplete": "true",
            "service": "at-risk",
            "relationship": "healthy",
            "reputation": "healthy",
            "commercial": "unknown",
            "deducted": "37",
            "deductions": "stated at-risk 35; asking overdue 2",
        }

    def test_computed_is_the_status_where_nobody_judged(self):
        (row,) = rows_of(*assess(stating(Health.WATCH)))
        assert (row["status"], row["computed"], row["incomplete"]) == ("watch", "watch", "")

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_cell_is_a_formula_or_steers_a_terminal(self, text):
        @rule
        def hostile(client: Client) -> Findings:
            """Something is of concern."""
            yield Concern(Health.WATCH, starts=client.since, because=client.first, about=text, message=text)

        profile = Profiled(client="acme", at="2026-01-02", id="p1", name=text, owner=text)
        (row,) = rows_of(*assess(hostile, events=(FIRST, profile)))
        for cell in row.values():
            assert cell[:1] not in {"=", "@", "-", "+"}
            assert cell.replace("\n", "").isprintable()
        found, card = assess(hostile, events=(FIRST, profile))
        assert score_line(found, card).isprintable()
        assert all(line.isprintable() for line in breakdown(found, card).splitlines())


class TestWords:
    def test_the_line_of_a_client_who_is_well(self):
        assert score_line(*assess()) == (
            "Score 100 of 100; service healthy, relationship healthy, reputation healthy, commercial healthy."
        )

    def test_the_line_names_what_was_deducted(self):
        rules = [stating(Health.AT_RISK, name="one"), stating(Health.WATCH, "service", name="other"), asking]
        assert score_line(*assess(*rules)) == (
            "Score 48 of 100: -35 one, -15 other, -2 for 1 overdue action;"
            " service watch, relationship at-risk, reputation healthy, commercial healthy."
        )

    def test_the_line_says_where_more_was_deducted_than_there_is_and_that_something_is_missing(self):
        rules = [stating(Health.CRITICAL, name="one"), stating(Health.CRITICAL, name="other"), broken]
        assert score_line(*assess(*rules)).startswith(
            "Score 0 of 100 (incomplete: a rule failed): -60 one, -60 other (120 is more than 100: 0); service healthy,"
        )

    def test_the_line_says_whose_score_it_is_where_a_person_judged(self):
        verdict = Judged(client="acme", at="2026-02-01", level="healthy", reason="I met them.")
        assert score_line(*assess(stating(Health.WATCH), events=(FIRST, verdict))).startswith(
            "Score 85 of 100 by the rules: -15 stated; "
        )

    @pytest.mark.parametrize(("count", "more"), [(6, None), (7, "-20 for 2 more concerns")])
    def test_of_many_concerns_the_line_names_some_and_sums_up_the_others(self, count, more):
        found, card = assess(*(stating(Health.UNKNOWN, name=f"r{number}") for number in range(count)))
        assert score_line(found, card).count("-10 r") == (5 if more else 6)
        assert (more or "-10 r5") in score_line(found, card)

    def test_the_breakdown_has_every_deduction_with_its_evidence(self):
        acme = Profiled(client="acme", at="2026-01-02", id="p1", name="Acme Ltd")
        action = assess(asking)[1].score.deductions[0]
        assert action.what == "overdue"
        assert breakdown(*assess(stating(Health.AT_RISK, "service"), asking, events=(FIRST, acme))).splitlines() == [
            "Acme Ltd (acme): AT-RISK, score 63 of 100.",
            "",
            "    -35 at-risk: Something is of concern. (stated, since 2026-01-01)",
            "        because of e1, engaged 2026-01-01",
            "     -2 overdue: Do it. (asking, since 2026-06-01)",
            "        because of e1, as above",
            "    -37 in all",
            "",
            "  service       at-risk: stated",
            "  relationship  healthy",
            "  reputation    healthy",
            "  commercial    healthy",
        ]

    def test_the_breakdown_of_a_client_who_is_well(self):
        assert breakdown(*assess()).splitlines()[:3] == [
            "acme: HEALTHY, score 100 of 100.",
            "",
            "  service       healthy",
        ]

    def test_the_breakdown_says_what_a_person_judged_and_what_failed(self):
        verdict = Judged(client="acme", at="2026-02-01", level="watch", reason="I met them.", until="2026-07-01")
        lines = breakdown(*assess(stating(Health.AT_RISK), broken, events=(FIRST, verdict))).splitlines()
        assert lines[0] == "acme: WATCH, score 65 of 100."
        assert lines[1] == "  A person said so on 2026-02-01, until 2026-07-01: I met them. The rules say at-risk."
        assert lines[2].startswith("  The rule broken failed, so that the score is incomplete: ValueError: no luck (")

    def test_the_breakdown_says_where_more_was_deducted_than_there_is(self):
        rules = [stating(Health.CRITICAL, name="one"), stating(Health.CRITICAL, name="other")]
        assert "   -120 in all, more than 100: 0" in breakdown(*assess(*rules)).splitlines()

    def test_all_points_are_not_more_than_all_points(self):
        found, card = assess(stating(Health.LEFT))
        assert "   -100 in all" in breakdown(found, card).splitlines()
        assert score_line(found, card).startswith("Score 0 of 100: -100 stated; service left, ")
        assert "more than" not in breakdown(found, card) + score_line(found, card)

    @pytest.mark.parametrize(("count", "more"), [(2, "1 earlier event"), (3, "2 earlier events")])
    def test_of_much_evidence_the_latest_is_shown_and_the_rest_counted(self, count, more):
        @rule
        def all_of_it(client: Client) -> Findings:
            """Everything counts."""
            yield Concern(Health.WATCH, starts=client.since, because=client.events)

        events = [Engaged(client="acme", at=f"2026-01-0{number}", id=f"e{number}") for number in range(1, count + 1)]
        lines = breakdown(*assess(all_of_it, events=events)).splitlines()
        assert lines[3:5] == [f"        because of e{count}, engaged 2026-01-0{count}", f"        and {more}"]


# The command.

LOG = """\
{"client": "acme", "kind": "profiled", "at": "2026-01-01", "id": "p1", "name": "Acme Ltd", "tier": "key", "owner": "jo"}
{"client": "acme", "kind": "engaged", "at": "2026-06-28", "id": "e1", "direction": "inbound"}
{"client": "acme", "kind": "complained", "at": "2026-06-20", "id": "c1", "recorded_at": "2026-06-25"}
{"client": "bolt", "kind": "engaged", "at": "2026-06-29"}
{"client": "gone", "kind": "left", "at": "2026-06-01", "id": "l1"}
{"client": "kept", "kind": "engaged", "at": "2026-01-01"}
{"client": "kept", "kind": "judged", "at": "2026-06-01", "level": "watch", "reason": "We met.", "until": "2026-07-15"}
{"client": "lost", "kind": "renewed", "at": "2025-06-20", "id": "r1", "term_end": "2026-06-20"}
{"client": "mute", "kind": "engaged", "at": "2026-03-20", "direction": "outbound"}
{"client": "mute", "kind": "engaged", "at": "2026-06-20", "direction": "outbound"}
{"client": "slow", "kind": "engaged", "at": "2026-03-20"}
"""
CLIENTS = ["acme", "bolt", "gone", "kept", "lost", "mute", "slow"]
SCORES = {"acme": 63, "bolt": 100, "gone": 0, "kept": 53, "lost": 0, "mute": 90, "slow": 73}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the log above; tests read it and write nothing."""
    path = tmp_path_factory.mktemp("health")
    (path / "log.jsonl").write_text(LOG)
    return path


def shown(folder, *args, code=0):
    ran = retention("health", "log.jsonl", *AT, *args, cwd=folder)
    assert (ran.code, ran.err) == (code, "")
    return ran.text


def order_of(text):
    return [line.split()[0] for line in text.splitlines() if line.split(" ")[0] in CLIENTS]


class TestCommand:
    def test_the_table_is_in_the_order_of_replay(self, folder):
        text = shown(folder)
        head, _, columns, _, *_ = text.splitlines()
        assert head == "7 clients as of 2026-06-30: 1 left, 1 critical, 1 at-risk, 2 watch, 1 unknown, 1 healthy"
        assert columns.split() == [
            *("client", "status", "score", "service", "relationship", "reputation", "commercial"),
            *("largest", "deduction"),
        ]
        replayed = retention("replay", "log.jsonl", *AT, cwd=folder).text
        assert order_of(text) == order_of(replayed)
        assert sorted(order_of(text)) == CLIENTS

    def test_the_table_has_scores_and_the_largest_deduction(self, folder):
        rows = {line.split()[0]: line for line in shown(folder).splitlines() if line.split(" ")[0] in CLIENTS}
        assert {client: int(row.split()[2]) for client, row in rows.items()} == SCORES
        assert rows["mute"].split()[7:10] == ["-10", "unknown:", "The"]
        assert rows["bolt"].split()[3:] == ["healthy"] * 4
        assert rows["gone"].split()[3:7] == ["left"] * 4
        assert rows["kept"].split()[7:9] == ["judged", "until"]

    @pytest.mark.parametrize(("limit", "count"), [("2", 2), ("0", 7), ("7", 7), ("8", 7)])
    def test_the_table_shows_as_many_clients_as_asked(self, folder, limit, count):
        text = shown(folder, "--limit", limit)
        assert len(order_of(text)) == count
        assert (f"{count} of 7 clients shown; --limit 0 shows all" in text) is (count < 7)

    def test_a_client_that_is_named_is_shown_in_full(self, folder):
        text = shown(folder, "--client", "acme", "--client", "kept")
        assert text.startswith(
            "2 clients as of 2026-06-30: 1 at-risk, 1 watch\n\nAcme Ltd (acme): AT-RISK, score 63 of 100.\n\n"
        )
        assert "\n    -35 at-risk: A complaint is not resolved. (open-complaint [c1], since 2026-06-21)\n" in text
        assert "\n    -37 in all\n" in text
        assert "\n\nkept: WATCH, score 53 of 100.\n  A person said so on 2026-06-01, until 2026-07-15: We met." in text

    def test_a_client_not_known_by_then(self, folder):
        ran = retention("health", "log.jsonl", "--at", "2026-01-15", "--client", "bolt", cwd=folder)
        assert (ran.code, ran.text, ran.err) == (0, "0 clients as of 2026-01-15\n", "")

    def test_an_empty_log_has_no_table(self):
        ran = retention("health", "-", *AT)
        assert (ran.code, ran.text) == (0, "0 clients as of 2026-06-30\n")

    def test_it_prints_one_document(self, folder):
        document = json.loads(shown(folder, "--format", "json"))
        assert list(document) == ["version", "at", "clients", "failures"]
        assert {client["client"]: client["score"]["value"] for client in document["clients"]} == SCORES
        assert all(list(client["dimensions"]) == list(DIMENSIONS) for client in document["clients"])

    def test_it_prints_a_line_a_client(self, folder):
        lines = [json.loads(line) for line in shown(folder, "--format", "jsonl").splitlines()]
        assert {line["client"]: line["score"]["value"] for line in lines} == SCORES
        assert {(line["version"], line["at"]) for line in lines} == {(1, "2026-06-30T00:00:00Z")}

    def test_it_prints_a_table_for_spreadsheets(self, folder):
        rows = list(csv.DictReader(io.StringIO(shown(folder, "--format", "csv"), newline="")))
        assert {row["client"]: int(row["score"]) for row in rows} == SCORES
        assert rows[3]["deductions"] == "quiet-client at-risk 35; unheard-client unknown 10; quiet-client overdue 2"

    def test_one_client_s_document(self, folder):
        document = json.loads(shown(folder, "--client", "acme", "--format", "json"))
        assert [client["client"] for client in document["clients"]] == ["acme"]

    def test_it_takes_the_options_that_choose_rules_and_what_was_known(self, folder):
        def acme(*args):
            return json.loads(shown(folder, "--client", "acme", "--format", "json", *args))["clients"][0]["score"]

        assert acme("--select", "quiet-client")["value"] == 100
        known = acme("--known-at", "2026-06-24")["deductions"]  # neither the complaint nor the call
        assert [(it["rule"], it["level"]) for it in known] == [
            ("quiet-client", "at-risk"),
            ("unheard-client", "unknown"),
            ("quiet-client", "overdue"),
        ]
        assert acme("--pack", "retention-plan")["deducted"] >= 37

    def test_the_weights_are_those_of_the_settings(self, folder, tmp_path):
        path = tmp_path / "retention.toml"
        path.write_text("[score]\noverdue = 0\n[score.rules]\nopen-complaint = 50\n")
        document = json.loads(shown(folder, "--client", "acme", "--format", "json", "--settings", str(path)))
        assert document["clients"][0]["score"]["value"] == 50
        path.write_text("[score]\nwatch = -1\n")
        ran = retention("health", "log.jsonl", *AT, "--settings", str(path), cwd=folder)
        assert (ran.code, ran.out) == (2, b"")
        assert ran.errors == [f"Error: {path}: score.watch: expected a whole number from 0 to 1,000,000, got -1"]

    def test_a_terminal_shows_levels_in_colour(self, folder):
        ran = on_a_terminal("health", "log.jsonl", *AT, cwd=folder)
        assert ran.code == 0
        assert ran.out.count(b"\x1b[32mhealthy") >= 4

    @pytest.mark.parametrize("how", ["table", "json", "jsonl", "csv"])
    def test_a_rule_that_fails_is_told_and_the_rest_is_printed(self, folder, how, monkeypatch):
        monkeypatch.setattr(RuleChoice, "engine", lambda _: Engine([broken, *Settings().choose()]))
        ran = CliRunner().invoke(main, ["health", str(folder / "log.jsonl"), *AT, "--format", how])
        assert ran.exit_code == 4
        assert ran.stderr.startswith("Error: rule broken failed for acme and 6 more: ValueError: no luck (")
        assert "incomplete" in ran.stdout
        assert "acme" in ran.stdout


def test_an_application_asks_the_engine(tmp_path):
    settings = Settings.from_table({"score": {"watch": 20}})
    with RetentionEngine.open(f"sqlite:///{tmp_path / 'log.db'}", create=True, settings=settings) as retained:
        retained.record(Engaged(client="acme", at="2026-03-20"))
        card = retained.scorecard("acme", at=instant("2026-06-30"))
        assert (card.status, card.score.value) == (Health.WATCH, 68)
        assert "Score 68 of 100: -20 quiet-client, " in retained.explain("acme", at=instant("2026-06-30"))
        assert retained.scorecard("acme", at=instant("2026-04-01")).score.value == 100
