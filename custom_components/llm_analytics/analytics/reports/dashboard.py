"""The dashboard: the summary with what stands out in the last days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..directory import NOBODY, Directory
from ..models import StoredEvent
from ..periods import FOREVER_US, Period, last_days, to_date
from ..store import filters
from ..store.day_sums import Window, count_devices
from ..store.filters import ResolvedFilter
from ..store.hour_sums import read_local_hours
from ..totals import Filter, Json
from ..tracking import listing
from ..trends.patterns import busiest_hours
from .rankings import DeviceTotals, EndpointTotals, read_devices, read_endpoints
from .summary import PeriodTotals, Summary, read_summary

_TOP: Final = 5
_RECENT: Final = 10
_RANKING_DAYS: Final = 7
_EVERYTHING: Final = ResolvedFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The summary with what stands out in the last 7 days."""

    summary: Summary
    unique_devices: dict[Period, int]
    top_devices: Sequence[DeviceTotals]
    top_endpoints: Sequence[EndpointTotals]
    peak_hours: Sequence[int]
    recent_activity: Sequence[StoredEvent]
    generated_at: datetime

    def as_dict(self) -> dict[str, Json]:
        """Return the dashboard as the API writes it."""
        now = self.generated_at.isoformat()
        answer: dict[str, Json] = {}
        for name in ("today", "week", "month"):
            row: PeriodTotals = getattr(self.summary, name)
            answer[name] = (
                {"period": row.period, "start_date": row.start.isoformat(), "end_date": now}
                | row.totals.as_dict()
                | row.totals.in_home_currency(self.summary.currency)
                | {"unique_devices": self.unique_devices[row.period]}
            )
        return answer | {
            "top_devices": [row.as_dict() for row in self.top_devices],
            "top_endpoints": [row.as_dict() for row in self.top_endpoints],
            "peak_hours": list(self.peak_hours),
            "recent_activity": [event.as_dict() for event in self.recent_activity],
            "generated_at": now,
            "home_currency": self.summary.currency,
            "filter_device_ip": self.summary.filter.device_ip,
        }


def read_dashboard(
    db: sqlite3.Connection,
    wanted: Filter,
    *,
    now: datetime,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> Dashboard:
    """Return the dashboard. Raises EventsRemovedError where a filter needs removed events."""
    chosen = filters.resolve(db, wanted)
    today = now.astimezone(zone).date()
    days = last_days(_RANKING_DAYS, today=today)
    week = Window(days)
    return Dashboard(
        summary=read_summary(db, wanted, now=now, zone=zone, currency=currency),
        unique_devices={
            period: count_devices(db, Window(to_date(period, today=today)), chosen, zone)
            for period in (Period.DAY, Period.WEEK, Period.MONTH)
        },
        top_devices=read_devices(db, week, _EVERYTHING, zone, directory)[:_TOP],
        top_endpoints=read_endpoints(db, week, chosen, zone)[:_TOP],
        peak_hours=busiest_hours(read_local_hours(db, days, chosen, zone)),
        recent_activity=listing.read_events(
            db, chosen, start=0, end=FOREVER_US, limit=_RECENT, zone=zone, directory=directory
        ),
        generated_at=now.astimezone(zone),
    )
