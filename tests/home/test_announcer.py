"""What the house is told on the event bus, each thing once."""

from types import MappingProxyType

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.llm_analytics.const import EVENT_UNPRICED_MODEL
from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator

from ..helpers import Client, act, stored

UNKNOWN = {"provider": "acme", "model": "sage-1"}


async def refreshed(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the debounced refresh come."""
    freezer.tick(2)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def test_a_model_without_a_price_is_told_once(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    events = async_capture_events(hass, EVENT_UNPRICED_MODEL)
    for _ in range(2):
        await stored(client, **UNKNOWN)
        await refreshed(hass, freezer)
    assert [event.data for event in events] == [UNKNOWN]

    assert await hass.config_entries.async_reload(entry.entry_id)
    await stored(client, **UNKNOWN)
    await refreshed(hass, freezer)
    assert len(events) == 1, "a restart tells it again"


async def test_a_model_that_had_a_price_in_between_is_told_again(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    events = async_capture_events(hass, EVENT_UNPRICED_MODEL)
    await stored(client, **UNKNOWN)
    await refreshed(hass, freezer)
    price = {"prompt_per_1m": 1, "response_per_1m": 1, "reprice": True}
    await act(hass, "set_rate", UNKNOWN | price)
    await refreshed(hass, freezer)
    await act(hass, "delete_rate", UNKNOWN)
    await stored(client, **UNKNOWN)
    await refreshed(hass, freezer)
    assert [event.data for event in events] == [UNKNOWN, UNKNOWN]


async def test_nothing_is_told_before_automations_listen(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.not_running)
    events = async_capture_events(hass, EVENT_UNPRICED_MODEL)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await stored(client, **UNKNOWN)
    await refreshed(hass, freezer)
    assert events == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert events == []
    freezer.tick(11)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert len(events) == 1


@pytest.mark.parametrize("change", ["add", "rename", "remove"])
async def test_a_changed_subentry_starts_the_entry_anew(
    hass: HomeAssistant, entry: MockConfigEntry, change: str
) -> None:
    subentry = ConfigSubentry(
        data=MappingProxyType({}), subentry_type="other", title="One", unique_id=None
    )
    entries = hass.config_entries
    before: LlmAnalyticsCoordinator = entry.runtime_data
    entries.async_add_subentry(entry, subentry)
    await hass.async_block_till_done()
    added: LlmAnalyticsCoordinator = entry.runtime_data
    assert added is not before
    if change == "rename":
        entries.async_update_subentry(entry, subentry, title="Two")
    elif change == "remove":
        entries.async_remove_subentry(entry, subentry.subentry_id)
    await hass.async_block_till_done()
    assert (entry.runtime_data is added) == (change == "add")
    assert entry.state is ConfigEntryState.LOADED


async def test_another_change_of_the_entry_does_not(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    before: LlmAnalyticsCoordinator = entry.runtime_data
    hass.config_entries.async_update_entry(entry, title="Ledger")
    await hass.async_block_till_done()
    assert entry.runtime_data is before
