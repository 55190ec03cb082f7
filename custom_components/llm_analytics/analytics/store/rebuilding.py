"""Summing local days anew from their events: a rebuild, and another time zone.

Frozen sums are never summed anew or dated by another zone, because nothing is left to do it from.
"""

from datetime import date, timedelta
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..periods import SLOT_US, Days, day_span, from_us, local_day, midnight, to_us
from ..totals import TOTAL_NAMES
from . import home_currency
from .aggregates import SLOT_DIMENSIONS, Dimension, note_slots
from .database import transaction
from .filters import EVENT_KEYS, event_source

_COLUMNS: Final = ", ".join(TOTAL_NAMES)


def _rebuild_statement(dimension: Dimension) -> str:
    return f"""
        INSERT INTO agg_day (dimension, day, key, frozen, {_COLUMNS})
        SELECT {dimension:d}, ?, {EVENT_KEYS[dimension]}, 0, COUNT(*), SUM(failed),
            SUM(prompt = 0 AND response = 0), SUM(prompt), SUM(response), SUM(cache_read),
            SUM(cache_write), SUM(cache_write_1h), SUM(reasoning), COALESCE(SUM(cost), 0),
            SUM(cost IS NULL), COALESCE(SUM(latency), 0), COUNT(latency)
        FROM {event_source(dimension)} WHERE event.time >= ? AND event.time < ? GROUP BY 3
    """


_REBUILD: Final = {dimension: _rebuild_statement(dimension) for dimension in Dimension}
_REBUILD_SLOTS: Final = {
    dimension: f"""
        INSERT INTO agg_slot (dimension, slot, key, requests, prompt, response, cost)
        SELECT {dimension:d}, time / {SLOT_US}, {EVENT_KEYS[dimension]}, COUNT(*), SUM(prompt),
            SUM(response), COALESCE(SUM(cost), 0)
        FROM event CROSS JOIN series ON series.id = event.series
        WHERE event.time >= ? AND event.time < ? GROUP BY 2, 3
        ON CONFLICT (dimension, slot, key) DO UPDATE SET
        requests = excluded.requests, prompt = excluded.prompt,
        response = excluded.response, cost = excluded.cost
    """
    for dimension in SLOT_DIMENSIONS
}


def live_days(db: sqlite3.Connection, zone: ZoneInfo) -> Days | None:
    """Return the local days from the first to the last that have live events or sums, or None.

    Sums without an event are there only if another program changed the file.
    """
    events_from = db.execute("SELECT COALESCE(events_from, 0) FROM ledger").fetchone()[0]
    times = db.execute(
        "SELECT (SELECT MIN(time) FROM event WHERE time >= ?1),"
        " (SELECT MAX(time) FROM event WHERE time >= ?1)",
        (events_from,),
    ).fetchone()
    sums = db.execute(
        f"SELECT MIN(day), MAX(day) FROM agg_day WHERE dimension = {Dimension.TOTAL:d}"
        " AND frozen = 0"
    ).fetchone()
    days = [local_day(from_us(time), zone) for time in times if time is not None]
    days += [date.fromordinal(day) for day in sums if day is not None]
    return Days(min(days), max(days)) if days else None


def rebuild_day(db: sqlite3.Connection, day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Sum one local day anew from its events, in the caller's transaction.

    Only live sums are touched. Returns how many rows there are now, and how many of the old and
    new rows differed (0, unless another program changed the file).
    """
    events_from = db.execute("SELECT COALESCE(events_from, 0) FROM ledger").fetchone()[0]
    span = day_span(Days(day, day), zone)
    start, end = max(to_us(span.start), events_from), to_us(span.end)
    number = day.toordinal()
    before = _live_rows(db, number, start, end)
    for dimension in Dimension:
        db.execute(
            "DELETE FROM agg_day WHERE dimension = ? AND day = ? AND frozen = 0",
            (dimension, number),
        )
        db.execute(_REBUILD[dimension], (number, start, end))
    home_currency.rebuild_day(db, number, start, end)
    for dimension in SLOT_DIMENSIONS:
        db.execute(
            "UPDATE agg_slot SET requests = 0, prompt = 0, response = 0, cost = 0"
            " WHERE dimension = ? AND slot >= ? AND slot < ?",
            (dimension, start // SLOT_US, end // SLOT_US),
        )
        db.execute(_REBUILD_SLOTS[dimension], (start, end))
    after = _live_rows(db, number, start, end)
    differing = before ^ after
    note_slots(db, [(row[1], row[2], row[3]) for row in differing if row[0] == 1])
    return len(after), len(differing)


def _live_rows(db: sqlite3.Connection, day: int, start: int, end: int) -> set[tuple[Any, ...]]:
    rows: set[tuple[Any, ...]] = home_currency.live_rows(db, day)
    for dimension in Dimension:
        rows.update(
            db.execute(
                f"SELECT 0, dimension, key, {_COLUMNS} FROM agg_day"
                " WHERE dimension = ? AND day = ? AND frozen = 0",
                (dimension, day),
            )
        )
    for dimension in SLOT_DIMENSIONS:
        rows.update(
            db.execute(
                "SELECT 1, * FROM agg_slot"
                " WHERE dimension = ? AND slot >= ? AND slot < ? AND requests > 0",
                (dimension, start // SLOT_US, end // SLOT_US),
            )
        )
    return rows


def set_zone(db: sqlite3.Connection, zone: ZoneInfo) -> bool:
    """Date the live sums by another zone, if they are not already; return whether they were not.

    One transaction: answers are by the old zone until all of them are by the new one. Days whose
    events are gone keep their dates; so the events that clean-up has yet to remove go before, as
    the new zone would look for them in other days than those that count them.
    """
    if db.execute("SELECT zone FROM ledger").fetchone()[0] == zone.key:
        return False
    with transaction(db):
        events_from = db.execute("SELECT COALESCE(events_from, 0) FROM ledger").fetchone()[0]
        left = db.execute("DELETE FROM event WHERE time < ?", (events_from,)).rowcount
        db.execute("UPDATE ledger SET events = events - ?", (left,))
        for dimension in Dimension:
            db.execute("DELETE FROM agg_day WHERE dimension = ? AND frozen = 0", (dimension,))
        home_currency.remove_live(db)
        days = live_days(db, zone)
        if days is not None:
            _redate(db, days, zone)
        db.execute("UPDATE ledger SET zone = ?", (zone.key,))
    return True


def _redate(db: sqlite3.Connection, days: Days, zone: ZoneInfo) -> None:
    events_from = db.execute("SELECT COALESCE(events_from, 0) FROM ledger").fetchone()[0]
    day = days.first
    while day <= days.last:
        start, end = (
            max(to_us(midnight(day, zone)), events_from),
            to_us(midnight(day + timedelta(days=1), zone)),
        )
        # There is always one: the last live event lies in the last day.
        found = db.execute("SELECT MIN(time) FROM event WHERE time >= ?", (start,)).fetchone()[0]
        if found >= end:  # skip idle days at once
            day = local_day(from_us(found), zone)
            continue
        for dimension in Dimension:
            db.execute(_REBUILD[dimension], (day.toordinal(), start, end))
        home_currency.rebuild_day(db, day.toordinal(), start, end)
        day += timedelta(days=1)
