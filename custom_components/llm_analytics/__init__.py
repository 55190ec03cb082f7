"""LLM Analytics: the household's ledger of language-model usage."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .api.recording_clients import async_setup_clients
from .api.views import async_register_views
from .catalogue_refresh import async_remove_kept
from .config_flow import LlmAnalyticsConfigFlow
from .const import DOMAIN
from .coordinator import LlmAnalyticsConfigEntry, LlmAnalyticsCoordinator
from .home.issues import LEDGER_LEFT, async_withdraw, async_withdraw_all
from .home.ledger_file import async_tell_left
from .llm_api import async_register_llm_api
from .services import async_setup_services

PLATFORMS = [Platform.BINARY_SENSOR, Platform.EVENT, Platform.SENSOR]

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, the REST API and the clients' webhooks, which outlive the entry."""
    async_setup_services(hass)
    async_register_views(hass)
    async_setup_clients(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> bool:
    """Open the ledger and show its figures."""
    coordinator = LlmAnalyticsCoordinator(hass, entry)
    await coordinator.async_open()
    try:
        await coordinator.async_config_entry_first_refresh()
    except BaseException:
        await coordinator.async_close()
        raise
    entry.runtime_data = coordinator
    entry.async_on_unload(async_register_llm_api(hass, entry))
    async_withdraw(hass, LEDGER_LEFT)
    coordinator.async_start()
    coordinator.async_tell_damage()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await coordinator.async_begin_announcing()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> bool:
    """Close the ledger once its entities are gone."""
    if unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        await entry.runtime_data.async_close()
    return unloaded


async def async_remove_entry(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> None:
    """Remove what can be had again; the ledger's file stays, and is found again by a new entry."""
    await async_remove_kept(hass)
    async_withdraw_all(hass)
    await async_tell_left(hass)


async def async_migrate_entry(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> bool:
    """Take an entry of this major version as it is; one of a later version is not understood."""
    return entry.version <= LlmAnalyticsConfigFlow.VERSION
