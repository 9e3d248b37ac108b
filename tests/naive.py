"""The contract's words, rules and health read naively: one instant at a time, by comparing ages, without intervals.

A second implementation, written from the contract alone, that knows nothing of the package; the tests compare the two.
Events are plain dictionaries as a log's lines hold them; `answers` says what is so at one instant.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

DAY = timedelta(days=1)
NOT_THE_RELATIONSHIP = {"retracted", "action_done", "action_snoozed", "action_dismissed"}
LEVELS = ["healthy", "unknown", "watch", "at-risk", "critical", "left"]

Fact = dict[str, Any]
Concern = tuple[str, str, str | None]
"""Rule, level and subject."""
Task = tuple[str, str | None, datetime]
"""Rule, subject and due instant."""


class Answer(NamedTuple):
    """What is so of one client at an instant."""

    status: str
    concerns: set[Concern]
    tasks: set[Task]


def moment(text: str) -> datetime:
    """An instant of a log; a bare date is that day's midnight in UTC."""
    read = datetime.fromisoformat(text)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def number(value: float | str) -> Decimal:
    """A number of a log, as it is written."""
    return Decimal(str(value))


class Story:
    """One client's facts that count at the instant `now`, in order."""

    def __init__(self, facts: list[Fact], now: datetime) -> None:
        self.facts = facts
        self.now = now
        started = [fact for fact in facts if fact["kind"] not in NOT_THE_RELATIONSHIP]
        self.since: datetime | None = started[0]["at"] if started else None

    def all(self, *tests: Callable[[Fact], bool]) -> list[Fact]:
        return [fact for fact in self.facts if all(test(fact) for test in tests)]

    def base(self, test: Callable[[Fact], bool]) -> datetime:
        matching = self.all(test)
        if matching:
            return matching[-1]["at"]
        assert self.since is not None
        return self.since

    def follows(self, earlier: Fact | None, fact: Fact) -> bool:
        return earlier is None or self.facts.index(fact) > self.facts.index(earlier)

    def age(self, then: datetime) -> timedelta:
        return self.now - then

    def profile(self, field: str) -> Any:
        said = [fact[field] for fact in self.facts if fact["kind"] == "profiled" and fact.get(field) is not None]
        return said[-1] if said else None

    @property
    def is_key(self) -> bool:
        return self.profile("tier") == "key"

    @property
    def term_end(self) -> datetime | None:
        ends = [moment(fact["term_end"]) for fact in self.facts if fact["kind"] == "renewed" and fact.get("term_end")]
        return max(ends) if ends else None


def kind(name: str) -> Callable[[Fact], bool]:
    return lambda fact: fact["kind"] == name


def purpose(*names: str) -> Callable[[Fact], bool]:
    return lambda fact: fact["kind"] == "engaged" and fact.get("purpose", "general") in names


def is_contact(fact: Fact) -> bool:
    if fact["kind"] == "engaged":
        return fact.get("purpose", "general") not in {"delivery", "invoice"}
    return fact["kind"] in {"introduced", "referred"}


def is_heard(fact: Fact) -> bool:
    if fact["kind"] == "engaged":
        return is_contact(fact) and fact.get("direction", "two_way") in {"inbound", "two_way"}
    return fact["kind"] == "complained" or (fact["kind"] == "referred" and fact["direction"] == "received")


def is_beyond(fact: Fact) -> bool:
    if fact["kind"] == "engaged":
        more = {"resource", "invitation", "newsletter", "idea", "advice", "appreciation"}
        return fact.get("purpose", "general") in more or fact.get("exceeded") is True
    return is_introduction(fact) or is_referral(fact)


def is_introduction(fact: Fact) -> bool:
    return fact["kind"] == "introduced" and fact.get("initiated_by", "us") == "us"


def is_referral(fact: Fact) -> bool:
    return fact["kind"] == "referred" and fact["direction"] == "given"


def name_of(fact: Fact) -> str:
    return fact.get("id") or f"#{fact['position']}"


Verdicts = tuple[set[tuple[str, str | None]], set[tuple[str | None, datetime]]]
"""Levels with their subjects, and subjects with the instants at which something is due."""


def quiet_client(story: Story) -> Verdicts:
    every = DAY * (story.profile("cadence_days") or (30 if story.is_key else 90))
    grace = DAY * (0 if story.is_key else 30)
    quiet_for = story.age(story.base(is_contact))
    levels = set()
    if quiet_for >= every + grace:
        levels.add(("at-risk", None))
    elif quiet_for >= every:
        levels.add(("watch", None))
    return levels, {(None, story.base(is_contact) + every)}


def unheard_client(story: Story) -> Verdicts:
    heard = story.all(is_heard)
    unknown = not heard or story.age(heard[-1]["at"]) >= 90 * DAY
    return ({("unknown", None)} if unknown else set()), set()


def one_way_contact(story: Story) -> Verdicts:
    heard = story.all(is_heard)
    latest_heard = heard[-1] if heard else None
    one_way = story.all(
        kind("engaged"),
        is_contact,
        lambda fact: fact.get("direction", "two_way") == "outbound",
        lambda fact: story.follows(latest_heard, fact),
    )
    if len(one_way) < 3:
        return set(), set()
    return {("watch", None)}, {(None, one_way[-1]["at"] + 14 * DAY)}


def handoff_gap(story: Story) -> Verdicts:
    renewals = story.all(kind("renewed"))
    if not renewals or story.all(is_contact, lambda fact: story.follows(renewals[0], fact)):
        return set(), set()
    signed = renewals[0]["at"]
    return ({("watch", None)} if story.age(signed) >= 14 * DAY else set()), {(None, signed + 14 * DAY)}


def complacent_service(story: Story) -> Verdicts:
    more = story.all(is_beyond)
    latest = more[-1] if more else None
    services = story.all(purpose("delivery", "invoice"), lambda fact: story.follows(latest, fact))
    if not services:
        return set(), set()
    due = max(story.base(is_beyond) + 90 * DAY, services[0]["at"])
    return ({("watch", None)} if story.now >= due else set()), {(None, due)}


def no_introduction(story: Story) -> Verdicts:
    return set(), {(None, story.base(is_introduction) + 180 * DAY)}


def no_referral_given(story: Story) -> Verdicts:
    return set(), {(None, story.base(is_referral) + 180 * DAY)}


def unthanked_client(story: Story) -> Verdicts:
    return set(), {(None, story.base(purpose("appreciation")) + 90 * DAY)}


def open_complaint(story: Story) -> Verdicts:
    patience = DAY * (1 if story.is_key else 7)
    levels, tasks = set(), set()
    for complaint in story.all(kind("complained")):
        resolved = [fact for fact in story.facts if fact["kind"] == "resolved" and named(fact, "complaint", complaint)]
        settled = [fact for fact in story.facts if fact["kind"] == "engaged" and named(fact, "resolves", complaint)]
        if resolved or settled:
            continue
        level = "watch"
        if story.age(complaint["at"]) >= patience:
            level = "critical" if complaint.get("severity") == "critical" else "at-risk"
        levels.add((level, name_of(complaint)))
        tasks.add((name_of(complaint), complaint["at"] + patience))
    return levels, tasks


def named(fact: Fact, field: str, other: Fact) -> bool:
    return other.get("id") is not None and fact.get(field) == other["id"]


def repeated_complaints(story: Story) -> Verdicts:
    recent = story.all(kind("complained"))[-3:]
    too_many = len(recent) == 3 and story.age(recent[0]["at"]) < 90 * DAY
    return ({("at-risk", None)} if too_many else set()), set()


def silent_renewal(story: Story) -> Verdicts:
    end = story.term_end
    if end is None or story.now >= end:
        return set(), set()
    near = end - story.now <= 60 * DAY
    quiet = story.age(story.base(is_contact)) >= 30 * DAY
    return ({("at-risk", None)} if near and quiet else set()), set()


def lapsed_term(story: Story) -> Verdicts:
    end = story.term_end
    if end is None or story.now < end:
        return set(), set()
    return {("critical" if story.age(end) < 30 * DAY else "left", None)}, set()


def departed_client(story: Story) -> Verdicts:
    leavings = story.all(kind("left"))
    if not leavings:
        return set(), set()
    back = story.all(
        lambda fact: fact["kind"] == "renewed" or is_contact(fact), lambda fact: story.follows(leavings[-1], fact)
    )
    return (set() if back else {("left", None)}), set()


def unagreed_expectations(story: Story) -> Verdicts:
    agreed = story.all(purpose("expectations"))
    assert story.since is not None
    due = agreed[-1]["at"] + 365 * DAY if agreed else story.since + 30 * DAY
    return ({("watch", None)} if story.now >= due else set()), {(None, due)}


def unwilling_to_refer(story: Story) -> Verdicts:
    answered = story.all(kind("engaged"), lambda fact: "refer" in (fact.get("answers") or {}))
    unwilling = (
        answered
        and answered[-1]["answers"]["refer"].lower() == "no"
        and story.age(answered[-1]["at"]) < 180 * DAY
    )  # fmt: skip
    return ({("at-risk", None)} if unwilling else set()), set()


def missed_measure(story: Story) -> Verdicts:
    levels: set[tuple[str, str | None]] = set()
    for measure in {fact["measure"] for fact in story.all(kind("measured"))}:
        values = story.all(kind("measured"), lambda fact, measure=measure: fact["measure"] == measure)[-2:]
        if len(values) == 2 and all(number(fact["value"]) < number(fact["target"]) for fact in values):
            levels.add(("at-risk", measure))
    return levels, set()


Reading = Callable[[Story], Verdicts]
"""One rule: the levels in force now, by subject, and the actions' subjects with the instants at which they are due."""


def by_name(*readings: Reading) -> dict[str, Reading]:
    """Rules by the names that the package gives them."""
    return {reading.__name__.replace("_", "-"): reading for reading in readings}


RULES = by_name(
    quiet_client,
    unheard_client,
    one_way_contact,
    handoff_gap,
    complacent_service,
    no_introduction,
    no_referral_given,
    unthanked_client,
    open_complaint,
    repeated_complaints,
    silent_renewal,
    lapsed_term,
    departed_client,
    unagreed_expectations,
    unwilling_to_refer,
    missed_measure,
)
"""The sixteen rules of the contract."""


def counted_once(log: Iterable[Mapping[str, Any]]) -> list[Fact]:
    """The lines as facts with their positions; a line that repeats an event only moves up when it was recorded."""
    facts: list[Fact] = []
    by_name: dict[tuple[str, str], Fact] = {}
    for position, line in enumerate(log, start=1):
        recorded_at = moment(line.get("recorded_at") or line["at"])
        fact = {**line, "position": position, "at": moment(line["at"]), "recorded_at": recorded_at}
        same = by_name.get((fact["client"], fact["id"])) if "id" in fact else None
        if same is not None:
            same["recorded_at"] = min(same["recorded_at"], recorded_at)
            continue
        facts.append(fact)
        if "id" in fact:
            by_name[fact["client"], fact["id"]] = fact
    return facts


def story_of(facts: list[Fact], now: datetime, known_at: datetime | None) -> Story:
    """What counts of one client's facts at an instant, as far as it was known."""
    known = [fact for fact in facts if known_at is None or fact["recorded_at"] <= known_at]
    gone = {fact["event"] for fact in known if fact["kind"] == "retracted"}
    counting = [fact for fact in known if fact["kind"] != "retracted" and fact.get("id") not in gone]
    seen = [fact for fact in counting if fact["at"] <= now]
    return Story(sorted(seen, key=lambda fact: (fact["at"], fact["position"])), now)


def is_hidden(story: Story, action: str | None) -> bool:
    """Whether somebody has done, dismissed or put off an action."""
    said = [fact for fact in story.facts if action is not None and fact.get("action") == action]
    if any(fact["kind"] in {"action_done", "action_dismissed"} for fact in said):
        return True
    snoozed = [fact for fact in said if fact["kind"] == "action_snoozed"]
    return bool(snoozed) and story.now < moment(snoozed[-1]["until"])


def verdict_of_a_person(story: Story) -> str | None:
    judged = story.all(kind("judged"))
    if not judged:
        return None
    latest = judged[-1]
    return None if latest.get("until") and story.now >= moment(latest["until"]) else latest["level"]


def answers(
    log: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    known_at: datetime | None = None,
    rules: Mapping[str, Reading] = RULES,
    ahead: timedelta = 7 * DAY,
    ids: Mapping[tuple[str, str, str | None], str] | None = None,
) -> dict[str, Answer]:
    """What is so of every client of a log at an instant, by client.

    `ids` names the actions by client, rule and subject: the contract leaves to the engine how it writes an action's id.
    """
    by_client: dict[str, list[Fact]] = {}
    for fact in counted_once(log):
        by_client.setdefault(fact["client"], []).append(fact)
    stories = {client: story_of(facts, now, known_at) for client, facts in by_client.items()}
    return {
        client: answer(story, client, rules, ahead, ids or {})
        for client, story in stories.items()
        if story.since is not None
    }


def answer(
    story: Story,
    client: str,
    rules: Mapping[str, Reading],
    ahead: timedelta,
    ids: Mapping[tuple[str, str, str | None], str],
) -> Answer:
    concerns: set[Concern] = set()
    tasks: set[Task] = set()
    for rule, reading in rules.items():
        levels, due = reading(story)
        concerns |= {(rule, level, about) for level, about in levels}
        tasks |= {(rule, about, when) for about, when in due if when <= story.now + ahead}
    worst = max([LEVELS.index(level) for _, level, _ in concerns], default=0)
    status = verdict_of_a_person(story) or LEVELS[worst]
    tasks = {task for task in tasks if not is_hidden(story, ids.get((client, task[0], task[1])))}
    if status == "left":
        concerns = {concern for concern in concerns if concern[1] == "left"}
        tasks = set()
    return Answer(status, concerns, tasks)
