"""Long care of the ledger, interrupted: by a change of zone, by a full disk."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    CostSource,
    EventsRemovedError,
    Rate,
    StorageError,
)
from custom_components.llm_analytics.analytics.maintenance import forgetting
from custom_components.llm_analytics.analytics.pricing import repricing

from ..helpers import DAY, NOON, ask, drift, everything, fill, limit_pages, opened
from ..store.test_time_zones import EVENING, KOLKATA
from ..usage_events import usage

RATE = Rate(
    provider="acme", model="m1", prompt_per_1m=Decimal(1_000), response_per_1m=Decimal(1_000)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.mark.parametrize(
    "care",
    [
        lambda analytics: analytics.maintenance.rebuild(),
        lambda analytics: analytics.costs.reprice(only_unpriced=False),
        lambda analytics: analytics.maintenance.forget(user="anna", delete=True),
        lambda analytics: analytics.maintenance.clean_up(10),
        lambda analytics: analytics.maintenance.clean_up(10, keep_aggregates=False),
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
            await analytics.tracker.record_many(
                [usage(provider="acme", model=model, timestamp=EVENING, user_id="anna")] * 3
            )
        await analytics.costs.set_rate(RATE)
        await asyncio.gather(care(analytics), analytics.maintenance.set_zone(KOLKATA))
        assert await drift(analytics) == 0
        answer = await everything(analytics)
        days = sum(row["request_count"] for row in answer["daily_breakdown"])
        assert days == answer["summary"]["request_count"]


async def test_full_disk_amid_repricing_leaves_prices_and_names_as_they_were(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(provider="acme", model="m1")] * 1_000)
        await analytics.costs.set_rate(RATE)
        before = await everything(analytics)
        await limit_pages(analytics, 0)
        with pytest.raises(StorageError):
            await analytics.costs.reprice()
        assert await everything(analytics) == before
        assert await drift(analytics) == 0
        await limit_pages(analytics, 100_000)
        recorded = await analytics.tracker.record(usage(provider="acme", model="m1"))
        assert recorded.event.price.source is CostSource.OVERRIDE
        stored = await analytics.tracker.event(recorded.event.id)
        assert stored.price == recorded.event.price
        assert (await analytics.costs.reprice()).repriced == 1_000
        assert (await everything(analytics))["summary"]["cost_estimate"] == Decimal("150.15")
        assert await drift(analytics) == 0


async def test_rebuilding_finds_and_mends_what_other_hands_changed(path: Path) -> None:
    told: list[None] = []
    async with opened(path, committed=lambda: told.append(None)) as analytics:
        await fill(analytics, days=40)
        await analytics.maintenance.clean_up(30)
        sound = await everything(analytics)
        told.clear()
        assert (await analytics.maintenance.rebuild()).drift == 0
        assert told == []
        ask(path, lambda db: db.execute("UPDATE agg_day SET prompt = 7 WHERE dimension = 2"))
        ask(path, lambda db: db.execute("DELETE FROM agg_slot WHERE slot % 2 = 0"))
        outcome = await analytics.maintenance.rebuild()
        assert outcome.drift > 0
        assert outcome.complete
        assert len(outcome.skipped) == 9
        assert len(told) == 1
        assert (await analytics.maintenance.rebuild()).drift == 0
        mended = await everything(analytics)
        assert mended["summary"] == sound["summary"]


async def test_rebuilding_goes_on_where_it_stopped(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics, days=5)
        day = (NOON - 2 * DAY).date()
        assert (
            await analytics.maintenance.rebuild(day)
        ).rows == 8 + 3  # sums of the day and of its one quarter of an hour
        assert not (await analytics.maintenance.rebuild(budget=0)).complete
        assert (await analytics.maintenance.rebuild()).complete


async def test_rebuilding_an_empty_ledger_is_soon_done(path: Path) -> None:
    async with opened(path) as analytics:
        outcome = await analytics.maintenance.rebuild()
        assert (outcome.rows, outcome.drift, outcome.complete) == (0, 0, True)


async def test_day_whose_events_are_gone_is_not_rebuilt(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics, days=40)
        await analytics.maintenance.clean_up(30)
        with pytest.raises(EventsRemovedError) as refusal:
            await analytics.maintenance.rebuild((NOON - 35 * DAY).date())
        assert refusal.value.field == "date"
