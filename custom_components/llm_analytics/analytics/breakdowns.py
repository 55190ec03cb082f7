"""Statistics by model, endpoint, tag, user, device and day, as the API writes them.

Averages of money are per priced request and rounded half to even to 12 places; an unpriced request
has no cost, so it must not pull the average down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from .models import ANONYMOUS, UNKNOWN_MODEL
from .money import average_pico, from_pico
from .reports import (
    DeviceTotals,
    ModelTotals,
    UserTotals,
    average_latency,
)
from .totals import Json, Totals, device_parts
from .trends import Interval

_OTHER: Final = "other"


class By(StrEnum):
    """What a breakdown is by."""

    DEVICE = "device"
    PROVIDER = "provider"
    MODEL = "model"
    ENDPOINT = "endpoint"
    USER = "user"
    TAG = "tag"


def cost_per_request(totals: Totals) -> Json:
    """Return the mean cost of the priced requests, 0 if there are none."""
    priced = totals.requests - totals.unpriced
    return average_pico(totals.cost, priced) if priced else 0


def statistics(totals: Totals) -> dict[str, Json]:
    """Return a window's sums and averages."""
    if not totals.requests:
        return {"total_requests": 0}
    return {
        "total_requests": totals.requests,
        "total_tokens": totals.tokens,
        "total_cost": from_pico(totals.cost),
        "avg_latency_ms": average_latency(totals),
        "avg_cost_per_request": cost_per_request(totals),
        "unpriced_requests": totals.unpriced,
    }


def figures(totals: Totals) -> dict[str, Json]:
    """Return the four sums that every breakdown lists."""
    return {
        "requests": totals.requests,
        "tokens": totals.tokens,
        "cost": from_pico(totals.cost),
        "unpriced_requests": totals.unpriced,
    }


def model_name(provider: str, model: str | None) -> str:
    """Return provider/model; a model without a name is "unknown"."""
    return f"{provider}/{model or UNKNOWN_MODEL}"


def by_model(rows: Sequence[ModelTotals]) -> dict[str, Json]:
    """Return the statistics of every model by provider/model.

    A model called "unknown" and requests without a model's name share a line.
    """
    sums: dict[str, Totals] = {}
    for row in rows:
        name = model_name(row.provider, row.model)
        sums[name] = sums.get(name, Totals()) + row.totals
    return {
        name: {
            "requests": totals.requests,
            "tokens": totals.tokens,
            "cost": from_pico(totals.cost),
            "avg_latency_ms": average_latency(totals),
            "cost_per_request": cost_per_request(totals),
            "unpriced_requests": totals.unpriced,
        }
        for name, totals in sorted(sums.items())
    }


@dataclass(frozen=True, slots=True)
class UserStatistics:
    """One user's sums, and the models used (those with a name)."""

    user: UserTotals
    models: Sequence[str]

    def as_dict(self) -> dict[str, Json]:
        """Return the user's statistics without the id."""
        totals = self.user.totals
        return {
            "user_name": self.user.name,
            "requests": totals.requests,
            "tokens": totals.tokens,
            "cost": from_pico(totals.cost),
            "models_used": [*sorted(self.models)],
        }

    @property
    def name(self) -> str:
        """Return the user's id as the API writes it."""
        return self.user.user or ANONYMOUS


def by_cost(rows: Sequence[UserStatistics]) -> list[UserStatistics]:
    """Return users by cost, highest first, then by name."""
    return sorted(rows, key=lambda row: (-row.user.totals.cost, row.name))


def daily(days: Sequence[tuple[date, Totals]]) -> list[Json]:
    """Return requests, tokens and cost per day."""
    return [
        {
            "date": day.isoformat(),
            "requests": totals.requests,
            "tokens": totals.tokens,
            "cost": from_pico(totals.cost),
        }
        for day, totals in days
    ]


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


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a stacked chart: its key, its name, and its sums by point."""

    key: str | None
    name: str | None
    points: Mapping[date, Totals]

    @property
    def tokens(self) -> int:
        """Return the tokens of all points."""
        return sum(totals.tokens for totals in self.points.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Series for a stacked chart; those beyond ``top`` (by tokens) are summed up as other.

    What belongs to no device comes after every device.
    """

    by: By
    interval: Interval
    points: Sequence[date]
    series: Sequence[Series]
    top: int

    def as_dict(self) -> dict[str, Json]:
        """Return the breakdown as the API writes it."""
        ranked = sorted(self.series, key=lambda one: (one.key is None, -one.tokens, one.key or ""))
        shown, rest = ranked[: self.top], ranked[self.top :]
        rows = [self._row(one.key, one.name, [one]) for one in shown]
        if rest:
            rows.append(self._row(_OTHER, _OTHER, rest))
        return {
            "by": self.by,
            "interval": self.interval,
            "points": [day.isoformat() for day in self.points],
            "series": rows,
        }

    def _row(self, key: str | None, name: str | None, summed: Sequence[Series]) -> Json:
        columns = [[one.points[day] for one in summed if day in one.points] for day in self.points]
        return {
            "key": key,
            "name": name,
            "requests": [sum(totals.requests for totals in column) for column in columns],
            "tokens": [sum(totals.tokens for totals in column) for column in columns],
            "cost": [from_pico(sum(totals.cost for totals in column)) for column in columns],
        }
