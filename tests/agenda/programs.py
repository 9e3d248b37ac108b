"""Programs that record with an agenda, follow a log or build an agenda, to be started by the tests and killed.

`python programs.py PROGRAM ADDRESS ...` opens the log, says `ready`, waits for a line and begins; see `log/writers.py`.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from log.writers import begin, say, tell
from retention_engine import (
    Agenda,
    Complained,
    Engaged,
    Engine,
    Event,
    Judged,
    Left,
    Profiled,
    Renewed,
    Resolved,
    Retracted,
    Settings,
    open_log,
)
from retention_engine.agenda import rebuilding
from retention_engine.errors import LogError
from retention_engine.log import EventLog

CLIENTS = 40
START = datetime(2026, 1, 1, tzinfo=UTC)
ESSENTIALS = Engine(Settings().choose())
ENGINES = [ESSENTIALS, Engine(ESSENTIALS.rules[::2]), Engine(ESSENTIALS.rules[1:])]


def life(writer: str) -> Iterator[list[Event]]:
    """What a writer records, portion by portion, without end: some of it late, ahead of its time, or taken back."""
    random = Random(writer)  # noqa: S311 - a story, not a secret
    for number in count():
        client = f"client-{random.randrange(CLIENTS):02}"
        at = START + timedelta(hours=number) + timedelta(days=random.choice([0, 0, 0, 0, -20, 400]))
        said = {"client": client, "at": at, "id": f"{writer}/{number}"}
        kind = random.choice([Engaged, Engaged, Engaged, Complained, Resolved, Renewed, Profiled, Judged, Left])
        more = {
            Engaged: {"direction": random.choice(["inbound", "outbound", "two_way"])},
            Resolved: {"complaint": f"{writer}/{random.randrange(number + 1)}"},
            Renewed: {"term_end": at + timedelta(days=random.choice([30, 365]))},
            Profiled: {"tier": random.choice(["key", "standard"]), "owner": random.choice(["jo", "max"])},
            Judged: {"level": "watch", "reason": "met", "until": at + timedelta(days=10)},
        }
        yield [kind(**said, **more.get(kind, {}))]
        if random.random() < 0.1:
            yield [Retracted(client=client, at=at, id=f"{writer}/{number}/gone", event=f"{writer}/{number}")]
        if random.random() < 0.1:
            others = random.sample(range(CLIENTS), 5)
            yield [Engaged(client=f"client-{it:02}", at=at, id=f"{writer}/{number}/all") for it in others]


def record(log: EventLog, writer: str, engine: str) -> None:
    """Record portion after portion with an agenda by an engine, acknowledging each."""
    with Agenda(log, ENGINES[int(engine)]) as agenda:
        agenda.attach()
        begin()
        for number, portion in enumerate(life(writer)):
            log.record_many(portion)
            say("recorded", number)


def record_alone(log: EventLog, writer: str, portions: str) -> None:
    """Record so many portions without an agenda."""
    begin()
    for _, portion in zip(range(int(portions)), life(writer), strict=False):
        log.record_many(portion)
    say("done")


def follow(log: EventLog, engine: str) -> None:
    """Follow the log over and over, a few events at a time."""
    with Agenda(log, ENGINES[int(engine)]) as agenda:
        begin()
        for number in count():
            agenda.follow(1 + number % 7)
            say("followed", agenda.basis().position)


def follow_to(log: EventLog, engine: str, position: str) -> None:
    """Follow the log up to a position; tell how many events were followed."""
    with Agenda(log, ENGINES[int(engine)]) as agenda:
        begin()
        followed = 0
        while agenda.basis().position < int(position):
            followed += agenda.follow(3)
        tell(followed=followed)


def rebuild(log: EventLog, first: str) -> None:
    """Build the agenda of one engine after the other."""
    rebuilding.CLIENTS = 3
    begin()
    for number in count(int(first)):
        Agenda(log, ENGINES[number % len(ENGINES)]).rebuild(lambda progress: say("built", progress.done))
        say("rebuilt", number)


def news(log: EventLog, engine: str) -> None:
    """Ask for news over and over, and say the number of each."""
    with Agenda(log, ENGINES[int(engine)]) as agenda:
        begin()
        seq = 0
        for number in count():
            agenda.follow()
            for item in agenda.news(seq, until=START + timedelta(days=10 * number)):
                seq = item.seq
                say("news", seq)


PROGRAMS = {program.__name__: program for program in (record, record_alone, follow, follow_to, rebuild, news)}


def main() -> None:
    """Run a program on a log."""
    name, address, *rest = sys.argv[1:]
    try:
        with open_log(address) as log:
            PROGRAMS[name](log, *rest)
    except LogError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
