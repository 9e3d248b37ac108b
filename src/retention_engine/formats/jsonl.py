"""Event logs as JSON lines: plain or gzipped, a file or standard input, read as a stream."""

import sys
from bisect import bisect_right
from collections.abc import Iterator

from ..codec import decode
from ..errors import EventError, InputError, Problem
from ..events import Event
from ..gathering import Gathering, Histories, Misfit
from ..kinds import KINDS, Kinds
from .lines import FileFault, Progress, is_blank, lines_of, other_format

MOST_PROBLEMS = 1_000
"""After so many mistakes a file is given up: it is of another format."""


def read_log(path: str, *, kinds: Kinds = KINDS, progress: Progress | None = None) -> Histories:
    """The events of a whole log by client.

    Args:
        path: a file, or `-` for standard input.
        kinds: the kinds that may occur.
        progress: told how far the reading is.

    Raises:
        InputError: lines that are no events, or that contradict each other; all of them are listed.
    """
    reader = LogReader(path, kinds=kinds, progress=progress)
    gathering = Gathering()
    for event in reader:
        gathering.add(event)
    problems = [*reader.problems, *(reader.misfit_problem(misfit) for misfit in gathering.misfits)]
    if not problems:  # an event that could not be read may be the one that a retraction names
        problems += (reader.misfit_problem(misfit) for misfit in gathering.lost_retractions())
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0))
    return gathering.histories


class LogReader:
    """The events of a log, one by one; what can't be read is noted in `problems` and passed over.

    Args:
        path: a file, or `-` for standard input.
        kinds: the kinds that may occur.
        progress: told how far the reading is.
    """

    def __init__(self, path: str, *, kinds: Kinds = KINDS, progress: Progress | None = None) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._kinds = kinds
        self._progress = progress
        self._behind: list[tuple[int, int]] = [(0, 0)]

    def __iter__(self) -> Iterator[Event]:
        try:
            yield from self._events()
        except FileFault as fault:
            self._note(fault.line, fault.error)

    def _events(self) -> Iterator[Event]:
        position = 0
        for number, line in lines_of(self.path, self._progress):
            if is_blank(line):
                continue
            position += 1
            if number - position != self._behind[-1][1]:
                self._behind.append((position, number - position))
            try:
                yield decode(line, position=position, kinds=self._kinds)
            except EventError as error:
                if number == 1 and (other := other_format(line)):
                    self._note(None, EventError("other-format", f"is {other}; a log is JSON lines, plain or gzipped"))
                    return
                self._note(number, error)
                if error.code == "utf-16":
                    return
                if len(self.problems) >= MOST_PROBLEMS:
                    self._note(number, EventError("too-many", f"gave up after {MOST_PROBLEMS:,} bad lines"))
                    return

    def line_of(self, event: Event) -> int:
        """The line on which an event stood: empty lines are no events, but they are lines."""
        return event.position + self._behind[bisect_right(self._behind, (event.position, sys.maxsize)) - 1][1]

    def misfit_problem(self, misfit: Misfit) -> Problem:
        """A contradiction between events, with its line."""
        error = misfit.error
        where = f" (line {self.line_of(misfit.other)})" if misfit.other else ""
        return Problem(self.path, self.line_of(misfit.event), error.code, error.reason + where, error.field)

    def _note(self, line: int | None, error: EventError) -> None:
        self.problems.append(Problem(self.path, line, error.code, error.reason, error.field))
