"""The rules on complaints, renewal, competition, value and helping, read naively from their docstrings; see `naive`."""

from naive import (
    DAY,
    Fact,
    Story,
    Verdicts,
    by_name,
    is_beyond,
    is_contact,
    is_introduction,
    is_referral,
    kind,
    moment,
    name_of,
    named,
    purpose,
)


def is_service(fact: Fact) -> bool:
    return purpose("delivery", "invoice")(fact)


def settlements(story: Story, complaint: Fact) -> list[Fact]:
    """What settled a complaint, in order."""
    return story.all(lambda fact: named(fact, "complaint", complaint) or named(fact, "resolves", complaint))


def threatened_departure(story: Story) -> Verdicts:
    levels, tasks = set(), set()
    for complaint in story.all(kind("complained"), lambda fact: fact.get("threatens_to_leave") is True):
        if not settlements(story, complaint) and not story.all(
            kind("renewed"), lambda it, c=complaint: story.follows(c, it)
        ):
            levels.add(("critical", name_of(complaint)))
            tasks.add((name_of(complaint), complaint["at"] + DAY))
    return levels, tasks


def unmended_complaint(story: Story) -> Verdicts:
    refinements = story.all(purpose("refinement"))
    latest = refinements[-1] if refinements else None
    settled_at = [
        max(complaint["at"], settlements(story, complaint)[0]["at"])
        for complaint in story.all(kind("complained"), lambda fact: story.follows(latest, fact))
        if settlements(story, complaint)
    ]
    return set(), {(None, min(settled_at) + 30 * DAY)} if settled_at else set()


def term_that_ends_last(story: Story) -> Fact | None:
    terms = story.all(kind("renewed"), lambda fact: fact.get("term_end") is not None)
    return [fact for fact in terms if moment(fact["term_end"]) == story.term_end][-1] if terms else None


def renewal_ahead(story: Story) -> Verdicts:
    term = term_that_ends_last(story)
    if term is None:
        return set(), set()
    tasks = set()
    for stage in (120, 90, 60, 30):
        due = moment(term["term_end"]) - stage * DAY
        settled = story.all(purpose("renewal"), lambda fact, due=due: fact["at"] + 14 * DAY >= due)
        if due >= term["at"] and not settled:
            tasks.add((f"{stage}-days", due))
    return set(), tasks


def unproven_value(story: Story) -> Verdicts:
    term = term_that_ends_last(story)
    if term is None:
        return set(), set()
    end = moment(term["term_end"])
    start = moment(term["term_start"]) if term.get("term_start") else term["at"]
    due = max(end - 90 * DAY, start + (end - start) / 2)
    if reviews := story.all(purpose("value_review")):
        due = max(due, reviews[-1]["at"] + 180 * DAY)
    return set(), {(None, due)} if due < end else set()


def competitor_mentioned(story: Story) -> Verdicts:
    talks = story.all(purpose("review", "value_review", "advice"))
    latest = talks[-1] if talks else None
    named_since = story.all(lambda fact: bool(fact.get("competitor")), lambda fact: story.follows(latest, fact))
    return set(), {(None, named_since[0]["at"] + 14 * DAY)} if named_since else set()


def contested_price(story: Story) -> Verdicts:
    shown = story.all(purpose("value_review"))
    unanswered = story.all(
        lambda fact: fact["kind"] == "complained" and (fact.get("topic") or "").lower() == "price",
        lambda fact: all(fact["at"] - review["at"] >= 180 * DAY for review in shown),
    )
    if not unanswered:
        return set(), set()
    first = unanswered[-1]
    for earlier in reversed(unanswered):
        if first["at"] - earlier["at"] < 180 * DAY:
            first = earlier
        else:
            break
    level = "watch" if story.age(first["at"]) < 14 * DAY else "at-risk"
    remembered = story.age(unanswered[-1]["at"]) < 180 * DAY
    return {(level, None)} if remembered else set(), {(None, first["at"] + 14 * DAY)}


def unreviewed_solution(story: Story) -> Verdicts:
    served = story.all(lambda fact: fact["kind"] == "renewed" or is_service(fact))
    if not served:
        return set(), set()
    reviews = story.all(purpose("review"), lambda fact: story.follows(served[0], fact))
    return set(), {(None, [*served[:1], *reviews][-1]["at"] + 180 * DAY)}


def fading_extras(story: Story) -> Verdicts:
    assert story.since is not None
    complete = story.age(story.since) // (90 * DAY)
    quarters = []
    for quarter in range(complete - 3, complete):
        starts = story.since + quarter * 90 * DAY
        counted = story.all(lambda fact: is_contact(fact) or is_service(fact))
        quarters.append([fact for fact in counted if starts <= fact["at"] < starts + 90 * DAY])
    if not all(quarters) or len(quarters[2]) < len(quarters[0]):
        return set(), set()
    first, second, third = (sum(map(is_beyond, quarter)) / len(quarter) for quarter in quarters)
    return {("watch", None)} if first > second > third else set(), set()


def supplier_not_advisor(story: Story) -> Verdicts:
    advice = story.all(purpose("advice", "idea", "review"))
    latest = advice[-1] if advice else None
    services = story.all(is_service, lambda fact: story.follows(latest, fact))
    return set(), {(None, services[3]["at"] + 14 * DAY)} if len(services) >= 4 else set()


def one_kind_of_help(story: Story) -> Verdicts:
    roles = ["helper", "prospect", "supplier"]
    brought = {role: story.all(lambda fact, role=role: role_of(fact) == role) for role in roles}
    ever = story.all(lambda fact: role_of(fact) in roles)
    if not ever:
        return set(), set()
    never = [role for role in roles if not brought[role]]
    missing = never[0] if never else min(roles, key=lambda role: brought[role][-1]["at"])
    since = ever[0]["at"] if never else brought[missing][-1]["at"]
    return set(), {(missing, since + 365 * DAY)}


def role_of(fact: Fact) -> str | None:
    """What those whom we brought are to the client."""
    if is_introduction(fact):
        return fact.get("role")
    return "prospect" if is_referral(fact) else None


def misjudged_help(story: Story) -> Verdicts:
    useless: list[Fact] = []
    for fact in story.facts:
        helped = is_introduction(fact) or is_referral(fact)
        if asks(fact) or (helped and fact.get("outcome") == "useful"):
            useless = []
        elif helped and fact.get("outcome") == "not_useful":
            useless.append(fact)
    return set(), {(None, useless[2]["at"] + 14 * DAY)} if len(useless) >= 3 else set()


def asks(fact: Fact) -> bool:
    return purpose("feedback")(fact) or bool(fact.get("asked")) or bool(fact.get("answers"))


def nothing_shared(story: Story) -> Verdicts:
    due = story.base(purpose("resource", "invitation", "idea", "advice")) + 60 * DAY
    newsletters = story.all(purpose("newsletter"))
    return set(), {(None, max(due, newsletters[-1]["at"] + 30 * DAY) if newsletters else due)}


RULES = by_name(
    threatened_departure,
    unmended_complaint,
    renewal_ahead,
    unproven_value,
    competitor_mentioned,
    contested_price,
    unreviewed_solution,
    fading_extras,
    supplier_not_advisor,
    one_kind_of_help,
    misjudged_help,
    nothing_shared,
)
