"""What the tests of the stored ledger share: a clock that is set by hand, and an open ledger."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
import json
from pathlib import Path
import sqlite3
from typing import Any
from zoneinfo import ZoneInfo

from custom_components.llm_analytics.analytics import Analytics, Directory, Filter, Period, Settings
from custom_components.llm_analytics.analytics.store.database import transaction
from custom_components.llm_analytics.analytics.store.rebuilding import live_days, rebuild_day

from .usage_events import usage

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)
PLAIN = Settings(use_catalogue=False)
DAY = timedelta(days=1)


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """Return the present."""
        return self.now


def berlin(year: int, month: int, day: int) -> datetime:
    """Return a midnight of Berlin."""
    return datetime(year, month, day, tzinfo=BERLIN)


@asynccontextmanager
async def opened(
    path: Path,
    *,
    zone: ZoneInfo = BERLIN,
    clock: Callable[[], datetime] | None = None,
    settings: Settings = PLAIN,
    committed: Callable[[], None] = lambda: None,
    directory: Callable[[], Directory] = Directory,
) -> AsyncIterator[Analytics]:
    """Open a ledger and close it whatever happens: an open one keeps its threads alive."""
    analytics = await Analytics.open(
        path,
        zone=zone,
        clock=clock or Clock(),
        settings=settings,
        committed=committed,
        directory=directory,
    )
    try:
        yield analytics
    finally:
        await analytics.close()


def ask[T](path: Path, question: Callable[[sqlite3.Connection], T]) -> T:
    """Ask the file directly, as another program would."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return question(connection)
    finally:
        connection.close()


def count(path: Path, table: str) -> int:
    """Return how many rows a table has."""
    found: int = ask(path, lambda db: db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
    return found


async def drift(analytics: Analytics) -> int:
    """Sum every live day anew and return how many rows differed from what was kept."""
    zone = analytics.ledger.zone

    def rebuild(db: sqlite3.Connection) -> int:
        live = live_days(db, zone)
        days = set() if live is None else set(live.dates())
        days |= {
            date.fromordinal(day)
            for (day,) in db.execute("SELECT DISTINCT day FROM agg_day WHERE frozen = 0")
        }
        with transaction(db):
            return sum(rebuild_day(db, day, zone)[1] for day in sorted(days))

    return await analytics.ledger.db.run(rebuild)


async def fill(analytics: Analytics, *, days: int = 50, each: int = 3) -> None:
    """Record some events on each of the last days, with ids that grow with time."""
    for ago in reversed(range(days)):
        moment = NOON - ago * DAY
        await analytics.tracker.record_many(
            [usage(timestamp=moment, request_id=f"{ago}-{n}", tags=("t",)) for n in range(each)]
        )
    await analytics.maintenance.health()  # who reads waits for the sums


async def everything(analytics: Analytics, wanted: Filter | None = None) -> dict[str, Any]:
    """Return the report of the whole ledger, without what differs each time."""
    report = await analytics.reports.report(Period.ALL, wanted=wanted or Filter())
    return {
        name: value
        for name, value in report.as_dict().items()
        if name not in {"report_id", "events_from"}
    }


async def limit_pages(analytics: Analytics, spare: int) -> None:
    """Let the file grow by so many pages only, as on a disk that is nearly full."""

    def limit(db: sqlite3.Connection) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + spare}").fetchall()

    await analytics.ledger.db.run(limit)


def plain_json(value: object) -> str:
    """Return JSON with its decimals as texts."""
    return json.dumps(value, default=str)


async def exported_json(analytics: Analytics, **question: Any) -> dict[str, Any]:
    """Return the detailed report as its JSON file has it."""
    _, pieces = await analytics.exports.report_json(**question, detailed=True, write=plain_json)
    found: dict[str, Any] = json.loads("".join([piece async for piece in pieces]))
    return found
