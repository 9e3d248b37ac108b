"""The rules on contact, meetings, foresight and ownership, read naively from their docstrings; see `naive`."""

from collections.abc import Callable
from datetime import datetime, timedelta

from naive import DAY, Fact, Story, Verdicts, by_name, is_contact, is_introduction, is_referral, kind, purpose

NOTHING: Verdicts = (set(), set())


def is_ours(fact: Fact) -> bool:
    if fact["kind"] == "engaged":
        return is_contact(fact) and fact.get("direction", "two_way") != "inbound"
    return is_introduction(fact) or is_referral(fact)


def depth(fact: Fact) -> str | None:
    return fact.get("depth", "routine") if fact["kind"] == "engaged" else None


def channel(fact: Fact) -> str:
    return (fact.get("channel") or "").lower()


def noted(story: Story, field: str) -> Fact | None:
    """The first of the latest `profiled` events in a row that give the field one and the same value."""
    said = story.all(kind("profiled"), lambda fact: fact.get(field) is not None)
    others = [fact for fact in said if fact[field] != said[-1][field]]
    same = [fact for fact in said if not others or story.follows(others[-1], fact)]
    return same[0] if same else None


def rhythm(story: Story) -> timedelta:
    return DAY * (story.profile("cadence_days") or (30 if story.is_key else 90))


def last(facts: list[Fact]) -> Fact | None:
    return facts[-1] if facts else None


# Contact and meetings.


def off_channel(story: Story) -> Verdicts:
    said = noted(story, "channel")
    if said is None or not said["channel"]:
        return NOTHING
    named = story.all(kind("engaged"), is_ours, lambda fact: story.follows(said, fact) and channel(fact) != "")
    right = last([fact for fact in named if channel(fact) == said["channel"].lower()])
    wrong = [fact for fact in named if story.follows(right, fact)]
    return set(), {(None, wrong[2]["at"] + 14 * DAY)} if len(wrong) >= 3 else set()


def token_contact(story: Story) -> Verdicts:
    better = last(story.all(is_contact, lambda fact: depth(fact) != "token"))
    tokens = story.all(is_contact, lambda fact: depth(fact) == "token" and story.follows(better, fact))
    if len(tokens) < 3:
        return NOTHING
    return {("watch", None)}, {(None, tokens[2]["at"] + 14 * DAY)}


def shallow_contact(story: Story) -> Verdicts:
    every = DAY * (60 if story.is_key else 180)
    return set(), {(None, story.base(lambda fact: is_contact(fact) and depth(fact) == "meaningful") + every)}


def nothing_learned(story: Story) -> Verdicts:
    learned = story.base(lambda fact: fact["kind"] == "engaged" and (fact.get("learned") or "").strip() != "")
    return set(), {(None, learned + 90 * DAY)}


def no_wow(story: Story) -> Verdicts:
    wow = last(story.all(kind("engaged"), lambda fact: fact.get("exceeded") is True))
    met = story.all(kind("engaged"), is_contact, lambda fact: channel(fact) in {"meeting", "visit"})
    plain = [fact for fact in met if story.follows(wow, fact)]
    return set(), {(None, plain[1]["at"] + 30 * DAY)} if len(plain) >= 2 else set()


# Foresight.


def complaints_before(story: Story, fact: Fact, window: timedelta) -> list[Fact]:
    before = [complaint for complaint in story.all(kind("complained")) if story.follows(complaint, fact)]
    return [complaint for complaint in before if fact["at"] - complaint["at"] < window]


def reactive_contact(story: Story) -> Verdicts:
    contacts = story.all(is_ours)
    reactive = [
        fact.get("reactive_to") is not None
        or fact.get("resolves") is not None
        or complaints_before(story, fact, 14 * DAY) != []
        for fact in contacts
    ]

    def mostly(count: int) -> bool:
        return count >= 4 and sum(reactive[count - 4 : count]) > 2

    everything = len(contacts)
    levels = set()
    if mostly(everything) and story.age(contacts[-1]["at"]) < 180 * DAY:
        levels.add(("watch", None))
    row = [
        fact
        for place, fact in enumerate(contacts)
        if all(reactive[later] and mostly(later + 1) for later in range(place, everything))
    ]
    return levels, {(None, row[0]["at"] + 14 * DAY)} if row else set()


def circled_wagons(story: Story) -> Verdicts:
    found: Verdicts = NOTHING
    for complaint in story.all(kind("complained")):
        before = story.all(is_ours, lambda fact, complaint=complaint: story.follows(fact, complaint))
        after = story.all(is_ours, lambda fact, complaint=complaint: story.follows(complaint, fact))
        silent_from = before[-1]["at"] if before else story.since
        crowd = [fact for fact in after if fact["at"] - complaint["at"] < 14 * DAY]
        if complaint["at"] - silent_from >= 60 * DAY and len(crowd) >= 3:
            levels = {("watch", None)} if story.age(complaint["at"]) < 180 * DAY else set()
            found = levels, {(None, crowd[2]["at"] + 30 * DAY)} if crowd == after else set()
    return found


def late_thanks(story: Story) -> Verdicts:
    thanks = story.all(purpose("appreciation"))
    trouble = complaints_before(story, thanks[-1], 14 * DAY) if thanks else []
    if not trouble:
        return NOTHING
    before = [fact for fact in thanks if story.follows(fact, trouble[0])]
    if before and trouble[0]["at"] - before[-1]["at"] < 180 * DAY:
        return NOTHING
    return set(), {(None, thanks[len(before)]["at"] + 30 * DAY)}


def passed_along(story: Story) -> Verdicts:
    complaint, owner = last(story.all(kind("complained"))), story.profile("owner")
    if complaint is None or not owner:
        return NOTHING
    known = {owner, *(fact.get("by") for fact in story.facts if not story.follows(complaint, fact))}
    since = story.all(is_contact, lambda fact: story.follows(complaint, fact) and bool(fact.get("by")))
    strangers = [fact for fact in since if fact["by"] not in known and fact["at"] - complaint["at"] < 30 * DAY]
    if not strangers or any(fact["by"] == owner for fact in since):
        return NOTHING
    return set(), {(None, strangers[0]["at"] + 7 * DAY)}


def bursty_contact(story: Story) -> Verdicts:
    contacts = story.all(is_contact)
    silences = [
        place for place in range(1, len(contacts))
        if contacts[place]["at"] - contacts[place - 1]["at"] > 2 * rhythm(story)
    ]  # fmt: skip
    if not silences or story.age(contacts[silences[-1] - 1]["at"]) >= 365 * DAY:
        return NOTHING
    from_its_start = contacts[silences[-1] - 1 :]
    bursts = len(from_its_start) >= max(2, 365 * DAY // rhythm(story))
    return ({("watch", None)} if bursts else set()), set()


# Ownership.


def unowned_client(story: Story) -> Verdicts:
    assert story.since is not None
    return set(), set() if story.profile("owner") else {(None, story.since + 14 * DAY)}


def absent_owner(story: Story) -> Verdicts:
    appointed = noted(story, "owner")
    contacts = story.all(is_contact, lambda fact: bool(fact.get("by")))
    if appointed is None or not appointed["owner"] or not contacts:
        return NOTHING
    by_owner = [fact["at"] for fact in contacts if fact["by"] == appointed["owner"]]
    return set(), {(None, max([appointed["at"], *by_owner]) + 2 * rhythm(story))}


def unplanned_client(story: Story) -> Verdicts:
    assert story.since is not None
    planned = story.profile("plan") or story.profile("cadence_days") or story.profile("stage") == "prospect"
    return set(), set() if planned else {(None, story.since + 30 * DAY)}


def single_thread(story: Story) -> Verdicts:
    levels: set[tuple[str, str | None]] = set()
    tasks: set[tuple[str | None, datetime]] = set()
    sides: list[tuple[str, Callable[[Fact], set[str]]]] = [
        ("them", lambda fact: set(fact.get("with") or ())),
        ("us", lambda fact: {fact["by"]} if fact.get("by") else set()),
    ]
    for side, named in sides:
        contacts = story.all(is_contact, lambda fact, named=named: named(fact) != set())
        the_one = named(contacts[-1]) if contacts else set()
        others = [fact for fact in contacts if named(fact) - the_one or len(named(fact)) > 1]
        row = [fact for fact in contacts if story.follows(last(others), fact)]
        if len(row) < 3:
            continue
        due = max((others or row)[-1 if others else 0]["at"] + 180 * DAY, row[2]["at"])
        tasks.add((side, due))
        if side == "them" and story.now >= due:
            levels.add(("watch", side))
    return levels, tasks


def unproven_prospect(story: Story) -> Verdicts:
    contacts = story.all(is_contact)
    if story.profile("stage") != "prospect" or story.all(kind("renewed")) or len(contacts) <= 8:
        return NOTHING
    assert story.since is not None
    return set(), {(None, max(story.since + 60 * DAY, contacts[8]["at"]))}


RULES = by_name(
    off_channel,
    token_contact,
    shallow_contact,
    nothing_learned,
    no_wow,
    reactive_contact,
    circled_wagons,
    late_thanks,
    passed_along,
    bursty_contact,
    unowned_client,
    absent_owner,
    unplanned_client,
    single_thread,
    unproven_prospect,
)
"""Fifteen rules about the people on both sides."""
