"""The whole book by the workers of a Dask cluster: python dask_replay.py ADDRESS INSTANT [SCHEDULER].

Without a scheduler's address, a cluster of two processes is started on this machine. It prints how many clients there are at
each level.
"""

import sys
from collections import Counter

from distributed import Client, LocalCluster

from retention_engine import Assessment, Recipe, ReplayWork, instant, replay_log


def status(assessment: Assessment) -> str:
    """What is wanted of each client: a plain value, since it travels."""
    return str(assessment.status)


def main(address: str, at: str, scheduler: str | None = None) -> None:
    """Ask the cluster and print."""
    work = ReplayWork(Recipe(), status, instant(at))
    cluster = scheduler or LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    with Client(cluster) as client:
        counts = Counter(replay_log(address, work, executor=client.get_executor()))
    if not scheduler:
        cluster.close()
    for level, count in sorted(counts.items()):
        print(f"{count:>9,} {level}")


if __name__ == "__main__":
    main(*sys.argv[1:])
