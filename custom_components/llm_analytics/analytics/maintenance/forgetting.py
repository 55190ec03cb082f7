"""Forgetting a device or a user: requests are reassigned to none, or deleted.

The names go from the dimension tables, the events and sums move to "none". When the events are to
be deleted they are taken out of every sum first; of days whose events were removed earlier only
sums are left, and those stay, without the name.
"""

from collections.abc import Iterable
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..long_term_statistics.changes import forget_series
from ..store.aggregates import USER_MODEL_SHIFT, Dimension, add_up
from ..store.corrections import remove_event
from ..store.database import transaction
from ..store.dimensions import NONE
from ..totals import TOTAL_NAMES

BATCH: Final = 500
_COLUMNS: Final = ", ".join(TOTAL_NAMES)
_SUMS: Final = ", ".join(f"SUM({name})" for name in TOTAL_NAMES)
_MOVE_DAYS: Final = f"""
    INSERT INTO agg_day (dimension, day, key, frozen, {_COLUMNS})
    SELECT dimension, day, moved.target, frozen, {_SUMS}
    FROM agg_day JOIN moved ON moved.key = agg_day.key
    WHERE dimension = ? GROUP BY day, moved.target, frozen
    {add_up("agg_day")}
"""
_MOVE_HOME: Final = f"""
    INSERT INTO agg_home (dimension, day, key, frozen, currency, requests, cost)
    SELECT dimension, day, moved.target, frozen, currency, SUM(requests), SUM(cost)
    FROM agg_home JOIN moved ON moved.key = agg_home.key
    WHERE dimension = ? GROUP BY day, moved.target, frozen, currency
    {add_up("agg_home")}
"""
_MOVE_SLOTS: Final = f"""
    INSERT INTO agg_slot (dimension, slot, key, requests, prompt, response, cost)
    SELECT dimension, slot, moved.target, SUM(requests), SUM(prompt), SUM(response), SUM(cost)
    FROM agg_slot JOIN moved ON moved.key = agg_slot.key
    WHERE dimension = ? GROUP BY slot, moved.target
    {add_up("agg_slot")}
"""


def delete_events_of(
    db: sqlite3.Connection, dimension: Dimension, key: int, after: int, zone: ZoneInfo
) -> tuple[int, int | None]:
    """Delete the next batch of a device's or user's events with ids beyond ``after``.

    Returns how many, and the id to go on from (None at the end).
    """
    column = dimension.name.lower()
    rows = db.execute(
        f"SELECT event.id FROM event CROSS JOIN series ON series.id = event.series"
        f" WHERE event.id > ? AND series.{column} = ? ORDER BY event.id LIMIT {BATCH}",
        (after, key),
    ).fetchall()
    with transaction(db):
        for (event_id,) in rows:
            remove_event(db, event_id, zone)
    return len(rows), rows[-1][0] if len(rows) == BATCH else None


def reassign(db: sqlite3.Connection, dimension: Dimension, key: int) -> int:
    """Reassign everything of a device or user to none in one transaction; return how many."""
    with transaction(db):
        name = db.execute(
            f"SELECT key FROM {dimension.name.lower()} WHERE id = ?", (key,)
        ).fetchone()[0]
        forget_series(db, dimension, key)
        series = _target_series(db, dimension, key)
        changed = _move_events(db, series)
        _move(db, Dimension.SERIES, series)
        _move(db, dimension, [(key, NONE)])
        if dimension is Dimension.USER:
            models = db.execute("SELECT id FROM model").fetchall()
            _move(
                db,
                Dimension.USER_MODEL,
                [((key << USER_MODEL_SHIFT) | model, model) for (model,) in models],
            )
            _forget_label(db, name)
        db.executemany("DELETE FROM series WHERE id = ?", [(old,) for old, _ in series])
        db.execute(f"DELETE FROM {dimension.name.lower()} WHERE id = ?", (key,))
    return changed


def _target_series(db: sqlite3.Connection, dimension: Dimension, key: int) -> list[tuple[int, int]]:
    """Return (series, the same without the device or user), made where it is missing."""
    column = dimension.name.lower()
    columns = ["device", "endpoint", "model", "user"]
    kept = [f"0 AS {name}" if name == column else name for name in columns]
    db.execute(
        f"INSERT OR IGNORE INTO series (device, endpoint, model, user)"
        f" SELECT {', '.join(kept)} FROM series WHERE {column} = ?",
        (key,),
    )
    same = " AND ".join(
        f"target.{name} = {0 if name == column else f'series.{name}'}" for name in columns
    )
    return db.execute(
        f"SELECT series.id, target.id FROM series JOIN series AS target ON {same}"
        f" WHERE series.{column} = ?",
        (key,),
    ).fetchall()


def _move_events(db: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> int:
    _fill(db, pairs)
    return db.execute(
        "UPDATE event SET series = (SELECT target FROM moved WHERE key = event.series)"
        " WHERE series IN (SELECT key FROM moved)"
    ).rowcount


def _move(db: sqlite3.Connection, dimension: Dimension, pairs: Iterable[tuple[int, int]]) -> None:
    """Add the sums of each key to another's, and drop the first."""
    _fill(db, pairs)
    for table, statement in (
        ("agg_day", _MOVE_DAYS),
        ("agg_slot", _MOVE_SLOTS),
        ("agg_home", _MOVE_HOME),
    ):
        db.execute(statement, (dimension,))
        db.execute(
            f"DELETE FROM {table} WHERE dimension = ? AND key IN (SELECT key FROM moved)",
            (dimension,),
        )


def _fill(db: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> None:
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS moved (key INTEGER PRIMARY KEY, target INTEGER NOT NULL)"
    )
    db.execute("DELETE FROM moved")
    db.executemany("INSERT INTO moved (key, target) VALUES (?, ?)", pairs)


def _forget_label(db: sqlite3.Connection, name: str) -> None:
    """Take a user's id off the events it recorded, and away unless it names something else too."""
    row = db.execute("SELECT id FROM label WHERE key = ?", (name,)).fetchone()
    if row is None:
        return
    db.execute("UPDATE origin SET recorded_by = ? WHERE recorded_by = ?", (NONE, *row))
    used = db.execute(
        "SELECT 1 FROM origin WHERE ?1 IN (agent, context, source)"
        " UNION ALL SELECT 1 FROM event WHERE ?1 IN (priced_as, error_type) LIMIT 1",
        row,
    )
    if used.fetchone() is None:
        db.execute("DELETE FROM label WHERE id = ?", row)
