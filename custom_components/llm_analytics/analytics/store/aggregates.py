"""The sums that every answer over whole days and hours is read from.

One event changes ``agg_day`` for each dimension it belongs to, and ``agg_slot`` for three of
them. The changes of many events are gathered in dictionaries, first by series and day, so that
they cost one upsert per row touched, not per event. The same code subtracts (a deletion) by a sign,
so adding and removing cannot drift apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from operator import add
import sqlite3
from typing import Final

from ..models import HomeCost
from ..periods import SLOT_US
from ..totals import TOTAL_NAMES
from .dimensions import Ids

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
NOTHING: Final[Vector] = (0,) * len(TOTAL_NAMES)
# Behind a vector: how many requests have a cost in the household's currency, and that cost.
_NO_HOME: Final = (0, 0)
# A local day as an ordinal, whether it is frozen, and the household's currency if there is one.
type Day = tuple[int, int, str | None]
# A dimension and an id of it.
type Key = tuple[int, int]
type Gathered[K] = dict[K, Vector]


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


def _add_rows(table: str) -> str:
    keys, sums = _TABLES[table]
    columns = (*keys, *sums)
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {add_up(table)}"


_ADD_DAY, _ADD_SLOT, _ADD_HOME = map(_add_rows, _TABLES)
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
def keys_of(ids: Ids, tags: tuple[int, ...]) -> tuple[Key, ...]:
    """Return the key of a combination's rows in each dimension, those of agg_slot first."""
    series, device, endpoint, model, user = ids
    return (
        (_TOTAL, 0),
        (_DEVICE, device),
        (_MODEL, model),
        (_SERIES, series),
        (_ENDPOINT, endpoint),
        (_USER, user),
        (_USER_MODEL, user_model_key(user, model)),
        *((_TAG, tag) for tag in tags),
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
        self._series: Gathered[tuple[Ids, tuple[int, ...], int, Day]] = {}
        self.events = 0
        self.picos = 0  # of both currencies: no sum changes by more

    def add(
        self,
        ids: Ids,
        tags: tuple[int, ...],
        *,
        time: int,
        day: int,
        frozen: int,
        vector: Vector = NOTHING,
        home: HomeCost | None = None,
        sign: int = 1,
    ) -> None:
        """Add what one event counts and costs, or with ``sign`` -1 subtract it.

        Its time in µs, its local day as an ordinal; ``home`` is its cost in the household's
        currency.
        """
        if home is None:
            currency, vector = None, vector + _NO_HOME
        else:
            picos, currency = home
            vector = (*vector, 1, picos)
            self.picos += picos
        self.events += 1
        self.picos += vector[9]
        if sign < 0:
            vector = tuple(-value for value in vector)
        series = ids, tags, time // SLOT_US, (day, frozen, currency)
        _gather(self._series, (series,), vector)

    @property
    def combined(self) -> int:
        """Return in how many combinations of names, day and quarter of an hour it is gathered."""
        return len(self._series)

    def take(self, others: Changes) -> None:
        """Add what others have gathered."""
        self.events += others.events
        self.picos += others.picos
        for series, vector in others._series.items():
            _gather(self._series, (series,), vector)

    def _gathered(self) -> tuple[dict[Day, Gathered[Key]], dict[int, Gathered[Key]]]:
        """Return the changes by day, and those to requests, prompt, response and cost by slot."""
        days: defaultdict[Day, Gathered[Key]] = defaultdict(dict)
        slots: defaultdict[int, Gathered[Key]] = defaultdict(dict)
        for (ids, tags, slot, day), vector in self._series.items():
            keys = keys_of(ids, tags)
            _gather(days[day], keys, vector)
            values = vector[0], vector[3], vector[4], vector[9]
            _gather(slots[slot], keys[: len(SLOT_DIMENSIONS)], values)
        return days, slots

    def apply(
        self, db: sqlite3.Connection, *, may_empty: bool = False, noted: Noted | None = None
    ) -> None:
        """Write the changes within the caller's transaction.

        ``may_empty``: days that no longer sum any request are removed, as a day without an event
        has no row. A quarter of an hour stays with zeros: a copy of its sums must learn that
        there are none any more. ``noted``: see ``note_slots``.
        Raises sqlite3.IntegrityError or OverflowError where a sum leaves 64 bits.
        """
        days, slots = self._gathered()
        of_days: list[tuple[object, ...]] = []
        of_home: list[tuple[object, ...]] = []
        lessened: list[tuple[int, int, int, int, str]] = []
        for (day, frozen, currency), gathered in days.items():
            for (dimension, key), vector in gathered.items():
                totals, home = vector[: len(NOTHING)], vector[len(NOTHING) :]
                if any(totals):
                    of_days.append((dimension, day, key, frozen, *totals))
                if currency is not None:
                    of_home.append((dimension, day, key, frozen, currency, *home))
                    if home[0] < 0:
                        lessened.append((dimension, day, key, frozen, currency))
        db.executemany(_ADD_DAY, of_days)
        db.executemany(_ADD_HOME, of_home)
        db.executemany(_DROP_EMPTY_HOME, lessened)
        if may_empty:
            db.executemany(_DROP_EMPTY_DAY, _day_keys(days))
        of_slots: list[tuple[int, ...]] = []
        changed: list[tuple[int, int, int]] = []
        for slot, gathered in slots.items():
            for (dimension, key), values in gathered.items():
                if any(values):
                    of_slots.append((dimension, slot, key, *values))
                    changed.append((dimension, slot, key))
        db.executemany(_ADD_SLOT, of_slots)
        note_slots(db, changed, noted)


def _day_keys(days: Mapping[Day, Iterable[Key]]) -> Iterator[tuple[int, int, int, int]]:
    for (day, frozen, _), keys in days.items():
        for dimension, key in keys:
            yield dimension, day, key, frozen


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


def _gather[K](gathered: Gathered[K], keys: Iterable[K], vector: Vector) -> None:
    for key in keys:
        found = gathered.get(key)
        gathered[key] = vector if found is None else tuple(map(add, found, vector, strict=True))
