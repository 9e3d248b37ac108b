"""What a day brings: the changes of status within it if nothing happens, and the actions that fall due in it."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from answers import Item
from contenders import limit, ours
from handwritten import LEFT, History, stated, status_at
from made_files import Made
from workload import MOMENT, PEOPLE

from retention_engine import Assessment, worklist_of
from retention_engine.agenda import Agenda
from retention_engine.book import replay
from retention_engine.log import open_log

OWNER = PEOPLE[0]
END = MOMENT + timedelta(days=1)
"""The day lasts from just after the moment until this."""

_CHANGES = """
    WITH boundaries AS (
        SELECT client, starts AS b FROM concerns WHERE starts > $moment AND starts <= $until
        UNION SELECT client, until FROM concerns WHERE until > $moment AND until <= $until
    ), points AS (
        SELECT client, b FROM boundaries UNION SELECT client, $moment FROM boundaries
    ), levels AS (
        SELECT client, b, coalesce(max(level) FILTER (starts <= b AND (until IS NULL OR b < until)), 0) AS level
        FROM points JOIN concerns USING (client) GROUP BY client, b
    ), turns AS (
        SELECT client, b, lag(level) OVER (PARTITION BY client ORDER BY b) AS before, level FROM levels
    )
    SELECT client, epoch_us(b), before, level FROM turns WHERE before <> level
"""
_DUE = f"""
    SELECT client, rule, epoch_us(due) FROM actions JOIN statuses USING (client)
    WHERE due > $moment AND due <= $until AND status <> {LEFT}
"""  # noqa: S608 - a constant of ours


def from_agenda(made: Made) -> Iterator[Item]:
    """The agenda looks it up, as in a program that has it open."""
    log = open_log(made.address, read_only=True)
    agenda = Agenda(log, ours.engine())
    agenda.basis()  # a program that has it open has asked it before

    def answers() -> Iterator[Item]:
        yield from _of_the_day(agenda)
        log.close()

    return answers()


def from_agenda_opened(made: Made) -> Iterator[Item]:
    """The same with opening the log and its agenda, as a command does."""
    with open_log(made.address, read_only=True) as log:
        yield from _of_the_day(Agenda(log, ours.engine()))


def _of_the_day(agenda: Agenda) -> Iterator[Item]:
    for change in agenda.changes(MOMENT, END):
        yield change.client, change.at, int(change.before or 0), int(change.after)
    for action in agenda.due(END, after=MOMENT, at=MOMENT):
        yield action.client, action.rule, action.due


def worklist_from_agenda(made: Made) -> Iterator[Item]:
    """All that is open, overdue or due within the day, with opening the log and its agenda."""
    with open_log(made.address, read_only=True) as log:
        for action in Agenda(log, ours.engine()).due(END, at=MOMENT):
            yield action.client, action.rule, action.due


def from_replay(made: Made) -> Iterator[Item]:
    """Every client assessed anew from the log."""
    with open_log(made.address, read_only=True) as log:
        for found in replay(log.clients(), ours.engine(), at=MOMENT):
            client = found.client.id
            for change in found.schedule.changes(MOMENT):
                if change.at > END:
                    break
                yield client, change.at, int(change.before), int(change.after)
            for action in found.actions:
                if MOMENT < action.due <= END:
                    yield client, action.rule, action.due


def by_hand(made: Made) -> Iterator[Item]:
    """The limit: every client from the log, by hand."""
    gathered: dict[str, list[Any]] = {}
    for page in limit.pages(made, "SELECT state FROM stored_events ORDER BY rowid"):
        for fact in page:
            gathered.setdefault(fact.client, []).append(fact)
    for client, facts in gathered.items():
        concerns, actions = stated(History(facts))
        instants = {it for _, starts, until in concerns for it in (starts, until) if it and MOMENT < it <= END}
        before = status = status_at(concerns, MOMENT)
        for instant in sorted(instants):
            after = status_at(concerns, instant)
            if after != before:
                yield client, instant, before, after
                before = after
        if status != LEFT:
            yield from ((client, rule, due) for rule, due in actions if MOMENT < due <= END)


def in_duckdb(made: Made) -> Iterator[Item]:
    """DuckDB over the same events in Parquet."""
    from contenders import duck

    def answers() -> Iterator[Item]:
        database = duck.stated(made)
        duck.statuses(database, MOMENT)
        day = {"moment": MOMENT, "until": END}
        yield from database.execute(_CHANGES, day).fetchall()
        yield from database.execute(_DUE, day).fetchall()

    return answers()


def worklist_in_duckdb(made: Made) -> Iterator[Item]:
    """All that is open, overdue or due within the day."""
    from contenders import duck

    def answers() -> Iterator[Item]:
        database = duck.stated(made)
        duck.statuses(database, MOMENT)
        yield from database.execute(duck.DUE, {"horizon": END}).fetchall()

    return answers()


def owner_from_agenda(made: Made) -> Iterator[Item]:
    """One owner's worklist, with its order, budget and cooldown: the agenda names the clients, who are read and assessed."""
    with open_log(made.address, read_only=True) as log:
        yield from _entries(Agenda(log, ours.engine()).assess_due(at=MOMENT, owners=[OWNER]))


def owner_from_replay(made: Made) -> Iterator[Item]:
    """The same from the whole log."""
    with open_log(made.address, read_only=True) as log:
        yield from _entries(replay(log.clients(), ours.engine(), at=MOMENT))


def _entries(assessments: Iterable[Assessment]) -> Iterator[Item]:
    found = worklist_of(assessments, at=MOMENT, owners=[OWNER])
    for place, entry in enumerate((*found.today, *found.waiting)):
        yield entry.client, place, entry.waiting is None, int(entry.status), entry.due, len(entry.actions)


def worklist_from_replay(made: Made) -> Iterator[Item]:
    """The same from the log."""
    with open_log(made.address, read_only=True) as log:
        for found in replay(log.clients(), ours.engine(), at=MOMENT):
            for action in found.due(END - MOMENT):
                yield found.client.id, action.rule, action.due
