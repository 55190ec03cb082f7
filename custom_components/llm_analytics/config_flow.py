"""Config flow and options flow of the integration; the subentry flows are in ``flows``.

A new option has its key in ``const``, its field in ``OPTIONS_SCHEMA``, and its use in
``home.options`` or ``coordinator``.
"""

import os
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlowWithReload,
)
from homeassistant.core import callback
from homeassistant.generated.currencies import ACTIVE_CURRENCIES
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from .analytics import FREE_PROVIDERS, KeepPerson, normal_provider
from .const import (
    CONF_ANOMALY_THRESHOLD,
    CONF_CATALOGUE,
    CONF_CATALOGUE_REFRESH,
    CONF_CURRENCY,
    CONF_FREE_PROVIDERS,
    CONF_KEEP_DETAILS,
    CONF_KEEP_METADATA,
    CONF_KEEP_PERSON,
    CONF_READERS,
    CONF_RETENTION_DAYS,
    CONF_STATISTICS,
    DEFAULT_ANOMALY_THRESHOLD,
    DEFAULT_RETENTION_DAYS,
    DOMAIN,
    MAX_ANOMALY_THRESHOLD,
    MAX_RETENTION_DAYS,
    MIN_ANOMALY_THRESHOLD,
    MIN_RETENTION_DAYS,
    SUBENTRY_BUDGET,
    SUBENTRY_CLIENT,
    SUBENTRY_TRACKED,
)
from .contract.access import Readers
from .coordinator import LlmAnalyticsConfigEntry
from .flows.budget import BudgetFlow
from .flows.recording_client import ClientFlow
from .flows.tracked_usage import TrackedFlow
from .home.ledger_file import async_ledger_size

STORAGE_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_RETENTION_DAYS, default=DEFAULT_RETENTION_DAYS): NumberSelector(
            NumberSelectorConfig(
                min=0,
                max=MAX_RETENTION_DAYS,
                step=1,
                unit_of_measurement="d",
                mode=NumberSelectorMode.BOX,
            )
        ),
        vol.Required(CONF_KEEP_DETAILS, default=True): BooleanSelector(),
        vol.Required(CONF_KEEP_METADATA, default=True): BooleanSelector(),
    }
)
PRICES_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_CATALOGUE, default=True): BooleanSelector(),
        vol.Required(CONF_CATALOGUE_REFRESH, default=False): BooleanSelector(),
        vol.Required(CONF_FREE_PROVIDERS, default=list(FREE_PROVIDERS)): SelectSelector(
            SelectSelectorConfig(options=sorted(FREE_PROVIDERS), multiple=True, custom_value=True)
        ),
    }
)
# Without a currency, or with USD, costs are shown in US dollars only.
CURRENCY_SCHEMA = vol.Schema(
    {
        vol.Optional(CONF_CURRENCY): SelectSelector(
            SelectSelectorConfig(
                options=sorted(ACTIVE_CURRENCIES), mode=SelectSelectorMode.DROPDOWN
            )
        ),
    }
)
ANOMALY_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_ANOMALY_THRESHOLD, default=DEFAULT_ANOMALY_THRESHOLD): NumberSelector(
            NumberSelectorConfig(
                min=MIN_ANOMALY_THRESHOLD,
                max=MAX_ANOMALY_THRESHOLD,
                step=0.1,
                mode=NumberSelectorMode.BOX,
            )
        ),
    }
)
STATISTICS_SCHEMA = vol.Schema({vol.Required(CONF_STATISTICS, default=True): BooleanSelector()})
PRIVACY_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_READERS, default=Readers.EVERYBODY.value): SelectSelector(
            SelectSelectorConfig(options=[*Readers], translation_key=CONF_READERS)
        ),
        vol.Required(CONF_KEEP_PERSON, default=KeepPerson.EVERYTHING.value): SelectSelector(
            SelectSelectorConfig(options=[*KeepPerson], translation_key=CONF_KEEP_PERSON)
        ),
    }
)
OPTIONS_SCHEMA = vol.Schema(
    STORAGE_SCHEMA.schema
    | PRICES_SCHEMA.schema
    | CURRENCY_SCHEMA.schema
    | ANOMALY_SCHEMA.schema
    | STATISTICS_SCHEMA.schema
    | PRIVACY_SCHEMA.schema
)


def checked(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the options as they are stored, and the errors by field."""
    days = int(options[CONF_RETENTION_DAYS])
    kept = options | {CONF_RETENTION_DAYS: days}
    if kept.get(CONF_CURRENCY) == "USD":
        del kept[CONF_CURRENCY]
    if CONF_FREE_PROVIDERS in options:
        kept[CONF_FREE_PROVIDERS] = sorted(
            {normal_provider(name) for name in options[CONF_FREE_PROVIDERS]}
        )
    errors = {}
    if days and not MIN_RETENTION_DAYS <= days <= MAX_RETENTION_DAYS:
        errors[CONF_RETENTION_DAYS] = "retention_range"
    return kept, errors


# The flow that adds and changes each type of subentry.
SUBENTRY_FLOWS: dict[str, type[ConfigSubentryFlow]] = {
    SUBENTRY_CLIENT: ClientFlow,
    SUBENTRY_BUDGET: BudgetFlow,
    SUBENTRY_TRACKED: TrackedFlow,
}


class LlmAnalyticsConfigFlow(ConfigFlow, domain=DOMAIN):
    """Config flow for LLM Analytics, which has a single entry."""

    VERSION = 1
    _found: dict[str, str] | None = None

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: LlmAnalyticsConfigEntry) -> LlmAnalyticsOptionsFlow:
        """Return the options flow."""
        return LlmAnalyticsOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the subentry flows by type."""
        return SUBENTRY_FLOWS

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the storage options of a new ledger, or of an existing ledger file."""
        size = await async_ledger_size(self.hass)
        if size is not None:
            self._found = {"size": size}
            return await self.async_step_found(user_input)
        return await self._async_set_up("user", user_input)

    async def async_step_found(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the storage options of the ledger file that was found."""
        return await self._async_set_up("found", user_input)

    async def _async_set_up(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Ask for the storage options; all other options have defaults."""
        errors: dict[str, str] = {}
        if user_input is not None:
            options, errors = checked(user_input)
            if not errors and not await self._async_folder_is_writable():
                errors["base"] = "not_writable"
            if not errors:
                return self.async_create_entry(title="LLM Analytics", data={}, options=options)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(STORAGE_SCHEMA, user_input or {}),
            description_placeholders=self._found,
            errors=errors,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the storage options."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            options, errors = checked(user_input)
            if not errors:
                return self.async_update_reload_and_abort(
                    entry, options={**entry.options, **options}
                )
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                STORAGE_SCHEMA, user_input or entry.options
            ),
            errors=errors,
        )

    async def _async_folder_is_writable(self) -> bool:
        folder = self.hass.config.config_dir
        return await self.hass.async_add_executor_job(os.access, folder, os.W_OK)


class LlmAnalyticsOptionsFlow(OptionsFlowWithReload):
    """Options flow, which reloads the entry after a change."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show all options on one page."""
        errors: dict[str, str] = {}
        if user_input is not None:
            options, errors = checked(user_input)
            if not errors:
                return self.async_create_entry(data=options)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                OPTIONS_SCHEMA, user_input or self.config_entry.options
            ),
            description_placeholders={CONF_CURRENCY: self.hass.config.currency},
            errors=errors,
        )
