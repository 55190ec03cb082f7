"""The base of every entity."""

from collections.abc import Callable

from homeassistant.config_entries import ConfigSubentry
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .analytics import BudgetState, Figures, Summary
from .const import DOMAIN
from .coordinator import LlmAnalyticsCoordinator


class LlmAnalyticsEntity(CoordinatorEntity[LlmAnalyticsCoordinator]):
    """An entity of the ledger's service device, or of a subentry's."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: LlmAnalyticsCoordinator,
        description: EntityDescription,
        subentry: ConfigSubentry | None = None,
    ) -> None:
        """Name the entity after its description; a subentry's has a device of its own."""
        super().__init__(coordinator)
        self.entity_description = description
        entry = coordinator.config_entry
        owner = entry.entry_id if subentry is None else subentry.subentry_id
        self._attr_unique_id = f"{owner}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, owner)},
            name="LLM Analytics" if subentry is None else subentry.title,
            entry_type=DeviceEntryType.SERVICE,
        )


def budget_of(subentry: ConfigSubentry) -> Callable[[Figures], BudgetState]:
    """Return where a subentry's budget stands in the figures."""
    return lambda figures: figures.budgets[subentry.subentry_id]


def tracked_by(subentry: ConfigSubentry) -> Callable[[Figures], Summary]:
    """Return where the periods of what a subentry tracks stand in the figures."""
    return lambda figures: figures.tracked[subentry.subentry_id]
