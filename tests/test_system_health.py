"""What Home Assistant's system page shows of the ledger."""

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.llm_analytics.analytics import UsageEvent
from custom_components.llm_analytics.const import DOMAIN


async def test_the_ledgers_figures_are_shown(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await entry.runtime_data.analytics.tracker.record(
        UsageEvent(
            endpoint="chat", provider="nobody", model="new", tokens_prompt=1, tokens_response=1
        )
    )
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, DOMAIN)
    assert info["loaded"] is True
    assert info["events"] == 1
    assert info["unpriced_models"] == 1
    assert info["queue_depth"] == 0
    assert info["database_size"].endswith(" MB")
    assert info["last_write"] is not None


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_an_unloaded_entry_is_said_to_be(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert await get_system_health_info(hass, DOMAIN) == {"loaded": False}
