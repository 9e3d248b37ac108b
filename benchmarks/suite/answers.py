"""What a contender answers, as one number, so that any two contenders can be compared whatever their order is."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from time import perf_counter, process_time
from typing import TypeVar

import msgspec

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVERY = 10
"""The slowest contenders answer for every tenth client."""

STEP = 5_000

Item = tuple[object, ...]
"""A client and its status, or a client with the rule and the instant of an action, or with a change of status."""


class Answer:
    """The items of an answer, each counted, in any order; those of every tenth client are counted apart, too.

    Attributes:
        items: how many there were.
        seconds: how long it took to work them out.
        own_cpu: the CPU time that counting them took, which is not the contender's.
    """

    def __init__(self) -> None:
        self.items = 0
        self.seconds = self.own_cpu = 0.0
        self._all = self._some = 0

    def take(self, items: Iterable[Item]) -> None:
        """Take items in; the time that this takes by itself does not count."""
        found = iter(items)
        while True:
            started = perf_counter()
            step = list(islice(found, STEP))
            self.seconds += perf_counter() - started
            if not step:
                return
            counting = process_time()
            for item in step:
                self._add(item)
            self.own_cpu += process_time() - counting

    def _add(self, item: Item) -> None:
        self.items += 1
        plain = [plain_value(value) for value in item]
        number = int.from_bytes(blake2b(msgspec.json.encode(plain), digest_size=12).digest())
        self._all += number
        if is_sampled(str(plain[0])):
            self._some += number

    @property
    def digest(self) -> str:
        """The same for the same items."""
        return _short(self._all)

    @property
    def sample(self) -> str:
        """The same for the same items of every tenth client."""
        return _short(self._some)


def plain_value(value: object) -> object:
    """An instant as microseconds since 1970 in UTC, whatever a contender has it as; all else as it is."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        since = moment - EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return int(value) if isinstance(value, int) else value


def is_sampled(client: str) -> bool:
    """Whether a client is one of those for whom the slowest contenders answer."""
    return int(client.rpartition("-")[2]) % EVERY == 1


def in_steps(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items, so many at a time."""
    found = iter(items)
    while step := list(islice(found, size)):
        yield step


def _short(number: int) -> str:
    return f"{number % (1 << 64):016x}"
