"""Long care of the ledger, interrupted: by a change of zone, by a full disk."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import Analytics, CostSource, Rate, StorageError
from custom_components.llm_analytics.analytics.store import forgetting, repricing

from .support import drift, everything, fill, limit_pages, opened
from .test_zones import EVENING, KOLKATA
from .usage import usage

RATE = Rate(
    provider="acme", model="m1", prompt_per_1m=Decimal(1_000), response_per_1m=Decimal(1_000)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.mark.parametrize(
    "care",
    [
        lambda analytics: analytics.rebuild(),
        lambda analytics: analytics.reprice(only_unpriced=False),
        lambda analytics: analytics.forget(user="anna", delete=True),
        lambda analytics: analytics.clean_up(10),
        lambda analytics: analytics.clean_up(10, keep_aggregates=False),
    ],
    ids=["rebuild", "reprice", "forget", "clean up", "clean up all"],
)
async def test_change_of_zone_amid_care_leaves_every_sum_right(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    care: Callable[[Analytics], Coroutine[Any, Any, object]],
) -> None:
    monkeypatch.setattr(repricing, "BATCH", 1)
    monkeypatch.setattr(forgetting, "BATCH", 1)
    async with opened(path) as analytics:
        await fill(analytics, days=20)
        for model in ("m1", "m2"):
            await analytics.record_many(
                [usage(provider="acme", model=model, timestamp=EVENING, user_id="anna")] * 3
            )
        await analytics.set_rate(RATE)
        await asyncio.gather(care(analytics), analytics.set_zone(KOLKATA))
        assert await drift(analytics) == 0
        answer = await everything(analytics)
        days = sum(row["request_count"] for row in answer["daily_breakdown"])
        assert days == answer["summary"]["request_count"]


async def test_full_disk_amid_repricing_leaves_prices_and_names_as_they_were(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.record_many([usage(provider="acme", model="m1")] * 1_000)
        await analytics.set_rate(RATE)
        before = await everything(analytics)
        await limit_pages(analytics, 0)
        with pytest.raises(StorageError):
            await analytics.reprice()
        assert await everything(analytics) == before
        assert await drift(analytics) == 0
        await limit_pages(analytics, 100_000)
        recorded = await analytics.record(usage(provider="acme", model="m1"))
        assert recorded.event.price.source is CostSource.OVERRIDE
        stored = await analytics.event(recorded.event.id)
        assert stored.price == recorded.event.price
        assert (await analytics.reprice()).repriced == 1_000
        assert (await everything(analytics))["summary"]["cost_estimate"] == Decimal("150.15")
        assert await drift(analytics) == 0
