"""The small household whose figures the pages show."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics.contract.usage_events import Origin

ZONE: Final = ZoneInfo("Europe/Berlin")
NOW: Final = datetime(2026, 11, 20, 18, 30, tzinfo=ZONE)


def household() -> list[dict[str, Any]]:
    """Return sixty days of three devices, with one runaway night and a model without a price."""
    tablet = {
        "device_ip": "192.168.1.20",
        "device_name": "Kitchen tablet",
        "endpoint": "conversation",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "user_id": "alex",
        "tags": ["voice"],
    }
    laptop = {
        "device_ip": "192.168.1.30",
        "device_name": "Study laptop",
        "endpoint": "chat/completions",
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "user_id": "kim",
        "tags": ["homework"],
    }
    server = {
        "device_ip": "192.168.1.5",
        "device_name": "Home server",
        "endpoint": "generate",
        "provider": "ollama",
        "model": "llama3.2",
        "tags": ["nightly"],
    }
    guest = {
        "device_ip": "192.168.1.77",
        "device_name": "Guest phone",
        "endpoint": "chat/completions",
        "provider": "acme",
        "model": "acme-large",
        "user_id": "guest",
    }
    preview = laptop | {"provider": "mistral", "model": "homework-preview"}
    runaway = server | {"provider": "openai", "model": "gpt-4o"}
    events = []
    for back in range(59, -1, -1):
        day = NOW.date() - timedelta(days=back)
        weekend, monday = day.weekday() >= 5, day.weekday() == 0
        plan: list[tuple[dict[str, Any], Sequence[int]]] = [
            (server, (2, 3)),
            (tablet, (9, 11, 13, 16, 17) if weekend else (7, 12, 17)),
        ]
        if not weekend:
            plan.append((laptop, (9, 10, 11, 14, 15, 16)))
        if monday:
            plan.append((preview, (13,)))
        if back == 11:
            plan.append((runaway, (3,) * 60))
        if back == 6:
            plan.append((guest, (14, 15, 15, 20, 21, 21)))
        for what, hours in plan:
            for number, hour in enumerate(hours):
                step = (back * 7 + hour * 3 + number) % 11
                moment = datetime(day.year, day.month, day.day, hour, number, step, tzinfo=ZONE)
                events.append(
                    what
                    | {
                        "tokens_prompt": 900 + 40 * step,
                        "tokens_response": 120 + 15 * step,
                        "latency_ms": 700 + 110 * step,
                        "timestamp": moment.isoformat(),
                    }
                )
    events[-3] |= {"status": "error", "error_type": "timeout", "tokens_response": 0}
    return events


def furnish(hass: HomeAssistant) -> None:
    """Put two of the devices in rooms; one of them is Kim's."""
    toys = MockConfigEntry(domain="toys")
    toys.add_to_hass(hass)
    for name, room, address in (
        ("Tablet", "Kitchen", "192.168.1.20"),
        ("Laptop", "Study", "192.168.1.30"),
    ):
        device = dr.async_get(hass).async_get_or_create(
            config_entry_id=toys.entry_id, identifiers={("toys", name)}, name=name
        )
        area = ar.async_get(hass).async_create(room)
        dr.async_get(hass).async_update_device(device.id, area_id=area.id)
        tracker = er.async_get(hass).async_get_or_create(
            "device_tracker", "toys", name, device_id=device.id
        )
        hass.states.async_set(tracker.entity_id, "home", {"ip": address})
    hass.states.async_set(
        "person.kim", "home", {"friendly_name": "Kim", "device_trackers": [tracker.entity_id]}
    )


async def record_household(entry: MockConfigEntry) -> None:
    """Record the household's sixty days."""
    origin = Origin(source="rest", recorded_by=None)
    events = [origin.event(event) for event in household()]
    await entry.runtime_data.analytics.tracker.record_many(events[:500])
    await entry.runtime_data.analytics.tracker.record_many(events[500:])
