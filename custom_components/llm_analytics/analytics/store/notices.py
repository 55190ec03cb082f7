"""Remembering what has been announced."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
import sqlite3
from typing import Final

from ..notices import Notice, NoticeKind
from ..pricing import PriceBook
from .database import transaction

# Longer than any period that a notice can be about; the file does not grow with the years.
_KEPT_DAYS: Final = 400
_NO_DAY: Final = 0


def announce(db: sqlite3.Connection, notices: Sequence[Notice], today: date) -> list[Notice]:
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
        db.execute(
            "DELETE FROM notice WHERE day > ? AND day < ?",
            (_NO_DAY, today.toordinal() - _KEPT_DAYS),
        )
    return fresh


def look(db: sqlite3.Connection, budgets: Collection[str], day: date) -> None:
    """Note the local day of a look at these budgets; what was told of any other is forgotten."""
    with transaction(db):
        db.execute("UPDATE ledger SET looked = ?", (day.toordinal(),))
        told = db.execute("SELECT key FROM notice WHERE kind = ?", (NoticeKind.BUDGET,)).fetchall()
        db.executemany(
            "DELETE FROM notice WHERE kind = ? AND key = ?",
            [(NoticeKind.BUDGET, key) for (key,) in told if key.partition("/")[0] not in budgets],
        )


def forget_priced(db: sqlite3.Connection, book: PriceBook, now: datetime) -> None:
    """Let models that have a price now be announced again, should they lose it."""
    announced = db.execute(
        "SELECT key FROM notice WHERE kind = ?", (NoticeKind.UNPRICED_MODEL,)
    ).fetchall()
    for (key,) in announced:
        provider, _, model = key.partition("/")
        if book.step(provider, model, None, now) is not None:
            db.execute(
                "DELETE FROM notice WHERE kind = ? AND key = ?", (NoticeKind.UNPRICED_MODEL, key)
            )


def _ordinal(day: date | None) -> int:
    return _NO_DAY if day is None else day.toordinal()
