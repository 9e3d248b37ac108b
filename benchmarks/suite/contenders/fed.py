"""Rule engines fed with facts that somebody else has worked out: they have no log, no history and no windows of time.

What is timed is the rules alone, for every tenth client: by hand, by this package over histories that are in memory, and by
two rule engines.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from answers import Item, is_sampled, plain_value
from contenders import limit, ours
from handwritten import (
    AHEAD,
    AT_RISK,
    CRITICAL,
    EVERY,
    GRACE,
    KEY_EVERY,
    KEY_GRACE,
    KEY_PATIENCE,
    LAPSE,
    LEFT,
    PATIENCE,
    QUIET,
    SILENT_AHEAD,
    TIMES,
    UNKNOWN,
    WATCH,
    WINDOW,
    WITHIN,
    History,
    stated,
    status_at,
)
from made_files import Made
from workload import MOMENT

from retention_engine.book import replay
from retention_engine.log import open_log

Facts = dict[str, Any]


def by_hand(made: Made) -> Iterator[Item]:
    """The eight functions of `handwritten` over histories in memory."""
    histories = list(_histories(made))

    def answers() -> Iterator[Item]:
        for client, history in histories:
            concerns, actions = stated(history)
            status = status_at(concerns, MOMENT)
            yield client, status
            if status != LEFT:
                yield from ((client, rule, due) for rule, due in actions if due <= MOMENT + AHEAD)

    return answers()


def ours_loaded(made: Made) -> Iterator[Item]:
    """This package over events in memory: histories, schedules, evidence, identities."""
    with open_log(made.address, read_only=True) as log:
        histories = [(client, list(events)) for client, events in log.clients() if is_sampled(client)]
    engine = ours.engine()
    return ours.items_of(replay(iter(histories), engine, at=MOMENT))


def by_rule_engine(made: Made) -> Iterator[Item]:
    """The library `rule-engine`: each level and each due instant an expression over the facts."""
    from rule_engine import Rule

    levels = [(level, Rule(text)) for level, text in _LEVELS]
    of_complaint = [(level, Rule(text)) for level, text in _COMPLAINT_LEVELS]
    quiet, alone, complaint = Rule(_QUIET_DUE), Rule("signed + within"), Rule("at + patience")
    every = list(_facts(made))

    def answers() -> Iterator[Item]:
        for client, facts in every:
            complaints = [{**facts, **it} for it in facts["complaints"]]
            found = [level for level, rule in levels if rule.matches(facts)]
            found += [level for it in complaints for level, rule in of_complaint if rule.matches(it)]
            due = [("quiet-client", quiet.evaluate(facts))]
            due += [("handoff-gap", alone.evaluate(facts))] if facts["signed"] is not None else []
            due += [("open-complaint", complaint.evaluate(it)) for it in complaints]
            yield from _items(client, max(found, default=0), due)

    return answers()


def by_zen(made: Made) -> Iterator[Item]:
    """The library `zen-engine`: one decision with an expression a rule, evaluated for each client."""
    import zen

    decision = zen.ZenEngine().create_decision(json.dumps(_zen_graph()))
    every = list(_facts(made))

    def answers() -> Iterator[Item]:
        for client, facts in every:
            found = decision.evaluate(facts)["result"]
            due = [("quiet-client", found["quiet"])]
            due += [("handoff-gap", found["alone"])] if facts["signed"] is not None else []
            due += [("open-complaint", it) for it in found["open"]]
            yield from _items(client, found["status"], due)

    return answers()


def _items(client: str, status: float, due: list[tuple[str, Any]]) -> Iterator[Item]:
    yield client, int(status)
    if status != LEFT:
        yield from ((client, rule, int(at)) for rule, at in due if at <= _US_HORIZON)


def _histories(made: Made) -> Iterator[tuple[str, History]]:
    gathered: dict[str, list[Any]] = {}
    for page in limit.pages(made, "SELECT state FROM stored_events ORDER BY rowid"):
        for fact in page:
            if is_sampled(fact.client):
                gathered.setdefault(fact.client, []).append(fact)
    for client, facts in gathered.items():
        yield client, History(facts)


def _facts(made: Made) -> Iterator[tuple[str, Facts]]:
    """What the expressions are told of each client: instants and spans in microseconds."""
    for client, history in _histories(made):
        key = history.tier == "key"
        came_back = max((it[-1].at for it in (history.contacts, history.renewals) if it), default=history.since)
        left = history.left[-1].at if history.left else None
        signed = history.renewals[0].at if history.renewals else None
        recent = [it.at for it in history.complaints[-TIMES:]] if len(history.complaints) >= TIMES else None
        every = timedelta(days=history.cadence) if history.cadence else KEY_EVERY if key else EVERY
        facts = {
            "contact": history.last_contact,
            "heard": history.heard[-1].at if history.heard else None,
            "since": history.since,
            "signed": signed if signed and (not history.contacts or history.contacts[-1].at < signed) else None,
            "term_end": history.term_end,
            "left": left if left and (came_back < left or not (history.contacts or history.renewals)) else None,
            "latest": recent and recent[-1],
            "earliest": recent and recent[0],
            "every": every,
            "grace": KEY_GRACE if key else GRACE,
            "patience": KEY_PATIENCE if key else PATIENCE,
        }
        complaints = [
            {"at": plain_value(it.at), "critical": it.severity == "critical"}
            for it in history.complaints
            if it.id not in history.settled
        ]
        yield client, {**_CONSTANTS, **{name: _us(it) for name, it in facts.items()}, "complaints": complaints}


def _us(value: Any) -> Any:
    return value // timedelta(microseconds=1) if isinstance(value, timedelta) else plain_value(value)


_SPANS = {
    "window": WINDOW,
    "within": WITHIN,
    "quiet": QUIET,
    "ahead": SILENT_AHEAD,
    "lapse": LAPSE,
}
_CONSTANTS: Facts = {"now": _us(MOMENT), **{name: _us(span) for name, span in _SPANS.items()}}
_US_HORIZON = _us(MOMENT + AHEAD)
_QUIET_DUE = "contact + every"
_LEVELS = (
    (WATCH, "contact + every <= now and now < contact + every + grace"),
    (AT_RISK, "contact + every + grace <= now"),
    (UNKNOWN, "heard == null ? since <= now : heard + window <= now"),
    (WATCH, "signed != null and signed + within <= now"),
    (AT_RISK, "latest != null and latest <= now and now < earliest + window"),
    (AT_RISK, "term_end != null and term_end - ahead <= now and contact + quiet <= now and now < term_end"),
    (CRITICAL, "term_end != null and term_end <= now and now < term_end + lapse"),
    (LEFT, "term_end != null and term_end + lapse <= now"),
    (LEFT, "left != null and left <= now"),
)
_COMPLAINT_LEVELS = (
    (WATCH, "at <= now and now < at + patience"),
    (AT_RISK, "at + patience <= now"),
    (CRITICAL, "critical and at + patience <= now"),
)


def _zen_graph() -> dict[str, Any]:
    levels = [f"({text}) ? {level} : 0" for level, text in _LEVELS]
    complaint = "#.at + patience > now ? 2 : (#.critical ? 4 : 3)"
    expressions = {
        "worst": f"max(flatMap([map(complaints, {complaint}), [{', '.join(levels)}]], #))",
        "status": "$.worst",
        "quiet": _QUIET_DUE,
        "alone": "signed == null ? 0 : signed + within",
        "open": "map(complaints, #.at + patience)",
    }
    shown = [{"id": name, "key": name, "value": text} for name, text in expressions.items()]
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode"},
        {"id": "rules", "name": "rules", "type": "expressionNode", "content": {"expressions": shown}},
        {"id": "out", "name": "out", "type": "outputNode"},
    ]
    edges = [
        {"id": "a", "type": "edge", "sourceId": "in", "targetId": "rules"},
        {"id": "b", "type": "edge", "sourceId": "rules", "targetId": "out"},
    ]
    return {"nodes": nodes, "edges": edges}
