"""The agenda day by day: boundaries on both sides, what it refuses, who keeps it current, and what stays when something fails."""

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace

import pytest

from retention_engine import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Agenda,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Event,
    EventLog,
    Findings,
    Health,
    Judged,
    Left,
    Profiled,
    RetentionEngine,
    Retracted,
    Settings,
    days,
    instant,
    open_log,
    rule,
)
from retention_engine.agenda import following, rebuilding
from retention_engine.errors import KeyReused, LogReadOnly, LogTooNew, NoAgenda, QuestionError, UnknownClient
from retention_engine.log.agenda_tables import VERSION
from retention_engine.log.postgres_agenda import PostgresAgendaTables
from retention_engine.log.sqlite_agenda import SQLiteAgendaTables

from .comparing import assert_equals_replay
from .test_equals_replay import Told, bring_in

ESSENTIALS = Engine(Settings().choose())
FEWER = Engine(it for it in ESSENTIALS.rules if it.name != "unheard-client")
JANUARY = instant("2026-01-05T09:00:00Z")
DUE = JANUARY + days(90)
MICROSECOND = timedelta(microseconds=1)
EVERYTHING = "SELECT * FROM @agenda_{}"
SENTINEL = "Zimtschnecke-7351"


def at(day: int, kind: type[Event] = Engaged, client: str = "acme", **said) -> Event:
    return kind(client=client, at=JANUARY + days(day), id=f"{kind.__name__} {day}", **said)


@pytest.fixture
def clock() -> Told:
    return Told()


@pytest.fixture
def log(new_log, clock):
    with new_log(clock=clock) as made:
        clock.now = JANUARY
        yield made


@pytest.fixture
def on_the_day(log, clock):
    """Records an event when it happens."""

    def record(event: Event) -> None:
        clock.now = max(event.at, clock.now)
        log.record(event)

    return record


@pytest.fixture
def agenda(log):
    log.record(at(0))
    with Agenda(log, ESSENTIALS) as made:
        made.rebuild()
        made.attach()
        yield made


class TestQuestions:
    def test_a_change_belongs_to_the_span_that_ends_with_it(self, agenda):
        (change,) = agenda.changes(DUE - MICROSECOND, DUE)
        assert (change.client, change.at, change.before, change.after) == ("acme", DUE, Health.HEALTHY, Health.WATCH)
        assert [(it.rule, it.because) for it in change.because] == [("quiet-client", ("Engaged 0",))]
        assert list(agenda.changes(DUE - days(1), DUE - MICROSECOND)) == []
        assert list(agenda.changes(DUE, DUE + days(1))) == []
        assert list(agenda.changes(DUE, DUE)) == []

    def test_an_action_is_due_from_its_very_instant_on(self, agenda):
        (action,) = agenda.due(DUE, at=JANUARY)
        assert (action.client, action.rule, action.due, action.because) == ("acme", "quiet-client", DUE, ("Engaged 0",))
        assert list(agenda.due(DUE - MICROSECOND, at=JANUARY)) == []

    def test_a_status_changes_at_its_very_instant(self, agenda):
        before, after = agenda.status("acme", DUE - MICROSECOND), agenda.status("acme", DUE)
        assert (before.status, after.status) == (Health.HEALTHY, Health.WATCH)
        assert before.next_change.at == DUE
        assert after.next_change.after is Health.AT_RISK
        assert [action.id for action in before.actions] == [it.id for it in agenda.due(DUE, at=JANUARY)]
        assert agenda.counts(DUE - MICROSECOND).by_status[Health.HEALTHY] == 1
        assert agenda.counts(DUE).by_status == dict.fromkeys(Health, 0) | {Health.WATCH: 1}

    def test_it_answers_from_its_horizon_on(self, agenda):
        earlier = JANUARY - MICROSECOND
        assert agenda.basis().horizon == JANUARY
        for ask in (
            lambda: agenda.changes(earlier, DUE),
            lambda: agenda.due(DUE, at=earlier),
            lambda: agenda.status("acme", earlier),
            lambda: agenda.counts(earlier),
            lambda: agenda.failures(earlier),
        ):
            with pytest.raises(QuestionError, match="replay the log"):
                ask()
        assert agenda.status("acme", JANUARY).status is Health.HEALTHY

    def test_without_a_moment_it_answers_for_now_or_for_its_horizon_where_other_clocks_are_ahead(self, agenda, clock):
        clock.now = DUE
        assert agenda.status("acme").status is Health.WATCH
        assert agenda.counts().at == DUE
        clock.now = JANUARY - days(1)
        assert agenda.status("acme").at == JANUARY
        assert len(agenda.due(DUE)) == 1
        assert list(agenda.failures()) == []

    def test_a_span_that_ends_before_it_begins_is_refused(self, agenda):
        with pytest.raises(QuestionError, match="before it begins"):
            agenda.changes(DUE, DUE - MICROSECOND)

    def test_a_client_nobody_knows_is_refused(self, agenda):
        with pytest.raises(UnknownClient, match="'bolt'"):
            agenda.status("bolt", DUE)

    def test_an_owner_gets_those_of_their_clients(self, agenda, on_the_day):
        on_the_day(at(1, Profiled, "bolt", owner="jo"))
        on_the_day(at(1, Engaged, "bolt"))
        assert [it.client for it in agenda.due(DUE + days(9), at=DUE, owner="jo")] == ["bolt"]
        assert [it.client for it in agenda.due(DUE + days(9), at=DUE, owner="")] == ["acme"]
        assert [it.client for it in agenda.due(DUE + days(9), at=DUE)] == ["acme", "bolt"]
        assert list(agenda.due(DUE + days(9), at=DUE, owner="max")) == []

    def test_texts_that_no_event_can_carry_find_nothing(self, agenda):
        for text in ("a\0b", "\udcff"):
            assert list(agenda.due(DUE, at=DUE, owner=text)) == []
            with pytest.raises(UnknownClient):
                agenda.status(text, DUE)

    def test_where_none_was_built_it_says_so(self, log):
        agenda = Agenda(log, ESSENTIALS)
        for ask in (agenda.basis, agenda.counts, agenda.news):
            with pytest.raises(NoAgenda, match="has no agenda yet"):
                ask()
        assert agenda.follow() == 0
        agenda.attach()
        log.record(at(0))
        assert agenda.rebuild().position == 1

    def test_the_agenda_of_an_empty_log_grows_from_its_first_event(self, log):
        with Agenda(log, ESSENTIALS) as agenda:
            assert agenda.rebuild().horizon is None
            assert list(agenda.changes(JANUARY, DUE)) == []
            assert sum(agenda.counts(JANUARY).by_status.values()) == 0
            agenda.attach()
            log.record(at(0))
            assert_equals_replay(agenda, log, [DUE])


class TestEvents:
    def test_what_was_done_snoozed_or_dismissed_is_not_due(self, agenda, log, on_the_day):
        (action,) = agenda.due(DUE, at=JANUARY)
        until = JANUARY + days(95)
        on_the_day(at(1, ActionSnoozed, action=action.id, until=until))
        assert list(agenda.due(DUE, at=JANUARY + days(1))) == []
        assert list(agenda.due(DUE, at=until - MICROSECOND)) == []
        assert [it.id for it in agenda.due(DUE, at=until)] == [action.id]
        assert_equals_replay(agenda, log, [until - MICROSECOND, until])
        on_the_day(at(2, ActionSnoozed, action=action.id, until=JANUARY + days(2)))
        assert [it.id for it in agenda.due(DUE, at=JANUARY + days(2))] == [action.id]
        kind = {"reason": "No."}
        on_the_day(at(3, ActionDismissed, action=action.id, **kind))
        assert list(agenda.due(DUE, at=DUE)) == []
        on_the_day(at(4, Engaged))
        (second,) = agenda.due(DUE + days(4), at=DUE)
        on_the_day(at(5, ActionDone, action=second.id))
        assert list(agenda.due(DUE + days(4), at=DUE)) == []
        assert_equals_replay(agenda, log, [DUE, until])

    def test_a_judgement_holds_until_its_end(self, agenda, log, on_the_day):
        on_the_day(at(1, Judged, level="critical", reason="I met them.", until=JANUARY + days(10)))
        assert agenda.status("acme", JANUARY + days(1)).status is Health.CRITICAL
        (change,) = agenda.changes(JANUARY + days(1), JANUARY + days(10))
        assert (change.at, change.after, change.because) == (JANUARY + days(10), Health.HEALTHY, ())
        assert_equals_replay(agenda, log, [JANUARY + days(10), DUE])

    def test_a_client_that_left_has_no_action(self, agenda, log, on_the_day):
        on_the_day(at(1, Left))
        assert list(agenda.due(DUE + days(900), at=DUE)) == []
        assert agenda.status("acme", DUE).status is Health.LEFT
        assert list(agenda.changes(JANUARY + days(1), DUE + days(900))) == []
        assert_equals_replay(agenda, log, [DUE])

    def test_an_event_ahead_of_its_time_has_its_turn_when_it_happens(self, agenda, log):
        log.record(Complained(client="acme", at=JANUARY + days(10), id="to come"))
        assert agenda.basis().horizon == JANUARY
        before, after = JANUARY + days(10) - MICROSECOND, JANUARY + days(10)
        (change,) = agenda.changes(JANUARY, after)
        assert (change.at, change.after, change.events) == (after, Health.WATCH, ("to come",))
        assert agenda.status("acme", before).status is Health.HEALTHY
        assert [it.rule for it in agenda.due(DUE, at=before)] == ["quiet-client"]
        assert [it.rule for it in agenda.due(DUE, at=after)] == ["open-complaint", "quiet-client"]
        assert_equals_replay(agenda, log, [before, after, DUE])

    def test_late_events_and_retractions_change_what_was_said(self, agenda, log, on_the_day, clock):
        on_the_day(at(20, Engaged))
        log.record(at(10, Complained))
        assert agenda.status("acme", JANUARY + days(20)).status is Health.AT_RISK
        on_the_day(at(21, Retracted, event="Complained 10"))
        assert agenda.status("acme", JANUARY + days(21)).status is Health.HEALTHY
        on_the_day(Retracted(client="acme", at=JANUARY + days(22), id="gone", event="Engaged 20"))
        on_the_day(Retracted(client="acme", at=JANUARY + days(22), id="gone, too", event="Engaged 0"))
        with pytest.raises(UnknownClient):
            agenda.status("acme", JANUARY + days(22))
        assert_equals_replay(agenda, log, [DUE])

    def test_a_rule_that_fails_leaves_no_client_better_than_unknown(self, log, on_the_day):
        @rule
        def fails(client: Client) -> Findings:
            """It fails when it meets a complaint."""
            if client.complaints:
                raise ValueError("\0 \ud800 is no text")
            yield Concern(Health.WATCH, starts=client.since + days(50), because=client.first)

        log.record(at(0))
        with Agenda(log, Engine([fails])) as agenda:
            agenda.rebuild()
            agenda.attach()
            log.record(Complained(client="acme", at=JANUARY + days(10), id="to come"))
            assert agenda.status("acme", JANUARY + days(9)).failing == ()
            says = agenda.status("acme", JANUARY + days(10))
            assert (says.status, says.failing) == (Health.UNKNOWN, ("fails",))
            assert agenda.counts(JANUARY + days(10)).failing == 1
            (failure,) = agenda.failures(JANUARY + days(10))
            assert failure.cause.startswith("ValueError: � ? is no text (")
            assert list(agenda.failures(JANUARY + days(9))) == []
            (change,) = agenda.changes(JANUARY + days(9), JANUARY + days(10))
            (reason,) = change.because
            assert (change.after, reason.rule, reason.because) == (Health.UNKNOWN, "fails", ())
            assert reason.message == "This rule can't be evaluated."
            agenda.news(until=JANUARY)
            on_the_day(at(5, Complained))
            (news,) = agenda.news(until=JANUARY + days(5))
            assert (news.before, news.after, list(news.because)) == (Health.HEALTHY, Health.UNKNOWN, [reason])

    def test_rules_that_fail_are_told_by_name_whichever_failed_first(self, log):
        @rule
        def also_fails(client: Client) -> Findings:
            """It fails when it meets a complaint."""
            yield from ()
            if client.complaints:
                raise ValueError("a complaint")

        @rule
        def fails(client: Client) -> Findings:
            """It always fails."""
            yield from ()
            raise ValueError(client.id)

        log.record(at(0))
        log.record(at(10, Complained))
        with Agenda(log, Engine([also_fails, fails])) as agenda:
            agenda.rebuild()
            assert agenda.status("acme", JANUARY).failing == ("fails",)
            assert agenda.status("acme", JANUARY + days(10)).failing == ("also-fails", "fails")


class TestRecording:
    @pytest.fixture(autouse=True)
    def _much_later(self, agenda, clock):
        clock.now = JANUARY + days(400)

    def test_an_event_and_its_agenda_are_stored_in_one_transaction(self, agenda, log):
        seen = []

        class Watching:
            def take_in(self, writing, fresh):
                done = agenda._follower.take_in(writing, fresh)
                seen.extend((version, event.id) for version, _, event in fresh)
                assert log.store.agenda.within(writing).state().active.position == fresh[-1][1]
                return done

        log.companion = Watching()
        log.record_many([at(1), at(2, Complained, "bolt"), at(1)])
        assert seen == [(2, "Engaged 1"), (1, "Complained 2")]
        assert agenda.basis().position == 3
        log.record(at(1))
        assert len(seen) == 2

    def test_an_event_is_stored_all_the_same_where_its_client_cannot_be_assessed(
        self, agenda, log, monkeypatch, caplog
    ):
        def break_down(*_: object) -> None:
            raise MemoryError("too much")

        with monkeypatch.context() as patched:
            patched.setattr(following, "joined", break_down)
            receipt = log.record(at(1, Complained))
        assert receipt.new
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        assert (agenda.basis().position, agenda.basis().is_behind) == (1, True)
        assert agenda.follow() == 1
        assert_equals_replay(agenda, log, [DUE])

    def test_an_event_that_is_refused_leaves_the_agenda_as_it_was(self, agenda, log):
        with pytest.raises(KeyReused):
            log.record_many([at(1), Complained(client="acme", at=JANUARY, id="Engaged 0")])
        assert agenda.basis().position == 1
        log.record(at(2))
        assert_equals_replay(agenda, log, [DUE])

    def test_what_others_recorded_without_an_agenda_is_caught_up_with(self, agenda, log):
        other = EventLog(log.store, clock=log.clock)
        for day in range(1, 4):
            other.record(at(day, Complained))
        assert agenda.basis().is_behind
        log.record(at(4))
        assert agenda.basis().position == 5
        assert_equals_replay(agenda, log, [DUE])

    def test_what_is_recorded_by_the_thousand_is_followed_later(self, agenda, log):
        log.record_many([at(day, Engaged, f"client {day % 9}") for day in range(1, following.MOST_AT_ONCE + 2)])
        assert agenda.basis().is_behind
        assert agenda.follow(100) == 100
        assert agenda.basis().is_behind
        assert agenda.follow() == following.MOST_AT_ONCE + 1 - 100
        assert agenda.follow() == 0
        assert_equals_replay(agenda, log, [])

    def test_each_client_of_many_events_is_read_once_for_all_of_them(self, agenda, log, monkeypatch):
        bring_in(log, [at(day, Engaged, f"client {day % 3}") for day in range(1, 30)])
        assert agenda.news(until=JANUARY).items == ()
        reads = []
        client = type(log.store).client
        monkeypatch.setattr(type(log.store), "client", lambda store, name: reads.append(name) or client(store, name))
        monkeypatch.setattr(following, "PAGE", 5)
        told = []
        monkeypatch.setattr(following, "LARGE_PAGE", 16)
        agenda.rebuild(told.append)
        assert sorted(reads) == sorted(2 * ["client 0", "client 1", "client 2"])
        assert [(step.done, step.total) for step in told] == [(16, 29), (29, 29)]
        assert_equals_replay(agenda, log, [DUE])
        found = [(item.client, item.before, item.after) for item in agenda.news(until=JANUARY + days(30))]
        assert found == [(f"client {number}", None, Health.HEALTHY) for number in (1, 2, 0)]

    def test_pages_become_smaller_where_others_are_quicker(self, agenda, log, monkeypatch):
        """What others do while a large page is worked out makes that in vain, so that nobody would ever be done."""
        bring_in(log, [at(day, Engaged, f"client {day % 9}") for day in range(1, 80)])
        other = Agenda(EventLog(log.store, clock=log.clock), ESSENTIALS)
        monkeypatch.setattr(following, "PAGE", 1)
        monkeypatch.setattr(following, "LARGE_PAGE", 64)
        work_at_once = following.Follower._work_at_once
        pages = []

        def overtaken(*given):
            pages.append(given[-1])
            found = work_at_once(*given)
            if len(pages) < 3:
                monkeypatch.setattr(following.Follower, "_work_at_once", work_at_once)
                other.follow(2)
                monkeypatch.setattr(following.Follower, "_work_at_once", overtaken)
            return found

        monkeypatch.setattr(following.Follower, "_work_at_once", overtaken)
        assert agenda.follow() == 79 - 4
        assert pages[:3] == [65, 3 + 16, 5 + 4]
        assert_equals_replay(agenda, log, [DUE])

    def test_following_and_building_end_though_others_record_without_end(self, agenda, log, monkeypatch):
        other = EventLog(log.store, clock=log.clock)
        step = following.Follower.step
        days_of_others = iter(range(1, 300))

        def recorded_meanwhile(*given, **options):
            found = step(*given, **options)
            other.record(at(next(days_of_others), Engaged, "bolt"))
            return found

        other.record(at(0, Engaged, "bolt"))
        monkeypatch.setattr(following.Follower, "step", recorded_meanwhile)
        assert agenda.follow() == 1
        assert agenda.basis().is_behind
        fewer = Agenda(log, FEWER)
        assert not fewer.rebuild().is_stale
        monkeypatch.undo()
        fewer.follow()
        assert_equals_replay(fewer, log, [DUE])

    def test_an_agenda_by_other_rules_is_left_as_it_is(self, agenda, log):
        stale = Agenda(log, FEWER)
        stale.attach()
        log.record(at(1))
        assert stale.follow() == 0
        assert (stale.basis().position, stale.basis().is_stale, stale.basis().is_behind) == (1, True, True)
        assert not agenda.basis().is_stale
        stale.close()
        assert log.companion is None
        agenda.detach()

    def test_a_client_grows_with_its_history_instead_of_being_read_again(self, agenda, log, monkeypatch):
        log.record(at(1))
        reads = []
        client = type(log.store).client
        monkeypatch.setattr(type(log.store), "client", lambda store, name: reads.append(name) or client(store, name))
        for day in range(2, 30):
            log.record(at(day))
        agenda.detach()
        log.record(at(30))
        agenda.follow()
        assert reads == []
        log.record(at(5, Complained))
        agenda.follow()
        assert reads == ["acme"]
        assert_equals_replay(agenda, log, [DUE])

    def test_only_so_many_clients_are_kept(self, agenda, log):
        agenda._follower.keeper._most = 5
        for day in range(1, 40):
            log.record(at(day, Engaged, f"client {day % 3}"))
        assert agenda._follower.keeper._size <= 5
        assert_equals_replay(agenda, log, [DUE])


class TestSnapshot:
    def test_a_snapshot_within_another_ends_none_but_itself(self, log_on, clock):
        clock.now = JANUARY
        with log_on("sqlite", clock=clock) as log, Agenda(log, ESSENTIALS) as agenda:
            log.record(at(0))
            agenda.rebuild()
            with agenda.snapshot():
                with agenda.snapshot():
                    assert agenda.basis().position == 1
                log.record(at(1))
                assert not agenda.basis().is_behind
            assert agenda.basis().is_behind


class TestForgetting:
    def test_no_text_about_a_forgotten_client_is_left(self, agenda, log, on_the_day, clock):
        on_the_day(at(1, Profiled, owner=SENTINEL))
        on_the_day(at(2, Complained, topic=SENTINEL, note=SENTINEL))
        agenda.news(until=JANUARY)
        before = agenda.counts(JANUARY + days(2)).by_status
        log.forget("acme")
        assert SENTINEL not in repr(dump(log))
        assert agenda.basis().is_behind
        assert agenda.counts(JANUARY + days(2)).by_status == before
        agenda.follow()
        assert not agenda.basis().is_behind
        assert SENTINEL not in repr(dump(log))
        assert_equals_replay(agenda, log, [JANUARY + days(2), DUE])
        on_the_day(at(3))
        assert SENTINEL not in repr(dump(log))
        assert_equals_replay(agenda, log, [DUE])

    def test_a_client_forgotten_by_somebody_else_is_not_remembered(self, agenda, log, on_the_day):
        on_the_day(at(1, Profiled, owner=SENTINEL))
        EventLog(log.store, clock=log.clock).forget("acme")
        on_the_day(at(2, Complained))
        agenda.follow()
        assert SENTINEL not in repr(dump(log))
        assert_equals_replay(agenda, log, [DUE])

    def test_a_client_forgotten_before_it_was_followed_is_followed_all_the_same(self, agenda, log, on_the_day):
        agenda.detach()
        on_the_day(at(1, Profiled, "bolt", owner=SENTINEL))
        log.forget("bolt")
        agenda.follow()
        assert SENTINEL not in repr(dump(log))
        assert_equals_replay(agenda, log, [DUE])

    def test_a_client_forgotten_while_other_rules_are_built_is_built_anew(self, agenda, log, on_the_day, monkeypatch):
        on_the_day(at(1, Profiled, owner=SENTINEL))
        for number in range(6):
            on_the_day(at(2, Profiled, f"bolt {number}", owner="jo"))
        monkeypatch.setattr(rebuilding, "CLIENTS", 1)
        forgotten = []

        def forget(progress: rebuilding.BuildProgress) -> None:
            if progress.done > 3 and not forgotten:
                forgotten.append(log.forget("acme"))

        other = Agenda(log, FEWER)
        other.rebuild(forget)
        assert forgotten
        assert SENTINEL not in repr(dump(log))
        assert_equals_replay(other, log, [DUE])


def dump(log: EventLog) -> Sequence[tuple]:
    with log.store.agenda.reading() as tables:
        return [tables.found(EVERYTHING.format(table)) for table in ("spells", "actions", "failures", "news")]


class TestBuilding:
    def test_the_old_one_answers_until_the_new_one_is_there(self, agenda, log, monkeypatch):
        bring_in(log, [at(1, Engaged, f"client {number}") for number in range(5)])
        agenda.follow()
        monkeypatch.setattr(rebuilding, "CLIENTS", 1)
        other = Agenda(log, FEWER)
        seen = []

        def look(progress: rebuilding.BuildProgress) -> None:
            basis = other.basis()
            seen.append((progress.done, progress.total, basis.is_stale, basis.is_rebuilding, basis.fingerprint))
            assert sum(other.counts(JANUARY + days(1)).by_status.values()) == 6

        assert other.rebuild(look).fingerprint == other.fingerprint
        assert [it[:2] for it in seen] == [(done, 6) for done in range(7)]
        assert {it[2:] for it in seen} == {(True, True, agenda.fingerprint)}
        assert (other.basis().is_stale, other.basis().is_rebuilding) == (False, False)
        assert agenda.basis().is_stale
        assert_equals_replay(other, log, [DUE])

    def test_events_that_come_meanwhile_are_in_it(self, agenda, log, on_the_day, monkeypatch):
        bring_in(log, [at(0, Engaged, f"client {number}") for number in range(5)])
        monkeypatch.setattr(rebuilding, "CLIENTS", 2)
        other = Agenda(log, FEWER)
        other.rebuild(lambda progress: on_the_day(at(1 + progress.done, Complained, "client 0")))
        assert_equals_replay(other, log, [DUE])

    def test_nothing_of_the_old_one_is_left(self, agenda, log):
        with Agenda(log, FEWER) as other:
            other.rebuild()
        with log.store.agenda.reading() as tables:
            (generation,) = tables.state().generations
            assert generation.fingerprint == other.fingerprint
            for table in ("spells", "actions", "failures"):
                assert {row[0] for row in tables.found(EVERYTHING.format(table))} <= {generation.id}
            assert len(tables.found("SELECT * FROM @agenda_tracking")) == 1

    def test_what_is_left_of_an_old_one_is_removed_by_whoever_comes_next(self, agenda, log, monkeypatch):
        bring_in(log, [at(1, Engaged, f"client {number}") for number in range(5)])
        agenda.follow()
        monkeypatch.setattr(rebuilding, "CLIENTS", 2)
        stop = threading.Event()
        removed = type(log.store.agenda.within(SimpleNamespace(cursor=None))).remove_some

        def remove_one(tables, generation, limit):
            stop.set()
            return removed(tables, generation, limit)

        monkeypatch.setattr("retention_engine.log.agenda_tables.AgendaTables.remove_some", remove_one)
        other = Agenda(log, FEWER)
        with pytest.raises(rebuilding.Stopped):
            other.rebuild(stop=stop)
        assert not other.basis().is_stale
        with log.store.agenda.reading() as tables:
            assert len(tables.state().generations) == 2
        other.rebuild()
        with log.store.agenda.reading() as tables:
            assert len(tables.state().generations) == 1
        assert_equals_replay(other, log, [DUE])

    def test_who_asks_last_decides(self, agenda, log, monkeypatch):
        monkeypatch.setattr(rebuilding, "CLIENTS", 1)
        bring_in(log, [at(1, Engaged, f"client {number}") for number in range(5)])
        other = Agenda(log, FEWER)
        asked = []

        def ask_for_the_first(progress: rebuilding.BuildProgress) -> None:
            if progress.done == 2 and not asked:
                asked.append(agenda.rebuild())

        basis = other.rebuild(ask_for_the_first)
        assert (basis.fingerprint, basis.is_stale, basis.is_rebuilding) == (agenda.fingerprint, True, False)
        assert_equals_replay(agenda, log, [DUE])

    def test_it_can_be_built_in_the_background(self, agenda, log):
        other = Agenda(log, FEWER)
        building = other.rebuild_in_background()
        assert building.wait()
        assert not building.is_running
        assert building.progress.done == building.progress.total == 1
        assert not other.basis().is_stale
        other.close()
        assert_equals_replay(other, log, [DUE])

    def test_a_build_in_the_background_can_be_stopped_and_carried_on(self, agenda, log, monkeypatch):
        monkeypatch.setattr(rebuilding, "CLIENTS", 1)
        bring_in(log, [at(1, Engaged, f"client {number}") for number in range(5)])
        other = Agenda(log, FEWER)
        at_work = threading.Event()
        go_on = threading.Event()
        made = rebuilding.made

        def slowly(*given):
            at_work.set()
            go_on.wait()
            return made(*given)

        monkeypatch.setattr(rebuilding, "made", slowly)
        building = other.rebuild_in_background()
        assert other.rebuild_in_background() is building
        assert at_work.wait(60)
        stopping = threading.Thread(target=other.close)
        stopping.start()
        go_on.set()
        stopping.join()
        assert not building.is_running
        assert building.wait()
        other.rebuild()
        assert_equals_replay(other, log, [DUE])

    def test_what_goes_wrong_in_the_background_is_raised_to_whoever_waits(self, agenda, log, monkeypatch):
        def break_down(*_: object) -> None:
            raise NoAgenda("gone")

        monkeypatch.setattr(rebuilding, "made", break_down)
        building = Agenda(log, FEWER).rebuild_in_background()
        with pytest.raises(NoAgenda, match="gone"):
            building.wait()

    def test_who_asks_while_the_first_one_is_built_is_told_how_far_it_is(self, new_log, monkeypatch):
        with new_log() as log:
            bring_in(log, [at(0, client="acme"), at(0, client="bolt")])
            monkeypatch.setattr(rebuilding, "CLIENTS", 1)
            told = []

            def ask(progress: rebuilding.BuildProgress) -> None:
                with pytest.raises(NoAgenda) as refused:
                    Agenda(log, ESSENTIALS).basis()
                told.append(str(refused.value).partition("; ")[2])

            Agenda(log, ESSENTIALS).rebuild(ask)
        assert told[:2] == [f"one is being built, {done} of 2 events so far" for done in (0, 1)]

    def test_tables_of_an_earlier_version_are_made_anew(self, agenda, log):
        with log.store.writing() as writing:
            log.store.agenda.within(writing).done("UPDATE @agenda_state SET version = 0")
        with pytest.raises(NoAgenda):
            agenda.counts(DUE)
        agenda.rebuild()
        assert_equals_replay(agenda, log, [DUE])

    def test_tables_of_a_later_version_are_left_alone(self, agenda, log):
        with log.store.writing() as writing:
            log.store.agenda.within(writing).done("UPDATE @agenda_state SET version = ?", [(VERSION + 1,)])
        for ask in (agenda.basis, agenda.rebuild):
            with pytest.raises(LogTooNew):
                ask()


def test_what_is_asked_together_is_answered_from_one_state(shared_log):
    with open_log(shared_log, clock=lambda: DUE) as log, open_log(shared_log, clock=lambda: DUE) as other:
        log.record(at(0))
        Agenda(other, ESSENTIALS).rebuild()
        Agenda(other, ESSENTIALS).attach()
        with Agenda(log, ESSENTIALS) as agenda:
            with agenda.snapshot():
                before = agenda.counts(JANUARY)
                other.record(at(10, client="bolt"))
                assert agenda.counts(JANUARY) == before
                assert agenda.basis() == before.basis
                with pytest.raises(QuestionError):
                    agenda.counts(JANUARY - MICROSECOND)
            assert agenda.counts(JANUARY + days(10)).by_status[Health.HEALTHY] == 2


def test_an_agenda_can_be_asked_where_nothing_may_be_written(shared_log):
    with open_log(shared_log, clock=lambda: JANUARY) as log:
        log.record(at(0))
        Agenda(log, ESSENTIALS).rebuild()
    with open_log(shared_log, read_only=True) as log:
        agenda = Agenda(log, ESSENTIALS)
        assert len(agenda.changes(JANUARY, DUE)) == 1
        assert agenda.follow() == 0
        with pytest.raises(LogReadOnly):
            agenda.news()
        with pytest.raises(LogReadOnly):
            Agenda(log, FEWER).rebuild()


def test_a_copy_of_a_log_has_its_agenda(tmp_path, new_address):
    with new_address("sqlite") as address, open_log(address, clock=lambda: JANUARY) as log:
        log.record(at(0))
        Agenda(log, ESSENTIALS).rebuild()
        log.backup(tmp_path / "copy.db")
    with open_log(f"sqlite:///{tmp_path / 'copy.db'}") as copy:
        assert_equals_replay(Agenda(copy, ESSENTIALS), copy, [DUE])


def test_no_byte_of_a_forgotten_client_is_left_in_the_file(tmp_path, new_address):
    with new_address("sqlite") as address, open_log(address, clock=lambda: JANUARY) as log:
        log.record_many([at(0, Profiled, owner=SENTINEL), at(0, Engaged)])
        Agenda(log, ESSENTIALS).rebuild()
        log.forget("acme")
    for file in tmp_path.glob("*.db*"):
        assert SENTINEL.encode() not in file.read_bytes()


def test_several_threads_may_record_and_ask(agenda, log, clock):
    clock.now = JANUARY + days(300)
    errors = []

    def record(name: str) -> None:
        try:
            for number in range(15):
                log.record(at(number, Engaged if number % 3 else Complained, f"client {name if number % 2 else 'all'}"))
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    def ask() -> None:
        try:
            for _ in range(20):
                agenda.counts(JANUARY + days(300))
                agenda.due(DUE, at=JANUARY + days(300))
        except Exception as error:  # noqa: BLE001 - the same
            errors.append(error)

    threads = [threading.Thread(target=record, args=(name,)) for name in "ab"]
    threads.append(threading.Thread(target=ask))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error for error in errors if "used for another event" not in str(error)] == []
    agenda.follow()
    assert_equals_replay(agenda, log, [DUE])


class TestFrontDoor:
    def test_it_keeps_the_agenda_of_its_log(self, tmp_path):
        address = f"sqlite:///{tmp_path / 'clients.db'}"
        with RetentionEngine.open(address, create=True, agenda=True, clock=lambda: JANUARY) as retention:
            retention.record(at(0))
            assert [it.at for it in retention.agenda.changes(JANUARY, DUE)] == [DUE]
            assert_equals_replay(retention.agenda, retention.log, [DUE])
        with RetentionEngine.open(address) as retention:
            assert retention.agenda is None
            retention.record(at(1))
        with RetentionEngine.open(address, agenda=True) as retention:
            assert not retention.agenda.basis().is_behind
            assert_equals_replay(retention.agenda, retention.log, [DUE])

    def test_other_settings_are_built_in_the_background(self, tmp_path):
        address = f"sqlite:///{tmp_path / 'clients.db'}"
        with RetentionEngine.open(address, create=True, agenda=True, clock=lambda: JANUARY) as retention:
            retention.record(at(0))
        calm = Settings.from_table({"rules": {"quiet-client": {"every": "120 days"}}})
        with RetentionEngine.open(address, settings=calm, agenda=True) as retention:
            assert retention.agenda.rebuild_in_background().wait()
            assert not retention.agenda.basis().is_stale
            assert_equals_replay(retention.agenda, retention.log, [DUE])


def test_postgresql_takes_no_question_for_one_that_is_worth_compiling(log_on, monkeypatch):
    """Without statistics it reckons with many rows; what it reckons to be dear it compiles, which takes far longer."""
    cost_of = {}
    found = PostgresAgendaTables.found

    def explained(self, statement, *values):
        (((plan,),),) = found(self, f"EXPLAIN (FORMAT JSON) {statement}", *values)
        cost_of[statement] = plan["Plan"]["Total Cost"]
        return found(self, statement, *values)

    monkeypatch.setattr(PostgresAgendaTables, "found", explained)
    with log_on("postgres") as log, Agenda(log, ESSENTIALS) as agenda:
        agenda.rebuild()
        agenda.attach()
        log.record_many([at(0), at(1, Complained)])
        horizon = agenda.basis().horizon
        assert agenda.status("acme", horizon).status is Health.WATCH
        assert agenda.due(horizon + days(90)).items
        assert agenda.changes(horizon, horizon + days(90)).items
        assert agenda.counts(horizon).by_status[Health.WATCH] == 1
        with agenda.log.store.agenda.reading() as tables:
            ((compiled_above,),) = found(tables, "SELECT setting::float FROM pg_settings WHERE name = 'jit_above_cost'")
    assert len(cost_of) > 8
    assert {said: cost for said, cost in cost_of.items() if cost > compiled_above / 100} == {}


def test_sqlite_looks_a_client_up_instead_of_reading_a_whole_build(log_on, monkeypatch):
    """Without statistics, which no log of ours has, its planner takes the one to be as good as the other."""
    plans = {}
    found, done = SQLiteAgendaTables.found, SQLiteAgendaTables.done

    def note(tables, statement, values):
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            plans[statement] = [row[3] for row in found(tables, f"EXPLAIN QUERY PLAN {statement}", *values)]

    def explained_found(tables, statement, *values):
        note(tables, statement, values)
        return found(tables, statement, *values)

    def explained_done(tables, statement, rows=((),)):
        for row in rows:
            note(tables, statement, row)
        return done(tables, statement, rows)

    monkeypatch.setattr(SQLiteAgendaTables, "found", explained_found)
    monkeypatch.setattr(SQLiteAgendaTables, "done", explained_done)
    with log_on("sqlite") as log, Agenda(log, FEWER) as fewer, Agenda(log, ESSENTIALS) as agenda:
        log.record(at(0, Engaged, "bolt"))
        fewer.rebuild()
        agenda.rebuild()
        agenda.attach()
        log.record_many([at(0), at(1, Complained)])
        horizon = agenda.basis().horizon
        assert agenda.status("acme", horizon).status is Health.WATCH
        assert agenda.due(horizon + days(90), owner="").items
        assert agenda.changes(horizon, horizon + days(90)).items
        log.forget("acme")
        agenda.follow()
    of_a_client = {said: plan for said, plan in plans.items() if "client = ?" in said and "forgotten" not in said}
    assert {said.split()[0] for said in of_a_client} == {"SELECT", "UPDATE", "DELETE"}
    without_index = [said for said, plan in of_a_client.items() if not any("client=?" in step for step in plan)]
    assert without_index == ["UPDATE @agenda_news SET because = ? WHERE client = ?"]
    rows = ("agenda_spells", "agenda_actions", "agenda_failures")
    assert [
        said for said, plan in plans.items() if any(f"SCAN {table}" in step for step in plan for table in rows)
    ] == []
