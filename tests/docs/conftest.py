"""The moment and the home of the pages."""

from decimal import Decimal
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics.analytics import ExchangeRate

from .household import NOW, ZONE, furnish, record_household


@pytest.fixture
async def fixed_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Let it be the pages' moment in the pages' home."""
    caplog.set_level(logging.CRITICAL, "aiohttp.access")  # which cannot tell a fixed time
    await hass.config.async_set_time_zone(str(ZONE))
    freezer.move_to(NOW)


@pytest.fixture
def options() -> dict[str, Any]:
    """Return the household's options: it counts in euros too."""
    return {"currency": "EUR"}


@pytest.fixture
async def furnished(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Furnish the home, in which nothing is recorded yet."""
    furnish(hass)
    await entry.runtime_data.analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal("1.15")))


@pytest.fixture
async def home(entry: MockConfigEntry, furnished: None) -> None:
    """Furnish the home and record the household."""
    await record_household(entry)
