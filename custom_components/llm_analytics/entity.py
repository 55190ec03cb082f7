"""The base of every entity."""

from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import LlmAnalyticsCoordinator


class LlmAnalyticsEntity(CoordinatorEntity[LlmAnalyticsCoordinator]):
    """An entity of the ledger's service device."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: LlmAnalyticsCoordinator, description: EntityDescription
    ) -> None:
        """Name the entity after its description."""
        super().__init__(coordinator)
        self.entity_description = description
        entry_id = coordinator.config_entry.entry_id
        self._attr_unique_id = f"{entry_id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, entry_id)},
            name="LLM Analytics",
            entry_type=DeviceEntryType.SERVICE,
        )
