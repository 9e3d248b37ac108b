"""The limit: what hand-written code makes of our log when it knows its question, its rules and its moment beforehand.

Rows straight from SQLite, decoded page by page into `msgspec` Structs, and histories and rules by hand. No checksums, no
retractions, no settings, no evidence, no messages.
"""

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from answers import Item
from handwritten import AHEAD, WholeEvent, assessed
from made_files import Made
from workload import MOMENT

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import by_hand

PAGE = 5_000

BY_CLIENT = "SELECT state FROM stored_events ORDER BY originator_id, originator_version"

_WHOLE = msgspec.json.Decoder(list[WholeEvent])


def full(made: Made) -> Iterator[Item]:
    """Whole events, gathered by client in memory, read in the order in which they lie in the file."""
    histories: dict[str, list[Any]] = {}
    for page in pages(made, "SELECT state FROM stored_events ORDER BY rowid"):
        for fact in page:
            facts = histories.get(fact.client)
            if facts is None:
                facts = histories[fact.client] = []
            facts.append(fact)
    for client, facts in histories.items():
        yield from assessed(client, facts, MOMENT)


def full_streamed(made: Made) -> Iterator[Item]:
    """Whole events, those of one client in memory at a time, read in the order of the clients."""
    client = ""
    facts: list[Any] = []
    for page in pages(made, BY_CLIENT):
        for fact in page:
            if fact.client != client:
                if facts:
                    yield from assessed(client, facts, MOMENT)
                client, facts = fact.client, []
            facts.append(fact)
    if facts:
        yield from assessed(client, facts, MOMENT)


def full_told(made: Made) -> Iterator[Item]:
    """By hand as well, but with all that a verdict tells: evidence, messages, retractions, verdicts of people."""
    for found in by_hand.replay(made.log, MOMENT):
        yield found.client, found.status
        yield from ((found.client, it.rule, it.due) for it in found.actions if it.due <= MOMENT + AHEAD)


def pages(made: Made, statement: str) -> Iterator[list[Any]]:
    """The events that a question to the log gives, a page at a time."""
    connection = sqlite3.connect(f"file:{made.log}?mode=ro", uri=True, isolation_level=None)
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute(f"PRAGMA mmap_size = {1 << 40}")
    rows = connection.execute(statement)
    while page := rows.fetchmany(PAGE):
        yield _WHOLE.decode(b"[" + b",".join([state for (state,) in page]) + b"]")
    connection.close()
