"""Rebuilding the sums from the events: finds what differs, goes on where it stopped."""

from datetime import date
from pathlib import Path
import sqlite3

import pytest

from custom_components.llm_analytics.analytics import EventsRemovedError

from ..helpers import DAY, NOON, ask, drift, everything, fill, opened
from ..usage_events import usage


def change(path: Path, statement: str) -> None:
    """Change the file as another program would."""

    def run(db: sqlite3.Connection) -> None:
        assert db.execute(statement).rowcount > 0

    ask(path, run)


async def test_nothing_differs_in_a_file_that_nobody_has_changed(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        assert (await analytics.maintenance.rebuild()).as_dict() == {
            "status": "ok",
            "aggregates_updated": 0,
            "date": None,
            "drift": 0,
            "skipped": [],
            "complete": True,
        }
        await fill(analytics, days=10)
        before = await everything(analytics)
        answer = (await analytics.maintenance.rebuild()).as_dict()
        # 8 rows of day sums and 3 of quarter-hour sums a day
        assert (answer["aggregates_updated"], answer["drift"]) == (110, 0)
        one = (await analytics.maintenance.rebuild(date(2026, 3, 17))).as_dict()
        assert (one["aggregates_updated"], one["date"], one["drift"]) == (11, "2026-03-17", 0)
        idle = await analytics.maintenance.rebuild(date(2026, 3, 19))
        assert (idle.rows, idle.drift, idle.complete) == (0, 0, True)
        assert await everything(analytics) == before


DAMAGES = [
    ("UPDATE agg_day SET requests = requests + 1 WHERE dimension = 0 AND day = {day}", 2),
    ("UPDATE agg_day SET cost = cost + 1 WHERE dimension = 6 AND day = {day}", 2),
    ("DELETE FROM agg_day WHERE dimension = 5 AND day = {day}", 1),
    ("DELETE FROM agg_day WHERE day = {day}", 8),
    ("UPDATE agg_slot SET prompt = 0 WHERE dimension = 1", 20),
    # A sum of a day without an event, and one of a day that the ledger does not reach.
    ("UPDATE agg_day SET day = {day} + 100 WHERE dimension = 0 AND day = {day}", 2),
    ("UPDATE agg_day SET day = {day} - 100 WHERE dimension = 0 AND day = {day}", 2),
]


@pytest.mark.parametrize(("statement", "differing"), DAMAGES)
async def test_sums_changed_by_other_hands_are_found_and_put_right(
    tmp_path: Path, statement: str, differing: int
) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await fill(analytics, days=10)
        before = await everything(analytics)
        change(path, statement.format(day=date(2026, 3, 16).toordinal()))
        assert (await analytics.maintenance.rebuild()).drift == differing
        assert (await analytics.maintenance.rebuild()).drift == 0
        assert await everything(analytics) == before
        assert await drift(analytics) == 0


async def test_one_day_is_put_right_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    heard: list[bool] = []
    async with opened(path, committed=lambda: heard.append(True)) as analytics:
        await fill(analytics, days=5)
        change(path, "UPDATE agg_day SET failed = 9 WHERE dimension = 0")
        heard.clear()
        assert (await analytics.maintenance.rebuild(date(2026, 3, 16))).drift == 2
        assert heard  # what the sensors show may have changed
        assert (await analytics.maintenance.rebuild(date(2026, 3, 16))).drift == 0
        assert len(heard) == 1
        assert (await analytics.maintenance.rebuild()).drift == 8


class Budget:
    """A clock that lets so many steps through and then says that time is up."""

    def __init__(self, steps: int) -> None:
        self.times = iter([0.0] * (steps + 1))

    def monotonic(self) -> float:
        return next(self.times, 100.0)


async def test_it_goes_on_where_the_budget_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await fill(analytics, days=10)
        change(path, "UPDATE agg_day SET failed = 9 WHERE dimension = 0")
        nothing = (await analytics.maintenance.rebuild(budget=0)).as_dict()
        assert (nothing["status"], nothing["complete"], nothing["drift"]) == (
            *("incomplete", False),
            0,
        )
        found: list[tuple[int, bool]] = []
        while not found or not found[-1][1]:
            with monkeypatch.context() as patch:
                patch.setattr(
                    "custom_components.llm_analytics.analytics.maintenance.maintainer.time",
                    Budget(4),
                )
                answer = await analytics.maintenance.rebuild()
            found.append((answer.drift, answer.complete))
        assert found == [(8, False), (8, False), (4, True)]
        # The next one begins at the beginning again, and finds all days right.
        answer = await analytics.maintenance.rebuild()
        assert (answer.rows, answer.drift) == (110, 0)


async def test_frozen_days_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await fill(analytics, days=40)
        await analytics.maintenance.clean_up(retention_days=30)
        await analytics.tracker.record(usage(timestamp=NOON - 35 * DAY))  # late
        before = await everything(analytics)
        answer = await analytics.maintenance.rebuild()
        assert (answer.drift, answer.complete, len(answer.skipped)) == (0, True, 9)
        assert answer.skipped[0] == date(2026, 2, 7)
        with pytest.raises(EventsRemovedError) as refusal:
            await analytics.maintenance.rebuild(date(2026, 2, 15))
        assert refusal.value.field == "date"
        assert (await analytics.maintenance.rebuild(date(2026, 2, 16))).drift == 0
        assert await everything(analytics) == before
