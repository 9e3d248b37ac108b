"""Write the page on how often each rule fires over real logs: `python docs/firing.py SHARED`.

SHARED is the folder with the real logs, which are not a part of the project. A test compares the page with what this
would write, where that folder is.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from retention_engine import BUILT_IN, BoundRule, Engine, Event, instant, read_log, replay
from retention_engine.firing import Firing, firings

PAGE = Path(__file__).with_suffix(".md")
READS = PAGE.with_suffix(".toml")

LOGS = {"ravenstack": "2025-01-01", "completejourney": "2017-10-01", "cdnow-sample": "1997-10-01"}
"""The logs, each with the moment asked about: its last day, or where its truth begins."""

OFTEN = 0.9


def page(shared: Path) -> str:
    """The page's text."""
    told = tomllib.loads(READS.read_text(encoding="utf-8"))
    histories = {log: read_log(str(shared / "data" / f"{log}.jsonl.gz")) for log in LOGS}
    engine = Engine(BoundRule(rule) for rule in BUILT_IN)
    counted = {
        log: {one.rule.name: one for one in firings(replay(events, engine, at=instant(LOGS[log])), engine.rules)}
        for log, events in histories.items()
    }
    recorded = {
        log: set(_said(event for events in book.values() for event in events)) for log, book in histories.items()
    }
    return "\n".join(_lines(counted, recorded, told)) + "\n"


def _lines(
    counted: Mapping[str, Mapping[str, Firing]],
    recorded: Mapping[str, set[str]],
    told: Mapping[str, Any],
) -> Iterator[str]:
    yield "<!-- Written by docs/firing.py from the real logs; change that and run it. -->"
    yield ""
    yield "# How often each rule fires"
    yield ""
    yield (
        "A rule that fires for everybody, or for nobody, tells nobody anything. This is what the built-in rules find in three"
        " real logs with all packs on: the share of the clients with a concern in force or an action due. `retention rules"
        " firing` prints the same for a log of yours."
    )
    yield ""
    yield (
        "None of the three logs was kept to look after clients: a music shop's orders, a grocer's baskets and coupons, and a"
        " synthetic software company's subscriptions, use and tickets. So most practices are not recorded at all, and the"
        " rules about them fire always or never; for each such case the last column says which events the log lacks. That is"
        " why packs are off until somebody takes the practice up, and why the rules that ask for something nice are actions"
        " and no concerns. The two exceptions, `unagreed-expectations` and `complacent-service`, are concerns by definition:"
        " turn them off where expectations and extras are not recorded."
    )
    yield ""
    yield f"| rule | {' | '.join(f'{log}, {LOGS[log]}' for log in counted)} | why always, or never |"
    yield f"| --- |{' ---: |' * len(counted)} --- |"
    for rule in BUILT_IN:
        shares = [f"{counted[log][rule.name].share:.1%}" for log in counted]
        why = "; ".join(_why(rule.name, counted, recorded, told))
        yield f"| [{rule.name}](reference/rules.md#{rule.name}) | {' | '.join(shares)} | {why} |"


def _why(
    rule: str, counted: Mapping[str, Mapping[str, Firing]], recorded: Mapping[str, set[str]], told: Mapping[str, Any]
) -> Iterator[str]:
    """A reason for each log in which a rule fires for nearly all or for none."""
    lacking: dict[str, list[str]] = {}
    for log in counted:
        found = counted[log][rule]
        conditions = told["waits_for" if found.share > OFTEN else "finds"].get(rule, [])
        if found.fires and found.share <= OFTEN:
            continue
        if log in told["because"].get(rule, {}):
            yield f"{log}: {told['because'][rule][log]}"
        elif not conditions or any(_matches(condition, recorded[log]) for condition in conditions):
            raise SystemExit(f"say in {READS.name} why {rule} fires for {found.share:.1%} in {log}")
        else:
            what = " or ".join(f"`{condition}`".replace("|", "\\|") for condition in conditions)
            lacking.setdefault(what, []).append(log)
    for what, logs in lacking.items():
        yield f"no {what}" + ("" if len(logs) == len(counted) else f" in {' and '.join(logs)}")


def _matches(condition: str, recorded: set[str]) -> bool:
    name, equals, values = condition.partition("=")
    return any(f"{name}={value}" in recorded for value in values.split("|")) if equals else name in recorded


def _said(events: Iterable[Event]) -> Iterator[str]:
    """All that some event says: its kind, its fields, and the fields with the values that are words."""
    for event in events:
        yield event.kind
        for field, value in event.fields().items():
            yield f"{event.kind}.{field}"
            if isinstance(value, str):
                yield f"{event.kind}.{field}={value}"


if __name__ == "__main__":
    PAGE.write_text(page(Path(sys.argv[1])), encoding="utf-8")
