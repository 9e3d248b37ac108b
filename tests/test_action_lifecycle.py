"""The life of an action: done, put off, dismissed, closed by what it waits for; never lost, never there twice."""

import inspect
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import retention
from retention_engine import (
    BUILT_IN,
    Action,
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    BoundRule,
    Client,
    Complained,
    Engaged,
    Engine,
    Event,
    Introduced,
    Measured,
    Profiled,
    Referred,
    Renewed,
    Resolved,
    RetentionEngine,
    Retracted,
    Settings,
    Worklist,
    days,
    instant,
)
from retention_engine.formats.worklist import worklist_document

NOW = instant("2025-06-30")
MICROSECOND = timedelta(microseconds=1)
FOR_EVER = days(10_000)
BY_NAME = {rule.name: rule for rule in BUILT_IN}


def engaged(at="2025-06-15", **fields):
    return Engaged(client="acme", at=at, **fields)


def outbound(*dates):
    return [engaged(at, id=at, direction="outbound") for at in dates]


# What closes an action by itself: for every rule of the contract that has one.

ANY_CONTACT = (
    engaged(),
    engaged(direction="outbound"),
    engaged(purpose="newsletter", depth="token"),
    Introduced(client="acme", at="2025-06-15"),
    Introduced(client="acme", at="2025-06-15", initiated_by="client"),
    Referred(client="acme", at="2025-06-15", direction="given"),
    Referred(client="acme", at="2025-06-15", direction="received"),
)
NO_CONTACT = (
    engaged(purpose="delivery"),
    engaged(purpose="invoice"),
    Complained(client="acme", at="2025-06-15", id="late"),
    Profiled(client="acme", at="2025-06-15", owner="jo"),
    Measured(client="acme", at="2025-06-15", measure="leads", value=1, target=2),
)
COMPLAINT = Complained(client="acme", at="2025-05-01", id="broken")
SIGNED = Renewed(client="acme", at="2025-05-01", id="signed")

CLOSES = {
    "quiet-client": ([engaged("2025-01-01", id="e")], ANY_CONTACT, NO_CONTACT),
    "one-way-contact": (
        outbound("2025-01-01", "2025-02-01", "2025-03-01"),
        (
            engaged(),
            engaged(direction="inbound"),
            Complained(client="acme", at="2025-06-15", id="late"),
            Referred(client="acme", at="2025-06-15", direction="received"),
        ),
        (
            engaged(purpose="delivery"),
            engaged(purpose="invoice", direction="inbound"),
            Introduced(client="acme", at="2025-06-15", initiated_by="client"),
            Referred(client="acme", at="2025-06-15", direction="given"),
        ),
    ),
    "handoff-gap": ([SIGNED], ANY_CONTACT, (*NO_CONTACT, Renewed(client="acme", at="2025-06-15", id="again"))),
    "complacent-service": (
        [engaged("2025-01-01", purpose="delivery", id="d")],
        (
            *(
                engaged(purpose=gift)
                for gift in ("resource", "invitation", "newsletter", "idea", "advice", "appreciation")
            ),
            engaged(exceeded=True),
            engaged(purpose="delivery", exceeded=True),
            Introduced(client="acme", at="2025-06-15"),
            Referred(client="acme", at="2025-06-15", direction="given"),
        ),
        (
            engaged(),
            engaged(purpose="delivery"),
            Introduced(client="acme", at="2025-06-15", initiated_by="client"),
            Referred(client="acme", at="2025-06-15", direction="received"),
        ),
    ),
    "no-introduction": (
        [engaged("2024-01-01", id="e")],
        (Introduced(client="acme", at="2025-06-15"),),
        (engaged(), Introduced(client="acme", at="2025-06-15", initiated_by="client")),
    ),
    "no-referral-given": (
        [engaged("2024-01-01", id="e")],
        (Referred(client="acme", at="2025-06-15", direction="given"),),
        (engaged(), Referred(client="acme", at="2025-06-15", direction="received")),
    ),
    "unthanked-client": (
        [engaged("2024-01-01", id="e")],
        (engaged(purpose="appreciation"),),
        (engaged(), engaged(purpose="advice")),
    ),
    "open-complaint": (
        [COMPLAINT],
        (Resolved(client="acme", at="2025-06-15", complaint="broken"), engaged(resolves="broken")),
        (
            engaged(),
            engaged(reactive_to="broken"),
            Resolved(client="acme", at="2025-06-15", complaint="another"),
            Complained(client="acme", at="2025-06-15", id="late"),
        ),
    ),
    "unagreed-expectations": (
        [engaged("2024-01-01", id="e")],
        (engaged(purpose="expectations"),),
        (engaged(), engaged(agreed_by=["us", "client"])),
    ),
}
"""By rule: what makes its action due, what closes that, and what does not."""

WITHOUT_ACTIONS = {
    "unheard-client",
    "repeated-complaints",
    "silent-renewal",
    "lapsed-term",
    "departed-client",
    "unwilling-to-refer",
    "missed-measure",
}


def test_every_rule_of_the_contract_that_has_an_action_is_here():
    assert len(CLOSES.keys() | WITHOUT_ACTIONS) == 16
    for name in WITHOUT_ACTIONS:
        assert "Action(" not in inspect.getsource(BY_NAME[name].function)


def open_actions(rule: str, events: list[Event], at: datetime = NOW) -> list[Action]:
    """The actions of one rule, due or not."""
    found = Engine([BoundRule(BY_NAME[rule])]).assess(Client.from_events("acme", events), at=at)
    assert found.failures == ()
    return list(found.actions)


def placed(*events: Event) -> list[Event]:
    """The events as a log holds them; an event without an id is cited by its place."""
    return [event.at_position(place) for place, event in enumerate(events, start=1)]


CLOSING = [(rule, history, event) for rule, (history, closing, _) in CLOSES.items() for event in closing]
STAYING = [(rule, history, event) for rule, (history, _, staying) in CLOSES.items() for event in staying]


def named(value):
    if isinstance(value, Event):
        said = {key: it for key, it in value.fields().items() if key not in {"client", "kind", "at", "id"}}
        return f"{value.kind}-{'-'.join(map(str, said.values()))}"
    return value if isinstance(value, str) else ""


class TestClosedByItself:
    @pytest.mark.parametrize(("rule", "history", "event"), CLOSING, ids=named)
    def test_an_action_is_gone_from_the_instant_at_which_what_it_waits_for_happens(self, rule, history, event):
        (due,) = open_actions(rule, placed(*history))
        assert due.due <= NOW
        with_it = placed(*history, event)
        assert [it.id for it in open_actions(rule, with_it, event.at - MICROSECOND)] == [due.id]
        for moment in (event.at, NOW):
            assert due.id not in {it.id for it in open_actions(rule, with_it, moment)}
        assert all(it.due > NOW for it in open_actions(rule, with_it))

    @pytest.mark.parametrize(("rule", "history", "event"), STAYING, ids=named)
    def test_nothing_else_closes_it(self, rule, history, event):
        (due,) = open_actions(rule, placed(*history))
        assert due.id in {it.id for it in open_actions(rule, placed(*history, event))}

    @pytest.mark.parametrize(("rule", "history", "event"), CLOSING, ids=named)
    def test_a_retraction_brings_it_back_with_its_id(self, rule, history, event):
        (due,) = open_actions(rule, placed(*history))
        happened = type(event).from_fields(
            {key: value for key, value in event.fields().items() if key != "kind"} | {"id": "x"}
        )
        gone = Retracted(client="acme", at="2025-06-20", event="x")
        events = placed(*history, happened, gone)
        assert [it.id for it in open_actions(rule, events)] == [due.id]

    def test_what_follows_is_another_action_with_another_id(self):
        first, second = engaged("2025-01-01", id="e1"), engaged("2025-03-01", id="e2")
        (one,) = open_actions("quiet-client", placed(first))
        done = ActionDone(client="acme", at="2025-02-01", action=one.id)
        (other,) = open_actions("quiet-client", placed(first, done, second))
        assert (other.id == one.id, other.due) == (False, instant("2025-05-30"))


# Done, put off, dismissed.

FIRST = engaged("2025-01-01", id="e")
(ACTION,) = open_actions("quiet-client", [FIRST.at_position(1)])
KINDS = {
    "done": lambda at, _: ActionDone(client="acme", at=at, action=ACTION.id),
    "dismissed": lambda at, _: ActionDismissed(client="acme", at=at, action=ACTION.id, reason="no"),
    "snoozed": lambda at, until: ActionSnoozed(client="acme", at=at, action=ACTION.id, until=until),
    "of another": lambda at, _: ActionDone(client="acme", at=at, action="another"),
}
instants = st.builds(
    lambda day, more: instant("2025-04-01") + days(day) + more,
    st.integers(0, 8),
    st.sampled_from([timedelta(0), timedelta(0), MICROSECOND, -MICROSECOND]),
)
deeds = st.lists(
    st.tuples(st.sampled_from(["snoozed", "snoozed", "of another", *KINDS]), instants, instants), max_size=5
)


def is_open(done: list[tuple[str, datetime, datetime]], at: datetime) -> bool:
    """Whether the action is open: nobody has ended it, and whoever put it off last said a moment that has come."""
    so_far = sorted((it for it in done if it[1] <= at), key=lambda it: it[1])
    if any(kind in {"done", "dismissed"} for kind, _, _ in so_far):
        return False
    put_off = [until for kind, _, until in so_far if kind == "snoozed"]
    return not put_off or put_off[-1] <= at


@given(deeds, st.lists(instants, min_size=1, max_size=6))
def test_an_action_is_open_unless_it_was_ended_or_put_off_however_often_one_asks(done, moments):
    client = Client.from_events("acme", placed(FIRST, *(KINDS[kind](at, until) for kind, at, until in done)))
    engine = Engine([BoundRule(BY_NAME["quiet-client"])])
    for moment in [*moments, *moments]:
        found = engine.assess(client, at=moment)
        assert [it.id for it in found.actions] == ([ACTION.id] if is_open(done, moment) else [])
        assert [it.id for it in found.due(FOR_EVER)] == [it.id for it in found.actions]


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'clients.db'}"


@pytest.mark.parametrize("replays", [1, 40])
def test_what_was_put_off_comes_back_on_its_date_and_not_a_microsecond_before(address, replays):
    until = instant("2025-06-30T09:30:00Z")
    with RetentionEngine.open(address, create=True) as retention_engine:
        retention_engine.record_many(
            [FIRST, ActionSnoozed(client="acme", at="2025-04-02", action=ACTION.id, until=until)]
        )
    for _ in range(replays):
        with RetentionEngine.open(address) as retention_engine:
            assert retention_engine.worklist(at=until - MICROSECOND).actions == ()
            assert [it.id for it in retention_engine.worklist(at=until).actions] == [ACTION.id]


class TestCommands:
    """As people do it: the real command on a real log."""

    @pytest.fixture
    def log(self, address):
        for args in (
            ["init", address],
            ["record", address, "acme", "engaged", "--at", "2025-01-01", "--id", "e"],
            ["record", address, "acme", "complained", "--at", "2025-06-29", "--id", "late"],
        ):
            assert retention(*args).code == 0
        return address

    def listed(self, log, at="2025-06-30"):
        ran = retention("actions", log, "--at", at, "--format", "json", "--ahead", "3d")
        assert (ran.code, ran.err) == (0, "")
        owners = json.loads(ran.out)["owners"]
        return {action["rule"]: action["id"] for it in owners for entry in it["today"] for action in entry["actions"]}

    def test_an_action_is_ended_by_its_id(self, log):
        before = self.listed(log)
        assert before == {"quiet-client": ACTION.id}
        assert retention("record", log, "acme", "action_done", f"action={ACTION.id}", "--at", "2025-06-30").code == 0
        assert self.listed(log) == {}
        assert self.listed(log, "2025-06-29T23:59:59Z") == before
        assert list(self.listed(log, "2025-07-03")) == ["open-complaint"]

    def test_a_dismissal_wants_a_reason(self, log):
        dismissal = ["record", log, "acme", "action_dismissed", f"action={ACTION.id}", "--at", "2025-06-30"]
        refused = retention(*dismissal)
        assert refused.code == 3
        assert "reason" in refused.err
        assert self.listed(log) == {"quiet-client": ACTION.id}
        assert retention(*dismissal, "reason=They asked to be left alone.").code == 0
        assert self.listed(log) == {}

    def test_what_is_put_off_comes_back(self, log):
        snooze = ["action_snoozed", f"action={ACTION.id}", "until=2025-07-02T08:00:00Z"]
        assert retention("record", log, "acme", *snooze, "--at", "2025-06-30").code == 0
        assert self.listed(log, "2025-07-02T07:59:59.999999Z") == {}
        assert self.listed(log, "2025-07-02T08:00:00Z") == {"quiet-client": ACTION.id}

    def test_recording_what_was_done_closes_it(self, log):
        assert retention("record", log, "acme", "engaged", "direction=inbound", "--at", "2025-06-30").code == 0
        assert "quiet-client" not in self.listed(log)
        assert retention("record", log, "acme", "resolved", "complaint=late", "--at", "2025-07-01").code == 0
        assert "open-complaint" not in self.listed(log, "2025-07-06")

    def test_asking_changes_nothing(self, log):
        before = retention("export", log).out
        for _ in range(3):
            self.listed(log)
        assert retention("export", log).out == before


# A book of an owner with two hundred clients, through three weeks.

START = instant("2025-06-09")
WEEKS = 21
CLIENTS = [f"client-{number:03}" for number in range(200)]
TAKEN_UP = Settings(packs={"retention-plan": True})


def happenings(chance: random.Random, client: str, at: datetime, name: str) -> Event:
    """Something that happens between us and a client."""
    fields = {"client": client, "at": at, "id": name}
    kinds = [
        lambda: Engaged(**fields, direction=chance.choice(["outbound", "inbound", "two_way"])),
        lambda: Engaged(
            **fields, purpose=chance.choice(["delivery", "invoice", "appreciation", "expectations", "idea"])
        ),
        lambda: Engaged(**fields, depth="token"),
        lambda: Complained(**fields, severity=chance.choice(["minor", "major", "critical"])),
        lambda: Introduced(**fields),
        lambda: Renewed(**fields, term_end=at + days(chance.randint(30, 500)), value=chance.randint(1, 99) * 100),
    ]
    return chance.choices(kinds, weights=[6, 5, 2, 2, 1, 2])[0]()


def the_year_before(chance: random.Random) -> Iterator[Event]:
    for client in CLIENTS:
        yield Profiled(client=client, at=START - days(400), id="p", owner="jo", tier=chance.choice(["key", "standard"]))
        for number in range(chance.randint(0, 12)):
            at = START - timedelta(minutes=chance.randint(1, 400 * 1440 - 1))
            yield happenings(chance, client, at, f"e{number}")


def one_day(chance: random.Random, day: int) -> Iterator[Event]:
    """What happens on a day of the three weeks, whatever anybody's worklist says."""
    for number in range(chance.randint(0, 9)):
        at = START + days(day) + timedelta(minutes=chance.randint(0, 1439))
        yield happenings(chance, chance.choice(CLIENTS), at, f"d{day}-{number}")


def lived_through(address: str, asking: frozenset[int]) -> tuple[list[Worklist], Worklist]:
    """Three weeks with a log that grows by the day; on some days the engine is started and asked for the worklist."""
    chance = random.Random(4)  # noqa: S311 - histories, not secrets
    asked = []
    with RetentionEngine.open(address, create=True) as engine:
        engine.record_many(list(the_year_before(chance)))
    for day in range(WEEKS):
        with RetentionEngine.open(address, settings=TAKEN_UP) as engine:
            engine.record_many(list(one_day(chance, day)))
            if day in asking:
                asked.append(engine.worklist(at=START + days(day + 1)))
    with RetentionEngine.open(address, settings=TAKEN_UP) as engine:
        return asked, engine.worklist(at=START + days(WEEKS))


@pytest.fixture(scope="module")
def three_rhythms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weeks")
    rhythms = {"daily": range(WEEKS), "weekly": range(6, WEEKS, 7), "once": ()}
    return {
        name: (f"sqlite:///{folder / name}.db", *lived_through(f"sqlite:///{folder / name}.db", frozenset(asking)))
        for name, asking in rhythms.items()
    }


class TestThreeWeeks:
    def test_asking_daily_weekly_or_once_finds_the_same_actions(self, three_rhythms):
        documents = {name: worklist_document(found) for name, (_, _, found) in three_rhythms.items()}
        assert documents["daily"] == documents["weekly"] == documents["once"]
        assert len(three_rhythms["once"][2].actions) > 200
        assert len(three_rhythms["daily"][1]) == 21
        assert three_rhythms["daily"][1][6::7] == three_rhythms["weekly"][1]

    def test_the_list_of_a_day_fits_the_budget_and_has_all_the_rest(self, three_rhythms):
        for found in three_rhythms["daily"][1]:
            (jo,) = found.owners
            assert (jo.owner, len(jo.today)) == ("jo", 5)
            assert len(jo.waiting) > 50
            ids = [action.id for action in found.actions]
            assert len(set(ids)) == len(ids)

    def test_what_is_open_on_two_days_was_there_on_all_days_between(self, three_rhythms):
        days_with: dict[str, list[int]] = {}
        for day, found in enumerate(three_rhythms["daily"][1]):
            for action in found.actions:
                days_with.setdefault(action.id, []).append(day)
        assert all(seen == list(range(seen[0], seen[-1] + 1)) for seen in days_with.values())
        assert {len(seen) for seen in days_with.values()} >= {1, 21}

    def test_the_command_says_the_same(self, three_rhythms, tmp_path):
        (tmp_path / "retention.toml").write_text("[packs]\nretention-plan = true\n")
        address, _, found = three_rhythms["once"]
        ran = retention("actions", address, "--at", "2025-06-30", "--owner", "jo", "--format", "json", cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "")
        assert json.loads(ran.out) == json.loads(json.dumps(worklist_document(found)))
