"""What tests of several processes want of an assessment: functions that a worker can import, some of them deadly."""

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from retention_engine import Action, Assessment, Client, Findings, days, rule
from retention_engine.formats.verdicts import client_view


def verdict(assessment: Assessment) -> dict[str, Any]:
    return client_view(assessment, timedelta.max)


def worker(assessment: Assessment) -> tuple[str, int]:
    return assessment.client.id, os.getpid()


def held_back(_: Assessment) -> bool:
    """Whether the worker was started with interrupts held back."""
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def verdict_after_a_death(assessment: Assessment, *, victim: str, grave: Path) -> dict[str, Any]:
    """The verdict, but that the first worker to come to the victim dies of it."""
    if assessment.client.id == victim:
        try:
            grave.touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return verdict(assessment)


def death_by(assessment: Assessment, *, victim: str) -> dict[str, Any]:
    """The verdict, but that every worker that comes to the victim dies of it."""
    if assessment.client.id == victim:
        os.kill(os.getpid(), signal.SIGKILL)
    return verdict(assessment)


class Untold(Exception):
    """An exception that no other process can be told of."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def complaint(assessment: Assessment) -> NoReturn:
    raise LookupError(assessment.client.id)


def untold_complaint(assessment: Assessment) -> NoReturn:
    raise Untold("not", "pickled")


def nothing_to_send(assessment: Assessment) -> Any:
    return lambda: assessment


@rule
def never_met(client: Client) -> Findings:
    """Nobody has met the client."""
    yield Action("Meet them.", due=client.since + days(7), because=None)
