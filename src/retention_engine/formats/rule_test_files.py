"""Tests of rules, read from TOML: all mistakes of a file in one pass, each with the test and the key.

There is one clock: `14d` is 14 days after the test's `start`, in events and in expectations.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import attrs

from ..binding import BoundRule
from ..client import Client
from ..declare import Rule
from ..errors import EventError, did_you_mean
from ..events import Event, Profiled
from ..findings import Health
from ..moments import instant
from ..schema import SLUG
from ..setting_values import offer, read_value, shown_value, value_text
from ..settings_tables import ALL_OF_A_PLUGIN, like_rule
from ..stating import RuleFailure
from .examples import CLIENT, Case, read_event
from .expectations import START, During, Expectation, Times, read_expected, read_when
from .rule_tests import Header, RuleTest, Surroundings

_FILE_KEYS = ("use", "settings", "test")
_KEYS = ("name", "rule", "rules", "with", "tier", "start", "events", "expect", "status")
_NO_TESTS = "has no tests; begin one with [[test]] on a line of its own"


def read_header(table: Mapping[str, Any], file: str, folder: Path) -> tuple[Header, list[str]]:
    """What a file says before its tests, and the mistakes in that."""
    problems = [
        f"{file}: {key}: no such key{did_you_mean(key, _FILE_KEYS)}{offer(_FILE_KEYS)}"
        for key in table
        if key not in _FILE_KEYS
    ]
    use, settings = table.get("use", []), table.get("settings")
    if not isinstance(use, list) or not all(isinstance(spec, str) for spec in use):
        problems.append(f'{file}: use: expected a list of texts such as ["./acme.py"], got {shown_value(use)}')
        use = []
    if settings is not None and not isinstance(settings, str):
        problems.append(
            f"{file}: settings: expected the path of a settings file, as text, got {shown_value(settings)}; "
            "single settings of a rule stand in its test, in with"
        )
        settings = None
    return Header(tuple(use), None if settings is None else folder / settings), problems


def read_tests(
    table: Mapping[str, Any], file: str, surroundings: Surroundings | None = None
) -> tuple[list[RuleTest], list[str]]:
    """The tests of a file, as far as they can be read, and every mistake in them.

    Args:
        table: the file's tables.
        file: how the file is called in messages.
        surroundings: the rules, kinds and settings to read them with; the built-in ones where none are given.
    """
    given = table.get("test", [])
    if isinstance(given, Mapping):
        return [], [f"{file}: test: write [[test]] with two brackets, so that another test can follow"]
    if not isinstance(given, list) or not given:
        return [], [f"{file}: {_NO_TESTS}"]
    found: list[RuleTest] = []
    problems: list[str] = []
    for place, one in enumerate(given, start=1):
        if not isinstance(one, Mapping):
            problems.append(f"{file}: test {place}: expected a table, [[test]], got {shown_value(one)}")
            continue
        reading = _Reading(one, surroundings or Surroundings())
        test = reading.test(file)
        name = f"test {place}" if not isinstance(one.get("name"), str) else f"test {one['name']!r}"
        problems += [f"{file}: {name}: {problem}" for problem in reading.problems]
        if test is not None:
            found.append(test)
    return found, problems


class _Reading:
    """One pass over a test's table that notes every mistake with its key."""

    def __init__(self, table: Mapping[str, Any], surroundings: Surroundings) -> None:
        self.table = table
        self.around = surroundings
        self.problems: list[str] = []
        self.missed: list[str] = []

    def test(self, file: str) -> RuleTest | None:
        """The test, `None` where something is wrong with it."""
        for key in self.table:
            if key not in _KEYS:
                self.problems.append(f"{key}: no such key{did_you_mean(key, _KEYS)}{offer(_KEYS)}")
        name = self._text("name")
        if name == "":
            self.problems.append(
                'name: is missing; say in a sentence what is tested, name = "A late invoice is watched"'
            )
        rules = self._rules()
        how = self._with(rules)
        times = Times(self._start())
        events = self._events(times, rules)
        stated = self._expected("expect", times, read_expected)
        status = self._expected("status", times, _read_status)
        if "expect" not in self.table and "status" not in self.table:
            self.problems.append(
                'says of no instant what is expected; add [test.expect] with a line such as 14d = "watch"'
            )
        if "expect" in self.table and not self._names_rules:
            self.problems.append(
                'expect: is what rules state; name one, rule = "quiet-client", or write [test.status] for how the '
                "client is by all rules that are on"
            )
        if status and any(rule.scope == "book" for rule in rules):
            self.problems.append(
                "status: is that of one client; a rule about the whole book is tested with [test.expect]"
            )
        try:
            times.check()
        except ValueError as error:
            self.problems.append(f"{error}, or say what 0d is: start = 2026-01-05")
        case = Case(self._bound(rules, how), tuple(events), self.around.engine)
        if not self.problems and not self.missed:
            self._check_instants(case, times, (*stated, *status))
        if self.problems:
            return None
        told = [f"{key} = {value_text(value)}" for key, value in how.items()]
        tier = self.table.get("tier")
        return RuleTest(
            file=file,
            name=name or "",
            rules=self._named(),
            case=case,
            times=times,
            stated=stated,
            status=status,
            how=(*told, *([f"tier {tier}"] if tier else [])),
            broken=RuleFailure(", ".join(self._named()) or "status", "", self.around.missing) if self.missed else None,
        )

    def _text(self, key: str) -> str | None:
        """A text, empty where nothing is said, `None` where it is none."""
        value = self.table.get(key, "")
        if isinstance(value, str):
            return value.strip()
        self.problems.append(f"{key}: expected text, got {shown_value(value)}")
        return None

    @property
    def _names_rules(self) -> bool:
        return "rule" in self.table or "rules" in self.table

    def _named(self) -> tuple[str, ...]:
        """The rules that the test names, as it names them."""
        if isinstance(self.table.get("rule"), str):
            return (self.table["rule"],)
        several = self.table.get("rules", [])
        return tuple(it for it in several if isinstance(it, str)) if isinstance(several, list) else ()

    def _rules(self) -> list[Rule]:
        """The rules that are named, as far as they are there."""
        if "rule" in self.table and "rules" in self.table:
            self.problems.append("rule: stands beside rules; write one of them")
        if "rule" in self.table:
            self._text("rule")
        several = self.table.get("rules", [])
        if not isinstance(several, list) or not all(isinstance(it, str) for it in several):
            self.problems.append(f"rules: expected a list of rules' names, got {shown_value(several)}")
        elif "rules" in self.table and not several:
            self.problems.append("rules: is empty; name rules, or leave it out for all that are on")
        key = "rule" if "rule" in self.table else "rules"
        by_name = {rule.name: rule for rule in self.around.catalogue}
        found = []
        for name in dict.fromkeys(self._named()):
            rule = by_name.get(name) or by_name.get(name.partition("/")[0] + ALL_OF_A_PLUGIN)
            if rule is None and self.around.missing and "/" in name:
                self.missed.append(name)
            elif rule is None:
                meant = like_rule(name, by_name, "; is its plug-in named in use = [...]?")
                self.problems.append(f"{key}: no such rule {name!r}{meant}")
            else:
                found.append(rule)
        if len(found) > 1 and any(rule.scope == "book" for rule in found):
            self.problems.append("rules: a rule about the whole book is tested by itself; write rule = ...")
        return found

    def _with(self, rules: Sequence[Rule]) -> dict[str, Any]:
        """The settings for this test."""
        given = self.table.get("with", {})
        if not isinstance(given, Mapping):
            self.problems.append(f'with: expected a table such as {{ grace = "14 days" }}, got {shown_value(given)}')
            return {}
        if given and "rule" not in self.table:
            self.problems.append(
                "with: sets what one rule takes, so name that rule, rule = ...; for several, name a settings file "
                'at the top of the file, settings = "retention.toml"'
            )
            return {}
        values: dict[str, Any] = {}
        for rule in rules:
            for key, value in given.items():
                if key not in rule.settings:
                    if not rule.name.endswith(ALL_OF_A_PLUGIN):
                        hint = f"{did_you_mean(key, rule.settings)}{offer(rule.settings)}"
                        self.problems.append(f"with.{key}: rule {rule.name} has no such setting{hint}")
                    continue
                try:
                    values[key] = read_value(value, rule.settings[key].type)
                except ValueError as error:
                    self.problems.append(f"with.{key}: {error}")
        return values

    def _bound(self, rules: Sequence[Rule], how: Mapping[str, Any]) -> tuple[BoundRule, ...]:
        """The rules with their settings; all that are on where none is named."""
        if not self._names_rules:
            return self.around.engine.rules
        return tuple(_overruled(self.around.settings.bind(rule), how) for rule in rules)

    def _start(self) -> datetime | None:
        value = self.table.get("start")
        if value is None:
            return None
        if isinstance(value, str | date | datetime):
            try:
                return instant(value)
            except ValueError as error:
                self.problems.append(f"start: {error}")
        else:
            self.problems.append(f"start: expected a date such as 2026-01-05, got {shown_value(value)}")
        return START

    def _events(self, times: Times, rules: Sequence[Rule]) -> list[Event]:
        lines = self.table.get("events", [])
        if not isinstance(lines, list):
            self.problems.append(f'events: expected a list of lines such as "0d engaged", got {shown_value(lines)}')
            return []
        if not lines:
            self.problems.append('events: is missing; of a client without events nothing is said; write ["0d engaged"]')
        found = []
        for place, line in enumerate(lines, start=1):
            if not isinstance(line, str):
                self.problems.append(f'events: expected a line such as "0d engaged", got {shown_value(line)}')
                continue
            try:
                found.append(read_event(line, times, position=place, kinds=self.around.kinds))
            except ValueError as error:
                if self.around.missing and isinstance(error, EventError) and error.code == "unknown-kind":
                    self.missed.append(line)
                else:
                    self.problems.append(f"events: {line!r}: {error}")
        of_book = bool(self.missed) or any(rule.scope == "book" for rule in rules)
        others = sorted({event.client for event in found} - {CLIENT})
        if others and not of_book:
            self.problems.append(
                f"events: client={others[0]} names a client; only a rule about the whole book takes several"
            )
        return [*found, *self._tier(found, of_book=of_book)]

    def _tier(self, events: Sequence[Event], *, of_book: bool) -> list[Event]:
        """The profile that gives the client its tier: it stands right behind the first event."""
        if "tier" not in self.table:
            return []
        tier = self._text("tier")
        if of_book:
            self.problems.append('tier: the whole book has no tier; write an event "0d profiled client=fern tier=key"')
        elif tier and not SLUG.fullmatch(tier):
            self.problems.append(f"tier: {tier!r} is no tier; use lower-case letters, digits, - and _")
        elif tier and events:
            first = min(event.at for event in events)
            return [Profiled(client=CLIENT, at=first, tier=tier, position=len(events) + 1)]
        return []

    def _expected(
        self, key: str, times: Times, read: Callable[[str, str, Times], Expectation | During]
    ) -> tuple[Expectation | During, ...]:
        lines = self.table.get(key, {})
        if not isinstance(lines, Mapping):
            self.problems.append(f"{key}: expected a table, [test.{key}], got {shown_value(lines)}")
            return ()
        if not lines and key in self.table:
            self.problems.append(f'{key}: is empty; add a line such as 14d = "watch"')
        found = []
        for when, said in lines.items():
            if not isinstance(said, str):
                self.problems.append(f"{key}.{when}: expected text such as 'watch', got {shown_value(said)}")
                continue
            try:
                found.append(read(when, said, times))
            except ValueError as error:
                self.problems.append(f"{key}.{when}: {error}")
        return tuple(found)

    def _check_instants(self, case: Case, times: Times, expected: Iterable[Expectation | During]) -> None:
        """Refuse to say what is stated before anything has happened."""
        if case.is_about_book:
            return
        client = Client.from_events(CLIENT, case.events)
        for wanted in expected:
            if isinstance(wanted, Expectation) and not client.as_of(wanted.at):
                when = times.written(wanted.at)
                self.problems.append(f"{when}: nothing has happened yet, and of an unknown client nothing is said")


def _overruled(bound: BoundRule, values: Mapping[str, Any]) -> BoundRule:
    """A rule with values that go before all others, those for a tier too."""

    def without(tiers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        return {tier: {key: value for key, value in of.items() if key not in values} for tier, of in tiers.items()}

    rule = attrs.evolve(bound.rule, tiers=without(bound.rule.tiers))
    return BoundRule(rule, values={**bound.values, **values}, tier_values=without(bound.tier_values))


def _read_status(when: str, said: str, times: Times) -> Expectation | During:
    """How the client is to be, at an instant or for a span of time."""
    levels = (Health.named(said),)
    moment = read_when(when, times)
    return Expectation(moment, levels, ()) if isinstance(moment, datetime) else During(*moment, levels)
