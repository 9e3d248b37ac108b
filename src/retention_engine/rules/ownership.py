"""Ownership: who looks after the client, by which plan, and through whom."""

from collections.abc import Iterable
from datetime import timedelta

import attrs

from ..client import Client
from ..declare import Findings, rule
from ..events import Engaged, Event, Renewed
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import contact, contact_by
from .profiles import noted_since


@rule(pack="existing-clients-first", settled_by="task")
def unowned_client(client: Client, *, within: timedelta = days(14)) -> Findings:
    """Nobody of us looks after the client.

    A client whom everybody could call is called by nobody. The owner is the `owner` of a `profiled` event.

    Source: article 001 (clients who end up somewhere in the organisation).

    Settings:
        within: how soon after the first event there is to be an owner.

    Fires:
        2026-01-05 engaged
        at 2026-01-19: act by 2026-01-19

    Silent:
        2026-01-05 engaged
        2026-01-12 profiled owner=jo
        at 2026-01-19: nothing
    """
    if not client.owner:
        yield Action("Say who looks after the client.", due=client.since + within, because=client.first)


@rule(pack="existing-clients-first", tiers={"key": {"every": days(30)}})
def absent_owner(client: Client, *, every: timedelta = days(90), times: int = 2) -> Findings:
    """Whoever is to look after the client has not been in touch with them.

    The name in the system is not the one that the client knows. The rhythm counts from the latest contact `by` the owner,
    or from the event that made them the owner, whichever is later; a client of whom no contact says by whom is no case. A
    client's own `cadence_days` is the rhythm, where there is one. It is a next step, never a concern.

    Source: article 001 (clients stored in somebody's system).

    Settings:
        every: the rhythm of contact.
        times: how many times the rhythm the owner may be absent.

    Fires:
        2026-01-05 profiled owner=jo
        2026-01-12 engaged by=max
        2026-05-04 engaged by=max
        at 2026-07-04: act by 2026-07-04

    Silent:
        2026-01-05 profiled owner=jo
        2026-01-12 engaged by=max
        2026-05-04 engaged by=jo
        at 2026-07-04: nothing
    """
    appointed, owner = noted_since(client, "owner"), client.owner
    if appointed is not None and owner and client.latest(_contact_by_somebody):
        called = client.latest(contact_by(owner))
        latest = called if called is not None and called.order > appointed.order else appointed
        due = latest.at + times * (client.cadence or every)
        yield Action("The owner gets in touch in person.", due=due, because=latest)


@rule(pack="retention-plan", settled_by="task")
def unplanned_client(client: Client, *, within: timedelta = days(30)) -> Findings:
    """There is no plan how to keep the client.

    A line is enough: how often to be in touch, with what. It is the `plan` or the `cadence_days` of a `profiled` event.
    Prospects (`stage`) need none yet.

    Source: article 000 (a simple plan for each client).

    Settings:
        within: how soon after the first event there is to be a plan.

    Fires:
        2026-01-05 engaged
        at 2026-02-04: act by 2026-02-04

    Silent:
        2026-01-05 engaged
        2026-01-12 profiled plan="A call each month, two ideas a year"
        at 2026-02-04: nothing
    """
    if not client.plan and client.cadence is None and client.stage != "prospect":
        yield Action("Write down in a line how to keep the client.", due=client.since + within, because=client.first)


@rule(pack="love-engage-help")
def single_thread(client: Client, *, times: int = 3, window: timedelta = days(180)) -> Findings:
    """The whole relationship hangs on one person.

    When that person leaves, so does the client. Counted are the contacts that name their people (`with`) or ours (`by`):
    where the latest few name nobody but one and the same person, that side hangs by a thread, once the latest contact that
    named somebody else lies the window back; where none ever did, once the first that names anybody does. On their side it
    is a concern, on ours a next step. A second person was named: that settles it.

    Source: article 002 (becoming a part of each other's team).

    Settings:
        times: how many contacts with one person alone are too many.
        window: how long another person counts after the latest contact with them, and how long a new client has to name one.

    Fires:
        2026-01-05 engaged with=Nora by=jo
        2026-02-02 engaged with=Nora by=max
        2026-05-04 engaged with=Nora by=jo
        at 2026-07-03: nothing
        at 2026-07-04: watch, act by 2026-07-04

    Silent:
        2026-01-05 engaged with=Nora by=jo
        2026-02-02 engaged with=Nora by=max
        2026-05-04 engaged with=Nora,Piet by=jo
        at 2026-07-04: nothing
    """
    for side, named, step, advice in (
        ("them", _names_theirs, _take_theirs, "Meet a second person on the client's side."),
        ("us", _contact_by_somebody, _take_ours, "Bring a second person of ours to the client."),
    ):
        contacts = client.of(named)
        place = client.fold(_Row, step, named).place
        if len(contacts) - place >= times:
            other = contacts[place - 1] if place else None
            starts = max((other or contacts[place]).at + window, contacts[place + times - 1].at)
            evidence = [other, contacts[place]]
            if side == "them":
                yield Concern(Health.WATCH, starts=starts, because=evidence, about=side)
            yield Action(advice, due=starts, because=evidence, about=side)


@rule(pack="existing-clients-first")
def unproven_prospect(client: Client, *, times: int = 8, within: timedelta = days(60)) -> Findings:
    """We spend a great deal on a prospect who has not signed.

    What glitters costs attention that clients have paid for. A prospect (`stage` of a `profiled` event) with more contacts
    than that, after that time, wants a decision: a date, or goodbye.

    Source: article 001 (prospects who are unproven).

    Settings:
        times: how many contacts a prospect is worth without a signature.
        within: how long after the first event a prospect may stay one.

    Fires:
        2026-01-05 profiled stage=prospect
        2026-01-06 engaged purpose=presale
        2026-01-07 engaged purpose=presale
        2026-01-08 engaged purpose=presale
        2026-01-09 engaged purpose=presale
        2026-01-12 engaged purpose=presale
        2026-01-13 engaged purpose=presale
        2026-01-14 engaged purpose=presale
        2026-01-15 engaged purpose=presale
        2026-02-02 engaged purpose=presale
        at 2026-03-06: act by 2026-03-06

    Silent:
        2026-01-05 profiled stage=prospect
        2026-01-06 engaged purpose=presale
        2026-01-07 engaged purpose=presale
        2026-01-08 engaged purpose=presale
        2026-02-02 engaged purpose=presale
        at 2026-03-06: nothing
    """
    contacts = client.of(contact)
    if client.stage == "prospect" and not client.of(Renewed) and len(contacts) > times:
        last_straw = contacts[times]
        due = max(client.since + within, last_straw.at)
        yield Action("Agree on a date to decide, or let them go.", due=due, because=last_straw)


def _contact_by_somebody(event: Event) -> bool:
    return bool(event.by) and contact(event)


def _names_theirs(event: Event) -> bool:
    return isinstance(event, Engaged) and bool(event.with_) and contact(event)


@attrs.frozen
class _Row:
    """The contacts so far, and the place from which on all name one and the same person."""

    count: int = 0
    place: int = 0
    person: str | None = None

    def take(self, names: Iterable[str]) -> "_Row":
        person, *others = set(names)
        if others:
            return _Row(self.count + 1, self.count + 1)
        return _Row(self.count + 1, self.place if person == self.person else self.count, person)


def _take_theirs(row: _Row, event: Event) -> _Row:
    return row.take(event.with_) if isinstance(event, Engaged) else row


def _take_ours(row: _Row, event: Event) -> _Row:
    return row.take([event.by]) if event.by else row
