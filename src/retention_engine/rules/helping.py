"""Helping: whether we help the client's own business along."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Event, Introduced, Referred
from ..findings import Action
from ..moments import days
from ..words import asked_for_feedback, engaged_for, introduced_by_us, referred_by_us

given_in_person = engaged_for("resource", "invitation", "idea", "advice")
newsletter = engaged_for("newsletter")

BRING = {
    "helper": "Introduce somebody who can help the client.",
    "prospect": "Bring the client together with a possible customer.",
    "supplier": "Bring the client a good supplier.",
}


@rule(pack=("retention-plan", "love-engage-help"), settled_by="task")
def no_introduction(client: Client, *, every: timedelta = days(180)) -> Findings:
    """We have not introduced the client to anybody for a while.

    Hardly any supplier brings clients together with people who are useful to them, so it is remembered. It is a next step,
    never a concern: its absence shows nothing about the client's health.

    Source: articles 000 and 002 (introductions).

    Settings:
        every: how often an introduction is due.

    Fires:
        2026-01-05 introduced to=Petra initiated_by=us
        2026-03-02 introduced to=Paul initiated_by=client
        at 2026-07-04: act by 2026-07-04

    Silent:
        2026-01-05 engaged
        2026-03-02 introduced to=Petra
        at 2026-07-04: nothing
    """
    due = client.base(introduced_by_us) + every
    yield Action("Introduce the client to a useful contact.", due=due, because=client.latest(introduced_by_us))


@rule(pack=("retention-plan", "love-engage-help"), settled_by="task")
def no_referral_given(client: Client, *, every: timedelta = days(180)) -> Findings:
    """We have not recommended the client to a prospect for a while.

    A client whose business grows because we spoke for it has a reason to stay. It is a next step, never a concern.

    Source: articles 000 and 002 (recommendations).

    Settings:
        every: how often a recommendation is due.

    Fires:
        2026-01-05 referred direction=given prospect=Petra
        2026-03-02 referred direction=received
        at 2026-07-04: act by 2026-07-04

    Silent:
        2026-01-05 engaged
        2026-03-02 referred direction=given prospect=Petra
        at 2026-07-04: nothing
    """
    due = client.base(referred_by_us) + every
    yield Action("Recommend the client to a suitable prospect.", due=due, because=client.latest(referred_by_us))


@rule(pack="love-engage-help", settled_by="task")
def one_kind_of_help(client: Client, *, every: timedelta = days(365)) -> Findings:
    """We help the client in one way and never in another.

    Helpers, possible customers, suppliers: whoever brings only one sort has stopped looking. Looked at is the `role` of
    those whom we introduced (`helper`, `prospect`, `supplier`); a recommendation that we gave counts as a prospect. The
    next step is about the role that is missing longest, of several the first in that order. A role that we never brought
    is missing since we first brought any of them; who was never brought one is a case of `no-introduction`.

    Source: article 002 (bringing helpers, clients and suppliers).

    Settings:
        every: how often somebody of each role is due.

    Fires:
        2026-01-05 introduced role=helper
        2026-06-01 referred direction=given
        at 2027-01-05: act by 2027-01-05

    Silent:
        2026-01-05 introduced role=helper
        2026-06-01 referred direction=given
        2026-11-02 introduced role=supplier
        at 2027-01-04: nothing
    """
    first: Event | None = None
    latest: dict[str, Event] = {}
    for event in client.of(introduced_by_us, referred_by_us):
        role = event.role if isinstance(event, Introduced) else "prospect"
        if role in BRING:
            first = first or event
            latest[role] = event
    if first:
        never = next((role for role in BRING if role not in latest), None)
        missing = never or min(BRING, key=lambda role: latest[role].at)
        base = latest.get(missing, first)
        yield Action(BRING[missing], due=base.at + every, because=base, about=missing)


@rule(pack="retention-plan")
def misjudged_help(client: Client, *, times: int = 3, within: timedelta = days(14)) -> Findings:
    """What we bring the client keeps being of no use to them.

    Help that nobody needs is work for the one who gets it. Counted are our introductions and recommendations with the
    `outcome` `not_useful`, since the latest that was `useful` or the latest time that we asked for feedback (an `engaged`
    of the purpose `feedback`, or with something in `asked` or `answers`). Once they are too many, the next step is to ask.

    Source: article 000 (exceeding expectations in a way that is fitting and valuable).

    Settings:
        times: how many useless ones in a row are too many.
        within: how soon after that we are to ask.

    Fires:
        2026-01-05 introduced outcome=not_useful
        2026-03-02 referred direction=given outcome=not_useful
        2026-05-04 introduced outcome=not_useful
        at 2026-05-18: act by 2026-05-18

    Silent:
        2026-01-05 introduced outcome=not_useful
        2026-03-02 referred direction=given outcome=not_useful
        2026-05-04 introduced outcome=not_useful
        2026-05-11 engaged purpose=feedback
        at 2026-05-18: nothing
    """
    useless = client.after(client.latest(_starts_the_count_again), _was_useless)
    if len(useless) >= times:
        due = useless[times - 1].at + within
        yield Action("Ask what kind of help would be of use.", due=due, because=useless[:times])


@rule(pack="retention-plan", settled_by="task")
def nothing_shared(client: Client, *, every: timedelta = days(60)) -> Findings:
    """We have not shared anything useful with the client for a while.

    An article, an invitation, an idea between two projects says that we think of them: an `engaged` of the purpose
    `resource`, `invitation`, `idea` or `advice`. A newsletter says so to everybody, and counts half as long: it puts off
    what is due earlier than that, and never brings it forward. It is a next step, never a concern.

    Source: article 000 (sharing useful resources).

    Settings:
        every: how often something is due.

    Fires:
        2026-01-05 engaged purpose=idea
        2026-01-12 engaged purpose=newsletter
        at 2026-03-06: act by 2026-03-06

    Silent:
        2026-01-05 engaged purpose=idea
        2026-02-16 engaged purpose=newsletter
        at 2026-03-06: nothing
    """
    due, evidence = client.base(given_in_person) + every, client.latest(given_in_person)
    bulk = client.latest(newsletter)
    if bulk is not None and bulk.at + every / 2 > due:
        due, evidence = bulk.at + every / 2, bulk
    yield Action("Find and share something useful.", due=due, because=evidence)


def _starts_the_count_again(event: Event) -> bool:
    useful = (introduced_by_us(event) or referred_by_us(event)) and _outcome(event) == "useful"
    return useful or asked_for_feedback(event)


def _was_useless(event: Event) -> bool:
    return (introduced_by_us(event) or referred_by_us(event)) and _outcome(event) == "not_useful"


def _outcome(event: Event) -> str | None:
    return event.outcome if isinstance(event, Introduced | Referred) else None
