"""Windows on a history: they read like tuples, and a client cut earlier sees nothing of what came later."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from given import client_of, histories_of
from retention_engine import (
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Event,
    Findings,
    Health,
    Renewed,
    Resolved,
    contact,
    heard,
    instant,
    rule,
)
from retention_engine.growing import retold
from retention_engine.history import EVERYTHING, MOST_LOOKUPS, Events
from retention_engine.rules.complaints import open_complaint
from retention_engine.settling import settles
from retention_engine.timelines import schedules
from strategies import logs, moments, questions

FOUR = [Engaged(client="acme", at=f"2026-01-0{day}", id=f"e{day}", position=day) for day in (1, 2, 3, 4)]
SELECTORS = [Engaged, Complained, Event, contact, heard, settles]


@given(st.integers(0, 4), st.integers(0, 4), st.integers(-6, 6), st.integers(-6, 6), st.sampled_from([-2, -1, 1, 2]))
def test_a_window_reads_like_the_tuple_of_its_events(start, stop, one, other, step):
    window, plain = Events(FOUR, start, stop), tuple(FOUR[start:stop])
    assert window == plain
    assert plain == tuple(window)
    assert (len(window), bool(window), repr(window)) == (len(plain), bool(plain), repr(plain))
    assert tuple(reversed(window)) == plain[::-1]
    assert window[one:other:step] == plain[one:other:step]
    if -len(plain) <= one < len(plain):
        assert window[one] is plain[one]
    else:
        with pytest.raises(IndexError):
            window[one]


def test_a_window_equals_other_sequences_of_its_events_alone():
    window = Events(FOUR, 1, 3)
    assert window == [FOUR[1], FOUR[2]]
    assert window == Events(FOUR[1:3], 0, 2)
    assert window != FOUR
    assert window != [FOUR[1], FOUR[3]]
    assert window != 2
    with pytest.raises(TypeError):
        hash(window)


def test_after_and_between_are_windows_too():
    window = Events(FOUR, 0, 3)
    assert window.after(FOUR[0]) == FOUR[1:3]
    assert window.after(FOUR[3]) == []
    assert window.between(instant("2026-01-02"), instant("2026-01-03")) == FOUR[1:2]
    assert window.between(instant("2026-01-02T00:00:00.000001Z"), instant("2026-01-09")) == FOUR[2:3]
    assert window.between(instant("2026-01-03"), instant("2026-01-02")) == []


@given(questions())
def test_a_cut_client_answers_as_one_made_of_what_it_sees(question):
    log, now, _ = question
    for name, history in histories_of(log).items():
        whole = Client.from_events(name, history)
        for selector in SELECTORS:
            whole.of(selector)
        cut, alone = whole.as_of(now), Client.from_events(name, history, as_of=now)
        assert cut.events == alone.events
        for selector in SELECTORS:
            assert cut.of(selector) == alone.of(selector)
            assert cut.latest(selector) is alone.latest(selector)
        assert cut.of(Complained, contact) == alone.of(Complained, contact)
        assert (cut.open_complaints, cut.term, bool(cut)) == (alone.open_complaints, alone.term, bool(alone))
        assert [cut.settlement(it) for it in cut.complaints] == [alone.settlement(it) for it in alone.complaints]
        assert (cut.tier, cut.owner, cut.cadence, cut.judgement) == (
            alone.tier,
            alone.owner,
            alone.cadence,
            alone.judgement,
        )


@given(logs())
def test_a_client_grows_by_what_happened_at_one_instant(log):
    for name, history in histories_of(log).items():
        client = Client.from_events(name, history)
        instants = sorted({event.at for event in client.events})
        steps = [(grown, tuple(grown.events), changed) for grown, changed in retold(client)]
        assert [events for _, events, _ in steps] == [client.as_of(moment).events for moment in instants]
        assert all(grown.events == events for grown, events, _ in steps), "it still sees what it saw"
        assert all(set(changed) == {EVERYTHING} for _, _, changed in steps), "nothing else was asked for before"


@given(logs())
def test_a_client_that_grows_says_which_answers_have_changed(log):
    for name, history in histories_of(log).items():
        before = {}
        for grown, changed in retold(Client.from_events(name, history)):
            now = {(selector,): tuple(grown.of(selector)) for selector in SELECTORS}
            others = {selectors for selectors, events in now.items() if before and events != before[selectors]}
            assert set(changed) == others | {EVERYTHING}
            assert all(grown.latest(selector) is (now[selector,] or (None,))[-1] for selector in SELECTORS)
            before = now


class TestUnruly:
    """Conditions and rules that no author should write; the answers are right all the same."""

    STRANGE = (
        *(Engaged(client="acme", at=f"2026-01-{day:02}", id=f"e{day}") for day in range(1, 29)),
        Complained(client="acme", at="2026-02-02", id="late"),
        Engaged(client="acme", at="2026-02-03", id="last", depth="token"),
    )

    @staticmethod
    def told(*rules):
        engine = Engine(rules)
        client = client_of(*TestUnruly.STRANGE)
        for known, schedule in schedules(engine, client):
            assert schedule == engine.schedule(Client.from_events("acme", known.events))
        return schedule

    def test_a_rule_with_a_new_condition_for_each_event_makes_nobody_miss_anything(self):
        @rule
        def restless(client: Client) -> Findings:
            """Asks with a new condition each time, and often."""
            for place in range(MOST_LOOKUPS // 4):
                client.of(lambda event, place=place: event.position == place)
            yield Concern(Health.WATCH, starts=client.since, because=client.first)

        assert len(self.told(restless, open_complaint).concerns) == 3

    def test_a_condition_that_fails_fails_its_rule_alone(self):
        @rule
        def careless(client: Client) -> Findings:
            """Takes every event for an engagement."""
            client.of(_is_token)
            yield Concern(Health.WATCH, starts=client.since, because=client.first)

        found = self.told(careless, open_complaint)
        assert [failure.rule for failure in found.failures] == ["careless"]
        assert len(found.concerns) == 2

    def test_a_condition_may_ask_the_client(self):
        @rule
        def curious(client: Client) -> Findings:
            """Looks at engagements that came when there were complaints."""
            after_trouble = client.of(lambda event: isinstance(event, Engaged) and bool(client.of(Complained)))
            if after_trouble:
                yield Concern(Health.WATCH, starts=after_trouble[-1].at, because=after_trouble[-1])

        assert [concern.rule for concern in self.told(curious, open_complaint).concerns].count("curious") == 1

    def test_a_rule_may_ask_something_else_as_the_history_grows(self):
        @rule
        def fickle(client: Client) -> Findings:
            """Asks for complaints only once there were many engagements."""
            if len(client.of(Engaged)) > 20 and client.of(Complained):
                yield Concern(Health.WATCH, starts=client.complaints[0].at, because=client.complaints[0])
            if "30 events" in repr(client):
                yield Concern(Health.CRITICAL, starts=client.since, because=client.first, about="long")

        assert len(self.told(fickle).concerns) == 2

    def test_a_question_about_nothing_is_refused(self):
        with pytest.raises(TypeError, match="name a kind of event or a condition"):
            client_of(*FOUR).of()

    def test_a_fold_starts_where_it_is_told_to(self):
        client = client_of(*FOUR)
        assert client.fold(int, _count, Engaged) == 4
        assert client.fold(_hundred, _count, Engaged) == 104
        assert client.fold(int, _count, Engaged) == 4


def _is_token(event):
    return event.depth == "token"


def _count(so_far: int, _: Event) -> int:
    return so_far + 1


def _hundred() -> int:
    return 100


def test_conditions_made_anew_for_each_question_do_not_pile_up():
    client = client_of(*FOUR)
    for place in range(3 * MOST_LOOKUPS):
        assert len(client.of(lambda event, place=place: event.position != place)) >= 3
    assert len(client._history._found) <= MOST_LOOKUPS


@given(logs(), st.data())
def test_a_fold_is_a_loop_whichever_cut_was_asked_before(log, data):
    for name, history in histories_of(log).items():
        client = Client.from_events(name, history)
        for moment in data.draw(st.lists(moments(log), max_size=5)):
            cut = client.as_of(moment)
            assert cut.fold(list, _note, Engaged, Renewed) == [event.ref for event in cut.of(Engaged, Renewed)]


def _note(refs: list[str], event: Event) -> list[str]:
    return [*refs, event.ref]


def test_what_was_read_is_noted_while_somebody_wants_to_know():
    client = client_of(*FOUR)
    with client.reading() as asked:
        client.latest(contact)
        client.of(Engaged, Complained)
        assert client.open_complaints == ()
        len(client.events)
    client.of(Renewed)
    assert asked == {(contact,), (Engaged, Complained), (Complained,), (Event,)}


def test_a_settlement_may_precede_its_complaint_and_the_first_one_counts():
    client = client_of(
        Resolved(client="acme", at="2026-01-01", complaint="c1", id="r1"),
        Complained(client="acme", at="2026-01-02", id="c1"),
        Engaged(client="acme", at="2026-01-03", resolves="c1"),
        Complained(client="acme", at="2026-01-04"),
    )
    assert [client.settlement(it) for it in client.complaints] == [client.events[0], None]
    assert client.open_complaints == (client.events[3],)
    assert client.as_of(instant("2026-01-01")).open_complaints == ()
    assert client.as_of(instant("2026-01-01") - timedelta(1)).events == ()
