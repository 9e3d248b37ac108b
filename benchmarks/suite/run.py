"""The benchmark suite: this package beside what somebody would otherwise use, on the same events, with the same answers.

    python benchmarks/suite/run.py --events 100000

Makes a book of business with a fixed seed (once; files stay under --data), asks everybody the same questions by turns, each
in a fresh process, compares the answers and prints tables. Ratios are of neighbours in time: a slow minute slows all.

    full       status and due actions of every client at one moment
    day        what changes and what falls due in one day
    one-event  one event recorded, and its client assessed again
    worklist   all that is overdue or due within a day
    owner      one owner's worklist, with its order, budget and cooldown
    parts      where the time of a full replay goes
    fed        rules alone, beside rule engines
    growth     how the cost grows with events, clients and rules
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import contests
import growth
import msgspec
import one_event
import pages
import parts
from contests import CONTESTS
from made_files import Made

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from side_by_side import table

RESULTS = Path(__file__).with_name("results.json")
SECTIONS = (*CONTESTS, "parts", "one-event", "growth")
GROWTH_REPEATS = 3
FILES_PACE = 120
"""About how many microseconds it takes to write an event to all the files."""

LARGE = 2_000_000
"""With more events, what does not change with their number is left out."""

LIBRARIES = (
    "retention-engine",
    "eventsourcing",
    "msgspec",
    "attrs",
    "duckdb",
    "polars",
    "pyarrow",
    "rule-engine",
    "zen-engine",
)


def main() -> None:
    """Run what the command line asks for."""
    given = _options().parse_args()
    known = msgspec.json.decode(given.results.read_bytes()) if given.results.exists() else {"version": 1, "sizes": {}}
    if given.docs_only:
        pages.write(known, given.docs)
        return
    sections = given.section or (SECTIONS if given.events <= LARGE else ("full", "day", "worklist", "owner"))
    minutes = _minutes(sections, given.events, given.repeats, given.case)
    made = Made.under(given.data, given.events)
    files = "" if made.is_made("parquet") else f", and {given.events * FILES_PACE / 60e6:.0f} min for the files"
    print(f"{given.events:,} events, {given.repeats} turns: about {minutes:.0f} min{files}\n", flush=True)
    size = known["sizes"].setdefault(str(given.events), {})
    for section in sections:
        print(f"{section}: {_question(section)}", flush=True)
        size[section] = {**_measured(section, made, given), "on": machine()}
        for found in _tables(section, size[section]):
            print()
            table(found[0], found[1:])
        print(flush=True)
        if given.save or given.write_docs:
            given.results.write_bytes(msgspec.json.format(msgspec.json.encode(known), indent=1) + b"\n")
    if given.write_docs:
        pages.write(known, given.docs)


def _measured(section: str, made: Made, given: argparse.Namespace) -> dict[str, Any]:
    if section == "growth":
        return growth.grow(given.data, given.events, min(given.repeats, GROWTH_REPEATS))
    if section == "one-event":
        return one_event.measure(made, max(given.repeats * 3, 5))
    if section == "parts":
        return parts.take(made, given.repeats)
    return contests.measure(CONTESTS[section], made, given.repeats, given.case)


def _tables(section: str, found: dict[str, Any]) -> Iterator[list[tuple[str, ...]]]:
    if section == "growth":
        yield from growth.tables(found)
    elif section == "one-event":
        yield one_event.rows(found)
    elif section == "parts":
        yield parts.rows(found)
    else:
        yield contests.rows(found)


def _question(section: str) -> str:
    if section in CONTESTS:
        return CONTESTS[section].question
    return {"growth": growth, "one-event": one_event, "parts": parts}[section].__doc__.partition("\n")[0]  # type: ignore[union-attr] # they have texts


def _minutes(sections: tuple[str, ...], events: int, repeats: int, wanted: list[str]) -> float:
    """About how long it takes, so that nobody waits in vain."""
    seconds = sum(contests.estimate(CONTESTS[it], events, repeats, wanted) for it in sections if it in CONTESTS)
    if "growth" in sections:
        seconds += repeats * (
            30e-6 * sum(it for it in growth.SIZES if it <= events) + 150e-6 * min(events, growth.MOST)
        )
    if "one-event" in sections:
        seconds += repeats * 4
    if "parts" in sections:
        seconds += contests.estimate(contests.PARTS, events, repeats)
    return seconds / 60


def machine() -> dict[str, Any]:
    """On what, with what, and when."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except ModuleNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": found,
    }


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--events", type=int, default=100_000, help="how many events (default: %(default)s; 1000000, 10000000)"
    )
    made.add_argument("--repeats", type=int, default=5, help="how many turns (default: %(default)s)")
    made.add_argument("--section", action="append", choices=SECTIONS, help="this section alone; can be repeated")
    made.add_argument(
        "--case", action="append", default=[], metavar="NAME", help="this contender alone; can be repeated"
    )
    made.add_argument(
        "--data",
        type=Path,
        default=Path(gettempdir()) / "retention-suite",
        help="where files are kept (default: %(default)s)",
    )
    made.add_argument("--results", type=Path, default=RESULTS, help="where results are kept (default: %(default)s)")
    made.add_argument("--save", action="store_true", help="put the results there")
    made.add_argument("--docs", type=Path, default=pages.DOCS, help="the folder of that page (default: %(default)s)")
    made.add_argument("--write-docs", action="store_true", help="put the results there, and into docs/performance.md")
    made.add_argument(
        "--docs-only", action="store_true", help="measure nothing: write docs/performance.md from the results"
    )
    return made


if __name__ == "__main__":
    main()
