"""The sums that every answer over whole days and hours is read from.

One event changes ``agg_day`` for each dimension it belongs to, and ``agg_slot`` for three of
them, in the event's own transaction. The changes of a batch are gathered in dictionaries, first by
series and day, so that a batch costs one upsert per row touched, not per event. The same code
subtracts (a deletion) by a sign, so adding and removing cannot drift apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import chain
import sqlite3
from typing import Any, Final

from ..models import HomeCost
from ..periods import SLOT_US
from ..totals import TOTAL_NAMES
from .names import Ids
from .rows import Insert

USER_MODEL_SHIFT: Final = 32


class Dimension(IntEnum):
    """What a row of ``agg_day`` is summed by; ``key`` is an id of that dimension."""

    TOTAL = 0
    DEVICE = 1
    ENDPOINT = 2
    MODEL = 3
    USER = 4
    TAG = 5
    SERIES = 6
    USER_MODEL = 7


# SQLite takes plain integers quickly; an enumeration's it would ask first what they are.
_TOTAL, _DEVICE, _ENDPOINT, _MODEL, _USER, _TAG, _SERIES, _USER_MODEL = map(int, Dimension)

SLOT_DIMENSIONS: Final = (Dimension.TOTAL, Dimension.DEVICE, Dimension.MODEL)

# (requests, failed, without_usage, prompt, response, cache_read, cache_write, cache_write_1h,
#  reasoning, cost, unpriced, latency, timed), in the order of models.Totals
type Vector = tuple[int, ...]
# A list where there are several: there mostly are not.
type Gathered[Key] = dict[Key, Vector | list[Vector]]
type Sums[Key] = dict[Key, Vector]


# The keys of each table of sums, and what it sums by them.
_TABLES: Final[dict[str, tuple[Sequence[str], Sequence[str]]]] = {
    "agg_day": (("dimension", "day", "key", "frozen"), TOTAL_NAMES),
    "agg_slot": (("dimension", "slot", "key"), ("requests", "prompt", "response", "cost")),
    "agg_home": (("dimension", "day", "key", "frozen", "currency"), ("requests", "cost")),
}


def add_up(table: str) -> str:
    """Return the clause that adds what is inserted to the sums that a table has already."""
    keys, sums = _TABLES[table]
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in sums)
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"


_ADD_DAY, _ADD_SLOT, _ADD_HOME = (
    Insert(table, (*keys, *sums), add_up(table)) for table, (keys, sums) in _TABLES.items()
)
_DROP_EMPTY_DAY: Final = """
    DELETE FROM agg_day
    WHERE dimension = ? AND day = ? AND key = ? AND frozen = ? AND requests = 0
"""
_DROP_EMPTY_HOME: Final = """
    DELETE FROM agg_home
    WHERE dimension = ? AND day = ? AND key = ? AND frozen = ? AND currency = ? AND requests = 0
"""
_NOTE: Final = """
    INSERT INTO slot_change (dimension, key, taken, slot) VALUES (?, ?, 0, ?)
    ON CONFLICT (dimension, key, taken) DO UPDATE SET slot = MIN(slot, excluded.slot)
"""
_NEVER: Final = 2**62

# The earliest quarter of an hour that is already noted, by (dimension, key).
type Noted = dict[tuple[int, int], int]


@lru_cache(maxsize=4_096)
def keys_of(ids: Ids) -> tuple[tuple[int, int], ...]:
    """Return the key of a combination's rows in each dimension, its tags' aside."""
    series, device, endpoint, model, user = ids
    return (
        (_SERIES, series),
        (_TOTAL, 0),
        (_DEVICE, device),
        (_ENDPOINT, endpoint),
        (_MODEL, model),
        (_USER, user),
        (_USER_MODEL, user_model_key(user, model)),
    )


def event_vector(
    failed: int, tokens: Sequence[int], picos: int | None, latency: int | None
) -> Vector:
    """Return what one event adds to every sum it belongs to; ``tokens`` as in TOKEN_FIELDS."""
    return (
        1,
        failed,
        int(tokens[0] == tokens[1] == 0),
        *tokens,
        picos or 0,
        int(picos is None),
        latency or 0,
        int(latency is not None),
    )


def user_model_key(user: int, model: int) -> int:
    """Return the key of the dimension USER_MODEL."""
    return (user << USER_MODEL_SHIFT) | model


def split_user_model(key: int) -> tuple[int, int]:
    """Return the user and the model of a key of the dimension USER_MODEL."""
    return key >> USER_MODEL_SHIFT, key & ((1 << USER_MODEL_SHIFT) - 1)


class Changes:
    """Changes to the aggregates, gathered before they are written."""

    def __init__(self) -> None:
        """Start with none."""
        self._series: Gathered[tuple[Ids, int, int, int]] = {}
        self._tags: Gathered[tuple[int, int, int]] = {}
        self._home: Gathered[tuple[Ids, int, int, str]] = {}
        self._home_tags: Gathered[tuple[int, int, int, str]] = {}

    def add(
        self, ids: Ids, tags: Iterable[int], *, time: int, day: int, frozen: int, vector: Vector
    ) -> None:
        """Add one event's vector; its time in µs, its local day as an ordinal."""
        _gather(self._series, (ids, time // SLOT_US, day, frozen), vector)
        for tag in tags:
            _gather(self._tags, (tag, day, frozen), vector)

    def add_home(
        self,
        ids: Ids,
        tags: Iterable[int],
        *,
        day: int,
        frozen: int,
        home: HomeCost | None,
        sign: int = 1,
    ) -> None:
        """Add what one event costs in the household's currency, or with ``sign`` -1 subtract it."""
        if home is None:
            return
        picos, currency = home
        vector = (sign, sign * picos)
        _gather(self._home, (ids, day, frozen, currency), vector)
        for tag in tags:
            _gather(self._home_tags, (tag, day, frozen, currency), vector)

    def rows(self) -> tuple[Sums[tuple[int, int, int, int]], Sums[tuple[int, int, int]]]:
        """Return the changes to ``agg_day``, by (dimension, day, key, frozen), and ``agg_slot``.

        The latter by (dimension, slot, key): requests, prompt, response and cost.
        """
        days: Gathered[tuple[int, int, int, int]] = {}
        slots: Gathered[tuple[int, int, int]] = {}
        for (ids, slot, day, frozen), vector in _sums(self._series).items():
            for dimension, key in keys_of(ids):
                _gather(days, (dimension, day, key, frozen), vector)
            values = vector[0], vector[3], vector[4], vector[9]
            _gather(slots, (_TOTAL, slot, 0), values)
            _gather(slots, (_DEVICE, slot, ids[1]), values)
            _gather(slots, (_MODEL, slot, ids[3]), values)
        for (tag, day, frozen), vectors in self._tags.items():
            days[_TAG, day, tag, frozen] = vectors
        return _sums(days), _sums(slots)

    def home_rows(self) -> Sums[tuple[int, int, int, int, str]]:
        """Return the changes to ``agg_home`` by (dimension, day, key, frozen, currency)."""
        rows: Gathered[tuple[int, int, int, int, str]] = {}
        for (ids, day, frozen, currency), vector in _sums(self._home).items():
            for dimension, key in keys_of(ids):
                _gather(rows, (dimension, day, key, frozen, currency), vector)
        for (tag, day, frozen, currency), vectors in self._home_tags.items():
            rows[_TAG, day, tag, frozen, currency] = vectors
        return _sums(rows)

    def apply(
        self, db: sqlite3.Connection, *, may_empty: bool = False, noted: Noted | None = None
    ) -> None:
        """Write the changes within the caller's transaction.

        ``may_empty``: days that no longer sum any request are removed, as a day without an event
        has no row. A quarter of an hour stays with zeros: whoever has written down its sums must
        learn that there are none any more. ``noted``: see ``note_slots``.
        Raises sqlite3.IntegrityError or OverflowError where a sum leaves 64 bits.
        """
        days, slots = self.rows()
        _ADD_DAY.rows(db, _flat(days))
        _ADD_SLOT.rows(db, _flat(slots))
        note_slots(db, slots, noted)
        if may_empty:
            db.executemany(_DROP_EMPTY_DAY, list(days))
        if self._home:
            home = self.home_rows()
            _ADD_HOME.rows(db, _flat(home))
            lessened = [key for key, (requests, _) in home.items() if requests < 0]
            db.executemany(_DROP_EMPTY_HOME, lessened)


def note_slots(
    db: sqlite3.Connection, slots: Iterable[tuple[int, int, int]], noted: Noted | None = None
) -> None:
    """Note which (dimension, slot, key) have changed, within the caller's transaction.

    Only the earliest slot of a series is kept, so most transactions have nothing to write.
    ``noted`` remembers what is kept already; to be cleared after a rollback, and when it is taken.
    """
    known, fresh = {} if noted is None else noted, {}
    for dimension, slot, key in slots:
        series = dimension, key
        if slot < known.get(series, _NEVER):
            known[series] = fresh[series] = slot
    db.executemany(_NOTE, [(*series, slot) for series, slot in fresh.items()])


def _gather[Key](gathered: Gathered[Key], key: Key, vector: Vector) -> None:
    found = gathered.get(key)
    if found is None:
        gathered[key] = vector
    elif isinstance(found, list):
        found.append(vector)
    else:
        gathered[key] = [found, vector]


def _sums[Key](gathered: Gathered[Key]) -> Sums[Key]:
    return {
        key: tuple(map(sum, zip(*vectors, strict=True))) if isinstance(vectors, list) else vectors
        for key, vectors in gathered.items()
    }


def _flat(sums: Mapping[tuple[Any, ...], Vector]) -> list[object]:
    """Return keys and sums value by value and row after row."""
    return [*chain.from_iterable(chain.from_iterable(sums.items()))]
