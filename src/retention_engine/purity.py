"""A rule reads its client's history and nothing else: whoever reaches for more meanwhile is refused, and noted.

Refused are the clock, chance, the environment, files, the network and other processes, where they are reached through
Python's own modules. It is a guard against mistakes, not a sandbox: a library in C that asks the operating system by
itself is not seen, nor is a function that was kept elsewhere before, such as in a default value.
"""

import datetime as dt
import os
import random
import secrets
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

import attrs

from .errors import ImpureRule, shown
from .reaches import ALWAYS, WITHOUT_MOMENT, impurity, reach_of


@attrs.frozen(eq=False)
class _Watch:
    """One `with forbidding(...)` of one thread, with how many excused callers it was entered under."""

    attempts: list[str]
    excused: int


class _Watching(threading.local):
    def __init__(self) -> None:
        self.here: list[_Watch] = []


_watching = _Watching()
_LOCK = threading.RLock()


@contextmanager
def forbidding(*modules: str) -> Iterator[list[str]]:
    """While it lasts, whoever reads clock, environment or files, draws by chance, or reaches out gets an `ImpureRule`.

    It holds for the thread that enters it, and may be entered again. Everything is as it was afterwards. What is
    excused: modules that are imported meanwhile, with all that they do on import; what `zoneinfo`, `logging`, `traceback`,
    `linecache`, `warnings` and `pdb` read for themselves.

    Args:
        modules: the modules whose own names are watched too, such as a `now` that was imported from somewhere; a
            package stands for all of its modules.

    Yields:
        What was reached for, such as `datetime.now`, noted as it happens, even where the error is swallowed.
    """
    _listen()
    attempts: list[str] = []
    watch = _Watch(attempts, _excused_callers())
    places = _hold(modules)
    _watching.here.append(watch)
    try:
        yield attempts
    finally:
        _watching.here.remove(watch)
        _let_go(places)


def _refuse(attempt: str) -> None:
    """Note an attempt and raise, if this thread is watched and nobody excused is asking."""
    here = _watching.here
    if not here or _is_excused():
        return
    for watch in here:
        watch.attempts.append(attempt)
    raise ImpureRule(impurity(attempt), attempt)


_IMPORTING = {
    "_frozen_importlib",
    "_frozen_importlib_external",
    "importlib._bootstrap",
    "importlib._bootstrap_external",
    "zipimport",
}
_EXCUSED = {"linecache", "logging", "pdb", "traceback", "warnings", "zoneinfo"}


def _excused_callers() -> int:
    """How many callers on the stack are excused."""
    frame, count = sys._getframe(1), 0  # noqa: SLF001 - the documented way to the callers
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        count += name in _IMPORTING or name.partition(".")[0] in _EXCUSED
        frame = frame.f_back  # type: ignore[assignment]
    return count


def _is_excused() -> bool:
    return _excused_callers() > _watching.here[-1].excused


# Functions, classes and the environment, each with the guard that stands in for it.


def _guarded(attempt: str, real: Callable[..., Any], needs: int | None = None) -> Callable[..., Any]:
    """A function that refuses and else does the same; with `needs` it refuses only those who give fewer arguments."""

    @wraps(real)
    def guard(*args: Any, **kwargs: Any) -> Any:
        if needs is None or sum(value is not None for value in (*args, *kwargs.values())) < needs:
            _refuse(attempt)
        return real(*args, **kwargs)

    return guard


class _StandIn(type):
    """The type of a class that stands in for another: it makes, and recognizes, instances of that one."""

    real: type
    refused: Mapping[str, Callable[..., Any]]
    maker: Callable[..., Any]

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return type.__getattribute__(cls, "maker")(*args, **kwargs)

    def __getattribute__(cls, name: str) -> Any:
        guard = type.__getattribute__(cls, "refused").get(name)
        return guard or getattr(type.__getattribute__(cls, "real"), name)

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, type.__getattribute__(cls, "real"))

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, type.__getattribute__(cls, "real"))

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is type.__getattribute__(cls, "real")

    def __hash__(cls) -> int:
        return hash(type.__getattribute__(cls, "real"))


def _stand_in(real: type, refused: Iterable[str] = (), maker: Callable[..., Any] | None = None) -> type:
    guards = {name: _guarded(f"{real.__name__}.{name}", getattr(real, name)) for name in refused}
    return _StandIn(real.__name__, (real,), {"real": real, "refused": guards, "maker": staticmethod(maker or real)})


class _Environment(MutableMapping[Any, Any]):
    """Stands in for `os.environ`."""

    def __init__(self, attempt: str, real: Any) -> None:
        self._attempt = attempt
        self._real = real

    def _ask(self) -> Any:
        _refuse(self._attempt)
        return self._real

    def __getitem__(self, key: Any) -> Any:
        return self._ask()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._ask()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._ask()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ask())

    def __len__(self) -> int:
        return len(self._ask())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ask(), name)


_GUARDS: dict[int, tuple[Any, Any]] = {}
"""What is guarded, with its guard, by identity."""


def _guard(real: Any, guard: Any) -> None:
    _GUARDS[id(real)] = (real, guard)


for (_module, _), _names in ALWAYS.items():
    for _name in _names:
        if hasattr(_module, _name):
            _guard(getattr(_module, _name), _guarded(f"{_module.__name__}.{_name}", getattr(_module, _name)))
for _name, _needs in WITHOUT_MOMENT.items():
    _guard(getattr(time, _name), _guarded(f"time.{_name}", getattr(time, _name), _needs))
_guard(dt.datetime, _stand_in(dt.datetime, ("now", "utcnow", "today")))
_guard(dt.date, _stand_in(dt.date, ("today",)))
_guard(random.Random, _stand_in(random.Random, maker=_guarded("random.Random", random.Random, 1)))
_guard(random.SystemRandom, _stand_in(random.SystemRandom, maker=_guarded("random.SystemRandom", random.SystemRandom)))
for _name in ("environ", "environb"):
    if hasattr(os, _name):
        _guard(getattr(os, _name), _Environment(f"os.{_name}", getattr(os, _name)))


def _guard_of(value: Any) -> Any:
    """The guard of a thing that has one, else `None`."""
    found = _GUARDS.get(id(value))
    return found[1] if found is not None and found[0] is value else None


# Where the guards stand: in the named modules' own names, and in Python's modules for whoever asks these.


class _Watched(ModuleType):
    """A module that hands out guards to the threads that are watched, and to nobody else."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if not _watching.here or (guard := _guard_of(value)) is None or _is_excused():
            return value
        return guard


_Place = tuple[str, str]
"""A name in a module."""

_SOURCES = (dt, time, random, secrets, uuid, os)
_held: Counter[_Place] = Counter()
_found_there: dict[_Place, tuple[dict[str, Any], Any]] = {}
_classes: dict[str, type[ModuleType]] = {}
_entered = 0


def _places(modules: Iterable[str]) -> Iterator[tuple[_Place, dict[str, Any]]]:
    """Where the named modules keep something that is guarded, or the guard that another thread put there."""
    for name in {member for module in modules for member in _members(module)}:
        module = sys.modules.get(name)
        if module is None or module in _SOURCES or name == __name__:
            continue
        for key, value in list(vars(module).items()):
            if _guard_of(value) is not None or (name, key) in _held:
                yield (name, key), vars(module)


def _members(name: str) -> Iterator[str]:
    yield name
    if hasattr(sys.modules.get(name), "__path__"):
        yield from (other for other in list(sys.modules) if other.startswith(f"{name}."))


def _hold(modules: Iterable[str]) -> list[_Place]:
    """Put the guards in their places, unless they are there already."""
    global _entered  # noqa: PLW0603 - the modules are there once in a process, and so is the count
    with _LOCK:
        if not _entered:
            for source in _SOURCES:
                _classes[source.__name__] = type(source)
                source.__class__ = _Watched
        _entered += 1
        places = list(_places(modules))
        for place, names in places:
            real = names.get(place[1])
            if (guard := _guard_of(real)) is not None:
                _found_there[place] = (names, real)
                names[place[1]] = guard
            _held[place] += 1
        return [place for place, _ in places]


def _let_go(places: list[_Place]) -> None:
    """Put everything back that nobody else still holds."""
    global _entered  # noqa: PLW0603 - as above
    with _LOCK:
        _entered -= 1
        if not _entered:
            for source in _SOURCES:
                source.__class__ = _classes[source.__name__]
        for place in places:
            _held[place] -= 1
            if not _held[place]:
                del _held[place]
                names, real = _found_there.pop(place)
                if names.get(place[1]) is _guard_of(real):
                    names[place[1]] = real


# Files, network and processes: Python tells an audit hook of them, wherever the call comes from.


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Refuse what Python is about to do for a thread that is watched; for all others it does nothing."""
    if not _watching.here or reach_of(event) is None:
        return
    if event == "open":
        if not _is_time_zone(args[0]):
            _refuse(f"open({shown(args[0])})")
    else:
        _refuse(event)


def _is_time_zone(path: object) -> bool:
    """Whether a file belongs to the time zones of the system, which `zoneinfo` reads in C."""
    zoneinfo = sys.modules.get("zoneinfo")
    return zoneinfo is not None and isinstance(path, str) and path.startswith(tuple(zoneinfo.TZPATH or ["\0"]))


_listening = False


def _listen() -> None:
    """Install the audit hook, once: Python takes none back."""
    global _listening  # noqa: PLW0603 - a hook is there once in a process
    with _LOCK:
        if not _listening:
            sys.addaudithook(_audit)
            _listening = True
