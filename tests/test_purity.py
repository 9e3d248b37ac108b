"""The guard that keeps rules to their client's history: what is refused, what is let through, and what is put back."""

import datetime as dt
import os
import pickle  # a failure may have to leave a worker process
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from types import ModuleType

import pytest

from retention_engine.errors import ImpureRule, RuleError
from retention_engine.purity import forbidding
from retention_engine.reaches import impurity

IMPORTS = """\
import datetime as dt
import os
import random
import secrets
import socket
import subprocess
import sys
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from datetime import datetime as moment
from os import environ
from pathlib import Path
from random import Random, choice
from time import time as seconds
from uuid import uuid4
from zoneinfo import ZoneInfo
"""

NAMED = "acme_impure"
HELPER = "acme_helper"


def made(name: str, source: str) -> ModuleType:
    """A module from its source, known to Python until the test ends."""
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"{name}.py", "exec"), vars(module))  # noqa: S102 - the module that the test is about
    return module


@pytest.fixture
def module():
    yield made(NAMED, IMPORTS)
    del sys.modules[NAMED]


@pytest.fixture
def helper():
    """A module that nobody names, which a rule calls."""
    yield made(HELPER, "import datetime as dt, random, time, os\n\ndef ask(text):\n    return eval(text)\n")
    del sys.modules[HELPER]


def ask(module: ModuleType, text: str):
    return eval(text, vars(module))  # noqa: S307 - the texts of the tables in this file


REFUSED = {
    "dt.datetime.now()": "datetime.now",
    "dt.datetime.now(dt.UTC)": "datetime.now",
    "dt.date.today()": "date.today",
    "moment.now(UTC)": "datetime.now",
    "moment.utcnow()": "datetime.utcnow",
    "moment.today()": "datetime.today",
    "date.today()": "date.today",
    "time.time()": "time.time",
    "time.time_ns()": "time.time_ns",
    "time.monotonic()": "time.monotonic",
    "time.perf_counter()": "time.perf_counter",
    "time.localtime()": "time.localtime",
    "time.localtime(None)": "time.localtime",
    "time.gmtime()": "time.gmtime",
    "time.ctime()": "time.ctime",
    "time.strftime('%Y')": "time.strftime",
    "time.sleep(0)": "time.sleep",
    "seconds()": "time.time",
    "random.random()": "random.random",
    "random.seed(1)": "random.seed",
    "choice([1, 2])": "random.choice",
    "Random()": "random.Random",
    "Random(None)": "random.Random",
    "random.SystemRandom()": "random.SystemRandom",
    "secrets.token_hex()": "secrets.token_hex",
    "uuid.uuid1()": "uuid.uuid1",
    "uuid4()": "uuid.uuid4",
    "os.urandom(4)": "os.urandom",
    "os.environ['HOME']": "os.environ",
    "os.environ.get('HOME')": "os.environ",
    "'HOME' in environ": "os.environ",
    "dict(environ)": "os.environ",
    "environ.copy()": "os.environ",
    "os.getenv('HOME')": "os.getenv",
    "os.putenv('A', 'b')": "os.putenv",
    "open('rates.csv')": "open('rates.csv')",
    "os.open('rates.csv', 0)": "open('rates.csv')",
    "Path('rates.csv').read_text()": "open('rates.csv')",
    "os.listdir('.')": "os.listdir",
    "os.remove('rates.csv')": "os.remove",
    "socket.socket()": "socket.__new__",
    "socket.getaddrinfo('localhost', 80)": "socket.getaddrinfo",
    "subprocess.run(['true'])": "subprocess.Popen",
    "os.system('true')": "os.system",
}


@pytest.mark.parametrize(("text", "attempt"), REFUSED.items())
def test_what_is_not_in_the_history_is_refused_and_noted(module, text, attempt):
    with forbidding(NAMED) as attempts:
        with pytest.raises(ImpureRule) as refused:
            ask(module, text)
        assert refused.value.attempt == attempt
    assert attempts == [attempt]


LET_THROUGH = [
    "dt.datetime(2026, 1, 1) == moment(2026, 1, 1)",
    "type(moment(2026, 1, 1)) is type(moment.fromisoformat('2026-01-01')) is type(SOME)",
    "type(moment.max) is type(moment.combine(date(2026, 1, 1), dt.time())) is type(SOME)",
    "type(moment.strptime('2026', '%Y')) is type(moment.fromtimestamp(0, UTC)) is type(SOME)",
    "type(moment(2026, 1, 1)) == moment",
    "isinstance(SOME, moment) and isinstance(SOME, date) and not isinstance(SOME.date(), moment)",
    "issubclass(type(SOME), moment) and issubclass(moment, date) and not issubclass(date, moment)",
    "{moment: 1}[type(SOME)] == 1",
    "SOME + timedelta(days=1) > SOME",
    "moment.__name__ == 'datetime' and date.fromordinal(1) == date.min",
    "time.gmtime(0).tm_year == 1970",
    "time.strftime('%Y', time.gmtime(0)) == '1970'",
    "Random(7).random() == Random(7).random()",
    "isinstance(Random(7), Random) and isinstance(Random(7), random.Random)",
    "uuid.uuid5(uuid.NAMESPACE_DNS, 'acme').version == 5",
    "secrets.compare_digest('a', 'a')",
    "os.path.join('a', 'b').startswith('a') and os.sep in '/\\\\'",
    "SOME.astimezone(ZoneInfo('Europe/Amsterdam')).utcoffset() == timedelta(hours=1)",
    "__import__('colorsys').rgb_to_hsv(0, 0, 0) == (0, 0, 0)",
]


@pytest.mark.parametrize("text", LET_THROUGH)
def test_what_depends_on_nothing_else_is_let_through(module, text):
    sys.modules.pop("colorsys", None)
    module.SOME = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with forbidding(NAMED) as attempts:
        assert ask(module, text)
    assert attempts == []


def test_a_case_of_a_match_knows_an_instant(module):
    exec("def which(it):\n    match it:\n        case datetime():\n            return 'instant'\n", vars(module))  # noqa: S102
    module.datetime = dt.datetime
    with forbidding(NAMED):
        assert module.which(dt.datetime(2026, 1, 1)) == "instant"  # noqa: DTZ001 - any instant
        assert module.which(1) is None


@pytest.mark.parametrize("text", ["dt.datetime.now()", "random.random()", "time.time()", "os.getenv('HOME')"])
def test_calls_from_a_module_that_nobody_named_are_seen_too(helper, text):
    with forbidding(NAMED) as attempts, pytest.raises(ImpureRule):
        helper.ask(text)
    assert len(attempts) == 1


def test_an_import_inside_a_function_gets_no_clock_either(module):
    exec("def late():\n    from datetime import datetime\n    return datetime.now()\n", vars(module))  # noqa: S102
    with forbidding() as attempts, pytest.raises(ImpureRule):
        module.late()
    assert attempts == ["datetime.now"]


def test_a_package_stands_for_its_modules(tmp_path, monkeypatch):
    package = tmp_path / "acme_packaged"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("from time import time\n\ndef ask():\n    return time()\n")
    monkeypatch.syspath_prepend(tmp_path)
    from acme_packaged import inner

    with forbidding("acme_packaged") as attempts, pytest.raises(ImpureRule):
        inner.ask()
    assert attempts == ["time.time"]
    assert inner.time is time.time


def test_an_attempt_is_noted_even_where_its_error_is_swallowed(module):
    exec(  # noqa: S102 - the rule of a careless author
        "def swallow():\n    try:\n        return choice([1])\n    except Exception:\n        return None\n",
        vars(module),
    )
    with forbidding(NAMED) as attempts:
        assert module.swallow() is None
    assert attempts == ["random.choice"]


def test_a_module_that_is_imported_meanwhile_may_do_what_it_wants_and_keeps_the_real_things(tmp_path, monkeypatch):
    (tmp_path / "acme_late.py").write_text(
        "import os, time\nfrom datetime import datetime\nLOADED, HOME = datetime.now(), os.environ.get('HOME')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with forbidding() as attempts:
        import acme_late
    assert attempts == []
    assert acme_late.datetime is dt.datetime
    assert isinstance(acme_late.LOADED, dt.datetime)


def test_who_is_imported_may_forbid_what_follows(tmp_path, monkeypatch):
    (tmp_path / "acme_program.py").write_text(
        "import time\nfrom retention_engine.purity import forbidding\n"
        "with forbidding() as attempts:\n    try:\n        time.time()\n    except TypeError:\n        pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import acme_program

    assert acme_program.attempts == ["time.time"]


REAL_THINGS = {
    "date": dt.date,
    "moment": dt.datetime,
    "environ": os.environ,
    "choice": random.choice,
    "Random": random.Random,
    "seconds": time.time,
    "uuid4": uuid.uuid4,
}


@pytest.mark.parametrize("raised", [None, KeyError("x"), KeyboardInterrupt()])
def test_everything_is_put_back(module, raised):
    kept = {name: id(value) for name, value in vars(module).items()}
    try:
        with forbidding(NAMED):
            assert module.moment is not dt.datetime or type(dt) is not ModuleType
            if raised is not None:
                raise raised
    except (KeyError, KeyboardInterrupt) as error:
        assert error is raised  # noqa: PT017 - an interrupt has to be let through, too
    assert {name: id(value) for name, value in vars(module).items()} == kept
    assert {name: getattr(module, name) for name in REAL_THINGS} == REAL_THINGS
    for source in (dt, time, random, secrets, uuid, os):
        assert type(source) is ModuleType
    assert dt.datetime.now(dt.UTC).year > 2000
    assert time.time() > 0
    assert "PATH" in os.environ
    assert 0 <= random.random() < 1  # noqa: S311 - any chance will do
    with socket.socket():
        pass
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


def test_it_may_be_entered_again_within_itself(module):
    with forbidding(NAMED) as outer:
        with forbidding(NAMED) as inner:
            with pytest.raises(ImpureRule):
                module.seconds()
            assert (inner, outer) == (["time.time"], ["time.time"])
        with pytest.raises(ImpureRule):
            module.choice([1])
        assert (inner, outer) == (["time.time"], ["time.time", "random.choice"])
    assert module.seconds is time.time


def test_other_threads_go_on_as_ever(module):
    found = []

    def elsewhere():
        found.extend(
            [
                type(module.moment.now(dt.UTC)),
                module.seconds() > 0,
                module.environ.get("PATH"),
                len(module.environ) > 0,
                module.Random().random() < 1,
                pickle.loads(pickle.dumps(dt.datetime(2026, 1, 1))),  # noqa: S301, DTZ001 - our own bytes
            ]
        )

    with forbidding(NAMED) as attempts:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert attempts == []
    assert found == [dt.datetime, True, os.environ["PATH"], True, True, dt.datetime(2026, 1, 1)]  # noqa: DTZ001


def test_two_threads_may_each_forbid(module):
    inside, done = threading.Barrier(2), threading.Barrier(2)
    noted = {}

    def forbid(name, text):
        with forbidding(NAMED) as attempts:
            inside.wait(30)
            with pytest.raises(ImpureRule):
                ask(module, text)
            done.wait(30)
        noted[name] = list(attempts)

    threads = [threading.Thread(target=forbid, args=given) for given in (("a", "seconds()"), ("b", "choice([1])"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert noted == {"a": ["time.time"], "b": ["random.choice"]}
    assert module.seconds is time.time
    assert module.choice == random.choice


def test_a_module_that_nobody_imported_may_be_named():
    with forbidding("acme_unheard_of") as attempts:
        pass
    assert attempts == []


def test_a_traceback_can_be_written_meanwhile(tmp_path):
    import linecache
    import traceback

    path = tmp_path / "acme_fails.py"
    path.write_text("def fail():\n    raise KeyError('x')\n")
    fail = {}
    exec(compile(path.read_text(), str(path), "exec"), fail)  # noqa: S102 - the code that fails
    linecache.clearcache()
    with forbidding() as attempts:
        try:
            fail["fail"]()
        except KeyError:
            text = traceback.format_exc()
    assert "raise KeyError('x')" in text
    assert attempts == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date.today()", "reads the clock (date.today); in a rule there is no now: state starts= from an event's"),
        ("time.sleep(1)", "waits (time.sleep); a rule has nothing to wait for"),
        ("choice([1])", "draws by chance (random.choice); of one history a rule always says the same"),
        ("os.getenv('A')", "reads the environment (os.getenv); make it a setting"),
        ("os.putenv('A', 'b')", "reads the environment (os.putenv); make it a setting"),
        ("open('rates.csv')", "reaches for a file (open('rates.csv')); record what it needs as an event"),
        ("os.listdir()", "reaches for a file (os.listdir); record"),
        ("socket.socket()", "reaches for the network (socket.__new__); record what it needs as an event"),
        ("os.system('true')", "starts a process (os.system); record what it needs as an event"),
        ("subprocess.run(['true'])", "starts a process (subprocess.Popen); record what it needs as an event"),
    ],
)
def test_the_message_says_what_was_reached_for_and_what_to_do(module, text, words):
    with forbidding(NAMED) as attempts, pytest.raises(RuleError) as refused:
        ask(module, text)
    assert str(refused.value).startswith(words)
    assert impurity(attempts[0]) == str(refused.value)


def test_the_error_survives_the_way_out_of_a_worker(module):
    with forbidding(NAMED), pytest.raises(ImpureRule) as refused:
        module.seconds()
    copy = pickle.loads(pickle.dumps(refused.value))  # noqa: S301 - our own bytes
    assert (str(copy), copy.attempt) == (str(refused.value), "time.time")
