"""Today, this week and this month in a few sums.

A period here runs from its first local midnight to now; its days are whole local days up to the
end of today, so an event dated a few minutes ahead still counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
import sqlite3
from zoneinfo import ZoneInfo

from ..money import from_pico
from ..periods import Days, Period, midnight, to_date
from ..store import filters
from ..store.day_sums import read_day_totals
from ..totals import Filter, Json, Totals, sum_totals


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """A period's sums up to now, with its first instant in the home's zone."""

    period: Period
    start: datetime
    totals: Totals

    @property
    def cost(self) -> Decimal:
        """Return the exact cost in USD."""
        return from_pico(self.totals.cost)

    @property
    def home_cost(self) -> Decimal:
        """Return the exact cost of the converted events in the household's own currency."""
        return from_pico(self.totals.home)


@dataclass(frozen=True, slots=True)
class Summary:
    """The three running periods under one filter; ``currency`` is the household's own."""

    today: PeriodTotals
    week: PeriodTotals
    month: PeriodTotals
    filter: Filter
    currency: str | None = None

    def as_dict(self) -> dict[str, Json]:
        """Return the summary as the API writes it."""
        answer: dict[str, Json] = {}
        for name in ("today", "week", "month"):
            totals = getattr(self, name).totals
            answer[name] = {
                "requests": totals.requests,
                "tokens": totals.tokens,
                "cost_estimate": from_pico(totals.cost),
                "unpriced_requests": totals.unpriced,
                **totals.in_home_currency(self.currency),
            }
        return answer | {
            "home_currency": self.currency,
            "filter_device_ip": self.filter.device_ip,
        }


def running_days(today: date) -> Days:
    """Return the days up to today that the running week or the running month has."""
    return max((to_date(period, today=today) for period in (Period.WEEK, Period.MONTH)), key=len)


def summary_of(
    sums: Mapping[date, Totals],
    wanted: Filter,
    *,
    today: date,
    zone: tzinfo,
    currency: str | None = None,
) -> Summary:
    """Return the summary from the sums of (at least) the running days under a filter."""

    def row(period: Period) -> PeriodTotals:
        days = to_date(period, today=today)
        start = midnight(days.first, zone).astimezone(zone)
        return PeriodTotals(period, start, sum_totals(sums[day] for day in days.dates()))

    return Summary(row(Period.DAY), row(Period.WEEK), row(Period.MONTH), wanted, currency)


def read_summary(
    db: sqlite3.Connection,
    wanted: Filter,
    *,
    now: datetime,
    zone: ZoneInfo,
    currency: str | None = None,
) -> Summary:
    """Return the sums of today, this week and this month."""
    today = now.astimezone(zone).date()
    sums = read_day_totals(db, running_days(today), filters.resolve(db, wanted), zone, currency)
    return summary_of(sums, wanted, today=today, zone=zone, currency=currency)
