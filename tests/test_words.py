"""What people read: dates, durations and events in words, safe to print."""

import unicodedata
from datetime import timedelta
from typing import ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_engine import Complained, Engaged, Event, Left, Measured, Profiled, Renewed, decode, instant
from retention_engine.formats.words import day, event_words, in_days, printable
from strategies import events

AT = instant("2026-06-30")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Acme", "Acme"),
        ("Zoë & Söhne, クライアント 😀", "Zoë & Söhne, クライアント 😀"),
        ("株式会社\u3000山田", "株式会社\u3000山田"),
        ("1\u00a0000", "1\u00a0000"),
        ("क्\u200cष", "क्\u200cष"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("a\u2028b\x85c", r"a\u2028b\x85c"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        ("", ""),
    ],
)
def test_only_what_could_mislead_is_spelled_out(text, printed):
    assert printable(text) == printed


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_printed_steers_a_terminal(text):
    for char in printable(text):
        assert unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.category(char) != "Cf" or char in "\u200c\u200d"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-06-30", "2026-06-30"),
        ("2026-06-30T09:00:00+02:00", "2026-06-30 07:00:00Z"),
        ("2026-06-30T00:00:00.5Z", "2026-06-30 00:00:00.500000Z"),
    ],
)
def test_a_day_is_named_without_its_midnight(moment, words):
    assert day(instant(moment)) == words


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "within a day"),
        (0.9, "within a day"),
        (1, "in 1 day"),
        (1.9, "in 1 day"),
        (5, "in 5 days"),
        (1_000, "in 1,000 days"),
        (-0.1, "overdue since today"),
        (-1, "1 day overdue"),
        (-3.9, "3 days overdue"),
        (-1_000, "1,000 days overdue"),
    ],
)
def test_how_far_an_instant_lies_away(days, words):
    assert in_days(AT + timedelta(days=days), AT) == words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Engaged(client="a", at=AT, id="e1"), "e1, engaged 2026-06-30"),
        (Engaged(client="a", at=AT, position=3), "#3, engaged 2026-06-30"),
        (
            Engaged(client="a", at=AT, id="e1", purpose="invoice", exceeded=True, note="sent it", by="jo"),
            "e1, engaged 2026-06-30 (by jo, purpose invoice, exceeded): sent it",
        ),
        (
            Engaged(client="a", at=AT, id="e1", with_=("ann", "bob"), answers={"how": "well", "stop": "calls"}),
            "e1, engaged 2026-06-30 (with ann and bob, answers how: well, stop: calls)",
        ),
        (Left(client="a", at=AT, id="l1", controllable=False), "l1, left 2026-06-30 (not controllable)"),
        (Profiled(client="a", at=AT, id="p1", tier="key"), "p1, profile 2026-06-30 (tier key)"),
        (
            Renewed(client="a", at=AT, id="r1", term_end="2027-06-30", value="1200.50"),
            "r1, renewed 2026-06-30 (term end 2027-06-30, value 1200.5)",
        ),
        (
            Measured(client="a", at=AT, id="m1", measure="leads", value=9, target=10),
            "m1, measured 2026-06-30 (measure leads, value 9, target 10)",
        ),
        (Complained(client="a", at=AT, id="c1", topic="x" * 100), f"c1, complained 2026-06-30 (topic {'x' * 60}…)"),
        (
            Complained(client="a", at=AT, id="c1", threatens_to_leave=True, note="\x1b[31mred"),
            r"c1, complained 2026-06-30 (threatens to leave): \x1b[31mred",
        ),
    ],
)
def test_an_event_in_words(event, words):
    assert event_words(event) == words


def test_a_kind_is_written_with_spaces():
    event = decode(b'{"client": "a", "kind": "action_done", "at": "2026-06-30", "action": "a1"}', position=2)
    assert event_words(event) == "#2, action done 2026-06-30 (action a1)"


@given(events())
def test_any_event_has_words_on_one_line(event):
    words = event_words(event)
    assert printable(words) == words
    assert words.startswith(printable(event.ref))


@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    kind: ClassVar[str] = "acme.invoice_sent"


def test_the_kind_of_an_application_is_named_as_it_is():
    assert event_words(InvoiceSent(client="acme", at="2026-06-30", id="i1")) == "i1, acme.invoice_sent 2026-06-30"
