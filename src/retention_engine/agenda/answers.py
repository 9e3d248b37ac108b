"""What the agenda answers: changes, actions, standings and news, each with what it is by."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar, overload

import attrs
import msgspec

from ..findings import Health
from ..log.agenda_rows import ActionRow, NewsRow, SpellRow
from .instants import moment_of

T_co = TypeVar("T_co", covariant=True)


@attrs.frozen
class AgendaBasis:
    """What an answer of the agenda is by.

    Attributes:
        fingerprint: that of the rules.
        position: the last position of the log that it covers.
        horizon: the instant from which on the agenda answers: the latest thing that had happened when it was recorded;
            `None` where nothing has.
        is_stale: whether it is by other rules than those that the agenda was opened with.
        is_rebuilding: whether a build by other rules is under way.
        is_behind: whether the log has events that it does not cover, or a client was forgotten since.
    """

    fingerprint: str
    position: int
    horizon: datetime | None
    is_stale: bool
    is_rebuilding: bool
    is_behind: bool


@attrs.frozen
class AgendaReason:
    """A concern behind a change of status, or a rule that can't be evaluated.

    Attributes:
        rule: the rule that states it, or fails.
        about: what it is about, where a rule may state several.
        message: one sentence for a person.
        because: the events that it rests on, as they are cited.
    """

    rule: str
    about: str | None
    message: str
    because: tuple[str, ...]


def _reasons(because: bytes) -> tuple[AgendaReason, ...]:
    return tuple(
        AgendaReason(rule, about, message, tuple(refs))
        for rule, about, message, refs in msgspec.json.decode(because)[0]
    )


@attrs.frozen
class AgendaChange:
    """A client's status changes at an instant if nothing else is recorded.

    Attributes:
        client: the client's id.
        at: when.
        before: the status before; `None` where the client is new then.
        after: the status from then on.
    """

    client: str
    at: datetime
    before: Health | None
    after: Health
    _because: bytes = attrs.field(repr=False)

    @property
    def because(self) -> tuple[AgendaReason, ...]:
        """The concerns that start or end there, or come to light as a person's verdict ends."""
        return _reasons(self._because)

    @property
    def events(self) -> tuple[str, ...]:
        """The events, recorded ahead of their time, that happen then; none where time alone changes the status."""
        return tuple(msgspec.json.decode(self._because)[1])


@attrs.frozen
class AgendaAction:
    """An open action.

    Attributes:
        id: the action's id.
        client: the client's id.
        rule: the rule that recommends it.
        message: what to do.
        due: by when.
        about: what it is about, where a rule may recommend several.
        owner: who looks after the client, `None` for nobody.
    """

    id: str
    client: str
    rule: str
    message: str
    due: datetime
    about: str | None
    owner: str | None
    _because: bytes = attrs.field(repr=False)

    @property
    def because(self) -> tuple[str, ...]:
        """The events that it rests on, as they are cited."""
        return tuple(msgspec.json.decode(self._because))


@attrs.frozen
class AgendaStatus:
    """A client's standing at a moment.

    Attributes:
        client: the client's id.
        at: the moment.
        status: the client's health.
        next_change: when it changes next if nothing else is recorded, `None` where it does not.
        actions: the open actions, the first due first.
        failing: the rules that can't be evaluated for the client.
        basis: what the answer is by.
    """

    client: str
    at: datetime
    status: Health
    next_change: AgendaChange | None
    actions: tuple[AgendaAction, ...]
    failing: tuple[str, ...]
    basis: AgendaBasis


@attrs.frozen
class AgendaCounts:
    """How many clients there are at each level at a moment.

    Attributes:
        at: the moment.
        by_status: the number of clients, by level.
        failing: for how many clients a rule can't be evaluated.
        basis: what the answer is by.
    """

    at: datetime
    by_status: Mapping[Health, int]
    failing: int
    basis: AgendaBasis


@attrs.frozen
class AgendaNews:
    """A client's status has changed.

    Attributes:
        seq: its number among the news, by which a reader carries on.
        id: the same however often it is read.
        client: the client's id.
        at: when it changed: when time came to it, or when the event that changed it was recorded.
        before: the status before; `None` where the client is new.
        after: the status since; `None` where nothing is known of the client any more.
        position: the last position of the log that was known then.
    """

    seq: int
    id: str
    client: str
    at: datetime
    before: Health | None
    after: Health | None
    position: int
    _because: bytes = attrs.field(repr=False)

    @property
    def because(self) -> tuple[AgendaReason, ...]:
        """The concerns behind the change."""
        return _reasons(self._because)


@attrs.frozen
class AgendaAnswer(Sequence[T_co], Generic[T_co]):
    """Some of what the agenda holds, in order.

    Attributes:
        items: what was asked for.
        basis: what it is by.
    """

    items: tuple[T_co, ...]
    basis: AgendaBasis

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.items)

    @overload
    def __getitem__(self, place: int, /) -> T_co: ...
    @overload
    def __getitem__(self, place: slice, /) -> tuple[T_co, ...]: ...
    def __getitem__(self, place: int | slice, /) -> Any:
        return self.items[place]


def change_of(row: SpellRow) -> AgendaChange:
    """The change with which a spell begins."""
    return AgendaChange(row.client, moment_of(row.starts), _health(row.before), Health(row.status), row.because)


def action_of(row: ActionRow) -> AgendaAction:
    """An action's row as a value."""
    due = moment_of(row.due)
    return AgendaAction(row.id, row.client, row.rule, row.message, due, row.about, row.owner or None, row.because)


def news_of(row: NewsRow) -> AgendaNews:
    """A row of news as a value."""
    before, after = _health(row.before), _health(row.after)
    return AgendaNews(row.seq, row.id, row.client, moment_of(row.at), before, after, row.position, row.because)


def _health(level: int | None) -> Health | None:
    return None if level is None else Health(level)
