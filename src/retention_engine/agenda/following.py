"""Following the log: the clients concerned are assessed anew, and their rows stored together with the position reached."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ..engine import Engine
from ..events import Event
from ..log import EventLog
from ..log.agenda_rows import NO_ROWS, ClientRows, Generation, NewsRow, State
from ..log.agenda_tables import AgendaTables
from ..log.event_log import Fresh
from ..log.rows import Columns, Row, events_of
from ..log.store import Writing
from .instants import number
from .kept import Keeper, KeptClient, MadeClient, made
from .telling import news_between

PAGE = 500
"""How many events are followed in one transaction where few are behind; their clients are kept."""

LARGE_PAGE = 200_000
"""The same where many are, as after an import; each of their clients is worked out once for all of these events."""

MOST_CLIENTS = 10_000
"""About how many clients are stored in one transaction, for which others who record have to wait."""

STEPS_BACK = 4
"""How much smaller the pages become where somebody else was quicker, whose work is then done in vain."""

MOST_AT_ONCE = 256
"""How many events are taken in within the transaction that records them; more are left to be followed later."""

_LOGGER = logging.getLogger("retention_engine")


class Source(Protocol):
    """Where a client's stored events come from: the log, or a transaction that writes to it."""

    def rows(self, client: str) -> Sequence[Row]:
        """A client's rows in the order of their versions."""


class LogSource:
    """A log as everybody sees it."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def rows(self, client: str) -> Sequence[Row]:
        """A client's rows in the order of their versions."""
        return self._log.store.client(client)


class Work(NamedTuple):
    """What following some events comes to.

    Attributes:
        clients: the clients concerned as they are now.
        before: the rows that the agenda has on them.
        forgotten: those that were forgotten, and are made anew.
        position: how far the log has then been followed.
    """

    clients: Sequence[KeptClient | MadeClient]
    before: dict[str, ClientRows]
    forgotten: Sequence[str]
    position: int


class Follower:
    """Keeps one rule set's agenda current with a log.

    Args:
        log: the log.
        engine: the rules.
        fingerprint: that of the rules.
    """

    def __init__(self, log: EventLog, engine: Engine, fingerprint: str) -> None:
        self.log = log
        self.engine = engine
        self.fingerprint = fingerprint
        self.keeper = Keeper()
        self._store = log.store.agenda
        self._has_tables = False

    # Within the transaction that records.

    def take_in(self, writing: Writing, fresh: Sequence[Fresh]) -> Callable[[], None]:
        """Take in events that were just stored; where that fails they stay stored, and are followed later."""
        try:
            return self._take_in(writing, fresh)
        except Exception:
            _LOGGER.exception("the agenda of %s could not take an event in, and follows later", self.log.store.name)
            return _nothing

    def _take_in(self, writing: Writing, fresh: Sequence[Fresh]) -> Callable[[], None]:
        tables = self._store.within(writing)
        with tables.attempt():
            self._has_tables = self._has_tables or tables.exist()
            state = tables.state() if self._has_tables else None
            generation = None if state is None else state.active
            if state is None or generation is None or generation.fingerprint != self.fingerprint:
                return _nothing
            if len(fresh) > MOST_AT_ONCE:
                return _nothing
            if _first_behind(writing, generation, fresh) != fresh[0][1]:
                return self._catch_up  # others have recorded without the agenda
            work = self._work(tables.rows_of, writing, generation, state, by_client_fresh(fresh), fresh[-1][1])
            self._store_work(tables, state, generation, work, telling=True)
        place = (generation.id, state.epoch)
        return lambda: self._keep(work, place)

    def _keep(self, work: Work, place: tuple[int, int]) -> None:
        self.keeper.keep([client for client in work.clients if isinstance(client, KeptClient)], place)

    def _catch_up(self) -> None:
        try:
            self.follow(PAGE)
        except Exception:
            _LOGGER.exception("the agenda of %s could not catch up, and follows later", self.log.store.name)

    # On its own.

    def follow(self, limit: int | None = None, *, progress: Callable[[int, int], object] | None = None) -> int:
        """Follow the log, to where it ends by now, with the build that answers, if it is by these rules.

        Args:
            limit: how many events at most.
            progress: told after each of several steps how many events were read, and of how many.

        Returns:
            How many events were read.
        """
        head = self.log.head()  # others may record faster than this follows: there has to be an end
        followed, page = 0, LARGE_PAGE
        while limit is None or followed < limit:
            with self._store.reading() as tables:
                generation = tables.state().active if tables.exist() else None
                is_there = generation is None or _is_at(head, tables, generation)
            if generation is None or generation.fingerprint != self.fingerprint or is_there:
                break
            count = self.step(generation.id, page if limit is None else min(page, limit - followed), telling=True)
            if count is None:
                break
            followed += count
            page = _page_after(page, count)
            behind = head - (generation.position or 0) - count
            if progress is not None and (behind > 0 or followed > count):
                progress(followed, followed + max(0, behind))
        return followed

    def follow_to_the_end(self, generation_id: int, should_stop: Callable[[], bool]) -> None:
        """Follow the log, to where it ends by now, with a build that does not answer yet."""
        head, page = self.log.head(), LARGE_PAGE
        while not should_stop():
            count = self.step(generation_id, page, telling=False)
            if count is None:
                return
            page = _page_after(page, count)
            with self._store.reading() as tables:
                generation = tables.state().named(generation_id)
                if generation is None or _is_at(head, tables, generation):
                    return

    def finish(self, tables: AgendaTables, writing: Writing, state: State, generation: Generation) -> bool:
        """Follow the last few events within a transaction in which nobody else records; whether they were few."""
        if tables.forgotten(generation.id, 1):
            return False
        tail = writing.tail(generation.position or 0, MOST_AT_ONCE + 1)
        if len(tail) > MOST_AT_ONCE:
            return False
        if tail:
            news = by_client_rows(tail, self.log)
            work = self._work(tables.rows_of, writing, generation, state, news, tail[-1].position)
            self._store_work(tables, state, generation, work, telling=False)
        return True

    def step(self, generation_id: int, limit: int, *, telling: bool) -> int | None:
        """Follow so many events at most with a build, in one transaction.

        Args:
            generation_id: the build's number.
            limit: how many events.
            telling: whether changes of status are news.

        Returns:
            How many events were read, 0 where somebody else was quicker; `None` where there is nothing to follow.
        """
        with self._store.reading() as tables:
            state = tables.state()
            generation = state.named(generation_id)
            forgotten = tables.forgotten(generation_id, limit)
        if generation is None or generation.position is None:
            return None
        tail = () if forgotten else self.log.store.tail(generation.position, min(limit, PAGE + 1))
        if not tail and not forgotten:
            return None
        source, count = LogSource(self.log), len(tail)
        if count > PAGE:
            names, count, upto = self._behind(generation.position, limit)
            work = self._work_at_once(source, generation, names, upto)
        else:
            upto = tail[-1][0] if tail else generation.position
            news = by_client_rows(tail, self.log)
            work = self._work(self._read_rows, source, generation, state, news, upto, forgotten)
        with self.log.store.writing() as writing:
            tables = self._store.within(writing)
            now = tables.state()
            if now.epoch != state.epoch or _place(now.named(generation_id)) != _place(generation):
                return 0
            self._store_work(tables, now, generation, work, telling=telling)
        self._keep(work, (generation.id, state.epoch))
        return count

    def _behind(self, position: int, limit: int) -> tuple[Iterable[str], int, int]:
        """The clients of the events behind a position, so many of either at most; how many events, and up to which."""
        names: dict[str, None] = {}
        count = 0
        while count < limit and len(names) < MOST_CLIENTS:
            rows = self.log.store.tail(position, min(PAGE, limit - count))
            if not rows:
                break
            names.update(dict.fromkeys(row[1] for row in rows))
            count += len(rows)
            position = rows[-1][0]
        return names, count, position

    def _read_rows(self, generation: int, clients: Sequence[str]) -> dict[str, ClientRows]:
        with self._store.reading() as tables:
            return tables.rows_of(generation, clients)

    def _work(
        self,
        rows_of: Callable[[int, Sequence[str]], dict[str, ClientRows]],
        source: Source,
        generation: Generation,
        state: State,
        news: Mapping[str, Sequence[tuple[int, Event]]],
        upto: int,
        forgotten: Sequence[str] = (),
    ) -> Work:
        """Assess the clients concerned by some events, each behind its number in its client's history."""
        self.keeper.at((generation.id, state.epoch))
        clients: list[KeptClient] = []
        before: dict[str, ClientRows] = {}
        for client, events in news.items():
            kept = self.keeper.take(client, events[0][0] - 1)
            if kept is not None:
                rows = kept.rows
                if kept.take([event for _, event in events]):
                    before[client] = rows
                    clients.append(kept)
                    continue
            clients += self._anew(source, client, upto)
        for client in forgotten:
            clients += self._anew(source, client, upto)
        unread = [client.id for client in clients if client.id not in before]
        if unread:
            found = rows_of(generation.id, unread)
            before.update((client, found.get(client, NO_ROWS)) for client in unread)
        return Work(clients, before, forgotten, upto)

    def _work_at_once(self, source: Source, generation: Generation, names: Iterable[str], upto: int) -> Work:
        """Assess the clients concerned by many events, each from its whole history."""
        histories = ((name, self.events(source, name, upto)) for name in names)
        clients = [made(self.engine, name, events) for name, events in histories if events]
        found = self._read_rows(generation.id, [client.id for client in clients])
        return Work(clients, {client.id: found.get(client.id, NO_ROWS) for client in clients}, (), upto)

    def _anew(self, source: Source, client: str, upto: int) -> list[KeptClient]:
        """A client made from its history; none where that begins behind the position."""
        events = self.events(source, client, upto)
        return [KeptClient(self.engine, client, events)] if events else []

    def events(self, source: Source, client: str, upto: int | None = None) -> list[Event]:
        """A client's stored events, up to a position."""
        rows = (row for row in source.rows(client) if upto is None or row.position <= upto)
        return events_of(rows, self.log.kinds)

    def _store_work(
        self, tables: AgendaTables, state: State, generation: Generation, work: Work, *, telling: bool
    ) -> None:
        gone = joined(work.before[client.id].without(client.rows) for client in work.clients)
        come = joined(client.rows.without(work.before[client.id]) for client in work.clients)
        tables.replace(generation.id, gone, come)
        if work.forgotten:
            tables.remember(generation.id, work.forgotten)
        if telling and state.told is not None:
            tables.tell([row for client in work.clients for row in _news(client, work, state.told)])
        horizon = max([generation.horizon, *(number(it.since) for it in work.clients if it.since is not None)])
        if horizon > generation.horizon:
            tables.set_horizon(generation.id, horizon)
        if generation.position is None or work.position > generation.position:
            tables.track(generation.id, work.position)


def _page_after(page: int, count: int) -> int:
    """How many events are to be followed next, after a step that read so many."""
    return min(LARGE_PAGE, page * STEPS_BACK) if count else max(PAGE, page // STEPS_BACK)


def _news(client: KeptClient | MadeClient, work: Work, told: int) -> list[NewsRow]:
    return news_between(client.id, work.before[client.id], client.rows, told, client.learned, work.position)


def by_client_fresh(fresh: Iterable[Fresh]) -> dict[str, list[tuple[int, Event]]]:
    """Events that were just stored, by client."""
    found: dict[str, list[tuple[int, Event]]] = {}
    for version, position, event in fresh:
        found.setdefault(event.client, []).append((version, event.at_position(position)))
    return found


def by_client_rows(rows: Sequence[Columns], log: EventLog) -> dict[str, list[tuple[int, Event]]]:
    """Stored events, by client."""
    found: dict[str, list[tuple[int, Event]]] = {}
    for (_, client, version, *_), event in zip(rows, events_of(rows, log.kinds), strict=True):
        found.setdefault(client, []).append((version, event))
    return found


def _first_behind(writing: Writing, generation: Generation, fresh: Sequence[Fresh]) -> int:
    """The position of the first event that a build has not followed yet."""
    if generation.position is not None and fresh[0][1] == generation.position + 1:
        return fresh[0][1]
    return 0 if generation.position is None else writing.tail(generation.position, 1)[0].position


def _is_at(position: int, tables: AgendaTables, generation: Generation) -> bool:
    """Whether a build has followed the log up to a position, and nobody was forgotten since."""
    is_behind = generation.position is None or generation.position < position
    return not is_behind and not tables.forgotten(generation.id, 1)


def _place(generation: Generation | None) -> tuple[object, ...]:
    return () if generation is None else (generation.id, generation.position)


def joined(several: Iterable[ClientRows]) -> ClientRows:
    """Rows of several clients together."""
    found = list(several)
    return ClientRows(
        tuple(row for rows in found for row in rows.spells),
        tuple(row for rows in found for row in rows.actions),
        tuple(row for rows in found for row in rows.failures),
    )


def _nothing() -> None:
    """Do nothing."""
