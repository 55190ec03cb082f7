"""Making sure of the file after a stop that was not clean, without keeping anybody waiting.

The whole file is read once on a connection of its own while the ledger is already in use, so a
start takes no longer than any other. If it is not sound, closing the ledger keeps it aside and
begins another, which gets what was recorded since the start: no acknowledged event goes with a
file that the next start would have put aside.
"""

import logging
import sqlite3
from typing import Final

from ..errors import DamagedDatabaseError, StorageError
from ..ledger import Ledger
from ..store.database import open_reader, quick_check

_LOGGER = logging.getLogger(__name__)
_STEPS: Final = 10_000  # of SQLite's machine, after which it looks whether to go on


class IntegrityCheck:
    """Makes sure of a file that was not closed cleanly."""

    def __init__(self, ledger: Ledger) -> None:
        """Work with an open ledger."""
        self._ledger = ledger
        self._unchecked = not ledger.opened.clean_stop
        self.unsound = False

    @property
    def unchecked(self) -> bool:
        """Return whether the file was not closed cleanly and has not been read whole since."""
        return self._unchecked

    async def check(self) -> None:
        """Read the whole file once, if it was not closed cleanly.

        Ends early when the ledger is closed meanwhile. Raises DamagedDatabaseError if the file is
        not sound, StorageError if it cannot be read.
        """
        self._ledger.check_open()
        if not self._unchecked:
            return
        try:
            await self._read_whole()
        except DamagedDatabaseError:
            self.unsound = True
            raise
        except StorageError:
            if not self._ledger.closed:
                raise
            return
        self._unchecked = False

    async def _read_whole(self) -> None:
        over = False

        def read(db: sqlite3.Connection) -> None:
            db.set_progress_handler(lambda: over or self._ledger.closed, _STEPS)
            quick_check(db)

        checker = await open_reader(self._ledger.path)
        try:
            await checker.run(read)
        finally:
            over = True
            await checker.close()
