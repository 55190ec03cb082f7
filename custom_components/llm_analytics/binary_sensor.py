"""Binary sensors: what is wrong, of the whole ledger or of a subentry's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .analytics import BudgetState, Figures
from .const import SUBENTRY_BUDGET
from .coordinator import LlmAnalyticsConfigEntry, LlmAnalyticsCoordinator
from .entity import LlmAnalyticsEntity, budget_of

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LlmAnalyticsBinarySensorDescription[Source](BinarySensorEntityDescription):
    """A binary sensor, and what of its source it shows."""

    is_on_fn: Callable[[Source], bool]


BUDGET_BINARY_SENSORS: tuple[LlmAnalyticsBinarySensorDescription[BudgetState], ...] = (
    LlmAnalyticsBinarySensorDescription(
        key="over_budget",
        translation_key="over_budget",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=lambda state: state.exceeded,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: LlmAnalyticsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_BUDGET):
        async_add_entities(
            (
                LlmAnalyticsBinarySensor(
                    entry.runtime_data,
                    description,
                    budget_of(subentry),
                    subentry,
                )
                for description in BUDGET_BINARY_SENSORS
            ),
            config_subentry_id=subentry.subentry_id,
        )


class LlmAnalyticsBinarySensor[Source](LlmAnalyticsEntity, BinarySensorEntity):
    """One thing that is so or not."""

    entity_description: LlmAnalyticsBinarySensorDescription[Source]

    def __init__(
        self,
        coordinator: LlmAnalyticsCoordinator,
        description: LlmAnalyticsBinarySensorDescription[Source],
        source_fn: Callable[[Figures], Source],
        subentry: ConfigSubentry | None = None,
    ) -> None:
        """Show a part of the figures."""
        super().__init__(coordinator, description, subentry)
        self._source_fn = source_fn

    @property
    @override
    def is_on(self) -> bool:
        """Return whether it is so."""
        return self.entity_description.is_on_fn(self._source_fn(self.coordinator.data))
