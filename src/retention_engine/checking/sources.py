"""A rule's source: the file, the function, and what of its module the function uses."""

import ast
import inspect
import tokenize
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from ..declare import Rule, RuleFunction
from .flaws import Place


def as_declared(rule: Rule) -> RuleFunction:
    """The function that its author wrote, without what stands around a plug-in's rule to keep it from harming others."""
    declared = getattr(rule.function, "__retention_rule__", None)
    return declared.function if isinstance(declared, Rule) else rule.function


def code_of(function: Callable[..., Any]) -> Any:
    """The code of a function, or of an object that can be called; `None` where it was not written in Python."""
    plain = inspect.unwrap(function)
    return getattr(plain, "__code__", None) or getattr(vars(type(plain)).get("__call__"), "__code__", None)


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.AugAssign
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@attrs.frozen
class Source:
    """Where a rule was written.

    Attributes:
        file: the file's name.
        lines: its lines.
        function: the rule's function in it.
        names: what the names mean that the file imports, such as `datetime.datetime` of `datetime`.
        definitions: what the module defines at its top, by name.
    """

    file: str
    lines: tuple[str, ...]
    function: ast.FunctionDef | ast.AsyncFunctionDef
    names: dict[str, str]
    definitions: dict[str, list[Definition]]

    def place(self, node: ast.AST | None = None) -> Place:
        """Where something stands; the function itself where nothing is named."""
        line: int = getattr(node or self.function, "lineno", self.function.lineno)
        return self.file, line

    def line_saying(self, text: str) -> Place:
        """The first line of the rule that is this text but for its indentation; the rule's first line where none is."""
        start, end = self.function.lineno, self.function.end_lineno or self.function.lineno
        for number in range(start, end + 1):
            if self.lines[number - 1].strip() == text:
                return self.file, number
        return self.place()

    def reachable(self) -> Iterator[Definition]:
        """The rule's function, and what of its module's top it uses, directly or through others."""
        waiting: list[Definition] = [self.function]
        seen = {id(self.function)}
        while waiting:
            definition = waiting.pop(0)
            yield definition
            local = local_names(definition)
            for node in ast.walk(definition):
                if isinstance(node, ast.Name) and node.id not in local:
                    for used in self.definitions.get(node.id, ()):
                        if id(used) not in seen:
                            seen.add(id(used))
                            waiting.append(used)

    def meaning(self, node: ast.AST, local: frozenset[str]) -> str | None:
        """What a name or a dotted name stands for, such as `datetime.datetime.now`; `None` where that is not known.

        Names that the file neither imports nor defines are Python's own.
        """
        if isinstance(node, ast.Attribute):
            owner = self.meaning(node.value, local)
            return None if owner is None else f"{owner}.{node.attr}"
        if not isinstance(node, ast.Name) or node.id in local:
            return None
        return self.names.get(node.id, None if node.id in self.definitions else node.id)


def source_of(rule: Rule) -> Source | None:
    """Where a rule was written, `None` where that can't be read."""
    code = code_of(as_declared(rule))
    if code is None:
        return None
    try:
        with tokenize.open(code.co_filename) as file:
            text = file.read()
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and node.name == code.co_name and _first_line(node) == code.co_firstlineno:
            return Source(code.co_filename, tuple(text.split("\n")), node, _imports(tree), _definitions(tree))
    return None


def place_of(rule: Rule) -> Place | None:
    """Where a rule begins, `None` where it was not written in Python."""
    if source := source_of(rule):
        return source.place()
    code = code_of(as_declared(rule))
    return None if code is None else (code.co_filename, code.co_firstlineno)


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _imports(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                found[name.asname or name.name.partition(".")[0]] = (
                    name.name if name.asname else name.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                found[name.asname or name.name] = f"{'.' * node.level}{node.module or ''}.{name.name}"
    return found


def _definitions(tree: ast.Module) -> dict[str, list[Definition]]:
    found: dict[str, list[Definition]] = {}
    for node in tree.body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        found.setdefault(part.id, []).append(node)
    return found


def local_names(definition: ast.AST) -> frozenset[str]:
    """The names that a function makes its own, those of functions within it among them."""
    if not isinstance(definition, FUNCTIONS):
        return frozenset()
    own: set[str] = set()
    shared: set[str] = set()
    for node in ast.walk(definition):
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif isinstance(node, ast.Global):
            shared.update(node.names)
    return frozenset(own - shared)
