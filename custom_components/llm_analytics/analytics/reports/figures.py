"""Everything that the sensors show, from one snapshot; the days of each scope are read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..budgets.budget import Budget, BudgetState, Crossing, crossings
from ..budgets.states import read_closed_crossings, read_states
from ..models import model_name
from ..money import average_pico, rounded
from ..periods import DAY, Days, last_days, midnight, to_us
from ..pricing.exchange_rates import has_exchange_rate
from ..pricing.unpriced import read_unpriced_names
from ..store import filters
from ..store.day_sums import Window, days_seen, read_day_totals
from ..store.filters import ResolvedFilter
from ..store.hour_sums import read_day_parts
from ..totals import Filter, Totals
from ..trends.anomalies import DEFAULT_THRESHOLD, WINDOW_DAYS, Anomalies, LatestScores
from ..trends.comparison import same_time_on
from ..trends.forecast import REFERENCE_DAYS, Forecast, month_forecast
from ..trends.robust_statistics import percent_change
from .rankings import average_latency, read_models
from .summary import Summary, running_days, summary_of

_EVERYTHING = Filter()


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


NOTHING: Final = Watch()


def read_figures(
    db: sqlite3.Connection,
    watch: Watch,
    *,
    looked: date | None,
    now: datetime,
    zone: ZoneInfo,
    currency: str | None = None,
) -> Figures:
    """Return the sensors' figures; ``looked`` is the local day of the last look."""
    today = now.astimezone(zone).date()
    sums = _read_days(db, watch, today=today, zone=zone, currency=currency)
    everything = sums[_EVERYTHING]
    reference = days_seen(db, last_days(REFERENCE_DAYS, today=today - DAY)).dates()
    seen = days_seen(db, last_days(WINDOW_DAYS, today=today)).dates()
    states = read_states(db, watch.budgets, sums, reference, now=now, zone=zone)
    paid = [
        row
        for row in read_models(db, Window(Days(today, today)), ResolvedFilter(), zone)
        if row.totals.cost
    ]
    top = min(
        ((-row.totals.cost, model_name(row.provider, row.model)) for row in paid),
        default=(0, None),
    )
    return Figures(
        day=today,
        summary=summary_of(everything, _EVERYTHING, today=today, zone=zone, currency=currency),
        rate_known=currency is None or has_exchange_rate(db, currency, now),
        cost_change=percent_change(
            _cost_to_same_time(db, today - DAY, now.astimezone(zone), zone), everything[today].cost
        ),
        forecast=month_forecast(today, everything, reference),
        top_model=top[1],
        tracked={
            name: summary_of(sums[wanted], wanted, today=today, zone=zone)
            for name, wanted in watch.tracked.items()
        },
        budgets=states,
        crossings=[
            *read_closed_crossings(db, watch.budgets, looked, today=today, zone=zone),
            *(
                crossing
                for key, state in states.items()
                for crossing in crossings(key, state.budget, state.start.date(), state.used)
            ),
        ],
        unpriced_models=read_unpriced_names(db, since=today - DAY),
        scores=Anomalies(
            period_days=WINDOW_DAYS,
            threshold=watch.anomaly_threshold,
            days=[(day, everything[day]) for day in seen if day < today],
            today=(today, everything[today]),
            filter=_EVERYTHING,
        ).latest(),
    )


def _read_days(
    db: sqlite3.Connection, watch: Watch, *, today: date, zone: ZoneInfo, currency: str | None
) -> dict[Filter, dict[date, Totals]]:
    """Return the sums of each day up to today, as far back as anything under a filter goes.

    Only those under no filter hold the household's own figures.
    """
    running = running_days(today).first
    firsts = dict.fromkeys(watch.tracked.values(), running)
    reference = last_days(REFERENCE_DAYS, today=today - DAY).first
    firsts |= dict.fromkeys(
        (budget.filter for budget in watch.budgets.values()), min(running, reference)
    )
    firsts[_EVERYTHING] = min(running, reference, last_days(WINDOW_DAYS, today=today).first)
    return {
        wanted: read_day_totals(
            db,
            Days(first, today),
            filters.resolve(db, wanted),
            zone,
            None if wanted else currency,
        )
        for wanted, first in firsts.items()
    }


def _cost_to_same_time(db: sqlite3.Connection, day: date, now: datetime, zone: ZoneInfo) -> int:
    """Return what a day had cost up to the present time of day; ``now`` is in the home's zone."""
    start, end = to_us(midnight(day, zone)), to_us(same_time_on(day, now))
    (_, cost), _ = read_day_parts(db, [(start, end, end)])
    return cost
