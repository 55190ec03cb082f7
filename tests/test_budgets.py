"""Budgets through Home Assistant: their entities, and what the house is told once."""

from types import MappingProxyType
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.llm_analytics.const import EVENT_BUDGET

from .helpers import Client, stored

# A Wednesday morning of the home, which is on the Pacific coast.
NOW = "2026-05-13T18:30:00+00:00"
WEEKLY: dict[str, Any] = {
    "unit": "cost",
    "amount": 10,
    "period": "week",
    "scope": "all",
    "thresholds": [50, 100],
}


def budget(title: str = "Weekly", **given: Any) -> ConfigSubentry:
    """Return a subentry of a budget of 10 USD a week."""
    return ConfigSubentry(
        data=MappingProxyType(WEEKLY | given), subentry_type="budget", title=title, unique_id=None
    )


async def settled(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float = 2) -> None:
    """Let the second pass within which commits share one refresh."""
    await hass.async_block_till_done()
    freezer.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


@pytest.fixture
def told(hass: HomeAssistant) -> list[Event]:
    """Return what is told about budgets."""
    return async_capture_events(hass, EVENT_BUDGET)


@pytest.fixture
async def weekly(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> ConfigSubentry:
    """Add a weekly budget on a Wednesday."""
    freezer.move_to(NOW)
    subentry = budget()
    hass.config_entries.async_add_subentry(entry, subentry)
    await hass.async_block_till_done()
    return subentry


async def test_a_budget_is_over_once_more_than_it_is_used(
    hass: HomeAssistant,
    weekly: ConfigSubentry,
    told: list[Event],
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    def over() -> str:
        state = hass.states.get("binary_sensor.weekly_over_budget")
        assert state is not None
        assert state.attributes["device_class"] == "problem"
        return state.state

    await stored(client, cost_estimate=10)
    await settled(hass, freezer)
    assert over() == "off"
    assert [event.data["threshold"] for event in told] == [50, 100]
    assert told[0].data == {
        "budget_id": weekly.subentry_id,
        "budget": "Weekly",
        "period": "week",
        "period_start": "2026-05-11",
        "threshold": 50,
        "used": 10.0,
        "limit": 10.0,
        "unit": "USD",
    }
    await stored(client, cost_estimate=0.000000000001)
    await settled(hass, freezer)
    assert over() == "on"
    assert len(told) == 2
