"""Value: whether we do for the client more than they expect."""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

from ..client import Client
from ..declare import Findings, rule
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import beyond, contact, engaged_for, service

thanked = engaged_for("appreciation")
advised = engaged_for("advice", "idea", "review")


@rule(pack="retention-plan", dimension="service")
def complacent_service(client: Client, *, window: timedelta = days(90)) -> Findings:
    """The client gets what they pay for and nothing beyond it.

    Good service is what the client bought, so it holds nobody. Businesses that do all that was agreed, and nothing else,
    lose clients without ever having made a mistake. Beyond the agreed are a resource, an idea, an invitation, advice,
    thanks, an introduction, a recommendation, or whatever was recorded as `exceeded`. A client for whom nothing is
    delivered at the moment is not a case.

    Source: article 000 (complacency, and doing more than is expected).

    Settings:
        window: how long one thing beyond expectation counts.

    Fires:
        2026-01-05 engaged purpose=idea
        2026-02-02 engaged purpose=delivery
        2026-04-01 engaged purpose=invoice
        at 2026-04-05: watch, act by 2026-04-05

    Silent:
        2026-01-05 engaged purpose=delivery
        2026-02-02 engaged purpose=idea
        at 2026-06-01: nothing
    """
    latest = client.latest(beyond)
    served = client.after(latest, service)
    if served:
        due = max(client.base(beyond) + window, served[0].at)
        evidence = [latest, served[0]]
        yield Concern(Health.WATCH, starts=due, because=evidence)
        yield Action("Do one thing that the client does not expect.", due=due, because=evidence)


@rule(pack="love-engage-help")
def unthanked_client(client: Client, *, every: timedelta = days(90)) -> Findings:
    """We have not told the client for a while what they mean to us.

    Thanks count while nothing is wrong; said for the first time after a client has given notice, they come too late.

    Source: article 002 (appreciation, before there is a risk).

    Settings:
        every: how often thanks are due.

    Fires:
        2026-01-05 engaged purpose=appreciation
        2026-03-02 engaged
        at 2026-04-05: act by 2026-04-05

    Silent:
        2026-01-05 engaged
        2026-03-02 engaged purpose=appreciation
        at 2026-04-05: nothing
    """
    yield Action("Say thank you, with a reason.", due=client.base(thanked) + every, because=client.latest(thanked))


@rule(pack="retention-plan")
def fading_extras(client: Client, *, times: int = 3, quarter: timedelta = days(90)) -> Findings:
    """There is as much contact as ever, and less and less in it beyond the expected.

    Complacency is not seen in any single month. Time is cut into quarters from the client's first event. In a quarter, the
    extras' share is how many of all contacts, deliveries and invoices went beyond expectation. Where that share has fallen
    from quarter to quarter over the latest few that are complete, each of which has something to count, and the last has
    no fewer than the first, the client is to be watched for the quarter that follows.

    Source: article 000 (complacency that nobody intends).

    Settings:
        times: over how many quarters in a row the share has to fall, two at least.
        quarter: how long a quarter is.

    Fires:
        2026-01-01 engaged purpose=idea
        2026-01-15 engaged purpose=idea
        2026-04-15 engaged purpose=idea
        2026-05-04 engaged
        2026-07-06 engaged
        2026-08-03 engaged
        at 2026-09-27: nothing
        at 2026-09-28: watch

    Silent:
        2026-01-01 engaged purpose=idea
        2026-01-15 engaged
        2026-04-15 engaged purpose=idea
        2026-05-04 engaged
        2026-07-06 engaged
        2026-08-03 engaged
        at 2026-09-28: nothing
    """
    touches, extras = client.of(contact, service), client.of(beyond)
    newest = (touches[-1].at - client.since) // quarter if touches else 0
    for last in (newest - 1, newest):
        starts = [client.since + number * quarter for number in range(last - times + 1, last + 1)]
        row = [(extras.between(it, it + quarter), touches.between(it, it + quarter)) for it in starts]
        if times > 1 and all(all_ for _, all_ in row) and len(row[-1][1]) >= len(row[0][1]):
            shares = [Fraction(len(more), len(all_)) for more, all_ in row]
            if all(one > other for one, other in pairwise(shares)):
                end = client.since + (last + 1) * quarter
                evidence = [row[0][0][-1], row[-1][1][-1]]
                yield Concern(Health.WATCH, starts=end, until=end + quarter, because=evidence)


@rule(pack="love-engage-help")
def supplier_not_advisor(client: Client, *, times: int = 4, within: timedelta = days(14)) -> Findings:
    """We deliver and invoice, and give no advice.

    A supplier can be replaced by a cheaper one, an advisor can't. Counted are deliveries and invoices since the latest
    `engaged` of the purpose `advice`, `idea` or `review`: one piece of advice to so many of them is the least. It is a next
    step, never a concern.

    Source: article 002 (an advisor, not a supplier).

    Settings:
        times: how many deliveries and invoices without advice are too many.
        within: how soon after that advice is due.

    Fires:
        2026-01-05 engaged purpose=delivery
        2026-01-12 engaged purpose=invoice
        2026-02-02 engaged purpose=delivery
        2026-02-09 engaged purpose=invoice
        at 2026-02-23: act by 2026-02-23

    Silent:
        2026-01-05 engaged purpose=delivery
        2026-01-12 engaged purpose=invoice
        2026-01-19 engaged purpose=advice
        2026-02-02 engaged purpose=delivery
        2026-02-09 engaged purpose=invoice
        at 2026-02-23: nothing
    """
    supplied = client.after(client.latest(advised), service)
    if len(supplied) >= times:
        enough = supplied[times - 1]
        yield Action("Bring advice, and no status.", due=enough.at + within, because=enough)
