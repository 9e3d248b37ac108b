"""The process in which the rules of plug-ins run under a time budget; `isolation` starts it and asks it.

It loads the plug-ins as the process that asks does, and says what their rules state of the histories that it is given.
"""

import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from ..binding import BoundRule
from ..client import Client
from ..declare import Rule
from ..events import Event
from ..findings import Finding
from ..stating import RuleFailure, cause_of, state
from .loading import PluginFailure, load_found
from .pipes import SAID, Ask, Cited, Failed, Load, Loaded, Stated, Unread, framed, read_frame, unpickled

LATE = 10.0
"""So many seconds after its time a process ends itself, in case that nobody is left who would end it."""


def main() -> None:
    """Answer questions until nobody asks any more."""
    source, sink = _own_pipes()
    own = os.getpid()
    _prepare_for_the_end(sink)
    answering = _Answering()
    while True:
        try:
            body = read_frame(partial(os.read, source))
        except EOFError:
            return
        answer = answering.to(body)
        if os.getpid() != own:  # a rule has forked, and this is the copy
            os._exit(0)
        with contextlib.suppress(Exception):  # a rule may have closed or replaced it
            sys.stdout.flush()
        _write(sink, answer)


def _own_pipes() -> tuple[int, int]:
    """Copies of standard input and output that nobody else has; what plug-ins print goes to standard error."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error either
        os.dup2(nothing, 1)
    os.close(nothing)
    return source, sink


def _prepare_for_the_end(sink: int) -> None:
    """Let whoever asks know on which line it was; be the first to go where memory runs out; leave no core behind."""
    faulthandler.enable(file=sink, all_threads=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks is interrupted, too, and ends us
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write(sink: int, message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        rest = rest[os.write(sink, rest) :]


class _Answering:
    """The rules that were loaded, and the history that was asked about last."""

    def __init__(self) -> None:
        self.rules: Mapping[str, Rule] = {}
        self.failures: tuple[PluginFailure, ...] = ()
        self.events: list[Event] = []
        self.client = Client("", ())

    def to(self, body: bytes) -> bytes:
        """The answer to a message."""
        try:
            message = unpickled(body)
        except Exception as error:  # noqa: BLE001 - whatever a class does where it is read
            return framed(Unread(f"{type(error).__name__}: {error}"))
        with _no_longer_than(message.seconds + LATE):
            if isinstance(message, Load):
                return framed(self._load(message))
            answer = self._ask(message)
            try:
                return framed(answer)
            except Exception as error:  # noqa: BLE001 - whatever a class does where it is written
                return framed(Failed(f"states what can't be passed on: {type(error).__name__}: {error}"))

    def _load(self, message: Load) -> Loaded:
        loaded = load_found(message.plugins)
        # a question brings the values of all settings, those of a tier among them
        self.rules = {rule.name: attrs.evolve(rule, tiers={}) for rule in loaded.rules}
        self.failures = loaded.failures
        return Loaded()

    def _ask(self, message: Ask) -> Stated | Failed:
        if message.more or message.kept < len(self.events) or self.client.id != message.client:
            self.events[message.kept :] = message.more
            self.client = Client(message.client, self.events)
        rule = self.rules.get(message.rule)
        if rule is None:
            reasons = "; ".join(map(str, self.failures)) or "its module does not define it there"
            return Failed(f"is missing in the worker process: {reasons}")
        try:
            found = state(BoundRule(rule, values=message.settings), self.client)
        except KeyboardInterrupt as error:  # nobody interrupts us, so the rule raised it
            return Failed(cause_of(error))
        if isinstance(found, RuleFailure):
            return Failed(found.cause)
        places = {id(event): place for place, event in enumerate(self.events)} if found else {}
        return Stated(tuple(_packed(finding, places) for finding in found))


def _packed(finding: Finding, places: Mapping[int, int]) -> tuple[type[Finding], dict[str, Any], tuple[Cited, ...]]:
    said = {name: getattr(finding, name) for name in SAID[type(finding)]}
    return type(finding), said, tuple(places.get(id(event), event) for event in finding.evidence)


@contextlib.contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """The system ends this process after so many seconds, where it knows how to."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
