"""A log made up with a fixed seed, shaped like that of a shop: many short lines, a year, a few kinds of events.

The scripts that need a log make it themselves; `python made_log.py FILE` keeps one.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

SEED = 20_260_630
START = datetime(2025, 7, 1, tzinfo=UTC)
MOMENT = "2026-04-01"
YEAR = 365 * 86_400


def lines(clients: int, events: int, seed: int = SEED) -> Iterator[bytes]:
    """The lines of a log in order of time, the same for the same numbers and seed."""
    random = Random(seed)  # noqa: S311 - a log that can be made again, not a secret
    made = [_profile(f"c{number:05}", random) for number in range(clients)]
    made += [_event(number, f"c{random.randrange(clients):05}", random) for number in range(events - clients)]
    made.sort(key=lambda event: str(event["at"]))
    for event in made:
        yield json.dumps(event).encode() + b"\n"


def write(path: Path, clients: int, events: int, seed: int = SEED) -> None:
    """Write such a log, gzipped."""
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.writelines(lines(clients, events, seed))


def _moment(random: Random, within: int = YEAR) -> str:
    return f"{(START + timedelta(seconds=random.randrange(within))).replace(tzinfo=None).isoformat()}Z"


def _profile(client: str, random: Random) -> dict[str, object]:
    tier = "key" if random.random() < 0.1 else "standard"  # noqa: PLR2004 - a tenth are key accounts
    at = _moment(random, YEAR // 4)
    return {"client": client, "kind": "profiled", "at": at, "id": f"{client}-profile", "stage": "client", "tier": tier}


def _event(number: int, client: str, random: Random) -> dict[str, object]:
    shared = {"client": client, "at": _moment(random), "id": f"e{number}"}
    match random.choices(("bought", "wrote", "delivered", "complained", "renewed"), (70, 15, 10, 3, 2))[0]:
        case "bought":
            return {
                **shared,
                "kind": "engaged",
                "direction": "inbound",
                "channel": random.choice(("shop", "web", "phone")),
                "note": f"bought {random.randint(1, 30)} for {random.randint(100, 9_999) / 100} USD",
            }
        case "wrote":
            return {**shared, "kind": "engaged", "direction": "outbound", "channel": "mail", "purpose": "newsletter"}
        case "delivered":
            return {**shared, "kind": "engaged", "direction": "outbound", "purpose": "delivery"}
        case "complained":
            return {**shared, "kind": "complained", "severity": random.choice(("minor", "major", "critical"))}
        case _:
            return {**shared, "kind": "renewed", "term_end": f"2026-{random.randint(1, 12):02}-28"}


def main() -> None:
    """Write a log to a file."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", type=Path, help="where to write it, gzipped")
    options.add_argument("--clients", type=int, default=2_400, help="how many clients (default: %(default)s)")
    options.add_argument("--events", type=int, default=55_000, help="how many events (default: %(default)s)")
    given = options.parse_args()
    write(given.file, given.clients, given.events)


if __name__ == "__main__":
    main()
