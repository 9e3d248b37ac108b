"""Rules about the whole book: what they say at an instant, against a naive reading of the same sentence."""

import random
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from given import events_of, no_clock
from retention_engine import (
    BOOK_RULES,
    Book,
    BookAssessment,
    BoundRule,
    Client,
    Concern,
    Engine,
    Event,
    Health,
    Histories,
    Settings,
    assess_book,
    contact,
    days,
    engaged_for,
    gather,
    instant,
)
from retention_engine.book_rules import MOST_NAMED
from retention_engine.formats.examples import read_example, what_is_said
from retention_engine.rules import PACKS
from strategies import JITTERS, MICROSECOND, START, Line, instants, maybe, one_of, variants, written

ENGINE = Engine(Settings().choose())
"""The rules that are on by default, which say how a single client is."""

RULES = {rule.name: rule for rule in BOOK_RULES}
CLOSE = {
    "uncalled-best-clients": {"best": 2, "every": days(60), "within": days(7)},
    "shaky-foundation": {"tiers": ("key", "gold")},
    "attention-drift": {"window": days(14), "tenure": days(30)},
    "unplanned-book": {"within": days(7), "limit": Decimal("0.5")},
    "unowned-book": {"within": days(7), "limit": Decimal("0.5")},
    "neglected-by-owner": {"limit": Decimal("0.4")},
}
"""Settings with which a book of a few clients and months meets every boundary."""


def bound(name: str) -> BoundRule:
    return BoundRule(RULES[name], values=CLOSE[name])


# Random books.

KINDS: dict[str, list[Line]] = {
    "engaged": variants(purpose=maybe("reintroduction", "reintroduction", "delivery")),
    "profiled": variants(
        tier=maybe("key", "gold"), owner=maybe("jo", "max"), stage=maybe("prospect", "client"), annual_value=maybe(5, 9)
    )
    + variants(plan=maybe("call"), cadence_days=maybe(14), owner=maybe("jo")),
    "complained": [{}],
    "renewed": variants(term_end=[days(20), days(40), days(90)], value=maybe(7)),
    "left": [{}],
    "judged": variants(level=["left", "healthy", "watch"], reason=["I know."], until=maybe(days(10), days(60))),
}
choices = {kind: one_of(fields) for kind, fields in KINDS.items()}
a_kind = one_of([*["engaged"] * 6, *["profiled"] * 5, "renewed", "renewed", "complained", "left", "judged"])
a_client = one_of(["ash", "birch", "cedar", "elm", "fir"])


@st.composite
def books(draw: st.DrawFn) -> list[Line]:
    """The lines of a log of a few clients; no line refers to another."""
    log = []
    for _ in range(draw(st.integers(1, 16))):
        kind, at = draw(a_kind), draw(instants)
        line = {"client": draw(a_client), "kind": kind, "at": written(at), "id": f"e{len(log)}", **draw(choices[kind])}
        for field in ("term_end", "until"):
            if field in line:
                line[field] = written(at + line[field])
        log.append(line)
    return log


@st.composite
def instants_of(draw: st.DrawFn, log: list[Line]) -> datetime:
    """An instant at which something that is counted from an event begins or ends, or one next to that."""
    line = draw(one_of(log))
    at = instant(line[draw(one_of([field for field in ("at", "at", "term_end", "until") if field in line]))])
    spans = [0, 0, 7, 14, 30, 60, 90, 120]
    return at + days(draw(one_of(spans))) + draw(one_of(JITTERS))


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Line], datetime, datetime]:
    """A log, the instant at which it is cut, and an instant from then on that is asked about."""
    log = draw(books())
    one, other = draw(instants_of(log)), draw(instants_of(log))
    return log, min(one, other), max(one, other)


def histories(log: Iterable[Line]) -> Histories:
    return gather(events_of(log))


def assessed(log: Iterable[Line], at: datetime, *rules: BoundRule) -> BookAssessment:
    return assess_book(Book.cut(histories(log), ENGINE, at=at), rules, at=at)


# The naive reading: the clients as they are cut, looked at one by one at the very instant.

Said = tuple[str | None, Health, str, list[str]]
"""About whom, how bad, in which words, and the clients named."""

reintroduced = engaged_for("reintroduction")


@attrs.frozen(slots=False)
class Moment:
    """A business at an instant: who is with us and has not been called a prospect."""

    known: list[Client]
    at: datetime

    def status(self, client: Client) -> Health:
        return self.statuses[client.id]

    @cached_property
    def statuses(self) -> dict[str, Health]:
        return {client.id: ENGINE.schedule(client).status(self.at) for client in self.known}

    @cached_property
    def there(self) -> list[Client]:
        return [client for client in self.known if self.status(client) is not Health.LEFT]

    @cached_property
    def clients(self) -> list[Client]:
        return [client for client in self.there if client.stage != "prospect"]

    def since_contact(self, client: Client) -> timedelta:
        return self.at - max([client.since, *(event.at for event in client.of(contact))])


def worth(client: Client) -> Decimal | None:
    if client.annual_value is not None:
        return client.annual_value
    return client.term.value if client.term else None


def by_worth(clients: Iterable[Client]) -> list[Client]:
    known = [client for client in clients if worth(client) is not None]
    unknown = sorted((client for client in clients if worth(client) is None), key=lambda it: (it.since, it.id))
    return [*sorted(known, key=lambda it: (-worth(it), it.since, it.id)), *unknown]


def ids(clients: Iterable[Client]) -> list[str]:
    return [client.id for client in clients]


def uncalled_best_clients(moment: Moment, *, best=10, every=days(365), within=None) -> Iterator[Said]:
    top = by_worth(client for client in moment.clients if worth(client) is not None)[:best]
    uncalled = [client for client in top if not any(it.at > moment.at - every for it in client.of(reintroduced))]
    if uncalled:
        said = f"{len(top) - len(uncalled)} of {len(top)} best clients called; next: {uncalled[0].id}."
        yield None, Health.WATCH, said, ids(uncalled)


def shaky_foundation(moment: Moment, *, tiers=("key",)) -> Iterator[Said]:
    important = [client for client in by_worth(moment.clients) if client.tier in tiers]
    blockers = sorted(
        (client for client in important if moment.status(client) is not Health.HEALTHY),
        key=lambda it: -moment.status(it),
    )
    if blockers:
        worst = moment.status(blockers[0])
        said = (
            f"{len(blockers)} of {len(important)} important clients not healthy; the worst: {blockers[0].id}, {worst}."
        )
        yield None, worst, said, ids(blockers)


def attention_drift(moment: Moment, *, window=days(30), tenure=days(180), points=20) -> Iterator[Said]:
    def touches(client: Client) -> int:
        return sum(event.at > moment.at - window for event in client.of(contact))

    existing = [client for client in moment.clients if moment.at - client.since >= tenure]
    total = sum(map(touches, moment.there))
    of_existing = sum(map(touches, existing))
    if existing and total:
        their_share, share = len(existing) / len(moment.clients), of_existing / total
        if round(100 * (their_share - share), 9) > points:
            order = sorted(existing, key=lambda it: (-moment.since_contact(it), it.id))
            named = [client for client in order if not touches(client)] or order
            said = (
                f"Existing clients had {of_existing} of {total} contacts in {window.days} days and are {len(existing)} of"
                f" {len(moment.clients)} clients; longest without contact: {named[0].id}."
            )
            yield None, Health.WATCH, said, ids(named)


def lacking(moment: Moment, what: str, lacks: Callable[[Client], bool], within: timedelta, limit: Decimal):
    without = [client for client in by_worth(moment.clients) if lacks(client) and moment.at - client.since >= within]
    if without and Decimal(len(without)) / len(moment.clients) > limit:
        said = f"{len(without)} of {len(moment.clients)} clients without {what}; the most valuable: {without[0].id}."
        yield None, Health.WATCH, said, ids(without)


def unplanned_book(moment: Moment, *, within=days(30), limit=Decimal("0.1")) -> Iterator[Said]:
    return lacking(moment, "a plan", lambda it: it.plan is None and it.cadence is None, within, limit)


def unowned_book(moment: Moment, *, within=days(14), limit=Decimal("0.1")) -> Iterator[Said]:
    return lacking(moment, "an owner", lambda it: it.owner is None, within, limit)


def neglected_by_owner(moment: Moment, *, limit=Decimal(0)) -> Iterator[Said]:
    for owner in {client.owner for client in moment.clients}:
        clients = [client for client in moment.clients if client.owner == owner]
        quiet = [
            client
            for client in sorted(clients, key=lambda it: (-moment.since_contact(it), it.id))
            if moment.since_contact(client) >= (client.cadence or days(30 if client.tier == "key" else 90))
        ]
        if quiet and Decimal(len(quiet)) / len(clients) > limit:
            said = (
                f"{owner or 'Nobody'}: {len(quiet)} of {len(clients)} clients without contact for longer than agreed;"
                f" the longest: {quiet[0].id}."
            )
            yield owner, Health.WATCH, said, ids(quiet)


NAIVE = {
    "uncalled-best-clients": uncalled_best_clients,
    "shaky-foundation": shaky_foundation,
    "attention-drift": attention_drift,
    "unplanned-book": unplanned_book,
    "unowned-book": unowned_book,
    "neglected-by-owner": neglected_by_owner,
}


def moment_of(log: Iterable[Line], cut: datetime, at: datetime) -> Moment:
    known = [Client.from_events(client, events, as_of=cut) for client, events in histories(log).items()]
    return Moment([client for client in known if client], at)


def naively(moment: Moment, values: dict[str, dict[str, Any]]) -> dict[str, list[Said]]:
    """What each rule says at a moment, by its name."""
    return {name: by_subject(rule(moment, **values.get(name, {}))) for name, rule in NAIVE.items()}


def by_subject(said: Iterable[Said]) -> list[Said]:
    return sorted(said, key=lambda it: it[0] or "")


def said_by(concerns: Iterable[Concern]) -> dict[str, list[Said]]:
    """What concerns say, by their rules."""
    said: dict[str, list[Said]] = {name: [] for name in NAIVE}
    for concern in concerns:
        named = [event.client for event in concern.evidence]
        said[concern.rule].append((concern.about, concern.level, concern.message, named))
    return {name: by_subject(found) for name, found in said.items()}


def test_every_rule_is_compared():
    assert set(NAIVE) == set(CLOSE) == {rule.name for rule in BOOK_RULES}
    assert [rule.name for rule in BOOK_RULES] == sorted(NAIVE)


ALL = [bound(name) for name in NAIVE]


@pytest.mark.parametrize("values", [CLOSE, {}], ids=["close", "defaults"])
@given(questions())
def test_what_the_rules_say_of_an_instant_is_what_a_naive_reading_says(values, question):
    log, cut, at = question
    found = assessed(log, cut, *(BoundRule(rule, values=values.get(rule.name, {})) for rule in BOOK_RULES))
    assert found.failures == ()
    assert said_by(found.concerns) == naively(moment_of(log, cut, cut), values)
    assert said_by(it for it in found.stated if it.in_force(at)) == naively(moment_of(log, cut, at), values)


@given(questions())
def test_what_changes_is_foreseen_to_the_microsecond(question):
    log, cut, _ = question
    found = assessed(log, cut, *ALL)
    for change in found.changes:
        assert change.at > cut
        for at, concern in ((change.at - MICROSECOND, change.before), (change.at, change.after)):
            told = naively(moment_of(log, cut, at), CLOSE)[change.rule]
            said = said_by([concern] if concern else [])[change.rule]
            assert said == [it for it in told if it[0] == change.about]
        assert change.before != change.after


@given(questions())
def test_each_best_client_who_was_not_called_has_an_action_and_no_other_is_due(question):
    log, cut, at = question
    rule = bound("uncalled-best-clients")
    known = [line for line in log if instant(line["at"]) <= cut]
    found = assessed(known, at, rule)
    named = {event.client for concern in found.concerns for event in concern.evidence}
    recommended = {action.client: action for action in found.actions}
    assert named <= set(recommended)
    for action in found.actions:
        client = found.book.by_id[action.client]
        called = client.latest(reintroduced)
        assert action.due >= (called.at + days(60) if called else client.since + days(7))
        assert action.evidence == (called or client.first,)


# What every rule about the book keeps to.


def verdict(found: BookAssessment) -> Any:
    return (
        [(it.rule, it.about, it.level, it.starts, it.until, it.message, refs(it)) for it in found.concerns],
        [(it.id, it.rule, it.client, it.due, it.message) for it in found.actions],
        found.failures,
    )


def refs(finding: Concern) -> list[tuple[str, str]]:
    return [(event.client, str(event.at)) for event in finding.evidence]


@given(questions())
def test_rules_about_the_book_are_pure_and_have_no_clock(question):
    log, cut, _ = question
    book = Book.cut(histories(log), ENGINE, at=cut)
    with no_clock():
        first = assess_book(book, ALL, at=cut)
    again = assess_book(Book.cut(histories(log), ENGINE, at=cut), ALL, at=cut)
    assert first.stated == again.stated
    assert verdict(first) == verdict(again)


@given(questions())
def test_the_past_never_changes_when_later_events_are_appended(question):
    log, cut, _ = question
    seen = [line for line in log if instant(line["at"]) <= cut]
    assert verdict(assessed(log, cut, *ALL)) == verdict(assessed(seen, cut, *ALL))


@given(questions(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_of_clients_means_nothing(question, chance: random.Random):
    log, cut, _ = question
    once = {(line["client"], line["at"]): line for line in log}  # ties of one client are broken by position
    lines = list(once.values())
    shuffled = chance.sample(lines, len(lines))
    assert verdict(assessed(shuffled, cut, *ALL)) == verdict(assessed(lines, cut, *ALL))
    clients = list(Book.cut(histories(lines), ENGINE, at=cut).clients)
    mixed = Book(chance.sample(clients, len(clients)), ENGINE)
    assert verdict(assess_book(mixed, ALL, at=cut)) == verdict(assessed(lines, cut, *ALL))


@attrs.frozen(slots=False, kw_only=True)
class Inert(Event):
    """Something that no rule reads."""

    kind: ClassVar[str] = "tests.inert"


@given(questions(), a_client)
def test_an_event_that_no_rule_reads_changes_nothing_from_then_on(question, name):
    log, cut, at = question
    known = histories(line for line in log if instant(line["at"]) <= cut)
    if name not in known:
        return
    inert = Inert(client=name, at=at, position=len(log) + 1)
    more = {**known, name: [*known[name], inert]}
    before = assess_book(Book.cut(known, ENGINE, at=at), ALL, at=at)
    after = assess_book(Book.cut(more, ENGINE, at=at), ALL, at=at)
    assert verdict(after) == verdict(before)
    assert after.changes == before.changes


@given(questions())
def test_findings_are_valid_intervals_with_evidence_about_one_thing_at_a_time(question):
    log, cut, _ = question
    found = assessed(log, cut, *ALL)
    for concern in found.stated:
        assert concern.message
        assert concern.evidence == concern.because
        assert len({event.client for event in concern.evidence}) == len(concern.evidence) > 0
        assert concern.until is None or concern.starts < concern.until
        same = [it for it in found.stated if (it.rule, it.about) == (concern.rule, concern.about)]
        assert sum(it.in_force(concern.starts) for it in same) == 1
        neighbours = [it for it in same if it.starts == concern.until]
        assert all((it.message, it.because) != (concern.message, concern.because) for it in neighbours)
    assert len({action.id for action in found.actions}) == len(found.actions)


# Examples and boundaries.


@pytest.mark.parametrize("rule", BOOK_RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_its_examples_say(rule):
    fires, silent = read_example(rule.fires), read_example(rule.silent)
    assert what_is_said(BoundRule(rule), fires) == fires.expected
    assert what_is_said(BoundRule(rule), silent) == silent.expected
    assert any(expected.levels for expected in fires.expected)
    assert not any(expected.levels or expected.due for expected in silent.expected)


@pytest.mark.parametrize("rule", BOOK_RULES, ids=lambda rule: rule.name)
def test_a_rule_says_why_where_it_comes_from_and_what_each_setting_is(rule):
    assert rule.scope == "book"
    assert rule.about.endswith(".")
    assert re.search(r"^Source: articles? 00\d", rule.rationale, re.MULTILINE)
    assert [name for name, setting in rule.settings.items() if not setting.about] == []
    assert rule.packs
    assert set(rule.packs) <= set(PACKS) - {"essentials"}


def line(client: str, kind: str, at: datetime | str, **fields: Any) -> Line:
    return {"client": client, "kind": kind, "at": at if isinstance(at, str) else written(at), **fields}


def contacts(client: str, *ago: int, at: datetime = START) -> list[Line]:
    return [line(client, "engaged", at - days(count)) for count in ago]


BOUNDARIES: list[tuple[str, list[Line], datetime, bool]] = [
    (
        "uncalled-best-clients",
        [line("fern", "profiled", START, annual_value=9), line("fern", "engaged", START, purpose="reintroduction")],
        START + days(365),
        True,
    ),
    (
        "shaky-foundation",
        [line("fern", "profiled", START, tier="key"), line("fern", "engaged", START)],
        START + days(30),
        True,
    ),
    ("unplanned-book", [line("fern", "engaged", START)], START + days(30), True),
    ("unowned-book", [line("fern", "engaged", START)], START + days(14), True),
    ("neglected-by-owner", [line("fern", "engaged", START)], START + days(90), True),
    ("neglected-by-owner", [line("fern", "profiled", START, cadence_days=7)], START + days(7), True),
    ("neglected-by-owner", [line("fern", "profiled", START, tier="key")], START + days(30), True),
    # fern becomes an existing client, of whom nobody speaks
    ("attention-drift", [line("fern", "engaged", START), *contacts("moss", -179)], START + days(180), True),
    # the contact with the new client is no longer counted
    ("attention-drift", [*contacts("fern", 200), *contacts("moss", 0)], START + days(30), False),
]


@pytest.mark.parametrize(("name", "log", "edge", "begins"), BOUNDARIES)
def test_a_boundary_lies_where_it_is_said_to_lie(name, log, edge, begins):
    rule = BoundRule(RULES[name])
    assert bool(assessed(log, edge - MICROSECOND, rule).concerns) is not begins
    assert bool(assessed(log, edge, rule).concerns) is begins


def shares(lacking_: int, all_: int, **fields: Any) -> list[Line]:
    """So many clients, of whom so many lack what the fields say."""
    return [
        line(f"c{place:02}", "profiled", START, **({"name": "x"} if place < lacking_ else fields))
        for place in range(all_)
    ]


@pytest.mark.parametrize(
    ("name", "fields"), [("unplanned-book", {"plan": "A call each month"}), ("unowned-book", {"owner": "jo"})]
)
def test_a_share_is_too_large_when_it_exceeds_the_limit_and_not_when_it_meets_it(name, fields):
    late = START + days(40)
    assert assessed(shares(1, 10, **fields), late, BoundRule(RULES[name])).concerns == ()
    (concern,) = assessed(shares(1, 9, **fields), late, BoundRule(RULES[name])).concerns
    assert concern.message.startswith("1 of 9 clients without ")
    assert [event.client for event in concern.evidence] == ["c00"]


def test_attention_may_fall_short_by_so_many_points_and_no_more():
    """Half of the clients are existing ones; of ten contacts they get three, and then of eleven three."""
    old = [*contacts("fern", 200, 1, 2, 3)]
    new = [*contacts("moss", 1, 2, 3, 4, 5, 6, 7)]
    rule = BoundRule(RULES["attention-drift"])
    assert assessed([*old, *new], START, rule).concerns == ()
    (concern,) = assessed([*old, *new, *contacts("moss", 8)], START, rule).concerns
    assert concern.message == (
        "Existing clients had 3 of 11 contacts in 30 days and are 1 of 2 clients; longest without contact: fern."
    )


def test_contacts_drop_out_of_the_window_one_by_one():
    log = [*contacts("fern", 200), *contacts("moss", 40, 31, 30, 29, 28, 27, 2)]
    found = assessed(log, START, BoundRule(RULES["attention-drift"]))
    assert [(it.starts - START).days for it in found.stated] == [-2, -1, 0, 1, 2, 3]
    assert [it.message.split(" contacts")[0].rpartition(" ")[2] for it in found.stated] == list("654321")
    assert found.stated[-1].until == START + days(28)


def test_prospects_take_attention_and_are_no_clients():
    log = [*contacts("fern", 200, 1), *contacts("moss", 200, 40), *contacts("sedge", 2, 3)]
    prospect = line("sedge", "profiled", START - days(10), stage="prospect")
    rule = BoundRule(RULES["attention-drift"])
    (concern,) = assessed([*log, prospect], START, rule).concerns
    assert concern.message.startswith("Existing clients had 1 of 3 contacts in 30 days and are 2 of 2 clients")
    assert [event.client for event in concern.evidence] == ["moss"]


def test_where_nobody_is_spoken_to_nothing_has_drifted():
    log = [*contacts("fern", 200), *contacts("moss", 40)]
    assert assessed(log, START, BoundRule(RULES["attention-drift"])).concerns == ()


# Stories.


def best_clients(count: int, called: int) -> list[Line]:
    """Clients c00, c01 and so on, each worth less than the one before, the first of them called."""
    profiles = [line(f"c{it:02}", "profiled", START, annual_value=100 - it, name=f"C {it}") for it in range(count)]
    calls = [line(f"c{it:02}", "engaged", START + days(it), purpose="reintroduction") for it in range(called)]
    return [*profiles, *calls]


TEN = BoundRule(RULES["uncalled-best-clients"])


def test_ten_of_the_best_are_called_and_the_next_is_named():
    found = assessed(best_clients(12, called=4), START + days(40), TEN)
    (concern,) = found.concerns
    assert concern.message == "4 of 10 best clients called; next: C 4."
    assert concern.starts == START + days(3)
    assert [event.client for event in concern.evidence] == [f"c{it:02}" for it in range(4, 10)]
    assert [action.client for action in found.due()] == [f"c{it:02}" for it in range(4, 10)]
    assert {action.due for action in found.due()} == {START + days(30)}


def test_when_a_best_client_leaves_the_next_one_takes_the_place():
    log = [*best_clients(12, called=9), line("c09", "left", START + days(60))]
    (concern,) = assessed(log, START + days(60), TEN).concerns
    assert concern.message == "9 of 10 best clients called; next: C 10."
    (action,) = assessed(log, START + days(60), TEN).due()
    assert (action.client, action.due) == ("c10", START + days(60))


def test_progress_goes_back_as_calls_grow_old():
    found = assessed(best_clients(10, called=10), START + days(20), TEN)
    assert found.concerns == ()
    said = [(change.at - START, change.after.message) for change in found.changes[:2]]
    assert said == [
        (days(365), "9 of 10 best clients called; next: C 0."),
        (days(366), "8 of 10 best clients called; next: C 0."),
    ]


def test_an_action_of_the_book_lives_in_the_log_of_its_client():
    log = best_clients(3, called=0)
    now = START + days(40)
    before = assessed(log, now, TEN)
    first, second, third = before.actions
    handled = [
        *log,
        line("c00", "action_done", now, action=first.id),
        line("c01", "action_snoozed", now, action=second.id, until=written(now + days(7))),
        line("c01", "action_dismissed", now, action=third.id, reason="another client's id means nothing here"),
    ]
    assert [action.id for action in assessed(handled, now, TEN).actions] == [third.id]
    assert [action.id for action in assessed(handled, now + days(7), TEN).actions] == [second.id, third.id]
    called = [*handled, line("c02", "engaged", now, purpose="reintroduction")]
    (later,) = assessed(called, now, TEN).actions
    assert (later.client, later.due) == ("c02", now + days(365))
    gone = [*log, line("c00", "left", now)]
    assert [action.client for action in assessed(gone, now, TEN).actions] == ["c01", "c02"]


def test_clients_of_whom_nobody_knows_the_worth_are_not_among_the_best():
    assert assessed([line("fern", "engaged", START)], START + days(400), TEN).concerns == ()


def test_a_term_counts_where_nobody_said_what_a_year_is_worth():
    log = [
        line("fern", "renewed", START, term_end=written(START + days(365)), value=50),
        line("moss", "profiled", START, annual_value=20),
        line("moss", "renewed", START, term_end=written(START + days(365)), value=900),
    ]
    (concern,) = assessed(log, START, TEN).concerns
    assert [event.client for event in concern.evidence] == ["fern", "moss"]


def test_a_foundation_names_blockers_worst_first_and_then_by_worth():
    log = [
        *(
            line(name, "profiled", START, tier="key", annual_value=worth)
            for name, worth in zip("abcd", (1, 2, 3, 4), strict=True)
        ),
        *(line(name, "engaged", START) for name in "abcd"),
        line("a", "complained", START, severity="critical"),
        line("d", "engaged", START + days(20)),
        line("e", "complained", START, severity="critical"),
    ]
    found = assessed(log, START + days(31), BoundRule(RULES["shaky-foundation"]))
    (concern,) = found.concerns
    assert (concern.level, concern.message) == (
        Health.CRITICAL,
        "3 of 4 important clients not healthy; the worst: a, critical.",
    )
    assert [event.client for event in concern.evidence] == ["a", "c", "b"]
    assert concern.evidence[0].kind == "complained"
    change = found.changes[0]
    assert (change.at, change.after.message) == (
        START + days(50),
        "4 of 4 important clients not healthy; the worst: a, critical.",
    )


def test_each_owner_is_told_apart_and_those_without_one_come_last():
    log = [
        *(line(name, "profiled", START, owner="jo") for name in ("ash", "birch", "cedar")),
        line("elm", "profiled", START, owner="max"),
        *contacts("birch", -5),
        *contacts("elm", -60),
        *contacts("fir", 1),
    ]
    found = assessed(log, START + days(95), BoundRule(RULES["neglected-by-owner"]))
    assert [(it.about, it.message) for it in found.concerns] == [
        ("jo", "jo: 3 of 3 clients without contact for longer than agreed; the longest: ash."),
        (None, "Nobody: 1 of 1 clients without contact for longer than agreed; the longest: fir."),
    ]
    assert [event.client for event in found.concerns[0].evidence] == ["ash", "cedar", "birch"]


def test_the_rhythm_of_neglect_is_that_of_quiet_client_in_the_settings():
    settings = Settings.from_table({"rules": {"quiet-client": {"every": "10 days"}}})
    log = [line("fern", "engaged", START)]
    book = Book.cut(histories(log), Engine(settings.choose()), at=START + days(10))
    assert assess_book(book, [BoundRule(RULES["neglected-by-owner"])], at=START + days(10)).concerns
    without = Book.cut(histories(log), Engine([]), at=START + days(90))
    assert assess_book(without, [BoundRule(RULES["neglected-by-owner"])], at=START + days(90)).concerns


def test_all_are_counted_where_not_all_are_named():
    log = [line(f"c{place:04}", "engaged", START) for place in range(MOST_NAMED + 7)]
    for name in ("unplanned-book", "unowned-book", "neglected-by-owner"):
        (concern,) = assessed(log, START + days(100), BoundRule(RULES[name])).concerns
        assert f"{MOST_NAMED + 7} of {MOST_NAMED + 7} clients" in concern.message
        assert len(concern.evidence) == MOST_NAMED


def test_an_empty_book_has_nothing_to_say():
    found = assess_book(Book([], ENGINE), ALL, at=START)
    assert (found.concerns, found.actions, found.changes, found.failures) == ((), (), (), ())
