"""Conversion of the options and subentries of the entry into settings of the engine."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
import secrets
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..analytics import (
    FREE_PROVIDERS,
    Budget,
    BudgetUnit,
    Filter,
    KeepPerson,
    Period,
    Settings,
    Watch,
)
from ..const import (
    CONF_AMOUNT,
    CONF_ANOMALY_THRESHOLD,
    CONF_CATALOGUE,
    CONF_CURRENCY,
    CONF_FREE_PROVIDERS,
    CONF_KEEP_DETAILS,
    CONF_KEEP_METADATA,
    CONF_KEEP_PERSON,
    CONF_PERIOD,
    CONF_PERSON_KEY,
    CONF_RETENTION_DAYS,
    CONF_SCOPE,
    CONF_SCOPE_NAME,
    CONF_THRESHOLDS,
    CONF_UNIT,
    DEFAULT_ANOMALY_THRESHOLD,
    DEFAULT_RETENTION_DAYS,
    SUBENTRY_BUDGET,
    SUBENTRY_TRACKED,
)


def ensure_person_key(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Create the key for pseudonyms when they are first enabled; the entry keeps it."""
    wanted = entry.options.get(CONF_KEEP_PERSON) == KeepPerson.PSEUDONYMS
    if wanted and CONF_PERSON_KEY not in entry.data:
        key = {CONF_PERSON_KEY: secrets.token_hex(32)}
        hass.config_entries.async_update_entry(entry, data={**entry.data, **key})


def settings(entry: ConfigEntry) -> Settings:
    """Return the settings of the engine."""
    options = entry.options
    return Settings(
        retention_days=int(options.get(CONF_RETENTION_DAYS, DEFAULT_RETENTION_DAYS)),
        keep_details=options.get(CONF_KEEP_DETAILS, True),
        keep_metadata=options.get(CONF_KEEP_METADATA, True),
        keep_person=KeepPerson(options.get(CONF_KEEP_PERSON, KeepPerson.EVERYTHING)),
        person_key=bytes.fromhex(entry.data.get(CONF_PERSON_KEY, "")),
        use_catalogue=options.get(CONF_CATALOGUE, True),
        free_providers=tuple(options.get(CONF_FREE_PROVIDERS, FREE_PROVIDERS)),
        home_currency=options.get(CONF_CURRENCY),
    )


def scope(data: Mapping[str, Any]) -> Filter:
    """Return the filter for the events of a subentry."""
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
    """Return what the figures contain, with tracked usages and budgets by subentry ID."""
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
