"""Triggers: events that the integration fires on the event bus, filtered by their figures."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, override

from homeassistant.const import CONF_TYPE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .analytics import ANOMALY_TYPES, HIGH, LOW, MAX_THRESHOLD
from .automation_options import BUDGET_FIELD, CONF_BUDGET, OptionFields, budget_id, validated
from .const import EVENT_ANOMALY, EVENT_BUDGET, EVENT_UNPRICED_MODEL

_DIRECTION: Final = "direction"
_THRESHOLD: Final = "threshold"


class AnnouncementTrigger(Trigger):
    """A trigger on one kind of event, whose data are the trigger's variables."""

    event_type: ClassVar[str]
    description: ClassVar[str]
    fields: ClassVar[OptionFields] = {}

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take the options, which have been validated."""
        super().__init__(hass, config)
        self.options = config.options or {}

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the validated configuration."""
        return validated(hass, cls.fields, config)

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Run the action at every event that is asked for."""

        @callback
        def is_wanted(data: Mapping[str, Any]) -> bool:
            return self.is_wanted(data)

        @callback
        def told(event: Event) -> None:
            run_action(dict(event.data), self.description, event.context)

        return self._hass.bus.async_listen(self.event_type, told, event_filter=is_wanted)

    @abstractmethod
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return whether an event is one of those asked for."""


class BudgetCrossedTrigger(AnnouncementTrigger):
    """A budget crossed one of its thresholds."""

    event_type = EVENT_BUDGET
    description = "budget crossed"
    fields: ClassVar = {
        **BUDGET_FIELD,
        vol.Optional(_THRESHOLD): vol.All(vol.Coerce(float), vol.Range(min=1, max=MAX_THRESHOLD)),
    }

    @override
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return whether it is one of the budgets, and far enough."""
        wanted = self.options.get(CONF_BUDGET)
        return data["threshold"] >= self.options.get(_THRESHOLD, 0) and (
            not wanted
            or data["budget_id"] in {budget_id(self._hass, entity_id) for entity_id in wanted}
        )


class AnomalyDetectedTrigger(AnnouncementTrigger):
    """A day is out of the ordinary."""

    event_type = EVENT_ANOMALY
    description = "anomaly detected"
    fields: ClassVar = {
        vol.Optional(CONF_TYPE): vol.All(cv.ensure_list, [vol.In(ANOMALY_TYPES)]),
        vol.Optional(_DIRECTION): vol.In((HIGH, LOW)),
    }

    @override
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return whether it is of one of the types and in the direction."""
        types = self.options.get(CONF_TYPE) or ANOMALY_TYPES
        return (
            data["type"] in types
            and self.options.get(_DIRECTION, data["direction"]) == data["direction"]
        )


class UnpricedModelTrigger(AnnouncementTrigger):
    """A model without a known price has been used."""

    event_type = EVENT_UNPRICED_MODEL
    description = "model without a price"

    @override
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return True: there is nothing to choose."""
        return True


TRIGGERS: Final[dict[str, type[AnnouncementTrigger]]] = {
    "anomaly_detected": AnomalyDetectedTrigger,
    "budget_crossed": BudgetCrossedTrigger,
    "unpriced_model": UnpricedModelTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by name."""
    return {**TRIGGERS}
