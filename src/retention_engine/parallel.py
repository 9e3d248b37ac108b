"""The whole book on several cores: its clients in pieces, each read and assessed by a worker of any executor.

A piece of a log is a span of client ids, which the worker reads from the log by itself; a piece of a file is the lines of
some of its clients. What a worker finds comes back as plain values, in the order of the clients' ids. A piece whose worker
is lost is done again.
"""

import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from heapq import merge
from itertools import count, islice
from multiprocessing import get_context, parent_process
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, TypeVar
from zlib import crc32

import attrs
import msgspec

from .book import replay
from .codec import decode
from .declare import RuleFunction, rule_of
from .engine import Assessment, Engine
from .errors import EventError, WorkersLost
from .formats.lines import FileFault, is_blank, lines_of
from .gathering import Gathering
from .kinds import Kinds
from .log import Span, open_log
from .plugins import configure

EVENTS_A_PIECE = 20_000
PIECES_A_WORKER = 4
"""A file's lines are cut into so many pieces for each worker, so that none waits long for the others."""

MOST_AT_ONCE = 32
MOST_ATTEMPTS = 3
MOST_KEPT = 8

R = TypeVar("R")


@attrs.frozen
class Recipe:
    """How a worker makes its engine: rules of plug-ins' files can't be sent to another process, but be loaded there.

    Attributes:
        settings: a settings file, or its tables.
        plugins: further plug-ins, as `load_plugins` takes them.
        packs: packs that are on besides those of the settings.
        select: rules to run alone, whatever is enabled.
        rules: rules of your own, functions that a worker can import.
    """

    settings: Path | Mapping[str, Any] | None = None
    plugins: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    rules: tuple[RuleFunction, ...] = ()

    def make(self) -> tuple[Engine, Kinds]:
        """The engine, and the kinds of event that there are.

        Raises:
            SettingsError: the settings hold mistakes, or a plug-in can't be found.
            RuleError: something given is no rule.
        """
        own = [rule_of(function) for function in self.rules]
        settings, plugins = configure(self.settings, plugins=self.plugins, rules=own)
        return Engine(settings.choose([*plugins.catalogue, *own], packs=self.packs, select=self.select)), plugins.kinds


@attrs.frozen
class ReplayWork(Generic[R]):
    """What is to be done with every client.

    Attributes:
        recipe: how the engine is made.
        read: what is wanted of an assessment: a function that a worker can import, whose values can be pickled.
        at: the moment; what happened later is not seen.
        known_at: leave out what was recorded later.
    """

    recipe: Recipe
    read: Callable[[Assessment], R]
    at: datetime
    known_at: datetime | None = None
    _run: str = attrs.field(factory=lambda: os.urandom(16).hex(), init=False)
    """Tells the runs apart for which a worker keeps its engine."""


def replay_log(
    address: str, work: ReplayWork[R], *, executor: Executor | None = None, jobs: int = 0, at_once: int = MOST_AT_ONCE
) -> Iterator[R]:
    """What is wanted of every client of a log, by id; clients not known at the moment are left out.

    Workers open the log by its address. Pieces are handed out as others are done, so that memory does not grow with the log.

    Args:
        address: a log's address that means the same to all workers.
        work: what is to be done.
        executor: whose workers do it; it is not shut down. Where none is given, processes of this machine do.
        jobs: how many processes; 0 for as many as there are cores.
        at_once: how many pieces an executor is given at once.

    Raises:
        WorkersLost: the workers of one piece were lost again and again.
        RetentionError: what a worker met, such as a damaged log.
    """
    with open_log(address, kinds=_made(work)[1]) as log:
        spans = log.spans(EVENTS_A_PIECE)
        pieces = ((f"the clients from {span.first!r}", (address, span)) for span in spans)
        with _workers(executor, jobs, at_once) as workers:
            for values in workers.done(replay_span, work, pieces):
                yield from values


def replay_file(
    path: str, work: ReplayWork[R], *, executor: Executor | None = None, jobs: int = 0, at_once: int = MOST_AT_ONCE
) -> list[R] | None:
    """What is wanted of every client of a file of JSON lines, by id; clients not known at the moment are left out.

    Args:
        path: the file, plain or gzipped.
        work: what is to be done.
        executor: whose workers do it; it is not shut down. Where none is given, processes of this machine do.
        jobs: how many processes; 0 for as many as there are cores.
        at_once: how many pieces an executor is given at once.

    Returns:
        The values; `None` where something is wrong with the file, which `read_log` says in full.

    Raises:
        WorkersLost: the workers of one piece were lost again and again.
    """
    with _workers(executor, jobs, at_once) as workers:
        shares = _shares(path, workers.count * PIECES_A_WORKER)
        if shares is None:
            return None
        pieces = ((f"a share of {path}", (share,)) for share in shares if share)
        found: list[Any] = list(workers.done(_assess_lines, work, pieces))
    if any(values is None for values in found):
        return None
    return [value for _, value in merge(*found, key=itemgetter(0))]


class _Named(msgspec.Struct):
    client: str


def _shares(path: str, number: int) -> list[list[tuple[int, bytes]]] | None:
    """A file's lines with their positions, each client's in one share; `None` where that can't be said."""
    named = msgspec.json.Decoder(_Named)
    shares: list[list[tuple[int, bytes]]] = [[] for _ in range(number)]
    positions = count(1)
    try:
        for _, line in lines_of(path):
            if not is_blank(line):
                client = named.decode(line).client
                shares[crc32(client.encode()) % number].append((next(positions), line))
    except (FileFault, msgspec.MsgspecError, ValueError):
        return None
    return shares


def replay_span(work: ReplayWork[R], address: str, span: Span) -> list[R]:
    """What is wanted of the clients of a span of a log: a piece of `replay_log`, for programs that hand out pieces themselves.

    Args:
        work: what is to be done.
        address: the log's address.
        span: the clients, as `EventLog.spans` cuts them.
    """
    engine, kinds = _made(work)
    with open_log(address, kinds=kinds) as log:
        return [work.read(it) for it in replay(log.clients(span), engine, at=work.at, known_at=work.known_at)]


def _assess_lines(work: ReplayWork[R], lines: Iterable[tuple[int, bytes]]) -> list[tuple[str, R]] | None:
    engine, kinds = _made(work)
    gathering = Gathering()
    try:
        for position, line in lines:
            gathering.add(decode(line, position=position, kinds=kinds))
    except EventError:
        return None
    if gathering.misfits or any(gathering.lost_retractions()):
        return None
    assessed = replay(gathering.histories, engine, at=work.at, known_at=work.known_at)
    return [(it.client.id, work.read(it)) for it in assessed]


_MADE: dict[str, tuple[Engine, Kinds]] = {}


def _made(work: ReplayWork[Any]) -> tuple[Engine, Kinds]:
    """What a recipe makes, once in each worker."""
    run = work._run  # noqa: SLF001 - of this module
    if run not in _MADE:
        made = work.recipe.make()
        while len(_MADE) >= MOST_KEPT:
            _MADE.pop(next(iter(_MADE)), None)
        _MADE[run] = made
        return made
    return _MADE[run]


def _done_by_worker(do: Callable[..., Any], work: ReplayWork[Any], given: tuple[Any, ...]) -> bytes:
    """What a worker found, or what its work raised: whatever else an executor raises means that the worker was lost."""
    try:
        return pickle.dumps((do(work, *given), None))
    except Exception as error:  # noqa: BLE001 - it is raised again where the results are read
        try:
            told = pickle.dumps((None, error))
            pickle.loads(told)  # noqa: S301 - what was just written
        except Exception:  # noqa: BLE001 - an exception that does not survive the journey is told in words
            return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
        return told


class _Workers:
    """An executor that is given one piece after the other, and again those whose worker was lost."""

    def __init__(self, executor: Executor | None, count: int, at_once: int) -> None:
        self.count = count
        self._executor = executor or self._processes()
        self._is_ours = executor is None
        self._at_once = at_once

    def _processes(self) -> Executor:
        # A process that is forked would share what this one has open, a database among it.
        return ProcessPoolExecutor(self.count, mp_context=get_context("spawn"), initializer=_begin_as_worker)

    def done(
        self, do: Callable[..., R], work: ReplayWork[Any], pieces: Iterable[tuple[str, tuple[Any, ...]]]
    ) -> Iterator[R]:
        """What is found for each piece, in their order."""
        under_way: deque[tuple[str, tuple[Any, ...], Future[bytes]]] = deque()
        pieces = iter(pieces)
        try:
            while True:
                for name, given in islice(pieces, self._at_once - len(under_way)):
                    under_way.append((name, given, self._submit(do, work, given)))
                if not under_way:
                    return
                name, given, future = under_way.popleft()
                value, error = pickle.loads(self._result(name, future, do, work, given))  # noqa: S301 - of our own workers
                if error is not None:
                    raise error
                yield value
        finally:
            for _, _, future in under_way:
                future.cancel()

    def _result(self, name: str, future: Future[bytes], *what: Any) -> bytes:
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                return future.result()
            except Exception as error:  # each executor has its own for a lost worker
                if attempt == MOST_ATTEMPTS:
                    why = f"their worker was lost {attempt} times ({type(error).__name__}: {error})"
                    raise WorkersLost(f"{name} could not be assessed: {why}") from error
            future = self._submit(*what)
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _submit(self, *what: Any) -> Future[bytes]:
        if self._is_ours:
            with _interrupts_held_back():
                return self._submit_to_processes(*what)
        try:
            return self._executor.submit(_done_by_worker, *what)
        except BrokenExecutor as error:
            lost: Future[bytes] = Future()
            lost.set_exception(error)
            return lost

    def _submit_to_processes(self, *what: Any) -> Future[bytes]:
        try:
            return self._executor.submit(_done_by_worker, *what)
        except BrokenExecutor:
            self.close()
        self._executor = self._processes()
        return self._executor.submit(_done_by_worker, *what)

    def close(self) -> None:
        if self._is_ours:
            self._executor.shutdown(cancel_futures=True)


@contextmanager
def _workers(executor: Executor | None, jobs: int, at_once: int) -> Iterator[_Workers]:
    number = jobs or cores()
    workers = _Workers(executor, number, at_once if executor else 2 * number)
    try:
        yield workers
    finally:
        workers.close()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back while processes may be started: they do so, too, and have nothing to say about it."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_as_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End where the process is gone that has started this one; it can't say so itself if it was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
