"""The tables of a settings file, read: what they say, and every mistake with its path."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from .catalogue import Remedy, read_remedies
from .declare import Rule, Setting
from .errors import SettingsError, did_you_mean
from .formats.column_map import UNKNOWN_KIND, ColumnMap, read_map
from .kinds import KINDS, Kinds
from .rules import PACKS
from .schema import SLUG
from .scoring import PRICED, Weights
from .setting_values import offer, read_value, shown_value
from .worklist import Pace

_TABLES = ("plugins", "packs", "rules", "tiers", "import", "score", "worklist", "repair")
_WEIGHTS = {**{str(level): name for level, name in PRICED.items()}, "overdue": "overdue"}
"""The weights of the score as a settings file names them, with the names of `Weights`."""

_OWN_KIND_UNKNOWN = re.compile(rf"{UNKNOWN_KIND} '\w+\.", re.ASCII)

ALL_OF_A_PLUGIN = "/*"
"""How the name of the rule ends that stands for all rules of a plug-in which could not be loaded."""


@attrs.frozen
class PluginChoice:
    """Which plug-ins are used.

    Attributes:
        use: installed plug-ins by name, files, and modules, as the settings file writes them.
        time_budget: how long a rule of a plug-in may take for one client; they then run in a process of their own.
        folder: the folder from which files are named; `None` for the current one.
    """

    use: tuple[str, ...] = ()
    time_budget: timedelta | None = None
    folder: Path | None = None


def read_plugin_choice(table: Mapping[str, Any]) -> tuple[PluginChoice, list[str]]:
    """What the table `[plugins]` says, as far as it can be read, and its mistakes."""
    problems = []
    given: dict[str, Any] = {}
    for key, value in table.items():
        hint = _PLUGINS.get(key)
        if hint is None:
            problems.append(f"plugins.{key}: no such setting{did_you_mean(key, _PLUGINS)}{offer(_PLUGINS)}")
            continue
        try:
            given[key] = read_value(value, hint)
        except ValueError as error:
            problems.append(f"plugins.{key}: {error}")
    if given.get("time_budget") == timedelta(0):
        problems.append("plugins.time_budget: must be longer than nothing; leave it out for no limit")
        del given["time_budget"]
    return PluginChoice(**given), problems


_PLUGINS: dict[str, Any] = {"use": tuple[str, ...], "time_budget": timedelta}


def packs_of(rules: Iterable[Rule]) -> set[str]:
    """The packs there are: the built-in ones, and those of the rules."""
    return {*PACKS, *(pack for rule in rules for pack in rule.packs)}


def like_rule(name: str, names: Collection[str], unused: str | None = None) -> str:
    """What may be meant by a rule's name that is none, to append to a message.

    Args:
        name: what was written.
        names: the rules there are.
        unused: what to say where a plug-in's rule is meant and none like it is in use.
    """
    plugin, slash, _ = name.partition("/")
    if not slash:
        return did_you_mean(name, names)
    meant = did_you_mean(name, [it for it in names if "/" in it])
    return meant or (f"; no plug-in {plugin!r} is in use" if unused is None else unused)


class TablesRead:
    """One pass over a settings file's tables, which notes every mistake with its path.

    Attributes:
        problems: the mistakes found so far.
    """

    def __init__(self, catalogue: Mapping[str, Rule], kinds: Kinds = KINDS) -> None:
        self.catalogue = catalogue
        self.kinds = kinds
        self.problems: list[str] = []

    def fields(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """What the tables say, by the names of the attributes of `Settings`."""
        self._known(table, _TABLES, "", "table")
        enabled, values = self._rules(self._table(table, "rules", ""), "rules", switches=True)
        tiers = self._table(table, "tiers", "")
        tier_values = {}
        for tier in tiers:
            path = f"tiers.{tier}"
            if not SLUG.fullmatch(tier):
                self.problems.append(f"{path}: no client can be of this tier; use lower-case letters, digits, - and _")
            of_tier = self._table(tiers, tier, "tiers.")
            self._known(of_tier, ("rules",), f"{path}.", "table")
            _, tier_values[tier] = self._rules(
                self._table(of_tier, "rules", f"{path}."), f"{path}.rules", switches=False
            )
        return {
            "packs": self._packs(self._table(table, "packs", "")),
            "enabled": enabled,
            "values": values,
            "tier_values": tier_values,
            "imports": self._imports(self._table(table, "import", "")),
            "score": self._score(self._table(table, "score", "")),
            "worklist": self._pace(self._table(table, "worklist", "")),
            "repair": self._repair(self._table(table, "repair", "")),
            "plugins": self._plugins(self._table(table, "plugins", "")),
        }

    def _plugins(self, table: Mapping[str, Any]) -> PluginChoice:
        choice, problems = read_plugin_choice(table)
        self.problems += problems
        return choice

    def _repair(self, table: Mapping[str, Any]) -> tuple[Remedy, ...]:
        remedies, problems = read_remedies(table, "repair")
        self.problems += problems
        return remedies

    def _pace(self, table: Mapping[str, Any]) -> Pace:
        settings = {field.name: Setting(field.name, field.type, field.default, "") for field in attrs.fields(Pace)}
        given: dict[str, Any] = {}
        for key, value in table.items():
            place = f"worklist.{key}"
            if key not in settings:
                self.problems.append(f"{place}: no such setting{did_you_mean(key, settings)}{offer(settings)}")
            elif settings[key].type is not int:
                self._value(value, settings[key], place, given)
            elif type(value) is int and value >= 0:
                given[key] = value
            else:
                self.problems.append(f"{place}: expected a whole number, 0 for no limit, got {shown_value(value)}")
        return Pace(**given)

    def _score(self, table: Mapping[str, Any]) -> Weights:
        self._known(table, (*_WEIGHTS, "rules"), "score.", "weight")
        of_rules = self._table(table, "rules", "score.")
        self._known(of_rules, self.catalogue, "score.rules.", "rule")
        given = {name: table[key] for key, name in _WEIGHTS.items() if key in table}
        try:
            return Weights(**given, rules={rule: weight for rule, weight in of_rules.items() if rule in self.catalogue})
        except SettingsError as error:
            self.problems += error.problems
            return Weights()

    def _imports(self, table: Mapping[str, Any]) -> dict[str, ColumnMap]:
        maps = {name: read_map(inner, f"import.{name}", self.kinds) for name, inner in table.items()}
        for _, problems in maps.values():
            if not self._lacks_a_kind(problems):
                self.problems += problems
        return {name: found for name, (found, _) in maps.items() if found is not None}

    def _lacks_a_kind(self, problems: Iterable[str]) -> bool:
        """Whether a column map can't be checked, since its kind may be of a plug-in that is missing."""
        missing = any(rule.endswith(ALL_OF_A_PLUGIN) for rule in self.catalogue)
        return missing and any(_OWN_KIND_UNKNOWN.search(problem) for problem in problems)

    def _packs(self, table: Mapping[str, Any]) -> dict[str, bool]:
        known = packs_of(self.catalogue.values())
        self._known(table, known, "packs.", "pack")
        return {pack: bool(on) for pack, on in table.items() if pack in known and self._is_switch(on, f"packs.{pack}")}

    def _rules(
        self, table: Mapping[str, Any], path: str, *, switches: bool
    ) -> tuple[dict[str, bool], dict[str, dict[str, Any]]]:
        self._known(table, self.catalogue, f"{path}.", "rule")
        enabled: dict[str, bool] = {}
        values: dict[str, dict[str, Any]] = {}
        for name, rule in self.catalogue.items():
            if rule.scope == "book" and name in table and not switches:
                self.problems.append(f"{path}.{name}: the whole book has no tier; set it in [rules.{name}]")
                continue
            for key, value in self._table(table, name, f"{path}.").items():
                place = f"{path}.{name}.{key}"
                if key == "enabled" and switches:
                    if self._is_switch(value, place):
                        enabled[name] = value
                elif key in rule.settings:
                    self._value(value, rule.settings[key], place, values.setdefault(name, {}))
                else:
                    choices = [*rule.settings, *(["enabled"] if switches else [])]
                    self.problems.append(f"{place}: no such setting{did_you_mean(key, choices)}{offer(choices)}")
        return enabled, values

    def _value(self, value: object, setting: Setting, place: str, values: dict[str, Any]) -> None:
        try:
            values[setting.name] = read_value(value, setting.type)
        except ValueError as error:
            self.problems.append(f"{place}: {error}")

    def _table(self, table: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
        value = table.get(key, {})
        if isinstance(value, Mapping):
            return value
        self.problems.append(f"{path}{key}: expected a table, [{path}{key}], got {shown_value(value)}")
        return {}

    def _known(self, table: Mapping[str, Any], known: Collection[str], path: str, what: str) -> None:
        for key in table:
            if key not in known and key.partition("/")[0] + ALL_OF_A_PLUGIN not in self.catalogue:
                choices = [word for word in known if not word.endswith(ALL_OF_A_PLUGIN)]
                meant = _quoted(key, table[key], choices, path) if what == "rule" else did_you_mean(key, choices)
                self.problems.append(f"{path}{key}: no such {what}{meant}")

    def _is_switch(self, value: object, place: str) -> bool:
        if isinstance(value, bool):
            return True
        self.problems.append(f"{place}: expected true or false, got {shown_value(value)}")
        return False


def _quoted(key: str, value: object, rules: Collection[str], path: str) -> str:
    """What may be meant by a rule's name that is none; a plug-in's may have been written without its slash."""
    inner = [f"{key}/{name}" for name in value] if isinstance(value, Mapping) else []
    meant = next((name for name in inner if name in rules), None)
    return like_rule(key, rules) if meant is None else f'; write [{path}"{meant}"], quoted and with a slash'
