"""The source of a rule: the file that its code stands in, and those of its own folder or package that this imports."""

import ast
import inspect
from collections.abc import Iterator
from hashlib import sha256
from os.path import isfile  # which, unlike that of a path, says no of what can't be looked at
from pathlib import Path
from types import CodeType

_OURS = Path(__file__).parents[1]
_INSTALLED = {"site-packages", "dist-packages"}


def source_around(code: CodeType) -> str:
    """A digest of the files in which code stands; empty where there is none, as in a shell.

    Files are looked for by the names that are imported, so that it is the same in every process, whatever that has imported
    so far. Of what is installed, the file itself is read alone: a new version says that the others have changed.
    """
    try:
        lines, _ = inspect.findsource(code)
    except OSError:
        return ""
    text = "".join(lines)
    found = [text]
    path = Path(code.co_filename).absolute()
    if _is_loose(path):
        read = {path}
        _read_imported(path, text, read)
        read.remove(path)
        found += map(_text, sorted(read))
    return sha256("\0".join(found).encode(errors="replace")).hexdigest()


def _is_loose(path: Path) -> bool:
    return _INSTALLED.isdisjoint(path.parts) and not path.is_relative_to(_OURS)


def _read_imported(path: Path, text: str, read: set[Path]) -> None:
    """Note the files that one imports, and those that they import."""
    for file in _imported(path, text):
        if file not in read and _is_loose(file):
            read.add(file)
            _read_imported(file, _text(file), read)


def _text(file: Path) -> str:
    """What a file says; nothing, where it can't be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _imported(path: Path, text: str) -> Iterator[Path]:
    """The files beside one, or in its package, that its imports may mean."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return
    places = {path.parent, _outside_packages(path.parent)}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(places, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            within = {path.parents[node.level - 1]} if 0 < node.level <= len(path.parents) else places
            module = node.module.split(".") if node.module else []
            for parts in (module, *([*module, alias.name] for alias in node.names)):
                yield from _files(within, parts)


def _outside_packages(folder: Path) -> Path:
    """The first folder from here upwards that is no package."""
    for place in (folder, *folder.parents):
        if not isfile(place / "__init__.py"):  # noqa: PTH113 - see above
            return place
    return folder


def _files(places: set[Path], parts: list[str]) -> Iterator[Path]:
    """The files that a module's name may mean in these places."""
    for place in sorted(places):
        module = place.joinpath(*parts)
        may_be = [module / "__init__.py"]
        if parts:
            may_be.append(module.with_name(f"{parts[-1]}.py"))
        yield from filter(isfile, may_be)
