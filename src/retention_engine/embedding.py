"""The engine in another application: a log, rules and settings behind one front door."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import attrs

from .agenda import Agenda
from .book import Book, BookAssessment, assess_book, replay, with_book
from .client import Client
from .declare import RuleFunction, rule_of
from .engine import AHEAD, Assessment, Engine, in_order
from .errors import NoAgenda, QuestionError, UnknownClient
from .events import Event
from .formats.report import Report, html_report
from .formats.story import story
from .kinds import KINDS, Kinds
from .log import EventLog, Receipt, create_log, open_log
from .moments import days
from .outlook import Outlook, outlook_of
from .plugins import NO_PLUGINS, Plugins, configure, load_chosen
from .reality import Reality, actual_retention
from .repair import Repair, find_repair
from .scoring import Scorecard, scorecard
from .settings import Settings
from .stating import RuleFailure
from .worklist import Worklist, tasks_of, worklist_of

_LOGGER = logging.getLogger("retention_engine")


class Observer:
    """Told what happens, for metrics and traces; override what is of interest.

    An observer is called in the thread that did the work, after it was done. What it raises is logged and goes no
    further: an event that was recorded stays recorded.
    """

    def recorded(self, event: Event, receipt: Receipt) -> None:
        """An event was recorded, or found to be recorded already."""

    def assessed(self, assessment: Assessment) -> None:
        """A client was assessed."""

    def rule_failed(self, failure: RuleFailure) -> None:
        """A rule could not be evaluated for a client, or for the whole book."""


class RetentionEngine:
    """A log of events with the rules that read it.

    Safe to use from several threads; open one in each process, after any fork. Use it as a context manager, or close it.

    Args:
        log: the log; closed with the engine.
        settings: which rules are on, and their settings.
        rules: rules of your own, besides the built-in ones; the settings may name them.
        plugins: what plug-ins bring, as `load_plugins` or `configure` loaded it.
        observers: told what happens.
        agenda: keep the log's agenda current with every event that is recorded here. Where there is none, it is built at
            once; where there is one by other rules, it is built in the background.

    Attributes:
        plugins: what plug-ins bring; `plugins.failures` tells what could not be loaded, and until that is mended no
            client is shown better than `unknown`.
        agenda: the log's agenda, where it is kept.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        settings: Settings | None = None,
        rules: Iterable[RuleFunction] = (),
        plugins: Plugins = NO_PLUGINS,
        observers: Iterable[Observer] = (),
        agenda: bool = False,
    ) -> None:
        self.log = log
        self.settings = settings or Settings()
        self.plugins = plugins
        catalogue = [*plugins.catalogue, *map(rule_of, rules)]
        self.engine = Engine(self.settings.choose(catalogue))
        self.book_rules = in_order(self.settings.choose_book(catalogue))
        in_order([*self.engine.rules, *self.book_rules])  # a setting names a rule, so no two may have one name
        self.observers: tuple[Observer, ...] = tuple(observers)
        self.agenda: Agenda | None = None
        if agenda:
            self.agenda = Agenda(log, self.engine)
            self.agenda.begin()

    @classmethod
    def open(
        cls,
        address: str,
        *,
        create: bool = False,
        settings: Settings | Path | str | None = None,
        rules: Iterable[RuleFunction] = (),
        plugins: Iterable[str] = (),
        kinds: Kinds = KINDS,
        observers: Iterable[Observer] = (),
        agenda: bool = False,
        **options: Any,
    ) -> Self:
        """Open the engine on the log at an address, such as `sqlite:///clients.db`.

        Args:
            address: the log's address; see `open_log`.
            create: make the log where there is none.
            settings: settings, or the path of a settings file; the plug-ins that it names are loaded.
            rules: rules of your own, besides the built-in ones.
            plugins: further plug-ins, as `load_plugins` takes them; their kinds of event may be recorded and read.
            kinds: the kinds of event that may be recorded and read.
            observers: told what happens.
            agenda: keep the log's agenda current; see `RetentionEngine`.
            options: for the log; see `open_log`.

        Raises:
            SettingsError: the settings hold mistakes.
            LogError: there is no such log, or it can't be opened.
        """
        own = tuple(rules)
        if isinstance(settings, Settings):
            loaded = load_chosen(settings.plugins, plugins)
        else:
            file = None if settings is None else Path(settings)
            settings, loaded = configure(file, plugins=plugins, rules=map(rule_of, own))
        kinds = kinds.adding(*(kind for name, kind in loaded.kinds.items() if name not in KINDS))
        log = (create_log if create else open_log)(address, kinds=kinds, **options)
        try:
            return cls(log, settings=settings, rules=own, plugins=loaded, observers=observers, agenda=agenda)
        except BaseException:
            log.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the agenda and the log, and end the process in which rules of plug-ins run, if there is one."""
        try:
            if self.agenda is not None:
                self.agenda.close()
            self.log.close()
        finally:
            self.plugins.close()

    def record(self, event: Event, *, expected: int | None = None) -> Receipt:
        """Record an event, once if it has an id; see `EventLog.record`."""
        return self.record_many([event], expected=None if expected is None else {event.client: expected})[0]

    def record_many(self, events: Iterable[Event], *, expected: Mapping[str, int] | None = None) -> list[Receipt]:
        """Record several events, all of them or none; see `EventLog.record_many`."""
        given = list(events)
        receipts = self.log.record_many(given, expected=expected)
        for event, receipt in zip(given, receipts, strict=True):
            self._tell("recorded", event, receipt)
        return receipts

    def assess(self, client: str, *, at: datetime | None = None, known_at: datetime | None = None) -> Assessment:
        """A client's health and next actions.

        Args:
            client: the client's id.
            at: the moment asked about; now, where none is given.
            known_at: leave out what was recorded later.

        Raises:
            UnknownClient: nothing is known of the client at that moment.
        """
        moment = at or self.log.clock()
        found = Client.from_events(client, self.log.client(client), as_of=moment, as_at=known_at)
        if not found:
            raise UnknownClient(f"nothing is known of the client {client!r} as of {moment.isoformat()}")
        return self._told(self.engine.assess(found, at=moment))

    def replay(self, *, at: datetime | None = None, known_at: datetime | None = None) -> Iterator[Assessment]:
        """Every client's assessment, by client; the log is streamed."""
        moment = at or self.log.clock()
        for assessment in replay(self.log.clients(), self.engine, at=moment, known_at=known_at):
            yield self._told(assessment)

    def book(self, *, at: datetime | None = None, known_at: datetime | None = None) -> BookAssessment:
        """What the rules about the whole book say of all clients together; all of them are read into memory.

        Args:
            at: the moment asked about; now, where none is given.
            known_at: leave out what was recorded later.
        """
        moment = at or self.log.clock()
        book = Book.cut(self.log.clients(), self.engine, at=moment, known_at=known_at)
        found = assess_book(book, self.book_rules, at=moment)
        for failure in found.failures:
            self._tell("rule_failed", failure)
        return found

    def worklist(
        self,
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
        ahead: timedelta = AHEAD,
        owner: str | None = None,
        budget: int | None = None,
    ) -> Worklist:
        """What is to be done, by owner; see `worklist_of`.

        Where the agenda is kept and answers for that moment, it names the clients with something due, and no others are
        read: then `known_owners` has the owners of those alone. With rules about the whole book, all clients are read.

        Args:
            at: the moment asked about; now, where none is given.
            known_at: leave out what was recorded later.
            ahead: how far ahead of it actions are listed.
            owner: this owner's clients alone.
            budget: entries a day for each owner, 0 for no limit; what the settings say, where none is given.
        """
        moment = at or self.log.clock()
        pace = self.settings.worklist
        owners = None if owner is None else {owner}
        replayed = None if known_at or self.book_rules else self._assessed_due(moment, ahead, owners)
        if replayed is None:
            replayed = self.replay(at=moment, known_at=known_at)
        assessments, book = with_book(replayed, self.engine, self.book_rules, at=moment)
        found = worklist_of(
            assessments,
            at=moment,
            tasks=tasks_of([*self.engine.rules, *self.book_rules]),
            ahead=ahead,
            owners=owners,
            pace=pace if budget is None else attrs.evolve(pace, budget=budget),
            more=book.actions if book else None,
        )
        if book is None:
            return found
        for failure in book.own_failures:
            self._tell("rule_failed", failure)
        return attrs.evolve(found, failures=(*book.own_failures, *found.failures))

    def _assessed_due(
        self, moment: datetime, ahead: timedelta, owners: Collection[str] | None
    ) -> Iterator[Assessment] | None:
        """The clients that the agenda names as having something due; `None` where it can't tell."""
        if self.agenda is None:
            return None
        try:
            found = self.agenda.assess_due(at=moment, ahead=ahead, owners=owners)
        except (NoAgenda, QuestionError):
            return None
        return map(self._told, found)

    def scorecard(self, client: str, *, at: datetime | None = None, known_at: datetime | None = None) -> Scorecard:
        """A client's health by dimension and the score with all that it is made of.

        Raises:
            UnknownClient: nothing is known of the client at that moment.
        """
        return self._card(self.assess(client, at=at, known_at=known_at))

    def outlook(
        self, *, at: datetime | None = None, known_at: datetime | None = None, ahead: timedelta = days(30)
    ) -> Outlook:
        """Who changes status when if nothing happens; see `outlook_of`.

        Args:
            at: the moment from which it is looked ahead; now, where none is given.
            known_at: leave out what was recorded later.
            ahead: how far is looked ahead.
        """
        moment = at or self.log.clock()
        return outlook_of(self.replay(at=moment, known_at=known_at), at=moment, ahead=ahead)

    def repair(
        self, client: str, *, at: datetime | None = None, known_at: datetime | None = None, **how: Any
    ) -> Repair:
        """The cheapest step that brings a client's health to a level, by the catalogue of the settings.

        Args:
            client: the client's id.
            at: the moment asked about; now, where none is given.
            known_at: leave out what was recorded later.
            how: as `find_repair` takes it: `when`, `target`, `horizon`, and `remedies` for another catalogue.

        Raises:
            UnknownClient: nothing is known of the client at that moment.
        """
        moment = at or self.log.clock()
        found = Client.from_events(client, self.log.client(client), as_of=moment, as_at=known_at)
        how.setdefault("remedies", self.settings.repair)
        return find_repair(self.engine, found, at=moment, **how)

    def reality(self, starts: datetime, until: datetime, *, at: datetime | None = None, **how: Any) -> Reality:
        """Who was due in a period and what became of each; see `actual_retention`, which takes the other arguments."""
        return actual_retention(self.log.clients(), starts=starts, until=until, at=at or self.log.clock(), **how)

    def report(self, *, at: datetime | None = None, known_at: datetime | None = None, **how: Any) -> Report:
        """The whole book as one HTML page; see `html_report`, which takes the other arguments."""
        settled: dict[str, Any] = {
            "book_rules": self.book_rules,
            "weights": self.settings.score,
            "pace": self.settings.worklist,
        }
        moment = at or self.log.clock()
        found = html_report(self.log.clients(), self.engine, at=moment, known_at=known_at, **(settled | how))
        for failure in found.failures:
            self._tell("rule_failed", failure)
        return found

    def explain(self, client: str, *, at: datetime | None = None, known_at: datetime | None = None) -> str:
        """A client's story in words.

        Raises:
            UnknownClient: nothing is known of the client at that moment.
        """
        found = self.assess(client, at=at, known_at=known_at)
        return story(found, AHEAD, self._card(found))

    def _card(self, found: Assessment) -> Scorecard:
        weights = self.settings.score
        return scorecard(found.client, found.schedule, at=found.at, rules=self.engine.rules, weights=weights)

    def _told(self, assessment: Assessment) -> Assessment:
        self._tell("assessed", assessment)
        for failure in assessment.failures:
            self._tell("rule_failed", failure)
        return assessment

    def _tell(self, what: str, *news: object) -> None:
        for observer in self.observers:
            try:
                getattr(observer, what)(*news)
            except Exception:
                _LOGGER.exception("the observer %s failed in %s", type(observer).__qualname__, what)
