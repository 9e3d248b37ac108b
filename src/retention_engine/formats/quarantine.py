"""The quarantine file: lines that an import set aside, each with its place, the reason and what it was.

A line holds `file`, `line`, `field`, `code`, `message` and `raw`, the line as it was (`raw_base64` where it is not
UTF-8), and of a table `header` as well. Correct `raw` and import the file: it is read as what the lines were.
"""

import os
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfileobj
from typing import Any, NamedTuple, Self

import msgspec

from ..errors import EventError, Problem, RetentionError

SUFFIX = ".rejected.jsonl"
IN_MEMORY = 1 << 20
_ENCODER = msgspec.json.Encoder()


class SetAside(NamedTuple):
    """A line as the quarantine file keeps it.

    Attributes:
        raw: the line's bytes, without its end.
        header: the header of the table that it comes from, if it comes from one.
    """

    raw: bytes
    header: bytes | None


class Quarantine:
    """Lines on their way into a quarantine file, which is written when all is known: `close` forgets them.

    Args:
        path: the file; one that exists is not overwritten.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._is_written = False
        self._spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed on leaving

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def add(self, problem: Problem, line: SetAside) -> None:
        """Set a line aside."""
        told = {name: getattr(problem, name) for name in ("file", "line", "field", "code", "message")}
        header = {} if line.header is None else _told("header", line.header)
        self._spool.write(_ENCODER.encode({**told, **header, **_told("raw", line.raw)}) + b"\n")
        self.count += 1

    def write(self) -> None:
        """Write the file, if a line was set aside.

        Raises:
            RetentionError: it exists or can't be written.
        """
        if not self.count:
            return
        self._spool.seek(0)
        try:
            with self.path.open("xb") as file:
                self._is_written = True
                copyfileobj(self._spool, file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RetentionError(f"{self.path}, which takes the bad lines, can't be written: {reason}") from None

    def withdraw(self) -> None:
        """Remove the file again: the import that it belongs to came to nothing."""
        if self._is_written:
            self.path.unlink(missing_ok=True)
            self._is_written = False


def is_set_aside(fields: Mapping[str, Any]) -> bool:
    """Whether an object is a line of a quarantine file."""
    return fields.keys() >= {"file", "line", "code", "message"} and not fields.keys().isdisjoint({"raw", "raw_base64"})


def restored(fields: Mapping[str, Any]) -> SetAside:
    """The line that was set aside.

    Raises:
        EventError: the quarantine's line was damaged.
    """
    raw = _bytes(fields, "raw")
    return SetAside(b"" if raw is None else raw, _bytes(fields, "header"))


def _told(name: str, content: bytes) -> dict[str, str]:
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(content).decode()}


def _bytes(fields: Mapping[str, Any], name: str) -> bytes | None:
    text, coded = fields.get(name), fields.get(f"{name}_base64")
    try:
        if coded is not None:
            return b64decode(coded, validate=True)
        return None if text is None else text.encode()
    except (ValueError, TypeError, AttributeError):
        raise EventError("wrong-type", "expected the text that was set aside", name) from None
