"""Triggers and conditions, in automations of Home Assistant."""

from types import MappingProxyType
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.llm_analytics.const import EVENT_ANOMALY, EVENT_BUDGET, EVENT_UNPRICED_MODEL

from .helpers import Client, stored
from .subentries import budget
from .test_anomalies import NOON, settled, spent, usual_days

WEEKLY = "binary_sensor.weekly_over_budget"
SMALL = "binary_sensor.small_over_budget"


@pytest.fixture
def clock(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock before anything is set up."""
    freezer.move_to(NOON)
    return freezer


@pytest.fixture
def calls(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what the automations do."""
    return async_mock_service(hass, "test", "automation")


async def automate(
    hass: HomeAssistant, trigger: dict[str, Any], *conditions: dict[str, Any]
) -> bool:
    """Set an automation up that passes on what triggered it; tell if it is valid."""
    config = {
        "alias": "under test",
        "triggers": trigger,
        "conditions": list(conditions),
        "actions": {"action": "test.automation", "data": {"trigger": "{{ trigger }}"}},
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    state = hass.states.get("automation.under_test")
    assert state is not None
    return state.state == "on"


def triggers(calls: list[ServiceCall]) -> list[dict[str, Any]]:
    """Return the variables of what triggered, without those that every trigger has."""
    common = {"id", "idx", "alias", "platform", "description"}
    return [
        {name: value for name, value in call.data["trigger"].items() if name not in common}
        for call in calls
    ]


@pytest.fixture
async def weekly(
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
) -> ConfigSubentry:
    """Add a budget of 10 USD a week and one of 1 USD."""
    found = budget()
    for one in (found, budget("Small", amount=1, thresholds=[80, 100])):
        hass.config_entries.async_add_subentry(entry, one)
    await hass.async_block_till_done()
    return found


# Triggers


async def test_an_anomaly_triggers_once(
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    calls: list[ServiceCall],
) -> None:
    assert await automate(hass, {"trigger": "llm_analytics.anomaly_detected"})
    await usual_days(client)
    for _ in range(2):
        await spent(client, 5)
        await settled(hass, clock)
    assert triggers(calls) == [
        {
            "date": "2026-05-13",
            "type": "cost",
            "value": 5.0,
            "expected": 1.0,
            "z_score": 16.0,
            "direction": "high",
        }
    ]
    (call,) = calls
    assert call.data["trigger"]["platform"] == "llm_analytics.anomaly_detected"
    assert call.data["trigger"]["description"] == "anomaly detected"
    assert call.context.parent_id is not None, "the event is not what caused it"


async def test_a_crossed_budget_triggers_once_for_each_threshold(
    weekly: ConfigSubentry,
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    client: Client,
    calls: list[ServiceCall],
) -> None:
    trigger = {"trigger": "llm_analytics.budget_crossed", "options": {"budget": WEEKLY}}
    assert await automate(hass, trigger)
    for cost in (6, 1, 4):
        await stored(client, cost_estimate=cost)
        await settled(hass, clock)
    assert [(one["threshold"], one["used"]) for one in triggers(calls)] == [(50, 6.0), (100, 11.0)]
    assert triggers(calls)[0] == {
        "budget_id": weekly.subentry_id,
        "budget": "Weekly",
        "period": "week",
        "period_start": "2026-05-11",
        "threshold": 50,
        "used": 6.0,
        "limit": 10.0,
        "unit": "USD",
    }


async def test_a_model_without_a_price_triggers_once(
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    client: Client,
    calls: list[ServiceCall],
) -> None:
    assert await automate(hass, {"trigger": "llm_analytics.unpriced_model"})
    for _ in range(2):
        await stored(client, provider="acme", model="sage-1")
        await settled(hass, clock)
    assert triggers(calls) == [{"provider": "acme", "model": "sage-1"}]


ANOMALY = {"type": "cost", "direction": "high"}


@pytest.mark.parametrize(
    ("options", "data", "expected"),
    [
        ({}, ANOMALY, 1),
        ({"type": []}, ANOMALY, 1),
        ({"type": "cost"}, ANOMALY, 1),
        ({"type": ["tokens", "cost"]}, ANOMALY, 1),
        ({"type": ["tokens", "requests"]}, ANOMALY, 0),
        ({"direction": "high"}, ANOMALY, 1),
        ({"direction": "low"}, ANOMALY, 0),
        ({"type": "cost", "direction": "low"}, ANOMALY | {"direction": "low"}, 1),
        ({"type": "tokens", "direction": "high"}, ANOMALY, 0),
    ],
)
async def test_anomalies_are_chosen_by_type_and_direction(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    calls: list[ServiceCall],
    options: dict[str, Any],
    data: dict[str, Any],
    expected: int,
) -> None:
    trigger = {"trigger": "llm_analytics.anomaly_detected", "options": options}
    assert await automate(hass, trigger)
    hass.bus.async_fire(EVENT_ANOMALY, data)
    hass.bus.async_fire(EVENT_BUDGET, {"threshold": 100, "budget_id": "one"})
    hass.bus.async_fire(EVENT_UNPRICED_MODEL, {"provider": "acme", "model": "sage-1"})
    await hass.async_block_till_done()
    assert len(calls) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [("Weekly", 50), ("Weekly", 100), ("Small", 80), ("Small", 100)]),
        ({"budget": []}, [("Weekly", 50), ("Weekly", 100), ("Small", 80), ("Small", 100)]),
        ({"budget": SMALL}, [("Small", 80), ("Small", 100)]),
        (
            {"budget": [WEEKLY, SMALL], "threshold": 80},
            [("Weekly", 100), ("Small", 80), ("Small", 100)],
        ),
        ({"threshold": 80.5}, [("Weekly", 100), ("Small", 100)]),
        ({"budget": WEEKLY, "threshold": 101}, []),
    ],
)
async def test_crossings_are_chosen_by_budget_and_threshold(
    *,
    weekly: ConfigSubentry,
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    client: Client,
    calls: list[ServiceCall],
    options: dict[str, Any],
    expected: list[tuple[str, int]],
) -> None:
    assert await automate(hass, {"trigger": "llm_analytics.budget_crossed", "options": options})
    await stored(client, cost_estimate=10)
    await settled(hass, clock)
    assert [(one["budget"], one["threshold"]) for one in triggers(calls)] == expected


async def test_a_budget_that_is_gone_triggers_nothing(
    weekly: ConfigSubentry,
    hass: HomeAssistant,
    calls: list[ServiceCall],
    entity_registry: er.EntityRegistry,
) -> None:
    trigger = {"trigger": "llm_analytics.budget_crossed", "options": {"budget": WEEKLY}}
    assert await automate(hass, trigger)
    entity_registry.async_remove(WEEKLY)
    hass.bus.async_fire(EVENT_BUDGET, {"threshold": 100, "budget_id": weekly.subentry_id})
    await hass.async_block_till_done()
    assert calls == []


@pytest.mark.parametrize(
    ("trigger", "options"),
    [
        ("anomaly_detected", {"type": "weather"}),
        ("anomaly_detected", {"direction": "up"}),
        ("anomaly_detected", {"other": 1}),
        ("budget_crossed", {"threshold": 0}),
        ("budget_crossed", {"threshold": 1_001}),
        ("budget_crossed", {"budget": "binary_sensor.nothing"}),
        ("budget_crossed", {"budget": "binary_sensor.llm_analytics_cost_anomaly_today"}),
        ("budget_crossed", {"budget": "sensor.kitchen_cost_today"}),
        ("budget_crossed", {"budget": "sensor.of_another_integration"}),
        ("unpriced_model", {"model": "sage-1"}),
    ],
)
async def test_what_cannot_be_meant_is_no_automation(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    trigger: str,
    options: dict[str, Any],
) -> None:
    tracked = ConfigSubentry(
        data=MappingProxyType({"scope": "provider", "scope_name": "openai"}),
        subentry_type="tracked",
        title="Kitchen",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(entry, tracked)
    entity_registry.async_get_or_create(
        "sensor",
        "llm_analytics",
        "cost of the kitchen",
        suggested_object_id="kitchen_cost_today",
        config_entry=entry,
        config_subentry_id=tracked.subentry_id,
    )
    entity_registry.async_get_or_create(
        "sensor", "other", "one", suggested_object_id="of_another_integration"
    )
    assert not await automate(hass, {"trigger": f"llm_analytics.{trigger}", "options": options})


# Conditions


async def passes(hass: HomeAssistant, calls: list[ServiceCall], **condition: Any) -> bool:
    """Return whether an automation with that condition does what it should."""
    assert await automate(hass, {"trigger": "event", "event_type": "go"}, condition)
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    return len(calls) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"amount": 0.29}, True),
        ({"amount": 0.3}, False),
        ({"amount": 0.3, "period": "this_week"}, True),
        ({"amount": 1.3, "period": "this_week"}, False),
        ({"amount": 1.3, "period": "this_month"}, True),
        ({"amount": 6.3, "period": "this_month"}, False),
    ],
)
async def test_the_cost_is_above_an_amount(
    *,
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    client: Client,
    calls: list[ServiceCall],
    options: dict[str, Any],
    expected: bool,
) -> None:
    for cost, ago in ((0.1, 0), (0.2, 0), (1, 1), (5, 4)):
        await spent(client, cost, ago=ago)
    await settled(hass, clock)
    condition = {"condition": "llm_analytics.cost_above", "options": options}
    assert await passes(hass, calls, **condition) is expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"budget": []}, True),
        ({"budget": SMALL}, True),
        ({"budget": WEEKLY}, False),
        ({"budget": [WEEKLY, SMALL]}, True),
    ],
)
async def test_a_budget_is_exceeded(
    *,
    weekly: ConfigSubentry,
    clock: FrozenDateTimeFactory,
    hass: HomeAssistant,
    client: Client,
    calls: list[ServiceCall],
    options: dict[str, Any],
    expected: bool,
) -> None:
    await stored(client, cost_estimate=10)
    await settled(hass, clock)
    condition = {"condition": "llm_analytics.over_budget", "options": options}
    assert await passes(hass, calls, **condition) is expected


async def test_without_budgets_none_is_exceeded(
    hass: HomeAssistant, client: Client, calls: list[ServiceCall]
) -> None:
    assert not await passes(hass, calls, condition="llm_analytics.over_budget")


@pytest.mark.parametrize("negated", [False, True])
async def test_a_condition_on_a_closed_ledger_is_an_error_either_way(
    *,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    calls: list[ServiceCall],
    caplog: pytest.LogCaptureFixture,
    negated: bool,
) -> None:
    assert await hass.config_entries.async_unload(entry.entry_id)
    condition: dict[str, Any] = {"condition": "llm_analytics.cost_above", "options": {"amount": 1}}
    if negated:
        condition = {"condition": "not", "conditions": [condition]}
    assert not await passes(hass, calls, **condition)
    assert "the ledger's figures are not available" in caplog.text


async def test_a_condition_on_a_budget_that_is_gone_is_an_error(
    weekly: ConfigSubentry,
    hass: HomeAssistant,
    calls: list[ServiceCall],
    caplog: pytest.LogCaptureFixture,
    entity_registry: er.EntityRegistry,
) -> None:
    condition = {"condition": "llm_analytics.over_budget", "options": {"budget": WEEKLY}}
    assert await automate(hass, {"trigger": "event", "event_type": "go"}, condition)
    entity_registry.async_remove(WEEKLY)
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    assert calls == []
    assert "belongs to no budget" in caplog.text


@pytest.mark.parametrize(
    ("condition", "options"),
    [
        ("cost_above", {}),
        ("cost_above", {"amount": -1}),
        ("cost_above", {"amount": 1, "period": "this_year"}),
        ("over_budget", {"budget": "binary_sensor.nothing"}),
    ],
)
async def test_a_condition_that_cannot_be_meant_is_no_automation(
    hass: HomeAssistant, entry: MockConfigEntry, condition: str, options: dict[str, Any]
) -> None:
    assert not await automate(
        hass,
        {"trigger": "event", "event_type": "go"},
        {"condition": f"llm_analytics.{condition}", "options": options},
    )
