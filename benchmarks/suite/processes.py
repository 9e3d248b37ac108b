"""A contender in a fresh process: what it took, and its peak memory, its own and with the files that it maps."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from made_files import Made

KIB_A_MB = 1 << 10
PAUSE = 0.02
"""Seconds between two looks at a process's memory."""

Taken = dict[str, Any]
"""What one run took: `seconds`, `cpu`, `anonymous` and `resident` in MB, and what the contender says of its answer."""


def contend(contender: str, made: Made, *more: str) -> Taken:
    """Run a contender over some files."""
    script = Path(__file__).with_name("contend.py")
    return fresh(str(script), contender, str(made.folder), str(made.events), str(made.events_a_client), *more)


def fresh(*words: str) -> Taken:
    """Run a script of this folder in a process of its own; it prints what it took as a line of JSON."""
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE) as process:
        watching = _Watching(process.pid)
        watching.start()
        output, _ = process.communicate()
        watching.stop()
    if process.returncode:
        sys.exit(f"{' '.join(words)} exits with {process.returncode}")
    found: Taken = json.loads(output.splitlines()[-1])
    return {**found, "anonymous": round(watching.anonymous, 1), "resident": round(watching.resident, 1)}


def spread(values: list[float]) -> dict[str, float]:
    """The median with the extremes."""
    return {"median": median(values), "least": min(values), "most": max(values)}


def is_here(module: str) -> bool:
    """Whether a library is installed."""
    from importlib.util import find_spec

    return find_spec(module) is not None


class _Watching(threading.Thread):
    """Looks at the memory of a process and its children until told to stop; sees nothing where there is no `/proc`."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.anonymous = 0.0
        self.resident = 0.0

    def run(self) -> None:
        while not self._ended.wait(PAUSE):
            found = [_memory(pid) for pid in _family(self._pid)]
            self.anonymous = max(self.anonymous, sum(anonymous for anonymous, _ in found))
            self.resident = max(self.resident, sum(resident for _, resident in found))

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()


def _family(pid: int) -> Iterator[int]:
    """A process with its children and theirs."""
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = tasks.read_text(encoding="ascii").split()
        except OSError:  # it has ended meanwhile
            continue
        for child in children:
            yield from _family(int(child))


def _memory(pid: int) -> tuple[float, float]:
    """A process's anonymous memory, and all of its resident memory, in MB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0, 0.0
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if "kB" in rest}
    return kib.get("RssAnon", 0) / KIB_A_MB, kib.get("VmRSS", 0) / KIB_A_MB
