"""Budgets, as they are documented, from the reference ledger.

- A threshold is crossed once ``used`` reaches its share of the amount, and is told once for the
  period's first day; more than the amount is over.
- A period's crossings are those of every look while it runs, and of one more look at its end.
- A week or month is projected as the month's forecast is; a day is what is used, and of what is
  expected of today the share of the last 28 complete days' sums that came after this quarter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from .forecasts import pattern
from .ledger import DAY, Wanted, add_up, first_instant, local_date
from .maths import figure, shown, written
from .prices import PricedLedger
from .trends import by_day, by_instant, each_day, point_of, seen_days


@dataclass(frozen=True)
class Limit:
    """A budget: ``metric`` is cost or tokens, ``period`` day, week or month."""

    metric: str
    amount: Decimal
    period: str
    thresholds: Sequence[int]
    wanted: Wanted

    def first(self, day: date) -> date:
        """Return the first day of the period that a day lies in."""
        return point_of(self.period, day)

    def last(self, day: date) -> date:
        """Return the last day of the period that a day lies in."""
        while self.first(day + DAY) == self.first(day):
            day += DAY
        return day

    def used(self, ledger: PricedLedger, day: date, today: date) -> Fraction:
        """Return what is used of the period that a day lies in.

        What is dated a little ahead may lie in tomorrow, which is not yet of a running period.
        """
        dated = ledger.in_days(self.first(day), min(self.last(day), today), self.wanted)
        return figure(self.metric, add_up(entry for _, entry in dated))

    def crossed(
        self, ledger: PricedLedger, day: date, today: date
    ) -> list[tuple[date, int, Fraction]]:
        """Return (first day, threshold, used) of what is crossed, lowest first."""
        used = self.used(ledger, day, today)
        return [
            (self.first(day), threshold, used)
            for threshold in sorted(set(self.thresholds))
            if used / Fraction(self.amount) >= Fraction(threshold, 100)
        ]


def standing(ledger: PricedLedger, limit: Limit, *, now: datetime) -> dict[str, object]:
    """Return how a budget stands."""
    today = local_date(now, ledger.zone)
    used = limit.used(ledger, today, today)
    return {
        "start": first_instant(limit.first(today), ledger.zone),
        "used": written(limit.metric, used),
        "remaining": written(limit.metric, Fraction(limit.amount) - used),
        "percent": shown(100 * used / Fraction(limit.amount)),
        "over": used > Fraction(limit.amount),
        "projected": written(limit.metric, projected(ledger, limit, used, now=now)),
    }


def projected(ledger: PricedLedger, limit: Limit, used: Fraction, *, now: datetime) -> Fraction:
    """Return what will be used by the period's end."""
    today = local_date(now, ledger.zone)
    reference = seen_days(ledger, (today - 28 * DAY, today - DAY))
    if not reference:
        return used
    dated = ledger.in_days(reference[0], today, limit.wanted)
    *sums, so_far = by_day(dated, [*reference, today])
    expected = pattern(
        [(day, figure(limit.metric, one)) for day, one in zip(reference, sums, strict=True)]
    )
    if limit.period == "day":
        return used + expected[today.isoweekday()] * rest_of_day(
            ledger, limit.metric, reference, now=now
        )
    rest = max(Fraction(0), expected[today.isoweekday()] - figure(limit.metric, so_far))
    later = each_day(today + DAY, limit.last(today))
    return used + rest + sum((expected[day.isoweekday()] for day in later), Fraction(0))


def rest_of_day(
    ledger: PricedLedger, metric: str, days: Sequence[date], *, now: datetime
) -> Fraction:
    """Return the share of some days' sums that came after the present quarter of an hour began."""
    clock = now.astimezone(ledger.zone)
    after = whole = Fraction(0)
    for day in days:
        start, end = (first_instant(one, ledger.zone) for one in (day, day + DAY))
        cut = datetime(
            day.year, day.month, day.day, clock.hour, clock.minute // 15 * 15, tzinfo=ledger.zone
        )
        whole += figure(metric, add_up(by_instant(ledger, start, end, {})))
        after += figure(metric, add_up(by_instant(ledger, max(start, cut), end, {})))
    return after / whole if whole else Fraction(0)
