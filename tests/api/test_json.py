"""Bodies are read as JSON exactly."""

from decimal import Decimal
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.llm_analytics.api.recording import _parsed


@st.composite
def number_texts(draw: st.DrawFn) -> str:
    """Draw a number as JSON writes it, of any length, not too small or large for a double."""
    whole = draw(st.integers(0, 10 ** draw(st.integers(1, 25))))
    places = draw(st.text("0123456789", max_size=25))
    exponent = draw(st.none() | st.integers(-200, 200))
    sign = draw(st.sampled_from(("", "-")))
    text = f"{sign}{whole}{f'.{places}' if places else ''}"
    return text if exponent is None else f"{text}e{exponent}"


@given(text=number_texts())
@example("9007199254740993")
@example("0.1000000000000000055511151231257827")
@example("999999999999.999")
@example("1e22")
@example("-0.0")
def test_numbers_of_a_body_are_read_exactly(text: str) -> None:
    found = _parsed(f'{{"numbers": [{text}]}}'.encode())["numbers"][0]
    assert found == Decimal(text)
    assert isinstance(found, int) == text.removeprefix("-").isdigit()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\ud800"', "\ud800"),
        (b"1e400", Decimal("1e400")),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[" * 1_200 + b"]" * 1_200, ...),
    ],
    ids=["half_a_pair", "huge", "twice", "deep"],
)
def test_unusual_json_is_read(body: bytes, value: Any) -> None:
    found = _parsed(body)
    assert value is ... or found == value


@pytest.mark.parametrize("body", [b"NaN", b"[1,]", b"\xef\xbb\xbf1", b'"\xff"', b"{", b"01"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of JSON or of its encoding
        _parsed(body)
