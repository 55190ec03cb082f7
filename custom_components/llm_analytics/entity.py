"""Base entity for LLM Analytics."""

from collections.abc import Callable

from homeassistant.config_entries import ConfigSubentry
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .analytics import BudgetState, Figures, Summary
from .const import DOMAIN
from .coordinator import LlmAnalyticsCoordinator


class LlmAnalyticsEntity(CoordinatorEntity[LlmAnalyticsCoordinator]):
    """Base entity, on the service device of the ledger or of a subentry."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: LlmAnalyticsCoordinator,
        description: EntityDescription,
        subentry: ConfigSubentry | None = None,
    ) -> None:
        """Initialize the entity; each subentry has its own device."""
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
    """Return a function that gets the state of a budget subentry from the figures."""
    return lambda figures: figures.budgets[subentry.subentry_id]


def tracked_by(subentry: ConfigSubentry) -> Callable[[Figures], Summary]:
    """Return a function that gets the summary of a tracked usage from the figures."""
    return lambda figures: figures.tracked[subentry.subentry_id]
