"""Expectations: what both sides agreed, and whether it is met."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Complained, Engaged, Event, Measured
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import engaged_for

agreed = engaged_for("expectations")
recommended = engaged_for("advice", "delivery")


@rule(pack="stick-around")
def unagreed_expectations(client: Client, *, within: timedelta = days(30), review: timedelta = days(365)) -> Findings:
    """Nobody has agreed with the client what success means, or not for a long time.

    A recommendation made without asking what is wanted is a lucky guess. Both sides say how success is measured, how they
    want to talk and about what, early on, and again when things have changed.

    Source: article 004 (expectations, from both sides).

    Settings:
        within: how soon after the first event expectations are to be agreed.
        review: how long an agreement lasts.

    Fires:
        2026-01-05 engaged
        at 2026-02-04: watch, act by 2026-02-04

    Silent:
        2026-01-05 engaged
        2026-02-02 engaged purpose=expectations agreed_by=us,client
        at 2027-02-01: nothing
    """
    latest = client.latest(agreed)
    due = latest.at + review if latest else client.since + within
    yield Concern(Health.WATCH, starts=due, because=latest)
    yield Action("Agree with the client what success means, both sides.", due=due, because=latest)


@rule(pack="stick-around", dimension="service")
def missed_measure(client: Client, *, times: int = 2) -> Findings:
    """What we agreed to measure keeps missing its target.

    Nothing keeps a client like goals that are met. One miss is a bad month, several in a row are a trend. Each measure
    stands for itself.

    Source: article 004 (meeting the client's goals, period by period).

    Settings:
        times: how many values in a row below their target are too many.

    Fires:
        2026-01-31 measured measure=orders value=80 target=100
        2026-02-28 measured measure=orders value=95 target=100
        at 2026-02-28: at-risk

    Silent:
        2026-01-31 measured measure=orders value=80 target=100
        2026-02-28 measured measure=orders value=100 target=100
        at 2026-02-28: nothing
    """
    for measure, values in client.fold(_no_values, _values_by_measure, Measured).items():
        latest = values[-times:]
        if len(latest) == times and all(event.value < event.target for event in latest):
            yield Concern(Health.AT_RISK, starts=latest[-1].at, because=latest, about=measure)


@rule(pack="stick-around")
def one_sided_expectations(client: Client, *, within: timedelta = days(30)) -> Findings:
    """What success means was agreed by one side only.

    What one side has written down for both is a wish. Looked at are the `engaged` of the purpose `expectations` that say
    who agreed (`agreed_by`). One side alone is waited for from the first of them on, until the other side agrees, or both
    do; one that does not say who agreed changes nothing.

    Source: article 004 (expectations, from both sides).

    Settings:
        within: how soon the other side is to agree.

    Fires:
        2026-01-05 engaged purpose=expectations agreed_by=us
        at 2026-02-04: watch, act by 2026-02-04

    Silent:
        2026-01-05 engaged purpose=expectations agreed_by=us
        2026-01-19 engaged purpose=expectations agreed_by=us,client
        at 2026-02-04: nothing
    """
    alone: Engaged | None = None
    for event in client.of(_signed_by_somebody):
        sides = set(event.agreed_by) if isinstance(event, Engaged) else set()
        if alone is None:
            alone = event if isinstance(event, Engaged) and len(sides) == 1 else None
        elif sides != set(alone.agreed_by):
            alone = None
    if alone is not None:
        due = alone.at + within
        message = "Ask the client to agree." if "us" in alone.agreed_by else "Agree to what the client expects."
        yield Concern(Health.WATCH, starts=due, because=alone)
        yield Action(message, due=due, because=alone)


@rule(pack="stick-around")
def shaken_expectations(
    client: Client, *, within: timedelta = days(30), severities: tuple[str, ...] = ("major", "critical")
) -> Findings:
    """A serious complaint has shaken what was agreed, and it was not agreed anew.

    A complaint often says that one side expected something else. Looked at is the first serious complaint since the latest
    agreement; clients with whom nothing was agreed are a case of `unagreed-expectations`. It is a next step, never a
    concern.

    Source: article 004 (expectations, from both sides).

    Settings:
        within: how soon after the complaint expectations are to be agreed anew.
        severities: which complaints are serious.

    Fires:
        2026-01-05 engaged purpose=expectations
        2026-03-02 complained severity=major
        at 2026-04-01: act by 2026-04-01

    Silent:
        2026-01-05 engaged purpose=expectations
        2026-03-02 complained severity=major
        2026-03-16 engaged purpose=expectations
        at 2026-04-01: nothing
    """
    latest = client.latest(agreed)
    if latest is not None:
        serious = [
            event
            for event in client.after(latest, Complained)
            if isinstance(event, Complained) and event.severity in severities
        ]
        if serious:
            due = serious[0].at + within
            yield Action("Agree anew what success means.", due=due, because=[latest, serious[0]])


@rule(pack="stick-around")
def recommended_blind(client: Client, *, within: timedelta = days(14)) -> Findings:
    """We advised or delivered without ever asking what the client wants.

    It may have been a lucky guess. Looked at is the first `engaged` of the purpose `advice` or `delivery`, as long as
    expectations were never agreed. It is a next step, never a concern.

    Source: article 004 (the bottle of wine).

    Settings:
        within: how soon after it we are to ask.

    Fires:
        2026-01-05 engaged purpose=advice
        at 2026-01-19: act by 2026-01-19

    Silent:
        2026-01-05 engaged purpose=expectations
        2026-01-12 engaged purpose=advice
        at 2026-02-16: nothing
    """
    blind = next(iter(client.of(recommended)), None)
    if blind is not None and client.latest(agreed) is None:
        yield Action("Ask what they want, and for what.", due=blind.at + within, because=blind)


def _no_values() -> dict[str, list[Measured]]:
    return {}


def _values_by_measure(values: dict[str, list[Measured]], event: Event) -> dict[str, list[Measured]]:
    if isinstance(event, Measured):
        values.setdefault(event.measure, []).append(event)
    return values


def _signed_by_somebody(event: Event) -> bool:
    return isinstance(event, Engaged) and agreed(event) and bool(event.agreed_by)
