"""Recording: events per second, the load on the event loop, and pricing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
import statistics
import tempfile
import time
from typing import Any
from zoneinfo import ZoneInfo

from genai_prices import Usage as CatalogueUsage, calc_price

from custom_components.llm_analytics.analytics import Analytics
from custom_components.llm_analytics.analytics.pricing.catalogue import Catalogue
from custom_components.llm_analytics.analytics.pricing.ladder import PriceBook

from . import bare, peer
from .measures import Bench, Finding
from .workload import NOW, Household, Usage, usage_event
from .yardstick.heartbeat import Heartbeat

ZONE = ZoneInfo("Europe/Berlin")

type Record = Callable[[Usage], Awaitable[object]]


@asynccontextmanager
async def ledger(path: Path) -> AsyncIterator[Analytics]:
    """Open a ledger of the product, at the current time of the workload."""
    analytics = await Analytics.open(path, zone=ZONE, clock=lambda: NOW)
    try:
        yield analytics
    finally:
        await analytics.close()


async def crowd(record: Record, usages: Sequence[Usage], callers: int) -> tuple[float, float]:
    """Record events from concurrent callers; return the seconds and the loop's CPU seconds."""
    queue = iter(usages)

    async def caller() -> None:
        for usage in queue:
            await record(usage)

    start, cpu = time.perf_counter(), time.thread_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return time.perf_counter() - start, time.thread_time() - cpu


async def _round(
    bench: Bench, folder: Path, household: Household, callers: int, values: dict[str, list[float]]
) -> None:
    count, peer_count = bench.sizes.ingest[callers]
    usages = household.recent(count)
    async with ledger(folder / "product.db") as analytics:
        await analytics.tracker.record(usage_event(household.recent(1)[0]))  # compiles the prices

        async def record(usage: Usage) -> None:
            await analytics.tracker.record(usage_event(usage))

        seconds, cpu = await crowd(record, usages, callers)
        start = time.perf_counter()
        assert (await analytics.reports.statistics()).requests == count + 1  # writes all totals
        seconds += time.perf_counter() - start
        async with Heartbeat() as heart:
            held, _ = await crowd(record, household.recent(peer_count), callers)
        assert (await analytics.maintenance.health()).events == count + peer_count + 1
    async with Heartbeat() as idle:
        await asyncio.sleep(held)
    async with peer.opened(folder / "peer.db") as yardstick:
        peer_seconds, peer_cpu = await crowd(
            yardstick.record, household.recent(peer_count), callers
        )
    limit = await asyncio.to_thread(bare.record, folder / "bare.db", usages)
    found = {
        "product": count / seconds,
        "peer": peer_count / peer_seconds,
        "limit": count / limit,
        "hold": heart.longest,
        "idle": idle.longest,
        "cpu": cpu / count * 1e6,
        "peer_cpu": peer_cpu / peer_count * 1e6,
    }
    for name, value in found.items():
        values.setdefault(name, []).append(value)


async def ingest(bench: Bench) -> AsyncIterator[Finding]:
    """Record with 1, 16 and 256 concurrent callers."""
    household = Household(1)
    for callers in bench.sizes.ingest:
        values: dict[str, list[float]] = {}
        for number in range(bench.sizes.rounds):
            bench.say(f"recording, {callers} callers, round {number + 1}")
            with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
                await _round(bench, Path(folder), household, callers, values)
        median = {name: statistics.median(found) for name, found in values.items()}
        yield Finding(f"ingest-{callers}", median["product"], median["peer"])
        if callers == max(bench.sizes.ingest):
            yield Finding("ingest-limit", median["product"], median["limit"])
            yield Finding("loop-hold", median["hold"], median["idle"])
            yield Finding("loop-cpu", median["cpu"], median["peer_cpu"])


async def pricing(bench: Bench) -> AsyncIterator[Finding]:
    """Price events with the compiled rates, and with the catalogue's own function."""
    book = PriceBook(catalogue=Catalogue.bundled())
    usages = Household(2).recent(bench.sizes.priced)
    priced = [(usage_event(usage), usage) for usage in usages]
    few = priced[: max(1, len(priced) // 20)]
    rounds: list[tuple[float, float]] = []
    for number in range(bench.sizes.rounds):
        bench.say(f"pricing, round {number + 1}")
        start = time.perf_counter()
        for event, _ in priced:
            book.price(event, NOW)
        product = (time.perf_counter() - start) / len(priced)
        start = time.perf_counter()
        for _, usage in few:
            _catalogue_price(usage)
        rounds.append((product * 1e6, (time.perf_counter() - start) / len(few) * 1e6))
    product, yardstick = (statistics.median(column) for column in zip(*rounds, strict=True))
    yield Finding("pricing", product, yardstick)


def _catalogue_price(usage: dict[str, Any]) -> object:
    return calc_price(
        CatalogueUsage(
            input_tokens=usage["tokens_prompt"],
            output_tokens=usage["tokens_response"],
            cache_read_tokens=usage["tokens_cache_read"],
        ),
        usage["model"],
        provider_id=usage["provider"],
        genai_request_timestamp=datetime.fromisoformat(usage["timestamp"]),
    )
