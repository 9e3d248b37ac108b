"""The agenda says what a full replay says, whatever was recorded, by whom and in which order, and whatever the rules are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from given import EVERYTHING, events_of
from retention_engine import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Agenda,
    BoundRule,
    Client,
    Concern,
    Engine,
    Event,
    Findings,
    Health,
    Settings,
    create_log,
    days,
    open_log,
    rule,
)
from retention_engine.agenda import following
from retention_engine.log import EventLog
from retention_engine.log.rows import key_of
from strategies import JITTERS, logs, moments

from .comparing import assert_equals_replay, assert_worklists_are_right


@rule
def fails_on_complaints(client: Client, *, times: int = 2) -> Findings:
    """A rule that can't cope with complaints."""
    if len(client.complaints) >= times:
        raise ValueError("so many complaints")
    yield Concern(Health.WATCH, starts=client.since + days(40), until=client.since + days(50), because=client.first)


ENGINES = [
    EVERYTHING,
    Engine(Settings().choose()),
    Engine([*(it.rule.function for it in EVERYTHING.rules[::3]), fails_on_complaints]),
    Engine(
        [
            BoundRule(it.rule, {"every": days(7)})
            for it in Engine(Settings().choose()).rules
            if it.name == "quiet-client"
        ]
    ),
]


class Told:
    """A clock that says what it was told."""

    def __init__(self) -> None:
        self.now: datetime | None = None

    def __call__(self) -> datetime:
        assert self.now is not None
        return self.now


def record(log: EventLog, event: Event) -> None:
    """Record an event as if it were the instant at which it says that it was recorded."""
    assert isinstance(log.clock, Told)
    log.clock.now = event.recorded_at
    log.record(event)


def bring_in(log: EventLog, events: Sequence[Event]) -> None:
    """As an import does that keeps the instants at which events were recorded."""
    with log.appending() as appending:
        appending.append([(event, key_of(event)) for event in events])


def outcome_of(draw: st.DrawFn, agenda: Agenda, name: str) -> Event | None:
    """What became of an action that is open, for the first time that any is."""
    horizon = agenda.basis().horizon
    due = agenda.due(horizon + days(30), at=horizon) if horizon else ()
    if not due:
        return None
    action = due[draw(st.integers(0, len(due) - 1))]
    at = horizon + draw(st.sampled_from([timedelta(0), days(1)]))
    said: dict[str, Any] = {"client": action.client, "action": action.id, "at": at, "id": name}
    kind = draw(st.sampled_from([ActionDone, ActionSnoozed, ActionDismissed]))
    more = {ActionSnoozed: {"until": at + days(20)}, ActionDismissed: {"reason": "No."}}.get(kind, {})
    return kind(**said, **more)


class Story:
    """A random log recorded in random portions, by two, with an agenda that is followed now and then.

    Args:
        data: what is drawn from.
        log: the log, with its clock.
        other: the same log as somebody else has opened it.
    """

    def __init__(self, data: st.DataObject, log: EventLog, other: EventLog) -> None:
        self.draw = data.draw
        self.log = log
        self.other = other
        self.lines = self.draw(logs(ids=True))
        self.agenda = Agenda(log, self.draw(st.sampled_from(ENGINES)))
        self.number = 0

    def tell(self) -> None:
        events = list({(event.client, event.id): event for event in reversed(events_of(self.lines))}.values())[::-1]
        self.change_rules()
        while events:
            self.number += 1
            size = self.draw(st.integers(1, 6))
            self.record(events[:size])
            events = events[size:]
            self.draw(
                st.sampled_from([self.follow, self.follow, self.act, self.change_rules, self.do_nothing, self.forget])
            )()
        self.agenda.follow()
        self.compare()

    def record(self, portion: Sequence[Event]) -> None:
        found = retractable(self.log, portion)
        how = self.draw(st.sampled_from(["here", "here", "here", "elsewhere", "imported"]))
        if how == "imported":
            bring_in(self.log, found)
        else:
            for event in found:
                record(self.log if how == "here" else self.other, event)

    def follow(self) -> None:
        """Follow, with pages that are soon large ones, too."""
        with patch.multiple(following, PAGE=self.draw(st.sampled_from([1, 2, 500])), LARGE_PAGE=4):
            self.agenda.follow(self.draw(st.sampled_from([None, 1, 3])))
        assert_worklists_are_right(self.agenda, self.log, self.draw(asked_about(self.lines)))
        if not self.agenda.basis().is_behind:
            self.compare()

    def act(self) -> None:
        self.agenda.follow()
        outcome = outcome_of(self.draw, self.agenda, f"outcome {self.number}")
        if outcome is not None:
            record(self.log, outcome)

    def change_rules(self) -> None:
        self.agenda.close()
        self.agenda = Agenda(self.log, self.draw(st.sampled_from(ENGINES)))
        self.agenda.rebuild()
        if self.draw(st.booleans()):
            self.agenda.attach()

    def forget(self) -> None:
        """Somebody asks to be forgotten, which the agenda has to make up for."""
        clients = [client for client, _ in self.log.clients()]
        if clients:
            self.log.forget(self.draw(st.sampled_from(clients)))
        self.do_nothing()

    def do_nothing(self) -> None:
        assert_worklists_are_right(self.agenda, self.log, self.draw(asked_about(self.lines)))

    def compare(self) -> None:
        assert_equals_replay(self.agenda, self.log, self.draw(asked_about(self.lines)))
        followed = rows(self.agenda)
        with Agenda(self.log, Engine([])) as other:
            other.rebuild()
        self.agenda.rebuild()
        assert rows(self.agenda) == followed


def retractable(log: EventLog, events: Sequence[Event]) -> list[Event]:
    """Without retractions of what is yet to be recorded, which would be refused; the others come last."""
    known = {(event.client, event.id) for event in [*log.tail(), *events]}
    found = [event for event in events if event.kind != "retracted" or (event.client, event.event) in known]
    return sorted(found, key=lambda event: event.kind == "retracted")


def rows(agenda: Agenda) -> dict[str, Any]:
    """All that is stored of the build that answers."""
    with agenda.log.store.agenda.reading() as tables:
        active = tables.state().active
        return tables.rows_of(active.id, ["acme", "büro 7"])


def asked_about(lines: Any) -> st.SearchStrategy[list[datetime]]:
    return st.lists(st.builds(lambda at, jitter: at + jitter, moments(lines), st.sampled_from(JITTERS)), max_size=3)


@given(st.data())
def test_whatever_is_recorded_the_agenda_says_what_a_replay_says(data):
    with create_log("memory://", clock=Told()) as log:
        Story(data, log, EventLog(log.store, clock=Told())).tell()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_same_where_others_share_the_log(kind, new_address):
    @settings(max_examples=8)
    @given(st.data())
    def told(data: st.DataObject) -> None:
        with (
            new_address(kind) as address,
            open_log(address, clock=Told()) as log,
            open_log(address, clock=Told()) as other,
        ):
            Story(data, log, other).tell()

    told()
