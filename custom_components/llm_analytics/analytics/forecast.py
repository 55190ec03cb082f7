"""The month's end from the month to date and the weekday pattern.

projected = month to date + max(0, e(today) - today so far) + Σ e(d) over the month's later days.
e(d) is the mean of that weekday over the last 28 complete days from the ledger's first day on; with
fewer than 2 of that weekday the mean of all of them; with none there is only the month to date.
The range is projected ∓ 1.2816·s·√k (80 per cent, if residuals were normal): s the sample standard
deviation of the residuals of those days, k the days left with today; never below month to date.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from .models import Json
from .periods import Days, Period, period_days
from .spread import deviation, mean, root, shown_amount

REFERENCE_DAYS: Final = 28
_ENOUGH_WEEKDAYS: Final = 2
_NINETY: Final = Fraction(12816, 10000)
METHOD: Final = "weekday means of the last 28 complete days, on top of the month to date"
METHOD_TO_DATE: Final = "month to date only; there is no complete day to go by"


@dataclass(frozen=True, slots=True)
class Projection:
    """A month-end figure and its range, in the unit of what was given."""

    month_to_date: int
    projected: Fraction
    low: Fraction
    high: Fraction

    def as_dict(self, *, money: bool) -> dict[str, Json]:
        """Return the projection as the API writes it; ``money`` if it is in picos."""
        return {
            "month_to_date": shown_amount(self.month_to_date, money=money),
            "projected": shown_amount(self.projected, money=money),
            "low": shown_amount(self.low, money=money),
            "high": shown_amount(self.high, money=money),
        }


def expected_of(day: date, complete: Sequence[tuple[date, int]]) -> Fraction:
    """Return the mean of a day's weekday, of all days if it is seldom, 0 if there are none."""
    same = [figure for other, figure in complete if other.weekday() == day.weekday()]
    if len(same) >= _ENOUGH_WEEKDAYS:
        return mean(same)
    return mean([figure for _, figure in complete])


def project(
    today: date, month_to_date: int, so_far: int, complete: Sequence[tuple[date, int]]
) -> Projection:
    """Return the month-end projection.

    ``month_to_date`` includes ``so_far``, today's figure; ``complete`` are the reference days
    before today, at most 28, idle days with 0.
    """
    if not complete:
        figure = Fraction(month_to_date)
        return Projection(month_to_date, figure, figure, figure)
    month = period_days(Period.MONTH, today)
    later = Days(today, month.last).dates()[1:]
    projected = (
        month_to_date
        + max(Fraction(0), expected_of(today, complete) - so_far)
        + sum(expected_of(day, complete) for day in later)
    )
    residuals = [figure - expected_of(day, complete) for day, figure in complete]
    margin = _NINETY * deviation(residuals) * root(Fraction(len(later) + 1))
    floor = Fraction(month_to_date)
    return Projection(
        month_to_date, projected, max(floor, projected - margin), max(floor, projected + margin)
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
