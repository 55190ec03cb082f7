"""Sums of recorded events that are written with a later batch under load.

When many events arrive in a short time, most of the work and most pages of a commit would be sums
that the next commit changes again. So sums of up to 8,000 events wait in memory and are written
with a later batch. They are derived data: ``ledger.summed`` says up to which event the sums of the
file are complete, and the rest is added when the file is opened (``corrections.catch_up``).

Readers always see complete sums: ``settle`` runs before all other work on the file, and while a
reader waits for its snapshot, sums are written in the transaction of their events. If the disk is
full, sums are completed in a transaction for the reader, which is rolled back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
import sqlite3
import time
from typing import Final

from ..limits import MAX_MS, MAX_TOKENS
from .aggregates import Changes, Dimension, Noted
from .database import transaction

# Seconds since the last batch within which there is much, or since somebody's work on the file.
_SOON: Final = 0.1
# How many events may wait, and in how many combinations of names, day and quarter of an hour: on
# these it depends how long it takes to write their sums.
_MOST_EVENTS: Final = 8_000
_MOST_COMBINED: Final = 500
# A sum that leaves 64 bits refuses the event that brings it, so sums that may come near do not
# wait. Beside money, an event adds no more than this to any sum.
_FAR: Final = 2**61
_MOST_OF_ONE: Final = max(MAX_MS * 1_000, MAX_TOKENS)
_GREATEST: Final = f"""
    SELECT MAX(
        (SELECT COALESCE(MAX(MAX(prompt, response, cost, latency)), 0) FROM agg_day
         WHERE dimension = {Dimension.TOTAL:d}),
        (SELECT COALESCE(MAX(cost), 0) FROM agg_home WHERE dimension = {Dimension.TOTAL:d})
    )
"""


class DeferredSums:
    """The sums of one file; used on the writing thread.

    ``noted`` holds the quarters of an hour that ``note_slots`` has kept.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        """Start with complete sums."""
        self._db = db
        self.noted: Noted = {}
        self._waiting = Changes()
        self._fresh = Changes()
        self._written = self._open = False
        self._greatest: int | None = None
        self._committed_at = self._disturbed_at = -_SOON
        self._readers: set[object] = set()

    @property
    def behind(self) -> bool:
        """Return whether the file's sums lack events, or may when a transaction has ended."""
        return self._open or self._waiting.events > 0

    @contextmanager
    def read(self) -> Iterator[Callable[[], None]]:
        """Write sums with their events while a reader waits; called in the event loop.

        Yields a function to call, on any thread, as soon as the reader has its snapshot.
        """
        reader = object()
        self._readers.add(reader)
        seen = partial(self._readers.discard, reader)
        try:
            yield seen
        finally:
            seen()

    def add(self, changes: Changes, last_event: int) -> None:
        """Add what a batch has brought up to an event, within its transaction.

        ``committed`` or ``rolled_back`` has to follow. Raises sqlite3.IntegrityError or
        OverflowError where a sum leaves 64 bits.
        """
        # A reader registers before it checks this, so one of both is always seen.
        self._open = True
        self._fresh = changes
        self._written = not self._may_wait()
        if self._written:
            self._write(last_event)

    def committed(self) -> None:
        """Note that the last addition is in the file, or waits in memory."""
        self._committed_at = time.monotonic()
        fresh, self._fresh = self._fresh, Changes()
        if self._written:
            if self._greatest is not None:
                self._greatest += _most(fresh)  # with what had waited
            self._waiting, self._written = Changes(), False
        else:
            self._waiting.take(fresh)
        self._open = False

    def rolled_back(self) -> None:
        """Note that the last addition is not in the file."""
        self._fresh, self._written, self._open = Changes(), False, False
        self.noted.clear()

    def settle(self) -> None:
        """Complete the file's sums, in a transaction of their own."""
        if not self.behind:
            return
        try:
            with transaction(self._db):
                self._complete()
        except BaseException:
            self.rolled_back()
            raise
        self._written = True
        self.committed()

    def completed_for[T](self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``read`` returns with complete sums, in a file that cannot be written now."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._complete()
            return read(self._db)
        finally:
            self.rolled_back()
            if self._db.in_transaction:  # a failing disk has made SQLite roll back by itself
                self._db.execute("ROLLBACK")

    def _complete(self) -> None:
        self._write(self._db.execute("SELECT last_event FROM ledger").fetchone()[0])

    def make_way(self) -> None:
        """Complete the sums of the file before other work on it.

        More of it usually follows, so sums do not wait for a while.
        """
        self.settle()
        self._greatest = None
        self._disturbed_at = time.monotonic()

    def _may_wait(self) -> bool:
        waiting, fresh = self._waiting, self._fresh
        lately = time.monotonic() - _SOON
        if (
            self._readers
            or waiting.events + fresh.events > _MOST_EVENTS
            or waiting.combined + fresh.combined > _MOST_COMBINED
            or not self._disturbed_at < lately < self._committed_at
        ):
            return False
        if self._greatest is None:
            self._greatest = self._db.execute(_GREATEST).fetchone()[0]
        return self._greatest + _most(waiting) + _most(fresh) < _FAR

    def _write(self, last_event: int) -> None:
        self._fresh.take(self._waiting)
        self._fresh.apply(self._db, noted=self.noted)
        self._db.execute("UPDATE ledger SET summed = ?", (last_event,))


def _most(changes: Changes) -> int:
    """Return what no sum changes by more than."""
    return changes.picos + changes.events * _MOST_OF_ONE
