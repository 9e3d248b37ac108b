"""Instants as other programs write them: in a format of their own, in a time zone, in seconds since 1970."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ..errors import shown
from ..moments import InstantError, in_utc, instant

UNIX_FORMATS = ("unix", "unix-ms")
_UNIX_START = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_NUMBER = re.compile(r"\d{1,15}(\.\d+)?", re.ASCII)
_FEWEST_MILLISECONDS = 10**11  # 1973; a smaller number counts seconds
_TIME_OF_DAY = re.compile(r"%[HIMSpfXcTR]")


def instant_from(text: str, *, written: str | None = None, zone: ZoneInfo | None = None) -> datetime:
    """An instant in UTC from a text.

    A date without a time of day is that day's midnight UTC, whatever the zone: a day stays the day that it is.

    Args:
        text: the text.
        written: a format of `strptime`, `unix` (seconds since 1970) or `unix-ms`; RFC 3339 if `None`.
        zone: the time zone of what carries no offset.

    Raises:
        InstantError: the text is no such instant, has no offset and no zone is known, or never was, or was twice, on
            the clocks of the zone.
    """
    if written in UNIX_FORMATS:
        return instant(_since_1970(text, milliseconds=written == "unix-ms"))
    if written is not None:
        return instant(_placed(_parsed(text, written), text, written, zone))
    try:
        return instant(text)
    except InstantError as error:
        if error.code != "naive-time" or zone is None:
            raise
    return instant(_in_zone(_naive(text), zone))


def _since_1970(text: str, *, milliseconds: bool) -> datetime:
    if not _UNIX_NUMBER.fullmatch(text):
        raise InstantError("bad-time", f"{shown(text)} is no number of {'milli' * milliseconds}seconds since 1970")
    count = float(text)
    if milliseconds and count < _FEWEST_MILLISECONDS:
        raise InstantError("out-of-range", f"{shown(text)} is too small for milliseconds since 1970; are they seconds?")
    try:
        return _UNIX_START + (timedelta(milliseconds=count) if milliseconds else timedelta(seconds=count))
    except OverflowError:
        hint = "" if milliseconds else "; are they milliseconds?"
        raise InstantError("out-of-range", f"{shown(text)} seconds since 1970 is too far away{hint}") from None


def _parsed(text: str, written: str) -> datetime:
    with suppress(ValueError):
        if text.isascii():  # strptime takes the digits of every script
            return datetime.strptime(text, written)  # noqa: DTZ007 - the zone is looked at next
    raise InstantError("bad-time", f"{shown(text)} is no time that is written {written!r}")


def _placed(moment: datetime, text: str, written: str, zone: ZoneInfo | None) -> datetime:
    if moment.tzinfo is not None:
        return moment
    if not _TIME_OF_DAY.search(written):
        return moment.replace(tzinfo=UTC)
    if zone is None:
        raise InstantError("naive-time", f"{shown(text)} has no offset; name the zone of these times, timezone = ...")
    return _in_zone(moment, zone)


def _naive(text: str) -> datetime:
    """A time that `instant` took for one without an offset."""
    if text[11:13] == "24":  # later versions of Python read it, earlier ones don't
        raise InstantError("bad-time", f"{shown(text)} has the hour 24; write 00:00:00 of the next day")
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise InstantError("bad-time", f"{shown(text)} is no time that exists: {error}") from None


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks of a zone showed a time, if there was exactly one."""
    first, second = (in_utc(moment.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first == second:
        return first
    shown_then = first.astimezone(zone).replace(tzinfo=None)
    if shown_then != moment:
        reason = f"{moment.isoformat(' ')} never was on the clocks of {zone.key}: they were put forward then"
        raise InstantError("no-such-time", reason)
    reason = f"{moment.isoformat(' ')} was twice on the clocks of {zone.key}: they were put back then"
    raise InstantError("ambiguous-time", f"{reason}; write it with an offset")
