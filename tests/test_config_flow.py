"""Set-up, reconfiguration and options by the user's clicks."""

import os
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics.analytics import FREE_PROVIDERS
from custom_components.llm_analytics.const import DOMAIN

from .helpers import database

STORAGE = {"retention_days": 90, "keep_details": False, "keep_metadata": True}
OPTIONS = STORAGE | {
    "catalogue": False,
    "catalogue_refresh": True,
    "free_providers": ["ollama", "Gemini", " my-server "],
    "anomaly_threshold": 3.5,
    "statistics": False,
    "readers": "administrators",
    "keep_person": "nothing",
}

pytestmark = pytest.mark.usefixtures("enable_custom_integrations")


async def user_form(hass: HomeAssistant) -> Any:
    form = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "user"
    assert form["errors"] == {}
    return form


async def submitted(hass: HomeAssistant, form: Any, data: dict[str, Any]) -> Any:
    return await hass.config_entries.flow.async_configure(form["flow_id"], data)


async def unloaded(hass: HomeAssistant) -> None:
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_the_user_sets_up_one_ledger(hass: HomeAssistant) -> None:
    result = await submitted(hass, await user_form(hass), STORAGE)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "LLM Analytics"
    assert result["data"] == {}
    assert result["options"] == STORAGE
    assert type(result["options"]["retention_days"]) is int
    assert database(hass).exists()
    await unloaded(hass)


async def test_everything_has_a_default(hass: HomeAssistant) -> None:
    result = await submitted(hass, await user_form(hass), {})
    await hass.async_block_till_done()
    assert result["options"] == {
        "retention_days": 365,
        "keep_details": True,
        "keep_metadata": True,
    }
    await unloaded(hass)


@pytest.mark.parametrize("days", [0, 30, 730])
async def test_days_at_the_edges_are_taken(hass: HomeAssistant, days: int) -> None:
    result = await submitted(hass, await user_form(hass), STORAGE | {"retention_days": days})
    await hass.async_block_till_done()
    assert result["options"]["retention_days"] == days
    await unloaded(hass)


@pytest.mark.parametrize("days", [1, 29])
async def test_the_user_can_correct_the_days(hass: HomeAssistant, days: int) -> None:
    form = await submitted(hass, await user_form(hass), STORAGE | {"retention_days": days})
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {"retention_days": "retention_range"}
    result = await submitted(hass, form, STORAGE)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await unloaded(hass)


@pytest.mark.parametrize("data", [{"retention_days": 731}, {"retention_days": "ninety"}, {"x": 1}])
async def test_what_the_form_does_not_offer_is_refused(
    hass: HomeAssistant, data: dict[str, Any]
) -> None:
    form = await user_form(hass)
    with pytest.raises(InvalidData):
        await submitted(hass, form, STORAGE | data)
    assert hass.config_entries.async_entries(DOMAIN) == []


async def test_a_folder_that_cannot_be_written_is_told_and_recovered_from(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(folder: str, mode: int) -> bool:
        asked.append((folder, mode))
        return False

    form = await user_form(hass)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", refuse)
        form = await submitted(hass, form, STORAGE)
    assert asked == [(hass.config.config_dir, os.W_OK)]
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {"base": "not_writable"}
    result = await submitted(hass, form, STORAGE)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await unloaded(hass)


async def test_there_is_only_one(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "single_instance_allowed"


async def test_reconfiguring_changes_storage_and_keeps_the_other_options(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(entry, options={"catalogue": False})
    before = entry.runtime_data
    form = await entry.start_reconfigure_flow(hass)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "reconfigure"

    form = await submitted(hass, form, STORAGE | {"retention_days": 7})
    assert form["errors"] == {"retention_days": "retention_range"}
    assert entry.options == {"catalogue": False}

    result = await submitted(hass, form, STORAGE)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert entry.options == STORAGE | {"catalogue": False}
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before


def suggested(form: Any) -> dict[str, Any]:
    """Return what a form is filled with when it opens."""
    schema = form["data_schema"]
    defaults: dict[str, Any] = schema({})
    return defaults | {
        str(marker): marker.description["suggested_value"]
        for marker in schema.schema
        if marker.description
    }


async def test_the_options_open_with_their_defaults(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "init"
    assert suggested(form) == {
        "retention_days": 365,
        "keep_details": True,
        "keep_metadata": True,
        "catalogue": True,
        "catalogue_refresh": False,
        "free_providers": list(FREE_PROVIDERS),
        "anomaly_threshold": 2.0,
        "statistics": True,
        "readers": "everybody",
        "keep_person": "everything",
    }


async def test_options_are_kept_normalised_and_reload_the_entry(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    before = entry.runtime_data
    form = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(form["flow_id"], OPTIONS)
    await hass.async_block_till_done()
    kept = OPTIONS | {"free_providers": ["google", "my-server", "ollama"]}
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == kept
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data is not before

    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert suggested(form) == kept


async def test_the_options_can_be_corrected(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    form = await hass.config_entries.options.async_init(entry.entry_id)
    wrong = OPTIONS | {"retention_days": 12}
    form = await hass.config_entries.options.async_configure(form["flow_id"], wrong)
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {"retention_days": "retention_range"}
    assert suggested(form) == wrong
    assert entry.options == {}
    result = await hass.config_entries.options.async_configure(form["flow_id"], OPTIONS)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["retention_days"] == 90
