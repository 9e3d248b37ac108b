"""Renewal: terms that end, and clients who leave."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Left, Renewed
from ..findings import Concern, Health
from ..moments import days
from ..words import contact


@rule(pack=("essentials", "stick-around"))
def silent_renewal(client: Client, *, ahead: timedelta = days(60), quiet: timedelta = days(30)) -> Findings:
    """The renewal is near and nobody has talked to the client.

    A term has an end, and it is known on the day it starts. Whoever is asked how the renewal stands should have spoken
    with the client lately.

    Source: article 004 (the renewal talk).

    Settings:
        ahead: how long before the term's end the client is to be talked to.
        quiet: how long ago the latest contact may be by then.
    """
    if term := client.term:
        silent_from = client.base(contact) + quiet
        evidence = [term.event, client.latest(contact)]
        yield Concern(Health.AT_RISK, starts=max(term.end - ahead, silent_from), until=term.end, because=evidence)


@rule(pack=("essentials", "stick-around"))
def lapsed_term(client: Client, *, grace: timedelta = days(30)) -> Findings:
    """The client's term has ended and was not renewed.

    For a while it may only be paperwork; then the client is lost, whether or not anybody has said so.

    Source: article 004 (terms that end).

    Settings:
        grace: how long after the term's end the client counts as lost.
    """
    if term := client.term:
        yield Concern(Health.CRITICAL, starts=term.end, until=term.end + grace, because=term.event)
        yield Concern(Health.LEFT, starts=term.end + grace, because=term.event)


@rule(pack=("essentials", "stick-around"))
def departed_client(client: Client) -> Findings:
    """The client has left.

    A client who renews or is in touch again has come back.

    Source: article 004 (making sure that clients stick around).
    """
    left = client.latest(Left)
    if left and not client.after(left, Renewed, contact):
        yield Concern(Health.LEFT, starts=left.at, because=left)
