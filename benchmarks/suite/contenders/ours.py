"""This package: the log streamed by client, the engine with its pack `essentials`."""

from collections.abc import Iterable, Iterator

from answers import Item
from made_files import Made
from workload import MOMENT

import retention_engine.log.sqlite  # noqa: F401 - what opening a log imports, before the clock starts
from retention_engine import BUILT_IN, Assessment, BoundRule, Engine
from retention_engine.book import replay
from retention_engine.log import open_log


def engine(rules: int | None = None) -> Engine:
    """The engine with the rules of `essentials`; with so many rules, these first, where a number is given."""
    ordered = sorted(BUILT_IN, key=lambda rule: ("essentials" not in rule.packs, rule.name))
    chosen = ordered[:rules] if rules else [rule for rule in ordered if "essentials" in rule.packs]
    return Engine(BoundRule(rule) for rule in chosen)


def items_of(assessments: Iterable[Assessment]) -> Iterator[Item]:
    """Each client's status, and its actions due within a week."""
    for found in assessments:
        if found.failures:
            raise SystemExit(f"a rule fails: {found.failures[0]}")
        client = found.client.id
        yield client, int(found.status)
        for action in found.due():
            yield client, action.rule, action.due


def full(made: Made) -> Iterator[Item]:
    """Every client at the moment, one after the other."""
    return _by(engine(), made)


def full_in_two_processes(made: Made) -> Iterator[Item]:
    """The same by two processes, each of which reads spans of the log by itself."""
    from retention_engine.parallel import Recipe, ReplayWork, replay_log

    found = replay_log(made.address, ReplayWork(Recipe(), _read, MOMENT), jobs=2)
    return (item for items in found for item in items)


def _read(found: Assessment) -> list[Item]:
    return list(items_of([found]))


def full_with_20_rules(made: Made) -> Iterator[Item]:
    """The same with more rules."""
    return _by(engine(20), made)


def full_with_all_rules(made: Made) -> Iterator[Item]:
    """The same with all rules about a single client."""
    return _by(engine(len(BUILT_IN)), made)


def _by(rules: Engine, made: Made) -> Iterator[Item]:
    with open_log(made.address, read_only=True) as log:
        yield from items_of(replay(log.clients(), rules, at=MOMENT))
