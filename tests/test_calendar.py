"""The worklist as a calendar: one all-day event for each entry, which a second export updates."""

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from command import AT, retention
from given import EVERYTHING
from retention_engine import (
    ActionDone,
    Complained,
    Engaged,
    Engine,
    Health,
    Judged,
    Pace,
    Profiled,
    Settings,
    days,
    gather,
    instant,
    read_log,
    replay,
    tasks_of,
    worklist_calendar,
    worklist_of,
)
from retention_engine.formats.calendar import PRIORITY
from shared_folder import ROOT, SHARED, needs_shared

NOW = instant("2026-06-30")
AGENCY = ROOT / "examples" / "agency"
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)
"""What an event may hold."""

WIDEST = 75
"""A line of a calendar has so many bytes at most."""

HOSTILE = [
    "Acme\r\nEND:VEVENT\r\nBEGIN:VALARM",
    'Acme; Ltd, with a \\n backslash: "quoted"',
    "\u2028line\u2029paragraph\x85next\x0bdown",
    "مكتبة النور \u202eevil",
    "🦊" * 60,
    "x" * 200,
    "BEGIN:VCALENDAR",
]


def worklist(*events, at=NOW, engine=EVERYTHING, pace=None, **how):
    return worklist_of(
        replay(gather(events), engine, at=at),
        at=at,
        tasks=tasks_of(engine.rules),
        pace=pace or Pace(budget=0, cooldown=days(0)),
        **how,
    )


def parsed(found) -> list:
    """The events of a calendar, as the library's own parser reads them, which must find no fault."""
    calendar = Calendar.from_ical(worklist_calendar(found))
    assert calendar.errors == []
    assert all(event.errors == [] for event in calendar.walk())
    assert {it.name for it in calendar.subcomponents} <= {"VEVENT"}
    return list(calendar.walk("VEVENT"))


def entries(found) -> list:
    return [entry for owner in found.owners for entry in (*owner.today, *owner.waiting)]


@pytest.fixture(scope="module")
def agency():
    chosen = Settings.load(AGENCY / "retention.toml")
    engine = Engine(chosen.choose())

    def at(moment=NOW, **how):
        read = replay(read_log(str(AGENCY / "log.jsonl")), engine, at=moment)
        return worklist_of(read, at=moment, tasks=tasks_of(engine.rules), pace=chosen.worklist, **how)

    return at


def test_every_entry_is_an_all_day_event_on_the_day_on_which_it_is_due(agency):
    found = agency(ahead=days(60))
    events = parsed(found)
    assert any(owner.waiting for owner in found.owners)
    assert len(events) == len(entries(found)) > 10
    for event, entry in zip(events, entries(found), strict=True):
        assert type(event.decoded("dtstart")) is date
        assert event.decoded("dtstart") == entry.due.date()
        assert event.decoded("dtend") == entry.due.date() + timedelta(days=1)
        assert str(event["uid"]) == f"{entry.id}@retention-engine"
        assert event["transp"] == "TRANSPARENT"
        assert int(event["priority"]) == PRIORITY[entry.status]
        assert {str(it) for it in event["categories"].cats} == {str(entry.status), entry.kind}


def test_an_event_says_whom_what_by_when_and_why(agency):
    for event, entry in zip(parsed(agency()), entries(agency()), strict=True):
        summary, description = str(event["summary"]), str(event["description"])
        assert entry.name in summary
        assert entry.actions[0].message in summary
        assert ("\n" in summary, f"({entry.client})" in description) == (False, True)
        for action in entry.actions:
            assert action.id in description
            assert action.rule in description
            assert action.message in description
            assert all(it.ref in description for it in action.evidence[-3:])
        assert (len(entry.actions) > 1) == summary.endswith(f"(and {len(entry.actions) - 1} more)")


def test_what_is_overdue_stays_on_its_day_and_is_marked():
    engine = Engine(Settings().choose(select=["quiet-client"]))
    late, soon = Engaged(client="late", at="2026-03-01"), Engaged(client="soon", at="2026-04-05")
    one, other = parsed(worklist(late, soon, engine=engine))
    assert str(one["summary"]).startswith("Overdue: late: Get in touch")
    assert one.decoded("dtstart") == date(2026, 5, 30)
    assert "due 2026-05-30, 31 days overdue, escalated" in str(one["description"])
    assert str(other["summary"]).startswith("soon: ")
    assert "overdue" not in str(other["description"])


def test_a_second_export_updates_the_first(agency):
    first, second = (parsed(agency(moment, ahead=days(30))) for moment in (NOW, NOW + days(1)))
    earlier, later = ({str(it["uid"]): it for it in events} for events in (first, second))
    assert len(earlier) == len(first)
    kept = earlier.keys() & later.keys()
    assert len(kept) >= len(earlier) - 2
    for uid in kept:
        assert int(later[uid]["sequence"]) > int(earlier[uid]["sequence"])
        assert later[uid].decoded("dtstamp") > earlier[uid].decoded("dtstamp")
        assert later[uid].decoded("dtstart") == earlier[uid].decoded("dtstart")
    assert {uid.partition("@")[0] for uid in earlier} == {entry.id for entry in entries(agency(ahead=days(30)))}


def test_the_stamp_is_the_moment_asked_about_and_not_the_clock():
    [event] = parsed(
        worklist(
            Complained(client="acme", at="1950-01-01", id="c"),
            at=instant("1950-03-01T10:20:30.5Z"),
            engine=Engine(Settings().choose(select=["open-complaint"])),
        )
    )
    stamp = datetime(1950, 3, 1, 10, 20, 30, tzinfo=UTC)
    assert event.decoded("dtstamp") == event.decoded("last-modified") == stamp
    assert int(event["sequence"]) == 0


def test_the_same_worklist_gives_the_same_bytes(agency):
    assert worklist_calendar(agency()) == worklist_calendar(agency())


def test_an_action_that_is_done_is_gone_and_the_others_stay():
    complaints = [Complained(client="acme", at=f"2026-06-{it}", id=f"c{it}") for it in (10, 12)]
    engine = Engine(Settings().choose(select=["open-complaint"]))
    before = worklist(*complaints, engine=engine)
    first = entries(before)[0].actions[0]
    after = worklist(*complaints, ActionDone(client="acme", at="2026-06-29", action=first.id), engine=engine)
    assert first.id in worklist_calendar(before).decode()
    assert first.id not in worklist_calendar(after).decode()
    assert len(parsed(after)) == 1


def test_why_an_entry_waits_is_said():
    talk = Engaged(client="acme", at="2026-06-28")
    owed = Profiled(client="acme", at="2025-01-01", owner="jo", annual_value="1200.50")
    resting = worklist(owed, talk, pace=Pace(budget=0, cooldown=days(5)))
    assert any(
        "Waits: spoken with on 2026-06-28, again from 2026-07-03." in str(it["description"]) for it in parsed(resting)
    )
    over = worklist(
        owed,
        talk,
        Engaged(client="bolt", at="2025-01-01"),
        Profiled(client="bolt", at="2025-01-01", owner="jo"),
        pace=Pace(budget=1, cooldown=days(0)),
    )
    told = [str(it["description"]) for it in parsed(over)]
    assert any("Waits: for another day." in it for it in told)
    assert any(it.startswith("acme: ") and "at stake 1,200.50. For jo." in it for it in told)


@pytest.mark.parametrize("level", [level for level in Health if level is not Health.LEFT])
def test_the_worse_the_status_the_higher_the_priority(level):
    verdict = Judged(client="acme", at="2026-06-01", level=str(level), reason="so")
    [*events] = parsed(worklist(Engaged(client="acme", at="2025-01-01"), verdict))
    assert {int(it["priority"]) for it in events} == {PRIORITY[level]}
    assert sorted(PRIORITY, reverse=True) == sorted(PRIORITY, key=PRIORITY.get)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_breaks_no_line(name):
    clean = "".join(it if it.isprintable() else " " for it in name)[:200]
    events = [
        Profiled(client=clean, at="2026-01-01", name=name, owner=name, note=name, plan=name),
        Complained(client=clean, at="2026-06-01", id=clean, topic=name, note=name, by=name),
    ]
    found = worklist(*events)
    assert parsed(found)
    content = worklist_calendar(found, name=name)
    assert content.count(b"BEGIN:VEVENT") == content.count(b"\r\nBEGIN:VEVENT\r\n") == len(entries(found))
    assert b"\r\nBEGIN:VALARM" not in content
    for event in parsed(found):
        assert len(str(event["summary"]).splitlines()) == 1
        assert str(event["summary"]).isprintable() or "\u200d" in str(event["summary"])


@settings(max_examples=100)
@given(TEXT.filter(bool).filter(str.isprintable), TEXT, TEXT)
def test_whatever_the_texts_the_calendar_reads_back(client, name, note):
    engine = Engine(Settings().choose(select=["quiet-client"]))
    found = worklist(Profiled(client=client, at="2026-01-01", name=name, note=note), engine=engine)
    read = parsed(found)
    assert [str(it["uid"]).partition("@")[0] for it in read] == [entry.id for entry in entries(found)]
    content = worklist_calendar(found)
    assert content.endswith(b"END:VCALENDAR\r\n")
    for row in content.split(b"\r\n"):
        assert len(row) <= WIDEST
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", row)
        row.decode()


def test_a_day_without_work_is_an_empty_calendar():
    content = worklist_calendar(worklist(Engaged(client="acme", at="2026-06-29"), engine=Engine([])))
    assert b"VEVENT" not in content
    assert Calendar.from_ical(content)["method"] == "PUBLISH"


# The command.


def test_the_command_writes_what_the_other_formats_list():
    asked = ["actions", str(AGENCY / "log.jsonl"), "--settings", str(AGENCY / "retention.toml"), *AT, "--ahead", "60d"]
    ran = retention(*asked, "--owner", "sam", "--format", "ics")
    assert (ran.code, ran.err) == (0, "")
    [owner] = json.loads(retention(*asked, "--owner", "sam", "--format", "json").out)["owners"]
    wanted = [f"{entry['id']}@retention-engine" for entry in (*owner["today"], *owner["waiting"])]
    assert [str(it["uid"]) for it in Calendar.from_ical(ran.out).walk("VEVENT")] == wanted
    assert (
        retention(*asked, "--owner", "sam", "--format", "ics", env={"TZ": "Asia/Tokyo", "LC_ALL": "C"}).out == ran.out
    )


def test_without_its_library_the_command_names_the_extra():
    program = "import sys; sys.modules['icalendar'] = None; from retention_engine.cli import main; main()"
    asked = ["actions", str(AGENCY / "log.jsonl"), *AT]
    done = [
        subprocess.run(
            [sys.executable, "-c", program, *asked, "--format", how], capture_output=True, text=True, check=False
        )
        for how in ("ics", "json")
    ]
    assert [it.returncode for it in done] == [2, 0]
    assert done[0].stdout == ""
    assert 'a calendar needs icalendar; install it: pip install "retention-engine[ics]"' in done[0].stderr


@needs_shared
def test_a_real_book_is_a_calendar_that_reads_back():
    log = read_log(str(SHARED / "data" / "ravenstack.jsonl.gz"))
    engine = Engine(Settings().choose())
    at = instant("2024-12-31")
    found = worklist_of(replay(log, engine, at=at), at=at, ahead=days(30))
    assert len({str(it["uid"]) for it in parsed(found)}) == len(entries(found)) > 300
