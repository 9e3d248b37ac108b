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
    the better solution. Looked at is the first event that names a `competitor` since the latest `engaged` of the purpose
    `review`, `value_review` or `advice`; one of these in which a competitor is named has been talked about.

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
    named = client.after(client.latest(answered), _names_a_competitor)
    if named:
        due = named[0].at + within
        yield Action("Ask what they compare, and show what is better with us.", due=due, because=named[0])


@rule(pack="love-engage-help", dimension="commercial")
def contested_price(
    client: Client,
    *,
    topics: tuple[str, ...] = ("price",),
    patience: timedelta = days(14),
    memory: timedelta = days(180),
) -> Findings:
    """The client complained about the price, and nobody has shown them what they get for it.

    Price is what is left to talk about where nobody talks about value. An `engaged` of the purpose `value_review` answers
    every complaint before it, and those within the memory after it. Looked at are the complaints about one of the topics
    that none answers, the latest and those before it with no gap as long as the memory: patience runs from the first of
    them, memory from the latest. The next step stays until it is taken.

    Source: article 002 (value rather than price).

    Settings:
        topics: the `topic` of complaints about the price, in any case.
        patience: how soon after the first complaint the value is to be shown.
        memory: how long a complaint is remembered, and how long an earlier review counts.

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
    review = client.latest(valued)
    unanswered: list[Event] = []
    for one in client.of(_has_topic):
        if _topic(one) in words and (review is None or review.at + memory <= one.at):
            if unanswered and unanswered[-1].at + memory <= one.at:
                unanswered = []
            unanswered.append(one)
    if unanswered:
        due, until = unanswered[0].at + patience, unanswered[-1].at + memory
        yield Concern(Health.WATCH, starts=unanswered[0].at, until=min(due, until), because=unanswered)
        yield Concern(Health.AT_RISK, starts=due, until=until, because=unanswered)
        yield Action("Show the client what they get for the price.", due=due, because=unanswered[0])


@rule(pack="love-engage-help", dimension="service")
def unreviewed_solution(client: Client, *, every: timedelta = days(180)) -> Findings:
    """Nobody has checked for a while whether ours is still the best solution for the client.

    The client compares anyway. Whoever checks first (`engaged` with the purpose `review`) has the news first. Counted is
    from the first delivery, invoice or signature (`renewed`), or from the latest review since; who has had none of these
    is no case. It is a next step, never a concern.

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
    served = client.of(Renewed, service)
    if served:
        latest = [served[0], *client.after(served[0], reviewed)[-1:]][-1]
        yield Action("Check whether ours is still the best solution.", due=latest.at + every, because=latest)


def _topic(event: Event) -> str:
    return (event.topic or "").casefold() if isinstance(event, Complained) else ""


def _has_topic(event: Event) -> bool:
    return _topic(event) != ""


def _names_a_competitor(event: Event) -> bool:
    return isinstance(event, Engaged | Complained) and bool(event.competitor)
