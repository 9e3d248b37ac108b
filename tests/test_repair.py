"""Repairs: that they do, that nothing cheaper does, until when, what is in the way, the catalogue, and how it is told."""

import json
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

import attrs
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

from command import retention
from given import EVERYTHING, events_of, histories_of
from retention_engine import (
    BUILT_IN,
    REMEDIES,
    Action,
    BoundRule,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Event,
    Findings,
    Health,
    Introduced,
    Judged,
    Left,
    Profiled,
    Referred,
    Remedy,
    Renewed,
    Repair,
    Resolved,
    RetentionEngine,
    Settings,
    create_log,
    days,
    encode,
    find_repair,
    gather,
    instant,
    replay,
    rule,
)
from retention_engine.catalogue import read_remedies
from retention_engine.cli import main
from retention_engine.cli.options import RuleChoice
from retention_engine.errors import QuestionError, SettingsError, UnknownClient
from retention_engine.formats.repair import WHAT_IF, repair_document, repair_text
from retention_engine.repair import MOST_STEPS
from strategies import MICROSECOND, SPANS, logs, moments

ESSENTIALS = Engine(Settings().choose())
NOW = instant("2026-06-30")

WORDY = {"unagreed-expectations", "complacent-service", "one-way-contact", "token-contact", "reactive-contact"}
MIXED = Engine(
    BoundRule(it) for it in BUILT_IN if "essentials" in it.packs or it.name in WORDY | {"unheeded-criticism"}
)
"""Rules that events settle, and rules that events may set off."""


def call(at="2026-06-29", client="acme", **fields):
    return Engaged(client=client, at=at, **fields)


def repair(*events: Event, at=NOW, engine: Engine = ESSENTIALS, **how) -> Repair:
    return find_repair(engine, Client.from_events("acme", events), at=at, **how)


def names(found: Repair) -> list[str]:
    return [step.label for step in found.steps]


def rules(concerns) -> list[str]:
    return [concern.rule for concern in concerns]


def with_more(client: Client, events, moment) -> Client:
    """The client with events more, as if somebody had just recorded them."""
    position = max(event.position for event in client.events)
    moved = [attrs.evolve(event, at=moment, recorded_at=moment) for event in events]
    placed = [event.at_position(position + number) for number, event in enumerate(moved, start=1)]
    return Client.from_events(client.id, [*client.events, *placed])


# That it does, and that nothing cheaper does.


@st.composite
def sick_clients(draw) -> tuple[list[dict], Client, object]:
    """A log, a client of it as known at a moment, and the moment."""
    log = draw(logs())
    now = draw(moments(log))
    clients = [Client.from_events(name, events, as_of=now) for name, events in sorted(histories_of(log).items())]
    known = [client for client in clients if client]
    assume(known)
    return log, draw(st.sampled_from(known)), now


catalogues = st.lists(
    st.tuples(st.sampled_from(REMEDIES), st.integers(0, 4)), min_size=3, max_size=6, unique_by=lambda it: it[0].name
).map(lambda drawn: tuple(attrs.evolve(remedy, minutes=minutes) for remedy, minutes in drawn))
targets = st.sampled_from([Health.HEALTHY, Health.HEALTHY, Health.UNKNOWN, Health.WATCH, Health.AT_RISK])


@given(sick_clients(), targets)
def test_the_events_proposed_appended_to_the_log_reach_the_target(sick, target):
    log, client, now = sick
    found = find_repair(MIXED, client, at=now, target=target)
    if not found.is_possible:
        return
    lines = [json.loads(encode(event)) for event in found.events]
    assert all("id" not in line and line["at"] == encode_at(now) for line in lines)
    after = {it.client.id: it for it in replay(gather(events_of([*log, *lines])), MIXED, at=now)}
    assert after[client.id].status is found.after.status
    assert found.after.status <= target


def encode_at(moment) -> str:
    return json.loads(encode(call(at=moment)))["at"]


def is_reached(client: Client, steps, now, target) -> bool:
    events = [event for step in steps for event in step.events]
    return MIXED.assess(with_more(client, events, now), at=now).status <= target


def sets_by_cost(steps) -> Iterator[tuple]:
    """Every set of up to three: single steps first, then the others by what they cost."""
    yield from ((step,) for step in steps)
    several = [chosen for size in (2, 3) for chosen in combinations(steps, size)]
    yield from sorted(several, key=lambda chosen: sum(step.minutes for step in chosen))


@given(sick_clients(), targets, catalogues)
def test_nothing_cheaper_out_of_the_catalogue_does_it(sick, target, catalogue):
    _, client, now = sick
    found = find_repair(MIXED, client, at=now, target=target, remedies=catalogue)
    if not found.is_needed:
        assert (found.steps, found.rejected, found.after) == ((), (), found.before)
        return
    steps = sorted((it for remedy in catalogue for it in remedy.steps(client, now)), key=lambda step: step.minutes)
    cheapest = next((chosen for chosen in sets_by_cost(steps) if is_reached(client, chosen, now, target)), ())
    assert [(it.remedy, it.subject) for it in found.steps] == [(it.remedy, it.subject) for it in cheapest]
    assert found.is_possible == bool(cheapest)
    assert found.minutes == sum(step.minutes for step in cheapest)
    cheaper = [step.label for step in steps if not cheapest or step.minutes < found.minutes]
    assert [it.step.label for it in found.rejected] == cheaper


@given(sick_clients(), targets)
def test_why_a_cheaper_step_would_not_do_is_what_the_rules_say_with_it(sick, target):
    _, client, now = sick
    found = find_repair(MIXED, client, at=now, target=target)

    def worse(assessment) -> set:
        return {(it.rule, it.about) for it in assessment.schedule.concerns if it.level > target and it.in_force(now)}

    for it in found.rejected:
        alone = MIXED.assess(with_more(client, it.step.events, now), at=now)
        assert it.status is alone.status
        assert {(one.rule, one.about) for one in it.stays} == worse(alone)
        assert {(one.rule, one.about) for one in it.settles} == worse(found.before) - worse(alone)
        if len(found.steps) != 1:
            assert alone.status > target


@given(sick_clients(), targets, st.sampled_from(SPANS))
def test_the_same_steps_do_until_the_last_instant_that_is_named_and_not_an_instant_longer(sick, target, wait):
    _, client, now = sick
    when = now + days(wait)
    found = find_repair(MIXED, client, at=now, when=when, target=target, horizon=days(100))
    if not found.steps:
        assert found.suffices_until is None
        return

    def status(moment):
        return MIXED.assess(with_more(client, found.events, moment), at=moment).status

    last = found.suffices_until or found.horizon
    assert when <= last <= found.horizon == when + days(100)
    for place in range(6):
        assert status(when + (last - when) // 5 * place) <= target
    assert status(last) <= target
    if found.suffices_until is not None:
        assert status(last + MICROSECOND) > target
        assert found.then_stays or found.before.judgement or found.failures


@given(sick_clients(), targets)
def test_for_how_long_the_client_stays_so_is_exact(sick, target):
    _, client, now = sick
    found = find_repair(MIXED, client, at=now, target=target)
    if found.after is None:
        assert found.ends is None
        return
    known = with_more(client, found.events, now) if found.events else client
    end = found.ends.at if found.ends else now + days(2000)
    for place in range(6):
        assert MIXED.assess(known, at=now + (end - MICROSECOND - now) // 5 * place).status <= target
    assert MIXED.assess(known, at=end - MICROSECOND).status <= target
    assert found.ends is None or MIXED.assess(known, at=end).status is found.ends.after > target


@given(sick_clients(), catalogues)
def test_the_same_question_has_the_same_answer(sick, catalogue):
    _, client, now = sick
    once = find_repair(EVERYTHING, client, at=now, remedies=catalogue, horizon=days(30))
    again = find_repair(EVERYTHING, client, at=now, remedies=catalogue, horizon=days(30))
    assert repair_document(once, at=now) == repair_document(again, at=now)
    assert repair_text(once) == repair_text(again)


# Cases.


def test_an_email_will_not_do_where_a_complaint_is_open():
    found = repair(call("2026-01-01"), Complained(client="acme", at="2026-01-02", id="late"))
    assert names(found) == ["resolution-talk [late]"]
    assert (found.minutes, found.before.status, found.after.status) == (60, Health.AT_RISK, Health.HEALTHY)
    assert rules(found.in_the_way) == ["open-complaint", "quiet-client", "unheard-client"]
    email = found.rejected[0]
    assert (email.step.label, rules(email.settles)) == ("email", ["quiet-client"])
    assert rules(email.stays) == ["open-complaint", "unheard-client"]
    text = repair_text(found)
    assert (
        "What is cheaper would not do (minutes)\n"
        "  email (5), thanks (10), resource (20), report (30), introduction (30) or recommendation (30): quiet-client would"
        " be settled, open-complaint [late] and unheard-client would stay\n"
        "  call (15) or question (20): quiet-client and unheard-client would be settled, open-complaint [late] would stay\n"
        "  resolution [late] (45): open-complaint [late] would be settled, quiet-client and unheard-client would stay\n"
    ) in text
    assert text.endswith(WHAT_IF)


def test_where_no_single_step_does_the_cheapest_set_is_found():
    catalogue = [it for it in REMEDIES if it.name != "resolution-talk"]
    found = repair(call("2026-01-01"), Complained(client="acme", at="2026-01-02", id="late"), remedies=catalogue)
    assert names(found) == ["call", "resolution [late]"]
    assert (found.minutes, len(found.events)) == (60, 2)
    assert [event.position for event in found.events] == [3, 4]


def test_a_single_step_goes_before_a_cheaper_set():
    def priced(name, minutes):
        (remedy,) = (it for it in REMEDIES if it.name == name)
        return attrs.evolve(remedy, minutes=minutes)

    catalogue = [priced("call", 10), priced("resolution", 10), priced("resolution-talk", 90)]
    history = [call("2026-01-01"), Complained(client="acme", at="2026-01-02", id="late")]
    assert names(repair(*history, remedies=catalogue)) == ["resolution-talk [late]"]


def test_among_equals_the_first_of_the_catalogue_is_chosen():
    email, thanks = (attrs.evolve(it, minutes=5) for it in REMEDIES[:2])
    quiet = [call("2026-04-20", direction="inbound"), Profiled(client="acme", at="2026-04-20", cadence_days=30)]
    assert names(repair(*quiet, remedies=[email, thanks])) == ["email"]
    assert names(repair(*quiet, remedies=[thanks, email])) == ["thanks"]


def test_whoever_is_well_needs_nothing_and_is_told_for_how_long():
    found = repair(call("2026-06-29"))
    assert (found.is_needed, found.is_possible, found.steps, found.minutes) == (False, True, (), 0)
    assert found.ends.at == instant("2026-09-27")
    assert repair_text(found) == (
        "acme on 2026-06-30: HEALTHY. Nothing is to be mended.\n"
        "  The client stays healthy until 2026-09-27, and watch from then on: Nobody has been in touch with the client for"
        " longer than agreed. (quiet-client)"
    )
    better = repair(call("2026-06-29"), target=Health.AT_RISK)
    assert "HEALTHY, which is no worse than AT-RISK. Nothing" in repair_text(better)
    assert "  The client stays healthy, and no worse than at-risk, for as long as nothing else" in repair_text(better)


def test_time_may_do_it_alone_and_what_no_event_settles_is_named():
    complaints = [Complained(client="acme", at=f"2026-05-{day:02}", id=f"c{day}") for day in (10, 20, 30)]
    settled = [Resolved(client="acme", at="2026-06-01", complaint=it.id) for it in complaints]
    found = repair(*complaints, *settled, call())
    assert (found.is_needed, found.is_possible, found.after, found.steps) == (True, False, None, ())
    assert found.mends_itself.at == instant("2026-08-08")
    assert len(found.rejected) == len([it for it in REMEDIES if not it.name.startswith(("resolution", "renewal"))])
    text = repair_text(found)
    assert "No event of the catalogue makes it HEALTHY, nor do up to three together." in text
    assert "    no single entry of the catalogue settles it; it passes on 2026-08-08\n" in text
    assert "  2026-08-08: at-risk becomes healthy. By time alone.\n" in text
    assert WHAT_IF not in text


def test_the_best_level_within_reach_is_offered_where_the_target_is_not():
    answers = {"stop": "The calls on Friday."}
    history = [
        Complained(client="acme", at="2026-06-01", id="late", severity="critical"),
        Engaged(client="acme", at="2026-06-10", our_view=5, client_view=2, answers=answers),
    ]
    engine = Engine(BoundRule(it) for it in BUILT_IN if it.name in {"open-complaint", "differing-views"})
    found = repair(*history, engine=engine)
    assert not found.is_possible
    assert (found.nearest.target, names(found.nearest)) == (Health.WATCH, ["resolution [late]"])
    text = repair_text(found)
    assert "Within reach is WATCH:\nWhat would do\n  Resolve the complaint. [late] (resolution, 45 minutes)\n" in text
    assert "    would be settled by resolution [late] or resolution-talk [late]\n" in text
    assert "    no single entry of the catalogue settles it\n" in text
    assert text.endswith(WHAT_IF)
    assert repair_document(found, at=NOW)["nearest"]["target"] == "watch"


def test_whoever_left_comes_back_by_a_contact_or_a_renewal():
    gone = [call("2026-06-01"), Left(client="acme", at="2026-06-20", reason="Too dear.")]
    found = repair(*gone)
    assert (found.before.status, names(found)) == (Health.LEFT, ["email"])
    lapsed = [Renewed(client="acme", at="2025-01-01", term_end="2026-01-01", value="1200", currency="EUR"), call()]
    found = repair(*lapsed, Left(client="acme", at="2026-06-29"))
    assert names(found) == ["renewal"]
    (signed,) = found.events
    assert (signed.term_start, signed.term_end - signed.term_start) == (NOW, days(365))
    assert (str(signed.value), signed.currency) == ("1200", "EUR")
    email = found.rejected[0]
    assert (rules(email.settles), rules(email.stays)) == (["departed-client"], ["lapsed-term"])


def test_a_renewal_in_time_follows_the_running_term():
    term = Renewed(client="acme", at="2025-07-01", term_start="2025-08-01", term_end="2026-08-01")
    (remedy,) = (it for it in REMEDIES if it.name == "renewal")
    ((step,),) = [list(remedy.steps(Client.from_events("acme", [term]), NOW))]
    assert step.events[0].term_start == instant("2026-08-01")
    assert step.events[0].term_end == instant("2027-08-01")


@pytest.mark.parametrize(
    "history",
    [
        [Renewed(client="acme", at="2026-01-01")],
        [Renewed(client="acme", at="2026-06-01", term_end="2026-05-01")],
        [Renewed(client="acme", at="1950-01-01", term_end="2199-12-31")],
    ],
    ids=["without a term", "recorded after its end", "as long as time"],
)
def test_a_term_that_has_no_length_can_not_be_renewed_for_as_long(history):
    (remedy,) = (it for it in REMEDIES if it.name == "renewal")
    assert list(remedy.steps(Client.from_events("acme", history), NOW)) == []


def test_no_event_replaces_a_verdict():
    verdict = Judged(client="acme", at="2026-06-29", id="j", level="at-risk", reason="Odd.", until="2026-07-20")
    found = repair(call(), verdict)
    assert not found.is_possible
    assert found.mends_itself.at == instant("2026-07-20")
    text = repair_text(found)
    assert "  at-risk: Odd. (a person's verdict, j until 2026-07-20)\n" in text
    assert "    no event replaces it but another verdict (judged)\n" in text
    assert "would not do" not in text
    forever = repair_text(repair(call(), attrs.evolve(verdict, until=None)))
    assert "(a person's verdict, j, and for as long as nobody says otherwise)" in forever
    assert forever.endswith("If nothing is done\n  It stays at-risk.")


def test_a_verdict_that_is_good_enough_needs_no_repair():
    verdict = Judged(client="acme", at="2026-06-29", level="healthy", reason="I met them.", until="2026-07-20")
    found = repair(call("2026-01-01"), verdict)
    assert not found.is_needed
    assert (found.ends.at, found.ends.after) == (instant("2026-07-20"), Health.AT_RISK)


def test_a_catalogue_of_ones_own_may_hold_verdicts():
    verdict = Judged(client="acme", at="2026-06-29", level="at-risk", reason="Odd.")

    def judged_well(client, when):
        yield None, (Judged(client=client.id, at=when, level="healthy", reason="I met them."),)

    found = repair(call(), verdict, remedies=[*REMEDIES, Remedy("second-look", "Look again.", 1, judged_well)])
    assert names(found) == ["second-look"]


def test_how_long_it_does_and_what_it_is_to_prevent():
    term = Renewed(client="acme", at="2025-09-01", id="r", term_end="2026-09-01")
    found = repair(term, call("2026-03-15"))
    assert (found.before.status, names(found)) == (Health.WATCH, ["call"])
    assert found.suffices_until == instant("2026-09-01") - MICROSECOND
    assert rules(found.then_stays) == ["lapsed-term"]
    assert (found.gets_worse.at, found.gets_worse.after) == (instant("2026-07-03"), Health.AT_RISK)
    assert (found.ends.at, rules(found.ends.because)) == (instant("2026-07-30"), ["silent-renewal"])
    text = repair_text(found)
    assert "  By when: before 2026-09-01; from then on it leaves lapsed-term.\n" in text
    assert "  The client is then healthy until 2026-07-30, and at-risk from then on: The renewal is near" in text
    assert "  2026-07-03: watch becomes at-risk. The renewal is near and nobody has talked to the client." in text


def test_something_that_always_does_says_how_far_one_looked():
    found = repair(call("2026-01-01"), horizon=days(50))
    assert (found.suffices_until, found.horizon) == (None, instant("2026-08-19"))
    assert "  By when: it would still do on 2026-08-19, if nothing else happens.\n" in repair_text(found)


@rule
def step_by_step(client: Client) -> Findings:
    """One thing is asked for after the other, and no further than the first that is missing."""
    for kind, count in ((Engaged, 2), (Introduced, 1), (Referred, 1)):
        if len(client.of(kind)) < count:
            yield Concern(Health.WATCH, starts=client.since, because=client.first)
            return


def test_a_rule_may_read_more_once_it_has_found_what_it_asked_for_first():
    found = repair(call(), engine=Engine([step_by_step]))
    assert names(found) == ["email", "introduction", "recommendation"]


@rule
def on_odd_days(client: Client) -> Findings:
    """A call does on a day on which it does."""
    latest = client.latest(Engaged)
    if latest and (latest.at - client.since) % days(40) > days(33) + timedelta(hours=5):
        yield Concern(Health.WATCH, starts=latest.at, because=latest)


def test_an_end_that_no_rule_announces_is_found_to_the_instant():
    engine = Engine([*ESSENTIALS.rules, on_odd_days])
    found = repair(call("2026-01-01"), at=instant("2026-05-01"), engine=engine)
    assert names(found) == ["call"]
    assert found.suffices_until == instant("2026-05-01") + days(33) + timedelta(hours=5)
    assert rules(found.then_stays) == ["on-odd-days"]


def test_it_may_happen_later_than_now():
    quiet = call("2026-04-15")
    assert not repair(quiet).is_needed
    found = repair(quiet, when=instant("2026-07-20"))
    assert (found.when, found.before.status, names(found)) == (instant("2026-07-20"), Health.WATCH, ["call"])
    assert found.events[0].at == instant("2026-07-20")


def test_what_happened_after_the_moment_is_not_seen():
    found = repair(call("2026-01-01"), call("2026-07-05"), when=instant("2026-07-10"))
    assert names(found) == ["call"]


def test_a_question_that_makes_no_sense_is_refused():
    with pytest.raises(QuestionError, match="what is done is done later"):
        repair(call(), when=NOW - MICROSECOND)
    with pytest.raises(QuestionError, match="makes a client leave"):
        repair(call(), target=Health.LEFT)
    with pytest.raises(UnknownClient):
        repair(call("2027-01-01"))


@rule
def broken(client: Client) -> Findings:
    """Fails as long as nobody has called."""
    if len(client.of(Engaged)) < 3:
        raise LookupError("too few")
    yield Action("Go on.", due=client.since, because=client.first)


def test_a_rule_that_fails_keeps_the_client_from_being_well_until_it_no_longer_does():
    found = repair(call("2026-06-28"), call("2026-06-29"), engine=Engine([*ESSENTIALS.rules, broken]))
    assert (found.before.status, names(found)) == (Health.UNKNOWN, ["email"])
    assert rules(found.failures) == ["broken"]
    assert "  The rule broken failed, so that this is not the whole truth: LookupError: too few" in repair_text(found)
    assert names(repair(call("2026-01-01"), engine=Engine([broken]), target=Health.UNKNOWN)) == []
    lone = repair(call(), engine=Engine([broken]))
    assert names(lone) == ["email", "thanks"]


def test_a_set_has_no_more_than_three_steps():
    complaints = [Complained(client="acme", at="2026-01-01", id=f"c{number}") for number in range(3)]
    (resolution,) = (it for it in REMEDIES if it.name == "resolution")
    engine = Engine(BoundRule(it) for it in BUILT_IN if it.name == "open-complaint")
    assert names(repair(*complaints, engine=engine, remedies=[resolution])) == [f"resolution [c{n}]" for n in range(3)]
    assert len(complaints) == MOST_STEPS
    unnamed = Complained(client="acme", at="2026-01-01")
    lost = repair(*complaints, unnamed, engine=engine)
    assert not lost.is_possible
    assert "no single entry of the catalogue settles it" in repair_text(lost)


def test_many_complaints_are_offered_together_and_the_worst_and_oldest_by_themselves():
    severities = ["minor", "minor", "critical", "major", "minor", "minor", "minor", "minor"]
    complaints = [
        Complained(client="acme", at=f"2026-01-0{9 - number}", id=f"c{number}", severity=severity)
        for number, severity in enumerate(severities)
    ]
    (resolution,) = (it for it in REMEDIES if it.name == "resolution")
    steps = list(resolution.steps(Client.from_events("acme", complaints), NOW))
    assert [step.subject for step in steps] == ["c2", "c3", "c7", "c6", "c5", "c4", "all 8 open complaints"]
    assert (steps[-1].minutes, len(steps[-1].events)) == (8 * 45, 8)
    engine = Engine(BoundRule(it) for it in BUILT_IN if it.name == "open-complaint")
    found = repair(*complaints, engine=engine)
    assert names(found) == ["resolution [all 8 open complaints]"]
    assert "    and 7 more events like it\n" in repair_text(found)


def test_the_question_that_was_asked_longest_ago_is_asked():
    asked = [call("2026-01-01", asked=["how", "start"]), call("2026-02-01", answers={"stop": "Nothing."})]
    (remedy,) = (it for it in REMEDIES if it.name == "question")
    (step,) = remedy.steps(Client.from_events("acme", asked), NOW)
    assert step.events[0].asked == ("refer",)
    everything = call("2026-03-01", asked=["start", "stop", "refer", "quote"])
    (step,) = remedy.steps(Client.from_events("acme", [*asked, everything]), NOW)
    assert step.events[0].asked == ("how",)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_every_entry_of_the_catalogue_is_of_use_somewhere(remedy):
    """Each is the only one of the catalogue that brings a client back from something, or puts an action off."""
    history = [
        Renewed(client="acme", at="2025-07-01", term_end="2026-06-25"),
        Engaged(client="acme", at="2025-07-02", purpose="delivery", with_=["Nora"]),
        Complained(client="acme", at="2026-06-01", id="late", topic="price"),
        Engaged(client="acme", at="2026-06-02", answers={"stop": "The calls."}, with_=["Nora"]),
    ]
    client = Client.from_events("acme", history)
    before = EVERYTHING.assess(client, at=NOW)
    for step in remedy.steps(client, NOW):
        after = EVERYTHING.assess(with_more(client, step.events, NOW), at=NOW)
        assert {it.id for it in before.actions} - {it.id for it in after.actions}
    assert list(remedy.steps(client, NOW))


def test_the_catalogue_is_in_order_of_cost_and_its_names_are_its_own():
    assert [it.minutes for it in REMEDIES] == sorted(it.minutes for it in REMEDIES)
    assert len({it.name for it in REMEDIES}) == len(REMEDIES)


# A catalogue of one's own.


def catalogue(text: str) -> dict[str, Remedy]:
    return {it.name: it for it in Settings.from_table(tomllib.loads(text)).repair}


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        Settings.from_table(tomllib.loads(text))
    return [problem.removeprefix("settings: ") for problem in error.value.problems]


def test_costs_can_be_changed_entries_switched_off_and_others_added():
    assert Settings().repair == REMEDIES
    found = catalogue("""
        [repair.email]
        minutes = 3
        [repair.introduction]
        enabled = false
        [repair.lunch]
        about = "Have lunch together."
        minutes = 120
        event = { kind = "engaged", purpose = "social", depth = "meaningful", with = ["Nora"], note = "On us." }
        [repair.gift]
        minutes = 30
        event = { kind = "engaged" }
        [repair.flowers]
        minutes = 20
        event = { kind = "engaged" }
        enabled = false
    """)
    assert found["email"].minutes == 3
    assert list(found) == [it.name for it in REMEDIES if it.name != "introduction"] + ["lunch", "gift"]
    (step,) = found["lunch"].steps(Client.from_events("acme", [call()]), NOW)
    assert (step.label, step.about, step.minutes, step.subject) == ("lunch", "Have lunch together.", 120, None)
    (event,) = step.events
    assert event == Engaged(client="acme", at=NOW, purpose="social", depth="meaningful", with_=["Nora"], note="On us.")
    assert found["gift"].about == "Gift."


def test_an_entry_of_ones_own_may_be_about_each_open_complaint():
    found = catalogue("""
        [repair.visit]
        minutes = 90
        event = { kind = "engaged", channel = "visit", resolves = "{complaint}" }
    """)
    complaints = [Complained(client="acme", at="2026-06-01", id=name) for name in ("a", "b")]
    steps = list(found["visit"].steps(Client.from_events("acme", complaints), NOW))
    assert [(step.label, step.events[0].resolves) for step in steps] == [("visit [a]", "a"), ("visit [b]", "b")]
    assert list(found["visit"].steps(Client.from_events("acme", [call()]), NOW)) == []


def test_every_mistake_in_the_catalogue_is_reported_at_once():
    assert problems("""
        [repair]
        thanks = 10
        [repair.email]
        minute = 3
        event = { kind = "engaged" }
        [repair.call]
        minutes = -1
        [repair.meeting]
        enabled = "no"
        [repair.emial]
        minutes = 3
        [repair."Big lunch"]
        about = ""
        minutes = true
        event = { kind = "engagd" }
        [repair.talk]
        minutes = 1
        event = { kind = "engaged", id = "x", depth = "deep", purpos = "a", our_view = 9, with = "Nora" }
        [repair.number]
        minutes = 1
        event = { kind = "measured", measure = "leads" }
        [repair.term]
        minutes = 1
        event = { kind = "renewed", term_start = "2026-01-01", term_end = "2025-01-01" }
        [repair.verdict]
        minutes = 1
        event = { kind = "judged", level = "healthy", reason = "x" }
        [repair.undo]
        minutes = 1
        event = { kind = "retracted", event = "e1" }
        [repair.nothing]
        minutes = 1
        event = { purpose = "social" }
        [repair.word]
        minutes = 1
        event = "engaged"
        [repair.bell]
        minutes = 1
        event = { kind = "engaged", "\\u0007" = 1 }
    """) == [
        "repair.thanks: expected a table, [repair.thanks], got 10",
        "repair.email.minute: no such setting; did you mean 'minutes'? (there are: about, minutes, enabled, event)",
        "repair.email.event: is that of the entry of this name in every catalogue; give an entry of your own another name",
        "repair.call.minutes: expected a whole number from 0, got -1",
        "repair.meeting.enabled: expected true or false, got 'no'",
        "repair.emial.event: is missing; an entry of your own needs minutes and event; did you mean 'email'?",
        "repair.Big lunch: is no name for an entry; use lower-case letters, digits, - and _",
        "repair.Big lunch.about: expected a sentence that says what to do, got ''",
        "repair.Big lunch.minutes: expected a whole number from 0, got true",
        "repair.Big lunch.event.kind: nobody registered 'engagd'; did you mean 'engaged'?",
        "repair.talk.event.id: is set by whoever records it; leave it out",
        "repair.talk.event.purpos: 'engaged' has no such field; did you mean 'purpose'?",
        "repair.talk.event.depth: 'deep' is none of token, routine, meaningful",
        "repair.talk.event.our_view: expected a whole number <= 5",
        "repair.talk.event.with: expected a list, got text",
        "repair.number.event.target: is missing, and must be given",
        "repair.number.event.value: is missing, and must be given",
        "repair.term.event.term_end: must lie after term_start",
        "repair.verdict.event.kind: judged is a person's word on how the client is, and mends nothing",
        "repair.undo.event.kind: retracted takes something out of the log, and mends nothing",
        "repair.nothing.event.kind: is missing; say what kind of event is recorded",
        """repair.word.event: expected what is recorded, such as { kind = "engaged" }, got 'engaged'""",
        r"repair.bell.event.'\x07': 'engaged' has no such field",
    ]
    assert problems("repair = 3") == ["repair: expected a table, [repair], got 3"]


def test_a_catalogue_can_be_built_on_another():
    (only,), found = read_remedies({"gift": {"minutes": 1, "event": {"kind": "engaged"}}}, "mine", base=())
    assert (only.name, found) == ("gift", [])
    assert read_remedies({"gift": 1}, "mine")[1] == ["mine.gift: expected a table, [mine.gift], got 1"]


# Printing.


def test_the_text_tells_what_is_in_the_way_what_would_do_and_for_how_long():
    history = [
        Profiled(client="acme", at="2026-01-01", name="Acme Ltd"),
        call("2026-05-20", id="e1", direction="inbound"),
        Complained(client="acme", at="2026-06-20", id="too late", severity="major"),
    ]
    assert repair_text(repair(*history)) == (
        "Acme Ltd (acme) on 2026-06-30: AT-RISK. To make it HEALTHY takes one step, 45 minutes.\n"
        "\n"
        "What is in the way\n"
        "  at-risk: A complaint is not resolved. (open-complaint [too late]), since 2026-06-27, because of too late\n"
        "\n"
        "What would do\n"
        "  Resolve the complaint. [too late] (resolution, 45 minutes)\n"
        "    in the log: resolved 'complaint=too late'\n"
        "  The client is then healthy until 2026-08-18, and watch from then on: Nobody has been in touch with the client"
        " for longer than agreed. (quiet-client)\n"
        "  By when: before 2026-08-18; from then on it leaves quiet-client.\n"
        "\n"
        "If nothing is done\n"
        "  It stays at-risk.\n"
        "\n"
        "What is cheaper would not do (minutes)\n"
        "  email (5), thanks (10), call (15), resource (20), question (20), report (30), introduction (30) or"
        " recommendation (30): open-complaint [too late] would stay\n"
        "\n"
        f"{WHAT_IF}"
    )


def test_a_step_that_would_set_something_off_says_so():
    tokens = [call(f"2026-0{month}-01", direction="outbound", depth="token") for month in (4, 5)]
    found = repair(call("2026-03-15"), *tokens, engine=MIXED, target=Health.HEALTHY)
    text = repair_text(found)
    assert "unheard-client" in text
    assert "token-contact would come" in text or "one-way-contact would come" in text


def test_hostile_names_steer_no_terminal():
    history = [
        Profiled(client="acme", at="2026-01-01", name="\x1b[2J\u202e"),
        Complained(client="acme", at="2026-01-02", id="\u202e"),
    ]
    for text in (repair_text(repair(*history)), repair_text(repair(*history, remedies=REMEDIES[:3]))):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_the_document_has_it_all():
    term = Renewed(client="acme", at="2025-09-01", id="r", term_end="2026-09-01")
    document = repair_document(repair(term, call("2026-03-15")), at=NOW, known_at=NOW)
    assert document["known_at"] == document["at"] == document["when"] == "2026-06-30T00:00:00Z"
    assert (document["client"], document["status"], document["target"]) == ("acme", "watch", "healthy")
    assert (document["needed"], document["possible"], document["nearest"]) == (True, True, None)
    assert [it["rule"] for it in document["in_the_way"]] == ["quiet-client", "unheard-client"]
    solution = document["repair"]
    assert (solution["minutes"], solution["status"]) == (15, "healthy")
    assert [(it["entry"], it["subject"], it["minutes"]) for it in solution["steps"]] == [("call", None, 15)]
    assert json.loads(json.dumps(solution["steps"][0]["events"], default=lambda it: it.isoformat())) == [
        {"client": "acme", "kind": "engaged", "at": "2026-06-30T00:00:00+00:00"}
    ]
    assert solution["suffices_until"] == "2026-08-31T23:59:59.999999Z"
    assert [it["rule"] for it in solution["then_stays"]] == ["lapsed-term"]
    assert (solution["ends"]["at"], solution["ends"]["after"]) == ("2026-07-30T00:00:00Z", "at-risk")
    assert solution["ends"]["because"][0]["because"] == ["r", "what-if:call"]
    assert document["gets_worse"]["at"] == "2026-07-03T00:00:00Z"
    assert document["mends_itself"] is None
    assert [it["entry"] for it in document["rejected"]] == ["email", "thanks"]
    assert document["rejected"][0]["settles"] == [{"rule": "quiet-client", "about": None}]
    assert [it["rule"] for it in document["rejected"][0]["stays"]] == ["unheard-client"]
    assert document["failures"] == []


def test_the_document_of_whom_nothing_mends_has_no_repair():
    verdict = Judged(client="acme", at="2026-06-29", id="j", level="watch", reason="Odd.")
    document = repair_document(repair(call(), verdict), at=NOW)
    assert (document["repair"], document["possible"], document["judged"]["because"]) == (None, False, ["j"])
    assert (document["gets_worse"], document["mends_itself"]) == (None, None)


# The command.

AT = ["--at", "2026-06-30"]


@pytest.fixture
def log(tmp_path):
    lines = [
        call("2026-05-20", id="e1", direction="inbound"),
        Complained(client="acme", at="2026-06-20", id="late"),
        call("2026-05-20", client="bolt"),
    ]
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in lines))
    return path


def acme(log) -> Repair:
    return repair(*gather(events_of(map(json.loads, log.read_text().splitlines())))["acme"])


def test_the_command_prints_the_repair_and_its_event_can_be_recorded(log, tmp_path):
    ran = retention("repair", log, "acme", *AT)
    assert (ran.code, ran.err) == (0, "")
    assert ran.text == repair_text(acme(log)) + "\n"
    document = json.loads(retention("repair", log, "acme", *AT, "--format", "json").out)
    assert document["repair"]["steps"][0]["entry"] == "resolution"
    (event,) = document["repair"]["steps"][0]["events"]
    mended = tmp_path / "mended.jsonl"
    mended.write_text(log.read_text() + json.dumps(event) + "\n")
    replayed = json.loads(retention("replay", mended, *AT, "--client", "acme", "--format", "json").out)
    assert replayed["clients"][0]["status"] == document["repair"]["status"] == "healthy"
    outlook = json.loads(retention("outlook", mended, *AT, "--client", "acme", "--days", "90", "--format", "json").out)
    assert outlook["changes"][0]["at"] == document["repair"]["ends"]["at"]


def test_the_command_takes_a_level_a_date_and_what_was_known(log):
    def asked(*options):
        return json.loads(retention("repair", log, "acme", *AT, *options, "--format", "json").out)

    assert asked("--to", "at-risk")["needed"] is False
    later = asked("--by", "2026-08-20")
    assert (later["when"], later["repair"]["steps"][0]["entry"]) == ("2026-08-20T00:00:00Z", "resolution-talk")
    assert asked("--known-at", "2026-06-19")["status"] == "healthy"
    assert asked("--select", "quiet-client")["needed"] is False


def test_the_command_refuses_what_makes_no_sense(log):
    early = retention("repair", log, "acme", *AT, "--by", "2026-06-29")
    assert (early.code, "--by" in early.err, "lies before 2026-06-30" in early.err) == (2, True, True)
    assert retention("repair", log, "acme", *AT, "--to", "left").code == 2
    assert "did you mean 'acme'?" in retention("repair", log, "acm", *AT).err
    unborn = retention("repair", log, "acme", "--at", "2026-01-01", "--known-at", "2026-01-01")
    assert (unborn.code, unborn.out) == (2, b"")
    assert "nothing is known of 'acme' as of 2026-01-01, as known on 2026-01-01" in unborn.err


def test_the_command_takes_a_catalogue_from_the_settings_or_from_a_file(log, tmp_path):
    (tmp_path / "retention.toml").write_text("[repair.resolution]\nenabled = false\n")
    other = tmp_path / "other.toml"
    other.write_text('[repair.letter]\nminutes = 40\nevent = { kind = "resolved", complaint = "{complaint}" }\n')

    def entry(*options):
        ran = retention("repair", log, "acme", *AT, *options, "--format", "json", cwd=tmp_path)
        return json.loads(ran.out)["repair"]["steps"][0]["entry"]

    assert entry() == "resolution-talk"
    assert entry("--catalogue", other) == "letter"
    assert entry("--settings", other) == "letter"
    other.write_text("[repair.letter]\nminute = 40\n[repair.call]\nminutes = 0.5\n")
    wrong = retention("repair", log, "acme", *AT, "--catalogue", other)
    assert wrong.code == 2
    assert wrong.err.count("other.toml: repair.") == 4


def test_the_command_ends_with_4_where_a_rule_fails(log, monkeypatch):
    monkeypatch.setattr(RuleChoice, "engine", lambda _: Engine([*ESSENTIALS.rules, broken]))
    ran = CliRunner().invoke(main, ["repair", str(log), "acme", *AT])
    assert (ran.exit_code, ran.stderr.count("Error: rule broken failed for acme: LookupError")) == (4, 1)
    assert ran.stdout.startswith("acme on 2026-06-30: AT-RISK.")


def test_the_engine_repairs_from_its_log_and_by_its_settings(tmp_path):
    with create_log(f"sqlite:///{tmp_path / 'clients.db'}") as made:
        made.record_many([call("2026-01-01")])
    settings = Settings.from_table({"repair": {"call": {"enabled": False}}})
    with RetentionEngine.open(f"sqlite:///{tmp_path / 'clients.db'}", settings=settings) as engine:
        assert names(engine.repair("acme", at=NOW)) == ["question"]
        assert names(engine.repair("acme", at=NOW, remedies=REMEDIES)) == ["call"]
        assert names(engine.repair("acme", at=NOW, target=Health.WATCH)) == ["email"]
        with pytest.raises(UnknownClient):
            engine.repair("nobody", at=NOW)
