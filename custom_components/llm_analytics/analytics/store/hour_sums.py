"""Reading sums of events over hours, from ``agg_slot``'s quarters of an hour or from events."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..periods import SLOT_US, Days, LocalHours, Span, day_span, to_us
from .aggregates import Dimension
from .counters import check_events
from .day_sums import HALF, LOW
from .filters import ResolvedFilter, conditions, event_conditions

_PART_SUMS: Final = ", ".join(
    f"COALESCE(SUM({figure}), 0)"
    for after in ("", " * (slot >= moment)")
    for figure in (
        f"(prompt + response){after}",
        f"(cost >> {HALF}){after}",
        f"(cost & {LOW}){after}",
    )
)


def read_slots(
    db: sqlite3.Connection, chosen: ResolvedFilter | None, span: Span, zone: tzinfo
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


def read_day_parts(
    db: sqlite3.Connection, days: Sequence[tuple[int, int, int]]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (tokens, cost) of stretches of time, and of what comes after a moment in each.

    Each is (start, moment, end) in µs, start and end on quarters of an hour; a quarter counts to
    the moment's rest that begins at it or later. One row answers, as each row that is
    read releases the interpreter's lock and waits for it.
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


def read_slot_devices(
    db: sqlite3.Connection, chosen: ResolvedFilter | None, span: Span, zone: tzinfo
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


def read_local_hours(
    db: sqlite3.Connection, days: Days, chosen: ResolvedFilter | None, zone: ZoneInfo
) -> list[tuple[int, int]]:
    """Return (requests, tokens) for each of the 24 hours that a clock in the zone shows."""
    return read_span_hours(db, day_span(days, zone), chosen, zone)


def read_span_hours(
    db: sqlite3.Connection, span: Span, chosen: ResolvedFilter | None, zone: ZoneInfo
) -> list[tuple[int, int]]:
    """Return (requests, tokens) by local hour over a span of whole quarters of an hour."""
    requests, tokens = [0] * 24, [0] * 24
    clock = LocalHours(zone)
    for time, count, prompt, response, _ in read_slots(db, chosen, span, zone):
        hour = clock.hour(time)
        requests[hour] += count
        tokens[hour] += prompt + response
    return list(zip(requests, tokens, strict=True))
