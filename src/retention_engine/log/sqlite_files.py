"""A log's file on disk: made, measured and addressed, with errors that say why it can't be."""

import os
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Literal
from urllib.parse import quote

from ..errors import LogError, LogFull, LogMissing, LogReadOnly, NotALog


def uri_of(path: Path, mode: Literal["ro", "rw"]) -> str:
    """A file's address as SQLite reads it."""
    return f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"


def size_of(path: Path) -> int:
    """A file's size in bytes.

    Raises:
        LogError: there is no file, or it can't be read.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise _not_reached(path, "opened", error) from None
    if not S_ISREG(found.st_mode):
        raise NotALog(f"{path} is {'a folder' if S_ISDIR(found.st_mode) else 'no file'}")
    if not os.access(path, os.R_OK):
        raise LogReadOnly(f"{path} can't be opened: permission denied")
    return found.st_size


def make_file(path: Path) -> None:
    """Make an empty file that nobody else may read.

    Raises:
        FileExistsError: there is one, and it stays as it is.
        LogError: it can't be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        raise
    except OSError as error:
        raise _not_reached(path, "made", error, hint="Make the folder, or correct the address.") from None


def _not_reached(path: Path, done: str, error: OSError, hint: str | None = None) -> LogError:
    """Why a file can't be opened or made; the hint is for a path that leads nowhere."""
    message = f"{path} can't be {done}: {(error.strerror or str(error)).lower()}"
    if error.errno in {ENOSPC, EDQUOT}:
        return LogFull(message)
    if error.errno in {EACCES, EPERM, EROFS}:
        return LogReadOnly(message)
    return LogMissing(message, hint=hint)
