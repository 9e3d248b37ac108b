"""Rules of plug-ins in a process of their own, which is ended where one of them does not end by itself.

It is a fault barrier, no sandbox: the process may do whatever we may. Nor does it spare us the import of a plug-in, which
is how we know the names and settings of its rules; but the import is tried in such a process first.

Rules about the whole book run in our process in any case.
"""

import contextlib
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import takewhile
from operator import is_
from pathlib import Path
from time import monotonic
from typing import Any

import attrs

from ..client import Client
from ..declare import Findings, Rule
from ..errors import Reported
from ..events import Event
from ..findings import Finding
from .finding import Plugin, Source
from .pipes import Ask, Failed, Load, Stated, Unread, framed, read_frame, unpickled

PATIENCE = timedelta(seconds=30)
"""How long the import of one source may take."""

MOST_TIMEOUTS = 3
"""For so many clients a rule may exceed its budget before it isn't asked any more: each further one costs a budget."""

MOST_ENDS = 20
"""For so many clients a rule may end the process before it isn't asked any more: each further one costs a new process."""

_START = "import sys; sys.path[:] = sys.argv[1:]; from retention_engine.plugins.worker import main; main()"
"""The program of a worker process; by its own name, so that classes of the package have one name in both processes."""

_HAS_POLL = hasattr(selectors, "PollSelector")
_LAST_WORDS = 2.0
"""For so many seconds we wait to hear on which line a process was that is ended."""


def isolated(rule: Rule, worker: "Worker") -> Rule:
    """The same rule, run by a worker; a rule about the whole book is left as it is."""
    return rule if rule.scope == "book" else attrs.evolve(rule, function=_Elsewhere(rule.name, worker))


@attrs.frozen(eq=False)
class _Elsewhere:
    """A rule's function that asks a worker what the rule states."""

    rule: str
    worker: "Worker"

    def __call__(self, client: Client, /, **settings: Any) -> Findings:
        return iter(self.worker.ask(self.rule, client, settings))


def probe(plugins: Iterable[Plugin], *, patience: timedelta = PATIENCE) -> dict[Source, str]:
    """Try in another process which sources can't even be imported, because that never ends or ends the process.

    What an import raises is not told here: whoever imports the plug-ins afterwards learns it.

    Args:
        plugins: the plug-ins.
        patience: how long the import of one source may take.

    Returns:
        What is wrong and what to do, by source.
    """
    found: dict[Source, str] = {}
    with contextlib.ExitStack() as started:
        process: _Process | None = None
        for plugin in plugins:
            for source in plugin.sources:
                process = process or started.enter_context(_Process())
                alone = Plugin(plugin.name, (source,))
                try:
                    process.ask(Load((alone,), patience.total_seconds()), patience.total_seconds())
                except _Lost as lost:
                    found[source] = f"its import {lost}; {_IMPORT_REMEDIES[type(lost)]}"
                    process = None
    return found


class Worker:
    """A process that loads plug-ins and runs their rules; it is started at the first question, and anew where one was lost.

    Safe to use from several threads, which wait for each other. A process that is forked from this one starts a worker of
    its own. It ends with `close`, when nobody refers to it any more, and with this process.

    Args:
        plugins: the plug-ins.
        time_budget: how long a rule may take for one client.
        patience: how long the import of one of their sources may take.
    """

    def __init__(self, plugins: Sequence[Plugin], time_budget: timedelta, *, patience: timedelta = PATIENCE) -> None:
        self.plugins = tuple(_resolved(plugin) for plugin in plugins)
        self.time_budget = time_budget
        self.patience = patience
        self._forget()
        _WORKERS.add(self)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._known = _Known()
        self._number = 0
        self._timeouts: dict[str, Counter[str]] = {}
        ...
