"""What a plug-in's rule can't do to others in the same process: change the history, or end the program."""

import sys
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar

import attrs
import pytest

from given import client_of
from retention_engine import (
    BoundRule,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Event,
    Findings,
    Health,
    Kinds,
    contact,
    instant,
    rule,
    rule_of,
)
from retention_engine.plugins.guarding import guarded

JULY = instant("2026-07-01")


@attrs.frozen(slots=False, kw_only=True)
class Measured(Event):
    """A kind with a value that can be changed in place, and one that is worked out once."""

    kind: ClassVar[str] = "tests.measured"

    values: list[int] = attrs.field(factory=list)

    @cached_property
    def total(self) -> int:
        return sum(self.values)


def history() -> list[Event]:
    return [
        Engaged(client="acme", at="2026-01-01", id="call", answers={"how": "Fine."}, position=1),
        Measured(client="acme", at="2026-01-02", id="sum", values=[1, 2], position=2),
        Complained(client="acme", at="2026-01-03", id="late", position=3),
    ]


@rule
def watchful(client: Client) -> Findings:
    """Somebody was in touch."""
    if latest := client.latest(contact):
        yield Concern(Health.WATCH, starts=latest.at, because=latest)


def changed_by(change: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Any]:
    """What the events said before and after a rule changed something, and how the client was assessed."""

    @rule
    def changing(client: Client) -> Findings:
        """It changes what it was given."""
        change(client)
        client.of(contact)
        yield Concern(Health.CRITICAL, starts=client.since, because=client.first)

    events = history()
    client = client_of(*events)
    before = [dict(vars(event)) for event in client_of(*history()).events]
    found = Engine([BoundRule(guarded(rule_of(changing))), watchful]).assess(client, at=JULY)
    return before, [dict(vars(event)) for event in events], found


CHANGES = {
    "a field": (lambda it: vars(it.first).update(purpose="delivery"), "purpose of call"),
    "a field by force": (lambda it: object.__setattr__(it.first, "at", JULY), "at of call"),
    "to a naive instant": (lambda it: vars(it.events[2]).update(at=datetime(2026, 1, 3)), "at of late"),  # noqa: DTZ001 - that is the point
    "a field that was left out": (lambda it: vars(it.events[2]).pop("severity"), "severity of late"),
    "in place": (lambda it: it.events[1].values.append(3), "values of sum"),
    "a mapping by force": (lambda it: dict.update(it.first.answers, how="Bad."), "answers of call"),
    "the client": (lambda it: setattr(it, "id", "bolt"), "id of the client"),
    "two events": (
        lambda it: [vars(event).update(note="x") for event in it.events[:2]],
        "note of call, note of sum",
    ),
    "to what can't be compared": (lambda it: vars(it.first).update(note=Incomparable()), "note of call"),
}


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None


@pytest.mark.parametrize(("change", "what"), CHANGES.values(), ids=CHANGES)
def test_a_rule_that_changes_the_history_fails_and_the_history_is_put_back(change, what):
    before, after, found = changed_by(change)
    assert after == before
    (failure,) = found.failures
    assert (failure.rule, failure.client) == ("changing", "acme")
    assert f"changes the history ({what}); a rule reads it" in failure.cause
    assert found.status is Health.WATCH
    assert [concern.rule for concern in found.concerns] == ["watchful"]
    assert [event.id for event in found.concerns[0].because] == ["call"]


def test_what_is_looked_up_in_a_changed_history_is_looked_up_again():
    @rule
    def a_change(client: Client) -> Findings:
        """It changes, looks, and puts nothing back."""
        vars(client.first)["purpose"] = "delivery"
        assert client.of(contact) == ()
        yield Concern(Health.CRITICAL, starts=client.since, because=client.first)

    client = client_of(*history())
    Engine([BoundRule(guarded(rule_of(a_change)))]).schedule(client)
    assert [event.id for event in client.of(contact)] == ["call"]
    assert client.latest(contact).id == "call"


def test_a_kind_may_work_a_value_out_once():
    @rule
    def summing(client: Client) -> Findings:
        """It adds up."""
        measured = client.latest(Measured)
        yield Concern(Health.WATCH, starts=measured.at, because=measured, about=str(measured.total))

    client = client_of(*history())
    engine = Engine([BoundRule(guarded(rule_of(summing)))])
    for _ in range(2):
        (concern,) = engine.schedule(client).concerns
        assert concern.about == "3"


def test_a_rule_that_fails_after_a_change_is_told_for_its_own_failure_and_the_history_is_put_back():
    def change(client):
        vars(client.first)["note"] = "x"
        raise LookupError("no such thing")

    before, after, found = changed_by(change)
    assert after == before
    assert "LookupError: no such thing" in found.failures[0].cause


@attrs.frozen
class Stop(BaseException):
    """Neither an `Exception` nor one of Python's own."""


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda: sys.exit(3), "ends the program (SystemExit: 3)"),
        (sys.exit, "ends the program (SystemExit)"),
        (lambda: (_ for _ in ()).throw(Stop()), "ends the program (Stop"),
    ],
)
def test_a_rule_that_would_end_the_program_only_fails(end, said):
    @rule
    def ending(client: Client) -> Findings:
        """It ends the program."""
        end()
        yield Concern(Health.CRITICAL, starts=client.since, because=client.first)

    found = Engine([BoundRule(guarded(rule_of(ending))), watchful]).assess(client_of(*history()), at=JULY)
    assert said in found.failures[0].cause
    assert __file__ in found.failures[0].cause
    assert [concern.rule for concern in found.concerns] == ["watchful"]


def test_whoever_interrupts_the_program_interrupts_it():
    @rule
    def interrupted(client: Client) -> Findings:
        """Somebody presses Ctrl-C meanwhile."""
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        Engine([BoundRule(guarded(rule_of(interrupted)))]).schedule(client_of(*history()))


@pytest.mark.parametrize(("returned", "said"), [(None, "returns None"), (7, "returns 7")])
def test_a_rule_that_yields_nothing_at_all_is_told_what_a_rule_does(returned, said):
    @rule
    def forgetful(client: Client) -> Findings:
        """Somebody forgot to write yield."""
        return returned

    found = Engine([BoundRule(guarded(rule_of(forgetful)))]).schedule(client_of(*history()))
    assert f"{said}; a rule yields Concern and Action" in found.failures[0].cause


def test_a_rule_that_harms_nobody_says_what_it_says_and_keeps_its_name():
    kept = guarded(rule_of(watchful))
    client = client_of(*history())
    assert Engine([BoundRule(kept)]).schedule(client) == Engine([watchful]).schedule(client)
    assert (kept.function.__name__, kept.function.__wrapped__) == ("watchful", watchful)


def test_what_a_rule_reads_is_noted_and_the_guard_s_look_is_not():
    client = client_of(*history())
    with client.reading() as asked:
        list(guarded(rule_of(watchful)).function(client))
    assert asked == {(contact,)}


def test_the_kind_of_these_tests_can_be_registered():
    assert Kinds({}).adding(Measured)["tests.measured"] is Measured
    assert datetime(2026, 1, 1, tzinfo=UTC) == client_of(*history()).since
