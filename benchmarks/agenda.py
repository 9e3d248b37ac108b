"""What the agenda costs and saves: an event with its agenda beside the event alone, a day's question beside a replay.

Records events of one client with a history of 20, 1,000 and 10,000 events, durably, in a log with an agenda and in one
without, by turns. Then asks the changes and dues of one day of the agenda of 2,000 clients, beside a full replay.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
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
RULES = {
    "essentials": Engine(Settings().choose()),
    "all rules": Engine(BoundRule(rule) for rule in BUILT_IN),
}


def main() -> None:
    """Measure and print."""
    given = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [
            (name, count, recording(Path(folder), name, count, given.pairs)) for name in RULES for count in HISTORIES
        ]
        rows = [_row(f"{each.name}, {count:,} events, {name}", each) for name, count, pair in found for each in pair]
        table(("", "ms", "times", "from", "to"), rows)
        print()
        for name, count, (_, with_agenda) in found:
            target(f"an event with its agenda, {count:,} events, {name}, times it alone", with_agenda.ratio, MOST_TIMES)
        print()
        asked = question(Path(folder), given.pairs)
        table(("", "ms", "times", "from", "to"), [_row(each.name, each) for each in asked])


def recording(folder: Path, rules: str, count: int, pairs: int) -> list[Compared]:
    """An event recorded in a log without an agenda, and in one with it."""
    alone = _log(folder / f"{rules}-{count}-alone.db", events(count))
    both = _log(folder / f"{rules}-{count}.db", events(count))
    with alone, both, Agenda(both, RULES[rules]) as agenda:
        agenda.rebuild()
        agenda.attach()
        both.record(Engaged(client="acme", at=END, id="first"))  # the client is read once
        return compare({"alone": _recorded(alone), "with its agenda": _recorded(both)}, pairs)


def question(folder: Path, pairs: int) -> list[Compared]:
    """One day's changes and dues, from the agenda and from a replay; both are held against each other first."""
    made = [decode(line, position=place) for place, line in enumerate(lines(CLIENTS, EVENTS), start=1)]
    with _log(folder / "book.db", made) as log, Agenda(log, RULES["essentials"]) as agenda:
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


def _log(path: Path, history: Sequence[Event]) -> EventLog:
    log = create_log(f"sqlite:///{path}")
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
