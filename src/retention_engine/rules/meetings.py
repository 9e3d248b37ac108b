"""Meetings: whether our contact means something to the client."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Engaged, Event
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import contact, engaged_through


@rule(pack="love-engage-help")
def token_contact(client: Client, *, times: int = 3, within: timedelta = days(14)) -> Findings:
    """All our latest contact was a mere token.

    A coffee keeps the peace and says nothing. Where one token follows another, the calendar shows contact and nobody knows
    how the client is. What counts is the row of `engaged` of the depth `token` since the latest contact that was more; an
    introduction or a recommendation is more.

    Source: article 002 (meeting in a way that means something).

    Settings:
        times: how many tokens in a row are too many.
        within: how soon after that a conversation of substance is due.

    Fires:
        2026-01-05 engaged depth=meaningful
        2026-02-02 engaged depth=token purpose=social
        2026-03-02 engaged depth=token purpose=social
        2026-04-06 engaged depth=token
        at 2026-04-05: nothing
        at 2026-04-20: watch, act by 2026-04-20

    Silent:
        2026-02-02 engaged depth=token
        2026-03-02 engaged depth=routine
        2026-04-06 engaged depth=token
        2026-05-04 engaged depth=token
        at 2026-06-01: nothing
    """
    row = client.after(client.latest(_more_than_a_token), _token)
    if len(row) >= times:
        enough = row[times - 1].at
        yield Concern(Health.WATCH, starts=enough, because=row[:times])
        yield Action("Meet about something that matters to the client.", due=enough + within, because=row[:times])


@rule(pack="love-engage-help", tiers={"key": {"every": days(60)}})
def shallow_contact(client: Client, *, every: timedelta = days(180)) -> Findings:
    """It is a while since we talked with the client about anything that matters.

    Contact on schedule can stay on the surface for a year. The next step is a conversation of the depth `meaningful`; it
    is never a concern, since many a good client has little to talk about.

    Source: article 002 (meeting regularly and meaningfully).

    Settings:
        every: how often such a conversation is due.

    Fires:
        2026-01-05 engaged depth=meaningful
        2026-06-01 engaged
        at 2026-07-04: act by 2026-07-04

    Silent:
        2026-01-05 engaged
        2026-06-01 engaged depth=meaningful
        at 2026-07-04: nothing
    """
    latest = client.latest(_meaningful)
    yield Action("Talk about something that matters to them.", due=client.base(_meaningful) + every, because=latest)


@rule(pack="love-engage-help")
def nothing_learned(client: Client, *, every: timedelta = days(90)) -> Findings:
    """We have not learned anything new about the client for a while.

    Whoever studies a client's business sees what they need before they ask. What was found out is the `learned` of an
    `engaged`. It is a next step, never a concern.

    Source: article 002 (understanding clients and learning from them).

    Settings:
        every: how often something new is due.

    Fires:
        2026-01-05 engaged learned="They open a second shop in May"
        2026-03-02 engaged
        at 2026-04-05: act by 2026-04-05

    Silent:
        2026-01-05 engaged
        2026-03-02 engaged learned="They open a second shop in May"
        at 2026-04-05: nothing
    """
    latest = client.latest(_learned)
    yield Action("Find out one new thing about their business.", due=client.base(_learned) + every, because=latest)


@rule(pack="thirty-day-service")
def no_wow(
    client: Client,
    *,
    times: int = 2,
    within: timedelta = days(30),
    channels: tuple[str, ...] = ("meeting", "visit"),
) -> Findings:
    """Our latest meetings were no better than expected.

    Each meeting is a chance to surprise, and two that pass without one make a habit. Counted are the contacts through one
    of the channels since the latest `engaged` that was recorded as `exceeded`. It is a next step, never a concern.

    Source: article 003 (going beyond what is normal, in each meeting).

    Settings:
        times: how many plain meetings in a row are too many.
        within: how soon after that the surprise is due.
        channels: the channels through which we meet, in any case.

    Fires:
        2026-01-12 engaged channel=meeting exceeded=true
        2026-02-09 engaged channel=meeting
        2026-03-09 engaged channel=visit
        at 2026-04-08: act by 2026-04-08

    Silent:
        2026-01-12 engaged channel=meeting
        2026-02-09 engaged channel=meeting
        2026-03-09 engaged channel=phone exceeded=true
        2026-04-13 engaged channel=meeting
        at 2026-06-01: nothing
    """
    plain = client.after(client.latest(_exceeded), engaged_through(*channels))
    if len(plain) >= times:
        due = plain[times - 1].at + within
        yield Action("Bring to the next meeting what they don't expect.", due=due, because=plain[:times])


def _token(event: Event) -> bool:
    return isinstance(event, Engaged) and event.depth == "token" and contact(event)


def _more_than_a_token(event: Event) -> bool:
    return contact(event) and not _token(event)


def _meaningful(event: Event) -> bool:
    return isinstance(event, Engaged) and event.depth == "meaningful" and contact(event)


def _learned(event: Event) -> bool:
    return isinstance(event, Engaged) and bool(event.learned and event.learned.strip())


def _exceeded(event: Event) -> bool:
    return isinstance(event, Engaged) and event.exceeded
