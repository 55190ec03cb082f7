"""What the house is told, in the logbook's words."""

from typing import Any

from homeassistant.components.logbook.models import LazyEventPartialState, async_event_to_row
from homeassistant.core import Event, HomeAssistant
import pytest

from custom_components.llm_analytics.const import EVENT_ANOMALY, EVENT_BUDGET, EVENT_UNPRICED_MODEL
from custom_components.llm_analytics.logbook import async_describe_events

ANOMALY = {
    "date": "2026-05-13",
    "type": "cost",
    "value": 4.800000000001,
    "expected": 1.0,
    "z_score": 3.2,
    "direction": "high",
}
BUDGET = {
    "budget": "Household",
    "budget_id": "01K",
    "period": "week",
    "period_start": "2026-05-11",
    "threshold": 80,
    "used": 8.5,
    "limit": 10.0,
    "unit": "USD",
}


@pytest.mark.parametrize(
    ("event_type", "data", "line", "icon"),
    [
        (
            EVENT_ANOMALY,
            ANOMALY,
            "found unusually high cost on 2026-05-13: 4.8 USD instead of about 1 USD",
            "mdi:chart-bell-curve",
        ),
        (
            EVENT_ANOMALY,
            ANOMALY
            | {"type": "tokens", "value": 0.0, "expected": 123456789012.0, "direction": "low"},
            "found unusually low tokens on 2026-05-13: 0 instead of about 123456789012",
            "mdi:chart-bell-curve",
        ),
        (
            EVENT_BUDGET,
            BUDGET,
            "reached 80 % of the week's budget Household: 8.5 of 10 USD",
            "mdi:piggy-bank-outline",
        ),
        (
            EVENT_UNPRICED_MODEL,
            {"provider": "acme", "model": "sage-1"},
            "knows no price of acme/sage-1",
            "mdi:tag-off-outline",
        ),
    ],
)
async def test_an_event_is_a_line_of_the_logbook(
    hass: HomeAssistant, event_type: str, data: dict[str, Any], line: str, icon: str
) -> None:
    described: dict[str, Any] = {}

    def describe(domain: str, kind: str, words: Any) -> None:
        assert domain == "llm_analytics"
        described[kind] = words

    async_describe_events(hass, describe)
    row = async_event_to_row(Event(event_type, data))
    assert row is not None
    assert described[event_type](LazyEventPartialState(row, {})) == {
        "name": "LLM Analytics",
        "message": line,
        "icon": icon,
    }
