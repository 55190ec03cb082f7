"""Means, medians and spreads of exact integers, as fractions until they are shown.

Decisions (is it up? is it an anomaly?) are made on the exact fractions; rounding is for the eye
only. A square root is irrational, so it is taken to 50 significant digits, far beyond the places
shown.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from math import lcm
from typing import Final

from .money import PICO_PLACES, rounded

_ROOT: Final = Context(prec=50)


def mean(values: Sequence[int | Fraction]) -> Fraction:
    """Return the arithmetic mean, 0 of nothing."""
    return Fraction(sum(values)) / len(values) if values else Fraction(0)


def median(values: Sequence[int | Fraction]) -> Fraction:
    """Return the middle value, or the mean of the two middle ones; 0 of nothing."""
    if not values:
        return Fraction(0)
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return Fraction(ordered[half])
    return (Fraction(ordered[half - 1]) + Fraction(ordered[half])) / 2


def median_deviation(values: Sequence[int | Fraction]) -> Fraction:
    """Return the median absolute deviation about the median (MAD), unscaled."""
    # In whole numbers, as many comparisons of fractions would take long.
    scale = lcm(*(value.denominator for value in values))
    whole = [value.numerator * (scale // value.denominator) for value in values]
    twice = int(2 * median(whole))
    return median([abs(2 * value - twice) for value in whole]) / (2 * scale)


def root(value: Fraction) -> Fraction:
    """Return the square root of a non-negative fraction to 50 significant digits."""
    quotient = _ROOT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Fraction(_ROOT.sqrt(quotient))


def deviation(values: Sequence[int | Fraction]) -> Fraction:
    """Return the sample standard deviation, 0 of fewer than two values."""
    if len(values) < 2:  # noqa: PLR2004 - two values make a spread
        return Fraction(0)
    centre = mean(values)
    return root(sum((value - centre) ** 2 for value in values) / Fraction(len(values) - 1))


def percent_change(before: Fraction | int, after: Fraction | int) -> Fraction:
    """Return 100·(after - before)/before; from 0 it is 100 if there is any, else 0."""
    if before == 0:
        return Fraction(100 if after > 0 else 0)
    return 100 * (Fraction(after) - before) / before


def shown_amount(value: Fraction | int, *, money: bool) -> Decimal:
    """Return a figure for the eye: picos as an amount to 12 places, all else to 2 places."""
    return rounded(Fraction(value) / 10**PICO_PLACES, PICO_PLACES) if money else rounded(value)
