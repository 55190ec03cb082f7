"""Everything that the sensors show, from one snapshot; the days of each scope are read once."""

from datetime import date, datetime
import sqlite3
from zoneinfo import ZoneInfo

from ..anomalies import WINDOW_DAYS, Anomalies
from ..breakdowns import model_name
from ..budgets import crossings
from ..forecast import REFERENCE_DAYS, month_forecast
from ..overview import Figures, Watch, running_days, summary_of
from ..periods import DAY, Days, last_days, midnight, to_us
from ..spread import percent_change
from ..totals import Filter, Totals
from ..trends import same_time_on
from . import answers, budgets, filters, prices, queries
from .daily import day_totals, seen_days
from .filters import Chosen
from .queries import Window

_EVERYTHING = Filter()


def figures(
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
    reference = seen_days(db, last_days(REFERENCE_DAYS, today=today - DAY)).dates()
    seen = seen_days(db, last_days(WINDOW_DAYS, today=today)).dates()
    states = budgets.states(db, watch.budgets, sums, reference, now=now, zone=zone)
    paid = [
        row
        for row in answers.models(db, Window(Days(today, today)), Chosen(), zone)
        if row.totals.cost
    ]
    top = min(
        ((-row.totals.cost, model_name(row.provider, row.model)) for row in paid),
        default=(0, None),
    )
    return Figures(
        day=today,
        summary=summary_of(everything, _EVERYTHING, today=today, zone=zone, currency=currency),
        rate_known=currency is None or prices.exchange_rate_known(db, currency, now),
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
            *budgets.closed_crossings(db, watch.budgets, looked, today=today, zone=zone),
            *(
                crossing
                for key, state in states.items()
                for crossing in crossings(key, state.budget, state.start.date(), state.used)
            ),
        ],
        unpriced_models=answers.unpriced_models(db, since=today - DAY),
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
        wanted: day_totals(
            db,
            Days(first, today),
            filters.choose(db, wanted),
            zone,
            None if wanted else currency,
        )
        for wanted, first in firsts.items()
    }


def _cost_to_same_time(db: sqlite3.Connection, day: date, now: datetime, zone: ZoneInfo) -> int:
    """Return what a day had cost up to the present time of day; ``now`` is in the home's zone."""
    start, end = to_us(midnight(day, zone)), to_us(same_time_on(day, now))
    (_, cost), _ = queries.day_parts(db, [(start, end, end)])
    return cost
