"""Forgetting a client: what is personal leaves the log, what the verdicts rest on stays."""

from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs

from ..codec import canonical, digest
from ..errors import UnknownClient
from ..events import Event
from ..kinds import Kinds
from ..schema import Parsed, schema_of
from .rows import Row, can_be_a_client, event_of, stored
from .store import Store

GONE = "forgotten"

KEPT_APART = frozenset({"by", "owner", "with", "channel", "topic", "competitor", "learned", "plan"})
"""Texts of which rules ask whether there is one, and whether two are the same; a stand-in tells as much."""

HARMLESS = {
    "channel": frozenset({"call", "chat", "email", "letter", "mail", "meeting", "phone", "sms", "video", "visit"}),
    "topic": frozenset({"price"}),
}
"""Ordinary words, by field, in any case of letters; they say nothing of anybody, and stay."""

PLAIN_ANSWERS = frozenset({"yes", "no", "none", "nothing", "nothing at all", "-", ""})
"""Answers that stay; of one that begins with such a word and a comma, the word stays."""


@attrs.frozen
class Forgotten:
    """What forgetting a client did.

    Attributes:
        events: how many events were rewritten.
        unreached: places of the store that still hold what was forgotten, if any.
    """

    events: int
    unreached: tuple[str, ...]


def forget(store: Store, client: str, kinds: Kinds) -> Forgotten:
    """Rewrite a client's events without their free text, and remove the old text from the store's files.

    Raises:
        UnknownClient: the log has no event of the client.
    """
    with store.writing() as writing:
        rows = writing.rows(client) if can_be_a_client(client) else []
        if not rows:
            raise UnknownClient(f"{store.name} has no event of the client {client!r}")
        redacted, digests = [], {}
        stand_ins = StandIns()
        for row in rows:
            event = redact(event_of(row, kinds), stand_ins)
            redacted.append(_in_place_of(row, event))
            # The digest is that of what is left, so that a second import can't bring back what was forgotten.
            digests[row.position] = digest(event)
        writing.rewrite(client, redacted, digests)
        agenda = store.agenda.within(writing)
        if agenda.exist():
            agenda.forget(client)
    return Forgotten(len(rows), tuple(store.scrub()))


def _in_place_of(row: Row, event: Event) -> Row:
    fresh = stored(event, row.version, canonical(event))
    return fresh._replace(position=row.position)


class StandIns:
    """What stands for the texts of one client: another word for another text, the same for the same."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, field: str, text: str) -> str:
        """The stand-in for a text of a field; a blank text and a harmless word stand for themselves."""
        key = text.casefold() if field == "channel" else text
        if not text.strip() or text.casefold() in HARMLESS.get(field, ()):
            return text
        return self._known.setdefault(key, f"{GONE}-{len(self._known) + 1}")


def redact(event: Event, stand_ins: StandIns) -> Event:
    """The event without its free text: instants, numbers, ids, slugs and words from a list stay.

    Where rules ask only whether there is a text, or whether two are the same, a stand-in takes its place. Of answers, a
    plain yes, no or nothing stays. A text that must be given is replaced.
    """
    schema = schema_of(type(event))
    hints = get_type_hints(type(event), include_extras=True)
    left: dict[str, Any] = {}
    for name, value in event.fields().items():
        if name == "kind":
            continue
        if name == "answers":
            left[name] = {question: _plain(answer) for question, answer in value.items()}
        elif not is_free_text(hints[schema.attribute[name]]):
            left[name] = value
        elif name in KEPT_APART:
            texts = (value,) if isinstance(value, str) else value
            kept = [stand_ins.of(name, text) for text in texts]
            left[name] = kept[0] if isinstance(value, str) else kept
        elif name in schema.required:
            left[name] = GONE
    left["recorded_at"] = event.recorded_at
    return type(event).from_fields(left, position=event.position)


def _plain(answer: str) -> str:
    word, comma, _ = answer.partition(",")
    if word.strip(" .").casefold() not in PLAIN_ANSWERS:
        return GONE
    return f"{word}, {GONE}" if comma else answer


def is_free_text(hint: Any) -> bool:
    """Whether a field's annotation admits text that is neither checked for its form nor out of a list."""
    if hint is str:
        return True
    if get_origin(hint) is Literal or any(isinstance(mark, Parsed) for mark in getattr(hint, "__metadata__", ())):
        return False
    return any(is_free_text(part) for part in get_args(hint))
