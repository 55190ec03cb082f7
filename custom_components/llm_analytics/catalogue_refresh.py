"""The daily refresh of the price catalogue, if it is enabled in the options.

The newest catalogue is fetched with Home Assistant's client session and validated as a whole. A
valid one is used, and stored so that the next start does not need the network. If anything is
wrong with it, the current catalogue stays in use.
"""

from datetime import datetime, timedelta
import logging
from typing import Any, Final

from aiohttp import ClientError, ClientResponse, ClientTimeout
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .analytics import Analytics, AnalyticsError, Catalogue
from .const import CATALOGUE_URL, DOMAIN

_LOGGER = logging.getLogger(__name__)

_VERSION: Final = 1
_KEY: Final = f"{DOMAIN}.catalogue"
_EVERY: Final = timedelta(days=1)
_TIMEOUT: Final = ClientTimeout(total=60)
_MAX_BYTES: Final = 32 * 1024 * 1024


async def _bounded_body(response: ClientResponse) -> bytes:
    """Return the body of a response. Raises ValueError if it is too large for a catalogue."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
    return bytes(body)


async def async_remove_kept(hass: HomeAssistant) -> None:
    """Remove the stored catalogue."""
    await Store[dict[str, Any]](hass, _VERSION, _KEY).async_remove()


class CatalogueRefresh:
    """Keeps the price catalogue of a ledger up to date."""

    def __init__(self, hass: HomeAssistant, analytics: Analytics) -> None:
        """Initialize; nothing is fetched yet."""
        self._hass = hass
        self._analytics = analytics
        self._store = Store[dict[str, Any]](hass, _VERSION, _KEY)

    async def async_start(self) -> None:
        """Use the stored catalogue; fetch a new one if it is missing or at least a day old."""
        kept = await self._store.async_load()
        fetched = dt_util.parse_datetime(kept["fetched"]) if kept else None
        if kept is not None:
            await self._async_use(kept["data"].encode())
        if fetched is None or dt_util.utcnow() - fetched >= _EVERY:
            await self.async_refresh()

    async def async_refresh(self, _: datetime | None = None) -> None:
        """Fetch the newest catalogue, validate it, use it and store it."""
        try:
            async with async_get_clientsession(self._hass).get(
                CATALOGUE_URL, timeout=_TIMEOUT
            ) as response:
                response.raise_for_status()
                text = await _bounded_body(response)
        except (ClientError, TimeoutError, ValueError) as error:
            _LOGGER.warning("The price catalogue could not be fetched: %s", error)
            return
        if await self._async_use(text):
            await self._store.async_save(
                {"fetched": dt_util.utcnow().isoformat(), "data": text.decode()}
            )

    async def _async_use(self, text: bytes) -> bool:
        try:
            catalogue = await self._hass.async_add_executor_job(
                Catalogue.parse, text, dt_util.utcnow()
            )
            await self._analytics.costs.set_catalogue(catalogue)
        except AnalyticsError as error:
            _LOGGER.warning("The price catalogue was not taken: %s", error)
            return False
        return True
