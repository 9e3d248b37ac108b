"""What the agenda costs and saves: an event with its agenda beside the event alone, a day's question beside a replay.

Records events of one client with a history of 20, 1,000 and 10,000 events, durably, in a log with an agenda and in one
without, by turns. Then asks the changes and dues of one day of the agenda of 2,000 clients, beside a full replay.
The logs are SQLite files; with `--postgres` they are schemas of that database, which are dropped in the end.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from made_log import lines
from side_by_side import Compared, Cost, compare, parser, table, target
from timelines import END, events

from retention_engine import (
    BUILT_IN,
    Agenda,
    BoundRule,
    Engaged,
    Engine,
    Event,
    Settings,
    create_log,
    days,
    decode,
    replay,
)
from retention_engine.log import EventLog
from retention_engine.log.rows import key_of

HISTORIES = (20, 1_000, 10_000)
AT_A_TIME = 25
CLIENTS, EVENTS = 2_000, 40_000
MOST_TIMES = 3

Place = Callable[[str], str]
"""The address of a log by its name."""
RULES = {
    "essentials": Engine(Settings().choose()),
    "all rules": Engine(BoundRule(rule) for rule in BUILT_IN),
}


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--postgres", metavar="ADDRESS", help="such as postgresql://postgres@localhost/postgres")
    given = options.parse_args()
    with addresses(given.postgres) as place:
        found = [(name, count, recording(place, name, count, given.pairs)) for name in RULES for count in HISTORIES]
        rows = [_row(f"{each.name}, {count:,} events, {name}", each) for name, count, pair in found for each in pair]
        table(("", "ms", "times", "from", "to"), rows)
        print()
        for name, count, (_, with_agenda) in found:
            target(f"an event with its agenda, {count:,} events, {name}, times it alone", with_agenda.ratio, MOST_TIMES)
        print()
        asked = question(place, given.pairs)
        table(("", "ms", "times", "from", "to"), [_row(each.name, each) for each in asked])


@contextmanager
def addresses(postgres: str | None) -> Iterator[Place]:
    """Where logs can be made, and are gone in the end."""
    if postgres is None:
        with tempfile.TemporaryDirectory() as folder:
            yield lambda name: f"sqlite:///{Path(folder, name)}.db"
        return
    import psycopg

    begins = f"bench_{os.getpid()}_"
    try:
        yield lambda name: f"{postgres}{'&' if '?' in postgres else '?'}schema={begins}{name}"
    finally:
        with psycopg.connect(postgres, autocommit=True) as connection:
            found = connection.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", (begins,))
            for (schema,) in found.fetchall():
                connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


def recording(place: Place, rules: str, count: int, pairs: int) -> list[Compared]:
    """An event recorded in a log without an agenda, and in one with it."""
    name = f"{rules.replace(' ', '_')}_{count}"
    alone = _log(place(f"{name}_alone"), events(count))
    both = _log(place(name), events(count))
    with alone, both, Agenda(both, RULES[rules]) as agenda:
        agenda.rebuild()
        agenda.attach()
        both.record(Engaged(client="acme", at=END, id="first"))  # the client is read once
        return compare({"alone": _recorded(alone), "with its agenda": _recorded(both)}, pairs)


def question(place: Place, pairs: int) -> list[Compared]:
    """One day's changes and dues, from the agenda and from a replay; both are held against each other first."""
    made = [decode(line, position=place) for place, line in enumerate(lines(CLIENTS, EVENTS), start=1)]
    with _log(place("book"), made) as log, Agenda(log, RULES["essentials"]) as agenda:
        horizon = agenda.rebuild().horizon
        assert horizon is not None  # noqa: S101 - the log has events
        to = horizon + days(1)

        def asked() -> tuple[object, object]:
            return agenda.changes(horizon, to).items, agenda.due(to, at=horizon).items

        def replayed() -> tuple[object, object]:
            found = list(replay(log.clients(), RULES["essentials"], at=horizon))
            changes = [(it.client.id, it.next_change) for it in found if it.next_change and it.next_change.at <= to]
            return changes, [action for it in found for action in it.actions if action.due <= to]

        (changes, due), (known_changes, known_due) = asked(), replayed()
        assert {it.client for it in changes} == {client for client, _ in known_changes}  # type: ignore[attr-defined]  # noqa: S101 - a benchmark of wrong answers is worth nothing
        assert sorted(it.id for it in due) == sorted(it.id for it in known_due)  # type: ignore[attr-defined]  # noqa: S101 - the same
        print(f"{CLIENTS:,} clients, {EVENTS:,} events: {len(changes)} changes, {len(due)} due")  # type: ignore[arg-type]
        return compare({"a full replay": _timed(replayed), "the agenda": _timed(asked)}, pairs)


def _log(address: str, history: Sequence[Event]) -> EventLog:
    log = create_log(address)
    with log.appending() as appending:
        appending.append([(event, key_of(event)) for event in history])
    return log


def _recorded(log: EventLog) -> Callable[[], Cost]:
    """The time of recording some events, one by one: the disk's part counts, too."""
    done = 0

    def record() -> None:
        nonlocal done
        for _ in range(AT_A_TIME):
            done += 1
            log.record(Engaged(client="acme", at=END + timedelta(minutes=done), id=f"new-{done}"))

    return _timed(record, AT_A_TIME)


def _timed(work: Callable[[], object], times: int = 1) -> Callable[[], Cost]:
    def run() -> Cost:
        start = time.perf_counter()
        work()
        return Cost((time.perf_counter() - start) / times)

    return run


def _row(name: str, each: Compared) -> tuple[str, ...]:
    ratios = (each.ratio, min(each.ratios), max(each.ratios))
    return (name, f"{each.cpu * 1000:.2f}", *(f"{ratio:.3f}" for ratio in ratios))


if __name__ == "__main__":
    main()
