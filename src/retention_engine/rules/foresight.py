"""Foresight: whether we come before the trouble, or only after it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from ..client import Client, interaction
from ..declare import Findings, rule
from ..events import Complained, Engaged, Event
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import by, contact, contact_by, engaged_for, ours

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
    contacts = client.of(ours)
    row = client.fold(_Reactions, _take_reaction(times, window), ours, Complained)
    if row.first is not None:
        yield Concern(Health.WATCH, starts=row.first.at, until=contacts[-1].at + memory, because=contacts[-times:])
    if row.cause is not None:
        yield Action("Book the next contact now, while nothing is wrong.", due=row.cause.at + within, because=row.cause)


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
    found = client.fold(_Wagons, _take_wagon(silence, times, window), interaction).found
    if found is not None:
        complaint, *crowd = found
        yield Concern(Health.WATCH, starts=crowd[-1].at, until=complaint.at + memory, because=found)
        if client.base(ours) < complaint.at + window:
            yield Action("Book contacts for the calm months to come.", due=crowd[-1].at + within, because=found)


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
    called = client.latest(contact_by(client.owner))
    if called is not None and called.order > complaint.order:
        return
    for event in client.after(complaint, contact).between(complaint.at, complaint.at + window):
        if event.by and client.of(by(event.by))[0].order > complaint.order:
            due = event.at + within
            yield Action("The owner calls the client in person.", due=due, because=[complaint, event])
            return


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
    silence = client.fold(_no_silence, _take_silence(times * rhythm), contact)[1:]
    if not silence:
        return
    before, after = silence
    enough = max(2, window // rhythm)
    counted = [before, *client.after(before, contact)[: enough - 1]]
    if len(counted) == enough:
        starts = max(after.at, counted[-1].at)
        yield Concern(Health.WATCH, starts=starts, until=before.at + window, because=[before, after])


class _Reactions:
    """Our latest contacts, as far as they tell whether we only answer to trouble.

    Attributes:
        first: the contact since which most of the latest have been answers to trouble.
        cause: the first of those without a calm contact after it.
    """

    def __init__(self) -> None:
        self.first: Event | None = None
        self.cause: Event | None = None
        self.trouble: Event | None = None
        self.latest: tuple[bool, ...] = ()


@cache
def _take_reaction(times: int, window: timedelta) -> Callable[[_Reactions, Event], _Reactions]:
    def take(row: _Reactions, event: Event) -> _Reactions:
        if isinstance(event, Complained):
            row.trouble = event
            return row
        named = isinstance(event, Engaged) and (event.reactive_to is not None or event.resolves is not None)
        reactive = named or (row.trouble is not None and event.at < row.trouble.at + window)
        row.latest = (*row.latest, reactive)[-times:]
        mostly = len(row.latest) == times and 2 * sum(row.latest) > times
        row.first = (row.first or event) if mostly else None
        row.cause = (row.cause or event) if mostly and reactive else None
        return row

    return take


class _Wagons:
    """Complaints after a silence, each with the contacts that followed at once.

    Attributes:
        found: the latest that was followed by a crowd, and the crowd.
    """

    def __init__(self) -> None:
        self.found: tuple[Event, ...] | None = None
        self.quiet_from: datetime | None = None
        self.followed: list[tuple[Event, ...]] = []


@cache
def _take_wagon(silence: timedelta, times: int, window: timedelta) -> Callable[[_Wagons, Event], _Wagons]:
    def take(wagons: _Wagons, event: Event) -> _Wagons:
        if wagons.quiet_from is None:
            wagons.quiet_from = event.at
        if isinstance(event, Complained) and event.at - wagons.quiet_from >= silence:
            wagons.followed.append((event,))
        if ours(event):
            wagons.quiet_from = event.at
            crowds = [(*crowd, event) for crowd in wagons.followed if event.at < crowd[0].at + window]
            wagons.followed = [crowd for crowd in crowds if len(crowd) <= times]
            full = [crowd for crowd in crowds if len(crowd) > times]
            wagons.found = full[-1] if full else wagons.found
        return wagons

    return take


def _no_silence() -> tuple[Event, ...]:
    return ()


@cache
def _take_silence(longest: timedelta) -> Callable[[tuple[Event, ...], Event], tuple[Event, ...]]:
    """The latest contact, and the two around the latest silence that was longer."""

    def take(known: tuple[Event, ...], event: Event) -> tuple[Event, ...]:
        if known and event.at - known[0].at > longest:
            return event, known[0], event
        return (event, *known[1:])

    return take
