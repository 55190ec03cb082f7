"""The household's own currency: option, sensors, actions, REST and the issue of a missing rate."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.llm_analytics.config_flow import OPTIONS_SCHEMA
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.entity import WRITE_INTERVAL
from custom_components.llm_analytics.home.issues import EXCHANGE_RATE_MISSING

from .helpers import PREFIXES, Client, act, answer, get, post, stored, usage

TODAY = "sensor.llm_analytics_cost_today_in_eur"
WEEK = "sensor.llm_analytics_cost_this_week_in_eur"
MONTH = "sensor.llm_analytics_cost_this_month_in_eur"
# A Wednesday in the middle of a month.
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.fixture
def options() -> dict[str, Any]:
    return {"currency": "EUR"}


@pytest.fixture(autouse=True)
async def at_noon(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    freezer.move_to(NOON)


async def later(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float = WRITE_INTERVAL + 1
) -> None:
    """Let what is due happen, and wait for it."""
    await hass.async_block_till_done(wait_background_tasks=True)
    freezer.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def rate(hass: HomeAssistant, usd: float | str, **given: Any) -> Any:
    return await act(
        hass,
        "set_exchange_rate",
        {"currency": "EUR", "usd": usd} | given,
        return_response=True,
    )


async def record(hass: HomeAssistant, **given: Any) -> Any:
    """Record what cost a dollar."""
    event = usage(cost_estimate=1) | given
    return await act(hass, "record_usage", event, return_response=True)


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, entity_id
    return found.state


def home_entities(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str | None]:
    """Return the sensors of the household's currency with their units."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {one.entity_id: one.unit_of_measurement for one in entities if "_in_" in one.entity_id}


async def choose(hass: HomeAssistant, entry: MockConfigEntry, **changed: str) -> None:
    """Submit the options as the user interface does."""
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    assert flow["type"] is FlowResultType.FORM
    schema = flow["data_schema"]
    assert schema is not None
    defaults = {name: value for name, value in schema({}).items() if name != "currency"}
    result = await hass.config_entries.options.async_configure(flow["flow_id"], defaults | changed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_a_rate_changes_tomorrow_and_yesterdays_figures_stay(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    assert await rate(hass, 1.25) == {
        "status": "ok",
        "message": "1 EUR is 1.25 USD",
        "effective_date": None,
    }
    # Tomorrow's rate is set today already.
    tomorrow = await rate(hass, 2, effective_date="2026-11-19")
    assert tomorrow["effective_date"] == "2026-11-19T00:00:00+01:00"
    event = await record(hass)
    assert (event["home_cost"], event["home_currency"]) == (0.8, "EUR")
    await later(hass, freezer)
    assert [state(hass, name) for name in (TODAY, WEEK, MONTH)] == ["0.8", "0.8", "0.8"]

    freezer.move_to(NOON + timedelta(days=1))
    await later(hass, freezer)
    await record(hass)
    await record(hass, timestamp=(NOON + timedelta(minutes=5)).isoformat())
    await later(hass, freezer)
    assert [state(hass, name) for name in (TODAY, WEEK, MONTH)] == ["0.5", "2.1", "2.1"]

    # An automation feeds another one, from now on, and one is dated back.
    await rate(hass, "4")
    await rate(hass, 8, effective_date="2026-11-01")
    await later(hass, freezer)
    assert [state(hass, name) for name in (TODAY, WEEK, MONTH)] == ["0.5", "2.1", "2.1"]
    report = await act(hass, "generate_report", {}, return_response=True)
    assert [(row["date"], row["home_cost"]) for row in report["daily_breakdown"][2:]] == [
        ("2026-11-18", 1.6),
        ("2026-11-19", 0.5),
    ]
    assert report["cost_summary"]["home"] == {
        "currency": "EUR",
        "total": 2.1,
        "unconverted_requests": 0,
    }
    assert report["cost_summary"]["total_cost_usd"] == 3
    assert state(hass, "sensor.llm_analytics_cost_this_month") == "3"


async def test_the_sensors_are_money_in_that_currency(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert home_entities(hass, entry) == dict.fromkeys((TODAY, WEEK, MONTH), "EUR")
    assert state(hass, TODAY) == "unknown"
    await rate(hass, 1.25)
    await hass.async_block_till_done()
    found = hass.states.get(WEEK)
    assert found is not None
    assert found.state == "0"
    assert found.attributes["device_class"] == "monetary"
    assert found.attributes["state_class"] == "total"
    assert found.attributes["last_reset"] == "2026-11-16T00:00:00+01:00"
    assert found.name == "LLM Analytics Cost this week in EUR"


async def test_sensors_come_and_go_with_the_option(
    hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    await rate(hass, 1.25)
    await stored(client, cost_estimate=1)
    await choose(hass, entry, currency="CHF")
    assert entry.options["currency"] == "CHF"
    assert set(home_entities(hass, entry).values()) == {"CHF"}
    assert len(home_entities(hass, entry)) == 3
    summary = (await get(client, "summary"))[1]
    assert (summary["home_currency"], summary["today"]["unconverted_requests"]) == ("CHF", 1)
    await choose(hass, entry, currency="USD")
    assert "currency" not in entry.options
    assert home_entities(hass, entry) == {}
    assert hass.states.get(TODAY) is None
    assert hass.states.get("sensor.llm_analytics_cost_today") is not None
    await choose(hass, entry, currency="EUR")
    assert state(hass, TODAY) == "0.8"
    await choose(hass, entry)
    assert home_entities(hass, entry) == {}


async def test_the_form_names_home_assistants_own_currency(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await hass.config.async_update(currency="CHF")
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    assert flow["description_placeholders"] == {"currency": "CHF"}
    assert "currency" not in OPTIONS_SCHEMA({})  # off, until one is chosen


async def test_a_missing_rate_is_an_issue_until_there_is_one(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await later(hass, freezer)
    issue = issue_registry.async_get_issue(DOMAIN, EXCHANGE_RATE_MISSING)
    assert issue is not None
    assert issue.translation_placeholders == {"currency": "EUR"}
    await rate(hass, 1.25, effective_date="2026-11-19")
    await later(hass, freezer)
    assert issue_registry.async_get_issue(DOMAIN, EXCHANGE_RATE_MISSING) is not None
    await rate(hass, 1.25, effective_date="2026-11-01")
    await later(hass, freezer)
    assert issue_registry.async_get_issue(DOMAIN, EXCHANGE_RATE_MISSING) is None


async def test_the_issue_goes_with_the_option(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await later(hass, freezer)
    assert issue_registry.async_get_issue(DOMAIN, EXCHANGE_RATE_MISSING) is not None
    await choose(hass, entry)
    assert issue_registry.async_get_issue(DOMAIN, EXCHANGE_RATE_MISSING) is None


async def test_rates_are_set_and_listed_over_rest(
    client: Client, member_client: Client, hass: HomeAssistant
) -> None:
    body = {"currency": "EUR", "usd": 1.1, "effective_date": "2026-11-01"}
    assert await post(client, body, "cost/exchange-rates") == (
        HTTPStatus.OK,
        {
            "status": "ok",
            "message": "1 EUR is 1.1 USD",
            "effective_date": "2026-11-01T00:00:00+01:00",
        },
    )
    for query in ({}, {"currency": "EUR"}, {"limit": "1"}):
        assert await get(member_client, "cost/exchange-rates", **query) == (
            HTTPStatus.OK,
            {
                "home_currency": "EUR",
                "exchange_rates": [
                    {
                        "currency": "EUR",
                        "usd": Decimal("1.1"),
                        "effective_date": "2026-11-01T00:00:00+01:00",
                    }
                ],
            },
        )
    nothing = await get(client, "cost/exchange-rates", currency="CHF")
    assert nothing[1]["exchange_rates"] == []
    assert (await get(client, "cost/exchange-rates", currency="euro"))[1]["field"] == "currency"
    assert (await post(member_client, body, "cost/exchange-rates"))[0] == HTTPStatus.FORBIDDEN
    assert (await post(member_client, {}, "cost/convert"))[0] == HTTPStatus.FORBIDDEN
    for usd in (0, 1e-13, -1):
        status, refusal = await post(client, body | {"usd": usd}, "cost/exchange-rates")
        assert (status, refusal["field"]) == (HTTPStatus.BAD_REQUEST, "usd")


async def test_what_was_recorded_without_a_rate_is_converted_when_asked_for(
    hass: HomeAssistant, client: Client, freezer: FrozenDateTimeFactory
) -> None:
    await stored(client, cost_estimate=1)
    assert (await get(client, "summary"))[1]["today"]["unconverted_requests"] == 1
    await rate(hass, 1.25)
    answered = await act(hass, "convert", {}, return_response=True)
    assert answered == {
        "status": "ok",
        "message": "1 events now have a cost in EUR",
        "currency": "EUR",
        "converted_events": 1,
        "still_unconverted": 0,
        "skipped": [],
        "complete": True,
    }
    await later(hass, freezer)
    assert state(hass, TODAY) == "0.8"
    await rate(hass, 2, effective_date="2026-11-18")
    assert (await post(client, {}, "cost/convert"))[1]["converted_events"] == 0
    status, done = await answer(
        await client.post(
            f"{PREFIXES[1]}/cost/convert",
            params={"only_unconverted": "false", "start": "2026-11-18"},
        )
    )
    assert (status, done["converted_events"]) == (HTTPStatus.OK, 1)
    await later(hass, freezer)
    assert state(hass, TODAY) == "0.5"


async def test_both_kinds_of_csv_end_with_it(hass: HomeAssistant, client: Client) -> None:
    await rate(hass, 1.25)
    await stored(client, cost_estimate=1)
    for detailed in ("true", "false"):
        response = await client.get(
            f"{PREFIXES[0]}/reports/export/csv", params={"detailed": detailed}
        )
        header, row = (await response.text()).splitlines()
        assert header.endswith(",home_cost,home_currency")
        assert row.endswith(",0.8,EUR")


@pytest.mark.parametrize("options", [{}])
async def test_without_the_option_nothing_is_there(
    hass: HomeAssistant, entry: MockConfigEntry, client: Client, issue_registry: ir.IssueRegistry
) -> None:
    assert home_entities(hass, entry) == {}
    assert issue_registry.async_get_issue(DOMAIN, EXCHANGE_RATE_MISSING) is None
    await rate(hass, 1.25)
    event = await stored(client, cost_estimate=1)
    assert (event["home_cost"], event["home_currency"]) == (None, None)
    summary = (await get(client, "summary"))[1]
    assert (summary["home_currency"], summary["today"]["home_cost"]) == (None, None)
    with pytest.raises(ServiceValidationError, match="household currency"):
        await act(hass, "convert", {})
    status, refusal = await post(client, {}, "cost/convert")
    assert (status, refusal["field"]) == (HTTPStatus.BAD_REQUEST, "currency")
