"""Budgets through Home Assistant: their forms and entities, and what the house is told once."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, Event, HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.llm_analytics.const import DOMAIN, EVENT_BUDGET
from custom_components.llm_analytics.entity import WRITE_INTERVAL

from .helpers import PREFIXES, Client, act, rows, stored, usage
from .subentries import added, begun, options, submitted, suggested

# A Wednesday morning of the home, which is on the Pacific coast.
NOW = "2026-05-13T18:30:00+00:00"
EVERYTHING: dict[str, Any] = {"scope": "all", "unit": "cost"}
WEEKLY: dict[str, Any] = {"amount": 10, "period": "week", "thresholds": ["50", "100"]}


async def settled(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the second pass within which commits share one refresh."""
    await hass.async_block_till_done()
    freezer.tick(WRITE_INTERVAL + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def moved(hass: HomeAssistant, freezer: FrozenDateTimeFactory, moment: str) -> None:
    """Let time pass until a moment."""
    freezer.move_to(moment)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def recorded(hass: HomeAssistant, cost: float, **given: Any) -> None:
    """Record a request by the action, which asks for no token that could run out."""
    await act(hass, "record_usage", usage(cost_estimate=cost, **given))


def shown(hass: HomeAssistant, entity_id: str) -> State:
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state


def thresholds(told: list[Event]) -> list[tuple[str, int]]:
    return [(event.data["period_start"], event.data["threshold"]) for event in told]


@pytest.fixture
def wednesday(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Stop the clock."""
    freezer.move_to(NOW)
    return freezer


@pytest.fixture
def told(hass: HomeAssistant) -> list[Event]:
    """Return what is told about budgets."""
    return async_capture_events(hass, EVENT_BUDGET)


@pytest.fixture
async def weekly(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> ConfigSubentry:
    """Add a weekly budget of 10 USD."""
    return await added(hass, entry, "budget", EVERYTHING, WEEKLY)


# Forms


async def test_a_budget_is_added_with_few_clicks(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    form = await begun(hass, entry, "budget")
    assert form["step_id"] == "user"
    assert options(form, "scope") == ["all", "device", "provider", "model", "user", "tag"]
    assert options(form, "unit") == ["cost", "tokens"]
    subentry = await added(hass, entry, "budget", {}, {"amount": 20})
    assert subentry.title == "Monthly LLM budget"
    assert dict(subentry.data) == {
        "scope": "all",
        "unit": "cost",
        "amount": 20,
        "period": "month",
        "thresholds": [80, 100],
    }


@pytest.mark.parametrize(
    ("title", "first", "second"),
    [
        ("Daily LLM token budget", {"unit": "tokens"}, {"period": "day"}),
        (
            "Weekly LLM budget of Alex",
            {"scope": "user"},
            {"scope_name": "Alex", "period": "week"},
        ),
        (
            "Monthly LLM token budget of Kitchen tablet",
            {"scope": "device", "unit": "tokens"},
            {"scope_name": "192.168.1.20"},
        ),
        ("Talking", {"scope": "tag"}, {"scope_name": "voice", "name": "Talking"}),
    ],
)
async def test_a_budget_is_named_after_what_it_is(
    hass: HomeAssistant,
    client: Client,
    entry: MockConfigEntry,
    title: str,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    await stored(client, device_name="Kitchen tablet")
    subentry = await added(hass, entry, "budget", first, {"amount": 5000} | second)
    assert subentry.title == title


@pytest.mark.parametrize(
    ("unit", "wrong", "errors"),
    [
        ("cost", {"amount": 0}, {"amount": "invalid_amount"}),
        ("cost", {"amount": 1e-13}, {"amount": "invalid_amount"}),
        ("cost", {"amount": 1e30}, {"amount": "invalid_amount"}),
        ("tokens", {"amount": 1.5}, {"amount": "invalid_amount"}),
        ("cost", {"thresholds": ["0"]}, {"thresholds": "invalid_thresholds"}),
        ("cost", {"thresholds": ["1001"]}, {"thresholds": "invalid_thresholds"}),
        ("cost", {"thresholds": ["50 %"]}, {"thresholds": "invalid_thresholds"}),
        ("cost", {"scope_name": " "}, {"scope_name": "invalid_user"}),
        (
            "cost",
            {"scope_name": "", "thresholds": ["half"]},
            {"scope_name": "invalid_user", "thresholds": "invalid_thresholds"},
        ),
    ],
)
async def test_what_is_wrong_can_be_corrected(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    unit: str,
    wrong: dict[str, Any],
    errors: dict[str, str],
) -> None:
    right = WEEKLY | {"scope_name": "alex"}
    form = await submitted(
        hass, await begun(hass, entry, "budget"), {"scope": "user", "unit": unit}
    )
    form = await submitted(hass, form, right | wrong)
    assert form["errors"] == errors
    assert suggested(form) == right | wrong
    result = await submitted(hass, form, right)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_there_is_one_budget_for_a_thing_and_a_period(
    hass: HomeAssistant, entry: MockConfigEntry, weekly: ConfigSubentry
) -> None:
    form = await submitted(hass, await begun(hass, entry, "budget"), EVERYTHING)
    form = await submitted(hass, form, WEEKLY | {"amount": 30})
    assert form["errors"] == {"period": "already_budgeted"}
    result = await submitted(hass, form, WEEKLY | {"period": "month"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    await added(hass, entry, "budget", EVERYTHING | {"unit": "tokens"}, WEEKLY)
    assert len(entry.subentries) == 3


async def test_a_closed_ledger_offers_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, weekly: ConfigSubentry
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submitted(hass, await begun(hass, entry, "budget"), EVERYTHING)
    assert result["reason"] == "entry_not_loaded"
    result = await entry.start_subentry_reconfigure_flow(hass, weekly.subentry_id)
    assert result["reason"] == "entry_not_loaded"


# Entities


async def test_every_entity_in_full(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    weekly: ConfigSubentry,
    client: Client,
    wednesday: FrozenDateTimeFactory,
) -> None:
    await stored(client, cost_estimate=4)
    await settled(hass, wednesday)
    found = {}
    for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
        if entity.config_subentry_id != weekly.subentry_id:
            continue
        state = shown(hass, entity.entity_id)
        assert entity.unique_id.startswith(f"{weekly.subentry_id}_")
        assert entity.entity_category is None
        found[entity.entity_id] = (
            state.state,
            state.attributes.get("unit_of_measurement"),
            state.attributes.get("device_class"),
            state.attributes.get("state_class"),
            state.attributes.get("last_reset"),
        )
    name = "weekly_llm_budget"
    monday = "2026-05-11T00:00:00-07:00"
    assert found == {
        f"sensor.{name}_used": ("4", "USD", "monetary", "total", monday),
        f"sensor.{name}_remaining": ("6", "USD", "monetary", None, None),
        f"sensor.{name}_used_share": ("40", "%", None, "measurement", None),
        f"sensor.{name}_projected": ("4", "USD", "monetary", None, None),
        f"binary_sensor.{name}_over_budget": ("off", None, "problem", None, None),
    }


async def test_a_budget_of_tokens_for_one_user(
    wednesday: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    first = {"scope": "user", "unit": "tokens"}
    second = {"scope_name": "alex", "amount": 400, "period": "day", "name": "Alex"}
    await added(hass, entry, "budget", first, second)
    for user in ("alex", "kim", "alex", "alex"):
        await stored(client, user_id=user)
    await settled(hass, wednesday)
    used = shown(hass, "sensor.alex_used")
    assert (used.state, used.attributes["unit_of_measurement"]) == ("450", "tokens")
    assert "device_class" not in used.attributes
    assert shown(hass, "sensor.alex_remaining").state == "-50"
    assert shown(hass, "sensor.alex_used_share").state == "112.5"
    assert shown(hass, "binary_sensor.alex_over_budget").state == "on"


async def test_with_the_budget_its_entities_and_what_was_told_go(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    weekly: ConfigSubentry,
    client: Client,
    wednesday: FrozenDateTimeFactory,
) -> None:
    await stored(client, cost_estimate=20)
    await settled(hass, wednesday)
    assert len((await hass.async_add_executor_job(rows, hass))["notice"]) == 2
    hass.config_entries.async_remove_subentry(entry, weekly.subentry_id)
    await hass.async_block_till_done()
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert {one.config_subentry_id for one in entities} == {None}
    assert len(dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)) == 1
    assert hass.states.get("binary_sensor.weekly_llm_budget_over_budget") is None
    assert (await hass.async_add_executor_job(rows, hass))["notice"] == []


# What is told


async def test_a_crossing_is_told_once_though_home_assistant_restarts(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    weekly: ConfigSubentry,
    told: list[Event],
    wednesday: FrozenDateTimeFactory,
) -> None:
    await recorded(hass, 10)
    await settled(hass, wednesday)
    assert [event.data for event in told] == [
        {
            "budget_id": weekly.subentry_id,
            "budget": "Weekly LLM budget",
            "period": "week",
            "period_start": "2026-05-11",
            "threshold": threshold,
            "used": 10.0,
            "limit": 10.0,
            "unit": "USD",
        }
        for threshold in (50, 100)
    ]
    assert shown(hass, "binary_sensor.weekly_llm_budget_over_budget").state == "off"
    assert await hass.config_entries.async_reload(entry.entry_id)
    await recorded(hass, 0.000000000001)
    await settled(hass, wednesday)
    assert shown(hass, "binary_sensor.weekly_llm_budget_over_budget").state == "on"
    assert len(told) == 2
    await moved(hass, wednesday, "2026-05-18T07:00:01+00:00")
    assert shown(hass, "binary_sensor.weekly_llm_budget_over_budget").state == "off"
    await recorded(hass, 5)
    await settled(hass, wednesday)
    assert thresholds(told)[2:] == [("2026-05-18", 50)]


async def test_a_late_request_crosses_a_running_period_and_never_a_closed_one(
    hass: HomeAssistant,
    weekly: ConfigSubentry,
    told: list[Event],
    client: Client,
    wednesday: FrozenDateTimeFactory,
) -> None:
    await stored(client, cost_estimate=50, timestamp="2026-05-10T20:00:00-07:00")
    await settled(hass, wednesday)
    assert told == []
    await stored(client, cost_estimate=6, timestamp="2026-05-11T00:00:00-07:00")
    await settled(hass, wednesday)
    assert thresholds(told) == [("2026-05-11", 50)]
    await stored(client, cost_estimate=1, timestamp="2026-05-12T00:00:00-07:00")
    await settled(hass, wednesday)
    assert len(told) == 1


async def test_a_lower_cost_untells_nothing(
    hass: HomeAssistant,
    weekly: ConfigSubentry,
    told: list[Event],
    client: Client,
    wednesday: FrozenDateTimeFactory,
) -> None:
    model = {"provider": "acme", "model": "sage-1"}
    price = {"prompt_per_1m": 1_000, "response_per_1m": 0, "reprice": True}
    await act(hass, "set_rate", model | price)
    event = await stored(client, **model, tokens_prompt=6_000)
    await settled(hass, wednesday)
    assert len(told) == 1
    for prompt in (1, 1_000):
        await act(hass, "set_rate", model | price | {"prompt_per_1m": prompt})
        await settled(hass, wednesday)
    assert float(shown(hass, "sensor.weekly_llm_budget_used").state) == 6
    await client.delete(f"{PREFIXES[0]}/usage/{event['id']}")
    await settled(hass, wednesday)
    await stored(client, cost_estimate=9)
    await settled(hass, wednesday)
    assert len(told) == 1


async def test_the_last_moment_of_a_week_belongs_to_it_and_back_filling_does_not(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    weekly: ConfigSubentry,
    told: list[Event],
    wednesday: FrozenDateTimeFactory,
) -> None:
    await moved(hass, wednesday, "2026-05-18T06:59:59.500000+00:00")
    await recorded(hass, 0)
    await hass.async_block_till_done()
    wednesday.tick(0.4)
    await recorded(hass, 5)
    assert told == [], "the refresh comes a second later"
    await moved(hass, wednesday, "2026-05-18T07:00:00.300000+00:00")
    assert thresholds(told) == [("2026-05-11", 50)]
    assert shown(hass, "sensor.weekly_llm_budget_used").state == "0"

    await recorded(hass, 20, timestamp="2026-05-17T23:00:00-07:00")
    await settled(hass, wednesday)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await settled(hass, wednesday)
    assert len(told) == 1


async def test_what_was_recorded_before_a_stop_is_told_after_the_weeks_end(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    weekly: ConfigSubentry,
    told: list[Event],
    wednesday: FrozenDateTimeFactory,
) -> None:
    await moved(hass, wednesday, "2026-05-18T06:59:58+00:00")
    await recorded(hass, 0)
    await hass.async_block_till_done()
    await recorded(hass, 5)
    await hass.config_entries.async_unload(entry.entry_id)
    assert told == []
    wednesday.move_to("2026-05-20T12:00:00+00:00")
    # Automations do not listen yet, and a gateway already sends what it had kept.
    hass.set_state(CoreState.not_running)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await recorded(hass, 20, timestamp="2026-05-17T23:00:00-07:00")
    await settled(hass, wednesday)
    assert told == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    wednesday.tick(11)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert [
        (*one, event.data["used"]) for one, event in zip(thresholds(told), told, strict=True)
    ] == [("2026-05-11", 50, 5.0)]


async def test_a_changed_budget_can_be_crossed_again(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    weekly: ConfigSubentry,
    told: list[Event],
    client: Client,
    wednesday: FrozenDateTimeFactory,
) -> None:
    async def change(data: dict[str, Any]) -> None:
        form = await entry.start_subentry_reconfigure_flow(hass, weekly.subentry_id)
        assert form["step_id"] == "reconfigure"
        result = await submitted(hass, form, suggested(form) | data)
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        await settled(hass, wednesday)

    await stored(client, cost_estimate=12)
    await settled(hass, wednesday)
    assert len(told) == 2
    await change({"name": "Ours"})
    assert len(told) == 2, "another name is no other budget"
    assert entry.subentries[weekly.subentry_id].title == "Ours"
    await change({"thresholds": ["50", "110", "120"]})
    assert thresholds(told)[2:] == [("2026-05-11", 110), ("2026-05-11", 120)]
    await change({"amount": 20})
    assert thresholds(told)[4:] == [("2026-05-11", 50)]
    assert told[-1].data["budget"] == "Ours"
    await change({"period": "month", "name": ""})
    assert thresholds(told)[5:] == [("2026-05-01", 50)]
    assert entry.subentries[weekly.subentry_id].title == "Monthly LLM budget"
    assert shown(hass, "sensor.weekly_llm_budget_remaining").state == "8"


async def test_an_automation_runs_once_for_each_crossing(
    hass: HomeAssistant,
    weekly: ConfigSubentry,
    client: Client,
    wednesday: FrozenDateTimeFactory,
) -> None:
    said = async_capture_events(hass, "said")
    automation = {
        "triggers": {"trigger": "event", "event_type": EVENT_BUDGET},
        "actions": {
            "event": "said",
            "event_data": {
                "text": "{{ trigger.event.data.threshold }} % of {{ trigger.event.data.budget }}"
            },
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    for _ in range(4):
        await stored(client, cost_estimate=3)
        await settled(hass, wednesday)
    assert [event.data["text"] for event in said] == [
        "50 % of Weekly LLM budget",
        "100 % of Weekly LLM budget",
    ]


async def test_what_cannot_be_noted_is_told_later_and_the_figures_are_shown(
    hass: HomeAssistant,
    weekly: ConfigSubentry,
    told: list[Event],
    client: Client,
    wednesday: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (entry,) = hass.config_entries.async_loaded_entries(DOMAIN)
    database = entry.runtime_data.analytics.ledger.db
    await stored(client, cost_estimate=0)
    await hass.async_block_till_done()
    await stored(client, cost_estimate=6)
    await database.run(lambda db: db.execute("PRAGMA query_only = ON"))
    await settled(hass, wednesday)
    assert told == []
    assert shown(hass, "sensor.weekly_llm_budget_used").state == "6"
    assert "What has happened cannot be announced yet" in caplog.text
    await database.run(lambda db: db.execute("PRAGMA query_only = OFF"))
    await entry.runtime_data.async_refresh()
    assert thresholds(told) == [("2026-05-11", 50)]


async def test_a_change_of_the_zone_moves_the_period(
    hass: HomeAssistant,
    weekly: ConfigSubentry,
    told: list[Event],
    client: Client,
    wednesday: FrozenDateTimeFactory,
) -> None:
    await stored(client, cost_estimate=6, timestamp="2026-05-10T23:00:00-07:00")
    await settled(hass, wednesday)
    assert told == []
    await hass.config.async_update(time_zone="Europe/Berlin")
    await settled(hass, wednesday)
    assert thresholds(told) == [("2026-05-11", 50)]
    used = shown(hass, "sensor.weekly_llm_budget_used")
    assert used.attributes["last_reset"] == "2026-05-11T00:00:00+02:00"
    await hass.config.async_update(time_zone="US/Pacific")
    await settled(hass, wednesday)
    assert len(told) == 1
