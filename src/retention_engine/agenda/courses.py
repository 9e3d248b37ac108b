"""What becomes of one client, as rows: its status from spell to spell, its open actions, the rules that fail.

The rows follow from the client's history alone. They begin with what holds by the time when its latest event was
recorded; events that are yet to happen by then have their turn where they happen.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

import msgspec

from ..client import Client
from ..engine import Schedule
from ..events import ActionDismissed, ActionDone, ActionSnoozed, Event, Judged
from ..findings import Action, Concern, Health
from ..log.agenda_rows import BEGINNING, FOREVER, ActionRow, ClientRows, FailureRow, SpellRow
from ..stating import RuleFailure
from .instants import MICROSECOND, number

_ENCODER = msgspec.json.Encoder()

FAILED = "This rule can't be evaluated."
"""What is said of a rule that fails, among the reasons for a status; why it fails, `Agenda.failures` tells."""

Reason = Concern | RuleFailure

Outcomes = tuple[set[str], dict[str, datetime]]
"""The actions that were done or dismissed, and until when others are put off."""


class Stage(NamedTuple):
    """What the rules state from an event on, until the next one.

    Attributes:
        starts: when it begins; for the first stage the latest instant that lies in the past.
        client: the client by then.
        schedule: what the rules state of it.
    """

    starts: datetime
    client: Client
    schedule: Schedule


class Piece(NamedTuple):
    """A status during a part of a stage."""

    starts: int
    until: int
    status: Health
    because: bytes


class ActionText:
    """What rows say of actions, worked out once for each action that a rule has stated."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Action, tuple[int, str, str, str | None, str], bytes]] = {}

    def of(self, actions: Iterable[Action]) -> list[tuple[tuple[int, str, str, str | None, str], bytes]]:
        """For each action: due, id, rule, subject and message; and what it rests on, as JSON."""
        found = {}
        for action in actions:
            known = self._known.get(id(action))  # it is kept beside, so that no other gets its number
            if known is None:
                about = None if action.about is None else plain(action.about)
                parts = (number(action.due), action.id, action.rule, about, plain(action.message))
                known = action, parts, _ENCODER.encode([event.ref for event in action.evidence])
            found[id(action)] = known
        self._known = found
        return [(parts, because) for _, parts, because in found.values()]


def rows_of(name: str, stages: Sequence[Stage], learned: datetime, texts: Sequence[ActionText]) -> ClientRows:
    """A client's rows.

    Args:
        name: the client's id.
        stages: what is stated of the client, stage by stage; those in which nothing is known of it are left out.
        learned: when the latest of its events was recorded.
        texts: what is known of actions, by stage.
    """
    spells: list[SpellRow] = []
    actions: list[ActionRow] = []
    failures: list[FailureRow] = []
    past = number(learned)
    for place, stage in enumerate(stages):
        is_known_now = place == 0 and stage.starts <= learned
        starts = BEGINNING if is_known_now else number(stage.starts)
        ends = stages[place + 1].starts if place + 1 < len(stages) else None
        reasons = _reasons_at(stage, stages[place - 1] if place else None)
        because = _because(reasons, () if is_known_now else _happened(stage))
        pieces = list(_pieces(stage, starts, ends, because))
        for piece in pieces:
            spells.append(_spell(name, piece, spells, past))
            if len(spells) > 1 and spells[-1].status == spells[-2].status:
                spells[-2:] = [spells[-2]._replace(until=piece.until)]
        actions += _actions(name, stage, texts[place], pieces, is_known_now=is_known_now)
        until = pieces[-1].until
        failures += (FailureRow(name, starts, until, it.rule, plain(it.cause)) for it in stage.schedule.failures)
    if len(stages) > 1:
        actions = list(_joined_actions(actions))
        failures = list(_joined_failures(failures))
    return ClientRows(tuple(spells), tuple(actions), tuple(failures))


def _pieces(stage: Stage, starts: int, ends: datetime | None, because: bytes) -> Iterator[Piece]:
    """A stage's statuses, one behind the other: what `Schedule.changes` says, in one pass and in whole numbers."""
    schedule, begun = stage.schedule, number(stage.starts)
    end = FOREVER if ends is None else number(ends)
    spans = [
        (number(it.starts), FOREVER if it.until is None else number(it.until), it.level, it) for it in schedule.concerns
    ]
    least = Health.UNKNOWN if schedule.failures else Health.HEALTHY
    judged_from, judged_until, judged = _verdict(schedule.judgement, least)
    edges = {judged_from, judged_until}
    for one, other, _, _ in spans:
        edges |= {one, other}
    status: Health | None = None
    for edge in (begun, *sorted(edge for edge in edges if begun < edge < end)):
        if judged_from <= edge < judged_until:
            level = judged
        else:
            level = max([least, *(level for one, other, level, _ in spans if one <= edge < other)])
        if status is None:
            status = level
        elif level is not status:
            yield Piece(starts, edge, status, because)
            if edge == judged_until:
                reasons = [it for one, other, of, it in spans if of is level and one <= edge < other]
            else:
                worse = max(status, level)
                reasons = [it for one, other, of, it in spans if of is worse and edge in (one, other)]
            starts, status, because = edge, level, _because(reasons, ())
    assert status is not None  # noqa: S101 - there is one edge at least
    yield Piece(starts, end, status, because)


def _verdict(judgement: Judged | None, least: Health) -> tuple[int, int, Health]:
    """From when until when a person's verdict holds, and the level by it; an empty span where there is none."""
    if judgement is None:
        return FOREVER, BEGINNING, least
    until = FOREVER if judgement.until is None else number(judgement.until)
    return number(judgement.at), until, max(Health.named(judgement.level), least)


def _reasons_at(stage: Stage, before: Stage | None) -> Iterator[Reason]:
    """What is behind the status with which a stage begins, or what ended and so made it better."""
    status = stage.schedule.status(stage.starts)
    if before is not None:
        just_before = stage.starts - MICROSECOND
        was = before.schedule.status(just_before)
        if was > status:
            return _in_force(before.schedule, was, just_before)
    return _in_force(stage.schedule, status, stage.starts)


def _in_force(schedule: Schedule, level: Health, moment: datetime) -> Iterator[Reason]:
    if schedule.judged(moment) is None:
        for concern in schedule.concerns:
            if concern.level is level and concern.in_force(moment):
                yield concern
    if level is Health.UNKNOWN:
        yield from schedule.failures


def _happened(stage: Stage) -> Sequence[Event]:
    """What happens at the instant at which a stage begins."""
    return tuple(takewhile(lambda event: event.at == stage.starts, reversed(stage.client.events)))[::-1]


def _because(reasons: Iterable[Reason], events: Iterable[Event]) -> bytes:
    return _ENCODER.encode([list(map(_said, reasons)), [event.ref for event in events]])


def _said(reason: Reason) -> tuple[str, str | None, str, list[str]]:
    if isinstance(reason, RuleFailure):
        return reason.rule, None, FAILED, []
    about = None if reason.about is None else plain(reason.about)
    return reason.rule, about, plain(reason.message or ""), [event.ref for event in reason.evidence]


def _spell(name: str, piece: Piece, earlier: Sequence[SpellRow], past: int) -> SpellRow:
    before = earlier[-1].status if earlier else None
    return SpellRow(
        name, piece.starts, piece.until, int(piece.status), before, int(piece.starts <= past), piece.because
    )


def _actions(
    name: str, stage: Stage, texts: ActionText, pieces: Sequence[Piece], *, is_known_now: bool
) -> Iterator[ActionRow]:
    """The actions of a stage, each for as long as it is open."""
    ended, put_off = stage.client.fold(_no_outcomes, _with_outcome, ActionDone, ActionDismissed, ActionSnoozed)
    owner = plain(stage.client.owner or "")
    times = [(piece.starts, piece.until) for piece in _joined(pieces) if piece.status is not Health.LEFT]
    for parts, because in texts.of(stage.schedule.actions):
        due, key, rule, about, message = parts
        if key in ended:
            continue
        hidden = number(put_off[key]) if key in put_off else BEGINNING
        if is_known_now and key in put_off and put_off[key] <= stage.starts:
            hidden = BEGINNING
        for starts, until in times:
            opens = max(starts, hidden)
            if opens < until:
                yield ActionRow(name, opens, until, due, key, rule, about, message, owner, because)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces where neighbours in which the client has not left are one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and Health.LEFT not in (found[-1].status, piece.status):
            found[-1] = found[-1]._replace(until=piece.until)
        else:
            found.append(piece)
    return found


def _joined_actions(rows: Iterable[ActionRow]) -> Iterator[ActionRow]:
    """Actions where one that stays open from one stage to the next is one row."""
    found: dict[tuple[object, ...], ActionRow] = {}
    for row in rows:
        key = (*row[3:], row.opens)
        earlier = found.pop(key, None)
        merged = row if earlier is None else row._replace(opens=earlier.opens)
        found[(*merged[3:], merged.closes)] = merged
    yield from found.values()


def _joined_failures(rows: Iterable[FailureRow]) -> Iterator[FailureRow]:
    found: dict[tuple[object, ...], FailureRow] = {}
    for row in rows:
        earlier = found.pop((row.rule, row.cause, row.starts), None)
        merged = row if earlier is None else row._replace(starts=earlier.starts)
        found[row.rule, row.cause, merged.until] = merged
    yield from found.values()


def _no_outcomes() -> Outcomes:
    return set(), {}


def _with_outcome(so_far: Outcomes, event: Event) -> Outcomes:
    ended, put_off = so_far
    if isinstance(event, ActionSnoozed):
        put_off[event.action] = event.until
    elif isinstance(event, ActionDone | ActionDismissed):
        ended.add(event.action)
    return so_far


def plain(text: str) -> str:
    """A rule's text as every database takes it."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode(errors="replace").decode().replace("\0", "�")
