"""Long work goes in steps that this machine does quickly, and its journal is moved beside them."""

import asyncio
from contextlib import closing
from dataclasses import dataclass
import gc
from itertools import pairwise
from pathlib import Path
import sqlite3
import threading
from typing import Any
from uuid import uuid4

import pytest

from custom_components.llm_analytics.analytics import Analytics, steps
from custom_components.llm_analytics.analytics.schema import AUTO_CHECKPOINT, JOURNAL_PAGES
from custom_components.llm_analytics.analytics.steps import Pace
from custom_components.llm_analytics.analytics.store import database

from .support import DAY, NOON, drift, everything, opened
from .usage import usage

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
    monkeypatch.setattr(steps, "time", machine)
    pace = Pace()
    step = pace.step(machine.work, lambda done: done)
    taken = [step(machine) for _ in range(10)]
    assert taken[0] == 60
    assert taken[-1] == pytest.approx(rows, abs=1)
    assert all(after <= 2 * before for before, after in pairwise(taken))
    machine.seconds *= 1_000_000
    assert [step(machine) for _ in range(6)][-1] == 60


def test_a_step_that_had_less_to_do_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine: Any = Machine(0.000_000_1)
    monkeypatch.setattr(steps, "time", machine)
    pace = Pace()
    pace.step(lambda db, rows: machine.work(db, rows) - 1, lambda done: done)(machine)
    assert pace.rows == 60


def journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


async def automatic(analytics: Analytics) -> int:
    """Return after how many pages a commit moves the journal by itself."""
    found: int = await analytics._db.run(
        lambda db: db.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
    )
    return found


async def fill_much(analytics: Analytics) -> None:
    """Record 4,000 old events that are a page each."""
    text = '{"a":"' + "x" * 3_900 + '"}'
    for _ in range(4):
        await analytics.record_many([usage(timestamp=NOON - 40 * DAY, metadata=text)] * 1_000)


async def test_journal_of_a_clean_up_stays_small_while_events_are_recorded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_ROWS_A_MOVE", 200)
    async with opened(path) as analytics:
        await fill_much(analytics)
        await analytics._db.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        cleaning = asyncio.create_task(analytics.clean_up(30))
        recorded = 0
        while not cleaning.done():
            await analytics.record(usage())
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
        await analytics.begin_backup()
        still = path.read_bytes()
        cleaned = await analytics.clean_up(30, budget=0.2)
        assert (cleaned.events_deleted, cleaned.complete) == (0, False)
        assert path.read_bytes() == still
        assert await automatic(analytics) == 0
        await analytics.end_backup()
        assert await automatic(analytics) == AUTO_CHECKPOINT
        assert (await analytics.clean_up(30)).events_deleted == 4_000


async def test_backup_that_begins_during_a_clean_up_is_of_a_file_at_rest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_ROWS_A_MOVE", 100)
    async with opened(path) as analytics:
        await fill_much(analytics)
        cleaning = asyncio.create_task(analytics.clean_up(30))
        while (await analytics.health()).events > 3_500:
            pass
        await analytics.begin_backup()
        still, left = path.read_bytes(), (await analytics.health()).events
        assert left > 100
        await asyncio.sleep(0.2)
        assert path.read_bytes() == still
        # No more than the step that was under way.
        assert (await analytics.health()).events >= left - 1_000
        await analytics.end_backup()
        assert (await cleaning).complete
        assert (await analytics.health()).events == 0
        assert await automatic(analytics) == AUTO_CHECKPOINT


async def test_backup_begun_while_the_journal_is_moved_waits_for_it(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.record(usage())
        async with analytics._journal.moved_beside() as changed:
            await asyncio.gather(changed(10_000), analytics.begin_backup())
            still = path.read_bytes()
            await analytics.record(usage())
            await changed(10_000)
            assert path.read_bytes() == still
        assert await automatic(analytics) == 0
        await analytics.end_backup()


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list of how many pages the journal had each time that it was moved."""
    pages: list[int] = []

    def move(db: sqlite3.Connection) -> int:
        pages.append(database.move_journal(db))
        return pages[-1]

    monkeypatch.setattr(steps, "move_journal", move)
    return pages


async def batch(analytics: Analytics) -> None:
    """Record what a crowd sends at once, and wait until the journal is moved if it is due."""
    events = [usage(request_id=str(uuid4()), metadata=LONG) for _ in range(64)]
    await asyncio.gather(*map(analytics.record, events))
    await analytics._db.run(lambda _: None)


@pytest.mark.parametrize("crowd", [1, 50], ids=["alone", "together"])
async def test_journal_is_moved_when_it_has_grown_and_the_answers_are_out(
    path: Path, moved: list[int], crowd: int
) -> None:
    async with opened(path) as analytics:
        await analytics._db.run(database.leave_journal)  # no commit does it
        while len(moved) < 8:
            await asyncio.gather(*(analytics.record(usage()) for _ in range(crowd)))
        assert max(moved) < AUTO_CHECKPOINT
        assert all(pages > JOURNAL_PAGES / 4 for pages in moved[6:])
        assert journal(path).stat().st_size < 2 * AUTO_CHECKPOINT * PAGE


async def test_journal_is_moved_as_often_when_others_move_or_read_it_too(
    path: Path, moved: list[int]
) -> None:
    async with opened(path) as analytics:

        async def batches(moves: int = 1) -> float:
            """Return how many batches of a crowd there are to a move."""
            start, count = len(moved), 0
            while len(moved) < start + moves:
                await batch(analytics)
                count += 1
            return count / moves

        await batches(8)
        usual = await batches(2)
        for _ in range(4):
            for _ in range(int(usual) - 2):
                await batch(analytics)
            await analytics._db.run(database.move_journal)  # as a commit does
            await batches()
            assert await batches() < 3 * usual
        for _ in range(4):
            with closing(sqlite3.connect(path, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT events FROM ledger").fetchall()
                await batches()
            assert await batches() > usual / 4
        assert await batches(2) > usual / 2
        assert max(moved) < AUTO_CHECKPOINT


async def test_journal_may_grow_further_while_somebody_reads(path: Path, moved: list[int]) -> None:
    async with opened(path) as analytics:

        async def pages() -> int:
            """Return how many pages the journal has when it is moved the next time."""
            count = len(moved)
            while len(moved) == count:
                await batch(analytics)
            return moved[-1]

        for _ in range(8):
            usual = await pages()
        over = threading.Event()
        reading = asyncio.create_task(analytics._read_events(lambda _: over.wait(30)))
        try:
            assert 2 * usual < await pages() < AUTO_CHECKPOINT
        finally:
            over.set()
        assert await reading
        await pages()
        assert await pages() < 2 * usual


async def test_journal_is_left_alone_during_a_backup(path: Path, moved: list[int]) -> None:
    async with opened(path) as analytics:
        await analytics.begin_backup()
        still = path.read_bytes()
        for _ in range(3):
            await analytics.record_many([usage(metadata='{"a":"' + "x" * 3_900 + '"}')] * 1_000)
        assert path.read_bytes() == still
        assert not moved
        await analytics.end_backup()
        await analytics.record(usage())
        await analytics._db.run(lambda _: None)  # its turn comes after the move's
        assert len(moved) == 1


async def test_journal_that_cannot_be_moved_keeps_nobody_from_recording(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    def fail(_: sqlite3.Connection) -> int:
        tried.append(1)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(steps, "move_journal", fail)
    async with opened(path) as analytics:
        while len(tried) < 3:
            await analytics.record(usage())
        events = (await analytics.health()).events
        assert (await everything(analytics))["summary"]["request_count"] == events
    gc.collect()
    assert "never retrieved" not in caplog.text
