"""Exports of any size in constant memory: pages of rows, each read in one hop.

The events of an export are those that existed when it began (ids only grow), so recording goes on
meanwhile without a long read transaction.
"""

from datetime import date
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..directory import Directory
from ..models import StoredEvent
from ..periods import Span, to_us
from ..store import filters
from ..store.aggregates import Dimension
from ..store.counters import check_events
from ..store.day_sums import read_sums, split_window
from ..store.events import SELECT_EVENTS, event_of_row
from ..totals import Filter, Totals
from .csv_format import csv_lines, csv_summary

_PAGE: Final = 500
_LOOKED_AT: Final = 2_000  # so many events for a page, be they wanted or not


def read_event_page(
    db: sqlite3.Connection,
    wanted: Filter,
    span: Span,
    *,
    after: tuple[int, int],
    last_event: int,
    zone: ZoneInfo,
    directory: Directory,
) -> tuple[list[StoredEvent], tuple[int, int] | None]:
    """Return the next events of a span, and the (time, id) that the page after follows.

    They come oldest first, none beyond ``last_event``; the last page is followed by None. Where
    few events are wanted a page may hold none.
    """
    chosen = filters.resolve(db, wanted)
    if chosen is None:
        return [], None
    where, parameters = filters.event_conditions(chosen)
    until = None
    stretch = "event.time >= ? AND event.time < ? AND (event.time, event.id) > (?, ?)"
    bounds: tuple[int, ...] = (max(to_us(span.start), after[0]), to_us(span.end), *after)
    if where:
        until = db.execute(
            f"SELECT time, id FROM event WHERE {stretch} ORDER BY time, id LIMIT 1 OFFSET ?",
            (*bounds, _LOOKED_AT),
        ).fetchone()
        if until is not None:
            stretch = f"{stretch} AND (event.time, event.id) <= (?, ?)"
            bounds = (*bounds, *until)
    rows = db.execute(
        f"{SELECT_EVENTS} WHERE {stretch} AND event.id <= ?{where}"
        " ORDER BY event.time, event.id LIMIT ?",
        (*bounds, last_event, *parameters, _PAGE),
    ).fetchall()
    following = (rows[-1][1], rows[-1][0]) if len(rows) == _PAGE else until
    return [event_of_row(row, zone, directory) for row in rows], following


def check_summary(db: sqlite3.Connection, wanted: Filter, span: Span, zone: ZoneInfo) -> None:
    """Raise EventsRemovedError if ``day_rows`` cannot answer for all days of a span."""
    chosen = filters.resolve(db, wanted)
    if chosen is None:
        return
    if chosen.tag is not None:
        check_events(db, to_us(span.start), zone, "start")
    for edge in split_window(span, zone).edges:
        check_events(db, to_us(edge.start), zone, "start")


def read_day_csv(
    db: sqlite3.Connection,
    day: date,
    wanted: Filter,
    span: Span,
    zone: ZoneInfo,
    currency: str | None,
) -> str:
    """Return the sums of a day, so far as it lies in ``span``, as the rows of the summary."""
    chosen = filters.resolve(db, wanted)
    window = split_window(span, zone)
    rows = read_sums(db, window, chosen, group=Dimension.SERIES, zone=zone, currency=currency)
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
    return csv_lines(
        csv_summary(day, device, names, totals, currency=currency)
        for (device, names), totals in ordered
    )
