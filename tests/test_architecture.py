"""The shape of the house: who may import whom, who reads a clock, what an import costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import retention_engine

SOURCE = Path(retention_engine.__file__).parent

ROOMS = [
    "errors",
    "moments",
    "schema",
    "events",
    "kinds",
    "codec",
    "words",
    "history",
    "settling",
    "client",
    "growing",
    "findings",
    "docstrings",
    "declare",
    "binding",
    "rules",
    "stating",
    "engine",
    "gathering",
    "sweep",
    "book",
    "book_rules",
    "firing",
    "timelines",
    "comparison",
    "catalogue",
    "outlook",
    "repair",
    "scoring",
    "worklist",
    "formats.texts",
    "formats.local_time",
    "formats.column_map",
    "setting_values",
    "settings_tables",
    "reaches",
    "purity",
    "settings",
    "fates",
    "reality",
    "outcomes",
    "predictions",
    "tallies",
    "backtests",
    "log",
    "agenda",
    "formats",
    "importing",
    "plugins",
    "checking",
    "parallel",
    "embedding",
    "testing",
    "cli",
    "__main__",
]
"""The rooms from the ground up: a module, or a folder of modules. Each imports itself and those above it in this list.

A settings file may say how other programs' tables are read, so the modules of `formats` that understand this lie below it.
"""

DOMAIN = ROOMS[: ROOMS.index("scoring") + 1]
"""The rooms that know neither store nor file nor clock nor environment."""

NOT_FOR_THE_DOMAIN = {"io", "logging", "os", "pathlib", "socket", "sqlite3", "subprocess", "sys", "time", "tomllib"}

OWNERS = {
    "click": {"cli"},
    "rich": {"formats.tables"},
    "eventsourcing": {"log"},
    "psycopg": {"log"},
    "jinja2": {"formats.report"},
    "icalendar": {"formats.calendar"},
    "hypothesis": {"testing"},
}
"""Who alone may import a library: a room, or one module of it."""

CLOCKS = {"cli.options", "log.event_log"}
"""The modules that read the clock: the command line's `now`, and the stamp of a log, which can be passed in."""


def modules() -> dict[str, ast.Module]:
    """Every module's syntax by its name within the package; the package's own `__init__` names all rooms."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts != ("__init__",):
            found[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def room(module: str) -> str:
    """A module's room: the module itself where the list names it, else its folder."""
    return module if module in ROOMS else module.split(".", maxsplit=1)[0]


def imports(module: str) -> Iterator[tuple[str, bool]]:
    """What a module imports, anywhere in it: the full name, and whether it belongs to the package."""
    package = module.split(".")[:-1]
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, False
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or "", False
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield ".".join([*base, name]), True


def used(module: str) -> Iterator[str]:
    """Every dotted name that a module uses, such as `datetime.now`, and every name that it imports from elsewhere."""
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).split(".")[-1]
            yield f"{owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_every_room_has_its_place():
    assert {room(module) for module in MODULES} == set(ROOMS), "say in ROOMS where a new module stands"


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downwards_only(module: str):
    above = ROOMS.index(room(module))
    wrong = [name for name, ours in imports(module) if ours and ROOMS.index(room(name)) > above]
    assert wrong == []
    assert not any(name.split(".")[0] == "retention_engine" for name, ours in imports(module) if not ours)


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_imported_by_its_owner_alone(library: str):
    importing = {
        module for module in MODULES for name, ours in imports(module) if not ours and name.split(".")[0] == library
    }
    owners = OWNERS[library]
    assert {module for module in importing if module not in owners and room(module) not in owners} == set()
    assert importing


def test_the_domain_knows_no_file_no_store_and_no_environment():
    for module in MODULES:
        if room(module) in DOMAIN:
            found = {name.split(".")[0] for name, ours in imports(module) if not ours}
            assert found & NOT_FOR_THE_DOMAIN == set(), module


def test_only_the_command_line_and_the_log_read_the_clock():
    wall = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    wall |= {f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "asctime")}
    assert {module for module in MODULES if wall & set(used(module))} == CLOCKS


def test_only_the_command_line_reads_the_environment_but_for_no_color():
    reading = {
        module
        for module in MODULES
        if room(module) != "cli" and {"os.environ", "os.environb", "os.getenv"} & set(used(module))
    }
    assert reading == {"formats.tables"}
    asked = [
        node.args[0].value
        for node in ast.walk(MODULES["formats.tables"])
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "os.environ.get"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert asked == ["NO_COLOR"]


class TestPublicNames:
    @staticmethod
    def for_type_checkers() -> list[str]:
        """The names that `__init__` imports for type checkers alone."""
        tree = ast.parse(Path(retention_engine.__file__).read_text(encoding="utf-8"))
        guarded = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
        return [
            name.asname or name.name
            for block in guarded
            for node in block.body
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        ]

    def test_type_checkers_and_programs_see_the_same_names(self):
        assert sorted(self.for_type_checkers()) == sorted(retention_engine.__all__)
        assert len(set(retention_engine.__all__)) == len(retention_engine.__all__)

    @pytest.mark.parametrize("name", retention_engine.__all__)
    def test_each_resolves_to_what_its_home_calls_so(self, name: str):
        value = getattr(retention_engine, name)
        assert getattr(value, "__name__", name).split(".")[-1] in {name, "Iterator", "Mapping"}
        home = getattr(value, "__module__", None)
        assert not isinstance(value, type) or str(home).startswith("retention_engine.")

    def test_another_name_is_refused(self):
        with pytest.raises(AttributeError, match="module 'retention_engine' has no attribute 'Clinet'"):
            _ = retention_engine.Clinet

    def test_the_version_is_that_of_the_distribution(self):
        assert retention_engine.__version__ == version("retention-engine")


HEAVY = {"click", "rich", "eventsourcing", "psycopg", "sqlite3", "jinja2", "icalendar", "hypothesis"}


@pytest.mark.parametrize(
    "program",
    [
        "import retention_engine",
        "from retention_engine import Engine, Engaged, Client, Settings, gather, read_log, replay, rule",
    ],
)
def test_an_import_loads_neither_command_line_nor_tables_nor_store(program: str):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "retention_engine" in loaded
    assert {name.split(".")[0] for name in loaded} & (HEAVY - preloaded()) == set()


def preloaded() -> set[str]:
    """What Python loads before any program runs, such as for measuring coverage of subprocesses."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}
