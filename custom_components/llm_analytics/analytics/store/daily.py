"""The sums of whole local days one by one, as everything that looks at the last days takes them."""

from datetime import date
import sqlite3
from zoneinfo import ZoneInfo

from ..periods import DAY, Days
from ..totals import Totals
from . import queries
from .filters import Chosen
from .queries import Window


def day_totals(
    db: sqlite3.Connection,
    days: Days,
    chosen: Chosen | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> dict[date, Totals]:
    """Return the sums of every day, earliest first, idle ones as zeros.

    With a ``currency`` they hold the household's own figures in it too.
    """
    rows = queries.sums(db, Window(days), chosen, by_day=True, zone=zone, currency=currency)
    found = {key: totals for (key, _), totals in rows.items()}
    return {day: found.get(day.toordinal(), Totals()) for day in days.dates()}


def seen_days(db: sqlite3.Connection, days: Days) -> Days:
    """Return the days from the ledger's first day on; none for an empty ledger."""
    first = queries.first_day(db)
    if first is None:
        return Days(days.last + DAY, days.last)
    return Days(max(first, days.first), days.last)
