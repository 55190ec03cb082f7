"""Reading what trends, comparisons, anomalies and forecasts are made from."""

from datetime import date, datetime
from fractions import Fraction
import sqlite3
from zoneinfo import ZoneInfo

from ..anomalies import Anomalies
from ..errors import EventsRemovedError
from ..forecast import REFERENCE_DAYS, Forecast, month_forecast
from ..periods import (
    DAY,
    Days,
    Period,
    Span,
    day_span,
    from_us,
    last_days,
    midnight,
    to_date,
)
from ..totals import Filter, Totals
from ..trends import (
    Comparison,
    Heatmap,
    Interval,
    Metric,
    PeakHours,
    Trend,
    Weekdays,
    interval_start,
    interval_starts,
    metric_value,
    same_time_on,
    weekday_number,
)
from . import answers, filters, queries
from .aggregates import Dimension
from .daily import day_totals, seen_days
from .filters import Chosen
from .names import NONE
from .queries import Window


def trend(
    db: sqlite3.Connection,
    metric: Metric,
    count: int,
    interval: Interval,
    wanted: Filter,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Trend:
    """Return a metric over the last ``count`` local days."""
    chosen = filters.choose(db, wanted)
    window = last_days(count, today=now.astimezone(zone).date())
    days = seen_days(db, window)
    rows = day_totals(db, days, chosen, zone)
    starts = interval_starts(interval, days)
    points = dict.fromkeys(starts, 0)
    if metric is Metric.DEVICES:
        devices: dict[date, set[int | None]] = {start: set() for start in starts}
        for ordinal, device in queries.sums(
            db, Window(days), chosen, group=Dimension.DEVICE, by_day=True, zone=zone
        ):
            assert ordinal is not None
            if device != NONE:
                devices[interval_start(interval, date.fromordinal(ordinal))].add(device)
        points = {start: len(found) for start, found in devices.items()}
    else:
        for day, totals in rows.items():
            points[interval_start(interval, day)] += metric_value(metric, totals)
    return Trend(
        metric=metric,
        period_days=count,
        window=window,
        points=list(points.items()),
        days=len(days),
        unpriced=sum(totals.unpriced for totals in rows.values()),
        filter=wanted,
    )


def comparison(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> Comparison:
    """Return the last ``count`` days against those before."""
    chosen = filters.choose(db, wanted)
    today = now.astimezone(zone).date()
    current = last_days(count, today=today)
    previous = last_days(count, today=today - count * DAY)
    current_totals = answers.total(db, Window(current), chosen, zone)
    return Comparison(
        period_days=count,
        current_days=current,
        previous_days=previous,
        current=_metrics(db, current, current_totals, chosen, zone),
        previous=_metrics(
            db, previous, answers.total(db, Window(previous), chosen, zone), chosen, zone
        ),
        to_same_time=to_same_time(db, previous, chosen, now.astimezone(zone), zone),
        unpriced=current_totals.unpriced,
        filter=wanted,
    )


def _metrics(
    db: sqlite3.Connection, days: Days, totals: Totals, chosen: Chosen | None, zone: ZoneInfo
) -> dict[Metric, int]:
    devices = answers.unique_devices(db, Window(days), chosen, zone)
    return {metric: metric_value(metric, totals, devices) for metric in Metric}


def to_same_time(
    db: sqlite3.Connection, days: Days, chosen: Chosen | None, now: datetime, zone: ZoneInfo
) -> dict[Metric, int]:
    """Return the figures of ``days`` up to the present time of day on the last of them.

    ``now`` is in the home's zone.
    """
    cut = Span(midnight(days.last, zone), same_time_on(days.last, now))
    whole = Window(Days(days.first, days.last - DAY))
    before = answers.total(db, whole, chosen, zone)
    tokens, cost, requests = before.tokens, before.cost, before.requests
    figures: dict[Metric, int] = {}
    try:
        for _, count, prompt, response, picos in queries.slots(db, chosen, cut, zone):
            requests += count
            tokens += prompt + response
            cost += picos
    except EventsRemovedError:
        return figures
    figures = {Metric.REQUESTS: requests, Metric.USAGE: tokens, Metric.COST: cost}
    try:
        found = queries.slot_devices(db, chosen, cut, zone)
    except EventsRemovedError:
        return figures
    earlier = queries.sums(db, whole, chosen, group=Dimension.DEVICE, zone=zone)
    found |= {key for _, key in earlier if key is not None}
    figures[Metric.DEVICES] = len(found - {NONE})
    return figures


def peak_hours(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> PeakHours:
    """Return requests and tokens by hour of the local clock over the last ``count`` days."""
    days = last_days(count, today=now.astimezone(zone).date())
    chosen = filters.choose(db, wanted)
    hours = answers.hours(db, days, chosen, zone)
    return PeakHours(period_days=count, hours=hours, filter=wanted)


def weekdays(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> Weekdays:
    """Return requests and tokens by weekday over the last ``count`` days."""
    days = last_days(count, today=now.astimezone(zone).date())
    rows = day_totals(db, days, filters.choose(db, wanted), zone)
    return Weekdays(period_days=count, days=list(rows.items()), filter=wanted)


def heatmap(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> Heatmap:
    """Return sums by weekday and hour of the local clock over the last ``count`` days."""
    days = last_days(count, today=now.astimezone(zone).date())
    requests, tokens, cost = ([[0] * 24 for _ in range(7)] for _ in range(3))
    chosen = filters.choose(db, wanted)
    for time, number, prompt, response, picos in queries.slots(
        db, chosen, day_span(days, zone), zone
    ):
        moment = from_us(time, zone)
        weekday, hour = weekday_number(moment.date()), moment.hour
        requests[weekday][hour] += number
        tokens[weekday][hour] += prompt + response
        cost[weekday][hour] += picos
    return Heatmap(requests, tokens, cost)


def anomalies(
    db: sqlite3.Connection,
    count: int,
    threshold: Fraction,
    wanted: Filter,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Anomalies:
    """Return the days out of the ordinary among the last ``count``."""
    today = now.astimezone(zone).date()
    days = seen_days(db, last_days(count, today=today))
    chosen = filters.choose(db, wanted)
    *complete, last = day_totals(db, Days(min(days.first, today), today), chosen, zone).items()
    return Anomalies(
        period_days=count, threshold=threshold, days=complete, today=last, filter=wanted
    )


def forecast(db: sqlite3.Connection, *, now: datetime, zone: ZoneInfo) -> Forecast:
    """Return the month-end projection of tokens and cost."""
    today = now.astimezone(zone).date()
    month = to_date(Period.MONTH, today=today)
    reference = seen_days(db, last_days(REFERENCE_DAYS, today=today - DAY))
    days = Days(min(month.first, reference.first), today)
    return month_forecast(today, day_totals(db, days, Chosen(), zone), reference.dates())
