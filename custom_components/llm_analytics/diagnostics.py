"""Diagnostics: how the ledger is doing, without a word on who used what."""

from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .const import CONF_FREE_PROVIDERS
from .conversion import plain_floats
from .coordinator import LlmAnalyticsConfigEntry

# Names of machines and models at home may stand in them.
TO_REDACT = {CONF_FREE_PROVIDERS, "unpriced_models"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: LlmAnalyticsConfigEntry
) -> dict[str, Any]:
    """Return options, the ledger's state and the figures the sensors show."""
    coordinator = entry.runtime_data
    health = await coordinator.analytics.health()
    return {
        "options": async_redact_data(entry.options, TO_REDACT),
        "time_zone": coordinator.analytics.zone.key,
        "health": async_redact_data(health.as_dict(), TO_REDACT),
        "summary": plain_floats(coordinator.data.summary.as_dict()),
        "last_update_success": coordinator.last_update_success,
    }
