"""One contender in this process: works an answer out, and prints its digest and what it took as a line of JSON."""

import argparse
import os
import time
from importlib import import_module
from pathlib import Path

import msgspec
from answers import Answer
from made_files import Made

CONTENDERS = {
    "ours": "ours:full",
    "ours, 2 processes": "ours:full_in_two_processes",
    "ours, 20 rules": "ours:full_with_20_rules",
    "ours, 57 rules": "ours:full_with_all_rules",
    "limit": "limit:full",
    "limit, all told": "limit:full_told",
    "limit, streamed": "limit:full_streamed",
    "library, repository.get": "library:by_repository",
    "library, notifications": "library:by_notifications",
    "DuckDB": "duck:full",
    "Polars": "polar:full",
    "SQLite, json_extract": "sqlite_json:full",
    "day: agenda": "day:from_agenda",
    "day: agenda, opened for it": "day:from_agenda_opened",
    "worklist: agenda": "day:worklist_from_agenda",
    "worklist: ours, from the log": "day:worklist_from_replay",
    "worklist: DuckDB": "day:worklist_in_duckdb",
    "owner: agenda": "day:owner_from_agenda",
    "owner: ours, from the log": "day:owner_from_replay",
    "day: ours, from the log": "day:from_replay",
    "day: by hand, from the log": "day:by_hand",
    "day: DuckDB": "day:in_duckdb",
    "parts: rows": "parts:rows",
    "parts: events": "parts:events",
    "parts: clients": "parts:clients",
    "parts: rules": "parts:rules",
    "parts: schedules": "parts:schedules",
    "parts: facts": "parts:facts",
    "fed: by hand": "fed:by_hand",
    "fed: ours": "fed:ours_loaded",
    "fed: rule-engine": "fed:by_rule_engine",
    "fed: zen-engine": "fed:by_zen",
}


def main() -> None:
    """Run the contender that the command line names."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("contender", choices=CONTENDERS)
    options.add_argument("folder", type=Path)
    options.add_argument("events", type=int)
    options.add_argument("events_a_client", type=int)
    given = options.parse_args()
    module, _, function = CONTENDERS[given.contender].partition(":")
    answers = getattr(import_module(f"contenders.{module}"), function)
    answer = Answer()
    items = answers(Made(given.folder, given.events, given.events_a_client))
    cpu = cpu_seconds()
    answer.take(items)
    taken = {
        "seconds": answer.seconds,
        "cpu": max(0.0, cpu_seconds() - cpu - answer.own_cpu),  # of so little the clock has only the noise
        "items": answer.items,
        "digest": answer.digest,
        "sample": answer.sample,
    }
    print(msgspec.json.encode(taken).decode())


def cpu_seconds() -> float:
    """The CPU time of this process and of those that it has waited for."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


if __name__ == "__main__":
    main()
