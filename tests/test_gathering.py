"""Events gathered by client, each counted once, and contradictions told."""

import pytest

from given import events_of
from retention_engine import Engaged, Profiled, Retracted, gather, instant
from retention_engine.errors import EventError
from retention_engine.gathering import Gathering


def engaged(client="acme", at="2026-01-01", **fields):
    return Engaged(client=client, at=at, **fields)


class TestGathering:
    def test_events_are_gathered_by_client_and_get_their_places(self):
        histories = gather([engaged("b"), engaged("a"), engaged("b", "2025-01-01")])
        assert {client: [event.position for event in events] for client, events in histories.items()} == {
            "b": [1, 3],
            "a": [2],
        }

    def test_places_that_a_log_has_given_are_kept(self):
        assert gather([engaged(position=70)])["acme"][0].position == 70

    def test_the_same_event_twice_counts_once(self):
        twice = gather([engaged(id="e1"), engaged(id="e1", at="2026-01-01T01:00:00+01:00")])
        assert [event.position for event in twice["acme"]] == [1]

    def test_it_counts_from_when_it_was_first_recorded(self):
        for order in (1, -1):
            copies = [engaged(id="e1", recorded_at=f"2026-0{month}-01") for month in (2, 3)][::order]
            (event,) = gather(copies)["acme"]
            assert event.recorded_at == instant("2026-02-01")
            assert event.position == 1

    def test_events_without_an_id_are_each_of_their_own(self):
        assert len(gather([engaged(), engaged()])["acme"]) == 2

    def test_two_clients_may_use_one_id(self):
        assert len(gather([engaged("a", id="e1"), engaged("b", "2026-02-01", id="e1")])) == 2

    @pytest.mark.parametrize(
        "other",
        [
            engaged(id="e1", note="another"),
            engaged(id="e1", at="2026-01-02"),
            Profiled(client="acme", at="2026-01-01", id="e1"),
        ],
    )
    def test_an_id_with_other_content_is_refused(self, other):
        with pytest.raises(EventError, match="id: 'e1' was used for another event of this client") as caught:
            gather([engaged(id="e1"), other])
        assert (caught.value.code, caught.value.field) == ("key-reused", "id")

    def test_a_retraction_of_nothing_is_refused(self):
        retraction = Retracted(client="acme", at="2026-01-02", event="e1")
        with pytest.raises(EventError, match="event: 'acme' has no event with the id 'e1'") as caught:
            gather([engaged("other", id="e1"), engaged(), retraction])
        assert (caught.value.code, caught.value.field) == ("nothing-to-retract", "event")

    def test_a_retraction_can_not_be_retracted(self):
        first = Retracted(client="acme", at="2026-01-02", event="e1", id="r1")
        second = Retracted(client="acme", at="2026-01-03", event="r1")
        with pytest.raises(EventError, match="a retraction can't be retracted; record the event again"):
            gather([engaged(id="e1"), first, second])

    def test_a_retraction_may_precede_what_it_retracts(self):
        retraction = Retracted(client="acme", at="2026-01-02", event="e1")
        assert len(gather([retraction, engaged(id="e1")])["acme"]) == 2

    def test_all_that_does_not_fit_is_kept_with_what_it_contradicts(self):
        gathering = Gathering()
        for event in events_of(
            [
                {"client": "acme", "kind": "engaged", "at": "2026-01-01", "id": "e1"},
                {"client": "acme", "kind": "engaged", "at": "2026-01-02", "id": "e1"},
                {"client": "acme", "kind": "left", "at": "2026-01-01", "id": "e1"},
                {"client": "acme", "kind": "retracted", "at": "2026-01-01", "event": "e2"},
            ]
        ):
            gathering.add(event)
        assert [(it.event.position, it.other.position) for it in gathering.misfits] == [(2, 1), (3, 1)]
        assert [(it.event.position, it.other) for it in gathering.lost_retractions()] == [(4, None)]
