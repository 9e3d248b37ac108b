"""Plug-ins loaded: what cannot be imported is told by distribution, and the others go on.

A plug-in that fails stands in the rules as one that always fails, so that no client is shown better than `unknown` for
want of what it would have said.
"""

import sys
import traceback
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING

import attrs

from ..declare import Findings, Pack, Rule
from ..errors import KindError, Reported, RetentionError, RuleError, SettingsError, did_you_mean, shown
from ..events import Event
from ..kinds import KINDS, Kinds
from ..rules import PACKS
from ..settings import CATALOGUE
from ..settings_tables import ALL_OF_A_PLUGIN
from .collecting import Brought, collect, where_written
from .finding import Plugin, Source, find_plugins
from .guarding import guarded

if TYPE_CHECKING:
    from .isolation import Worker

SLOW = timedelta(seconds=1)
"""An import that takes longer is told of."""

_IMPORTING = RLock()


@attrs.frozen
class PluginFailure:
    """A plug-in, or a part of it, that could not be loaded.

    Attributes:
        plugin: the plug-in's name.
        origin: what brings it, such as `acme-rules 1.0`.
        reason: what is wrong, and where.
        rule: the rule that stands for what is missing, and always fails.
    """

    plugin: str
    origin: str
    reason: str
    rule: str

    def __str__(self) -> str:
        what = "" if self.rule.endswith(ALL_OF_A_PLUGIN) else f"rule {self.rule} of "
        return (
            f"{what}plug-in {self.plugin} ({self.origin}) could not be loaded: {self.reason}. All else goes on, but no "
            f"client is shown better than unknown: correct it, or stop using {self.plugin}"
        )


@attrs.frozen
class Plugins:
    """What plug-ins bring.

    Attributes:
        rules: their rules, under qualified names such as `acme/slow-payer`; for what could not be loaded, a rule that
            always fails.
        kinds: the kinds of event there are: the built-in ones and theirs.
        packs: what their packs are for, by qualified name.
        failures: what could not be loaded.
        warnings: what was loaded and is worth a word.
        catalogue: every rule there is: the built-in ones, in their packs and those of the plug-ins, and theirs.
        worker: where their rules run, if there is a time budget.
    """

    rules: tuple[Rule, ...] = ()
    kinds: Kinds = KINDS
    packs: Mapping[str, str] = attrs.field(factory=dict)
    failures: tuple[PluginFailure, ...] = ()
    warnings: tuple[str, ...] = ()
    catalogue: tuple[Rule, ...] = CATALOGUE
    worker: "Worker | None" = attrs.field(default=None, repr=False)

    def close(self) -> None:
        """End the process in which their rules run, if there is one; a later question to them starts another one."""
        if self.worker is not None:
            self.worker.close()


NO_PLUGINS = Plugins()


def load_plugins(specs: Iterable[str], *, base: Path | None = None, time_budget: timedelta | None = None) -> Plugins:
    """Load plug-ins; one that fails is told of in `failures` and keeps no other from being loaded.

    Args:
        specs: for each plug-in the name that it is installed under (`acme`), a file (`./rules/acme.py`), a module
            (`acme.rules`), or an attribute of one (`acme.rules:slow_payer`).
        base: the folder from which files are named, and in which modules are looked for, too; else the current one.
        time_budget: how long a rule may take for one client; the rules then run in a process of their own.

    Raises:
        SettingsError: a word names no plug-in, or the time budget is no timedelta; `problems` lists all such.
    """
    found, problems = find_plugins(specs, base=base or Path())
    if not isinstance(time_budget, timedelta | None):
        problems.append(f"time_budget: expected a timedelta such as timedelta(seconds=2), got {shown(time_budget)}")
    if problems:
        raise SettingsError(problems)
    return load_found(found, time_budget=time_budget)


def load_found(found: Sequence[Plugin], *, time_budget: timedelta | None = None) -> Plugins:
    """Load plug-ins that were found; see `load_plugins`."""
    if not found:
        return NO_PLUGINS
    return _loaded(found, _Loading()) if time_budget is None else _loaded_in_part(found, time_budget)


def _loaded(found: Iterable[Plugin], loading: "_Loading") -> Plugins:
    for plugin in found:
        for source in plugin.sources:
            loading.take(plugin.name, source)
    return loading.result()


def _loaded_in_part(found: Sequence[Plugin], time_budget: timedelta) -> Plugins:
    """The plug-ins whose import comes to an end, with their rules run in a process of their own."""
    from .isolation import Worker, isolated, probe

    hopeless = probe(found)
    worker = Worker(_without(found, hopeless), time_budget)
    loaded = _loaded(found, _Loading(hopeless, lambda rule: isolated(guarded(rule), worker)))
    return attrs.evolve(loaded, worker=worker)


def _without(found: Iterable[Plugin], sources: Container[Source]) -> list[Plugin]:
    """The plug-ins without some of their sources."""
    return [Plugin(one.name, tuple(it for it in one.sources if it not in sources)) for one in found]


class _Loading:
    """Plug-ins as they are loaded one after the other.

    Args:
        hopeless: the sources that are better not imported, and why.
        restrained: a rule as it is to be run.
    """

    def __init__(
        self, hopeless: Mapping[Source, str] | None = None, restrained: Callable[[Rule], Rule] = guarded
    ) -> None:
        self.hopeless = hopeless or {}
        self.restrained = restrained
        self.rules: dict[str, list[Rule]] = {}
        self.kinds = KINDS
        self.packs: dict[str, tuple[Pack, str]] = {}
        self.failures: list[PluginFailure] = []
        self.warnings: list[str] = []

    def take(self, name: str, source: Source) -> None:
        """Import a source and note what it brings."""
        if source in self.hopeless:
            self._fail(name, source.origin, self.hopeless[source])
            return
        started = perf_counter()
        try:
            brought = collect(imported(source), source)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a plug-in that exits when it is imported must not end us
            self._fail(name, source.origin, _cause(error, source))
            return
        took = timedelta(seconds=perf_counter() - started)
        if took > SLOW:
            self.warnings.append(
                f"plug-in {name} ({source.origin}) took {took.total_seconds():.1f} s to import; move what takes so "
                "long out of the module's top level"
            )
        self.warnings += [f"plug-in {name} ({source.origin}): {overlooked}" for overlooked in brought.overlooked]
        self._register(name, source, brought)

    def _fail(self, plugin: str, origin: str, reason: str, rule: str | None = None) -> None:
        self.failures.append(PluginFailure(plugin, origin, reason, rule or plugin + ALL_OF_A_PLUGIN))

    def _register(self, plugin: str, source: Source, brought: Brought) -> None:
        for kind in brought.kinds:
            self._add_kind(plugin, source.origin, kind)
        for pack in brought.packs:
            name = _in_plugin(plugin, pack.name)
            if name in self.packs and self.packs[name][0] != pack:
                self._fail(plugin, source.origin, f"two packs are named {name!r}; rename one of them")
            self.packs[name] = pack, source.origin
        for rule in brought.rules:
            packs = tuple(pack if pack in PACKS else _in_plugin(plugin, pack) for pack in rule.packs)
            origin = source.origin if source.path else rule.origin  # a file's module has a name that says nothing
            qualified = attrs.evolve(
                rule, name=f"{plugin}/{rule.name}", packs=packs, distribution=source.origin, origin=origin
            )
            known = self.rules.setdefault(qualified.name, [])
            if all(other.function is not rule.function for other in known):
                known.append(qualified)

    def _add_kind(self, plugin: str, origin: str, kind: type[Event]) -> None:
        try:
            self.kinds = self.kinds.adding(kind)
        except KindError as error:
            self._fail(plugin, origin, f"{error} ({self._places_of(kind)})")

    def _places_of(self, kind: type[Event]) -> str:
        """Where a class of events is written, and the one that has its kind already."""
        taken = None if kind.kind in KINDS else self.kinds.get(kind.kind)
        return " and ".join(dict.fromkeys(where_written(cls) for cls in (taken, kind) if cls is not None))

    def result(self) -> Plugins:
        rules: list[Rule] = []
        for name, claimed in self.rules.items():
            if len(claimed) == 1:
                rules.append(self.restrained(claimed[0]))
            else:
                self._refuse_one_name(name, claimed)
        members = self._members([*CATALOGUE, *rules])
        catalogue = [_joining(rule, members.get(rule.name, ())) for rule in (*CATALOGUE, *rules)]
        stand_ins = tuple(self._stand_ins())
        return Plugins(
            rules=(*sorted(catalogue[len(CATALOGUE) :], key=lambda it: it.name), *stand_ins),
            kinds=self.kinds,
            packs={name: pack.about for name, (pack, _) in sorted(self.packs.items())},
            failures=tuple(self.failures),
            warnings=tuple(self.warnings),
            catalogue=(*catalogue, *stand_ins),
        )

    def _refuse_one_name(self, name: str, claimed: Sequence[Rule]) -> None:
        origins = sorted({_home(rule) for rule in claimed})
        plugin = name.partition("/")[0]
        reason = f"{len(claimed)} rules are named {name!r}, in {' and '.join(origins)}; rename one, or uninstall one"
        self._fail(plugin, " and ".join(sorted({rule.distribution for rule in claimed})), reason, name)

    def _members(self, rules: Iterable[Rule]) -> dict[str, list[str]]:
        """The packs that name a rule as theirs, by the rule's name."""
        names = {rule.name for rule in rules}
        members: dict[str, list[str]] = {}
        for name, (pack, origin) in self.packs.items():
            plugin = name.partition("/")[0]
            for member in pack.rules:
                qualified = f"{plugin}/{member}" if f"{plugin}/{member}" in names else member
                if qualified not in names:
                    self._fail(plugin, origin, f"the pack {name!r} names {member!r}, and there is no such rule")
                members.setdefault(qualified, []).append(name)
        return members

    def _stand_ins(self) -> Iterator[Rule]:
        """For each rule that is missing one of its name that always fails."""
        by_rule: dict[str, list[PluginFailure]] = {}
        for failure in self.failures:
            by_rule.setdefault(failure.rule, []).append(failure)
        for name, failures in sorted(by_rule.items()):
            yield stand_in(name, failures[0].origin, "; ".join(map(str, failures)))


def stand_in(name: str, origin: str, reason: str) -> Rule:
    """A rule that always fails, for a reason that says all."""
    return Rule(
        name=name,
        function=_failing(reason),
        packs=(),
        about="Could not be loaded.",
        rationale=reason,
        settings={},
        tiers={},
        origin=origin,
        distribution=origin,
    )


def _failing(reason: str) -> Callable[..., Findings]:
    def always_failing(_: object) -> Findings:
        raise Reported(reason)
        yield

    return always_failing


def _home(rule: Rule) -> str:
    """What brings a rule, and the module where that tells more."""
    return rule.distribution if rule.origin == rule.distribution else f"{rule.distribution} ({rule.origin})"


def _joining(rule: Rule, packs: Iterable[str]) -> Rule:
    more = [pack for pack in packs if pack not in rule.packs]
    return attrs.evolve(rule, packs=(*rule.packs, *more)) if more else rule


def _in_plugin(plugin: str, pack: str) -> str:
    """A pack's qualified name; a plug-in's one pack may be named as the plug-in itself."""
    return pack if pack == plugin else f"{plugin}/{pack}"


def imported(source: Source) -> object:
    """The module, or its attribute; what it prints meanwhile goes to standard error, where it harms no output."""
    with _IMPORTING, redirect_stdout(sys.stderr), _looking_in(source.folder):
        found: object = _from_file(source) if source.path is not None else import_module(source.module)
        for part in source.attribute.split(".") if source.attribute else ():
            try:
                found = getattr(found, part)
            except AttributeError:
                near = did_you_mean(part, vars(found)) if isinstance(found, ModuleType | type) else ""
                raise RuleError(f"the module {source.module} has no {source.attribute!r}{near}") from None
        return found


def _from_file(source: Source) -> ModuleType:
    spec = spec_from_file_location(source.module, source.path)
    if spec is None or spec.loader is None:
        raise RuleError("Python can't import a file of this name")
    module = module_from_spec(spec)
    sys.modules[source.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[source.module]
        raise
    return module


@contextmanager
def _looking_in(folder: Path) -> Iterator[None]:
    """Modules are looked for in a folder, too, after all other places."""
    place = str(folder.resolve())
    if place in sys.path:
        yield
        return
    sys.path.append(place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _cause(error: BaseException, source: Source) -> str:
    """What was raised when a source was imported, and where in it."""
    where = str(source.path or source.module)
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({error.filename}:{error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    if frames:
        where = f"{frames[-1].filename}:{frames[-1].lineno}"
    said = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        return f"it ends the program when it is imported (SystemExit {said or 0}, {where}); guard that with __name__"
    if isinstance(error, RetentionError):
        return f"{said} ({where})"
    return f"{type(error).__name__}: {said} ({where})"


def _is_theirs(filename: str) -> bool:
    own = str(Path(__file__).parent.parent)
    return not filename.startswith(("<frozen", own)) and "importlib" not in Path(filename).parts
