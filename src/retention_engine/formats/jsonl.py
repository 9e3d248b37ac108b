"""Event logs as JSON lines: plain or gzipped, a file or standard input, read as a stream."""

import errno
import gzip
import sys
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..book import Gathering, Histories, Misfit
from ..codec import MOST_BYTES, decode
from ..errors import EventError, InputError, Problem
from ..events import KINDS, Event, Kinds

STANDARD_INPUT = "-"
GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
MOST_PROBLEMS = 1_000
"""After so many mistakes a file is given up: it is of another format."""

LINES_A_STEP = 2_000

_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"SQLite format 3": "a SQLite database, and if that is a log, it is given as sqlite:///PATH",
    b"%PDF": "a PDF document",
    GZIP_MAGIC: "compressed twice",
}
"""What people hand in by mistake, by how it starts."""

Progress = Callable[[int], None]
"""Called now and then with the number of bytes of the file that were read since the last call."""


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
        position = 0
        for number, line in self._lines():
            if not line.strip() and len(line) <= MOST_BYTES:
                continue
            position += 1
            if number - position != self._behind[-1][1]:
                self._behind.append((position, number - position))
            try:
                yield decode(line, position=position, kinds=self._kinds)
            except EventError as error:
                if number == 1 and (other := _other_format(line)):
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

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        try:
            with _opened(self.path) as (stream, tell):
                told = 0
                while line := stream.readline(MOST_BYTES + 2):
                    number += 1
                    if number == 1:
                        line = line.removeprefix(BOM)
                    if len(line) > MOST_BYTES:
                        _skip_rest(stream, line)
                        line = line.rstrip(b"\r\n")
                    yield number, line
                    if self._progress is not None and number % LINES_A_STEP == 0:
                        here = tell()
                        self._progress(here - told)
                        told = here
                if self._progress is not None:
                    self._progress(tell() - told)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            message = "the compressed file is damaged or ends early; fetch or compress it again"
            self._note(number + 1, EventError("bad-gzip", f"{message} ({error})"))
        except OSError as error:
            reason = "is a folder" if isinstance(error, IsADirectoryError) else (error.strerror or str(error)).lower()
            self._note(None, EventError("unreadable", f"can't be read: {reason}"))


def _skip_rest(stream: IO[bytes], line: bytes) -> None:
    """Read on to the end of a line of which so much was read, and forget it."""
    while line and not line.endswith(b"\n"):
        line = stream.readline(MOST_BYTES)


def _other_format(line: bytes) -> str | None:
    return next((name for start, name in _OTHER_FORMATS.items() if line.startswith(start)), None)


@contextmanager
def _opened(path: str) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """A log's bytes, decompressed where they are compressed, and how many of the file's own were read."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:  # closed by whoever started the command
            raise OSError(errno.EBADF, "standard input is closed")
        yield _decompressed(sys.stdin.buffer), lambda: 0
        return
    with Path(path).open("rb") as file:
        yield _decompressed(file), file.tell


def _decompressed(file: BinaryIO) -> IO[bytes]:
    peek = getattr(file, "peek", None)
    start = peek(2)[:2] if peek else b""
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if start == GZIP_MAGIC else file
