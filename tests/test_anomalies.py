"""Days out of the ordinary, as the house is told of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.llm_analytics.const import EVENT_ANOMALY
from custom_components.llm_analytics.entity import WRITE_INTERVAL

from .helpers import Client, post, stored, usage

# A Wednesday, noon of the home.
NOON = datetime(2026, 5, 13, 19, tzinfo=UTC)
EVENT = "event.llm_analytics_anomaly"
COST = "binary_sensor.llm_analytics_cost_anomaly_today"


@pytest.fixture
def wednesday(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock before anything is set up."""
    freezer.move_to(NOON)
    return freezer


async def settled(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the second pass within which commits share one refresh."""
    await hass.async_block_till_done()
    freezer.tick(WRITE_INTERVAL + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def spent(client: Client, cost: float, *, ago: int = 0) -> None:
    """Record one request of 10 tokens some days ago."""
    moment = (NOON - timedelta(days=ago)).isoformat()
    await stored(client, cost_estimate=cost, timestamp=moment, tokens_prompt=10, tokens_response=0)


async def usual_days(client: Client, cost: float = 1) -> None:
    """Record 8 days on which as much was spent, up to yesterday."""
    for ago in range(1, 9):
        await spent(client, cost, ago=ago)


def state(hass: HomeAssistant, entity_id: str) -> State:
    found = hass.states.get(entity_id)
    assert found is not None
    return found


async def test_a_day_of_high_cost_is_told_once(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    events = async_capture_events(hass, EVENT_ANOMALY)
    await usual_days(client)
    await spent(client, 1.5)
    await settled(hass, wednesday)
    assert events == []
    for _ in range(2):
        await spent(client, 1)
        await settled(hass, wednesday)
    assert [event.data for event in events] == [
        {
            "date": "2026-05-13",
            "type": "cost",
            "value": 2.5,
            "expected": 1.0,
            "z_score": 6.0,
            "direction": "high",
        }
    ]
    assert await hass.config_entries.async_reload(entry.entry_id)
    await settled(hass, wednesday)
    assert len(events) == 1, "a restart tells it again"


async def test_every_type_is_told_by_itself(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    events = async_capture_events(hass, EVENT_ANOMALY)
    await usual_days(client)
    await stored(client, tokens_prompt=5_000, cost_estimate=0)
    await settled(hass, wednesday)
    await post(client, {"events": [usage(cost_estimate=0.5)] * 20})
    await settled(hass, wednesday)
    assert [(event.data["type"], event.data["value"]) for event in events] == [
        ("tokens", 5_050),
        ("requests", 21),
        ("cost", 10),
    ]
    assert [type(event.data["value"]) for event in events] == [int, int, float]


async def test_a_quiet_day_is_told_when_it_has_ended(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    events = async_capture_events(hass, EVENT_ANOMALY)
    await usual_days(client)
    await settled(hass, wednesday)
    wednesday.move_to("2026-05-14T06:59:59+00:00")
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert events == [], "today is not over"
    wednesday.move_to("2026-05-14T07:00:01+00:00")
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    (event,) = events
    assert event.data == {
        "date": "2026-05-13",
        "type": "cost",
        "value": 0.0,
        "expected": 1.0,
        "z_score": -4.0,
        "direction": "low",
    }


async def test_a_day_told_while_it_ran_is_not_told_at_its_end(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    events = async_capture_events(hass, EVENT_ANOMALY)
    await usual_days(client)
    await spent(client, 9)
    await settled(hass, wednesday)
    assert len(events) == 1
    wednesday.move_to("2026-05-14T07:00:01+00:00")
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert len(events) == 1


async def test_what_is_recorded_for_older_days_is_not_told(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    events = async_capture_events(hass, EVENT_ANOMALY)
    await usual_days(client)
    await spent(client, 50, ago=2)
    await settled(hass, wednesday)
    assert events == []
    await spent(client, 50, ago=1)
    await settled(hass, wednesday)
    assert [event.data["date"] for event in events] == ["2026-05-12"]


@pytest.mark.parametrize(("options", "told"), [({"anomaly_threshold": 4.1}, 0), ({}, 1)])
async def test_the_household_says_what_is_unusual(
    wednesday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    told: int,
) -> None:
    events = async_capture_events(hass, EVENT_ANOMALY)
    await usual_days(client)
    await spent(client, 2)
    await settled(hass, wednesday)
    assert [event.data["z_score"] for event in events] == [4.0] * told


async def test_the_event_entity_shows_the_latest_one(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    events = async_capture_events(hass, EVENT_ANOMALY)
    shown = state(hass, EVENT)
    assert shown.state == "unknown"
    assert shown.attributes["event_types"] == ["requests", "tokens", "cost"]
    assert shown.attributes["event_type"] is None
    await usual_days(client)
    await spent(client, 2.5)
    await settled(hass, wednesday)
    shown = state(hass, EVENT)
    explained = {"value": 2.5, "expected": 1.0, "z_score": 6.0, "direction": "high"}
    assert (
        shown.attributes.items()
        >= {
            "event_type": "cost",
            "date": "2026-05-13",
            **explained,
        }.items()
    )
    assert datetime.fromisoformat(shown.state) <= datetime.now(UTC)
    assert shown.context is events[0].context


async def test_what_is_found_as_the_entry_starts_is_shown_too(
    wednesday: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
) -> None:
    await usual_days(client)
    await spent(client, 1.5)
    await settled(hass, wednesday)
    assert state(hass, EVENT).state == "unknown"
    hass.config_entries.async_update_entry(entry, options={"anomaly_threshold": 1.5})
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state(hass, EVENT).attributes["z_score"] == 2.0


@pytest.mark.parametrize("data", [{}, {"type": "weather"}])
async def test_an_event_of_another_kind_is_not_shown(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]
) -> None:
    hass.bus.async_fire(EVENT_ANOMALY, data, context=Context())
    await hass.async_block_till_done()
    assert state(hass, EVENT).state == "unknown"


async def test_today_s_cost_is_explained(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    shown = state(hass, COST)
    assert shown.state == "unknown", "nothing is usual in an empty ledger"
    assert shown.name == "LLM Analytics Cost anomaly today"
    assert shown.attributes["device_class"] == "problem"
    assert "expected" not in shown.attributes
    await usual_days(client)
    for cost, total, score, on in ((1.5, 1.5, 2.0, "off"), (0.75, 2.25, 5.0, "on")):
        await spent(client, cost)
        await settled(hass, wednesday)
        shown = state(hass, COST)
        assert shown.state == on
        assert (
            shown.attributes.items()
            >= {
                "value": total,
                "expected": 1.0,
                "z_score": score,
                "threshold": 2.0,
            }.items()
        )
    wednesday.move_to("2026-05-14T07:00:01+00:00")
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert state(hass, COST).state == "off", "a new day"


async def test_the_event_entity_is_one_of_the_ledger(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    entity = entity_registry.async_get(EVENT)
    assert entity is not None
    assert entity.unique_id == f"{entry.entry_id}_anomaly"
    assert state(hass, EVENT).name == "LLM Analytics Anomaly"
