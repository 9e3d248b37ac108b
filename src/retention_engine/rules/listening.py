"""Listening: what the client answered when we asked."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Engaged, Event
from ..findings import Concern, Health
from ..moments import days


@rule(pack="thirty-day-service")
def unwilling_to_refer(client: Client, *, memory: timedelta = days(180)) -> Findings:
    """The client would not recommend us.

    Whether they would recommend us is one of the five questions to ask. A no is the news worth asking for: it names what
    is to be improved, while there is time.

    Source: article 003 (the five questions).

    Settings:
        memory: how long the answer counts.
    """
    latest = client.latest(_answered_refer)
    if isinstance(latest, Engaged) and latest.answers["refer"].casefold() == "no":
        yield Concern(Health.AT_RISK, starts=latest.at, until=latest.at + memory, because=latest)


def _answered_refer(event: Event) -> bool:
    return isinstance(event, Engaged) and "refer" in event.answers
