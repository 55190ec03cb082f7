"""Announcements that are made once: a crossed budget, an anomaly, a missing price.

What has been announced is kept in the ledger's own file, so neither a restart nor a second look
announces it again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
import sqlite3
from typing import Final

from .ledger import Ledger
from .store.counters import read_last_confirmed_day
from .store.database import transaction

# Longer than any period that a notice can be about; the file does not grow with the years.
_KEPT_DAYS: Final = 400
_NO_DAY: Final = 0


class NoticeKind(StrEnum):
    """What a notice is about."""

    ANOMALY = "anomaly"
    BUDGET = "budget"
    UNPRICED_MODEL = "unpriced_model"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be announced once for a key and a local day; None: once whatever the day."""

    kind: NoticeKind
    key: str
    day: date | None = None


def store_announced(db: sqlite3.Connection, notices: Sequence[Notice], today: date) -> list[Notice]:
    """Note what is announced now and return it: those of the notices that never were before."""
    with transaction(db):
        fresh = [
            notice
            for notice in notices
            if db.execute(
                "INSERT INTO notice (kind, key, day) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (notice.kind, notice.key, _ordinal(notice.day)),
            ).rowcount
        ]
        # The clock alone forgets nothing, or a wrong one would have everything announced again.
        if (confirmed := read_last_confirmed_day(db)) is not None:
            db.execute(
                "DELETE FROM notice WHERE day > ? AND day < ?",
                (_NO_DAY, min(today, confirmed).toordinal() - _KEPT_DAYS),
            )
    return fresh


def store_look(db: sqlite3.Connection, budgets: Collection[str], day: date) -> None:
    """Note the local day on which these budgets were checked; notices of other budgets go."""
    with transaction(db):
        db.execute("UPDATE ledger SET looked = ?", (day.toordinal(),))
        told = db.execute("SELECT key FROM notice WHERE kind = ?", (NoticeKind.BUDGET,)).fetchall()
        db.executemany(
            "DELETE FROM notice WHERE kind = ? AND key = ?",
            [(NoticeKind.BUDGET, key) for (key,) in told if key.partition("/")[0] not in budgets],
        )


def _ordinal(day: date | None) -> int:
    return _NO_DAY if day is None else day.toordinal()


class NoticeBoard:
    """Remembers what has been announced."""

    def __init__(self, ledger: Ledger) -> None:
        """Work with an open ledger."""
        self._ledger = ledger

    async def announce(self, notices: Sequence[Notice]) -> list[Notice]:
        """Return those of the notices that have not been announced yet; now they have been."""
        today = self._ledger.today()
        return await self._ledger.write(lambda db: store_announced(db, notices, today))

    async def looked(self, budgets: Collection[str], day: date) -> None:
        """Note that these budgets were checked on a local day; notices of other budgets go."""
        keys = frozenset(budgets)
        await self._ledger.write(lambda db: store_look(db, keys, day))
