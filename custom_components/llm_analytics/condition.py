"""Conditions: what the figures are at the moment."""

from abc import abstractmethod
from decimal import Decimal
from typing import ClassVar, Final, Unpack, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConditionErrorMessage
from homeassistant.helpers.condition import Condition, ConditionCheckParams, ConditionConfig
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .analytics import Figures
from .automation_options import BUDGET_FIELD, CONF_BUDGET, OptionFields, budget_id, validated
from .const import DOMAIN
from .coordinator import loaded_entry

_AMOUNT: Final = "amount"
_PERIOD: Final = "period"
_PERIODS: Final = {"today": "today", "this_week": "week", "this_month": "month"}


class FiguresCondition(Condition):
    """A condition on the figures that the sensors show."""

    fields: ClassVar[OptionFields]

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take the options, which have been validated."""
        super().__init__(hass, config)
        self.options = config.options or {}

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the validated configuration."""
        return validated(hass, cls.fields, config)

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        entry = loaded_entry(self._hass)
        if entry is None or not entry.runtime_data.last_update_success:
            raise ConditionErrorMessage(DOMAIN, "the ledger's figures are not available")
        return self.is_met(entry.runtime_data.data)

    @abstractmethod
    def is_met(self, figures: Figures) -> bool:
        """Return whether the figures are so. Raises ConditionError."""


class OverBudgetCondition(FiguresCondition):
    """More than the limit of a budget is used."""

    fields = BUDGET_FIELD

    @override
    def is_met(self, figures: Figures) -> bool:
        """Return whether one of the budgets is exceeded, one of all if none is named."""
        wanted = [self._budget(figures, name) for name in self.options.get(CONF_BUDGET, [])]
        return any(figures.budgets[key].exceeded for key in wanted or figures.budgets)

    def _budget(self, figures: Figures, entity_id: str) -> str:
        key = budget_id(self._hass, entity_id)
        if key is None or key not in figures.budgets:
            raise ConditionErrorMessage(DOMAIN, f"{entity_id} belongs to no budget")
        return key


class CostAboveCondition(FiguresCondition):
    """More than an amount has been spent today, this week or this month."""

    fields: ClassVar = {
        vol.Required(_AMOUNT): vol.All(vol.Coerce(float), vol.Range(min=0)),
        vol.Required(_PERIOD, default="today"): vol.In(_PERIODS),
    }

    @override
    def is_met(self, figures: Figures) -> bool:
        """Return whether the period's cost is above the amount of US dollars."""
        cost: Decimal = getattr(figures.summary, _PERIODS[self.options[_PERIOD]]).cost
        return cost > Decimal(str(self.options[_AMOUNT]))


CONDITIONS: Final[dict[str, type[FiguresCondition]]] = {
    "cost_above": CostAboveCondition,
    "over_budget": OverBudgetCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by name."""
    return {**CONDITIONS}
