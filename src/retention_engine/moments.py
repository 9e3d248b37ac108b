"""Instants and durations: read strictly, kept in UTC, written one way."""

import re
from datetime import UTC, date, datetime, timedelta

from .errors import RetentionError, shown

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=36_500)

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ](?P<hour>\d\d):\d\d:(?P<second>\d\d)(?:\.\d+)?(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?",
    re.ASCII,
)
_DURATION = re.compile(r"(\d{1,6})\s*([a-z]+)", re.ASCII)
_UNITS = {
    unit: timedelta(**{name: 1})
    for name, units in {
        "weeks": ("w", "week", "weeks"),
        "days": ("d", "day", "days"),
        "hours": ("h", "hour", "hours"),
        "minutes": ("m", "min", "minute", "minutes"),
        "seconds": ("s", "sec", "second", "seconds"),
    }.items()
    for unit in units
}


class InstantError(RetentionError, ValueError):
    """A text or value is no instant; `code` is a stable word for why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def instant(value: str | date | datetime) -> datetime:
    """Read an instant: RFC 3339 with an offset, a bare date (its midnight UTC), or an aware datetime.

    Returns an aware datetime in UTC. Digits beyond the microsecond are cut off.

    Raises:
        InstantError: the value has no offset, is malformed, or lies outside 1900 to 2200.
    """
    if isinstance(value, str):
        moment = _read(value)
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    else:
        hint = "; seconds since 1970 are not read" if type(value) in {int, float} else ""
        raise InstantError("wrong-type", f"expected an RFC 3339 instant as text, got {shown(value)}{hint}")
    moment = in_utc(moment)
    if not EARLIEST <= moment < LATEST:
        raise InstantError("out-of-range", f"{str(value)[:40]} lies outside the years 1900 to 2200")
    return moment


def in_utc(moment: datetime) -> datetime:
    """An aware datetime in UTC, whatever its year.

    Raises:
        InstantError: it is no datetime, has no time zone, or lies outside the years that Python knows.
    """
    if not isinstance(moment, datetime):
        raise InstantError("wrong-type", f"expected an aware datetime, got {shown(moment)}; instant() reads a text")
    if moment.tzinfo is UTC:
        return moment
    if moment.utcoffset() is None:
        raise InstantError("naive-time", f"{moment.isoformat()} has no time zone; give one, such as UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InstantError("out-of-range", f"{moment.isoformat()} lies outside the years 1 to 9999 in UTC") from None


def _read(text: str) -> datetime:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise InstantError(
            "bad-time",
            f"{shown(text)} is not an RFC 3339 instant; write 2026-06-30T09:00:00Z, or 2026-06-30 for midnight UTC",
        )
    if match["second"] is not None and match["offset"] is None:
        brief = text[:26]
        raise InstantError(
            "naive-time", f"{brief!r} has no offset; write {brief}Z if it is UTC, else {brief}+02:00 or the like"
        )
    if match["second"] == "60":
        raise InstantError("bad-time", f"{shown(text)} is a leap second; write the second before or after it")
    if match["hour"] == "24":  # later versions of Python read it, earlier ones don't
        raise InstantError("bad-time", f"{shown(text)} has the hour 24; write 00:00:00 of the next day")
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise InstantError("bad-time", f"{shown(text)} is no time that exists: {error}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def instant_text(moment: datetime) -> str:
    """Write an instant in UTC with a `Z`: `2026-06-30T09:00:00Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def duration(text: str) -> timedelta:
    """Read a duration: `30 days`, `30d`, `2 weeks`, `12h`, `90 minutes`, `2 seconds`.

    Raises:
        ValueError: the text is no such duration, or one of more than 36,500 days.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{shown(text)} is not a duration; write '30 days', '30d', '2 weeks' or '12 hours'")
    span = int(match[1]) * _UNITS[match[2]]
    if span > LONGEST:
        raise ValueError(f"{shown(text)} is longer than {LONGEST.days:,} days")
    return span


def duration_text(span: timedelta) -> str:
    """Write a duration so that `duration` reads it back: `30 days`, `1 day`, `36 hours`."""
    seconds = round(span / timedelta(seconds=1))
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    raise AssertionError(span)  # pragma: no cover - every whole number is a multiple of one


def days(count: float) -> timedelta:
    """A duration of so many days of exactly 24 hours."""
    return timedelta(days=count)
