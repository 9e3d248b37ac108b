"""Tests of rules, run: what came out at each instant, told to people and to programs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from textwrap import indent
from typing import Any

import attrs

from ..findings import Concern, Health
from ..moments import instant_text
from ..stating import RuleFailure
from .examples import RuleFailed, Said, in_force
from .expectations import During, Expectation, holds, spells_of
from .rule_tests import RuleTest
from .side_by_side import Pair, history_table, side_by_side
from .verdicts import VERSION
from .words import counted, printable

_MOST_STATED = 20


@attrs.frozen
class Check:
    """One thing that a test expects.

    Attributes:
        key: the part of the test that says so: `expect` or `status`.
        wanted: what is expected.
        actual: what is so, as the test would write it.
        passed: whether that is the same.
    """

    key: str
    wanted: Expectation | During
    actual: str
    passed: bool


@attrs.frozen
class Run:
    """What came of a test.

    Attributes:
        test: the test.
        checks: what came out, in order; none where a rule failed.
        failure: the rule that failed, if one did.
        stated: what the rules state as of the first instant at which something else was expected.
    """

    test: RuleTest
    checks: tuple[Check, ...]
    failure: RuleFailure | None = None
    stated: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all came out as expected."""
        return self.failure is None and all(check.passed for check in self.checks)

    @property
    def outcome(self) -> str:
        """`passed`, `failed`, or `broken` where a rule could not be evaluated."""
        return "broken" if self.failure else "passed" if self.passed else "failed"


def run(test: RuleTest) -> Run:
    """Run a test; a rule that fails is a value."""
    if test.broken is not None:
        return Run(test, (), test.broken)
    try:
        checks = [_check(test, "expect", wanted, in_force) for wanted in test.stated]
        checks += [_check(test, "status", wanted, _status) for wanted in test.status]
        failing = next((check for check in checks if not check.passed), None)
        return Run(test, tuple(checks), stated=() if failing is None else tuple(_stated(test, failing)))
    except RuleFailed as error:
        return Run(test, (), error.failure)


def _status(said: Said) -> tuple[Health, ...]:
    return () if said.status is None else (said.status,)


def _check(
    test: RuleTest, key: str, wanted: Expectation | During, levels: Callable[[Said], tuple[Health, ...]]
) -> Check:
    write = test.times.written
    if isinstance(wanted, During):
        course = test.case.course(levels)
        there = spells_of(wanted, course)
        passed = holds(wanted, course)
        actual = wanted.said() if passed else "; ".join(f"{it.said()} {it.when(write)}" for it in there)
        return Check(key, wanted, actual or "nothing has happened yet", passed)
    said = test.case.at(wanted.at)
    found = said.expectation if key == "expect" else Expectation(wanted.at, levels(said), ())
    return Check(key, wanted, found.said(write), found == wanted)


def _stated(test: RuleTest, failing: Check) -> Iterator[str]:
    """What the rules state, whenever it holds, as of an instant."""
    wanted = failing.wanted
    moment = wanted.at if isinstance(wanted, Expectation) else max(wanted.starts, min(_happened(test)))
    said = test.case.at(moment)
    write = test.times.written
    findings = [(it.starts, _concern_words(it, write)) for it in said.stated]
    findings += [(it.due, f"act by {write(it.due)}{_about(it.about)}: {it.message} ({it.rule})") for it in said.actions]
    yield f"As of {write(moment)}, if nothing else happens, " + (
        "this is stated:" if findings else "nothing is stated, not even for later."
    )
    yield from (f"  {words}" for _, words in sorted(findings)[:_MOST_STATED])
    if len(findings) > _MOST_STATED:
        yield f"  and {len(findings) - _MOST_STATED} more"


def _concern_words(concern: Concern, write: Callable[[datetime], str]) -> str:
    spell = During(concern.starts, concern.until, (concern.level,))
    return f"{concern.level} {spell.when(write)}{_about(concern.about)}: {concern.message} ({concern.rule})"


def _about(about: str | None) -> str:
    return f" [{about}]" if about else ""


def _happened(test: RuleTest) -> Iterator[datetime]:
    return (event.at for event in test.case.events)


# For people.


def report(runs: Sequence[Run], unchosen: int) -> Iterator[str]:
    """What came of tests as text, file by file, the failing ones in full; then how many there were.

    Args:
        runs: the tests that were run, in order.
        unchosen: how many were left out because others were chosen.
    """
    file = None
    for one in runs:
        if one.test.file != file:
            file = one.test.file
            yield printable(file)
        yield printable(f"  {one.outcome}  {one.test.name}")
        if not one.passed:
            yield ""
            yield indent("\n".join(_told(one)), "    ")
            yield ""
    yield f"{tally(runs)}{f' ({unchosen} not chosen)' if unchosen else ''}"


def tally(runs: Sequence[Run]) -> str:
    """How many tests there were, and what came of them: `12 tests, 11 passed, 1 failed`."""
    counts = Counter(one.outcome for one in runs)
    told = [f"{counts[outcome]} {outcome}" for outcome in ("failed", "broken") if counts[outcome]]
    return ", ".join([counted(len(runs), "test"), f"{counts['passed']} passed", *told])


def _told(one: Run) -> Iterator[str]:
    test = one.test
    how = f" ({', '.join(test.how)})" if test.how else ""
    yield printable(f"{test.subject}{how}")
    yield ""
    if test.broken is not None:
        yield printable(f"It was not run: {test.broken.cause}")
        return
    yield history_table(test.case.events, test.times.zero)
    if one.failure is not None:
        yield printable(f"The rule {one.failure.rule} could not be evaluated: {one.failure.cause}")
        return
    yield side_by_side(_pair(check, test) for check in one.checks)
    yield from map(printable, one.stated)


def _pair(check: Check, test: RuleTest) -> Pair:
    write = test.times.written
    when = check.wanted.when(write).removeprefix("at ")
    place = f"status {when}" if check.key == "status" and test.stated else when
    return Pair(place, check.wanted.said(write), check.actual, check.passed)


# For programs.


def document(runs: Iterable[Run]) -> dict[str, Any]:
    """What came of tests as one document."""
    tests = [_view(one) for one in runs]
    counts = Counter(test["outcome"] for test in tests)
    return {
        "version": VERSION,
        "summary": {"tests": len(tests), **{outcome: counts[outcome] for outcome in ("passed", "failed", "broken")}},
        "tests": tests,
    }


def _view(one: Run) -> dict[str, Any]:
    test = one.test
    failure = one.failure
    return {
        "file": test.file,
        "name": test.name,
        "rule": test.rules[0] if len(test.rules) == 1 else None,
        "rules": list(test.rules),
        "passed": one.passed,
        "outcome": one.outcome,
        "failure": None if failure is None else {"rule": failure.rule, "cause": failure.cause},
        "checks": [_check_view(check) for check in one.checks],
    }


def _check_view(check: Check) -> dict[str, Any]:
    wanted = check.wanted
    if isinstance(wanted, Expectation):
        when: dict[str, Any] = {"at": instant_text(wanted.at)}
    else:
        until = None if wanted.until is None else instant_text(wanted.until)
        when = {"from": instant_text(wanted.starts), "until": until}
    return {"of": check.key, **when, "expected": wanted.said(), "actual": check.actual, "passed": check.passed}
