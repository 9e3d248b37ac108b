# ruff: noqa: INP001 - a program for the type checker, never imported
"""The public types, as a type checker sees them; `test_typing.py` runs mypy over this file. It is never run.

An `ignore` marks what must be refused: in strict mode mypy complains of one that is not needed.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, assert_type

import attrs
from hypothesis.strategies import SearchStrategy

from retention_engine import (
    BOOK_RULES,
    BUILT_IN,
    KINDS,
    REMEDIES,
    Action,
    Assessment,
    Book,
    BookAssessment,
    BookChange,
    BoundRule,
    Change,
    Client,
    ComingChange,
    Complained,
    Concern,
    Deadline,
    Deduction,
    Engaged,
    Engine,
    Entry,
    Event,
    Events,
    Finding,
    Findings,
    Health,
    Histories,
    Introduced,
    Judged,
    Kinds,
    Outlook,
    OwnerWorklist,
    Pace,
    Pack,
    PluginFailure,
    Plugins,
    Profiled,
    Reality,
    Referred,
    Rejection,
    Remedy,
    Renewed,
    Repair,
    RetentionEngine,
    Rule,
    RuleFailure,
    Schedule,
    Score,
    Scorecard,
    Settings,
    Spell,
    Standing,
    Step,
    Term,
    Timeline,
    Waiting,
    Weights,
    Worklist,
    actual_retention,
    assess_book,
    beyond,
    book_rule,
    configure,
    contact,
    count_by_status,
    days,
    decode,
    encode,
    engaged_for,
    find_repair,
    gather,
    heard,
    instant,
    load_plugins,
    outlook_of,
    read_log,
    replay,
    rule,
    rule_of,
    scorecard,
    spans,
    tasks_of,
    timeline,
    worklist_of,
)
from retention_engine.testing import (
    NOTHING,
    RuleContract,
    Stated,
    StatedAction,
    StatedConcern,
    act,
    assert_on,
    assert_schedule,
    engaged,
    events_of_kind,
    given,
    happened,
    histories,
    on,
    referred,
    schedule,
    watch,
)

NOW: datetime = instant("2026-06-30")

# Events are built from texts, dates and datetimes, and hold datetimes.

assert_type(Engaged(client="acme", at="2026-01-01"), Engaged)
assert_type(Engaged(client="acme", at=date(2026, 1, 1), recorded_at=NOW, purpose="review"), Engaged)
assert_type(Engaged(client="acme", at=NOW, recorded_at="2026-01-02", with_=("Ann",)).at, datetime)
assert_type(Engaged(client="acme", at=NOW).recorded_at, datetime)
assert_type(Engaged(client="acme", at=NOW).ref, str)
assert_type(
    Renewed(client="acme", at=NOW, term_start="2026-01-01", term_end=date(2027, 1, 1)).term_end, datetime | None
)
assert_type(Renewed(client="acme", at=NOW).value, Decimal | None)
assert_type(Judged(client="acme", at=NOW, level="watch", reason="x", until="2026-12-31").until, datetime | None)
Introduced(client="acme", at=NOW, to="Bo")
Referred(client="acme", at=NOW, direction="given")

Engaged(client="acme")  # type: ignore[call-arg]
Engaged(client="acme", at=17)  # type: ignore[arg-type]
Engaged(client="acme", at=NOW, direction="up")  # type: ignore[arg-type]
Engaged(client="acme", at=NOW, purpos="review")  # type: ignore[call-arg]
Referred(client="acme", at=NOW)  # type: ignore[call-arg]
Engaged("acme", NOW)  # type: ignore[call-arg]

# A client's views.

client = Client.from_events("acme", [Engaged(client="acme", at=NOW)], as_of=NOW, as_at=None)
assert_type(client, Client)
assert_type(client.of(Engaged), Events[Engaged])
assert_type(client.of(Engaged, Renewed), Events[Event])
assert_type(client.of(contact), Events[Event])
assert_type(client.latest(Renewed), Renewed | None)
assert_type(client.latest(heard), Event | None)
assert_type(client.base(beyond), datetime)
assert_type(client.base(Profiled), datetime)
assert_type(client.after(client.latest(heard), contact), Events[Event])
assert_type(client.after(client.first, Engaged), Events[Engaged])
assert_type(client.since, datetime)
assert_type(client.first, Event)
assert_type(client.events, Sequence[Event])
assert_type(client.term, Term | None)
assert_type(client.complaints, Events[Complained])
assert_type(client.open_complaints, tuple[Complained, ...])
assert_type(client.fold(int, lambda count, _: count + 1, contact), int)
assert_type(client.judgement, Judged | None)
assert_type(client.tier, str)
assert_type(client.owner, str | None)
assert_type(client.cadence, timedelta | None)
assert_type(client.annual_value, Decimal | None)
assert_type(client.as_of(NOW), Client)
assert_type(engaged_for("review"), Callable[[Event], bool])

# Rules keep their types, with and without parentheses.


@rule
def plain(client: Client) -> Findings:
    """Nothing."""
    yield Concern(Health.AT_RISK, starts=client.since, because=client.first)


@rule(pack="acme", tiers={"key": {"every": days(7)}})
def declared(client: Client, *, every: timedelta = days(30)) -> Findings:
    """Nothing."""
    yield Action("Call.", due=client.since + every, because=[client.latest(contact)])


assert_type(plain(client), Iterator[Finding])
assert_type(declared(client, every=days(3)), Iterator[Finding])
assert_type(list(declared(client)), list[Concern | Action])
assert_type(rule_of(declared), Rule)
assert_type(rule_of(declared).name, str)
declared(client, evry=days(3))  # type: ignore[call-arg]
declared(client, every=3)  # type: ignore[arg-type]


@rule  # type: ignore[type-var]
def no_generator(client: Client) -> int:
    """Nothing."""
    return len(client.events)


@book_rule(pack="acme")
def lopsided(book: Book, *, most: int = 10) -> Findings:
    """There are too many clients."""
    for starts, until, (there,) in spans(
        [(client.id, *span) for client in book.clients for span in book.tenure(client)]
    ):
        if len(there) > most:
            yield Concern(Health.WATCH, starts=starts, until=until, because=book.clients[0].first)


assert_type(lopsided(Book([], Engine([])), most=3), Findings)
lopsided(Book([], Engine([])), mots=3)  # type: ignore[call-arg]


# The engine's answers.

engine = Engine([plain, declared, *map(BoundRule, BUILT_IN)])
assessment = engine.assess(client, at=NOW)
assert_type(assessment, Assessment)
assert_type(assessment.status, Health)
assert_type(assessment.concerns, tuple[Concern, ...])
assert_type(assessment.actions, tuple[Action, ...])
assert_type(assessment.due(days(7)), tuple[Action, ...])
assert_type(assessment.failures, tuple[RuleFailure, ...])
assert_type(assessment.next_change, Change | None)
assert_type(assessment.judgement, Judged | None)
assert_type(assessment.schedule, Schedule)
assert_type(engine.schedule(client), Schedule)
assert_type(assessment.concerns[0].until, datetime | None)
assert_type(assessment.actions[0].id, str)
engine.assess(client)  # type: ignore[call-arg]
engine.assess(client, NOW)  # type: ignore[call-arg]

# Logs, books, settings.

assert_type(decode(b"{}"), Event)
assert_type(encode(decode(b"{}")), bytes)
assert_type(gather([decode(b"{}")]), Histories)
assert_type(read_log("clients.jsonl"), Histories)
assert_type(replay(gather([]), engine, at=NOW, known_at=NOW), Iterator[Assessment])
assert_type(replay([("acme", client.events)], engine, at=NOW), Iterator[Assessment])
assert_type(actual_retention(gather([]), starts=NOW, until=NOW, at=NOW, believed=0.75), Reality)
assert_type(actual_retention([], starts=NOW, until=NOW, at=NOW).ratio, Fraction | None)
found = worklist_of(replay(gather([]), engine, at=NOW), at=NOW, tasks=tasks_of(engine.rules), owners=["jo", None])
assert_type(found, Worklist)
assert_type(found.of("jo"), OwnerWorklist)
assert_type(found.today, tuple[Entry, ...])
assert_type(found.actions, tuple[Action, ...])
assert_type(found.today[0].waiting, Waiting | None)
assert_type(RetentionEngine.open("memory://").worklist(owner="jo", budget=3), Worklist)
assert_type(Settings().worklist, Pace)
worklist_of([], at=NOW, pace=Pace(budget=0), more=[Action("Call.", due=NOW, because=None)])
book = Book.cut(gather([]), engine, at=NOW)
assert_type(book, Book)
assert_type(book.clients, tuple[Client, ...])
assert_type(assess_book(book, [lopsided, *map(BoundRule, BOOK_RULES)], at=NOW), BookAssessment)
assert_type(assess_book(book, [], at=NOW).changes, tuple[BookChange, ...])
assert_type(RetentionEngine.open("memory://").book(at=NOW), BookAssessment)
assert_type(Settings().choose_book(packs=["retention-plan"]), tuple[BoundRule, ...])
card = scorecard(client, engine.schedule(client), at=NOW, rules=engine.rules, weights=Weights(watch=20))
assert_type(card, Scorecard)
assert_type(card.score, Score)
assert_type(card.score.deductions[0], Deduction)
assert_type(card.dimensions["service"], Standing)
assert_type(RetentionEngine.open("memory://").scorecard("acme", at=NOW), Scorecard)
assert_type(Settings().score, Weights)
Weights(left=100)  # type: ignore[call-arg]
assert_type(Settings.load(Path("retention.toml")), Settings)
assert_type(Settings().choose(packs=["stick-around"]), tuple[BoundRule, ...])
assert_type(days(1), timedelta)


@attrs.frozen(slots=False, kw_only=True)
class InvoicePaid(Event):
    """A kind of one's own."""

    kind: ClassVar[str] = "acme.invoice_paid"

    number: str


assert_type(KINDS.adding(InvoicePaid), Kinds)
assert_type(InvoicePaid(client="acme", at="2026-01-01", number="17"), InvoicePaid)
assert_type(client.of(InvoicePaid), Events[InvoicePaid])
assert_type(client.latest(InvoicePaid), InvoicePaid | None)

past = timeline(Engine([]), client, until=client.since)
assert_type(past, Timeline)
assert_type(past.spells, tuple[Spell, ...])
assert_type(past.status(client.since), Health | None)
assert_type(count_by_status([past], [client.since]), list[dict[Health, int]])

ahead = outlook_of(replay(gather([]), engine, at=NOW), at=NOW, ahead=days(30))
assert_type(ahead, Outlook)
assert_type(ahead.changes, tuple[ComingChange, ...])
assert_type(ahead.changes[0].deadlines, tuple[Deadline, ...])
assert_type(RetentionEngine.open("memory://").outlook(at=NOW), Outlook)
mended = find_repair(engine, client, at=NOW, target=Health.WATCH, remedies=REMEDIES)
assert_type(mended, Repair)
assert_type(mended.steps, tuple[Step, ...])
assert_type(mended.rejected, tuple[Rejection, ...])
assert_type(mended.ends, ComingChange | None)
assert_type(RetentionEngine.open("memory://").repair("acme", at=NOW), Repair)
assert_type(Settings().repair, tuple[Remedy, ...])

# Plug-ins.
assert_type(load_plugins(["./acme.py"], base=Path("rules"), time_budget=timedelta(seconds=2)), Plugins)
assert_type(configure(Path("retention.toml"), plugins=["acme"]), tuple[Settings, Plugins])
assert_type(Plugins().catalogue, tuple[Rule, ...])
assert_type(Plugins().kinds, Kinds)
assert_type(Plugins().failures, tuple[PluginFailure, ...])
assert_type(Pack("billing", "Invoices.", rules=("slow-payer",)).rules, tuple[str, ...])

# Tests of rules.

told = given(
    engaged("2026-01-01", purpose="review", with_=("Ann",)), happened(InvoicePaid, NOW, number="17"), tier="key"
)
assert_type(told, Client)
assert_type(engaged(date(2026, 1, 1)), Engaged)
assert_type(happened(InvoicePaid, NOW, number="17"), InvoicePaid)
assert_type(schedule(declared, told, every=days(3)), list[Stated])
assert_type(on(told, BoundRule(BUILT_IN[0]), "2026-02-01"), list[Stated])
assert_type(schedule(BOOK_RULES[0], [told, told]), list[Stated])
assert_type(watch(since="2026-01-01", until=NOW, because=["#1", engaged(NOW)]), StatedConcern)
assert_type(act(due=NOW, about=None), StatedAction)
assert_schedule(declared, told, [watch(since=NOW), act(due=NOW)])
assert_on(told, declared, NOW, NOTHING)
assert_type(histories(InvoicePaid), SearchStrategy[Client])
assert_type(events_of_kind(InvoicePaid), SearchStrategy[InvoicePaid])
engaged("2026-01-01", purpos="review")  # type: ignore[call-arg]
engaged("2026-01-01", direction="up")  # type: ignore[arg-type]
referred("2026-01-01")  # type: ignore[call-arg]
given(engaged("2026-01-01"), teir="key")  # type: ignore[call-arg]
given("2026-01-01")  # type: ignore[arg-type]
watch("2026-01-01")  # type: ignore[call-arg]


class TestDeclared(RuleContract):
    rule = declared
    kinds = (InvoicePaid,)
    examples = 20


class TestBound(RuleContract):
    rule = BoundRule(BUILT_IN[0])


class TestNoRule(RuleContract):
    rule = 17  # type: ignore[assignment]
