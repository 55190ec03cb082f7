"""Tracked devices, models, providers, users and tags, each with sensors of its own."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.llm_analytics.entity import WRITE_INTERVAL

from .helpers import Client, stored
from .subentries import added, begun, options, submitted, suggested

NOW = "2026-05-13T18:30:00+00:00"
KITCHEN: dict[str, Any] = {
    "device_ip": "192.168.1.20",
    "device_name": "Kitchen tablet",
    "user_id": "Alex",
    "tags": ["Voice"],
    "cost_estimate": 2,
}
OTHER: dict[str, Any] = {
    "device_ip": "192.168.1.21",
    "provider": "anthropic",
    "model": "claude-haiku-4-5",
    "cost_estimate": 5,
}
# The scope, what is typed, how it is kept, and the title.
THINGS = [
    ("device", "192.168.1.20", "ip:192.168.1.20", "Kitchen tablet LLM usage"),
    ("provider", " OpenAI ", "openai", "openai LLM usage"),
    ("model", "openai/gpt-4o", "openai/gpt-4o", "openai/gpt-4o LLM usage"),
    ("user", "Alex", "Alex", "Alex LLM usage"),
    ("tag", "Voice", "Voice", "Voice LLM usage"),
]


@pytest.fixture
def wednesday(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Stop the clock."""
    freezer.move_to(NOW)
    return freezer


@pytest.fixture
async def ledger(wednesday: FrozenDateTimeFactory, client: Client) -> Client:
    """Record a request of the kitchen and one of something else."""
    await stored(client, **KITCHEN)
    await stored(client, **OTHER)
    return client


async def settled(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the second pass within which commits share one refresh."""
    freezer.tick(WRITE_INTERVAL + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


@pytest.mark.parametrize("thing", THINGS)
async def test_what_is_tracked_has_its_own_sensors(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    ledger: Client,
    wednesday: FrozenDateTimeFactory,
    thing: tuple[str, str, str, str],
) -> None:
    scope, typed, kept, title = thing
    subentry = await added(hass, entry, "tracked", {"scope": scope}, {"scope_name": typed})
    assert subentry.title == title
    assert dict(subentry.data) == {"scope": scope, "scope_name": kept}

    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    mine = {
        one.original_name: one for one in entities if one.unique_id.startswith(subentry.subentry_id)
    }
    assert len(mine) == 9
    assert {one.config_subentry_id for one in mine.values()} == {subentry.subentry_id}
    assert {name for name, one in mine.items() if one.disabled_by is None} == {
        "Tokens today",
        "Cost today",
        "Cost this month",
    }
    (device_id,) = {one.device_id for one in mine.values()}
    (device,) = (
        one
        for one in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if one.id == device_id
    )
    assert device.name == title
    assert device.entry_type is dr.DeviceEntryType.SERVICE

    await stored(ledger, **KITCHEN)
    await settled(hass, wednesday)
    cost = hass.states.get(mine["Cost this month"].entity_id)
    assert cost is not None
    assert cost.state == "4"
    assert cost.attributes["unit_of_measurement"] == "USD"
    assert cost.attributes["last_reset"] == "2026-05-01T00:00:00-07:00"
    tokens = hass.states.get(mine["Tokens today"].entity_id)
    assert tokens is not None
    assert tokens.state == "300"
    whole = hass.states.get("sensor.llm_analytics_cost_today")
    assert whole is not None
    assert whole.state == "9"


async def test_the_forms_offer_what_the_ledger_has_seen(
    hass: HomeAssistant, entry: MockConfigEntry, ledger: Client
) -> None:
    await stored(ledger, **KITCHEN | {"device_ip": None, "device_id": "abc", "device_name": "Hall"})
    offered = {}
    for scope, *_ in THINGS:
        form = await submitted(hass, await begun(hass, entry, "tracked"), {"scope": scope})
        assert form["step_id"] == "name"
        offered[scope] = [(one["value"], one["label"]) for one in options(form, "scope_name")]
    assert offered == {
        "device": [
            ("192.168.1.21", "192.168.1.21"),
            ("abc", "Hall (abc)"),
            ("192.168.1.20", "Kitchen tablet (192.168.1.20)"),
        ],
        "provider": [("anthropic", "anthropic"), ("openai", "openai")],
        "model": [
            ("anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4-5"),
            ("openai/gpt-4o", "openai/gpt-4o"),
        ],
        "user": [("Alex", "Alex"), ("anonymous", "anonymous")],
        "tag": [("Voice", "Voice")],
    }


@pytest.mark.parametrize(
    ("scope", "typed"),
    [
        ("device", "192.168.1.999"),
        ("device", "the kitchen"),
        ("provider", "p" * 51),
        ("model", ""),
        ("user", "  "),
        ("tag", "t" * 65),
    ],
)
async def test_a_wrong_name_can_be_corrected(
    hass: HomeAssistant, entry: MockConfigEntry, scope: str, typed: str
) -> None:
    form = await submitted(hass, await begun(hass, entry, "tracked"), {"scope": scope})
    form = await submitted(hass, form, {"scope_name": typed, "name": "Mine"})
    assert form["errors"] == {"scope_name": f"invalid_{scope}"}
    assert suggested(form) == {"scope_name": typed, "name": "Mine"}
    result = await submitted(hass, form, {"scope_name": "192.168.1.9", "name": " Mine "})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Mine"
    await hass.async_block_till_done()


async def test_nothing_is_tracked_twice(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await added(hass, entry, "tracked", {"scope": "tag"}, {"scope_name": "voice"})
    form = await submitted(hass, await begun(hass, entry, "tracked"), {"scope": "tag"})
    form = await submitted(hass, form, {"scope_name": "Voice"})
    assert form["errors"] == {"scope_name": "already_tracked"}
    # The same name of another kind is something else.
    await added(hass, entry, "tracked", {"scope": "user"}, {"scope_name": "voice"})
    assert len(entry.subentries) == 2


async def test_what_is_tracked_can_be_changed(
    hass: HomeAssistant, entry: MockConfigEntry, ledger: Client
) -> None:
    named = await added(hass, entry, "tracked", {"scope": "device"}, {"scope_name": "192.168.1.20"})
    other = await added(
        hass, entry, "tracked", {"scope": "device"}, {"scope_name": "10.0.0.1", "name": "Attic"}
    )
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)

    form = await entry.start_subentry_reconfigure_flow(hass, other.subentry_id)
    assert form["step_id"] == "reconfigure"
    assert suggested(form) == {"scope_name": "10.0.0.1", "name": "Attic"}
    form = await submitted(hass, form, {"scope_name": "192.168.1.20"})
    assert form["errors"] == {"scope_name": "already_tracked"}
    result = await submitted(hass, form, {"scope_name": "192.168.1.21"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()

    form = await entry.start_subentry_reconfigure_flow(hass, named.subentry_id)
    assert suggested(form) == {"scope_name": "192.168.1.20"}, "its title was made up"
    result = await submitted(hass, form, {"scope_name": "192.168.1.20", "name": "Tablet"})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()

    titles = {one.title: one.data["scope_name"] for one in entry.subentries.values()}
    assert titles == {"192.168.1.21 LLM usage": "ip:192.168.1.21", "Tablet": "ip:192.168.1.20"}
    after = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert {one.entity_id for one in after} == {one.entity_id for one in entities}


async def test_with_the_subentry_its_sensors_go(
    hass: HomeAssistant, entry: MockConfigEntry, ledger: Client
) -> None:
    def registered() -> tuple[set[str], set[str | None]]:
        entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        return {one.entity_id for one in entities}, {one.name for one in devices}

    before = registered()
    subentry = await added(hass, entry, "tracked", {"scope": "user"}, {"scope_name": "Alex"})
    assert registered() != before
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await hass.async_block_till_done()
    assert registered() == before
    assert hass.states.get("sensor.alex_llm_usage_cost_today") is None
    assert entry.runtime_data.data.tracked == {}


async def test_a_closed_ledger_offers_nothing(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    subentry = await added(hass, entry, "tracked", {"scope": "tag"}, {"scope_name": "voice"})
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submitted(hass, await begun(hass, entry, "tracked"), {"scope": "tag"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"
    result = await entry.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    assert result["reason"] == "entry_not_loaded"
