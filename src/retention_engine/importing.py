"""Files of events brought into a log: all of them or nothing, and a second time nothing new."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import attrs

from .errors import EventError, KeyReused, Problem, RetentionError
from .events import Event, Retracted
from .formats.intake import Draft, Intake
from .formats.lines import FileFault, Progress
from .formats.quarantine import Quarantine, SetAside
from .log import Appending, EventLog, Key
from .log.copies import Copies

STEP = 5_000
MOST_PROBLEMS = 1_000
"""After so many bad lines an import is given up: the file is of another format."""


@attrs.frozen
class Imported:
    """What an import did.

    Attributes:
        read: how many lines were read, blank ones aside.
        stored: how many were stored as new events; in a dry run, how many would have been.
        known: how many were in the log already, or stood in the files twice.
        set_aside: how many went into the quarantine.
        faults: how many files could not be read to their end.
        problems: what is wrong with the lines, and with the files, in their order.
        refused: whether nothing was stored for what is wrong.
        applied: whether the import was applied; if not, it was refused or a dry run, and the log is as it was.
    """

    read: int
    stored: int
    known: int
    set_aside: int
    faults: int
    problems: tuple[Problem, ...]
    refused: bool
    applied: bool


def import_files(
    log: EventLog,
    paths: Sequence[str],
    *,
    intake: Intake | None = None,
    quarantine: Quarantine | None = None,
    dry_run: bool = False,
    source: str = "",
    keep_recorded_at: bool = False,
    most_problems: int = MOST_PROBLEMS,
    progress: Progress | None = None,
) -> Imported:
    """Store the events of some files in one transaction.

    Lines that are no events, or that contradict the log, go into the quarantine; without one, a single bad line keeps
    everything from being stored. So does a file that can't be read to its end, and more bad lines than
    `most_problems`. Retractions are stored last, since the order of lines means nothing.

    Args:
        log: the log.
        paths: files, or `-` for standard input.
        intake: how the files are read.
        quarantine: takes the bad lines; it is written before the log is.
        dry_run: do everything but store.
        source: keeps events without an id of different origin apart.
        keep_recorded_at: what does not say when it was recorded keeps its `at` as that, in place of now.
        most_problems: with how many bad lines to go on.
        progress: told how far the reading is.

    Raises:
        LogError: the log can't be written.
        RetentionError: the quarantine can't be written.
    """
    running = _Import(quarantine, None if keep_recorded_at else log.clock(), most_problems)
    try:
        with log.appending() as appending:
            for path in paths:
                with Copies(source) as copies:
                    running.read_file(path, intake or Intake(), copies, appending, progress)
            running.finish(appending)
            running.settle(dry_run=dry_run)
    except BaseException as reason:
        if quarantine is not None:
            quarantine.withdraw()
        if isinstance(reason, _Undone):
            return running.outcome(applied=False)
        raise
    return running.outcome(applied=True)


class _Undone(Exception):
    """Nothing of the import is to be stored."""


class _Waiting(NamedTuple):
    """An event on its way, with where it comes from."""

    file: str
    line: int
    source: SetAside
    event: Event
    key: Key


class _Import:
    """An import on its way."""

    def __init__(self, quarantine: Quarantine | None, now: datetime | None, most_problems: int) -> None:
        self._quarantine = quarantine
        self._now = now
        self._most_problems = most_problems
        self._files: list[str] = []
        self._problems: list[Problem] = []
        self._faults = 0
        self._waiting: list[_Waiting] = []
        self._retractions: list[_Waiting] = []
        self.read = self.stored = self.known = 0

    @property
    def is_refused(self) -> bool:
        """Whether nothing of it may be stored."""
        return bool(self._problems) if self._quarantine is None else bool(self._faults)

    @property
    def _is_given_up(self) -> bool:
        return len(self._problems) > self._most_problems

    def read_file(
        self, path: str, intake: Intake, copies: Copies, appending: Appending, progress: Progress | None
    ) -> None:
        """Take in the lines of a file; from time to time, hand over what was gathered."""
        self._files.append(path)
        if self._is_given_up:
            return
        try:
            for draft in intake.drafts(path, progress):
                self._take(path, draft, copies)
                if len(self._waiting) >= STEP:
                    self._hand_over(appending)
                if self._is_given_up:
                    reason = f"gave up after {self._most_problems:,} bad lines"
                    raise FileFault(draft.line, EventError("too-many", reason))  # noqa: TRY301 - it is told like other faults
        except FileFault as fault:
            self._faults += 1
            self._problems.append(_problem(path, fault.line, fault.error))

    def _take(self, path: str, draft: Draft, copies: Copies) -> None:
        self.read += 1
        if isinstance(draft.event, EventError):
            self._refuse(path, draft.line, draft.source, draft.event)
            return
        event = draft.event
        if self._now is not None and event.recorded_at == event.at:
            event = event.recorded(self._now)
        waiting = _Waiting(path, draft.line, draft.source, event, copies.key_of(event))
        (self._retractions if isinstance(event, Retracted) else self._waiting).append(waiting)

    def finish(self, appending: Appending) -> None:
        """Hand over the rest, retractions last: unless a bad line may be what one of them names."""
        self._hand_over(appending)
        if not self.is_refused:
            self._waiting = self._retractions
            self._hand_over(appending)

    def _hand_over(self, appending: Appending) -> None:
        for start in range(0, len(self._waiting), STEP):
            step = self._waiting[start : start + STEP]
            receipts = appending.append([(waiting.event, waiting.key) for waiting in step])
            for waiting, receipt in zip(step, receipts, strict=True):
                if isinstance(receipt, KeyReused) and waiting.event.id is None:
                    self.known += 1  # the key is what the event says: it is here, and was forgotten since
                elif isinstance(receipt, RetentionError):
                    self._refuse(waiting.file, waiting.line, waiting.source, _as_event_error(receipt, waiting.event))
                elif receipt.new:
                    self.stored += 1
                else:
                    self.known += 1
        self._waiting = []

    def _refuse(self, file: str, line: int, source: SetAside, error: EventError) -> None:
        problem = _problem(file, line, error)
        self._problems.append(problem)
        if self._quarantine is not None:
            self._quarantine.add(problem, source)

    def settle(self, *, dry_run: bool) -> None:
        """Write the quarantine, so that the log may be, or leave the transaction."""
        if self.is_refused or dry_run:
            raise _Undone
        if self._quarantine is not None:
            self._quarantine.write()

    def outcome(self, *, applied: bool) -> Imported:
        """What the import did, or would have done."""
        order = {path: place for place, path in enumerate(self._files)}
        problems = sorted(self._problems, key=lambda problem: (order[problem.file], problem.line or 0))
        set_aside = 0 if self._quarantine is None else self._quarantine.count
        return Imported(
            self.read, self.stored, self.known, set_aside, self._faults, tuple(problems), self.is_refused, applied
        )


def _as_event_error(error: RetentionError, event: Event) -> EventError:
    """Why the log refused an event: for what the event says, or for its id."""
    if isinstance(error, EventError):
        return error
    reason = f"{event.id!r} was used for another event of this client; give one of the two another id"
    return EventError("key-reused", reason, "id")


def _problem(file: str, line: int | None, error: EventError) -> Problem:
    return Problem(file, line, error.code, error.reason, error.field)
