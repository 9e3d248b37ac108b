"""Renewal: terms that end, and clients who leave."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Left, Renewed
from ..findings import Action, Concern, Health
from ..moments import days, duration_text
from ..words import contact, engaged_for

renewal_talk = engaged_for("renewal")
value_shown = engaged_for("value_review")

STEPS = (
    "Go through what was agreed and what was reached, before the renewal is talked about.",
    "Open the talk about the renewal.",
    "Settle what stands in the way of the renewal.",
    "Get the renewal signed.",
)


@rule(pack=("essentials", "stick-around"), dimension="commercial")
def silent_renewal(client: Client, *, ahead: timedelta = days(60), quiet: timedelta = days(30)) -> Findings:
    """The renewal is near and nobody has talked to the client.

    A term has an end, and it is known on the day it starts. Whoever is asked how the renewal stands should have spoken
    with the client lately.

    Source: article 004 (the renewal talk).

    Settings:
        ahead: how long before the term's end the client is to be talked to.
        quiet: how long ago the latest contact may be by then.

    Fires:
        2026-01-05 renewed term_end=2026-12-31
        2026-09-15 engaged
        at 2026-10-31: nothing
        at 2026-11-01: at-risk

    Silent:
        2026-01-05 renewed term_end=2026-12-31
        2026-10-20 engaged
        at 2026-11-01: nothing
    """
    if term := client.term:
        silent_from = client.base(contact) + quiet
        evidence = [term.event, client.latest(contact)]
        yield Concern(Health.AT_RISK, starts=max(term.end - ahead, silent_from), until=term.end, because=evidence)


@rule(pack=("essentials", "stick-around"), dimension="commercial")
def lapsed_term(client: Client, *, grace: timedelta = days(30)) -> Findings:
    """The client's term has ended and was not renewed.

    For a while it may only be paperwork; then the client is lost, whether or not anybody has said so.

    Source: article 004 (terms that end).

    Settings:
        grace: how long after the term's end the client counts as lost.

    Fires:
        2025-01-05 renewed term_end=2026-01-05
        at 2026-01-04: nothing
        at 2026-01-05: critical
        at 2026-02-04: left

    Silent:
        2025-01-05 renewed term_end=2026-01-05
        2026-01-20 renewed term_end=2027-01-05
        at 2026-02-04: nothing
    """
    if term := client.term:
        yield Concern(Health.CRITICAL, starts=term.end, until=term.end + grace, because=term.event)
        yield Concern(Health.LEFT, starts=term.end + grace, because=term.event)


@rule(pack=("essentials", "stick-around"), dimension="commercial")
def departed_client(client: Client) -> Findings:
    """The client has left.

    A client who renews or is in touch again has come back.

    Source: article 004 (making sure that clients stick around).

    Fires:
        2026-01-05 engaged
        2026-02-02 left reason="went out of business" controllable=false
        at 2026-02-02: left

    Silent:
        2026-01-05 left reason="too dear"
        2026-02-02 engaged direction=inbound
        at 2026-02-02: nothing
    """
    left = client.latest(Left)
    if left and not client.after(left, Renewed, contact):
        yield Concern(Health.LEFT, starts=left.at, because=left)


@rule(pack="stick-around", dimension="commercial")
def renewal_ahead(
    client: Client,
    *,
    stages: tuple[timedelta, ...] = (days(120), days(90), days(60), days(30)),
    early: timedelta = days(14),
) -> Findings:
    """The term's end is coming, and a step towards the renewal is due.

    A renewal that is talked about in the last week is a plea. The steps are worked back from the term's end, and each is a
    next step of its own, about its stage (`90-days`). A talk about the renewal (`engaged` with the purpose `renewal`)
    settles the stages that lie before it, and those that it comes a little early for. A stage that lay in the past when
    the term was signed (the `at` of the `renewed`) is left out.

    Source: article 004 (contracts do expire).

    Settings:
        stages: how long before the term's end a step is due.
        early: how much earlier a talk settles a stage, too.

    Fires:
        2026-01-05 renewed term_end=2026-12-31
        2026-08-20 engaged purpose=renewal
        at 2026-09-02: nothing
        at 2026-10-02: act by 2026-10-02

    Silent:
        2026-01-05 renewed term_end=2026-12-31
        2026-08-20 engaged purpose=renewal
        2026-09-20 engaged purpose=renewal
        at 2026-10-31: nothing
    """
    term = client.term
    if term is None:
        return
    talk = client.latest(renewal_talk)
    for place, stage in enumerate(sorted(set(stages), reverse=True)):
        due = term.end - stage
        if due >= term.event.at and (talk is None or talk.at < due - early):
            step = STEPS[min(place, len(STEPS) - 1)]
            yield Action(step, due=due, because=term.event, about=duration_text(stage).replace(" ", "-"))


@rule(pack=("love-engage-help", "stick-around"), dimension="commercial")
def unproven_value(client: Client, *, ahead: timedelta = days(90), window: timedelta = days(180)) -> Findings:
    """The renewal is coming, and nobody has shown the client what they got.

    Whoever has seen the value does not talk about the price. A review (`engaged` with the purpose `value_review`) is due
    some time ahead of the term's end, in a short term in its middle. A term starts at its `term_start` or, where that is
    not known, when it was signed. A review that was held before it was due puts it off for as long as it counts; if that
    is until the term's end, none is due. It is a next step, never a concern.

    Source: article 002 (value rather than price).

    Settings:
        ahead: how long before the term's end the value is to be shown.
        window: how long a review counts.

    Fires:
        2026-01-05 renewed term_end=2026-12-31
        2026-02-02 engaged purpose=value_review
        at 2026-10-01: nothing
        at 2026-10-02: act by 2026-10-02

    Silent:
        2026-01-05 renewed term_end=2026-12-31
        2026-07-20 engaged purpose=value_review
        at 2026-12-30: nothing
    """
    term = client.term
    if term is None:
        return
    latest = client.latest(value_shown)
    start = term.start or term.event.at
    due = max(term.end - ahead, start + (term.end - start) / 2)
    if latest is not None:
        due = max(due, latest.at + window)
    if due < term.end:
        yield Action("Show the client what they got in this term.", due=due, because=[term.event, latest])
