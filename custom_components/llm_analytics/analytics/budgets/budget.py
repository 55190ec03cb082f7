"""Budgets: an amount of money or tokens for each day, week or month, and how it is being used up.

All figures are integers in the budget's own unit: picos or tokens.

- A threshold is a share of the limit in per cent. It is crossed once ``used`` reaches it (used ≥
  threshold·limit/100). The budget is exceeded once more than the limit is used (used > limit).
- A crossing is announced once for a budget, a threshold, and the first day of the period. A lower
  figure withdraws nothing. A budget whose limit, period or scope is changed is a new one to be
  crossed.
- A period that has closed is looked at once more, with what had been recorded by its end. What is
  recorded for it later crosses nothing.
- The projection to the end of a week or month is the forecast's. That of a day is what is used,
  and of what the forecast expects of today the share that the household's last 28 complete days
  came to after this time of day (at the last full quarter of an hour). Without a complete day to go
  by it is what is used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from hashlib import blake2b
from typing import Final

from ..errors import InvalidInputError
from ..money import from_pico, rounded, to_pico
from ..notices import Notice, NoticeKind
from ..periods import Period, period_days
from ..totals import Filter, Totals
from ..trends.forecast import pattern_of, project
from ..trends.robust_statistics import shown_amount

MAX_AMOUNT: Final = 10**15
MAX_THRESHOLD: Final = 1_000
BUDGET_PERIODS: Final = (Period.DAY, Period.WEEK, Period.MONTH)


class BudgetUnit(StrEnum):
    """What a budget is an amount of."""

    COST = "cost"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An amount to get by with in each period. ``amount`` is US dollars or whole tokens.

    Raises InvalidInputError for an amount that is not positive (less than 10⁻¹² dollars, a part
    of a token), a period other than day, week and month, or thresholds outside 1 to 1,000 per cent.
    """

    name: str
    unit: BudgetUnit
    amount: Decimal
    period: Period
    thresholds: tuple[int, ...] = ()
    filter: Filter = field(default_factory=Filter)

    def __post_init__(self) -> None:
        """Check what cannot be a budget."""
        fits = self.amount.is_finite() and 0 < self.amount <= MAX_AMOUNT
        if fits and self.unit is BudgetUnit.TOKENS:
            fits = self.amount == self.amount.to_integral_value()
        if not fits or not self.limit:
            raise InvalidInputError(
                "amount", f"must be more than 0, at most {MAX_AMOUNT}, got {self.amount}"
            )
        if self.period not in BUDGET_PERIODS:
            raise InvalidInputError("period", f"must be day, week or month, got {self.period}")
        if not all(0 < threshold <= MAX_THRESHOLD for threshold in self.thresholds):
            raise InvalidInputError("thresholds", f"must be 1 to {MAX_THRESHOLD} per cent")

    @property
    def limit(self) -> int:
        """Return the amount in picos or tokens."""
        return to_pico(self.amount) if self.unit is BudgetUnit.COST else int(self.amount)

    @property
    def unit_name(self) -> str:
        """Return the unit that amounts are shown in."""
        return "USD" if self.unit is BudgetUnit.COST else "tokens"

    @property
    def digest(self) -> str:
        """Return an id that changes with the budget and contains no names."""
        scope = {name: value for name, value in asdict(self.filter).items() if value is not None}
        text = repr((self.unit.value, self.limit, self.period.value, sorted(scope.items())))
        return blake2b(text.encode(), digest_size=8).hexdigest()

    def used(self, totals: Totals) -> int:
        """Return how much some events have used."""
        return totals.cost if self.unit is BudgetUnit.COST else totals.tokens

    def shown(self, figure: int) -> Decimal | int:
        """Return a figure as an exact amount."""
        return from_pico(figure) if self.unit is BudgetUnit.COST else figure

    def crossed(self, used: int) -> list[int]:
        """Return the thresholds that are crossed, ascending."""
        return [
            threshold
            for threshold in sorted(set(self.thresholds))
            if 100 * used >= threshold * self.limit
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """How a budget stands in its running period, which began at ``start`` in the home's zone."""

    budget: Budget
    start: datetime
    used: int
    projection: Fraction

    @property
    def used_amount(self) -> Decimal | int:
        """Return what is used."""
        return self.budget.shown(self.used)

    @property
    def remaining_amount(self) -> Decimal | int:
        """Return what is left, below 0 by what is used beyond the limit."""
        return self.budget.shown(self.budget.limit - self.used)

    @property
    def used_percent(self) -> Decimal:
        """Return the share of the limit that is used in per cent, to 2 places."""
        return rounded(Fraction(100 * self.used, self.budget.limit))

    @property
    def projected_amount(self) -> Decimal:
        """Return what will be used by the period's end if it goes on as usual."""
        return shown_amount(self.projection, money=self.budget.unit is BudgetUnit.COST)

    @property
    def exceeded(self) -> bool:
        """Return whether more than the limit is used."""
        return self.used > self.budget.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A threshold that a budget, known by ``key``, crossed in the period that began on ``day``."""

    key: str
    budget: Budget
    day: date
    threshold: int
    used: int

    @property
    def notice(self) -> Notice:
        """Return what makes this crossing the same as another."""
        name = f"{self.key}/{self.budget.digest}/{self.threshold}"
        return Notice(NoticeKind.BUDGET, name, self.day)


def crossings(key: str, budget: Budget, day: date, used: int) -> list[Crossing]:
    """Return what a budget has crossed in the period that began on ``day``, lowest first."""
    return [
        Crossing(key=key, budget=budget, day=day, threshold=threshold, used=used)
        for threshold in budget.crossed(used)
    ]


def projection(
    budget: Budget,
    today: date,
    figures: Mapping[date, int],
    reference: Sequence[date],
    rest: Fraction,
) -> Fraction:
    """Return what will be used by the period's end.

    ``figures`` are those of the period's days up to today, and of the complete days before today
    that ``reference`` names; ``rest`` is the share of a day that comes after this time of day.
    """
    first = period_days(budget.period, today).first
    used = sum(figure for day, figure in figures.items() if day >= first)
    complete = [(day, figures[day]) for day in reference]
    if budget.period is Period.DAY and complete:
        return used + pattern_of(tuple(complete)).week[today.weekday()] * rest
    return project(today, used, figures[today], complete, budget.period).projected
