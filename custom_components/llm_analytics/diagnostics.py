"""Diagnostics: how the ledger is doing, without a word on who used what."""

from typing import Any

from homeassistant.core import HomeAssistant

from .coordinator import LlmAnalyticsConfigEntry
from .schemas import plain_floats


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: LlmAnalyticsConfigEntry
) -> dict[str, Any]:
    """Return options, the ledger's state and the figures the sensors show."""
    coordinator = entry.runtime_data
    health = await coordinator.analytics.health()
    return {
        "options": dict(entry.options),
        "time_zone": coordinator.analytics.zone.key,
        "health": health.as_dict(),
        "summary": plain_floats(coordinator.data.as_dict()),
        "last_update_success": coordinator.last_update_success,
    }
