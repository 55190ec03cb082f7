"""Fixtures of the tests that need Home Assistant."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import Credentials
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import CLIENT_ID, MockConfigEntry, MockUser

import custom_components.llm_analytics  # noqa: F401 - before the plugin's own custom_components
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.coordinator import LlmAnalyticsCoordinator

from .helpers import Client

type ClientFactory = Callable[..., Coroutine[Any, Any, Client]]


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """Give every test a configuration folder of its own."""
    return str(tmp_path)


@pytest.fixture
def options() -> dict[str, Any]:
    """Return the entry's options; override to set some."""
    return {}


@pytest.fixture
async def entry(
    hass: HomeAssistant, enable_custom_integrations: None, options: dict[str, Any]
) -> AsyncGenerator[MockConfigEntry]:
    """Set the integration up in Home Assistant."""
    config_entry = MockConfigEntry(domain=DOMAIN, title="LLM Analytics", options=options)
    config_entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    yield config_entry
    if hass.config_entries.async_get_entry(config_entry.entry_id) is not None:
        await hass.config_entries.async_unload(config_entry.entry_id)


@pytest.fixture
def coordinator(entry: MockConfigEntry) -> LlmAnalyticsCoordinator:
    """Return the coordinator of the entry set up."""
    found: LlmAnalyticsCoordinator = entry.runtime_data
    return found


@pytest.fixture
async def client(entry: MockConfigEntry, hass_client: ClientFactory) -> Client:
    """Return an administrator's HTTP client."""
    return await hass_client()


@pytest.fixture
async def member(hass: HomeAssistant) -> MockUser:
    """Return a user who is no administrator."""
    group = await hass.auth.async_get_group(GROUP_ID_USER)
    assert group is not None
    return MockUser(groups=[group]).add_to_hass(hass)


@pytest.fixture
async def member_client(
    hass: HomeAssistant, entry: MockConfigEntry, member: MockUser, hass_client: ClientFactory
) -> Client:
    """Return the HTTP client of a user who is no administrator."""
    credential = Credentials(
        auth_provider_type="homeassistant", auth_provider_id=None, data={"username": "member"}
    )
    await hass.auth.async_link_user(member, credential)
    token = await hass.auth.async_create_refresh_token(member, CLIENT_ID, credential=credential)
    return await hass_client(hass.auth.async_create_access_token(token))


@pytest.fixture
async def reader_client(
    entry: MockConfigEntry, hass_read_only_access_token: str, hass_client: ClientFactory
) -> Client:
    """Return the HTTP client of a user who may only read."""
    return await hass_client(hass_read_only_access_token)
