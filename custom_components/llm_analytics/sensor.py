"""Sensors: requests, tokens and cost of today, this week and this month."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .analytics import PeriodTotals, Summary
from .coordinator import LlmAnalyticsConfigEntry
from .entity import LlmAnalyticsEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LlmAnalyticsSensorDescription(SensorEntityDescription):
    """A sensor and where its figure stands in the summary."""

    period_fn: Callable[[Summary], PeriodTotals]
    value_fn: Callable[[PeriodTotals], int | Decimal]


_PERIODS: dict[str, Callable[[Summary], PeriodTotals]] = {
    "today": lambda summary: summary.today,
    "this_week": lambda summary: summary.week,
    "this_month": lambda summary: summary.month,
}

# TOTAL with last_reset, never TOTAL_INCREASING: a deleted or repriced event lowers the figure.
SENSORS: tuple[LlmAnalyticsSensorDescription, ...] = tuple(
    description
    for period, period_fn in _PERIODS.items()
    for description in (
        LlmAnalyticsSensorDescription(
            key=f"requests_{period}",
            translation_key=f"requests_{period}",
            native_unit_of_measurement="requests",
            state_class=SensorStateClass.TOTAL,
            period_fn=period_fn,
            value_fn=lambda row: row.totals.requests,
        ),
        LlmAnalyticsSensorDescription(
            key=f"tokens_{period}",
            translation_key=f"tokens_{period}",
            native_unit_of_measurement="tokens",
            state_class=SensorStateClass.TOTAL,
            period_fn=period_fn,
            value_fn=lambda row: row.totals.tokens,
        ),
        LlmAnalyticsSensorDescription(
            key=f"cost_{period}",
            translation_key=f"cost_{period}",
            device_class=SensorDeviceClass.MONETARY,
            native_unit_of_measurement="USD",
            state_class=SensorStateClass.TOTAL,
            suggested_display_precision=2,
            period_fn=period_fn,
            value_fn=lambda row: row.cost,
        ),
    )
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: LlmAnalyticsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors."""
    async_add_entities(
        LlmAnalyticsSensor(entry.runtime_data, description) for description in SENSORS
    )


class LlmAnalyticsSensor(LlmAnalyticsEntity, SensorEntity):
    """One figure of one period."""

    entity_description: LlmAnalyticsSensorDescription

    @property
    def _row(self) -> PeriodTotals:
        return self.entity_description.period_fn(self.coordinator.data)

    @property
    @override
    def native_value(self) -> int | Decimal:
        """Return the figure, exactly."""
        return self.entity_description.value_fn(self._row)

    @property
    @override
    def last_reset(self) -> datetime:
        """Return the first instant of the period."""
        return self._row.start
