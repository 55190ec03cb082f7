"""Backup platform: recording continues, but the database file does not change meanwhile."""

from homeassistant.core import HomeAssistant

from .analytics import AnalyticsError
from .const import DOMAIN
from .coordinator import LlmAnalyticsConfigEntry
from .errors import translated


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Keep the database file unchanged while it is copied."""
    for entry in _loaded(hass):
        try:
            await entry.runtime_data.analytics.maintenance.begin_backup()
        except AnalyticsError as error:
            raise translated(error) from error


async def async_post_backup(hass: HomeAssistant) -> None:
    """Allow changes to the database file again, also after a failed backup."""
    for entry in _loaded(hass):
        try:
            await entry.runtime_data.analytics.maintenance.end_backup()
        except AnalyticsError as error:
            raise translated(error) from error


def _loaded(hass: HomeAssistant) -> list[LlmAnalyticsConfigEntry]:
    return hass.config_entries.async_loaded_entries(DOMAIN)
