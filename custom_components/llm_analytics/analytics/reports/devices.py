"""What one device did: on a day, and over the last days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
import sqlite3
from zoneinfo import ZoneInfo

from ..directory import NOBODY, Directory
from ..errors import NotFoundError
from ..money import from_pico, rounded
from ..periods import Days, last_days
from ..store import filters
from ..store.day_sums import Window, read_day_totals
from ..store.dimensions import NONE
from ..store.hour_sums import read_local_hours
from ..totals import Filter, Json, Totals, device_parts, sum_totals
from ..trends.metrics import Interval, Metric
from ..trends.patterns import busiest_hours
from ..trends.trend import read_trend
from .rankings import DeviceTotals, read_endpoints


@dataclass(frozen=True, slots=True)
class DeviceDay:
    """What one device did on one local day, by endpoint."""

    day: date
    device: str
    totals: Totals
    endpoints: Mapping[str, Totals]

    def as_dict(self) -> dict[str, Json]:
        """Return the day as the API writes it."""
        totals = self.totals
        return {
            "date": self.day.isoformat(),
            "device_ip": device_parts(self.device)[0],
            "device_id": device_parts(self.device)[1],
            "request_count": totals.requests,
            "total": totals.tokens,
            "prompt": totals.prompt,
            "response": totals.response,
            "cost_estimate": from_pico(totals.cost),
            "unpriced_requests": totals.unpriced,
            "by_endpoint": {
                name: {"count": sums.requests, "tokens": sums.tokens}
                for name, sums in sorted(self.endpoints.items())
            },
        }


@dataclass(frozen=True, slots=True)
class DeviceSummary:
    """What one device did over the last days. ``trend`` and ``hours`` cover the same days."""

    device: DeviceTotals
    days: Sequence[tuple[date, Totals]]
    direction: str
    change_percent: Json
    average_daily_tokens: Json
    peak_hours: Sequence[int]
    hours: Sequence[tuple[int, int]]

    def as_dict(self) -> dict[str, Json]:
        """Return the device as the API writes it, and as the original system's router did."""
        totals = self.device.totals
        sums: dict[str, Json] = {
            "request_count": totals.requests,
            "total_tokens": totals.tokens,
            "tokens_prompt": totals.prompt,
            "tokens_response": totals.response,
            "cost_estimate": from_pico(totals.cost),
            "unpriced_requests": totals.unpriced,
        }
        return {
            **self.device.identity(),
            "period_days": len(self.days),
            "start_date": self.days[0][0].isoformat(),
            "end_date": self.days[-1][0].isoformat(),
            **sums,
            "stats": sums,
            "daily": [
                {
                    "date": day.isoformat(),
                    "requests": one.requests,
                    "tokens": one.tokens,
                    "cost_estimate": from_pico(one.cost),
                }
                for day, one in self.days
            ],
            "trend": {
                "direction": self.direction,
                "change_percent": self.change_percent,
                "average_daily_tokens": self.average_daily_tokens,
            },
            "peak_hours": list(self.peak_hours),
            "hourly_distribution": [
                {"hour": hour, "request_count": count, "total_tokens": tokens}
                for hour, (count, tokens) in enumerate(self.hours)
            ],
        }


def read_device_day(db: sqlite3.Connection, device: str, day: date, zone: ZoneInfo) -> DeviceDay:
    """Return what a device did on one local day."""
    chosen = filters.resolve(db, Filter(device=device))
    rows = read_endpoints(db, Window(Days(day, day)), chosen, zone)
    return DeviceDay(
        day,
        device,
        sum_totals(row.totals for row in rows),
        {row.endpoint: row.totals for row in rows},
    )


def read_device_summary(
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
    chosen = filters.resolve(db, wanted)
    if chosen is None:
        raise NotFoundError("device", device.partition(":")[2])
    days = last_days(count, today=now.astimezone(zone).date())
    rows = read_day_totals(db, days, chosen, zone)
    trend = read_trend(db, Metric.USAGE, count, Interval.DAY, wanted, now=now, zone=zone)
    hours = read_local_hours(db, days, chosen, zone)
    totals = sum_totals(rows.values())
    name = filters.names(db, "device")[chosen.device or NONE][1]
    seen = trend.days
    return DeviceSummary(
        device=DeviceTotals(device, name, totals, directory.device(device)),
        days=list(rows.items()),
        direction=trend.direction,
        change_percent=rounded(trend.change),
        average_daily_tokens=rounded(Fraction(totals.tokens, seen)) if seen else 0,
        peak_hours=busiest_hours(hours),
        hours=hours,
    )
