"""Full disks, cancelled callers, closed ledgers."""

import asyncio
import logging
from pathlib import Path
import sqlite3
import sys
from typing import Final

import pytest

from custom_components.llm_analytics.analytics import Analytics, ClosedError, Settings, StorageError
from custom_components.llm_analytics.analytics.pricing.catalogue import Catalogue

from .helpers import BERLIN, PLAIN, Clock, ask, count, drift, everything, limit_pages, opened
from .usage_events import usage

BIG: Final = '{"a":"' + "x" * 8_000 + '"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


# A full disk


async def test_full_disk_fails_the_batch_and_keeps_what_was_acknowledged(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(request_id=f"kept-{n}") for n in range(100)])
        await limit_pages(analytics, 3)
        outcomes = await asyncio.gather(
            analytics.tracker.record_many([usage(metadata=BIG)] * 100),
            *(analytics.tracker.record(usage(metadata=BIG, endpoint=f"e{n}")) for n in range(20)),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in outcomes} == {StorageError}
        assert (await analytics.maintenance.health()).events == 100 == count(path, "event")
        assert count(path, "endpoint") == 1
        await limit_pages(analytics, 100_000)
        recorded = await analytics.tracker.record(usage(metadata=BIG, endpoint="e3"))
        assert recorded.event.id == 101
        assert (await analytics.tracker.event(101)).usage.endpoint == "e3"
        assert (await everything(analytics))["summary"]["request_count"] == 101
        assert await drift(analytics) == 0
    async with opened(path) as analytics:
        assert analytics.set_aside is None
        assert (await analytics.maintenance.health()).events == 101


async def test_failed_write_is_no_write_to_health(path: Path) -> None:
    told: list[None] = []
    async with opened(path, committed=lambda: told.append(None)) as analytics:
        await limit_pages(analytics, 0)
        with pytest.raises(StorageError):
            await analytics.tracker.record_many([usage(metadata=BIG)] * 100)
        assert (await analytics.maintenance.health()).last_write is None
        assert told == []


# Closing


async def test_close_stores_what_was_handed_in(path: Path) -> None:
    async with opened(path) as analytics:
        tasks = [asyncio.create_task(analytics.tracker.record(usage())) for _ in range(500)]
        await asyncio.sleep(0)
        await analytics.close()
        assert sorted(task.result().event.id for task in tasks) == list(range(1, 501))
    assert count(path, "event") == 500


async def test_cancelled_callers_event_is_stored(path: Path) -> None:
    async with opened(path) as analytics:
        task = asyncio.create_task(analytics.tracker.record(usage()))
        await asyncio.sleep(0)
        task.cancel()
        await analytics.tracker.record(usage())
        assert task.cancelled()
        assert (await analytics.maintenance.health()).events == 2
        assert await drift(analytics) == 0


async def test_closed_ledger_refuses_everything_and_closes_again(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.close()
        await analytics.close()
        for refused in (
            analytics.tracker.record(usage()),
            analytics.tracker.record_many([usage()]),
            analytics.tracker.event(1),
            analytics.tracker.events(),
            analytics.reports.summary(),
            analytics.reports.dashboard(),
            analytics.reports.report(),
            analytics.exports.report_csv(),
            analytics.maintenance.health(),
            analytics.tracker.delete_event(1),
            analytics.maintenance.clean_up(30),
            analytics.maintenance.clean_up(0),
            analytics.maintenance.retain(),
            analytics.maintenance.set_zone(analytics.ledger.zone),
        ):
            with pytest.raises(ClosedError):
                await refused


async def test_close_that_cannot_mark_the_file_closes_it_all_the_same(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(path) as analytics:
        await analytics.ledger.db.run(lambda db: db.execute("PRAGMA busy_timeout = 50").fetchall())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            await analytics.close()
        other.close()
        assert "could not be marked" in caplog.text
        assert not analytics.ledger.db._thread.is_alive()
        assert not analytics.ledger.reader._thread.is_alive()
    assert ask(path, lambda db: db.execute("SELECT clean_stop FROM ledger").fetchone()) == (0,)


async def test_close_that_is_cancelled_closes_the_file_all_the_same(path: Path) -> None:
    async with opened(path) as analytics:
        task = asyncio.create_task(analytics.tracker.record(usage()))
        await asyncio.sleep(0)
        closing = asyncio.create_task(analytics.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert not analytics.ledger.db._thread.is_alive()
        assert not analytics.ledger.reader._thread.is_alive()
        assert (await task).event.id == 1
    assert count(path, "event") == 1


async def test_ledger_that_cannot_be_opened_leaves_no_thread(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StorageError):
        await Analytics.open(path, zone=BERLIN, clock=Clock(), settings=PLAIN)


async def test_missing_reader_closes_the_writer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_path: Path) -> None:
        raise StorageError("no more open files")

    monkeypatch.setattr("custom_components.llm_analytics.analytics.ledger.open_reader", fail)
    with pytest.raises(StorageError, match="open files"):
        await Analytics.open(path, zone=BERLIN, clock=Clock(), settings=PLAIN)
    monkeypatch.undo()
    async with opened(path) as analytics:
        assert (await analytics.tracker.record(usage())).event.id == 1


# The catalogue is optional


@pytest.mark.parametrize("installed", ["installed", "missing"])
async def test_prices_come_from_the_default_table_without_a_catalogue(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    installed: str,
) -> None:
    if installed == "missing":
        monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    async with opened(path, settings=Settings()) as analytics:
        source = (await analytics.tracker.record(usage())).event.price.source
    assert source == ("catalogue" if installed == "installed" else "default")
    assert ("genai-prices cannot be loaded" in caplog.text) == (installed == "missing")
    assert (Catalogue.bundled() is None) == (installed == "missing")
