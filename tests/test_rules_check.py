"""`retention rules check`: each of its checks finds the rule that is wrong, and passes the one that is not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command import RETENTION, retention
from retention_engine import KINDS, Client, Complained, Engaged, encode
from retention_engine.checking.changes import Snapshot
from retention_engine.checking.linting import lint
from retention_engine.checking.sampling import sampled
from retention_engine.declare import rule_of
from retention_engine.plugins.loading import load_plugins
from retention_engine.settings import CATALOGUE

HEAD = '''\
import datetime as dt
import functools
import logging
import os
import random
import socket
import subprocess
import sys
import time
import urllib.parse
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from retention_engine import (
    Action, Client, Complained, Concern, Engaged, Event, Findings, Health, days, rule,
)
from retention_engine.schema import Identifier, Slug


@attrs.frozen(slots=False, kw_only=True)
class InvoiceSent(Event):
    """An invoice was sent."""

    kind = "acme.invoice_sent"

    number: Identifier
    late: bool = False
    tags: tuple[Slug, ...] = ()


'''

DOC = '''\
    """A call is overdue.

    Fires:
        2026-01-01 engaged
        2026-01-01 complained
        at 2026-01-02: watch

    Silent:
        2026-01-01 engaged
        at 2026-01-02: nothing
    """
'''

SOUND = "    for it in client.of(Complained)[-1:]:\n        yield Concern(Health.WATCH, starts=it.at, because=it)\n"
"""What every rule below says at its end, so that it is sound but for what stands before that."""


def ruled(body: str, *, before: str = "", arguments: str = "client: Client", doc: str = DOC, end: str = SOUND) -> str:
    """A file with the rule `overdue_call` whose body begins with these lines."""
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{HEAD}{before}\n\n@rule\ndef overdue_call({arguments}) -> Findings:\n{doc}{indented}{end}"


def linted(tmp_path: Path, source: str) -> list[tuple[str, str]]:
    (tmp_path / "acme.py").write_text(source)
    plugins = load_plugins(["./acme.py"], base=tmp_path)
    assert [str(failure) for failure in plugins.failures] == []
    return [(flaw.severity, flaw.check) for one in plugins.rules for flaw in lint(one)]


# The source, read


WRONG = {
    "datetime.now(UTC)": ("error", "clock"),
    "dt.datetime.now()": ("error", "clock"),
    "dt.date.today()": ("error", "clock"),
    "time.time()": ("error", "clock"),
    "ask = time.monotonic": ("error", "clock"),
    "time.localtime()": ("error", "clock"),
    "time.strftime('%Y')": ("error", "clock"),
    "time.sleep(1)": ("error", "clock"),
    "from time import time_ns\ntime_ns()": ("error", "clock"),
    "import datetime\ndatetime.datetime.utcnow()": ("error", "clock"),
    "now = client.since\nnow == client.latest_at": ("warning", "clock"),
    "random.random()": ("error", "chance"),
    "random.Random()": ("error", "chance"),
    "uuid.uuid4()": ("error", "chance"),
    "os.urandom(3)": ("error", "chance"),
    "hash(client.id)": ("warning", "chance"),
    "id(client)": ("warning", "chance"),
    "os.environ['HOME']": ("error", "environment"),
    "os.environ.get('HOME')": ("error", "environment"),
    "os.getenv('HOME')": ("error", "environment"),
    "sys.argv[1:]": ("error", "environment"),
    "open('rates.csv')": ("error", "files"),
    "Path('rates.csv').read_text()": ("error", "files"),
    "os.path.exists('rates.csv')": ("error", "files"),
    "socket.create_connection(('localhost', 1))": ("error", "network"),
    "import requests\nrequests.get('x')": ("error", "network"),
    "import urllib.request\nurllib.request.urlopen('x')": ("error", "network"),
    "subprocess.run(['true'])": ("error", "processes"),
    "os.system('true')": ("error", "processes"),
    "print(client.id)": ("error", "print"),
    "sys.stdout.write(client.id)": ("error", "print"),
    "SEEN.append(client.id)": ("error", "state"),
    "SEEN[0] = client.id": ("error", "state"),
    "overdue_call.seen = client.id": ("error", "state"),
    "global LATEST\nLATEST = client.id": ("error", "state"),
    "yield Concern(Health.WATCH, starts=client.since)": ("error", "because"),
    "yield Concern(Health.WATCH, starts=client.since, because=[])": ("error", "because"),
    "yield Action('Call.', due=client.since)": ("error", "because"),
}


@pytest.mark.parametrize(("body", "flaw"), WRONG.items())
def test_what_is_wrong_is_seen_in_the_source(tmp_path, body, flaw):
    body = "if not client:\n" + "".join(f"    {line}\n" for line in body.splitlines()) if "global" not in body else body
    assert linted(tmp_path, ruled(body, before="SEEN = []\nLATEST = ''")) == [flaw]


RIGHT = [
    "datetime(2026, 1, 1, tzinfo=UTC)",
    "datetime.fromisoformat('2026-01-01')",
    "client.since.now if False else None",
    "time.gmtime(0)",
    "time.strftime('%Y', time.gmtime(0))",
    "random.Random(7).random()",
    "uuid.uuid5(uuid.NAMESPACE_DNS, client.id)",
    "os.path.join('a', 'b')",
    "urllib.parse.quote(client.id)",
    "Path('a').name",
    "seen = []\nseen.append(client.id)",
    "def inner():\n    nonlocal_ = 1\n    return nonlocal_\ninner()",
    "print(client.id, file=sys.stderr)",
    "logging.getLogger(__name__).debug('seen %s', client.id)",
    "open = client.open_complaints\nopen",
    "time = client.since\ntime.time()",
    "yield Action('Call.', due=client.since, because=None)",
    "how = {'because': client.first}\nyield Action('Call.', due=client.since, **how)",
    "RATES['EUR']",
    "client.since == client.latest_at",
]


@pytest.mark.parametrize("body", RIGHT)
def test_what_is_right_is_left_alone(tmp_path, body):
    before = "RATES = {'EUR': 1}\nSETTINGS = Path(__file__).read_text()\n"
    assert linted(tmp_path, ruled(f"SETTINGS\n{body}", before=before)) == []


def test_a_rule_that_hides_another_of_its_name_is_told_of(tmp_path):
    source = ruled("").replace("2026-01-02: watch", "2026-01-03: watch") + ruled("").removeprefix(HEAD)
    (tmp_path / "acme.py").write_text(source)
    (one,) = load_plugins(["./acme.py"], base=tmp_path).rules
    (flaw,) = lint(one)
    assert (flaw.severity, flaw.check, flaw.message) == (
        "error",
        "hidden",
        "hides another overdue_call, which never runs",
    )
    assert flaw.line == source.splitlines().index("def overdue_call(client: Client) -> Findings:") + 1


def test_what_a_rule_uses_of_its_module_is_read_too_and_nothing_else(tmp_path):
    before = "def stamp():\n    return datetime.now(UTC)\n\ndef helper():\n    return stamp()\n"
    assert linted(tmp_path, ruled("helper()", before=before)) == [("error", "clock")]
    assert linted(tmp_path, ruled("", before=before)) == []


@pytest.mark.parametrize(
    ("before", "flaws"),
    [
        ("START = datetime.now(UTC)", [("error", "clock")]),
        ("START = os.environ.get('START')", [("warning", "environment")]),
        ("START = Path(__file__).read_text()", []),
    ],
)
def test_a_constant_that_differs_with_the_day_of_its_import_is_seen(tmp_path, before, flaws):
    assert linted(tmp_path, ruled("START", before=before)) == flaws


def test_each_flaw_names_its_line(tmp_path):
    (tmp_path / "acme.py").write_text(ruled("\n\ndatetime.now(UTC)"))
    flaw = lint(load_plugins(["./acme.py"], base=tmp_path).rules[0])[0]
    lines = (tmp_path / "acme.py").read_text().splitlines()
    assert flaw.file == str((tmp_path / "acme.py").resolve())
    assert lines[flaw.line - 1].strip() == "datetime.now(UTC)"
    assert flaw.message == "reads the clock (datetime.now)"
    assert flaw.remedy.startswith("in a rule there is no now: state starts= from an event's instant")


def settings_doc(*lines: str, about: str = "A call is overdue.") -> str:
    return DOC.replace("A call is overdue.", about).replace("    Fires:", "\n".join([*lines, "    Fires:"]))


@pytest.mark.parametrize(
    ("arguments", "doc", "flaws"),
    [
        ("client: Client, *, every: timedelta = days(3)", DOC, ["setting", "unused"]),
        (
            "client: Client, *, every: timedelta = days(3)",
            settings_doc("    Settings:", "        every: how often.", ""),
            ["unused"],
        ),
        ("client: Client", settings_doc(about="overdue calls"), ["sentence"]),
        ("client: Client", settings_doc(about="A call is overdue"), ["sentence"]),
        ("client: Client", settings_doc(about="Overdue."), ["sentence"]),
        ("client: Client", settings_doc(about="2 calls are overdue!"), []),
        ("client: Client", '    """A call is overdue."""\n', ["example", "example"]),
        ("client: Client", DOC.partition("    Silent:")[0].rstrip() + '\n    """\n', ["example"]),
    ],
)
def test_what_a_docstring_leaves_unsaid_is_a_warning(tmp_path, arguments, doc, flaws):
    assert linted(tmp_path, ruled("", arguments=arguments, doc=doc)) == [("warning", flaw) for flaw in flaws]


def test_a_rule_without_a_file_can_still_be_checked():
    names: dict = {}
    exec(  # noqa: S102 - what somebody types into a shell
        "from retention_engine import *\n@rule\ndef shown(client: Client):\n    'A call is overdue.'\n    yield", names
    )
    assert [flaw.check for flaw in lint(rule_of(names["shown"]))] == ["example", "example", "source"]


def test_an_object_that_can_be_called_is_read_like_a_function(tmp_path):
    source = (
        HEAD + "class Overdue:\n"
        '    """A call is overdue."""\n\n'
        "    __name__ = 'overdue_call'\n"
        "    def __call__(self, client: Client) -> Findings:\n"
        "        datetime.now(UTC)\n"
        "        yield from ()\n\n"
        "overdue_call = rule(Overdue())\n"
    )
    assert ("error", "clock") in linted(tmp_path, source)


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.name)
def test_every_built_in_rule_reads_well(one):
    assert lint(one) == []


# Rules, run


def checked(folder: Path, source: str, *args: str, code: int, stdin: bytes = b"") -> list[tuple[str, str]]:
    """Severity and check of each flaw of a file's rules."""
    document = documented(folder, source, *args, code=code, stdin=stdin)
    return [(it["severity"], it["check"]) for one in document["rules"] for it in one["findings"]]


MADE_UP = "--made-up"
"""For the tests in this file: try the rules on the log that is made up, which takes longer."""

LOG = [
    {"client": f"c{number:02}", "kind": kind, "at": f"2026-01-{day:02}"}
    for number in range(6)
    for kind, day in (("engaged", number + 1), ("complained", number + 1 + number % 2))
]


def _short_log(folder: Path) -> tuple[str, ...]:
    (folder / "short.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LOG))
    return "--log", "short.jsonl"


def documented(folder: Path, source: str, *args: str, code: int, stdin: bytes = b"") -> dict:
    (folder / "acme.py").write_text(source)
    args = (
        "--rules",
        "./acme.py",
        "--format",
        "json",
        *(args if "--log" in args or MADE_UP in args else (*args, *_short_log(folder))),
    )
    ran = retention("rules", "check", *(arg for arg in args if arg is not MADE_UP), cwd=folder, stdin=stdin)
    assert ran.code == code, ran.err
    return json.loads(ran.out)


NO_EXAMPLE = [("warning", "example")] * 2
PLAIN_DOC = '    """A call is overdue."""\n'


def test_a_sound_rule_passes(tmp_path):
    document = documented(tmp_path, ruled(""), MADE_UP, code=0)
    (one,) = document["rules"]
    assert list(document) == ["version", "clients", "made_up", "rules", "failures"]
    assert (document["version"], document["made_up"], document["failures"]) == (1, True, [])
    assert (one["rule"], one["distribution"], one["findings"]) == ("acme/overdue-call", "./acme.py", [])
    assert 20 < one["stated_for"] < document["clients"]
    assert one["slowness"] < 20


def test_wrong_rules_are_all_found_in_one_run_and_harm_no_other(tmp_path):
    wrong = {
        # what is asked for where nobody sees it: the error is swallowed, and the name is looked up
        "asks_the_clock": "try:\n    getattr(datetime, 'no' + 'w')(UTC)\nexcept Exception:\n    pass",
        "draws": "try:\n    getattr(random, 'ran' + 'dom')()\nexcept Exception:\n    pass",
        "opens": "try:\n    getattr(Path(__file__), 'read' + '_text')()\nexcept Exception:\n    pass",
        "connects": "try:\n    getattr(socket, 'sock' + 'et')()\nexcept Exception:\n    pass",
        "starts": "try:\n    getattr(os, 'sys' + 'tem')('true')\nexcept Exception:\n    pass",
        "looks_around": "try:\n    getattr(os, 'env' + 'iron')['HOME']\nexcept Exception:\n    pass",
        "changes": "vars(client.events[0])['note'] = 'seen'",
        "forges": "client.events[-1].__dict__.update(position=7)",
        "prints": "getattr(sys, 'std' + 'out').write('hello')",
        "fails": "if client.of(Engaged)[1:]:\n    client.of(Engaged)[99]",
        "exits": "if client.of(Engaged)[1:]:\n    sys.exit('enough')",
        "remembers": "seen = vars(sound).setdefault('seen', [])\nif client.complaints:\n    seen.append(1)\n"
        "    yield Action('Call.', due=client.since + days(len(seen)), because=client.first)",
        "follows": "before = vars(sound).get('before')\nvars(sound)['before'] = client.id\n"
        "if before is not None and before[:9] < client.id[:9]:\n"
        "    yield Action('Call.', due=client.since, because=client.first)",
        "shuffles": "names = {it.ref for it in client.complaints}\nif names:\n"
        "    yield Action(f'Call about {sorted(names, key=lambda it: 0)}.', due=client.since, because=client.first)",
        "zones": "if client.since.astimezone().hour < 12:\n"
        "    yield Action('Call.', due=client.since, because=client.first)",
        "yields_text": "if client.complaints:\n    yield 'a complaint'",
        "forgets_its_zone": "yield Concern(Health.WATCH, starts=datetime(2026, 1, 1), because=client.first)",
        "floods": "if client.complaints:\n    while True:\n"
        "        yield Concern(Health.WATCH, starts=client.since, until=client.since, because=client.first)",
        "ends_it_all": "if client.complaints:\n    getattr(os, '_ex' + 'it')(7)",
    }
    rules = {
        name: ruled(body, doc=PLAIN_DOC).replace("overdue_call", name).removeprefix(HEAD)
        for name, body in wrong.items()
    }
    sound = ruled("", doc=PLAIN_DOC).replace("overdue_call", "sound")
    document = documented(tmp_path, sound + "\n\n".join(rules.values()), MADE_UP, code=4)
    found = {
        one["rule"]: [(it["check"], it["message"]) for it in one["findings"] if it["severity"] == "error"]
        for one in document["rules"]
    }
    assert found.pop("acme/sound") == []
    checks = {name.removeprefix("acme/"): [check for check, _ in flaws] for name, flaws in found.items()}
    assert checks == {
        "asks-the-clock": ["clock"],
        "draws": ["chance"],
        "opens": ["files"],
        "connects": ["network"],
        "starts": ["processes"],
        "looks-around": ["environment"],
        "changes": ["changes"],
        "forges": ["changes"],
        "prints": ["print"],
        "fails": ["fails"],
        "exits": ["fails"],
        "remembers": ["deterministic"],
        "follows": ["order"],
        "shuffles": ["deterministic"],
        "zones": ["deterministic"],
        "yields-text": ["fails"],
        "forgets-its-zone": ["fails"],
        "floods": ["fails"],
        "ends-it-all": ["ends"],
    }
    assert set(checks) == {name.replace("_", "-") for name in wrong}


def test_a_rule_that_never_ends_is_named_with_its_line_and_the_others_go_on(tmp_path):
    waits = ruled("if client.complaints:\n    threading.Event().wait()", before="import threading", doc=PLAIN_DOC)
    sound = ruled("", doc=PLAIN_DOC).replace("overdue_call", "sound").removeprefix(HEAD)
    document = documented(tmp_path, waits + sound, "--patience", "5 seconds", code=4)
    endless, other = document["rules"]
    assert [it["check"] for it in endless["findings"]] == ["endless", "example", "example"]
    flaw = endless["findings"][0]
    assert flaw["message"] == "was not done with the log after 5 seconds"
    assert (tmp_path / "acme.py").read_text().splitlines()[flaw["line"] - 1].strip() == "threading.Event().wait()"
    assert endless["stated_for"] is None
    assert [it["check"] for it in other["findings"]] == ["example", "example"]
    assert other["stated_for"] == 6


def test_a_rule_that_ends_only_the_second_process_is_named_too(tmp_path):
    """Its hash seed is another one, so a rule may go another way there."""
    ends = ruled("if os.environ.get('PYTHONHASHSEED') == '2':\n    os.abort()", doc=PLAIN_DOC)
    swallowed = ends.replace("    if os.environ", "    if SEED == '2':\n        os.abort()\n    if 0 and os.environ")
    found = checked(
        tmp_path, swallowed.replace("\n\n@rule", "\nSEED = os.environ.get('PYTHONHASHSEED')\n\n@rule"), code=4
    )
    assert ("error", "ends") in found


def test_a_rule_that_cannot_be_loaded_in_another_process_is_told_of(tmp_path):
    before = "if os.environ.get('PYTHONHASHSEED') == '1':\n    raise ImportError('not today')"
    (one,) = documented(tmp_path, ruled("", before=before, doc=PLAIN_DOC), code=4)["rules"]
    assert one["findings"][0]["check"] == "fails"
    assert one["findings"][0]["message"] == "fails for 6 of 6 clients: it can't be loaded in another process"


def test_a_reader_of_the_clock_is_told_of_once_though_it_is_seen_twice(tmp_path):
    assert checked(tmp_path, ruled("datetime.now(UTC)"), code=4) == [("error", "clock")]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_who_stops_the_command_stops_all_of_it(tmp_path):
    begun = "Path(__file__).with_suffix(f'.{os.getpid()}').touch()"
    (tmp_path / "acme.py").write_text(
        ruled("if client.complaints:\n    threading.Event().wait()", before=f"import threading\n{begun}", doc=PLAIN_DOC)
    )
    command = [*RETENTION, "rules", "check", "--rules", "./acme.py", *_short_log(tmp_path)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        while len(list(tmp_path.glob("acme.[0-9]*"))) < 3:
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.wait() == 130
        assert running.communicate()[0] == b""
    for path in tmp_path.glob("acme.[0-9]*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.suffix[1:]), 0)


EXAMPLES = {
    "at 2026-01-02: watch": None,
    "at 2026-01-02: at-risk": "its example under 'Fires:' expects 'at 2026-01-02: at-risk', and it says 'at 2026-01-02: watch'",
    "from 2026-01-02: watch": "its example under 'Fires:' expects 'from 2026-01-02: watch', and it says 'from 2026-01-01: watch'",
    "at 2026-01-02: wach": "its example under 'Fires:' can't be tried: the example's line",
    "at 2025-01-02: watch": "its example under 'Fires:' can't be tried: rule acme/overdue-call: the example says what is "
    "expected too early",
}


@pytest.mark.parametrize(("line", "message"), EXAMPLES.items())
def test_examples_are_tried(tmp_path, line, message):
    source = ruled("", doc=DOC.replace("at 2026-01-02: watch", line))
    (one,) = documented(tmp_path, source, code=0 if message is None else 4)["rules"]
    assert [it["check"] for it in one["findings"]] == ([] if message is None else ["example"])
    for flaw in one["findings"]:
        assert flaw["message"].startswith(message)
        assert source.splitlines()[flaw["line"] - 1].strip() == "Fires:"


def test_an_example_in_times_since_a_start_is_told_in_these(tmp_path):
    doc = DOC.replace("2026-01-01", "0d").replace("at 2026-01-02: watch", "at 36h: at-risk, act by 3d")
    (one,) = documented(tmp_path, ruled("", doc=doc.replace("at 2026-01-02", "at 1d")), code=4)["rules"]
    (flaw,) = one["findings"]
    expected = "its example under 'Fires:' expects 'at 36h: at-risk, act by 3d', and it says 'at 36h: watch'"
    assert flaw["message"] == expected


def test_an_example_of_a_kind_of_the_plug_in_can_be_tried_and_such_events_are_made_up(tmp_path):
    doc = DOC.replace("engaged\n        2026-01-01 complained", "acme.invoice_sent number=7").replace(
        "-02: watch", "-15: watch"
    )
    body = (
        "for it in client.of(InvoiceSent)[-1:]:\n    yield Concern(Health.WATCH, starts=it.at + days(14), because=it)"
    )
    (one,) = documented(tmp_path, ruled(body, doc=doc, end=""), MADE_UP, code=0)["rules"]
    assert one["findings"] == []
    assert one["stated_for"] > 50


def test_what_always_or_never_finds_something_is_a_warning(tmp_path):
    never = "if client.complaints and not client.complaints:\n    yield Action('Call.', due=client.since, because=None)"
    always = "yield Concern(Health.WATCH, starts=client.since, because=client.first)"
    assert checked(tmp_path, ruled(never, doc=PLAIN_DOC, end=""), code=0) == [*NO_EXAMPLE, ("warning", "never-fires")]
    assert checked(tmp_path, ruled(always, doc=PLAIN_DOC, end=""), code=0) == [*NO_EXAMPLE, ("warning", "always-fires")]


def test_strict_takes_warnings_for_errors(tmp_path):
    assert checked(tmp_path, ruled("", doc=PLAIN_DOC), "--strict", code=4) == NO_EXAMPLE
    assert checked(tmp_path, ruled(""), "--strict", code=0) == []


def test_a_rule_that_takes_long_is_compared_with_our_own(tmp_path):
    (one,) = documented(tmp_path, ruled("for number in range(300_000):\n    number % 7"), code=0)["rules"]
    assert [it["check"] for it in one["findings"]] == ["slow"]
    assert "times as long as" in one["findings"][0]["message"]
    assert one["slowness"] > 20


def test_a_rule_about_the_book_is_checked_too(tmp_path):
    head = HEAD.replace("    Action,", "    Action, Book, book_rule,")
    doc = '    """Too many clients."""\n'
    sound = f"@book_rule\ndef crowded(book: Book) -> Findings:\n{doc}    yield Concern(\n        Health.WATCH, starts=book.latest, "
    sound += "because=[it.first for it in book.clients[:3]]\n    )\n"
    wrong = f"\n\n@book_rule\ndef chaotic(book: Book) -> Findings:\n{doc}    book.clients[0].owner.upper.nothing\n    yield from ()\n"
    document = documented(tmp_path, head + sound + wrong, code=4)
    found = {one["rule"]: [(it["check"], it["message"]) for it in one["findings"]] for one in document["rules"]}
    assert [check for check, _ in found["acme/crowded"]] == ["example", "example"]
    assert [check for check, _ in found["acme/chaotic"]] == ["fails", "example", "example"]
    assert found["acme/chaotic"][0][1].startswith("fails for the book: AttributeError")


def test_a_log_can_be_named_as_a_file_an_address_or_standard_input(tmp_path):
    lines = "".join(json.dumps(line) + "\n" for line in LOG)
    (tmp_path / "log.jsonl").write_text(lines)
    assert retention("init", f"sqlite:///{tmp_path}/log.db").code == 0
    assert retention("import", tmp_path / "log.jsonl", "--log", f"sqlite:///{tmp_path}/log.db").code == 0
    for log in ("log.jsonl", f"sqlite:///{tmp_path}/log.db", "-"):
        document = documented(tmp_path, ruled(""), "--log", log, code=0, stdin=lines.encode())
        assert (document["clients"], document["made_up"]) == (6, False)
        assert [(one["stated_for"], one["findings"]) for one in document["rules"]] == [(6, [])]


def test_of_a_short_log_nothing_is_said_that_holds_for_all(tmp_path):
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LOG[:4]))
    assert (
        checked(tmp_path, ruled("", end="    yield from ()\n", doc=PLAIN_DOC), "--log", "log.jsonl", code=0)
        == NO_EXAMPLE
    )


def test_bad_lines_and_empty_logs_are_refused(tmp_path):
    (tmp_path / "acme.py").write_text(ruled(""))
    (tmp_path / "bad.jsonl").write_text("{}\n")
    (tmp_path / "empty.jsonl").write_text("")
    ran = retention("rules", "check", "--rules", "./acme.py", "--log", "bad.jsonl", cwd=tmp_path)
    assert (ran.code, ran.out) == (3, b"")
    ran = retention("rules", "check", "--rules", "./acme.py", "--log", "empty.jsonl", cwd=tmp_path)
    assert ran.code == 2
    assert "empty.jsonl tells of no client" in ran.err


# The command


def test_the_table_says_what_is_wrong_a_line_each_with_place_rule_distribution_and_remedy(tmp_path):
    (tmp_path / "acme.py").write_text(ruled("datetime.now(UTC)"))
    ran = retention("rules", "check", "--rules", "./acme.py", cwd=tmp_path)
    assert (ran.code, ran.err) == (4, "")
    number = ruled("datetime.now(UTC)").splitlines().index("    datetime.now(UTC)") + 1
    head, _, row, flaw, _, last = ran.text.splitlines()
    assert head.split() == ["rule", "from", "states", "something", "of", "wrong", "with", "it"]
    assert row.split() == ["acme/overdue-call", "./acme.py", "0", "1", "error"]
    assert flaw == (
        f"acme.py:{number}: error: acme/overdue-call (./acme.py): reads the clock (datetime.now); in a rule there is no "
        "now: state starts= from an event's instant, such as starts=event.at + grace [clock]"
    )
    assert last.startswith("1 rule checked over a log that was made up, with ")
    assert last.endswith(" clients: 1 error")


def test_nothing_wrong_is_said_so(tmp_path):
    (tmp_path / "acme.py").write_text(ruled(""))
    ran = retention("rules", "check", "--rules", "./acme.py", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.text.splitlines()[2].split()[-1] == "nothing"
    assert ran.text.endswith("clients: nothing is wrong\n")


def test_rules_can_be_named_and_the_settings_file_says_which_plug_ins_are_used(tmp_path):
    (tmp_path / "retention.toml").write_text(
        '[plugins]\nuse = ["./acme.py"]\ntime_budget = "30 seconds"\n[rules."acme/overdue-call"]\nevery = "5 days"\n'
    )
    doc = settings_doc("    Settings:", "        every: how often.", "").replace(
        "at 2026-01-02: watch", "at 2026-01-04: watch"
    )
    arguments = "client: Client, *, every: timedelta = days(3)"
    body = "for it in client.of(Complained)[-1:]:\n    yield Concern(Health.WATCH, starts=it.at + every, because=it)"
    (tmp_path / "acme.py").write_text(ruled(body, doc=doc, arguments=arguments, end=""))
    ran = retention("rules", "check", "acme/overdue-call", "quiet-client", "--format", "json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert [(one["rule"], one["distribution"], one["findings"]) for one in document["rules"]] == [
        ("quiet-client", "", []),
        ("acme/overdue-call", "./acme.py", []),
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "there is no rule of a plug-in to check; name a plug-in by --rules ./acme.py"),
        (("quiet-clint",), "rule 'quiet-clint': no such rule; did you mean 'quiet-client'?"),
        (("quiet-client", "--patience", "soon"), "'soon' is not a duration"),
        (("quiet-client", "--patience", "0 seconds"), "a rule needs some time"),
        (("--rules", "./nowhere.py"), "there is no file"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, args, said):
    ran = retention("rules", "check", *args, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, b"")
    assert said in ran.err


def test_a_plug_in_without_a_rule_is_told_of_with_what_was_forgotten(tmp_path):
    source = ruled("").replace("@rule\n", "")
    (tmp_path / "acme.py").write_text(source)
    ran = retention("rules", "check", "--rules", "./acme.py", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, b"")
    assert (
        "Warning: plug-in acme (./acme.py): overdue_call yields findings and is no rule; put @rule above it" in ran.err
    )
    assert "the plug-ins in use bring no rule; name a plug-in" in ran.err


def test_where_nothing_could_be_loaded_nothing_is_said_to_be_right(tmp_path):
    (tmp_path / "broken.py").write_text("import acme_that_nobody_has\n")
    ran = retention("rules", "check", "--rules", "./broken.py", cwd=tmp_path)
    assert ran.code == 4
    assert ran.text.splitlines()[-1].endswith(": 1 plug-in could not be loaded")


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        ("client.of(Complained)[5]", "let it state nothing where the history lacks what it looks for"),
        ("client.latest(Complained).topic.upper()", "let it state nothing where the history lacks what it looks for"),
        ("client.since + 21", "correct the rule"),
        ("yield 'watch'", "correct the rule"),
    ],
)
def test_what_to_do_about_a_failure_depends_on_what_it_is(tmp_path, body, remedy):
    (one,) = documented(tmp_path, ruled(body), code=4)["rules"]
    (flaw,) = (it for it in one["findings"] if it["check"] == "fails")
    assert flaw["remedy"] == remedy


def test_a_plug_in_that_cannot_be_loaded_is_told_of_and_the_others_are_checked(tmp_path):
    (tmp_path / "broken.py").write_text("import acme_that_nobody_has\n")
    document = documented(tmp_path, ruled(""), "--rules", "./broken.py", code=4)
    assert [(one["rule"], one["findings"]) for one in document["rules"]] == [("acme/overdue-call", [])]
    (failure,) = document["failures"]
    assert (failure["plugin"], failure["origin"]) == ("broken", "./broken.py")
    assert "acme_that_nobody_has" in failure["message"]


def test_a_kind_of_which_no_event_can_be_made_up_is_told_of(tmp_path):
    kind = "@attrs.frozen(slots=False, kw_only=True)\nclass Odd(Event):\n    kind = 'acme.odd'\n    by_whom: bytes\n"
    (tmp_path / "acme.py").write_text(ruled("", before=kind))
    ran = retention("rules", "check", "--rules", "./acme.py", cwd=tmp_path)
    assert ran.code == 0
    assert (
        "Warning: the log that was made up has no acme.odd (by_whom: nothing is known of what bytes may hold)"
        in ran.err
    )


@pytest.mark.slow
def test_every_built_in_rule_passes():
    ran = retention("rules", "check", "--built-in", "--strict", "--format", "json")
    assert ran.code == 0, ran.text
    document = json.loads(ran.out)
    assert [one["rule"] for one in document["rules"]] == [one.name for one in CATALOGUE]
    assert all(one["stated_for"] for one in document["rules"])


# The log that is made up, and what notices a change


def test_the_log_that_is_made_up_is_the_same_everywhere():
    program = (
        "from retention_engine import encode\nfrom retention_engine.checking.sampling import sampled\n"
        "for events in sampled(clients=30).histories.values():\n"
        "    for event in events:\n        print(event.position, encode(event).decode())\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout.splitlines()) > 100
    here = [
        f"{event.position} {encode(event).decode()}"
        for events in sampled(clients=30).histories.values()
        for event in events
    ]
    assert runs[0].stdout.decode().splitlines() == here


def test_the_log_that_is_made_up_has_what_is_hard():
    sample = sampled()
    events = [event for history in sample.histories.values() for event in history]
    assert {event.kind for event in events} == set(KINDS)
    assert sample.missing == {}
    assert sorted(event.position for event in events) == list(range(1, len(events) + 1))
    assert any(event.id is None for event in events)
    assert any(event.recorded_at > event.at for event in events)
    ties = [history for history in sample.histories.values() if len({it.at for it in history}) < len(history)]
    assert len(ties) > 20
    assert sampled(seed=2).histories != sample.histories


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: None, ""),
        (lambda client: client.events[0].note, ""),
        (lambda client: vars(client.events[0]).update(note="x"), "note of engaged e1"),
        (lambda client: vars(client.events[1]).update(seen=True), "seen of complained e2"),
        (
            lambda client: vars(client.events[1]).pop("severity"),
            "severity of complained e2",
        ),
        (lambda client: object.__setattr__(client.events[0], "position", 9), "position of engaged e1"),
        (lambda client: dict.update(client.events[0].answers, how="well"), "what engaged e1 says"),
        (lambda client: client._history.events.pop(), "which events there are"),
        (lambda client: setattr(client, "id", "bolt"), "the client's id"),
    ],
)
def test_a_change_of_the_history_is_noticed(change, said):
    called = Engaged(client="acme", at="2026-01-01", id="e1", position=1, asked=("how",), answers={"how": "fine"})
    client = Client("acme", [called, Complained(client="acme", at="2026-01-02", id="e2", position=2)])
    before = Snapshot.of(client)
    change(client)
    assert before.changed(client).startswith(said)
    assert bool(before.changed(client)) == bool(said)
