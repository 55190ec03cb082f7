"""Clean-up, rebuilding and re-dating of the sums, deletion, and the care of the file.

All of it runs on the thread that writes, in steps small enough that recording goes on between
them; each step is a transaction after which every total is right, so stopping anywhere is safe.

*Clean-up* takes one local day after the other, oldest first: its sums become frozen,
``events_from`` moves to the midnight that ends the day, and then its events are deleted. Sums that
are not to be kept go last, when no event is left that a deletion could still subtract from them.
Frozen sums are never rebuilt or re-dated, because nothing is left to do it from. An event that
arrives late for such a day is added to the frozen sums.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..periods import SLOT_US, Days, day_span, from_us, local_day, midnight, to_us
from ..totals import TOTAL_NAMES
from . import home
from .aggregates import (
    SLOT_DIMENSIONS,
    Changes,
    Dimension,
    add_up,
    event_vector,
    note_slots,
)
from .database import transaction
from .events import stored_home
from .filters import EVENT_KEYS, event_source, tags_of
from .hourly import keep_removed
from .requests import sweep_requests

_COLUMNS: Final = ", ".join(TOTAL_NAMES)
_FREEZE: Final = f"""
    INSERT INTO agg_day (dimension, day, key, frozen, {_COLUMNS})
    SELECT dimension, day, key, 1, {_COLUMNS} FROM agg_day
    WHERE dimension = ? AND day = ? AND frozen = 0
    {add_up("agg_day")}
"""


def _rebuild_statement(dimension: Dimension) -> str:
    return f"""
        INSERT INTO agg_day (dimension, day, key, frozen, {_COLUMNS})
        SELECT {dimension:d}, ?, {EVENT_KEYS[dimension]}, 0, COUNT(*), SUM(failed),
            SUM(prompt = 0 AND response = 0), SUM(prompt), SUM(response), SUM(cache_read),
            SUM(cache_write), SUM(cache_write_1h), SUM(reasoning), COALESCE(SUM(cost), 0),
            SUM(cost IS NULL), COALESCE(SUM(latency), 0), COUNT(latency)
        FROM {event_source(dimension)} WHERE event.time >= ? AND event.time < ? GROUP BY 3
    """


# What of an event is counted, by which names.
_COUNTED: Final = """
    SELECT time, failed, prompt, response, cache_read, cache_write, cache_write_1h,
        reasoning, cost, latency, tag_set, series.id, device, endpoint, model, user,
        home_cost, home_currency
    FROM event JOIN series ON series.id = event.series
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


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a clean-up did; ``done`` when nothing is left to do."""

    events: int = 0
    aggregates: int = 0
    done: bool = False


def clean_up(
    db: sqlite3.Connection, before: date, zone: ZoneInfo, *, rows: int, keep_aggregates: bool
) -> Step:
    """Do the next step of removing the events of whole local days before ``before``.

    ``rows`` is how many events one step may delete.
    """
    events_from = db.execute("SELECT events_from FROM ledger").fetchone()[0]
    if events_from is not None:
        deleted = _delete_events(db, events_from, rows)
        if deleted:
            return Step(events=deleted)
    for frozen in (0, 1):
        day = db.execute(
            "SELECT MIN(day) FROM agg_day WHERE dimension = ? AND day < ? AND frozen = ?",
            (Dimension.TOTAL, before.toordinal(), frozen),
        ).fetchone()[0]
        if day is not None and not frozen:
            _freeze_day(db, day, zone)
            return Step()
        if day is not None and not keep_aggregates:
            return Step(aggregates=_remove_day(db, day))
    return Step(done=True)


def _freeze_day(db: sqlite3.Connection, day: int, zone: ZoneInfo) -> None:
    with transaction(db):
        db.executemany(_FREEZE, [(dimension, day) for dimension in Dimension])
        db.executemany(
            "DELETE FROM agg_day WHERE dimension = ? AND day = ? AND frozen = 0",
            [(dimension, day) for dimension in Dimension],
        )
        home.freeze_day(db, day)
        end = to_us(midnight(date.fromordinal(day + 1), zone))
        db.execute("UPDATE ledger SET events_from = MAX(COALESCE(events_from, ?1), ?1)", (end,))


def _remove_day(db: sqlite3.Connection, day: int) -> int:
    removed = 0
    with transaction(db):
        for dimension in Dimension:
            removed += db.execute(
                "DELETE FROM agg_day WHERE dimension = ? AND day = ?", (dimension, day)
            ).rowcount
        removed += home.remove_day(db, day)
        end = _uncounted_slots(db)
        for dimension in SLOT_DIMENSIONS:
            keep_removed(db, dimension, end)
            db.execute("DELETE FROM agg_slot WHERE dimension = ? AND slot < ?", (dimension, end))
    return removed


def _uncounted_slots(db: sqlite3.Connection) -> int:
    """Return the slot before which no day counts anything any more.

    Days go oldest first, so the oldest slots went with them: as many as make up for the requests
    that no day counts. The calendar cannot tell, for a day may have been dated by another zone.
    """
    surplus, events_from = db.execute(
        f"""
        SELECT (SELECT COALESCE(SUM(requests), 0) FROM agg_slot
                WHERE dimension = {Dimension.TOTAL:d})
            - (SELECT COALESCE(SUM(requests), 0) FROM agg_day
                WHERE dimension = {Dimension.TOTAL:d}),
            events_from FROM ledger
        """
    ).fetchone()
    slots = db.execute(
        f"SELECT slot, requests FROM agg_slot WHERE dimension = {Dimension.TOTAL:d}"
        " AND slot < ? AND requests > 0 ORDER BY slot",
        (events_from // SLOT_US,),
    )
    end = 0
    for slot, requests in slots:
        surplus -= requests
        if surplus < 0:
            break
        end = slot + 1
    return int(end)


def _delete_events(db: sqlite3.Connection, before: int, rows: int) -> int:
    if db.execute("SELECT 1 FROM event WHERE time < ? LIMIT 1", (before,)).fetchone() is None:
        return 0  # a transaction would wait for the disk
    with transaction(db):
        deleted = db.execute(
            "DELETE FROM event WHERE id IN"
            " (SELECT id FROM event WHERE time < ? ORDER BY time LIMIT ?)",
            (before, rows),
        ).rowcount
        db.execute("UPDATE ledger SET events = events - ?", (deleted,))
        sweep_requests(db, deleted)
    return int(deleted)


def reclaim(db: sqlite3.Connection, pages: int) -> int:
    """Give at most so many free pages back to the file system; return how many it were."""
    before: int = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
    after: int = db.execute("PRAGMA page_count").fetchone()[0]
    return before - after


def page_size(db: sqlite3.Connection) -> int:
    """Return the bytes of a page."""
    size: int = db.execute("PRAGMA page_size").fetchone()[0]
    return size


def delete_event(db: sqlite3.Connection, event_id: int, zone: ZoneInfo) -> bool:
    """Delete one event and take it out of every sum; False if there is none with that id."""
    with transaction(db):
        return remove_event(db, event_id, zone)


def remove_event(db: sqlite3.Connection, event_id: int, zone: ZoneInfo) -> bool:
    """Do what ``delete_event`` does within the caller's transaction."""
    row = db.execute(f"{_COUNTED} WHERE event.id = ?", (event_id,)).fetchone()
    if row is None:
        return False
    changes = Changes()
    _add(changes, db, row, zone, sign=-1)
    changes.apply(db, may_empty=True)
    db.execute("DELETE FROM event WHERE id = ?", (event_id,))
    db.execute("UPDATE ledger SET events = events - 1")
    return True


def _add(
    changes: Changes, db: sqlite3.Connection, row: tuple[Any, ...], zone: ZoneInfo, *, sign: int
) -> None:
    """Add what an event's row of _COUNTED counts to some changes."""
    time, failed, *tokens, cost, latency, tag_set = row[:11]
    events_from = db.execute("SELECT events_from FROM ledger").fetchone()[0]
    ids, tags = row[11:16], tags_of(db, tag_set)
    day = local_day(from_us(time), zone).toordinal()
    frozen = int(events_from is not None and time < events_from)
    changes.add(
        ids,
        tags,
        time=time,
        day=day,
        frozen=frozen,
        vector=event_vector(failed, tokens, cost, latency),
        home=stored_home(row[16], row[17]),
        sign=sign,
    )


def catch_up(db: sqlite3.Connection, zone: ZoneInfo) -> int:
    """Add what has been recorded, but not added to any sum before the ledger's process ended.

    Days are dated as they were then; by ``zone`` only if the system no longer knows that of then.
    Returns how many events it was.
    """
    complete, dated_by = db.execute("SELECT summed = last_event, zone FROM ledger").fetchone()
    if complete:
        return 0
    with suppress(ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo(dated_by)
    with transaction(db):
        changes = Changes()
        for row in db.execute(f"{_COUNTED} WHERE event.id > (SELECT summed FROM ledger)"):
            _add(changes, db, row, zone, sign=1)
        changes.apply(db)
        db.execute("UPDATE ledger SET summed = last_event")
    return changes.events


def live_days(db: sqlite3.Connection, zone: ZoneInfo) -> Days | None:
    """Return the local days from the first to the last that have live events or sums, or None.

    Sums without an event are there only if the file was changed by other hands.
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
    new rows differed (0, unless the file was changed by other hands).
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
    home.rebuild_day(db, number, start, end)
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
    rows: set[tuple[Any, ...]] = home.live_rows(db, day)
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
        home.remove_live(db)
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
        home.rebuild_day(db, day.toordinal(), start, end)
        day += timedelta(days=1)


def mark(db: sqlite3.Connection, *, clean: bool) -> None:
    """Note whether the ledger is closed cleanly; read at the next start."""
    db.execute("UPDATE ledger SET clean_stop = ?", (int(clean),))


def frozen_days(db: sqlite3.Connection) -> list[date]:
    """Return the local days that have sums whose events are gone."""
    rows = db.execute(
        f"SELECT DISTINCT day FROM agg_day WHERE dimension = {Dimension.TOTAL:d}"
        " AND frozen = 1 ORDER BY day"
    )
    return [date.fromordinal(day) for (day,) in rows]
