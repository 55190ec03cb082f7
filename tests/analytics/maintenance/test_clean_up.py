"""Clean-up: single events go, sums stay (or go too), and every total is right at every step."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from custom_components.llm_analytics.analytics import ClosedError, NotFoundError
from custom_components.llm_analytics.analytics.maintenance import maintainer, pace

from ..helpers import DAY, NOON, berlin, count, drift, everything, fill, opened
from ..usage_events import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@dataclass
class Ticks:
    """A clock that moves one second each time it is read, and lets something happen then."""

    seconds: int = 0
    happenings: dict[int, Callable[[], object]] = field(default_factory=dict)

    def monotonic(self) -> float:
        self.seconds += 1
        self.happenings.pop(self.seconds, lambda: None)()
        return self.seconds


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    """Make a budget of n seconds last n - 1 steps."""
    ticks = Ticks()
    monkeypatch.setattr(maintainer, "time", ticks)
    return ticks


async def test_events_go_and_every_total_stays(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        before = await everything(analytics)
        cleaned = await analytics.maintenance.clean_up(30)
        assert cleaned.before == cleaned.events_from == berlin(2026, 2, 16)
        assert (cleaned.events_deleted, cleaned.aggregates_deleted) == (19 * 3, 0)
        assert cleaned.complete
        assert await everything(analytics) == before
        assert (await analytics.maintenance.health()).events == 31 * 3 == count(path, "event")
        assert (await analytics.maintenance.health()).events_from == berlin(2026, 2, 16)
        assert await drift(analytics) == 0
        assert (await analytics.maintenance.clean_up(30)).events_deleted == 0


async def test_sums_go_too_where_they_are_not_to_be_kept(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        cleaned = await analytics.maintenance.clean_up(30, keep_aggregates=False)
        assert cleaned.events_deleted == 19 * 3
        assert cleaned.aggregates_deleted == 19 * 8
        answer = await everything(analytics)
        assert answer["summary"]["request_count"] == 31 * 3
        assert answer["period_start"] == "2026-02-16T00:00:00+01:00"
        assert (await analytics.maintenance.health()).first_day == "2026-02-16"
        assert count(path, "agg_slot") == 31 * 3
        assert await drift(analytics) == 0


async def test_sums_kept_by_an_earlier_clean_up_go_with_a_later_one(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        await analytics.maintenance.clean_up(40)
        cleaned = await analytics.maintenance.clean_up(40, keep_aggregates=False)
        assert (cleaned.events_deleted, cleaned.aggregates_deleted) == (0, 9 * 8)
        assert (await everything(analytics))["summary"]["request_count"] == 41 * 3


async def test_request_ids_live_as_long_as_their_event(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        await analytics.maintenance.clean_up(30)
        assert (await analytics.tracker.record(usage(request_id="5-0"))).duplicate
        assert not (await analytics.tracker.record(usage(request_id="45-0"))).duplicate
        assert not (await analytics.tracker.record(usage(request_id="49-2"))).duplicate


async def test_ids_are_never_used_again(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(timestamp=NOON - 50 * DAY))
        await analytics.maintenance.clean_up(30)
        with pytest.raises(NotFoundError):
            await analytics.tracker.event(1)
    async with opened(path) as analytics:
        assert (await analytics.tracker.record(usage())).event.id == 2


# Steps


async def test_clean_up_without_time_does_nothing_and_says_so(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        cleaned = await analytics.maintenance.clean_up(30, budget=0)
        assert not cleaned.complete
        assert cleaned.as_dict()["status"] == "incomplete"
        assert cleaned.events_deleted == 0
        assert cleaned.events_from is None


@pytest.mark.parametrize("keep", ["keep", "drop"])
async def test_totals_are_right_wherever_clean_up_stops(
    path: Path, ticks: Ticks, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    monkeypatch.setattr(pace, "_MOST", 2)
    async with opened(path) as analytics:
        await fill(analytics, days=34)
        kept = keep == "keep"
        total = 34 * 3
        deleted = removed = calls = 0
        complete = False
        while not complete:
            cleaned = await analytics.maintenance.clean_up(30, keep_aggregates=kept, budget=2)
            complete = cleaned.complete
            deleted += cleaned.events_deleted
            removed += cleaned.aggregates_deleted
            calls += 1
            answer = await everything(analytics)
            assert answer["summary"]["request_count"] == total - removed // 8 * 3
            assert (await analytics.maintenance.health()).events == 34 * 3 - deleted
            assert await drift(analytics) == 0
        # 3 days: each is closed, and its 3 events deleted 2 at a time; then the sums; then the end
        assert calls == 3 * (1 + 2) + (0 if kept else 3) + 1
        assert deleted == 9


@pytest.mark.parametrize("keep", ["keep", "drop"])
@pytest.mark.parametrize("done", range(1, 9))
async def test_event_deleted_between_two_steps_leaves_every_sum_right(
    path: Path, ticks: Ticks, monkeypatch: pytest.MonkeyPatch, done: int, keep: str
) -> None:
    monkeypatch.setattr(pace, "_MOST", 1)
    async with opened(path) as analytics:
        await fill(analytics, days=32, each=2)
        await analytics.maintenance.clean_up(30, keep_aggregates=keep == "keep", budget=done + 1)
        left = [event.id for event in (await analytics.tracker.events(limit=100)).events]
        before = (await everything(analytics))["summary"]["request_count"]
        await analytics.tracker.delete_event(min(left))
        answer = await everything(analytics)
        assert answer["summary"]["request_count"] == before - 1
        assert all(row["request_count"] > 0 for row in answer["by_endpoint"])
        assert await drift(analytics) == 0


async def test_recording_goes_on_during_clean_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_MOST", 1)
    async with opened(path) as analytics:
        await fill(analytics)
        cleaning = asyncio.create_task(analytics.maintenance.clean_up(30))
        recorded = 0
        while not cleaning.done():
            await analytics.tracker.record(usage())
            await analytics.tracker.record(usage(timestamp=NOON - 45 * DAY))
            recorded += 2
        assert recorded > 10
        await analytics.maintenance.clean_up(30)
        answer = await everything(analytics)
        assert answer["summary"]["request_count"] == 50 * 3 + recorded
        assert await drift(analytics) == 0


async def test_two_clean_ups_at_once_do_the_work_once(path: Path) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        first, second = await asyncio.gather(
            analytics.maintenance.clean_up(30), analytics.maintenance.clean_up(30)
        )
        assert first.events_deleted + second.events_deleted == 19 * 3
        assert first.complete
        assert second.complete


async def test_closing_ends_a_clean_up_with_its_step(path: Path, ticks: Ticks) -> None:
    async with opened(path) as analytics:
        await fill(analytics)
        closing: list[asyncio.Task[None]] = []
        ticks.happenings[4] = lambda: closing.append(asyncio.create_task(analytics.close()))
        with pytest.raises(ClosedError):
            await analytics.maintenance.clean_up(30, budget=10_000)
        await closing[0]
    async with opened(path) as analytics:
        assert (await everything(analytics))["summary"]["request_count"] == 50 * 3
        assert await drift(analytics) == 0


# The file shrinks


async def test_space_is_given_back_to_the_file_system(path: Path) -> None:
    async with opened(path) as analytics:
        text = '{"a":"' + "x" * 6_000 + '"}'
        for _ in range(8):
            await analytics.tracker.record_many(
                [usage(timestamp=NOON - 40 * DAY, metadata=text)] * 500
            )
        before = (await analytics.maintenance.health()).database_bytes
        cleaned = await analytics.maintenance.clean_up(30)
        after = (await analytics.maintenance.health()).database_bytes
        assert before > 24_000_000
        assert after < before / 10
        assert cleaned.bytes_reclaimed == before - after


async def test_giving_space_back_stops_when_time_is_over(
    path: Path, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_LEAST", 1_000)
    async with opened(path) as analytics:
        text = '{"a":"' + "x" * 6_000 + '"}'
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - 40 * DAY, metadata=text)] * 1_000
        )
        before = (await analytics.maintenance.health()).database_bytes
        cleaned = await analytics.maintenance.clean_up(
            30, budget=6
        )  # freeze, delete, end, one step of space
        after = (await analytics.maintenance.health()).database_bytes
        assert cleaned.complete
        # 1,000 pages, and one that only said where they were
        assert cleaned.bytes_reclaimed == before - after == 1_001 * 4096
