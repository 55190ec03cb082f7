"""Reading how budgets stand."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
import sqlite3
from zoneinfo import ZoneInfo

from ..periods import Days, Period, day_span, midnight, period_days, to_us
from ..store import filters
from ..store.day_sums import Window, read_totals
from ..store.hour_sums import read_day_parts
from ..totals import Filter, Totals
from ..trends.comparison import same_time_on
from .budget import Budget, BudgetState, BudgetUnit, Crossing, crossings, projection


def read_states(
    db: sqlite3.Connection,
    budgets: Mapping[str, Budget],
    sums: Mapping[Filter, Mapping[date, Totals]],
    reference: Sequence[date],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> dict[str, BudgetState]:
    """Return how budgets stand in their running periods.

    ``sums`` are those of each day under each budget's filter: of the running days and of
    ``reference``, the complete days to go by.
    """
    today = now.astimezone(zone).date()
    rest = dict.fromkeys(BudgetUnit, Fraction(0))
    if any(budget.period is Period.DAY for budget in budgets.values()):
        rest = _rest_of_day(db, reference, now=now, zone=zone)
    found = {}
    for key, budget in budgets.items():
        first = period_days(budget.period, today).first
        figures = {day: budget.used(totals) for day, totals in sums[budget.filter].items()}
        found[key] = BudgetState(
            budget=budget,
            start=midnight(first, zone).astimezone(zone),
            used=sum(figure for day, figure in figures.items() if day >= first),
            projection=projection(budget, today, figures, reference, rest[budget.unit]),
        )
    return found


def _rest_of_day(
    db: sqlite3.Connection, reference: Sequence[date], *, now: datetime, zone: ZoneInfo
) -> dict[BudgetUnit, Fraction]:
    """Return the share of some days' sums that came after the present time of day."""
    days = []
    for day in reference:
        span, moment = day_span(Days(day, day), zone), same_time_on(day, now.astimezone(zone))
        days.append((to_us(span.start), to_us(moment), to_us(span.end)))
    (tokens, cost), (tokens_after, cost_after) = read_day_parts(db, days)
    return {
        BudgetUnit.COST: Fraction(cost_after, cost or 1),
        BudgetUnit.TOKENS: Fraction(tokens_after, tokens or 1),
    }


def read_closed_crossings(
    db: sqlite3.Connection,
    budgets: Mapping[str, Budget],
    looked: date | None,
    *,
    today: date,
    zone: ZoneInfo,
) -> list[Crossing]:
    """Return what is crossed in periods that were running at the last look and have closed since.

    All that lies in them counts as recorded in time, so nothing may have been recorded between
    their end and this look.
    """
    found: list[Crossing] = []
    if looked is None:
        return found
    for key, budget in budgets.items():
        days = period_days(budget.period, looked)
        if days.last < today:
            chosen = filters.resolve(db, budget.filter)
            used = budget.used(read_totals(db, Window(days), chosen, zone))
            found.extend(crossings(key, budget, days.first, used))
    return found
