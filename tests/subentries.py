"""Adding, changing and removing subentries by the user's clicks."""

from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry


def budget(title: str = "Weekly", **given: Any) -> ConfigSubentry:
    """Return a subentry of a budget of 10 USD a week."""
    data = {
        "scope": "all",
        "unit": "cost",
        "amount": 10,
        "period": "week",
        "thresholds": [50, 100],
    }
    return ConfigSubentry(
        data=MappingProxyType(data | given), subentry_type="budget", title=title, unique_id=None
    )


async def begun(hass: HomeAssistant, entry: MockConfigEntry, kind: str) -> Any:
    """Return the first answer of the flow that adds a subentry."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, kind), context={"source": SOURCE_USER}
    )


async def submitted(hass: HomeAssistant, form: Any, data: dict[str, Any]) -> Any:
    """Fill in a form."""
    assert form["type"] is FlowResultType.FORM, form
    return await hass.config_entries.subentries.async_configure(form["flow_id"], data)


async def added(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str, *steps: dict[str, Any]
) -> ConfigSubentry:
    """Add a subentry, filling in one form after the other."""
    before = set(entry.subentries)
    result = await begun(hass, entry, kind)
    for data in steps:
        result = await submitted(hass, result, data)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    await hass.async_block_till_done()
    (new,) = set(entry.subentries) - before
    return entry.subentries[new]


def options(form: Any, field: str) -> list[Any]:
    """Return what a form offers for a field."""
    (selector,) = (value for key, value in form["data_schema"].schema.items() if key == field)
    found: list[Any] = selector.config["options"]
    return found


def suggested(form: Any) -> dict[str, Any]:
    """Return what a form is filled with when it opens."""
    return {
        str(marker): marker.description["suggested_value"]
        for marker in form["data_schema"].schema
        if marker.description
    }
