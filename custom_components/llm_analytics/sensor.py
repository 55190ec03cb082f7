"""Sensors for usage and cost by period, key figures of the day, forecasts and budgets.

A new sensor is a description in one of the tuples below.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import PERCENTAGE, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .analytics import Budget, BudgetState, BudgetUnit, Figures, PeriodTotals, Summary
from .const import SUBENTRY_BUDGET, SUBENTRY_TRACKED
from .coordinator import LlmAnalyticsConfigEntry, LlmAnalyticsCoordinator
from .entity import LlmAnalyticsEntity, budget_of, tracked_by

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LlmAnalyticsSensorDescription[Source](SensorEntityDescription):
    """Describes a sensor: its value and, if any, the period at whose start it is reset."""

    value_fn: Callable[[Source], int | str | Decimal | None]
    period_fn: Callable[[Source], PeriodTotals | BudgetState] | None = None


def _today(summary: Summary) -> PeriodTotals:
    return summary.today


_PERIODS: dict[str, Callable[[Summary], PeriodTotals]] = {
    "today": _today,
    "this_week": lambda summary: summary.week,
    "this_month": lambda summary: summary.month,
}


# TOTAL with last_reset, not TOTAL_INCREASING: a deleted or repriced event lowers the value.
def _total(
    key: str,
    unit: str,
    period_fn: Callable[[Summary], PeriodTotals],
    value_fn: Callable[[PeriodTotals], int | Decimal],
    **given: Any,
) -> LlmAnalyticsSensorDescription[Summary]:
    """Return the description of a total that is reset at the start of its period."""
    return LlmAnalyticsSensorDescription(
        key=key,
        translation_key=key,
        native_unit_of_measurement=unit,
        state_class=SensorStateClass.TOTAL,
        period_fn=period_fn,
        value_fn=lambda summary: value_fn(period_fn(summary)),
        **given,
    )


_MONEY: dict[str, Any] = {
    "device_class": SensorDeviceClass.MONETARY,
    "suggested_display_precision": 2,
}

_HOME_COST = "home_cost_"

PERIOD_SENSORS: tuple[LlmAnalyticsSensorDescription[Summary], ...] = tuple(
    description
    for period, period_fn in _PERIODS.items()
    for description in (
        _total(f"requests_{period}", "requests", period_fn, lambda row: row.totals.requests),
        _total(f"tokens_{period}", "tokens", period_fn, lambda row: row.totals.tokens),
        _total(f"cost_{period}", "USD", period_fn, lambda row: row.cost, **_MONEY),
    )
)
# Tracked usages have the same sensors, but only some are enabled by default.
TRACKED_SENSORS: tuple[LlmAnalyticsSensorDescription[Summary], ...] = tuple(
    replace(
        description,
        entity_registry_enabled_default=description.key
        in {"tokens_today", "cost_today", "cost_this_month"},
    )
    for description in PERIOD_SENSORS
)

TROUBLE_SENSORS: tuple[LlmAnalyticsSensorDescription[Summary], ...] = (
    _total("failed_requests_today", "requests", _today, lambda row: row.totals.failed),
    _total("unpriced_requests_today", "requests", _today, lambda row: row.totals.unpriced),
)

STANDING_OUT_SENSORS: tuple[LlmAnalyticsSensorDescription[Figures], ...] = (
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


def home_sensors(currency: str) -> tuple[LlmAnalyticsSensorDescription[Figures], ...]:
    """Return the descriptions of the cost sensors in the household currency.

    Each currency has its own sensors, because statistics in different currencies cannot be added.
    """
    return tuple(_home_cost(period, period_fn, currency) for period, period_fn in _PERIODS.items())


def _home_cost(
    period: str, period_fn: Callable[[Summary], PeriodTotals], currency: str
) -> LlmAnalyticsSensorDescription[Figures]:
    return LlmAnalyticsSensorDescription(
        key=f"{_HOME_COST}{period}_{currency.lower()}",
        translation_key=f"{_HOME_COST}{period}",
        native_unit_of_measurement=currency,
        state_class=SensorStateClass.TOTAL,
        period_fn=lambda figures: period_fn(figures.summary),
        value_fn=lambda figures: (
            period_fn(figures.summary).home_cost if figures.rate_known else None
        ),
        **_MONEY,
    )


# All sensors of the whole ledger, except those in the household currency.
SENSORS: tuple[SensorEntityDescription, ...] = (
    *PERIOD_SENSORS,
    *TROUBLE_SENSORS,
    *STANDING_OUT_SENSORS,
)


def budget_sensors(budget: Budget) -> tuple[LlmAnalyticsSensorDescription[BudgetState], ...]:
    """Return the descriptions of the sensors of a budget, in its unit."""
    amount: dict[str, Any] = {"native_unit_of_measurement": budget.unit_name}
    amount |= _MONEY if budget.unit is BudgetUnit.COST else {"suggested_display_precision": 0}
    return (
        LlmAnalyticsSensorDescription(
            key="used",
            translation_key="budget_used",
            state_class=SensorStateClass.TOTAL,
            value_fn=lambda state: state.used_amount,
            period_fn=lambda state: state,
            **amount,
        ),
        LlmAnalyticsSensorDescription(
            key="remaining",
            translation_key="budget_remaining",
            value_fn=lambda state: state.remaining_amount,
            **amount,
        ),
        LlmAnalyticsSensorDescription(
            key="used_percent",
            translation_key="budget_used_percent",
            native_unit_of_measurement=PERCENTAGE,
            state_class=SensorStateClass.MEASUREMENT,
            suggested_display_precision=0,
            value_fn=lambda state: state.used_percent,
        ),
        LlmAnalyticsSensorDescription(
            key="projected",
            translation_key="budget_projected",
            value_fn=lambda state: state.projected_amount,
            **amount,
        ),
    )


def _summary(figures: Figures) -> Summary:
    return figures.summary


def _everything(figures: Figures) -> Figures:
    return figures


async def async_setup_entry(
    hass: HomeAssistant,
    entry: LlmAnalyticsConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of the ledger and of its subentries."""
    coordinator = entry.runtime_data
    async_add_entities(
        LlmAnalyticsSensor(coordinator, description, _summary)
        for description in (*PERIOD_SENSORS, *TROUBLE_SENSORS)
    )
    async_add_entities(
        LlmAnalyticsSensor(coordinator, description, _everything)
        for description in STANDING_OUT_SENSORS
    )
    currency = coordinator.analytics.ledger.home_currency
    home = () if currency is None else home_sensors(currency)
    _remove_other_currencies(hass, entry, {description.key for description in home})
    async_add_entities(HomeCostSensor(coordinator, description) for description in home)
    for subentry in entry.get_subentries_of_type(SUBENTRY_TRACKED):
        async_add_entities(
            (
                LlmAnalyticsSensor(coordinator, description, tracked_by(subentry), subentry)
                for description in TRACKED_SENSORS
            ),
            config_subentry_id=subentry.subentry_id,
        )
    for subentry in entry.get_subentries_of_type(SUBENTRY_BUDGET):
        budget = coordinator.data.budgets[subentry.subentry_id].budget
        async_add_entities(
            (
                LlmAnalyticsSensor(coordinator, description, budget_of(subentry), subentry)
                for description in budget_sensors(budget)
            ),
            config_subentry_id=subentry.subentry_id,
        )


@callback
def _remove_other_currencies(
    hass: HomeAssistant, entry: LlmAnalyticsConfigEntry, keys: set[str]
) -> None:
    """Remove the sensors of a currency that is no longer the household currency."""
    registry = er.async_get(hass)
    for one in er.async_entries_for_config_entry(registry, entry.entry_id):
        key = one.unique_id.removeprefix(f"{entry.entry_id}_")
        if key.startswith(_HOME_COST) and key not in keys:
            registry.async_remove(one.entity_id)


class LlmAnalyticsSensor[Source](LlmAnalyticsEntity, SensorEntity):
    """A sensor that shows one of the figures."""

    entity_description: LlmAnalyticsSensorDescription[Source]

    def __init__(
        self,
        coordinator: LlmAnalyticsCoordinator,
        description: LlmAnalyticsSensorDescription[Source],
        source_fn: Callable[[Figures], Source],
        subentry: ConfigSubentry | None = None,
    ) -> None:
        """Initialize the sensor; ``source_fn`` selects its part of the figures."""
        super().__init__(coordinator, description, subentry)
        self._source_fn = source_fn

    @property
    @override
    def shown(self) -> Hashable:
        """Return the figure and its period."""
        return self.native_value, self.last_reset

    @property
    @override
    def urgent(self) -> Hashable:
        """Return the period: a new one begins at once."""
        return self.last_reset

    @property
    @override
    def native_value(self) -> int | str | Decimal | None:
        """Return the exact value."""
        return self.entity_description.value_fn(self._source_fn(self.coordinator.data))

    @property
    @override
    def last_reset(self) -> datetime | None:
        """Return the start of the current period, or None if the value is not reset."""
        if (period_fn := self.entity_description.period_fn) is None:
            return None
        return period_fn(self._source_fn(self.coordinator.data)).start


class HomeCostSensor(LlmAnalyticsSensor[Figures]):
    """Cost of a period in the household currency, unknown while there is no exchange rate."""

    def __init__(
        self,
        coordinator: LlmAnalyticsCoordinator,
        description: LlmAnalyticsSensorDescription[Figures],
    ) -> None:
        """Initialize the sensor with the currency in its name."""
        super().__init__(coordinator, description, _everything)
        currency = description.native_unit_of_measurement or ""
        self._attr_translation_placeholders = {"currency": currency}
