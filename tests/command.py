"""The real command, in a process of its own, as people run it: into files, and on a terminal; and without one, for many cases."""

import os
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from retention_engine.cli import main

RETENTION = [sys.executable, "-m", "retention_engine"]
AT = ["--at", "2026-06-30"]
"""No test asks what is true today."""

MATTERS = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8"}
"""What changes how the command writes; a test sets it where it is about that."""


class Ran(NamedTuple):
    """How a run of the command ended, and what it wrote."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def errors(self) -> list[str]:
        """The lines that name a mistake."""
        return [line for line in self.err.splitlines() if line.startswith("Error: ")]


def environment(**changes: str) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in MATTERS} | changes


def retention(
    *args: str | Path, stdin: bytes | None = b"", cwd: Path | None = None, env: dict[str, str] | None = None, **how: Any
) -> Ran:
    """Run the command to its end; `cwd` is a folder without a settings file unless a test names one."""
    done = subprocess.run(
        [*RETENTION, *args],
        input=stdin,
        capture_output=True,
        cwd=cwd or tempfile.gettempdir(),
        env=environment(**(env or {})),
        check=False,
        **how,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


def in_this_process(*args: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> Ran:
    """Run the command without a process of its own, which is quick enough for hundreds of cases; an accident is raised."""
    with chdir(cwd or tempfile.gettempdir()):
        words = [str(arg) for arg in args]
        done = CliRunner().invoke(main, words, input=stdin, env=dict.fromkeys(MATTERS), catch_exceptions=False)
    return Ran(done.exit_code, done.stdout_bytes, done.stderr)


def on_a_terminal(*args: str | Path, cwd: Path, streams: tuple[str, ...] = ("stdout", "stderr"), **env: str) -> Ran:
    """Run the command with some of its streams on a terminal of 100 columns; `out` is what that showed.

    What is not on the terminal is `err`.
    """
    import fcntl
    import pty
    import struct
    import termios

    screen, keyboard = pty.openpty()
    fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    elsewhere = cwd / "elsewhere"
    with elsewhere.open("wb") as file:
        started = subprocess.Popen(
            [*RETENTION, *args],
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=environment(TERM="xterm-256color", **env),
            **{name: keyboard if name in streams else file for name in ("stdout", "stderr")},
        )
    os.close(keyboard)
    shown = b""
    while part := _read(screen):
        shown += part
    os.close(screen)
    return Ran(started.wait(), shown, elsewhere.read_bytes().decode())


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65_536)
    except OSError:  # how Linux says that nobody writes to a terminal any more
        return b""
