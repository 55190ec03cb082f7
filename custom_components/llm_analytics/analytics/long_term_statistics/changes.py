"""The hours that are to be written down elsewhere: what has changed, and its sums.

``slot_change`` is filled by every change of ``agg_slot``. *Taking* marks what is handed out;
once that is written down it is *confirmed* and goes. What changes in between is noted beside it,
and what was taken but never confirmed is taken again: at-least-once delivery of values that are
replaced.

As sums go on from hour to hour, all hours of a series from its earliest change on are handed out.
Sums of quarters that clean-up removes are kept by their series, if it was ever handed out. Which
hours they were is not known any more: hours before a series' ``floor`` are left as they were
written down, and what arrives late for them shows in the first hour after.
"""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass
import sqlite3
from typing import Final

from ..directory import Directory
from ..models import model_name
from ..periods import SLOT_US, from_us
from ..store import filters
from ..store.aggregates import Dimension, note_slots
from ..store.day_sums import HALF, LOW
from .hours import Hour, HourlySeries, HourlySums, SeriesHours, slugged

_SLOTS: Final = 4
# How much is added up in one go: a week.
_STRETCH: Final = 7 * 24 * _SLOTS

_TAKE: Final = """
    INSERT INTO slot_change (dimension, key, taken, slot)
    SELECT dimension, key, 1, slot FROM slot_change WHERE taken = 0 AND slot >= ?
    ON CONFLICT (dimension, key, taken) DO UPDATE SET slot = MIN(slot, excluded.slot)
"""
_TAKEN: Final = """
    SELECT dimension, key, slot, slug, floor, requests, tokens, cost_high, cost_low
    FROM slot_change JOIN hourly_series USING (dimension, key) WHERE taken = 1
"""
# Requests of no device are none of a series; it has no name.
_NEW: Final = """
    SELECT dimension, key FROM slot_change
    WHERE taken = 1 AND (dimension, key) NOT IN (SELECT dimension, key FROM hourly_series)
"""
_KEEP: Final = f"""
    UPDATE hourly_series SET floor = MAX(floor, ?1),
        requests = hourly_series.requests + gone.requests,
        tokens = hourly_series.tokens + gone.tokens,
        cost_high = hourly_series.cost_high + gone.cost_high,
        cost_low = hourly_series.cost_low + gone.cost_low
    FROM (
        SELECT key, SUM(requests) AS requests, SUM(prompt) + SUM(response) AS tokens,
            SUM(cost >> {HALF}) AS cost_high, SUM(cost & {LOW}) AS cost_low
        FROM agg_slot WHERE dimension = ?2 AND slot < ?1 GROUP BY key
    ) AS gone
    WHERE hourly_series.dimension = ?2 AND hourly_series.key = gone.key
"""
_HOURS: Final = f"""
    SELECT slot / {_SLOTS}, key, SUM(requests), SUM(prompt) + SUM(response),
        SUM(cost >> {HALF}), SUM(cost & {LOW})
    FROM agg_slot WHERE dimension = ? AND slot >= ? AND slot < ? AND key IN (
        SELECT CAST(value AS INTEGER) FROM json_each(?)
    )
    GROUP BY 1, 2 ORDER BY 1, 2
"""

# What a series is called, by (dimension, key): kind and text for its slug, and its name.
type Names = dict[tuple[int, int], tuple[str, str, str | None]]

# By (dimension, key): an hour that was handed out, and the sums of everything before it.
type Reached = dict[tuple[Dimension, int], tuple[int, HourlySums]]


@dataclass(frozen=True, slots=True)
class Taken:
    """A series that has changed from ``slot`` on; ``removed`` sums what clean-up removed of it."""

    dimension: Dimension
    key: int
    series: HourlySeries
    slot: int
    floor: int
    removed: HourlySums


class Walk:
    """Adds up one series' hours, earliest first, and returns those that are to be handed out."""

    def __init__(self, taken: Taken, reached: Reached) -> None:
        """Go on where an earlier walk ended, unless something before has changed."""
        self.taken = taken
        first = taken.slot // _SLOTS
        known = reached.get((taken.dimension, taken.key))
        if known is None or known[0] > first:
            known = 0, taken.removed
        self.hour, self.before = known
        self._sums = self.before
        self._from = max(first, -(-taken.floor // _SLOTS))

    def add(self, hour: int, own: HourlySums) -> Hour | None:
        """Add an hour later than all before; None if it need not be handed out."""
        self.hour, self.before = hour, self._sums
        self._sums += own
        if hour < self._from:
            return None
        return Hour(from_us(hour * _SLOTS * SLOT_US), own, self._sums)


def take(db: sqlite3.Connection, since: int, directory: Directory) -> list[Taken]:
    """Take, in the caller's transaction, the series whose earliest change is not before ``since``.

    What was taken before and not confirmed is among them, whatever its age.
    """
    db.execute(_TAKE, (since,))
    db.execute("DELETE FROM slot_change WHERE taken = 0 AND slot >= ?", (since,))
    new = db.execute(_NEW).fetchall()
    rows = db.execute(_TAKEN).fetchall()
    if not new and not rows:
        return []
    names = _names(db, directory)
    if new:
        _add_series(db, [series for series in new if series in names], names)
        rows = db.execute(_TAKEN).fetchall()
    return [
        Taken(
            Dimension(dimension),
            key,
            HourlySeries(slug, names[dimension, key][2]),
            slot,
            floor,
            HourlySums(requests, tokens, (high << HALF) + low),
        )
        for dimension, key, slot, slug, floor, requests, tokens, high, low in rows
    ]


def _add_series(db: sqlite3.Connection, new: list[tuple[int, int]], names: Names) -> None:
    slugs = {slug for (slug,) in db.execute("SELECT slug FROM hourly_series")}
    for series in new:
        kind, text, _ = names[series]
        slug = slugged(kind, text, slugs)
        slugs.add(slug)
        db.execute("INSERT INTO hourly_series VALUES (?, ?, ?, 0, 0, 0, 0, 0)", (*series, slug))


def _names(db: sqlite3.Connection, directory: Directory) -> Names:
    found: Names = {(Dimension.TOTAL, 0): ("total", "", None)}
    for device, (key, name) in filters.names(db, "device").items():
        text = key.partition(":")[2] or key
        shown = name or directory.device(key).name or text
        found[Dimension.DEVICE, device] = "device", text, shown
    for model, (provider, name) in filters.names(db, "model").items():
        text = model_name(provider, name)
        found[Dimension.MODEL, model] = "model", text, text
    return found


def confirm(db: sqlite3.Connection) -> None:
    """Note that all that was taken is written down."""
    db.execute("DELETE FROM slot_change WHERE taken = 1")


def advance(
    db: sqlite3.Connection, dimension: Dimension, walks: Mapping[int, Walk], slot: int
) -> tuple[list[SeriesHours], int | None]:
    """Add up the next stretch from ``slot``, the beginning of an hour.

    Returns the hours to be handed out, and where to go on, None at the end. Idle times are skipped.
    """
    first = db.execute(
        "SELECT MIN(slot) FROM agg_slot WHERE dimension = ? AND slot >= ?", (dimension, slot)
    ).fetchone()[0]
    if first is None:
        return [], None
    start = first - first % _SLOTS
    end = start + _STRETCH
    told: dict[int, list[Hour]] = {}
    keys = f"[{','.join(map(str, walks))}]"
    for hour, key, requests, tokens, high, low in db.execute(_HOURS, (dimension, start, end, keys)):
        walk = walks[key]
        if hour >= walk.hour:
            found = walk.add(hour, HourlySums(requests, tokens, (high << HALF) + low))
            if found is not None:
                told.setdefault(key, []).append(found)
    return [SeriesHours(walks[key].taken.series, hours) for key, hours in told.items()], end


def start_of(walks: Mapping[int, Walk]) -> int:
    """Return the slot from which on all of the walks have their hours."""
    return min(walk.hour for walk in walks.values()) * _SLOTS


def keep_removed(db: sqlite3.Connection, dimension: Dimension, end: int) -> None:
    """Add the sums of the slots before ``end``, which are about to go, to their series."""
    db.execute(_KEEP, (end, dimension))


def forget_series(db: sqlite3.Connection, dimension: Dimension, key: int) -> None:
    """Forget a series, and note that what is written down of it is to go too."""
    where = "WHERE dimension = ? AND key = ?"
    db.execute(
        f"INSERT OR IGNORE INTO hourly_gone SELECT slug FROM hourly_series {where}",
        (dimension, key),
    )
    db.execute(f"DELETE FROM hourly_series {where}", (dimension, key))
    db.execute(f"DELETE FROM slot_change {where}", (dimension, key))


def tell_name(db: sqlite3.Connection, device: str) -> None:
    """Have the last hour of a device (by key) handed out again, with its name."""
    rows = db.execute(
        f"SELECT {Dimension.DEVICE:d}, slot, id FROM device CROSS JOIN agg_slot"
        f" ON dimension = {Dimension.DEVICE:d} AND agg_slot.key = device.id"
        " WHERE device.key = ? ORDER BY slot DESC LIMIT 1",
        (device,),
    )
    note_slots(db, rows.fetchall())


def gone(db: sqlite3.Connection) -> list[str]:
    """Return the slugs of forgotten series that are still written down."""
    return [slug for (slug,) in db.execute("SELECT slug FROM hourly_gone ORDER BY slug")]


def confirm_gone(db: sqlite3.Connection, slugs: list[str]) -> None:
    """Note that forgotten series are not written down any more."""
    db.executemany("DELETE FROM hourly_gone WHERE slug = ?", [(slug,) for slug in slugs])


def repeat(db: sqlite3.Connection, present: AbstractSet[str]) -> bool:
    """Note every hour of the series whose slugs are not among those ``present``, if any.

    Their sums begin anew, with the hours that there are.
    """
    rows = db.execute("SELECT dimension, key, slug FROM hourly_series").fetchall()
    lost = [(dimension, key) for dimension, key, slug in rows if slug not in present]
    db.executemany(
        "UPDATE hourly_series SET floor = 0, requests = 0, tokens = 0, cost_high = 0, cost_low = 0"
        " WHERE dimension = ? AND key = ?",
        lost,
    )
    note_slots(db, [(dimension, 0, key) for dimension, key in lost])
    return bool(lost)
