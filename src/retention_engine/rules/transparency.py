"""Transparency: whether the client sees what we do, and whether we see how they view it."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Engaged, Event, Renewed
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import engaged_for, heard, service

delivered = engaged_for("delivery")
reported = engaged_for("report")
shown = engaged_for("report", "review", "value_review")
refined = engaged_for("refinement")
agreed = engaged_for("expectations")


@rule(pack=("stick-around", "love-engage-help"), dimension="service", settled_by="task")
def opaque_work(client: Client, *, times: int = 3, window: timedelta = days(30)) -> Findings:
    """We work for the client, and they don't see what was done.

    Most of what we do stays invisible, and what is invisible has no value. A report (`engaged` with the purpose `report`)
    is due after so many deliveries, or so long after the first of them that it does not cover. It is a next step, never a
    concern. Logs in which reports are not recorded are better off without this rule.

    Source: articles 002 (work that clients don't see) and 004 (transparency).

    Settings:
        times: after how many deliveries a report is due.
        window: how long after the first of them it is due at the latest.

    Fires:
        2026-01-05 engaged purpose=delivery
        2026-01-12 engaged purpose=delivery
        2026-01-19 engaged purpose=delivery
        at 2026-01-18: nothing
        at 2026-01-19: act by 2026-01-19

    Silent:
        2026-01-05 engaged purpose=delivery
        2026-01-12 engaged purpose=delivery
        2026-01-14 engaged purpose=report
        2026-01-19 engaged purpose=delivery
        at 2026-02-17: nothing
    """
    unseen = client.after(client.latest(reported), delivered)
    if unseen:
        due = unseen[0].at + window
        if len(unseen) >= times:
            due = min(due, unseen[times - 1].at)
        yield Action("Send a report of what was done for them.", due=due, because=unseen[0])


@rule(pack="stick-around", dimension="service")
def unchecked_delivery(client: Client, *, within: timedelta = days(14)) -> Findings:
    """Nobody has asked the client how the last delivery went.

    Whoever asks gets the next order, or the news that there will be none. Asking is an `engaged` of the purpose `feedback`
    or `review`, or one that has `how` among its questions (`asked` or `answers`); it counts for all deliveries before it,
    and the first delivery after the latest is what counts. It is a next step, never a concern.

    Source: article 004 (the shop that you would come back to).

    Settings:
        within: how soon after a delivery we are to ask.

    Fires:
        2026-01-05 engaged purpose=delivery
        2026-01-12 engaged purpose=delivery
        at 2026-01-19: act by 2026-01-19

    Silent:
        2026-01-05 engaged purpose=delivery
        2026-01-12 engaged asked=how
        at 2026-01-19: nothing
    """
    unchecked = client.after(client.latest(_checked), delivered)
    if unchecked:
        yield Action("Ask how the last delivery went.", due=unchecked[0].at + within, because=unchecked[0])


@rule(pack="stick-around")
def differing_views(client: Client, *, apart: int = 2, within: timedelta = days(14)) -> Findings:
    """We and the client view our work very differently.

    It goes well only if both say so. Compared are the latest `our_view` and the latest `client_view`, each from 1 to 5,
    whichever event carries them. It counts from when they came to lie so far apart, however often they are given again.

    Source: article 004 (how each side views success).

    Settings:
        apart: how far apart is too far.
        within: how soon we are to talk about it.

    Fires:
        2026-01-05 engaged our_view=5
        2026-01-12 engaged client_view=3
        at 2026-01-26: watch, act by 2026-01-26

    Silent:
        2026-01-05 engaged our_view=5
        2026-01-12 engaged client_view=4
        at 2026-01-26: nothing
    """
    ours: Engaged | None = None
    theirs: Engaged | None = None
    parted: tuple[Engaged, ...] = ()
    for event in client.of(_our_view, _client_view):
        ours = event if isinstance(event, Engaged) and event.our_view is not None else ours
        theirs = event if isinstance(event, Engaged) and event.client_view is not None else theirs
        if ours is not None and theirs is not None:
            if abs((ours.our_view or 0) - (theirs.client_view or 0)) < apart:
                parted = ()
            elif not parted:
                parted = (ours,) if ours is theirs else (ours, theirs)
    if parted and ours is not None and theirs is not None:
        starts = max(event.at for event in parted)
        yield Concern(Health.WATCH, starts=starts, because=parted)
        message = f"We say {ours.our_view} of 5, they say {theirs.client_view}: find out why."
        yield Action(message, due=starts + within, because=parted)


@rule(pack="stick-around")
def unknown_view(client: Client, *, every: timedelta = days(60)) -> Findings:
    """We know what we think of our work, and not what the client thinks.

    Where `our_view` was ever recorded, the client's own (`client_view`) is due as regularly: from the latest that is known,
    but not from before the first `our_view`. It is a next step, never a concern.

    Source: article 004 (how each side views success).

    Settings:
        every: how long the client's view counts.

    Fires:
        2026-01-05 engaged our_view=5
        at 2026-03-06: act by 2026-03-06

    Silent:
        2026-01-05 engaged our_view=5
        2026-01-12 engaged client_view=4
        at 2026-03-06: nothing
    """
    first = next(iter(client.of(_our_view)), None)
    if first is not None:
        base = _later(first, client.latest(_client_view))
        yield Action("Ask how they rate our work, from 1 to 5.", due=base.at + every, because=base)


@rule(pack="stick-around", dimension="service")
def unrefined_process(client: Client, *, every: timedelta = days(90)) -> Findings:
    """Nothing has been improved for the client for a while.

    What does not get better gets worse, next to everybody else's. An improvement is an `engaged` of the purpose
    `refinement`, so that the client knows of it. The first is due so long after the first delivery, invoice or signature;
    clients with none are no case. It is a next step, never a concern.

    Source: article 004 (refining the process).

    Settings:
        every: how often an improvement is due.

    Fires:
        2026-01-05 engaged purpose=delivery
        at 2026-04-05: act by 2026-04-05

    Silent:
        2026-01-05 engaged purpose=delivery
        2026-02-02 engaged purpose=refinement
        at 2026-04-05: nothing
    """
    started = next(iter(client.of(Renewed, service)), None)
    if started is not None:
        base = _later(started, client.latest(refined))
        yield Action("Improve one thing, and tell the client.", due=base.at + every, because=base)


@rule(pack="stick-around")
def lapsed_checklist(client: Client, *, every: timedelta = days(180)) -> Findings:
    """One of the four things that keep a client has not been shown for a while.

    Expectations (purpose `expectations`), open lines (the client was heard), transparency (purpose `report`, `review` or
    `value_review`) and refinement (purpose `refinement`) are a checklist to go through again and again, from the first
    signature on. The one that is missing longest is the next step, never a concern; those that were never shown come
    first, in that order. Clients who have signed nothing are no case.

    Source: article 004 (a checklist for each client).

    Settings:
        every: how often each of the four is due.

    Fires:
        2026-01-05 renewed
        2026-01-12 engaged purpose=expectations
        2026-01-19 engaged purpose=refinement
        at 2026-07-04: act by 2026-07-04

    Silent:
        2026-01-05 renewed
        2026-01-12 engaged purpose=expectations
        2026-01-19 engaged purpose=refinement
        2026-02-02 engaged purpose=report
        at 2026-07-04: nothing
    """
    signed = next(iter(client.of(Renewed)), None)
    if signed is not None:
        items = {"expectations": agreed, "open-lines": heard, "transparency": shown, "refinement": refined}
        latest = {item: event for item, counts in items.items() if (event := client.latest(counts)) is not None}
        never = [item for item in items if item not in latest]
        item = never[0] if never else min(latest, key=lambda name: latest[name].at)
        base = _later(signed, latest.get(item))
        message = f"Go through the checklist with the client, first of all {item.replace('-', ' ')}."
        yield Action(message, due=base.at + every, because=base, about=item)


def _later(event: Event, other: Event | None) -> Event:
    return event if other is None or other.order < event.order else other


def _checked(event: Event) -> bool:
    return isinstance(event, Engaged) and (
        event.purpose in {"feedback", "review"} or "how" in event.asked or "how" in event.answers
    )


def _our_view(event: Event) -> bool:
    return isinstance(event, Engaged) and event.our_view is not None


def _client_view(event: Event) -> bool:
    return isinstance(event, Engaged) and event.client_view is not None
