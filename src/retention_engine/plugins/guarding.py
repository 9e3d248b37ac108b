"""A plug-in's rule kept from harming others in the same process: the history stays as it is, and nobody ends the program.

It is a guard against mistakes, no sandbox. A rule that never ends is stopped only in a process of its own; see `isolation`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

import attrs

from ..client import Client
from ..declare import Findings, Rule
from ..errors import RuleError, shown
from ..findings import Finding

MOST_FINDINGS = 10_000
"""A rule that states more of one client is stopped."""


def guarded(rule: Rule) -> Rule:
    """The same rule, which fails where it changes what it was given, or would end the program."""
    function = rule.function

    @wraps(function)
    def harmless(subject: Any, /, **settings: Any) -> Findings:
        try:
            with unchanged(subject) if isinstance(subject, Client) else nullcontext():
                return iter(list(findings_in(function(subject, **settings))))
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - such as SystemExit, which would end the others, too
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            reason = f"ends the program ({said}); a rule yields findings and ends nothing"
            raise RuleError(reason).with_traceback(error.__traceback__) from None

    return attrs.evolve(rule, function=harmless)


class Flood(RuleError):
    """A rule states more than anybody could read."""


def findings_in(returned: Any) -> Iterator[Finding]:
    """What a rule yields, one by one, as long as that is not more than anybody could read.

    Raises:
        RuleError: it returned nothing that can be gone through, or does not stop.
    """
    if not isinstance(returned, Iterable):
        what = "None" if returned is None else shown(returned)
        raise RuleError(f"returns {what}; a rule yields Concern and Action")
    for count, finding in enumerate(returned):
        if count == MOST_FINDINGS:
            raise Flood(f"states more than {MOST_FINDINGS:,} findings of one client, and does not stop")
        yield finding


@contextmanager
def unchanged(client: Client) -> Iterator[None]:
    """A client's history stays as it is meanwhile: what is changed of it is put back.

    Raises:
        RuleError: something was changed.
    """
    history = client._history  # noqa: SLF001 - a look that does not count as the rule's reading
    known_as = client.id
    history.remember()
    try:
        yield
    finally:
        changed = history.put_back()
        if client.id != known_as:
            client.id = known_as
            changed.append("id of the client")
        if changed:
            client._latest.clear()  # noqa: SLF001 - as above
    if changed:
        raise RuleError(
            f"changes the history ({', '.join(changed)}); a rule reads it, and changes values of its own alone"
        )
