"""Conditions on the current figures: exceeded budgets and the cost of a period."""

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
    """Base of the conditions on the figures that the sensors show."""

    fields: ClassVar[OptionFields]

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Initialize the condition with validated options."""
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
        """Return whether the figures meet the condition. Raises ConditionError."""


class OverBudgetCondition(FiguresCondition):
    """Condition that a budget is exceeded."""

    fields = BUDGET_FIELD

    @override
    def is_met(self, figures: Figures) -> bool:
        """Return whether a selected budget is exceeded, or any budget if none is selected."""
        wanted = [self._budget(figures, name) for name in self.options.get(CONF_BUDGET, [])]
        return any(figures.budgets[key].exceeded for key in wanted or figures.budgets)

    def _budget(self, figures: Figures, entity_id: str) -> str:
        key = budget_id(self._hass, entity_id)
        if key is None or key not in figures.budgets:
            raise ConditionErrorMessage(DOMAIN, f"{entity_id} belongs to no budget")
        return key


class CostAboveCondition(FiguresCondition):
    """Condition that the cost of today, this week or this month is above an amount."""

    fields: ClassVar = {
        vol.Required(_AMOUNT): vol.All(vol.Coerce(float), vol.Range(min=0)),
        vol.Required(_PERIOD, default="today"): vol.In(_PERIODS),
    }

    @override
    def is_met(self, figures: Figures) -> bool:
        """Return whether the cost of the period is above the amount in US dollars."""
        cost: Decimal = getattr(figures.summary, _PERIODS[self.options[_PERIOD]]).cost
        return cost > Decimal(str(self.options[_AMOUNT]))


CONDITIONS: Final[dict[str, type[FiguresCondition]]] = {
    "cost_above": CostAboveCondition,
    "over_budget": OverBudgetCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by key."""
    return {**CONDITIONS}
