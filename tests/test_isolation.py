"""Rules of plug-ins under a time budget: they run in a process of their own, and whatever one does harms only itself.

The processes are real. Where a rule is to end, the budget is long enough for any machine.
"""

import gc
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command import environment
from given import histories_of
from retention_engine import (
    BUILT_IN,
    Assessment,
    BoundRule,
    Client,
    Complained,
    Engaged,
    Engine,
    Event,
    Profiled,
    Rule,
    RuleFailure,
    Schedule,
    Settings,
    days,
    decode,
    instant,
)
from retention_engine.plugins import Plugins, configure, load_plugins, processes
from retention_engine.plugins.finding import find_plugins
from retention_engine.plugins.isolation import MOST, Worker, probe
from retention_engine.plugins.processes import Ended, TimedOut
from retention_engine.timelines import timeline
from strategies import logs

PLENTY = timedelta(minutes=10)
"""More than any rule here takes that ends at all, on any machine."""
SHORT = timedelta(seconds=0.3)
"""For rules that never end."""
JULY = instant("2026-07-01")

HEAD = """\
import itertools, os, signal, sys
from datetime import datetime, timedelta
from retention_engine import Action, Client, Complained, Concern, Findings, Health, contact, days, rule

"""
GOOD = (
    HEAD
    + '''
@rule(tiers={"key": {"every": days(10)}})
def good(client: Client, *, every: timedelta = days(30)) -> Findings:
    """Nobody has talked to the client."""
    latest = client.latest(contact)
    yield Action("Call.", due=client.base(contact) + every, because=latest)
    yield Concern(Health.WATCH, starts=client.base(contact) + every, because=latest)


@rule
def complaints(client: Client) -> Findings:
    """The client complained."""
    for complaint in client.of(Complained):
        cited = [client.first, complaint]
        yield Concern(Health.AT_RISK, starts=complaint.at, about=complaint.ref, message=complaint.topic, because=cited)
'''
)

HARMFUL = {
    "exits": ("os._exit(3)", "ended its process with exit code 3"),
    "exits-well": ("os._exit(0)", "ended its process with exit code 0"),
    "leaves": ("sys.exit(3)", "ends the program (SystemExit: 3)"),
    "recurses": ("(again := lambda: again())()", "RecursionError: maximum recursion depth exceeded"),
    "kills-itself": ("os.kill(os.getpid(), signal.SIGKILL)", "had its process killed"),
    "crashes": ("__import__('ctypes').string_at(0)", "crashed its process (SIGSEGV)"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "closes-all": ("os.closerange(3, 100); [0 for _ in itertools.count()]", "closed the pipe of its process"),
    "raises": ("raise LookupError('no such thing')", "LookupError: no such thing"),
    "yields-text": ("yield 'x'", "RuleError: yields 'x'; a rule yields Concern and Action"),
    "yields-an-object": ("yield lambda: 0", "RuleError: yields <function"),
    "is-naive": (
        "yield Concern(Health.WATCH, starts=datetime(2026, 1, 1), because=client.first)",
        "RuleError: 2026-01-01T00:00:00 has no time zone",
    ),
    "cites-nothing": ("yield Concern(Health.WATCH, starts=client.since, because=[])", "RuleError: cites no event"),
    "mutates": ("vars(client.first)['note'] = 'changed'", "RuleError: changes the history (note of"),
    "reads-input": ("input()", "EOFError"),
}
"""Rules that harm, each with its body and what is told of it."""


def rule_source(name: str, body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f'\n@rule\ndef {name.replace("-", "_")}(client: Client) -> Findings:\n    """It harms."""\n{lines}    yield from ()\n'


def loaded(folder: Path, source: str, budget: timedelta | None = PLENTY, name: str = "acme") -> Plugins:
    """A plug-in of one file, under a time budget."""
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    found = load_plugins([f"./{name}.py"], base=folder, time_budget=budget)
    assert found.failures == ()
    return found


def engine_of(*plugins: Plugins) -> Engine:
    return Engine(BoundRule(rule) for one in plugins for rule in one.rules)


def worker_of(plugins: Plugins) -> Worker:
    assert plugins.worker is not None
    return plugins.worker


def pid_of(plugins: Plugins) -> int:
    """The process in which the rules run."""
    process = worker_of(plugins)._process
    assert process is not None
    return process._popen.pid


def is_there(pid: int) -> bool:
    """Whether there is such a process, be it a dead one that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid: int) -> None:
    for _ in range(600):
        if not is_there(pid):
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} is still there")


def client(name: str = "acme", *more: Event) -> Client:
    return Client.from_events(
        name,
        [
            Engaged(client=name, at="2026-01-05", id="call"),
            Complained(client=name, at="2026-01-20", id="late", topic="Late again."),
            *more,
        ],
    )


def stated(schedule: Schedule) -> list[Any]:
    """What is stated, with the identity of each event cited."""
    return [
        (finding, tuple(map(id, finding.because)))
        for finding in sorted((*schedule.concerns, *schedule.actions), key=lambda it: (it.rule, repr(it)))
    ]


def without_names(failures: Iterable[RuleFailure]) -> dict[str, str]:
    return {failure.rule: failure.cause for failure in failures}


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Iterator[tuple[Plugins, Plugins]]:
    """Good rules in our process, and the same in another one."""
    folder = tmp_path_factory.mktemp("good")
    plain = loaded(folder, GOOD, budget=None)
    apart = loaded(folder, GOOD)
    yield plain, apart
    apart.close()


@pytest.fixture(autouse=True)
def short_last_words(monkeypatch):
    """No test here waits for long for a process that has nothing to say in the end."""
    monkeypatch.setattr(processes, "_LAST_WORDS", 2.0)


# What is stated.


def test_a_rule_states_the_same_in_another_process_and_cites_our_events(good):
    plain, apart = good
    for one in (client(), client("bolt", Profiled(client="bolt", at="2026-02-01", tier="key"))):
        found = engine_of(apart).schedule(one)
        assert found.failures == ()
        assert found.concerns
        assert found.actions
        assert stated(found) == stated(engine_of(plain).schedule(one))
        assert all(event in list(map(id, one.events)) for _, cited in stated(found) for event in cited)


def test_settings_reach_the_other_process(good):
    _, apart = good
    (rule,) = (rule for rule in apart.rules if rule.name == "acme/good")
    key = client("bolt", Profiled(client="bolt", at="2026-02-01", tier="key"))

    def due(one: Client, bound: BoundRule) -> timedelta:
        (action,) = Engine([bound]).schedule(one).actions
        return action.due - one.since

    assert due(client(), BoundRule(rule)) == days(30)
    assert due(key, BoundRule(rule)) == days(10)
    assert due(key, BoundRule(rule, values={"every": days(3)})) == days(10)
    assert due(key, BoundRule(rule, tier_values={"key": {"every": days(4)}})) == days(4)
    assert due(client(), BoundRule(rule, values={"every": days(3)})) == days(3)


@pytest.fixture(scope="module")
def built_in(tmp_path_factory) -> Iterator[tuple[Engine, Engine]]:
    """All built-in rules as a plug-in, in our process and in another one."""
    folder = tmp_path_factory.mktemp("mirror")
    source = "from retention_engine import BUILT_IN\nRULES = [rule.function for rule in BUILT_IN]\n"
    (folder / "mirrored.py").write_text(source, encoding="utf-8")
    plain, apart = (load_plugins(["mirrored:RULES"], base=folder, time_budget=budget) for budget in (None, PLENTY))
    assert len(plain.rules) == len(apart.rules) == len(BUILT_IN)
    yield engine_of(plain), engine_of(apart)
    apart.close()


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(logs(), st.data())
def test_all_built_in_rules_state_the_same_of_any_history(built_in, log, data):
    plain, apart = built_in
    for name, history in histories_of(log).items():
        whole = Client.from_events(name, history)
        if not whole:
            continue
        for one in (whole, whole.as_of(data.draw(st.sampled_from([event.at for event in whole.events])))):
            found = apart.schedule(one)
            assert found.failures == ()
            assert stated(found) == stated(plain.schedule(one))


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(logs())
def test_a_timeline_is_the_same(built_in, log):
    plain, apart = built_in
    for name, history in histories_of(log).items():
        whole = Client.from_events(name, history)
        if whole:
            until = whole.latest_at + days(400)
            assert timeline(apart, whole, until=until) == timeline(plain, whole, until=until)


def test_a_rule_is_asked_again_after_each_event(good):
    _, apart = good
    one = client()
    with one.reading() as asked:
        for rule in apart.rules:
            assert list(rule.function(one))
    assert asked == {(Event,)}


def test_the_events_of_a_client_go_through_the_pipe_once(good, monkeypatch):
    _, apart = good
    worker = worker_of(apart)
    engine_of(apart).schedule(client("another"))
    sent = []
    ask = type(worker._process).ask
    monkeypatch.setattr(type(worker._process), "ask", lambda *args: sent.append(args[1]) or ask(*args))
    big = client("acme", *(Engaged(client="acme", at="2026-02-01", id=f"e{n}", note="x" * 99) for n in range(99)))
    engine_of(apart).schedule(big)
    assert [len(message) > 9_900 for message in sent] == [True, False]
    sent.clear()
    engine_of(apart).schedule(Client("acme", [*big.events, Engaged(client="acme", at="2026-03-01", id="new")]))
    engine_of(apart).schedule(Client("acme", [*big.events[:-1], Engaged(client="acme", at="2026-03-01", id="new")]))
    engine_of(apart).schedule(Client("acme", big.events[:50]))
    assert [len(message) > 9_900 for message in sent] == [False] * 6


def test_kinds_of_event_of_a_plug_in_are_known_in_both_processes(tmp_path):
    source = (
        HEAD
        + '''
from typing import ClassVar
import attrs
from retention_engine import Event

@attrs.frozen(slots=False, kw_only=True)
class Invoiced(Event):
    """An invoice was sent."""
    kind: ClassVar[str] = "acme.invoiced"
    amount: int = 0

@rule
def invoiced(client: Client) -> Findings:
    """An invoice was sent."""
    for invoice in client.of(Invoiced):
        yield Concern(Health.WATCH, starts=invoice.at, about=str(invoice.amount), because=invoice)
'''
    )
    plugins = loaded(tmp_path, source)
    line = b'{"client": "acme", "kind": "acme.invoiced", "at": "2026-02-01", "id": "i1", "amount": 7}'
    one = Client.from_events("acme", [decode(line, kinds=plugins.kinds, position=1)])
    found = engine_of(plugins).schedule(one)
    assert [(concern.about, concern.because[0] is one.first) for concern in found.concerns] == [("7", True)]
    plugins.close()


def test_an_event_that_a_rule_makes_itself_is_cited_as_it_is(tmp_path):
    source = HEAD + rule_source(
        "copies", "yield Concern(Health.WATCH, starts=client.since, because=client.first.at_position(99))"
    )
    plugins = loaded(tmp_path, source)
    (concern,) = engine_of(plugins).schedule(client()).concerns
    assert (concern.because[0].id, concern.because[0].position) == ("call", 99)
    plugins.close()


def test_a_kind_that_the_other_process_can_not_import_is_told_of_with_what_to_do(good):
    _, apart = good

    @attrs.frozen(slots=False, kw_only=True)
    class Local(Event):
        kind: ClassVar[str] = "tests.local"

    found = engine_of(apart).schedule(client("acme", Local(client="acme", at="2026-02-01")))
    assert [failure.rule for failure in found.failures] == ["acme/complaints", "acme/good"]
    for failure in found.failures:
        assert failure.cause.startswith("can't be told of the history: ")
        assert failure.cause.endswith("define kinds of event in a module that can be imported")
    assert engine_of(apart).schedule(client()).failures == ()


def test_a_kind_of_the_main_program_is_told_of_with_what_to_do(tmp_path):
    loaded(tmp_path, GOOD).close()
    program = """
import attrs
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from retention_engine import BoundRule, Client, Engaged, Engine, Event
from retention_engine.plugins import load_plugins

@attrs.frozen(slots=False, kw_only=True)
class Mine(Event):
    kind: ClassVar[str] = "mine.own"

plugins = load_plugins(["./acme.py"], time_budget=timedelta(minutes=10))
engine = Engine(map(BoundRule, plugins.rules))
print(*{it.cause for it in engine.schedule(Client.from_events("a", [Mine(client="a", at="2026-01-01")])).failures})
print(engine.schedule(Client.from_events("a", [Engaged(client="a", at="2026-01-01")])).failures)
"""
    ran = python(program, tmp_path)
    first, second = ran.stdout.splitlines()
    assert first.startswith("can't read the history in its process: AttributeError: ")
    assert first.endswith("define kinds of event in a module that can be imported")
    assert (second, ran.stderr) == ("()", "")


# What harms.


@pytest.fixture(scope="module")
def harmful(tmp_path_factory) -> Iterator[tuple[Plugins, Path]]:
    """Rules that harm the client `bad`, and nobody else."""
    folder = tmp_path_factory.mktemp("harmful")
    bodies = {
        name: f"if client.id != 'bad':\n    return\n{body}"
        if "yield" not in body
        else f"if client.id == 'bad':\n    {body}"
        for name, (body, _) in HARMFUL.items()
    }
    source = GOOD + "".join(rule_source(name, body) for name, body in bodies.items())
    plugins = loaded(folder, source)
    yield plugins, folder / "acme.py"
    plugins.close()


@pytest.mark.parametrize("name", HARMFUL)
def test_a_rule_that_harms_loses_its_own_verdict_on_that_client_alone(harmful, good, name):
    plugins, _ = harmful
    plain, _ = good
    (rule,) = (rule for rule in plugins.rules if rule.name == f"acme/{name}")
    others = [rule for rule in plugins.rules if rule.name in {"acme/good", "acme/complaints"}]
    ours = [BoundRule(rule) for rule in BUILT_IN]
    engine = Engine([*map(BoundRule, [rule, *others]), *ours])
    without = Engine([*map(BoundRule, plain.rules), *ours])
    for whom in ("good", "bad", "better"):
        one = client(whom)
        before = [dict(vars(event)) for event in one.events]
        found, wanted = engine.assess(one, at=JULY), without.assess(one, at=JULY)
        failures = without_names(found.failures)
        if whom == "bad":
            assert list(failures) == [f"acme/{name}"]
            assert HARMFUL[name][1] in failures[f"acme/{name}"]
            assert "\n" not in failures[f"acme/{name}"]
        else:
            assert failures == {}
        assert (found.concerns, found.actions) == (wanted.concerns, wanted.actions)
        assert stated(found.schedule) == stated(without.schedule(one))
        assert [dict(vars(event)) for event in one.events] == before


@pytest.mark.parametrize(
    "name", ["raises", "leaves", "is-naive", "recurses", "mutates", "cites-nothing", "yields-text"]
)
def test_a_failure_reads_as_it_does_in_our_own_process(harmful, name):
    plugins, file = harmful
    plain = load_plugins([f"./{file.name}"], base=file.parent)
    causes = [
        Engine(BoundRule(rule) for rule in found.rules if rule.name == f"acme/{name}").schedule(client("bad")).failures
        for found in (plugins, plain)
    ]
    assert causes[0] == causes[1]
    assert (f"({file}:" in causes[0][0].cause) is (name not in {"mutates", "cites-nothing", "yields-text"})


def test_a_client_of_whom_only_a_lost_verdict_is_known_is_not_healthy(harmful):
    plugins, _ = harmful
    engine = Engine(BoundRule(rule) for rule in plugins.rules if rule.name == "acme/exits")
    assert [str(engine.assess(client(whom), at=JULY).status) for whom in ("bad", "good")] == ["unknown", "healthy"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_rule_that_forks_is_answered_for_once(tmp_path, good):
    source = GOOD + rule_source(
        "forks", "os.fork()\nyield Concern(Health.WATCH, starts=client.since, because=client.first)"
    )
    plugins = loaded(tmp_path, source)
    for whom in ("one", "two"):
        one = client(whom)
        found = engine_of(plugins).schedule(one)
        assert found.failures == ()
        others = [it for it in stated(found) if it[0].rule != "acme/forks"]
        assert others == stated(engine_of(good[0]).schedule(one))
        assert len(others) == len(stated(found)) - 1
    plugins.close()


def test_what_a_rule_prints_goes_to_standard_error(tmp_path, capfd):
    source = HEAD + rule_source(
        "prints",
        "print('x' * 3_000_000)\nos.write(1, b'direct')\nos.system('echo from a shell')\n"
        "yield Concern(Health.WATCH, starts=client.since, because=client.first)",
    )
    plugins = loaded(tmp_path, source)
    found = engine_of(plugins).schedule(client())
    plugins.close()
    out, err = capfd.readouterr()
    assert (len(found.concerns), found.failures) == (1, ())
    assert out == ""
    assert err.count("x") == 3_000_000
    assert "direct" in err
    assert "from a shell" in err


ENDLESS = {
    "loops": "while True:\n    pass",
    "holds-on": "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
    "never-leaves-c": "max(itertools.count())",
    "ignores-signals": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGABRT, signal.SIG_IGN)\n"
        "while True:\n    pass"
    ),
    "yields-for-ever": (
        "for n in itertools.count():\n    client.of(Complained)\n    if n < 9:\n"
        "        yield Concern(Health.WATCH, starts=client.since, about=str(n), because=client.first)"
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_rule_that_never_ends_is_ended(tmp_path, good, name):
    guard = "if client.id != 'bad':\n    return\n"
    plugins = loaded(tmp_path, GOOD + rule_source(name, guard + ENDLESS[name]), SHORT)
    one = client("bad")
    only = Engine(BoundRule(rule) for rule in plugins.rules if rule.name == f"acme/{name}")
    (failure,) = only.assess(one, at=JULY).failures
    assert failure.cause.startswith("did not end within 0.3 seconds")
    assert failure.cause.endswith("; make it quicker, or raise time_budget in [plugins]")
    assert worker_of(plugins)._process is None
    worker_of(plugins).time_budget = PLENTY
    another = client("another")
    found = engine_of(plugins).schedule(another)
    assert found.failures == ()
    assert stated(found) == stated(engine_of(good[0]).schedule(another))
    plugins.close()


def test_the_line_is_told_on_which_a_rule_did_not_end(tmp_path):
    plugins = loaded(tmp_path, HEAD + rule_source("loops", "while True:\n    pass"), SHORT)
    (failure,) = engine_of(plugins).schedule(client()).failures
    plugins.close()
    lines = (tmp_path / "acme.py").read_text(encoding="utf-8").splitlines()
    shown = [
        f"({tmp_path / 'acme.py'}:{number})"
        for number, line in enumerate(lines, 1)
        if line.strip() in {"while True:", "pass"}
    ]
    assert len(shown) == 2
    assert "(" not in failure.cause or any(place in failure.cause for place in shown)


def test_a_rule_that_did_not_end_for_three_clients_is_not_asked_any_more(tmp_path):
    plugins = loaded(tmp_path, GOOD + rule_source("loops", "while True:\n    pass"), SHORT)
    worker = worker_of(plugins)
    loops = Engine(BoundRule(rule) for rule in plugins.rules if rule.name == "acme/loops")
    causes = [loops.schedule(client(f"c{number}")).failures[0].cause for number in range(MOST[TimedOut])]
    assert not any("any more" in cause for cause in causes)
    worker.time_budget = PLENTY  # whoever asks now would wait for long
    (failure,) = loops.schedule(client("another")).failures
    assert "did not end within 0.3 seconds" in failure.cause
    assert " for 3 clients, and is not asked any more; make it quicker" in failure.cause
    assert worker._process is None
    assert [it.rule for it in engine_of(plugins).schedule(client("another")).failures] == ["acme/loops"]
    plugins.close()


def test_nor_is_it_asked_of_one_client_again_and_again(tmp_path):
    plugins = loaded(tmp_path, HEAD + rule_source("loops", "while True:\n    pass"), SHORT)
    growing = [Engaged(client="acme", at=f"2026-01-0{day}", id=f"e{day}") for day in range(1, 8)]
    found = timeline(engine_of(plugins), Client.from_events("acme", growing), until=JULY)
    assert [failure.client for failure in found.failures] == ["acme"] * len(found.failures)
    assert "for this client 3 times, and is not asked any more" in found.failures[-1].cause
    worker_of(plugins).time_budget = PLENTY
    assert {str(spell.status) for spell in found.spells} == {"unknown"}
    plugins.close()


def test_a_rule_that_ends_its_process_for_many_clients_is_not_asked_any_more(tmp_path, monkeypatch):
    monkeypatch.setitem(MOST, Ended, 2)
    plugins = loaded(tmp_path, HEAD + rule_source("exits", "os._exit(3)"))
    causes = [engine_of(plugins).schedule(client(f"c{number}")).failures[0].cause for number in range(3)]
    assert causes[0] == causes[1] == "ended its process with exit code 3; let it yield findings, and end nothing"
    assert causes[2] == (
        "ended its process with exit code 3 for 2 clients, and is not asked any more; let it yield findings, and end nothing"
    )
    plugins.close()


@pytest.fixture(params=["by polling", "by a timer"])
def way_of_waiting(request, monkeypatch):
    """How answers are waited for: as on Linux and macOS, and as on systems that can't poll a pipe."""
    if request.param == "by a timer":
        monkeypatch.delattr(select, "poll")
    return request.param


def test_all_of_this_holds_however_answers_are_waited_for(tmp_path, way_of_waiting):
    bodies = {"exits": "os._exit(3)", "loops": "while True:\n    pass"}
    plugins = loaded(tmp_path, GOOD + "".join(rule_source(name, body) for name, body in bodies.items()))
    engines = {rule.name: Engine([BoundRule(rule)]) for rule in plugins.rules}
    big = client("acme", *(Engaged(client="acme", at="2026-02-01", id=f"e{n}", note="x" * 999) for n in range(999)))
    assert len(engines["acme/good"].schedule(big).concerns) == 1
    (ended,) = engines["acme/exits"].schedule(big).failures
    assert ended.cause.startswith("ended its process with exit code 3")
    assert len(engines["acme/good"].schedule(big).concerns) == 1
    worker_of(plugins).time_budget = SHORT
    (late,) = engines["acme/loops"].schedule(big).failures
    assert late.cause.startswith("did not end within 0.3 seconds")
    worker_of(plugins).time_budget = PLENTY
    assert len(engines["acme/good"].schedule(big).concerns) == 1
    plugins.close()


# Imports.


def found_in(folder: Path, **sources: str) -> list[Any]:
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    plugins, problems = find_plugins([f"./{name}.py" for name in sources], base=folder)
    assert problems == []
    return plugins


def test_an_import_that_never_ends_is_given_up(tmp_path):
    plugins = found_in(tmp_path, endless="while True:\n    pass\n")
    (told,) = probe(plugins, patience=SHORT).items()
    assert told[0] == plugins[0].sources[0]
    assert told[1].startswith("its import did not end within 0.3 seconds")
    assert told[1].endswith("; move what takes so long out of the module's top level")


def test_an_import_that_ends_the_process_is_told_of_and_the_others_go_on(tmp_path):
    plugins = found_in(
        tmp_path, one=GOOD, exits="import os\nos._exit(0)\n", fails="import nothing_of_the_sort\n", two=GOOD
    )
    told = probe(plugins, patience=PLENTY)
    assert {source.origin: reason for source, reason in told.items()} == {
        "./exits.py": 'its import ended its process with exit code 0; put what ends the program below `if __name__ == "__main__":`'
    }


def test_a_plug_in_whose_import_ends_the_process_stands_as_a_rule_that_fails(tmp_path):
    (tmp_path / "exits.py").write_text("import os\nos._exit(3)\n", encoding="utf-8")
    (tmp_path / "acme.py").write_text(GOOD, encoding="utf-8")
    plugins = load_plugins(["./exits.py", "./acme.py"], base=tmp_path, time_budget=PLENTY)
    (failure,) = plugins.failures
    assert (failure.plugin, failure.origin) == ("exits", "./exits.py")
    assert "its import ended its process with exit code 3" in str(failure)
    found = engine_of(plugins).assess(client(), at=JULY)
    assert [it.rule for it in found.failures] == ["exits/*"]
    assert {concern.rule for concern in found.concerns} == {"acme/good", "acme/complaints"}
    plugins.close()


def test_a_plug_in_that_can_not_be_loaded_any_more_is_told_of(tmp_path):
    plugins = loaded(tmp_path, GOOD)
    (tmp_path / "acme.py").write_text("import nothing_of_the_sort\n", encoding="utf-8")
    found = engine_of(plugins).schedule(client())
    assert [failure.rule for failure in found.failures] == ["acme/complaints", "acme/good"]
    for failure in found.failures:
        assert failure.cause.startswith("is missing in the worker process: ")
        assert "nothing_of_the_sort" in failure.cause
    plugins.close()


def test_a_process_that_can_not_start_is_told_of_and_soon_given_up(tmp_path):
    plugins = loaded(tmp_path, GOOD)
    (tmp_path / "acme.py").write_text("import os\nos._exit(9)\n", encoding="utf-8")
    causes = [failure.cause for n in range(3) for failure in engine_of(plugins).schedule(client(f"c{n}")).failures]
    assert len(causes) == 6
    assert causes[0].startswith(
        "can't be asked: the process that loads the plug-ins ended its process with exit code 9"
    )
    assert causes[-1] == "can't be asked: the process for plug-ins failed to start 3 times in a row"
    plugins.close()


def test_a_python_that_can_not_be_started_is_told_of(tmp_path, monkeypatch):
    plugins = loaded(tmp_path, GOOD)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    causes = {failure.cause for failure in engine_of(plugins).schedule(client()).failures}
    assert all("could not be started: " in cause for cause in causes)
    for reason in probe(worker_of(plugins).plugins).values():
        assert reason.startswith("its import could not be started: ")
        assert reason.endswith("; see that sys.executable is a Python that can be run")


# Processes, threads, forks.


def test_a_process_is_gone_after_close_and_another_one_answers_the_next_question(tmp_path):
    plugins = loaded(tmp_path, GOOD)
    engine = engine_of(plugins)
    engine.schedule(client())
    first = pid_of(plugins)
    plugins.close()
    plugins.close()
    assert not is_there(first)
    assert engine.schedule(client()).failures == ()
    assert pid_of(plugins) != first
    plugins.close()


def test_a_process_is_gone_when_nobody_refers_to_its_rules_any_more(tmp_path):
    plugins = loaded(tmp_path, GOOD)
    engine_of(plugins).schedule(client())
    pid = pid_of(plugins)
    del plugins
    gc.collect()
    assert not is_there(pid)


def test_a_process_that_somebody_else_ended_is_replaced_at_the_next_question(good):
    _, apart = good
    engine_of(apart).schedule(client())
    os.kill(pid_of(apart), signal.SIGKILL)
    causes = [failure.cause for failure in engine_of(apart).schedule(client()).failures]
    assert len(causes) == 1
    assert causes[0].startswith("had its process killed")
    assert engine_of(apart).schedule(client()).failures == ()


def test_threads_may_ask_at_once(good):
    plain, apart = good
    engine, wanted = engine_of(apart), engine_of(plain)
    clients = [client(f"c{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(engine.schedule, clients))
    assert list(map(stated, found)) == [stated(wanted.schedule(one)) for one in clients]


def copied(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes


def test_rules_go_to_another_process_and_ask_a_worker_of_their_own_there(good):
    _, apart = good
    engine_of(apart).schedule(client())
    functions = copied([rule.function for rule in apart.rules])
    workers = {function.worker for function in functions}
    assert len(workers) == 1
    assert workers.isdisjoint({apart.worker})
    assert {function.worker for function in copied(functions)} == workers
    assert len(list(functions[0](client()))) == 1
    for worker in workers:
        worker.close()


def python(program: str, folder: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
    """Run a program, in which nothing may be left behind that Python warns of."""
    (folder / "program.py").write_text(program, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "program.py"],
        cwd=folder,
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=True,
    )


START = """
import os
from datetime import timedelta
from retention_engine import BoundRule, Client, Engaged, Engine
from retention_engine.plugins import load_plugins

plugins = load_plugins(["./acme.py"], time_budget=timedelta(minutes=10))
engine = Engine(map(BoundRule, plugins.rules))
client = Client.from_events("acme", [Engaged(client="acme", at="2026-01-01")])

def ask():
    found = engine.schedule(client)
    return len(found.actions), len(found.failures), plugins.worker._process._popen.pid
"""


def test_a_program_without_a_guarded_main_runs_once_and_leaves_no_process_behind(tmp_path):
    (tmp_path / "acme.py").write_text(GOOD, encoding="utf-8")
    ran = python(START + "print(*ask())\n", tmp_path)
    actions, failures, pid = map(int, ran.stdout.split())
    assert (actions, failures, ran.stderr) == (1, 0, "")
    assert not is_there(pid)


def test_a_process_ends_by_itself_when_whoever_started_it_was_killed(tmp_path):
    (tmp_path / "acme.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "program.py").write_text(START + "print(*ask(), flush=True)\ninput()\n", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        pid = int(program.stdout.readline().split()[2])
        assert is_there(pid)
        program.kill()
    wait_until_gone(pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_after_a_fork_both_processes_ask_a_worker_of_their_own(tmp_path):
    (tmp_path / "acme.py").write_text(GOOD, encoding="utf-8")
    program = """
before = ask()
child = os.fork()
found = ask()
if not child:
    os.write(1, f"{found[0]} {found[1]} {found[2] != before[2]}\\n".encode())
    raise SystemExit
os.waitpid(child, 0)
print(*ask()[:2], ask()[2] == before[2])
"""
    ran = python(START + program, tmp_path)
    assert ran.stdout.splitlines() == ["1 0 True", "1 0 True"]
    assert ran.stderr == ""


def test_a_rule_about_the_whole_book_stays_in_our_process(tmp_path):
    source = (
        HEAD
        + '''
from retention_engine import Book, book_rule

@book_rule
def of_book(book: Book) -> Findings:
    """Of all of them."""
    yield from ()
'''
    )
    plugins = loaded(tmp_path, source)
    (rule,) = plugins.rules
    assert not hasattr(rule.function, "worker")
    plugins.close()


def test_the_settings_file_sets_the_time_budget(tmp_path):
    (tmp_path / "acme.py").write_text(GOOD, encoding="utf-8")
    file = tmp_path / "retention.toml"
    file.write_text('[plugins]\nuse = ["./acme.py"]\ntime_budget = "10 minutes"\n', encoding="utf-8")
    read, plugins = configure(file)
    assert worker_of(plugins).time_budget == PLENTY
    engine = Engine(read.choose(plugins.catalogue))
    found: Assessment = engine.assess(client(), at=JULY)
    assert {"acme/good", "acme/complaints"} < {concern.rule for concern in found.concerns}
    assert isinstance(read, Settings)
    plugins.close()


def test_where_a_rule_was_written_is_known_of_one_that_runs_elsewhere(good):
    plain, apart = good
    for one, other in zip(plain.rules, apart.rules, strict=True):
        assert isinstance(other, Rule)
        assert (
            other.function.__wrapped__.__code__ is one.function.__code__
            or other.function.__name__ == one.function.__name__
        )
        assert attrs.evolve(one, function=other.function, about=other.about).name == other.name
