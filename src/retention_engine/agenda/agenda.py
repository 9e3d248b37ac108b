"""The agenda of a log: what is coming for every client, kept current event by event, and asked by range."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Self

from ..book import replay
from ..engine import AHEAD, Assessment, Engine
from ..errors import NoAgenda, QuestionError, UnknownClient
from ..findings import Health
from ..log import EventLog
from ..log.agenda_rows import BEGINNING, FOREVER, NO_ROWS, Generation
from ..log.rows import can_be_a_client
from ..stating import RuleFailure
from .answers import (
    AgendaAction,
    AgendaAnswer,
    AgendaBasis,
    AgendaChange,
    AgendaCounts,
    AgendaNews,
    AgendaStatus,
    action_of,
    change_of,
    news_of,
)
from .courses import plain
from .fingerprints import engine_fingerprint
from .following import Follower
from .instants import MICROSECOND, moment_of, number
from .rebuilding import Builder, BuildProgress, Rebuild
from .snapshots import Snapshots
from .telling import passed

MOST_NEWS = 1_000


class Agenda:
    """For each client its coming status changes and open actions, by one rule set, stored beside the log.

    It answers for moments from its horizon on: the latest thing that had happened when it was recorded. There it says what
    a replay of the whole log at that moment says, rules about the whole book aside, which it leaves out. While the log is
    behind, or a build by other rules is under way, its answers say so.

    Safe to use from several threads, and by several processes that each open it. The agenda is not the log's owner: close
    the log yourself.

    Args:
        log: the log.
        engine: the rules.
    """

    def __init__(self, log: EventLog, engine: Engine) -> None:
        self.log = log
        self.engine = engine
        self.fingerprint = engine_fingerprint(engine)
        self._store = log.store.agenda
        self._follower = Follower(log, engine, self.fingerprint)
        self._rebuild: Rebuild | None = None
        self._snapshots = Snapshots(log, self.fingerprint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the log, and stop a build in the background; the next one carries on."""
        self.detach()
        if self._rebuild is not None:
            self._rebuild.stop()

    # Keeping it current.

    def begin(self) -> None:
        """Take part in recordings, and bring the agenda up to date.

        Where there is none, it is built at once; one by other rules answers until another is built in the background.
        """
        self.attach()
        try:
            is_stale = self.basis().is_stale
        except NoAgenda:
            self.rebuild()
        else:
            if is_stale:
                self.rebuild_in_background()
            else:
                self.follow()

    def attach(self) -> None:
        """Take part in every recording by this log object: an event and what follows from it are stored together."""
        self.log.companion = self._follower

    def detach(self) -> None:
        """Take no more part in recordings."""
        if self.log.companion is self._follower:
            self.log.companion = None

    def follow(self, limit: int | None = None) -> int:
        """Catch up with the log, page by page, each page in one transaction.

        Where the agenda is by other rules than these, or there is none, nothing is done: `rebuild` it.

        Args:
            limit: how many events at most; all, where nothing is said.

        Returns:
            How many events were read.
        """
        return self._follower.follow(limit)

    def rebuild(
        self,
        progress: Callable[[BuildProgress], object] | None = None,
        *,
        stop: threading.Event | None = None,
    ) -> AgendaBasis:
        """Build the agenda where there is none by these rules, carrying on where a build was left, and catch up.

        What there is answers meanwhile. Where the agenda is by these rules already, it is `follow`. Whoever asks last
        decides: a build by other rules that is under way is given up.

        Args:
            progress: told after every step how far the build has come.
            stop: set where the build is to stop after the step under way.

        Returns:
            What the agenda is by now: other rules, where another process has asked for a build meanwhile.
        """
        Builder(self._follower, progress, stop).build()
        return self.basis()

    def rebuild_in_background(self) -> Rebuild:
        """The same in a thread of its own."""
        if self._rebuild is None or not self._rebuild.is_running:
            self._rebuild = Rebuild(lambda note, stop: Builder(self._follower, note, stop).build())
        return self._rebuild

    # Asking it.

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """Have all that this thread asks within, news aside, answered from one state, whatever is recorded meanwhile.

        Keep it short: the database keeps that state for as long.

        Raises:
            NoAgenda: none has been built.
        """
        with self._snapshots.hold():
            yield self

    def basis(self) -> AgendaBasis:
        """What the agenda's answers are by at present.

        Raises:
            NoAgenda: none has been built.
        """
        with self._snapshots.read() as snapshot:
            return snapshot.basis

    def changes(self, from_: datetime, to: datetime) -> AgendaAnswer[AgendaChange]:
        """The changes of status in `(from_, to]` if nothing else is recorded, in order.

        Args:
            from_: after when; not before the horizon.
            to: until when, that instant included.

        Raises:
            NoAgenda: none has been built.
            QuestionError: the span begins before the horizon, or ends before it begins.
        """
        after, upto = number(from_), number(to)
        if upto < after:
            raise QuestionError(f"the span ends at {to.isoformat()}, before it begins")
        with self._snapshots.read(after) as (tables, generation, basis, _):
            found = tables.changes(generation.id, after, upto)
        return AgendaAnswer(tuple(map(change_of, found)), basis)

    def due(
        self,
        until: datetime,
        *,
        after: datetime | None = None,
        at: datetime | None = None,
        owner: str | None = None,
    ) -> AgendaAnswer[AgendaAction]:
        """The actions that are open at a moment and due by another, the first due first.

        Args:
            until: by when they are due, that instant included; what is overdue is listed, too.
            after: those due after this alone, such as what falls due within a day, without what is overdue.
            at: the moment; now, where none is given.
            owner: those for clients of this owner alone; an empty text stands for clients without one.

        Raises:
            NoAgenda: none has been built.
            QuestionError: the moment is before the horizon.
        """
        with self._snapshots.read(None if at is None else number(at)) as (tables, generation, basis, _):
            since = BEGINNING if after is None else number(after)
            whose = None if owner is None else plain(owner)
            found = tables.due(generation.id, since, number(until), self._moment(at, generation), whose)
        return AgendaAnswer(tuple(map(action_of, found)), basis)

    def assess_due(
        self,
        *,
        at: datetime | None = None,
        ahead: timedelta = AHEAD,
        owners: Collection[str | None] | None = None,
    ) -> Iterator[Assessment]:
        """The clients with actions open at a moment and due by so much after it, each assessed from its history.

        They are those that a replay of the whole log finds, with all that it says of them, and no others are read. Clients
        with a rule that fails come with them, and those with events that the agenda has yet to follow, so that nothing is
        missed that is recorded by now, or by when a snapshot began; what is recorded later is not seen. It is what
        `worklist_of` takes.

        Args:
            at: the moment; now, where none is given.
            ahead: how far ahead of it actions are looked for; clients with overdue ones are among those found.
            owners: whose actions; `None` among them stands for clients without an owner. All, where nothing is said.

        Raises:
            NoAgenda: none has been built.
            QuestionError: the moment is before the horizon, or the agenda is by other rules than these.
            TypeError: `owners` is a single text.
        """
        if isinstance(owners, str):
            raise TypeError(f"owners takes several names; write [{owners!r}]")
        with self._snapshots.read(None if at is None else number(at)) as (tables, generation, basis, upto):
            if basis.is_stale:
                raise QuestionError("the agenda is by other rules or settings; rebuild it first, or replay the log")
            asked = self._moment(at, generation)
            asked_for = [None] if owners is None else [plain(owner or "") for owner in owners]
            until = min(max(BEGINNING, asked + ahead // MICROSECOND), FOREVER)
            found = [tables.due(generation.id, BEGINNING, until, asked, whose) for whose in asked_for]
            names = {row.client for rows in found for row in rows}
            names |= {row.client for row in tables.failures(generation.id, asked)}
            names |= {*tables.forgotten(generation.id)}
        names |= {event.client for event in takewhile(lambda it: it.position <= upto, self.log.tail(basis.position))}
        histories = (
            (name, [event for event in self.log.client(name) if event.position <= upto]) for name in sorted(names)
        )
        return replay(histories, self.engine, at=moment_of(asked))

    def owners(self) -> AgendaAnswer[str]:
        """Whose clients have actions in the agenda, by name; an empty text stands for clients without an owner.

        Raises:
            NoAgenda: none has been built.
        """
        with self._snapshots.read() as (tables, generation, basis, _):
            return AgendaAnswer(tuple(tables.owners(generation.id)), basis)

    def status(self, client: str, at: datetime | None = None) -> AgendaStatus:
        """A client's status at a moment, with its open actions and the next change.

        Args:
            client: the client's id.
            at: the moment; now, where none is given.

        Raises:
            NoAgenda: none has been built.
            UnknownClient: nothing is known of the client at that moment.
            QuestionError: the moment is before the horizon.
        """
        with self._snapshots.read(None if at is None else number(at)) as (tables, generation, basis, _):
            names = [client] if can_be_a_client(client) else []
            rows = tables.rows_of(generation.id, names).get(client, NO_ROWS)
            asked = self._moment(at, generation)
        status = rows.status(asked)
        if status is None:
            raise UnknownClient(f"nothing is known of the client {client!r} as of {moment_of(asked).isoformat()}")
        coming = next((spell for spell in rows.spells if spell.starts > asked), None)
        due = sorted(
            (row for row in rows.actions if row.opens <= asked < row.closes),
            key=lambda row: (row.due, row.rule, row.about or ""),
        )
        return AgendaStatus(
            client=client,
            at=moment_of(asked),
            status=Health(status),
            next_change=None if coming is None else change_of(coming),
            actions=tuple(map(action_of, due)),
            failing=tuple(row.rule for row in rows.failures if row.starts <= asked < row.until),
            basis=basis,
        )

    def counts(self, at: datetime | None = None) -> AgendaCounts:
        """How many clients are at each level at a moment; this looks at one row of each client.

        Args:
            at: the moment; now, where none is given.

        Raises:
            NoAgenda: none has been built.
            QuestionError: the moment is before the horizon.
        """
        with self._snapshots.read(None if at is None else number(at)) as (tables, generation, basis, _):
            asked = self._moment(at, generation)
            counted = tables.counts(generation.id, asked)
            failing = {row.client for row in tables.failures(generation.id, asked)}
        by_status = {level: counted.get(int(level), 0) for level in Health}
        return AgendaCounts(moment_of(asked), by_status, len(failing), basis)

    def failures(self, at: datetime | None = None) -> AgendaAnswer[RuleFailure]:
        """The rules that can't be evaluated at a moment, by client; the status of such a client is no better than `unknown`.

        Args:
            at: the moment; now, where none is given.

        Raises:
            NoAgenda: none has been built.
            QuestionError: the moment is before the horizon.
        """
        with self._snapshots.read(None if at is None else number(at)) as (tables, generation, basis, _):
            found = tables.failures(generation.id, self._moment(at, generation))
        origin = {rule.name: rule.rule.distribution for rule in self._follower.engine.rules}
        failures = (RuleFailure(row.rule, row.client, row.cause, origin.get(row.rule, "")) for row in found)
        return AgendaAnswer(tuple(failures), basis)

    # News.

    def news(
        self, after: int = 0, *, until: datetime | None = None, limit: int = MOST_NEWS
    ) -> AgendaAnswer[AgendaNews]:
        """The changes of status that have come to pass, each once, in the order in which they became known.

        Whoever remembers the `seq` of the last one that was dealt with misses none. News begin with the first time that
        somebody asks for them; from then on each client's news follow one another without a gap. A change of the rules is
        no news.

        Args:
            after: those behind this `seq` alone.
            until: up to when what comes with time has come; now, where nothing is said.
            limit: how many at most.

        Raises:
            NoAgenda: none has been built.
            QuestionError: there has been no such `seq` yet, as when it was that of another log.
        """
        moment = number(self.log.clock() if until is None else until)
        with self._snapshots.read() as snapshot:
            told = snapshot.tables.state().told
        if told is None or told < moment:
            self._tell(moment)
        with self._snapshots.read() as (tables, _, basis, _):
            found = tables.news(after, limit)
            if not found and after > (last := tables.last_news()):
                raise QuestionError(
                    f"there is no news {after} yet, the last is {last}: that is the place of another log, or of this one "
                    "before it was restored; begin again from 0"
                )
        return AgendaAnswer(tuple(map(news_of, found)), basis)

    def prune_news(self, upto: int) -> None:
        """Remove the news up to a `seq`, once everybody has dealt with them."""
        with self.log.store.writing() as writing:
            self._store.within(writing).prune(upto)

    def _tell(self, moment: int) -> None:
        with self.log.store.writing() as writing:
            tables = self._store.within(writing)
            state = tables.state()
            if state.told is not None and state.told >= moment:
                return
            if state.told is not None and state.active is not None:
                spells = tables.changes(state.active.id, state.told, moment)
                position = state.active.position or 0
                tables.tell([passed(spell, position) for spell in spells if not spell.is_past])
            tables.set_told(moment)

    def _moment(self, at: datetime | None, generation: Generation) -> int:
        """The moment asked about; now, where none is given, or the horizon where another clock is ahead of ours."""
        return max(number(self.log.clock()), generation.horizon) if at is None else number(at)
