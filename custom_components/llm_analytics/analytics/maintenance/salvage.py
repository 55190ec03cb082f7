"""Reading what can still be read of a damaged file."""

import sqlite3
from zoneinfo import ZoneInfo

from ..errors import InvalidInputError
from ..models import StoredEvent
from ..store.events import SELECT_EVENTS, event_of_row


def events_after(
    db: sqlite3.Connection, last_event: int, zone: ZoneInfo
) -> tuple[list[StoredEvent], int]:
    """Return the events beyond an id that can be read, oldest first, and how many cannot."""
    found: list[StoredEvent] = []
    unreadable = 0
    newest = db.execute("SELECT MAX(id) FROM event").fetchone()[0] or 0
    for event_id in range(last_event + 1, newest + 1):
        try:
            row = db.execute(f"{SELECT_EVENTS} WHERE event.id = ?", (event_id,)).fetchone()
            if row is not None:
                found.append(event_of_row(row, zone))
        except sqlite3.DatabaseError, InvalidInputError:
            unreadable += 1
    return found, unreadable
