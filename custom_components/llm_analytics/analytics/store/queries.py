"""Reading sums of events; every function runs on the thread of the reading connection.

Whole local days come from ``agg_day``, hours from ``agg_slot``, single events from ``event``.
Which rows of ``agg_day`` answer a question depends on what it filters and groups by:

- one dimension only: that dimension's own rows;
- user together with model or provider: the rows of user x model;
- any other combination without a tag: the rows of series, joined with their parts;
- a tag together with anything else: no rows can tell, so the events themselves are summed, and a
  window that begins before ``events_from`` is refused.

Sums are exact whatever their size: SQLite adds money and latency in two halves, Python joins them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
import json
import sqlite3
from typing import Final

from ..errors import EventsRemovedError
from ..periods import DAY, SLOT_US, Days, Span, day_span, from_us, midnight, to_us
from ..totals import TOTAL_NAMES, Totals
from .aggregates import USER_MODEL_SHIFT, Dimension
from .filters import (
    EVENT_KEYS,
    SERIES_COLUMNS,
    Chosen,
    conditions,
    event_conditions,
    event_source,
)

HALF: Final = 31
LOW: Final = (1 << HALF) - 1
_BIG: Final = ("cost", "latency")

type Key = int | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The one row of counters; ``events_from`` in µs or None, ``looked`` a local day or None."""

    events: int
    last_event: int
    events_from: int | None
    zone: str
    clean_stop: bool
    looked: date | None


def ledger(db: sqlite3.Connection) -> Ledger:
    """Return the counters."""
    row = db.execute(
        "SELECT events, last_event, events_from, zone, clean_stop, looked FROM ledger"
    ).fetchone()
    looked = None if row[5] is None else date.fromordinal(row[5])
    return Ledger(row[0], row[1], row[2], row[3], bool(row[4]), looked)


_SUMS: Final = ", ".join(
    f"COALESCE(SUM({name} >> {HALF}), 0), COALESCE(SUM({name} & {LOW}), 0)"
    if name in _BIG
    else f"COALESCE(SUM({name}), 0)"
    for name in TOTAL_NAMES
)
_HOME_SUMS: Final = f"SUM(requests), SUM(cost >> {HALF}), SUM(cost & {LOW})"
_PART_SUMS: Final = ", ".join(
    f"COALESCE(SUM({figure}), 0)"
    for after in ("", " * (slot >= moment)")
    for figure in (
        f"(prompt + response){after}",
        f"(cost >> {HALF}){after}",
        f"(cost & {LOW}){after}",
    )
)
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


def day_source(chosen: Chosen, group: Dimension | None, table: str = "agg_day") -> Source | None:
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


def check_events(db: sqlite3.Connection, start: int, zone: tzinfo, field: str) -> None:
    """Raise EventsRemovedError if events at ``start`` (µs) may have been removed."""
    events_from = ledger(db).events_from
    if events_from is not None and start < events_from:
        raise EventsRemovedError(field, from_us(events_from, zone).isoformat())


@dataclass(frozen=True, slots=True)
class Window:
    """What a question is about: whole local days, and stretches of time beside them."""

    days: Days | None
    edges: tuple[Span, ...] = ()


def window(span: Span, zone: tzinfo) -> Window:
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


def sums(
    db: sqlite3.Connection,
    wanted: Window,
    chosen: Chosen | None,
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
    chosen: Chosen,
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


def first_day(db: sqlite3.Connection) -> date | None:
    """Return the earliest local day that has a row, None for an empty ledger."""
    row = db.execute(
        f"SELECT MIN(day) FROM agg_day WHERE dimension = {Dimension.TOTAL:d}"
    ).fetchone()
    return None if row[0] is None else date.fromordinal(row[0])


def slots(
    db: sqlite3.Connection, chosen: Chosen | None, span: Span, zone: tzinfo
) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (time in µs, requests, prompt, response, cost) per quarter of an hour and key.

    From ``agg_slot`` for all, one device or models; from events for any other filter. The span's
    edges must lie on quarters of an hour.
    """
    if chosen is None:
        return
    start, end = to_us(span.start), to_us(span.end)
    filtered = chosen.dimensions
    if filtered <= {Dimension.DEVICE} or filtered == {Dimension.MODEL}:
        dimension = next(iter(filtered), Dimension.TOTAL)
        where, parameters = conditions(chosen, dict.fromkeys(Dimension, "key"))
        yield from db.execute(
            f"SELECT slot * {SLOT_US}, requests, prompt, response, cost FROM agg_slot"
            f" WHERE dimension = {dimension:d} AND slot >= ? AND slot < ?{where}",
            (start // SLOT_US, end // SLOT_US, *parameters),
        )
        return
    check_events(db, start, zone, "start")
    where, parameters = event_conditions(chosen)
    yield from db.execute(
        f"SELECT time / {SLOT_US} * {SLOT_US}, COUNT(*), SUM(prompt), SUM(response),"
        " COALESCE(SUM(cost), 0) FROM event CROSS JOIN series ON series.id = event.series"
        f" WHERE event.time >= ? AND event.time < ?{where} GROUP BY 1",
        (start, end, *parameters),
    )


def day_parts(
    db: sqlite3.Connection, days: Sequence[tuple[int, int, int]]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (tokens, cost) of stretches of time, and of what comes after a moment in each.

    Each is (start, moment, end) in µs, start and end on quarters of an hour; a quarter counts to
    the moment's rest that begins at it or later. One row answers: who reads many lets go of the
    interpreter's lock, and waits for it, as many times.
    """
    if not days:
        return (0, 0), (0, 0)
    parameters: list[int] = []
    for start, moment, end in days:
        parameters += start // SLOT_US, -(-moment // SLOT_US), end // SLOT_US
    row = db.execute(
        f"WITH stretch (start, moment, end) AS (VALUES {', '.join(['(?, ?, ?)'] * len(days))})"
        f" SELECT {_PART_SUMS} FROM stretch CROSS JOIN agg_slot"
        f" WHERE dimension = {Dimension.TOTAL:d} AND slot >= start AND slot < end",
        parameters,
    ).fetchone()
    tokens, high, low, tokens_after, high_after, low_after = row
    return (tokens, (high << HALF) + low), (tokens_after, (high_after << HALF) + low_after)


def slot_devices(
    db: sqlite3.Connection, chosen: Chosen | None, span: Span, zone: tzinfo
) -> set[int]:
    """Return the ids of the devices with an event in the span; see ``slots``."""
    if chosen is None:
        return set()
    start, end = to_us(span.start), to_us(span.end)
    if chosen.dimensions <= {Dimension.DEVICE}:
        where, parameters = conditions(chosen, dict.fromkeys(Dimension, "key"))
        rows = db.execute(
            f"SELECT DISTINCT key FROM agg_slot WHERE dimension = {Dimension.DEVICE:d}"
            f" AND slot >= ? AND slot < ? AND requests > 0{where}",
            (start // SLOT_US, end // SLOT_US, *parameters),
        )
    else:
        check_events(db, start, zone, "start")
        where, parameters = event_conditions(chosen)
        rows = db.execute(
            "SELECT DISTINCT series.device FROM event"
            " CROSS JOIN series ON series.id = event.series"
            f" WHERE event.time >= ? AND event.time < ?{where}",
            (start, end, *parameters),
        )
    return {key for (key,) in rows}
