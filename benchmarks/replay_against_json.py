"""What a replay costs beside reading the same JSON lines and doing nothing with them.

Compares `retention replay LOG --at T --format json` with a bare Python that calls `json.loads` on every line of LOG.
Without --log, a log with a fixed seed is made.
"""

import tempfile
from pathlib import Path

import made_log
from side_by_side import compare, parser, python, table, target

MOST_TIMES = 8
MOST_MEMORY = 250

BARE = """
import gzip, json, sys
with (gzip.open if sys.argv[1].endswith(".gz") else open)(sys.argv[1], "rb") as log:
    for line in log:
        json.loads(line)
"""
PACKS = ("retention-plan", "existing-clients-first", "love-engage-help", "thirty-day-service", "stick-around")


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--log", type=Path, help="the log to replay")
    options.add_argument("--at", default=made_log.MOMENT, help="the moment asked about (default: %(default)s)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = given.log
        if log is None:
            log = Path(folder) / "made.jsonl.gz"
            python(made_log.__file__, str(log))()  # another process, so that this one stays small
        replay = ("-m", "retention_engine", "replay", str(log), "--at", given.at, "--format", "json")
        every_pack = [word for pack in PACKS for word in ("--pack", pack)]
        found = compare(
            {
                "json.loads of every line": python("-c", BARE, str(log)),
                "retention replay": python(*replay),
                "the same, all packs": python(*replay, *every_pack),
            },
            given.pairs,
        )
    table(
        ("", "CPU s", "times", "from", "to", "peak MB"),
        [
            (
                each.name,
                f"{each.cpu:.2f}",
                f"{each.ratio:.2f}",
                f"{min(each.ratios):.2f}",
                f"{max(each.ratios):.2f}",
                f"{each.peak:.0f}",
            )
            for each in found
        ],
    )
    _, replayed, _ = found
    print()
    target("replay, times json.loads", replayed.ratio, MOST_TIMES)
    target("replay, peak MB", replayed.peak, MOST_MEMORY)


if __name__ == "__main__":
    main()
