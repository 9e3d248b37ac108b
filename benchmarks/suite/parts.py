"""Where the time of a full replay goes: runs that go a part of the way, whose differences are what each step costs."""

from itertools import pairwise
from statistics import median
from typing import Any

from contests import PARTS, measure, short
from made_files import Made

Results = dict[str, Any]
OURS = ("parts: rows", "parts: events", "parts: clients", "parts: rules", "parts: schedules", "ours")
LIMIT = ("parts: facts", "limit, streamed")
LAST = {"ours": "the verdict at the moment", "limit, streamed": "its histories, rules and verdict"}
"""What the last step of each does, which is a whole replay by then."""


def take(made: Made, repeats: int) -> Results:
    """All of them by turns."""
    return measure(PARTS, made, repeats, same=False)


def rows(found: Results) -> list[tuple[str, ...]]:
    """The table: for each step the microseconds a client, as the median of differences between neighbours in time."""
    taken = found["contenders"]
    whole = median(taken[OURS[-1]]["runs"])
    shown = [("step", "us a client", "share of the whole")]
    for names, title in ((OURS, "ours"), (LIMIT, "the limit, streamed")):
        for before, name in pairwise(("", *names)):
            earlier = taken[before]["runs"] if before else [0.0] * len(taken[name]["runs"])
            step = median(one - other for one, other in zip(taken[name]["runs"], earlier, strict=True))
            about = LAST.get(name) or taken[name]["about"]
            shown.append((about, short(step / found["clients"] * 1e6), f"{step / whole:.0%}"))
        total = median(taken[names[-1]]["runs"])
        shown.append((f"**{title}, in all**", short(total / found["clients"] * 1e6), f"{total / whole:.0%}"))
    return shown
