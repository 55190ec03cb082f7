"""Recording clients: each has its own webhook, which can only record usage.

The webhooks depend on the subentries, not on the state of the entry: Home Assistant answers an
unregistered webhook with an empty 200, which a client must not take for a receipt while the ledger
is only being reloaded. They are registered when the integration is set up, answer 503 while the
ledger is not loaded, and are removed as soon as their client is removed or gets a new secret.
"""

from dataclasses import dataclass
from http import HTTPStatus
import logging
import time
from typing import Any

from aiohttp import hdrs, web
from homeassistant.components import webhook
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigSubentry,
)
from homeassistant.const import CONF_DEVICE_ID, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from ..analytics import MAX_BATCH, AnalyticsError, RateLimit
from ..const import (
    CONF_DEVICE_IP,
    CONF_LOCAL_ONLY,
    CONF_REQUESTS_PER_MINUTE,
    CONF_TAGS,
    CONF_USER_ID,
    DOMAIN,
    SUBENTRY_CLIENT,
)
from ..contract.usage_events import Origin
from ..coordinator import loaded_entry
from .recording import RefusedError, async_record, error_response, not_loaded, read_json, refusal

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Client:
    """A recording client with the settings of its subentry."""

    name: str
    local_only: bool
    requests_per_minute: int
    origin: Origin

    @classmethod
    def of(cls, subentry: ConfigSubentry) -> Client:
        """Return the client of a subentry."""
        data = subentry.data
        fixed: dict[str, str | None] = {}
        if CONF_DEVICE_IP in data or CONF_DEVICE_ID in data:
            fixed = {name: data.get(name) for name in (CONF_DEVICE_IP, CONF_DEVICE_ID)}
        if CONF_USER_ID in data:
            fixed[CONF_USER_ID] = data[CONF_USER_ID]
        return cls(
            name=subentry.title,
            local_only=data[CONF_LOCAL_ONLY],
            requests_per_minute=data[CONF_REQUESTS_PER_MINUTE],
            origin=Origin(
                source="webhook",
                recorded_by=subentry.subentry_id,
                fixed=tuple(fixed.items()),
                tags=tuple(data[CONF_TAGS]),
            ),
        )


class Webhooks:
    """The webhooks of all recording clients."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize without webhooks."""
        self._hass = hass
        self._clients: dict[str, tuple[Client, RateLimit]] = {}

    @callback
    def async_follow(self, *_: object) -> None:
        """Register and unregister webhooks to match the current clients."""
        wanted = {
            subentry.data[CONF_WEBHOOK_ID]: Client.of(subentry)
            for entry in self._hass.config_entries.async_entries(DOMAIN)
            for subentry in entry.get_subentries_of_type(SUBENTRY_CLIENT)
        }
        for webhook_id in [*self._clients]:
            if wanted.get(webhook_id) != self._clients[webhook_id][0]:
                webhook.async_unregister(self._hass, webhook_id)
                del self._clients[webhook_id]
        for webhook_id, client in wanted.items():
            if webhook_id not in self._clients:
                self._register(webhook_id, client)

    def _register(self, webhook_id: str, client: Client) -> None:
        allowance = RateLimit(client.requests_per_minute, clock=time.monotonic_ns)
        self._clients[webhook_id] = client, allowance
        webhook.async_register(
            self._hass,
            DOMAIN,
            client.name,
            webhook_id,
            self._async_handle,
            local_only=client.local_only,
            allowed_methods=[hdrs.METH_POST],
        )

    async def _async_handle(
        self, hass: HomeAssistant, webhook_id: str, request: web.Request
    ) -> web.Response:
        """Handle a request without raising, because Home Assistant answers exceptions with 200."""
        _, allowance = self._clients[webhook_id]
        try:
            if wait := allowance.wait():
                return _too_many(wait)
            body = await _read(request, allowance)
            return await self._async_record(hass, webhook_id, body)
        except (AnalyticsError, RefusedError) as error:
            return refusal(error)
        except Exception:
            _LOGGER.exception("A recording client's request failed")
            return error_response("internal error", HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _async_record(self, hass: HomeAssistant, webhook_id: str, body: Any) -> web.Response:
        """Record a body.

        The client and its rate limit are checked again: while the body was read, other requests
        may have arrived or the client may have been removed.
        """
        if (found := self._clients.get(webhook_id)) is None:
            return web.Response()
        client, allowance = found
        if wait := allowance.wait():
            return _too_many(wait)
        allowance.charge(_requests(body))
        if (entry := loaded_entry(hass)) is None:
            raise not_loaded()
        return await async_record(entry.runtime_data.analytics, body, client.origin, reads=False)


async def _read(request: web.Request, allowance: RateLimit) -> Any:
    """Return the body of a request; an unreadable one also counts towards the rate limit."""
    try:
        return await read_json(request)
    except AnalyticsError, RefusedError:
        allowance.charge(1)
        raise


def _too_many(wait: int) -> web.Response:
    response = error_response(
        f"too many requests in a minute; try again in {wait} s", HTTPStatus.TOO_MANY_REQUESTS
    )
    response.headers[hdrs.RETRY_AFTER] = str(wait)
    return response


def _requests(body: Any) -> int:
    """Return how many requests a body counts as, whether they are valid or not."""
    events = body.get("events") if isinstance(body, dict) else None
    return min(max(len(events), 1), MAX_BATCH) if isinstance(events, list) else 1


@callback
def async_setup_clients(hass: HomeAssistant) -> None:
    """Register the webhooks and update them when clients change, until Home Assistant stops."""
    webhooks = Webhooks(hass)

    @callback
    def async_changed(_: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN:
            webhooks.async_follow()

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, async_changed)
    webhooks.async_follow()
