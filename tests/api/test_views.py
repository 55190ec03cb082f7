"""The REST API: who may do what, under which paths, and what a refusal looks like."""

from datetime import timedelta
from itertools import product
from typing import Any

from aiohttp import web
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics.api.views import ROUTES, Route
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.services import Action

from ..conftest import ClientFactory
from ..helpers import PREFIXES, Client, act, answer, get, post, stored, unchanged, usage

ASKED = ("dashboard", "summary", "usage", "usage/1", "reports", "health")
OLD = "2020-02-01T12:00:00+00:00"


def url(prefix: str, route: Route) -> str:
    """Return a route's address with something in its variable parts."""
    parts = ("1" if part.startswith("{") else part for part in route.path.split("/"))
    return f"{prefix}/{'/'.join(parts)}"


EVERY = [
    pytest.param(route, url(prefix, route), id=f"{route.method}-{url(prefix, route)[5:]}")
    for prefix, route in product(PREFIXES, ROUTES)
]
ADMINS = [case for case in EVERY if isinstance(case.values[0], Route) and case.values[0].admin]


@pytest.mark.parametrize(("prefix", "path"), product(PREFIXES, ASKED))
async def test_every_question_is_answered_under_both_prefixes(
    client: Client, prefix: str, path: str
) -> None:
    await stored(client)
    status, body = await answer(await client.get(f"{prefix}/{path}"))
    assert status == 200
    assert isinstance(body, dict)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_events_are_recorded_and_deleted_under_both_prefixes(
    client: Client, prefix: str
) -> None:
    status, event = await answer(await client.post(f"{prefix}/usage", json=usage()))
    assert status == 201
    status, told = await answer(await client.delete(f"{prefix}/usage/{event['id']}"))
    assert (status, told) == (200, {"status": "ok", "id": event["id"]})
    status, told = await get(client, f"usage/{event['id']}")
    assert (status, told["field"]) == (404, "event")
    assert (await get(client, "summary"))[1]["month"]["requests"] == 0


@pytest.mark.parametrize(("route", "address"), EVERY)
async def test_nobody_gets_in_without_logging_in(
    entry: MockConfigEntry, hass_client_no_auth: ClientFactory, route: Route, address: str
) -> None:
    client = await hass_client_no_auth()
    assert (await client.request(route.method, address)).status == 401


@pytest.mark.parametrize(("route", "address"), EVERY)
async def test_an_unknown_parameter_is_refused_by_name(
    client: Client, route: Route, address: str
) -> None:
    await stored(client)
    response = await client.request(route.method, address, params={"surprise": "1"})
    status, told = await answer(response)
    assert (status, told["field"]) == (400, "surprise")
    assert told["message"].startswith("surprise: unknown field")
    assert set(told) == {"message", "field"}


@pytest.mark.parametrize(("route", "address"), EVERY)
async def test_while_unloaded_the_answer_is_503(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry, route: Route, address: str
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    status, told = await answer(await client.request(route.method, address))
    assert status == 503
    assert told == {"message": "LLM Analytics is not loaded", "field": None}


@pytest.mark.parametrize(("route", "address"), ADMINS)
async def test_what_is_for_administrators_is_403_for_others(
    hass: HomeAssistant,
    client: Client,
    member_client: Client,
    reader_client: Client,
    route: Route,
    address: str,
) -> None:
    await stored(client)
    async with unchanged(hass):
        for other in (member_client, reader_client):
            status, told = await answer(await other.request(route.method, address))
            assert status == 403
            assert told["message"] == "only administrators may do this"


async def test_a_member_may_record_and_read(member_client: Client, member: MockUser) -> None:
    event = await stored(member_client)
    assert event["recorded_by"] == member.id
    assert event["user_id"] == "anonymous"
    for path in ASKED:
        assert (await get(member_client, path))[0] == 200


async def test_who_may_only_read_may_not_record(
    hass: HomeAssistant, client: Client, reader_client: Client
) -> None:
    await stored(client)
    async with unchanged(hass):
        status, told = await post(reader_client, usage())
        assert status == 403
        assert told["message"] == "read-only users may not do this"
    for path in ASKED:
        assert (await get(reader_client, path))[0] == 200


async def test_a_repeated_request_id_is_told_its_stored_event(client: Client) -> None:
    first = await stored(client, request_id="req-1")
    status, again = await post(client, usage(request_id="req-1", tokens_prompt=999))
    assert status == 200
    assert again == first | {"duplicate": True}
    other = await stored(client, request_id="req-1", provider="anthropic", model="claude-3-opus")
    assert other["id"] > first["id"]


async def test_a_batch_says_what_was_new(client: Client) -> None:
    first = await stored(client, request_id="a")
    events = [usage(request_id="b"), usage(request_id="a"), usage(), usage(request_id="b")]
    status, told = await post(client, {"events": events})
    assert status == 201
    new, repeated, other, again = told.pop("events")
    assert told == {"recorded": 2, "duplicates": 2}
    assert repeated == first["id"]
    assert again == new
    assert first["id"] < new < other

    status, told = await post(client, {"events": [events[0], events[1]]})
    assert status == 200
    assert told == {"recorded": 0, "duplicates": 2, "events": [new, repeated]}


async def test_an_answer_given_later_contains_the_event(client: Client) -> None:
    for count in range(1, 6):
        event = await stored(client)
        assert (await get(client, "summary"))[1]["today"]["requests"] == count
        assert (await get(client, f"usage/{event['id']}"))[1] == event


# The path, the parameters in a query string, and the field named.
QUERIES = [
    ("usage", "limit=0", "limit"),
    ("usage", "limit=1001", "limit"),
    ("usage", "limit=1.0", "limit"),
    ("usage", "limit=ten", "limit"),
    ("usage", "limit=", "limit"),
    ("usage", "limit=true", "limit"),
    ("usage", "before=yesterday", "before"),
    ("usage", "before=1-", "before"),
    ("usage", f"before={'9' * 61}", "before"),
    ("usage", f"before={'9' * 30}-{'9' * 29}", "before"),
    ("usage", "status=fine", "status"),
    ("usage", "start=2026-01-01T00:00:00", "start"),
    ("usage", "start=noon", "start"),
    ("usage", "end=1768478400000", "end"),
    ("usage", "start=-5", "start"),
    ("usage", "start=2026-01-02&end=2026-01-01", "start"),
    ("usage", "start=1768478400&end=1768478400", "start"),
    ("usage", "start=2026-02-30", "start"),
    ("usage", "start=0001-01-01", "start"),
    ("usage", "end=9999-12-31", "end"),
    ("usage", "end=9999-12-31T23:59:59Z", "end"),
    ("reports", "period=custom&start=0001-01-01&end=2026-01-01", "start"),
    ("stats/summary", "start=0001-01-01T00:00:00Z", "start"),
    ("stats/users/top", "end=9999-12-31", "end"),
    ("usage", "device_ip=tablet", "device_ip"),
    ("usage", "device_id=a%20b", "device_id"),
    ("usage", "device_ip=192.168.1.2&device_id=abc", "device_id"),
    ("usage", "provider=", "provider"),
    ("usage", f"model={'x' * 101}", "model"),
    ("usage", "user_id=%00", "user_id"),
    ("usage", "tag=", "tag"),
    ("usage", f"endpoint={'x' * 101}", "endpoint"),
    ("usage", "limit=5&limit=6", "limit"),
    ("usage/0", "", "id"),
    ("usage/abc", "", "id"),
    ("usage/1.0", "", "id"),
    ("usage/9223372036854775808", "", "id"),
    ("dashboard", "days=7", "days"),
    ("dashboard", "device_ip=1", "device_ip"),
    ("summary", "tag=" + "x" * 65, "tag"),
    ("health", "verbose=true", "verbose"),
    ("reports", "period=decade", "period"),
    ("reports", "period=custom", "start"),
    ("reports", "period=custom&start=2026-01-01", "end"),
    ("reports", "period=custom&end=2026-01-01", "start"),
    ("reports", "period=week&start=2026-01-01&end=2026-01-05", "start"),
    ("reports", "period=custom&start=2026-01-05&end=2026-01-01", "start"),
    ("reports", "date=2026-13-01", "date"),
    ("reports", "date=today", "date"),
    ("reports", "date=1768478400", "date"),
    ("reports", "date=1999-12-31", "date"),
]


@pytest.mark.parametrize(("path", "query", "field"), QUERIES)
async def test_a_bad_parameter_is_refused_by_name(
    hass: HomeAssistant, client: Client, path: str, query: str, field: str
) -> None:
    await stored(client)
    async with unchanged(hass):
        status, told = await answer(await client.get(f"{PREFIXES[0]}/{path}?{query}"))
    assert (status, told["field"]) == (400, field)
    assert told["message"].startswith(f"{field}: ")


@pytest.mark.parametrize("method", ["get", "delete"])
async def test_an_event_that_is_not_there_is_404(
    hass: HomeAssistant, client: Client, method: str
) -> None:
    await stored(client)
    async with unchanged(hass):
        response = await client.request(method, f"{PREFIXES[0]}/usage/4711")
        assert await answer(response) == (
            404,
            {"message": "event not found: 4711", "field": "event"},
        )


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("usage", {"start": OLD}, "start"),
        ("usage", {"end": OLD}, "end"),
        ("reports", {"period": "custom", "start": OLD, "end": "2020-03-01"}, "start"),
    ],
)
async def test_asking_for_what_clean_up_removed_is_409(
    hass: HomeAssistant, client: Client, path: str, query: dict[str, str], field: str
) -> None:
    await stored(client, timestamp=OLD)
    await act(hass, Action.CLEANUP, {})
    status, told = await get(client, path, **query)
    assert (status, told["field"]) == (409, field)
    assert "2020-02-02T00:00:00" in told["message"]
    assert (await get(client, path))[0] == 200


async def test_a_signature_in_the_query_is_no_unknown_parameter(
    hass: HomeAssistant, client: Client, hass_client_no_auth: ClientFactory, hass_access_token: str
) -> None:
    assert (await get(client, "health", authSig="whatever"))[0] == 200
    token = hass.auth.async_validate_access_token(hass_access_token)
    assert token is not None
    path = f"{PREFIXES[0]}/reports?period=month"
    signed = async_sign_path(hass, path, timedelta(seconds=30), refresh_token_id=token.id)
    anybody = await hass_client_no_auth()
    status, report = await answer(await anybody.get(signed))
    assert (status, report["period"]) == (200, "month")
    assert (await anybody.get(signed.replace("month", "year"))).status == 401


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
async def test_a_method_that_is_not_offered_is_405(client: Client, method: str) -> None:
    assert (await client.request(method, f"{PREFIXES[0]}/usage")).status == 405


async def set_up_beside(hass: HomeAssistant, path: str) -> MockConfigEntry:
    """Set the integration up where another one answers a path already."""

    async def other(_: web.Request) -> web.Response:
        return web.json_response({"other": True})

    assert await async_setup_component(hass, "http", {})
    hass.http.app.router.add_get(path, other)
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    return entry


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_a_path_taken_by_another_integration_is_left_to_it_with_a_warning(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, hass_client_no_auth: ClientFactory
) -> None:
    entry = await set_up_beside(hass, "/api/analytics/summary")
    assert (
        "/api/analytics/summary is taken by another integration; "
        "use /api/llm_analytics/summary" in caplog.text
    )
    assert "/api/analytics/health is taken" not in caplog.text
    client = await hass_client_no_auth()
    response = await client.get("/api/analytics/summary")
    assert await response.json() == {"other": True}
    assert (await client.get("/api/llm_analytics/summary")).status == 401
    assert (await client.get("/api/analytics/health")).status == 401
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_a_variable_path_that_is_taken_is_left_too(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await set_up_beside(hass, "/api/analytics/usage/{id}")
    assert "/api/analytics/usage/{id} is taken" in caplog.text
    await hass.config_entries.async_unload(entry.entry_id)


async def test_no_alias_is_left_out_where_nothing_is_taken(
    entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    assert "is taken by another integration" not in caplog.text


def test_every_view_has_its_own_name_and_path() -> None:
    keys: list[Any] = [(route.method, route.path) for route in ROUTES]
    assert len(set(keys)) == len(keys)
