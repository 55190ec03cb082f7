"""Means, medians, spreads and roots as a pocket calculator with endless digits has them."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import isqrt

from .ledger import EXACT, Sums

type Figures = Sequence[Fraction]

_DIGITS = 10**60


def average(values: Figures) -> Fraction:
    """Return the mean, 0 of nothing."""
    return sum(values, Fraction(0)) / max(len(values), 1)


def middle(values: Figures) -> Fraction:
    """Return the median, 0 of nothing."""
    ordered = sorted(values)
    count = len(ordered)
    return average(ordered[(count - 1) // 2 : count // 2 + 1]) if count else Fraction(0)


def plain_mad(values: Figures) -> Fraction:
    """Return the median distance from the median."""
    centre = middle(values)
    return middle([abs(value - centre) for value in values])


def sample_deviation(values: Figures) -> Fraction:
    """Return the sample standard deviation, 0 of fewer than two values."""
    if len(values) < 2:
        return Fraction(0)
    centre = average(values)
    squares = sum(((value - centre) ** 2 for value in values), Fraction(0))
    return square_root(squares / (len(values) - 1))


def square_root(value: Fraction) -> Fraction:
    """Return the root: exact where it is a fraction, else to 60 places."""
    over, under = isqrt(value.numerator), isqrt(value.denominator)
    if (over**2, under**2) == (value.numerator, value.denominator):
        return Fraction(over, under)
    return Fraction(isqrt(value.numerator * _DIGITS**2 // value.denominator), _DIGITS)


def percent(before: Fraction, after: Fraction) -> Fraction:
    """Return the change in per cent; from 0 it is 100 to anything and 0 to nothing."""
    if not before:
        return Fraction(100 if after else 0)
    return 100 * (after - before) / before


def shown(value: Fraction, places: int = 2) -> Decimal:
    """Return a figure as it is written, halves to the even one."""
    nearest = round(value, places)
    return EXACT.divide(Decimal(nearest.numerator), Decimal(nearest.denominator))


def figure(metric: str, sums: Sums) -> Fraction:
    """Return one of requests, tokens and cost."""
    if metric == "cost":
        return Fraction(sums.cost)
    return Fraction(sums.requests if metric == "requests" else sums.tokens)


def written(metric: str, value: Fraction) -> Decimal:
    """Return a metric's figure as it is written: money to 12 places, all else to 2."""
    return shown(value, 12 if metric == "cost" else 2)
