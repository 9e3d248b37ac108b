"""Competition: whether the client could think that others are better, or cheaper."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Complained, Engaged, Event, Renewed
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import engaged_for, service

reviewed = engaged_for("review")
answered = engaged_for("review", "value_review", "advice")
valued = engaged_for("value_review")


@rule(pack="love-engage-help", dimension="commercial")
def competitor_mentioned(client: Client, *, within: timedelta = days(14)) -> Findings:
    """The client has named a competitor, and we have not talked about it.

    To look around is good business and no disloyalty, so it is never a concern. It is a reason to show soon why ours is
    the better solution. Looked at is the latest event that names a `competitor`; a later `review`, `value_review` or
    `advice` answers it.

    Source: article 002 (clients who talk to competitors).

    Settings:
        within: how soon after it was named we are to talk about it.

    Fires:
        2026-01-05 engaged competitor="Bright & Co"
        2026-01-12 engaged
        at 2026-01-19: act by 2026-01-19

    Silent:
        2026-01-05 engaged competitor="Bright & Co"
        2026-01-12 engaged purpose=review
        at 2026-01-19: nothing
    """
    named = client.latest(_names_a_competitor)
    if named and not client.after(named, answered):
        yield Action("Ask what they compare, and show what is better with us.", due=named.at + within, because=named)


@rule(pack="love-engage-help", dimension="commercial")
def contested_price(
    client: Client,
    *,
    topics: tuple[str, ...] = ("price",),
    patience: timedelta = days(14),
    memory: timedelta = days(180),
) -> Findings:
    """The client complained about the price, and nobody has shown them what they get for it.

    Price is what is left to talk about where nobody talks about value. Looked at is the latest complaint about one of the
    topics; an `engaged` of the purpose `value_review` after it, or within the memory before it, answers it.

    Source: article 002 (value rather than price).

    Settings:
        topics: the `topic` of complaints about the price, in any case.
        patience: how soon after the complaint the value is to be shown.
        memory: how long the complaint is remembered, and how long an earlier review counts.

    Fires:
        2026-01-05 complained topic=price
        at 2026-01-18: watch
        at 2026-01-19: at-risk, act by 2026-01-19

    Silent:
        2026-01-05 complained topic=price
        2026-01-12 engaged purpose=value_review
        at 2026-01-19: nothing
    """
    words = {topic.casefold() for topic in topics}
    latest = next((one for one in reversed(client.complaints) if one.topic and one.topic.casefold() in words), None)
    if latest is None:
        return
    review = client.latest(valued)
    if review is None or review.at + memory <= latest.at:
        due = latest.at + patience
        yield Concern(Health.WATCH, starts=latest.at, until=due, because=latest)
        yield Concern(Health.AT_RISK, starts=due, until=latest.at + memory, because=latest)
        yield Action("Show the client what they get for the price.", due=due, because=latest)


@rule(pack="love-engage-help", dimension="service")
def unreviewed_solution(client: Client, *, every: timedelta = days(180)) -> Findings:
    """Nobody has checked for a while whether ours is still the best solution for the client.

    The client compares anyway. Whoever checks first (`engaged` with the purpose `review`) has the news first. Clients for
    whom nothing was delivered, invoiced or signed are no case. It is a next step, never a concern.

    Source: article 002 (the best solution, at any time).

    Settings:
        every: how often such a review is due.

    Fires:
        2026-01-05 engaged purpose=delivery
        at 2026-07-04: act by 2026-07-04

    Silent:
        2026-01-05 engaged purpose=delivery
        2026-03-02 engaged purpose=review
        at 2026-07-04: nothing
    """
    if client.of(Renewed) or client.latest(service):
        due = client.base(reviewed) + every
        yield Action("Check whether ours is still the best solution.", due=due, because=client.latest(reviewed))


def _names_a_competitor(event: Event) -> bool:
    return isinstance(event, Engaged | Complained) and bool(event.competitor)
