"""The home moves: what is live is dated anew, what is gone keeps its dates."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sqlite3
from zoneinfo import ZoneInfo

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    Filter,
    NotFoundError,
    Period,
    StorageError,
)

from ..helpers import BERLIN, DAY, NOON, ask, count, drift, everything, opened
from ..usage_events import usage

KOLKATA = ZoneInfo("Asia/Kolkata")
HONOLULU = ZoneInfo("Pacific/Honolulu")
# 20:00 in Berlin, past midnight in Kolkata
EVENING = datetime(2026, 3, 16, 19, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def days(analytics: Analytics, wanted: Filter | None = None) -> dict[object, object]:
    """Return the requests of each day that has any."""
    rows = (await everything(analytics, wanted))["daily_breakdown"]
    return {row["date"]: row["request_count"] for row in rows if row["request_count"]}


async def test_live_events_are_dated_by_the_new_zone(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(timestamp=EVENING)] * 2)
        assert await days(analytics) == {"2026-03-16": 2}
        await analytics.maintenance.set_zone(KOLKATA)
        assert analytics.ledger.zone == KOLKATA
        assert await days(analytics) == {"2026-03-17": 2}
        await analytics.tracker.record(usage(timestamp=EVENING))
        assert await days(analytics) == {"2026-03-17": 3}
        assert (
            await analytics.tracker.event(1)
        ).timestamp.isoformat() == "2026-03-17T00:30:00+05:30"
        assert await drift(analytics) == 0


async def test_zone_changed_while_stopped_takes_hold_at_the_start(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(timestamp=EVENING, tags=("t",), user_id="anna"))
        await analytics.tracker.record(usage(timestamp=EVENING - 300 * DAY))
        sums = (await everything(analytics))["summary"]
    async with opened(path, zone=KOLKATA) as analytics:
        assert await days(analytics) == {"2025-05-21": 1, "2026-03-17": 1}
        assert await days(analytics, Filter(user="anna")) == {"2026-03-17": 1}
        assert (await everything(analytics))["summary"] == sums
        assert await drift(analytics) == 0
    async with opened(path, zone=BERLIN) as analytics:
        assert await days(analytics) == {"2025-05-20": 1, "2026-03-16": 1}


async def test_zone_of_an_empty_ledger_changes_nothing(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.maintenance.set_zone(KOLKATA)
        assert await days(analytics) == {}
    assert ask(path, lambda db: db.execute("SELECT zone FROM ledger").fetchone()) == (
        "Asia/Kolkata",
    )


async def test_days_whose_events_are_gone_keep_their_dates(path: Path) -> None:
    async with opened(path) as analytics:
        old = EVENING - 40 * DAY
        await analytics.tracker.record(usage(timestamp=old))
        await analytics.tracker.record(usage(timestamp=EVENING))
        await analytics.maintenance.clean_up(30)
        await analytics.maintenance.set_zone(KOLKATA)
        assert await days(analytics) == {"2026-02-04": 1, "2026-03-17": 1}
        late = await analytics.tracker.record(usage(timestamp=old))
        assert await days(analytics) == {"2026-02-04": 1, "2026-02-05": 1, "2026-03-17": 1}
        await analytics.tracker.delete_event(late.event.id)
        assert await days(analytics) == {"2026-02-04": 1, "2026-03-17": 1}
        assert await drift(analytics) == 0


async def test_day_that_the_new_zone_splits_is_partly_gone_and_partly_live(path: Path) -> None:
    async with opened(path, zone=KOLKATA) as analytics:
        boundary = datetime(2026, 2, 15, 18, 30, tzinfo=UTC)  # a midnight in Kolkata
        for seconds in (-1, 0, 3_600):
            await analytics.tracker.record(usage(timestamp=boundary + timedelta(seconds=seconds)))
        await analytics.maintenance.clean_up(30)
        assert (await analytics.maintenance.health()).events_from == boundary
        await analytics.maintenance.set_zone(HONOLULU)  # there it is half past eight in the morning
        assert await days(analytics) == {"2026-02-15": 3}
        await analytics.maintenance.clean_up(20)
        assert await days(analytics) == {"2026-02-15": 3}
        assert (await analytics.maintenance.health()).events == 0
        assert (await analytics.maintenance.health()).events_from == datetime(
            2026, 2, 16, 10, tzinfo=UTC
        )
        assert await drift(analytics) == 0


async def test_late_events_that_wait_for_clean_up_go_when_the_zone_changes(path: Path) -> None:
    async with opened(path) as analytics:
        old = EVENING - 40 * DAY
        await analytics.tracker.record(usage(timestamp=old))
        await analytics.maintenance.clean_up(30)
        late = await analytics.tracker.record(usage(timestamp=old))
        await analytics.maintenance.set_zone(KOLKATA)
        assert await days(analytics) == {"2026-02-04": 2}
        with pytest.raises(NotFoundError):
            await analytics.tracker.event(late.event.id)
        assert (await analytics.maintenance.health()).events == count(path, "event") == 0


async def test_deletion_asked_with_the_change_lands_on_the_right_day(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(timestamp=EVENING)] * 3)
        await asyncio.gather(
            analytics.tracker.delete_event(1),
            analytics.maintenance.set_zone(KOLKATA),
            analytics.tracker.delete_event(2),
        )
        assert await days(analytics) == {"2026-03-17": 1}
        assert await drift(analytics) == 0


async def test_change_that_fails_leaves_the_old_zone_everywhere(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(timestamp=EVENING))
        await analytics.ledger.db.run(lambda db: db.execute("PRAGMA busy_timeout = 50").fetchall())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError):
            await analytics.maintenance.set_zone(KOLKATA)
        other.execute("ROLLBACK")
        other.close()
        assert analytics.ledger.zone == BERLIN
        await analytics.tracker.record(usage(timestamp=EVENING))
        assert await days(analytics) == {"2026-03-16": 2}
        await analytics.maintenance.set_zone(KOLKATA)
        assert await days(analytics) == {"2026-03-17": 2}


async def test_days_of_23_and_25_hours_hold_their_events(path: Path) -> None:
    instants = [
        datetime(2026, 3, 28, 23, tzinfo=UTC),  # the first of the 23 hours
        datetime(2026, 3, 29, 21, 59, 59, 999_999, tzinfo=UTC),  # the last
        datetime(2026, 3, 29, 22, tzinfo=UTC),  # the next day
        datetime(2026, 10, 24, 22, tzinfo=UTC),  # the first of the 25 hours
        datetime(2026, 10, 25, 22, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 10, 25, 23, tzinfo=UTC),
    ]
    async with opened(path, clock=lambda: NOON + 300 * DAY) as analytics:
        await analytics.tracker.record_many([usage(timestamp=instant) for instant in instants])
        assert await days(analytics) == {
            "2026-03-29": 2,
            "2026-03-30": 1,
            "2026-10-25": 2,
            "2026-10-26": 1,
        }
        report = await analytics.reports.report(
            Period.DAY, day=datetime(2026, 10, 25, tzinfo=UTC).date()
        )
        assert report.end.astimezone(UTC) - report.start.astimezone(UTC) == timedelta(hours=25)


async def test_events_of_a_cache_full_of_days_are_dated_right(path: Path) -> None:
    """More different quarters of an hour than the day's cache remembers."""
    clock_start = datetime(2025, 1, 1, tzinfo=UTC)
    async with opened(path) as analytics:
        quarters = [clock_start + timedelta(minutes=15 * n) for n in range(10_500)]
        for first in range(0, len(quarters), 1_000):
            await analytics.tracker.record_many(
                [usage(timestamp=moment) for moment in quarters[first : first + 1_000]]
            )
        assert (await analytics.maintenance.health()).events == 10_500
        assert await drift(analytics) == 0
