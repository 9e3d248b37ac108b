"""Programs that write to a log or read it, to be started by the tests as processes of their own, and killed.

`python writers.py PROGRAM ADDRESS ...` opens the log, says `ready`, waits for a line and begins. What it says it writes
line by line at once, so that a line which the test reads was said before the program died.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from random import Random

from retention_engine import Complained, Engaged, Event
from retention_engine.errors import KeyReused, LogError
from retention_engine.log import EventLog, create_log, open_log

AT = "2026-01-01"
SHARED_CLIENT = "shared"
BULK_STEPS = 200


def batch(writer: str, number: int) -> list[Event]:
    """What a writer records in its step of this number: a batch over three clients, or every fourth time one event."""
    clients = [SHARED_CLIENT] if number % 4 == 3 else [f"{writer}-one", f"{writer}-two", SHARED_CLIENT]
    return [Engaged(client=client, at=AT, id=f"{writer}/{number}", note="x" * (number % 300)) for client in clients]


def contested(number: int, clients: int) -> Event:
    """The event that all racing processes record."""
    return Engaged(client=f"client-{number % clients:02}", at=AT, id=f"event-{number:03}", note=f"the event {number}")


def say(word: str, number: int = 0) -> None:
    """One line on standard output, written at once and whole."""
    os.write(1, f"{word} {number}\n".encode())


def tell(**found: object) -> None:
    """What a program found, as JSON."""
    os.write(1, json.dumps(found).encode())


def append(log: EventLog, writer: str) -> None:
    """Record step after step, and acknowledge each when the log has."""
    begin()
    for number in count():
        log.record_many(batch(writer, number))
        say("recorded", number)


def append_some(log: EventLog, writer: str, steps: str) -> None:
    """Record so many steps."""
    begin()
    for number in range(int(steps)):
        log.record_many(batch(writer, number))


def race(log: EventLog, seed: str, events: str, clients: str) -> None:
    """Record events that others record at the same time, in an order of its own; then other content under their ids."""
    order = list(range(int(events)))
    Random(int(seed)).shuffle(order)  # noqa: S311 - an order, not a secret
    begin()
    new = sum(log.record(contested(number, int(clients))).new for number in order)
    refused = 0
    for number in order[:20]:
        wanted = contested(number, int(clients))
        try:
            log.record(Complained(client=wanted.client, at=AT, id=wanted.id))
        except KeyReused:
            refused += 1
    tell(new=new, refused=refused)


def follow(log: EventLog) -> None:
    """Read by client and by position over and over until standard input closes; tell what was seen, and what was torn."""
    begin()
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    tailed: list[Event] = []
    torn: list[str] = []
    rounds, unordered = 0, 0
    more = True
    while more:
        more = not ended.is_set()  # read once more after the last write
        fresh = list(log.tail(tailed[-1].position if tailed else 0))
        places = [event.position for event in tailed[-1:] + fresh]
        unordered += places != sorted(set(places))
        tailed += fresh
        torn += half_batches(tailed)
        torn += half_batches([event for _, events in log.clients() for event in events])
        rounds += 1
    tell(seen=len(tailed), torn=torn, rounds=rounds, unordered=unordered)


def half_batches(events: Sequence[Event]) -> list[str]:
    """The ids of the batches of which some events are there and some are not."""
    clients: dict[str, set[str]] = {}
    for event in events:
        clients.setdefault(str(event.id), set()).add(event.client)
    return [step for step, found in clients.items() if found != {event.client for event in _step(step)}]


def _step(name: str) -> list[Event]:
    writer, _, number = name.rpartition("/")
    return batch(writer, int(number))


def bulk(log: EventLog, writer: str) -> None:
    """Store many events in one transaction, telling how far it is."""
    begin()
    with log.appending() as appending:
        for step in range(BULK_STEPS):
            appending.append([(Engaged(client=f"{writer}-{number}", at=AT), None) for number in range(100)])
            say("appended", step)
    say("committed")


def interrupted(log: EventLog, writer: str, steps: str) -> None:
    """Record and read, step after step, each with a Ctrl-C at a random moment; then see whether the log can still be used."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)  # raises KeyboardInterrupt, as Ctrl-C does
    random = Random(int(steps))  # noqa: S311 - moments, not secrets
    started = time.perf_counter()
    for number in range(10):
        log.record_many(batch(f"{writer}-before", number))
        log.client(SHARED_CLIENT)
    usual = (time.perf_counter() - started) / 10
    begin()
    done: list[int] = []
    for number in range(int(steps)):
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 1.3 * usual))
            log.record_many(batch(writer, number))
            done.append(number)
            log.client(f"{writer}-one")
            time.sleep(2 * usual)  # the moment comes, if it has not yet
        except KeyboardInterrupt:
            continue
    errors: list[LogError] = []
    threads = [threading.Thread(target=_record_or_note, args=(log, f"{writer}-{n}", errors)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _record_or_note(log, f"{writer}-end", errors)
    tell(done=done, errors=[str(error) for error in errors])


def _record_or_note(log: EventLog, writer: str, errors: list[LogError]) -> None:
    try:
        log.record_many(batch(writer, 0))
    except LogError as error:
        errors.append(error)


def forget(log: EventLog, *clients: str) -> None:
    """Forget client after client."""
    begin()
    for number, client in enumerate(clients):
        log.forget(client)
        say("forgotten", number)


def copy(log: EventLog, path: str) -> None:
    """Write a copy of the log."""
    begin()
    log.backup(Path(path))
    say("copied")


def forked(log: EventLog) -> None:
    """Fork while a thread writes: the child is refused, and ends as programs do; the parent goes on."""
    begin()
    ended = threading.Event()
    steps = 0

    def write() -> None:
        nonlocal steps
        while not ended.is_set():
            log.record_many(batch("thread", steps))
            steps += 1

    thread = threading.Thread(target=write)
    thread.start()
    outcomes: list[str] = []
    for number in range(5):
        child = os.fork()
        if child == 0:
            refusals = {outcome(lambda: log.client("acme")), outcome(lambda: log.record(batch("child", 3)[0]))}
            log.close()
            sys.exit(0 if refusals == {"LogClosed"} else 1)
        outcomes.append(str(os.waitpid(child, 0)[1]))
        log.record_many(batch("parent", number))
    ended.set()
    thread.join()
    tell(children=outcomes, steps=steps)


def outcome(what: Callable[[], object]) -> str:
    """The class of what was raised, or `done`."""
    try:
        what()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return type(error).__name__
    return "done"


def hold(log: EventLog, seconds: str) -> None:
    """Keep the log locked for a while."""
    begin()
    with log.appending() as appending:
        appending.append([(Engaged(client="holder", at=AT, id="held"), None)])
        say("holding")
        time.sleep(float(seconds))


def begin() -> None:
    """Say that all is ready, and wait until the test says so, too."""
    say("ready")
    sys.stdin.buffer.raw.read(1)


PROGRAMS = {
    program.__name__: program
    for program in (append, append_some, race, follow, bulk, interrupted, forget, copy, forked, hold)
}


def main() -> None:
    """Run a program on a log; `create` makes the log instead."""
    name, address, *rest = sys.argv[1:]
    if name == "create":
        begin()
        create_log(address).close()
        say("created")
        return
    try:
        with open_log(address) as log:
            PROGRAMS[name](log, *rest)
    except LogError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
