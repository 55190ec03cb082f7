"""Lists of single events, newest first."""

from collections.abc import Iterator
from datetime import tzinfo
import sqlite3
from typing import Final

from ..models import StoredEvent
from ..periods import DAY, Days, day_span, from_us, to_us
from ..places import NOBODY, Directory
from .aggregates import Dimension
from .events import SELECT_EVENTS, event_of_row
from .filters import Chosen, event_conditions
from .queries import day_source

_FIELDS: Final = {
    Dimension.DEVICE: "device",
    Dimension.ENDPOINT: "endpoint",
    Dimension.MODEL: "models",
    Dimension.USER: "user",
    Dimension.TAG: "tag",
}


def events(
    db: sqlite3.Connection,
    chosen: Chosen | None,
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
    search through everybody else's.
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
    chosen: Chosen,
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
    db: sqlite3.Connection, chosen: Chosen, *, start: int, end: int, zone: tzinfo
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
    one = Chosen(
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
