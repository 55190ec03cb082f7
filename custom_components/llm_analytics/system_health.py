"""Provide info about the ledger to system health."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .coordinator import loaded_entry


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the system health callback."""
    register.async_register_info(async_system_health_info)


async def async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return the state of the ledger, or that it is not loaded."""
    if (entry := loaded_entry(hass)) is None:
        return {"loaded": False}
    health = await entry.runtime_data.analytics.maintenance.health()
    return {
        "loaded": True,
        "events": health.events,
        "first_day": health.first_day,
        "database_size": f"{health.database_bytes / 1_000_000:.1f} MB",
        "queue_depth": health.queue_depth,
        "unpriced_models": len(health.unpriced_models),
        "last_write": health.last_write,
    }
