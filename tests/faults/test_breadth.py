"""Thousands of names: what grows with them, where it ends, and that no total is ever wrong."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
import random

import pytest

from custom_components.llm_analytics.analytics import Filter, Period, UsageEvent
from custom_components.llm_analytics.analytics.store.dimensions import CAPS
from tests.analytics.helpers import NOON, count, opened
from tests.analytics.usage_events import usage

from .audit import audit

DEVICES, MODELS, USERS, TAGS = 5_000, 500, 2_000, 1_000
EVENTS = 20_000


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def broad(number: int, luck: random.Random) -> UsageEvent:
    """Return an event of a large household: every device has few models, users and tags."""
    device = number % DEVICES
    return usage(
        device_ip=address(device),
        device_name=f"Device {device}",
        model=f"model-{(device * 7 + luck.randrange(2)) % MODELS}",
        user_id=f"user-{(device * 3 + luck.randrange(2)) % USERS}",
        tags=tuple(f"tag-{(device + step) % TAGS}" for step in range(luck.randrange(3))),
        endpoint=f"endpoint-{device % 20}",
        tokens_prompt=number + 1,
        timestamp=NOON - timedelta(minutes=luck.randrange(30 * 24 * 60)),
    )


async def test_a_broad_household_is_counted_exactly(tmp_path: Path, seed: str) -> None:
    path, luck = tmp_path / "ledger.db", random.Random(seed)
    events = [broad(number, luck) for number in range(EVENTS)]
    async with opened(path) as analytics:
        for start in range(0, EVENTS, 1_000):
            await analytics.tracker.record_many(events[start : start + 1_000])
        assert analytics.ledger.events.dimensions.full == set()
        report = (await analytics.reports.report(Period.ALL)).as_dict()
        for name, field in (("by_user", "user_id"), ("by_device", "device_ip")):
            wanted = Counter(getattr(event, field) for event in events)
            assert {row[field]: row["request_count"] for row in report[name]} == wanted  # type: ignore[union-attr, index, call-overload]
        tag = "tag-7"
        tagged = (await analytics.reports.summary(Filter(tag=tag))).month.totals
        this_month = [event for event in events if event.timestamp >= NOON.replace(day=1, hour=0)]  # type: ignore[operator]
        assert abs(tagged.requests - sum(tag in event.tags for event in this_month)) <= 2
    assert (count(path, "device"), count(path, "model")) == (DEVICES, MODELS)
    assert (count(path, "user"), count(path, "tag")) == (USERS, TAGS)
    # Combinations grow with what is used, not with what could be combined.
    assert count(path, "series") <= DEVICES * 4
    assert audit(path).counted == EVENTS


@pytest.mark.parametrize(
    ("table", "field", "name"),
    [
        ("device", "device_ip", address),
        ("endpoint", "endpoint", "endpoint-{}".format),
        ("model", "model", "model-{}".format),
        ("user", "user_id", "user-{}".format),
    ],
)
async def test_names_without_end_end_in_other(
    tmp_path: Path, table: str, field: str, name: Callable[[int], str]
) -> None:
    path, room = tmp_path / "ledger.db", CAPS[table]
    total = room + 1_500
    async with opened(path) as analytics:
        for start in range(0, total, 1_000):
            numbers = range(start, min(start + 1_000, total))
            await analytics.tracker.record_many(
                [usage(**{field: name(number), "tokens_prompt": number + 1}) for number in numbers]
            )
        assert analytics.ledger.events.dimensions.full == {table}
        summary = (await analytics.reports.summary()).today.totals
        assert (summary.requests, summary.prompt) == (total, total * (total + 1) // 2)
    assert count(path, table) == room + 1
    assert audit(path).counted == total
