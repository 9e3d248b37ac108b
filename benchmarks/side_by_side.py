"""Two things measured side by side: commands or functions by turns, compared pair by pair.

A machine is never equally fast twice, but two runs in a row are nearly so. Each ratio therefore compares runs that were
neighbours, and the median of the ratios is what counts.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

LEAST_PAIRS = 7


@dataclass(frozen=True)
class Cost:
    """What one run cost: CPU seconds of the process and its children, and its peak memory in MB (0 for a function)."""

    cpu: float
    peak: float = 0.0


@dataclass(frozen=True)
class Compared:
    """The runs of one contender beside those of the baseline, in the order in which they ran."""

    name: str
    runs: tuple[Cost, ...]
    baseline: tuple[Cost, ...]

    @property
    def ratios(self) -> list[float]:
        """CPU time over that of the baseline's run beside it."""
        return [run.cpu / beside.cpu for run, beside in zip(self.runs, self.baseline, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)

    @property
    def cpu(self) -> float:
        """The median CPU time in seconds."""
        return median(run.cpu for run in self.runs)

    @property
    def peak(self) -> float:
        """The highest peak memory in MB."""
        return max(run.peak for run in self.runs)


def compare(costs: Mapping[str, Callable[[], Cost]], pairs: int) -> list[Compared]:
    """Run all by turns, as often as said, the first one being the baseline."""
    runs: dict[str, list[Cost]] = {name: [] for name in costs}
    for _ in range(pairs):
        for name, run in costs.items():
            runs[name].append(run())
    baseline = tuple(runs[next(iter(costs))])
    return [Compared(name, tuple(found), baseline) for name, found in runs.items()]


def command(*words: str) -> Callable[[], Cost]:
    """The cost of a command, whose output is thrown away.

    Linux counts a parent's memory at the start as the child's, so a script that measures memory has to stay small itself.
    """

    def run() -> Cost:
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            _, status, use = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(words)} exits with {process.returncode}")
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return Cost(use.ru_utime + use.ru_stime, use.ru_maxrss / unit)

    return run


def function(work: Callable[[], object]) -> Callable[[], Cost]:
    """The cost of a function."""

    def run() -> Cost:
        start = time.process_time()
        work()
        return Cost(time.process_time() - start)

    return run


def python(*words: str) -> Callable[[], Cost]:
    """The cost of this Python with these arguments."""
    return command(sys.executable, *words)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below headings; the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, ["-" * width for width in widths], *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:]]))


def target(what: str, value: float, limit: float) -> None:
    """Print whether a value keeps below its target."""
    print(f"{what}: {value:.2f}, target under {limit:g}: {'met' if value < limit else 'MISSED'}")


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option that all scripts share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--pairs", type=_pairs, default=LEAST_PAIRS, help=f"how often to run each (default and least: {LEAST_PAIRS})"
    )
    return made


def _pairs(text: str) -> int:
    count = int(text)
    if count < LEAST_PAIRS:
        raise argparse.ArgumentTypeError(f"fewer than {LEAST_PAIRS} pairs say nothing on a shared machine")
    return count
