"""The opt-in refresh of the price catalogue: checked as a whole, kept, never half applied."""

from datetime import timedelta
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.llm_analytics.const import CATALOGUE_URL, DOMAIN

ON = {"catalogue": True, "catalogue_refresh": True}
KEY = f"{DOMAIN}.catalogue"


def published(price: float = 7.5, *, without: str | None = None) -> str:
    """Return a data file in which each large provider has one model."""
    return json.dumps(
        [
            {
                "id": provider,
                "name": provider.title(),
                "api_pattern": f"https://api\\.{provider}\\.example",
                "models": [
                    {
                        "id": "brand-new",
                        "match": {"equals": "brand-new"},
                        "prices": {"input_mtok": price, "output_mtok": 20},
                    }
                ],
            }
            for provider in ("anthropic", "google", "mistral", "openai")
            if provider != without
        ]
    )


async def set_up(hass: HomeAssistant, options: dict[str, Any]) -> MockConfigEntry:
    entry = MockConfigEntry(domain=DOMAIN, options=options)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def prompt_price(hass: HomeAssistant) -> float | None:
    """Return what a million prompt tokens of the new model cost, None if that is unknown."""
    answer: Any = await hass.services.async_call(
        DOMAIN,
        "get_statistics",
        {"query": "cost/rates", "parameters": {"all": True, "provider": "openai"}},
        blocking=True,
        return_response=True,
    )
    found = [rate["prompt_per_1m"] for rate in answer["rates"] if rate["model"] == "brand-new"]
    return found[0] if found else None


@pytest.mark.usefixtures("enable_custom_integrations")
@pytest.mark.parametrize(
    "options",
    [{}, {"catalogue_refresh": False}, {"catalogue": False, "catalogue_refresh": True}],
    ids=["by default", "switched off", "without the catalogue"],
)
async def test_nothing_is_fetched_unless_asked_for(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, options: dict[str, Any]
) -> None:
    await set_up(hass, options)
    assert aioclient_mock.call_count == 0


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_newest_prices_are_used_and_kept_for_a_start_without_network(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, hass_storage: dict[str, Any]
) -> None:
    aioclient_mock.get(CATALOGUE_URL, text=published())
    entry = await set_up(hass, ON)
    assert await prompt_price(hass) == 7.5
    assert json.loads(hass_storage[KEY]["data"]["data"]) == json.loads(published())

    aioclient_mock.clear_requests()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert aioclient_mock.call_count == 0
    assert await prompt_price(hass) == 7.5


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_prices_are_fetched_again_every_day(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, freezer: FrozenDateTimeFactory
) -> None:
    aioclient_mock.get(CATALOGUE_URL, text=published())
    await set_up(hass, ON)
    aioclient_mock.clear_requests()
    aioclient_mock.get(CATALOGUE_URL, text=published(3))
    freezer.tick(timedelta(days=1, seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await prompt_price(hass) == 3


@pytest.mark.usefixtures("enable_custom_integrations")
@pytest.mark.parametrize(
    "answer",
    [
        {"text": published(9, without="google")},
        {"text": published(9)[:-20]},
        {"text": "[]"},
        {"text": '{"no": "list"}'},
        {"text": '[{"id": "openai"}]'},
        {"text": "[" * 100_000},
        {"content": b"\xff\xfe"},
        {"status": 500},
        {"exc": TimeoutError()},
    ],
    ids=["missing", "truncated", "empty", "object", "fields", "deep", "bytes", "status", "timeout"],
)
async def test_a_bad_catalogue_changes_nothing(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, Any],
) -> None:
    aioclient_mock.get(CATALOGUE_URL, text=published())
    await set_up(hass, ON)
    kept = hass_storage[KEY]["data"]
    aioclient_mock.clear_requests()
    aioclient_mock.get(CATALOGUE_URL, **answer)
    freezer.tick(timedelta(days=1, seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await prompt_price(hass) == 7.5
    assert hass_storage[KEY]["data"] == kept
    assert "The price catalogue" in caplog.text


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_an_answer_without_end_is_not_read_to_its_end(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("custom_components.llm_analytics.catalogue_refresh._MAX_BYTES", 100)
    aioclient_mock.get(CATALOGUE_URL, text=published())
    await set_up(hass, ON)
    assert await prompt_price(hass) is None
    assert KEY not in hass_storage
    assert "more than 100 bytes" in caplog.text
