"""What the dashboard, the summary and the sensors show: today, this week and this month.

A period here runs from its first local midnight to now; its days are whole local days up to the
end of today, so an event dated a few minutes ahead still counts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from fractions import Fraction

from .anomalies import DEFAULT_THRESHOLD, LatestScores
from .budgets import Budget, BudgetState, Crossing
from .costs import UnpricedModel
from .forecast import Forecast
from .models import StoredEvent
from .money import average_pico, from_pico, rounded
from .periods import Days, Period, midnight, to_date
from .reports import DeviceTotals, EndpointTotals, average_latency
from .totals import Filter, Json, Totals, sum_totals


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the household watches beside the running periods, by keys of its own.

    ``anomaly_threshold`` is the score beyond which a day is out of the ordinary.
    """

    anomaly_threshold: Fraction = DEFAULT_THRESHOLD
    tracked: Mapping[str, Filter] = field(default_factory=dict)
    budgets: Mapping[str, Budget] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the sensors show: the running periods, and what stands out today and this month.

    ``cost_change`` is today's cost against yesterday's up to the same time of day in per cent;
    ``top_model`` is provider/model of today's highest cost, None if nothing cost anything.
    ``tracked`` are the periods under the filters watched, by their keys, ``budgets`` how the
    budgets watched stand. ``crossings`` are the thresholds crossed in the running periods and in
    those that have closed since the last look. ``unpriced_models`` are provider/model of what
    had no price today or yesterday, ``scores`` how these two days stand within the last 30.
    ``rate_known`` is False while the household's own currency cannot be converted to.
    """

    day: date
    summary: Summary
    cost_change: Fraction
    forecast: Forecast
    top_model: str | None
    tracked: Mapping[str, Summary]
    budgets: Mapping[str, BudgetState]
    crossings: Sequence[Crossing]
    unpriced_models: Sequence[str]
    scores: LatestScores
    rate_known: bool = True

    @property
    def cost_change_percent(self) -> Decimal:
        """Return the change of today's cost in per cent, to 2 places."""
        return rounded(self.cost_change)

    @property
    def average_latency(self) -> Decimal | None:
        """Return the mean latency of today's requests that gave one, in ms to 2 places."""
        return average_latency(self.summary.today.totals)

    @property
    def cost_per_request(self) -> Decimal | None:
        """Return the mean cost of today's priced requests in USD, to 12 places."""
        totals = self.summary.today.totals
        priced = totals.requests - totals.unpriced
        return average_pico(totals.cost, priced) if priced else None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the ledger itself is doing. ``last_write`` is None until something is written."""

    status: str
    schema_version: int
    events: int
    first_day: str | None
    events_from: datetime | None
    database_bytes: int
    queue_depth: int
    last_write: datetime | None
    unpriced_models: Sequence[str]

    def as_dict(self) -> dict[str, Json]:
        """Return the state as the API writes it."""
        return {
            "status": self.status,
            "schema_version": self.schema_version,
            "events": self.events,
            "first_day": self.first_day,
            "events_from": None if self.events_from is None else self.events_from.isoformat(),
            "database_bytes": self.database_bytes,
            "queue_depth": self.queue_depth,
            "last_write": None if self.last_write is None else self.last_write.isoformat(),
            "unpriced_models": list(self.unpriced_models),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What the household should look after.

    ``unpriced`` are the models with requests that can still be priced, most requests first;
    ``full`` the dimensions that have no room for new names; ``free_bytes`` is the room on the
    disk. ``missing_rate`` is the household's own currency if it cannot be converted to now.
    """

    unpriced: Sequence[UnpricedModel]
    full: Collection[str]
    free_bytes: int
    missing_rate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events, newest first, and the cursor of the next page (None at the end)."""

    events: Sequence[StoredEvent]
    next: str | None
    events_from: datetime | None

    def as_dict(self) -> dict[str, Json]:
        """Return the page as the API writes it."""
        return {
            "events": [event.as_dict() for event in self.events],
            "next": self.next,
            "events_from": None if self.events_from is None else self.events_from.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """What a clean-up removed; ``complete`` is False if it has to be called again."""

    before: datetime | None
    events_from: datetime | None
    events_deleted: int
    aggregates_deleted: int
    bytes_reclaimed: int
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "cutoff_date": None if self.before is None else self.before.isoformat(),
            "events_from": None if self.events_from is None else self.events_from.isoformat(),
            "events_deleted": self.events_deleted,
            "aggregates_deleted": self.aggregates_deleted,
            "bytes_reclaimed": self.bytes_reclaimed,
            "complete": self.complete,
        }
