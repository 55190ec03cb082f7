"""Checking data against fields, compared with voluptuous, which the fields are written for."""

from contextlib import suppress
from typing import Any, Final

from hypothesis import given, settings, strategies as st
import pytest
import voluptuous as vol

from custom_components.llm_analytics.analytics import InvalidInputError
from custom_components.llm_analytics.contract.schemas import (
    EXPORT,
    LISTING,
    USAGE,
    USAGE_ACTION,
    Fields,
    rate_fields,
)
from custom_components.llm_analytics.contract.validation import validate
from custom_components.llm_analytics.contract.validators import Leaf
from custom_components.llm_analytics.services import GET_STATISTICS

TABLES = {
    "strict usage": USAGE,
    "lenient usage": USAGE_ACTION,
    "strict rate": rate_fields(lenient=False),
    "listing": LISTING,
    "export": EXPORT,
    "statistics": GET_STATISTICS,
}
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, 0, 5, -1, 10**12, 2.5, float("nan"), "", "5", "true", "ok", "chat", "USD"),
    *("192.168.1.20", "week", "2026-10-28", "2026-10-28T21:07:13Z", "x" * 300, "a\0b"),
    *([], ["a", "b"], ["a", 1], {}, {"a": 1}),
)


def good_for(leaf: Leaf) -> Any:
    """Return the first of the values that a field takes."""
    for value in VALUES:
        with suppress(vol.Invalid):
            leaf(value)
            return value
    raise AssertionError(leaf.accepts)


def by_voluptuous(fields: Fields, data: dict[str, Any]) -> Any:
    """Return what voluptuous makes of data, or the field and the reason that it gives first."""
    try:
        return vol.Schema(dict(fields))(data)
    except vol.MultipleInvalid as error:
        return str(error.errors[0].path[0]), error.errors[0].error_message


def by_the_product(fields: Fields, data: dict[str, Any]) -> Any:
    """Return what the product makes of data, or the field and the reason that it gives."""
    try:
        return validate(fields, data)
    except InvalidInputError as error:
        return error.field, error.reason


@pytest.mark.parametrize("fields", TABLES.values(), ids=TABLES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_fields_mean_what_they_mean_to_voluptuous(fields: Fields, data: st.DataObject) -> None:
    names = [str(marker) for marker in fields]
    required = {
        str(marker): good_for(leaf)
        for marker, leaf in fields.items()
        if isinstance(marker, vol.Required)
    }
    values = st.sampled_from(VALUES)
    some = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=6))
    order = data.draw(st.permutations(list(required | some)))
    sent = {name: (required | some)[name] for name in order}
    assert by_the_product(fields, dict(sent)) == by_voluptuous(fields, sent)
