"""Requests in one line, and what is in the file."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from decimal import Decimal
import json
from pathlib import Path
import sqlite3
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant

from custom_components.llm_analytics.const import DATABASE, DOMAIN

type Client = TestClient[Any, Any]
type Row = tuple[Any, ...]

PREFIXES = ("/api/llm_analytics", "/api/analytics")


def usage(**given: Any) -> dict[str, Any]:
    """Return a valid event as REST takes it: 100 tokens in, 50 out, of OpenAI's gpt-4o."""
    return {
        "device_ip": "192.168.1.20",
        "endpoint": "conversation",
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_prompt": 100,
        "tokens_response": 50,
    } | given


def parsed(text: str) -> Any:
    """Return JSON with its numbers exactly as they are written."""
    return json.loads(text, parse_float=Decimal)


async def answer(response: ClientResponse) -> tuple[int, Any]:
    """Return a response's status and its JSON, numbers exact."""
    return response.status, parsed(await response.text())


async def get(client: Client, path: str, **query: str) -> tuple[int, Any]:
    """Ask the API."""
    return await answer(await client.get(f"{PREFIXES[0]}/{path}", params=query))


async def post(client: Client, body: Any, path: str = "usage") -> tuple[int, Any]:
    """Tell the API; ``bytes`` are sent as they are."""
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    return await answer(await client.post(f"{PREFIXES[0]}/{path}", **sent))


async def stored(client: Client, **given: Any) -> dict[str, Any]:
    """Record an event that must be stored, and return it."""
    status, event = await post(client, usage(**given))
    assert status == 201, event
    found: dict[str, Any] = event
    return found


async def act(hass: HomeAssistant, action: str, data: Mapping[str, Any], **how: Any) -> Any:
    """Call an action of the integration and wait for it."""
    return await hass.services.async_call(DOMAIN, action, dict(data), blocking=True, **how)


def database(hass: HomeAssistant) -> Path:
    """Return the ledger's file."""
    return Path(hass.config.path(DATABASE))


def rows(hass: HomeAssistant) -> dict[str, list[Row]]:
    """Return every row of every table, as another process sees them."""
    with closing(sqlite3.connect(database(hass))) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return {
            name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr)
            for (name,) in tables.fetchall()
        }


@asynccontextmanager
async def unchanged(hass: HomeAssistant) -> AsyncIterator[None]:
    """Hold that what is done inside changes not a single row."""
    before = await hass.async_add_executor_job(rows, hass)
    assert before["event"], "an empty ledger proves little"
    yield
    assert await hass.async_add_executor_job(rows, hass) == before


async def add_client(hass: HomeAssistant, entry: ConfigEntry, **given: Any) -> ConfigSubentry:
    """Add a recording client as a user does, and return its subentry."""
    flows = hass.config_entries.subentries
    form = await flows.async_init((entry.entry_id, "client"), context={"source": SOURCE_USER})
    form = await flows.async_configure(form["flow_id"], {"name": "Gateway"} | given)
    assert form["step_id"] == "address", form
    known = set(entry.subentries)
    await flows.async_configure(form["flow_id"], {})
    (added,) = set(entry.subentries) - known
    return entry.subentries[added]


def webhook_of(subentry: ConfigSubentry) -> str:
    """Return the path of a recording client's webhook."""
    return f"/api/webhook/{subentry.data['webhook_id']}"
