"""A plug-in's rule kept from harming others in the same process: the history stays as it is, and nobody ends the program.

It is a guard against mistakes, no sandbox. A rule that never ends is stopped only in a process of its own; see `isolation`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import wraps
from typing import Any

import attrs

from ..client import Client
from ..declare import Findings, Rule
from ..errors import RuleError, shown
from ..events import Event
from ..schema import FrozenDict, schema_of


def guarded(rule: Rule) -> Rule:
    """The same rule, which fails where it changes what it was given, or would end the program."""
    function = rule.function

    @wraps(function)
    def harmless(subject: Any, /, **settings: Any) -> Findings:
        try:
            with unchanged(subject) if isinstance(subject, Client) else nullcontext():
                found = function(subject, **settings)
                if not isinstance(found, Iterable):
                    what = "None" if found is None else shown(found)
                    raise RuleError(f"returns {what}; a rule yields Concern and Action")
                return iter(list(found))
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - such as SystemExit, which would end the others, too
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            reason = f"ends the program ({said}); a rule yields findings and ends nothing"
            raise RuleError(reason).with_traceback(error.__traceback__) from None

    return attrs.evolve(rule, function=harmless)


@contextmanager
def unchanged(client: Client) -> Iterator[None]:
    """A client's history stays as it is meanwhile: what is changed of it is put back.

    Raises:
        RuleError: something was changed.
    """
    id = client.id
    events = client._history.events[: client._size]  # noqa: SLF001 - a look that does not count as the rule's reading
    before = [_fields(event) for event in events]
    try:
        yield
    finally:
        changed = [
            f"{', '.join(names)} of {event.ref}"
            for event, fields in zip(events, before, strict=True)
            if vars(event) != fields and (names := _put_back(event, fields))
        ]
        if client.id != id:
            client.id = id
            changed.append("id of the client")
    if changed:
        raise RuleError(
            f"changes the client's history ({'; '.join(changed)}); a rule reads it and changes nothing, so let it change "
            "values of its own"
        )


_MUTABLE = frozenset({list, dict, set, bytearray, FrozenDict})


def _fields(event: Event) -> dict[str, Any]:
    return {name: deepcopy(value) if type(value) in _MUTABLE else value for name, value in vars(event).items()}


def _put_back(event: Event, before: Mapping[str, Any]) -> list[str]:
    """Give an event the values that it had; which of its fields had others. What a class caches in it is none of them."""
    now = vars(event)
    fields = {*schema_of(type(event)).attribute.values(), "position"}
    changed = sorted(
        name
        for name in fields & (now.keys() | before.keys())
        if name not in now or name not in before or now[name] != before[name]
    )
    for name in changed:
        if name in before:
            now[name] = before[name]
        else:
            del now[name]
    return changed
