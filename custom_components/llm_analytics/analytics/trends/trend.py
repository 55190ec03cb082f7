"""One metric over time: points, direction and volatility."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..money import rounded
from ..periods import Days, last_days
from ..store import filters
from ..store.aggregates import Dimension
from ..store.day_sums import Window, days_seen, read_day_totals, read_sums
from ..store.dimensions import NONE
from ..totals import Filter, Json
from .metrics import Interval, Metric, interval_start, interval_starts, metric_shown, metric_value
from .robust_statistics import deviation, mean, percent_change, shown_amount

_STABLE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A metric over time. ``points`` are (first day, figure), one per interval."""

    metric: Metric
    period_days: int
    window: Days
    points: Sequence[tuple[date, int]]
    days: int
    unpriced: int
    filter: Filter

    @property
    def change(self) -> Fraction:
        """Return the change in per cent from the first half of the points to the second."""
        half = len(self.points) // 2
        if not half:
            return Fraction(0)
        values = [value for _, value in self.points]
        return percent_change(mean(values[:half]), mean(values[half:]))

    @property
    def direction(self) -> str:
        """Return "up", "down" or "stable"."""
        return direction(self.change)

    @property
    def volatility(self) -> Fraction:
        """Return the coefficient of variation in per cent, 0 where there is no mean."""
        values = [value for _, value in self.points]
        centre = mean(values)
        return 100 * deviation(values) / centre if centre else Fraction(0)

    def as_dict(self) -> dict[str, Json]:
        """Return the trend as the API writes it."""
        money = self.metric is Metric.COST
        total = sum(value for _, value in self.points)
        # max and min return the first of equals, so ties go to the earliest date.
        peak = max(self.points, key=lambda point: point[1], default=(None, 0))
        least = min(self.points, key=lambda point: point[1], default=(None, 0))
        return {
            "metric": self.metric,
            "period_days": self.period_days,
            "start_date": self.window.first.isoformat(),
            "end_date": self.window.last.isoformat(),
            "data_points": [
                {"date": day.isoformat(), "value": metric_shown(self.metric, value)}
                for day, value in self.points
            ],
            "trend_direction": self.direction,
            "change_percent": rounded(self.change),
            "average_daily": shown_amount(
                Fraction(total, self.days) if self.days else 0, money=money
            ),
            "total": metric_shown(self.metric, total),
            "peak_value": metric_shown(self.metric, peak[1]),
            "peak_date": None if peak[0] is None else peak[0].isoformat(),
            "min_value": metric_shown(self.metric, least[1]),
            "min_date": None if least[0] is None else least[0].isoformat(),
            "volatility": rounded(self.volatility),
            "unpriced_requests": self.unpriced,
            "filter_device_ip": self.filter.device_ip,
        }


def direction(change: Fraction) -> str:
    """Return which way a change in per cent points, decided before any rounding."""
    if change > _STABLE:
        return "up"
    return "down" if change < -_STABLE else "stable"


def read_trend(
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
    chosen = filters.resolve(db, wanted)
    window = last_days(count, today=now.astimezone(zone).date())
    days = days_seen(db, window)
    rows = read_day_totals(db, days, chosen, zone)
    starts = interval_starts(interval, days)
    points = dict.fromkeys(starts, 0)
    if metric is Metric.DEVICES:
        devices: dict[date, set[int | None]] = {start: set() for start in starts}
        for ordinal, device in read_sums(
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
