"""Long work goes in steps that this machine does quickly, and its journal stays small."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import Analytics
from custom_components.llm_analytics.analytics.maintenance import pace
from custom_components.llm_analytics.analytics.maintenance.pace import Pace
from custom_components.llm_analytics.analytics.store.schema import AUTO_CHECKPOINT

from ..helpers import DAY, NOON, drift, everything, opened
from ..usage_events import usage

PAGE = 4_096
LONG = '{"a":"' + "x" * 2_000 + '"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@dataclass
class Machine:
    """A machine on which a row takes ``seconds``."""

    seconds: float
    now: float = 0.0

    def perf_counter(self) -> float:
        return self.now

    def work(self, _: sqlite3.Connection, rows: int) -> int:
        self.now += rows * self.seconds
        return rows


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [(0.000_000_1, 1_000), (0.000_002, 300), (0.000_005, 120), (0.000_02, 60), (0.001, 60)],
)
def test_a_step_is_as_many_rows_as_its_time_is_worth(
    monkeypatch: pytest.MonkeyPatch, seconds: float, rows: int
) -> None:
    machine: Any = Machine(seconds)
    monkeypatch.setattr(pace, "time", machine)
    steps = Pace()
    step = steps.step(machine.work, lambda done: done)
    taken = [step(machine) for _ in range(10)]
    assert taken[0] == 60
    assert taken[-1] == pytest.approx(rows, abs=1)
    assert all(after <= 2 * before for before, after in pairwise(taken))
    machine.seconds *= 1_000_000
    assert [step(machine) for _ in range(6)][-1] == 60


def test_a_step_that_had_less_to_do_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine: Any = Machine(0.000_000_1)
    monkeypatch.setattr(pace, "time", machine)
    steps = Pace()
    steps.step(lambda db, rows: machine.work(db, rows) - 1, lambda done: done)(machine)
    assert steps.rows == 60


def journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


async def automatic(analytics: Analytics) -> int:
    """Return after how many pages a commit moves the journal by itself."""
    found: int = await analytics.ledger.db.run(
        lambda db: db.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
    )
    return found


async def fill_much(analytics: Analytics) -> None:
    """Record 4,000 old events that are a page each."""
    text = '{"a":"' + "x" * 3_900 + '"}'
    for _ in range(4):
        await analytics.tracker.record_many(
            [usage(timestamp=NOON - 40 * DAY, metadata=text)] * 1_000
        )


async def test_journal_of_a_clean_up_stays_small_while_events_are_recorded(path: Path) -> None:
    async with opened(path) as analytics:
        await fill_much(analytics)
        await analytics.ledger.db.run(
            lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        )
        cleaning = asyncio.create_task(analytics.maintenance.clean_up(30))
        recorded = 0
        while not cleaning.done():
            await analytics.tracker.record(usage())
            recorded += 1
        assert (await cleaning).events_deleted == 4_000
        assert recorded > 10
        # 4,000 events were pages of their own, of which the file has given back most.
        assert journal(path).stat().st_size < 1_500 * PAGE
        assert path.stat().st_size < 200 * PAGE
        assert await automatic(analytics) == AUTO_CHECKPOINT
        assert (await everything(analytics))["summary"]["request_count"] == 4_000 + recorded
        assert await drift(analytics) == 0


async def test_clean_up_waits_for_a_backup_and_leaves_the_file_still(path: Path) -> None:
    async with opened(path) as analytics:
        await fill_much(analytics)
        await analytics.maintenance.begin_backup()
        still = path.read_bytes()
        cleaned = await analytics.maintenance.clean_up(30, budget=0.2)
        assert (cleaned.events_deleted, cleaned.complete) == (0, False)
        assert path.read_bytes() == still
        assert await automatic(analytics) == 0
        await analytics.maintenance.end_backup()
        assert await automatic(analytics) == AUTO_CHECKPOINT
        assert (await analytics.maintenance.clean_up(30)).events_deleted == 4_000


async def test_backup_that_begins_during_a_clean_up_is_of_a_file_at_rest(path: Path) -> None:
    async with opened(path) as analytics:
        await fill_much(analytics)
        cleaning = asyncio.create_task(analytics.maintenance.clean_up(30))
        while (await analytics.maintenance.health()).events > 3_500:
            pass
        await analytics.maintenance.begin_backup()
        still, left = path.read_bytes(), (await analytics.maintenance.health()).events
        assert left > 100
        await asyncio.sleep(0.2)
        assert path.read_bytes() == still
        # No more than the step that was under way.
        assert (await analytics.maintenance.health()).events >= left - 1_000
        await analytics.maintenance.end_backup()
        assert (await cleaning).complete
        assert (await analytics.maintenance.health()).events == 0
        assert await automatic(analytics) == AUTO_CHECKPOINT


async def test_journal_is_left_alone_during_a_backup(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.maintenance.begin_backup()
        still = path.read_bytes()
        for _ in range(3):
            await analytics.tracker.record_many(
                [usage(metadata='{"a":"' + "x" * 3_900 + '"}')] * 1_000
            )
        assert path.read_bytes() == still
        await analytics.maintenance.end_backup()
        await analytics.tracker.record(usage())
        assert path.read_bytes() != still
