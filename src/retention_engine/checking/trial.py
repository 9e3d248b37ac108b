"""The process in which rules are tried over a log, told by a file what to do and telling by another what came of it.

A rule that never ends, or that ends the process, harms only this process; `checking` starts the next one without it.
"""

import faulthandler
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import msgspec

from ..binding import BoundRule
from ..codec import decode
from ..events import Event
from ..kinds import Kinds
from ..plugins.finding import find_plugins, merged
from ..plugins.loading import Plugins, load_found, stand_in
from ..settings import Settings, read_toml
from ..settings_tables import ALL_OF_A_PLUGIN, read_plugin_choice
from .sources import as_declared
from .trying import Trial, Trying

TO_START = 60.0
"""At least so many seconds are there for what is no rule's fault: to load the plug-ins, to time our own rules."""


@attrs.frozen
class Request:
    """What is to be tried.

    Attributes:
        path: where Python looks for modules.
        settings: the settings file.
        plugins: further plug-ins.
        without: the names of plug-ins that are not to be loaded.
        rules: the rules, by name.
        events: the file with the log: a position, a tab and an event on each line.
        part: the first part tries everything; the second only says whether the same comes out in another process, and
            in another order.
        patience: how many seconds a rule may take.
        told: the file for what comes of it.
        end: the file for where the process was when it ended.
    """

    path: list[str]
    settings: str | None
    plugins: list[str]
    without: list[str]
    rules: list[str]
    events: str
    part: Literal["first", "second"]
    patience: float
    told: str
    end: str


@attrs.frozen
class Told:
    """A line of what a process tells: which rule it begins with, what came of one, or what is slowest of our own.

    Attributes:
        begins: the rule that it begins with.
        trial: what came of a rule.
        slowest: how many seconds the slowest built-in rule took, by scope, with its name.
    """

    begins: str | None = None
    trial: Trial | None = None
    slowest: dict[str, tuple[float, str]] | None = None


def main() -> None:
    """Do what the file says that the command line names."""
    request = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Request)
    sys.path[:] = request.path
    with Path(request.told).open("ab") as told, Path(request.end).open("w", encoding="utf-8") as end:
        faulthandler.enable(file=end)

        def tell(what: Told) -> None:
            patience = request.patience if what.begins else max(request.patience, TO_START)
            faulthandler.dump_traceback_later(patience, exit=True, file=end)
            told.write(msgspec.json.encode(what) + b"\n")
            told.flush()

        tell(Told())
        _try_all(request, tell)
        faulthandler.cancel_dump_traceback_later()


def _configured(settings_file: str | None, plugins: Iterable[str], without: Iterable[str]) -> tuple[Settings, Plugins]:
    """Settings and plug-ins as the command has them, with the rules in this process."""
    table: Mapping[str, Any] = read_toml(Path(settings_file)) if settings_file else {}
    choice, _ = read_plugin_choice(table.get("plugins", {}))
    used, _ = find_plugins(choice.use, base=Path(settings_file).parent if settings_file else Path())
    further, _ = find_plugins(plugins, base=Path())
    loaded = load_found([plugin for plugin in merged([*used, *further]) if plugin.name not in without])
    absent = [stand_in(name + ALL_OF_A_PLUGIN, name, "left out") for name in without]
    return Settings.from_table(table, [*loaded.catalogue, *absent]), loaded


def _try_all(request: Request, tell: Callable[[Told], None]) -> None:
    settings, plugins = _configured(request.settings, request.plugins, request.without)
    rules = {rule.name: rule for rule in plugins.catalogue}
    chosen = [_plain(settings.bind(rules[name])) for name in request.rules if name in rules]
    faulthandler.cancel_dump_traceback_later()  # a long log takes as long as it takes
    trying = Trying(_read(request.events, plugins.kinds), plugins.kinds)
    if request.part == "first":
        scopes = {rule.rule.scope for rule in chosen}
        ours = [BoundRule(rule) for rule in plugins.catalogue if not rule.distribution and rule.scope in scopes]
        tell(Told(slowest=trying.slowest(ours)))
    for name in request.rules:
        if name not in rules:
            tell(Told(trial=Trial(name, failures=len(trying.histories), cause="it can't be loaded in another process")))
    for rule in chosen:
        tell(Told(begins=rule.name))
        tell(Told(trial=trying.first(rule) if request.part == "first" else trying.second(rule)))


def _plain(rule: BoundRule) -> BoundRule:
    """A rule without what keeps a plug-in's rule from harming others."""
    return attrs.evolve(rule, rule=attrs.evolve(rule.rule, function=as_declared(rule.rule)))


def _read(events: str, kinds: Kinds) -> dict[str, list[Event]]:
    histories: dict[str, list[Event]] = {}
    for line in Path(events).read_bytes().splitlines():
        position, _, event = line.partition(b"\t")
        read = decode(event, position=int(position), kinds=kinds)
        histories.setdefault(read.client, []).append(read)
    return histories


if __name__ == "__main__":
    main()
