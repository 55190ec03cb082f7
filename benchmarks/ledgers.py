"""Ledgers of any size: a household's year, recorded once and multiplied within SQLite.

A multiplied ledger has the same days, devices and models, and ``copies`` times the events on each
day, in chronological order and with their own request IDs. Its totals are rebuilt by the product.
"""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
import random
import shutil
import sqlite3

from custom_components.llm_analytics.analytics.periods import to_us
from custom_components.llm_analytics.analytics.store.database import prepare, transaction
from custom_components.llm_analytics.analytics.store.events import EVENT_COLUMNS
from custom_components.llm_analytics.analytics.store.rebuilding import live_days, rebuild_day
from custom_components.llm_analytics.analytics.store.request_ids import from_stored, request_hash

from .ingest import ZONE, ledger
from .measures import Bench
from .workload import NOW, Household, usage_event


async def product(bench: Bench, copies: int) -> Path:
    """Return the file of a ledger with ``copies`` times a household's events; do not modify it."""
    name = f"product-{copies}"
    if name not in bench.made:
        path = bench.folder / f"{name}.db"
        if copies == 1:
            bench.say("recording a household's year")
            async with ledger(path) as analytics:
                for usages in Household(4).year(bench.sizes.per_day, bench.sizes.days):
                    await analytics.tracker.record_many([usage_event(usage) for usage in usages])
        else:
            bench.say(f"multiplying it by {copies}")
            multiply(await product(bench, 1), path, copies)
        bench.made[name] = path
    return bench.made[name]


async def copied(bench: Bench, copies: int, folder: Path) -> Path:
    """Return a copy of such a ledger, which may be modified."""
    return Path(shutil.copy(await product(bench, copies), folder / "ledger.db"))


def multiply(source: Path, target: Path, copies: int) -> None:
    """Create a ledger that has every event of another one ``copies`` times."""
    shutil.copy(source, target)
    draw = random.Random(copies)
    with closing(sqlite3.connect(target, isolation_level=None)) as db:
        prepare(db)
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -200000")
        db.create_function("request_hash", 2, request_hash, deterministic=True)
        db.create_function("request_text", 1, from_stored, deterministic=True)
        db.create_function("uuid", 0, lambda: draw.randbytes(16))
        indexes = db.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'event'"
        ).fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        changed = {"time": "moved", "request_id": "request"}
        columns = EVENT_COLUMNS.split(", ")[1:]
        db.execute("CREATE TEMP TABLE copy (number INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO copy VALUES (?)", [(number,) for number in range(copies)])
        with transaction(db):
            db.execute("ALTER TABLE event RENAME TO source")
            sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'source'").fetchone()[0]
            db.execute(sql.replace('"source"', "event"))
            db.execute(
                f"INSERT INTO event ({', '.join(columns)})"
                f" SELECT {', '.join(changed.get(name, name) for name in columns)} FROM ("
                " SELECT *, MIN(time + number * 37000000, ?) AS moved,"
                " CASE number WHEN 0 THEN request_id ELSE uuid() END AS request"
                " FROM source CROSS JOIN copy) ORDER BY moved",
                (to_us(NOW),),
            )
            db.execute("DROP TABLE source")
            db.execute("DELETE FROM request")
            db.execute(
                "INSERT INTO request SELECT request_hash(provider, request_text(request_id)),"
                " event.id FROM event JOIN series ON series.id = event.series"
                " JOIN model ON model.id = series.model WHERE request_id IS NOT NULL ORDER BY 1, 2"
            )
            for _, sql in indexes:
                db.execute(sql)
            db.execute(
                "UPDATE ledger SET events = (SELECT COUNT(*) FROM event),"
                " last_event = (SELECT MAX(id) FROM event)"
            )
        days = live_days(db, ZONE)
        assert days is not None
        day = days.first
        while day <= days.last:
            with transaction(db):
                rebuild_day(db, day, ZONE)
            day += timedelta(days=1)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA incremental_vacuum")
