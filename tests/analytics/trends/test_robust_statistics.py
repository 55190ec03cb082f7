"""Means, medians and spreads agree with the statistics module and stay exact."""

from decimal import Decimal
from fractions import Fraction
import statistics

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics.trends.robust_statistics import (
    deviation,
    mean,
    median,
    median_deviation,
    percent_change,
    root,
    shown_amount,
    twice_median,
    whole,
)

COUNTS = st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=40)
FRACTIONS = st.fractions(-1000, 1000, max_denominator=999)


@settings(max_examples=200, deadline=None)
@given(COUNTS)
def test_means_and_medians_are_those_of_the_statistics_module(values: list[int]) -> None:
    exact = [Fraction(value) for value in values]
    assert mean(values) == statistics.mean(exact)
    assert median(values) == statistics.median(exact)


@settings(max_examples=200, deadline=None)
@given(st.lists(FRACTIONS, min_size=1, max_size=20))
def test_median_deviation_is_the_median_distance_from_the_median(values: list[Fraction]) -> None:
    middle = statistics.median(values)
    assert median_deviation(values) == statistics.median([abs(one - middle) for one in values])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**15), min_size=2, max_size=40))
def test_deviation_is_the_sample_standard_deviation(values: list[int]) -> None:
    variance = statistics.variance([Fraction(value) for value in values])
    found = deviation(values)
    assert abs(found**2 - variance) <= variance * Fraction(1, 10**45)
    assert float(found) == pytest.approx(statistics.stdev(values))


@settings(max_examples=200, deadline=None)
@given(st.lists(FRACTIONS, min_size=2, max_size=20), st.integers(1, 10**9))
def test_deviation_of_parts_is_that_of_their_units(values: list[Fraction], unit: int) -> None:
    assert deviation([unit * value for value in values], unit) == deviation(values)


@settings(max_examples=200, deadline=None)
@given(st.lists(FRACTIONS, max_size=20))
def test_whole_numbers_of_parts_are_the_same_figures(values: list[Fraction]) -> None:
    numbers, parts = whole(values)
    assert all(type(number) is int for number in numbers)
    assert [Fraction(number, parts) for number in numbers] == values


@settings(max_examples=200, deadline=None)
@given(COUNTS)
def test_twice_the_median_of_counts_is_a_count(values: list[int]) -> None:
    assert type(twice_median(values)) is int
    assert twice_median(values) == 2 * statistics.median(map(Fraction, values))


@settings(max_examples=200, deadline=None)
@given(st.fractions(0, 10**30, max_denominator=10**9))
def test_root_is_right_to_45_digits(value: Fraction) -> None:
    assert abs(root(value) ** 2 - value) <= value * Fraction(1, 10**45)


def test_root_of_a_square_is_exact() -> None:
    assert root(Fraction(0)) == 0
    assert root(Fraction(144)) == 12
    assert root(Fraction(9, 16)) == Fraction(3, 4)


def test_of_nothing_all_are_zero() -> None:
    assert [mean([]), median([]), median_deviation([]), deviation([])] == [0] * 4
    assert deviation([7]) == 0


def test_figures_written_out() -> None:
    assert mean([1, 2, 4]) == Fraction(7, 3)
    assert median([9, 1, 4]) == 4
    assert median([9, 1, 4, 5]) == Fraction(9, 2)
    assert median_deviation([1, 1, 2, 2, 4, 6, 9]) == 1
    assert deviation([2, 4, 4, 4, 5, 5, 7, 9, 5]) == 2


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (100, 110, Fraction(10)),
        (3, 4, Fraction(100, 3)),
        (4, 3, Fraction(-25)),
        (5, 0, Fraction(-100)),
        (0, 7, Fraction(100)),
        (0, 0, Fraction(0)),
        (Fraction(1, 3), 1, Fraction(200)),
    ],
)
def test_percent_change_from_nothing_is_100_or_0(
    before: Fraction | int, after: int, change: Fraction
) -> None:
    assert percent_change(before, after) == change


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Fraction(1, 3), "0.33"),
        (Fraction(-5, 1000), "0"),
        (Fraction(15, 1000), "0.02"),
        (12, "12"),
    ],
)
def test_a_count_is_shown_to_2_places(value: Fraction | int, shown: str) -> None:
    assert shown_amount(value, money=False) == Decimal(shown)


@pytest.mark.parametrize(
    ("picos", "shown"),
    [
        (Fraction(1, 3), "0"),
        (Fraction(3, 2), "0.000000000002"),
        (Fraction(10**13, 3), "3.333333333333"),
        (2 * 10**12, "2"),
    ],
)
def test_money_is_shown_to_12_places(picos: Fraction | int, shown: str) -> None:
    assert shown_amount(picos, money=True) == Decimal(shown)
