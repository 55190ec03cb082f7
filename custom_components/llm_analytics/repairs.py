"""Repair flows: set the price of a model, and delete a remaining ledger file."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
import voluptuous as vol

from .analytics import MAX_PRICE, AnalyticsError, Rate
from .const import DOMAIN
from .coordinator import LlmAnalyticsConfigEntry, loaded_entry
from .home.issues import UNPRICED_MODEL
from .home.ledger_file import async_delete_ledger

# A price that was missing also applies to everything that is already recorded.
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

_PRICE = NumberSelector(
    NumberSelectorConfig(
        min=0,
        max=float(MAX_PRICE),
        step="any",
        mode=NumberSelectorMode.BOX,
        unit_of_measurement="USD",
    )
)
# A required number field would be prefilled with 0, which is easily submitted by mistake.
_NEEDED: Final = ("prompt_per_1m", "response_per_1m")
PRICE_SCHEMA = vol.Schema({vol.Optional(name): _PRICE for name in (*_NEEDED, "cache_read_per_1m")})


class UnpricedModelFlow(RepairsFlow):
    """Flow that sets the price of a model and reprices the requests without one."""

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Handle the first step."""
        return await self.async_step_price()

    async def async_step_price(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask for the prices per million tokens."""
        errors: dict[str, str] = {}
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        placeholders = dict((issue and issue.translation_placeholders) or {})
        if user_input is not None:
            if (entry := loaded_entry(self.hass)) is None:
                return self.async_abort(reason="not_loaded")
            errors = {name: "price_missing" for name in _NEEDED if name not in user_input}
            try:
                if not errors:
                    await self._async_price(entry, user_input)
                    return self.async_create_entry(data={})
            except AnalyticsError as error:
                errors["base"] = "not_priced"
                placeholders["error"] = str(error)
        return self.async_show_form(
            step_id="price",
            data_schema=self.add_suggested_values_to_schema(PRICE_SCHEMA, user_input or {}),
            description_placeholders=placeholders,
            errors=errors,
        )

    async def _async_price(self, entry: LlmAnalyticsConfigEntry, prices: dict[str, Any]) -> None:
        assert self.data is not None
        analytics = entry.runtime_data.analytics
        given = {name: Decimal(str(price)) for name, price in prices.items()}
        rate = Rate(
            provider=str(self.data["provider"]),
            model=str(self.data["model"]),
            effective=_BEGINNING,
            prompt_per_1m=given["prompt_per_1m"],
            response_per_1m=given["response_per_1m"],
            cache_read_per_1m=given.get("cache_read_per_1m"),
        )
        repricing = await analytics.costs.set_rate(rate, reprice=True)
        while repricing is not None and not repricing.complete:
            repricing = await analytics.costs.reprice()


class LedgerLeftFlow(ConfirmRepairFlow):
    """Flow that deletes the ledger file after the integration was removed."""

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Delete the file once that is confirmed."""
        if user_input is not None:
            if self.hass.config_entries.async_entries(DOMAIN):
                return self.async_abort(reason="in_use")
            await async_delete_ledger(self.hass)
        return await super().async_step_confirm(user_input)


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Create the flow that fixes an issue."""
    return UnpricedModelFlow() if issue_id.startswith(UNPRICED_MODEL) else LedgerLeftFlow()
