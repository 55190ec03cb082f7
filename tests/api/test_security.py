"""Who gets in, what is kept of a request, and what is said of it where others read."""

from contextlib import closing
from datetime import timedelta
from http import HTTPStatus
import logging
import sqlite3
from typing import Any

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics.const import DOMAIN

from ..conftest import ClientFactory
from ..helpers import (
    PREFIXES,
    Client,
    act,
    add_client,
    database,
    get,
    post,
    stored,
    unchanged,
    usage,
    webhook_of,
)
from ..test_diagnostics import PERSONAL, WORDS

OURS = (f"custom_components.{DOMAIN}", "aiosqlite")
METHODS = ("get", "post", "put", "patch", "delete")

# Nobody gets in


def addresses(hass: HomeAssistant) -> list[str]:
    """Return every address of the web server with something in its variable parts."""
    return [
        "/".join("1" if part.startswith("{") else part for part in resource.canonical.split("/"))
        for resource in hass.http.app.router.resources()
    ]


async def test_every_address_that_the_integration_adds_asks_for_a_log_in(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    hass_client_no_auth: ClientFactory,
) -> None:
    for needed in ("recorder", "http", "webhook"):
        await async_setup_component(hass, needed, {})
    before = addresses(hass)
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    ours = [
        address
        for address in addresses(hass)
        if address not in before and address.startswith(PREFIXES)
    ]
    assert len(ours) > 50
    client = await hass_client_no_auth()
    open_doors = set()
    for address in ours:
        for method in METHODS:
            status = (await client.request(method, address)).status
            if status != HTTPStatus.METHOD_NOT_ALLOWED:
                open_doors.add((status, address, method))
    assert {status for status, _, _ in open_doors} == {HTTPStatus.UNAUTHORIZED}
    assert {address for _, address, _ in open_doors} == set(ours)
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    "token", ["", "x", "null", "Bearer", "eyJhbGciOiJub25lIn0.eyJpc3MiOiIxIn0.", "\u00e9"]
)
async def test_no_made_up_token_gets_in(
    entry: MockConfigEntry, hass_client_no_auth: ClientFactory, token: str
) -> None:
    client = await hass_client_no_auth()
    for headers in ({"Authorization": f"Bearer {token}"}, {"Authorization": token}):
        response = await client.get(f"{PREFIXES[0]}/dashboard", headers=headers)
        assert response.status == HTTPStatus.UNAUTHORIZED


async def test_a_signed_address_opens_that_address_only(
    hass: HomeAssistant, client: Client, hass_client_no_auth: ClientFactory
) -> None:
    await stored(client)
    path = f"{PREFIXES[0]}/reports/export/csv"
    signed = async_sign_path(hass, path, timedelta(minutes=1))
    nobody = await hass_client_no_auth()
    assert (await nobody.get(signed)).status == HTTPStatus.OK
    signature = signed.partition("?")[2]
    for other in ("usage", "dashboard", "reports/export/json"):
        status = (await nobody.get(f"{PREFIXES[0]}/{other}?{signature}")).status
        assert status == HTTPStatus.UNAUTHORIZED
    assert (await nobody.post(signed)).status in {401, 405}


async def test_the_only_webhooks_are_those_of_recording_clients(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    def ours() -> set[str]:
        registered = hass.data.get("webhook", {})
        return {name for name, hook in registered.items() if hook.domain == DOMAIN}

    assert ours() == set()
    client = await add_client(hass, entry)
    assert ours() == {client.data["webhook_id"]}
    hass.config_entries.async_remove_subentry(entry, client.subentry_id)
    await hass.async_block_till_done()
    assert ours() == set()


async def test_the_secret_of_a_recording_client_is_told_nowhere(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client: ClientFactory,
    hass_client_no_auth: ClientFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await async_setup_component(hass, "diagnostics", {})
    client = await hass_client()
    subentry = await add_client(hass, entry)
    secret = subentry.data["webhook_id"]
    gateway = await hass_client_no_auth()
    bodies: tuple[Any, ...] = (usage(), usage(tokens_prompt=-1), {"events": [usage()]}, [])
    for body in bodies:
        response = await gateway.post(webhook_of(subentry), json=body)
        assert secret not in await response.text()
    await hass.async_block_till_done()
    for path in (
        "usage",
        "dashboard",
        "reports",
        "reports/export/csv?detailed=true",
        "openapi.json",
    ):
        response = await client.get(f"{PREFIXES[0]}/{path}")
        assert response.status == HTTPStatus.OK
        assert secret not in await response.text()
    response = await client.get(f"/api/diagnostics/config_entry/{entry.entry_id}")
    assert response.status == HTTPStatus.OK
    assert secret not in await response.text()
    assert not [state for state in hass.states.async_all() if secret in str(state.as_dict())]
    await hass.config_entries.async_unload(entry.entry_id)
    for file in database(hass).parent.glob("llm_analytics.db*"):
        assert secret.encode() not in file.read_bytes()
    ours = [record for record in caplog.records if record.name.startswith(OURS)]
    assert not [record for record in ours if secret in record.getMessage()]


# What is kept

# Every place of the file where a text may stand, and what stands there. A new one is added here
# only after thinking about whether it is anybody's business.
TEXTS = {
    "device.key": "the device's address or id",
    "device.name": "what its clients call it",
    "device.given": "what the household calls it",
    "agg_home.currency": "a currency",
    "event.home_currency": "a currency",
    "endpoint.key": "the endpoint",
    "event.metadata": "what the client put there, while the option says so",
    "event.request_id": "the request's id",
    "exchange_rate.currency": "a currency",
    "hourly_gone.slug": "what a statistic without hours was about",
    "hourly_series.slug": "what a statistic is about: a device, a model",
    "label.key": "an agent, a context, a kind of error, where it came from, who recorded it",
    "ledger.swept": "a hash of a request's id, or none",
    "ledger.zone": "the home's time zone",
    "model.key": "the model",
    "model.name": "the model",
    "model.provider": "the provider",
    "notice.key": "what an announcement was about",
    "notice.kind": "what was announced",
    "rate.currency": "a currency",
    "rate.key": "the model",
    "rate.model": "the model",
    "rate.notes": "a note on a price",
    "rate.provider": "the provider",
    "request.hash": "a hash of the request's id",
    "tag.key": "the tag",
    "tag_set.key": "tags",
    "user.key": "the user",
}
CONTENT = (
    "prompt",
    "prompts",
    "messages",
    "input",
    "response",
    "completion",
    "choices",
    "content",
    "text",
    "output",
    "system",
    "arguments",
    "tools",
)


def test_the_file_has_no_place_for_what_was_said(hass: HomeAssistant, client: Client) -> None:
    with closing(sqlite3.connect(database(hass))) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        places = {
            f"{table}.{column}"
            for (table,) in tables
            for _, column, kind, *_ in db.execute(f"PRAGMA table_info({table})")
            if kind not in {"INTEGER", "REAL"}
        }
    assert places == set(TEXTS)


@pytest.mark.parametrize("field", CONTENT)
async def test_what_was_said_is_refused(hass: HomeAssistant, client: Client, field: str) -> None:
    await stored(client)
    said = usage(**{field: "dear diary"})
    async with unchanged(hass):
        for body, named in ((said, field), ({"events": [usage(), said]}, f"events[1].{field}")):
            status, told = await post(client, body)
            assert (status, told["field"]) == (HTTPStatus.BAD_REQUEST, named)
        with pytest.raises(HomeAssistantError):
            await act(hass, "record_usage", said)
    assert b"dear diary" not in database(hass).read_bytes()


@pytest.mark.parametrize("options", [{"keep_metadata": False}])
async def test_metadata_that_is_not_kept_is_nowhere(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry
) -> None:
    event = await stored(client, metadata={"note": "dear diary"})
    assert event["metadata"] is None
    await hass.config_entries.async_unload(entry.entry_id)
    for file in database(hass).parent.glob("llm_analytics.db*"):
        assert b"dear diary" not in file.read_bytes()


# What is said of it where others read


async def test_nothing_personal_is_logged_even_for_debugging(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    client: Client,
    member_client: Client,
    member: MockUser,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    event = await stored(client, **PERSONAL)
    await post(client, usage(**PERSONAL | {"tokens_prompt": -1}))
    await post(client, usage(**PERSONAL | {"tokens_prompt": 5}))
    await post(member_client, {"events": [usage(**PERSONAL | {"request_id": None})]})
    await act(hass, "record_usage", usage(**PERSONAL), context=Context(user_id=member.id))
    asked = {name: PERSONAL[name] for name in ("device_ip", "endpoint", "user_id", "model")}
    for name, value in (asked | {"tag": "doctor"}).items():
        for path in ("usage", "dashboard", "reports", "trends/usage", "reports/export/csv"):
            await client.get(f"{PREFIXES[0]}/{path}", params={name: value})
    for path in ("usage", "usage/device/192.168.77.20", "stats/users", "cost/rates", "health"):
        assert (await get(client, path))[0] == HTTPStatus.OK
    await post(client, {"provider": "garage-box", "model": "alexlm"}, "cost/rates")
    rate = {"prompt_per_1m": 1, "response_per_1m": 2, "notes": "diary", "reprice": True}
    await post(client, rate | {"provider": "garage-box", "model": "alexlm"}, "cost/rates")
    writer = entry.runtime_data.analytics.ledger.db
    await writer.run(lambda db: db.execute("PRAGMA query_only = ON"))
    assert (await post(client, usage(**PERSONAL | {"request_id": "x"})))[0] == 503
    await client.delete(f"{PREFIXES[0]}/usage/{event['id']}")
    await writer.run(lambda db: db.execute("PRAGMA query_only = OFF"))
    await act(hass, "forget", {"user_id": "alex@example.com"})
    await act(hass, "forget", {"device_ip": "192.168.77.20", "delete": True})
    await entry.runtime_data.async_refresh()
    await hass.config_entries.async_reload(entry.entry_id)
    ours = [
        record.getMessage() + (record.exc_text or "")
        for record in caplog.records
        if record.name.startswith(OURS)
    ]
    assert len(ours) > 100
    for word in WORDS:
        assert not [line for line in ours if word.lower() in line.lower()]
