"""One process for plug-ins: started, asked with patience, and ended; whatever ends it tells how, and on which line it was."""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import threading
import weakref
from time import monotonic
from typing import Any, Self

from ..stating import is_at_fault
from .pipes import read_frame, unpickled

_START = "import sys; sys.path[:] = sys.argv[1:]; from retention_engine.plugins.worker import main; main()"
"""What the process runs: by its name and with our path, so that a class has one name on both sides."""

_LAST_WORDS = 10.0
"""For so many seconds we wait to hear on which line a process was that is ended."""

_LINE = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)


class Lost(Exception):
    """A process is no more, or not worth waiting for; the text says what it did, as in `did not end within 2 seconds`.

    Attributes:
        remedy: what a rule's author can do about it.
    """

    remedy = "let it yield findings, and end nothing"

    def __init__(self, what: str, remedy: str | None = None) -> None:
        super().__init__(what)
        self.remedy = remedy or self.remedy


class TimedOut(Lost):
    """It did not answer in time."""

    remedy = "make it quicker, or raise time_budget in [plugins]"


class Ended(Lost):
    """It ended, or could not be started."""


class Process:
    """A process that answers; it is ended with `stop`, when nobody refers to it any more, and with this process.

    Raises:
        Ended: it can't be started.
    """

    def __init__(self) -> None:
        words = [sys.executable or "", "-c", _START, *(place for place in sys.path if isinstance(place, str))]
        try:
            self._popen = subprocess.Popen(words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this very Python
        except OSError as error:
            raise Ended(
                f"could not be started: {error}", "see that sys.executable is a Python that can be run"
            ) from None
        assert self._popen.stdin is not None  # noqa: S101 - it was asked for
        assert self._popen.stdout is not None  # noqa: S101 - it was asked for
        self._sink = self._popen.stdin.fileno()
        self._source = self._popen.stdout.fileno()
        self._finalizer = weakref.finalize(self, _end, self._popen, os.getpid())
        self._exchange = self._polled if hasattr(select, "poll") else self._timed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ask(self, message: bytes, seconds: float) -> Any:
        """Send a message and wait for the answer. Whatever is raised, the process is ended by then.

        Args:
            message: the message in its frame.
            seconds: how long to wait.

        Raises:
            TimedOut: it does not answer in time.
            Ended: it ends instead.
            Exception: the answer can't be read.
        """
        try:
            return unpickled(self._exchange(message, seconds))
        except TimeoutError:
            where = _where(self._last_words())
            lost: Lost = TimedOut(f"did not end within {seconds:g} second{'' if seconds == 1 else 's'}{where}")
        except EOFError as error:
            lost = self._ended(str(error))
        except OSError:  # it can't be written to
            lost = self._ended(self._last_words())
        except BaseException:
            self.stop()
            raise
        self.stop()
        raise lost

    def stop(self) -> None:
        """End the process."""
        self._finalizer()

    def abandon(self) -> None:
        """Let go of a process that belongs to the one that this process was forked from."""
        self._finalizer.detach()
        _close(self._popen)
        self._popen.returncode = 0  # it is not for us to wait for

    def _polled(self, message: bytes, seconds: float) -> bytes:
        """Send a message and wait for the answer, on systems that tell when a pipe is ready."""
        deadline = monotonic() + seconds
        os.set_blocking(self._sink, False)
        rest = memoryview(message)
        while rest:
            _await(self._sink, select.POLLOUT, deadline)
            rest = rest[os.write(self._sink, rest) :]
        return read_frame(lambda size: self._read(size, deadline))

    def _read(self, size: int, deadline: float) -> bytes:
        _await(self._source, select.POLLIN, deadline)
        return os.read(self._source, size)

    def _timed(self, message: bytes, seconds: float) -> bytes:
        """The same on other systems: the process is ended when the time is up, which ends the wait."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._popen.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            rest = memoryview(message)
            while rest:
                rest = rest[os.write(self._sink, rest) :]
            return read_frame(lambda size: os.read(self._source, size))
        finally:
            timer.cancel()
            timer.join()
            if late.is_set():
                raise TimeoutError

    def _last_words(self) -> str:
        """End the process so that it says on which line it was, where it can; what it says."""
        said = bytearray()
        if hasattr(select, "poll"):
            self._popen.send_signal(signal.SIGABRT)
            deadline = monotonic() + _LAST_WORDS
            with contextlib.suppress(OSError):
                while part := self._read(1 << 16, deadline):
                    said += part
        return said.decode("latin-1")

    def _ended(self, last_words: str) -> Ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_LAST_WORDS)
        code = self._popen.returncode
        where = _where(last_words)
        if code is None:
            return Ended(f"closed the pipe of its process{where}")
        if code >= 0:
            return Ended(f"ended its process with exit code {code}{where}")
        if -code == getattr(signal, "SIGKILL", None):
            return Ended(
                f"had its process killed{where}", "the system does that where memory runs out; let it keep less"
            )
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return Ended(f"crashed its process ({name}){where}", "the fault lies in what it calls outside of Python")


def _await(descriptor: int, event: int, deadline: float) -> None:
    """Wait until a pipe is ready.

    Raises:
        TimeoutError: it is not, when the time is up.
    """
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - monotonic()) * 1000):
        raise TimeoutError


def _where(last_words: str) -> str:
    """The line of theirs that was run last, by what a process said when it ended."""
    for file, line in _LINE.findall(last_words):
        if is_at_fault(file):
            return f" ({file}:{line})"
    return ""


def _close(popen: "subprocess.Popen[bytes]") -> None:
    for pipe in (popen.stdin, popen.stdout):
        if pipe is not None:
            pipe.close()


def _end(popen: "subprocess.Popen[bytes]", owner: int) -> None:
    if os.getpid() == owner:
        popen.kill()
        _close(popen)
        popen.wait()
