"""Event entity for anomalies, which are also events on the event bus."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .analytics import ANOMALY_TYPES
from .const import EVENT_ANOMALY
from .coordinator import LlmAnalyticsConfigEntry
from .entity import LlmAnalyticsEntity

PARALLEL_UPDATES = 0

ANOMALY = EventEntityDescription(
    key="anomaly", translation_key="anomaly", event_types=list(ANOMALY_TYPES)
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: LlmAnalyticsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entity."""
    async_add_entities([LlmAnalyticsEvent(entry.runtime_data, ANOMALY)])


class LlmAnalyticsEvent(LlmAnalyticsEntity, EventEntity):
    """Event entity for the latest anomaly, with the figures that explain it."""

    entity_description: EventEntityDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to the anomalies on the event bus."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.hass.bus.async_listen(EVENT_ANOMALY, self._async_told, event_filter=self._is_known)
        )

    @callback
    def _is_known(self, data: Mapping[str, Any]) -> bool:
        return data.get("type") in self.event_types

    @callback
    def _async_told(self, event: Event) -> None:
        self.async_set_context(event.context)
        figures = {name: value for name, value in event.data.items() if name != "type"}
        self._trigger_event(event.data["type"], figures)
        self.async_write_ha_state()
