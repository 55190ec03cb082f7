"""When requests come: hours of the day, days of the week, and both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..money import from_pico, rounded
from ..periods import day_span, from_us, last_days
from ..store import filters
from ..store.day_sums import read_day_totals
from ..store.hour_sums import read_local_hours, read_slots
from ..totals import Filter, Json, Totals

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


def busiest_hours(rows: list[tuple[int, int]]) -> list[int]:
    """Return every hour that reaches the most requests, none if there are no requests."""
    return busiest([count for count, _ in rows])


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


def read_peak_hours(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> PeakHours:
    """Return requests and tokens by hour of the local clock over the last ``count`` days."""
    days = last_days(count, today=now.astimezone(zone).date())
    chosen = filters.resolve(db, wanted)
    hours = read_local_hours(db, days, chosen, zone)
    return PeakHours(period_days=count, hours=hours, filter=wanted)


def read_weekdays(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> Weekdays:
    """Return requests and tokens by weekday over the last ``count`` days."""
    days = last_days(count, today=now.astimezone(zone).date())
    rows = read_day_totals(db, days, filters.resolve(db, wanted), zone)
    return Weekdays(period_days=count, days=list(rows.items()), filter=wanted)


def read_heatmap(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> Heatmap:
    """Return sums by weekday and hour of the local clock over the last ``count`` days."""
    days = last_days(count, today=now.astimezone(zone).date())
    requests, tokens, cost = ([[0] * 24 for _ in range(7)] for _ in range(3))
    chosen = filters.resolve(db, wanted)
    for time, number, prompt, response, picos in read_slots(db, chosen, day_span(days, zone), zone):
        moment = from_us(time, zone)
        weekday, hour = weekday_number(moment.date()), moment.hour
        requests[weekday][hour] += number
        tokens[weekday][hour] += prompt + response
        cost[weekday][hour] += picos
    return Heatmap(requests, tokens, cost)
