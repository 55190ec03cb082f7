"""Single events that are deleted, or counted after a process has ended before it could."""

from contextlib import suppress
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..periods import from_us, local_day
from .aggregates import Changes, event_vector
from .database import transaction
from .events import stored_home
from .filters import tags_of

# What of an event is counted, by which names.
_COUNTED: Final = """
    SELECT time, failed, prompt, response, cache_read, cache_write, cache_write_1h,
        reasoning, cost, latency, tag_set, series.id, device, endpoint, model, user,
        home_cost, home_currency
    FROM event JOIN series ON series.id = event.series
"""


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
