"""What a client's timeline costs by the length of its history, beside a replay at every event.

Makes one client of 1,000 and one of 10,000 events over ten years, with a fixed seed. Compares `retention timeline` of the
two, as a user runs it and as a function, and on a client of 300 events the timeline with an assessment at each event.
"""

import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from side_by_side import Compared, compare, function, parser, python, table, target

from retention_engine import BUILT_IN, BoundRule, Client, Engine, Event, decode, timeline

MOST_TIMES = 10
MOST_UNSETTLED = 3
START = datetime(2016, 1, 1, tzinfo=UTC)
END = START + timedelta(days=3660)
PACKS = ("retention-plan", "existing-clients-first", "love-engage-help", "thirty-day-service", "stick-around")


def lines(count: int) -> list[dict[str, Any]]:
    """A client's events: contacts of all sorts, deliveries, complaints that get settled, measures, renewals."""
    chance = random.Random(7)  # noqa: S311 - the same log every time
    made: list[dict[str, Any]] = [
        {"kind": "profiled", "at": START.isoformat(), "id": "p", "owner": "jo", "tier": "key"}
    ]
    at, unsettled = START, []
    for number in range(count - 1):
        at += timedelta(days=3650) / count * chance.uniform(0.5, 1.5)
        kind = chance.choices(("contact", "work", "trouble", "measure", "term"), (50, 30, 10, 5, 5))[0]
        event: dict[str, Any] = {"kind": "engaged", "at": at.isoformat(), "id": f"e{number}"}
        if kind == "contact":
            event |= {
                "by": chance.choice(["jo", "max"]),
                "with": ["Nora"],
                "direction": chance.choice(["outbound", "inbound", "two_way"]),
                "depth": chance.choice(["token", "routine", "meaningful"]),
                "channel": chance.choice(["mail", "phone", "meeting"]),
                "purpose": chance.choice(["general", "review", "idea", "feedback", "refinement", "renewal"]),
            }
        elif kind == "work":
            event["purpose"] = chance.choice(["delivery", "invoice"])
        elif kind == "trouble" and len(unsettled) < MOST_UNSETTLED:
            event["kind"] = "complained"
            unsettled.append(event["id"])
        elif kind == "trouble":
            event |= {"kind": "resolved", "complaint": unsettled.pop()}
        elif kind == "measure":
            event |= {"kind": "measured", "measure": chance.choice("xy"), "value": chance.random(), "target": 0.5}
        else:
            event |= {"kind": "renewed", "term_end": (at + timedelta(days=365)).isoformat()}
        made.append(event)
    return [{"client": "acme", **event} for event in made]


def events(count: int) -> list[Event]:
    """The same, decoded."""
    return [decode(msgspec.json.encode(line), position=place) for place, line in enumerate(lines(count), start=1)]


def pointwise(engine: Engine, history: list[Event]) -> list[str]:
    """The status after each event, by an assessment each."""
    return [str(engine.assess(Client.from_events("acme", history, as_of=it.at), at=it.at).status) for it in history]


def main() -> None:
    """Measure and print."""
    given = parser(__doc__).parse_args()
    engine = Engine(BoundRule(rule) for rule in BUILT_IN)
    short, long, few = events(1_000), events(10_000), events(300)
    past = timeline(engine, Client.from_events("acme", few), until=END)
    assert [str(past.status(event.at)) for event in few] == pointwise(engine, few), "the timeline is wrong"  # noqa: S101 - a benchmark of wrong answers is worth nothing
    with tempfile.TemporaryDirectory() as folder:
        commands = {}
        for count in (1_000, 10_000):
            log = Path(folder) / f"{count}.jsonl"
            log.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines(count)))
            for name, packs in (("by default", ()), ("all packs", PACKS)):
                words = [word for pack in packs for word in ("--pack", pack)]
                options = ("--at", END.isoformat(), "--format", "json", *words)
                run = python("-m", "retention_engine", "timeline", str(log), "acme", *options)
                commands[f"retention timeline, {count:,} events, rules {name}"] = run
        names = list(commands)
        found = [
            compare({name: commands[name] for name in (names[place], names[place + 2])}, given.pairs)
            for place in (0, 1)
        ]
    found += [
        compare(
            {
                "timeline(), 1,000 events, all rules": function(lambda: _past(engine, short)),
                "timeline(), 10,000 events, all rules": function(lambda: _past(engine, long)),
            },
            given.pairs,
        ),
        compare(
            {
                "timeline(), 300 events, all rules": function(lambda: _past(engine, few)),
                "an assessment at each of the 300": function(lambda: pointwise(engine, few)),
            },
            given.pairs,
        ),
    ]
    table(("", "CPU ms", "times", "from", "to"), [_row(each) for pair in found for each in pair])
    print()
    for pair in found[:2]:
        target(f"{pair[1].name}, times that of 1,000", pair[1].ratio, MOST_TIMES)


def _past(engine: Engine, history: list[Event]) -> object:
    return timeline(engine, Client.from_events("acme", history), until=END)


def _row(each: Compared) -> tuple[str, ...]:
    ratios = (each.ratio, min(each.ratios), max(each.ratios))
    return (each.name, f"{each.cpu * 1000:.0f}", *(f"{ratio:.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
