"""What the options and subentries ask to be watched, in the engine's terms."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from homeassistant.config_entries import ConfigEntry

from .analytics import Budget, BudgetUnit, Filter, Period, Watch
from .const import (
    CONF_AMOUNT,
    CONF_ANOMALY_THRESHOLD,
    CONF_PERIOD,
    CONF_SCOPE,
    CONF_SCOPE_NAME,
    CONF_THRESHOLDS,
    CONF_UNIT,
    DEFAULT_ANOMALY_THRESHOLD,
    SUBENTRY_BUDGET,
    SUBENTRY_TRACKED,
)


def scope(data: Mapping[str, Any]) -> Filter:
    """Return which events a subentry is about."""
    return Filter(**{data[CONF_SCOPE]: data[CONF_SCOPE_NAME]} if CONF_SCOPE_NAME in data else {})


def budget(title: str, data: Mapping[str, Any]) -> Budget:
    """Return the budget of a subentry. Raises InvalidInputError."""
    return Budget(
        name=title,
        unit=BudgetUnit(data[CONF_UNIT]),
        amount=Decimal(str(data[CONF_AMOUNT])),
        period=Period(data[CONF_PERIOD]),
        thresholds=tuple(data[CONF_THRESHOLDS]),
        filter=scope(data),
    )


def watch(entry: ConfigEntry) -> Watch:
    """Return what is to be watched, what subentries ask for by their ids."""
    threshold = entry.options.get(CONF_ANOMALY_THRESHOLD, DEFAULT_ANOMALY_THRESHOLD)
    return Watch(
        anomaly_threshold=Fraction(str(threshold)),
        tracked={
            one.subentry_id: scope(one.data)
            for one in entry.get_subentries_of_type(SUBENTRY_TRACKED)
        },
        budgets={
            one.subentry_id: budget(one.title, one.data)
            for one in entry.get_subentries_of_type(SUBENTRY_BUDGET)
        },
    )
