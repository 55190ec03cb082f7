"""What an answer costs follows the days and names it sums over, not the number of events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    By,
    Filter,
    Interval,
    Metric,
    Period,
)
from custom_components.llm_analytics.analytics.periods import Days
from custom_components.llm_analytics.analytics.reports.breakdown import read_breakdown
from custom_components.llm_analytics.analytics.reports.report import read_report
from custom_components.llm_analytics.analytics.reports.statistics import (
    read_hourly,
    read_user_statistics,
    read_window,
)
from custom_components.llm_analytics.analytics.store.day_sums import Window
from custom_components.llm_analytics.analytics.trends.anomalies import read_anomalies
from custom_components.llm_analytics.analytics.trends.comparison import read_comparison
from custom_components.llm_analytics.analytics.trends.forecast import read_forecast
from custom_components.llm_analytics.analytics.trends.patterns import read_heatmap
from custom_components.llm_analytics.analytics.trends.trend import read_trend

from ..helpers import BERLIN, DAY, NOON, opened
from ..usage_events import usage

TODAY = NOON.date()
YEAR = Days(TODAY.replace(month=1, day=1), TODAY.replace(month=12, day=31))
FEW, MANY = 2, 20


async def fill(analytics: Analytics, each: int) -> None:
    """Record some events within a quarter of an hour on each of 60 days, by two of each."""
    for ago in range(60):
        events = [
            usage(
                timestamp=NOON - ago * DAY + timedelta(seconds=number),
                device_ip=f"10.0.0.{number % 2}",
                user_id=f"user {number % 2}",
                tags=("home",),
            )
            for number in range(each)
        ]
        await analytics.tracker.record_many(events)


type Answer = Callable[[sqlite3.Connection], Any]
ANSWERS: dict[str, Answer] = {
    "report of a year": lambda db: read_report(
        db, Filter(), Period.YEAR, day=NOON.date(), span=None, now=NOON, zone=BERLIN
    ),
    "report of a device": lambda db: read_report(
        db,
        Filter(device="ip:10.0.0.1"),
        Period.YEAR,
        day=NOON.date(),
        span=None,
        now=NOON,
        zone=BERLIN,
    ),
    "report of a user's model": lambda db: read_report(
        db,
        Filter(user="user 1", model="gpt-4o"),
        Period.YEAR,
        day=NOON.date(),
        span=None,
        now=NOON,
        zone=BERLIN,
    ),
    "statistics": lambda db: read_user_statistics(
        db, read_window(db, None, None, now=NOON, zone=BERLIN), BERLIN
    ),
    "trend": lambda db: read_trend(
        db, Metric.DEVICES, 365, Interval.DAY, Filter(), now=NOON, zone=BERLIN
    ),
    "comparison": lambda db: read_comparison(db, 7, Filter(), now=NOON, zone=BERLIN),
    "anomalies": lambda db: read_anomalies(db, 90, Fraction(2), Filter(), now=NOON, zone=BERLIN),
    "forecast": lambda db: read_forecast(db, now=NOON, zone=BERLIN),
    "heat map": lambda db: read_heatmap(db, 90, Filter(), now=NOON, zone=BERLIN),
    "hours": lambda db: read_hourly(db, None, BERLIN),
    "breakdown by tag": lambda db: read_breakdown(
        db,
        By.TAG,
        Interval.WEEK,
        8,
        Window(YEAR),
        today=TODAY,
        zone=BERLIN,
    ),
}


@contextmanager
def counted(db: sqlite3.Connection) -> Iterator[list[int]]:
    """Count the steps of SQLite's machine, in tens."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    db.set_progress_handler(step, 10)
    try:
        yield steps
    finally:
        db.set_progress_handler(None, 0)


async def test_ten_times_the_events_take_the_same_steps(tmp_path: Path) -> None:
    found: dict[int, dict[str, int]] = {}
    for each in (FEW, MANY):
        path = tmp_path / f"{each}.db"
        async with opened(path) as analytics:
            await fill(analytics, each)
        db = sqlite3.connect(path)
        found[each] = {}
        for name, answer in ANSWERS.items():
            with counted(db) as steps:
                answer(db)
            found[each][name] = steps[0]
        db.close()
    for name, few in found[FEW].items():
        assert few > 5, name
        assert found[MANY][name] <= 1.5 * few, name


@pytest.mark.parametrize("name", ANSWERS)
async def test_no_answer_reads_an_event(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await fill(analytics, FEW)
    db = sqlite3.connect(path)
    before = repr(ANSWERS[name](db))
    db.execute("DELETE FROM event")
    after = repr(ANSWERS[name](db))
    db.close()
    assert without_id(after) == without_id(before)


def without_id(text: str) -> str:
    """Return the text of an answer without the number that each report gets of its own."""
    return text.partition("report_id=")[0] + text.partition("generated_at=")[2]
