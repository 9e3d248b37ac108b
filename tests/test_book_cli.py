"""`retention book`, and rules about the whole book wherever rules are listed, set, turned on or asked."""

import json
from collections.abc import Iterator

import pytest

from command import retention
from retention_engine import (
    BOOK_RULES,
    Book,
    Concern,
    Engine,
    Findings,
    Health,
    Observer,
    Profiled,
    RetentionEngine,
    Settings,
    book_rule,
    days,
    gather,
    instant,
    rule,
)
from retention_engine.book import BookAssessment, assess_book
from retention_engine.errors import RuleError, SettingsError
from retention_engine.formats.book_page import book_document, book_page
from retention_engine.rules import PACKS
from shared_folder import needs_shared
from test_real_logs import CDNOW, COMPLETE_JOURNEY, RAVENSTACK

PACK = ("--pack", "thirty-day-service")
LOG = [
    {
        "client": "fern",
        "kind": "profiled",
        "at": "2026-01-05",
        "name": "Fern & Fable",
        "annual_value": 9,
        "owner": "jo",
    },
    {"client": "moss", "kind": "profiled", "at": "2026-01-05", "annual_value": 5},
    {"client": "moss", "kind": "engaged", "at": "2026-03-02", "purpose": "reintroduction", "id": "call"},
    {"client": "moss", "kind": "left", "at": "2026-05-04", "recorded_at": "2026-06-01"},
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, LOG)), encoding="utf-8")
    return tmp_path


def document(folder, *options):
    ran = retention("book", "log.jsonl", *options, "--format", "json", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


def test_the_book_is_told_in_words(folder):
    ran = retention("book", "log.jsonl", "--at", "2026-04-01", *PACK, cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    action = document(folder, "--at", "2026-04-01", *PACK)["actions"][0]["id"]
    assert ran.text == (
        "2 clients as of 2026-04-01.\n"
        "\n"
        "What holds for the whole book\n"
        "  watch: 1 of 2 best clients called; next: Fern & Fable. (uncalled-best-clients, since 2026-03-02)\n"
        "    Fern & Fable (fern)\n"
        "\n"
        "What to do\n"
        "  Fern & Fable (fern): Call, introduce yourself anew, and ask for ideas, opinions and recommendations."
        f" (uncalled-best-clients, by 2026-02-04, 56 days overdue; action {action})\n"
        "\n"
        "Nothing changes by 2026-04-08; next, if nothing else happens\n"
        "  2027-03-02: watch: 0 of 2 best clients called; next: Fern & Fable. (uncalled-best-clients)\n"
    )


def test_nothing_found_is_said_too(folder):
    ran = retention("book", "log.jsonl", "--at", "2026-04-01", "--select", "shaky-foundation", cwd=folder)
    assert ran.text == (
        "2 clients as of 2026-04-01.\n\nNo rule about the whole book finds anything.\n\n"
        "Nothing is to be done.\n\nNothing changes while nothing else happens.\n"
    )


def test_that_no_rule_about_the_book_is_on_is_no_clean_bill(folder):
    for options in ([], ["--select", "quiet-client"], ["--pack", "stick-around"]):
        ran = retention("book", "log.jsonl", "--at", "2026-04-01", *options, cwd=folder)
        assert ran.code == 0
        assert ran.text.startswith("No rule about the whole book is on; turn on a pack that has one")


def test_the_document_names_the_clients_beside_the_events(folder):
    assert document(folder, "--at", "2026-04-01", "--ahead", "400d", *PACK) == {
        "version": 1,
        "at": "2026-04-01T00:00:00Z",
        "clients": 2,
        "concerns": [
            first := {
                "rule": "uncalled-best-clients",
                "level": "watch",
                "starts": "2026-03-02T00:00:00Z",
                "until": "2027-03-02T00:00:00Z",
                "about": None,
                "because": ["#1"],
                "message": "1 of 2 best clients called; next: Fern & Fable.",
                "clients": ["fern"],
            }
        ],
        "actions": [
            {
                "client": client,
                "id": action,
                "rule": "uncalled-best-clients",
                "due": due,
                "about": None,
                "because": because,
                "message": "Call, introduce yourself anew, and ask for ideas, opinions and recommendations.",
            }
            for client, action, due, because in (
                ("fern", IDS["fern"], "2026-02-04T00:00:00Z", ["#1"]),
                ("moss", IDS["moss"], "2027-03-02T00:00:00Z", ["call"]),
            )
        ],
        "changes": [
            {
                "at": "2027-03-02T00:00:00Z",
                "rule": "uncalled-best-clients",
                "about": None,
                "before": first,
                "after": {
                    **first,
                    "starts": "2027-03-02T00:00:00Z",
                    "until": None,
                    "because": ["#1", "call"],
                    "message": "0 of 2 best clients called; next: Fern & Fable.",
                    "clients": ["fern", "moss"],
                },
            }
        ],
        "failures": [],
    }


IDS = {"fern": "9bc7977d4e8d9699", "moss": "118784cb9f1eeae3"}
"""Ids that must never change: somebody has recorded what became of those actions."""


def test_what_was_not_known_yet_can_be_hidden(folder):
    assert document(folder, "--at", "2026-05-10", *PACK)["concerns"][0]["message"].startswith("0 of 1 ")
    then = document(folder, "--at", "2026-05-10", "--known-at", "2026-05-10", *PACK)
    assert then["known_at"] == "2026-05-10T00:00:00Z"
    assert then["concerns"][0]["message"].startswith("1 of 2 ")


def test_a_log_with_an_address_is_read_as_well(folder):
    assert retention("init", "sqlite:///log.db", cwd=folder).code == 0
    assert retention("import", "log.jsonl", "--log", "sqlite:///log.db", cwd=folder).code == 0
    ran = retention("book", "sqlite:///log.db", "--at", "2026-04-01", *PACK, cwd=folder)
    assert "1 of 2 best clients called; next: Fern & Fable." in ran.text


def test_settings_turn_rules_about_the_book_on_and_set_them(folder):
    settings = folder / "retention.toml"
    settings.write_text("[rules.uncalled-best-clients]\nenabled = true\nbest = 1\n", encoding="utf-8")
    assert [it["message"] for it in document(folder, "--at", "2026-04-01")["concerns"]] == [
        "0 of 1 best clients called; next: Fern & Fable."
    ]
    settings.write_text("[packs]\nthirty-day-service = true\n[rules.uncalled-best-clients]\nenabled = false\n")
    assert document(folder, "--at", "2026-04-01")["concerns"] == []


def test_a_name_that_no_rule_has_is_refused(folder):
    ran = retention("book", "log.jsonl", "--select", "uncaled-best-clients", cwd=folder)
    assert (ran.code, ran.out) == (2, b"")
    assert "no such rule; did you mean 'uncalled-best-clients'?" in ran.err


def test_a_command_about_single_clients_says_where_rules_about_the_book_are_run(folder):
    ran = retention("replay", "log.jsonl", "--select", "unplanned-book", cwd=folder)
    assert (ran.code, ran.out) == (2, b"")
    assert "rule 'unplanned-book': is about the whole book; retention book runs it" in ran.err


@pytest.mark.parametrize("name", [rule.name for rule in BOOK_RULES])
def test_rules_are_listed_and_explained_with_the_others(name, folder):
    listed = json.loads(retention("rules", "--pack", "retention-plan", "--format", "json", cwd=folder).out)["rules"]
    by_name = {one["name"]: one for one in listed}
    assert (by_name[name]["scope"], by_name["quiet-client"]["scope"]) == ("book", "client")
    assert by_name[name]["enabled"] == (name == "unplanned-book")
    explained = retention("rules", "explain", name, cwd=folder).text
    assert "\nAbout: the whole book; `retention book` shows what it says\n" in explained
    assert "\nSettings:\n" in explained


# The worklist.


def actions_of(folder, *options):
    ran = retention("actions", "log.jsonl", "--at", "2026-04-01", *options, "--format", "json", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    return {
        (entry["client"], action["rule"], action["id"])
        for owner in json.loads(ran.out)["owners"]
        for entry in (*owner["today"], *owner["waiting"])
        for action in entry["actions"]
    }


def test_the_worklist_holds_the_actions_of_the_book(folder):
    of_book = ("fern", "uncalled-best-clients", IDS["fern"])
    assert actions_of(folder, "--select", "uncalled-best-clients") == {of_book}
    both = actions_of(folder, "--select", "uncalled-best-clients", "--select", "quiet-client")
    assert both == {of_book, *actions_of(folder, "--select", "quiet-client")}
    assert len(both) == 2
    assert of_book in actions_of(folder, *PACK)
    assert of_book not in actions_of(folder)


# Settings.


def test_the_book_has_no_tier_for_which_to_set_something():
    table = {"tiers": {"key": {"rules": {"unplanned-book": {"limit": "0.5"}}}}}
    with pytest.raises(SettingsError) as caught:
        Settings.from_table(table)
    assert list(caught.value.problems) == [
        "settings: tiers.key.rules.unplanned-book: the whole book has no tier; set it in [rules.unplanned-book]"
    ]


def test_each_sort_of_rule_is_chosen_by_itself():
    on = Settings.from_table({"packs": dict.fromkeys(PACKS, True)})
    assert {bound.rule.scope for bound in on.choose()} == {"client"}
    assert [bound.name for bound in on.choose_book()] == [rule.name for rule in BOOK_RULES]
    assert Settings().choose_book() == ()
    assert [bound.name for bound in Settings().choose_book(select=["unowned-book"])] == ["unowned-book"]
    assert {bound.name for bound in Settings().choose_book(packs=["love-engage-help"])} == {"neglected-by-owner"}
    with pytest.raises(SettingsError, match="rule 'quiet-client': is about a single client; retention replay runs it"):
        Settings().choose_book(select=["quiet-client"])


# Embedding.


@book_rule
def crowded(book: Book, *, most: int = 1) -> Iterator[Concern]:
    """There are too many clients."""
    if len(book.clients) > most:
        yield Concern(Health.WATCH, starts=book.latest, because=[client.first for client in book.clients])


@book_rule
def broken(book: Book) -> Iterator[Concern]:
    """It fails."""
    raise LookupError("no such thing")
    yield


class Witness(Observer):
    """Notes what fails."""

    def __init__(self):
        self.failed = []

    def rule_failed(self, failure):
        self.failed.append((failure.rule, failure.client))


def clients(*names):
    return [Profiled(client=name, at="2026-01-05", annual_value=9) for name in names]


def test_an_application_asks_its_own_rules_and_the_built_in_ones(tmp_path):
    settings = Settings.from_table({"packs": {"thirty-day-service": True}})
    address = f"sqlite:///{tmp_path / 'log.db'}"
    with RetentionEngine.open(address, create=True, settings=settings, rules=[crowded]) as engine:
        engine.record_many(clients("moss", "fern"))
        found = engine.book(at=instant("2026-02-04"))
        assert [concern.rule for concern in found.concerns] == ["crowded", "uncalled-best-clients"]
        assert [event.client for event in found.concerns[0].evidence] == ["fern", "moss"]
        assert engine.book(at=instant("2026-02-04"), known_at=instant("2026-01-01")).concerns == ()
        (entry, _) = engine.worklist(at=instant("2026-02-04"), ahead=days(0)).today
        assert "uncalled-best-clients" in {action.rule for action in entry.actions}
        assert {rule.name for rule in engine.engine.rules}.isdisjoint({"crowded", "uncalled-best-clients"})


def test_the_settings_of_an_application_know_its_own_rules(tmp_path):
    (tmp_path / "mine.toml").write_text("[rules.crowded]\nmost = 2\n", encoding="utf-8")
    address = f"sqlite:///{tmp_path / 'log.db'}"
    with RetentionEngine.open(address, create=True, settings=tmp_path / "mine.toml", rules=[crowded]) as engine:
        engine.record_many(clients("moss", "fern"))
        assert engine.book(at=instant("2026-02-04")).concerns == ()


def test_an_observer_hears_of_a_rule_about_the_book_that_failed(tmp_path):
    witness = Witness()
    address = f"sqlite:///{tmp_path / 'log.db'}"
    with RetentionEngine.open(address, create=True, rules=[broken, crowded], observers=[witness]) as engine:
        engine.record_many(clients("moss", "fern"))
        found = engine.book(at=instant("2026-02-04"))
        assert [concern.rule for concern in found.concerns] == ["crowded"]
        assert [(it.rule, it.client) for it in engine.worklist(at=instant("2026-02-04")).failures] == [("broken", "")]
        assert witness.failed == [("broken", ""), ("broken", "")]


def test_no_two_rules_have_one_name_whatever_they_are_about(tmp_path):
    @book_rule
    def quiet_client(book: Book) -> Iterator[Concern]:
        """Named like another rule."""
        yield from ()

    with pytest.raises(RuleError, match="two rules are named 'quiet-client'"):
        RetentionEngine.open(f"sqlite:///{tmp_path / 'log.db'}", create=True, rules=[quiet_client])


# What is printed.


def assessed(*events, rules, at="2026-06-01", engine=None) -> BookAssessment:
    book = Book.cut(gather(events), engine or Engine([]), at=instant(at))
    return assess_book(book, rules, at=instant(at))


def test_names_that_would_steer_a_terminal_are_spelled_out():
    hostile = Profiled(client="a\u202eb", at="2026-01-05", name="A\u202eB", owner="jo\u2066")

    @book_rule
    def about_owner(book: Book) -> Iterator[Concern]:
        """There is an owner."""
        (client,) = book.clients
        yield Concern(
            Health.WATCH,
            starts=client.since,
            until=client.since + days(200),
            because=client.first,
            about=client.owner,
            message=client.name,
        )

    page = book_page(assessed(hostile, rules=[about_owner]), days(100))
    assert all(line.isprintable() for line in page.splitlines())
    assert "    A\\u202eB (a\\u202eb)\n" in page
    assert "  2026-07-24: over: A\\u202eB (about-owner [jo\\u2066])" in page


def test_many_names_are_not_all_printed_but_all_are_in_the_document():
    events = [Profiled(client=f"c{place:02}", at="2026-01-05") for place in range(30)]
    found = assessed(*events, rules=[crowded])
    assert "c00, c01" in book_page(found, days(7))
    assert "c23, c24 and others\n" in book_page(found, days(7))
    view = book_document(found, known_at=None, ahead=days(7))
    assert view["concerns"][0]["clients"] == [f"c{place:02}" for place in range(30)]


def test_a_failure_of_a_rule_about_a_client_stands_with_its_client():
    @rule
    def failing(client) -> Findings:
        """It fails."""
        raise LookupError("no such thing")
        yield

    shaky = next(it for it in BOOK_RULES if it.name == "shaky-foundation").function
    event = Profiled(client="fern", at="2026-01-05", tier="key")
    found = assessed(event, rules=[shaky, broken], engine=Engine([failing]))
    view = book_document(found, known_at=None, ahead=days(7))
    assert [(it["rule"], it["client"]) for it in view["failures"]] == [("broken", ""), ("failing", "fern")]
    assert view["concerns"][0]["level"] == "unknown"


# Logs that somebody else kept.

ALL_PACKS = tuple(option for pack in PACKS for option in ("--pack", pack))


@pytest.mark.parametrize(
    ("log", "at", "known"),
    [
        pytest.param(*CDNOW, id="cdnow"),
        pytest.param(*COMPLETE_JOURNEY, id="completejourney", marks=needs_shared),
        pytest.param(*RAVENSTACK, id="ravenstack", marks=needs_shared),
    ],
)
def test_the_book_of_a_real_log_is_told_without_a_failure(log, at, known):
    ran = retention("book", log, "--at", at, *ALL_PACKS, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert (told["clients"], told["failures"]) == (known, [])
    assert {"unowned-book", "unplanned-book"} <= {concern["rule"] for concern in told["concerns"]}
    for concern in told["concerns"]:
        assert instant(concern["starts"]) <= instant(told["at"])
        assert len(set(concern["clients"])) == len(concern["clients"]) == len(concern["because"]) > 0
    assert [change["at"] for change in told["changes"]] == sorted(change["at"] for change in told["changes"])
