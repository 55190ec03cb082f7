"""Briefs: a period in a few figures, short enough to be spoken.

A stretch that is not over yet is set against the one before up to the same point, since a part
against a whole always looks down; one that is over against the whole one before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
import sqlite3
from typing import Final
from zoneinfo import ZoneInfo

from ..directory import Directory
from ..models import ANONYMOUS, model_name
from ..money import from_pico, rounded
from ..periods import DAY, Days, Period, period_days
from ..store.day_sums import Window, read_totals
from ..store.filters import ResolvedFilter
from ..totals import Json, Totals, sum_totals
from ..trends.comparison import read_to_same_time
from ..trends.metrics import Metric, metric_shown, metric_value
from ..trends.robust_statistics import percent_change
from .rankings import DeviceTotals, by_place, read_devices, read_models, read_persons, read_users

TOP: Final = 5
_UNKNOWN: Final = "unknown"
_OTHER: Final = "other"


class Stretch(StrEnum):
    """A stretch of time as people call it."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    THIS_WEEK = "this_week"
    LAST_WEEK = "last_week"
    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"


class Part(StrEnum):
    """What a brief can be split by."""

    MODEL = "model"
    DEVICE = "device"
    ROOM = "room"
    PERSON = "person"
    USER = "user"


_PERIODS: Final = {
    Stretch.TODAY: Period.DAY,
    Stretch.YESTERDAY: Period.DAY,
    Stretch.THIS_WEEK: Period.WEEK,
    Stretch.LAST_WEEK: Period.WEEK,
    Stretch.THIS_MONTH: Period.MONTH,
    Stretch.LAST_MONTH: Period.MONTH,
}
_RUNNING: Final = {Stretch.TODAY, Stretch.THIS_WEEK, Stretch.THIS_MONTH}


def stretch_days(stretch: Stretch, *, today: date) -> tuple[Days, Days, bool]:
    """Return a stretch's days, those to set it against, and whether to cut the last of these.

    Where the earlier month is too short to have such a day, the whole of it is taken.
    """
    period = _PERIODS[stretch]
    days = period_days(period, today)
    before = period_days(period, days.first - DAY)
    if stretch not in _RUNNING:
        return before, period_days(period, before.first - DAY), False
    last = before.first + (today - days.first)
    running = Days(days.first, today)
    return running, Days(before.first, min(last, before.last)), last <= before.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a stretch of time came to, and what the one before did, or had by then.

    ``currency`` is the household's own, None where it asked for none.
    """

    stretch: Stretch
    days: Days
    totals: Totals
    before: Mapping[Metric, int]
    before_days: Days
    to_same_time: bool
    part: Part | None
    rows: Sequence[tuple[str | None, Totals]]
    currency: str | None = None

    def as_dict(self) -> dict[str, Json]:
        """Return the brief in figures that explain themselves; money is exact."""
        cost = self.before[Metric.COST]
        answer: dict[str, Json] = {
            "period": self.stretch.value,
            "first_day": self.days.first.isoformat(),
            "last_day": self.days.last.isoformat(),
            **self._figures(self.totals),
            "failed_requests": self.totals.failed,
            "unpriced_requests": self.totals.unpriced,
            "before": {
                "first_day": self.before_days.first.isoformat(),
                "last_day": self.before_days.last.isoformat(),
                "up_to_the_same_time": self.to_same_time,
                "requests": self.before[Metric.REQUESTS],
                "tokens": self.before[Metric.USAGE],
                "cost_usd": metric_shown(Metric.COST, cost),
            },
            "cost_change_percent": (
                rounded(percent_change(cost, self.totals.cost)) if cost else None
            ),
        }
        if self.currency is not None:
            answer["home_currency"] = self.currency
            answer["unconverted_requests"] = self.totals.in_home_currency(self.currency)[
                "unconverted_requests"
            ]
        if self.part is not None:
            name = self.part.value
            answer["by"] = name
            answer["rows"] = [
                {name: what, **self._figures(totals)} for what, totals in self._shown()
            ]
        return answer

    def _figures(self, totals: Totals) -> dict[str, Json]:
        figures: dict[str, Json] = {
            "requests": totals.requests,
            "tokens": totals.tokens,
            "cost_usd": from_pico(totals.cost),
        }
        if self.currency is not None:
            figures["home_cost"] = from_pico(totals.home)
        return figures

    def _shown(self) -> Iterable[tuple[str, Totals]]:
        """Return the rows of the highest cost, the others summed up."""
        ranked = sorted(
            ((name or _UNKNOWN, totals) for name, totals in self.rows),
            key=lambda row: (-row[1].cost, -row[1].tokens, row[0]),
        )
        shown, rest = ranked[:TOP], ranked[TOP:]
        return [*shown, (_OTHER, sum_totals(totals for _, totals in rest))] if rest else shown


def device_label(row: DeviceTotals) -> str | None:
    """Return what to call a device: its name, else its address or id, None for no device."""
    return row.name or row.known.name or (row.key or "").partition(":")[2] or row.key


_EVERYTHING = ResolvedFilter()


def read_brief(
    db: sqlite3.Connection,
    stretch: Stretch,
    part: Part | None,
    *,
    now: datetime,
    zone: ZoneInfo,
    directory: Directory,
    currency: str | None = None,
) -> Brief:
    """Return a stretch of time in a few figures."""
    now = now.astimezone(zone)
    days, before_days, cut = stretch_days(stretch, today=now.date())
    window = Window(days)
    if cut:
        before = read_to_same_time(db, before_days, _EVERYTHING, now, zone)
    else:
        totals = read_totals(db, Window(before_days), _EVERYTHING, zone)
        before = {metric: metric_value(metric, totals) for metric in Metric}
    return Brief(
        stretch=stretch,
        days=days,
        totals=read_totals(db, window, _EVERYTHING, zone, currency),
        before=before,
        before_days=before_days,
        to_same_time=cut,
        part=part,
        rows=[] if part is None else _rows(db, part, window, zone, directory, currency),
        currency=currency,
    )


def _rows(
    db: sqlite3.Connection,
    part: Part,
    window: Window,
    zone: ZoneInfo,
    directory: Directory,
    currency: str | None,
) -> Sequence[tuple[str | None, Totals]]:
    asked = db, window, _EVERYTHING, zone
    match part:
        case Part.MODEL:
            models = read_models(*asked, currency)
            return [(model_name(row.provider, row.model), row.totals) for row in models]
        case Part.DEVICE:
            devices = read_devices(*asked, directory, currency)
            return [(device_label(row), row.totals) for row in devices]
        case Part.ROOM:
            devices = read_devices(*asked, directory, currency)
            return by_place((row.known.area, row.totals) for row in devices)
        case Part.PERSON:
            return read_persons(*asked, directory, currency)
        case _:
            users = read_users(*asked, directory, currency)
            return [(row.name or row.user or ANONYMOUS, row.totals) for row in users]
