"""The forecast agrees with a slow reference of its formula, and beats extrapolation in a back-test.

Naive extrapolation is what anyone would do first: the month to date, divided by the part of the
month that is over, times the whole month.
"""

import calendar
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
import math
import random
import statistics
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics.trends.forecast import (
    METHOD,
    METHOD_TO_DATE,
    Forecast,
    expected_week,
    project,
)

DAY = timedelta(days=1)
MONTHS = [(2026, 2), (2026, 4), (2026, 5), (2026, 8), (2024, 2), (2025, 12)]
SEEDS = range(4)
WORK = [1.0, 1.0, 1.1, 1.0, 0.9, 0.35, 0.25]
HOME = [1.0, 1.0, 1.0, 1.0, 1.2, 1.8, 1.6]
FLAT = [1.0] * 7

type Day = tuple[date, int]


def before(today: date, figures: list[int]) -> list[Day]:
    """Return the complete days before today, earliest first."""
    return [(today - (len(figures) - n) * DAY, figure) for n, figure in enumerate(figures)]


# A slow reference


def believed(groups: list[list[Fraction]]) -> Fraction:
    groups = [group for group in groups if group]
    every = [one for group in groups for one in group]
    centre = statistics.mean(every)
    between = sum(len(group) * (statistics.mean(group) - centre) ** 2 for group in groups)
    within = sum((one - statistics.mean(group)) ** 2 for group in groups for one in group)
    if len(every) == len(groups) or between == 0:
        return Fraction(0)
    ratio = Fraction(within, len(every) - len(groups)) / Fraction(between, len(groups) - 1)
    return max(Fraction(0), 1 - ratio)


def slow_expected(day: date, complete: list[Day]) -> Fraction:
    """Return e(d)."""

    def pattern(one: date) -> Fraction:
        same = [Fraction(value) for other, value in complete if other.weekday() == one.weekday()]
        return m + trust * ((statistics.mean(same) if same else m) - m)

    m = statistics.mean([Fraction(value) for _, value in complete])
    trust = believed(
        [[Fraction(value) for other, value in complete if other.weekday() == n] for n in range(7)]
    )
    off = [value - pattern(other) for other, value in complete]
    last = complete[-14:]
    said = sum(pattern(other) for other, _ in last)
    lift = Fraction(sum(value for _, value in last)) / said if said else Fraction(1)
    return (1 + believed([off[:-14], off[-14:]]) * (lift - 1)) * pattern(day)


def slow_projection(today: date, to_date: int, so_far: int, complete: list[Day]) -> list[float]:
    """Return the projected figure, its low and its high."""
    projected = to_date + max(Fraction(0), slow_expected(today, complete) - so_far)
    left, day = 1, today + DAY
    while day.month == today.month:
        projected += slow_expected(day, complete)
        left, day = left + 1, day + DAY
    off = [float(value - slow_expected(other, complete)) for other, value in complete]
    spread = statistics.stdev(off) if len(off) > 1 else 0.0
    margin = 1.2816 * spread * math.sqrt(left * (1 + left / len(complete)))
    return [float(projected), max(to_date, projected - margin), float(projected) + margin]


@settings(max_examples=100, deadline=None)
@given(
    today=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    figures=st.lists(st.integers(0, 10**7), min_size=1, max_size=28),
    so_far=st.integers(0, 10**7),
    earlier=st.integers(0, 10**8),
)
def test_projection_agrees_with_the_slow_one(
    today: date, figures: list[int], so_far: int, earlier: int
) -> None:
    complete = before(today, figures)
    found = project(today, earlier + so_far, so_far, complete)
    assert expected_week(complete)[today.weekday()] == slow_expected(today, complete)
    assert [float(one) for one in (found.projected, found.low, found.high)] == pytest.approx(
        slow_projection(today, earlier + so_far, so_far, complete), rel=1e-6
    )
    assert found.month_to_date <= found.low <= found.projected <= found.high


# Written out


def test_a_steady_ledger_goes_on_as_it_was() -> None:
    today = date(2026, 4, 10)
    found = project(today, 9 * 100 + 30, 30, before(today, [100] * 28))
    assert [found.projected, found.low, found.high] == [3_000] * 3


def test_today_beyond_what_was_expected_counts_as_it_is() -> None:
    today = date(2026, 4, 10)
    found = project(today, 9 * 100 + 500, 500, before(today, [100] * 28))
    assert found.projected == 3_400


def test_on_the_last_day_only_the_rest_of_today_is_to_come() -> None:
    today = date(2026, 4, 30)
    assert project(today, 2_940, 40, before(today, [100] * 28)).projected == 3_000


def test_weekdays_are_believed_when_every_week_is_alike() -> None:
    today = date(2026, 4, 6)  # a Monday
    week = expected_week(before(today, [10, 10, 10, 10, 10, 0, 0] * 2))
    assert week == [10, 10, 10, 10, 10, 0, 0]


def test_weekdays_are_not_believed_while_none_has_come_twice() -> None:
    today = date(2026, 4, 6)
    assert expected_week(before(today, [10, 10, 10, 10, 10, 0, 0])) == [Fraction(50, 7)] * 7
    assert expected_week(before(today, [8])) == [8] * 7


def test_a_weekday_that_has_not_come_yet_is_like_the_mean() -> None:
    today = date(2026, 4, 9)  # a Thursday, after three weeks' Mondays to Wednesdays
    days = [date(2026, 3, 23) + n * DAY for n in range(17) if n % 7 < 3]
    week = expected_week([(day, 30 if day.weekday() else 0) for day in days])
    assert week == [0, 30, 30, 20, 20, 20, 20]
    assert project(today, 0, 0, [(day, 0) for day in days]).projected == 0


def test_a_lasting_change_lifts_what_is_expected() -> None:
    today = date(2026, 4, 6)
    assert expected_week(before(today, [100] * 14 + [200] * 14)) == [200] * 7
    assert expected_week(before(today, [0] * 28)) == [0] * 7


def test_without_a_complete_day_there_is_only_the_month_to_date() -> None:
    found = project(date(2026, 4, 6), 70, 70, [])
    assert [found.projected, found.low, found.high] == [70] * 3
    answer = Forecast(tokens=found, cost=found, days_used=0).as_dict()
    figures = dict.fromkeys(("month_to_date", "projected", "low", "high"), Decimal(70))
    assert answer == {
        "tokens": figures,
        "cost": {name: Decimal("0.00000000007") for name in figures},
        "method": METHOD_TO_DATE,
        "days_used": 0,
    }


def test_the_answer_names_its_method_and_days() -> None:
    today = date(2026, 4, 29)
    found = project(today, 100, 0, before(today, [1, 2]))
    answer: Any = Forecast(tokens=found, cost=found, days_used=2).as_dict()
    assert (answer["method"], answer["days_used"]) == (METHOD, 2)
    # 2 days of 1.5; 1.2816 times the deviation, the root of a half, times the root of 2·(1 + 2/2)
    assert answer["tokens"] == {
        "month_to_date": 100,
        "projected": 103,
        "low": Decimal("101.19"),
        "high": Decimal("104.81"),
    }


# Back-test


def steady(noise: random.Random) -> float:
    return noise.uniform(0.8, 1.2)


def noisy(noise: random.Random) -> float:
    return noise.lognormvariate(0, 0.6)


def sparse(noise: random.Random) -> float:
    return noise.expovariate(1) if noise.random() < 0.4 else 0.0


def sample(
    week: list[float],
    noise: Callable[[random.Random], float],
    *,
    first: date,
    last: date,
    seed: str,
) -> dict[date, int]:
    """Return seeded days of a household with a weekday pattern."""
    source = random.Random(seed)
    days = [first + n * DAY for n in range((last - first).days + 1)]
    return {day: round(10_000 * week[day.weekday()] * noise(source)) for day in days}


def errors(days: dict[date, int], first: date, last: date, share: Fraction) -> tuple[float, float]:
    """Return the summed errors of the forecast and of extrapolation, from day 5 of the month on.

    Each day they are asked when ``share`` of the day's figure has been used.
    """
    actual = sum(figure for day, figure in days.items() if first <= day <= last)
    ours = naive = 0.0
    for offset in range(4, last.day):
        today = first + offset * DAY
        so_far = int(days[today] * share)
        to_date = so_far + sum(figure for day, figure in days.items() if first <= day < today)
        complete = [(day, figure) for day, figure in days.items() if day < today][-28:]
        ours += abs(float(project(today, to_date, so_far, complete).projected) - actual)
        naive += abs(float(to_date / (offset + share) * last.day) - actual)
    return ours, naive


def error_ratio(
    week: list[float],
    noise: Callable[[random.Random], float],
    *,
    history: int,
) -> float:
    """Return our mean absolute error as a part of extrapolation's, over all months and seeds.

    The ledger begins ``history`` days before the month. Both are asked each morning and noon.
    """
    ours = naive = 0.0
    for seed in SEEDS:
        for year, month in MONTHS:
            first = date(year, month, 1)
            last = first.replace(day=calendar.monthrange(year, month)[1])
            name = f"{seed} {year} {month}"
            days = sample(week, noise, first=first - history * DAY, last=last, seed=name)
            for share in (Fraction(0), Fraction(1, 2)):
                one, other = errors(days, first, last, share)
                ours, naive = ours + one, naive + other
    return ours / naive


@pytest.mark.parametrize("history", [14, 28, 60])
@pytest.mark.parametrize("week", [WORK, HOME], ids=["work", "home"])
def test_with_a_weekday_rhythm_the_error_is_at_most_four_fifths(
    week: list[float], history: int
) -> None:
    assert error_ratio(week, steady, history=history) <= 0.8


def test_with_a_weekday_rhythm_even_the_first_month_is_better() -> None:
    assert error_ratio(WORK, steady, history=0) <= 0.8
    assert error_ratio(HOME, steady, history=0) <= 0.9


@pytest.mark.parametrize("history", [14, 28, 60])
@pytest.mark.parametrize("noise", [steady, noisy, sparse])
def test_without_a_weekday_rhythm_the_error_is_no_worse(
    noise: Callable[[random.Random], float], history: int
) -> None:
    assert error_ratio(FLAT, noise, history=history) <= 1
