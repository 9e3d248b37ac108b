"""News: every change of a client's status is told once, with the same id however often it is read, and none is missed."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from given import events_of
from retention_engine import (
    Agenda,
    Complained,
    Engaged,
    Engine,
    EventLog,
    Health,
    Resolved,
    Retracted,
    Settings,
    create_log,
    days,
    instant,
)
from retention_engine.errors import NoAgenda, QuestionError
from strategies import JITTERS, SPANS, logs

from .comparing import Replays
from .test_equals_replay import ENGINES, Told, bring_in, record, retractable

ESSENTIALS = Engine(Settings().choose())
JANUARY = instant("2026-01-05T09:00:00Z")


def statuses(log: EventLog, engine: Engine, moment: datetime) -> dict[str, Health]:
    return Replays(log, engine).statuses(moment)


@given(st.data())
def test_news_lead_from_what_was_to_what_is(data):
    """Whoever takes them in, in order, knows each client's status, whatever was recorded late or ahead of its time."""
    lines = data.draw(logs(ids=True))
    events = list({(event.client, event.id): event for event in reversed(events_of(lines))}.values())[::-1]
    engine = data.draw(st.sampled_from(ENGINES))
    with create_log("memory://", clock=Told()) as log, Agenda(log, engine) as agenda:
        begun = data.draw(st.integers(0, len(events)))
        bring_in(log, retractable(log, events[:begun]))
        agenda.rebuild()
        until = max((event.recorded_at for event in events[:begun]), default=JANUARY)
        until = max(until, agenda.basis().horizon or until)
        assert list(agenda.news(until=until)) == []
        known, seq, ids = statuses(log, engine, until), 0, set()
        events = events[begun:]
        while events:
            portion, events = events[: (size := data.draw(st.integers(1, 4)))], events[size:]
            if data.draw(st.booleans()):
                agenda.attach()
            else:
                agenda.detach()
            for event in retractable(log, portion):
                record(log, event)
            until = max([until, *(event.recorded_at for event in portion)])
            until += timedelta(days=data.draw(st.sampled_from(SPANS))) + abs(data.draw(st.sampled_from(JITTERS)))
            agenda.follow()
            for item in agenda.news(seq, until=until):
                assert known.get(item.client) is item.before is not item.after
                assert item.seq > seq
                assert item.id not in ids
                ids.add(item.id)
                seq = item.seq
                known[item.client] = item.after
                if item.after is None:
                    del known[item.client]
            assert known == statuses(log, engine, until)
        assert {item.id for item in agenda.news(limit=10_000, until=until)} == ids


def on_the_day(log: EventLog, clock: Told, event) -> None:
    clock.now = event.at
    log.record(event)


@pytest.fixture
def clock() -> Told:
    return Told()


@pytest.fixture
def log(new_log, clock):
    with new_log(clock=clock) as made:
        on_the_day(made, clock, Engaged(client="acme", at=JANUARY, id="call"))
        yield made


@pytest.fixture
def agenda(log):
    with Agenda(log, ESSENTIALS) as made:
        made.rebuild()
        made.attach()
        made.news(until=JANUARY)
        yield made


def said(items) -> list[tuple[str, str, str]]:
    return [(item.client, str(item.before), str(item.after)) for item in items]


def test_an_event_that_changes_a_status_is_news_at_once(agenda, log, clock):
    on_the_day(log, clock, Complained(client="acme", at=JANUARY + days(1), id="late again"))
    (item,) = agenda.news(until=JANUARY + days(1))
    assert (item.client, item.before, item.after) == ("acme", Health.HEALTHY, Health.WATCH)
    assert (item.at, item.position) == (JANUARY + days(1), 2)
    (reason,) = item.because
    assert (reason.rule, reason.about, reason.because) == ("open-complaint", "late again", ("late again",))
    on_the_day(log, clock, Engaged(client="acme", at=JANUARY + days(2), id="call 2"))
    assert list(agenda.news(until=JANUARY + days(2))) == [item]
    on_the_day(log, clock, Resolved(client="acme", at=JANUARY + days(3), id="done", complaint="late again"))
    assert said(agenda.news(item.seq, until=JANUARY + days(3))) == [("acme", "watch", "healthy")]


def test_what_comes_with_time_is_news_when_its_time_has_come(agenda):
    due = JANUARY + days(90)
    assert list(agenda.news(until=due - timedelta(microseconds=1))) == []
    (item,) = agenda.news(until=due)
    assert (item.at, item.before, item.after) == (due, Health.HEALTHY, Health.WATCH)
    assert list(agenda.news(until=due + days(1))) == [item]
    assert list(agenda.news(item.seq, until=due + days(1))) == []


def test_what_came_with_time_is_told_before_the_event_that_changes_it(agenda, log, clock):
    on_the_day(log, clock, Engaged(client="acme", at=JANUARY + days(100), id="call 2"))
    found = agenda.news(until=JANUARY + days(100))
    assert said(found) == [("acme", "healthy", "watch"), ("acme", "watch", "healthy")]
    assert [item.at for item in found] == [JANUARY + days(90), JANUARY + days(100)]


def test_a_client_that_is_new_or_gone_is_news(agenda, log, clock):
    on_the_day(log, clock, Engaged(client="bolt", at=JANUARY + days(1), id="hello"))
    on_the_day(log, clock, Retracted(client="bolt", at=JANUARY + days(2), id="oh", event="hello"))
    assert said(agenda.news(until=JANUARY + days(2))) == [("bolt", "None", "healthy"), ("bolt", "healthy", "None")]


def test_events_recorded_while_other_rules_are_built_are_news_and_the_rules_are_not(agenda, log, clock):
    agenda.detach()
    other = Agenda(log, Engine(it for it in ESSENTIALS.rules if it.name != "unheard-client"))
    on_the_day(log, clock, Complained(client="acme", at=JANUARY + days(1), id="late again"))
    on_the_day(log, clock, Engaged(client="bolt", at=JANUARY + days(1), id="hello", direction="outbound"))
    other.rebuild()
    found = other.news(until=JANUARY + days(1))
    assert sorted(said(found)) == [("acme", "healthy", "watch"), ("bolt", "None", "healthy")]
    agenda.rebuild()
    assert agenda.news(until=JANUARY + days(1)).items == found.items


def test_old_news_are_removed_on_request(agenda):
    first, second = agenda.news(until=JANUARY + days(120))
    agenda.prune_news(first.seq)
    assert list(agenda.news(until=JANUARY + days(120))) == [second]
    assert agenda.news(limit=1, until=JANUARY + days(120)).items == (second,)


def test_the_place_of_another_log_is_refused(log_on, store):
    """Nobody could tell it from the place where nothing has come since, and would be told nothing."""
    clock = Told()
    clock.now = JANUARY
    with log_on(store, clock=clock) as log, Agenda(log, ESSENTIALS) as agenda:
        agenda.rebuild()
        assert agenda.news(until=JANUARY).items == ()
        with pytest.raises(QuestionError, match="no news 1 yet, the last is 0: that is the place of another log"):
            agenda.news(1, until=JANUARY)
        agenda.attach()
        on_the_day(log, clock, Engaged(client="acme", at=JANUARY, id="call"))
        (item,) = agenda.news(until=JANUARY)
        agenda.prune_news(item.seq)
        assert agenda.news(item.seq, until=JANUARY).items == ()
        with pytest.raises(QuestionError, match=f"no news {item.seq + 1} yet, the last is {item.seq}"):
            agenda.news(item.seq + 1, until=JANUARY)


def test_where_there_is_no_agenda_there_are_no_news(log):
    with pytest.raises(NoAgenda):
        Agenda(log, ESSENTIALS).news()
