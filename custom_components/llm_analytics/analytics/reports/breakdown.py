"""Sums by one dimension over time: the series of a stacked chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..directory import NOBODY, Directory
from ..models import ANONYMOUS, model_name
from ..money import from_pico
from ..periods import DAY, MICROSECOND, Days, day_span
from ..store import filters
from ..store.aggregates import Dimension
from ..store.counters import read_first_day
from ..store.day_sums import Window, read_sums
from ..store.dimensions import NONE
from ..totals import Json, Totals
from ..trends.metrics import Interval, interval_start, interval_starts
from .statistics import EVERYTHING

_OTHER: Final = "other"


class By(StrEnum):
    """What a breakdown is by."""

    DEVICE = "device"
    PROVIDER = "provider"
    MODEL = "model"
    ENDPOINT = "endpoint"
    USER = "user"
    TAG = "tag"


_GROUPS = {
    By.DEVICE: Dimension.DEVICE,
    By.PROVIDER: Dimension.MODEL,
    By.MODEL: Dimension.MODEL,
    By.ENDPOINT: Dimension.ENDPOINT,
    By.USER: Dimension.USER,
    By.TAG: Dimension.TAG,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a stacked chart: its key, its name, and its sums by point."""

    key: str | None
    name: str | None
    points: Mapping[date, Totals]

    @property
    def tokens(self) -> int:
        """Return the tokens of all points."""
        return sum(totals.tokens for totals in self.points.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Series for a stacked chart; those beyond ``top`` (by tokens) are summed up as other.

    What belongs to no device comes after every device.
    """

    by: By
    interval: Interval
    points: Sequence[date]
    series: Sequence[Series]
    top: int

    def as_dict(self) -> dict[str, Json]:
        """Return the breakdown as the API writes it."""
        ranked = sorted(self.series, key=lambda one: (one.key is None, -one.tokens, one.key or ""))
        shown, rest = ranked[: self.top], ranked[self.top :]
        rows = [self._row(one.key, one.name, [one]) for one in shown]
        if rest:
            rows.append(self._row(_OTHER, _OTHER, rest))
        return {
            "by": self.by,
            "interval": self.interval,
            "points": [day.isoformat() for day in self.points],
            "series": rows,
        }

    def _row(self, key: str | None, name: str | None, summed: Sequence[Series]) -> Json:
        columns = [[one.points[day] for one in summed if day in one.points] for day in self.points]
        return {
            "key": key,
            "name": name,
            "requests": [sum(totals.requests for totals in column) for column in columns],
            "tokens": [sum(totals.tokens for totals in column) for column in columns],
            "cost": [from_pico(sum(totals.cost for totals in column)) for column in columns],
        }


def read_breakdown(
    db: sqlite3.Connection,
    by: By,
    interval: Interval,
    top: int,
    wanted: Window,
    *,
    today: date,
    zone: ZoneInfo,
    directory: Directory = NOBODY,
) -> Breakdown:
    """Return sums by one dimension and point in time; nothing of tomorrow, as in every chart."""
    rows = read_sums(db, wanted, EVERYTHING, group=_GROUPS[by], by_day=True, zone=zone)
    found: dict[tuple[str | None, str | None], dict[date, Totals]] = {}
    known = filters.names(db, _GROUPS[by].name.lower())
    days = _covered(db, wanted, today=today, zone=zone)
    for (ordinal, key), totals in rows.items():
        assert ordinal is not None
        if ordinal > today.toordinal():  # a clock a little ahead
            continue
        name = _identity(by, known.get(key or NONE), directory)
        point = interval_start(interval, date.fromordinal(ordinal))
        points = found.setdefault(name, {})
        points[point] = points.get(point, Totals()) + totals
    return Breakdown(
        by=by,
        interval=interval,
        points=interval_starts(interval, days),
        series=[Series(*name, points) for name, points in found.items()],
        top=top,
    )


def read_seen(db: sqlite3.Connection, by: By, directory: Directory) -> dict[str, str | None]:
    """Return every key of a dimension, as a filter takes it, with its name."""
    rows: list[tuple[str | None, ...] | None] = [None] if by is By.USER else []
    rows.extend(filters.names(db, _GROUPS[by].name.lower()).values())
    named = [_identity(by, row, directory) for row in rows]
    return {key: name for key, name in named if key is not None}


def _identity(
    by: By, row: tuple[str | None, ...] | None, directory: Directory
) -> tuple[str | None, str | None]:
    """Return a series' key and name."""
    if row is None:
        return (ANONYMOUS, ANONYMOUS) if by is By.USER else (None, None)
    match by:
        case By.DEVICE:
            return row[0], row[1] or directory.device(row[0]).name
        case By.USER:
            return row[0], directory.user_name(row[0]) or row[0]
        case By.PROVIDER:
            return row[0], row[0]
        case By.MODEL:
            name = model_name(row[0] or "", row[1])
            return name, name
        case _:
            return row[0], row[0]


def _covered(db: sqlite3.Connection, wanted: Window, *, today: date, zone: ZoneInfo) -> Days:
    """Return the local days of a window, from the ledger's first day up to today."""
    parts = [day_span(wanted.days, zone)] if wanted.days is not None else []
    parts += wanted.edges
    first = read_first_day(db)
    if first is None or not parts:
        return Days(today + DAY, today)
    low = min(part.start for part in parts).astimezone(zone).date()
    high = max(part.end for part in parts) - MICROSECOND
    return Days(max(low, first), min(high.astimezone(zone).date(), today))
