"""Trends, comparisons and rhythms over daily and hourly sums: pure functions, no clock, no file.

Points run from the later of the window's first day and the ledger's first day ever up to today,
idle days counted as 0. The direction compares the mean of the first ⌊n/2⌋ points with that of the
rest: more than 10 per cent up is "up", more than 10 down is "down". Volatility is the coefficient
of variation, 100·(sample standard deviation)/mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

from .money import from_pico, rounded
from .periods import Days, Period, period_days
from .spread import deviation, mean, percent_change, shown_amount
from .totals import Filter, Json, Totals

_STABLE: Final = 10
WEEKDAY_NAMES: Final = (
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
)
_WEEKEND: Final = (0, 6)


class Metric(StrEnum):
    """What a trend is about."""

    USAGE = "usage"
    COST = "cost"
    REQUESTS = "requests"
    DEVICES = "devices"


class Interval(StrEnum):
    """How long one point of a trend is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def metric_value(metric: Metric, totals: Totals, devices: int = 0) -> int:
    """Return a metric's figure: tokens, picos, requests or devices."""
    match metric:
        case Metric.USAGE:
            return totals.tokens
        case Metric.COST:
            return totals.cost
        case Metric.REQUESTS:
            return totals.requests
        case _:
            return devices


def metric_shown(metric: Metric, value: int) -> Json:
    """Return a metric's figure as the API writes it."""
    return from_pico(value) if metric is Metric.COST else value


def interval_start(interval: Interval, day: date) -> date:
    """Return the first day of the point that a day belongs to."""
    return period_days(Period(interval), day).first


def interval_starts(interval: Interval, days: Days) -> list[date]:
    """Return the first days of every point that the days touch, earliest first."""
    return list(dict.fromkeys(interval_start(interval, day) for day in days.dates()))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two neighbouring periods of equal length, by metric.

    ``to_same_time`` is the earlier period cut at the present time of day; a metric is missing
    there where the single events that would be needed are gone.
    """

    period_days: int
    current_days: Days
    previous_days: Days
    current: dict[Metric, int]
    previous: dict[Metric, int]
    to_same_time: dict[Metric, int]
    unpriced: int
    filter: Filter

    def change_to_same_time(self, metric: Metric) -> Fraction | None:
        """Return the change in per cent from the earlier period up to the same time of day."""
        same_time = self.to_same_time.get(metric)
        return None if same_time is None else percent_change(same_time, self.current[metric])

    def as_dict(self) -> dict[str, Json]:
        """Return the comparison as the API writes it."""
        return {
            "period_days": self.period_days,
            "filter_device_ip": self.filter.device_ip,
            "current_period": _bounds(self.current_days),
            "previous_period": _bounds(self.previous_days),
            "comparison": {
                name: self._row(metric)
                for name, metric in (
                    ("requests", Metric.REQUESTS),
                    ("tokens", Metric.USAGE),
                    ("cost", Metric.COST),
                    ("devices", Metric.DEVICES),
                )
            },
            "unpriced_requests": self.unpriced,
        }

    def _row(self, metric: Metric) -> dict[str, Json]:
        current, previous = self.current[metric], self.previous[metric]
        same_time, change = self.to_same_time.get(metric), self.change_to_same_time(metric)
        return {
            "current": metric_shown(metric, current),
            "previous": metric_shown(metric, previous),
            "change": metric_shown(metric, current - previous),
            "change_percent": rounded(percent_change(previous, current)),
            "previous_to_same_time": (
                None if same_time is None else metric_shown(metric, same_time)
            ),
            "change_percent_to_same_time": (None if change is None else rounded(change)),
        }


def _bounds(days: Days) -> dict[str, Json]:
    return {"start": days.first.isoformat(), "end": days.last.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakHours:
    """Requests and tokens by hour of the local clock; a repeated hour is one bucket."""

    period_days: int
    hours: Sequence[tuple[int, int]]
    filter: Filter

    def as_dict(self) -> dict[str, Json]:
        """Return the hours as the API writes them."""
        requests = [count for count, _ in self.hours]
        any_request = any(requests)
        return {
            "period_days": self.period_days,
            "filter_device_ip": self.filter.device_ip,
            "hourly_data": [
                {
                    "hour": hour,
                    "hour_label": f"{hour:02}:00",
                    "request_count": count,
                    "total_tokens": tokens,
                    "avg_tokens_per_request": rounded(Fraction(tokens, count)) if count else 0,
                }
                for hour, (count, tokens) in enumerate(self.hours)
            ],
            "peak_hours_by_requests": list(busiest(requests)),
            "peak_hours_by_tokens": list(busiest([tokens for _, tokens in self.hours])),
            "summary": {
                "most_active_hour": requests.index(max(requests)) if any_request else None,
                "least_active_hour": requests.index(min(requests)) if any_request else None,
            },
        }


def busiest(figures: Sequence[int]) -> list[int]:
    """Return the positions of all figures that reach the highest, none if that is 0."""
    most = max(figures)
    return [position for position, figure in enumerate(figures) if most and figure == most]


def weekday_number(day: date) -> int:
    """Return 0 for Sunday to 6 for Saturday."""
    return day.isoweekday() % 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekdays:
    """Requests and tokens by day of the week."""

    period_days: int
    days: Sequence[tuple[date, Totals]]
    filter: Filter

    def as_dict(self) -> dict[str, Json]:
        """Return the weekdays as the API writes them."""
        requests, tokens = [0] * 7, [0] * 7
        for day, totals in self.days:
            requests[weekday_number(day)] += totals.requests
            tokens[weekday_number(day)] += totals.tokens
        any_request = any(requests)
        weekend = sum(requests[number] for number in _WEEKEND)
        working = sum(requests) - weekend
        return {
            "period_days": self.period_days,
            "filter_device_ip": self.filter.device_ip,
            "weekday_data": [
                {
                    "weekday": number,
                    "weekday_name": name,
                    "request_count": requests[number],
                    "total_tokens": tokens[number],
                }
                for number, name in enumerate(WEEKDAY_NAMES)
            ],
            "summary": {
                "busiest_day": (
                    WEEKDAY_NAMES[requests.index(max(requests))] if any_request else None
                ),
                "quietest_day": (
                    WEEKDAY_NAMES[requests.index(min(requests))] if any_request else None
                ),
                "weekday_total_requests": working,
                "weekend_total_requests": weekend,
                "weekday_vs_weekend_ratio": rounded(Fraction(working, weekend)) if weekend else 0,
            },
        }


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Sums by day of the week (0 = Sunday) and hour of the local clock."""

    requests: Sequence[Sequence[int]]
    tokens: Sequence[Sequence[int]]
    cost: Sequence[Sequence[int]]

    def as_dict(self) -> dict[str, Json]:
        """Return the heat map as the API writes it."""
        return {
            "requests": [list(row) for row in self.requests],
            "tokens": [list(row) for row in self.tokens],
            "cost": [[from_pico(picos) for picos in row] for row in self.cost],
        }


def same_time_on(day: date, now: datetime) -> datetime:
    """Return the instant on ``day`` at the local time of ``now``, cut to a quarter of an hour."""
    return datetime(
        day.year, day.month, day.day, now.hour, now.minute - now.minute % 15, tzinfo=now.tzinfo
    )
