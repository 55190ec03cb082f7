"""Everything that the sensors show, from one snapshot."""

from datetime import date, datetime
import sqlite3
from zoneinfo import ZoneInfo

from ..anomalies import WINDOW_DAYS
from ..breakdowns import model_name
from ..budgets import crossings
from ..overview import Figures, Watch
from ..periods import DAY, Period, to_date
from ..totals import Filter
from ..trends import Metric
from . import answers, budgets, prices, trends
from .filters import Chosen
from .queries import Window


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
    everything = Filter()
    today = now.astimezone(zone).date()
    day = Window(to_date(Period.DAY, today=today))
    paid = [row for row in answers.models(db, day, Chosen(), zone) if row.totals.cost]
    top = min(
        ((-row.totals.cost, model_name(row.provider, row.model)) for row in paid),
        default=(0, None),
    )
    comparison = trends.comparison(db, 1, everything, now=now, zone=zone)
    change = comparison.change_to_same_time(Metric.COST)
    assert change is not None  # the quarter-hours of all events are always there
    states = budgets.states(db, watch.budgets, now=now, zone=zone)
    return Figures(
        day=today,
        summary=answers.summary(db, everything, now=now, zone=zone, currency=currency),
        rate_known=currency is None or prices.exchange_rate_known(db, currency, now),
        cost_change=change,
        forecast=trends.forecast(db, now=now, zone=zone),
        top_model=top[1],
        tracked={
            name: answers.summary(db, wanted, now=now, zone=zone)
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
        scores=trends.anomalies(
            db, WINDOW_DAYS, watch.anomaly_threshold, everything, now=now, zone=zone
        ).latest(),
    )
