"""One TOML file turned into rules with their settings; all of its mistakes are reported at once."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs

from .book_rules import BOOK_RULES
from .catalogue import REMEDIES, Remedy, read_remedies
from .declare import BoundRule, Rule, Scope, Setting
from .errors import SettingsError, did_you_mean, shown
from .formats.column_map import ColumnMap, read_map
from .moments import duration, duration_text
from .rules import BUILT_IN, PACKS
from .schema import SLUG
from .scoring import PRICED, Weights
from .worklist import STANDARD_PACE, Pace

CATALOGUE = (*BUILT_IN, *BOOK_RULES)
"""Every built-in rule, about one client or about the whole book."""

DEFAULT_PACKS = frozenset({"essentials"})
FILE_NAME = "retention.toml"

_TABLES = ("packs", "rules", "tiers", "import", "score", "worklist", "repair")
_WEIGHTS = {**{str(level): name for level, name in PRICED.items()}, "overdue": "overdue"}
"""The weights of the score as a settings file names them, with the names of `Weights`."""


@attrs.frozen
class Settings:
    """Which packs and rules are on, and the values that replace the rules' defaults.

    Attributes:
        packs: whether a pack is on, by pack; `essentials` is on where nothing is said.
        enabled: whether a single rule is on, by rule; goes before its packs.
        values: values by rule and setting.
        tier_values: values by tier, rule and setting.
        imports: how the tables of other programs are read, by the name of the column map.
        score: what a concern, or an overdue action, takes off the score.
        worklist: how much is asked of an owner in a day, and how often a client is spoken with.
        repair: what could be done for a client, and what it costs.
        source: where the settings come from, for messages.
    """

    packs: Mapping[str, bool] = attrs.field(factory=dict)
    enabled: Mapping[str, bool] = attrs.field(factory=dict)
    values: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    tier_values: Mapping[str, Mapping[str, Mapping[str, Any]]] = attrs.field(factory=dict)
    imports: Mapping[str, ColumnMap] = attrs.field(factory=dict)
    score: Weights = attrs.field(factory=Weights)
    worklist: Pace = STANDARD_PACE
    repair: tuple[Remedy, ...] = REMEDIES
    source: str = "settings"

    @classmethod
    def load(cls, path: Path, catalogue: Iterable[Rule] = CATALOGUE) -> "Settings":
        """Read a settings file.

        Raises:
            SettingsError: the file is missing, is not TOML, or holds mistakes, all of which are listed.
        """
        try:
            table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        except OSError as error:
            raise SettingsError([f"{path}: can't be read: {error.strerror}"]) from None
        except (ValueError, RecursionError) as error:  # tomllib lets through what int() and the stack refuse
            raise SettingsError([f"{path}: this is not TOML: {error}"]) from None
        return cls.from_table(table, catalogue, source=str(path))

    @classmethod
    def from_table(
        cls, table: Mapping[str, Any], catalogue: Iterable[Rule] = CATALOGUE, *, source: str = "settings"
    ) -> "Settings":
        """Settings from the tables of a settings file.

        Raises:
            SettingsError: the tables hold mistakes, all of which are listed.
        """
        reading = _Reading({rule.name: rule for rule in catalogue})
        settings = reading.settings(table, source)
        if reading.problems:
            raise SettingsError([f"{source}: {problem}" for problem in reading.problems])
        return settings

    def is_enabled(self, rule: Rule) -> bool:
        """Whether a rule is on: by its own switch, else by one of its packs; without packs it is on."""
        if rule.name in self.enabled:
            return self.enabled[rule.name]
        return not rule.packs or any(self.packs.get(pack, pack in DEFAULT_PACKS) for pack in rule.packs)

    def bind(self, rule: Rule) -> BoundRule:
        """A rule with the values that these settings give it."""
        return BoundRule(
            rule,
            values=self.values.get(rule.name, {}),
            tier_values={tier: rules[rule.name] for tier, rules in self.tier_values.items() if rule.name in rules},
        )

    def choose(
        self, catalogue: Iterable[Rule] = CATALOGUE, *, packs: Collection[str] = (), select: Collection[str] = ()
    ) -> tuple[BoundRule, ...]:
        """The rules about one client to run, with their settings.

        Args:
            catalogue: the rules there are; those about the whole book are for `choose_book`.
            packs: packs that are on besides those of the settings.
            select: rules to run alone, whatever is enabled.

        Raises:
            SettingsError: no pack, or no rule about one client, has that name.
        """
        return self._chosen(catalogue, packs, select, "client")

    def choose_book(
        self, catalogue: Iterable[Rule] = CATALOGUE, *, packs: Collection[str] = (), select: Collection[str] = ()
    ) -> tuple[BoundRule, ...]:
        """The rules about the whole book to run, with their settings.

        Args:
            catalogue: the rules there are; those about one client are for `choose`.
            packs: packs that are on besides those of the settings.
            select: rules to run alone, whatever is enabled.

        Raises:
            SettingsError: no pack, or no rule about the book, has that name.
        """
        return self._chosen(catalogue, packs, select, "book")

    def _chosen(
        self, catalogue: Iterable[Rule], packs: Collection[str], select: Collection[str], scope: Scope
    ) -> tuple[BoundRule, ...]:
        rules = tuple(catalogue)  # two of one name are for the engine to refuse
        names = {rule.name for rule in rules}
        known = _packs_of(rules)
        problems = [f"pack {pack!r}: no such pack{did_you_mean(pack, known)}" for pack in packs if pack not in known]
        problems += [f"rule {name!r}: no such rule{did_you_mean(name, names)}" for name in select if name not in names]
        problems += [
            f"rule {rule.name!r}: {_ELSEWHERE[rule.scope]}"
            for rule in rules
            if rule.name in select and rule.scope != scope
        ]
        if problems:
            raise SettingsError(problems)
        rules = tuple(rule for rule in rules if rule.scope == scope)
        if select:
            return tuple(self.bind(rule) for rule in rules if rule.name in select)
        chosen = attrs.evolve(self, packs={**self.packs, **dict.fromkeys(packs, True)})
        return tuple(self.bind(rule) for rule in rules if chosen.is_enabled(rule))


_ELSEWHERE = {
    "book": "is about the whole book; retention book runs it",
    "client": "is about a single client; retention replay runs it",
}
"""Where a rule is run that can't be run here, by its scope."""


def _packs_of(rules: Iterable[Rule]) -> set[str]:
    return {*PACKS, *(pack for rule in rules for pack in rule.packs)}


class _Reading:
    """One pass over the tables that notes every mistake with its path."""

    def __init__(self, catalogue: Mapping[str, Rule]) -> None:
        self.catalogue = catalogue
        self.problems: list[str] = []

    def settings(self, table: Mapping[str, Any], source: str) -> Settings:
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
        packs = self._packs(self._table(table, "packs", ""))
        return Settings(
            packs,
            enabled,
            values,
            tier_values,
            self._imports(self._table(table, "import", "")),
            self._score(self._table(table, "score", "")),
            self._pace(self._table(table, "worklist", "")),
            self._repair(self._table(table, "repair", "")),
            source=source,
        )

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
                self.problems.append(f"{place}: no such setting{did_you_mean(key, settings)}{_offer(settings)}")
            elif settings[key].type is not int:
                self._value(value, settings[key], place, given)
            elif type(value) is int and value >= 0:
                given[key] = value
            else:
                self.problems.append(f"{place}: expected a whole number, 0 for no limit, got {_shown(value)}")
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
        maps = {name: read_map(inner, f"import.{name}") for name, inner in table.items()}
        self.problems += (problem for _, problems in maps.values() for problem in problems)
        return {name: found for name, (found, _) in maps.items() if found is not None}

    def _packs(self, table: Mapping[str, Any]) -> dict[str, bool]:
        known = _packs_of(self.catalogue.values())
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
                    self.problems.append(f"{place}: no such setting{did_you_mean(key, choices)}{_offer(choices)}")
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
        self.problems.append(f"{path}{key}: expected a table, [{path}{key}], got {_shown(value)}")
        return {}

    def _known(self, table: Mapping[str, Any], known: Collection[str], path: str, what: str) -> None:
        for key in table:
            if key not in known:
                self.problems.append(f"{path}{key}: no such {what}{did_you_mean(key, known)}")

    def _is_switch(self, value: object, place: str) -> bool:
        if isinstance(value, bool):
            return True
        self.problems.append(f"{place}: expected true or false, got {_shown(value)}")
        return False


def read_value(value: object, hint: Any) -> Any:
    """A setting's value from what TOML gives: durations and decimal numbers may be written as text.

    Raises:
        ValueError: the value does not fit; the text says what is expected.
    """
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"expected a list, got {_shown(value)}")
        return tuple(read_value(part, get_args(hint)[0]) for part in value)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            words = [str(choice) for choice in get_args(hint)]
            raise ValueError(
                f"expected one of {', '.join(words)}, got {_shown(value)}{did_you_mean(str(value), words)}"
            )
        return value
    if hint is timedelta:
        if not isinstance(value, str):
            raise ValueError(f"expected a duration such as '30 days', got {_shown(value)}")
        return duration(value)
    if hint is Decimal:
        return _decimal(value)
    if type(value) is not hint:
        names = {int: "a whole number", str: "text", bool: "true or false"}
        raise ValueError(f"expected {names[hint]}, got {_shown(value)}")
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        raise ValueError(f"expected a whole number from 1, got {value}")
    return value


def _decimal(value: object) -> Decimal:
    number = None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = None
    if number is None or not number.is_finite():
        raise ValueError(f"expected a number such as 0.5, got {_shown(value)}")
    return number


def value_text(value: object) -> str:
    """A setting's value as a settings file writes it."""
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(map(value_text, value))
    return str(value)


def _shown(value: object) -> str:
    return "a table" if isinstance(value, Mapping) else shown(value)


def _offer(choices: Collection[str]) -> str:
    return f" (there are: {', '.join(choices)})" if choices else " (it has none)"
