"""Installed distributions, as Python finds them: a folder with metadata and, beside it, modules. Nothing is downloaded."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACME_RULES = ROOT / "examples" / "acme-rules"

EntryPoints = Mapping[str, Mapping[str, str]]
"""What a distribution brings, by group and name."""


def install(
    site: Path, name: str, version: str, entry_points: EntryPoints, modules: Mapping[str, str] | None = None
) -> Path:
    """Put a distribution into a folder, as an installer would; the folder is for Python's path.

    Args:
        site: the folder.
        name: the distribution's name.
        version: its version.
        entry_points: what it brings, by group and name.
        modules: the text of its modules, by file.
    """
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = []
    for group, named in entry_points.items():
        lines += [f"[{group}]", *(f"{entry} = {value}" for entry, value in named.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    for file, text in (modules or {}).items():
        path = site / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return site


def install_acme_rules(site: Path, source: Path = ACME_RULES) -> list[str]:
    """The places on Python's path with which the example distribution is installed, its modules where they are."""
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(site, project["name"], project["version"], project["entry-points"])
    return [str(site), str(source / "src")]


def python_path(*places: str | Path) -> dict[str, str]:
    """The environment in which Python looks in these places, too."""
    already = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    return {"PYTHONPATH": os.pathsep.join([*map(str, places), *already])}
