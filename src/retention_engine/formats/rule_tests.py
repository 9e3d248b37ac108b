"""Tests of rules: a history in times since a start, and what rules are to say of it at instants."""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path

import attrs

from ..declare import Rule
from ..engine import Engine
from ..kinds import KINDS, Kinds
from ..settings import CATALOGUE, Settings
from ..stating import RuleFailure
from .examples import Case
from .expectations import During, Expectation, Times


@attrs.frozen
class Header:
    """What a file of tests says before its tests.

    Attributes:
        use: plug-ins, as `[plugins]` of a settings file names them.
        settings: the settings file, if one is named.
    """

    use: tuple[str, ...] = ()
    settings: Path | None = None


@attrs.frozen
class Surroundings:
    """What the tests of a file are read and run with.

    Attributes:
        catalogue: the rules there are.
        kinds: the kinds of event there are.
        settings: which rules are on, and their settings.
        missing: why rules and kinds of plug-ins are missing, where they are; who names one is then not told that it is
            unknown, and a test that can't be read without it is broken.
    """

    catalogue: Sequence[Rule] = CATALOGUE
    kinds: Kinds = KINDS
    settings: Settings = attrs.field(factory=Settings)
    missing: str = ""

    @cached_property
    def engine(self) -> Engine:
        """The rules about one client that are on."""
        return Engine(self.settings.choose(self.catalogue))


@attrs.frozen
class RuleTest:
    """One test of a file.

    Attributes:
        file: the file, as it was named.
        name: what the test says.
        rules: the names of the rules that it names; none where it asks how the client is by all that are on.
        case: the history, and the rules asked about it.
        times: reads and writes instants as the test does.
        stated: what the rules are to state.
        status: how the client is to be.
        how: settings and tier that differ from the usual, for people.
        broken: why it can't be run, where that is so.
    """

    file: str
    name: str
    rules: tuple[str, ...]
    case: Case
    times: Times
    stated: tuple[Expectation | During, ...]
    status: tuple[Expectation | During, ...]
    how: tuple[str, ...]
    broken: RuleFailure | None = None

    @property
    def subject(self) -> str:
        """What is tested, in few words."""
        return ", ".join(self.rules) or "status by all rules that are on"


def chosen(tests: Iterable[RuleTest], word: str) -> list[RuleTest]:
    """The tests whose name, or the name of one of whose rules, has a word in it, in any case of letters."""
    return [test for test in tests if any(word.casefold() in it.casefold() for it in _words(test))]


def _words(test: RuleTest) -> Collection[str]:
    return test.name, *test.rules
