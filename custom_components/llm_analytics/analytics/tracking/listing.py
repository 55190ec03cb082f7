"""Lists of single events, newest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
import re
import sqlite3
from typing import Final

from ..directory import NOBODY, Directory
from ..errors import InvalidInputError
from ..models import StoredEvent
from ..periods import DAY, Days, day_span, from_us, to_us
from ..store.aggregates import Dimension
from ..store.day_sums import day_source
from ..store.events import SELECT_EVENTS, event_of_row
from ..store.filters import ResolvedFilter, event_conditions
from ..totals import Json

_FIELDS: Final = {
    Dimension.DEVICE: "device",
    Dimension.ENDPOINT: "endpoint",
    Dimension.MODEL: "models",
    Dimension.USER: "user",
    Dimension.TAG: "tag",
}
_CURSOR: Final = re.compile("([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events, newest first, and the cursor of the next page (None at the end)."""

    events: Sequence[StoredEvent]
    next: str | None
    events_from: datetime | None

    def as_dict(self) -> dict[str, Json]:
        """Return the page as the API writes it."""
        return {
            "events": [event.as_dict() for event in self.events],
            "next": self.next,
            "events_from": None if self.events_from is None else self.events_from.isoformat(),
        }


def read_events(
    db: sqlite3.Connection,
    chosen: ResolvedFilter | None,
    *,
    start: int,
    end: int,
    failed: bool | None = None,
    before: tuple[int, int] | None = None,
    limit: int,
    zone: tzinfo,
    directory: Directory = NOBODY,
) -> list[StoredEvent]:
    """Return up to ``limit`` events with start <= time < end (µs), newest first.

    ``before`` is the (time, id) of the last event already seen. With a filter the days that have
    rows for it are walked newest first, so an idle device's last events are found without a
    search through those of all other devices.
    """
    if chosen is None:
        return []
    found: list[StoredEvent] = []
    if before is not None:
        end = min(end, before[0] + 1)
    for low, high in _stretches(db, chosen, start=start, end=end, zone=zone):
        rows = _rows_between(
            db, chosen, low, high, failed=failed, before=before, limit=limit - len(found)
        )
        found += [event_of_row(row, zone, directory) for row in rows]
        if len(found) >= limit:
            break
    return found


def _rows_between(
    db: sqlite3.Connection,
    chosen: ResolvedFilter,
    low: int,
    high: int,
    *,
    failed: bool | None,
    before: tuple[int, int] | None,
    limit: int,
) -> sqlite3.Cursor:
    where, parameters = event_conditions(chosen)
    if failed is not None:
        where += " AND event.failed = ?"
        parameters += (int(failed),)
    if before is not None:
        where += " AND (event.time, event.id) < (?, ?)"
        parameters += before
    return db.execute(
        f"{SELECT_EVENTS} WHERE event.time >= ? AND event.time < ?{where}"
        " ORDER BY event.time DESC, event.id DESC LIMIT ?",
        (low, high, *parameters, limit),
    )


def _stretches(
    db: sqlite3.Connection, chosen: ResolvedFilter, *, start: int, end: int, zone: tzinfo
) -> Iterator[tuple[int, int]]:
    """Yield the stretches of time (µs) to look through, newest first."""
    filtered = chosen.dimensions
    if not filtered:
        yield start, end
        return
    bounds = db.execute("SELECT MIN(time), MAX(time) FROM event").fetchone()
    if bounds[0] is None:
        return
    low, high = max(start, bounds[0]), min(end, bounds[1] + 1)
    if low >= high:
        return
    # The rarest part of the filter decides; any row of it may belong to the whole filter.
    one = ResolvedFilter(
        **{_FIELDS[dimension]: getattr(chosen, _FIELDS[dimension]) for dimension in [min(filtered)]}
    )
    source = day_source(one, None)
    assert source is not None
    query = f"SELECT 1 FROM {source.table} WHERE {source.where} AND day = ? LIMIT 1"
    day = from_us(high - 1, zone).date()
    last = from_us(low, zone).date()
    while day >= last:
        if db.execute(query, (*source.parameters, day.toordinal())).fetchone() is not None:
            span = day_span(Days(day, day), zone)
            yield max(low, to_us(span.start)), min(high, to_us(span.end))
        day -= DAY


def parse_cursor(text: str) -> tuple[int, int]:
    """Return the (time, id) of a page's cursor. Raises InvalidInputError."""
    parts = _CURSOR.fullmatch(text)
    if parts is None:
        raise InvalidInputError("before", "must be the cursor of an earlier answer")
    return int(parts[1]), int(parts[2])
