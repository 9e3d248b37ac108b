"""What questions to the agenda are answered from: one state of it each, or one for all that a thread asks within."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..errors import NoAgenda, QuestionError
from ..log import EventLog
from ..log.agenda_rows import BEGINNING, Generation, State
from ..log.agenda_tables import AgendaTables
from .answers import AgendaBasis
from .instants import moment_of


class Snapshot(NamedTuple):
    """One state of the agenda.

    Attributes:
        tables: what is stored, as it was when the snapshot was taken.
        generation: the build that answers.
        basis: what its answers are by.
        head: the last position of the log by then.
    """

    tables: AgendaTables
    generation: Generation
    basis: AgendaBasis
    head: int


class Snapshots:
    """Takes snapshots of a log's agenda; safe to use from several threads.

    Args:
        log: the log.
        fingerprint: that of the rules of whoever asks.
    """

    def __init__(self, log: EventLog, fingerprint: str) -> None:
        self._log = log
        self._fingerprint = fingerprint
        self._held = _Held()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Answer all that this thread asks within from one snapshot.

        Raises:
            NoAgenda: none has been built.
        """
        before = self._held.snapshot
        with self.read() as snapshot:
            self._held.snapshot = snapshot
            try:
                yield
            finally:
                self._held.snapshot = before

    @contextmanager
    def read(self, moment: int | None = None) -> Iterator[Snapshot]:
        """The snapshot to answer from: that which is held, else one of now.

        Args:
            moment: the moment asked about, as a number.

        Raises:
            NoAgenda: none has been built.
            QuestionError: the moment is before the horizon.
        """
        if (held := self._held.snapshot) is not None:
            _refuse_before_horizon(held.generation, moment)
            yield held
            return
        name, head = self._log.store.name, self._log.head()
        with self._log.store.agenda.reading() as tables:
            state = tables.state() if tables.exist() and tables.is_current(name) else None
            generation = None if state is None else state.active
            if state is None or generation is None:
                raise NoAgenda(_none_yet(name, state))
            _refuse_before_horizon(generation, moment)
            head = max(head, generation.position or 0)  # others may have recorded since it was looked at
            yield Snapshot(tables, generation, self._basis_of(state, generation, head), head)

    def _basis_of(self, state: State, generation: Generation, head: int) -> AgendaBasis:
        return AgendaBasis(
            fingerprint=generation.fingerprint,
            position=generation.position or 0,
            horizon=None if generation.horizon == BEGINNING else moment_of(generation.horizon),
            is_stale=generation.fingerprint != self._fingerprint,
            is_rebuilding=state.building() is not None,
            is_behind=head > (generation.position or 0) or state.forgotten,
        )


class _Held(threading.local):
    """The snapshot from which a thread has all its questions answered, if it has asked for that."""

    snapshot: Snapshot | None = None


def _none_yet(name: str, state: State | None) -> str:
    building = None if state is None else state.building()
    so_far = "" if building is None else f"; one is being built, {building.done:,} of {building.total:,} events so far"
    return f"{name} has no agenda yet{so_far}"


def _refuse_before_horizon(generation: Generation, moment: int | None) -> None:
    if moment is not None and moment < generation.horizon:
        asked, horizon = moment_of(moment).isoformat(), moment_of(generation.horizon).isoformat()
        raise QuestionError(f"the agenda answers from {horizon} on, not as of {asked}; replay the log for that")
