"""Does a ledger's file add up? Told from the rows alone, slowly, by none of the engine's code.

Every sum of days whose events are there is added up again in Python from the events, as far as the
file says that its sums go; sums of days whose events are gone are held against each other and
against the number of ids ever given.
"""

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import hashlib
from pathlib import Path
import sqlite3
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

SLOT = 15 * 60 * 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUMS = (
    "requests, failed, without_usage, prompt, response, cache_read, cache_write, cache_write_1h,"
    " reasoning, cost, unpriced, latency, timed"
)
_TOTAL, _TAG = 0, 5
_DIMENSIONS = range(8)
_SLOT_DIMENSIONS = (0, 1, 3)

type Rows = dict[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Audit:
    """What a file holds: its events' numbers by id, and how many requests its totals count.

    Those that no total counts yet are counted too, as the next start adds them.
    """

    events: dict[int, int]
    last_event: int
    counted: int
    unsummed: int
    cleaned: bool
    schema: int


def audit(path: Path) -> Audit:
    """Return what a file holds, having added up all of it. Fails where something is wrong."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        events, last_event, events_from, zone = db.execute(
            "SELECT events, last_event, events_from, zone FROM ledger"
        ).fetchone()
        numbers = dict(db.execute("SELECT id, prompt FROM event"))
        assert len(numbers) == events
        assert max(numbers, default=0) <= last_event

        from_time = 0 if events_from is None else events_from
        summed = _summed(db, last_event)
        days, slots = _added_up(db, from_time, summed, ZoneInfo(zone or "UTC"))
        assert _day_rows(db, frozen=0) == days
        assert _slot_rows(db, from_time) == slots
        assert _home_rows(db) == _home_added_up(db, from_time, summed, zone)
        _found_again(db)
        frozen = _day_rows(db, frozen=1)
        _agree(frozen)
        unsummed = sum(number > summed for number in numbers)
        counted = unsummed + sum(
            sums[0] for rows in (days, frozen) for key, sums in rows.items() if key[0] == _TOTAL
        )
        schema = db.execute("PRAGMA user_version").fetchone()[0]
        return Audit(numbers, last_event, counted, unsummed, events_from is not None, schema)


def _summed(db: sqlite3.Connection, last_event: int) -> int:
    """Return up to which event the sums go; in the first schemas they could not be behind."""
    if not _has(db, "ledger", "summed"):
        return last_event
    summed: int = db.execute("SELECT summed FROM ledger").fetchone()[0]
    assert summed <= last_event
    return summed


def _tags(db: sqlite3.Connection) -> dict[int, list[int]]:
    tags = defaultdict(list)
    for tag, tag_set in db.execute("SELECT tag, tag_set FROM tag_set_tag"):
        tags[tag_set].append(tag)
    return tags


def _places(tags: list[int], series: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return every (dimension, key) that an event belongs to."""
    number, device, endpoint, model, user = series
    keys = [0, device, endpoint, model, user, None, number, user * 2**32 + model]
    places = [(dimension, key) for dimension, key in enumerate(keys) if key is not None]
    return places + [(_TAG, tag) for tag in tags]


def _added_up(
    db: sqlite3.Connection, from_time: int, summed: int, zone: ZoneInfo
) -> tuple[Rows, Rows]:
    days: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0] * 13)
    slots: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0] * 4)
    tags = _tags(db)
    dates: dict[int, int] = {}
    for row in db.execute(
        "SELECT time, failed, prompt, response, cache_read, cache_write, cache_write_1h,"
        " reasoning, cost, latency, tag_set, series, device, endpoint, model, user"
        " FROM event JOIN series ON series.id = event.series WHERE time >= ? AND event.id <= ?",
        (from_time, summed),
    ):
        time, failed, prompt, response, read, write, write_1h, reasoning, cost, latency = row[:10]
        tag_set, *series = row[10:]
        slot = time // SLOT
        if slot not in dates:
            moment = _EPOCH + timedelta(microseconds=slot * SLOT)
            dates[slot] = moment.astimezone(zone).date().toordinal()
        sums = (
            1,
            failed,
            int(prompt == response == 0),
            prompt,
            response,
            read,
            write,
            write_1h,
            reasoning,
            0 if cost is None else cost,
            int(cost is None),
            0 if latency is None else latency,
            int(latency is not None),
        )
        for dimension, key in _places(tags[tag_set], tuple(series)):
            _add(days[dimension, dates[slot], key], sums)
            if dimension in _SLOT_DIMENSIONS:
                _add(slots[dimension, slot, key], (1, prompt, response, sums[9]))
    return _as_rows(days), _as_rows(slots)


def _home_added_up(
    db: sqlite3.Connection, from_time: int, summed: int, zone: str
) -> dict[Any, Any]:
    """Return what live events cost in the household's own currency, by place and currency."""
    if not _has_home(db):
        return {}
    home: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    tags = _tags(db)
    for time, tag_set, currency, cost, *series in db.execute(
        "SELECT time, tag_set, home_currency, home_cost, series, device, endpoint, model, user"
        " FROM event JOIN series ON series.id = event.series"
        " WHERE time >= ? AND event.id <= ? AND home_cost IS NOT NULL",
        (from_time, summed),
    ):
        moment = _EPOCH + timedelta(microseconds=time)
        day = moment.astimezone(ZoneInfo(zone)).date().toordinal()
        for dimension, key in _places(tags[tag_set], tuple(series)):
            _add(home[dimension, day, key, currency], (1, cost))
    return {place: tuple(sums) for place, sums in home.items()}


def _home_rows(db: sqlite3.Connection) -> dict[Any, Any]:
    if not _has_home(db):
        return {}
    found = db.execute(
        "SELECT dimension, day, key, currency, requests, cost FROM agg_home WHERE frozen = 0"
    )
    return {row[:4]: row[4:] for row in found}


def _found_again(db: sqlite3.Connection) -> None:
    """Hold the table that finds requests, which the first schemas had not, against the events."""
    if not _has(db, "request"):
        return
    expected = set()
    for event_id, provider, request_id in db.execute(
        "SELECT event.id, provider, request_id FROM event"
        " JOIN series ON series.id = event.series JOIN model ON model.id = series.model"
        " WHERE request_id IS NOT NULL AND provider != 'other'"
    ):
        text = str(UUID(bytes=request_id)) if isinstance(request_id, bytes) else request_id
        digest = hashlib.blake2b(f"{provider}\0{text}".encode(), digest_size=16).digest()
        expected.add((digest[:4], event_id))
    assert expected <= set(db.execute("SELECT hash, event FROM request"))


def _has_home(db: sqlite3.Connection) -> bool:
    """Tell whether the file has the second figure, which the first schema had not."""
    return _has(db, "agg_home")


def _has(db: sqlite3.Connection, table: str, column: str = "%") -> bool:
    found = db.execute("SELECT 1 FROM pragma_table_info(?) WHERE name LIKE ?", (table, column))
    return found.fetchone() is not None


def _add(row: list[int], sums: tuple[int, ...]) -> None:
    for place, value in enumerate(sums):
        row[place] += value


def _as_rows(sums: dict[tuple[int, ...], list[int]]) -> Rows:
    return {key: tuple(values) for key, values in sums.items()}


def _day_rows(db: sqlite3.Connection, *, frozen: int) -> Rows:
    found = db.execute(
        f"SELECT dimension, day, key, {_SUMS} FROM agg_day WHERE frozen = ?", (frozen,)
    )
    return {row[:3]: row[3:] for row in found if row[0] in _DIMENSIONS}


def _slot_rows(db: sqlite3.Connection, from_time: int) -> Rows:
    found = db.execute(
        "SELECT dimension, slot, key, requests, prompt, response, cost FROM agg_slot"
        " WHERE slot >= ?",
        (from_time // SLOT,),
    )
    # A quarter of an hour whose events were deleted stays, with zeros.
    return {row[:3]: row[3:] for row in found if any(row[3:])}


def _agree(frozen: Rows) -> None:
    """Hold the dimensions of days whose events are gone against each other."""
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * 13)
    for (dimension, day, _), values in frozen.items():
        if dimension != _TAG:
            _add(sums[dimension, day], values)
    for (_, day), added in sums.items():
        assert added == sums[_TOTAL, day]
