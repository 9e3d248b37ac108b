"""The registry of kinds: which classes of events a reader knows, an application's own among them."""

import re
from collections.abc import Iterator, Mapping

import attrs

from .errors import EventError, KindError, did_you_mean, shown
from .events import (
    ActionDismissed,
    ActionDone,
    ActionSnoozed,
    Complained,
    Engaged,
    Event,
    Introduced,
    Judged,
    Left,
    Measured,
    Profiled,
    Referred,
    Renewed,
    Resolved,
    Retracted,
)
from .schema import schema_of

_OWN_KIND = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+", re.ASCII)


@attrs.frozen
class Kinds(Mapping[str, type[Event]]):
    """The kinds of event that a reader knows: class by kind. `KINDS` holds those of the package."""

    _classes: Mapping[str, type[Event]]

    def __getitem__(self, kind: str) -> type[Event]:
        return self._classes[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def adding(self, *classes: type[Event]) -> "Kinds":
        """These kinds and some of an application's own, each with a namespaced `kind` such as `acme.invoice_paid`.

        Raises:
            KindError: a class is no unslotted attrs class, has no namespaced kind, or a kind that is taken.
        """
        known = dict(self._classes)
        for cls in classes:
            if not _OWN_KIND.fullmatch(cls.kind):
                raise KindError(f"{cls.__name__}.kind is {cls.kind!r}; name it like 'acme.invoice_paid'")
            if known.get(cls.kind, cls) is not cls:
                raise KindError(
                    f"kind {cls.kind!r} is declared twice: {known[cls.kind].__qualname__}, {cls.__qualname__}"
                )
            schema_of(cls)
            known[cls.kind] = cls
        return Kinds(known)

    def named(self, kind: object) -> type[Event]:
        """The class of a kind.

        Raises:
            EventError: nobody registered the kind.
        """
        if not isinstance(kind, str):
            raise EventError("wrong-type", f"expected text, got {shown(kind)}", "kind")
        cls = self._classes.get(kind)
        if cls is None:
            raise EventError(
                "unknown-kind", f"nobody registered {shown(kind)}{did_you_mean(kind, self._classes)}", "kind"
            )
        return cls


_CORE = (Engaged, Introduced, Referred, Complained, Renewed)
_SUPPORTING = (Resolved, Profiled, Measured, Left, ActionDone, ActionSnoozed, ActionDismissed, Judged, Retracted)

KINDS = Kinds({cls.kind: cls for cls in (*_CORE, *_SUPPORTING)})
"""The kinds of the log format: the five core ones first."""
