"""Making sure of the file after a stop that was not clean, without keeping anybody waiting.

The whole file is read once on a connection of its own while the ledger is already in use, so a
start takes no longer than any other. If it is not sound, closing the ledger keeps it aside and
begins another, which gets what was recorded since the start: no acknowledged event goes with a
file that the next start would have put aside.
"""

from collections.abc import Sequence
from dataclasses import replace
import logging
from pathlib import Path
import sqlite3
from typing import Final

from .checks import MAX_BATCH
from .errors import AnalyticsError, DamagedDatabaseError, StorageError
from .models import CostSource, StoredEvent
from .money import from_pico
from .reader import LedgerReader
from .store.database import open_reader, quick_check
from .store.recording import Pending

_LOGGER = logging.getLogger(__name__)
_STEPS: Final = 10_000  # of SQLite's machine, after which it looks whether to go on


class Soundness(LedgerReader):
    """The part of the ledger that makes sure of its file."""

    _path: Path
    _unchecked: bool
    _unsound: bool

    @property
    def unchecked(self) -> bool:
        """Return whether the file was not closed cleanly and has not been read whole since."""
        return self._unchecked

    async def check(self) -> None:
        """Read the whole file once, if it was not closed cleanly.

        Ends early when the ledger is closed meanwhile. Raises DamagedDatabaseError if the file is
        not sound, StorageError if it cannot be read.
        """
        self._check_open()
        if not self._unchecked:
            return
        try:
            await self._read_whole()
        except DamagedDatabaseError:
            self._unsound = True
            raise
        except StorageError:
            if not self._closed:
                raise
            return
        self._unchecked = False

    async def _read_whole(self) -> None:
        over = False

        def read(db: sqlite3.Connection) -> None:
            db.set_progress_handler(lambda: over or self._closed, _STEPS)
            quick_check(db)

        checker = await open_reader(self._path)
        try:
            await checker.run(read)
        finally:
            over = True
            await checker.close()

    async def take_over(self, events: Sequence[StoredEvent]) -> None:
        """Record another ledger's events as they were stored there; what cannot be is logged."""
        for start in range(0, len(events), MAX_BATCH):
            pending = [_pending(event) for event in events[start : start + MAX_BATCH]]
            try:
                await self._writer.submit(pending)
            except AnalyticsError:
                _LOGGER.exception("%s events could not be taken over", len(pending))


def _pending(event: StoredEvent) -> Pending:
    usage = event.usage
    if event.price.source is CostSource.REPORTED and event.price.picos is not None:
        usage = replace(usage, cost_estimate=from_pico(event.price.picos))
    return usage, event.timestamp
