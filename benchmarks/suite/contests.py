"""Contenders by turns: each answers in a fresh process, all answers are compared, and neighbours in time give the ratios."""

from collections.abc import Collection, Iterable
from typing import Any

import attrs
from answers import is_sampled
from made_files import Made, make_agenda, make_library_log, make_log, make_parquet
from processes import contend, is_here, spread
from workload import client_name

MAKE = {"log": make_log, "agenda": make_agenda, "parquet": make_parquet, "library": make_library_log}
IN_MEMORY = 2_000_000
"""So many events fit into memory as Python objects."""


@attrs.frozen
class Contender:
    """Somebody who answers.

    Attributes:
        name: as `contend.py` knows it.
        about: what it does, for the table.
        pace: about how many microseconds it takes for an event, for estimates.
        needs: the libraries without which it can't.
        reads: the file that it reads.
        samples: whether it answers for every tenth client alone.
        most: with how many events it still takes part.
    """

    name: str
    about: str
    pace: float
    needs: tuple[str, ...] = ()
    reads: str = "log"
    samples: bool = False
    most: int = 1_000_000_000


@attrs.frozen
class Contest:
    """A question with those who answer it.

    Attributes:
        name: what it is called on the command line and in the results.
        question: what is asked.
        contenders: who answers; the first one is what the others are held against.
    """

    name: str
    question: str
    contenders: tuple[Contender, ...]

    @property
    def is_sampled(self) -> bool:
        """Whether all answer for every tenth client alone."""
        return all(it.samples for it in self.contenders)


FULL = Contest(
    "full",
    "status and due actions of every client at one moment",
    (
        Contender("ours", "`book.replay` over the log, one process", 12),
        Contender("ours, 2 processes", "`replay_log` over the log, two processes", 8),
        Contender("limit", "by hand over `msgspec` Structs, gathered in memory", 5, most=IN_MEMORY),
        Contender("limit, streamed", "the same, one client in memory at a time", 5),
        Contender("limit, all told", "by hand, with evidence, messages, retractions, verdicts of people", 6),
        Contender(
            "library, repository.get", "`eventsourcing`, an aggregate a client", 9, (), "library", True, IN_MEMORY
        ),
        Contender(
            "library, notifications", "`eventsourcing`, pages of notifications", 30, (), "library", most=IN_MEMORY
        ),
        Contender("DuckDB", "SQL over Parquet, all cores", 0.5, ("duckdb", "pyarrow"), "parquet"),
        Contender("Polars", "expressions over Parquet, all cores", 0.6, ("polars", "pyarrow"), "parquet"),
        Contender("SQLite, json_extract", "SQL over the log", 12, most=IN_MEMORY),
    ),
)
DAY = Contest(
    "day",
    "the changes of status within a day, and the actions that fall due in it",
    (
        Contender("day: agenda", "looked up, in a program that has it open", 0, reads="agenda"),
        Contender("day: agenda, opened for it", "looked up, with opening the log and its agenda", 0, reads="agenda"),
        Contender("day: DuckDB", "SQL over Parquet, all cores", 0.5, ("duckdb", "pyarrow"), "parquet"),
        Contender("day: ours, from the log", "every client assessed anew", 12),
        Contender("day: by hand, from the log", "the same by hand over `msgspec` Structs", 5, most=IN_MEMORY),
    ),
)
WORKLIST = Contest(
    "worklist",
    "all open actions, overdue or due within a day",
    (
        Contender("worklist: agenda", "looked up, with opening the log and its agenda", 0.5, reads="agenda"),
        Contender("worklist: DuckDB", "SQL over Parquet, all cores", 0.5, ("duckdb", "pyarrow"), "parquet"),
        Contender("worklist: ours, from the log", "every client assessed anew", 12),
    ),
)
OWNER = Contest(
    "owner",
    "one owner's worklist for a day, in order, with budget and cooldown",
    (
        Contender("owner: agenda", "the agenda names the clients, who are read and assessed", 1, reads="agenda"),
        Contender("owner: ours, from the log", "every client assessed anew", 12),
    ),
)
FED = Contest(
    "fed",
    "the rules alone, for every tenth client, histories or facts being in memory",
    (
        Contender("fed: ours", "this package, from events", 2, samples=True),
        Contender("fed: by hand", "eight functions, from histories", 2, samples=True),
        Contender("fed: rule-engine", "expressions, from facts", 2, ("rule_engine",), samples=True),
        Contender("fed: zen-engine", "one decision, from facts", 2, ("zen",), samples=True),
    ),
)
RULES = Contest(
    "rules",
    "status and due actions of every client, with more rules",
    (
        Contender("ours", "8 rules, the pack `essentials`", 12),
        Contender("ours, 20 rules", "20 rules", 15),
        Contender("ours, 57 rules", "all 57 rules about a client", 25),
    ),
)
PARTS = Contest(
    "parts",
    "where the time of a full replay goes",
    (
        Contender("parts: rows", "rows from SQLite", 3),
        Contender("parts: events", "checksums compared, events decoded", 6),
        Contender("parts: clients", "in order, cut at the moment", 7),
        Contender("parts: rules", "the eight rules, with evidence", 11),
        Contender("parts: schedules", "findings checked and put together", 12),
        Contender("ours", "`book.replay` over the log, one process", 12),
        Contender("parts: facts", "rows from SQLite, decoded into `msgspec` Structs", 3),
        Contender("limit, streamed", "by hand, one client in memory at a time", 5),
    ),
)

CONTESTS = {it.name: it for it in (FULL, DAY, WORKLIST, OWNER, FED)}


def taking_part(contest: Contest, events: int, wanted: Collection[str] = ()) -> list[Contender]:
    """Who answers for so many events, of those that are wanted; says who is missing."""
    found = []
    for it in contest.contenders:
        missing = [library for library in it.needs if not is_here(library)]
        if wanted and it.name not in wanted:
            continue
        if missing:
            print(f"  {it.name} does not take part: {', '.join(missing)} not installed")
        elif events <= it.most or it.name in wanted:
            found.append(it)
    return found


def measure(
    contest: Contest, made: Made, repeats: int, wanted: Collection[str] = (), *, same: bool = True
) -> dict[str, Any]:
    """Let all answer by turns, as often as said.

    Args:
        contest: the question.
        made: the files.
        repeats: how many turns.
        wanted: these contenders alone.
        same: whether all answers are to be the same.

    Raises:
        SystemExit: two answers differ.
    """
    contenders = taking_part(contest, made.events, wanted)
    for what in dict.fromkeys(it.reads for it in contenders):
        MAKE[what](made)
    runs: dict[str, list[dict[str, Any]]] = {it.name: [] for it in contenders}
    for turn in range(repeats):
        for it in contenders:
            runs[it.name].append(contend(it.name, made))
            print(f"  {turn + 1}/{repeats} {it.name}: {runs[it.name][-1]['seconds']:.3f} s", flush=True)
    if same:
        _compare(contenders, runs)
    share = _share(made) if not contest.is_sampled and any(it.samples for it in contenders) else 1.0
    beside = [run["seconds"] / (share if contenders[0].samples else 1) for run in runs[contenders[0].name]]
    return {
        "question": contest.question,
        "events": made.rows,
        "clients": made.clients,
        "repeats": repeats,
        "digest": runs[contenders[0].name][0]["sample" if contenders[0].samples else "digest"],
        "items": runs[contenders[0].name][0]["items"],
        "answered": sum(is_sampled(client_name(it)) for it in range(made.clients))
        if contest.is_sampled
        else made.clients,
        "contenders": {it.name: _result(it, runs[it.name], beside, share if it.samples else 1.0) for it in contenders},
    }


def _result(it: Contender, runs: list[dict[str, Any]], beside: list[float], share: float) -> dict[str, Any]:
    """What a contender took; one that answered for some clients is taken to need as long for each event of the others."""
    seconds = [run["seconds"] / share for run in runs]
    return {
        "about": it.about,
        "sampled": it.samples,
        "runs": seconds,
        "seconds": spread(seconds),
        "cpu": spread([run["cpu"] / share for run in runs]),
        "times": spread([one / other for one, other in zip(seconds, beside, strict=True)]),
        "anonymous": max(run["anonymous"] for run in runs),
        "resident": max(run["resident"] for run in runs),
    }


def _compare(contenders: Iterable[Contender], runs: dict[str, list[dict[str, Any]]]) -> None:
    answers: dict[str, list[str]] = {}
    for it in contenders:
        for run in runs[it.name]:
            answers.setdefault(run["sample"] if it.samples else f"{run['sample']} {run['digest']}", []).append(it.name)
    if len({answer.split()[0] for answer in answers}) > 1 or sum(" " in answer for answer in answers) > 1:
        said = "; ".join(f"{answer} by {', '.join(dict.fromkeys(names))}" for answer, names in answers.items())
        raise SystemExit(f"the answers differ: {said}")


def _share(made: Made) -> float:
    """How large a part of all events those are of the clients that the slowest contenders answer for."""
    return sum(is_sampled(said["client"]) for said in made.workload()) / made.rows


def estimate(contest: Contest, events: int, repeats: int, wanted: Collection[str] = ()) -> float:
    """About how many seconds a contest takes, files aside."""
    return sum(it.pace * events / 1e6 + 1 for it in taking_part(contest, events, wanted)) * repeats


def rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table of a contest: headings, then a row for each contender."""
    if all(it["sampled"] for it in found["contenders"].values()):
        return _paces(found)
    shown = [("", "s", "us an event", "times", "from", "to", "CPU s", "own MB", "all MB")]
    for name, it in found["contenders"].items():
        seconds, times = it["seconds"]["median"], it["times"]
        shown.append(
            (
                name.partition(": ")[2] or name,
                short(seconds),
                f"{seconds / found['events'] * 1e6:.2f}",
                short(times["median"]),
                short(times["least"]),
                short(times["most"]),
                short(it["cpu"]["median"]),
                f"{it['anonymous']:.0f}",
                f"{it['resident']:.0f}",
            )
        )
    return shown


def _paces(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table where only some clients were answered for: how many of them in a second."""
    shown = [("", "clients a second", "times", "from", "to")]
    for name, it in found["contenders"].items():
        pace = f"{found['answered'] / it['seconds']['median']:,.0f}"
        times = [short(it["times"][which]) for which in ("median", "least", "most")]
        shown.append((name.partition(": ")[2] or name, pace, *times))
    return shown


def short(value: float) -> str:
    """A number with three digits, or with all that stand before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
