"""A rule tried over a log: what it states of each client, what it reached for, and what it did besides."""

import io
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import datetime
from hashlib import sha256
from itertools import islice
from time import thread_time

import attrs

from ..binding import BoundRule
from ..book import Book, assess_book
from ..client import Client
from ..declare import Rule
from ..engine import Engine
from ..errors import ImpureRule
from ..events import Event
from ..findings import Action, Concern, Finding
from ..formats.examples import read_example, what_is_said
from ..kinds import Kinds
from ..plugins.guarding import Flood, findings_in
from ..purity import forbidding
from ..settings import Settings
from ..stating import checked
from .changes import Snapshot
from .flaws import Place
from .sources import code_of

TIMED = 100
"""So many clients are enough to measure how long a rule takes."""


@attrs.define
class Trial:
    """What came of trying one rule.

    Attributes:
        rule: its name.
        digests: what it states, by client.
        otherwise: the clients of which it stated something else when it was asked again; in the second part, in
            another order.
        stated_for: for how many clients it states something.
        always: whether something is in force of every client at every moment that was tried.
        failures: for how many clients it failed.
        cause: why it failed for the first of them.
        client: who that is.
        place: where it failed.
        attempts: for how many clients it reached for what it is not to, by what that was.
        changed: what it changed of the clients' histories, by client.
        printed: what it printed.
        examples: section, what is expected, and what it says, where that is something else.
        seconds: how long it kept the processor busy for the first `TIMED` clients.
    """

    rule: str
    digests: dict[str, str] = attrs.field(factory=dict)
    otherwise: list[str] = attrs.field(factory=list)
    stated_for: int = 0
    always: bool = True
    failures: int = 0
    cause: str = ""
    client: str = ""
    place: tuple[str, int | None] | None = None
    attempts: dict[str, int] = attrs.field(factory=dict)
    changed: dict[str, str] = attrs.field(factory=dict)
    printed: str = ""
    examples: list[tuple[str, str, str]] = attrs.field(factory=list)
    seconds: float = 0.0


@attrs.define
class Trying:
    """The clients of a log, on whom rules are tried."""

    histories: dict[str, list[Event]]
    kinds: Kinds

    def slowest(self, rules: Iterable[BoundRule]) -> dict[str, tuple[float, str]]:
        """How long the slowest of these takes, by scope."""
        found: dict[str, tuple[float, str]] = {}
        few = dict(islice(self.histories.items(), TIMED))
        for rule in rules:
            took = min(_Pass(rule, few).run().seconds for _ in range(2))
            found[rule.rule.scope] = max(found.get(rule.rule.scope, (0.0, "")), (took, rule.name))
        return found

    def first(self, rule: BoundRule) -> Trial:
        """A rule's examples, and what it states of every client, twice in the same way."""
        examples = list(_examples(rule, self.kinds))  # before anything else, as its tests would try them
        trial = _Pass(rule, self.histories, watching_changes=True).run()
        again = _Pass(rule, self.histories).run()
        trial.otherwise = differing(trial.digests, again.digests)
        trial.seconds = min(trial.seconds, again.seconds)
        trial.examples = examples
        return trial

    def second(self, rule: BoundRule) -> Trial:
        """What a rule states of every client, and then once more with clients and events in another order."""
        trial = _Pass(rule, self.histories).run()
        turned = {client: events[::-1] for client, events in reversed(self.histories.items())}
        trial.otherwise = differing(trial.digests, _Pass(rule, turned).run().digests)
        return trial


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The clients of whom both say something, and not the same."""
    return [client for client, digest in one.items() if other.get(client, digest) != digest]


def _examples(rule: BoundRule, kinds: Kinds) -> Iterator[tuple[str, str, str]]:
    usual = BoundRule(rule.rule)
    for section, lines in (("Fires", rule.rule.fires), ("Silent", rule.rule.silent)):
        if not lines:
            continue
        try:
            example = read_example(lines, kinds)
            said = what_is_said(usual, example)
        except Exception as error:  # noqa: BLE001 - what a rule raises is what is to be told
            yield section, "", " ".join(str(error).split()) or type(error).__name__
            continue
        for wanted, found in zip(example.expected, said, strict=True):
            if wanted != found:
                yield section, example.line(wanted), example.line(found)


@attrs.define
class _Pass:
    """One rule over all clients, once."""

    rule: BoundRule
    histories: Mapping[str, list[Event]]
    watching_changes: bool = False
    fails_here: bool = attrs.field(default=False, init=False)
    floods: bool = attrs.field(default=False, init=False)
    trial: Trial = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.trial = Trial(self.rule.name)

    def run(self) -> Trial:
        printed = io.StringIO()
        with redirect_stdout(printed), forbidding(*_modules_of(self.rule.rule)) as attempts:
            if self.rule.rule.scope == "book":
                self._book(attempts)
            else:
                for client, events in self.histories.items():
                    self._client(client, events, attempts)
        self.trial.printed = printed.getvalue()[:200]
        return self.trial

    def _client(self, id: str, events: list[Event], attempts: list[str]) -> None:
        client = Client.from_events(id, _copies(events))
        if not client or self.floods:
            return
        before = Snapshot.of(client) if self.watching_changes else None
        digests, stated, in_force = [], False, True
        for moment in _moments(client):
            found = self._stated(client.as_of(moment), attempts)
            digests.append(_digest(found))
            stated = stated or bool(found and not isinstance(found, str))
            in_force = in_force and not isinstance(found, str) and any(_is_in_force(it, moment) for it in found)
        self._note(id, digests, stated, in_force, attempts)
        if before is not None and (changed := before.changed(client)):
            self.trial.changed[id] = changed

    def _note(self, client: str, digests: list[str], stated: bool, in_force: bool, attempts: list[str]) -> None:
        self.trial.digests[client] = sha256("\n".join(digests).encode()).hexdigest()[:16]
        self.trial.stated_for += stated
        self.trial.always = self.trial.always and in_force
        self.trial.failures += self.fails_here
        self.fails_here = False
        for attempt in set(attempts):
            self.trial.attempts[attempt] = self.trial.attempts.get(attempt, 0) + 1
        attempts.clear()

    def _stated(self, client: Client, attempts: list[str]) -> Sequence[Finding] | str:
        """What the rule states of a client, or the name of what it raised."""
        rule = self.rule
        started = thread_time()
        try:
            found = rule.findings(client)
            return checked(rule, findings_in(found), lambda _: client)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit, too, is a rule's failure
            self.floods = self.floods or isinstance(error, Flood)
            if not isinstance(error, ImpureRule) and not attempts:
                self._failed(client.id, error)
            return type(error).__name__
        finally:
            if len(self.trial.digests) < TIMED:
                self.trial.seconds += thread_time() - started

    def _failed(self, client: str, error: BaseException) -> None:
        if not self.trial.cause:
            said = " ".join(str(error).split())
            self.trial.cause = f"{type(error).__name__}: {said}" if said else type(error).__name__
            self.trial.client = client
            self.trial.place = where_in(error, self.rule.rule)
        self.fails_here = True

    def _book(self, attempts: list[str]) -> None:
        instants = sorted(event.at for events in self.histories.values() for event in events)
        digests, stated, before = [], False, None
        engine = Engine(Settings().choose())
        for moment in dict.fromkeys([instants[len(instants) // 2], instants[-1]]):
            book = Book.cut({client: _copies(events) for client, events in self.histories.items()}, engine, at=moment)
            if self.watching_changes:
                before = [(client, Snapshot.of(client)) for client in book.clients]
            started = thread_time()
            found = assess_book(book, [self.rule], at=moment)
            self.trial.seconds += thread_time() - started
            digests.append(_digest([*found.stated, *found.actions]))
            stated = stated or bool(found.stated or found.actions)
            if found.own_failures and not attempts:
                self.fails_here = True
                self.trial.cause = self.trial.cause or found.own_failures[0].cause
            for client, snapshot in before or ():
                if changed := snapshot.changed(client):
                    self.trial.changed[client.id] = changed
        self._note("", digests, stated, False, attempts)


def _copies(events: Iterable[Event]) -> list[Event]:
    """Events that a rule may spoil without anybody else's noticing."""
    return [event.at_position(event.position) for event in events]


def _modules_of(rule: Rule) -> set[str]:
    """The rule's module, and the others of its package where it is a plug-in's."""
    module = getattr(rule.function, "__module__", None) or rule.origin
    return {module, module.partition(".")[0]} if rule.distribution else {module}


def _moments(client: Client) -> Iterable[datetime]:
    """When a client is looked at: after the first event, half-way, and after the latest."""
    events = client.events
    return dict.fromkeys([client.since, max(client.since, events[len(events) // 2].at), events[-1].at])


def _is_in_force(finding: Finding, moment: datetime) -> bool:
    return finding.in_force(moment) if isinstance(finding, Concern) else finding.due <= moment


def _digest(found: Sequence[Finding] | str) -> str:
    """What was stated, whatever its order: nobody is shown that."""
    return found if isinstance(found, str) else repr(sorted(map(_said, found)))


def _said(finding: Finding) -> list[str]:
    cited = [event.ref for event in finding.evidence]
    if isinstance(finding, Action):
        return ["action", str(finding.due), str(finding.about), str(finding.message), *cited]
    return [
        str(finding.level),
        str(finding.starts),
        str(finding.until),
        str(finding.about),
        str(finding.message),
        *cited,
    ]


def where_in(error: BaseException, rule: Rule) -> Place | None:
    """Where in a rule's file something was raised, else where it was raised at all."""
    frames = traceback.extract_tb(error.__traceback__)
    code = code_of(rule.function)
    file = code.co_filename if code is not None else ""
    theirs = [frame for frame in frames if frame.filename == file]
    if theirs:
        return theirs[-1].filename, theirs[-1].lineno
    return None
