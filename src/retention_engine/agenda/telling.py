"""News: what has come to pass with a client, by what was stored of it before and what is stored now."""

from datetime import datetime
from hashlib import sha256

import msgspec

from ..log.agenda_rows import ClientRows, NewsRow, SpellRow
from ..log.agenda_tables import NOTHING_SAID
from .instants import number

_ENCODER = msgspec.json.Encoder()


def news_between(
    client: str, before: ClientRows, after: ClientRows, told: int, learned: datetime, position: int
) -> list[NewsRow]:
    """What has come to pass with a client: what came with time until something was learned, and what that changed."""
    now = number(learned)
    found = [passed(spell, position) for spell in before.spells if told < spell.starts <= now and not spell.is_past]
    moment = max(now, told)
    was, status = before.status(moment), after.status(moment)
    if was != status:
        spell = next((spell for spell in after.spells if spell.starts <= moment < spell.until), None)
        because = NOTHING_SAID if spell is None else spell.because
        found.append(NewsRow(0, _id(client, position, was, status), client, now, was, status, because, position))
    return found


def passed(spell: SpellRow, position: int) -> NewsRow:
    """The news that a spell has begun."""
    key = _id(spell.client, spell.starts, spell.before, spell.status)
    return NewsRow(0, key, spell.client, spell.starts, spell.before, spell.status, spell.because, position)


def _id(*said: object) -> str:
    return sha256(_ENCODER.encode(said)).hexdigest()[:16]
