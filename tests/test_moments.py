"""Instants and durations: what is read, what is refused, and how they are written."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_engine import days
from retention_engine.moments import (
    EARLIEST,
    LATEST,
    LONGEST,
    InstantError,
    duration,
    duration_text,
    in_utc,
    instant,
    instant_text,
)

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None) - MICROSECOND, timezones=st.just(UTC))


def refused(value: object) -> InstantError:
    with pytest.raises(InstantError) as caught:
        instant(value)  # type: ignore[arg-type]
    return caught.value


# Instants.


@given(MOMENTS)
def test_an_instant_that_is_written_is_read_back(moment):
    assert instant(instant_text(moment)) == moment
    assert instant_text(moment).endswith("Z")


@given(MOMENTS, OFFSETS, st.sampled_from("Tt "))
def test_an_instant_is_read_from_any_offset(moment, zone, separator):
    try:
        elsewhere = moment.astimezone(zone)
    except OverflowError:
        return
    read = instant(elsewhere.isoformat(separator))
    assert read == moment
    assert read.tzinfo is UTC


@given(MOMENTS, OFFSETS)
def test_an_aware_datetime_is_an_instant(moment, zone):
    assert instant(moment.astimezone(zone)) == moment


@given(st.dates(EARLIEST.date(), (LATEST - MICROSECOND).date()))
def test_a_date_is_its_midnight_in_utc(day):
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert instant(day) == instant(day.isoformat()) == midnight


@given(st.text(alphabet="0123456789-:.TtZz+ ,W/", max_size=30) | st.text(max_size=12))
def test_any_other_text_is_refused_in_words(text):
    try:
        moment = instant(text)
    except InstantError as error:
        refusal = error
    else:
        assert datetime.fromisoformat(text.upper()).replace(tzinfo=None) is not None
        assert EARLIEST <= moment < LATEST
        return
    assert refusal.code in {"bad-time", "naive-time", "out-of-range"}
    assert str(refusal).isprintable()


def test_digits_beyond_the_microsecond_are_cut_off():
    assert instant("2026-05-01T09:00:00.123456999Z") == datetime(2026, 5, 1, 9, 0, 0, 123456, UTC)
    assert instant("2026-05-01T09:00:00.5Z").microsecond == 500_000
    assert instant("2026-05-01T09:00:00." + "1" * 500 + "Z").microsecond == 111_111


def test_the_offset_is_taken_into_account():
    assert instant("2026-05-01T00:30:00+02:00") == datetime(2026, 4, 30, 22, 30, tzinfo=UTC)
    assert instant("2026-05-01T00:30:00-00:00") == datetime(2026, 5, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        ("2026-05-01T09:00:00", "naive-time", "write 2026-05-01T09:00:00Z if it is UTC"),
        (datetime(2026, 5, 1), "naive-time", "has no time zone"),  # noqa: DTZ001 - that is what is refused
        ("2026-05-01T09:00", "bad-time", "is not an RFC 3339 instant"),
        ("2026-05-01T09:00:00+0200", "bad-time", "is not an RFC 3339 instant"),
        ("2026-05-01T09:00:00+24:00", "bad-time", "is not an RFC 3339 instant"),
        ("2026-05-01T09:00:00+02:60", "bad-time", "is not an RFC 3339 instant"),
        ("2026-05-01Z", "bad-time", "is not an RFC 3339 instant"),
        ("2026-05-01\n", "bad-time", r"'2026-05-01\n' is not"),
        ("2026-05-01T09:00:60Z", "bad-time", "is a leap second"),
        ("2026-05-01T24:00:00Z", "bad-time", "write 00:00:00 of the next day"),
        ("2026-05-01T25:00:00Z", "bad-time", "no time that exists"),
        ("2026-04-31", "bad-time", "no time that exists"),
        (1_777_777_777, "wrong-type", "seconds since 1970 are not read"),
        (1.5, "wrong-type", "seconds since 1970 are not read"),
        (True, "wrong-type", "got true"),
        (None, "wrong-type", "got null"),
        (["2026-05-01"], "wrong-type", "got ['2026-05-01']"),
    ],
)
def test_what_is_no_instant_is_refused_with_a_reason(value, code, says):
    error = refused(value)
    assert error.code == code
    assert says in str(error)


@pytest.mark.parametrize(
    "text", ["1900-01-01", "1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2200-01-01T00:59:59+01:00"]
)
def test_instants_of_1900_to_2200_are_read(text):
    assert EARLIEST <= instant(text) < LATEST


@pytest.mark.parametrize(
    "value",
    [
        "1899-12-31T23:59:59.999999Z",
        "1900-01-01T00:59:59+01:00",
        "2200-01-01",
        "2199-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        date(1899, 12, 31),
        date(2200, 1, 1),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
    ],
)
def test_other_instants_are_out_of_range(value):
    assert refused(value).code == "out-of-range"


def test_february_29_exists_in_leap_years_alone():
    assert instant("2024-02-29").day == 29
    assert instant("2000-02-29").day == 29
    assert refused("1900-02-29").code == "bad-time"


# Datetimes that rules give.


def test_a_datetime_beyond_the_range_of_events_is_put_into_utc():
    assert in_utc(datetime(2300, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == datetime(2299, 12, 31, 23, tzinfo=UTC)
    assert in_utc(EARLIEST) is EARLIEST


def test_a_wall_clock_is_read_in_its_zone():
    berlin = ZoneInfo("Europe/Berlin")
    assert in_utc(datetime(2026, 7, 1, 9, tzinfo=berlin)) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    autumn = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    assert in_utc(autumn.replace(fold=1)) - in_utc(autumn) == timedelta(hours=1)


def test_a_zone_that_knows_no_offset_is_none():
    class Nowhere(tzinfo):
        def utcoffset(self, _):
            return None

    assert refused(datetime(2026, 5, 1, tzinfo=Nowhere())).code == "naive-time"


# Durations.


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30 days", timedelta(days=30)),
        ("30d", timedelta(days=30)),
        ("1 day", timedelta(days=1)),
        ("2 weeks", timedelta(weeks=2)),
        ("2w", timedelta(weeks=2)),
        ("12 hours", timedelta(hours=12)),
        ("12h", timedelta(hours=12)),
        ("90 minutes", timedelta(minutes=90)),
        ("90 min", timedelta(minutes=90)),
        ("90m", timedelta(minutes=90)),
        ("2 seconds", timedelta(seconds=2)),
        ("1 sec", timedelta(seconds=1)),
        ("30s", timedelta(seconds=30)),
        ("0d", timedelta(0)),
        ("  7   DAYS ", timedelta(days=7)),
        ("007d", timedelta(days=7)),
        ("36500d", LONGEST),
    ],
)
def test_durations_are_read(text, span):
    assert duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "d",
        "7 d d",
        "-7d",
        "+7d",
        "1.5d",
        "7 fortnights",
        "7d\n7d",
        "\u0667d",
        "7 \uff44",
        "1e3d",
        "P7D",
        "0x7d",
        "1_0d",
        "7months",
    ],
)
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(ValueError, match=r"is not a duration; write '30 days', '30d', '2 weeks' or '12 hours'"):
        duration(text)


@pytest.mark.parametrize("text", ["36501d", "5215w", "876001h", "999999w"])
def test_a_duration_of_more_than_a_century_is_refused(text):
    with pytest.raises(ValueError, match="is longer than 36,500 days"):
        duration(text)


def test_a_duration_of_too_many_digits_is_refused_in_a_short_message():
    with pytest.raises(ValueError, match="is not a duration") as caught:
        duration("9" * 10_000 + "d")
    assert len(str(caught.value)) < 200


@given(
    st.one_of(
        st.integers(0, 36_500 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
        st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
    )
)
def test_a_duration_that_is_written_is_read_back(span):
    count, unit = duration_text(span).split(" ")
    if len(count) <= 6:
        assert duration(duration_text(span)) == span
    assert unit.rstrip("s") in {"day", "hour", "minute", "second"}
    assert unit.endswith("s") is (count != "1")


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (days(1), "1 day"),
        (days(30), "30 days"),
        (days(1.5), "36 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=61), "61 minutes"),
        (timedelta(seconds=2), "2 seconds"),
        (timedelta(seconds=61), "61 seconds"),
        (timedelta(0), "0 days"),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_that_fits(span, text):
    assert duration_text(span) == text


def test_a_day_has_24_hours():
    assert days(1) == timedelta(hours=24)
    assert days(0.5) == timedelta(hours=12)


@pytest.mark.parametrize("given", ["2026-07-01", date(2026, 7, 1), None, 1_782_864_000])
def test_a_moment_is_a_datetime(given):
    with pytest.raises(InstantError, match=r"expected an aware datetime, got .*; instant\(\) reads a text") as refusal:
        in_utc(given)
    assert refusal.value.code == "wrong-type"
