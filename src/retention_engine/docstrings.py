"""A rule's docstring, read: the problem that it finds, why that matters, its settings, and its examples."""

import re
from collections.abc import Sequence
from inspect import cleandoc

import attrs

_SETTING_LINE = re.compile(r"(\w+): (.*)")
_SECTIONS = ("Settings", "Fires", "Silent")


@attrs.frozen
class RuleDocstring:
    """What a rule's docstring says.

    Attributes:
        about: its first line: the problem found.
        rationale: the rest, without the sections that are read.
        settings: what the section `Settings:` says, by setting.
        fires: the lines of the section `Fires:`.
        silent: the lines of the section `Silent:`.
    """

    about: str
    rationale: str
    settings: dict[str, str]
    fires: tuple[str, ...]
    silent: tuple[str, ...]

    @classmethod
    def read(cls, doc: str | None) -> "RuleDocstring":
        """What a docstring says; all is empty where there is none."""
        about, _, rest = cleandoc(doc or "").partition("\n")
        rationale, sections = _sections(rest)
        explained = _explanations(sections.get("Settings", ()))
        return cls(about.strip(), rationale, explained, sections.get("Fires", ()), sections.get("Silent", ()))


def _sections(doc: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The docstring without the sections that are read, and their lines by heading, indented as below the heading."""
    prose: list[str] = []
    sections: dict[str, list[str]] = {}
    heading = ""
    for line in doc.split("\n"):
        if line and not line.startswith(" "):
            heading = line.removesuffix(":") if line.endswith(":") and line[:-1] in _SECTIONS else ""
        if heading:
            sections.setdefault(heading, []).append(line[4:].rstrip())
        else:
            prose.append(line)
    found = {name: tuple(line for line in lines[1:] if line) for name, lines in sections.items()}
    return re.sub(r"\n{3,}", "\n\n", "\n".join(prose)).strip(), found


def _explanations(lines: Sequence[str]) -> dict[str, str]:
    """What a `Settings:` section says, by setting."""
    explained: dict[str, str] = {}
    name = ""
    for line in lines:
        match = _SETTING_LINE.fullmatch(line)
        if match:
            name = match[1]
            explained[name] = match[2]
        elif name:
            explained[name] += " " + line.strip()
    return explained
