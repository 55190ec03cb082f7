"""What Home Assistant itself costs: a view that only parses JSON, and a heartbeat of its loop.

Put into the Home Assistant that is measured, with the integration and without it.
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
    """Parses the JSON that is sent, and says so."""

    url = f"/api/{DOMAIN}/usage"
    name = f"api:{DOMAIN}:usage"

    async def post(self, request: web.Request) -> web.Response:
        """Take what the product takes."""
        return self.json(await request.json(), HTTPStatus.CREATED)


class HoldView(HomeAssistantView):
    """Tells how long the loop was held at most since the last time it was asked."""

    url = f"/api/{DOMAIN}/hold"
    name = f"api:{DOMAIN}:hold"

    def __init__(self, heart: Heartbeat) -> None:
        """Remember whose heart it is."""
        self._heart = heart

    async def get(self, _: web.Request) -> web.Response:
        """Return it in ms, and begin anew."""
        longest, self._heart.longest = self._heart.longest, 0.0
        return self.json({"ms": longest})


class ReloadView(HomeAssistantView):
    """Sets a config entry up again."""

    url = f"/api/{DOMAIN}/reload/{{domain}}"
    name = f"api:{DOMAIN}:reload"

    async def post(self, request: web.Request, domain: str) -> web.Response:
        """Return how many ms unloading and set-up took."""
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
    """Register the views and begin to beat."""
    heart = Heartbeat()
    await heart.__aenter__()
    for view in (ParsingView(), HoldView(heart), ReloadView()):
        hass.http.register_view(view)
    return True
