"""Who has something due, named by the agenda and assessed from the log: the worklist without reading all others."""

import threading
from datetime import timedelta

import pytest

from retention_engine import (
    Agenda,
    Client,
    Complained,
    Engaged,
    Engine,
    EventLog,
    Findings,
    Left,
    Profiled,
    RetentionEngine,
    Settings,
    days,
    rule,
    worklist_of,
)
from retention_engine.errors import NoAgenda, QuestionError

from .comparing import assert_worklists_are_right
from .test_agenda import DUE, ESSENTIALS, FEWER, JANUARY, MICROSECOND, at
from .test_equals_replay import Told


@pytest.fixture
def log(new_log):
    with new_log(clock=Told()) as made:
        made.clock.now = JANUARY + days(30)
        yield made


@pytest.fixture
def agenda(log):
    """Acme's call is due at an instant, that of the others a month later."""
    log.record_many([at(0), at(0, Profiled, owner="jo"), at(30, client="bolt"), at(30, client="cork")])
    with Agenda(log, ESSENTIALS) as made:
        made.rebuild()
        yield made


@pytest.fixture
def read(agenda, monkeypatch):
    """Whose histories were read; to read all of them is not allowed."""
    names: list[str] = []
    client = EventLog.client

    def noted(log, name):
        names.append(name)
        return client(log, name)

    monkeypatch.setattr(EventLog, "client", noted)
    monkeypatch.setattr(EventLog, "clients", None)
    return names


def test_nobody_else_is_read(agenda, read):
    (found,) = agenda.assess_due(at=DUE - days(7))
    assert (found.client.id, found.at, [action.rule for action in found.actions]) == (
        "acme",
        DUE - days(7),
        ["quiet-client"],
    )
    assert read == ["acme"]


def test_an_action_counts_from_the_very_instant_on_that_is_looked_ahead_to(agenda):
    assert [it.client.id for it in agenda.assess_due(at=DUE - days(7), ahead=days(7))] == ["acme"]
    assert list(agenda.assess_due(at=DUE - days(7), ahead=days(7) - MICROSECOND)) == []
    assert [it.client.id for it in agenda.assess_due(at=DUE + days(9), ahead=days(0))] == ["acme"]


def test_owners_are_asked_for_by_name_and_clients_of_nobody_by_none(agenda):
    def named(*owners):
        return [it.client.id for it in agenda.assess_due(at=DUE, ahead=days(90), owners=owners)]

    assert named("jo") == ["acme"]
    assert named(None) == ["bolt", "cork"]
    assert named("jo", None) == ["acme", "bolt", "cork"]
    assert named("sam") == named() == []


def test_what_others_recorded_is_not_missed(agenda, log, read):
    """The agenda has yet to follow these events."""
    log.record(Complained(client="cork", at=JANUARY + days(20), id="late"))
    log.record(Engaged(client="acme", at=JANUARY + days(21), id="call"))
    assert agenda.basis().is_behind
    moment = JANUARY + days(40)
    found = worklist_of(agenda.assess_due(at=moment), at=moment)
    assert [(entry.client, entry.actions[0].rule) for entry in found.today] == [("cork", "open-complaint")]
    assert read == ["acme", "cork"]


def test_what_is_recorded_after_the_question_is_not_seen(agenda, log):
    found = agenda.assess_due(at=DUE)
    log.record(Engaged(client="acme", at=JANUARY + days(21), id="call"))
    (acme,) = found
    assert [event.id for event in acme.client.events] == ["Engaged 0", "Profiled 0"]


def test_within_a_snapshot_it_answers_for_that_state(agenda, log):
    with agenda.snapshot():
        elsewhere = threading.Thread(target=log.record, args=[at(20, Complained, "cork")])
        if log.store.name != "the log in memory":  # which one thread has at a time
            elsewhere.start()
            elsewhere.join()
        before = [it.client.id for it in agenda.assess_due(at=DUE)]
        assert before == list(dict.fromkeys(it.client for it in agenda.due(DUE + days(7), at=DUE))) == ["acme"]
        assert [len(it.client.events) for it in agenda.assess_due(at=DUE, ahead=days(90))] == [2, 1, 1]
    log.record(at(21, Complained, "cork"))
    assert [it.client.id for it in agenda.assess_due(at=DUE)] == ["acme", "cork"]


def test_names_and_histories_are_of_one_state_though_somebody_records_meanwhile(agenda, log, monkeypatch):
    """Whatever comes between two looks at the log: all of it is in the answer, or nothing."""
    head = EventLog.head

    def late(log):
        found = head(log)
        monkeypatch.setattr(EventLog, "head", head)
        log.record_many([at(20, Complained, "cork"), at(20, Left, "acme")])
        return found

    agenda.attach()
    monkeypatch.setattr(EventLog, "head", late)
    (cork,) = agenda.assess_due(at=DUE)
    assert (cork.client.id, [action.rule for action in cork.due()]) == ("cork", ["open-complaint"])


@pytest.mark.parametrize("ahead", [timedelta.max, timedelta.min, days(200_000_000)], ids=str)
def test_any_length_of_time_can_be_looked_ahead(agenda, ahead):
    found = [it.client.id for it in agenda.assess_due(at=DUE, ahead=ahead)]
    assert found == ([] if ahead < timedelta(0) else ["acme", "bolt", "cork"])


def test_a_name_in_the_place_of_several_is_refused(agenda):
    for ask in (lambda: agenda.assess_due(owners="jo"), lambda: worklist_of([], at=DUE, owners="jo")):
        with pytest.raises(TypeError, match=r"write \['jo'\]"):
            ask()


def test_clients_of_rules_that_fail_are_among_them(log):
    @rule
    def fails_for_bolt(client: Client) -> Findings:
        """It fails for one client."""
        yield from ()
        if client.id == "bolt":
            raise ValueError("bolt")

    log.record_many([at(0), at(0, client="bolt")])
    with Agenda(log, Engine([*ESSENTIALS.rules, fails_for_bolt])) as agenda:
        agenda.rebuild()
        (bolt,) = agenda.assess_due(at=JANUARY + days(30))
        assert ([failure.rule for failure in bolt.failures], bolt.due()) == (["fails-for-bolt"], ())
        assert_worklists_are_right(agenda, log, [JANUARY + days(30), DUE])


def test_a_client_forgotten_is_found_by_the_owner_who_is_left(agenda, log):
    log.forget("acme")
    owner = Client.from_events("acme", log.client("acme")).owner
    assert owner not in ("jo", None)
    assert [it.client.id for it in agenda.assess_due(at=DUE, owners=[owner])] == ["acme"]
    assert_worklists_are_right(agenda, log, [DUE])


def test_an_agenda_that_can_not_tell_says_so(agenda, log, new_log):
    with pytest.raises(QuestionError, match="by other rules or settings"):
        Agenda(log, FEWER).assess_due(at=DUE)
    with pytest.raises(QuestionError, match="answers from"):
        agenda.assess_due(at=JANUARY + days(30) - MICROSECOND)
    with new_log() as other, pytest.raises(NoAgenda):
        Agenda(other, ESSENTIALS).assess_due(at=DUE)


class TestFrontDoor:
    """`RetentionEngine.worklist` lets its agenda name the clients, where that knows them."""

    @pytest.fixture
    def retention(self, agenda, log):
        with RetentionEngine(log, agenda=True) as made:
            yield made

    def test_the_worklist_is_that_of_a_replay(self, retention):
        by_replay = RetentionEngine(retention.log)
        for how in ({}, {"owner": "jo"}, {"owner": "sam"}, {"budget": 1, "ahead": days(90)}, {"ahead": timedelta(0)}):
            found, expected = (it.worklist(at=DUE, **how) for it in (retention, by_replay))
            assert found.owners == expected.owners
            assert found.failures == expected.failures

    def test_nobody_else_is_read(self, retention, read):
        assert [entry.client for entry in retention.worklist(at=DUE).today] == ["acme"]
        assert read == ["acme"]

    @pytest.mark.parametrize(
        "how",
        [{"at": JANUARY + days(29)}, {"at": DUE, "known_at": JANUARY + days(365)}],
        ids=["before its horizon", "known then"],
    )
    def test_what_the_agenda_does_not_know_is_replayed(self, retention, how):
        found = retention.worklist(ahead=days(200), **how)
        assert found.known_owners == {"jo"}
        assert found.owners == RetentionEngine(retention.log).worklist(ahead=days(200), **how).owners
        assert len(found.today) == (1 if how["at"] < JANUARY + days(30) else 3)

    def test_while_the_agenda_is_by_other_settings_the_log_is_replayed(self, retention):
        calm = Settings.from_table({"rules": {"quiet-client": {"every": "120 days"}}})
        other = RetentionEngine(retention.log, settings=calm)
        other.agenda = Agenda(retention.log, other.engine)
        assert other.agenda.basis().is_stale
        assert other.worklist(at=DUE).today == ()
        assert [entry.client for entry in other.worklist(at=DUE + days(23)).today] == ["acme"]

    def test_rules_about_the_whole_book_look_at_everybody(self, agenda, log):
        settings = Settings.from_table({"packs": {"existing-clients-first": True}})
        with RetentionEngine(log, settings=settings, agenda=True) as retention:
            retention.agenda.rebuild()
            assert retention.book_rules
            assert retention.worklist(at=DUE).known_owners == {"jo"}
            assert retention.worklist(at=DUE) == RetentionEngine(log, settings=settings).worklist(at=DUE)
