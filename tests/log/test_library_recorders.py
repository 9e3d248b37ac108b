"""The test cases that the eventsourcing library ships for recorders, run on ours.

Its cases for process and dcb recorders, for transcoders and for factories test what we neither have nor extend.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder, StoredEvent, TrackingRecorder
from eventsourcing.tests import persistence as shipped


class OnSQLite:
    """Gives a shipped case a recorder of ours, and texts for originators, which are clients' ids."""

    STORE = "sqlite"
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = True

    @pytest.fixture(autouse=True)
    def _open_a_log(self, log_on):
        with log_on(self.STORE) as log:
            self.log = log
            yield

    def create_recorder(self) -> ApplicationRecorder:
        return self.log.store.recorder

    def new_originator_id(self) -> str:
        return str(uuid4())


class InMemory(OnSQLite):
    STORE = "memory"


class OnPostgres(OnSQLite):
    STORE = "postgres"
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False


class WithoutPositions(AggregateRecorder):
    """A recorder as far as one client is concerned: only those of whole logs answer an insertion with positions."""

    def __init__(self, recorder: ApplicationRecorder) -> None:
        self.recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **options: Any) -> None:
        self.recorder.insert_events(stored_events, **options)

    def select_events(self, originator_id: UUID | str, **options: Any) -> Sequence[StoredEvent]:
        return self.recorder.select_events(originator_id, **options)


class OfOneClient:
    def create_recorder(self) -> AggregateRecorder:
        return WithoutPositions(super().create_recorder())


class TestOneClientOnSQLite(OfOneClient, OnSQLite, shipped.AggregateRecorderTestCase): ...


class TestOneClientInMemory(OfOneClient, InMemory, shipped.AggregateRecorderTestCase): ...


class TestOneClientOnPostgres(OfOneClient, OnPostgres, shipped.AggregateRecorderTestCase): ...


class TestWholeLogOnSQLite(OnSQLite, shipped.ApplicationRecorderTestCase): ...


class TestWholeLogInMemory(InMemory, shipped.ApplicationRecorderTestCase): ...


class TestWholeLogOnPostgres(OnPostgres, shipped.ApplicationRecorderTestCase): ...


class TestPositionsOnSQLite(OnSQLite, shipped.NonInterleavingNotificationIDsBaseCase): ...


class TestPositionsInMemory(InMemory, shipped.NonInterleavingNotificationIDsBaseCase): ...


class TestPositionsOnPostgres(OnPostgres, shipped.NonInterleavingNotificationIDsBaseCase): ...


class Tracking:
    """Gives a shipped case the recorder of positions that the agenda has in its tables."""

    def create_recorder(self) -> TrackingRecorder:
        with self.log.store.writing() as writing:
            self.log.store.agenda.within(writing).ensure(self.log.store.name)
        return self.log.store.agenda.tracker


class TestTrackingOnSQLite(Tracking, OnSQLite, shipped.TrackingRecorderTestCase): ...


class TestTrackingInMemory(Tracking, InMemory, shipped.TrackingRecorderTestCase): ...


class TestTrackingOnPostgres(Tracking, OnPostgres, shipped.TrackingRecorderTestCase): ...


def test_what_waits_to_be_notified_is_refused(any_log):
    with pytest.raises(NotImplementedError):
        any_log.store.recorder.subscribe()
