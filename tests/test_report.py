"""The report: what the page says is what the engine says, and a real browser opens it."""

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from browser import started
from command import AT, RETENTION, environment, retention
from given import EVERYTHING, histories_of
from retention_engine import (
    BOOK_RULES,
    BoundRule,
    Client,
    Complained,
    Engaged,
    Engine,
    Health,
    Profiled,
    RetentionEngine,
    Settings,
    days,
    html_report,
    instant,
    read_log,
    rule,
    scorecard,
    timeline,
)
from retention_engine.outlook import coming_changes
from shared_folder import ROOT, SHARED, needs_shared

NOW = instant("2026-06-30")
AGENCY = ROOT / "examples" / "agency"
HOSTILE = [
    "<script>document.title = 'run'</script>",
    "</style><script>document.title = 'run'</script>",
    "</title><img src=x onerror=\"document.title='run'\">",
    "\"' onmouseover='document.title=1' x=\"",
    "{{ 7 * 7 }}{% raw %}&amp;&lt;",
    "--><svg onload=\"document.title='run'\">",
    "javascript:document.title='run'",
    "\u202egnp.exe\u202c \u200fשלם",
    "مكتبة النور",
    "🦊 Fuchs & Söhne 👩‍👩‍👧",
    "long " * 39,
    "x" * 200,
]
"""What clients may be called."""

SECTION = re.compile(r'<section class="client" id="(client-[0-9a-f]{12})".*?</section>', re.DOTALL)


def line(client: str, kind: str, at: str, **fields: object) -> dict[str, object]:
    return {"client": client, "kind": kind, "at": at, **fields}


HOSTILE_LOG = [
    event
    for number, name in enumerate(HOSTILE)
    for event in (
        line(name, "profiled", "2025-01-01", id="p", name=name, owner=name, tier="key", note=name, plan=name),
        line(name, "engaged", "2026-05-01", id=f"<b>{number}</b>", note=name, learned=name, topic=name),
        line(name, "complained", "2026-06-01", topic=name, note=f"{name}\nsecond\u2028line\x07", by=name),
        line(name, "judged", "2026-06-02", level="watch", reason=name, until="2026-07-02"),
    )
]


def report_of(log, *, engine: Engine = EVERYTHING, at=NOW, **how) -> str:
    return html_report(histories_of(log), engine, at=at, **how).html


def sections(html: str) -> dict[str, str]:
    """Every client's section, by its name on the page."""
    found = {}
    for match in SECTION.finditer(html):
        name = re.search(r"<h3[^>]*><a [^>]*><bdi>(.*?)</bdi>", match[0], re.DOTALL)
        found[unescape(name[1])] = match[0]
    return found


def text(markup: str) -> str:
    """What a reader sees of some markup, pictures aside."""
    without = re.sub(r"<(style|svg).*?</\1>", "", markup, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", without)).split())


def part(section: str, heading: str) -> str:
    """What stands below a heading of a section."""
    return section.partition(f"<h4>{heading}")[2].partition("<h4>")[0]


@pytest.fixture(scope="module")
def agency():
    """The example's page, and what it is made of."""
    chosen = Settings.load(AGENCY / "retention.toml")
    engine, book_rules = Engine(chosen.choose()), chosen.choose_book()
    log = read_log(str(AGENCY / "log.jsonl"))
    made = html_report(
        log, engine, at=NOW, book_rules=book_rules, weights=chosen.score, pace=chosen.worklist, span=days(30)
    )
    return made, engine, log


# What the page says.


def test_every_client_has_a_section_the_worst_first_and_who_left_last(agency):
    made, _, log = agency
    found = list(sections(made.html).values())
    statuses = [re.search(r'class="badge b-([a-z-]+)"', section)[1] for section in found]
    levels = [Health.named(status) for status in statuses]
    there = [level for level in levels if level is not Health.LEFT]
    assert there == sorted(there, reverse=True)
    assert levels == [*there, *[Health.LEFT] * (len(levels) - len(there))]
    assert len(found) == len(log) == made.clients == made.shown


def test_a_section_says_what_the_engine_says(agency):
    made, engine, log = agency
    shown = sections(made.html)
    chosen = Settings.load(AGENCY / "retention.toml")
    for name, events in log.items():
        found = engine.assess(Client.from_events(name, events), at=NOW)
        section = shown[found.client.name]
        card = scorecard(found.client, found.schedule, at=NOW, rules=engine.rules, weights=chosen.score)
        since = timeline(engine, found.client, until=NOW).spells[-1].starts
        assert f"{found.status} since {since.date()}" in text(section)
        assert f"{card.score.value} of 100" in text(part(section, "Score"))
        for dimension, standing in card.dimensions.items():
            assert f"{dimension} {standing.status}" in text(part(section, "Score"))
        why = text(part(section, "Why"))
        for concern in found.concerns:
            assert f"{concern.level} {concern.message}" in why
            assert f"{concern.rule} , since {concern.starts.date()}" in why
            assert all(event.ref in why for event in concern.evidence[-3:])
        todo = part(section, "What to do")
        assert re.findall(r'<code class="id">(\w+)</code>', todo) == [action.id for action in found.due(days(30))]
        changes = [] if found.status is Health.LEFT else list(coming_changes(found))
        coming = text(part(section, "Outlook"))
        for change in [it for it in changes if it.at <= NOW + days(30)] or changes[:1]:
            assert f"{change.at.date()} {change.after}" in coming
            assert all(it.action.message in coming for it in change.deadlines if it.action)


def test_evidence_is_shortened_and_an_event_is_told_once():
    calls = [line("acme", "complained", f"2026-06-{day:02}", id=f"c{day}", note=f"call {day}") for day in range(10, 20)]
    resolved = [line("acme", "resolved", "2026-06-21", complaint=f"c{day}") for day in range(10, 20)]
    [section] = sections(report_of([*calls, *resolved], engine=Engine(Settings().choose()))).values()
    settings_of = part(section, "Why")
    assert "Complaints pile up" in settings_of
    assert section.count("call 19") == 1


def test_the_contents_lead_to_every_section_and_no_link_is_dead(agency):
    html = agency[0].html
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', html)
    assert set(links) <= set(ids)
    assert set(re.findall(r'<section class="client" id="([^"]+)"', html)) <= set(links)
    assert {"report", "glance", "coming", "worklist", "book", "clients", "contents"} <= set(links)


def test_the_counts_are_those_of_the_statuses(agency):
    html = agency[0].html
    rows = re.findall(r'<th scope="row">(.*?)</th><td class="number big">([\d,]+)</td>', html)
    shown = {text(level): int(count) for level, count in rows}
    badges = re.findall(r'class="badge b-([a-z-]+)"', html)
    assert {level: count for level, count in shown.items() if count} == {it: badges.count(it) for it in badges}
    words = ", ".join(f"{count} {level}" for level, count in shown.items() if count)
    assert f"16 clients as of 2026-06-30: {words}." in text(html)
    assert f'<desc id="bar-desc">{words}.</desc>' in html


def test_the_worklist_is_that_of_retention_actions(agency):
    html = agency[0].html
    asked = ["actions", str(AGENCY / "log.jsonl"), "--settings", str(AGENCY / "retention.toml"), *AT]
    owners = json.loads(retention(*asked, "--format", "json").out)["owners"]
    worklist = html.partition('<h2 id="worklist">')[2].partition("</section>")[0]
    wanted = [action["id"] for owner in owners for entry in owner["today"] for action in entry["actions"]]
    assert re.findall(r'<code class="id">(\w+)</code>', worklist) == wanted
    waiting = [owner for owner in owners if owner["waiting"]]
    assert waiting
    assert worklist.count(" for another day, ") + worklist.count(" spoken with lately") >= len(waiting)


def test_what_changes_soon_is_listed_by_date(agency):
    made, engine, log = agency
    coming = made.html.partition('<h2 id="coming">')[2].partition("</section>")[0]
    expected = []
    for name, events in log.items():
        found = engine.assess(Client.from_events(name, events), at=NOW)
        if found.status is not Health.LEFT:
            expected += [(it.at, name, it) for it in coming_changes(found) if it.at <= NOW + days(30)]
    shown = re.findall(r'<time datetime="([^"]+)"', coming)
    assert [instant(it) for it in shown] == sorted(at for at, _, _ in expected)
    assert all(f"{it.before} becomes {it.after}" in text(coming) for _, _, it in expected)


def test_what_rules_about_the_book_find_names_clients_and_links_them(agency):
    book = agency[0].html.partition('<h2 id="book">')[2].partition("</section>")[0]
    assert "uncalled-best-clients" in book
    assert '<a href="#client-' in book


def test_without_rules_about_the_book_there_is_no_such_part():
    html = report_of([line("acme", "engaged", "2026-06-01")])
    assert 'id="book"' not in html
    told = html_report(
        histories_of([line("acme", "engaged", "2026-06-01")]), EVERYTHING, at=NOW, book_rules=map_of(BOOK_RULES)
    )
    assert 'id="book"' in told.html


def map_of(rules):
    return tuple(sorted((BoundRule(it) for it in rules), key=lambda it: it.name))


def test_a_person_s_verdict_is_told():
    log = [
        line("acme", "engaged", "2026-06-01"),
        line("acme", "judged", "2026-06-02", level="critical", reason="Heard."),
    ]
    [section] = sections(report_of(log)).values()
    assert "critical since 2026-06-02" in text(section)
    assert "A person said so on 2026-06-02: Heard." in text(part(section, "Why"))


def test_the_end_of_a_verdict_is_told_among_what_is_coming():
    judged = line("acme", "judged", "2026-06-02", level="critical", reason="Heard.", until="2026-07-02")
    [section] = sections(report_of([line("acme", "engaged", "2026-06-29"), judged])).values()
    assert "The verdict of a person ends." in text(part(section, "Outlook"))


def test_what_ends_is_told_as_no_longer():
    log = [line("acme", "engaged", "2026-06-29")]
    log += [line("acme", "complained", f"2026-06-{it}", id=f"c{it}") for it in (10, 11, 12)]
    log += [line("acme", "resolved", "2026-06-13", complaint=f"c{it}") for it in (10, 11, 12)]
    engine = Engine(Settings().choose(select=["repeated-complaints"]))
    [section] = sections(report_of(log, engine=engine, span=days(90))).values()
    assert "healthy No longer: Complaints pile up" in text(part(section, "Outlook"))


def test_a_client_of_whom_nothing_is_to_be_said_has_a_quiet_section():
    engine = Engine(Settings().choose(select=["open-complaint"]))
    [section] = sections(report_of([line("acme", "engaged", "2026-06-01")], engine=engine)).values()
    assert "<h4>Why" not in section
    assert "100 of 100" in text(section)
    assert "Nothing is to be done." in text(section)
    assert "The status stays as it is." in text(section)


def test_a_client_that_has_left_has_no_tasks_and_no_outlook():
    log = [line("acme", "engaged", "2026-01-01"), line("acme", "left", "2026-06-01", reason="moved away")]
    [section] = sections(report_of(log)).values()
    assert "<h4>What to do" not in section
    assert "<h4>Outlook" not in section
    assert "moved away" in section


def test_an_empty_book_is_a_page_that_says_so():
    html = report_of([])
    assert "Nothing is known of any client at that moment." in html
    assert "0 clients as of 2026-06-30." in text(html)


def test_what_was_recorded_later_is_hidden_and_the_page_says_so():
    log = [line("acme", "engaged", "2026-06-01"), line("late", "engaged", "2026-06-02", recorded_at="2026-06-20")]
    html = report_of(log, known_at=instant("2026-06-10"))
    assert "as known on 2026-06-10" in text(html)
    assert list(sections(html)) == ["acme"]
    assert list(sections(report_of(log))) == ["acme", "late"]


def test_a_late_event_does_not_change_what_we_knew():
    log = [line("acme", "engaged", "2026-01-01"), line("acme", "complained", "2026-06-01", recorded_at="2026-06-02")]
    late = line("acme", "engaged", "2026-06-03", recorded_at="2026-07-20")
    known = instant("2026-06-30")
    assert report_of([*log, late], known_at=known) == report_of(log, known_at=known)
    assert report_of([*log, late]) != report_of(log)


@pytest.mark.parametrize("order", [slice(None, None, -1), slice(1, None, 2)], ids=["reversed", "odd-first"])
def test_the_page_is_the_same_whatever_the_order_of_lines(order):
    log = [line(f"client {it % 5}", "engaged", f"2026-0{1 + it % 6}-03", id=f"e{it}") for it in range(30)]
    moved = [*log[order], *(it for it in log if it not in log[order])]
    assert moved != log
    assert report_of(moved) == report_of(log)


def test_who_has_no_section_is_not_linked_but_counted():
    log = [line(f"client {it}", "engaged", "2026-06-01") for it in range(5)]
    found = html_report(histories_of(log), EVERYTHING, at=NOW, limit=2)
    assert (found.clients, found.shown, len(sections(found.html))) == (5, 2, 2)
    assert "2 of 5 clients have a section, the worst first." in text(found.html)
    assert set(re.findall(r'href="#(client-[^"]+)"', found.html)) == {it[1] for it in SECTION.finditer(found.html)}
    assert len(sections(html_report(histories_of(log), EVERYTHING, at=NOW, limit=0).html)) == 5


def test_a_rule_that_fails_is_told_on_top_and_at_the_client():
    @rule
    def unlucky(client: Client) -> list:
        """It fails."""
        raise ValueError("no <b>luck</b>")

    log = [line(name, "engaged", "2026-06-01") for name in ("acme", "bolt")]
    found = html_report(histories_of(log), Engine([unlucky]), at=NOW)
    assert {(it.rule, it.client) for it in found.failures} == {("unlucky", "acme"), ("unlucky", "bolt")}
    assert "unlucky , 2 clients: ValueError: no <b>luck</b>" in text(found.html)
    assert all("The rule unlucky failed" in text(section) for section in sections(found.html).values())
    assert "<b>luck" not in found.html


def test_a_failure_in_the_past_is_no_failure_of_the_page_but_is_returned():
    @rule
    def once(client: Client) -> list:
        """It fails on histories of one event."""
        if len(client.events) == 1:
            raise ValueError("too short")
        return []

    log = [line("acme", "engaged", "2026-06-01"), line("acme", "engaged", "2026-06-02")]
    found = html_report(histories_of(log), Engine([once]), at=NOW)
    assert [it.rule for it in found.failures] == ["once"]
    assert "Not the whole truth" not in found.html


# The library.


def test_the_front_door_makes_the_same_page(tmp_path):
    events = [
        Profiled(client="acme", at="2026-01-01", name="Acme Ltd", owner="jo"),
        Engaged(client="acme", at="2026-02-01"),
        Complained(client="acme", at="2026-06-01", id="c1"),
    ]
    chosen = Settings.from_table(
        {"packs": {"existing-clients-first": True}, "score": {"overdue": 7}, "worklist": {"budget": 1}}
    )
    with RetentionEngine.open(f"sqlite:///{tmp_path}/log.db", create=True, settings=chosen) as engine:
        engine.record_many(events)
        found = engine.report(at=NOW, title="Ours")
        assert found == html_report(
            engine.log.clients(),
            engine.engine,
            at=NOW,
            book_rules=engine.book_rules,
            weights=chosen.score,
            pace=chosen.worklist,
            title="Ours",
        )
    assert "<h1><bdi>Ours</bdi></h1>" in found.html
    assert 'id="book"' in found.html


def test_the_order_is_since_when_a_status_holds_among_equals():
    log = [line("b", "engaged", "2026-01-01"), line("a", "engaged", "2026-02-01")]
    engine = Engine(Settings().choose(select=["quiet-client"]))
    assert list(sections(report_of(log, engine=engine))) == ["b", "a"]


def test_a_section_s_address_is_the_same_in_every_report():
    def anchor(*more):
        log = [line("acme", "engaged", "2026-01-01"), *more]
        return re.search(r'id="(client-\w+)"', sections(report_of(log))["acme"])[1]

    assert anchor() == anchor(line("bolt", "engaged", "2026-01-01"), line("acme", "complained", "2026-06-01"))


# The command.


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log.jsonl").write_bytes((AGENCY / "log.jsonl").read_bytes())
    return tmp_path


def test_the_command_writes_the_page_and_says_so(folder):
    ran = retention("report", "log.jsonl", *AT, "-o", "page.html", cwd=folder)
    assert (ran.code, ran.text, ran.err) == (0, "Wrote 16 clients to page.html.\n", "")
    assert sorted(it.name for it in folder.iterdir()) == ["log.jsonl", "page.html"]
    wanted = html_report(read_log(str(folder / "log.jsonl")), Engine(Settings().choose()), at=NOW)
    assert (folder / "page.html").read_text(encoding="utf-8") == wanted.html


def test_the_same_log_and_moment_give_the_same_bytes(folder):
    asked = ["report", "log.jsonl", *AT, "-o", "-", "--settings", str(AGENCY / "retention.toml")]
    plain = retention(*asked, cwd=folder)
    assert plain.out.startswith(b"<!doctype html>")
    for other in ({"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}, {"LC_ALL": "C", "PYTHONHASHSEED": "0", "COLUMNS": "40"}):
        assert retention(*asked, cwd=folder, env=other).out == plain.out


def test_the_options_reach_the_page(folder):
    asked = ["report", "log.jsonl", *AT, "-o", "-", "--title", "<Ours>", "--days", "90", "--limit", "3"]
    html = retention(*asked, "--pack", "existing-clients-first", cwd=folder).text
    assert "<h1><bdi>&lt;Ours&gt;</bdi></h1>" in html
    assert "What changes in the next 90 days" in html
    assert len(sections(html)) == 3
    assert 'id="book"' in html
    alone = retention("report", "log.jsonl", *AT, "-o", "-", "--select", "open-complaint", cwd=folder).text
    assert set(re.findall(r"<code>([a-z-]+)</code>", alone)) == {"open-complaint"}


def test_a_page_that_is_there_is_replaced_and_keeps_its_rights(folder):
    page = folder / "page.html"
    page.write_text("<!DOCTYPE html>old")
    page.chmod(0o640)
    (folder / "link.html").symlink_to(page)
    assert retention("report", "log.jsonl", *AT, "-o", "link.html", cwd=folder).code == 0
    assert (folder / "link.html").is_symlink()
    assert page.read_bytes().startswith(b"<!doctype html>")
    assert page.stat().st_mode & 0o777 == 0o640


def test_a_new_page_has_the_rights_of_any_new_file(folder):
    done = subprocess.run(
        ["sh", "-c", 'umask 027; "$@"', "sh", *RETENTION, "report", "log.jsonl", *AT, "-o", "page.html"],
        cwd=folder,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0
    assert (folder / "page.html").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["log.jsonl", "retention.toml", "clients.db"])
def test_what_is_no_page_is_never_replaced(folder, name):
    (folder / "retention.toml").write_text("[packs]\n")
    (folder / "clients.db").write_bytes(b"SQLite format 3\0")
    before = (folder / name).read_bytes()
    ran = retention("report", "log.jsonl", *AT, "-o", name, cwd=folder)
    assert (ran.code, ran.out) == (2, b"")
    assert "is there and is no HTML page; give another name" in ran.err
    assert (folder / name).read_bytes() == before


def test_an_empty_file_is_no_loss(folder):
    (folder / "page.html").touch()
    assert retention("report", "log.jsonl", *AT, "-o", "page.html", cwd=folder).code == 0
    assert (folder / "page.html").stat().st_size > 0


def test_what_is_no_file_is_written_to_and_not_replaced(folder):
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        ran = retention("report", "log.jsonl", *AT, "-o", "pipe", cwd=folder)
        read, _ = reader.communicate()
    assert (ran.code, pipe.is_fifo()) == (0, True)
    assert read.startswith(b"<!doctype html>")


def test_a_bad_log_leaves_the_old_page_as_it_is(folder):
    (folder / "page.html").write_text("<!doctype html>old")
    (folder / "bad.jsonl").write_text("{}\n")
    ran = retention("report", "bad.jsonl", *AT, "-o", "page.html", cwd=folder)
    assert (ran.code, ran.text) == (3, "")
    assert (folder / "page.html").read_text() == "<!doctype html>old"


@pytest.mark.parametrize(("output", "why"), [("nowhere/page.html", "no such file"), (".", "is a directory")])
def test_a_page_that_can_t_be_written_is_a_mistake_of_usage(folder, output, why):
    ran = retention("report", "log.jsonl", *AT, "-o", output, cwd=folder)
    assert (ran.code, ran.text) == (2, "")
    assert why in ran.err
    assert output in ran.err
    assert [it.name for it in folder.iterdir()] == ["log.jsonl"]


def test_a_write_that_fails_leaves_nothing_behind(folder):
    (folder / "page.html").write_text("<!doctype html>old")
    limited = 'ulimit -f 16; trap "" XFSZ; "$@"'
    done = subprocess.run(
        ["sh", "-c", limited, "sh", *RETENTION, "report", "log.jsonl", *AT, "-o", "page.html"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"page.html can't be written: file too large" in done.stderr
    assert (folder / "page.html").read_text() == "<!doctype html>old"
    assert sorted(it.name for it in folder.iterdir()) == ["log.jsonl", "page.html"]


def test_a_page_needs_a_place(folder):
    ran = retention("report", "log.jsonl", *AT, cwd=folder)
    assert (ran.code, ran.text) == (2, "")
    assert "Missing option '-o'" in ran.err


def without(library: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command where a library is not installed."""
    program = f"import sys; sys.modules[{library!r}] = None; from retention_engine.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_without_its_library_the_command_names_the_extra_and_writes_nothing(folder):
    done = without("jinja2", "report", "log.jsonl", *AT, "-o", "page.html", cwd=folder)
    assert done.returncode == 2
    assert 'the report needs Jinja2; install it: pip install "retention-engine[report]"' in done.stderr
    assert not (folder / "page.html").exists()
    assert without("jinja2", "report", "--help", cwd=folder).returncode == 0


def test_a_rule_that_fails_exits_with_4_after_the_page_is_written(folder, monkeypatch):
    from click.testing import CliRunner

    from retention_engine.cli import main
    from retention_engine.cli.options import RuleChoice

    @rule
    def unlucky(client: Client) -> list:
        """It fails."""
        raise ValueError("no luck")

    monkeypatch.setattr(RuleChoice, "with_book_rules", lambda _: (Engine([unlucky]), ()))
    monkeypatch.chdir(folder)
    ran = CliRunner().invoke(main, ["report", "log.jsonl", *AT, "-o", "page.html"])
    assert ran.exit_code == 4
    assert "rule unlucky failed for clinic and 15 more" in ran.stderr
    assert "Not the whole truth" in (folder / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def five_hundred():
    """The page of a large book."""
    log = read_log(str(SHARED / "data" / "ravenstack.jsonl.gz"))
    return html_report(log, Engine(Settings().choose()), at=instant("2024-12-31"))


@needs_shared
def test_five_hundred_clients_are_a_page_of_a_few_megabytes(five_hundred):
    assert (five_hundred.clients, five_hundred.shown) == (500, 500)
    assert len(five_hundred.html.encode()) < 4_000_000


# In a browser.


@pytest.fixture(scope="module")
def chromium():
    with started() as browser:
        yield browser


@pytest.fixture
def opened(chromium, tmp_path):
    """Opens a page as a file; what it asks for and complains of is noted, and is to be nothing."""
    requests: list[str] = []
    complaints: list[str] = []
    contexts = []

    def see(html: str, **how):
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        contexts.append(chromium.new_context(**how))
        page = contexts[-1].new_page()
        page.on("request", lambda it: requests.append(it.url))
        page.on("console", lambda it: complaints.append(f"{it.type}: {it.text}"))
        page.on("pageerror", lambda it: complaints.append(str(it)))
        page.on("dialog", lambda it: complaints.append(it.message))
        page.goto(path.as_uri())
        assert page.title()
        return page

    yield see
    assert complaints == []
    assert set(requests) == {(tmp_path / "page.html").as_uri()}
    for context in contexts:
        context.close()


WAYS = [
    {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    for width in (1280, 360)
    for scheme in ("light", "dark")
]


def name_of(way) -> str:
    return f"{way['color_scheme']}-{way['viewport']['width']}"


@pytest.mark.parametrize("way", [WAYS[0], WAYS[-1]], ids=name_of)
def test_nobody_is_kept_from_using_the_page(opened, agency, way):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(agency[0].html, **way)
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")
    found = Axe().run(page)
    assert [f"{it['id']}: {it['nodes'][0]['html'][:200]}" for it in found.response["violations"]] == []
    checked = {it["id"] for it in found.response["passes"]}
    assert {"color-contrast", "heading-order", "landmark-one-main", "skip-link", "svg-img-alt", "bypass"} <= checked


@pytest.mark.parametrize("way", [*WAYS, {"viewport": {"width": 320, "height": 600}}], ids=str)
def test_the_page_fits_the_window(opened, agency, way):
    page = opened(agency[0].html, **way)
    assert page.evaluate("document.documentElement.scrollWidth") <= way["viewport"]["width"]


def test_hostile_names_fit_a_narrow_window_too(opened):
    page = opened(report_of(HOSTILE_LOG), viewport={"width": 320, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_hostile_names_are_shown_as_they_are_and_nothing_runs(opened):
    page = opened(report_of(HOSTILE_LOG, title=HOSTILE[0]))
    shown = page.eval_on_selector_all(".client h3", "found => found.map(it => it.textContent)")
    spelled_out = {"\u202egnp.exe\u202c \u200fשלם": r"\u202egnp.exe\u202c \u200fשלם"}
    assert sorted(shown) == sorted(spelled_out.get(name, name) for name in HOSTILE)
    assert page.locator("h1").text_content() == HOSTILE[0]
    assert page.title() == f"{HOSTILE[0]}, 2026-06-30"
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert page.locator("[onmouseover], [onload], [onerror], [style]").count() == 0
    assert page.locator("a:not([href^='#'])").count() == 0
    assert r"second\u2028line\x07" in page.locator("main").text_content()


def test_nothing_could_run_even_if_it_got_into_the_page(chromium, tmp_path):
    smuggled = (
        "<script>document.title = 'run'</script><img src='https://example.com/x.png' onerror='document.title = 1'>"
    )
    path = tmp_path / "smuggled.html"
    path.write_text(report_of(HOSTILE_LOG[:4]).replace("<main", f"{smuggled}<main"), encoding="utf-8")
    with chromium.new_context() as context:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda it: refused.append(it.text))
        page.goto(path.as_uri())
        assert page.title() == "Client report, 2026-06-30"
    assert len([it for it in refused if "Content Security Policy" in it]) >= 2


def test_the_style_sheet_is_the_one_that_the_policy_allows(opened, agency):
    page = opened(agency[0].html)
    assert page.evaluate("document.styleSheets.length") == 1
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 50


def test_the_page_works_without_scripts(opened, agency):
    page = opened(agency[0].html, java_script_enabled=False)
    page.locator(".client details").first.locator("summary").click()
    assert page.locator(".client details[open]").count() >= 1


def focused(page) -> str:
    return page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.tagName.toLowerCase()")


def test_the_keyboard_reaches_the_skip_link_the_contents_and_each_client(opened, agency):
    page = opened(agency[0].html)
    reached = []
    while True:
        page.keyboard.press("Tab")
        now = focused(page)
        if now == "body":
            break
        reached.append(now)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached[0] == "#report"
    assert reached[1:6] == ["#glance", "#coming", "#worklist", "#book", "#clients"]
    headings = page.eval_on_selector_all(".client h3 a", "found => found.map(it => it.getAttribute('href'))")
    assert len(headings) == 16
    listed = page.eval_on_selector_all(".index a", "found => found.map(it => it.getAttribute('href'))")
    assert listed == headings
    end = [it for it in reached[reached.index(headings[-1]) + 1 :] if it in headings]
    assert [it for it in reached if it in headings][-2 * len(headings) :] == listed + headings or end == headings


def test_the_skip_link_shows_itself_and_leads_past_the_contents(opened, agency):
    page = opened(agency[0].html)
    skip = page.locator(".skip")
    assert skip.bounding_box()["x"] < 0
    page.keyboard.press("Tab")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "report"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_what_is_folded_opens_by_the_keyboard(opened, agency):
    page = opened(agency[0].html)
    summary = page.locator(".client .past summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator(".client .past").first.get_attribute("open") is not None


def test_a_link_of_the_contents_leads_to_its_client(opened, agency):
    page = opened(agency[0].html, reduced_motion="reduce")
    page.locator(".index a", has_text="Orchard Row Cider").click()
    page.wait_for_function("document.querySelector('.client:target') !== null")
    box = page.locator(".client:target h3").bounding_box()
    assert 0 <= box["y"] < 400


def test_the_dark_is_dark_and_the_print_is_light(opened, agency):
    def brightness(page) -> float:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3

    light, dark = (opened(agency[0].html, color_scheme=scheme) for scheme in ("light", "dark"))
    assert brightness(light) > 240
    assert brightness(dark) < 40
    dark.emulate_media(media="print")
    assert brightness(dark) > 240


def test_the_page_prints_with_what_is_folded_to_be_done(opened, agency):
    page = opened(agency[0].html)
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    page.emulate_media(media="print")
    folded = page.locator("details:not([open]) .actions li").first
    assert folded.bounding_box()["height"] > 0
    assert not page.locator(".contents").is_visible()
    assert not page.locator(".past").first.is_visible()


def test_pictures_speak_for_themselves(opened, agency):
    page = opened(agency[0].html)
    found = page.eval_on_selector_all(
        "svg[role=img]",
        """found => found.map(it => it.getAttribute("aria-labelledby").split(" ")
                                    .map(id => document.getElementById(id).textContent))""",
    )
    assert len(found) == 2 + 16
    assert all(title and words for title, words in found)
    clinic = next(words for title, words in found if title.startswith("Riverside Clinic"))
    assert "critical since 2026-06-24." in clinic
    assert "If nothing else happens: left from 2027-03-30." in clinic


def test_levels_differ_in_shape_and_word_and_not_in_colour_alone(opened, agency):
    page = opened(agency[0].html)
    shapes = page.eval_on_selector_all("symbol[id^=g-]", "found => found.map(it => it.innerHTML)")
    assert len(set(shapes)) == len(Health)
    words = page.eval_on_selector_all(".status", "found => found.map(it => it.textContent)")
    assert set(words) <= {str(level) for level in Health}


CONTRASTS = """names => {
  const seen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const light = name => {
    seen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
    seen.fillRect(0, 0, 1, 1);
    const parts = [...seen.getImageData(0, 0, 1, 1).data].slice(0, 3).map(it => it / 255);
    const [r, g, b] = parts.map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return names.map(([one, other]) => {
    const [dim, bright] = [light(one), light(other)].sort((x, y) => x - y);
    return (bright + 0.05) / (dim + 0.05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_stand_out_from_the_paper(opened, agency, scheme):
    page = opened(agency[0].html, color_scheme=scheme)
    drawn = [f"f-{level}" for level in Health if level is not Health.LEFT]
    glyphs = [str(level) for level in Health]
    pairs = [[name, paper] for name in [*drawn, *glyphs] for paper in ("paper", "card")]
    found = dict(zip(map(tuple, pairs), page.evaluate(CONTRASTS, pairs), strict=True))
    assert {pair: round(it, 2) for pair, it in found.items() if it < 3} == {}


@needs_shared
def test_five_hundred_clients_open(opened, five_hundred):
    page = opened(five_hundred.html)
    assert page.locator(".client").count() == 500
    page.locator(".index summary").first.focus()
    page.keyboard.press("Tab")
    assert focused(page).startswith("#client-")
