"""Logbook messages for the events that the integration fires."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
    LazyEventPartialState,
)
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN, EVENT_ANOMALY, EVENT_BUDGET, EVENT_UNPRICED_MODEL

type Data = Mapping[str, Any]


def _anomaly(data: Data) -> str:
    unit = " USD" if data["type"] == "cost" else ""
    return (
        f"found unusually {data['direction']} {data['type']} on {data['date']}: "
        f"{_shown(data['value'])}{unit} instead of about {_shown(data['expected'])}{unit}"
    )


def _budget(data: Data) -> str:
    return (
        f"reached {_shown(data['threshold'])} % of the {data['period']}'s budget {data['budget']}: "
        f"{_shown(data['used'])} of {_shown(data['limit'])} {data['unit']}"
    )


def _unpriced_model(data: Data) -> str:
    return f"knows no price of {data['provider']}/{data['model']}"


def _shown(amount: float) -> str:
    """Return a number with up to 4 decimal places, without an exponent or trailing zeros."""
    return f"{round(amount, 4):.15g}"


# The message and the icon of each event type.
LINES: Final[dict[str, tuple[Callable[[Data], str], str]]] = {
    EVENT_ANOMALY: (_anomaly, "mdi:chart-bell-curve"),
    EVENT_BUDGET: (_budget, "mdi:piggy-bank-outline"),
    EVENT_UNPRICED_MODEL: (_unpriced_model, "mdi:tag-off-outline"),
}


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[
        [str, str, Callable[[LazyEventPartialState], dict[str, Any]]], None
    ],
) -> None:
    """Describe logbook events."""

    @callback
    def described(event: LazyEventPartialState) -> dict[str, Any]:
        line, icon = LINES[str(event.event_type)]
        return {
            LOGBOOK_ENTRY_NAME: "LLM Analytics",
            LOGBOOK_ENTRY_MESSAGE: line(event.data),
            LOGBOOK_ENTRY_ICON: icon,
        }

    for event_type in LINES:
        async_describe_event(DOMAIN, event_type, described)
