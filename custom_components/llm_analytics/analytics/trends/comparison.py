"""The last days against those before."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
import sqlite3
from zoneinfo import ZoneInfo

from ..errors import EventsRemovedError
from ..money import rounded
from ..periods import DAY, Days, Span, last_days, midnight
from ..store import filters
from ..store.aggregates import Dimension
from ..store.day_sums import Window, count_devices, read_sums, read_totals
from ..store.dimensions import NONE
from ..store.filters import ResolvedFilter
from ..store.hour_sums import read_slot_devices, read_slots
from ..totals import Filter, Json, Totals
from .metrics import Metric, metric_shown, metric_value
from .robust_statistics import percent_change


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


def same_time_on(day: date, now: datetime) -> datetime:
    """Return the instant on ``day`` at the local time of ``now``, cut to a quarter of an hour."""
    return datetime(
        day.year, day.month, day.day, now.hour, now.minute - now.minute % 15, tzinfo=now.tzinfo
    )


def read_comparison(
    db: sqlite3.Connection, count: int, wanted: Filter, *, now: datetime, zone: ZoneInfo
) -> Comparison:
    """Return the last ``count`` days against those before."""
    chosen = filters.resolve(db, wanted)
    today = now.astimezone(zone).date()
    current = last_days(count, today=today)
    previous = last_days(count, today=today - count * DAY)
    current_totals = read_totals(db, Window(current), chosen, zone)
    return Comparison(
        period_days=count,
        current_days=current,
        previous_days=previous,
        current=_metrics(db, current, current_totals, chosen, zone),
        previous=_metrics(
            db, previous, read_totals(db, Window(previous), chosen, zone), chosen, zone
        ),
        to_same_time=read_to_same_time(db, previous, chosen, now.astimezone(zone), zone),
        unpriced=current_totals.unpriced,
        filter=wanted,
    )


def _metrics(
    db: sqlite3.Connection,
    days: Days,
    totals: Totals,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
) -> dict[Metric, int]:
    devices = count_devices(db, Window(days), chosen, zone)
    return {metric: metric_value(metric, totals, devices) for metric in Metric}


def read_to_same_time(
    db: sqlite3.Connection, days: Days, chosen: ResolvedFilter | None, now: datetime, zone: ZoneInfo
) -> dict[Metric, int]:
    """Return the figures of ``days`` up to the present time of day on the last of them.

    ``now`` is in the home's zone.
    """
    cut = Span(midnight(days.last, zone), same_time_on(days.last, now))
    whole = Window(Days(days.first, days.last - DAY))
    before = read_totals(db, whole, chosen, zone)
    tokens, cost, requests = before.tokens, before.cost, before.requests
    figures: dict[Metric, int] = {}
    try:
        for _, count, prompt, response, picos in read_slots(db, chosen, cut, zone):
            requests += count
            tokens += prompt + response
            cost += picos
    except EventsRemovedError:
        return figures
    figures = {Metric.REQUESTS: requests, Metric.USAGE: tokens, Metric.COST: cost}
    try:
        found = read_slot_devices(db, chosen, cut, zone)
    except EventsRemovedError:
        return figures
    earlier = read_sums(db, whole, chosen, group=Dimension.DEVICE, zone=zone)
    found |= {key for _, key in earlier if key is not None}
    figures[Metric.DEVICES] = len(found - {NONE})
    return figures
