"""Numbers and times at the edges of what is accepted."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings, strategies as st
import pytest
import voluptuous as vol

from custom_components.llm_analytics.contract.validators import (
    Day,
    Leaf,
    Milliseconds,
    Moment,
    Number,
    Tags,
    Whole,
)

WHOLE = Whole(0, 100, lenient=True)
NUMBER = Number(0, 100, lenient=True)
BOUND = Moment(dates=True, lenient=True)

ACCEPTED: list[tuple[Leaf, Any, Any]] = [
    (WHOLE, "007", 7),
    (WHOLE, "+7", 7),
    (WHOLE, 7.0, 7),
    (NUMBER, "2.50", Decimal("2.5")),
    (NUMBER, ".5", Decimal("0.5")),
    (NUMBER, "1e1", Decimal(10)),
    (NUMBER, 0.1, Decimal("0.1")),
    (BOUND, "0", datetime(1970, 1, 1, tzinfo=UTC)),
    (BOUND, "1.5e9", datetime(2017, 7, 14, 2, 40, tzinfo=UTC)),
    (BOUND, "2e-311", datetime(1970, 1, 1, tzinfo=UTC)),
    (BOUND, "32503679999.9999999", datetime(2999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    (BOUND, "1970-01-01", date(1970, 1, 1)),
    (BOUND, "2999-12-31", date(2999, 12, 31)),
    (BOUND, "2026-03-29T12:00:00 02:00", datetime(2026, 3, 29, 10, tzinfo=UTC)),
    # The year is judged as it is written.
    (BOUND, "2999-12-31T23:00:00-12:00", datetime(3000, 1, 1, 11, tzinfo=UTC)),
]


@pytest.mark.parametrize(("leaf", "value", "read"), ACCEPTED)
def test_accepted(leaf: Leaf, value: Any, read: Any) -> None:
    assert leaf(value) == read


REFUSED: list[tuple[Leaf, Any]] = [
    *(
        (WHOLE, value)
        for value in ("", " 7", "7 ", "7.0", "1_0", "\u0667", "\uff17", "0x7", "1e1", "101")
    ),
    *(
        (NUMBER, value)
        for value in ("", " 1", "1_0", "\u0667", "NaN", "Infinity", "1e", "1,5", "101")
    ),
    *((NUMBER, value) for value in ("1e999", "1e9999999999", "-1", float("nan"), float("inf"))),
    *((BOUND, value) for value in ("-1", "\u0667", "3e10x", "32503680000", "99999999999", "1e11")),
    *((BOUND, value) for value in ("1969-12-31", "3000-01-01", "9999-12-31", "0001-01-01")),
    *((BOUND, value) for value in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")),
    *((BOUND, value) for value in ("1969-12-31T23:59:59-12:00", "3000-01-01T00:00:00+14:00")),
    *((BOUND, value) for value in (date(3000, 1, 1), datetime(1969, 1, 1, tzinfo=UTC), True)),
    *((BOUND, value) for value in (float("nan"), float("inf"), Decimal("-Infinity"))),
    *(
        (Day(), value)
        for value in ("\u0662\u0660\u0662\u0666-01-01", "2026-1-1", "1999-12-31", "3000-01-01")
    ),
]


@pytest.mark.parametrize(("leaf", "value"), REFUSED)
def test_refused(leaf: Leaf, value: Any) -> None:
    with pytest.raises(vol.Invalid):
        leaf(value)


def test_tags_that_were_valid_are_remembered_without_mistaking_others_for_them() -> None:
    tags = Tags(2)
    others: list[list[Any]] = [
        [1, 1],
        [True],
        ["a", None],
        ["a", ["b"]],
        [{}],
        ["a", "b", "c"],
        [""],
    ]
    for _ in range(2):
        assert tags(["a", "b"]) == tags(("a", "b")) == ("a", "b")
        assert tags(["a", "b", "a"]) == ("a", "b")
        assert tags(["1", "1"]) == ("1",)
        for wrong in others:
            with pytest.raises(vol.Invalid):
                tags(wrong)


@settings(max_examples=2_000)
@given(value=st.floats(0, 86_400_000) | st.decimals(0, 10_000, places=4).map(float))
@example(value=1.0015)
@example(value=2.5005)
@example(value=0.0005)
@example(value=0.0015)
@example(value=86_399_999.9995)
def test_milliseconds_are_rounded_as_decimals_are(value: float) -> None:
    exact = Decimal(repr(value)) * 1_000
    milliseconds = Milliseconds(Number(0, 86_400_000))
    assert milliseconds(value) == int(exact.to_integral_value())
