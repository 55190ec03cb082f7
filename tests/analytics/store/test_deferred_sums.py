"""Sums that follow a burst of requests in steps: nobody sees them lacking, and none is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import count as counting
import json
from pathlib import Path
import resource
import shutil
import sqlite3
import tempfile
import threading
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    DamagedDatabaseError,
    ExchangeRate,
    InvalidInputError,
    Period,
    Status,
    StorageError,
)
from custom_components.llm_analytics.analytics.money import to_pico
from custom_components.llm_analytics.analytics.reports import export_queries
from custom_components.llm_analytics.analytics.store import deferred_sums as module
from custom_components.llm_analytics.analytics.store.aggregates import Changes
from custom_components.llm_analytics.analytics.store.corrections import catch_up
from tests.faults.audit import audit

from ..helpers import BERLIN, DAY, NOON, PLAIN, ask, drift, opened, plain_json
from ..usage_events import usage

IN_EUROS = replace(PLAIN, home_currency="EUR")
MOST = Decimal(100_000)  # 92 of them fit in 64 bits of 10^-12, 93 do not


@dataclass
class Time:
    """The seconds that the sums go by."""

    now: float = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Let time pass only where a test says so: what follows each other does so at once."""
    time = Time()
    monkeypatch.setattr(module, "time", time)
    return time


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def summed(path: Path) -> tuple[int, int, int]:
    """Return up to which event the file has sums, what they count, and how many events it has."""
    return ask(
        path,
        lambda db: (
            *db.execute("SELECT summed FROM ledger").fetchone(),
            *db.execute(
                "SELECT COALESCE(SUM(requests), 0) FROM agg_day WHERE dimension = 0"
            ).fetchone(),
            *db.execute("SELECT COUNT(*) FROM event").fetchone(),
        ),
    )


async def burst(analytics: Analytics, time: Time, number: int = 5) -> None:
    """Record a request after a rest, and others close upon it."""
    time.now += 60
    for _ in range(number):
        time.now += 0.01
        await analytics.tracker.record(usage(device_ip="192.168.1.10"))


async def test_requests_now_and_then_are_summed_in_their_own_transactions(
    path: Path, time: Time
) -> None:
    async with opened(path) as analytics:
        for number in range(1, 4):
            await analytics.tracker.record(usage())
            assert summed(path) == (number, number, number)
            time.now += 0.11


async def test_sums_of_a_burst_wait_for_whoever_asks(path: Path, time: Time) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time, 20)
        assert summed(path) == (1, 1, 20)
        audit(path)
        assert (await analytics.reports.statistics()).requests == 20
        assert summed(path) == (20, 20, 20)
        await analytics.tracker.record(usage())
        assert summed(path) == (20, 20, 21)
        time.now += 60
        await analytics.tracker.record(usage())  # it takes along those that waited
        assert summed(path) == (22, 22, 22)


async def test_closing_leaves_none_behind(path: Path, time: Time) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time)
    assert summed(path) == (5, 5, 5)


@pytest.mark.parametrize(
    ("limit", "distinct", "waits_up_to"), [("_MOST_EVENTS", 1, 7), ("_MOST_COMBINED", 30, 7)]
)
async def test_only_so_many_wait(
    path: Path,
    time: Time,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    distinct: int,
    waits_up_to: int,
) -> None:
    monkeypatch.setattr(module, limit, waits_up_to)
    behind = []
    async with opened(path) as analytics:
        for number in range(30):
            time.now += 0.01
            await analytics.tracker.record(usage(endpoint=f"endpoint-{number % distinct}"))
            done, counted, events = summed(path)
            assert done == counted
            behind.append(events - done)
    assert max(behind) == waits_up_to
    assert behind[:9] == [0, 1, 2, 3, 4, 5, 6, 7, 0]


async def test_until_who_reads_has_a_snapshot_sums_come_with_their_events(
    path: Path, time: Time
) -> None:
    """Else an answer that begins late would count events that it has no sums of."""
    async with opened(path) as analytics:
        await burst(analytics, time)
        before, began, go_on = threading.Event(), threading.Event(), threading.Event()

        def read(db: sqlite3.Connection) -> tuple[int, int]:
            began.set()
            assert go_on.wait(30)
            found: tuple[int, int] = db.execute("SELECT events, summed FROM ledger").fetchone()
            return found

        another = analytics.ledger.reader.run(lambda _: before.wait(30))
        reading = asyncio.create_task(analytics.ledger.read(read))
        try:
            await analytics.tracker.record(usage())
            assert summed(path) == (6, 6, 6)
            before.set()
            assert await asyncio.to_thread(began.wait, 30)
            await analytics.tracker.record(usage())
            assert summed(path) == (6, 6, 7)
        finally:
            before.set()
            go_on.set()
        assert await another
        assert await reading == (6, 6)
        await analytics.tracker.record(usage())
        assert summed(path) == (6, 6, 8)


async def test_who_asks_while_a_batch_is_committed_sees_its_events_with_their_sums(
    path: Path, time: Time
) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time)
        await analytics.reports.statistics()
        decided, go_on = threading.Event(), threading.Event()
        add = analytics.ledger.events.sums.add

        def held(*changes: Any) -> None:
            add(*changes)
            decided.set()
            assert go_on.wait(30)

        analytics.ledger.events.sums.add = held  # type: ignore[method-assign,assignment]
        recording = asyncio.create_task(analytics.tracker.record(usage()))
        await asyncio.to_thread(decided.wait, 30)
        reading = asyncio.create_task(
            analytics.ledger.read(
                lambda db: db.execute(
                    "SELECT (SELECT COUNT(*) FROM event),"
                    " (SELECT SUM(requests) FROM agg_day WHERE dimension = 0)"
                ).fetchone()
            )
        )
        await asyncio.sleep(0.05)
        go_on.set()
        assert await reading == (6, 6)
        await recording


async def test_who_asks_while_requests_are_written_is_told_of_all_that_were_answered(
    path: Path,
) -> None:
    answered = 0
    async with opened(path) as analytics:

        async def record() -> None:
            nonlocal answered
            for _ in range(100):
                await analytics.tracker.record(usage())
                answered += 1

        async def look() -> None:
            while answered < 400:
                before = answered
                assert (await analytics.reports.statistics()).requests >= before
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(record())
            group.create_task(look())
    assert audit(path).counted == 400


WORKS: list[tuple[Callable[[Analytics], Awaitable[Any]], int]] = [
    (lambda analytics: analytics.tracker.delete_event(5), 4),
    (lambda analytics: analytics.maintenance.rebuild(), 5),
    (lambda analytics: analytics.maintenance.rebuild(date(2026, 3, 18)), 5),
    (lambda analytics: analytics.maintenance.set_zone(ZoneInfo("America/Havana")), 5),
    (lambda analytics: analytics.maintenance.forget(device="ip:192.168.1.10"), 5),
    (lambda analytics: analytics.maintenance.forget(device="ip:192.168.1.10", delete=True), 0),
    (lambda analytics: analytics.costs.reprice(only_unpriced=False), 5),
    (lambda analytics: analytics.maintenance.clean_up(30), 5),
    (lambda analytics: anext(analytics.hours.hourly_changes()), 5),
]


@pytest.mark.parametrize(("work", "left"), WORKS)
async def test_whatever_else_is_done_finds_them_complete(
    path: Path, time: Time, work: Callable[[Analytics], Awaitable[Any]], left: int
) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time)
        assert summed(path)[0] == 1
        await work(analytics)
        assert summed(path) == (5, left, left)
        assert await drift(analytics) == 0
        await analytics.tracker.record(usage())  # soon, but work like this mostly goes on
        assert summed(path)[0] == 6
    assert audit(path).counted == left + 1


@contextmanager
def as_if_killed(path: Path) -> Iterator[Path]:
    """Give the file as it is now, its journal beside it, as a process leaves it that is killed."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for suffix in ("", "-wal"):
            shutil.copy(path.with_name(path.name + suffix), folder)
        yield Path(folder, path.name)


async def test_the_next_start_adds_what_a_killed_process_had_not(path: Path, time: Time) -> None:
    async with opened(path, settings=IN_EUROS) as analytics:
        await analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal("1.25")))
        await analytics.tracker.record(usage(timestamp=NOON - 60 * DAY))
        await analytics.maintenance.clean_up(30)  # that day's sums are frozen now
        await burst(analytics, time, 3)
        time.now += 0.01
        await analytics.tracker.record_many(
            [
                usage(timestamp=NOON - 60 * DAY, tags=("late", "t")),
                usage(timestamp=NOON - 3 * DAY, status=Status.ERROR, latency_us=1_500),
                usage(provider="acme", model="unheard-of", user_id="alex"),
            ]
        )
        assert summed(path)[0] == 2
        with as_if_killed(path) as copy:
            audit(copy)
            async with opened(copy, settings=IN_EUROS) as again:
                assert summed(copy)[:2] == (7, 7)
                told = await again.reports.statistics()
                assert await drift(again) == 0
            assert ask(copy, lambda db: catch_up(db, BERLIN)) == 0
            audit(copy)
        assert told == await analytics.reports.statistics()
        assert told.requests == 7


async def test_another_zone_at_the_next_start_counts_nothing_twice(path: Path, time: Time) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time)
        with as_if_killed(path) as copy:
            async with opened(copy, zone=ZoneInfo("Asia/Kathmandu")) as again:
                assert (await again.reports.statistics()).requests == 5
                assert await drift(again) == 0
            assert audit(copy).counted == 5


async def test_a_full_disk_is_read_as_if_sums_could_be_written(path: Path, time: Time) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time, 4)
        await analytics.tracker.record(usage(device_ip="192.168.1.20"))
        with no_room():
            assert (await analytics.reports.statistics()).requests == 5
            with pytest.raises(StorageError):
                await analytics.tracker.record(usage())
            assert (await analytics.reports.statistics()).requests == 5
            with pytest.raises(StorageError):
                await analytics.tracker.delete_event(1)
        assert summed(path) == (1, 1, 5)
        await analytics.tracker.record(usage())
        assert (await analytics.reports.statistics()).requests == 6
    assert audit(path).counted == 6
    series, noted = ask(
        path,
        lambda db: [
            db.execute(f"SELECT DISTINCT dimension, key FROM {table}").fetchall()
            for table in ("agg_slot", "slot_change")
        ],
    )
    assert noted == series, "the statistics are told of every series"


async def test_a_sum_that_leaves_64_bits_refuses_its_event_in_a_burst_too(
    path: Path, time: Time
) -> None:
    async with opened(path) as analytics:
        waited = False
        for _ in range(92):
            time.now += 0.01
            await analytics.tracker.record(usage(cost_estimate=MOST))
            done, _, events = summed(path)
            waited |= done < events
        assert waited
        assert done == events, "sums of that much are not left to be refused later"
        for _ in range(2):
            time.now += 0.01
            with pytest.raises(InvalidInputError, match="64 bits"):
                await analytics.tracker.record(usage(cost_estimate=MOST))
            await analytics.tracker.record(usage())
        assert (await analytics.reports.statistics()).cost == 92 * to_pico(MOST) + 2 * 750_000_000
    audit(path)


async def test_what_is_in_the_file_already_is_counted_for_that(path: Path, time: Time) -> None:
    async with opened(path) as analytics:
        for _ in range(92):
            await analytics.tracker.record(usage(cost_estimate=MOST))
            time.now += 60
    async with opened(path) as analytics:
        await burst(analytics, time)
        assert summed(path) == (97, 97, 97)


async def test_what_others_have_changed_is_counted_for_that(path: Path, time: Time) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time)
        await analytics.ledger.db.run(
            lambda db: db.execute("UPDATE agg_day SET cost = 9200000000000000000").rowcount
        )
        await burst(analytics, time)
        assert summed(path) == (10, 10, 10)


async def test_a_failed_transaction_leaves_alone_what_waits(path: Path, time: Time) -> None:
    async with opened(path) as analytics:
        await burst(analytics, time)
        again = usage(request_id="r")
        await analytics.tracker.record(again)
        time.now += 60  # those that wait are to be written with it
        with pytest.raises(StorageError), no_room():
            await analytics.tracker.record(usage())
        assert (await analytics.tracker.record(again)).duplicate  # a transaction that adds nothing
        assert summed(path)[0] == 1
        assert (await analytics.reports.statistics()).requests == 6
    assert audit(path).counted == 6


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow, as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


async def test_what_cannot_even_be_completed_for_a_reader_is_not_lost(
    path: Path, time: Time
) -> None:
    """With more pages than the cache holds, SQLite writes and rolls back before the commit."""
    many = [
        usage(
            request_id=f"r-{number}",
            device_ip=f"192.168.1.{number + 1}",
            endpoint=f"endpoint-{number}",
            tags=tuple(f"tag-{number}-{tag}" for tag in range(20)),
        )
        for number in range(60)
    ]
    async with opened(path) as analytics:
        await burst(analytics, time)
        for event in many:
            await analytics.tracker.record(event)
        assert summed(path)[0] == 1
        await analytics.ledger.db.run_at_once(
            lambda db: db.execute("PRAGMA cache_size = 5").fetchall()
        )
        with no_room():
            with pytest.raises(StorageError):
                await analytics.reports.statistics()
            assert (await analytics.tracker.record(many[0])).duplicate
        assert (await analytics.reports.statistics()).requests == 65
        assert await drift(analytics) == 0
    assert audit(path).counted == 65


async def test_single_requests_and_what_needs_attention_are_told_on_a_full_disk(
    path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_queries, "_PAGE", 2)
    async with opened(path) as analytics:
        await burst(analytics, time, 6)
        _, pieces = await analytics.exports.report_json(
            period=Period.ALL, detailed=True, write=plain_json
        )
        text = await anext(pieces) + await anext(pieces)
        await burst(analytics, time)
        with no_room():
            assert (await analytics.tracker.event(11)).id == 11
            assert (await analytics.maintenance.attention()).free_bytes > 0
            text += "".join([piece async for piece in pieces])
        assert len(json.loads(text)["events"]) == 6


async def test_a_damaged_sum_keeps_nobody_from_reading_what_is_sound(
    path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meet_damage(*_: Any, **__: Any) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    async with opened(path) as analytics:
        await burst(analytics, time)
        with monkeypatch.context() as patch:
            patch.setattr(Changes, "apply", meet_damage)
            assert (await analytics.tracker.events()).events[0].id == 5
            with pytest.raises(DamagedDatabaseError):
                await analytics.maintenance.rebuild()


@pytest.mark.parametrize("known", [True, False])
async def test_frozen_days_get_what_was_theirs_though_the_next_start_is_in_another_zone(
    path: Path, time: Time, *, known: bool
) -> None:
    early = datetime(2026, 1, 15, 0, 30, tzinfo=BERLIN)  # still the day before in Havana
    async with opened(path) as analytics:
        await analytics.tracker.record(usage(timestamp=early))
        await analytics.maintenance.clean_up(30)
        await burst(analytics, time, 1)
        time.now += 0.01
        await analytics.tracker.record(usage(timestamp=early))
        assert summed(path)[0] == 2
        with as_if_killed(path) as copy:
            if not known:  # as after an update of the system that has dropped a zone
                ask(copy, lambda db: db.execute("UPDATE ledger SET zone = 'Nowhere/Any'").rowcount)
            async with opened(copy, zone=ZoneInfo("America/Havana")):
                pass
            days = ask(
                copy,
                lambda db: db.execute(
                    "SELECT day, requests FROM agg_day WHERE dimension = 0 AND frozen = 1"
                ).fetchall(),
            )
            day = early.date().toordinal()
            assert days == ([(day, 2)] if known else [(day - 1, 1), (day, 1)])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(1, 6)),
        st.tuples(st.just("rest"), st.sampled_from((0, 60))),
        st.tuples(st.just("ask"), st.none()),
        st.tuples(st.just("delete"), st.integers(1, 40)),
        st.tuples(st.just("kill"), st.none()),
        st.tuples(st.just("clean"), st.sampled_from((30, 31))),
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_sums_are_those_of_the_events_whatever_comes_after_what(
    tmp_path: Path, time: Time, steps: list[tuple[str, Any]]
) -> None:
    numbers = counting()
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    path = folder / "0.db"
    analytics = await Analytics.open(path, zone=BERLIN, clock=lambda: NOON, settings=PLAIN)
    try:
        for what, value in steps:
            if what == "record":
                await analytics.tracker.record_many([_some(next(numbers)) for _ in range(value)])
            elif what == "rest":
                time.now += value
            elif what == "ask":
                asked = await analytics.reports.statistics()
                assert asked.requests == audit(path).counted
            elif what == "delete":
                if any(event.id == value for event in (await analytics.tracker.events()).events):
                    await analytics.tracker.delete_event(value)
            elif what == "clean":
                await analytics.maintenance.clean_up(value)
            else:
                before, path = path, folder / f"{next(numbers) + 1}.db"
                for suffix in ("", "-wal"):
                    shutil.copy(f"{before}{suffix}", f"{path}{suffix}")
                told = await analytics.reports.statistics()
                await analytics.close()
                analytics = await Analytics.open(
                    path, zone=BERLIN, clock=lambda: NOON, settings=PLAIN
                )
                assert await analytics.reports.statistics() == told
            audit(path)
            time.now += 0.01
    finally:
        await analytics.close()
    assert summed(path)[0] == audit(path).last_event


def _some(number: int) -> Any:
    return usage(
        timestamp=NOON - (number * 7 % 40) * DAY,
        endpoint=f"endpoint-{number % 3}",
        tags=("a", "b")[: number % 3],
        user_id="alex" if number % 2 else None,
        tokens_prompt=number,
        request_id=f"r-{number}",
    )
