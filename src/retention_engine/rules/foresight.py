"""Foresight: whether we come before the trouble, or only after it."""

from bisect import bisect_left
from datetime import datetime, timedelta
from itertools import pairwise

from ..client import Client
from ..declare import Findings, rule
from ..events import Complained, Engaged, Event
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import contact, engaged_for, ours

thanked = engaged_for("appreciation")


@rule(pack="love-engage-help")
def reactive_contact(
    client: Client,
    *,
    times: int = 4,
    window: timedelta = days(14),
    memory: timedelta = days(180),
    within: timedelta = days(14),
) -> Findings:
    """Most of our latest contact was an answer to trouble.

    Retention that starts with a complaint is defence. Of our latest contacts (what the client began alone is none of them),
    those count as reactive that name what they react to (`reactive_to`, `resolves`) or that follow a complaint within the
    window. Where they are more than half, the client hears from us when something is wrong, and else not. The next step is
    a contact with no such cause; until there are enough of those, the concern stays.

    Source: article 002 (retention all the time, and not when the client is at risk).

    Settings:
        times: how many of our latest contacts are looked at.
        window: how long after a complaint a contact counts as an answer to it.
        memory: how long the latest contact keeps the concern alive.
        within: how soon the next step is due, after the first of the reactive contacts in a row that made them too many.

    Fires:
        2026-01-05 engaged direction=outbound
        2026-03-02 complained id=late
        2026-03-03 engaged direction=outbound
        2026-03-05 engaged
        2026-04-01 engaged reactive_to=late
        at 2026-03-31: nothing
        at 2026-04-15: watch, act by 2026-04-15

    Silent:
        2026-01-05 engaged direction=outbound
        2026-02-02 engaged direction=outbound
        2026-03-02 complained id=late
        2026-03-03 engaged direction=outbound
        2026-03-05 engaged
        at 2026-04-15: nothing
    """
    contacts, complaints = client.of(ours), client.complaints

    def is_reactive(event: Event) -> bool:
        if isinstance(event, Engaged) and (event.reactive_to is not None or event.resolves is not None):
            return True
        before = bisect_left(complaints, event.order, key=_order)
        return before > 0 and event.at < complaints[before - 1].at + window

    first: Event | None = None
    cause: Event | None = None
    in_a_row = True
    reactive: list[bool] = []  # from the latest contact backwards
    for event in reversed(contacts):
        reactive.append(is_reactive(event))
        place = len(reactive) - times
        if place < 0:
            continue
        if 2 * sum(reactive[place:]) <= times:
            break
        first = contacts[-1 - place]
        in_a_row = in_a_row and reactive[place]
        cause = first if in_a_row else cause
    if first is not None:
        yield Concern(Health.WATCH, starts=first.at, until=contacts[-1].at + memory, because=contacts[-times:])
    if cause is not None:
        yield Action("Book the next contact now, while nothing is wrong.", due=cause.at + within, because=cause)


@rule(pack="love-engage-help")
def circled_wagons(
    client: Client,
    *,
    silence: timedelta = days(60),
    times: int = 3,
    window: timedelta = days(14),
    memory: timedelta = days(180),
    within: timedelta = days(30),
) -> Findings:
    """We were silent until there was trouble, and then we all came at once.

    It is the pattern that tells a client what they are worth to us: nothing for months, and a crowd as soon as they
    complain. Looked at is the latest complaint that came after such a silence (since the client's first event, where we
    never were in touch) and was followed by such a crowd. What the client began alone is no contact of ours. The next step
    is a contact of ours after the window.

    Source: article 002 (circling the wagons).

    Settings:
        silence: how long before the complaint nobody of us was in touch.
        times: how many contacts of ours after it make a crowd.
        window: within how long.
        memory: how long after the complaint that is remembered.
        within: how soon after the last of the crowd the next step is due.

    Fires:
        2026-01-05 engaged
        2026-03-06 complained id=late
        2026-03-06 engaged direction=outbound
        2026-03-09 engaged direction=outbound
        2026-03-11 engaged channel=visit
        at 2026-03-10: nothing
        at 2026-04-10: watch, act by 2026-04-10

    Silent:
        2026-01-06 engaged
        2026-03-06 complained id=late
        2026-03-06 engaged direction=outbound
        2026-03-09 engaged direction=outbound
        2026-03-11 engaged channel=visit
        at 2026-04-10: nothing
    """
    contacts = client.of(ours)
    for complaint in reversed(client.complaints):
        place = bisect_left(contacts, complaint.order, key=_order)
        quiet_from = contacts[place - 1].at if place else client.since
        crowd = contacts[place : place + times]
        if complaint.at - quiet_from < silence or len(crowd) < times or crowd[-1].at >= complaint.at + window:
            continue
        evidence = [complaint, *crowd]
        yield Concern(Health.WATCH, starts=crowd[-1].at, until=complaint.at + memory, because=evidence)
        if contacts[-1].at < complaint.at + window:
            yield Action("Book contacts for the calm months to come.", due=crowd[-1].at + within, because=evidence)
        return


@rule(pack="love-engage-help")
def late_thanks(
    client: Client, *, window: timedelta = days(14), memory: timedelta = days(180), within: timedelta = days(30)
) -> Findings:
    """We thanked the client only once they had complained.

    Thanks that come as an answer to trouble sound like fear. They are no reason to stop saying it: the next step is to say
    it again, for a reason that has nothing to do with the trouble. Looked at is the first complaint within the window
    before the latest thanks, if there were no thanks within the memory before it.

    Source: article 002 (appreciation that comes too late).

    Settings:
        window: how soon after a complaint thanks count as an answer to it.
        memory: how long thanks from before the complaint count.
        within: how soon after the first thanks that followed the complaint others are due.

    Fires:
        2026-01-05 complained
        2026-01-07 engaged purpose=appreciation
        at 2026-02-06: act by 2026-02-06

    Silent:
        2025-12-01 engaged purpose=appreciation
        2026-01-05 complained
        2026-01-07 engaged purpose=appreciation
        at 2026-02-06: nothing
    """
    thanks = client.of(thanked)
    if not thanks:
        return
    trouble: Event | None = None
    for complaint in reversed(client.complaints):
        if complaint.at + window <= thanks[-1].at:
            break
        if complaint.order < thanks[-1].order:
            trouble = complaint
    if trouble is not None:
        since = client.after(trouble, thanked)
        earlier = thanks[-len(since) - 1] if len(since) < len(thanks) else None
        if earlier is None or earlier.at + memory <= trouble.at:
            due = since[0].at + within
            yield Action("Say thank you again, with no trouble as its cause.", due=due, because=[trouble, since[0]])


@rule(pack="love-engage-help")
def passed_along(client: Client, *, window: timedelta = days(30), within: timedelta = days(7)) -> Findings:
    """After their complaint the client was handed to strangers.

    A client in trouble wants the person they know, and gets a retention team. Looked at is the latest complaint: the first
    contact within the window after it `by` somebody whom nothing up to the complaint names, and who is not the owner, where
    the owner has not been in touch since. Clients without an owner are a case of `unowned-client`. It is a next step, never
    a concern.

    Source: article 002 (retention is no department).

    Settings:
        window: how long after the complaint a stranger's contact counts.
        within: how soon after the stranger the owner is to call.

    Fires:
        2026-01-05 profiled owner=jo
        2026-01-05 engaged by=jo
        2026-03-02 complained
        2026-03-03 engaged by=max
        at 2026-03-10: act by 2026-03-10

    Silent:
        2026-01-05 profiled owner=jo
        2026-01-05 engaged by=jo
        2026-03-02 complained
        2026-03-03 engaged by=max
        2026-03-04 engaged by=jo
        at 2026-03-10: nothing
    """
    complaint = client.latest(Complained)
    if complaint is None or not client.owner:
        return
    since = client.after(complaint, contact)
    new = {event.by for event in since if event.by and event.at < complaint.at + window}
    if not new or any(event.by == client.owner for event in since):
        return
    new -= {event.by for event in client.events if event.order <= complaint.order}
    if stranger := next((event for event in since if event.by in new), None):
        due = stranger.at + within
        yield Action("The owner calls the client in person.", due=due, because=[complaint, stranger])


@rule(pack="existing-clients-first", tiers={"key": {"every": days(30)}})
def bursty_contact(
    client: Client, *, every: timedelta = days(90), times: int = 2, window: timedelta = days(365)
) -> Findings:
    """Contact comes in bursts, with long silences between them.

    Attention that comes with the quarter's figures is attention to the figures. Looked at is the latest silence between two
    contacts that was longer than so many times the rhythm: if within the window from its start, the contact before it
    included, there were as many contacts as the rhythm asks for (two at least), their number is right and their spread is
    not. A client's own `cadence_days` is the rhythm, where there is one.

    Source: article 001 (continuous attention, and not once a quarter).

    Settings:
        every: the rhythm of contact.
        times: how many times the rhythm is too long a silence.
        window: how long a silence is remembered, and over how long contacts are counted.

    Fires:
        2026-01-05 engaged
        2026-08-03 engaged
        2026-08-04 engaged
        2026-08-05 engaged
        at 2026-08-04: nothing
        at 2026-08-05: watch

    Silent:
        2026-01-05 engaged
        2026-04-06 engaged
        2026-07-06 engaged
        2026-08-05 engaged
        at 2026-08-05: nothing
    """
    rhythm = client.cadence or every
    contacts = client.of(contact)
    silence = next((gap for gap in pairwise(reversed(contacts)) if gap[0].at - gap[1].at > times * rhythm), None)
    if silence is None:
        return
    after, before = silence
    enough = max(2, window // rhythm)
    counted = [before, *client.after(before, contact)[: enough - 1]]
    if len(counted) == enough:
        starts = max(after.at, counted[-1].at)
        yield Concern(Health.WATCH, starts=starts, until=before.at + window, because=[before, after])


def _order(event: Event) -> tuple[datetime, int]:
    return event.order
