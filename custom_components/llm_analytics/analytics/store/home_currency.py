"""Care of the sums in the household's own currency: ``agg_home`` follows ``agg_day`` in all.

A home that never asked for a currency has no row here, and no day of it is summed in vain.
"""

import sqlite3
from typing import Any, Final

from .aggregates import Dimension, add_up
from .filters import EVENT_KEYS, event_source

_FREEZE: Final = f"""
    INSERT INTO agg_home (dimension, day, key, frozen, currency, requests, cost)
    SELECT dimension, day, key, 1, currency, requests, cost FROM agg_home
    WHERE dimension = ? AND day = ? AND frozen = 0
    {add_up("agg_home")}
"""
_CONVERTED: Final = "event.time >= ? AND event.time < ? AND home_currency IS NOT NULL"
_REBUILD: Final = {
    dimension: f"""
        INSERT INTO agg_home (dimension, day, key, frozen, currency, requests, cost)
        SELECT {dimension:d}, ?, {EVENT_KEYS[dimension]}, 0, home_currency, COUNT(*),
            SUM(home_cost)
        FROM {event_source(dimension)} WHERE {_CONVERTED} GROUP BY 3, 5
    """
    for dimension in Dimension
}
_REMOVE_LIVE: Final = "DELETE FROM agg_home WHERE dimension = ? AND day = ? AND frozen = 0"


def freeze_day(db: sqlite3.Connection, day: int) -> None:
    """Make a day's sums those of events that are gone, in the caller's transaction."""
    places = [(dimension, day) for dimension in Dimension]
    db.executemany(_FREEZE, places)
    db.executemany(_REMOVE_LIVE, places)


def remove_day(db: sqlite3.Connection, day: int) -> int:
    """Remove a day's sums and return how many rows went."""
    return db.executemany(
        "DELETE FROM agg_home WHERE dimension = ? AND day = ?",
        [(dimension, day) for dimension in Dimension],
    ).rowcount


def remove_live(db: sqlite3.Connection) -> None:
    """Remove all sums of live events."""
    db.executemany(
        "DELETE FROM agg_home WHERE dimension = ? AND frozen = 0",
        [(dimension,) for dimension in Dimension],
    )


def rebuild_day(db: sqlite3.Connection, day: int, start: int, end: int) -> None:
    """Sum a day's live rows anew from the events with start <= time < end (µs)."""
    db.executemany(_REMOVE_LIVE, [(dimension, day) for dimension in Dimension])
    found = db.execute(f"SELECT 1 FROM event WHERE {_CONVERTED} LIMIT 1", (start, end))
    if found.fetchone() is not None:
        for dimension in Dimension:
            db.execute(_REBUILD[dimension], (day, start, end))


def live_rows(db: sqlite3.Connection, day: int) -> set[tuple[Any, ...]]:
    """Return a day's live rows, so that they can be compared."""
    rows: set[tuple[Any, ...]] = set()
    for dimension in Dimension:
        rows.update(
            db.execute(
                "SELECT 2, dimension, key, currency, requests, cost FROM agg_home"
                " WHERE dimension = ? AND day = ? AND frozen = 0",
                (dimension, day),
            )
        )
    return rows
