"""The cost of Home Assistant itself: a view that only parses JSON, and a heartbeat of the loop.

It is installed in both instances that are measured, with and without the integration.
"""

from http import HTTPStatus
import time

from aiohttp import web
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .heartbeat import Heartbeat

DOMAIN = "benchmark_yardstick"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


class ParsingView(HomeAssistantView):
    """View that parses the JSON in the request and returns it."""

    url = f"/api/{DOMAIN}/usage"
    name = f"api:{DOMAIN}:usage"

    async def post(self, request: web.Request) -> web.Response:
        """Handle the same requests as the product."""
        return self.json(await request.json(), HTTPStatus.CREATED)


class HoldView(HomeAssistantView):
    """View that returns the longest time that the loop was blocked since the last request."""

    url = f"/api/{DOMAIN}/hold"
    name = f"api:{DOMAIN}:hold"

    def __init__(self, heart: Heartbeat) -> None:
        """Initialize the view with the heartbeat."""
        self._heart = heart

    async def get(self, _: web.Request) -> web.Response:
        """Return the time in ms, and reset it."""
        longest, self._heart.longest = self._heart.longest, 0.0
        return self.json({"ms": longest})


class ReloadView(HomeAssistantView):
    """View that reloads a config entry."""

    url = f"/api/{DOMAIN}/reload/{{domain}}"
    name = f"api:{DOMAIN}:reload"

    async def post(self, request: web.Request, domain: str) -> web.Response:
        """Reload the entry and return the duration of unload and set-up in ms."""
        entries = request.app[KEY_HASS].config_entries
        entry = entries.async_entries(domain)[0]
        start = time.perf_counter()
        await entries.async_unload(entry.entry_id)
        unloaded = time.perf_counter()
        await entries.async_setup(entry.entry_id)
        ready = time.perf_counter()
        return self.json(
            {"unload": (unloaded - start) * 1_000, "setup": (ready - unloaded) * 1_000}
        )


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the views and start the heartbeat."""
    heart = Heartbeat()
    await heart.__aenter__()
    for view in (ParsingView(), HoldView(heart), ReloadView()):
        hass.http.register_view(view)
    return True
