"""Sensors: requests, tokens and cost by period, and what stands out today and this month."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .analytics import Figures, PeriodTotals
from .coordinator import LlmAnalyticsConfigEntry
from .entity import LlmAnalyticsEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LlmAnalyticsSensorDescription(SensorEntityDescription):
    """A sensor, where its figure stands, and the period that it starts anew with, if any."""

    value_fn: Callable[[Figures], int | str | Decimal | None]
    period_fn: Callable[[Figures], PeriodTotals] | None = None


def _today(figures: Figures) -> PeriodTotals:
    return figures.summary.today


_PERIODS: dict[str, Callable[[Figures], PeriodTotals]] = {
    "today": _today,
    "this_week": lambda figures: figures.summary.week,
    "this_month": lambda figures: figures.summary.month,
}


# TOTAL with last_reset, never TOTAL_INCREASING: a deleted or repriced event lowers the figure.
def _total(
    key: str,
    unit: str,
    period_fn: Callable[[Figures], PeriodTotals],
    value_fn: Callable[[PeriodTotals], int | Decimal],
    **given: Any,
) -> LlmAnalyticsSensorDescription:
    """Return a sensor of a figure that starts anew with its period."""
    return LlmAnalyticsSensorDescription(
        key=key,
        translation_key=key,
        native_unit_of_measurement=unit,
        state_class=SensorStateClass.TOTAL,
        period_fn=period_fn,
        value_fn=lambda figures: value_fn(period_fn(figures)),
        **given,
    )


_MONEY: dict[str, Any] = {
    "device_class": SensorDeviceClass.MONETARY,
    "suggested_display_precision": 2,
}

SENSORS: tuple[LlmAnalyticsSensorDescription, ...] = (
    *(
        description
        for period, period_fn in _PERIODS.items()
        for description in (
            _total(f"requests_{period}", "requests", period_fn, lambda row: row.totals.requests),
            _total(f"tokens_{period}", "tokens", period_fn, lambda row: row.totals.tokens),
            _total(f"cost_{period}", "USD", period_fn, lambda row: row.cost, **_MONEY),
        )
    ),
    _total("failed_requests_today", "requests", _today, lambda row: row.totals.failed),
    _total("unpriced_requests_today", "requests", _today, lambda row: row.totals.unpriced),
    LlmAnalyticsSensorDescription(
        key="average_latency_today",
        translation_key="average_latency_today",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda figures: figures.average_latency,
    ),
    LlmAnalyticsSensorDescription(
        key="cost_change_today",
        translation_key="cost_change_today",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda figures: figures.cost_change_percent,
    ),
    LlmAnalyticsSensorDescription(
        key="cost_per_request_today",
        translation_key="cost_per_request_today",
        device_class=SensorDeviceClass.MONETARY,
        native_unit_of_measurement="USD",
        suggested_display_precision=4,
        value_fn=lambda figures: figures.cost_per_request,
    ),
    LlmAnalyticsSensorDescription(
        key="most_expensive_model_today",
        translation_key="most_expensive_model_today",
        value_fn=lambda figures: figures.top_model,
    ),
    LlmAnalyticsSensorDescription(
        key="cost_forecast_this_month",
        translation_key="cost_forecast_this_month",
        native_unit_of_measurement="USD",
        value_fn=lambda figures: figures.forecast.cost.shown(money=True),
        **_MONEY,
    ),
    LlmAnalyticsSensorDescription(
        key="tokens_forecast_this_month",
        translation_key="tokens_forecast_this_month",
        native_unit_of_measurement="tokens",
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
        value_fn=lambda figures: figures.forecast.tokens.shown(money=False),
    ),
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
    """One figure of the ledger."""

    entity_description: LlmAnalyticsSensorDescription

    @property
    @override
    def native_value(self) -> int | str | Decimal | None:
        """Return the figure, exactly."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def last_reset(self) -> datetime | None:
        """Return the first instant of the period that the figure starts anew with."""
        if (period_fn := self.entity_description.period_fn) is None:
            return None
        return period_fn(self.coordinator.data).start
