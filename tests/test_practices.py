"""What the articles insist on: contact before the trouble is not contact after it, and work that is paid for is no contact."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from given import EVERYTHING, client_of, histories_of
from retention_engine import Client, Complained, Concern, Engaged, Engine, Event, Settings, days, instant
from strategies import START, instants, maybe, one_of, questions, variants

LOVE_ENGAGE_HELP = Engine(Settings().choose(packs=("love-engage-help",)))
TOO_LATE = {"reactive-contact", "circled-wagons", "late-thanks"}
"""Rules about contact that comes only after the trouble."""

# Contact before the trouble, and after it.

TROUBLE = START + days(200)
apart = st.lists(st.integers(1, 59), min_size=3, max_size=6, unique=True)
soon = st.lists(st.integers(1, 14 * 24 - 1), min_size=6, max_size=6, unique=True)
our_contacts = st.lists(
    one_of(
        variants(
            purpose=["general", "appreciation", "advice", "review"],
            direction=["outbound", "two_way"],
            depth=["routine", "meaningful"],
        )
    ),
    min_size=6,
    max_size=6,
)


def story(moments: Sequence[datetime], contacts: Sequence[dict[str, Any]]) -> Client:
    """A first talk, one complaint, and these contacts."""
    kept = [Engaged(client="acme", at=at, **said) for at, said in zip(moments, contacts, strict=False)]
    return client_of(Engaged(client="acme", at=START), Complained(client="acme", at=TROUBLE, id="late"), *kept)


def named(client: Client) -> set[str]:
    """The rules that say something at a month's end after the trouble."""
    found = LOVE_ENGAGE_HELP.assess(client, at=TROUBLE + days(45))
    assert found.failures == ()
    return {it.rule for it in (*found.concerns, *found.due())}


@given(apart, soon, our_contacts)
def test_contact_before_the_trouble_is_found_to_be_other_than_contact_only_after_it(before, after, contacts):
    early = story([TROUBLE - days(count) for count in before], contacts)
    late = story([TROUBLE + timedelta(hours=count) for count in sorted(after)[: len(before)]], contacts)
    assert len(early.events) == len(late.events)
    assert sorted(type(event).kind for event in early.events) == sorted(type(event).kind for event in late.events)

    assert named(early) & TOO_LATE == set()
    assert "circled-wagons" in named(late)


@given(st.integers(1, 179), st.integers(1, 13))
def test_thanks_before_the_trouble_are_other_than_thanks_only_after_it(before, after):
    early = story([TROUBLE - days(before)], [{"purpose": "appreciation"}])
    late = story([TROUBLE + days(after)], [{"purpose": "appreciation"}])
    assert named(early) & TOO_LATE == set()
    assert named(late) & TOO_LATE == {"late-thanks"}


# Deliveries and invoices.

CADENCES = {
    "quiet-client", "unheard-client", "handoff-gap", "silent-renewal", "absent-owner", "unthanked-client",
    "shallow-contact", "nothing-learned", "nothing-shared", "no-introduction", "no-referral-given",
}  # fmt: skip
"""Rules that wait for something to happen again."""
PAID_FOR = variants(
    purpose=["delivery", "invoice"],
    direction=["outbound", "inbound", "two_way"],
    depth=["token", "meaningful"],
    channel=maybe("phone", "meeting"),
    by=maybe("jo", "max"),
    exceeded=[False, True],
)


def due(client: Client) -> dict[str, datetime]:
    """When the cadences' next steps are due."""
    actions = EVERYTHING.schedule(client).actions
    assert len({it.rule for it in actions if it.rule in CADENCES}) == sum(it.rule in CADENCES for it in actions)
    return {it.rule: it.due for it in actions if it.rule in CADENCES}


def concerns(client: Client, at: datetime) -> dict[str, Concern]:
    return {it.rule: it for it in EVERYTHING.schedule(client).concerns if it.rule in CADENCES and it.in_force(at)}


def with_one_more(client: Client, event: Event) -> Client:
    return Client.from_events(client.id, [*client.events, event.at_position(1000)])


@given(questions(), instants, one_of(PAID_FOR))
def test_deliveries_and_invoices_never_reset_a_cadence(question, at, said):
    log, now, known_at = question
    assume(at <= now)
    for name, history in histories_of(log).items():
        client = Client.from_events(name, history, as_of=now, as_at=known_at)
        if not client:
            continue
        longer = with_one_more(client, Engaged(client=name, at=at, **said))
        later = due(longer)
        for rule, before in due(client).items():
            assert later[rule] <= before
        worse = concerns(longer, now)
        for rule, concern in concerns(client, now).items():
            assert worse[rule].level >= concern.level
            assert worse[rule].starts <= concern.starts or worse[rule].level > concern.level


@pytest.mark.parametrize(
    ("rule", "contact"),
    [
        ("quiet-client", {}),
        ("absent-owner", {"by": "jo"}),
        ("unthanked-client", {"purpose": "appreciation"}),
        ("nothing-shared", {"purpose": "idea"}),
        ("shallow-contact", {"depth": "meaningful"}),
        ("nothing-learned", {"learned": "They build."}),
    ],
)
def test_contact_of_the_kind_that_a_cadence_waits_for_does_reset_it(rule: str, contact: dict[str, Any]):
    log = [
        {"client": "acme", "kind": "profiled", "at": "2026-01-01", "owner": "jo"},
        {"client": "acme", "kind": "engaged", "at": "2026-01-01", "by": "max"},
    ]
    client = Client.from_events("acme", histories_of(log)["acme"])
    longer = with_one_more(client, Engaged(client="acme", at=instant("2026-03-01"), **contact))
    assert due(longer)[rule] - due(client)[rule] == days(59)
