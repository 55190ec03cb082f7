"""The usage event: what is accepted, how it is normalised, and which field an error names."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given as drawn, strategies as st
import pytest

from custom_components.llm_analytics.analytics.errors import InvalidInputError
from custom_components.llm_analytics.analytics.limits import MAX_METADATA_BYTES, shown
from custom_components.llm_analytics.analytics.models import (
    TOKEN_FIELDS,
    ServiceTier,
    Status,
    UsageEvent,
)

from .usage_events import usage


def test_an_event_needs_only_endpoint_provider_and_totals() -> None:
    event = UsageEvent(
        endpoint="conversation", provider="ollama", tokens_prompt=0, tokens_response=0
    )
    assert (event.model, event.timestamp, event.cost_estimate) == (None, None, None)
    assert [getattr(event, field) for field in TOKEN_FIELDS] == [0] * 6
    assert (event.status, event.service_tier, event.tags) == (Status.OK, None, ())
    assert event.device_key is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "e" * 100),
        ("provider", "p" * 50),
        ("model", "m" * 100),
        ("model", None),
        ("device_name", "n" * 255),
        ("user_id", "u" * 255),
        ("agent", "a" * 255),
        ("context", "c" * 255),
        ("request_id", "r" * 255),
        ("error_type", "e" * 100),
        ("recorded_by", "b" * 64),
        ("tokens_prompt", 1_000_000_000),
        ("tokens_response", 1_000_000_000),
        ("latency_us", 0),
        ("latency_us", 86_400_000_000),
        ("ttft_us", 86_400_000_000),
        ("tags", tuple(f"tag {number}" for number in range(32))),
        ("tags", ("t" * 64,)),
        ("metadata", '{"a":1}'),
        ("metadata", '"' + "x" * (MAX_METADATA_BYTES - 2) + '"'),
        ("cost_estimate", Decimal(0)),
        ("cost_estimate", Decimal(100_000)),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
        ("service_tier", ServiceTier.BATCH),
        ("status", Status.ERROR),
        ("device_id", "0123456789abcdef0123456789abcdef"),
        ("device_name", "Küche 🍳"),
    ],
)
def test_values_up_to_their_limit_are_kept_as_given(field: str, value: object) -> None:
    assert getattr(usage(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("endpoint", {"endpoint": ""}),
        ("endpoint", {"endpoint": "e" * 101}),
        ("endpoint", {"endpoint": "a\0b"}),
        ("endpoint", {"endpoint": "half \ud83d"}),
        ("provider", {"provider": ""}),
        ("provider", {"provider": "", "model": None}),
        ("provider", {"provider": "  "}),
        ("provider", {"provider": "p" * 51}),
        ("provider", {"provider": "", "model": "p" * 51 + "/model"}),
        ("provider", {"provider": "", "model": "/model"}),
        ("provider", {"provider": "", "model": "openai/"}),
        ("model", {"model": "m" * 101}),
        ("model", {"model": "m\0"}),
        ("device_ip", {"device_ip": ""}),
        ("device_ip", {"device_ip": "kitchen"}),
        ("device_id", {"device_id": ""}),
        ("device_id", {"device_id": "a/b"}),
        ("device_id", {"device_id": "d" * 65}),
        ("device_id", {"device_id": "abc", "device_ip": "192.168.1.2"}),
        ("device_name", {"device_name": "n" * 256}),
        ("user_id", {"user_id": "u" * 256}),
        ("agent", {"agent": "a" * 256}),
        ("context", {"context": "c" * 256}),
        ("request_id", {"request_id": "r" * 256}),
        ("request_id", {"request_id": ""}),
        ("error_type", {"error_type": "e" * 101}),
        ("recorded_by", {"recorded_by": "b" * 65}),
        ("tokens_prompt", {"tokens_prompt": -1}),
        ("tokens_prompt", {"tokens_prompt": 1_000_000_001}),
        ("tokens_response", {"tokens_response": -1}),
        ("tokens_response", {"tokens_response": 1_000_000_001}),
        ("tokens_cache_read", {"tokens_cache_read": -1}),
        ("tokens_cache_read", {"tokens_cache_read": 101}),
        ("tokens_cache_write", {"tokens_cache_write": -1}),
        ("tokens_cache_write", {"tokens_cache_write": 101}),
        ("tokens_cache_write", {"tokens_cache_write": 60, "tokens_cache_read": 41}),
        ("tokens_cache_write_1h", {"tokens_cache_write_1h": -1}),
        ("tokens_cache_write_1h", {"tokens_cache_write_1h": 11, "tokens_cache_write": 10}),
        ("tokens_reasoning", {"tokens_reasoning": -1}),
        ("tokens_reasoning", {"tokens_reasoning": 51}),
        ("latency_ms", {"latency_us": -1}),
        ("latency_ms", {"latency_us": 86_400_000_001}),
        ("ttft_ms", {"ttft_us": -1}),
        ("ttft_ms", {"ttft_us": 86_400_000_001}),
        ("tags", {"tags": tuple(f"tag {number}" for number in range(33))}),
        ("tags", {"tags": ("",)}),
        ("tags", {"tags": ("t" * 65,)}),
        ("tags", {"tags": ("a\0",)}),
        ("metadata", {"metadata": '"' + "x" * (MAX_METADATA_BYTES - 1) + '"'}),
        ("metadata", {"metadata": '"' + "ü" * (MAX_METADATA_BYTES // 2) + '"'}),
        ("cost_estimate", {"cost_estimate": Decimal("-0.01")}),
        ("cost_estimate", {"cost_estimate": Decimal("100000.000000000001")}),
        ("cost_estimate", {"cost_estimate": Decimal("NaN")}),
        ("cost_estimate", {"cost_estimate": Decimal("Infinity")}),
        ("timestamp", {"timestamp": datetime(2026, 1, 1)}),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_a_bad_value_is_refused_naming_its_field(field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        usage(**given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"tokens_prompt": -1}, "must be 0 to 1000000000, got -1"),
        ({"latency_us": 86_400_000_500}, "must be 0 to 86400000, got 86400000.5"),
        ({"endpoint": "e" * 101}, "must have 1 to 100 characters, got 101"),
        (
            {"tokens_reasoning": 51},
            "is a part of tokens_response and must not be greater (50)",
        ),
        (
            {"tokens_cache_read": 70, "tokens_cache_write": 31},
            (
                "tokens_cache_read and tokens_cache_write are parts of tokens_prompt (100) "
                "and add up to 101"
            ),
        ),
        ({"cost_estimate": Decimal("100000.5")}, "must be 0 to 100,000, got '100000.5'"),
        ({"tags": tuple("abcdefghijklmnopqrstuvwxyz1234567")}, "at most 32 tags, got 33"),
        ({"metadata": "x" * 8193}, "must be at most 8192 bytes as JSON, got 8193"),
    ],
)
def test_a_refusal_says_what_was_given_and_what_is_accepted(
    given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        usage(**given)
    assert caught.value.reason == reason


_COUNT = st.sampled_from((-1, 0, 1, 2, 3, 10**9 - 1, 10**9, 10**9 + 1))


@drawn(counts=st.tuples(*[_COUNT] * len(TOKEN_FIELDS)))
def test_counts_are_taken_exactly_if_each_is_in_bounds_and_no_part_exceeds_its_whole(
    counts: tuple[int, ...],
) -> None:
    given = dict(zip(TOKEN_FIELDS, counts, strict=True))
    prompt, response, read, write, write_1h, reasoning = counts
    fine = (
        all(0 <= count <= 10**9 for count in counts)
        and read + write <= prompt
        and write_1h <= write
        and reasoning <= response
    )
    if fine:
        event = usage(**given)
        assert {field: getattr(event, field) for field in TOKEN_FIELDS} == given
    else:
        with pytest.raises(InvalidInputError) as refused:
            usage(**given)
        assert refused.value.field in given


def test_an_event_is_normalised_however_often_its_like_was_seen() -> None:
    given = {
        "provider": " Claude ",
        "device_ip": "::ffff:10.0.0.1",
        "user_id": "",
        "tags": ("a", "a"),
    }
    seen = [usage(**given) for _ in range(3)]
    assert seen[0] == seen[1] == seen[2]
    assert (seen[2].provider, seen[2].device_ip) == ("anthropic", "10.0.0.1")
    assert (seen[2].user_id, seen[2].tags) == (None, ("a",))
    for _ in range(2):
        with pytest.raises(InvalidInputError):
            usage(**given, device_id="abc")


def test_parts_may_be_as_great_as_their_whole() -> None:
    event = usage(
        tokens_cache_read=40,
        tokens_cache_write=60,
        tokens_cache_write_1h=60,
        tokens_reasoning=50,
    )
    assert event.tokens_cache_read + event.tokens_cache_write == event.tokens_prompt


@pytest.mark.parametrize(
    "field", ["model", "device_name", "user_id", "agent", "context", "error_type", "recorded_by"]
)
def test_an_empty_text_counts_as_none(field: str) -> None:
    assert getattr(usage(**{field: ""}), field) is None


def test_the_literal_anonymous_is_nobody() -> None:
    assert usage(user_id="anonymous").user_id is None
    assert usage(user_id="Anonymous").user_id == "Anonymous"


def test_repeated_tags_are_dropped_and_the_order_is_kept() -> None:
    assert usage(tags=("b", "a", "b", "c", "a")).tags == ("b", "a", "c")
    many_times = tuple("ab" * 40)
    assert usage(tags=many_times).tags == ("a", "b")


@pytest.mark.parametrize(
    ("reported", "kept"),
    [
        ("0.0000000000005", "0"),
        ("0.0000000000015", "2E-12"),
        ("1.500", "1.5"),
        ("1E+2", "100"),
        ("-0", "0"),
    ],
)
def test_a_reported_cost_is_kept_to_12_places(reported: str, kept: str) -> None:
    assert str(usage(cost_estimate=Decimal(reported)).cost_estimate) == kept


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"device_ip": "::ffff:192.168.1.2"}, "ip:192.168.1.2"),
        ({"device_id": "abc123"}, "ha:abc123"),
        ({}, None),
    ],
)
def test_a_device_is_known_by_address_or_by_id(given: dict[str, str], key: str | None) -> None:
    assert usage(**given).device_key == key


def test_a_long_value_is_shown_shortened() -> None:
    assert shown("x" * 58) == "'" + "x" * 58 + "'"
    assert shown("x" * 59) == "'" + "x" * 58 + "…"
    assert shown("line\nbreak") == "'line\\nbreak'"
