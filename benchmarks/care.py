"""Maintenance: clean-up during recording, exports, and opening a ledger."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing, suppress
import csv
import io
from pathlib import Path
import sqlite3
import statistics
import tempfile
import time

from custom_components.llm_analytics.analytics import Analytics, Period
from custom_components.llm_analytics.analytics.store.events import SELECT_EVENTS

from .ingest import ledger
from .ledgers import copied, product
from .measures import Bench, Finding, percentile
from .workload import Household, usage_event

_PAUSE = 0.004  # seconds between the events of a busy household


async def _record(analytics: Analytics, household: Household, took: list[float]) -> None:
    """Record one event after another until canceled, and append the duration of each in ms."""
    while True:
        event = usage_event(household.recent(1)[0])
        start = time.perf_counter()
        await analytics.tracker.record(event)
        took.append((time.perf_counter() - start) * 1_000)
        await asyncio.sleep(_PAUSE)


async def clean_up(bench: Bench) -> AsyncIterator[Finding]:
    """Remove the oldest days of a ledger while events are recorded."""
    sizes = bench.sizes
    copies = sizes.copies[min(1, len(sizes.copies) - 1)]
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        path = await copied(bench, copies, Path(folder))
        bench.say("cleaning up while recording")
        household = Household(5)
        async with ledger(path) as analytics:
            during: list[float] = []
            deleted = 0
            task = asyncio.create_task(_record(analytics, household, during))
            start = time.perf_counter()
            while True:
                done = await analytics.maintenance.clean_up(sizes.days - sizes.cleaned)
                deleted += done.events_deleted
                if done.complete:
                    break
            seconds = time.perf_counter() - start
            await _end(task)
            alone: list[float] = []
            task = asyncio.create_task(_record(analytics, household, alone))
            await asyncio.sleep(seconds)
            await _end(task)
    yield Finding("cleanup-rate", deleted / seconds, 50_000)
    yield Finding("cleanup-latency", percentile(during, 0.99), percentile(alone, 0.99))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _bare_csv(path: Path) -> tuple[int, float]:
    """Write all events with the joins of the product; return their number and the seconds."""
    with closing(sqlite3.connect(path)) as db:
        start = time.perf_counter()
        count, buffer = 0, io.StringIO()
        writer = csv.writer(buffer)
        cursor = db.execute(f"{SELECT_EVENTS} ORDER BY event.time, event.id")
        while rows := cursor.fetchmany(1_000):
            writer.writerows(rows)
            count += len(rows)
            buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
        return count, time.perf_counter() - start


async def _product_csv(analytics: Analytics) -> tuple[int, float, float, float]:
    """Export all events; return their number, the seconds, and initial and peak memory in MB."""
    start, base = time.perf_counter(), memory()
    count, most = -1, base
    _, chunks = await analytics.exports.report_csv(Period.ALL, detailed=True)
    async for number, chunk in _numbered(chunks):
        count += chunk.count("\r\n")
        chunk.encode()
        if number % 20 == 0:
            most = max(most, memory())
    return count, time.perf_counter() - start, base, most


async def _numbered(chunks: AsyncIterator[str]) -> AsyncIterator[tuple[int, str]]:
    number = 0
    async for chunk in chunks:
        yield number, chunk
        number += 1


async def export(bench: Bench) -> AsyncIterator[Finding]:
    """Export all events of a ledger as CSV, and write them from a bare cursor."""
    path = await product(bench, bench.sizes.copies[min(1, len(bench.sizes.copies) - 1)])
    rounds = []
    async with ledger(path) as analytics:
        for number in range(max(1, bench.sizes.rounds // 2)):
            bench.say(f"exporting, round {number + 1}")
            bare_count, bare_seconds = await asyncio.to_thread(_bare_csv, path)
            count, seconds, base, most = await _product_csv(analytics)
            assert count == bare_count
            rounds.append((count / seconds, count / bare_seconds, most, base))
    mine, bare, most, base = (statistics.median(column) for column in zip(*rounds, strict=True))
    yield Finding("export", mine, bare)
    yield Finding("export-memory", most, base)


async def opening(bench: Bench) -> AsyncIterator[Finding]:
    """Open a large ledger after a clean and an unclean stop, and an empty one."""
    copies = bench.sizes.copies[min(1, len(bench.sizes.copies) - 1)]
    took: dict[str, list[float]] = {"empty": [], "clean": [], "unclean": []}
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        empty = Path(folder, "empty.db")
        async with ledger(empty):
            pass
        big = await copied(bench, copies, Path(folder))
        for number in range(bench.sizes.rounds * 2):
            bench.say(f"opening, round {number + 1}")
            for name, path in (("empty", empty), ("clean", big), ("unclean", big)):
                if name == "unclean":
                    with closing(sqlite3.connect(path, isolation_level=None)) as db:
                        db.execute("UPDATE ledger SET clean_stop = 0")
                start = time.perf_counter()
                async with ledger(path) as analytics:
                    await analytics.reports.figures()
                    took[name].append((time.perf_counter() - start) * 1_000)
    median = {name: statistics.median(values) for name, values in took.items()}
    yield Finding("open", median["clean"], median["empty"])
    yield Finding("open-unclean", median["unclean"], median["empty"])


def memory() -> float:
    """Return the memory of this process in MB."""
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 2**20
