"""How the cost grows: of a full replay with events, clients and rules; of a day's question with the events of a client."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from contests import DAY, FULL, RULES, measure
from made_files import Made
from workload import EVENTS_A_CLIENT

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
EVENTS_A_CLIENT_TRIED = (5, EVENTS_A_CLIENT, 100, 1_000)
MOST = 200_000
"""With so many events it is tried how the others matter."""

DAY_CLIENTS, DAY_EVENTS_A_CLIENT = 2_000, (5, EVENTS_A_CLIENT, 100)
"""The same clients with more and more events each."""

DAY_CONTENDERS = tuple(it for it in DAY.contenders if it.name in {"day: agenda", "day: DuckDB"})
NAMES = ("ours", "limit, streamed", "DuckDB")


def grow(data: Path, events: int, repeats: int) -> dict[str, Any]:
    """All of them."""
    fixed = min(events, MOST)
    clients = min(DAY_CLIENTS, events // DAY_EVENTS_A_CLIENT[-1])
    sizes = [it for it in SIZES if it <= events] or [events]
    return {
        "events": {size: _contest(Made.under(data, size), repeats) for size in sizes},
        "events a client": {
            each: _contest(Made.under(data, fixed, each), repeats)
            for each in EVENTS_A_CLIENT_TRIED
            if each * 5 <= fixed
        },
        "day": {each * clients: _day(Made.under(data, each * clients, each), repeats) for each in DAY_EVENTS_A_CLIENT},
        "rules": measure(RULES, Made.under(data, fixed), repeats, same=False),
    }


def _contest(made: Made, repeats: int) -> dict[str, Any]:
    return measure(
        attrs.evolve(FULL, contenders=tuple(it for it in FULL.contenders if it.name in NAMES)), made, repeats
    )


def _day(made: Made, repeats: int) -> dict[str, Any]:
    return measure(attrs.evolve(DAY, contenders=DAY_CONTENDERS), made, repeats)


def tables(found: dict[str, Any]) -> Iterator[list[tuple[str, ...]]]:
    """A table for each thing that grows: microseconds an event."""
    for what in ("events", "events a client"):
        names = list(next(iter(found[what].values()))["contenders"])
        rows = [(what, "clients", *(f"{name}, us an event" for name in names))]
        for number, it in found[what].items():
            rows.append((f"{int(number):,}", f"{it['clients']:,}", *(_pace(it, name) for name in names)))
        yield rows
    rows = [("events", "clients", "lines of answer", "the agenda, ms a day", "DuckDB, ms a day")]
    for number, it in found["day"].items():
        names = [contender.name for contender in DAY_CONTENDERS]
        shown = [
            f"{it['contenders'][name]['seconds']['median'] * 1000:.1f}" if name in it["contenders"] else ""
            for name in names
        ]
        rows.append((f"{int(number):,}", f"{it['clients']:,}", f"{it['items']:,}", *shown))
    yield rows
    rules = found["rules"]
    rows = [("rules", "us an event", "us a client", "times")]
    for it in rules["contenders"].values():
        seconds = it["seconds"]["median"]
        about = it["about"].split(" ")
        number = next(word for word in about if word.isdigit())
        clients = f"{seconds / rules['clients'] * 1e6:,.0f}"
        rows.append((number, f"{seconds / rules['events'] * 1e6:.1f}", clients, f"{it['times']['median']:.2f}"))
    yield rows


def _pace(it: dict[str, Any], name: str) -> str:
    found = it["contenders"].get(name)
    return "" if found is None else f"{found['seconds']['median'] / it['events'] * 1e6:.2f}"
