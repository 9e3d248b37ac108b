"""What a time budget costs: a plug-in's rules asked in a process of their own, beside the same rules asked in ours.

Makes a plug-in of one rule and one of ten, and clients of 5, 25 and 200 events, with a fixed seed. What counts is the time
that passes, not CPU time, since two processes share the work and one waits for the other.
"""

import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from side_by_side import Compared, Cost, compare, parser, table

from retention_engine import BoundRule, Client, Engine, decode
from retention_engine.plugins import load_plugins
from retention_engine.plugins.finding import find_plugins
from retention_engine.plugins.loading import imported

CLIENTS = 200
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=400)
BUDGET = timedelta(minutes=5)
HEAD = """
from retention_engine import Action, Client, Concern, Findings, Health, contact, days, rule
"""
RULE = '''
@rule
def quiet_{number}(client: Client) -> Findings:
    """Nobody has talked to the client for long."""
    latest = client.latest(contact)
    due = client.base(contact) + days({number})
    yield Action("Call.", due=due, because=latest)
    yield Concern(Health.WATCH, starts=due, until=due + days(30), because=latest)
    yield Concern(Health.AT_RISK, starts=due + days(30), because=latest)
'''


def clients(events: int) -> list[Client]:
    """Clients with so many calls each."""
    chance = random.Random(7)  # noqa: S311 - the same clients every time
    made = []
    for number in range(CLIENTS):
        lines = [
            {
                "client": f"c{number}",
                "kind": "engaged",
                "at": (START + timedelta(hours=chance.randrange(9000))).isoformat(),
                "id": f"e{place}",
                "channel": "phone",
                "purpose": chance.choice(["general", "review", "delivery"]),
            }
            for place in range(events)
        ]
        calls = [decode(msgspec.json.encode(line), position=place) for place, line in enumerate(lines, start=1)]
        made.append(Client.from_events(f"c{number}", calls))
    return made


def elapsed(engine: Engine, asked: list[Client]) -> Callable[[], Cost]:
    """The time that passes while all of them are assessed; the lookups of each client are made anew."""

    def run() -> Cost:
        fresh = [Client(client.id, client.events) for client in asked]
        start = time.perf_counter()
        for client in fresh:
            engine.assess(client, at=NOW)
        return Cost(time.perf_counter() - start)

    return run


def engines(rules: int, folder: Path) -> dict[str, Engine]:
    """The same rules as functions, as a plug-in, and as a plug-in under a time budget."""
    (folder / f"quiet{rules}.py").write_text(
        HEAD + "".join(RULE.format(number=n) for n in range(rules)), encoding="utf-8"
    )
    spec = f"./quiet{rules}.py"
    module = vars(imported(find_plugins([spec], base=folder)[0][0].sources[0]))
    functions = [value for name, value in module.items() if name.startswith("quiet_")]
    return {
        "as functions": Engine(functions),
        "as a plug-in": Engine(map(BoundRule, load_plugins([spec], base=folder).rules)),
        "under a time budget": Engine(map(BoundRule, load_plugins([spec], base=folder, time_budget=BUDGET).rules)),
    }


def main() -> None:
    """Measure and print."""
    given = parser(__doc__).parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for rules in (1, 10):
            made = engines(rules, Path(folder))
            for events in (5, 25, 200):
                asked = clients(events)
                stated = {name: _stated(engine, asked) for name, engine in made.items()}
                assert len(set(map(str, stated.values()))) == 1, "they differ"  # noqa: S101 - a benchmark of wrong answers is worth nothing
                found = compare({name: elapsed(engine, asked) for name, engine in made.items()}, given.pairs)
                rows += [
                    _row(f"{rules} rule{'s' * (rules > 1)}, {events} events, {it.name}", it, rules) for it in found
                ]
    table(("", "us a rule and client", "times", "from", "to"), rows)


def _stated(engine: Engine, asked: list[Client]) -> list[tuple[object, ...]]:
    found = [engine.assess(client, at=NOW) for client in asked]
    assert not any(it.failures for it in found), found[0].failures  # noqa: S101 - as above
    return [(it.status, [(one.level, one.starts, one.until) for one in it.concerns]) for it in found]


def _row(name: str, each: Compared, rules: int) -> tuple[str, ...]:
    ratios = (each.ratio, min(each.ratios), max(each.ratios))
    return (name, f"{each.cpu / rules / CLIENTS * 1e6:.0f}", *(f"{ratio:.1f}" for ratio in ratios))


if __name__ == "__main__":
    main()
