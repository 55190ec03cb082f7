"""Stored events, rates, filters and totals: their checks and what the API shows of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.llm_analytics.analytics.errors import InvalidInputError
from custom_components.llm_analytics.analytics.models import (
    PRICE_FIELDS,
    CostSource,
    Price,
    Rate,
    Recorded,
    RecordedBatch,
    ServiceTier,
    Status,
    StoredEvent,
    milliseconds,
)
from custom_components.llm_analytics.analytics.totals import (
    TOTAL_NAMES,
    Filter,
    Totals,
    device_parts,
    sum_totals,
)

from .usage_events import usage

BERLIN = ZoneInfo("Europe/Berlin")


def rate(**given: Any) -> Rate:
    values: dict[str, Any] = {
        "provider": "openai",
        "model": "gpt-4o",
        "prompt_per_1m": Decimal("2.5"),
        "response_per_1m": Decimal(10),
    }
    return Rate(**(values | given))


def stored(**given: Any) -> StoredEvent:
    return StoredEvent(
        id=7,
        timestamp=datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        usage=usage(**given),
        price=Price(picos=None, source=CostSource.UNPRICED),
        device_name=None,
    )


def test_an_event_shows_everything_that_was_recorded() -> None:
    event = StoredEvent(
        id=42,
        timestamp=datetime(2026, 10, 25, 2, 30, 0, 5, tzinfo=BERLIN, fold=1),
        usage=usage(
            provider="Claude",
            model="Claude-3.5-Sonnet",
            tokens_prompt=1000,
            tokens_response=500,
            tokens_cache_read=300,
            tokens_cache_write=200,
            tokens_cache_write_1h=100,
            tokens_reasoning=50,
            device_ip="::ffff:192.168.1.2",
            device_name="Old name",
            latency_us=1_234_567,
            ttft_us=250_000,
            user_id="ada",
            agent="conversation.claude",
            context="automation.morning",
            tags=("kitchen", "voice"),
            request_id="req-1",
            service_tier=ServiceTier.PRIORITY,
            status=Status.ERROR,
            error_type="timeout",
            metadata='{"room":"kitchen"}',
            cost_estimate=Decimal("0.0125"),
            source="rest",
            recorded_by="0123",
        ),
        price=Price(
            picos=12_500_000_000,
            source=CostSource.REPORTED,
            home=(11_600_000_000, "EUR"),
        ),
        device_name="Kitchen tablet",
    )
    assert event.as_dict() == {
        "id": 42,
        "timestamp": "2026-10-25T02:30:00.000005+01:00",
        "device_ip": "192.168.1.2",
        "device_id": None,
        "device_name": "Kitchen tablet",
        "endpoint": "conversation",
        "provider": "anthropic",
        "model": "Claude-3.5-Sonnet",
        "tokens_prompt": 1000,
        "tokens_response": 500,
        "total_tokens": 1500,
        "tokens_cache_read": 300,
        "tokens_cache_write": 200,
        "tokens_cache_write_1h": 100,
        "tokens_reasoning": 50,
        "latency_ms": Decimal("1234.567"),
        "ttft_ms": Decimal(250),
        "user_id": "ada",
        "agent": "conversation.claude",
        "context": "automation.morning",
        "tags": ["kitchen", "voice"],
        "request_id": "req-1",
        "service_tier": "priority",
        "status": "error",
        "error_type": "timeout",
        "metadata": {"room": "kitchen"},
        "cost_estimate": Decimal("0.0125"),
        "cost_source": "reported",
        "priced_as": None,
        "source": "rest",
        "recorded_by": "0123",
        "home_cost": Decimal("0.0116"),
        "home_currency": "EUR",
    }


def test_what_an_event_did_not_say_is_null_and_nobody_is_anonymous() -> None:
    shown = stored().as_dict()
    absent = {name for name, value in shown.items() if value is None}
    assert absent == {
        "device_ip",
        "device_id",
        "device_name",
        "latency_ms",
        "ttft_ms",
        "agent",
        "context",
        "request_id",
        "service_tier",
        "error_type",
        "metadata",
        "cost_estimate",
        "priced_as",
        "recorded_by",
        "home_cost",
        "home_currency",
    }
    assert (shown["user_id"], shown["tags"], shown["cost_source"]) == ("anonymous", [], "unpriced")


def test_a_repeated_event_says_so_and_a_new_one_does_not() -> None:
    event = stored()
    assert Recorded(event=event, duplicate=False).as_dict() == event.as_dict()
    assert Recorded(event=event, duplicate=True).as_dict() == event.as_dict() | {"duplicate": True}


def test_a_batch_counts_new_and_repeated_events() -> None:
    assert RecordedBatch(ids=(5, 3, 6), duplicates=1).as_dict() == {
        "recorded": 2,
        "duplicates": 1,
        "events": [5, 3, 6],
    }


@pytest.mark.parametrize(
    ("microseconds", "text"), [(0, "0"), (1, "0.001"), (1_500, "1.5"), (10_000_000, "10000")]
)
def test_microseconds_become_exact_milliseconds(microseconds: int, text: str) -> None:
    assert str(milliseconds(microseconds)) == text


def test_no_latency_stays_none() -> None:
    assert milliseconds(None) is None


def test_a_rate_is_normalised_like_an_event() -> None:
    known = rate(provider="", model="Gemini/Gemini-2.0-Flash", prompt_per_1m=Decimal("0.100"))
    assert (known.provider, known.model) == ("google", "Gemini-2.0-Flash")
    assert str(known.prompt_per_1m) == "0.1"
    assert str(rate(reasoning_per_1m=Decimal("0.0000000000005")).reasoning_per_1m) == "0"
    assert [getattr(known, field) for field in PRICE_FIELDS[2:]] == [None] * 4
    assert (known.currency, known.effective, known.notes) == ("USD", None, None)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("provider", {"provider": ""}),
        ("provider", {"provider": "p" * 51}),
        ("model", {"model": ""}),
        ("model", {"model": "m" * 101}),
        *((field, {field: Decimal("-0.1")}) for field in PRICE_FIELDS),
        *((field, {field: Decimal("1000.000000000001")}) for field in PRICE_FIELDS),
        ("prompt_per_1m", {"prompt_per_1m": Decimal("NaN")}),
        ("currency", {"currency": "usd"}),
        ("currency", {"currency": "US"}),
        ("currency", {"currency": "USDT"}),
        ("currency", {"currency": "US$"}),
        ("notes", {"notes": "n" * 501}),
        ("notes", {"notes": "\0"}),
        ("effective_date", {"effective": datetime(2026, 1, 1)}),  # noqa: DTZ001 - naive
    ],
)
def test_a_bad_rate_is_refused_naming_its_field(field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        rate(**given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt_per_1m", Decimal(0)),
        ("response_per_1m", Decimal(1000)),
        ("currency", "EUR"),
        ("notes", ""),
        ("notes", "n" * 500),
        ("effective", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_rate_keeps_values_up_to_their_limit(field: str, value: object) -> None:
    assert getattr(rate(**{field: value}), field) == value


def test_a_filter_is_true_when_anything_is_filtered() -> None:
    assert not Filter()
    for part in ("device", "provider", "model", "user", "endpoint", "tag"):
        assert Filter(**{part: ""})


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("ip:2001:db8::1", ("2001:db8::1", None)),
        ("ha:abc", (None, "abc")),
        ("other", (None, None)),
        (None, (None, None)),
    ],
)
def test_a_device_key_is_an_address_or_an_id(
    key: str | None, parts: tuple[str | None, str | None]
) -> None:
    assert device_parts(key) == parts
    assert Filter(device=key).device_ip == parts[0]


TOTALS = Totals(
    requests=4,
    failed=1,
    without_usage=1,
    prompt=1000,
    response=200,
    cache_read=30,
    cache_write=20,
    cache_write_1h=10,
    reasoning=5,
    cost=1_500_000_000_000,
    unpriced=2,
    latency=9_000,
    timed=3,
)


def test_totals_are_shown_as_the_api_s_totals() -> None:
    assert TOTALS.as_dict() == {
        "requests": 4,
        "tokens": 1200,
        "tokens_prompt": 1000,
        "tokens_response": 200,
        "cost_estimate": Decimal("1.5"),
        "unpriced_requests": 2,
        "failed_requests": 1,
    }


def test_totals_are_shown_as_the_api_s_report_row() -> None:
    assert TOTALS.as_row() == {
        "request_count": 4,
        "tokens_prompt": 1000,
        "tokens_response": 200,
        "total_tokens": 1200,
        "cost_estimate": Decimal("1.5"),
        "unpriced_requests": 2,
    }


def test_totals_add_part_by_part_without_a_limit() -> None:
    total = sum_totals([TOTALS, TOTALS, Totals(cost=2**63)])
    assert total == Totals(
        requests=8,
        failed=2,
        without_usage=2,
        prompt=2000,
        response=400,
        cache_read=60,
        cache_write=40,
        cache_write_1h=20,
        reasoning=10,
        cost=2**63 + 3_000_000_000_000,
        unpriced=4,
        latency=18_000,
        timed=6,
    )
    assert len(TOTAL_NAMES) == 13


def test_a_sum_of_nothing_is_zero_not_null() -> None:
    assert sum_totals([]) == Totals()
    assert Totals().as_dict()["cost_estimate"] == 0


def test_events_of_the_repeated_hour_are_told_apart_by_their_offset() -> None:
    first = stored().as_dict()["timestamp"]
    assert first == "2026-10-25T02:30:00+02:00"
    later = datetime(2026, 10, 25, 0, 30, tzinfo=UTC) + timedelta(hours=1)
    assert later.astimezone(BERLIN).isoformat() == "2026-10-25T02:30:00+01:00"
