"""Removing the events of old days, in steps small enough that recording goes on between them.

Each step is a transaction after which every total is right, so stopping anywhere is safe. One local
day goes after the other, oldest first: its sums become frozen, ``events_from`` moves to the
midnight that ends the day, and then its events are deleted. Sums that are not to be kept go last,
when no event is left that a deletion could still subtract from them. An event that arrives late for
such a day is added to the frozen sums.
"""

from dataclasses import dataclass
from datetime import date
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..long_term_statistics.changes import keep_removed
from ..periods import SLOT_US, midnight, to_us
from ..store import home_currency
from ..store.aggregates import SLOT_DIMENSIONS, Dimension, add_up
from ..store.database import transaction
from ..store.request_ids import sweep_requests
from ..totals import TOTAL_NAMES

_COLUMNS: Final = ", ".join(TOTAL_NAMES)
_FREEZE: Final = f"""
    INSERT INTO agg_day (dimension, day, key, frozen, {_COLUMNS})
    SELECT dimension, day, key, 1, {_COLUMNS} FROM agg_day
    WHERE dimension = ? AND day = ? AND frozen = 0
    {add_up("agg_day")}
"""


@dataclass(frozen=True, slots=True)
class CleanUpStep:
    """What one step of a clean-up did; ``done`` when nothing is left to do."""

    events: int = 0
    aggregates: int = 0
    done: bool = False


def clean_up_step(
    db: sqlite3.Connection, before: date, zone: ZoneInfo, *, rows: int, keep_aggregates: bool
) -> CleanUpStep:
    """Do the next step of removing the events of whole local days before ``before``.

    ``rows`` is how many events one step may delete.
    """
    events_from = db.execute("SELECT events_from FROM ledger").fetchone()[0]
    if events_from is not None:
        deleted = _delete_events(db, events_from, rows)
        if deleted:
            return CleanUpStep(events=deleted)
    for frozen in (0, 1):
        day = db.execute(
            "SELECT MIN(day) FROM agg_day WHERE dimension = ? AND day < ? AND frozen = ?",
            (Dimension.TOTAL, before.toordinal(), frozen),
        ).fetchone()[0]
        if day is not None and not frozen:
            _freeze_day(db, day, zone)
            return CleanUpStep()
        if day is not None and not keep_aggregates:
            return CleanUpStep(aggregates=_remove_day(db, day))
    return CleanUpStep(done=True)


def _freeze_day(db: sqlite3.Connection, day: int, zone: ZoneInfo) -> None:
    with transaction(db):
        db.executemany(_FREEZE, [(dimension, day) for dimension in Dimension])
        db.executemany(
            "DELETE FROM agg_day WHERE dimension = ? AND day = ? AND frozen = 0",
            [(dimension, day) for dimension in Dimension],
        )
        home_currency.freeze_day(db, day)
        end = to_us(midnight(date.fromordinal(day + 1), zone))
        db.execute("UPDATE ledger SET events_from = MAX(COALESCE(events_from, ?1), ?1)", (end,))


def _remove_day(db: sqlite3.Connection, day: int) -> int:
    removed = 0
    with transaction(db):
        for dimension in Dimension:
            removed += db.execute(
                "DELETE FROM agg_day WHERE dimension = ? AND day = ?", (dimension, day)
            ).rowcount
        removed += home_currency.remove_day(db, day)
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


def reclaim_pages(db: sqlite3.Connection, pages: int) -> int:
    """Give at most so many free pages back to the file system; return how many it were."""
    before: int = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
    after: int = db.execute("PRAGMA page_count").fetchone()[0]
    return before - after


def read_page_size(db: sqlite3.Connection) -> int:
    """Return the bytes of a page."""
    size: int = db.execute("PRAGMA page_size").fetchone()[0]
    return size
