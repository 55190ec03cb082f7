"""Measure how long the import of 10,000 rows of statistics blocks Home Assistant's event loop.

    .venv-test/bin/python benchmarks/statistics_import.py [--rounds 5]

The integration imports the hours of a ledger into a real recorder; then the recorder's own import
gets the same rows. They take turns for several rounds, and all statistics are removed before each.
The results are medians over the rounds: of the longest callback (CPU time of the loop's thread), of
the largest delay of a tick of 1 ms (wall time, which includes everything that the machine and the
recorder's thread do meanwhile), and of the time until the recorder has all rows.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
import logging
from pathlib import Path
import statistics
import sys
import tempfile
import time
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent.parent))

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import StatisticData, StatisticMetaData
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    get_metadata,
    list_statistic_ids,
    statistics_during_period,
)
from homeassistant.components.recorder.tasks import SynchronizeTask
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import async_initialize_recorder
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.llm_analytics.analytics import Analytics, UsageEvent
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.statistics import METRICS, StatisticsImport

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SERIES = 3
ROWS = 10_000
_TICK = 0.001
HOURS = -(-ROWS // (SERIES * len(METRICS)))


@asynccontextmanager
async def ledger(path: Path) -> AsyncIterator[Analytics]:
    """Open a ledger with one request in each of the last hours."""
    analytics = await Analytics.open(path, zone=ZoneInfo("Europe/Berlin"), clock=lambda: NOW)
    events = [
        UsageEvent(
            endpoint="chat",
            provider="openai",
            model="gpt-4o",
            device_ip="192.168.1.20",
            tokens_prompt=1_000 + ago,
            tokens_response=ago % 700,
            timestamp=NOW - timedelta(hours=ago),
        )
        for ago in range(HOURS)
    ]
    for start in range(0, HOURS, 1_000):
        await analytics.tracker.record_many(events[start : start + 1_000])
    try:
        yield analytics
    finally:
        await analytics.close()


@dataclass
class Held:
    """How long the loop was blocked: the longest callback and the largest delay of a tick."""

    callback: float = 0.0
    tick: float = 0.0
    duration: float = 0.0


async def held(work: Callable[[], Awaitable[None]]) -> Held:
    """Measure the loop during ``work``: CPU time of callbacks, wall time between ticks."""
    found = Held()
    run = asyncio.Handle._run  # noqa: SLF001 - runs every callback

    def watched(handle: asyncio.Handle) -> None:
        start = time.thread_time()
        run(handle)
        found.callback = max(found.callback, time.thread_time() - start)

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(_TICK)
            now = time.perf_counter()
            found.tick, last = max(found.tick, now - last - _TICK), now

    asyncio.Handle._run = watched  # type: ignore[assignment, method-assign]  # noqa: SLF001
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    start = time.perf_counter()
    await work()
    found.duration = time.perf_counter() - start
    asyncio.Handle._run = run  # type: ignore[method-assign]  # noqa: SLF001
    ticking.cancel()
    return found


@asynccontextmanager
async def home_assistant(folder: Path) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant with a recorder that has its own file."""
    async with async_test_home_assistant(config_dir=str(folder)) as hass:
        async_initialize_recorder(hass)
        config = {"recorder": {"db_url": f"sqlite:///{folder}/recorder.db"}}
        assert await async_setup_component(hass, "recorder", config)
        await hass.async_start()
        await recorded(hass)
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


async def recorded(hass: HomeAssistant) -> None:
    """Wait until the recorder has processed everything that was queued so far."""
    done: asyncio.Future[None] = hass.loop.create_future()
    get_instance(hass).queue_task(SynchronizeTask(done))
    await done


async def clear(hass: HomeAssistant) -> None:
    """Remove all statistics."""
    instance = get_instance(hass)
    found = await instance.async_add_executor_job(list_statistic_ids, hass)
    instance.async_clear_statistics([one["statistic_id"] for one in found])
    await recorded(hass)


async def copied(hass: HomeAssistant) -> list[tuple[StatisticMetaData, list[StatisticData]]]:
    """Return all rows of the recorder, in the format of its import."""
    instance = get_instance(hass)
    metadata = await instance.async_add_executor_job(
        partial(get_metadata, hass, statistic_source=DOMAIN)
    )
    rows = await instance.async_add_executor_job(
        statistics_during_period,
        hass,
        NOW - timedelta(hours=HOURS),
        None,
        set(metadata),
        "hour",
        None,
        {"state", "sum"},
    )
    return [
        (
            metadata[name][1],
            [
                StatisticData(
                    start=datetime.fromtimestamp(row["start"], UTC),
                    state=row["state"] or 0.0,
                    sum=row["sum"] or 0.0,
                )
                for row in some
            ],
        )
        for name, some in rows.items()
    ]


async def main() -> None:
    """Import the same rows both ways and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        async with (
            ledger(folder / "ledger.db") as analytics,
            home_assistant(folder) as hass,
        ):
            ours = StatisticsImport(hass, MockConfigEntry(domain=DOMAIN), analytics)

            async def integration() -> None:
                await ours._async_run(None)  # noqa: SLF001 - runs it without the schedule

            await integration()
            same = await copied(hass)
            count = sum(len(rows) for _, rows in same)

            async def recorder() -> None:
                for metadata, rows in same:
                    async_add_external_statistics(hass, metadata, rows)
                await recorded(hass)

            async def idle() -> None:
                await asyncio.sleep(0.5)

            ways = {"idle": idle, "the recorder's own import": recorder, "integration": integration}
            measured: dict[str, list[Held]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way, work in ways.items():
                    await clear(hass)
                    measured[way].append(await held(work))
            assert await copied(hass) == same
            print(f"| {count:,} rows | longest callback | latest tick | until written |")
            print("|---|---|---|---|")
            for way, found in measured.items():
                callback, late, duration = (
                    statistics.median(getattr(one, name) for one in found) * 1_000
                    for name in ("callback", "tick", "duration")
                )
                print(f"| {way} | {callback:.1f} ms | {late:.1f} ms | {duration:.0f} ms |")


if __name__ == "__main__":
    asyncio.run(main())
