"""Stored events: deleting them, hearing of them, and turning their pages."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from custom_components.llm_analytics.analytics import Filter, InvalidInputError, NotFoundError

from ..helpers import DAY, NOON, Clock, count, drift, opened
from ..usage_events import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


# Deleting


async def test_deleting_an_event_takes_it_out_of_every_sum(path: Path) -> None:
    async with opened(path) as analytics:
        details = {"device_ip": "10.0.0.1", "user_id": "anna", "tags": ("home", "night")}
        await analytics.tracker.record(usage(**details, model=None, latency_us=1500))
        await analytics.tracker.record(usage(**details, model=None, status="error"))
        await analytics.tracker.record(usage(timestamp=NOON - 40 * DAY))
        await analytics.tracker.delete_event(1)
        assert await drift(analytics) == 0
        assert (await analytics.reports.summary(Filter(tag="night"))).today.totals.requests == 1
        await analytics.tracker.delete_event(3)
        await analytics.tracker.delete_event(2)
        assert (count(path, "agg_day"), count(path, "agg_slot WHERE requests > 0")) == (0, 0)
        health = await analytics.maintenance.health()
        assert (health.events, health.first_day) == (0, None)


@pytest.mark.parametrize("event_id", [-1, 0, 2, 2**63 - 1, 2**63, 10**30])
async def test_event_that_is_not_there_is_not_found(path: Path, event_id: int) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage())
        for question in (analytics.tracker.event, analytics.tracker.delete_event):
            with pytest.raises(NotFoundError):
                await question(event_id)
        assert (await analytics.maintenance.health()).events == 1


# What the listener and /health hear


async def test_every_change_is_told_once_and_a_refusal_never(path: Path) -> None:
    told: list[None] = []
    clock = Clock()
    async with opened(path, clock=clock, committed=lambda: told.append(None)) as analytics:
        assert (await analytics.maintenance.health()).last_write is None
        await asyncio.gather(*(analytics.tracker.record(usage()) for _ in range(20)))
        assert len(told) == 1
        assert (await analytics.maintenance.health()).last_write == NOON
        clock.now += timedelta(minutes=1)
        with pytest.raises(InvalidInputError):
            await analytics.tracker.record_many([usage(cost_estimate=Decimal(100_000))] * 93)
        assert (await analytics.maintenance.health()).last_write == NOON
        await analytics.tracker.delete_event(1)
        assert len(told) == 2
        assert (await analytics.maintenance.health()).last_write == clock.now


# Paging


@pytest.mark.parametrize(
    "cursor", ["", "-", "1", "1-", "-1", "1-x", "٣-٣", "1-1-1", f"{'9' * 19}-1", f"1-{2**63}"]
)
async def test_cursor_that_is_none_is_refused(path: Path, cursor: str) -> None:
    async with opened(path) as analytics:
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.tracker.events(before=cursor)
        assert refusal.value.field == "before"


async def test_pages_go_on_where_they_ended_while_events_arrive(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(timestamp=NOON)] * 5)
        page = await analytics.tracker.events(limit=2)
        await analytics.tracker.record(usage(timestamp=NOON))
        rest = await analytics.tracker.events(limit=10, before=page.next)
        assert [event.id for event in (*page.events, *rest.events)] == [5, 4, 3, 2, 1]
        assert rest.next is None


async def test_listing_from_the_end_to_the_start_is_refused(path: Path) -> None:
    async with opened(path) as analytics:
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.tracker.events(start=NOON, end=NOON)
        assert refusal.value.field == "start"


async def test_idle_devices_events_are_found_among_everybody_elses(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(device_ip="10.0.0.9", timestamp=NOON - 400 * DAY))
        await analytics.tracker.record_many([usage(device_ip="10.0.0.1")] * 100)
        idle = Filter(device="ip:10.0.0.9")
        assert [event.id for event in (await analytics.tracker.events(idle)).events] == [1]
        assert (await analytics.tracker.events(idle, start=NOON - DAY)).events == []
        assert (await analytics.tracker.events(idle, start=NOON + DAY)).events == []


async def test_device_without_any_event_left_lists_nothing(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(device_ip="10.0.0.9"))
        await analytics.tracker.delete_event(1)
        page = await analytics.tracker.events(Filter(device="ip:10.0.0.9"))
        assert (page.events, page.next) == ([], None)
