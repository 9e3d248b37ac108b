"""The whole book: what holds for no single client, but for all of them or for one owner's together."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from .binding import bound
from .book import Book
from .client import Client
from .declare import Findings, Rule, book_rule, rule_of
from .engine import Schedule
from .events import Event, Profiled
from .findings import Action, Concern, Health
from .moments import days, duration_text
from .rules.contact import quiet_client
from .sweep import Stay, overlap, spans
from .words import contact, engaged_for

MOST_NAMED = 250
"""How many clients a concern cites at most, the worst first; its message counts all of them."""

reintroduced = engaged_for("reintroduction")


@book_rule(pack="thirty-day-service")
def uncalled_best_clients(
    book: Book, *, best: int = 10, every: timedelta = days(365), within: timedelta = days(30)
) -> Findings:
    """Some of our best clients have not been called to get to know us anew.

    Call the clients who are worth most, introduce yourself as if for the first time, and ask for ideas, candid opinions
    and recommendations. The best are those with the highest `annual_value` of a `profiled` event, else the highest value
    of their term; a client without either is not ranked. The call is `engaged` with the purpose `reintroduction`. The
    message says how far we have got, and who is next.

    Source: article 003 (call ten of your best customers).

    Settings:
        best: how many clients are the best.
        every: how long a call counts.
        within: how soon after the first event a client who was never called is to be called.

    Fires:
        2026-01-05 profiled client=fern annual_value=900
        2026-01-05 profiled client=moss annual_value=500
        2026-03-02 engaged client=fern purpose=reintroduction
        at 2026-03-02: watch, act by 2026-02-04

    Silent:
        2026-01-05 profiled client=fern annual_value=900
        2026-01-05 profiled client=moss stage=prospect annual_value=500
        2026-03-02 engaged client=fern purpose=reintroduction
        at 2027-03-01: nothing
    """
    ranked = sorted((client for client in _clients(book) if worth(client) is not None), key=_most_valuable_first)
    calls = [client.latest(reintroduced) for client in ranked]
    called = [(place, call.at, call.at + every) for place, call in enumerate(calls) if call]
    uncalled: list[int] = []
    since: dict[int, datetime] = {}
    to_call: set[int] = set()
    for starts, until, (there, _) in spans(_with_us(book, ranked), called):
        top, before = there[:best], uncalled
        uncalled = [place for place in top if not _counts(calls[place], every, starts)]
        since |= {place: starts for place in uncalled if place not in before}
        if uncalled:
            if until is None or until > book.latest:
                to_call.update(uncalled)
            done = f"{len(top) - len(uncalled)} of {len(top)} best clients called"
            yield Concern(
                Health.WATCH,
                starts=starts,
                until=until,
                because=[calls[place] or ranked[place].first for place in uncalled[:MOST_NAMED]],
                message=f"{done}; next: {_name(ranked[uncalled[0]])}.",
            )
    for place in sorted(to_call):
        client, call = ranked[place], calls[place]
        due = call.at + every if call else client.since + within
        advice = "Call, introduce yourself anew, and ask for ideas, opinions and recommendations."
        yield Action(advice, due=max(due, since[place]), because=call, about=client.id)


@book_rule(pack="thirty-day-service")
def shaky_foundation(book: Book, *, tiers: tuple[str, ...] = ("key",)) -> Findings:
    """Important clients are not well, and new business would be built on them.

    Before we go after new clients, those who matter most are to be healthy, all of them. Who is not stands in the way;
    they are named, the worst first, among equals the most valuable first. The level is that of the worst. A client's
    status is what the rules about single clients, or a person, say of it, and what they say is coming is foreseen here.

    Source: article 003 (a solid foundation before new business).

    Settings:
        tiers: the tiers whose clients are important.

    Fires:
        2026-01-05 profiled client=fern tier=key
        2026-01-05 engaged client=fern
        2026-01-05 engaged client=moss
        at 2026-02-03: nothing
        at 2026-02-04: at-risk

    Silent:
        2026-01-05 profiled client=fern tier=key
        2026-01-05 engaged client=moss
        2026-02-02 engaged client=fern
        at 2026-02-04: nothing
    """
    important = sorted((client for client in _clients(book) if client.tier in tiers), key=_most_valuable_first)
    evidence: list[Event] = []
    blocking: list[Stay] = []
    for place, client in enumerate(important):
        for level, starts, until in book.course(client):
            if level not in {Health.HEALTHY, Health.LEFT}:
                blocking.append(((-level, place, len(evidence)), starts, until))
                evidence.append(_behind(book.schedule(client), level, starts) or client.first)
    for starts, until, (there, blockers) in spans(_with_us(book, important), blocking):
        if blockers:
            level, place, _ = blockers[0]
            yield Concern(
                Health(-level),
                starts=starts,
                until=until,
                because=[evidence[piece] for _, _, piece in blockers[:MOST_NAMED]],
                message=f"{len(blockers)} of {len(there)} important clients not healthy; the worst:"
                f" {_name(important[place])}, {Health(-level)}.",
            )


@book_rule(pack="existing-clients-first")
def attention_drift(
    book: Book, *, window: timedelta = days(30), tenure: timedelta = days(180), points: int = 20
) -> Findings:
    """Prospects and new clients get the attention that existing clients had.

    The contacts of the last weeks are counted, with clients and with prospects. Existing clients are to get a share of
    them that is not far below their share of the clients; who is a prospect (`stage` of a `profiled` event) is no client.
    Named are the existing clients with whom there was no contact in that time, or all of them where there was some with
    each, the one longest without contact first. Where there was no contact with anybody, nothing has drifted.

    Source: article 001 (existing clients come before new ones).

    Settings:
        window: how far back contacts are counted.
        tenure: how long after the first event a client is an existing one.
        points: by how many percentage points the one share may fall short of the other.

    Fires:
        2025-01-06 engaged client=fern
        2026-01-05 engaged client=moss
        2026-01-12 engaged client=moss
        2026-01-19 engaged client=fern
        2026-01-26 engaged client=moss
        at 2026-01-25: nothing
        at 2026-01-26: watch
        at 2026-02-04: nothing

    Silent:
        2025-01-06 engaged client=fern
        2026-01-05 engaged client=moss
        2026-01-05 engaged client=fern
        at 2026-01-05: nothing
    """
    clients = sorted(_clients(book), key=lambda it: (it.base(contact), it.id))
    ours = {client.id for client in clients}
    there: list[Stay] = []
    existing: list[Stay] = []
    forgotten: list[Stay] = []
    for place, client in enumerate(clients):
        latest = client.latest(contact)
        for span in book.tenure(client):
            grown = overlap(span, (client.since + tenure, None))
            there.append((place, *span))
            existing.append((place, *grown))
            forgotten.append((place, *overlap(grown, (latest.at + window if latest else client.since, None))))
    contacts: list[Stay] = []
    with_existing: list[Stay] = []
    for client in book.clients:
        for span in book.tenure(client):
            grown = overlap(span, (client.since + tenure, None))
            for at in _recent_contacts(client, book.latest - window):
                contacts.append((0, *overlap(span, (at, at + window))))
                if client.id in ours:
                    with_existing.append((0, *overlap(grown, (at, at + window))))
    for starts, until, groups in spans(there, existing, forgotten, contacts, with_existing, after=book.latest):
        clients_there, old, crowded_out, touches, touches_of_old = groups
        if not (old and touches):
            continue
        shortfall = 100 * (len(old) * len(touches) - len(touches_of_old) * len(clients_there))
        if shortfall > points * len(clients_there) * len(touches):
            named = crowded_out or old
            yield Concern(
                Health.WATCH,
                starts=starts,
                until=until,
                because=[clients[place].latest(contact) or clients[place].first for place in named[:MOST_NAMED]],
                message=f"Existing clients had {len(touches_of_old)} of {len(touches)} contacts in"
                f" {duration_text(window)} and are {len(old)} of {len(clients_there)} clients; longest without contact:"
                f" {_name(clients[named[0]])}.",
            )


@book_rule(pack="retention-plan", settled_by="task")
def unplanned_book(book: Book, *, within: timedelta = days(30), limit: Decimal = Decimal("0.1")) -> Findings:
    """Too many clients have no plan how to keep them.

    One client without a plan is an omission; many are a habit. A plan is the `plan` or the `cadence_days` of a `profiled`
    event. The clients without one are named, the most valuable first.

    Source: article 000 (a simple plan for each client).

    Settings:
        within: how soon after the first event there is to be a plan.
        limit: the share of clients that may be without one.

    Fires:
        2026-01-05 profiled client=fern plan="A call each month"
        2026-01-05 engaged client=moss
        at 2026-02-03: nothing
        at 2026-02-04: watch

    Silent:
        2026-01-05 profiled client=fern plan="A call each month"
        2026-01-05 profiled client=moss cadence_days=30
        at 2026-02-04: nothing
    """
    yield from _lacking(book, "a plan", lambda it: not it.plan and it.cadence is None, within, limit)


@book_rule(pack="existing-clients-first", settled_by="task")
def unowned_book(book: Book, *, within: timedelta = days(14), limit: Decimal = Decimal("0.1")) -> Findings:
    """Too many clients have nobody of us who looks after them.

    Clients who belong to everybody are somewhere in a system. The owner is the `owner` of a `profiled` event. The clients
    without one are named, the most valuable first.

    Source: article 001 (clients who end up somewhere in the organisation).

    Settings:
        within: how soon after the first event there is to be an owner.
        limit: the share of clients that may be without one.

    Fires:
        2026-01-05 profiled client=fern owner=jo
        2026-01-05 engaged client=moss
        at 2026-01-18: nothing
        at 2026-01-19: watch

    Silent:
        2026-01-05 profiled client=fern owner=jo
        2026-01-05 profiled client=moss owner=max
        at 2026-01-19: nothing
    """
    yield from _lacking(book, "an owner", lambda it: not it.owner, within, limit)


@book_rule(pack=("existing-clients-first", "love-engage-help"))
def neglected_by_owner(book: Book, *, limit: Decimal = Decimal(0)) -> Findings:
    """An owner has left clients without contact for longer than agreed.

    Everybody's calendar shows what was done; this shows, for each of us, what was not. The rhythm is that of the rule
    quiet-client: the client's own `cadence_days`, else the value of `every` for its tier. The clients are named, the one
    longest without contact first. Those without an owner are counted together.

    Source: articles 001 and 002 (everybody who sells keeps clients, not a department).

    Settings:
        limit: the share of an owner's clients that may be without contact; with 0 it is told of a single one.

    Fires:
        2026-01-05 profiled client=fern owner=jo
        2026-01-05 profiled client=moss owner=max
        2026-04-01 engaged client=moss
        at 2026-04-04: nothing
        at 2026-04-05: watch
        at 2026-06-30: watch, watch

    Silent:
        2026-01-05 profiled client=fern owner=jo
        2026-01-05 profiled client=moss owner=max cadence_days=200
        2026-04-01 engaged client=fern
        at 2026-06-29: nothing
    """
    enabled = {rule.rule: rule for rule in book.engine.rules}
    rhythm = enabled.get(rule_of(quiet_client)) or bound(quiet_client)
    ours = {client.id for client in _clients(book)}
    for owner, looked_after in book.by_owner.items():
        clients = sorted((it for it in looked_after if it.id in ours), key=lambda it: (it.base(contact), it.id))
        neglected: list[Stay] = []
        for place, client in enumerate(clients):
            due = client.base(contact) + (client.cadence or rhythm.settings(client.tier)["every"])
            neglected += ((place, *overlap(span, (due, None))) for span in book.tenure(client))
        who = owner or "Nobody"
        for starts, until, (there, quiet) in spans(_with_us(book, clients), neglected):
            if quiet and len(quiet) > limit * len(there):
                yield Concern(
                    Health.WATCH,
                    starts=starts,
                    until=until,
                    because=[clients[place].latest(contact) or clients[place].first for place in quiet[:MOST_NAMED]],
                    about=owner,
                    message=f"{who}: {len(quiet)} of {len(there)} clients without contact for longer than agreed;"
                    f" the longest: {_name(clients[quiet[0]])}.",
                )


def worth(client: Client) -> Decimal | None:
    """What a client is worth: its annual value, else the value of its term, `None` where nobody said."""
    if client.annual_value is not None:
        return client.annual_value
    return client.term.value if client.term else None


def _clients(book: Book) -> list[Client]:
    """Those who have signed, or of whom nobody said that they are prospects."""
    return [client for client in book.clients if client.stage != "prospect"]


def _most_valuable_first(client: Client) -> tuple[bool, Decimal, datetime, str]:
    value = worth(client)
    return value is None, -(value or Decimal(0)), client.since, client.id


def _name(client: Client) -> str:
    return client.name or client.id


def _counts(event: Event | None, so_long: timedelta, moment: datetime) -> bool:
    """Whether an event still counts at a moment."""
    return event is not None and event.at <= moment < event.at + so_long


def _with_us(book: Book, clients: Sequence[Client]) -> Iterator[Stay]:
    """The spans in which clients are with us, by their places."""
    for place, client in enumerate(clients):
        yield from ((place, *span) for span in book.tenure(client))


def _recent_contacts(client: Client, horizon: datetime) -> Iterator[datetime]:
    """The instants of the contacts after the horizon, and of the latest one before, latest first."""
    for event in reversed(client.of(contact)):
        yield event.at
        if event.at <= horizon:
            return


def _behind(schedule: Schedule, level: Health, moment: datetime) -> Event | None:
    """An event for which the client is at this level at that moment: a person's verdict, or what a concern cites."""
    verdict = schedule.judged(moment)
    if verdict is not None:
        return verdict
    concerns = [concern for concern in schedule.concerns if concern.level is level and concern.in_force(moment)]
    return concerns[0].evidence[0] if concerns else None


def _lacking(
    book: Book, what: str, lacks: Callable[[Client], bool], within: timedelta, limit: Decimal
) -> Iterator[Concern]:
    """The spans in which too many clients lack something that they are to have so soon after their first event."""
    clients = sorted(_clients(book), key=_most_valuable_first)
    lacking = [
        (place, *overlap(span, (client.since + within, None)))
        for place, client in enumerate(clients)
        if lacks(client)
        for span in book.tenure(client)
    ]
    for starts, until, (there, without) in spans(_with_us(book, clients), lacking):
        if without and len(without) > limit * len(there):
            yield Concern(
                Health.WATCH,
                starts=starts,
                until=until,
                because=[_profile(clients[place]) for place in without[:MOST_NAMED]],
                message=f"{len(without)} of {len(there)} clients without {what}; the most valuable:"
                f" {_name(clients[without[0]])}.",
            )


def _profile(client: Client) -> Event:
    """The event that could have said what is lacking."""
    return client.latest(Profiled) or client.first


BOOK_RULES: tuple[Rule, ...] = tuple(
    rule_of(function)
    for function in (
        attention_drift,
        neglected_by_owner,
        shaky_foundation,
        uncalled_best_clients,
        unowned_book,
        unplanned_book,
    )
)
"""Every built-in rule about the whole book, by name."""
