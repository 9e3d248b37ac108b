"""Contact: whether we talk to the client, and whether the client talks to us."""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache

from ..client import Client
from ..declare import Findings, rule
from ..events import Engaged, Event, Renewed
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import contact, engaged_through, heard, ours
from .profiles import noted_since


@rule(pack=("essentials", "retention-plan", "thirty-day-service"), tiers={"key": {"every": days(30), "grace": days(0)}})
def quiet_client(client: Client, *, every: timedelta = days(90), grace: timedelta = days(30)) -> Findings:
    """Nobody has been in touch with the client for longer than agreed.

    Clients are borrowed: the connection has to be earned again and again, by contact outside the work that they pay for,
    so deliveries and invoices don't count. Clients of the tier `key` are due every thirty days, whatever their mood; a
    client's own `cadence_days` goes before both.

    Source: articles 000 (regular contact outside the work) and 003 (thirty-day service).

    Settings:
        every: how long the client may go without contact.
        grace: how much longer before the client is at risk.

    Fires:
        2026-01-05 engaged
        2026-03-02 engaged purpose=invoice
        at 2026-04-05: watch, act by 2026-04-05
        at 2026-05-05: at-risk, act by 2026-04-05

    Silent:
        2026-01-05 engaged
        2026-03-02 engaged channel=phone
        at 2026-05-30: nothing
    """
    due = client.base(contact) + (client.cadence or every)
    evidence = client.latest(contact)
    yield Concern(Health.WATCH, starts=due, until=due + grace, because=evidence)
    yield Concern(Health.AT_RISK, starts=due + grace, because=evidence)
    yield Action("Get in touch, about something other than work or invoices.", due=due, because=evidence)


@rule(pack=("essentials", "existing-clients-first", "love-engage-help"))
def unheard_client(client: Client, *, window: timedelta = days(90)) -> Findings:
    """The client has not spoken to us lately, so nothing shows that they are well.

    Silence is not health. Neither a long relationship nor the lack of complaints proves that a client wants to stay: where
    they have said nothing for a while, the honest status is unknown.

    Source: articles 001 and 002 (loyalty is not to be taken for granted).

    Settings:
        window: how long what the client said counts.

    Fires:
        2026-01-05 engaged direction=inbound
        2026-03-02 engaged direction=outbound
        at 2026-04-05: unknown

    Silent:
        2026-01-05 engaged direction=outbound
        2026-03-02 complained
        at 2026-04-05: nothing
    """
    latest = client.latest(heard)
    yield Concern(Health.UNKNOWN, starts=latest.at + window if latest else client.since, because=latest)


@rule(pack="stick-around")
def one_way_contact(client: Client, *, times: int = 3) -> Findings:
    """We keep writing and the client does not answer.

    Communication that goes one way only is none. After several attempts without an answer another attempt of the same kind
    is noise: change the channel or the person.

    Source: article 004 (communication in both directions).

    Settings:
        times: how many unanswered contacts in a row are too many.

    Fires:
        2026-01-05 engaged direction=inbound
        2026-02-02 engaged direction=outbound
        2026-03-02 engaged direction=outbound
        2026-04-06 engaged direction=outbound
        at 2026-04-20: watch, act by 2026-04-20

    Silent:
        2026-02-02 engaged direction=outbound
        2026-03-02 engaged direction=outbound
        2026-03-03 engaged direction=inbound
        2026-04-06 engaged direction=outbound
        at 2026-04-20: nothing
    """
    unanswered = client.after(client.latest(heard), _reached_out)
    if len(unanswered) >= times:
        yield Concern(Health.WATCH, starts=unanswered[times - 1].at, because=unanswered[:times])
        yield Action("Try another channel or another person.", due=unanswered[-1].at + days(14), because=unanswered[-1])


@rule(pack="stick-around")
def off_channel(client: Client, *, times: int = 3, within: timedelta = days(14)) -> Findings:
    """We keep using another channel than the one that the client prefers.

    Both sides said how they like to talk, and only one keeps to it. Counted are contacts of ours (`engaged`, not inbound)
    that name a `channel`, since a `profiled` event said which one the client prefers, and since the latest through that
    one; upper and lower case are the same. It is a next step, never a concern.

    Source: article 004 (how both sides like to communicate).

    Settings:
        times: how many contacts in a row through other channels are too many.
        within: how soon after that the preferred one is to be used.

    Fires:
        2026-01-05 profiled channel=phone
        2026-01-12 engaged channel=mail
        2026-02-02 engaged channel=mail
        2026-03-02 engaged channel=chat
        at 2026-03-16: act by 2026-03-16

    Silent:
        2026-01-05 profiled channel=phone
        2026-01-12 engaged channel=mail
        2026-02-02 engaged channel=phone
        2026-03-02 engaged channel=mail
        2026-03-09 engaged channel=mail
        at 2026-06-01: nothing
    """
    preferred = client.channel
    if not preferred:
        return
    noted, used = noted_since(client, "channel"), client.latest(_ours_through(preferred))
    since = used if noted is None or (used is not None and used.order > noted.order) else noted
    row = client.after(since, _through_some_channel)[:times]
    if len(row) == times:
        yield Action(f"Use the channel that they prefer: {preferred}.", due=row[-1].at + within, because=row)


@lru_cache(maxsize=1024)
def _ours_through(channel: str) -> Callable[[Event], bool]:
    through = engaged_through(channel)

    def matches(event: Event) -> bool:
        return through(event) and ours(event)

    return matches


def _through_some_channel(event: Event) -> bool:
    return isinstance(event, Engaged) and bool(event.channel) and ours(event)


def _reached_out(event: object) -> bool:
    return isinstance(event, Engaged) and event.direction == "outbound" and contact(event)


@rule(pack=("essentials", "existing-clients-first"))
def handoff_gap(client: Client, *, within: timedelta = days(14)) -> Findings:
    """The client signed and was then left alone.

    After the signature the people who won the client turn to the next one, and the client becomes a record in a system.
    The first contact after the first signature shows that somebody is still there.

    Source: article 001 (what happens to clients once they have signed).

    Settings:
        within: how soon after the first signature somebody gets in touch.

    Fires:
        2026-01-05 engaged purpose=presale
        2026-01-12 renewed
        2026-01-19 engaged purpose=delivery
        at 2026-01-26: watch, act by 2026-01-26

    Silent:
        2026-01-12 renewed
        2026-01-19 engaged channel=phone
        at 2026-01-26: nothing
    """
    signed = next(iter(client.of(Renewed)), None)
    latest = client.latest(contact)
    if signed and (latest is None or latest.order < signed.order):
        due = signed.at + within
        yield Concern(Health.WATCH, starts=due, because=signed)
        yield Action("Call to open the work after signing.", due=due, because=signed)
