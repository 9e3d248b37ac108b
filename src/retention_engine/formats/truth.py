"""Truth files: what became of clients after a moment, one JSON object a line. No rule ever reads them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

import attrs

from ..codec import json_object
from ..errors import EventError, InputError, Problem, did_you_mean
from ..moments import instant_text
from ..outcomes import KnownOutcome, Outcome
from ..schema import Identifier, Instant, schema_of
from .jsonl import MOST_PROBLEMS
from .lines import FileFault, is_blank, lines_of, other_format

OUTCOMES: dict[str, Outcome | None] = {
    "lost": Outcome.LOST,
    "lapsed": Outcome.LOST,
    "left": Outcome.LOST,
    "churned": Outcome.LOST,
    "retained": Outcome.RETAINED,
    "returned": Outcome.RETAINED,
    "renewed": Outcome.RETAINED,
    "left-uncontrollable": Outcome.UNCONTROLLABLE,
    "joined_after_cutoff": None,
}
"""What the words of a truth file mean; `None` is a client who was none yet."""


@attrs.frozen(slots=False, kw_only=True)
class _Line:
    """The fields that are read; others are notes of whoever made the file."""

    kind: ClassVar[str] = "truth"

    client: Identifier
    outcome: Literal[
        "lost",
        "lapsed",
        "left",
        "churned",
        "retained",
        "returned",
        "renewed",
        "left-uncontrollable",
        "joined_after_cutoff",
    ]
    cutoff: Instant
    at: Instant | None = None


_SCHEMA = schema_of(_Line)


def read_truth(path: str) -> tuple[KnownOutcome, ...]:
    """What a truth file says, plain or gzipped; clients who joined after the cutoff are left out.

    Args:
        path: a file, or `-` for standard input.

    Raises:
        InputError: lines that can't be read, or that speak of a client at one cutoff again; all of them are listed.
    """
    problems: list[Problem] = []
    found: dict[tuple[str, datetime], KnownOutcome | None] = {}
    lines: dict[tuple[str, datetime], int] = {}
    for number, line in _numbered(path, problems):
        try:
            told = _read(line)
            key = told["client"], told["cutoff"]
            _refuse_twice(key, lines)
        except EventError as error:
            problems.append(Problem(path, number, error.code, error.reason, error.field))
            if len(problems) >= MOST_PROBLEMS:
                problems.append(Problem(path, number, "too-many", f"gave up after {MOST_PROBLEMS:,} bad lines"))
                break
            continue
        outcome = OUTCOMES[told["outcome"]]
        lines[key] = number
        found[key] = KnownOutcome(*key, outcome) if outcome else None
    if problems:
        raise InputError(problems)
    return tuple(filter(None, found.values()))


def _refuse_twice(key: tuple[str, datetime], lines: Mapping[tuple[str, datetime], int]) -> None:
    if key in lines:
        reason = f"{key[0]!r} has an outcome after {instant_text(key[1])} already; leave one of the two out"
        raise EventError("key-reused", f"{reason} (line {lines[key]})", "client")


def _numbered(path: str, problems: list[Problem]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something; what is wrong with the file itself is noted, and ends it."""
    try:
        for number, line in lines_of(path):
            if number == 1 and (other := other_format(line)):
                reason = f"is {other}; a truth file is JSON lines, plain or gzipped"
                problems.append(Problem(path, None, "other-format", reason))
                return
            if not is_blank(line):
                yield number, line
    except FileFault as fault:
        problems.append(Problem(path, fault.line, fault.error.code, fault.error.reason))


def _read(line: bytes) -> dict[str, Any]:
    given = json_object(line)
    others = given.keys() - _SCHEMA.attribute.keys()
    for name in sorted(_SCHEMA.required - given.keys()):
        raise EventError("missing-field", f"is missing, and must be given{did_you_mean(name, others)}", name)
    read = {name: value for name, value in given.items() if name in _SCHEMA.attribute}
    told = _SCHEMA.parse(read, check_text=b"\\" in line)
    at = told.get("at")
    if at is not None and at <= told["cutoff"]:
        raise EventError("out-of-range", "must lie after cutoff: it is when the client was lost or came back", "at")
    return told
