"""One TOML file turned into rules with their settings; all of its mistakes are reported at once."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from .binding import BoundRule
from .book_rules import BOOK_RULES
from .catalogue import REMEDIES, Remedy
from .declare import Rule, Scope
from .errors import SettingsError, did_you_mean
from .formats.column_map import ColumnMap
from .kinds import KINDS, Kinds
from .rules import BUILT_IN
from .scoring import Weights
from .settings_tables import PluginChoice, TablesRead, like_rule, packs_of
from .worklist import STANDARD_PACE, Pace

CATALOGUE = (*BUILT_IN, *BOOK_RULES)
"""Every built-in rule, about one client or about the whole book."""

DEFAULT_PACKS = frozenset({"essentials"})
FILE_NAME = "retention.toml"


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
        plugins: which plug-ins are used; `plugins.configure` loads them.
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
    plugins: PluginChoice = attrs.field(factory=PluginChoice)
    source: str = "settings"

    @classmethod
    def load(cls, path: Path, catalogue: Iterable[Rule] = CATALOGUE) -> "Settings":
        """Read a settings file.

        Raises:
            SettingsError: the file is missing, is not TOML, or holds mistakes, all of which are listed.
        """
        read = cls.from_table(read_toml(path), catalogue, source=str(path))
        return attrs.evolve(read, plugins=attrs.evolve(read.plugins, folder=path.parent))

    @classmethod
    def from_table(
        cls,
        table: Mapping[str, Any],
        catalogue: Iterable[Rule] = CATALOGUE,
        *,
        kinds: Kinds = KINDS,
        source: str = "settings",
    ) -> "Settings":
        """Settings from the tables of a settings file.

        Args:
            table: the tables.
            catalogue: the rules there are.
            kinds: the kinds of event there are.
            source: where the tables come from, for messages.

        Raises:
            SettingsError: the tables hold mistakes, all of which are listed.
        """
        reading = TablesRead({rule.name: rule for rule in catalogue}, kinds)
        fields = reading.fields(table)
        if reading.problems:
            raise SettingsError([f"{source}: {problem}" for problem in reading.problems])
        return cls(**fields, source=source)

    def is_enabled(self, rule: Rule) -> bool:
        """Whether a rule is on: by its own switch, else by one of its packs; without packs it is on.

        An experimental rule is on only by its own switch.
        """
        if rule.name in self.enabled:
            return self.enabled[rule.name]
        if rule.status == "experimental":
            return False
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
        known = packs_of(rules)
        problems = [f"pack {pack!r}: no such pack{did_you_mean(pack, known)}" for pack in packs if pack not in known]
        problems += [f"rule {name!r}: no such rule{like_rule(name, names)}" for name in select if name not in names]
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


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a settings file.

    Raises:
        SettingsError: the file is missing, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError([f"{path}: can't be read: {error.strerror}"]) from None
    except (ValueError, RecursionError) as error:  # tomllib lets through what int() and the stack refuse
        raise SettingsError([f"{path}: this is not TOML: {error}{_unquoted(path, error)}"]) from None


def _unquoted(path: Path, error: Exception) -> str:
    """What to do about a table that is named for a plug-in's rule without quotes."""
    place = re.search(r"at line (\d+)", str(error))
    lines = path.read_bytes().decode("utf-8", "replace").splitlines() if place else []
    line = lines[int(place[1]) - 1].strip() if place and int(place[1]) <= len(lines) else ""
    is_bare = line.startswith("[") and "/" in line and '"' not in line
    return """; a name with a slash is quoted: [rules."acme/slow-payer"]""" if is_bare else ""
