"""Triggers on the events that the integration fires, filtered by their data."""

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
    """Base of the triggers on one event type; the event data become trigger variables."""

    event_type: ClassVar[str]
    description: ClassVar[str]
    fields: ClassVar[OptionFields] = {}

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger with validated options."""
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
        """Attach the trigger, which runs the action for every matching event."""

        @callback
        def is_wanted(data: Mapping[str, Any]) -> bool:
            return self.is_wanted(data)

        @callback
        def told(event: Event) -> None:
            run_action(dict(event.data), self.description, event.context)

        return self._hass.bus.async_listen(self.event_type, told, event_filter=is_wanted)

    @abstractmethod
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return whether the data of an event match the options."""


class BudgetCrossedTrigger(AnnouncementTrigger):
    """Trigger for a budget that crosses one of its thresholds."""

    event_type = EVENT_BUDGET
    description = "budget crossed"
    fields: ClassVar = {
        **BUDGET_FIELD,
        vol.Optional(_THRESHOLD): vol.All(vol.Coerce(float), vol.Range(min=1, max=MAX_THRESHOLD)),
    }

    @override
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return whether the budget is selected and the threshold is high enough."""
        wanted = self.options.get(CONF_BUDGET)
        return data["threshold"] >= self.options.get(_THRESHOLD, 0) and (
            not wanted
            or data["budget_id"] in {budget_id(self._hass, entity_id) for entity_id in wanted}
        )


class AnomalyDetectedTrigger(AnnouncementTrigger):
    """Trigger for a day that is an anomaly."""

    event_type = EVENT_ANOMALY
    description = "anomaly detected"
    fields: ClassVar = {
        vol.Optional(CONF_TYPE): vol.All(cv.ensure_list, [vol.In(ANOMALY_TYPES)]),
        vol.Optional(_DIRECTION): vol.In((HIGH, LOW)),
    }

    @override
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return whether the type and the direction match."""
        types = self.options.get(CONF_TYPE) or ANOMALY_TYPES
        return (
            data["type"] in types
            and self.options.get(_DIRECTION, data["direction"]) == data["direction"]
        )


class UnpricedModelTrigger(AnnouncementTrigger):
    """Trigger for a model that is used without a known price."""

    event_type = EVENT_UNPRICED_MODEL
    description = "model without a price"

    @override
    def is_wanted(self, data: Mapping[str, Any]) -> bool:
        """Return True, because there are no options."""
        return True


TRIGGERS: Final[dict[str, type[AnnouncementTrigger]]] = {
    "anomaly_detected": AnomalyDetectedTrigger,
    "budget_crossed": BudgetCrossedTrigger,
    "unpriced_model": UnpricedModelTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by key."""
    return {**TRIGGERS}
