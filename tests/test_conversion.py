"""Checking data against fields, compared with voluptuous, which the fields are written for."""

from contextlib import suppress
from typing import Any, Final

from hypothesis import given, settings, strategies as st
import pytest
import voluptuous as vol

from custom_components.llm_analytics import conversion
from custom_components.llm_analytics.analytics import InvalidInputError
from custom_components.llm_analytics.conversion import (
    REPEATING,
    RepeatingValidator,
    Validator,
    validate,
)
from custom_components.llm_analytics.schemas import (
    EXPORT,
    LISTING,
    USAGE,
    USAGE_ACTION,
    Fields,
    rate_fields,
)
from custom_components.llm_analytics.services import GET_STATISTICS
from custom_components.llm_analytics.validators import Leaf

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


def outcome(validator: Validator, data: Any) -> Any:
    """Return what a validator makes of data, or the field and the reason that it gives."""
    try:
        return validator(data)
    except InvalidInputError as error:
        return error.field, error.reason


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_was_valid_before_changes_nothing(data: st.DataObject) -> None:
    remembering, anew = RepeatingValidator(USAGE, REPEATING), Validator(USAGE)
    names = st.sampled_from([*map(str, USAGE), "unknown"])
    usual = {"endpoint": "chat", "tokens_prompt": 5, "tokens_response": 0, "provider": "ollama"}
    for _ in range(data.draw(st.integers(2, 8))):
        changed = data.draw(st.dictionaries(names, st.sampled_from(VALUES), max_size=3))
        left_out = data.draw(st.sets(st.sampled_from([*usual]), max_size=1))
        order = data.draw(st.permutations([*(usual.keys() - left_out | changed.keys())]))
        sent = {name: (usual | changed)[name] for name in order}
        for _ in range(2):
            assert outcome(remembering, dict(sent)) == outcome(anew, dict(sent))
        usual |= {name: value for name, value in changed.items() if name in REPEATING}


@pytest.mark.parametrize("data", [None, [], ["endpoint", "provider"], "endpoint", 5])
def test_what_is_no_object_is_none_after_one_either(data: Any) -> None:
    remembering = RepeatingValidator(USAGE, REPEATING)
    event = {"endpoint": "chat", "provider": "ollama", "tokens_prompt": 1, "tokens_response": 0}
    assert remembering(event) == remembering(event) == event
    assert outcome(remembering, data) == outcome(Validator(USAGE), data)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_REMEMBERED", 10)
    remembering = RepeatingValidator(USAGE, REPEATING)
    event = {"endpoint": "chat", "provider": "ollama", "tokens_prompt": 1, "tokens_response": 0}
    for number in range(35):
        sent = event | {"context": f"session {number}"}
        assert remembering(sent) == sent
    shapes = remembering._shapes.values()
    assert sum(len(shape.valid) for shape in shapes) <= 10


def test_fields_that_repeat_take_texts_and_nothing_that_equals_one() -> None:
    leaves = {str(marker): leaf for marker, leaf in USAGE.items()}
    for name in REPEATING:
        for value in VALUES:
            with suppress(vol.Invalid):
                leaves[name](value)
                assert value is None or isinstance(value, str), name
