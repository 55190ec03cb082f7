"""The month's end from the month to date, the weekday pattern and the present level.

A week's end likewise, from the week to date.

projected = month to date + max(0, e(today) - today so far) + Σ e(d) over the month's later days,
from the last 28 complete days from the ledger's first day on (none: month to date only):

- e(d) = f·(m + λ·(w(d) - m)); m is the mean of those days, w(d) that of the ones of d's weekday.
- λ says how far the weekdays are believed to differ: max(0, 1 - within/between), the mean squares
  of an analysis of variance by weekday; 0 while no weekday has come twice.
- f lifts this pattern to the present level: 1 + β·(g - 1), g being the sum of the last 14 of those
  days divided by what the pattern says for them, and β how far the last 14 are believed to differ
  from the earlier ones: the same measure over what the days differ from the pattern by.

The range is projected ∓ 1.2816·s·√(k·(1 + k/n)) (80 per cent, if residuals were normal and
nothing changes): s the sample standard deviation of the n days' residuals, k the days left with
today; never below month to date.

With plain weekday means for e(d) (and the mean of all days while a weekday has come only once) the
mean absolute error was that of extrapolating the month to date in a ledger's first month, and 1.3
to 1.5 times as much in months of growth. ``tests/analytics/trends/test_forecast.py`` back-tests
this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..periods import DAY, Days, Period, last_days, period_days, to_date
from ..store.day_sums import days_seen, read_day_totals
from ..store.filters import ResolvedFilter
from ..totals import Json, Totals
from .robust_statistics import deviation, mean, percent_change, root, shown_amount, whole

REFERENCE_DAYS: Final = 28
_LEVEL_DAYS: Final = 14
_NINETY: Final = Fraction(12816, 10000)
METHOD: Final = (
    "weekday pattern and level of the last 28 complete days, on top of the month to date"
)
METHOD_TO_DATE: Final = "month to date only; there is no complete day to go by"


@dataclass(frozen=True, slots=True)
class Projection:
    """A month-end figure and its range, in the unit of what was given."""

    month_to_date: int
    projected: Fraction
    low: Fraction
    high: Fraction

    def shown(self, *, money: bool) -> Decimal:
        """Return the projected figure for the eye; ``money`` if it is in picos."""
        return shown_amount(self.projected, money=money)

    def as_dict(self, *, money: bool) -> dict[str, Json]:
        """Return the projection as the API writes it; ``money`` if it is in picos."""
        return {
            "month_to_date": shown_amount(self.month_to_date, money=money),
            "projected": self.shown(money=money),
            "low": shown_amount(self.low, money=money),
            "high": shown_amount(self.high, money=money),
        }


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to expect of a Monday to a Sunday, and by how much days usually differ from it."""

    week: Sequence[Fraction]
    usual: Fraction


# The sensors ask again and again about days that are over: one or two figures of each budget.
@lru_cache(maxsize=128)
def pattern_of(complete: tuple[tuple[date, int], ...]) -> Pattern:
    """Return the pattern of at least one complete day."""
    week = expected_week(complete)
    return Pattern(week, deviation(*_residuals(complete, week)))


def expected_week(complete: Sequence[tuple[date, int]]) -> list[Fraction]:
    """Return what to expect of a Monday to a Sunday, given at least one complete day."""
    by_weekday: list[list[int]] = [[] for _ in range(7)]
    for day, figure in complete:
        by_weekday[day.weekday()].append(figure)
    centre = mean([figure for _, figure in complete])
    belief = _belief(by_weekday)
    week = [
        centre + belief * (mean(figures) - centre) if figures else centre for figures in by_weekday
    ]
    residuals, _ = _residuals(complete, week)
    belief = _belief([residuals[:-_LEVEL_DAYS], residuals[-_LEVEL_DAYS:]])
    latest = complete[-_LEVEL_DAYS:]
    pattern = _sum_expected(week, [day for day, _ in latest])
    level = 1 + belief * percent_change(pattern, sum(figure for _, figure in latest)) / 100
    return [level * figure for figure in week]


def _sum_expected(week: Sequence[Fraction], days: Sequence[date]) -> Fraction:
    expected, parts = whole(week)
    return Fraction(sum(expected[day.weekday()] for day in days), parts)


def _residuals(
    complete: Sequence[tuple[date, int]], week: Sequence[Fraction]
) -> tuple[list[int], int]:
    """Return what days differ from the pattern by, in parts of a unit, and how many it has."""
    expected, parts = whole(week)
    return [parts * figure - expected[day.weekday()] for day, figure in complete], parts


def _belief(groups: Sequence[Sequence[int]]) -> Fraction:
    """Return how far groups of figures differ beyond what chance explains, 0 to 1.

    The unit of the figures does not matter.
    """
    groups = [group for group in groups if group]
    every = [figure for group in groups for figure in group]
    explained = sum((Fraction(sum(group) ** 2, len(group)) for group in groups), Fraction(0))
    between = explained - Fraction(sum(every) ** 2, len(every))
    within = sum(figure**2 for figure in every) - explained
    surplus = len(every) - len(groups)
    if not surplus or not between:
        return Fraction(0)
    return max(Fraction(0), 1 - (within / surplus) / (between / (len(groups) - 1)))


def project(
    today: date,
    month_to_date: int,
    so_far: int,
    complete: Sequence[tuple[date, int]],
    period: Period = Period.MONTH,
) -> Projection:
    """Return the projection to the end of the month, or of another period to date.

    ``month_to_date`` includes ``so_far``, today's figure; ``complete`` are the reference days
    before today, at most 28, earliest first, idle days with 0.
    """
    if not complete:
        figure = Fraction(month_to_date)
        return Projection(month_to_date, figure, figure, figure)
    pattern = pattern_of(tuple(complete))
    week = pattern.week
    later = Days(today, period_days(period, today).last).dates()[1:]
    projected = (
        month_to_date
        + max(Fraction(0), week[today.weekday()] - so_far)
        + _sum_expected(week, later)
    )
    left = len(later) + 1
    margin = _NINETY * pattern.usual * root(left * (1 + Fraction(left, len(complete))))
    return Projection(
        month_to_date,
        projected,
        max(Fraction(month_to_date), projected - margin),
        projected + margin,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The month's tokens and cost."""

    tokens: Projection
    cost: Projection
    days_used: int

    def as_dict(self) -> dict[str, Json]:
        """Return the forecast as the API writes it."""
        return {
            "tokens": self.tokens.as_dict(money=False),
            "cost": self.cost.as_dict(money=True),
            "method": METHOD if self.days_used else METHOD_TO_DATE,
            "days_used": self.days_used,
        }


def month_forecast(today: date, sums: Mapping[date, Totals], reference: Sequence[date]) -> Forecast:
    """Return the month's forecast from the sums of its days up to today and of reference days.

    ``reference`` are the complete days before today to go by, at most 28, earliest first.
    """
    month = to_date(Period.MONTH, today=today).dates()

    def projection(figures: Mapping[date, int]) -> Projection:
        return project(
            today,
            sum(figures[day] for day in month),
            figures[today],
            [(day, figures[day]) for day in reference],
        )

    return Forecast(
        tokens=projection({day: totals.tokens for day, totals in sums.items()}),
        cost=projection({day: totals.cost for day, totals in sums.items()}),
        days_used=len(reference),
    )


def read_forecast(db: sqlite3.Connection, *, now: datetime, zone: ZoneInfo) -> Forecast:
    """Return the month-end projection of tokens and cost."""
    today = now.astimezone(zone).date()
    month = to_date(Period.MONTH, today=today)
    reference = days_seen(db, last_days(REFERENCE_DAYS, today=today - DAY))
    days = Days(min(month.first, reference.first), today)
    return month_forecast(
        today, read_day_totals(db, days, ResolvedFilter(), zone), reference.dates()
    )
