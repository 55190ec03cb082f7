"""Reports: the figures of a period by device, endpoint, model, user and day, as data.

A report is assembled from sums that the store has read; nothing here reads or counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
import sqlite3
import uuid
from zoneinfo import ZoneInfo

from ..directory import NOBODY, Directory
from ..errors import InvalidInputError
from ..limits import check_order
from ..models import ANONYMOUS
from ..money import from_pico
from ..periods import MICROSECOND, Days, Period, Span, day_span, from_us, period_days
from ..store import filters
from ..store.counters import check_bounds, read_counters, read_first_day
from ..store.day_sums import Window, count_devices, read_sums, split_window
from ..totals import Filter, Json, Totals, sum_totals
from .rankings import (
    DeviceTotals,
    EndpointTotals,
    ModelTotals,
    UserTotals,
    average,
    average_latency,
    by_place,
    by_requests,
    by_tokens,
    read_devices,
    read_endpoints,
    read_models,
    read_persons,
    read_users,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of one period; instants are in the home's zone, ``end`` is exclusive.

    ``currency`` is the household's own, None where it asked for none.
    """

    report_id: str
    generated_at: datetime
    period: Period
    start: datetime
    end: datetime
    events_from: datetime | None
    filter: Filter
    unique_devices: int
    devices: Sequence[DeviceTotals]
    endpoints: Sequence[EndpointTotals]
    models: Sequence[ModelTotals]
    users: Sequence[UserTotals]
    areas: Sequence[tuple[str | None, Totals]]
    persons: Sequence[tuple[str | None, Totals]]
    days: Sequence[tuple[date, Totals]]
    totals: Totals
    currency: str | None = None

    def as_dict(self) -> dict[str, Json]:
        """Return the report as the API writes it."""
        totals = self.totals
        return {
            "report_id": self.report_id,
            "generated_at": self.generated_at.isoformat(),
            "period": self.period,
            "period_start": self.start.isoformat(),
            "period_end": self.end.isoformat(),
            "events_from": None if self.events_from is None else self.events_from.isoformat(),
            "filter_device_ip": self.filter.device_ip,
            "summary": self._row(totals)
            | {
                "unique_devices": self.unique_devices,
                "failed_requests": totals.failed,
                "avg_tokens_per_request": average(totals.tokens, totals.requests),
                "avg_latency_ms": average_latency(totals),
            },
            "by_device": [
                row.identity() | self._row(row.totals) for row in by_tokens(self.devices)
            ],
            "by_endpoint": [
                {"endpoint": row.endpoint, **self._row(row.totals)}
                for row in by_requests(self.endpoints)
            ],
            "by_provider": [
                {"provider": row.provider, "model": row.model, **self._row(row.totals)}
                for row in sorted(
                    self.models,
                    key=lambda row: (-row.totals.requests, row.provider, row.model or ""),
                )
            ],
            "by_user": [
                {
                    "user_id": row.user or ANONYMOUS,
                    "user_name": row.name,
                    **self._row(row.totals),
                }
                for row in sorted(
                    self.users, key=lambda row: (-row.totals.tokens, row.user or ANONYMOUS)
                )
            ],
            "by_area": [{"area": name, **self._row(sums)} for name, sums in self.areas],
            "by_person": [{"person": name, **self._row(sums)} for name, sums in self.persons],
            "daily_breakdown": [
                {"date": day.isoformat(), **self._row(day_totals)} for day, day_totals in self.days
            ],
            "cost_summary": {
                "total_cost_usd": from_pico(totals.cost),
                "currency": "USD",
                "by_provider": {
                    provider: from_pico(
                        sum_totals(
                            row.totals for row in self.models if row.provider == provider
                        ).cost
                    )
                    for provider in sorted({row.provider for row in self.models})
                },
                "home": self._home(),
            },
        }

    def _row(self, totals: Totals) -> dict[str, Json]:
        return totals.as_row() | totals.in_home_currency(self.currency)

    def _home(self) -> Json:
        if self.currency is None:
            return None
        return {
            "currency": self.currency,
            "total": from_pico(self.totals.home),
            "unconverted_requests": self.totals.requests - self.totals.converted,
        }


def read_bounds(
    db: sqlite3.Connection, period: Period, day: date | None, span: Span | None, *, today: date
) -> Days | Span:
    """Return the days of the period that ``day`` (default today) lies in, or the custom span.

    Raises InvalidInputError for a custom period without a span, or a span without one.
    """
    if period is Period.CUSTOM:
        if span is None:
            raise InvalidInputError("start", "required, with end, for the period custom")
        check_order(span.start, span.end)
        return span
    if span is not None:
        raise InvalidInputError("start", "start and end go with the period custom only")
    if period is Period.ALL:
        first = read_first_day(db) or today
        return Days(min(first, today), today)
    return period_days(period, day or today)


def read_report(
    db: sqlite3.Connection,
    wanted: Filter,
    period: Period,
    *,
    day: date | None,
    span: Span | None,
    now: datetime,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
    currency: str | None = None,
) -> Report:
    """Return the report of a period; ``day`` and ``span`` are those of ``read_bounds``."""
    chosen = filters.resolve(db, wanted)
    bounds = read_bounds(db, period, day, span, today=now.astimezone(zone).date())
    if isinstance(bounds, Days):
        window = Window(bounds)
        span = day_span(bounds, zone)
    else:
        span = bounds
        check_bounds(db, span.start, span.end, zone)
        window = split_window(span, zone)
    days = read_sums(db, window, chosen, by_day=True, zone=zone, currency=currency)
    by_day = {key: totals for (key, _), totals in days.items()}
    first, last = (
        span.start.astimezone(zone).date(),
        (span.end - MICROSECOND).astimezone(zone).date(),
    )
    shown = Days(first, min(last, now.astimezone(zone).date()))
    events_from = read_counters(db).events_from
    by_device = read_devices(db, window, chosen, zone, directory, currency)
    return Report(
        report_id=uuid.uuid4().hex,
        generated_at=now.astimezone(zone),
        period=period,
        start=span.start.astimezone(zone),
        end=span.end.astimezone(zone),
        events_from=None if events_from is None else from_us(events_from, zone),
        filter=wanted,
        unique_devices=count_devices(db, window, chosen, zone),
        devices=by_device,
        endpoints=read_endpoints(db, window, chosen, zone, currency),
        models=read_models(db, window, chosen, zone, currency),
        users=read_users(db, window, chosen, zone, directory, currency),
        areas=by_place((row.known.area, row.totals) for row in by_device),
        persons=(
            read_persons(db, window, chosen, zone, directory, currency)
            if directory.knows_persons
            else by_place((None, row.totals) for row in by_device)
        ),
        days=[(day, by_day.get(day.toordinal(), Totals())) for day in shown.dates()],
        totals=sum_totals(days.values()),
        currency=currency,
    )
