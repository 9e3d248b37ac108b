"""Every rule and its naive reading, side by side at each boundary of the rule's own examples and of what is near them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

import naive
import naive_business
import naive_listening
import naive_people
from given import assessed, histories_of
from retention_engine import BUILT_IN, BoundRule, Engine, encode
from retention_engine.formats.examples import read_example
from strategies import Line, written

from .stating import MICROSECOND, RULES

READINGS = {**naive.RULES, **naive_people.RULES, **naive_business.RULES, **naive_listening.RULES}
AT_ONCE = timedelta(0)
MOVES = [MICROSECOND, -MICROSECOND, timedelta(days=1), timedelta(days=-1), None]
"""How one event of an example is moved in time; `None` leaves it out."""
PURPOSES = ["delivery", "invoice", "appreciation", "resolution"]


def histories(name: str) -> Iterator[list[Line]]:
    """The rule's examples as they stand, and with one event moved, left out, said twice, or of another purpose."""
    for lines in (RULES[name].fires, RULES[name].silent):
        log = [json.loads(encode(event)) for event in read_example(lines).events]
        yield log
        for place, line in enumerate(log):
            before, after = log[:place], log[place + 1 :]
            for move in MOVES:
                moved = [] if move is None else [line | {"at": written(datetime.fromisoformat(line["at"]) + move)}]
                yield [*before, *moved, *after]
            yield [*log, {key: value for key, value in line.items() if key != "id"}]
            if line["kind"] == "engaged":
                for purpose in PURPOSES:
                    yield [*before, line | {"purpose": purpose}, *after]


@pytest.mark.parametrize("name", [rule.name for rule in BUILT_IN])
def test_a_rule_and_its_naive_reading_agree_near_its_examples(name: str):
    engine = Engine([BoundRule(RULES[name])])
    reading = {name: READINGS[name]}
    compared = 0
    for log in histories(name):
        moments = {naive.moment(line["at"]) for line in log}
        for client in assessed(
            histories_of(log), max(moments, default=naive.moment("2026-01-01")), engine=engine
        ).values():
            moments |= set(client.schedule.boundaries) | {action.due for action in client.schedule.actions}
        for now in sorted({*moments, *(moment - MICROSECOND for moment in moments)}):
            found = assessed(histories_of(log), now, engine=engine)
            expected = naive.answers(log, now, rules=reading, ahead=AT_ONCE)
            assert found.keys() == expected.keys()
            for client, answer in expected.items():
                said = found[client]
                assert said.failures == ()
                assert str(said.status) == answer.status
                assert {(it.rule, str(it.level), it.about) for it in said.concerns} == answer.concerns
                assert {(it.rule, it.about, it.due) for it in said.due(AT_ONCE)} == answer.tasks
                compared += bool(answer.concerns or answer.tasks)
    assert compared
