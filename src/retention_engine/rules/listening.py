"""Listening: what the client answered when we asked."""

from datetime import timedelta

from ..client import Client
from ..declare import Findings, rule
from ..events import Complained, Engaged, Event, Question, Referred
from ..findings import Action, Concern, Health
from ..moments import days
from ..words import asked_for_feedback, engaged_for

refined = engaged_for("refinement")
quoted = engaged_for("testimonial")

QUESTIONS: dict[Question, str] = {
    "how": "How do you find working with us?",
    "start": "Is there anything that we should do and don't?",
    "stop": "Is there anything that we do and should stop doing?",
    "refer": "Would you recommend us to your friends, and why, or why not?",
    "quote": "May we quote you in writing?",
}
"""What to ask, in the order in which to ask it."""

NOTHING = {"", "-", "no", "nothing", "none", "nothing at all"}
"""Answers to what we should do, or stop doing, that hold no criticism."""


@rule(pack="thirty-day-service", dimension="reputation")
def unwilling_to_refer(client: Client, *, memory: timedelta = days(180)) -> Findings:
    """The client would not recommend us.

    Whether they would recommend us is one of the five questions to ask. A no is the news worth asking for: it names what
    is to be improved, while there is time.

    Source: article 003 (the five questions).

    Settings:
        memory: how long the answer counts.

    Fires:
        2026-01-05 engaged answers.refer=no
        at 2026-07-03: at-risk

    Silent:
        2026-01-05 engaged answers.refer=no
        2026-03-02 engaged answers.refer="yes, gladly"
        at 2026-03-02: nothing
    """
    latest = client.latest(_answered_refer)
    if isinstance(latest, Engaged) and latest.answers["refer"].casefold() == "no":
        yield Concern(Health.AT_RISK, starts=latest.at, until=latest.at + memory, because=latest)


@rule(pack="thirty-day-service")
def unasked_question(client: Client, *, every: timedelta = days(180), pause: timedelta = days(30)) -> Findings:
    """One of the five questions has not been asked for a while.

    How are we doing, what should we do, what should we stop doing, would you recommend us, may we quote you: each is worth
    asking, and one at a time. The next step names the one that was asked longest ago (`asked` or `answers` of an
    `engaged`; one that was never asked counts from the first event), of several the first in that order. It waits a little
    after the latest that was asked, so that no meeting becomes an inquiry. It is never a concern.

    Source: article 003 (the five questions).

    Settings:
        every: how often each question is due.
        pause: how long after one question the next may come.

    Fires:
        2026-01-05 engaged
        2026-06-22 engaged asked=how
        at 2026-07-21: nothing
        at 2026-07-22: act by 2026-07-22

    Silent:
        2026-01-05 engaged
        2026-06-22 engaged asked=how,start,stop,refer,quote
        at 2026-12-18: nothing
    """
    latest: dict[str, Event] = {}
    for event in client.of(_asked):
        for question in {*event.asked, *event.answers} if isinstance(event, Engaged) else ():
            latest[question] = event
    base = {question: latest[question].at if question in latest else client.since for question in QUESTIONS}
    question = min(QUESTIONS, key=lambda name: base[name])
    due = base[question] + every
    if latest:
        due = max(due, max(event.at for event in latest.values()) + pause)
    yield Action(f"Ask: {QUESTIONS[question]}", due=due, because=latest.get(question), about=question)


@rule(pack="thirty-day-service")
def only_praise(client: Client, *, window: timedelta = days(365)) -> Findings:
    """We ask the client what they think, and hear nothing but praise.

    Praise is pleasant and teaches nothing. Where feedback is asked for, criticism is due once in a while: a complaint, an
    answer to what we should do or stop doing that is not `no`, `none` or `nothing`, a no to recommending us. Counted is from
    the first time that feedback was asked for (purpose `feedback`, `asked` or `answers`) after the latest criticism. Once
    it is due, asking what we should do or stop doing puts it off by another window. It is a next step, never a concern.

    Source: article 003 (looking for painful news).

    Settings:
        window: how long we may hear nothing but praise.

    Fires:
        2026-01-05 engaged purpose=feedback answers.how=Great answers.stop=Nothing
        at 2027-01-05: act by 2027-01-05

    Silent:
        2026-01-05 engaged purpose=feedback answers.how=Great answers.stop=Nothing
        2026-03-02 engaged answers.stop="The calls on Friday evening"
        at 2027-01-05: nothing
    """
    praised = next(iter(client.after(client.latest(_criticised), asked_for_feedback)), None)
    if praised is not None:
        for event in client.after(praised, _asked_for_criticism):
            if event.at >= praised.at + window:
                praised = event
        yield Action("Ask for the painful news.", due=praised.at + window, because=praised)


@rule(pack=("thirty-day-service", "stick-around"), dimension="service")
def unheeded_criticism(client: Client, *, within: timedelta = days(30)) -> Findings:
    """The client told us what to improve, and nothing was improved.

    To ask and then do nothing is worse than not to ask. Criticism is an answer to what we should do or stop doing that is
    not `no`, `none` or `nothing`, or a no to recommending us; complaints are a case of `open-complaint` and
    `unmended-complaint`. An `engaged` of the purpose `refinement` answers all that came before it; the first that came
    after the latest is what counts.

    Source: article 003 (answering painful news by getting better).

    Settings:
        within: how soon something is to be improved.

    Fires:
        2026-01-05 engaged answers.stop="The calls on Friday evening"
        at 2026-02-04: watch, act by 2026-02-04

    Silent:
        2026-01-05 engaged answers.stop="The calls on Friday evening"
        2026-01-19 engaged purpose=refinement note="No calls after noon on Friday"
        at 2026-02-04: nothing
    """
    unheeded = client.after(client.latest(refined), _answered_critically)
    if unheeded:
        due = unheeded[0].at + within
        yield Concern(Health.WATCH, starts=due, because=unheeded[0])
        yield Action("Change what they asked for, and tell them.", due=due, because=unheeded[0])


@rule(pack="thirty-day-service", dimension="reputation")
def unclaimed_advocate(client: Client, *, within: timedelta = days(60)) -> Findings:
    """The client would recommend us, and nobody has asked them to whom.

    A yes that is not taken up is forgotten. Looked at is the latest answer to whether they would recommend us: `yes`, alone
    or with more after a comma. A recommendation of theirs (`referred` with the direction `received`) after it answers it.

    Source: article 003 (the five questions).

    Settings:
        within: how soon after the yes we are to ask for a name.

    Fires:
        2026-01-05 engaged answers.refer=yes
        at 2026-03-06: act by 2026-03-06

    Silent:
        2026-01-05 engaged answers.refer=yes
        2026-02-02 referred direction=received prospect=Petra
        at 2026-03-06: nothing
    """
    latest = client.latest(_answered_refer)
    if isinstance(latest, Engaged) and _says(latest, "refer", "yes") and not client.after(latest, _recommended_us):
        yield Action("Ask to whom they would recommend us.", due=latest.at + within, because=latest)


@rule(pack="thirty-day-service", dimension="reputation")
def unquoted_praise(client: Client, *, within: timedelta = days(14)) -> Findings:
    """The client allowed us to quote them, and nobody has collected the quote.

    It is never as easy as in the week in which they said yes. Looked at is the latest answer to whether we may: `yes`,
    alone or with more after a comma. An `engaged` of the purpose `testimonial` after it answers it.

    Source: article 003 (praise in writing).

    Settings:
        within: how soon after the yes the quote is to be collected.

    Fires:
        2026-01-05 engaged answers.quote=yes
        at 2026-01-19: act by 2026-01-19

    Silent:
        2026-01-05 engaged answers.quote=yes
        2026-01-12 engaged purpose=testimonial
        at 2026-01-19: nothing
    """
    latest = client.latest(_answered_quote)
    if isinstance(latest, Engaged) and _says(latest, "quote", "yes") and not client.after(latest, quoted):
        yield Action("Collect the quote that they allowed.", due=latest.at + within, because=latest)


def _answered_refer(event: Event) -> bool:
    return isinstance(event, Engaged) and "refer" in event.answers


def _answered_quote(event: Event) -> bool:
    return isinstance(event, Engaged) and "quote" in event.answers


def _recommended_us(event: Event) -> bool:
    return isinstance(event, Referred) and event.direction == "received"


def _answered_critically(event: Event) -> bool:
    if not isinstance(event, Engaged):
        return False
    wishes = (event.answers[question] for question in ("start", "stop") if question in event.answers)
    return any(wish.strip(" .").casefold() not in NOTHING for wish in wishes) or _says(event, "refer", "no")


def _asked(event: Event) -> bool:
    return isinstance(event, Engaged) and bool(event.asked or event.answers)


def _asked_for_criticism(event: Event) -> bool:
    return isinstance(event, Engaged) and any(
        question in event.asked or question in event.answers for question in ("start", "stop")
    )


def _criticised(event: Event) -> bool:
    return isinstance(event, Complained) or _answered_critically(event)


def _says(event: Engaged, question: Question, word: str) -> bool:
    """Whether an answer is this word, or begins with it: `Yes, gladly`."""
    return (
        question in event.answers and event.answers[question].strip().casefold().partition(",")[0].strip(" .") == word
    )
