"""What the entry's options ask of the engine."""

import secrets

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .analytics import FREE_PROVIDERS, KeepPerson, Settings
from .const import (
    CONF_CATALOGUE,
    CONF_CURRENCY,
    CONF_FREE_PROVIDERS,
    CONF_KEEP_DETAILS,
    CONF_KEEP_METADATA,
    CONF_KEEP_PERSON,
    CONF_PERSON_KEY,
    CONF_RETENTION_DAYS,
    DEFAULT_RETENTION_DAYS,
)


def ensure_person_key(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Make the key of the pseudonyms when they are first wanted; it stays the entry's."""
    wanted = entry.options.get(CONF_KEEP_PERSON) == KeepPerson.PSEUDONYMS
    if wanted and CONF_PERSON_KEY not in entry.data:
        key = {CONF_PERSON_KEY: secrets.token_hex(32)}
        hass.config_entries.async_update_entry(entry, data={**entry.data, **key})


def settings(entry: ConfigEntry) -> Settings:
    """Return the engine's settings."""
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
