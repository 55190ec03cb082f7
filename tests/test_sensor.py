"""Sensors: what they show, how soon, and what becomes of them in trouble."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import (
    HomeAssistant,
    State,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator
from custom_components.llm_analytics.entity import WRITE_INTERVAL
from custom_components.llm_analytics.services import Action

from .helpers import PREFIXES, Client, act, stored, usage

# A Wednesday; the week and the month began on other days.
NOW = "2026-05-13T18:30:00+00:00"
DAY, WEEK, MONTH = (f"2026-05-{day}T00:00:00-07:00" for day in ("13", "11", "01"))

# The entity, its name, unit, device class, decimals shown, state, and last reset.
SENSORS = [
    ("requests_today", "Requests today", "requests", None, None, "1", DAY),
    ("tokens_today", "Tokens today", "tokens", None, None, "150", DAY),
    ("cost_today", "Cost today", "USD", "monetary", 2, "0.1", DAY),
    ("requests_this_week", "Requests this week", "requests", None, None, "2", WEEK),
    ("tokens_this_week", "Tokens this week", "tokens", None, None, "300", WEEK),
    ("cost_this_week", "Cost this week", "USD", "monetary", 2, "0.3", WEEK),
    ("requests_this_month", "Requests this month", "requests", None, None, "3", MONTH),
    ("tokens_this_month", "Tokens this month", "tokens", None, None, "450", MONTH),
    ("cost_this_month", "Cost this month", "USD", "monetary", 2, "0.300000000001", MONTH),
]
# What stands out today and this month; test_standing_out.py looks at these.
STANDING_OUT = {
    "failed_requests_today",
    "unpriced_requests_today",
    "average_latency_today",
    "cost_change_today",
    "cost_per_request_today",
    "most_expensive_model_today",
    "cost_forecast_this_month",
    "tokens_forecast_this_month",
}
PAST = [
    ("2026-05-13T07:00:00+00:00", "0.1"),
    ("2026-05-11T07:00:00+00:00", "0.2"),
    ("2026-05-01T07:00:00+00:00", "0.000000000001"),
    ("2026-05-01T06:59:59+00:00", "5"),
]


@pytest.fixture
async def wednesday(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock on a Wednesday morning of the home, before anything is set up."""
    freezer.move_to(NOW)
    return freezer


def shown(hass: HomeAssistant, name: str) -> State:
    state = hass.states.get(f"sensor.llm_analytics_{name}")
    assert state is not None
    return state


async def settled(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the second pass within which commits share one refresh."""
    await hass.async_block_till_done()
    freezer.tick(WRITE_INTERVAL + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def test_every_sensor_in_full(
    wednesday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
) -> None:
    for moment, cost in PAST:
        await act(hass, Action.RECORD_USAGE, usage(timestamp=moment, cost_estimate=cost))
    await settled(hass, wednesday)

    entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    (device,) = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    assert device.name == "LLM Analytics"
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    assert device.identifiers == {(DOMAIN, entry.entry_id)}

    seen = []
    for entity in entities:
        name = entity.translation_key
        if name in STANDING_OUT or entity.domain != "sensor":
            continue
        state = hass.states.get(entity.entity_id)
        assert state is not None
        assert entity.entity_id == f"sensor.llm_analytics_{name}"
        assert entity.unique_id == f"{entry.entry_id}_{name}"
        assert entity.device_id == device.id
        assert entity.has_entity_name
        assert entity.disabled_by is None
        assert entity.entity_category is None
        assert state.attributes["state_class"] == "total"
        assert state.attributes["friendly_name"] == f"LLM Analytics {entity.original_name}"
        options: Mapping[str, Any] = entity.options.get("sensor", {})
        seen.append(
            (
                name,
                entity.original_name,
                state.attributes["unit_of_measurement"],
                state.attributes.get("device_class"),
                options.get("suggested_display_precision"),
                state.state,
                state.attributes["last_reset"],
            )
        )
    assert sorted(seen) == sorted(SENSORS)


async def test_a_new_ledger_shows_zeros(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    for name, *_ in SENSORS:
        assert Decimal(shown(hass, name).state) == 0


async def test_many_commits_ask_for_few_refreshes(
    wednesday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    coordinator: LlmAnalyticsCoordinator,
) -> None:
    updates = []
    coordinator.async_add_listener(
        lambda: updates.append(coordinator.data.summary.today.totals.requests)
    )
    for _ in range(50):
        await act(hass, Action.RECORD_USAGE, usage())
    await settled(hass, wednesday)
    assert updates[-1] == 50
    assert len(updates) <= 3


async def test_what_is_recorded_during_a_refresh_that_takes_long_is_shown_too(
    wednesday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    coordinator: LlmAnalyticsCoordinator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, asked, answered = coordinator.analytics.reports.figures, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> Any:
        figures = await read(*args)
        asked.set()
        await answered.wait()
        return figures

    monkeypatch.setattr(coordinator.analytics.reports, "figures", slow)
    await act(hass, Action.RECORD_USAGE, usage())
    await asked.wait()
    await act(hass, Action.RECORD_USAGE, usage())
    for _ in range(3):  # the time that several refreshes share ends while this one goes on
        wednesday.tick(1.6)
        async_fire_time_changed(hass)
        await asyncio.sleep(0)
    answered.set()
    await settled(hass, wednesday)
    assert shown(hass, "requests_today").state == "2"


async def test_a_deleted_event_leaves_the_figures(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, client: Client
) -> None:
    event = await stored(client, cost_estimate=1)
    await settled(hass, wednesday)
    assert shown(hass, "cost_this_month").state == "1"
    await client.delete(f"{PREFIXES[0]}/usage/{event['id']}")
    await settled(hass, wednesday)
    assert shown(hass, "requests_today").state == "0"
    assert Decimal(shown(hass, "cost_this_month").state) == 0


async def test_a_restart_keeps_the_figures(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    for moment, cost in PAST:
        await act(hass, Action.RECORD_USAGE, usage(timestamp=moment, cost_estimate=cost))
    await settled(hass, wednesday)
    before: dict[str, Any] = {name: shown(hass, name).as_dict() for name, *_ in SENSORS}
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    for name, state in before.items():
        now = shown(hass, name)
        assert now.state == state["state"]
        assert dict(now.attributes) == state["attributes"]


async def test_trouble_makes_sensors_unavailable_until_it_is_over(
    hass: HomeAssistant,
    coordinator: LlmAnalyticsCoordinator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = coordinator.analytics.ledger.reader
    await reader.run(lambda db: db.set_progress_handler(lambda: 1, 1))
    for _ in range(2):
        await coordinator.async_refresh()
    await hass.async_block_till_done()
    assert {state.state for state in hass.states.async_all("sensor")} == {"unavailable"}
    assert caplog.text.count("Error fetching llm_analytics data") == 1
    assert "The ledger's database cannot be used: interrupted" in caplog.text

    await reader.run(lambda db: db.set_progress_handler(None, 1))
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    assert shown(hass, "requests_today").state == "0"
    assert "Fetching llm_analytics data recovered" in caplog.text


async def test_nothing_is_polled(coordinator: LlmAnalyticsCoordinator) -> None:
    assert coordinator.update_interval is None
