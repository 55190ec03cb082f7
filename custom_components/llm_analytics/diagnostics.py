"""Diagnostics: the state of the ledger, without data about who used what."""

from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_DEVICE_ID, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant

from .const import CONF_DEVICE_IP, CONF_FREE_PROVIDERS, CONF_SCOPE_NAME, CONF_TAGS, CONF_USER_ID
from .contract.serialization import plain_floats
from .coordinator import LlmAnalyticsConfigEntry

# They can contain the names of local machines and models.
TO_REDACT = {CONF_FREE_PROVIDERS, "unpriced_models"}
# Secrets, and values that identify a device, a person or a habit.
TO_REDACT_OF_SUBENTRIES = {
    CONF_DEVICE_ID,
    CONF_DEVICE_IP,
    CONF_SCOPE_NAME,
    CONF_TAGS,
    CONF_USER_ID,
    CONF_WEBHOOK_ID,
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: LlmAnalyticsConfigEntry
) -> dict[str, Any]:
    """Return the options, the subentries, the state of the ledger and the figures."""
    coordinator = entry.runtime_data
    health = await coordinator.analytics.maintenance.health()
    return {
        "options": async_redact_data(entry.options, TO_REDACT),
        "subentries": [
            {
                "type": subentry.subentry_type,
                "data": async_redact_data(subentry.data, TO_REDACT_OF_SUBENTRIES),
            }
            for subentry in entry.subentries.values()
        ],
        "time_zone": coordinator.analytics.ledger.zone.key,
        "health": async_redact_data(health.as_dict(), TO_REDACT),
        "summary": plain_floats(coordinator.data.summary.as_dict()),
        "last_update_success": coordinator.last_update_success,
    }
