"""Statistics by model, endpoint, tag, user and day, as the API writes them.

Averages of money are per priced request and rounded half to even to 12 places; an unpriced request
has no cost, so it must not pull the average down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
import sqlite3
from zoneinfo import ZoneInfo

from ..directory import NOBODY, Directory
from ..models import ANONYMOUS, model_name
from ..money import average_pico, from_pico
from ..periods import DAY, SLOT_US, Days, Span, from_us, midnight
from ..store import filters
from ..store.aggregates import Dimension, split_user_model
from ..store.counters import check_bounds, read_first_day
from ..store.day_sums import Window, read_sums, split_window
from ..store.filters import ResolvedFilter
from ..store.hour_sums import read_local_hours, read_span_hours
from ..totals import Json, Totals
from .rankings import ModelTotals, UserTotals, average_latency

EVERYTHING = ResolvedFilter()


def cost_per_request(totals: Totals) -> Json:
    """Return the mean cost of the priced requests, 0 if there are none."""
    priced = totals.requests - totals.unpriced
    return average_pico(totals.cost, priced) if priced else 0


def window_statistics(totals: Totals) -> dict[str, Json]:
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


def breakdown_figures(totals: Totals) -> dict[str, Json]:
    """Return the four sums that every breakdown lists."""
    return {
        "requests": totals.requests,
        "tokens": totals.tokens,
        "cost": from_pico(totals.cost),
        "unpriced_requests": totals.unpriced,
    }


def model_statistics(rows: Sequence[ModelTotals]) -> dict[str, Json]:
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


def daily_rows(days: Sequence[tuple[date, Totals]]) -> list[Json]:
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


def read_window(
    db: sqlite3.Connection,
    start: datetime | None,
    end: datetime | None,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Window:
    """Return the window from start to end; a bound left out reaches to the ledger's own end.

    Raises EventsRemovedError for a bound inside a day whose events are gone.
    """
    check_bounds(db, start, end, zone)
    today = now.astimezone(zone).date()
    first = read_first_day(db) or today
    # Whole days from the ledger's first day on, so frozen days are in, up to tomorrow's events
    # of a clock that is a little ahead.
    low = start if start is not None else midnight(first, zone)
    high = end if end is not None else midnight(today + 2 * DAY, zone)
    if low >= high:
        return Window(None)
    return split_window(Span(low, high), zone)


def read_tags(db: sqlite3.Connection, wanted: Window, zone: ZoneInfo) -> list[tuple[str, Totals]]:
    """Return the sums by tag, by name."""
    rows = read_sums(db, wanted, EVERYTHING, group=Dimension.TAG, zone=zone)
    known = filters.names(db, "tag")
    return sorted((known[key][0], totals) for (_, key), totals in rows.items() if key is not None)


def read_user_statistics(
    db: sqlite3.Connection, wanted: Window, zone: ZoneInfo, directory: Directory = NOBODY
) -> list[UserStatistics]:
    """Return the statistics of every user."""
    rows = read_sums(db, wanted, EVERYTHING, group=Dimension.USER_MODEL, zone=zone)
    names, models = filters.names(db, "user"), filters.names(db, "model")
    totals: dict[int, Totals] = {}
    used: dict[int, list[str]] = {}
    for (_, key), sums in rows.items():
        assert key is not None
        user, model = split_user_model(key)
        totals[user] = totals.get(user, Totals()) + sums
        if models[model][1] is not None:
            used.setdefault(user, []).append(model_name(*models[model]))
    ids = {user: names[user][0] if user else None for user in totals}
    return [
        UserStatistics(
            UserTotals(ids[user], sums, directory.user_name(ids[user])), used.get(user, [])
        )
        for user, sums in totals.items()
    ]


def read_hourly(db: sqlite3.Connection, days: Days | None, zone: ZoneInfo) -> list[int]:
    """Return requests by hour of the local clock, over the whole ledger without ``days``."""
    if days is None:
        first, last = db.execute(
            "SELECT MIN(slot), MAX(slot) FROM agg_slot WHERE dimension = ?", (Dimension.TOTAL,)
        ).fetchone()
        if first is None:
            return [0] * 24
        span = Span(from_us(first * SLOT_US), from_us((last + 1) * SLOT_US))
        counts = read_span_hours(db, span, EVERYTHING, zone)
    else:
        counts = read_local_hours(db, days, EVERYTHING, zone)
    return [count for count, _ in counts]
