"""What is kept how long: late events, and what the household asks for."""

from datetime import timedelta
from pathlib import Path

import pytest

from custom_components.llm_analytics.analytics import Filter, Period, Settings

from ..helpers import DAY, NOON, Clock, berlin, drift, everything, fill, opened
from ..usage_events import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


# Late events


async def test_late_event_counts_and_goes_with_the_next_clean_up(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        await analytics.maintenance.clean_up(30)
        before = (await everything(analytics))["summary"]["request_count"]
        late = await analytics.tracker.record(usage(timestamp=NOON - 45 * DAY, tags=("t",)))
        assert (await everything(analytics))["summary"]["request_count"] == before + 1
        assert (await analytics.tracker.event(late.event.id)).id == late.event.id
        assert await drift(analytics) == 0
        cleaned = await analytics.maintenance.clean_up(30)
        assert cleaned.events_deleted == 1
        assert cleaned.events_from == berlin(2026, 2, 16)
        assert (await everything(analytics))["summary"]["request_count"] == before + 1
        tagged = await analytics.reports.report(
            Period.DAY, day=(NOON - 45 * DAY).date(), wanted=Filter(endpoint="conversation")
        )
        assert tagged.totals.requests == 4


async def test_late_event_can_be_deleted(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        await analytics.maintenance.clean_up(30)
        before = await everything(analytics)
        late = await analytics.tracker.record(usage(timestamp=NOON - 45 * DAY, user_id="late"))
        await analytics.tracker.delete_event(late.event.id)
        assert await everything(analytics) == before


# What the household asks for


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        (Settings(use_catalogue=False, retention_days=0), 50),
        (Settings(use_catalogue=False, retention_days=30), 31),
        (Settings(use_catalogue=False, retention_days=30, keep_details=False), 8),
        (Settings(use_catalogue=False, retention_days=0, keep_details=False), 8),
    ],
)
async def test_daily_clean_up_follows_the_settings(
    path: Path, settings: Settings, left: int
) -> None:
    async with opened(path, settings=settings) as analytics:
        await fill(analytics, each=1)
        cleaned = await analytics.maintenance.retain()
        assert cleaned.complete
        assert (await analytics.maintenance.health()).events == left
        assert (await everything(analytics))["summary"]["request_count"] == 50


async def test_clean_up_without_retention_removes_nothing(path: Path) -> None:
    settings = Settings(use_catalogue=False, retention_days=0)
    async with opened(path, settings=settings) as analytics:
        await fill(analytics, each=1)
        cleaned = await analytics.maintenance.clean_up()
        assert (cleaned.before, cleaned.events_from, cleaned.events_deleted) == (None, None, 0)


async def test_events_from_never_goes_back(path: Path) -> None:
    clock = Clock()
    async with opened(path, clock=clock) as analytics:
        await fill(analytics)
        await analytics.maintenance.clean_up(30)
        assert (await analytics.maintenance.clean_up(40)).events_from == berlin(2026, 2, 16)
        clock.now += timedelta(days=2)
        assert (await analytics.maintenance.clean_up(30)).events_from == berlin(2026, 2, 18)


# A clock that is wrong


@pytest.mark.parametrize("keep_details", [True, False])
@pytest.mark.parametrize("recorded", [0, 1, 5])
async def test_a_night_in_another_year_removes_nothing(
    path: Path, *, keep_details: bool, recorded: int
) -> None:
    settings = Settings(use_catalogue=False, keep_details=keep_details)
    clock = Clock()
    async with opened(path, settings=settings, clock=clock) as analytics:
        for day in (0, *range(1, 298, 3)):
            await analytics.tracker.record(usage(timestamp=NOON - day * DAY))
        await analytics.maintenance.retain()
        before = await analytics.reports.daily(365)
        kept = (await analytics.maintenance.health()).events
        assert kept == (100 if keep_details else 4)
        clock.now = NOON.replace(year=2040)
        for _ in range(recorded):  # what is recorded that night is dated by the clock
            await analytics.tracker.record(usage())
        done = await analytics.maintenance.retain()
        assert (done.events_deleted, done.complete) == (0, True)
        clock.now = NOON
        assert (await analytics.maintenance.retain()).events_deleted == 0
        assert (await analytics.maintenance.health()).events == kept + recorded
        assert await analytics.reports.daily(365) == before


async def test_a_second_day_with_requests_confirms_the_clock(path: Path) -> None:
    clock = Clock()
    settings = Settings(use_catalogue=False, retention_days=30)
    async with opened(path, settings=settings, clock=clock) as analytics:
        await analytics.tracker.record(usage(timestamp=NOON - DAY))
        for days, left in ((0, 2), (100, 3), (101, 2)):  # an idle time, and two days after it
            clock.now = NOON + days * DAY
            await analytics.tracker.record(usage())
            await analytics.maintenance.retain()
            assert (await analytics.maintenance.health()).events == left


async def test_the_last_days_of_a_ledger_that_is_not_used_any_more_stay(path: Path) -> None:
    clock = Clock()
    settings = Settings(use_catalogue=False, retention_days=30)
    async with opened(path, settings=settings, clock=clock) as analytics:
        for day in range(60):
            await analytics.tracker.record(usage(timestamp=NOON - day * DAY))
        clock.now = NOON + 400 * DAY
        await analytics.maintenance.retain()
        assert (await analytics.maintenance.health()).events == 31
