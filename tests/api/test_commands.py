"""Changes and estimates: the same over REST and by actions, and refused by name."""

from decimal import Decimal
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics.services import Action

from ..helpers import PREFIXES, Client, act, answer, get, post, rows, stored, unchanged, usage

MODEL = {"provider": "my-host", "model": "house-llm"}
PRICE = MODEL | {"prompt_per_1m": 1, "response_per_1m": 2}
# A second price counts from now on unless it says from when.
DATED = PRICE | {"effective_date": "2020-01-01"}
COST = Decimal("0.0002")  # of 100 tokens in and 50 out
OLD = "2020-02-01T12:00:00+00:00"


async def test_a_price_is_set_estimated_with_and_deleted_over_rest(client: Client) -> None:
    event = await stored(client, **MODEL)
    assert (event["cost_estimate"], event["cost_source"]) == (None, "unpriced")

    status, told = await post(client, PRICE, "cost/rates")
    assert (status, told["status"], told["repriced_events"]) == (200, "ok", 0)
    assert (await get(client, f"usage/{event['id']}"))[1]["cost_estimate"] is None

    tokens = {"tokens_prompt": 100, "tokens_response": 50}
    status, estimate = await post(client, MODEL | tokens, "cost/estimate")
    assert (status, estimate["cost_usd"], estimate["cost_source"]) == (200, COST, "override")

    status, told = await post(client, DATED | {"reprice": True}, "cost/rates")
    assert (status, told["repriced_events"]) == (200, 1)
    assert (await get(client, "summary"))[1]["today"]["cost_estimate"] == COST

    address = f"{PREFIXES[0]}/cost/rates"
    assert (await answer(await client.delete(address, params=MODEL)))[0] == 200
    status, told = await answer(await client.delete(address, params=MODEL))
    assert status == 404


async def test_a_price_is_set_estimated_with_and_deleted_by_actions(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await act(hass, Action.RECORD_USAGE, usage(**MODEL))
    how = {"return_response": True}
    rendered = {name: str(value) for name, value in PRICE.items()}
    assert (await act(hass, Action.SET_RATE, rendered, **how))["repriced_events"] == 0
    tokens = {"tokens_prompt": "100", "tokens_response": "50"}
    estimate = await act(hass, Action.ESTIMATE_COST, MODEL | tokens, **how)
    assert estimate["cost_usd"] == float(COST)
    told = await act(hass, Action.SET_RATE, DATED | {"reprice": "true"}, **how)
    assert told["repriced_events"] == 1
    assert (await act(hass, Action.DELETE_RATE, MODEL, **how))["deleted"] == 2
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, Action.DELETE_RATE, MODEL)
    assert refused.value.translation_key == "not_found"


async def test_a_price_in_another_currency_needs_an_exchange_rate(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    euros = PRICE | {"currency": "EUR"}
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, Action.SET_RATE, euros)
    assert refused.value.translation_key == "invalid_input"
    await act(hass, Action.SET_EXCHANGE_RATE, {"currency": "EUR", "usd": 2})
    await act(hass, Action.SET_RATE, euros)
    event = await act(hass, Action.RECORD_USAGE, usage(**MODEL), return_response=True)
    assert event["cost_estimate"] == float(2 * COST)


# The path, the body, and the field named.
BODIES: list[tuple[str, Any, str]] = [
    ("cost/rates", PRICE | {"prompt_per_1m": -1}, "prompt_per_1m"),
    ("cost/rates", PRICE | {"prompt_per_1m": "1"}, "prompt_per_1m"),
    ("cost/rates", PRICE | {"prompt_per_1m": 1001}, "prompt_per_1m"),
    ("cost/rates", PRICE | {"currency": "euro"}, "currency"),
    ("cost/rates", PRICE | {"currency": "EUR"}, "currency"),
    ("cost/rates", PRICE | {"reprice": "true"}, "reprice"),
    ("cost/rates", PRICE | {"effective_date": "soon"}, "effective_date"),
    ("cost/rates", MODEL, "prompt_per_1m"),
    ("cost/rates", {}, "provider"),
    ("cost/rates", [], "body"),
    ("cost/estimate", MODEL | {"tokens_prompt": 1.0, "tokens_response": 1}, "tokens_prompt"),
    ("cost/estimate", MODEL | {"tokens_prompt": 1}, "tokens_response"),
    ("cost/reprice", {"only_unpriced": 1}, "only_unpriced"),
    ("cost/reprice", {"start": "2026-01-02", "end": "2026-01-01"}, "start"),
    ("cost/reprice?start=2026-01-01", {"start": "2026-01-01"}, "start"),
    ("maintenance/cleanup", {"retention_days": 29}, "retention_days"),
    ("maintenance/cleanup", {"retention_days": "30"}, "retention_days"),
    ("maintenance/cleanup?retention_days=731", {}, "retention_days"),
    ("maintenance/cleanup?keep_aggregates=no", {}, "keep_aggregates"),
    ("maintenance/aggregate", {"date": "2026-02-30"}, "date"),
    ("maintenance/aggregate?date=today", b"", "date"),
    ("maintenance/aggregate", b"{", "body"),
]


@pytest.mark.parametrize(("path", "body", "field"), BODIES)
async def test_a_bad_change_is_refused_by_name(
    hass: HomeAssistant, client: Client, path: str, body: Any, field: str
) -> None:
    await stored(client)
    async with unchanged(hass):
        status, told = await post(client, body, path)
    assert (status, told["field"]) == (400, field)
    assert told["message"].startswith(f"{field}: ")


# The action, its data, the key of the error, and the field or thing named.
REFUSED: list[tuple[Action, dict[str, Any], str, str]] = [
    (Action.DELETE_EVENT, {"id": 4711}, "not_found", "event"),
    (Action.DELETE_EVENT, {"id": 0}, "invalid_input", "id"),
    (Action.FORGET, {}, "invalid_input", "user_id"),
    (
        Action.FORGET,
        {"device_ip": "192.168.1.20", "user_id": "alex"},
        "invalid_input",
        "user_id",
    ),
    (Action.FORGET, {"device_ip": "1.1.1.1", "device_id": "a"}, "invalid_input", "device_id"),
    (
        Action.SET_EXCHANGE_RATE,
        {"currency": "EUR", "usd": 0},
        "invalid_input",
        "usd",
    ),
    (
        Action.SET_EXCHANGE_RATE,
        {"currency": "Euro", "usd": 1},
        "invalid_input",
        "currency",
    ),
    (Action.GET_STATISTICS, {"query": "trends/usage/of"}, "invalid_input", "query"),
    (Action.GET_STATISTICS, {"query": "nothing"}, "invalid_input", "query"),
    (
        Action.GET_STATISTICS,
        {"query": "summary", "parameters": "days"},
        "invalid_input",
        "parameters",
    ),
    (
        Action.GET_STATISTICS,
        {"query": "summary", "parameters": {"days": 7}},
        "invalid_input",
        "days",
    ),
    (Action.GET_STATISTICS, {"query": "usage/daily"}, "invalid_input", "device_ip"),
    (Action.GET_STATISTICS, {"query": "usage/device/10.0.0.9"}, "not_found", "device"),
    (
        Action.GET_STATISTICS,
        {"query": "usage/device/no one"},
        "invalid_input",
        "device",
    ),
]


@pytest.mark.parametrize(("action", "data", "key", "named"), REFUSED)
async def test_a_bad_action_is_refused_by_name(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    action: Action,
    data: dict[str, Any],
    key: str,
    named: str,
) -> None:
    await act(hass, Action.RECORD_USAGE, usage())
    async with unchanged(hass):
        with pytest.raises(ServiceValidationError) as refused:
            await act(hass, action, data, return_response=True)
    assert refused.value.translation_key == key
    assert refused.value.translation_placeholders is not None
    assert named in {
        refused.value.translation_placeholders.get("field"),
        refused.value.translation_placeholders.get("thing"),
    }


@pytest.mark.parametrize("query", ["summary", "/summary/", "trends/usage", "usage/1", "health"])
async def test_an_action_asks_what_rest_asks(
    hass: HomeAssistant, client: Client, query: str
) -> None:
    await stored(client, cost_estimate=0.1)
    asked = {"query": query}
    told = await act(hass, Action.GET_STATISTICS, asked, return_response=True)
    status, over_rest = await get(client, query.strip("/"))
    assert status == 200
    assert set(told) == set(over_rest)


async def test_a_list_asked_by_an_action_comes_in_an_object(
    hass: HomeAssistant, client: Client
) -> None:
    await stored(client)
    asked = {"query": "usage/device/192.168.1.20", "parameters": {"days": "30"}}
    told = await act(hass, Action.GET_STATISTICS, asked, return_response=True)
    assert told["period_days"] == 30
    told = await act(hass, Action.GET_STATISTICS, {"query": "stats/daily"}, return_response=True)
    (days,) = told.values()
    assert len(days) == 30
    assert (await get(client, "stats/daily"))[1][-1]["requests"] == 1


@pytest.mark.parametrize("as_query", [True, False])
async def test_maintenance_takes_its_parameters_from_query_or_body(
    hass: HomeAssistant, client: Client, *, as_query: bool
) -> None:
    await stored(client, timestamp=OLD)
    if as_query:
        path, body = "maintenance/cleanup?retention_days=30&keep_aggregates=false", {}
    else:
        path, body = "maintenance/cleanup", {"retention_days": 30, "keep_aggregates": False}
    status, told = await post(client, body, path)
    assert (status, told["events_deleted"], told["complete"]) == (200, 1, True)
    assert rows(hass)["agg_day"] == []
    status, told = await post(client, b"", "maintenance/aggregate")
    assert (status, told["drift"]) == (200, 0)


async def test_a_person_or_a_device_is_forgotten(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await act(hass, Action.RECORD_USAGE, usage(user_id="alex"))
    await act(hass, Action.FORGET, {"user_id": "alex"})
    page = await act(hass, Action.GET_STATISTICS, {"query": "usage"}, return_response=True)
    assert [event["user_id"] for event in page["events"]] == ["anonymous"]
    await act(hass, Action.FORGET, {"device_ip": "192.168.1.20", "delete": True})
    assert rows(hass)["event"] == []
