"""Every boundary of every built-in rule on both sides, each setting changed once, and each default of a tier.

A case gives one client's history and what the rule states of it, in words: `watch from A until B about X because e1`,
and `due A about X because e1`. The events of a history are called e1, e2 ... in the order given.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from given import client_of
from retention_engine import (
    BUILT_IN,
    Action,
    BoundRule,
    Client,
    Complained,
    Concern,
    Engaged,
    Engine,
    Event,
    Introduced,
    Left,
    Measured,
    Profiled,
    Referred,
    Renewed,
    Resolved,
    days,
    instant,
)

MICROSECOND = timedelta(microseconds=1)
RULES = {rule.name: rule for rule in BUILT_IN}
STATEMENT = re.compile(
    r"(?:(?P<level>[a-z-]+) from (?P<starts>\S+)(?: until (?P<until>\S+))?|due (?P<due>\S+))"
    r"(?: about (?P<about>\S+))?(?: because (?P<because>[\w ]+))?"
)


def engaged(at: str, **fields: Any) -> Event:
    return Engaged(client="acme", at=at, **fields)


def wrote(at: str, **fields: Any) -> Event:
    return Engaged(client="acme", at=at, direction="outbound", **fields)


def delivered(at: str, **fields: Any) -> Event:
    return Engaged(client="acme", at=at, purpose="delivery", **fields)


def introduced(at: str, **fields: Any) -> Event:
    return Introduced(client="acme", at=at, **fields)


def referred(at: str, direction: str) -> Event:
    return Referred(client="acme", at=at, direction=direction)  # type: ignore[arg-type]


def complained(at: str, **fields: Any) -> Event:
    return Complained(client="acme", at=at, **fields)


def resolved(at: str, complaint: str) -> Event:
    return Resolved(client="acme", at=at, complaint=complaint)


def renewed(at: str, **fields: Any) -> Event:
    return Renewed(client="acme", at=at, **fields)


def profiled(at: str, **fields: Any) -> Event:
    return Profiled(client="acme", at=at, **fields)


def measured(at: str, value: float, measure: str = "leads") -> Event:
    return Measured(client="acme", at=at, measure=measure, value=value, target=10)  # type: ignore[arg-type]


def left(at: str) -> Event:
    return Left(client="acme", at=at)


def answered(at: str, **answers: str) -> Event:
    return Engaged(client="acme", at=at, answers=answers)  # type: ignore[arg-type]


def key(at: str) -> Event:
    return profiled(at, tier="key")


@attrs.frozen
class Case:
    rule: str
    client: Client
    states: frozenset[str]
    settings: dict[str, Any]

    @property
    def engine(self) -> Engine:
        return Engine([BoundRule(RULES[self.rule], values=self.settings)])


def case(rule: str, what: str, *history: Event, states: Iterable[str] = (), **settings: Any) -> Any:
    named = [
        attrs.evolve(event, id=event.id or f"e{place}", position=place) for place, event in enumerate(history, start=1)
    ]
    return pytest.param(Case(rule, client_of(*named), frozenset(states), settings), id=f"{rule}: {what}")


NO_ID = Client.from_events("acme", [Complained(client="acme", at="2026-01-01")])

CASES = [
    # quiet-client: c = base(contact); WATCH from c+every until c+every+grace, AT-RISK from then; due c+every
    case(
        "quiet-client",
        "ninety days of silence, and thirty of grace",
        engaged("2026-01-01"),
        states=[
            "watch from 2026-04-01 until 2026-05-01 because e1",
            "at-risk from 2026-05-01 because e1",
            "due 2026-04-01 because e1",
        ],
    ),
    case(
        "quiet-client",
        "to the microsecond, wherever the client is",
        engaged("2026-01-01T23:59:59.999999+02:00"),
        states=[
            "watch from 2026-04-01T21:59:59.999999Z until 2026-05-01T21:59:59.999999Z",
            "at-risk from 2026-05-01T21:59:59.999999Z",
            "due 2026-04-01T21:59:59.999999Z",
        ],
    ),
    case(
        "quiet-client",
        "the latest contact counts",
        engaged("2026-01-01"),
        wrote("2026-01-02"),
        states=["watch from 2026-04-02 until 2026-05-02 because e2", "at-risk from 2026-05-02", "due 2026-04-02"],
    ),
    case(
        "quiet-client",
        "deliveries, invoices and complaints are no contact",
        engaged("2026-01-01"),
        delivered("2026-02-01"),
        engaged("2026-02-02", purpose="invoice"),
        complained("2026-02-03"),
        renewed("2026-02-04"),
        states=["watch from 2026-04-01 until 2026-05-01 because e1", "at-risk from 2026-05-01", "due 2026-04-01"],
    ),
    case(
        "quiet-client",
        "introductions by the client are contact",
        engaged("2026-01-01"),
        introduced("2026-01-02", initiated_by="client"),
        states=["watch from 2026-04-02 until 2026-05-02 because e2", "at-risk from 2026-05-02", "due 2026-04-02"],
    ),
    case(
        "quiet-client",
        "recommendations either way are contact",
        engaged("2026-01-01"),
        referred("2026-01-02", "received"),
        states=["watch from 2026-04-02 until 2026-05-02 because e2", "at-risk from 2026-05-02", "due 2026-04-02"],
    ),
    case(
        "quiet-client",
        "without any contact the first event counts",
        delivered("2026-01-01"),
        delivered("2026-01-10"),
        states=["watch from 2026-04-01 until 2026-05-01 because e1", "at-risk from 2026-05-01", "due 2026-04-01"],
    ),
    case(
        "quiet-client",
        "the tier key is due after thirty days, without grace",
        key("2026-01-01"),
        engaged("2026-01-01"),
        states=["at-risk from 2026-01-31 because e2", "due 2026-01-31 because e2"],
    ),
    case(
        "quiet-client",
        "a general value does not reach a tier that has its own default",
        key("2026-01-01"),
        engaged("2026-01-01"),
        every=days(10),
        grace=days(2),
        states=["at-risk from 2026-01-31", "due 2026-01-31"],
    ),
    case(
        "quiet-client",
        "every",
        engaged("2026-01-01"),
        every=days(10),
        states=["watch from 2026-01-11 until 2026-02-10", "at-risk from 2026-02-10", "due 2026-01-11"],
    ),
    case(
        "quiet-client",
        "grace",
        engaged("2026-01-01"),
        grace=days(1),
        states=["watch from 2026-04-01 until 2026-04-02", "at-risk from 2026-04-02", "due 2026-04-01"],
    ),
    case(
        "quiet-client",
        "the client's own cadence replaces every",
        engaged("2026-01-01"),
        profiled("2026-01-01", cadence_days=14),
        every=days(10),
        states=["watch from 2026-01-15 until 2026-02-14", "at-risk from 2026-02-14", "due 2026-01-15"],
    ),
    case(
        "quiet-client",
        "the cadence of a key client keeps the tier's grace",
        engaged("2026-01-01"),
        profiled("2026-01-01", cadence_days=14, tier="key"),
        states=["at-risk from 2026-01-15", "due 2026-01-15"],
    ),
    # unheard-client: UNKNOWN from (latest heard)+window; from since where never heard
    case(
        "unheard-client",
        "ninety days after the client last spoke",
        engaged("2026-01-01"),
        wrote("2026-02-01"),
        states=["unknown from 2026-04-01 because e1"],
    ),
    case(
        "unheard-client",
        "from the first day where the client never spoke",
        wrote("2026-01-01"),
        wrote("2026-02-01"),
        states=["unknown from 2026-01-01 because e1"],
    ),
    case(
        "unheard-client",
        "a complaint is a voice",
        wrote("2026-01-01"),
        complained("2026-01-02"),
        states=["unknown from 2026-04-02 because e2"],
    ),
    case(
        "unheard-client",
        "a recommendation received is a voice, one given is not",
        referred("2026-01-01", "received"),
        referred("2026-01-02", "given"),
        states=["unknown from 2026-04-01 because e1"],
    ),
    case(
        "unheard-client",
        "an inbound message is a voice, about a delivery or an invoice it is not",
        engaged("2026-01-01", direction="inbound"),
        delivered("2026-01-02", direction="inbound"),
        engaged("2026-01-03", purpose="invoice", direction="inbound"),
        states=["unknown from 2026-04-01 because e1"],
    ),
    case(
        "unheard-client",
        "window",
        engaged("2026-01-01"),
        window=days(10),
        states=["unknown from 2026-01-11"],
    ),
    # one-way-contact: at least `times` outbound contacts after the latest heard: WATCH from the times-th; due 14 d later
    case(
        "one-way-contact",
        "three unanswered contacts",
        wrote("2026-01-01"),
        wrote("2026-01-02"),
        wrote("2026-01-03"),
        states=["watch from 2026-01-03 because e1 e2 e3", "due 2026-01-17 because e3"],
    ),
    case("one-way-contact", "two are not enough", wrote("2026-01-01"), wrote("2026-01-02")),
    case(
        "one-way-contact",
        "a fourth moves the action alone",
        wrote("2026-01-01"),
        wrote("2026-01-02"),
        wrote("2026-01-03"),
        wrote("2026-02-01"),
        states=["watch from 2026-01-03 because e1 e2 e3", "due 2026-02-15 because e4"],
    ),
    case(
        "one-way-contact",
        "an answer starts the count again",
        wrote("2026-01-01"),
        wrote("2026-01-02"),
        engaged("2026-01-03"),
        wrote("2026-01-04"),
        wrote("2026-01-05"),
    ),
    case(
        "one-way-contact",
        "of one instant, what stands after the answer counts",
        engaged("2026-01-01"),
        wrote("2026-01-01"),
        wrote("2026-01-02"),
        wrote("2026-01-03"),
        states=["watch from 2026-01-03 because e2 e3 e4", "due 2026-01-17"],
    ),
    case(
        "one-way-contact",
        "of one instant, what stands before the answer does not",
        wrote("2026-01-01"),
        engaged("2026-01-01"),
        wrote("2026-01-02"),
        wrote("2026-01-03"),
    ),
    case(
        "one-way-contact",
        "deliveries, invoices, introductions and recommendations are no attempts",
        wrote("2026-01-01"),
        wrote("2026-01-02"),
        delivered("2026-01-03", direction="outbound"),
        wrote("2026-01-04", purpose="invoice"),
        introduced("2026-01-05"),
        referred("2026-01-06", "given"),
    ),
    case(
        "one-way-contact",
        "times",
        wrote("2026-01-01"),
        wrote("2026-01-02"),
        times=2,
        states=["watch from 2026-01-02 because e1 e2", "due 2026-01-16"],
    ),
    # handoff-gap: no contact after the first renewed r: WATCH from r+within; due r+within
    case(
        "handoff-gap",
        "fourteen days after signing",
        engaged("2025-12-01"),
        renewed("2026-01-01"),
        delivered("2026-01-10"),
        states=["watch from 2026-01-15 because e2", "due 2026-01-15 because e2"],
    ),
    case("handoff-gap", "any contact closes it, however late", renewed("2026-01-01"), wrote("2026-03-01")),
    case(
        "handoff-gap", "of one instant, what follows the signature counts", renewed("2026-01-01"), wrote("2026-01-01")
    ),
    case(
        "handoff-gap",
        "of one instant, what precedes the signature does not",
        wrote("2026-01-01"),
        renewed("2026-01-01"),
        states=["watch from 2026-01-15", "due 2026-01-15"],
    ),
    case(
        "handoff-gap",
        "the first signature counts",
        renewed("2026-01-01"),
        renewed("2026-01-10"),
        states=["watch from 2026-01-15 because e1", "due 2026-01-15"],
    ),
    case("handoff-gap", "nobody signed", engaged("2026-01-01")),
    case(
        "handoff-gap",
        "within",
        renewed("2026-01-01"),
        within=days(3),
        states=["watch from 2026-01-04", "due 2026-01-04"],
    ),
    # complacent-service: b = base(beyond), a delivery or invoice came after b, the first d: WATCH from max(b+window, d)
    case(
        "complacent-service",
        "ninety days after the last thing beyond expectation",
        engaged("2026-01-01", purpose="idea"),
        delivered("2026-01-05"),
        states=["watch from 2026-04-01 because e1 e2", "due 2026-04-01 because e1 e2"],
    ),
    case(
        "complacent-service",
        "not before something is delivered again",
        engaged("2026-01-01", purpose="idea"),
        delivered("2026-05-01"),
        delivered("2026-05-02"),
        states=["watch from 2026-05-01 because e1 e2", "due 2026-05-01"],
    ),
    case(
        "complacent-service",
        "an invoice is a delivery, and without anything beyond the first event counts",
        engaged("2026-01-01"),
        engaged("2026-02-01", purpose="invoice"),
        states=["watch from 2026-04-01 because e2", "due 2026-04-01"],
    ),
    case(
        "complacent-service",
        "a delivery may be the first event",
        delivered("2026-01-01"),
        states=["watch from 2026-04-01 because e1", "due 2026-04-01"],
    ),
    case(
        "complacent-service",
        "nothing was delivered since",
        delivered("2026-01-01"),
        engaged("2026-01-02", purpose="idea"),
    ),
    case("complacent-service", "a delivery that exceeded expectations", delivered("2026-01-01", exceeded=True)),
    case("complacent-service", "nothing was delivered", engaged("2026-01-01")),
    case(
        "complacent-service",
        "introductions by us are beyond, those by the client are not",
        introduced("2026-01-01"),
        introduced("2026-02-01", initiated_by="client"),
        delivered("2026-02-02"),
        states=["watch from 2026-04-01 because e1 e3", "due 2026-04-01"],
    ),
    case(
        "complacent-service",
        "recommendations given are beyond, those received are not",
        referred("2026-01-01", "given"),
        referred("2026-02-01", "received"),
        delivered("2026-02-02"),
        states=["watch from 2026-04-01 because e1 e3", "due 2026-04-01"],
    ),
    case(
        "complacent-service",
        "window",
        delivered("2026-01-01"),
        window=days(10),
        states=["watch from 2026-01-11", "due 2026-01-11"],
    ),
    # no-introduction, no-referral-given, unthanked-client: due base(x)+every
    case(
        "no-introduction",
        "half a year after the first event",
        engaged("2026-01-01"),
        states=["due 2026-06-30 because e1"],
    ),
    case(
        "no-introduction",
        "half a year after the latest by us",
        introduced("2026-01-01"),
        introduced("2026-01-02"),
        introduced("2026-02-01", initiated_by="client"),
        states=["due 2026-07-01 because e2"],
    ),
    case("no-introduction", "every", engaged("2026-01-01"), every=days(1), states=["due 2026-01-02"]),
    case(
        "no-referral-given",
        "half a year after the first event",
        engaged("2026-01-01"),
        states=["due 2026-06-30 because e1"],
    ),
    case(
        "no-referral-given",
        "half a year after the latest given",
        referred("2026-01-01", "given"),
        referred("2026-01-02", "given"),
        referred("2026-02-01", "received"),
        states=["due 2026-07-01 because e2"],
    ),
    case("no-referral-given", "every", engaged("2026-01-01"), every=days(1), states=["due 2026-01-02"]),
    case(
        "unthanked-client",
        "ninety days after the first event",
        engaged("2026-01-01"),
        states=["due 2026-04-01 because e1"],
    ),
    case(
        "unthanked-client",
        "ninety days after the latest thanks",
        engaged("2026-01-01", purpose="appreciation"),
        engaged("2026-01-02", purpose="appreciation"),
        engaged("2026-02-01", purpose="idea"),
        states=["due 2026-04-02 because e2"],
    ),
    case("unthanked-client", "every", engaged("2026-01-01"), every=days(1), states=["due 2026-01-02"]),
    # open-complaint: WATCH from its at until at+patience, then AT-RISK, or CRITICAL where it is; due at+patience
    *[
        case(
            "open-complaint",
            f"a {severity} one is to be resolved within seven days",
            complained("2026-01-01", severity=severity),
            states=[
                "watch from 2026-01-01 until 2026-01-08 about e1 because e1",
                f"{worst} from 2026-01-08 about e1 because e1",
                "due 2026-01-08 about e1 because e1",
            ],
        )
        for severity, worst in (("minor", "at-risk"), ("major", "at-risk"), ("critical", "critical"))
    ],
    case(
        "open-complaint",
        "within a day for the tier key",
        key("2026-01-01"),
        complained("2026-01-01"),
        states=[
            "watch from 2026-01-01 until 2026-01-02 about e2",
            "at-risk from 2026-01-02 about e2",
            "due 2026-01-02 about e2",
        ],
    ),
    case(
        "open-complaint",
        "each for itself",
        complained("2026-01-01"),
        complained("2026-01-03"),
        resolved("2026-01-04", "e1"),
        states=[
            "watch from 2026-01-03 until 2026-01-10 about e2",
            "at-risk from 2026-01-10 about e2",
            "due 2026-01-10 about e2",
        ],
    ),
    case("open-complaint", "resolved", complained("2026-01-01"), resolved("2026-01-01", "e1")),
    case("open-complaint", "resolved before it was recorded", resolved("2025-12-31", "e2"), complained("2026-01-01")),
    case(
        "open-complaint",
        "settled by being talked about",
        complained("2026-01-01"),
        engaged("2026-02-01", resolves="e1"),
    ),
    case(
        "open-complaint",
        "another one was resolved",
        complained("2026-01-01"),
        resolved("2026-01-01", "e9"),
        engaged("2026-01-01", resolves="e9"),
        states=[
            "watch from 2026-01-01 until 2026-01-08 about e1",
            "at-risk from 2026-01-08 about e1",
            "due 2026-01-08 about e1",
        ],
    ),
    pytest.param(
        Case(
            "open-complaint",
            NO_ID,
            frozenset(
                {
                    "watch from 2026-01-01 until 2026-01-08 about #1",
                    "at-risk from 2026-01-08 about #1",
                    "due 2026-01-08 about #1",
                }
            ),
            {},
        ),
        id="open-complaint: one without an id is called by its position",
    ),
    case(
        "open-complaint",
        "patience",
        complained("2026-01-01"),
        patience=days(2),
        states=[
            "watch from 2026-01-01 until 2026-01-03 about e1",
            "at-risk from 2026-01-03 about e1",
            "due 2026-01-03 about e1",
        ],
    ),
    case(
        "open-complaint",
        "no patience",
        complained("2026-01-01"),
        patience=days(0),
        states=["at-risk from 2026-01-01 about e1", "due 2026-01-01 about e1"],
    ),
    # repeated-complaints: the latest `times`: AT-RISK from the latest until the earliest of them + window
    case(
        "repeated-complaints",
        "three within ninety days, resolved or not",
        complained("2026-01-01"),
        complained("2026-01-11"),
        complained("2026-01-21"),
        resolved("2026-01-21", "e1"),
        states=["at-risk from 2026-01-21 until 2026-04-01 because e1 e2 e3"],
    ),
    case("repeated-complaints", "two", complained("2026-01-01"), complained("2026-01-11")),
    case(
        "repeated-complaints",
        "three over exactly ninety days",
        complained("2026-01-01"),
        complained("2026-01-11"),
        complained("2026-04-01"),
    ),
    case(
        "repeated-complaints",
        "three over a microsecond less",
        complained("2026-01-01"),
        complained("2026-01-11"),
        complained("2026-03-31T23:59:59.999999Z"),
        states=["at-risk from 2026-03-31T23:59:59.999999Z until 2026-04-01"],
    ),
    case(
        "repeated-complaints",
        "of four the latest three",
        complained("2026-01-01"),
        complained("2026-01-11"),
        complained("2026-01-21"),
        complained("2026-01-31"),
        states=["at-risk from 2026-01-31 until 2026-04-11 because e2 e3 e4"],
    ),
    case(
        "repeated-complaints",
        "times",
        complained("2026-01-01"),
        complained("2026-01-11"),
        times=2,
        states=["at-risk from 2026-01-11 until 2026-04-01"],
    ),
    case(
        "repeated-complaints",
        "window",
        complained("2026-01-01"),
        complained("2026-01-11"),
        complained("2026-01-21"),
        window=days(30),
        states=["at-risk from 2026-01-21 until 2026-01-31"],
    ),
    # silent-renewal: AT-RISK from max(term end - ahead, base(contact)+quiet) until term end
    case(
        "silent-renewal",
        "sixty days before the term ends",
        engaged("2026-01-01"),
        renewed("2026-01-01", term_end="2026-12-31"),
        states=["at-risk from 2026-11-01 until 2026-12-31 because e2 e1"],
    ),
    case(
        "silent-renewal",
        "thirty days after the latest contact",
        renewed("2026-01-01", term_end="2026-12-31"),
        engaged("2026-11-15"),
        states=["at-risk from 2026-12-15 until 2026-12-31 because e1 e2"],
    ),
    case(
        "silent-renewal",
        "a contact thirty days before the end is enough",
        renewed("2026-01-01", term_end="2026-12-31"),
        engaged("2026-12-01"),
    ),
    case(
        "silent-renewal",
        "a microsecond earlier it is not",
        renewed("2026-01-01", term_end="2026-12-31"),
        engaged("2026-11-30T23:59:59.999999Z"),
        states=["at-risk from 2026-12-30T23:59:59.999999Z until 2026-12-31"],
    ),
    case(
        "silent-renewal",
        "without contact the first event counts",
        renewed("2026-12-10", term_end="2027-01-31"),
        states=["at-risk from 2027-01-09 until 2027-01-31 because e1"],
    ),
    case(
        "silent-renewal",
        "the term that ends last",
        renewed("2026-01-01", term_end="2027-12-31"),
        renewed("2026-02-01", term_end="2026-12-31"),
        states=["at-risk from 2027-11-01 until 2027-12-31 because e1"],
    ),
    case("silent-renewal", "no term is known", renewed("2026-01-01", term_start="2026-01-01")),
    case(
        "silent-renewal",
        "ahead",
        renewed("2026-01-01", term_end="2026-12-31"),
        ahead=days(10),
        states=["at-risk from 2026-12-21 until 2026-12-31"],
    ),
    case(
        "silent-renewal",
        "quiet",
        renewed("2026-01-01", term_end="2026-12-31"),
        engaged("2026-12-01"),
        quiet=days(20),
        states=["at-risk from 2026-12-21 until 2026-12-31"],
    ),
    # lapsed-term: CRITICAL from term end until term end+grace, LEFT from then
    case(
        "lapsed-term",
        "critical for thirty days, then left",
        renewed("2026-01-01", term_end="2026-03-01"),
        engaged("2026-03-10"),
        states=["critical from 2026-03-01 until 2026-03-31 because e1", "left from 2026-03-31 because e1"],
    ),
    case(
        "lapsed-term",
        "renewed in time",
        renewed("2026-01-01", term_end="2026-03-01"),
        renewed("2026-02-01", term_end="2027-03-01"),
        states=["critical from 2027-03-01 until 2027-03-31 because e2", "left from 2027-03-31"],
    ),
    case("lapsed-term", "no term is known", renewed("2026-01-01")),
    case(
        "lapsed-term",
        "grace",
        renewed("2026-01-01", term_end="2026-03-01"),
        grace=days(5),
        states=["critical from 2026-03-01 until 2026-03-06", "left from 2026-03-06"],
    ),
    case(
        "lapsed-term",
        "no grace",
        renewed("2026-01-01", term_end="2026-03-01"),
        grace=days(0),
        states=["left from 2026-03-01"],
    ),
    # departed-client: LEFT from the latest left, unless a renewed or a contact follows it
    case(
        "departed-client",
        "left",
        engaged("2026-01-01"),
        left("2026-02-01"),
        delivered("2026-02-02"),
        complained("2026-02-03"),
        states=["left from 2026-02-01 because e2"],
    ),
    case("departed-client", "back by a contact", left("2026-02-01"), wrote("2026-02-02")),
    case("departed-client", "back by a renewal", left("2026-02-01"), renewed("2026-02-02")),
    case("departed-client", "of one instant, what follows counts", left("2026-02-01"), wrote("2026-02-01")),
    case(
        "departed-client",
        "of one instant, what precedes does not",
        wrote("2026-02-01"),
        renewed("2026-02-01"),
        left("2026-02-01"),
        states=["left from 2026-02-01"],
    ),
    case(
        "departed-client",
        "left for good",
        left("2026-02-01"),
        wrote("2026-02-02"),
        left("2026-02-03"),
        states=["left from 2026-02-03 because e3"],
    ),
    case("departed-client", "never left", engaged("2026-01-01")),
    # unagreed-expectations: never agreed: WATCH from since+within; else from the latest+review; due then
    case(
        "unagreed-expectations",
        "thirty days after the first event",
        engaged("2026-01-01"),
        engaged("2026-01-10"),
        states=["watch from 2026-01-31 because e1", "due 2026-01-31 because e1"],
    ),
    case(
        "unagreed-expectations",
        "a year after the latest agreement",
        engaged("2025-12-01"),
        engaged("2026-01-01", purpose="expectations"),
        states=["watch from 2027-01-01 because e2", "due 2027-01-01 because e2"],
    ),
    case(
        "unagreed-expectations",
        "within",
        engaged("2026-01-01"),
        within=days(1),
        states=["watch from 2026-01-02", "due 2026-01-02"],
    ),
    case(
        "unagreed-expectations",
        "review",
        engaged("2026-01-01", purpose="expectations"),
        review=days(1),
        states=["watch from 2026-01-02", "due 2026-01-02"],
    ),
    # unwilling-to-refer: the latest answers.refer is no: AT-RISK from it, for memory
    *[
        case(
            "unwilling-to-refer",
            f"the answer is {said}",
            answered("2026-01-01", refer=said),
            states=["at-risk from 2026-01-01 until 2026-06-30 because e1"],
        )
        for said in ("no", "No", "NO", "nO")
    ],
    case("unwilling-to-refer", "the answer is yes", answered("2026-01-01", refer="yes")),
    case("unwilling-to-refer", "the answer is longer", answered("2026-01-01", refer="no idea")),
    case("unwilling-to-refer", "another question", answered("2026-01-01", stop="no")),
    case("unwilling-to-refer", "nobody asked", engaged("2026-01-01")),
    case(
        "unwilling-to-refer",
        "the latest answer to this question counts",
        answered("2026-01-01", refer="yes"),
        answered("2026-01-02", refer="no"),
        answered("2026-01-03", stop="the calls"),
        states=["at-risk from 2026-01-02 until 2026-07-01 because e2"],
    ),
    case(
        "unwilling-to-refer",
        "a later yes",
        answered("2026-01-01", refer="no"),
        answered("2026-01-02", refer="yes"),
    ),
    case(
        "unwilling-to-refer",
        "memory",
        answered("2026-01-01", refer="no"),
        memory=days(10),
        states=["at-risk from 2026-01-01 until 2026-01-11"],
    ),
    # missed-measure: each measure whose latest `times` values all lie below their targets: AT-RISK from the latest
    case(
        "missed-measure",
        "twice below the target",
        measured("2026-01-01", 9),
        measured("2026-02-01", 9.999),
        states=["at-risk from 2026-02-01 about leads because e1 e2"],
    ),
    case("missed-measure", "once", measured("2026-01-01", 9)),
    case("missed-measure", "on the target is not below", measured("2026-01-01", 9), measured("2026-02-01", 10)),
    case(
        "missed-measure",
        "the latest two count",
        measured("2026-01-01", 11),
        measured("2026-02-01", 9),
        measured("2026-03-01", 8),
        states=["at-risk from 2026-03-01 about leads because e2 e3"],
    ),
    case(
        "missed-measure", "met again", measured("2026-01-01", 8), measured("2026-02-01", 9), measured("2026-03-01", 11)
    ),
    case(
        "missed-measure",
        "each measure for itself",
        measured("2026-01-01", 9, "leads"),
        measured("2026-01-02", 9, "calls"),
        measured("2026-01-03", 9, "calls"),
        measured("2026-01-04", 9, "visits"),
        measured("2026-01-05", 9, "visits"),
        states=[
            "at-risk from 2026-01-03 about calls because e2 e3",
            "at-risk from 2026-01-05 about visits because e4 e5",
        ],
    ),
    case(
        "missed-measure",
        "times",
        measured("2026-01-01", 9),
        times=1,
        states=["at-risk from 2026-01-01 about leads because e1"],
    ),
]


def matching(statement: str) -> Any:
    match = STATEMENT.fullmatch(statement)
    assert match, statement
    return match


def told(finding: Concern | Action, like: str) -> str:
    """A finding in the words of a statement; the evidence only where the statement gives some."""
    if isinstance(finding, Action):
        said = f"due {day(finding.due)}"
    else:
        said = f"{finding.level} from {day(finding.starts)}" + (f" until {day(finding.until)}" if finding.until else "")
    about = f" about {finding.about}" if finding.about else ""
    because = " because " + " ".join(event.ref for event in finding.evidence) if "because" in like else ""
    return said + about + because


def day(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z").removesuffix("T00:00:00Z")


@pytest.mark.parametrize("it", CASES)
def test_what_a_rule_states(it: Case):
    schedule = it.engine.schedule(it.client)
    assert schedule.failures == ()
    found = [*schedule.concerns, *schedule.actions]
    assert len(found) == len(it.states)
    for statement in it.states:
        assert statement in {told(finding, statement) for finding in found}


def edges(it: Case) -> Iterator[tuple[datetime, str, bool]]:
    """Each boundary that a case states, and whether its concern or action is there from then on."""
    for statement in it.states:
        said = matching(statement)
        for name, begins in (("starts", True), ("until", False), ("due", True)):
            if said[name]:
                yield instant(said[name]), statement, begins


@pytest.mark.parametrize("it", CASES)
def test_it_is_so_from_its_boundary_on_and_not_a_microsecond_before(it: Case):
    latest = it.client.events[-1].at
    for boundary, statement, begins in edges(it):
        if boundary >= latest:
            assert is_so(it, statement, boundary) is begins
        if boundary > latest or (boundary == latest and begins):
            assert is_so(it, statement, boundary - MICROSECOND) is not begins


def is_so(it: Case, statement: str, moment: datetime) -> bool:
    if moment < it.client.since:
        return False
    found = it.engine.assess(it.client, at=moment)
    if statement.startswith("due"):
        return statement in {told(action, statement) for action in found.due(timedelta(0))}
    return statement in {told(concern, statement) for concern in found.concerns}


def test_every_rule_and_every_setting_has_its_cases():
    cases = [param.values[0] for param in CASES]
    changed = {(it.rule, name) for it in cases for name in it.settings}
    assert {it.rule for it in cases} == set(RULES)
    assert changed == {(rule.name, name) for rule in BUILT_IN for name in rule.settings}
    assert {it.rule for it in cases if it.client.tier == "key"} == {rule.name for rule in BUILT_IN if rule.tiers}
    assert {it.rule for it in cases if it.states} == set(RULES)


def test_the_defaults_are_those_of_the_contract():
    assert {
        rule.name: {name: setting.default for name, setting in rule.settings.items()} for rule in BUILT_IN
    } == {
        "quiet-client": {"every": days(90), "grace": days(30)},
        "unheard-client": {"window": days(90)},
        "one-way-contact": {"times": 3},
        "handoff-gap": {"within": days(14)},
        "complacent-service": {"window": days(90)},
        "no-introduction": {"every": days(180)},
        "no-referral-given": {"every": days(180)},
        "unthanked-client": {"every": days(90)},
        "open-complaint": {"patience": days(7)},
        "repeated-complaints": {"times": 3, "window": days(90)},
        "silent-renewal": {"ahead": days(60), "quiet": days(30)},
        "lapsed-term": {"grace": days(30)},
        "departed-client": {},
        "unagreed-expectations": {"within": days(30), "review": days(365)},
        "unwilling-to-refer": {"memory": days(180)},
        "missed-measure": {"times": 2},
    }  # fmt: skip
    assert {rule.name: rule.tiers for rule in BUILT_IN if rule.tiers} == {
        "quiet-client": {"key": {"every": days(30), "grace": days(0)}},
        "open-complaint": {"key": {"patience": days(1)}},
    }


def test_the_essentials_are_those_of_the_contract():
    essentials = {
        "quiet-client", "unheard-client", "handoff-gap", "open-complaint",
        "repeated-complaints", "silent-renewal", "lapsed-term", "departed-client",
    }  # fmt: skip
    assert {rule.name for rule in BUILT_IN if "essentials" in rule.packs} == essentials
    packs = {"essentials", "retention-plan", "existing-clients-first", "love-engage-help", "thirty-day-service"}
    assert {pack for rule in BUILT_IN for pack in rule.packs} == packs | {"stick-around"}


def test_every_rule_says_what_is_wrong_why_it_matters_and_what_its_settings_mean():
    for rule in BUILT_IN:
        assert rule.about.endswith(".")
        assert "Source: article" in rule.rationale
        assert rule.packs
        assert all(setting.about for setting in rule.settings.values())
