"""The subentry flow for budgets."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
)
import voluptuous as vol

from ..analytics import BUDGET_PERIODS, Budget, BudgetUnit, InvalidInputError, Period
from ..const import (
    CONF_AMOUNT,
    CONF_PERIOD,
    CONF_SCOPE,
    CONF_SCOPE_NAME,
    CONF_THRESHOLDS,
    CONF_UNIT,
    SUBENTRY_BUDGET,
)
from ..home.options import budget
from .scope import EVERYTHING, SCOPES, ScopeFlow, choice, scope_id

SCOPE_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_SCOPE, default=EVERYTHING): choice(CONF_SCOPE, [EVERYTHING, *SCOPES]),
        vol.Required(CONF_UNIT, default=BudgetUnit.COST.value): choice(CONF_UNIT, list(BudgetUnit)),
    }
)
OFFERED_THRESHOLDS: Final = ("50", "80", "90", "100")
_TITLES: Final = {Period.DAY: "Daily", Period.WEEK: "Weekly", Period.MONTH: "Monthly"}


class BudgetFlow(ScopeFlow):
    """Flow that adds or changes a budget: first its scope and unit, then its amount."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the kind of scope and the unit."""
        if user_input is None:
            return self.async_show_form(step_id="user", data_schema=SCOPE_SCHEMA)
        return await self._async_look(user_input) or await self.async_step_budget()

    async def async_step_budget(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the amount, the period and the thresholds."""
        if user_input is None:
            return self._form("budget", {}, {})
        return self._checked("budget", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change everything except the kind of scope and the unit."""
        if user_input is not None:
            return self._checked("reconfigure", user_input)
        subentry = self._get_reconfigure_subentry()
        if ended := await self._async_look(subentry.data):
            return ended
        suggested = self._suggested(subentry.title, subentry.data)
        suggested[CONF_THRESHOLDS] = [str(one) for one in suggested[CONF_THRESHOLDS]]
        return self._form("reconfigure", suggested, {})

    def _checked(self, step: str, user_input: dict[str, Any]) -> SubentryFlowResult:
        given, errors = dict(user_input), dict[str, str]()
        title = self._check_name(given, errors)
        try:
            given[CONF_THRESHOLDS] = sorted({int(one) for one in given[CONF_THRESHOLDS]})
            wanted = budget("", self._data | given)
        except ValueError:
            errors[CONF_THRESHOLDS] = "invalid_thresholds"
        except InvalidInputError as error:
            errors[error.field] = f"invalid_{error.field}"
        if not errors:
            self._data |= given
            unique_id = _unique_id(wanted, self._data)
            if not self._taken(unique_id):
                return self._async_save(title, unique_id)
            errors[CONF_PERIOD] = "already_budgeted"
        return self._form(step, user_input, errors)

    def _form(
        self, step: str, suggested: Mapping[str, Any], errors: dict[str, str]
    ) -> SubentryFlowResult:
        money = self._data[CONF_UNIT] == BudgetUnit.COST
        schema = vol.Schema(
            self._name_fields()
            | {
                vol.Required(CONF_AMOUNT): NumberSelector(
                    NumberSelectorConfig(
                        min=0,
                        step="any" if money else 1,
                        mode=NumberSelectorMode.BOX,
                        unit_of_measurement="USD" if money else "tokens",
                    )
                ),
                vol.Required(CONF_PERIOD, default=Period.MONTH.value): choice(
                    "budget_period", list(BUDGET_PERIODS)
                ),
                vol.Required(CONF_THRESHOLDS, default=["80", "100"]): SelectSelector(
                    SelectSelectorConfig(
                        options=list(OFFERED_THRESHOLDS), multiple=True, custom_value=True
                    )
                ),
            }
        )
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
        )

    @override
    def _title(self, data: Mapping[str, Any]) -> str:
        kind = "token budget" if data[CONF_UNIT] == BudgetUnit.TOKENS else "budget"
        of = f" of {self._label(data)}" if CONF_SCOPE_NAME in data else ""
        return f"{_TITLES[Period(data[CONF_PERIOD])]} LLM {kind}{of}"


def _unique_id(wanted: Budget, data: Mapping[str, Any]) -> str:
    return f"{SUBENTRY_BUDGET}:{wanted.unit}:{wanted.period}:{scope_id(data)}"
