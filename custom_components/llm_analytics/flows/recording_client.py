"""The subentry flow for recording clients.

The URL of the webhook contains the secret of the client. It is shown before the client is saved,
and again whenever the client is changed.
"""

from collections.abc import Mapping
import json
from typing import Any, Final

from homeassistant.components import webhook
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_DEVICE_ID, CONF_NAME, CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError
from homeassistant.helpers.selector import (
    BooleanSelector,
    DeviceSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from ..analytics import MAX_TAGS
from ..const import (
    CONF_DEVICE_IP,
    CONF_LOCAL_ONLY,
    CONF_REQUESTS_PER_MINUTE,
    CONF_TAGS,
    CONF_USER_ID,
)
from ..contract.schemas import DEVICE_ID, DEVICE_IP
from ..contract.validators import Leaf, Tags, Text

CONF_NEW_SECRET: Final = "new_secret"  # noqa: S105 - the name of a field
DEFAULT_REQUESTS_PER_MINUTE: Final = 600
MAX_REQUESTS_PER_MINUTE: Final = 60_000

CLIENT_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): TextSelector(),
        vol.Required(CONF_LOCAL_ONLY, default=True): BooleanSelector(),
        vol.Required(CONF_REQUESTS_PER_MINUTE, default=DEFAULT_REQUESTS_PER_MINUTE): NumberSelector(
            NumberSelectorConfig(
                min=1, max=MAX_REQUESTS_PER_MINUTE, step=1, mode=NumberSelectorMode.BOX
            )
        ),
        vol.Optional(CONF_DEVICE_ID): DeviceSelector(),
        vol.Optional(CONF_DEVICE_IP): TextSelector(),
        vol.Optional(CONF_USER_ID): SelectSelector(
            SelectSelectorConfig(options=[], custom_value=True)
        ),
        vol.Optional(CONF_TAGS, default=list): TextSelector(TextSelectorConfig(multiple=True)),
    }
)
RECONFIGURE_SCHEMA: Final = CLIENT_SCHEMA.extend(
    {vol.Required(CONF_NEW_SECRET, default=False): BooleanSelector()}
)

# The validators of the settings, as for usage events, and the error for an invalid value.
_CHECKS: Final[dict[str, tuple[Leaf, str]]] = {
    CONF_NAME: (Text(1, 100), "invalid_name"),
    CONF_DEVICE_ID: (DEVICE_ID, "invalid_device"),
    CONF_DEVICE_IP: (DEVICE_IP, "invalid_ip"),
    CONF_USER_ID: (Text(1, 255), "invalid_user"),
    CONF_TAGS: (Tags(MAX_TAGS), "invalid_tags"),
}


def checked(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings of a client as they are stored, and the errors by field."""
    kept = {name: value for name, value in given.items() if value != ""}
    kept[CONF_REQUESTS_PER_MINUTE] = int(kept[CONF_REQUESTS_PER_MINUTE])
    errors = {}
    for name in kept.keys() & _CHECKS.keys():
        leaf, error = _CHECKS[name]
        try:
            kept[name] = leaf(kept[name])
        except vol.Invalid:
            errors[name] = error
    if not kept.get(CONF_NAME, "").strip():
        errors[CONF_NAME] = "invalid_name"
    if CONF_DEVICE_ID in kept and CONF_DEVICE_IP in kept:
        errors[CONF_DEVICE_IP] = "two_devices"
    return kept, errors


def address(hass: HomeAssistant, client: Mapping[str, Any]) -> str:
    """Return the webhook URL of a client, or only its path if no URL is available."""
    try:
        return webhook.async_generate_url(
            hass, client[CONF_WEBHOOK_ID], prefer_external=not client[CONF_LOCAL_ONLY]
        )
    except NoURLAvailableError:
        return webhook.async_generate_path(client[CONF_WEBHOOK_ID])


def example(client: Mapping[str, Any]) -> str:
    """Return an example of a body that the client may send."""
    fixed = CONF_DEVICE_ID in client or CONF_DEVICE_IP in client
    device = {} if fixed else {CONF_DEVICE_IP: "192.168.1.20"}
    usage = {"endpoint": "chat", "model": "openai/gpt-4o", "tokens_prompt": 9, "tokens_response": 9}
    return json.dumps(device | usage)


class ClientFlow(ConfigSubentryFlow):
    """Flow that adds or changes a recording client."""

    _title: str
    _client: dict[str, Any]

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the settings of a new client, then show its URL."""
        if user_input is None:
            return await self._async_form("user", CLIENT_SCHEMA, {})
        kept, errors = checked(user_input)
        if errors:
            return await self._async_form("user", CLIENT_SCHEMA, user_input, errors)
        self._keep(kept, webhook.async_generate_id())
        return await self.async_step_address()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the URL of a client, change its settings, or give it a new secret."""
        subentry = self._get_reconfigure_subentry()
        known = {"url": address(self.hass, subentry.data)}
        if user_input is None:
            suggested = {CONF_NAME: subentry.title, **subentry.data}
            return await self._async_form("reconfigure", RECONFIGURE_SCHEMA, suggested, None, known)
        kept, errors = checked(user_input)
        if errors:
            return await self._async_form(
                "reconfigure", RECONFIGURE_SCHEMA, user_input, errors, known
            )
        if kept.pop(CONF_NEW_SECRET):
            self._keep(kept, webhook.async_generate_id())
            return await self.async_step_address()
        self._keep(kept, subentry.data[CONF_WEBHOOK_ID])
        return self._saved()

    async def async_step_address(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the URL with the new secret, then save the client."""
        if user_input is not None:
            return self._saved()
        return self.async_show_form(
            step_id="address",
            data_schema=vol.Schema({}),
            description_placeholders={
                "url": address(self.hass, self._client),
                "example": example(self._client),
            },
            last_step=True,
        )

    def _keep(self, kept: dict[str, Any], webhook_id: str) -> None:
        self._title = kept.pop(CONF_NAME).strip()
        self._client = {CONF_WEBHOOK_ID: webhook_id, **kept, CONF_TAGS: [*kept[CONF_TAGS]]}

    def _saved(self) -> SubentryFlowResult:
        if self.source == SOURCE_USER:
            return self.async_create_entry(title=self._title, data=self._client)
        return self.async_update_and_abort(
            self._get_entry(),
            self._get_reconfigure_subentry(),
            title=self._title,
            data=self._client,
        )

    async def _async_form(
        self,
        step: str,
        schema: vol.Schema,
        suggested: Mapping[str, Any],
        errors: dict[str, str] | None = None,
        placeholders: Mapping[str, str] | None = None,
    ) -> SubentryFlowResult:
        users = [
            SelectOptionDict(value=user.id, label=user.name or user.id)
            for user in await self.hass.auth.async_get_users()
            if not user.system_generated
        ]
        offered = {
            CONF_USER_ID: SelectSelector(SelectSelectorConfig(options=users, custom_value=True))
        }
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(
                    {marker: offered.get(marker, leaf) for marker, leaf in schema.schema.items()}
                ),
                suggested,
            ),
            errors=errors or {},
            description_placeholders=placeholders,
        )
