"""Exact money: integers of 10⁻¹² of a currency unit inside, ``Decimal`` at the edges.

A *pico* is 10⁻¹² US dollars. Sums of picos are integer sums, so they are exact whatever their
order. Binary floating point never touches an amount. Where a division cannot be exact the result
is rounded half to even, once, at the place the contract names: 12 places for money, 2 for counts,
latency, percentages, scores and ratios.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

PICO_PLACES = 12
PICO: int = 10**PICO_PLACES
MAX_INT64 = 2**63 - 1

# Wide enough for every amount that is accepted; however many places it was given with, it is
# rounded once, by quantize.
_WIDE = Context(prec=200, rounding=ROUND_HALF_EVEN)


def divide_half_even(numerator: int, denominator: int) -> int:
    """Return the integer nearest to numerator/denominator, halves to the even one."""
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    if doubled > denominator or (doubled == denominator and quotient % 2):
        quotient += 1
    return quotient


def to_scale(value: Decimal, places: int) -> int:
    """Return ``value`` as an integer count of 10^-places, rounded half to even."""
    kept = value.quantize(Decimal(1).scaleb(-places, _WIDE), context=_WIDE)
    return int(kept.scaleb(places, _WIDE))


def to_pico(value: Decimal) -> int:
    """Return an amount as picos, rounded half to even beyond 12 places."""
    return to_scale(value, PICO_PLACES)


def plain(value: Decimal) -> Decimal:
    """Return the same number with no trailing zeros and no positive exponent."""
    value = value.normalize(_WIDE)
    return value if value.as_tuple().exponent <= 0 else value.quantize(Decimal(1), context=_WIDE)  # type: ignore[operator]


def from_pico(picos: int) -> Decimal:
    """Return picos as an exact amount without trailing zeros."""
    return plain(Decimal(picos).scaleb(-PICO_PLACES, _WIDE))


def average_pico(picos: int, count: int) -> Decimal:
    """Return the mean of ``count`` amounts summing to ``picos``, to 12 places, halves to even.

    ``count`` must be positive.
    """
    return from_pico(divide_half_even(picos, count))


def rounded(value: Fraction | int, places: int = 2) -> Decimal:
    """Return an exact fraction as a decimal of ``places`` places, halves to even."""
    fraction = Fraction(value)
    scaled = divide_half_even(fraction.numerator * 10**places, fraction.denominator)
    return plain(Decimal(scaled).scaleb(-places, _WIDE))


def rounded_parts(parts: tuple[int, int, int, int], places: int) -> tuple[int, int, int, int]:
    """Return amounts of 10^-places as picos that add up to their rounded sum.

    Each is rounded half to even; what is left over goes to the largest, one pico each.
    """
    scale = 10 ** (places - PICO_PLACES)
    rounded_each = [divide_half_even(part, scale) for part in parts]
    left = divide_half_even(sum(parts), scale) - sum(rounded_each)
    largest = sorted(range(len(parts)), key=lambda index: parts[index], reverse=True)
    for index in largest[: abs(left)]:
        rounded_each[index] += 1 if left > 0 else -1
    first, second, third, fourth = rounded_each
    return first, second, third, fourth
