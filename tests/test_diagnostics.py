"""Diagnostics tell how the ledger is doing, and nothing about anybody."""

import json
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .conftest import ClientFactory
from .helpers import PREFIXES, usage

PERSONAL: dict[str, Any] = {
    "device_ip": "192.168.77.20",
    "provider": "garage-box",
    "model": "alexlm",
    "device_name": "Alex's tablet",
    "endpoint": "diary/assistant",
    "user_id": "alex@example.com",
    "agent": "Bedroom assistant",
    "context": "automation.when_alex_sleeps",
    "tags": ["doctor"],
    "request_id": "req-4711",
    "error_type": "refused",
    "status": "error",
    "metadata": {"prompt": "dear diary"},
}
WORDS = [
    "192.168.77.20",
    "tablet",
    "diary",
    "alex",
    "Bedroom",
    "doctor",
    "req-4711",
    "refused",
    "my-own-host",
    "garage-box",
]


@pytest.fixture
def options() -> dict[str, Any]:
    """Return options that name a machine at home."""
    return {"retention_days": 90, "free_providers": ["ollama", "my-own-host"]}


async def diagnostics(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientFactory
) -> dict[str, Any]:
    """Download the diagnostics as a user does."""
    assert await async_setup_component(hass, "diagnostics", {})
    client = await hass_client()
    await client.post(f"{PREFIXES[0]}/usage", json=usage(**PERSONAL))
    await hass.async_block_till_done()
    response = await client.get(f"/api/diagnostics/config_entry/{entry.entry_id}")
    assert response.status == 200
    found: dict[str, Any] = (await response.json())["data"]
    return found


async def test_the_state_of_the_ledger_is_told(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientFactory
) -> None:
    told = await diagnostics(hass, entry, hass_client)
    assert told["options"] == {"retention_days": 90, "free_providers": REDACTED}
    assert told["time_zone"] == "US/Pacific"
    assert told["health"]["status"] == "ok"
    assert told["health"]["events"] == 1
    assert told["health"]["schema_version"] == 4
    assert told["health"]["unpriced_models"] == REDACTED
    assert told["summary"]["today"]["requests"] == 1
    assert type(told["summary"]["today"]["cost_estimate"]) is float
    assert told["last_update_success"] is True


async def test_nothing_personal_is_told(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientFactory
) -> None:
    text = json.dumps(await diagnostics(hass, entry, hass_client)).lower()
    for word in WORDS:
        assert word.lower() not in text
    assert hass.config.config_dir.lower() not in text
