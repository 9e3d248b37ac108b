"""The page `docs/performance.md`: its figures are written from the results, between marks; the words around them stay."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import contests
import growth
import one_event
import parts
import pictures
from contests import CONTESTS, short

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLIENTS = 100_000_000
EVENTS_A_CLIENT = 21
CORES = 64
HOUR = 3_600

Results = dict[str, Any]


def write(results: Results, docs: Path = DOCS) -> None:
    """Put the results between the page's marks, and draw its picture."""
    page = docs / "performance.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), results), encoding="utf-8")
    (docs / "performance.svg").write_text(pictures.drawn(results), encoding="utf-8")


def filled(text: str, results: Results) -> str:
    """A page's text with what stands between `<!-- figures: NAME -->` and `<!-- end -->` written anew."""

    def figures(found: re.Match[str]) -> str:
        lines = "\n".join(_FIGURES[found[1]](results)) or "Not measured yet."
        return f"<!-- figures: {found[1]} -->\n\n{lines}\n\n<!-- end -->"

    return re.sub(r"<!-- figures: ([\w -]+) -->\n.*?<!-- end -->", figures, text, flags=re.DOTALL)


def sizes(results: Results, section: str) -> Iterator[tuple[int, Any]]:
    """What was measured of a section, by the number of events, the smallest first."""
    for events in sorted(map(int, results["sizes"])):
        found = results["sizes"][str(events)].get(section)
        if found is not None:
            yield events, found


def largest(results: Results, section: str, name: str = "") -> Any:
    """What was measured of a section with the most events; of those in which a contender took part, if one is named."""
    found = [it for _, it in sizes(results, section) if not name or name in it["contenders"]]
    return found[-1] if found else None


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(rows[0])} |"
    yield "| --- |" + " ---: |" * (len(rows[0]) - 1)
    for row in rows[1:]:
        yield f"| {' | '.join(row)} |"


def _contest(section: str) -> Callable[[Results], Iterator[str]]:
    def lines(results: Results) -> Iterator[str]:
        for place, (_, found) in enumerate(sizes(results, section)):
            if place:
                yield ""
            yield (
                f"**{found['events']:,} events of {found['clients']:,} clients**, {found['repeats']} turns,"
                f" {found['items']:,} lines of answer, digest `{found['digest']}`:"
            )
            yield ""
            yield from _table(contests.rows(found))

    return lines


def _legend(section: str) -> Callable[[Results], Iterator[str]]:
    def lines(_: Results) -> Iterator[str]:
        rows = [("row", "what it is")]
        for it in CONTESTS[section].contenders:
            sampled = "; every tenth client, reckoned up by events" if it.samples and section == "full" else ""
            rows.append((it.name.partition(": ")[2] or it.name, it.about + sampled))
        yield from (line.replace("---: |", "--- |") for line in _table(rows))

    return lines


def _one_event(results: Results) -> Iterator[str]:
    found = largest(results, "one-event")
    if found:
        yield f"Beside a log of {found['events']:,} events, {found['repeats']} turns; times those of `{found['baseline']}`:"
        yield ""
        yield from _table(one_event.rows(found))


def _parts(results: Results) -> Iterator[str]:
    found = largest(results, "parts")
    if found:
        yield f"{found['events']:,} events of {found['clients']:,} clients, {found['repeats']} turns:"
        yield ""
        yield from _table(parts.rows(found))


def _growth(results: Results) -> Iterator[str]:
    found = largest(results, "growth")
    if found:
        for place, table in enumerate(growth.tables(found)):
            if place:
                yield ""
            yield from _table(table)


def _ratios(results: Results) -> Iterator[str]:
    """The ratios by which the package is judged, each the median of runs side by side with the extremes."""
    rows = [("ratio", "events", "median", "from", "to")]
    for what, section, slow, fast in RATIOS:
        for _, found in sizes(results, section):
            names = found["contenders"]
            if slow in names and fast in names:
                rows.append((what, f"{found['events']:,}", *_ratio(names[slow]["runs"], names[fast]["runs"])))
    found = largest(results, "one-event")
    if found:
        way = one_event.KEPT if one_event.KEPT in next(iter(found["lengths"].values())) else one_event.READ
        for length, ways in found["lengths"].items():
            what = f"{way}, over the durable append alone, after {int(length):,} events"
            times = ways[way]["times"]
            rows.append((what, f"{found['events']:,}", *(short(times[it]) for it in ("median", "least", "most"))))
    if len(rows) > 1:
        yield from _table(rows)


RATIOS = (
    ("the library's `repository.get`, over ours", "full", "library, repository.get", "ours"),
    ("the library's notifications, over ours", "full", "library, notifications", "ours"),
    ("the limit, over ours", "full", "limit", "ours"),
    ("the limit streamed, over ours", "full", "limit, streamed", "ours"),
    ("the limit with all told, over ours", "full", "limit, all told", "ours"),
    ("ours with one process, over two", "full", "ours", "ours, 2 processes"),
    ("ours, over DuckDB", "full", "ours", "DuckDB"),
    ("ours, over Polars", "full", "ours", "Polars"),
    ("a day from DuckDB, over the agenda", "day", "day: DuckDB", "day: agenda"),
    ("a day from the whole log, over the agenda", "day", "day: ours, from the log", "day: agenda"),
    ("one owner's worklist from the whole log, over the agenda", "owner", "owner: ours, from the log", "owner: agenda"),
)
"""What is stated: the time of one, over that of the other, in which section."""


def _ratio(slow: list[float], fast: list[float]) -> tuple[str, str, str]:
    from statistics import median

    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    return short(median(ratios)), short(min(ratios)), short(max(ratios))


def _on_paper(results: Results) -> Iterator[str]:
    """What so many clients would take, reckoned up from what was measured."""
    found = largest(results, "full", "DuckDB")
    if found is None:
        return
    events = CLIENTS * EVENTS_A_CLIENT
    rows = [("", "us an event and core", "hours on one core", f"minutes on {CORES} cores, if all are kept busy")]
    for name in ("ours", "limit, streamed", "DuckDB", "Polars"):
        if name in found["contenders"]:
            pace = found["contenders"][name]["cpu"]["median"] / found["events"]
            shown = [pace * 1e6, pace * events / HOUR, pace * events / 60 / CORES]
            rows.append((name, *map(short, shown)))
    yield f"{CLIENTS:,} clients with {EVENTS_A_CLIENT} events each are {events / 1e9:.1f} billion events."
    yield ""
    yield from _table(rows)


def _taken(results: Results) -> Iterator[str]:
    rows = [("section", "events", "date", "machine", "Python", "libraries")]
    for section in (*CONTESTS, "parts", "one-event", "growth"):
        for events, found in sizes(results, section):
            on = found["on"]
            libraries = ", ".join(f"{name} {version}" for name, version in on["libraries"].items())
            cores = f"{on['system']}, {on['cores']} cores"
            rows.append((section, f"{events:,}", on["date"], cores, on["python"], libraries))
    if len(rows) > 1:
        yield from (line.replace("---:", "---") for line in _table(rows))


_FIGURES: dict[str, Callable[[Results], Iterator[str]]] = {
    "ratios": _ratios,
    "full": _contest("full"),
    "full rows": _legend("full"),
    "day": _contest("day"),
    "day rows": _legend("day"),
    "worklist": _contest("worklist"),
    "owner": _contest("owner"),
    "parts": _parts,
    "fed": _contest("fed"),
    "one-event": _one_event,
    "growth": _growth,
    "on paper": _on_paper,
    "taken": _taken,
}
