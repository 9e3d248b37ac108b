"""Rules of plug-ins in a process of their own, which is ended where one of them does not end by itself.

It is a fault barrier, no sandbox: that process may do whatever this one may. Nor does it spare us the import of a plug-in,
from which the names and settings of its rules are known; but the import is tried in such a process first.

Rules about the whole book run in our process in any case.
"""

import os
import threading
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache, update_wrapper
from itertools import takewhile
from operator import is_
from typing import Any

import attrs

from ..client import Client
from ..declare import Findings, Rule, RuleFunction
from ..errors import Reported
from ..events import Event
from ..findings import Finding
from .finding import Plugin, Source
from .pipes import Ask, Failed, Load, Stated, Unread, framed
from .processes import Ended, Lost, Process, TimedOut

PATIENCE = timedelta(seconds=30)
"""How long the import of one source may take."""

MOST: Mapping[type[Lost], int] = {TimedOut: 3, Ended: 20}
"""For so many clients a rule may lose the process before it isn't asked any more: each costs a budget, or a new process."""

MOST_STARTS = 3
"""So many times in a row the process may fail to start before that is given up."""


def isolated(rule: Rule, worker: "Worker") -> Rule:
    """The same rule, run by a worker; a rule about the whole book is left as it is."""
    return rule if rule.scope == "book" else attrs.evolve(rule, function=_Elsewhere(rule.name, worker, rule.function))


class _Elsewhere:
    """A rule's function that asks a worker what the rule states."""

    def __init__(self, rule: str, worker: "Worker", function: RuleFunction | None = None) -> None:
        self.rule = rule
        self.worker = worker
        if function is not None:
            update_wrapper(self, function)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Elsewhere, (self.rule, self.worker)

    def __call__(self, client: Client, /, **settings: Any) -> Findings:
        return iter(self.worker.ask(self.rule, client, settings))


def probe(plugins: Iterable[Plugin], *, patience: timedelta = PATIENCE) -> dict[Source, str]:
    """Try in another process which sources can't even be imported, because that never ends or ends the process.

    What an import raises is not told: whoever imports it afterwards learns that.

    Args:
        plugins: the plug-ins.
        patience: how long the import of one source may take.

    Returns:
        What is wrong and what to do, by source.
    """
    found: dict[Source, str] = {}
    of_module: dict[str, str] = {}
    process: Process | None = None
    seconds = patience.total_seconds()
    try:
        for plugin in plugins:
            for source in plugin.sources:
                if source.module in of_module:
                    found[source] = of_module[source.module]
                    continue
                try:
                    process = process or Process()
                    process.ask(framed(Load((_resolved(Plugin(plugin.name, (source,))),), seconds)), seconds)
                except Lost as lost:
                    remedy = _OF_AN_IMPORT[type(lost)] if lost.remedy == type(lost).remedy else lost.remedy
                    found[source] = of_module[source.module] = f"its import {lost}; {remedy}"
                    process = None
    finally:
        if process is not None:
            process.stop()
    return found


_OF_AN_IMPORT: Mapping[type[Lost], str] = {
    TimedOut: "move what takes so long out of the module's top level",
    Ended: 'put what ends the program below `if __name__ == "__main__":`',
}


_IMPORTABLE = "define kinds of event in a module that can be imported"


@attrs.define
class _Losses:
    """How often a rule lost the process in one way, by client."""

    latest: Lost
    clients: Counter[str] = attrs.field(factory=Counter)

    def note(self, lost: Lost, client: str) -> None:
        self.latest = lost
        self.clients[client] += 1


class Worker:
    """A process that loads plug-ins and runs their rules; it is started at the first question, and anew where it was lost.

    Safe to use from several threads, which wait for each other. A process that is forked from this one starts one of its
    own. It ends with `close`, when nobody refers to the worker any more, and with this process.

    Args:
        plugins: the plug-ins.
        time_budget: how long a rule may take for one client.
        patience: how long the import of one of their sources may take.
    """

    def __init__(self, plugins: Sequence[Plugin], time_budget: timedelta, *, patience: timedelta = PATIENCE) -> None:
        self.plugins = tuple(map(_resolved, plugins))
        self.time_budget = time_budget
        self.patience = patience
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._events: list[Event] = []
        self._failed_starts = 0
        self._losses: dict[tuple[str, type[Lost]], _Losses] = {}
        _WORKERS.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _worker_here, (self.plugins, self.time_budget, self.patience)

    def ask(self, rule: str, client: Client, settings: Mapping[str, Any]) -> list[Finding]:
        """What a rule states of a client's history.

        Raises:
            Reported: it fails, does not end in time, or ends the process.
        """
        events = list(client.events)  # the rule may read any of them, and so is asked again after each
        with self._lock:
            answer = self._answer(rule, client.id, events, settings)
        if isinstance(answer, Failed):
            raise Reported(answer.cause)
        return [
            cls(**said, because=[events[cited] if isinstance(cited, int) else cited for cited in because])
            for cls, said, because in answer.findings
        ]

    def close(self) -> None:
        """End the process; a later question starts another one."""
        with self._lock:
            self._drop()

    def _answer(self, rule: str, client: str, events: list[Event], settings: Mapping[str, Any]) -> Stated | Failed:
        self._refuse_hopeless(rule, client)
        process = self._running()
        kept = _in_common(self._events, events)
        seconds = self.time_budget.total_seconds()
        question = Ask(rule, settings, client, kept, tuple(events[kept:]), seconds)
        try:
            message = framed(question)
        except Exception as error:  # noqa: BLE001 - whatever a class of events does where it is written
            raise Reported(f"can't be told of the history: {type(error).__name__}: {error}; {_IMPORTABLE}") from None
        try:
            answer = process.ask(message, seconds)
        except Lost as lost:
            self._drop()
            self._losses.setdefault((rule, type(lost)), _Losses(lost)).note(lost, client)
            raise Reported(f"{lost}; {lost.remedy}") from None
        except Exception as error:  # noqa: BLE001 - whatever a class does where it is read
            self._drop()
            raise Reported(f"states what can't be read here: {type(error).__name__}: {error}") from None
        except BaseException:
            self._drop()
            raise
        if isinstance(answer, Unread):
            self._drop()
            raise Reported(f"can't read the history in its process: {answer.cause}; {_IMPORTABLE}")
        self._events = events
        found: Stated | Failed = answer
        return found

    def _refuse_hopeless(self, rule: str, client: str) -> None:
        for kind, most in MOST.items():
            lost = self._losses.get((rule, kind))
            if lost is not None and (len(lost.clients) >= most or lost.clients[client] >= most):
                whom = f"{len(lost.clients)} clients" if len(lost.clients) >= most else f"this client {most} times"
                raise Reported(f"{lost.latest} for {whom}, and is not asked any more; {lost.latest.remedy}")

    def _running(self) -> Process:
        """The process, with the plug-ins loaded."""
        if self._process is None:
            if self._failed_starts >= MOST_STARTS:
                raise Reported(f"can't be asked: the process for plug-ins failed to start {MOST_STARTS} times in a row")
            seconds = self.patience.total_seconds() * sum(len(plugin.sources) for plugin in self.plugins)
            self._failed_starts += 1
            try:
                process = Process()
                process.ask(framed(Load(self.plugins, seconds)), seconds)
            except Lost as lost:
                raise Reported(f"can't be asked: the process that loads the plug-ins {lost}") from None
            self._failed_starts = 0
            self._process = process
        return self._process

    def _drop(self) -> None:
        process, self._process, self._events = self._process, None, []
        if process is not None:
            process.stop()

    def _forked(self) -> None:
        """Begin anew in a process that was forked from the one that this worker was made in."""
        self._lock = threading.Lock()  # the thread that held the old one, if any did, is not here
        process, self._process, self._events = self._process, None, []
        if process is not None:
            process.abandon()


_WORKERS: "weakref.WeakSet[Worker]" = weakref.WeakSet()


def _after_a_fork() -> None:
    for worker in list(_WORKERS):
        worker._forked()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_a_fork)


@cache
def _worker_here(plugins: tuple[Plugin, ...], time_budget: timedelta, patience: timedelta) -> Worker:
    """The worker of this process that stands for one that was pickled in another."""
    return Worker(plugins, time_budget, patience=patience)


def _resolved(plugin: Plugin) -> Plugin:
    """The same plug-in, wherever a process is started."""
    sources = tuple(attrs.evolve(source, folder=source.folder.resolve()) for source in plugin.sources)
    return attrs.evolve(plugin, sources=sources)


def _in_common(known: Sequence[Event], events: Sequence[Event]) -> int:
    """How many events two histories begin with that are the very same."""
    if len(known) <= len(events) and all(map(is_, known, events)):
        return len(known)
    return sum(1 for _ in takewhile(bool, map(is_, known, events)))
