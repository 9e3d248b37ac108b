"""Building the agenda of a rule set beside the one that answers, and letting it answer in its place.

Every step is a transaction of its own that notes how far it came, so that whoever is stopped, in whatever way, is carried
on by whoever comes next. Two who build the same at once only waste time.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import attrs

from ..events import Event
from ..log import EventLog
from ..log.agenda_rows import NO_ROWS, RETIRED, ClientRows, Generation, State
from ..log.agenda_tables import AgendaTables
from ..log.event_log import Span
from ..log.store import Writing
from .following import PAGE, Follower, joined
from .instants import number
from .kept import made
from .telling import news_between

CLIENTS = 200
"""How many clients are built, or removed, in one transaction."""


@attrs.frozen
class BuildProgress:
    """How far a build has come: so many of the log's events have been read, of so many at its beginning."""

    done: int
    total: int


class Stopped(Exception):
    """Whoever asked for a build has asked it to stop."""


class Builder:
    """Builds the agenda of one rule set.

    Args:
        follower: follows the log for the same rule set.
        progress: told how far the build has come.
        stop: set where the build is to stop as soon as it can.
    """

    def __init__(
        self,
        follower: Follower,
        progress: Callable[[BuildProgress], object] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._follower = follower
        self._log: EventLog = follower.log
        self._store = follower.log.store.agenda
        self._progress = progress
        self._stop = stop or threading.Event()

    def build(self) -> None:
        """Build where the one that answers is by other rules, follow the log, and remove what is left of old builds.

        Raises:
            Stopped: it was asked to stop.
        """
        generation = self._begun()
        if generation is not None:
            self._read_clients(generation)
            self._take_over(generation)
        self._follower.follow(progress=self._tell_followed)
        self._remove_retired()

    def _begun(self) -> int | None:
        """The number of the build to carry on; `None` where the one that answers is by these rules."""
        fingerprint = self._follower.fingerprint
        if self._is_built():
            return None
        total, head = self._log.store.count()[0], self._log.head()
        with self._log.store.writing() as writing:
            tables = self._store.within(writing)
            tables.ensure(self._log.store.name)
            state = tables.state()
            is_built = state.active is not None and state.active.fingerprint == fingerprint
            building = None if is_built else state.building(fingerprint)
            # Whoever asks last decides: a build by other rules may go on for ever otherwise, where nobody carries it on.
            tables.retire_builds(None if building is None else building.id)
            if is_built or building is not None:
                return None if building is None else building.id
            return tables.begin(fingerprint, head, total)

    def _is_built(self) -> bool:
        """Whether the one that answers is by these rules, in tables of this version, and there is no other."""
        with self._store.reading() as tables:
            if not (tables.exist() and tables.is_current(self._log.store.name)):
                return False
            state = tables.state()
        active = state.active
        return active is not None and active.fingerprint == self._follower.fingerprint and state.building() is None

    # Client by client.

    def _read_clients(self, generation_id: int) -> None:
        while True:
            state, generation = self._standing(generation_id)
            if generation is None or generation.position is not None:
                return
            self._tell(generation)
            span = Span(generation.mark, None, generation.upto)
            histories = self._log.clients(span)
            while generation is not None and (batch := list(islice(histories, CLIENTS))):
                generation = self._store_batch(state, generation, batch)
            if generation is not None and self._all_read(state, generation):
                return

    def _store_batch(
        self, state: State, generation: Generation, batch: Sequence[tuple[str, list[Event]]]
    ) -> Generation | None:
        """Store the rows of some clients; `None` where somebody else was quicker."""
        if self._stop.is_set():
            raise Stopped
        found: list[ClientRows] = []
        horizon, count = generation.horizon, 0
        for client, events in batch:
            seen = made(self._follower.engine, client, events)
            found.append(seen.rows)
            count += len(events)
            horizon = horizon if seen.since is None else max(horizon, number(seen.since))
        mark = batch[-1][0]
        with self._log.store.writing() as writing:
            tables = self._store.within(writing)
            if not _is_as_it_was(tables, state, generation):
                return None
            tables.replace(generation.id, NO_ROWS, joined(found))
            tables.move(generation.id, done=generation.done + count, mark=mark, horizon=horizon)
        moved = generation._replace(done=generation.done + count, mark=mark, horizon=horizon)
        self._tell(moved)
        return moved

    def _all_read(self, state: State, generation: Generation) -> bool:
        with self._log.store.writing() as writing:
            tables = self._store.within(writing)
            if not _is_as_it_was(tables, state, generation):
                return False
            tables.track(generation.id, generation.upto)
        return True

    # In the place of the other.

    def _take_over(self, generation_id: int) -> None:
        """Follow the log to its end with a build, and let it answer from there."""
        while True:
            self._follower.follow_to_the_end(generation_id, self._stop.is_set)
            if self._stop.is_set():
                raise Stopped
            with self._log.store.writing() as writing:
                tables = self._store.within(writing)
                state = tables.state()
                generation = state.named(generation_id)
                if generation is None or generation == state.active:
                    return  # somebody has finished it, or asked for another, meanwhile
                if self._follower.finish(tables, writing, state, generation):
                    self._tell_what_happened_meanwhile(tables, writing, generation.id)
                    tables.activate(generation.id)
                    return

    def _tell_what_happened_meanwhile(self, tables: AgendaTables, writing: Writing, generation_id: int) -> None:
        """Tell what events have changed that the build which answered until now has not followed."""
        state = tables.state()
        old, generation = state.active, state.named(generation_id)
        if state.told is None or old is None or old.position is None or generation is None:
            return
        position = generation.position or 0
        for clients in batched(_clients_behind(writing, old.position), CLIENTS):
            before = tables.rows_of(old.id, clients)
            after = tables.rows_of(generation.id, clients)
            for client in clients:
                learned = max(event.recorded_at for event in self._follower.events(writing, client))
                ours, theirs = after.get(client, NO_ROWS), before.get(client, NO_ROWS)
                tables.tell(news_between(client, theirs, ours, state.told, learned, position))

    # What is left.

    def _remove_retired(self) -> None:
        with self._store.reading() as tables:
            retired = [it.id for it in tables.state().generations if it.state == RETIRED]
        for generation in retired:
            is_left = True
            while is_left:
                if self._stop.is_set():
                    raise Stopped
                with self._log.store.writing() as writing:
                    is_left = self._store.within(writing).remove_some(generation, CLIENTS)

    def _standing(self, generation_id: int) -> tuple[State, Generation | None]:
        with self._store.reading() as tables:
            state = tables.state()
        return state, state.named(generation_id)

    def _tell_followed(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Stopped
        if self._progress is not None:
            self._progress(BuildProgress(done, total))

    def _tell(self, generation: Generation) -> None:
        if self._progress is not None:
            self._progress(BuildProgress(generation.done, max(generation.total, generation.done)))


class Rebuild:
    """A build in the background; see `Agenda.rebuild_in_background`.

    Attributes:
        progress: how far it has come; `None` before it has begun.
        error: why it failed, if it did.
    """

    def __init__(self, work: Callable[[Callable[[BuildProgress], object], threading.Event], object]) -> None:
        self.progress: BuildProgress | None = None
        self.error: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), name="retention-agenda", daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[Callable[[BuildProgress], object], threading.Event], object]) -> None:
        try:
            work(self._note, self._stop)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - whoever waits for it is to get it
            self.error = error

    def _note(self, progress: BuildProgress) -> None:
        self.progress = progress

    @property
    def is_running(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, so many seconds at most; whether it has come.

        Raises:
            RetentionError: the build failed.
        """
        self._thread.join(timeout)
        if self.error is not None:
            raise self.error
        return not self.is_running

    def stop(self) -> None:
        """Stop after the step under way; the next build carries on from there."""
        self._stop.set()
        self._thread.join()


def _is_as_it_was(tables: AgendaTables, state: State, generation: Generation) -> bool:
    now = tables.state()
    return now.epoch == state.epoch and now.named(generation.id) == generation


def _clients_behind(writing: Writing, position: int) -> Iterable[str]:
    """The clients of the events behind a position."""
    found: dict[str, None] = {}
    while rows := writing.tail(position, PAGE):
        found |= dict.fromkeys(row.client for row in rows)
        position = rows[-1].position
    return found


def batched(names: Iterable[str], size: int) -> Iterator[list[str]]:
    """Names, so many at a time."""
    names = iter(names)
    while batch := list(islice(names, size)):
        yield batch
