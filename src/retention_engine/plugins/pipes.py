"""What we and a worker process say to each other: pickles with their length in front.

Reading a pickle can run code, so one only reads those of somebody trusted. Here both ends are ours: we started the process
ourselves, to run plug-ins that would run in our own process otherwise, and nobody else can write into the pipes.
"""

import pickle
import struct
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ..events import Event
from ..findings import Action, Concern, Finding
from .finding import Plugin

LENGTH = struct.Struct(">Q")


@attrs.frozen
class Load:
    """Load these plug-ins, instead of those loaded before.

    Attributes:
        plugins: the plug-ins.
        seconds: how long we wait for the answer.
    """

    plugins: tuple[Plugin, ...]
    seconds: float


@attrs.frozen
class Loaded:
    """The plug-ins are loaded, each as far as it can be."""


@attrs.frozen
class Ask:
    """Ask a rule what it states of a client's history.

    Attributes:
        rule: the rule's name.
        settings: the values of its settings.
        client: the client's id.
        kept: how many of the events of the question before are the first ones of this history, too.
        more: the events that follow them.
        seconds: how long we wait for the answer.
    """

    rule: str
    settings: Mapping[str, Any]
    client: str
    kept: int
    more: tuple[Event, ...]
    seconds: float


Cited = int | Event
"""An event that is cited: by its place in the history that was asked about, or else the event itself."""


SAID: Mapping[type, tuple[str, ...]] = {
    Concern: ("level", "starts", "until", "about", "message"),
    Action: ("message", "due", "about"),
}
"""What a finding says besides what it cites and what the engine fills in, by its class."""


@attrs.frozen
class Stated:
    """What a rule states: of each finding its class, what it says, and what it cites."""

    findings: tuple[tuple[type[Finding], Mapping[str, Any], tuple[Cited, ...]], ...]


@attrs.frozen
class Failed:
    """A rule could not be evaluated."""

    cause: str


@attrs.frozen
class Unread:
    """A message could not be read; whatever was kept of the history before is forgotten."""

    cause: str


def framed(message: object) -> bytes:
    """A message as it goes through a pipe.

    Raises:
        Exception: something in it can't be pickled.
    """
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


def read_frame(read: Callable[[int], bytes]) -> bytes:
    """The next message as it stands in a pipe, without its length.

    Args:
        read: reads at most so many bytes, at least one; none at the end.

    Raises:
        EOFError: the pipe ends; its text is what came after the last whole message, as Latin-1.
    """
    head = _exactly(LENGTH.size, read, b"")
    return _exactly(LENGTH.unpack(head)[0], read, head)


def _exactly(size: int, read: Callable[[int], bytes], before: bytes) -> bytes:
    found = bytearray()
    while len(found) < size:
        part = read(min(size - len(found), 1 << 20))
        if not part:
            raise EOFError((before + bytes(found)).decode("latin-1"))
        found += part
    return bytes(found)


def unpickled(body: bytes) -> Any:
    """The message in a frame.

    Raises:
        Exception: it names a class that can't be imported here.
    """
    return pickle.loads(body)  # noqa: S301 - see the module's docstring
