"""The lines of a text file of any format: plain or gzipped, a file or standard input, read as a stream."""

import errno
import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..codec import MOST_BYTES
from ..errors import EventError

STANDARD_INPUT = "-"
GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
LINES_A_STEP = 2_000

_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"SQLite format 3": "a SQLite database, and if that is a log, it is given as sqlite:///PATH",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "a spreadsheet or document of an old kind",
    GZIP_MAGIC: "compressed twice",
}
"""What people hand in by mistake, by how it starts."""

Progress = Callable[[int], None]
"""Called now and then with the number of bytes of the file that were read since the last call."""


class FileFault(Exception):
    """A file can't be read, or not any further.

    Attributes:
        line: where, `None` where the file as a whole is at fault.
        error: what is wrong with it.
    """

    def __init__(self, line: int | None, error: EventError) -> None:
        super().__init__(str(error))
        self.line = line
        self.error = error


def lines_of(path: str, progress: Progress | None = None) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, ends included; a byte-order mark in front is left out.

    A line of more than 1 MiB comes cut off behind that, so that whoever decodes it finds it too long.

    Args:
        path: a file, or `-` for standard input.
        progress: told how far the reading is.

    Raises:
        FileFault: the file can't be read, or not to its end.
    """
    number = 0
    try:
        with _opened(path) as (stream, tell):
            told = 0
            while line := stream.readline(MOST_BYTES + 2):
                number += 1
                if number == 1:
                    line = line.removeprefix(BOM)
                if len(line) > MOST_BYTES:
                    _skip_rest(stream, line)
                    line = line.rstrip(b"\r\n")
                yield number, line
                if progress is not None and number % LINES_A_STEP == 0:
                    here = tell()
                    progress(here - told)
                    told = here
            if progress is not None:
                progress(tell() - told)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = "the compressed file is damaged or ends early; fetch or compress it again"
        raise FileFault(number + 1, EventError("bad-gzip", f"{message} ({error})")) from None
    except OSError as error:
        reason = "is a folder" if isinstance(error, IsADirectoryError) else (error.strerror or str(error)).lower()
        raise FileFault(None, EventError("unreadable", f"can't be read: {reason}")) from None


def is_blank(line: bytes) -> bool:
    """Whether a line holds nothing; one that was cut off may hold something further on."""
    return not line.strip() and len(line) <= MOST_BYTES


def other_format(line: bytes) -> str | None:
    """What a file is whose first line looks like this, if it is something that people hand in by mistake."""
    return next((name for start, name in _OTHER_FORMATS.items() if line.startswith(start)), None)


def _skip_rest(stream: IO[bytes], line: bytes) -> None:
    """Read on to the end of a line of which so much was read, and forget it."""
    while line and not line.endswith(b"\n"):
        line = stream.readline(MOST_BYTES)


@contextmanager
def _opened(path: str) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """A file's bytes, decompressed where they are compressed, and how many of the file's own were read."""
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
