"""A recording client's webhook records, and can do nothing else."""

import asyncio
from collections.abc import AsyncIterator
import ipaddress
import json
import logging
from typing import Any

from aiohttp import ClientResponse
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.llm_analytics.analytics import Analytics
from custom_components.llm_analytics.analytics.tracking.tracker import TokenTracker
from custom_components.llm_analytics.const import DOMAIN

from ..conftest import ClientFactory
from ..helpers import Client, add_client, answer, get, rows, unchanged, usage, webhook_of

type Answered = tuple[int, str, str]


@pytest.fixture
async def gateway(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client_no_auth: ClientFactory
) -> Client:
    """Return an HTTP client without any token."""
    return await hass_client_no_auth()


@pytest.fixture
async def subentry(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigSubentry:
    """Return a recording client with nothing but a name."""
    return await add_client(hass, entry)


async def record(gateway: Client, client: ConfigSubentry, body: Any) -> tuple[int, Any]:
    """Post to a recording client's webhook."""
    return await answer(await gateway.post(webhook_of(client), json=body))


async def told(response: ClientResponse) -> Answered:
    """Return all of an answer."""
    return response.status, response.content_type, await response.text()


async def as_unknown(gateway: Client, path: str, body: Any = None) -> bool:
    """Return whether a webhook answers exactly as one that has never existed."""
    sent = usage() if body is None else body
    found = await told(await gateway.post(path, json=sent))
    unknown = await told(await gateway.post(f"/api/webhook/{'0' * 64}", json=sent))
    assert unknown == (200, "application/octet-stream", "")
    return found == unknown


# Recording


async def test_a_client_records_without_a_token(
    client: Client, gateway: Client, subentry: ConfigSubentry
) -> None:
    status, receipt = await record(gateway, subentry, usage(user_id="alex", tags=["voice"]))
    assert (status, receipt) == (201, {"id": 1})
    status, event = await get(client, "usage/1")
    assert status == 200
    assert event["source"] == "webhook"
    assert event["recorded_by"] == subentry.subentry_id
    assert (event["device_ip"], event["user_id"]) == ("192.168.1.20", "alex")
    assert (event["tags"], event["cost_source"]) == (["voice"], "catalogue")


async def test_a_batch_is_recorded_whole_or_not_at_all(
    hass: HomeAssistant, gateway: Client, subentry: ConfigSubentry
) -> None:
    batch = {"events": [usage(request_id="a"), usage(request_id="b"), usage(request_id="a")]}
    status, receipt = await record(gateway, subentry, batch)
    assert (status, receipt) == (201, {"recorded": 2, "duplicates": 1, "events": [1, 2, 1]})
    assert (await record(gateway, subentry, batch))[0] == 200
    async with unchanged(hass):
        bad = {"events": [usage(), usage(tokens_prompt=-1), usage()]}
        status, refusal = await record(gateway, subentry, bad)
    assert (status, refusal["field"]) == (400, "events[1].tokens_prompt")


async def test_a_retry_is_told_the_id_and_nothing_of_what_is_stored(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, subentry: ConfigSubentry
) -> None:
    private = usage(request_id="r", user_id="alex", metadata={"a": 1}, cost_estimate=3)
    assert await record(gateway, subentry, private) == (201, {"id": 1})
    other = await add_client(hass, entry, name="Other")
    for client in (subentry, other):
        again = await record(gateway, client, usage(request_id="r"))
        assert again == (200, {"id": 1, "duplicate": True})


async def test_a_device_must_be_named(gateway: Client, subentry: ConfigSubentry) -> None:
    status, refusal = await record(gateway, subentry, usage(device_ip=None))
    assert (status, refusal["field"]) == (400, "device_ip")


# What is fixed


@pytest.mark.parametrize("batch", [False, True])
async def test_what_is_fixed_need_not_be_sent(
    hass: HomeAssistant, entry: MockConfigEntry, client: Client, gateway: Client, *, batch: bool
) -> None:
    fixed = {"device_id": "abc123", "user_id": "alex", "tags": ["gateway", "voice"]}
    one = await add_client(hass, entry, **fixed)
    body = usage(device_ip=None, device_name="Proxy", tags=["voice", "kitchen"])
    status, _ = await record(gateway, one, {"events": [body]} if batch else body)
    assert status == 201
    event = (await get(client, "usage/1"))[1]
    assert (event["device_id"], event["device_ip"]) == ("abc123", None)
    assert event["device_name"] == "Proxy"
    assert event["user_id"] == "alex"
    assert event["tags"] == ["gateway", "voice", "kitchen"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"device_ip": "192.168.1.21"}, "device_ip"),
        ({"device_id": "abc", "device_ip": None}, "device_id"),
        ({"user_id": "ben"}, "user_id"),
        ({"user_id": "anonymous"}, "user_id"),
    ],
)
async def test_another_value_of_what_is_fixed_is_refused(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    gateway: Client,
    given: dict[str, Any],
    field: str,
) -> None:
    one = await add_client(hass, entry, device_ip="192.168.1.20", user_id="alex")
    assert (await record(gateway, one, usage()))[0] == 201
    same = usage(device_ip="::ffff:192.168.1.20", user_id="alex")
    assert (await record(gateway, one, same))[0] == 201
    async with unchanged(hass):
        status, refusal = await record(gateway, one, usage(**given))
        assert (status, refusal["field"]) == (400, field)
        assert refusal["message"].startswith(f"{field}: is fixed for this client")
        status, refusal = await record(gateway, one, {"events": [usage(), usage(**given)]})
        assert (status, refusal["field"]) == (400, f"events[1].{field}")


async def test_tags_are_limited_with_those_that_are_fixed(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client
) -> None:
    one = await add_client(hass, entry, tags=[f"fixed {number}" for number in range(30)])
    assert (await record(gateway, one, usage(tags=["a", "b", "fixed 1"])))[0] == 201
    status, refusal = await record(gateway, one, usage(tags=["a", "b", "c"]))
    assert (status, refusal["field"]) == (400, "tags")


# And nothing else


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
async def test_only_posts_are_taken(
    hass: HomeAssistant, gateway: Client, subentry: ConfigSubentry, method: str
) -> None:
    await record(gateway, subentry, usage())
    async with unchanged(hass):
        response = await gateway.request(method, webhook_of(subentry), json=usage())
        assert response.status in {403, 405}
        assert "message" not in await response.text()


async def test_a_secret_is_no_token(
    hass: HomeAssistant, gateway: Client, subentry: ConfigSubentry
) -> None:
    await record(gateway, subentry, usage())
    secret = subentry.data["webhook_id"]
    async with unchanged(hass):
        for headers in ({"Authorization": f"Bearer {secret}"}, {"X-Webhook": secret}):
            for method, path in (
                ("get", "usage"),
                ("get", "usage/1"),
                ("get", "dashboard"),
                ("delete", "usage/1"),
                ("post", "usage"),
            ):
                address = f"/api/{DOMAIN}/{path}"
                response = await gateway.request(method, address, headers=headers, json=usage())
                assert response.status == 401
        for path in ("usage", "usage/1", "dashboard", "openapi.json"):
            response = await gateway.post(f"{webhook_of(subentry)}/{path}", json=usage())
            assert response.status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1},
        {"query": "dashboard"},
        {"device_ip": "192.168.1.20", "delete": True},
        usage(id=1),
        usage(source="rest"),
        usage(recorded_by="somebody"),
        {"events": [usage()], "reprice": True},
    ],
)
async def test_other_wishes_are_refused_by_name(
    hass: HomeAssistant, gateway: Client, subentry: ConfigSubentry, body: dict[str, Any]
) -> None:
    await record(gateway, subentry, usage())
    async with unchanged(hass):
        status, refusal = await record(gateway, subentry, body)
    assert status == 400
    assert "unknown field" in refusal["message"]


# Revoked


async def test_a_removed_client_is_unknown_at_once(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    gateway: Client,
    subentry: ConfigSubentry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await record(gateway, subentry, usage())
    other = await add_client(hass, entry, name="Other")
    before = entry.runtime_data
    async with unchanged(hass):
        hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
        assert await as_unknown(gateway, webhook_of(subentry))
        assert await as_unknown(gateway, webhook_of(subentry), {"bad": 1})
    assert (await record(gateway, other, usage()))[0] == 201
    await hass.async_block_till_done()
    assert entry.runtime_data is before, "nobody else is disturbed"
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_new_secret_revokes_the_old_one(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, subentry: ConfigSubentry
) -> None:
    old = webhook_of(subentry)
    form = await entry.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    flows = hass.config_entries.subentries
    await flows.async_configure(form["flow_id"], {"name": "Gateway", "new_secret": True})
    assert (await gateway.post(old, json=usage())).status == 201, "not yet finished"
    await flows.async_configure(form["flow_id"], {})
    async with unchanged(hass):
        assert await as_unknown(gateway, old)
    renewed = entry.subentries[subentry.subentry_id]
    assert webhook_of(renewed) != old
    assert (await record(gateway, renewed, usage()))[0] == 201


async def test_a_client_revoked_while_it_sends_is_unknown(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, subentry: ConfigSubentry
) -> None:
    await record(gateway, subentry, usage())
    revoked = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b" "
        await revoked.wait()
        yield b"{}"

    async with unchanged(hass):
        sending = asyncio.create_task(gateway.post(webhook_of(subentry), data=slowly()))
        await asyncio.sleep(0.1)
        hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
        revoked.set()
        assert await told(await sending) == (200, "application/octet-stream", "")


async def test_the_webhooks_go_with_the_entry(
    hass: HomeAssistant, gateway: Client, entry: MockConfigEntry, subentry: ConfigSubentry
) -> None:
    await hass.config_entries.async_remove(entry.entry_id)
    assert await as_unknown(gateway, webhook_of(subentry))


async def test_what_is_changed_holds_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, client: Client, gateway: Client
) -> None:
    one = await add_client(hass, entry)
    await record(gateway, one, usage())
    form = await entry.start_subentry_reconfigure_flow(hass, one.subentry_id)
    flows = hass.config_entries.subentries
    await flows.async_configure(form["flow_id"], {"name": "Gateway", "user_id": "alex"})
    await record(gateway, one, usage())
    users = [(await get(client, f"usage/{number}"))[1]["user_id"] for number in (1, 2)]
    assert users == ["anonymous", "alex"]


async def test_entries_of_others_are_none_of_its_business(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client
) -> None:
    one = await add_client(hass, entry, requests_per_minute=1)
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    hass.config_entries.async_update_entry(other, title="Renamed")
    assert (await record(gateway, one, usage()))[0] == 201
    assert (await record(gateway, one, usage()))[0] == 429


# From the local network


@pytest.mark.parametrize(
    ("remote", "local_only", "recorded"),
    [
        ("192.168.1.7", True, True),
        ("::1", True, True),
        ("123.123.123.123", True, False),
        ("2001:4860:4860::8888", True, False),
        ("123.123.123.123", False, True),
    ],
)
async def test_where_a_client_may_be(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    gateway: Client,
    monkeypatch: pytest.MonkeyPatch,
    remote: str,
    *,
    local_only: bool,
    recorded: bool,
) -> None:
    one = await add_client(hass, entry, local_only=local_only)
    monkeypatch.setattr(
        "homeassistant.components.webhook.ip_address", lambda _: ipaddress.ip_address(remote)
    )
    if recorded:
        assert (await record(gateway, one, usage()))[0] == 201
    else:
        assert await as_unknown(gateway, webhook_of(one))
        assert rows(hass)["event"] == []


# The rate


async def test_over_its_rate_a_client_waits(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, freezer: FrozenDateTimeFactory
) -> None:
    one = await add_client(hass, entry, requests_per_minute=3)
    other = await add_client(hass, entry, name="Other", requests_per_minute=1)
    for _ in range(3):
        assert (await record(gateway, one, usage()))[0] == 201
    async with unchanged(hass):
        for body in (usage(), {"bad": 1}, {"events": [usage()]}):
            response = await gateway.post(webhook_of(one), json=body)
            status, refusal = await answer(response)
            assert status == 429
            assert response.headers["Retry-After"] == "20"
            message = "too many requests in a minute; try again in 20 s"
            assert refusal == {"message": message, "field": None}
    assert (await record(gateway, other, usage()))[0] == 201, "each has a rate of its own"

    freezer.tick(19)
    assert (await record(gateway, one, usage()))[0] == 429
    freezer.tick(1)
    assert (await record(gateway, one, usage()))[0] == 201
    assert (await record(gateway, one, usage()))[0] == 429


async def test_a_batch_counts_by_its_requests(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, freezer: FrozenDateTimeFactory
) -> None:
    one = await add_client(hass, entry, requests_per_minute=60)
    assert (await record(gateway, one, {"events": [usage()] * 100}))[0] == 201
    response = await gateway.post(webhook_of(one), json=usage())
    assert (response.status, response.headers["Retry-After"]) == (429, "41")
    freezer.tick(41)
    assert (await record(gateway, one, usage()))[0] == 201


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"events": 5}', b'{"events": []}', b"{}"])
async def test_bad_requests_count_too(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, body: bytes
) -> None:
    one = await add_client(hass, entry, requests_per_minute=2)
    found = [(await gateway.post(webhook_of(one), data=body)).status for _ in range(3)]
    assert found == [400, 400, 429]


async def test_batches_sent_at_once_do_not_get_around_the_rate(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client
) -> None:
    one = await add_client(hass, entry, requests_per_minute=2)
    go = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b" "
        await go.wait()
        yield b'{"events": [' + b", ".join([b"{}"] * 5) + b"]}"

    sending = [asyncio.create_task(gateway.post(webhook_of(one), data=slowly())) for _ in range(4)]
    await asyncio.sleep(0.1)
    go.set()
    assert sorted([(await task).status for task in sending]) == [400, 429, 429, 429]


# When something is wrong on this side


async def test_while_the_ledger_is_closed_nothing_is_taken_for_recorded(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, subentry: ConfigSubentry
) -> None:
    await record(gateway, subentry, usage())
    assert await hass.config_entries.async_unload(entry.entry_id)
    for body in (usage(), {"bad": 1}, {"events": [usage()]}):
        status, refusal = await record(gateway, subentry, body)
        assert (status, refusal["message"]) == (503, "LLM Analytics is not loaded")
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert (await record(gateway, subentry, usage())) == (201, {"id": 2})


async def test_clients_are_there_before_the_ledger_is(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    hass_client_no_auth: ClientFactory,
    entry: MockConfigEntry,
    subentry: ConfigSubentry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = await hass_client_no_auth()

    async def refuse(*_: object, **__: object) -> None:
        raise OSError("no disk")

    with monkeypatch.context() as patch:
        patch.setattr(Analytics, "open", refuse)
        await hass.config_entries.async_reload(entry.entry_id)
        assert entry.state is not ConfigEntryState.LOADED
        assert (await record(gateway, subentry, usage()))[0] == 503
    await hass.config_entries.async_reload(entry.entry_id)
    assert (await record(gateway, subentry, usage()))[0] == 201


async def test_a_ledger_that_closes_meanwhile_answers_503(
    hass: HomeAssistant, entry: MockConfigEntry, gateway: Client, subentry: ConfigSubentry
) -> None:
    await entry.runtime_data.analytics.close()
    assert (await record(gateway, subentry, usage()))[0] == 503


async def test_a_fault_of_ours_is_not_answered_as_a_success(
    gateway: Client,
    subentry: ConfigSubentry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(TokenTracker, "record", fail)
    status, refusal = await record(gateway, subentry, usage())
    assert (status, refusal) == (500, {"message": "internal error", "field": None})
    (logged,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert logged.message == "A recording client's request failed"
    assert subentry.data["webhook_id"] not in (logged.exc_text or "")


async def test_a_client_that_hangs_up_leaves_no_trace(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    gateway: Client,
    subentry: ConfigSubentry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await record(gateway, subentry, usage())
    async with unchanged(hass):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = f"POST {webhook_of(subentry)} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{"
        writer.write(head.encode())
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.1)
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert (await record(gateway, subentry, usage()))[0] == 201


async def test_a_webhook_called_over_the_websocket_records(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    subentry: ConfigSubentry,
) -> None:
    assert await async_setup_component(hass, "websocket_api", {})
    socket = await hass_ws_client(hass)
    for body, status, said in (
        (
            '{"device_ip": "::1", "endpoint": "x", "provider": "p", "tokens_prompt": 1}',
            400,
            "field",
        ),
        ("nonsense", 400, "is no JSON"),
        (json.dumps(usage()), 201, '{"id":1}'),
    ):
        await socket.send_json_auto_id(
            {
                "type": "webhook/handle",
                "webhook_id": subentry.data["webhook_id"],
                "method": "POST",
                "body": body,
            }
        )
        result = (await socket.receive_json())["result"]
        assert result["status"] == status
        assert said in result["body"]
