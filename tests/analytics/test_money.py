"""Exact money: every rounding is half to even, and happens once."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics.money import (
    MAX_INT64,
    average_pico,
    divide_half_even,
    from_pico,
    plain,
    rounded,
    rounded_parts,
    to_pico,
    to_scale,
)


@pytest.mark.parametrize(
    ("numerator", "denominator", "nearest"),
    [
        (0, 7, 0),
        (6, 3, 2),
        (1, 3, 0),
        (2, 3, 1),
        (1, 2, 0),
        (3, 2, 2),
        (5, 2, 2),
        (7, 2, 4),
        (-1, 2, 0),
        (-3, 2, -2),
        (-5, 2, -2),
        (-2, 3, -1),
    ],
)
def test_division_rounds_to_the_nearest_and_halves_to_the_even_integer(
    numerator: int, denominator: int, nearest: int
) -> None:
    assert divide_half_even(numerator, denominator) == nearest


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20))
def test_division_agrees_with_fractions(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("amount", "picos"),
    [
        ("0", 0),
        ("-0", 0),
        ("1", 1_000_000_000_000),
        ("0.000000000001", 1),
        ("100000", 100_000_000_000_000_000),
        ("1E+5", 100_000_000_000_000_000),
        ("0.0000000000005", 0),
        ("0.0000000000015", 2),
        ("0.0000000000025", 2),
        ("0.00000000000050000001", 1),
        ("0.00000000000149999999", 1),
        ("1E-2000000", 0),
    ],
)
def test_amounts_become_picos_with_halves_to_the_even_one(amount: str, picos: int) -> None:
    assert to_pico(Decimal(amount)) == picos


def test_an_amount_is_rounded_once_however_many_places_it_has() -> None:
    just_above_half = Decimal("0.0000000000005" + "0" * 300 + "1")
    assert to_pico(just_above_half) == 1


@settings(max_examples=200, deadline=None)
@given(st.decimals(0, 1000, places=20), st.integers(0, 30))
def test_scaling_agrees_with_fractions(value: Decimal, places: int) -> None:
    assert to_scale(value, places) == round(Fraction(value) * 10**places)


@pytest.mark.parametrize(
    ("picos", "text"),
    [
        (0, "0"),
        (1, "1E-12"),
        (1_500_000_000_000, "1.5"),
        (10_000_000_000_000, "10"),
        (100_000_000_000_000_000, "100000"),
        (123_456_789_012_345_678, "123456.789012345678"),
        (MAX_INT64, "9223372.036854775807"),
        (-2_500_000_000_000, "-2.5"),
    ],
)
def test_picos_become_amounts_without_trailing_zeros(picos: int, text: str) -> None:
    assert str(from_pico(picos)) == text


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**30))
def test_picos_survive_the_way_out_and_back(picos: int) -> None:
    assert to_pico(from_pico(picos)) == picos


@pytest.mark.parametrize(
    ("given_text", "plain_text"),
    [("1.500", "1.5"), ("1E+3", "1000"), ("0E+7", "0"), ("0.000", "0"), ("100", "100")],
)
def test_plain_has_no_trailing_zeros_and_no_positive_exponent(
    given_text: str, plain_text: str
) -> None:
    assert str(plain(Decimal(given_text))) == plain_text


@pytest.mark.parametrize(
    ("picos", "count", "mean"),
    [(3, 2, "2E-12"), (1, 2, "0"), (10, 4, "2E-12"), (1_000_000_000_000, 3, "0.333333333333")],
)
def test_an_average_of_money_has_12_places(picos: int, count: int, mean: str) -> None:
    assert str(average_pico(picos, count)) == mean


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Fraction(1, 8), 2, "0.12"),
        (Fraction(3, 8), 2, "0.38"),
        (Fraction(1, 3), 2, "0.33"),
        (Fraction(2, 3), 2, "0.67"),
        (Fraction(-1, 8), 2, "-0.12"),
        (Fraction(5, 2), 0, "2"),
        (7, 2, "7"),
        (100, 2, "100"),
        (Fraction(1, 3), 4, "0.3333"),
    ],
)
def test_rounded_keeps_the_places_asked_for(value: Fraction | int, places: int, text: str) -> None:
    assert str(rounded(value, places)) == text


def test_rounded_keeps_two_places_by_default() -> None:
    assert rounded(Fraction(12345, 1000)) == Decimal("12.34")


HALF = 5 * 10**17  # half a pico in 10^-30


@pytest.mark.parametrize(
    ("parts", "picos"),
    [
        ((0, 0, 0, 0), (0, 0, 0, 0)),
        ((2 * HALF, 4 * HALF, 6 * HALF, 8 * HALF), (1, 2, 3, 4)),
        # One left over, or one too many: the largest part, or the first of equals, takes it.
        ((HALF, HALF, 0, 0), (1, 0, 0, 0)),
        ((3 * HALF, 3 * HALF, 0, 0), (1, 2, 0, 0)),
        ((HALF, 0, 10 * HALF, HALF), (0, 0, 6, 0)),
    ],
)
def test_rounded_parts_add_up_to_their_rounded_sum(
    parts: tuple[int, int, int, int], picos: tuple[int, int, int, int]
) -> None:
    assert rounded_parts(parts, 30) == picos


@settings(max_examples=100, deadline=None)
@given(st.tuples(*[st.integers(0, 10**22)] * 4))
def test_rounded_parts_lose_nothing(parts: tuple[int, int, int, int]) -> None:
    assert sum(rounded_parts(parts, 30)) == round(Fraction(sum(parts), 10**18))
