import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest

from command import RETENTION, environment, in_this_process, retention
from doc_examples import ROOT
from retention_engine import Engaged, EventLog, create_log, days
from retention_engine.log.sqlite_connections import LOCK_TIMEOUT
from retention_engine.moments import instant_text

LOG = "sqlite:///clients.db"
AT = ("--at", "2026-06-30")
AGENCY = ROOT / "examples" / "agency"
BROKEN = (
    'from retention_engine import rule\n\n\n@rule\ndef broken(client):\n    """It does not work."""\n'
    '    yield from ()\n    raise ValueError("no luck")\n'
)


def done(*args, cwd, code=0):
    ran = retention(*args, cwd=cwd)
    assert (ran.code, ran.err) == (code, "")
    return ran


@pytest.fixture(scope="module")
def agency(tmp_path_factory):
    """The log of the agency."""
    made = tmp_path_factory.mktemp("agency")
    done("init", LOG, cwd=made)
    done("import", str(AGENCY / "log.jsonl"), "--log", LOG, "--recorded-at", "keep", cwd=made)
    return made / "clients.db"


@pytest.fixture
def folder(tmp_path, agency):
    """A folder with a log of its own, that of the agency."""
    shutil.copy(agency, tmp_path)
    return tmp_path


def document(folder, *args, command="agenda", code=0):
    return json.loads(done(command, LOG, *args, "--format", "json", cwd=folder, code=code).out)


# agenda


def test_the_agenda_says_what_replay_and_outlook_say(folder):
    found = document(folder, *AT, "--days", "30")
    assert (found["version"], found["at"], found["until"]) == (1, "2026-06-30T00:00:00Z", "2026-07-30T00:00:00Z")
    replayed = document(folder, *AT, "--ahead", "30d", command="replay")
    statuses = [client["status"] for client in replayed["clients"]]
    assert found["counts"] == {level: statuses.count(level) for level in found["counts"]}
    due = {(action["id"], action["due"]) for client in replayed["clients"] for action in client["actions"]}
    assert {(action["id"], action["due"]) for action in found["actions"]} == due
    assert [action["due"] for action in found["actions"]] == sorted(action["due"] for action in found["actions"])
    coming = document(folder, *AT, "--days", "30", command="outlook")["changes"]
    told = [(change["client"], change["at"], change["before"], change["after"]) for change in found["changes"]]
    assert told == [(change["client"], change["at"], change["before"], change["after"]) for change in coming]
    assert len(due) > 2 < len(told)
    reasons = [[(one["rule"], one["because"]) for one in change["because"]] for change in found["changes"]]
    assert reasons == [[(one["rule"], one["because"]) for one in change["because"]] for change in coming]


def test_the_text_says_what_changes_and_what_is_due(folder):
    text = done("agenda", LOG, *AT, "--days", "30", cwd=folder).text
    assert text.startswith(
        "16 clients as of 2026-06-30: 1 left, 1 critical, 2 at-risk, 2 watch, 1 unknown, 9 healthy\n"
    )
    assert "What changes by 2026-07-30 if nothing else happens: 5 changes\n" in text
    assert "healthy -> at-risk   The renewal is near and nobody has talked to the client." in text
    assert "What is due by 2026-07-30: 6 actions\n" in text
    assert (
        "\n1 of 6 shown; --limit 0 shows all."
        in done("agenda", LOG, *AT, "--days", "30", "--limit", "1", cwd=folder).text
    )


def test_one_owner_is_told_of_their_own_actions(folder):
    everybody = document(folder, *AT, "--days", "30")["actions"]
    jo = document(folder, *AT, "--days", "30", "--owner", "jo")["actions"]
    assert jo == [action for action in everybody if action["owner"] == "jo"]
    assert 0 < len(jo) < len(everybody)


def test_what_was_recorded_since_is_taken_in(folder):
    before = document(folder, "--days", "0")
    assert not before["basis"]["behind"]
    done("record", LOG, "newcomer", "engaged", cwd=folder)
    as_is = document(folder, "--days", "0", "--as-is")
    assert (as_is["basis"]["behind"], as_is["counts"]) == (True, before["counts"])
    after = document(folder, "--days", "0")
    assert not after["basis"]["behind"]
    assert after["counts"]["healthy"] == before["counts"]["healthy"] + 1
    assert after["basis"]["position"] == before["basis"]["position"] + 1


def test_with_other_settings_it_is_built_anew(folder):
    usual = document(folder, *AT)
    (folder / "retention.toml").write_text('[rules.quiet-client]\nevery = "10 days"\n')
    stale = document(folder, *AT, "--as-is")
    assert stale["basis"]["stale"]
    assert "The agenda is by other rules or settings" in done("agenda", LOG, *AT, "--as-is", cwd=folder).text
    assert {**stale, "basis": None} == {**usual, "basis": None}
    anew = document(folder, *AT)
    assert not anew["basis"]["stale"]
    assert anew["basis"]["fingerprint"] != usual["basis"]["fingerprint"]
    assert anew["counts"]["healthy"] < usual["counts"]["healthy"]


def test_what_is_no_question_is_refused(folder):
    ran = retention("agenda", str(AGENCY / "log.jsonl"), cwd=folder)
    assert ran.code == 2
    assert "is no log's address" in ran.err
    assert "retention outlook" in ran.err
    ran = retention("agenda", LOG, "--as-is", cwd=folder)
    assert ran.code == 2
    assert "has no agenda yet" in ran.err
    assert "without --as-is" in ran.err
    ran = retention("agenda", LOG, "--at", "2026-01-01", cwd=folder)
    assert ran.code == 2
    assert "replay the log for that" in ran.err


def test_what_happened_within_this_second_or_by_a_clock_ahead_is_no_obstacle(tmp_path):
    later = datetime.now(UTC) + days(1)
    with create_log(f"sqlite:///{tmp_path}/clients.db", clock=lambda: later) as log:
        log.record(Engaged(client="acme", at=later))
    found = document(tmp_path)
    assert (found["at"], found["counts"]["healthy"]) == (instant_text(later), 1)


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are text there")
def test_an_owner_of_broken_bytes_is_nobody(folder):
    ran = retention("agenda", LOG, *AT, "--owner", b"\xff", cwd=folder)
    assert ran.code == 0
    assert "What is due by 2026-07-07: nothing" in ran.text


def test_a_rule_that_fails_is_told(folder):
    (folder / "acme.py").write_text(BROKEN)
    ran = retention("agenda", LOG, *AT, "--rules", "./acme.py", "--format", "json", cwd=folder)
    assert ran.code == 4
    assert "rule acme/broken" in ran.err
    found = json.loads(ran.out)
    assert len(found["failures"]) == 16
    assert found["counts"]["healthy"] == 0


# actions --agenda


@pytest.fixture
def kept(folder):
    """The same folder, with an agenda beside the log."""
    done("agenda", LOG, *AT, cwd=folder)
    return folder


@contextmanager
def reading_nothing_whole():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventLog, "clients", None)
        yield


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--owner", "sam", "--format", "json"),
        ("--unowned", "--format", "jsonl"),
        ("--ahead", "60d", "--budget", "1", "--all"),
        ("--ahead", "36500d", "--owner", "mia", "--owner", "sam", "--format", "csv"),
        ("--format", "ics"),
    ],
    ids=lambda args: " ".join(args) or "plain",
)
def test_the_worklist_by_the_agenda_is_that_of_a_replay(kept, args):
    asked = ("actions", LOG, *AT, *args)
    with reading_nothing_whole():
        by_agenda = in_this_process(*asked, "--agenda", cwd=kept)
    assert by_agenda == in_this_process(*asked, cwd=kept)
    assert (by_agenda.code, by_agenda.err) == (0, "")


def test_the_worklist_by_the_agenda_has_what_was_recorded_since(kept):
    done("record", LOG, "newcomer", "complained", "--at", "2026-06-29", "--id", "late", cwd=kept)
    asked = ("actions", LOG, "--at", "2026-07-05")
    with reading_nothing_whole():
        by_agenda = in_this_process(*asked, "--agenda", cwd=kept)
    assert "newcomer" in by_agenda.text
    assert by_agenda == in_this_process(*asked, cwd=kept)


@pytest.mark.parametrize(
    ("happened", "is_now"),
    [
        ("2026-06-30T12:00:00Z", True),
        ("2026-06-30T12:00:00.999999Z", True),
        ("2026-06-30T12:00:01Z", False),
    ],
)
def test_the_worklist_by_the_agenda_is_of_now_though_something_has_happened_within_this_second(
    kept, monkeypatch, happened, is_now
):
    done("record", LOG, "newcomer", "engaged", "--at", happened, "--id", "late", cwd=kept)
    done("agenda", LOG, "--at", "2026-07-01", cwd=kept)
    monkeypatch.setattr("retention_engine.cli.actions.now", lambda: datetime(2026, 6, 30, 12, tzinfo=UTC))
    ran = in_this_process("actions", LOG, "--agenda", cwd=kept)
    replayed = in_this_process("actions", LOG, "--at", happened if is_now else "2026-06-30T12:00:00Z", cwd=kept)
    assert (ran.code, ran.out) == (0, replayed.out)
    assert (ran.err == "") is is_now


def test_the_worklist_by_the_agenda_tells_of_rules_that_fail(folder):
    (folder / "broken.py").write_text(BROKEN)
    asked = (*AT, "--rules", "./broken.py", "--format", "json")
    assert retention("agenda", LOG, *asked, cwd=folder).code == 4
    ran, replayed = (retention("actions", LOG, *asked, *how, cwd=folder) for how in (("--agenda",), ()))
    assert (ran.code, ran.out, ran.err) == (4, replayed.out, replayed.err)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ((LOG, *AT, "--known-at", "2026-07-01"), "the agenda is by what is known now"),
        ((LOG, *AT, "--select", "unplanned-book"), "rules about the whole book look at every client (unplanned-book)"),
        (
            (LOG, *AT, "--pack", "love-engage-help"),
            "rules about the whole book look at every client (neglected-by-owner)",
        ),
        ((LOG, *AT, "--select", "quiet-client"), "the agenda is by other rules or settings"),
        (
            (LOG, "--at", "2026-06-20"),
            "the agenda answers from 2026-06-26T16:00:00+00:00 on, not as of 2026-06-20T00:00:00+00:00",
        ),
        ((str(AGENCY / "log.jsonl"), *AT), "a file has no agenda, only a log with an address has one"),
    ],
    ids=["known then", "whole book", "a pack with such a rule", "other rules", "before its horizon", "a file"],
)
def test_where_the_agenda_can_not_tell_the_whole_log_is_read(kept, args, why):
    ran, replayed = (in_this_process("actions", *args, *how, cwd=kept) for how in (("--agenda",), ()))
    assert (ran.code, ran.out) == (replayed.code, replayed.out)
    assert ran.err == f"Note: --agenda is left aside and the whole log is read, since {why}.\n{replayed.err}"


def test_where_there_is_no_agenda_the_worklist_builds_none(folder):
    ran = in_this_process("actions", LOG, *AT, "--agenda", cwd=folder)
    assert ran.out == in_this_process("actions", LOG, *AT, cwd=folder).out
    assert "since clients.db has no agenda yet (retention agenda builds it)" in ran.err
    assert "has no agenda yet" in retention("agenda", LOG, *AT, "--as-is", cwd=folder).err


@pytest.mark.parametrize("owner", ["samm", "", "\udcff"], ids=["a slip", "empty", "broken bytes"])
def test_an_owner_of_nobody_is_refused_whether_or_not_there_is_an_agenda(kept, owner):
    ran, replayed = (
        in_this_process("actions", LOG, *AT, "--owner", owner, "--format", "json", *how, cwd=kept)
        for how in (("--agenda",), ())
    )
    assert ran == replayed
    assert (ran.code, ran.out) == (2, b"")


# watch

CURSOR = ("--cursor", "told.txt")


def news(ran):
    return [json.loads(line) for line in ran.out.splitlines()]


def watched(folder, *args):
    return news(done("watch", LOG, "--once", *args, cwd=folder))


def recorded(folder, client, *what):
    done("record", LOG, client, *what, cwd=folder)


def test_each_change_is_printed_once(folder):
    assert watched(folder, *CURSOR) == []
    recorded(folder, "newcomer", "engaged")
    (first,) = watched(folder, *CURSOR)
    assert (first["version"], first["client"], first["before"], first["after"]) == (1, "newcomer", None, "healthy")
    recorded(folder, "newcomer", "complained")
    (second,) = watched(folder, *CURSOR)
    assert (second["before"], second["after"]) == ("healthy", "watch")
    assert [reason["rule"] for reason in second["because"]] == ["open-complaint"]
    assert watched(folder, *CURSOR) == []
    (folder / "told.txt").unlink()
    assert watched(folder, *CURSOR) == [first, second]
    assert watched(folder, "--after", str(first["seq"])) == [second]
    assert first["id"] != second["id"]


def test_a_cursor_that_is_none_is_refused(folder):
    (folder / "told.txt").write_text("something else")
    ran = retention("watch", LOG, "--once", *CURSOR, cwd=folder)
    assert ran.code == 2
    assert "holds no number" in ran.err
    assert (folder / "told.txt").read_text() == "something else"
    ran = retention("watch", LOG, "--once", *CURSOR, "--after", "1", cwd=folder)
    assert ran.code == 2
    ran = retention("watch", LOG, "--once", "--cursor", "nowhere/told.txt", cwd=folder)
    assert (ran.code, ran.out) == (2, b"")
    assert "there is no folder nowhere" in ran.err
    ran = retention("watch", LOG, "--interval", "0 days", cwd=folder)
    assert ran.code == 2


@pytest.mark.parametrize("place", [("--cursor", "told.txt"), ("--after", "100")])
def test_the_place_of_another_log_is_refused(folder, place):
    watched(folder)
    recorded(folder, "newcomer", "engaged")
    (folder / "told.txt").write_text("100\n")
    ran = retention("watch", LOG, "--once", *place, cwd=folder)
    assert (ran.code, ran.out) == (2, b"")
    assert "there is no news 100 yet, the last is 1" in ran.err
    assert place[0] in ran.err


def test_a_rule_that_fails_is_told_by_the_watch(folder):
    (folder / "acme.py").write_text(BROKEN)
    ran = retention("watch", LOG, "--once", "--rules", "./acme.py", cwd=folder)
    assert (ran.code, ran.out) == (4, b"")
    assert ran.err.count("rule acme/broken (./acme.py) failed for clinic and 15 more: ValueError: no luck") == 1
    assert "Correct it, or turn it off in the settings" in ran.err


def test_an_owner_without_actions_is_told_of_others(folder):
    ran = retention("agenda", LOG, *AT, "--owner", "joe", cwd=folder)
    assert ran.code == 0
    assert "no action is for a client of 'joe'; did you mean 'jo'?" in ran.err


def test_a_cursor_is_no_device_and_its_name_not_too_long(folder):
    assert watched(folder) == []
    recorded(folder, "newcomer", "engaged")
    ran = retention("watch", LOG, "--once", "--cursor", os.devnull, cwd=folder)
    assert (ran.code, ran.out) == (2, b"")
    assert "is no file" in ran.err
    ran = retention("watch", LOG, "--once", "--cursor", "n" * 250, cwd=folder)
    assert ran.code == 2
    assert "can't be written" in ran.err
    assert "--cursor" in ran.err


@contextmanager
def watching(folder, *args):
    command = [*RETENTION, "watch", LOG, "--interval", "1 seconds", *CURSOR, *args]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_watch_goes_on_until_it_is_stopped_and_the_next_carries_on(folder):
    assert watched(folder, *CURSOR) == []
    with watching(folder) as process:
        recorded(folder, "newcomer", "engaged")
        first = json.loads(process.stdout.readline())
        assert first["client"] == "newcomer"
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    recorded(folder, "another", "engaged")
    with watching(folder) as process:
        second = json.loads(process.stdout.readline())
        if second["client"] == "newcomer":  # stopped before that was noted
            assert second == first
            second = json.loads(process.stdout.readline())
        assert second["client"] == "another"
        process.kill()
    recorded(folder, "third", "engaged")
    with watching(folder) as process:
        lines = [json.loads(process.stdout.readline())]
        while lines[-1]["client"] != "third":  # what was not noted before the kill comes again, with its id
            lines.append(json.loads(process.stdout.readline()))
        assert lines[:-1] in ([], [second], [first, second])


def test_a_watch_outlives_a_lock(folder):
    assert watched(folder, *CURSOR) == []
    with watching(folder) as process:
        recorded(folder, "newcomer", "engaged")
        assert json.loads(process.stdout.readline())["client"] == "newcomer"
        with closing(sqlite3.connect(folder / "clients.db", isolation_level=None)) as long_import:
            long_import.execute("BEGIN IMMEDIATE")
            time.sleep(LOCK_TIMEOUT + 2)  # longer than the watch waits for a lock
            assert process.poll() is None
        recorded(folder, "another", "engaged")
        lines = iter(process.stdout.readline, b"")
        assert next(line["client"] for line in map(json.loads, lines)) == "another"


def test_a_watch_ends_where_the_agenda_is_by_other_rules(folder):
    assert watched(folder, *CURSOR) == []
    with watching(folder) as process:
        recorded(folder, "newcomer", "engaged")
        assert json.loads(process.stdout.readline())["client"] == "newcomer"
        document(folder, "--pack", "stick-around")
        assert process.wait() == 2
        assert b"by other rules or settings now" in process.stderr.read()
