"""Events as values: immutable, equal by content, with a place in their log and a name to cite them by."""

import copy
import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import ClassVar

import attrs
import pytest
from hypothesis import given

from retention_engine import (
    KINDS,
    Complained,
    Engaged,
    Event,
    Kinds,
    Measured,
    Referred,
    Renewed,
    Retracted,
)
from retention_engine.errors import EventError, KindError, RetentionError
from strategies import events

MAY = datetime(2026, 5, 1, tzinfo=UTC)


@given(events())
def test_an_event_cannot_be_changed(event):
    for field in attrs.fields(type(event)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(event, field.name, getattr(event, field.name))
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(event, field.name)


@given(events())
def test_an_event_can_be_hashed_copied_and_sent_to_another_process(event):
    again = pickle.loads(pickle.dumps(event))  # noqa: S301 - our own bytes
    assert again == copy.copy(event) == copy.deepcopy(event) == event
    assert hash(again) == hash(event)
    assert (again.position, again.recorded_at) == (event.position, event.recorded_at)


def test_an_event_that_was_read_says_what_its_line_left_out_in_a_new_process_too():
    event = Engaged.from_fields({"client": "acme", "at": "2026-05-01"})
    program = "import pickle, sys; event = pickle.load(sys.stdin.buffer); print(event.purpose, event.competitor)"
    done = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(event), capture_output=True, check=True)
    assert done.stdout.split() == [b"general", b"None"]


@given(events())
def test_an_event_that_is_read_equals_one_that_is_built(event):
    given = {name: getattr(event, field) for name, field in _fields_of(event) if getattr(event, field) is not None}
    read = type(event).from_fields(dict(given))
    assert read == event
    assert repr(read.at_position(event.position)) == repr(event)


def _fields_of(event):
    for field in attrs.fields(type(event)):
        if field.name != "position":
            yield field.name.removesuffix("_"), field.name


@given(events())
def test_attrs_own_helpers_work_on_events(event):
    assert attrs.evolve(event) == event
    assert attrs.evolve(event, note="new").note == "new"
    assert attrs.asdict(event)["client"] == event.client


def test_texts_and_dates_are_taken_as_instants_and_kept_in_utc():
    for at in (
        "2026-05-01",
        "2026-05-01T02:00:00+02:00",
        date(2026, 5, 1),
        MAY.astimezone(timezone(timedelta(hours=9))),
    ):
        event = Engaged(client="acme", at=at)
        assert event.at == MAY
        assert event.at.tzinfo is UTC


def test_where_and_when_it_was_recorded_does_not_make_another_event():
    event = Engaged(client="acme", at=MAY, id="e1")
    assert event.at_position(7) == event
    assert event.recorded(MAY + timedelta(days=1)) == event
    assert event.at_position(7).position == 7
    assert event.recorded(MAY + timedelta(days=1)).recorded_at == MAY + timedelta(days=1)
    assert event.position == 0


def test_events_of_two_kinds_are_never_equal():
    assert Engaged(client="acme", at=MAY) != Complained(client="acme", at=MAY)


def test_an_event_is_cited_by_its_id_or_its_place():
    assert Engaged(client="acme", at=MAY, id="e1", position=3).ref == "e1"
    assert Engaged(client="acme", at=MAY, position=3).ref == "#3"


def test_events_are_ordered_by_time_and_then_by_place():
    one, two = Engaged(client="acme", at=MAY, position=2), Complained(client="acme", at=MAY, position=1)
    three = Engaged(client="acme", at=MAY - timedelta(seconds=1), position=3)
    assert sorted([one, two, three], key=lambda event: event.order) == [three, two, one]


def test_what_an_event_says_is_what_differs_from_its_defaults():
    event = Engaged(
        client="acme", at=MAY, purpose="general", with_=("jo",), exceeded=False, note="", recorded_at="2026-06-01"
    )
    assert event.fields() == {"client": "acme", "kind": "engaged", "at": MAY, "note": "", "with": ("jo",)}


def test_required_fields_are_required_by_the_constructor_too():
    with pytest.raises(TypeError):
        Referred(client="acme", at=MAY)  # type: ignore[call-arg]


def test_a_term_has_to_end_after_it_starts():
    assert Renewed(client="acme", at=MAY, term_start=MAY, term_end=MAY + timedelta(microseconds=1)).term_start == MAY
    for end in (MAY, MAY - timedelta(microseconds=1)):
        with pytest.raises(EventError) as caught:
            Renewed(client="acme", at=MAY, term_start=MAY, term_end=end)
        assert (caught.value.code, caught.value.field) == ("term-ends-early", "term_end")
    assert Renewed(client="acme", at=MAY, term_start=MAY).term_end is None
    assert Renewed(client="acme", at=MAY, term_end=MAY - timedelta(days=1)).term_start is None


def test_a_check_of_a_kind_of_ones_own_runs_however_the_event_is_made():
    @attrs.frozen(slots=False, kw_only=True)
    class Spent(Event):
        kind: ClassVar[str] = "acme.spent"
        given: int = 0
        used: int = 0

        def check(self):
            if self.used > self.given:
                raise EventError("overspent", "is more than was given", "used")

    kinds = KINDS.adding(Spent)
    assert kinds["acme.spent"] is Spent
    for make in (
        lambda: Spent(client="acme", at=MAY, used=1),
        lambda: Spent.from_fields({"client": "acme", "at": "2026-05-01", "used": 1}),
    ):
        with pytest.raises(EventError, match="used: is more than was given"):
            make()


# The registry.


def own(kind: str) -> type[Event]:
    @attrs.frozen(slots=False, kw_only=True)
    class Own(Event):
        pass

    Own.kind = kind
    return Own


def test_the_kinds_are_those_of_the_contract_the_core_first():
    assert list(KINDS) == [
        *("engaged", "introduced", "referred", "complained", "renewed"),
        *("resolved", "profiled", "measured", "left"),
        *("action_done", "action_snoozed", "action_dismissed", "judged", "retracted"),
    ]
    assert len(KINDS) == 14
    assert KINDS["retracted"] is Retracted
    assert all(cls.kind == kind for kind, cls in KINDS.items())


@pytest.mark.parametrize("kind", ["acme.invoice_paid", "a.b", "acme.billing.invoice-paid", "0.1"])
def test_a_namespaced_kind_can_be_added(kind):
    cls = own(kind)
    more = KINDS.adding(cls)
    assert more.named(kind) is cls
    assert more.adding(cls)[kind] is cls
    assert kind not in KINDS
    assert isinstance(more, Kinds)


@pytest.mark.parametrize(
    "kind", ["", "paid", "Acme.paid", "acme.", ".paid", "acme..paid", "acme paid.x", "acme.paid\n", "ä.b"]
)
def test_a_kind_without_a_namespace_is_refused(kind):
    with pytest.raises(KindError, match=r"name it like 'acme\.invoice_paid'"):
        KINDS.adding(own(kind))


def test_two_classes_cannot_share_a_kind():
    with pytest.raises(KindError, match=r"kind 'acme\.paid' is declared twice"):
        KINDS.adding(own("acme.paid"), own("acme.paid"))


def test_an_unknown_kind_comes_with_a_suggestion():
    for kind, says in (
        ("complaint", "nobody registered 'complaint'; did you mean 'complained'?"),
        ("zzz", "nobody registered 'zzz'"),
        (7, "expected text, got 7"),
    ):
        with pytest.raises(EventError) as caught:
            KINDS.named(kind)
        assert caught.value.reason == says
        assert caught.value.field == "kind"


def test_every_refusal_belongs_to_the_family_and_to_pythons_own_errors():
    assert issubclass(EventError, RetentionError)
    assert issubclass(EventError, ValueError)
    with pytest.raises(ValueError, match="expected 1 to 200 characters"):
        Measured(client="", at=MAY, measure="m", value=1, target=1)
