"""Events from what recorders send: what is remembered of earlier ones changes nothing."""

from contextlib import suppress
import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
import inspect
from typing import Any, Final

from hypothesis import example, given, settings, strategies as st
import pytest
import voluptuous as vol

from custom_components.llm_analytics import usage
from custom_components.llm_analytics.analytics import InvalidInputError, UsageEvent
from custom_components.llm_analytics.schemas import USAGE
from custom_components.llm_analytics.usage import REPEATING, Origin
from custom_components.llm_analytics.validators import Milliseconds, Number

EVENT: Final[dict[str, Any]] = {
    "endpoint": "chat",
    "provider": "ollama",
    "device_ip": "192.168.1.20",
    "tokens_prompt": 5,
    "tokens_response": 1,
    "tags": ["kitchen", "evening"],
}
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, 0, 1, 5, -1, 10**12, 2.5, 0.0005, float("nan"), "", "5", "ok", "error", "batch"),
    *("192.168.1.20", "::ffff:192.168.1.20", "chat", "anonymous", "openai/gpt-4o", "Claude"),
    *("2026-10-28T21:07:13Z", "x" * 300, "a\0b", "ab"),
    *([], ["a", "b"], ["a", 1], ["a", "a"], [["a"]], ["kitchen", True], {}, {"a": 1}),
)
ORIGINS: Final = {
    "rest": Origin("rest", "user"),
    "device": Origin("webhook", None, (("device_ip", "192.168.1.20"), ("device_id", None))),
    "tags": Origin("webhook", None, (("user_id", "Anna"),), ("client",)),
}


def outcome(origin: Origin, body: Any) -> Any:
    """Return every field of the event of a body, or the field and the reason of its refusal."""
    try:
        event = origin.event(body)
    except InvalidInputError as error:
        return error.field, error.reason
    return {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}


@pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_was_valid_before_changes_nothing(origin: Origin, data: st.DataObject) -> None:
    remembering = dataclasses.replace(origin)
    names = st.sampled_from([*map(str, USAGE), "unknown"])
    usual = dict(EVENT)
    for _ in range(data.draw(st.integers(2, 8))):
        changed = data.draw(st.dictionaries(names, st.sampled_from(VALUES), max_size=3))
        left_out = data.draw(st.sets(st.sampled_from([*usual]), max_size=1))
        order = data.draw(st.permutations([*(usual.keys() - left_out | changed.keys())]))
        sent = {name: (usual | changed)[name] for name in order}
        for _ in range(2):
            assert outcome(remembering, dict(sent)) == outcome(dataclasses.replace(origin), sent)
        usual |= {name: value for name, value in changed.items() if name in REPEATING}


@pytest.mark.parametrize("name", ["tokens_prompt", "latency_ms", "request_id", "timestamp"])
def test_numbers_are_those_of_each_event(name: str) -> None:
    origin = Origin("rest", None)
    values: dict[str, list[Any]] = {
        "request_id": ["a", "b"],
        "timestamp": ["2026-10-28T21:07:13Z", 1],
    }
    for value in values.get(name, [7, 8]):
        sent = EVENT | {name: value}
        assert outcome(origin, sent) == outcome(Origin("rest", None), sent)


@pytest.mark.parametrize("body", [None, [], [*EVENT], "endpoint", 5])
def test_what_is_no_object_is_none_after_one_either(body: Any) -> None:
    origin = Origin("rest", None)
    assert outcome(origin, EVENT) == outcome(origin, EVENT)
    field, reason = outcome(origin, body)
    assert (field, reason.split(",")[0]) == ("body", "must be a JSON object")


def test_tags_that_are_a_text_are_no_list_after_one_either() -> None:
    origin = Origin("rest", None)
    assert outcome(origin, EVENT | {"tags": ["a", "b"]})["tags"] == ("a", "b")
    assert outcome(origin, EVENT | {"tags": "ab"})[0] == "tags"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_REMEMBERED", 10)
    origin = Origin("rest", None)
    for number in range(35):
        context = f"session {number}"
        assert outcome(origin, EVENT | {"context": context})["context"] == context
    shapes = origin._memory._shapes.values()
    assert 0 < sum(len(shape.events) for shape in shapes) <= 10


def test_fields_that_repeat_take_texts_and_nothing_that_equals_one() -> None:
    leaves = {str(marker): leaf for marker, leaf in USAGE.items()}
    for name in REPEATING:
        for value in VALUES:
            with suppress(vol.Invalid):
                leaves[name](value)
                assert value is None or isinstance(value, str), name


def test_another_event_has_all_that_is_not_given_in_common() -> None:
    measures: dict[str, Any] = {
        "tokens_prompt": 9,
        "tokens_response": 8,
        "tokens_cache_read": 3,
        "tokens_cache_write": 2,
        "tokens_cache_write_1h": 1,
        "tokens_reasoning": 4,
        "timestamp": datetime(2026, 10, 28, tzinfo=UTC),
        "latency_us": 7,
        "ttft_us": 6,
        "request_id": "r",
        "metadata": "{}",
        "cost_estimate": Decimal("0.5"),
    }
    assert measures.keys() == inspect.signature(UsageEvent.again).parameters.keys() - {"self"}
    fields = {field.name for field in dataclasses.fields(UsageEvent)}
    repeating = fields - measures.keys() - {"tags", "source", "recorded_by", "names"}
    assert repeating == REPEATING
    names: dict[str, Any] = {"endpoint": "chat", "provider": "ollama", "device_ip": "::1"}
    first = UsageEvent(**names, tokens_prompt=1, tokens_response=1, source="rest", tags=("a",))
    wanted = dataclasses.replace(first, **measures)
    assert first.again(**measures) == wanted
    assert first.again(**measures).names == wanted.names
    with pytest.raises(InvalidInputError, match="tokens_reasoning"):
        first.again(tokens_prompt=1, tokens_response=1, tokens_reasoning=2)


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
