"""Binary sensors for a cost anomaly of the ledger and for exceeded budgets."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .analytics import BudgetState, Figures, LatestScores
from .const import SUBENTRY_BUDGET
from .coordinator import LlmAnalyticsConfigEntry, LlmAnalyticsCoordinator
from .entity import LlmAnalyticsEntity, budget_of

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LlmAnalyticsBinarySensorDescription[Source](BinarySensorEntityDescription):
    """Describes a binary sensor: its state and, if any, the attributes that explain it."""

    is_on_fn: Callable[[Source], bool | None]
    attributes_fn: Callable[[Source], dict[str, Any]] | None = None


def _cost_explained(scores: LatestScores) -> dict[str, Any]:
    if (cost := scores.today.get("cost")) is None:
        return {}
    return {
        "value": float(cost.shown_value),
        "expected": float(cost.shown_expected),
        "z_score": float(cost.shown_z),
        "threshold": float(scores.threshold),
    }


COST_ANOMALY = LlmAnalyticsBinarySensorDescription[LatestScores](
    key="cost_anomaly_today",
    translation_key="cost_anomaly_today",
    device_class=BinarySensorDeviceClass.PROBLEM,
    is_on_fn=lambda scores: scores.cost_anomaly,
    attributes_fn=_cost_explained,
)


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
    """Set up the binary sensors of the ledger and of the budgets."""
    async_add_entities(
        [LlmAnalyticsBinarySensor(entry.runtime_data, COST_ANOMALY, lambda figures: figures.scores)]
    )
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
    """A binary sensor that shows a part of the figures."""

    # They change with every request. The event entity records their values at an anomaly.
    _unrecorded_attributes = frozenset({"value", "expected", "z_score", "threshold"})

    entity_description: LlmAnalyticsBinarySensorDescription[Source]

    def __init__(
        self,
        coordinator: LlmAnalyticsCoordinator,
        description: LlmAnalyticsBinarySensorDescription[Source],
        source_fn: Callable[[Figures], Source],
        subentry: ConfigSubentry | None = None,
    ) -> None:
        """Initialize the binary sensor; ``source_fn`` selects its part of the figures."""
        super().__init__(coordinator, description, subentry)
        self._source_fn = source_fn

    @property
    @override
    def shown(self) -> Hashable:
        """Return the state; the figures that explain it are no reason to write it again."""
        return self.is_on

    @property
    @override
    def urgent(self) -> Hashable:
        """Return the state, which is written at once."""
        return self.is_on

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the state, or None if it is unknown."""
        return self.entity_description.is_on_fn(self._source_fn(self.coordinator.data))

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Return the figures that explain the state."""
        if (attributes_fn := self.entity_description.attributes_fn) is None:
            return None
        return attributes_fn(self._source_fn(self.coordinator.data))
