"""What is followed over time, and the points of time that it is followed at."""

from datetime import date
from enum import StrEnum

from ..money import from_pico
from ..periods import Days, Period, period_days
from ..totals import Json, Totals


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
