"""What rules may state: levels, half-open intervals, due instants, evidence."""

from datetime import UTC, datetime, timedelta, timezone
from inspect import Parameter, signature
from itertools import pairwise

import attrs
import pytest

from retention_engine import Action, Complained, Concern, Engaged, Health, instant
from retention_engine.errors import RuleError

EVENT = Engaged(client="acme", at="2026-01-01", id="e1")
OTHER = Complained(client="acme", at="2026-01-02", position=7)
JUNE, JULY = instant("2026-06-01"), instant("2026-07-01")
MICROSECOND = timedelta(microseconds=1)


class TestHealth:
    def test_levels_are_ordered_from_well_to_gone(self):
        words = ["healthy", "unknown", "watch", "at-risk", "critical", "left"]
        levels = [Health.named(word) for word in words]
        assert [str(level) for level in levels] == words
        assert all(better < worse for better, worse in pairwise(levels))
        assert len(Health) == 6

    def test_a_word_that_is_no_level_is_answered_with_those_that_are(self):
        with pytest.raises(ValueError, match="'red' is none of healthy, unknown, watch, at-risk, critical, left"):
            Health.named("red")


class TestConcern:
    def test_it_is_in_force_from_its_start_until_just_before_its_end(self):
        concern = Concern(Health.WATCH, starts=JUNE, until=JULY, because=EVENT)
        probes = [JUNE - MICROSECOND, JUNE, JULY - MICROSECOND, JULY]
        assert [concern.in_force(probe) for probe in probes] == [False, True, True, False]

    def test_without_an_end_it_lasts(self):
        concern = Concern(Health.WATCH, starts=JUNE, because=EVENT)
        assert not concern.in_force(JUNE - MICROSECOND)
        assert concern.in_force(datetime.max.replace(tzinfo=UTC))

    def test_its_instants_are_kept_in_utc(self):
        concern = Concern(
            Health.WATCH,
            starts=datetime(2026, 6, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            until=datetime(2026, 6, 30, 20, tzinfo=timezone(timedelta(hours=-4))),
            because=EVENT,
        )
        assert (concern.starts, concern.until) == (JUNE, JULY)
        assert (concern.starts.tzinfo, concern.until.tzinfo) == (UTC, UTC)

    def test_it_may_lie_beyond_the_years_in_which_events_happen(self):
        far = datetime(2290, 1, 1, tzinfo=UTC)
        assert Concern(Health.WATCH, starts=far, because=EVENT).starts == far

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"starts": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - that is the mistake
            ({"starts": None}, "expected an aware datetime, got None"),
            ({"starts": "2026-01-01"}, "expected an aware datetime, got '2026-01-01'"),
            ({"until": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - that is the mistake
            ({"until": 3}, "expected an aware datetime, got 3"),
            ({"level": "watch"}, r"expected a level such as Health.WATCH, got 'watch'"),
            ({"level": 2}, "expected a level such as Health.WATCH, got 2"),
        ],
    )
    def test_what_is_no_level_or_no_instant_is_refused(self, wrong, message):
        right = {"level": Health.WATCH, "starts": JUNE, "until": JULY, "because": EVENT}
        with pytest.raises(RuleError, match=message):
            Concern(**right | wrong)

    @pytest.mark.parametrize("field", ["about", "message"])
    def test_what_it_is_about_and_says_is_text(self, field):
        with pytest.raises(TypeError, match=field):
            Concern(Health.WATCH, starts=JUNE, because=EVENT, **{field: EVENT})

    @pytest.mark.parametrize(
        ("because", "evidence"),
        [
            (EVENT, (EVENT,)),
            ([EVENT, OTHER], (EVENT, OTHER)),
            ([None, EVENT], (EVENT,)),
            (None, ()),
            ([], ()),
        ],
    )
    def test_it_cites_one_event_or_several_and_not_what_never_happened(self, because, evidence):
        assert Concern(Health.WATCH, starts=JUNE, because=because).evidence == evidence
        assert Action("Call.", due=JUNE, because=because).evidence == evidence

    def test_it_takes_its_evidence_out_of_any_iterable(self):
        assert Concern(Health.WATCH, starts=JUNE, because=iter([EVENT, OTHER])).evidence == (EVENT, OTHER)

    def test_it_can_not_be_changed(self):
        concern = Concern(Health.WATCH, starts=JUNE, because=EVENT)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            concern.starts = JULY


@pytest.mark.parametrize(("finding", "first"), [(Concern, "level"), (Action, "message")])
def test_all_but_the_first_argument_are_given_by_name(finding, first):
    by_place = [name for name, it in signature(finding).parameters.items() if it.kind is not Parameter.KEYWORD_ONLY]
    assert by_place == [first]


class TestAction:
    ACTION = Action("Call.", due=JUNE, because=[EVENT, OTHER], about="x", rule="r", client="acme")

    def test_its_id_is_a_short_word_of_client_rule_subject_and_evidence(self):
        assert len(self.ACTION.id) == 16
        assert set(self.ACTION.id) <= set("0123456789abcdef")

    @pytest.mark.parametrize("change", [{"message": "Write."}, {"due": JULY}, {"because": [None, EVENT, OTHER]}])
    def test_its_id_does_not_depend_on_words_or_dates(self, change):
        assert attrs.evolve(self.ACTION, **change).id == self.ACTION.id

    @pytest.mark.parametrize(
        "change",
        [
            {"client": "acm"},
            {"rule": "q"},
            {"about": None},
            {"about": "y"},
            {"because": [EVENT]},
            {"because": [OTHER, EVENT]},
        ],
    )
    def test_its_id_depends_on_what_it_rests_on(self, change):
        assert attrs.evolve(self.ACTION, **change).id != self.ACTION.id

    def test_its_id_does_not_run_its_parts_together(self):
        one = attrs.evolve(self.ACTION, client="a", rule="b-c")
        assert one.id != attrs.evolve(self.ACTION, client="a-b", rule="c").id

    def test_its_id_is_the_same_in_every_release(self):
        assert self.ACTION.id == "a29036bdeb345e4a"

    @pytest.mark.parametrize(
        ("wrong", "error", "message"),
        [
            ({"due": None}, RuleError, "expected an aware datetime, got None"),
            ({"due": datetime(2026, 1, 1)}, RuleError, "no time zone"),  # noqa: DTZ001 - that is the mistake
            ({"message": None}, TypeError, "message"),
            ({"about": 3}, TypeError, "about"),
        ],
    )
    def test_what_is_no_action_is_refused(self, wrong, error, message):
        with pytest.raises(error, match=message):
            Action(**{"message": "Call.", "due": JUNE, "because": EVENT} | wrong)
