"""Sensors of what stands out: failures, latency, change, the dearest model, the forecast."""

from collections.abc import Mapping
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.llm_analytics.entity import WRITE_INTERVAL
from custom_components.llm_analytics.services import Action

from .helpers import act, usage
from .test_sensor import STANDING_OUT

# A Wednesday, half past eleven in the morning of the home.
NOW = "2026-05-13T18:30:00+00:00"
MIDNIGHT = "2026-05-13T00:00:00-07:00"

# The entity, its unit, device class, state class, decimals shown, and its state.
EXPECTED = [
    ("failed_requests_today", "requests", None, "total", None, "1"),
    ("unpriced_requests_today", "requests", None, "total", None, "1"),
    ("average_latency_today", "ms", "duration", "measurement", 0, "200.25"),
    ("cost_change_today", "%", None, "measurement", 0, "50"),
    ("cost_per_request_today", "USD", "monetary", None, 4, "0.15"),
    ("most_expensive_model_today", None, None, None, None, "openai/gpt-4o"),
]
EVENTS: list[dict[str, Any]] = [
    {"cost_estimate": 0.2, "latency_ms": 100.5, "timestamp": "2026-05-13T17:00:00+00:00"},
    {
        "cost_estimate": 0.1,
        "latency_ms": 300,
        "status": "error",
        "provider": "anthropic",
        "model": "claude",
        "timestamp": "2026-05-13T16:00:00+00:00",
    },
    {"model": "nobody-knows", "timestamp": "2026-05-13T15:00:00+00:00"},
    # Yesterday before half past eleven, and after it.
    {"cost_estimate": 0.2, "timestamp": "2026-05-12T18:29:59+00:00"},
    {"cost_estimate": 5, "timestamp": "2026-05-12T18:30:00+00:00"},
]


@pytest.fixture
def wednesday(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock before anything is set up."""
    freezer.move_to(NOW)
    return freezer


def state(hass: HomeAssistant, name: str) -> State:
    found = hass.states.get(f"sensor.llm_analytics_{name}")
    assert found is not None
    return found


async def recorded(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    for event in EVENTS:
        await act(hass, Action.RECORD_USAGE, usage(**event))
    await hass.async_block_till_done()
    freezer.tick(WRITE_INTERVAL + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def test_every_figure_and_its_kind(
    wednesday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    await recorded(hass, wednesday)
    seen = []
    for name, *_ in EXPECTED:
        shown = state(hass, name)
        entity = entity_registry.async_get(shown.entity_id)
        assert entity is not None
        options: Mapping[str, Any] = entity.options.get("sensor", {})
        seen.append(
            (
                name,
                shown.attributes.get("unit_of_measurement"),
                shown.attributes.get("device_class"),
                shown.attributes.get("state_class"),
                options.get("suggested_display_precision"),
                shown.state,
            )
        )
        total = shown.attributes.get("state_class") == "total"
        assert shown.attributes.get("last_reset") == (MIDNIGHT if total else None)
    assert seen == EXPECTED


async def test_the_forecast_is_the_endpoint_s(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await recorded(hass, wednesday)
    forecast: Any = await act(
        hass, Action.GET_STATISTICS, {"query": "trends/forecast"}, return_response=True
    )
    shown = state(hass, "cost_forecast_this_month")
    assert float(shown.state) == forecast["cost"]["projected"] > 5.5
    assert shown.attributes["unit_of_measurement"] == "USD"
    assert shown.attributes["device_class"] == "monetary"
    assert "state_class" not in shown.attributes


async def test_the_tokens_forecast_has_to_be_enabled(
    wednesday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    entity_id = "sensor.llm_analytics_tokens_forecast_this_month"
    assert hass.states.get(entity_id) is None
    entity_registry.async_update_entity(entity_id, disabled_by=None)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await recorded(hass, wednesday)
    forecast: Any = await act(
        hass, Action.GET_STATISTICS, {"query": "trends/forecast"}, return_response=True
    )
    assert float(state(hass, "tokens_forecast_this_month").state) == forecast["tokens"]["projected"]


async def test_a_new_ledger_has_nothing_to_tell(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    shown = {
        name: state(hass, name).state for name in STANDING_OUT - {"tokens_forecast_this_month"}
    }
    assert shown == {
        "failed_requests_today": "0",
        "unpriced_requests_today": "0",
        "average_latency_today": "unknown",
        "cost_change_today": "0",
        "cost_per_request_today": "unknown",
        "most_expensive_model_today": "unknown",
        "cost_forecast_this_month": "0",
    }


async def test_free_requests_have_no_dearest_model(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await act(hass, Action.RECORD_USAGE, usage(provider="ollama", model="llama3"))
    await hass.async_block_till_done()
    assert state(hass, "most_expensive_model_today").state == "unknown"
    assert state(hass, "cost_per_request_today").state == "0"
