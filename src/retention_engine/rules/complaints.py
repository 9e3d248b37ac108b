"""Complaints: what the client told us is wrong, and what became of it."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..findings import Action, Concern, Health
from ..moments import days


@rule(pack=("essentials", "thirty-day-service"), tiers={"key": {"patience": days(1)}})
def open_complaint(client: Client, *, patience: timedelta = days(7)) -> Findings:
    """A complaint is not resolved.

    What is wrong gets worse while nobody says anything. A complaint is settled by a `resolved` that names it or by an
    `engaged` whose `resolves` does; one recorded without an id can't be named, and so stays open.

    Source: article 003 (putting things right at once).

    Settings:
        patience: how soon a complaint is to be resolved.
    """
    for complaint in client.open_complaints:
        due = complaint.at + patience
        worst = Health.CRITICAL if complaint.severity == "critical" else Health.AT_RISK
        yield Concern(Health.WATCH, starts=complaint.at, until=due, because=complaint, about=complaint.ref)
        yield Concern(worst, starts=due, because=complaint, about=complaint.ref)
        yield Action("Resolve the complaint and tell the client how.", due=due, because=complaint, about=complaint.ref)


@rule(pack=("essentials", "thirty-day-service"))
def repeated_complaints(client: Client, *, times: int = 3, window: timedelta = days(90)) -> Findings:
    """Complaints pile up, resolved or not.

    Each may have been settled; together they say that the service is not what the client expected.

    Source: article 003 (bad news is a reason to improve).

    Settings:
        times: how many complaints are too many.
        window: within how long.
    """
    recent = client.complaints[-times:]
    if len(recent) == times:
        yield Concern(Health.AT_RISK, starts=recent[-1].at, until=recent[0].at + window, because=recent)
