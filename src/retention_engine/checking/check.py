"""Is a rule sound? Its source is read, its examples are tried, and it runs over a log, twice and in other orders.

Rules run in processes of their own, under another hash seed, in another time zone, with everything forbidden that is not
in the history. What they state is compared client by client.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import msgspec

from ..codec import encode
from ..declare import Rule
from ..errors import RetentionError
from ..events import Event
from ..formats.examples import read_example
from ..kinds import KINDS, Kinds
from ..moments import duration_text
from ..rules import BUILT_IN
from .flaws import CheckedRule, Flaw, Place, error
from .linting import lint
from .results import Result
from .sampling import sampled
from .sources import place_of
from .trial import Request, Told
from .trying import Trial

PATIENCE = timedelta(minutes=1)
"""How long a rule may take over the log, unless said otherwise."""

_WORLDS: Mapping[str, Mapping[str, str]] = {
    "first": {"PYTHONHASHSEED": "1", "TZ": "ABC-12:45"},
    "second": {"PYTHONHASHSEED": "2", "TZ": "XYZ+9:30"},
}
"""What is another in the two processes; a rule can't tell."""
_SEVERITIES = ("error", "warning")


@attrs.frozen
class Check:
    """What rules are tried on, and how.

    Attributes:
        settings_file: the settings file, by which their settings are set and plug-ins are used.
        plugins: further plug-ins.
        without: the names of plug-ins that could not be loaded at all.
        kinds: the kinds of event there are.
        environment: the environment variables of the processes in which rules are tried.
        log: the events by client; `None` for a log that is made up.
        patience: how long a rule may take over the log.
    """

    settings_file: Path | None = None
    plugins: Sequence[str] = ()
    without: Sequence[str] = ()
    kinds: Kinds = KINDS
    environment: Mapping[str, str] = attrs.field(factory=dict)
    log: Iterable[tuple[str, Sequence[Event]]] | None = None
    patience: timedelta = PATIENCE


@attrs.frozen
class Checked:
    """How a check came out.

    Attributes:
        rules: the rules, in the order given.
        clients: how many clients the log has.
        made_up: whether the log was made up.
        missing: kinds of event that the log which was made up lacks, each with the reason.
    """

    rules: tuple[CheckedRule, ...]
    clients: int
    made_up: bool
    missing: Mapping[str, str]


def check(rules: Sequence[Rule], how: Check) -> Checked:
    """Check rules: those of the settings file, of the plug-ins named, or built-in ones.

    Raises:
        RetentionError: the processes in which they are tried can't be started.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        missing: dict[str, str] = {}
        log = how.log
        if log is None:
            sample = sampled(how.kinds, _stories({rule.name: rule for rule in (*BUILT_IN, *rules)}.values(), how.kinds))
            log, missing = sample.histories.items(), sample.missing
        clients = _write(log, folder / "events")
        names = [rule.name for rule in rules] if clients else []
        by_name = {rule.name: rule for rule in rules}
        parts = [_Part(how, folder / "events", folder / part, part, by_name) for part in _WORLDS]
        with ThreadPoolExecutor(len(parts)) as threads:
            try:
                first, second = threads.map(lambda part: part.run(names), parts)
            except BaseException:
                for part in parts:
                    part.stop()
                raise
        slowest, ended = parts[0].slowest, {**parts[1].ended, **parts[0].ended}
        found = []
        for rule in rules:
            result = Result(rule, clients, how.log is None, first.get(rule.name), second.get(rule.name), slowest)
            flaws = lint(rule)
            if rule.name in ended:
                result = attrs.evolve(result, first=None)
                flaws.append(ended[rule.name])
            flaws += result.flaws({flaw.check for flaw in flaws if flaw.severity == "error"})
            ordered = sorted(flaws, key=lambda it: (_SEVERITIES.index(it.severity), it.file or "", it.line or 0))
            found.append(
                CheckedRule(rule.name, rule.distribution, tuple(ordered), clients, result.stated_for, result.slowness)
            )
    return Checked(tuple(found), clients, how.log is None, missing)


def _stories(rules: Iterable[Rule], kinds: Kinds) -> Iterator[Sequence[Event]]:
    """The histories of the rules' examples, as far as they can be read."""
    for rule in rules:
        for lines in (rule.fires, rule.silent):
            try:
                yield read_example(lines, kinds).events
            except RetentionError:
                continue


def _write(log: Iterable[tuple[str, Sequence[Event]]], path: Path) -> int:
    """Write a log for the processes that read it; how many clients it has."""
    clients = 0
    with path.open("wb") as file:
        for clients, (_, events) in enumerate(log, start=1):  # noqa: B007 - the last number is the count
            file.writelines(b"%d\t%b\n" % (event.position, encode(event)) for event in events)
    return clients


@attrs.define
class _Part:
    """Processes of one world in which rules are tried, one after the other until all rules were.

    Attributes:
        how: what is checked on what.
        events: the file with the log.
        folder: a folder for this part's files.
        part: its name.
        rules: the rules by name.
        slowest: how long the slowest built-in rule takes, by scope, with its name.
        ended: what is wrong with the rules that ended their process, by rule.
        process: the latest process.
        stopped: whether the rest is not wanted any more.
    """

    how: Check
    events: Path
    folder: Path
    part: str
    rules: Mapping[str, Rule]
    slowest: dict[str, tuple[float, str]] = attrs.field(factory=dict, init=False)
    ended: dict[str, Flaw] = attrs.field(factory=dict, init=False)
    process: "subprocess.Popen[bytes] | None" = attrs.field(default=None, init=False)
    stopped: bool = attrs.field(default=False, init=False)

    def stop(self) -> None:
        """Try no further rule."""
        self.stopped = True
        if self.process is not None:
            self.process.kill()

    def run(self, names: Sequence[str]) -> dict[str, Trial]:
        """What came of each rule, but of those that ended their process."""
        self.folder.mkdir()
        tried: dict[str, Trial] = {}
        waiting = list(names)
        while waiting and not self.stopped:
            began, code = self._start(waiting, tried)
            waiting = [name for name in waiting if name not in tried]
            if not waiting:
                break
            if began is None:
                raise RetentionError(f"the rules can't be tried in a process of their own: {self._last_words(code)}")
            self.ended[began] = self._end(began, code)
            waiting.remove(began)
        return tried

    def _start(self, names: Sequence[str], tried: dict[str, Trial]) -> tuple[str | None, int]:
        """Try rules until the process ends; the rule that it was in, and the process's exit code."""
        told = self.folder / "told"
        told.write_bytes(b"")
        request = Request(
            path=[str(place) for place in sys.path],
            settings=None if self.how.settings_file is None else str(self.how.settings_file),
            plugins=list(self.how.plugins),
            without=list(self.how.without),
            rules=list(names),
            events=str(self.events),
            part="first" if self.part == "first" else "second",
            patience=self.how.patience.total_seconds(),
            told=str(told),
            end=str(self.folder / "end"),
        )
        (self.folder / "request").write_bytes(msgspec.json.encode(request))
        with (self.folder / "errors").open("wb") as errors:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", f"{__package__}.trial", str(self.folder / "request")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**self.how.environment, **_WORLDS[self.part]},
            )
            code = self.process.wait()
        began: str | None = None
        for line in told.read_bytes().splitlines():
            what = msgspec.json.decode(line, type=Told)
            began = what.begins or began
            self.slowest.update(what.slowest or {})
            if what.trial is not None:
                tried[what.trial.rule] = what.trial
                began = None
        return began, code

    def _end(self, name: str, code: int) -> Flaw:
        """Why the process ended in a rule."""
        rule = self.rules[name]
        place = _place_in(rule, (self.folder / "end").read_text(encoding="utf-8", errors="replace"))
        if _is_timeout(self.folder / "end"):
            said = f"was not done with the log after {duration_text(self.how.patience)}"
            remedy = "see to it that each of its loops ends; --patience lets it take longer"
            return error("endless", said, remedy, place)
        return error("ends", f"ends the process (exit code {code})", "a rule states findings and ends nothing", place)

    def _last_words(self, code: int) -> str:
        if _is_timeout(self.folder / "end"):
            return "the plug-ins were not loaded in time; --patience gives them longer"
        lines = (self.folder / "errors").read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), f"exit code {code}")


def _is_timeout(end: Path) -> bool:
    return end.is_file() and end.read_text(encoding="utf-8", errors="replace").startswith("Timeout")


def _place_in(rule: Rule, stack: str) -> Place | None:
    """The innermost line of a rule's file in a stack as `faulthandler` writes it."""
    place = place_of(rule)
    if place is None:
        return None
    begins = f'  File "{place[0]}", line '
    lines = [
        line.removeprefix(begins).split(" ", maxsplit=1)[0] for line in stack.split("\n") if line.startswith(begins)
    ]
    return (place[0], int(lines[0])) if lines and lines[0].isdigit() else place
