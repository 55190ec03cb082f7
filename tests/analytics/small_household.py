"""A few days of a small household, for tests of statistics."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from custom_components.llm_analytics.analytics import Analytics

from .helpers import BERLIN
from .usage_events import usage

KITCHEN, HALL = "10.0.0.1", "10.0.0.2"


def at(text: str) -> datetime:
    """Return a local time of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


async def household(analytics: Analytics) -> None:
    """Record a few days of two people, three models and an unpriced one."""
    small = {"tokens_prompt": 10, "tokens_response": 0}
    events: list[dict[str, Any]] = [
        {"timestamp": at("2026-03-10T09:00"), "user_id": "ada", "cost_estimate": Decimal(3)},
        {"timestamp": at("2026-03-10T23:00"), "user_id": "ada", "model": "GPT-4O", **small},
        {"timestamp": at("2026-03-16T09:00"), "user_id": "ben", "model": "mystery", **small},
        {"timestamp": at("2026-03-17T00:00"), "endpoint": "task", "cost_estimate": Decimal(1)},
        {"timestamp": at("2026-03-18T09:00"), "provider": "gemini", "model": None, **small},
    ]
    devices = [KITCHEN, KITCHEN, HALL, None, KITCHEN]
    tags: list[tuple[str, ...]] = [("home", "night"), (), ("home",), (), ()]
    latencies = [1_000_000, None, None, 500_000, None]
    for event, device, tag, latency in zip(events, devices, tags, latencies, strict=True):
        await analytics.tracker.record(
            usage(device_ip=device, tags=tag, latency_us=latency, **event)
        )
