"""Where only administrators may read, everybody else records and is told nothing."""

from datetime import timedelta
from itertools import product
from typing import Any

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics.api.views import ROUTES, Route
from custom_components.llm_analytics.services import ACTIONS

from ..helpers import PREFIXES, Client, act, answer, get, post, stored, usage

READING = [
    pytest.param(
        f"{prefix}/{'/'.join('1' if '{' in part else part for part in route.path.split('/'))}",
        id=f"{prefix}/{route.path}",
    )
    for prefix, route in product(PREFIXES, ROUTES)
    if route.reads
]
OPEN = [("post", "usage"), ("post", "cost/estimate"), ("get", "openapi.json")]
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("generate_report", {}),
    ("get_statistics", {"query": "summary"}),
]


@pytest.fixture
def options() -> dict[str, Any]:
    """Return the option that this is about."""
    return {"readers": "administrators"}


def is_open(route: Route) -> bool:
    return not route.admin and not route.reads


def test_every_question_is_one_of_reading() -> None:
    assert [(route.method, route.path) for route in ROUTES if is_open(route)] == sorted(
        OPEN, key=[(route.method, route.path) for route in ROUTES].index
    )
    assert {action.name for action in ACTIONS if action.reads} == {name for name, _ in QUESTIONS}


@pytest.mark.parametrize("address", READING)
async def test_others_are_refused_whatever_they_ask(
    client: Client, member_client: Client, reader_client: Client, address: str
) -> None:
    for other in (member_client, reader_client):
        for query in ({}, {"days": "zero"}):
            status, told = await answer(await other.get(address, params=query))
            assert status == 403
            assert told == {"message": "only administrators may read", "field": None}
    response = await client.get(address)
    assert response.status != 403


async def test_a_member_still_records_and_gets_a_receipt(
    client: Client, member_client: Client, member: MockUser
) -> None:
    private = await stored(client, request_id="r", user_id="alex", metadata={"a": 1})
    assert await post(member_client, usage()) == (201, {"id": 2})
    repeated = {"id": private["id"], "duplicate": True}
    assert await post(member_client, usage(request_id="r")) == (200, repeated)
    batch = {"events": [usage(), usage(request_id="r")]}
    receipt = {"recorded": 1, "duplicates": 1, "events": [3, 1]}
    assert await post(member_client, batch) == (201, receipt)
    status, event = await get(client, "usage/2")
    assert (status, event["recorded_by"]) == (200, member.id)


async def test_what_tells_nothing_of_the_household_stays_open(member_client: Client) -> None:
    status, told = await post(
        member_client,
        {"provider": "openai", "model": "gpt-4o", "tokens_prompt": 1, "tokens_response": 1},
        "cost/estimate",
    )
    assert (status, told["cost_source"]) == (200, "catalogue")
    assert (await get(member_client, "openapi.json"))[0] == 200


async def test_a_signed_link_of_the_content_user_is_refused(
    hass: HomeAssistant, client: Client, hass_client_no_auth: Any
) -> None:
    path = async_sign_path(
        hass, f"{PREFIXES[0]}/reports/export/csv", timedelta(minutes=1), use_content_user=True
    )
    response = await (await hass_client_no_auth()).get(path)
    assert response.status == 403


@pytest.mark.parametrize(("action", "data"), QUESTIONS)
async def test_actions_ask_for_administrators_and_automations_only(
    hass: HomeAssistant,
    client: Client,
    hass_admin_user: MockUser,
    member: MockUser,
    action: str,
    data: dict[str, Any],
) -> None:
    await stored(client)
    for context in (Context(), Context(user_id=hass_admin_user.id)):
        found = await act(hass, action, data, context=context, return_response=True)
        assert found
    for user_id in (member.id, "nobody"):
        with pytest.raises(Unauthorized):
            await act(hass, action, data, context=Context(user_id=user_id), return_response=True)


async def test_recording_by_action_is_answered_as_over_rest(
    hass: HomeAssistant, entry: MockConfigEntry, member: MockUser, hass_admin_user: MockUser
) -> None:
    event = usage(request_id="r")
    found = await act(
        hass,
        "record_usage",
        event,
        context=Context(user_id=hass_admin_user.id),
        return_response=True,
    )
    assert found["endpoint"] == "conversation"
    again = await act(
        hass, "record_usage", event, context=Context(user_id=member.id), return_response=True
    )
    assert again == {"id": found["id"], "duplicate": True}


async def test_the_option_holds_from_the_moment_it_is_chosen(
    hass: HomeAssistant, entry: MockConfigEntry, member_client: Client
) -> None:
    assert (await get(member_client, "summary"))[0] == 403
    for readers, status in (("everybody", 200), ("administrators", 403)):
        form = await hass.config_entries.options.async_init(entry.entry_id)
        await hass.config_entries.options.async_configure(form["flow_id"], {"readers": readers})
        await hass.async_block_till_done()
        assert entry.options["readers"] == readers
        assert (await get(member_client, "summary"))[0] == status
