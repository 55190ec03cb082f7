"""The ledger's one row of counters, its first day, and which of its events are still there."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..errors import EventsRemovedError
from ..periods import DAY, from_us, midnight, to_us
from .aggregates import Dimension

# A clock that is wrong by no more does no harm.
_APART: Final = 2 * DAY


@dataclass(frozen=True, slots=True)
class Counters:
    """The one row of counters; ``events_from`` in µs or None, ``looked`` a local day or None."""

    events: int
    last_event: int
    events_from: int | None
    zone: str
    clean_stop: bool
    looked: date | None


def read_counters(db: sqlite3.Connection) -> Counters:
    """Return the counters."""
    row = db.execute(
        "SELECT events, last_event, events_from, zone, clean_stop, looked FROM ledger"
    ).fetchone()
    looked = None if row[5] is None else date.fromordinal(row[5])
    return Counters(row[0], row[1], row[2], row[3], bool(row[4]), looked)


def read_first_day(db: sqlite3.Connection) -> date | None:
    """Return the earliest local day that has a row, None for an empty ledger."""
    row = db.execute(
        f"SELECT MIN(day) FROM agg_day WHERE dimension = {Dimension.TOTAL:d}"
    ).fetchone()
    return None if row[0] is None else date.fromordinal(row[0])


def check_events(db: sqlite3.Connection, start: int, zone: tzinfo, field: str) -> None:
    """Raise EventsRemovedError if events at ``start`` (µs) may have been removed."""
    events_from = read_counters(db).events_from
    if events_from is not None and start < events_from:
        raise EventsRemovedError(field, from_us(events_from, zone).isoformat())


def check_bounds(
    db: sqlite3.Connection, start: datetime | None, end: datetime | None, zone: ZoneInfo
) -> None:
    """Raise EventsRemovedError if an instant inside a day whose events are gone is a bound."""
    for field, moment in (("start", start), ("end", end)):
        if moment is not None and midnight(moment.astimezone(zone).date(), zone) != moment:
            check_events(db, to_us(moment), zone, field)


def mark_stop(db: sqlite3.Connection, *, clean: bool) -> None:
    """Note whether the ledger is closed cleanly; read at the next start."""
    db.execute("UPDATE ledger SET clean_stop = ?", (int(clean),))


def read_frozen_days(db: sqlite3.Connection) -> list[date]:
    """Return the local days that have sums whose events are gone."""
    rows = db.execute(
        f"SELECT DISTINCT day FROM agg_day WHERE dimension = {Dimension.TOTAL:d}"
        " AND frozen = 1 ORDER BY day"
    )
    return [date.fromordinal(day) for (day,) in rows]


def read_last_confirmed_day(db: sqlite3.Connection) -> date | None:
    """Return the last local day with requests that is not that of a clock gone wrong.

    The last of all if it follows another within two days, else the one before it: a day that lies
    apart counts when a later one confirms it. None until two days have requests.
    """
    days = [
        date.fromordinal(day)
        for (day,) in db.execute(
            f"SELECT DISTINCT day FROM agg_day WHERE dimension = {Dimension.TOTAL:d}"
            " ORDER BY day DESC LIMIT 2"
        )
    ]
    if not days[1:]:
        return None
    last, before = days
    return last if last - before <= _APART else before
