"""Expectations: what both sides agreed, and whether it is met."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Measured
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import engaged_for

agreed = engaged_for("expectations")


@rule(pack="stick-around")
def unagreed_expectations(client: Client, *, within: timedelta = days(30), review: timedelta = days(365)) -> Findings:
    """Nobody has agreed with the client what success means, or not for a long time.

    A recommendation made without asking what is wanted is a lucky guess. Both sides say how success is measured, how they
    want to talk and about what, early on, and again when things have changed.

    Source: article 004 (expectations, from both sides).

    Settings:
        within: how soon after the first event expectations are to be agreed.
        review: how long an agreement lasts.
    """
    latest = client.latest(agreed)
    due = latest.at + review if latest else client.since + within
    yield Concern(Health.WATCH, starts=due, because=latest)
    yield Action("Agree with the client what success means, both sides.", due=due, because=latest)


@rule(pack="stick-around")
def missed_measure(client: Client, *, times: int = 2) -> Findings:
    """What we agreed to measure keeps missing its target.

    Nothing keeps a client like goals that are met. One miss is a bad month, several in a row are a trend. Each measure
    stands for itself.

    Source: article 004 (meeting the client's goals, period by period).

    Settings:
        times: how many values in a row below their target are too many.
    """
    by_measure: dict[str, list[Measured]] = {}
    for event in client.of(Measured):
        by_measure.setdefault(event.measure, []).append(event)
    for measure, values in by_measure.items():
        latest = values[-times:]
        if len(latest) == times and all(event.value < event.target for event in latest):
            yield Concern(Health.AT_RISK, starts=latest[-1].at, because=latest, about=measure)
