"""The front door for applications: a log, rules and settings together."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from retention_engine import (
    Action,
    Client,
    Complained,
    Engaged,
    Findings,
    Health,
    Observer,
    Profiled,
    RetentionEngine,
    Settings,
    create_log,
    days,
    instant,
    rule,
)
from retention_engine.errors import KeyReused, LogClosed, LogMissing, SettingsError, UnknownClient, VersionConflict

AT = instant("2026-06-30")


@rule
def slow_payer(client: Client, *, grace: timedelta = days(14)) -> Findings:
    """The client pays late."""
    yield Action("Ask about the invoice.", due=client.since + grace, because=client.first)


@rule
def broken_rule(client: Client) -> Findings:
    """A rule that fails for one client."""
    if client.id == "bolt":
        raise ZeroDivisionError("no such ratio")
    yield Action("Go on.", due=client.since, because=client.first)


class Witness(Observer):
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def recorded(self, event, receipt):
        self.told.append(("recorded", event.client, receipt.new))

    def assessed(self, assessment):
        self.told.append(("assessed", assessment.client.id, str(assessment.status)))

    def rule_failed(self, failure):
        self.told.append(("rule failed", failure.client, failure.rule))


@pytest.fixture
def retention():
    with RetentionEngine.open("memory://", rules=[slow_payer]) as engine:
        yield engine


def test_what_is_recorded_is_assessed(retention):
    receipt = retention.record(Complained(client="acme", at="2026-06-01", id="c1", severity="critical"))
    assert receipt.new
    assert not retention.record(Complained(client="acme", at="2026-06-01", id="c1", severity="critical")).new
    assert retention.assess("acme", at=AT).status is Health.CRITICAL
    assert retention.assess("acme", at=instant("2026-06-02")).status is Health.WATCH


def test_without_a_moment_now_is_the_moment(retention):
    retention.record(Engaged(client="acme", at="1999-01-01"))
    assert retention.assess("acme").status is Health.AT_RISK
    (verdict,) = retention.replay()
    assert verdict.at > instant("2026-01-01")


def test_what_was_recorded_later_can_be_hidden():
    now = [instant("2026-06-01")]
    with RetentionEngine.open("memory://", clock=lambda: now[0]) as retention:
        retention.record(Engaged(client="acme", at="2026-01-01"))
        now[0] = instant("2026-06-15")
        retention.record(Engaged(client="acme", at="2026-05-20"))
        assert retention.assess("acme", at=AT).status is Health.HEALTHY
        assert retention.assess("acme", at=AT, known_at=instant("2026-06-14")).status is Health.AT_RISK
        (then,) = retention.replay(at=AT, known_at=instant("2026-06-14"))
        assert then.status is Health.AT_RISK
        assert "AT-RISK" in retention.explain("acme", at=AT, known_at=instant("2026-06-14"))
        assert "HEALTHY" in retention.explain("acme", at=AT)


@pytest.mark.parametrize("moment", ["2025-12-31T23:59:59Z", "2026-06-30"])
def test_a_client_of_whom_nothing_is_known_is_an_error(retention, moment):
    retention.record(Engaged(client="acme", at="2026-01-01"))
    name = "acme" if moment < "2026" else "nobody"
    with pytest.raises(UnknownClient, match=f"nothing is known of the client '{name}'"):
        retention.assess(name, at=instant(moment))


def test_several_events_are_recorded_all_or_none(retention):
    retention.record(Engaged(client="acme", at="2026-01-01", id="e1"))
    with pytest.raises(KeyReused):
        retention.record_many(
            [Engaged(client="bolt", at="2026-01-01"), Engaged(client="acme", at="2026-02-02", id="e1")]
        )
    assert [client for client, _ in retention.log.clients()] == ["acme"]
    with pytest.raises(VersionConflict):
        retention.record(Engaged(client="acme", at="2026-02-02"), expected=0)


def test_the_worklist_is_by_due_date_and_can_be_an_owners(retention):
    retention.record_many(
        [
            Profiled(client="well", at="2026-06-01", owner="jo"),
            Engaged(client="well", at="2026-06-01"),
            Profiled(client="ill", at="2026-06-01", owner="sam"),
            Complained(client="ill", at="2026-06-01", id="c1", severity="critical"),
            Profiled(client="early", at="2026-05-31", owner="jo"),
            Engaged(client="early", at="2026-05-31"),
        ]
    )

    def payers(**options):
        actions = retention.worklist(at=AT, **options).actions
        return [(it.due.date().isoformat(), it.client) for it in actions if it.rule == "slow-payer"]

    everybody = [("2026-06-14", "early"), ("2026-06-15", "ill"), ("2026-06-15", "well")]
    assert payers() == everybody
    assert [entry.client for entry in retention.worklist(at=AT).today] == ["early", "well", "ill"]
    assert payers(owner="jo") == [it for it in everybody if it[1] != "ill"]
    assert payers(owner="nobody") == []
    assert [entry.client for entry in retention.worklist(at=AT, budget=1).today] == ["early", "ill"]
    early = instant("2026-06-13T23:59:59Z")
    assert [it.client for it in retention.worklist(at=early, ahead=days(0)).actions] == ["ill"]
    assert [it.client for it in retention.worklist(at=early, ahead=timedelta(seconds=1)).actions] == ["ill", "early"]


def test_the_worklist_can_be_that_of_what_was_known():
    now = [instant("2026-06-01")]
    with RetentionEngine.open("memory://", rules=[slow_payer], clock=lambda: now[0]) as retention:
        retention.record(Engaged(client="acme", at="2026-05-20", direction="inbound"))
        assert len(retention.worklist(at=AT, known_at=now[0]).actions) == 1
        assert retention.worklist(at=AT, known_at=now[0] - days(1)).actions == ()
        now[0] = instant("2026-06-05")
        assert len(retention.worklist().today) == 1


def test_the_worklist_goes_by_the_settings():
    settings = Settings.from_table({"worklist": {"budget": 1}})
    with RetentionEngine.open("memory://", rules=[slow_payer], settings=settings) as retention:
        retention.record_many([Engaged(client=name, at="2026-06-01") for name in ("acme", "bolt")])
        found = retention.worklist(at=AT)
        assert [(len(it.today), len(it.waiting)) for it in found.owners] == [(1, 1)]
        assert len(retention.worklist(at=AT, budget=0).today) == 2


def test_settings_name_rules_of_ones_own(tmp_path):
    (tmp_path / "retention.toml").write_text('[rules.slow-payer]\ngrace = "3 days"\n[packs]\nessentials = false\n')
    address = f"sqlite:///{tmp_path / 'clients.db'}"
    for settings in (tmp_path / "retention.toml", str(tmp_path / "retention.toml")):
        with RetentionEngine.open(address, create=True, settings=settings, rules=[slow_payer]) as retention:
            retention.record(Engaged(client="acme", at="2026-01-01", id="e1"))
            (action,) = retention.worklist(at=AT).actions
            assert (action.rule, action.due) == ("slow-payer", instant("2026-01-04"))
    off = Settings(packs={"essentials": False})
    with RetentionEngine.open(address, settings=off) as retention:
        assert retention.worklist(at=AT).actions == ()


def test_bad_settings_and_a_missing_log_are_refused(tmp_path):
    (tmp_path / "bad.toml").write_text("[rules.slow-payr]\n")
    with pytest.raises(SettingsError, match="did you mean 'slow-payer'"):
        RetentionEngine.open("memory://", settings=tmp_path / "bad.toml", rules=[slow_payer])
    with pytest.raises(LogMissing):
        RetentionEngine.open(f"sqlite:///{tmp_path / 'none.db'}")


def test_a_log_is_closed_where_the_engine_cannot_be_made(tmp_path, monkeypatch):
    opened = []

    def remembered(address, **options):
        opened.append(create_log(address, **options))
        return opened[-1]

    monkeypatch.setattr("retention_engine.embedding.create_log", remembered)
    with pytest.raises(TypeError, match="is no rule"):
        RetentionEngine.open(f"sqlite:///{tmp_path / 'a.db'}", create=True, rules=[print])
    with pytest.raises(TypeError, match="two rules are named 'slow-payer'"):
        RetentionEngine.open(f"sqlite:///{tmp_path / 'b.db'}", create=True, rules=[slow_payer, slow_payer])
    for log in opened:
        with pytest.raises(LogClosed):
            log.head()


def test_a_rule_of_ones_own_cannot_take_the_place_of_a_built_in_one():
    @rule
    def quiet_client(client: Client) -> Findings:
        """Something else."""
        yield Action("Nothing.", due=client.since, because=client.first)

    with pytest.raises(TypeError, match=r"two rules are named 'quiet-client', in .*rules\.contact"):
        RetentionEngine.open("memory://", rules=[quiet_client])


def test_a_closed_engine_says_so(retention):
    retention.close()
    with pytest.raises(LogClosed, match="was closed"):
        retention.record(Engaged(client="acme", at="2026-01-01"))


def test_observers_are_told_what_happens():
    witness = Witness()
    with RetentionEngine.open("memory://", rules=[broken_rule], observers=[Observer(), witness]) as retention:
        event = Engaged(client="bolt", at="2026-06-29", id="e1")
        retention.record(event)
        retention.record(event)
        retention.assess("bolt", at=AT)
        retention.worklist(at=AT)
    assessed = [("assessed", "bolt", "unknown"), ("rule failed", "bolt", "broken-rule")]
    assert witness.told == [("recorded", "bolt", True), ("recorded", "bolt", False), *assessed, *assessed]


def test_an_observer_that_fails_is_logged_and_stops_nothing(caplog):
    class Failing(Observer):
        def recorded(self, event, receipt):
            raise ZeroDivisionError("no such metric")

    witness = Witness()
    with (
        caplog.at_level(logging.ERROR, logger="retention_engine"),
        RetentionEngine.open("memory://", observers=[Failing(), witness]) as retention,
    ):
        assert retention.record(Engaged(client="acme", at="2026-06-29")).new
        assert len(retention.log.client("acme")) == 1
    assert witness.told == [("recorded", "acme", True)]
    assert "Failing failed in recorded" in caplog.text
    assert "no such metric" in caplog.text


def test_threads_share_an_engine(tmp_path):
    with RetentionEngine.open(f"sqlite:///{tmp_path / 'clients.db'}", create=True) as retention:

        def work(number):
            retention.record(Engaged(client=f"client-{number % 5}", at="2026-06-01", id=f"e{number}"))
            return retention.assess(f"client-{number % 5}", at=AT).status

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(work, range(60))) == {Health.HEALTHY}
        assert sum(len(events) for _, events in retention.log.clients()) == 60
        assert list(retention.log.verify()) == []
