"""Reading statistics by model, endpoint, tag, user, device and day."""

from datetime import date, datetime
from fractions import Fraction
import sqlite3
from zoneinfo import ZoneInfo

from ..breakdowns import (
    Breakdown,
    By,
    DeviceDay,
    DeviceSummary,
    Series,
    UserStatistics,
    model_name,
)
from ..errors import NotFoundError
from ..models import ANONYMOUS
from ..money import rounded
from ..periods import (
    DAY,
    MICROSECOND,
    SLOT_US,
    Days,
    Span,
    day_span,
    from_us,
    last_days,
    midnight,
)
from ..places import NOBODY, Directory
from ..reports import DeviceTotals, UserTotals
from ..totals import Filter, Totals, sum_totals
from ..trends import Interval, Metric, interval_start, interval_starts
from . import answers, filters, queries, trends
from .aggregates import Dimension, split_user_model
from .daily import day_totals
from .filters import Chosen
from .names import NONE
from .queries import Window

_ALL = Chosen()


def window(
    db: sqlite3.Connection,
    start: datetime | None,
    end: datetime | None,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Window:
    """Return the window from start to end; a bound left out reaches to the ledger's own end.

    Raises EventsRemovedError for a bound inside a day whose events are gone.
    """
    answers.check_bounds(db, start, end, zone)
    today = now.astimezone(zone).date()
    first = queries.first_day(db) or today
    # Whole days from the ledger's first day on, so frozen days are in, up to tomorrow's events
    # of a clock that is a little ahead.
    low = start if start is not None else midnight(first, zone)
    high = end if end is not None else midnight(today + 2 * DAY, zone)
    if low >= high:
        return Window(None)
    return queries.window(Span(low, high), zone)


def tags(db: sqlite3.Connection, wanted: Window, zone: ZoneInfo) -> list[tuple[str, Totals]]:
    """Return the sums by tag, by name."""
    rows = queries.sums(db, wanted, _ALL, group=Dimension.TAG, zone=zone)
    known = filters.names(db, "tag")
    return sorted((known[key][0], totals) for (_, key), totals in rows.items() if key is not None)


def users(
    db: sqlite3.Connection, wanted: Window, zone: ZoneInfo, directory: Directory = NOBODY
) -> list[UserStatistics]:
    """Return the statistics of every user."""
    rows = queries.sums(db, wanted, _ALL, group=Dimension.USER_MODEL, zone=zone)
    names, models = filters.names(db, "user"), filters.names(db, "model")
    totals: dict[int, Totals] = {}
    used: dict[int, list[str]] = {}
    for (_, key), sums in rows.items():
        assert key is not None
        user, model = split_user_model(key)
        totals[user] = totals.get(user, Totals()) + sums
        if models[model][1] is not None:
            used.setdefault(user, []).append(model_name(*models[model]))
    ids = {user: names[user][0] if user else None for user in totals}
    return [
        UserStatistics(
            UserTotals(ids[user], sums, directory.user_name(ids[user])), used.get(user, [])
        )
        for user, sums in totals.items()
    ]


def device_day(db: sqlite3.Connection, device: str, day: date, zone: ZoneInfo) -> DeviceDay:
    """Return what a device did on one local day."""
    chosen = filters.choose(db, Filter(device=device))
    rows = answers.endpoints(db, Window(Days(day, day)), chosen, zone)
    return DeviceDay(
        day,
        device,
        sum_totals(row.totals for row in rows),
        {row.endpoint: row.totals for row in rows},
    )


def device_summary(
    db: sqlite3.Connection,
    device: str,
    count: int,
    *,
    now: datetime,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
) -> DeviceSummary:
    """Return what a device did over the last days. Raises NotFoundError if never seen."""
    wanted = Filter(device=device)
    chosen = filters.choose(db, wanted)
    if chosen is None:
        raise NotFoundError("device", device.partition(":")[2])
    days = last_days(count, today=now.astimezone(zone).date())
    rows = day_totals(db, days, chosen, zone)
    trend = trends.trend(db, Metric.USAGE, count, Interval.DAY, wanted, now=now, zone=zone)
    hours = answers.hours(db, days, chosen, zone)
    totals = sum_totals(rows.values())
    name = filters.names(db, "device")[chosen.device or NONE][1]
    seen = trend.days
    return DeviceSummary(
        device=DeviceTotals(device, name, totals, directory.device(device)),
        days=list(rows.items()),
        direction=trend.direction,
        change_percent=rounded(trend.change),
        average_daily_tokens=rounded(Fraction(totals.tokens, seen)) if seen else 0,
        peak_hours=answers.peak_hours(hours),
        hours=hours,
    )


def hourly(db: sqlite3.Connection, days: Days | None, zone: ZoneInfo) -> list[int]:
    """Return requests by hour of the local clock, over the whole ledger without ``days``."""
    if days is None:
        first, last = db.execute(
            "SELECT MIN(slot), MAX(slot) FROM agg_slot WHERE dimension = ?", (Dimension.TOTAL,)
        ).fetchone()
        if first is None:
            return [0] * 24
        span = Span(from_us(first * SLOT_US), from_us((last + 1) * SLOT_US))
        counts = answers.span_hours(db, span, _ALL, zone)
    else:
        counts = answers.hours(db, days, _ALL, zone)
    return [count for count, _ in counts]


_GROUPS = {
    By.DEVICE: Dimension.DEVICE,
    By.PROVIDER: Dimension.MODEL,
    By.MODEL: Dimension.MODEL,
    By.ENDPOINT: Dimension.ENDPOINT,
    By.USER: Dimension.USER,
    By.TAG: Dimension.TAG,
}


def breakdown(
    db: sqlite3.Connection,
    by: By,
    interval: Interval,
    top: int,
    wanted: Window,
    *,
    today: date,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
) -> Breakdown:
    """Return sums by one dimension and point in time; nothing of tomorrow, as in every chart."""
    rows = queries.sums(db, wanted, _ALL, group=_GROUPS[by], by_day=True, zone=zone)
    found: dict[tuple[str | None, str | None], dict[date, Totals]] = {}
    known = filters.names(db, _GROUPS[by].name.lower())
    days = _covered(db, wanted, today=today, zone=zone)
    for (ordinal, key), totals in rows.items():
        assert ordinal is not None
        if ordinal > today.toordinal():  # a clock a little ahead
            continue
        name = _identity(by, known.get(key or NONE), directory)
        point = interval_start(interval, date.fromordinal(ordinal))
        points = found.setdefault(name, {})
        points[point] = points.get(point, Totals()) + totals
    return Breakdown(
        by=by,
        interval=interval,
        points=interval_starts(interval, days),
        series=[Series(*name, points) for name, points in found.items()],
        top=top,
    )


def seen(db: sqlite3.Connection, by: By, directory: Directory) -> dict[str, str | None]:
    """Return every key of a dimension, as a filter takes it, with its name."""
    rows: list[tuple[str | None, ...] | None] = [None] if by is By.USER else []
    rows.extend(filters.names(db, _GROUPS[by].name.lower()).values())
    named = [_identity(by, row, directory) for row in rows]
    return {key: name for key, name in named if key is not None}


def _identity(
    by: By, row: tuple[str | None, ...] | None, directory: Directory
) -> tuple[str | None, str | None]:
    """Return a series' key and name."""
    if row is None:
        return (ANONYMOUS, ANONYMOUS) if by is By.USER else (None, None)
    match by:
        case By.DEVICE:
            return row[0], row[1] or directory.device(row[0]).name
        case By.USER:
            return row[0], directory.user_name(row[0]) or row[0]
        case By.PROVIDER:
            return row[0], row[0]
        case By.MODEL:
            name = model_name(row[0] or "", row[1])
            return name, name
        case _:
            return row[0], row[0]


def _covered(db: sqlite3.Connection, wanted: Window, *, today: date, zone: ZoneInfo) -> Days:
    """Return the local days of a window, from the ledger's first day up to today."""
    parts = [day_span(wanted.days, zone)] if wanted.days is not None else []
    parts += wanted.edges
    first = queries.first_day(db)
    if first is None or not parts:
        return Days(today + DAY, today)
    low = min(part.start for part in parts).astimezone(zone).date()
    high = max(part.end for part in parts) - MICROSECOND
    return Days(max(low, first), min(high.astimezone(zone).date(), today))
