"""Exports of any size in constant memory: pages of rows, each read in one hop.

The events of an export are those that existed when it began (ids only grow), so recording goes on
meanwhile without a long read transaction.
"""

from collections.abc import Sequence
import sqlite3
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..models import StoredEvent
from ..periods import Span, to_us
from ..places import NOBODY, Directory
from ..reports import csv_lines
from ..totals import Filter, Totals
from . import filters, queries
from .aggregates import Dimension
from .event_rows import COLUMNS, EventRows
from .events import SELECT_EVENTS, event_of_row

PAGE: Final = 1_000
_SELECT_ROWS: Final = f"SELECT {COLUMNS} FROM event CROSS JOIN series ON series.id = event.series"


def events_after(
    db: sqlite3.Connection,
    wanted: Filter,
    span: Span,
    *,
    after: tuple[int, int],
    last_event: int,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
) -> Sequence[StoredEvent]:
    """Return the next page of a span's events, oldest first, after a (time, id)."""
    rows = _page(db, SELECT_EVENTS, wanted, span, after=after, last_event=last_event)
    return [event_of_row(row, zone, directory) for row in rows]


def csv_after(
    db: sqlite3.Connection,
    wanted: Filter,
    span: Span,
    *,
    after: tuple[int, int],
    last_event: int,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
) -> tuple[str, tuple[int, int]] | None:
    """Return the next page as CSV text and its last (time, id), None at the end."""
    raw = _page(db, _SELECT_ROWS, wanted, span, after=after, last_event=last_event)
    if not raw:
        return None
    rows = EventRows(db, zone, directory)
    return csv_lines(map(rows.row, raw)), (raw[-1][1], raw[-1][0])


def _page(
    db: sqlite3.Connection,
    select: str,
    wanted: Filter,
    span: Span,
    *,
    after: tuple[int, int],
    last_event: int,
) -> list[tuple[Any, ...]]:
    chosen = filters.choose(db, wanted)
    if chosen is None:
        return []
    where, parameters = filters.event_conditions(chosen)
    return db.execute(
        f"{select} WHERE event.time >= ? AND event.time < ? AND event.id <= ?"
        f" AND (event.time, event.id) > (?, ?){where}"
        " ORDER BY event.time, event.id LIMIT ?",
        (max(to_us(span.start), after[0]), to_us(span.end), last_event, *after, *parameters, PAGE),
    ).fetchall()


def check(db: sqlite3.Connection, wanted: Filter, span: Span, zone: ZoneInfo) -> None:
    """Raise EventsRemovedError if ``day_rows`` cannot answer for all days of a span."""
    chosen = filters.choose(db, wanted)
    if chosen is None:
        return
    if chosen.tag is not None:
        queries.check_events(db, to_us(span.start), zone, "start")
    for edge in queries.window(span, zone).edges:
        queries.check_events(db, to_us(edge.start), zone, "start")


def day_rows(
    db: sqlite3.Connection, wanted: Filter, span: Span, zone: ZoneInfo, currency: str | None
) -> list[tuple[str | None, tuple[str, str], Totals]]:
    """Return a span's sums by (device key, (endpoint, provider)), in that order."""
    chosen = filters.choose(db, wanted)
    window = queries.window(span, zone)
    rows = queries.sums(db, window, chosen, group=Dimension.SERIES, zone=zone, currency=currency)
    summed: dict[tuple[str | None, tuple[str, str]], Totals] = {}
    for (_, series), totals in rows.items():
        device, endpoint, provider = db.execute(
            """
            SELECT device.key, endpoint.key, model.provider FROM series
            LEFT JOIN device ON device.id = series.device
            JOIN endpoint ON endpoint.id = series.endpoint
            JOIN model ON model.id = series.model WHERE series.id = ?
            """,
            (series,),
        ).fetchone()
        key = device, (endpoint, provider)
        summed[key] = summed.get(key, Totals()) + totals
    ordered = sorted(
        summed.items(), key=lambda row: (row[0][0] is None, row[0][0] or "", row[0][1])
    )
    return [(device, names, totals) for (device, names), totals in ordered]
