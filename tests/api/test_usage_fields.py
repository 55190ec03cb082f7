"""Every field of an event is accepted, stored and returned, over REST and by the action."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
import re
from typing import Any

from homeassistant.core import Context, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics.contract.schemas import USAGE
from custom_components.llm_analytics.services import Action

from ..helpers import PREFIXES, Client, act, get, post, stored, usage

STRINGS = re.compile(r'"[^"]*"')

# The field, what is given, and what comes back.
FIELDS: list[tuple[str, Any, Any]] = [
    ("device_ip", "192.168.1.20", "192.168.1.20"),
    ("device_ip", "2001:DB8:0:0::1", "2001:db8::1"),
    ("device_ip", "::ffff:192.168.1.7", "192.168.1.7"),
    ("device_name", "Küchentablet 🍳", "Küchentablet 🍳"),
    ("device_name", "", None),
    ("device_name", "x" * 255, "x" * 255),
    ("endpoint", "chat/completions", "chat/completions"),
    ("provider", "OpenAI", "openai"),
    ("provider", "gcp.gemini", "google"),
    ("model", "GPT-4o", "GPT-4o"),
    ("model", "openai/gpt-4o", "gpt-4o"),
    ("model", "meta/llama-3", "meta/llama-3"),
    ("model", None, None),
    ("tokens_prompt", 1_000_000_000, 1_000_000_000),
    ("tokens_response", 0, 0),
    ("tokens_cache_read", 100, 100),
    ("tokens_cache_write", 60, 60),
    ("tokens_reasoning", 50, 50),
    ("latency_ms", 850, 850),
    ("latency_ms", 0.001, Decimal("0.001")),
    ("latency_ms", 86_400_000, 86_400_000),
    ("latency_ms", 0.0005, 0),
    ("latency_ms", None, None),
    ("ttft_ms", 120.5, Decimal("120.5")),
    ("user_id", "alex", "alex"),
    ("user_id", None, "anonymous"),
    ("user_id", "anonymous", "anonymous"),
    ("agent", "Voice assistant", "Voice assistant"),
    ("context", "automation.morning_briefing", "automation.morning_briefing"),
    ("tags", ["b", "a", "b"], ["b", "a"]),
    ("tags", [], []),
    ("tags", [str(n) for n in range(32)] * 2, [str(n) for n in range(32)]),
    ("request_id", "req-42", "req-42"),
    ("service_tier", "standard", "standard"),
    ("service_tier", "batch", "batch"),
    ("service_tier", "flex", "flex"),
    ("service_tier", "priority", "priority"),
    ("service_tier", "fast", "fast"),
    ("service_tier", None, None),
    ("status", "ok", "ok"),
    ("status", "error", "error"),
    ("error_type", "timeout", "timeout"),
    ("metadata", {"n": [1, 2.5, None, True]}, {"n": [1, Decimal("2.5"), None, True]}),
    ("metadata", {}, {}),
    ("metadata", None, None),
    ("cost_estimate", 0, 0),
    ("cost_estimate", 100_000, 100_000),
    ("timestamp", "2026-01-15T12:00:00.123456789+01:00", "2026-01-15T03:00:00.123456-08:00"),
    ("timestamp", "2026-07-15T12:00:00Z", "2026-07-15T05:00:00-07:00"),
    ("timestamp", 1768478400, "2026-01-15T04:00:00-08:00"),
    ("timestamp", 1768478400.25, "2026-01-15T04:00:00.250000-08:00"),
]
FULL: dict[str, Any] = {
    "device_name": "Kitchen tablet",
    "endpoint": "chat/completions",
    "provider": "anthropic",
    "model": "claude-3-5-sonnet-20241022",
    "tokens_prompt": 1000,
    "tokens_response": 200,
    "tokens_cache_read": 400,
    "tokens_cache_write": 300,
    "tokens_cache_write_1h": 100,
    "tokens_reasoning": 50,
    "latency_ms": 850,
    "ttft_ms": 120,
    "user_id": "alex",
    "agent": "Voice assistant",
    "context": "automation.morning_briefing",
    "tags": ["homework", "evening"],
    "request_id": "req-42",
    "service_tier": "standard",
    "status": "error",
    "error_type": "timeout",
    "metadata": {"room": "kitchen"},
    "cost_estimate": 1.25,
    "timestamp": "2026-01-15T04:00:00-08:00",
}
DEVICES = [
    ({"device_ip": "192.168.1.20"}, {"device_ip": "192.168.1.20", "device_id": None}),
    ({"device_id": "abcDEF_1-2"}, {"device_ip": None, "device_id": "abcDEF_1-2"}),
]
NO_DEVICE = {"device_ip": None, "device_id": None, "device_name": None}
COMPUTED = {
    *("id", "total_tokens", "cost_source", "priced_as", "source", "recorded_by"),
    *("home_cost", "home_currency"),
}


def exponents(text: str) -> list[str]:
    """Return the numbers of a JSON text that are written with an exponent."""
    return re.findall(r"[\d.]+[eE][+-]?\d+", STRINGS.sub("", text))


def test_the_full_event_and_its_devices_are_all_fields() -> None:
    assert FULL.keys() | {"device_ip", "device_id"} == {str(marker) for marker in USAGE}
    assert {name for name, _, _ in FIELDS} >= FULL.keys() - {"tokens_cache_write_1h"}


@pytest.mark.parametrize(("field", "given", "back"), FIELDS)
async def test_a_field_given_over_rest_comes_back(
    client: Client, field: str, given: Any, back: Any
) -> None:
    event = await stored(client, **{field: given})
    assert event[field] == back
    assert (await get(client, f"usage/{event['id']}"))[1] == event
    assert (await get(client, "usage"))[1]["events"] == [event]


@pytest.mark.parametrize(("device", "back"), DEVICES)
async def test_a_full_event_comes_back_whole_over_rest(
    client: Client, hass_admin_user: MockUser, device: dict[str, str], back: dict[str, Any]
) -> None:
    status, event = await post(client, FULL | device)
    assert status == 201
    assert {name: event.pop(name) for name in COMPUTED} == {
        "id": 1,
        "total_tokens": 1200,
        "cost_source": "reported",
        "priced_as": None,
        "home_cost": None,
        "home_currency": None,
        "source": "rest",
        "recorded_by": hass_admin_user.id,
    }
    assert event == FULL | back


@pytest.mark.parametrize(("device", "back"), [*DEVICES, ({}, NO_DEVICE)])
async def test_a_full_event_comes_back_whole_from_the_action(
    hass: HomeAssistant, entry: MockConfigEntry, device: dict[str, str], back: dict[str, Any]
) -> None:
    event = await act(hass, Action.RECORD_USAGE, FULL | device, return_response=True)
    assert event["source"] == "action"
    assert event["recorded_by"] is None
    assert event["total_tokens"] == 1200
    assert {name: event[name] for name in FULL | back} == FULL | back


async def test_the_action_reads_numbers_that_templates_rendered_to_text(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    rendered = {
        name: str(value) if isinstance(value, int | float) else value
        for name, value in FULL.items()
    }
    event = await act(hass, Action.RECORD_USAGE, rendered, return_response=True)
    assert {name: event[name] for name in FULL} == FULL | {"device_name": None}


@pytest.mark.parametrize(
    ("given", "back"),
    [
        ({"tokens_prompt": 100.0}, {"tokens_prompt": 100}),
        ({"tokens_prompt": "+100"}, {"tokens_prompt": 100}),
        ({"cost_estimate": "0.0042"}, {"cost_estimate": 0.0042}),
        ({"cost_estimate": 0.1}, {"cost_estimate": 0.1}),
        ({"latency_ms": "850.5"}, {"latency_ms": 850.5}),
        ({"timestamp": "1768478400"}, {"timestamp": "2026-01-15T04:00:00-08:00"}),
        (
            {"timestamp": datetime(2026, 1, 15, 12, tzinfo=UTC)},
            {"timestamp": "2026-01-15T04:00:00-08:00"},
        ),
        ({"tags": ("a", "b")}, {"tags": ["a", "b"]}),
    ],
)
async def test_the_action_reads_what_automations_write(
    hass: HomeAssistant, entry: MockConfigEntry, given: dict[str, Any], back: dict[str, Any]
) -> None:
    event = await act(hass, Action.RECORD_USAGE, usage() | given, return_response=True)
    assert {name: event[name] for name in back} == back


async def test_without_a_time_it_is_now_in_the_homes_zone(client: Client) -> None:
    before = datetime.now(UTC)
    event = await stored(client, timestamp=None)
    moment = datetime.fromisoformat(event["timestamp"])
    assert before <= moment <= datetime.now(UTC)
    assert moment.utcoffset() in {timedelta(hours=-8), timedelta(hours=-7)}


async def test_a_few_minutes_ahead_is_taken(client: Client) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=4)
    event = await stored(client, timestamp=soon.isoformat())
    assert datetime.fromisoformat(event["timestamp"]) == soon


@pytest.mark.parametrize("options", [{"keep_metadata": False}])
async def test_metadata_is_dropped_where_the_household_does_not_keep_it(client: Client) -> None:
    event = await stored(client, metadata={"room": "kitchen"})
    assert event["metadata"] is None


async def test_the_callers_user_is_taken_unless_another_is_given(
    hass: HomeAssistant, entry: MockConfigEntry, member: MockUser
) -> None:
    context = Context(user_id=member.id)
    how = {"context": context, "return_response": True}
    event = await act(hass, Action.RECORD_USAGE, usage(), **how)
    assert (event["user_id"], event["recorded_by"]) == (member.id, member.id)
    event = await act(hass, Action.RECORD_USAGE, usage(user_id=None), **how)
    assert event["user_id"] == member.id
    event = await act(hass, Action.RECORD_USAGE, usage(user_id="alex"), **how)
    assert (event["user_id"], event["recorded_by"]) == ("alex", member.id)


# The cost given, as JSON, and as it is written back.
COSTS = [
    ("0.000000000001", "0.000000000001"),
    ("1e-12", "0.000000000001"),
    ("0.0000000000005", "0"),
    ("0.0000000000015", "0.000000000002"),
    ("0.1", "0.1"),
    ("1e5", "100000"),
    ("99999.999999999999", "99999.999999999999"),
    ("0.30", "0.3"),
    ("0e-30", "0"),
]


@pytest.mark.parametrize(("given", "back"), COSTS)
async def test_money_is_written_as_a_plain_decimal(client: Client, given: str, back: str) -> None:
    body = (
        '{"device_ip": "192.168.1.20", "endpoint": "chat", "provider": "openai",'
        f' "tokens_prompt": 1, "tokens_response": 1, "cost_estimate": {given}}}'
    )
    response = await client.post(f"{PREFIXES[0]}/usage", data=body.encode())
    text = await response.text()
    written = re.search(r'"cost_estimate":([^,}]+)', text)
    assert written is not None
    assert Decimal(written[1]) == Decimal(back)
    assert not exponents(text)


async def test_sums_are_exact_and_plain_in_every_answer(client: Client) -> None:
    for cost in (0.1, 0.2, 0.000000000001, 0.000000000001):
        await stored(client, cost_estimate=cost, latency_ms=0.001)
    exact = Decimal("0.300000000002")
    for path in ("dashboard", "summary", "usage", "reports", "health"):
        response = await client.get(f"{PREFIXES[0]}/{path}")
        assert not exponents(await response.text()), path
    assert (await get(client, "summary"))[1]["today"]["cost_estimate"] == exact
    assert (await get(client, "dashboard"))[1]["month"]["cost_estimate"] == exact
    report = (await get(client, "reports"))[1]
    assert report["summary"]["cost_estimate"] == exact
    assert report["cost_summary"]["total_cost_usd"] == exact
    assert report["by_device"][0]["cost_estimate"] == exact
