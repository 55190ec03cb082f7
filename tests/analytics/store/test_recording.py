"""Recording: each request once, all or nothing, exact to the last bit, and deletable."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
import sqlite3

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    CostSource,
    InvalidInputError,
    Settings,
    StorageError,
)

from ..helpers import DAY, NOON, Clock, count, drift, opened
from ..usage_events import usage

MOST = Decimal(100_000)  # 92 of them fit in 64 bits of 10^-12, 93 do not


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def requests(analytics: Analytics) -> int:
    return (await analytics.reports.summary()).month.totals.requests


# Each request once


async def test_fifty_posts_of_one_request_at_once_are_stored_once(path: Path) -> None:
    async with opened(path) as analytics:
        answers = await asyncio.gather(
            *(analytics.tracker.record(usage(request_id="r", tokens_prompt=n)) for n in range(50))
        )
        assert Counter(answer.duplicate for answer in answers) == {False: 1, True: 49}
        assert {answer.event.id for answer in answers} == {1}
        assert {answer.event.usage.tokens_prompt for answer in answers} == {0}
        assert await requests(analytics) == 1


async def test_request_repeated_after_a_restart_gives_the_stored_event_unchanged(
    path: Path,
) -> None:
    async with opened(path) as analytics:
        first = await analytics.tracker.record(usage(request_id="r", endpoint="first"))
    async with opened(path) as analytics:
        again = await analytics.tracker.record(usage(request_id="r", endpoint="second"))
        assert again.as_dict() == first.as_dict() | {"duplicate": True}
        assert await requests(analytics) == 1
        assert count(path, "endpoint") == 1


async def test_providers_have_request_ids_of_their_own(path: Path) -> None:
    async with opened(path) as analytics:
        for provider in ("openai", "anthropic"):
            assert not (
                await analytics.tracker.record(usage(provider=provider, request_id="r"))
            ).duplicate


async def test_batch_with_a_request_twice_stores_it_once(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(request_id="known"))
        batch = await analytics.tracker.record_many(
            [usage(request_id=name) for name in ("a", "known", "a", "b")]
        )
        assert batch.as_dict() == {"recorded": 2, "duplicates": 2, "events": [2, 1, 2, 3]}
        assert (await analytics.maintenance.health()).events == 3


async def test_deleted_request_may_be_recorded_anew_under_a_new_id(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(request_id="r"))
        await analytics.tracker.delete_event(1)
        again = await analytics.tracker.record(usage(request_id="r"))
        assert (again.event.id, again.duplicate) == (2, False)


# All or nothing


@pytest.mark.parametrize("size", [0, 1_001])
async def test_batch_of_a_wrong_size_is_refused(path: Path, size: int) -> None:
    async with opened(path) as analytics:
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.tracker.record_many([usage()] * size)
        assert refusal.value.field == "events"
        assert str(size) in refusal.value.reason


async def test_batch_with_one_bad_time_stores_nothing_and_names_the_event(path: Path) -> None:
    async with opened(path) as analytics:
        events = [usage(), usage(timestamp=NOON + timedelta(days=1)), usage()]
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.tracker.record_many(events)
        assert (refusal.value.field, refusal.value.index) == ("events[1].timestamp", 1)
        assert await requests(analytics) == 0


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2014, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        NOON + timedelta(minutes=5, microseconds=1),
    ],
)
async def test_time_outside_the_bounds_is_refused(path: Path, moment: datetime) -> None:
    async with opened(path) as analytics:
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.tracker.record(usage(timestamp=moment))
        assert refusal.value.field == "timestamp"
        assert count(path, "event") == 0


@pytest.mark.parametrize("moment", [datetime(2015, 1, 1, tzinfo=UTC), NOON + timedelta(minutes=5)])
async def test_time_at_the_bounds_is_kept_as_given(path: Path, moment: datetime) -> None:
    async with opened(path) as analytics:
        assert (await analytics.tracker.record(usage(timestamp=moment))).event.timestamp == moment


async def test_event_without_a_time_has_the_present_one(path: Path) -> None:
    clock = Clock()
    async with opened(path, clock=clock) as analytics:
        clock.now += timedelta(hours=1)
        event = (await analytics.tracker.record(usage())).event
        assert event.timestamp == clock.now
        assert event.timestamp.utcoffset() == timedelta(hours=1)  # the home's


async def test_event_of_years_ago_counts_in_its_own_day(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(timestamp=datetime(2020, 2, 29, 22, 30, tzinfo=UTC)))
        await analytics.tracker.record(usage())
        assert (await analytics.maintenance.health()).first_day == "2020-02-29"
        assert await requests(analytics) == 1
        assert await drift(analytics) == 0


# 64 bits


async def test_sum_beyond_64_bits_refuses_the_event_and_stores_its_neighbours(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(cost_estimate=MOST)] * 92)
        outcomes = await asyncio.gather(
            analytics.tracker.record(usage()),
            analytics.tracker.record(usage(cost_estimate=MOST)),
            analytics.tracker.record_many([usage(), usage()]),
            return_exceptions=True,
        )
        refusal = outcomes[1]
        assert isinstance(refusal, InvalidInputError)
        assert refusal.field == "cost_estimate"
        totals = (await analytics.reports.summary()).today.totals
        assert totals.requests == 95
        assert totals.cost == 92 * 100_000 * 10**12 + 3 * 750 * 10**6
        assert (
            await analytics.tracker.record(usage(timestamp=NOON - DAY, cost_estimate=MOST))
        ).event
        assert await drift(analytics) == 0


async def test_sums_over_days_may_leave_64_bits(path: Path) -> None:
    async with opened(path) as analytics:
        for days in range(3):
            await analytics.tracker.record_many(
                [usage(cost_estimate=MOST, timestamp=NOON - days * DAY)] * 92
            )
        assert (await analytics.reports.summary()).week.cost == 3 * 92 * MOST


@pytest.mark.parametrize("neighbours", [0, 1])
async def test_batch_beyond_64_bits_is_refused_whole(path: Path, neighbours: int) -> None:
    async with opened(path) as analytics:
        refused, *stored = await asyncio.gather(
            analytics.tracker.record_many([usage(cost_estimate=MOST)] * 93),
            *(analytics.tracker.record(usage()) for _ in range(neighbours)),
            return_exceptions=True,
        )
        assert isinstance(refused, InvalidInputError)
        assert refused.field == "cost_estimate"
        assert len(stored) == neighbours
        assert (await analytics.maintenance.health()).events == neighbours
        assert await requests(analytics) == neighbours


async def test_trouble_with_the_file_fails_only_those_it_meets(path: Path) -> None:
    """Three share a transaction; tried alone, the second meets another program's lock."""
    async with opened(path) as analytics:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        begun = []

        def trace(statement: str) -> None:
            if statement.startswith("BEGIN"):
                begun.append(statement)
                if len(begun) == 3:
                    other.execute("BEGIN IMMEDIATE")
                elif len(begun) == 4:
                    other.execute("ROLLBACK")

        def watch(db: sqlite3.Connection) -> None:
            db.execute("PRAGMA busy_timeout = 50").fetchall()
            db.set_trace_callback(trace)

        await analytics.ledger.db.run(watch)
        outcomes = await asyncio.gather(
            analytics.tracker.record_many([usage(cost_estimate=MOST)] * 93),
            analytics.tracker.record(usage(endpoint="locked")),
            analytics.tracker.record(usage(endpoint="stored")),
            return_exceptions=True,
        )
        other.close()
        assert isinstance(outcomes[0], InvalidInputError)
        assert isinstance(outcomes[1], StorageError)
        assert [event.usage.endpoint for event in (await analytics.tracker.events()).events] == [
            "stored"
        ]
        assert await drift(analytics) == 0


# Settings


@pytest.mark.parametrize("kept", ['{"a":1}', None])
async def test_metadata_is_kept_only_where_the_household_wants_it(
    path: Path, kept: str | None
) -> None:
    settings = Settings(use_catalogue=False, keep_metadata=kept is not None)
    async with opened(path, settings=settings) as analytics:
        await analytics.tracker.record(usage(metadata='{"a":1}'))
        assert (await analytics.tracker.event(1)).usage.metadata == kept


async def test_free_providers_are_the_households_choice(path: Path) -> None:
    settings = Settings(use_catalogue=False, free_providers=["acme"])
    async with opened(path, settings=settings) as analytics:
        sources = [
            (await analytics.tracker.record(usage(provider=provider))).event.price.source
            for provider in ("acme", "ollama")
        ]
        assert sources == [CostSource.FREE, CostSource.UNPRICED]
        assert (await analytics.maintenance.health()).unpriced_models == ["ollama/gpt-4o"]
