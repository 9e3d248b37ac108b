"""Examples beside rules: how they are written, and that each rule's own are there and say what is so."""

from typing import ClassVar

import attrs
import pytest

from retention_engine import (
    BOOK_RULES,
    BUILT_IN,
    KINDS,
    Action,
    Book,
    BoundRule,
    Client,
    Concern,
    Engaged,
    Event,
    Health,
    book_rule,
    days,
    instant,
    rule,
    rule_of,
)
from retention_engine.declare import Rule
from retention_engine.errors import RuleError
from retention_engine.formats.examples import Example, Expectation, read_example, what_is_said

RULES = {rule.name: rule for rule in BUILT_IN}
NOTHING = "at 2026-01-05: nothing"


def check(found: Rule, lines: tuple[str, ...]) -> Example:
    example = read_example(lines)
    assert list(map(str, what_is_said(BoundRule(found), example))) == list(map(str, example.expected))
    return example


# The examples of the built-in rules.


@pytest.mark.parametrize("found", [*BUILT_IN, *BOOK_RULES], ids=lambda found: found.name)
def test_every_rule_has_an_example_of_either_kind(found: Rule):
    assert found.fires
    assert found.silent


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fires_in_its_example(name: str):
    example = check(RULES[name], RULES[name].fires)
    last = example.expected[-1] if name != "repeated-complaints" else example.expected[0]
    assert last.levels or last.due


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_silent_in_its_other_example(name: str):
    example = check(RULES[name], RULES[name].silent)
    assert not any(expected.levels or expected.due for expected in example.expected)


@pytest.mark.parametrize("name", RULES)
def test_an_example_that_is_not_true_is_noticed(name: str):
    example = read_example(RULES[name].fires)
    before_all = min(event.at for event in example.events)
    wrong = [Expectation(before_all, (Health.CRITICAL, Health.WATCH), ())]
    assert what_is_said(BoundRule(RULES[name]), Example(example.events, tuple(wrong))) != tuple(wrong)


# Rules of others.


@rule
def bare(client: Client):
    """There is a client."""
    yield Concern(Health.WATCH, starts=client.since, because=client.first)


@rule
def busy(client: Client):
    """There is much to say.

    Fires:
        2026-01-05 engaged

        at 2026-01-05: watch

    Silent:
        2026-01-05 engaged
        at 2026-01-05: nothing
    """
    yield Concern(Health.WATCH, starts=client.since, because=client.first, about="a")
    yield Concern(Health.CRITICAL, starts=client.since, until=client.since + days(2), because=client.first, about="b")
    yield Action("Later.", due=client.since + days(3), because=client.first, about="later")
    yield Action("Now.", due=client.since, because=client.first, about="now")


@rule
def broken(client: Client):
    """It does not work."""
    raise ValueError(f"no luck with {client.id}")
    yield


@book_rule
def crowded(book: Book):
    """There are clients."""
    yield Concern(Health.WATCH, starts=instant("2026-01-05"), because=[client.first for client in book.clients])
    for client in book.clients:
        yield Action("Call.", due=client.since, because=client.first, about=client.id)


def said_by(function, *lines: str) -> list[str]:
    return [str(it) for it in what_is_said(BoundRule(rule_of(function)), read_example(lines))]


def test_a_rule_of_others_may_have_no_example():
    assert (rule_of(bare).fires, rule_of(bare).silent) == ((), ())


def test_an_example_is_read_off_the_docstring_line_by_line():
    assert rule_of(busy).fires == ("2026-01-05 engaged", "at 2026-01-05: watch")
    assert rule_of(busy).silent == ("2026-01-05 engaged", "at 2026-01-05: nothing")


def test_a_rule_that_says_something_else_is_seen_to():
    example = read_example(rule_of(busy).silent)
    assert what_is_said(BoundRule(rule_of(busy)), example) != example.expected


def test_a_rule_that_fails_in_its_example_is_told():
    with pytest.raises(RuleError, match=r"ValueError: no luck with acme \(.*test_examples\.py:\d+\)"):
        said_by(broken, "2026-01-05 engaged", NOTHING)


def test_it_says_which_levels_are_in_force_and_which_actions_are_due_by_then():
    instants = ["2026-01-05", "2026-01-06T23:59:59.999999Z", "2026-01-07", "2026-01-08"]
    assert said_by(busy, "2026-01-05 engaged", *(f"at {moment}: nothing" for moment in instants)) == [
        "at 2026-01-05: critical, watch, act by 2026-01-05",
        "at 2026-01-06 23:59:59.999999Z: critical, watch, act by 2026-01-05",
        "at 2026-01-07: watch, act by 2026-01-05",
        "at 2026-01-08: watch, act by 2026-01-05, act by 2026-01-08",
    ]


def test_only_what_had_happened_by_then_counts():
    fires = read_example(["2026-02-05 engaged", "2026-01-05 engaged", "at 2026-01-05: nothing"])
    assert what_is_said(BoundRule(RULES["no-introduction"]), fires) == fires.expected
    assert said_by(bare, "2026-02-05 engaged", "2026-01-05 engaged", "at 2026-01-05: nothing") == [
        "at 2026-01-05: watch"
    ]


@pytest.mark.parametrize("lines", [["2026-01-05 engaged", "at 2026-01-04: nothing"], [NOTHING]])
def test_of_a_time_at_which_nothing_had_happened_nothing_can_be_said(lines: list[str]):
    with pytest.raises(
        RuleError, match=r"rule bare: .* too early: nothing is known of the client 'acme' as of 2026-01-0"
    ):
        said_by(bare, *lines)


def test_a_rule_about_one_client_takes_the_events_of_one():
    with pytest.raises(RuleError, match="rule bare: the example names clients"):
        said_by(bare, "2026-01-05 engaged client=fern", NOTHING)


def test_a_rule_about_the_whole_book_takes_several_clients():
    lines = ["2026-01-05 engaged client=fern", "2026-01-05 engaged", "2026-02-05 engaged client=moss"]
    assert said_by(crowded, *lines, "at 2026-01-05: nothing", "at 2026-02-05: nothing") == [
        "at 2026-01-05: watch, act by 2026-01-05, act by 2026-01-05",
        "at 2026-02-05: watch, act by 2026-01-05, act by 2026-01-05, act by 2026-02-05",
    ]


# What is read.


def test_a_line_gives_an_event_with_its_fields():
    example = read_example(
        [
            '2026-01-05 engaged id=e1 by=jo note="a b" with=Nora,Piet asked=how,stop answers.how="Fine, thanks" our_view=4',
            "2026-01-05T10:00:00+02:00 complained threatens_to_leave=true recorded_at=2026-01-07",
            "2026-01-06 renewed term_end=2027-01-06 value=1200.5",
            "2026-01-06 engaged note='='",
            NOTHING,
        ]
    )
    assert example.events[0] == Engaged(
        client="acme", at="2026-01-05", id="e1", by="jo", note="a b", with_=["Nora", "Piet"],
        asked=["how", "stop"], answers={"how": "Fine, thanks"}, our_view=4,
    )  # fmt: skip
    assert [event.position for event in example.events] == [1, 2, 3, 4]
    assert (example.events[1].at, example.events[1].recorded_at) == (
        instant("2026-01-05T08:00:00Z"),
        instant("2026-01-07"),
    )
    assert str(vars(example.events[2])["value"]) == "1200.5"
    assert example.events[3].note == "="


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (NOTHING, Expectation(instant("2026-01-05"), (), ())),
        ("at 2026-01-05: watch", Expectation(instant("2026-01-05"), (Health.WATCH,), ())),
        (
            "at 2026-01-05T10:00:00+02:00: act by 2026-02-01",
            Expectation(instant("2026-01-05T08:00:00Z"), (), (instant("2026-02-01"),)),
        ),
        (
            "at 2026-01-05: act by 2026-01-04, unknown, left, act by 2026-01-03",
            Expectation(
                instant("2026-01-05"), (Health.LEFT, Health.UNKNOWN), (instant("2026-01-03"), instant("2026-01-04"))
            ),
        ),
        (
            "at 2026-01-05: watch, watch, act by 2026-01-03, act by 2026-01-03",
            Expectation(instant("2026-01-05"), (Health.WATCH,) * 2, (instant("2026-01-03"),) * 2),
        ),
    ],
)
def test_a_line_says_what_is_expected(line: str, read: Expectation):
    example = read_example(["2026-01-05 engaged", line])
    assert example.expected == (read,)
    again = str(read)
    assert read_example([again if " 0" not in again else line]).expected == (read,)


def test_a_history_may_be_asked_about_at_several_instants():
    lines = ["at 2026-01-05: watch", "2026-01-05 engaged", "at 2026-01-04: nothing", "at 2026-01-05: critical"]
    assert list(map(str, read_example(lines).expected)) == [lines[0], lines[2], lines[3]]


@attrs.frozen(slots=False, kw_only=True)
class Visited(Event):
    """Somebody came by."""

    kind: ClassVar[str] = "shop.visited"


def test_kinds_of_an_application_are_read_where_they_are_given():
    kinds = KINDS.adding(Visited)
    (event,) = read_example(["2026-01-05 shop.visited by=jo", NOTHING], kinds).events
    assert (type(event), event.by) == (Visited, "jo")
    with pytest.raises(RuleError, match=r"'2026-01-05 shop\.visited': kind: nobody registered"):
        read_example(["2026-01-05 shop.visited", NOTHING])


# Mistakes.


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "write 'DATE KIND', then the fields as NAME=VALUE"),
        ("2026-01-05", "write 'DATE KIND', then the fields as NAME=VALUE"),
        ("engaged 2026-01-05", "kind: nobody registered '2026-01-05'"),
        ("2026-01-05 engagd", "kind: nobody registered 'engagd'; did you mean 'engaged'?"),
        ("5.1.2026 engaged", "at: '5.1.2026' is not an RFC 3339 instant; write 2026-06-30"),
        ("2026-01-05T10:00:00 engaged", "at: "),
        ("2026-01-05 engaged review", "'review' is no NAME=VALUE, such as purpose=review"),
        ("2026-01-05 engaged =review", "'=review' is no NAME=VALUE, such as purpose=review"),
        ("2026-01-05 engaged purpose=review purpose=idea", "purpose: is given twice"),
        ("2026-01-05 engaged at=2026-01-06", "at: is given twice"),
        ("2026-01-05 engaged client=", "client: "),
        ("2026-01-05 engaged porpose=review", "porpose: "),
        ("2026-01-05 engaged depth=deep", "depth: "),
        ("2026-01-05 engaged asked=why", "asked"),
        ("2026-01-05 engaged answers=yes", "answers: is an object; give its parts, such as answers.how"),
        ("2026-01-05 engaged our_view=much", "our_view: expected a whole number, got 'much'"),
        ("2026-01-05 measured measure=orders value=1", "target: is missing, and must be given"),
        ("2026-01-05 engaged note=don't", "No closing quotation"),
        ("at 2026-01-05", "write 'at DATE: LEVEL', 'at DATE: act by DATE', or 'at DATE: nothing'"),
        ("at 2026-01-05:", "write 'at DATE: LEVEL'"),
        ("at noon on 2026-01-05: watch", "write 'at DATE: LEVEL'"),
        ("at noon: watch", "'noon' is not an RFC 3339 instant; write 2026-06-30"),
        ("at 2026-01-05: risky", "'risky' is none of healthy, unknown, watch, at-risk, critical, left"),
        ("at 2026-01-05: watch,critical", "'watch,critical' is none of"),
        ("at 2026-01-05: nothing, watch", "'nothing' is none of"),
        ("at 2026-01-05: healthy", "'healthy' is what a client is without a concern; write 'nothing'"),
        ("at 2026-01-05: act by noon", "'noon' is not an RFC 3339 instant; write 2026-06-30"),
    ],
)
def test_a_mistake_names_the_line_and_says_why(line: str, why: str):
    with pytest.raises(RuleError) as caught:
        read_example(["2026-01-05 engaged", line, NOTHING])
    said = str(caught.value)
    start = f"the example's line {line!r}: "
    assert said.startswith(start + why)
    assert len(said) > len(start)


@pytest.mark.parametrize("lines", [[], ["2026-01-05 engaged"]])
def test_an_example_has_to_say_what_is_expected(lines: list[str]):
    with pytest.raises(
        RuleError, match="says of no instant what is expected; end it with a line such as 'at 2026-04-05"
    ):
        read_example(lines)
