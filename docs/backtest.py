"""Write the figures of the page on back-tests from the real logs: `python docs/backtest.py SHARED`.

SHARED is the folder with the real logs and what became of their clients, which are not a part of the project. A test
compares the page with what this would write, where that folder is.
"""

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from retention_engine import (
    Backtest,
    Engine,
    Health,
    Histories,
    KnownOutcome,
    Outcome,
    Settings,
    TrackRecord,
    backtest,
    days,
    heard,
    instant,
    read_log,
    read_truth,
)
from retention_engine.rules import PACKS

PAGE = Path(__file__).with_suffix(".md")
STARTS, ENDS = "<!-- Written by docs/backtest.py: {} -->", "<!-- As far as here. -->"

LOGS = ("cdnow-sample", "completejourney")
DURATIONS = (14, 30, 45, 60, 90, 120, 150, 180, 210, 240, 270)
DEFAULT = 90

MOMENTS = {
    "cdnow-sample": (("1997-06-30", "1997-09-30", "1997-12-31"), days(181)),
    "completejourney": (("2017-03-31", "2017-06-30", "2017-09-30"), days(92)),
}
"""When else to ask of a log who would be heard again, and within which time."""

RULES = {"quiet-client": ("every", Health.WATCH), "unheard-client": ("window", Health.UNKNOWN)}
"""The rules tried: the setting that is varied, and the level at which they warn."""


@attrs.frozen
class Book:
    """A log's events, and what became of its clients."""

    histories: Histories
    truth: tuple[KnownOutcome, ...]

    def of(self, clients: Collection[str]) -> "Book":
        """The same of some clients alone."""
        kept = {client: self.histories[client] for client in clients}
        return Book(kept, tuple(known for known in self.truth if known.client in kept))

    def halves(self) -> tuple["Book", "Book"]:
        """Every other client by id, from the first and from the second on."""
        clients = sorted(self.histories)
        return self.of(clients[::2]), self.of(clients[1::2])

    def tried(self, settings: Settings, level: Health, **chosen: Any) -> Backtest:
        """A back-test of the rules that are chosen."""
        return backtest(self.histories, Engine(settings.choose(**chosen)), truth=self.truth, level=level)

    def tried_with(self, rule: str, count: int) -> Backtest:
        """A back-test of one rule alone with a duration of so many days, for all tiers."""
        setting, level = RULES[rule]
        values = {setting: f"{count} days"}
        table: dict[str, Any] = {"rules": {rule: values}, "tiers": {"key": {"rules": {rule: values}}}}
        if rule == "quiet-client":
            table["tiers"]["key"]["rules"][rule] = {**values, "grace": "30 days"}
        return self.tried(Settings.from_table(table), level, select=[rule])


def gain(found: Backtest, record: TrackRecord) -> Fraction:
    """The share of the lost who were warned of, less that of the retained (Youden's J)."""
    counts = found.cases.counts
    return Fraction(record.true_positives, counts[Outcome.LOST]) - Fraction(
        record.false_positives, counts[Outcome.RETAINED]
    )


def figures(shared: Path) -> Mapping[str, str]:
    """The tables of the page, by name."""
    books = {
        log: Book(
            read_log(str(shared / "data" / f"{log}.jsonl.gz")), read_truth(str(shared / "data" / f"{log}.truth.jsonl"))
        )
        for log in LOGS
    }
    grids = {log: {rule: dict(_grid(book.halves()[0], rule)) for rule in RULES} for log, book in books.items()}
    tables = {"as-it-comes": _as_it_comes(books)}
    for log in LOGS:
        tables[f"grid-{log}"] = _grid_table(grids[log])
    tables["confirmed"] = _confirmed(books, grids)
    tables["other-moments"] = _other_moments(books, grids)
    return {name: "\n".join(lines) for name, lines in tables.items()}


def chosen(grid: Mapping[int, Backtest]) -> int:
    """The duration with the largest gain; of equals, the longest."""
    return max(grid, key=lambda count: (gain(grid[count], grid[count].rules[0]), count))


def _as_it_comes(books: Mapping[str, Book]) -> Iterator[str]:
    yield "| log | rules, warning | cases | lost | warned | precision | recall | lift | precision of no contact | of not heard |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    tries = {
        "essentials, `watch`": (Health.WATCH, ()),
        "essentials, `at-risk`": (Health.AT_RISK, ()),
        "essentials, `unknown`": (Health.UNKNOWN, ()),
        "all packs, `watch`": (Health.WATCH, tuple(PACKS)),
        "all packs, `at-risk`": (Health.AT_RISK, tuple(PACKS)),
    }
    for log, book in books.items():
        for name, (level, packs) in tries.items():
            found = book.tried(Settings(), level, packs=packs)
            cells = [
                log,
                name,
                f"{sum(found.cases.counts.values()):,}",
                _percent(found.cases.base_rate),
                f"{found.status.warned:,}",
                _percent(found.status.precision),
                _percent(found.status.recall),
                f"{float(found.status.lift or 0):.2f}",
                *(_percent(record.precision) for record in found.recency),
            ]
            yield f"| {' | '.join(cells)} |"


def _grid(book: Book, rule: str) -> Iterator[tuple[int, Backtest]]:
    for count in DURATIONS:
        yield count, book.tried_with(rule, count)


def _grid_table(grids: Mapping[str, Mapping[int, Backtest]]) -> Iterator[str]:
    yield f"| duration | {' | '.join(f'`{rule}`: warned | precision | recall | gain' for rule in grids)} |"
    yield f"| ---: |{' ---: |' * 4 * len(grids)}"
    for count in DURATIONS:
        cells = [f"{count} days"]
        for grid in grids.values():
            cells += _cells(grid[count], best=count == chosen(grid))
        yield f"| {' | '.join(cells)} |"


def _confirmed(books: Mapping[str, Book], grids: Mapping[str, Mapping[str, Mapping[int, Backtest]]]) -> Iterator[str]:
    yield "| log | rule | duration | warned | precision | recall | gain | gain of not heard |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for log, book in books.items():
        second = book.halves()[1]
        for rule in RULES:
            best = chosen(grids[log][rule])
            for what, count in (("default", DEFAULT), ("chosen", best)):
                found = second.tried_with(rule, count)
                heard = f"{float(gain(found, found.recency[1])):.3f}"
                cells = [log, f"`{rule}`", f"{count} days ({what})", *_cells(found), heard]
                yield f"| {' | '.join(cells)} |"


def _other_moments(
    books: Mapping[str, Book], grids: Mapping[str, Mapping[str, Mapping[int, Backtest]]]
) -> Iterator[str]:
    yield "| log | heard again after | within | lost | gain, 90 days | gain, chosen | best of the grid |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for log, book in books.items():
        moments, within = MOMENTS[log]
        best = chosen(grids[log]["unheard-client"])
        for moment in moments:
            grid = dict(
                _grid(Book(book.histories, tuple(_heard_again(book.histories, moment, within))), "unheard-client")
            )
            gains = {count: gain(found, found.rules[0]) for count, found in grid.items()}
            top = max(gains, key=gains.__getitem__)
            cells = [
                log,
                moment,
                f"{within.days} days",
                _percent(grid[DEFAULT].cases.base_rate),
                f"{float(gains[DEFAULT]):.3f}",
                f"{float(gains[best]):.3f} ({best} days)",
                f"{float(gains[top]):.3f} ({top} days)",
            ]
            yield f"| {' | '.join(cells)} |"


def _heard_again(histories: Histories, moment: str, within: timedelta) -> Iterator[KnownOutcome]:
    cutoff = instant(moment)
    for client, events in histories.items():
        again = any(heard(event) and cutoff < event.at <= cutoff + within for event in events)
        yield KnownOutcome(client, cutoff, Outcome.RETAINED if again else Outcome.LOST)


def _cells(found: Backtest, *, best: bool = False) -> Iterable[str]:
    record = found.rules[0]
    gained = f"{float(gain(found, record)):.3f}"
    return (
        f"{record.warned:,}",
        _percent(record.precision),
        _percent(record.recall),
        f"**{gained}**" if best else gained,
    )


def _percent(ratio: Fraction | None) -> str:
    return "insufficient" if ratio is None else f"{float(ratio * 100):.1f} %"


def page(shared: Path, text: str) -> str:
    """The page's text with the figures as they are now."""
    for name, table in figures(shared).items():
        start = STARTS.format(name)
        before, found, rest = text.partition(f"{start}\n")
        if not found:
            raise SystemExit(f"the page has no place for {name}: {start}")
        text = f"{before}{start}\n\n{table}\n\n{ENDS}{rest.partition(ENDS)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(Path(sys.argv[1]), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
