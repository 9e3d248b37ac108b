"""A rule's source, read without running it: what reaches beyond the history, keeps state, or is left unsaid."""

import ast
from collections.abc import Iterator

import attrs

from ..declare import Rule
from ..reaches import CHANCE, CLOCK, ENVIRONMENT, FILES, NETWORK, PROCESSES, REACHES, Reach
from .flaws import Flaw, error, warning
from .sources import FUNCTIONS, Definition, Source, local_names, source_of

STATE = (
    "work it out from the client's events whenever it is asked for; what is kept makes verdicts depend on their order"
)


def lint(rule: Rule) -> list[Flaw]:
    """What is wrong with a rule, as far as its source and its docstring show it."""
    source = source_of(rule)
    if source is None:
        said = "its source can't be read, so nothing is known of what it does"
        return [*_left_unsaid(rule, None), warning("source", said, "keep its .py file where it was imported from")]
    found = [*_hidden(source), *_left_unsaid(rule, source)]
    for definition in source.reachable():
        found += _Reading(source, definition).flaws()
    return list(dict.fromkeys(found))


def _hidden(source: Source) -> Iterator[Flaw]:
    """Functions that were rules until another one took their name."""
    name = source.function.name
    for other in source.definitions.get(name, ()):
        if other is not source.function and isinstance(other, FUNCTIONS) and other.decorator_list:
            said = f"hides another {name}, which never runs"
            yield error("hidden", said, "rename one of the two", source.place(other))


def _left_unsaid(rule: Rule, source: Source | None) -> Iterator[Flaw]:
    place = source.place() if source else None
    about = rule.about
    if about[:1].islower() or not about.endswith((".", "!", "?")) or " " not in about:
        remedy = "write one that names the problem, such as 'An invoice is unpaid.': people read it beside the client"
        yield warning("sentence", f"its docstring's first line is no sentence: {about!r}", remedy, place)
    arguments = {node.arg: node for node in source.function.args.kwonlyargs} if source else {}
    for name, setting in rule.settings.items():
        where = source.place(arguments.get(name)) if source else None
        if not setting.about:
            remedy = f"add a line '{name}: ...' to the section 'Settings:' of its docstring"
            yield warning("setting", f"says nothing of its setting {name}", remedy, where)
        if source and name not in _loaded(source.function):
            yield warning("unused", f"never reads its setting {name}", "use it, or remove it", where)
    for section, lines, meant in (("Fires", rule.fires, "finds something"), ("Silent", rule.silent, "finds nothing")):
        if not lines:
            remedy = f"add a section '{section}:' to its docstring: a history, then a line such as 'at 2026-04-05: ...'"
            yield warning("example", f"has no example in which it {meant}", remedy, place)


def _loaded(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    names = (node for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}


_NEED = {f"time.{name}": 1 for name in ("localtime", "gmtime", "ctime", "asctime")}
_NEED |= {"time.strftime": 2, "random.Random": 1}
"""What is harmless with so many arguments."""

_PREFIXES: dict[str, Reach] = {
    **dict.fromkeys(("sys.argv", "os.getlogin", "getpass.getuser", "platform", "input"), ENVIRONMENT),
    **dict.fromkeys(("open", "io.open", "shutil", "tempfile", "glob", "sqlite3"), FILES),
    **{
        f"os.{name}": FILES
        for name in (
            *("open", "listdir", "scandir", "walk", "stat", "lstat", "remove", "unlink", "rename", "replace", "mkdir"),
            *("makedirs", "rmdir", "getcwd", "chdir", "access", "path.exists", "path.isfile", "path.isdir"),
            *("path.getmtime", "path.getsize"),
        )
    },
    **dict.fromkeys(("socket", "urllib.request", "http.client", "ftplib", "smtplib", "imaplib", "poplib"), NETWORK),
    **dict.fromkeys(("requests", "httpx", "aiohttp", "urllib3", "boto3"), NETWORK),
    **dict.fromkeys(("subprocess", "multiprocessing", "pty", "webbrowser", "os.popen"), PROCESSES),
}
_OF_A_PATH = {"read_text", "read_bytes", "write_text", "write_bytes", "open", "exists", "is_file", "is_dir", "iterdir"}
_MUTATORS = {
    *("append", "add", "update", "extend", "insert", "pop", "popitem", "remove", "discard", "clear", "setdefault"),
    *("appendleft", "popleft", "subtract", "sort", "reverse"),
}
_NOW = {"now", "today", "utcnow"}


@attrs.define
class _Reading:
    """One pass over a function, or over a value of its module."""

    source: Source
    definition: Definition
    local: frozenset[str] = attrs.field(init=False)
    inner: set[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.local = local_names(self.definition)
        self.inner = {id(node.value) for node in ast.walk(self.definition) if isinstance(node, ast.Attribute)}

    def flaws(self) -> Iterator[Flaw]:
        for node in ast.walk(self.definition):
            if isinstance(node, ast.Attribute | ast.Name) and id(node) not in self.inner:
                yield from self._reaches(node)
            elif isinstance(node, ast.Call):
                yield from self._called(node)
            elif isinstance(node, ast.Compare):
                yield from self._compared(node)
            if isinstance(self.definition, FUNCTIONS):
                yield from self._kept(node)

    def _meaning(self, node: ast.AST) -> str:
        """What a name stands for, `datetime.now` for the class's `datetime.datetime.now`."""
        found = self.source.meaning(node, self.local) or ""
        return found.removeprefix("datetime.") if found.startswith(("datetime.datetime", "datetime.date.")) else found

    def _reaches(self, node: ast.Attribute | ast.Name) -> Iterator[Flaw]:
        parts = self._meaning(node).split(".")
        for size in range(len(parts), 0, -1):
            name = ".".join(parts[:size])
            reach = REACHES.get(name) or _PREFIXES.get(name)
            if reach is not None and name not in _NEED:
                yield from self._reached(reach, name, node)
                return

    def _reached(self, reach: Reach, name: str, node: ast.AST) -> Iterator[Flaw]:
        at_import = not isinstance(self.definition, (*FUNCTIONS, ast.ClassDef))
        if at_import and reach is FILES:
            return
        said = f"{reach.does} ({name})" + (" when its module is imported" if at_import else "")
        flaw = warning if at_import and reach is ENVIRONMENT else error
        yield flaw(reach.name, said, reach.remedy, self.source.place(node))

    def _called(self, node: ast.Call) -> Iterator[Flaw]:
        name = self._meaning(node.func)
        given = [it for it in (*node.args, *(word.value for word in node.keywords)) if not _is_none(it)]
        if name in _NEED and len(given) < _NEED[name]:
            yield from self._reached(REACHES[name], name, node)
        elif name in {"hash", "id"}:
            said, remedy = f"calls {name}(), which differs from run to run", "compare the values themselves"
            yield warning(CHANCE.name, said, remedy, self.source.place(node))
        elif name == "print" and not any(word.arg == "file" for word in node.keywords):
            yield _printing("print", self.source.place(node))
        elif name in {"sys.stdout.write", "sys.stdout.writelines"}:
            yield _printing(name, self.source.place(node))
        elif (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in _OF_A_PATH
            and isinstance(node.func.value, ast.Call)
        ):
            if self._meaning(node.func.value.func).startswith("pathlib."):
                yield from self._reached(FILES, f"Path.{node.func.attr}", node)
        elif name.rpartition(".")[2] in {"Concern", "Action"}:
            yield from self._stated(node, name.rpartition(".")[2])

    def _stated(self, node: ast.Call, what: str) -> Iterator[Flaw]:
        because = next((word.value for word in node.keywords if word.arg == "because"), None)
        is_given = because is not None or any(word.arg is None for word in node.keywords)
        is_empty = isinstance(because, ast.List | ast.Tuple) and not because.elts
        if not is_given or is_empty:
            article = "an" if what == "Action" else "a"
            said = f"states {article} {what} {'whose because= is empty' if is_empty else 'without because='}"
            yield error("because", said, "give the events that it rests on: because=event", self.source.place(node))

    def _compared(self, node: ast.Compare) -> Iterator[Flaw]:
        if not any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
            return
        for side in (node.left, *node.comparators):
            called = side.func if isinstance(side, ast.Call) else side
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            if name in _NOW:
                said, remedy = (
                    f"compares with == {name}, which is so for an instant at most",
                    "state starts= and until=",
                )
                yield warning(CLOCK.name, said, remedy, self.source.place(node))

    def _kept(self, node: ast.AST) -> Iterator[Flaw]:
        """What outlives the call, since it belongs to the module."""
        if isinstance(node, ast.Global):
            yield error("state", f"keeps {', '.join(node.names)} (global)", STATE, self.source.place(node))
            return
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        changed = [target.value for target in targets if isinstance(target, ast.Subscript | ast.Attribute)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
            changed.append(node.func.value)
        for value in map(_owner, changed):
            if isinstance(value, ast.Name) and value.id not in self.local and value.id in self.source.definitions:
                said = f"changes {value.id}, which is kept from one call to the next"
                yield error("state", said, STATE, self.source.place(node))


def _owner(node: ast.expr) -> ast.expr:
    """What the attribute of an attribute, or an item of it, belongs to."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node


def _printing(name: str, place: tuple[str, int | None]) -> Flaw:
    said = f"prints to standard output ({name}), where the results go"
    return error("print", said, "remove it, or use logging, which writes elsewhere", place)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
