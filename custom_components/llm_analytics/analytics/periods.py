"""Days, weeks, months and years of a home, as half-open spans of instants.

A local day runs from the first instant of its date to the first instant of the next date, in the
zone given, so it lasts 23 or 25 hours when clocks change. Nothing here adds 24 hours to anything,
and nothing reads a clock: the zone and "now" are always arguments. Weeks start on Monday.

A quarter of an hour of UTC (a *slot*) is the finest grain that aggregates keep. Every zone's
offset has been a multiple of 15 minutes since 2015, the earliest time an event may have, so a
slot never straddles two local days, nor two local hours (but for Antarctica/Casey, whose clocks
changed at one minute past midnight in 2020, 2021 and 2022).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SLOT_US = 15 * 60 * 1_000_000
_HOUR_US = 4 * SLOT_US
_DAY_US = 24 * _HOUR_US
DAY = timedelta(days=1)
# Later than any instant in µs.
FOREVER_US = 2**62


class Period(StrEnum):
    """The spans a report can cover."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Days:
    """Whole local days: ``first`` to ``last``, both included; empty if first is after last."""

    first: date
    last: date

    def __len__(self) -> int:
        """Return the number of days."""
        return max(0, (self.last - self.first).days + 1)

    def dates(self) -> list[date]:
        """Return every date, earliest first."""
        return [self.first + timedelta(days=offset) for offset in range(len(self))]


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time: start <= t < end, both aware."""

    start: datetime
    end: datetime


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 (UTC) of an aware datetime, exactly."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(microseconds: int, zone: tzinfo = UTC) -> datetime:
    """Return the instant ``microseconds`` after 1970 (UTC) as a datetime in ``zone``."""
    return (EPOCH + timedelta(microseconds=microseconds)).astimezone(zone)


class LocalHours:
    """Tells the hour that a clock in ``zone`` shows, for instants near each other quickly."""

    def __init__(self, zone: tzinfo) -> None:
        """Know no day yet."""
        self._zone = zone
        self._offsets: dict[int, int | None] = {}

    def hour(self, microseconds: int) -> int:
        """Return the local hour (0 to 23) of an instant in µs since 1970 (UTC)."""
        day = microseconds // _DAY_US
        if day not in self._offsets:
            first, last = (self._offset(day * _DAY_US), self._offset((day + 1) * _DAY_US))
            self._offsets[day] = first if first == last else None
        offset = self._offsets[day]
        if offset is None:  # a clock changes on that day
            offset = self._offset(microseconds)
        return (microseconds + offset) // _HOUR_US % 24

    def _offset(self, microseconds: int) -> int:
        offset = from_us(microseconds, self._zone).utcoffset()
        assert offset is not None
        return offset // MICROSECOND


def local_day(moment: datetime, zone: tzinfo) -> date:
    """Return the date that a clock in ``zone`` shows at ``moment``."""
    return moment.astimezone(zone).date()


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of ``day`` in ``zone``, in UTC.

    Where a clock change skips midnight this is the instant of the change; where it repeats
    midnight, the first of the two.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def day_span(days: Days, zone: tzinfo) -> Span:
    """Return the instants that whole local ``days`` cover."""
    return Span(midnight(days.first, zone), midnight(days.last + DAY, zone))


def last_days(count: int, *, today: date) -> Days:
    """Return the last ``count`` local days, ``today`` included."""
    return Days(today - timedelta(days=count - 1), today)


def to_date(period: Period, *, today: date) -> Days:
    """Return the days from the start of today's day, week or month up to ``today``."""
    return Days(period_days(period, today).first, today)


def period_days(period: Period, day: date) -> Days:
    """Return the whole calendar day, week, month or year that ``day`` lies in.

    Raises ValueError for ``all`` and ``custom``, which no calendar defines.
    """
    match period:
        case Period.DAY:
            return Days(day, day)
        case Period.WEEK:
            monday = day - timedelta(days=day.weekday())
            return Days(monday, monday + timedelta(days=6))
        case Period.MONTH:
            first = day.replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
            return Days(first, after - DAY)
        case Period.YEAR:
            return Days(day.replace(month=1, day=1), day.replace(month=12, day=31))
        case _:
            raise ValueError(f"no calendar defines the period {period}")
