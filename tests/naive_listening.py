"""The rules on listening, expectations and transparency, read naively from their docstrings; see `naive`."""

from collections.abc import Callable
from datetime import datetime, timedelta

from naive import DAY, Fact, Story, Verdicts, by_name, is_heard, kind, purpose

SILENT: Verdicts = (set(), set())


def just_due(when: datetime, about: str | None = None) -> Verdicts:
    """A next step that is no concern."""
    return set(), {(about, when)}


def watched(story: Story, when: datetime) -> Verdicts:
    """A next step that is a concern, too, from when it is due."""
    return ({("watch", None)} if story.now >= when else set()), {(None, when)}


def since(story: Story) -> datetime:
    assert story.since is not None
    return story.since


def unasked_question(story: Story) -> Verdicts:
    asked = {question: story.all(asks(question)) for question in ("how", "start", "stop", "refer", "quote")}
    latest = {question: facts[-1]["at"] if facts else since(story) for question, facts in asked.items()}
    longest_ago = min(latest.values())
    question = next(question for question, at in latest.items() if at == longest_ago)
    pauses = [facts[-1]["at"] + 30 * DAY for facts in asked.values() if facts]
    return just_due(max([longest_ago + 180 * DAY, *pauses]), question)


def asks(*questions: str) -> Callable[[Fact], bool]:
    return lambda fact: any(
        question in (fact.get("asked") or ()) or question in (fact.get("answers") or {}) for question in questions
    )


def only_praise(story: Story) -> Verdicts:
    criticism = story.all(criticises)
    praise = story.all(
        lambda fact: purpose("feedback")(fact) or bool(fact.get("asked")) or bool(fact.get("answers")),
        lambda fact: not criticism or story.follows(criticism[-1], fact),
    )
    if not praise:
        return SILENT
    due = praise[0]["at"] + 365 * DAY
    for again in story.all(asks("start", "stop"), lambda fact: story.follows(praise[0], fact)):
        if again["at"] >= due:
            due = again["at"] + 365 * DAY
    return just_due(due)


def criticises(fact: Fact) -> bool:
    return fact["kind"] == "complained" or answers_critically(fact)


def answers_critically(fact: Fact) -> bool:
    answers = fact.get("answers") or {}
    wishes = [answers[question].lower().strip(" .") for question in ("start", "stop") if question in answers]
    return any(wish not in {"", "-", "no", "none", "nothing", "nothing at all"} for wish in wishes) or says(
        fact, "refer", "no"
    )


def says(fact: Fact, question: str, word: str) -> bool:
    return (fact.get("answers") or {}).get(question, "").lower().split(",")[0].strip(" .") == word


def unheeded_criticism(story: Story) -> Verdicts:
    better = story.all(purpose("refinement"))
    unheeded = story.all(
        answers_critically,
        lambda fact: not any(story.follows(fact, refinement) for refinement in better),
        lambda fact: fact not in better,
    )
    return watched(story, unheeded[0]["at"] + 30 * DAY) if unheeded else SILENT


def unclaimed_advocate(story: Story) -> Verdicts:
    answered = story.all(lambda fact: "refer" in (fact.get("answers") or {}))
    if not answered or not says(answered[-1], "refer", "yes"):
        return SILENT
    recommended = story.all(lambda fact: fact["kind"] == "referred" and fact["direction"] == "received")
    if any(story.follows(answered[-1], fact) for fact in recommended):
        return SILENT
    return just_due(answered[-1]["at"] + 60 * DAY)


def unquoted_praise(story: Story) -> Verdicts:
    answered = story.all(lambda fact: "quote" in (fact.get("answers") or {}))
    if not answered or not says(answered[-1], "quote", "yes"):
        return SILENT
    if any(story.follows(answered[-1], fact) for fact in story.all(purpose("testimonial"))):
        return SILENT
    return just_due(answered[-1]["at"] + 14 * DAY)


def one_sided_expectations(story: Story) -> Verdicts:
    waiting: list[Fact] = []
    for fact in story.all(purpose("expectations"), lambda fact: bool(fact.get("agreed_by"))):
        sides = {side for other in [*waiting, fact] for side in other["agreed_by"]}
        waiting = [*waiting, fact] if len(sides) == 1 else []
    return watched(story, waiting[0]["at"] + 30 * DAY) if waiting else SILENT


def shaken_expectations(story: Story) -> Verdicts:
    agreed = story.all(purpose("expectations"))
    shaken = story.all(
        lambda fact: fact["kind"] == "complained" and fact.get("severity") in {"major", "critical"},
        lambda fact: bool(agreed) and story.follows(agreed[-1], fact),
    )
    return just_due(shaken[0]["at"] + 30 * DAY) if shaken else SILENT


def recommended_blind(story: Story) -> Verdicts:
    blind = story.all(purpose("advice", "delivery"))
    if not blind or story.all(purpose("expectations")):
        return SILENT
    return just_due(blind[0]["at"] + 14 * DAY)


def opaque_work(story: Story) -> Verdicts:
    reports = story.all(purpose("report"))
    uncovered = story.all(purpose("delivery"), lambda fact: not any(story.follows(fact, report) for report in reports))
    if not uncovered:
        return SILENT
    return just_due(min([uncovered[0]["at"] + 30 * DAY, *(fact["at"] for fact in uncovered[2:])]))


def unchecked_delivery(story: Story) -> Verdicts:
    checks = story.all(lambda fact: purpose("feedback", "review")(fact) or asks("how")(fact))
    unchecked = story.all(
        purpose("delivery"), lambda fact: not asks("how")(fact) and not any(story.follows(fact, it) for it in checks)
    )
    return just_due(unchecked[0]["at"] + 14 * DAY) if unchecked else SILENT


def differing_views(story: Story) -> Verdicts:
    apart_since = None
    ours = theirs = None
    for fact in story.facts:
        ours, theirs = fact.get("our_view") or ours, fact.get("client_view") or theirs
        if ours is None or theirs is None or abs(ours - theirs) < 2:
            apart_since = None
        elif apart_since is None:
            apart_since = fact["at"]
    if apart_since is None:
        return SILENT
    return {("watch", None)}, {(None, apart_since + 14 * DAY)}


def unknown_view(story: Story) -> Verdicts:
    ours = story.all(lambda fact: fact.get("our_view") is not None)
    theirs = story.all(lambda fact: fact.get("client_view") is not None)
    if not ours:
        return SILENT
    return just_due(max([ours[0]["at"], *(fact["at"] for fact in theirs)]) + 60 * DAY)


def served_or_signed(fact: Fact) -> bool:
    return fact["kind"] == "renewed" or purpose("delivery", "invoice")(fact)


def unrefined_process(story: Story) -> Verdicts:
    started = story.all(served_or_signed)
    if not started:
        return SILENT
    return just_due(max([started[0]["at"], *(fact["at"] for fact in story.all(purpose("refinement")))]) + 90 * DAY)


def lapsed_checklist(story: Story) -> Verdicts:
    signed = story.all(kind("renewed"))
    if not signed:
        return SILENT
    items = {
        "expectations": purpose("expectations"),
        "open-lines": is_heard,
        "transparency": purpose("report", "review", "value_review"),
        "refinement": purpose("refinement"),
    }
    missing_for: dict[str, timedelta] = {}
    for item, shows in items.items():
        shown = story.all(shows)
        if not shown:
            return just_due(signed[0]["at"] + 180 * DAY, item)
        missing_for[item] = story.age(shown[-1]["at"])
    longest = max(missing_for.values())
    item = next(item for item, missing in missing_for.items() if missing == longest)
    return just_due(max(signed[0]["at"], story.now - longest) + 180 * DAY, item)


RULES = by_name(
    unasked_question,
    only_praise,
    unheeded_criticism,
    unclaimed_advocate,
    unquoted_praise,
    one_sided_expectations,
    shaken_expectations,
    recommended_blind,
    opaque_work,
    unchecked_delivery,
    differing_views,
    unknown_view,
    unrefined_process,
    lapsed_checklist,
)
