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

from ..money import PICO_PLACES, rounded

_ROOT: Final = Context(prec=50)


def mean(values: Sequence[int | Fraction]) -> Fraction:
    """Return the arithmetic mean, 0 of nothing."""
    return Fraction(sum(values), len(values)) if values else Fraction(0)


def whole(values: Sequence[int | Fraction]) -> tuple[list[int], int]:
    """Return the values as whole numbers of one part of a unit, and how many parts it has.

    The same figures come out of sums of these as of sums of fractions, which take far longer.
    """
    parts = lcm(*(value.denominator for value in values))
    return [value.numerator * (parts // value.denominator) for value in values], parts


def median(values: Sequence[int | Fraction]) -> Fraction:
    """Return the middle value, or the mean of the two middle ones; 0 of nothing."""
    return Fraction(twice_median(values), 2) if values else Fraction(0)


def twice_median[Number: (int, int | Fraction)](values: Sequence[Number]) -> Number:
    """Return twice the median of at least one value: of whole numbers a whole number."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]


def median_deviation(values: Sequence[int | Fraction]) -> Fraction:
    """Return the median absolute deviation about the median (MAD), unscaled."""
    if not values:
        return Fraction(0)
    numbers, parts = whole(values)
    middle = twice_median(numbers)
    return Fraction(twice_median([abs(2 * number - middle) for number in numbers]), 4 * parts)


def root(value: Fraction) -> Fraction:
    """Return the square root of a non-negative fraction to 50 significant digits."""
    quotient = _ROOT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Fraction(_ROOT.sqrt(quotient))


def deviation(values: Sequence[int | Fraction], unit: int = 1) -> Fraction:
    """Return the sample standard deviation, 0 of fewer than two values.

    A ``unit`` is as many of what the values count; the deviation is in units.
    """
    if len(values) < 2:  # noqa: PLR2004 - two values make a spread
        return Fraction(0)
    numbers, parts = whole(values)
    count, total = len(numbers), sum(numbers)
    squares = count * sum(number**2 for number in numbers) - total**2
    return root(Fraction(squares, count * (count - 1) * (parts * unit) ** 2))


def percent_change(before: Fraction | int, after: Fraction | int) -> Fraction:
    """Return 100·(after - before)/before; from 0 it is 100 if there is any, else 0."""
    if before == 0:
        return Fraction(100 if after > 0 else 0)
    return 100 * (Fraction(after) - before) / before


def shown_amount(value: Fraction | int, *, money: bool) -> Decimal:
    """Return a figure for the eye: picos as an amount to 12 places, all else to 2 places."""
    return rounded(Fraction(value) / 10**PICO_PLACES, PICO_PLACES) if money else rounded(value)
