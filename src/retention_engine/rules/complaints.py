"""Complaints: what the client told us is wrong, and what became of it."""

from datetime import datetime, timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Complained, Event, Renewed
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import engaged_for

refined = engaged_for("refinement")


@rule(pack=("essentials", "thirty-day-service"), tiers={"key": {"patience": days(1)}}, dimension="service")
def open_complaint(client: Client, *, patience: timedelta = days(7)) -> Findings:
    """A complaint is not resolved.

    What is wrong gets worse while nobody says anything. A complaint is settled by a `resolved` that names it or by an
    `engaged` whose `resolves` does; one recorded without an id can't be named, and so stays open.

    Source: article 003 (putting things right at once).

    Settings:
        patience: how soon a complaint is to be resolved.

    Fires:
        2026-01-05 complained id=late
        at 2026-01-11: watch
        at 2026-01-12: at-risk, act by 2026-01-12

    Silent:
        2026-01-05 complained id=late
        2026-01-08 resolved complaint=late
        at 2026-01-12: nothing
    """
    for complaint in client.open_complaints:
        due = complaint.at + patience
        worst = Health.CRITICAL if complaint.severity == "critical" else Health.AT_RISK
        yield Concern(Health.WATCH, starts=complaint.at, until=due, because=complaint, about=complaint.ref)
        yield Concern(worst, starts=due, because=complaint, about=complaint.ref)
        yield Action("Resolve the complaint and tell the client how.", due=due, because=complaint, about=complaint.ref)


@rule(pack=("essentials", "thirty-day-service"), dimension="service")
def repeated_complaints(client: Client, *, times: int = 3, window: timedelta = days(90)) -> Findings:
    """Complaints pile up, resolved or not.

    Each may have been settled; together they say that the service is not what the client expected.

    Source: article 003 (bad news is a reason to improve).

    Settings:
        times: how many complaints are too many.
        window: within how long.

    Fires:
        2026-01-05 complained
        2026-02-02 complained
        2026-03-02 complained
        at 2026-03-02: at-risk
        at 2026-04-05: nothing

    Silent:
        2026-01-05 complained
        2026-02-02 complained
        2026-04-06 complained
        at 2026-04-06: nothing
    """
    recent = client.complaints[-times:]
    if len(recent) == times:
        yield Concern(Health.AT_RISK, starts=recent[-1].at, until=recent[0].at + window, because=recent)


@rule(pack=("love-engage-help", "thirty-day-service"), dimension="commercial")
def threatened_departure(client: Client, *, within: timedelta = days(1)) -> Findings:
    """The client has spoken of leaving.

    It is the last warning, and most clients give none. Each complaint with `threatens_to_leave` is critical at once,
    however small its cause, until it is resolved as in `open-complaint`, or the client renews after all.

    Source: articles 002 (what is done once a client wants to leave) and 003 (service as if they threatened to).

    Settings:
        within: how soon the client is to be called.

    Fires:
        2026-01-05 complained id=late threatens_to_leave=true
        at 2026-01-06: critical, act by 2026-01-06

    Silent:
        2026-01-05 complained id=late threatens_to_leave=true
        2026-01-06 engaged resolves=late
        at 2026-01-06: nothing
    """
    renewed = client.latest(Renewed)
    for complaint in client.open_complaints:
        if complaint.threatens_to_leave and (renewed is None or renewed.order < complaint.order):
            yield Concern(Health.CRITICAL, starts=complaint.at, because=complaint, about=complaint.ref)
            due = complaint.at + within
            yield Action("Call today, listen, and make it right.", due=due, because=complaint, about=complaint.ref)


@rule(pack=("thirty-day-service", "stick-around"), dimension="service")
def unmended_complaint(client: Client, *, within: timedelta = days(30)) -> Findings:
    """A complaint was settled, and nothing was changed so that it does not come back.

    The client got their apology, and the cause is still there. Looked at are the complaints made since the latest
    `refinement` (an `engaged` of that purpose): the one that was settled first counts, from the first event that settled
    it. It is a next step, never a concern.

    Source: articles 003 (getting better by bad news) and 004 (refining the process).

    Settings:
        within: how soon after it was settled something is to be changed.

    Fires:
        2026-01-05 complained id=late
        2026-01-08 resolved complaint=late
        at 2026-02-07: act by 2026-02-07

    Silent:
        2026-01-05 complained id=late
        2026-01-08 resolved complaint=late
        2026-01-19 engaged purpose=refinement
        at 2026-02-07: nothing
    """
    complaints = client.after(client.latest(refined), Complained)
    settled = ((complaint, client.settlement(complaint)) for complaint in complaints)
    ends = [(complaint, end) for complaint, end in settled if end is not None]
    if ends:
        complaint, end = min(ends, key=_settled)
        due = _settled((complaint, end))[0] + within
        yield Action("Change what led to the complaint, and say so.", due=due, because=[complaint, end])


def _settled(pair: tuple[Event, Event]) -> tuple[datetime, int]:
    """When a complaint was there and settled, whichever came last; ties by position."""
    complaint, end = pair
    return max(complaint.order, end.order)
