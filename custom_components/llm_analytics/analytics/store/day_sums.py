"""Reading sums of events over days; every function runs on the thread of the reading connection.

Whole local days come from ``agg_day``, the rest from ``event``. Which rows of ``agg_day`` answer a
question depends on what it filters and groups by:

- one dimension only: that dimension's own rows;
- user together with model or provider: the rows of user x model;
- any other combination without a tag: the rows of series, joined with their parts;
- a tag together with anything else: no rows can tell, so the events themselves are summed, and a
  window that begins before ``events_from`` is refused.

Sums are exact whatever their size: SQLite adds money and latency in two halves, Python joins them.
"""

from dataclasses import dataclass
from datetime import date, tzinfo
import json
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..periods import DAY, Days, Span, day_span, midnight, to_us
from ..totals import TOTAL_NAMES, Totals, sum_totals
from .aggregates import USER_MODEL_SHIFT, Dimension
from .counters import check_events, read_first_day
from .dimensions import NONE
from .filters import (
    EVENT_KEYS,
    SERIES_COLUMNS,
    ResolvedFilter,
    conditions,
    event_conditions,
    event_source,
)

HALF: Final = 31
LOW: Final = (1 << HALF) - 1
_BIG: Final = ("cost", "latency")
type Key = int | None
_SUMS: Final = ", ".join(
    f"COALESCE(SUM({name} >> {HALF}), 0), COALESCE(SUM({name} & {LOW}), 0)"
    if name in _BIG
    else f"COALESCE(SUM({name}), 0)"
    for name in TOTAL_NAMES
)
_HOME_SUMS: Final = f"SUM(requests), SUM(cost >> {HALF}), SUM(cost & {LOW})"
_EVENT_SUMS: Final = f"""
    COUNT(*), COALESCE(SUM(failed), 0), COALESCE(SUM(prompt = 0 AND response = 0), 0),
    COALESCE(SUM(prompt), 0), COALESCE(SUM(response), 0), COALESCE(SUM(cache_read), 0),
    COALESCE(SUM(cache_write), 0), COALESCE(SUM(cache_write_1h), 0), COALESCE(SUM(reasoning), 0),
    COALESCE(SUM(cost >> {HALF}), 0), COALESCE(SUM(cost & {LOW}), 0), COUNT(*) - COUNT(cost),
    COALESCE(SUM(latency >> {HALF}), 0), COALESCE(SUM(latency & {LOW}), 0), COUNT(latency),
    COUNT(home_cost) FILTER (WHERE home_currency = ?1),
    COALESCE(SUM(home_cost >> {HALF}) FILTER (WHERE home_currency = ?1), 0),
    COALESCE(SUM(home_cost & {LOW}) FILTER (WHERE home_currency = ?1), 0)
"""


def _totals(row: tuple[int, ...]) -> Totals:
    *plain, cost_high, cost_low, unpriced, latency_high, latency_low, timed = row
    cost, latency = (cost_high << HALF) + cost_low, (latency_high << HALF) + latency_low
    return Totals(*(*plain, cost, unpriced, latency, timed))


def _home_totals(row: tuple[int, ...]) -> Totals:
    converted, high, low = row
    return Totals(converted=converted, home=(high << HALF) + low)


@dataclass(frozen=True, slots=True)
class Source:
    """Which rows answer: a FROM clause, its condition and parameters, how each part is named.

    ``keyed`` says that the condition names the rows' keys.
    """

    table: str
    where: str
    parameters: tuple[int, ...]
    columns: dict[Dimension, str]
    keyed: bool = False

    def within(self, days: Days) -> tuple[str, tuple[int | str, ...]]:
        """Return the whole condition and its parameters for some days.

        Where keys are given each day is looked up by itself, so other keys' rows are not read.
        """
        first, last = days.first.toordinal(), days.last.toordinal()
        if self.keyed:
            each = json.dumps(list(range(first, last + 1)))
            where = f"{self.where} AND day IN (SELECT value FROM json_each(?))"
            return where, (*self.parameters, each)
        return f"{self.where} AND day BETWEEN ? AND ?", (*self.parameters, first, last)


def day_source(
    chosen: ResolvedFilter, group: Dimension | None, table: str = "agg_day"
) -> Source | None:
    """Return the rows of day sums that can answer, None if only events can."""
    involved = chosen.dimensions | ({group} if group is not None else set())
    if len(involved) <= 1 and group is not Dimension.SERIES:
        dimension = next(iter(involved), Dimension.TOTAL)
        where, parameters = conditions(chosen, dict.fromkeys(Dimension, "key"))
        return Source(
            table,
            f"dimension = {dimension:d}{where}",
            parameters,
            {dimension: "key"},
            keyed=bool(parameters),
        )
    if Dimension.TAG in involved:
        return None
    if involved == {Dimension.USER, Dimension.MODEL}:
        columns = {
            Dimension.USER: f"key >> {USER_MODEL_SHIFT}",
            Dimension.MODEL: f"key & {(1 << USER_MODEL_SHIFT) - 1}",
        }
        where, parameters = conditions(chosen, columns)
        return Source(table, f"dimension = {Dimension.USER_MODEL:d}{where}", parameters, columns)
    where, parameters = conditions(chosen, SERIES_COLUMNS)
    return Source(
        f"{table} CROSS JOIN series ON series.id = {table}.key",
        f"dimension = {Dimension.SERIES:d}{where}",
        parameters,
        SERIES_COLUMNS,
    )


@dataclass(frozen=True, slots=True)
class Window:
    """What a question is about: whole local days, and stretches of time beside them."""

    days: Days | None
    edges: tuple[Span, ...] = ()


def split_window(span: Span, zone: tzinfo) -> Window:
    """Split a stretch of time into whole local days and at most two edges."""
    first = span.start.astimezone(zone).date()
    if midnight(first, zone) < span.start:
        first += DAY
    last = span.end.astimezone(zone).date() - DAY
    # Without a whole day there may still be a midnight between; each edge lies in one day.
    morning = min(midnight(first, zone), span.end)
    evening = max(midnight(last + DAY, zone), morning)
    edges = (Span(span.start, morning), Span(evening, span.end))
    return Window(
        Days(first, last) if first <= last else None,
        tuple(edge for edge in edges if edge.start < edge.end),
    )


def read_sums(
    db: sqlite3.Connection,
    wanted: Window,
    chosen: ResolvedFilter | None,
    *,
    group: Dimension | None = None,
    by_day: bool = False,
    zone: tzinfo,
    currency: str | None = None,
) -> dict[tuple[int | None, int | None], Totals]:
    """Return totals by (local day's ordinal, key of ``group``); None where not grouped by it.

    With a ``currency`` they hold the household's own figures in it too. Raises EventsRemovedError
    where only events can answer and they have been removed.
    """
    answer: dict[tuple[int | None, int | None], Totals] = {}
    if chosen is None:
        return answer
    edges = wanted.edges
    if wanted.days is not None and len(wanted.days):
        source = day_source(chosen, group)
        if source is None:
            spans = (
                [day_span(wanted.days, zone)]
                if not by_day
                else [day_span(Days(day, day), zone) for day in wanted.days.dates()]
            )
            for span in spans:
                _sum_events(
                    db, span, chosen, group, currency, by_day=by_day, zone=zone, answer=answer
                )
        else:
            _sum_days(db, wanted.days, source, group, by_day=by_day, answer=answer)
            if currency is not None:
                source = day_source(chosen, group, "agg_home")
                assert source is not None  # the same rows answer
                _sum_home(db, wanted.days, source, group, currency, by_day=by_day, answer=answer)
    for edge in edges:
        _sum_events(db, edge, chosen, group, currency, by_day=by_day, zone=zone, answer=answer)
    return answer


def _sum_days(
    db: sqlite3.Connection,
    days: Days,
    source: Source,
    group: Dimension | None,
    *,
    by_day: bool,
    answer: dict[tuple[int | None, int | None], Totals],
) -> None:
    day = "day" if by_day else "NULL"
    key = source.columns[group] if group is not None else "NULL"
    where, parameters = source.within(days)
    rows = db.execute(
        f"SELECT {day}, {key}, {_SUMS} FROM {source.table} WHERE {where} GROUP BY 1, 2",
        parameters,
    )
    for row in rows:
        _add(answer, (row[0], row[1]), _totals(row[2:]))


def _sum_home(
    db: sqlite3.Connection,
    days: Days,
    source: Source,
    group: Dimension | None,
    currency: str,
    *,
    by_day: bool,
    answer: dict[tuple[int | None, int | None], Totals],
) -> None:
    day = "day" if by_day else "NULL"
    key = source.columns[group] if group is not None else "NULL"
    where, parameters = source.within(days)
    rows = db.execute(
        f"SELECT {day}, {key}, {_HOME_SUMS} FROM {source.table} WHERE {where}"
        " AND currency = ? GROUP BY 1, 2",
        (*parameters, currency),
    )
    for row in rows:
        _add(answer, (row[0], row[1]), _home_totals(row[2:]))


def _sum_events(
    db: sqlite3.Connection,
    span: Span,
    chosen: ResolvedFilter,
    group: Dimension | None,
    currency: str | None,
    *,
    by_day: bool,
    zone: tzinfo,
    answer: dict[tuple[int | None, int | None], Totals],
) -> None:
    start = to_us(span.start)
    check_events(db, start, zone, "start")
    where, parameters = event_conditions(chosen)
    table = event_source(group or Dimension.TOTAL)
    key = "NULL" if group is None else EVENT_KEYS[group]
    rows = db.execute(
        f"SELECT {key}, {_EVENT_SUMS} FROM {table}"
        f" WHERE event.time >= ? AND event.time < ?{where} GROUP BY 1",
        (currency, start, to_us(span.end), *parameters),
    )
    day = span.start.astimezone(zone).date().toordinal() if by_day else None
    for row in rows:
        _add(answer, (day, row[0]), _totals(row[1:-3]) + _home_totals(row[-3:]))


def _add(
    answer: dict[tuple[int | None, int | None], Totals],
    key: tuple[int | None, int | None],
    totals: Totals,
) -> None:
    known = answer.get(key)
    answer[key] = totals if known is None else known + totals


def read_day_totals(
    db: sqlite3.Connection,
    days: Days,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> dict[date, Totals]:
    """Return the sums of every day, earliest first, idle ones as zeros.

    With a ``currency`` they hold the household's own figures in it too.
    """
    rows = read_sums(db, Window(days), chosen, by_day=True, zone=zone, currency=currency)
    found = {key: totals for (key, _), totals in rows.items()}
    return {day: found.get(day.toordinal(), Totals()) for day in days.dates()}


def days_seen(db: sqlite3.Connection, days: Days) -> Days:
    """Return the days from the ledger's first day on; none for an empty ledger."""
    first = read_first_day(db)
    if first is None:
        return Days(days.last + DAY, days.last)
    return Days(max(first, days.first), days.last)


def read_totals(
    db: sqlite3.Connection,
    window: Window,
    chosen: ResolvedFilter | None,
    zone: ZoneInfo,
    currency: str | None = None,
) -> Totals:
    """Return the sums of a window under a filter, in the household's own ``currency`` too."""
    return sum_totals(read_sums(db, window, chosen, zone=zone, currency=currency).values())


def count_devices(
    db: sqlite3.Connection, window: Window, chosen: ResolvedFilter | None, zone: ZoneInfo
) -> int:
    """Return how many devices have an event in the window."""
    rows = read_sums(db, window, chosen, group=Dimension.DEVICE, zone=zone)
    return sum(key != NONE for _, key in rows)
