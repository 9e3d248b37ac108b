"""Starting the programs of `writers.py`, and listening to what they say."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

WRITERS = Path(__file__).with_name("writers.py")


def unmeasured() -> dict[str, str]:
    """The environment without what makes coverage measure a program.

    Coverage can't write its file in a program that has given up its rights, and waits for ever for its own lock after a
    Ctrl-C that came while it held that.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


class Program:
    """A program of `writers.py`, or of another such script, in a process of its own."""

    def __init__(self, *words: str, script: Path = WRITERS, **options: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(script), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **{"env": unmeasured(), **options},
        )
        self._last: dict[str, int] = {}

    def said(self) -> tuple[str, int]:
        """The next line that the program says: a word and a number; empty where it says no more."""
        word, _, number = self.process.stdout.readline().decode().partition(" ")
        self._last[word] = int(number or 0)
        return word, self._last[word]

    def wait_until_ready(self) -> None:
        assert self.said()[0] == "ready", self.process.stderr.read().decode()

    def go(self) -> None:
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def last_said(self, word: str) -> int:
        """The last number said with a word by the time the program ended, -1 for none."""
        while self.said()[0]:
            pass
        return self._last.get(word, -1)

    def result(self) -> Any:
        """What the program printed as JSON when it had done its work."""
        out, errors = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, errors.decode()
        return json.loads(out)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@contextmanager
def programs(several: Sequence[Sequence[str]], **options: Any) -> Iterator[list[Program]]:
    """Several programs that are all ready, to be told to go; none is left behind."""
    with ExitStack() as stack:
        started = []
        for words in several:
            program = Program(*words, **options)
            stack.callback(program.close)
            started.append(program)
        for program in started:
            program.wait_until_ready()
        yield started


def is_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0
