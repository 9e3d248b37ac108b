"""What a rule says of a history: all of it (`schedule`), or what is in force at an instant (`on`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs

from ..binding import BoundRule, bound
from ..book import Book, BookAssessment, assess_book
from ..client import Client
from ..declare import Rule, RuleFunction, unfit
from ..engine import Assessment, Engine, Schedule
from ..errors import QuestionError, RuleError, SettingsError, UnknownClient, shown
from ..findings import Finding
from ..moments import instant
from ..settings import Settings
from ..stating import checked
from .comparing import comparison
from .happenings import Moment
from .stated import Stated, Statements, stated
from .writing import date_text, history_table, indented

AnyRule = RuleFunction | BoundRule | Rule
"""A function declared with `@rule` or `@book_rule`, what was read off it, or that with values for its settings."""

Clients = Client | Iterable[Client]
"""A client; for a rule about the whole book, several."""


def schedule(rule: AnyRule, client: Clients, /, **settings: Any) -> list[Stated]:
    """All that a rule states of a history, if nothing else happens, in order of time.

    Args:
        rule: a function declared with `@rule` or `@book_rule`, a `Rule`, or a `BoundRule`.
        client: the client; for a rule about the whole book, the clients. How those are is what the rules say that are on
            unless settings say otherwise.
        settings: values that replace the rule's own, for any tier.

    Returns:
        A list of concerns and actions, which equal what `watch(since=...)`, `act(due=...)` and the like make.

    Raises:
        RuleError: the rule states what is no finding, or contradicts itself. Whatever else the rule raises comes through.
        SettingsError: the rule has no such setting, or one of another type.
    """
    return _schedule(ready(rule, settings), client)


def on(client: Clients, rule: AnyRule, instant: Moment, /, **settings: Any) -> list[Stated]:
    """What is in force at an instant by a rule, and the open actions that are due by then; what happens later is not seen.

    Args:
        client: the client; for a rule about the whole book, the clients.
        rule: a function declared with `@rule` or `@book_rule`, a `Rule`, or a `BoundRule`.
        instant: a date, an RFC 3339 text, or an aware datetime.
        settings: values that replace the rule's own, for any tier.

    Returns:
        A list of concerns and actions, as `schedule` gives them.

    Raises:
        RuleError: the rule states what is no finding, or contradicts itself. Whatever else the rule raises comes through.
        SettingsError: the rule has no such setting, or one of another type.
        UnknownClient: nothing had happened by then.
    """
    return _on(ready(rule, settings), client, instant)


def assert_schedule(rule: AnyRule, client: Clients, expected: Sequence[Stated], /, **settings: Any) -> None:
    """Check what a rule states of a history; where it is something else, show the history and both sides.

    Args:
        rule: the rule, as for `schedule`.
        client: the client or clients, as for `schedule`.
        expected: what is to be stated, in order of time; `NOTHING` where that is nothing.
        settings: values that replace the rule's own, for any tier.

    Raises:
        AssertionError: the rule states something else.
    """
    __tracebackhide__ = True
    asked, clients = ready(rule, settings), _several(client)
    _compare(clients, _schedule(asked, clients), expected, f"The rule {asked.name} states something else.")


def assert_on(
    client: Clients,
    rule: AnyRule,
    instant: Moment,
    expected: Sequence[Stated],
    /,
    **settings: Any,
) -> None:
    """Check what is in force at an instant by a rule; where it is something else, show the history and both sides.

    Args:
        client: the client or clients, as for `on`.
        rule: the rule, as for `on`.
        instant: the instant, as for `on`.
        expected: what is to be in force or due, in order of time; `NOTHING` where that is nothing.
        settings: values that replace the rule's own, for any tier.

    Raises:
        AssertionError: something else is in force or due.
    """
    __tracebackhide__ = True
    asked, clients, moment = ready(rule, settings), _several(client), _moment(instant)
    known = [it.as_of(moment) for it in clients]
    said = f"The rule {asked.name} says something else on {date_text(moment)}."
    _compare(known, _on(asked, clients, moment), expected, said)


def _compare(clients: Iterable[Client], actual: Statements, expected: Sequence[Stated], said: str) -> None:
    __tracebackhide__ = True
    if isinstance(expected, str) or not isinstance(expected, Sequence):
        raise QuestionError(f"what is expected is a list such as [watch(since='2026-01-31')]; got {shown(expected)}")
    if actual != expected:
        history, sides = indented(history_table(clients)), indented(comparison(expected, actual))
        raise AssertionError(f"{said}\n\nThe history\n\n{history}\n\nExpected and actual\n\n{sides}\n")


# Rules and clients as they are handed over.


def ready(rule: Any, settings: Mapping[str, Any]) -> BoundRule:
    """A rule with values for its settings that hold for every tier.

    Raises:
        RuleError: this is no rule.
        SettingsError: the rule has no such setting, or one of another type.
    """
    if isinstance(rule, Client):
        raise RuleError(
            "the rule and the client are in each other's place: schedule(rule, client), on(client, rule, instant)"
        )
    found = BoundRule(rule) if isinstance(rule, Rule) else bound(rule)
    problems = [f"rule {found.name}: {problem}" for problem in unfit(found.rule.settings, settings)]
    if problems:
        raise SettingsError(problems)
    if not settings:
        return found
    return BoundRule(
        attrs.evolve(found.rule, tiers=_without(found.rule.tiers, settings)),
        values={**found.values, **settings},
        tier_values=_without(found.tier_values, settings),
    )


def _without(tiers: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return {
        tier: {name: value for name, value in values.items() if name not in settings} for tier, values in tiers.items()
    }


def _several(clients: Clients) -> list[Client]:
    found = [clients] if isinstance(clients, Client) else list(clients) if isinstance(clients, Iterable) else []
    if not found or not all(isinstance(client, Client) for client in found):
        raise QuestionError(f"expected a client, such as given(engaged('2026-01-01')), got {shown(clients)}")
    return found


def _one(rule: BoundRule, clients: Clients) -> Client:
    found = _several(clients)
    if len(found) > 1:
        raise QuestionError(f"rule {rule.name} is about one client, and is given {len(found)}")
    return found[0]


def _moment(value: Moment) -> datetime:
    return instant(value)


# Asking.


@contextmanager
def _naming(rule: BoundRule, about: str) -> Iterator[None]:
    """Say on whatever is raised meanwhile which rule it was, and of whom."""
    try:
        yield
    except Exception as error:
        error.add_note(f"raised by the rule {rule.name}, asked about {about}")
        raise


def findings(rule: BoundRule, client: Client) -> list[Finding]:
    """What a rule states of a client, checked as the engine checks it; of a client that nothing is known of, nothing.

    Raises:
        RuleError: the rule states what is no finding, or contradicts itself. Whatever else the rule raises comes through.
    """
    if not client:
        return []
    with _naming(rule, f"the client {client.id!r}"):
        return checked(rule, rule.findings(client), lambda _: client)


def _schedule(rule: BoundRule, clients: Clients) -> Statements:
    if rule.rule.scope == "client":
        return Statements(map(stated, findings(rule, _one(rule, clients))))
    book = _book(clients)
    found = _of_book(rule, book, book.latest)
    return _for_clients(*found.stated, *found.actions)


def _on(rule: BoundRule, clients: Clients, instant: Moment) -> Statements:
    moment = _moment(instant)
    if rule.rule.scope == "book":
        book = _book(clients).as_of(moment)
        _refuse_too_early(moment, *([] if book.clients else _several(clients)))
        of_book = _of_book(rule, book, moment)
        return _for_clients(*of_book.concerns, *(action for action in of_book.actions if action.due <= moment))
    client = _one(rule, clients)
    known = client.as_of(moment)
    _refuse_too_early(moment, *([] if known else [client]))
    found = Assessment.read(known, Schedule.of([findings(rule, known)], known.judgement), moment)
    said: list[Finding] = [*found.concerns, *(action for action in found.actions if action.due <= moment)]
    return Statements(map(stated, said))


def _for_clients(*said: Finding) -> Statements:
    return Statements(stated(finding, names_client=True) for finding in said)


def _refuse_too_early(moment: datetime, *unknown: Client) -> None:
    if unknown:
        first = min((client.since for client in unknown if client), default=None)
        later = f"; the first event is of {date_text(first)}" if first else ""
        names = ", ".join(repr(client.id) for client in unknown)
        raise UnknownClient(f"nothing is known of {names} on {date_text(moment)}{later}")


def _book(clients: Clients) -> Book:
    return Book([client for client in _several(clients) if client], Engine(Settings().choose()))


def _of_book(rule: BoundRule, book: Book, moment: datetime) -> BookAssessment:
    found = assess_book(book, [rule], at=moment)
    for failure in found.own_failures:
        with _naming(rule, "the whole book"):
            list(rule.about_book(book.as_of(moment)))  # raises what the rule raised
            raise RuleError(failure.cause)
    return found
