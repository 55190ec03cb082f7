"""Reports: the figures of a period by device, endpoint, model, user and day, as data.

A report is assembled from sums that the store has read; nothing here reads or counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from .models import ANONYMOUS
from .money import from_pico, rounded
from .periods import Period
from .places import UNKNOWN, Known
from .totals import Filter, Json, Totals, device_parts, sum_totals


@dataclass(frozen=True, slots=True)
class DeviceTotals:
    """One device's sums; ``key`` None are the events that belong to no device.

    ``name`` is what the household or its clients call it, ``known`` what the home knows of it.
    """

    key: str | None
    name: str | None
    totals: Totals
    known: Known = UNKNOWN

    def identity(self) -> dict[str, Json]:
        """Return how the API names the device, and where and whose it is."""
        device_ip, device_id = device_parts(self.key)
        return {
            "device_ip": device_ip,
            "device_id": device_id,
            "device_name": self.name or self.known.name,
            "area": self.known.area,
            "person": self.known.person,
        }

    def as_dict(self) -> dict[str, Json]:
        """Return the device as the API's rankings list it."""
        totals = self.totals
        return self.identity() | {
            "request_count": totals.requests,
            "total_tokens": totals.tokens,
            "cost_estimate": from_pico(totals.cost),
        }


@dataclass(frozen=True, slots=True)
class EndpointTotals:
    """One endpoint's sums."""

    endpoint: str
    totals: Totals

    def as_dict(self) -> dict[str, Json]:
        """Return the endpoint as the API's rankings list it."""
        return {
            "endpoint": self.endpoint,
            "request_count": self.totals.requests,
            "total_tokens": self.totals.tokens,
            "cost_estimate": from_pico(self.totals.cost),
        }


@dataclass(frozen=True, slots=True)
class ModelTotals:
    """One model's sums."""

    provider: str
    model: str | None
    totals: Totals


@dataclass(frozen=True, slots=True)
class UserTotals:
    """One user's sums; ``user`` None is anonymous, ``name`` what the home calls the user."""

    user: str | None
    totals: Totals
    name: str | None = None


def by_tokens(rows: Iterable[DeviceTotals]) -> list[DeviceTotals]:
    """Return devices by tokens, most first, then by key; no device at all comes last."""
    return sorted(rows, key=lambda row: (row.key is None, -row.totals.tokens, row.key or ""))


def by_place(
    rows: Iterable[tuple[str | None, Totals]],
) -> list[tuple[str | None, Totals]]:
    """Return sums by area or person, most tokens first, then by name; the unknown comes last."""
    sums: dict[str | None, Totals] = {}
    for name, totals in rows:
        known = sums.get(name)
        sums[name] = totals if known is None else known + totals
    return sorted(sums.items(), key=lambda row: (row[0] is None, -row[1].tokens, row[0] or ""))


def by_requests(rows: Iterable[EndpointTotals]) -> list[EndpointTotals]:
    """Return endpoints by requests, most first, then by name."""
    return sorted(rows, key=lambda row: (-row.totals.requests, row.endpoint))


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


def average(total: int, count: int) -> Json:
    """Return total/count to 2 places, halves to even; 0 if there is nothing to divide by."""
    return rounded(Fraction(total, count)) if count else 0


def average_latency(totals: Totals) -> Decimal | None:
    """Return the mean latency in ms over the events that gave one, else None."""
    return rounded(Fraction(totals.latency, totals.timed * 1000)) if totals.timed else None
