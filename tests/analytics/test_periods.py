"""Days, weeks, months and years of a home, whatever its clocks do."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

import pytest

from custom_components.llm_analytics.analytics.periods import (
    DAY,
    SLOT_US,
    Days,
    LocalHours,
    Period,
    Span,
    day_span,
    from_us,
    last_days,
    local_day,
    midnight,
    period_days,
    to_date,
    to_us,
)

FIRST, LAST = date(2015, 1, 1), date(2037, 12, 31)
ZONES = sorted(available_timezones())


def hours(day: date, zone: str) -> float:
    span = day_span(Days(day, day), ZoneInfo(zone))
    return (span.end - span.start) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", date(2026, 3, 28), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("UTC", date(2026, 3, 29), 24),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
        # Clocks change at midnight itself.
        ("America/Havana", date(2026, 3, 8), 23),
        ("America/Havana", date(2026, 11, 1), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Asia/Beirut", date(2026, 3, 29), 23),
        ("Asia/Beirut", date(2026, 10, 24), 25),
        ("Atlantic/Azores", date(2026, 3, 29), 23),
        ("Atlantic/Azores", date(2026, 10, 25), 25),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: date, length: float) -> None:
    assert hours(day, zone) == length


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("Europe/Berlin", date(2026, 7, 1), "2026-06-30T22:00:00+00:00"),
        ("Europe/Berlin", date(2026, 1, 1), "2025-12-31T23:00:00+00:00"),
        ("Asia/Kathmandu", date(2026, 1, 1), "2025-12-31T18:15:00+00:00"),
        # Skipped: the clock goes from 23:59:59 straight to 01:00.
        ("America/Havana", date(2026, 3, 8), "2026-03-08T05:00:00+00:00"),
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00:00+00:00"),
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00:00+00:00"),
        ("Atlantic/Azores", date(2026, 3, 29), "2026-03-29T01:00:00+00:00"),
        # Repeated: of two midnights (Havana) the first is meant.
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00+00:00"),
        # The clock goes back at midnight to 23:00, so the day begins after the second 23:59:59.
        ("Africa/Cairo", date(2026, 10, 30), "2026-10-29T22:00:00+00:00"),
        ("Asia/Beirut", date(2026, 10, 25), "2026-10-24T22:00:00+00:00"),
        # Back at 01:00 to 00:00: midnight comes twice.
        ("Atlantic/Azores", date(2026, 10, 25), "2026-10-25T00:00:00+00:00"),
    ],
)
def test_midnight_is_the_first_instant_of_the_day(zone: str, day: date, instant: str) -> None:
    assert midnight(day, ZoneInfo(zone)).isoformat() == instant


def changes(zone: tzinfo) -> list[datetime]:
    """Return the instants at which a zone's offset changes, found by halving weeks."""
    found = []
    low = datetime(2015, 1, 1, tzinfo=UTC)
    while low.date() <= LAST:
        high = low + timedelta(days=7)
        offset = low.astimezone(zone).utcoffset()
        if high.astimezone(zone).utcoffset() != offset:
            before, after = low, high
            while after - before > timedelta(seconds=1):
                middle = before + (after - before) // 2
                middle = middle.replace(microsecond=0)
                if middle.astimezone(zone).utcoffset() == offset:
                    before = middle
                else:
                    after = middle
            found.append(after)
        low = high
    return found


def test_no_zone_lets_a_slot_straddle_two_days() -> None:
    """Hold the rule that every aggregate of quarters relies on, for all zones there are."""
    slot = timedelta(microseconds=SLOT_US)
    assert slot == timedelta(minutes=15)
    within_a_slot = []
    for name in ZONES:
        zone = ZoneInfo(name)
        for instant in (datetime(2015, 1, 1, tzinfo=UTC), *changes(zone)):
            offset = instant.astimezone(zone).utcoffset()
            assert offset is not None
            assert offset % slot == timedelta(0), (name, instant, offset)
            start = from_us(to_us(instant) // SLOT_US * SLOT_US)
            end = start + slot - timedelta(microseconds=1)
            assert local_day(start, zone) == local_day(end, zone), (name, instant)
            if start != instant:
                within_a_slot.append((name, instant.year))
    assert within_a_slot == [("Antarctica/Casey", year) for year in (2020, 2021, 2022)]


def test_midnight_is_the_first_instant_of_its_day_in_every_zone() -> None:
    """Sample every zone around each change of its clocks and every 97 days between them."""
    instant = timedelta(microseconds=1)
    regular = [FIRST + timedelta(days=n) for n in range(0, (LAST - FIRST).days + 1, 97)]
    for name in ZONES:
        zone = ZoneInfo(name)
        around = [
            local_day(change, zone) + timedelta(days=offset)
            for change in changes(zone)[:12]
            for offset in (-1, 0, 1)
        ]
        for day in (*regular, *around):
            first = midnight(day, zone)
            assert first.astimezone(zone).date() == day, (name, day)
            assert (first - instant).astimezone(zone).date() == day - DAY, (name, day)
            assert to_us(first) % SLOT_US == 0, (name, day)


def test_days_of_a_span_touch_without_gap_or_overlap() -> None:
    zone = ZoneInfo("Europe/Berlin")
    days = Days(date(2026, 3, 28), date(2026, 3, 30))
    spans = [day_span(Days(day, day), zone) for day in days.dates()]
    assert day_span(days, zone) == Span(spans[0].start, spans[-1].end)
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert spans[0].start.tzinfo is UTC


def test_days_count_both_ends() -> None:
    days = Days(date(2026, 2, 27), date(2026, 3, 1))
    assert len(days) == 3
    assert days.dates() == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]


def test_days_from_late_to_early_are_empty() -> None:
    days = Days(date(2026, 3, 2), date(2026, 3, 1))
    assert len(days) == 0
    assert days.dates() == []
    assert len(Days(date(2026, 3, 9), date(2026, 3, 1))) == 0


@pytest.mark.parametrize(
    ("moment", "microseconds"),
    [
        ("1970-01-01T00:00:00+00:00", 0),
        ("1970-01-01T00:00:00.000001+00:00", 1),
        ("1969-12-31T23:59:59.999999+00:00", -1),
        ("2026-10-25T02:30:00.123456+02:00", 1_792_888_200_123_456),
        ("2026-10-25T02:30:00.123456+01:00", 1_792_891_800_123_456),
    ],
)
def test_microseconds_are_exact_both_ways(moment: str, microseconds: int) -> None:
    instant = datetime.fromisoformat(moment)
    assert to_us(instant) == microseconds
    assert from_us(microseconds) == instant
    assert from_us(microseconds).tzinfo is UTC


def test_an_instant_is_shown_in_the_zone_asked_for() -> None:
    shown = from_us(1_792_891_800_000_000, ZoneInfo("Europe/Berlin"))
    assert shown.isoformat() == "2026-10-25T02:30:00+01:00"


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", date(2026, 10, 24)),
        ("Europe/Berlin", date(2026, 10, 25)),
        ("America/New_York", date(2026, 10, 24)),
        ("Pacific/Kiritimati", date(2026, 10, 25)),
    ],
)
def test_the_local_day_is_what_the_home_s_clock_shows(zone: str, day: date) -> None:
    moment = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    assert local_day(moment, ZoneInfo(zone)) == day


@pytest.mark.parametrize(
    ("count", "first"),
    [(1, date(2026, 3, 1)), (2, date(2026, 2, 28)), (30, date(2026, 1, 31))],
)
def test_last_days_include_today(count: int, first: date) -> None:
    days = last_days(count, today=date(2026, 3, 1))
    assert days == Days(first, date(2026, 3, 1))
    assert len(days) == count


@pytest.mark.parametrize("offset", range(7))
def test_week_runs_from_monday_to_sunday_across_dst(offset: int) -> None:
    day = date(2026, 3, 23) + timedelta(days=offset)
    week = period_days(Period.WEEK, day)
    assert week == Days(date(2026, 3, 23), date(2026, 3, 29))
    span = day_span(week, ZoneInfo("Europe/Berlin"))
    assert span.end - span.start == timedelta(days=7, hours=-1)


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        (Period.DAY, "2026-02-14", "2026-02-14", "2026-02-14"),
        (Period.WEEK, "2026-01-01", "2025-12-29", "2026-01-04"),
        (Period.MONTH, "2026-02-14", "2026-02-01", "2026-02-28"),
        (Period.MONTH, "2024-02-29", "2024-02-01", "2024-02-29"),
        (Period.MONTH, "2026-01-31", "2026-01-01", "2026-01-31"),
        (Period.MONTH, "2026-04-30", "2026-04-01", "2026-04-30"),
        (Period.MONTH, "2026-12-31", "2026-12-01", "2026-12-31"),
        (Period.YEAR, "2024-02-29", "2024-01-01", "2024-12-31"),
        (Period.YEAR, "2026-12-31", "2026-01-01", "2026-12-31"),
    ],
)
def test_a_period_is_the_calendar_s(period: Period, day: str, first: str, last: str) -> None:
    assert period_days(period, date.fromisoformat(day)) == Days(
        date.fromisoformat(first), date.fromisoformat(last)
    )


@pytest.mark.parametrize(
    ("period", "first"),
    [
        (Period.DAY, date(2026, 10, 15)),
        (Period.WEEK, date(2026, 10, 12)),
        (Period.MONTH, date(2026, 10, 1)),
        (Period.YEAR, date(2026, 1, 1)),
    ],
)
def test_a_running_period_ends_today(period: Period, first: date) -> None:
    today = date(2026, 10, 15)
    assert to_date(period, today=today) == Days(first, today)


@pytest.mark.parametrize("period", [Period.ALL, Period.CUSTOM])
def test_no_calendar_defines_all_and_custom(period: Period) -> None:
    with pytest.raises(ValueError, match=f"no calendar defines the period {period}"):
        period_days(period, date(2026, 10, 15))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"])
def test_local_hours_are_the_clock_s_also_where_it_changes(zone: str) -> None:
    clock = LocalHours(ZoneInfo(zone))
    first = to_us(datetime(2024, 1, 1, tzinfo=UTC))
    for slot in range(366 * 96):
        moment = first + slot * SLOT_US
        assert clock.hour(moment) == from_us(moment, ZoneInfo(zone)).hour
