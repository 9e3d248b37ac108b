"""A new rule with its tests: three files that work as they are, for their author to change."""

import builtins
import re
from contextlib import suppress
from importlib.resources import files
from importlib.util import find_spec
from keyword import iskeyword
from os.path import lexists
from pathlib import Path
from string import Template

import attrs

from ..errors import RetentionError, shown

LONGEST = 36
"""How many characters a part of a name may have, so that what is written keeps to the usual length of lines."""

_PART = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", re.ASCII)
_TEMPLATES = "templates"
_IMPORTED = re.compile(r"^from (?:\S+) import (?:\(([^)]+)\)|(.+))$", re.MULTILINE)


class NotScaffolded(RetentionError, ValueError):
    """A rule can't be written under this name, or at this place; nothing was written."""


@attrs.frozen
class Scaffold:
    """A rule to be written.

    Attributes:
        stem: the name of its file, without `.py`.
        function: the name of its function.
    """

    stem: str
    function: str

    @classmethod
    def named(cls, name: str) -> "Scaffold":
        """The rule of a name: `acme/slow-payer` is `slow_payer` in `acme.py`, `slow-payer` stands in `slow_payer.py`.

        Raises:
            NotScaffolded: no rule can have this name.
        """
        qualifier, slash, rule = name.rpartition("/")
        parts = (qualifier, rule) if slash else (rule, rule)
        for part in parts:
            if not _PART.fullmatch(part):
                raise NotScaffolded(f"{shown(name)} is no name for a rule; write it like {_proper(parts, slash)}")
            if len(part) > LONGEST:
                raise NotScaffolded(f"{shown(part)} is too long; {LONGEST} characters at most")
        found = cls(*(part.replace("-", "_") for part in parts))
        found._check()
        return found

    def _check(self) -> None:
        for word in (self.stem, self.function):
            if iskeyword(word) or (word == self.function and hasattr(builtins, word)):
                raise NotScaffolded(f"{word!r} means something else in Python; name the problem that the rule finds")
            if word.startswith("test_") or word.endswith("_test") or word in {"test", "conftest"}:
                raise NotScaffolded(f"pytest would take {word!r} for a test; choose another name")
        if self.function in _imported():
            raise NotScaffolded(
                f"{self.function!r} is a name that rules and their tests import; name the problem that the rule finds"
            )

    @property
    def rule(self) -> str:
        """The rule's name."""
        return f"{self.stem}/{self.function}".replace("_", "-")

    @property
    def rule_file(self) -> str:
        """The name of the file with the rule."""
        return f"{self.stem}.py"

    @property
    def test_file(self) -> str:
        """The name of the file with its tests in Python."""
        return f"test_{self.function}.py"

    @property
    def timeline_file(self) -> str:
        """The name of the file with its tests in TOML."""
        return f"{self.function}.test.toml"

    def texts(self) -> dict[str, str]:
        """What is written, by the name of the file."""
        words = {
            "stem": self.stem,
            "function": self.function,
            "name": self.rule,
            "title": self.function.title().replace("_", ""),
        }
        templates = {self.rule_file: "rule.py", self.test_file: "test.py", self.timeline_file: "test.toml"}
        return {file: Template(_template(template)).substitute(words) for file, template in templates.items()}

    def write(self, folder: Path) -> list[Path]:
        """Write the files into a folder, which is made where there is none; all of them, or none.

        Raises:
            NotScaffolded: one of the files is there already, or can't be written.
        """
        texts = {folder / name: text for name, text in self.texts().items()}
        if there := [str(path) for path in texts if lexists(path)]:
            verb = "is" if len(there) == 1 else "are"
            raise NotScaffolded(
                f"{', '.join(there)} {verb} there already, and nothing was written: choose another folder, "
                f"--into DIR, or another name{self._beside(folder)}"
            )
        self._refuse_to_hide(folder)
        written: list[Path] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path, text in texts.items():
                with path.open("x", encoding="utf-8", newline="\n") as file:
                    written.append(path)
                    file.write(text)
        except OSError as error:
            for path in written:
                with suppress(OSError):
                    path.unlink()
            where = error.filename or folder
            raise NotScaffolded(f"{where} can't be written: {error.strerror}; nothing was written") from None
        return list(texts)

    def _beside(self, folder: Path) -> str:
        rule = folder / self.rule_file
        return f"; further rules can stand in {rule}, written by hand" if rule.is_file() else ""

    def _refuse_to_hide(self, folder: Path) -> None:
        """Refuse a file that Python would import instead of a module of that name, or the other way round."""
        spec = find_spec(self.stem)
        if spec is None or spec.origin is None:
            return
        own = {folder.resolve(), Path.cwd()}
        if not spec.has_location or Path(spec.origin).resolve().parent not in own:
            raise NotScaffolded(
                f"there is a Python module {self.stem!r}, and {self.rule_file} would hide it; choose another name, "
                f"such as our-{self.rule}"
            )


def _proper(parts: tuple[str, ...], slash: str) -> str:
    """A name as it should have been, or one that shows how."""
    words = [
        re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", part).lower()).strip("-") for part in parts
    ]
    if not all(map(_PART.fullmatch, words)):
        return "acme/slow-payer"
    return "/".join(words if slash else words[:1])


def _template(name: str) -> str:
    return files(__package__).joinpath(_TEMPLATES, f"{name}.txt").read_text(encoding="utf-8")


def _imported() -> set[str]:
    """The names that what is written imports."""
    found = _IMPORTED.findall(_template("rule.py") + _template("test.py"))
    return {name.strip() for lines, line in found for name in (lines or line).split(",")}
