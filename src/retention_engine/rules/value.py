"""Value: whether we do for the client more than they expect."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import beyond, engaged_for, introduced_by_us, referred_by_us, service

thanked = engaged_for("appreciation")


@rule(pack="retention-plan")
def complacent_service(client: Client, *, window: timedelta = days(90)) -> Findings:
    """The client gets what they pay for and nothing beyond it.

    Good service is what the client bought, so it holds nobody. Businesses that do all that was agreed, and nothing else,
    lose clients without ever having made a mistake. Beyond the agreed are a resource, an idea, an invitation, advice,
    thanks, an introduction, a recommendation, or whatever was recorded as `exceeded`. A client for whom nothing is
    delivered at the moment is not a case.

    Source: article 000 (complacency, and doing more than is expected).

    Settings:
        window: how long one thing beyond expectation counts.
    """
    latest = client.latest(beyond)
    served = client.after(latest, service)
    if served:
        due = max(client.base(beyond) + window, served[0].at)
        evidence = [latest, served[0]]
        yield Concern(Health.WATCH, starts=due, because=evidence)
        yield Action("Do one thing that the client does not expect.", due=due, because=evidence)


@rule(pack=("retention-plan", "love-engage-help"))
def no_introduction(client: Client, *, every: timedelta = days(180)) -> Findings:
    """We have not introduced the client to anybody for a while.

    Hardly any supplier brings clients together with people who are useful to them, so it is remembered. It is a next step,
    never a concern: its absence shows nothing about the client's health.

    Source: articles 000 and 002 (introductions).

    Settings:
        every: how often an introduction is due.
    """
    due = client.base(introduced_by_us) + every
    yield Action("Introduce the client to a useful contact.", due=due, because=client.latest(introduced_by_us))


@rule(pack=("retention-plan", "love-engage-help"))
def no_referral_given(client: Client, *, every: timedelta = days(180)) -> Findings:
    """We have not recommended the client to a prospect for a while.

    A client whose business grows because we spoke for it has a reason to stay. It is a next step, never a concern.

    Source: articles 000 and 002 (recommendations).

    Settings:
        every: how often a recommendation is due.
    """
    due = client.base(referred_by_us) + every
    yield Action("Recommend the client to a suitable prospect.", due=due, because=client.latest(referred_by_us))


@rule(pack="love-engage-help")
def unthanked_client(client: Client, *, every: timedelta = days(90)) -> Findings:
    """We have not told the client for a while what they mean to us.

    Thanks count while nothing is wrong; said for the first time after a client has given notice, they come too late.

    Source: article 002 (appreciation, before there is a risk).

    Settings:
        every: how often thanks are due.
    """
    yield Action("Say thank you, with a reason.", due=client.base(thanked) + every, because=client.latest(thanked))
