"""Clean-up waits for exports: what an export has begun to promise does not go from under it."""

from contextlib import aclosing
from pathlib import Path

from custom_components.llm_analytics.analytics import Period

from ..helpers import DAY, NOON, opened
from ..usage_events import usage


async def test_cleanup_waits_for_a_running_export(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        old = [usage(timestamp=NOON - 40 * DAY) for _ in range(1_000)]
        await analytics.tracker.record_many(old)
        await analytics.tracker.record_many(old)
        _, text = await analytics.exports.report_csv(Period.ALL, detailed=True)
        async with aclosing(text):
            found = [await anext(text), await anext(text)]
            waiting = await analytics.maintenance.clean_up(30, budget=0.2)
            assert (waiting.events_deleted, waiting.complete) == (0, False)
            found += [piece async for piece in text]
        assert len("".join(found).splitlines()) == 1 + 2_000
        assert (await analytics.maintenance.clean_up(30)).events_deleted == 2_000


async def test_an_abandoned_export_holds_nothing_up(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record(usage(timestamp=NOON - 40 * DAY))
        _, text = await analytics.exports.report_csv(Period.ALL, detailed=True)
        async with aclosing(text):
            await anext(text)
            await anext(text)
            assert not (await analytics.maintenance.clean_up(30, budget=0.1)).complete
        assert (await analytics.maintenance.clean_up(30, budget=5)).complete
