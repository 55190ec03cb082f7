"""Options of triggers and conditions, and the budgets that their entities belong to."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import CONF_OPTIONS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN, SUBENTRY_BUDGET

type OptionFields = Mapping[vol.Marker, Any]

CONF_BUDGET: Final = "budget"
BUDGET_FIELD: Final[OptionFields] = {vol.Optional(CONF_BUDGET): cv.entity_ids}


def validated(hass: HomeAssistant, fields: OptionFields, config: ConfigType) -> ConfigType:
    """Return the configuration with validated options. Raises vol.Invalid."""
    schema = vol.Schema({vol.Required(CONF_OPTIONS, default=dict): dict(fields)})
    checked: ConfigType = schema(config)
    for entity_id in checked[CONF_OPTIONS].get(CONF_BUDGET, []):
        if budget_id(hass, entity_id) is None:
            raise vol.Invalid(f"{entity_id} belongs to no budget of LLM Analytics")
    return checked


def budget_id(hass: HomeAssistant, entity_id: str) -> str | None:
    """Return the ID of the budget that an entity belongs to, or None."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None or entity.platform != DOMAIN or entity.config_entry_id is None:
        return None
    entry = hass.config_entries.async_get_known_entry(entity.config_entry_id)
    subentry = entry.subentries.get(entity.config_subentry_id or "")
    if subentry is None or subentry.subentry_type != SUBENTRY_BUDGET:
        return None
    return subentry.subentry_id
