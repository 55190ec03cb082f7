"""Giving recorded events their figure in the household's own currency after the fact.

Live events with a cost only, in small steps on the thread that writes; each step moves the events
and their sums in one transaction. Every event takes the rate of its own time that is known now,
and none known leaves it as it is. Costs in USD are not touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..periods import from_us, local_day
from ..store.aggregates import Changes
from ..store.database import transaction
from ..store.events import stored_home
from ..store.filters import tags_of
from ..store.recording import DATA_ERRORS, refusal
from ..totals import Json
from .ladder import PriceBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What converting recorded events changed; ``left`` have no figure in the currency."""

    currency: str
    converted: int
    left: int
    skipped: Sequence[date]
    complete: bool

    def as_dict(self) -> dict[str, Json]:
        """Return the outcome as the API writes it."""
        return {
            "status": "ok" if self.complete else "incomplete",
            "message": self._message(),
            "currency": self.currency,
            "converted_events": self.converted,
            "still_unconverted": self.left,
            "skipped": [day.isoformat() for day in self.skipped],
            "complete": self.complete,
        }

    def _message(self) -> str:
        if not self.complete:
            return "There is more to do: convert with the same fields until it is complete"
        if self.converted:
            return f"{self.converted} events now have a cost in {self.currency}"
        if self.left:
            return "Nothing changed: the events that are left have no cost or no exchange rate"
        return f"Nothing changed: every event already has its cost in {self.currency}"


BATCH: Final = 1_000
_SELECT: Final = """
    SELECT event.id, event.time, event.cost, event.home_cost, event.home_currency, event.tag_set,
        series.id, series.device, series.endpoint, series.model, series.user
    FROM event CROSS JOIN series ON series.id = event.series
    WHERE (event.time, event.id) > (?, ?) AND event.time < ?
    ORDER BY event.time, event.id LIMIT ?
"""
_UPDATE: Final = "UPDATE event SET home_cost = ?, home_currency = ? WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events: start <= time < end in µs, perhaps only those without a figure."""

    start: int
    end: int
    only_unconverted: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did; ``position`` is where the next one goes on, None at the end.

    ``left`` counts the events that have no figure in the currency after it.
    """

    converted: int
    left: int
    position: tuple[int, int] | None


def convert(
    db: sqlite3.Connection,
    scope: Scope,
    position: tuple[int, int] | None,
    *,
    book: PriceBook,
    zone: ZoneInfo,
) -> Step:
    """Convert the next batch of the scope's events, after ``position`` (time, id).

    Raises InvalidInputError where a sum would leave 64 bits; that batch is not touched.
    """
    start = max(position or (scope.start, -1), (scope.start, -1))
    try:
        with transaction(db):
            rows = db.execute(_SELECT, (*start, scope.end, BATCH)).fetchall()
            return _convert_rows(db, rows, scope, book, zone)
    except DATA_ERRORS as error:
        raise refusal(error) from None


def _convert_rows(
    db: sqlite3.Connection,
    rows: Sequence[tuple[Any, ...]],
    scope: Scope,
    book: PriceBook,
    zone: ZoneInfo,
) -> Step:
    events_from = db.execute("SELECT COALESCE(events_from, 0) FROM ledger").fetchone()[0]
    changes, updates, left = Changes(), [], 0
    for event_id, time, cost, *stored, tag_set, series, device, endpoint, model, user in rows:
        before, moment = stored_home(*stored), from_us(time)
        after = before
        if before is None or not scope.only_unconverted:
            after = book.home_cost(cost, book.home, moment) or before
        left += after is None or after[1] != book.home
        if after is None or after == before:
            continue
        updates.append((*after, event_id))
        ids, tags = (series, device, endpoint, model, user), tags_of(db, tag_set)
        day, frozen = local_day(moment, zone).toordinal(), int(time < events_from)
        for home, sign in ((before, -1), (after, 1)):
            changes.add(ids, tags, time=time, day=day, frozen=frozen, home=home, sign=sign)
    db.executemany(_UPDATE, updates)
    changes.apply(db)
    more = len(rows) == BATCH
    return Step(len(updates), left, (rows[-1][1], rows[-1][0]) if more else None)
