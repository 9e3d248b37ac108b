"""Which plug-ins are meant: a name, a file or a module, told apart and found before anything is imported.

Whatever door a plug-in comes through, it is a `Plugin` with `Source`s here, and loaded in one way.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import attrs

from ..errors import did_you_mean, shown

Brings = Literal["rules", "events", "packs"]
"""What a source is searched for."""

ALL: tuple[Brings, ...] = ("rules", "events", "packs")
GROUP = "retention_engine."
"""How the entry-point groups begin: `retention_engine.rules`, `retention_engine.events`, `retention_engine.packs`."""

_WORD = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?", re.ASCII)
_SUFFIX = ".py"


@attrs.frozen
class Source:
    """Something to import.

    Attributes:
        origin: what brings it, for people: `acme-rules 1.0`, `./rules/acme.py`, `acme.rules`.
        module: the module's name.
        attribute: the attribute of it that is meant, empty for the whole module.
        path: the file that it is read from; `None` where Python knows how to import it.
        brings: what it is searched for.
        folder: where modules are looked for besides Python's path.
    """

    origin: str
    module: str
    attribute: str
    path: Path | None
    brings: tuple[Brings, ...]
    folder: Path


@attrs.frozen
class Plugin:
    """A plug-in as it was named: what to import for it.

    Attributes:
        name: what its rules' names begin with.
        sources: what to import, those of an installed distribution by group.
    """

    name: str
    sources: tuple[Source, ...]


def find_plugins(specs: Iterable[str], *, base: Path) -> tuple[list[Plugin], list[str]]:
    """The plug-ins that these words name, each once, and what is wrong with the words.

    Args:
        specs: for each plug-in the name that it is installed under (`acme`), a file (`./rules/acme.py`), a module
            (`acme.rules`), or an attribute of one (`acme.rules:slow_payer`).
        base: the folder from which files are named, and in which modules are looked for, too.

    Returns:
        The plug-ins, those of one name made one with the sources of all; and the problems, each `'SPEC': what is wrong`.
    """
    found: list[Plugin] = []
    problems: list[str] = []
    if isinstance(specs, str):  # whose letters would be taken for plug-ins
        return found, [f"expected a list, got {shown(specs)}; write [{shown(specs)}]"]
    for spec in specs:
        try:
            found.append(_find(spec, base))
        except ValueError as error:
            problems.append(f"{shown(spec)}: {error}")
    return merged(found), problems


def merged(plugins: Iterable[Plugin]) -> list[Plugin]:
    """Plug-ins of one name made one; a file counts once, however it was named."""
    found: dict[str, dict[Path | Source, Source]] = {}
    for plugin in plugins:
        sources = found.setdefault(plugin.name, {})
        for source in plugin.sources:
            sources.setdefault(source.path or source, source)
    return [Plugin(name, tuple(sources.values())) for name, sources in found.items()]


def name_of(spec: str) -> str:
    """What a plug-in would be called that can't be found."""
    is_file = spec.endswith(_SUFFIX) or "/" in spec or "\\" in spec
    name = Path(spec).stem if is_file else re.split("[.:]", spec)[0]
    return name.replace("_", "-").lower().strip("-")


def _find(spec: str, base: Path) -> Plugin:
    if spec.endswith(_SUFFIX) or "/" in spec or "\\" in spec:
        return _file(spec, base)
    if _WORD.fullmatch(spec):
        sources = _installed(spec)
        if sources:
            return Plugin(_qualifier(spec), tuple(sources))
        if not _MODULE.fullmatch(spec) or not _exists(spec, base):
            names = _installed_names()
            there = f" (installed: {', '.join(names)})" if names else ""
            raise ValueError(
                f"no plug-in of this name is installed{did_you_mean(spec, names)}{there}; "
                f"a file is written ./{spec}.py, a module package.module"
            )
    if not _MODULE.fullmatch(spec):
        raise ValueError("is no installed plug-in's name (acme), file (./acme.py) or module (acme.rules:slow_payer)")
    module, _, attribute = spec.partition(":")
    if not _exists(module, base):
        raise ValueError(f"there is no module {module.partition('.')[0]!r} on Python's path, nor in {base.resolve()}")
    return Plugin(_qualifier(module.partition(".")[0]), (Source(spec, module, attribute, None, ALL, base),))


def _file(spec: str, base: Path) -> Plugin:
    path = (base / spec).expanduser()
    if not path.is_file():
        raise ValueError("is a folder; name a file in it" if path.is_dir() else f"there is no file {path}")
    if path.suffix != _SUFFIX:
        raise ValueError("is no Python file; its name must end in .py")
    path = path.resolve()
    module = f"retention_plugin_{path.stem}_{sha256(str(path).encode()).hexdigest()[:12]}"
    return Plugin(_qualifier(path.stem), (Source(spec, module, "", path, ALL, path.parent),))


def _qualifier(name: str) -> str:
    """What the names of a plug-in's rules begin with, made of the name that it is known by."""
    qualifier = name.replace("_", "-").lower().strip("-")
    if not _WORD.fullmatch(qualifier):
        raise ValueError("its rules are named for it; give it a name of ASCII letters, digits, - and _")
    return qualifier


def _exists(module: str, base: Path) -> bool:
    """Whether a module's top-level package can be found; nothing is imported."""
    top = module.partition(".")[0]
    if (base / f"{top}.py").is_file() or (base / top).is_dir():
        return True
    try:
        return find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _installed(name: str) -> list[Source]:
    """What installed distributions bring under a name, by group; a distribution that is found twice counts once."""
    from importlib.metadata import entry_points

    wanted = _qualifier(name)
    sources: dict[Source, None] = {}
    for brings in ALL:
        for entry in entry_points(group=GROUP + brings):
            if _same(entry.name, wanted):
                origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
                module, _, attribute = entry.value.partition(":")
                sources[Source(origin, module.strip(), attribute.strip(), None, (brings,), Path())] = None
    return sorted(sources, key=lambda it: (ALL.index(it.brings[0]), it.origin, it.module))


def _installed_names() -> Sequence[str]:
    from importlib.metadata import entry_points

    return sorted({entry.name for brings in ALL for entry in entry_points(group=GROUP + brings)})


def _same(name: str, qualifier: str) -> bool:
    return name.replace("_", "-").lower().strip("-") == qualifier
