"""What a rule is not to reach for: by which names Python has it, what is wrong with it, and what to do instead."""

import os
import random
import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from types import ModuleType

import attrs


@attrs.frozen
class Reach:
    """What a rule is not to reach for.

    Attributes:
        name: a stable word for it.
        does: what a rule does that reaches for it.
        remedy: what to do instead.
    """

    name: str
    does: str
    remedy: str


CLOCK = Reach(
    "clock",
    "reads the clock",
    "in a rule there is no now: state starts= from an event's instant, such as starts=event.at + grace",
)
WAITING = Reach("clock", "waits", "a rule has nothing to wait for; leave it out")
CHANCE = Reach("chance", "draws by chance", "of one history a rule always says the same: choose by what the events say")
ENVIRONMENT = Reach(
    "environment", "reads the environment", "make it a setting, which is a keyword-only parameter with a default"
)
FILES = Reach(
    "files",
    "reaches for a file",
    "record what it needs as an event, or make it a setting; read constants where the module starts",
)
NETWORK = Reach("network", "reaches for the network", "record what it needs as an event")
PROCESSES = Reach("processes", "starts a process", "record what it needs as an event")

ALWAYS: Mapping[tuple[ModuleType, Reach], Iterable[str]] = {
    (time, CLOCK): [
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"),
        *("process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns"),
    ],
    (time, WAITING): ["sleep"],
    (os, CLOCK): ["times"],
    (random, CHANCE): [name for name in random.__all__ if name not in {"Random", "SystemRandom"}],
    (secrets, CHANCE): [name for name in secrets.__all__ if name not in {"compare_digest", "SystemRandom"}],
    (uuid, CHANCE): ["uuid1", "uuid4", "uuid6", "uuid7", "getnode"],
    (os, CHANCE): ["urandom", "getrandom"],
    (os, ENVIRONMENT): ["getenv", "getenvb"],
}
"""Functions that are refused, by their module and what they do; some exist on some systems only."""

WITHOUT_MOMENT = {"localtime": 1, "gmtime": 1, "ctime": 1, "asctime": 1, "strftime": 2}
"""Functions of `time` that read the clock where fewer arguments are given."""

REACHES = {f"{module.__name__}.{name}": reach for (module, reach), names in ALWAYS.items() for name in names}
REACHES |= dict.fromkeys([*(f"time.{name}" for name in WITHOUT_MOMENT), "datetime.now"], CLOCK)
REACHES |= dict.fromkeys(["datetime.utcnow", "datetime.today", "date.today"], CLOCK)
REACHES |= dict.fromkeys(["random.Random", "random.SystemRandom"], CHANCE)
REACHES |= dict.fromkeys(["os.environ", "os.environb", "os.putenv", "os.unsetenv"], ENVIRONMENT)
REACHES |= {
    f"os.{name}": PROCESSES for name in ("system", "exec", "fork", "forkpty", "posix_spawn", "spawn", "startfile")
}
REACHES |= dict.fromkeys(["os.kill", "os.killpg"], PROCESSES)
"""What is reached for, by the name that an attempt is noted under; `datetime.now` is that of the class."""

_BY_MODULE = {
    **dict.fromkeys(("open", "os", "shutil", "tempfile", "glob", "pathlib", "sqlite3"), FILES),
    **dict.fromkeys(("socket", "urllib", "http", "ftplib", "smtplib", "imaplib", "poplib"), NETWORK),
    **dict.fromkeys(("subprocess", "pty", "webbrowser"), PROCESSES),
}


def reach_of(event: str) -> Reach | None:
    """What an audit event of Python's, or an attempt that was noted, reaches for; `None` where a rule may."""
    return REACHES.get(event) or _BY_MODULE.get(event.partition(".")[0])


def impurity(attempt: str) -> str:
    """What an attempt that was noted means, and what to do instead."""
    reach = reached_for(attempt)
    return f"{reach.does} ({attempt}); {reach.remedy}"


def reached_for(attempt: str) -> Reach:
    """What an attempt that was noted is about."""
    name = attempt.partition("(")[0]
    return reach_of(name) or FILES
