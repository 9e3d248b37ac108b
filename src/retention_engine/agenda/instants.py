"""Instants as the agenda's tables hold them: whole microseconds since 1970."""

from datetime import UTC, datetime, timedelta

from ..moments import in_utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def number(moment: datetime) -> int:
    """An instant as a number."""
    span = in_utc(moment) - EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def moment_of(number: int) -> datetime:
    """The instant that a number stands for."""
    return EPOCH + timedelta(microseconds=number)
