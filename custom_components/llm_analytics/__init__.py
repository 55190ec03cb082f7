"""The LLM Analytics integration: a household's ledger of language model usage.

The engine in ``analytics`` does not depend on Home Assistant. ``coordinator`` owns it and provides
the figures of the entities (``sensor``, ``binary_sensor``, ``event``) and of automations
(``condition``, ``trigger``). ``contract`` has the queries and commands of the REST API (``api``)
and of the actions (``services``). ``config_flow`` has the options, ``flows`` the subentry flows,
and ``home`` the other connections to Home Assistant, such as repair issues and events.
"""

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
    """Register the actions, the REST API and the webhooks, which stay if the entry is unloaded."""
    async_setup_services(hass)
    async_register_views(hass)
    async_setup_clients(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> bool:
    """Set up LLM Analytics from a config entry."""
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
    """Unload the platforms, then close the ledger."""
    if unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        await entry.runtime_data.async_close()
    return unloaded


async def async_remove_entry(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> None:
    """Remove the stored catalogue and all issues, and offer to delete the ledger file.

    Until it is deleted, a new entry continues with the same file.
    """
    await async_remove_kept(hass)
    async_withdraw_all(hass)
    await async_tell_left(hass)


async def async_migrate_entry(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> bool:
    """Accept the entry unless a later major version has created it."""
    return entry.version <= LlmAnalyticsConfigFlow.VERSION
